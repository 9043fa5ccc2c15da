//! `operation: rollback` and `operation: history`, as a workflow step sees them, on real repositories.

use std::process::Command;

use super::VIA;
use crate::support::{
    Action, Entry, GitServer, Outcome, Repository, TOKEN, git, without_line_links,
};

const FILE: &str = "blog-system/web-rollout.yaml";

/// The seed's manifest, with an image of that tag.
fn manifest(tag: &str) -> String {
    format!(
        "# The blog's front end.\n\
         apiVersion: argoproj.io/v1alpha1\n\
         kind: Rollout\n\
         metadata: {{name: web}}\n\
         spec:\n  \
           replicas: 2\n\n  \
           template:\n    \
             spec:\n      \
               containers:\n        \
                 - name: nginx\n          \
                   image: \"ghcr.io/wlals2/blog-web:{tag}\"   # the site itself\n        \
                 - name: exporter\n          \
                   image: nginx/nginx-prometheus-exporter:1.1\n"
    )
}

fn start() -> (GitServer, Repository) {
    let server = GitServer::start();
    let repository = server.repository_with("wlals2/k8s-manifests", FILE, &manifest("v13"));
    (server, repository)
}

fn action(repository: &Repository, operation: &str) -> Action {
    Action::new()
        .input("operation", operation)
        .over(VIA, repository)
        .input("file", FILE)
        .input("token", TOKEN)
        .input("timeout", "60")
}

fn deploy(repository: &Repository, tag: &str) -> Outcome {
    action(repository, "update")
        .input("image", format!("ghcr.io/wlals2/blog-web:{tag}"))
        .run()
        .succeeded()
}

/// What a person reads of a failed rollback, with what differs from run to run taken out.
fn failure(repository: &Repository, action: Action) -> String {
    let before = repository.git(&["for-each-ref"]);
    let outcome = action.run().failed();
    assert_eq!(repository.git(&["for-each-ref"]), before, "Git has changed");
    assert!(outcome.outputs.is_empty());
    let errors = outcome.errors();
    let [error] = &errors[..] else {
        panic!("one error, please:\n{}", outcome.log())
    };
    scrub(repository, error)
}

/// A text without port, ids and dates.
fn scrub(repository: &Repository, text: &str) -> String {
    let browsed = repository.url().trim_end_matches(".git");
    let mut text = without_line_links(text)
        .replace(repository.url(), "REPOSITORY")
        .replace(browsed, "REPOSITORY")
        .replace("wlals2/k8s-manifests", "REPOSITORY")
        .replace(
            " through git (the repository is not on GitHub)",
            " through TRANSPORT",
        )
        .replace(
            " through GitHub's API (the repository is on GitHub)",
            " through TRANSPORT",
        )
        .replace(env!("CARGO_PKG_VERSION"), "VERSION")
        // Over the API the commits are the token's owner's, and signed.
        .replace("by wlals2 (", "by github-actions[bot] (")
        .replace("`wlals2`", "`github-actions[bot]`")
        .replace(" Its signature is verified.", "");
    for (number, commit) in repository.log("--all").iter().enumerate() {
        text = text
            .replace(&commit.id, &format!("ID-{number}"))
            .replace(&commit.id[..7], &format!("id-{number}"));
    }
    let date =
        |word: &str| word.len() == 10 && word.as_bytes()[4] == b'-' && word.as_bytes()[7] == b'-';
    let time = |word: &str| word.len() == 5 && word.as_bytes()[2] == b':';
    let zone = |word: &str| word == "UTC";
    let lines = text.lines().map(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        let words = words.iter().map(|word| match *word {
            word if date(word) => "DATE",
            word if time(word) => "TIME",
            word if zone(word) => "ZONE",
            word => word,
        });
        words
            .collect::<Vec<_>>()
            .join(" ")
            .replace("DATE TIME ZONE", "DATE")
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_rollback_puts_the_file_back_to_the_byte() {
    let (_server, repository) = start();
    let v14 = deploy(&repository, "v14");
    let outcome = action(&repository, "rollback").run().succeeded();
    assert_eq!(repository.show("main", FILE), manifest("v13").as_bytes());
    assert_eq!(outcome.outputs["changed"], "true");
    assert_eq!(outcome.outputs["commit-sha"], repository.tip("main"));
    assert_eq!(outcome.outputs["image"], "ghcr.io/wlals2/blog-web:v13");
    assert_eq!(
        outcome.outputs["previous-image"],
        "ghcr.io/wlals2/blog-web:v14"
    );
    assert_eq!(outcome.outputs["files"], FILE);

    let log = repository.log("main");
    assert_eq!(log[0].parents, [v14.outputs["commit-sha"].as_str()]);
    let message: Vec<&str> = log[0].message.lines().collect();
    assert_eq!(message[0], "Revert \"chore: update blog-web image to v14\"");
    assert_eq!(
        message[2],
        format!("This reverts commit {}.", v14.outputs["commit-sha"])
    );
    assert_eq!(message[4], "Deployed-Image: ghcr.io/wlals2/blog-web:v13");
    assert_eq!(message[5], "Previous-Image: ghcr.io/wlals2/blog-web:v14");
    repository.fsck();
}

#[test]
fn an_image_beside_a_rollback_is_one_that_comes_back_or_goes_away() {
    let (_server, repository) = start();
    deploy(&repository, "v14");
    deploy(&repository, "v15");
    let beside = |image: &str| action(&repository, "rollback").input("image", image);
    // Whoever writes this means to go back to it.
    insta::assert_snapshot!(failure(&repository, beside("ghcr.io/wlals2/blog-web:v13")), @"
    `image` names ghcr.io/wlals2/blog-web:v13, and undoing the newest deployment would bring back ghcr.io/wlals2/blog-web:v14 where ghcr.io/wlals2/blog-web:v15 runs. Nothing was changed: ghcr.io/wlals2/blog-web:v15 (blog-system/web-rollout.yaml) is still deployed.
    To go back to an image, name it with `to` in place of `image`; to undo the newest deployment, remove `image`.
    ");
    let other = failure(
        &repository,
        beside("ghcr.io/wlals2/blog-web\nnginx/nginx-prometheus-exporter:1.1"),
    );
    insta::assert_snapshot!(other, @"
    `image` names nginx/nginx-prometheus-exporter:1.1, and undoing the newest deployment would bring back ghcr.io/wlals2/blog-web:v14 where ghcr.io/wlals2/blog-web:v15 runs. Nothing was changed: ghcr.io/wlals2/blog-web:v15 (blog-system/web-rollout.yaml) is still deployed.
    To go back to an image, name it with `to` in place of `image`; to undo the newest deployment, remove `image`.
    ");

    // A step that operations share, with the image that runs, the one that comes back, and none at all.
    for (image, comes_back) in [
        ("nginx=ghcr.io/wlals2/blog-web:v15", "v14"),
        ("ghcr.io/wlals2/blog-web:v13", "v13"),
    ] {
        let outcome = beside(image).run().succeeded();
        assert_eq!(
            repository.show("main", FILE),
            manifest(comes_back).as_bytes()
        );
        insta::allow_duplicates! {
            insta::assert_snapshot!(outcome.warnings()[0], @"`image`: no effect with `operation: rollback`: it only fails the step where the newest deployment is none of it. Name what to go back to with `to`");
        }
    }
    deploy(&repository, "v16");
    beside("ghcr.io/wlals2/blog-web:").run().succeeded();
    assert_eq!(repository.show("main", FILE), manifest("v13").as_bytes());
    // Where another input says what to undo, that is what is undone.
    for to in ["previous", "v13"] {
        deploy(&repository, "v17");
        let named = beside("ghcr.io/wlals2/blog-web:v12").input("to", to);
        named.run().succeeded();
        assert_eq!(repository.show("main", FILE), manifest("v13").as_bytes());
    }
}

#[test]
fn what_a_person_reads_of_a_rollback() {
    let (_server, repository) = start();
    deploy(&repository, "v14");
    let outcome = action(&repository, "rollback").run().succeeded();
    insta::assert_snapshot!(scrub(&repository, &outcome.shown_log()), @r#"
    gitops-deploy VERSION: rollback in REPOSITORY through TRANSPORT
    Rolling back blog-system/web-rollout.yaml in REPOSITORY
    Read main at id-1
    Undoing commit id-1 of DATE by github-actions[bot] (`chore: update blog-web image to v14`)
    ghcr.io/wlals2/blog-web:v13 will run where ghcr.io/wlals2/blog-web:v14 runs now
    Pushed id-0 to main of REPOSITORY: back to ghcr.io/wlals2/blog-web:v13.
    ::group::Diff
    --- a/blog-system/web-rollout.yaml
    +++ b/blog-system/web-rollout.yaml
    @@ -9,6 +9,6 @@
         spec:
           containers:
             - name: nginx
    -          image: "ghcr.io/wlals2/blog-web:v14"   # the site itself
    +          image: "ghcr.io/wlals2/blog-web:v13"   # the site itself
             - name: exporter
               image: nginx/nginx-prometheus-exporter:1.1
    ::endgroup::
    "#);
    insta::assert_snapshot!(scrub(&repository, &outcome.summary), @r#"
    ### ⏪ Rolled back to `blog-web:v13`

    Commit [`id-0`](REPOSITORY/commit/ID-0) is on `main` of [`REPOSITORY`](REPOSITORY).

    Takes back [`id-1`](REPOSITORY/commit/ID-1) `chore: update blog-web image to v14` by `github-actions[bot]`.

    | Resource | Container | Old image | New image | File |
    |---|---|---|---|---|
    | `Rollout/web` | `nginx` | `ghcr.io/wlals2/blog-web:v14` | `ghcr.io/wlals2/blog-web:v13` | `blog-system/web-rollout.yaml:12` |

    <details open><summary>Diff</summary>

    ```diff
    --- a/blog-system/web-rollout.yaml
    +++ b/blog-system/web-rollout.yaml
    @@ -9,6 +9,6 @@
         spec:
           containers:
             - name: nginx
    -          image: "ghcr.io/wlals2/blog-web:v14"   # the site itself
    +          image: "ghcr.io/wlals2/blog-web:v13"   # the site itself
             - name: exporter
               image: nginx/nginx-prometheus-exporter:1.1
    ```

    </details>
    "#);
}

#[test]
fn a_rollback_is_undone_where_it_is_named() {
    let (_server, repository) = start();
    deploy(&repository, "v14");
    action(&repository, "rollback").run().succeeded();
    let error = failure(&repository, action(&repository, "rollback"));
    insta::assert_snapshot!(error, @r#"
    There is nothing to roll back: every deployment of blog-system/web-rollout.yaml in REPOSITORY was rolled back already. The newest was commit id-1 of DATE by github-actions[bot] (`chore: update blog-web image to v14`), taken back by commit id-0 of DATE by github-actions[bot] (`Revert "chore: update blog-web image to v14"`). Nothing was changed: ghcr.io/wlals2/blog-web:v13 (blog-system/web-rollout.yaml) and nginx/nginx-prometheus-exporter:1.1 (blog-system/web-rollout.yaml) are still deployed.
    To undo a rollback, name it with `commit`; to run an image again, name it with `to`.
    "#);
    action(&repository, "rollback")
        .input("commit", repository.tip("main"))
        .run()
        .succeeded();
    assert_eq!(repository.show("main", FILE), manifest("v14").as_bytes());
    let subject = |rev: &str| repository.git(&["log", "-1", "--format=%s", rev]);
    assert_eq!(
        subject("main").trim(),
        "Reapply \"chore: update blog-web image to v14\""
    );
    action(&repository, "rollback").run().succeeded();
    assert_eq!(
        subject("main").trim(),
        "Revert \"Reapply \"chore: update blog-web image to v14\"\""
    );
}

#[test]
fn values_are_set_back_where_neighbours_changed() {
    let (_server, repository) = start();
    deploy(&repository, "v14");
    // The line above and the one below: git would call it a conflict.
    let edited = manifest("v14")
        .replace("name: nginx", "name: nginx # in front")
        .replace("- name: exporter", "- name: exporter\n          # metrics");
    let edited = edited.replace("replicas: 2", "replicas: 3");
    repository.commit("main", FILE, edited.as_str(), "feat: more of it");
    action(&repository, "rollback").run().succeeded();
    let expected = edited.replace(":v14", ":v13");
    assert_eq!(
        String::from_utf8(repository.show("main", FILE)).unwrap(),
        expected
    );
}

#[test]
fn others_commits_stay() {
    let (_server, repository) = start();
    deploy(&repository, "v14");
    repository.commit("main", "other.yaml", "a: 1\n", "feat: something else");
    let replicas = manifest("v14").replace("replicas: 2", "replicas: 5");
    repository.commit("main", FILE, replicas.as_str(), "feat: more replicas");
    action(&repository, "rollback").run().succeeded();
    let expected = manifest("v13").replace("replicas: 2", "replicas: 5");
    assert_eq!(
        String::from_utf8(repository.show("main", FILE)).unwrap(),
        expected
    );
    assert_eq!(repository.show("main", "other.yaml"), b"a: 1\n");
}

#[test]
fn a_commit_is_named_by_the_beginning_of_its_id() {
    let (_server, repository) = start();
    let v14 = deploy(&repository, "v14").outputs["commit-sha"].clone();
    let other = manifest("v14").replace("exporter:1.1", "exporter:1.2");
    repository.commit("main", FILE, other.as_str(), "feat: a newer exporter");
    let outcome = action(&repository, "rollback")
        .input("commit", &v14[..9])
        .run();
    outcome.succeeded();
    let expected = manifest("v13").replace("exporter:1.1", "exporter:1.2");
    assert_eq!(
        String::from_utf8(repository.show("main", FILE)).unwrap(),
        expected
    );
}

#[test]
fn a_rollback_is_planned_again_when_someone_else_was_first() {
    let (server, repository) = start();
    deploy(&repository, "v14");
    let rival = manifest("v14").replace("replicas: 2", "replicas: 4");
    let clone = tempfile::tempdir().unwrap();
    let bare = repository.path().to_owned();
    git(
        clone.path(),
        &["clone", "-q", bare.to_str().unwrap(), "work"],
    );
    let work = clone.path().join("work");
    server.before(VIA.push().nth(2), move || {
        std::fs::write(work.join(FILE), rival).unwrap();
        git(
            &work,
            &[
                "-c",
                "user.name=R",
                "-c",
                "user.email=r@example.com",
                "commit",
                "-qam",
                "feat: more",
            ],
        );
        git(&work, &["push", "-q"]);
    });
    action(&repository, "rollback").run().succeeded();
    let expected = manifest("v13").replace("replicas: 2", "replicas: 4");
    assert_eq!(
        String::from_utf8(repository.show("main", FILE)).unwrap(),
        expected
    );
}

/// A rollback of v15, to whose branch these versions of the file were pushed first, each with its message.
fn overtaken(
    rivals: Vec<(String, String)>,
    rollback: impl Fn(Action) -> Action,
) -> (GitServer, Repository, Outcome) {
    let (server, repository) = start();
    deploy(&repository, "v14");
    deploy(&repository, "v15");
    let other = repository.clone();
    server.before(VIA.push().nth(3), move || {
        for (text, message) in &rivals {
            other.commit("main", FILE, text.as_str(), message);
        }
    });
    let outcome = rollback(action(&repository, "rollback")).run();
    (server, repository, outcome)
}

fn by_hand(tags: &[&str]) -> Vec<(String, String)> {
    let by_hand = |tag: &&str| (manifest(tag), format!("fix: {tag}"));
    tags.iter().map(by_hand).collect()
}

type With = fn(Action) -> Action;

fn as_it_is(action: Action) -> Action {
    action
}

#[test]
fn what_others_deploy_while_a_rollback_is_at_work_is_left_alone() {
    let fix = "chore: update blog-web image to v16\n\n\
               Deployed-Image: ghcr.io/wlals2/blog-web:v16\n\
               Previous-Image: ghcr.io/wlals2/blog-web:v15";
    let fix = vec![(manifest("v16"), fix.to_owned())];
    let named: With = |action| action.input("image", "ghcr.io/wlals2/blog-web:v15");
    let as_it_is: With = as_it_is;
    let rewritten = vec![(
        manifest("v15").replace("web:v15", "web:v15.1"),
        "fix: more".to_owned(),
    )];
    let cases = [
        (fix.clone(), "v16", as_it_is),
        (fix, "v16", named),
        (rewritten, "v15.1", as_it_is),
        // What was taken back, and is there again.
        (by_hand(&["v14", "v13", "v15"]), "v15", as_it_is),
        (by_hand(&["v14", "v16"]), "v16", as_it_is),
    ];
    let mut told = Vec::new();
    for (rivals, stays, rollback) in cases {
        let (_server, repository, outcome) = overtaken(rivals, rollback);
        let outcome = outcome.failed();
        let log = outcome.log();
        assert_eq!(
            repository.show("main", FILE),
            manifest(stays).as_bytes(),
            "{log}"
        );
        told.push(scrub(&repository, &outcome.errors()[0]));
        // What is advised goes back to what was announced.
        let to = action(&repository, "rollback").input("to", "ghcr.io/wlals2/blog-web:v14");
        to.run().succeeded();
        assert_eq!(repository.show("main", FILE), manifest("v14").as_bytes());
    }
    insta::assert_snapshot!(told[0], @"
    While this run was at work, commit id-0 of DATE by A colleague (`chore: update blog-web image to v16`) came in place of what commit id-1 of DATE by github-actions[bot] (`chore: update blog-web image to v15`) had deployed: it may be the fix, and is left alone. Nothing was changed: ghcr.io/wlals2/blog-web:v16 (blog-system/web-rollout.yaml) is still deployed.
    Where what is there now is to run, there is nothing to do. To go back all the same, name what is to run, with `to: ghcr.io/wlals2/blog-web:v14`: a rollback that names nothing takes back the newest deployment.
    ");
}

#[test]
fn what_others_have_taken_back_while_a_rollback_is_at_work_is_taken_back_once() {
    let reverted = "Revert \"chore: update blog-web image to v15\"\n\nThis reverts commit ID.";
    for by_git in [false, true] {
        let (server, repository) = start();
        deploy(&repository, "v14");
        deploy(&repository, "v15");
        let other = repository.clone();
        server.before(VIA.push().nth(3), move || {
            let message = match by_git {
                true => reverted.replace("ID", &other.tip("main")),
                false => "fix: back".to_owned(),
            };
            other.commit("main", FILE, manifest("v14"), &message);
        });
        let outcome = action(&repository, "rollback").run().succeeded();
        assert_eq!(repository.show("main", FILE), manifest("v14").as_bytes());
        assert_eq!(outcome.output("changed"), "false");
        assert_eq!(outcome.output("image"), "ghcr.io/wlals2/blog-web:v14");
        let why = scrub(&repository, outcome.output("skipped-reason"));
        let by = "was taken back already, by commit id-0 of DATE by A colleague (`";
        assert!(
            why.starts_with("commit id-1 of ") && why.contains(by),
            "{why}"
        );
    }
}

#[test]
fn what_others_do_elsewhere_while_a_rollback_is_at_work_stays() {
    let exporter = manifest("v15").replace("exporter:1.1", "exporter:1.2");
    let message = "chore: more\n\nDeployed-Image: nginx/nginx-prometheus-exporter:1.2";
    let more = vec![(exporter, message.to_owned())];
    let (_server, repository, outcome) = overtaken(more, as_it_is);
    outcome.succeeded();
    let expected = manifest("v14").replace("exporter:1.1", "exporter:1.2");
    assert_eq!(repository.show("main", FILE), expected.as_bytes());
    // What came and went is passed over.
    let (_server, repository, outcome) = overtaken(by_hand(&["v16", "v15"]), as_it_is);
    outcome.succeeded();
    assert_eq!(repository.show("main", FILE), manifest("v14").as_bytes());
    // Who names what is to run goes back to it, and is told what goes with it.
    let (_server, repository, outcome) = overtaken(by_hand(&["v16"]), |action| {
        action.input("to", "ghcr.io/wlals2/blog-web:v14")
    });
    let outcome = outcome.succeeded();
    assert_eq!(repository.show("main", FILE), manifest("v14").as_bytes());
    let warnings = scrub(&repository, &outcome.warnings().join("\n"));
    assert!(
        warnings.contains("came while this run was at work, and goes back as well"),
        "{warnings}"
    );
}

#[test]
fn one_deployment_more_is_not_taken_back_in_silence() {
    let (_server, repository) = start();
    deploy(&repository, "v14");
    deploy(&repository, "v15");
    let first = action(&repository, "rollback").run().succeeded();
    assert_eq!(first.warnings(), Vec::<String>::new());
    let second = action(&repository, "rollback").run().succeeded();
    assert_eq!(repository.show("main", FILE), manifest("v13").as_bytes());
    let [warning] = &second.warnings()[..] else {
        panic!("{}", second.log())
    };
    let told = scrub(&repository, warning);
    insta::assert_snapshot!(told, @r#"commit id-2 of DATE by github-actions[bot] (`chore: update blog-web image to v15`) was taken back already, by commit id-1 of DATE by github-actions[bot] (`Revert "chore: update blog-web image to v15"`): what goes back now is the deployment before it, commit id-3 of DATE by github-actions[bot] (`chore: update blog-web image to v14`)"#);
    assert!(
        second.summary.contains("was taken back already, by"),
        "{}",
        second.summary
    );
}

#[test]
fn a_run_that_has_rolled_back_does_not_do_so_again() {
    let (_server, repository) = start();
    for tag in ["v14", "v15", "v16"] {
        deploy(&repository, tag);
    }
    let in_run = |id: &'static str| {
        let workflow = "wlals2/blogsite/.github/workflows/roll-back.yml@refs/heads/main";
        let rollback = action(&repository, "rollback").env("GITHUB_RUN_ID", id);
        rollback.env("GITHUB_WORKFLOW_REF", workflow)
    };
    let is = |tag: &str| assert_eq!(repository.show("main", FILE), manifest(tag).as_bytes());
    in_run("7").run().succeeded();
    is("v15");
    let again = in_run("7").env("GITHUB_RUN_ATTEMPT", "2").run().succeeded();
    is("v15");
    assert_eq!(again.output("changed"), "false");
    assert_eq!(again.output("rolled-back"), "true");
    assert_eq!(again.output("rollback-commit-sha"), repository.tip("main"));
    insta::assert_snapshot!(scrub(&repository, again.output("skipped-reason")), @r#"this run has rolled back already, with commit id-0 of DATE by github-actions[bot] (`Revert "chore: update blog-web image to v16"`). To take back one more deployment, name it with `commit`, or what is to run with `to`"#);
    // Nor what somebody has deployed since. Another run does, and so does whoever names it.
    deploy(&repository, "v17");
    in_run("7").run().succeeded();
    is("v17");
    in_run("7").input("to", "v14").run().succeeded();
    is("v14");
    deploy(&repository, "v18");
    in_run("8").run().succeeded();
    is("v14");
}

#[test]
fn what_the_same_attempt_has_deployed_is_taken_back_though_its_run_has_rolled_back_before() {
    let (_server, repository) = start();
    let in_attempt = |action: Action, attempt: &'static str| {
        let workflow = "wlals2/blogsite/.github/workflows/deploy.yml@refs/heads/main";
        action
            .env("GITHUB_RUN_ID", "7")
            .env("GITHUB_RUN_ATTEMPT", attempt)
            .env("GITHUB_WORKFLOW_REF", workflow)
    };
    let is = |tag: &str| assert_eq!(repository.show("main", FILE), manifest(tag).as_bytes());
    deploy(&repository, "v14");
    let update = || action(&repository, "update").input("image", "ghcr.io/wlals2/blog-web:v15");
    // A job that deploys, tests, and rolls back; and all of that once more.
    for attempt in ["1", "2"] {
        in_attempt(update(), attempt).run().succeeded();
        is("v15");
        let rollback = action(&repository, "rollback");
        let outcome = in_attempt(rollback, attempt).run().succeeded();
        assert_eq!(outcome.output("rolled-back"), "true");
        is("v14");
    }
}

#[test]
fn what_is_undone_already_changes_nothing() {
    let (_server, repository) = start();
    let v14 = deploy(&repository, "v14").outputs["commit-sha"].clone();
    repository.commit("main", FILE, manifest("v13").as_str(), "fix: back by hand");
    let before = repository.tip("main");
    let outcome = action(&repository, "rollback")
        .input("commit", &v14)
        .run()
        .succeeded();
    assert_eq!(outcome.outputs["changed"], "false");
    assert_eq!(outcome.outputs["commit-sha"], before);
    assert_eq!(repository.tip("main"), before);
}

#[test]
fn a_dry_run_changes_nothing() {
    let (_server, repository) = start();
    let before = deploy(&repository, "v14").outputs["commit-sha"].clone();
    let outcome = action(&repository, "rollback")
        .input("dry-run", "true")
        .run()
        .succeeded();
    assert_eq!(repository.tip("main"), before);
    assert_eq!(outcome.outputs["changed"], "true");
    assert!(
        outcome.outputs["diff"].contains("+                   image")
            || outcome.outputs["diff"].contains(":v13")
    );
}

#[test]
fn a_file_is_followed_to_its_new_name() {
    let (_server, repository) = start();
    deploy(&repository, "v14");
    let new = "apps/web.yaml";
    repository.commit_all(
        "main",
        [
            (FILE, Entry::Absent),
            (new, Entry::from(manifest("v14").as_str())),
        ],
        "refactor: move it",
    );
    action(&repository, "rollback")
        .input("file", new)
        .run()
        .succeeded();
    assert_eq!(repository.show("main", new), manifest("v13").as_bytes());
}

#[test]
fn a_merge_is_undone_as_a_whole() {
    let (_server, repository) = start();
    let base = repository.tip("main");
    repository.set_branch("feature", &base);
    repository.commit("feature", FILE, manifest("v14").as_str(), "feat: one");
    repository.commit("feature", FILE, manifest("v15").as_str(), "feat: two");
    merge(&repository, "feature");
    let merged = repository.tip("main");
    action(&repository, "rollback").run().succeeded();
    assert_eq!(repository.show("main", FILE), manifest("v13").as_bytes());
    let message = repository.git(&["log", "-1", "--format=%B", "main"]);
    let reversing = format!("This reverts commit {merged}, reversing\nchanges made to {base}.");
    assert!(message.contains(&reversing), "{message}");
}

/// Merges a branch into main, which has the tree of that branch then.
fn merge(repository: &Repository, branch: &str) {
    let identity = ["-c", "user.name=M", "-c", "user.email=m@example.com"];
    let tree = format!("{branch}^{{tree}}");
    let commit = [
        "commit-tree",
        "-p",
        "main",
        "-p",
        branch,
        "-m",
        "Merge it",
        &tree,
    ];
    let commit = repository.git(&[&identity[..], &commit[..]].concat());
    repository.set_branch("main", commit.trim());
}

#[test]
fn a_repository_of_this_machine_is_rolled_back() {
    let (_server, repository) = start();
    deploy(&repository, "v14");
    // As docs/recipes.md says, no hook is asked.
    for hook in ["pre-receive", "update", "reference-transaction"] {
        repository.hook(hook, "exit 1");
    }
    let url = format!("file://{}", repository.path().display());
    action(&repository, "rollback")
        .input("repository", url)
        .run()
        .succeeded();
    assert_eq!(repository.show("main", FILE), manifest("v13").as_bytes());
}

#[test]
fn a_tag_that_was_rolled_back_is_not_deployed_again_in_silence() {
    let (_server, repository) = start();
    deploy(&repository, "v14");
    action(&repository, "rollback").run().succeeded();
    let rollback = repository.tip("main");
    let again = deploy(&repository, "v14");
    let warning = format!(
        "ghcr.io/wlals2/blog-web:v14 was rolled back by commit {} and is deployed again by this run",
        &rollback[..7]
    );
    assert_eq!(again.warnings(), [warning.as_str()]);
    assert!(
        again
            .summary
            .contains(&format!("> [!WARNING]\n> {warning}.")),
        "{}",
        again.summary
    );

    action(&repository, "rollback").run().succeeded();
    assert!(deploy(&repository, "v15").warnings().is_empty());
}

/// What runs in [`Line`]: containers, an image where only `path` finds it, and a value.
const IMAGES: [&str; 3] = ["web", "api", "odd"];

/// A branch that is written in a few words, over `apps/`.
struct Line {
    repository: Repository,
    _server: GitServer,
    file: String,
}

impl Line {
    fn new() -> Self {
        let server = GitServer::start();
        let text = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 1\n  template:\n    spec:\n      containers:\n      - name: web\n        image: acme/web:1\n      - name: api\n        image: acme/api:1\n---\nkind: Odd\nspec:\n  ref: acme/odd:1\n";
        let file = "apps/web.yaml".to_owned();
        Self {
            repository: server.repository_with("acme/manifests", &file, text),
            _server: server,
            file,
        }
    }

    fn action(&self, operation: &str) -> Action {
        action(&self.repository, operation).input("file", &self.file)
    }

    fn text(&self) -> String {
        String::from_utf8(self.repository.show("main", &self.file)).unwrap()
    }

    /// `web:1 api:1 odd:1 1`
    fn runs(&self) -> String {
        let text = self.text();
        let after = |start: &str| {
            let (_, rest) = text.split_once(start).unwrap();
            rest.lines().next().unwrap().to_owned()
        };
        let images = IMAGES.map(|name| format!("{name}:{}", after(&format!("acme/{name}:"))));
        format!("{} {}", images.join(" "), after("replicas: "))
    }

    /// The text with `web=2` and the like set in it.
    fn edited(&self, sets: &str) -> String {
        let mut text = self.text();
        for set in sets.split(' ') {
            let (name, value) = set.split_once('=').unwrap();
            let start = match name {
                "replicas" => "replicas: ".to_owned(),
                image => format!("acme/{image}:"),
            };
            let (before, rest) = text.split_once(&start).unwrap();
            let (_, rest) = rest.split_once('\n').unwrap();
            text = format!("{before}{start}{value}\n{rest}");
        }
        text
    }

    /// `web=2 api=2` in one deployment, `odd=2` by `path`, `replicas=2` by `set`.
    fn deployment(&self, sets: &str) -> Action {
        let mut images = Vec::new();
        let mut update = self.action("update");
        for set in sets.split(' ') {
            let (name, value) = set.split_once('=').unwrap();
            match name {
                "replicas" => update = update.input("set", format!("0:.spec.replicas={value}")),
                image => images.push(format!("acme/{image}:{value}")),
            }
            if name == "odd" {
                update = update.input("path", "1:.spec.ref");
            }
        }
        update.input("image", images.join("\n"))
    }

    /// Makes a commit of `branch` the next one of main: a merge of the branch, or, squashed, with what
    /// GitHub makes of its messages.
    fn land(&self, branch: &str, squashed: bool) {
        let git = |arguments: &[&str]| {
            let identity = ["-c", "user.name=M", "-c", "user.email=m@example.com"];
            self.repository
                .git(&[&identity[..], arguments].concat())
                .trim()
                .to_owned()
        };
        let tree = format!("{branch}^{{tree}}");
        let commit = if squashed {
            let bodies = git(&[
                "log",
                "--reverse",
                "--format=* %B",
                &format!("main..{branch}"),
            ]);
            let message = format!(
                "Deploy it (#7)\n\n{bodies}\n\n* fix: a typo\n\n---------\n\nCo-authored-by: A <a@example.com>\n"
            );
            git(&["commit-tree", "-p", "main", "-m", &message, &tree])
        } else {
            git(&[
                "commit-tree",
                "-p",
                "main",
                "-p",
                branch,
                "-m",
                "Merge pull request #7 from acme/x",
                &tree,
            ])
        };
        self.repository.set_branch("main", &commit);
        self.repository.delete_branch(branch);
    }

    fn step(&mut self, step: &str) {
        let repository = self.repository.clone();
        let (verb, what) = step.split_once(' ').unwrap_or((step, ""));
        match verb {
            "deploy" => {
                self.deployment(what).run().succeeded();
            }
            "edit" => {
                repository.commit("main", &self.file, self.edited(what), "feat: by hand");
            }
            "message" => {
                let text = format!(
                    "Deploy\n\nThis reverts commit {}.\n\nRolled-Back-Commit: {}",
                    repository.tip("main"),
                    repository.tip("main")
                );
                self.deployment(what)
                    .input("commit-message", text)
                    .run()
                    .succeeded();
            }
            "merge" | "squash" => {
                repository.set_branch("topic", &repository.tip("main"));
                for deployment in what.split(" then ") {
                    let action = match deployment {
                        "click" => self.action("rollback"),
                        sets => self.deployment(sets),
                    };
                    action.input("branch", "topic").run().succeeded();
                }
                self.land("topic", verb == "squash");
            }
            // Somebody who has main as it was before so many commits pulls it, and pushes what comes out.
            "pulled" => {
                let identity = ["-c", "user.name=M", "-c", "user.email=m@example.com"];
                let made = |arguments: &[&str]| {
                    let made = repository.git(&[&identity[..], arguments].concat());
                    made.trim().to_owned()
                };
                repository.set_branch(
                    "own",
                    &repository.log("main")[what.parse::<usize>().unwrap()].id,
                );
                repository.commit("own", "README.md", "# Mine\n", "docs: mine");
                let tree = repository.git(&["merge-tree", "--write-tree", "own", "main"]);
                let parents = ["-p", "own", "-p", "main"];
                let message = ["-m", "Merge branch 'main' of https://git.example/acme/x"];
                let commit = ["commit-tree", tree.trim()];
                let commit = made(&[&commit[..], &parents[..], &message[..]].concat());
                repository.set_branch("main", &commit);
                repository.delete_branch("own");
            }
            "move" => {
                let (old, text) = (self.file.clone(), self.text());
                self.file = what.to_owned();
                let entries = [(old.as_str(), Entry::Absent), (what, Entry::from(text))];
                repository.commit_all("main", entries, "refactor: move it");
            }
            "click" => {
                self.action("rollback").run().succeeded();
            }
            "undo" => {
                let id = &repository.log("main")[what.parse::<usize>().unwrap()].id;
                self.action("rollback")
                    .input("commit", id)
                    .run()
                    .succeeded();
            }
            "git-revert" => {
                let id = repository.tip("main");
                let identity = ["-c", "user.name=M", "-c", "user.email=m@example.com"];
                let message = format!("Revert \"x\"\n\nThis reverts commit {id}.\n");
                let commit = ["commit-tree", "-p", "main", "-m", &message, "main~1^{tree}"];
                let commit = repository.git(&[&identity[..], &commit[..]].concat());
                repository.set_branch("main", commit.trim());
            }
            "to" => {
                self.action("rollback").input("to", what).run().succeeded();
            }
            other => panic!("{other}"),
        }
    }

    /// What runs after each click, until a click finds nothing.
    fn clicked(&mut self) -> Vec<String> {
        let mut seen = Vec::new();
        loop {
            let (before, outcome) = (self.repository.tip("main"), self.action("rollback").run());
            if outcome.code() != Some(0) {
                assert!(
                    outcome.log().contains("There is nothing to roll back"),
                    "{}",
                    outcome.log()
                );
                assert_eq!(self.repository.tip("main"), before);
                return seen;
            }
            assert_ne!(
                self.repository.tip("main"),
                before,
                "a click that does nothing\n{}",
                outcome.log()
            );
            assert_eq!(outcome.output("rolled-back"), "true");
            seen.push(self.runs());
        }
    }
}

#[test]
fn what_one_click_undoes() {
    let table: [(&str, &[&str]); 46] = [
        (
            "deploy web=2; deploy web=3",
            &["web:2 api:1 odd:1 1", "web:1 api:1 odd:1 1"],
        ),
        (
            "deploy web=2; deploy web=3; click",
            &["web:1 api:1 odd:1 1"],
        ),
        ("deploy web=2; click", &[]),
        (
            "deploy web=2; click; deploy web=2",
            &["web:1 api:1 odd:1 1"],
        ),
        (
            "deploy web=2; click; deploy web=3",
            &["web:1 api:1 odd:1 1"],
        ),
        ("deploy web=2; click; undo 0", &["web:1 api:1 odd:1 1"]),
        // Who asks for what ran before goes back to it, and nothing brings back what came after it.
        (
            "deploy web=2; deploy web=3; deploy web=2",
            &["web:1 api:1 odd:1 1"],
        ),
        // Several images, together and one after the other.
        (
            "deploy web=2 api=2; deploy web=3",
            &["web:2 api:2 odd:1 1", "web:1 api:1 odd:1 1"],
        ),
        (
            "deploy web=2; deploy api=2",
            &["web:2 api:1 odd:1 1", "web:1 api:1 odd:1 1"],
        ),
        // Every shape.
        (
            "deploy web=2; deploy odd=2",
            &["web:2 api:1 odd:1 1", "web:1 api:1 odd:1 1"],
        ),
        (
            "deploy web=2; deploy replicas=4",
            &["web:2 api:1 odd:1 1", "web:1 api:1 odd:1 1"],
        ),
        (
            "deploy replicas=4; deploy web=2 replicas=5",
            &["web:1 api:1 odd:1 4", "web:1 api:1 odd:1 1"],
        ),
        ("deploy odd=2; edit odd=1", &[]),
        (
            "deploy web=2; deploy replicas=4; edit replicas=1",
            &["web:1 api:1 odd:1 1"],
        ),
        // Somebody's own edit: a deployment where it changes an image, a rollback where it goes back.
        (
            "deploy web=2; edit web=3",
            &["web:2 api:1 odd:1 1", "web:1 api:1 odd:1 1"],
        ),
        ("deploy web=2; edit replicas=4", &["web:1 api:1 odd:1 4"]),
        (
            "deploy web=2; deploy web=3; edit web=2",
            &["web:1 api:1 odd:1 1"],
        ),
        (
            "deploy web=2; deploy web=3; git-revert",
            &["web:1 api:1 odd:1 1"],
        ),
        // By hand, also where only `path` finds it.
        (
            "deploy odd=2; edit odd=3",
            &["web:1 api:1 odd:2 1", "web:1 api:1 odd:1 1"],
        ),
        // What came to the branch by the other parent of a merge.
        (
            "deploy web=2; deploy web=3; click; deploy web=4; pulled 2",
            &["web:2 api:1 odd:1 1", "web:1 api:1 odd:1 1"],
        ),
        (
            "deploy web=2; deploy web=3; click; pulled 1",
            &["web:1 api:1 odd:1 1"],
        ),
        // A message of the user's own says nothing.
        (
            "deploy web=2; message web=3",
            &["web:2 api:1 odd:1 1", "web:1 api:1 odd:1 1"],
        ),
        (
            "deploy web=2; move new/web.yaml; deploy web=3",
            &["web:2 api:1 odd:1 1", "web:1 api:1 odd:1 1"],
        ),
        (
            "deploy web=2; deploy web=3; click; move new/web.yaml",
            &["web:1 api:1 odd:1 1"],
        ),
        // Pull requests, merged and squashed.
        (
            "deploy web=2; merge web=3 then web=4; deploy replicas=4",
            &[
                "web:4 api:1 odd:1 1",
                "web:2 api:1 odd:1 1",
                "web:1 api:1 odd:1 1",
            ],
        ),
        (
            "deploy web=2; squash replicas=3 then replicas=4; deploy odd=2",
            &[
                "web:2 api:1 odd:1 4",
                "web:2 api:1 odd:1 1",
                "web:1 api:1 odd:1 1",
            ],
        ),
        (
            "deploy web=2; deploy web=3; merge click",
            &["web:1 api:1 odd:1 1"],
        ),
        ("deploy web=2; deploy web=3; squash click; click", &[]),
        ("deploy web=2; deploy web=3; merge click; click", &[]),
        // Of a pull request that rolls back and deploys, both count.
        (
            "deploy web=2; deploy web=3; squash click then web=4",
            &["web:2 api:1 odd:1 1", "web:1 api:1 odd:1 1"],
        ),
        // Back, and forward again where that is named.
        (
            "deploy web=2; deploy web=3; to acme/web:1; to acme/web:2",
            &["web:1 api:1 odd:1 1"],
        ),
        (
            "deploy web=2; deploy web=3; to acme/web:1; to acme/web:2; edit replicas=4; merge web=5",
            &["web:2 api:1 odd:1 4", "web:1 api:1 odd:1 4"],
        ),
        // A value that somebody has set since is theirs.
        (
            "deploy web=2; deploy web=3 replicas=4; edit replicas=6",
            &["web:2 api:1 odd:1 6", "web:1 api:1 odd:1 6"],
        ),
        // Named, what is newer is deployed: a click takes that off, to what ran before it.
        (
            "deploy web=2; deploy web=0; to acme/web:2",
            &["web:0 api:1 odd:1 1", "web:1 api:1 odd:1 1"],
        ),
        (
            "deploy web=2; deploy web=3; deploy web=2; to acme/web:3; deploy odd=2",
            &[
                "web:3 api:1 odd:1 1",
                "web:2 api:1 odd:1 1",
                "web:1 api:1 odd:1 1",
            ],
        ),
        // Reverts by git of what a click did, and clicks after them.
        ("deploy web=2; click; git-revert", &["web:1 api:1 odd:1 1"]),
        ("deploy web=2; git-revert; git-revert; click", &[]),
        (
            "deploy web=2; deploy api=2; git-revert; move new/web.yaml; deploy odd=2",
            &["web:2 api:1 odd:1 1", "web:1 api:1 odd:1 1"],
        ),
        // A merge that rolls back and deploys, and the merge undone by a click or by git.
        ("deploy web=2; merge click then web=3; click", &[]),
        (
            "deploy web=2; merge web=3 replicas=4; git-revert; deploy web=4",
            &["web:2 api:1 odd:1 1", "web:1 api:1 odd:1 1"],
        ),
        (
            "squash web=2 api=2 then odd=2; move new/web.yaml; squash click then api=3; edit replicas=7",
            &["web:1 api:1 odd:1 7"],
        ),
        // Two renames, every shape on the way.
        (
            "deploy odd=2 replicas=2; move a/web.yaml; deploy odd=3; move b/web.yaml; deploy replicas=3",
            &[
                "web:1 api:1 odd:3 2",
                "web:1 api:1 odd:2 2",
                "web:1 api:1 odd:1 1",
            ],
        ),
        // More than what is read at first.
        (
            "deploy web=2; deploy web=3; click; deploy odd=2; deploy odd=3; deploy odd=4; deploy odd=5; deploy odd=6; edit replicas=2; edit replicas=3; edit replicas=4",
            &[
                "web:2 api:1 odd:5 4",
                "web:2 api:1 odd:4 4",
                "web:2 api:1 odd:3 4",
                "web:2 api:1 odd:2 4",
                "web:2 api:1 odd:1 4",
                "web:1 api:1 odd:1 4",
            ],
        ),
        (
            "deploy web=2; deploy web=2 api=2; deploy api=3; undo 0; deploy web=4; edit web=2",
            &["web:2 api:1 odd:1 1", "web:1 api:1 odd:1 1"],
        ),
        (
            "edit web=2; edit web=3; deploy api=2; edit web=2; edit api=3",
            &[
                "web:2 api:2 odd:1 1",
                "web:2 api:1 odd:1 1",
                "web:1 api:1 odd:1 1",
            ],
        ),
        // What somebody took back of a deployment stays, and the rest of it is undone.
        (
            "deploy web=2 api=2; deploy web=3 api=3; edit web=1",
            &["web:1 api:2 odd:1 1", "web:1 api:1 odd:1 1"],
        ),
    ];
    std::thread::scope(|scope| {
        let runs = table.map(|(steps, expected)| {
            let run = move || {
                let mut line = Line::new();
                steps.split("; ").for_each(|step| line.step(step));
                line.clicked()
            };
            (steps, expected, scope.spawn(run))
        });
        for (steps, expected, run) in runs {
            assert_eq!(run.join().unwrap(), expected, "{steps}");
        }
    });
}

fn told(outcome: &Outcome, start: &str) -> usize {
    let log = outcome.shown_log();
    log.lines().filter(|line| line.starts_with(start)).count()
}

#[test]
fn a_rollback_goes_back_to_an_image_whatever_lies_between() {
    let table: [(&str, &str, &str, usize); 9] = [
        (
            "deploy web=2; deploy api=2; deploy web=3",
            "acme/web:1",
            "web:1 api:2 odd:1 1",
            2,
        ),
        (
            "deploy web=2; deploy web=3; deploy web=4",
            "2",
            "web:2 api:1 odd:1 1",
            2,
        ),
        (
            "deploy web=2; deploy web=3",
            "previous",
            "web:2 api:1 odd:1 1",
            1,
        ),
        // What came with it, and what came on top of that, is undone as well.
        (
            "deploy web=2 replicas=4; deploy replicas=5",
            "acme/web:1",
            "web:1 api:1 odd:1 1",
            2,
        ),
        (
            "deploy web=2; edit web=3; move new/web.yaml",
            "acme/web:1",
            "web:1 api:1 odd:1 1",
            2,
        ),
        // A rollback and what it took back are nothing together.
        (
            "deploy web=2; deploy web=3; click; deploy web=4",
            "acme/web:1",
            "web:1 api:1 odd:1 1",
            2,
        ),
        // Named, also what was rolled back.
        (
            "deploy web=2; click",
            "acme/web:2",
            "web:2 api:1 odd:1 1",
            1,
        ),
        (
            "deploy web=2; click; deploy web=3",
            "2",
            "web:2 api:1 odd:1 1",
            2,
        ),
        (
            "deploy web=2; deploy odd=2; deploy odd=3",
            "acme/odd:1",
            "web:2 api:1 odd:1 1",
            2,
        ),
    ];
    std::thread::scope(|scope| {
        for (steps, to, expected, undone) in table {
            scope.spawn(move || {
                let mut line = Line::new();
                steps.split("; ").for_each(|step| line.step(step));
                let outcome = line.action("rollback").input("to", to).run().succeeded();
                assert_eq!(line.runs(), expected, "{steps}");
                assert_eq!(
                    told(&outcome, "Undoing commit "),
                    undone,
                    "{steps}\n{}",
                    outcome.log()
                );
                let shas: Vec<&str> = outcome.output("undone-commit-sha").lines().collect();
                assert_eq!(shas.len(), undone, "{steps}");
                // A second time there is nothing to do.
                if to != "previous" {
                    let again = line.action("rollback").input("to", to).run().succeeded();
                    assert_eq!(again.output("changed"), "false", "{steps}");
                }
            });
        }
    });
}

/// What `to` does: what runs then, and what is said of it before it is written.
#[test]
fn to_names_what_was_in_force_or_says_what_it_makes() {
    let table: [(&str, &str, &str, &[&str]); 10] = [
        // One release of several images with one tag.
        (
            "deploy web=2 api=2; deploy web=3 api=3",
            "2",
            "web:2 api:2 odd:1 1",
            &[],
        ),
        (
            "merge web=2 api=2; move new/web.yaml; squash web=3 api=3 replicas=4",
            "2",
            "web:2 api:2 odd:1 1",
            &[".spec.replicas goes back from 4 to 1"],
        ),
        // Several images by their names.
        (
            "deploy web=2; deploy api=2; deploy web=3",
            "acme/web:1\nacme/api:1",
            "web:1 api:1 odd:1 1",
            &[],
        ),
        // What never ran together is said.
        (
            "deploy web=2; deploy api=2; deploy web=3",
            "acme/web:1",
            "web:1 api:2 odd:1 1",
            &[
                "What is deployed then did not run together before, as far as can be seen: acme/web:1 ran with acme/api:1 last, and runs with acme/api:2 then. To have that again, name it in `to` as well, an image a line: acme/api:1",
            ],
        ),
        // So is what moves with it.
        (
            "deploy web=2 api=2; deploy api=3",
            "acme/web:1",
            "web:1 api:1 odd:1 1",
            &["acme/api:1 will run where acme/api:3 runs now"],
        ),
        (
            "deploy odd=2 replicas=4; deploy odd=3",
            "acme/odd:1",
            "web:1 api:1 odd:1 1",
            &[".spec.replicas goes back from 4 to 1"],
        ),
        (
            "edit web=2 replicas=4",
            "acme/web:1",
            "web:1 api:1 odd:1 1",
            &[".spec.replicas goes back from 4 to 1"],
        ),
        (
            "deploy web=2; squash click then api=2",
            "acme/web:2",
            "web:2 api:1 odd:1 1",
            &["acme/web:2 was rolled back by commit "],
        ),
        // Forward is said, by whatever way.
        (
            "deploy web=2; click",
            "2",
            "web:2 api:1 odd:1 1",
            &[
                "acme/web:2 was rolled back by commit ",
                ", and is deployed again",
            ],
        ),
        (
            "deploy web=2; deploy web=1",
            "acme/web:2",
            "web:2 api:1 odd:1 1",
            &["acme/web:2 is newer by its tag than acme/web:1, in whose place it comes"],
        ),
    ];
    std::thread::scope(|scope| {
        for (steps, to, expected, said) in table {
            scope.spawn(move || {
                let mut line = Line::new();
                steps.split("; ").for_each(|step| line.step(step));
                let outcome = line.action("rollback").input("to", to).run().succeeded();
                assert_eq!(line.runs(), expected, "{steps}");
                let log = outcome.shown_log();
                for said in said {
                    let at = log.find(said);
                    assert!(at.is_some() && at < log.find("Pushed "), "{steps}\n{log}");
                }
                if said.is_empty() {
                    assert_eq!(outcome.warnings(), [""; 0], "{steps}");
                }
                let is_forward = said.iter().any(|said| said.starts_with("acme/web:2 "));
                let subject = line.repository.git(&["log", "-1", "--format=%s", "main"]);
                assert_eq!(
                    outcome.output("rolled-back"),
                    (!is_forward).to_string(),
                    "{steps}"
                );
                assert_eq!(subject.starts_with("Roll back "), !is_forward, "{subject}");
                assert_eq!(
                    outcome.summary.starts_with("### ⏪"),
                    !is_forward,
                    "{steps}"
                );
                if log.contains(".spec.replicas goes") {
                    let row = "| `.spec.replicas` | `4` | `1` |";
                    assert!(outcome.summary.contains(row), "{}", outcome.summary);
                }
            });
        }
    });
}

#[test]
fn a_version_of_several_images_is_not_guessed_at() {
    let refused = |steps: &str, to: &str| {
        let mut line = Line::new();
        steps.split("; ").for_each(|step| line.step(step));
        let before = line.repository.tip("main");
        let outcome = line.action("rollback").input("to", to).run().failed();
        assert_eq!(line.repository.tip("main"), before);
        (line, outcome.errors().join("\n"))
    };
    let (mut line, error) = refused("deploy api=2; deploy web=2", "1");
    for said in [
        "`to` names 1, which is the version of several images that did not leave it together",
        "Nothing was changed: acme/web:2 (apps/web.yaml), acme/api:2 (apps/web.yaml) are still deployed.",
        "\n- acme/web:1 ran until commit ",
        "\n- acme/api:1 ran until commit ",
        "Write which: `to: acme/web:1` or `to: acme/api:1`. Or several of them, one a line.",
    ] {
        let said = said.replace(", acme/api:2", " and acme/api:2");
        assert!(error.contains(&said), "{said}\n{error}");
    }
    line.step(&format!("to {}", behind(&error, "`to: ", '`')));
    assert_eq!(line.runs(), "web:1 api:2 odd:1 1");
    line.step("to acme/web:1\nacme/api:1");
    assert_eq!(line.runs(), "web:1 api:1 odd:1 1");
    // Back with one, forward with another.
    let (_, error) = refused(
        "deploy api=2; click; deploy web=2",
        "acme/web:1\nacme/api:2",
    );
    assert!(
        error.contains("one step does not go back with one image and forward with another"),
        "{error}"
    );
    // What ran, and not together, has both told.
    let together = "deploy web=2 api=2; deploy web=3 api=3";
    let (mut line, error) = refused(together, "acme/web:1\nacme/api:2");
    insta::assert_snapshot!(scrub(&line.repository, &error), @"
    `to` names acme/web:1 and acme/api:2: each of them ran before, but never together, as far as can be seen. Nothing was changed: acme/web:3 (apps/web.yaml) and acme/api:3 (apps/web.yaml) are still deployed.
    - acme/web:1 ran with acme/api:1, until commit id-1 of DATE by github-actions[bot] (`chore: update web, api images to 2`)
    - acme/api:2 ran with acme/web:2, until commit id-0 of DATE by github-actions[bot] (`chore: update web, api images to 3`)
    Name what ran together, an image a line: acme/api:1 with acme/web:1; or acme/api:2 with acme/web:2. To run these together, deploy them with `operation: update`.
    ");
    line.step("to acme/web:2\nacme/api:2");
    assert_eq!(line.runs(), "web:2 api:2 odd:1 1");
    // One of several that never ran keeps the others where they are.
    let (_, error) = refused("deploy web=2", "acme/web:1\nacme/api:7");
    assert!(
        error.contains("`to` names acme/api:7, and no such image ran before"),
        "{error}"
    );
}

#[test]
fn a_rollback_that_is_undone_by_its_name_is_no_rollback() {
    let mut line = Line::new();
    line.step("deploy web=2");
    line.step("click");
    let rollback = line.repository.tip("main");
    let outcome = line
        .action("rollback")
        .input("commit", rollback)
        .run()
        .succeeded();
    assert_eq!(outcome.output("rolled-back"), "false");
    assert!(
        outcome
            .summary
            .starts_with("### ⏩ Deployed again: `web:2`\n"),
        "{}",
        outcome.summary
    );
}

#[test]
fn a_part_of_what_was_done_inside_of_a_text_is_undone() {
    let server = GitServer::start();
    let text = |web: u8, api: u8| {
        format!(
            "kind: ConfigMap\nmetadata: {{name: values}}\ndata:\n  values.yaml: |\n    web:\n      image: acme/web:{web}\n    api:\n      image: acme/api:{api}\n"
        )
    };
    let file = "apps/web.yaml";
    let repository = server.repository_with("acme/manifests", file, &text(1, 1));
    let act = |operation: &str| action(&repository, operation).input("file", file);
    act("update")
        .input("image", "acme/web:2\nacme/api:2")
        .run()
        .succeeded();
    repository.commit("main", file, text(1, 2).as_str(), "fix: web back by hand");
    repository.commit("main", file, text(5, 2).as_str(), "feat: another web");
    let deployed = repository.log("main")[2].id.clone();
    let outcome = act("rollback").input("commit", deployed).run().succeeded();
    assert_eq!(
        String::from_utf8(repository.show("main", file)).unwrap(),
        text(5, 1),
        "{}",
        outcome.log()
    );
}

#[test]
fn a_named_file_that_is_gone_is_refused_by_its_name() {
    let (_server, repository) = two_files();
    let both = "old/a.yaml\nold/b.yaml";
    globbed(&repository, "update", both)
        .input("image", "ghcr.io/wlals2/blog-web:v14")
        .run()
        .succeeded();
    let v14 = repository.tip("main");
    repository.commit("main", "old/b.yaml", Entry::Absent, "feat: without it");
    for (input, value) in [
        ("dry-run", "false"),
        ("to", "v13"),
        ("commit", v14.as_str()),
    ] {
        let action = globbed(&repository, "rollback", both).input(input, value);
        let error = failure(&repository, action);
        assert!(
            error.contains("`old/b.yaml` is not there any more: commit id-0 of DATE by A colleague (`feat: without it`) removed or renamed it."),
            "{input}: {error}"
        );
        assert!(!error.contains("Did you mean"), "{error}");
        assert!(error.ends_with("name only those: old/a.yaml."), "{error}");
    }
}

#[test]
fn an_image_that_never_ran_is_refused_with_those_that_did() {
    let mut line = Line::new();
    line.step("deploy web=2");
    line.step("deploy web=3");
    let ask = |to: &str| failure(&line.repository, line.action("rollback").input("to", to));
    insta::assert_snapshot!(ask("9").replace("acme/manifests", "REPOSITORY"), @"
    `to` names 9, and no such image ran before in REPOSITORY, as far as can be seen. What ran before, the newest first: acme/web:2, acme/web:1. Nothing was changed: acme/web:3 (apps/web.yaml) and acme/api:1 (apps/web.yaml) are still deployed.
    Check `to` and `file`; or deploy it with `operation: update`.
    ");
    assert!(ask("acme/api:2").contains("`to` names acme/api:2"));
    for (to, hint) in [
        ("web:2", "Did you mean `acme/web:2`? Check `to` and `file`;"),
        ("web:3", "Did you mean `acme/web:3`? Check `to` and `file`;"),
        (
            &*"previous".replacen('i', "", 1),
            "Did you mean `previous`? Check `to` and `file`;",
        ),
    ] {
        assert!(ask(to).contains(hint), "{}", ask(to));
        assert!(ask(to).contains("no such image ran before"), "{}", ask(to));
    }
    insta::assert_snapshot!(ask("acme/web"), @"
    `to` `acme/web`: expected an image such as ghcr.io/acme/web:v13, a tag such as v13, or `previous`
    Nothing was changed.
    ");
    let both = line
        .action("rollback")
        .input("to", "2")
        .input("commit", "0123456");
    insta::assert_snapshot!(failure(&line.repository, both), @"
    `to`: beside `commit` it says twice what to undo: keep one
    Nothing was changed.
    ");
}

#[test]
fn outputs_and_summary_name_what_was_undone() {
    let mut line = Line::new();
    line.step("deploy web=2 replicas=4");
    let deployed = line.repository.tip("main");
    let dry = line
        .action("rollback")
        .input("dry-run", "true")
        .run()
        .succeeded();
    assert_eq!(dry.output("rolled-back"), "false");
    assert_eq!(dry.output("undone-commit-sha"), deployed);
    let outcome = line.action("rollback").run().succeeded();
    assert_eq!(outcome.output("rolled-back"), "true");
    assert_eq!(
        outcome.output("rollback-commit-sha"),
        line.repository.tip("main")
    );
    assert_eq!(outcome.output("undone-commit-sha"), deployed);
    let named = format!("Takes back [`{}`](", &deployed[..7]);
    assert!(outcome.summary.contains(&named), "{}", outcome.summary);
    for announced in [
        "acme/web:1 will run where acme/web:2 runs now",
        ".spec.replicas goes back from 4 to 1",
    ] {
        let log = outcome.shown_log();
        assert!(log.find(announced) < log.find("Pushed "), "{log}");
        assert!(log.contains(announced), "{log}");
    }
    assert!(
        outcome.summary.contains("| `.spec.replicas` | `4` | `1` |"),
        "{}",
        outcome.summary
    );
}

#[test]
fn git_reads_what_was_set_and_what_was_taken_back() {
    let mut line = Line::new();
    line.step("deploy replicas=4");
    let deployed = line.repository.tip("main");
    line.step("click");
    let trailers = |rev: &str| {
        line.repository
            .git(&["log", "-1", "--format=%(trailers:only,unfold)", rev])
    };
    assert_eq!(
        trailers("main~1").lines().next(),
        Some("Deployed-Value: apps/web.yaml Deployment/web:.spec.replicas=4")
    );
    let rollback = trailers("main");
    let lines: Vec<&str> = rollback.lines().take(2).collect();
    let expected = [
        "Deployed-Value: apps/web.yaml Deployment/web:.spec.replicas=1".to_owned(),
        format!("Rolled-Back-Commit: {deployed}"),
    ];
    assert_eq!(lines, expected);
}

/// What stands behind `start` in a text, up to a character that ends it.
fn behind<'t>(text: &'t str, start: &str, end: char) -> &'t str {
    let (_, rest) = text
        .split_once(start)
        .unwrap_or_else(|| panic!("no {start} in {text}"));
    rest.split(end).next().unwrap()
}

#[test]
fn the_advice_of_a_refusal_works() {
    let refused = |line: &Line, back: usize| {
        let id = line.repository.log("main")[back].id.clone();
        let outcome = line.action("rollback").input("commit", id).run().failed();
        outcome.errors().join("\n")
    };
    // Deployed again since, by the action and by a colleague.
    let mut line = Line::new();
    for step in ["deploy web=2", "deploy web=3", "edit web=4"] {
        line.step(step);
    }
    let error = refused(&line, 2);
    let (first, last) = (
        error.find("acme/web:3 → acme/web:4"),
        error.find("acme/web:2 → acme/web:3"),
    );
    assert!(first.is_some() && first < last, "newest first: {error}");
    assert!(
        error.contains("That is the work of A colleague, too: ask first."),
        "{error}"
    );
    line.step(&format!("to {}", behind(&error, "`to: ", '`')));
    assert_eq!(line.runs(), "web:1 api:1 odd:1 1");

    // No image: the later ones first, one after the other.
    let mut line = Line::new();
    for step in ["deploy replicas=2", "deploy replicas=3", "edit replicas=4"] {
        line.step(step);
    }
    let error = refused(&line, 2);
    let (_, advice) = error.rsplit_once("Undo what came later first").unwrap();
    let ids: Vec<&str> = advice
        .split("`commit: ")
        .skip(1)
        .map(|rest| &rest[..7])
        .collect();
    assert_eq!(ids.len(), 2, "{error}");
    let first = line.repository.log("main")[2].id.clone();
    for id in ids.into_iter().chain([&first[..7]]) {
        line.action("rollback")
            .input("commit", id)
            .run()
            .succeeded();
    }
    assert_eq!(line.runs(), "web:1 api:1 odd:1 1");

    // A container that has another name by now keeps it.
    let mut line = Line::new();
    for step in ["deploy api=2", "deploy web=2"] {
        line.step(step);
    }
    let renamed = line.text().replace("- name: web", "- name: front");
    line.repository
        .commit("main", &line.file, renamed, "refactor: a name");
    let error = line.action("rollback").run().failed().errors().join("\n");
    let image = behind(&error, "`operation: update` with `image: ", '`');
    line.action("update")
        .input("image", image)
        .run()
        .succeeded();
    assert_eq!(line.runs(), "web:1 api:2 odd:1 1");
    assert!(line.text().contains("- name: front"));

    // What ran before was rolled back itself.
    let mut line = Line::new();
    for step in ["deploy web=0", "deploy web=1", "click"] {
        line.step(step);
    }
    assert_eq!(line.runs(), "web:0 api:1 odd:1 1");
    let error = line.action("rollback").run().failed().errors().join("\n");
    assert!(
        error.contains("was rolled back itself") && error.contains("name it with `to`"),
        "{error}"
    );
    line.step("to acme/web:1");
    assert_eq!(line.runs(), "web:1 api:1 odd:1 1");
}

/// What is written where nothing is undone speaks of what would be.
#[test]
fn a_dry_run_and_a_refusal_do_not_say_that_they_undo() {
    let mut line = Line::new();
    line.step("deploy web=2 replicas=4");
    let dry = |line: &Line| line.action("rollback").input("dry-run", "true");
    let log = dry(&line).run().succeeded().shown_log();
    let is_told = |line: &&str| {
        line.starts_with("Would ") || line.contains(" would run ") || line.contains(" would go ")
    };
    let told = log.lines().filter(is_told);
    let told: Vec<String> = told.map(|told| scrub(&line.repository, told)).collect();
    insta::assert_snapshot!(told.join("\n"), @"
    Would undo commit id-0 of DATE by github-actions[bot] (`chore: update web image to 2`)
    acme/web:1 would run where acme/web:2 runs now
    .spec.replicas would go back from 4 to 1
    ");
    line.step("edit web=3");
    let id = line.repository.log("main")[1].id.clone();
    let refused = line.action("rollback").input("commit", id).run().failed();
    assert!(!refused.log().contains("Undoing"), "{}", refused.log());
    line.step("to acme/web:1");
    let again = dry(&line).input("to", "acme/web:2").run().succeeded();
    let warnings = again.warnings().join("\n");
    assert!(
        warnings.contains(", and would be deployed again"),
        "{warnings}"
    );
    let again = line.deployment("web=3").input("dry-run", "true");
    let warnings = again.run().succeeded().warnings().join("\n");
    assert!(
        warnings.contains(" and would be deployed again by this run"),
        "{warnings}"
    );
}

/// What a colleague changed in the same commit goes back with the image, and is named.
#[test]
fn what_goes_back_with_an_image_is_a_warning() {
    let mut line = Line::new();
    line.step("edit web=2 replicas=4");
    let outcome = line.action("rollback").run().succeeded();
    assert_eq!(line.runs(), "web:1 api:1 odd:1 1");
    let warning = "Values that no deployment is known to have set go back as well, with the commit that changed them: .spec.replicas goes back from 4 to 1 (apps/web.yaml)";
    assert_eq!(outcome.warnings(), [warning]);
    assert!(outcome.summary.contains("| `.spec.replicas` | `4` | `1` |"));
    // It is said once.
    assert_eq!(outcome.shown_log().matches(warning).count(), 1);
    // What a deployment has set is no surprise.
    line.step("deploy web=3 replicas=5");
    let outcome = line.action("rollback").run().succeeded();
    assert_eq!(outcome.warnings(), [""; 0]);
    // Comments go back, too, but for those of somebody else.
    let text = line
        .edited("web=4")
        .replace("kind: Odd", "kind: Odd # mine");
    let id = line
        .repository
        .commit("main", &line.file, text, "feat: by hand");
    let text = line.text().replace("- name: api", "- name: api # theirs");
    line.repository
        .commit("main", &line.file, text, "docs: a comment");
    let outcome = line.action("rollback").run().succeeded();
    let text = line.text();
    assert!(text.contains("# theirs") && !text.contains("# mine"));
    let warning = &outcome.warnings()[0];
    let expected = format!(
        "Comments go back as well: those in apps/web.yaml, changed by commit {} of ",
        &id[..7]
    );
    assert!(warning.starts_with(&expected), "{warning}");
}

/// Who merged what others had deployed did not deploy it, into whichever branch they merged.
#[test]
fn what_came_with_a_merge_is_told_by_what_it_was() {
    for last in ["pulled 2", "merge web=4 then api=4"] {
        let mut line = Line::new();
        for step in [
            "deploy web=2",
            "deploy web=3",
            "click",
            "deploy web=5",
            last,
        ] {
            line.step(step);
        }
        let own = line.repository.log("main");
        let merge = own.iter().find(|one| one.parents.len() == 2).unwrap();
        let range = format!("{}..{}", merge.parents[0], merge.parents[1]);
        let merged = line.repository.log(&range);
        let merged: Vec<&str> = merged.iter().map(|one| one.id.as_str()).collect();
        assert_eq!(merged.len(), 2, "{last}");
        let outcome = line.action("history").run().succeeded();
        let deployments: serde_json::Value =
            serde_json::from_str(outcome.output("deployments")).unwrap();
        let newest = &deployments[0];
        assert_eq!(newest["commit"], merge.id, "{last}");
        assert_eq!(newest["kind"], "update", "{last}");
        let told = newest["merged"].as_array().unwrap().iter();
        let mut told: Vec<&str> = told.map(|id| id.as_str().unwrap()).collect();
        let mut expected = merged.clone();
        told.sort_unstable();
        expected.sort_unstable();
        assert_eq!(told, expected, "{last}");
        // Its run, and what was built, are those of what was merged.
        assert!(newest["workflow_run"].is_string(), "{last}: {newest}");
        assert!(newest["source"]["commit"].is_string(), "{last}: {newest}");
        assert!(
            outcome.summary.contains("| update, merged from `")
                && outcome.summary.contains("` and 1 more |"),
            "{last}: {}",
            outcome.summary
        );
        assert_eq!(deployments[1]["merged"], serde_json::json!([]));
    }
}

/// Who merges and makes something else of both sides did that, and nothing that was merged.
#[test]
fn what_who_merges_made_of_both_sides_is_an_edit() {
    for (own, kind, run) in [(Some("web=4"), "edit", false), (None, "update", true)] {
        let mut line = Line::new();
        line.step("deploy web=2");
        let repository = line.repository.clone();
        repository.set_branch("topic", &repository.tip("main"));
        let topic = line.deployment("web=3").input("branch", "topic");
        topic.run().succeeded();
        // The other side changes the file as well.
        repository.commit("main", &line.file, line.edited("api=2"), "feat: by hand");
        let text = match own {
            Some(own) => line.edited(own),
            None => line.edited("web=3"),
        };
        repository.set_branch("merged", &repository.tip("main"));
        repository.commit("merged", &line.file, text, "x");
        let identity = ["-c", "user.name=M", "-c", "user.email=m@example.com"];
        let parents = ["-p", "main", "-p", "topic"];
        let message = ["-m", "Merge branch 'topic'", "merged^{tree}"];
        let commit = [&identity[..], &["commit-tree"], &parents[..], &message[..]].concat();
        let commit = repository.git(&commit).trim().to_owned();
        let merged = repository.tip("topic");
        repository.set_branch("main", &commit);
        let outcome = line.action("history").run().succeeded();
        let deployments: serde_json::Value =
            serde_json::from_str(outcome.output("deployments")).unwrap();
        let newest = &deployments[0];
        assert_eq!(newest["commit"], commit, "{kind}");
        assert_eq!(newest["kind"], kind);
        assert_eq!(newest["merged"], serde_json::json!([merged]), "{kind}");
        assert_eq!(newest["workflow_run"].is_string(), run, "{newest}");
        assert_eq!(newest["source"].is_object(), run, "{newest}");
        let how = match own {
            Some(_) => "| edit, in a merge of `",
            None => "| update, merged from `",
        };
        assert!(outcome.summary.contains(how), "{}", outcome.summary);
        line.action("rollback").run().succeeded();
        assert_eq!(line.runs(), "web:2 api:2 odd:1 1", "{kind}");
    }
}

/// A click may lead to images that never ran together: then it says so.
#[test]
fn a_click_says_what_never_ran_together() {
    let mut line = Line::new();
    for step in ["deploy web=2 api=2", "deploy web=3 api=3", "edit web=1"] {
        line.step(step);
    }
    let outcome = line.action("rollback").run().succeeded();
    assert_eq!(line.runs(), "web:1 api:2 odd:1 1");
    insta::assert_snapshot!(outcome.warnings().join("\n"), @"
    What is deployed then did not run together before, as far as can be seen: acme/api:2 ran with acme/web:2 last, and runs with acme/web:1 then
    ");
    // What ran together long ago is known as that.
    let mut line = Line::new();
    for tag in 2..14 {
        line.step(&format!("deploy api={tag}"));
    }
    line.step("deploy web=2");
    let outcome = line.action("rollback").run().succeeded();
    assert_eq!(outcome.warnings(), [""; 0]);
}

/// By its name, what is newer is deployed again, and nothing is a failure by that.
#[test]
fn what_is_newer_and_named_is_a_deployment_in_the_history() {
    let mut line = Line::new();
    for step in ["deploy web=2", "deploy web=0", "to acme/web:2"] {
        line.step(step);
    }
    let history = line.action("history").run().succeeded();
    let deployments: serde_json::Value =
        serde_json::from_str(history.output("deployments")).unwrap();
    assert_eq!(deployments[0]["kind"], "update");
    assert_eq!(deployments[0]["subject"], "Deploy web 2 again");
    assert_eq!(deployments[1]["rolled_back_by"], serde_json::Value::Null);
    let metrics: serde_json::Value = serde_json::from_str(history.output("metrics")).unwrap();
    assert_eq!(metrics["all"]["change_failure_rate"]["failed"], 0);
    assert_eq!(metrics["all"]["deployments"]["count"], 3);
    // Where it ran before that as well, it is a way back to it, and that it was rolled back is said.
    for step in ["click", "deploy web=3"] {
        line.step(step);
    }
    let outcome = line.action("rollback").input("to", "acme/web:2").run();
    let [warning] = &outcome.succeeded().warnings()[..] else {
        panic!("one warning, please")
    };
    assert!(
        warning.starts_with("acme/web:2 was rolled back by commit "),
        "{warning}"
    );
    // What was left for an image that had been rolled back is a failure.
    let mut line = Line::new();
    for step in ["deploy web=2", "click", "deploy web=3", "to acme/web:2"] {
        line.step(step);
    }
    let history = line.action("history").run().succeeded();
    let metrics: serde_json::Value = serde_json::from_str(history.output("metrics")).unwrap();
    assert_eq!(metrics["all"]["change_failure_rate"]["failed"], 2);
}

/// `commit` undoes the commit that it names, and never another one that stands where it stood.
#[test]
fn a_commit_that_is_named_is_undone_itself_or_refused() {
    let mut line = Line::new();
    // The update, its rollback, and what undid that: then a newer one, taken back with all of it.
    for step in [
        "deploy web=2",
        "click",
        "to acme/web:2",
        "deploy web=3",
        "to acme/web:1",
    ] {
        line.step(step);
    }
    let id = |line: &Line, back: usize| line.repository.log("main")[back].id.clone();
    let rollback = id(&line, 3);
    let refused = failure(
        &line.repository,
        line.action("rollback").input("commit", rollback),
    );
    insta::assert_snapshot!(refused, @r#"
    `commit` names commit id-3 of DATE by github-actions[bot] (`Revert "chore: update web image to 2"`), which commit id-2 of DATE by github-actions[bot] (`Deploy web 2 again`) took back already. That was undone in turn, and commit id-0 of DATE by github-actions[bot] (`Roll back web to 1`) is in force since. Nothing was changed: acme/web:1 (apps/web.yaml) and acme/api:1 (apps/web.yaml) are still deployed.
    To undo the newest of these, name it: `commit: id-0`. It replaced acme/web:3 by acme/web:1. To run an image again, name it with `to`.
    "#);
    assert_eq!(line.runs(), "web:1 api:1 odd:1 1");
    // What it deployed is taken back already, by the newest.
    let update = id(&line, 4);
    let outcome = line.action("rollback").input("commit", &update).run();
    let outcome = outcome.succeeded();
    assert_eq!(outcome.output("changed"), "false");
    assert_eq!(line.runs(), "web:1 api:1 odd:1 1");
    line.step("to acme/web:3");
    let refused = failure(
        &line.repository,
        line.action("rollback").input("commit", update),
    );
    insta::assert_snapshot!(refused, @r#"
    `commit` names commit id-5 of DATE by github-actions[bot] (`chore: update web image to 2`), which commit id-4 of DATE by github-actions[bot] (`Revert "chore: update web image to 2"`) took back already. That was undone in turn, and commit id-0 of DATE by github-actions[bot] (`Deploy web 3 again`) is in force since. Nothing was changed: acme/web:3 (apps/web.yaml) and acme/api:1 (apps/web.yaml) are still deployed.
    To undo the newest of these, name it: `commit: id-0`. It replaced acme/web:1 by acme/web:3. To run an image again, name it with `to`.
    "#);
    // The advice works.
    line.action("rollback")
        .input(
            "commit",
            behind(&refused, "`commit: ", '`').replace("id-0", &id(&line, 0)),
        )
        .run()
        .succeeded();
    assert_eq!(line.runs(), "web:1 api:1 odd:1 1");
}

/// What a colleague set over a deployment's value goes back with `to` as well, and is named.
#[test]
fn what_a_colleague_set_over_a_deployment_is_a_warning() {
    let mut line = Line::new();
    for step in ["deploy web=2 replicas=6", "edit web=3 replicas=9"] {
        line.step(step);
    }
    let to = line.action("rollback").input("to", "acme/web:1").run();
    let outcome = to.succeeded();
    assert_eq!(line.runs(), "web:1 api:1 odd:1 1");
    let warning = "Values that no deployment is known to have set go back as well, with the commit that changed them: .spec.replicas goes back from 9 to 1 (apps/web.yaml)";
    assert_eq!(outcome.warnings(), [warning]);
    assert!(
        outcome
            .summary
            .contains("no deployment is known to have set"),
        "{}",
        outcome.summary
    );
    // A deployment that has set it since makes it its own.
    for step in ["edit web=3 replicas=9", "deploy web=4 replicas=5"] {
        line.step(step);
    }
    let to = line.action("rollback").input("to", "acme/web:1").run();
    assert_eq!(to.succeeded().warnings(), [""; 0]);
}

/// Who replaced an image did not take it back: who did is named.
#[test]
fn merges_of_one_second_are_taken_back_one_by_one() {
    let (_server, repository) = start();
    let mut stream = String::new();
    let mut commit = |branch: &str, mark: usize, parents: &str, tag: usize| {
        let text = manifest(&format!("v{tag}"));
        stream += &format!(
            "commit refs/heads/{branch}\nmark :{mark}\ncommitter A <a@example.com> now\ndata 1\nx\n{parents}M 100644 inline {FILE}\ndata {}\n{text}\n",
            text.len()
        );
    };
    commit("main", 1, "from refs/heads/main^0\n", 14);
    for number in 1..8 {
        let (tip, own) = (2 * number - 1, 2 * number);
        commit("next", own, &format!("from :{tip}\n"), 14 + number);
        let parents = format!("from :{tip}\nmerge :{own}\n");
        commit("main", own + 1, &parents, 14 + number);
    }
    repository.import(stream.as_bytes());
    for _ in 0..5 {
        action(&repository, "rollback").run().succeeded();
    }
    let outcome = action(&repository, "history").run().succeeded();
    let deployments: serde_json::Value =
        serde_json::from_str(outcome.output("deployments")).unwrap();
    let taken = deployments.as_array().unwrap().iter();
    let taken: Vec<usize> = taken
        .map(|one| one["takes_back"].as_array().map_or(0, Vec::len))
        .collect();
    assert_eq!(taken[..6], [1, 1, 1, 1, 1, 0]);
}

/// So many commits to the file that touch a comment alone.
fn comments(repository: &Repository, tag: &str, count: usize) {
    let mut stream = String::new();
    for number in 0..count {
        let from = match number {
            0 => "from refs/heads/main^0\n",
            _ => "",
        };
        let text = format!("{}# note {number}\n", manifest(tag));
        stream += &format!(
            "commit refs/heads/main\ncommitter A <a@example.com> now\ndata 1\nx\n{from}M 100644 inline {FILE}\ndata {}\n{text}\n",
            text.len()
        );
    }
    repository.import(stream.as_bytes());
}

#[test]
fn what_only_older_commits_than_are_read_would_tell_is_refused() {
    let (_server, repository) = start();
    deploy(&repository, "v14");
    deploy(&repository, "v15");
    let by_hand = repository.commit("main", FILE, manifest("v14").as_str(), "Go back");
    comments(&repository, "v14", 999);
    insta::assert_snapshot!(failure(&repository, action(&repository, "rollback")), @"
    There is nothing that one can be sure to roll back: only the newest 1000 commits of blog-system/web-rollout.yaml are looked at, and whether commit id-999 of DATE by A colleague (`Go back`) took something back is not known. Nothing was changed: ghcr.io/wlals2/blog-web:v14 (blog-system/web-rollout.yaml) and nginx/nginx-prometheus-exporter:1.1 (blog-system/web-rollout.yaml) are still deployed.
    Name the commit to undo with `commit`, or deploy what is to run with `operation: update`.
    ");
    action(&repository, "rollback")
        .input("commit", by_hand)
        .run()
        .succeeded();

    let (_server, repository) = start();
    deploy(&repository, "v14");
    action(&repository, "rollback").run().succeeded();
    comments(&repository, "v13", 1000);
    insta::assert_snapshot!(failure(&repository, action(&repository, "rollback")), @"
    There is nothing that one can be sure to roll back: only the newest 1000 commits of blog-system/web-rollout.yaml are looked at, and no deployment among them is in force. Nothing was changed: ghcr.io/wlals2/blog-web:v13 (blog-system/web-rollout.yaml) and nginx/nginx-prometheus-exporter:1.1 (blog-system/web-rollout.yaml) are still deployed.
    Name the commit to undo with `commit`, or deploy what is to run with `operation: update`.
    ");
}

#[test]
fn who_replaced_an_image_is_not_said_to_have_rolled_it_back() {
    let mut line = Line::new();
    for step in ["deploy web=2", "edit web=3", "to acme/web:1"] {
        line.step(step);
    }
    let rollback = line.repository.tip("main");
    let to = line.action("rollback").input("to", "acme/web:2").run();
    let outcome = to.succeeded();
    assert_eq!(line.runs(), "web:2 api:1 odd:1 1");
    let by = format!(
        "acme/web:2 was rolled back by commit {} of ",
        &rollback[..7]
    );
    let warnings = outcome.warnings().join("\n");
    assert!(warnings.contains(&by), "{warnings}");
    assert!(!warnings.contains("feat: by hand"), "{warnings}");
    let log = outcome.shown_log();
    let pushed = log.lines().find(|line| line.starts_with("Pushed "));
    assert!(
        pushed.is_some_and(|line| line.ends_with(": acme/web:2 again.")),
        "{log}"
    );
}

/// An object that somebody has renamed keeps its name, whatever `to` asks for.
#[test]
fn to_never_renames_an_object_back() {
    let mut line = Line::new();
    for step in ["deploy web=2", "deploy web=3"] {
        line.step(step);
    }
    let renamed = line.text().replace("{name: web}", "{name: www}");
    let by = line
        .repository
        .commit("main", &line.file, renamed.as_str(), "feat: www");
    // What came on top of that is not in the way.
    line.step("edit replicas=4");
    let scaled = line.repository.tip("main");
    let refused = |line: &Line, to: &str| {
        let action = line.action("rollback").input("to", to);
        let error = failure(&line.repository, action);
        assert!(line.text().contains("{name: www}"), "{}", line.text());
        error
    };
    insta::assert_snapshot!(refused(&line, "acme/web:2"), @"
    `to` names acme/web:2, but Deployment/web in `apps/web.yaml`, where it ran, was renamed or removed since, by commit id-1 of DATE by A colleague (`feat: www`). A `to` never renames an object back. Nothing was changed: acme/web:3 (apps/web.yaml) is still deployed.
    Deploy what is to run with `operation: update`; or name a commit that is to be undone with `commit`.
    ");
    assert!(refused(&line, "acme/web:1").contains("was renamed or removed since"));
    line.action("rollback")
        .input("commit", scaled)
        .run()
        .succeeded();
    let error = refused(&line, "acme/web:2");
    assert!(
        error.contains("Deployment/web in `apps/web.yaml`"),
        "{error}"
    );
    // Named, the renaming itself is undone.
    line.action("rollback")
        .input("commit", by)
        .run()
        .succeeded();
    assert!(line.text().contains("{name: web}"), "{}", line.text());
}

/// What was removed and added again was not rolled back.
#[test]
fn what_was_removed_and_added_again_is_told_as_that() {
    let mut line = Line::new();
    line.step("deploy web=2");
    let text = line.edited("web=3");
    let file = line.file.clone();
    for entry in [Entry::Absent, Entry::from(text)] {
        line.repository
            .commit("main", &file, entry, "feat: by hand");
    }
    let error = failure(&line.repository, line.action("rollback"));
    insta::assert_snapshot!(error.replace("acme/manifests", "REPOSITORY"), @"
    There is nothing to roll back: no deployment of apps/web.yaml in REPOSITORY is in force. The newest was commit id-2 of DATE by github-actions[bot] (`chore: update web image to 2`); commit id-1 of DATE by A colleague (`feat: by hand`) removed what it had deployed, and what is there now was added by hand. Nothing was changed: acme/web:3 (apps/web.yaml) and acme/api:1 (apps/web.yaml) are still deployed.
    Deploy what is to run with `operation: update`.
    ");
    let mut line = Line::new();
    line.step("deploy replicas=2");
    line.step("edit replicas=3");
    let error = failure(&line.repository, line.action("rollback"));
    insta::assert_snapshot!(error.replace("acme/manifests", "REPOSITORY"), @"
    There is nothing to roll back: no deployment of apps/web.yaml in REPOSITORY is in force. The newest was commit id-1 of DATE by github-actions[bot] (`chore: update apps/web.yaml`); commit id-0 of DATE by A colleague (`feat: by hand`) has changed by hand what it had deployed. Nothing was changed: acme/web:1 (apps/web.yaml) and acme/api:1 (apps/web.yaml) are still deployed.
    What somebody did by hand is undone where `commit` names it; or deploy what is to run with `operation: update`.
    ");
}

/// Two files, deployed together.
fn two_files() -> (GitServer, Repository) {
    let server = GitServer::start();
    let repository = server.repository("acme/manifests");
    let text = || Entry::from(manifest("v13"));
    let files = [("old/a.yaml", text()), ("old/b.yaml", text())];
    repository.commit_all("main", files, "chore: import");
    (server, repository)
}

fn globbed(repository: &Repository, operation: &str, glob: &str) -> Action {
    action(repository, operation).input("file", glob)
}

#[test]
fn files_that_were_renamed_are_followed_all_of_them() {
    let (_server, repository) = two_files();
    globbed(&repository, "update", "old/*.yaml")
        .input("image", "ghcr.io/wlals2/blog-web:v14")
        .run()
        .succeeded();
    // The same text twice: only their names tell them apart; and one is edited on the way.
    let text = manifest("v14");
    let edited = text.replace("replicas: 2", "replicas: 7");
    repository.commit_all(
        "main",
        [
            ("old/a.yaml", Entry::Absent),
            ("old/b.yaml", Entry::Absent),
            ("new/b.yaml", Entry::from(text.as_str())),
            ("new/a.yaml", Entry::from(edited.as_str())),
        ],
        "refactor: move them",
    );
    for files in ["new/*.yaml", "new/a.yaml\nnew/b.yaml"] {
        let outcome = globbed(&repository, "rollback", files)
            .input("dry-run", "true")
            .run()
            .succeeded();
        assert_eq!(outcome.output("files"), "new/a.yaml\nnew/b.yaml");
        assert_eq!(outcome.warnings(), [""; 0]);
    }
    let v14 = repository.log("main")[1].id.clone();
    globbed(&repository, "rollback", "new/*.yaml")
        .input("commit", v14)
        .run()
        .succeeded();
    assert_eq!(
        repository.show("main", "new/b.yaml"),
        manifest("v13").as_bytes()
    );
    let expected = edited.replace("v14", "v13");
    assert_eq!(repository.show("main", "new/a.yaml"), expected.as_bytes());
}

#[test]
fn a_file_that_is_gone_keeps_the_others_from_being_undone_in_silence() {
    let (_server, repository) = two_files();
    globbed(&repository, "update", "old/*.yaml")
        .input("image", "ghcr.io/wlals2/blog-web:v14")
        .run()
        .succeeded();
    repository.commit("main", "old/b.yaml", Entry::Absent, "feat: without it");
    let error = failure(&repository, globbed(&repository, "rollback", "old/*.yaml"));
    insta::assert_snapshot!(error, @"
    What commit id-1 of DATE by github-actions[bot] (`chore: update blog-web image to v14`) did to `old/b.yaml` can't be undone: the file is not there any more. Nothing was changed: ghcr.io/wlals2/blog-web:v14 (old/a.yaml) is still deployed.
    To undo it in the other files alone, name those with `file`: old/a.yaml.
    ");
    let advised = behind(&error, "`file`: ", '.').to_owned() + ".yaml";
    globbed(&repository, "rollback", &advised).run().succeeded();
    assert_eq!(
        repository.show("main", "old/a.yaml"),
        manifest("v13").as_bytes()
    );
}

#[test]
fn a_file_that_was_rolled_back_further_stays_there() {
    let (_server, repository) = two_files();
    let runs = || both_run(&repository);
    for tag in ["v14", "v15", "v16"] {
        deploy_to(&repository, "old/*.yaml", tag);
    }
    let v16 = repository.tip("main");
    globbed(&repository, "rollback", "old/a.yaml")
        .input("to", "v13")
        .run()
        .succeeded();
    let subject = repository.git(&["log", "-1", "--format=%s", "main"]);
    assert_eq!(subject.trim(), "Roll back blog-web to v13");
    assert_eq!(runs(), ["v13", "v16"]);
    let dry = globbed(&repository, "rollback", "old/*.yaml")
        .input("to", "v14")
        .input("dry-run", "true")
        .run()
        .succeeded();
    assert_eq!(dry.output("files"), "old/b.yaml");
    assert_eq!(dry.output("image"), "ghcr.io/wlals2/blog-web:v14");
    assert!(
        dry.log()
            .contains("old/a.yaml stays as it is: v14 was taken back there by commit "),
        "{}",
        dry.log()
    );
    // By its name, too, only what is left of it is undone. That 14 and 15 were taken back in one of the files
    // does not keep the other one from them.
    for commit in [Some(v16), None] {
        let mut action = globbed(&repository, "rollback", "old/*.yaml");
        action = match &commit {
            Some(commit) => action.input("commit", commit).input("dry-run", "true"),
            None => action,
        };
        let outcome = action.run().succeeded();
        assert_eq!(outcome.output("files"), "old/b.yaml");
        let undoing = match commit {
            Some(_) => "Would undo what is left of commit ",
            None => "Undoing what is left of commit ",
        };
        assert_eq!(told(&outcome, undoing), 1);
    }
    assert_eq!(runs(), ["v13", "v15"]);
}

/// What runs in [`two_files`].
fn both_run(repository: &Repository) -> [String; 2] {
    ["old/a.yaml", "old/b.yaml"].map(|file| {
        let text = String::from_utf8(repository.show("main", file)).unwrap();
        behind(&text, "blog-web:", '"').to_owned()
    })
}

fn deploy_to(repository: &Repository, file: &str, tag: &str) {
    globbed(repository, "update", file)
        .input("image", format!("ghcr.io/wlals2/blog-web:{tag}"))
        .run()
        .succeeded();
}

/// What was rolled back in one place is a way back at another one, where it ran all the time; at its own
/// place it never comes back by a click.
#[test]
fn what_was_rolled_back_in_staging_is_a_way_back_in_production() {
    let (_server, repository) = two_files();
    deploy_to(&repository, "old/b.yaml", "v14");
    deploy_to(&repository, "old/b.yaml", "v15");
    deploy_to(&repository, "old/a.yaml", "v14");
    let mut seen = Vec::new();
    while globbed(&repository, "rollback", "old/*.yaml").run().code() == Some(0) {
        seen.push(both_run(&repository).join(" "));
    }
    assert_eq!(seen, ["v13 v15", "v13 v14", "v13 v13"]);
}

/// `to` looks at all places of the image, also where the newest commits don't show that it ran there.
#[test]
fn to_looks_at_every_place_of_the_image() {
    let (_server, repository) = two_files();
    deploy_to(&repository, "old/b.yaml", "v14");
    for tag in 14..25 {
        deploy_to(&repository, "old/a.yaml", &format!("v{tag}"));
    }
    let image = "ghcr.io/wlals2/blog-web:v13";
    let back = |to: &str| {
        let rollback = globbed(&repository, "rollback", "old/*.yaml");
        rollback.input("to", to).run().succeeded()
    };
    back(image);
    assert_eq!(both_run(&repository), ["v13", "v13"]);
    // Where it never ran, what runs stays, and that is said.
    deploy_to(&repository, "old/b.yaml", "v30");
    deploy_to(&repository, "old/a.yaml", "v40");
    let stays = "ghcr.io/wlals2/blog-web:v40 stays in old/a.yaml (Rollout/web, nginx): ghcr.io/wlals2/blog-web:v30 did not run there before, as far as can be seen";
    let outcome = back("ghcr.io/wlals2/blog-web:v30");
    assert_eq!(both_run(&repository), ["v40", "v30"]);
    assert_eq!(outcome.output("changed"), "false");
    assert_eq!(outcome.warnings(), [stays]);
    let log = outcome.log();
    let nothing = format!(
        "Nothing to do: ghcr.io/wlals2/blog-web:v30 runs already where it ran before. {stays}."
    );
    assert!(log.contains(&nothing), "{log}");
    deploy_to(&repository, "old/b.yaml", "v31");
    let outcome = back("ghcr.io/wlals2/blog-web:v30");
    assert_eq!(both_run(&repository), ["v40", "v30"]);
    assert_eq!(outcome.warnings(), [stays]);
}

#[test]
fn who_took_a_commit_back_is_said() {
    let mut line = Line::new();
    line.step("deploy web=2");
    let id = line.repository.tip("main");
    line.step("click");
    let tip = line.repository.tip("main");
    let outcome = line
        .action("rollback")
        .input("commit", &id)
        .run()
        .succeeded();
    assert_eq!(line.repository.tip("main"), tip);
    assert_eq!(outcome.output("changed"), "false");
    assert_eq!(outcome.output("undone-commit-sha"), "");
    let taken_back = format!("was taken back already, by commit {} of ", &tip[..7]);
    let summary = &outcome.summary;
    assert!(summary.contains(&taken_back), "{summary}");
    assert!(summary.contains("Nothing to roll back"), "{summary}");
    assert!(!summary.contains("Takes back"), "{summary}");
}

#[test]
fn what_was_set_or_removed_is_said_to_be_restored() {
    let line = Line::new();
    line.action("update")
        .input("remove", "0:.spec.template")
        .run()
        .succeeded();
    let outcome = line.action("rollback").run().succeeded();
    assert_eq!(line.runs(), "web:1 api:1 odd:1 1");
    assert!(
        outcome.summary.contains("acme/web:1"),
        "{}",
        outcome.summary
    );
    line.action("update")
        .input("set", "0:.metadata.labels:={team: blue, tier: front}")
        .run()
        .succeeded();
    let outcome = line.action("rollback").run().succeeded();
    assert!(
        outcome
            .summary
            .starts_with("### ⏪ Rolled back to 2 values\n"),
        "{}",
        outcome.summary
    );
    assert!(
        outcome
            .summary
            .contains("| `.metadata.labels.team` | `blue` | *none* |"),
        "{}",
        outcome.summary
    );
    let message = line.repository.git(&["log", "-1", "--format=%B", "main"]);
    assert!(
        message.contains("\nDeployed-Value: apps/web.yaml Deployment/web:.metadata.labels.team\n"),
        "{message}"
    );
}

#[test]
fn a_file_that_sops_vouches_for_is_not_edited() {
    let (_server, repository) = start();
    let sops = "sops:\n  mac: ENC[AES256_GCM,data:eA==,type:str]\n";
    for (tag, end) in [("v13", ""), ("v14", ""), ("v14", "# more\n")] {
        let text = format!("{}{sops}{end}", manifest(tag));
        if repository.show("main", FILE) != text.as_bytes() {
            repository.commit("main", FILE, text.as_str(), "feat: by sops");
        }
    }
    let error = failure(&repository, action(&repository, "rollback"));
    assert!(error.contains("is encrypted with SOPS"), "{error}");
    // What SOPS has written itself, as a whole, can be there again.
    let text = format!("{}{sops}", manifest("v14"));
    repository.commit("main", FILE, text.as_str(), "fix: less");
    action(&repository, "rollback").run().succeeded();
    let text = format!("{}{sops}", manifest("v13"));
    assert_eq!(repository.show("main", FILE), text.as_bytes());
}

#[test]
fn an_object_that_moved_to_another_namespace_is_told_as_that() {
    let (_server, repository) = start();
    deploy(&repository, "v14");
    let moved = manifest("v14").replace("{name: web}", "{name: web, namespace: blog}");
    repository.commit("main", FILE, moved.as_str(), "feat: a namespace of its own");
    insta::assert_snapshot!(failure(&repository, action(&repository, "rollback")), @r#"
    What commit id-1 of DATE by github-actions[bot] (`chore: update blog-web image to v14`) did to `blog-system/web-rollout.yaml` can't be undone: .spec.template.spec.containers[name=nginx].image was in another object: there is Rollout/web, but its namespace is "blog" now, and was not given. Nothing was changed: ghcr.io/wlals2/blog-web:v14 (blog-system/web-rollout.yaml) is still deployed.
    What changed it since, the newest first:
    - commit id-0 of DATE by A colleague (`feat: a namespace of its own`)
    `operation: update` with `image: ghcr.io/wlals2/blog-web:v13` deploys what ran before, where that image is now.
    "#);
}

mod bad_input {
    use super::*;

    #[test]
    fn nothing_to_roll_back() {
        let (_server, repository) = start();
        insta::assert_snapshot!(failure(&repository, action(&repository, "rollback")), @"
        There is nothing to roll back: no commit has changed an image in blog-system/web-rollout.yaml of REPOSITORY. The one commit that touched it is commit id-0 of DATE by A colleague (`chore: import the manifests`). Nothing was changed: ghcr.io/wlals2/blog-web:v13 (blog-system/web-rollout.yaml) and nginx/nginx-prometheus-exporter:1.1 (blog-system/web-rollout.yaml) are still deployed.
        Check `file` and `branch`. A commit that changed something else is undone where `commit` names it.
        ");
        repository.commit(
            "main",
            FILE,
            manifest("v13")
                .replace("replicas: 2", "replicas: 3")
                .as_str(),
            "feat: replicas",
        );
        insta::assert_snapshot!(failure(&repository, action(&repository, "rollback")), @"
        There is nothing to roll back: no commit has changed an image in blog-system/web-rollout.yaml of REPOSITORY. 2 commits touched it, the oldest of them commit id-1 of DATE by A colleague (`chore: import the manifests`). Nothing was changed: ghcr.io/wlals2/blog-web:v13 (blog-system/web-rollout.yaml) and nginx/nginx-prometheus-exporter:1.1 (blog-system/web-rollout.yaml) are still deployed.
        Check `file` and `branch`. A commit that changed something else is undone where `commit` names it.
        ");
    }

    #[test]
    fn no_such_commit() {
        let (_server, repository) = start();
        deploy(&repository, "v14");
        for commit in ["0123456", "0123456789012345678901234567890123456789"] {
            let action = action(&repository, "rollback").input("commit", commit);
            insta::allow_duplicates! {
                insta::assert_snapshot!(failure(&repository, action).replace(commit, "COMMIT"), @"
                No commit of the branch in REPOSITORY begins with `COMMIT`. Nothing was changed: ghcr.io/wlals2/blog-web:v14 (blog-system/web-rollout.yaml) and nginx/nginx-prometheus-exporter:1.1 (blog-system/web-rollout.yaml) are still deployed.
                `git log`, or `operation: history`, lists the commits there are.
                ");
            }
        }
    }

    #[test]
    fn no_commit_id() {
        let (_server, repository) = start();
        let action = action(&repository, "rollback").input("commit", "HEAD~1");
        insta::assert_snapshot!(failure(&repository, action), @"
        `commit` `HEAD~1`: expected a commit's id, or at least its first 4 digits
        Nothing was changed.
        ");
    }

    #[test]
    fn a_commit_of_another_branch() {
        let (_server, repository) = start();
        let base = repository.tip("main");
        repository.set_branch("other", &base);
        let other = repository.commit("other", FILE, manifest("v14").as_str(), "feat: elsewhere");
        let action = action(&repository, "rollback").input("commit", other);
        insta::assert_snapshot!(failure(&repository, action), @"
        Commit ID-0 is in REPOSITORY, but not on the branch. Nothing was changed: ghcr.io/wlals2/blog-web:v13 (blog-system/web-rollout.yaml) and nginx/nginx-prometheus-exporter:1.1 (blog-system/web-rollout.yaml) are still deployed.
        Set `branch` to one that has the commit.
        ");
    }

    #[test]
    fn a_commit_that_did_not_touch_the_file() {
        let (_server, repository) = start();
        let other = repository.commit("main", "other.yaml", "a: 1\n", "feat: something else");
        let action = action(&repository, "rollback").input("commit", other);
        insta::assert_snapshot!(failure(&repository, action), @"
        `commit` names commit id-0 of DATE by A colleague (`feat: something else`), which did not touch blog-system/web-rollout.yaml, but 1 other file. Nothing was changed: ghcr.io/wlals2/blog-web:v13 (blog-system/web-rollout.yaml) and nginx/nginx-prometheus-exporter:1.1 (blog-system/web-rollout.yaml) are still deployed.
        Check `file`, or leave `commit` out to undo the newest deployment of it.
        ");
    }

    #[test]
    fn a_merge() {
        let (_server, repository) = start();
        repository.set_branch("feature", &repository.tip("main"));
        repository.commit("feature", FILE, manifest("v14").as_str(), "feat: one");
        repository.commit("main", "other.yaml", "a: 1\n", "feat: something else");
        merge(&repository, "feature");
        let action = action(&repository, "rollback").input("commit", repository.tip("main"));
        insta::assert_snapshot!(failure(&repository, action), @"
        `commit` names a merge (of id-2 and id-1): commit id-0 of DATE by A colleague (`Merge it`). Nothing was changed: ghcr.io/wlals2/blog-web:v14 (blog-system/web-rollout.yaml) and nginx/nginx-prometheus-exporter:1.1 (blog-system/web-rollout.yaml) are still deployed.
        Leave `commit` out to undo the newest deployment, a merge as a whole; or name one of the commits that were merged.
        ");
    }

    #[test]
    fn the_first_commit() {
        let (_server, repository) = start();
        let action = action(&repository, "rollback").input("commit", repository.tip("main"));
        insta::assert_snapshot!(failure(&repository, action), @"
        `commit` names the first commit of the branch, before which there is nothing: commit id-0 of DATE by A colleague (`chore: import the manifests`). Nothing was changed: ghcr.io/wlals2/blog-web:v13 (blog-system/web-rollout.yaml) and nginx/nginx-prometheus-exporter:1.1 (blog-system/web-rollout.yaml) are still deployed.
        Name the deployment that is to be undone.
        ");
    }

    #[test]
    fn a_commit_that_added_the_file() {
        let (_server, repository) = start();
        let added = repository.commit("main", "new.yaml", manifest("v1").as_str(), "feat: new");
        let action = action(&repository, "rollback")
            .input("file", "new.yaml")
            .input("commit", added);
        insta::assert_snapshot!(failure(&repository, action), @"
        What commit id-0 of DATE by A colleague (`feat: new`) did to `new.yaml` can't be undone: it added the file, so there is no deployment before it. Nothing was changed: ghcr.io/wlals2/blog-web:v1 (new.yaml) and nginx/nginx-prometheus-exporter:1.1 (new.yaml) are still deployed.
        To stop what it deployed, remove the file.
        ");
    }

    #[test]
    fn a_file_that_was_deleted() {
        let (_server, repository) = start();
        deploy(&repository, "v14");
        repository.commit("main", FILE, Entry::Absent, "feat: without it");
        insta::assert_snapshot!(failure(&repository, action(&repository, "rollback")), @"
        `blog-system/web-rollout.yaml` is not there any more: commit id-0 of DATE by A colleague (`feat: without it`) removed or renamed it. Nothing was changed.
        Set `file` to where the manifest is now.
        ");
    }

    #[test]
    fn a_file_that_never_was() {
        let (_server, repository) = start();
        let action = action(&repository, "rollback").input("file", "blog-system/web.yaml");
        insta::assert_snapshot!(failure(&repository, action), @"
        `blog-system/web.yaml` does not exist on `main` at id-0 in REPOSITORY. Nothing was changed.
        Check `file`: it takes one path a line, each from the root of the repository. Did you mean `blog-system/web-rollout.yaml`?
        ");
    }

    #[test]
    fn an_image_that_was_changed_again() {
        let (_server, repository) = start();
        let v14 = deploy(&repository, "v14").outputs["commit-sha"].clone();
        deploy(&repository, "v15");
        let action = action(&repository, "rollback").input("commit", v14);
        insta::assert_snapshot!(failure(&repository, action), @r#"
        What commit id-1 of DATE by github-actions[bot] (`chore: update blog-web image to v14`) did to `blog-system/web-rollout.yaml` can't be undone: .spec.template.spec.containers[name=nginx].image was changed again since: it is "ghcr.io/wlals2/blog-web:v15" now, on line 12, by commit id-0 of DATE by github-actions[bot] (`chore: update blog-web image to v15`). Nothing was changed: ghcr.io/wlals2/blog-web:v15 (blog-system/web-rollout.yaml) is still deployed.
        What changed it since, the newest first:
        - commit id-0 of DATE by github-actions[bot] (`chore: update blog-web image to v15`): ghcr.io/wlals2/blog-web:v14 → ghcr.io/wlals2/blog-web:v15
        `operation: rollback` with `to: ghcr.io/wlals2/blog-web:v13`, and without `commit`, takes all of it back.
        "#);
    }

    #[test]
    fn a_structure_that_was_changed_again() {
        let (_server, repository) = start();
        let sidecar = manifest("v14").replace(
            "# the site itself\n",
            "# the site itself\n          ports: [{containerPort: 80}]\n",
        );
        let added = repository.commit("main", FILE, sidecar.as_str(), "feat: a port");
        let more = sidecar.replace("80}]", "80}] # http");
        repository.commit("main", FILE, more.as_str(), "docs: say what it is");
        let action = action(&repository, "rollback").input("commit", added);
        insta::assert_snapshot!(failure(&repository, action), @"
        What commit id-1 of DATE by A colleague (`feat: a port`) did to `blog-system/web-rollout.yaml` can't be undone: the change added or removed keys or items, and others changed the lines around them since. Nothing was changed: ghcr.io/wlals2/blog-web:v14 (blog-system/web-rollout.yaml) is still deployed.
        What changed it since, the newest first:
        - commit id-0 of DATE by A colleague (`docs: say what it is`)
        Undo what came later first, the newest of it first: `commit: id-0`. That is the work of A colleague, too: ask first.
        ");
    }
}

/// git's own revert of a commit: the tree, or none where it calls it a conflict.
fn reverted_by_git(repository: &Repository, commit: &str) -> Option<String> {
    let clone = tempfile::tempdir().unwrap();
    let bare = repository.path().to_str().unwrap();
    git(clone.path(), &["clone", "-q", bare, "work"]);
    let revert = Command::new("git")
        .args([
            "-c",
            "user.name=G",
            "-c",
            "user.email=g@example.com",
            "revert",
            "--no-edit",
            commit,
        ])
        .current_dir(clone.path().join("work"))
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    let tree = git(&clone.path().join("work"), &["rev-parse", "HEAD^{tree}"]);
    revert.status.success().then(|| tree.trim().to_owned())
}

#[test]
fn a_rollback_is_what_git_revert_does() {
    let replace = |from: &'static str, to: &'static str| move |text: &str| text.replace(from, to);
    type Change = Box<dyn Fn(&str) -> String>;
    let deployments: [(&str, Change); 5] = [
        ("the image", Box::new(replace(":v13", ":v14"))),
        (
            "two images",
            Box::new(|text: &str| {
                text.replace(":v13", ":v14")
                    .replace("exporter:1.1", "exporter:1.2")
            }),
        ),
        (
            "image and replicas",
            Box::new(|text: &str| {
                text.replace(":v13", ":v14")
                    .replace("replicas: 2", "replicas: 6")
            }),
        ),
        (
            "a new line",
            Box::new(replace(
                "# the site itself\n",
                "# the site itself\n          ports: [{containerPort: 80}]\n",
            )),
        ),
        (
            "a line less",
            Box::new(replace("# The blog's front end.\n", "")),
        ),
    ];
    let later: [(&str, Change); 7] = [
        ("nothing", Box::new(str::to_owned)),
        (
            "another part",
            Box::new(replace("kind: Rollout\n", "kind: Rollout # canary\n")),
        ),
        (
            "the line above",
            Box::new(replace("- name: nginx\n", "- name: nginx # in front\n")),
        ),
        (
            "the line below",
            Box::new(replace(
                "- name: exporter\n",
                "- name: exporter # metrics\n",
            )),
        ),
        (
            "both ends",
            Box::new(|text: &str| format!("# top\n{text}# bottom\n")),
        ),
        ("other ends of lines", Box::new(replace("\n", "\r\n"))),
        (
            "the replicas",
            Box::new(replace("replicas: 2", "replicas: 9")),
        ),
    ];
    let (mut same, mut better, mut explained) = (0, 0, 0);
    std::thread::scope(|scope| {
        let mut runs = Vec::new();
        for (deployment, deploy) in &deployments {
            for (after, change) in &later {
                let base = manifest("v13");
                let deployed = deploy(&base);
                let tip = change(&deployed);
                let case = format!("{deployment}, then {after}");
                runs.push(scope.spawn(move || {
                    let (_server, repository) = start();
                    let commit = repository.commit("main", FILE, deployed.as_str(), "feat: deploy");
                    if tip != deployed {
                        repository.commit("main", FILE, tip.as_str(), "feat: later");
                    }
                    let git = reverted_by_git(&repository, &commit);
                    let outcome = action(&repository, "rollback")
                        .input("commit", &commit)
                        .run();
                    let tree = repository
                        .git(&["rev-parse", "main^{tree}"])
                        .trim()
                        .to_owned();
                    (case, git, outcome.code() == Some(0), tree, outcome.log())
                }));
            }
        }
        for run in runs {
            let (case, git, succeeded, tree, log) = run.join().unwrap();
            match (git, succeeded) {
                (Some(git), true) => {
                    assert_eq!(git, tree, "{case}\n{log}");
                    same += 1;
                }
                (None, true) => better += 1,
                (None, false) => {
                    assert!(log.contains("can't be undone:"), "{case}\n{log}");
                    explained += 1;
                }
                (Some(_), false) => panic!("{case}: git can\n{log}"),
            }
        }
    });
    // Those where git calls it a conflict are counted, so that the cases stay what they are.
    assert_eq!((same, better, explained), (21, 12, 2));
}

#[test]
fn the_history_is_the_seeds_table() {
    let (_server, repository) = start();
    repository.commit(
        "main",
        FILE,
        manifest("v13")
            .replace("replicas: 2", "replicas: 2 # istio")
            .as_str(),
        "feat: Enable Istio mesh routing",
    );
    deploy(&repository, "v14");
    action(&repository, "rollback").run().succeeded();
    let outcome = action(&repository, "history").run().succeeded();
    // How delivery goes is measured in `history.rs`, on commits of known times.
    let (before, delivery) = outcome.summary.split_once("#### 📈 Delivery").unwrap();
    let (_, table) = delivery.split_once("\n| Date |").unwrap();
    let summary = format!("{before}| Date |{table}");
    // A URL is code, a name is not.
    let summary = scrub(&repository, &summary).replace("`REPOSITORY`", "REPOSITORY");
    let day = summary.find(" deployment on ").unwrap() + 15;
    let summary = summary.replacen(&summary[day..day + 10], "DATE", 1);
    insta::assert_snapshot!(summary, @r#"
    ### 📜 `blog-system/web-rollout.yaml`: 1 deployment on DATE, 1 rolled back

    4 commits of main in REPOSITORY touched blog-system/web-rollout.yaml.

    ```mermaid
    timeline
     DATE : blog-web v13 and nginx- prometheus- exporter 1.1
                : blog-web v14
                : rollback to blog-web v13
    ```

    | Date | Commit | Author | What | Changes | Subject |
    |---|---|---|---|---|---|
    | DATE | [`id-0`](REPOSITORY/commit/ID-0) | `github-actions[bot]` | rollback of `id-1` | `blog-web`: `v14` → `v13` in `Rollout/web` | `Revert "chore: update blog-web image to v14"` |
    | DATE | [`id-1`](REPOSITORY/commit/ID-1) | `github-actions[bot]` | update, rolled back by `id-0` | `blog-web`: `v13` → `v14` in `Rollout/web` | `chore: update blog-web image to v14` |
    | DATE | [`id-2`](REPOSITORY/commit/ID-2) | `A colleague` | edit |  | `feat: Enable Istio mesh routing` |
    | DATE | [`id-3`](REPOSITORY/commit/ID-3) | `A colleague` | edit | `blog-web`: `v13` (new) in `Rollout/web`<br>`nginx-prometheus-exporter`: `1.1` (new) in `Rollout/web` | `chore: import the manifests` |
    "#);
    insta::assert_snapshot!(scrub(&repository, &outcome.shown_log()), @"
    gitops-deploy VERSION: history in REPOSITORY through TRANSPORT
    Reading the history of blog-system/web-rollout.yaml in REPOSITORY
    4 commits of main in REPOSITORY touched blog-system/web-rollout.yaml.
    ");

    let deployments: serde_json::Value =
        serde_json::from_str(&outcome.outputs["deployments"]).unwrap();
    let kinds: Vec<&str> = deployments
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["rollback", "update", "edit", "edit"]);
    assert_eq!(deployments[0]["commit"], repository.tip("main"));
    assert_eq!(deployments[0]["reverts"], deployments[1]["commit"]);
    assert_eq!(
        deployments[1]["images"][0]["old"],
        "ghcr.io/wlals2/blog-web:v13"
    );
    assert_eq!(
        deployments[1]["images"][0]["new"],
        "ghcr.io/wlals2/blog-web:v14"
    );

    let csv = outcome
        .workspace()
        .join(&outcome.outputs["deployments-csv"]);
    let csv = std::fs::read_to_string(csv).unwrap();
    let rows: Vec<&str> = csv.split("\r\n").collect();
    // A head, a rollback, an update, an edit without images, two images that were added, an end.
    assert_eq!(rows.len(), 7, "{csv}");
    assert!(rows[0].starts_with("date,commit,author,"));
}

#[test]
fn the_deployments_have_the_documented_shape() {
    let schema = serde_json::from_str(include_str!("../../docs/deployments.schema.json")).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let (_server, repository) = start();
    deploy(&repository, "v14");
    action(&repository, "rollback").run().succeeded();
    repository.commit(
        "main",
        "other/values.yaml",
        "image: a/b:1\n",
        "feat: \u{1f680}",
    );
    let outcome = action(&repository, "history")
        .input("file", "**/*.yaml")
        .run()
        .succeeded();
    let deployments: serde_json::Value =
        serde_json::from_str(&outcome.outputs["deployments"]).unwrap();
    let errors: Vec<String> = schema
        .iter_errors(&deployments)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert_eq!(errors, Vec::<String>::new(), "{deployments:#}");
    assert_eq!(deployments.as_array().unwrap().len(), 4);
    // The schema says something: a shape that is not the documented one is none.
    for (key, value) in [
        ("kind", serde_json::json!("deploy")),
        ("commit", serde_json::json!("main")),
        ("images", serde_json::Value::Null),
        ("surprise", serde_json::json!(1)),
    ] {
        let mut other = deployments.clone();
        other[0][key] = value;
        assert!(!schema.is_valid(&other), "{key}");
    }
    // So is the example of the documentation.
    let page = include_str!("../../docs/history.md");
    let example = page
        .split("```json\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    assert!(schema.is_valid(&serde_json::from_str(example).unwrap()));
    let header = String::from_utf8(
        std::fs::read(outcome.workspace().join(outcome.output("deployments-csv"))).unwrap(),
    )
    .unwrap();
    for column in header.lines().next().unwrap().split(',') {
        assert!(page.contains(&format!("`{column}`")), "{column}");
    }
}

#[test]
fn a_value_that_was_set_since_is_not_overwritten_where_the_text_would_allow_it() {
    let (_server, repository) = start();
    let notes = |tag: &str, first: &str, last: &str| {
        format!(
            "{}---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: notes}}\ndata:\n  notes: |\n    \
             {first}\n    b\n    c\n    d\n    {last}\n",
            manifest(tag)
        )
    };
    let versions = [
        ("feat: notes", notes("v13", "a", "e")),
        ("feat: deploy", notes("v14", "A", "e")),
        ("docs: more", notes("v14", "A", "E")),
    ];
    for (subject, text) in &versions {
        repository.commit("main", FILE, text.as_str(), subject);
    }
    // The lines are far enough apart for git.
    assert!(reverted_by_git(&repository, &repository.log("main")[1].id).is_some());
    let error = failure(&repository, action(&repository, "rollback"));
    assert!(
        error.contains("notes was changed again since: it is "),
        "{error}"
    );
    assert!(
        error.contains(
            "by commit id-0 of DATE by A colleague (`docs: more`). Nothing was changed: "
        ),
        "{error}"
    );
}

#[test]
fn other_files_of_the_commit_stay_and_are_told() {
    let (_server, repository) = start();
    for (others, told) in [
        (0, None),
        (1, Some("1 more file")),
        (2, Some("2 more files")),
    ] {
        let tag = format!("v{}", 14 + others);
        let text = manifest(&tag);
        let files = (0..others).map(|number| (["a.yaml", "b.yaml"][number], Entry::from(&*tag)));
        let files = files.chain([(FILE, Entry::from(text.as_str()))]);
        let commit = repository.commit_all("main", files, "feat: deploy");
        let outcome = action(&repository, "rollback").run().succeeded();
        assert_eq!(repository.show("main", FILE), manifest("v13").as_bytes());
        let warnings = told.map(|told| {
            let short = &commit[..7];
            let stay = match others {
                1 => "it stays as it is",
                _ => "they stay as they are",
            };
            format!("Commit {short} changed {told}, not named by `file`: {stay}")
        });
        assert_eq!(outcome.warnings(), Vec::from_iter(warnings), "{others}");
        for file in &["a.yaml", "b.yaml"][..others] {
            assert_eq!(repository.show("main", file), tag.as_bytes());
        }
    }
}

#[test]
fn what_the_past_shows_is_what_a_rollback_starts_from() {
    use crate::support::Step::{Fetch, FetchRefs, Push};
    for races in [0, 1] {
        let (server, repository) = start();
        deploy(&repository, "v14");
        server.reset_log();
        if races > 0 {
            let other = repository.clone();
            server.before(Push.nth(1), move || {
                other.commit("main", "README.md", "more\n", "docs: more");
            });
        }
        let rollback = action(&repository, "rollback").input("transport", "git");
        rollback.env("GITHUB_SHA", "").run().succeeded();
        assert_eq!(repository.show("main", FILE), manifest("v13").into_bytes());
        repository.fsck();
        let steps: Vec<_> = server
            .requests()
            .iter()
            .filter_map(|own| own.step)
            .collect();
        // What to undo is chosen again by the past of what was read then.
        let again = [FetchRefs, Fetch, Fetch, Fetch, Push].repeat(races);
        let expected = [&[FetchRefs, Fetch, Fetch, Push][..], &again].concat();
        assert_eq!(steps, expected);
    }
}

/// A repository of 1,200 commits, of which one in so many deploys to the file: the tag of its number.
fn busy(server: &GitServer, one_in: usize, tag: impl Fn(usize) -> String) -> Repository {
    let repository = server.repository("wlals2/k8s-manifests");
    let mut stream = String::new();
    for number in 0..1_200 {
        let (path, text, message) = match number % one_in {
            0 => {
                let tag = tag(number / one_in);
                let said = format!("chore: {tag}\n\nDeployed-Image: ghcr.io/wlals2/blog-web:{tag}");
                (FILE, manifest(&tag), said)
            }
            other => ("notes.md", format!("{other}\n"), "docs: more".to_owned()),
        };
        stream.push_str(&format!(
            "commit refs/heads/main\ncommitter C <c@example.com> now\ndata {}\n{message}\n\
             M 100644 inline {path}\ndata {}\n{text}\n",
            message.len() + 1,
            text.len(),
        ));
    }
    repository.import(stream.as_bytes());
    repository
}

#[test]
fn a_rollback_in_a_long_past_is_four_requests() {
    use crate::support::Step::{self, Fetch, FetchRefs, Mutation, Push};
    let write = match VIA {
        crate::support::Via::Git => Push,
        crate::support::Via::Api => Mutation("createCommitOnBranch"),
    };
    // Undone is the newest, what came after an image, and one of many: that is looked for by itself.
    for (input, fetches) in [("", 2), ("to", 2), ("commit", 3)] {
        let server = GitServer::start();
        let repository = busy(&server, 50, |number| format!("v{number}"));
        deploy(&repository, "v24");
        let value = match input {
            "to" => "ghcr.io/wlals2/blog-web:v22".to_owned(),
            _ => repository.tip("main"),
        };
        server.reset_log();
        let rollback = action(&repository, "rollback");
        let rollback = match input {
            "" => rollback,
            input => rollback.input(input, value),
        };
        rollback.run().succeeded();
        let back = if input == "to" { "v22" } else { "v23" };
        assert_eq!(repository.show("main", FILE), manifest(back).as_bytes());
        repository.fsck();
        let steps = server.requests();
        let steps: Vec<Option<Step>> = steps.iter().map(|own| own.step).collect();
        let expected = [vec![FetchRefs], vec![Fetch; fetches], vec![write]].concat();
        let expected: Vec<Option<Step>> = expected.into_iter().map(Some).collect();
        assert_eq!(steps, expected, "{input}");
    }
}

/// A tag that has no order.
fn of_a_commit(number: usize) -> String {
    format!("sha-{:07x}", (number * 0x9E37_79B1) & 0xFFF_FFFF)
}

#[test]
fn where_tags_tell_no_order_the_last_commits_of_the_file_are_read_and_no_more() {
    use crate::support::Step;
    // Of the first two hundred commits ten are of the file, or four.
    for (one_in, fetches) in [(20, 2), (50, 4)] {
        let server = GitServer::start();
        let repository = busy(&server, one_in, of_a_commit);
        deploy(&repository, "sha-newest");
        server.reset_log();
        action(&repository, "rollback").run().succeeded();
        let before = of_a_commit((1_200 - 1) / one_in);
        assert_eq!(repository.show("main", FILE), manifest(&before).as_bytes());
        let steps = server.requests();
        let fetched = steps.iter().filter(|own| own.step == Some(Step::Fetch));
        assert_eq!(fetched.count(), fetches, "{one_in}");
    }
}

#[test]
fn an_update_goes_back_to_what_ran_lately_and_deploys_what_is_older() {
    for (number, back_to) in [(5, of_a_commit(4)), (1, of_a_commit(11))] {
        let server = GitServer::start();
        let repository = busy(&server, 100, of_a_commit);
        // Of 0 to 11, as it would be by hand: the one goes back, the other comes again.
        deploy(&repository, &of_a_commit(number));
        action(&repository, "rollback").run().succeeded();
        assert_eq!(repository.show("main", FILE), manifest(&back_to).as_bytes());
    }
}

#[test]
fn a_pin_of_what_runs_is_passed_over() {
    let (_server, repository) = start();
    deploy(&repository, "v14");
    let pinned = manifest(&format!("v14@sha256:{}", "c".repeat(64)));
    repository.commit(
        "main",
        FILE,
        pinned.as_str(),
        "chore(deps): pin dependencies",
    );
    let outcome = action(&repository, "rollback").run().succeeded();
    assert_eq!(outcome.output("image"), "ghcr.io/wlals2/blog-web:v13");
    assert_eq!(repository.show("main", FILE), manifest("v13").as_bytes());
    // A newer one, which an update has taken back, does not come by that.
    deploy(&repository, "v15");
    deploy(&repository, "v13");
    failure(&repository, action(&repository, "rollback"));
}
