//! Changing scalars of a file and not one byte more.
//!
//! Two guards stand around every edit. Before it, the text that is to be replaced must read, on its
//! own, as the value that the parser reported there. After it, the new file is parsed again, and
//! only the scalars that were to change may differ. A parser that errs about a position can so make
//! an edit fail, never make it wrong.

use std::collections::HashMap;
use std::ops::Range;

use super::document::{Content, Node, NodeId, ParseError, Role, Scalar, Stream, Style};
use super::scalar::{self, Place};

/// One scalar to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The scalar; may be a key.
    pub node: NodeId,
    /// What it shall be.
    pub value: NewValue,
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

/// The file with `edits` made, all of them, in whatever order they are given.
///
/// # Errors
/// [`EditError`] says why nothing was changed.
pub fn apply(stream: &Stream<'_>, edits: &[Edit]) -> Result<Vec<u8>, EditError> {
    let mut duplicates = Duplicates::default();
    let mut replacements = Vec::with_capacity(edits.len());
    for edit in edits {
        duplicates.refuse_around(stream, edit.node)?;
        replacements.push(replacement(stream, edit)?);
    }
    let after = splice(stream.text(), replacements);
    check_after(stream, edits, &after)?;
    Ok(after.into_bytes())
}

/// Text that takes the place of a range of bytes.
struct Replacement {
    span: Range<usize>,
    text: String,
}

/// The text for `edit`, and the guard before it.
fn replacement(stream: &Stream<'_>, edit: &Edit) -> Result<Replacement, EditError> {
    let node = &stream[edit.node];
    let line = node.line;
    let Content::Scalar(old) = &node.content else {
        return Err(EditError::NotAScalar { line });
    };
    if old.value.is_empty() && old.style == Style::Plain {
        return fill_empty(stream, edit, node);
    }
    let misplaced = || EditError::Misplaced {
        line,
        value: old.value.clone(),
    };
    let span = old.span.clone().ok_or_else(misplaced)?;
    let raw = stream.text().get(span.clone()).ok_or_else(misplaced)?;
    if scalar::read(raw, old.style).as_deref() != Some(&old.value) {
        return Err(misplaced());
    }
    let text = match &edit.value {
        NewValue::Plain(plain) => plain.clone(),
        NewValue::Text(value) if *value == old.value && !needs_quotes(old) => raw.to_owned(),
        NewValue::Text(value) => scalar::write(
            value,
            Place {
                style: old.style,
                raw,
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
fn fill_empty(stream: &Stream<'_>, edit: &Edit, node: &Node) -> Result<Replacement, EditError> {
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
    let value = match &edit.value {
        NewValue::Plain(plain) => plain.clone(),
        NewValue::Text(value) if scalar::is_plain_string(value, node.in_flow) => value.clone(),
        NewValue::Text(value) => scalar::double_quoted(value),
    };
    Ok(Replacement {
        span: end + 1..end + 1,
        text: format!(" {value}"),
    })
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

/// The guard after the edit.
fn check_after(before: &Stream<'_>, edits: &[Edit], after: &str) -> Result<(), EditError> {
    let asked: HashMap<NodeId, &NewValue> =
        edits.iter().map(|edit| (edit.node, &edit.value)).collect();
    let after = Stream::parse(after.as_bytes()).map_err(EditError::Breaks)?;
    let pairs = before.nodes().zip(after.nodes());
    for ((id, old), (_, new)) in pairs {
        let is_as_meant = match asked.get(&id) {
            Some(value) => is_what_was_asked(new, value) && is_same_but_content(old, new),
            None => is_same_content(&old.content, &new.content) && is_same_but_content(old, new),
        };
        if !is_as_meant {
            return Err(EditError::Spills { line: old.line });
        }
    }
    if before.len() != after.len() {
        let line = before.nodes().last().map_or(1, |(_, node)| node.line);
        return Err(EditError::Spills { line });
    }
    Ok(())
}

fn is_what_was_asked(new: &Node, asked: &NewValue) -> bool {
    match (&new.content, asked) {
        (Content::Scalar(new), NewValue::Plain(plain)) => {
            new.style == Style::Plain && new.value == *plain
        }
        (Content::Scalar(new), NewValue::Text(value)) => new.value == *value && !needs_quotes(new),
        _ => false,
    }
}

/// Everything but content and position. Lines may move below an edit of a block scalar.
fn is_same_but_content(old: &Node, new: &Node) -> bool {
    (old.document, old.parent, old.role, old.anchored, &old.tag)
        == (new.document, new.parent, new.role, new.anchored, &new.tag)
}

fn is_same_content(old: &Content, new: &Content) -> bool {
    match (old, new) {
        (Content::Scalar(old), Content::Scalar(new)) => {
            old.value == new.value && old.style == new.style
        }
        (Content::Sequence(old), Content::Sequence(new)) => old == new,
        (Content::Mapping(old), Content::Mapping(new)) => old == new,
        (Content::Alias { target: old, .. }, Content::Alias { target: new, .. }) => old == new,
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
            .map(|(node, _)| Edit {
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
    fn an_empty_value_is_filled_in_behind_the_colon() {
        assert_eq!(replace("a:\nb: c\n", "", "v1").unwrap(), "a: v1\nb: c\n");
        assert_eq!(replace("a: # b\n", "", "v1").unwrap(), "a: v1 # b\n");
        assert_eq!(replace("{a: , b: c}", "", "v1").unwrap(), "{a: v1 , b: c}");
        assert!(matches!(
            replace("- \n- a", "", "v1"),
            Err(EditError::Empty { .. })
        ));
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

    #[test]
    fn a_position_that_is_wrong_makes_the_edit_fail() {
        let stream = Stream::parse(b"a: v1\nb: v2\n").unwrap();
        let root = stream.roots()[0];
        let node = stream.get(root, "a").unwrap();
        // What a file says that was changed since it was parsed.
        let other = Stream::parse(b"ab: v1\nb: v2\n").unwrap();
        let edit = Edit {
            node,
            value: NewValue::Text("v3".to_owned()),
        };
        assert!(matches!(
            check_after(&stream, std::slice::from_ref(&edit), other.text()),
            Err(EditError::Spills { line: 1 })
        ));
        assert!(matches!(
            check_after(&stream, &[edit], "a: ["),
            Err(EditError::Breaks(_))
        ));
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
