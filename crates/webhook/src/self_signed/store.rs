//! The Secret: what is served, what is next, and the authorities that are to be believed.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kubomesh_core::Timestamp;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use super::authority::Made;
use crate::certificate::Pair;

/// Keys of the Secret.
const CERT: &str = "tls.crt";
const KEY: &str = "tls.key";
const AUTHORITIES: &str = "ca.crt";
const NEXT_CERT: &str = "next-tls.crt";
const NEXT_KEY: &str = "next-tls.key";
const NEXT_AUTHORITY: &str = "next-ca.crt";

/// What the Secret holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Stored {
    /// What every replica serves.
    pub(super) serving: Option<(String, String)>,
    /// Its authority first, then those of certificates that are not over; PEM, one each.
    pub(super) authorities: Vec<String>,
    /// What is served after the next step.
    pub(super) next: Option<Made>,
}

// === impl Stored ===

impl Stored {
    /// Reads a Secret; what is not there or no text is left out.
    pub(super) fn of(secret: &Secret) -> Self {
        let text = |key: &str| {
            let bytes = &secret.data.as_ref()?.get(key)?.0;
            let text = String::from_utf8(bytes.clone()).ok()?;
            Some(text).filter(|text| !text.is_empty())
        };
        let next = || {
            Some(Made {
                cert: text(NEXT_CERT)?,
                key: text(NEXT_KEY)?,
                authority: text(NEXT_AUTHORITY)?,
            })
        };
        Self {
            serving: text(CERT).zip(text(KEY)),
            authorities: each(&text(AUTHORITIES).unwrap_or_default()),
            next: next(),
        }
    }

    /// Writes it over what a Secret held.
    pub(super) fn put(&self, mut secret: Secret) -> Secret {
        let mut data = BTreeMap::new();
        let mut add = |key: &str, text: &str| {
            data.insert(key.to_owned(), ByteString(text.as_bytes().to_vec()));
        };
        if let Some((cert, key)) = &self.serving {
            add(CERT, cert);
            add(KEY, key);
        }
        add(AUTHORITIES, &self.authorities.concat());
        if let Some(next) = &self.next {
            add(NEXT_CERT, &next.cert);
            add(NEXT_KEY, &next.key);
            add(NEXT_AUTHORITY, &next.authority);
        }
        secret.data = Some(data);
        secret
    }

    /// The certificate that is served, if it is good.
    pub(super) fn pair(&self, now: Timestamp) -> Option<Pair> {
        let (cert, key) = self.serving.as_ref()?;
        Pair::read(cert.as_bytes(), key.as_bytes(), now).ok()
    }

    /// The next one, if it is good.
    pub(super) fn next_pair(&self, now: Timestamp) -> Option<Pair> {
        let next = self.next.as_ref()?;
        Pair::read(next.cert.as_bytes(), next.key.as_bytes(), now).ok()
    }

    /// What the API servers are to believe, PEM.
    pub(super) fn bundle(&self) -> String {
        let next = self.next.iter().map(|next| &next.authority);
        self.authorities.iter().chain(next).cloned().collect()
    }

    /// The authorities that are not over.
    pub(super) fn living(&self, now: Timestamp) -> Vec<String> {
        let lives = |pem: &&String| {
            CertificateDer::from_pem_slice(pem.as_bytes())
                .ok()
                .and_then(|der| Pair::not_after(&der).ok())
                .is_some_and(|end| now < end)
        };
        self.authorities.iter().filter(lives).cloned().collect()
    }
}

/// The certificates of a PEM text, one each.
fn each(text: &str) -> Vec<String> {
    const END: &str = "-----END CERTIFICATE-----";
    let parts = text.split_inclusive(END).map(str::trim);
    let whole = parts.filter(|part| part.ends_with(END));
    whole.map(|part| format!("{part}\n")).collect()
}
