//! Which servers are who they say: by the usual authorities, by those that `ca-certificate` holds, and a
//! server whose own certificate is among these.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_platform_verifier::Verifier;

/// TLS that trusts `certificates` beside the usual authorities.
///
/// # Errors
/// When one of them is none, or the usual ones can't be loaded.
pub(super) fn config(
    certificates: &[CertificateDer<'static>],
    provider: Arc<CryptoProvider>,
) -> Result<ClientConfig, Error> {
    let trust = Trust {
        chains: Verifier::new_with_extra_roots(certificates.to_vec(), Arc::clone(&provider))?,
        own: certificates.to_vec(),
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
    /// Follows a chain up to an authority, and says no to whatever has none.
    chains: Verifier,
    own: Vec<CertificateDer<'static>>,
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
        let verified = self.chains.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        match verified {
            Err(Error::InvalidCertificate(
                CertificateError::Other(_) | CertificateError::UnknownIssuer,
            )) if self.own.contains(end_entity) => {
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
        self.chains
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chains
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chains.supported_verify_schemes()
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
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let trust = Trust {
            chains: Verifier::new_with_extra_roots([given.clone()], provider).unwrap(),
            own: vec![given.clone()],
        };
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
