//! Git's smart HTTP protocol for libgit2, over our own HTTP client.
//!
//! libgit2's own HTTP brings OpenSSL, tells a refusal as a text without the server's words, and has
//! no deadline for a whole run. Here every exchange ends in a typed [`WireError`] that keeps status,
//! body and `Retry-After`; the token goes to the repository's host only; and redirects are followed
//! where the protocol has them: on `info/refs`, within the host.
//!
//! Protocol: `gitprotocol-http(5)`, `gitprotocol-pack(5)`.

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::{Buf, Bytes};
use git2::transport::{Service, SmartSubtransport, SmartSubtransportStream, Transport};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION};
use secrecy::{ExposeSecret, SecretString};
use tokio::runtime::Handle;
use url::Url;

use super::packets;
use crate::http::with_sources;
use crate::repository::deadline::Deadline;
use crate::repository::wire::{self, WireError, WireErrorKind, classified, one_line};

/// The most that is sent in one request. A commit of a few manifests is some kilobytes.
const MAX_REQUEST: usize = 64 << 20;
/// The most that an advertisement may be: a million references.
const MAX_ADVERTISEMENT: usize = 64 << 20;
/// The most of an error's body that is read.
const MAX_ERROR_BODY: usize = 4 << 10;
/// How many redirects are followed.
const MAX_REDIRECTS: usize = 5;

/// What libgit2 says of a failed call, and the wire's own error where that was the cause.
pub type CallError = (git2::Error, Option<WireError>);

/// One repository's URL, the credentials for it, and the state of an exchange.
pub struct Connection {
    client: reqwest::Client,
    runtime: Handle,
    /// Moves when the server redirects.
    base: Mutex<Url>,
    authorization: Option<HeaderValue>,
    deadline: Deadline,
    failure: Mutex<Option<WireError>>,
    fetching: Mutex<Fetching>,
}

/// How the next fetch is to be done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FetchMode {
    /// Leave the files out.
    pub without_blobs: bool,
    /// Nothing of the repository is here: ask for depth and commits in one request.
    pub from_nothing: bool,
    /// Take the last advertisement for the current one.
    pub same_advertisement: bool,
}

/// What a fetch needs to know from one request to the next.
#[derive(Default)]
struct Fetching {
    mode: FetchMode,
    advertisement: Option<Bytes>,
    /// A request that libgit2 is going to make, and the answer to it.
    ahead: Option<(Vec<u8>, Answer)>,
}

thread_local! {
    /// The connection that this thread's current libgit2 call speaks over: libgit2 makes its
    /// transports by URL scheme and has no room for an argument.
    static CURRENT: RefCell<Option<Arc<Connection>>> = const { RefCell::new(None) };
}

impl Connection {
    /// A connection to the repository at `url`. Nothing is sent yet.
    ///
    /// The token is sent with the first request already (as the password of `x-access-token`, which
    /// GitHub, GitLab, Gitea and Forgejo take): a 401 is then a refusal, and no question.
    pub fn new(
        client: reqwest::Client,
        runtime: Handle,
        url: Url,
        token: Option<&SecretString>,
        deadline: Deadline,
    ) -> Self {
        let authorization = token.and_then(|token| {
            let credentials = format!("x-access-token:{}", token.expose_secret());
            let value = format!("Basic {}", BASE64_STANDARD.encode(credentials));
            let mut header = HeaderValue::from_str(&value).ok()?;
            header.set_sensitive(true);
            Some(header)
        });
        Self {
            client,
            runtime,
            base: Mutex::new(url),
            authorization,
            deadline,
            failure: Mutex::new(None),
            fetching: Mutex::default(),
        }
    }

    /// Runs a libgit2 call over this connection. Blocks: never call it on the runtime's own threads.
    ///
    /// # Errors
    /// What the call says, and the wire's own error where that was the cause.
    pub fn run<T>(
        self: &Arc<Self>,
        call: impl FnOnce() -> Result<T, git2::Error>,
    ) -> Result<T, CallError> {
        struct Reset;
        impl Drop for Reset {
            fn drop(&mut self) {
                CURRENT.set(None);
            }
        }
        register();
        *lock(&self.failure) = None;
        CURRENT.set(Some(Arc::clone(self)));
        let _reset = Reset;
        call().map_err(|error| (error, lock(&self.failure).take()))
    }

    /// What the server says before a push: its branches, and what it can do. Blocks.
    ///
    /// # Errors
    /// See [`WireError`].
    pub fn ask_before_push(self: &Arc<Self>) -> Result<Bytes, WireError> {
        let connection = Arc::clone(self);
        let asked = self.wait(async move {
            let answer = connection.advertisement(Service::ReceivePackLs).await?;
            Ok(answer.chunk)
        });
        asked.map_err(WireError::pushing)
    }

    /// Sends a push, and returns the whole answer. Blocks.
    ///
    /// # Errors
    /// See [`WireError`].
    pub fn push(self: &Arc<Self>, request: Vec<u8>) -> Result<Bytes, WireError> {
        let connection = Arc::clone(self);
        let pushed = self.wait(async move {
            let answer = connection.rpc(Service::ReceivePack, request).await?;
            match answer.rest {
                Some(mut rest) => connection.body(Service::ReceivePack, &mut rest).await,
                None => Ok(answer.chunk),
            }
        });
        pushed.map_err(WireError::pushing)
    }

    /// Whether the server, by its last advertisement, can be asked for a partial fetch.
    pub fn can_fetch_partially(&self) -> bool {
        lock(&self.fetching)
            .advertisement
            .as_deref()
            .is_some_and(packets::allows_partial_fetch)
    }

    /// How fetches are done from now on.
    pub fn set_fetch_mode(&self, mode: FetchMode) {
        let mut fetching = lock(&self.fetching);
        fetching.mode = mode;
        fetching.ahead = None;
    }

    /// The host that is spoken to, for messages.
    pub fn host(&self) -> String {
        let base = lock(&self.base);
        let host = base.host_str().unwrap_or_default();
        match base.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }

    async fn advertisement(&self, service: Service) -> Result<Answer, WireErrorKind> {
        if !is_push(service) {
            let fetching = lock(&self.fetching);
            if let (true, Some(last)) = (fetching.mode.same_advertisement, &fetching.advertisement)
            {
                return Ok(Answer::from(last.clone()));
            }
        }
        let mut redirects = 0;
        loop {
            let base = lock(&self.base).clone();
            let url = endpoint(&base, "info/refs", Some(service));
            let response = self.send(service, self.client.get(url.clone())).await?;
            if !response.status().is_redirection() {
                let mut response = checked(response, service, "advertisement").await?;
                let body = self.body(service, &mut response).await?;
                if !is_push(service) {
                    lock(&self.fetching).advertisement = Some(body.clone());
                }
                return Ok(Answer::from(body));
            }
            let target = redirect_target(&response, &url);
            redirects += 1;
            match target.as_ref().and_then(|target| moved_base(target, &base)) {
                Some(moved) if redirects <= MAX_REDIRECTS => *lock(&self.base) = moved,
                _ => return Err(not_followed(target)),
            }
        }
    }

    /// A fetch's request, with what libgit2 does not know of: partial fetches, and asking at once.
    async fn upload_pack(&self, mut request: Vec<u8>) -> Result<Answer, WireErrorKind> {
        let (mode, ahead) = {
            let mut fetching = lock(&self.fetching);
            let advertisement = fetching.advertisement.clone().unwrap_or_default();
            let without_blobs = fetching.mode.without_blobs;
            request = packets::refined(request, &advertisement, without_blobs);
            (fetching.mode, fetching.ahead.take())
        };
        if let Some((expected, answer)) = ahead
            && expected == request
        {
            return Ok(answer);
        }
        if !(mode.from_nothing && packets::asks_for_depth_only(&request)) {
            return self.rpc(Service::UploadPack, request).await;
        }
        request.extend_from_slice(packets::DONE);
        let mut answer = self.rpc(Service::UploadPack, request.clone()).await?;
        let depth = loop {
            if let Some(end) = packets::end_of_depth(&answer.chunk) {
                break answer.chunk.split_to(end);
            }
            let Some(response) = &mut answer.rest else {
                break answer.chunk.split_off(0);
            };
            match self.chunk(Service::UploadPack, response).await? {
                Some(more) => answer.chunk = [&answer.chunk[..], &more[..]].concat().into(),
                None => answer.rest = None,
            }
        };
        lock(&self.fetching).ahead = Some((request, answer));
        Ok(Answer::from(depth))
    }

    async fn rpc(&self, service: Service, body: Vec<u8>) -> Result<Answer, WireErrorKind> {
        let base = lock(&self.base).clone();
        let url = endpoint(&base, name(service), None);
        let request = self
            .client
            .post(url.clone())
            .header(
                CONTENT_TYPE,
                format!("application/x-{}-request", name(service)),
            )
            .header(ACCEPT, format!("application/x-{}-result", name(service)))
            .body(body);
        let response = self.send(service, request).await?;
        if response.status().is_redirection() {
            return Err(not_followed(redirect_target(&response, &url)));
        }
        let response = checked(response, service, "result").await?;
        Ok(Answer {
            chunk: Bytes::new(),
            rest: Some(response),
        })
    }

    async fn send(
        &self,
        service: Service,
        request: reqwest::RequestBuilder,
    ) -> Result<reqwest::Response, WireErrorKind> {
        let request = match &self.authorization {
            Some(value) => request.header(AUTHORIZATION, value.clone()),
            None => request,
        };
        self.in_time(service, async {
            request.send().await.map_err(|error| classified(&error))
        })
        .await
    }

    async fn body(
        &self,
        service: Service,
        response: &mut reqwest::Response,
    ) -> Result<Bytes, WireErrorKind> {
        let mut body = Vec::new();
        while let Some(chunk) = self.chunk(service, response).await? {
            if body.len() + chunk.len() > MAX_ADVERTISEMENT {
                return Err(WireErrorKind::TooLarge("the server's list of references"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.into())
    }

    async fn chunk(
        &self,
        service: Service,
        response: &mut reqwest::Response,
    ) -> Result<Option<Bytes>, WireErrorKind> {
        let chunk = async {
            let chunk = response.chunk().await;
            chunk.map_err(|error| WireErrorKind::Broken(with_sources(&error.without_url())))
        };
        let chunk = self.in_time(service, chunk).await?;
        if chunk.is_none() {
            // Lets the client take the connection back before the next request looks for one.
            tokio::task::yield_now().await;
        }
        Ok(chunk)
    }

    /// Bounds one wait. A push that is on its way is not cancelled.
    async fn in_time<T>(
        &self,
        service: Service,
        wait: impl Future<Output = Result<T, WireErrorKind>>,
    ) -> Result<T, WireErrorKind> {
        wire::in_time(&self.deadline, service != Service::ReceivePack, wait).await
    }

    /// Does a piece of work for libgit2, which waits meanwhile. On a worker of the runtime, so that it
    /// takes turns with the HTTP client's own tasks and does not overtake them.
    fn wait<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, WireErrorKind>> + Send + 'static,
    ) -> Result<T, WireErrorKind> {
        let task = self.runtime.spawn(work);
        let result = self.runtime.block_on(task);
        result.unwrap_or_else(|panic| Err(WireErrorKind::Broken(panic.to_string())))
    }

    /// Keeps the typed error: libgit2 hands on only a text.
    fn fail(&self, service: Service, kind: WireErrorKind) -> io::Error {
        let pushing = is_push(service);
        *lock(&self.failure) = Some(WireError { pushing, kind });
        // No server's text in here: a NUL in it would abort the process.
        io::Error::other("the exchange with the server failed")
    }
}

/// What libgit2 reads.
struct Answer {
    chunk: Bytes,
    rest: Option<reqwest::Response>,
}

impl From<Bytes> for Answer {
    fn from(chunk: Bytes) -> Self {
        Self { chunk, rest: None }
    }
}

/// One request and its answer, as a stream for libgit2. The request is sent when the answer is
/// first read.
struct Exchange {
    connection: Arc<Connection>,
    service: Service,
    request: Vec<u8>,
    answer: Option<Answer>,
}

impl Exchange {
    fn answer(&mut self) -> Result<Answer, WireErrorKind> {
        if let Some(answer) = self.answer.take() {
            return Ok(answer);
        }
        let (connection, service) = (Arc::clone(&self.connection), self.service);
        let request = std::mem::take(&mut self.request);
        self.connection.wait(async move {
            match service {
                Service::UploadPack => connection.upload_pack(request).await,
                // Pushes do not come this way.
                Service::UploadPackLs | Service::ReceivePackLs | Service::ReceivePack => {
                    connection.advertisement(service).await
                }
            }
        })
    }

    fn next(&mut self, buffer: &mut [u8]) -> Result<usize, WireErrorKind> {
        let mut answer = self.answer()?;
        while answer.chunk.is_empty() {
            let Some(mut response) = answer.rest.take() else {
                break;
            };
            let (connection, service) = (Arc::clone(&self.connection), self.service);
            answer = self.connection.wait(async move {
                let chunk = connection.chunk(service, &mut response).await?;
                Ok(Answer {
                    rest: chunk.is_some().then_some(response),
                    chunk: chunk.unwrap_or_default(),
                })
            })?;
        }
        let length = answer.chunk.len().min(buffer.len());
        answer.chunk.copy_to_slice(&mut buffer[..length]);
        self.answer = Some(answer);
        Ok(length)
    }
}

impl Read for Exchange {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.next(buffer)
            .map_err(|kind| self.connection.fail(self.service, kind))
    }
}

impl Write for Exchange {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        if self.request.len() + buffer.len() > MAX_REQUEST {
            let kind = WireErrorKind::TooLarge("the push");
            return Err(self.connection.fail(self.service, kind));
        }
        self.request.extend_from_slice(buffer);
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Exchange {
    /// libgit2 stops at the last packet line and never sees the end of the body, without which the
    /// connection is not used again: one TLS handshake more for every request.
    fn drop(&mut self) {
        const SHORT: Duration = Duration::from_millis(200);
        if let Some(mut response) = self.answer.take().and_then(|answer| answer.rest) {
            let connection = Arc::clone(&self.connection);
            let service = self.service;
            let _ = self.connection.wait(async move {
                let drained = async {
                    while let Ok(Some(_)) = connection.chunk(service, &mut response).await {}
                };
                let _ = tokio::time::timeout(SHORT, drained).await;
                Ok(())
            });
        }
    }
}

struct Subtransport(Arc<Connection>);

impl SmartSubtransport for Subtransport {
    fn action(
        &self,
        _url: &str,
        service: Service,
    ) -> Result<Box<dyn SmartSubtransportStream>, git2::Error> {
        Ok(Box::new(Exchange {
            connection: Arc::clone(&self.0),
            service,
            request: Vec::new(),
            answer: None,
        }))
    }

    fn close(&self) -> Result<(), git2::Error> {
        Ok(())
    }
}

/// Puts this transport in the place of libgit2's own, and keeps libgit2 from reading the
/// configuration files of the machine: an `insteadOf` or a proxy of someone else's has no say here.
#[allow(unsafe_code)]
fn register() {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        for scheme in ["https", "http"] {
            // SAFETY: must not run beside the creation of another transport. Transports are made in
            // `Connection::run` only, which comes through this `Once` first.
            let registered = unsafe {
                git2::transport::register(scheme, |remote| {
                    let connection = CURRENT.with_borrow(Clone::clone);
                    let connection =
                        connection.ok_or_else(|| git2::Error::from_str("no connection"))?;
                    Transport::smart(remote, true, Subtransport(connection))
                })
            };
            debug_assert!(registered.is_ok(), "nobody else registers a transport");
        }
    });
}

/// Keeps libgit2 from reading the configuration files of the machine, and from asking who owns a
/// local repository (in a container it is always someone else).
#[allow(unsafe_code)]
pub fn isolate() {
    use git2::{ConfigLevel, opts};
    static ISOLATED: Once = Once::new();
    ISOLATED.call_once(|| {
        use ConfigLevel::{Global, ProgramData, System, XDG};
        for level in [ProgramData, System, XDG, Global] {
            // SAFETY: these options are globals without a lock; the `Once` runs before this
            // process opens its first repository.
            let _ = unsafe { opts::set_search_path(level, "/nonexistent") };
        }
        // SAFETY: as above.
        let _ = unsafe { opts::set_verify_owner_validation(false) };
    });
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_push(service: Service) -> bool {
    matches!(service, Service::ReceivePackLs | Service::ReceivePack)
}

fn name(service: Service) -> &'static str {
    if is_push(service) {
        "git-receive-pack"
    } else {
        "git-upload-pack"
    }
}

/// `base` + `/` + `path`, with the question for a service.
fn endpoint(base: &Url, path: &str, service: Option<Service>) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url.set_query(
        service
            .map(|service| format!("service={}", name(service)))
            .as_deref(),
    );
    url
}

fn redirect_target(response: &reqwest::Response, from: &Url) -> Option<Url> {
    let location = response.headers().get(LOCATION)?.to_str().ok()?;
    from.join(location).ok()
}

/// The repository's URL after a redirect of `info/refs` to `target`, if the token may go there: the
/// same host, with https never left.
fn moved_base(target: &Url, base: &Url) -> Option<Url> {
    let same_origin = target.origin() == base.origin();
    let upgraded = base.scheme() == "http"
        && target.scheme() == "https"
        && target.host() == base.host()
        && target.port().is_none();
    if !same_origin && !upgraded {
        return None;
    }
    let path = target.path().strip_suffix("/info/refs")?.to_owned();
    let mut moved = target.clone();
    moved.set_path(&path);
    moved.set_query(None);
    moved.set_fragment(None);
    (moved != *base).then_some(moved)
}

fn not_followed(target: Option<Url>) -> WireErrorKind {
    let to = target.map_or_else(
        || "nowhere (no Location)".to_owned(),
        |url| {
            let url = wire::shown(url);
            url.strip_suffix("/info/refs").unwrap_or(&url).to_owned()
        },
    );
    WireErrorKind::Redirected { to }
}

/// The response if it is a success of git's own content type.
async fn checked(
    response: reqwest::Response,
    service: Service,
    kind: &str,
) -> Result<reqwest::Response, WireErrorKind> {
    let status = response.status();
    let header = |name| {
        response
            .headers()
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    let content_type = header(CONTENT_TYPE).unwrap_or_default().to_owned();
    if !status.is_success() {
        let retry_after = wire::retry_after(response.headers());
        let detail = if content_type.starts_with("text/html") {
            String::new()
        } else {
            error_text(response).await
        };
        return Err(WireErrorKind::Status {
            status: status.as_u16(),
            detail,
            retry_after,
        });
    }
    let expected = format!("application/x-{}-{kind}", name(service));
    if content_type
        .split(';')
        .next()
        .is_none_or(|own| own.trim() != expected)
    {
        return Err(WireErrorKind::NotGit {
            content_type: one_line(&content_type),
        });
    }
    Ok(response)
}

/// The first few kilobytes of an error's body. It is for people, so it is worth no long wait.
async fn error_text(mut response: reqwest::Response) -> String {
    let mut body = Vec::new();
    let read = async {
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_ERROR_BODY {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(2), read).await;
    body.truncate(MAX_ERROR_BODY);
    one_line(&String::from_utf8_lossy(&body))
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
                Some(Service::ReceivePackLs)
            )
            .as_str(),
            "https://h/o/r.git/info/refs?service=git-receive-pack"
        );
        assert_eq!(
            endpoint(&url("https://h/o/r"), name(Service::UploadPack), None).as_str(),
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
