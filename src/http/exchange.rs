//! One question over HTTP and its answer: how long it may take, how much may come, and where a
//! redirect may lead. Whatever a server sends is read here.
//!
//! The client follows no redirect by itself. Who is to follow one says so here, by origin: credentials
//! never go to another.

use std::error::Error;
use std::io;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use reqwest::header::{
    AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER,
};
use rustls::{AlertDescription, CertificateError};
use tokio::time::Instant;
use url::Url;

use super::text::{is_safe, one_line, with_sources};
use super::trust::NO_AUTHORITIES;
use crate::date::Timestamp;
use crate::deadline::Deadline;
use crate::limits::{LISTS, VALUES};

/// How many redirects are followed.
pub const MAX_REDIRECTS: usize = 5;

/// How tokio-rustls says that the server went away before there was a TLS connection: one in trouble does so, too.
const TLS_ENDED: &str = "tls handshake eof";

/// What went wrong on the wire. Texts are one line without control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExchangeError {
    /// No TLS connection comes about, and none would with another try.
    Tls(TlsError),
    /// A proxy on the way keeps it from the server.
    Proxy(ProxyError),
    /// No connection.
    Connect(String),
    /// The connection broke.
    Broken(String),
    /// The server was silent for too long a part of the run's whole time, which this is.
    Silent(Duration),
    /// The run's whole time, which this is, was over.
    Deadline(Duration),
    /// The exchange took longer than this.
    Slow(Duration),
    /// More came than is sensible.
    TooLarge,
    /// The run was cancelled.
    Cancelled,
}

impl ExchangeError {
    /// Whether the server may have done what it was asked for all the same.
    pub fn may_have_happened(&self) -> bool {
        match self {
            Self::Connect(_) | Self::Tls(_) => false,
            Self::Proxy(error) => error.may_have_happened(),
            _ => true,
        }
    }

    /// Whether it is trouble that may pass.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Tls(_) | Self::TooLarge | Self::Cancelled => false,
            Self::Proxy(error) => error.may_pass(),
            _ => true,
        }
    }

    /// What happened with `host`, for a person.
    pub fn told(&self, host: &str) -> String {
        match self {
            Self::Tls(error) => error.told(host),
            Self::Proxy(error) => error.told(host),
            Self::Connect(why) => format!("{host} can't be reached: {why}"),
            Self::Broken(why) => format!("the connection to {host} broke: {why}"),
            Self::Silent(timeout) | Self::Deadline(timeout) => format!(
                "{host} did not answer in time (`timeout` is {} s)",
                timeout.as_secs()
            ),
            Self::Slow(patience) => {
                format!("{host} did not answer within {} s", patience.as_secs())
            }
            Self::TooLarge => {
                format!("{host} answered with more than is taken in (docs/limits.md)")
            }
            Self::Cancelled => "the run was cancelled".to_owned(),
        }
    }

    /// What the client says, by what a person can do about it. Its outermost words ("error sending
    /// request for url") say nothing new, and whoever wraps it adds none.
    fn of(error: &(dyn Error + 'static)) -> Self {
        let (mut known, mut cause) = (None, Some(error));
        while let Some(error) = cause {
            known = error.downcast_ref::<reqwest::Error>().or(known);
            cause = error.source();
        }
        if let Some(error) = TlsError::of(error, known.is_some_and(reqwest::Error::is_connect)) {
            return Self::Tls(error);
        }
        let Some(error) = known else {
            return Self::Broken(one_line(&with_sources(error)));
        };
        let cause = error
            .source()
            .map_or_else(|| error.to_string(), with_sources);
        let text = one_line(&cause);
        let text = text
            .strip_prefix("client error (Connect): ")
            .unwrap_or(&text);
        if let Some((_, why)) = text.split_once("tunnel error: ") {
            Self::Proxy(ProxyError::of_tunnel(why))
        } else if let Some((_, why)) = text.split_once("failed to lookup address information: ") {
            Self::Connect(format!("its name is not known here ({why})"))
        } else if text == TLS_ENDED {
            Self::Connect("it ended the TLS handshake, as what speaks no TLS may do".to_owned())
        } else if error.is_connect() {
            Self::Connect(text.to_owned())
        } else {
            Self::Broken(text.to_owned())
        }
    }
}

/// What a proxy on the way did in the server's place. Texts are one line without control characters; nothing of the
/// proxy's address is in them, which may hold a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProxyError {
    /// It wants a login, or does not take the one that it got: HTTP 407.
    Login,
    /// It opens no way to the server, for this reason.
    Closed(String),
    /// It can't be reached itself.
    Unreachable(String),
    /// It answered with this status itself.
    Answered(u16),
}

impl ProxyError {
    /// Why there is no tunnel, by the words that hyper-util has for it (`client/legacy/connect/proxy/tunnel.rs`).
    fn of_tunnel(why: &str) -> Self {
        let unreachable = "failed to create underlying connection";
        match why {
            "proxy authorization required" => Self::Login,
            "unsuccessful" => Self::Closed("it refuses CONNECT".to_owned()),
            "unexpected end of file" => Self::Closed("it hung up".to_owned()),
            why => match why.strip_prefix(unreachable) {
                Some(cause) => Self::Unreachable(cause.trim_start_matches(": ").to_owned()),
                None => Self::Closed(why.to_owned()),
            },
        }
    }

    /// Whether an answer is a proxy's own. 407 is nobody else's (RFC 9110, section 15.5.8); of what it says of an
    /// error only one on the way knows: `Proxy-Status` (RFC 9209), and Squid's header from before that.
    fn of_answer(status: u16, headers: &HeaderMap) -> Option<Self> {
        let says_so = || {
            let told = headers.get_all("proxy-status").iter();
            let mut told = told.filter_map(|value| value.to_str().ok());
            headers.contains_key("x-squid-error") || told.any(|told| told.contains("error="))
        };
        match status {
            407 => Some(Self::Login),
            400.. if says_so() => Some(Self::Answered(status)),
            _ => None,
        }
    }

    /// What happened on the way to `host`, for a person.
    pub fn told(&self, host: &str) -> String {
        let proxy = format!("the proxy on the way to {host}");
        match self {
            Self::Login => {
                format!("{proxy} wants a login, or refuses the one that it got (HTTP 407)")
            }
            Self::Closed(why) => format!("{proxy} opens no way there: {why}"),
            Self::Unreachable(why) => format!("{proxy} can't be reached: {why}"),
            Self::Answered(status) => format!("{proxy} answered HTTP {status} in its place"),
        }
    }

    /// Whether the server may have got the request all the same.
    fn may_have_happened(&self) -> bool {
        matches!(self, Self::Answered(500..))
    }

    /// Whether it is trouble that may pass.
    fn may_pass(&self) -> bool {
        match self {
            Self::Login => false,
            Self::Closed(_) | Self::Unreachable(_) => true,
            Self::Answered(status) => matches!(status, 408 | 425 | 429 | 500..),
        }
    }
}

/// Why no TLS connection comes about. Texts are one line without control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsError {
    /// The server's certificate is not trusted.
    Certificate(String),
    /// What answers speaks something else.
    Missing,
    /// The two have no version, cipher or name in common.
    Handshake(String),
}

impl TlsError {
    /// What happened with `host`, for a person.
    pub fn told(&self, host: &str) -> String {
        match self {
            Self::Certificate(why) => format!("the certificate of {host} is not trusted: {why}"),
            Self::Missing => format!("{host} does not speak TLS"),
            Self::Handshake(why) => format!("{host} speaks no TLS that this action does: {why}"),
        }
    }

    /// What of an error and its causes is for good; none where it may pass. `connecting`, nothing was said yet but
    /// for the handshake.
    fn of(error: &(dyn Error + 'static), connecting: bool) -> Option<Self> {
        let told = |error: &rustls::Error| one_line(&error.to_string());
        match tls_error(error)? {
            rustls::Error::InvalidCertificate(CertificateError::Other(why)) => {
                // The verifier's own words, without what holds them.
                let why = one_line(&why.to_string());
                Some(Self::Certificate(match why.as_str() {
                    "CaUsedAsEndEntity" => format!("it is its own issuer ({why})"),
                    _ => why,
                }))
            }
            rustls::Error::InvalidCertificate(why) => {
                Some(Self::Certificate(one_line(&why.to_string())))
            }
            rustls::Error::NoCertificatesPresented => {
                Some(Self::Certificate("it shows none".to_owned()))
            }
            error @ rustls::Error::Other(_) => {
                let text = told(error);
                let (_, why) = text.split_once(NO_AUTHORITIES)?;
                Some(Self::Certificate(format!("{NO_AUTHORITIES}{why}")))
            }
            // Later, something on the way may have broken it.
            rustls::Error::InvalidMessage(_) if connecting => Some(Self::Missing),
            error @ rustls::Error::PeerIncompatible(_) => Some(Self::Handshake(told(error))),
            error @ rustls::Error::AlertReceived(
                AlertDescription::HandshakeFailure
                | AlertDescription::ProtocolVersion
                | AlertDescription::InsufficientSecurity
                | AlertDescription::UnrecognisedName
                | AlertDescription::NoApplicationProtocol
                | AlertDescription::CertificateRequired,
            ) => Some(Self::Handshake(told(error))),
            _ => None,
        }
    }
}

/// What the TLS client says, wherever it is among the causes of an error.
fn tls_error<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e rustls::Error> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref() {
            return Some(error);
        }
        // What it holds is none of its sources.
        let held = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        cause = match held {
            Some(held) => Some(held),
            None => error.source(),
        };
    }
    None
}

/// How long is waited.
#[derive(Debug, Clone)]
pub enum Patience {
    /// As long as a run has time, and a server may be silent in it.
    Run {
        /// When the run ends.
        deadline: Deadline,
        /// Whether nothing is lost by giving up when the run is cancelled.
        cancellable: bool,
    },
    /// For the whole of one exchange.
    Exchange {
        /// When that is over.
        end: Instant,
        /// How long it was at the start.
        total: Duration,
    },
}

impl Patience {
    /// `total` from now, for the whole of one exchange.
    pub fn of(total: Duration) -> Self {
        let end = Instant::now() + total;
        Self::Exchange { end, total }
    }

    /// Bounds one wait.
    async fn bound<T>(
        &self,
        wait: impl Future<Output = Result<T, ExchangeError>>,
    ) -> Result<T, ExchangeError> {
        let (deadline, cancellable) = match self {
            Self::Run {
                deadline,
                cancellable,
            } => (deadline, *cancellable),
            Self::Exchange { end, total } => {
                let ended = tokio::time::timeout_at(*end, wait).await;
                return ended.unwrap_or(Err(ExchangeError::Slow(*total)));
            }
        };
        let (remaining, silence) = (deadline.remaining(), deadline.silence());
        // A server that never lets one wait would never be timed out.
        if cancellable && remaining.is_zero() {
            return Err(ExchangeError::Deadline(deadline.total()));
        }
        tokio::select! {
            result = tokio::time::timeout(remaining.min(silence), wait) => match result {
                Ok(result) => result,
                Err(_) if remaining <= silence => Err(ExchangeError::Deadline(deadline.total())),
                Err(_) => Err(ExchangeError::Silent(deadline.total())),
            },
            () = deadline.cancelled(), if cancellable => Err(ExchangeError::Cancelled),
        }
    }
}

/// What was answered, of whatever status.
#[derive(Debug)]
pub struct Answer {
    /// Who answered: where the last redirect led.
    pub url: Url,
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// All of the body.
    pub body: Vec<u8>,
}

impl Answer {
    /// Whether the server did as it was asked.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Where a redirect of `from` leads.
    pub fn target(&self, from: &Url) -> Option<Url> {
        target(self.status, &self.headers, from)
    }
}

/// An answer whose body is still on its way.
#[derive(Debug)]
pub struct Incoming {
    response: reqwest::Response,
    patience: Patience,
}

/// Sends a request, and waits for what comes before the answer's body.
///
/// # Errors
/// See [`ExchangeError`].
pub async fn send<E: Error + 'static>(
    request: impl Future<Output = Result<reqwest::Response, E>>,
    patience: Patience,
) -> Result<Incoming, ExchangeError> {
    let sent = async { request.await.map_err(|error| ExchangeError::of(&error)) };
    let response = patience.bound(sent).await?;
    match ProxyError::of_answer(response.status().as_u16(), response.headers()) {
        Some(error) => Err(ExchangeError::Proxy(error)),
        None => Ok(Incoming { response, patience }),
    }
}

/// Sends a request that only reads, and follows wherever it is safe to: with `authorization` within the
/// origin only. A redirect that is not followed is the answer, which is in JSON.
///
/// # Errors
/// See [`ExchangeError`].
pub async fn follow(
    http: &reqwest::Client,
    mut request: reqwest::Request,
    authorization: Option<&HeaderValue>,
    patience: Duration,
    limit: usize,
) -> Result<Answer, ExchangeError> {
    let first = request.url().clone();
    let mut left = MAX_REDIRECTS;
    loop {
        let mut sent = reqwest::Request::new(request.method().clone(), request.url().clone());
        sent.headers_mut().clone_from(request.headers());
        if let Some(value) = authorization.filter(|_| is_same_origin(&first, request.url())) {
            sent.headers_mut().insert(AUTHORIZATION, value.clone());
        }
        let incoming = send(http.execute(sent), Patience::of(patience)).await?;
        match incoming.target(request.url()) {
            Some(target) if left > 0 && (is_safe(&target) || is_same_origin(&first, &target)) => {
                *request.url_mut() = target
            }
            _ => return incoming.json(limit).await,
        }
        left -= 1;
    }
}

impl Incoming {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// Where a redirect of `from` leads.
    pub fn target(&self, from: &Url) -> Option<Url> {
        target(self.status(), self.headers(), from)
    }

    /// The next piece of the body; none at its end.
    ///
    /// # Errors
    /// See [`ExchangeError`].
    pub async fn next(&mut self) -> Result<Option<Bytes>, ExchangeError> {
        let chunk = self.response.chunk();
        let chunk = async { chunk.await.map_err(|error| ExchangeError::of(&error)) };
        let chunk = self.patience.bound(chunk).await?;
        if chunk.is_none() {
            // Lets the client take the connection back before the next request looks for one.
            tokio::task::yield_now().await;
        }
        Ok(chunk)
    }

    /// All of it, up to `limit` bytes.
    ///
    /// # Errors
    /// See [`ExchangeError`].
    pub async fn whole(mut self, limit: usize) -> Result<Answer, ExchangeError> {
        let mut body = Vec::new();
        while let Some(chunk) = self.next().await? {
            if body.len() + chunk.len() > limit {
                return Err(ExchangeError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer {
            url: self.response.url().clone(),
            status: self.status(),
            headers: std::mem::take(self.response.headers_mut()),
            body,
        })
    }

    /// The same of what is to be read as JSON: what takes many times as much memory then does not come back
    /// either.
    ///
    /// # Errors
    /// See [`ExchangeError`].
    pub async fn json(self, limit: usize) -> Result<Answer, ExchangeError> {
        let answer = self.whole(limit).await?;
        match is_sensible(&answer.body) {
            true => Ok(answer),
            false => Err(ExchangeError::TooLarge),
        }
    }

    /// The beginning of a body that is for people, so that it is worth no long wait: as much of `limit`
    /// bytes as comes at once, with `…` where it goes on.
    pub async fn beginning(mut self, limit: usize) -> Vec<u8> {
        let mut body = Vec::new();
        self.patience = Patience::of(Duration::from_secs(2));
        while body.len() < limit
            && let Ok(Some(chunk)) = self.next().await
        {
            body.extend_from_slice(&chunk);
        }
        if body.len() > limit {
            body.truncate(limit);
            body.extend_from_slice("…".as_bytes());
        }
        body
    }
}

/// Whether what came is a page for people, which no API and no Git server answers with.
pub fn is_page(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("text/html") || kind.eq_ignore_ascii_case("application/xhtml+xml")
}

/// Whether a text has no more lists, objects and values than JSON of its kind has.
fn is_sensible(text: &[u8]) -> bool {
    // Each begins with a byte of its own.
    if LISTS.check(text.len() as u64).is_ok() {
        return true;
    }
    let (mut lists, mut values, mut in_string) = (0_u64, 1_u64, false);
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' if in_string => drop(bytes.next()),
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => lists += 1,
            b',' if !in_string => values += 1,
            _ => {}
        }
    }
    LISTS.check(lists).and(VALUES.check(values)).is_ok()
}

fn target(status: u16, headers: &HeaderMap, from: &Url) -> Option<Url> {
    let location = headers.get(LOCATION)?.to_str().ok()?;
    let is_redirect = (300..400).contains(&status);
    is_redirect.then(|| from.join(location).ok())?
}

/// Whether what may be told at `one` may be told at `other`: same scheme, host and port.
pub fn is_same_origin(one: &Url, other: &Url) -> bool {
    one.origin() == other.origin()
}

/// Whether `to` is the host of `from`, where https is offered in place of http.
pub fn is_upgrade(from: &Url, to: &Url) -> bool {
    from.scheme() == "http"
        && to.scheme() == "https"
        && to.host() == from.host()
        && to.port().is_none()
}

/// What an answer tells of trouble that may pass.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Passing {
    /// Whether the server was asked too often.
    pub is_rate_limit: bool,
    /// When it says to come back.
    pub retry_after: Option<Duration>,
    /// Until when a limit holds, by the server's clock, where it says so.
    pub until: Option<Timestamp>,
}

impl Passing {
    /// A limit is what is called one (429), or a refusal (403) that says when to come back, or that nothing is left:
    /// as GitHub has it (its documentation, "Rate limits for the REST API"), and others after it. Words are no
    /// evidence.
    pub fn of(status: u16, headers: &HeaderMap) -> Self {
        let retry_after = retry_after(headers);
        let passes = retry_after.is_some() || number(headers, REMAINING) == Some(0);
        match status == 429 || (status == 403 && passes) {
            true => Self::of_a_limit(headers),
            false => Self {
                retry_after,
                ..Self::default()
            },
        }
    }

    /// The same of what is known to be a limit. When it ends is said by `Retry-After`, or where nothing is left, by the
    /// second in which the next allowance begins.
    pub fn of_a_limit(headers: &HeaderMap) -> Self {
        let now = date(headers).map_or_else(SystemTime::now, SystemTime::from);
        let reset = number(headers, REMAINING).filter(|left| *left == 0);
        let reset = reset.and_then(|_| number(headers, "x-ratelimit-reset"));
        let reset =
            reset.and_then(|reset| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(reset)));
        let (retry_after, until) = match (retry_after(headers), reset) {
            (Some(wait), _) => (Some(wait), now.checked_add(wait)),
            (None, Some(reset)) => {
                // A clock that is ahead of the server's must not make a busy loop of it.
                let wait = reset.duration_since(SystemTime::now()).unwrap_or_default();
                (Some(wait.max(Duration::from_secs(1))), Some(reset))
            }
            (None, None) => (None, None),
        };
        let until = until.and_then(|until| until.duration_since(SystemTime::UNIX_EPOCH).ok());
        let until = until.and_then(|until| i64::try_from(until.as_secs()).ok());
        Self {
            is_rate_limit: true,
            retry_after,
            until: until.map(Timestamp::utc),
        }
    }

    /// `what` was answered, with until when, where that is known.
    pub fn told(&self, what: String) -> String {
        match &self.until {
            Some(until) => format!(
                "{} (until {})",
                what.trim_end_matches('.'),
                until.day_and_second()
            ),
            None => what,
        }
    }
}

/// How many questions are left, as GitHub has it, and others after it.
const REMAINING: &str = "x-ratelimit-remaining";

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// When the server says to come back: in seconds, or as a date, which is by its own clock where it
/// tells that.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let now = date(headers).unwrap_or_else(|| SystemTime::now().into());
    let wait = http_date(text)? - now;
    Some(wait.to_std().unwrap_or_default())
}

/// The header `Date`: the server's clock.
pub fn date(headers: &HeaderMap) -> Option<DateTime<Utc>> {
    http_date(headers.get(DATE)?.to_str().ok()?)
}

/// RFC 9110, section 5.6.7.
fn http_date(text: &str) -> Option<DateTime<Utc>> {
    let date = DateTime::parse_from_rfc2822(text).ok()?;
    Some(date.to_utc())
}

#[cfg(test)]
mod tests {
    use wiremock::matchers::{any, header_exists, path};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn redirect(to: &str) -> ResponseTemplate {
        ResponseTemplate::new(307).insert_header("location", to)
    }

    async fn server(rules: impl IntoIterator<Item = Mock>) -> MockServer {
        let server = MockServer::start().await;
        for rule in rules {
            rule.mount(&server).await;
        }
        server
    }

    /// Asks for `/` with credentials.
    async fn ask(server: &MockServer, limit: usize) -> Result<Answer, ExchangeError> {
        let http = crate::http::client(&Default::default()).unwrap();
        let request = http.get(server.uri()).build().unwrap();
        let secret = HeaderValue::from_static("Basic c2VjcmV0");
        let patience = Duration::from_millis(500);
        follow(&http, request, Some(&secret), patience, limit).await
    }

    #[tokio::test]
    async fn credentials_do_not_follow_a_redirect_to_another_origin() {
        let other = server([Mock::given(any()).respond_with(ResponseTemplate::new(200))]).await;
        let elsewhere = format!("{}/b", other.uri());
        let first = server([
            Mock::given(path("/")).respond_with(redirect("/within")),
            Mock::given(path("/within"))
                .and(header_exists("authorization"))
                .respond_with(redirect(&elsewhere)),
        ])
        .await;
        assert_eq!(ask(&first, 9).await.unwrap().status, 200);
        let received = other.received_requests().await.unwrap();
        assert_eq!(received.len(), 1);
        assert!(!received[0].headers.contains_key("authorization"));
    }

    #[tokio::test]
    async fn where_it_is_not_safe_nobody_is_asked() {
        let to = "http://registry.example/";
        let server = server([Mock::given(any()).respond_with(redirect(to))]).await;
        let answer = ask(&server, 9).await.unwrap();
        let target = answer.target(&url("https://a/")).unwrap();
        assert_eq!((answer.status, target.as_str()), (307, to));
    }

    #[tokio::test]
    async fn redirects_in_a_circle_end() {
        let server = server([Mock::given(any()).respond_with(redirect("/"))]).await;
        assert_eq!(ask(&server, 9).await.unwrap().status, 307);
        let asked = server.received_requests().await.unwrap().len();
        assert_eq!(asked, MAX_REDIRECTS + 1);
    }

    #[tokio::test]
    async fn an_answer_has_its_limits() {
        let text = |text: &str| ResponseTemplate::new(404).set_body_string(text);
        let large = server([Mock::given(any()).respond_with(text("0123456789"))]).await;
        assert_eq!(ask(&large, 10).await.unwrap().body, b"0123456789");
        assert_eq!(ask(&large, 9).await.unwrap_err(), ExchangeError::TooLarge);
        let late = text("").set_delay(Duration::from_secs(5));
        let late = server([Mock::given(any()).respond_with(late)]).await;
        let patience = Duration::from_millis(500);
        assert_eq!(
            ask(&late, 9).await.unwrap_err(),
            ExchangeError::Slow(patience)
        );
    }

    #[test]
    fn json_has_so_many_lists_and_values() {
        let list =
            |item: &str, count: u64| format!("[{}0]", format!("{item},").repeat(count as usize));
        let (lists, values) = (LISTS.most(), VALUES.most());
        for (text, expected) in [
            (list("[]", lists - 1), true),
            (list("[]", lists), false),
            (list("{}", lists - 1), true),
            (list("{}", lists), false),
            (list("0", values - 1), true),
            (list("0", values), false),
            // What is in a text is none.
            (list("\"[{,\\\"[{,\"", lists), true),
            (list("\"\\\\\",[]", lists), false),
            ("[".repeat(LISTS.most() as usize), true),
            ("[".repeat(LISTS.most() as usize + 1), false),
        ] {
            assert_eq!(is_sensible(text.as_bytes()), expected, "{}", &text[..20]);
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let base = url("https://h/a");
        assert!(is_same_origin(&base, &url("https://h:443/b?x")));
        for other in ["http://h/a", "https://h:8443/a", "https://h.evil/a"] {
            assert!(!is_same_origin(&base, &url(other)), "{other}");
            assert!(!is_upgrade(&base, &url(other)), "{other}");
        }
        let plain = url("http://h:8080/a");
        assert!(is_upgrade(&plain, &base));
        assert!(!is_upgrade(&plain, &url("https://h:8443/a")));
        assert!(!is_upgrade(&plain, &url("https://evil/a")));
    }

    #[test]
    fn a_server_says_in_seconds_or_by_a_date_when_to_come_back() {
        let wait = |pairs: &[(&'static str, &'static str)]| {
            let pairs = pairs.iter().map(|(name, value)| {
                let name = http::HeaderName::from_static(name);
                (name, HeaderValue::from_static(value))
            });
            retry_after(&pairs.collect()).map(|wait| wait.as_secs())
        };
        let date = ("date", "Wed, 21 Oct 2015 07:27:30 GMT");
        let later = ("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT");
        assert_eq!(wait(&[("retry-after", " 7 ")]), Some(7));
        assert_eq!(wait(&[date, later]), Some(30));
        assert_eq!(wait(&[later]), Some(0), "long ago");
        assert_eq!(wait(&[("retry-after", "soon")]), None);
        assert_eq!(wait(&[date]), None);
    }

    #[test]
    fn a_rate_limit_shows_in_status_and_headers() {
        let (later, none_left) = (("retry-after", "7"), ("x-ratelimit-remaining", "0"));
        let some_left = ("x-ratelimit-remaining", "9");
        for (status, header, expected) in [
            (429, None, true),
            (429, Some(some_left), true),
            (403, Some(later), true),
            (403, Some(none_left), true),
            (403, Some(some_left), false),
            (403, None, false),
            // Trouble that has a time is no limit, nor is the last question that was allowed.
            (503, Some(later), false),
            (200, Some(none_left), false),
            (404, Some(none_left), false),
        ] {
            let headers = header.iter().map(|(name, value)| {
                let name = http::HeaderName::from_static(name);
                (name, HeaderValue::from_static(value))
            });
            let passing = Passing::of(status, &headers.collect());
            assert_eq!(passing.is_rate_limit, expected, "{status} {header:?}");
            let seconds = passing.retry_after.map(|wait| wait.as_secs());
            assert_eq!(seconds, (header == Some(later)).then_some(7));
        }
    }

    #[test]
    fn a_limit_is_waited_for_as_github_asks() {
        let headers = |pairs: &[(&'static str, String)]| {
            let pairs = pairs.iter().map(|(name, value)| {
                let name = http::HeaderName::from_static(name);
                (name, HeaderValue::from_str(value).unwrap())
            });
            pairs.collect::<HeaderMap>()
        };
        let at = |seconds: i64| {
            let now = SystemTime::now()
                .duration_since(SystemTime::UNIX_EPOCH)
                .unwrap();
            (now.as_secs() as i64 + seconds).to_string()
        };
        let primary = |reset: i64| {
            headers(&[
                ("x-ratelimit-remaining", "0".to_owned()),
                ("x-ratelimit-reset", at(reset)),
            ])
        };
        let limit_of = |headers: &HeaderMap| Passing::of_a_limit(headers).retry_after;
        let secondary = headers(&[("retry-after", "7".to_owned())]);
        assert_eq!(limit_of(&secondary), Some(Duration::from_secs(7)));
        let wait = limit_of(&primary(600)).unwrap().as_secs();
        assert!((598..=600).contains(&wait), "{wait}");
        assert_eq!(limit_of(&primary(-30)), Some(Duration::from_secs(1)));
        let no_limit = [("x-ratelimit-remaining", "9".to_owned())];
        let no_time = [
            ("x-ratelimit-remaining", "0".to_owned()),
            ("x-ratelimit-reset", u64::MAX.to_string()),
        ];
        assert_eq!(limit_of(&headers(&no_limit)), None);
        assert_eq!(limit_of(&headers(&no_time)), None);
        // Until when is by the server's clock.
        let told = |pairs: &[(&'static str, String)]| {
            Passing::of_a_limit(&headers(pairs)).told("no.".to_owned())
        };
        let date = ("date", "Wed, 21 Oct 2015 07:28:00 GMT".to_owned());
        let until = "no (until 2015-10-21 07:38:00 UTC)";
        let wait = ("retry-after", "600".to_owned());
        assert_eq!(told(&[date.clone(), wait]), until);
        let reset = ("x-ratelimit-reset", "1445413080".to_owned());
        let none_left = ("x-ratelimit-remaining", "0".to_owned());
        assert_eq!(told(&[reset, none_left]), until);
        assert_eq!(told(&[date]), "no.");
    }

    #[test]
    fn an_answer_of_a_proxy_is_known_as_one() {
        let of = |status: u16, pairs: &[(&'static str, &'static str)]| {
            let pairs = pairs.iter().map(|(name, value)| {
                let name = http::HeaderName::from_static(name);
                (name, HeaderValue::from_static(value))
            });
            ProxyError::of_answer(status, &pairs.collect())
        };
        let squid = ("x-squid-error", "ERR_ACCESS_DENIED 0");
        assert_eq!(of(407, &[]), Some(ProxyError::Login));
        assert_eq!(of(403, &[squid]), Some(ProxyError::Answered(403)));
        let status = ("proxy-status", "cdn, corp; error=destination_unavailable");
        assert_eq!(of(502, &[status]), Some(ProxyError::Answered(502)));
        // One that only passes an answer on says so, too.
        assert_eq!(of(403, &[("proxy-status", "corp")]), None);
        assert_eq!(of(403, &[("via", "1.1 corp")]), None);
        assert_eq!(of(200, &[squid]), None);
        for (why, expected) in [
            ("proxy authorization required", ProxyError::Login),
            (
                "unsuccessful",
                ProxyError::Closed("it refuses CONNECT".into()),
            ),
            (
                "failed to create underlying connection: tcp connect error",
                ProxyError::Unreachable("tcp connect error".into()),
            ),
            ("odd", ProxyError::Closed("odd".into())),
        ] {
            assert_eq!(ProxyError::of_tunnel(why), expected);
        }
    }

    #[test]
    fn what_went_wrong_is_told_and_whether_something_may_have_happened() {
        let second = Duration::from_secs(1);
        for (error, may_have_happened, expected) in [
            (
                ExchangeError::Tls(TlsError::Certificate("UnknownIssuer".into())),
                false,
                "the certificate of h is not trusted: UnknownIssuer",
            ),
            (
                ExchangeError::Tls(TlsError::Missing),
                false,
                "h does not speak TLS",
            ),
            (
                ExchangeError::Tls(TlsError::Handshake("ProtocolVersion".into())),
                false,
                "h speaks no TLS that this action does: ProtocolVersion",
            ),
            (
                ExchangeError::Proxy(ProxyError::Login),
                false,
                "the proxy on the way to h wants a login, or refuses the one that it got (HTTP 407)",
            ),
            (
                ExchangeError::Proxy(ProxyError::Answered(504)),
                true,
                "the proxy on the way to h answered HTTP 504 in its place",
            ),
            (
                ExchangeError::Connect("refused".into()),
                false,
                "h can't be reached: refused",
            ),
            (
                ExchangeError::Broken("reset".into()),
                true,
                "the connection to h broke: reset",
            ),
            (
                ExchangeError::Silent(second),
                true,
                "h did not answer in time (`timeout` is 1 s)",
            ),
            (
                ExchangeError::Deadline(second),
                true,
                "h did not answer in time (`timeout` is 1 s)",
            ),
            (
                ExchangeError::Slow(second),
                true,
                "h did not answer within 1 s",
            ),
            (
                ExchangeError::TooLarge,
                true,
                "h answered with more than is taken in (docs/limits.md)",
            ),
            (ExchangeError::Cancelled, true, "the run was cancelled"),
        ] {
            assert_eq!(error.told("h"), expected);
            assert_eq!(error.may_have_happened(), may_have_happened, "{expected}");
        }
    }

    #[test]
    fn an_answer_is_a_success_or_not() {
        let answer = |status| Answer {
            status,
            url: url("http://h/"),
            headers: HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static("7"))]),
            body: Vec::new(),
        };
        let successes: Vec<u16> = (100..600)
            .filter(|status| answer(*status).is_success())
            .collect();
        assert_eq!(successes, (200..300).collect::<Vec<_>>());
        assert_eq!(answer(503).header("retry-after"), Some("7"));
        assert_eq!(answer(503).header("date"), None);
    }

    #[tokio::test]
    async fn a_beginning_is_as_much_as_is_wanted_of_it() {
        let text = ResponseTemplate::new(500).set_body_string("0123456789");
        let server = server([Mock::given(any()).respond_with(text)]).await;
        let http = crate::http::client(&Default::default()).unwrap();
        for (limit, expected) in [(4, "0123…"), (10, "0123456789"), (99, "0123456789")] {
            let patience = Patience::of(Duration::from_secs(5));
            let incoming = send(http.get(server.uri()).send(), patience).await.unwrap();
            assert_eq!(incoming.beginning(limit).await, expected.as_bytes());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_ends_with_the_run_or_before() {
        let run = |seconds, cancellable| {
            let (canceller, cancellation) = crate::deadline::cancellation();
            let deadline = Deadline::after(Duration::from_secs(seconds), cancellation);
            let patience = Patience::Run {
                deadline,
                cancellable,
            };
            (canceller, patience)
        };
        let never = std::future::pending::<Result<(), ExchangeError>>;
        let at_once = || std::future::ready(Ok(()));
        // A quarter of the run's time is what a server may be silent.
        let (_alive, patience) = run(100, true);
        let total = Duration::from_secs(100);
        assert_eq!(
            patience.bound(never()).await,
            Err(ExchangeError::Silent(total))
        );
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(
            patience.bound(never()).await,
            Err(ExchangeError::Deadline(total))
        );
        // When it is over nothing new is begun that only reads; what writes is heard to its end.
        assert_eq!(
            patience.bound(at_once()).await,
            Err(ExchangeError::Deadline(total))
        );
        let (_alive, patience) = run(0, false);
        assert_eq!(patience.bound(at_once()).await, Ok(()));
        for (cancellable, expected) in [
            (true, ExchangeError::Cancelled),
            (false, ExchangeError::Silent(total)),
        ] {
            let (canceller, patience) = run(100, cancellable);
            canceller.cancel();
            assert_eq!(patience.bound(never()).await, Err(expected));
        }
    }
}
