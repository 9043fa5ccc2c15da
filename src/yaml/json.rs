//! JSON, which is YAML in brackets, and stays JSON.
//!
//! A document is JSON by its own syntax (RFC 8259), whatever its file is called.

use serde::de::IgnoredAny;

use super::change::NewValue;
use super::document::{Content, NodeId, Stream, Style};
use super::scalar;

/// Whether the document with this root is an object or an array of JSON.
pub(super) fn is_json(stream: &Stream<'_>, root: NodeId) -> bool {
    let text = stream
        .is_bracketed(root)
        .then(|| stream.source(root))
        .flatten();
    text.is_some_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok())
}

/// What `value` is in JSON: texts, JSON's own words and numbers, and collections of these. None for
/// what JSON has nothing for.
pub(super) fn value(value: &NewValue) -> Option<NewValue> {
    Some(match value {
        NewValue::Text(text) => NewValue::Text(text.clone()),
        NewValue::Plain(plain) => scalar_value(plain),
        NewValue::Source(text) => {
            let stream = Stream::parse(text.as_bytes()).ok()?;
            let [root] = stream.roots() else { return None };
            tree(&stream, *root)?
        }
        NewValue::Mapping(pairs) => {
            let pairs = pairs
                .iter()
                .map(|(key, v)| Some((key.clone(), self::value(v)?)));
            NewValue::Mapping(pairs.collect::<Option<_>>()?)
        }
        NewValue::List(items) => {
            NewValue::List(items.iter().map(self::value).collect::<Option<_>>()?)
        }
    })
}

/// What `id` and all that is in it say. None for anchors, aliases and tags.
pub(super) fn tree(stream: &Stream<'_>, id: NodeId) -> Option<NewValue> {
    let node = &stream[id];
    if node.anchored || node.tag.is_some() {
        return None;
    }
    Some(match &node.content {
        Content::Scalar(read) if read.style == Style::Plain && scalar::is_typed(&read.value) => {
            scalar_value(&read.value)
        }
        Content::Scalar(read) => NewValue::Text(read.value.clone()),
        Content::Sequence(items) => {
            let items = items.iter().map(|item| tree(stream, *item));
            NewValue::List(items.collect::<Option<_>>()?)
        }
        Content::Mapping(pairs) => {
            let pairs = pairs.iter();
            let pairs = pairs.map(|(k, v)| Some((stream.value(*k)?.to_owned(), tree(stream, *v)?)));
            NewValue::Mapping(pairs.collect::<Option<_>>()?)
        }
        Content::Alias { .. } => return None,
    })
}

/// JSON's own numbers and words, however YAML writes these words; anything else is a text.
fn scalar_value(plain: &str) -> NewValue {
    let lower = plain.to_ascii_lowercase();
    match lower.as_str() {
        "" | "~" | "null" => NewValue::Plain("null".to_owned()),
        "true" | "false" => NewValue::Plain(lower),
        _ if serde_json::from_str::<serde_json::Number>(plain).is_ok() => {
            NewValue::Plain(plain.to_owned())
        }
        _ => NewValue::Text(plain.to_owned()),
    }
}
