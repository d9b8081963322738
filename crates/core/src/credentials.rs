//! Credentials: what is sent as `Authorization`, looked up at the moment of sending.

use std::sync::Arc;

use crate::Redacted;

/// Answers with the value of the `Authorization` header for a named secret, as it is now: a secret
/// that was changed is used at the next connection.
pub trait Credentials: Send + Sync {
    /// The header's value (`Bearer …`, `Basic …`); `None` when there is no such secret.
    fn authorization(&self, name: &str) -> Option<Redacted<String>>;

    /// The controller's certificate for agents; `None` when there is no such secret.
    fn tls(&self, name: &str) -> Option<Arc<TlsTexts>> {
        let _ = name;
        None
    }
}

/// The controller's certificate for agents, as its secret holds it: PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsTexts {
    /// `tls.crt`.
    pub certificate: Vec<u8>,
    /// `tls.key`.
    pub key: Redacted<Vec<u8>>,
    /// `ca.crt`.
    pub ca: Vec<u8>,
}

/// No secrets at all.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoCredentials;

impl Credentials for NoCredentials {
    fn authorization(&self, _name: &str) -> Option<Redacted<String>> {
        None
    }
}
