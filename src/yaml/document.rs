//! A YAML file as a tree of nodes, each scalar with the bytes it takes up.
//!
//! The parser is yaml-rust2's pull parser: its events come one by one, so that no input can
//! overflow the stack. It says on which line and in which column a scalar begins, not where it
//! ends, and what it calls an index in bytes counts characters, and even those wrongly once a block
//! scalar has held anything but ASCII. So the start is taken from line and column, and the end is
//! found here, in the text. [`crate::yaml::edit`] checks both before it relies on them.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::ops::{Index, Range, RangeInclusive};

use yaml_rust2::parser::{Event, Parser, Tag};
use yaml_rust2::scanner::{Marker, ScanError, TScalarStyle};

/// How deep collections may nest. Real manifests stay below 30.
pub const MAX_DEPTH: usize = 512;
/// How large a file may be, in bytes. etcd takes objects of 1.5 MiB; the largest bundles of custom
/// resource definitions in the wild have about 6 MiB.
pub const MAX_BYTES: usize = 16 * 1024 * 1024;

const BYTE_ORDER_MARK: char = '\u{feff}';

/// Everything in one YAML file: what the YAML specification calls a stream of documents.
#[derive(Debug)]
pub struct Stream<'t> {
    text: &'t str,
    nodes: Vec<Node>,
    roots: Vec<NodeId>,
}

/// A node's place in its [`Stream`], in the order of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(usize);

/// A scalar, a collection or an alias, and where it stands.
#[derive(Debug)]
pub struct Node {
    /// Which document of the stream it is in, from 0.
    pub document: usize,
    /// The collection that holds it; none for the root of a document.
    pub parent: Option<NodeId>,
    /// What it is to that collection.
    pub role: Role,
    /// Where its content begins, behind anchor and tag, from 1. For an empty value, where the next
    /// thing begins.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// Whether `{…}` or `[…]` is around it, or it is one itself.
    pub in_flow: bool,
    /// Whether an anchor (`&name`) stands before it.
    pub anchored: bool,
    /// Its tag, resolved: `tag:yaml.org,2002:str` for `!!str`.
    pub tag: Option<String>,
    /// What it is.
    pub content: Content,
}

/// What a node is to the collection that holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The root of a document.
    Root,
    /// The key of a pair of a mapping.
    Key,
    /// The value of a pair of a mapping.
    Value {
        /// The key of the pair.
        key: NodeId,
    },
    /// An item of a sequence.
    Item {
        /// From 0.
        index: usize,
    },
}

/// What a node is.
#[derive(Debug)]
pub enum Content {
    /// A string, number, boolean or null: YAML's grammar does not tell them apart.
    Scalar(Scalar),
    /// The items.
    Sequence(Vec<NodeId>),
    /// Keys and values in the order of the text; a key may be there twice.
    Mapping(Vec<(NodeId, NodeId)>),
    /// `*name`.
    Alias {
        /// Without the `*`.
        name: String,
        /// The node that carries the anchor; never an alias itself.
        target: NodeId,
    },
}

/// A scalar as it was written and as it reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scalar {
    /// Without quotes, escapes and folds.
    pub value: String,
    /// How it is written.
    pub style: Style,
    /// The bytes of the file that it takes up: with its quotes; for a block scalar from the `|` or
    /// `>` to the end of the last line with content. None for an empty value, and where the text
    /// does not bear out what the parser says.
    pub span: Option<Range<usize>>,
}

/// The five ways YAML has to write a scalar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// `text`
    Plain,
    /// `'text'`
    SingleQuoted,
    /// `"text"`
    DoubleQuoted,
    /// `|` and indented lines
    Literal,
    /// `>` and indented lines
    Folded,
}

/// Why bytes are no YAML that this program works on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The text breaks YAML's grammar.
    #[error("line {line}, column {column}: {reason}")]
    Syntax {
        /// From 1.
        line: usize,
        /// In characters, from 1.
        column: usize,
        /// The parser's words.
        reason: String,
    },
    /// The bytes are in another encoding, or binary.
    #[error("line {line}: the file is not UTF-8 text")]
    NotUtf8 {
        /// The line of the first bad byte, from 1.
        line: usize,
    },
    /// Collections nest deeper than [`MAX_DEPTH`].
    #[error("line {line}: more than {MAX_DEPTH} levels of nesting")]
    TooDeep {
        /// From 1.
        line: usize,
    },
    /// The file is larger than [`MAX_BYTES`].
    #[error("the file has {bytes} bytes, and {MAX_BYTES} is the limit")]
    TooLarge {
        /// The file's size.
        bytes: usize,
    },
}

impl<'t> Stream<'t> {
    /// Reads all documents of a file.
    ///
    /// # Errors
    /// [`ParseError`] says what is wrong and on which line.
    pub fn parse(bytes: &'t [u8]) -> Result<Self, ParseError> {
        if bytes.len() > MAX_BYTES {
            return Err(ParseError::TooLarge { bytes: bytes.len() });
        }
        let text = std::str::from_utf8(bytes).map_err(|error| ParseError::NotUtf8 {
            line: line_of(bytes, error.valid_up_to()),
        })?;
        // The parser takes NUL for the end of the file; YAML allows it nowhere (chapter 5.1).
        if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
            let (line, column) = (line_of(bytes, at), 1);
            let reason = "a NUL byte, which YAML does not allow".to_owned();
            return Err(ParseError::Syntax {
                line,
                column,
                reason,
            });
        }
        let mut deeper = BTreeSet::new();
        let mut budget = MAX_REREAD;
        loop {
            match Builder::new(text, &deeper).build() {
                Ok(stream) => return Ok(stream),
                Err(Stop::Error(error)) => return Err(error),
                Err(Stop::Scan(error)) => {
                    let lines = too_shallow(text, &error, &deeper);
                    let known = deeper.len();
                    deeper.extend(lines.into_iter().flatten());
                    budget = budget.saturating_sub(text.len());
                    if deeper.len() == known || budget == 0 {
                        return Err(syntax_error(&error, &deeper));
                    }
                }
            }
        }
    }

    /// The text that was read.
    pub fn text(&self) -> &'t str {
        self.text
    }

    /// The roots of the documents, in the order of the text.
    pub fn roots(&self) -> &[NodeId] {
        &self.roots
    }

    /// All nodes in the order of the text; a collection comes before what it holds.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        self.nodes
            .iter()
            .enumerate()
            .map(|(index, node)| (NodeId(index), node))
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The scalar that `id` is, if it is one.
    pub fn scalar(&self, id: NodeId) -> Option<&Scalar> {
        match &self[id].content {
            Content::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// What the scalar `id` reads as, if it is one.
    pub fn value(&self, id: NodeId) -> Option<&str> {
        self.scalar(id).map(|scalar| scalar.value.as_str())
    }

    /// The pairs of `id`; none if it is no mapping.
    pub fn pairs(&self, id: NodeId) -> &[(NodeId, NodeId)] {
        match &self[id].content {
            Content::Mapping(pairs) => pairs,
            _ => &[],
        }
    }

    /// The items of `id`; none if it is no sequence.
    pub fn items(&self, id: NodeId) -> &[NodeId] {
        match &self[id].content {
            Content::Sequence(items) => items,
            _ => &[],
        }
    }

    /// The value of the first `key` in the mapping `id`.
    pub fn get(&self, id: NodeId, key: &str) -> Option<NodeId> {
        self.pairs(id)
            .iter()
            .find(|(k, _)| self.value(*k) == Some(key))
            .map(|(_, value)| *value)
    }

    /// The key under which `id` hangs in a mapping.
    pub fn key_of(&self, id: NodeId) -> Option<&str> {
        match self[id].role {
            Role::Value { key } => self.value(key),
            _ => None,
        }
    }

    /// `id`, the collection that holds it, and so on up to the root.
    pub fn ancestors(&self, id: NodeId) -> impl Iterator<Item = NodeId> {
        std::iter::successors(Some(id), |id| self[*id].parent)
    }

    /// The stream of a parser that errs about where the scalar `id` stands.
    #[cfg(test)]
    pub(super) fn misplace(&mut self, id: NodeId, span: Option<Range<usize>>) {
        if let Content::Scalar(scalar) = &mut self.nodes[id.0].content {
            scalar.span = span;
        }
    }

    /// The bytes of the file that the scalar `id` takes up, as text.
    pub fn raw(&self, id: NodeId) -> Option<&'t str> {
        let span = self.scalar(id)?.span.clone()?;
        self.text.get(span)
    }
}

impl NodeId {
    /// How many nodes of the stream come before it.
    pub fn number(self) -> usize {
        self.0
    }
}

impl Index<NodeId> for Stream<'_> {
    type Output = Node;

    /// The node `id` of this stream. An id of another stream is a mistake in this program.
    fn index(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }
}

impl fmt::Display for Style {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "plain",
            Self::SingleQuoted => "single-quoted",
            Self::DoubleQuoted => "double-quoted",
            Self::Literal => "literal block",
            Self::Folded => "folded block",
        })
    }
}

/// YAML wants what goes on over several lines in quotes or brackets to be indented deeper than the
/// key before it (chapter 7.4), and the parser insists. Kubernetes' reader does not, and a `]` below
/// its key is what people write. White space means nothing there, so the parser is shown such lines
/// this much deeper than they are.
const DEEPER: usize = 128;

/// How many bytes may be read again for that: each time, one more value of the file is put right.
const MAX_REREAD: usize = 64 * 1024 * 1024;

/// Why a text was not read to its end.
enum Stop {
    Error(ParseError),
    Scan(ScanError),
}

impl From<ParseError> for Stop {
    fn from(error: ParseError) -> Self {
        Self::Error(error)
    }
}

/// The lines that the parser found not deep enough, if that is what `error` says.
fn too_shallow(
    text: &str,
    error: &ScanError,
    deeper: &BTreeSet<usize>,
) -> Option<RangeInclusive<usize>> {
    let line = error.marker().line();
    match error.info() {
        "invalid indentation" | "invalid indentation in flow construct" => Some(line..=line),
        "invalid indentation in quoted scalar" => {
            // It names where the scalar begins.
            let start = Positions::new(text, deeper).byte(*error.marker())?;
            let rest = text.get(start..)?;
            let length = single_quoted_length(rest).or_else(|| double_quoted_length(rest))?;
            Some(line + 1..=line + count_breaks(rest.get(..length)?))
        }
        _ => None,
    }
}

/// Turns the parser's events into a [`Stream`].
struct Builder<'t, 'd> {
    text: &'t str,
    positions: Positions<'t, 'd>,
    nodes: Vec<Node>,
    roots: Vec<NodeId>,
    /// The collections that are open, outermost first.
    open: Vec<Open>,
    /// The node of each of the parser's anchor numbers.
    anchors: HashMap<usize, NodeId>,
    /// Where the last scalar or alias ended: nothing that follows begins before.
    last_end: usize,
}

struct Open {
    node: NodeId,
    /// In a mapping, the key whose value comes next.
    key: Option<NodeId>,
}

impl<'t, 'd> Builder<'t, 'd> {
    fn new(text: &'t str, deeper: &'d BTreeSet<usize>) -> Self {
        Self {
            text,
            positions: Positions::new(text, deeper),
            nodes: Vec::new(),
            roots: Vec::new(),
            open: Vec::new(),
            anchors: HashMap::new(),
            last_end: 0,
        }
    }

    fn build(mut self) -> Result<Stream<'t>, Stop> {
        let shown = self.positions.shown();
        // A byte order mark is no part of the first document (chapter 5.2); the parser would take
        // it into the first key.
        let body = shown.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&shown);
        let mut parser = Parser::new_from_str(body);
        loop {
            let (event, mark) = parser.next_token().map_err(Stop::Scan)?;
            match event {
                Event::StreamEnd => break,
                Event::Scalar(value, style, anchor, tag) => {
                    self.scalar(value, style, anchor, tag, mark);
                }
                Event::SequenceStart(anchor, tag) => {
                    self.open(Content::Sequence(Vec::new()), anchor, tag, mark)?;
                }
                Event::MappingStart(anchor, tag) => {
                    self.open(Content::Mapping(Vec::new()), anchor, tag, mark)?;
                }
                Event::SequenceEnd | Event::MappingEnd => {
                    self.open.pop();
                }
                Event::Alias(anchor) => self.alias(anchor, mark)?,
                Event::Nothing | Event::StreamStart | Event::DocumentStart | Event::DocumentEnd => {
                }
            }
        }
        Ok(Stream {
            text: self.text,
            nodes: self.nodes,
            roots: self.roots,
        })
    }

    fn scalar(
        &mut self,
        value: String,
        style: TScalarStyle,
        anchor: usize,
        tag: Option<Tag>,
        mark: Marker,
    ) {
        let style = Style::from(style);
        let span = self.span(&value, style, mark);
        if let Some(span) = &span {
            self.last_end = span.end;
        }
        let content = Content::Scalar(Scalar { value, style, span });
        self.add(content, anchor, tag, mark);
    }

    /// Where in the text the scalar stands that the parser has found at `mark`.
    fn span(&mut self, value: &str, style: Style, mark: Marker) -> Option<Range<usize>> {
        match style {
            Style::Plain if value.is_empty() => None,
            Style::Plain | Style::SingleQuoted | Style::DoubleQuoted => {
                let start = self.positions.byte(mark)?;
                let rest = self.text.get(start..)?;
                let length = match style {
                    Style::SingleQuoted => single_quoted_length(rest),
                    Style::DoubleQuoted => double_quoted_length(rest),
                    _ => plain_length(rest, value),
                }?;
                Some(start..start + length)
            }
            Style::Literal | Style::Folded => {
                let has_content = value.contains(|c| c != '\n');
                let indent = has_content.then(|| mark.col());
                let rest = self.text.get(self.last_end..)?;
                let start = self.last_end + block_header(rest)?;
                let length = block_length(self.text.get(start..)?, indent);
                Some(start..start + length)
            }
        }
    }

    fn open(
        &mut self,
        content: Content,
        anchor: usize,
        tag: Option<Tag>,
        mark: Marker,
    ) -> Result<(), ParseError> {
        let node = self.add(content, anchor, tag, mark);
        if self.open.len() >= MAX_DEPTH {
            return Err(ParseError::TooDeep { line: mark.line() });
        }
        self.open.push(Open { node, key: None });
        Ok(())
    }

    fn alias(&mut self, anchor: usize, mark: Marker) -> Result<(), ParseError> {
        let document = self.document_of_next();
        // Anchors end with their document (chapter 3.2.2.2); the parser keeps them.
        let target = self
            .anchors
            .get(&anchor)
            .copied()
            .filter(|target| self.nodes[target.0].document == document)
            .ok_or_else(|| ParseError::Syntax {
                line: mark.line(),
                column: self.positions.column(mark) + 1,
                reason: "an alias to an anchor that this document does not have".to_owned(),
            })?;
        let start = self.positions.byte(mark).unwrap_or(self.last_end);
        let word = self
            .text
            .get(start..)
            .and_then(|rest| {
                rest.split([' ', '\t', '\r', '\n', ',', '[', ']', '{', '}'])
                    .next()
            })
            .unwrap_or_default();
        self.last_end = start + word.len();
        let name = word.trim_start_matches('*').to_owned();
        self.add(Content::Alias { name, target }, 0, None, mark);
        Ok(())
    }

    /// The number of the document that the next node belongs to.
    fn document_of_next(&self) -> usize {
        self.roots
            .len()
            .saturating_sub(usize::from(!self.open.is_empty()))
    }

    /// Hangs a node into the innermost open collection.
    fn add(&mut self, content: Content, anchor: usize, tag: Option<Tag>, mark: Marker) -> NodeId {
        let id = NodeId(self.nodes.len());
        let document = self.document_of_next();
        let parent = self.open.last().map(|open| open.node);
        let role = match self.open.last_mut() {
            None => {
                self.roots.push(id);
                Role::Root
            }
            Some(open) => match &mut self.nodes[open.node.0].content {
                Content::Sequence(items) => {
                    items.push(id);
                    let index = items.len() - 1;
                    Role::Item { index }
                }
                Content::Mapping(pairs) => match open.key.take() {
                    Some(key) => {
                        pairs.push((key, id));
                        Role::Value { key }
                    }
                    None => {
                        open.key = Some(id);
                        Role::Key
                    }
                },
                Content::Scalar(_) | Content::Alias { .. } => Role::Root,
            },
        };
        let parent_in_flow = parent.is_some_and(|parent| self.nodes[parent.0].in_flow);
        let is_collection = matches!(content, Content::Sequence(_) | Content::Mapping(_));
        if anchor > 0 {
            self.anchors.insert(anchor, id);
        }
        let in_flow = parent_in_flow || (is_collection && self.begins_with_bracket(mark));
        self.nodes.push(Node {
            document,
            parent,
            role,
            line: mark.line(),
            column: self.positions.column(mark) + 1,
            in_flow,
            anchored: anchor > 0,
            tag: tag.map(|tag| format!("{}{}", tag.handle, tag.suffix)),
            content,
        });
        id
    }

    fn begins_with_bracket(&mut self, mark: Marker) -> bool {
        self.positions
            .byte(mark)
            .and_then(|start| self.text.get(start..))
            .is_some_and(|rest| rest.starts_with(['[', '{']))
    }
}

impl From<TScalarStyle> for Style {
    fn from(style: TScalarStyle) -> Self {
        match style {
            TScalarStyle::Plain => Self::Plain,
            TScalarStyle::SingleQuoted => Self::SingleQuoted,
            TScalarStyle::DoubleQuoted => Self::DoubleQuoted,
            TScalarStyle::Literal => Self::Literal,
            TScalarStyle::Folded => Self::Folded,
        }
    }
}

fn syntax_error(error: &ScanError, deeper: &BTreeSet<usize>) -> ParseError {
    let (line, column) = (error.marker().line(), error.marker().col() + 1);
    let shift = if deeper.contains(&line) { DEEPER } else { 0 };
    ParseError::Syntax {
        line,
        column: column.saturating_sub(shift).max(1),
        reason: error.info().to_owned(),
    }
}

/// The line, from 1, that the byte `at` is on.
fn line_of(bytes: &[u8], at: usize) -> usize {
    1 + bytes.iter().take(at).filter(|byte| **byte == b'\n').count()
}

/// Turns the parser's lines and columns into bytes of the text.
struct Positions<'t, 'd> {
    text: &'t str,
    /// The first byte of each line.
    lines: Vec<usize>,
    /// The lines, from 1, that the parser is shown [`DEEPER`] than they are.
    deeper: &'d BTreeSet<usize>,
    /// The last answer: line, column, byte. Going on from there keeps long lines linear.
    last: (usize, usize, usize),
}

impl<'t, 'd> Positions<'t, 'd> {
    fn new(text: &'t str, deeper: &'d BTreeSet<usize>) -> Self {
        let first = if text.starts_with(BYTE_ORDER_MARK) {
            BYTE_ORDER_MARK.len_utf8()
        } else {
            0
        };
        let bytes = text.as_bytes();
        // A lone CR ends a line too (chapter 5.4).
        let ends_line = |(index, byte): (usize, &u8)| match byte {
            b'\n' => Some(index + 1),
            b'\r' if bytes.get(index + 1) != Some(&b'\n') => Some(index + 1),
            _ => None,
        };
        let lines = std::iter::once(first)
            .chain(bytes.iter().enumerate().filter_map(ends_line))
            .collect();
        Self {
            text,
            lines,
            deeper,
            last: (1, 0, first),
        }
    }

    /// The text that the parser is shown.
    fn shown(&self) -> Cow<'t, str> {
        let mut shown = String::new();
        let mut from = 0;
        for line in self.deeper {
            let Some(start) = line.checked_sub(1).and_then(|index| self.lines.get(index)) else {
                continue;
            };
            shown.push_str(self.text.get(from..*start).unwrap_or_default());
            shown.extend(std::iter::repeat_n(' ', DEEPER));
            from = *start;
        }
        if from == 0 {
            return Cow::Borrowed(self.text);
        }
        shown.push_str(self.text.get(from..).unwrap_or_default());
        Cow::Owned(shown)
    }

    /// The column of the text that the parser's `mark` means, from 0.
    fn column(&self, mark: Marker) -> usize {
        let shift = if self.deeper.contains(&mark.line()) {
            DEEPER
        } else {
            0
        };
        mark.col().saturating_sub(shift)
    }

    /// The byte at the parser's `mark`, whose lines count from 1 and columns from 0.
    fn byte(&mut self, mark: Marker) -> Option<usize> {
        let (line, column) = (mark.line(), self.column(mark));
        let (from_column, from_byte) = match self.last {
            (last_line, last_column, byte) if last_line == line && last_column <= column => {
                (last_column, byte)
            }
            _ => (0, *self.lines.get(line.checked_sub(1)?)?),
        };
        let rest = self.text.get(from_byte..)?;
        let distance = rest
            .char_indices()
            .map(|(offset, _)| offset)
            .chain(std::iter::once(rest.len()))
            .nth(column - from_column)?;
        self.last = (line, column, from_byte + distance);
        Some(from_byte + distance)
    }
}

/// How many bytes the single-quoted scalar takes up that `text` begins with.
fn single_quoted_length(text: &str) -> Option<usize> {
    let body = text.strip_prefix('\'')?.as_bytes();
    let mut at = 0;
    loop {
        match (body.get(at)?, body.get(at + 1)) {
            (b'\'', Some(b'\'')) => at += 2,
            (b'\'', _) => return Some(at + 2),
            _ => at += 1,
        }
    }
}

/// How many bytes the double-quoted scalar takes up that `text` begins with.
fn double_quoted_length(text: &str) -> Option<usize> {
    let body = text.strip_prefix('"')?.as_bytes();
    let mut at = 0;
    loop {
        match body.get(at)? {
            b'\\' => at += 2,
            b'"' => return Some(at + 2),
            _ => at += 1,
        }
    }
}

/// How many bytes the plain scalar takes up that `text` begins with and that reads as `value`: the
/// value itself, but that a line break reads as a blank, and n of them as n - 1 (chapter 6.5).
fn plain_length(text: &str, value: &str) -> Option<usize> {
    if text.starts_with(value) {
        return Some(value.len());
    }
    let mut rest = text;
    let mut left = value;
    while !left.is_empty() {
        let blank = rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
        let (gap, after) = rest.split_at_checked(blank)?;
        match count_breaks(gap) {
            0 => {
                let next = left.chars().next()?;
                rest = rest.strip_prefix(next)?;
                left = left.strip_prefix(next)?;
            }
            breaks => {
                let folded = match breaks {
                    1 => " ".to_owned(),
                    more => "\n".repeat(more - 1),
                };
                rest = after;
                left = left.strip_prefix(folded.as_str())?;
            }
        }
    }
    Some(text.len() - rest.len())
}

fn count_breaks(text: &str) -> usize {
    let pairs = text.matches("\r\n").count();
    text.matches(['\r', '\n']).count() - pairs
}

/// How far into `text` the header of a block scalar stands: the first `|` or `>` (with its
/// indicators) that is a word of its own and not in a comment. `text` begins where the scalar or
/// alias before it ended, so only indicators, brackets, tags, anchors and comments can come first.
fn block_header(text: &str) -> Option<usize> {
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let blank = rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
        if blank > 0 {
            at += blank;
        } else if rest.starts_with('#') {
            at += rest.find(['\r', '\n']).unwrap_or(rest.len());
        } else {
            let word = rest.split([' ', '\t', '\r', '\n']).next()?;
            if is_block_header(word) {
                return Some(at);
            }
            at += word.len();
        }
    }
    None
}

/// `|` or `>`, then an indentation digit and a chomping sign in any order (chapter 8.1.1).
fn is_block_header(word: &str) -> bool {
    matches!(
        word.as_bytes(),
        [b'|' | b'>']
            | [b'|' | b'>', b'+' | b'-' | b'1'..=b'9']
            | [b'|' | b'>', b'+' | b'-', b'1'..=b'9']
            | [b'|' | b'>', b'1'..=b'9', b'+' | b'-']
    )
}

/// How many bytes the block scalar takes up whose header `text` begins with: to the end of its last
/// line with content, that is the last one indented by `indent` columns; without content to the end
/// of the header, comment excluded.
fn block_length(text: &str, indent: Option<usize>) -> usize {
    let header = text.split([' ', '\t', '\r', '\n']).next().unwrap_or(text);
    let Some(indent) = indent else {
        return header.len();
    };
    let mut end = header.len();
    let mut at = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let content = line.trim_end_matches(['\r', '\n']);
        let spaces = content.len() - content.trim_start_matches(' ').len();
        if number > 0 && spaces >= indent && !(indent == 0 && is_document_marker(content)) {
            if !content.is_empty() {
                end = at + content.len();
            }
        } else if number > 0 && spaces < content.len() {
            break;
        }
        at += line.len();
    }
    end
}

/// `---` or `...`, alone or before a blank.
fn is_document_marker(line: &str) -> bool {
    ["---", "..."].iter().any(|marker| {
        line.strip_prefix(marker)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every scalar that is no key: what it reads as, and the text it takes up.
    fn values(text: &str) -> Vec<(String, String)> {
        let stream = Stream::parse(text.as_bytes()).unwrap();
        stream
            .nodes()
            .filter(|(_, node)| node.role != Role::Key)
            .filter_map(|(id, _)| {
                let scalar = stream.scalar(id)?;
                let raw = stream.raw(id).unwrap_or("(nowhere)");
                Some((scalar.value.clone(), raw.to_owned()))
            })
            .collect()
    }

    #[track_caller]
    fn check(text: &str, expected: &[(&str, &str)]) {
        let found = values(text);
        let found: Vec<(&str, &str)> = found
            .iter()
            .map(|(value, raw)| (value.as_str(), raw.as_str()))
            .collect();
        assert_eq!(found, expected, "in {text:?}");
    }

    #[test]
    fn a_span_is_the_scalar_and_nothing_else() {
        check("a: b", &[("b", "b")]);
        check("a: b # c\n", &[("b", "b")]);
        check("a: b\t# c\n", &[("b", "b")]);
        check("a: 'it''s' # c\n", &[("it's", "'it''s'")]);
        check(r#"a: "q\"\\" # c"#, &[("q\"\\", r#""q\"\\""#)]);
        check("a: &x !!str b\n", &[("b", "b")]);
        check("a: &x\n  b\n", &[("b", "b")]);
        check(
            "{a: b, 'c':d, e: [f,g]}",
            &[("b", "b"), ("d", "d"), ("f", "f"), ("g", "g")],
        );
        check("a:\nb: c", &[("", "(nowhere)"), ("c", "c")]);
    }

    #[test]
    fn positions_are_bytes_whatever_stands_before() {
        check("\u{feff}a: b\n", &[("b", "b")]);
        check("é: ü # ö\r\nb: 'ß'\r\n", &[("ü", "ü"), ("ß", "'ß'")]);
        check("{é: ü, 🦀: x}", &[("ü", "ü"), ("x", "x")]);
        check("a: 1\rb: 2\r", &[("1", "1"), ("2", "2")]);
        // The parser counts the characters of a block scalar's lines in bytes.
        check(
            "a: |\n  ein sehr langer Text: äöüäöüäöüäöüäöü\nb: c\n",
            &[
                (
                    "ein sehr langer Text: äöüäöüäöüäöüäöü\n",
                    "|\n  ein sehr langer Text: äöüäöüäöüäöüäöü",
                ),
                ("c", "c"),
            ],
        );
    }

    #[test]
    fn a_plain_scalar_may_go_over_lines() {
        check("a: b\n  c\n\n  d # e\n", &[("b c\nd", "b\n  c\n\n  d")]);
        check(
            "a: b  c\r\n  d\r\nf: g",
            &[("b  c d", "b  c\r\n  d"), ("g", "g")],
        );
    }

    #[test]
    fn a_block_scalar_goes_from_its_indicator_to_its_last_line() {
        check(
            "a: |\n  b\n\n  c\n\nd: e\n",
            &[("b\n\nc\n", "|\n  b\n\n  c"), ("e", "e")],
        );
        check("a: >- # | c\n  b\n# c\n", &[("b", ">- # | c\n  b")]);
        check(
            "a: # |\n  !t |2+ # >\n   b\n  c\n",
            &[(" b\nc\n", "|2+ # >\n   b\n  c")],
        );
        check("- |\r\n  b\r\n- c", &[("b\n", "|\r\n  b"), ("c", "c")]);
        check(
            "- [a, b]\n- |\n b\n- c",
            &[("a", "a"), ("b", "b"), ("b\n", "|\n b"), ("c", "c")],
        );
        check("--- |\nb\n...\n--- c", &[("b\n", "|\nb"), ("c", "c")]);
        check("a: |-\nb: c", &[("", "|-"), ("c", "c")]);
    }

    #[test]
    fn documents_are_told_apart() {
        let text = "%YAML 1.2\n---\na: b\n...\n---\n- c\n---\nd\n";
        let stream = Stream::parse(text.as_bytes()).unwrap();
        assert_eq!(stream.roots().len(), 3);
        let last = *stream.roots().last().unwrap();
        assert_eq!(stream[last].document, 2);
        assert_eq!((stream[last].line, stream[last].column), (8, 1));
        assert_eq!(stream.raw(last), Some("d"));
    }

    #[test]
    fn an_alias_knows_its_anchor() {
        let stream = Stream::parse(b"a: &x b\nc: *x\n").unwrap();
        let root = stream.roots()[0];
        let (a, c) = (
            stream.get(root, "a").unwrap(),
            stream.get(root, "c").unwrap(),
        );
        assert!(
            matches!(&stream[c].content, Content::Alias { name, target } if name == "x" && *target == a)
        );
        assert!(stream[a].anchored);
        let error = Stream::parse(b"a: &x b\n---\nc: *x\n").unwrap_err();
        assert!(matches!(
            error,
            ParseError::Syntax {
                line: 3,
                column: 4,
                ..
            }
        ));
    }

    #[test]
    fn nodes_in_brackets_know_it() {
        let stream = Stream::parse(b"a: {b: [c]}\nd:\n- e\n").unwrap();
        let in_flow: Vec<&str> = stream
            .nodes()
            .filter(|(_, node)| node.in_flow)
            .filter_map(|(id, _)| stream.value(id))
            .collect();
        assert_eq!(in_flow, ["b", "c"]);
    }

    #[test]
    fn what_is_too_much_is_an_error_not_a_crash() {
        let deep = "- ".repeat(100_000);
        assert_eq!(
            Stream::parse(deep.as_bytes()).unwrap_err(),
            ParseError::TooDeep { line: 1 }
        );
        let large = vec![b' '; MAX_BYTES + 1];
        assert_eq!(
            Stream::parse(&large).unwrap_err(),
            ParseError::TooLarge {
                bytes: MAX_BYTES + 1
            }
        );
        assert_eq!(
            Stream::parse(b"a: b\nc: \xff\n").unwrap_err(),
            ParseError::NotUtf8 { line: 2 }
        );
        assert!(
            Stream::parse(b"a: b\nc: \0\n")
                .unwrap_err()
                .to_string()
                .contains("NUL")
        );
    }

    #[test]
    fn what_goes_on_over_lines_need_not_be_deeper_than_its_key() {
        let text = "a:\n  args: [\n    x,\n  \"y\",\n'z'\n  ]\n  text: 'one\n  two\n\nthree'\n  k: \"ü\nv\" # c\n  last: [{\n  b: 1}, c]\n";
        check(
            text,
            &[
                ("x", "x"),
                ("y", "\"y\""),
                ("z", "'z'"),
                ("one two\nthree", "'one\n  two\n\nthree'"),
                ("ü v", "\"ü\nv\""),
                ("1", "1"),
                ("c", "c"),
            ],
        );
        let stream = Stream::parse(text.as_bytes()).unwrap();
        let z = stream
            .nodes()
            .find(|(id, _)| stream.value(*id) == Some("z"))
            .unwrap();
        assert_eq!((z.1.line, z.1.column), (5, 1));
    }

    #[test]
    fn invalid_yaml_is_an_error_with_line_and_column() {
        let error = Stream::parse(b"a: b\nc: d: e\n").unwrap_err();
        assert!(
            matches!(
                error,
                ParseError::Syntax {
                    line: 2,
                    column: 5,
                    ..
                }
            ),
            "{error}"
        );
    }
}
