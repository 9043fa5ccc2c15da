//! A value in a trailer: `apps/web.yaml Deployment/web:.spec.replicas=5`.

use std::borrow::Cow;

use crate::manifest::ValueChange;

/// How much of a value a message has, in characters: the file has the rest.
const SHOWN: usize = 200;

/// The file, the place in it as `set` takes it, and the value; without `=` where the key went.
///
/// All on one line: what could not be read back is in quotes, as JSON has it. A long value is cut, with
/// `…` behind it.
pub(super) fn trailer(change: &ValueChange) -> String {
    let file = quoted(change.file.as_str(), char::is_whitespace);
    let place = place(&change.resource, &change.path);
    match &change.new {
        None => format!("{file} {place}"),
        Some(value) => {
            let start: String = value.chars().take(SHOWN).collect();
            let more = if start.len() < value.len() { "…" } else { "" };
            format!("{file} {place}={}{more}", quoted(&start, char::is_control))
        }
    }
}

/// The place that a trailer names, in whatever file: files get other names.
pub(super) fn place_of(trailer: &str) -> Option<&str> {
    let behind = match trailer.strip_prefix('"') {
        Some(_) => {
            let mut file = serde_json::Deserializer::from_str(trailer).into_iter::<String>();
            file.next()?.ok()?;
            trailer.get(file.byte_offset()..)?
        }
        None => trailer.get(trailer.find(' ')?..)?,
    };
    let place = behind.strip_prefix(' ')?;
    // A key with a `=` is in quotes.
    let mut in_quotes = false;
    let end = place.char_indices().find(|(at, c)| {
        in_quotes ^= *c == '"' && !place[..*at].ends_with('\\');
        *c == '=' && !in_quotes
    });
    place.get(..end.map_or(place.len(), |(at, _)| at))
}

/// `Deployment/web:.spec.replicas`; the path alone where the object has no name.
pub(super) fn place(resource: &str, path: &str) -> String {
    let place = match resource.contains('/') {
        true => format!("{resource}:{path}"),
        false => path.to_owned(),
    };
    place.replace(char::is_control, " ")
}

/// `text`, in quotes if it has an end, a quote or a character that would not be read back.
fn quoted(text: &str, is_bad: impl Fn(char) -> bool) -> Cow<'_, str> {
    let is_plain = !text.contains(|c| c == '"' || is_bad(c)) && text == text.trim();
    match serde_json::to_string(text) {
        Ok(quoted) if !is_plain => Cow::Owned(quoted),
        _ => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(file: &str, path: &str, new: Option<&str>) -> ValueChange {
        ValueChange {
            file: file.parse().unwrap(),
            line: 1,
            resource: "Deployment/web".into(),
            path: path.into(),
            old: None,
            new: new.map(str::to_owned),
        }
    }

    #[test]
    fn whatever_is_set_is_one_line_that_can_be_read_back() {
        let long = "x".repeat(5000);
        let trailers = [
            change("a.yaml", ".spec.replicas", Some("5")),
            change("my file.yaml", ".spec[\"a b\"]", Some("a = b  c")),
            change("a.yaml", ".data.x", Some("one\ntwo\r\n\u{1b}")),
            change("a.yaml", ".data.x", Some(" ends ")),
            change("a.yaml", ".data.x", Some("\"quoted\"")),
            change("a.yaml", ".data.x", Some("")),
            change("a.yaml", ".data.x", None),
            change("a.yaml", ".data.x", Some(&long)),
        ]
        .map(|change| {
            let text = trailer(&change);
            let own = place(&change.resource, &change.path);
            assert_eq!(place_of(&text), Some(own.as_str()), "{text}");
            text.replace(&long[..SHOWN], "XXX")
        });
        insta::assert_snapshot!(trailers.join("\n"), @r#"
        a.yaml Deployment/web:.spec.replicas=5
        "my file.yaml" Deployment/web:.spec["a b"]=a = b  c
        a.yaml Deployment/web:.data.x="one\ntwo\r\n\u001b"
        a.yaml Deployment/web:.data.x=" ends "
        a.yaml Deployment/web:.data.x="\"quoted\""
        a.yaml Deployment/web:.data.x=
        a.yaml Deployment/web:.data.x
        a.yaml Deployment/web:.data.x=XXX…
        "#);
    }
}
