//! Changing scalars of a file and not one byte more.
//!
//! Two guards stand around every edit. Before it, the text that is to be replaced must read, on its
//! own, as the value that the parser reported there. After it, the new file is parsed again, and
//! only the scalars that were to change may differ. A parser that errs about a position can so make
//! an edit fail, never make it wrong.

use std::collections::HashMap;
use std::ops::Range;

use super::document::{Content, Node, NodeId, ParseError, Role, Scalar, Stream, Style};
use super::scalar::{self, Slot};

/// One change to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// A scalar becomes another one.
    Set {
        /// The scalar; may be a key.
        node: NodeId,
        /// What it shall be.
        value: NewValue,
    },
    /// A block mapping gets one more key, indented as its siblings are.
    Add {
        /// The mapping.
        mapping: NodeId,
        /// The key that the new line follows; the last one that can be followed if none is given.
        after: Option<NodeId>,
        /// The new key.
        key: String,
        /// Its value.
        value: NewValue,
    },
}

/// What a scalar shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewValue {
    /// A string, written in the style that is there, and quoted where it has to be.
    Text(String),
    /// A number, boolean, null or date, written plain and exactly so.
    Plain(String),
}

/// Why an edit was not made. Lines count from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The target is a list, a mapping or an alias.
    #[error("line {line} holds no scalar")]
    NotAScalar {
        /// Where the target stands.
        line: usize,
    },
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
    /// The value is empty, and stands where nothing can be written in its place.
    #[error("line {line}: the value is empty, so there is no text to replace: write \"\" there")]
    Empty {
        /// Where the target stands.
        line: usize,
    },
    /// A key is to be added to something else than a mapping with a line for each key.
    #[error(
        "line {line}: a key can only be added to a mapping that has a line for each key, and one whose value is no list or mapping"
    )]
    NoBlockMapping {
        /// Where the mapping stands.
        line: usize,
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
}

impl EditError {
    /// Whether a guard had to step in: a case that this program should have handled.
    pub fn is_guard(&self) -> bool {
        matches!(
            self,
            Self::Misplaced { .. } | Self::Breaks(_) | Self::Spills { .. }
        )
    }
}

/// The file with `edits` made, all of them. No two may be about the same scalar.
///
/// # Errors
/// [`EditError`] says why nothing was changed.
pub fn apply(stream: &Stream<'_>, edits: &[Edit]) -> Result<Vec<u8>, EditError> {
    let mut duplicates = Duplicates::default();
    let mut replacements = Vec::with_capacity(edits.len());
    let mut expected = Expected::default();
    for edit in edits {
        match edit {
            Edit::Set { node, value } => {
                duplicates.refuse_around(stream, *node)?;
                replacements.push(replacement(stream, *node, value)?);
                expected.values.insert(*node, value);
            }
            Edit::Add {
                mapping,
                after,
                key,
                value,
            } => {
                duplicates.refuse_around(stream, *mapping)?;
                let (place, replacement) = addition(stream, *mapping, *after, key, value)?;
                replacements.push(replacement);
                expected.added.push((place, key, value));
            }
        }
    }
    let after = splice(stream.text(), replacements);
    expected.check(stream, &after)?;
    Ok(after.into_bytes())
}

/// Text that takes the place of a range of bytes.
struct Replacement {
    span: Range<usize>,
    text: String,
}

/// The text that makes `value` of the scalar `id`, and the guard before it.
fn replacement(
    stream: &Stream<'_>,
    id: NodeId,
    value: &NewValue,
) -> Result<Replacement, EditError> {
    let node = &stream[id];
    let line = node.line;
    let Content::Scalar(old) = &node.content else {
        return Err(EditError::NotAScalar { line });
    };
    if old.value.is_empty() && old.style == Style::Plain {
        return fill_empty(stream, node, value);
    }
    let misplaced = || EditError::Misplaced {
        line,
        value: old.value.clone(),
    };
    let span = old.span.clone().ok_or_else(misplaced)?;
    let raw = stream.text().get(span.clone()).ok_or_else(misplaced)?;
    if !scalar::reads_as(raw, old.style, &old.value) {
        return Err(misplaced());
    }
    let text = match value {
        NewValue::Plain(plain) => plain.clone(),
        NewValue::Text(value) if *value == old.value && !needs_quotes(old) => raw.to_owned(),
        NewValue::Text(value) => scalar::write(
            value,
            Slot {
                style: old.style,
                raw,
                value: &old.value,
                in_flow: node.in_flow,
                line_break: line_break(stream.text()),
            },
        ),
    };
    Ok(Replacement { span, text })
}

/// Whether a scalar that is to be a string is written so that some reader sees a number or a date.
fn needs_quotes(scalar: &Scalar) -> bool {
    scalar.style == Style::Plain && scalar::is_typed(&scalar.value)
}

/// `key:` without a value: the new one goes behind the colon.
fn fill_empty(
    stream: &Stream<'_>,
    node: &Node,
    value: &NewValue,
) -> Result<Replacement, EditError> {
    let empty = EditError::Empty { line: node.line };
    let Role::Value { key } = node.role else {
        return Err(empty);
    };
    if node.anchored || node.tag.is_some() {
        return Err(empty);
    }
    let after_key = stream
        .scalar(key)
        .and_then(|key| key.span.as_ref())
        .map(|span| span.end);
    let colon = after_key
        .and_then(|end| stream.text().get(end..))
        .filter(|rest| rest.starts_with(':'));
    let (Some(end), Some(_)) = (after_key, colon) else {
        return Err(EditError::Empty {
            line: stream[key].line,
        });
    };
    let value = value.written_afresh(node.in_flow);
    Ok(Replacement {
        span: end + 1..end + 1,
        text: format!(" {value}"),
    })
}

/// The line for a new key, and the number of the node before which key and value will be.
fn addition(
    stream: &Stream<'_>,
    mapping: NodeId,
    after: Option<NodeId>,
    key: &str,
    value: &NewValue,
) -> Result<(usize, Replacement), EditError> {
    let line = stream[mapping].line;
    let pairs = stream.pairs(mapping);
    if stream[mapping].in_flow || pairs.is_empty() {
        return Err(EditError::NoBlockMapping { line });
    }
    let (sibling, at) = pairs
        .iter()
        .rev()
        .filter(|(sibling, _)| Some(*sibling) == after)
        .chain(pairs.iter().rev())
        .find_map(|(sibling, value)| Some((*sibling, line_end_of(stream, *sibling, *value)?)))
        .ok_or(EditError::NoBlockMapping { line })?;
    let key = if scalar::is_plain_string(key, false) {
        key.to_owned()
    } else {
        scalar::double_quoted(key)
    };
    let text = format!(
        "{}{}{key}: {}",
        line_break(stream.text()),
        " ".repeat(stream[sibling].column - 1),
        value.written_afresh(false)
    );
    // The value of a pair that can be followed is one node, and comes right after its key.
    let place = sibling.number() + 2;
    Ok((place, Replacement { span: at..at, text }))
}

/// Where the line ends on which a pair ends, comment included. None for collections, whose end the
/// parser does not tell.
fn line_end_of(stream: &Stream<'_>, key: NodeId, value: NodeId) -> Option<usize> {
    let end = match &stream[value].content {
        Content::Scalar(scalar) if scalar.value.is_empty() && scalar.style == Style::Plain => {
            stream.scalar(key)?.span.as_ref()?.end
        }
        Content::Scalar(scalar) => scalar.span.as_ref()?.end,
        Content::Alias { .. } => stream.scalar(key)?.span.as_ref()?.end,
        Content::Sequence(_) | Content::Mapping(_) => return None,
    };
    let rest = stream.text().get(end..)?;
    Some(end + rest.find(['\r', '\n']).unwrap_or(rest.len()))
}

impl NewValue {
    /// The text of the value where no old one gives a style.
    fn written_afresh(&self, in_flow: bool) -> String {
        match self {
            Self::Plain(plain) => plain.clone(),
            Self::Text(value) if scalar::is_plain_string(value, in_flow) => value.clone(),
            Self::Text(value) => scalar::double_quoted(value),
        }
    }
}

/// The line break of the file's first line.
fn line_break(text: &str) -> &'static str {
    match text.find('\n') {
        Some(at) if text.get(..at).is_some_and(|line| line.ends_with('\r')) => "\r\n",
        _ => "\n",
    }
}

/// `text` with every replacement made. Spans of different scalars never overlap.
fn splice(text: &str, mut replacements: Vec<Replacement>) -> String {
    replacements.sort_by_key(|replacement| replacement.span.start);
    let mut result = String::with_capacity(text.len() + 64);
    let mut copied = 0;
    for replacement in replacements {
        result.push_str(text.get(copied..replacement.span.start).unwrap_or_default());
        result.push_str(&replacement.text);
        copied = replacement.span.end;
    }
    result.push_str(text.get(copied..).unwrap_or_default());
    result
}

/// What may be different in the new file: the guard after the edit.
#[derive(Default)]
struct Expected<'e> {
    values: HashMap<NodeId, &'e NewValue>,
    /// Keys and values that are new, and the number of the old node before which they are.
    added: Vec<(usize, &'e str, &'e NewValue)>,
}

impl Expected<'_> {
    fn check(mut self, before: &Stream<'_>, after: &str) -> Result<(), EditError> {
        let after = Stream::parse(after.as_bytes()).map_err(EditError::Breaks)?;
        // Stable: lines that are added at one place stand in the order they were asked for.
        self.added.sort_by_key(|(place, ..)| *place);
        let mut added = self.added.iter().peekable();
        let mut new_nodes = after.nodes().map(|(_, node)| node);
        let end = before.nodes().last().map_or(1, |(_, node)| node.line);
        let spills = |line| EditError::Spills { line };

        let nodes = before.nodes().map(Some).chain(std::iter::once(None));
        for old in nodes {
            let number = old.map_or(before.len(), |(id, _)| id.number());
            while let Some((_, key, value)) = added.next_if(|(place, ..)| *place == number) {
                let is_added = new_nodes.next().is_some_and(|node| is_text(node, key))
                    && new_nodes
                        .next()
                        .is_some_and(|node| value.is_read_from(node));
                if !is_added {
                    return Err(spills(old.map_or(end, |(_, node)| node.line)));
                }
            }
            let Some((id, old)) = old else { break };
            let is_as_meant = new_nodes.next().is_some_and(|new| {
                self.is_in_place(old, new)
                    && match self.values.get(&id) {
                        Some(value) => value.is_read_from(new),
                        None => self.is_same_content(&old.content, &new.content),
                    }
            });
            if !is_as_meant {
                return Err(spills(old.line));
            }
        }
        match new_nodes.next() {
            Some(_) => Err(spills(end)),
            None => Ok(()),
        }
    }

    /// The number that the old node `id` has in the new file.
    fn renumbered(&self, id: NodeId) -> usize {
        let added = self
            .added
            .partition_point(|(place, ..)| *place <= id.number());
        id.number() + 2 * added
    }

    /// Everything but the content is the same. Lines may move below an edit of a block scalar.
    fn is_in_place(&self, old: &Node, new: &Node) -> bool {
        let same_node = |old: Option<NodeId>, new: Option<NodeId>| {
            old.map(|id| self.renumbered(id)) == new.map(NodeId::number)
        };
        let same_role = match (old.role, new.role) {
            (Role::Value { key: old }, Role::Value { key: new }) => same_node(Some(old), Some(new)),
            (old, new) => old == new,
        };
        same_role
            && same_node(old.parent, new.parent)
            && (old.document, old.anchored, &old.tag) == (new.document, new.anchored, &new.tag)
    }

    /// What a collection holds is compared node by node: each knows its parent and its place.
    fn is_same_content(&self, old: &Content, new: &Content) -> bool {
        match (old, new) {
            (Content::Scalar(old), Content::Scalar(new)) => {
                old.value == new.value && old.style == new.style
            }
            (Content::Sequence(_), Content::Sequence(_))
            | (Content::Mapping(_), Content::Mapping(_)) => true,
            (Content::Alias { target: old, .. }, Content::Alias { target: new, .. }) => {
                self.renumbered(*old) == new.number()
            }
            _ => false,
        }
    }
}

impl NewValue {
    /// Whether `node` is what this value was to become.
    fn is_read_from(&self, node: &Node) -> bool {
        match (&node.content, self) {
            (Content::Scalar(scalar), Self::Plain(plain)) => {
                scalar.style == Style::Plain && scalar.value == *plain
            }
            (_, Self::Text(value)) => is_text(node, value),
            _ => false,
        }
    }
}

/// Whether `node` is the string `value` to every reader.
fn is_text(node: &Node, value: &str) -> bool {
    match &node.content {
        Content::Scalar(scalar) => scalar.value == value && !needs_quotes(scalar),
        _ => false,
    }
}

/// Looks for keys that are there twice, in each mapping once, so that many edits of one mapping
/// stay cheap.
#[derive(Default)]
struct Duplicates {
    /// For each mapping seen so far, the keys that are there more than once.
    seen: HashMap<NodeId, HashMap<String, (NodeId, NodeId)>>,
}

impl Duplicates {
    /// Refuses `target` when a key on the way to it is there twice.
    fn refuse_around(&mut self, stream: &Stream<'_>, target: NodeId) -> Result<(), EditError> {
        for id in stream.ancestors(target) {
            let node = &stream[id];
            let (Some(mapping), Some(key)) = (node.parent, key_node(node, id)) else {
                continue;
            };
            let Some(name) = stream.value(key) else {
                continue;
            };
            let twice = self
                .seen
                .entry(mapping)
                .or_insert_with(|| duplicate_keys(stream, mapping));
            if let Some((first, second)) = twice.get(name) {
                return Err(EditError::DuplicateKey {
                    key: name.to_owned(),
                    first: stream[*first].line,
                    line: stream[*second].line,
                });
            }
        }
        Ok(())
    }
}

/// The key of the pair that the node belongs to.
fn key_node(node: &Node, id: NodeId) -> Option<NodeId> {
    match node.role {
        Role::Key => Some(id),
        Role::Value { key } => Some(key),
        Role::Root | Role::Item { .. } => None,
    }
}

fn duplicate_keys(stream: &Stream<'_>, mapping: NodeId) -> HashMap<String, (NodeId, NodeId)> {
    let mut first: HashMap<&str, NodeId> = HashMap::new();
    let mut twice = HashMap::new();
    for (key, _) in stream.pairs(mapping) {
        let Some(name) = stream.value(*key) else {
            continue;
        };
        if let Some(first) = first.get(name) {
            twice.entry(name.to_owned()).or_insert((*first, *key));
        } else {
            first.insert(name, *key);
        }
    }
    twice
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Sets the scalars that read as `old` to `new`.
    fn replace(text: &str, old: &str, new: &str) -> Result<String, EditError> {
        let stream = Stream::parse(text.as_bytes()).unwrap();
        let edits: Vec<Edit> = stream
            .nodes()
            .filter(|(id, _)| stream.value(*id) == Some(old))
            .map(|(node, _)| Edit::Set {
                node,
                value: NewValue::Text(new.to_owned()),
            })
            .collect();
        assert!(!edits.is_empty());
        apply(&stream, &edits).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[track_caller]
    fn check(before: &str, after: &str) {
        assert_eq!(replace(before, "v1", "v2").unwrap(), after);
        assert_eq!(replace(after, "v2", "v1").unwrap(), before, "and back");
    }

    #[test]
    fn only_the_bytes_of_the_scalar_change() {
        check("a: v1", "a: v2");
        check("a: v1 # {\"$x\": y}\n", "a: v2 # {\"$x\": y}\n");
        check("a:   'v1'\t# b\r\n\r\n", "a:   'v2'\t# b\r\n\r\n");
        check("\u{feff}# ü\na: \"v1\"\n", "\u{feff}# ü\na: \"v2\"\n");
        check("{ü: v1,b: [ 'v1', v1 ] }", "{ü: v2,b: [ 'v2', v2 ] }");
        check("a: &x !!str v1\nb: *x\n", "a: &x !!str v2\nb: *x\n");
        check(
            "---\na: v1\n...\n---\n- v1\n--- v1",
            "---\na: v2\n...\n---\n- v2\n--- v2",
        );
        check("? v1\n: x\n", "? v2\n: x\n");
        check("a: >-\n    v1\n\n# b\nc: d", "a: >-\n    v2\n\n# b\nc: d");
    }

    #[test]
    fn a_value_that_reads_as_a_number_is_quoted() {
        assert_eq!(replace("a: v1 # b", "v1", "1e3").unwrap(), "a: \"1e3\" # b");
        assert_eq!(replace("a: 'v1' # b", "v1", "1e3").unwrap(), "a: '1e3' # b");
        assert_eq!(replace("a: 1.10", "1.10", "1.10").unwrap(), "a: \"1.10\"");
    }

    #[test]
    fn a_value_that_is_there_already_stays_as_it_is_written() {
        for text in ["a: \"v\\x31\"", "a: >-\n    v1\n    \n"] {
            assert_eq!(replace(text, "v1", "v1").unwrap(), text);
        }
    }

    #[test]
    fn an_empty_value_is_filled_in_behind_the_colon() {
        assert_eq!(replace("a:\nb: c\n", "", "v1").unwrap(), "a: v1\nb: c\n");
        assert_eq!(replace("a: # b\n", "", "v1").unwrap(), "a: v1 # b\n");
        assert_eq!(replace("{a: , b: c}", "", "v1").unwrap(), "{a: v1 , b: c}");
        assert_eq!(replace("a:\n", "", "1").unwrap(), "a: \"1\"\n");
        assert_eq!(replace("a:\n", "", "b, c").unwrap(), "a: b, c\n");
        assert_eq!(replace("{a: }", "", "b, c").unwrap(), "{a: \"b, c\" }");
        for text in [
            "- \n- a",
            "a: &x\n",
            "a: !!str\n",
            "a: &x !!str\n",
            "? \n: b\n",
        ] {
            let empty = replace(text, "", "v1").unwrap_err();
            assert!(
                matches!(empty, EditError::Empty { .. }),
                "{text:?}: {empty}"
            );
        }
    }

    #[test]
    fn a_key_that_is_there_twice_is_refused_on_the_path_only() {
        let error = replace("a:\n  b: x\n  c: v1\na:\n  d: y\n", "v1", "v2").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the key \"a\" is there twice, on lines 1 and 4: remove one of them"
        );
        assert!(replace("a: {b: x, b: y}\nc: v1\n", "v1", "v2").is_ok());
    }

    /// Makes `value` of what the root's key `z` holds, which the parser has seen at `span`.
    fn set_misplaced(
        text: &str,
        span: Option<Range<usize>>,
        value: NewValue,
    ) -> Result<String, EditError> {
        let mut stream = Stream::parse(text.as_bytes()).unwrap();
        let node = stream.get(stream.roots()[0], "z").unwrap();
        stream.misplace(node, span);
        let edit = Edit::Set { node, value };
        apply(&stream, &[edit]).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn the_guard_before_refuses_a_text_that_is_not_the_value() {
        let text = "ü: v2\nz: v1\n";
        let set = |span| set_misplaced(text, span, NewValue::Text("v3".to_owned()));
        assert_eq!(set(Some(10..12)).unwrap(), "ü: v2\nz: v3\n");
        // Space around it is left to the guard after.
        assert!(matches!(set(Some(9..12)), Err(EditError::Breaks(_))));
        for span in [
            Some(4..6),
            Some(10..11),
            Some(8..12),
            Some(1..3),
            Some(10..99),
            None,
        ] {
            let misplaced = EditError::Misplaced {
                line: 2,
                value: "v1".to_owned(),
            };
            assert!(misplaced.is_guard());
            assert_eq!(set(span.clone()), Err(misplaced), "{span:?}");
        }
    }

    #[test]
    fn the_guard_after_refuses_whatever_else_would_read_differently() {
        // The text at the span reads as the value, but is another's: the line where the file would
        // say something else first is told.
        for (text, new, line) in [
            ("a: v1\nb: c\nz: v1\n", "v2", 1),
            ("a: v1\nb: c\nz: v1\n", "'v1'", 1),
            ("a: v1\nb: c\nz: v1\n", "&x v1", 1),
            ("a: v1\nb: c\nz: v1\n", "!x v1", 1),
            ("a: v1\nb: c\nz: v1\n", "[v1]", 1),
            ("a: v1\nb: c\nz: v1\n", "v1 # d", 3),
            ("a: v1\nb: c\nz: v1\n", "v1\nx: v2", 2),
            ("a: v1\nb: {c: d}\nz: v1\n", "v1\nb: [c, d]\nx:", 2),
            ("a: {b: c, d: v1}\nz: v1\n", "v1}\ne: {", 2),
            ("a: [[b, v1], c]\nz: v1\n", "v1, c], [", 1),
            ("a: !v1 b\nz: v1\n", "v2", 1),
            ("a: &x b\nv2: &v2 b\nc: &v1 b\nd: *v1\nz: v1\n", "v2", 4),
        ] {
            let at = text
                .find("*v1")
                .map_or_else(|| text.find("v1"), |at| Some(at + 1));
            let at = at.unwrap();
            let refused = set_misplaced(text, Some(at..at + 2), NewValue::Plain(new.to_owned()));
            assert_eq!(
                refused,
                Err(EditError::Spills { line }),
                "{text:?}, {new:?}"
            );
            assert!(refused.unwrap_err().is_guard());
        }
        // Here it is only a comment's, and nothing would be set.
        for value in [NewValue::Text, NewValue::Plain] {
            let refused = set_misplaced("a: b\nz: v1 # v1\n", Some(13..15), value("v2".to_owned()));
            assert_eq!(refused, Err(EditError::Spills { line: 2 }));
        }
    }

    #[test]
    fn the_guard_after_refuses_a_plain_value_that_would_read_as_more() {
        let set = |text: &str, new: &str| {
            let stream = Stream::parse(text.as_bytes()).unwrap();
            let node = stream.get(stream.roots()[0], "z").unwrap();
            let value = NewValue::Plain(new.to_owned());
            apply(&stream, &[Edit::Set { node, value }])
        };
        assert_eq!(set("y: 1\nz: 2\n", "3").unwrap(), b"y: 1\nz: 3\n");
        assert_eq!(set("y: 1\nz: '2'\n", "3").unwrap(), b"y: 1\nz: 3\n");
        for new in [
            "3 # x",
            "3\nx: y",
            "3\n",
            " 3",
            "'3'",
            "[3]",
            "*y",
            "3\n---\n- 4",
        ] {
            for text in ["y: &y 1\nz: 2\n", "y: &y 1\nz:\n"] {
                assert!(
                    matches!(set(text, new), Err(EditError::Spills { .. })),
                    "{text:?}, {new:?}"
                );
            }
        }
        for new in ["a: b", "[", "\"", "*x"] {
            let refused = set("y: 1\nz: 2\n", new).unwrap_err();
            assert!(
                matches!(refused, EditError::Breaks(_)),
                "{new:?}: {refused}"
            );
            assert!(refused.is_guard());
        }
        assert!(set("{y: 1, z: 2}", "3, x: 4").is_err());
        assert!(!EditError::Empty { line: 1 }.is_guard());
    }

    /// Adds `k: v` to the mapping that the root's key `m` holds.
    fn add(text: &str, after: Option<&str>) -> Result<String, EditError> {
        let stream = Stream::parse(text.as_bytes()).unwrap();
        let mapping = stream.get(stream.roots()[0], "m").unwrap();
        let after = after.and_then(|after| {
            let mut pairs = stream.pairs(mapping).iter();
            pairs
                .find(|(key, _)| stream.value(*key) == Some(after))
                .map(|(key, _)| *key)
        });
        let edit = Edit::Add {
            mapping,
            after,
            key: "k".to_owned(),
            value: NewValue::Text("v".to_owned()),
        };
        apply(&stream, &[edit]).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn a_key_is_added_as_its_siblings_are_written() {
        for (before, after, expected) in [
            ("m:\n  a: b\n", None, "m:\n  a: b\n  k: v\n"),
            (
                "m:\n    a: b # c\n\n# d\ne: f",
                None,
                "m:\n    a: b # c\n    k: v\n\n# d\ne: f",
            ),
            ("m:\r\n  a: b", None, "m:\r\n  a: b\r\n  k: v"),
            (
                "m:\n  a: b\n  c: d\n",
                Some("a"),
                "m:\n  a: b\n  k: v\n  c: d\n",
            ),
            (
                "m:\n  a: b\n  c: {d: e}\n",
                None,
                "m:\n  a: b\n  k: v\n  c: {d: e}\n",
            ),
            (
                "m:\n  a:\n  b:\n    - c\n",
                None,
                "m:\n  a:\n  k: v\n  b:\n    - c\n",
            ),
            ("m:\n  a: b\n    c\n", None, "m:\n  a: b\n    c\n  k: v\n"),
            (
                "m:\n  a: |\n    b\n\nx: y\n",
                None,
                "m:\n  a: |\n    b\n  k: v\n\nx: y\n",
            ),
            (
                "x: &x y\nm:\n  a: *x\nz: *x\n",
                None,
                "x: &x y\nm:\n  a: *x\n  k: v\nz: *x\n",
            ),
        ] {
            assert_eq!(add(before, after).unwrap(), expected);
        }
        for text in ["m: {a: b}\n", "m: {}\n", "m: a\n", "m:\n  a:\n    - b\n"] {
            assert!(
                matches!(add(text, None), Err(EditError::NoBlockMapping { .. })),
                "{text:?}"
            );
        }
    }

    #[test]
    fn several_keys_are_added_in_the_order_they_are_asked_for() {
        let text = "x: &x y\nm:\n  a: *x\n  b: &b c\nz: [*x, *b]\n";
        let stream = Stream::parse(text.as_bytes()).unwrap();
        let root = stream.roots()[0];
        let mapping = stream.get(root, "m").unwrap();
        let pairs = stream.pairs(mapping);
        let add = |after: usize, key: &str, value: &str| Edit::Add {
            mapping,
            after: Some(pairs[after].0),
            key: key.to_owned(),
            value: NewValue::Plain(value.to_owned()),
        };
        let edits = [
            add(1, "k", "3"),
            add(0, "l", "1"),
            Edit::Set {
                node: stream.get(root, "x").unwrap(),
                value: NewValue::Text("w".to_owned()),
            },
            add(0, "1", "2"),
        ];
        assert_eq!(
            String::from_utf8(apply(&stream, &edits).unwrap()).unwrap(),
            "x: &x w\nm:\n  a: *x\n  l: 1\n  \"1\": 2\n  b: &b c\n  k: 3\nz: [*x, *b]\n"
        );
        for (after, line) in [(0, 4), (1, 5)] {
            for value in ["1 # d", "'1'", "[1]", "1\n  n: 2"] {
                let refused = apply(&stream, &[add(after, "k", value)]);
                assert_eq!(refused, Err(EditError::Spills { line }), "{value:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn an_edit_there_and_back_gives_the_first_file(
            lines in prop::collection::vec(
                prop::sample::select(vec![
                    "a: v1", "b: 'v1' # c", "é: \"v1\"", "d: {x: v1, 'y': [v1]}", "e:\n  - v1\n  - z",
                    "f: >-\n  v1", "# v1", "", "g: |\n  ünd\n", "h: &h v1", "i: long\n  text",
                ]),
                0..8,
            ),
            crlf: bool,
            mark: bool,
            end: bool,
        ) {
            let mut text = "first: v1\n".to_owned();
            for (number, line) in lines.iter().enumerate() {
                // Each line a document of its own, so that keys may repeat.
                text = format!("{text}--- # {number}\n{line}\n");
            }
            if crlf {
                text = text.replace('\n', "\r\n");
            }
            if mark {
                text = format!("\u{feff}{text}");
            }
            if end {
                text = text.trim_end().to_owned();
            }
            let there = replace(&text, "v1", "w23").unwrap();
            prop_assert_eq!(there.matches("v1").count(), text.matches("# v1").count());
            prop_assert_eq!(replace(&there, "w23", "v1").unwrap(), text);
        }
    }
}
