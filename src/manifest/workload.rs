//! Containers of workloads: `containers`, `initContainers` and `ephemeralContainers` at any depth,
//! whatever the kind. So a CronJob, the items of a List, an Argo Rollout and custom resources nobody
//! has heard of are all found.

use crate::yaml::{Content, NodeId, Stream};

use super::site::Site;
use super::write::Obstacle;

/// Whether `key` holds a pod's containers (Kubernetes' `PodSpec`).
pub(super) fn is_container_list(key: &str) -> bool {
    matches!(key, "containers" | "initContainers" | "ephemeralContainers")
}

/// The site of the container `item`. None if it is no container at all.
pub(super) fn container(stream: &Stream<'_>, item: NodeId) -> Option<Site> {
    if let Content::Alias { name, target } = &stream[item].content {
        let site = written_container(stream, *target)?;
        return Some(site.through_alias(item, name, stream[*target].line));
    }
    written_container(stream, item)
}

fn written_container(stream: &Stream<'_>, item: NodeId) -> Option<Site> {
    let name = stream
        .get(item, "name")
        .and_then(|name| stream.value(name))
        .map(str::to_owned);
    if let Some(image) = stream.get(item, "image") {
        return Some(Site::whole(stream, image, name));
    }
    let obstacle = match stream.get(item, "<<") {
        Some(merged) => Obstacle::Merged {
            line: match stream[merged].content {
                Content::Alias { target, .. } => stream[target].line,
                _ => stream[merged].line,
            },
        },
        None if name.is_some() => Obstacle::NoImage,
        None => return None,
    };
    Some(Site::without_image(item, name, obstacle))
}
