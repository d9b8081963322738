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

fn conflict_with(text: &str) -> Contact {
    Contact::AddressConflict { with: text.into() }
}

/// A node moves from a pod that stays as an object to another at its address: both are recorded with
/// its identity, and the one that is contacted has it.
#[test]
fn of_two_records_of_one_identity_at_one_address_the_contacted_one_counts() {
    let mut fleet = Fleet::meshed(2);
    fleet.join("c");
    let node = fleet.leave("c");
    let mut later = node.member("d");
    later.container.clone_from(&node.member("c").container);
    fleet.membership.members.insert(name("d"), later);
    fleet.nodes.insert(name("d"), node);
    fleet.ends_well();
    let ghost = Node {
        ..fleet.nodes["d"].clone()
    };
    let mut member = ghost.member("c");
    member.contact = conflict_with("fleet/d");
    let mut record = fleet.records["d"].clone();
    record.member = name("c");
    record.uid = member.uid.clone();
    fleet.membership.members.insert(name("c"), member);
    fleet.records.insert("c".into(), record);
    fleet.restart("a");
    // The check of each plan must be content.
    let _ = fleet.settle();
    let d = fleet.peer("d");
    assert!(fleet.nodes["a"].peering.iter().any(|entry| entry.peer == d));
}

/// A list that shows nobody for a moment does not make members that start: their links keep their
/// back-off.
#[test]
fn who_was_only_not_listed_did_not_start() {
    let mut fleet = Fleet::meshed(2);
    let refused = Failure::new(FailureKind::Refused, "refused");
    fleet.node("a").dials_fail = Some(refused.clone());
    fleet.node("b").dials_fail = Some(refused);
    fleet.break_all("a");
    for _ in 0..6 {
        let _ = fleet.pass();
    }
    let mut waited = 0;
    while dials(&fleet.pass()) == 0 && waited < 60 {
        waited += 1;
    }
    let members = std::mem::take(&mut fleet.membership.members);
    fleet.membership.doubt = Some(Doubt::NotSynced);
    let _ = fleet.pass_after(secs(1));
    fleet.membership.members = members;
    assert_eq!(dials(&fleet.pass_after(secs(1))), 0);
}

fn dials(planned: &kubomesh_planner::Planned) -> usize {
    let actions = planned.plan.sequences.iter().flat_map(|one| &one.actions);
    actions
        .filter(|action| matches!(action.call, Call::Connect { .. }))
        .count()
}

/// A store that was restored knows nobody: who answers all along is introduced again, and is not
/// taken for one that was silent because all else takes it longer.
#[test]
fn who_is_only_introduced_was_not_silent() {
    let mut fleet = Fleet::meshed(2);
    fleet.wait(secs(60));
    fleet.break_all("a");
    let refused = Failure::new(FailureKind::Refused, "refused");
    fleet.node("a").dials_fail = Some(refused.clone());
    fleet.node("b").dials_fail = Some(refused);
    let _ = fleet.records.remove("a");
    let introduced = fleet.pass_after(secs(1));
    assert_eq!(dials(&introduced), 0);
    fleet.wait(secs(1));
    let planned = fleet.plan();
    fleet.apply(&planned);
    assert_eq!(dials(&planned), 1, "b dials on what it lists itself");
    assert_eq!(dials(&fleet.pass_after(secs(1))), 0, "10 s between two");
}

/// A third member recorded with a doubled identity is left alone too, though it does not answer.
#[test]
fn a_silent_member_recorded_with_a_doubled_identity_is_given_to_nobody() {
    let mut fleet = Fleet::meshed(3);
    fleet.join("d");
    fleet.join("e");
    let doubled = fleet.peer("c");
    for text in ["d", "e"] {
        fleet.node(text).peer_id = doubled;
    }
    fleet.node("c").failure = Some(Failure::new(FailureKind::TimedOut, "no answer in time"));
    // A controller that starts anew saw nothing of it.
    fleet.observations.clear();
    fleet.memory = kubomesh_planner::Memory::default();
    let _ = fleet.settle();
    fleet.restart("a");
    let _ = fleet.settle();
    assert!(
        !fleet.nodes["a"]
            .peering
            .iter()
            .any(|entry| entry.peer == doubled)
    );
}

/// What was taken from a repo that was lost is not given to the one that took its place.
#[test]
fn a_filter_of_a_lost_repo_is_not_given_to_its_successor() {
    let mut fleet = Fleet::meshed(2);
    fleet.policy.filters = FilterPolicy::Repair;
    fleet.node("a").filters = vec!["/ip4/10.0.0.0/ipcidr/8".into()];
    let _ = fleet.settle();
    assert!(fleet.nodes["a"].filters.is_empty());
    assert_eq!(fleet.records["a"].removed_filters.len(), 1);
    fleet.restart("a");
    fleet.node("a").peer_id = kubomesh_model::peer_id(50);
    let _ = fleet.settle();
    fleet.policy.filters = FilterPolicy::Report;
    let _ = fleet.settle();
    assert!(fleet.nodes["a"].filters.is_empty());
    assert!(fleet.records["a"].removed_filters.is_empty());
}
