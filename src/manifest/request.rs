//! What a user asks for: the lines of `image`, `path`, `set`, `remove` and `resource`.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use crate::files::RepoPath;
use crate::image::{self, ImageReference, ImageReferenceError};
use crate::yaml::edit::duplicate_keys;
use crate::yaml::path::{Path, PathSyntaxError, Step};
use crate::yaml::{Content, NewValue, Stream, Style, scalar};

/// All changes asked for at once.
#[derive(Debug, Clone, Default)]
pub struct EditRequest {
    /// Images to write wherever their repository, or the container they name, is found.
    pub images: Vec<ImageAssignment>,
    /// Where the images without a container are to be written, instead of wherever they are found.
    pub paths: Vec<YamlPath>,
    /// Values to write that are no images.
    pub set: Vec<ValueAssignment>,
    /// Keys and items to remove, where they are.
    pub remove: Vec<YamlPath>,
    /// The objects that all of this is about; all of them if none is named.
    pub resources: Vec<ResourceFilter>,
    /// The files that nobody has named, but a pattern has found: those that can't be read are left out.
    pub found_by_glob: HashSet<RepoPath>,
}

/// `[CONTAINER=]REFERENCE`, as `kubectl set image` takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageAssignment {
    /// The container's name. Without it, every place that holds the same repository is meant.
    pub container: Option<String>,
    /// The image to write: as it was given, with a tag, a digest or both.
    pub image: ImageReference,
}

/// Why a line is no [`ImageAssignment`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageAssignmentError {
    /// `=ghcr.io/o/web:v1`.
    #[error("{line:?} has no container before the `=`: write CONTAINER=IMAGE, or the image alone")]
    NoContainer {
        /// As it was given.
        line: String,
    },
    /// A name that no container can have.
    #[error(
        "{line:?} names the container {container:?}: a container's name is made of a-z, 0-9 and `-`"
    )]
    Container {
        /// As it was given.
        line: String,
        /// What stands before the `=`.
        container: String,
    },
    /// The image is no reference.
    #[error(transparent)]
    Image(#[from] ImageReferenceError),
    /// Neither tag nor digest: nothing says which version to deploy.
    #[error(
        "{image} has neither a tag nor a digest: say which version to deploy, as in {image}:v1"
    )]
    NoVersion {
        /// The reference as it was given.
        image: ImageReference,
    },
    /// `web: ghcr.io/o/web:v1`
    #[error("{line:?} has `: ` in it: write `{meant}`")]
    Colon {
        /// As it was given.
        line: String,
        /// What is meant.
        meant: String,
    },
    /// `ghcr.io/o/web=v1`
    #[error("{line:?} has `=` where `:` belongs before the tag: write `{meant}`")]
    Equals {
        /// As it was given.
        line: String,
        /// What is meant.
        meant: String,
    },
    /// `{"web": "ghcr.io/o/web:v1"}`
    #[error("{line:?} is a mapping: write one image a line, {meant}")]
    Mapping {
        /// As it was given.
        line: String,
        /// What is meant.
        meant: String,
    },
    /// `web=`
    #[error(
        "{line:?} has no image behind the `=`: write the whole image, as in {line}ghcr.io/OWNER/NAME:v1. An expression (`${{{{ … }}}}`) that gives nothing leaves it so"
    )]
    NoImage {
        /// As it was given.
        line: String,
    },
    /// `v14`.
    #[error("{tag} is a tag alone: write the whole image, as in ghcr.io/OWNER/NAME:{tag}")]
    TagAlone {
        /// The tag.
        tag: String,
    },
}

/// The tag that a text is where an image was meant. Of a repository without a registry it may be the name,
/// too: nobody names one like a version, a commit or a branch.
pub(super) fn tag_alone(text: &str) -> Option<&str> {
    if let Some(tag) = text.strip_prefix(':') {
        return Some(tag);
    }
    let is_hex = text.len() >= 7 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let number = text.strip_prefix(['v', 'V']).unwrap_or(text);
    let is_tag = is_hex
        || number.starts_with(|c: char| c.is_ascii_digit())
        || text.starts_with("sha-")
        || matches!(text, "latest" | "main" | "master" | "stable");
    (is_tag && !text.contains(['/', ':', '@'])).then_some(text)
}

impl FromStr for ImageAssignment {
    type Err = ImageAssignmentError;

    /// A reference can't hold a `=`, so the first one ends the container's name.
    fn from_str(line: &str) -> Result<Self, ImageAssignmentError> {
        if let Some((key, value)) = line.split_once(": ") {
            // As YAML has it: the input again, or a container.
            let value = value.trim();
            let is_tag_alone = is_repository(key) && image::is_tag(value);
            let meant = match key {
                "image" | "- image" => value.to_owned(),
                repository if is_tag_alone => format!("{repository}:{value}"),
                container => format!("{container}={value}"),
            };
            if !meant.contains(": ") && meant.parse::<Self>().is_ok() {
                let line = line.to_owned();
                return Err(ImageAssignmentError::Colon { line, meant });
            }
        }
        if let Some(images) = images_in_mapping(line) {
            let images: Vec<String> = images.iter().map(|image| format!("`{image}`")).collect();
            return Err(ImageAssignmentError::Mapping {
                line: line.to_owned(),
                meant: images.join(", and on the next line "),
            });
        }
        let (container, reference) = match line.split_once('=') {
            Some((container, reference)) => (Some(container.trim()), reference.trim()),
            None => (None, line),
        };
        match container {
            Some("") => {
                let line = line.to_owned();
                return Err(ImageAssignmentError::NoContainer { line });
            }
            Some(container) if !is_container_name(container) => {
                return Err(ImageAssignmentError::Container {
                    line: line.to_owned(),
                    container: container.to_owned(),
                });
            }
            Some(_) if reference.is_empty() => {
                let line = line.to_owned();
                return Err(ImageAssignmentError::NoImage { line });
            }
            Some(repository) if is_repository(repository) && tag_alone(reference).is_some() => {
                return Err(ImageAssignmentError::Equals {
                    line: line.to_owned(),
                    meant: format!("{repository}:{}", reference.trim_start_matches(':')),
                });
            }
            _ => {}
        }
        if let Some(tag) = tag_alone(reference) {
            let tag = tag.to_owned();
            return Err(ImageAssignmentError::TagAlone { tag });
        }
        let image: ImageReference = reference.parse()?;
        if image.tag().is_none() && image.digest().is_none() {
            return Err(ImageAssignmentError::NoVersion { image });
        }
        Ok(Self {
            container: container.map(str::to_owned),
            image,
        })
    }
}

/// Whether `text` is an image without its tag, and can be no container's name.
fn is_repository(text: &str) -> bool {
    let image = text.parse::<ImageReference>();
    text.contains('/') && image.is_ok_and(|image| image.repository_as_written() == text)
}

/// The lines that are meant by a mapping of containers to images: `{"web": "ghcr.io/o/web:v1"}`.
pub fn images_in_mapping(line: &str) -> Option<Vec<String>> {
    if !line.starts_with('{') || !line.ends_with('}') {
        return None;
    }
    let stream = Stream::parse(line.as_bytes()).ok()?;
    let [root] = stream.roots() else { return None };
    let pairs = stream.pairs(*root).map(|(key, value)| {
        let (key, value) = (stream.value(key)?, stream.value(value)?);
        let line = match key {
            "image" => value.to_owned(),
            container => format!("{container}={value}"),
        };
        line.parse::<ImageAssignment>().is_ok().then_some(line)
    });
    let lines: Vec<String> = pairs.collect::<Option<_>>()?;
    (!lines.is_empty()).then_some(lines)
}

impl fmt::Display for ImageAssignment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.container {
            Some(container) => write!(f, "{container}={}", self.image),
            None => self.image.fmt(f),
        }
    }
}

/// A DNS label (Kubernetes' `ContainerName`). Compose files and others also have `_`, `.` and
/// upper case, and the name of a Kustomize entry is a repository, so that these pass too.
fn is_container_name(name: &str) -> bool {
    name.chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        || name
            .parse::<ImageReference>()
            .is_ok_and(|image| image.repository_as_written() == name)
}

/// `[DOCUMENT:]PATH`: a place in a file. `DOCUMENT` is needed where several documents have the path.
///
/// A document is named by its object (`Deployment/web:.spec.replicas`) or counted, from the front
/// (`0:.spec`) or from the end (`-1:.spec`). For the path see [`crate::yaml::path`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YamlPath {
    /// The document.
    pub document: Option<DocumentSelector>,
    /// The place in it.
    pub path: Path,
}

/// Which document of a file is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DocumentSelector {
    /// From 0; negative from the end.
    Index(isize),
    /// The object that it is.
    Resource(ResourceFilter),
}

/// Why a text is no [`YamlPath`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum YamlPathError {
    /// What stands before the `:` names no document.
    #[error(
        "{text:?} begins with {document:?}, which names no document: write Kind/name or a number before the `:`"
    )]
    Document {
        /// As it was given.
        text: String,
        /// What stands before the `:`.
        document: String,
    },
    /// `.spec.replicas=4` where no value belongs.
    #[error("{text:?} has a value behind its path, and here a path stands alone: write `{path}`")]
    Value {
        /// As it was given.
        text: String,
        /// The path alone.
        path: String,
    },
    /// The path itself.
    #[error(transparent)]
    Path(#[from] PathSyntaxError),
}

impl YamlPath {
    /// The same, if its first key is an object without the colon behind it.
    pub(super) fn behind_object(&self) -> Option<Self> {
        let (first, rest) = self.path.steps().split_first()?;
        let Step::Key(key) = first else { return None };
        let object: ResourceFilter = key.parse().ok()?;
        (self.document.is_none() && !rest.is_empty()).then(|| Self {
            document: Some(DocumentSelector::Resource(object)),
            path: self.path.from(1),
        })
    }

    /// Another path in the same document.
    pub(super) fn at(&self, path: Path) -> Self {
        Self {
            document: self.document.clone(),
            path,
        }
    }

    /// Reads a path off the front of `text`; also gives what is left behind it.
    fn parse_front(text: &str) -> Result<(Self, &str), YamlPathError> {
        let (document, path) = match document_prefix(text) {
            Some((document, path)) => {
                let selector = document.parse().map_err(|_| YamlPathError::Document {
                    text: text.to_owned(),
                    document: document.to_owned(),
                })?;
                (Some(selector), path)
            }
            None => (None, text),
        };
        let (path, rest) = Path::parse_front(path)?;
        Ok((Self { document, path }, rest))
    }
}

/// What stands before a `:` that a path follows. A name may hold `:` and `.`, but not `:.`.
fn document_prefix(text: &str) -> Option<(&str, &str)> {
    let end = text
        .find(['=', '"', '\'', '['])
        .map_or(text.len(), |at| at + 1);
    let head = text.get(..end)?;
    let mut starts = [":.", ":[", ":$.", ":$["].into_iter();
    let colon = starts.find_map(|start| head.find(start))?;
    Some((text.get(..colon)?, text.get(colon + 1..)?))
}

impl FromStr for DocumentSelector {
    type Err = ResourceFilterError;

    fn from_str(text: &str) -> Result<Self, ResourceFilterError> {
        match text.parse() {
            Ok(index) => Ok(Self::Index(index)),
            Err(_) => text.parse().map(Self::Resource),
        }
    }
}

impl fmt::Display for DocumentSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index(index) => index.fmt(f),
            Self::Resource(filter) => filter.fmt(f),
        }
    }
}

impl FromStr for YamlPath {
    type Err = YamlPathError;

    fn from_str(text: &str) -> Result<Self, YamlPathError> {
        match Self::parse_front(text)? {
            (path, "") => Ok(path),
            (path, rest) if rest.starts_with('=') || rest.starts_with(":=") => {
                Err(YamlPathError::Value {
                    text: text.to_owned(),
                    path: path.to_string(),
                })
            }
            (_, rest) => Err(YamlPathError::Path(PathSyntaxError::Trailing {
                path: text.to_owned(),
                rest: rest.to_owned(),
            })),
        }
    }
}

impl fmt::Display for YamlPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.document {
            Some(document) => write!(f, "{document}:{}", self.path),
            None => self.path.fmt(f),
        }
    }
}

/// `PATH=VALUE`, or `PATH:=VALUE` to make what is missing on the path.
///
/// The value is read as YAML: `3` is a number, `"3"` and `v3` are strings, `[a]` and `{a: b}` are lists
/// and mappings. A word that some reader of YAML takes for a boolean or a number is written as it was
/// given, without quotes; but where a string stands it becomes one. `!!int 3`, `!!float 1.5`, `!!bool yes`
/// and `!!null` are of that type wherever they are written, without the tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueAssignment {
    /// Where.
    pub path: YamlPath,
    /// Whether it was given as `:=`.
    makes_missing: bool,
    /// What.
    pub value: NewValue,
    /// The tag that the value was given with: `int` for `!!int`.
    tag: Option<&'static str>,
    /// Whether it was given in quotes.
    quoted: bool,
}

impl ValueAssignment {
    /// Whether what is missing on the path is made.
    pub fn creates(&self) -> bool {
        self.makes_missing
    }

    /// Whether the value is of its type on purpose, whatever stands there.
    pub fn is_type_meant(&self) -> bool {
        self.tag.is_some()
    }

    /// Whether the value is a text on purpose, whatever stands there.
    pub fn is_text_meant(&self) -> bool {
        self.quoted || self.tag == Some("str")
    }

    /// Whether the value, as it was given, is no text: a number, a boolean.
    pub fn is_typed(&self) -> bool {
        matches!(self.value, NewValue::Plain(_))
    }

    /// Whether it is plain to see where the value ends: in quotes, or in brackets.
    pub fn is_enclosed(&self) -> bool {
        self.quoted || matches!(self.value, NewValue::Source(_))
    }
}

/// Why a line is no [`ValueAssignment`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueAssignmentError {
    /// No `=` behind the path.
    #[error("{line:?} has no `=` behind its path: write PATH=VALUE")]
    NoValue {
        /// As it was given.
        line: String,
    },
    /// Nothing behind the `=`.
    #[error(
        "{line:?} has no value behind the `=`: an expression (`${{{{ … }}}}`) that gives nothing leaves it so. Check where it comes from; to remove the key, use `remove`; to write an empty text on purpose, two quotes (`\"\"`)"
    )]
    Empty {
        /// As it was given.
        line: String,
    },
    /// `${{ … }}` that GitHub did not fill in.
    #[error(
        "{line:?} has a value that still holds a placeholder (`${{{{ … }}}}`), which GitHub did not fill in: check where the line comes from; to write it as it is on purpose, put the value in quotes"
    )]
    Placeholder {
        /// As it was given.
        line: String,
    },
    /// The value ends in a comment.
    #[error(
        "{line:?} has a comment behind its value, and a comment can't be set: write `{meant}`; where the `#` belongs to the value, put the value in quotes"
    )]
    Comment {
        /// As it was given.
        line: String,
        /// The line without it.
        meant: String,
    },
    /// A mapping in the value has a key twice, and readers differ in which one counts.
    #[error("{line:?} has the key {key:?} twice in one mapping: keep one of them")]
    DuplicateKey {
        /// As it was given.
        line: String,
        /// The key.
        key: String,
    },
    /// The value has an unknown tag, or is no YAML.
    #[error("{line:?} has the value {value:?}, which is not a single YAML value: put it in quotes")]
    NoScalar {
        /// As it was given.
        line: String,
        /// What stands behind the `=`.
        value: String,
    },
    /// The path.
    #[error(transparent)]
    Path(#[from] YamlPathError),
}

impl FromStr for ValueAssignment {
    type Err = ValueAssignmentError;

    fn from_str(line: &str) -> Result<Self, ValueAssignmentError> {
        let given = || line.to_owned();
        let (path, rest) = YamlPath::parse_front(line)?;
        let (makes_missing, value) = match (rest.strip_prefix(":="), rest.strip_prefix('=')) {
            (Some(value), _) => (true, value.trim()),
            (None, Some(value)) => (false, value.trim()),
            (None, None) if rest.is_empty() => {
                return Err(ValueAssignmentError::NoValue { line: given() });
            }
            (None, None) => {
                let (path, rest) = (given(), rest.to_owned());
                return Err(YamlPathError::Path(PathSyntaxError::Trailing { path, rest }).into());
            }
        };
        if value.is_empty() {
            return Err(ValueAssignmentError::Empty { line: given() });
        }
        let quoted = value.starts_with(['"', '\'']);
        let read = read_value(value);
        // In a list or a mapping that can be read, it is in quotes.
        let is_source = matches!(read, Some((NewValue::Source(_), _)));
        let is_text = value.trim_start_matches("!!str").trim_start();
        if value.contains("${{") && !is_source && !is_text.starts_with(['"', '\'']) {
            return Err(ValueAssignmentError::Placeholder { line: given() });
        }
        let (value, tag) = read.ok_or_else(|| no_value(line, value))?;
        if let NewValue::Source(text) = &value
            && let Some(key) = duplicate_key(text)
        {
            let line = given();
            return Err(ValueAssignmentError::DuplicateKey { line, key });
        }
        Ok(Self {
            path,
            makes_missing,
            value,
            tag,
            quoted,
        })
    }
}

/// A key that a mapping in `text` has twice.
fn duplicate_key(text: &str) -> Option<String> {
    let stream = Stream::parse(text.as_bytes()).ok()?;
    stream.nodes().find_map(|(id, _)| {
        let second = duplicate_keys(&stream, id)
            .into_values()
            .map(|(_, second)| second);
        stream.value(second.min()?).map(str::to_owned)
    })
}

/// Why `value`, which ends the line, is not one.
fn no_value(line: &str, value: &str) -> ValueAssignmentError {
    let without_comment = value.match_indices(" #").find_map(|(at, _)| {
        let kept = value.get(..at)?.trim_end();
        read_value(kept).map(|_| kept)
    });
    match without_comment.and_then(|kept| Some((kept, line.trim_end().strip_suffix(value)?))) {
        Some((kept, front)) => ValueAssignmentError::Comment {
            line: line.to_owned(),
            meant: format!("{front}{kept}"),
        },
        None => ValueAssignmentError::NoScalar {
            line: line.to_owned(),
            value: value.to_owned(),
        },
    }
}

/// The types that a value may be given with.
const TAGS: [&str; 6] = ["str", "int", "float", "bool", "null", "timestamp"];

/// The one value that `text` is, from its first character to its last, and the tag that says so.
fn read_value(text: &str) -> Option<(NewValue, Option<&'static str>)> {
    let document = format!("--- {text}");
    let stream = Stream::parse(document.as_bytes()).ok()?;
    let [root] = stream.roots() else { return None };
    let tag = match stream.tag(*root) {
        Some(tag) => {
            let name = tag.strip_prefix("tag:yaml.org,2002:")?;
            Some(*TAGS.iter().find(|known| **known == name)?)
        }
        None => None,
    };
    let untagged = match tag {
        Some(tag) => text.strip_prefix("!!")?.strip_prefix(tag)?.trim_start(),
        None => text,
    };
    if tag == Some("null") && untagged.is_empty() {
        return Some((NewValue::Plain("null".to_owned()), tag));
    }
    if stream.source(*root) != Some(untagged) || stream[*root].anchored {
        return None;
    }
    let value = match stream.content(*root) {
        Content::Scalar(read) if tag == Some("str") => NewValue::Text(read.value.to_string()),
        Content::Scalar(read) => match read.style == Style::Plain && scalar::is_typed(read.value) {
            true => NewValue::Plain(read.value.to_string()),
            false if tag.is_some() => return None,
            false => NewValue::Text(read.value.to_string()),
        },
        Content::Sequence(_) | Content::Mapping(_) if tag.is_none() => {
            // `{{ x }}` is a mapping to YAML, and a template to whoever writes it.
            stream.new_value(*root)?;
            NewValue::Source(text.to_owned())
        }
        _ => return None,
    };
    Some((value, tag))
}

impl fmt::Display for ValueAssignment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operator = if self.makes_missing { ":=" } else { "=" };
        let tag = self.tag.map(|tag| format!("!!{tag} "));
        let operator = format!("{operator}{}", tag.unwrap_or_default());
        write!(f, "{}{operator}{}", self.path, self.value.written())
    }
}

/// `Kind/name`: one Kubernetes object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceFilter {
    /// `Deployment`, as the manifest writes it.
    pub kind: String,
    /// `web`.
    pub name: String,
}

/// Why a text is no [`ResourceFilter`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} names no resource: write Kind/name, as in Deployment/web")]
pub struct ResourceFilterError {
    /// As it was given.
    pub text: String,
}

impl ResourceFilter {
    /// Whether an object of that kind and name is meant.
    pub fn chooses(&self, kind: &str, name: &str) -> bool {
        self.kind == kind && self.name == name
    }
}

impl FromStr for ResourceFilter {
    type Err = ResourceFilterError;

    fn from_str(text: &str) -> Result<Self, ResourceFilterError> {
        let is_word = |part: &str| !part.is_empty() && !part.contains(char::is_whitespace);
        match text.split_once('/') {
            Some((kind, name))
                if is_word(name)
                    && !name.contains('/')
                    && kind.starts_with(|c: char| c.is_ascii_alphabetic())
                    && kind.chars().all(|c| c.is_ascii_alphanumeric()) =>
            {
                Ok(Self {
                    kind: kind.to_owned(),
                    name: name.to_owned(),
                })
            }
            _ => Err(ResourceFilterError {
                text: text.to_owned(),
            }),
        }
    }
}

impl fmt::Display for ResourceFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_an_image_with_or_without_a_container() {
        let line: ImageAssignment = "ghcr.io/o/web:v1".parse().unwrap();
        assert_eq!(line.container, None);
        let line: ImageAssignment = "web=localhost:5000/web:v1".parse().unwrap();
        assert_eq!(line.container.as_deref(), Some("web"));
        assert_eq!(line.image.to_string(), "localhost:5000/web:v1");
        assert_eq!(line.to_string(), "web=localhost:5000/web:v1");
    }

    #[test]
    fn a_line_that_says_nothing_to_deploy_is_refused() {
        let refusal = |line: &str| line.parse::<ImageAssignment>().unwrap_err().to_string();
        insta::assert_snapshot!(
            ["=a:1", "my web=a:1", "web=", "ghcr.io/acme/web=v16", "ghcr.io/acme/web: v16", "{\"web\": \"a/b:v1\", \"log\": \"a/c:v2\"}", "nginx", "web=localhost:5000/web", "v14", "web=1.2", "0a1b2c3"].map(refusal).join("\n"),
            @r#"
            "=a:1" has no container before the `=`: write CONTAINER=IMAGE, or the image alone
            "my web=a:1" names the container "my web": a container's name is made of a-z, 0-9 and `-`
            "web=" has no image behind the `=`: write the whole image, as in web=ghcr.io/OWNER/NAME:v1. An expression (`${{ … }}`) that gives nothing leaves it so
            "ghcr.io/acme/web=v16" has `=` where `:` belongs before the tag: write `ghcr.io/acme/web:v16`
            "ghcr.io/acme/web: v16" has `: ` in it: write `ghcr.io/acme/web:v16`
            "{\"web\": \"a/b:v1\", \"log\": \"a/c:v2\"}" is a mapping: write one image a line, `web=a/b:v1`, and on the next line `log=a/c:v2`
            nginx has neither a tag nor a digest: say which version to deploy, as in nginx:v1
            localhost:5000/web has neither a tag nor a digest: say which version to deploy, as in localhost:5000/web:v1
            v14 is a tag alone: write the whole image, as in ghcr.io/OWNER/NAME:v14
            1.2 is a tag alone: write the whole image, as in ghcr.io/OWNER/NAME:1.2
            0a1b2c3 is a tag alone: write the whole image, as in ghcr.io/OWNER/NAME:0a1b2c3
            "#
        );
    }

    #[test]
    fn a_path_may_name_its_document() {
        for text in [
            ".spec.replicas",
            "Deployment/web:.spec.replicas",
            "ClusterRole/system:node.x:.rules[0]",
            "0:.spec",
            "-1:[0].spec",
        ] {
            let path: YamlPath = text.parse().unwrap();
            assert_eq!(path.to_string(), text);
        }
        for text in ["-1:$.spec", "Deployment/web:$.spec", "1:$[0]"] {
            let path: YamlPath = text.parse().unwrap();
            assert_eq!(path.to_string(), text.replace('$', ""), "{text}");
        }
        let path: YamlPath = "-1:.spec".parse().unwrap();
        assert_eq!(path.document, Some(DocumentSelector::Index(-1)));
        let with_value = ["Pod/x:.spec.replicas=4", ".spec.image:=ghcr.io/acme/web:v1"];
        let told = with_value.map(|text| text.parse::<YamlPath>().unwrap_err().to_string());
        insta::assert_snapshot!(told.join("\n"), @r#"
        "Pod/x:.spec.replicas=4" has a value behind its path, and here a path stands alone: write `Pod/x:.spec.replicas`
        ".spec.image:=ghcr.io/acme/web:v1" has a value behind its path, and here a path stands alone: write `.spec.image`
        "#);
        let path: YamlPath = "[\"a:.b\"]".parse().unwrap();
        assert_eq!(path.document, None);
    }

    #[test]
    fn a_value_is_read_as_yaml() {
        let value = |text: &str| text.parse::<ValueAssignment>().unwrap().value;
        let text = |text: &str| NewValue::Text(text.to_owned());
        let plain = |text: &str| NewValue::Plain(text.to_owned());
        for (line, expected) in [
            ("a=3", plain("3")),
            ("a=\"3\"", text("3")),
            ("a='3'", text("3")),
            ("a=yes", plain("yes")),
            ("a=~", plain("~")),
            ("a=1e3", plain("1e3")),
            ("a=v3", text("v3")),
            ("a=b=c", text("b=c")),
            ("a= b c ", text("b c")),
            ("a=\"\"", text("")),
            ("a=\"x\\ny\"", text("x\ny")),
            (".a[b=c].\"d=e\":=f", text("f")),
            ("a=\"${{ x }}\"", text("${{ x }}")),
            (
                "a={b: \"${{ x }}\"}",
                NewValue::Source("{b: \"${{ x }}\"}".to_owned()),
            ),
            ("a=!!str 3", text("3")),
            ("a=!!int 3", plain("3")),
            ("a=!!null", plain("null")),
            ("a[+]={b: [c]}", NewValue::Source("{b: [c]}".to_owned())),
        ] {
            assert_eq!(value(line), expected, "{line}");
        }
        let line: ValueAssignment = "Pod/x:.a:=3".parse().unwrap();
        assert!(line.creates());
        assert_eq!(line.to_string(), "Pod/x:.a:=3");
        let line: ValueAssignment = "a[+]=!!int  3".parse().unwrap();
        assert!(!line.creates() && line.is_type_meant());
        assert_eq!(line.to_string(), ".a[+]=!!int 3");
    }

    #[test]
    fn a_value_with_a_key_twice_is_refused() {
        let refusal = |line: &str| line.parse::<ValueAssignment>().unwrap_err().to_string();
        insta::assert_snapshot!(
            ["x={b: 1, b: 2}", ".x[+]={b: 1, c: [{d: 1, \"d\": 2}]}"].map(refusal).join("\n"),
            @r#"
            "x={b: 1, b: 2}" has the key "b" twice in one mapping: keep one of them
            ".x[+]={b: 1, c: [{d: 1, \"d\": 2}]}" has the key "d" twice in one mapping: keep one of them
            "#
        );
        for line in ["x={b: 1, c: {b: 2}}", "x=[{b: 1}, {b: 2}]"] {
            line.parse::<ValueAssignment>().unwrap();
        }
    }

    #[test]
    fn a_line_that_sets_nothing_is_refused() {
        let refusal = |line: &str| line.parse::<ValueAssignment>().unwrap_err().to_string();
        insta::assert_snapshot!(
            ["a", "a=", "=b", "a b=c", "a=[b", "a=[b] # c", "a=!!int b", "a=!x 1", "a=&x 1", "a=b # c", "a={{ x }}", "a=${{ x }}", "a:={b: ${{ x }}}", "a=!!str ${{ x }}", "a=b: c", "a=*b", "x y:.a=b", "/x:.a=b"]
                .map(refusal)
                .join("\n"),
            @r#"
            "a" has no `=` behind its path: write PATH=VALUE
            "a=" has no value behind the `=`: an expression (`${{ … }}`) that gives nothing leaves it so. Check where it comes from; to remove the key, use `remove`; to write an empty text on purpose, two quotes (`""`)
            the path is empty
            the path "a b=c" has " b=c" where a step was expected: a key with such a character is written as ["key"]
            "a=[b" has the value "[b", which is not a single YAML value: put it in quotes
            "a=[b] # c" has a comment behind its value, and a comment can't be set: write `a=[b]`; where the `#` belongs to the value, put the value in quotes
            "a=!!int b" has the value "!!int b", which is not a single YAML value: put it in quotes
            "a=!x 1" has the value "!x 1", which is not a single YAML value: put it in quotes
            "a=&x 1" has the value "&x 1", which is not a single YAML value: put it in quotes
            "a=b # c" has a comment behind its value, and a comment can't be set: write `a=b`; where the `#` belongs to the value, put the value in quotes
            "a={{ x }}" has the value "{{ x }}", which is not a single YAML value: put it in quotes
            "a=${{ x }}" has a value that still holds a placeholder (`${{ … }}`), which GitHub did not fill in: check where the line comes from; to write it as it is on purpose, put the value in quotes
            "a:={b: ${{ x }}}" has a value that still holds a placeholder (`${{ … }}`), which GitHub did not fill in: check where the line comes from; to write it as it is on purpose, put the value in quotes
            "a=!!str ${{ x }}" has a value that still holds a placeholder (`${{ … }}`), which GitHub did not fill in: check where the line comes from; to write it as it is on purpose, put the value in quotes
            "a=b: c" has the value "b: c", which is not a single YAML value: put it in quotes
            "a=*b" has the value "*b", which is not a single YAML value: put it in quotes
            "x y:.a=b" begins with "x y", which names no document: write Kind/name or a number before the `:`
            "/x:.a=b" begins with "/x", which names no document: write Kind/name or a number before the `:`
            "#
        );
        insta::assert_snapshot!("web".parse::<ResourceFilter>().unwrap_err(), @r#""web" names no resource: write Kind/name, as in Deployment/web"#);
    }
}
