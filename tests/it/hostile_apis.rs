//! Servers that mean harm with JSON: of lists and objects that take a hundred times as much memory as they
//! have bytes, of pages without end, and of words that are no text.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use gitops_deploy::limits::{GITHUB, JSON, LISTS, VALUES};

use crate::hostile::{self, TIMEOUT, beside, bounded};
use crate::support::{ARGOCD_TOKEN, Action, GitServer, Outcome, TOKEN, listen, manifest};

/// What was asked for: `GET /api/v1/version`.
pub(crate) type Asked<'r> = &'r str;

/// A status and JSON.
pub(crate) type Answer = (u16, Vec<u8>);

/// A server that answers what `answer` does, each a status and JSON, and hands all else to the one at
/// `behind`.
pub(crate) fn before(
    behind: &str,
    answer: impl Fn(Asked<'_>) -> Option<Answer> + Send + Sync + 'static,
) -> String {
    let behind = behind.to_owned();
    listen(move |stream| {
        exchange(stream, &answer, &behind);
    })
}

/// One request, and its answer.
fn exchange(
    mut stream: TcpStream,
    answer: &dyn Fn(Asked<'_>) -> Option<Answer>,
    behind: &str,
) -> Option<()> {
    let (head, body) = request(&mut BufReader::new(stream.try_clone().ok()?))?;
    let (asked, _) = head.lines().next()?.rsplit_once(" HTTP/")?;
    if let Some((status, json)) = answer(asked) {
        let head = format!(
            "HTTP/1.1 {status} Status\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            json.len()
        );
        stream.write_all(head.as_bytes()).ok()?;
        return stream.write_all(&json).ok();
    }
    let mut behind = TcpStream::connect(behind).ok()?;
    write!(behind, "{head}Connection: close\r\n\r\n").ok()?;
    behind.write_all(&body).ok()?;
    std::io::copy(&mut behind, &mut stream).ok().map(drop)
}

/// A request's head without its last line, and its body. It shall be the last of its connection.
pub(crate) fn request(reader: &mut impl BufRead) -> Option<(String, Vec<u8>)> {
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let lower = line.to_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line == "\r\n" {
            break;
        }
        if !lower.starts_with("connection:") {
            head.push_str(&line);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((head, body))
}

/// A list of `item` again and again, in so many bytes.
fn list(item: &str, bytes: u64) -> String {
    let count = bytes as usize / (item.len() + 1);
    format!("[{}0]", format!("{item},").repeat(count))
}

/// An object in an object in an object: six bytes of each are more than six hundred in memory.
fn deep() -> String {
    format!("{}0{}", "{\"\":".repeat(100), "}".repeat(100))
}

/// Lists that take as much memory as they can, in fewer than so many bytes.
pub(crate) fn lists(bytes: u64) -> Vec<String> {
    let bytes = bytes - 1_000;
    let whole = |item: &str| list(item, bytes);
    // As many as are taken in.
    let objects = format!("{},", deep()).repeat(LISTS.most() as usize / 100 - 10);
    let values = "0,".repeat(VALUES.most() as usize - LISTS.most() as usize);
    vec![
        whole("0"),
        whole("[0]"),
        whole("{}"),
        whole("{\"\":0}"),
        whole(&deep()),
        format!("[{objects}{values}0]"),
    ]
}

/// A run that ended in its time, in its memory, and was told why.
#[track_caller]
pub(crate) fn is_told(outcome: &Outcome) {
    let (log, errors) = (outcome.log(), outcome.errors());
    assert_eq!(outcome.code(), Some(1), "{log}");
    assert_eq!(errors.len(), 1, "{log}");
    assert!(errors[0].len() < 4_000, "{}", errors[0].len());
}

/// An update over an API that answers in this way.
fn over_the_api(status: u16, json: String) -> Outcome {
    let json = json.into_bytes();
    let server = before("", move |_| Some((status, json.clone())));
    hostile::over_the_api(&server)
}

#[test]
fn an_api_that_answers_with_lists_of_millions() {
    for list in lists(GITHUB.most()) {
        for (status, json) in [
            (200, format!("{{\"data\":{list}}}")),
            (
                200,
                format!("{{\"errors\":[{{\"message\":\"\",\"path\":{list}}}]}}"),
            ),
            (422, format!("{{\"message\":\"\",\"errors\":{list}}}")),
        ] {
            is_told(&over_the_api(status, json));
        }
    }
}

#[test]
fn an_argo_cd_that_answers_with_lists_of_millions() {
    for list in lists(JSON.most()) {
        for key in ["x", "nodes", "status\":{\"resources"] {
            let end = if key.contains('{') { "}" } else { "" };
            let json = format!("{{\"metadata\":{{}},\"spec\":{{}},\"{key}\":{list}{end}}}");
            let (git, json) = (GitServer::start(), json.into_bytes());
            let server = before("", move |_| Some((200, json.clone())));
            let action = beside(&git, &server)
                .input("operation", "verify")
                .input("argocd-server", format!("http://{server}"))
                .input("argocd-token", ARGOCD_TOKEN)
                .input("argocd-application", "web")
                .input("verify-timeout", TIMEOUT.to_string());
            is_told(&bounded(action));
        }
    }
}

#[test]
fn a_registry_that_answers_with_lists_of_millions() {
    for list in lists(JSON.most()) {
        for (status, key) in [(200, "manifests"), (404, "tags"), (401, "errors")] {
            let json = format!("{{\"schemaVersion\":2,\"{key}\":{list}}}").into_bytes();
            let git = GitServer::start();
            let server = before("", move |asked| {
                let is_list = asked.contains("/tags/list");
                Some((if is_list { 200 } else { status }, json.clone()))
            });
            let action = beside(&git, &server)
                .input("image", format!("{server}/acme/web:v2"))
                .input("require-platforms", "linux/amd64");
            is_told(&bounded(action));
        }
    }
}

/// A run against a Gitea that answers what `answer` does.
fn on_gitea(
    answer: impl Fn(Asked<'_>) -> Option<String> + Send + Sync + 'static,
) -> (GitServer, Action) {
    let git = GitServer::start();
    let behind = git.url().trim_start_matches("http://").to_owned();
    let server = before(&behind, move |asked| {
        if asked.contains("/api/v4/") {
            return Some((404, b"{}".to_vec()));
        }
        if asked.ends_with("/api/v1/version") {
            return Some((200, b"{\"version\":\"1.24.0\"}".to_vec()));
        }
        answer(asked).map(|json| (200, json.into_bytes()))
    });
    let action = beside(&git, "ghcr.io")
        .input("repository", format!("http://{server}/acme/deploy"))
        .input("image", "ghcr.io/acme/web:v2")
        .input("pull-request", "true")
        .input("pull-request-labels", "deploy")
        .input("downgrade", "skip");
    (git, action)
}

#[test]
fn a_gitea_whose_lists_have_no_end() {
    let pull = "{\"number\":1,\"html_url\":\"\",\"state\":\"\",\"title\":\"\",\"head\":{\"ref\":\"\",\"repo_id\":1},\"base\":{\"ref\":\"\",\"repo_id\":1}}";
    for json in lists(JSON.most()) {
        let (_git, action) = on_gitea(move |_| Some(json.clone()));
        is_told(&bounded(action));
    }
    // As much as a page may have, on each of them.
    let count = JSON.most() as usize / (pull.len() + 1) - 1;
    let pulls = format!("[{}{pull}]", format!("{pull},").repeat(count));
    let (_git, action) = on_gitea(move |asked| {
        Some(if asked.contains("/pulls") {
            pulls.clone()
        } else {
            "[]".to_owned()
        })
    });
    // Time for so many of them that all together would be too much.
    is_told(&bounded(action.input("timeout", "12")));
}

/// What would be a command to the runner, a colour, a picture, a link or a mention, in the words of somebody else.
const WORDS: &str = "x\n::error::harm\r\n::set-output name=a::harm\n::stop-commands::harm\n##[error]harm \u{1b}[31m\u{202e} \
    <img src=x onerror=harm()> [a](http://harm.example) ![b](http://harm.example) ` `` \" | ~~~ http://harm.example/`<b>` \
    @acme closes #7 </details><script>";

/// A summary as GitHub shows it, but for what it takes away.
pub(crate) fn rendered(summary: &str) -> String {
    let mut options = comrak::Options::default();
    options.extension.table = true;
    options.extension.autolink = true;
    options.extension.strikethrough = true;
    options.render.r#unsafe = true;
    comrak::markdown_to_html(summary, &options)
}

/// Checks that those words were no more than text.
#[track_caller]
fn is_text(case: &str, outcome: &Outcome) {
    let log = outcome.log();
    assert_eq!(outcome.code(), Some(1), "{case}: {log}");
    let shown = [&outcome.stdout, &outcome.stderr, &outcome.summary].map(String::as_str);
    let all = shown.join("\n");
    // They are there.
    assert!(all.contains("harm"), "{case}: {log}");
    for command in [
        "::error::harm",
        "::set-output",
        "::stop-commands",
        "##[error]",
    ] {
        // The runner reads what is printed.
        let mut lines = log.lines().map(str::trim_start);
        assert!(
            !lines.any(|line| line.starts_with(command)),
            "{case}: {log}"
        );
    }
    assert!(!all.contains(['\u{1b}', '\u{202e}']), "{case}: {log}");
    let html = rendered(&outcome.summary);
    for element in ["<img", "<b>", "<script", "href=\"http://harm"] {
        assert!(!html.contains(element), "{case}: {element} in {html}");
    }
}

#[test]
fn words_that_come_with_a_push_are_text_in_the_log_and_the_summary() {
    let directory = tempfile::tempdir().unwrap();
    let words = directory.path().join("words");
    std::fs::write(&words, WORDS).unwrap();
    let git = GitServer::start();
    let repository = git.repository_with("acme/deploy", "web.yaml", &manifest("v1"));
    let action = Action::new()
        .input("repository", repository.url())
        .input("file", "web.yaml")
        .input("image", "ghcr.io/acme/web:v2")
        .input("token", TOKEN)
        .input("timeout", TIMEOUT.to_string());
    repository.hook(
        "pre-receive",
        &format!("cat {} >&2; exit 1", words.display()),
    );
    is_text("a hook", &bounded(action));
}
