//! Why a verb did not do what was asked.

use kubomesh_core::{Failure, FailureKind, PeerId};

/// A verb that failed: its class, one line for people, and what the line tells beyond it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{verb}: {}", .failure.message)]
pub struct Error {
    verb: &'static str,
    failure: Failure,
    answered: bool,
    found: Option<Box<PeerId>>,
}

/// Another node answers than the one that was expected. The connection is closed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected peer {}, but peer {} answers there", .0.expected, .0.found)]
pub struct WrongIdentity(Box<Pair>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Pair {
    expected: PeerId,
    found: PeerId,
}

// === impl Error ===

impl Error {
    /// The connection gave no whole answer, or nothing could be sent.
    pub(crate) fn connection(verb: &'static str, error: &kubomesh_conn::Error) -> Self {
        Self {
            verb,
            failure: error.into(),
            answered: false,
            found: None,
        }
    }

    /// The node answered, and this is what the answer comes down to.
    pub(crate) fn answer(verb: &'static str, kind: FailureKind, message: &str) -> Self {
        Self {
            verb,
            failure: Failure::new(kind, message),
            answered: true,
            found: None,
        }
    }

    pub(crate) fn with_found(self, found: Option<PeerId>) -> Self {
        Self {
            found: found.map(Box::new),
            ..self
        }
    }

    /// Whether Kubo says that a config key is not set (measured-on-kubo, row 19).
    pub(crate) fn is_unset(&self) -> bool {
        let text = &self.failure.message;
        text.starts_with("failed to get config value") && text.contains("not found")
    }

    /// The class. For `swarm/connect` and `ping` it may speak of the far peer (`Refused`:
    /// nothing listens where the node dialled); [`Error::answered`] tells the two apart.
    #[must_use]
    pub const fn kind(&self) -> FailureKind {
        self.failure.kind
    }

    /// The verb, as in Kubo's path: `swarm/connect`.
    #[must_use]
    pub const fn verb(&self) -> &'static str {
        self.verb
    }

    /// Whether the node itself gave a whole answer, so that it is alive and the failure is its
    /// message. `false`: nothing was sent, or the connection broke or was too slow and is closed.
    #[must_use]
    pub const fn answered(&self) -> bool {
        self.answered
    }

    /// With [`FailureKind::WrongIdentity`] from `swarm/connect`: who answers at the address.
    #[must_use]
    pub fn found(&self) -> Option<PeerId> {
        self.found.as_deref().copied()
    }
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        Self::new(error.kind(), &error.to_string())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::from(&error)
    }
}

// === impl WrongIdentity ===

impl WrongIdentity {
    pub(crate) fn new(expected: PeerId, found: PeerId) -> Self {
        Self(Box::new(Pair { expected, found }))
    }

    /// Whom the member is recorded with.
    #[must_use]
    pub fn expected(&self) -> PeerId {
        self.0.expected
    }

    /// Who answers.
    #[must_use]
    pub fn found(&self) -> PeerId {
        self.0.found
    }

    /// The class.
    #[must_use]
    pub const fn kind(&self) -> FailureKind {
        FailureKind::WrongIdentity
    }
}

impl From<WrongIdentity> for Failure {
    fn from(error: WrongIdentity) -> Self {
        Self::new(error.kind(), &error.to_string())
    }
}
