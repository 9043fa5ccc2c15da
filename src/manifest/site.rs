//! The places of a file where an image lives.

use std::collections::HashSet;

use crate::image::ImageReference;
use crate::yaml::{Content, Edit, NewValue, NodeId, Stream, Style};

use super::helm::SplitImage;
use super::kustomize::ImageEntry;
use super::request::ImageAssignment;
use super::workload;

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

/// What to change so that a site holds an image.
#[derive(Debug)]
pub(super) struct Written {
    pub edits: Vec<Edit>,
    /// How the site reads then.
    pub new: String,
    /// What a person should know, as in [`super::Note`].
    pub note: Option<String>,
}

/// Why an image can't be written where it belongs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    /// A container without `image`.
    #[error("has no `image`: add the key, and this step will keep it up to date")]
    NoImage,
    /// `image: {…}` or `image: […]`.
    #[error("is a list or a mapping where the image should be a string")]
    NotAString,
    /// `image: *name`.
    #[error(
        "is the alias `*{name}`: what it stands for is written at its anchor on line {line}, so name that place with `path`"
    )]
    Alias {
        /// The anchor's name.
        name: String,
        /// The line of the anchor.
        line: usize,
    },
    /// `<<: *name` brings the image in.
    #[error(
        "comes in by the merge key `<<`: it is written at the anchor on line {line}, so name that place with `path`"
    )]
    Merged {
        /// The line of the anchor.
        line: usize,
    },
    /// `{{ … }}`.
    #[error("is filled in by a template (`{{{{ … }}}}`): change the template's values instead")]
    Template,
    /// More than one line of text.
    #[error("goes over several lines: write the image on one line")]
    SpansLines,
    /// A digest alone, where only a tag can be written.
    #[error("has no place for a digest alone: ask for NAME:TAG@DIGEST")]
    NeedsTag,
    /// `path` leads to `tag: v1`, or to another part of an image.
    #[error(
        "is only a part of an image, {key:?}: name the mapping around it with `path`, or write the part with `set`"
    )]
    Part {
        /// The key.
        key: String,
    },
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
    /// All sites of a file, in the order of the text.
    pub fn all(stream: &Stream<'_>) -> Vec<Self> {
        let mut sites = Vec::new();
        // Nodes that a site has taken, so that the more general rules leave them alone.
        let mut taken = HashSet::new();
        for (id, _) in stream.nodes() {
            if taken.contains(&id) {
                continue;
            }
            let key = stream.key_of(id).unwrap_or_default();
            if workload::is_container_list(key) {
                for item in stream.items(id) {
                    sites.extend(workload::container(stream, *item));
                    taken.extend(
                        [Some(*item), stream.get(*item, "image")]
                            .into_iter()
                            .flatten(),
                    );
                }
            } else if key == "images" {
                for item in stream.items(id) {
                    if let Some(entry) = ImageEntry::read(stream, *item) {
                        taken.insert(*item);
                        sites.push(Self::entry(*item, entry));
                    }
                }
            } else if let Some(split) = SplitImage::read(stream, id) {
                taken.insert(split.repository());
                sites.push(Self::split(id, split));
            } else if key == "image" {
                let site = Self::whole(stream, id, None);
                sites.extend(site.has_reference().then_some(site));
            }
        }
        sites.sort_by_key(|site| site.node);
        sites
    }

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

    fn split(node: NodeId, split: SplitImage) -> Self {
        Self::new(node, split.text(), Holder::Split(split))
    }

    fn entry(node: NodeId, entry: ImageEntry) -> Self {
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

    fn has_reference(&self) -> bool {
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

/// `{{ .Values.x }}` without quotes reads as a mapping whose key is a mapping.
fn is_template(stream: &Stream<'_>, node: NodeId) -> bool {
    stream
        .pairs(node)
        .iter()
        .any(|(key, _)| stream[*key].in_flow && matches!(stream[*key].content, Content::Mapping(_)))
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

/// Makes the scalar `node` the string `text`.
pub(super) fn set(node: NodeId, text: String) -> Edit {
    let value = NewValue::Text(text);
    Edit::Set { node, value }
}

/// The note for an image that is no longer pinned. `old` has a digest.
pub(super) fn removed_digest(old: &str) -> String {
    let digest = old.rsplit('@').next().unwrap_or(old);
    format!("the digest {digest} was removed: it would have kept the old image in force")
}

/// The note for an image whose tag is not what a digest beside it says.
pub(super) fn kept_tag(tag: &str) -> Option<String> {
    let tag = tag.split('@').next().unwrap_or(tag);
    (!tag.is_empty()).then(|| format!("the tag {tag} stays, but the digest beside it decides"))
}

/// What keeps `node` from being replaced by an image, or by a part of one.
pub(super) fn scalar_obstacle(stream: &Stream<'_>, node: NodeId) -> Option<Obstacle> {
    let scalar = match &stream[node].content {
        Content::Scalar(scalar) => scalar,
        Content::Alias { name, target } => {
            return Some(Obstacle::Alias {
                name: name.clone(),
                line: stream[*target].line,
            });
        }
        Content::Mapping(_) if is_template(stream, node) => return Some(Obstacle::Template),
        Content::Mapping(_) | Content::Sequence(_) => return Some(Obstacle::NotAString),
    };
    if scalar.value.contains("{{") {
        return Some(Obstacle::Template);
    }
    let spans_lines = match scalar.style {
        Style::Literal | Style::Folded => scalar.value.trim_end_matches('\n').contains('\n'),
        Style::Plain | Style::SingleQuoted | Style::DoubleQuoted => {
            let raw = stream.raw(node);
            raw.is_some_and(|raw| raw.contains(['\r', '\n']))
        }
    };
    spans_lines.then_some(Obstacle::SpansLines)
}
