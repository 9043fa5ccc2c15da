//! `operation: history`: which commits it finds, and what it does with more than fits.

use super::VIA;
use crate::support::{Action, Entry, GitServer, Outcome, Repository, TOKEN};
use serde_json::Value;

const FILE: &str = "apps/web.yaml";

fn manifest(tag: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  template:\n    spec:\n      containers:\n      - {{name: web, image: \"ghcr.io/o/web:{tag}\"}}\n"
    )
}

fn history(repository: &Repository) -> Action {
    Action::new()
        .input("operation", "history")
        .over(VIA, repository)
        .input("file", FILE)
        .input("token", TOKEN)
        .input("timeout", "60")
}

fn deployments(outcome: &Outcome) -> Vec<Value> {
    serde_json::from_str(outcome.output("deployments")).unwrap()
}

fn subjects(outcome: &Outcome) -> Vec<String> {
    deployments(outcome)
        .iter()
        .map(|one| one["subject"].as_str().unwrap().to_owned())
        .collect()
}

/// A repository with every kind of commit that is told apart.
fn varied(server: &GitServer) -> Repository {
    let repository = server.repository_with("o/manifests", FILE, &manifest("v1"));
    let operation = |operation: &str| {
        Action::new()
            .input("operation", operation)
            .over(VIA, &repository)
            .input("file", FILE)
            .input("token", TOKEN)
    };
    operation("update")
        .input("image", "ghcr.io/o/web:v2")
        .run()
        .succeeded();
    operation("rollback").run().succeeded();
    let bare = manifest("v1").replace("- {name: web, image: \"ghcr.io/o/web:v1\"}", "[]");
    repository.commit(
        "main",
        FILE,
        bare.as_str(),
        "=HYPERLINK(\"x\") no images, \"quoted\"",
    );
    repository.commit(
        "main",
        FILE,
        "image: nginx:1\n",
        "feat: no container's image",
    );
    repository
}

#[test]
fn the_csv_has_a_row_for_each_image_or_commit() {
    let server = GitServer::start();
    let repository = varied(&server);
    let outcome = history(&repository).run().succeeded();
    let path = outcome.workspace().join(outcome.output("deployments-csv"));
    let mut table = csv::Reader::from_path(path).unwrap();
    let columns: Vec<String> = table.headers().unwrap().iter().map(str::to_owned).collect();
    let rows: Vec<csv::StringRecord> = table.records().map(Result::unwrap).collect();
    let cell = |row: usize, column: &str| {
        let column = columns.iter().position(|name| name == column).unwrap();
        rows[row].get(column).unwrap().to_owned()
    };
    let found = deployments(&outcome);
    assert_eq!(cell(2, "kind"), "rollback");
    assert_eq!(cell(2, "old_image"), "ghcr.io/o/web:v2");
    assert_eq!(cell(2, "new_image"), "ghcr.io/o/web:v1");
    assert_eq!(cell(2, "commit"), found[2]["commit"]);
    // What a spreadsheet would run.
    assert_eq!(
        cell(1, "subject"),
        "'=HYPERLINK(\"x\") no images, \"quoted\""
    );
    assert_eq!(rows.last().unwrap().get(9), Some("ghcr.io/o/web:v1"));
}

/// `main` with a commit to the file at each of these dates, oldest first.
fn dated(repository: &Repository, commits: &[(&str, &str)]) {
    let mut parent: Option<String> = None;
    for (number, (date, author)) in commits.iter().enumerate() {
        let text = manifest(&format!("v{}", number + 1));
        repository.commit("scratch", FILE, text.as_str(), "x");
        let date = format!("{date}T12:00:00 +0000");
        let message = format!("deploy {date}", date = &date[..10]);
        let mut arguments = vec!["commit-tree", "scratch^{tree}", "-m", &message];
        if let Some(parent) = &parent {
            arguments.extend(["-p", parent]);
        }
        let output = std::process::Command::new("git")
            .args(arguments)
            .current_dir(repository.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_AUTHOR_NAME", author)
            .env("GIT_AUTHOR_EMAIL", format!("{author}@example.com"))
            .env("GIT_COMMITTER_NAME", "C")
            .env("GIT_COMMITTER_EMAIL", "c@example.com")
            .env("GIT_AUTHOR_DATE", &date)
            .env("GIT_COMMITTER_DATE", &date)
            .output()
            .unwrap();
        assert!(output.status.success());
        let commit = String::from_utf8(output.stdout).unwrap().trim().to_owned();
        repository.set_branch("main", &commit);
        parent = Some(commit);
    }
    repository.delete_branch("scratch");
}

#[test]
fn a_period_an_author_and_a_limit() {
    let server = GitServer::start();
    let repository = server.repository("o/manifests");
    dated(
        &repository,
        &[
            ("2025-12-31", "ann"),
            ("2026-01-01", "bo"),
            ("2026-01-20", "ann"),
            ("2026-01-31", "bo"),
            ("2026-02-01", "ann"),
        ],
    );
    let january = || {
        history(&repository)
            .input("since", "2026-01-01")
            .input("until", "2026-01-31")
    };
    let all = [
        "deploy 2026-01-31",
        "deploy 2026-01-20",
        "deploy 2026-01-01",
    ];
    assert_eq!(subjects(&january().run().succeeded()), all);

    let by_ann = january().input("author", "ANN@").run().succeeded();
    assert_eq!(subjects(&by_ann), ["deploy 2026-01-20"]);

    let limited = january().input("limit", "2").run().succeeded();
    assert_eq!(subjects(&limited), all[..2]);
    assert!(
        limited
            .summary
            .contains("older ones are left out: raise `limit`")
    );

    let none = history(&repository)
        .input("since", "2030-01-01")
        .run()
        .succeeded();
    assert_eq!(none.output("deployments"), "[]");
    let [warning] = &none.warnings()[..] else {
        panic!("{}", none.log())
    };
    assert!(
        warning.starts_with("No commit of main in ")
            && warning.contains("The newest that did is commit ")
            && warning.contains("deploy 2026-02-01"),
        "{warning}"
    );
}

#[test]
fn dates_that_cannot_be_read_are_told_together() {
    let server = GitServer::start();
    let repository = server.repository_with("o/manifests", FILE, &manifest("v1"));
    let outcome = history(&repository)
        .input("since", "next monday")
        .input("until", "2026-02-30")
        .input("limit", "0")
        .run()
        .failed();
    let errors = outcome.errors().join("\n");
    for named in [
        "`since` `next monday`",
        "`until` `2026-02-30`",
        "`limit` `0`",
    ] {
        assert!(errors.contains(named), "{errors}");
    }
}

#[test]
fn a_single_file_is_followed_and_globs_are_not() {
    let server = GitServer::start();
    let old = "old/web.yaml";
    let repository = server.repository_with("o/manifests", old, &manifest("v1"));
    repository.commit_all(
        "main",
        [
            (old, Entry::Absent),
            (FILE, Entry::from(manifest("v1").as_str())),
        ],
        "refactor: move it",
    );
    repository.commit(
        "main",
        "apps/api.yaml",
        manifest("v7").as_str(),
        "feat: api",
    );
    repository.commit("main", FILE, manifest("v2").as_str(), "feat: v2");

    let followed = subjects(&history(&repository).run().succeeded());
    let first = "chore: import the manifests";
    assert_eq!(followed, ["feat: v2", "refactor: move it", first]);

    let globbed = history(&repository)
        .input("file", "apps/*.yaml")
        .run()
        .succeeded();
    assert_eq!(
        subjects(&globbed),
        ["feat: v2", "feat: api", "refactor: move it"]
    );
}

#[test]
fn a_report_beyond_what_github_takes_says_what_it_leaves_out() {
    let server = GitServer::start();
    let repository = server.repository("o/manifests");
    // Rows of some 500 bytes, 300 for each commit.
    let manifests = |tag: usize| {
        let long = "a-rather-long-name-of-a-service-".repeat(4);
        (0..300)
            .map(|number| {
                manifest(&format!("v{tag}")).replace("o/web", &format!("{long}/{number}")) + "---\n"
            })
            .collect::<String>()
    };
    for tag in 0..8 {
        repository.commit("main", FILE, manifests(tag).as_str(), "feat: all of them");
    }
    let outcome = history(&repository).run().succeeded();
    assert!(outcome.summary.len() < 1 << 20, "{}", outcome.summary.len());
    let (_, left_out) = outcome.summary.rsplit_once("… and ").unwrap();
    let (left_out, _) = left_out.split_once(" rows more:").unwrap();
    let shown = outcome.summary.matches("feat: all of them").count();
    assert_eq!(shown + left_out.parse::<usize>().unwrap(), 8 * 300);

    assert!(outcome.output("deployments").len() <= 800 << 10);
    let path = outcome.workspace().join(outcome.output("deployments-csv"));
    let mut table = csv::Reader::from_path(path).unwrap();
    assert_eq!(table.records().count(), 8 * 300);
}

#[test]
fn what_was_built_is_in_trailers_that_git_reads() {
    let server = GitServer::start();
    let repository = server.repository_with("o/manifests", FILE, &manifest("v1"));
    let sha = "1234567890abcdef1234567890abcdef12345678";
    let event = serde_json::json!({"head_commit": {
        "id": sha,
        "message": "feat: \u{1f680} (#7)\n\nFixes #7.\r\n\r\nDeployed-Image: evil\nArgocd-reference-commit-sha: 0000000\n---\n\u{2028}x",
        "timestamp": "2026-08-22T19:00:00+09:00",
        "author": {"name": "dependabot[bot]", "email": "1+dependabot[bot]@users.noreply.github.com"},
    }});
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), event.to_string()).unwrap();
    Action::new()
        .over(VIA, &repository)
        .input("file", FILE)
        .input("image", "ghcr.io/o/web:v2")
        .input("token", TOKEN)
        .input(
            "commit-message",
            "x\n\nArgocd-reference-commit-sha: 0000000\nDeployed-Image: evil",
        )
        .env("GITHUB_SHA", sha)
        .env("GITHUB_EVENT_PATH", file.path().to_str().unwrap())
        .run()
        .succeeded();
    let mut git = std::process::Command::new("git")
        .args(["interpret-trailers", "--parse"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let message = repository.log("main")[0].message.clone();
    let mut input = git.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, message.as_bytes()).unwrap();
    drop(input);
    let trailers = git.wait_with_output().unwrap().stdout;
    insta::assert_snapshot!(String::from_utf8(trailers).unwrap(), @r#"
    Deployed-Image: ghcr.io/o/web:v2
    Previous-Image: ghcr.io/o/web:v1
    Workflow-Run: https://github.com/wlals2/blogsite/actions/runs/123/attempts/1
    Argocd-reference-commit-sha: 1234567890abcdef1234567890abcdef12345678
    Argocd-reference-commit-repourl: https://github.com/wlals2/blogsite
    Argocd-reference-commit-author: "dependabot[bot]" <"1+dependabot[bot]"@users.noreply.github.com>
    Argocd-reference-commit-subject: feat: 🚀 (wlals2/blogsite#7)
    Argocd-reference-commit-body: "Fixes \u00237.\n\nDeployed-Image: evil\nArgocd-reference-commit-sha: 0000000\n---\n\u2028x"
    Argocd-reference-commit-date: 2026-08-22T19:00:00+09:00
    "#);
}
