//! TLS in front of a management API: only members files have it (`https://…`).

use std::fmt;
use std::sync::Arc;

use kubomesh_core::Endpoint;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::Error;

/// Which certificates are trusted. Cheap to clone; made once per CA file.
#[derive(Clone)]
pub struct Tls(Arc<ClientConfig>);

/// Certificates that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// The file is not PEM, or a certificate in it cannot be read.
    #[error("the CA file cannot be read: {0}; it must hold PEM certificates")]
    Malformed(String),
    /// There is no certificate in it.
    #[error("the CA file holds no certificate; it must hold at least one in PEM")]
    Empty,
    /// The system has no roots.
    #[error("this system has no root certificates ({0}); give the member a caFile")]
    NoSystemRoots(String),
    /// The TLS library refuses its own defaults.
    #[error("TLS cannot be set up: {0}")]
    Library(String),
}

// === impl Tls ===

impl Tls {
    /// Trusts the certificates of a CA file and nothing else.
    ///
    /// # Errors
    /// When `pem` holds no certificate, or one that cannot be read.
    pub fn with_ca(pem: &[u8]) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|e| TlsError::Malformed(e.to_string()))?;
            roots
                .add(certificate)
                .map_err(|e| TlsError::Malformed(e.to_string()))?;
        }
        if roots.is_empty() {
            Err(TlsError::Empty)
        } else {
            Self::with_roots(roots)
        }
    }

    /// Trusts what the system trusts. Reads the system's certificate files: call it once.
    ///
    /// # Errors
    /// When the system has no root certificates.
    pub fn with_system_roots() -> Result<Self, TlsError> {
        let found = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            let why = found
                .errors
                .first()
                .map_or_else(|| "none found".into(), ToString::to_string);
            return Err(TlsError::NoSystemRoots(why));
        }
        Self::with_roots(roots)
    }

    fn with_roots(roots: RootCertStore) -> Result<Self, TlsError> {
        // Named here and not taken from the process, so that no library's choice can change it.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| TlsError::Library(e.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(Arc::new(config)))
    }

    pub(crate) async fn connect(
        &self,
        endpoint: &Endpoint,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, Error> {
        let refused = |why: String| Error::Tls {
            endpoint: endpoint.clone(),
            why,
        };
        let name =
            ServerName::try_from(endpoint.host.to_string()).map_err(|e| refused(e.to_string()))?;
        let connector = TlsConnector::from(Arc::clone(&self.0));
        connector
            .connect(name, stream)
            .await
            .map_err(|e| refused(e.to_string()))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}
