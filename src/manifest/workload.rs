//! What runs an image under a name: the containers of pods at any depth and of any kind, so that a
//! CronJob, the items of a List, an Argo Rollout and custom resources nobody has heard of are all found;
//! Compose's services, Tekton's steps, the containers of ECS task definitions.

use super::source;
use crate::yaml::{Content, NodeId, Role, Stream};

/// Whether each item of the list below `key` is a container (Kubernetes' `PodSpec`).
pub(super) fn is_container_list(key: &str) -> bool {
    matches!(key, "containers" | "initContainers" | "ephemeralContainers")
}

/// Whether what is below `key` runs an image each.
fn holds_containers(key: &str, is_mapping: bool) -> bool {
    match key {
        // Compose, whose services are a mapping.
        "services" => is_mapping,
        // Tekton and Argo Workflows.
        "steps" | "sidecars" | "containerDefinitions" => true,
        key => key.ends_with("ontainers"),
    }
}

/// What runs an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Container {
    /// Its name, where it has one.
    pub name: Option<String>,
}

/// The container that `mapping` is: by its `name` in a list, by its key in a mapping. None if it is none.
pub(super) fn container(stream: &Stream<'_>, mapping: NodeId) -> Option<Container> {
    let around = stream[mapping].parent?;
    match stream[mapping].role() {
        Role::Item { .. } if holds_containers(stream.key_of(around)?, false) => Some(Container {
            name: name(stream, mapping),
        }),
        Role::Value { key } => {
            let key = stream.value(key)?;
            let is_in = |key| holds_containers(key, true);
            if stream.key_of(around).is_some_and(is_in) {
                let name = Some(key.to_owned());
                return Some(Container { name });
            }
            // Argo Workflows have one, whose template has the name.
            matches!(key, "container" | "script").then(|| Container {
                name: name(stream, around),
            })
        }
        Role::Root | Role::Key | Role::Item { .. } => None,
    }
}

/// The `name` of an item, if that is written there, also where an alias or a merge key brings it in.
pub(super) fn name(stream: &Stream<'_>, item: NodeId) -> Option<String> {
    let target = |node: NodeId| match stream.content(node) {
        Content::Alias { target, .. } => target,
        _ => node,
    };
    let item = target(item);
    let merged = || stream.get(target(stream.get(item, "<<")?), "name");
    let name = stream.get(item, "name").or_else(merged)?;
    let name = stream.value(target(name))?;
    (!source::is_template(name)).then(|| name.to_owned())
}
