//! The exchange with an Argo CD server, over its REST API.
//!
//! Only reads, with `applications, get`: a refresh is one, too.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::ACCEPT;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::{Application, ApplicationName, Resource, ResourceTree, SyncWindows};
use crate::http::exchange::{self, Answer, ExchangeError, Passing, Patience, TlsError};
use crate::http::text::{answered, host, is_cleartext, is_loopback, one_line, shown};
use crate::limits::JSON;
use crate::oidc::{Claims, Exchange, IdTokens, OidcError, Refusal, Tokens};

/// The most that one answer may hold.
const MAX_ANSWER: usize = JSON.most() as usize;
/// The most that signing on once may take of the time for one answer, in which it may be done anew where what came of
/// it is refused.
const SIGN_ON: Duration = Duration::from_secs(15);
/// Dex's client that Argo CD makes for its command line, and so for all that has no secret.
const DEX_CLIENT: &str = "argo-cd-cli";

/// Where Argo CD is: its scheme, host, and a root path where it has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server(Url);

/// Why a text names no [`Server`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidServer {
    /// No host, or more than one.
    #[error(
        "expected a host or a URL, such as `argocd.example.com` or `https://example.com/argocd`, without credentials and query"
    )]
    Form,
    /// `argocd.example.com/applications/web`, from a browser.
    #[error("the URL of a page of Argo CD: write `{0}`")]
    Page(String),
    /// The token would travel in the clear.
    #[error(
        "`http://` would send the token unencrypted: use https://. Where the way is private, `plaintext: true` allows it"
    )]
    Cleartext,
}

impl Server {
    /// `argocd.example.com`, or a URL. `http://` only to this machine, unless `plaintext`.
    ///
    /// # Errors
    /// When it is neither, or holds credentials, or would be spoken to in the clear.
    pub fn new(text: &str, plaintext: bool) -> Result<Self, InvalidServer> {
        let text = text.trim();
        let url = match text.contains("://") {
            true => Url::parse(text),
            false => Url::parse(&format!("https://{text}")),
        };
        let mut url = url.map_err(|_| InvalidServer::Form)?;
        let page = format!("{}/", url.path()).find("/applications/");
        if let Some(base) = page.and_then(|at| url.path().get(..at))
            && url.username().is_empty()
            && url.password().is_none()
            && url.host_str().is_some()
        {
            return Err(InvalidServer::Page(format!("{}{base}", host(&url))));
        }
        let plain = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if !matches!(url.scheme(), "https" | "http") || url.host_str().is_none() || !plain {
            return Err(InvalidServer::Form);
        }
        if is_cleartext(&url) && !plaintext {
            return Err(InvalidServer::Cleartext);
        }
        let path = url.path().trim_end_matches('/');
        let path = path.strip_suffix("/api/v1").unwrap_or(path).to_owned();
        url.set_path(&path);
        Ok(Self(url))
    }

    /// Host and port.
    pub fn host(&self) -> String {
        host(&self.0)
    }

    /// Whether it is at an address of this machine.
    pub fn is_on_this_machine(&self) -> bool {
        is_loopback(&self.0)
    }

    /// Its URL, which is also what it is called in tokens that are for it.
    fn url(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }

    /// The token endpoint of its Dex.
    fn token_endpoint(&self) -> Url {
        let mut url = self.0.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["api", "dex", "token"]);
        }
        url
    }

    /// Where a person looks at an application.
    pub fn page(&self, name: &ApplicationName) -> String {
        let base = self.url();
        match &name.namespace {
            Some(namespace) => format!("{base}/applications/{namespace}/{}", name.name),
            None => format!("{base}/applications/{}", name.name),
        }
    }
}

/// Why Argo CD did not answer as asked. Texts are one line without control characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArgocdError {
    /// HTTP 401 in Argo CD's own words.
    #[error("{0}")]
    Unauthorized(String),
    /// HTTP 403 in Argo CD's own words, which also a missing application gets where no project is named,
    /// and any application while Kubernetes does not answer (`getAppEnforceRBAC`).
    #[error("{0}")]
    Forbidden(String),
    /// HTTP 400 in Argo CD's own words, such as of a project that has no such application.
    #[error("{0}")]
    Rejected(String),
    /// HTTP 401 to 404 that is not Argo CD's: something in front of it keeps people out.
    #[error("{0}")]
    KeptOut(String),
    /// HTTP 404 in Argo CD's own words.
    #[error("{0}")]
    NotFound(String),
    /// Something else answers there, or another version of it than any that is known.
    #[error("{0}")]
    NotArgocd(String),
    /// There is no token to ask with.
    #[error(transparent)]
    SignOn(Refusal),
    /// A redirect, which is not followed: the token goes to one host only.
    #[error("the server redirects to {0}")]
    Redirected(String),
    /// No TLS connection comes about.
    #[error("{what}")]
    Tls {
        /// What happened.
        what: String,
        /// Why.
        error: TlsError,
    },
    /// A proxy on the way keeps the question from the server.
    #[error("{what}")]
    Proxy {
        /// What happened.
        what: String,
        /// Whether that is trouble that may pass.
        may_pass: bool,
    },
    /// No connection at all.
    #[error("{0}")]
    Unreachable(String),
    /// Trouble that may pass: 5xx, 429, a broken connection, silence.
    #[error("{what}")]
    Unavailable {
        /// What happened.
        what: String,
        /// What the answer tells of it.
        passing: Passing,
    },
}

/// What was said, and when by the server's clock.
#[derive(Debug, Clone)]
pub struct Dated<T> {
    /// What was asked for.
    pub content: T,
    /// The header `Date`.
    pub date: Option<DateTime<Utc>>,
}

/// Who asks.
#[derive(Debug, Clone)]
pub enum Identity {
    /// Whoever this token was made for.
    Token(SecretString),
    /// The job, by its ID token.
    Job {
        /// Which of Dex's connectors knows the issuer of the ID token.
        connector: String,
        /// Where the ID token comes from.
        id_tokens: IdTokens,
    },
}

/// The token that is asked with.
#[derive(Debug, Clone)]
enum Access {
    Fixed(SecretString),
    Exchanged(Arc<Tokens>),
}

/// Speaks to one Argo CD.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    server: Server,
    access: Access,
    project: Option<String>,
}

impl Client {
    /// A client; nothing is asked yet. With `project`, a missing application is told from one that the
    /// token may not see.
    pub fn new(
        http: reqwest::Client,
        server: Server,
        identity: Identity,
        project: Option<String>,
    ) -> Self {
        let access = match identity {
            Identity::Token(token) => Access::Fixed(token),
            Identity::Job {
                connector,
                id_tokens,
            } => {
                let exchange = Exchange {
                    endpoint: server.token_endpoint(),
                    client: DEX_CLIENT,
                    connector,
                };
                // Dex asks for no audience. For this one, the ID token is good for nothing else, whoever gets hold
                // of it.
                let audience = server.url().to_owned();
                let tokens = Tokens::new(http.clone(), id_tokens, audience, exchange);
                Access::Exchanged(Arc::new(tokens))
            }
        };
        Self {
            http,
            server,
            access,
            project,
        }
    }

    /// What the token says of itself that came in exchange; none where there is none, or it does not tell.
    pub fn claims(&self) -> Option<Claims> {
        match &self.access {
            Access::Fixed(_) => None,
            Access::Exchanged(tokens) => tokens.claims(),
        }
    }

    /// Whether Argo CD has taken a token that came in exchange, in this run.
    pub fn has_taken_a_token_of_dex(&self) -> bool {
        match &self.access {
            Access::Fixed(_) => false,
            Access::Exchanged(tokens) => tokens.was_one_taken(),
        }
    }

    /// The application as it is. With `refresh`, after Argo CD has looked into Git again, which may take
    /// as long as making all manifests does.
    ///
    /// # Errors
    /// See [`ArgocdError`].
    pub async fn application(
        &self,
        name: &ApplicationName,
        refresh: bool,
        patience: Duration,
    ) -> Result<Dated<Application>, ArgocdError> {
        let mut url = self.url(name, None);
        if refresh {
            url.query_pairs_mut().append_pair("refresh", "normal");
        }
        let answer = self.get::<serde_json::Value>(url, patience).await?;
        // Every field is optional, so that something must say that it is an application at all.
        let is_one = answer
            .content
            .get("spec")
            .is_some_and(serde_json::Value::is_object)
            && answer
                .content
                .get("metadata")
                .is_some_and(serde_json::Value::is_object);
        let content = serde_json::from_value(answer.content)
            .ok()
            .filter(|_| is_one);
        match content {
            Some(content) => Ok(Dated {
                content,
                date: answer.date,
            }),
            None => Err(self.not_argocd("with something that is not an application")),
        }
    }

    /// What belongs to the application in the cluster.
    ///
    /// # Errors
    /// See [`ArgocdError`].
    pub async fn resource_tree(
        &self,
        name: &ApplicationName,
        patience: Duration,
    ) -> Result<ResourceTree, ArgocdError> {
        let answer = self.get(self.url(name, Some("resource-tree")), patience);
        Ok(answer.await?.content)
    }

    /// The images of the containers that an object of the application has in the cluster.
    ///
    /// # Errors
    /// See [`ArgocdError`].
    pub async fn live_images(
        &self,
        name: &ApplicationName,
        resource: &Resource,
        patience: Duration,
    ) -> Result<Vec<String>, ArgocdError> {
        #[derive(Deserialize)]
        struct Live {
            manifest: String,
        }
        let mut url = self.url(name, Some("resource"));
        url.query_pairs_mut()
            .append_pair("resourceName", &resource.name)
            .append_pair("namespace", &resource.namespace)
            .append_pair("group", &resource.group)
            .append_pair("version", &resource.version)
            .append_pair("kind", &resource.kind);
        let live: Dated<Live> = self.get(url, patience).await?;
        let object: serde_json::Value = serde_json::from_str(&live.content.manifest)
            .map_err(|_| self.not_argocd("with an object that is not JSON"))?;
        let mut images = Vec::new();
        container_images(&object, &mut images);
        Ok(images)
    }

    /// The project's sync windows that apply.
    ///
    /// # Errors
    /// See [`ArgocdError`].
    pub async fn sync_windows(
        &self,
        name: &ApplicationName,
        patience: Duration,
    ) -> Result<SyncWindows, ArgocdError> {
        let answer = self.get(self.url(name, Some("syncwindows")), patience);
        Ok(answer.await?.content)
    }

    fn url(&self, name: &ApplicationName, part: Option<&str>) -> Url {
        let mut url = self.server.0.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments
                .pop_if_empty()
                .extend(["api", "v1", "applications", &name.name]);
            segments.extend(part);
        }
        let optional = [
            ("project", &self.project),
            ("appNamespace", &name.namespace),
        ];
        for (key, value) in optional {
            if let Some(value) = value {
                url.query_pairs_mut().append_pair(key, value);
            }
        }
        url
    }

    async fn get<T: DeserializeOwned>(
        &self,
        url: Url,
        patience: Duration,
    ) -> Result<Dated<T>, ArgocdError> {
        let tokens = match &self.access {
            Access::Fixed(token) => return self.asked(url, token, Patience::of(patience)).await,
            Access::Exchanged(tokens) => tokens,
        };
        let sign_on = || Patience::of(patience.min(SIGN_ON));
        let taken = |answer: Result<Dated<T>, ArgocdError>| {
            if answer.is_ok() {
                tokens.note_taken();
            }
            answer
        };
        let asked = async {
            let token = tokens.token(&sign_on()).await;
            let token = token.map_err(|error| self.not_signed_on(error))?;
            let is_first_use = token.is_first_use();
            let patience = Patience::of(patience);
            let answer = self.asked(url.clone(), &token.secret, patience.clone());
            match answer.await {
                // Dex forgets its keys when it starts again. What it gave out a moment ago is refused for good.
                Err(ArgocdError::Unauthorized(_)) if !is_first_use => {
                    let token = tokens.in_place_of(&token, &sign_on()).await;
                    let token = token.map_err(|error| self.not_signed_on(error))?;
                    token.is_first_use();
                    taken(self.asked(url, &token.secret, patience).await)
                }
                answer => taken(answer),
            }
        };
        let answer = tokio::time::timeout(patience, asked).await;
        answer.unwrap_or_else(|_| Err(self.unanswered(ExchangeError::Slow(patience))))
    }

    async fn asked<T: DeserializeOwned>(
        &self,
        url: Url,
        token: &SecretString,
        patience: Patience,
    ) -> Result<Dated<T>, ArgocdError> {
        let request = self
            .http
            .get(url.clone())
            .header(ACCEPT, "application/json")
            .bearer_auth(token.expose_secret());
        let exchange = async {
            let incoming = exchange::send(request.send(), patience).await?;
            incoming.json(MAX_ANSWER).await
        };
        let answer = exchange.await.map_err(|error| self.unanswered(error))?;
        if let Some(target) = answer.target(&url) {
            return Err(redirected(target));
        }
        if !answer.is_success() {
            return Err(self.refusal(&answer));
        }
        match serde_json::from_slice(&answer.body) {
            Ok(content) => Ok(Dated {
                content,
                date: exchange::date(&answer.headers),
            }),
            Err(_) => Err(self.not_argocd("with something that is not JSON")),
        }
    }

    fn unanswered(&self, error: ExchangeError) -> ArgocdError {
        match error {
            ExchangeError::Tls(error) => ArgocdError::Tls {
                what: error.told(&self.server.host()),
                error,
            },
            ExchangeError::Proxy(_) => ArgocdError::Proxy {
                what: error.told(&self.server.host()),
                may_pass: error.may_pass(),
            },
            ExchangeError::Connect(_) => ArgocdError::Unreachable(error.told(&self.server.host())),
            ExchangeError::TooLarge => {
                self.not_argocd("with more than is taken in (docs/limits.md)")
            }
            _ => ArgocdError::Unavailable {
                what: error.told(&self.server.host()),
                passing: Passing::default(),
            },
        }
    }

    fn not_signed_on(&self, error: OidcError) -> ArgocdError {
        match error {
            OidcError::Wire(error) => self.unanswered(error),
            OidcError::Redirected(target) => redirected(target),
            OidcError::KeptOut(what) => ArgocdError::KeptOut(what),
            OidcError::Refused(Refusal::Proxy { what, may_pass }) => {
                ArgocdError::Proxy { what, may_pass }
            }
            OidcError::Refused(refusal) => ArgocdError::SignOn(refusal),
        }
    }

    fn refusal(&self, answer: &Answer) -> ArgocdError {
        #[derive(Deserialize)]
        struct Words {
            message: Option<String>,
            error: Option<String>,
        }
        let words = serde_json::from_slice::<Words>(&answer.body)
            .ok()
            .and_then(|words| words.message.or(words.error));
        let detail = words.as_deref().map(one_line).unwrap_or_default();
        let status = answer.status;
        let what = answered(&self.server.host(), status, &detail);
        let passing = Passing::of(status, &answer.headers);
        match (status, words) {
            _ if passing.is_rate_limit => ArgocdError::Unavailable {
                what: passing.told(what),
                passing,
            },
            (400, Some(_)) => ArgocdError::Rejected(what),
            (401, Some(_)) => ArgocdError::Unauthorized(what),
            (403, Some(_)) => ArgocdError::Forbidden(what),
            (404, Some(_)) => ArgocdError::NotFound(what),
            (401..=404, None) => ArgocdError::KeptOut(what),
            (408 | 425 | 500.., _) => ArgocdError::Unavailable { what, passing },
            _ => self.not_argocd(&format!("HTTP {status}")),
        }
    }

    fn not_argocd(&self, how: &str) -> ArgocdError {
        ArgocdError::NotArgocd(format!(
            "{} answered {how}, which is not how Argo CD's API answers",
            self.server.host()
        ))
    }
}

/// A redirect, by the server that it leads to.
fn redirected(mut target: Url) -> ArgocdError {
    target.set_path("");
    ArgocdError::Redirected(shown(target))
}

/// The images in all lists of containers of an object. `serde_json` reads no deeper than 128 levels.
fn container_images(value: &serde_json::Value, images: &mut Vec<String>) {
    use serde_json::Value;
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
                if matches!(key.as_str(), "containers" | "initContainers") {
                    let named = items.iter().filter_map(|item| item.get("image")?.as_str());
                    images.extend(named.map(str::to_owned));
                }
                container_images(value, images);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| container_images(item, images)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(text: &str) -> Result<String, InvalidServer> {
        Server::new(text, false).map(|server| server.0.to_string())
    }

    #[test]
    fn a_server_is_a_host_or_a_url() {
        for (given, expected) in [
            ("argocd.example.com", "https://argocd.example.com/"),
            (
                "argocd.example.com:8443",
                "https://argocd.example.com:8443/",
            ),
            ("https://example.com/argocd/", "https://example.com/argocd"),
            (
                "https://example.com/argocd/api/v1",
                "https://example.com/argocd",
            ),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/"),
        ] {
            assert_eq!(server(given).unwrap(), expected);
        }
        for wrong in [
            "",
            "ftp://a",
            "https://u:p@a",
            "https://a/?x",
            "a b",
            "https://",
        ] {
            assert_eq!(server(wrong), Err(InvalidServer::Form), "{wrong}");
        }
        for page in [
            "argocd.example.com/argocd/applications/web",
            "https://argocd.example.com/argocd/applications/argocd/web?view=tree&resource=",
            "https://argocd.example.com/argocd/applications",
        ] {
            let meant = "argocd.example.com/argocd".to_owned();
            assert_eq!(server(page), Err(InvalidServer::Page(meant)), "{page}");
        }
        assert_eq!(
            server("http://argocd.example.com"),
            Err(InvalidServer::Cleartext)
        );
        assert!(Server::new("http://argocd.example.com", true).is_ok());
    }
}
