//! What a line of `path` leads to is what is written, and nothing else.

use super::{EditRequest, ManifestFile, plan};

/// What lines make of one file: those with `path ` or `set ` before them, others are images.
fn planned(text: &str, lines: &[&str]) -> Result<String, String> {
    let mut request = EditRequest::default();
    for line in lines {
        match line.split_once(' ') {
            Some(("path", path)) => request.paths.push(path.parse().unwrap()),
            Some(("set", set)) => request.set.push(set.parse().unwrap()),
            Some(("remove", path)) => request.remove.push(path.parse().unwrap()),
            _ => request.images.push(line.parse().unwrap()),
        }
    }
    let file = ManifestFile {
        path: "k.yaml".parse().unwrap(),
        bytes: text.as_bytes().to_vec(),
    };
    let mut plan = plan(&[file], &request).map_err(|error| error.to_string())?;
    let edit = plan.edits.pop();
    Ok(edit.map_or(text.to_owned(), |edit| {
        String::from_utf8(edit.after).unwrap()
    }))
}

#[track_caller]
fn check(before: &str, lines: &[&str], after: &str) {
    assert_eq!(planned(before, lines).as_deref(), Ok(after), "{lines:?}");
    assert_eq!(planned(after, lines).as_deref(), Ok(after), "a second time");
}

#[test]
fn a_text_that_is_no_reference_is_a_tag_whatever_it_looks_like() {
    for old in [
        "1.2.3",
        "v1",
        "sha-abc1234",
        "main-abc1234-1700000000",
        "v1.2.3-rc.1",
        "latest",
        "main",
        "'1.10'",
        "20241126",
        "''",
    ] {
        for (front, path) in [
            ("imageTags:\n  web: ", ".imageTags.web"),
            ("versions:\n  web: ", ".versions.web"),
            ("targetRevision: ", ".targetRevision"),
            ("gitCommit: ", ".gitCommit"),
            ("web:\n  build: ", ".web.build"),
            (
                "env:\n- name: WEB_REVISION\n  value: ",
                ".env[name=WEB_REVISION].value",
            ),
        ] {
            let quote = if old.starts_with('\'') { "'" } else { "" };
            check(
                &format!("{front}{old}\n"),
                &["acme/web:v2", &format!("path {path}")],
                &format!("{front}{quote}v2{quote}\n"),
            );
        }
    }
    for (old, new) in [
        ("ghcr.io/acme/web:v1", "ghcr.io/acme/web:v2"),
        ("acme/old:v1", "ghcr.io/acme/web:v2"),
        ("web", "ghcr.io/acme/web:v2"),
        ("''", "'ghcr.io/acme/web:v2'"),
        ("sha-abc1234", "v2"),
        ("main", "v2"),
        ("'3'", "'v2'"),
    ] {
        let lines = ["ghcr.io/acme/web:v2", "path .runs"];
        check(&format!("runs: {old}\n"), &lines, &format!("runs: {new}\n"));
    }
    for text in [
        "runs: 3\n",
        "runs: true\n",
        "tags: {runs: true}\n",
        "runs: acme web\n",
        "runs: see acme/web now\n",
    ] {
        let path = if text.starts_with("tags") {
            "path .tags.runs"
        } else {
            "path .runs"
        };
        let refused = planned(text, &["acme/web:v2", path]).unwrap_err();
        assert!(
            refused.contains("and the key says nothing of one"),
            "{refused}"
        );
    }
}

#[test]
fn a_digest_alone_is_written_where_a_path_leads_to_it() {
    let [old, new] = ["a", "b"].map(|digit| format!("sha256:{}", digit.repeat(64)));
    let image = format!("acme/agent:7.61.0@{new}");
    for (front, paths) in [
        (
            "image:\n  digest: ",
            &["path .image", "path .image.digest"][..],
        ),
        ("pins:\n  agent: ", &["path .pins.agent"]),
    ] {
        for path in paths {
            let text = format!("{front}{old}\n");
            check(&text, &[&image, path], &format!("{front}{new}\n"));
            let refused = planned(&text, &["acme/agent:7.61.0", path]).unwrap_err();
            assert!(refused.contains("is a digest alone"), "{refused}");
        }
    }
}

#[test]
fn tags_of_several_images_are_told_apart_by_the_names_on_the_way() {
    let text = "web: {image: {tag: v1}}\nweb-api: {image: {tag: v1}}\nother: {image: {tag: v1}}\n";
    check(
        text,
        &[
            "acme/web:v2",
            "acme/web-api:v3",
            "path .web.image",
            "path .web-api.image",
        ],
        "web: {image: {tag: v2}}\nweb-api: {image: {tag: v3}}\nother: {image: {tag: v1}}\n",
    );
    let lines = [
        "acme/web:v2",
        "acme/web-api:v3",
        "path .web.image",
        "path .other.image",
    ];
    let refused = planned(text, &lines).unwrap_err();
    assert!(refused.contains("holds no image acme/web-api"), "{refused}");
}

#[test]
fn a_path_may_choose_an_item_by_the_very_value_that_changes() {
    let text = "services:\n- name: docker:27\n  alias: docker\n- name: redis:7\n";
    let after = "services:\n- name: docker:28\n  alias: docker\n- name: redis:8\n";
    let by_name = [
        "docker:28",
        "redis:8",
        "path .services[name=\"docker:27\"].name",
        "path .services[name=\"redis:7\"].name",
    ];
    assert_eq!(planned(text, &by_name).as_deref(), Ok(after));
    let removed = planned(
        text,
        &[
            "redis:8",
            "path .services[name=\"redis:7\"].name",
            "remove .services[0].alias",
        ],
    );
    assert_eq!(
        removed.as_deref(),
        Ok("services:\n- name: docker:27\n- name: redis:8\n")
    );
    let inside = "a: |\n  steps:\n  - name: docker:27\n";
    let lines = ["docker:28", "path .a.steps[name=\"docker:27\"].name"];
    assert_eq!(
        planned(inside, &lines).as_deref(),
        Ok("a: |\n  steps:\n  - name: docker:28\n")
    );
}

#[test]
fn a_path_that_leads_there_once_is_told_with_one_that_leads_there_again() {
    let text = "services:\n- name: docker:27\n- name: redis:7\n";
    let path = "path .services[name=\"docker:27\"].name";
    let refused = planned(&text.replace("27", "28"), &["docker:29", path]).unwrap_err();
    assert!(refused.contains("has nothing at"), "{refused}");
    let file = ManifestFile {
        path: "k.yaml".parse().unwrap(),
        bytes: text.as_bytes().to_vec(),
    };
    let request = |path: &str| EditRequest {
        images: vec!["docker:28".parse().unwrap()],
        paths: vec![path.parse().unwrap()],
        ..EditRequest::default()
    };
    let files = [file];
    let warnings = |path| plan(&files, &request(path)).unwrap().warnings.join("\n");
    insta::assert_snapshot!(warnings(".services[name=\"docker:27\"].name"), @r#"
    k.yaml line 2: the path .services[name="docker:27"].name chooses the item by the very value that changes, and leads there once: write `path: .services[0].name`
    "#);
    assert_eq!(warnings(".services[0].name"), "");
}

#[test]
fn a_name_behind_a_registry_of_elsewhere_keeps_it_there() {
    for (text, image, path) in [
        (
            "hub: docker.io/istio\ntag: v1\nimage: pilot\n",
            "docker.io/istio/pilot:v2",
            ".image",
        ),
        (
            "hub: docker.io/istio\ntag: v1\nimage: pilot\n",
            "docker.io/istio/pilot:v2",
            ".tag",
        ),
        (
            "registry: gcr.io/dd\nagents:\n  image: {name: agent, tag: v1}\n",
            "gcr.io/dd/agent:v2",
            ".agents.image",
        ),
        (
            "registry: gcr.io/dd\nagents:\n  image: {name: agent, tag: v1}\n",
            "gcr.io/dd/agent:v2",
            ".agents.image.tag",
        ),
    ] {
        check(
            text,
            &[image, &format!("path {path}")],
            &text.replace("v1", "v2"),
        );
    }
    check(
        "hub: docker.io/istio\ntag: v1\nimage: pilot\n",
        &["acme/pilot:v2", "path .image"],
        "hub: docker.io/istio\ntag: v2\nimage: acme/pilot\n",
    );
}

#[test]
fn two_spellings_of_one_image_are_one_wish() {
    let text = "containers:\n- image: nginx:v1\n- image: docker.io/library/nginx:v1\n";
    let lines = ["nginx:v2", "docker.io/library/nginx:v2"];
    let after = planned(text, &lines).unwrap();
    assert_eq!(after.matches("nginx:v2").count(), 2, "{after}");
    let refused = planned(text, &["nginx:v2", "docker.io/library/nginx:v3"]).unwrap_err();
    assert!(refused.contains("keep one of the two lines"), "{refused}");
}

#[test]
fn what_is_advised_for_an_anchor_stays_a_text() {
    let text = "v: &v 1.9\nport: *v\na:\n  image: {repository: acme/web, tag: *v}\n";
    let refused = planned(text, &["acme/web:1.10"]).unwrap_err();
    assert!(
        refused.contains("add the line `.v=\"1.10\"` to `set`"),
        "{refused}"
    );
    for set in ["set .v=\"1.10\"", "set .v=1.10"] {
        let after = text.replace("1.9", "\"1.10\"");
        check(text, &["acme/web:1.10", set], &after);
    }
    let behind = format!("a: b\n---\n{text}");
    let refused = planned(&behind, &["acme/web:v2"]).unwrap_err();
    assert!(
        refused.contains("add the line `1:.v=v2` to `set`"),
        "{refused}"
    );
}

#[test]
fn what_stands_around_a_reference_that_is_named_stays() {
    for (text, path, registry) in [
        (
            "args:\n- --solver-image=quay.io/acme/web:v1\n",
            ".args[0]",
            "quay.io/",
        ),
        (
            "environment:\n- WEB_IMAGE=acme/web:v1\n",
            ".environment[0]",
            "",
        ),
        ("url: oci://ghcr.io/acme/web:v1\n", ".url", "ghcr.io/"),
        ("url: docker-image://acme/web:v1 # which\n", ".url", ""),
        ("images: 'acme/api:v1,acme/web:v1'\n", ".images", ""),
        (
            "cfg: '{\"image\":\"localhost:5000/acme/web:v1\"}'\n",
            ".cfg",
            "localhost:5000/",
        ),
    ] {
        let lines = [format!("{registry}acme/web:v2"), format!("path {path}")];
        check(
            text,
            &[&lines[0], &lines[1]],
            &text.replace("web:v1", "web:v2"),
        );
    }
    for text in [
        "x: acme/web:v1,ghcr.io/acme/web:v1\n",
        "x: --image=acme/api:v1\n",
        "x: git@example.com:acme/web.git,main\n",
    ] {
        let refused = planned(text, &["acme/web:v2", "path .x"]).unwrap_err();
        assert!(
            refused.contains("can't be told what of it to write"),
            "{refused}"
        );
    }
}
