//! What is in a deployment: the commits of the source repository, as GitHub compares them.

use crate::support::registry::{Registry, SignOn};
use crate::support::{Action, GitServer, Outcome, Repository, Rights, Step, TOKEN, Via, manifest};
use serde_json::Value as Json;

const FILE: &str = "apps/web.yaml";
const SOURCE_TOKEN: &str = "ghp_reads_the_source";

/// The manifests, and the repository that the image is built from.
struct Start {
    server: GitServer,
    manifests: Repository,
    source: Repository,
}

fn start() -> Start {
    let server = GitServer::start();
    server.grant(SOURCE_TOKEN, Rights::ReadOnly);
    Start {
        manifests: server.repository_with("acme/deploy", FILE, &manifest("v0")),
        source: server.repository("acme/web"),
        server,
    }
}

impl Start {
    /// A commit of the source.
    fn build(&self, branch: &str, message: &str) -> String {
        self.source.commit(branch, "a", message, message)
    }

    /// A step of a workflow of the source, at one of its commits.
    fn step(&self, operation: &str, sha: &str) -> Action {
        Action::new()
            .over(Via::Api, &self.manifests)
            .input("operation", operation)
            .input("file", FILE)
            .input("token", TOKEN)
            .input("source-token", SOURCE_TOKEN)
            .input("timeout", "60")
            .env("GITHUB_SERVER_URL", self.server.url())
            .env("GITHUB_REPOSITORY", "acme/web")
            .env("GITHUB_SHA", sha)
    }

    fn deploy(&self, tag: &str, sha: &str) -> Action {
        self.step("update", sha)
            .input("image", format!("ghcr.io/acme/web:{tag}"))
    }

    fn scrub(&self, text: &str) -> String {
        let mut text = text.replace(&self.server.url(), "SERVER");
        text = text.replace(self.server.url().trim_start_matches("http://"), "SERVER");
        for (name, repository) in [("built", &self.source), ("deploy", &self.manifests)] {
            for (number, commit) in repository.log("--all").iter().rev().enumerate() {
                text = text
                    .replace(&commit.id, &format!("{}-{number}", name.to_uppercase()))
                    .replace(&commit.id[..7], &format!("{name}-{number}"));
            }
        }
        text
    }
}

fn changes(outcome: &Outcome) -> Vec<Json> {
    let changes: Json = serde_json::from_str(outcome.output("changes")).unwrap();
    let schema = serde_json::from_str(include_str!("../../docs/changes.schema.json")).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = schema
        .iter_errors(&changes)
        .map(|e| e.to_string())
        .collect();
    assert_eq!(errors, [""; 0], "{changes:#}");
    changes.as_array().unwrap().clone()
}

/// The one repository's.
fn change(outcome: &Outcome) -> Json {
    let mut changes = changes(outcome);
    assert_eq!(changes.len(), 1, "{changes:#?}");
    changes.remove(0)
}

fn subjects(change: &Json) -> Vec<&str> {
    let commits = change["commits"].as_array().unwrap().iter();
    commits
        .map(|one| one["subject"].as_str().unwrap())
        .collect()
}

#[test]
fn a_deployment_tells_the_commits_since_the_one_before() {
    let start = start();
    let first = start.build("main", "feat: first");
    let outcome = start.deploy("v1", &first).run().succeeded();
    // Of the one before nobody knows.
    assert_eq!(outcome.output("changes"), "[]");
    start.build("main", "feat: a `b` | @c (#12)\n\nbody");
    let third = start.build("main", "Merge pull request #13 from acme/x");
    let outcome = start.deploy("v2", &third).run().succeeded();
    let change = change(&outcome);
    assert_eq!(change["direction"], "added");
    assert_eq!(change["count"], 2);
    let subject = "feat: a `b` | @c (#12)";
    assert_eq!(
        subjects(&change),
        ["Merge pull request #13 from acme/x", subject]
    );
    assert_eq!(change["commits"][1]["pull_requests"][0]["number"], 12);
    assert_eq!(change["commits"][0]["author"], "A colleague");
    insta::assert_snapshot!(start.scrub(outcome.output("changes-markdown")), @r"
    **In it:** 2 commits of `SERVER/acme/web` ([compare](SERVER/acme/web/compare/BUILT-0...BUILT-2))

    - [`built-2`](SERVER/acme/web/commit/BUILT-2) `Merge pull request #13 from acme/x` by `A colleague` [#13](SERVER/acme/web/pull/13)
    - [`built-1`](SERVER/acme/web/commit/BUILT-1) `` feat: a `b` \| @c (#12) `` by `A colleague` [#12](SERVER/acme/web/pull/12)
    ");
    assert!(outcome.summary.contains(outcome.output("changes-markdown")));
    let log = start.scrub(&outcome.shown_log());
    let line = "In it: 2 commits of SERVER/acme/web/compare/BUILT-0...BUILT-2.";
    assert!(log.contains(line), "{log}");

    // A rollback takes it out, whatever commit its own run is at.
    let fourth = start.build("main", "fix: too late");
    let outcome = start.step("rollback", &fourth).run().succeeded();
    let change = self::change(&outcome);
    assert_eq!(change["direction"], "removed");
    assert_eq!(
        (&change["from"], &change["to"]),
        (&first.into(), &third.into())
    );
    assert_eq!(change["count"], 2);
    assert!(
        outcome.summary.contains("**Taken out:** 2 commits of"),
        "{}",
        outcome.summary
    );
}

#[test]
fn a_pull_request_lists_them() {
    let start = start();
    let first = start.build("main", "feat: first");
    start.deploy("v1", &first).run().succeeded();
    let second = start.build("main", "feat: second (#12)");
    let outcome = start
        .deploy("v2", &second)
        .input("pull-request", "true")
        .run()
        .succeeded();
    assert_eq!(change(&outcome)["count"], 1);
    let pulls = start.server.github().pulls("acme/deploy");
    let body = pulls[0]["body"].as_str().unwrap();
    assert!(body.contains(outcome.output("changes-markdown")), "{body}");
}

#[test]
fn an_image_says_by_its_labels_what_it_was_built_from() {
    let start = start();
    let registry = Registry::start(SignOn::None);
    let image = |tag: &str| format!("{}/acme/web:{tag}", registry.host());
    let first = start.build("main", "feat: first");
    registry.label("v1", start.source.url(), &first);
    for tag in ["v1", "v2"] {
        registry.push("acme/web", tag, &["linux/amd64"]);
    }
    let by_hand = manifest("v1").replace("ghcr.io/acme/web:v1", &image("v1"));
    start
        .manifests
        .commit("main", FILE, by_hand.as_str(), "feat: by hand");
    let second = start.build("main", "feat: second");
    let deploy = |verify: &str| {
        start
            .step("update", &second)
            .input("image", image("v2"))
            .input("verify-image", verify)
            .input("dry-run", "true")
            .run()
            .succeeded()
    };
    assert!(changes(&deploy("false")).is_empty());
    assert_eq!(subjects(&change(&deploy("true"))), ["feat: second"]);
}

#[test]
fn what_can_not_be_told_is_said_and_stops_nothing() {
    let start = start();
    let first = start.build("main", "feat: first");
    let second = start.build("main", "feat: second");
    // The same beginning, and then another line.
    start.source.set_branch("other", &first);
    let other = start.build("other", "feat: other");
    let gone = "0123456789012345678901234567890123456789";
    start.server.grant("ghp_sees_nothing", Rights::NoAccess);
    start.deploy("v1", &first).run().succeeded();
    let mut number = 1;
    let mut deploy = |sha: &str, token: &str| {
        number += 1;
        let tag = format!("v{number}");
        let outcome = start
            .deploy(&tag, sha)
            .input("source-token", token)
            .run()
            .succeeded();
        assert_eq!(outcome.output("changed"), "true");
        assert_eq!(outcome.warnings(), [""; 0]);
        let change = change(&outcome);
        let note = change["note"].as_str().unwrap_or_default().to_owned();
        // Said wherever a person looks.
        let log = outcome.shown_log();
        assert!(!note.is_empty() && log.contains(&note), "{note}\n{log}");
        let words = note.split('`').next().unwrap();
        assert!(outcome.summary.contains(words), "{}", outcome.summary);
        (change, note)
    };
    let (private, note) = deploy(&second, "ghp_sees_nothing");
    assert!(
        note.contains("not to be read with `source-token`"),
        "{note}"
    );
    assert_eq!(private["count"], Json::Null);
    let url = private["compare_url"].as_str().unwrap();
    assert!(url.ends_with(&format!("/acme/web/compare/{first}...{second}")));
    let (_, note) = deploy(&other, "");
    assert!(note.contains("`source-token` is empty"), "{note}");
    let (diverged, note) = deploy(&second, SOURCE_TOKEN);
    assert!(
        note.contains("different lines") && note.contains("1 commit of"),
        "{note}"
    );
    assert_eq!(subjects(&diverged), ["feat: second"]);
    let (back, note) = deploy(&first, SOURCE_TOKEN);
    assert!(note.contains("older than the one before"), "{note}");
    assert_eq!(back["direction"], "removed");
    assert_eq!(subjects(&back), ["feat: second"]);
    let (_, note) = deploy(gone, SOURCE_TOKEN);
    assert!(note.contains("is gone, as after a force push"), "{note}");
}

#[test]
fn of_very_many_commits_the_newest_are_listed() {
    let start = start();
    let first = start.build("main", "feat: first");
    start.deploy("v1", &first).run().succeeded();
    let mut stream = String::new();
    for number in 1..=301 {
        let message = format!("feat: {number}");
        stream += &format!(
            "commit refs/heads/main\ncommitter C <c@example.com> now\ndata {}\n{message}\n",
            message.len()
        );
        if number == 1 {
            stream += "from refs/heads/main^0\n";
        }
        stream += "\n";
    }
    start.source.import(stream.as_bytes());
    let last = start.source.tip("main");
    let outcome = start.deploy("v2", &last).run().succeeded();
    let change = change(&outcome);
    assert_eq!(change["count"], 301);
    let subjects = subjects(&change);
    assert_eq!(subjects.len(), 250);
    assert_eq!((subjects[0], subjects[249]), ("feat: 301", "feat: 52"));
    let markdown = outcome.output("changes-markdown");
    assert!(markdown.ends_with("- … and 251 more"), "{markdown}");
}

#[test]
fn an_earlier_deployment_costs_one_request_and_only_for_a_list() {
    let start = start();
    let first = start.build("main", "feat: first");
    start.deploy("v1", &first).run().succeeded();
    let second = start.build("main", "feat: second");
    let step = |transport: &str, tag: &str, source_token: &str, dry_run: &str| {
        start.server.reset_log();
        let outcome = start
            .deploy(tag, &second)
            .input("transport", transport)
            .input("source-token", source_token)
            .input("dry-run", dry_run)
            .run()
            .succeeded();
        (start.server.requests().len(), outcome)
    };
    for (transport, tag, then) in [("api", "v2", "v3"), ("git", "v4", "v5")] {
        // More than come along with the tip.
        for number in 0..35 {
            let other = format!("{transport} {number}\n");
            start
                .manifests
                .commit("main", "apps/api.yaml", other.as_str(), "feat: api");
        }
        for (tag, dry_run) in [(tag, "true"), (tag, "false")] {
            let own = start.manifests.tip("main");
            let (without, outcome) = step(transport, tag, "", "true");
            assert_eq!(outcome.output("changes"), "[]");
            let (with, outcome) = step(transport, tag, SOURCE_TOKEN, dry_run);
            assert_eq!(subjects(&change(&outcome)), ["feat: second"], "{transport}");
            // The commits of the manifests, and the comparison.
            let pushed = usize::from(dry_run == "false");
            assert_eq!(with, without + pushed + 2, "{transport} {dry_run}");
            assert_eq!(own == start.manifests.tip("main"), dry_run == "true");
        }
        start.manifests.fsck();
        // Back to what was built from the first one, so that there is something to tell again.
        start.deploy(then, &first).run().succeeded();
    }
}

#[test]
fn the_past_that_a_rollback_reads_tells_what_is_taken_out() {
    for (transport, write) in [
        ("git", Step::Push),
        ("api", Step::Mutation("createCommitOnBranch")),
    ] {
        let start = start();
        let first = start.build("main", "feat: first");
        start.deploy("v1", &first).run().succeeded();
        for number in 0..35 {
            let other = format!("{number}\n");
            start
                .manifests
                .commit("main", "apps/api.yaml", other.as_str(), "feat: api");
        }
        let second = start.build("main", "feat: second");
        start.deploy("v2", &second).run().succeeded();
        start.server.reset_log();
        let rollback = start.step("rollback", &second);
        let rollback = rollback.input("transport", transport);
        let outcome = rollback.run().succeeded();
        assert_eq!(subjects(&change(&outcome)), ["feat: second"], "{transport}");
        let requests = start.server.requests();
        let steps: Vec<Option<Step>> = requests.iter().map(|own| own.step).collect();
        let git = [Step::FetchRefs, Step::Fetch, Step::Fetch, write].map(Some);
        let compare = Some(Step::Rest("GET compare"));
        assert_eq!(steps, [&git[..], &[compare]].concat(), "{transport}");
    }
}

#[test]
fn the_source_token_goes_to_one_server_only() {
    let start = start();
    let elsewhere = GitServer::start();
    let source = elsewhere.repository_with("acme/web", "a", "1");
    let deploy = |tag: &str| {
        start
            .deploy(tag, &source.tip("main"))
            .env("GITHUB_SERVER_URL", elsewhere.url())
            .run()
            .succeeded()
    };
    deploy("v1");
    source.commit("main", "a", "2", "feat: second");
    let outcome = deploy("v2");
    let note = change(&outcome)["note"].as_str().unwrap().to_owned();
    assert!(note.contains("not on the GitHub server that `server-url` names"));
    assert!(elsewhere.requests().is_empty());
    assert!(!outcome.log().contains(SOURCE_TOKEN) || outcome.log().contains("::add-mask::"));
}
