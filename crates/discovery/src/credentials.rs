//! What is sent as `Authorization`, by the name of the secret or file that holds it.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use kubomesh_core::{Credentials, Redacted, TlsTexts};

/// The headers as they were last read. Cheap to clone; every clone is the same store.
#[derive(Debug, Clone, Default)]
pub struct AuthStore {
    headers: Arc<RwLock<BTreeMap<String, Redacted<String>>>>,
    tls: Arc<RwLock<BTreeMap<String, Arc<TlsTexts>>>>,
}

impl AuthStore {
    /// What [`Credentials`] is asked for: a key of a secret in a namespace.
    #[must_use]
    pub fn secret_name(namespace: &str, secret: &str, key: &str) -> String {
        format!("{namespace}/{secret}/{key}")
    }

    /// The same for the certificate for agents: a secret in a namespace.
    #[must_use]
    pub fn tls_name(namespace: &str, secret: &str) -> String {
        format!("{namespace}/{secret}")
    }

    /// Replaces one certificate; `None` takes it away.
    pub(crate) fn set_tls(&self, name: &str, texts: Option<TlsTexts>) {
        let mut tls = self.tls.write().unwrap_or_else(PoisonError::into_inner);
        match texts {
            Some(texts) => tls.insert(name.into(), Arc::new(texts)),
            None => tls.remove(name),
        };
    }

    /// Replaces one header; `None` takes it away.
    pub(crate) fn set(&self, name: &str, header: Option<Redacted<String>>) {
        let mut headers = self.headers.write().unwrap_or_else(PoisonError::into_inner);
        match header {
            Some(header) => headers.insert(name.into(), header),
            None => headers.remove(name),
        };
    }

    /// Takes away all but these.
    pub(crate) fn keep(&self, wanted: impl Fn(&str) -> bool) {
        let mut headers = self.headers.write().unwrap_or_else(PoisonError::into_inner);
        headers.retain(|name, _| wanted(name));
        drop(headers);
        let mut tls = self.tls.write().unwrap_or_else(PoisonError::into_inner);
        tls.retain(|name, _| wanted(name));
    }
}

impl Credentials for AuthStore {
    fn authorization(&self, name: &str) -> Option<Redacted<String>> {
        let headers = self.headers.read().unwrap_or_else(PoisonError::into_inner);
        headers.get(name).cloned()
    }

    fn tls(&self, name: &str) -> Option<Arc<TlsTexts>> {
        let tls = self.tls.read().unwrap_or_else(PoisonError::into_inner);
        tls.get(name).cloned()
    }
}
