//! Which Kubernetes object a node belongs to, and the choice of objects that `resource` makes.

use crate::yaml::{NodeId, Stream};

use super::error::ManifestError;
use super::request::ResourceFilter;
use super::{Manifest, error};

/// Kind and name of the innermost object around `node`, so that the items of a List are told apart.
pub(super) fn around<'s>(stream: &'s Stream<'_>, node: NodeId) -> Option<(&'s str, &'s str)> {
    stream
        .ancestors(node)
        .find_map(|mapping| identity(stream, mapping))
}

/// Kind and name of the object that `mapping` is.
fn identity<'s>(stream: &'s Stream<'_>, mapping: NodeId) -> Option<(&'s str, &'s str)> {
    let text = |mapping, key| stream.get(mapping, key).and_then(|id| stream.value(id));
    let kind = text(mapping, "kind")?;
    let metadata = stream.get(mapping, "metadata")?;
    let name = text(metadata, "name").or_else(|| text(metadata, "generateName"))?;
    Some((kind, name))
}

/// Whether some object around `node` is one of those that `filters` choose; all are if there is no
/// filter.
pub(super) fn is_within(stream: &Stream<'_>, node: NodeId, filters: &[ResourceFilter]) -> bool {
    filters.is_empty()
        || stream.ancestors(node).any(|mapping| {
            identity(stream, mapping)
                .is_some_and(|(kind, name)| filters.iter().any(|f| f.chooses(kind, name)))
        })
}

/// Refuses a filter that chooses nothing in any file.
pub(super) fn refuse_unknown(
    manifests: &[Manifest<'_>],
    filters: &[ResourceFilter],
) -> Result<(), ManifestError> {
    let Some(unknown) = filters.iter().find(|filter| {
        let mut objects = manifests.iter().flat_map(|manifest| all(&manifest.stream));
        !objects.any(|(kind, name)| filter.chooses(kind, name))
    }) else {
        return Ok(());
    };
    let held = manifests
        .iter()
        .flat_map(|manifest| all(&manifest.stream))
        .map(|(kind, name)| format!("{kind}/{name}"));
    Err(ManifestError::NoResource {
        wanted: unknown.to_string(),
        files: error::paths(manifests),
        held: error::nearest_texts(held, &unknown.to_string()),
    })
}

/// All objects of a file, nested ones too.
fn all<'s>(stream: &'s Stream<'_>) -> impl Iterator<Item = (&'s str, &'s str)> {
    stream.nodes().filter_map(|(id, _)| identity(stream, id))
}

/// What a person calls the object that `node` belongs to.
pub(super) fn description(manifest: &Manifest<'_>, node: NodeId) -> String {
    let stream = &manifest.stream;
    if let Some((kind, name)) = around(stream, node) {
        return format!("{kind}/{name}");
    }
    let kind = stream
        .ancestors(node)
        .last()
        .and_then(|root| stream.get(root, "kind"))
        .and_then(|kind| stream.value(kind));
    kind.unwrap_or_else(|| manifest.file.path.file_name())
        .to_owned()
}
