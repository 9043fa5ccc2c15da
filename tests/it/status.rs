//! `operation: status`: what runs where, as Git has it.

use serde_json::Value;

use super::VIA;
use crate::support::{Action, GitServer, Outcome, Repository, Step, TOKEN, Via, as_over_any};

const HOUR: i64 = 3600;

fn values(app: &str, tag: &str) -> String {
    format!("image:\n  repository: ghcr.io/acme/{app}\n  tag: {tag}\n")
}

fn path(stage: &str, app: &str) -> String {
    format!("envs/{stage}/{app}/values.yaml")
}

fn status(repository: &Repository, file: &str) -> Action {
    Action::new()
        .over(VIA, repository)
        .input("operation", "status")
        .input("file", file)
        .input("token", TOKEN)
}

/// The entries of `matrix`, which is in its schema.
fn matrix(outcome: &Outcome) -> Vec<Value> {
    let matrix: Value = serde_json::from_str(outcome.output("matrix")).unwrap();
    let schema = serde_json::from_str(include_str!("../../docs/matrix.schema.json")).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let errors = schema.iter_errors(&matrix);
    let errors: Vec<String> = errors.map(|error| error.to_string()).collect();
    assert_eq!(errors, [""; 0], "{matrix:#}");
    matrix["include"].as_array().unwrap().clone()
}

/// A stage and an app at a version, some hours ago.
struct At(i64, &'static str, &'static str, &'static str);

fn history(repository: &Repository, commits: &[At]) {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = i64::try_from(now.unwrap().as_secs()).unwrap();
    for At(hours, stage, app, tag) in commits {
        let (path, text) = (path(stage, app), values(app, tag));
        // A test takes some seconds.
        repository.commit_at(now - hours * HOUR - 60, "main", &[(&path, &text)]);
    }
}

/// Without what differs from run to run, and from one transport to the other.
fn scrubbed(repository: &Repository, text: &str) -> String {
    let mut text = as_over_any(repository, text);
    for (number, commit) in repository.log("main").iter().rev().enumerate() {
        text = text
            .replace(&commit.id, &format!("COMMIT-{number}"))
            .replace(&commit.id[..7], &format!("commit-{number}"));
    }
    text
}

/// `staging web v2: 0 behind`, for each image.
fn told(outcome: &Outcome) -> Vec<String> {
    let entries = matrix(outcome);
    let told = entries.iter().map(|entry| {
        let text = |key: &str| entry[key].as_str().unwrap_or("?").to_owned();
        let behind = match (&entry["behind"], &entry["behind_stage"]) {
            (Value::Null, _) => "not known".to_owned(),
            (behind, Value::String(stage)) => format!("{behind} behind {stage}"),
            (behind, _) => format!("{behind} behind"),
        };
        let parts = [text("stage"), text("name"), text("tag")];
        format!("{}: {behind}", parts.join(" "))
    });
    told.collect()
}

/// What is put over an image in its own file is what runs.
#[test]
fn what_is_put_over_an_image_is_what_is_listed() {
    let server = GitServer::start();
    let repository = server.repository("acme/manifests");
    let digest = format!("sha256:{}", "c".repeat(64));
    let application = |over: &str| {
        format!(
            "kind: Application\nmetadata: {{name: web}}\nspec:\n  source:\n    helm:\n      values: |\n        image:\n          repository: ghcr.io/acme/web\n          tag: v1\n      parameters:\n      - {{name: image.{over}}}\n"
        )
    };
    let path = |stage: &str| format!("envs/{stage}/web.yaml");
    let (staging, production) = (path("staging"), path("production"));
    let files = [
        (staging.as_str(), application("tag, value: v2")),
        (
            production.as_str(),
            application(&format!("digest, value: \"{digest}\"")),
        ),
    ];
    let files = files.each_ref().map(|(path, text)| (*path, text.as_str()));
    repository.commit_at(1_700_000_000, "main", &files);
    let later = application("tag, value: v3");
    repository.commit_at(1_700_000_100, "main", &[(&staging, &later)]);
    let outcome = status(&repository, "envs/{stage}/web.yaml")
        .run()
        .succeeded();
    let entries = matrix(&outcome);
    let told: Vec<String> = entries
        .iter()
        .map(|entry| {
            format!(
                "{} {}",
                entry["stage"].as_str().unwrap(),
                entry["image"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            format!("production ghcr.io/acme/web@{digest}"),
            "staging ghcr.io/acme/web:v3".to_owned(),
        ]
    );
    let commit = entries[1]["commit"].as_str().unwrap();
    assert_eq!(commit, repository.tip("main"));
}

#[test]
fn what_runs_where_is_a_table() {
    let server = GitServer::start();
    let repository = server.repository("acme/manifests");
    history(
        &repository,
        &[
            At(240, "production", "api", "v1"),
            At(240, "production", "web", "v1"),
            At(240, "staging", "api", "v1"),
            At(240, "staging", "web", "v1"),
            At(72, "staging", "web", "v2"),
            At(48, "staging", "web", "v3"),
            At(24, "production", "web", "v2"),
            At(5, "staging", "web", "v4"),
        ],
    );
    server.reset_log();
    let outcome = status(&repository, "envs/{stage}/{app}/values.yaml")
        .run()
        .succeeded();
    assert_eq!(server.count(Step::Push), 0);
    insta::assert_snapshot!(scrubbed(&repository, &outcome.shown_log()), @"
    gitops-deploy VERSION: status in REPOSITORY
    Reading envs/{stage}/{app}/values.yaml in REPOSITORY
    4 images in 2 stages, 1 behind another stage on main of REPOSITORY, at commit-7.
    ::group::What runs where
    api  production  v1  for 10 d
    api  staging     v1  for 10 d
    web  production  v2  for 24 h  2 behind staging
    web  staging     v4  for 5 h
    ::endgroup::
    ");
    insta::assert_snapshot!(scrubbed(&repository, &outcome.summary), @"
    ### 🗺️ 4 images in 2 stages, 1 behind another stage

    As Git has it on `main` of `REPOSITORY`, at [`commit-7`](REPOSITORY/commit/COMMIT-7). Whether a cluster runs it, `operation: verify` tells.

    | Image | `production` | `staging` |
    |---|---|---|
    | `api` | `v1` for 10 d ([`commit-0`](REPOSITORY/commit/COMMIT-0)) | `v1` for 10 d ([`commit-2`](REPOSITORY/commit/COMMIT-2)) |
    | `web` | `v2` for 24 h ([`commit-6`](REPOSITORY/commit/COMMIT-6)), **2 behind** `staging` | `v4` for 5 h ([`commit-7`](REPOSITORY/commit/COMMIT-7)) |
    ");
    let entries = matrix(&outcome);
    let web = &entries[1];
    assert_eq!(web["file"], path("production", "web"));
    assert_eq!(web["names"]["app"], "web");
    assert_eq!(web["image"], "ghcr.io/acme/web:v2");
    assert_eq!(web["behind"], 2);
    assert_eq!(web["kind"], "edit");
    assert!((24 * HOUR..25 * HOUR).contains(&web["age_seconds"].as_i64().unwrap()));
    assert_eq!(web["commit"], repository.log("main")[1].id);
    assert_eq!(outcome.output("commit-sha"), repository.tip("main"));
    assert_eq!(outcome.output("changed"), "false");
}

#[test]
fn named_files_take_one_request() {
    let server = GitServer::start();
    let repository = server.repository("acme/manifests");
    history(
        &repository,
        &[
            At(9, "production", "web", "v1"),
            At(9, "staging", "web", "v1"),
            At(8, "staging", "web", "v2"),
        ],
    );
    server.reset_log();
    let file = format!("{}\n{}", path("production", "web"), path("staging", "web"));
    let outcome = status(&repository, &file).run().succeeded();
    let expected = [
        "production web v1: 1 behind staging",
        "staging web v2: 0 behind",
    ];
    assert_eq!(told(&outcome), expected);
    if VIA == Via::Api {
        assert_eq!(server.requests().len(), 1, "{:#?}", server.requests());
    }
    // Whichever way it is read.
    let globs = status(&repository, "envs/*/web/values.yaml")
        .run()
        .succeeded();
    assert_eq!(told(&globs), expected);
    assert_eq!(matrix(&globs)[1]["since"], matrix(&outcome)[1]["since"]);
}

#[test]
fn what_was_rolled_back_is_nothing_to_be_behind_of() {
    let server = GitServer::start();
    let repository = server.repository("acme/manifests");
    history(
        &repository,
        &[
            At(9, "production", "web", "v1"),
            At(9, "staging", "web", "v1"),
        ],
    );
    let own = |operation: &str, stage: &str, tag: &str| {
        let action = Action::new()
            .over(VIA, &repository)
            .input("operation", operation)
            .input("file", path(stage, "web"))
            .input("token", TOKEN);
        let action = match tag {
            "" => action,
            tag => action.input("image", format!("ghcr.io/acme/web:{tag}")),
        };
        action.run().succeeded();
    };
    let told = || {
        let outcome = status(&repository, "envs/{stage}/{app}/values.yaml")
            .run()
            .succeeded();
        told(&outcome)
    };
    own("update", "staging", "v2");
    own("rollback", "staging", "");
    assert_eq!(
        told(),
        ["production web v1: 0 behind", "staging web v1: 0 behind"]
    );
    own("update", "staging", "v3");
    assert_eq!(
        told(),
        [
            "production web v1: 1 behind staging",
            "staging web v3: 0 behind"
        ]
    );
    own("update", "production", "v9");
    assert_eq!(
        told(),
        ["production web v9: not known", "staging web v3: not known"]
    );
}

#[test]
fn a_tag_alone_is_compared_by_its_place() {
    let server = GitServer::start();
    let repository = server.repository("acme/manifests");
    let tags = |web: &str| format!("api:\n  image:\n    tag: v5\nweb:\n  image:\n    tag: {web}\n");
    let (old, new) = (tags("v1"), tags("v2"));
    let [production, staging] = ["production", "staging"].map(|stage| path(stage, "shop"));
    repository.commit_at(
        1_780_000_000,
        "main",
        &[(&production, &old), (&staging, &old)],
    );
    repository.commit_at(1_780_000_100, "main", &[(&staging, &new)]);
    let outcome = status(&repository, "envs/{stage}/{app}/values.yaml")
        .run()
        .succeeded();
    assert_eq!(
        told(&outcome),
        [
            "production shop v5: 0 behind",
            "production shop v1: 1 behind staging",
            "staging shop v5: 0 behind",
            "staging shop v2: 0 behind"
        ]
    );
}

#[test]
fn a_path_that_names_no_stage_says_so() {
    let server = GitServer::start();
    let repository = server.repository_with(
        "acme/manifests",
        &path("staging", "web"),
        &values("web", "v2"),
    );
    repository.commit(
        "main",
        &path("production", "web"),
        values("web", "v1").as_str(),
        "chore: v1",
    );
    let warned = |file: &str| {
        let outcome = status(&repository, file).run().succeeded();
        outcome.warnings().join("\n")
    };
    insta::assert_snapshot!(warned("envs/{stge}/{app}/values.yaml"), @"
    `file` has no `{stage}`, so all of it is one stage, `main`: write `{stage}` for the part of the path that is the stage, in place of `{stge}`
    ");
    insta::assert_snapshot!(warned("envs/{env}/{app}/values.yaml"), @"
    `file` has no `{stage}`, so all of it is one stage, `main`: write `{stage}` for the part of the path that is the stage
    ");
    for fine in [
        "envs/{stage}/{app}/values.yaml",
        "envs/staging/{app}/values.yaml\nenvs/production/{app}/values.yaml",
        "envs/**/values.yaml",
    ] {
        assert_eq!(warned(fine), "", "{fine}");
    }
}

#[test]
fn what_can_not_be_told_is_an_error() {
    let server = GitServer::start();
    let repository = server.repository_with("acme/manifests", "notes.yaml", "a: b\n");
    let failed = |file: &str| status(&repository, file).run().failed().errors().join("\n");
    let told = [
        failed(""),
        failed("envs/{stage}/{app}-{region}.yaml"),
        failed("notes.yaml"),
        failed("envs/{stage}.yaml"),
    ];
    insta::assert_snapshot!(scrubbed(&repository, &told.join("\n\n")), @"
    `file`: required: the manifests of all stages, such as `envs/{stage}/{app}/values.yaml`
    Nothing was changed.

    `file` `envs/{stage}/{app}-{region}.yaml`: `{app}-{region}.yaml` has `{app}` beside another name or a wildcard, so what it stands for is not clear: keep one between two slashes
    Nothing was changed.

    No file of notes.yaml holds an image, on main of REPOSITORY.
    Check `file`: it names the manifests of all stages, such as `envs/{stage}/{app}/values.yaml`.

    `envs/{stage}.yaml` matches no file on `main` at commit-0 in REPOSITORY. Nothing was changed.
    Check `file`: `*` and `?` stay within a directory, `**` crosses directories. Did you mean `notes.yaml`?
    ");
}
