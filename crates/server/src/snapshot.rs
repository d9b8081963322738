//! What the loop hands to the debug face: the values it used, shared and never copied.

use std::collections::BTreeMap;
use std::sync::Arc;

use kubomesh_core::{MemberName, Membership, Observation, Outcome, Plan, Report};

/// The last pass of every mesh. The loop publishes a new one after each pass, on a
/// `tokio::sync::watch` channel; `Arc::make_mut` on it copies the map of pointers only.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// By the mesh's printed id: `namespace/name`, or `file`.
    pub meshes: BTreeMap<String, MeshSnapshot>,
    /// The settings that the process runs with, secrets redacted.
    pub config: Arc<serde_json::Value>,
}

/// One pass of one mesh.
#[derive(Debug, Clone)]
pub struct MeshSnapshot {
    /// Who was there.
    pub members: Arc<Membership>,
    /// What they had answered.
    pub observations: Arc<BTreeMap<MemberName, Arc<Observation>>>,
    /// Number of the pass, from 1, never reused within a process.
    pub pass: u64,
    /// What woke it, for people: `resync`, `pods`, a node's name.
    pub trigger: String,
    /// What was to be done.
    pub plan: Arc<Plan>,
    /// What was found, with a reason for everything not done.
    pub report: Arc<Report>,
    /// What became of the calls; empty until they have answered.
    pub outcomes: Arc<Vec<Outcome>>,
}
