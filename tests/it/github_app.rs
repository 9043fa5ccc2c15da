//! `app-id` and `app-private-key`: a token for one repository, made for one run.

use crate::support::{
    APP_ID, APP_KEY, Action, Fault, GitServer, MINTED, Repository, Rights, Step, Via,
};
use base64::Engine as _;
use serde_json::json;

const NAME: &str = "acme/deploy";
const FILE: &str = "web.yaml";

fn start() -> (GitServer, Repository) {
    let server = GitServer::start();
    let repository = server.repository_with(NAME, FILE, "image: ghcr.io/acme/web:v1\n");
    server.grant(MINTED, Rights::ReadWrite);
    server
        .github()
        .install_app(NAME, &["contents", "pull_requests"]);
    (server, repository)
}

fn step(repository: &Repository, operation: &str) -> Action {
    let action = Action::new()
        .over(Via::Api, repository)
        .input("operation", operation)
        .input("file", FILE)
        .input("app-id", APP_ID)
        .input("app-private-key", APP_KEY)
        // The workflow's own, which is always there.
        .input("token", "ghs_theWorkflowsOwnWhichReachesNothing")
        .input("timeout", "60");
    match operation {
        "update" => action.input("image", "ghcr.io/acme/web:v2"),
        _ => action,
    }
}

/// Title and message of a failure that left Git as it was and shows nothing of the key.
fn refused(repository: &Repository, action: Action) -> String {
    let before = repository.git(&["for-each-ref"]);
    let outcome = action.run().failed();
    assert_eq!(repository.git(&["for-each-ref"]), before);
    let error = outcome
        .annotations()
        .into_iter()
        .find(|one| one.level == "error")
        .unwrap();
    let body = APP_KEY.lines().nth(1).unwrap();
    assert!(!outcome.shown_log().contains(body) && !outcome.summary.contains(body));
    let host = repository.server_url().trim_start_matches("http://");
    format!("{}: {}", error.properties["title"], error.message).replace(host, "HOST")
}

#[test]
fn an_app_gets_a_token_for_the_one_repository() {
    let (server, repository) = start();
    let outcome = step(&repository, "update").run().succeeded();
    assert_eq!(outcome.output("commit-sha"), repository.tip("main"));
    assert_eq!(
        server.github().minted(),
        [json!({"repositories": ["deploy"], "permissions": {"contents": "write"}})]
    );
    // Masked before anything could show it, in each form in which it travels; as the key is.
    let basic = base64::prelude::BASE64_STANDARD.encode(format!("x-access-token:{MINTED}"));
    let masks = outcome.masks();
    for secret in [MINTED, &basic, APP_KEY.lines().nth(1).unwrap()] {
        assert!(
            masks.iter().any(|mask| mask == secret),
            "{secret} is not masked"
        );
    }
    assert!(!outcome.shown_log().contains(MINTED) && !outcome.summary.contains(MINTED));
}

#[test]
fn it_asks_for_what_the_operation_needs_and_no_more() {
    let (server, repository) = start();
    let asked = |action: Action| {
        action.run().succeeded();
        server.github().minted().pop().unwrap()["permissions"].clone()
    };
    assert_eq!(
        asked(step(&repository, "history")),
        json!({"contents": "read"})
    );
    let dry = step(&repository, "update").input("dry-run", "true");
    assert_eq!(asked(dry), json!({"contents": "read"}));
    let proposed = step(&repository, "update").input("pull-request", "true");
    assert_eq!(
        asked(proposed),
        json!({"contents": "write", "pull_requests": "write"})
    );
    // Over git, too.
    let over_git = step(&repository, "update").input("transport", "git");
    assert_eq!(asked(over_git), json!({"contents": "write"}));
}

#[test]
fn a_key_may_be_converted_or_stored_on_one_line() {
    let (_server, repository) = start();
    let converted = include_str!("../support/github/app.pkcs8.pem");
    for key in [APP_KEY.replace('\n', "\\n"), converted.to_owned()] {
        step(&repository, "update")
            .input("app-private-key", key)
            .run()
            .succeeded();
    }
}

#[test]
fn another_apps_key_is_refused_and_nothing_is_made() {
    let (server, repository) = start();
    let other = include_str!("../support/github/other.pem");
    let action = step(&repository, "update").input("app-private-key", other);
    insta::assert_snapshot!(refused(&repository, action), @"
    The GitHub App gets no token: GitHub does not take the key for the app `123456`: A JSON web token could not be decoded. Nothing was changed.
    `app-private-key` is another app's, or was deleted there; or `app-id` is wrong: it is the App ID or the Client ID of the app's settings page.
    ");
    assert_eq!(server.github().minted().len(), 0);
}

#[test]
fn every_refusal_says_what_to_do() {
    let (server, repository) = start();
    let other = step(&repository, "update").input("app-id", "654321");
    let mut told = vec![refused(&repository, other)];
    server.github().install_app(NAME, &["contents"]);
    let proposing = step(&repository, "update").input("pull-request", "true");
    told.push(refused(&repository, proposing));
    server.github().install_app("acme/elsewhere", &["contents"]);
    told.push(refused(&repository, step(&repository, "update")));
    let wrong = |id: &str, key: &str| {
        let action = step(&repository, "update")
            .input("app-id", id)
            .input("app-private-key", key);
        refused(&repository, action)
    };
    told.push(wrong(APP_ID, "s3cret"));
    told.push(wrong("", APP_KEY));
    told.push(wrong(APP_ID, ""));
    insta::assert_snapshot!(told.join("\n\n"), @"
    The GitHub App gets no token: GitHub does not take the key for the app `654321`: 'Issuer' claim ('iss') must be an Integer or a client ID of an app. Nothing was changed.
    `app-private-key` is another app's, or was deleted there; or `app-id` is wrong: it is the App ID or the Client ID of the app's settings page.

    The GitHub App gets no token: The app `123456` gets no token for acme/deploy: HOST answered HTTP 422: The permissions requested are not granted to this installation. Nothing was changed.
    It needs *Contents: Read and write*, *Pull requests: Read and write*: set it in the app's permissions, and accept the change where it is installed.

    The GitHub App gets no token: The app `123456` is not installed on acme/deploy: HOST answered HTTP 404. Nothing was changed.
    Install it there (the app's settings → Install App), with that repository among those it may see; and check `repository`.

    The inputs are not valid: `app-private-key`: no private key in it: expected PEM, from `-----BEGIN RSA PRIVATE KEY-----` to `-----END RSA PRIVATE KEY-----`, as GitHub gave it, line ends included
    Nothing was changed.

    The inputs are not valid: `app-id`: required with `app-private-key`: the App ID, or the Client ID, of the app's settings page
    Nothing was changed.

    The inputs are not valid: `app-private-key`: empty, though `app-id` is given. Where it comes from a secret, that secret is not set here
    Nothing was changed.
    ");
}

#[test]
fn trouble_on_the_way_is_waited_through() {
    let (server, repository) = start();
    server.fault(
        Step::Rest("GET installation").nth(1),
        Fault::Status(502, Vec::new(), String::new()),
    );
    step(&repository, "update").run().succeeded();
}

#[test]
fn a_token_that_no_request_can_carry_is_an_error() {
    for token in ["ghs_two\nlines", "ghs_two\r\nX-Other: lines", "ghs_\u{0}"] {
        let (server, repository) = start();
        let body = json!({"token": token, "expires_at": "2026-11-23T16:00:00Z"});
        server.fault(
            Step::Rest("POST installations").every(),
            Fault::Status(201, Vec::new(), body.to_string()),
        );
        let told = refused(&repository, step(&repository, "update"));
        assert!(
            told.contains("HOST gave a token that no request can carry"),
            "{told}"
        );
        assert!(!told.contains("ghs_"), "{told}");
    }
}

#[test]
fn a_repository_that_was_renamed_is_known_by_its_id() {
    let (server, repository) = start();
    server.github().rename("former/name", NAME);
    step(&repository, "update")
        .input("repository", "former/name")
        .run()
        .succeeded();
    assert_eq!(
        server.github().minted(),
        [json!({"repository_ids": [7], "permissions": {"contents": "write"}})]
    );
    assert_eq!(repository.log("main").len(), 2);
}

#[test]
fn a_clock_that_is_wrong_is_corrected_by_githubs() {
    for seconds in [-3600, 3600, 90] {
        let (server, repository) = start();
        server.github().set_clock(seconds);
        step(&repository, "update").run().succeeded();
        assert_eq!(
            server.count(Step::Rest("GET installation")),
            2 - usize::from(seconds == 90)
        );
    }
}

#[test]
fn a_suspended_installation_another_server_and_a_repository_left_out_are_told_apart() {
    let told = |status, words| {
        let (server, repository) = start();
        server.github().refuse_app(status, words);
        refused(&repository, step(&repository, "update"))
    };
    let told = [
        told(403, "This installation has been suspended"),
        told(404, "Integration not found"),
        told(401, "'Issuer' claim ('iss') must be an Integer"),
    ];
    insta::assert_snapshot!(told.join("\n\n"), @"
    The GitHub App gets no token: The installation of the app `123456` on acme/deploy is suspended: This installation has been suspended. Nothing was changed.
    The owner of the repository, or of the app, lifts that: Settings → GitHub Apps → Configure → Unsuspend.

    The GitHub App gets no token: The server knows no app `123456`: HOST answered HTTP 404. Nothing was changed.
    `app-id` is wrong (it is the App ID or the Client ID of the app's settings page), or the app is of another server than `server-url` and `api-url` name.

    The GitHub App gets no token: GitHub does not take the key for the app `123456`: 'Issuer' claim ('iss') must be an Integer. Nothing was changed.
    `app-private-key` is another app's, or was deleted there; or `app-id` is wrong: it is the App ID or the Client ID of the app's settings page.
    ");
}

#[test]
fn what_is_posted_on_commits_is_read_by_a_permission_of_its_own() {
    let (server, repository) = start();
    let verify = |lines: &str| {
        step(&repository, "verify")
            .input("status-context", lines)
            .input("verify-timeout", "1")
    };
    insta::assert_snapshot!(
        refused(&repository, verify("kustomization/web/*\ncheck:e2e")),
        @"
        The GitHub App gets no token: The app `123456` gets no token for acme/deploy: HOST answered HTTP 422: The permissions requested are not granted to this installation. Nothing was changed.
        It needs *Contents: Read*, *Commit statuses: Read*, *Checks: Read*: set it in the app's permissions, and accept the change where it is installed.
        "
    );
    let posted = ["contents", "statuses", "checks", "deployments"];
    server.github().install_app(NAME, &posted);
    let all = "kustomization/web/*\ncheck:e2e\ndeployment:prod";
    for lines in ["kustomization/web/*", all] {
        let outcome = verify(lines).run().failed();
        assert!(
            outcome.errors()[0].contains("Nothing was posted on"),
            "{}",
            outcome.log()
        );
    }
    let minted = |permissions: serde_json::Value| json!({"repositories": ["deploy"], "permissions": permissions});
    assert_eq!(
        server.github().minted(),
        [
            minted(json!({"contents": "read", "statuses": "read"})),
            minted(json!({
                "contents": "read", "statuses": "read", "checks": "read", "deployments": "read",
            })),
        ]
    );
}
