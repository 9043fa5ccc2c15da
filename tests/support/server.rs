//! A server on loopback that answers as GitHub does, over git's protocol and over its API, remembers
//! what it was asked, and misbehaves on demand.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http_body_util::channel::{Channel, Sender};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION};
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Child;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use super::backend;
use super::faults::{Arrival, Fault, Step, When};
use super::gitea::{self, Gitea};
use super::github::{self, Github};
use super::gitlab;
use super::repository::Repository;
use super::tls;

/// A token that every server knows from the start, with [`Rights::ReadWrite`].
pub const TOKEN: &str = "github_pat_11AAAAAAA0123456789_test";

/// What a token may do, and with what words GitHub says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rights {
    /// Clone and push.
    ReadWrite,
    /// Clone; a push is answered with 403.
    ReadOnly,
    /// A token that is wrong or has expired: 401. Also what an unknown token gets.
    Refused,
    /// A good token that does not see this repository: 404, as if it did not exist.
    NoAccess,
}

/// How a server starts.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Speak HTTPS, with a certificate of an authority of its own: [`GitServer::ca_pem`].
    pub tls: bool,
    /// With that, the certificate is the server's own, and [`GitServer::ca_pem`] that very one.
    pub self_signed: bool,
    /// What may be done without a token: `Refused` for private repositories, `ReadOnly` for public
    /// ones.
    pub anonymous: Rights,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            tls: false,
            self_signed: false,
            anonymous: Rights::Refused,
        }
    }
}

/// One request, as the server saw it.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// `GET`, `POST`.
    pub method: String,
    /// `/wlals2/k8s-manifests.git/info/refs`.
    pub path: String,
    /// `service=git-upload-pack`.
    pub query: String,
    /// What it is in git's protocol, if anything.
    pub step: Option<Step>,
    /// The status it was answered with; `None` when there was no answer.
    pub status: Option<u16>,
    /// Bytes of its body, as they came over the wire.
    pub received: u64,
    /// Bytes of the answer's body.
    pub sent: u64,
    /// Whether it carried an `Authorization` header.
    pub authorized: bool,
    /// The name that it signed on with.
    pub username: Option<String>,
    /// The client's address: requests with the same one shared a connection.
    pub connection: SocketAddr,
    /// Of a request to the API, or for objects: its body.
    pub body: Bytes,
}

impl Recorded {
    /// The body as JSON; panics when it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }
}

/// Everything that crossed the server's sockets, headers and TLS included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// TCP connections taken.
    pub connections: u64,
    /// Bytes from clients.
    pub received: u64,
    /// Bytes to clients.
    pub sent: u64,
}

/// The server. It lives in a thread of its own until it is dropped, so that it serves tests that
/// know nothing of async code.
pub struct GitServer {
    shared: Arc<Shared>,
    address: SocketAddr,
    ca_pem: Option<String>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    root: TempDir,
}

/// What the connections of a server have in common.
struct Shared {
    root: PathBuf,
    anonymous: Rights,
    tokens: Mutex<HashMap<String, Rights>>,
    faults: Mutex<Vec<(When, Fault)>>,
    before: Mutex<Vec<(When, Before)>>,
    latency: Mutex<Duration>,
    log: Mutex<Vec<Recorded>>,
    connections: AtomicU64,
    received: AtomicU64,
    sent: AtomicU64,
    github: Github,
    gitea: Gitea,
    elsewhere: Mutex<Elsewhere>,
}

/// What the server is beside GitHub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Elsewhere {
    Nothing,
    Gitlab,
    Gitea,
}

/// Whether a path is that of another API than GitHub's.
fn is_elsewhere(path: &str) -> bool {
    path.starts_with("/api/v4/") || path.starts_with(gitea::ROOT)
}

type Before = Box<dyn FnOnce() + Send>;
type Body = UnsyncBoxBody<Bytes, io::Error>;

impl GitServer {
    /// Starts a server on a free port of loopback.
    pub fn start() -> GitServer {
        GitServer::start_with(Options::default())
    }

    /// Starts a server with [`Options`].
    pub fn start_with(options: Options) -> GitServer {
        let root = tempfile::Builder::new()
            .prefix("git-server-")
            .tempdir()
            .unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (acceptor, ca_pem) = options
            .tls
            .then(match options.self_signed {
                true => tls::self_signed,
                false => tls::acceptor,
            })
            .unzip();
        let shared = Arc::new(Shared {
            root: root.path().to_owned(),
            anonymous: options.anonymous,
            tokens: Mutex::new(HashMap::from([(TOKEN.to_owned(), Rights::ReadWrite)])),
            faults: Mutex::default(),
            before: Mutex::default(),
            latency: Mutex::default(),
            log: Mutex::default(),
            connections: AtomicU64::new(0),
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            github: Github::new(root.path()),
            gitea: Gitea::new(root.path()),
            elsewhere: Mutex::new(Elsewhere::Nothing),
        });
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn({
            let shared = shared.clone();
            move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .unwrap();
                runtime.block_on(async {
                    let listener = TcpListener::from_std(listener).unwrap();
                    tokio::select! {
                        () = accept(listener, acceptor, shared) => {}
                        _ = stopped => {}
                    }
                });
                // Dropping the runtime drops every request still in flight, stalled ones included,
                // and the processes that serve them.
            }
        });
        GitServer {
            shared,
            address,
            ca_pem,
            stop: Some(stop),
            thread: Some(thread),
            root,
        }
    }

    /// `http://127.0.0.1:PORT`, without a slash at its end.
    pub fn url(&self) -> String {
        let scheme = if self.ca_pem.is_some() {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://{}", self.address)
    }

    /// What `api-url` is on a GitHub Enterprise Server at [`GitServer::url`].
    pub fn api_url(&self) -> String {
        format!("{}{}", self.url(), github::REST_ROOT)
    }

    /// The API's side.
    pub fn github(&self) -> &Github {
        &self.shared.github
    }

    /// Has it be GitLab, by what it says of itself.
    pub fn become_gitlab(&self) {
        *lock(&self.shared.elsewhere) = Elsewhere::Gitlab;
    }

    /// Has it be Gitea, and gives that API's side.
    pub fn become_gitea(&self) -> &Gitea {
        *lock(&self.shared.elsewhere) = Elsewhere::Gitea;
        &self.shared.gitea
    }

    /// The side of Gitea's API.
    pub fn gitea(&self) -> &Gitea {
        &self.shared.gitea
    }

    /// The clone URL of `owner/name`, whether or not there is such a repository.
    pub fn url_of(&self, repository: &str) -> String {
        format!("{}/{repository}.git", self.url())
    }

    /// The authority that signed the server's certificate.
    pub fn ca_pem(&self) -> &str {
        self.ca_pem.as_deref().expect("the server speaks TLS")
    }

    /// Makes an empty repository `owner/name`.
    pub fn repository(&self, name: &str) -> Repository {
        let path = self.root.path().join(format!("{name}.git"));
        Repository::init(path, self.url_of(name))
    }

    /// Makes a repository whose `main` holds one file in one commit.
    pub fn repository_with(&self, name: &str, path: &str, content: &str) -> Repository {
        let repository = self.repository(name);
        repository.commit("main", path, content, "chore: import the manifests");
        repository
    }

    /// Gives a token its rights, from the next request on.
    pub fn grant(&self, token: &str, access: Rights) {
        lock(&self.shared.tokens).insert(token.to_owned(), access);
    }

    /// Goes wrong in this way on the requests that `when` names. Of several rules that match a
    /// request, the first counts.
    pub fn fault(&self, when: When, fault: Fault) {
        lock(&self.shared.faults).push((when, fault));
    }

    /// Heals every fault.
    pub fn heal(&self) {
        lock(&self.shared.faults).clear();
    }

    /// Runs `action` once, when the first request that `when` names has arrived and before it is
    /// looked at: how a test makes a race come out the same way every time.
    pub fn before(&self, when: When, action: impl FnOnce() + Send + 'static) {
        lock(&self.shared.before).push((when, Box::new(action)));
    }

    /// Adds this to the time that every answer takes, as a network would.
    pub fn set_latency(&self, latency: Duration) {
        *lock(&self.shared.latency) = latency;
    }

    /// Every request so far, in the order of arrival.
    pub fn requests(&self) -> Vec<Recorded> {
        lock(&self.shared.log).clone()
    }

    /// How many requests of this kind there were.
    pub fn count(&self, step: Step) -> usize {
        lock(&self.shared.log)
            .iter()
            .filter(|request| request.step == Some(step))
            .count()
    }

    /// What crossed the sockets so far.
    pub fn traffic(&self) -> Traffic {
        Traffic {
            connections: self.shared.connections.load(Ordering::Relaxed),
            received: self.shared.received.load(Ordering::Relaxed),
            sent: self.shared.sent.load(Ordering::Relaxed),
        }
    }

    /// Forgets the requests and the traffic so far: the n-th request is counted from here.
    pub fn reset_log(&self) {
        lock(&self.shared.log).clear();
        for counter in [
            &self.shared.connections,
            &self.shared.received,
            &self.shared.sent,
        ] {
            counter.store(0, Ordering::Relaxed);
        }
    }
}

impl Drop for GitServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        if !std::thread::panicking() {
            let complaints = self.shared.github.complaints();
            assert!(
                complaints.is_empty(),
                "GitHub would not take: {complaints:#?}"
            );
            let complaints = self.shared.gitea.complaints();
            assert!(
                complaints.is_empty(),
                "Gitea would not take: {complaints:#?}"
            );
        }
    }
}

/// A poisoned lock means that another thread of this test has already failed: that is reported
/// there, not here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    loop {
        let Ok((stream, client)) = listener.accept().await else {
            continue;
        };
        let _ = stream.set_nodelay(true);
        shared.connections.fetch_add(1, Ordering::Relaxed);
        let reset = Arc::new(AtomicBool::new(false));
        let socket = Socket {
            stream,
            reset: reset.clone(),
            shared: shared.clone(),
        };
        let (tls, shared) = (tls.clone(), shared.clone());
        tokio::spawn(async move {
            let peer = Peer {
                address: client,
                reset,
            };
            match tls {
                None => serve(socket, peer, shared).await,
                Some(tls) => {
                    // A client that does not trust the certificate leaves here.
                    if let Ok(socket) = tls.accept(socket).await {
                        serve(socket, peer, shared).await;
                    }
                }
            }
        });
    }
}

async fn serve<S>(socket: S, peer: Peer, shared: Arc<Shared>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(|request| {
        let exchange = Exchange {
            peer: peer.clone(),
            shared: shared.clone(),
        };
        // In a task of its own: a client that hangs up does not stop git from finishing, just as
        // with a real server.
        async move {
            tokio::spawn(exchange.answer(request))
                .await
                .map_err(io::Error::other)?
        }
    });
    // An error is a client that hung up, or a fault of ours.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(socket), service)
        .await;
}

/// The client's end of a connection.
#[derive(Clone)]
struct Peer {
    address: SocketAddr,
    /// Set when the connection shall end in a TCP reset.
    reset: Arc<AtomicBool>,
}

/// One request on its way to its answer.
struct Exchange {
    peer: Peer,
    shared: Arc<Shared>,
}

impl Exchange {
    /// An error closes the connection without an answer.
    async fn answer(self, request: Request<Incoming>) -> io::Result<Response<Body>> {
        let (parts, body) = request.into_parts();
        // What a request to the API is, only its body tells.
        let path = parts.uri.path();
        let body = match github::is_api(path) || is_elsewhere(path) {
            true => Sent::Whole(body.collect().await.map_err(io::Error::other)?.to_bytes()),
            // So it is of a request for references. Both are short.
            false if parts.uri.path().ends_with("/git-upload-pack") => {
                let whole = body.collect().await.map_err(io::Error::other)?.to_bytes();
                Sent::Asking(whole)
            }
            false => Sent::Streaming(body.map_err(io::Error::other).boxed_unsync()),
        };
        let (index, arrival) = self.record(&parts, &body);

        for action in self.take_before(&arrival) {
            tokio::task::spawn_blocking(action)
                .await
                .map_err(io::Error::other)?;
        }
        let latency = *lock(&self.shared.latency);
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }

        let fault = lock(&self.shared.faults)
            .iter()
            .find(|(when, _)| when.matches(&arrival))
            .map(|(_, fault)| fault.clone());
        match &fault {
            Some(Fault::Reset) => {
                self.peer.reset.store(true, Ordering::Relaxed);
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            Some(Fault::Stall) => return std::future::pending().await,
            Some(Fault::Delay(time)) => tokio::time::sleep(*time).await,
            Some(Fault::Status(code, headers, text)) => {
                let status = StatusCode::from_u16(*code).map_err(io::Error::other)?;
                return self.say(index, status, headers, text, body).await;
            }
            Some(Fault::Redirect(url)) => {
                let tail = match &body {
                    Sent::Whole(_) => github::tail(parts.uri.path()),
                    _ => tail(parts.uri.path()).to_owned(),
                };
                let query = parts.uri.query().map(|query| format!("?{query}"));
                let to = format!("{url}{tail}{}", query.unwrap_or_default());
                let location = (LOCATION.to_string(), to);
                let status = StatusCode::MOVED_PERMANENTLY;
                return self.say(index, status, &[location], "", body).await;
            }
            Some(
                Fault::DropAnswer
                | Fault::StatusAfter(_)
                | Fault::Truncate(_)
                | Fault::StallAfter(_)
                | Fault::Drip(_),
            )
            | None => {}
        }

        let body = match body {
            Sent::Streaming(body) => body,
            Sent::Asking(body) => Full::new(body)
                .map_err(|never| match never {})
                .boxed_unsync(),
            Sent::Whole(body) => return self.ask_api(index, fault, parts, body).await,
        };
        let user = match self.authenticate(&parts.headers, &arrival) {
            Ok(user) => user,
            Err(refusal) => {
                let Refusal {
                    status,
                    headers,
                    body: text,
                } = refusal;
                let body = Sent::Streaming(body);
                return self.say(index, status, &headers, text, body).await;
            }
        };
        self.ask_git(index, &arrival, user, fault, parts, body)
            .await
    }

    /// Lets the API answer.
    async fn ask_api(
        &self,
        index: usize,
        fault: Option<Fault>,
        parts: Parts,
        body: Bytes,
    ) -> io::Result<Response<Body>> {
        let shared = self.shared.clone();
        let work = move || {
            let tokens = lock(&shared.tokens).clone();
            let elsewhere = *lock(&shared.elsewhere);
            match (is_elsewhere(parts.uri.path()), elsewhere) {
                (false, _) => shared.github.answer(&parts, &body, &tokens),
                (true, Elsewhere::Gitea) if parts.uri.path().starts_with(gitea::ROOT) => {
                    shared.gitea.answer(&parts, &body, &tokens)
                }
                (true, Elsewhere::Gitlab) => {
                    let mut headers = HeaderMap::new();
                    let meta = r#"{"correlation_id":"01J","version":"1"}"#;
                    headers.insert("x-gitlab-meta", HeaderValue::from_static(meta));
                    let (status, body) = gitlab::answer(&shared.root, &parts, &tokens);
                    github::Answer {
                        status,
                        headers,
                        body: body.into_bytes(),
                    }
                }
                (true, _) => github::Answer {
                    status: StatusCode::NOT_FOUND,
                    headers: HeaderMap::new(),
                    body: b"Not found.\n".to_vec(),
                },
            }
        };
        let answer = tokio::task::spawn_blocking(work)
            .await
            .map_err(io::Error::other)?;
        let flow = Flow {
            body: Box::pin(io::Cursor::new(answer.body)),
            child: None,
        };
        self.pass_on(index, answer.status, answer.headers, flow, fault)
            .await
    }

    /// Lets `git http-backend` answer.
    async fn ask_git(
        &self,
        index: usize,
        arrival: &Arrival,
        user: Option<&str>,
        fault: Option<Fault>,
        parts: Parts,
        body: Body,
    ) -> io::Result<Response<Body>> {
        // GitHub serves a repository with and without `.git`.
        let path = format!("/{}.git{}", arrival.repository, tail(parts.uri.path()));
        let received = {
            let shared = self.shared.clone();
            move |data: &[u8]| {
                shared.update(index, |entry| {
                    entry.received += data.len() as u64;
                    if entry.step == Some(Step::Fetch) {
                        entry.body = [&entry.body, data].concat().into();
                    }
                });
            }
        };
        let answer = backend::run(&self.shared.root, &path, user, &parts, body, received).await?;
        let flow = Flow {
            body: Box::pin(answer.body),
            child: Some(answer.child),
        };
        self.pass_on(index, answer.status, answer.headers, flow, fault)
            .await
    }

    /// Sends an answer, as far as the fault lets it.
    async fn pass_on(
        &self,
        index: usize,
        status: StatusCode,
        headers: HeaderMap,
        mut flow: Flow,
        fault: Option<Fault>,
    ) -> io::Result<Response<Body>> {
        if let Some(Fault::DropAnswer | Fault::StatusAfter(_)) = fault {
            tokio::io::copy(&mut flow.body, &mut tokio::io::sink()).await?;
            flow.end().await;
        }
        match fault {
            Some(Fault::DropAnswer) => return Err(io::ErrorKind::ConnectionAborted.into()),
            Some(Fault::StatusAfter(status)) => {
                let status = StatusCode::from_u16(status).map_err(io::Error::other)?;
                let nothing = Sent::Whole(Bytes::new());
                let soon = [("Retry-After".to_owned(), "0".to_owned())];
                let headers = if status == 429 { &soon[..] } else { &[] };
                return self.say(index, status, headers, "", nothing).await;
            }
            _ => {}
        }
        self.shared
            .update(index, |entry| entry.status = Some(status.as_u16()));
        let (sender, body) = Channel::new(1);
        let mut response = Response::new(body.map_err(io::Error::other).boxed_unsync());
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        tokio::spawn(pump(flow, sender, fault, index, self.shared.clone()));
        Ok(response)
    }

    /// Answers without asking anyone.
    async fn say(
        &self,
        index: usize,
        status: StatusCode,
        headers: &[(String, String)],
        body: &str,
        request: Sent,
    ) -> io::Result<Response<Body>> {
        // Read to its end first, as the front of a real server does: a client in the middle of
        // sending would see a reset instead of the answer.
        if let Sent::Streaming(mut incoming) = request {
            while let Some(frame) = incoming.frame().await {
                if let Ok(data) = frame.map_err(io::Error::other)?.into_data() {
                    self.shared
                        .update(index, |entry| entry.received += data.len() as u64);
                }
            }
        }
        self.shared.update(index, |entry| {
            entry.status = Some(status.as_u16());
            entry.sent = body.len() as u64;
        });
        let body = Full::new(Bytes::from(body.to_owned()));
        let mut response = Response::new(body.map_err(|never| match never {}).boxed_unsync());
        *response.status_mut() = status;
        // git shows a body to the person only when it is plain text.
        let plain = HeaderValue::from_static("text/plain; charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, plain);
        for (name, value) in headers {
            let name =
                hyper::header::HeaderName::from_bytes(name.as_bytes()).map_err(io::Error::other)?;
            let value = HeaderValue::from_str(value).map_err(io::Error::other)?;
            response.headers_mut().insert(name, value);
        }
        Ok(response)
    }

    /// Writes the request into the log; its place there, and its place among its kind.
    fn record(&self, request: &Parts, sent: &Sent) -> (usize, Arrival) {
        let path = request.uri.path();
        let query = request.uri.query().unwrap_or_default();
        let (step, repository, body) = match sent {
            Sent::Whole(body) if is_elsewhere(path) => {
                let (step, repository) = Step::of_forge(&request.method, path);
                (step, repository, body.clone())
            }
            Sent::Whole(body) => {
                let (step, repository) = github::named(&request.method, path, body);
                (step, repository, body.clone())
            }
            Sent::Streaming(_) | Sent::Asking(_) => {
                let repository = path.strip_suffix(tail(path)).unwrap_or(path);
                let repository = repository.strip_suffix(".git").unwrap_or(repository);
                let repository = repository.trim_start_matches('/').to_owned();
                let asked: &[u8] = match sent {
                    Sent::Asking(body) => body,
                    _ => b"",
                };
                let step = Step::of(&request.method, path, query, asked);
                (step, repository, Bytes::new())
            }
        };
        let mut log = lock(&self.shared.log);
        log.push(Recorded {
            method: request.method.to_string(),
            path: path.to_owned(),
            query: query.to_owned(),
            step,
            status: None,
            received: body.len() as u64,
            sent: 0,
            authorized: request.headers.contains_key(AUTHORIZATION),
            username: credentials(&request.headers).map(|(name, _)| name),
            connection: self.peer.address,
            body,
        });
        let arrival = Arrival {
            step,
            nth: log.len(),
            nth_of_step: log.iter().filter(|entry| entry.step == step).count(),
            repository,
        };
        (log.len() - 1, arrival)
    }

    fn take_before(&self, arrival: &Arrival) -> Vec<Before> {
        lock(&self.shared.before)
            .extract_if(.., |(when, _)| when.matches(arrival))
            .map(|(_, action)| action)
            .collect()
    }

    /// Who asks, if they may.
    fn authenticate(
        &self,
        headers: &HeaderMap,
        arrival: &Arrival,
    ) -> Result<Option<&'static str>, Refusal> {
        let signs_on = headers.contains_key(AUTHORIZATION);
        let token = signs_on.then(|| credentials(headers).unwrap_or_default().1);
        let writes = arrival.step.is_some_and(Step::writes);
        let exists = self
            .shared
            .root
            .join(format!("{}.git", arrival.repository))
            .join("HEAD")
            .exists();
        let (user, access) = match &token {
            None => (None, self.shared.anonymous),
            Some(token) => {
                let access = lock(&self.shared.tokens).get(token).copied();
                (Some("x-access-token"), access.unwrap_or(Rights::Refused))
            }
        };
        match access {
            Rights::Refused if token.is_none() => Err(Refusal::unauthorized(
                "No anonymous write access.\n",
                "Repository not found.\n",
                writes,
            )),
            Rights::Refused => {
                let body = "Invalid username or token. Password authentication is not supported for Git operations.\n";
                Err(Refusal::unauthorized(body, body, writes))
            }
            Rights::NoAccess => Err(Refusal::not_found()),
            _ if !exists => Err(Refusal::not_found()),
            Rights::ReadOnly if writes && token.is_none() => {
                let body = "No anonymous write access.\n";
                Err(Refusal::unauthorized(body, body, writes))
            }
            Rights::ReadOnly if writes => Err(Refusal {
                status: StatusCode::FORBIDDEN,
                headers: Vec::new(),
                body: "Write access to repository not granted.\n",
            }),
            Rights::ReadOnly | Rights::ReadWrite => Ok(user.or(writes.then_some("anonymous"))),
        }
    }
}

/// A no, in GitHub's words.
struct Refusal {
    status: StatusCode,
    headers: Vec<(String, String)>,
    body: &'static str,
}

impl Refusal {
    fn unauthorized(write: &'static str, read: &'static str, writes: bool) -> Refusal {
        let realm = "Basic realm=\"GitHub\"".to_owned();
        Refusal {
            status: StatusCode::UNAUTHORIZED,
            headers: vec![("WWW-Authenticate".to_owned(), realm)],
            body: if writes { write } else { read },
        }
    }

    fn not_found() -> Refusal {
        Refusal {
            status: StatusCode::NOT_FOUND,
            headers: Vec::new(),
            body: "Repository not found.\n",
        }
    }
}

/// Name and token in `Authorization: Basic`.
fn credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let header = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let decoded = BASE64_STANDARD
        .decode(header.strip_prefix("Basic ")?)
        .ok()?;
    let (name, password) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some((name.to_owned(), password.to_owned()))
}

/// What follows the repository in a path of the protocol.
fn tail(path: &str) -> &str {
    ["/info/refs", "/git-upload-pack", "/git-receive-pack"]
        .into_iter()
        .find(|tail| path.ends_with(tail))
        .unwrap_or_default()
}

/// A request's body: git's streams through, the API's is there already.
enum Sent {
    Streaming(Body),
    /// Git's too, as long as it is to be known what is asked for.
    Asking(Bytes),
    Whole(Bytes),
}

/// An answer's body, and the program it comes from, if any.
struct Flow {
    body: Pin<Box<dyn AsyncRead + Send>>,
    child: Option<Child>,
}

impl Flow {
    async fn end(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.wait().await;
        }
    }
}

/// Passes an answer on, as far and as fast as the fault lets it.
async fn pump(
    mut flow: Flow,
    mut sender: Sender<Bytes, io::Error>,
    fault: Option<Fault>,
    index: usize,
    shared: Arc<Shared>,
) {
    let mut left = match fault {
        Some(Fault::Truncate(bytes) | Fault::StallAfter(bytes)) => bytes,
        _ => usize::MAX,
    };
    let (size, pause) = match fault {
        Some(Fault::Drip(pause)) => (1, pause),
        _ => (64 * 1024, Duration::ZERO),
    };
    let mut buffer = vec![0; size];
    loop {
        if left == 0 {
            if let Some(Fault::StallAfter(_)) = fault {
                return std::future::pending().await;
            }
            // Lets the connection write what it has been given before it hears of the end.
            tokio::task::yield_now().await;
            return sender.abort(io::ErrorKind::ConnectionAborted.into());
        }
        let read = match flow.body.read(&mut buffer).await {
            Ok(0) => break,
            Ok(read) => read.min(left),
            Err(error) => return sender.abort(error),
        };
        left -= read;
        shared.update(index, |entry| entry.sent += read as u64);
        // A client that has gone does not stop git: the rest is read and thrown away.
        let _ = sender
            .send_data(Bytes::copy_from_slice(&buffer[..read]))
            .await;
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
    }
    flow.end().await;
}

impl Shared {
    fn update(&self, index: usize, change: impl FnOnce(&mut Recorded)) {
        // Absent when the log was reset in the meantime.
        if let Some(entry) = lock(&self.log).get_mut(index) {
            change(entry);
        }
    }
}

/// A TCP stream that counts what passes, and can end in a reset.
struct Socket {
    stream: TcpStream,
    reset: Arc<AtomicBool>,
    shared: Arc<Shared>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.reset.load(Ordering::Relaxed) {
            // With no time to linger, the kernel ends a connection with RST instead of FIN.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        let read = buffer.filled().len() - before;
        self.shared
            .received
            .fetch_add(read as u64, Ordering::Relaxed);
        polled
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, buffer);
        if let Poll::Ready(Ok(written)) = polled {
            self.shared
                .sent
                .fetch_add(written as u64, Ordering::Relaxed);
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
