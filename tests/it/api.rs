//! What only GitHub's API has: commits that GitHub signs, authors, texts that are not the file, trees
//! too large for one answer, rate limits. What holds for both transports runs over it in `over_the_api`.

use std::time::{Duration, SystemTime};

use gitops_deploy::repository::{ObjectId, ObjectKind};
use serde_json::{Value as Json, json};

use crate::support::{
    Action, Entry, Fault, GitServer, Outcome, Repository, Rights, Step, TOKEN, Via,
};

const FILE: &str = "web.yaml";
const MANIFEST: &str =
    "kind: Deployment\nspec:\n  containers:\n  - name: web\n    image: acme/web:v1\n";

const CREATE: Step = Step::Mutation("createCommitOnBranch");
const MOVE: Step = Step::Mutation("updateRefs");

fn start() -> (GitServer, Repository) {
    let server = GitServer::start();
    let repository = server.repository_with("acme/deploy", FILE, MANIFEST);
    (server, repository)
}

fn update(repository: &Repository) -> Action {
    Action::new()
        .over(Via::Api, repository)
        .input("file", FILE)
        .input("image", "acme/web:v2")
        .input("token", TOKEN)
        .input("timeout", "60")
}

/// The same by an author of one's own, which `createCommitOnBranch` can't say.
fn update_as_jimin(repository: &Repository) -> Action {
    update(repository)
        .input("author-name", "Jimin")
        .input("author-email", "jimin@example.com")
}

fn steps(server: &GitServer) -> Vec<Step> {
    let requests = server.requests();
    requests.iter().filter_map(|request| request.step).collect()
}

/// One commit landed, and is what was reported.
fn landed(repository: &Repository, outcome: &Outcome) {
    repository.fsck();
    let tip = repository.tip("main");
    assert_eq!(outcome.output("commit-sha"), tip);
    assert_eq!(outcome.output("changed"), "true");
    let log = repository.log("main");
    let ours = log
        .iter()
        .filter(|commit| commit.message.contains("Deployed-Image: acme/web:v2"));
    assert_eq!(ours.count(), 1, "{log:#?}");
}

/// The error of a failed run that left Git as it was, without the server's port.
fn failure(repository: &Repository, action: Action) -> String {
    let before = repository.git(&["for-each-ref"]);
    let outcome = action.run().failed();
    assert_eq!(repository.git(&["for-each-ref"]), before);
    let [error] = &outcome.errors()[..] else {
        panic!("one error, please:\n{}", outcome.log())
    };
    let host = repository.server_url().trim_start_matches("http://");
    let tip = before.split_once(' ').map_or(TOKEN, |(tip, _)| &tip[..7]);
    error.replace(host, "HOST").replace(tip, "COMMIT")
}

#[test]
fn an_author_of_ones_own_is_built_over_rest() {
    let (server, repository) = start();
    let outcome = update_as_jimin(&repository).run().succeeded();
    landed(&repository, &outcome);
    let commit = &repository.log("main")[0];
    let jimin = "Jimin <jimin@example.com>";
    assert_eq!(
        (commit.author.as_str(), commit.committer.as_str()),
        (jimin, jimin)
    );
    assert!(
        outcome.summary.contains("It is not signed."),
        "{}",
        outcome.summary
    );
    assert_eq!(
        steps(&server),
        [
            Step::Query,
            Step::Rest("POST git/trees"),
            Step::Rest("POST git/commits"),
            MOVE
        ]
    );
    assert_eq!(server.traffic().connections, 1);
}

#[test]
fn the_workflows_own_token_commits_as_the_bot() {
    let (server, repository) = start();
    server.grant("ghs_own", Rights::ReadWrite);
    update(&repository)
        .input("token", "ghs_own")
        .run()
        .succeeded();
    let bot = "github-actions[bot] <41898282+github-actions[bot]@users.noreply.github.com>";
    assert_eq!(repository.log("main")[0].author, bot);
}

#[test]
fn git_can_be_spoken_on_github_too() {
    let (server, repository) = start();
    let outcome = update(&repository)
        .input("transport", "git")
        .run()
        .succeeded();
    landed(&repository, &outcome);
    assert_eq!(server.count(Step::Query), 0);
    let why = " through git (`transport` is `git`)\n";
    assert!(outcome.stdout.contains(why), "{}", outcome.stdout);
}

#[test]
fn the_api_is_not_forced_on_a_server_that_has_none() {
    let (server, repository) = start();
    let action = update(&repository)
        .input("repository", "https://gitlab.example/acme/deploy")
        .input("transport", "api");
    insta::assert_snapshot!(failure(&repository, action), @"
    `transport` `api`: the repository is not on the server that `server-url` names
    `token`: a token of GitHub's, which must not be sent to gitlab.example: give a token of that server (left out, `token` is the workflow's own GITHUB_TOKEN)
    Nothing was changed.
    ");
    let action = update(&repository)
        .input("transport", "ssh")
        .input("token", "tökén");
    insta::assert_snapshot!(failure(&repository, action), @"
    `transport` `ssh`: expected `auto`, `api` or `git`
    `token`: a character that no token has: the secret was not pasted as it is
    Nothing was changed.
    ");
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn a_file_is_its_bytes_whatever_text_github_makes_of_it() {
    let (server, repository) = start();
    let filler = "# é filler, so that the text is cut\r\n".repeat(20_000);
    for (content, raw) in [
        (format!("{MANIFEST}{filler}"), 1),
        (format!("\u{feff}{}", MANIFEST.replace('\n', "\r\n")), 1),
        (MANIFEST.replace('\n', "\r\n"), 0),
        (format!("# ünï code 🚀\n{MANIFEST}"), 0),
    ] {
        repository.commit("main", FILE, content.as_str(), "chore: another file");
        server.reset_log();
        update(&repository).run().succeeded();
        let expected = content.replace("web:v1", "web:v2");
        assert!(repository.show("main", FILE) == expected.as_bytes());
        assert_eq!(server.count(Step::Rest("GET git/blobs")), raw);
    }
}

#[test]
fn a_file_that_is_too_large_is_not_asked_for() {
    let (server, repository) = start();
    let large = "a".repeat(25 << 20);
    repository.commit("main", FILE, large.as_str(), "chore: too large");
    let text = failure(&repository, update(&repository));
    insta::assert_snapshot!(text, @"
    `web.yaml` is too large to be edited (26214400 bytes; the limit is 25165824) on `main` at COMMIT in acme/deploy. Nothing was changed.
    Check `file`: is that a manifest?
    ");
    assert_eq!(server.count(Step::Rest("GET git/blobs")), 0);
}

#[test]
fn globs_are_matched_in_a_tree_of_any_size() {
    for limit in [100_000, 5] {
        let (server, repository) = start();
        let paths: Vec<String> = (0..120)
            .map(|n| format!("apps/{:02}/{n}/web.yaml", n % 7))
            .collect();
        let entries = paths
            .iter()
            .map(|path| (path.as_str(), Entry::from(MANIFEST)));
        repository.commit_all("main", entries, "chore: apps");
        repository.commit(
            "main",
            "apps/run.sh",
            Entry::Executable(b"ls\n".to_vec()),
            "chore: sh",
        );
        repository.commit(
            "main",
            "apps/link.yaml",
            Entry::Symlink(FILE.into()),
            "chore: link",
        );
        server.github().limit_tree(limit);
        server.reset_log();
        let outcome = update(&repository)
            .input("file", "web.yaml\napps/**/*.yaml\n!apps/00/**")
            .run()
            .succeeded();
        landed(&repository, &outcome);
        let changed = repository.git(&["show", "--format=", "--name-only", "main"]);
        let mut expected: Vec<&str> = paths.iter().map(String::as_str).collect();
        expected.retain(|path| !path.starts_with("apps/00/"));
        expected.push(FILE);
        expected.sort_unstable();
        assert_eq!(changed.lines().collect::<Vec<_>>(), expected);
        // The tip and the named file; the 102 files that the glob matches, which are all alike.
        assert_eq!(server.count(Step::Query), 1 + 3);
        assert_eq!(server.count(CREATE), 1);
    }
}

#[test]
fn many_named_files_are_read_at_one_commit() {
    let (server, repository) = start();
    let paths: Vec<String> = (0..120).map(|n| format!("apps/{n}/web.yaml")).collect();
    let entries = paths
        .iter()
        .map(|path| (path.as_str(), Entry::from(MANIFEST)));
    repository.commit_all("main", entries, "chore: apps");
    let other = repository.clone();
    // The branch moves between two queries: the files are those of the first one's commit.
    server.before(Step::Query.nth(2), move || {
        let theirs = MANIFEST.replace("name: web", "name: www");
        other.commit(
            "main",
            "apps/119/web.yaml",
            theirs.as_str(),
            "chore: theirs",
        );
    });
    let outcome = update(&repository)
        .input("file", paths.join("\n"))
        .run()
        .succeeded();
    landed(&repository, &outcome);
    assert_eq!(
        (server.count(Step::Query), server.count(CREATE)),
        (3 + 3, 2)
    );
    let theirs = String::from_utf8(repository.show("main", "apps/119/web.yaml")).unwrap();
    assert!(
        theirs.contains("name: www") && theirs.contains("web:v2"),
        "{theirs}"
    );
}

#[test]
fn a_glob_keeps_an_executable_file_executable() {
    let (_server, repository) = start();
    let executable = Entry::Executable(MANIFEST.into());
    repository.commit("main", "apps/web.yaml", executable, "chore: odd");
    let outcome = update(&repository)
        .input("file", "apps/*.yaml")
        .run()
        .succeeded();
    landed(&repository, &outcome);
    let entry = repository.git(&["ls-tree", "main", "apps/web.yaml"]);
    assert!(entry.starts_with("100755 "), "{entry}");
}

/// A rollback writes on what came with the history over git, where nothing but the commit is GitHub's.
#[test]
fn a_rollback_keeps_modes_and_names_its_author_and_finds_a_renamed_repository() {
    let start = |former: Entry, newer: Entry| {
        let (server, repository) = start();
        repository.commit("main", "apps/web.yaml", former, "feat: web");
        repository.commit("main", "apps/web.yaml", newer, "chore: v2");
        server.reset_log();
        (server, repository)
    };
    let rollback = |repository: &Repository| {
        Action::new()
            .over(Via::Api, repository)
            .input("operation", "rollback")
            .input("file", "apps/web.yaml")
            .input("token", TOKEN)
    };
    let newer = MANIFEST.replace(":v1", ":v2");
    let is_back = |repository: &Repository, mode: &str| {
        assert_eq!(
            repository.show("main", "apps/web.yaml"),
            MANIFEST.as_bytes()
        );
        let entry = repository.git(&["ls-tree", "main", "apps/web.yaml"]);
        assert!(entry.starts_with(mode), "{entry}");
        repository.fsck();
    };

    let executable = |text: &str| Entry::Executable(text.into());
    let (server, repository) = start(executable(MANIFEST), executable(&newer));
    rollback(&repository).run().succeeded();
    is_back(&repository, "100755 ");
    // The repository's id.
    assert_eq!((server.count(Step::Query), server.count(MOVE)), (1, 1));

    let plain = || start(Entry::from(MANIFEST), Entry::from(newer.as_str()));
    let (server, repository) = plain();
    rollback(&repository)
        .input("author-name", "Jimin")
        .input("author-email", "jimin@example.com")
        .run()
        .succeeded();
    is_back(&repository, "100644 ");
    assert_eq!(
        repository.log("main")[0].author,
        "Jimin <jimin@example.com>"
    );
    assert_eq!(server.count(MOVE), 1);

    // Changes take no former name.
    let (server, repository) = plain();
    server.github().rename("former/name", "acme/deploy");
    server.fault(
        Step::FetchRefs.every().to("former/name"),
        Fault::Redirect(repository.url().to_owned()),
    );
    rollback(&repository)
        .input("repository", "former/name")
        .run()
        .succeeded();
    is_back(&repository, "100644 ");
    assert_eq!((server.count(Step::Query), server.count(CREATE)), (1, 1));

    // What the branch has got since is not overwritten.
    let (server, repository) = plain();
    let other = repository.clone();
    let theirs = format!("{newer}# by hand\n");
    let text = theirs.clone();
    server.before(CREATE.nth(1), move || {
        other.commit("main", "apps/web.yaml", text.as_str(), "fix: by hand");
    });
    rollback(&repository).run().succeeded();
    assert_eq!(
        repository.show("main", "apps/web.yaml"),
        theirs.replace(":v2", ":v1").as_bytes()
    );
    assert_eq!((server.count(Step::Query), server.count(CREATE)), (1, 2));
}

#[test]
fn a_branch_that_is_built_over_rest_moves_from_its_base_only() {
    let (server, repository) = start();
    let first = repository.tip("main");
    repository.commit("main", "secret.txt", "oops\n", "chore: oops");
    let (other, rewound) = (repository.clone(), first.clone());
    server.before(MOVE.nth(1), move || other.set_branch("main", &rewound));
    let outcome = update_as_jimin(&repository).run().succeeded();
    landed(&repository, &outcome);
    assert_eq!(repository.log("main")[0].parents, [first]);
    assert_eq!(server.count(MOVE), 2);

    let (server, repository) = start();
    repository.set_branch("prod", &repository.tip("main"));
    let other = repository.clone();
    server.before(MOVE.nth(1), move || other.delete_branch("prod"));
    let outcome = update_as_jimin(&repository)
        .input("branch", "prod")
        .run()
        .failed();
    assert_eq!(repository.try_tip("prod"), None);
    let error = &outcome.errors()[0];
    assert!(error.contains("no branch `prod`"), "{error}");
}

#[test]
fn a_commit_that_is_built_over_rest_lands_once() {
    let steps = [
        Step::Rest("POST git/trees"),
        Step::Rest("POST git/commits"),
        MOVE,
    ];
    let faults = [
        Fault::Reset,
        Fault::status(502),
        Fault::StatusAfter(502),
        Fault::retry_after(403, 1),
        Fault::DropAnswer,
        Fault::Truncate(10),
    ];
    std::thread::scope(|scope| {
        for step in steps {
            let faults = faults.clone();
            scope.spawn(move || {
                for fault in faults {
                    let (server, repository) = start();
                    server.fault(step.nth(1), fault);
                    let outcome = update_as_jimin(&repository).run().succeeded();
                    landed(&repository, &outcome);
                }
            });
        }
    });
}

#[test]
fn a_rule_refuses_a_commit_that_is_built_over_rest() {
    let (server, repository) = start();
    repository.hook(
        "pre-receive",
        "echo 'Changes must be made through a pull request.' >&2; exit 1",
    );
    let text = failure(&repository, update_as_jimin(&repository));
    insta::assert_snapshot!(text, @"
    acme/deploy declined the push: Changes must be made through a pull request. Nothing was changed.
    A rule of the repository forbids it, and would again. Set `pull-request: true`, so that the change is proposed and not pushed. Or let the token's account bypass the rule (branch protection or ruleset; GITHUB_TOKEN can't be on a bypass list, a GitHub App can), or deploy to a branch without it.
    ");
    assert_eq!(server.count(MOVE), 1, "no second try");
}

#[test]
fn a_commit_whose_answer_is_lost_is_found_far_below_those_of_others() {
    let (server, repository) = start();
    let other = repository.clone();
    server.fault(CREATE.nth(1), Fault::DropAnswer);
    server.before(Step::Query.nth(2), move || {
        for n in 0..120 {
            other.commit("main", "README.md", format!("{n}\n"), "docs: more");
        }
    });
    let outcome = update(&repository).run().succeeded();
    assert_eq!(repository.log("main").len(), 122);
    assert_eq!(outcome.output("commit-sha"), repository.log("main")[120].id);
}

#[test]
fn a_commit_of_someone_else_that_says_the_same_is_not_taken_for_ours() {
    let (_server, repository) = start();
    update(&repository).run().succeeded();
    let message = repository.log("main")[0].message.clone();

    let (server, repository) = start();
    let base = repository.tip("main");
    server.fault(CREATE.nth(1), Fault::Reset);
    let other = repository.clone();
    server.before(Step::Query.nth(2), move || {
        other.commit("main", "README.md", "a file of theirs\n", &message);
    });
    let outcome = update(&repository).run().succeeded();
    assert_eq!(outcome.output("commit-sha"), repository.tip("main"));
    assert_eq!(
        repository.show("main", FILE),
        MANIFEST.replace(":v1", ":v2").as_bytes()
    );
    let log = repository.log("main");
    assert_eq!((log.len(), &log[1].parents[0]), (3, &base));
}

/// A status with GitHub's headers for the primary limit: nothing is left until then.
fn out_of_requests(status: u16, seconds: u64, body: &str) -> Fault {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap();
    let reset = (now.as_secs() + seconds).to_string();
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("x-ratelimit-remaining", "0".to_owned()),
        ("x-ratelimit-reset", reset),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value));
    Fault::Status(status, headers.into(), body.to_owned())
}

const PRIMARY: &str = r#"{"message": "API rate limit exceeded for installation ID 1."}"#;
const PRIMARY_OVER_GRAPHQL: &str =
    r#"{"errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded"}]}"#;
const SECONDARY: &str = r#"{"message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}"#;

#[test]
fn a_rate_limit_is_waited_for() {
    std::thread::scope(|scope| {
        for step in [Step::Query, CREATE] {
            for fault in [
                out_of_requests(403, 1, PRIMARY),
                out_of_requests(429, 1, PRIMARY),
                out_of_requests(200, 1, PRIMARY_OVER_GRAPHQL),
                Fault::Status(
                    403,
                    vec![("retry-after".into(), "1".into())],
                    SECONDARY.into(),
                ),
            ] {
                scope.spawn(move || {
                    let (server, repository) = start();
                    server.fault(step.nth(1), fault.clone());
                    let outcome = update(&repository).run().succeeded();
                    landed(&repository, &outcome);
                    let requests = if step == CREATE { 4 } else { 3 };
                    assert_eq!(server.requests().len(), requests, "{fault:?}");
                });
            }
        }
    });
}

#[test]
fn a_rate_limit_beyond_the_timeout_ends_the_run_at_once() {
    let (server, repository) = start();
    server.fault(Step::Query.every(), out_of_requests(403, 3600, PRIMARY));
    let action = update(&repository);
    let text = failure(&repository, action);
    let (before, rest) = text.split_once("(until ").unwrap();
    let (_, after) = rest.split_once(" UTC)").unwrap();
    let text = format!("{before}(until TIME UTC){after}");
    insta::assert_snapshot!(text, @"
    HOST answered HTTP 403: API rate limit exceeded for installation ID 1 (until TIME UTC), so nothing was changed in acme/deploy.
    With `transport: git` it works at once: git has no such limit. Or raise `timeout` beyond that time.
    ");
    assert_eq!(server.requests().len(), 1);

    let (server, repository) = start();
    // It names no time: a minute, which this run does not have.
    server.fault(
        Step::Query.every(),
        Fault::Status(403, vec![], SECONDARY.into()),
    );
    let outcome = update(&repository).input("timeout", "50").run().failed();
    assert!(outcome.elapsed < Duration::from_secs(20));
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn trouble_inside_github_is_survived() {
    let trouble = r#"{"data": null, "errors": [{"message": "Something went wrong while executing your query. Please include `0123:4567` when reporting this issue."}]}"#;
    for step in [Step::Query, CREATE] {
        let (server, repository) = start();
        server.fault(step.nth(1), Fault::Status(200, Vec::new(), trouble.into()));
        let outcome = update(&repository).run().succeeded();
        landed(&repository, &outcome);
    }
}

#[test]
fn a_server_that_is_too_old_for_the_documents_is_told() {
    let (server, repository) = start();
    let unknown = r#"{"errors": [{"path": ["query", "repository"], "extensions": {"code": "undefinedField", "typeName": "Commit", "fieldName": "file"}, "locations": [{"line": 4, "column": 5}], "message": "Field 'file' doesn't exist on type 'Commit'"}]}"#;
    server.fault(
        Step::Query.every(),
        Fault::Status(200, Vec::new(), unknown.into()),
    );
    insta::assert_snapshot!(failure(&repository, update(&repository)), @"
    HOST: Field 'file' doesn't exist on type 'Commit'. Nothing was changed.
    Check `api-url` and `server-url`. With `transport: git` the API is not needed.
    ");
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn single_sign_on_is_told_from_a_missing_permission() {
    let (server, repository) = start();
    let saml = r#"{"data": {"repository": null}, "errors": [{"type": "FORBIDDEN", "path": ["repository"], "extensions": {"saml_failure": true}, "locations": [{"line": 2, "column": 3}], "message": "Resource protected by organization SAML enforcement. You must grant your Personal Access token access to this organization."}]}"#;
    server.fault(
        Step::Query.every(),
        Fault::Status(200, Vec::new(), saml.into()),
    );
    let sso = "required; url=https://github.com/orgs/acme/sso?authorization_request=A1";
    server.fault(
        Step::Rest("GET ").every(),
        Fault::Status(403, vec![("x-github-sso".into(), sso.into())], "{}".into()),
    );
    insta::assert_snapshot!(failure(&repository, update(&repository)), @"
    The token may not read acme/deploy: its organisation wants tokens to be authorized for single sign-on. Nothing was changed.
    Authorize the token at https://github.com/orgs/acme/sso?authorization_request=A1 (Configure SSO).
    ");
}

#[test]
fn a_classic_token_without_the_scope_is_told() {
    let (server, repository) = start();
    server.grant("ghp_noscope", Rights::ReadWrite);
    let scopes = r#"{"data": {"createCommitOnBranch": null}, "errors": [{"type": "INSUFFICIENT_SCOPES", "locations": [{"line": 2, "column": 3}], "message": "Your token has not been granted the required scopes to execute this query."}]}"#;
    server.fault(
        CREATE.every(),
        Fault::Status(200, Vec::new(), scopes.into()),
    );
    let action = update(&repository).input("token", "ghp_noscope");
    insta::assert_snapshot!(failure(&repository, action), @"
    The token may not write acme/deploy (INSUFFICIENT_SCOPES): Your token has not been granted the required scopes to execute this query. Nothing was changed.
    A classic token needs the scope `repo` (github.com/settings/tokens), and its owner write access to acme/deploy.
    ");
}

#[test]
fn a_repository_that_was_renamed_is_found_by_its_old_name() {
    for action in [update, update_as_jimin] {
        let (server, repository) = start();
        server.github().rename("former/name", "acme/deploy");
        let outcome = action(&repository).input("repository", "former/name").run();
        landed(&repository, &outcome.succeeded());
    }
}

#[test]
fn a_redirect_is_followed_within_the_host_only() {
    let large = format!("{MANIFEST}{}", "# filler\n".repeat(60_000));
    let blobs = || Step::Rest("GET git/blobs").nth(1);

    let (server, repository) = start();
    repository.commit("main", FILE, large.as_str(), "chore: large");
    let moved = server.repository_with("acme/moved", FILE, &large);
    server.fault(
        blobs(),
        Fault::Redirect(format!("{}/repos/acme/moved", server.api_url())),
    );
    let outcome = update(&repository).run().succeeded();
    landed(&repository, &outcome);
    assert_eq!(moved.log("main").len(), 1);

    let (server, repository) = start();
    repository.commit("main", FILE, large.as_str(), "chore: large");
    let elsewhere = GitServer::start();
    elsewhere.repository_with("acme/deploy", FILE, &large);
    server.fault(
        blobs(),
        Fault::Redirect(format!("{}/repos/acme/deploy", elsewhere.api_url())),
    );
    let text = failure(&repository, update(&repository));
    assert!(text.contains("redirects to http://127.0.0.1"), "{text}");
    assert_eq!(elsewhere.requests().len(), 0);

    let (server, repository) = start();
    server.fault(
        CREATE.every(),
        Fault::Redirect(format!("{}/graphql", elsewhere.url())),
    );
    let text = failure(&repository, update(&repository));
    assert!(
        text.contains("the token is not sent to another host"),
        "{text}"
    );
    assert_eq!(elsewhere.requests().len(), 0);
}

#[test]
fn every_request_carries_the_token_and_what_it_accepts() {
    let (server, repository) = start();
    update(&repository).run().succeeded();
    for request in server.requests() {
        assert!(request.authorized, "{request:?}");
        let text = String::from_utf8(request.body.to_vec()).unwrap();
        assert!(!request.query.contains(TOKEN) && !text.contains(TOKEN));
    }
    let sent = server.requests()[1].json();
    let input = &sent["variables"]["input"];
    assert_eq!(input["branch"]["branchName"], "main");
    assert_eq!(input["branch"]["repositoryNameWithOwner"], "acme/deploy");
    assert_eq!(
        input["message"]["headline"],
        "chore: update web image to v2"
    );
}

/// An answer in JSON.
fn answering(json: &Json) -> Fault {
    let kind = ("Content-Type".to_owned(), "application/json".to_owned());
    Fault::Status(200, vec![kind], json.to_string())
}

/// What GitHub gives out is what its id says, or nothing is written.
#[test]
fn an_object_that_is_not_what_its_id_says_is_not_taken() {
    const ODD: &str = "gave an object an id that none has";
    const OTHER: &str = "gave something else for the object";
    let own = ObjectId::of(ObjectKind::Blob, MANIFEST.as_bytes()).to_string();
    let other = "0123456789".repeat(4);
    let at_tip = |file: Json| {
        let tip = "a".repeat(40);
        let target = json!({"oid": tip, "history": {"nodes": []}, "f0": file});
        let branch = json!({"name": "main", "target": target});
        let repository = json!({"id": "R_1", "nameWithOwner": "acme/deploy", "branch": branch});
        answering(&json!({"data": {"repository": repository}}))
    };
    let file = |id: &str, text: Json| {
        at_tip(json!({"mode": 33188, "object": {"oid": id, "byteSize": 9, "text": text}}))
    };
    let listed = |id: &str, size: usize| {
        let entry =
            json!({"path": FILE, "mode": "100644", "type": "blob", "sha": id, "size": size});
        answering(&json!({"truncated": false, "tree": [entry]}))
    };
    let (tip, tree) = (Step::Query.nth(1), Step::Rest("GET git/trees").every());
    let text = || Json::from(MANIFEST);
    for (when, fault, named, expected) in [
        // A text that is another one, under an id of none, and of a file that is not there.
        (tip.clone(), file("../../../user", text()), FILE, ODD),
        (tip.clone(), file("", text()), FILE, ODD),
        (tip.clone(), file(&other, text()), FILE, OTHER),
        (tip, file(&own, json!("kind: Pod\n")), FILE, OTHER),
        (tree.clone(), listed("../../../user", 9), "*.yaml", ODD),
        (tree.clone(), listed("?x", 9), "*.yaml", ODD),
        (tree.clone(), listed(&other, 9), "*.yaml", OTHER),
        // So large that it is asked for by itself.
        (tree, listed(&own, 600_000), "*.yaml", OTHER),
    ] {
        let (server, repository) = start();
        let before = repository.git(&["for-each-ref"]);
        server.fault(when, fault.clone());
        let blob = Fault::Status(200, Vec::new(), "kind: Pod\n".to_owned());
        server.fault(Step::Rest("GET git/blobs").every(), blob);
        let outcome = update(&repository).input("file", named).run().failed();
        let error = outcome.errors().concat();
        assert!(error.contains(expected), "{fault:?}: {error}");
        assert_eq!(repository.git(&["for-each-ref"]), before);
        let writes = |step: &Step| matches!(step, Step::Mutation(_) | Step::Rest("POST git/blobs"));
        assert!(!steps(&server).iter().any(writes), "{fault:?}");
        let asked = server.requests();
        let strange = asked.iter().find(|one| one.path.contains("user"));
        assert!(strange.is_none(), "{fault:?}: {strange:?}");
    }
}
