//! Where edits write: for those who know more of a file's comments than YAML does.

use super::document::{Content, NodeId, Role, Stream};
use super::extent::{behind_entry, dash, end, key_start, start};

/// What edits take away and put in, by the bytes of the file as it was.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Footprint {
    /// What becomes something else as a whole, or goes.
    pub rewritten: Vec<Rewritten>,
    /// What is new in a collection.
    pub placed: Vec<Placed>,
}

/// A list or a mapping in lines, or nothing at all, that becomes something else or goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rewritten {
    /// Where its key or its dash is; its own first byte where it is a whole document.
    pub holder: usize,
    /// Where its first key or dash is.
    pub first: Option<usize>,
    /// Behind its last byte.
    pub end: usize,
}

/// A key or an item that is put into a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// Where the key or the dash of the collection is; its first byte where it is a whole document.
    pub holder: usize,
    /// Where the key or the dash of the entry is that it stands behind, or before; none in a collection that has
    /// none.
    pub beside: Option<usize>,
    /// Whether that entry's value is a list, or nothing at all: lines of that may begin where its key does.
    pub is_open: bool,
    /// Where the new text goes.
    pub at: usize,
}

impl Placed {
    /// Where a key would go that is put behind one of a mapping in lines, for each of them.
    pub fn behind_each(stream: &Stream<'_>, mapping: NodeId) -> Vec<(NodeId, Self)> {
        let Some(holder) = holder(stream, mapping).filter(|_| !stream[mapping].in_flow) else {
            return Vec::new();
        };
        let behind = |(key, value)| {
            let start = key_start(stream, key, value)?;
            let placed = Self {
                holder,
                beside: Some(start),
                is_open: is_open(stream, value),
                at: behind_entry(stream, value, start)?,
            };
            Some((key, placed))
        };
        stream.pairs(mapping).filter_map(behind).collect()
    }
}

impl Footprint {
    /// Adds that the value `id` becomes another one or goes, where that is about lines.
    pub(super) fn rewrites(&mut self, stream: &Stream<'_>, id: NodeId) {
        let is_collection = match stream.content(id) {
            Content::Mapping(_) | Content::Sequence(_) => !stream.is_bracketed(id),
            _ => false,
        };
        if !is_collection && !stream.is_null(id) {
            return;
        }
        if let (Some(holder), Some(end)) = (holder(stream, id), end(stream, id)) {
            let first = start(stream, id).filter(|_| is_collection);
            self.rewritten.push(Rewritten { holder, first, end });
        }
    }

    /// Adds that something new is put into `collection`, beside an `entry`: what that begins with, and its value.
    pub(super) fn places(
        &mut self,
        stream: &Stream<'_>,
        collection: NodeId,
        entry: Option<(NodeId, NodeId)>,
        at: usize,
    ) {
        let Some(holder) = holder(stream, collection) else {
            return;
        };
        let beside = entry.and_then(|(first, value)| match stream[value].role() {
            Role::Value { key } => key_start(stream, key, value),
            _ => dash(stream, value).or_else(|| start(stream, first)),
        });
        self.placed.push(Placed {
            holder,
            beside,
            is_open: entry.is_some_and(|(_, value)| is_open(stream, value)),
            at,
        });
    }

    /// Adds that of a text that is in this one, whose bytes are at `outer` of the text's own.
    pub(super) fn add(&mut self, inside: Self, outer: impl Fn(usize) -> usize) {
        let rewritten = inside.rewritten.into_iter();
        self.rewritten.extend(rewritten.map(|inner| Rewritten {
            holder: outer(inner.holder),
            first: inner.first.map(&outer),
            end: outer(inner.end),
        }));
        let placed = inside.placed.into_iter();
        self.placed.extend(placed.map(|inner| Placed {
            holder: outer(inner.holder),
            beside: inner.beside.map(&outer),
            at: outer(inner.at),
            ..inner
        }));
    }
}

/// Whether lines that belong to the value `id` may begin where its key does.
fn is_open(stream: &Stream<'_>, id: NodeId) -> bool {
    let is_list = matches!(stream.content(id), Content::Sequence(_));
    let is_value = matches!(stream[id].role(), Role::Value { .. });
    is_value && (stream.is_null(id) || is_list && !stream.is_bracketed(id))
}

/// Where the key or the dash of `id` is.
fn holder(stream: &Stream<'_>, id: NodeId) -> Option<usize> {
    match stream[id].role() {
        Role::Value { key } => start(stream, key),
        // In brackets there is none.
        Role::Item { .. } => dash(stream, id).or_else(|| start(stream, id)),
        Role::Root | Role::Key => start(stream, id),
    }
}
