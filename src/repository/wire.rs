//! What both transports have in common: how an exchange over HTTP ends other than it should, and what
//! that says of a repository or a push.

use std::time::Duration;

use super::{Access, Refusal, RepositoryError};
use crate::http::exchange::ExchangeError;
use crate::http::text::answered;

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
            WireErrorKind::Redirected { .. } => false,
            WireErrorKind::Status { status, .. } => !(300..500).contains(status),
            WireErrorKind::NotGit { .. } => true,
            WireErrorKind::Exchange(error) => error.may_have_happened(),
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
        /// The header.
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
    /// There is no whole answer.
    Exchange(ExchangeError),
}

impl From<ExchangeError> for WireErrorKind {
    fn from(error: ExchangeError) -> Self {
        Self::Exchange(error)
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

/// A failed exchange with `host`, by what can be done about it.
pub fn refused(WireError { pushing, kind }: WireError, host: &str) -> RepositoryError {
    let access = if pushing { Access::Write } else { Access::Read };
    match kind {
        WireErrorKind::Status {
            status,
            detail,
            retry_after,
        } => {
            let refusal = match status {
                401 => Some(Refusal::Token),
                403 if retry_after.is_none() => Some(Refusal::Access),
                404 => Some(Refusal::Repository),
                _ => None,
            };
            match (refusal, status) {
                (Some(refusal), _) => RepositoryError::Refused {
                    refusal,
                    access,
                    code: format!("HTTP {status}"),
                    detail,
                },
                (None, 413) => RepositoryError::TooLarge { detail },
                (None, 403 | 408 | 425 | 429 | 500..) => RepositoryError::Unavailable {
                    what: answered(host, status, &detail),
                    retry_after,
                },
                (None, _) => RepositoryError::NotGit {
                    what: format!(
                        "{host} answered HTTP {status}, which no Git server does. {detail}"
                    )
                    .trim_end()
                    .to_owned(),
                },
            }
        }
        WireErrorKind::NotGit { content_type } => RepositoryError::NotGit {
            what: match content_type.as_str() {
                "" => format!("{host} answered with something other than Git"),
                _ => format!("{host} answered with `{content_type}`, not with Git"),
            },
        },
        WireErrorKind::Redirected { to } => RepositoryError::Redirected { to },
        WireErrorKind::Exchange(error) => {
            let what = error.told(host);
            match error {
                ExchangeError::Certificate(_) => RepositoryError::Certificate { what },
                ExchangeError::Deadline(_) => RepositoryError::DeadlineExceeded { what },
                ExchangeError::Cancelled => RepositoryError::Cancelled,
                ExchangeError::TooLarge => RepositoryError::Protocol { what },
                _ => RepositoryError::unavailable(what),
            }
        }
    }
}
