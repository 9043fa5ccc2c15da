//! Words that mean harm in every text of every API: a server answers as it does, with such words behind each of
//! its texts, and what comes of that in log, annotations, outputs and summary is text, and short.

use std::io::{BufReader, Read, Write};
use std::net::TcpStream;

use gitops_deploy::markdown::is_invisible;
use serde_json::{Value as Json, json};

use crate::hostile_apis::{rendered, request};
use crate::support::registry::{Registry, SignOn};
use crate::support::{
    ARGOCD_TOKEN, Action, App, ArgoCd, GitServer, Gitlab, Outcome, Post, Reply, Repository, Rights,
    TOKEN, listen,
};

const FILE: &str = "apps/web.yaml";
const NAME: &str = "acme/deploy";
const SOURCE_TOKEN: &str = "ghp_reads_the_source";

/// For the runner, a browser, a terminal and a person; and what is kept from all of them. What each could do is
/// called `harm`.
const HARM: &str = "\n::error title=harm::harm\r\n::set-output name=harm::harm\r::warning file=harm::harm\n##[error]harm\n\
    ::add-mask::harm\n::stop-commands::harm\n::save-state name=harm::harm\nharm=harm\nharm<<EOF\nharm\nEOF\n\
    # harm\n\n</details></td></table>\n\n<h1>harm</h1>\n\n```\n```html\n<b>harm</b>\n~~~\n| harm |\n|---|\n| <i>harm</i> |\n\n\
    - [ ] harm\n> harm\n\n[harm]: http://harm.example\n\n<img src=x onerror=harm()> [harm](http://harm.example) \
    ![harm](http://harm.example/a.png) || `harm` ``` http://harm.example/`<b>harm</b>` www.harm.example @harm-user closes #7 \
    <!-- harm --> &lt;b&gt; \\<b> ${{ secrets.HARM }} \u{1b}[31mharm\u{1b}]8;;http://harm.example\u{7}\0\u{8}\u{7f}\u{9b}1m\
    \u{202e}harm\u{2066}\u{200b}\u{feff}\u{2028}\u{2029}\u{85}\u{e0041} github_pat_11AAAAAAA0123456789_test";

/// What steers a run by its key, beside ids and dates: words behind it would end that too soon.
const STEERS: [&str; 20] = [
    ".branch.name",
    ".conclusion",
    ".context",
    ".digest",
    ".encoding",
    ".environment",
    ".kind",
    ".mediaType",
    ".nameWithOwner",
    ".path",
    ".phase",
    ".ref",
    ".repoURL",
    ".revision",
    ".revisions",
    ".state",
    ".status",
    ".targetRevision",
    ".type",
    ".version",
];

/// What is said behind which texts.
#[derive(Clone)]
struct Words {
    said: String,
    /// Whether also behind what steers the run.
    everywhere: bool,
}

impl Words {
    /// Puts them behind every text of `json`, which is at `place`.
    fn put(&self, place: &str, json: &mut Json) {
        match json {
            Json::String(text) if self.everywhere || !steers(place, text) => {
                text.push_str(&self.said);
            }
            Json::Array(items) => items.iter_mut().for_each(|item| self.put(place, item)),
            Json::Object(fields) => fields
                .iter_mut()
                .for_each(|(key, value)| self.put(&format!("{place}.{key}"), value)),
            _ => {}
        }
    }
}

/// Whether a text is a date, an id, one of few that there are, or has such a key.
fn steers(place: &str, text: &str) -> bool {
    let is_constant = |c: char| c.is_ascii_uppercase() || c == '_';
    let is_id = |c: char| c.is_ascii_hexdigit();
    STEERS.iter().any(|key| place.ends_with(key))
        || text.chars().all(is_constant)
        || (text.len() == 40 && text.chars().all(is_id))
        || (text.len() == 20 && text.ends_with('Z'))
}

/// A server that hands everything to the one at `behind`, and puts words into each answer in JSON.
fn saying(words: &Words, behind: &str) -> String {
    let behind = behind.trim_start_matches("http://").to_owned();
    let words = words.clone();
    listen(move |stream| {
        hand_over(stream, &words, &behind);
    })
}

fn hand_over(mut stream: TcpStream, words: &Words, behind: &str) -> Option<()> {
    let (head, body) = request(&mut BufReader::new(stream.try_clone().ok()?))?;
    let mut server = TcpStream::connect(behind).ok()?;
    // Who speaks the older version is not answered in chunks.
    let head = head.replacen(" HTTP/1.1\r\n", " HTTP/1.0\r\n", 1);
    write!(server, "{head}Connection: close\r\n\r\n").ok()?;
    server.write_all(&body).ok()?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).ok()?;
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n")? + 4;
    let (told, body) = answer.split_at(end);
    let Ok(mut json) = serde_json::from_slice::<Json>(body) else {
        return stream.write_all(&answer).ok();
    };
    words.put("", &mut json);
    let body = json.to_string();
    let told = String::from_utf8_lossy(told);
    let is_length = |line: &&str| line.to_lowercase().starts_with("content-length:");
    for line in told.trim_end().lines().filter(|line| !is_length(line)) {
        write!(stream, "{line}\r\n").ok()?;
    }
    write!(stream, "Content-Length: {}\r\n\r\n{body}", body.len()).ok()
}

/// The elements that summaries are made of.
const ELEMENTS: &str = "a blockquote br code details em h3 h4 li ol p pre strong summary table tbody td th thead tr ul";

/// Checks that all of it is text, and no longer than anybody reads.
#[track_caller]
fn is_text(case: &str, outcome: &Outcome) {
    let log = outcome.log();
    assert!(matches!(outcome.code(), Some(0 | 1)), "{case}: {log}");
    assert!(log.len() < 100_000, "{case}: {}", log.len());
    for command in outcome.commands() {
        let ours = ["add-mask", "group", "endgroup", "error", "warning"];
        assert!(ours.contains(&&*command.name), "{case}: {command:?}");
        assert!(!command.message.starts_with("harm"), "{case}: {command:?}");
        let mut named = command.properties.values();
        assert!(named.all(|value| value != "harm"), "{case}: {command:?}");
        assert!(command.message.len() < 10_000, "{case}: {command:?}");
    }
    let declared = include_str!("../../action.yml");
    for (name, value) in &outcome.outputs {
        let is_ours = declared.contains(&format!("\n  {name}:\n"));
        assert!(is_ours && !value.contains(TOKEN), "{case}: {name}={value}");
        assert!(value.len() < 100_000, "{case}: {name}: {}", value.len());
    }
    for text in [&outcome.shown_log(), &outcome.summary] {
        // Ours break what would be a command, and are part of a sign.
        let unseen = |c: char| is_invisible(c) && !matches!(c, '\u{200b}' | '\u{fe0f}');
        let unseen = |c: char| unseen(c) || c.is_control() && !matches!(c, '\n' | '\t');
        assert_eq!(text.chars().find(|c| unseen(*c)), None, "{case}: {text}");
        assert!(!text.contains(TOKEN), "{case}: {text}");
    }
    let (summary, html) = (&outcome.summary, rendered(&outcome.summary));
    assert!(summary.len() < 100_000, "{case}: {}", summary.len());
    for tag in html.split('<').skip(1) {
        let (tag, _) = tag.split_once('>').unwrap_or((tag, ""));
        let name = tag.trim_start_matches('/').split([' ', '/']).next();
        let is_ours = name.is_some_and(|name| ELEMENTS.split(' ').any(|own| own == name));
        let leads_away = ["http://harm", "http://www.harm", "mailto:"]
            .iter()
            .any(|to| tag.contains(&format!("href=\"{to}")));
        assert!(is_ours && !leads_away, "{case}: <{tag}> in {html}");
    }
}

/// Runs of which each hears other words: harmful or more than anybody reads, behind all texts that don't steer it,
/// or behind all there are.
#[track_caller]
fn each(case: &str, run: impl Fn(&Words) -> Outcome) {
    let long = format!(" harm {}", "x<b>|`".repeat(20_000));
    for said in [HARM.to_owned(), long] {
        for everywhere in [false, true] {
            let said = said.clone();
            let case = format!("{case}, {} bytes, everywhere: {everywhere}", said.len());
            let outcome = run(&Words { said, everywhere });
            is_text(&case, &outcome);
            // They came as far as that.
            let shown = [&outcome.stdout, &outcome.stderr, &outcome.summary];
            let mut shown = shown.into_iter().chain(outcome.outputs.values());
            let log = outcome.log();
            assert!(
                everywhere || shown.any(|text| text.contains("harm")),
                "{case}: {log}"
            );
        }
    }
}

fn manifest(image: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  template:\n    spec:\n      containers:\n      - name: web\n        image: {image}\n"
    )
}

fn start() -> (GitServer, Repository) {
    let server = GitServer::start();
    let repository = server.repository_with(NAME, FILE, &manifest("ghcr.io/acme/web:v1"));
    (server, repository)
}

/// An operation in the repository at `url`, or at the API of the server there.
fn action(operation: &str, url: &str) -> Action {
    Action::new()
        .input("operation", operation)
        .input("repository", url)
        .input("file", FILE)
        .input("token", TOKEN)
        .input("timeout", "20")
}

fn at_github(operation: &str, server: &str) -> Action {
    action(operation, &format!("{server}/{NAME}.git"))
        .input("server-url", server)
        .input("api-url", format!("{server}/api/v3"))
}

#[test]
fn in_every_text_of_argo_cd() {
    let (old, new) = ("ghcr.io/acme/web:v1", "ghcr.io/acme/web:v2");
    for health in ["Healthy", "Degraded"] {
        each(&format!("Argo CD, {health}"), |words| {
            let (_server, repository) = start();
            let before = repository.tip("main");
            let tip = repository.commit("main", FILE, &*manifest(new), "chore: update");
            let failed = json!({"group": "apps", "kind": "Deployment", "namespace": "blog", "name": "web",
                "status": "SyncFailed", "message": "it is not valid", "hookPhase": "Failed", "hookType": "PreSync"});
            let first = App::healthy(repository.url(), &before, &[old]);
            let then = App::healthy(repository.url(), &tip, &[new])
                .health(health)
                .with(
                    "/status/conditions",
                    json!([{"type": "SyncError", "message": "it failed"}]),
                )
                .with(
                    "/status/operationState/message",
                    "one or more objects failed",
                )
                .with(
                    "/status/operationState/syncResult",
                    json!({"revision": tip, "resources": [failed]}),
                );
            let steps = [first, then].map(|app| -> Box<dyn Fn() -> Reply + Send> {
                Box::new(move || Reply::App(app.clone()))
            });
            let argocd = ArgoCd::play(steps.into_iter().collect());
            argocd.set_window_denies(true);
            argocd.set_tree(json!([
                {"version": "v1", "kind": "Pod", "namespace": "blog", "name": "web-1", "images": [new],
                 "health": {"status": health, "message": "Back-off pulling image"},
                 "info": [{"name": "Status Reason", "value": "ImagePullBackOff"}]},
            ]));
            let argocd = saying(words, argocd.url());
            action("verify", repository.url())
                .input("verify-timeout", "2")
                .input("argocd-server", format!("http://{argocd}"))
                .input("argocd-token", ARGOCD_TOKEN)
                .input("argocd-application", "blog")
                .run()
        });
    }
}

#[test]
fn in_every_text_of_github() {
    each("GitHub", |words| {
        let (server, _repository) = start();
        server.grant(SOURCE_TOKEN, Rights::ReadOnly);
        let source = server.repository("acme/web");
        let github = format!("http://{}", saying(words, &server.url()));
        let deploy = |server: &str, tag: &str| {
            let built = source.commit("main", "a", tag, tag);
            at_github("update", server)
                .input("image", format!("ghcr.io/acme/web:{tag}"))
                .input("source-token", SOURCE_TOKEN)
                .env("GITHUB_SERVER_URL", &github)
                .env("GITHUB_REPOSITORY", "acme/web")
                .env("GITHUB_SHA", built)
        };
        deploy(&server.url(), "v2").run().succeeded();
        deploy(&github, "v3")
            .input("pull-request", "true")
            .input("pull-request-wait", "2")
            .run()
    });
}

#[test]
fn in_every_text_of_what_is_posted_on_a_commit() {
    each("posted", |words| {
        let (server, repository) = start();
        let new = manifest("ghcr.io/acme/web:v2");
        let tip = repository.commit("main", FILE, &*new, "chore: update");
        for post in [
            Post::status(&tip, "failure", "kustomization/web").saying("it failed"),
            Post::check(&tip, "failure", "smoke").saying("it failed as well"),
            Post::deployment(&tip, "failure", "production").saying("and this"),
        ] {
            server.github().post(post.by("flux[bot]"));
        }
        let github = format!("http://{}", saying(words, &server.url()));
        at_github("verify", &github)
            .input("transport", "git")
            .input("verify-timeout", "2")
            .input("status-context", "*\ncheck:*\ndeployment:*")
            .run()
    });
}

#[test]
fn in_every_text_of_gitlab_and_gitea() {
    let update = |url: &str| {
        action("update", url)
            .input("image", "ghcr.io/acme/web:v2")
            .input("pull-request", "true")
    };
    each("GitLab", |words| {
        let (server, repository) = start();
        server.become_gitlab();
        // It opens none, and says so with the push.
        Gitlab::at(&repository).forbid(&words.said.replace('\0', ""));
        update(repository.url()).run()
    });
    each("Gitea", |words| {
        let (server, _repository) = start();
        server.become_gitea().set_labels(&["deploy", "other"], &[]);
        let gitea = saying(words, &server.url());
        update(&format!("http://{gitea}/{NAME}.git"))
            .input("pull-request-labels", "missing")
            .input("pull-request-wait", "2")
            .run()
    });
}

#[test]
fn in_every_text_of_a_registry() {
    each("a registry", |words| {
        let registry = Registry::start(SignOn::None);
        registry.push("acme/web", "v2", &["linux/amd64", "linux/arm64/v8"]);
        // By that words would be found out.
        registry.forget_digests();
        let host = saying(words, registry.host());
        let server = GitServer::start();
        let old = manifest(&format!("{host}/acme/web:v1"));
        let repository = server.repository_with(NAME, FILE, &old);
        action("update", repository.url())
            .input("image", format!("{host}/acme/web:v2"))
            .input("require-platforms", "linux/s390x")
            .run()
    });
}

/// Three commits: in the messages, the author's name, the file's, the object's and the container's are words.
fn of_words(words: &Words) -> (GitServer, Repository) {
    let server = GitServer::start();
    let repository = server.repository(NAME);
    let text = |text: &str| format!("data {}\n{text}\n", text.len());
    // Neither is longer anywhere.
    let short: String = words.said.chars().take(200).collect();
    let name = short.replace(['\n', '\r', '\0', '<', '>'], " ");
    let path = name.replace(['/', '\\', '"'], "|");
    let object = serde_json::to_string(&short).unwrap();
    let mut stream = String::new();
    for (number, tag) in ["v1", "v2", "v3"].iter().enumerate() {
        let message = format!("feat: {tag}{}", words.said.replace('\0', ""));
        let file = format!(
            "kind: Deployment\nmetadata: {{name: {object}}}\nspec:\n  template:\n    spec:\n      containers:\n      - name: {object}\n        image: ghcr.io/acme/web:{tag}\n"
        );
        stream += &format!(
            "commit refs/heads/main\ncommitter {name} <a@example.com> {} +0000\n{}M 100644 inline \"{path}.yaml\"\n{}",
            1_700_000_000 + number,
            text(&message),
            text(&file)
        );
    }
    repository.import_dated("raw", stream.as_bytes());
    (server, repository)
}

#[test]
fn in_all_that_a_repository_holds() {
    for operation in ["history", "rollback", "update", "status"] {
        each(operation, |words| {
            let (_server, repository) = of_words(words);
            let action = action(operation, repository.url()).input("file", "*.yaml");
            match operation {
                "update" => action.input("image", "ghcr.io/acme/web:v4"),
                "status" => action.input("file", "{stage}.yaml"),
                _ => action,
            }
            .run()
        });
    }
}
