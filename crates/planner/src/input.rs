//! What the planner is given and what it gives back.

use std::collections::BTreeMap;
use std::sync::Arc;

use kubomesh_core::{
    Busy, MemberName, Membership, Observation, Plan, Policy, Record, Report, Timestamp, Timings,
};

use crate::Memory;

/// Everything that a plan depends on.
#[derive(Debug, Clone, Copy)]
pub struct PlanInput<'a> {
    /// The present time.
    pub now: Timestamp,
    /// What is wanted.
    pub policy: &'a Policy,
    /// The flags' time constants.
    pub timings: &'a Timings,
    /// Who is there.
    pub membership: &'a Membership,
    /// What each answered. One that is about another life than the member's is not used.
    /// Shared, not copied: a pass replaces the few that it renewed.
    pub observations: &'a BTreeMap<MemberName, Arc<Observation>>,
    /// The stored records of this mesh, by record name.
    pub records: &'a BTreeMap<String, Record>,
    /// What the last pass left, with its outcomes taken in; empty at the start.
    pub memory: &'a Memory,
    /// What was sent and is not in the memory's outcomes yet: what was read of its members may not
    /// show it.
    pub busy: &'a Busy,
}

/// What the planner gives back.
#[must_use = "a report that nobody reads is a bug"]
#[derive(Debug, Clone)]
pub struct Planned {
    /// What is to be done.
    pub plan: Plan,
    /// What was found, and why the rest is not done.
    pub report: Report,
    /// What the next pass is given, once it has taken in this plan's outcomes.
    pub memory: Memory,
}
