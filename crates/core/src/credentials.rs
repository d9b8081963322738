//! Credentials: what is sent as `Authorization`, looked up at the moment of sending.

use crate::Redacted;

/// Answers with the value of the `Authorization` header for a named secret, as it is now: a secret
/// that was changed is used at the next connection.
pub trait Credentials: Send + Sync {
    /// The header's value (`Bearer …`, `Basic …`); `None` when there is no such secret.
    fn authorization(&self, name: &str) -> Option<Redacted<String>>;
}

/// No secrets at all.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoCredentials;

impl Credentials for NoCredentials {
    fn authorization(&self, _name: &str) -> Option<Redacted<String>> {
        None
    }
}
