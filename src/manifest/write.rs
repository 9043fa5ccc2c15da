//! What is written where an image belongs, and what keeps it from being written there.

use crate::yaml::{Content, Edit, NewValue, NodeId, Stream};

/// What to change so that a site holds an image.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub edits: Vec<Edit>,
    /// What is written where others read it, too.
    pub shared: Vec<Shared>,
    /// How the site reads then.
    pub new: String,
    /// The image before, where that is to be read as the new one is.
    pub old: Option<String>,
    /// What a person should know, as in [`super::Note`].
    pub note: Option<String>,
}

/// A scalar at an anchor that a site reaches by an alias, or by a merge key.
#[derive(Debug)]
pub(super) struct Shared {
    /// The alias.
    pub user: NodeId,
    /// The scalar.
    pub source: NodeId,
    /// What it is to be.
    pub text: String,
}

/// What to do about a name of which nothing else is known.
pub(super) const NO_TAG_BESIDE: &str =
    ", and nothing beside it says where the tag is: name the key that holds the tag with `path`";

/// Why an image can't be written where it belongs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    /// A container without `image`.
    #[error("has no `image`: add the key, and this step will keep it up to date")]
    NoImage,
    /// `image: {…}` or `image: […]`.
    #[error(
        "is a list or a mapping where the image should be a string: name what is in it with `path`"
    )]
    NotAString,
    /// What `*name` or `<<` bring in is used by others, who are not asked for.
    #[error(
        "is written at the anchor on line {line}, where others read it that were not asked for ({others}): to change it for all of them, add the line `{path}={value}` to `set`"
    )]
    Shared {
        /// The line of the anchor.
        line: usize,
        /// Where the others are: `lines 4, 7`.
        others: String,
        /// The path of what is at the anchor.
        path: String,
        /// What it would be.
        value: String,
    },
    /// `{{ … }}`.
    #[error("is filled in by a template (`{{{{ … }}}}`): change the template's values instead")]
    Template,
    /// `${TAG}`, `$(TAG)`, `<TAG>`, or `{{ … }}` of which more is known.
    #[error("is filled in by something else, {text}: {advice}")]
    Placeholder {
        /// As it stands there.
        text: String,
        /// Where the value comes from.
        advice: String,
    },
    /// Defaults of several variables make up what would have to change.
    #[error(
        "is made of the defaults of several variables: write the part that changes in one of them"
    )]
    Framed,
    /// `image: ghcr.io/acme/web`, and no tag beside it.
    #[error("is a name without a tag{}", advice.as_deref().unwrap_or(NO_TAG_BESIDE))]
    NameOnly {
        /// Where the tag may be, and what to write; none where nobody has looked.
        advice: Option<String>,
    },
    /// A name without a tag, and a key that may hold its version.
    #[error("is a name without a tag, and its version may be in {key}, {place}: {advice}")]
    VersionElsewhere {
        /// The key.
        key: String,
        /// Where it is.
        place: String,
        /// What to do.
        advice: String,
    },
    /// `useDigest: true`, and no digest that could be written where the chart reads it.
    #[error("is deployed by a digest, whatever its tag is: {advice}")]
    UsesDigest {
        /// Where that is, and what to do.
        advice: String,
    },
    /// `1.x`, `^1.2`, `*`.
    #[error(
        "says a range of versions, {text}, and not which one runs: to write over it, use {}", line.as_ref().map_or("`set`".to_owned(), |line| format!("`{line}` in place of the line in `image`"))
    )]
    Versions {
        /// As it stands there.
        text: String,
        /// The line of `set` that writes over it; none where nobody has looked.
        line: Option<String>,
    },
    /// `path` leads to a number, a truth value or a sentence.
    #[error(
        "is not where an image is: {text:?} stands there, and the key says nothing of one. Where that is a tag, or an image belongs there, write it with `set`"
    )]
    NoReference {
        /// What stands there.
        text: String,
    },
    /// `path` leads to a text that holds several images, or none of those asked for.
    #[error(
        "is not all that stands there, and it can't be told what of it to write: change the text with `set`"
    )]
    Longer,
    /// The `image` of Flux's `ImageRepository`, and the like.
    #[error(
        "is a name whose versions are looked up for this {kind}: a tag there would be an error, so there is nothing to write"
    )]
    LookedUp {
        /// The kind of the object.
        kind: String,
    },
    /// What a policy checks images against.
    #[error(
        "is what this {kind} checks images against, and none that runs: nothing is written there but with `set`"
    )]
    Pattern {
        /// The kind of the object.
        kind: String,
    },
    /// The items of a catalog are for one major version each.
    #[error("is in a catalog for the major version {majors}, and {image} {advice}")]
    OtherMajor {
        /// Those that there are: `15 or 16`.
        majors: String,
        /// What was asked for.
        image: String,
        /// Why it is for none of them, and what to do.
        advice: String,
    },
    /// An entry of Kustomize's `images` whose `name` has a tag.
    #[error(
        "has a tag in its `name`, so Kustomize finds no image to replace: take it out of the name, and write it as `newTag`"
    )]
    NameWithTag,
    /// `path` leads to the tag of another image.
    #[error(
        "belongs to another repository than the one asked for: to write the tag alone all the same, use {}", line.as_ref().map_or("`set`".to_owned(), |line| format!("`{line}`"))
    )]
    OtherRepository {
        /// The line of `set` that does; none where nobody has looked.
        line: Option<String>,
    },
    /// `global.imageRegistry` is another one.
    #[error(
        "gets its registry from `global.imageRegistry`, {registry}, as all images of the file do: change that with `set`"
    )]
    GlobalRegistry {
        /// The registry.
        registry: String,
    },
    /// The repository is in two keys, and the new one has one component.
    #[error(
        "is in two keys, a path and a name, and the new image has no path: change the keys by hand"
    )]
    NoPath,
    /// More than one line of text.
    #[error("goes over several lines: write the image on one line")]
    SpansLines,
    /// A digest alone, where only a tag can be written.
    #[error("has no place for a digest alone: ask for NAME:TAG@DIGEST")]
    NeedsTag,
    /// A tag, where only a digest can be written.
    #[error(
        "is a digest alone, and the image asked for has none: ask for NAME@DIGEST; `pin-digest: true` finds it in the registry"
    )]
    NeedsDigest,
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
    format!("the digest {digest} goes: it would keep the old image in force")
}

/// The note for an image whose tag is not what a digest beside it says.
pub(super) fn kept_tag(tag: &str) -> Option<String> {
    let tag = tag.split('@').next().unwrap_or(tag);
    (!tag.is_empty()).then(|| format!("the tag {tag} stays, but the digest beside it decides"))
}

/// `{{ .Values.x }}` without quotes reads as a mapping whose key is a mapping.
pub(super) fn is_template(stream: &Stream<'_>, node: NodeId) -> bool {
    stream
        .pairs(node)
        .any(|(key, _)| stream[key].in_flow && matches!(stream.content(key), Content::Mapping(_)))
}
