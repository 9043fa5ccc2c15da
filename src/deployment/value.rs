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

/// Whether the value of a trailer is about this place of this file.
pub fn is_about(trailer: &str, file: &str, resource: &str, path: &str) -> bool {
    let rest = trailer.strip_prefix(&*quoted(file, char::is_whitespace));
    let rest = rest.and_then(|rest| rest.strip_prefix(' '));
    let rest = rest.and_then(|rest| rest.strip_prefix(&place(resource, path)));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
}

/// `Deployment/web:.spec.replicas`; the path alone where the object has no name.
fn place(resource: &str, path: &str) -> String {
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
            let file = change.file.as_str();
            assert!(
                is_about(&text, file, &change.resource, &change.path),
                "{text}"
            );
            assert!(
                !is_about(&text, file, &change.resource, ".spec.repl"),
                "{text}"
            );
            assert!(
                !is_about(&text, file, "Deployment/api", &change.path),
                "{text}"
            );
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
