//! `commit-message`: a text with placeholders, and what they stand for.

use std::collections::HashSet;
use std::str::FromStr;

use super::run::Source;
use crate::image::ImageReference;
use crate::manifest::{ImageChange, Plan, ValueChange};
use crate::nearest::nearest;

/// What a commit deploys.
#[derive(Debug, Clone)]
pub struct Deployment<'a> {
    /// Every image that changes, in the order of the files.
    pub images: Vec<&'a ImageChange>,
    /// Every other value that is meant and changes.
    pub values: Vec<&'a ValueChange>,
    /// Every file that changes.
    pub files: Vec<String>,
    /// Where the images come from if another stage has them: `envs/staging/web.yaml@SHA`.
    pub promoted_from: Vec<String>,
    /// The run that deploys it.
    pub source: &'a Source,
}

impl<'a> Deployment<'a> {
    /// What `plan` deploys.
    pub fn of(plan: &'a Plan, source: &'a Source) -> Self {
        Self {
            images: plan.changed_images().collect(),
            values: plan.changed_values().collect(),
            files: plan.changed_files(),
            promoted_from: Vec::new(),
            source,
        }
    }
}

/// `commit-message`, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageTemplate(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Placeholder(Placeholder),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Placeholder {
    Image,
    Name,
    Tag,
    Digest,
    PreviousImage,
    PreviousTag,
    File,
    Resource,
    SourceRepository,
    SourceSha,
    Actor,
    RunNumber,
}

const PLACEHOLDERS: [(&str, Placeholder); 12] = [
    ("image", Placeholder::Image),
    ("name", Placeholder::Name),
    ("tag", Placeholder::Tag),
    ("digest", Placeholder::Digest),
    ("previous-image", Placeholder::PreviousImage),
    ("previous-tag", Placeholder::PreviousTag),
    ("file", Placeholder::File),
    ("resource", Placeholder::Resource),
    ("source-repository", Placeholder::SourceRepository),
    ("source-sha", Placeholder::SourceSha),
    ("actor", Placeholder::Actor),
    ("run-number", Placeholder::RunNumber),
];

/// A template of nothing but white space.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the message is empty")]
pub struct EmptyTemplate;

impl FromStr for MessageTemplate {
    type Err = EmptyTemplate;

    /// `{name}` is a placeholder where there is one of that name; any other brace is text.
    fn from_str(text: &str) -> Result<Self, EmptyTemplate> {
        if text.trim().is_empty() {
            return Err(EmptyTemplate);
        }
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            literal.push_str(before);
            let placeholder = after.split_once('}').and_then(|(name, behind)| {
                let known = PLACEHOLDERS.iter().find(|(own, _)| *own == name);
                Some((known?.1, behind))
            });
            match placeholder {
                Some((placeholder, behind)) => {
                    pieces.push(Piece::Text(std::mem::take(&mut literal)));
                    pieces.push(Piece::Placeholder(placeholder));
                    rest = behind;
                }
                None => {
                    literal.push('{');
                    rest = after;
                }
            }
        }
        literal.push_str(rest);
        pieces.push(Piece::Text(literal));
        Ok(Self(pieces))
    }
}

/// What looks like a placeholder in a template and is none, so that it stays as text: a word in braces, of
/// lower-case letters, `-` and `_`. Each told in a sentence.
pub fn unknown_placeholders(text: &str) -> Vec<String> {
    let words = text
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split_once('}'));
    let is_word = |word: &str| {
        word.chars()
            .all(|c| c.is_ascii_lowercase() || matches!(c, '-' | '_'))
    };
    let known = |word: &str| PLACEHOLDERS.iter().any(|(own, _)| *own == word);
    let unknown = words
        .map(|(word, _)| word)
        .filter(|word| !word.is_empty() && is_word(word) && !known(word));
    let told = unknown.map(|word| {
        let all = nearest(word, PLACEHOLDERS.iter().map(|(name, _)| *name));
        let all: Vec<String> = all.into_iter().map(|name| format!("{{{name}}}")).collect();
        let all = all.join(" ");
        format!(
            "{{{word}}} is not a placeholder and stays as text. Placeholders, nearest first: {all}"
        )
    });
    told.collect()
}

impl MessageTemplate {
    pub(super) fn render(&self, deployment: &Deployment<'_>) -> String {
        self.rendered(deployment, str::to_owned)
    }

    /// The same for a place where GitHub reads Markdown, and acts on what it reads.
    pub(super) fn render_markdown(&self, deployment: &Deployment<'_>) -> String {
        self.rendered(deployment, inert)
    }

    fn rendered(&self, deployment: &Deployment<'_>, value: fn(&str) -> String) -> String {
        let render = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Placeholder(placeholder) => value(&one_line(&placeholder.value(deployment))),
        };
        self.0.iter().map(render).collect()
    }
}

impl Placeholder {
    /// The value; several are joined by commas, each said once.
    fn value(self, deployment: &Deployment<'_>) -> String {
        let Deployment {
            images,
            files,
            source,
            ..
        } = deployment;
        let new = |part: fn(&ImageReference) -> Option<&str>| {
            distinct(images.iter().filter_map(|image| part_of(&image.new, part)))
        };
        let old = |part: fn(&ImageReference) -> Option<&str>| {
            distinct(images.iter().filter_map(|image| part_of(&image.old, part)))
        };
        match self {
            Self::Image => distinct(images.iter().map(|image| image.new.clone())),
            Self::Name => new(|image| Some(image.name())),
            Self::Tag => new(ImageReference::tag),
            Self::Digest => new(ImageReference::digest),
            Self::PreviousImage => distinct(images.iter().map(|image| image.old.clone())),
            Self::PreviousTag => old(ImageReference::tag),
            Self::File => distinct(files.iter().cloned()),
            Self::Resource => distinct(images.iter().map(|image| image.resource.clone())),
            Self::SourceRepository => source.repository.clone().into_iter().collect(),
            Self::SourceSha => source.sha.clone().into_iter().collect(),
            Self::Actor => source.actor.clone().into_iter().collect(),
            Self::RunNumber => source.run_number.clone().into_iter().collect(),
        }
        .join(", ")
    }
}

fn part_of(image: &str, part: fn(&ImageReference) -> Option<&str>) -> Option<String> {
    let image: ImageReference = image.parse().ok()?;
    part(&image).map(str::to_owned)
}

/// Each of the values once, in their order.
pub(super) fn distinct(values: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = HashSet::new();
    let is_first = |value: &String| !value.is_empty() && seen.insert(value.clone());
    values.filter(is_first).collect()
}

/// A value in which nothing is markup, mentions anybody or closes an issue, whatever of Markdown the
/// template has around it. No image, file or object has such characters; they are shown as U+FFFD.
fn inert(value: &str) -> String {
    let mut inert = String::new();
    for c in value.chars() {
        let begins = !inert.ends_with(|before: char| before.is_alphanumeric());
        let is_harmless = match c {
            '.' | '_' | '/' | ':' | '-' | '+' | ',' | ' ' => true,
            // A digest's stands behind a name or a tag; that of a mention behind nothing.
            '@' => !begins,
            c => c.is_alphanumeric(),
        };
        inert.push(if is_harmless { c } else { '\u{fffd}' });
    }
    // The one reference to an issue that has nothing else in it.
    inert
        .replace("GH-", "GH\u{fffd}")
        .replace("://", ":\u{fffd}//")
        .replace("www.", "www\u{fffd}")
}

/// A value on one line: whatever would begin another becomes a space.
pub(super) fn one_line(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
