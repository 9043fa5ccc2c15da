//! The one HTTP client: git and every API speak through it, so that proxy, certificates and
//! timeouts are the same everywhere. [`exchange`] is one question and its answer, [`text`] what a person
//! is told of it.

pub mod exchange;
pub mod text;
mod trust;

use std::str::FromStr;
use std::sync::{Arc, Once};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use reqwest::header::HeaderValue;
use rustls::RootCertStore;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject as _};
use secrecy::{ExposeSecret, SecretString};

use self::text::with_sources;
use self::trust::Anchors;
use crate::secrets;

/// How long to wait for a TCP and TLS connection.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The TLS library has no protocol for it.
    #[error("the TLS client could not be set up: {0}")]
    Setup(String),
}

/// A name and its secret, for HTTP's basic authentication (RFC 7617).
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The name, without a colon.
    pub username: String,
    /// The password, or a token in its place.
    pub password: SecretString,
}

impl Credentials {
    /// The name where the server wants no certain one.
    pub const ANY_USERNAME: &str = "x-access-token";

    /// What is sent in their place.
    fn encoded(&self) -> SecretString {
        let pair = format!("{}:{}", self.username, self.password.expose_secret());
        BASE64_STANDARD.encode(pair).into()
    }

    /// What of them must never be shown.
    pub fn secrets(&self) -> [SecretString; 2] {
        [self.password.clone(), self.encoded()]
    }

    /// The header `Authorization`.
    pub fn header(&self) -> HeaderValue {
        secrets::hide(&self.password);
        secret_header("Basic", &self.encoded())
    }
}

/// A header that is never shown: `scheme` and a secret, which is [hidden](secrets::hide) from now on.
/// What no header can hold is none.
pub fn secret_header(scheme: &str, secret: &SecretString) -> HeaderValue {
    secrets::hide(secret);
    let text = format!("{scheme} {}", secret.expose_secret());
    let mut value = HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

/// Certificates to trust beside the system's: what `ca-certificate` holds. Of authorities, or of a server.
#[derive(Debug, Clone, Default)]
pub struct Authorities(Arc<Anchors>);

/// Why a text holds no certificates.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthoritiesError {
    /// Nothing between `BEGIN CERTIFICATE` and `END CERTIFICATE`.
    #[error(
        "no certificate in it: expected PEM, from `-----BEGIN CERTIFICATE-----` to \
         `-----END CERTIFICATE-----`, line ends included"
    )]
    Empty,
    /// `-----BEGIN CERTIFICATE----- MIIB…`
    #[error(
        "its line ends are lost: expected PEM, with `-----BEGIN CERTIFICATE-----` and `-----END CERTIFICATE-----` each in a line \
         of its own, and what is between them in lines as the file has it. Put the file itself into the secret, as by \
         `gh secret set NAME < ca.pem`"
    )]
    Lines,
    /// The end is not there.
    #[error(
        "a certificate in it has no end: expected `-----END CERTIFICATE-----` in a line of its own behind each \
         `-----BEGIN CERTIFICATE-----`"
    )]
    NoEnd,
    /// Something, and no certificate.
    #[error("a certificate in it can't be read: {0}")]
    Invalid(String),
}

impl FromStr for Authorities {
    type Err = AuthoritiesError;

    /// One certificate or more, in PEM.
    fn from_str(pem: &str) -> Result<Self, AuthoritiesError> {
        let certificates = CertificateDer::pem_slice_iter(pem.as_bytes());
        let certificates: Result<Vec<_>, _> = certificates.collect();
        let certificates = certificates.map_err(|error| match error {
            // The parser's words have the bytes that were given, as numbers.
            _ if are_lines_lost(pem) => AuthoritiesError::Lines,
            pem::Error::IllegalSectionStart { .. } => AuthoritiesError::Lines,
            pem::Error::MissingSectionEnd { .. } => AuthoritiesError::NoEnd,
            pem::Error::Base64Decode(_) => {
                AuthoritiesError::Invalid("what is in it is not base64".to_owned())
            }
            error => AuthoritiesError::Invalid(error.to_string()),
        })?;
        if certificates.is_empty() {
            return Err(match are_lines_lost(pem) {
                true => AuthoritiesError::Lines,
                false => AuthoritiesError::Empty,
            });
        }
        let mut read = RootCertStore::empty();
        for certificate in &certificates {
            let added = read.add(certificate.clone());
            added.map_err(|error| AuthoritiesError::Invalid(with_sources(&error)))?;
        }
        Ok(Self(Arc::new(Anchors::new(certificates))))
    }
}

/// Whether a certificate begins or ends in a line that has more than that.
fn are_lines_lost(pem: &str) -> bool {
    let marks = ["-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"];
    let mut lines = pem.lines().map(str::trim);
    lines.any(|line| {
        marks
            .iter()
            .any(|mark| line.contains(mark) && line != *mark)
    })
}

/// A client that trusts the system's certificates and `authorities`, takes the proxy from `HTTPS_PROXY`, `HTTP_PROXY`
/// and `NO_PROXY`, and follows no redirect by itself: credentials go to one host only, so whoever
/// follows decides where to.
///
/// # Errors
/// When there is no TLS on this machine.
pub fn client(authorities: &Authorities) -> Result<reqwest::Client, ClientError> {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        // Fails only where a provider is there already, which then serves as well.
        let _ = ring::default_provider().install_default();
    });
    let config = trust::config(
        Arc::clone(&authorities.0),
        Arc::new(ring::default_provider()),
    );
    let config = config.map_err(|error| ClientError::Setup(with_sources(&error)))?;
    let builder = reqwest::Client::builder()
        .user_agent(concat!("gitops-deploy/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .tls_backend_preconfigured(config);
    builder
        .build()
        .map_err(|error| ClientError::Setup(with_sources(&error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_no_certificate_is_refused() {
        assert_eq!(
            "x".parse::<Authorities>().unwrap_err(),
            AuthoritiesError::Empty
        );
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(matches!(
            broken.parse::<Authorities>(),
            Err(AuthoritiesError::Invalid(_))
        ));
        for (text, expected) in [
            (
                "-----BEGIN CERTIFICATE-----MIIBhTCC-----END CERTIFICATE-----",
                AuthoritiesError::Lines,
            ),
            (
                "-----BEGIN CERTIFICATE----- MIIBhTCC AAAA -----END CERTIFICATE-----",
                AuthoritiesError::Lines,
            ),
            (
                "-----BEGIN CERTIFICATE-----\\nMIIBhTCC\\n-----END CERTIFICATE-----",
                AuthoritiesError::Lines,
            ),
            (
                "-----BEGIN CERTIFICATE-----\nMIIBhTCC-----END CERTIFICATE-----",
                AuthoritiesError::Lines,
            ),
            ("ca: -----BEGIN CERTIFICATE-----", AuthoritiesError::Lines),
            (
                "-----BEGIN CERTIFICATE-----\nMIIBhTCC\n",
                AuthoritiesError::NoEnd,
            ),
        ] {
            let told = text.parse::<Authorities>().unwrap_err();
            assert_eq!(told, expected, "{text}");
            assert!(!told.to_string().contains("MIIB"), "{told}");
        }
    }
}
