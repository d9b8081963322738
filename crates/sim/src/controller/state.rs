//! What the loop of the mesh carries from pass to pass: as the controller keeps it.

use std::collections::BTreeMap;
use std::sync::Arc;

use kubomesh_core::{
    Doubt, MemberName, Membership, MeshId, Observation, Outcome, Schedule, Turnover,
};
use kubomesh_planner::Memory;

/// What the loop carries from pass to pass.
#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) memory: Memory,
    pub(crate) known: BTreeMap<MemberName, Arc<Observation>>,
    pub(crate) membership: Arc<Membership>,
    pub(crate) schedule: Schedule,
}

// === impl State ===

impl State {
    /// Knows nobody.
    pub(crate) fn new(mesh: &MeshId) -> Self {
        let mut nobody = Membership::empty(mesh.clone());
        nobody.doubt = Some(Doubt::NotSynced);
        Self {
            memory: Memory::default(),
            known: BTreeMap::new(),
            membership: Arc::new(nobody),
            schedule: Schedule::default(),
        }
    }

    /// Takes the membership as it is now; what is other than before, if anything may be.
    pub(crate) fn meet(&mut self, membership: &Arc<Membership>) -> Option<Turnover> {
        let before = std::mem::replace(&mut self.membership, Arc::clone(membership));
        if Arc::ptr_eq(&before, membership) {
            return None;
        }
        self.known
            .retain(|name, _| membership.members.contains_key(name));
        Some(membership.turnover(&before))
    }

    /// Takes outcomes in; what they touch is read back.
    pub(crate) fn absorb(&mut self, outcomes: &[Outcome]) {
        self.memory.absorb(outcomes);
        self.schedule.acted(outcomes);
    }
}
