//! Images in several scalars, as Helm values have them:
//!
//! ```yaml
//! image:
//!   registry: ghcr.io
//!   repository: o/web
//!   tag: v1
//!   digest: ""
//! ```
//!
//! `repository` may be called `image` or `name`, `tag` `version`, and `digest` `sha` (without
//! `sha256:`). The tag may hold both: `v1@sha256:…`.

use crate::image::ImageReference;
use crate::yaml::{Content, Edit, NewValue, NodeId, Stream};

use super::write::{Obstacle, Written, kept_tag, removed_digest, scalar_obstacle, set};

/// An image in several scalars of one mapping.
#[derive(Debug)]
pub(super) struct SplitImage {
    mapping: NodeId,
    registry: Option<Part>,
    repository: Part,
    tag: Option<Part>,
    digest: Option<Part>,
}

/// One of those scalars.
#[derive(Debug, Clone)]
pub(super) struct Part {
    /// Its key.
    pub key: NodeId,
    /// The scalar, or an alias to one.
    pub node: NodeId,
    /// What it reads as.
    pub value: String,
}

impl Part {
    /// The value of `key` in `mapping`, if it is a scalar, written there or at an anchor.
    pub fn read(stream: &Stream<'_>, mapping: NodeId, key: &str) -> Option<Self> {
        let (key, node) = *stream
            .pairs(mapping)
            .iter()
            .find(|(k, _)| stream.value(*k) == Some(key))?;
        let value = match stream[node].content {
            Content::Alias { target, .. } => stream.value(target)?,
            _ => stream.value(node)?,
        };
        let value = value.to_owned();
        Some(Self { key, node, value })
    }

    /// As [`Part::read`], also where a merge key `<<` brings the key in.
    fn read_merged(stream: &Stream<'_>, mapping: NodeId, key: &str) -> Option<Self> {
        Self::read(stream, mapping, key).or_else(|| {
            let merged = stream.get(mapping, "<<")?;
            match stream[merged].content {
                Content::Alias { target, .. } => Self::read(stream, target, key),
                _ => None,
            }
        })
    }

    /// The edit that makes it the string `value`; none if that can't be and it reads so already. A
    /// `1.10` without quotes is a number to Helm, which deploys `1.1`: the edit quotes it.
    pub fn set(&self, stream: &Stream<'_>, value: &str) -> Result<Option<Edit>, Obstacle> {
        let holds = value == self.value;
        match scalar_obstacle(stream, self.node) {
            _ if holds && value.is_empty() => Ok(None),
            Some(_) if holds => Ok(None),
            Some(obstacle) => Err(obstacle),
            None => Ok(Some(set(self.node, value.to_owned()))),
        }
    }
}

impl SplitImage {
    /// The image that the mapping `id` makes up, if it does.
    pub fn read(stream: &Stream<'_>, id: NodeId) -> Option<Self> {
        let part = |key| Part::read(stream, id, key);
        let tag = part("tag").or_else(|| part("version"));
        let digest = part("digest").or_else(|| part("sha"));
        let has_version = tag.is_some() || digest.is_some();
        // `name` means other things elsewhere, such as the charts in a Chart.yaml.
        let is_image = stream
            .key_of(id)
            .is_some_and(|key| key.to_ascii_lowercase().contains("image"));
        let repository = Part::read_merged(stream, id, "repository")
            .filter(|_| has_version || is_image)
            .or_else(|| part("name").filter(|_| has_version && is_image))
            .or_else(|| part("image").filter(|image| has_version && !is_versioned(&image.value)))?;
        let split = Self {
            mapping: id,
            registry: part("registry").filter(|registry| !registry.value.is_empty()),
            repository,
            tag,
            digest,
        };
        // What has these keys and reads as no image means something else by them.
        split.text().parse::<ImageReference>().ok()?;
        Some(split)
    }

    /// The scalar that holds the repository.
    pub fn repository(&self) -> NodeId {
        self.repository.node
    }

    /// The whole reference.
    pub fn text(&self) -> String {
        joined(
            self.registry.as_ref().map_or("", |part| &part.value),
            &self.repository.value,
            self.tag.as_ref().map_or("", |part| &part.value),
            self.digest.as_ref().map_or("", |part| &part.value),
        )
    }

    /// What to change so that the mapping makes up `image`. No digest outlives its tag.
    pub fn write(&self, stream: &Stream<'_>, image: &ImageReference) -> Result<Written, Obstacle> {
        let old = self.text();
        let (registry, repository) = self.new_repository(&old, image);
        let tag = self.new_tag(image)?;
        let digest = match &self.digest {
            Some(part) => {
                let digest = image.digest().unwrap_or_default();
                match stream.value(part.key) {
                    Some("sha") => digest.trim_start_matches("sha256:").to_owned(),
                    _ => digest.to_owned(),
                }
            }
            None => String::new(),
        };

        let mut edits = Vec::new();
        if let Some(part) = &self.registry {
            edits.extend(part.set(stream, &registry)?);
        }
        edits.extend(self.repository.set(stream, &repository)?);
        match &self.tag {
            Some(part) => edits.extend(part.set(stream, &tag)?),
            None if tag.is_empty() => {}
            None => edits.push(Edit::Add {
                mapping: self.mapping,
                after: Some(self.repository.key),
                key: "tag".to_owned(),
                value: NewValue::Text(tag.clone()),
            }),
        }
        if let Some(part) = &self.digest {
            edits.extend(part.set(stream, &digest)?);
        }
        Ok(Written {
            edits,
            new: joined(&registry, &repository, &tag, &digest),
            note: match (image.tag(), image.digest()) {
                (Some(_), None) if old.contains('@') => Some(removed_digest(&old)),
                (None, Some(_)) => kept_tag(&tag),
                _ => None,
            },
        })
    }

    /// Registry and repository for `image`: as they are, if they mean the same.
    fn new_repository(&self, old: &str, image: &ImageReference) -> (String, String) {
        let is_same = old
            .parse::<ImageReference>()
            .is_ok_and(|old| old.same_repository(image));
        match &self.registry {
            Some(registry) if is_same => (registry.value.clone(), self.repository.value.clone()),
            Some(_) => (image.registry().to_owned(), image.path().to_owned()),
            None if is_same => (String::new(), self.repository.value.clone()),
            None => (String::new(), image.repository_as_written().to_owned()),
        }
    }

    /// What the tag shall be; with the digest in it where there is no place of its own.
    fn new_tag(&self, image: &ImageReference) -> Result<String, Obstacle> {
        let old = self.tag.as_ref().map_or("", |part| part.value.as_str());
        let old = old.split('@').next().unwrap_or(old);
        let tag = image.tag().unwrap_or(old);
        match image.digest() {
            Some(_) if self.digest.is_some() => Ok(tag.to_owned()),
            // Charts write `repository:tag`, so a digest can't stand there alone.
            Some(_) if tag.is_empty() => Err(Obstacle::NeedsTag),
            Some(digest) => Ok(format!("{tag}@{digest}")),
            None => Ok(tag.to_owned()),
        }
    }
}

/// Whether an `image` says its version itself, so that a `tag` beside it means something else.
fn is_versioned(image: &str) -> bool {
    match image.parse::<ImageReference>() {
        Ok(image) => image.tag().is_some() || image.digest().is_some(),
        Err(_) => true,
    }
}

/// `[registry/]repository[:tag][@digest]`; a part that is empty is left out.
fn joined(registry: &str, repository: &str, tag: &str, digest: &str) -> String {
    let slash = if registry.is_empty() { "" } else { "/" };
    let colon = if tag.is_empty() { "" } else { ":" };
    let at = match digest {
        "" => "",
        digest if digest.contains(':') => "@",
        _ => "@sha256:",
    };
    format!("{registry}{slash}{repository}{colon}{tag}{at}{digest}")
}
