//! Where edits write: for those who know more of a file's comments than YAML does.

use super::document::{Content, NodeId, Role, Stream};
use super::extent::{dash, end, start};

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
    /// Where the new text goes.
    pub at: usize,
}

impl Footprint {
    /// Adds that the value `id` becomes another one or goes, where that is about lines.
    pub(super) fn rewrites(&mut self, stream: &Stream<'_>, id: NodeId) {
        let is_collection = match &stream[id].content {
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

    /// Adds that something new is put into `collection`.
    pub(super) fn places(&mut self, stream: &Stream<'_>, collection: NodeId, at: usize) {
        if let Some(holder) = holder(stream, collection) {
            self.placed.push(Placed { holder, at });
        }
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
            at: outer(inner.at),
        }));
    }
}

/// Where the key or the dash of `id` is.
fn holder(stream: &Stream<'_>, id: NodeId) -> Option<usize> {
    match stream[id].role {
        Role::Value { key } => start(stream, key),
        // In brackets there is none.
        Role::Item { .. } => dash(stream, id).or_else(|| start(stream, id)),
        Role::Root | Role::Key => start(stream, id),
    }
}
