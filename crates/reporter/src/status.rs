//! Statuses of meshes and records in Kubernetes: written only when they differ from what stands,
//! condition changes first, at a bounded rate, and never waited for.

mod outbox;
mod pending;
mod writer;

use std::time::Duration;

use serde::Serialize;

pub(crate) use pending::Shared;
pub(crate) use writer::StatusWriter;

/// How often a status is written when only its counts change (rules.md, Limits).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct StatusTimings {
    /// A record's status. 60 s.
    pub peer_counts: Duration,
    /// A mesh's status. 5 s.
    pub mesh_counts: Duration,
}

impl StatusTimings {
    /// Default of [`StatusTimings::peer_counts`].
    pub const PEER_COUNTS: Duration = Duration::from_secs(60);
    /// Default of [`StatusTimings::mesh_counts`].
    pub const MESH_COUNTS: Duration = Duration::from_secs(5);
}

impl Default for StatusTimings {
    fn default() -> Self {
        Self {
            peer_counts: Self::PEER_COUNTS,
            mesh_counts: Self::MESH_COUNTS,
        }
    }
}
