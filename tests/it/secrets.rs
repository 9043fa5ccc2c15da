//! A secret is in nothing that the action prints or writes, however it got there and was escaped.

use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::support::{
    APP_ID, APP_KEY, Action, Fault, GitServer, MINTED, Outcome, Repository, Rights, Step, TOKEN,
    Via, git,
};

const FILE: &str = "web.yaml";
const MANIFEST: &str =
    "kind: Deployment\nspec:\n  containers:\n  - name: web\n    image: acme/web:v1\n";

/// All that was printed and written, but for what tells the runner what to mask.
fn shown(outcome: &Outcome) -> String {
    let is_mask = |line: &&str| line.starts_with("::add-mask::");
    let log = outcome.stdout.lines().filter(|line| !is_mask(line));
    let log: Vec<&str> = log.collect();
    let outputs: Vec<&str> = outcome.outputs.values().map(String::as_str).collect();
    let table = outcome.workspace().join("gitops-deployments.csv");
    let table = std::fs::read_to_string(table).unwrap_or_default();
    [
        &log.join("\n"),
        &outcome.stderr,
        &outputs.join("\n"),
        &outcome.summary,
        &table,
    ]
    .map(String::as_str)
    .join("\n")
}

#[track_caller]
fn is_not_shown(outcome: &Outcome) {
    let shown = shown(outcome);
    let base64 = BASE64_STANDARD.encode(format!("x:{TOKEN}"));
    let middle = &base64[8..base64.len() - 8];
    for form in [TOKEN, &TOKEN.replace('_', "\\_"), middle] {
        assert!(!shown.contains(form), "{form} in\n{shown}");
    }
    assert!(shown.contains("***"), "{shown}");
}

#[test]
fn a_token_in_a_commit_or_a_file_is_shown_nowhere() {
    let server = GitServer::start();
    let base64 = BASE64_STANDARD.encode(format!("Basic x:{TOKEN}"));
    let manifest = format!("# {TOKEN} {base64}\n{MANIFEST}");
    let repository = server.repository_with("acme/deploy", FILE, &manifest);
    let next = manifest.replace("v1", "v2").replace('#', "# _");
    let subject = format!("feat: {TOKEN} {base64}");
    repository.commit("main", FILE, next, &subject);
    let action = || {
        Action::new()
            .over(Via::Git, &repository)
            .input("file", FILE)
            .input("token", TOKEN)
    };
    let history = action().input("operation", "history").run().succeeded();
    is_not_shown(&history);
    let update = action().input("image", "acme/web:v3");
    let outcome = update.without_env("GITHUB_ACTIONS").run().succeeded();
    assert!(!shown(&outcome).contains(TOKEN));
    let missing = action().input("file", format!("{TOKEN}.yaml"));
    is_not_shown(&missing.input("image", "acme/web:v3").run().failed());
}

#[test]
fn what_a_server_says_is_cut_in_no_secret() {
    let encoded = BASE64_STANDARD.encode(format!("x-access-token:{TOKEN}"));
    // Behind the name, which is no secret.
    for secret in [TOKEN, &encoded[20..]] {
        for shown_of_it in [8, 12, secret.len() - 1] {
            let server = GitServer::start();
            let repository = server.repository_with("acme/deploy", FILE, MANIFEST);
            // Where what a person is told ends.
            let words = format!("{} {secret}", "x".repeat(1_999 - shown_of_it));
            let refusal = Fault::Status(403, Vec::new(), words);
            server.fault(Step::Push.nth(1), refusal);
            let action = Action::new().over(Via::Git, &repository);
            let action = action.input("file", FILE).input("token", TOKEN);
            let outcome = action.input("image", "acme/web:v3").run();
            assert_eq!(outcome.code(), Some(1));
            let shown = shown(&outcome);
            assert!(shown.contains("xxx ***"), "{shown}");
            assert!(!shown.contains(&secret[..8]), "{shown}");
        }
    }
}

#[test]
fn a_secret_of_a_common_word_hides_no_output_by_its_name() {
    let server = GitServer::start();
    let repository = server.repository_with("acme/deploy", FILE, MANIFEST);
    let by = |token: &str, version: &str| {
        server.grant(token, Rights::ReadWrite);
        let action = Action::new().over(Via::Git, &repository);
        let action = action.input("file", FILE).input("token", token);
        let image = format!("acme/web:{version}");
        action.input("image", image).run().succeeded().outputs
    };
    let named = by(TOKEN, "v2");
    for (token, version) in [("image", "v3"), ("commit", "v4"), ("delimiter", "v5")] {
        let outputs = by(token, version);
        assert!(outputs.keys().eq(named.keys()), "{token}: {outputs:#?}");
        assert_eq!(outputs["image"], format!("acme/web:{version}"));
    }
}

#[test]
fn a_word_that_a_secret_begins_with_is_none() {
    let server = GitServer::start();
    let repository = server.repository_with("acme/deploy", FILE, MANIFEST);
    let action = Action::new().over(Via::Git, &repository);
    let action = action
        .input("file", FILE)
        .input("token", "acme-deploy-2024");
    let outcome = action.input("image", "acme/web:acme-deploy").run();
    assert!(!shown(&outcome).contains("web:***"), "{}", outcome.log());
}

/// Whatever is asked of GitHub's API is asked of the server of the repository. Each step asks it where `api-url` is of
/// that server, so that none of them is silent for another reason.
#[test]
fn a_token_is_not_sent_to_the_api_of_another_server() {
    type Change = fn(&World, Action) -> Action;
    let steps: [(&str, Change); 9] = [
        ("transport: api", |_, step| step.input("transport", "api")),
        ("transport: auto", |_, step| step),
        ("diagnosis", |_, step| {
            step.input("transport", "git").input("token", "wrong")
        }),
        ("pull request", |_, step| step.input("pull-request", "true")),
        ("merge wait", |_, step| {
            let step = step.input("pull-request", "true");
            step.input("transport", "git")
                .input("pull-request-wait", "1")
        }),
        ("commit statuses", |world, step| {
            step.input("operation", "verify")
                .input("image", "acme/web:v1")
                .input("transport", "git")
                .input("commit", world.repository.tip("main"))
                .input("status-context", "web")
                .input("verify-timeout", "1")
        }),
        ("sign-on", |_, step| {
            step.input("app-id", APP_ID)
                .input("app-private-key", APP_KEY)
        }),
        ("source changes", |world, step| {
            world.deploy_before();
            step.input("transport", "git")
                .env("GITHUB_SHA", world.build())
        }),
        ("promotion", |_, step| {
            step.input("operation", "promote")
                .input("image", "")
                .input("from", FILE)
                .input("file", "prod.yaml")
        }),
    ];
    for (case, step) in steps {
        for is_elsewhere in [false, true] {
            let (world, other) = (World::new(), GitServer::start());
            let own = world.server.url();
            let api = match is_elsewhere {
                true => other.url().replace("127.0.0.1", "localhost"),
                false => own.clone(),
            };
            let action = world.step().input("api-url", format!("{api}/api/v3"));
            let outcome = step(&world, action).run();
            let asked = world.server.requests();
            let is_githubs = |path: &str| path.starts_with("/api/v3/") || path == "/api/graphql";
            let is_asked = asked.iter().any(|one| is_githubs(&one.path));
            assert_eq!(is_asked, !is_elsewhere, "{case}: {}", outcome.log());
            assert_eq!(other.requests().len(), 0, "{case}: {}", outcome.log());
        }
    }
}

/// Manifests and a source on one server.
struct World {
    server: GitServer,
    repository: Repository,
    source: Repository,
}

impl World {
    fn new() -> Self {
        let server = GitServer::start();
        let repository = server.repository_with("acme/deploy", FILE, MANIFEST);
        repository.commit(
            "main",
            "prod.yaml",
            MANIFEST.replace("v1", "v0"),
            "feat: prod",
        );
        server.grant(MINTED, Rights::ReadWrite);
        let github = server.github();
        github.install_app("acme/deploy", &["contents", "pull_requests"]);
        Self {
            source: server.repository("acme/web"),
            repository,
            server,
        }
    }

    /// A commit of the source.
    fn build(&self) -> String {
        let number = self.source.log("--all").len().to_string();
        self.source.commit("main", "a", number, "feat: x")
    }

    fn step(&self) -> Action {
        Action::new()
            .input("server-url", self.server.url())
            .input("repository", "acme/deploy")
            .input("file", FILE)
            .input("image", "acme/web:v2")
            .input("token", TOKEN)
            .input("source-token", TOKEN)
            .input("timeout", "20")
            .env("GITHUB_SERVER_URL", self.server.url())
            .env("GITHUB_REPOSITORY", "acme/web")
    }

    /// Deploys what the next deployment replaces, so that it is known what is in that.
    fn deploy_before(&self) {
        let step = self.step().env("GITHUB_SHA", self.build());
        let step = step
            .input("image", "acme/web:v1.5")
            .input("transport", "git");
        step.input("api-url", "http://127.0.0.1:1")
            .run()
            .succeeded();
    }
}

/// Everything of a repository on this machine is as it is for git there; but nothing of it is run.
#[test]
fn a_local_repository_is_read_as_git_reads_it_and_none_of_its_hooks_runs() {
    let server = GitServer::start();
    let repository = server.repository_with("acme/deploy", FILE, MANIFEST);
    let outside = tempfile::tempdir().unwrap();
    let at = |name: &str| outside.path().join(name).to_str().unwrap().to_owned();
    // Its objects are those of the other one, and a part of its configuration is in another file.
    let from = repository.path().to_str().unwrap().to_owned();
    repository.git(&["clone", "-q", "--bare", "--shared", &from, &at("local")]);
    // What has no reflog by itself has one by a setting that stands in the other file alone.
    let setting = "[core]\n\thooksPath = hooks-of-its-own\n\tlogAllRefUpdates = true\n";
    std::fs::write(at("included"), setting).unwrap();
    let config = at("local/config");
    let own = std::fs::read_to_string(&config).unwrap();
    assert!(!own.contains("logAllRefUpdates"));
    let included = format!("{own}[include]\n\tpath = {}\n", at("included"));
    std::fs::write(config, included).unwrap();
    let objects = git(Path::new(&at("local")), &["count-objects", "-v"]);
    assert!(
        objects.starts_with("count: 0\n") && objects.contains("\nin-pack: 0\n"),
        "{objects}"
    );
    for hooks in ["local/hooks", "local/hooks-of-its-own"] {
        std::fs::create_dir_all(at(hooks)).unwrap();
        for hook in [
            "pre-receive",
            "update",
            "post-receive",
            "post-update",
            "reference-transaction",
        ] {
            let script = at(&format!("{hooks}/{hook}"));
            std::fs::write(&script, format!("#!/bin/sh\ntouch {}\n", at("ran"))).unwrap();
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(script, mode).unwrap();
        }
    }
    let outcome = Action::new()
        .input("repository", format!("file://{}", at("local")))
        .input("file", FILE)
        .input("image", "acme/web:v2")
        .run()
        .succeeded();
    assert_eq!(outcome.output("changed"), "true");
    let reflog = std::fs::read_to_string(at("local/logs/refs/heads/main")).unwrap();
    assert!(reflog.starts_with(&repository.tip("main")), "{reflog}");
    assert!(!std::fs::exists(at("ran")).unwrap());
}

#[test]
fn a_table_waits_for_nobody_who_reads_what_is_there() {
    let server = GitServer::start();
    let repository = server.repository_with("acme/deploy", FILE, MANIFEST);
    let workspace = tempfile::tempdir().unwrap();
    let pipe = workspace.path().join("gitops-deployments.csv");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    Action::new()
        .over(Via::Git, &repository)
        .env("GITHUB_WORKSPACE", workspace.path().to_str().unwrap())
        .input("operation", "history")
        .input("file", FILE)
        .input("token", TOKEN)
        .run()
        .succeeded();
    assert!(std::fs::metadata(&pipe).unwrap().is_file());
}

#[test]
fn a_table_is_written_over_what_is_there_and_through_no_link() {
    let server = GitServer::start();
    let repository = server.repository_with("acme/deploy", FILE, MANIFEST);
    let outside = tempfile::tempdir().unwrap();
    let (target, workspace) = (outside.path().join("precious"), outside.path().join("work"));
    std::fs::write(&target, "precious").unwrap();
    std::fs::create_dir(&workspace).unwrap();
    std::os::unix::fs::symlink(&target, workspace.join("gitops-deployments.csv")).unwrap();
    Action::new()
        .over(Via::Git, &repository)
        .env("GITHUB_WORKSPACE", workspace.to_str().unwrap())
        .input("operation", "history")
        .input("file", FILE)
        .input("token", TOKEN)
        .run()
        .succeeded();
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "precious");
    let table = std::fs::read_to_string(workspace.join("gitops-deployments.csv")).unwrap();
    assert!(table.starts_with("date,commit"), "{table}");
}
