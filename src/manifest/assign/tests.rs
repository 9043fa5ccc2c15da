//! Lines of `set` and of `remove`, and what they make of a file.

use super::super::{EditRequest, ManifestFile, Plan, plan, restore};

/// Lines of `set`, and of `remove` behind a `-`.
fn planned(texts: &[&str], wishes: &[&str]) -> Result<Plan, String> {
    let files: Vec<ManifestFile> = texts
        .iter()
        .enumerate()
        .map(|(number, text)| ManifestFile {
            path: format!("{number}.yaml").parse().unwrap(),
            bytes: text.as_bytes().to_vec(),
        })
        .collect();
    let is_removed = |line: &&&str| line.starts_with('-') && !line.starts_with("-1:");
    let (removed, set): (Vec<&str>, Vec<&str>) = wishes.iter().partition(|line| is_removed(line));
    let request = EditRequest {
        set: set.iter().map(|line| line.parse().unwrap()).collect(),
        remove: removed
            .iter()
            .map(|line| line[1..].parse().unwrap())
            .collect(),
        ..EditRequest::default()
    };
    plan(&files, &request).map_err(|error| error.to_string())
}

fn edited(text: &str, wishes: &[&str]) -> Result<String, String> {
    let plan = planned(&[text], wishes)?;
    let after = plan.edits.first().map(|edit| edit.after.clone());
    Ok(after.map_or_else(
        || text.to_owned(),
        |bytes| String::from_utf8(bytes).unwrap(),
    ))
}

#[test]
fn what_is_missing_is_made_at_any_depth() {
    for (before, set, after) in [
        // As Kargo's yaml-update does, which writes the whole file anew.
        ("key: old value", "key=new value", "key: new value"),
        (
            "root:\n    nested: old",
            "root.nested=new",
            "root:\n    nested: new",
        ),
        ("root:\n    0: old", "root.0=new", "root:\n    0: new"),
        (
            "root:",
            "root.new.nested:=v",
            "root:\n  new:\n    nested: v",
        ),
        (
            "root:\n  array:\n    - 1\n    - b",
            "root.array.[2]:=c",
            "root:\n  array:\n    - 1\n    - b\n    - c",
        ),
        (
            "root:\n  array:\n    - a",
            "root.array[+]=c",
            "root:\n  array:\n    - a\n    - c",
        ),
        (
            "root:\n  array:\n    - a",
            "root.array[1].key:=v",
            "root:\n  array:\n    - a\n    - key: v",
        ),
        (
            "root:\n  array:\n    - a",
            "root.array[+].key:=v",
            "root:\n  array:\n    - a\n    - key: v",
        ),
        (
            "root:\n  array:\n    - a\n    - b",
            "root.array[1]=x",
            "root:\n  array:\n    - a\n    - x",
        ),
        (
            "root:\n  array:\n    - a",
            "root.array[+]=[b, c]",
            "root:\n  array:\n    - a\n    - [b, c]",
        ),
        (
            "key: old",
            "key={array: [1, 2], nested: v}",
            "key: {array: [1, 2], nested: v}",
        ),
        (
            "a: &a\n  key: old\nb: *a\n",
            "b.key=new",
            "a: &a\n  key: new\nb: *a\n",
        ),
        (
            "a: &a\n  key: old\nb: *a\n",
            "b=new",
            "a: &a\n  key: old\nb: new\n",
        ),
        (
            "r:\n  # c\n  n:\n    k: v # d\n  a:\n    - x # e\n  o: p",
            "r.n={k: w}",
            "r:\n  # c\n  n: {k: w}\n  a:\n    - x # e\n  o: p",
        ),
        (
            "r:\n  # c\n  a:\n    - x # d\n    - y\n  o: p",
            "r.a=[z]",
            "r:\n  # c\n  a: [z]\n  o: p",
        ),
        // And beyond.
        (
            "image:\n  tag: v1\n",
            ".freight:=abc123",
            "image:\n  tag: v1\nfreight: abc123\n",
        ),
        ("a: {}\n", ".a.b.c:=1", "a: {b: {c: 1}}\n"),
        ("a: { b: {} } # d\n", ".a.b.c:=x", "a: { b: {c: x} } # d\n"),
        ("a: ~ # why\n", ".a.b:=x", "a: # why\n  b: x\n"),
        ("a: null\n", ".a[+]:=x", "a:\n  - x\n"),
        ("a: []\n", ".a[+].b:=x", "a: [{b: x}]\n"),
        (
            "a:\n- b: 1\n",
            ".a[b=2].c:=x",
            "a:\n- b: 1\n- b: \"2\"\n  c: x\n",
        ),
        ("- a\n", "[+]=b", "- a\n- b\n"),
        (
            "{\n\t\"a\": {\n\t\t\"b\": 1\n\t}\n}\n",
            ".a.c:=2",
            "{\n\t\"a\": {\n\t\t\"b\": 1,\n\t\t\"c\": 2\n\t}\n}\n",
        ),
        (
            "a: {\n  b: 1, # c\n  # d\n}\n",
            ".a.c:=2",
            "a: {\n  b: 1, # c\n  c: 2,\n  # d\n}\n",
        ),
        ("{\"a\": {}}", ".a.b[+]:=1", "{\"a\": {\"b\": [1]}}"),
        (
            "a:\r\n  b: 1\r\n",
            ".a.c.d:=2",
            "a:\r\n  b: 1\r\n  c:\r\n    d: 2\r\n",
        ),
    ] {
        assert_eq!(edited(before, &[set]).as_deref(), Ok(after), "{set}");
        // The second time nothing is left to do, unless it appends.
        if !set.contains("[+]") {
            assert_eq!(edited(after, &[set]).as_deref(), Ok(after), "{set} again");
        }
    }
}

#[test]
fn a_file_with_nothing_in_it_gets_its_first_lines_behind_its_comments() {
    for (before, set, after) in [
        ("", ".a.b:=v", "a:\n  b: v\n"),
        ("\n\n", ".a.b:=v", "\n\na:\n  b: v\n"),
        ("# c", ".a.b:=v", "# c\na:\n  b: v"),
        ("# c\r\n", ".a.b:=v", "# c\r\na:\r\n  b: v\r\n"),
        ("\u{feff}# c\n", ".a:=v", "\u{feff}# c\na: v\n"),
        ("---", ".a.b:=v", "---\na:\n  b: v"),
        ("--- # c\n# d\n", ".a:=[]", "--- # c\n# d\na: []\n"),
        (
            "# c\n---\n# d\n...\n",
            ".a:=v",
            "# c\n---\n# d\na: v\n...\n",
        ),
        ("a: b\n---\n", "1:.c[+]:=v", "a: b\n---\nc:\n  - v\n"),
        (
            "---\n# c\n---\na: b\n",
            "0:.c:=v",
            "---\n# c\nc: v\n---\na: b\n",
        ),
        ("%YAML 1.2\n---\n", ".a:=v", "%YAML 1.2\n---\na: v\n"),
        ("---\n", "[+].b:=v", "---\n- b: v\n"),
        ("null\n", ".a.b:=v", "a:\n  b: v\n"),
        ("# c\n~ # d\n", ".a:=v", "# c\na: v # d\n"),
    ] {
        assert_eq!(edited(before, &[set]).as_deref(), Ok(after), "{before:?}");
        let back = restore(after.as_bytes(), before.as_bytes(), after.as_bytes());
        assert_eq!(back, Ok(Some(before.as_bytes().to_vec())), "{before:?}");
    }
    insta::assert_snapshot!(edited("# c\n", &[".a.b=v"]).unwrap_err(), @"
    0.yaml has nothing at .a.b: its top level (line 2) is empty
    ");
    insta::assert_snapshot!(edited("{{- include \"web\" . }}\n", &[".a:=v"]).unwrap_err(), @"
    0.yaml, line 1: a template (`{{ … }}`) and not YAML: name the file that holds its values, such as `values.yaml`, in `file` instead
    ");
}

#[test]
fn lines_that_make_things_in_one_place_make_them_together() {
    let set = [
        ".a.b.c:=1",
        ".a.b.d:=x",
        ".a.l[+]:=y",
        ".a.l[+]:=y",
        ".a.e:=2",
    ];
    for before in ["a:\n", "a: {}\n", "a:\n  z: 1\n", "{\"a\": {}}\n"] {
        let after = edited(before, &set).unwrap();
        let read: serde_json::Value = serde_yaml_ng::from_str(&after).unwrap();
        assert_eq!(
            read["a"]["b"],
            serde_json::json!({"c": 1, "d": "x"}),
            "{after}"
        );
        assert_eq!(read["a"]["l"], serde_json::json!(["y", "y"]), "{after}");
        assert_eq!(read["a"]["e"], serde_json::json!(2), "{after}");
    }
    for set in [[".a.b:=1", ".a.b.c:=2"], [".a.b:=1", ".a.b:=2"]] {
        let refused = edited("a:\n", &set).unwrap_err();
        assert!(
            refused.contains("two lines of the request want different values"),
            "{refused}"
        );
    }
    let refused = edited("a: {b: 1}\n", &[".a.b=2", "-.a"]).unwrap_err();
    insta::assert_snapshot!(refused, @"0.yaml: two changes meet on line 1: make one of them in a step of its own");
}

#[test]
fn a_text_stays_a_text_and_a_number_a_number() {
    for (before, set, after) in [
        ("a: v1", "1234567", "a: \"1234567\""),
        ("a: 'v1'", "1e3", "a: '1e3'"),
        ("a: \"1\"", "null", "a: \"null\""),
        ("a: \"\"", "0123", "a: \"0123\""),
        ("a: >-\n  v1\n", "12", "a: >-\n  12\n"),
        ("a: v1", "!!int 12", "a: 12"),
        ("a: '1'", "!!bool yes", "a: yes"),
        ("a: '1'", "!!null", "a: null"),
        ("a: 1", "12", "a: 12"),
        ("a: 1", "\"12\"", "a: \"12\""),
        ("a: 1", "v2", "a: v2"),
        ("a: true", "no", "a: no"),
        ("a: null", "12", "a: 12"),
        ("a:", "12", "a: 12"),
        ("{\"a\": \"v1\"}", "12", "{\"a\": \"12\"}"),
        ("{\"a\": 1}", "12", "{\"a\": 12}"),
        ("{\"a\": 1}", "yes", "{\"a\": \"yes\"}"),
        ("{\"a\": null}", "v1", "{\"a\": \"v1\"}"),
        ("{\"a\": 1}", "1_0", "{\"a\": \"1_0\"}"),
        ("{\"a\": \"v1\"}", "!!int 12", "{\"a\": 12}"),
    ] {
        let set = format!(".a={set}");
        assert_eq!(
            edited(before, &[&set]).as_deref(),
            Ok(after),
            "{set} over {before}"
        );
    }
    // Helm would print 1.234567e+06.
    for before in ["image: {tag: null}", "image: {tag: ~}", "image: {tag: }"] {
        let after = edited(before, &[".image.tag=1234567"]).unwrap();
        assert!(after.contains("tag: \"1234567\""), "{after}");
    }
    assert_eq!(
        edited(
            "image:\n",
            &[".image.tag:=1234567", ".image.replicas:=1234567"]
        )
        .unwrap(),
        "image:\n  tag: \"1234567\"\n  replicas: 1234567\n"
    );
}

#[test]
fn a_path_goes_on_inside_of_a_text_that_is_a_document() {
    let text = "kind: Application\nmetadata: {name: web}\nspec:\n  values: |  # ours\n    # c\n    image: {tag: v1}\n    l:\n    - a\n  x: 1\n";
    let set = [
        ".spec.values.image.tag=v2",
        ".spec.values.l[+]=b",
        ".spec.values.new.key:=1",
        "-.spec.values.l[0]",
    ];
    assert_eq!(
        edited(text, &set).unwrap(),
        "kind: Application\nmetadata: {name: web}\nspec:\n  values: |  # ours\n    # c\n    image: {tag: v2}\n    l:\n    - b\n    new:\n      key: 1\n  x: 1\n"
    );
    let plan = planned(&[text], &set[..1]).unwrap();
    let change = &plan.values[0];
    assert_eq!(
        (change.line, change.path.as_str(), change.resource.as_str()),
        (6, ".spec.values.image.tag", "Application/web")
    );
    insta::assert_snapshot!(edited(text, &[".spec.values.image.tga=1"]).unwrap_err(), @"0.yaml has nothing at .spec.values.image.tga: .spec.values.image (line 6) has the keys tag");
}

#[test]
fn what_is_removed_may_be_gone_already() {
    let text = "a:\n  b: 1\n  c: &x [1]\nd: *x\n";
    assert_eq!(
        edited(text, &["-.a.b"]).unwrap(),
        "a:\n  c: &x [1]\nd: *x\n"
    );
    assert_eq!(edited(text, &["-.a.z", "-.z.z[3]"]).unwrap(), text);
    let plan = planned(&[text], &["-d"]).unwrap();
    assert_eq!(
        (plan.values[0].old.as_deref(), plan.values[0].new.as_deref()),
        (Some("*x"), None)
    );
    insta::assert_snapshot!(
        ["-.d[0]", "-.", "-.a.c"].map(|line| edited(text, &[line]).unwrap_err()).join("\n"),
        @"
        0.yaml has nothing at .d[0]: .d (line 4) is the alias `*x`; what it stands for is written at its anchor on line 3
        0.yaml, line 1: . is a whole document: name one of its keys
        0.yaml: line 4 reads what goes (`*x`): change or remove that line in the same step, or first
        "
    );
}

#[test]
fn what_a_merge_key_brings_in_is_not_hidden() {
    let text = "base: &b\n  env:\n  - name: A\n    value: 1\n  args: [a]\n  image: acme/web:v1\nsvc:\n  <<: *b\n  z: 1\ntwice: &t\n  <<: [*b]\nthen: {<<: *t}\n";
    let refused = [
        ".svc.env[name=B].value:=c",
        ".svc.env[name=A].value=2",
        ".svc.args[+]=c",
        ".then.args[+]:=c",
        "-.svc.image",
        "-.svc.args[0]",
    ]
    .map(|wish| edited(text, &[wish]).unwrap_err());
    insta::assert_snapshot!(refused.join("\n"), @r#"
    0.yaml, line 8: .svc.env[name=B].value is in what `<<` brings in from line 2, and a key "env" here would hide all of that: change it on that line, for all that read it, or set the whole value here (`.svc.env:=…`)
    0.yaml, line 8: .svc.env[name=A].value is in what `<<` brings in from line 2, and a key "env" here would hide all of that: change it on that line, for all that read it, or set the whole value here (`.svc.env:=…`)
    0.yaml, line 8: .svc.args[+] is in what `<<` brings in from line 5, and a key "args" here would hide all of that: change it on that line, for all that read it, or set the whole value here (`.svc.args:=…`)
    0.yaml, line 12: .then.args[+] is in what `<<` brings in from line 5, and a key "args" here would hide all of that: change it on that line, for all that read it, or set the whole value here (`.then.args:=…`)
    0.yaml, line 8: .svc.image comes in by `<<` from line 6: remove it there, from all that read it, or set another value here (`.svc.image:=…`)
    0.yaml, line 8: .svc.args[0] comes in by `<<` from line 5: remove it there, from all that read it, or set another value here (`.svc.args:=…`)
    "#);
    // The whole of it may be another one, on purpose, and what does not come in is new or gone as anywhere.
    for (wish, after) in [
        (
            ".svc.args:=[c]",
            text.replace("  z: 1\n", "  z: 1\n  args: [c]\n"),
        ),
        (
            ".svc.q.x:=2",
            text.replace("  z: 1\n", "  z: 1\n  q:\n    x: 2\n"),
        ),
        ("-.svc.q", text.to_owned()),
    ] {
        assert_eq!(edited(text, &[wish]), Ok(after), "{wish}");
    }
    // An anchor around its own alias ends.
    let cycle = "a: &a\n  <<: *a\n";
    assert_eq!(
        edited(cycle, &[".a.b.c:=1"]).as_deref(),
        Ok("a: &a\n  <<: *a\n  b:\n    c: 1\n")
    );
}

/// The item would have its name twice.
#[test]
fn an_item_is_not_made_with_another_name_than_it_is_chosen_by() {
    let refused = edited("e:\n- name: A\n", &[".e[name=B].name:=C"]).unwrap_err();
    insta::assert_snapshot!(refused, @"
    0.yaml has nothing at .e[name=B].name: .e (line 2) is a list in which name is A
    ");
}

/// A slip on the way to a list would make a second one.
#[test]
fn an_item_is_appended_only_to_a_list_that_is_there() {
    let text = "c:\n- name: web\n  env:\n  - a\n  args:\n";
    for (set, after) in [
        (
            ".c[name=web].env[+]=b",
            "c:\n- name: web\n  env:\n  - a\n  - b\n  args:\n",
        ),
        (
            ".c[name=web].args[+]=b",
            "c:\n- name: web\n  env:\n  - a\n  args:\n  - b\n",
        ),
        (
            ".c[+].name=x",
            "c:\n- name: web\n  env:\n  - a\n  args:\n- name: x\n",
        ),
    ] {
        assert_eq!(edited(text, &[set]).as_deref(), Ok(after), "{set}");
    }
    let refused = |set: &str| {
        let refused = edited(text, &[set]).unwrap_err();
        assert!(edited(text, &[&set.replace('=', ":=").replace("name:=", "name=")]).is_ok());
        refused
    };
    insta::assert_snapshot!(
        [".c[name=wbe].env[+]=b", ".c[name=web].evn[+]=b", ".d.env[+]=b"].map(refused).join("\n"),
        @"
        0.yaml has nothing at .c[name=wbe].env[+]: .c (line 2) is a list in which name is web
        0.yaml has nothing at .c[name=web].evn[+]: .c[name=web] (line 2) has the keys env, args, name
        0.yaml has nothing at .d.env[+]: its top level (line 1) has the keys c
        "
    );
}

#[test]
fn what_is_set_where_an_image_is_can_be_one() {
    let text = "image:\n  repository: ghcr.io/acme/web\n  tag: v1\n  digest: \"\"\nspec:\n  values: |\n    image: {repository: a/b, tag: v1}\nsidecar:\n  image: ghcr.io/acme/log:v1\nother: v1\nimageTag: ${TAG}\n";
    let refused = [
        ".image.tag=$TAG",
        ".image.tag=feature/login",
        ".image.tag=\"feature/login\"",
        ".image.tag=ghcr.io/acme/web:v20",
        ".spec.values.image.tag=feature/login",
        ".sidecar.image=$IMAGE",
        ".sidecar.image=v2",
        ".sidecar.image=a b",
        ".image.digest=latest",
        ".image.digest=sha256:abc",
        ".image.repository=ghcr.io/Acme/web",
        ".image.repository=ghcr.io/acme/api:v1",
    ]
    .map(|set| edited(text, &[set]).unwrap_err());
    insta::assert_snapshot!(refused.join("\n"), @r#"
    0.yaml, line 3: .image.tag is the tag of an image, and $TAG can't be one: `$TAG` was not filled in; to write it as it is on purpose, put the value in quotes
    0.yaml, line 3: .image.tag is the tag of an image, and feature/login can't be one: a tag is made of letters, digits, `_`, `.` and `-`
    0.yaml, line 3: .image.tag is the tag of an image, and feature/login can't be one: a tag is made of letters, digits, `_`, `.` and `-`
    0.yaml, line 3: .image.tag is the tag of an image, and ghcr.io/acme/web:v20 can't be one: write the tag alone, `v20`
    0.yaml, line 7: .spec.values.image.tag is the tag of an image, and feature/login can't be one: a tag is made of letters, digits, `_`, `.` and `-`
    0.yaml, line 9: .sidecar.image is an image, and $IMAGE can't be one: `$IMAGE` was not filled in; to write it as it is on purpose, put the value in quotes
    0.yaml, line 9: .sidecar.image is a whole image, and v2 is a tag alone: write `ghcr.io/acme/log:v2`
    0.yaml, line 9: .sidecar.image is an image, and a b can't be one: the image reference "a b" holds white space
    0.yaml, line 4: .image.digest is the digest of an image, and latest can't be one: a digest is `sha256:` and 64 hexadecimal digits
    0.yaml, line 4: .image.digest is the digest of an image, and sha256:abc can't be one: a digest is `sha256:` and 64 hexadecimal digits
    0.yaml, line 2: .image.repository is the repository of an image, and ghcr.io/Acme/web can't be one: the image reference "ghcr.io/Acme/web" has upper-case letters in its name: registries take lower case only, so write "ghcr.io/acme/web"
    0.yaml, line 2: .image.repository is the repository of an image, and ghcr.io/acme/api:v1 can't be one: write the repository alone, `ghcr.io/acme/api`
    "#);
    let digest = format!(".image.digest=sha256:{}", "a1".repeat(32));
    for set in [
        &digest,
        ".image.digest=\"\"",
        ".image.repository=ghcr.io/acme/api",
        ".image.tag=v2",
        ".image.tag=\"\"",
        ".image.tag=~",
        ".image.tag=\"${TAG}\"",
        ".spec.values.image.tag=1.2",
        ".sidecar.image=ghcr.io/acme/other:v2",
        ".other=feature/login",
        ".imageTag=$(TAG)",
    ] {
        edited(text, &[set]).unwrap();
    }
}

/// What differs in a number only is another one of several.
#[test]
fn what_is_nearly_there_is_told_where_nothing_was_removed() {
    let text =
        "spec: {replicas: 1, maxReplicas: 2, envFrom: [], pr1: x, App: y}\nl: [{name: web}]\n";
    let warned = |remove: &str| planned(&[text], &[remove]).unwrap().warnings.join("\n");
    for absent in [
        "-.spec.minReplicas",
        "-.spec.env",
        "-.spec.pr2",
        "-.l[name=log]",
        "-.spec.PR2",
    ] {
        assert_eq!(warned(absent), "", "{absent}");
    }
    let told = [
        "-.spec.replica",
        "-.l[name=wbe]",
        "-.spec.Replicas",
        "-.spec.app",
        "-.L[0]",
    ];
    insta::assert_snapshot!(told.map(warned).join("\n"), @"
    `remove` found nothing: 0.yaml has nothing at .spec.replica: .spec (line 1) has the keys replicas, maxReplicas, App, pr1, envFrom. Did you mean `.spec.replicas`?
    `remove` found nothing: 0.yaml has nothing at .l[name=wbe]: .l (line 2) is a list in which name is web. Did you mean `.l[name=web]`?
    `remove` found nothing: 0.yaml has nothing at .spec.Replicas: .spec (line 1) has the keys replicas, maxReplicas, App, pr1, envFrom. Did you mean `.spec.replicas`?
    `remove` found nothing: 0.yaml has nothing at .spec.app: .spec (line 1) has the keys App, maxReplicas, replicas, envFrom, pr1. Did you mean `.spec.App`?
    `remove` found nothing: 0.yaml has nothing at .L[0]: its top level (line 1) has the keys l, spec. Did you mean `.l[0]`?
    ");
}

#[test]
fn a_path_in_another_notation_is_told_as_it_is_meant() {
    let text = "spec: {c: [{image: x}]}\ndata: {a.properties: y}\n";
    let told = [
        "/spec/c/0/image=z",
        "spec/c[0].image=z",
        ".data.a.properties=z",
    ]
    .map(|set| {
        super::super::plan(
            &[ManifestFile {
                path: "0.yaml".parse().unwrap(),
                bytes: text.into(),
            }],
            &EditRequest {
                set: set.parse().into_iter().collect(),
                ..EditRequest::default()
            },
        )
        .err()
        .and_then(|error| error.advice().map(|advice| advice.into_owned()))
        .unwrap_or_default()
    });
    insta::assert_snapshot!(told.join("\n"), @r#"
    Did you mean `.spec.c[0].image`?
    Did you mean `.spec.c[0].image`?
    Did you mean `.data["a.properties"]`?
    "#);
}

#[test]
fn over_several_files_a_key_is_made_where_its_path_leads_furthest() {
    let texts = ["image: {tag: v1}\n", "image: {}\n", "other: x\n"];
    let changed = |wishes: &[&str]| -> Vec<String> {
        let plan = planned(&texts, wishes).unwrap();
        plan.edits
            .iter()
            .map(|edit| edit.path.to_string())
            .collect()
    };
    assert_eq!(changed(&[".image.tag:=v2"]), ["0.yaml", "1.yaml"]);
    assert_eq!(changed(&[".image.tag=v2"]), ["0.yaml"]);
    assert_eq!(changed(&[".other2:=v2"]), ["0.yaml", "1.yaml", "2.yaml"]);
    assert_eq!(changed(&["-.image.tag"]), ["0.yaml"]);
    let refused = edited("a: {}\n---\na: {}\n", &[".a.b:=1"]).unwrap_err();
    insta::assert_snapshot!(refused, @"
    0.yaml has .a.b in 2 documents (lines 1, 3): write `0:.a.b` or `1:.a.b`
    ");
    insta::assert_snapshot!(edited("A=1\nB=2\n", &["A=2"]).unwrap_err(), @"0.yaml is not YAML or JSON with keys or items: it reads as one text, so no path leads into it, and only YAML and JSON are edited");
}
