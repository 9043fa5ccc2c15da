//! What a refusal advises works when it is followed, and does no harm.

use super::{EditRequest, ManifestFile, plan};

/// What lines make of one file: those with an input's name before them, others are images.
fn planned(name: &str, text: &str, lines: &[&str]) -> Result<String, String> {
    let mut request = EditRequest::default();
    for line in lines {
        match line.split_once(": ") {
            Some(("path", path)) => request.paths.push(path.parse().unwrap()),
            Some(("set", set)) => request.set.push(set.parse().unwrap()),
            Some(("image", image)) => request.images.push(image.parse().unwrap()),
            _ => request.images.push(line.parse().unwrap()),
        }
    }
    let file = ManifestFile {
        path: name.parse().unwrap(),
        bytes: text.as_bytes().to_vec(),
    };
    let mut plan = plan(&[file], &request).map_err(|error| {
        let advice = error.advice();
        let advice = advice.map_or_else(String::new, |advice| format!(". {advice}"));
        format!("{error}{advice}")
    })?;
    let edit = plan.edits.pop();
    Ok(edit.map_or(text.to_owned(), |edit| {
        String::from_utf8(edit.after).unwrap()
    }))
}

/// Follows what is advised for `image` in `before`, `advice`, and finds `after`.
#[track_caller]
fn follow(before: &str, image: &str, advice: &str, after: &str) {
    let refused = planned("k.yaml", before, &[image]).unwrap_err();
    assert!(refused.contains(&format!("`{advice}`")), "{refused}");
    let lines = match advice.starts_with("path: ") {
        true => vec![image, advice],
        false => vec![advice],
    };
    assert_eq!(planned("k.yaml", before, &lines).as_deref(), Ok(after));
}

#[test]
fn a_tag_beside_a_name_is_advised_and_not_a_whole_image_in_the_name() {
    for (before, image, advice, after) in [
        (
            "defaultAirflowRepository: apache/airflow\ndefaultAirflowTag: '2.10.3'\n",
            "apache/airflow:2.10.4",
            "path: .defaultAirflowTag",
            "defaultAirflowRepository: apache/airflow\ndefaultAirflowTag: '2.10.4'\n",
        ),
        (
            "source:\n  repoURL: oci://ghcr.io/acme/web\n  targetRevision: v1\n",
            "ghcr.io/acme/web:v2",
            "path: .source.targetRevision",
            "source:\n  repoURL: oci://ghcr.io/acme/web\n  targetRevision: v2\n",
        ),
        (
            "env:\n- {name: WEB_REPO, value: acme/web}\n- {name: WEB_TAG, value: v1}\n",
            "acme/web:v2",
            "path: .env[name=WEB_TAG].value",
            "env:\n- {name: WEB_REPO, value: acme/web}\n- {name: WEB_TAG, value: v2}\n",
        ),
        (
            "image:\n  registry: quay.io/\n  repository: acme/web\n  tag: v1\n",
            "quay.io/acme/web:v2",
            "path: .image.tag",
            "image:\n  registry: quay.io/\n  repository: acme/web\n  tag: v2\n",
        ),
        (
            "image:\n  registry: https://quay.io\n  repository: /acme/web\n  tag: v1\n",
            "quay.io/acme/web:v2",
            "path: .image.tag",
            "image:\n  registry: https://quay.io\n  repository: /acme/web\n  tag: v2\n",
        ),
        (
            "other:\n  image: ${REG}/acme/api:v1\n",
            "ghcr.io/acme/api:v2",
            "set: .other.image=${REG}/acme/api:v2",
            "other:\n  image: ${REG}/acme/api:v2\n",
        ),
        (
            "spec:\n  url: oci://ghcr.io/acme/web\n  ref:\n    tag: v1\n",
            "ghcr.io/acme/web:v2",
            "path: .spec.ref.tag",
            "spec:\n  url: oci://ghcr.io/acme/web\n  ref:\n    tag: v2\n",
        ),
        (
            "services:\n- name: docker:27-dind\n",
            "docker:28-dind",
            "path: .services[0].name",
            "services:\n- name: docker:28-dind\n",
        ),
        (
            "spec: {source: {kustomize: {images: [acme/web=mirror.io/web:v1]}}}\n",
            "acme/web:v2",
            "image: acme/web=mirror.io/web:v2",
            "spec: {source: {kustomize: {images: [acme/web=mirror.io/web:v2]}}}\n",
        ),
    ] {
        follow(before, image, advice, after);
    }
}

#[test]
fn an_entry_that_is_asked_for_without_its_registry_is_named_in_full() {
    let entry =
        |parts: &str| format!("kind: Kustomization\nimages:\n- name: ghcr.io/o/web\n{parts}");
    for (before, image, advice, after) in [
        (
            "  newTag: v1\n",
            "web:v2",
            "image: ghcr.io/o/web:v2",
            "  newTag: v2\n",
        ),
        (
            "  newTag: v1\n",
            "o/web:v2",
            "image: ghcr.io/o/web:v2",
            "  newTag: v2\n",
        ),
        (
            "  newName: mirror.io/m/site\n  newTag: v1\n",
            "o/web:v2",
            "image: ghcr.io/o/web=mirror.io/m/site:v2",
            "  newName: mirror.io/m/site\n  newTag: v2\n",
        ),
    ] {
        follow(&entry(before), image, advice, &entry(after));
    }
    let text = entry("  newTag: v1\n- name: quay.io/web\n  newTag: v1\n");
    insta::assert_snapshot!(planned("kustomization.yaml", &text, &["web:v2"]).unwrap_err(), @r#"
    kustomization.yaml has no entry for web in its `images`: the registry and the owner are part of its name. Did you mean `image: ghcr.io/o/web:v2` or `image: quay.io/web:v2`? Only where the manifests have it without them, put the line `.images[name=web].newTag:=v2` into `set`, in place of the line in `image`; from then on `image` does it without it
    Images there, nearest first:
    - ghcr.io/o/web:v1 (Kustomization, kustomization.yaml line 3, .images[name="ghcr.io/o/web"])
    - quay.io/web:v1 (Kustomization, kustomization.yaml line 5, .images[name="quay.io/web"])
    "#);
}

#[test]
fn a_template_of_a_chart_is_told_with_the_charts_values() {
    let deployment = |image: &str| {
        format!(
            "kind: Deployment\nmetadata: {{name: web}}\nspec:\n  containers:\n  - name: web\n    image: {image}\n"
        )
    };
    for (file, image, values) in [
        (
            "charts/web/templates/deployment.yaml",
            "\"{{ .Values.image.repository }}:{{ .Values.image.tag }}\"",
            "charts/web/values.yaml",
        ),
        (
            "templates/a/deployment.yaml",
            "{{ .Values.image }}",
            "values.yaml",
        ),
        (
            "web/templates/deployment.yaml",
            "\"{{ .Values.image }}\"\n  - name: proxy\n    image: nginx:1.1",
            "web/values.yaml",
        ),
    ] {
        let refused = planned(file, &deployment(image), &["ghcr.io/o/web:v2"]).unwrap_err();
        assert!(refused.contains(&format!("`file: {values}`")), "{refused}");
    }
    // What a chart has as it is, is written there.
    let (file, text) = ("templates/a.yaml", deployment("ghcr.io/o/web:v1"));
    assert!(planned(file, &text, &["ghcr.io/o/web:v2"]).is_ok());
}

#[test]
fn nothing_is_advised_to_be_written_over_what_is_a_name_by_definition() {
    for (text, image) in [
        (
            "matchPackageNames: [ghcr.io/acme/web]\n",
            "ghcr.io/acme/web:v2",
        ),
        (
            "mirrors:\n- source: ghcr.io/acme/web\n",
            "ghcr.io/acme/web:v2",
        ),
        ("services:\n- alias: docker\n", "docker:28-dind"),
        (
            "operator:\n  repository: nvcr.io/nvidia\n  image: gpu-operator\n",
            "nvcr.io/nvidia/gpu-operator:v24",
        ),
        (
            "operator:\n  repository: nvcr.io/nvidia\n  image: nvidia/gpu-operator\n",
            "nvidia/gpu-operator:v24",
        ),
    ] {
        let refused = planned("k.yaml", text, &[image]).unwrap_err();
        assert!(!refused.contains("set:"), "{refused}");
        let name = image.rsplit(['/', ':']).nth(1).unwrap();
        assert!(refused.contains(name), "{refused}");
    }
    let text = "operator:\n  repository: nvcr.io/nvidia\n  image: gpu-operator\n";
    let lines = ["nvcr.io/nvidia/gpu-operator:v24", "path: .operator"];
    let refused = planned("k.yaml", text, &lines).unwrap_err();
    assert!(!refused.contains("set:"), "{refused}");
    follow(
        "web:\n  baseImage: acme/web\n",
        "acme/web:v2",
        "set: .web.baseImage=acme/web:v2",
        "web:\n  baseImage: acme/web:v2\n",
    );
}

#[test]
fn an_entry_of_kustomize_is_added_once_however_often_it_is_asked_for() {
    for (text, image, lines) in [
        (
            "kind: Kustomization\nresources: [a.yaml]\n",
            "ghcr.io/acme/web:1.10",
            &[".images[name=\"ghcr.io/acme/web\"].newTag:=\"1.10\""][..],
        ),
        (
            "kind: Kustomization\nimages:\n- name: other\n  newTag: v1\n",
            "base=ghcr.io/acme/web:v2",
            &[
                ".images[name=base].newName:=ghcr.io/acme/web",
                ".images[name=base].newTag:=v2",
            ],
        ),
        (
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nspec: {path: ./a}\n",
            "acme/web:v2",
            &[".spec.images[name=acme/web].newTag:=v2"],
        ),
    ] {
        let name = "kustomization.yaml";
        let refused = planned(name, text, &[image]).unwrap_err();
        for line in lines {
            assert!(refused.contains(&format!("`{line}`")), "{refused}");
        }
        let lines: Vec<String> = lines.iter().map(|line| format!("set: {line}")).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let after = planned(name, text, &lines).unwrap();
        assert_ne!(after, text);
        assert_eq!(planned(name, &after, &lines).unwrap(), after);
        assert_eq!(planned(name, &after, &[image]).unwrap(), after);
    }
    let text = "kind: Kustomization\nconfigMapGenerator:\n- name: c\n  literals:\n  - WEB_IMAGE=ghcr.io/acme/web:v1\n";
    insta::assert_snapshot!(planned("kustomization.yaml", text, &["ghcr.io/acme/web:v2"]).unwrap_err(), @r#"
    kustomization.yaml has no entry for ghcr.io/acme/web in its `images`. The text is there:
    - kustomization.yaml line 5, .configMapGenerator[name=c].literals[0]: in a longer text. To change it, use `set: .configMapGenerator[name=c].literals[0]=WEB_IMAGE=ghcr.io/acme/web:v2` in place of the line in `image`
    To add an entry, put the line `.images[name="ghcr.io/acme/web"].newTag:=v2` into `set`, in place of the line in `image`; from then on `image` does it without it
    "#);
}

#[test]
fn tags_alone_are_told_with_the_paths_of_each() {
    let text = "web:\n  image:\n    tag: v1\napi:\n  image:\n    tag: v1\n";
    let images = ["ghcr.io/acme/web:v2", "ghcr.io/acme/api:v3"];
    let refused = planned("k.yaml", text, &images).unwrap_err();
    insta::assert_snapshot!(refused, @"
    k.yaml holds no image ghcr.io/acme/web where one is looked for. The text is there:
    - k.yaml line 3, .web.image.tag: a tag alone, by the names on the way one of ghcr.io/acme/web. If it is, add it to the input `path`, where each image of the step needs a line then: `path: .web.image.tag`
    - k.yaml line 6, .api.image.tag: a tag alone, by the names on the way one of ghcr.io/acme/api. If it is, add it to the input `path`, where each image of the step needs a line then: `path: .api.image.tag`
    Images there, nearest first:
    - :v1 (k.yaml line 3, .web.image)
    - :v1 (k.yaml line 6, .api.image). Check `image` and `file`. To put another image in place of one that is there, or where the file has a shape of its own, say with `path` where the image, or its tag, is.
    ");
    let lines = [
        &images[..],
        &["path: .web.image.tag", "path: .api.image.tag"],
    ]
    .concat();
    let after = "web:\n  image:\n    tag: v2\napi:\n  image:\n    tag: v3\n";
    assert_eq!(planned("k.yaml", text, &lines).as_deref(), Ok(after));
    follow(
        text,
        images[0],
        "path: .web.image.tag",
        &text.replacen("v1", "v2", 1),
    );
}

#[test]
fn an_image_that_is_misspelled_is_not_only_told_to_be_added() {
    let text = "kind: Kustomization\nimages: [{name: ghcr.io/acme/web, newTag: v1}]\n";
    let refused = planned("k.yaml", text, &["ghcr.io/acme/wbe:v2"]).unwrap_err();
    assert!(
        refused.contains("Did you mean `ghcr.io/acme/web`, with its tag?"),
        "{refused}"
    );
    let refused = planned("k.yaml", text, &["ghcr.io/acme/other:v2"]).unwrap_err();
    assert!(!refused.contains("Did you mean"), "{refused}");
}

#[test]
fn what_is_refused_is_told_with_the_line_that_works() {
    insta::assert_snapshot!(
        [
            ("k.yaml", "image: https://ghcr.io/acme/web:v1\n", "ghcr.io/acme/web:v2"),
            ("k.toml", "[web]\nimage = \"ghcr.io/acme/web:v1\"\n", "ghcr.io/acme/web:v2"),
            ("k.yaml", "image: acme/web\nx: {registry: quay.io}\n", "acme/web:v2"),
            ("k.yaml", "a:\n  image: nvidia/gpu\n  repository: nvcr.io/x\n", "nvidia/gpu:v2"),
            ("k.yaml", "hub: docker.io/istio\ntag: 1.24.0\nimage: pilot\n", "docker.io/istio/pilot:1.24.1"),
            ("k.yaml", "image:\n  registry: ghcr.io/\n  repository: acme/web\n  tag: v1\n", "acme/web:v2"),
            (
                "k.yaml",
                "kind: ApplicationSet\nspec:\n  generators:\n  - list:\n      elements:\n      - imageTag: v1\n  template:\n    spec:\n      source:\n        kustomize:\n          images: ['ghcr.io/acme/web:{{.imageTag}}']\n",
                "ghcr.io/acme/web:v2",
            ),
        ]
        .map(|(name, text, image)| planned(name, text, &[image]).unwrap_err())
        .join("\n"),
        @"
        k.yaml holds no image ghcr.io/acme/web where one is looked for. The text is there:
        - k.yaml line 1, .image: in a longer text. To change it, use `set: .image=https://ghcr.io/acme/web:v2` in place of the line in `image`. Check `image` and `file`. Where the file has a shape of its own, say with `path` where the image, or its tag, is.
        k.toml can't be read as YAML: line 2, column 1: did not find expected <document start>. Only YAML and JSON are edited: name the manifest, or the file with its values, in `file`; a glob leaves this one out by a line `!PATH`.
        k.yaml, line 1: the image acme/web is a name without a tag, and nothing beside it says where the tag is: name the key that holds the tag with `path`; or, if the tag belongs here, write the image here once, with `set: .image=acme/web:v2` in place of the line in `image`
        k.yaml, line 2: the image nvidia/gpu is a name without a tag, and nothing beside it says where the tag is: name the key that holds the tag with `path`
        k.yaml holds no image docker.io/istio/pilot where one is looked for. The text is there:
        - k.yaml line 3, .image: .hub in front makes it this name, and they are not read as one. If its tag is .tag, add the input `path: .tag`
        Images there, nearest first:
        - pilot:1.24.0 (k.yaml line 3, .image). Check `image` and `file`. To put another image in place of one that is there, or where the file has a shape of its own, say with `path` where the image, or its tag, is.
        k.yaml holds no image acme/web where one is looked for. The text is there:
        - k.yaml line 3, .image.repository: a part of the name ghcr.io/acme/web. Ask for it by that. Check `image` and `file`. Where the file has a shape of its own, say with `path` where the image, or its tag, is.
        k.yaml, line 11: the image ghcr.io/acme/web:{{.imageTag}} is filled in by something else, {{.imageTag}}: its values are in k.yaml: set them there, with `set: .spec.generators[0].list.elements[0].imageTag=…` (line 6), in place of the line in `image`
        "
    );
    let other = "tag: 1.24.0\nimage: pilot\n";
    insta::assert_snapshot!(planned("k.yaml", other, &["docker.io/istio/pilot:1.24.1", "path: .tag"]).unwrap_err(), @"
    k.yaml, line 2: the image pilot:1.24.0 belongs to another repository than the one asked for: to write the tag alone all the same, use `set: .tag=1.24.1`
    ");
}
