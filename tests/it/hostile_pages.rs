//! Servers that mean harm with lists that are read in parts, or again and again: of what is posted on commits, of
//! pull requests, trees, tags and comparisons.

use std::sync::Arc;

use gitops_deploy::limits::{GITHUB, JSON};
use serde_json::{Value as Json, json};

use crate::hostile::{TIMEOUT, beside, bounded, dripping, servers};
use crate::hostile_apis::{before, is_told, lists};
use crate::support::{
    Action, Fault, GitServer, Gitlab, Outcome, Repository, Rights, Step, TOKEN, manifest,
};

const FILE: &str = "apps/web.yaml";
const NAME: &str = "acme/deploy";
/// Time for so many pages that all together would be too much.
const LONG: u64 = 12;

fn start() -> (GitServer, Repository) {
    let server = GitServer::start();
    let repository = server.repository_with(NAME, FILE, &manifest("v1"));
    (server, repository)
}

/// An answer in JSON, whatever is asked.
fn answering(json: impl Into<String>) -> Fault {
    let kind = ("Content-Type".to_owned(), "application/json".to_owned());
    Fault::Status(200, vec![kind], json.into())
}

/// The ids of commits that nobody has.
fn ids() -> impl Iterator<Item = String> {
    (1..).map(|number: u32| format!("{number:040x}"))
}

/// A run that waits for what is posted on the tip of `repository`, by the API at `api`.
fn waiting(repository: &Repository, api: &str) -> Action {
    Action::new()
        .input("operation", "verify")
        .input("server-url", repository.server_url())
        .input("api-url", format!("http://{api}/api/v3"))
        .input("repository", NAME)
        .input("transport", "git")
        .input("file", FILE)
        .input("commit", repository.tip("main"))
        .input("status-context", "*\ncheck:*\ndeployment:*")
        .input("token", TOKEN)
        .input("timeout", TIMEOUT.to_string())
        .input("verify-timeout", TIMEOUT.to_string())
}

/// What an API of GitHub's that is asked over REST says of `tip` and of the commits before it: each of them has
/// `statuses`, `checks` and `deployments`, and each of those has `states`.
fn posted_over_rest(tip: String, posted: [Json; 4]) -> String {
    let [statuses, checks, deployments, states] = posted.map(|json| json.to_string());
    let commits: Vec<String> = [tip].into_iter().chain(ids().take(49)).collect();
    let listed = commits.iter().enumerate().map(|(n, sha)| {
        let parent = commits.get(n + 1).map(|sha| json!({ "sha": sha }));
        json!({"sha": sha, "parents": Vec::from_iter(parent)})
    });
    let listed = Json::from_iter(listed).to_string();
    let older =
        r#"{"errors":[{"message":"no such field","extensions":{"code":"undefinedField"}}]}"#;
    before("", move |asked| {
        let json = match asked {
            asked if asked.contains("/graphql") => older,
            asked if asked.contains("/commits?") => &listed,
            asked if asked.contains("/check-runs") => &checks,
            asked if asked.contains("/deployments?") => &deployments,
            asked if asked.contains("/deployments/") => &states,
            _ => &statuses,
        };
        Some((200, json.as_bytes().to_vec()))
    })
}

#[test]
fn what_is_posted_in_masses_over_rest() {
    let long = "x".repeat(150_000);
    let status = |n: usize, text: &str| json!({"context": format!("c{n}"), "state": "failure", "description": text});
    let check = |n: usize| json!({"name": format!("c{n}"), "status": "completed", "conclusion": "failure", "output": {"title": long}});
    let deployment = |n: usize| json!({"id": n, "environment": format!("e{n}")});
    let none = || json!([]);
    let no_checks = || json!({"check_runs": []});
    let of = |count: usize, item: &dyn Fn(usize) -> Json| Json::from_iter((0..count).map(item));
    let state = json!([{"state": "failure", "description": "x".repeat(15_000_000)}]);
    for posted in [
        // Few, and long.
        [of(100, &|n| status(n, &long)), no_checks(), none(), none()],
        [
            none(),
            json!({"check_runs": of(100, &check)}),
            none(),
            none(),
        ],
        [none(), no_checks(), of(30, &deployment), state],
        // Many, and short: more than is kept, and as many as are.
        [of(250_000, &|n| status(n, "")), no_checks(), none(), none()],
        [of(3_000, &|n| status(n, "")), no_checks(), none(), none()],
        // Each of which is one more question.
        [none(), no_checks(), of(250_000, &deployment), none()],
    ] {
        let (_git, repository) = start();
        let api = posted_over_rest(repository.tip("main"), posted);
        is_told(&bounded(waiting(&repository, &api)));
    }
}

#[test]
fn what_is_posted_in_masses_in_one_answer() {
    for count in [20_000, 120_000] {
        let (_git, repository) = start();
        let tip = repository.tip("main");
        let before_it = ids().next().unwrap();
        let contexts = (0..count).map(|n| json!({"context": format!("c{n}"), "state": "FAILURE"}));
        let status = json!({ "contexts": Json::from_iter(contexts) });
        let commit = |oid: &str, parent: &str, status: &Json| json!({"oid": oid, "parents": {"nodes": [{"oid": parent}]}, "status": status});
        let nodes = [
            commit(&tip, &before_it, &json!(null)),
            commit(&before_it, &tip, &status),
        ];
        let target = json!({"oid": tip, "history": {"nodes": nodes}});
        let own = commit(&tip, &before_it, &status);
        let answer =
            json!({"data": {"repository": {"branch": {"target": target}, "own": own}}}).to_string();
        assert!(answer.len() < GITHUB.most() as usize);
        let api = before("", move |_| Some((200, answer.as_bytes().to_vec())));
        is_told(&bounded(waiting(&repository, &api)));
    }
}

#[test]
fn pages_of_checks_in_a_circle() {
    let (server, repository) = start();
    let tip = repository.tip("main");
    let page = |title: &str| {
        let nodes = vec![
            json!({"name": "c", "status": "COMPLETED", "conclusion": "FAILURE", "title": title});
            100
        ];
        let page = json!({"hasNextPage": true, "endCursor": "again"});
        json!({"oid": tip, "statusCheckRollup": {"contexts": {"nodes": nodes, "pageInfo": page}}})
    };
    let target = json!({"oid": tip, "history": {"nodes": []}});
    let long = "x".repeat(150_000);
    let data = |own: Json| {
        json!({"data": {"repository": {"branch": {"target": target}, "own": own}}}).to_string()
    };
    for title in ["", &long] {
        server.heal();
        server.fault(Step::Named("Posted").every(), answering(data(page(""))));
        server.fault(
            Step::Named("MorePosted").every(),
            answering(data(page(title))),
        );
        let api = server.url().replace("http://", "");
        let before = server.requests().len();
        is_told(&bounded(waiting(&repository, &api)));
        assert!(server.requests().len() - before < 60);
    }
}

#[test]
fn an_api_that_says_what_is_posted_and_speaks_http_without_end() {
    let dripping = dripping("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n");
    let all = servers().into_iter().map(|(_, server)| server);
    // The last look has time of its own: one of them is enough.
    let all = all
        .filter(|server| !server.drips)
        .map(|server| server.address);
    let all: Vec<String> = all.chain([dripping.address]).collect();
    // Each waits for the most part, and no more of them than there are cores keep one busy.
    for some in all.chunks(2) {
        std::thread::scope(|scope| {
            for api in some {
                scope.spawn(move || {
                    let (_git, repository) = start();
                    is_told(&bounded(waiting(&repository, api)));
                });
            }
        });
    }
}

/// A step that waits for the merge of what it proposes.
fn proposing(repository: &Repository) -> Action {
    Action::new()
        .input("repository", repository.url())
        .input("file", FILE)
        .input("image", "ghcr.io/acme/web:v2")
        .input("pull-request", "true")
        .input("pull-request-wait", TIMEOUT.to_string())
        .input("token", TOKEN)
        .input("timeout", (TIMEOUT * 2).to_string())
}

#[test]
fn a_gitlab_that_says_of_a_merge_request_more_than_anybody_reads() {
    let texts = lists(JSON.most()).into_iter();
    let states = texts.flat_map(|list| [format!("{{\"state\":{list}}}"), list]);
    let long = format!("{{\"state\":\"{}\"}}", "x".repeat(7_000_000));
    for json in states.chain([long, "[".repeat(1 << 20)]) {
        let (server, repository) = start();
        server.become_gitlab();
        Gitlab::at(&repository).allow_api();
        server.fault(Step::Forge("GET merge_requests").every(), answering(json));
        let outcome = bounded(proposing(&repository));
        is_told(&outcome);
        // Nobody told that it was closed.
        assert_eq!(outcome.output("pull-request-state"), "timed-out");
    }
}

#[test]
fn a_gitea_that_says_of_a_pull_request_more_than_anybody_reads() {
    let texts = lists(JSON.most()).into_iter();
    let states = texts.flat_map(|list| [format!("{{\"state\":{list}}}"), list]);
    for json in states.chain(["[".repeat(1 << 20)]) {
        let (server, repository) = start();
        server.become_gitea();
        // The first tells that none is open yet.
        server.fault(Step::Forge("GET pulls").from(2), answering(json));
        is_told(&bounded(proposing(&repository)));
    }
}

#[test]
fn a_registry_that_answers_with_millions_of_tags() {
    let count = JSON.most() as usize / 12;
    let many = (0..count)
        .map(|n| format!("\"v{n:07}\""))
        .collect::<Vec<_>>()
        .join(",");
    let long = format!("\"{}\"", "v".repeat(8_000_000));
    for tags in [many, long] {
        let json = format!("{{\"name\":\"acme/web\",\"tags\":[{tags}]}}").into_bytes();
        let git = GitServer::start();
        let server = before("", move |asked| {
            let is_list = asked.contains("/tags/list");
            Some(match is_list {
                true => (200, json.clone()),
                false => (404, b"{}".to_vec()),
            })
        });
        let action = beside(&git, &server)
            .input("image", format!("{server}/acme/web:v2"))
            .input("verify-image", "true");
        is_told(&bounded(action));
    }
}

/// An update over the API of all files that the glob matches.
fn of_all_files(server: &GitServer) -> Outcome {
    bounded(
        Action::new()
            .input("server-url", server.url())
            .input("api-url", format!("{}/api/v3", server.url()))
            .input("repository", NAME)
            .input("transport", "api")
            .input("file", "**/*.yaml")
            .input("image", "ghcr.io/acme/web:v2")
            .input("token", TOKEN)
            .input("timeout", LONG.to_string()),
    )
}

#[test]
fn trees_over_the_api_that_have_no_end() {
    let entry = |path: String, mode: &str, kind: &str| json!({"path": path, "mode": mode, "type": kind, "sha": "0123456789".repeat(4), "size": 9});
    let folder = |n: usize| entry(format!("{n}"), "040000", "tree");
    let file = |n: usize| entry(format!("{n}.yaml"), "100644", "blob");
    let link = |n: usize| entry(format!("{n}.yaml"), "120000", "blob");
    let none: Vec<Json> = Vec::new();
    for (folders, others) in [
        // Each has as many others in it.
        ((0..1_000).map(folder).collect(), none.clone()),
        // And files, or links, or names that are long.
        (
            (0..2).map(folder).collect(),
            (0..80_000).map(file).collect(),
        ),
        (
            (0..2).map(folder).collect(),
            (0..80_000).map(link).collect(),
        ),
        (
            vec![entry("a/".repeat(2_000) + "a", "040000", "tree")],
            (0..1_000).map(file).collect(),
        ),
    ] {
        let (server, _repository) = start();
        let tree: Vec<Json> = [folders, others].concat();
        let answer = json!({"truncated": true, "tree": tree}).to_string();
        assert!(answer.len() < GITHUB.most() as usize);
        server.fault(Step::Rest("GET git/trees").every(), answering(answer));
        is_told(&of_all_files(&server));
    }
}

#[test]
fn a_comparison_that_has_no_end() {
    let text = "x".repeat(15_000_000);
    let commit = |message: &str, date: &str| {
        let author = json!({"name": "A", "date": date});
        json!({"sha": "0123456789".repeat(4), "commit": {"message": message, "author": author}})
    };
    let mut many = vec![commit("feat: x", "2026-08-22T10:00:00Z"); 60_000];
    many.push(commit("feat: y", "2026-08-22T10:00:00Z"));
    for (commits, ahead) in [
        (vec![commit(&text, "")], u32::MAX),
        (vec![commit("", &text)], u32::MAX),
        (many, u32::MAX),
        (Vec::new(), u32::MAX),
    ] {
        let server = Arc::new(GitServer::start());
        let repository = server.repository_with(NAME, FILE, &manifest("v0"));
        server.grant("ghp_reads_the_source", Rights::ReadOnly);
        let source = server.repository("acme/web");
        let deploy = |tag: &str| {
            let built = source.commit("main", "a", tag, tag);
            let api = format!("{}/api/v3", server.url());
            let action = Action::new()
                .input("server-url", server.url())
                .input("api-url", api)
                .input("repository", NAME)
                .input("file", FILE)
                .input("image", format!("ghcr.io/acme/web:{tag}"))
                .input("token", TOKEN)
                .input("source-token", "ghp_reads_the_source")
                .input("timeout", LONG.to_string())
                .env("GITHUB_SERVER_URL", server.url())
                .env("GITHUB_REPOSITORY", "acme/web")
                .env("GITHUB_SHA", built);
            bounded(action).succeeded()
        };
        deploy("v1");
        let answer =
            json!({"status": "ahead", "ahead_by": ahead, "behind_by": 0, "commits": commits});
        let step = Step::Rest("GET compare");
        server.fault(step.every(), answering(answer.to_string()));
        let outcome = deploy("v2");
        let asked = server.count(step);
        // What the pages have is read, and no more of them than GitHub would show.
        assert!((1..=5).contains(&asked), "{asked}");
        assert_eq!(outcome.output("commit-sha"), repository.tip("main"));
        assert!(outcome.output("changes").len() < 200_000);
        assert!(outcome.summary.len() < 200_000);
    }
}
