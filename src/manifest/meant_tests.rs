//! What is taken for an image, or for the tag of one, and is none or another.

use super::*;

fn manifests(texts: &[(&str, &str)]) -> Vec<ManifestFile> {
    let file = |(path, text): &(&str, &str)| ManifestFile {
        path: path.parse().unwrap(),
        bytes: text.as_bytes().to_vec(),
    };
    texts.iter().map(file).collect()
}

/// The plan for `image` in `texts`, with `path` if that is not empty.
fn planned(texts: &[(&str, &str)], image: &str, path: &str) -> Result<Plan, ManifestError> {
    let request = EditRequest {
        images: vec![image.parse().unwrap()],
        paths: path.lines().map(|path| path.parse().unwrap()).collect(),
        ..EditRequest::default()
    };
    plan(&manifests(texts), &request)
}

/// What `image` makes of `text`.
#[track_caller]
fn written(text: &str, image: &str, path: &str) -> String {
    let plan = planned(&[("web.yaml", text)], image, path).unwrap();
    match plan.edits.as_slice() {
        [edit] => String::from_utf8(edit.after.clone()).unwrap(),
        _ => text.to_owned(),
    }
}

#[track_caller]
fn refused(text: &str, image: &str, path: &str) -> String {
    let result = planned(&[("web.yaml", text)], image, path);
    result.unwrap_err().to_string()
}

const SHA: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

#[test]
fn a_whole_reference_is_one_though_its_key_speaks_of_a_tag() {
    let pinned = format!("kind_image_version: kindest/node:v1.31.0@{SHA}\n");
    for (before, image, after) in [
        (
            pinned.as_str(),
            "kindest/node:v1.32.0",
            "kind_image_version: kindest/node:v1.32.0\n",
        ),
        (
            "imageTag: ghcr.io/acme/web:v1\n",
            "ghcr.io/acme/web:v2",
            "imageTag: ghcr.io/acme/web:v2\n",
        ),
        ("imageTag: nginx:1\n", "nginx:2", "imageTag: nginx:2\n"),
        (
            "env:\n- name: KIND_IMAGE_VERSION\n  value: kindest/node:v1\n",
            "kindest/node:v2",
            "env:\n- name: KIND_IMAGE_VERSION\n  value: kindest/node:v2\n",
        ),
    ] {
        assert_eq!(written(before, image, ""), after);
    }
    let plan = planned(&[("web.yaml", &pinned)], "kindest/node:v1.32.0", "").unwrap();
    assert_eq!(plan.images[0].old, format!("kindest/node:v1.31.0@{SHA}"));
    // Another image is another one.
    let error = refused("imageTag: ghcr.io/acme/api:v1\n", "ghcr.io/acme/web:v2", "");
    assert!(error.contains("no image ghcr.io/acme/web"), "{error}");
    let by_path = written("appVersion: nginx:1\n", "nginx:2", ".appVersion");
    assert_eq!(by_path, "appVersion: nginx:2\n");
}

#[test]
fn a_tag_goes_to_the_key_that_has_it() {
    for (before, after) in [
        (
            "image:\n  repository: acme/web\n  imageTag: v1\n",
            "image:\n  repository: acme/web\n  imageTag: v2\n",
        ),
        (
            "image:\n  repository: acme/web\n  image_version: v1\n",
            "image:\n  repository: acme/web\n  image_version: v2\n",
        ),
        (
            "web:\n  repository: acme/web\n  tag: ''\n  imageTag: v1\n",
            "web:\n  repository: acme/web\n  tag: ''\n  imageTag: v2\n",
        ),
        (
            "webImage: acme/web\nwebImageTag: ''\n",
            "webImage: acme/web\nwebImageTag: 'v2'\n",
        ),
        (
            "controllerImage: acme/web\ncontrollerImageVersion: \"\"\n",
            "controllerImage: acme/web\ncontrollerImageVersion: \"v2\"\n",
        ),
    ] {
        assert_eq!(written(before, "acme/web:v2", ""), after);
    }
}

#[test]
fn no_tag_is_made_up_where_another_key_may_hold_the_version() {
    let errors: Vec<String> = [
        "image:\n  repository: acme/web\n  tagPrefix: v1\n",
        "web:\n  image: {repository: acme/web}\n  tag: v1\n",
        "web:\n  webImage: {repository: acme/web}\n  webTag: v1\n",
        "apiVersion: kafka.strimzi.io/v1beta2\nkind: Kafka\nspec:\n  kafka:\n    image: acme/web\n    version: 3.9.0\n",
    ]
    .iter()
    .map(|text| refused(text, "acme/web:v2", ""))
    .collect();
    insta::assert_snapshot!(errors.join("\n"), @"
    web.yaml, line 2: the image acme/web is a name without a tag, and its version may be in `tagPrefix`, line 3: where `tagPrefix` makes up the tag, change it with `set`; where the tag is read beside the name, write it there once, with `set: .image.tag:=v2` in place of the line in `image`
    web.yaml, line 2: the image acme/web is a name without a tag, and its version may be in `tag`, line 3: to write the tag there, add the input `path: .web.tag`; where the tag is read beside the name, write it there once, with `set: .web.image.tag:=v2` in place of the line in `image`
    web.yaml, line 2: the image acme/web is a name without a tag, and its version may be in `webTag`, line 3: to write the tag there, add the input `path: .web.webTag`; where the tag is read beside the name, write it there once, with `set: .web.webImage.tag:=v2` in place of the line in `image`
    web.yaml, line 5: the image acme/web is a name without a tag, and its version may be in `version`, line 6: to write the tag there, add the input `path: .spec.kafka.version`; where the tag is read behind the name, write it there once, with `set: .spec.kafka.image=acme/web:v2` in place of the line in `image`
    ");
    // What the message says works.
    let text = "web:\n  image: {repository: acme/web}\n  tag: v1\n";
    let after = written(text, "acme/web:v2", ".web.tag");
    assert_eq!(after, text.replace("v1", "v2"));
    // A chart has no version of its own in its values.
    let values = "kind: HelmRelease\napiVersion: helm.toolkit.fluxcd.io/v2\nspec:\n  values:\n    image: acme/web\n    version: v1\n";
    let after = written(values, "acme/web:v2", "");
    assert_eq!(after, values.replace("version: v1", "version: v2"));
}

#[test]
fn a_digest_that_is_in_use_is_written_or_nothing_is() {
    let text = format!(
        "image:\n  repository: acme/web\n  tag: v1\n  digest: {SHA}\n  useDigest: true\noperator:\n  image:\n    repository: acme/op\n    tag: v1\n    genericDigest: {SHA}\n    awsDigest: {SHA}\n    useDigest: true\nproxy:\n  image:\n    registry: r.io\n    image: acme/proxy\n    tag: v1\n    digestChroot: {SHA}\n"
    );
    let new = SHA.replace('0', "f");
    let after = written(&text, &format!("acme/web:v2@{new}"), "");
    let digest = format!("digest: {SHA}\n  useDigest");
    let expected =
        text.replacen("tag: v1", "tag: v2", 1)
            .replacen(&digest, &digest.replace(SHA, &new), 1);
    assert_eq!(after, expected);
    let errors = [
        refused(&text, "acme/web:v2", ""),
        refused(&text, "acme/op:v2", ""),
        refused(&text, &format!("acme/op:v2@{new}"), ".operator.image"),
    ];
    let plan = planned(&[("web.yaml", &text)], "r.io/acme/proxy:v2", "").unwrap();
    insta::assert_snapshot!(errors.join("\n"), @"
    web.yaml, line 2: the image acme/web:v1@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef is deployed by a digest, whatever its tag is: `useDigest` is on, line 5. Ask for NAME:TAG@DIGEST (`pin-digest: true` looks the digest up); or, to deploy by the tag from now on, run this step once with `set: .image.useDigest=false` in place of the line in `image`
    web.yaml, line 8: the image acme/op:v1 is deployed by a digest, whatever its tag is: `useDigest` is on, line 12. Write the tag and `genericDigest`, `awsDigest` with `set` in place of the line in `image`; or, to deploy by the tag from now on, run this step once with `set: .operator.image.useDigest=false` in place of the line in `image`
    web.yaml, line 8: the image acme/op:v1 is deployed by a digest, whatever its tag is: `useDigest` is on, line 12. Write the tag and `genericDigest`, `awsDigest` with `set` in place of the line in `image`; or, to deploy by the tag from now on, run this step once with `set: .operator.image.useDigest=false` in place of the line in `image`
    ");
    insta::assert_snapshot!(plan.warnings.join("\n"), @"
    web.yaml line 16: `digestChroot` (line 18) stays as it is beside the image that is r.io/acme/proxy:v2 now: where the chart reads that digest, the old image stays in force; write it with `set`
    ");
    // Off, it decides nothing.
    let off = text.replace("useDigest: true", "useDigest: false");
    let plan = planned(&[("web.yaml", &off)], "acme/op:v2", "").unwrap();
    assert!(plan.warnings.is_empty(), "{:?}", plan.warnings);
    let plan = planned(&[("web.yaml", &off)], &format!("acme/web:v2@{new}"), "").unwrap();
    assert_eq!(plan.warnings.len(), 1);
}
