//! Why a verb did not do what was asked.

use kubomesh_core::{Failure, FailureKind};

pub use kubomesh_core::{VerbError as Error, WrongIdentity};

/// The connection gave no whole answer, or nothing could be sent.
pub(crate) fn lost(verb: &'static str, error: &kubomesh_conn::Error) -> Error {
    Error::lost(verb, error.into())
}

/// The node answered, and this is what the answer comes down to.
pub(crate) fn answered(verb: &'static str, kind: FailureKind, message: &str) -> Error {
    Error::answer(verb, Failure::new(kind, message))
}

/// Whether Kubo says that a config key is not set (measured-on-kubo, row 19).
pub(crate) fn is_unset(error: &Error) -> bool {
    let text = error.message();
    text.starts_with("failed to get config value") && text.contains("not found")
}
