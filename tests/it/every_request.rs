//! Each request of a run goes wrong in each way. A run in good health says which requests there are, so
//! that a new one is covered by itself.
//!
//! Exit code 0 stands for all that was asked for, or a warning says what was refused. Whatever happened:
//! never two pull requests, never two commits, nothing untrue in the message; and once all is well again,
//! the next run ends with everything in its place.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value as Json, json};

use crate::support::{
    APP_ID, APP_KEY, Action, Fault, GitServer, MINTED, Outcome, Recorded, Repository, Rights, Step,
    TOKEN, Via, When, manifest,
};

const NAME: &str = "acme/deploy";
const FILE: &str = "apps/web.yaml";

/// What a run is asked for, and how to see that it was done.
#[derive(Clone, Copy)]
struct Scenario {
    /// What is there before.
    prepare: fn(&GitServer, &Repository),
    action: fn(&Repository) -> Action,
    /// What of it is not there.
    missing: fn(&GitServer, &Repository) -> Vec<&'static str>,
    /// How many commits it takes.
    commits: usize,
    /// Which request is the first to fail; those before it are another scenario's. Else every one.
    from: Option<Step>,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    /// Once.
    Trouble,
    /// For ever.
    Lasting,
    /// The server says no.
    Refused,
}

/// What can go wrong with a request, and until when.
fn faults(request: &Recorded) -> Vec<(&'static str, Wrong, Fault)> {
    let mut faults = vec![
        ("502", Wrong::Trouble, Fault::status(502)),
        ("done, no answer", Wrong::Trouble, Fault::DropAnswer),
        ("done, 502", Wrong::Trouble, Fault::StatusAfter(502)),
        ("502 for ever", Wrong::Lasting, Fault::status(502)),
        (
            "done, 502 for ever",
            Wrong::Lasting,
            Fault::StatusAfter(502),
        ),
    ];
    let told = |status, body: Json| {
        let json = ("Content-Type".to_owned(), "application/json".to_owned());
        Fault::Status(status, vec![json], body.to_string())
    };
    let no_access = "Resource not accessible by integration";
    if request.path.starts_with("/api/") {
        let refused = told(403, json!({ "message": no_access }));
        faults.push(("403", Wrong::Refused, refused));
    } else {
        faults.push(("403", Wrong::Refused, Fault::status(403)));
    }
    let graphql = |kind: &str, message: &str| {
        let error = json!({"type": kind, "path": ["field"], "message": message});
        told(200, json!({"data": {"field": null}, "errors": [error]}))
    };
    match request.step {
        Some(Step::Mutation(_)) => faults.extend([
            ("FORBIDDEN", Wrong::Refused, graphql("FORBIDDEN", no_access)),
            (
                "UNPROCESSABLE",
                Wrong::Refused,
                graphql("UNPROCESSABLE", "A rule forbids it"),
            ),
        ]),
        Some(Step::Query | Step::Named(_)) => {
            let refused = graphql("FORBIDDEN", no_access);
            faults.push(("FORBIDDEN", Wrong::Refused, refused));
        }
        _ if request.method != "GET" && request.path.starts_with("/api/") => {
            let refused = told(422, json!({"message": "Validation Failed"}));
            faults.push(("422", Wrong::Refused, refused));
        }
        _ => {}
    }
    faults
}

/// One request, and what goes wrong with it.
struct Case {
    name: String,
    when: When,
    wrong: Wrong,
    fault: Fault,
}

fn cases(requests: &[Recorded], from: Option<Step>) -> Vec<Case> {
    let mut cases = Vec::new();
    let first = requests
        .iter()
        .position(|one| from.is_none_or(|step| one.step == Some(step)))
        .expect("there is such a request");
    for (index, request) in requests.iter().enumerate().skip(first) {
        let of_kind = requests[..=index]
            .iter()
            .filter(|one| one.step == request.step)
            .count();
        for (words, wrong, fault) in faults(request) {
            let when = match (wrong, request.step) {
                (Wrong::Lasting, Some(step)) => step.from(of_kind),
                (Wrong::Lasting, None) => When::from(index + 1),
                (Wrong::Trouble | Wrong::Refused, _) => When::nth(index + 1),
            };
            let name = format!(
                "{words} at request {} ({} {} {:?})",
                index + 1,
                request.method,
                request.path,
                request.step
            );
            cases.push(Case {
                name,
                when,
                wrong,
                fault,
            });
        }
    }
    cases
}

fn start(scenario: &Scenario) -> (GitServer, Repository, usize) {
    let server = GitServer::start();
    let repository = server.repository_with(NAME, FILE, &manifest("v1"));
    (scenario.prepare)(&server, &repository);
    server.reset_log();
    let before = repository.log("--all").len();
    (server, repository, before)
}

/// Runs the scenario once in good health, and then once for each request and each fault.
fn each_request_fails(scenario: Scenario) {
    let (server, repository, before) = start(&scenario);
    let outcome = (scenario.action)(&repository).run().succeeded();
    assert_eq!(outcome.warnings(), Vec::<String>::new());
    assert_eq!((scenario.missing)(&server, &repository), [""; 0]);
    assert_eq!(repository.log("--all").len() - before, scenario.commits);
    repository.fsck();
    let cases = cases(&server.requests(), scenario.from);
    drop(server);
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(why) = holds(&scenario, case) {
                        wrong.lock().unwrap().push(format!("{}: {why}", case.name));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(
        wrong.is_empty(),
        "{} of {} cases:\n\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n\n")
    );
}

/// Whether everything that is promised holds in a case.
fn holds(scenario: &Scenario, case: &Case) -> Result<(), String> {
    let (server, repository, before) = start(scenario);
    let refs = repository.git(&["for-each-ref"]);
    server.fault(case.when.clone(), case.fault.clone());
    let lasts = case.wrong == Wrong::Lasting;
    let timeout = if lasts { "2" } else { "60" };
    let outcome = (scenario.action)(&repository)
        .input("timeout", timeout)
        .run();
    let counted = |what: &str| {
        let commits = repository.log("--all").len() - before;
        let pulls = server.github().pulls(NAME).len();
        if commits > scenario.commits || pulls > 1 {
            return Err(format!("{what}: {commits} commits, {pulls} pull requests"));
        }
        Ok(())
    };
    counted("at first")?;
    let has_moved = repository.git(&["for-each-ref"]) != refs;
    let told = told(&outcome, has_moved);
    let told = told.and_then(|()| ended(scenario, case, &server, &repository, &outcome));
    told.map_err(|why| format!("{why}\n{}", outcome.shown_log()))?;

    let was_merged = || {
        let pulls = server.github().pulls(NAME);
        pulls.iter().any(|pull| pull["merged"] == true)
    };
    let is_done = outcome.code() == Some(0) && outcome.warnings().is_empty();
    // What is merged is deployed, with or without its label.
    if is_done || was_merged() || (scenario.missing)(&server, &repository).is_empty() {
        return Ok(());
    }
    server.heal();
    let again = (scenario.action)(&repository).run();
    let missing = (scenario.missing)(&server, &repository);
    if again.code() != Some(0) || !again.warnings().is_empty() || !missing.is_empty() {
        let log = again.shown_log();
        return Err(format!("the next run leaves {missing:?}:\n{log}"));
    }
    counted("with the next run")
}

/// Whether exit code, warnings and what is there agree.
fn ended(
    scenario: &Scenario,
    case: &Case,
    server: &GitServer,
    repository: &Repository,
    outcome: &Outcome,
) -> Result<(), String> {
    let missing = (scenario.missing)(server, repository);
    let mut warnings = outcome.warnings();
    // What is merged is there, though nobody could say by which commit.
    let is_done = missing.is_empty();
    warnings
        .retain(|warning| !is_done || !warning.contains("was merged at once, and which commit"));
    match outcome.code() {
        Some(0) if case.wrong == Wrong::Refused => {
            let is_said = !warnings.is_empty();
            if missing.is_empty() == is_said {
                return Err(format!("{missing:?} is missing"));
            }
        }
        Some(0) if !missing.is_empty() || !warnings.is_empty() => {
            return Err(format!("success, and {missing:?} is missing"));
        }
        Some(0) => {}
        Some(1) if case.wrong == Wrong::Trouble => return Err("it is not survived".to_owned()),
        Some(1) if missing.is_empty() && !says_unknown(outcome) => {
            return Err("a failure, and nothing is missing".to_owned());
        }
        Some(1) => {}
        other => return Err(format!("exit {other:?}")),
    }
    if outcome.code() == Some(0) && outcome.output("changed") != "true" {
        return Err("`changed` is not true".to_owned());
    }
    Ok(())
}

fn says_unknown(outcome: &Outcome) -> bool {
    let error = &outcome.errors()[0];
    [
        "whether it landed is not known",
        "was merged can't be found out",
    ]
    .iter()
    .any(|words| error.contains(words))
}

/// Whether the failure is told once, and what it says of Git is true.
fn told(outcome: &Outcome, has_moved: bool) -> Result<(), String> {
    let errors = outcome.errors();
    let error = match (outcome.code(), &errors[..]) {
        (Some(0), []) => return Ok(()),
        (Some(1), [error]) => error.to_lowercase(),
        _ => return Err(format!("{} errors", errors.len())),
    };
    let nothing = ["nothing was changed", "git is as it was"];
    let says_nothing = nothing.iter().any(|words| error.contains(words));
    let says_there = error.contains(" is on the branch ");
    if has_moved && says_nothing || !has_moved && says_there {
        return Err(format!("untrue: {error}"));
    }
    if !(says_nothing || says_there || says_unknown(outcome)) {
        return Err(format!("it does not say how Git is: {error}"));
    }
    Ok(())
}

fn step(repository: &Repository) -> Action {
    Action::new()
        .over(Via::Api, repository)
        .input("file", FILE)
        .input("token", TOKEN)
        .input("timeout", "60")
}

fn update(repository: &Repository) -> Action {
    step(repository).input("image", "ghcr.io/acme/web:v2")
}

fn lacks(is_there: bool, what: &'static str) -> Option<&'static str> {
    (!is_there).then_some(what)
}

fn holds_image(repository: &Repository, branch: &str, tag: &str) -> bool {
    repository.try_tip(branch).is_some()
        && repository.show(branch, FILE) == manifest(tag).into_bytes()
}

fn on_main(tag: &str, repository: &Repository) -> Vec<&'static str> {
    let is_there = holds_image(repository, "main", tag);
    lacks(is_there, "the image").into_iter().collect()
}

const AUTO_MERGE: Step = Step::Mutation("enablePullRequestAutoMerge");

#[test]
fn of_an_update_over_git() {
    each_request_fails(Scenario {
        prepare: |_, _| {},
        action: |repository| update(repository).input("transport", "git"),
        missing: |_, repository| on_main("v2", repository),
        commits: 1,
        from: None,
    });
}

#[test]
fn of_an_update_over_the_api() {
    each_request_fails(Scenario {
        prepare: |_, _| {},
        action: update,
        missing: |_, repository| on_main("v2", repository),
        commits: 1,
        from: None,
    });
}

#[test]
fn of_a_commit_that_is_built_over_the_api() {
    each_request_fails(Scenario {
        prepare: |_, _| {},
        action: |repository| {
            update(repository)
                .input("author-name", "Jimin")
                .input("author-email", "jimin@example.com")
        },
        missing: |_, repository| on_main("v2", repository),
        commits: 1,
        from: None,
    });
}

#[test]
fn of_an_update_with_an_apps_token() {
    each_request_fails(Scenario {
        prepare: |server, _| {
            server.grant(MINTED, Rights::ReadWrite);
            let permissions = ["contents", "pull_requests"];
            server.github().install_app(NAME, &permissions);
        },
        action: |repository| {
            update(repository)
                .input("app-id", APP_ID)
                .input("app-private-key", APP_KEY)
                .input("token", "ghs_theWorkflowsOwn")
        },
        missing: |_, repository| on_main("v2", repository),
        commits: 1,
        from: None,
    });
}

fn rollback(transport: &str, repository: &Repository) -> Action {
    step(repository)
        .input("operation", "rollback")
        .input("transport", transport)
}

/// A deployment to take back.
fn deployed(_: &GitServer, repository: &Repository) {
    update(repository).run().succeeded();
}

#[test]
fn of_a_rollback_over_git() {
    each_request_fails(Scenario {
        prepare: deployed,
        action: |repository| rollback("git", repository),
        missing: |_, repository| on_main("v1", repository),
        commits: 1,
        from: None,
    });
}

#[test]
fn of_a_rollback_over_the_api() {
    each_request_fails(Scenario {
        prepare: deployed,
        action: |repository| rollback("api", repository),
        missing: |_, repository| on_main("v1", repository),
        commits: 1,
        from: None,
    });
}

const STAGING: &str = "staging/web.yaml";

/// A stage where the image has arrived.
fn on_staging(_: &GitServer, repository: &Repository) {
    repository.commit("main", STAGING, manifest("v1").as_str(), "feat: staging");
    let deploy = update(repository).input("file", STAGING);
    deploy.run().succeeded();
}

fn promote(transport: &str, repository: &Repository) -> Action {
    step(repository)
        .input("operation", "promote")
        .input("from", STAGING)
        .input("transport", transport)
}

#[test]
fn of_a_promotion_over_git() {
    each_request_fails(Scenario {
        prepare: on_staging,
        action: |repository| promote("git", repository),
        missing: |_, repository| on_main("v2", repository),
        commits: 1,
        from: None,
    });
}

#[test]
fn of_a_promotion_over_the_api() {
    each_request_fails(Scenario {
        prepare: on_staging,
        action: |repository| promote("api", repository),
        missing: |_, repository| on_main("v2", repository),
        commits: 1,
        from: None,
    });
}

/// What a healthy server is asked for by each operation: to ask for more is a decision.
#[test]
fn of_a_healthy_run_there_are_as_many_as_before() {
    type Asked = (
        &'static str,
        fn(&GitServer, &Repository),
        fn(&Repository) -> Action,
    );
    let operations: [Asked; 6] = [
        ("update", |_, _| {}, update),
        ("rollback", deployed, |repository| {
            step(repository).input("operation", "rollback")
        }),
        ("history", deployed, |repository| {
            step(repository).input("operation", "history")
        }),
        ("promote", on_staging, |repository| {
            promote("auto", repository)
        }),
        (
            "a new pull request",
            |_, _| {},
            |repository| update(repository).input("pull-request", "true"),
        ),
        (
            "one that is brought up to date",
            |_, repository| {
                let first = update(repository).input("pull-request", "true");
                first.run().succeeded();
            },
            |repository| {
                update(repository)
                    .input("image", "ghcr.io/acme/web:v3")
                    .input("pull-request", "true")
            },
        ),
    ];
    let mut asked = String::new();
    for (name, prepare, action) in operations {
        for transport in ["git", "api"] {
            let server = GitServer::start();
            let repository = server.repository_with(NAME, FILE, &manifest("v1"));
            prepare(&server, &repository);
            server.reset_log();
            let run = action(&repository).input("transport", transport);
            run.run().succeeded();
            let steps = server.requests();
            let steps = steps.iter().map(|one| match one.step {
                Some(Step::Mutation(name) | Step::Rest(name)) => name.to_owned(),
                Some(step) => format!("{step:?}"),
                None => format!("{} {}", one.method, one.path),
            });
            let steps: Vec<String> = steps.collect();
            let count = steps.len();
            asked += &format!("{name}, {transport}: {count} ({})\n", steps.join(", "));
        }
    }
    insta::assert_snapshot!(asked, @"
    update, git: 4 (FetchRefs, Fetch, Fetch, Push)
    update, api: 2 (Query, createCommitOnBranch)
    rollback, git: 4 (FetchRefs, Fetch, Fetch, Push)
    rollback, api: 4 (FetchRefs, Fetch, Fetch, createCommitOnBranch)
    history, git: 3 (FetchRefs, Fetch, Fetch)
    history, api: 3 (FetchRefs, Fetch, Fetch)
    promote, git: 7 (FetchRefs, Fetch, Fetch, Fetch, Fetch, Fetch, Push)
    promote, api: 2 (Query, createCommitOnBranch)
    a new pull request, git: 5 (Query, POST git/trees, POST git/commits, POST git/refs, POST pulls)
    a new pull request, api: 5 (Query, POST git/trees, POST git/commits, POST git/refs, POST pulls)
    one that is brought up to date, git: 6 (Query, GET compare, POST git/trees, POST git/commits, updateRefs, PATCH pulls)
    one that is brought up to date, api: 6 (Query, GET compare, POST git/trees, POST git/commits, updateRefs, PATCH pulls)
    ");
}

/// Everything that a pull request can be asked to have.
fn everything(repository: &Repository, tag: &str) -> Action {
    step(repository)
        .input("image", format!("ghcr.io/acme/web:{tag}"))
        .input("pull-request", "true")
        .input("pull-request-labels", "deployment")
        .input("pull-request-assignees", "octocat")
        .input("pull-request-reviewers", "jimin")
        .input("pull-request-team-reviewers", "platform")
        .input("pull-request-auto-merge", "squash")
}

/// What a pull request does not have, which is to bring this tag, and to be merged so.
fn lacking(
    server: &GitServer,
    repository: &Repository,
    tag: &str,
    is_merging: impl Fn(&Json) -> bool,
) -> Vec<&'static str> {
    let pulls = server.github().pulls(NAME);
    let Some(pull) = pulls.first() else {
        return vec!["the pull request"];
    };
    let head = pull["head"]["ref"].as_str().unwrap();
    let has = |list: &str, key: &str, value: &str| {
        let mut list = pull[list].as_array().unwrap().iter();
        list.any(|one| one[key] == value)
    };
    [
        (holds_image(repository, head, tag), "the image"),
        (
            pull["title"].as_str().unwrap().contains(tag)
                && pull["body"].as_str().unwrap().contains(tag),
            "title and text",
        ),
        (has("labels", "name", "deployment"), "the label"),
        (has("assignees", "login", "octocat"), "the assignee"),
        (has("requested_reviewers", "login", "jimin"), "the reviewer"),
        (has("requested_teams", "slug", "platform"), "the team"),
        (is_merging(pull), "the merge"),
    ]
    .into_iter()
    .filter_map(|(is_there, what)| lacks(is_there, what))
    .collect()
}

fn waits(pull: &Json) -> bool {
    pull["auto_merge"]["merge_method"] == "squash"
}

#[test]
fn of_a_new_pull_request() {
    each_request_fails(Scenario {
        prepare: |_, _| {},
        action: |repository| everything(repository, "v2"),
        missing: |server, repository| lacking(server, repository, "v2", waits),
        commits: 1,
        from: None,
    });
}

#[test]
fn of_a_pull_request_that_is_brought_up_to_date() {
    each_request_fails(Scenario {
        // By a run that asked for nothing beside it.
        prepare: |_, repository| {
            let first = update(repository).input("pull-request", "true");
            first.run().succeeded();
        },
        action: |repository| everything(repository, "v3"),
        missing: |server, repository| {
            let has_head = |pull: &Json| {
                let head = pull["head"]["ref"].as_str().unwrap();
                waits(pull) && pull["auto_merge_head"] == repository.tip(head)
            };
            lacking(server, repository, "v3", has_head)
        },
        commits: 1,
        from: None,
    });
}

#[test]
fn of_a_pull_request_that_is_merged_at_once() {
    each_request_fails(Scenario {
        prepare: |server, _| server.github().require_nothing(),
        action: |repository| everything(repository, "v2"),
        missing: |server, repository| {
            lacking(server, repository, "v2", |pull| {
                pull["merged"] == true && holds_image(repository, "main", "v2")
            })
        },
        // The pull request's own, and the one that it is squashed into.
        commits: 2,
        from: Some(AUTO_MERGE),
    });
}

#[test]
fn of_a_wait_for_the_merge() {
    each_request_fails(Scenario {
        prepare: |server, _| server.github().require_nothing(),
        action: |repository| everything(repository, "v2").input("pull-request-wait", "9"),
        missing: |_, repository| on_main("v2", repository),
        // The pull request's own, and the one that it is squashed into.
        commits: 2,
        from: Some(Step::Named("Standing")),
    });
}

#[test]
fn of_a_wait_for_the_merge_whose_target_is_read_over_git() {
    each_request_fails(Scenario {
        prepare: |server, _| server.github().require_nothing(),
        action: |repository| {
            everything(repository, "v2")
                .input("pull-request-wait", "9")
                .input("transport", "git")
        },
        missing: |_, repository| on_main("v2", repository),
        commits: 2,
        from: Some(Step::Named("Standing")),
    });
}

#[test]
fn of_a_pull_request_that_is_ready_where_nothing_is_merged_later() {
    each_request_fails(Scenario {
        prepare: |server, _| {
            server.github().require_nothing();
            server.github().disallow_auto_merge();
        },
        action: |repository| everything(repository, "v2"),
        missing: |server, repository| {
            lacking(server, repository, "v2", |pull| pull["merged"] == true)
        },
        commits: 2,
        from: Some(AUTO_MERGE),
    });
}

#[test]
fn of_a_pull_request_that_joins_a_merge_queue() {
    each_request_fails(Scenario {
        prepare: |server, _| {
            server.github().require_nothing();
            server.github().require_a_merge_queue();
        },
        action: |repository| everything(repository, "v2"),
        missing: |server, repository| {
            lacking(server, repository, "v2", |pull| {
                pull["queued"] == pull["head"]["sha"]
            })
        },
        commits: 1,
        from: Some(AUTO_MERGE),
    });
}

#[test]
fn of_a_rollback_that_is_proposed() {
    each_request_fails(Scenario {
        prepare: deployed,
        action: |repository| rollback("auto", repository).input("pull-request", "true"),
        missing: |server, repository| match server.github().pulls(NAME).first() {
            Some(pull) => {
                let head = pull["head"]["ref"].as_str().unwrap();
                let is_there = holds_image(repository, head, "v1");
                lacks(is_there, "the image").into_iter().collect()
            }
            None => vec!["the pull request"],
        },
        commits: 1,
        from: None,
    });
}
