//! The places of a file where an image lives.

use crate::image::{self, ImageReference, TEMPLATE};
use crate::yaml::edit::names_of;
use crate::yaml::{NodeId, Stream};

use super::kustomize::ImageEntry;
use super::parts::{self, Home, Parts, Pins, is_versioned};
use super::request::ImageAssignment;
use super::slot::Slot;
use super::source;
use super::write::{Obstacle, Written};

/// A place that holds an image.
#[derive(Debug, Clone)]
pub(super) struct Site {
    /// What a person is pointed to.
    pub node: NodeId,
    /// The name of what runs it, if the place is in a list of containers or the like.
    pub container: Option<String>,
    /// Another name that it may be asked for by, as Kustomize's entries have one.
    pub label: Option<String>,
    /// The image as one text; `:v1` where only the version is there, empty where nothing is.
    pub text: String,
    /// Whether a person has named it by its path.
    pub is_named: bool,
    /// Whether that path leads to the tag alone.
    pub names_tag: bool,
    /// Whether a container runs it.
    pub is_run: bool,
    /// Which image lines without a container mean this place.
    answers_to: AnswersTo,
    /// How an image is written there.
    holder: Holder,
}

/// Which image lines without a container mean a place.
#[derive(Debug, Clone)]
enum AnswersTo {
    /// Those with one of these repositories. A Kustomize entry has two.
    Repositories(Vec<ImageReference>),
    /// All: the user has named the place.
    Any,
    /// None: the user has named other places.
    Nothing,
}

/// How a place holds its image.
#[derive(Debug, Clone)]
enum Holder {
    /// One scalar, or several.
    Parts(Parts),
    /// An entry of Kustomize's `images`.
    Entry(ImageEntry),
    /// It can't be written there.
    Obstacle(Obstacle),
}

impl Site {
    fn new(node: NodeId, text: String, repositories: Vec<ImageReference>, holder: Holder) -> Self {
        Self {
            node,
            container: None,
            label: None,
            text: source::shown(&text).into_owned(),
            is_named: false,
            names_tag: false,
            is_run: false,
            answers_to: AnswersTo::Repositories(repositories),
            holder,
        }
    }

    pub fn parts(node: NodeId, parts: Parts) -> Self {
        Self::new(
            node,
            parts.text(),
            parts.repositories(),
            Holder::Parts(parts),
        )
    }

    pub fn entry(node: NodeId, entry: ImageEntry) -> Self {
        let label = Some(entry.name().to_owned());
        Self {
            label,
            ..Self::new(
                node,
                entry.text(),
                entry.repositories(),
                Holder::Entry(entry),
            )
        }
    }

    /// What should hold an image, and where none can be written.
    pub fn obstructed(node: NodeId, container: Option<String>, obstacle: Obstacle) -> Self {
        Self {
            container,
            ..Self::new(node, String::new(), Vec::new(), Holder::Obstacle(obstacle))
        }
    }

    /// From now on nothing can be written there.
    pub fn obstruct(&mut self, obstacle: Obstacle) {
        self.holder = Holder::Obstacle(obstacle);
    }

    /// From now on any image line without a container means this site.
    pub fn answer_to_any(&mut self) {
        self.answers_to = AnswersTo::Any;
    }

    /// From now on an image line without a container means this site if it is of the repository of `image`.
    pub fn answer_to(&mut self, image: &ImageReference) {
        self.answers_to = AnswersTo::Repositories(vec![image.clone()]);
    }

    /// The scalar with a name that has no registry beside it.
    pub fn bare_name(&self) -> Option<&Slot> {
        match &self.holder {
            Holder::Parts(parts) if parts.registry.is_none() && parts.global.is_none() => {
                let name = parts.repository.as_ref().filter(|_| parts.name.is_none());
                name.filter(|slot| !is_versioned(&slot.value))
            }
            _ => None,
        }
    }

    /// From now on `registry` goes before its name.
    pub fn go_behind(&mut self, registry: String) {
        if let Holder::Parts(parts) = &mut self.holder {
            parts.global = Some(registry);
            self.text = source::shown(&parts.text()).into_owned();
            self.answers_to = AnswersTo::Repositories(parts.repositories());
        }
    }

    /// From now on only an image line with a container means this site.
    pub fn answer_to_container_only(&mut self) {
        self.answers_to = AnswersTo::Nothing;
    }

    pub fn has_reference(&self) -> bool {
        matches!(&self.answers_to, AnswersTo::Repositories(images) if !images.is_empty())
    }

    /// Whether `assignment` is about this site: by the container's name if it gives one, whatever
    /// image that runs now, and by the repository otherwise.
    pub fn is_meant_by(&self, assignment: &ImageAssignment) -> bool {
        match (&assignment.container, &self.answers_to) {
            (Some(name), _) => [&self.container, &self.label].contains(&&Some(name.clone())),
            (None, AnswersTo::Any) => true,
            (None, _) => self.is_of(&assignment.image),
        }
    }

    /// Whether it may be asked for by the repository of `image`.
    pub fn is_of(&self, image: &ImageReference) -> bool {
        match &self.answers_to {
            AnswersTo::Repositories(images) => images.iter().any(|own| own.same_repository(image)),
            AnswersTo::Any | AnswersTo::Nothing => false,
        }
    }

    /// The scalars that it is made of.
    pub fn slots(&self) -> Box<dyn Iterator<Item = &Slot> + '_> {
        match &self.holder {
            Holder::Parts(parts) => Box::new(parts.slots()),
            Holder::Entry(entry) => Box::new(entry.slots()),
            Holder::Obstacle(_) => Box::new(std::iter::empty()),
        }
    }

    /// Whether it reads, by an alias, what `other` is written in.
    pub fn reads_of(&self, other: &Self) -> bool {
        let mut own = self.slots().filter(|slot| !slot.is_own());
        own.any(|slot| other.slots().any(|theirs| theirs.source() == slot.source()))
    }

    /// The scalar with the tag alone.
    pub fn tag(&self) -> Option<&Slot> {
        match &self.holder {
            Holder::Parts(parts) => parts.tag.as_ref(),
            Holder::Entry(entry) => entry.tag(),
            Holder::Obstacle(_) => None,
        }
    }

    /// The scalar with the digest alone.
    pub fn digest(&self) -> Option<&Slot> {
        match &self.holder {
            Holder::Parts(parts) => parts.digest.as_ref(),
            Holder::Entry(entry) => entry.digest(),
            Holder::Obstacle(_) => None,
        }
    }

    /// The scalar with the repository alone: its version is elsewhere.
    pub fn repository(&self) -> Option<&Slot> {
        let Holder::Parts(parts) = &self.holder else {
            return None;
        };
        let is_apart = parts.tag.is_some() || parts.digest.is_some();
        parts.repository.as_ref().filter(|_| is_apart)
    }

    /// What a reader makes of its tag, where that is no string and comes out as another text: `1.1` of `1.10`.
    pub fn tag_comes_out_as(&self, stream: &Stream<'_>) -> Option<String> {
        let tag = self.tag().filter(|tag| !tag.value.is_empty())?;
        names_of(stream, tag.source()).into_iter().nth(1)
    }

    /// The scalar with all of the image, where no other one has a part of it.
    pub fn whole(&self) -> Option<&Slot> {
        let Holder::Parts(parts) = &self.holder else {
            return None;
        };
        let is_only = parts.slots().count() == 1;
        parts.repository.as_ref().filter(|_| is_only)
    }

    /// The ways to read it, the likeliest first.
    pub fn readings(&self) -> Vec<ImageReference> {
        match &self.holder {
            Holder::Parts(parts) => parts.readings(),
            Holder::Entry(_) | Holder::Obstacle(_) => Vec::new(),
        }
    }

    /// From now on it reads as `text`.
    pub fn read_as(&mut self, text: String) {
        self.text = text;
    }

    /// From now on its tag is known to be one of this repository.
    pub fn belong_to(&mut self, repository: &str) {
        self.text = format!("{repository}{}", self.text);
    }

    /// Whether only the version is there, and the repository is elsewhere.
    pub fn is_version_only(&self) -> bool {
        matches!(&self.holder, Holder::Parts(parts) if parts.is_version_only())
    }

    /// What keeps an image line that does not name this place from being about it, though it has the
    /// repository: a name alone may mean that, and what is filled in by something else is not written.
    pub fn passes(&self) -> Option<Obstacle> {
        let parts = match &self.holder {
            Holder::Parts(parts) => parts,
            Holder::Obstacle(obstacle @ (Obstacle::LookedUp { .. } | Obstacle::Pattern { .. })) => {
                return Some(obstacle.clone());
            }
            Holder::Entry(_) | Holder::Obstacle(_) => return None,
        };
        if let Some(text) = parts.placeholder().filter(|text| !text.starts_with('<')) {
            return Some(placeholder(text));
        }
        if let Some(text) = parts.pattern().filter(|text| self.is_range(text)) {
            return Some(Obstacle::Versions {
                text: text.to_owned(),
                line: None,
            });
        }
        let advice = None;
        self.is_name_only().then_some(Obstacle::NameOnly { advice })
    }

    /// Whether `pattern` stands there for versions. `1.x` may be a tag, and is one where a container runs it.
    fn is_range(&self, pattern: &str) -> bool {
        !self.is_run || !image::is_tag(pattern)
    }

    /// Whether it is a name of which nobody knows where its version goes.
    pub fn is_name_only(&self) -> bool {
        matches!(&self.holder, Holder::Parts(parts) if matches!(parts.home, Home::Unknown | Home::Perhaps(_))
            && !parts.is_versioned()
            && parts.tag.is_none()
            && parts.digest.is_none()
            && !parts.is_version_only())
    }

    /// The value that may be its version, though nothing says so.
    pub fn version_elsewhere(&self) -> Option<NodeId> {
        match &self.holder {
            Holder::Parts(parts) => match parts.home {
                Home::Perhaps(node) => Some(node),
                _ => None,
            },
            Holder::Entry(_) | Holder::Obstacle(_) => None,
        }
    }

    /// Where its tag is, or would be: at a node, or at a new key there; and whether it has one. None where the
    /// tag is in the text of the name, or nothing but a tag is there.
    pub fn tag_home(&self) -> Option<(NodeId, Option<&'static str>, bool)> {
        let Holder::Parts(parts) = &self.holder else {
            return None;
        };
        let has_name = !parts.is_version_only();
        match (&parts.tag, parts.home) {
            (Some(tag), _) if has_name => Some((tag.node, None, !tag.value.is_empty())),
            (None, Home::Key(mapping)) if has_name && !parts.is_versioned() => {
                Some((mapping, Some("tag"), false))
            }
            _ => None,
        }
    }

    /// The registry of all images of the file, and its own, where these differ.
    pub fn registries(&self) -> Option<(&str, &str)> {
        match &self.holder {
            Holder::Parts(parts) => parts.registries(),
            Holder::Entry(_) | Holder::Obstacle(_) => None,
        }
    }

    /// What keeps a digest in force there beside the tag.
    pub fn pins(&self) -> Option<&Pins> {
        match &self.holder {
            Holder::Parts(parts) => Some(&parts.pins),
            Holder::Entry(_) | Holder::Obstacle(_) => None,
        }
    }

    /// Whether what it says can be another image after a deployment: a name to look up, or what is
    /// filled in elsewhere, can't.
    pub fn says_a_version(&self) -> bool {
        let says_so = match self.passes() {
            None => true,
            Some(Obstacle::Versions { text, .. }) => image::is_tag(&text),
            Some(_) => false,
        };
        !self.text.is_empty() && says_so
    }

    /// Whether it is an entry of Kustomize's `images`.
    pub fn is_entry(&self) -> bool {
        matches!(self.holder, Holder::Entry(_))
    }

    /// Whether it says what runs. A tag alone does not.
    pub fn says_what_runs(&self) -> bool {
        self.says_a_version() && !self.is_version_only()
    }

    /// The image there, as a person is told of it who asks for `image`.
    pub fn shown(&self, image: &ImageReference) -> String {
        match self.is_version_only() && !self.text.is_empty() {
            true => format!("{}{}", image.repository_as_written(), self.text),
            false => self.text.clone(),
        }
    }

    /// What to change so that the site holds what `assignment` asks for.
    pub fn write(
        &self,
        stream: &Stream<'_>,
        assignment: &ImageAssignment,
    ) -> Result<Written, Obstacle> {
        let image = &assignment.image;
        let is_named = self.is_named || assignment.container.is_some();
        match &self.holder {
            Holder::Parts(parts) => {
                if let Some(text) = parts.placeholder()
                    && (is_named || !text.starts_with('<'))
                {
                    return Err(placeholder(text));
                }
                let is_asked_for = image.tag().is_some_and(parts::is_pattern);
                if let Some(text) = parts.pattern().filter(|text| self.is_range(text))
                    && !is_asked_for
                {
                    return Err(Obstacle::Versions {
                        text: text.to_owned(),
                        line: None,
                    });
                }
                let is_other = |own: &ImageReference| !own.same_repository(image);
                if self.names_tag
                    && !parts.is_version_only()
                    && parts.repositories().iter().all(is_other)
                {
                    return Err(Obstacle::OtherRepository { line: None });
                }
                let mut written = parts.write(stream, image)?;
                if parts.is_version_only() {
                    written.new = format!("{}{}", image.repository_as_written(), written.new);
                }
                Ok(written)
            }
            Holder::Entry(entry) => {
                let by_name = assignment.container.is_some();
                entry.write(stream, image, by_name)
            }
            Holder::Obstacle(obstacle) => Err(obstacle.clone()),
        }
    }

    /// Whether a reader gets the image that `assignment` asks for here, in the form of a reference.
    pub fn holds(&self, assignment: &ImageAssignment) -> bool {
        let image = &assignment.image;
        let is_digest_only = matches!(&self.holder, Holder::Parts(parts) if parts.is_digest_only());
        let is_version = |held: &ImageReference| match (image.tag(), image.digest()) {
            (_, digest) if is_digest_only => held.digest() == digest,
            (Some(tag), digest) => held.tag() == Some(tag) && held.digest() == digest,
            (None, digest) => held.digest() == digest,
        };
        let held: Vec<ImageReference> = match &self.holder {
            Holder::Parts(parts) if !parts.is_version_only() => parts.readings(),
            Holder::Parts(_) | Holder::Entry(_) => self.shown(image).parse().into_iter().collect(),
            Holder::Obstacle(_) => Vec::new(),
        };
        let is_repository = |held: &ImageReference| match &self.holder {
            Holder::Entry(entry) if assignment.container.is_none() => entry.is_about(image),
            _ => held.same_repository(image),
        };
        held.iter()
            .any(|held| is_version(held) && is_repository(held))
    }
}

/// What is filled in by something else. Where the value comes from is found out later.
fn placeholder(text: &str) -> Obstacle {
    match text.starts_with(TEMPLATE) {
        true => Obstacle::Template,
        false => Obstacle::Placeholder {
            text: text.to_owned(),
            advice: String::new(),
        },
    }
}
