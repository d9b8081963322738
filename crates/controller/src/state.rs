//! What the loop of a mesh carries from pass to pass.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kubomesh_core::{
    Busy, Doubt, MemberName, Membership, MeshId, Outcome, Policy, Record, Schedule, Timestamp,
    Timings,
};
use kubomesh_executor::{Executor, Observations};
use kubomesh_planner::{Memory, PlanInput};

/// What the loop carries from pass to pass.
pub(crate) struct State {
    pub(crate) memory: Memory,
    pub(crate) known: Observations,
    pub(crate) membership: Arc<Membership>,
    pub(crate) schedule: Schedule,
    /// What was under way when the late outcomes were last taken in.
    pub(crate) busy: Busy,
}

// === impl State ===

impl State {
    pub(crate) fn new(mesh: &MeshId) -> Self {
        let mut nobody = Membership::empty(mesh.clone());
        nobody.doubt = Some(Doubt::NotSynced);
        Self {
            memory: Memory::default(),
            known: Observations::new(),
            membership: Arc::new(nobody),
            schedule: Schedule::default(),
            busy: Busy::default(),
        }
    }

    /// Takes the membership as it is now; returns who changed. Who came, became ready or was started
    /// anew is asked at once whatever its back-off.
    pub(crate) fn meet(
        &mut self,
        membership: &Arc<Membership>,
        executor: &Executor,
    ) -> BTreeSet<MemberName> {
        let before = std::mem::replace(&mut self.membership, Arc::clone(membership));
        if Arc::ptr_eq(&before, membership) {
            return BTreeSet::new();
        }
        let turnover = membership.turnover(&before);
        turnover.renewed.iter().for_each(|uid| executor.renew(uid));
        self.known
            .retain(|name, _| membership.members.contains_key(name));
        executor.retain(&membership.members.values().map(|m| m.uid.clone()).collect());
        turnover.changed
    }

    /// Takes in what ended since the last pass. What is under way is looked at first: what ends in
    /// between counts as under way, and as ended in the next pass.
    pub(crate) fn catch_up(&mut self, executor: &Executor) {
        self.busy = executor.busy();
        self.absorb(&executor.late_outcomes());
    }

    pub(crate) fn absorb(&mut self, outcomes: &[Outcome]) {
        self.memory.absorb(outcomes);
        self.schedule.acted(outcomes);
    }

    pub(crate) fn input<'a>(
        &'a self,
        now: Timestamp,
        policy: &'a Policy,
        timings: &'a Timings,
        records: &'a BTreeMap<String, Record>,
    ) -> PlanInput<'a> {
        PlanInput {
            now,
            policy,
            timings,
            membership: &self.membership,
            observations: &self.known,
            records,
            memory: &self.memory,
            busy: &self.busy,
        }
    }
}
