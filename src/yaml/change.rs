//! What an edit is, and what may keep it from being made.

use super::document::{NodeId, ParseError, Stream};

/// One change to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// A value becomes another one.
    Set {
        /// What stands there now: a scalar (also a key), a list, a mapping or an alias.
        node: NodeId,
        /// What it shall be.
        value: NewValue,
    },
    /// A mapping gets one more key, written as its siblings are.
    Add {
        /// The mapping.
        mapping: NodeId,
        /// The key that the new one follows; the last one if none is given.
        after: Option<NodeId>,
        /// The new key.
        key: String,
        /// Its value.
        value: NewValue,
    },
    /// A list gets one more item behind its last one.
    Append {
        /// The list.
        list: NodeId,
        /// The new item.
        value: NewValue,
    },
    /// Keys or items that have been written before are put in, comments and all.
    Insert {
        /// The mapping or the list.
        collection: NodeId,
        /// The key or the item that they follow; they become the first ones if none is given.
        after: Option<NodeId>,
        /// A mapping, or a list, whose keys or items are meant: as lines from the first column on, or
        /// for a collection in brackets without its own.
        text: String,
    },
    /// A key is removed with its value, or an item of a list.
    Remove {
        /// The value, or the item.
        node: NodeId,
    },
    /// Something changes inside of a text that is a document of its own ([`super::inside`]).
    Inside {
        /// The block scalar.
        node: NodeId,
        /// Edits of [`super::inside::Inside::stream`].
        edits: Vec<Edit>,
    },
}

impl Edit {
    /// What it is about.
    pub fn node(&self) -> NodeId {
        match self {
            Self::Set { node, .. } | Self::Remove { node } | Self::Inside { node, .. } => *node,
            Self::Add { mapping, .. } => *mapping,
            Self::Append { list, .. } => *list,
            Self::Insert { collection, .. } => *collection,
        }
    }

    /// Adds `edit` to `edits`. Two that make keys or items in one place become one.
    ///
    /// # Errors
    /// Two want different values at one place: what that is about.
    pub fn join(edits: &mut Vec<Self>, edit: Self) -> Result<(), NodeId> {
        for other in edits.iter_mut() {
            let is_joined = match (other, &edit) {
                (Self::Set { node, value }, Self::Set { node: n, value: v }) if node == n => {
                    value.merge(v.clone())
                }
                (
                    Self::Add {
                        mapping,
                        key,
                        value,
                        ..
                    },
                    Self::Add {
                        mapping: m,
                        key: k,
                        value: v,
                        ..
                    },
                ) if mapping == m && key == k => value.merge(v.clone()),
                (
                    Self::Inside { node, edits },
                    Self::Inside {
                        node: n,
                        edits: new,
                    },
                ) if node == n => {
                    let mut new = new.iter().cloned();
                    new.all(|edit| Self::join(edits, edit).is_ok())
                }
                (Self::Append { list, value }, Self::Append { list: l, value: v })
                    if list == l && value.is_item_of(v) =>
                {
                    value.merge(v.clone())
                }
                (Self::Remove { node }, Self::Remove { node: n }) if node == n => true,
                _ => continue,
            };
            return if is_joined { Ok(()) } else { Err(edit.node()) };
        }
        edits.push(edit);
        Ok(())
    }
}

/// What a value shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewValue {
    /// A string, written in the style that is there, and quoted where it has to be.
    Text(String),
    /// A number, boolean, null or date, written plain and exactly so. In JSON, what is none of JSON's
    /// own is a string.
    Plain(String),
    /// A scalar, written exactly so, where an indentation like that of its own is around it. In JSON it
    /// becomes JSON.
    Written(String),
    /// A list or a mapping, written exactly so: in brackets; or as lines, indented from the column of
    /// what holds it. In JSON it becomes JSON.
    Source(String),
    /// A mapping of these keys, in lines where lines stand around it.
    Mapping(Vec<(String, NewValue)>),
    /// A list of these items, in lines where lines stand around it.
    List(Vec<NewValue>),
}

impl NewValue {
    /// Whether the two are parts of one item, which both name by the same field: `[name=web].a` and `[name=web].b`.
    fn is_item_of(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Mapping(pairs), Self::Mapping(others)) => {
                pairs.len() > 1 && others.len() > 1 && pairs.first() == others.first()
            }
            _ => false,
        }
    }

    /// Has it hold what `other` holds, too. False where they contradict each other.
    pub fn merge(&mut self, other: Self) -> bool {
        match (self, other) {
            (Self::Mapping(pairs), Self::Mapping(others)) => {
                others.into_iter().all(|(key, value)| {
                    match pairs.iter_mut().find(|(known, _)| *known == key) {
                        Some((_, known)) => known.merge(value),
                        None => {
                            pairs.push((key, value));
                            true
                        }
                    }
                })
            }
            (Self::List(items), Self::List(others)) => others.into_iter().all(|other| match items
                .iter_mut()
                .find(|item| item.is_item_of(&other))
            {
                Some(item) => item.merge(other),
                None => {
                    items.push(other);
                    true
                }
            }),
            (value @ Self::Source(_), other @ (Self::Mapping(_) | Self::List(_))) => {
                let in_parts = value.in_parts();
                in_parts.is_some_and(|mut all| {
                    let is_merged = all.merge(other);
                    *value = all;
                    is_merged
                })
            }
            (value @ (Self::Mapping(_) | Self::List(_)), other @ Self::Source(_)) => {
                other.in_parts().is_some_and(|other| value.merge(other))
            }
            (value, other) => *value == other,
        }
    }

    /// A list or a mapping that is written as a text, as one of its items or keys.
    fn in_parts(&self) -> Option<Self> {
        let Self::Source(text) = self else {
            return None;
        };
        let stream = Stream::parse(text.as_bytes()).ok()?;
        match stream.roots() {
            [root] => stream.new_value(*root),
            _ => None,
        }
    }
}

/// Why an edit was not made. Lines count from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// Some mapping around the target has a key twice, and readers differ in which one counts.
    #[error("the key {key:?} is there twice, on lines {first} and {line}: remove one of them")]
    DuplicateKey {
        /// The key.
        key: String,
        /// The line of the first one.
        first: usize,
        /// The line of the second one.
        line: usize,
    },
    /// A key is to be added to a mapping that has it, with a value that nobody can edit as a text.
    #[error(
        "line {line}: the key {key:?} is there already, and its value can't be replaced as a text: correct it first"
    )]
    Taken {
        /// The key.
        key: String,
        /// Where it stands.
        line: usize,
    },
    /// The value is empty, and stands where nothing can be written in its place.
    #[error("line {line}: the value is empty, so there is no text to replace: write \"\" there")]
    Empty {
        /// Where the target stands.
        line: usize,
    },
    /// A key or an item is to be added to something else, or to a mapping or list that is written in a
    /// way that leaves no place for one.
    #[error(
        "line {line}: no {what} can be added there: it is not a {collection}, or one written in an unusual way"
    )]
    NoPlace {
        /// Where it was to be added.
        line: usize,
        /// `key` or `item`.
        what: &'static str,
        /// `mapping` or `list`.
        collection: &'static str,
    },
    /// Something is to be added behind a text that ends with the file, without a line break.
    #[error(
        "line {line}: the text that ends the file has no line break behind it, and would get one from what is added there: end the file with a line break first, or write `|-` where the text begins"
    )]
    OpenEnd {
        /// Where the file ends.
        line: usize,
    },
    /// What is to be replaced or removed can't be told from what is around it.
    #[error(
        "line {line}: what stands there can't be told from what is around it: give it lines of its own"
    )]
    Inseparable {
        /// Where the target stands.
        line: usize,
    },
    /// Two edits want the same bytes.
    #[error("two changes meet on line {line}: make one of them in a step of its own")]
    Overlap {
        /// Where.
        line: usize,
    },
    /// What goes carries an anchor, and something else reads it.
    #[error(
        "line {line} reads what goes (`*{name}`): change or remove that line in the same step, or first"
    )]
    Needed {
        /// Where the alias stands.
        line: usize,
        /// The anchor.
        name: String,
    },
    /// The text is no document of its own that can be edited where it is.
    #[error("line {line}: the text there is no YAML that can be edited where it is")]
    NotInside {
        /// Where the text begins.
        line: usize,
    },
    /// An edit inside of a text that is a document of its own.
    #[error("in the text that begins on line {line}: {source}")]
    Inside {
        /// Where the text's first line is.
        line: usize,
        /// Why not, with lines counted in the text.
        source: Box<EditError>,
    },
    /// The value carries a tag, as `!!int`, that stays, and makes something else of what is to be written.
    #[error(
        "line {line}: the value there carries the tag `{tag}`, by which {value:?} would not be read as it is meant: remove the tag from the file first"
    )]
    Tagged {
        /// Where the value stands.
        line: usize,
        /// As it is written.
        tag: String,
        /// What was to be written.
        value: String,
    },
    /// The guard before the edit: the text on this line is not the value that was parsed.
    #[error("line {line}: the text there does not read as {value:?}; nothing was changed")]
    Misplaced {
        /// Where the parser saw the value.
        line: usize,
        /// What the parser read.
        value: String,
    },
    /// The guard after the edit: the new file would not be YAML any more.
    #[error("the edit would break the file ({0}); nothing was changed")]
    Breaks(ParseError),
    /// The guard after the edit: something else than the targets would read differently.
    #[error("the edit would change what line {line} says; nothing was changed")]
    Spills {
        /// The first line of the old file that would read differently.
        line: usize,
    },
    /// The guard after the edit: what was JSON would be none any more.
    #[error("the edit would make JSON invalid (the document on line {line}); nothing was changed")]
    NoJson {
        /// Where the document begins.
        line: usize,
    },
}

impl EditError {
    /// Whether a guard had to step in: a case that this program should have handled.
    pub fn is_guard(&self) -> bool {
        match self {
            Self::Misplaced { .. }
            | Self::Breaks(_)
            | Self::Spills { .. }
            | Self::NoJson { .. } => true,
            Self::Inside { source, .. } => source.is_guard(),
            _ => false,
        }
    }
}
