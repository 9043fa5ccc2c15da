//! A value in a trailer: `apps/web.yaml Deployment/web:.spec.replicas=5`; and a tag that stands alone, with the
//! repository that it is of: `apps/values.yaml .image.tag=ghcr.io/acme/web`.

use std::borrow::Cow;

use crate::image::ImageReference;
use crate::manifest::{ImageChange, ValueChange};

/// How much of a value a message has, in characters: the file has the rest.
const SHOWN: usize = 200;

/// The file, the place in it as `set` takes it, and the value; without `=` where the key went.
///
/// All on one line: what could not be read back is in quotes, as JSON has it. A long value is cut, with
/// `…` behind it.
pub fn trailer(change: &ValueChange) -> String {
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

/// Where the tag of an image is, where that is all that its file has, and of which repository; none else.
pub(super) fn tag_trailer(change: &ImageChange) -> Option<String> {
    let path = change.tag_at.as_ref()?;
    let image: ImageReference = change.new.parse().ok()?;
    let file = quoted(change.file.as_str(), char::is_whitespace);
    let place = place(&change.resource, path);
    Some(format!("{file} {place}={}", image.repository_as_written()))
}

/// The file, the place and the repository that such a trailer names.
pub(super) fn tag_of(trailer: &str) -> Option<(Cow<'_, str>, &str, &str)> {
    let (file, behind) = file_and_rest(trailer)?;
    let place = place_of(trailer)?;
    let repository = behind.get(place.len()..)?.strip_prefix('=')?;
    let image: ImageReference = repository.parse().ok()?;
    (image.repository_as_written() == repository).then_some((file, place, repository))
}

/// The file that a trailer names, and what is behind it.
fn file_and_rest(trailer: &str) -> Option<(Cow<'_, str>, &str)> {
    let (file, behind) = match trailer.strip_prefix('"') {
        Some(_) => {
            let mut file = serde_json::Deserializer::from_str(trailer).into_iter::<String>();
            let name = file.next()?.ok()?;
            (Cow::Owned(name), trailer.get(file.byte_offset()..)?)
        }
        None => {
            let (file, behind) = trailer.split_at_checked(trailer.find(' ')?)?;
            (Cow::Borrowed(file), behind)
        }
    };
    Some((file, behind.strip_prefix(' ')?))
}

/// The place that a trailer names, in whatever file: files get other names.
pub(super) fn place_of(trailer: &str) -> Option<&str> {
    let (_, place) = file_and_rest(trailer)?;
    // A key with a `=` is in quotes, and an item is chosen in brackets: `[name=web]`.
    let (mut in_quotes, mut in_brackets) = (false, false);
    let end = place.char_indices().find(|(at, c)| {
        in_quotes ^= *c == '"' && !place[..*at].ends_with('\\');
        in_brackets = match c {
            '[' if !in_quotes => true,
            ']' if !in_quotes => false,
            _ => in_brackets,
        };
        *c == '=' && !in_quotes && !in_brackets
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
            exact: [None, new.map(str::to_owned)],
        }
    }

    #[test]
    fn a_tag_that_stands_alone_can_be_read_back() {
        let change = |file: &str, new: &str| ImageChange {
            file: file.parse().unwrap(),
            line: 1,
            resource: "values.yaml".into(),
            container: None,
            place: crate::manifest::Place::default(),
            tag_at: Some(".web[name=\"a=b c\"].tag".into()),
            old: String::new(),
            new: new.into(),
        };
        for file in ["values.yaml", "my values.yaml"] {
            let trailer = tag_trailer(&change(
                file,
                "r.io:5000/acme/web:v2@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            ));
            let trailer = trailer.unwrap();
            assert_eq!(
                tag_of(&trailer),
                Some((
                    file.into(),
                    ".web[name=\"a=b c\"].tag",
                    "r.io:5000/acme/web"
                )),
                "{trailer}"
            );
        }
        // Of which image it is, is not known.
        assert_eq!(tag_trailer(&change("values.yaml", ":v2")), None);
        for trailer in [
            "a.yaml .tag",
            "a.yaml .tag=",
            "a.yaml .tag=web:v2",
            ".tag=web",
        ] {
            assert_eq!(tag_of(trailer), None, "{trailer}");
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
