//! Why a verb did not do what was asked, whichever way led to the node.

use crate::{Failure, FailureKind, PeerId};

/// A verb that failed: its class, one line for people, and what the line tells beyond it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{verb}: {}", .failure.message)]
pub struct VerbError {
    verb: &'static str,
    failure: Failure,
    answered: bool,
    found: Option<Box<PeerId>>,
}

/// Another node answers than the one that was expected. Nothing is asked of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected peer {}, but peer {} answers there", .0.expected, .0.found)]
pub struct WrongIdentity(Box<Pair>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Pair {
    expected: PeerId,
    found: PeerId,
}

// === impl VerbError ===

impl VerbError {
    /// No whole answer came, or nothing could be sent.
    #[must_use]
    pub const fn lost(verb: &'static str, failure: Failure) -> Self {
        Self {
            verb,
            failure,
            answered: false,
            found: None,
        }
    }

    /// The node answered, and this is what the answer comes down to.
    #[must_use]
    pub const fn answer(verb: &'static str, failure: Failure) -> Self {
        Self {
            verb,
            failure,
            answered: true,
            found: None,
        }
    }

    /// With who answers at the address.
    #[must_use]
    pub fn with_found(self, found: Option<PeerId>) -> Self {
        Self {
            found: found.map(Box::new),
            ..self
        }
    }

    /// The class. For `swarm/connect` it may speak of the far peer (`Refused`: nothing listens where the
    /// node dialled); [`VerbError::answered`] tells the two apart.
    #[must_use]
    pub const fn kind(&self) -> FailureKind {
        self.failure.kind
    }

    /// What was said, without the verb.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.failure.message
    }

    /// The verb, as in Kubo's path: `swarm/connect`.
    #[must_use]
    pub const fn verb(&self) -> &'static str {
        self.verb
    }

    /// Whether the node itself gave a whole answer, so that it is alive and the failure is its message.
    /// `false`: nothing was sent, or whatever led to it broke or was too slow and is closed.
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

impl From<&VerbError> for Failure {
    fn from(error: &VerbError) -> Self {
        Self::new(error.kind(), &error.to_string())
    }
}

impl From<VerbError> for Failure {
    fn from(error: VerbError) -> Self {
        Self::from(&error)
    }
}

// === impl WrongIdentity ===

impl WrongIdentity {
    /// Who was expected, and who answers.
    #[must_use]
    pub fn new(expected: PeerId, found: PeerId) -> Self {
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
