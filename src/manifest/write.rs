//! What is written where an image belongs, and what keeps it from being written there.

use crate::yaml::{Content, Edit, NewValue, NodeId, Stream, Style};

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

/// `{{ .Values.x }}` without quotes reads as a mapping whose key is a mapping.
pub(super) fn is_template(stream: &Stream<'_>, node: NodeId) -> bool {
    stream
        .pairs(node)
        .iter()
        .any(|(key, _)| stream[*key].in_flow && matches!(stream[*key].content, Content::Mapping(_)))
}
