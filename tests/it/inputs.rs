//! What is said of inputs that are not what the action takes, as a new user tries them: each says how to
//! write it, and nothing is written before it is right.

use crate::support::{Action, GitServer, Outcome, Repository};

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
    error.clone()
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
    insta::assert_snapshot!(refused([("dry-runs", "true"), ("imge", "x"), ("zzz", "x")]), @"
    `dry-runs`: unknown input: did you mean `dry-run`?
    `imge`: unknown input: did you mean `image`?
    `zzz`: unknown input: the action's README lists them all. If the workflow sets INPUT_ZZZ for something else, set it to an empty text in this step's `env`
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
    insta::assert_snapshot!(outcome.errors().join("\n"), @"`verify-timeout` `0`: expected whole seconds from 1 to 21600");
}

#[test]
fn an_input_whose_switch_is_off_names_it() {
    insta::assert_snapshot!(refused([
        ("pull-request-labels", "deployment"),
        ("verify-image-timeout", "60"),
        ("argocd-wait-for", "synced"),
        ("rollback-on-failure", "true"),
    ]), @"
    `pull-request-labels`: no effect without `pull-request: true`. Add that, or remove what needs it (an empty value counts as removed)
    `verify-image-timeout`: no effect without `verify-image: true` or `pin-digest: true` or `require-platforms`. Add that, or remove what needs it (an empty value counts as removed)
    `argocd-wait-for`, `rollback-on-failure`: no effect without `argocd-application`. Add that, or remove what needs it (an empty value counts as removed)
    ");
}
