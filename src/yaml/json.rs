//! JSON, which is YAML in brackets, and stays JSON.
//!
//! A document is JSON by its own syntax (RFC 8259), whatever its file is called.

use serde::de::IgnoredAny;

use super::change::NewValue;
use super::document::{NodeId, Stream};

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
        NewValue::Written(text) | NewValue::Source(text) => {
            let stream = Stream::parse(text.as_bytes()).ok()?;
            let [root] = stream.roots() else { return None };
            self::value(&stream.new_value(*root)?)?
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
