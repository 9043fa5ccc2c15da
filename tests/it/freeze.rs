//! `freeze-file`: no deployment while a file of the repository says so, decided where it is written.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use gitops_deploy::date::Timestamp;
use gitops_deploy::freeze::parse;
use serde_json::Value as Json;

use super::VIA;
use crate::support::{Action, Entry, GitServer, Outcome, Repository, TOKEN, as_over_any, manifest};

const FILE: &str = "envs/production/web.yaml";
const FREEZES: &str = "freezes.yaml";
/// On for longer than this program is used.
const ON: &str = "
freezes:
  - reason: Black Friday
    who: Retail on call
    files: envs/production/**
    until: 2099-07-01T08:00
    timeZone: Europe/Berlin
";
const NONE: &str = "freezes: []\n";

/// A repository with a manifest at v1, and a freeze file.
fn start(freezes: &str) -> (GitServer, Repository) {
    let server = GitServer::start();
    let repository = server.repository_with("acme/manifests", FILE, &manifest("v1"));
    repository.commit("main", FREEZES, freezes, "freezes");
    (server, repository)
}

fn update(repository: &Repository) -> Action {
    Action::new()
        .over(VIA, repository)
        .input("file", FILE)
        .input("image", "ghcr.io/acme/web:v2")
        .input("freeze-file", FREEZES)
        .input("token", TOKEN)
        .input("timeout", "60")
}

fn rollback(repository: &Repository) -> Action {
    Action::new()
        .over(VIA, repository)
        .input("operation", "rollback")
        .input("file", FILE)
        .input("freeze-file", FREEZES)
        .input("token", TOKEN)
        .input("timeout", "60")
}

fn text(repository: &Repository, path: &str) -> String {
    String::from_utf8(repository.show("main", path)).unwrap()
}

fn scrubbed(repository: &Repository, text: &str) -> String {
    let tip = repository.tip("main");
    as_over_any(repository, text)
        .replace(&tip, "TIP")
        .replace(&tip[..7], "TIP")
}

/// An end of a step that left the branch as it was.
fn held(repository: &Repository, action: Action, ended: fn(Outcome) -> Outcome) -> Outcome {
    let before = repository.git(&["for-each-ref"]);
    let outcome = ended(action.run());
    assert_eq!(
        repository.git(&["for-each-ref"]),
        before,
        "{}",
        outcome.log()
    );
    assert_eq!(outcome.output("changed"), "false");
    assert_eq!(outcome.output("commit-sha"), repository.tip("main"));
    assert_eq!(outcome.output("diff"), "");
    outcome
}

fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    now.as_secs().try_into().unwrap()
}

/// A freeze that ends so many seconds from now.
fn ending_in(seconds: i64) -> String {
    let until = Timestamp::utc(now() + seconds).iso();
    format!("freezes:\n  - reason: A moment\n    who: Platform\n    until: {until}\n")
}

#[test]
fn a_frozen_deployment_fails() {
    let (_server, repository) = start(ON);
    let outcome = held(&repository, update(&repository), Outcome::failed);
    assert_eq!(outcome.output("frozen-until"), "2099-07-01T06:00:00+00:00");
    assert_eq!(outcome.output("image"), "ghcr.io/acme/web:v1");
    insta::assert_snapshot!(outcome.errors().join("\n"), @"
    envs/production/web.yaml is frozen until 2099-07-01 08:00 Europe/Berlin (2099-07-01 06:00 UTC): Black Friday (Retail on call, freezes.yaml line 3). Nothing was changed.
    Run the job again when it is over: the output `frozen-until` says when. `freeze: wait` waits for an end that comes within `timeout`. An exception is made by whoever may change `freezes.yaml`.
    ");
    assert_eq!(
        outcome.output("skipped-reason"),
        "envs/production/web.yaml is frozen until 2099-07-01 08:00 Europe/Berlin (2099-07-01 06:00 UTC): Black Friday (Retail on call, freezes.yaml line 3)"
    );
    insta::assert_snapshot!(scrubbed(&repository, &outcome.shown_log()), @"
    gitops-deploy VERSION: update in REPOSITORY
    Updating envs/production/web.yaml in REPOSITORY
    Read main at TIP
    ::error title=The files are frozen::envs/production/web.yaml is frozen until 2099-07-01 08:00 Europe/Berlin (2099-07-01 06:00 UTC): Black Friday (Retail on call, freezes.yaml line 3). Nothing was changed.%0ARun the job again when it is over: the output `frozen-until` says when. `freeze: wait` waits for an end that comes within `timeout`. An exception is made by whoever may change `freezes.yaml`.
    ");
    insta::assert_snapshot!(scrubbed(&repository, &outcome.summary), @"
    ### ❌ The files are frozen

    envs/production/web.yaml is frozen until 2099-07-01 08:00 Europe/Berlin (2099-07-01 06:00 UTC): Black Friday (Retail on call, freezes.yaml line 3). Nothing was changed.

    **What to do:** Run the job again when it is over: the output `frozen-until` says when. `freeze: wait` waits for an end that comes within `timeout`. An exception is made by whoever may change `freezes.yaml`.

    Nothing was pushed to `main` of [`REPOSITORY`](REPOSITORY).

    | Resource | Container | Image in Git | Image asked for | File |
    |---|---|---|---|---|
    | `Deployment/web` | `web` | `ghcr.io/acme/web:v1` | `ghcr.io/acme/web:v2` | `envs/production/web.yaml:6` |
    ");
}

#[test]
fn a_frozen_deployment_is_skipped() {
    let (_server, repository) = start(ON);
    let action = update(&repository).input("freeze", "skip");
    let outcome = held(&repository, action, Outcome::succeeded);
    assert_eq!(outcome.output("frozen-until"), "2099-07-01T06:00:00+00:00");
    assert_eq!(outcome.warnings().len(), 1);
    insta::assert_snapshot!(scrubbed(&repository, &outcome.shown_log()), @"
    gitops-deploy VERSION: update in REPOSITORY
    Updating envs/production/web.yaml in REPOSITORY
    Read main at TIP
    ::warning::Held back: envs/production/web.yaml is frozen until 2099-07-01 08:00 Europe/Berlin (2099-07-01 06:00 UTC): Black Friday (Retail on call, freezes.yaml line 3). Nothing was pushed to main of REPOSITORY.
    ");
    insta::assert_snapshot!(scrubbed(&repository, &outcome.summary), @"
    ### ❄️ Frozen: `web:v1` stays

    envs/production/web.yaml is frozen until 2099-07-01 08:00 Europe/Berlin (2099-07-01 06:00 UTC): Black Friday (Retail on call, freezes.yaml line 3). Nothing was pushed to `main` of [`REPOSITORY`](REPOSITORY).

    | Resource | Container | Image in Git | Image asked for | File |
    |---|---|---|---|---|
    | `Deployment/web` | `web` | `ghcr.io/acme/web:v1` | `ghcr.io/acme/web:v2` | `envs/production/web.yaml:6` |
    ");
}

#[test]
fn what_is_not_frozen_now_is_deployed() {
    let entry = |lines: &str| format!("freezes:\n  - reason: r\n    who: w\n    {lines}\n");
    for freezes in [
        NONE,
        &entry("until: 2020-01-01"),
        &entry("from: 2099-01-01"),
        &entry("files: envs/staging/**"),
        &entry("files: ['**', '!envs/production']"),
        &entry("operations: rollback"),
    ] {
        let (_server, repository) = start(freezes);
        let outcome = update(&repository).run().succeeded();
        assert_eq!(text(&repository, FILE), manifest("v2"), "{freezes}");
        assert_eq!(outcome.output("frozen-until"), "");
    }
    // Nothing is deployed that is there already.
    let (_server, repository) = start(ON);
    let same = update(&repository).input("image", "ghcr.io/acme/web:v1");
    let outcome = same.run().succeeded();
    assert_eq!(outcome.output("skipped-reason"), "");
}

#[test]
fn one_frozen_file_holds_the_whole_deployment() {
    let (_server, repository) = start(ON);
    repository.commit(
        "main",
        "envs/staging/web.yaml",
        manifest("v1").as_str(),
        "staging",
    );
    let globs = || {
        update(&repository)
            .input("file", "**/*.yaml\n!freezes.yaml")
            .input("freeze", "skip")
    };
    let outcome = held(&repository, globs(), Outcome::succeeded);
    let reason = outcome.output("skipped-reason");
    assert!(
        reason.starts_with("envs/production/web.yaml is frozen"),
        "{reason}"
    );
    // Also where the file that says so is itself one of the files.
    let all = update(&repository).input("file", "*.yaml\n*/*/*.yaml");
    held(&repository, all, Outcome::failed);
    let staging = globs().input("file", "envs/staging/*.yaml");
    staging.run().succeeded();
    assert_eq!(text(&repository, "envs/staging/web.yaml"), manifest("v2"));
    assert_eq!(text(&repository, FILE), manifest("v1"));
}

#[test]
fn a_dry_run_says_that_it_is_frozen() {
    let (_server, repository) = start(ON);
    let outcome = held(
        &repository,
        update(&repository).input("dry-run", "true"),
        Outcome::failed,
    );
    assert!(outcome.errors()[0].contains("is frozen until"));
}

#[test]
fn a_rollback_passes_unless_it_is_named() {
    let (_server, repository) = start(NONE);
    update(&repository).run().succeeded();
    let named = format!("{ON}    operations: [update, rollback]\n");
    repository.commit("main", FREEZES, named.as_str(), "freeze everything");
    let outcome = held(&repository, rollback(&repository), Outcome::failed);
    assert!(
        outcome.errors()[0].contains("is frozen until"),
        "{}",
        outcome.log()
    );
    assert_eq!(outcome.output("undone-commit-sha"), "");
    assert_eq!(outcome.output("rolled-back"), "false");
    let skipping = rollback(&repository).input("freeze", "skip");
    let outcome = held(&repository, skipping, Outcome::succeeded);
    insta::assert_snapshot!(scrubbed(&repository, &outcome.summary), @"
    ### ❄️ Frozen: `web:v2` stays

    envs/production/web.yaml is frozen until 2099-07-01 08:00 Europe/Berlin (2099-07-01 06:00 UTC): Black Friday (Retail on call, freezes.yaml line 3). Nothing was pushed to `main` of [`REPOSITORY`](REPOSITORY).

    | Resource | Container | Image in Git | Image asked for | File |
    |---|---|---|---|---|
    | `Deployment/web` | `web` | `ghcr.io/acme/web:v2` | `ghcr.io/acme/web:v1` | `envs/production/web.yaml:6` |
    ");
    repository.commit("main", FREEZES, ON, "freeze deployments");
    rollback(&repository).run().succeeded();
    assert_eq!(text(&repository, FILE), manifest("v1"));
}

#[test]
fn a_rollback_that_deploys_again_is_held_as_a_deployment() {
    let (_server, repository) = start(NONE);
    update(&repository).run().succeeded();
    let rolled_back = rollback(&repository).run().succeeded();
    let commit = rolled_back.output("commit-sha").to_owned();
    repository.commit("main", FREEZES, ON, "freeze deployments");
    for (input, value) in [("to", "v2"), ("commit", commit.as_str())] {
        let again = || rollback(&repository).input(input, value);
        let outcome = held(&repository, again(), Outcome::failed);
        let error = &outcome.errors()[0];
        assert!(error.contains("is frozen until"), "{}", outcome.log());
        assert_eq!(outcome.output("undone-commit-sha"), "");
        let skipping = again().input("freeze", "skip");
        held(&repository, skipping, Outcome::succeeded);
    }
    // An entry may hold rollbacks alone, and this is one, too.
    let named = format!("{ON}    operations: rollback\n");
    repository.commit("main", FREEZES, named.as_str(), "freeze rollbacks");
    held(
        &repository,
        rollback(&repository).input("to", "v2"),
        Outcome::failed,
    );
    let promotions = format!("{ON}    operations: promote\n");
    repository.commit("main", FREEZES, promotions.as_str(), "freeze promotions");
    rollback(&repository).input("to", "v2").run().succeeded();
    assert_eq!(text(&repository, FILE), manifest("v2"));
}

#[test]
fn a_promotion_is_held_by_what_it_writes_to() {
    let (_server, repository) = start(ON);
    repository.commit(
        "main",
        "envs/staging/web.yaml",
        manifest("v2").as_str(),
        "staging",
    );
    let promote = |from: &str, file: &str| {
        update(&repository)
            .input("operation", "promote")
            .input("image", "")
            .input("from", from)
            .input("file", file)
    };
    let up = promote("envs/staging/web.yaml", FILE);
    let outcome = held(&repository, up, Outcome::failed);
    assert!(
        outcome.errors()[0].contains("is frozen until"),
        "{}",
        outcome.log()
    );
    assert_eq!(outcome.output("promoted-from"), "");
    let skipping = promote("envs/staging/web.yaml", FILE).input("freeze", "skip");
    let outcome = held(&repository, skipping, Outcome::succeeded);
    assert_eq!(outcome.warnings().len(), 1, "{}", outcome.log());
    // What it only reads may be frozen.
    promote(FILE, "envs/staging/web.yaml").run().succeeded();
    assert_eq!(text(&repository, "envs/staging/web.yaml"), manifest("v1"));
}

#[test]
fn a_bad_freeze_file_is_an_error_of_every_step() {
    let (_server, repository) = start(NONE);
    let before = manifest("v0");
    let back = update(&repository).input("image", "ghcr.io/acme/web:v0");
    back.run().succeeded();
    let bad: [(Entry, &str); 6] = [
        (
            "freezes:\n  - reason: r\n    who: w\n    til: 2026-12-24\n".into(),
            "line 4: `til`: unknown key",
        ),
        (
            "freezes:\n  - reason: r\n    who: w\n    timeZone: Berlin\n".into(),
            "line 4: `timeZone` `Berlin`: the IANA",
        ),
        ("freezes:\n".into(), "line 1: `freezes`: expected"),
        ("".into(), "line 1: it is empty"),
        (
            Entry::Symlink("envs/production/web.yaml".to_owned()),
            "`freezes.yaml` is a symbolic link",
        ),
        (Entry::Absent, "`freezes.yaml`"),
    ];
    for (entry, expected) in bad {
        repository.commit("main", FREEZES, entry, "bad");
        for action in [update(&repository), rollback(&repository)] {
            let outcome = action.input("freeze", "skip").run().failed();
            let error = &outcome.errors()[0];
            assert!(error.contains(expected), "{expected}: {error}");
            assert_eq!(text(&repository, FILE), before);
            let title = &outcome.annotations()[0].properties["title"];
            assert_eq!(title, "The freeze file can't be used");
        }
    }
    repository.commit("main", FREEZES, "freezes:\n  - x: y\n", "bad");
    let outcome = update(&repository)
        .input("freeze-file", "freeze.yaml")
        .run()
        .failed();
    insta::assert_snapshot!(scrubbed(&repository, &outcome.errors()[0]), @"
    `freeze-file`: `freeze.yaml` does not exist on `main` at TIP in REPOSITORY. Nothing was changed.
    Name a YAML file, from the root of the repository, that is on the branch which is written to. Did you mean `freezes.yaml`?
    ");
    let outcome = update(&repository).run().failed();
    insta::assert_snapshot!(scrubbed(&repository, &outcome.errors()[0]), @"
    `freezes.yaml`, which `freeze-file` names, can't be understood on `main` at TIP, so nothing was changed:
    line 2: `x`: unknown key: expected `reason`, `who`, `files`, `from`, `until`, `schedule`, `duration`, `timeZone`, `operations`
    line 2: `reason`: required: why it is frozen
    line 2: `who`: required: who has frozen it, and can be asked
    Correct it there: docs/freeze.md says what it may hold.
    ");
}

#[test]
fn a_freeze_that_ends_soon_is_waited_for() {
    let (server, repository) = start(NONE);
    let other = repository.clone();
    // The end is counted from the moment at which the branch is read.
    server.before(VIA.read().nth(1), move || {
        other.commit("main", FREEZES, ending_in(3).as_str(), "freeze");
    });
    let mut running = update(&repository).input("freeze", "wait").spawn();
    running.printed("Waiting for its end");
    // Everything is looked at again behind it.
    let after = manifest("v1").replace("kind:", "# by a colleague\nkind:");
    repository.commit("main", FILE, after.as_str(), "in between");
    let outcome = running.wait().succeeded();
    assert_eq!(text(&repository, FILE), after.replace("v1", "v2"));
    assert_eq!(outcome.output("changed"), "true");
    assert_eq!(outcome.output("frozen-until"), "");
    assert_eq!(outcome.warnings(), Vec::<String>::new());
    assert_eq!(outcome.log().matches("Read main at").count(), 2);
}

#[test]
fn a_freeze_that_does_not_end_in_time_is_not_waited_for() {
    let (_server, repository) = start(NONE);
    for (freezes, expected) in [
        (
            ending_in(3600),
            "That is in 60 min, and `freeze: wait` waits for no more than `timeout` (60 s) in all. Nothing was changed.\nSet `timeout: 36",
        ),
        (
            ending_in(6 * 3600 + 60),
            "That is in 7 h, and `freeze: wait` waits for no more than `timeout` (60 s) in all. Nothing was changed.\nRun the job again when it is over: the output `frozen-until` says when.",
        ),
        (
            "freezes: [{reason: r, who: w}]\n".to_owned(),
            "until freezes.yaml says otherwise: r (w, freezes.yaml line 1). `freeze: wait` does not wait, since nobody has said when that ends.",
        ),
    ] {
        repository.commit("main", FREEZES, freezes.as_str(), "freeze");
        let action = update(&repository).input("freeze", "wait");
        let outcome = held(&repository, action, Outcome::failed);
        let error = &outcome.errors()[0];
        assert!(error.contains(expected), "{error}");
        assert!(outcome.elapsed.as_secs() < 40);
    }
}

#[test]
fn a_cancelled_job_waits_no_longer() {
    let (_server, repository) = start(&ending_in(5 * 3600));
    let before = repository.tip("main");
    let mut running = update(&repository)
        .input("freeze", "wait")
        .input("timeout", "21600")
        .spawn();
    running.printed("Waiting for its end, ");
    running.terminate();
    let outcome = running.wait().failed();
    let error = &outcome.errors()[0];
    assert!(
        error.starts_with("The run was cancelled while it waited for the end of a freeze: "),
        "{error}"
    );
    assert_eq!(repository.tip("main"), before);
}

/// Pushes a freeze as `git push` does: on the tip that is seen, or again.
fn freeze(repository: &Repository) -> String {
    loop {
        let tip = repository.tip("main");
        repository.set_branch("freeze", &tip);
        let commit = repository.commit("freeze", FREEZES, ON, "freeze");
        let moved = Command::new("git")
            .arg("-C")
            .arg(repository.path())
            .args(["update-ref", "refs/heads/main", &commit, &tip])
            .output()
            .unwrap();
        if moved.status.success() {
            return commit;
        }
    }
}

/// At random moments: when one of the pushes of 24 writers has just arrived, and the others are on their way.
#[test]
fn no_commit_comes_after_a_freeze() {
    const WRITERS: usize = 24;
    for round in 0..3 {
        let (server, repository) = start(NONE);
        let files: Vec<String> = (0..WRITERS)
            .map(|n| format!("envs/production/service-{n}.yaml"))
            .collect();
        let manifests = files
            .iter()
            .map(|file| (file.as_str(), manifest("v1").as_str().into()));
        let manifests: Vec<(&str, Entry)> = manifests.collect();
        repository.commit_all("main", manifests, "services");
        let random = RandomState::new().build_hasher().finish();
        let moment = 1 + usize::try_from(random % 30).unwrap();
        let other = repository.clone();
        server.before(VIA.push().nth(moment), move || {
            freeze(&other);
        });
        let writers: Vec<_> = files
            .iter()
            .map(|file| {
                update(&repository)
                    .input("file", file)
                    .input("timeout", "150")
                    .spawn()
            })
            .collect();
        let mut landed = 0;
        for running in writers {
            let outcome = running.wait();
            match outcome.code() {
                Some(0) => landed += 1,
                _ => {
                    let error = outcome.errors().join("\n");
                    assert!(error.contains(" is frozen until "), "{error}");
                    assert_eq!(outcome.output("changed"), "false");
                }
            }
        }
        repository.fsck();
        let log = repository.log("main");
        let frozen = log
            .iter()
            .position(|commit| commit.message.trim() == "freeze");
        let told = format!("round {round}, push {moment}: {landed} landed");
        assert_eq!(frozen, Some(0), "{told}");
        let deployed = log
            .iter()
            .filter(|commit| commit.message.starts_with("chore: update"));
        assert_eq!(deployed.count(), landed, "{told}");
        assert!(landed < WRITERS, "{told}");
    }
}

#[test]
fn the_page_and_its_schema_say_what_is_understood() {
    let schema: Json = serde_json::from_str(include_str!("../../docs/freeze.schema.json")).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let page = include_str!("../../docs/freeze.md");
    let blocks = page.split("\n```yaml\n").skip(1);
    let blocks = blocks.map(|rest| rest.split("\n```").next().unwrap());
    let example = blocks.filter(|block| block.contains("\nfreezes:\n"));
    let example: Vec<&str> = example.collect();
    assert_eq!(example.len(), 1);
    let entry = |lines: &str| format!("freezes:\n  - reason: r\n    who: w\n    {lines}\n");
    let good = [
        example[0].to_owned(),
        NONE.to_owned(),
        ON.to_owned(),
        ending_in(60),
        entry("files: [a.yaml, '!b.yaml']"),
        entry("files: ['{a,b}.yaml', '! c?d.yaml']"),
        entry("files: |\n      !b.yaml\n\n      **\n"),
        entry("schedule: '@daily'\n    duration: 1h30m"),
        entry("from: 2026-12-24 18:00:00 +01:00\n    operations: rollback"),
    ];
    let bad = [
        "{}".to_owned(),
        "freezes:\n".to_owned(),
        "freezes: []\nx: y\n".to_owned(),
        "freezes: [{reason: r}]".to_owned(),
        "freezes: [{who: w}]".to_owned(),
        entry("til: 2026-12-24"),
        entry("until: soon"),
        entry("until:"),
        entry("files: []"),
        entry("files: ['!a.yaml']"),
        entry("files: >-\n      a/**\n      b/**"),
        entry("files: a/** b/**"),
        entry("files: a/**,b/**"),
        entry("files: [a/** b/**]"),
        entry("files: ['a/**,b/**']"),
        entry("operations: deploy"),
        entry("schedule: 0 18 * * 5"),
        entry("duration: 2h"),
        entry("schedule: 0 18 * *\n    duration: 2h"),
        entry("schedule: 0 18 * * 5\n    duration: 2"),
        entry("schedule: 0 18 * * 5\n    duration: 2h\n    until: 2026-12-24"),
    ];
    for (texts, expected) in [(&good[..], true), (&bad[..], false)] {
        for text in texts {
            let value: Json = serde_yaml_ng::from_str(text).unwrap();
            assert_eq!(schema.is_valid(&value), expected, "schema: {text}");
            assert_eq!(parse(text.as_bytes()).is_ok(), expected, "{text}");
        }
    }
}
