//! The guard after an edit: what the new file may say, and nothing else.

use std::collections::{HashMap, HashSet};

use super::change::{EditError, NewValue};
use super::document::{Content, NodeId, Scalar, Stream, Style};
use super::scalar::Core;
use super::{json, scalar};

/// What may be different in the new file.
#[derive(Default)]
pub(super) struct Expected {
    pub values: HashMap<NodeId, NewValue>,
    /// Block scalars that hold other text.
    pub texts: HashMap<NodeId, String>,
    /// Values and items that are gone.
    pub removed: HashSet<NodeId>,
    /// What is new in a collection, and which key or item it follows; the first one follows none.
    pub added: HashMap<NodeId, Vec<(Option<NodeId>, Added)>>,
}

/// What is new in a collection.
pub(super) enum Added {
    Pair(String, NewValue),
    Item(NewValue),
    /// The keys or items of the collection that this text is.
    Source(String),
}

impl Expected {
    /// Whether `after` is `before` with nothing else changed.
    pub fn check(&self, before: &Stream<'_>, after: &Stream<'_>) -> Result<(), EditError> {
        let end = before.nodes().last().map_or(1, |(_, node)| node.line());
        let mut comparison = Comparison {
            expected: self,
            before,
            after,
            anchors: HashMap::new(),
        };
        let spills = |line| EditError::Spills { line };
        let mut roots = after.roots().iter();
        for root in before.roots() {
            let new = roots.next().ok_or(spills(before[*root].line()))?;
            comparison.node(*root, *new).map_err(spills)?;
        }
        if roots.next().is_some() {
            return Err(spills(end));
        }
        for (old, new) in before.roots().iter().zip(after.roots()) {
            if json::is_json(before, *old) && !json::is_json(after, *new) {
                let line = before[*old].line();
                return Err(EditError::NoJson { line });
            }
        }
        Ok(())
    }
}

struct Comparison<'e, 's, 't> {
    expected: &'e Expected,
    before: &'s Stream<'t>,
    after: &'s Stream<'t>,
    /// Which node carries an anchor now.
    anchors: HashMap<NodeId, NodeId>,
}

impl Comparison<'_, '_, '_> {
    /// Compares a node and all that is in it. The error is the line that reads differently.
    fn node(&mut self, old: NodeId, new: NodeId) -> Result<(), usize> {
        let (before, after) = (&self.before[old], &self.after[new]);
        let differs = before.line();
        let tags = (self.before.tag(old), self.after.tag(new));
        if before.anchored != after.anchored || tags.0 != tags.1 {
            return Err(differs);
        }
        if before.anchored {
            self.anchors.insert(old, new);
        }
        if let Some(value) = self.expected.values.get(&old) {
            return match value.is_read_from(self.after, new) {
                true => Ok(()),
                false => Err(differs),
            };
        }
        let is_same = match (self.before.content(old), self.after.content(new)) {
            (Content::Scalar(before), Content::Scalar(after)) => {
                let text = self.expected.texts.get(&old);
                text.map_or(before.value, String::as_str) == after.value
                    && before.style == after.style
            }
            (Content::Alias { target: old, .. }, Content::Alias { target: new, .. }) => {
                self.anchors.get(&old) == Some(&new)
            }
            (Content::Mapping(olds), Content::Mapping(news)) => {
                let news = news.map(|(k, v)| (Some(k), v));
                return self.entries(old, olds.map(|(k, v)| (Some(k), v)), news);
            }
            (Content::Sequence(olds), Content::Sequence(news)) => {
                let news = news.map(|item| (None, item));
                return self.entries(old, olds.map(|item| (None, item)), news);
            }
            _ => false,
        };
        if is_same { Ok(()) } else { Err(differs) }
    }

    /// The pairs of a mapping, or the items of a list.
    fn entries(
        &mut self,
        collection: NodeId,
        olds: impl Iterator<Item = Entry>,
        mut news: impl Iterator<Item = Entry>,
    ) -> Result<(), usize> {
        let (expected, after) = (self.expected, self.after);
        let added = expected.added.get(&collection).map(Vec::as_slice);
        let added_behind = |key: Option<NodeId>, news: &mut dyn Iterator<Item = Entry>| {
            let mut added = added.unwrap_or_default().iter();
            added.all(|(follows, added)| *follows != key || added.is_read_from(after, news))
        };
        let mut line = self.before[collection].line();
        if !added_behind(None, &mut news) {
            return Err(line);
        }
        for (key, value) in olds {
            let first = key.unwrap_or(value);
            line = self.before[first].line();
            if !expected.removed.contains(&value) {
                let (new_key, new_value) = news.next().ok_or(line)?;
                if let (Some(key), Some(new_key)) = (key, new_key) {
                    self.node(key, new_key)?;
                }
                self.node(value, new_value)?;
            }
            if !added_behind(Some(first), &mut news) {
                return Err(line);
            }
        }
        match news.next() {
            Some(_) => Err(line),
            None => Ok(()),
        }
    }
}

/// A pair, or an item without a key.
type Entry = (Option<NodeId>, NodeId);

impl Added {
    /// Whether the next of `entries` are what was to be added.
    fn is_read_from(&self, stream: &Stream<'_>, entries: &mut dyn Iterator<Item = Entry>) -> bool {
        match self {
            Self::Pair(key, value) => entries.next().is_some_and(|(k, v)| {
                k.is_some_and(|k| is_text(stream, k, key)) && value.is_read_from(stream, v)
            }),
            Self::Item(value) => {
                let next = entries.next();
                next.is_some_and(|(_, item)| value.is_read_from(stream, item))
            }
            Self::Source(text) => {
                let Ok(source) = Stream::parse(text.as_bytes()) else {
                    return false;
                };
                let [root] = source.roots() else { return false };
                let same = |source_id: NodeId, id: Option<NodeId>| {
                    id.is_some_and(|id| is_same_tree(&source, source_id, stream, id))
                };
                match source.content(*root) {
                    Content::Mapping(mut pairs) => pairs.all(|(key, value)| {
                        entries
                            .next()
                            .is_some_and(|(k, v)| same(key, k) && same(value, Some(v)))
                    }),
                    Content::Sequence(mut items) => {
                        items.all(|item| same(item, entries.next().map(|(_, item)| item)))
                    }
                    _ => false,
                }
            }
        }
    }
}

impl NewValue {
    /// Whether readers take this, behind `tag`, for what it is. Of the tags of others nobody knows what they mean.
    pub(super) fn fits(&self, tag: Option<&str>) -> bool {
        let Some(tag) = tag.filter(|tag| tag.starts_with(scalar::YAML)) else {
            return true;
        };
        match (self, scalar::core_by_tag(tag)) {
            (Self::Text(_), Some(core)) => core == Core::Text,
            (Self::Text(_), None) => tag.ends_with(":binary"),
            (Self::Plain(plain), Some(core)) => {
                let own = scalar::core(plain);
                let is_whole = own == Core::Integer && core == Core::Float;
                let is_boolean = core == Core::Boolean && scalar::kind(plain) == Some("boolean");
                core == Core::Text || own == core || is_whole || is_boolean
            }
            _ => true,
        }
    }

    /// Whether `node` is what this value was to become.
    pub(super) fn is_read_from(&self, stream: &Stream<'_>, id: NodeId) -> bool {
        match (stream.content(id), self) {
            (Content::Scalar(scalar), Self::Plain(plain)) => {
                scalar.style == Style::Plain && scalar.value == *plain && self.fits(stream.tag(id))
            }
            (_, Self::Text(value)) => is_text(stream, id, value),
            (_, Self::Source(text)) => Stream::parse(text.as_bytes()).is_ok_and(|source| {
                matches!(source.roots(), [root] if is_same_content(&source, *root, stream, id))
            }),
            (Content::Scalar(scalar), Self::Written(raw)) => {
                scalar::reads_as(raw, scalar.style, scalar.value)
            }
            (Content::Mapping(pairs), Self::Mapping(wanted)) => {
                pairs.count() == wanted.len()
                    && pairs.zip(wanted).all(|((k, v), (key, value))| {
                        is_text(stream, k, key) && value.is_read_from(stream, v)
                    })
            }
            (Content::Sequence(items), Self::List(wanted)) => {
                items.count() == wanted.len()
                    && items
                        .zip(wanted)
                        .all(|(item, value)| value.is_read_from(stream, item))
            }
            _ => false,
        }
    }
}

impl Stream<'_> {
    /// What `id` and all that is in it say, as a value that can be written. None for what has anchors,
    /// aliases and tags in it.
    pub fn new_value(&self, id: NodeId) -> Option<NewValue> {
        let node = &self[id];
        if node.anchored || self.tag(id).is_some() {
            return None;
        }
        Some(match self.content(id) {
            Content::Scalar(read) if needs_quotes(&read) => NewValue::Plain(read.value.to_string()),
            Content::Scalar(read) => NewValue::Text(read.value.to_string()),
            Content::Sequence(items) => {
                let items = items.map(|item| self.new_value(item));
                NewValue::List(items.collect::<Option<_>>()?)
            }
            Content::Mapping(pairs) => {
                let pairs =
                    pairs.map(|(k, v)| Some((self.value(k)?.to_owned(), self.new_value(v)?)));
                NewValue::Mapping(pairs.collect::<Option<_>>()?)
            }
            Content::Alias { .. } => return None,
        })
    }

    /// Whether `id` says what `value` does already.
    pub fn reads_as(&self, id: NodeId, value: &NewValue) -> bool {
        value.is_read_from(self, id)
    }
}

/// Whether two nodes say the same: tag, anchor, kind and value, whatever the style.
fn is_same_tree(one: &Stream<'_>, id: NodeId, other: &Stream<'_>, other_id: NodeId) -> bool {
    (one[id].anchored, one.tag(id)) == (other[other_id].anchored, other.tag(other_id))
        && is_same_content(one, id, other, other_id)
}

fn is_same_content(one: &Stream<'_>, id: NodeId, other: &Stream<'_>, other_id: NodeId) -> bool {
    let is_same = |id, other_id| is_same_tree(one, id, other, other_id);
    match (one.content(id), other.content(other_id)) {
        (Content::Scalar(a), Content::Scalar(b)) => {
            a.value == b.value && needs_quotes(&a) == needs_quotes(&b)
        }
        (Content::Alias { name: a, .. }, Content::Alias { name: b, .. }) => a == b,
        (Content::Sequence(a), Content::Sequence(b)) => {
            a.count() == b.count() && a.zip(b).all(|(a, b)| is_same(a, b))
        }
        (Content::Mapping(a), Content::Mapping(b)) => {
            a.count() == b.count()
                && a.zip(b)
                    .all(|((ka, va), (kb, vb))| is_same(ka, kb) && is_same(va, vb))
        }
        _ => false,
    }
}

/// Whether `node` is the string `value` to every reader.
fn is_text(stream: &Stream<'_>, id: NodeId, value: &str) -> bool {
    let scalar = stream.scalar(id);
    let is_read = scalar.is_some_and(|scalar| scalar.value == value && !needs_quotes(&scalar));
    is_read && NewValue::Text(String::new()).fits(stream.tag(id))
}

/// Whether a scalar that is to be a string is written so that some reader sees a number or a date.
pub(super) fn needs_quotes(scalar: &Scalar<'_>) -> bool {
    scalar.style == Style::Plain && scalar::is_typed(scalar.value)
}
