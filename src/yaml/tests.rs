//! Keys and items that come and go, wherever they are.

use proptest::prelude::*;
use serde::Deserialize as _;

use super::document::{Content, Role, Style};
use super::edit::apply;
use super::path::Path;
use super::{Edit, EditError, NewValue, NodeId, Stream};

/// Adds `new: new` to each mapping, and `new` to each list, the ones around others first; and takes that away.
fn filled(before: &str) -> String {
    let stream = Stream::parse(before.as_bytes()).unwrap();
    let value = || NewValue::Text("new".to_owned());
    let edits = stream
        .nodes()
        .filter_map(|(id, _)| match stream.content(id) {
            Content::Mapping(_) => Some(Edit::Add {
                mapping: id,
                after: None,
                key: "new".to_owned(),
                value: value(),
            }),
            Content::Sequence(_) => Some(Edit::Append {
                list: id,
                value: value(),
            }),
            _ => None,
        });
    let after = apply(&stream, &edits.collect::<Vec<_>>()).unwrap();
    let stream = Stream::parse(&after).unwrap();
    let is_new = |id: &NodeId| stream.value(*id) == Some("new") && stream[*id].role() != Role::Key;
    let edits = stream.nodes().map(|(node, _)| node).filter(is_new);
    let edits: Vec<Edit> = edits.map(|node| Edit::Remove { node }).collect();
    let back = apply(&stream, &edits).map(|bytes| String::from_utf8(bytes).unwrap());
    assert_eq!(back.as_deref(), Ok(before), "and back");
    String::from_utf8(after).unwrap()
}

#[test]
fn a_list_at_the_indent_of_its_key_is_one_whatever_its_first_item_is() {
    for (item, filled_item) in [
        ("{a: 1}", "{a: 1, new: new}"),
        ("[a]", "[a, new]"),
        ("[[a]]", "[[a, new], new]"),
        ("  [a] # c", "  [a, new] # c"),
        ("'a'", "'a'"),
        ("- a", "- a\n  - new"),
        ("a: 1", "a: 1\n  new: new"),
        ("&a [a]", "&a [a, new]"),
    ] {
        let after = filled(&format!("x:\n- {item}\n- b\ny: 1\n"));
        let wanted = format!("x:\n- {filled_item}\n- b\n- new\ny: 1\nnew: new\n");
        assert_eq!(after, wanted);
        let after = filled(&format!("x: &x-\n- {item}\n"));
        assert_eq!(after, format!("x: &x-\n- {filled_item}\n- new\nnew: new\n"));
    }
    assert_eq!(filled("x: &x- [a]\n"), "x: &x- [a, new]\nnew: new\n");
    assert_eq!(filled("- [a]\n"), "- [a, new]\n- new\n");
    assert_eq!(filled("--- [a]\n"), "--- [a, new]\n");
    let stream = Stream::parse(b"x:\n- {a: 1}\n- [b]\n").unwrap();
    let list = stream.get(stream.roots()[0], "x").unwrap();
    let node = stream.items(list).next().unwrap();
    let after = apply(&stream, &[Edit::Remove { node }]).unwrap();
    assert_eq!(String::from_utf8(after).unwrap(), "x:\n- [b]\n");
}

#[test]
fn what_is_added_at_one_place_goes_into_what_it_is_in() {
    assert_eq!(
        filled("a:\n  b:\n    c: 1\n"),
        "a:\n  b:\n    c: 1\n    new: new\n  new: new\nnew: new\n"
    );
    assert_eq!(
        filled("a:\n- b:\n  - c\n"),
        "a:\n- b:\n  - c\n  - new\n  new: new\n- new\nnew: new\n"
    );
    let stream = Stream::parse(b"a: |\n  b:\n    c: 1\n").unwrap();
    let root = stream.roots()[0];
    let add = |mapping, key: &str| Edit::Add {
        mapping,
        after: None,
        key: key.to_owned(),
        value: NewValue::Plain("1".to_owned()),
    };
    let node = stream.get(root, "a").unwrap();
    let inside = stream.inside(node).unwrap().stream;
    let inner = inside.get(inside.roots()[0], "b").unwrap();
    let edits = vec![add(inside.roots()[0], "d"), add(inner, "e")];
    let edits = [add(root, "z"), Edit::Inside { node, edits }];
    let after = apply(&stream, &edits).unwrap();
    assert_eq!(
        String::from_utf8(after).unwrap(),
        "a: |\n  b:\n    c: 1\n    e: 1\n  d: 1\nz: 1\n"
    );
    // A value that becomes lines, too.
    let stream = Stream::parse(b"a: b\n").unwrap();
    let root = stream.roots()[0];
    let node = stream.get(root, "a").unwrap();
    let value = NewValue::Mapping(vec![("c".to_owned(), NewValue::Plain("1".to_owned()))]);
    let edits = [add(root, "z"), Edit::Set { node, value }];
    assert_eq!(apply(&stream, &edits).unwrap(), b"a:\n  c: 1\nz: 1\n");
}

#[test]
fn a_text_that_keeps_its_blank_lines_keeps_them_where_keys_come_and_go_behind_it() {
    for (before, after) in [
        ("a: |+\n  x\n\n", "a: |+\n  x\n\nnew: new\n"),
        ("a: |+\n  x\n", "a: |+\n  x\nnew: new\n"),
        ("a: |+\r\n  x\r\n\r\n", "a: |+\r\n  x\r\n\r\nnew: new\r\n"),
        ("- |+\n x\n\n\n", "- |+\n x\n\n\n- new\n"),
    ] {
        assert_eq!(filled(before), after);
    }
    for (before, after) in [
        ("a: |+\n  x\n\n\nb: 1\n\n\nc: 1\n", "a: |+\n  x\n\n\nc: 1\n"),
        (
            "a: |+\r\n  x\r\nb: 1\r\n\r\nc: 1\r\n",
            "a: |+\r\n  x\r\nc: 1\r\n",
        ),
        (
            "z:\n  a: |+\n    x\n\n  b: 1\n\n  c: 1\n",
            "z:\n  a: |+\n    x\n\n  c: 1\n",
        ),
        ("b: 1\na: |+\n  x\n\nc: 1\n", "a: |+\n  x\n\nc: 1\n"),
        ("a: |+\n  x\n\nb: 1\n", "a: |+\n  x\n\n"),
        ("c: 1\nb: |+\n  x\n\n", "c: 1\n"),
    ] {
        let stream = Stream::parse(before.as_bytes()).unwrap();
        let root = stream.roots()[0];
        let holder = stream.get(root, "z").unwrap_or(root);
        let node = stream.get(holder, "b").unwrap();
        let edited = apply(&stream, &[Edit::Remove { node }]);
        let edited = edited.map(|bytes| String::from_utf8(bytes).unwrap());
        assert_eq!(edited.as_deref(), Ok(after), "{before:?}");
    }
}

/// Removes what `path` leads to.
fn removed(text: &str, path: &str) -> Result<String, EditError> {
    let stream = Stream::parse(text.as_bytes()).unwrap();
    let path: Path = path.parse().unwrap();
    let node = path.find(&stream, stream.roots()[0]).unwrap();
    let after = apply(&stream, &[Edit::Remove { node }])?;
    Ok(String::from_utf8(after).unwrap())
}

#[test]
fn a_key_goes_with_all_that_is_before_it() {
    for (text, path, after) in [
        ("\"k\": v\nz: 1\n", ".k", "z: 1\n"),
        ("a: 1\n&a k: v # c\nz: 1\n", ".k", "a: 1\nz: 1\n"),
        ("!!str k: v\nz: 1\n", ".k", "z: 1\n"),
        ("&a !!str k: v\nz: 1\n", ".k", "z: 1\n"),
        ("!!str &a 'k': {x: y}\nz: 1\n", ".k", "z: 1\n"),
        ("? k\n: v\nz: 1\n", ".k", "z: 1\n"),
        ("? k # c\n# d\n: v # e\nz: 1\n", ".k", "z: 1\n"),
        ("z: 1\n? &a k\n: - a\n  - b\n", ".k", "z: 1\n"),
        (
            "z: 1\r\n? \"k\"\r\n: |\r\n  a\r\ny: 2\r\n",
            ".k",
            "z: 1\r\ny: 2\r\n",
        ),
        ("- ? k\n  : v\n  z: 1\n", "[0].k", "- z: 1\n"),
        ("- &a k: v\n  z: 1\n", "[0].k", "- z: 1\n"),
        ("{? k : v, z: 1}\n", ".k", "{z: 1}\n"),
        ("{a: 1, ? k : v, z: 1}\n", ".k", "{a: 1, z: 1}\n"),
        ("{&a k: v, z: 1}\n", ".k", "{z: 1}\n"),
        ("{a: 1,&a k: v}\n", ".k", "{a: 1}\n"),
        ("? z\n: 1\n? k\n: v\n", ".z", "? k\n: v\n"),
        ("a:\n  ? k\n  : v\nz: 1\n", ".a.k", "a: {}\nz: 1\n"),
    ] {
        assert_eq!(removed(text, path).as_deref(), Ok(after), "{text}");
    }
    // What reads the anchor of a key stays behind without it.
    let needed = removed("&a k: v\nz: *a\n", ".k").unwrap_err();
    let name = "a".to_owned();
    assert_eq!(needed, EditError::Needed { line: 2, name });
    for text in [
        "?\n  k\n: v\nz: 1\n",
        "&a\nk: v\n? k2\nz: 1\n",
        "? &a\n  k\n: v\nz: 1\n",
    ] {
        let path = if text.contains("k2") { ".k2" } else { ".k" };
        let refused = removed(text, path).unwrap_err();
        assert!(
            matches!(refused, EditError::Inseparable { .. }),
            "{text}: {refused}"
        );
    }
}

#[test]
fn something_new_stands_beside_keys_of_any_look() {
    for text in [
        "? k\n: v\n",
        "&a k: v\n",
        "!!str k: v\n",
        "- ? k\n  : v\n",
        "a:\n  ? k\n  : - v\n",
        "? k\n: x: 1\n",
    ] {
        let after = filled(text);
        assert!(after.contains("new: new"), "{after}");
    }
}

/// What a text says by libyaml, of which Kubernetes' reader is a translation; none where it refuses it.
fn by_libyaml(text: &str) -> Option<Vec<String>> {
    fn said(value: &serde_yaml_ng::Value) -> String {
        use serde_yaml_ng::Value;
        match value {
            Value::Null => "null".to_owned(),
            Value::String(text) => format!("{text:?}"),
            Value::Sequence(items) => {
                format!("[{}]", items.iter().map(said).collect::<Vec<_>>().join(","))
            }
            Value::Mapping(pairs) => {
                let pair = |(key, value)| format!("{}:{}", said(key), said(value));
                format!(
                    "{{{}}}",
                    pairs.iter().map(pair).collect::<Vec<_>>().join(",")
                )
            }
            other => format!("{other:?}"),
        }
    }
    // It is told the encoding, and so looks for no mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let documents = serde_yaml_ng::Deserializer::from_str(text);
    let mut documents = documents.map(serde_yaml_ng::Value::deserialize);
    documents.try_fold(Vec::new(), |mut all, one| {
        all.push(said(&one.ok()?));
        Some(all)
    })
}

/// The same by us.
fn by_us(text: &str) -> Option<Vec<String>> {
    fn said(stream: &Stream<'_>, id: NodeId) -> String {
        match stream.content(id) {
            Content::Scalar(scalar)
                if scalar.style == Style::Plain
                    && scalar.value.is_empty()
                    && stream.tag(id).is_none() =>
            {
                "null".to_owned()
            }
            Content::Scalar(scalar) => format!("{:?}", scalar.value),
            Content::Sequence(items) => {
                let items = items.map(|item| said(stream, item));
                format!("[{}]", items.collect::<Vec<_>>().join(","))
            }
            Content::Mapping(pairs) => {
                let pair = |(key, value)| format!("{}:{}", said(stream, key), said(stream, value));
                format!("{{{}}}", pairs.map(pair).collect::<Vec<_>>().join(","))
            }
            Content::Alias { target, .. } => said(stream, target),
        }
    }
    let stream = Stream::parse(text.as_bytes()).ok()?;
    Some(
        stream
            .roots()
            .iter()
            .map(|root| said(&stream, *root))
            .collect(),
    )
}

/// Texts of what readers are known to differ in: tabs, marks, directives, characters that are none.
fn odd() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a",
        "b",
        "é",
        ":",
        ": ",
        ":\t",
        "\t",
        " ",
        "  ",
        "\n",
        "\n",
        "\n  ",
        "\n\t",
        "\r\n",
        "- ",
        "-\t",
        "? ",
        "#",
        " # ",
        "\t# x",
        "'",
        "\"",
        "[",
        "]",
        "{",
        "}",
        ", ",
        "a: b\n",
        "a: b\n",
        "  c: d\n",
        "\u{feff}",
        "\u{7f}",
        "\u{1}",
        "\u{85}",
        "\u{2028}",
        "\u{fffe}",
        "---\n",
        "--- ",
        "...\n",
        "%YAML 1.1\n",
        "%YAML 2.0\n",
        "%",
        "\\t",
        "\\x7f",
        "\\ud800",
        "\\\n",
        "!!str ",
        "&x ",
        "a: |\n  x\n",
        "a: >\n",
        "b: |\n",
        "a: |-\n  ",
        "b: >\n\t",
        "a:\n  - x\n",
    ]);
    prop::collection::vec(piece, 1..9).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn what_kubernetes_reads_is_what_is_read_here(text in odd()) {
        // Marks in front of documents of which files were put together are libyaml's to learn.
        let has_marks = text.chars().skip(1).any(|c| c == '\u{feff}');
        if let (Some(theirs), Some(ours)) = (by_libyaml(&text), by_us(&text))
            && !has_marks
        {
            prop_assert_eq!(ours, theirs);
        }
    }
}
