//! The planner: a pure function from what is wanted and seen to a plan and a report.
//!
//! No clock, no randomness, no I/O: the same input gives the same plan in any process.

mod input;

pub use input::{PlanInput, Planned};
