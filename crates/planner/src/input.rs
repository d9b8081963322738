//! What the planner is given and what it gives back.

use std::collections::BTreeMap;

use kubomesh_core::{
    MemberName, Membership, Observation, Plan, Policy, Record, Report, Timestamp, Timings,
};

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
    /// What each answered.
    pub observations: &'a BTreeMap<MemberName, Observation>,
    /// The stored records of this mesh, by record name.
    pub records: &'a BTreeMap<String, Record>,
}

/// What the planner gives back.
#[must_use = "a report that nobody reads is a bug"]
#[derive(Debug, Clone)]
pub struct Planned {
    /// What is to be done.
    pub plan: Plan,
    /// What was found, and why the rest is not done.
    pub report: Report,
}
