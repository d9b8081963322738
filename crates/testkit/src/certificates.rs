//! An authority and the certificates that it signs, for tests of TLS: PEM, made anew each time.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};

/// An authority that nobody knows.
#[derive(Debug)]
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate with its key, PEM.
#[derive(Debug, Clone)]
pub struct Signed {
    /// The certificate.
    pub certificate: String,
    /// Its key.
    pub key: String,
}

/// Last year of a certificate that has not expired.
const FAR: i32 = 2100;

// === impl Authority ===

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

#[expect(
    clippy::missing_panics_doc,
    clippy::expect_used,
    reason = "names are written in tests: one that no certificate can have fails its test"
)]
impl Authority {
    /// A new one.
    #[must_use]
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("an authority"))
    }

    /// Its own certificate.
    #[must_use]
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// Signs a certificate of one DNS name.
    #[must_use]
    pub fn sign(&self, name: &str) -> Signed {
        self.sign_until(name, FAR)
    }

    /// Signs a certificate of one DNS name that ends with the beginning of a year.
    #[must_use]
    pub fn sign_until(&self, name: &str, year: i32) -> Signed {
        let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(year, 1, 1);
        let key = KeyPair::generate().expect("a key");
        Signed {
            certificate: params.signed_by(&key, &self.0).expect("signed").pem(),
            key: key.serialize_pem(),
        }
    }
}
