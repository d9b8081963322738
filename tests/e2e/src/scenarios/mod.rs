//! The scenarios, each a story that ends with every member's own answers and a second, empty plan.

mod forming;
mod identity;
mod leaving;
mod modes;
mod outages;
mod policy;
mod replicas;
mod restarts;
mod settings;
mod trouble;

use crate::registry::Scenario;

/// All of them, in the order in which they run.
pub(crate) const ALL: &[&[Scenario]] = &[
    forming::SCENARIOS,
    leaving::SCENARIOS,
    restarts::SCENARIOS,
    identity::SCENARIOS,
    settings::SCENARIOS,
    modes::SCENARIOS,
    policy::SCENARIOS,
    replicas::SCENARIOS,
    trouble::SCENARIOS,
    outages::SCENARIOS,
];
