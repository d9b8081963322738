//! What the loops last found, as the reporter is told of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use kubomesh_core::{Condition, Membership, MeshId, Report};

/// The latest of every mesh. Level-triggered: what lies between two readings is not missed, it is
/// no longer so.
#[derive(Debug, Clone, Default)]
pub struct News {
    /// Every mesh that there is.
    pub meshes: BTreeMap<MeshId, MeshNews>,
}

/// The latest of one mesh.
#[derive(Debug, Clone)]
pub struct MeshNews {
    /// Generation of the spec that this is about.
    pub generation: i64,
    /// Who is there.
    pub membership: Arc<Membership>,
    /// `spec.limits.statusWritesPerSecond`.
    pub status_writes_per_second: u32,
    /// What was found.
    pub verdict: Verdict,
}

/// What was found of a mesh.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// It is acted on.
    Planned(Arc<Report>),
    /// It is not: `Accepted=False` with the reason.
    Refused(Condition),
    /// It was accepted and no pass is done yet: nothing is told.
    Waiting,
}
