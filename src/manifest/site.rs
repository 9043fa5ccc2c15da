//! The places of a file where an image lives.

use crate::image::ImageReference;
use crate::yaml::{Content, NodeId, Stream};

use super::helm::SplitImage;
use super::kustomize::ImageEntry;
use super::request::ImageAssignment;
use super::write::{Obstacle, Written, is_template, removed_digest, scalar_obstacle, set};

/// A place that holds an image.
#[derive(Debug)]
pub(super) struct Site {
    /// What a person is pointed to.
    pub node: NodeId,
    /// The name of the container, if the place is in a list of containers.
    pub container: Option<String>,
    /// The image as one text; empty where there is none.
    pub text: String,
    /// Which image lines without a container mean this place.
    answers_to: AnswersTo,
    /// How an image is written there.
    holder: Holder,
}

/// Which image lines without a container mean a place.
#[derive(Debug)]
enum AnswersTo {
    /// Those with one of these repositories. A Kustomize entry has two.
    Repositories(Vec<ImageReference>),
    /// All: the user has named the place.
    Any,
    /// None: the user has named other places.
    Nothing,
}

/// How a place holds its image.
#[derive(Debug)]
pub(super) enum Holder {
    /// One scalar with the whole reference.
    Whole(NodeId),
    /// Several scalars of a mapping, as Helm charts have it.
    Split(SplitImage),
    /// An entry of Kustomize's `images`.
    Entry(ImageEntry),
    /// An alias: it holds what the scalar at the anchor holds, and is not written itself.
    Alias {
        /// That scalar.
        anchor: NodeId,
        /// What to say where the anchor is no target.
        obstacle: Obstacle,
    },
    /// It can't be written there.
    Obstacle(Obstacle),
}

/// Keys whose value is a part of an image, in Helm values and Kustomize entries.
const PARTS: [&str; 8] = [
    "tag",
    "version",
    "digest",
    "sha",
    "registry",
    "repository",
    "newTag",
    "newName",
];

impl Site {
    /// The site that the user has named: `node` is a string, or a mapping that makes up an image.
    pub fn named(stream: &Stream<'_>, node: NodeId) -> Self {
        let key = stream.key_of(node).unwrap_or_default();
        let is_mapping = matches!(stream[node].content, Content::Mapping(_));
        if PARTS.contains(&key) && !is_mapping {
            let obstacle = Obstacle::Part {
                key: key.to_owned(),
            };
            let text = stream.value(node).unwrap_or_default().to_owned();
            return Self::new(node, text, Holder::Obstacle(obstacle));
        }
        if let Some(entry) = ImageEntry::read(stream, node) {
            return Self::entry(node, entry);
        }
        if let Some(split) = SplitImage::read(stream, node) {
            return Self::split(node, split);
        }
        match stream.get(node, "image") {
            Some(image) => Self::whole(stream, image, None),
            None => Self::whole(stream, node, None),
        }
    }

    fn new(node: NodeId, text: String, holder: Holder) -> Self {
        Self {
            node,
            container: None,
            answers_to: AnswersTo::Repositories(text.parse().into_iter().collect()),
            text,
            holder,
        }
    }

    /// A site that is one scalar, or should be.
    pub fn whole(stream: &Stream<'_>, node: NodeId, container: Option<String>) -> Self {
        let (text, holder) = match &stream[node].content {
            Content::Scalar(scalar) => {
                let text = scalar.value.trim_end_matches('\n').to_owned();
                let holder = match scalar_obstacle(stream, node) {
                    Some(obstacle) => Holder::Obstacle(obstacle),
                    None => Holder::Whole(node),
                };
                (text, holder)
            }
            Content::Alias { name, target } => {
                let text = stream.value(*target).unwrap_or_default().to_owned();
                let obstacle = Obstacle::Alias {
                    name: name.clone(),
                    line: stream[*target].line,
                };
                let anchor = *target;
                (text, Holder::Alias { anchor, obstacle })
            }
            Content::Mapping(_) if is_template(stream, node) => {
                (String::new(), Holder::Obstacle(Obstacle::Template))
            }
            Content::Mapping(_) | Content::Sequence(_) => {
                (String::new(), Holder::Obstacle(Obstacle::NotAString))
            }
        };
        Self {
            container,
            ..Self::new(node, text, holder)
        }
    }

    /// A container whose image is not written in it.
    pub fn without_image(node: NodeId, container: Option<String>, obstacle: Obstacle) -> Self {
        Self {
            container,
            ..Self::new(node, String::new(), Holder::Obstacle(obstacle))
        }
    }

    pub fn split(node: NodeId, split: SplitImage) -> Self {
        Self::new(node, split.text(), Holder::Split(split))
    }

    pub fn entry(node: NodeId, entry: ImageEntry) -> Self {
        let repositories = entry.repositories();
        Self {
            answers_to: AnswersTo::Repositories(repositories),
            ..Self::new(node, entry.text(), Holder::Entry(entry))
        }
    }

    /// The same site, written as an alias at `node` to what is around it.
    pub fn through_alias(self, node: NodeId, name: &str, line: usize) -> Self {
        let name = name.to_owned();
        let obstacle = Obstacle::Alias { name, line };
        let holder = match self.holder {
            Holder::Whole(anchor) => Holder::Alias { anchor, obstacle },
            _ => Holder::Obstacle(obstacle),
        };
        Self {
            node,
            holder,
            ..self
        }
    }

    /// From now on any image line without a container means this site.
    pub fn answer_to_any(&mut self) {
        self.answers_to = AnswersTo::Any;
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
            (Some(name), _) => self.container.as_ref() == Some(name),
            (None, AnswersTo::Repositories(images)) => images
                .iter()
                .any(|image| image.same_repository(&assignment.image)),
            (None, AnswersTo::Any) => true,
            (None, AnswersTo::Nothing) => false,
        }
    }

    pub fn is_alias(&self) -> bool {
        self.anchor().is_some()
    }

    /// The scalar that an alias stands for.
    pub fn anchor(&self) -> Option<NodeId> {
        match self.holder {
            Holder::Alias { anchor, .. } => Some(anchor),
            _ => None,
        }
    }

    /// What to change so that the site holds `image`.
    pub fn write(&self, stream: &Stream<'_>, image: &ImageReference) -> Result<Written, Obstacle> {
        match &self.holder {
            Holder::Whole(node) => Ok(write_whole(stream, *node, image)),
            Holder::Split(split) => split.write(stream, image),
            Holder::Entry(entry) => entry.write(stream, image),
            Holder::Alias { obstacle, .. } | Holder::Obstacle(obstacle) => Err(obstacle.clone()),
        }
    }
}

/// A block scalar keeps its line break at the end.
fn write_whole(stream: &Stream<'_>, node: NodeId, image: &ImageReference) -> Written {
    let old = stream.value(node).unwrap_or_default();
    let line_break = match old.ends_with('\n') {
        true => "\n",
        false => "",
    };
    let was_pinned = old.contains('@') && image.digest().is_none();
    Written {
        edits: vec![set(node, format!("{image}{line_break}"))],
        new: image.to_string(),
        note: was_pinned.then(|| removed_digest(old.trim_end())),
    }
}
