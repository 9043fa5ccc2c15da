//! Where the value of a placeholder comes from.

use super::file::Manifest;
use crate::yaml::{NodeId, Stream};

/// What to do instead of writing over `placeholder`: the place of its value, if one of the files has it.
/// None where a template is all that can be said.
pub(super) fn advice(manifests: &[Manifest<'_>], placeholder: &str) -> Option<String> {
    if let Some(template) = placeholder.strip_prefix("{{")
        && let Some(advice) = of_generators(manifests, template)
    {
        return Some(advice);
    }
    let found = manifests.iter().find_map(|manifest| {
        let node = match placeholder.strip_prefix("{{") {
            Some(template) => in_values(&manifest.stream, template),
            None => value_of(&manifest.stream, name(placeholder)),
        };
        Some((manifest, node?))
    });
    if let Some((manifest, node)) = found {
        return Some(format!(
            "its value is in {}, line {}: set it there, with `set: {}=…` in place of the line in `image`",
            manifest.file.path,
            manifest.line(node),
            manifest.path_by_names(node)
        ));
    }
    match placeholder.chars().next() {
        Some('{') if placeholder.starts_with("{{") => None,
        Some('<') => Some(
            "if nothing does, ask for the image by its repository, without container and `path`"
                .to_owned(),
        ),
        _ => Some(
            "change the value where it comes from, or write the image itself here once".to_owned(),
        ),
    }
}

/// `TAG` of `${TAG}`, `${TAG:?missing}`, `$(TAG)`, `<TAG>`.
fn name(placeholder: &str) -> &str {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let name = placeholder.trim_start_matches(|c| !is_name(c));
    name.split(|c| !is_name(c)).next().unwrap_or_default()
}

/// The scalar that `{{ .Values.image.tag }}` stands for, where the file is the chart's values.
fn in_values(stream: &Stream<'_>, template: &str) -> Option<NodeId> {
    let (_, path) = template.split_once(".Values.")?;
    let end = path.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '.'));
    let path = path.get(..end.unwrap_or(path.len()))?;
    let root = stream.roots().first()?;
    let mut keys = path.split('.');
    let node = keys.try_fold(*root, |node, key| stream.get(node, key))?;
    stream.value(node).map(|_| node)
}

/// What to do instead of writing over `{{ .imageTag }}` in an `ApplicationSet`, whose generators have a value for each
/// application that it makes.
fn of_generators(manifests: &[Manifest<'_>], template: &str) -> Option<String> {
    /// How many values are told of.
    const MOST: usize = 5;
    let name = template.trim_matches(|c: char| c.is_whitespace() || matches!(c, '.' | '}'));
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
    let key = name
        .rsplit('.')
        .next()
        .filter(|_| name.chars().all(is_name))?;
    manifests.iter().find_map(|manifest| {
        let stream = &manifest.stream;
        let is_value = |node: &NodeId| {
            let mut around = stream.ancestors(*node);
            let is_generated = around.any(|node| stream.key_of(node) == Some("generators"));
            let root = stream.ancestors(*node).last();
            let kind = root.and_then(|root| stream.value(stream.get(root, "kind")?));
            is_generated && kind == Some("ApplicationSet")
        };
        let values = stream.nodes().filter_map(|(id, _)| stream.get(id, key));
        let values = values.filter(|node| stream.value(*node).is_some() && is_value(node));
        let lines = values.filter_map(|node| {
            let address = manifest.address(node)?;
            Some(format!("`set: {address}=…` (line {})", manifest.line(node)))
        });
        let lines: Vec<String> = lines.take(MOST).collect();
        (!lines.is_empty()).then(|| {
            format!(
                "its values are in {}: set them there, with {}, in place of the line in `image`",
                manifest.file.path,
                lines.join(" and ")
            )
        })
    })
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
        let by_key = stream.pairs(id);
        let by_key = by_key.filter(|(key, _)| stream.value(*key) == Some(name));
        let by_key = by_key.map(|(_, value)| value).find(is_value);
        let is_named = || {
            let named = stream.get(id, "name")?;
            (stream.value(named) == Some(name)).then(|| stream.get(id, "value"))?
        };
        by_key.or_else(|| is_named().filter(is_value))
    })
}
