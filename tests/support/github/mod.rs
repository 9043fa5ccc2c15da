//! GitHub's API, on top of the server's bare repositories: what is written through it is in them, for
//! the git command line to read, and what git pushes shows here.
//!
//! The addresses are a GitHub Enterprise Server's: REST below `/api/v3`, GraphQL at `/api/graphql`.
//! Answers have GitHub's form, its refusals GitHub's types and words. What GitHub would not take, or
//! would take for something else than was meant, is a complaint: the test ends red.

mod app;
mod graphql;
mod posted;
mod pulls;
mod rest;
mod store;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use hyper::body::Bytes;
use hyper::header::{
    AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, USER_AGENT,
};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use serde_json::{Value as Json, json};

pub use self::app::{APP_ID, APP_KEY, MINTED};
pub use self::posted::Post;
use self::store::Store;
use super::faults::Step;
use super::server::Rights;

pub(crate) const REST_ROOT: &str = "/api/v3";
const GRAPHQL: &str = "/api/graphql";

/// Where requests are written to, one a line, when it is set: what checks them against GitHub's
/// published schemas reads them there.
const RECORD: &str = "GITOPS_DEPLOY_RECORD_REQUESTS";

/// The API of all repositories of a server.
pub struct Github {
    root: PathBuf,
    complaints: Mutex<Vec<String>>,
    limits: Mutex<Limits>,
    pulls: Mutex<Vec<Json>>,
    /// Why nobody may open one.
    no_pulls: Mutex<Option<&'static str>>,
    /// Whether tokens see none.
    hidden_pulls: Mutex<bool>,
    /// How they can be merged.
    merging: Mutex<Merging>,
    /// What repositories were called before.
    former_names: Mutex<HashMap<String, String>>,
    installation: Mutex<Option<app::Installation>>,
    minted: Mutex<Vec<Json>>,
    posts: Mutex<posted::Posts>,
    /// Seconds by which the clock is ahead.
    clock: Mutex<i64>,
    /// How apps are refused, if they are.
    no_app: Mutex<Option<(u16, &'static str)>>,
}

/// How much GitHub tells in one answer.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// Entries of a recursive listing of a tree; real: 100,000.
    tree: usize,
    /// Bytes of a file's text over GraphQL; real: 512,000.
    text: usize,
}

/// How pull requests can be merged.
#[derive(Debug, Clone, Copy)]
struct Merging {
    /// GraphQL's `mergeStateStatus`.
    state: &'static str,
    /// Whether the repository's settings allow auto-merge.
    auto_merge: bool,
    /// The one way to merge that they allow; else every one.
    methods: Option<&'static str>,
    /// Whether the target has a merge queue.
    queue: bool,
}

/// What is sent back.
pub(crate) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// Who asks.
#[derive(Debug, Clone, Copy)]
struct Caller<'a> {
    token: &'a str,
    rights: Rights,
}

impl Caller<'_> {
    fn sees(&self) -> bool {
        matches!(self.rights, Rights::ReadWrite | Rights::ReadOnly)
    }

    fn writes(&self) -> bool {
        self.rights == Rights::ReadWrite
    }

    /// How GitHub tells a token that it may not.
    fn no_access(&self) -> &'static str {
        if self.token.starts_with("ghs_") {
            "Resource not accessible by integration"
        } else {
            "Resource not accessible by personal access token"
        }
    }

    /// The account that the token belongs to: name and address.
    fn account(&self) -> (&'static str, &'static str) {
        if self.token.starts_with("ghs_") {
            let address = "41898282+github-actions[bot]@users.noreply.github.com";
            ("github-actions[bot]", address)
        } else {
            ("wlals2", "1000001+wlals2@users.noreply.github.com")
        }
    }
}

impl Github {
    pub(crate) fn new(root: &Path) -> Github {
        Github {
            root: root.to_owned(),
            complaints: Mutex::default(),
            limits: Mutex::new(Limits {
                tree: 100_000,
                text: 512_000,
            }),
            pulls: Mutex::default(),
            no_pulls: Mutex::default(),
            hidden_pulls: Mutex::default(),
            merging: Mutex::new(Merging {
                state: "BLOCKED",
                auto_merge: true,
                methods: None,
                queue: false,
            }),
            former_names: Mutex::default(),
            installation: Mutex::default(),
            minted: Mutex::default(),
            posts: Mutex::default(),
            clock: Mutex::default(),
            no_app: Mutex::default(),
        }
    }

    /// Lists no more entries of a tree at once, from the next request on.
    pub fn limit_tree(&self, entries: usize) {
        lock(&self.limits).tree = entries;
    }

    /// Has `now` be what was called `before`. GraphQL then takes both names; REST leads a question
    /// elsewhere, and a change as well.
    pub fn rename(&self, before: &str, now: &str) {
        lock(&self.former_names).insert(before.to_owned(), now.to_owned());
    }

    /// What a repository is called now, if `name` is what it was called before.
    fn renamed(&self, name: &str) -> Option<String> {
        lock(&self.former_names).get(name).cloned()
    }

    pub(crate) fn complaints(&self) -> Vec<String> {
        lock(&self.complaints).clone()
    }

    /// Notes something that no request of ours should hold.
    fn complain(&self, what: impl Into<String>) {
        lock(&self.complaints).push(what.into());
    }

    fn limits(&self) -> Limits {
        *lock(&self.limits)
    }

    /// Answers a request.
    pub(crate) fn answer(
        &self,
        request: &Parts,
        body: &[u8],
        tokens: &HashMap<String, Rights>,
    ) -> Answer {
        let mut answer = self.answered(request, body, tokens);
        let date = self.now().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let date = HeaderValue::from_str(&date).unwrap();
        answer.headers.entry(DATE).or_insert(date);
        // What other programs send is not the action's.
        let agent = request.headers.get(USER_AGENT);
        if agent.is_some_and(|agent| agent == "octocrab") {
            record(request, body, &answer);
        }
        answer
    }

    fn answered(&self, request: &Parts, body: &[u8], tokens: &HashMap<String, Rights>) -> Answer {
        let path = request.uri.path();
        let header = |name: HeaderName| {
            let value = request.headers.get(name)?;
            value.to_str().ok()
        };
        if header(USER_AGENT).is_none_or(str::is_empty) {
            self.complain(format!("{path}: no User-Agent"));
        }
        if request.method != Method::GET
            && header(CONTENT_TYPE).is_none_or(|kind| !kind.starts_with("application/json"))
        {
            self.complain(format!("{path}: no Content-Type: application/json"));
        }
        let Some(token) = header(AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "))
        else {
            self.complain(format!("{path}: no Authorization: Bearer"));
            return refusal(401, "Requires authentication");
        };
        let below = path.strip_prefix(REST_ROOT).unwrap_or(path);
        if let Some(answer) = self.of_app(token, below, body) {
            return answer;
        }
        let rights = tokens.get(token).copied().unwrap_or(Rights::Refused);
        if rights == Rights::Refused {
            return refusal(401, "Bad credentials");
        }
        let caller = Caller { token, rights };
        if path == GRAPHQL {
            return self.graphql(&caller, body);
        }
        let Some(rest) = path.strip_prefix(REST_ROOT) else {
            return refusal(404, "Not Found");
        };
        self.rest(&caller, request, rest, body)
    }

    /// The repository, if it is there and the caller may know.
    fn open(&self, caller: &Caller<'_>, name: &str) -> Option<Store> {
        if !caller.sees() {
            return None;
        }
        Store::open(&self.root.join(format!("{name}.git")), name)
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a path is the API's.
pub(crate) fn is_api(path: &str) -> bool {
    path == GRAPHQL || path.starts_with(REST_ROOT)
}

/// What a request is, and the repository that it is about.
pub(crate) fn named(method: &Method, path: &str, body: &Bytes) -> (Option<Step>, String) {
    if path == GRAPHQL {
        let body: Json = serde_json::from_slice(body).unwrap_or_default();
        let variable = |name: &str| body["variables"][name].as_str().unwrap_or_default();
        let repository = format!("{}/{}", variable("owner"), variable("name"));
        let document = body["query"].as_str().unwrap_or_default();
        return (Step::of_api(method, path, Some(document)), repository);
    }
    let path = path.strip_prefix(REST_ROOT).unwrap_or(path);
    let path = path.strip_prefix("/repos/").unwrap_or(path);
    let repository: Vec<&str> = path.splitn(3, '/').take(2).collect();
    let step = Step::of_api(method, &format!("/{path}"), None);
    (step, repository.join("/"))
}

/// What follows the repository in a path.
pub(crate) fn tail(path: &str) -> String {
    let rest = path.strip_prefix(REST_ROOT).unwrap_or_default();
    rest.splitn(5, '/')
        .skip(4)
        .map(|rest| format!("/{rest}"))
        .collect()
}

/// Notes a request and, of those that GitHub's published descriptions are compared with, the answer.
fn record(request: &Parts, body: &[u8], answer: &Answer) {
    use std::io::Write as _;
    let Ok(directory) = std::env::var(RECORD) else {
        return;
    };
    std::fs::create_dir_all(&directory).unwrap();
    let file = Path::new(&directory).join(format!("{}.jsonl", std::process::id()));
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.append(true).create(true).open(file).unwrap();
    let is_compared = request.uri.path().contains("/compare/");
    let answered = is_compared.then(|| serde_json::from_slice::<Json>(&answer.body).unwrap());
    let line = json!({
        "status": answer.status.as_u16(),
        "answer": answered,
        "method": request.method.as_str(),
        "path": request.uri.path(),
        "query": request.uri.query().unwrap_or_default(),
        "body": serde_json::from_slice::<Json>(body).unwrap_or_default(),
    });
    file.write_all(format!("{line}\n").as_bytes()).unwrap();
}

impl Answer {
    fn json(status: u16, body: &Json) -> Answer {
        Answer::bytes(
            status,
            "application/json; charset=utf-8",
            body.to_string().into_bytes(),
        )
    }

    fn bytes(status: u16, kind: &'static str, body: Vec<u8>) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        for (name, value) in [
            ("x-ratelimit-limit", "5000"),
            ("x-ratelimit-remaining", "4999"),
            ("x-ratelimit-used", "1"),
            ("x-ratelimit-reset", "4102444800"),
            ("x-github-request-id", "0123:4567:89AB:CDEF:01234567"),
        ] {
            headers.insert(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
        }
        Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers,
            body,
        }
    }
}

/// A refusal over REST.
fn refusal(status: u16, message: &str) -> Answer {
    let body = json!({
        "message": message,
        "documentation_url": "https://docs.github.com/rest",
        "status": status.to_string(),
    });
    Answer::json(status, &body)
}
