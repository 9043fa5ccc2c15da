//! What a change did, as a person is told of it.

use super::*;

/// `Deployment/web: a:1 → a:2`, one a line.
fn transitions(before: &str, after: &str) -> String {
    let file = "web.yaml".parse().unwrap();
    let found = image_transitions(&file, Some(before.as_bytes()), Some(after.as_bytes()));
    let none = || "none".to_owned();
    let line = |transition: ImageTransition| {
        let (old, new) = (transition.old, transition.new);
        format!(
            "{} line {}: {} → {}",
            transition.held.resource,
            transition.held.line,
            old.unwrap_or_else(none),
            new.unwrap_or_else(none)
        )
    };
    found.into_iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn an_entry_that_comes_in_between_changes_none_of_the_others() {
    let before = "kind: Kustomization\nimages:\n- name: web\n  newTag: v2\n";
    let after = before.replace("- name: web", "- name: api\n  newTag: v7\n- name: web");
    insta::assert_snapshot!(transitions(before, &after), @"Kustomization line 3: none → api:v7");
    insta::assert_snapshot!(transitions(&after, before), @"Kustomization line 3: api:v7 → none");
}

#[test]
fn containers_of_different_objects_are_different() {
    let pod = |namespace: &str, name: &str, tag: &str| {
        format!(
            "kind: Pod\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec: {{containers: [{{name: web, image: web:{tag}}}]}}\n"
        )
    };
    let file = |pods: &[String]| pods.join("---\n");
    let before = file(&[
        pod("a", "web", "v1"),
        pod("b", "web", "v2"),
        pod("a", "api", "v3"),
    ]);
    let after = file(&[
        pod("a", "api", "v3"),
        pod("b", "web", "v4"),
        pod("a", "web", "v1"),
    ]);
    insta::assert_snapshot!(transitions(&before, &after), @"Pod/web line 7: web:v2 → web:v4");
    let after = file(&[pod("b", "web", "v2"), pod("a", "api", "v3")]);
    insta::assert_snapshot!(transitions(&before, &after), @"Pod/web line 3: web:v1 → none");
}

#[test]
fn what_has_no_name_is_known_by_its_repository() {
    let list = |images: &str| format!("l: [{images}]\n");
    let of = |before: &str, after: &str| transitions(&list(before), &list(after));
    let item = |image: &str| format!("{{image: '{image}'}}");
    let (a, b, c) = (item("a:1"), item("b:1"), item("c:1"));
    assert_eq!(of(&format!("{a}, {b}"), &format!("{b}, {a}")), "");
    assert_eq!(of(&a, &format!("{c}, {a}")), "web.yaml line 1: none → c:1");
    assert_eq!(
        of(&format!("{a}, {b}"), &format!("{c}, {}, {b}", item("a:2"))),
        "web.yaml line 1: none → c:1\nweb.yaml line 1: a:1 → a:2"
    );
    assert_eq!(
        of(&format!("{a}, {b}"), &format!("{a}, {c}")),
        "web.yaml line 1: b:1 → c:1"
    );
    let digests = of(&item("a:1"), &format!("{}, {}", item("a:2"), item("a:3")));
    assert_eq!(
        digests,
        "web.yaml line 1: a:1 → a:2\nweb.yaml line 1: none → a:3"
    );
}

/// `.path: old → new`, one a line.
fn values(before: &str, after: &str) -> String {
    let file = "web.yaml".parse().unwrap();
    let versions = Versions::new(&file, Some(before.as_bytes()), Some(after.as_bytes()));
    let none = || "none".to_owned();
    let line = |value: ValueChange| {
        let (old, new) = (value.old, value.new);
        format!(
            "{} line {}: {} → {}",
            value.path,
            value.line,
            old.unwrap_or_else(none),
            new.unwrap_or_else(none)
        )
    };
    let values = versions.values().into_iter().map(line);
    values.collect::<Vec<_>>().join("\n")
}

#[test]
fn values_of_a_text_are_told_one_by_one() {
    let before = "a: 1\nv: |\n  b: 1\n  w: |\n    c: 1\n    d: 1\n  e: [1]\nz: 1\n";
    let after = before
        .replace("a: 1", "a: 2")
        .replace("c: 1", "c: 2")
        .replace("    d: 1\n", "")
        .replace("[1]", "[1, 2]");
    insta::assert_snapshot!(values(before, &after), @"
    .a line 1: 1 → 2
    .v.w.c line 5: 1 → 2
    .v.w.d line 6: 1 → none
    .v.e[1] line 6: none → 2
    ");
    // What is no document in one of the versions, or differs in comments alone, is a text.
    insta::assert_snapshot!(values("v: |\n  b: 1\n", "v: |\n  b: 1 # c\n"), @"
    .v line 2: b: 1
     → b: 1 # c
    ");
    insta::assert_snapshot!(values("v: |\n  b: 1\n", "v: |\n  text\n"), @"
    .v line 2: b: 1
     → text
    ");
    insta::assert_snapshot!(values("v: |\n  b: 1\n", "x: 1\n"), @"
    .x line 1: none → 1
    .v line 2: b: 1
     → none
    ");
}

#[test]
fn items_that_come_behind_the_others_are_told() {
    for (before, after, expected) in [
        ("l: [a]\n", "l: [a, b]\n", ".l[1] line 1: none → b"),
        ("l: [a, b]\n", "l: [a]\n", ".l[1] line 1: b → none"),
        (
            "l: [{k: 1}]\n",
            "l: [{k: 1}, {k: 2}]\n",
            ".l[1].k line 1: none → 2",
        ),
        (
            "l: [a, b]\n",
            "l: [c]\n",
            ".l[0] line 1: a → c\n.l[1] line 1: b → none",
        ),
        // Which of them came can't be told, but that the list is another one.
        ("l: [a]\n", "l: [b, a]\n", ".l line 1: [a] → [b, a]"),
        (
            "l: [{}, {k: 1}]\n",
            "l: [{k: 1}, {k: 1}]\n",
            ".l line 1: [{}, {k: 1}] → [{k: 1}, {k: 1}]",
        ),
        (
            "a: 1\nl:\n- k: [a, b]\n  m: x\n- k: [c]\n  m: y\nz: 1\n",
            "a: 2\nl:\n- k: [b]\n  m: y\n- k: [c]\n  m: y\nz: 2\n",
            ".a line 1: 1 → 2\n.l line 2: [{k: [a, b], m: x}, {k: [c], m: y}] → [{k: [b], m: y}, {k: [c], m: y}]\n.z line 7: 1 → 2",
        ),
        ("a: 1\n---\na: 2\n", "a: 1\n---\na: 2\n---\na: 3\n", ""),
    ] {
        assert_eq!(values(before, after), expected, "{before:?} {after:?}");
    }
}

#[test]
fn another_type_is_another_value_and_other_quotes_are_none() {
    for (before, after, expected) in [
        ("80", "\"80\"", "80 → \"80\""),
        ("'true'", "true", "\"true\" → true"),
        ("null", "'null'", "null → \"null\""),
        ("", "\"\"", " → \"\""),
        ("1.5", "!!str 1.5", "1.5 → \"1.5\""),
        ("!!str 80", "'80'", ""),
        ("80", "!!int 80", ""),
        ("80", "!!float 80", "80 → !!float 80"),
        ("!a x", "!b x", "!a x → !b x"),
        ("v1", "'v1'", ""),
        ("'v1'", "\"v1\"", ""),
        ("yes", "\"yes\"", ""),
        ("2026-01-20", "'2026-01-20'", ""),
        // Where the texts differ, they tell it.
        ("80", "\"81\"", "80 → 81"),
    ] {
        let [before, after] = [before, after].map(|value| format!("k: {value}\n"));
        let expected = match expected {
            "" => String::new(),
            changed => format!(".k line 1: {changed}"),
        };
        assert_eq!(values(&before, &after), expected, "{before:?} {after:?}");
    }
}

#[test]
fn an_alias_says_what_it_stands_for() {
    for (before, after, expected) in [
        ("k: *t", "k: v2", ".k line 2: v1 → v2"),
        ("k: v2", "k: *t", ".k line 2: v2 → v1"),
        ("k: *t", "k: v1", ".k line 2: *t → v1"),
        ("k: *t", "k: *m", ".k line 2: v1 → *m"),
        ("k: *t", "x: 1", ".x line 2: none → 1\n.k line 2: v1 → none"),
        ("l: [*t]", "l: [*t, a]", ".l[1] line 2: none → a"),
    ] {
        let [before, after] = [before, after].map(|line| format!("a: [&t v1, &m {{}}]\n{line}\n"));
        assert_eq!(values(&before, &after), expected, "{before:?} {after:?}");
    }
    // What an anchor holds is told there, and once.
    let expected = ".t line 1: v1 → v2";
    assert_eq!(values("t: &t v1\nk: *t\n", "t: &t v2\nk: *t\n"), expected);
    assert_eq!(values("t: &t v1\nk: *t\n", "t: &u v1\nk: *u\n"), "");
}

#[test]
fn what_an_image_is_written_in_is_no_other_value() {
    for (before, after, expected) in [
        (
            "image: a/b:v1\nreplicas: 1\n",
            "image: a/b:v2\nreplicas: 2\n",
            [".replicas"].as_slice(),
        ),
        (
            "v: |\n  image: {repository: a/b, tag: v1}\n",
            "v: |\n  image: {repository: a/b, tag: v2}\n",
            &[],
        ),
        (
            "v: |\n  image: {repository: a/b, tag: v1}\n  n: 1\n",
            "v: |\n  image: {repository: a/b, tag: v2}\n  n: 2\n",
            &[".v.n"],
        ),
        (
            "image: {repository: a/b, tag: ~}\n",
            "image: {repository: a/b, tag: v2}\n",
            &[],
        ),
        ("image: a/b:${T:-v1}\n", "image: a/b:${T:-v2}\n", &[]),
        (
            "t: &t v1\nimage: {repository: a/b, tag: *t}\n",
            "t: &t v2\nimage: {repository: a/b, tag: *t}\n",
            &[],
        ),
        // A hand on another value, though it reads like a part of the image.
        (
            "image: a/b:v1\nlabel: v1\n",
            "image: a/b:v2\nlabel: v2\n",
            &[".label"],
        ),
    ] {
        let file = "web.yaml".parse().unwrap();
        let versions = Versions::new(&file, Some(before.as_bytes()), Some(after.as_bytes()));
        let images = versions.images(&Known::default()).into_iter();
        let images: Vec<ImageChange> = images
            .map(|one| ImageChange {
                file: one.held.file,
                line: one.held.line,
                resource: one.held.resource,
                container: one.held.container,
                place: one.held.place,
                tag_at: one.tag_at,
                old: one.old.unwrap(),
                new: one.new.unwrap(),
            })
            .collect();
        assert_eq!(images.len(), 1, "{before}");
        let beside = versions.values_beside(&images).into_iter();
        let beside: Vec<String> = beside.map(|value| value.path).collect();
        assert_eq!(beside, expected, "{before}");
    }
}

#[test]
fn of_two_readings_the_one_counts_that_the_image_was_deployed_with() {
    let file = "web.yaml".parse().unwrap();
    let global = "global: {imageRegistry: m.io}\nweb: {image: {registry: r.io, repository: a/web, tag: TAG}}\n";
    let named = "image: {registry: r.io, repository: a/web, name: x, tag: TAG}\n";
    for (text, known, expected) in [
        (global, "r.io/a/web:2", "r.io/a/web:1 → r.io/a/web:2"),
        (global, "r.io/a/web:1", "r.io/a/web:1 → r.io/a/web:2"),
        (global, "m.io/a/web:2", "m.io/a/web:1 → m.io/a/web:2"),
        (global, "r.io/a/web:3", "m.io/a/web:1 → m.io/a/web:2"),
        (named, "r.io/a/web:2", "r.io/a/web:1 → r.io/a/web:2"),
        (named, "r.io/a/web/x:2", "r.io/a/web/x:1 → r.io/a/web/x:2"),
    ] {
        let is_image = |text: &str| text == known;
        let known = Known {
            is_image: Some(&is_image),
            repository: None,
        };
        let [old, new] = ["1", "2"].map(|tag| text.replace("TAG", tag));
        let versions = Versions::new(&file, Some(old.as_bytes()), Some(new.as_bytes()));
        let images = versions.images(&known).into_iter();
        let told = images.filter_map(|image| Some(format!("{} → {}", image.old?, image.new?)));
        assert_eq!(told.collect::<Vec<_>>(), [expected]);
    }
}

#[test]
fn what_took_the_place_of_a_known_image_is_one_by_its_form() {
    let file = "web.yaml".parse().unwrap();
    let is_image = |text: &str| text == "r/odd:1";
    let known = Known {
        is_image: Some(&is_image),
        repository: None,
    };
    for (before, after, expected) in [
        ("a: r/odd:1", "a: r/odd:2", "r/odd:1 → r/odd:2"),
        ("a: r/other:2", "a: r/odd:1", "r/other:2 → r/odd:1"),
        ("a: r/odd:1", "a: 'r/odd:2' # x", "r/odd:1 → r/odd:2"),
        (
            "t: |\n  a: r/odd:1\n",
            "t: |\n  a: r/odd:2\n",
            "r/odd:1 → r/odd:2",
        ),
        (
            "uses: docker://r/odd:1",
            "uses: docker://r/odd:2",
            "r/odd:1 → r/odd:2",
        ),
        // Any word is an image without a version.
        ("a: r/odd:1", "a: odd", "r/odd:1 → none"),
        ("a: r/odd:1", "a: [r/odd:2]", "r/odd:1 → none"),
        ("a: r/odd:1", "b: r/odd:2", "r/odd:1 → none"),
        ("a: r/odd:1\nb: r/odd:2", "a: r/odd:1\nb: r/odd:3", ""),
    ] {
        let [old, new] = [before, after].map(|text| Some(text.as_bytes()));
        let images = Versions::new(&file, old, new).images(&known).into_iter();
        let none = || "none".to_owned();
        let told = images.map(|image| {
            let (old, new) = (
                image.old.unwrap_or_else(none),
                image.new.unwrap_or_else(none),
            );
            format!("{old} → {new}")
        });
        assert_eq!(told.collect::<Vec<_>>().join("; "), expected, "{after}");
    }
}

#[test]
fn an_entry_of_a_transformer_is_an_image() {
    let text = |tag: &str| format!("imageTag: {{name: a/b, newTag: {tag}}}\n");
    assert_eq!(
        transitions(&text("v1"), &text("v2")),
        "web.yaml line 1: a/b:v1 → a/b:v2"
    );
}

#[test]
fn a_version_that_is_no_yaml_or_not_there_holds_nothing() {
    assert_eq!(
        transitions("a: [", "image: a:1\n"),
        "web.yaml line 1: none → a:1"
    );
    assert_eq!(
        transitions("image: a:1\n", ""),
        "web.yaml line 1: a:1 → none"
    );
}
