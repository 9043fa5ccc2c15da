//! What is said of inputs that are not what the action takes, as a new user tries them: each says how to
//! write it, and nothing is written before it is right.

use std::process::Command;

use crate::support::{Action, GitServer, Outcome, Repository, TOKEN, Via};

const FILE: &str = "apps/web.yaml";
const MANIFEST: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 2\n  template:\n    spec:\n      containers:\n      - name: web\n        image: ghcr.io/acme/web:v13\n";

/// A run of `update` with these inputs beside the good ones, or in their place, and the branch's tip before
/// and after it.
fn tried<const N: usize>(inputs: [(&str, &str); N]) -> (Outcome, [String; 2]) {
    let server = GitServer::start();
    let repository = server.repository_with("acme/k8s-manifests", FILE, MANIFEST);
    let before = repository.tip("main");
    let outcome = step(&repository, inputs).run();
    let tips = [before, repository.tip("main")];
    (outcome, tips)
}

fn step<const N: usize>(repository: &Repository, inputs: [(&str, &str); N]) -> Action {
    let action = Action::new()
        .input(
            "repository",
            format!("file://{}", repository.path().display()),
        )
        .input("file", FILE)
        .input("image", "ghcr.io/acme/web:v14");
    let given = inputs.into_iter();
    given.fold(action, |action, (name, value)| action.input(name, value))
}

/// What the error says, after a look that nothing was written.
fn refused<const N: usize>(inputs: [(&str, &str); N]) -> String {
    let (outcome, [before, after]) = tried(inputs);
    assert_eq!(before, after, "it was written all the same");
    let outcome = outcome.failed();
    let [error] = &outcome.errors()[..] else {
        panic!("one error, please:\n{}", outcome.log())
    };
    assert!(error.contains("Nothing was changed."), "{error}");
    let what = error.strip_suffix("\nNothing was changed.");
    what.unwrap_or(error).replace(&before[..7], "COMMIT")
}

/// The same below its title.
fn titled<const N: usize>(inputs: [(&str, &str); N]) -> String {
    let (outcome, [before, _]) = tried(inputs);
    let annotations = outcome.failed().annotations();
    let error = annotations.iter().find(|one| one.level == "error").unwrap();
    let text = format!("{}\n{}", error.properties["title"], error.message);
    text.replace(&before[..7], "COMMIT")
}

#[test]
fn what_is_to_be_a_dry_run_is_one_however_it_is_spelled() {
    for name in ["dry-run", "dry_run", "dryRun", "DRY_RUN", "Dry-Run"] {
        let (outcome, [before, after]) = tried([(name, "true")]);
        let outcome = outcome.succeeded();
        assert_eq!(before, after, "{name} was no dry run");
        assert_eq!(outcome.output("changed"), "true");
        assert_eq!(outcome.annotations(), []);
    }
}

#[test]
fn an_input_that_there_is_not_stops_before_anything_is_written() {
    insta::assert_snapshot!(refused([
        ("dry-runs", "true"),
        ("imge", "x"),
        ("message", "x"),
        ("github_token", "x"),
        ("repo", "x"),
        ("retries", "3"),
        ("zzz", "x"),
    ]), @"
    `dry-runs`: unknown input: did you mean `dry-run`?
    `github_token`: unknown input: did you mean `token`?
    `imge`: unknown input: did you mean `image`?
    `message`: unknown input: did you mean `commit-message`?
    `repo`: unknown input: did you mean `repository`?
    `retries`: unknown input: docs/reference.md of the action lists them all. If the workflow sets INPUT_RETRIES for something else, set it to an empty text in this step's `env`
    `zzz`: unknown input: docs/reference.md of the action lists them all. If the workflow sets INPUT_ZZZ for something else, set it to an empty text in this step's `env`
    ");
}

#[test]
fn an_old_name_still_works() {
    let (outcome, _) = tried([
        ("argocd-application", "web"),
        ("argocd-server", "argocd.example.com"),
        ("argocd-token", "x"),
        ("argocd-timeout", "0"),
    ]);
    let outcome = outcome.failed();
    insta::assert_snapshot!(outcome.warnings().join("\n"), @"The input `argocd-timeout` is now called `verify-timeout`: rename it in the workflow");
    insta::assert_snapshot!(outcome.errors().join("\n"), @"
    `verify-timeout` `0`: expected a number of seconds from 1 to 21600, such as `600`
    Nothing was changed.
    ");
}

#[test]
fn an_input_whose_switch_is_off_names_it() {
    insta::assert_snapshot!(refused([
        ("pull-request-labels", "deployment"),
        ("verify-image-timeout", "60"),
        ("argocd-wait-for", "synced"),
        ("rollback-on-failure", "true"),
    ]), @"
    `pull-request-labels`: no effect without `pull-request: true`. Add that, or remove it (an empty value counts as removed)
    `verify-image-timeout`: no effect without `verify-image: true`, `pin-digest: true` or `require-platforms`. Add that, or remove it (an empty value counts as removed)
    `argocd-wait-for`: no effect without `argocd-application` or `from-argocd-application`. Add that, or remove it (an empty value counts as removed)
    `rollback-on-failure`: no effect without `argocd-application` or `status-context`. Add that, or remove it (an empty value counts as removed)
    ");
}

#[test]
fn a_version_alone_is_not_an_image() {
    let told = [
        "v14",
        "web=1.2.3",
        "8a3f5c1",
        "latest",
        ":v14",
        "ghcr.io/acme/web",
        "ghcr.io/acme/web:",
        "ghcr.io/acme/web:feature/login",
    ];
    let told = told.map(|image| refused([("image", image)]));
    insta::assert_snapshot!(told.join("\n"), @r#"
    `image`: v14 is a tag alone: write the whole image, as in ghcr.io/OWNER/NAME:v14
    `image`: 1.2.3 is a tag alone: write the whole image, as in ghcr.io/OWNER/NAME:1.2.3
    `image`: 8a3f5c1 is a tag alone: write the whole image, as in ghcr.io/OWNER/NAME:8a3f5c1
    `image`: latest is a tag alone: write the whole image, as in ghcr.io/OWNER/NAME:latest
    `image`: v14 is a tag alone: write the whole image, as in ghcr.io/OWNER/NAME:v14
    `image`: ghcr.io/acme/web has neither a tag nor a digest: say which version to deploy, as in ghcr.io/acme/web:v1
    `image`: the image reference "ghcr.io/acme/web:" ends where its tag should be: what was to fill it in is empty
    `image`: the image reference "ghcr.io/acme/web:feature/login" has the tag "feature/login", and no tag has a `/`: push and deploy it as "ghcr.io/acme/web:feature-login"
    "#);
}

#[test]
fn a_list_in_another_notation_says_how_to_write_it() {
    let told = [
        refused([("image", "ghcr.io/acme/web:v14, ghcr.io/acme/api:v3")]),
        refused([("image", "- ghcr.io/acme/web:v14\n- ghcr.io/acme/api:v3")]),
        refused([("image", "ghcr.io/acme/web:v14 ghcr.io/acme/api:v3")]),
        refused([("image", "ghcr.io/acme/web:v14; ghcr.io/acme/api:v3")]),
        refused([("image", "\"ghcr.io/acme/web:v14\"")]),
        refused([(
            "image",
            "[\n  \"ghcr.io/acme/web:v14\",\n  \"ghcr.io/acme/api:v3\"\n]",
        )]),
        refused([(
            "image",
            "{\n  \"web\": \"ghcr.io/acme/web:v14\",\n  \"api\": \"ghcr.io/acme/api:v3\"\n}",
        )]),
        refused([("file", "- apps/web.yaml")]),
        refused([("file", "[\"apps/web.yaml\"]")]),
        refused([("file", "'apps/web.yaml'")]),
        refused([("file", "apps/web.yaml, apps/api.yaml")]),
        refused([("resource", "- Deployment/web")]),
        refused([
            ("pull-request", "true"),
            ("pull-request-labels", "[\"deployment\"]"),
        ]),
    ];
    insta::assert_snapshot!(told.join("\n"), @r#"
    `image` `ghcr.io/acme/web:v14, ghcr.io/acme/api:v3`: a list is one item a line, without `-`, brackets, quotes or commas: `ghcr.io/acme/web:v14`, and on the next line `ghcr.io/acme/api:v3`
    `image` `- ghcr.io/acme/web:v14 - ghcr.io/acme/api:v3`: a list is one item a line, without `-`, brackets, quotes or commas: `ghcr.io/acme/web:v14`, and on the next line `ghcr.io/acme/api:v3`
    `image` `ghcr.io/acme/web:v14 ghcr.io/acme/api:v3`: a list is one item a line, without `-`, brackets, quotes or commas: `ghcr.io/acme/web:v14`, and on the next line `ghcr.io/acme/api:v3`
    `image` `ghcr.io/acme/web:v14; ghcr.io/acme/api:v3`: a list is one item a line, without `-`, brackets, quotes or commas: `ghcr.io/acme/web:v14`, and on the next line `ghcr.io/acme/api:v3`
    `image` `"ghcr.io/acme/web:v14"`: a list is one item a line, without `-`, brackets, quotes or commas: `ghcr.io/acme/web:v14`
    `image` `[ "ghcr.io/acme/web:v14", "ghcr.io/acme/api:v3" ]`: a list is one item a line, without `-`, brackets, quotes or commas: `ghcr.io/acme/web:v14`, and on the next line `ghcr.io/acme/api:v3`
    `image` `{ "web": "ghcr.io/acme/web:v14", "api": "ghcr.io/acme/api:v3" }`: a list is one item a line, without `-`, brackets, quotes or commas: `web=ghcr.io/acme/web:v14`, and on the next line `api=ghcr.io/acme/api:v3`
    `file` `- apps/web.yaml`: a list is one item a line, without `-`, brackets, quotes or commas: `apps/web.yaml`
    `file` `["apps/web.yaml"]`: a list is one item a line, without `-`, brackets, quotes or commas: `apps/web.yaml`
    `file` `'apps/web.yaml'`: a list is one item a line, without `-`, brackets, quotes or commas: `apps/web.yaml`
    `file` `apps/web.yaml, apps/api.yaml`: a list is one item a line, without `-`, brackets, quotes or commas: `apps/web.yaml`, and on the next line `apps/api.yaml`
    `resource` `- Deployment/web`: a list is one item a line, without `-`, brackets, quotes or commas: `Deployment/web`
    `pull-request-labels` `["deployment"]`: a list is one item a line, without `-`, brackets, quotes or commas: `deployment`
    `pull-request` `true`: a repository on this machine has no pull requests. Without `pull-request` the change would go to `branch` itself, and nobody would review it
    "#);
}

#[test]
fn a_value_that_is_nearly_right_says_how_to_write_it() {
    let told = [
        ".spec.replicas = 5",
        ".spec.replicas := 5",
        "spec.replicas: 5",
        "- .spec.replicas=5",
        "\".spec.replicas=5\"",
        ".spec.replicas",
        "{\"a\": 5}",
        ".spec.replicas=5, .metadata.name=web",
        ".spec.replicas=5,.metadata.name=web;.spec.paused=true",
        ".metadata.name=web .spec.replicas=5",
        ".spec.replicas=5,paused=true",
        ".image.tag=",
        ".image.tag=a: 5",
        ".spec.replicas=3 # three",
        ".image.tag=${{ x }}",
    ];
    let told = told.map(|set| refused([("set", set)]));
    insta::assert_snapshot!(told.join("\n"), @r#"
    `set` `.spec.replicas = 5`: expected YAML-PATH=VALUE: write `.spec.replicas=5`
    `set` `.spec.replicas := 5`: expected YAML-PATH=VALUE: write `.spec.replicas:=5`
    `set` `spec.replicas: 5`: expected YAML-PATH=VALUE: write `spec.replicas=5`
    `set` `- .spec.replicas=5`: a list is one item a line, without `-`, brackets, quotes or commas: `.spec.replicas=5`
    `set` `".spec.replicas=5"`: a list is one item a line, without `-`, brackets, quotes or commas: `.spec.replicas=5`
    `set`: ".spec.replicas" has no `=` behind its path: write PATH=VALUE
    `set`: the path "{\"a\": 5}" has "\"a\": 5}" where a step was expected: a key with such a character is written as ["key"]
    `set` `.spec.replicas=5, .metadata.name=web`: a list is one item a line, without `-`, brackets, quotes or commas: `.spec.replicas=5`, and on the next line `.metadata.name=web`. Where all of it is one value, write that in quotes
    `set` `.spec.replicas=5,.metadata.name=web;.spec.paused=true`: a list is one item a line, without `-`, brackets, quotes or commas: `.spec.replicas=5`, and on the next line `.metadata.name=web`, and on the next line `.spec.paused=true`. Where all of it is one value, write that in quotes
    `set` `.metadata.name=web .spec.replicas=5`: a list is one item a line, without `-`, brackets, quotes or commas: `.metadata.name=web`, and on the next line `.spec.replicas=5`. Where all of it is one value, write that in quotes
    `set` `.spec.replicas=5,paused=true`: a list is one item a line, without `-`, brackets, quotes or commas: `.spec.replicas=5`, and on the next line `paused=true`. Where all of it is one value, write that in quotes
    `set`: ".image.tag=" has no value behind the `=`: an expression (`${{ … }}`) that gives nothing leaves it so. Check where it comes from; to remove the key, use `remove`; to write an empty text on purpose, two quotes (`""`)
    `set`: ".image.tag=a: 5" has the value "a: 5", which is not a single YAML value: put it in quotes
    `set`: ".spec.replicas=3 # three" has a comment behind its value, and a comment can't be set: write `.spec.replicas=3`; where the `#` belongs to the value, put the value in quotes
    `set`: ".image.tag=${{ x }}" has a value that still holds a placeholder (`${{ … }}`), which GitHub did not fill in: check where the line comes from; to write it as it is on purpose, put the value in quotes
    "#);
}

/// Nobody has said that a number shall become a text.
#[test]
fn a_value_that_becomes_of_another_type_is_said() {
    let warnings = |set: &str| {
        let (outcome, _) = tried([("set", set), ("image", ""), ("dry-run", "true")]);
        outcome.succeeded().warnings().join("\n")
    };
    insta::assert_snapshot!(warnings(".spec.replicas=three"), @"
    apps/web.yaml line 5: .spec.replicas was the number 2 and becomes the text three: if you mean that, write the value in quotes
    ");
    insta::assert_snapshot!(warnings(".spec.replicas=true"), @"
    apps/web.yaml line 5: .spec.replicas was the number 2 and becomes the boolean true: if you mean that, write `!!bool` before the value
    ");
    for meant in [
        ".spec.replicas=3",
        ".spec.replicas=\"three\"",
        ".spec.replicas=!!str three",
        ".spec.replicas=!!bool true",
        ".metadata.name=3",
        ".apiVersion=v2",
    ] {
        assert_eq!(warnings(meant), "", "{meant}");
    }
}

/// The commit would be there, and not in the files of the checkout.
#[test]
fn a_branch_that_is_checked_out_says_how_to_let_go_of_it() {
    let server = GitServer::start();
    let repository = server.repository_with("acme/k8s-manifests", FILE, MANIFEST);
    let directory = tempfile::tempdir().unwrap();
    let checkout = directory.path().join("checkout");
    let git = |arguments: &[&str]| {
        let ended = Command::new("git").args(arguments).status().unwrap();
        assert!(ended.success(), "{arguments:?}");
    };
    let path = checkout.to_str().unwrap();
    git(&["clone", "-q", repository.path().to_str().unwrap(), path]);
    let run = || {
        let url = format!("file://{path}");
        step(&repository, [("repository", &url), ("branch", "main")]).run()
    };
    let told = run().failed().errors().join("\n");
    insta::assert_snapshot!(told.replace(path, "/CHECKOUT"), @"
    file:///CHECKOUT declined the push: the branch is checked out there, and its files would not follow. Nothing was changed.
    Run `git switch --detach` in that checkout, so that no branch is checked out there, and set `branch`; afterwards `git switch` with the branch's name brings the new commit. Or give a bare repository (`git clone --bare`).
    ");
    // And it works.
    git(&["-C", path, "switch", "-q", "--detach"]);
    run().succeeded();
    git(&["-C", path, "switch", "-q", "main"]);
    let text = std::fs::read_to_string(checkout.join(FILE)).unwrap();
    assert!(text.contains("web:v14"), "{text}");
}

#[test]
fn a_branch_that_is_not_there_names_the_nearest() {
    let (outcome, _) = tried([("branch", "man")]);
    let told = outcome.failed().errors().join("\n");
    let (start, _) = told.split_once("file://").unwrap();
    let repository = told.split(' ').next().unwrap();
    assert_eq!(start, "");
    insta::assert_snapshot!(told.replace(repository, "REPOSITORY"), @"
    REPOSITORY has no branch `man`. Nothing was changed.
    Check `branch`: did you mean `main`? REPOSITORY has `main`. A new branch has to be pushed first: this action makes none.
    ");
}

#[test]
fn a_tag_or_a_commit_in_place_of_a_branch_is_told_as_one() {
    let told = |branch: &str| {
        let (outcome, _) = tried([("branch", branch)]);
        let error = outcome.failed().errors().join("\n");
        let (advice, _) = error.lines().nth(1).unwrap().split_once(" file:").unwrap();
        advice.to_owned()
    };
    let told = ["v1.0", "refs/tags/stable", "0a1b2c3", "feature"].map(told);
    insta::assert_snapshot!(told.join("\n"), @"
    Check `branch`: `v1.0` looks like a tag, and only a branch is written to.
    Check `branch`: `refs/tags/stable` is the reference of a tag, and only a branch is written to.
    Check `branch`: `0a1b2c3` looks like the id of a commit, and only a branch is written to.
    Check `branch`:
    ");
}

#[test]
fn a_default_branch_that_is_not_there_is_told_as_that() {
    let unknown = "has no default branch, or names one that is not there";
    for (via, named) in [
        (None, "is `trunk`, which is not there"),
        (Some(Via::Git), unknown),
        (Some(Via::Api), unknown),
    ] {
        let server = GitServer::start();
        let repository = server.repository_with("acme/k8s-manifests", FILE, MANIFEST);
        repository.git(&["symbolic-ref", "HEAD", "refs/heads/trunk"]);
        let action = step(&repository, []).input("token", TOKEN);
        let action = match via {
            Some(via) => action.over(via, &repository),
            None => action,
        };
        let error = action.run().failed().errors().join("\n");
        for words in [
            named,
            "`branch` is not given",
            "Set `branch` to one of: `main`.",
        ] {
            assert!(error.contains(words), "{words}: {error}");
        }
    }
}

#[test]
fn a_comment_has_a_line_of_its_own() {
    let inputs = [
        (
            "image",
            "ghcr.io/acme/web:v14 # the site\nweb=ghcr.io/acme/web:v14 #x",
        ),
        ("file", "apps/web.yaml # the site"),
        ("resource", "Deployment/web # the site"),
        ("path", ".spec.image # the site"),
        ("set", ".spec.replicas=3 # three"),
    ];
    insta::assert_snapshot!(refused(inputs), @r#"
    `file` `apps/web.yaml # the site`: a comment takes a line of its own: write `apps/web.yaml`
    `image` `ghcr.io/acme/web:v14 # the site`: a comment takes a line of its own: write `ghcr.io/acme/web:v14`
    `image` `web=ghcr.io/acme/web:v14 #x`: a comment takes a line of its own: write `web=ghcr.io/acme/web:v14`
    `path` `.spec.image # the site`: a comment takes a line of its own: write `.spec.image`
    `set`: ".spec.replicas=3 # three" has a comment behind its value, and a comment can't be set: write `.spec.replicas=3`; where the `#` belongs to the value, put the value in quotes
    `resource` `Deployment/web # the site`: a comment takes a line of its own: write `Deployment/web`
    "#);
}

#[test]
fn a_message_with_braces_never_stops_a_deployment() {
    let (outcome, [before, after]) =
        tried([("commit-message", "fix({scope}): {tga}, {} and {tag}")]);
    let outcome = outcome.succeeded();
    assert_ne!(before, after);
    assert!(outcome.output("diff").contains("v14"));
    insta::assert_snapshot!(outcome.warnings().join("\n"), @"
    `commit-message`: {scope} is not a placeholder and stays as text. Placeholders, nearest first: {source-sha} {source-repository} {actor} {resource} {previous-tag} {previous-image} {name} {file} {image} {digest} {run-number} {tag}
    `commit-message`: {tga} is not a placeholder and stays as text. Placeholders, nearest first: {tag} {name} {image} {digest} {previous-image} {previous-tag} {file} {resource} {source-repository} {source-sha} {actor} {run-number}
    ");
}

/// GitHub fills it in, or fails: so it came from elsewhere, and no value is meant so. A text for people may be.
#[test]
fn what_github_did_not_fill_in_is_refused_or_stays_with_a_warning() {
    let told = [
        refused([("file", "apps/${{ env.APP }}.yaml\n# ${{ x }}\na.yaml")]),
        refused([("branch", "${{ github.ref_name }}")]),
        refused([("author-name", "${{ github.actor }}")]),
        refused([("dry-run", "${{ inputs.dry }}")]),
        refused([("remove", ".spec.${{ x }}")]),
        refused([("image", "ghcr.io/acme/web:${{ x }}")]),
    ];
    insta::assert_snapshot!(told.join("\n"), @r#"
    `file` `apps/${{ env.APP }}.yaml`: a placeholder (`${{ … }}`) that GitHub did not fill in: it evaluates expressions only in the YAML of a workflow or an action
    `branch` `${{ github.ref_name }}`: a placeholder (`${{ … }}`) that GitHub did not fill in: it evaluates expressions only in the YAML of a workflow or an action
    `author-name` `${{ github.actor }}`: a placeholder (`${{ … }}`) that GitHub did not fill in: it evaluates expressions only in the YAML of a workflow or an action
    `dry-run` `${{ inputs.dry }}`: a placeholder (`${{ … }}`) that GitHub did not fill in: it evaluates expressions only in the YAML of a workflow or an action
    `remove` `.spec.${{ x }}`: a placeholder (`${{ … }}`) that GitHub did not fill in: it evaluates expressions only in the YAML of a workflow or an action
    `image`: the image reference "ghcr.io/acme/web:${{ x }}" still holds a placeholder: it was not filled in
    "#);
    let text = "deploy ${{ github.ref_name }}";
    let (outcome, [before, after]) = tried([("commit-message", text), ("pull-request-title", "")]);
    let outcome = outcome.succeeded();
    assert_ne!(before, after);
    insta::assert_snapshot!(outcome.warnings().join("\n"), @"
    `commit-message`: a placeholder (`${{ … }}`) that GitHub did not fill in stays as text: it evaluates expressions only in the YAML of a workflow or an action
    ");
}

#[test]
fn a_warning_is_in_the_summary_too() {
    let (outcome, _) = tried([("commit-message", "{sha}"), ("argocd-plaintext", "true")]);
    let summary = outcome.succeeded().summary;
    let told: Vec<&str> = summary
        .lines()
        .filter(|line| line.starts_with("> "))
        .collect();
    insta::assert_snapshot!(told.join("\n"), @"
    > [!WARNING]
    > The input `argocd-plaintext` is now called `plaintext`: rename it in the workflow.
    > [!WARNING]
    > `commit-message`: {sha} is not a placeholder and stays as text. Placeholders, nearest first: {source-sha} {name} {image} {resource} {source-repository} {tag} {digest} {previous-image} {previous-tag} {file} {actor} {run-number}.
    ");
    let warnings = summary.find("> [!WARNING]").unwrap();
    assert!(summary.starts_with("### ") && warnings < summary.find("| Resource").unwrap());

    let (outcome, _) = tried([
        ("argocd-plaintext", "true"),
        ("image", "ghcr.io/acme/wbe:v14"),
    ]);
    let summary = outcome.failed().summary;
    assert!(summary.starts_with("### ❌ The image is not in the manifest\n"));
    assert!(
        summary.contains("> [!WARNING]\n> The input `argocd-plaintext` is now called"),
        "{summary}"
    );
}

/// What is wrong with a manifest or with what is asked of it, what to do, and that nothing was changed.
#[test]
fn a_manifest_that_cannot_be_edited_says_what_to_do() {
    let told = [
        titled([("image", "ghcr.io/acme/wbe:v14")]),
        titled([("image", "wbe=ghcr.io/acme/web:v14")]),
        titled([("set", ".spec.replica=3")]),
        titled([("set", ".metadata.labels.app=web")]),
        titled([("set", "Deployment/wbe:.spec.replicas=3")]),
        titled([("set", ".spec.template=3")]),
        titled([("path", "apps/web.yaml")]),
        titled([("resource", "Deployment/wbe")]),
        titled([("image", "ghcr.io/acme/web:v14\nghcr.io/acme/web:v15")]),
        titled([("set", ".spec.replicas=3\n.spec.replicas=4")]),
    ];
    insta::assert_snapshot!(told.join("\n\n"), @"
    The image is not in the manifest
    apps/web.yaml holds no image ghcr.io/acme/wbe. What is there, nearest first:
    - ghcr.io/acme/web:v13 (container web, Deployment/web, apps/web.yaml line 10, .spec.template.spec.containers[name=web].image)
    Read on `main` at COMMIT. Nothing was changed.
    Check `image` and `file`. To put another image in place of one that is there, name its container: `CONTAINER=IMAGE`. Where the file has a shape of its own, say with `path` where the image, or its tag, is.

    The image is not in the manifest
    apps/web.yaml has no container wbe. What is there, nearest first:
    - ghcr.io/acme/web:v13 (container web, Deployment/web, apps/web.yaml line 10, .spec.template.spec.containers[name=web].image)
    Read on `main` at COMMIT. Nothing was changed.
    Check the container's name before the `=` in `image`, and `file`.

    There is no such place in the manifest
    apps/web.yaml has nothing at .spec.replica: .spec (line 5) has the keys replicas, template. Read on `main` at COMMIT. Nothing was changed.
    Did you mean `.spec.replicas`? Only to add something new, write `.spec.replica:=…`, with a colon.

    There is no such place in the manifest
    apps/web.yaml has nothing at .metadata.labels.app: .metadata (line 3) has the keys name. Read on `main` at COMMIT. Nothing was changed.
    Check the path: its keys are written as in the file. Only to add something new, write `.metadata.labels.app:=…`, with a colon.

    There is no such place in the manifest
    apps/web.yaml has no document for Deployment/wbe:.spec.replicas; there is Deployment/web. Read on `main` at COMMIT. Nothing was changed.
    Check what is before the `:` of the path, such as `Deployment/web`, and `file`.

    The manifest can't be edited at this place
    apps/web.yaml, line 7: .spec.template is a mapping: name one of its keys, or write a mapping as in {a: b}. Read on `main` at COMMIT. Nothing was changed.

    There is no such place in the manifest
    apps/web.yaml has nothing at .apps/web.yaml: its top level (line 1) has the keys apiVersion, metadata, spec, kind. Read on `main` at COMMIT. Nothing was changed.
    Check the path: its keys are written as in the file.

    There is no such place in the manifest
    apps/web.yaml has no Deployment/wbe; there is Deployment/web. Read on `main` at COMMIT. Nothing was changed.
    Check `resource`: kind and name are written as in the manifest.

    Two lines of the inputs contradict each other
    apps/web.yaml, line 10: ghcr.io/acme/web:v14 and ghcr.io/acme/web:v15 both mean the image ghcr.io/acme/web:v13 of container web: keep one of the two lines. Read on `main` at COMMIT. Nothing was changed.

    Two lines of the inputs contradict each other
    apps/web.yaml, line 5: two lines of the request want different values at .spec.replicas. Read on `main` at COMMIT. Nothing was changed.
    Keep one of the two lines.
    ");
}

#[test]
fn a_file_that_is_not_there_names_the_nearest() {
    let told = [
        "web.yaml",
        "k8s-manifests/apps/web.yaml",
        "acme/k8s-manifests/apps/web.yaml",
        "apps/web.yml",
        "app/*.yaml",
        "web*.yaml",
        "apps",
        "apps/",
        "https://github.com/acme/k8s-manifests/blob/main/apps/web.yaml",
        "apps/web.yaml apps/api.yaml",
        "!apps/api.yaml",
    ];
    let told = told.map(|file| refused([("file", file)]));
    let told = told.map(|told| {
        told.lines()
            .map(|line| match line.split_once("file://") {
                Some((before, rest)) => {
                    format!("{before}REPOSITORY{}\n", rest.split_once(".git").unwrap().1)
                }
                None => format!("{line}\n"),
            })
            .collect::<String>()
    });
    insta::assert_snapshot!(told.join(""), @"
    `web.yaml` does not exist on `main` at COMMIT in REPOSITORY. Nothing was changed.
    Check `file`: it takes one path a line, each from the root of the repository. Did you mean `apps/web.yaml`?
    `k8s-manifests/apps/web.yaml` does not exist on `main` at COMMIT in REPOSITORY. Nothing was changed.
    Check `file`: it takes one path a line, each from the root of the repository. Did you mean `apps/web.yaml`?
    `acme/k8s-manifests/apps/web.yaml` does not exist on `main` at COMMIT in REPOSITORY. Nothing was changed.
    Check `file`: it takes one path a line, each from the root of the repository. Did you mean `apps/web.yaml`?
    `apps/web.yml` does not exist on `main` at COMMIT in REPOSITORY. Nothing was changed.
    Check `file`: it takes one path a line, each from the root of the repository. Did you mean `apps/web.yaml`?
    `app/*.yaml` matches no file on `main` at COMMIT in REPOSITORY. Nothing was changed.
    Check `file`: `*` and `?` stay within a directory, `**` crosses directories. Did you mean `apps/web.yaml`?
    `web*.yaml` matches no file on `main` at COMMIT in REPOSITORY. Nothing was changed.
    Check `file`: `*` and `?` stay within a directory, `**` crosses directories. Did you mean `apps/web.yaml`?
    `apps` is a directory on `main` at COMMIT in REPOSITORY. Nothing was changed.
    Name the file in it, or a glob such as `apps/*.yaml`.
    `file` `apps/`: the path ends in `/`: name a file, or a glob such as `apps/*.yaml`
    `file` `https://github.com/acme/k8s-manifests/blob/main/apps/web.yaml`: a URL: give the path in the repository alone, such as `apps/web.yaml`
    `file` `apps/web.yaml apps/api.yaml`: a list is one item a line, without `-`, brackets, quotes or commas: `apps/web.yaml`, and on the next line `apps/api.yaml`
    `file`: it only excludes (`!`): name the files to take as well, such as `apps/*.yaml`
    ");
}

#[test]
fn the_first_line_says_what_runs_and_how() {
    let (outcome, _) = tried([("dry-run", "true")]);
    let log = outcome.succeeded().shown_log();
    let first = log.lines().next().unwrap();
    let version = env!("CARGO_PKG_VERSION");
    assert!(
        first.starts_with(&format!("gitops-deploy {version}: update in file:///")),
        "{first}"
    );
    assert!(
        first.ends_with(" through git (the repository is not on GitHub)"),
        "{first}"
    );
    let (outcome, _) = tried([("imge", "x")]);
    let log = outcome.failed().shown_log();
    assert_eq!(
        log.lines().next().unwrap(),
        format!("gitops-deploy {version}")
    );
}

#[test]
fn what_stands_around_a_change_can_be_kept_out_of_the_run() {
    let (outcome, _) = tried([]);
    let outcome = outcome.succeeded();
    assert!(outcome.log().contains("+        image: ") && outcome.summary.contains("```diff"));
    let (outcome, _) = tried([("show-diff", "false")]);
    let outcome = outcome.succeeded();
    for shown in [outcome.log(), outcome.summary.clone()] {
        assert!(!shown.contains("- name: web"), "{shown}");
    }
    assert!(outcome.output("diff").contains("- name: web"));
}

#[test]
fn the_binary_says_what_it_is() {
    let asked = |argument: &str| {
        let binary = env!("CARGO_BIN_EXE_gitops-deploy");
        let output = Command::new(binary).arg(argument).output().unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.success(), text)
    };
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        asked("--version"),
        (true, format!("gitops-deploy {version}\n"))
    );
    let (succeeded, help) = asked("--help");
    assert!(
        succeeded && help.contains("\nINPUT_DRY_RUN (default false)\n"),
        "{help}"
    );
    let (succeeded, refusal) = asked("update");
    assert!(!succeeded);
    insta::assert_snapshot!(refusal.replace(version, "VERSION"), @r#"error: "update" is not understood: gitops-deploy VERSION takes no arguments. Each input is an environment variable, such as INPUT_IMAGE; --help lists them."#);
}

#[test]
fn a_repository_in_another_form_says_how_to_write_it() {
    let told = [
        "acme",
        "github.com/acme/k8s",
        "git@github.com:acme/k8s.git",
        "https://github.com/acme",
        "https://github.com/acme/k8s/tree/main",
        "https://me:secret@github.com/acme/k8s",
        "http://git.example.com/acme/k8s",
        "http:/github.com/acme/k8s",
        "\"acme/k8s\"",
        "/srv/git/k8s.git",
        "",
    ];
    let told = told.map(|repository| refused([("repository", repository), ("token", "x")]));
    assert!(!told.join("").contains("secret@"));
    insta::assert_snapshot!(told.join("\n"), @r#"
    `repository` `acme`: expected `owner/name`, or a whole https://, http:// or file:// URL
    `repository` `github.com/acme/k8s`: a URL without its scheme: write `https://github.com/acme/k8s`
    `repository` `git@github.com:acme/k8s.git`: SSH is not supported: give `owner/name`, or the https:// URL, and a token
    `repository` `https://github.com/acme`: the URL of an owner and not of a repository: write `acme/NAME`
    `repository` `https://github.com/acme/k8s/tree/main`: the URL of a page of the repository: write `acme/k8s`, and what is behind it as `branch` and `file`
    `repository`: a URL with credentials in it: give the token as `token`, a name that it needs as `token-username`, and the URL without them
    `repository`: `http://` would send the token unencrypted to git.example.com: use https://. Where the way is private, `plaintext: true` allows it
    `repository` `http:/github.com/acme/k8s`: a URL without the two slashes behind its scheme: write `http://github.com/acme/k8s`
    `repository` `"acme/k8s"`: quotes around it: write `acme/k8s`
    `repository` `/srv/git/k8s.git`: a path of this machine: write `file:///srv/git/k8s.git`
    `repository`: required: the repository that holds the manifests, as `owner/name` or as a URL
    "#);
}

#[test]
fn a_secret_that_is_not_there_or_not_whole_says_so() {
    let github = ("repository", "acme/k8s");
    let argocd = [
        ("argocd-application", "web"),
        ("argocd-server", "argocd.example.com"),
    ];
    let told = [
        refused([github, ("token", "")]),
        refused([github, ("token", "ghp_1\nghp_2")]),
        refused([github, ("token", "Bearer ghp_1")]),
        refused([github, ("token", "\"ghp_1\"")]),
        refused([github, ("token", "${{ secrets.X }}")]),
        refused([github, ("app-id", "1"), ("app-private-key", "")]),
        refused([argocd[0], argocd[1], ("argocd-token", "")]),
        refused([
            ("verify-image", "true"),
            ("registry-username", "x"),
            ("registry-password", ""),
        ]),
    ];
    insta::assert_snapshot!(told.join("\n"), @"
    `token`: empty: the repository is neither read nor written without one. Where it comes from a secret, that secret is not set here: check its name, that the repository, organisation or environment has it, and that the run was not started by a fork or by Dependabot, which get none
    `token`: white space in the middle of it: the secret was not pasted as one piece
    `token`: white space in the middle of it: the secret was not pasted as one piece
    `token`: quotes around it: store the secret without them
    `token`: a placeholder (`${{ … }}`) that GitHub did not fill in: it evaluates expressions only in the YAML of a workflow or an action
    `app-private-key`: empty, though `app-id` is given. Where it comes from a secret, that secret is not set here
    `argocd-token`: empty: Argo CD can't be asked without one. Where it comes from a secret, that secret is not set here. Without a secret, give `argocd-oidc-connector`
    `registry-password`: empty, though `registry-username` is given. Where it comes from a secret, that secret is not set here
    ");
}

#[test]
fn a_number_a_switch_and_a_word_say_what_they_take() {
    let told = [
        refused([("timeout", "5m")]),
        refused([("timeout", "-5")]),
        refused([("timeout", "10h")]),
        refused([
            ("verify-image", "true"),
            ("verify-image-timeout", "1h 30min"),
        ]),
        refused([
            ("operation", "promote"),
            ("image", ""),
            ("from", "a.yaml"),
            ("soak", "2hours"),
        ]),
        refused([
            ("operation", "promote"),
            ("image", ""),
            ("from", "a.yaml"),
            ("soak", "soon"),
        ]),
        refused([("operation", "history"), ("image", ""), ("since", "5m")]),
        refused([
            ("operation", "history"),
            ("image", ""),
            ("since", "2w"),
            ("until", "1hour"),
        ]),
        refused([
            ("operation", "history"),
            ("image", ""),
            ("since", "long ago"),
        ]),
        refused([("dry-run", "yes")]),
        refused([("plaintext", "on")]),
        refused([("operation", "updte")]),
        refused([("downgrade", "deny")]),
        refused([("branch", "main\ndev")]),
        refused([("pull-request", "true")]),
        refused([("operation", "history"), ("image", ""), ("limit", "0")]),
    ];
    insta::assert_snapshot!(told.join("\n"), @"
    `timeout` `5m`: expected a number of seconds from 1 to 21600: write `300`
    `timeout` `-5`: expected a number of seconds from 1 to 21600, such as `600`
    `timeout` `10h`: expected a number of seconds from 1 to 21600, such as `600`
    `verify-image-timeout` `1h 30min`: expected a number of seconds from 0 to 21600: write `5400`
    `soak` `2hours`: expected a time with its unit, such as `45m`, `2h` or `1d`, of at most 366 days: write `2h`
    `soak` `soon`: expected a time with its unit, such as `45m`, `2h` or `1d`, of at most 366 days
    `since` `5m`: expected a date such as `2026-08-22`, `22 Aug 2026`, `2026-08-22T10:00Z`, `2026-08-22 10:00` (UTC), `today`, `yesterday`, `last monday`, `2 weeks ago` or `@1787392800`: write `5 minutes ago` (or `5 months ago`)
    `since` `2w`: expected a date such as `2026-08-22`, `22 Aug 2026`, `2026-08-22T10:00Z`, `2026-08-22 10:00` (UTC), `today`, `yesterday`, `last monday`, `2 weeks ago` or `@1787392800`: write `2 weeks ago`
    `until` `1hour`: expected a date such as `2026-08-22`, `22 Aug 2026`, `2026-08-22T10:00Z`, `2026-08-22 10:00` (UTC), `today`, `yesterday`, `last monday`, `2 weeks ago` or `@1787392800`: write `1 hour ago`
    `since` `long ago`: expected a date such as `2026-08-22`, `22 Aug 2026`, `2026-08-22T10:00Z`, `2026-08-22 10:00` (UTC), `today`, `yesterday`, `last monday`, `2 weeks ago` or `@1787392800`
    `dry-run` `yes`: expected `true` or `false`
    `plaintext` `on`: expected `true` or `false`
    `operation` `updte`: expected `update`, `rollback`, `history`, `verify`, `promote` or `status`: did you mean `update`?
    `downgrade` `deny`: expected `allow`, `skip` or `fail`
    `branch` `main dev`: git does not allow it as a branch name
    `pull-request` `true`: a repository on this machine has no pull requests. Without `pull-request` the change would go to `branch` itself, and nobody would review it
    `limit` `0`: expected a whole number from 1 to 1000
    ");
}

#[test]
fn a_verdict_is_a_sentence_whatever_the_number() {
    let server = GitServer::start();
    let two = format!("{MANIFEST}      - name: proxy\n        image: nginx:1.27\n");
    let repository = server.repository_with("acme/k8s-manifests", FILE, &two);
    let verdict = |images: &str| {
        let outcome = step(&repository, [("image", images)]).run().succeeded();
        outcome.summary.lines().next().unwrap().to_owned()
    };
    let both = "ghcr.io/acme/web:v14\nnginx:1.28";
    assert_eq!(verdict(both), "### 🚀 Deployed 2 images");
    assert_eq!(
        verdict(both),
        "### 💤 Nothing changed: 2 images are there already"
    );
    assert_eq!(
        verdict("nginx:1.28"),
        "### 💤 Nothing changed: `nginx:1.28` is there already"
    );
}

#[test]
fn what_only_a_promotion_heeds_stops_an_update() {
    insta::assert_snapshot!(refused([("from", "staging/web.yaml"), ("soak", "2h"), ("image", "")]), @"
    `from`, `soak`: no effect with `operation: update`: set `operation: promote`, or remove them (an empty value counts as removed)
    `image`: required (or `set`, `remove`): the image to deploy, such as `ghcr.io/acme/web:v2` or `web=ghcr.io/acme/web:v2`
    ");
}

#[test]
fn a_rollback_says_what_it_has_no_use_for() {
    // A step that operations share, where each takes what is its own.
    let (outcome, _) = tried([("operation", "Rollback"), ("downgrade", "fail")]);
    insta::assert_snapshot!(outcome.warnings().join("\n"), @"
    `image`: no effect with `operation: rollback`: it only fails the step where the newest deployment is none of it. Name what to go back to with `to`
    `downgrade`: no effect with `operation: rollback`, only with `operation: update` or `promote`
    ");
}

#[test]
fn a_word_is_known_in_any_case() {
    let (outcome, _) = tried([
        ("operation", "Update"),
        ("downgrade", "FAIL"),
        ("transport", "Git"),
    ]);
    assert_eq!(outcome.succeeded().output("changed"), "true");
}

#[test]
fn one_input_with_two_faults_has_both_told() {
    insta::assert_snapshot!(refused([("pull-request-wait", "true")]), @"
    `pull-request-wait`: no effect without `pull-request: true`. Add that, or remove it (an empty value counts as removed)
    `pull-request-wait` `true`: expected a number of seconds from 0 to 21600, such as `600`
    ");
}

#[test]
fn a_placeholder_in_a_path_is_only_where_it_means_something() {
    let told = [
        refused([("file", "envs/{stage}/web.yaml")]),
        refused([
            ("operation", "status"),
            ("image", ""),
            ("file", "envs/{Stage}/web.yaml"),
        ]),
        refused([
            ("operation", "promote"),
            ("image", ""),
            ("from", "envs/staging/{app}.yaml"),
            ("file", "envs/production/{apps}.yaml"),
        ]),
    ];
    insta::assert_snapshot!(told.join("\n"), @"
    `file` `envs/{stage}/web.yaml`: `{stage}` means something only with `operation: promote` or `operation: status`. Here, write that part of the path itself, `*` for any, or alternatives such as `{staging,production}`
    `file` `envs/{Stage}/web.yaml`: `{Stage}` is not a name for a part of the path: a name is made of `a-z`, `0-9`, `-` and `_`, such as `{stage}`
    `from`: `{app}` pairs no files, and `file` has `{apps}`: write the same name in both, or `*` for any
    ");
}

/// What is removed is fine not to be there; where not even what is around it is, it may have been misspelt.
#[test]
fn what_was_not_removed_is_said_where_it_may_be_there() {
    for absent in [
        ".spec.paused",
        ".metadata.labels",
        "Deployment/web:.spec.template.spec.containers[name=log]",
    ] {
        let (outcome, [before, after]) = tried([("remove", absent), ("image", "")]);
        assert_eq!(
            outcome.succeeded().warnings(),
            Vec::<String>::new(),
            "{absent}"
        );
        assert_eq!(before, after);
    }
    let warned = |path| {
        let (outcome, [before, after]) = tried([("remove", path), ("image", "")]);
        assert_eq!(before, after);
        outcome.succeeded().warnings().join("\n")
    };
    let told = [
        warned(".spec.templat.spec.volumes"),
        warned(".spec.template.spec.containers[name=wbe].env"),
        warned("Deployment/wbe:.spec.replicas"),
        warned(".spec.replica"),
    ];
    insta::assert_snapshot!(told.join("\n"), @"
    `remove` found nothing: apps/web.yaml has nothing at .spec.templat.spec.volumes: .spec (line 5) has the keys template, replicas. Did you mean `.spec.template.spec.volumes`?
    `remove` found nothing: apps/web.yaml has nothing at .spec.template.spec.containers[name=wbe].env: .spec.template.spec.containers (line 9) is a list in which name is web. Did you mean `.spec.template.spec.containers[name=web].env`?
    `remove` found nothing: apps/web.yaml has no document for Deployment/wbe:.spec.replicas; there is Deployment/web. Check what is before the `:` of the path, such as `Deployment/web`, and `file`.
    `remove` found nothing: apps/web.yaml has nothing at .spec.replica: .spec (line 5) has the keys replicas, template. Did you mean `.spec.replicas`?
    ");
}

/// A slip before `[+]` would make a container without an image, and a label is no place for one.
#[test]
fn advice_and_a_slip_never_make_what_nobody_wants() {
    const LABELLED: &str = "kind: Deployment\nmetadata: {name: web, labels: {app: web}}\nspec:\n  selector: {matchLabels: {app: web}}\n  template:\n    spec:\n      containers:\n      - {name: proxy, image: nginx:1}\n      - {name: web, image: 'ghcr.io/acme/web:v13'}\n";
    const KUSTOMIZATION: &str =
        "kind: Kustomization\nimages:\n- name: ghcr.io/acme/web\n  newTag: v13\n";
    let told = |manifest: &str, inputs: [(&str, &str); 2]| {
        let server = GitServer::start();
        let file = match manifest {
            KUSTOMIZATION => "kustomization.yaml",
            _ => FILE,
        };
        let repository = server.repository_with("acme/k8s-manifests", file, manifest);
        let before = repository.tip("main");
        let outcome = step(&repository, inputs).input("file", file).run().failed();
        assert_eq!(before, repository.tip("main"));
        outcome.errors().join("\n").replace(&before[..7], "COMMIT")
    };
    let item = ".spec.template.spec.containers[name=wbe].env[+]={name: A, value: b}";
    let told = [
        told(MANIFEST, [("image", ""), ("set", item)]),
        told(
            MANIFEST,
            [
                ("image", ""),
                ("set", ".spec.template.spec.containers[name=web].image=v14"),
            ],
        ),
        told(LABELLED, [("image", "web:v16"), ("set", "")]),
        told(
            KUSTOMIZATION,
            [("image", "web=ghcr.io/acme/web:v16"), ("set", "")],
        ),
    ];
    insta::assert_snapshot!(told.join("\n"), @r#"
    apps/web.yaml has nothing at .spec.template.spec.containers[name=wbe].env[+]: .spec.template.spec.containers (line 9) is a list in which name is web. Read on `main` at COMMIT. Nothing was changed.
    Did you mean `.spec.template.spec.containers[name=web].env[+]`? Only to add something new, write `.spec.template.spec.containers[name=wbe].env[+]:=…`, with a colon.
    apps/web.yaml, line 10: .spec.template.spec.containers[name=web].image is a whole image, and v14 is a tag alone: write `ghcr.io/acme/web:v14`. Read on `main` at COMMIT. Nothing was changed.
    apps/web.yaml holds no image web where one is looked for. The text is there:
    - apps/web.yaml line 2, .metadata.name: a name without a tag. If the tag is in another key, name that with `path`
    - apps/web.yaml line 9, .spec.template.spec.containers[name=web].name: a name without a tag. If the tag is in another key, name that with `path`
    Images there, nearest first:
    - ghcr.io/acme/web:v13 (container web, Deployment/web, apps/web.yaml line 9, .spec.template.spec.containers[name=web].image)
    - nginx:1 (container proxy, Deployment/web, apps/web.yaml line 8, .spec.template.spec.containers[name=proxy].image)
    Read on `main` at COMMIT. Nothing was changed.
    The registry and the owner are part of an image's name: did you mean `ghcr.io/acme/web`, with its tag?
    kustomization.yaml has no container web: it names no container.
    Images there, nearest first:
    - ghcr.io/acme/web:v13 (Kustomization, kustomization.yaml line 3, .images[name="ghcr.io/acme/web"])
    Read on `main` at COMMIT. Nothing was changed.
    Leave the name and the `=` out: `ghcr.io/acme/web:v16`.
    "#);
}

/// Each advice with what follows it to the letter, and the image that Git has then.
#[test]
fn advice_that_is_followed_works() {
    const VALUES: &str = "image:\n  repository: ghcr.io/acme/web\n  tag: v13\n";
    const TWO: &str = "kind: Deployment\nmetadata: {name: web}\nspec: {template: {spec: {containers: [{name: web, image: 'ghcr.io/acme/web:v13'}]}}}\n---\nkind: Job\nmetadata: {name: web}\nspec: {template: {spec: {containers: [{name: web, image: 'ghcr.io/acme/web:v13'}]}}}\n";
    const CONTAINER: &str = ".spec.template.spec.containers[name=wbe].image=ghcr.io/acme/web:v14";
    for (manifest, wrong, advice, right) in [
        (
            MANIFEST,
            ("set", CONTAINER),
            "Did you mean `.spec.template.spec.containers[name=web].image`?",
            (
                "set",
                ".spec.template.spec.containers[name=web].image=ghcr.io/acme/web:v14",
            ),
        ),
        (
            MANIFEST,
            (
                "set",
                "Deployment/wbe:.spec.template.spec.containers[0].image=ghcr.io/acme/web:v14",
            ),
            "there is Deployment/web.",
            (
                "set",
                "Deployment/web:.spec.template.spec.containers[0].image=ghcr.io/acme/web:v14",
            ),
        ),
        (
            MANIFEST,
            (
                "set",
                "3:.spec.template.spec.containers[0].image=ghcr.io/acme/web:v14",
            ),
            "there is document 0.",
            (
                "set",
                "0:.spec.template.spec.containers[0].image=ghcr.io/acme/web:v14",
            ),
        ),
        (
            MANIFEST,
            (
                "set",
                "Deployment/web.spec.template.spec.containers[0].image=ghcr.io/acme/web:v14",
            ),
            "Did you mean `Deployment/web:.spec.template.spec.containers[0].image`?",
            (
                "set",
                "Deployment/web:.spec.template.spec.containers[0].image=ghcr.io/acme/web:v14",
            ),
        ),
        (
            TWO,
            (
                "set",
                ".spec.template.spec.containers[name=web].image=ghcr.io/acme/web:v14",
            ),
            "write `Deployment/web:.spec.template.spec.containers[name=web].image` or `Job/web:.spec.template.spec.containers[name=web].image`",
            (
                "set",
                "Job/web:.spec.template.spec.containers[name=web].image=ghcr.io/acme/web:v14",
            ),
        ),
        (
            MANIFEST,
            ("image", "web: ghcr.io/acme/web:v14"),
            "write `web=ghcr.io/acme/web:v14`",
            ("image", "web=ghcr.io/acme/web:v14"),
        ),
        (
            MANIFEST,
            ("image", "GHCR.io/Acme/web:v14"),
            "write \"ghcr.io/acme/web:v14\"",
            ("image", "ghcr.io/acme/web:v14"),
        ),
        (
            MANIFEST,
            ("image", "ghcr.io/acme/wbe:v14"),
            "name its container: `CONTAINER=IMAGE`",
            ("image", "web=ghcr.io/acme/wbe:v14"),
        ),
        (
            VALUES,
            ("image", "web=ghcr.io/acme/web:v14"),
            "Leave the name and the `=` out: `ghcr.io/acme/web:v14`.",
            ("image", "ghcr.io/acme/web:v14"),
        ),
        (
            VALUES,
            ("image", "ghcr.io/acme/wbe:v14"),
            "say with `path` where the image, or its tag, is.",
            ("image", "ghcr.io/acme/wbe:v14\n# .image"),
        ),
    ] {
        let server = GitServer::start();
        let repository = server.repository_with("acme/k8s-manifests", FILE, manifest);
        let run = |(name, value): (&str, &str)| {
            let image = if name == "image" { value } else { "" };
            let path = value.split_once("# ").map_or("", |(_, path)| path);
            step(&repository, [("image", image)])
                .input("path", path)
                .input(name, value)
                .run()
        };
        let outcome = run(wrong).failed();
        let error = outcome.errors().join("\n");
        assert!(error.contains(advice), "{error}");
        assert!(
            manifest != VALUES || !error.contains("CONTAINER="),
            "{error}"
        );
        let outcome = run(right).succeeded();
        assert!(outcome.output("diff").contains("v14"), "{}", outcome.log());
        assert_eq!(outcome.warnings(), Vec::<String>::new());
    }
}
