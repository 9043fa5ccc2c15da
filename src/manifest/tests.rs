//! What a plan does to files that people write.

use super::*;
use crate::yaml::Stream;

fn files(texts: &[(&str, &str)]) -> Vec<ManifestFile> {
    texts
        .iter()
        .map(|(path, text)| ManifestFile {
            path: path.parse().unwrap(),
            bytes: text.as_bytes().to_vec(),
        })
        .collect()
}

fn lines<T: std::str::FromStr<Err: std::fmt::Debug>>(lines: &[&str]) -> Vec<T> {
    lines.iter().map(|line| line.parse().unwrap()).collect()
}

fn request(images: &[&str]) -> EditRequest {
    EditRequest {
        images: lines(images),
        ..EditRequest::default()
    }
}

/// The plan for one file, `web.yaml`.
fn plan_one(text: &str, images: &[&str]) -> Result<Plan, ManifestError> {
    plan(&files(&[("web.yaml", text)]), &request(images))
}

#[track_caller]
fn check(before: &str, images: &[&str], after: &str) {
    let plan = plan_one(before, images).unwrap();
    let text = match plan.edits.as_slice() {
        [edit] => String::from_utf8(edit.after.clone()).unwrap(),
        _ => before.to_owned(),
    };
    assert_eq!(text, after);
}

fn refusal(text: &str, images: &[&str]) -> String {
    plan_one(text, images).unwrap_err().to_string()
}

/// The place that `path` leads to in the first document.
fn place(text: &str, path: &str) -> Place {
    let stream = Stream::parse(text.as_bytes()).unwrap();
    let path: crate::yaml::path::Path = path.parse().unwrap();
    Place::of(&stream, path.find(&stream, stream.roots()[0]).unwrap())
}

const WEB: &str = r#"# The blog's front end: Hugo behind nginx.
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata:
  name: web
  namespace: blog-system

spec:
  replicas: 2
  template:
    spec:
      initContainers:
        - name: warm-up
          image: busybox:1.36   # small on purpose

      containers:
        - name: nginx
          # Written by the pipeline. Do not edit by hand.
          image: "ghcr.io/wlals2/blog-web:v13"  # {"$imagepolicy": "flux-system:web"}

          ports:
            - containerPort: 80
        - name: 'log'
          image: docker.io/library/busybox:1.36
"#;

#[test]
fn a_rollout_gets_its_image_and_nothing_else() {
    let after = WEB.replace("blog-web:v13", "blog-web:v14");
    check(WEB, &["ghcr.io/wlals2/blog-web:v14"], &after);
    check(WEB, &["nginx=ghcr.io/wlals2/blog-web:v14"], &after);
    check(&after, &["ghcr.io/wlals2/blog-web:v14"], &after);
}

#[test]
fn a_plan_says_what_changes_where() {
    let plan = plan_one(WEB, &["ghcr.io/wlals2/blog-web:v14"]).unwrap();
    assert_eq!(
        plan.images,
        [ImageChange {
            file: "web.yaml".parse().unwrap(),
            line: 19,
            resource: "Rollout/web".into(),
            container: Some("nginx".into()),
            place: place(WEB, ".spec.template.spec.containers[0].image"),
            tag_at: None,
            old: "ghcr.io/wlals2/blog-web:v13".into(),
            new: "ghcr.io/wlals2/blog-web:v14".into(),
        }]
    );
    assert_eq!(plan.edits.len(), 1);
}

#[test]
fn a_site_that_already_holds_the_image_is_named_and_not_edited() {
    let plan = plan_one(WEB, &["ghcr.io/wlals2/blog-web:v13"]).unwrap();
    assert!(plan.edits.is_empty());
    assert_eq!(plan.images[0].old, plan.images[0].new);
}

#[test]
fn every_site_of_the_repository_is_written() {
    check(
        WEB,
        &["busybox:1.37"],
        &WEB.replace("busybox:1.36", "busybox:1.37"),
    );
}

#[test]
fn several_images_and_several_files_are_one_plan() {
    let files = files(&[
        ("a.yaml", "containers: [{image: a:1}, {image: b:1}]\n"),
        ("b.yaml", "containers: [{name: b, image: b:2}]\n"),
        ("c.yaml", "containers: [{image: a:1}]\n"),
    ]);
    let plan = plan(&files, &request(&["a:1", "b=b:3", "b:3"])).unwrap();
    let edited: Vec<&str> = plan.edits.iter().map(|edit| edit.path.as_str()).collect();
    assert_eq!(edited, ["a.yaml", "b.yaml"]);
    assert_eq!(plan.images.len(), 4);
}

#[test]
fn every_kind_and_depth_is_found() {
    for text in [
        "kind: Pod\nspec:\n  containers:\n  - image: a:1\n",
        "kind: CronJob\nspec: {jobTemplate: {spec: {template: {spec: {containers: [{image: a:1}]}}}}}\n",
        "kind: List\nitems:\n- kind: Pod\n  spec:\n    initContainers:\n    - {image: 'a:1'}\n",
        "kind: X\n---\nkind: Widget\nspec:\n  ephemeralContainers:\n  - image: &x a:1\n",
    ] {
        check(text, &["a:2"], &text.replace("a:1", "a:2"));
    }
}

#[test]
fn the_items_of_a_list_are_told_apart() {
    let text = "kind: List\nmetadata: {name: all}\nitems:\n- kind: Pod\n  metadata: {name: one}\n  spec: {containers: [{image: a:1}]}\n";
    let plan = plan_one(text, &["a:2"]).unwrap();
    assert_eq!(plan.images[0].resource, "Pod/one");
    assert_eq!(
        plan.images[0].place,
        place(text, ".items[0].spec.containers[0].image")
    );
    let plan = plan_one("containers: [{image: a:1}]", &["a:2"]).unwrap();
    assert_eq!(plan.images[0].resource, "web.yaml");
}

#[test]
fn what_no_name_can_be_made_of_is_joined_with_none() {
    let held = |text: &str| {
        let image = plan_one(text, &["acme/web:v2"]).map(|plan| plan.images[0].old.clone());
        image.unwrap_or_else(|error| error.to_string())
    };
    let beside = |name: &str| format!("image: {{repository: acme/web, image: {name}, tag: v1}}\n");
    assert_eq!(held(&beside("'a[me/other'")), "acme/web:v1");
    insta::assert_snapshot!(held(&beside("other")), @"acme/web/other:v1");
    insta::assert_snapshot!(held(&beside("'${NAME}'")), @"web.yaml, line 1: the image acme/web/${NAME}:v1 is filled in by something else, ${NAME}: change the value where it comes from, or write the image itself here once");
}

#[test]
fn an_alias_follows_its_anchor_and_is_no_target_itself() {
    let text = "containers:\n- image: &i a:1\n- image: *i\n";
    let plan = plan_one(text, &["a:2"]).unwrap();
    assert_eq!(plan.images.len(), 2);
    check(text, &["a:2"], &text.replace("a:1", "a:2"));
    // Whoever reads the anchor is meant.
    for (before, line) in [
        ("x: &i a:1\ncontainers:\n- image: *i\n", "a:2"),
        (
            "t: &t '1'\nimage: {repository: a, tag: *t}\nimages:\n  web: {repository: a, tag: *t}\n",
            "a:2",
        ),
        ("x: &c\n  image: a:1\nw: {image: *c}\n", "a:2"),
        ("x: &c {tag: '1'}\nimage: {<<: *c, repository: a}\n", "a:2"),
    ] {
        let after = before.replace("a:1", "a:2").replace("'1'", "'2'");
        check(before, &[line], &after);
    }
    insta::assert_snapshot!(
        refusal("t: &t v1\nimage: {repository: a, tag: *t}\nother: *t\n", &["a:v2"]),
        @"web.yaml, line 2: the image a:v1 is written at the anchor on line 1, where others read it that were not asked for (line 3): to change it for all of them, add the line `.t=v2` to `set`"
    );
    insta::assert_snapshot!(
        refusal("x: &c\n  image: a:1\ncontainers:\n- <<: *c\n  name: web\n", &["web=a:2"]),
        @"web.yaml, line 4: the image a:1 of container web is written at the anchor on line 2, where others read it that were not asked for (line 2): to change it for all of them, add the line `.x.image=a:2` to `set`"
    );
    insta::assert_snapshot!(
        refusal("x: &c\n  name: web\n  image: a:1\ncontainers:\n- *c\n", &["web=a:2"]),
        @"web.yaml, line 5: the image a:1 of container web is written at the anchor on line 3, where others read it that were not asked for (line 3): to change it for all of them, add the line `.x.image=a:2` to `set`"
    );
    // Somebody says that it is to change for all.
    let text = "t: &t v1\nimage: {repository: a, tag: *t}\nother: *t\n";
    let both = EditRequest {
        set: lines(&[".t=v2"]),
        ..request(&["a:v2"])
    };
    let (after, plan) = edited(text, &both);
    assert_eq!(after, text.replace("v1", "v2"));
    assert_eq!(plan.images[0].new, "a:v2");
}

#[test]
fn what_cannot_be_written_says_why_and_where() {
    let refusals = [
        "containers: [{name: web}]",
        "containers:\n- name: web\n  image: [a]\n",
        "containers:\n- name: web\n  image: {{ .Values.image }}\n",
        "containers:\n- name: web\n  image: '{{ .Values.image }}:v1'\n",
        "containers:\n- name: web\n  image: \"a\\\n    :1\"\n",
    ]
    .map(|text| refusal(text, &["web=a:2"]));
    insta::assert_snapshot!(refusals.join("\n"), @"
    web.yaml, line 1: container web has no `image`: add the key, and this step will keep it up to date
    web.yaml, line 3: the image of container web is a list or a mapping where the image should be a string: name what is in it with `path`
    web.yaml, line 3: the image of container web is filled in by a template (`{{ … }}`): change the template's values instead
    web.yaml, line 3: the image {{ .Values.image }}:v1 of container web is filled in by a template (`{{ … }}`): change the template's values instead
    web.yaml, line 3: the image a:1 of container web goes over several lines: write the image on one line
    ");
}

#[test]
fn an_empty_image_of_a_named_container_is_filled_in() {
    check(
        "containers:\n- name: web\n  image: ''\n",
        &["web=a:2"],
        "containers:\n- name: web\n  image: 'a:2'\n",
    );
    check(
        "containers:\n- image:\n  name: web\n",
        &["web=a:2"],
        "containers:\n- image: a:2\n  name: web\n",
    );
}

#[test]
fn an_image_that_is_nowhere_is_answered_with_those_that_are_there() {
    insta::assert_snapshot!(refusal(WEB, &["ghcr.io/wlals2/blog-wep:v14"]), @"
    web.yaml holds no image ghcr.io/wlals2/blog-wep. What is there, nearest first:
    - ghcr.io/wlals2/blog-web:v13 (container nginx, Rollout/web, web.yaml line 19, .spec.template.spec.containers[name=nginx].image)
    - busybox:1.36 (container warm-up, Rollout/web, web.yaml line 14, .spec.template.spec.initContainers[name=warm-up].image)
    - docker.io/library/busybox:1.36 (container log, Rollout/web, web.yaml line 24, .spec.template.spec.containers[name=log].image)
    ");
    insta::assert_snapshot!(refusal(WEB, &["ngnix=ghcr.io/wlals2/blog-web:v14"]), @"
    web.yaml has no container ngnix. What is there, nearest first:
    - ghcr.io/wlals2/blog-web:v13 (container nginx, Rollout/web, web.yaml line 19, .spec.template.spec.containers[name=nginx].image)
    - busybox:1.36 (container warm-up, Rollout/web, web.yaml line 14, .spec.template.spec.initContainers[name=warm-up].image)
    - docker.io/library/busybox:1.36 (container log, Rollout/web, web.yaml line 24, .spec.template.spec.containers[name=log].image)
    ");
    insta::assert_snapshot!(refusal("kind: Service\n", &["a:1"]), @"web.yaml holds no image a: there is none at all");
    insta::assert_snapshot!(refusal("kind: Service\n", &["web=a:1"]), @"
    web.yaml has no container web: it holds no container and no image at all
    ");
    let many: String = (0..20).map(|n| format!("- image: i{n}:1\n")).collect();
    insta::assert_snapshot!(refusal(&format!("containers:\n{many}"), &["i:1"]), @"
    web.yaml holds no image i. What is there, nearest first:
    - i0:1 (web.yaml line 2, .containers[0].image)
    - i1:1 (web.yaml line 3, .containers[1].image)
    - i2:1 (web.yaml line 4, .containers[2].image)
    - i3:1 (web.yaml line 5, .containers[3].image)
    - i4:1 (web.yaml line 6, .containers[4].image)
    - i5:1 (web.yaml line 7, .containers[5].image)
    - i6:1 (web.yaml line 8, .containers[6].image)
    - i7:1 (web.yaml line 9, .containers[7].image)
    - i8:1 (web.yaml line 10, .containers[8].image)
    - i9:1 (web.yaml line 11, .containers[9].image)
    and 10 more
    ");
}

#[test]
fn a_text_that_differs_in_case_is_told_of() {
    for (text, image, told) in [
        ("about: runs Acme/Web:v1 here\n", "acme/web:v2", ".about"),
        ("about: about ACME/web\n", "acme/web:v2", ".about"),
        ("about: Nginx\n", "nginx:1", "line 1"),
        ("# Acme/Web\na: b\n", "acme/web:v2", "in a comment"),
    ] {
        let refusal = refusal(text, &[image]);
        assert!(refusal.contains(told), "{refusal}");
    }
}

#[test]
fn lines_that_contradict_each_other_are_refused() {
    insta::assert_snapshot!(refusal(WEB, &["nginx=a:1", "ghcr.io/wlals2/blog-web:v14"]), @"web.yaml, line 19: nginx=a:1 and ghcr.io/wlals2/blog-web:v14 both mean the image ghcr.io/wlals2/blog-web:v13 of container nginx: keep one of the two lines");
}

#[test]
fn a_file_that_is_no_yaml_is_named_with_line_and_column() {
    insta::assert_snapshot!(
        [
            "a: b\nc: d: e\n",
            "a: b\n{{- if .Values.x }}\nc: d\n{{- end }}\n",
            "a:\n\tb: c\n",
            "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
        ]
        .map(|text| refusal(text, &["a:1"]))
        .join("\n"),
        @"
    web.yaml can't be read as YAML: line 2, column 5: mapping values are not allowed in this context
    web.yaml, line 2: a template (`{{ … }}`) and not YAML: name the file that holds its values, such as `values.yaml`, in `file` instead
    web.yaml can't be read as YAML: line 2, column 2: tabs disallowed within this context (block indentation)
    web.yaml is a Git LFS pointer: its text is not in Git, so it can't be edited there
    "
    );
    let binary = ManifestFile {
        path: "a.yaml".parse().unwrap(),
        bytes: b"\xff".to_vec(),
    };
    insta::assert_snapshot!(plan(&[binary], &request(&["a:1"])).unwrap_err(), @"a.yaml can't be read as YAML: line 1: the file is not UTF-8 text");
}

/// What `request` makes of one file; the file itself where nothing changes.
fn edited(text: &str, request: &EditRequest) -> (String, Plan) {
    let plan = plan(&files(&[("web.yaml", text)]), request).unwrap();
    let after = match plan.edits.as_slice() {
        [edit] => String::from_utf8(edit.after.clone()).unwrap(),
        _ => text.to_owned(),
    };
    (after, plan)
}

#[test]
fn an_image_key_anywhere_is_found() {
    for text in [
        "services:\n  web:\n    image: a:1\n",
        "kind: Alertmanager\nspec:\n  image: a:1\n  version: v0\n",
        "- image: a:1\n",
        "x: &i\n  image: a:1\n",
    ] {
        check(text, &["a:2"], &text.replace("a:1", "a:2"));
    }
}

const NEW: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const OLD: &str = "sha256:fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210";

/// Checks one file against `images`, where `OLD` and `NEW` stand for digests. Gives the notes.
#[track_caller]
fn check_pinned(before: &str, image: &str, after: &str) -> String {
    let fill = |text: &str| text.replace("OLD", OLD).replace("NEW", NEW);
    let (text, plan) = edited(&fill(before), &request(&[&fill(image)]));
    assert_eq!(text, fill(after));
    for change in &plan.images {
        assert!(
            change.new.contains(&fill(image)) || image.starts_with("a@"),
            "{change:?}"
        );
    }
    let notes: Vec<String> = plan.notes.into_iter().map(|note| note.text).collect();
    notes.join("; ").replace(OLD, "OLD").replace(NEW, "NEW")
}

#[test]
fn helm_values_that_split_an_image_are_found() {
    for (before, image, after) in [
        (
            "image:\n  repository: a\n  tag: v1\n",
            "a:v2",
            "image:\n  repository: a\n  tag: v2\n",
        ),
        (
            "image: {registry: r.io, repository: a, tag: v1}",
            "r.io/a:v2",
            "image: {registry: r.io, repository: a, tag: v2}",
        ),
        (
            "image:\n  registry: ''\n  repository: a\n  tag: 1.10\n",
            "a:1.11",
            "image:\n  registry: ''\n  repository: a\n  tag: \"1.11\"\n",
        ),
        (
            "image:\n  name: a\n  version: v1\n",
            "a:v2",
            "image:\n  name: a\n  version: v2\n",
        ),
        (
            "web:\n  image: a\n  tag: v1\n",
            "a:v2",
            "web:\n  image: a\n  tag: v2\n",
        ),
        (
            "image:\n  repository: a\n  tag:\n",
            "a:v2",
            "image:\n  repository: a\n  tag: v2\n",
        ),
        (
            "image:\n  repository: a # b\n  pullPolicy: x\n",
            "a:v2",
            "image:\n  repository: a # b\n  tag: v2\n  pullPolicy: x\n",
        ),
        (
            "base: &b\n  repository: a\nimage:\n  <<: *b\n  tag: v1\n",
            "a:v2",
            "base: &b\n  repository: a\nimage:\n  <<: *b\n  tag: v2\n",
        ),
    ] {
        check(before, &[image], after);
    }
}

#[test]
fn a_tag_is_that_of_one_image() {
    let images = |text: &str| {
        let [file] = &files(&[("web.yaml", text)])[..] else {
            unreachable!()
        };
        let held = images_in(file).unwrap().into_iter();
        held.map(|held| held.image).collect::<Vec<_>>().join(" ")
    };
    for (text, held) in [
        (
            "images:\n- {name: web, image: acme/web, tag: v1}\n",
            "acme/web:v1",
        ),
        ("image: {name: web, image: web, tag: v1}\n", "web:v1"),
        (
            "image: {name: acme/web, image: v1, tag: v2}\n",
            "acme/web:v2",
        ),
        (
            "image: {name: acme/web, image: v1, tag: 'acme/web:'}\n",
            "acme/web:acme/web:",
        ),
        (
            "image: {name: acme/web, image: acme/api:v1, tag: v2}\n",
            "acme/web:v2 acme/api:v1",
        ),
        (
            "image: {name: acme/web, image: api, imageTag: v1, tag: v2}\n",
            "acme/web:v2 api:v1",
        ),
        ("image: {imageName: acme/web, tag: v1}\n", "acme/web:v1"),
        (
            "image: {registry: r.io, name: acme/web, dockerImage: acme/api, tag: v1}\n",
            "r.io/acme/web:v1",
        ),
        (
            "k: {dockerImage: acme/web, imageTag: v1, repository: r.io/acme/web}\n",
            "r.io/acme/web:v1",
        ),
        (
            "k: {dockerImage: acme/api, imageTag: v1, repository: acme/web, tag: v2}\n",
            "acme/web:v2 acme/api:v1",
        ),
        ("k: {imageTag: acme/web, image_tag: acme/web@sha256}\n", ""),
    ] {
        assert_eq!(images(text), held, "{text}");
    }
}

#[test]
fn what_only_looks_like_a_split_image_is_left_alone() {
    for text in [
        "dependencies:\n- name: a\n  version: 1.0.0\n  repository: https://a\n",
        "name: a\nversion: 1.0.0\n",
        "repository: a\n",
        "image: a:1\ntag: x\n",
    ] {
        let held = refusal(text, &["a:1.1"].map(|_| "b:1.1"));
        assert!(!held.contains("1.0.0") && !held.contains("a:x"), "{held}");
    }
    check("image: a:1\ntag: x\n", &["a:2"], "image: a:2\ntag: x\n");
}

#[test]
fn no_digest_in_helm_values_outlives_its_tag() {
    let split = "image:\n  repository: a\n  tag: v1\n  digest: OLD\n";
    insta::assert_snapshot!(
        [
            check_pinned(split, "a:v2", "image:\n  repository: a\n  tag: v2\n  digest: \"\"\n"),
            check_pinned(split, "a:v2@NEW", "image:\n  repository: a\n  tag: v2\n  digest: NEW\n"),
            check_pinned(split, "a@NEW", "image:\n  repository: a\n  tag: v1\n  digest: NEW\n"),
            check_pinned("image: {repository: a, tag: v1@OLD}", "a:v2", "image: {repository: a, tag: v2}"),
            check_pinned("image: {repository: a, tag: v1@OLD}", "a:v2@NEW", "image: {repository: a, tag: v2@NEW}"),
            check_pinned("image: {repository: a, tag: v1}", "a@NEW", "image: {repository: a, tag: v1@NEW}"),
        ]
        .join("\n"),
        @"
    the digest OLD goes: it would keep the old image in force

    the tag v1 stays, but the digest beside it decides
    the digest OLD goes: it would keep the old image in force

    the tag v1 stays, but the digest beside it decides
    "
    );
    let sha = NEW.trim_start_matches("sha256:");
    let (text, _) = edited(
        "image: {repository: a, tag: v1, sha: ''}",
        &request(&[&format!("a:v2@{NEW}")]),
    );
    assert_eq!(
        text,
        format!("image: {{repository: a, tag: v2, sha: '{sha}'}}")
    );
    insta::assert_snapshot!(
        refusal("image: {repository: a, tag: ''}", &[&format!("a@{NEW}")]),
        @"web.yaml, line 1: the image a has no place for a digest alone: ask for NAME:TAG@DIGEST"
    );
}

#[test]
fn kustomize_entries_are_found_by_both_names() {
    let text =
        "images:\n- name: web\n  newName: ghcr.io/o/web\n  newTag: v1\n- name: b\n  newTag: v1\n";
    check(text, &["web:v2"], &text.replacen("v1", "v2", 1));
    check(text, &["ghcr.io/o/web:v2"], &text.replacen("v1", "v2", 1));
    check(text, &["web:1.10"], &text.replacen("v1", "\"1.10\"", 1));
    check(
        "images:\n  - name: web\n    newName: o/web\n",
        &["web:v2"],
        "images:\n  - name: web\n    newName: o/web\n    newTag: v2\n",
    );
    let plan = plan_one(text, &["web:v2"]).unwrap();
    assert_eq!(
        (plan.images[0].old.as_str(), plan.images[0].new.as_str()),
        ("ghcr.io/o/web:v1", "ghcr.io/o/web:v2")
    );
}

#[test]
fn no_digest_of_a_kustomize_entry_outlives_its_tag() {
    let tag = "images:\n- name: a\n  newTag: v1 # t\n";
    let digest = "images:\n- name: a\n  digest: OLD # d\n";
    let both = "images:\n- name: a\n  newTag: v1\n  digest: OLD\n";
    insta::assert_snapshot!(
        [
            check_pinned(tag, "a:v2", "images:\n- name: a\n  newTag: v2 # t\n"),
            check_pinned(tag, "a@NEW", "images:\n- name: a\n  digest: NEW # t\n"),
            check_pinned(tag, "a:v2@NEW", "images:\n- name: a\n  newTag: v2@NEW # t\n"),
            check_pinned(digest, "a:v2", "images:\n- name: a\n  newTag: v2 # d\n"),
            check_pinned(digest, "a@NEW", "images:\n- name: a\n  digest: NEW # d\n"),
            check_pinned(digest, "a:v2@NEW", "images:\n- name: a\n  newTag: v2@NEW # d\n"),
            check_pinned(both, "a:v2", "images:\n- name: a\n  newTag: v2\n  digest: \"\"\n"),
            check_pinned(both, "a@NEW", "images:\n- name: a\n  newTag: v1\n  digest: NEW\n"),
            check_pinned(both, "a:v2@NEW", "images:\n- name: a\n  newTag: v2\n  digest: NEW\n"),
            check_pinned("image: a:v1@OLD", "a:v2", "image: a:v2"),
        ]
        .join("\n"),
        @"



    the digest OLD goes: it would keep the old image in force


    the digest OLD goes: it would keep the old image in force
    the tag v1 stays, but the digest beside it decides

    the digest OLD goes: it would keep the old image in force
    "
    );
}

#[test]
fn a_path_names_the_place_of_the_image() {
    let with_path = |images: &[&str], paths: &[&str]| EditRequest {
        paths: lines(paths),
        ..request(images)
    };
    for (before, path, image, after) in [
        (
            "app:\n  runs: a\n",
            "app.runs",
            "a:2",
            "app:\n  runs: a:2\n",
        ),
        (
            "app:\n  runs: b:1\n  image: a:1\n",
            ".app.runs",
            "a:2",
            "app:\n  runs: a:2\n  image: a:1\n",
        ),
        (
            "app: {repository: b, tag: v1}\n",
            "app",
            "r.io/a:v2",
            "app: {repository: r.io/a, tag: v2}\n",
        ),
        (
            "app: {registry: q, repository: b, tag: v1}\n",
            "app",
            "r.io/x/a:v2",
            "app: {registry: r.io, repository: x/a, tag: v2}\n",
        ),
        (
            "images:\n- name: a\n  newTag: v1\n",
            "images[0]",
            "r.io/a:v2",
            "images:\n- name: a\n  newName: r.io/a\n  newTag: v2\n",
        ),
        ("image: {tag: v1}", "image", "a:v2", "image: {tag: v2}"),
        (
            "app: {version: v1}",
            "app.version",
            "a:v2",
            "app: {version: v2}",
        ),
        (
            "image: {repository: a, tag: v1}",
            "image.tag",
            "a:v2",
            "image: {repository: a, tag: v2}",
        ),
        (
            "spec: {containers: [{name: web, image: b:1}]}",
            "spec.containers[name=web]",
            "a:2",
            "spec: {containers: [{name: web, image: a:2}]}",
        ),
    ] {
        assert_eq!(edited(before, &with_path(&[image], &[path])).0, after);
    }
    let two = "one: a:1\ntwo: b:1\n";
    let request = with_path(&["a:2", "b:2"], &["one", "two"]);
    assert_eq!(edited(two, &request).0, "one: a:2\ntwo: b:2\n");
    insta::assert_snapshot!(
        [
            ("image: {repository: b, tag: v1}", "image.tag"),
            ("image: {repository: b, tag: v1}", "image.repository"),
            ("a: [b]", "a"),
            ("a: &x b:1\nc: *x\nd: *x", "c"),
            ("kind: Pod\n---\nkind: Pod\n", "kind"),
        ]
        .map(|(text, path)| plan(&files(&[("web.yaml", text)]), &with_path(&["a:2"], &[path])).unwrap_err().to_string())
        .join("\n"),
        @r#"
        web.yaml, line 1: the image b:v1 belongs to another repository than the one asked for: to write the tag alone all the same, use `set: .image.tag="2"`
        web.yaml, line 1: the image is only a part of an image, "repository": name the mapping around it with `path`, or write the part with `set`
        web.yaml, line 1: the image is a list or a mapping where the image should be a string: name what is in it with `path`
        web.yaml, line 2: the image b:1 is written at the anchor on line 1, where others read it that were not asked for (line 3): to change it for all of them, add the line `.a=a:2` to `set`
        web.yaml has .kind in 2 documents (lines 1, 3): write `0:.kind` or `1:.kind`
        "#
    );
}

fn setting(set: &[&str]) -> EditRequest {
    EditRequest {
        set: lines(set),
        ..EditRequest::default()
    }
}

#[test]
fn values_of_any_style_are_set() {
    for (before, set, after) in [
        (
            "spec: {replicas: 2}",
            "spec.replicas=3",
            "spec: {replicas: 3}",
        ),
        ("a: '2'", "a=3", "a: '3'"),
        ("a: 2", "a=\"3\"", "a: \"3\""),
        ("a: '2'", "a=v3", "a: 'v3'"),
        ("a: x # y", "a=on", "a: \"on\" # y"),
        (
            "a: |\n  x\n  y\nb: c\n",
            "a=\"v\\nw\\n\"",
            "a: |\n  v\n  w\nb: c\n",
        ),
        ("a:\n", "a=v", "a: v\n"),
        ("m:\n  a: b\n", ".m.k:=v", "m:\n  a: b\n  k: v\n"),
        (
            "m:\n  a: b\n",
            ".m[\"k.l/m\"]:=3",
            "m:\n  a: b\n  k.l/m: 3\n",
        ),
        ("m:\n  a: b\n", ".m.a:=v", "m:\n  a: v\n"),
        (
            "kind: A\nx: 1\n---\nkind: B\nx: 1\n",
            "1:.x=2",
            "kind: A\nx: 1\n---\nkind: B\nx: 2\n",
        ),
        (
            "kind: A\nmetadata: {name: n}\nx: 1\n---\nx: 1\n",
            "A/n:.x=2",
            "kind: A\nmetadata: {name: n}\nx: 2\n---\nx: 1\n",
        ),
    ] {
        assert_eq!(edited(before, &setting(&[set])).0, after, "{set}");
    }
    let (_, plan) = edited("m:\n  a: b\n", &setting(&[".m.k:=v", "m.a=c"]));
    let changes: Vec<_> = plan
        .values
        .iter()
        .map(|v| (v.path.as_str(), v.old.as_deref(), v.new.as_deref()))
        .collect();
    assert_eq!(
        changes,
        [(".m.k", None, Some("v")), (".m.a", Some("b"), Some("c"))]
    );
}

#[test]
fn a_path_that_meets_nothing_says_how_far_it_led_and_what_is_there() {
    let text = "spec:\n  template: {a: b}\n  list: [{name: x}, {name: y}]\n  none:\n  text: long text\nbase: &b {c: d}\nother: *b\n";
    insta::assert_snapshot!(
        [
            "sepc.x=1", "spec.templat.spec=1", "spec.list[2]=1", "spec.list[name=z].a=1", "spec.list.a=1",
            "spec.none.a=1", "spec.text.a=1", "spec=1", "spec.list=1", "5:.spec=1",
            "spec.text.x:=1", "spec.list[3]:=1", "spec.list[name=z]:=1",
        ]
        .map(|set| plan(&files(&[("web.yaml", text)]), &setting(&[set])).unwrap_err().to_string())
        .join("\n"),
        @r#"
        web.yaml has nothing at .sepc.x: its top level (line 1) has the keys spec, base, other
        web.yaml has nothing at .spec.templat.spec: .spec (line 2) has the keys template, text, none, list
        web.yaml has nothing at .spec.list[2]: .spec.list (line 3) is a list of 2 items: choose one as in [0] or [name=web], or append one with [+]
        web.yaml has nothing at .spec.list[name=z].a: .spec.list (line 3) is a list in which name is x, y
        web.yaml has nothing at .spec.list.a: .spec.list (line 3) is a list of 2 items: choose one as in [0] or [name=web], or append one with [+]
        web.yaml has nothing at .spec.none.a: .spec.none (line 5) is empty
        web.yaml has nothing at .spec.text.a: .spec.text (line 5) is the value "long text"
        web.yaml, line 2: .spec is a mapping: name one of its keys, or write a mapping as in {a: b}
        web.yaml, line 3: .spec.list is a list: name one of its items, or write a list as in [a, b]
        web.yaml has no document for 5:.spec; there is document 0
        web.yaml has nothing at .spec.text.x: .spec.text (line 5) is the value "long text"
        web.yaml has nothing at .spec.list[3]: .spec.list (line 3) is a list of 2 items: choose one as in [0] or [name=web], or append one with [+]
        web.yaml has nothing at .spec.list[name=z]: .spec.list (line 3) is a list in which name is x, y
        "#
    );
}

#[test]
fn lines_of_set_and_image_do_not_overwrite_each_other() {
    let request = EditRequest {
        set: lines(&["image=b:1"]),
        ..request(&["a:2"])
    };
    insta::assert_snapshot!(plan(&files(&[("web.yaml", "image: a:1")]), &request).unwrap_err(), @"web.yaml, line 1: two lines of the request want different values at .image");
}

#[test]
fn a_resource_line_leaves_the_other_objects_alone() {
    let text = "kind: Pod\nmetadata: {name: one}\nimage: a:1\n---\nkind: List\nitems:\n- kind: Pod\n  metadata: {name: two}\n  image: a:1\n";
    let only = |resource: &str, image: &str| EditRequest {
        resources: lines(&[resource]),
        ..request(&[image])
    };
    assert_eq!(
        edited(text, &only("Pod/one", "a:2")).0,
        text.replacen("a:1", "a:2", 1)
    );
    assert_eq!(edited(text, &only("Pod/two", "a:2")).1.images.len(), 1);
    let refusal = |request| plan(&files(&[("web.yaml", text)]), &request).unwrap_err();
    insta::assert_snapshot!(refusal(only("Pod/tow", "a:2")), @"web.yaml has no Pod/tow; there is Pod/two, Pod/one");
    insta::assert_snapshot!(refusal(only("Pod/one", "b:2")), @"
    web.yaml holds no image b. What is there, nearest first:
    - a:1 (Pod/one, web.yaml line 3, .image)
    ");
}

#[test]
fn aliases_that_change_along_are_noted() {
    let text = "base: &b\n  image: a:1\none: *b\ntwo: *b\n";
    let (after, plan) = edited(text, &request(&["a:2"]));
    assert_eq!(after, text.replace("a:1", "a:2"));
    assert_eq!(plan.notes.len(), 1);
    insta::assert_snapshot!(plan.notes[0].text, @"this carries an anchor, so its aliases change with it: lines 3, 4");
    assert_eq!(plan.notes[0].line, 2);
}

/// The warnings of a plan for several files, one a line.
fn warned(texts: &[(&str, &str)], images: &[&str]) -> String {
    let plan = plan(&files(texts), &request(images)).unwrap();
    plan.warnings.join("\n")
}

#[test]
fn places_that_are_made_alike_are_told_apart_by_what_differs() {
    let deployment = |name: &str, containers: &str| {
        format!(
            "kind: Deployment\nmetadata: {{name: {name}}}\nspec:\n  containers: [{containers}]\n"
        )
    };
    let (one, other) = (
        "{name: app, image: 'a/b:v1'}",
        "{name: app, image: 'a/b:v2'}",
    );
    let of_two = [deployment("web", one), deployment("api", other)].join("---\n");
    let of_one = deployment("web", &format!("{one}, {}", other.replace("app", "log")));
    let advice = |texts: &[(&str, &str)], line: &str| {
        let warning = warned(texts, &[line]);
        let (_, advice) = warning.split_once("not meant, ").unwrap();
        advice.to_owned()
    };
    let object = "name the object (`resource: Deployment/web`), or the place with `path`";
    assert_eq!(advice(&[("a.yaml", &of_two)], "a/b:v3"), object);
    assert_eq!(advice(&[("a.yaml", &of_two)], "app=a/b:v3"), object);
    assert_eq!(
        advice(&[("a.yaml", &of_one)], "a/b:v3"),
        "name the container (CONTAINER=IMAGE), or the place with `path`"
    );
    let values = [("a.yaml", "image: a/b:v1\n"), ("b.yaml", "image: a/b:v2\n")];
    assert_eq!(advice(&values, "a/b:v3"), "name the place with `path`");
}

#[test]
fn a_named_file_without_a_place_for_the_image_is_told_of() {
    let with = ("a.yaml", "image: acme/web:v1\n");
    let without = ("b.yaml", "image: acme/wbe:v1\n");
    assert_eq!(
        warned(&[with, without], &["acme/web:v2"]),
        "b.yaml has no place for what is asked for, and stays as it is; the nearest image there is acme/wbe:v1 (b.yaml line 1, .image)"
    );
    assert_eq!(
        warned(
            &[with, ("b.yaml", "v: |\n  image: acme/web:v1\n")],
            &["acme/web:v2"]
        ),
        ""
    );
    // What is passed over there is told of by itself, and what holds the image already is meant.
    assert!(
        !warned(&[with, ("b.yaml", "image: acme/web\n")], &["acme/web:v2"]).contains("no place")
    );
    let held = ("b.yaml", "image: acme/web:v2\n");
    assert!(!warned(&[with, held], &["acme/web:v2"]).contains("no place"));
    let set = EditRequest {
        set: lines(&[".replicas=3"]),
        ..request(&["acme/web:v2"])
    };
    let both = [with, ("b.yaml", "replicas: 1\n"), ("c.yaml", "a: 1\n")];
    let of_set = plan(&files(&both), &set).unwrap();
    assert_eq!(
        of_set.warnings,
        ["c.yaml has no place for what is asked for, and stays as it is"]
    );
    let by_glob = EditRequest {
        found_by_glob: ["b.yaml".parse().unwrap()].into(),
        ..request(&["acme/web:v2"])
    };
    let plan = plan(&files(&[with, without]), &by_glob).unwrap();
    assert_eq!(plan.warnings, Vec::<String>::new());
}

#[test]
fn a_value_is_told_of_where_it_is_written() {
    for (text, set, resource, path) in [
        ("a: |\n  b: 1\n", ".a.c.d:=2", "web.yaml", ".a.c.d"),
        ("a: |\n  b: |\n    c: 1\n", ".a.b.c=2", "web.yaml", ".a.b.c"),
        ("a: &a {b: 1}\nc: *a\n", ".c.d:=2", "web.yaml", ".a.d"),
        (
            "kind: List\nitems:\n- kind: A\n  metadata: {name: x}\n",
            "A/x:.spec.n:=2",
            "A/x",
            ".items[0].spec.n",
        ),
        ("a: [x]\n", ".a[1]:=y", "web.yaml", ".a[1]"),
        (
            "a:\n- name: x\n",
            ".a[name=z].b:=y",
            "web.yaml",
            ".a[name=z].b",
        ),
    ] {
        let request = EditRequest {
            set: lines(&[set]),
            ..EditRequest::default()
        };
        let plan = plan(&files(&[("web.yaml", text)]), &request).unwrap();
        let [value] = plan.values.as_slice() else {
            panic!("{set}")
        };
        assert_eq!(
            (value.resource.as_str(), value.path.as_str()),
            (resource, path),
            "{set}"
        );
        // What compares the two versions tells it of the same place.
        let edit = &plan.edits[0];
        let versions = Versions::new(&edit.path, Some(&edit.before), Some(&edit.after));
        let told = versions.values();
        let is_it = |other: &&ValueChange| {
            (&other.resource, &other.new) == (&value.resource, &value.new)
                && (other.path == value.path || path.contains("name="))
        };
        assert!(told.iter().any(|other| is_it(&other)), "{set}: {told:?}");
    }
}

#[test]
fn a_name_that_is_read_by_an_alias_changes_along() {
    let text = "global:\n  image: &img\n    repository: acme/web\nweb:\n  image: *img\n";
    let plan = plan_one(text, &["acme/web:v2"]).unwrap();
    assert_eq!(plan.warnings, Vec::<String>::new());
    let notes: Vec<&str> = plan.notes.iter().map(|note| note.text.as_str()).collect();
    assert_eq!(
        notes,
        ["this carries an anchor, so its aliases change with it: line 5"]
    );
}

/// The chart puts it before all images that name no registry themselves.
#[test]
fn a_global_registry_is_part_of_what_runs() {
    for image in [
        "image: {repository: acme/web, tag: v1}\n",
        "image:\n  repository: acme/web\n  digest: \"\"\n  tag: v1\n",
    ] {
        let text = format!("global: {{imageRegistry: r.io}}\n{image}");
        for asked in ["acme/web:v2", "r.io/acme/web:v2"] {
            let plan = plan_one(&text, &[asked]).unwrap();
            let told = (&*plan.images[0].old, &*plan.images[0].new);
            assert_eq!(told, ("r.io/acme/web:v1", "r.io/acme/web:v2"), "{asked}");
            let after = String::from_utf8(plan.edits[0].after.clone()).unwrap();
            assert_eq!(after, text.replace("v1", "v2"), "{asked}");
        }
        let refused = plan_one(&text, &["docker.io/acme/web:v2"]).unwrap_err();
        assert_eq!(refused.reason(), "global registry", "{refused}");
    }
    // What has one of its own has none before it.
    let text = "global: {imageRegistry: r.io}\nimage: {repository: docker.io/acme/web, tag: v1}\n";
    for asked in ["acme/web:v2", "docker.io/acme/web:v2"] {
        let plan = plan_one(text, &[asked]).unwrap();
        assert_eq!(plan.images[0].new, "docker.io/acme/web:v2", "{asked}");
    }
}

/// What is told, checked and recorded is the image that Kustomize puts in.
#[test]
fn an_entry_that_gets_another_name_by_set_is_told_with_it() {
    let text = "kind: Kustomization\nimages:\n- name: web\n  newTag: v1\n";
    let request = EditRequest {
        set: lines(&[".images[name=web].newName:=ghcr.io/acme/web"]),
        ..request(&["web:v2"])
    };
    let plan = plan(&files(&[("kustomization.yaml", text)]), &request).unwrap();
    let told = (&*plan.images[0].old, &*plan.images[0].new);
    assert_eq!(told, ("web:v1", "ghcr.io/acme/web:v2"));
}

#[test]
fn what_set_writes_tells_its_images() {
    let values = "image: {repository: acme/web, tag: v1, pullPolicy: Always}\nside: {image: nginx:1.27}\nreplicas: 2\n";
    let kustomization = "images:\n- name: acme/web\n  newTag: v1\n";
    let shared = "t: &t v1\na: {image: {repository: acme/a, tag: *t}}\nb: {image: acme/b:v1}\n";
    for (path, text, set, expected) in [
        (
            "values.yaml",
            values,
            ".image.tag=v2",
            "acme/web:v1 acme/web:v2",
        ),
        // It is there already.
        (
            "values.yaml",
            values,
            ".image.tag=v1",
            "acme/web:v1 acme/web:v1",
        ),
        (
            "values.yaml",
            values,
            ".side.image=nginx:1.28",
            "nginx:1.27 nginx:1.28",
        ),
        (
            "values.yaml",
            values,
            ".image={repository: acme/web, tag: v1}",
            "acme/web:v1 acme/web:v1",
        ),
        ("values.yaml", values, ".image.pullPolicy=Never", ""),
        ("values.yaml", values, ".replicas=3", ""),
        (
            "kustomization.yaml",
            kustomization,
            ".images[name=acme/web].newTag=v2",
            "acme/web:v1 acme/web:v2",
        ),
        ("values.yaml", shared, ".t=v2", "acme/a:v1 acme/a:v2"),
        ("values.yaml", shared, ".t=v1", "acme/a:v1 acme/a:v1"),
        (
            "values.yaml",
            "replicas: 2\n",
            ".image:=acme/web:v1",
            " acme/web:v1",
        ),
        // Of which image it is, nothing says.
        ("values.yaml", "image: {tag: v1}\n", ".image.tag=v2", ""),
    ] {
        let plan = plan(&files(&[(path, text)]), &setting(&[set])).unwrap();
        let images = plan.set_images.iter();
        let images = images.map(|image| format!("{} {}", image.old, image.new));
        assert_eq!(images.collect::<Vec<_>>().join(", "), expected, "{set}");
    }
    // What an image line is about is told as that.
    let request = EditRequest {
        images: lines(&["acme/web:v2"]),
        set: lines(&[".image.pullPolicy=Never", ".replicas=3"]),
        ..EditRequest::default()
    };
    let plan = plan(&files(&[("values.yaml", values)]), &request).unwrap();
    assert_eq!((plan.images.len(), plan.set_images.len()), (1, 0));
}
