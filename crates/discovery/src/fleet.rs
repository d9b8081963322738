//! The fleet: every mesh and its members at one moment, the value that the loop starts from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kubomesh_core::{Condition, Membership, MeshId, Policy};

use crate::MeshKey;

/// Every mesh that is known.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Fleet {
    /// Whether every first list is complete. Until then nothing is to be concluded from what is
    /// absent.
    pub synced: bool,
    /// Names of what is not complete yet, sorted: `nodes`, `pods of apps/kubo`.
    pub pending: Vec<String>,
    /// What cannot be read at present, one sentence each, by what it is: `pods of apps/kubo`.
    pub troubles: BTreeMap<String, String>,
    /// Meshes whose deletion was seen, and that are not there again. One that is in no list any more
    /// and is not among these may be missing by mistake of the list.
    pub deleted: BTreeSet<MeshKey>,
    /// The meshes.
    pub meshes: BTreeMap<MeshId, MeshView>,
}

/// One mesh.
#[derive(Debug, Clone, PartialEq)]
pub struct MeshView {
    /// The mesh.
    pub id: MeshId,
    /// Generation of its spec; 0 for a members file.
    pub generation: i64,
    /// What is wanted; or `Accepted=False` with the reason why the mesh is not acted on.
    pub policy: Result<Arc<Policy>, Condition>,
    /// Who is there.
    pub membership: Arc<Membership>,
}
