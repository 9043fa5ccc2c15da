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

/// The texts of `files` after `image`, asked for in all of them; those that `is_glob` is true of were found by a glob.
fn edited(
    files: &[(&str, &str)],
    image: &str,
    is_glob: bool,
) -> Result<Vec<String>, ManifestError> {
    let read = manifests(files);
    let found = read.iter().map(|file| file.path.clone());
    let request = EditRequest {
        images: vec![image.parse().unwrap()],
        found_by_glob: found.filter(|_| is_glob).collect(),
        ..EditRequest::default()
    };
    let plan = plan(&read, &request)?;
    let text = |file: &ManifestFile| {
        let mut edits = plan.edits.iter();
        let edit = edits.find(|edit| edit.path == file.path);
        String::from_utf8(edit.map_or(&file.bytes, |edit| &edit.after).clone()).unwrap()
    };
    Ok(read.iter().map(text).collect())
}

const NAME: &str = "image:\n  repository: acme/web\n";
const TAG: &str = "image:\n  tag: v1\n";

#[test]
fn a_tag_is_written_where_it_is_put_over_others() {
    let new = TAG.replace("v1", "v2");
    let tagged = format!("{NAME}  tag: v0\n");
    for (base, over, is_glob) in [
        ("values.yaml", "values-prod.yaml", true),
        ("base/values.yaml", "prod/values.yaml", false),
    ] {
        let after = edited(&[(base, NAME), (over, TAG)], "acme/web:v2", is_glob).unwrap();
        assert_eq!(after, [NAME, &new]);
        let plan = planned(&[(base, NAME), (over, TAG)], "acme/web:v2", "").unwrap();
        assert_eq!((plan.warnings.len(), plan.notes.len()), (0, 1));
        // What has a tag is written, too.
        let after = edited(&[(base, &tagged), (over, TAG)], "acme/web:v2", is_glob).unwrap();
        assert_eq!(after, [tagged.replace("v0", "v2"), new.clone()]);
    }
    for text in [
        "helm:\n  valuesObject:\n    image:\n      repository: acme/web\n  parameters:\n  - name: image.tag\n    value: v1\n",
        "helm:\n  values: |\n    image:\n      repository: acme/web\n  parameters:\n  - name: image.tag\n    value: v1\n",
        "helm:\n  values: |\n    image:\n      repository: acme/web\n  valuesObject:\n    image:\n      tag: v1\n",
        "releases:\n- name: web\n  values:\n  - web:\n      image:\n        repository: acme/web\n        tag: ''\n  set:\n  - name: web.image.tag\n    value: v1\n",
    ] {
        assert_eq!(written(text, "acme/web:v2", ""), text.replace("v1", "v2"));
    }
    // Another chart's parameters are put over nothing of this one.
    let two = "sources:\n- helm:\n    valuesObject:\n      image:\n        repository: acme/web\n        tag: v1\n- helm:\n    parameters:\n    - name: image.tag\n      value: v3\n";
    assert_eq!(written(two, "acme/web:v2", ""), two.replace("v1", "v2"));
}

#[test]
fn what_is_put_over_an_image_and_stays_is_told() {
    let values = "  values: |\n    image:\n      repository: acme/web\n      tag: v1\n";
    let digest = format!("sha256:{}", "c".repeat(64));
    let parameter = |name: &str, value: &str| {
        format!("helm:\n{values}  parameters:\n  - name: {name}\n    value: {value:?}\n")
    };
    let object = format!("helm:\n{values}  valuesObject:\n    image:\n      digest: {digest}\n");
    let twice = "helm:\n  parameters:\n  - {name: image.repository, value: acme/web}\n  - {name: image.tag, value: v1}\n  - {name: image.tag, value: v3}\n";
    for (text, stays) in [
        (parameter("image.digest", &digest), "`image.digest: sha256:"),
        (object, "`image.digest: sha256:"),
        (
            parameter("image.repository", "mirror.io/acme/api"),
            "`image.repository: mirror.io/acme/api`",
        ),
        (
            parameter("image.registry", "mirror.io"),
            "`image.registry: mirror.io`",
        ),
    ] {
        let plan = planned(&[("a.yaml", &text)], "acme/web:v2", "").unwrap();
        let warnings = plan.warnings.join("\n");
        assert!(warnings.starts_with(stays), "{text}{warnings}");
        assert_eq!(plan.warnings.len(), 1, "{text}{warnings}");
    }
    // What counts is written, or told.
    let plan = planned(&[("a.yaml", twice)], "acme/web:v2", "").unwrap();
    let after = String::from_utf8(plan.edits[0].after.clone()).unwrap();
    assert!(
        !after.contains("v3") || plan.warnings.len() == 1,
        "{after}{:?}",
        plan.warnings
    );
    // What is that image's, and what belongs to another one, is nothing to tell.
    for text in [
        parameter("image.repository", "acme/web"),
        parameter("image.digest", ""),
        parameter("sidecar.digest", &digest),
        parameter("image.pullPolicy", "Always"),
    ] {
        let plan = planned(&[("a.yaml", &text)], "acme/web:v2", "").unwrap();
        let mut warnings = plan.warnings.iter();
        let is_told = warnings.any(|warning| warning.contains("is put over"));
        assert!(!is_told, "{text}{:?}", plan.warnings);
    }
}

/// `images[0].tag`, as Helm names it.
#[test]
fn a_parameter_of_an_item_of_a_list_is_put_over_it() {
    let chart = |rest: &str| {
        format!(
            "kind: Application\nmetadata: {{name: web}}\nspec:\n  source:\n    helm:\n      values: |\n        images:\n        - repository: acme/api\n          tag: v5\n        - repository: acme/web\n          tag: v1\n{rest}"
        )
    };
    let parameter = |name: &str, value: &str| {
        chart(&format!(
            "      parameters:\n      - {{name: \"{name}\", value: {value}}}\n"
        ))
    };
    let tag = parameter("images[1].tag", "v1");
    assert_eq!(written(&tag, "acme/web:v2", ""), tag.replace("v1", "v2"));
    // Of another item, it is none of this image's.
    let other = parameter("images[0].tag", "v5");
    assert_eq!(
        written(&other, "acme/web:v2", ""),
        other.replace("v1", "v2")
    );
    let digest = format!("sha256:{}", "c".repeat(64));
    let object = chart(&format!(
        "      valuesObject:\n        images:\n        - {{}}\n        - {{digest: \"{digest}\"}}\n"
    ));
    for (text, stays) in [
        (
            parameter("images[1].digest", &digest),
            "`images[1].digest: sha256:",
        ),
        (object, "`images[1].digest: sha256:"),
        (
            parameter("images[1].repository", "acme/other"),
            "`images[1].repository: acme/other`",
        ),
    ] {
        let plan = planned(&[("a.yaml", &text)], "acme/web:v2", "").unwrap();
        let warnings = plan.warnings.join("\n");
        assert!(warnings.starts_with(stays), "{text}{warnings}");
        assert_eq!(plan.warnings.len(), 1, "{text}{warnings}");
    }
}

#[test]
fn no_tag_is_made_up_where_another_file_may_have_it() {
    let files = [("base/values.yaml", NAME), ("prod/values.yaml", TAG)];
    let error = edited(&files, "acme/web:v2", true).unwrap_err();
    insta::assert_snapshot!(error, @"
    base/values.yaml, line 2: the image acme/web is a name without a tag, and its version may be in `tag`, prod/values.yaml, line 2: to write the tag there, add the input `path: .image.tag`; where that is the tag of another image, leave prod/values.yaml out of `file`
    ");
    // What the message says works.
    let plan = planned(&files, "acme/web:v2", ".image.tag").unwrap();
    assert_eq!(plan.changed_files(), ["prod/values.yaml"]);
    let tagged = format!("{NAME}  tag: v0\n");
    let warned = |texts: &[(&str, &str)]| {
        let read = manifests(texts);
        let request = EditRequest {
            images: vec!["acme/web:v2".parse().unwrap()],
            found_by_glob: read.iter().map(|file| file.path.clone()).collect(),
            ..EditRequest::default()
        };
        super::plan(&read, &request).unwrap().warnings
    };
    let warnings = |base| warned(&[(base, &tagged), ("prod/values.yaml", TAG)]);
    insta::assert_snapshot!(warnings("base/values.yaml").join("\n"), @"
    prod/values.yaml, line 2 has a tag alone, and stays as it is: where it is put over base/values.yaml, acme/web:v2 is not deployed there. To write both, add the input `path: .image.tag`
    ");
    assert!(warnings("web/values.yaml").is_empty());
    // A tag is told of once, however many files it may be put over: there are as many of both as files.
    let named = |stage: &str| [1, 2, 3].map(|number| format!("{stage}/{number}/values.yaml"));
    let (bases, overlays) = (named("base"), named("prod"));
    let bases = bases.iter().map(|name| (name.as_str(), tagged.as_str()));
    let overlays = overlays.iter().map(|name| (name.as_str(), TAG));
    let told = warned(&bases.chain(overlays).collect::<Vec<_>>());
    assert_eq!(told.len(), 3, "{told:#?}");
}

#[test]
fn the_tag_of_another_chart_is_not_the_image_s() {
    let release = |name, chart| {
        format!(
            "kind: HelmRelease\nmetadata: {{name: {name}}}\nspec:\n  chart: {{spec: {{chart: {chart}}}}}\n  values:\n    image:\n      tag: v1\n"
        )
    };
    let application = "kind: Application\nmetadata: {name: cache}\nspec:\n  source:\n    chart: redis\n    helm:\n      values: |\n        image:\n          tag: v1\n";
    for text in [&*release("redis", "redis"), application] {
        let error = refused(text, "ghcr.io/acme/web:v2", "");
        assert!(error.contains("no image ghcr.io/acme/web"), "{error}");
    }
    for text in [
        release("web", "app-template"),
        release("it", "web"),
        release("it", "app"),
    ] {
        let after = written(&text, "ghcr.io/acme/web:v2", "");
        assert_eq!(after, text.replace("v1", "v2"));
    }
}

#[test]
fn what_is_told_of_an_image_with_two_registries_is_what_was_asked_for() {
    let text = "global:\n  imageRegistry: r.io\nproxy:\n  image:\n    registry: quay.io\n    repository: acme/proxy\n    tag: v1\n";
    for (asked, warnings) in [("quay.io/acme/proxy", 1), ("r.io/acme/proxy", 0)] {
        let plan = planned(&[("web.yaml", text)], &format!("{asked}:v2"), "").unwrap();
        let told = (&*plan.images[0].old, &*plan.images[0].new);
        assert_eq!(told, (&*format!("{asked}:v1"), &*format!("{asked}:v2")));
        assert_eq!(plan.warnings.len(), warnings, "{:?}", plan.warnings);
    }
}

/// What `image` leaves as it is in a text, and what is told of that.
fn left(text: &str, image: &str) -> String {
    match planned(&[("web.yaml", text)], image, "") {
        Ok(plan) if plan.edits.is_empty() => plan.warnings.join("\n"),
        Ok(plan) => String::from_utf8(plan.edits[0].after.clone()).unwrap(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn what_images_are_checked_against_is_none() {
    let kyverno = "apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nspec:\n  rules:\n  - validate:\n      pattern:\n        spec:\n          containers:\n          - image: acme/web:*\n";
    let told: Vec<String> = [
        kyverno,
        &kyverno.replace("apiVersion: kyverno.io/v1\n", ""),
        "apiVersion: policy.sigstore.dev/v1beta1\nkind: ClusterImagePolicy\nspec:\n  images:\n  - glob: acme/web:v1\n",
        "apiVersion: constraints.gatekeeper.sh/v1beta1\nkind: K8sAllowedRepos\nspec:\n  parameters:\n    exemptImages:\n    - acme/web:v1\n",
        "spec:\n  exemptImages: ['acme/web:v1']\n",
        "- op: test\n  path: /spec/containers/0/image\n  value: acme/web:v1\n",
    ]
    .iter()
    .map(|text| left(text, "acme/web:v2"))
    .collect();
    insta::assert_snapshot!(told.join("\n"), @"
    web.yaml, line 9: the image acme/web:* is what this ClusterPolicy checks images against, and none that runs: nothing is written there but with `set`
    web.yaml, line 8: the image acme/web:* is what this ClusterPolicy checks images against, and none that runs: nothing is written there but with `set`
    web.yaml, line 5: the image acme/web:v1 is what this ClusterImagePolicy checks images against, and none that runs: nothing is written there but with `set`
    web.yaml, line 6: the image acme/web:v1 is what this policy checks images against, and none that runs: nothing is written there but with `set`
    web.yaml, line 2: the image acme/web:v1 is what this policy checks images against, and none that runs: nothing is written there but with `set`
    web.yaml holds no image acme/web where one is looked for. The text is there:
    - web.yaml line 3, [0].value: images are checked against it by this patch, so nothing is written there
    ");
    // What a policy adds to others is run, and beside a policy there is a warning.
    let mutate = kyverno.replace("validate", "mutate").replace(":*", ":v1");
    assert_eq!(
        left(&mutate, "acme/web:v2"),
        mutate
            .replace("v1\n", "v2\n")
            .replace("kyverno.io/v2", "kyverno.io/v1")
    );
    let both = format!("{kyverno}---\ncontainers:\n- image: acme/web:v1\n");
    let plan = planned(&[("web.yaml", &both)], "acme/web:v2", "").unwrap();
    assert_eq!((plan.images.len(), plan.warnings.len()), (1, 1));
    // NVIDIA's has images.
    let nvidia = "apiVersion: nvidia.com/v1\nkind: ClusterPolicy\nspec:\n  driver:\n    repository: nvcr.io/nvidia\n    image: driver\n    version: '550'\n";
    let after = left(nvidia, "nvcr.io/nvidia/driver:560");
    assert_eq!(after, nvidia.replace("550", "560"));
    let patch = "- op: test\n  path: /spec/containers/0/image\n  value: acme/web:v1\n- op: replace\n  path: /spec/containers/0/image\n  value: acme/web:v1\n";
    let (before, last) = patch.rsplit_once("v1").unwrap();
    assert_eq!(left(patch, "acme/web:v2"), format!("{before}v2{last}"));
}

#[test]
fn an_image_of_a_catalog_is_for_one_major_version() {
    let text = "kind: ImageCatalog\nspec:\n  images:\n  - major: 15\n    image: acme/pg:15.6\n  - major: 16\n    image: acme/pg:16.8\n";
    let plan = planned(&[("web.yaml", text)], "acme/pg:16.9", "").unwrap();
    let after = String::from_utf8(plan.edits[0].after.clone()).unwrap();
    assert_eq!(after, text.replace("16.8", "16.9"));
    let told = [
        plan.warnings.join("\n"),
        refused(text, "acme/pg:17.1", ""),
        refused(text, "acme/pg:main", ""),
    ];
    insta::assert_snapshot!(told.join("\n"), @"
    web.yaml line 5: the image acme/pg:15.6 stays as it is: it is for another major version than acme/pg:16.9
    web.yaml, line 5: the image acme/pg:15.6 is in a catalog for the major version `15` or `16`, and acme/pg:17.1 is for 17. To add it, put the line `.spec.images[+]:={major: 17, image: acme/pg:17.1}` into `set`, once, in place of the line in `image`
    web.yaml, line 5: the image acme/pg:15.6 is in a catalog for the major version `15` or `16`, and acme/pg:main does not say for which: name the place with `path`, as `.spec.images[0].image` or `.spec.images[1].image`
    ");
    // What the messages say works.
    let set = vec![
        ".spec.images[+]:={major: 17, image: acme/pg:17.1}"
            .parse()
            .unwrap(),
    ];
    let request = EditRequest {
        set,
        ..EditRequest::default()
    };
    let plan = super::plan(&manifests(&[("web.yaml", text)]), &request).unwrap();
    let added = String::from_utf8(plan.edits[0].after.clone()).unwrap();
    let after = written(&added, "acme/pg:17.2", "");
    assert_eq!(after, added.replace("17.1", "17.2"));
    let after = written(text, "acme/pg:main", ".spec.images[1].image");
    assert_eq!(after, text.replace("16.8", "main"));
}

#[test]
fn a_repository_of_git_is_no_image() {
    for text in [
        "steps:\n- uses: actions/checkout@v4\n  with:\n    repository: acme/web\n    tag: v1\n",
        "web:\n  git: {repository: acme/web, tag: v1}\n",
        "web: {repository: acme/web, tag: v1, branch: main}\n",
        "web: {repository: github.com/acme/web, tag: v1}\n",
    ] {
        let (image, _) = match text.contains("github.com/") {
            true => ("github.com/acme/web:v2", ()),
            false => ("acme/web:v2", ()),
        };
        let error = refused(text, image, "");
        assert!(error.contains("no image"), "{error}");
    }
    let text = "source: {repository: ghcr.io/acme/web, tag: v1}\n";
    assert_eq!(left(text, "ghcr.io/acme/web:v2"), text.replace("v1", "v2"));
}

#[test]
fn tags_of_different_lines_are_told_apart() {
    let two = |one: &str, other: &str| {
        format!(
            "containers:\n- {{name: a, image: \"acme/app:{one}\"}}\n- {{name: b, image: \"acme/app:{other}\"}}\n"
        )
    };
    for (held, asked, after) in [
        (
            ("v1", "migrations-v1"),
            "migrations-v2",
            ("v1", "migrations-v2"),
        ),
        (("v1", "migrations-v1"), "v2", ("v2", "migrations-v1")),
        (
            ("v1-amd64", "v1-arm64"),
            "v2-arm64",
            ("v1-amd64", "v2-arm64"),
        ),
        (("1.2.3", "1.2.3-debug"), "1.2.4", ("1.2.4", "1.2.3-debug")),
        (
            ("1.2.3", "1.2.3-debug"),
            "1.2.4-debug",
            ("1.2.3", "1.2.4-debug"),
        ),
        (
            ("1-alpine3.19", "1-bookworm"),
            "2-alpine3.20",
            ("2-alpine3.20", "1-bookworm"),
        ),
        (
            ("11-jdk17", "11-jre17"),
            "11-jdk21",
            ("11-jdk21", "11-jre17"),
        ),
        // Of one line.
        (("main", "v1"), "v2", ("v2", "v2")),
        (("latest", "web-v1"), "web-v2", ("web-v2", "web-v2")),
        (("v1", "v2-rc.1"), "v2", ("v2", "v2")),
        (("v1", "ab12cd3"), "0123abc", ("0123abc", "0123abc")),
        (("worker-v1", "web-v1"), "v2", ("v2", "v2")),
    ] {
        let before = two(held.0, held.1);
        let written = left(&before, &format!("acme/app:{asked}"));
        assert_eq!(written, two(after.0, after.1), "{held:?} {asked}");
    }
}

#[test]
fn what_is_still_to_be_filled_in_is_written_over_by_nobody() {
    let text = |tag: &str| format!("containers:\n- name: web\n  image: \"acme/web:{tag}\"\n");
    for tag in [
        "${TAG}",
        "$(TAG)",
        "#{TAG}#",
        "#{Build.BuildId}",
        "__TAG__",
        "v__TAG__",
        "[[TAG]]",
        "((tag))",
        "{tag}",
        "~TAG~",
        "%TAG%",
        "@TAG@",
        "__TAG__-alpine",
    ] {
        let ways = [
            ("acme/web:v2", ""),
            ("web=acme/web:v2", ""),
            ("acme/web:v2", ".containers[0].image"),
        ];
        for (image, path) in ways {
            let result = planned(&[("web.yaml", &text(tag))], image, path);
            let error = result.unwrap_err();
            assert_eq!(error.reason(), "placeholder", "{tag} {image} {path}");
        }
    }
    // What is a part of a word is a name.
    let name = "containers:\n- image: r.io/a__b__c:v1__x__y\n";
    assert_eq!(
        left(name, "r.io/a__b__c:v2"),
        name.replace("v1__x__y", "v2")
    );
}

#[test]
fn a_range_of_versions_is_no_broken_tag() {
    let run = |tag: &str| format!("containers:\n- name: web\n  image: \"acme/web:{tag}\"\n");
    let whole = |tag: &str| format!("image: \"acme/web:{tag}\"\n");
    let split = |tag: &str| format!("image:\n  repository: acme/web\n  tag: \"{tag}\"\n");
    for tag in ["*", "1.*", "^1.2", "~1.2", ">=1.2", "<2.0", "1.x"] {
        for text in [run(tag), whole(tag), split(tag)] {
            let result = planned(&[("web.yaml", &text)], "acme/web:v2", "");
            if text.contains("containers") && tag == "1.x" {
                assert!(result.is_ok(), "a tag of that name runs");
                continue;
            }
            assert_eq!(result.unwrap_err().reason(), "range of versions", "{text}");
        }
    }
    let errors = [
        refused(&run("^1.2"), "web=acme/web:v2", ""),
        refused(&split("1.x"), "acme/web:v2", ".image"),
    ];
    insta::assert_snapshot!(errors.join("\n"), @"
    web.yaml, line 3: the image acme/web:^1.2 of container web says a range of versions, ^1.2, and not which one runs: to write over it, use `set: .containers[name=web].image=acme/web:v2` in place of the line in `image`
    web.yaml, line 2: the image acme/web:1.x says a range of versions, 1.x, and not which one runs: to write over it, use `set: .image.tag=v2` in place of the line in `image`
    ");
    // Whoever asks for one has tags of that name.
    for path in ["", ".image"] {
        let after = written(&whole("1.x"), "acme/web:2.x", path);
        assert_eq!(after, whole("2.x"));
    }
    let both = format!("{}{}", whole("1.x"), run("v1"));
    let plan = planned(&[("web.yaml", &both)], "acme/web:v2", "").unwrap();
    insta::assert_snapshot!(plan.warnings.join("\n"), @"
    web.yaml line 1: the image acme/web:1.x says a range of versions, and stays as it is
    ");
}

#[test]
fn what_stands_in_front_of_a_reference_stays() {
    for (text, path) in [
        ("args:\n- --solver-image=acme/web:v1\n", ".args[0]"),
        ("environment:\n- WEB_IMAGE=acme/web:v1\n", ".environment[0]"),
        ("args:\n- --set=image=acme/web:v1\n", ".args[0]"),
        ("url: oci://acme/web:v1\n", ".url"),
        ("url: docker-image://acme/web:v1\n", ".url"),
        ("image: oci://acme/web:v1\n", ""),
        ("image: oci://acme/web:v1\n", ".image"),
        ("uses: docker://acme/web:v1\n", ".uses"),
    ] {
        assert_eq!(written(text, "acme/web:v2", path), text.replace("v1", "v2"));
        // It has its history, too.
        let after = text.replace("v1", "v2");
        let is_image = |text: &str| text == "acme/web:v1" || text == "acme/web:v2";
        let known = Known {
            is_image: Some(&is_image),
            ..Known::default()
        };
        let file = "web.yaml".parse().unwrap();
        let versions = Versions::new(&file, Some(text.as_bytes()), Some(after.as_bytes()));
        let images = versions.images(&known);
        assert_eq!(images[0].new.as_deref(), Some("acme/web:v2"), "{text}");
    }
    let errors: Vec<String> = [
        ("repo: git@github.com:acme/web.git\n", ".repo"),
        ("image: git@github.com:acme/web.git\n", ".image"),
    ]
    .iter()
    .map(|(text, path)| refused(text, "acme/web:v2", path))
    .collect();
    insta::assert_snapshot!(errors.join("\n"), @r#"
    web.yaml, line 1: the image is only a part of an image, "repo": name the mapping around it with `path`, or write the part with `set`
    web.yaml, line 1: the image is not all that stands there, and it can't be told what of it to write: change the text with `set`
    "#);
}

#[test]
fn the_registry_stays_as_the_file_writes_it() {
    for (held, asked, after) in [
        (
            "docker.io/acme/web:v1",
            "acme/web:v2",
            "docker.io/acme/web:v2",
        ),
        (
            "docker.io/library/nginx:1",
            "nginx:2",
            "docker.io/library/nginx:2",
        ),
        ("nginx:1", "docker.io/library/nginx:2", "nginx:2"),
        (
            "index.docker.io/acme/web",
            "acme/web:v2",
            "index.docker.io/acme/web:v2",
        ),
        // What is broken is written as asked for.
        ("docker.io/Acme/web:v1", "acme/web:v2", "acme/web:v2"),
    ] {
        let text = |image: &str| format!("containers:\n- image: {image}\n");
        assert_eq!(written(&text(held), asked, ""), text(after));
    }
}

#[test]
fn what_only_looks_like_something_else_is_written_all_the_same() {
    for (before, after) in [
        // In resources of one's own, `version` is what is deployed.
        (
            "apiVersion: platform.acme.io/v1\nkind: App\nspec: {image: acme/web, version: v1}\n",
            "apiVersion: platform.acme.io/v1\nkind: App\nspec: {image: acme/web, version: v2}\n",
        ),
        (
            "web: {repository: acme/web, tag: v1, revision: 3}\n",
            "web: {repository: acme/web, tag: v2, revision: 3}\n",
        ),
        (
            "image: {repository: acme/web, minVersion: 1}\n",
            "image: {repository: acme/web, tag: v2, minVersion: 1}\n",
        ),
        (
            "a: {image: acme/web:v1}\nb: {image: acme/web:v1-hotfix1}\n",
            "a: {image: acme/web:v2}\nb: {image: acme/web:v2}\n",
        ),
    ] {
        assert_eq!(written(before, "acme/web:v2", ""), after);
    }
}
