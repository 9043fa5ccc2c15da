//! Where the parts of one image are written: in one scalar, or in several of a mapping, or of a list of
//! names and values.
//!
//! ```yaml
//! image: ghcr.io/acme/web:v1       # all in one
//! image:                           # as Helm charts have it
//!   registry: ghcr.io
//!   repository: acme/web
//!   tag: v1
//!   digest: ""
//! driver:                          # a name of its own
//!   repository: nvcr.io/nvidia
//!   image: driver
//!   version: "550"
//! ```
//!
//! The parts, read one after the other as `[registry/]repository[/name][:tag][@digest]`, are the image; so
//! finding, writing and reading again are one rule for all of them. A part may hold more than its own:
//! `repository: acme/web:v1`, `tag: v1@sha256:…`.

use crate::image::{self, ImageReference};
use crate::yaml::{Edit, NewValue, NodeId, Stream};

use super::keys;
use super::slot::{self, Slot};
use super::write::{Obstacle, Written, kept_tag, removed_digest};

/// The places of an image's parts.
#[derive(Debug, Clone, Default)]
pub(super) struct Parts {
    pub registry: Option<Slot>,
    /// The repository, or the whole reference.
    pub repository: Option<Slot>,
    /// The last component of the repository, where that is another key.
    pub name: Option<Slot>,
    pub tag: Option<Slot>,
    pub digest: Option<Slot>,
    /// What else keeps a digest in force, beside the tag.
    pub pins: Pins,
    /// A registry written elsewhere in the file that is put before all images
    /// (`global.imageRegistry`).
    pub global: Option<String>,
    /// Where a version goes that has no part yet.
    pub home: Home,
}

/// Where a version goes that has no part of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Home {
    /// Behind the repository.
    Behind,
    /// To a new key `tag` of this mapping.
    Key(NodeId),
    /// To this value, perhaps: its key has a word for a version. A `tag` beside the name may be read by nobody.
    Perhaps(NodeId),
    /// Nobody knows: what holds a name alone may mean that.
    #[default]
    Unknown,
}

/// What keeps a digest in force beside the tag, as the charts of Cilium and ingress-nginx have it:
///
/// ```yaml
/// digest: sha256:…
/// useDigest: true
/// genericDigest: sha256:…
/// ```
#[derive(Debug, Clone, Default)]
pub(super) struct Pins {
    /// `useDigest`, and whether it is on.
    pub switch: Option<(NodeId, bool)>,
    /// Digests at keys of their own.
    pub others: Vec<NodeId>,
}

impl Pins {
    /// Those of `mapping`, which has the image's own `digest`.
    pub fn of(stream: &Stream<'_>, mapping: NodeId, digest: Option<&Slot>) -> Self {
        let mut pins = Self::default();
        for (key, node) in stream.pairs(mapping) {
            let key = keys::plain(stream.value(key).unwrap_or_default());
            let text = slot::value(stream, node).unwrap_or_default();
            let is_own = digest.is_some_and(|digest| digest.node == node);
            match key.as_str() {
                "usedigest" => pins.switch = Some((node, text.eq_ignore_ascii_case("true"))),
                key if key.contains("digest") && !is_own && image::is_digest(text) => {
                    pins.others.push(node);
                }
                _ => {}
            }
        }
        pins
    }

    /// Whether `useDigest` is on.
    fn is_on(&self) -> bool {
        self.switch.is_some_and(|(_, is_on)| is_on)
    }
}

/// A way to read the parts in front of the tag. Charts differ in which of them they use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Front<'p> {
    registry: &'p str,
    repository: &'p str,
    name: &'p str,
}

impl Front<'_> {
    fn text(&self) -> String {
        let parts = [self.registry, self.repository, self.name];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        parts.join("/")
    }
}

impl Parts {
    /// The image in one scalar.
    pub fn whole(slot: Slot, home: Home) -> Self {
        Self {
            repository: Some(slot),
            home,
            ..Self::default()
        }
    }

    /// The tag of an image that is named elsewhere.
    pub fn tag(slot: Slot) -> Self {
        Self {
            tag: Some(slot),
            ..Self::default()
        }
    }

    /// The digest of one.
    pub fn digest(slot: Slot) -> Self {
        Self {
            digest: Some(slot),
            ..Self::default()
        }
    }

    /// All parts that are there.
    pub fn slots(&self) -> impl Iterator<Item = &Slot> {
        [
            &self.registry,
            &self.repository,
            &self.name,
            &self.tag,
            &self.digest,
        ]
        .into_iter()
        .flatten()
    }

    /// The ways to read it, the likeliest first.
    fn fronts(&self) -> Vec<Front<'_>> {
        let (repository, name) = match (value_of(&self.repository), value_of(&self.name)) {
            ("", name) => (name, ""),
            both => both,
        };
        let registry = value_of(&self.registry);
        let is_end = || {
            let bare = match is_versioned(repository) {
                true => image::repository_meant(repository).map(|own| own.to_string()),
                false => Some(repository.to_owned()),
            };
            let before_name = bare.as_deref().and_then(|bare| bare.strip_suffix(name));
            before_name.is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
        };
        // A name that the repository ends with is the image's name for people.
        let names: &[&str] = match name {
            "" => &[""],
            name if is_end() => &["", name],
            name => &[name, ""],
        };
        let global = self
            .global
            .as_deref()
            .filter(|_| !names_registry(repository));
        let is_twice = !registry.is_empty()
            && repository
                .strip_prefix(registry)
                .is_some_and(|rest| rest.starts_with('/'));
        let mut registries = Vec::new();
        registries.extend(global);
        registries.extend(is_twice.then_some(""));
        registries.push(registry);
        let fronts = registries.iter().flat_map(|registry| {
            names.iter().map(|name| Front {
                registry,
                repository,
                name,
            })
        });
        fronts.collect()
    }

    fn version(&self) -> String {
        let tag = value_of(&self.tag);
        let colon = match tag {
            "" => "",
            // As the operators of NVIDIA have it.
            digest if image::is_digest(digest) => "@",
            _ => ":",
        };
        let digest = value_of(&self.digest);
        let at = match digest {
            "" => "",
            digest if digest.contains(':') => "@",
            _ => "@sha256:",
        };
        format!("{colon}{tag}{at}{digest}")
    }

    /// The whole reference; `:v1` where nothing says of which repository.
    pub fn text(&self) -> String {
        let front = self.fronts().into_iter().next();
        let front = front.map(|front| front.text()).unwrap_or_default();
        front + &self.version()
    }

    /// What it may read as, in all ways that are references.
    pub fn readings(&self) -> Vec<ImageReference> {
        let fronts = self.fronts().into_iter();
        let texts = fronts.map(|front| front.text() + &self.version());
        texts.filter_map(|text| text.parse().ok()).collect()
    }

    /// Whether it is only the version of an image whose repository is elsewhere.
    pub fn is_version_only(&self) -> bool {
        self.repository.is_none() && self.name.is_none()
    }

    /// Whether it is only a digest, so that no tag says anything there.
    pub fn is_digest_only(&self) -> bool {
        self.is_version_only() && self.tag.is_none()
    }

    /// Whether it says which version.
    pub fn is_versioned(&self) -> bool {
        let in_front = self.repository.as_ref().or(self.name.as_ref());
        !self.version().is_empty() || in_front.is_some_and(|slot| is_versioned(&slot.value))
    }

    /// The repositories that it may be.
    pub fn repositories(&self) -> Vec<ImageReference> {
        let fronts = self.fronts().into_iter();
        fronts
            .filter_map(|front| self.repository_of(front))
            .collect()
    }

    fn repository_of(&self, front: Front<'_>) -> Option<ImageReference> {
        let text = front.text();
        let whole = format!("{text}{}", self.version());
        whole
            .parse()
            .ok()
            .or_else(|| image::repository_meant(&text))
    }

    /// Whether a reader gets a reference out of it.
    pub fn is_reference(&self) -> bool {
        self.text().parse::<ImageReference>().is_ok()
    }

    /// What was to be filled in before anybody reads it.
    pub fn placeholder(&self) -> Option<&str> {
        self.slots().find_map(Slot::placeholder)
    }

    /// The range of versions that stands in place of one: `1.x`, `^1.2`, `*`.
    pub fn pattern(&self) -> Option<&str> {
        let tag = value_of(&self.tag);
        let front = self.repository.as_ref().or(self.name.as_ref());
        let behind = || {
            let last = front?.value.rsplit('/').next()?;
            last.split('@').next()?.split_once(':').map(|(_, tag)| tag)
        };
        let tag = if tag.is_empty() { behind()? } else { tag };
        is_pattern(tag).then_some(tag)
    }

    /// What to change so that the parts make up `image`. No digest outlives its tag.
    pub fn write(&self, stream: &Stream<'_>, image: &ImageReference) -> Result<Written, Obstacle> {
        let mut written = Written::default();
        let fronts = self.fronts();
        let meant = fronts.iter().find(|front| {
            self.repository_of(**front)
                .is_some_and(|own| own.same_repository(image))
        });
        let Some(front) = meant.or(fronts.first()).copied() else {
            return Err(Obstacle::NotAString);
        };
        let overruling = self.overruling(front);
        if let Some(registry) = overruling.filter(|_| names_registry(image.repository_as_written()))
        {
            return Err(Obstacle::GlobalRegistry {
                registry: registry.to_owned(),
            });
        }
        if self.pins.is_on() && (image.digest().is_none() || self.digest.is_none()) {
            return Err(Obstacle::UsesDigest {
                advice: String::new(),
            });
        }
        let old = front.text() + &self.version();
        let new = self.new_front(front, meant.is_some(), image)?;
        let version = Version::of(self, &old, image)?;
        let carrier = |text: &str, carries: bool| match carries && version.is_behind {
            true => format!("{text}{}", version.text()),
            false => text.to_owned(),
        };
        let mut set = |slot: &Option<Slot>, value: String| match slot {
            Some(slot) => slot.set(stream, &value, &mut written),
            None => Ok(()),
        };
        let has_name = !front.name.is_empty();
        if !front.registry.is_empty() && front.registry == value_of(&self.registry) {
            set(&self.registry, new.registry.clone())?;
        }
        let front_slot = match self.repository {
            Some(_) => &self.repository,
            None => &self.name,
        };
        set(front_slot, carrier(&new.repository, !has_name))?;
        if has_name {
            set(&self.name, carrier(&new.name, true))?;
        }
        if !version.is_behind {
            set(&self.tag, version.tag_and_digest())?;
        }
        if let Some(slot) = &self.digest {
            let is_plain = slot.key.and_then(|key| stream.value(key)) == Some("sha");
            let digest = match is_plain {
                true => version.digest.trim_start_matches("sha256:"),
                false => &version.digest,
            };
            set(&self.digest, digest.to_owned())?;
        }
        if let Some(edit) = self.added_tag(&version) {
            written.edits.push(edit);
        }
        written.new = match self.is_version_only() {
            true => version.text(),
            false => {
                let before = overruling.map(|registry| format!("{registry}/"));
                before.unwrap_or_default() + &new.text() + &version.text()
            }
        };
        // Which registry counts is up to the chart: both are told as what was asked for.
        let is_own = meant.is_some_and(|meant| Some(meant) != fronts.first());
        written.old = (is_own && self.registries().is_some()).then(|| old.clone());
        written.note = match (image.tag(), image.digest()) {
            (Some(_), None) if old.contains('@') => Some(removed_digest(&old)),
            (None, Some(_)) if self.has_parts() => kept_tag(&version.tag),
            _ => None,
        };
        Ok(written)
    }

    /// The registry of all images of the file, where another one is beside the image itself.
    pub fn registries(&self) -> Option<(&str, &str)> {
        let own = value_of(&self.registry);
        let global = self.global.as_deref()?;
        (!own.is_empty() && own != global).then_some((global, own))
    }

    /// The registry of the file that goes before what `front` reads without one.
    fn overruling(&self, front: Front<'_>) -> Option<&str> {
        let is_bare = front.registry.is_empty() && !names_registry(front.repository);
        let global = self.global.as_deref();
        global.filter(|global| is_bare && !global.is_empty() && !self.is_version_only())
    }

    /// Registry, repository and name for `image`: as they are, if they mean the same.
    fn new_front(
        &self,
        front: Front<'_>,
        is_same: bool,
        image: &ImageReference,
    ) -> Result<NewFront, Obstacle> {
        let is_global = self.global.as_deref() == Some(front.registry);
        if self.is_version_only() {
            return Ok(NewFront::default());
        }
        if is_same && (self.has_parts() || self.home != Home::Behind) {
            let unversioned = |text: &str| match is_versioned(text) {
                true => {
                    image::repository_meant(text).map_or(text.to_owned(), |own| own.to_string())
                }
                false => text.to_owned(),
            };
            return Ok(NewFront {
                registry: front.registry.to_owned(),
                repository: unversioned(front.repository),
                name: unversioned(front.name),
            });
        }
        // What names the same is written as the file has it: `docker.io/acme/web` stays that.
        let own = front.text() + &self.version();
        if let (true, Ok(own)) = (is_same, own.parse::<ImageReference>()) {
            return Ok(NewFront {
                repository: own.repository_as_written().to_owned(),
                ..NewFront::default()
            });
        }
        let (registry, path) = match front.registry {
            "" => (String::new(), image.repository_as_written()),
            _ if is_global && image.registry() != front.registry => {
                return Err(Obstacle::GlobalRegistry {
                    registry: front.registry.to_owned(),
                });
            }
            _ => (image.registry().to_owned(), image.path()),
        };
        let (repository, name) = match (front.name, path.rsplit_once('/')) {
            ("", _) => (path, ""),
            (_, Some(both)) => both,
            (_, None) => return Err(Obstacle::NoPath),
        };
        Ok(NewFront {
            registry,
            repository: repository.to_owned(),
            name: name.to_owned(),
        })
    }

    /// Whether the version has a part of its own, or the registry or the name has.
    pub fn has_parts(&self) -> bool {
        self.tag.is_some()
            || self.digest.is_some()
            || self.name.is_some()
            || self.registry.is_some()
    }

    fn added_tag(&self, version: &Version) -> Option<Edit> {
        let Home::Key(mapping) = self.home else {
            return None;
        };
        let tag = version.tag_and_digest();
        if self.tag.is_some() || version.is_behind || tag.is_empty() {
            return None;
        }
        Some(Edit::Add {
            mapping,
            after: self.repository.as_ref().and_then(|slot| slot.key),
            key: "tag".to_owned(),
            value: NewValue::Text(tag),
        })
    }
}

/// Registry, repository and name as they are to be.
#[derive(Default)]
struct NewFront {
    registry: String,
    repository: String,
    name: String,
}

impl NewFront {
    fn text(&self) -> String {
        let Self {
            registry,
            repository,
            name,
        } = self;
        let front = Front {
            registry,
            repository,
            name,
        };
        front.text()
    }
}

/// Tag and digest as they are to be, and where.
struct Version {
    tag: String,
    digest: String,
    /// Whether the digest has a part of its own.
    has_digest: bool,
    /// Whether they stand behind the repository, in its scalar.
    is_behind: bool,
}

impl Version {
    fn of(parts: &Parts, old: &str, image: &ImageReference) -> Result<Self, Obstacle> {
        if parts.is_digest_only() {
            let digest = image.digest().ok_or(Obstacle::NeedsDigest)?;
            return Ok(Self {
                tag: String::new(),
                digest: digest.to_owned(),
                has_digest: true,
                is_behind: false,
            });
        }
        let front = parts.repository.as_ref().or(parts.name.as_ref());
        let is_behind = value_of(&parts.tag).is_empty()
            && (front.is_some_and(|slot| is_versioned(&slot.value))
                || (parts.tag.is_none() && parts.digest.is_none() && parts.home == Home::Behind));
        let is_known = !matches!(parts.home, Home::Unknown | Home::Perhaps(_));
        let has_home = is_behind || parts.tag.is_some() || is_known;
        let needs_home = image.tag().is_some() || parts.digest.is_none();
        if needs_home && !has_home {
            return Err(Obstacle::NameOnly { advice: None });
        }
        let has_digest = parts.digest.is_some();
        let old_tag = old.parse::<ImageReference>().ok();
        let old_tag = match (old_tag, parts.is_version_only()) {
            (Some(old), false) => old.tag().unwrap_or_default().to_owned(),
            _ => value_of(&parts.tag)
                .split('@')
                .next()
                .filter(|tag| !image::is_digest(tag))
                .unwrap_or_default()
                .to_owned(),
        };
        let is_digest = image::is_digest(value_of(&parts.tag));
        let kept = if parts.has_parts() {
            old_tag.as_str()
        } else {
            ""
        };
        let tag = image.tag().unwrap_or(kept).to_owned();
        let digest = image.digest().unwrap_or_default().to_owned();
        // Charts write `repository:tag`, so a digest can't stand there alone.
        if tag.is_empty() && !has_digest && !is_behind && !is_digest {
            return Err(Obstacle::NeedsTag);
        }
        Ok(Self {
            tag,
            digest,
            has_digest,
            is_behind,
        })
    }

    /// What stands behind the repository.
    fn text(&self) -> String {
        let colon = if self.tag.is_empty() { "" } else { ":" };
        let at = if self.digest.is_empty() { "" } else { "@" };
        format!("{colon}{}{at}{}", self.tag, self.digest)
    }

    /// The tag, and the digest where that has no part of its own.
    fn tag_and_digest(&self) -> String {
        match (self.digest.as_str(), self.has_digest) {
            ("", _) | (_, true) => self.tag.clone(),
            (digest, false) if self.tag.is_empty() => digest.to_owned(),
            (digest, false) => format!("{}@{digest}", self.tag),
        }
    }
}

fn value_of(slot: &Option<Slot>) -> &str {
    slot.as_ref().map_or("", |slot| &slot.value)
}

/// Whether `text`, which stands where a tag does, is a whole reference: no tag has a path or another tag.
pub(super) fn is_whole(text: &str) -> bool {
    let before_digest = text.split('@').next().unwrap_or(text);
    is_versioned(text)
        // What is behind that is elsewhere.
        && !text.ends_with("@sha256")
        && before_digest.contains(['/', ':'])
        && !image::is_digest(text)
        && image::repository_meant(text).is_some()
}

/// Whether `tag` is a range of versions, as tools look them up.
pub(super) fn is_pattern(tag: &str) -> bool {
    let is_digit = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    let is_number = |text: &str| is_digit(text.strip_prefix('v').unwrap_or(text));
    let behind = |sign| tag.strip_prefix(sign).is_some_and(is_number);
    let mut parts = tag.strip_prefix('v').unwrap_or(tag).split('.');
    let is_part = |part: &str| part == "x" || part.bytes().all(|b| b.is_ascii_digit());
    let has_any = is_number(tag) && tag.ends_with(".x") && parts.all(is_part);
    tag.contains('*')
        || tag.starts_with(['^', '>', '='])
        || tag.starts_with("<=")
        || behind('<')
        || behind('~')
        || has_any
}

/// Whether a repository, or what is written in its place, has a version behind it.
pub(super) fn is_versioned(text: &str) -> bool {
    let last = text.rsplit('/').next().unwrap_or(text);
    text.contains('@') || last.contains(':')
}

/// Whether `registry`, which is beside it, goes before `image`: it is a registry, and `image` has no other one.
pub(super) fn is_in_registry(image: &str, registry: &str) -> bool {
    let is_twice = image
        .strip_prefix(registry)
        .is_some_and(|rest| rest.starts_with('/'));
    names_registry(&format!("{registry}/")) && (is_twice || !names_registry(image))
}

/// Whether the first component of `repository` is a registry.
fn names_registry(repository: &str) -> bool {
    let first = repository.split_once('/').map(|(first, _)| first);
    first.is_some_and(|first| first == "localhost" || first.contains(['.', ':']))
}
