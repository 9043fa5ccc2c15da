//! What both transports have in common: how an exchange over HTTP ends other than it should, and what
//! that says of a repository or a push.

use super::error::is_of_this_machine;
use super::{Access, Refusal, RepositoryError};
use crate::http::exchange::{ExchangeError, Passing};
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

    /// Whether there is an answer, of the server or of something on the way.
    pub fn is_answer(&self) -> bool {
        !matches!(self.kind, WireErrorKind::Exchange(_))
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
        /// What the answer tells of trouble that may pass.
        passing: Passing,
        /// Whether it is a page for people, where the server itself would refuse in its own way.
        is_page: bool,
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

/// What a server's words for a refusal sound like. They prove nothing: they choose what is waited for
/// while the branch has not moved, and what a person is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Words {
    /// Somebody else was first, or is at it.
    Race,
    /// The server is in trouble.
    Trouble,
    /// Anything else.
    Other,
}

/// git itself before and while it takes the lock, and the client's own check; JGit; GitHub's API; Azure
/// DevOps.
const RACE: [&str; 17] = [
    "fetch first",
    "non-fast-forward",
    "failed to update ref",
    "cannot lock ref",
    "incorrect old value provided",
    "stale info",
    "failed to lock",
    "remote ref updated since checkout",
    "reference does not exist",
    // The server does not have the old tip any more, or not yet.
    "bad ref",
    "invalid old id sent",
    "non-fast forward",
    "lock error",
    "no such ref",
    "expected branch to point to",
    "tf401028",
    "reference already exists",
];

/// GitHub, GitLab, Gitea, Azure DevOps, and what stands before any of them.
const TROUBLE: [&str; 17] = [
    "fatal error in commit_refs",
    "internal server error",
    "internal error",
    "is not accessible",
    "unreachable",
    "temporarily unavailable",
    "service unavailable",
    "something went wrong",
    "try again later",
    "bad gateway",
    "gateway time",
    "timed out",
    "database is locked",
    "no space left",
    "disk quota exceeded",
    "out of memory",
    "unable to migrate objects",
];

impl Words {
    /// What `words` sound like.
    pub fn of(words: &str) -> Self {
        let words = words.to_lowercase();
        let has = |phrases: &[&str]| phrases.iter().any(|phrase| words.contains(phrase));
        // GitHub says no more than that where it has lost its way.
        if words == "failure" || has(&TROUBLE) {
            Self::Trouble
        } else if has(&RACE) {
            Self::Race
        } else {
            Self::Other
        }
    }
}

/// A failed exchange with `host`, by what can be done about it.
pub fn refused(WireError { pushing, kind }: WireError, host: &str) -> RepositoryError {
    let access = if pushing { Access::Write } else { Access::Read };
    match kind {
        WireErrorKind::Status {
            status,
            detail,
            passing,
            is_page,
        } => {
            let refusal = match status {
                _ if is_page => None,
                401 => Some(Refusal::Token),
                403 if !passing.is_rate_limit => Some(Refusal::Access),
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
                (None, 402 | 410 | 423) => RepositoryError::Shut {
                    status,
                    what: answered(host, status, &detail),
                },
                (None, 413) => RepositoryError::TooLarge { detail },
                (None, _) if is_page => RepositoryError::KeptOut {
                    what: format!(
                        "{host} answered HTTP {status} with a web page, which is not how it refuses a token"
                    ),
                    may_pass: false,
                },
                (None, 403 | 408 | 425 | 429 | 500..) => RepositoryError::Unavailable {
                    what: passing.told(answered(host, status, &detail)),
                    passing,
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
            let (what, may_pass) = (error.told(host), error.may_pass());
            match error {
                ExchangeError::Proxy(_) => RepositoryError::KeptOut { what, may_pass },
                ExchangeError::Tls(error) => RepositoryError::Tls {
                    error,
                    host: host.to_owned(),
                },
                ExchangeError::Deadline(_) => RepositoryError::DeadlineExceeded { what },
                ExchangeError::Cancelled => RepositoryError::Cancelled,
                ExchangeError::TooLarge => RepositoryError::Protocol { what },
                ExchangeError::Connect(_) if is_of_this_machine(&what) => {
                    RepositoryError::Runner { what }
                }
                _ => RepositoryError::unavailable(what),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words of real servers.
    #[test]
    fn a_servers_words_sound_like_something() {
        for (words, expected) in [
            ("fetch first", Words::Race),
            ("non-fast-forward", Words::Race),
            ("non-fast forward", Words::Race),
            ("failed to update ref", Words::Race),
            (
                "cannot lock ref 'refs/heads/main': is at 1 but expected 2",
                Words::Race,
            ),
            ("incorrect old value provided", Words::Race),
            ("stale info", Words::Race),
            ("invalid old id sent", Words::Race),
            ("lock error", Words::Race),
            ("no such ref", Words::Race),
            (
                "TF401028: The reference 'refs/heads/main' has already been updated by another client, so you cannot update it. Please try again.",
                Words::Race,
            ),
            (
                "Expected branch to point to \"1\" but it did not. Pull and try again.",
                Words::Race,
            ),
            ("failure", Words::Trouble),
            ("failure: fatal error in commit_refs", Words::Trouble),
            ("Internal Server Error", Words::Trouble),
            (
                "pre-receive hook declined: GitLab: API is not accessible",
                Words::Trouble,
            ),
            (
                "pre-receive hook declined: Gitea: Internal Server Error",
                Words::Trouble,
            ),
            (
                "pre-receive hook declined: error: GH006: Protected branch update failed",
                Words::Other,
            ),
            ("GH013: Repository rule violations found", Words::Other),
            (
                "TF402455: Pushes to this branch are not permitted; you must use a pull request",
                Words::Other,
            ),
            ("prohibited by Gerrit", Words::Other),
            ("a failure of nerve", Words::Other),
        ] {
            assert_eq!(Words::of(words), expected, "{words}");
        }
    }
}
