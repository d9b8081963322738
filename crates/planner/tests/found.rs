//! What the simulation found, each as the shortest story that shows it.

#[cfg(test)]
mod common;

use common::*;
use kubomesh_core::*;

/// The topology shrinks and grows back within a minute: what went meanwhile is no breach of the
/// smaller budget that is left.
#[test]
fn removals_of_a_moment_ago_do_not_break_a_smaller_budget() {
    let mut fleet = Fleet::of(26);
    let _ = fleet.settle();
    fleet.policy.topology.full_mesh_up_to = 4;
    fleet.policy.topology.degree = Degree::Fixed(8);
    for record in fleet.records.values_mut() {
        record.capacity = Some(Capacity::Links(8));
    }
    let removals = |planned: &kubomesh_planner::Planned| planned.plan.calls();
    let went = (0..3).map(|_| removals(&fleet.pass())).max();
    assert!(went > Some(4), "{went:?}");
    fleet.policy.topology.full_mesh_up_to = 48;
    let _ = fleet.pass();
    fleet.ends_well();
}
