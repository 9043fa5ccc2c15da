//! The entries of `images` in a kustomization:
//!
//! ```yaml
//! images:
//!   - name: web            # as the manifests have it
//!     newName: ghcr.io/o/web
//!     newTag: v1
//! ```
//!
//! A `digest` there makes Kustomize ignore `newTag`. So where a tag alone is asked for, no digest
//! stays; where both are, they go into `newTag` as `v1@sha256:…`, unless each has its own key.

use crate::image::ImageReference;
use crate::yaml::{Edit, NewValue, NodeId, Stream};

use super::helm::Part;
use super::write::{Obstacle, Written, kept_tag, removed_digest, set};

/// One entry.
#[derive(Debug)]
pub(super) struct ImageEntry {
    mapping: NodeId,
    name: Part,
    new_name: Option<Part>,
    new_tag: Option<Part>,
    digest: Option<Part>,
}

impl ImageEntry {
    /// The entry that the mapping `id` is. Its name alone makes none: other lists have names too.
    pub fn read(stream: &Stream<'_>, id: NodeId) -> Option<Self> {
        let part = |key| Part::read(stream, id, key);
        let entry = Self {
            mapping: id,
            name: part("name")?,
            new_name: part("newName"),
            new_tag: part("newTag"),
            digest: part("digest"),
        };
        let is_entry =
            entry.new_name.is_some() || entry.new_tag.is_some() || entry.digest.is_some();
        is_entry.then_some(entry)
    }

    /// The images that this entry may be asked for by.
    pub fn repositories(&self) -> Vec<ImageReference> {
        [Some(&self.name), self.new_name.as_ref()]
            .into_iter()
            .flatten()
            .filter_map(|part| part.value.parse().ok())
            .collect()
    }

    /// The image that Kustomize puts in.
    pub fn text(&self) -> String {
        joined(
            &self.new_name.as_ref().unwrap_or(&self.name).value,
            self.new_tag.as_ref().map_or("", |part| &part.value),
            self.digest.as_ref().map_or("", |part| &part.value),
        )
    }

    /// What to change so that Kustomize puts in `image`'s tag and digest, and its repository where
    /// the entry has another one.
    pub fn write(&self, stream: &Stream<'_>, image: &ImageReference) -> Result<Written, Obstacle> {
        let old = self.text();
        let mut edits = Vec::new();
        let name = match &self.new_name {
            _ if self.is_about(image) => &self.new_name.as_ref().unwrap_or(&self.name).value,
            Some(part) => {
                edits.extend(part.set(stream, image.repository_as_written())?);
                image.repository_as_written()
            }
            None => {
                let value = image.repository_as_written();
                edits.push(self.added("newName", value));
                value
            }
        };
        let tag = image.tag().unwrap_or_default();
        let digest = image.digest().unwrap_or_default();
        let both = match (tag, digest) {
            ("", digest) => digest.to_owned(),
            (tag, "") => tag.to_owned(),
            (tag, digest) => format!("{tag}@{digest}"),
        };
        let (new_tag, new_digest) = match (&self.new_tag, &self.digest) {
            (Some(new_tag), Some(digest_part)) => {
                // The digest alone decides; the tag beside it is left as it is.
                let tag = if tag.is_empty() { &new_tag.value } else { tag };
                edits.extend(new_tag.set(stream, tag)?);
                edits.extend(digest_part.set(stream, digest)?);
                (tag.to_owned(), digest.to_owned())
            }
            (Some(part), None) | (None, Some(part)) => {
                let key = if tag.is_empty() { "digest" } else { "newTag" };
                if stream.value(part.key) != Some(key) {
                    edits.push(set(part.key, key.to_owned()));
                }
                edits.extend(part.set(stream, &both)?);
                (both, String::new())
            }
            (None, None) => {
                let key = if tag.is_empty() { "digest" } else { "newTag" };
                edits.push(self.added(key, &both));
                (both, String::new())
            }
        };
        let new = match tag {
            "" if new_digest.is_empty() => joined(name, "", &new_tag),
            _ => joined(name, &new_tag, &new_digest),
        };
        Ok(Written {
            edits,
            note: match (tag, digest) {
                (_, "") if old.contains('@') => Some(removed_digest(&old)),
                ("", _) if !new_digest.is_empty() => kept_tag(&new_tag),
                _ => None,
            },
            new,
        })
    }

    fn is_about(&self, image: &ImageReference) -> bool {
        let mut repositories = self.repositories().into_iter();
        repositories.any(|repository| repository.same_repository(image))
    }

    /// A line behind the entry's `newName`, or else its `name`.
    fn added(&self, key: &str, value: &str) -> Edit {
        Edit::Add {
            mapping: self.mapping,
            after: Some(self.new_name.as_ref().unwrap_or(&self.name).key),
            key: key.to_owned(),
            value: NewValue::Text(value.to_owned()),
        }
    }
}

/// `name[:tag][@digest]`; a part that is empty is left out.
fn joined(name: &str, tag: &str, digest: &str) -> String {
    let colon = if tag.is_empty() { "" } else { ":" };
    let at = if digest.is_empty() { "" } else { "@" };
    format!("{name}{colon}{tag}{at}{digest}")
}
