//! Where the value of a placeholder comes from.

use super::file::Manifest;
use crate::yaml::path::Path;
use crate::yaml::{NodeId, Stream};

/// What to do instead of writing over `placeholder`: the place of its value, if one of the files has it.
pub(super) fn advice(manifests: &[Manifest<'_>], placeholder: &str) -> String {
    let name = name(placeholder);
    for manifest in manifests {
        if let Some(node) = value_of(&manifest.stream, name) {
            return format!(
                "its value is in {}, line {}: set it there, with `set: {}=…`",
                manifest.file.path,
                manifest.line(node),
                Path::by_names(&manifest.stream, node)
            );
        }
    }
    match placeholder.starts_with('<') {
        true => {
            "if nothing does, ask for the image by its repository, without container and `path`"
                .to_owned()
        }
        false => {
            "change the value where it comes from, or write the image itself here once".to_owned()
        }
    }
}

/// `TAG` of `${TAG}`, `$(TAG)`, `<TAG>`.
fn name(placeholder: &str) -> &str {
    placeholder.trim_matches(|c: char| !c.is_ascii_alphanumeric() && c != '_')
}

/// The scalar that `name` stands for: the value of that key, of the item with that name (the `parameters`
/// of an OpenShift template, environment variables).
fn value_of(stream: &Stream<'_>, name: &str) -> Option<NodeId> {
    if name.is_empty() {
        return None;
    }
    let is_value = |node: &NodeId| {
        let value = stream.value(*node);
        value.is_some_and(|value| !value.is_empty())
    };
    stream.nodes().find_map(|(id, _)| {
        let by_key = stream.pairs(id).iter();
        let by_key = by_key.filter(|(key, _)| stream.value(*key) == Some(name));
        let by_key = by_key.map(|(_, value)| *value).find(is_value);
        let is_named = || {
            let named = stream.get(id, "name")?;
            (stream.value(named) == Some(name)).then(|| stream.get(id, "value"))?
        };
        by_key.or_else(|| is_named().filter(is_value))
    })
}
