//! Which servers are who they say: by the usual authorities, by those that `ca-certificate` holds, and a
//! server whose own certificate is among these.
//!
//! The usual ones are some 140 certificates in a file. They are read when the first server shows its
//! certificate, once for all clients of a run: one that speaks with this machine alone needs none.

use std::fmt;
use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, SignatureScheme,
};
use rustls_platform_verifier::Verifier;

/// How it is told that there is nobody to trust.
pub(super) const NO_AUTHORITIES: &str = "no certificate authority is known on this machine";

/// Certificates to trust, and what follows a chain up to one of them or of the usual ones, as soon as a
/// server has shown one.
#[derive(Debug, Default)]
pub(super) struct Anchors {
    own: Vec<CertificateDer<'static>>,
    chains: OnceLock<Result<Verifier, Error>>,
}

impl Anchors {
    pub(super) fn new(own: Vec<CertificateDer<'static>>) -> Self {
        let chains = OnceLock::new();
        Self { own, chains }
    }

    /// Reads the usual ones, the first time.
    fn chains(&self, provider: &Arc<CryptoProvider>) -> Result<&Verifier, Error> {
        let read = || {
            Verifier::new_with_extra_roots(self.own.iter().cloned(), Arc::clone(provider))
                .map_err(|error| OtherError(Arc::new(NoAuthorities(error))).into())
        };
        self.chains.get_or_init(read).as_ref().map_err(Error::clone)
    }
}

/// There is nobody to trust.
#[derive(Debug)]
struct NoAuthorities(Error);

impl fmt::Display for NoAuthorities {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{NO_AUTHORITIES} ({})", self.0)
    }
}

impl std::error::Error for NoAuthorities {}

/// TLS that trusts `anchors` beside the usual authorities.
///
/// # Errors
/// When the provider can do no TLS.
pub(super) fn config(
    anchors: Arc<Anchors>,
    provider: Arc<CryptoProvider>,
) -> Result<ClientConfig, Error> {
    let trust = Trust {
        anchors,
        provider: Arc::clone(&provider),
    };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(trust))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

#[derive(Debug)]
struct Trust {
    anchors: Arc<Anchors>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Trust {
    /// `openssl req -x509` makes a server's certificate an authority, which webpki takes from no server
    /// (`CaUsedAsEndEntity`); git, curl and Python take it where it is the very one that they were given.
    /// That it is in force was checked before, the name is checked here.
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chains = self.anchors.chains(&self.provider)?;
        let verified =
            chains.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verified {
            Err(Error::InvalidCertificate(
                CertificateError::Other(_) | CertificateError::UnknownIssuer,
            )) if self.anchors.own.contains(end_entity) => {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};

    use super::*;

    /// A certificate as `openssl req -x509` makes it.
    fn own(change: impl FnOnce(&mut CertificateParams)) -> CertificateDer<'static> {
        let mut params = CertificateParams::new(["git.acme.example".to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().clone()
    }

    fn verified(
        given: &CertificateDer<'static>,
        shown: &CertificateDer<'static>,
        name: &str,
    ) -> Result<(), Error> {
        let anchors = Anchors::new(vec![given.clone()]);
        let trust = Trust {
            anchors: Arc::new(anchors),
            provider: Arc::new(rustls::crypto::ring::default_provider()),
        };
        assert!(trust.anchors.chains.get().is_none());
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let verified = trust.verify_server_cert(shown, &[], &name, &[], UnixTime::now());
        verified.map(|_| ())
    }

    #[test]
    fn the_very_certificate_that_was_given_is_trusted_for_its_name() {
        let (one, other) = (own(|_| {}), own(|_| {}));
        verified(&one, &one, "git.acme.example").unwrap();
        assert!(verified(&one, &one, "git.evil.example").is_err());
        // Same name, another key.
        assert!(verified(&one, &other, "git.acme.example").is_err());
        let expired = own(|params| params.not_after = date_time_ymd(2020, 1, 1));
        assert!(matches!(
            verified(&expired, &expired, "git.acme.example"),
            Err(Error::InvalidCertificate(
                CertificateError::Expired | CertificateError::ExpiredContext { .. }
            ))
        ));
        // One that is no authority.
        let leaf = own(|params| params.is_ca = IsCa::NoCa);
        verified(&leaf, &leaf, "git.acme.example").unwrap();
    }
}
