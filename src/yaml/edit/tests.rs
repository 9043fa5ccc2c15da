use std::ops::Range;

use super::*;
use crate::yaml::NewValue;
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
    assert_eq!(replace("- \n- a", "", "v1").unwrap(), "- v1 \n- a");
    for text in ["a: &x\n", "a: !!str\n", "a: &x !!str\n", "? \n: b\n"] {
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
    let error = replace("&a image : v1\n*a : v9\n", "v1", "v2").unwrap_err();
    assert!(error.to_string().contains("on lines 1 and 2"), "{error}");
}

#[test]
fn a_key_that_is_there_twice_to_some_reader_is_refused_however_it_is_written() {
    for (one, other, is_one) in [
        ("1", "0x1", true),
        ("1", "1.0", true),
        ("1000", "1e3", true),
        ("1_0", "10", true),
        ("010", "8", true),
        ("010", "10", true),
        ("-1", "-0b1", true),
        ("0", "-0.0", true),
        ("1", "\"1\"", true),
        ("!!int \"1\"", "0x1", true),
        ("~", "null", true),
        ("Null", "", true),
        ("yes", "true", true),
        ("On", "'true'", true),
        (".inf", "+.Inf", true),
        ("\"a\"", "a", true),
        ("'a'", "\"\\x61\"", true),
        ("1", "2", false),
        ("1", "-1", false),
        ("yes", "no", false),
        ("'0x1'", "1", false),
        ("!!str 0x1", "1", false),
        ("'yes'", "true", false),
        ("~", "'null '", false),
        ("1.5", "1.50001", false),
        ("x1", "1", false),
    ] {
        for (one, other) in [(one, other), (other, one)] {
            let text = format!("{one}: v1\n{other}: x\n");
            let replaced = replace(&text, "v1", "v2");
            let is_refused = matches!(
                replaced,
                Err(EditError::DuplicateKey {
                    first: 1,
                    line: 2,
                    ..
                })
            );
            assert_eq!(is_refused, is_one, "{text:?}: {replaced:?}");
        }
    }
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
        let mut pairs = stream.pairs(mapping);
        pairs
            .find(|(key, _)| stream.value(*key) == Some(after))
            .map(|(key, _)| key)
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
            "m:\n  a: b\n  c: {d: e}\n  k: v\n",
        ),
        (
            "m:\n  a:\n  b:\n    - c\n      # d\n\ne: f\n",
            None,
            "m:\n  a:\n  b:\n    - c\n      # d\n  k: v\n\ne: f\n",
        ),
        (
            "m:\n  a: |+\n    b\n\nx: y\n",
            None,
            "m:\n  a: |+\n    b\n\n  k: v\nx: y\n",
        ),
        ("m: {}\n", None, "m: {k: v}\n"),
        ("m: { a: b } # c\n", None, "m: { a: b, k: v } # c\n"),
        ("{\"m\":{\"a\":1}}", None, "{\"m\":{\"a\":1,\"k\":\"v\"}}"),
        (
            "{\n  \"m\": {\n    \"a\": 1\n  }\n}\n",
            None,
            "{\n  \"m\": {\n    \"a\": 1,\n    \"k\": \"v\"\n  }\n}\n",
        ),
        (
            "m: {\n  a: 1, # b\n  c: d # e\n}\n",
            None,
            "m: {\n  a: 1, # b\n  c: d, # e\n  k: v\n}\n",
        ),
        ("m: {a: b,}\n", None, "m: {a: b, k: v,}\n"),
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
        let added = add(before, after);
        assert_eq!(added.as_deref(), Ok(expected), "{before:?}");
    }
    for text in ["m: a\n", "m: [a]\n", "m:\n- a\n"] {
        let refused = add(text, None);
        assert!(
            matches!(refused, Err(EditError::NoPlace { .. })),
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
    let pairs = Vec::from_iter(stream.pairs(mapping));
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
    for (after, line) in [(0, 3), (1, 4)] {
        for value in ["1 # d", "'1'", "[1]", "1\n  n: 2"] {
            let refused = apply(&stream, &[add(after, "k", value)]);
            assert_eq!(refused, Err(EditError::Spills { line }), "{value:?}");
        }
    }
    let (key, line) = ("b".to_owned(), 4);
    let refused = apply(&stream, &[add(0, "b", "1")]);
    assert_eq!(refused, Err(EditError::Taken { key, line }));
}

/// Does to the node at each path what stands beside it: `-` removes it, `+v` appends an item,
/// anything else it becomes.
fn edited(text: &str, edits: &[(&str, &str)]) -> Result<String, EditError> {
    let stream = Stream::parse(text.as_bytes()).unwrap();
    let edit = |(path, what): &(&str, &str)| {
        let path: crate::yaml::path::Path = path.parse().unwrap();
        let node = path.find(&stream, stream.roots()[0]).unwrap();
        let value = |text: &str| match text.starts_with(['[', '{']) {
            true => NewValue::Source(text.to_owned()),
            false => NewValue::Text(text.to_owned()),
        };
        match *what {
            "-" => Edit::Remove { node },
            what => match what.strip_prefix('+') {
                Some(item) => Edit::Append {
                    list: node,
                    value: value(item),
                },
                None => Edit::Set {
                    node,
                    value: value(what),
                },
            },
        }
    };
    let edits: Vec<Edit> = edits.iter().map(edit).collect();
    apply(&stream, &edits).map(|bytes| String::from_utf8(bytes).unwrap())
}

#[test]
fn a_key_or_an_item_is_removed_with_its_own_lines_and_no_other() {
    for (before, path, after) in [
        ("a: 1\nb: 2 # c\nd: 3\n", "b", "a: 1\nd: 3\n"),
        ("a: 1\nb: 2", "b", "a: 1"),
        ("a: 1\nb: 2", "a", "b: 2"),
        ("\u{feff}a: 1\r\nb: 2\r\n", "a", "\u{feff}b: 2\r\n"),
        (
            "# x\na: 1\n\n# y\nb:\n  c:\n  - d\n  # z\n\n# e\nf: 3\n",
            "b",
            "# x\na: 1\n\n# y\n\n# e\nf: 3\n",
        ),
        ("a:\n  b: 1 # c\n# d\ne: 2\n", "a.b", "a: {}\n# d\ne: 2\n"),
        (
            "a: # x\n  # y\n  b: 1\ne: 2\n",
            "a.b",
            "a: {} # x\n  # y\ne: 2\n",
        ),
        ("- a: 1 # x\n  b: 2\n- c\n", "[0].a", "- b: 2\n- c\n"),
        ("- a: 1\n  # x\n  b: 2\n", "[0].a", "- # x\n  b: 2\n"),
        ("- a: 1\n- c\n", "[0].a", "- {}\n- c\n"),
        ("a:\n- b\n- c: 1\n  d: 2\n- e\n", "a[1]", "a:\n- b\n- e\n"),
        ("a:\n  - b\n", "a[0]", "a: []\n"),
        ("- - a\n  - b\n- c\n", "[0][0]", "- - b\n- c\n"),
        ("-\n- b\n-\n  c: d\n", "[2]", "-\n- b\n"),
        ("a: |+\n  b\n\nc: d\n", "a", "c: d\n"),
        ("a: b\n  c\nd: e\n", "a", "d: e\n"),
        ("{a: 1, b: 2, c: 3}", "a", "{b: 2, c: 3}"),
        ("{a: 1, b: 2, c: 3}", "b", "{a: 1, c: 3}"),
        ("{ a: 1, b: 2 }", "b", "{ a: 1 }"),
        ("{a: [1, 2,], b: 3}", "a[1]", "{a: [1,], b: 3}"),
        ("x: {a: 1} # b\n", "x.a", "x: {} # b\n"),
        (
            "{\n  \"a\": 1,\n  \"b\": [\n    2\n  ]\n}\n",
            "b",
            "{\n  \"a\": 1\n}\n",
        ),
        (
            "{\n  \"a\": 1,\n  \"b\": [\n    2\n  ]\n}\n",
            "a",
            "{\n  \"b\": [\n    2\n  ]\n}\n",
        ),
        ("{\n a: 1, # x\n b: 2, # y\n}", "b", "{\n a: 1, # x\n}"),
        ("[a, b,]", "[1]", "[a,]"),
        (
            "[\n  a, # x\n  # y\n  b # z\n]\n",
            "[1]",
            "[\n  a # x\n  # y\n]\n",
        ),
    ] {
        let removed = edited(before, &[(path, "-")]);
        assert_eq!(removed.as_deref(), Ok(after), "{path} of {before:?}");
    }
    let flow = "{a: 1, b: 2, c: 3}";
    assert_eq!(edited(flow, &[("b", "-"), ("c", "-")]).unwrap(), "{a: 1}");
    assert_eq!(edited(flow, &[("a", "-"), ("b", "-")]).unwrap(), "{c: 3}");
    let all = [("a", "-"), ("b", "-"), ("c", "-")];
    assert_eq!(edited(flow, &all).unwrap(), "{}");
    let lines = "a: 1\nb: 2\nc: 3\n";
    assert_eq!(edited(lines, &[("a", "-"), ("b", "-")]).unwrap(), "c: 3\n");
    assert_eq!(edited(lines, &[("c", "-"), ("b", "-")]).unwrap(), "a: 1\n");
    // An anchor that something else needs.
    for (text, edit, line) in [
        ("a: &x 1\nb: *x\n", ("a", "-"), 2),
        ("a: {c: &x 1}\nb: *x\n", ("a", "-"), 2),
        ("a:\n- c: &x 1\nb: *x\n", ("a", "[y]"), 3),
        ("a: &x 1\nb: &x 2\nc: *x\n", ("b", "-"), 3),
    ] {
        let (refused, name) = (edited(text, &[edit]), "x".to_owned());
        assert_eq!(refused, Err(EditError::Needed { line, name }), "{text:?}");
    }
    let both = edited("a: &x 1\nb: *x\nc: 2\n", &[("a", "-"), ("b", "-")]);
    assert_eq!(both.as_deref(), Ok("c: 2\n"));
    let own = edited("a: &x [1]\nb: *x\n", &[("a", "[2]")]);
    assert_eq!(own.as_deref(), Ok("a: &x [2]\nb: *x\n"));
}

/// To a block scalar that ends with the file, other readers add no line break.
#[test]
fn a_text_in_lines_keeps_its_last_break_at_the_end_of_the_file() {
    for (before, edit, after) in [
        ("x: |\n  a\n  b\ny: 1", ("y", "-"), "x: |\n  a\n  b\n"),
        ("x: >\r\n  a\r\ny: 1", ("y", "-"), "x: >\r\n  a\r\n"),
        ("x: |+\n  a\n\ny: 1", ("y", "-"), "x: |+\n  a\n\n"),
        ("x: |-\n  a\ny: 1", ("y", "-"), "x: |-\n  a"),
        ("x: |\n  a\ny: 1\n", ("y", "-"), "x: |\n  a\n"),
        ("- |\n  a\n- b", ("[1]", "-"), "- |\n  a\n"),
        ("x:\n- |-\n  a", ("x", "+b"), "x:\n- |-\n  a\n- b"),
        ("x:\n- |\n  a\n", ("x", "+b"), "x:\n- |\n  a\n- b\n"),
    ] {
        assert_eq!(edited(before, &[edit]).as_deref(), Ok(after), "{before:?}");
    }
    for text in ["x:\n- |\n  a", "x:\n- >+\n  a\n\n  b"] {
        let line = text.lines().count();
        assert_eq!(
            edited(text, &[("x", "+b")]),
            Err(EditError::OpenEnd { line }),
            "{text:?}"
        );
    }
    for (text, value) in [("|\n  a", "a"), ("|\n  a\n", "a\n"), (">\n  a\n  b", "a b")] {
        let text = format!("x: {text}");
        let stream = Stream::parse(text.as_bytes()).unwrap();
        let x = stream.get(stream.roots()[0], "x").unwrap();
        assert_eq!(stream.value(x), Some(value), "{text:?}");
    }
}

#[test]
fn an_item_is_appended_as_its_siblings_are_written() {
    for (before, path, item, after) in [
        ("a:\n- b # c\nd: e\n", "a", "+x", "a:\n- b # c\n- x\nd: e\n"),
        ("a:\r\n    - b", "a", "+1", "a:\r\n    - b\r\n    - \"1\""),
        (
            "a:\n  - b: c\n    d: |\n      e\n\nf: g\n",
            "a",
            "+{b: x}",
            "a:\n  - b: c\n    d: |\n      e\n  - {b: x}\n\nf: g\n",
        ),
        ("- - a\n- b\n", "[0]", "+x", "- - a\n  - x\n- b\n"),
        ("a: [b, 'c'] # d\n", "a", "+x", "a: [b, 'c', x] # d\n"),
        ("a: []\n", "a", "+x, y", "a: [\"x, y\"]\n"),
        (
            "{\"a\": [\"b\"]}",
            "a",
            "+{k: [v, 1, yes]}",
            "{\"a\": [\"b\", {\"k\": [\"v\", 1, \"yes\"]}]}",
        ),
        (
            "[\n  1,\n  2\n]\n",
            ".",
            "+x",
            "[\n  1,\n  2,\n  \"x\"\n]\n",
        ),
    ] {
        let appended = edited(before, &[(path, item)]);
        assert_eq!(appended.as_deref(), Ok(after), "{before:?}");
    }
}

#[test]
fn a_whole_list_or_mapping_becomes_another_value() {
    for (before, path, value, after) in [
        ("a: b # c\n", "a", "[x, y]", "a: [x, y] # c\n"),
        ("a: [b,\n  c] # d\n", "a", "{k: v}", "a: {k: v} # d\n"),
        (
            "a: # b\n  # c\n  d: 1\n  # e\n  f: 2 # g\n# h\ni: j\n",
            "a",
            "{k: v}",
            "a: {k: v} # b\n  # c\n# h\ni: j\n",
        ),
        ("a: &x\n- b\nc: *x\n", "a", "[d]", "a: &x [d]\nc: *x\n"),
        ("- a: 1\n  b: 2 # c\n- d\n", "[0]", "x", "- x # c\n- d\n"),
        ("-\n  a: 1\n- d\n", "[0]", "x", "- x\n- d\n"),
        ("a: |\n  b\nc: d\n", "a", "[x]", "a: [x]\nc: d\n"),
        ("a:\nb: c\n", "a", "[x]", "a: [x]\nb: c\n"),
        ("a: &x {b: 1}\nc: *x\n", "c", "v", "a: &x {b: 1}\nc: v\n"),
        (
            "{\"a\": {\"b\": 1}}",
            "a",
            "[true, 'x']",
            "{\"a\": [true, \"x\"]}",
        ),
        ("{\"a\": 12}", "a", "v13", "{\"a\": \"v13\"}"),
        ("a: 1\nb: 2\n", ".", "{c: 3}", "{c: 3}\n"),
    ] {
        let set = edited(before, &[(path, value)]);
        assert_eq!(set.as_deref(), Ok(after), "{before:?}");
    }
    let overlap = edited("a: {b: 1}\n", &[("a", "[]"), ("a.b", "2")]);
    assert_eq!(overlap, Err(EditError::Overlap { line: 1 }));
}

#[test]
fn what_is_missing_is_made_in_the_indentation_of_the_file() {
    let new = NewValue::Mapping(vec![(
        "new".to_owned(),
        NewValue::Mapping(vec![("nested".to_owned(), NewValue::Text("v".to_owned()))]),
    )]);
    let list = NewValue::List(vec![new.clone()]);
    for (before, value, after) in [
        ("root:\n", &new, "root:\n  new:\n    nested: v\n"),
        (
            "root: # c\nb: 1",
            &new,
            "root: # c\n  new:\n    nested: v\nb: 1",
        ),
        ("root: ~ # c\n", &new, "root: # c\n  new:\n    nested: v\n"),
        (
            "a:\n    b: c\nroot: null",
            &new,
            "a:\n    b: c\nroot:\n    new:\n        nested: v",
        ),
        ("root: {}\n", &new, "root: {new: {nested: v}}\n"),
        ("{root: , a: b}", &new, "{root: {new: {nested: v}} , a: b}"),
        (
            "{\"root\": null}",
            &new,
            "{\"root\": {\"new\": {\"nested\": \"v\"}}}",
        ),
        ("root:\n", &list, "root:\n  - new:\n      nested: v\n"),
        (
            "a:\n- b\nroot:\n",
            &list,
            "a:\n- b\nroot:\n- new:\n    nested: v\n",
        ),
    ] {
        let stream = Stream::parse(before.as_bytes()).unwrap();
        let node = stream.get(stream.roots()[0], "root").unwrap();
        let value = value.clone();
        let after_edit = apply(&stream, &[Edit::Set { node, value }]).unwrap();
        assert_eq!(String::from_utf8(after_edit).unwrap(), after);
    }
}

#[test]
fn json_stays_json() {
    let text = "{\"z\": 1, \"y\": [null]}";
    let stream = Stream::parse(text.as_bytes()).unwrap();
    let node = stream.get(stream.roots()[0], "z").unwrap();
    let set = |value: NewValue| {
        let after = apply(&stream, &[Edit::Set { node, value }]);
        after.map(|bytes| String::from_utf8(bytes).unwrap())
    };
    let plain = |plain: &str| NewValue::Plain(plain.to_owned());
    for (value, written) in [
        (plain("1.5e3"), "1.5e3"),
        (plain("True"), "true"),
        (plain("~"), "null"),
        (plain("yes"), "\"yes\""),
        (plain("0x1F"), "\"0x1F\""),
        (plain("1_000"), "\"1_000\""),
        (plain("2026-01-20"), "\"2026-01-20\""),
        (
            NewValue::Text("a\u{85}\u{1}\"\\\n\u{1f980}".to_owned()),
            "\"a\\u0085\\u0001\\\"\\\\\\n\u{1f980}\"",
        ),
        (
            NewValue::Source("[a: 1, .5]".to_owned()),
            "[{\"a\": 1}, \".5\"]",
        ),
    ] {
        assert_eq!(set(value).unwrap(), text.replacen('1', written, 1));
    }
    let anchored = set(NewValue::Source("[&x a]".to_owned()));
    assert_eq!(anchored, Err(EditError::NoJson { line: 1 }));
    // The guard itself: a text that is put in as it was elsewhere.
    let list = stream.get(stream.roots()[0], "y").unwrap();
    let insert = |text: &str| Edit::Insert {
        collection: list,
        after: None,
        text: text.to_owned(),
    };
    assert_eq!(
        apply(&stream, &[insert("[2]")]).unwrap(),
        b"{\"z\": 1, \"y\": [2, null]}"
    );
    let refused = apply(&stream, &[insert("[x]")]);
    assert_eq!(refused, Err(EditError::NoJson { line: 1 }));
    assert!(refused.unwrap_err().is_guard());
    // What was none before may be anything.
    assert_eq!(edited("{a: 1}", &[("a", "v")]).unwrap(), "{a: v}");
}

/// Sets `.a.b` inside of the text at `.t`.
fn inside(text: &str, value: &str) -> Result<String, EditError> {
    let stream = Stream::parse(text.as_bytes()).unwrap();
    let node = stream.get(stream.roots()[0], "t").unwrap();
    let line = stream[node].line();
    let inner = stream.inside(node).ok_or(EditError::NotInside { line })?;
    let path: crate::yaml::path::Path = ".a.b".parse().unwrap();
    let set = Edit::Set {
        node: path.find(&inner.stream, inner.stream.roots()[0]).unwrap(),
        value: NewValue::Text(value.to_owned()),
    };
    let edit = |set| Edit::Inside {
        node,
        edits: vec![set],
    };
    let after = apply(&stream, &[edit(set)])?;
    Ok(String::from_utf8(after).unwrap())
}

#[test]
fn a_text_that_is_a_document_is_edited_as_one() {
    for (before, after) in [
        ("t: |\n  a:\n    b: v1 # c\n", "t: |\n  a:\n    b: v2 # c\n"),
        (
            "t: |- # x\n    # y\n\n    a: {b: 'v1'}\n# z\n",
            "t: |- # x\n    # y\n\n    a: {b: 'v2'}\n# z\n",
        ),
        (
            "t: |2+\r\n    a:\r\n      b: v1\t# \u{fc}\r\n\r\n\r\nu: x\r\n",
            "t: |2+\r\n    a:\r\n      b: v2\t# \u{fc}\r\n\r\n\r\nu: x\r\n",
        ),
        (
            "t: |\n  {\"a\": {\"b\": \"v1\"}}",
            "t: |\n  {\"a\": {\"b\": \"v2\"}}",
        ),
        (
            "t: |\n\n  a:\n   b: |-\n    v1\n   c: d\n",
            "t: |\n\n  a:\n   b: |-\n    v2\n   c: d\n",
        ),
        (
            "t: |\n  ---\n  a:\n    b: v1\n  ---\n  b: c\n",
            "t: |\n  ---\n  a:\n    b: v2\n  ---\n  b: c\n",
        ),
        (
            "t: |-\n  a:\n    b: v1\n  ---\n  # nothing\n  ---\n",
            "t: |-\n  a:\n    b: v2\n  ---\n  # nothing\n  ---\n",
        ),
    ] {
        assert_eq!(inside(before, "v2").as_deref(), Ok(after));
        assert_eq!(inside(after, "v1").as_deref(), Ok(before));
    }
    let lines = "t: |\r\n    a:\r\n      b: |\r\n        v1\r\n      c: d\r\n";
    let longer = lines.replace("v1\r\n", "v2\r\n\r\n        v3\r\n");
    assert_eq!(inside(lines, "v2\n\nv3\n").as_deref(), Ok(&*longer));
    for text in [
        "t: a: b",
        "t: >\n  a:\n    b: v1\n",
        "t: \"a: {b: v1}\"\n",
        "t: |\n  a: b: v1\n",
        "t: |\n  words: a\n  b\n: c [\n",
        "t: |\n  just words\n",
        "t: |\n  # a: b\n  ---\n",
    ] {
        if let Ok(stream) = Stream::parse(text.as_bytes()) {
            let node = stream.get(stream.roots()[0], "t").unwrap();
            assert!(stream.inside(node).is_none(), "{text:?}");
        }
    }
}

#[test]
fn the_guards_stand_inside_of_a_text_too() {
    let text = "x: y\nt: |\n  {\"a\": 1, \"b\": 2}\n";
    let stream = Stream::parse(text.as_bytes()).unwrap();
    let node = stream.get(stream.roots()[0], "t").unwrap();
    let inner = stream.inside(node).unwrap();
    let a = inner.stream.get(inner.stream.roots()[0], "a").unwrap();
    let b = inner.stream.get(inner.stream.roots()[0], "b").unwrap();
    let plain = |node, plain: &str| Edit::Set {
        node,
        value: NewValue::Plain(plain.to_owned()),
    };
    let inside = |edits| Edit::Inside { node, edits };
    let both = [
        inside(vec![plain(a, "3")]),
        inside(vec![Edit::Remove { node: b }]),
    ];
    assert_eq!(
        apply(&stream, &both).unwrap(),
        b"x: y\nt: |\n  {\"a\": 3}\n"
    );
    let add = Edit::Insert {
        collection: inner.stream.roots()[0],
        after: None,
        text: "{c: d}".to_owned(),
    };
    let refused = apply(&stream, &[inside(vec![add])]).unwrap_err();
    assert!(refused.is_guard());
    insta::assert_snapshot!(refused, @"in the text that begins on line 3: the edit would make JSON invalid (the document on line 1); nothing was changed");
    let whole = Edit::Set {
        node,
        value: NewValue::Text("x".to_owned()),
    };
    let refused = apply(&stream, &[whole, inside(vec![plain(a, "3")])]);
    assert_eq!(refused, Err(EditError::Overlap { line: 3 }));
    // Keys and items come and go in it as anywhere.
    let text = "t: |-\n    l:\n    - a\n    - b\nu: v\n";
    let stream = Stream::parse(text.as_bytes()).unwrap();
    let node = stream.get(stream.roots()[0], "t").unwrap();
    let inner = stream.inside(node).unwrap();
    let root = inner.stream.roots()[0];
    let list = inner.stream.get(root, "l").unwrap();
    let text = |text: &str| NewValue::Text(text.to_owned());
    let edits = vec![
        Edit::Remove {
            node: inner.stream.items(list).nth(1).unwrap(),
        },
        Edit::Append {
            list,
            value: text("c"),
        },
        Edit::Add {
            mapping: root,
            after: None,
            key: "k".to_owned(),
            value: text("w"),
        },
    ];
    assert_eq!(
        String::from_utf8(apply(&stream, &[Edit::Inside { node, edits }]).unwrap()).unwrap(),
        "t: |-\n    l:\n    - a\n    - c\n    k: w\nu: v\n"
    );
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
