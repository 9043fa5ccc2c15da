//! What is wrong with a manifest or a request, in words for a person.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use crate::files::RepoPath;
use crate::image::ImageReference;
use crate::nearest::either;
use crate::yaml::{EditError, ParseError};

use super::change::{ImageChange, object};
use super::place::Place;
use super::request::ImageAssignment;
use super::write::Obstacle;

/// How many things a message lists before it says "and N more".
pub(super) const LISTED: usize = 10;

/// Why a request can't be planned. Every message is a sentence that names the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// The file is no YAML.
    #[error("{file} can't be read as YAML: {source}")]
    Invalid {
        /// The file.
        file: RepoPath,
        /// What is wrong, and where.
        source: ParseError,
    },
    /// The file is no YAML because it is a template for some.
    #[error("{file}, line {line}: {}", Filled(.values))]
    Template {
        /// The file.
        file: RepoPath,
        /// The first line that holds `{{`.
        line: usize,
        /// Where its values are, if it is a chart's.
        values: Option<RepoPath>,
    },
    /// A key is in two branches of a template.
    #[error(
        "{file}: the key {key:?} is there twice, on lines {first} and {line}, as the branches of a template (`{{{{ if … }}}}`) have it. Which of them is meant can't be told: change it by hand, or in the template's values"
    )]
    Branches {
        /// The file.
        file: RepoPath,
        /// The key.
        key: String,
        /// The line of the first one.
        first: usize,
        /// The line of the second one.
        line: usize,
    },
    /// A line of a template may go on with what is to be another value, or to go.
    #[error(
        "{file}: the template on line {template} (`{{{{ … }}}}`) may write more of what begins on line {line}, and would be left behind: change both by hand, or in the template's values"
    )]
    TemplateBelow {
        /// The file.
        file: RepoPath,
        /// Where the value's key, or its dash, is.
        line: usize,
        /// Where the template is.
        template: usize,
    },
    /// What is new would come between a value and a template that may go on with it.
    #[error(
        "{file}: what is new would be written behind line {line}, and the template on line {template} (`{{{{ … }}}}`) may write more of what stands before it. Add it by hand once, behind that template, and this step keeps it up to date"
    )]
    TemplateBetween {
        /// The file.
        file: RepoPath,
        /// The line that it would follow.
        line: usize,
        /// Where the template is.
        template: usize,
    },
    /// What is new would be in another branch or loop of a template than what it belongs to.
    #[error(
        "{file}: what is new would be written behind line {line}, and there another branch or loop of the template holds (line {block}, `{{{{ … }}}}`) than where it belongs to (line {holder}). Add it by hand once, outside of that branch, and this step keeps it up to date"
    )]
    TemplateBranch {
        /// The file.
        file: RepoPath,
        /// The line that it would follow.
        line: usize,
        /// Where the key, or the dash, of what it belongs to is.
        holder: usize,
        /// Where the branch begins.
        block: usize,
    },
    /// Git LFS keeps the file's text elsewhere.
    #[error("{file} is a Git LFS pointer: its text is not in Git, so it can't be edited there")]
    LfsPointer {
        /// The file.
        file: RepoPath,
    },
    /// No file holds the image's repository.
    #[error("{} {} no image {repository}{}{}", Files(.files), verb(.files, "holds", "hold"), Mentions(.mentions, " where one is looked for"), Held(.held, !.mentions.is_empty()))]
    NoImage {
        /// Its repository, as it was asked for.
        repository: String,
        /// The files that were searched.
        files: Vec<RepoPath>,
        /// Where they have its text all the same.
        mentions: Vec<Mention>,
        /// The images that they do hold, nearest first.
        held: Vec<HeldImage>,
    },
    /// A kustomization has no entry for the image, and nobody has said that there shall be one.
    #[error(
        "{file} has no entry for {name} in its `images`{}{}{}{}",
        Meant(&.advice.meant), Mentions(.mentions, ""), NewEntry(.advice, !.mentions.is_empty()), Held(.held, true)
    )]
    NoEntry {
        /// The file.
        file: RepoPath,
        /// What the entry would be for.
        name: String,
        /// What to write instead.
        advice: Box<EntryAdvice>,
        /// Where the files have its text all the same.
        mentions: Vec<Mention>,
        /// The images that there are, nearest first.
        held: Vec<HeldImage>,
    },
    /// No file has a container of that name.
    #[error("{} {} no container {container}{}", Files(.files), verb(.files, "has", "have"), Containers(.held, .images))]
    NoContainer {
        /// The name that was asked for.
        container: String,
        /// The image that it was to get.
        image: Box<ImageReference>,
        /// The files that were searched.
        files: Vec<RepoPath>,
        /// The containers that they do hold, nearest first.
        held: Vec<HeldImage>,
        /// All images that they hold, nearest first.
        images: Vec<HeldImage>,
    },
    /// Two lines of the request want different images at one place.
    #[error(
        "{file}, line {line}: {first} and {second} both mean {site}: keep one of the two lines"
    )]
    Contradiction {
        /// The file.
        file: RepoPath,
        /// The line of the place.
        line: usize,
        /// The place.
        site: String,
        /// One line of the request.
        first: Box<ImageAssignment>,
        /// Another one.
        second: Box<ImageAssignment>,
    },
    /// The image belongs where it can't be written.
    #[error("{file}, line {line}: {site} {obstacle}")]
    Unwritable {
        /// The file.
        file: RepoPath,
        /// The line of the place.
        line: usize,
        /// The place.
        site: String,
        /// What is in the way.
        obstacle: Box<Obstacle>,
    },
    /// Two lines of the request set one scalar to different values.
    #[error("{file}, line {line}: two lines of the request want different values at {path}")]
    Overlap {
        /// The file.
        file: RepoPath,
        /// The line of the scalar.
        line: usize,
        /// Its path.
        path: String,
    },
    /// A path leads nowhere in any file.
    #[error("{file} has nothing at {path}: {} (line {}) {}", part(&.end.reached), .end.line, .end.there)]
    NothingAt {
        /// The file in which the path led furthest.
        file: RepoPath,
        /// The path as it was given.
        path: String,
        /// Where it ended.
        end: Box<PathEnd>,
    },
    /// A path goes down from a document that is a text.
    #[error(
        "{file} is not YAML or JSON with keys or items: it reads as one text, so no path leads into it, and only YAML and JSON are edited"
    )]
    NoMapping {
        /// The file.
        file: RepoPath,
    },
    /// A path leads to places in several documents of a file.
    #[error(
        "{file} has {path} in {} documents (lines {}): {}", .lines.len(), listed(.lines), choice(.meant)
    )]
    AmbiguousPath {
        /// The file.
        file: RepoPath,
        /// The path as it was given.
        path: String,
        /// The lines that it leads to.
        lines: Vec<usize>,
        /// The paths that each lead to one of them; none where there are no such.
        meant: Vec<String>,
    },
    /// No file has the document that a path names.
    #[error("{} {} no document for {path}; there is {}", Files(.files), verb(.files, "has", "have"), listed(.held))]
    NoDocument {
        /// The path as it was given.
        path: String,
        /// The files that were searched.
        files: Vec<RepoPath>,
        /// The documents that they do have, nearest first.
        held: Vec<String>,
    },
    /// A path of `set` leads to something that is no single value.
    #[error("{file}, line {line}: {path} {reason}")]
    NoScalar {
        /// The file.
        file: RepoPath,
        /// The line that the path leads to.
        line: usize,
        /// The path as it was given.
        path: String,
        /// What is there, and what to do.
        reason: String,
    },
    /// No file has the object that a `resource` line names.
    #[error("{} {} no {wanted}; there is {}", Files(.files), verb(.files, "has", "have"), listed(.held))]
    NoResource {
        /// `Kind/name`.
        wanted: String,
        /// The files that were searched.
        files: Vec<RepoPath>,
        /// The objects that they do hold, nearest first.
        held: Vec<String>,
    },
    /// SOPS vouches for the file's plain values, too.
    #[error(
        "{file} is encrypted with SOPS, whose MAC covers plain values too: after an edit nobody could decrypt it. Set it with `sops set`, or encrypt it with `mac_only_encrypted: true` (SOPS 3.9)"
    )]
    Signed {
        /// The file.
        file: RepoPath,
    },
    /// A value that only SOPS can write.
    #[error(
        "{file}, line {line}: {path} is encrypted with SOPS (`ENC[…]`): change it with `sops set`"
    )]
    Encrypted {
        /// The file.
        file: RepoPath,
        /// From 1.
        line: usize,
        /// Its path.
        path: String,
    },
    /// The guard behind the edit: a place would not hold the image that was asked for.
    #[error("{file}, line {line}: after the edit there would be {found} and not {wanted}")]
    OtherImage {
        /// The file.
        file: RepoPath,
        /// From 1.
        line: usize,
        /// What would be there.
        found: String,
        /// The line of the request.
        wanted: Box<ImageAssignment>,
    },
    /// The text can't be changed exactly.
    #[error("{file}: {source}")]
    Edit {
        /// The file.
        file: RepoPath,
        /// Why not.
        source: EditError,
    },
}

impl ManifestError {
    /// What kind of error it is, in a word or two: for statistics and tests.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Invalid { source, .. } => match source {
                ParseError::Syntax { .. } => "invalid YAML",
                ParseError::NotUtf8 { .. } => "not UTF-8",
                ParseError::TooDeep { .. } => "nested too deep",
                ParseError::TooLarge { .. } | ParseError::TooMuch(_) => "too large",
            },
            Self::Template { .. } => "template",
            Self::Branches { .. } | Self::TemplateBranch { .. } | Self::TemplateBetween { .. } => {
                "template branches"
            }
            Self::TemplateBelow { .. } => "template in value",
            Self::LfsPointer { .. } => "LFS pointer",
            Self::NoImage { .. } => "no such image",
            Self::NoEntry { .. } => "no such entry",
            Self::NoContainer { .. } => "no such container",
            Self::NoResource { .. } => "no such resource",
            Self::NoDocument { .. } => "no such document",
            Self::NothingAt { .. } => "nothing at path",
            Self::NoMapping { .. } => "no mapping",
            Self::AmbiguousPath { .. } => "ambiguous path",
            Self::NoScalar { .. } => "no scalar",
            Self::Contradiction { .. } | Self::Overlap { .. } => "contradiction",
            Self::Unwritable { obstacle, .. } => match **obstacle {
                Obstacle::NoImage => "container without image",
                Obstacle::NotAString => "no string",
                Obstacle::Shared { .. } => "alias",
                Obstacle::Template => "template in value",
                Obstacle::Placeholder { .. } => "placeholder",
                Obstacle::Framed => "several defaults",
                Obstacle::NameOnly { .. } => "name without tag",
                Obstacle::VersionElsewhere { .. } => "version elsewhere",
                Obstacle::UsesDigest { .. } => "digest in use",
                Obstacle::NoReference { .. } => "no reference",
                Obstacle::Longer => "longer text",
                Obstacle::LookedUp { .. } => "name to look up",
                Obstacle::Versions { .. } => "range of versions",
                Obstacle::Pattern { .. } => "pattern",
                Obstacle::OtherMajor { .. } => "other major version",
                Obstacle::NameWithTag => "name with tag",
                Obstacle::OtherRepository { .. } => "other repository",
                Obstacle::GlobalRegistry { .. } => "global registry",
                Obstacle::NoPath => "no path",
                Obstacle::SpansLines => "spans lines",
                Obstacle::NeedsTag => "digest without tag",
                Obstacle::NeedsDigest => "tag without digest",
                Obstacle::Part { .. } => "part of an image",
            },
            Self::Signed { .. } | Self::Encrypted { .. } => "encrypted",
            Self::OtherImage { .. } => "guard: another image",
            Self::Edit { source, .. } => match source {
                EditError::DuplicateKey { .. } => "duplicate key",
                EditError::Taken { .. } => "no text",
                EditError::Empty { .. } => "empty value",
                EditError::NoPlace { .. } => "no place",
                EditError::OpenEnd { .. } => "no line break at the end",
                EditError::Inseparable { .. } => "inseparable",
                EditError::Overlap { .. } => "contradiction",
                EditError::Needed { .. } => "anchor in use",
                EditError::Tagged { .. } => "tag of another type",
                EditError::NotInside { .. } | EditError::Inside { .. } => "text inside of a text",
                EditError::Misplaced { .. } => "guard: position",
                EditError::Breaks(_) => "guard: breaks the file",
                EditError::Spills { .. } => "guard: spills",
                EditError::NoJson { .. } => "guard: no JSON",
            },
        }
    }

    /// The template `file`, whose first `{{` is on `line`.
    pub(super) fn template(file: &RepoPath, line: usize) -> Self {
        Self::Template {
            file: file.clone(),
            line,
            values: values_of(file),
        }
    }

    /// What to do about it, where the message does not say so itself.
    pub fn advice(&self) -> Option<Cow<'static, str>> {
        let advice = match self {
            Self::Invalid { file, .. } if !is_called_yaml(file) => {
                "Only YAML and JSON are edited: name the manifest, or the file with its values, in `file`; a glob leaves \
                 this one out by a line `!PATH`."
            }
            Self::Invalid { .. } => {
                "Correct the file in Git first. Where `file` is a glob that need not match it, exclude it with a line `!PATH`."
            }
            Self::LfsPointer { .. } => {
                "Take the manifest out of Git LFS (`.gitattributes`), or name another file in `file`."
            }
            Self::NoImage {
                repository, held, ..
            } => return Some(Cow::Owned(on_no_image(repository, held))),
            Self::NoContainer {
                image,
                held,
                images,
                ..
            } => return Some(Cow::Owned(on_no_container(image, held, images))),
            Self::NoEntry {
                name, held, advice, ..
            } if advice.meant.is_empty() => {
                let meant = held.first().and_then(|held| nearly(&held.image, name))?;
                let advice =
                    format!("Did you mean `{meant}`, with its tag? Then no entry is needed.");
                return Some(Cow::Owned(advice));
            }
            Self::NothingAt { path, end, .. } => return Some(Cow::Owned(on_nothing(path, end))),
            Self::NoMapping { .. } => "Check `file`.",
            Self::NoDocument { .. } => {
                "Check what is before the `:` of the path, such as `Deployment/web`, and `file`."
            }
            Self::NoResource { .. } => {
                "Check `resource`: kind and name are written as in the manifest."
            }
            Self::Overlap { .. } => "Keep one of the two lines.",
            Self::OtherImage { .. } => {
                "Say with `path` where the image is; and report the file, so that its shape can be learned."
            }
            Self::Edit { source, .. } if source.is_guard() => {
                "The file was not touched, since the result would not have been what was asked for. Report it, with \
                 the lines around the place."
            }
            Self::Template { .. }
            | Self::Branches { .. }
            | Self::NoEntry { .. }
            | Self::TemplateBelow { .. }
            | Self::TemplateBetween { .. }
            | Self::TemplateBranch { .. }
            | Self::Contradiction { .. }
            | Self::Unwritable { .. }
            | Self::AmbiguousPath { .. }
            | Self::NoScalar { .. }
            | Self::Signed { .. }
            | Self::Encrypted { .. }
            | Self::Edit { .. } => return None,
        };
        Some(Cow::Borrowed(advice))
    }

    /// Whether a guard of [`crate::yaml::edit`] had to step in.
    pub fn is_guard(&self) -> bool {
        match self {
            Self::Edit { source, .. } => source.is_guard(),
            Self::OtherImage { .. } => true,
            _ => false,
        }
    }
}

/// The values of the Helm chart that `file` is a template of: they are beside its folder `templates`.
pub(super) fn values_of(file: &RepoPath) -> Option<RepoPath> {
    let file = file.as_str();
    let chart = match file.rfind("/templates/") {
        Some(end) => &file[..=end],
        None if file.starts_with("templates/") => "",
        None => return None,
    };
    format!("{chart}values.yaml").parse().ok()
}

/// The repository of `image`, if `name` is nearly that, and not it.
fn nearly(image: &str, name: &str) -> Option<String> {
    let image: ImageReference = image.parse().ok()?;
    let repository = image.repository_as_written();
    let distance = strsim::damerau_levenshtein(repository, name);
    (1..=2).contains(&distance).then(|| repository.to_owned())
}

/// Whether a file's name says nothing against its being YAML or JSON.
fn is_called_yaml(file: &RepoPath) -> bool {
    let name = file.file_name().to_lowercase();
    let end = name.rsplit_once('.').map_or("", |(_, end)| end);
    let of_others = [
        "toml",
        "ini",
        "cfg",
        "conf",
        "env",
        "properties",
        "tf",
        "tfvars",
        "hcl",
        "xml",
        "md",
        "sh",
        "txt",
        "ts",
        "js",
        "py",
        "cue",
        "jsonnet",
        "libsonnet",
        "dockerfile",
    ];
    !of_others.contains(&end)
}

/// What to do where no place holds an image of `repository`; `held` are the images that are there.
fn on_no_image(repository: &str, held: &[HeldImage]) -> String {
    let mut images = held.iter().filter_map(|held| held.image.parse().ok());
    let is_end = |image: &ImageReference| {
        let before = image.repository_as_written().strip_suffix(repository);
        before.is_some_and(|before| before.ends_with('/'))
    };
    if let Some(image) = images.find(is_end) {
        let image = image.repository_as_written();
        return format!(
            "The registry and the owner are part of an image's name: did you mean `{image}`, with its tag?"
        );
    }
    let has_containers = held.iter().any(|image| image.container.is_some());
    let elsewhere = match (held, has_containers) {
        ([], _) => {
            "Where the file has a shape of its own, say with `path` where the image, or its tag, is."
        }
        (_, true) => {
            "To put another image in place of one that is there, name its container: `CONTAINER=IMAGE`. Where the file \
             has a shape of its own, say with `path` where the image, or its tag, is."
        }
        (_, false) => {
            "To put another image in place of one that is there, or where the file has a shape of its own, say with \
             `path` where the image, or its tag, is."
        }
    };
    format!("Check `image` and `file`. {elsewhere}")
}

/// What to do where no container has the name before the `=`.
fn on_no_container(image: &ImageReference, held: &[HeldImage], images: &[HeldImage]) -> String {
    let is_there = |held: &HeldImage| {
        let held = held.image.parse::<ImageReference>();
        held.is_ok_and(|held| held.same_repository(image))
    };
    match (held, images) {
        ([], []) => "Check `file`.".to_owned(),
        ([], images) if images.iter().any(is_there) => {
            format!("Leave the name and the `=` out: `{image}`.")
        }
        ([], _) => {
            "Leave the name and the `=` out of `image`, and say with `path` where the image is."
                .to_owned()
        }
        _ => "Check the container's name before the `=` in `image`, and `file`.".to_owned(),
    }
}

/// What to do where nothing is at `path`: what is made by `:=` stays, so it is advised to nobody who may have
/// misspelt something.
fn on_nothing(path: &str, end: &PathEnd) -> String {
    let missing = path.strip_prefix(&end.reached).unwrap_or_default();
    let check = match end.meant.as_slice() {
        [] if missing.starts_with("[+]") => format!(
            "`[+]` adds an item to a list, and {} is none: check the path.",
            end.reached
        ),
        [] => "Check the path: its keys are written as in the file.".to_owned(),
        meant => format!("Did you mean {}?", either(meant)),
    };
    match end.can_be_made {
        true => format!("{check} Only to add something new, write `{path}:=…`, with a colon."),
        false => check,
    }
}

/// What to write where a kustomization has no entry for an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryAdvice {
    /// The lines of `set` that add one, and that change nothing more when it is there.
    pub lines: Vec<String>,
    /// The lines of `image` for the entries whose names end so.
    pub meant: Vec<String>,
}

/// An image that a file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldImage {
    /// The file.
    pub file: RepoPath,
    /// From 1.
    pub line: usize,
    /// `Rollout/web`.
    pub resource: String,
    /// The container's name.
    pub container: Option<String>,
    /// Where it is.
    pub place: Place,
    /// The way to it in its document, `.spec.containers[name=web].image`; empty where nobody has asked.
    pub path: String,
    /// The image as it stands there; empty where there is none.
    pub image: String,
}

impl From<&ImageChange> for HeldImage {
    /// The image that shall be there.
    fn from(change: &ImageChange) -> Self {
        Self {
            file: change.file.clone(),
            line: change.line,
            resource: change.resource.clone(),
            container: change.container.clone(),
            place: change.place.clone(),
            path: String::new(),
            image: change.new.clone(),
        }
    }
}

impl fmt::Display for HeldImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let image = match self.image.as_str() {
            "" => "no image",
            image => image,
        };
        write!(f, "{image} (")?;
        if let Some(container) = &self.container {
            write!(f, "container {container}, ")?;
        }
        if let Some(object) = object(&self.file, &self.resource) {
            write!(f, "{object}, ")?;
        }
        let is_told = !matches!(self.path.as_str(), "" | ".");
        let path = if is_told { self.path.as_str() } else { "" };
        let comma = if is_told { ", " } else { "" };
        write!(f, "{} line {}{comma}{path})", self.file, self.line)
    }
}

/// Where a path ended that leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathEnd {
    /// The line that it led to.
    pub line: usize,
    /// The part of it that led somewhere.
    pub reached: String,
    /// What is there.
    pub there: String,
    /// The paths that may have been meant.
    pub meant: Vec<String>,
    /// Whether `:=` would make what is missing.
    pub can_be_made: bool,
}

/// A text that names an image where no place of it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    /// The file.
    pub file: RepoPath,
    /// From 1.
    pub line: usize,
    /// Why it was not taken, and what to write so that it is.
    pub why: String,
}

impl fmt::Display for Mention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} line {}, {}", self.file, self.line, self.why)
    }
}

/// `a.yaml`, or `a.yaml, b.yaml`.
struct Files<'a>(&'a [RepoPath]);

impl fmt::Display for Files<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, file) in self.0.iter().take(LISTED).enumerate() {
            let separator = if number == 0 { "" } else { ", " };
            write!(f, "{separator}{file}")?;
        }
        write_rest(f, " ", self.0.len())
    }
}

/// Which of several paths to write.
fn choice(meant: &[String]) -> String {
    match meant {
        [] => "put the document before the path, as in Deployment/web:.spec".to_owned(),
        meant if meant.len() > LISTED => {
            format!("put the document before the path, as in {}", meant[0])
        }
        meant => format!("write {}", either(meant)),
    }
}

/// The part of a path that led somewhere.
fn part(reached: &str) -> &str {
    match reached {
        "." => "its top level",
        reached => reached,
    }
}

/// The form of a verb that goes with the files.
fn verb(files: &[RepoPath], one: &'static str, several: &'static str) -> &'static str {
    match files {
        [_] => one,
        _ => several,
    }
}

/// The end of a sentence: what is there instead, one a line.
struct Held<'a>(&'a [HeldImage], bool);

/// The end of a sentence: the containers that are there; where there are none, the images.
struct Containers<'a>(&'a [HeldImage], &'a [HeldImage]);

impl fmt::Display for Containers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self([], []) => f.write_str(": it holds no container and no image at all"),
            Self([], images) => {
                f.write_str(": it names no container.")?;
                Held(images, true).fmt(f)
            }
            Self(held, _) => Held(held, false).fmt(f),
        }
    }
}

/// The end of a sentence: where the text is, one a line, and before that where there is none.
struct Mentions<'a>(&'a [Mention], &'static str);

impl fmt::Display for Mentions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.is_empty() {
            write!(f, "{}. The text is there:", self.1)?;
        }
        self.0
            .iter()
            .try_for_each(|mention| write!(f, "\n- {mention}"))
    }
}

/// Where a template's values are.
struct Filled<'a>(&'a Option<RepoPath>);

impl fmt::Display for Filled<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(values) => write!(
                f,
                "a template of a Helm chart (`{{{{ … }}}}`): the image is in the chart's values. Name that file in `file` instead, such as `file: {values}`"
            ),
            None => f.write_str(
                "a template (`{{ … }}`) and not YAML: name the file that holds its values, such as `values.yaml`, in `file` instead",
            ),
        }
    }
}

/// The lines of `image` that may have been meant.
struct Meant<'a>(&'a [String]);

impl fmt::Display for Meant<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.0.iter().take(LISTED);
        let lines: Vec<String> = lines.map(|line| format!("image: {line}")).collect();
        match lines.is_empty() {
            true => Ok(()),
            false => write!(
                f,
                ": the registry and the owner are part of its name. Did you mean {}?",
                either(&lines)
            ),
        }
    }
}

/// How an entry of Kustomize's is added, and whether that begins a line.
struct NewEntry<'a>(&'a EntryAdvice, bool);

impl fmt::Display for NewEntry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(EntryAdvice { lines, meant }, is_line) = self;
        let is_another = !meant.is_empty();
        let lines: Vec<String> = lines.iter().map(|line| format!("`{line}`")).collect();
        let (word, what) = match lines.as_slice() {
            [] => return Ok(()),
            [_] => ("line", "it"),
            _ => ("lines", "them"),
        };
        let start = match (is_line, is_another) {
            (true, _) => "\n",
            (false, true) => " ",
            (false, false) => ". ",
        };
        let when = match is_another {
            true => "Only where the manifests have it without them",
            false => "To add an entry",
        };
        write!(
            f,
            "{start}{when}, put the {word} {} into `set`, in place of the line in `image`; from then on `image` \
             does it without {what}",
            lines.join(" and ")
        )
    }
}

impl fmt::Display for Held<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(held, is_told) = self;
        match (held.is_empty(), is_told) {
            (true, true) => return Ok(()),
            (true, false) => return f.write_str(": there is none at all"),
            (false, true) => f.write_str("\nImages there, nearest first:")?,
            (false, false) => f.write_str(". What is there, nearest first:")?,
        }
        for held in self.0.iter().take(LISTED) {
            write!(f, "\n- {held}")?;
        }
        write_rest(f, "\n", self.0.len())
    }
}

fn write_rest(f: &mut fmt::Formatter<'_>, separator: &str, count: usize) -> fmt::Result {
    match count.checked_sub(LISTED) {
        None | Some(0) => Ok(()),
        Some(more) => write!(f, "{separator}and {more} more"),
    }
}

/// `a, b, c`, or `nothing`.
pub(super) fn listed(things: &[impl fmt::Display]) -> String {
    let mut texts: Vec<String> = things
        .iter()
        .take(LISTED)
        .map(ToString::to_string)
        .collect();
    match things.len().checked_sub(LISTED) {
        None | Some(0) => {}
        Some(more) => texts.push(format!("and {more} more")),
    }
    match texts.as_slice() {
        [] => "nothing".to_owned(),
        texts => texts.join(", "),
    }
}

/// `texts`, each once, the one most similar to `wanted` first.
pub(super) fn nearest_texts(texts: impl Iterator<Item = String>, wanted: &str) -> Vec<String> {
    let unique: BTreeSet<String> = texts.collect();
    let mut ranked: Vec<(f64, String)> = unique
        .into_iter()
        .map(|text| {
            (
                strsim::jaro_winkler(&text, wanted.trim_start_matches('.')),
                text,
            )
        })
        .collect();
    ranked.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    ranked.into_iter().map(|(_, text)| text).collect()
}
