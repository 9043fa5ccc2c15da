//! The API that the test support plays, against the repository behind it.

use crate::support::{Entry, Fault, GitServer, Repository, Rights, Step, TOKEN};
use serde_json::{Value, json};

const NAME: &str = "wlals2/k8s-manifests";

fn start() -> (GitServer, Repository) {
    let server = GitServer::start();
    let repository = server.repository_with(NAME, "web.yaml", "image: web:v1\n");
    (server, repository)
}

/// Sends a request with a token; the status and the answer.
fn send(
    server: &GitServer,
    token: &str,
    method: &str,
    path: &str,
    body: Option<Value>,
) -> (u16, Value) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let client = gitops_deploy::http::client(&Default::default()).unwrap();
        let method = method.parse().unwrap();
        let mut request = client
            .request(method, format!("{}{path}", server.url()))
            .bearer_auth(token);
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (
            status,
            serde_json::from_slice(&response.bytes().await.unwrap()).unwrap(),
        )
    })
}

fn graphql(server: &GitServer, token: &str, query: &str, variables: Value) -> Value {
    let body = json!({"query": query, "variables": variables});
    let (status, answer) = send(server, token, "POST", "/api/graphql", Some(body));
    assert_eq!(status, 200);
    answer
}

const COMMIT: &str = "mutation($input: CreateCommitOnBranchInput!) {
  createCommitOnBranch(input: $input) { commit { oid author { name } signature { isValid } } }
}";

fn change(head: &str, contents: &str) -> Value {
    json!({"input": {
        "branch": {"repositoryNameWithOwner": NAME, "branchName": "main"},
        "expectedHeadOid": head,
        "message": {"headline": "chore: v2", "body": "why\n\nKey: value"},
        "fileChanges": {"additions": [{"path": "web.yaml", "contents": contents}]},
    }})
}

/// `image: web:v2\n`
const V2: &str = "aW1hZ2U6IHdlYjp2Mgo=";

#[test]
fn a_query_gets_what_it_asks_for() {
    let (server, repository) = start();
    repository.commit(
        "main",
        "run.sh",
        Entry::Executable(b"#!/bin/sh\n".to_vec()),
        "feat: run",
    );
    let answer = graphql(
        &server,
        TOKEN,
        "query($owner: String!, $name: String!) {
          repository(owner: $owner, name: $name) {
            branch: defaultBranchRef { name target { __typename ... on Commit {
              oid
              web: file(path: \"web.yaml\") { mode object { ... on Blob { text byteSize } } }
              run: file(path: \"run.sh\") { mode type }
              none: file(path: \"none\") { mode }
            } } }
          }
        }",
        json!({"owner": "wlals2", "name": "k8s-manifests"}),
    );
    let expected = json!({"data": {"repository": {"branch": {"name": "main", "target": {
        "__typename": "Commit",
        "oid": repository.tip("main"),
        "web": {"mode": 0o100_644, "object": {"text": "image: web:v1\n", "byteSize": 14}},
        "run": {"mode": 0o100_755, "type": "blob"},
        "none": null,
    }}}}});
    assert_eq!(answer, expected);
    assert_eq!(server.count(Step::Query), 1);
}

#[test]
fn a_commit_lands_on_the_expected_head_only() {
    let (server, repository) = start();
    let base = repository.tip("main");
    let answer = graphql(&server, TOKEN, COMMIT, change(&base, V2));
    let commit = &answer["data"]["createCommitOnBranch"]["commit"];
    assert_eq!(commit["oid"], repository.tip("main"));
    assert_eq!(commit["signature"]["isValid"], true);
    let logged = &repository.log("main")[0];
    assert_eq!(logged.message, "chore: v2\n\nwhy\n\nKey: value");
    assert_eq!(logged.parents, std::slice::from_ref(&base));
    assert_eq!(repository.show("main", "web.yaml"), b"image: web:v2\n");
    repository.fsck();

    let answer = graphql(&server, TOKEN, COMMIT, change(&base, V2));
    assert_eq!(answer["data"]["createCommitOnBranch"], Value::Null);
    assert_eq!(answer["errors"][0]["type"], "STALE_DATA");
    assert_eq!(server.count(Step::Mutation("createCommitOnBranch")), 2);
}

#[test]
fn a_branch_moves_from_where_it_is_only() {
    let (server, repository) = start();
    let base = repository.tip("main");
    let other = repository.commit("side", "b.yaml", "x\n", "chore: side");
    let side = repository.tip("side");
    let update = |before: &str, after: &str| {
        graphql(
            &server,
            TOKEN,
            "mutation($input: UpdateRefsInput!) { updateRefs(input: $input) { clientMutationId } }",
            json!({"input": {"repositoryId": format!("R_{NAME}"), "refUpdates": [
                {"name": "refs/heads/main", "beforeOid": before, "afterOid": after, "force": false}
            ]}}),
        )
    };
    assert_eq!(update(&other, &side)["errors"][0]["type"], "UNPROCESSABLE");
    assert_eq!(repository.tip("main"), base);
    assert!(update(&base, &side).get("errors").is_none());
    assert_eq!(repository.tip("main"), side);
}

#[test]
fn a_commit_is_built_over_rest() {
    let (server, repository) = start();
    let base = repository.tip("main");
    let post = |resource: &str, body: Value| {
        let path = format!("/api/v3/repos/{NAME}/git/{resource}");
        let (status, answer) = send(&server, TOKEN, "POST", &path, Some(body));
        assert_eq!(status, 201, "{answer}");
        answer["sha"].as_str().unwrap().to_owned()
    };
    let entry = json!({"path": "run.sh", "mode": "100755", "type": "blob", "content": "ls\n"});
    let tree = post("trees", json!({"base_tree": base, "tree": [entry]}));
    let author = json!({"name": "Jimin", "email": "jimin@example.com"});
    let commit = json!({"message": "feat: run", "tree": tree, "parents": [base], "author": author});
    let commit = post("commits", commit);
    assert_eq!(repository.tip("main"), base);
    assert!(
        repository
            .git(&["ls-tree", &commit])
            .contains("100755 blob")
    );
    assert_eq!(
        repository.log(&commit)[0].author,
        "Jimin <jimin@example.com>"
    );

    let path = format!("/api/v3/repos/{NAME}/compare/{base}...{commit}");
    let (_, answer) = send(&server, TOKEN, "GET", &path, None);
    assert_eq!(
        (&answer["status"], &answer["ahead_by"]),
        (&json!("ahead"), &json!(1))
    );
}

#[test]
fn a_large_tree_is_cut() {
    let (server, repository) = start();
    repository.commit("main", "apps/a.yaml", "a: 1\n", "chore: a");
    let path = format!("/api/v3/repos/{NAME}/git/trees/{}", repository.tip("main"));
    let (_, whole) = send(&server, TOKEN, "GET", &format!("{path}?recursive=1"), None);
    let paths = |answer: &Value| -> Vec<String> {
        let entries = answer["tree"].as_array().unwrap().iter();
        entries
            .map(|entry| entry["path"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(paths(&whole), ["apps", "apps/a.yaml", "web.yaml"]);
    assert_eq!(whole["truncated"], false);
    server.github().limit_tree(2);
    let (_, cut) = send(&server, TOKEN, "GET", &format!("{path}?recursive=1"), None);
    assert_eq!((paths(&cut).len(), &cut["truncated"]), (2, &json!(true)));
    let (_, top) = send(&server, TOKEN, "GET", &path, None);
    assert_eq!(paths(&top), ["apps", "web.yaml"]);
}

#[test]
fn who_may_not_is_told_so() {
    let (server, repository) = start();
    server.grant("ghs_reader", Rights::ReadOnly);
    server.grant("ghp_stranger", Rights::NoAccess);
    let (status, answer) = send(&server, "ghp_unknown", "GET", "/api/v3/repos/a/b", None);
    assert_eq!(
        (status, &answer["message"]),
        (401, &json!("Bad credentials"))
    );
    let (status, _) = send(
        &server,
        "ghp_stranger",
        "GET",
        &format!("/api/v3/repos/{NAME}"),
        None,
    );
    assert_eq!(status, 404);
    let answer = graphql(
        &server,
        "ghs_reader",
        COMMIT,
        change(&repository.tip("main"), V2),
    );
    assert_eq!(answer["errors"][0]["type"], "FORBIDDEN");
    assert_eq!(
        answer["errors"][0]["message"],
        "Resource not accessible by integration"
    );
}

#[test]
fn a_rule_refuses_the_api_as_it_does_a_push() {
    let (server, repository) = start();
    repository.hook("pre-receive", "echo 'No.' >&2; exit 1");
    let answer = graphql(&server, TOKEN, COMMIT, change(&repository.tip("main"), V2));
    assert_eq!(
        answer["errors"][0]["type"],
        "BRANCH_PROTECTION_RULE_VIOLATION"
    );
    assert_eq!(answer["errors"][0]["message"], "No.");
    assert_eq!(repository.log("main").len(), 1);
}

#[test]
fn a_fault_keeps_to_its_request() {
    let (server, repository) = start();
    server.fault(
        Step::Mutation("createCommitOnBranch").nth(1),
        Fault::status(502),
    );
    let body = json!({"query": COMMIT, "variables": change(&repository.tip("main"), V2)});
    let path = format!("{}/api/graphql", server.url());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let status = runtime.block_on(async {
        let client = gitops_deploy::http::client(&Default::default()).unwrap();
        let request = client.post(path).body(body.to_string());
        request.send().await.unwrap().status()
    });
    assert_eq!(status, 502);
    assert_eq!(repository.log("main").len(), 1);
    assert_eq!(server.requests()[0].json()["query"], COMMIT);
}

#[test]
#[should_panic(expected = "Field 'colour' doesn't exist on type 'Repository'")]
fn a_field_that_is_not_there_is_a_complaint() {
    let (server, _repository) = start();
    let query = "{ repository(owner: \"wlals2\", name: \"k8s-manifests\") { colour } }";
    graphql(&server, TOKEN, query, json!({}));
}
