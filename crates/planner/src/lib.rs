//! The planner: a pure function from what is wanted and seen to a plan and a report.
//!
//! No clock, no randomness, no I/O: the same input gives the same plan in any process.

mod capacity;
mod causes;
pub mod check;
mod conditions;
mod crowd;
mod dial;
mod filters;
mod groups;
mod heed;
mod identity;
mod input;
mod inquire;
mod links;
mod members;
mod memory;
mod mesh;
mod network;
mod offered;
mod on_network;
mod orphans;
mod pass;
mod places;
mod plan;
mod records;
mod releasing;
mod remedy;
mod remember;
mod removal;
mod retry;
mod sides;
mod since;
mod steer;
mod steps;
pub mod topology;
mod words;
mod world;

pub use check::{Rule, Violation, check};
pub use input::{PlanInput, Planned};
pub use inquire::inquire;
pub use memory::Memory;
pub use orphans::{Liftings, Orphans, orphans};
pub use plan::plan;
