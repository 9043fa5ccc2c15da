//! The one HTTP client: git and every API speak through it, so that proxy, certificates and
//! timeouts are the same everywhere.

use std::sync::Once;
use std::time::Duration;

/// How long to wait for a TCP and TLS connection.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No CA certificates, or none that could be read.
    #[error("the TLS client could not be set up: {0}")]
    Setup(String),
}

/// A client that trusts the system's certificates, takes the proxy from `HTTPS_PROXY`, `HTTP_PROXY`
/// and `NO_PROXY`, and follows no redirect by itself: credentials go to one host only, so whoever
/// follows decides where to.
///
/// # Errors
/// When the certificates of the system can't be loaded.
pub fn client() -> Result<reqwest::Client, ClientError> {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        // Fails only where a provider is there already, which then serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    reqwest::Client::builder()
        .user_agent(concat!("gitops-deploy/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .build()
        .map_err(|error| ClientError::Setup(with_sources(&error)))
}

/// An error and what caused it, on one line: reqwest keeps the part that helps in its sources.
pub fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
