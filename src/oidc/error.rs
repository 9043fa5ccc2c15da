//! Why a job gets no token.

use url::Url;

use super::claims::Claims;
use crate::http::exchange::ExchangeError;

/// Why there is no token in exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OidcError {
    /// What went wrong on the way to the token endpoint.
    Wire(ExchangeError),
    /// The token endpoint leads elsewhere, where no token is sent.
    Redirected(Url),
    /// Something in front of the token endpoint keeps people out, in this way.
    KeptOut(String),
    /// Somebody said no.
    Refused(Refusal),
}

/// Who said no, and what that means. Texts are one line without control characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The runner gives out no ID token.
    #[error("{why}")]
    NoIdToken {
        /// What happened.
        why: String,
        /// Whether it is trouble that may pass.
        may_pass: bool,
    },
    /// A proxy on the way keeps the question from who gives out the ID token.
    #[error("{what}")]
    Proxy {
        /// What happened.
        what: String,
        /// Whether that is trouble that may pass.
        may_pass: bool,
    },
    /// The ID token was not taken.
    #[error("{said}")]
    IdToken {
        /// What was answered.
        said: String,
        /// What it says of itself; none where it is no ID token at all.
        claims: Option<Box<Claims>>,
        /// Whether its time was over.
        is_over: bool,
    },
    /// The server knows no such connector, or can't use it.
    #[error("{0}")]
    Connector(String),
    /// The server exchanges no tokens.
    #[error("{0}")]
    NotOffered(String),
    /// Nothing there gives out tokens.
    #[error("{0}")]
    NoEndpoint(String),
    /// What gives out tokens is in trouble, which may pass.
    #[error("{0}")]
    Trouble(String),
    /// It was asked too often, which may pass.
    #[error("{0}")]
    RateLimit(String),
    /// Another refusal, in the server's words.
    #[error("{0}")]
    Other(String),
}

impl Refusal {
    /// Whether it is trouble that may pass.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::NoIdToken { may_pass, .. } | Self::Proxy { may_pass, .. } => *may_pass,
            Self::Trouble(_) | Self::RateLimit(_) => true,
            Self::IdToken { .. }
            | Self::Connector(_)
            | Self::NotOffered(_)
            | Self::NoEndpoint(_)
            | Self::Other(_) => false,
        }
    }
}

impl From<Refusal> for OidcError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}
