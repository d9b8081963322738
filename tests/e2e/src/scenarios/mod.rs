//! The scenarios, each a story that ends with every member's own answers and a second, empty plan.

mod agent_certificates;
mod agent_channels;
mod agent_swapped;
mod agent_versions;
mod agents;
mod bad_input;
mod fakes;
mod figures;
mod forming;
mod identity;
mod leaving;
mod modes;
mod networks;
mod outages;
mod policy;
mod rbac;
mod replicas;
mod restarts;
mod settings;
mod storage;
mod storage_changes;
mod storage_faults;
mod trouble;
mod two_networks;
mod webhook;

use crate::contract;
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
    figures::SCENARIOS,
    trouble::SCENARIOS,
    outages::SCENARIOS,
    rbac::SCENARIOS,
    fakes::SCENARIOS,
    bad_input::SCENARIOS,
    networks::SCENARIOS,
    two_networks::SCENARIOS,
    storage::SCENARIOS,
    storage_faults::SCENARIOS,
    storage_changes::SCENARIOS,
    webhook::SCENARIOS,
    agents::SCENARIOS,
    agent_versions::SCENARIOS,
    agent_certificates::SCENARIOS,
    agent_channels::SCENARIOS,
    agent_swapped::SCENARIOS,
    contract::SCENARIOS,
];
