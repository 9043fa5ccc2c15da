//! One scalar that holds a part of an image, or all of it, and maybe more than that:
//!
//! ```yaml
//! tag: v1
//! tag: *shared                             # written where the anchor is
//! image: ghcr.io/acme/web:${TAG:-v1}       # the default is what counts
//! images: [web=ghcr.io/acme/web:v1]        # as `kustomize edit set image` takes it
//! ```

use std::ops::Range;

use crate::image::{self, ImageReference};
use crate::yaml::{Content, NodeId, Stream, Style};

use super::write::{Obstacle, Shared, Written, is_template, set};

/// How an action of GitHub's writes the image that it runs in.
const DOCKER: &str = "docker://";

/// Such a scalar.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    /// Its key, where it has one of its own in the mapping.
    pub key: Option<NodeId>,
    /// What stands there: the scalar, an alias to it, or what a merge key brings in.
    pub node: NodeId,
    /// The scalar with the text.
    source: NodeId,
    /// What it says of the image. A null says nothing.
    pub value: String,
    /// How the text is more than that.
    frame: Vec<Piece>,
}

/// A piece of a text: what belongs to the image, and what is around it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Image(String),
    Frame(String),
}

impl Slot {
    /// The scalar at `node`, or the one that the alias there stands for.
    pub fn read(stream: &Stream<'_>, key: Option<NodeId>, node: NodeId) -> Option<Self> {
        let source = match stream.content(node) {
            Content::Alias { target, .. } => target,
            _ => node,
        };
        let value = value(stream, source)?.to_owned();
        let is_docker = value.starts_with(DOCKER);
        let slot = Self {
            key,
            node,
            source,
            value,
            frame: Vec::new(),
        };
        if is_docker {
            return Some(slot.around(DOCKER.len(), 0));
        }
        let frame = defaults(&slot.value);
        Some(match frame.is_empty() {
            true => slot,
            false => Self {
                value: value_of(&frame),
                frame,
                ..slot
            },
        })
    }

    /// The same, where so many bytes of the text before the image, and so many behind it, are no part of that.
    fn around(self, before: usize, behind: usize) -> Self {
        let end = self.value.len() - behind;
        let part = |range: Range<usize>| self.value.get(range).unwrap_or_default().to_owned();
        let value = part(before..end);
        let frame = vec![
            Piece::Frame(part(0..before)),
            Piece::Image(value.clone()),
            Piece::Frame(part(end..self.value.len())),
        ];
        Self {
            value,
            frame,
            ..self
        }
    }

    /// The same, where what stands in front of a reference is no part of it: `oci://`, `--image=`, `NAME=`.
    pub fn behind_front(self) -> Self {
        match front(&self.value).filter(|_| self.frame.is_empty()) {
            Some(front) => self.around(front, 0),
            None => self,
        }
    }

    /// The same, where that is how a place of images says that one is in a registry.
    pub fn behind_scheme(self) -> Self {
        let has_scheme = ["oci://", "docker-image://"]
            .iter()
            .any(|scheme| self.value.starts_with(scheme));
        match has_scheme {
            true => self.behind_front(),
            false => self,
        }
    }

    /// An item of a list of references, which may have a name: `web=ghcr.io/acme/web:v1`.
    pub fn item(stream: &Stream<'_>, node: NodeId) -> Option<(Option<String>, Self)> {
        let slot = Self::read(stream, None, node)?;
        let name = slot.value.split_once('=').map(|(name, _)| name.to_owned());
        match name.filter(|_| slot.frame.is_empty()) {
            Some(name) => {
                let slot = slot.around(name.len() + 1, 0);
                Some((Some(name), slot))
            }
            None => Some((None, slot)),
        }
    }

    /// Whether the text says more than one reference can: it has a scheme, a flag or a list around it.
    pub fn is_longer(&self) -> bool {
        let around = ['=', ',', ';', '"', '\'', '[', ']', '(', ')', ' ', '\t'];
        self.frame.is_empty()
            && self.placeholder().is_none()
            && (self.value.contains(around)
                || self.value.contains("://")
                || self.value.starts_with('-'))
    }

    /// The one reference in a longer text that `is_asked`, with what is around it as its frame: `--image=web:v1`.
    pub fn within(&self, is_asked: impl Fn(&ImageReference) -> bool) -> Option<Self> {
        let text = &self.value;
        let is_of_reference =
            |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | ':' | '@');
        let words = text.split(|c| !is_of_reference(c));
        let references = words.filter_map(|word| {
            let word = word.rsplit_once("://").map_or(word, |(_, behind)| behind);
            let image: ImageReference = word.parse().ok()?;
            let is_versioned = image.tag().or(image.digest()).is_some();
            (is_versioned && is_asked(&image)).then_some(word)
        });
        let [reference] = references.collect::<Vec<_>>()[..] else {
            return None;
        };
        let (before, behind) = text.split_once(reference)?;
        Some(self.clone().around(before.len(), behind.len()))
    }

    /// The same, reached by what stands at `node`: an alias to what is around it, or a merge key.
    pub fn through(self, node: NodeId) -> Self {
        let key = None;
        Self { key, node, ..self }
    }

    /// Whether the scalar is written here.
    pub fn is_own(&self) -> bool {
        self.node == self.source
    }

    /// The scalar with the text.
    pub fn source(&self) -> NodeId {
        self.source
    }

    /// What it was to be filled in with before anybody reads it.
    pub fn placeholder(&self) -> Option<&str> {
        image::placeholder(&self.value)
    }

    /// Adds to `written` that this is `value`. What holds it already is written again: a `1.10`
    /// without quotes is a number to Helm, which deploys `1.1`, and the edit quotes it.
    pub fn set(
        &self,
        stream: &Stream<'_>,
        value: &str,
        written: &mut Written,
    ) -> Result<(), Obstacle> {
        let holds = value == self.value;
        if holds && (value.is_empty() || !self.is_own()) {
            return Ok(());
        }
        match spans_lines(stream, self.source) {
            true if holds => return Ok(()),
            true => return Err(Obstacle::SpansLines),
            false => {}
        }
        let mut text = self.framed(value)?;
        // A block scalar keeps its line breaks at the end.
        let old = stream.value(self.source).unwrap_or_default();
        let breaks = old.trim_end_matches('\n').len();
        text.push_str(old.get(breaks..).unwrap_or_default());
        if self.is_own() {
            written.edits.push(set(self.node, text));
        } else {
            written.shared.push(Shared {
                user: self.node,
                source: self.source,
                text,
            });
        }
        Ok(())
    }

    /// The text with `value` in its frame. Only one piece of it can change; at the border of two it is
    /// the one that has a frame around it.
    fn framed(&self, value: &str) -> Result<String, Obstacle> {
        if self.frame.is_empty() {
            return Ok(value.to_owned());
        }
        let (start, end) = common_ends(&self.value, value);
        let old = start..self.value.len() - end;
        let middle = value.get(start..value.len() - end).unwrap_or_default();
        let mut chosen = None;
        let mut at = 0;
        for (number, piece) in self.frame.iter().enumerate() {
            let Piece::Image(text) = piece else { continue };
            let is_framed =
                matches!(self.frame.get(number + 1), Some(Piece::Frame(end)) if end == "}");
            let fits = at <= old.start && old.end <= at + text.len();
            if fits && (chosen.is_none() || is_framed) {
                chosen = Some((number, old.start - at..old.end - at));
            }
            at += text.len();
        }
        let (chosen, old) = chosen.ok_or(Obstacle::Framed)?;
        let pieces = self.frame.iter().enumerate();
        let pieces = pieces.map(|(number, piece)| match piece {
            Piece::Image(text) if number == chosen => {
                let mut text = text.clone();
                text.replace_range(old.clone(), middle);
                text
            }
            Piece::Image(text) | Piece::Frame(text) => text.clone(),
        });
        Ok(pieces.collect())
    }
}

/// What a scalar reads as, without the line break of a block scalar; a plain null as nothing.
pub(super) fn value<'s>(stream: &'s Stream<'_>, node: NodeId) -> Option<&'s str> {
    let scalar = stream.scalar(node)?;
    let is_null =
        scalar.style == Style::Plain && matches!(scalar.value, "~" | "null" | "Null" | "NULL");
    Some(match is_null {
        true => "",
        false => scalar.value.trim_end_matches('\n'),
    })
}

/// What keeps `node` from being an image at all, or a part of one.
pub(super) fn no_scalar(stream: &Stream<'_>, node: NodeId) -> Obstacle {
    match is_template(stream, node) {
        true => Obstacle::Template,
        false => Obstacle::NotAString,
    }
}

/// How many bytes of `text` stand in front of a reference with a version, and are no part of it.
fn front(text: &str) -> Option<usize> {
    let scheme = text.rfind("://").map_or(0, |at| at + "://".len());
    let end = scheme.max(text.rfind('=').map_or(0, |at| at + 1));
    let (front, image) = text.split_at_checked(end)?;
    let is_name = |name: &str| {
        let name = name.trim_start_matches('-');
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '+');
        !name.is_empty() && name.chars().all(is_part)
    };
    let names = front.strip_suffix("://").or(front.strip_suffix('='))?;
    let image: ImageReference = image.parse().ok()?;
    let is_versioned = image.tag().is_some() || image.digest().is_some();
    (is_versioned && names.split('=').all(is_name)).then_some(end)
}

/// The reference in `text`, without what stands in front of it.
pub(super) fn reference_in(text: &str) -> &str {
    let start = match text.starts_with(DOCKER) {
        true => Some(DOCKER.len()),
        false => front(text),
    };
    start.and_then(|start| text.get(start..)).unwrap_or(text)
}

fn spans_lines(stream: &Stream<'_>, node: NodeId) -> bool {
    let Some(scalar) = stream.scalar(node) else {
        return false;
    };
    match scalar.style {
        Style::Literal | Style::Folded => scalar.value.trim_end_matches('\n').contains('\n'),
        Style::Plain | Style::SingleQuoted | Style::DoubleQuoted => {
            let raw = stream.raw(node);
            raw.is_some_and(|raw| raw.contains(['\r', '\n']))
        }
    }
}

/// `${NAME:-default}`, as Compose, Flux and the shell have it (also `-`, `:=` and `=`); nothing where the
/// text has none.
fn defaults(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, inside)) = rest.split_once("${") {
        let name = inside
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(inside.len());
        let operator = inside.get(name..).unwrap_or_default();
        let operator = [":-", ":=", "-", "="]
            .into_iter()
            .find(|known| operator.starts_with(known));
        let (Some(operator), Some(end)) = (operator, inside.find('}')) else {
            return Vec::new();
        };
        let start = name + operator.len();
        let default = inside.get(start..end).unwrap_or_default();
        if name == 0 || default.contains('$') {
            return Vec::new();
        }
        let opening = inside.get(..start).unwrap_or_default();
        pieces.extend([
            Piece::Image(before.to_owned()),
            Piece::Frame(format!("${{{opening}")),
            Piece::Image(default.to_owned()),
            Piece::Frame("}".to_owned()),
        ]);
        rest = inside.get(end + 1..).unwrap_or_default();
    }
    if !pieces.is_empty() {
        pieces.push(Piece::Image(rest.to_owned()));
    }
    pieces
}

fn value_of(pieces: &[Piece]) -> String {
    let image = pieces.iter().map(|piece| match piece {
        Piece::Image(text) => text.as_str(),
        Piece::Frame(_) => "",
    });
    image.collect()
}

/// How many bytes two texts begin with in common, and how many of the others they end with.
fn common_ends(old: &str, new: &str) -> (usize, usize) {
    let common = |(a, b): &(char, char)| a == b;
    let pairs = old.chars().zip(new.chars());
    let start: usize = pairs.take_while(common).map(|(c, _)| c.len_utf8()).sum();
    let rest = |text: &str| text.get(start..).unwrap_or_default().to_owned();
    let (old, new) = (rest(old), rest(new));
    let pairs = old.chars().rev().zip(new.chars().rev());
    let end = pairs.take_while(common).map(|(c, _)| c.len_utf8()).sum();
    (start, end)
}
