//! A YAML file as a tree of nodes, each scalar with the bytes it takes up.

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
    pub(super) nodes: Vec<Node>,
    pub(super) roots: Vec<NodeId>,
    /// What is said otherwise than by a piece of the text.
    pub(super) texts: Texts,
    /// The tags that nodes have, which are few, in the order of the text.
    pub(super) tags: Vec<(NodeId, TextNumber)>,
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
/// A large file has some millions of them, so that each byte here is as many megabytes. So what a collection holds is
/// not listed: it stands right behind the collection, which knows where that ends.
#[derive(Debug)]
pub struct Node {
    /// The collection that holds it; none for the root of a document.
    pub parent: Option<NodeId>,
    hangs: Hangs,
    /// Whether `{…}` or `[…]` is around it, or it is one itself.
    pub in_flow: bool,
    /// Whether an anchor (`&name`) stands before it.
    pub anchored: bool,
    pub(super) kind: Kind,
    /// What its [`Role`] comes with: the number of a value's key, the index of an item.
    beside: u32,
    /// What its [`Content`] comes with: the [`TextNumber`] of a scalar that is not as it is written, how many nodes come
    /// before what stands behind a collection, and before what an alias reads.
    pub(super) held: u32,
    pub(super) line: u32,
    pub(super) column: u32,
    /// The bytes of the file that it takes up, behind anchor and tag: a scalar with its quotes, a block
    /// scalar from the `|` or `>` to the end of the last line with content, an alias, a collection in
    /// brackets. None for anything else, for an empty value, and where the text does not bear out what
    /// the parser says.
    pub(super) span: Option<Span>,
}

/// A [`Content`] without what it comes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Scalar(Style),
    Sequence,
    Mapping,
    Alias,
}

/// A [`Role`] without what it comes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hangs {
    Root,
    Key,
    Value,
    Item,
}

/// Texts that are no piece of the file's, one behind the other.
#[derive(Debug, Default)]
pub(super) struct Texts {
    text: String,
    /// Where each ends.
    ends: Vec<u32>,
}

/// The place of one of the [`Texts`], from 1.
pub(super) type TextNumber = NonZeroU32;

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
pub enum Content<'s> {
    /// A string, number, boolean or null: YAML's grammar does not tell them apart.
    Scalar(Scalar<'s>),
    /// The items.
    Sequence(Items<'s>),
    /// Keys and values in the order of the text; a key may be there twice.
    Mapping(Pairs<'s>),
    /// `*name`.
    Alias {
        /// Without the `*`.
        name: &'s str,
        /// The node that carries the anchor; never an alias itself.
        target: NodeId,
    },
}

/// A scalar as it was written and as it reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scalar<'s> {
    /// Without quotes, escapes and folds.
    pub value: &'s str,
    /// How it is written.
    pub style: Style,
}

/// What a collection holds, one by one, from either end.
#[derive(Debug, Clone, Copy)]
pub struct Items<'s> {
    nodes: &'s [Node],
    /// How many nodes come before the first that is left.
    next: usize,
    /// How many come before what stands behind the last.
    end: usize,
    collection: Option<NodeId>,
}

/// The pairs of a mapping, one by one, from either end.
#[derive(Debug, Clone, Copy)]
pub struct Pairs<'s>(Items<'s>);

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
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &Node)> {
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

    /// How much room it takes, as so many nodes: texts that are no piece of the file's, and tags, come on top of its
    /// own.
    pub fn room(&self) -> usize {
        self.nodes.len() + rooms(self.texts.bytes() + size_of_val(&*self.tags))
    }

    /// What `id` is.
    pub fn content(&self, id: NodeId) -> Content<'_> {
        match self[id].kind {
            Kind::Scalar(style) => {
                let value = self.read(id, style);
                Content::Scalar(Scalar { value, style })
            }
            Kind::Sequence => Content::Sequence(self.inside_of(id)),
            Kind::Mapping => Content::Mapping(Pairs(self.inside_of(id))),
            Kind::Alias => Content::Alias {
                name: self.source(id).unwrap_or_default().trim_start_matches('*'),
                target: NodeId::of(self[id].held as usize),
            },
        }
    }

    /// The scalar that `id` is, if it is one.
    pub fn scalar(&self, id: NodeId) -> Option<Scalar<'_>> {
        match self.content(id) {
            Content::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// What the scalar `id` reads as, if it is one.
    pub fn value(&self, id: NodeId) -> Option<&str> {
        match self[id].kind {
            Kind::Scalar(style) => Some(self.read(id, style)),
            _ => None,
        }
    }

    /// What the scalar `id` reads as, which is written in this style.
    fn read(&self, id: NodeId, style: Style) -> &str {
        match NonZeroU32::new(self[id].held) {
            Some(text) => self.texts.get(text),
            None => as_written(self.source(id).unwrap_or_default(), style),
        }
    }

    /// The pairs of `id`; none if it is no mapping.
    pub fn pairs(&self, id: NodeId) -> Pairs<'_> {
        match self.content(id) {
            Content::Mapping(pairs) => pairs,
            _ => Pairs(self.nothing()),
        }
    }

    /// The items of `id`; none if it is no sequence.
    pub fn items(&self, id: NodeId) -> Items<'_> {
        match self.content(id) {
            Content::Sequence(items) => items,
            _ => self.nothing(),
        }
    }

    /// What is directly in the collection `id`: its items, or its keys and values.
    fn inside_of(&self, id: NodeId) -> Items<'_> {
        Items {
            nodes: &self.nodes,
            next: id.number() + 1,
            end: self[id].held as usize,
            collection: Some(id),
        }
    }

    fn nothing(&self) -> Items<'_> {
        Items {
            nodes: &self.nodes,
            next: 0,
            end: 0,
            collection: None,
        }
    }

    /// The item before `id` in its list.
    pub(super) fn item_before(&self, id: NodeId) -> Option<NodeId> {
        let items = self.items(self[id].parent?);
        let end = id.number();
        Items { end, ..items }.next_back()
    }

    /// The value of the first `key` in the mapping `id`.
    pub fn get(&self, id: NodeId, key: &str) -> Option<NodeId> {
        let mut pairs = self.pairs(id);
        let first = pairs.by_ref().take(WIDE);
        let mut found = first.filter(|(k, _)| self.value(*k) == Some(key));
        if let Some((_, value)) = found.next() {
            return Some(value);
        }
        pairs.next()?;
        let wide = self.wide.get_or_init(|| self.wide_mappings()).get(&id)?;
        let at = wide.binary_search_by_key(&Some(key), |(key, _)| self.value(*key));
        wide.get(at.ok()?).map(|(_, value)| *value)
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
            let mut pairs = Vec::from_iter(self.pairs(id));
            // Stable: the first of a key stays before others.
            pairs.sort_by_key(|(key, _)| self.value(*key));
            pairs.dedup_by_key(|(key, _)| self.value(*key));
            pairs
        };
        let is_wide = |id: &NodeId| self.pairs(*id).nth(WIDE).is_some();
        let wide = self.nodes().map(|(id, _)| id).filter(is_wide);
        wide.map(|id| (id, sorted(id))).collect()
    }

    /// The tag of `id`, resolved: `tag:yaml.org,2002:str` for `!!str`.
    pub fn tag(&self, id: NodeId) -> Option<&str> {
        let at = self.tags.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        self.tags.get(at).map(|(_, text)| self.texts.get(*text))
    }

    /// Which document of the stream `id` is in, from 0.
    pub fn document(&self, id: NodeId) -> usize {
        let begun = self.roots.partition_point(|root| *root <= id);
        begun.saturating_sub(1)
    }

    /// The key under which `id` hangs in a mapping.
    pub fn key_of(&self, id: NodeId) -> Option<&str> {
        match self[id].role() {
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
        let value = self.value(id).unwrap_or_default().to_owned();
        let node = &mut self.nodes[id.number()];
        node.held = self.texts.add(&value).get();
        node.span = span.and_then(Span::of);
    }

    /// Whether the collection `id` is written with brackets.
    pub(super) fn is_bracketed(&self, id: NodeId) -> bool {
        let node = &self[id];
        node.is_collection() && node.in_flow && node.span.is_some()
    }

    /// The text of a collection in brackets, an alias, or a scalar.
    pub fn source(&self, id: NodeId) -> Option<&'t str> {
        self.text.get(self[id].span()?)
    }

    /// Whether `id` is a value that is not there, or a null without quotes: no reader tells them apart.
    pub fn is_null(&self, id: NodeId) -> bool {
        self.scalar(id).is_some_and(|scalar| {
            scalar.style == Style::Plain
                && matches!(scalar.value, "" | "~" | "null" | "Null" | "NULL")
        })
    }

    /// All comments, from the `#` to the end of the line, in the order of the text.
    pub fn comments(&self) -> Vec<&'t str> {
        let mut comments = Vec::new();
        let scalars = self.nodes.iter().filter(|node| node.is_scalar());
        let spans = scalars.filter_map(Node::span);
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
        self.source(id).filter(|_| self[id].is_scalar())
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

impl Node {
    /// A node that hangs in `parent` as `role`, without what comes with its kind.
    pub(super) fn new(kind: Kind, parent: Option<NodeId>, role: Role) -> Self {
        let (hangs, beside) = match role {
            Role::Root => (Hangs::Root, 0),
            Role::Key => (Hangs::Key, 0),
            Role::Value { key } => (Hangs::Value, key.number() as u32),
            Role::Item { index } => (Hangs::Item, index),
        };
        Self {
            parent,
            hangs,
            in_flow: false,
            anchored: false,
            kind,
            beside,
            held: 0,
            line: 0,
            column: 0,
            span: None,
        }
    }

    /// What it is to the collection that holds it.
    pub fn role(&self) -> Role {
        match self.hangs {
            Hangs::Root => Role::Root,
            Hangs::Key => Role::Key,
            Hangs::Item => Role::Item { index: self.beside },
            Hangs::Value => Role::Value {
                key: NodeId::of(self.beside as usize),
            },
        }
    }

    /// Whether it holds a text, and no other nodes.
    pub fn is_scalar(&self) -> bool {
        matches!(self.kind, Kind::Scalar(_))
    }

    fn is_collection(&self) -> bool {
        matches!(self.kind, Kind::Sequence | Kind::Mapping)
    }

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

impl Index<NodeId> for Stream<'_> {
    type Output = Node;

    /// The node `id` of this stream. An id of another stream is a mistake in this program.
    fn index(&self, id: NodeId) -> &Node {
        &self.nodes[id.number()]
    }
}

impl Texts {
    pub fn add(&mut self, text: &str) -> TextNumber {
        self.text.push_str(text);
        self.ends.push(self.text.len() as u32);
        NonZeroU32::MIN.saturating_add(self.ends.len() as u32 - 1)
    }

    pub fn get(&self, number: TextNumber) -> &str {
        let end = |number: u32| Some(*self.ends.get(number.checked_sub(1)? as usize)? as usize);
        let (start, end) = (end(number.get() - 1).unwrap_or(0), end(number.get()));
        end.and_then(|end| self.text.get(start..end))
            .unwrap_or_default()
    }

    /// How much memory they take.
    pub fn bytes(&self) -> usize {
        self.text.len() + size_of_val(&*self.ends)
    }

    pub fn shrink_to_fit(&mut self) {
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
    }
}

/// How many nodes take as much memory as so many bytes.
pub(super) const fn rooms(bytes: usize) -> usize {
    bytes / size_of::<Node>()
}

/// What a scalar that stands in the file as `raw` reads as, unless it has escapes or goes over lines.
pub(super) fn as_written(raw: &str, style: Style) -> &str {
    let within_quotes = || raw.get(1..raw.len().checked_sub(1)?);
    match style {
        Style::SingleQuoted | Style::DoubleQuoted => within_quotes().unwrap_or_default(),
        Style::Plain | Style::Literal | Style::Folded => raw,
    }
}

impl Iterator for Items<'_> {
    type Item = NodeId;

    fn next(&mut self) -> Option<NodeId> {
        let next = (self.next < self.end).then_some(self.next)?;
        let node = self.nodes.get(next)?;
        self.next = match node.is_collection() {
            true => node.held as usize,
            false => next + 1,
        };
        Some(NodeId::of(next))
    }
}

impl DoubleEndedIterator for Items<'_> {
    fn next_back(&mut self) -> Option<NodeId> {
        // What stands last may be deep in what is held last.
        let mut last = (self.next < self.end).then(|| NodeId::of(self.end - 1))?;
        loop {
            let around = self.nodes.get(last.number())?.parent;
            if around == self.collection {
                break;
            }
            last = around?;
        }
        self.end = last.number();
        Some(last)
    }
}

impl Items<'_> {
    /// Whether none is left.
    pub fn is_empty(&self) -> bool {
        self.next >= self.end
    }
}

impl Iterator for Pairs<'_> {
    type Item = (NodeId, NodeId);

    fn next(&mut self) -> Option<(NodeId, NodeId)> {
        Some((self.0.next()?, self.0.next()?))
    }
}

impl DoubleEndedIterator for Pairs<'_> {
    fn next_back(&mut self) -> Option<(NodeId, NodeId)> {
        let value = self.0.next_back()?;
        Some((self.0.next_back()?, value))
    }
}

impl Pairs<'_> {
    /// Whether none is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
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
