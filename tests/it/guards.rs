//! The guards of `operation: update`: what they stop, and what they ask for.

use crate::support::{Action, GitServer, Outcome, Repository, Step, TOKEN};

const FILE: &str = "apps/web.yaml";

fn manifest(tag: &str) -> String {
    format!(
        "kind: Deployment\nmetadata: {{name: web}}\nspec:\n  containers:\n  - name: web\n    \
         image: ghcr.io/acme/web:{tag}\n  - name: proxy\n    image: nginx:1.27.0\n"
    )
}

fn start(tag: &str) -> (GitServer, Repository) {
    let server = GitServer::start();
    let repository = server.repository_with("acme/deploy", FILE, &manifest(tag));
    (server, repository)
}

fn update(repository: &Repository, image: &str) -> Action {
    Action::new()
        .input("repository", repository.url())
        .input("file", FILE)
        .input("image", image)
        .input("token", TOKEN)
        .input("timeout", "60")
}

/// The same as run `id` of a workflow.
fn update_in_run(repository: &Repository, tag: &str, id: u64, workflow: &str) -> Action {
    update(repository, &format!("ghcr.io/acme/web:{tag}"))
        .env("GITHUB_RUN_ID", id.to_string())
        .env(
            "GITHUB_WORKFLOW_REF",
            format!("wlals2/blogsite/.github/workflows/{workflow}@refs/heads/main"),
        )
}

fn scrubbed(repository: &Repository, text: &str) -> String {
    let tip = repository.tip("main");
    text.replace(repository.url(), "URL")
        .replace(repository.url().trim_end_matches(".git"), "URL")
        .replace(env!("CARGO_PKG_VERSION"), "VERSION")
        .replace(&tip, "TIP")
        .replace(&tip[..7], "TIP")
}

fn skipped(repository: &Repository, action: Action) -> Outcome {
    let before = repository.tip("main");
    let outcome = action.run().succeeded();
    assert_eq!(repository.tip("main"), before, "{}", outcome.log());
    assert_eq!(outcome.output("changed"), "false");
    assert_eq!(outcome.output("commit-sha"), before);
    assert_eq!(outcome.output("diff"), "");
    outcome
}

#[test]
fn an_older_image_is_skipped() {
    let (_server, repository) = start("v14");
    let action = update(&repository, "ghcr.io/acme/web:v9").input("downgrade", "skip");
    let outcome = skipped(&repository, action);
    assert_eq!(outcome.output("image"), "ghcr.io/acme/web:v14");
    assert_eq!(
        outcome.output("skipped-reason"),
        "ghcr.io/acme/web:v9 is older than ghcr.io/acme/web:v14, which is in apps/web.yaml line 6"
    );
    insta::assert_snapshot!(scrubbed(&repository, &outcome.shown_log()), @"
    gitops-deploy VERSION: update in URL through git (the repository is not on GitHub)
    Updating apps/web.yaml in URL
    Read main at TIP
    Skipped: ghcr.io/acme/web:v9 is older than ghcr.io/acme/web:v14, which is in apps/web.yaml line 6. Nothing was pushed to main of URL.
    ");
    insta::assert_snapshot!(scrubbed(&repository, &outcome.summary), @"
    ### ⏭️ Skipped: `web:v14` stays

    ghcr.io/acme/web:v9 is older than ghcr.io/acme/web:v14, which is in apps/web.yaml line 6. Nothing was pushed to `main` of [`URL`](URL).

    | Resource | Container | Image in Git | Image asked for | File |
    |---|---|---|---|---|
    | `Deployment/web` | `web` | `ghcr.io/acme/web:v14` | `ghcr.io/acme/web:v9` | `apps/web.yaml:6` |
    ");
}

#[test]
fn an_older_image_fails() {
    let (_server, repository) = start("v14");
    let before = repository.tip("main");
    let outcome = update(&repository, "ghcr.io/acme/web:v9")
        .input("downgrade", "fail")
        .run()
        .failed();
    assert_eq!(repository.tip("main"), before);
    insta::assert_snapshot!(outcome.errors().join("\n"), @"
    ghcr.io/acme/web:v9 is older than ghcr.io/acme/web:v14, which is in apps/web.yaml line 6. Nothing was changed.
    Where an older build finished last, there is nothing to do: the newer one is deployed. To deploy the older one, set `downgrade: allow`, or undo the deployment with `operation: rollback`.
    ");
}

#[test]
fn an_older_image_that_set_writes_is_held_back_as_well() {
    let (_server, repository) = start("v14");
    let set = |image: &str| {
        let path = ".spec.containers[name=web].image";
        let action = update(&repository, image).input("image", "");
        action.input("set", format!("{path}={image}"))
    };
    let action = set("ghcr.io/acme/web:v9").input("downgrade", "skip");
    let outcome = skipped(&repository, action);
    assert_eq!(
        outcome.output("skipped-reason"),
        "ghcr.io/acme/web:v9 is older than ghcr.io/acme/web:v14, which is in apps/web.yaml line 6"
    );
    set("ghcr.io/acme/web:v9")
        .input("downgrade", "fail")
        .run()
        .failed();
    let newer = set("ghcr.io/acme/web:v15").input("downgrade", "fail");
    assert_eq!(newer.run().succeeded().output("changed"), "true");
}

#[test]
fn a_newer_image_is_deployed_and_an_older_one_where_that_is_allowed() {
    let (_server, repository) = start("v14");
    for (tag, downgrade) in [
        ("v15", "fail"),
        ("v16", "skip"),
        ("v9", "allow"),
        ("v10", ""),
    ] {
        let image = format!("ghcr.io/acme/web:{tag}");
        let outcome = update(&repository, &image)
            .input("downgrade", downgrade)
            .run()
            .succeeded();
        assert_eq!(outcome.output("changed"), "true", "{tag}");
        assert_eq!(outcome.output("skipped-reason"), "");
    }
}

#[test]
fn one_older_image_stops_the_whole_step() {
    let (_server, repository) = start("v14");
    let images = "ghcr.io/acme/web:v13\nnginx:1.28.0";
    let outcome = skipped(
        &repository,
        update(&repository, images).input("downgrade", "skip"),
    );
    insta::assert_snapshot!(outcome.output("skipped-reason"), @"ghcr.io/acme/web:v13 is older than ghcr.io/acme/web:v14, which is in apps/web.yaml line 6; the other changes of this step were left out with it, since one step is one commit");
    // In whatever order they are named.
    let images = "nginx:1.26.3\nghcr.io/acme/web:v15";
    skipped(
        &repository,
        update(&repository, images).input("downgrade", "skip"),
    );
}

#[test]
fn hashes_are_ordered_by_the_runs_of_their_workflow() {
    let (server, repository) = start("0000aaa");
    // Nobody knows who brought the first one.
    let outcome = update_in_run(&repository, "1111bbb", 200, "web.yml")
        .input("downgrade", "skip")
        .run()
        .succeeded();
    assert_eq!(outcome.output("changed"), "true");
    assert!(
        outcome
            .log()
            .contains("can't be told from their tags, and no recent commit says"),
        "{}",
        outcome.log()
    );

    // A file beside it changes meanwhile; the past of this one still tells.
    repository.commit("main", "README.md", "x", "docs: x");
    let older = update_in_run(&repository, "2222ccc", 199, "web.yml").input("downgrade", "skip");
    let outcome = skipped(&repository, older);
    insta::assert_snapshot!(outcome.output("skipped-reason"), @"ghcr.io/acme/web:2222ccc is older than ghcr.io/acme/web:1111bbb, which is in apps/web.yaml line 6: run 200 of the same workflow, which brought it, started after this one");

    // Another attempt of the same run is not older; a run of another workflow can't be compared.
    for (tag, id, workflow) in [
        ("2222ccc", 200, "web.yml"),
        ("3333ddd", 201, "web.yml"),
        ("4444eee", 150, "other.yml"),
    ] {
        let outcome = update_in_run(&repository, tag, id, workflow)
            .input("downgrade", "fail")
            .run()
            .succeeded();
        assert_eq!(outcome.output("changed"), "true", "{tag}");
        let says_so = outcome
            .summary
            .contains("another workflow brought the old one");
        assert_eq!(says_so, workflow == "other.yml", "{}", outcome.summary);
    }
    server.reset_log();
    // The same run, and the tags tell: the past is not asked.
    update_in_run(&repository, "v1", 202, "web.yml")
        .run()
        .succeeded();
    let without = server.requests().len();
    server.reset_log();
    update_in_run(&repository, "v2", 203, "web.yml")
        .input("downgrade", "skip")
        .run()
        .succeeded();
    assert_eq!(server.requests().len(), without);
}

#[test]
fn the_tip_that_is_written_to_decides() {
    let (server, repository) = start("v12");
    // While v13 is on its way, v14 lands.
    let other = repository.clone();
    server.before(Step::Push.nth(1), move || {
        other.commit("main", FILE, manifest("v14").as_str(), "chore: v14");
    });
    let outcome = update(&repository, "ghcr.io/acme/web:v13")
        .input("downgrade", "skip")
        .run()
        .succeeded();
    assert_eq!(outcome.output("changed"), "false");
    assert!(outcome.output("skipped-reason").contains("v14"));
    assert_eq!(repository.show("main", FILE), manifest("v14").as_bytes());
}

/// What a rollback brought back is as old as it was, whoever rolled back when.
#[test]
fn what_a_rollback_brought_back_is_no_newer_than_it_was() {
    let (_server, repository) = start("v1");
    for (tag, id) in [("1111aaa", 200), ("2222bbb", 201)] {
        let deployed = update_in_run(&repository, tag, id, "web.yml").run();
        deployed.succeeded();
    }
    let rollback = update_in_run(&repository, "1111aaa", 203, "web.yml").input("image", "");
    rollback.input("operation", "rollback").run().succeeded();
    assert_eq!(
        repository.show("main", FILE),
        manifest("1111aaa").as_bytes()
    );
    let fix = update_in_run(&repository, "3333ccc", 202, "web.yml").input("downgrade", "fail");
    assert_eq!(fix.run().succeeded().output("changed"), "true");
    // What is deployed again is as new as that.
    let again = update_in_run(&repository, "1111aaa", 205, "web.yml");
    again.run().succeeded();
    let older = update_in_run(&repository, "4444ddd", 204, "web.yml").input("downgrade", "skip");
    skipped(&repository, older);
}

#[test]
fn a_rollback_is_never_stopped() {
    let (_server, repository) = start("v13");
    update(&repository, "ghcr.io/acme/web:v14")
        .run()
        .succeeded();
    Action::new()
        .input("operation", "rollback")
        .input("repository", repository.url())
        .input("file", FILE)
        .input("token", TOKEN)
        .input("downgrade", "fail")
        .run()
        .succeeded();
    assert_eq!(repository.show("main", FILE), manifest("v13").as_bytes());
}
