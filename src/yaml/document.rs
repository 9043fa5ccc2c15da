//! A YAML file as a tree of nodes, each scalar with the bytes it takes up.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroU32;
use std::ops::{Index, Range};
use std::sync::OnceLock;

use crate::limits::{Exceeded, OBJECT};

/// How deep collections may nest. Real manifests stay below 30.
pub const MAX_DEPTH: usize = 512;
/// How large a file may be, in bytes. etcd takes objects of 1.5 MiB; the largest bundles of custom
/// resource definitions in the wild have about 6 MiB.
pub const MAX_BYTES: usize = OBJECT.most() as usize;

/// Everything in one YAML file: what the YAML specification calls a stream of documents.
#[derive(Debug)]
pub struct Stream<'t> {
    pub(super) text: &'t str,
    pub(super) nodes: Vec<Node<'t>>,
    pub(super) roots: Vec<NodeId>,
    /// The tags that nodes have, which are few.
    pub(super) tags: HashMap<NodeId, Box<str>>,
    /// How many texts are around it that are documents of their own.
    pub(super) depth: usize,
    /// The pairs of the mappings that are [`WIDE`] in the order of their keys, the first of each key, once
    /// somebody has asked for one.
    pub(super) wide: OnceLock<HashMap<NodeId, Vec<(NodeId, NodeId)>>>,
    /// How many line feeds come before each [`STRETCH`] of the text, once somebody has asked.
    pub(super) breaks: OnceLock<Vec<usize>>,
}

/// So many bytes of a text are looked through for the line of one of them: a file of 50,000 texts took a minute
/// when each was counted for from the beginning.
const STRETCH: usize = 4 << 10;

/// From so many pairs on a key of a mapping is looked up and not looked for: a file of 40,000 keys took
/// minutes.
const WIDE: usize = 64;

/// A node's place in its [`Stream`], in the order of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(NonZeroU32);

/// Bytes of the text, one at least: half of what a range takes, and there are as many as nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    start: u32,
    end: NonZeroU32,
}

/// A scalar, a collection or an alias, and where it stands.
///
/// A large file has a million of them, so that each byte here is a megabyte.
#[derive(Debug)]
pub struct Node<'t> {
    /// The collection that holds it; none for the root of a document.
    pub parent: Option<NodeId>,
    /// What it is to that collection.
    pub role: Role,
    pub(super) line: u32,
    pub(super) column: u32,
    /// Whether `{…}` or `[…]` is around it, or it is one itself.
    pub in_flow: bool,
    /// Whether an anchor (`&name`) stands before it.
    pub anchored: bool,
    /// What it is.
    pub content: Content<'t>,
    /// The bytes of the file that it takes up, behind anchor and tag: a scalar with its quotes, a block
    /// scalar from the `|` or `>` to the end of the last line with content, an alias, a collection in
    /// brackets. None for anything else, for an empty value, and where the text does not bear out what
    /// the parser says.
    pub(super) span: Option<Span>,
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
        index: u32,
    },
}

/// What a node is.
#[derive(Debug)]
pub enum Content<'t> {
    /// A string, number, boolean or null: YAML's grammar does not tell them apart.
    Scalar(Scalar<'t>),
    /// The items.
    Sequence(Vec<NodeId>),
    /// Keys and values in the order of the text; a key may be there twice.
    Mapping(Vec<(NodeId, NodeId)>),
    /// `*name`.
    Alias {
        /// Without the `*`.
        name: &'t str,
        /// The node that carries the anchor; never an alias itself.
        target: NodeId,
    },
}

/// A scalar as it was written and as it reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scalar<'t> {
    /// Without quotes, escapes and folds. Most values are a piece of the text.
    pub value: Cow<'t, str>,
    /// How it is written.
    pub style: Style,
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
    /// There is more in the file than is taken in.
    #[error("{0}")]
    TooMuch(#[from] Exceeded),
}

impl<'t> Stream<'t> {
    /// The text that was read.
    pub fn text(&self) -> &'t str {
        self.text
    }

    /// The roots of the documents, in the order of the text. There is one in every file: without a
    /// document it is the null that readers see there.
    pub fn roots(&self) -> &[NodeId] {
        &self.roots
    }

    /// All nodes in the order of the text; a collection comes before what it holds.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &Node<'t>)> {
        self.nodes
            .iter()
            .enumerate()
            .map(|(index, node)| (NodeId::of(index), node))
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
    pub fn scalar(&self, id: NodeId) -> Option<&Scalar<'t>> {
        match &self[id].content {
            Content::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// What the scalar `id` reads as, if it is one.
    pub fn value(&self, id: NodeId) -> Option<&str> {
        self.scalar(id).map(|scalar| &*scalar.value)
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
        let pairs = self.pairs(id);
        if pairs.len() >= WIDE {
            let wide = self.wide.get_or_init(|| self.wide_mappings()).get(&id)?;
            let at = wide.binary_search_by_key(&Some(key), |(key, _)| self.value(*key));
            return wide.get(at.ok()?).map(|(_, value)| *value);
        }
        let mut pairs = pairs.iter();
        let pair = pairs.find(|(k, _)| self.value(*k) == Some(key));
        pair.map(|(_, value)| *value)
    }

    /// How many line feeds come before the byte `at`.
    pub(super) fn breaks_before(&self, at: usize) -> usize {
        let feeds = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'\n').count();
        let text = self.text.as_bytes();
        let breaks = self.breaks.get_or_init(|| {
            let stretches = text.chunks(STRETCH);
            let before = stretches.scan(0, |before, own| {
                let begin = *before;
                *before += feeds(own);
                Some(begin)
            });
            before.collect()
        });
        let begin = at / STRETCH * STRETCH;
        let before = breaks.get(at / STRETCH).or(breaks.last());
        before.copied().unwrap_or(0) + text.get(begin..at).map_or(0, feeds)
    }

    fn wide_mappings(&self) -> HashMap<NodeId, Vec<(NodeId, NodeId)>> {
        let sorted = |id: NodeId| {
            let mut pairs = self.pairs(id).to_vec();
            // Stable: the first of a key stays before others.
            pairs.sort_by_key(|(key, _)| self.value(*key));
            pairs.dedup_by_key(|(key, _)| self.value(*key));
            pairs
        };
        let wide = self.nodes().filter(|(id, _)| self.pairs(*id).len() >= WIDE);
        wide.map(|(id, _)| (id, sorted(id))).collect()
    }

    /// The tag of `id`, resolved: `tag:yaml.org,2002:str` for `!!str`.
    pub fn tag(&self, id: NodeId) -> Option<&str> {
        self.tags.get(&id).map(|tag| &**tag)
    }

    /// Which document of the stream `id` is in, from 0.
    pub fn document(&self, id: NodeId) -> usize {
        let begun = self.roots.partition_point(|root| *root <= id);
        begun.saturating_sub(1)
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
        self.nodes[id.number()].span = span.and_then(Span::of);
    }

    /// Whether the collection `id` is written with brackets.
    pub(super) fn is_bracketed(&self, id: NodeId) -> bool {
        let is_collection = !matches!(self[id].content, Content::Scalar(_) | Content::Alias { .. });
        is_collection && self[id].in_flow && self[id].span.is_some()
    }

    /// The text of a collection in brackets, an alias, or a scalar.
    pub fn source(&self, id: NodeId) -> Option<&'t str> {
        self.text.get(self[id].span()?)
    }

    /// Whether `id` is a value that is not there, or a null without quotes: no reader tells them apart.
    pub fn is_null(&self, id: NodeId) -> bool {
        self.scalar(id).is_some_and(|scalar| {
            scalar.style == Style::Plain
                && matches!(&*scalar.value, "" | "~" | "null" | "Null" | "NULL")
        })
    }

    /// All comments, from the `#` to the end of the line, in the order of the text.
    pub fn comments(&self) -> Vec<&'t str> {
        let mut comments = Vec::new();
        let spans = self.nodes.iter().filter_map(|node| match &node.content {
            Content::Scalar(_) => node.span(),
            _ => None,
        });
        // What stands between two scalars: indicators, blanks and comments. A block scalar ends before its
        // blank lines, and its header may have a comment, which is its own.
        let ends = self.text.len()..self.text.len();
        let mut from = 0;
        for span in spans.chain([ends]) {
            let mut rest = self.text.get(from..span.start).unwrap_or_default();
            while let Some(at) = rest.find('#') {
                let line = rest.get(at..).unwrap_or_default();
                let (comment, behind) =
                    line.split_at(line.find(['\r', '\n']).unwrap_or(line.len()));
                comments.push(comment);
                rest = behind;
            }
            from = span.end;
        }
        comments
    }

    /// The bytes of the file that the scalar `id` takes up, as text.
    pub fn raw(&self, id: NodeId) -> Option<&'t str> {
        self.scalar(id)?;
        self.source(id)
    }
}

impl NodeId {
    /// The node before which `number` others come: fewer than [`crate::limits::NODES`].
    pub(super) fn of(number: usize) -> Self {
        Self(NonZeroU32::MIN.saturating_add(number as u32))
    }

    /// How many nodes of the stream come before it.
    pub fn number(self) -> usize {
        self.0.get() as usize - 1
    }
}

impl Span {
    /// None for nothing, and for what no file of [`MAX_BYTES`] has.
    pub fn of(range: Range<usize>) -> Option<Self> {
        Some(Self {
            start: range.start.try_into().ok()?,
            end: u32::try_from(range.end).ok()?.try_into().ok()?,
        })
    }
}

impl Node<'_> {
    /// Where its content begins, behind anchor and tag, from 1. For an empty value, where the next
    /// thing begins.
    pub fn line(&self) -> usize {
        self.line as usize
    }

    /// In characters, from 1.
    pub fn column(&self) -> usize {
        self.column as usize
    }

    /// Where in the text it is written, if it is.
    pub fn span(&self) -> Option<Range<usize>> {
        let Span { start, end } = self.span?;
        Some(start as usize..end.get() as usize)
    }
}

impl<'t> Index<NodeId> for Stream<'t> {
    type Output = Node<'t>;

    /// The node `id` of this stream. An id of another stream is a mistake in this program.
    fn index(&self, id: NodeId) -> &Node<'t> {
        &self.nodes[id.number()]
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
