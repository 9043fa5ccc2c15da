//! What a change to a file did to the images in it, and how to take that back.

use std::collections::HashMap;

use super::{EditRequest, Manifest, ManifestFile, error, resource};
use crate::files::RepoPath;
use crate::yaml::path::{Path, path_of};
use crate::yaml::{Content, Edit, NewValue, NodeId, Role, Scalar, Stream, Style, edit, scalar};

/// What became of one place that holds an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageTransition {
    /// The file.
    pub file: RepoPath,
    /// From 1; in the new text, or in the old one where the place is gone.
    pub line: usize,
    /// As in [`super::ImageChange`].
    pub resource: String,
    /// The name of the container, where the place is in a list of containers.
    pub container: Option<String>,
    /// Where it is within its document.
    pub path: String,
    /// The image before; none where the place is new.
    pub old: Option<String>,
    /// The image after; none where the place is gone.
    pub new: Option<String>,
}

/// The places whose image differs between two versions of a file, in the order of the new one. A
/// version that is no YAML holds no images.
pub fn image_transitions(
    file: &RepoPath,
    before: Option<&[u8]>,
    after: Option<&[u8]>,
) -> Vec<ImageTransition> {
    let (mut before, after) = (places(file, before), places(file, after));
    let mut transitions = Vec::new();
    for mut place in after {
        // The same container, or else the same place.
        let known = before.iter().position(|other| {
            other.resource == place.resource
                && match &place.container {
                    Some(_) => other.container == place.container,
                    None => other.container.is_none() && other.path == place.path,
                }
        });
        place.old = known.and_then(|index| before.remove(index).new);
        if place.old != place.new {
            transitions.push(place);
        }
    }
    let gone = before.into_iter().map(|place| ImageTransition {
        old: place.new,
        new: None,
        ..place
    });
    transitions.extend(gone);
    transitions
}

/// Every image of a file, as if it was new; none of a file that is no YAML.
pub fn images(file: &ManifestFile) -> Vec<ImageTransition> {
    places(&file.path, Some(&file.bytes))
}

/// Every image of a version, as if it was new.
fn places(file: &RepoPath, bytes: Option<&[u8]>) -> Vec<ImageTransition> {
    let Some(bytes) = bytes else {
        return Vec::new();
    };
    let file = ManifestFile {
        path: file.clone(),
        bytes: bytes.to_vec(),
    };
    let Ok(manifest) = Manifest::read(&file, &EditRequest::default()) else {
        return Vec::new();
    };
    let sites = manifest.sites.iter().filter(|site| !site.text.is_empty());
    sites
        .map(|site| {
            let held = error::held(&manifest, site);
            ImageTransition {
                file: held.file,
                line: held.line,
                resource: held.resource,
                container: held.container,
                path: path_of(&manifest.stream, site.node).to_string(),
                old: None,
                new: Some(held.image),
            }
        })
        .collect()
}

/// Why the values that a change set can't be set back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// Somebody has changed the value again since.
    #[error("{path} was changed again since: it is {value:?} now, on line {line}")]
    ChangedSince {
        /// Where, within its document.
        path: String,
        /// From 1.
        line: usize,
        /// What it is now.
        value: String,
    },
    /// The change did more than to set values.
    #[error(
        "the change added or removed keys or items, and others changed the lines around them since"
    )]
    Structure,
    /// The values can't be found or written.
    #[error("{0}")]
    Unreadable(String),
}

/// A place in a file, the same in each version: which document, and where in it.
type Place = (String, String);

/// `tip` with the values that the change from `before` to `after` set as they were before it; none
/// where they all are already.
///
/// # Errors
/// See [`RestoreError`].
pub fn restore(tip: &[u8], before: &[u8], after: &[u8]) -> Result<Option<Vec<u8>>, RestoreError> {
    let parse =
        |bytes| Stream::parse(bytes).map_err(|error| RestoreError::Unreadable(error.to_string()));
    let (tip, before, after) = (parse(tip)?, parse(before)?, parse(after)?);
    let (now, old, new) = (scalars(&tip), scalars(&before), scalars(&after));
    if old.len() != new.len() || old.keys().any(|place| !new.contains_key(place)) {
        return Err(RestoreError::Structure);
    }
    let mut edits = Vec::new();
    for (place, (_, was)) in &old {
        let Some((_, became)) = new.get(place).filter(|(_, new)| new.value != was.value) else {
            continue;
        };
        let Some((node, is)) = now.get(place) else {
            return Err(RestoreError::Unreadable(format!("{} is gone", place.1)));
        };
        if is.value == was.value {
            continue;
        }
        if is.value != became.value {
            return Err(RestoreError::ChangedSince {
                path: place.1.clone(),
                line: tip[*node].line,
                value: is.value.clone(),
            });
        }
        let value = if was.style == Style::Plain && scalar::is_typed(&was.value) {
            NewValue::Plain(was.value.clone())
        } else {
            NewValue::Text(was.value.clone())
        };
        edits.push(Edit::Set { node: *node, value });
    }
    if edits.is_empty() {
        return Ok(None);
    }
    edit::apply(&tip, &edits)
        .map(Some)
        .map_err(|error| RestoreError::Unreadable(error.to_string()))
}

/// Every scalar that is a value, by a place that does not depend on its neighbours: objects are known
/// by kind and name, items of lists by their name where they have one.
fn scalars<'s>(stream: &'s Stream<'_>) -> HashMap<Place, (NodeId, &'s Scalar)> {
    let mut found = HashMap::new();
    for (node, content) in stream.nodes() {
        let Content::Scalar(scalar) = &content.content else {
            continue;
        };
        if content.role == Role::Key {
            continue;
        }
        let document = match resource::around(stream, node) {
            Some((kind, name)) => format!("{kind}/{name}"),
            None => content.document.to_string(),
        };
        let path = Path::by_names(stream, node).to_string();
        // Where one place has two values, there is no telling them apart: a count does.
        let mut place = (document, path);
        while found.contains_key(&place) {
            place.1.push('#');
        }
        found.insert(place, (node, scalar));
    }
    found
}
