//! `operation: history`: which commits it finds, and what it does with more than fits.

use super::VIA;
use crate::support::{Action, Entry, GitServer, Outcome, Repository, Step, TOKEN};
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

/// Every output in its schema.
fn checked(outcome: &Outcome) -> (Vec<Value>, Value) {
    let read = |name: &str, schema: &str| {
        let value: Value = serde_json::from_str(outcome.output(name)).unwrap();
        let schema = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
        let errors = schema.iter_errors(&value);
        let errors: Vec<String> = errors.map(|error| error.to_string()).collect();
        assert_eq!(errors, [""; 0], "{value:#}");
        value
    };
    let found = read(
        "deployments",
        include_str!("../../docs/deployments.schema.json"),
    );
    let metrics = read("metrics", include_str!("../../docs/metrics.schema.json"));
    (found.as_array().unwrap().clone(), metrics)
}

/// The rows of the CSV file, each with its cells by their columns.
fn rows(outcome: &Outcome) -> Vec<std::collections::HashMap<String, String>> {
    let path = outcome.workspace().join(outcome.output("deployments-csv"));
    let mut table = csv::Reader::from_path(path).unwrap();
    table.deserialize().map(Result::unwrap).collect()
}

#[test]
fn what_was_rolled_back_in_one_file_is_told_of_that_file() {
    let server = GitServer::start();
    let (web, api) = ("apps/web.yaml", "apps/api.yaml");
    let repository = server.repository_with("o/manifests", web, &manifest("v1"));
    let other = manifest("v1").replace("name: web", "name: api");
    repository.commit("main", api, other.as_str(), "feat: api");
    let operation = |operation: &str, file: &str| {
        Action::new()
            .input("operation", operation)
            .over(VIA, &repository)
            .input("file", file)
            .input("token", TOKEN)
    };
    operation("update", "apps/*.yaml")
        .input("image", "ghcr.io/o/web:v2")
        .run()
        .succeeded();
    let deployed = repository.tip("main");
    operation("rollback", web)
        .input("commit", &deployed)
        .run()
        .succeeded();
    let back = repository.tip("main");
    let outcome = history(&repository)
        .input("file", "apps/*.yaml")
        .run()
        .succeeded();
    let (found, metrics) = checked(&outcome);
    let (rollback, update) = (&found[0], &found[1]);
    assert_eq!(rollback["takes_back"], serde_json::json!([deployed]));
    assert_eq!(update["rolled_back_by"], Value::Null);
    assert_eq!(
        update["rolled_back"],
        serde_json::json!([{"file": web, "by": back, "all": true}])
    );
    let by = |file: &str| {
        let images = update["images"].as_array().unwrap();
        let image = images.iter().find(|image| image["file"] == file).unwrap();
        image["rolled_back_by"].clone()
    };
    assert_eq!((by(web), by(api)), (back.as_str().into(), Value::Null));
    for row in rows(&outcome) {
        let is_it = row["commit"] == deployed && row["file"] == web;
        let expected = if is_it { back.as_str() } else { "" };
        assert_eq!(row["rolled_back_by"], expected, "{row:?}");
    }

    // It failed, and is said to have failed in part; in the other file it did not.
    let failed = |measures: &Value| measures["change_failure_rate"].clone();
    let short = |id: &str| Value::from_iter([&id[..12]]);
    assert_eq!(failed(&metrics["all"])["commits"], short(&deployed));
    assert_eq!(failed(&metrics["all"])["in_part"], short(&deployed));
    let of_file = |file: &str| failed(&metrics["files"][file]);
    assert_eq!(
        (&of_file(web)["failed"], &of_file(api)["failed"]),
        (&1.into(), &0.into())
    );
    assert_eq!(of_file(web)["in_part"], serde_json::json!([]));

    let scrubbed = |text: &str| {
        let text = text.replace(&deployed[..7], "DEPLOYED");
        text.replace(&back[..7], "BACK")
    };
    let table = |outcome: &Outcome| {
        let (_, table) = outcome.summary.split_once("| Date |").unwrap();
        let lines = table.lines().skip(2).filter(|line| line.starts_with('|'));
        let cells = lines.map(|line| {
            line.split(" | ")
                .skip(3)
                .take(2)
                .collect::<Vec<_>>()
                .join(" | ")
        });
        scrubbed(&cells.collect::<Vec<_>>().join("\n"))
    };
    insta::assert_snapshot!(table(&outcome), @"
    rollback of `DEPLOYED` | `web`: `v2` → `v1` in `Deployment/web`
    update, rolled back in `web.yaml` by `BACK` | `web`: `v1` → `v2` in `Deployment/api`<br>`web`: `v1` → `v2` in `Deployment/web`, rolled back
    edit | `web`: `v1` (new) in `Deployment/api`
    edit | `web`: `v1` (new) in `Deployment/web`
    ");
    let heading = outcome.summary.lines().next().unwrap();
    assert!(heading.ends_with(", 1 rolled back in part"), "{heading}");
    assert!(
        scrubbed(&outcome.summary)
            .contains("- `DEPLOYED` was rolled back in part by `BACK` after ")
    );

    // The rest of it, by hand.
    repository.commit("main", api, other.as_str(), "fix: as it was");
    let rest = repository.tip("main");
    let outcome = history(&repository)
        .input("file", "apps/*.yaml")
        .run()
        .succeeded();
    let (found, metrics) = checked(&outcome);
    assert_eq!(found[2]["rolled_back_by"], rest);
    assert_eq!(
        found[2]["rolled_back"],
        serde_json::json!([{"file": api, "by": rest, "all": true}, {"file": web, "by": back, "all": true}])
    );
    assert_eq!(failed(&metrics["all"])["in_part"], serde_json::json!([]));
    let log = history(&repository)
        .input("file", "apps/*.yaml")
        .without_env("GITHUB_ACTIONS")
        .without_env("GITHUB_STEP_SUMMARY")
        .run()
        .succeeded();
    assert!(
        log.log()
            .contains(&format!("  update, rolled back by {}  ", &rest[..7])),
        "{}",
        log.log()
    );
}

#[test]
fn values_that_were_set_have_their_rows() {
    let server = GitServer::start();
    let manifest = manifest("v1").replace("spec:\n  template", "spec:\n  replicas: 2\n  template");
    let repository = server.repository_with("o/manifests", FILE, &manifest);
    let set = |value: &str| {
        Action::new()
            .over(VIA, &repository)
            .input("file", FILE)
            .input("token", TOKEN)
            .input("set", format!(".spec.replicas={value}"))
            .run()
            .succeeded()
    };
    set("3");
    set("5");
    let outcome = history(&repository).run().succeeded();
    let rows = rows(&outcome);
    let cells: Vec<[&str; 6]> = rows
        .iter()
        .map(|row| {
            ["kind", "file", "resource", "path", "old_value", "new_value"].map(|name| &*row[name])
        })
        .collect();
    assert_eq!(
        cells[..2],
        [
            ["update", FILE, "Deployment/web", ".spec.replicas", "3", "5"],
            ["update", FILE, "Deployment/web", ".spec.replicas", "2", "3"],
        ]
    );
    let last = rows.last().unwrap();
    assert_eq!((&*last["kind"], &*last["new_value"]), ("edit", "2"));
    let heading = outcome.summary.lines().next().unwrap();
    assert!(
        heading.starts_with("### 📜 `apps/web.yaml`: 2 deployments on "),
        "{heading}"
    );
}

#[test]
fn a_version_alone_is_told_with_its_name() {
    let server = GitServer::start();
    let values = |tag: &str| format!("web:\n  image:\n    tag: {tag}\n");
    let repository = server.repository_with("o/manifests", FILE, &values("v1"));
    Action::new()
        .over(VIA, &repository)
        .input("file", FILE)
        .input("token", TOKEN)
        .input("path", ".web.image.tag")
        .input("image", "ghcr.io/o/web-site:v2")
        .run()
        .succeeded();
    repository.commit("main", FILE, values("v3").as_str(), "feat: by hand");
    let outcome = history(&repository).run().succeeded();
    let (_, table) = outcome.summary.split_once("| Date |").unwrap();
    let cells = table
        .lines()
        .skip(2)
        .filter_map(|line| line.split(" | ").nth(4));
    insta::assert_snapshot!(cells.collect::<Vec<_>>().join("\n"), @"
    `web-site`: `v2` → `v3` in `web.yaml`
    `web-site`: `v1` → `v2` in `web.yaml`
    `web-site`: `v1` (new) in `web.yaml`
    ");
    assert!(
        outcome.summary.contains(" : web-site v2\n"),
        "{}",
        outcome.summary
    );
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
fn a_line_that_means_nothing_is_refused_beside_others() {
    let server = GitServer::start();
    let repository = server.repository_with("o/manifests", FILE, &manifest("v1"));
    repository.commit(
        "main",
        "apps/old.yaml",
        manifest("v1").as_str(),
        "feat: old",
    );
    repository.commit("main", "apps/old.yaml", Entry::Absent, "chore: away");
    for tag in ["v2", "v3"] {
        repository.commit("main", FILE, manifest(tag).as_str(), "feat: a newer one");
    }
    let asked = |files: &str| {
        history(&repository)
            .input("file", files)
            .input("limit", "1")
    };
    for wrong in ["apps/wbe.yaml", "aps/*.yaml"] {
        let outcome = asked(&format!("{FILE}\n{wrong}")).run();
        assert_eq!(outcome.code(), Some(1), "{}", outcome.log());
        let told = outcome.errors().concat();
        assert!(
            told.contains(wrong) && told.contains("Did you mean `apps/web.yaml`"),
            "{told}"
        );
    }
    // What is gone has a past all the same.
    let outcome = asked(&format!("{FILE}\napps/old.yaml")).run().succeeded();
    assert_eq!(subjects(&outcome), ["feat: a newer one"]);
}

#[test]
fn a_report_beyond_what_github_takes_says_what_it_leaves_out() {
    let server = GitServer::start();
    let repository = server.repository("o/manifests");
    // 300 images of some 500 bytes for each commit, of which a cell lists 50.
    let manifests = |tag: usize| {
        let long = "a-rather-long-name-of-a-service-".repeat(4);
        (0..300)
            .map(|number| {
                manifest(&format!("v{tag}")).replace("o/web", &format!("{long}/{number}")) + "---\n"
            })
            .collect::<String>()
    };
    for tag in 0..60 {
        repository.commit("main", FILE, manifests(tag).as_str(), "feat: all of them");
    }
    let outcome = history(&repository)
        .input("limit", "100")
        .input("timeout", "180")
        .run()
        .succeeded();
    assert!(outcome.summary.contains("<br>… and 250 more |"));
    assert!(outcome.summary.len() < 1 << 20, "{}", outcome.summary.len());
    let (_, left_out) = outcome.summary.rsplit_once("… and ").unwrap();
    let (left_out, _) = left_out.split_once(" rows more:").unwrap();
    let shown = outcome.summary.matches("feat: all of them").count();
    assert_eq!(shown + left_out.parse::<usize>().unwrap(), 60);

    assert!(outcome.output("deployments").len() <= 600 << 10);
    assert!(outcome.output("metrics").len() <= 200 << 10);
    let path = outcome.workspace().join(outcome.output("deployments-csv"));
    let mut table = csv::Reader::from_path(path).unwrap();
    assert_eq!(table.records().count(), 60 * 300);
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

/// The next commit of `main`, at a time; returns its id.
fn at(repository: &Repository, date: &str, message: &str, files: &[(&str, &str)]) -> String {
    let files = files
        .iter()
        .map(|(file, tag)| (*file, Entry::from(manifest(tag).as_str())));
    repository.commit_all("main", files, "x");
    let mut arguments = vec!["commit-tree", "main^{tree}", "-m", message];
    let parent = format!("{}^", repository.tip("main"));
    let has_parent = repository.log("main").len() > 1;
    if has_parent {
        arguments.extend(["-p", &parent]);
    }
    let output = std::process::Command::new("git")
        .args(arguments)
        .current_dir(repository.path())
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_AUTHOR_NAME", "A")
        .env("GIT_AUTHOR_EMAIL", "a@example.com")
        .env("GIT_COMMITTER_NAME", "C")
        .env("GIT_COMMITTER_EMAIL", "c@example.com")
        .env("GIT_AUTHOR_DATE", date)
        .env("GIT_COMMITTER_DATE", date)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let commit = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    repository.set_branch("main", &commit);
    commit
}

/// The message of a deployment, and when what it deploys was committed.
fn deployed(tag: &str, built: Option<&str>) -> String {
    let date = built.map(|built| format!("\nArgocd-reference-commit-date: {built}"));
    format!(
        "chore: deploy {tag}\n\nDeployed-Image: ghcr.io/o/web:{tag}\nArgocd-reference-commit-sha: abcde12{}",
        date.unwrap_or_default()
    )
}

#[test]
fn delivery_is_measured_by_what_commits_say() {
    let server = GitServer::start();
    let repository = server.repository("o/manifests");
    let api = "apps/api.yaml";
    let commit =
        |date: &str, message: &str, files: &[(&str, &str)]| at(&repository, date, message, files);
    commit(
        "2026-01-01T00:00:00Z",
        "import",
        &[(FILE, "v1"), (api, "v1")],
    );
    let v2 = deployed("v2", Some("2026-01-02T10:00:00Z"));
    let v2 = commit("2026-01-02T12:00:00Z", &v2, &[(FILE, "v2")]);
    let v3 = deployed("v3", Some("2026-01-03T17:00:00+09:00"));
    let v3 = commit("2026-01-03T12:00:00Z", &v3, &[(FILE, "v3"), (api, "v3")]);
    let back = format!("Revert it\n\nRolled-Back-Commit: {v3}\nWorkflow-Run: x");
    let back = commit("2026-01-03T12:30:00Z", &back, &[(FILE, "v2"), (api, "v1")]);
    // When it was built nobody says.
    let v4 = commit(
        "2026-01-05T12:00:00Z",
        &deployed("v4", None),
        &[(FILE, "v4")],
    );
    let v5 = commit("2026-01-06T12:00:00Z", "by hand", &[(FILE, "v5")]);
    // By a clock that is ahead.
    let v6 = deployed("v6", Some("2026-01-07T13:00:00Z"));
    let v6 = commit("2026-01-07T12:00:00Z", &v6, &[(FILE, "v6")]);

    let measured = |until: &str, limit: &str| {
        let outcome = history(&repository)
            .input("file", "apps/*.yaml")
            .input("since", "2026-01-01")
            .input("until", until)
            .input("limit", limit)
            .run()
            .succeeded();
        let metrics: Value = serde_json::from_str(outcome.output("metrics")).unwrap();
        let schema = serde_json::from_str(include_str!("../../docs/metrics.schema.json")).unwrap();
        let schema = jsonschema::validator_for(&schema).unwrap();
        let errors: Vec<String> = schema
            .iter_errors(&metrics)
            .map(|error| error.to_string())
            .collect();
        assert_eq!(errors, [""; 0], "{metrics:#}");
        (metrics, outcome)
    };
    let ids = |ids: &[&str]| {
        let ids = ids.iter().map(|id| Value::from(&id[..12]));
        Value::from_iter(ids)
    };
    let (metrics, outcome) = measured("2026-01-10", "50");
    let all = &metrics["all"];
    assert_eq!(metrics["from"], "2026-01-01T00:00:00+00:00");
    assert_eq!(metrics["to"], "2026-01-10T23:59:59+00:00");
    assert_eq!(all["deployments"]["count"], 5);
    assert_eq!(all["deployments"]["per_day"], 0.5);
    assert_eq!(
        all["deployments"]["commits"],
        ids(&[&v6, &v5, &v4, &v3, &v2])
    );
    let hours = |hours: i64| Value::from(hours * 3600);
    assert_eq!(all["lead_time"]["median_seconds"], hours(3));
    assert_eq!(all["lead_time"]["p90_seconds"], hours(4));
    assert_eq!(all["lead_time"]["commits"], ids(&[&v3, &v2]));
    assert_eq!(all["lead_time"]["unknown"], 3);
    assert_eq!(all["change_failure_rate"]["rate"], 0.2);
    assert_eq!(all["change_failure_rate"]["commits"], ids(&[&v3]));
    assert_eq!(all["time_to_restore"]["median_seconds"], 1800);
    let restored = &all["time_to_restore"]["restores"][0];
    assert_eq!(restored["deployment"], v3[..12]);
    assert_eq!(restored["restored_by"], back[..12]);
    assert_eq!(metrics["files"][FILE]["deployments"]["count"], 5);
    assert_eq!(metrics["files"][api]["deployments"]["count"], 1);
    assert_eq!(metrics["files"][api]["change_failure_rate"]["rate"], 1.0);
    let periods = metrics["periods"].as_array().unwrap();
    assert_eq!(periods.len(), 10);
    assert_eq!(periods[2]["name"], "2026-01-03");
    assert_eq!(periods[2]["deployments"]["commits"], ids(&[&v3]));
    assert_eq!(periods[3]["change_failure_rate"], Value::Null);
    let (_, delivery) = outcome.summary.split_once("#### ").unwrap();
    let (delivery, _) = delivery.split_once("\n| Date |").unwrap();
    let delivery = delivery.replace(&v3[..7], "v3").replace(&back[..7], "back");
    insta::assert_snapshot!(delivery.split("| 2026-01-10 |").next().unwrap(), @r"
    📈 Delivery from 2026-01-01 to 2026-01-10

    | File | Deployments | a day | Lead time, median | Lead time, 90 % | Rolled back | Time to restore, median |
    |---|---|---|---|---|---|---|
    | **all** | 5 | 0.50 | 3 h 0 min | 4 h 0 min | 1 of 5 (20 %) | 30 min |
    | `apps/api.yaml` | 1 | 0.10 | 4 h 0 min | 4 h 0 min | 1 of 1 (100 %) | 30 min |
    | `apps/web.yaml` | 5 | 0.50 | 3 h 0 min | 4 h 0 min | 1 of 5 (20 %) | 30 min |

    - `v3` was rolled back by `back` after 30 min

    The lead time of 3 of 5 is not known: their commits do not say when what they deploy was committed (`Argocd-reference-commit-date`).

    <details><summary>By time</summary>

    | When | Deployments | a day | Lead time, median | Lead time, 90 % | Rolled back | Time to restore, median |
    |---|---|---|---|---|---|---|
    ");

    // What happened after the period is known all the same; a part of a day counts as one.
    let (metrics, _) = measured("2026-01-03T12:15Z", "2");
    assert_eq!(metrics["from"], "2026-01-02T12:00:00+00:00");
    assert_eq!(metrics["all"]["change_failure_rate"]["rate"], 0.5);
    assert_eq!(metrics["all"]["time_to_restore"]["median_seconds"], 1800);

    // Nothing is known of nothing.
    let (metrics, outcome) = measured("2026-01-01", "50");
    assert_eq!(metrics["all"]["deployments"]["count"], 0);
    for measure in ["lead_time", "change_failure_rate", "time_to_restore"] {
        assert_eq!(metrics["all"][measure], Value::Null);
    }
    assert!(!outcome.summary.contains("Delivery"));
}

#[test]
fn what_a_commit_was_does_not_depend_on_how_many_are_asked_for() {
    let server = GitServer::start();
    // One back to what ran before; two in turn for ever; and some by hand, who are in capital letters.
    for (number, tags) in [
        "a b c . a",
        "a b a b a b a b a b a",
        "a b a b c b a c a b . c a b",
        "a B c B a B c A",
        "a b c A . b c A",
    ]
    .into_iter()
    .enumerate()
    {
        let repository = server.repository(&format!("o/manifests-{number}"));
        let each: Vec<&str> = tags.split(' ').collect();
        for (day, tag) in (1..).zip(&each) {
            let date = format!("2026-01-{day:02}T12:00:00Z");
            let lower = format!("sha-{}", tag.to_lowercase());
            let message = match tag.to_lowercase() == *tag {
                true => deployed(&lower, None),
                false => "by hand".to_owned(),
            };
            match *tag {
                "." => {
                    let text = repository.show("main", FILE);
                    let text = format!("{}# {day}\n", String::from_utf8(text).unwrap());
                    repository.commit("main", FILE, text.as_str(), "a comment");
                }
                _ => {
                    at(&repository, &date, &message, &[(FILE, &lower)]);
                }
            }
        }
        let told = |name: &str, value: &str| -> Vec<[String; 4]> {
            let outcome = history(&repository).input(name, value).run().succeeded();
            let shown = deployments(&outcome).into_iter().map(|one| {
                let of = |name: &str| one[name].to_string();
                ["commit", "kind", "takes_back", "rolled_back_by"].map(of)
            });
            shown.collect()
        };
        let all = told("limit", "50");
        assert_eq!(all.len(), each.len());
        for limit in 1..all.len() {
            assert_eq!(
                told("limit", &limit.to_string()),
                all[..limit],
                "{tags} {limit}"
            );
        }
        let since = told("since", "2026-01-03");
        assert!(!since.is_empty() && since.len() < all.len(), "{tags}");
        assert_eq!(since, all[..since.len()], "{tags}");
    }
}

#[test]
fn a_period_that_ends_before_it_begins_is_refused() {
    let server = GitServer::start();
    let repository = server.repository_with("o/manifests", FILE, &manifest("v1"));
    let outcome = history(&repository)
        .input("since", "today")
        .input("until", "2026-01-01T10:00Z")
        .run()
        .failed();
    let errors = outcome.errors().join("\n");
    assert!(
        errors.contains("is after `until` (2026-01-01 10:00:00 UTC): no commit lies between."),
        "{errors}"
    );
    let sentence = |name: &str, value: &str| {
        let outcome = history(&repository).input(name, value).run().succeeded();
        outcome.warnings().join("\n")
    };
    let by = sentence("author", "nobody");
    assert!(
        by.contains("touched apps/web.yaml by `nobody`. The newest"),
        "{by}"
    );
    let until = sentence("until", "2 years ago");
    assert!(
        until.contains("touched apps/web.yaml until 2 years ago. The newest"),
        "{until}"
    );
}

#[test]
fn outside_of_actions_the_log_has_the_table() {
    let server = GitServer::start();
    let repository = varied(&server);
    let outcome = history(&repository)
        .without_env("GITHUB_ACTIONS")
        .without_env("GITHUB_STEP_SUMMARY")
        .run()
        .succeeded();
    let log = outcome.log();
    assert!(
        log.contains("  rollback of ") && log.contains("  update, rolled back by "),
        "{log}"
    );
    assert!(
        log.contains("      web: v2 → v1 in Deployment/web"),
        "{log}"
    );
}

/// A reader of the first version finds what it knows, as it knows it.
#[test]
fn readers_of_older_versions_go_on_reading() {
    const FIRST: [&str; 10] = [
        "commit",
        "commit_url",
        "date",
        "author",
        "author_email",
        "subject",
        "kind",
        "reverts",
        "workflow_run",
        "images",
    ];
    let schema: Value =
        serde_json::from_str(include_str!("../../docs/deployments.schema.json")).unwrap();
    let required = schema["items"]["required"].as_array().unwrap();
    for key in FIRST {
        assert!(required.contains(&key.into()), "{key}");
    }
    let server = GitServer::start();
    let repository = varied(&server);
    for one in deployments(&history(&repository).run().succeeded()) {
        assert_eq!(one["version"], 4);
        for key in [
            "commit",
            "date",
            "author",
            "author_email",
            "subject",
            "kind",
        ] {
            assert!(one[key].is_string(), "{key}");
        }
        for key in ["commit_url", "reverts", "workflow_run"] {
            assert!(one[key].is_string() || one[key].is_null(), "{key}");
        }
        for image in one["images"].as_array().unwrap() {
            for key in ["container", "file", "new", "old", "resource"] {
                assert!(image.get(key).is_some(), "{key}");
            }
        }
    }
}

/// Of commits of one second, only their parents tell which came first, whatever order their ids have.
#[test]
fn what_a_merge_brought_is_not_what_both_sides_had_in_the_same_second() {
    for is_own_first in [true, false] {
        let server = GitServer::start();
        let repository = server.repository_with("o/manifests", FILE, &manifest("v1"));
        let commit = |branch: &str, from: &[&str], message: &str, tag: &str| {
            let text = manifest(tag);
            let first = format!("from {}\n", from[0]);
            let others = from[1..].iter().map(|other| format!("merge {other}\n"));
            let others: String = others.collect();
            let stream = format!(
                "commit refs/heads/{branch}\ncommitter A <a@example.com> 4000000000 +0000\ndata {}\n{message}\n\
                 {first}{others}M 100644 inline {FILE}\ndata {}\n{text}\n",
                message.len(),
                text.len()
            );
            repository.import_dated("raw", stream.as_bytes());
            repository.tip(branch)
        };
        let deployed = |tag: &str| format!("chore: {tag}\n\nDeployed-Image: ghcr.io/o/web:{tag}\n");
        let base = commit("base", &[&repository.tip("main")], &deployed("v2"), "v2");
        let theirs = commit("theirs", &[&base], &deployed("v3"), "v3");
        let own = (0..1000).find_map(|number| {
            let message = format!("docs: {number}");
            let own = commit(&format!("own-{number}"), &[&base], &message, "v2");
            let is_first = own > base && own > theirs;
            let is_last = own < base && own < theirs;
            (if is_own_first { is_first } else { is_last }).then_some(own)
        });
        let merge = commit("merge", &[&own.unwrap(), &theirs], "Merge it", "v3");
        repository.set_branch("main", &merge);
        let found = deployments(&history(&repository).run().succeeded());
        assert_eq!(found[0]["commit"], merge);
        assert_eq!(
            found[0]["merged"],
            serde_json::json!([theirs]),
            "{is_own_first}"
        );
    }
}

/// 1,400 commits, of which one in 150 touches the file: on the branch, under its older names, or by a merge
/// of ten. All are of one second, which does not depend on the clock: commits of one second are walked by their ids, and
/// what a step brings with it.
fn long(server: &GitServer) -> Repository {
    let repository = server.repository("o/manifests");
    let mut stream = String::new();
    let mut mark = 0;
    let mut name = "old/web.yaml";
    let mut commit = |branch: &str, from: &[usize], subject: &str, change: String| {
        mark += 1;
        let (first, merged) = (from.first(), from.get(1));
        let first = first.map_or_else(String::new, |from| format!("from :{from}\n"));
        let merged = merged.map_or_else(String::new, |from| format!("merge :{from}\n"));
        stream.push_str(&format!(
            "commit refs/heads/{branch}\nmark :{mark}\ncommitter C <c@example.com> 1767225600 +0000\n\
             data {}\n{subject}\n{first}{merged}{change}\n",
            subject.len() + 1,
        ));
        mark
    };
    let file =
        |path: &str, text: &str| format!("M 100644 inline {path}\ndata {}\n{text}\n", text.len());
    let mut tip = commit("main", &[], "feat: web", file(name, &manifest("v0")));
    for number in 1..1_260 {
        let notes = file(&format!("notes/{}", number % 7), &number.to_string());
        let tag = format!("v{number}");
        tip = match number {
            number if number % 450 == 0 => {
                let renamed = ["apps/web.yaml", "newer/web.yaml"][number / 450 % 2];
                let change = format!("R {name} {renamed}\n");
                name = renamed;
                commit("main", &[tip], "refactor: its folder", change)
            }
            number if number % 150 == 0 => {
                let mut side = tip;
                for part in 0..10 {
                    let change = file(&format!("side/{part}"), &tag);
                    side = commit("side", &[side], &format!("docs: part {part}"), change);
                }
                let deployed = format!("chore: web {tag}\n\nDeployed-Image: ghcr.io/o/web:{tag}");
                side = commit("side", &[side], &deployed, file(name, &manifest(&tag)));
                let change = file(name, &manifest(&tag));
                commit("main", &[tip, side], "Merge the side", change)
            }
            _ => commit("main", &[tip], "docs: more", notes),
        };
    }
    commit(
        "main",
        &[tip],
        "feat: the last",
        file(name, &manifest("last")),
    );
    assert_eq!(name, FILE);
    repository.import_dated("raw", stream.as_bytes());
    repository
}

#[test]
fn a_long_past_comes_in_steps_and_is_the_same_as_on_the_servers_own_disk() {
    let server = GitServer::start();
    let repository = long(&server);
    // Links to commits are there on a server alone.
    let table = |action: Action| -> Vec<Vec<String>> {
        let outcome = action.run().succeeded();
        let path = outcome.workspace().join(outcome.output("deployments-csv"));
        let mut table = csv::Reader::from_path(path).unwrap();
        let columns = table.headers().unwrap().clone();
        let rows = table.records().map(|row| {
            let row = row.unwrap();
            let cells = columns
                .iter()
                .zip(&row)
                .filter(|(name, _)| *name != "commit_url");
            cells.map(|(_, cell)| cell.to_owned()).collect()
        });
        rows.collect()
    };
    let there = format!("file://{}", repository.path().display());
    let mut sent = Vec::new();
    // The newest are in the first hundred commits, others in the thousand, the oldest beyond. Of the first the files
    // are fetched once; of the second once more, for what those before them tell that came along. A thousand are in no
    // step of as many.
    for (limit, rows, fetches) in [(1, 1, 2), (4, 4, 4), (100, 10, 4), (1_000, 10, 2)] {
        server.reset_log();
        let asked = || history(&repository).input("limit", limit.to_string());
        let over_http = table(asked().input("transport", "git"));
        let steps = server.requests();
        let is = |step| steps.iter().filter(|own| own.step == Some(step)).count();
        assert_eq!(
            (is(Step::FetchRefs), is(Step::Fetch)),
            (1, fetches),
            "{limit}"
        );
        sent.push(server.traffic().sent);
        let here = table(asked().input("repository", &there));
        assert_eq!(over_http, here, "{limit}");
        let commits: std::collections::HashSet<_> = over_http.iter().map(|row| &row[1]).collect();
        assert_eq!(commits.len(), rows, "{over_http:#?}");
    }
    assert!(sent[0] * 4 < sent[1] && sent[1] < sent[2], "{sent:?}");
}

#[test]
fn objects_of_one_name_are_told_apart_by_their_files() {
    let server = GitServer::start();
    let entry = |tag: &str| format!("images:\n- name: web\n  newTag: {tag}\n");
    let files = ["dev/kustomization.yaml", "prod/kustomization.yaml"];
    let repository = server.repository_with("o/manifests", files[0], &entry("v1"));
    repository.commit("main", files[1], entry("v1").as_str(), "feat: prod");
    repository.commit("main", files[1], entry("v2").as_str(), "feat: v2");
    repository.commit("main", "dev/web.yaml", manifest("v1").as_str(), "feat: dev");
    repository.commit("main", "prod/web.yaml", manifest("v2").as_str(), "feat: it");
    let outcome = history(&repository)
        .input("file", "*/*.yaml")
        .run()
        .succeeded();
    let (_, table) = outcome.summary.split_once("| Date |").unwrap();
    let cells = table.lines().skip(2);
    let cells = cells.filter_map(|line| line.split(" | ").nth(4));
    insta::assert_snapshot!(cells.collect::<Vec<_>>().join("\n"), @"
    `web`: `v2` (new) in `Deployment/web` of `prod/web.yaml`
    `web`: `v1` (new) in `Deployment/web` of `dev/web.yaml`
    `web`: `v1` → `v2` in `prod/kustomization.yaml`
    `web`: `v1` (new) in `prod/kustomization.yaml`
    `web`: `v1` (new) in `dev/kustomization.yaml`
    ");
}
