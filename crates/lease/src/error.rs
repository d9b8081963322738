//! Why a request about the lease failed.

use std::time::Duration;

/// The class of a failed request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LeaseErrorKind {
    /// Another version of the object is there: the precondition did its work.
    Conflict,
    /// 401 or 403.
    Forbidden,
    /// The namespace does not exist.
    NoNamespace,
    /// The API server refuses the object.
    Refused,
    /// The API server is busy or broken (429, 5xx).
    Unavailable,
    /// The API server cannot be reached.
    Unreachable,
    /// No answer in time.
    TimedOut,
}

/// A request about the lease failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot {verb} the lease {lease}: {message}")]
pub struct LeaseError {
    kind: LeaseErrorKind,
    verb: &'static str,
    lease: String,
    message: String,
}

// === impl LeaseError ===

impl LeaseError {
    /// The class.
    #[must_use]
    pub fn kind(&self) -> LeaseErrorKind {
        self.kind
    }

    pub(crate) fn new(verb: &'static str, lease: &str, error: &kube::Error) -> Self {
        let (kind, message) = match error {
            kube::Error::Api(status) => (api_kind(verb, status.code), status.message.clone()),
            other => (LeaseErrorKind::Unreachable, chain(other)),
        };
        let message = match kind {
            LeaseErrorKind::Forbidden => format!(
                "{message}; this service account needs get, create and update on leases there, as \
                 the Role kubomesh-lease of manifests/base gives"
            ),
            LeaseErrorKind::NoNamespace => {
                format!("{message}; set --lease-namespace to the namespace of this process")
            }
            _ => message,
        };
        Self {
            kind,
            verb,
            lease: lease.into(),
            message,
        }
    }

    pub(crate) fn timed_out(verb: &'static str, lease: &str, deadline: Duration) -> Self {
        let message = format!("the API server did not answer within {deadline:?}");
        Self {
            kind: LeaseErrorKind::TimedOut,
            verb,
            lease: lease.into(),
            message,
        }
    }
}

/// 404 of an update means that the object is gone, which is another version too.
fn api_kind(verb: &str, code: u16) -> LeaseErrorKind {
    match code {
        409 => LeaseErrorKind::Conflict,
        404 if verb == "create" => LeaseErrorKind::NoNamespace,
        404 => LeaseErrorKind::Conflict,
        401 | 403 => LeaseErrorKind::Forbidden,
        429 | 500.. => LeaseErrorKind::Unavailable,
        _ => LeaseErrorKind::Refused,
    }
}

/// The error with its causes, without saying the same twice.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        let said = source.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = source.source();
    }
    text
}
