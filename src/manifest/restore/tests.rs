//! Changes are taken back, all of them, or not at all.

use super::*;

fn restored(tip: &str, before: &str, after: &str) -> Result<Option<String>, String> {
    match restore(tip.as_bytes(), before.as_bytes(), after.as_bytes()) {
        Ok(text) => Ok(text.map(|text| String::from_utf8(text).unwrap())),
        Err(error) => Err(error.to_string()),
    }
}

fn two(staging: &str, production: &str) -> String {
    format!(
        "{}---\n{}",
        web("staging", staging),
        web("production", production)
    )
}

fn web(namespace: &str, tag: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web, namespace: {namespace}}}\nspec:\n  containers:\n    - name: web\n      image: web:{tag}\n"
    )
}

#[test]
fn an_object_of_one_namespace_is_not_one_of_another() {
    let (before, after) = (two("v1", "v2"), two("v2", "v2"));
    let tip = format!("# moved on\n{after}");
    assert_eq!(
        restored(&tip, &before, &after).unwrap().unwrap(),
        format!("# moved on\n{before}")
    );
    assert_eq!(
        restored(&web("production", "v2"), &before, &after),
        Err(".spec.containers[name=web].image is gone".to_owned())
    );
}

#[test]
fn an_object_that_is_another_one_since_is_told_as_that() {
    let (before, after) = (web("staging", "v1"), web("staging", "v2"));
    let moved = |tip: &str| restored(tip, &before, &after).unwrap_err();
    insta::assert_snapshot!(
        [
            moved(&after.replace("staging", "test")),
            moved(&after.replace(", namespace: staging", "")),
            moved(&after.replace("apps/v1", "argoproj.io/v1alpha1")),
            moved(&after.replace("name: web, ", "name: other, ")),
            // That one was there before.
            restored(&web("production", "v2"), &two("v1", "v2"), &two("v2", "v2")).unwrap_err(),
        ]
        .join("\n"),
        @r#"
    .spec.containers[name=web].image was in another object: there is Deployment/web, but its namespace is "test" now, and was "staging"
    .spec.containers[name=web].image was in another object: there is Deployment/web, but its namespace is not given now, and was "staging"
    .spec.containers[name=web].image was in another object: there is Deployment/web, but its API group is "argoproj.io" now, and was "apps"
    .spec.containers[name=web].image is gone
    .spec.containers[name=web].image is gone
    "#
    );
}

#[test]
fn neighbours_may_come_and_go() {
    let entries = |tag: &str| format!("images:\n- name: web\n  newTag: {tag}\n");
    let tip = "images:\n- name: api\n  newTag: v7\n- name: web\n  newTag: v2 # now\n";
    assert_eq!(
        restored(tip, &entries("v1"), &entries("v2"))
            .unwrap()
            .unwrap(),
        tip.replace("v2", "v1")
    );
    // The same object, as an item of a `List` and in a later version of its API.
    let item = |version: &str, count: &str| {
        format!("kind: X\napiVersion: {version}\nmetadata: {{name: a}}\nspec: {{n: {count}}}\n")
    };
    let list = "apiVersion: v1\nkind: List\nitems:\n- kind: X\n  apiVersion: acme.io/v2\n  metadata: {name: a}\n  spec: {n: 2}\n";
    assert_eq!(
        restored(list, &item("acme.io/v1", "1"), &item("acme.io/v1", "2"))
            .unwrap()
            .unwrap(),
        list.replace("n: 2", "n: 1")
    );
}

/// A chart's file in which only a person knows what the templates come to.
fn chart(replicas: &str, debug: &str, more: &str) -> String {
    format!(
        "kind: Deployment\nmetadata:\n  name: {{{{ .Release.Name }}}}\nspec:\n  replicas: {replicas}\n  {{{{- if .Values.debug }}}}\n  level: {debug}\n  {{{{- else }}}}\n  quiet: 1\n  {{{{- end }}}}\n  {{{{- toYaml .Values.spec | nindent 2 }}}}\n  args:\n  {{{{- range .Values.args }}}}\n  - {{{{ . }}}}\n  {{{{- end }}}}\n{more}"
    )
}

#[test]
fn what_stands_among_templates_is_taken_back() {
    let (before, after) = (chart("1", "2", ""), chart("1", "3", ""));
    for (tip, back) in [
        (chart("1", "3", "# x\n"), chart("1", "2", "# x\n")),
        (chart("9", "3", "z: 1\n"), chart("9", "2", "z: 1\n")),
        (format!("# x\n{after}"), format!("# x\n{before}")),
        // Beside it, so that no lines can be merged.
        (
            after.replace("level: 3", "level: 3  # now"),
            before.replace("level: 2", "level: 2  # now"),
        ),
        // The template itself is somebody else's by now.
        (
            after.replace(".Values.args", ".Values.more"),
            before.replace(".Values.args", ".Values.more"),
        ),
    ] {
        assert_eq!(restored(&tip, &before, &after), Ok(Some(back)), "{tip}");
    }
    assert_eq!(restored(&chart("9", "2", ""), &before, &after), Ok(None));
    let changed = restored(&chart("9", "4", ""), &before, &after);
    assert_eq!(
        changed.unwrap_err(),
        ".spec.level was changed again since: it is \"4\" now, on line 7"
    );
    // Keys come and go within their branch.
    let with = |text: &str| text.replace("  quiet: 1\n", "  quiet: 1\n  calm: 1\n");
    for (before, after) in [(&before, &with(&before)), (&with(&before), &before)] {
        let tip = |text: &str| format!("# x\n{}", text.replace("replicas: 1", "replicas: 9"));
        assert_eq!(
            restored(&tip(after), before, after),
            Ok(Some(tip(before))),
            "{after}"
        );
    }
}

#[test]
fn nothing_is_taken_back_into_another_branch() {
    let (before, after) = (chart("1", "2", ""), chart("1", "3", ""));
    let moved = |text: &str| text.replace("{{- if .Values.debug }}", "{{- if .Values.other }}");
    let inside = after.replace(
        "  replicas: 1\n",
        "  {{- if .x }}\n  replicas: 1\n  {{- end }}\n",
    );
    assert!(restored(&inside, &before, &after).is_ok());
    for tip in [moved(&after), format!("# x\n{}", moved(&after))] {
        assert_eq!(
            restored(&tip, &before, &after).unwrap_err(),
            RestoreError::NotAlone.to_string(),
            "{tip}"
        );
    }
    // A key that is to come back, where its branch is another one.
    let without = before.replace("  quiet: 1\n", "  quiet: 1\n  calm: 1\n");
    let tip = before.replace("{{- else }}", "{{- else if .z }}");
    assert!(restored(&tip, &without, &before).is_err());
    // What is written by templates is not known to be the same.
    let other = before.replace("toYaml .Values.spec", "toYaml .Values.more");
    let tip = format!("# x\n{}", other.replace("replicas: 1", "replicas: 9"));
    assert_eq!(
        restored(&tip, &before, &other).unwrap_err(),
        RestoreError::Templates.to_string()
    );
    assert_eq!(restored(&other, &before, &other), Ok(Some(before)));
}

#[test]
fn an_item_whose_name_is_its_image_is_the_same_in_every_version_of_it() {
    for list in ["images", "workers"] {
        let items = |names: &[&str]| {
            let items = names.iter();
            let items = items.map(|name| format!("- name: {name}\n  digest: none\n"));
            format!("{list}:\n{}", items.collect::<String>())
        };
        let [v1, v2] = ["acme/web:v1", "acme/web:v2"].map(|name| items(&[name]));
        for (tip, back) in [
            (items(&["acme/web:v2"]), Ok(Some(items(&["acme/web:v1"])))),
            (
                items(&["acme/api:v7", "acme/web:v2"]),
                Ok(Some(items(&["acme/api:v7", "acme/web:v1"]))),
            ),
            (
                // Written anew.
                format!("# x\n{list}: [{{digest: none, name: 'acme/web:v2'}}]\n"),
                Ok(Some(format!(
                    "# x\n{list}: [{{digest: none, name: 'acme/web:v1'}}]\n"
                ))),
            ),
            (items(&["acme/web:v1"]), Ok(None)),
            (
                items(&["acme/web:v3"]),
                Err(format!(
                    ".{list}[name=\"acme/web:v3\"].name was changed again since: it is \"acme/web:v3\" now, on line 2"
                )),
            ),
            (
                items(&["acme/api:v1"]),
                Err(format!(".{list}[name=\"acme/web:v2\"].name is gone")),
            ),
        ] {
            assert_eq!(restored(&tip, &v1, &v2), back, "{tip}");
        }
    }
}

#[test]
fn a_number_stays_a_number_and_a_text_a_text() {
    for (before, after) in [
        ("replicas: 3", "replicas: 5"),
        ("replicas: 3", "replicas: \"5\""),
        ("replicas: 3", "replicas: '3'"),
        ("tag: \"3\"", "tag: 3"),
        ("tag: '1.10'", "tag: v2"),
        ("on: true", "on: 'true'"),
    ] {
        let (tip, expected) = (
            format!("{after} # x\nb: c\n"),
            format!("{before} # x\nb: c\n"),
        );
        let (before, after) = (format!("{before}\nb: c\n"), format!("{after}\nb: c\n"));
        let text = restored(&tip, &before, &after).unwrap().unwrap();
        let read = |text: &str| serde_yaml_ng::from_str::<serde_yaml_ng::Value>(text).unwrap();
        assert_eq!(read(&text), read(&expected), "{text}");
        assert_eq!(restored(&expected, &before, &after), Ok(None));
    }
}

#[test]
fn what_others_set_since_is_left_alone() {
    assert_eq!(
        restored("# x\na: 3\n", "a: 1\n", "a: 2\n").unwrap_err(),
        ".a was changed again since: it is \"3\" now, on line 2"
    );
    assert_eq!(
        restored("a: 1\nb: 5\n", "a: 1\nb: 4\n", "a: 2\nb: 4\n"),
        Ok(None)
    );
    assert_eq!(restored("a: 1\n", "a: 1\n", "a: 2\nb: 4\n"), Ok(None));
    assert_eq!(
        restored("a: 1\n", "a: {}\n", "a: []\n").unwrap_err(),
        ".a was changed again since: it is \"1\" now, on line 1"
    );
    assert_eq!(
        restored("a: [] # b\n", "a: {}\n", "a: []\n"),
        Ok(Some("a: {} # b\n".to_owned()))
    );
}

/// Neither the values nor the lines of `after` are taken back on `tip`.
#[track_caller]
fn refused(tip: &str, before: &str, after: &str) {
    let error = restore(tip.as_bytes(), before.as_bytes(), after.as_bytes()).unwrap_err();
    assert!(
        matches!(
            error,
            RestoreError::Ambiguous { .. } | RestoreError::Gone { .. }
        ),
        "{error}"
    );
    // Whatever a merge makes of it: the first of what was changed, or the last one.
    for (from, to) in [("v2", "v1"), ("2Gi", "1Gi")] {
        for at in [tip.find(from), tip.rfind(from)].into_iter().flatten() {
            let merged = format!("{}{to}{}", &tip[..at], &tip[at + from.len()..]);
            assert!(
                !takes_back(
                    tip.as_bytes(),
                    merged.as_bytes(),
                    before.as_bytes(),
                    after.as_bytes()
                ),
                "{merged}"
            );
        }
    }
}

#[test]
fn what_only_its_order_tells_apart_is_not_guessed() {
    let elements = |items: &[(&str, &str)]| -> String {
        let items = items.iter();
        let items = items.map(|(cluster, tag)| format!("- tag: {tag}\n  cluster: {cluster}\n"));
        format!("elements:\n{}", items.collect::<String>())
    };
    let before = elements(&[("staging", "v1"), ("production", "v2")]);
    let after = elements(&[("staging", "v2"), ("production", "v2")]);
    for tip in [
        elements(&[("production", "v2"), ("canary", "v2")]),
        elements(&[("production", "v2"), ("staging", "v2")]),
        elements(&[("production", "v2")]),
    ] {
        refused(&tip, &before, &after);
        // The same as documents that are no objects.
        let documents = |text: &str| text.replace("elements:\n", "").replace("- ", "---\n  ");
        refused(&documents(&tip), &documents(&before), &documents(&after));
    }
    // A list that nobody has touched is told apart by its order.
    let tip = format!("{after}more: x\n");
    let taken = restored(&tip, &before, &after);
    assert_eq!(taken, Ok(Some(format!("{before}more: x\n"))));
    assert_eq!(
        restored(&format!("{before}more: x\n"), &before, &after),
        Ok(None)
    );
    // Lists in lists; the same object twice; the same name twice; another length.
    refused(
        "l: [[x, v2], [y]]\n",
        "l: [[x], [v1, y]]\n",
        "l: [[x], [v2, y]]\n",
    );
    let twice = |tag: &str, other: &str| format!("{}---\n{}", web("a", tag), web("a", other));
    refused(&twice("v9", "v2"), &twice("v1", "v9"), &twice("v2", "v9"));
    let named = |first: &str, second: &str| {
        format!("l: [{{name: a, {first}}}, {{name: a, {second}}}]\nt: x\n")
    };
    refused(
        &named("k: 2, t: v2", "k: 3"),
        &named("k: 1, t: v1", "k: 2"),
        &named("k: 1, t: v2", "k: 2"),
    );
    // An item before it does not touch it; but a second one like it does.
    assert_eq!(
        restored("l: [x, v2]\n", "l: [v1]\n", "l: [v2]\n"),
        Ok(Some("l: [x, v1]\n".to_owned()))
    );
    let like_it = restored("l: [v2, v2]\n", "l: [v1]\n", "l: [v2]\n");
    assert!(
        like_it
            .unwrap_err()
            .starts_with("which .l[0] was changed can't be told (line 1)")
    );
    assert_eq!(
        restored("l: [b, c]\nx: y\n", "l: [a, c]\n", "l: [b, c]\n"),
        Ok(Some("l: [a, c]\nx: y\n".to_owned()))
    );
    let named = |first: &str, end: &str| format!("{}{end}", named(first, "k: 2"));
    assert_eq!(
        restored(
            &named("k: v2", "z: 1\n"),
            &named("k: v1", ""),
            &named("k: v2", "")
        ),
        Ok(Some(named("k: v1", "z: 1\n")))
    );
}

#[test]
fn items_are_known_by_the_names_in_their_metadata() {
    let claims = |items: &[(&str, &str)]| -> String {
        let items = items.iter();
        let items =
            items.map(|(name, size)| format!("- metadata: {{name: {name}}}\n  size: {size}\n"));
        format!("volumeClaimTemplates:\n{}", items.collect::<String>())
    };
    let before = claims(&[("data", "1Gi"), ("logs", "2Gi")]);
    let after = claims(&[("data", "2Gi"), ("logs", "2Gi")]);
    refused(
        &claims(&[("logs", "2Gi"), ("cache", "2Gi")]),
        &before,
        &after,
    );
    assert_eq!(
        restored(
            &claims(&[("logs", "2Gi"), ("data", "2Gi")]),
            &before,
            &after
        ),
        Ok(Some(claims(&[("logs", "2Gi"), ("data", "1Gi")])))
    );
    // What ends in `List` and has a name is an object of its own.
    let list = |name: &str, tag: &str| {
        format!(
            "kind: AllowList\nmetadata: {{name: {name}}}\nitems:\n- kind: X\n  metadata: {{name: web}}\n  t: {tag}\n"
        )
    };
    refused(
        &list("production", "v2"),
        &list("staging", "v1"),
        &list("staging", "v2"),
    );
}

#[test]
fn what_was_removed_comes_back_only_to_where_it_was() {
    for (tip, before, after) in [
        // All of the list is another one; a part of it is.
        ("l: [z, 2] # c\n", "l: [a, b] # c\n", "l: [a] # c\n"),
        ("l:\n- z\n- c\n", "l:\n- a\n- b\n- c\n", "l:\n- a\n- c\n"),
        // Nothing is left of the mapping.
        ("m: {z: 1}\n", "m: {a: 1, b: 2}\n", "m: {a: 1}\n"),
        ("m:\n  z: 1\n", "m:\n  a: 1\n  b: 2\n", "m:\n  a: 1\n"),
    ] {
        let structure = Err(RestoreError::Structure.to_string());
        assert_eq!(restored(tip, before, after), structure, "{tip}");
    }
    for (tip, before, after, back) in [
        ("l: [a, c]\n", "l: [a, b]\n", "l: [a]\n", None),
        (
            "m:\n  z: 1\n  a: 1\n",
            "m:\n  a: 1\n  b: 2\n",
            "m:\n  a: 1\n",
            Some("m:\n  z: 1\n  a: 1\n  b: 2\n"),
        ),
        (
            "l:\n- z\n- a\n- c\n",
            "l:\n- a\n- b\n- c\n",
            "l:\n- a\n- c\n",
            Some("l:\n- z\n- a\n- b\n- c\n"),
        ),
    ] {
        let taken = restored(tip, before, after);
        match back {
            Some(back) => assert_eq!(taken, Ok(Some(back.to_owned())), "{tip}"),
            None => assert_eq!(taken, Err(RestoreError::Structure.to_string()), "{tip}"),
        }
    }
}

#[test]
fn a_kustomization_is_the_same_with_and_without_its_kind() {
    let entries = |tag: &str| format!("images:\n- name: web\n  newTag: {tag}\n");
    let tip = format!("apiVersion: k/v1\nkind: Kustomization\n{}", entries("v2"));
    assert_eq!(
        restored(&tip, &entries("v1"), &entries("v2")),
        Ok(Some(tip.replace("v2", "v1")))
    );
}

#[test]
fn what_a_value_is_stays_with_it() {
    for (tip, before, after, back) in [
        (
            "a: \"5\" # c\n",
            "a: !!str 3\n",
            "a: \"5\"\n",
            "a: !!str 3 # c\n",
        ),
        ("a: 5 # c\n", "a: !!str 5\n", "a: 5\n", "a: !!str 5 # c\n"),
        ("a: !x 5 # c\n", "a: !y 5\n", "a: !x 5\n", "a: !y 5 # c\n"),
        (
            "a: !!str 5 # c\n",
            "a: !!str 3\n",
            "a: !!str 5\n",
            "a: !!str 3 # c\n",
        ),
        (
            "{\"image\":null,\"b\":2}",
            "{\"image\":\"web:v1\",\"b\":1}",
            "{\"image\":null,\"b\":1}",
            "{\"image\":\"web:v1\",\"b\":2}",
        ),
        (
            "a: web:v1 # t\nb: &x web:v2\nc: *x\n",
            "a: &x web:v1\nb: web:v2\nc: *x\n",
            "a: web:v1\nb: &x web:v2\nc: *x\n",
            "a: &x web:v1 # t\nb: web:v2\nc: *x\n",
        ),
    ] {
        assert_eq!(
            restored(tip, before, after),
            Ok(Some(back.to_owned())),
            "{tip}"
        );
    }
    // Where the text is another one since, values alone are set.
    for (tip, before, after) in [
        ("b: 1\na: '5'\n", "a: !!str 3\nb: 1\n", "a: \"5\"\nb: 1\n"),
        ("b: 1\na: &z 6\n", "a: !y 5\nb: 1\n", "a: 6\nb: 1\n"),
    ] {
        assert_eq!(
            restored(tip, before, after),
            Err(RestoreError::Structure.to_string()),
            "{tip}"
        );
    }
}

#[test]
fn a_merge_of_lines_must_take_the_change_back_and_nothing_else() {
    let takes = |tip: &str, merged: &str, before: &str, after: &str| {
        takes_back(
            tip.as_bytes(),
            merged.as_bytes(),
            before.as_bytes(),
            after.as_bytes(),
        )
    };
    let (before, after) = (two("v1", "v2"), two("v2", "v2"));
    assert!(takes(&after, &before, &before, &after));
    let (production, changed) = (web("production", "v2"), web("production", "v1"));
    assert!(
        !takes(&production, &changed, &before, &after),
        "another object"
    );
    assert!(
        !takes(&after, &after, &before, &after),
        "nothing was taken back"
    );
    assert!(
        takes(&before, &before, &before, &after),
        "by somebody else already"
    );
    assert!(
        !takes(&after, &two("v1", "v1"), &before, &after),
        "more than that"
    );
    // What was added is taken out again, wherever it is in its list now.
    let (before, after) = ("l: [a]\nx: 1\n", "l: [a, b]\nx: 2\n");
    assert!(takes(
        "l: [a, b, c]\nx: 2\n",
        "l: [a, c]\nx: 1\n",
        before,
        after
    ));
    assert!(!takes(
        "l: [a, b, c]\nx: 2\n",
        "l: [a, b]\nx: 1\n",
        before,
        after
    ));
    assert!(
        takes("l: [a, c]\nx: 2\n", "l: [a, c]\nx: 1\n", before, after),
        "b is gone"
    );
    assert!(
        !takes("l: [a, b]\nx: 2\n", "l: [a, b]\nx: 1\n", before, after),
        "b is left"
    );
    // In a list without names all of it must be as it was.
    let items = |first: &str, second: &str| format!("l: [{{t: {first}}}, {{t: {second}}}]\n");
    let (before, after) = (items("v1", "v1"), items("v2", "v1"));
    assert!(takes(
        &format!("{after}x: 1\n"),
        &format!("{before}x: 1\n"),
        &before,
        &after
    ));
    assert!(takes(
        &format!("{before}x: 1\n"),
        &format!("{before}x: 1\n"),
        &before,
        &after
    ));
    assert!(
        !takes(&items("v1", "v2"), &before, &before, &after),
        "another item"
    );
    // And what was removed comes back.
    assert!(takes(
        "l: [b, c]\n",
        "l: [a, b, c]\n",
        "l: [a, b]\n",
        "l: [b]\n"
    ));
    assert!(!takes("a: 2\n", "a: [\n", "a: 1\n", "a: 2\n"));
    assert!(!takes("{{ x", "{{ y", "{{ y", "{{ x"), "no YAML at all");
}
