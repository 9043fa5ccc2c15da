//! A secret is in nothing that the action prints or writes, however it got there and was escaped.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::support::{Action, GitServer, Outcome, TOKEN, Via};

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
fn a_token_is_not_sent_to_the_api_of_another_server() {
    let (own, other) = (GitServer::start(), GitServer::start());
    let repository = own.repository_with("acme/deploy", FILE, MANIFEST);
    let elsewhere = other.url().replace("127.0.0.1", "localhost");
    for transport in ["auto", "git", "api"] {
        let outcome = Action::new()
            .over(Via::Git, &repository)
            .input("server-url", own.url())
            .input("repository", "acme/deploy")
            .input("api-url", format!("{elsewhere}/api/v3"))
            .input("file", FILE)
            .input("image", "acme/web:v2")
            .input("token", "wrong")
            .input("transport", transport)
            .run()
            .failed();
        assert_eq!(other.requests().len(), 0, "{}", outcome.log());
    }
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
