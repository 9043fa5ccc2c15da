//! The places of a file where an image lives.

use crate::image::ImageReference;
use crate::yaml::{Content, Edit, NewValue, NodeId, Stream, Style};

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
    /// The same, if it is a reference at all.
    pub image: Option<ImageReference>,
    /// How an image is written there.
    pub holder: Holder,
}

/// How a place holds its image.
#[derive(Debug)]
pub(super) enum Holder {
    /// One scalar with the whole reference.
    Whole(NodeId),
    /// An alias: it holds what the scalar at the anchor holds, and is not written itself.
    Follows(NodeId, Obstacle),
    /// It can't be written there.
    Obstacle(Obstacle),
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
        "is the alias `*{name}`: the value stands at its anchor on line {line}, so name that place with `path`"
    )]
    Alias {
        /// The anchor's name.
        name: String,
        /// The line of the anchor.
        line: usize,
    },
    /// `<<: *name` brings the image in.
    #[error(
        "comes in by the merge key `<<`: the value stands at its anchor on line {line}, so name that place with `path`"
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
}

impl Site {
    /// All sites of a file, in the order of the text.
    pub fn all(stream: &Stream<'_>) -> Vec<Self> {
        workload::sites(stream)
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
                (text, Holder::Follows(*target, obstacle))
            }
            Content::Mapping(_) if is_template(stream, node) => {
                (String::new(), Holder::Obstacle(Obstacle::Template))
            }
            Content::Mapping(_) | Content::Sequence(_) => {
                (String::new(), Holder::Obstacle(Obstacle::NotAString))
            }
        };
        Self {
            node,
            container,
            image: text.parse().ok(),
            text,
            holder,
        }
    }

    /// Whether `assignment` is about this site: by the container's name if it gives one, whatever
    /// image that runs now, and by the repository otherwise.
    pub fn is_meant_by(&self, assignment: &ImageAssignment) -> bool {
        match &assignment.container {
            Some(name) => self.container.as_ref() == Some(name),
            None => self
                .image
                .as_ref()
                .is_some_and(|image| image.same_repository(&assignment.image)),
        }
    }

    /// What to change so that the site holds `image`, and how the site reads then.
    pub fn write(
        &self,
        stream: &Stream<'_>,
        image: &ImageReference,
    ) -> Result<(Vec<Edit>, String), Obstacle> {
        match &self.holder {
            Holder::Whole(node) => {
                let new = image.to_string();
                Ok((vec![whole_edit(stream, *node, &new)], new))
            }
            Holder::Follows(_, obstacle) | Holder::Obstacle(obstacle) => Err(obstacle.clone()),
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

/// The edit that writes `text`. A block scalar keeps its line break at the end.
fn whole_edit(stream: &Stream<'_>, node: NodeId, text: &str) -> Edit {
    let value = stream.value(node).unwrap_or_default();
    let end = value
        .get(value.trim_end_matches('\n').len()..)
        .unwrap_or_default();
    Edit {
        node,
        value: NewValue::Text(format!("{text}{end}")),
    }
}

/// What keeps the scalar `node` from being replaced by a reference.
pub(super) fn scalar_obstacle(stream: &Stream<'_>, node: NodeId) -> Option<Obstacle> {
    let scalar = stream.scalar(node)?;
    if scalar.value.contains("{{") {
        return Some(Obstacle::Template);
    }
    let spans_lines = match scalar.style {
        Style::Literal | Style::Folded => scalar.value.trim_end_matches('\n').contains('\n'),
        Style::Plain | Style::SingleQuoted | Style::DoubleQuoted => stream
            .raw(node)
            .is_some_and(|raw| raw.contains(['\r', '\n'])),
    };
    spans_lines.then_some(Obstacle::SpansLines)
}
