//! Containers of workloads: `containers`, `initContainers` and `ephemeralContainers` at any depth,
//! whatever the kind. So a CronJob, the items of a List, an Argo Rollout and custom resources nobody
//! has heard of are all found.

use crate::yaml::{Content, NodeId, Stream};

use super::site::{Holder, Obstacle, Site};

/// The lists of a pod's containers (Kubernetes' `PodSpec`).
const CONTAINER_LISTS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

/// One site for each container of the file.
pub(super) fn sites(stream: &Stream<'_>) -> Vec<Site> {
    stream
        .nodes()
        .filter(|(id, _)| {
            stream
                .key_of(*id)
                .is_some_and(|key| CONTAINER_LISTS.contains(&key))
        })
        .flat_map(|(list, _)| stream.items(list))
        .filter_map(|item| container(stream, *item))
        .collect()
}

/// The site of the container `item`. None if it is no container at all.
fn container(stream: &Stream<'_>, item: NodeId) -> Option<Site> {
    // `- *sidecar`: the container is written at its anchor.
    if let Content::Alias { name, target } = &stream[item].content {
        let site = container(stream, *target)?;
        let obstacle = Obstacle::Alias {
            name: name.clone(),
            line: stream[*target].line,
        };
        let holder = match site.holder {
            Holder::Whole(node) => Holder::Follows(node, obstacle),
            _ => Holder::Obstacle(obstacle),
        };
        return Some(Site {
            node: item,
            holder,
            ..site
        });
    }
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
    Some(Site {
        node: item,
        container: name,
        text: String::new(),
        image: None,
        holder: Holder::Obstacle(obstacle),
    })
}
