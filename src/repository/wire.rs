//! What both transports have in common: how an exchange over HTTP goes wrong, how long it may take,
//! and what a server's words look like to a person.

use std::error::Error as _;
use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};
use url::Url;

use super::{Access, RepositoryError};
use crate::deadline::Deadline;
use crate::http::with_sources;

/// How an exchange with the server went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireError {
    /// Whether it happened on the way to a push.
    pub pushing: bool,
    /// What happened.
    pub kind: WireErrorKind,
}

impl WireError {
    /// One that happened on the way to a push.
    pub fn pushing(kind: WireErrorKind) -> Self {
        let pushing = true;
        Self { pushing, kind }
    }

    /// Whether the server may have done what it was asked for all the same.
    pub fn may_have_happened(&self) -> bool {
        match &self.kind {
            WireErrorKind::Connect(_)
            | WireErrorKind::Certificate(_)
            | WireErrorKind::Redirected { .. } => false,
            WireErrorKind::Status { status, .. } => !(400..500).contains(status),
            WireErrorKind::NotGit { .. }
            | WireErrorKind::Silent(_)
            | WireErrorKind::Deadline(_)
            | WireErrorKind::Cancelled
            | WireErrorKind::Broken(_)
            | WireErrorKind::TooLarge(_) => true,
        }
    }
}

/// See [`WireError`]. Texts are one line without control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WireErrorKind {
    /// An HTTP status other than success.
    Status {
        /// The status.
        status: u16,
        /// The body, if it is text for people.
        detail: String,
        /// The header, in seconds.
        retry_after: Option<Duration>,
    },
    /// A successful answer that is not what was asked for.
    NotGit {
        /// The content type it has.
        content_type: String,
    },
    /// A redirect that is not followed.
    Redirected {
        /// Where to: scheme, host and path.
        to: String,
    },
    /// No connection.
    Connect(String),
    /// The TLS client does not trust the server.
    Certificate(String),
    /// The server was silent for too long a part of the run's whole time, which this is.
    Silent(Duration),
    /// The run's whole time, which this is, was over.
    Deadline(Duration),
    /// The run was cancelled.
    Cancelled,
    /// The connection broke.
    Broken(String),
    /// More was to be sent or read than is sensible.
    TooLarge(&'static str),
}

/// Bounds one wait: by how long a server may be silent, by the deadline of the run, and by its
/// cancellation where nothing is lost by it.
///
/// # Errors
/// What `wait` ends in, or what ended it.
pub async fn in_time<T>(
    deadline: &Deadline,
    cancellable: bool,
    wait: impl Future<Output = Result<T, WireErrorKind>>,
) -> Result<T, WireErrorKind> {
    let (remaining, silence) = (deadline.remaining(), deadline.silence());
    // A server that never lets one wait would never be timed out.
    if cancellable && remaining.is_zero() {
        return Err(WireErrorKind::Deadline(deadline.total()));
    }
    tokio::select! {
        result = tokio::time::timeout(remaining.min(silence), wait) => match result {
            Ok(result) => result,
            Err(_) if remaining <= silence => Err(WireErrorKind::Deadline(deadline.total())),
            Err(_) => Err(WireErrorKind::Silent(deadline.total())),
        },
        () = deadline.cancelled(), if cancellable => Err(WireErrorKind::Cancelled),
    }
}

/// How servers say that the branch is not where the push expects it: git itself before and while it
/// takes the lock, and the client's own check.
const MOVED: [&str; 11] = [
    "fetch first",
    "non-fast-forward",
    "failed to update ref",
    "failed to update reference",
    "cannot lock ref",
    "incorrect old value provided",
    "stale info",
    "failed to lock",
    "remote ref updated since checkout",
    "reference does not exist",
    // The server does not have the old tip any more, or not yet.
    "bad ref",
];

/// Whether a server's words for a refusal mean that the branch is not where it was expected.
pub fn says_moved(words: &str) -> bool {
    let words = words.to_lowercase();
    MOVED.iter().any(|moved| words.contains(moved))
}

/// When the server says to come back, where it says so in seconds.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?;
    Some(Duration::from_secs(seconds.trim().parse().ok()?))
}

/// A URL for people: nothing in it that may be a secret.
pub fn shown(mut url: Url) -> String {
    url.set_query(None);
    url.set_fragment(None);
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.to_string()
}

/// A server's text on one line, without control characters and git's own `remote: ` prefixes.
pub fn one_line(text: &str) -> String {
    let lines = text.split(['\n', '\r']).map(|line| {
        let line: String = line.chars().filter(|c| !c.is_control()).collect();
        let line = line.trim();
        line.strip_prefix("remote:")
            .unwrap_or(line)
            .trim()
            .to_owned()
    });
    lines
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// What reqwest says, by what a person can do about it. Its outermost words ("error sending request
/// for url") say nothing new.
pub fn classified(error: &reqwest::Error) -> WireErrorKind {
    let cause = error
        .source()
        .map_or_else(|| error.to_string(), with_sources);
    let text = one_line(&cause);
    let text = text
        .strip_prefix("client error (Connect): ")
        .unwrap_or(&text);
    if let Some((_, why)) = text.split_once("invalid peer certificate: ") {
        WireErrorKind::Certificate(why.to_owned())
    } else if error.is_connect() {
        WireErrorKind::Connect(text.to_owned())
    } else {
        WireErrorKind::Broken(text.to_owned())
    }
}

/// A failed exchange with `host`, by what can be done about it.
pub fn refused(WireError { pushing, kind }: WireError, host: &str) -> RepositoryError {
    let access = if pushing { Access::Write } else { Access::Read };
    let too_late = |timeout: Duration| {
        format!(
            "{host} did not answer in time (`timeout` is {} s)",
            timeout.as_secs()
        )
    };
    let unavailable = |what: String| RepositoryError::Unavailable {
        what,
        retry_after: None,
    };
    match kind {
        WireErrorKind::Status {
            status,
            detail,
            retry_after,
        } => match (status, format!("HTTP {status}")) {
            (401, code) => RepositoryError::Unauthorized {
                access,
                code,
                detail,
            },
            (403, code) if retry_after.is_none() => RepositoryError::Forbidden {
                access,
                code,
                detail,
            },
            (404, code) => RepositoryError::NotFound {
                access,
                code,
                detail,
            },
            (413, _) => RepositoryError::TooLarge { detail },
            (403 | 408 | 425 | 429 | 500.., code) => {
                let colon = if detail.is_empty() { "" } else { ": " };
                let detail = detail.trim_end_matches('.');
                let what = format!("{host} answered {code}{colon}{detail}");
                RepositoryError::Unavailable { what, retry_after }
            }
            (_, code) => RepositoryError::NotGit {
                what: format!("{host} answered {code}, which no Git server does. {detail}")
                    .trim_end()
                    .to_owned(),
            },
        },
        WireErrorKind::NotGit { content_type } => RepositoryError::NotGit {
            what: match content_type.as_str() {
                "" => format!("{host} answered with something other than Git"),
                _ => format!("{host} answered with `{content_type}`, not with Git"),
            },
        },
        WireErrorKind::Redirected { to } => RepositoryError::Redirected { to },
        WireErrorKind::Connect(why) => unavailable(format!("{host} can't be reached: {why}")),
        WireErrorKind::Certificate(what) => RepositoryError::Certificate {
            what: format!("the certificate of {host} is not trusted: {what}"),
        },
        WireErrorKind::Silent(timeout) => unavailable(too_late(timeout)),
        WireErrorKind::Deadline(timeout) => RepositoryError::DeadlineExceeded {
            what: too_late(timeout),
        },
        WireErrorKind::Cancelled => RepositoryError::Cancelled,
        WireErrorKind::Broken(why) => unavailable(format!("the connection to {host} broke: {why}")),
        WireErrorKind::TooLarge(what) => RepositoryError::Protocol {
            what: format!("{what} is larger than anything sensible"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_words_fit_on_one_line() {
        let text = "remote: Repository not found.\r\n\0remote:\x1b[31m see docs\n\n";
        assert_eq!(one_line(text), "Repository not found. [31m see docs");
    }
}
