//! What a proxy on the way answers is told as the proxy's, whoever was asked by way of it, and nothing of it as a
//! refusal of a token.

use crate::support::oidc::{Dex, REQUEST_TOKEN};
use crate::support::{
    ARGOCD_TOKEN, Action, App, ArgoCd, Fault, GitServer, Outcome, Reply, Repository, Step, TOKEN,
    Via, closed_proxy,
};

const FILE: &str = "web.yaml";
const MANIFEST: &str = "image: registry.example.com/acme/web:v1\n";
const PASSWORD: &str = "s3cret-of-the-proxy";
const LOGIN: &str = "407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"corp\"";

fn start() -> (GitServer, Repository) {
    let server = GitServer::start();
    let repository = server.repository_with("acme/deploy", FILE, MANIFEST);
    (server, repository)
}

fn update(repository: &Repository, transport: &'static str) -> Action {
    let via = if transport == "api" {
        Via::Api
    } else {
        Via::Git
    };
    Action::new()
        .over(via, repository)
        .input("transport", transport)
        .input("file", FILE)
        .input("image", "registry.example.com/acme/web:v2")
        .input("token", TOKEN)
        .input("timeout", "3")
}

/// By way of the proxy that answers with `head`; what is on this machine is asked itself, unless that goes as well.
fn by_way_of(action: Action, head: &'static str, all: bool) -> Action {
    let proxy = format!("http://ci:{PASSWORD}@{}", closed_proxy(head));
    let action = action.env("HTTPS_PROXY", &proxy);
    match all {
        true => action.env("HTTP_PROXY", &proxy).env("NO_PROXY", ""),
        false => action.env("NO_PROXY", "127.0.0.1,localhost"),
    }
}

fn told(server: &GitServer, outcome: &Outcome) -> String {
    let shown = outcome.shown_log() + &outcome.summary;
    assert!(!shown.contains(PASSWORD), "{shown}");
    let errors = outcome.annotations();
    let error = errors.iter().find(|one| one.level == "error").unwrap();
    let text = format!("{}: {}", error.properties["title"], error.message);
    text.replace(&server.url(), "SERVER")
        .replace(server.url().trim_start_matches("http://"), "SERVER")
}

/// What everybody is told who is asked by way of a proxy that answers with `head`.
fn told_of_all(head: &'static str) -> Vec<String> {
    let (server, repository) = start();
    let failed = |action: Action| told(&server, &by_way_of(action, head, false).run().failed());
    let git = update(&repository, "git")
        .input("token", "x")
        .input("repository", "https://git.example.com/acme/deploy");
    let api = update(&repository, "api")
        .input("repository", "https://github.example.com/acme/deploy")
        .input("server-url", "https://github.example.com")
        .input("api-url", "https://github.example.com/api/v3");
    let registry = update(&repository, "git").input("verify-image", "true");
    let verify = || {
        Action::new()
            .input("operation", "verify")
            .over(Via::Git, &repository)
            .input("file", FILE)
            .input("token", TOKEN)
            .input("argocd-application", "blog")
            .input("verify-timeout", "3")
    };
    let argocd = verify()
        .input("argocd-server", "argocd.example.com")
        .input("argocd-token", ARGOCD_TOKEN);
    let there = ArgoCd::play(vec![Box::new(|| Reply::App(App::healthy("", "", &[])))])
        .with_dex(&Dex::new("github-actions"));
    let oidc = verify()
        .input("argocd-server", there.url())
        .input("argocd-oidc-connector", "github-actions")
        .env(
            "ACTIONS_ID_TOKEN_REQUEST_URL",
            "https://tokens.example.com/?v=1",
        )
        .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", REQUEST_TOKEN);
    let commit = repository.tip("main");
    let told = [git, api, registry, argocd, oidc].map(failed);
    told.map(|told| told.replace(&commit[..7], "COMMIT"))
        .to_vec()
}

#[test]
fn a_proxy_that_opens_no_way_is_named_whoever_is_asked() {
    for head in [LOGIN, "403 Forbidden"] {
        let status = if head == LOGIN {
            "(HTTP 407)"
        } else {
            "it refuses CONNECT"
        };
        for told in told_of_all(head) {
            assert!(told.contains(status), "{told}");
            assert!(
                told.starts_with("A proxy or a firewall is in the way: "),
                "{told}"
            );
            assert!(
                told.contains("HTTPS_PROXY") && told.contains("NO_PROXY"),
                "{told}"
            );
        }
    }
}

#[test]
fn what_a_proxy_answers_itself_is_no_answer_of_the_server() {
    for head in [
        LOGIN,
        "403 Forbidden\r\nX-Squid-Error: ERR_ACCESS_DENIED 0",
        "403 Forbidden\r\nProxy-Status: corp; error=http_request_denied",
        "503 Service Unavailable\r\nX-Squid-Error: ERR_CONNECT_FAIL 111",
    ] {
        for transport in ["git", "api"] {
            let (server, repository) = start();
            let action = by_way_of(update(&repository, transport), head, true);
            let told = told(&server, &action.run().failed());
            assert!(
                told.starts_with("A proxy or a firewall is in the way: "),
                "{head}: {told}"
            );
            assert_eq!(server.requests().len(), 0);
        }
    }
}

#[test]
fn a_page_in_place_of_a_refusal_is_no_refusal_of_a_token() {
    let page = |status: u16| {
        let kind = (
            "Content-Type".to_owned(),
            "text/html; charset=utf-8".to_owned(),
        );
        Fault::Status(
            status,
            vec![kind],
            "<html>Blocked by policy</html>".to_owned(),
        )
    };
    let mut told_of = Vec::new();
    for (transport, step, status) in [
        ("git", Step::FetchRefs, 403),
        ("api", Step::Query, 403),
        ("api", Step::Query, 401),
    ] {
        let (server, repository) = start();
        server.fault(step.every(), page(status));
        told_of.push(told(
            &server,
            &update(&repository, transport).run().failed(),
        ));
    }
    insta::assert_snapshot!(told_of.join("\n\n"), @"
    A proxy or a firewall is in the way: SERVER answered HTTP 403 with a web page, which is not how it refuses a token, so nothing was changed in SERVER/acme/deploy.git.
    As far as that shows, something on the way answers for the server: let this runner through there. A proxy is the one that HTTPS_PROXY names (HTTP_PROXY for `http://`), with a name and a password where it wants them; NO_PROXY lists the hosts that are reached without it.

    A proxy or a firewall is in the way: SERVER answered HTTP 403 with a web page, which is not how it refuses a token, so nothing was changed in acme/deploy.
    As far as that shows, something on the way answers for the server: let this runner through there. A proxy is the one that HTTPS_PROXY names (HTTP_PROXY for `http://`), with a name and a password where it wants them; NO_PROXY lists the hosts that are reached without it.

    A proxy or a firewall is in the way: SERVER answered HTTP 401 with a web page, which is not how it refuses a token, so nothing was changed in acme/deploy.
    As far as that shows, something on the way answers for the server: let this runner through there. A proxy is the one that HTTPS_PROXY names (HTTP_PROXY for `http://`), with a name and a password where it wants them; NO_PROXY lists the hosts that are reached without it.
    ");
}
