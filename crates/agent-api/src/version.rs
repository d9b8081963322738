//! The version gate: two sides understand each other when the newer of the two oldest APIs is not
//! newer than the older of the two present ones.

use std::fmt;

/// The API that this build speaks.
pub const API_VERSION: i64 = 1;

/// The oldest API that this build understands.
pub const API_MIN_VERSION: i64 = 1;

/// What one side speaks and understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApiVersions {
    /// The API that it speaks. 0: none.
    pub current: i64,
    /// The oldest one that it understands.
    pub min: i64,
}

/// Why an agent is not used, for people: the sentence behind `path: Direct`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Nothing listens there.
    #[error("no agent listens at {0}")]
    Absent(String),
    /// It speaks gRPC without this service.
    #[error(
        "what listens there has no {}; it is older than the agent, or another program",
        crate::wire::kubo_agent_server::SERVICE_NAME
    )]
    Unimplemented,
    /// It says version 0.
    #[error("the agent serves no API yet (version 0)")]
    None,
    /// Too old for us.
    #[error(
        "the agent is too old: it speaks API {theirs}, and this controller wants {ours}; upgrade the agent"
    )]
    TooOld {
        /// What it says.
        theirs: ApiVersions,
        /// What we say.
        ours: ApiVersions,
    },
    /// Too new for us.
    #[error(
        "the agent is too new: it speaks API {theirs}, and this controller {ours}; upgrade the controller"
    )]
    TooNew {
        /// What it says.
        theirs: ApiVersions,
        /// What we say.
        ours: ApiVersions,
    },
}

impl ApiVersions {
    /// This build's.
    pub const OWN: Self = Self {
        current: API_VERSION,
        min: API_MIN_VERSION,
    };

    /// Whether the two understand each other: max(min) ≤ min(current).
    ///
    /// # Errors
    /// When they do not; which of them is to be upgraded.
    pub fn agree(self, theirs: Self) -> Result<(), Unusable> {
        if theirs.current <= 0 {
            return Err(Unusable::None);
        }
        if self.min.max(theirs.min) <= self.current.min(theirs.current) {
            return Ok(());
        }
        match theirs.current < self.min {
            true => Err(Unusable::TooOld { theirs, ours: self }),
            false => Err(Unusable::TooNew { theirs, ours: self }),
        }
    }
}

/// `3`, or `2 to 3`.
impl fmt::Display for ApiVersions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.min == self.current {
            true => write!(f, "{}", self.current),
            false => write!(f, "{} to {}", self.min, self.current),
        }
    }
}
