//! What can go wrong on the wire, and when.

use std::time::Duration;

use hyper::Method;

/// One kind of request: of git's smart HTTP protocol, or of GitHub's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// `GET info/refs?service=git-upload-pack`, or `POST git-upload-pack` with `ls-refs`: which branches are
    /// there to read?
    FetchRefs,
    /// `POST git-upload-pack`: objects come down.
    Fetch,
    /// `GET info/refs?service=git-receive-pack`: where are the branches, and may I push?
    PushRefs,
    /// `POST git-receive-pack`: the commit goes up.
    Push,
    /// A query over GraphQL.
    Query,
    /// A query over GraphQL that has a name. One of [`QUERIES`].
    Named(&'static str),
    /// A mutation over GraphQL, by its name: `createCommitOnBranch`.
    Mutation(&'static str),
    /// A request over REST, by its method and resource: `GET git/trees`. One of [`REST`].
    Rest(&'static str),
    /// A request to the API of another forge, by its method and what it is about: `POST merge`. One of
    /// [`FORGE`].
    Forge(&'static str),
}

/// The requests to other forges that a rule can name.
pub const FORGE: [&str; 13] = [
    "GET metadata",
    "GET merge_requests",
    "GET version",
    "GET pulls",
    "POST pulls",
    "PATCH pulls",
    "GET issues",
    "PATCH issues",
    "GET labels",
    "POST labels",
    "POST comments",
    "POST requested_reviewers",
    "POST merge",
];

/// The requests over REST that a rule can name. What they are about follows them in the path; the
/// repository itself comes last, as its resource is in every other one.
pub const REST: [&str; 21] = [
    "GET installation",
    "POST installations",
    "GET git/trees",
    "GET git/blobs",
    "GET git/commits",
    "GET git/ref",
    "GET contents",
    "GET commits",
    "GET compare",
    "GET deployments",
    "POST git/blobs",
    "POST git/trees",
    "POST git/commits",
    "PATCH git/refs",
    "POST git/refs",
    "GET pulls",
    "POST pulls",
    "PATCH pulls",
    "PUT pulls",
    "POST issues",
    "GET ",
];

/// The mutations that a rule can name.
pub const MUTATIONS: [&str; 5] = [
    "createCommitOnBranch",
    "updateRefs",
    "enablePullRequestAutoMerge",
    "disablePullRequestAutoMerge",
    "enqueuePullRequest",
];

/// The queries that a rule can name.
pub const QUERIES: [&str; 3] = ["Standing", "Posted", "MorePosted"];

impl Step {
    /// Git's, in the order in which a clone and a push make them.
    pub const GIT: [Step; 4] = [Step::FetchRefs, Step::Fetch, Step::PushRefs, Step::Push];

    pub(crate) fn of(method: &Method, path: &str, query: &str, body: &[u8]) -> Option<Step> {
        let advertisement = *method == Method::GET && path.ends_with("/info/refs");
        match query {
            "service=git-upload-pack" if advertisement => Some(Step::FetchRefs),
            "service=git-receive-pack" if advertisement => Some(Step::PushRefs),
            _ if *method != Method::POST => None,
            _ if path.ends_with("/git-upload-pack") => match body.get(4..) {
                Some(command) if command.starts_with(b"command=ls-refs") => Some(Step::FetchRefs),
                _ => Some(Step::Fetch),
            },
            _ if path.ends_with("/git-receive-pack") => Some(Step::Push),
            _ => None,
        }
    }

    /// What a request to the API is. Of a query or mutation, `document` is the text.
    pub(crate) fn of_api(method: &Method, path: &str, document: Option<&str>) -> Option<Step> {
        if let Some(document) = document {
            let mutation = MUTATIONS.iter().find(|name| document.contains(*name));
            return match mutation {
                Some(name) if document.trim_start().starts_with("mutation") => {
                    Some(Step::Mutation(name))
                }
                _ => {
                    let name = document.strip_prefix("query ").unwrap_or_default();
                    let name = name.split('(').next();
                    let named = QUERIES.iter().find(|query| Some(**query) == name);
                    Some(named.map_or(Step::Query, |name| Step::Named(name)))
                }
            };
        }
        let resource = path.splitn(4, '/').nth(3).unwrap_or_default();
        let request = format!("{method} {resource}");
        let named = REST.iter().find(|name| match request.strip_prefix(**name) {
            Some(rest) => rest.is_empty() || rest.starts_with('/'),
            None => false,
        });
        named.map(|name| Step::Rest(name))
    }

    /// What a request to the API of another forge is, and the repository that it is about.
    pub(crate) fn of_forge(method: &Method, path: &str) -> (Option<Step>, String) {
        let is_word =
            |part: &&str| !part.is_empty() && !part.starts_with(|c: char| c.is_ascii_digit());
        let what = path.rsplit('/').find(is_word).unwrap_or_default();
        let request = format!("{method} {what}");
        let named = FORGE.iter().find(|name| **name == request);
        let parts: Vec<&str> = path.split('/').collect();
        let repository = match parts[..] {
            [_, "api", "v1", "repos", owner, name, ..] => format!("{owner}/{name}"),
            _ => String::new(),
        };
        (named.map(|name| Step::Forge(name)), repository)
    }

    /// A name that no request has would make a rule that never counts.
    fn known(self) -> Step {
        match self {
            Step::Rest(name) => assert!(REST.contains(&name), "{name} is not in REST"),
            Step::Named(name) => assert!(QUERIES.contains(&name), "{name}: no such query"),
            Step::Forge(name) => assert!(FORGE.contains(&name), "{name} is not in FORGE"),
            Step::Mutation(name) => assert!(MUTATIONS.contains(&name), "{name}: no such mutation"),
            _ => {}
        }
        self
    }

    /// Whether the request needs the right to write.
    pub(crate) fn writes(self) -> bool {
        matches!(self, Step::PushRefs | Step::Push)
    }

    /// The n-th request of this kind, counted from 1.
    pub fn nth(self, n: usize) -> When {
        When {
            step: Some(self.known()),
            nth: Some(Nth::Is(n)),
            repository: None,
        }
    }

    /// The n-th request of this kind, counted from 1, and every later one.
    pub fn from(self, n: usize) -> When {
        When {
            step: Some(self.known()),
            nth: Some(Nth::From(n)),
            repository: None,
        }
    }

    /// Every request of this kind.
    pub fn every(self) -> When {
        When {
            step: Some(self.known()),
            nth: None,
            repository: None,
        }
    }
}

/// Which requests a rule is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct When {
    step: Option<Step>,
    nth: Option<Nth>,
    repository: Option<String>,
}

/// A request's place among those that are counted, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Nth {
    /// This one.
    Is(usize),
    /// This one, and all behind it.
    From(usize),
}

impl Nth {
    fn holds(self, count: usize) -> bool {
        match self {
            Nth::Is(nth) => count == nth,
            Nth::From(nth) => count >= nth,
        }
    }
}

impl When {
    /// The n-th request to the server, of whatever kind, counted from 1.
    pub fn nth(n: usize) -> When {
        When {
            step: None,
            nth: Some(Nth::Is(n)),
            repository: None,
        }
    }

    /// The n-th request to the server, of whatever kind, counted from 1, and every later one.
    pub fn from(n: usize) -> When {
        When {
            step: None,
            nth: Some(Nth::From(n)),
            repository: None,
        }
    }

    /// Every request.
    pub fn always() -> When {
        When {
            step: None,
            nth: None,
            repository: None,
        }
    }

    /// Only those to the repository `owner/name`.
    pub fn to(mut self, repository: &str) -> When {
        self.repository = Some(repository.to_owned());
        self
    }

    pub(crate) fn matches(&self, request: &Arrival) -> bool {
        let count = match self.step {
            Some(step) if request.step != Some(step) => return false,
            Some(_) => request.nth_of_step,
            None => request.nth,
        };
        self.nth.is_none_or(|nth| nth.holds(count))
            && self
                .repository
                .as_ref()
                .is_none_or(|name| *name == request.repository)
    }
}

/// What a [`When`] is compared with.
pub(crate) struct Arrival {
    pub step: Option<Step>,
    pub nth: usize,
    pub nth_of_step: usize,
    pub repository: String,
}

/// What the server does instead of answering properly.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Answers with this, without asking git.
    Status(u16, Vec<(String, String)>, String),
    /// Sends the client to the same place under another repository URL.
    Redirect(String),
    /// Resets the connection without an answer; git never hears of the request.
    Reset,
    /// Lets git do its work to the end, then closes the connection without the answer.
    DropAnswer,
    /// Lets the request be done to its end, then answers with this status all the same, as a proxy does
    /// whose patience was too short.
    StatusAfter(u16),
    /// Takes the request and never answers.
    Stall,
    /// Answers, but closes the connection after this many bytes of the body.
    Truncate(usize),
    /// Answers, but goes silent after this many bytes of the body.
    StallAfter(usize),
    /// Answers properly, this much later.
    Delay(Duration),
    /// Answers with one byte of the body at a time, this long apart.
    Drip(Duration),
}

impl Fault {
    /// A bare status with a body that names it, as proxies and load balancers send.
    pub fn status(code: u16) -> Fault {
        Fault::Status(code, Vec::new(), format!("{code}\n"))
    }

    /// A status with `Retry-After: seconds`.
    pub fn retry_after(code: u16, seconds: u64) -> Fault {
        let header = ("Retry-After".to_owned(), seconds.to_string());
        Fault::Status(code, vec![header], format!("{code}\n"))
    }
}
