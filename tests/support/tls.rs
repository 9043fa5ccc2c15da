//! A certificate authority of one server's own, for tests of private CAs.

use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// TLS before a server that speaks none, with a certificate of its own.
pub struct TlsFront {
    address: SocketAddr,
    pem: String,
    // Its end is the front's.
    _runtime: Runtime,
}

impl TlsFront {
    /// One before the server at `behind`, with a certificate as `openssl req -x509` makes it for `name`.
    pub fn start(behind: SocketAddr, name: &str) -> Self {
        let (acceptor, pem) = self_signed_for([name.to_owned()]);
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    // A client that does not trust it says so by going away.
                    let mut client = acceptor.accept(stream).await.ok()?;
                    let mut server = TcpStream::connect(behind).await.ok()?;
                    copy_bidirectional(&mut client, &mut server).await.ok()
                });
            }
        });
        Self {
            address,
            pem,
            _runtime: runtime,
        }
    }

    /// `127.0.0.1:PORT`
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Its certificate.
    pub fn pem(&self) -> &str {
        &self.pem
    }
}

/// An acceptor with a certificate as `openssl req -x509` makes it: its own authority. And its PEM.
pub(crate) fn self_signed() -> (TlsAcceptor, String) {
    self_signed_for(["127.0.0.1".to_owned(), "localhost".to_owned()])
}

fn self_signed_for(names: impl Into<Vec<String>>) -> (TlsAcceptor, String) {
    let mut params = CertificateParams::new(names).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    (
        accepting(certificate.der().clone(), &key),
        certificate.pem(),
    )
}

/// An acceptor for `127.0.0.1` and `localhost`, and the PEM of the authority that signed it.
pub(crate) fn acceptor() -> (TlsAcceptor, String) {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority
        .distinguished_name
        .push(DnType::CommonName, "gitops-deploy test CA");
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();

    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["127.0.0.1".to_owned(), "localhost".to_owned()])
        .unwrap()
        .signed_by(&key, &authority)
        .unwrap();

    (accepting(certificate.der().clone(), &key), authority.pem())
}

fn accepting(certificate: CertificateDer<'static>, key: &KeyPair) -> TlsAcceptor {
    // The provider is named, not taken from the process: two crates of a test may have installed
    // different ones, or none.
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}
