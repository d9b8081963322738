//! The scenarios, each a story that ends with every member's own answers and a second, empty plan.

mod forming;

use crate::registry::Scenario;

/// All of them, in the order in which they run.
pub(crate) const ALL: &[&[Scenario]] = &[forming::SCENARIOS];
