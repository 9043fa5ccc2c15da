//! What is refused or warned of is told with the true reason, and with advice that can be followed.

use super::{EditRequest, ManifestFile, Plan, images_in, plan};

/// What `image`, `set` and `remove` make of one file: lines with `image ` or `-` before them, others are `set`'s.
fn planned(text: &str, lines: &[&str]) -> Result<Plan, String> {
    let files = [file(text)];
    let mut request = EditRequest::default();
    for line in lines {
        if let Some(image) = line.strip_prefix("image ") {
            request.images.push(image.parse().unwrap());
        } else if let Some(path) = line.strip_prefix('-') {
            request.remove.push(path.parse().unwrap());
        } else {
            request.set.push(line.parse().unwrap());
        }
    }
    plan(&files, &request).map_err(|error| {
        let advice = error.advice();
        let advice = advice.map_or_else(String::new, |advice| format!(". {advice}"));
        format!("{error}{advice}")
    })
}

fn file(text: &str) -> ManifestFile {
    ManifestFile {
        path: "k.yaml".parse().unwrap(),
        bytes: text.as_bytes().to_vec(),
    }
}

fn refused(text: &str, lines: &[&str]) -> String {
    planned(text, lines).map(|_| ()).unwrap_err()
}

fn edited(text: &str, lines: &[&str]) -> String {
    let mut plan = planned(text, lines).unwrap();
    let edit = plan.edits.pop();
    edit.map_or(text.to_owned(), |edit| {
        String::from_utf8(edit.after).unwrap()
    })
}

#[test]
fn a_path_that_means_several_items_is_told_with_those_that_mean_one() {
    let text = "e:\n- name: B\n- name: A\n  v: 1\n- name: A\n  v: 2\n";
    insta::assert_snapshot!(refused(text, &[".e[name=A].v=2"]), @"
    k.yaml has nothing at .e[name=A].v: .e (line 2) has 2 items that [name=A] means: choose one by its index. Did you mean `.e[1].v` or `.e[2].v`?
    ");
    assert!(edited(text, &[".e[1].v=3"]).contains("v: 3"));
}

#[test]
fn a_contradiction_is_told_with_the_place_that_it_is_about() {
    insta::assert_snapshot!(refused("a: 1\n", &[".b:=1", ".b:=2"]), @"
    k.yaml, line 1: two lines of the request want different values at .b. Keep one of the two lines.
    ");
    insta::assert_snapshot!(refused("a: {c: 1}\n", &[".a.b.d:=1", ".a.b.d:=2"]), @"
    k.yaml, line 1: two lines of the request want different values at .a.b.d. Keep one of the two lines.
    ");
    insta::assert_snapshot!(refused("a: 1\n", &[".a=1", ".a=2"]), @"
    k.yaml, line 1: two lines of the request want different values at .a. Keep one of the two lines.
    ");
    insta::assert_snapshot!(refused("a: 1\n", &[".b:={x: 1}", ".b.x:=2"]), @"
    k.yaml, line 1: two lines of the request want different values at .b.x. Keep one of the two lines.
    ");
}

#[test]
fn what_is_written_as_a_text_and_what_is_made_in_it_go_together() {
    for lines in [
        [".b:={x: 1, z: [c]}", ".b.y:=2"],
        [".b.y:=2", ".b:={x: 1, z: [c]}"],
    ] {
        let after = edited("a: 1\n", &lines);
        let read: serde_json::Value = serde_yaml_ng::from_str(&after).unwrap();
        let wanted = serde_json::json!({"a": 1, "b": {"x": 1, "y": 2, "z": ["c"]}});
        assert_eq!(read, wanted, "{after}");
    }
    let after = edited("{\"a\": 1}", &[".b:={x: 1}", ".b.y:=2"]);
    assert_eq!(after, "{\"a\": 1, \"b\": {\"x\": 1, \"y\": 2}}");
}

#[test]
fn a_template_is_called_one_and_not_written_over() {
    let as_yaml = "spec:\n  replicas: {{ .Values.r }}\n  a: 1\n";
    let masked = "{{- if .x }}\nspec:\n  replicas: {{ .Values.r }}\n  a: v-{{ .y }}\n{{- end }}\n";
    for text in [as_yaml, masked] {
        for set in [
            ".spec.replicas=3",
            ".spec.replicas={a: 3}",
            ".spec.replicas:=3",
        ] {
            let refused = refused(text, &[set]);
            assert!(
                refused.contains(".spec.replicas is filled in by a template"),
                "{refused}"
            );
        }
        let refused = refused(text, &[".spec={a: 3}"]);
        assert!(
            refused.contains(".spec has a template (`{{ … }}`) in it"),
            "{refused}"
        );
    }
    insta::assert_snapshot!(refused(as_yaml, &[".spec.replicas=3"]), @"
    k.yaml, line 2: .spec.replicas is filled in by a template (`{{ … }}`): change the template's values instead
    ");
    insta::assert_snapshot!(refused(masked, &["-.spec"]), @"
    k.yaml, line 3: .spec has a template (`{{ … }}`) in it, which is not taken out: remove it by hand
    ");
    insta::assert_snapshot!(refused(masked, &["-.spec.a"]), @"
    k.yaml, line 4: .spec.a has a template (`{{ … }}`) in it, which is not taken out: remove it by hand
    ");
    assert_eq!(edited(as_yaml, &["-.spec.replicas"]), "spec:\n  a: 1\n");
    // A text that has one may hold anything.
    assert_eq!(edited("a: \"{{ .x }}\"\n", &[".a=v2"]), "a: \"v2\"\n");
}

#[test]
fn a_text_with_templates_is_a_document_and_goes_as_a_whole() {
    let text = "a: |\n  x: {{ .y }}z\n  image: acme/web:v1\nb: c\n";
    let after = text.replace("v1", "v2");
    assert_eq!(edited(text, &["image acme/web:v2"]), after);
    assert_eq!(edited(text, &[".a.image=acme/web:v2"]), after);
    assert_eq!(edited(text, &["-.a"]), "b: c\n");
    let refused_at = |wish: &str, reason: &str| {
        let refused = refused(text, &[wish]);
        assert!(refused.contains(reason), "{refused}");
    };
    refused_at("-.a.x", ".a.x has a template (`{{ … }}`) in it");
    refused_at(".a.x={b: 1}", ".a.x is filled in by a template (`{{ … }}`)");
    refused_at("image y=acme/web:v2", "container y");
    let written = text.replace("acme/web:v1", "acme/web:{{ .tag }}");
    let refused_as_written = refused(&written, &["image acme/web:v2"]);
    assert!(
        refused_as_written.contains("filled in by a template"),
        "{refused_as_written}"
    );
    // How far a template writes to the right is told from the text's own margin.
    let below = "a: |\n    r:\n      {{- toYaml .r | nindent 2 }}\nb: c\n";
    let refused_below = refused(below, &[".a.r.x:=1"]);
    assert!(refused_below.contains("line 3"), "{refused_below}");
}

#[test]
fn a_name_that_a_template_fills_in_is_not_told_and_not_matched() {
    let text = "{{- range .Values.x }}\nkind: Deployment\nmetadata: {name: {{ .n }}}\nspec:\n  containers:\n  - name: {{ .name }}\n    image: acme/web:v1\n    {{ .key }}: x\n  - name: log-{{ .n }}\n    image: acme/log:v1\n{{- end }}\n";
    let told = [
        "image acme/wbe:v2",
        "image main=acme/web:v2",
        "image xxxxxxxxxxx=acme/web:v2",
        ".spec.containers[name=web].image=v2",
        ".spec.containers[0].imag=v2",
        ".spec.containers[0].name.x=v2",
        ".spec.containers[0][+]=v2",
    ]
    .map(|line| refused(text, &[line]));
    let told = told.join("\n");
    assert!(
        !told.contains(['\u{e000}']) && !told.contains("xxx (") && !told.contains("e000"),
        "{told}"
    );
    insta::assert_snapshot!(told, @r#"
    k.yaml holds no image acme/wbe. What is there, nearest first:
    - acme/web:v1 (Deployment/{{ … }}, k.yaml line 7, .spec.containers[0].image)
    - acme/log:v1 (Deployment/{{ … }}, k.yaml line 10, .spec.containers[1].image). Check `image` and `file`. To put another image in place of one that is there, or where the file has a shape of its own, say with `path` where the image, or its tag, is.
    k.yaml has no container main: it names no container.
    Images there, nearest first:
    - acme/web:v1 (Deployment/{{ … }}, k.yaml line 7, .spec.containers[0].image)
    - acme/log:v1 (Deployment/{{ … }}, k.yaml line 10, .spec.containers[1].image). Leave the name and the `=` out: `acme/web:v2`.
    k.yaml has no container xxxxxxxxxxx: it names no container.
    Images there, nearest first:
    - acme/web:v1 (Deployment/{{ … }}, k.yaml line 7, .spec.containers[0].image)
    - acme/log:v1 (Deployment/{{ … }}, k.yaml line 10, .spec.containers[1].image). Leave the name and the `=` out: `acme/web:v2`.
    k.yaml has nothing at .spec.containers[name=web].image: .spec.containers (line 6) is a list in which name is log-{{ … }}, {{ … }}. Check the path: its keys are written as in the file. Only to add something new, write `.spec.containers[name=web].image:=…`, with a colon.
    k.yaml has nothing at .spec.containers[0].imag: .spec.containers[0] (line 6) has the keys image, name, {{ … }}. Did you mean `.spec.containers[0].image`? Only to add something new, write `.spec.containers[0].imag:=…`, with a colon.
    k.yaml has nothing at .spec.containers[0].name.x: .spec.containers[0].name (line 6) is the value "{{ … }}". Check the path: its keys are written as in the file.
    k.yaml has nothing at .spec.containers[0][+]: .spec.containers[0] (line 6) has the keys image, name, {{ … }}. `[+]` adds an item to a list, and .spec.containers[0] is none: check the path.
    "#);
    let plan = planned(text, &["image acme/web:v2"]).unwrap();
    let image = &plan.images[0];
    assert_eq!(
        (&image.container, image.resource.as_str()),
        (&None, "Deployment/{{ … }}")
    );
    let held = images_in(&file(text)).unwrap();
    assert!(held.iter().all(|held| held.container.is_none()));
}

#[test]
fn places_that_hold_other_images_are_not_said_to_hold_one() {
    let entries = |other: &str| {
        format!(
            "images:\n- name: acme/web\n  newTag: v1\n- {{name: acme/web, {other}newTag: v0}}\n"
        )
    };
    let warnings = |text: &str| planned(text, &["image acme/web:v2"]).unwrap().warnings;
    assert_eq!(
        warnings(&entries("newName: other/web, ")),
        Vec::<String>::new()
    );
    let told = warnings(&entries("")).join("\n");
    assert!(told.contains("all are to hold acme/web:v2"), "{told}");
}
