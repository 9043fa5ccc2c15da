//! The entries of `images` in a kustomization:
//!
//! ```yaml
//! images:
//!   - name: web            # as the manifests have it
//!     newName: ghcr.io/o/web
//!     newTag: v1
//! ```
//!
//! `newName` may hold the tag instead, and an entry that is a name alone gets a `newTag`.
//!
//! A `digest` there makes Kustomize ignore `newTag`. So where a tag alone is asked for, no digest
//! stays; where both are, they go into `newTag` as `v1@sha256:…`, unless each has its own key.

use crate::files::RepoPath;
use crate::image::{self, ImageReference};
use crate::yaml::{Edit, NewValue, NodeId, Stream};

use super::parts::is_versioned;
use super::slot::Slot;
use super::write::{Obstacle, Written, kept_tag, removed_digest, set};

/// One entry.
#[derive(Debug, Clone)]
pub(super) struct ImageEntry {
    mapping: NodeId,
    name: Slot,
    new_name: Option<Slot>,
    new_tag: Option<Slot>,
    digest: Option<Slot>,
}

impl ImageEntry {
    /// The entry that the mapping `id` of `file` is. Its name alone makes one in a kustomization only: other lists
    /// have names too.
    pub fn find(stream: &Stream<'_>, file: &RepoPath, id: NodeId) -> Option<Self> {
        let part = |wanted| {
            let mut pairs = stream.pairs(id);
            let (key, node) = pairs.find(|(key, _)| stream.value(*key) == Some(wanted))?;
            Slot::read(stream, Some(key), node)
        };
        let entry = Self {
            mapping: id,
            name: part("name")?,
            new_name: part("newName"),
            new_tag: part("newTag"),
            digest: part("digest"),
        };
        let of_others = ["repository", "image", "tag"];
        let has_own = entry.new_name.is_some() || entry.new_tag.is_some();
        let is_entry = match has_own {
            true => true,
            false if of_others.iter().any(|key| stream.get(id, key).is_some()) => false,
            false => entry.digest.is_some() || is_in_kustomization(stream, file, id),
        };
        is_entry.then_some(entry)
    }

    /// The name that it has in `kustomize edit set image NAME=IMAGE`.
    pub fn name(&self) -> &str {
        &self.name.value
    }

    /// The scalars that it is made of.
    pub fn slots(&self) -> impl Iterator<Item = &Slot> {
        let optional = [&self.new_name, &self.new_tag, &self.digest];
        std::iter::once(&self.name).chain(optional.into_iter().flatten())
    }

    /// The scalar with its tag.
    pub fn tag(&self) -> Option<&Slot> {
        self.new_tag.as_ref()
    }

    /// Where its digest is.
    pub fn digest(&self) -> Option<&Slot> {
        self.digest.as_ref()
    }

    /// The images that this entry may be asked for by.
    pub fn repositories(&self) -> Vec<ImageReference> {
        [Some(&self.name), self.new_name.as_ref()]
            .into_iter()
            .flatten()
            .filter_map(|part| image::repository_meant(&part.value))
            .collect()
    }

    /// The image that Kustomize puts in.
    pub fn text(&self) -> String {
        joined(
            &self.effective().value,
            self.new_tag.as_ref().map_or("", |part| &part.value),
            self.digest.as_ref().map_or("", |part| &part.value),
        )
    }

    /// What gives the new name.
    fn effective(&self) -> &Slot {
        let new_name = self.new_name.as_ref().filter(|name| !name.value.is_empty());
        new_name.unwrap_or(&self.name)
    }

    /// What to change so that Kustomize puts in `image`'s tag and digest, and its repository where
    /// the entry has another one. `by_name` is whether the entry was asked for by its name, and shall
    /// put in exactly this image.
    pub fn write(
        &self,
        stream: &Stream<'_>,
        image: &ImageReference,
        by_name: bool,
    ) -> Result<Written, Obstacle> {
        if is_versioned(&self.name.value) {
            return Err(Obstacle::NameWithTag);
        }
        let mut written = Written::default();
        let old = self.text();
        let effective = self.effective();
        let is_kept = match by_name {
            true => means(effective, image),
            false => self.is_about(image),
        };
        let tag = image.tag().unwrap_or_default();
        let digest = image.digest().unwrap_or_default();
        let name = match is_kept {
            true => without_version(&effective.value),
            false => image.repository_as_written().to_owned(),
        };
        // A new name with a version is the version's place, unless it has one of its own.
        let is_behind = is_versioned(&effective.value)
            && self
                .new_tag
                .as_ref()
                .is_none_or(|slot| slot.value.is_empty())
            && self
                .digest
                .as_ref()
                .is_none_or(|slot| slot.value.is_empty());
        if is_behind {
            let new = match is_kept && image.tag().is_some() {
                true => joined(&name, tag, digest),
                false => image.to_string(),
            };
            effective.set(stream, &new, &mut written)?;
            written.note = (digest.is_empty() && old.contains('@')).then(|| removed_digest(&old));
            written.new = new;
            return Ok(written);
        }
        match &self.new_name {
            Some(slot) if slot.value != name && (!is_kept || is_versioned(&slot.value)) => {
                slot.set(stream, &name, &mut written)?;
            }
            None if !is_kept => written.edits.push(self.added("newName", &name)),
            _ => {}
        }
        let both = match (tag, digest) {
            ("", digest) => digest.to_owned(),
            (tag, "") => tag.to_owned(),
            (tag, digest) => format!("{tag}@{digest}"),
        };
        let (new_tag, new_digest) = match (&self.new_tag, &self.digest) {
            (Some(new_tag), Some(digest_part)) => {
                // The digest alone decides; the tag beside it is left as it is.
                let tag = if tag.is_empty() { &new_tag.value } else { tag };
                new_tag.set(stream, tag, &mut written)?;
                digest_part.set(stream, digest, &mut written)?;
                (tag.to_owned(), digest.to_owned())
            }
            (Some(part), None) | (None, Some(part)) => {
                let key = if tag.is_empty() { "digest" } else { "newTag" };
                if let Some(own) = part.key.filter(|own| stream.value(*own) != Some(key)) {
                    written.edits.push(set(own, key.to_owned()));
                }
                part.set(stream, &both, &mut written)?;
                (both, String::new())
            }
            (None, None) => {
                let key = if tag.is_empty() { "digest" } else { "newTag" };
                written.edits.push(self.added(key, &both));
                (both, String::new())
            }
        };
        written.new = match tag {
            "" if new_digest.is_empty() => joined(&name, "", &new_tag),
            _ => joined(&name, &new_tag, &new_digest),
        };
        written.note = match (tag, digest) {
            (_, "") if old.contains('@') => Some(removed_digest(&old)),
            ("", _) if !new_digest.is_empty() => kept_tag(&new_tag),
            _ => None,
        };
        Ok(written)
    }

    /// Whether it is one of the images that this entry may be asked for by.
    pub fn is_about(&self, image: &ImageReference) -> bool {
        let mut repositories = self.repositories().into_iter();
        repositories.any(|repository| repository.same_repository(image))
    }

    /// A line behind the entry's `newName`, or else its `name`.
    fn added(&self, key: &str, value: &str) -> Edit {
        Edit::Add {
            mapping: self.mapping,
            after: self.new_name.as_ref().unwrap_or(&self.name).key,
            key: key.to_owned(),
            value: NewValue::Text(value.to_owned()),
        }
    }
}

/// Whether `slot` names the repository of `image`.
fn means(slot: &Slot, image: &ImageReference) -> bool {
    image::repository_meant(&slot.value).is_some_and(|own| own.same_repository(image))
}

fn without_version(name: &str) -> String {
    match is_versioned(name) {
        true => image::repository_meant(name).map_or(name.to_owned(), |own| own.to_string()),
        false => name.to_owned(),
    }
}

/// `name[:tag][@digest]`; a part that is empty is left out.
fn joined(name: &str, tag: &str, digest: &str) -> String {
    let colon = if tag.is_empty() { "" } else { ":" };
    let at = if digest.is_empty() { "" } else { "@" };
    format!("{name}{colon}{tag}{at}{digest}")
}

/// Whether `item` is in a list where kustomizations have their `images`.
fn is_in_kustomization(stream: &Stream<'_>, file: &RepoPath, item: NodeId) -> bool {
    let Some(root) = stream.ancestors(item).last() else {
        return false;
    };
    let list = stream[item].parent;
    let around = list.and_then(|list| stream[list].parent);
    let is_at_top =
        around.is_some_and(|around| around == root || stream.get(root, "spec") == Some(around));
    let kind = stream.get(root, "kind").and_then(|kind| stream.value(kind));
    is_at_top
        && match kind {
            Some(kind) => matches!(kind, "Kustomization" | "Component"),
            None => is_kustomization_file(file),
        }
}

/// The path of the `images` of a kustomization, Kustomize's or Flux's, if the file is one.
pub(super) fn path_of_entries(stream: &Stream<'_>, file: &RepoPath) -> Option<&'static str> {
    let root = *stream.roots().first()?;
    let text = |key| stream.get(root, key).and_then(|node| stream.value(node));
    let is_flux = text("apiVersion").is_some_and(|version| version.contains("fluxcd.io/"));
    let is_one = match text("kind") {
        Some(kind) => matches!(kind, "Kustomization" | "Component"),
        None => is_kustomization_file(file) && !stream.pairs(root).is_empty(),
    };
    is_one.then_some(if is_flux { ".spec.images" } else { ".images" })
}

fn is_kustomization_file(file: &RepoPath) -> bool {
    file.file_name().to_lowercase().starts_with("kustomization")
}
