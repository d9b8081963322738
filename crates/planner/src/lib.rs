//! The planner: a pure function from what is wanted and seen to a plan and a report.
//!
//! No clock, no randomness, no I/O: the same input gives the same plan in any process.

mod capacity;
pub mod check;
mod identity;
mod input;
mod inquire;
mod memory;
mod network;
mod orphans;
mod places;
mod remember;
mod retry;
pub mod topology;
mod world;

use kubomesh_core::{LinkCounts, Plan, Report};

pub use check::{Rule, Violation, check};
pub use input::{PlanInput, Planned};
pub use inquire::inquire;
pub use memory::Memory;
pub use orphans::orphans;

/// Plans one pass. Pure: the same input gives the same plan, report and memory in any process.
pub fn plan(input: &PlanInput<'_>) -> Planned {
    let memory = remember::recall(input);
    let report = Report {
        mesh: input.membership.mesh.clone(),
        at: input.now,
        members: std::collections::BTreeMap::new(),
        links: Vec::new(),
        counts: LinkCounts::default(),
        surplus: Vec::new(),
        removals_held: 0,
        doubt: input.membership.doubt.clone(),
        conditions: Vec::new(),
        retired_expired: Vec::new(),
        next_due: None,
    };
    Planned { plan: Plan::default(), report, memory }
}
