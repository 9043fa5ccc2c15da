//! GitHub's API as a client sees it: requests through octocrab over our own HTTP client, answers and
//! refusals by what can be done about them.
//!
//! octocrab's own `graphql()` drops the type of an error, posts to the wrong path on GitHub Enterprise
//! Server, and its retries would repeat a mutation. So its requests are made raw, and what comes back
//! is read here. Retries are the caller's ([`crate::repository::retry`]).
//!
//! Its typed calls would pay for a service of ours below it with less than that takes, and give up the
//! headers that say how long to wait. And they read dozens of fields where five are needed: one that a
//! server leaves out, and a pull request that was opened is reported as a failure.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use chrono::{DateTime, Utc};
use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, Request};
use octocrab::Octocrab;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Value as Json, json};
use url::Url;

use crate::deadline::Deadline;
use crate::http::exchange::{self, Answer, MAX_REDIRECTS, Passing, Patience, is_same_origin};
use crate::http::text::{self, answered, one_line};
use crate::limits::{GITHUB, OBJECT};
use crate::repository::wire::{WireError, WireErrorKind, refused};
use crate::repository::{Access, Refusal, RepositoryError};
use crate::secrets;

/// How long to wait after a secondary rate limit that names no time (GitHub's documentation, "Rate
/// limits for the REST API").
const SECONDARY_LIMIT: Duration = Duration::from_secs(60);

pub(super) const JSON: &str = "application/vnd.github+json";
const RAW: &str = "application/vnd.github.raw+json";

/// The API of one GitHub server, and the token for it.
pub struct Client {
    rest: Octocrab,
    graphql: Octocrab,
    api_url: Url,
    deadline: Deadline,
    /// Whether this was a GitHub API already.
    has_answered: AtomicBool,
}

/// Why a request was not answered as asked.
#[derive(Debug)]
pub enum CallError {
    /// The exchange failed, or was refused as a whole.
    Failed {
        /// Why.
        error: RepositoryError,
        /// Whether GitHub may have done what it was asked for all the same.
        may_have_happened: bool,
    },
    /// GitHub ran the document, and these fields failed.
    Errors(Vec<GraphqlError>),
}

/// One error of a GraphQL answer.
#[derive(Debug, Clone, Deserialize)]
pub struct GraphqlError {
    /// `NOT_FOUND`, `STALE_DATA`; none for trouble inside GitHub.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// The words for it.
    pub message: String,
    /// The field, from the root on.
    #[serde(default)]
    path: Vec<Json>,
    /// Set where the document itself is at fault.
    extensions: Option<Json>,
}

impl GraphqlError {
    /// Whether it is about what the document calls `field`, or a part of that.
    pub fn is_of(&self, field: &str) -> bool {
        self.path.iter().any(|part| part == field)
    }
}

impl From<RepositoryError> for CallError {
    /// One that nothing came of.
    fn from(error: RepositoryError) -> Self {
        let may_have_happened = false;
        Self::Failed {
            error,
            may_have_happened,
        }
    }
}

impl CallError {
    /// The error of a request that only reads.
    pub fn of_read(self) -> RepositoryError {
        match self {
            Self::Failed { error, .. } => error,
            Self::Errors(errors) => explained(&errors, Access::Read),
        }
    }
}

impl Client {
    /// A client of the API at `api_url`. Nothing is asked yet.
    ///
    /// # Errors
    /// When the token can't be one, or the URL is none for HTTP.
    pub fn new(
        http: reqwest::Client,
        api_url: &Url,
        token: &SecretString,
        deadline: Deadline,
    ) -> Result<Self, RepositoryError> {
        secrets::hide(token);
        // octocrab would panic.
        if HeaderValue::from_str(token.expose_secret()).is_err() {
            return Err(RepositoryError::Refused {
                refusal: Refusal::Token,
                access: Access::Read,
                code: "not sent".to_owned(),
                detail: "it holds characters that no token has".to_owned(),
            });
        }
        let client = |base: &str| {
            let builder = Octocrab::builder().base_uri(base)?;
            let builder = builder.personal_token(token.clone());
            builder.build_with_reqwest(http.clone())
        };
        let unfit = |error: octocrab::Error| RepositoryError::NotApi {
            what: format!("{api_url} can't be asked: {}", one_line(&error.to_string())),
            is_older: false,
        };
        let rest = client(api_url.as_str().trim_end_matches('/')).map_err(unfit)?;
        let graphql = client(&graphql_base(api_url)).map_err(unfit)?;
        Ok(Self {
            rest,
            graphql,
            api_url: api_url.clone(),
            deadline,
            has_answered: AtomicBool::new(false),
        })
    }

    /// The API's host, with its port where it is not the scheme's own.
    pub fn host(&self) -> String {
        text::host(&self.api_url)
    }

    /// Reads over GraphQL, with GitHub's clock.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn query<T: DeserializeOwned>(
        &self,
        document: &str,
        variables: &Json,
    ) -> Result<(T, Option<DateTime<Utc>>), CallError> {
        self.run(Access::Read, document, variables).await
    }

    /// Writes over GraphQL. A mutation that is on its way is not cancelled.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn mutate<T: DeserializeOwned>(
        &self,
        document: &str,
        variables: &Json,
    ) -> Result<T, CallError> {
        let answered = self.run(Access::Write, document, variables).await;
        answered.map(|(data, _)| data)
    }

    async fn run<T: DeserializeOwned>(
        &self,
        access: Access,
        document: &str,
        variables: &Json,
    ) -> Result<(T, Option<DateTime<Utc>>), CallError> {
        #[derive(Deserialize)]
        struct Body<T> {
            data: Option<T>,
            #[serde(default)]
            errors: Vec<GraphqlError>,
        }
        let body = json!({"query": document, "variables": variables});
        let sent = Sending {
            github: &self.graphql,
            method: Method::POST,
            path: "/graphql",
            accept: JSON,
            body: Some(&body),
        };
        let answer = self.send(access, &sent).await?;
        let answer = self.checked(access, answer)?;
        // Errors first: with them `data` need not be of its usual form.
        let (data, errors) = match serde_json::from_slice::<Body<T>>(&answer.body) {
            Ok(Body { data, errors }) => (data, errors),
            Err(_) => {
                let other = serde_json::from_slice::<Body<IgnoredAny>>(&answer.body);
                (None, other.map(|body| body.errors).unwrap_or_default())
            }
        };
        // Something that is not there is nothing, where it is about more than the repository.
        let absent = |error: &GraphqlError| {
            error.kind.as_deref() == Some("NOT_FOUND") && error.path.len() > 1
        };
        let harmless = data.is_some() && errors.iter().all(absent);
        if !errors.is_empty() && !harmless {
            return Err(self.errors(access, &answer, errors));
        }
        match data {
            Some(data) => {
                self.has_answered.store(true, Relaxed);
                Ok((data, exchange::date(&answer.headers)))
            }
            None => Err(CallError::Failed {
                error: self.no_api(&answer),
                may_have_happened: access == Access::Write,
            }),
        }
    }

    /// Errors that are about the whole request are told as its failure.
    fn errors(&self, access: Access, answer: &Answer, errors: Vec<GraphqlError>) -> CallError {
        let host = self.host();
        let limited = errors.iter().find(|error| {
            matches!(error.kind.as_deref(), Some("RATE_LIMITED" | "RATE_LIMIT"))
                || error.message.contains("secondary rate limit")
        });
        if let Some(error) = limited {
            let what = format!("{host}: {}", one_line(&error.message));
            return of_a_limit(what, &answer.headers).into();
        }
        if let Some(error) = errors.iter().find(|error| error.kind.is_none()) {
            let what = format!("{host}: {}", one_line(&error.message));
            return match error.extensions {
                // The document does not fit this server: an old GitHub Enterprise Server.
                Some(_) => {
                    let is_older = true;
                    RepositoryError::NotApi { what, is_older }.into()
                }
                None => CallError::Failed {
                    error: RepositoryError::unavailable(what),
                    may_have_happened: access == Access::Write,
                },
            };
        }
        CallError::Errors(errors)
    }

    /// Reads `path` over REST, as JSON. None where it is not there.
    ///
    /// # Errors
    /// When the server can't be used.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, RepositoryError> {
        let answered = self.get_dated(path).await?;
        Ok(answered.map(|(body, _)| body))
    }

    /// The same, with GitHub's clock.
    ///
    /// # Errors
    /// When the server can't be used.
    pub async fn get_dated<T: DeserializeOwned>(
        &self,
        path: &str,
    ) -> Result<Option<(T, Option<DateTime<Utc>>)>, RepositoryError> {
        let Some(answer) = self.read(path, JSON).await? else {
            return Ok(None);
        };
        match serde_json::from_slice(&answer.body) {
            Ok(body) => {
                self.has_answered.store(true, Relaxed);
                Ok(Some((body, exchange::date(&answer.headers))))
            }
            Err(_) => Err(self.no_api(&answer)),
        }
    }

    /// Reads the bytes of what is at `path` over REST. None where it is not there.
    ///
    /// # Errors
    /// When the server can't be used.
    pub async fn get_raw(&self, path: &str) -> Result<Option<Vec<u8>>, RepositoryError> {
        let answer = self.read(path, RAW).await?;
        Ok(answer.map(|answer| answer.body))
    }

    async fn read(&self, path: &str, accept: &str) -> Result<Option<Answer>, RepositoryError> {
        let (answer, _) = self.ask(path, accept).await?;
        if answer.status == 404 {
            return Ok(None);
        }
        match self.checked(Access::Read, answer) {
            Ok(answer) => Ok(Some(answer)),
            Err(error) => Err(error.of_read()),
        }
    }

    /// Asks for `path` over REST, and follows where a renamed repository leads, within the host.
    /// Whatever is answered is an answer; with it comes the path that led there.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn ask(&self, path: &str, accept: &str) -> Result<(Answer, String), RepositoryError> {
        let mut path = path.to_owned();
        for _ in 0..=MAX_REDIRECTS {
            let sent = Sending {
                github: &self.rest,
                method: Method::GET,
                path: &path,
                accept,
                body: None,
            };
            let answer = self.send(Access::Read, &sent).await;
            let answer = answer.map_err(CallError::of_read)?;
            match answer.target(&self.api_url) {
                Some(target) if is_same_origin(&target, &self.api_url) => {
                    // octocrab puts the base's path before one that does not have it yet.
                    target[url::Position::BeforePath..url::Position::AfterQuery]
                        .clone_into(&mut path);
                }
                Some(target) => {
                    let to = text::shown(target);
                    return Err(RepositoryError::Redirected { to });
                }
                None => return Ok((answer, path)),
            }
        }
        Err(RepositoryError::Protocol {
            what: format!("{} redirects again and again", self.host()),
        })
    }

    /// Makes something over REST.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &Json) -> Result<T, CallError> {
        self.change(Method::POST, path, body).await
    }

    /// Makes or changes something over REST.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn change<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &Json,
    ) -> Result<T, CallError> {
        let sent = Sending {
            github: &self.rest,
            method,
            path,
            accept: JSON,
            body: Some(body),
        };
        let answer = self.send(Access::Write, &sent).await?;
        let answer = self.checked(Access::Write, answer)?;
        serde_json::from_slice(&answer.body).map_err(|_| self.no_api(&answer).into())
    }

    async fn send(&self, access: Access, sent: &Sending<'_>) -> Result<Answer, CallError> {
        let patience = Patience::Run {
            deadline: self.deadline.clone(),
            cancellable: access == Access::Read,
        };
        // A file in bytes, or what is read as JSON and takes a multiple of it.
        let limit = if sent.accept == RAW { OBJECT } else { GITHUB };
        let exchange = async {
            let incoming = exchange::send(sent.response(), patience).await?;
            let limit = limit.most() as usize;
            match sent.accept {
                RAW => incoming.whole(limit).await,
                _ => incoming.json(limit).await,
            }
        };
        let answer = exchange.await;
        answer.map_err(|error| self.failed(access, error.into()))
    }

    fn failed(&self, access: Access, kind: WireErrorKind) -> CallError {
        let pushing = access == Access::Write;
        let error = WireError { pushing, kind };
        CallError::Failed {
            may_have_happened: pushing && error.may_have_happened(),
            error: refused(error, &self.host()),
        }
    }

    /// The answer, if it is a success.
    pub(super) fn checked(&self, access: Access, answer: Answer) -> Result<Answer, CallError> {
        if answer.is_success() {
            return Ok(answer);
        }
        if let Some(target) = answer.target(&self.api_url) {
            let to = text::shown(target);
            return Err(RepositoryError::Redirected { to }.into());
        }
        let (status, host) = (answer.status, self.host());
        let detail = message(&answer.body);
        let passing = Passing::of(status, &answer.headers);
        // A secondary limit may have neither header, and then shows in nothing but its message ("Exceeding the
        // rate limit", in the same place).
        let is_secondary = status == 403
            && ["secondary rate limit", "temporarily blocked"]
                .iter()
                .any(|words| detail.contains(words));
        if passing.is_rate_limit || is_secondary {
            let what = answered(&host, status, &detail);
            return Err(of_a_limit(what, &answer.headers).into());
        }
        // Refusals that pass.
        let passes = ["was submitted too quickly", "Base branch was modified"];
        if passes.iter().any(|words| detail.contains(words)) {
            return Err(RepositoryError::unavailable(answered(&host, status, &detail)).into());
        }
        if matches!(status, 400 | 405..=407 | 409 | 411..=412 | 414..=422 | 424 | 426..=428 | 430..=499)
        {
            let what = answered(&host, status, &detail);
            return Err(RepositoryError::Protocol { what }.into());
        }
        let kind = WireErrorKind::Status {
            status,
            detail,
            passing,
            // GitHub refuses in JSON.
            is_page: matches!(status, 401 | 403) && exchange::is_page(&answer.headers),
        };
        Err(self.failed(access, kind))
    }

    fn no_api(&self, answer: &Answer) -> RepositoryError {
        let content_type = one_line(answer.header(CONTENT_TYPE.as_str()).unwrap_or_default());
        let host = self.host();
        let what = match content_type.as_str() {
            kind if kind.starts_with("application/json") || kind.is_empty() => {
                format!("{host} answered with something other than GitHub's API does")
            }
            kind => format!("{host} answered with `{kind}`, not as GitHub's API does"),
        };
        if self.has_answered.load(Relaxed) {
            RepositoryError::unavailable(what)
        } else {
            let is_older = false;
            RepositoryError::NotApi { what, is_older }
        }
    }
}

/// What the API says about a failure, on one line.
fn message(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Body {
        message: String,
        #[serde(default)]
        errors: Vec<Json>,
    }
    let Ok(Body { message, errors }) = serde_json::from_slice(body) else {
        return String::new();
    };
    let errors = errors.iter().map(|error| match error {
        Json::String(text) => text.clone(),
        error => error["message"].as_str().unwrap_or_default().to_owned(),
    });
    let texts: Vec<String> = [message].into_iter().chain(errors).collect();
    one_line(&texts.join("\n"))
}

/// A request before it is one.
struct Sending<'a> {
    github: &'a Octocrab,
    method: Method,
    path: &'a str,
    accept: &'a str,
    body: Option<&'a Json>,
}

impl Sending<'_> {
    async fn response(&self) -> Result<reqwest::Response, octocrab::Error> {
        let request = Request::builder()
            .method(self.method.clone())
            .uri(self.path)
            .header(ACCEPT, self.accept);
        let request = self.github.build_request(request, self.body)?;
        let response = self.github.execute(request).await?;
        Ok(response.map(reqwest::Body::wrap).into())
    }
}

/// A limit of GitHub's.
fn of_a_limit(what: String, headers: &HeaderMap) -> RepositoryError {
    let passing = Passing::of_a_limit(headers);
    RepositoryError::Unavailable {
        what: passing.told(what),
        passing: Passing {
            retry_after: passing.retry_after.or(Some(SECONDARY_LIMIT)),
            ..passing
        },
    }
}

/// Below which `/graphql` is: on GitHub Enterprise Server it is beside REST's `/api/v3`, on
/// github.com and ghe.com below the same root.
fn graphql_base(api_url: &Url) -> String {
    let url = api_url.as_str().trim_end_matches('/');
    match url.strip_suffix("/api/v3") {
        Some(server) => format!("{server}/api"),
        None => url.to_owned(),
    }
}

/// Errors of a document that GitHub ran, by what can be done about them.
pub fn explained(errors: &[GraphqlError], access: Access) -> RepositoryError {
    let refused = |refusal, kinds: &[&str]| {
        let mut of_errors = errors.iter().filter_map(|error| error.kind.as_deref());
        let code = of_errors.find(|kind| kinds.contains(kind))?;
        Some(RepositoryError::Refused {
            refusal,
            access,
            code: code.to_owned(),
            detail: said(errors),
        })
    };
    let refused = refused(Refusal::Access, &["FORBIDDEN", "INSUFFICIENT_SCOPES"])
        .or_else(|| refused(Refusal::Repository, &["NOT_FOUND"]));
    if let Some(error) = refused {
        return error;
    }
    let kind = errors.first().and_then(|error| error.kind.as_deref());
    RepositoryError::Protocol {
        what: format!("{}: {}", one_line(kind.unwrap_or("GraphQL")), said(errors)),
    }
}

/// The messages of errors, each once, on one line.
pub fn said(errors: &[GraphqlError]) -> String {
    let mut messages: Vec<&str> = Vec::new();
    for GraphqlError { message, .. } in errors {
        if !messages.contains(&message.as_str()) {
            messages.push(message);
        }
    }
    one_line(&messages.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn graphql_is_where_each_kind_of_server_has_it() {
        for (api_url, expected) in [
            ("https://api.github.com", "https://api.github.com"),
            ("https://api.github.com/", "https://api.github.com"),
            ("https://api.acme.ghe.com", "https://api.acme.ghe.com"),
            (
                "https://git.acme.example/api/v3",
                "https://git.acme.example/api",
            ),
            (
                "https://git.acme.example/api/v3/",
                "https://git.acme.example/api",
            ),
        ] {
            assert_eq!(graphql_base(&Url::parse(api_url).unwrap()), expected);
        }
    }
}
