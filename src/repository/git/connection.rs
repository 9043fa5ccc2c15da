//! Git's smart HTTP protocol over our own HTTP client.
//!
//! libgit2's own HTTP brings OpenSSL, tells a refusal as a text without the server's words, and has
//! no deadline for a whole run. Here every exchange ends in a typed [`WireErrorKind`] that keeps
//! status, body and `Retry-After`; the token goes to the repository's host only; and redirects are
//! followed where the protocol has them: on `info/refs`, within the host.
//!
//! Protocol: `gitprotocol-http(5)`.

use std::io::{self, BufRead, Read};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Buf, Bytes};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use url::Url;

use super::answer::FetchError;
use super::budget::Budget;
use crate::http::Credentials;
use crate::http::exchange::{
    self, ExchangeError, Incoming, MAX_REDIRECTS, Passing, Patience, is_same_origin, is_upgrade,
};
use crate::http::text::{self, one_line};
use crate::repository::wire::{WireError, WireErrorKind};

/// The most that an advertisement may be: a million references.
const MAX_ADVERTISEMENT: usize = 64 << 20;
/// The most of an error's body that is read.
const MAX_ERROR_BODY: usize = 4 << 10;
/// Some servers, and what stands before them, tell git from a browser by how this begins.
const GIT_USER_AGENT: &str = concat!("git/2.0 (gitops-deploy/", env!("CARGO_PKG_VERSION"), ")");

/// One repository's URL, the credentials for it, and the state of an exchange.
pub struct Connection {
    client: reqwest::Client,
    runtime: Handle,
    /// Moves when the server redirects.
    base: Mutex<Url>,
    has_moved: AtomicBool,
    authorization: Option<HeaderValue>,
    budget: Arc<Budget>,
    /// Whether git has been spoken there already.
    has_answered: AtomicBool,
}

/// What a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Service {
    UploadPack,
    ReceivePack,
}

/// The versions of the protocol that are spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    Zero,
    Two,
}

impl Service {
    fn name(self) -> &'static str {
        match self {
            Self::UploadPack => "git-upload-pack",
            Self::ReceivePack => "git-receive-pack",
        }
    }
}

impl Connection {
    /// A connection to the repository at `url`. Nothing is sent yet.
    ///
    /// The credentials are sent with the first request already: a 401 is then a refusal, and no
    /// question.
    pub(super) fn new(
        client: reqwest::Client,
        runtime: Handle,
        url: Url,
        credentials: Option<&Credentials>,
        budget: Arc<Budget>,
    ) -> Self {
        Self {
            client,
            runtime,
            base: Mutex::new(url),
            has_moved: AtomicBool::new(false),
            authorization: credentials.map(Credentials::header),
            budget,
            has_answered: AtomicBool::new(false),
        }
    }

    /// What the server says of its branches, and what it can do. Blocks: never call it on the
    /// runtime's own threads.
    ///
    /// # Errors
    /// See [`WireErrorKind`].
    pub fn ask_before_fetch(self: &Arc<Self>) -> Result<Bytes, WireErrorKind> {
        let connection = Arc::clone(self);
        self.wait(async move { connection.advertisement(Service::UploadPack).await })
    }

    /// Asks for references in the protocol's version 2, without an advertisement. Blocks.
    ///
    /// # Errors
    /// See [`WireErrorKind`].
    pub(super) fn list(self: &Arc<Self>, request: Vec<u8>) -> Result<Bytes, WireErrorKind> {
        let connection = Arc::clone(self);
        self.wait(async move {
            let incoming = connection.rpc(Service::UploadPack, request, Version::Two);
            let answer = incoming.await?.whole(MAX_ADVERTISEMENT).await?;
            Ok(answer.body.into())
        })
    }

    /// Asks for objects. Blocks.
    ///
    /// # Errors
    /// See [`WireErrorKind`].
    pub(super) fn fetch(
        self: &Arc<Self>,
        request: Vec<u8>,
        version: Version,
    ) -> Result<Download, WireErrorKind> {
        let connection = Arc::clone(self);
        let incoming =
            self.wait(async move { connection.rpc(Service::UploadPack, request, version).await })?;
        let budget = Arc::clone(&self.budget);
        Ok(Download::new(self.runtime.clone(), incoming, budget))
    }

    /// What the server says before a push: its branches, and what it can do. Blocks.
    ///
    /// # Errors
    /// See [`WireError`].
    pub fn ask_before_push(self: &Arc<Self>) -> Result<Bytes, WireError> {
        let connection = Arc::clone(self);
        let asked = self.wait(async move { connection.advertisement(Service::ReceivePack).await });
        asked.map_err(WireError::pushing)
    }

    /// Sends a push, and returns the whole answer. Blocks.
    ///
    /// # Errors
    /// See [`WireError`].
    pub fn push(self: &Arc<Self>, request: Vec<u8>) -> Result<Bytes, WireError> {
        let connection = Arc::clone(self);
        let pushed = self.wait(async move {
            let incoming = connection.rpc(Service::ReceivePack, request, Version::Zero);
            let incoming = incoming.await?;
            Ok(incoming.whole(MAX_ADVERTISEMENT).await?.body.into())
        });
        pushed.map_err(WireError::pushing)
    }

    /// Whether the repository is at another URL by now than the one that was given.
    pub(super) fn has_moved(&self) -> bool {
        self.has_moved.load(Relaxed)
    }

    /// The host that is spoken to, for messages.
    pub fn host(&self) -> String {
        text::host(&lock(&self.base))
    }

    async fn advertisement(&self, service: Service) -> Result<Bytes, WireErrorKind> {
        let mut redirects = 0;
        loop {
            let base = lock(&self.base).clone();
            let url = endpoint(&base, "info/refs", Some(service));
            let incoming = self.send(self.client.get(url.clone()), true).await?;
            let Some(target) = incoming.target(&url) else {
                let incoming = self.checked(incoming, service, "advertisement").await?;
                return Ok(incoming.whole(MAX_ADVERTISEMENT).await?.body.into());
            };
            redirects += 1;
            match moved_base(&target, &base) {
                Some(moved) if redirects <= MAX_REDIRECTS => {
                    self.has_moved.store(true, Relaxed);
                    *lock(&self.base) = moved;
                }
                _ => return Err(not_followed(target)),
            }
        }
    }

    /// Asks a service. A push that is on its way is not `cancellable`.
    async fn rpc(
        &self,
        service: Service,
        body: Vec<u8>,
        version: Version,
    ) -> Result<Incoming, WireErrorKind> {
        let cancellable = service == Service::UploadPack;
        let name = service.name();
        let base = lock(&self.base).clone();
        let url = endpoint(&base, name, None);
        let request = self
            .client
            .post(url.clone())
            .header(CONTENT_TYPE, format!("application/x-{name}-request"))
            .header(ACCEPT, format!("application/x-{name}-result"))
            .body(body);
        let request = match version {
            Version::Zero => request,
            Version::Two => request.header("Git-Protocol", "version=2"),
        };
        let incoming = self.send(request, cancellable).await?;
        match incoming.target(&url) {
            Some(target) => Err(not_followed(target)),
            None => self.checked(incoming, service, "result").await,
        }
    }

    async fn send(
        &self,
        request: reqwest::RequestBuilder,
        cancellable: bool,
    ) -> Result<Incoming, ExchangeError> {
        let request = request.header(USER_AGENT, GIT_USER_AGENT);
        let request = match &self.authorization {
            Some(value) => request.header(AUTHORIZATION, value.clone()),
            None => request,
        };
        let deadline = self.budget.deadline().clone();
        let patience = Patience::Run {
            deadline,
            cancellable,
        };
        exchange::send(request.send(), patience).await
    }

    /// The answer if it is a success of git's own. Once there was one, anything else is a fault on the
    /// way: a page of a proxy, say.
    async fn checked(
        &self,
        incoming: Incoming,
        service: Service,
        kind: &str,
    ) -> Result<Incoming, WireErrorKind> {
        match checked(incoming, service, kind).await {
            Err(WireErrorKind::NotGit { content_type }) if self.has_answered.load(Relaxed) => {
                let what = format!("it answered with `{content_type}`, and with git before");
                Err(ExchangeError::Broken(what).into())
            }
            checked => {
                self.has_answered.fetch_or(checked.is_ok(), Relaxed);
                checked
            }
        }
    }

    /// Does a piece of work for a thread that waits meanwhile. On a worker of the runtime, so that it
    /// takes turns with the HTTP client's own tasks and does not overtake them.
    fn wait<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, WireErrorKind>> + Send + 'static,
    ) -> Result<T, WireErrorKind> {
        let task = self.runtime.spawn(work);
        let result = self.runtime.block_on(task);
        result.unwrap_or_else(|panic| Err(ExchangeError::Broken(panic.to_string()).into()))
    }
}

/// A fetch's answer as it comes in. Reading blocks; what goes wrong on the wire is a [`FetchError`]
/// within the [`io::Error`].
pub(super) struct Download {
    runtime: Handle,
    budget: Arc<Budget>,
    chunk: Bytes,
    chunks: mpsc::Receiver<Result<Bytes, ExchangeError>>,
    /// Ends with the answer.
    receiving: JoinHandle<()>,
}

impl Download {
    /// Receives ahead of the reader, but not far.
    fn new(runtime: Handle, mut incoming: Incoming, budget: Arc<Budget>) -> Self {
        const AHEAD: usize = 64;
        let (sender, chunks) = mpsc::channel(AHEAD);
        let receiving = runtime.spawn(async move {
            while let Some(chunk) = incoming.next().await.transpose() {
                let failed = chunk.is_err();
                // Without a reader the answer is received to its end all the same: see `drop`.
                let _ = sender.send(chunk).await;
                if failed {
                    break;
                }
            }
        });
        Self {
            runtime,
            budget,
            chunk: Bytes::new(),
            chunks,
            receiving,
        }
    }
}

impl BufRead for Download {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.chunk.is_empty()
            && let Some(chunk) = self.chunks.blocking_recv()
        {
            self.chunk = chunk.map_err(|error| FetchError::Wire(error.into()).into_io())?;
            let counted = self.budget.receive(self.chunk.len());
            counted.map_err(|error| FetchError::from(error).into_io())?;
        }
        Ok(&self.chunk)
    }

    fn consume(&mut self, amount: usize) {
        self.chunk.advance(amount.min(self.chunk.len()));
    }
}

impl Read for Download {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.fill_buf()?.read(buffer)?;
        self.consume(length);
        Ok(length)
    }
}

impl Drop for Download {
    /// Whoever reads a pack stops at its end and never sees that of the body, without which the
    /// connection is not used again: one TLS handshake more for every request.
    fn drop(&mut self) {
        const SHORT: Duration = Duration::from_millis(200);
        self.chunks.close();
        let receiving = &mut self.receiving;
        let ended = async { tokio::time::timeout(SHORT, receiving).await };
        if self.runtime.block_on(ended).is_err() {
            self.receiving.abort();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `base` + `/` + `path`, with the question for a service.
fn endpoint(base: &Url, path: &str, service: Option<Service>) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url.set_query(
        service
            .map(|service| format!("service={}", service.name()))
            .as_deref(),
    );
    url
}

/// The repository's URL after a redirect of `info/refs` to `target`, if the token may go there: the
/// same host, with https never left.
fn moved_base(target: &Url, base: &Url) -> Option<Url> {
    if !is_same_origin(base, target) && !is_upgrade(base, target) {
        return None;
    }
    let path = target.path().strip_suffix("/info/refs")?.to_owned();
    let mut moved = target.clone();
    moved.set_path(&path);
    moved.set_query(None);
    moved.set_fragment(None);
    (moved != *base).then_some(moved)
}

fn not_followed(target: Url) -> WireErrorKind {
    let url = text::shown(target);
    let to = url.strip_suffix("/info/refs").unwrap_or(&url).to_owned();
    WireErrorKind::Redirected { to }
}

/// The answer if it is a success of git's own content type.
async fn checked(
    incoming: Incoming,
    service: Service,
    kind: &str,
) -> Result<Incoming, WireErrorKind> {
    let status = incoming.status();
    let content_type = incoming.headers().get(CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    let content_type = content_type.unwrap_or_default().to_owned();
    if !(200..300).contains(&status) {
        let passing = Passing::of(status, incoming.headers());
        let is_page = exchange::is_page(incoming.headers());
        let detail = if is_page {
            String::new()
        } else {
            one_line(&String::from_utf8_lossy(
                &incoming.beginning(MAX_ERROR_BODY).await,
            ))
        };
        return Err(WireErrorKind::Status {
            status,
            detail,
            passing,
            // One that asks for a login may be the server's own.
            is_page: status == 403 && is_page,
        });
    }
    let expected = format!("application/x-{}-{kind}", service.name());
    if content_type
        .split(';')
        .next()
        .is_none_or(|own| own.trim() != expected)
    {
        return Err(WireErrorKind::NotGit {
            content_type: one_line(&content_type),
        });
    }
    Ok(incoming)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn endpoints_are_below_the_repository() {
        assert_eq!(
            endpoint(
                &url("https://h/o/r.git/"),
                "info/refs",
                Some(Service::ReceivePack)
            )
            .as_str(),
            "https://h/o/r.git/info/refs?service=git-receive-pack"
        );
        assert_eq!(
            endpoint(&url("https://h/o/r"), Service::UploadPack.name(), None).as_str(),
            "https://h/o/r/git-upload-pack"
        );
    }

    #[test]
    fn a_redirect_is_followed_within_the_host_only() {
        let base = url("https://h/o/r");
        let moved = |target: &str| moved_base(&url(target), &base).map(|url| url.to_string());
        assert_eq!(
            moved("https://h/o/new/info/refs?service=x").as_deref(),
            Some("https://h/o/new")
        );
        assert_eq!(moved("https://evil/o/r/info/refs"), None);
        assert_eq!(moved("https://h:8443/o/r/info/refs"), None);
        assert_eq!(moved("http://h/o/r/info/refs"), None);
        assert_eq!(moved("https://h/login"), None);
        assert_eq!(moved("https://h/o/r/info/refs"), None, "a loop");
        let upgraded = moved_base(&url("https://h/o/r/info/refs"), &url("http://h/o/r"));
        assert_eq!(upgraded.unwrap().as_str(), "https://h/o/r");
    }
}
