//! How a value is written where there was none.

use super::change::NewValue;
use super::document::{Content, Role, Stream};
use super::extent::{line_start, start};
use super::scalar;

/// How a file indents.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    /// What is below a key.
    mapping: usize,
    /// The dashes below a key.
    list: usize,
}

impl Layout {
    /// As the first collection in lines does that is below a key; else two blanks, as most files have.
    pub fn of(stream: &Stream<'_>) -> Self {
        let depth = |is_wanted: fn(&Content) -> bool| {
            stream.nodes().find_map(|(id, node)| match node.role() {
                Role::Value { key } if is_wanted(&stream.content(id)) && !node.in_flow => {
                    let start = start(stream, id)?;
                    let column = start - line_start(stream.text(), start);
                    (column + 1).checked_sub(stream[key].column())
                }
                _ => None,
            })
        };
        let mapping = depth(|content| matches!(content, Content::Mapping(_)));
        let mapping = mapping.filter(|depth| *depth > 0).unwrap_or(2);
        let list = depth(|content| matches!(content, Content::Sequence(_)));
        Self {
            mapping,
            list: list.unwrap_or(mapping),
        }
    }

    /// The lines of a pair, from the column of its key on.
    pub fn pair(self, key: &str, value: &NewValue) -> Vec<String> {
        let key = match scalar::is_plain_string(key, false) {
            true => key.to_owned(),
            false => scalar::double_quoted(key),
        };
        if !is_block(value) {
            return vec![format!("{key}: {}", inline(value, false, false))];
        }
        let mut lines = vec![format!("{key}:")];
        lines.extend(self.value(value, false));
        lines
    }

    /// The lines of an item, from the column of its dash on.
    pub fn item(self, value: &NewValue) -> Vec<String> {
        if !is_block(value) {
            return vec![format!("- {}", inline(value, false, false))];
        }
        let lines = self.value(value, true).into_iter().enumerate();
        let lines = lines.map(|(number, line)| match (number, line.is_empty()) {
            (0, _) => format!("- {line}"),
            (_, true) => line,
            (_, false) => format!("  {line}"),
        });
        lines.collect()
    }

    /// The lines of a collection: indented from the column of its key, or from its own.
    pub fn value(self, value: &NewValue, is_own_column: bool) -> Vec<String> {
        let (lines, depth): (Vec<String>, usize) = match value {
            NewValue::Mapping(pairs) => {
                let pairs = pairs.iter().flat_map(|(key, value)| self.pair(key, value));
                (pairs.collect(), self.mapping)
            }
            NewValue::List(items) => {
                let items = items.iter().flat_map(|item| self.item(item));
                (items.collect(), self.list)
            }
            NewValue::Source(source) => (source.lines().map(str::to_owned).collect(), 0),
            NewValue::Text(_) | NewValue::Plain(_) | NewValue::Written(_) => {
                (vec![inline(value, false, false)], 0)
            }
        };
        let indent = " ".repeat(if is_own_column { 0 } else { depth });
        let lines = lines.into_iter().map(|line| match line.is_empty() {
            true => line,
            false => format!("{indent}{line}"),
        });
        lines.collect()
    }
}

/// Whether `value` takes up lines where it may.
pub(super) fn is_block(value: &NewValue) -> bool {
    match value {
        NewValue::Mapping(pairs) => !pairs.is_empty(),
        NewValue::List(items) => !items.is_empty(),
        NewValue::Source(text) => !text.trim_start().starts_with(['[', '{']),
        NewValue::Text(_) | NewValue::Plain(_) | NewValue::Written(_) => false,
    }
}

impl NewValue {
    /// As a person is told of it: a text as it reads, anything else on one line.
    pub fn shown(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            value => inline(value, false, false),
        }
    }

    /// On one line, so that it reads as what it is.
    pub fn written(&self) -> String {
        inline(self, false, false)
    }
}

/// `value` on one line. A source is meant that is in brackets.
pub(super) fn inline(value: &NewValue, in_flow: bool, is_json: bool) -> String {
    let text = |text: &str| match !is_json && scalar::is_plain_string(text, in_flow) {
        true => text.to_owned(),
        false => scalar::double_quoted(text),
    };
    match value {
        NewValue::Plain(text) | NewValue::Written(text) | NewValue::Source(text) => text.clone(),
        NewValue::Text(value) => text(value),
        NewValue::List(items) => {
            let items: Vec<String> = items.iter().map(|v| inline(v, true, is_json)).collect();
            format!("[{}]", items.join(", "))
        }
        NewValue::Mapping(pairs) => {
            let key = |key: &str| match !is_json && scalar::is_plain_string(key, true) {
                true => key.to_owned(),
                false => scalar::double_quoted(key),
            };
            let pairs = pairs.iter();
            let pairs = pairs.map(|(k, v)| format!("{}: {}", key(k), inline(v, true, is_json)));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
        }
    }
}
