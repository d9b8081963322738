//! A certificate chain and its key, read and held against each other.

use std::sync::Arc;

use kubomesh_core::Timestamp;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// A certificate that can be served.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    /// Chain and key.
    pub(crate) key: Arc<CertifiedKey>,
    /// End of the first certificate's validity.
    pub(crate) not_after: Timestamp,
}

/// Why a certificate and a key cannot be served. Each says what is wrong with which of the two.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum PairError {
    /// There is no certificate in the text.
    #[error("the certificate is no PEM with at least one certificate")]
    NoCertificate,
    /// The certificate cannot be read.
    #[error("the certificate cannot be read: {0}")]
    BadCertificate(String),
    /// There is no key in the text.
    #[error("the key is no PEM with a private key")]
    NoKey,
    /// The key is of a kind that is not known.
    #[error("the key cannot be used: {0}")]
    BadKey(String),
    /// They are of different pairs.
    #[error("the key does not belong to the certificate")]
    Mismatch,
    /// It is over.
    #[error("the certificate ended on {0}")]
    Expired(Timestamp),
}

impl Pair {
    /// Reads a certificate chain and a key, both PEM, and checks that they belong together and that
    /// the certificate is not over.
    ///
    /// # Errors
    /// When they cannot be served.
    pub(crate) fn read(cert: &[u8], key: &[u8], now: Timestamp) -> Result<Self, PairError> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(cert)
            .collect::<Result<_, _>>()
            .map_err(|error| PairError::BadCertificate(error.to_string()))?;
        let first = chain.first().ok_or(PairError::NoCertificate)?;
        let not_after = Self::not_after(first)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| PairError::NoKey)?;
        let signing =
            any_supported_type(&key).map_err(|error| PairError::BadKey(error.to_string()))?;
        let certified = CertifiedKey::new(chain, signing);
        match certified.keys_match() {
            Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {}
            Err(_) => return Err(PairError::Mismatch),
        }
        if not_after <= now {
            return Err(PairError::Expired(not_after));
        }
        Ok(Self {
            key: Arc::new(certified),
            not_after,
        })
    }

    /// End of a certificate's validity.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) fn not_after(der: &CertificateDer<'_>) -> Result<Timestamp, PairError> {
        let (_, parsed) = X509Certificate::from_der(der)
            .map_err(|error| PairError::BadCertificate(error.to_string()))?;
        let end = u64::try_from(parsed.validity().not_after.timestamp()).unwrap_or(0);
        Ok(Timestamp(end.saturating_mul(1_000)))
    }
}
