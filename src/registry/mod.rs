//! An image's registry, as far as it says what is in it: the OCI distribution API, reading only.
//!
//! The exchange goes through our one HTTP client, so that proxies, certificate authorities and the rule
//! on redirects are the same as everywhere; a client library brings its own.
//! Source: <https://github.com/opencontainers/distribution-spec/blob/main/spec.md>

mod challenge;
mod platform;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::Method;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use self::challenge::{Challenge, TokenPlace};
pub use self::platform::{InvalidPlatform, Platform};
use crate::http::exchange::{
    self, Answer, ExchangeError, Passing, Patience, TlsError, is_same_origin,
};
use crate::http::text::{answered, host, is_loopback, is_safe, one_line};
use crate::http::{Credentials, secret_header};
use crate::image::ImageReference;
use crate::limits::JSON;

/// The most that one answer may hold.
const MAX_ANSWER: usize = JSON.most() as usize;
/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How many tags are asked for.
const TAGS: usize = 1000;
/// Everything that a tag can stand for.
const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, \
                         application/vnd.docker.distribution.manifest.list.v2+json, \
                         application/vnd.oci.image.manifest.v1+json, \
                         application/vnd.docker.distribution.manifest.v2+json";

/// Why a registry did not say what it was asked. Texts are one line without control characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// It has no such image.
    #[error("{0}")]
    Missing(String),
    /// It does not say, with these credentials or without any.
    #[error("{0}")]
    Denied(String),
    /// Something on the way keeps the question from the registry: a proxy, a firewall.
    #[error("{what}")]
    KeptOut {
        /// What happened.
        what: String,
        /// Whether that is trouble that may pass.
        may_pass: bool,
    },
    /// Trouble that may pass.
    #[error("{what}")]
    Unavailable {
        /// What happened.
        what: String,
        /// What the answer tells of it.
        passing: Passing,
    },
    /// No TLS connection comes about.
    #[error("{what}")]
    Tls {
        /// What happened.
        what: String,
        /// Why.
        error: TlsError,
    },
    /// It answers, and not as a registry.
    #[error("{0}")]
    Protocol(String),
}

/// Asks registries.
pub struct Registry {
    http: reqwest::Client,
    credentials: Option<Credentials>,
    /// Whether other machines may be asked without encryption, too.
    plaintext: bool,
    /// What a registry gave to read a repository with, by host and repository.
    tokens: Mutex<HashMap<String, SecretString>>,
}

/// An index, a list of manifests, or a manifest.
#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    manifests: Vec<Descriptor>,
    config: Option<Descriptor>,
}

/// In bytes (the OCI distribution specification, "Pulling manifests").
const LONGEST_TAG: usize = 128;

/// What every manifest and every index says of itself (the OCI image specification, "Image Manifest
/// Property Descriptions").
#[derive(Deserialize)]
struct Versioned {
    #[serde(rename = "schemaVersion")]
    _schema_version: u32,
}

#[derive(Deserialize)]
struct Descriptor {
    digest: String,
    platform: Option<Platform>,
}

/// What an image says that it was built from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageSource {
    /// The URL of the repository.
    pub repository_url: String,
    /// The commit.
    pub revision: String,
}

#[derive(Deserialize)]
struct ImageConfig {
    config: Option<Execution>,
}

#[derive(Deserialize)]
struct Execution {
    #[serde(rename = "Labels")]
    labels: Option<HashMap<String, String>>,
}

impl Registry {
    /// Speaks to registries with `credentials`, or as nobody; with `plaintext` to those without TLS as
    /// well. Nothing is asked yet.
    pub fn new(http: reqwest::Client, credentials: Option<Credentials>, plaintext: bool) -> Self {
        Self {
            http,
            credentials,
            plaintext,
            tokens: Mutex::default(),
        }
    }

    /// The digest of what `image` names: of the index, where it is of several platforms.
    ///
    /// # Errors
    /// See [`RegistryError`].
    pub async fn digest(&self, image: &ImageReference) -> Result<String, RegistryError> {
        let path = format!("manifests/{}", version(image));
        let answer = self.ask(Method::HEAD, image, &path).await?;
        if let Some(digest) = digest_of(&answer.headers) {
            return Ok(digest);
        }
        // A registry need not say it in answer to HEAD. What says neither that nor what a manifest does is
        // no proof of an image: a page to sign in answers with 200, too.
        let answer = self.ask(Method::GET, image, &path).await?;
        let _: Versioned = self.parsed(image, &answer)?;
        Ok(sha256(&answer.body))
    }

    /// The platforms of what has this digest.
    ///
    /// # Errors
    /// See [`RegistryError`].
    pub async fn platforms(
        &self,
        image: &ImageReference,
        digest: &str,
    ) -> Result<Vec<Platform>, RegistryError> {
        let answer = self.addressed(image, "manifests", digest).await?;
        let manifest: Manifest = self.parsed(image, &answer)?;
        let mut platforms: Vec<Platform> = manifest
            .manifests
            .into_iter()
            .filter_map(|one| one.platform)
            // Attestations are listed beside the images.
            .filter(Platform::is_known)
            .collect();
        if let (true, Some(config)) = (platforms.is_empty(), manifest.config) {
            let answer = self.addressed(image, "blobs", &config.digest).await?;
            platforms.push(self.parsed(image, &answer)?);
        }
        platforms.retain(Platform::is_known);
        Ok(platforms)
    }

    /// The commit that `image` was built from, by its labels (the OCI image specification, "Pre-Defined
    /// Annotation Keys"); of several platforms by those of the first.
    ///
    /// # Errors
    /// See [`RegistryError`].
    pub async fn built_from(
        &self,
        image: &ImageReference,
    ) -> Result<Option<ImageSource>, RegistryError> {
        let path = format!("manifests/{}", version(image));
        let answer = self.ask(Method::GET, image, &path).await?;
        let mut found: Manifest = self.parsed(image, &answer)?;
        let is_image = |one: &Descriptor| one.platform.as_ref().is_some_and(Platform::is_known);
        if let Some(first) = found.manifests.into_iter().find(is_image) {
            let answer = self.addressed(image, "manifests", &first.digest).await?;
            found = self.parsed(image, &answer)?;
        }
        let Some(config) = found.config else {
            return Ok(None);
        };
        let answer = self.addressed(image, "blobs", &config.digest).await?;
        let config: ImageConfig = self.parsed(image, &answer)?;
        let mut labels = config
            .config
            .and_then(|config| config.labels)
            .unwrap_or_default();
        let mut label = |key| labels.remove(&format!("org.opencontainers.image.{key}"));
        let built = label("source").zip(label("revision"));
        Ok(built.map(|(repository_url, revision)| ImageSource {
            repository_url,
            revision,
        }))
    }

    /// The tags of the image's repository, as far as one page has them.
    ///
    /// # Errors
    /// See [`RegistryError`].
    pub async fn tags(&self, image: &ImageReference) -> Result<Vec<String>, RegistryError> {
        #[derive(Deserialize)]
        struct Tags {
            #[serde(default)]
            tags: Option<Vec<String>>,
        }
        let path = format!("tags/list?n={TAGS}");
        let answer = self.ask(Method::GET, image, &path).await?;
        let tags: Tags = self.parsed(image, &answer)?;
        // A registry may give out more than it is asked for.
        let mut tags = tags.tags.unwrap_or_default();
        tags.retain(|tag| tag.len() <= LONGEST_TAG);
        tags.truncate(TAGS);
        Ok(tags)
    }

    /// What has a digest, of `manifests` or `blobs`. What a registry names as one may be anything, and is asked for
    /// only where it is one.
    async fn addressed(
        &self,
        image: &ImageReference,
        kind: &str,
        digest: &str,
    ) -> Result<Answer, RegistryError> {
        if !is_digest(digest) {
            return Err(self.odd(image, "names a digest that is not one of SHA-256"));
        }
        let path = format!("{kind}/{digest}");
        let answer = self.ask(Method::GET, image, &path).await?;
        if sha256(&answer.body) != digest {
            return Err(self.odd(image, "gave something else than what has the digest"));
        }
        Ok(answer)
    }

    fn parsed<T: DeserializeOwned>(
        &self,
        image: &ImageReference,
        answer: &Answer,
    ) -> Result<T, RegistryError> {
        serde_json::from_slice(&answer.body)
            .map_err(|_| self.odd(image, "answered with something that no registry does"))
    }

    fn odd(&self, image: &ImageReference, what: &str) -> RegistryError {
        RegistryError::Protocol(format!("{} {what}", image.registry()))
    }

    /// Asks for what is at `path` below the image's repository, with a token where one is wanted.
    async fn ask(
        &self,
        method: Method,
        image: &ImageReference,
        path: &str,
    ) -> Result<Answer, RegistryError> {
        let none = || self.odd(image, "is not a host that can be asked");
        let mut url = url(image, path).ok_or_else(none)?;
        if (self.plaintext || is_loopback(&url)) && !self.speaks_tls(&url).await {
            url.set_scheme("http").map_err(|()| none())?;
        }
        let known = self
            .token(image)
            .map(|token| secret_header("Bearer", &token));
        let answer = self.send(&method, &url, known.as_ref(), image).await?;
        if answer.status != 401 {
            return succeeded(answer, image);
        }
        // What a store says to which the registry has sent us is not the registry's word.
        let own = is_same_origin(&url, &answer.url);
        let authorization = match challenge(&answer).filter(|_| own) {
            Some(Challenge::Bearer(place)) => {
                let token = self.fetch_token(&place, image).await?;
                let header = secret_header("Bearer", &token);
                let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
                tokens.insert(image.repository().to_owned(), token);
                Some(header)
            }
            Some(Challenge::Basic) => self.credentials.as_ref().map(Credentials::header),
            None => None,
        };
        let answer = match authorization {
            Some(authorization) => {
                self.send(&method, &url, Some(&authorization), image)
                    .await?
            }
            None => answer,
        };
        succeeded(answer, image)
    }

    /// Whether a registry on this machine has a certificate: there, as for Docker, it need not.
    async fn speaks_tls(&self, url: &Url) -> bool {
        let asked = self.http.head(url.clone()).send();
        match exchange::send(asked, Patience::of(PATIENCE)).await {
            Ok(_) => true,
            Err(ExchangeError::Tls(error)) => error != TlsError::Missing,
            Err(_) => false,
        }
    }

    fn token(&self, image: &ImageReference) -> Option<SecretString> {
        let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.get(image.repository()).cloned()
    }

    /// Sends a request, and follows where it is sent: with the credentials on the same host only.
    async fn send(
        &self,
        method: &Method,
        url: &Url,
        authorization: Option<&HeaderValue>,
        image: &ImageReference,
    ) -> Result<Answer, RegistryError> {
        let request = self.http.request(method.clone(), url.clone());
        let request = request.header(ACCEPT, MANIFESTS).build();
        let request = request.map_err(|_| self.odd(image, "is not a host that can be asked"))?;
        let asked = exchange::follow(&self.http, request, authorization, PATIENCE, MAX_ANSWER);
        let answer = asked
            .await
            .map_err(|error| broken(&error, image.registry()))?;
        if (300..400).contains(&answer.status) {
            return Err(self.odd(image, "redirects to nowhere"));
        }
        Ok(answer)
    }

    /// A token to read the image's repository with, from where the registry says.
    async fn fetch_token(
        &self,
        place: &TokenPlace,
        image: &ImageReference,
    ) -> Result<SecretString, RegistryError> {
        #[derive(Deserialize)]
        struct Token {
            token: Option<SecretString>,
            access_token: Option<SecretString>,
        }
        let TokenPlace {
            realm,
            service,
            scope,
        } = place;
        let mut url = match Url::parse(realm) {
            Ok(url) if is_safe(&url) || (self.plaintext && url.scheme() == "http") => url,
            _ => return Err(self.odd(image, "names no safe place to get a token from")),
        };
        let wanted = format!("repository:{}:pull", image.path());
        if let Some(service) = service {
            url.query_pairs_mut().append_pair("service", service);
        }
        url.query_pairs_mut()
            .append_pair("scope", scope.as_deref().unwrap_or(&wanted));
        let host = host(&url);
        let mut request = self.http.get(url);
        if let Some(credentials) = &self.credentials {
            request = request.header(AUTHORIZATION, credentials.header());
        }
        let exchange = async {
            let incoming = exchange::send(request.send(), Patience::of(PATIENCE)).await?;
            incoming.json(MAX_ANSWER).await
        };
        let answer = exchange.await.map_err(|error| broken(&error, &host))?;
        let answer = succeeded(answer, image);
        let answer = answer.map_err(|error| match error {
            // Whoever knows no such repository gives no token for it.
            RegistryError::Missing(what) | RegistryError::Protocol(what) => {
                RegistryError::Denied(what)
            }
            other => other,
        })?;
        let token: Token = self.parsed(image, &answer)?;
        let token = token.token.or(token.access_token);
        token
            .filter(|token| HeaderValue::from_str(token.expose_secret()).is_ok())
            .ok_or_else(|| self.odd(image, "gave no token"))
    }
}

/// Tag or digest, as the registry is asked for it. The digest decides.
fn version(image: &ImageReference) -> &str {
    image.digest().or(image.tag()).unwrap_or("latest")
}

/// Where the registry has something of the image's repository. Docker Hub's API is on a host of its
/// own.
fn url(image: &ImageReference, path: &str) -> Option<Url> {
    let host = match image.registry() {
        "docker.io" => "registry-1.docker.io",
        other => other,
    };
    Url::parse(&format!("https://{host}/v2/{}/{path}", image.path())).ok()
}

fn challenge(answer: &Answer) -> Option<Challenge> {
    let values = answer.headers.get_all(WWW_AUTHENTICATE).iter();
    let texts: Vec<&str> = values.filter_map(|value| value.to_str().ok()).collect();
    Challenge::of(&texts)
}

fn digest_of(headers: &HeaderMap) -> Option<String> {
    let digest = headers.get("docker-content-digest")?.to_str().ok()?;
    is_digest(digest).then(|| digest.to_owned())
}

fn is_digest(text: &str) -> bool {
    let hex = text.strip_prefix("sha256:").unwrap_or_default();
    hex.len() == 64 && hex.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'))
}

fn sha256(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    let hex: String = digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("sha256:{hex}")
}

/// What a registry says about a failure.
fn said(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Errors {
        #[serde(default)]
        errors: Vec<One>,
        details: Option<String>,
    }
    #[derive(Deserialize)]
    struct One {
        #[serde(default)]
        code: String,
        #[serde(default)]
        message: String,
    }
    let Ok(errors) = serde_json::from_slice::<Errors>(body) else {
        return String::new();
    };
    let texts = errors.errors.iter().map(|one| match one.message.as_str() {
        "" => one.code.clone(),
        message => format!("{message} ({})", one.code),
    });
    let texts: Vec<String> = texts.chain(errors.details).collect();
    one_line(&texts.join("\n"))
}

/// The answer, if it is a success.
fn succeeded(answer: Answer, image: &ImageReference) -> Result<Answer, RegistryError> {
    if answer.is_success() {
        return Ok(answer);
    }
    let what = answered(image.registry(), answer.status, &said(&answer.body));
    let passing = Passing::of(answer.status, &answer.headers);
    Err(match answer.status {
        _ if passing.is_rate_limit => RegistryError::Unavailable {
            what: passing.told(what),
            passing,
        },
        403 if exchange::is_page(&answer.headers) => RegistryError::KeptOut {
            what: format!("{what} with a web page, which is not how a registry refuses"),
            may_pass: false,
        },
        404 => RegistryError::Missing(what),
        401 | 403 => RegistryError::Denied(what),
        408 | 425 | 500.. => RegistryError::Unavailable { what, passing },
        _ => RegistryError::Protocol(what),
    })
}

fn broken(error: &ExchangeError, host: &str) -> RegistryError {
    let what = error.told(host);
    match error {
        ExchangeError::Tls(error) => RegistryError::Tls {
            what,
            error: error.clone(),
        },
        ExchangeError::TooLarge => RegistryError::Protocol(what),
        ExchangeError::Proxy(_) => RegistryError::KeptOut {
            what,
            may_pass: error.may_pass(),
        },
        _ => RegistryError::Unavailable {
            what,
            passing: Passing::default(),
        },
    }
}
