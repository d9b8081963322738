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

/// A node that answers slowly is told of a peer while it is being read: what it showed is older than
/// the entry that it has by now, and the address stays remembered.
#[test]
fn an_answer_that_began_before_a_call_forgets_no_address() {
    let mut fleet = Fleet::meshed(2);
    fleet.wait(secs(10));
    fleet.observe();
    let began = fleet.now;
    // Its list was read before the entry came, and the call ended before the reading did.
    fleet.node("a").peering.clear();
    let ip = "10.0.9.9".parse().unwrap();
    fleet.node("b").ip = ip;
    fleet.member("b").networks = [(Network::Pod, vec![ip])].into();
    fleet.observe();
    let mut record = fleet.records["b"].clone();
    let former = record.addresses[0].clone();
    record
        .addresses
        .insert(0, Address::lenient("/ip4/10.0.9.9/tcp/4001"));
    fleet.records.insert("b".into(), record);
    let b = fleet.peer("b");
    fleet.node("a").has_entry(b, &[former.as_str()]);
    fleet.wait(secs(2));
    let call = Call::PeeringAdd {
        addresses: vec![former.with_peer(b)],
    };
    fleet.memory.absorb(&[Outcome {
        at: fleet.now,
        member: name("a"),
        call,
        link: None,
        result: Ok(()),
    }]);
    fleet.wait(secs(1));
    let seen = std::sync::Arc::make_mut(fleet.observations.get_mut("a").unwrap());
    assert_eq!(seen.asked, began);
    seen.state.as_mut().unwrap().at = fleet.now;
    let planned = fleet.plan();
    let drops = |write: &RecordWrite| match write {
        RecordWrite::Put(record) => {
            record.member == name("b") && !record.addresses.contains(&former)
        }
        RecordWrite::Delete(_) => true,
    };
    assert!(!planned.plan.records.iter().any(drops), "{}", planned.plan);
}

/// A surplus link of a full node stays while a wanted partner that just came back is introduced.
#[test]
fn a_partner_that_is_being_introduced_keeps_surplus_links() {
    let mut fleet = Fleet::of(14);
    let _ = fleet.settle();
    fleet.policy.topology.full_mesh_up_to = 4;
    fleet.policy.topology.degree = Degree::Fixed(8);
    for record in fleet.records.values_mut() {
        record.capacity = Some(Capacity::Links(8));
    }
    // Half of the members come back in other pods.
    let names: Vec<String> = ('h'..='n').map(String::from).collect();
    for text in &names {
        fleet.break_all(text);
        fleet.node(text).peering.clear();
        let member = fleet.member(text);
        member.uid = MemberUid::from(format!("{}-again", member.uid));
        member.container = Some(ContainerStart {
            restarts: 0,
            id: format!("{text}-again").into(),
        });
    }
    let planned = fleet.plan_now();
    let removes = |call: &Call| matches!(call, Call::PeeringRemove { .. });
    let mut actions = planned.plan.sequences.iter().flat_map(|one| &one.actions);
    assert!(
        !actions.any(|action| removes(&action.call)),
        "{}",
        planned.plan
    );
}

/// A replica whose view of the pods is older than the record does not take the older start for a new
/// one: whoever answers at the address now is not adopted.
#[test]
fn a_start_that_is_older_than_the_recorded_one_adopts_nobody() {
    let mut fleet = Fleet::meshed(2);
    let before = fleet.member("b").container.clone();
    fleet.restart("b");
    let _ = fleet.settle();
    let recorded = fleet.records["b"].clone();
    assert_ne!(recorded.container, before);
    fleet.member("b").container = before;
    fleet.node("b").peer_id = kubomesh_model::peer_id(50);
    fleet.memory = kubomesh_planner::Memory::default();
    let _ = fleet.settle();
    assert_eq!(fleet.records["b"].peer_id, recorded.peer_id);
    assert_eq!(fleet.records["b"].container, recorded.container);
}

/// Somebody deletes the record of a node that is read on a connection which showed its identity long
/// ago: the identity on that connection is as good as one that was just shown.
#[test]
fn what_a_verified_connection_reads_shows_the_identity_too() {
    let mut fleet = Fleet::meshed(2);
    fleet.wait(secs(10));
    fleet.observe();
    let seen = std::sync::Arc::make_mut(fleet.observations.get_mut("a").unwrap());
    seen.sighting = None;
    let _ = fleet.records.remove("a");
    // The check of the plan must be content.
    let planned = fleet.plan();
    fleet.apply(&planned);
    assert_eq!(fleet.records["a"].peer_id, Some(fleet.peer("a")));
}

/// A container starts anew with another repo and somebody deletes its record before anybody asked it:
/// what it showed before the start is not recorded for the new one, which it would not be for ever.
#[test]
fn an_identity_from_before_the_start_is_not_recorded_for_the_new_one() {
    let mut fleet = Fleet::meshed(2);
    fleet.wait(secs(60));
    fleet.restart("b");
    let new = kubomesh_model::peer_id(50);
    fleet.node("b").peer_id = new;
    let _ = fleet.records.remove("b");
    // A pass of an event that did not touch it.
    let planned = fleet.plan();
    fleet.apply(&planned);
    fleet.ends_well();
    assert_eq!(fleet.records["b"].peer_id, Some(new));
}

/// A pod goes, another of its name comes and goes before a second pass saw it: it is forgotten when
/// its own time is over, not the former's.
#[test]
fn each_life_that_is_away_has_its_own_time() {
    let mut fleet = Fleet::meshed(3);
    let _ = fleet.leave("c");
    let _ = fleet.pass_after(secs(1));
    let _ = fleet.pass_after(secs(100));
    fleet.join("c");
    // Introduced, and adopted.
    let _ = fleet.pass_after(secs(5));
    let second = fleet.records["c"].peer_id;
    assert_eq!(second, Some(fleet.peer("c")));
    let _ = fleet.leave("c");
    let _ = fleet.pass_after(secs(100));
    assert_eq!(fleet.records["c"].peer_id, second, "its time is not over");
    let _ = fleet.pass_after(secs(130));
    assert_ne!(fleet.records.get("c").and_then(|one| one.peer_id), second);
}

/// A slow node's answer that began before its container started anew is not the new container's, though
/// it ends after the start was seen.
#[test]
fn an_answer_that_began_before_a_start_is_not_the_new_containers() {
    let mut fleet = Fleet::meshed(2);
    fleet.wait(secs(10));
    fleet.observe();
    let before = fleet.records["b"].clone();
    fleet.restart("b");
    // The start is seen by a pass that asks nobody.
    fleet.wait(secs(1));
    let planned = fleet.plan();
    fleet.apply(&planned);
    fleet.node("b").peer_id = kubomesh_model::peer_id(50);
    fleet.wait(secs(2));
    let seen = std::sync::Arc::make_mut(fleet.observations.get_mut("b").unwrap());
    seen.sighting.as_mut().unwrap().at = fleet.now;
    seen.state.as_mut().unwrap().at = fleet.now;
    fleet.wait(secs(1));
    let planned = fleet.plan();
    fleet.apply(&planned);
    assert_eq!(fleet.records["b"].container, before.container);
    fleet.ends_well();
    assert_eq!(
        fleet.records["b"].peer_id,
        Some(kubomesh_model::peer_id(50))
    );
}

/// Who is Ready and was not introduced yet may hold an entry for one that is retired.
#[test]
fn a_retired_identity_is_remembered_while_a_new_member_was_not_read() {
    let mut fleet = Fleet::meshed(3);
    fleet.join("d");
    fleet.node("d").failure = Some(Failure::new(FailureKind::TimedOut, "no answer in time"));
    let gone = fleet.peer("c");
    let _ = fleet.leave("c");
    let _ = fleet.pass();
    let _ = fleet.pass_after(secs(130));
    for _ in 0..10 {
        let _ = fleet.pass();
    }
    let retired = |fleet: &Fleet| {
        let record = fleet.records.get("c");
        record.is_some_and(|record| record.retired.iter().any(|one| one.peer_id == gone))
    };
    assert!(retired(&fleet));
    fleet.node("d").failure = None;
    fleet.ends_well();
    assert!(!retired(&fleet));
}

/// The old sighting of a pod that is not contacted any more is that of another one at its address: it
/// doubles no identity.
#[test]
fn a_pod_that_is_not_contacted_doubles_no_identity() {
    let mut fleet = Fleet::meshed(3);
    fleet.join("d");
    fleet.node("d").peer_id = fleet.peer("c");
    let _ = fleet.pass();
    fleet.wait(secs(10));
    fleet.observe();
    fleet.member("d").contact = conflict_with("fleet/c");
    let planned = fleet.plan();
    let duplicate = fleet.member_condition(&planned, "c", ConditionKind::DuplicateIdentity);
    assert!(duplicate.contains("=False"), "{duplicate}");
}

/// A container starts anew with a repo that another pod has a copy of: while both are left alone, the
/// record is not taken for one of the new container, which would have the wrong identity for ever.
#[test]
fn a_start_with_a_doubled_identity_is_adopted_when_the_other_is_gone() {
    let mut fleet = Fleet::meshed(3);
    fleet.join("d");
    fleet.join("e");
    let doubled = fleet.peer("d");
    fleet.node("e").peer_id = doubled;
    for _ in 0..3 {
        let _ = fleet.pass();
    }
    fleet.restart("c");
    fleet.node("c").peer_id = doubled;
    for _ in 0..3 {
        let _ = fleet.pass();
    }
    let _ = fleet.leave("d");
    let _ = fleet.leave("e");
    fleet.ends_well_after(secs(130));
    assert_eq!(fleet.records["c"].peer_id, Some(doubled));
}

/// A filter that a node did not give up in time is asked for again when the wait is over, not when
/// the next sweep happens to come.
#[test]
fn a_repair_that_failed_is_due_again() {
    let mut fleet = Fleet::of(2);
    fleet.policy.filters = FilterPolicy::Repair;
    fleet.node("b").filters = vec!["/ip4/10.0.0.0/ipcidr/8".into()];
    let _ = fleet.pass();
    let _ = fleet.pass();
    fleet.wait(secs(10));
    fleet.observe();
    let planned = fleet.plan();
    assert!(planned.plan.to_string().contains("filters rm"));
    fleet.node("b").failure = Some(Failure::new(FailureKind::TimedOut, "no answer in time"));
    fleet.apply(&planned);
    fleet.node("b").failure = None;
    let planned = fleet.pass_after(secs(1));
    assert!(!planned.plan.to_string().contains("filters rm"));
    assert_eq!(planned.report.next_due, Some(secs(9)));
    let held = planned.report.links[0].held.as_ref().unwrap();
    assert_eq!(held.until, Some(fleet.now + secs(9)));
    fleet.ends_well();
}

/// A pair that is not wanted for a moment, as its end's record is gone, is not dialled again sooner.
#[test]
fn a_pair_that_was_not_wanted_for_a_moment_keeps_its_pace() {
    let mut fleet = Fleet::meshed(3);
    fleet.break_all("c");
    fleet.node("c").swarm = false;
    let dials = |planned: &kubomesh_planner::Planned| planned.plan.to_string().contains("connect");
    assert!(dials(&fleet.pass()));
    let record = fleet.records.remove("c").unwrap();
    let planned = fleet.pass_after(secs(6));
    assert!(!dials(&planned), "{}", planned.plan);
    fleet.records.insert("c".into(), record);
    let planned = fleet.pass_after(secs(2));
    assert!(!dials(&planned), "{}", planned.plan);
    fleet.node("c").swarm = true;
    fleet.ends_well();
}

/// What could not be taken away is tried again when the wait is over.
#[test]
fn a_removal_that_failed_is_due_again() {
    let mut fleet = Fleet::meshed(2);
    fleet.policy.mode = Mode::Release;
    fleet.wait(secs(10));
    fleet.observe();
    let planned = fleet.plan();
    assert!(planned.plan.to_string().contains("b: peering rm"));
    fleet.node("b").failure = Some(Failure::new(FailureKind::TimedOut, "no answer in time"));
    fleet.apply(&planned);
    fleet.node("b").failure = None;
    let planned = fleet.pass_after(secs(1));
    assert!(planned.plan.is_empty(), "{}", planned.plan);
    assert_eq!(planned.report.next_due, Some(secs(9)));
    let _ = fleet.pass_after(secs(9));
    assert!(fleet.nodes["b"].peering.is_empty());
    assert!(fleet.settle().plan.is_empty());
}

/// Invariant 12. A filter is on its way out when nobody wants that any more: that it was still there when the node
/// was last read does not mean that it stays there.
#[test]
fn a_filter_that_a_call_in_flight_takes_away_is_given_back() {
    let mut fleet = Fleet::of(2);
    fleet.policy.filters = FilterPolicy::Repair;
    fleet.node("b").filters = vec!["/ip4/10.0.0.0/ipcidr/8".into()];
    let _ = fleet.pass();
    let _ = fleet.pass();
    fleet.wait(secs(10));
    fleet.observe();
    let planned = fleet.plan();
    let mut sequences = planned.plan.sequences.iter();
    let taking = sequences.find(|one| one.member == name("b"));
    let taking = taking.unwrap().clone();
    assert!(planned.plan.to_string().contains("filters rm"));
    fleet.memory = planned.memory;
    fleet.busy.began(&taking);
    fleet.policy.filters = FilterPolicy::Report;
    let planned = fleet.pass_after(secs(1));
    assert!(planned.plan.records.is_empty(), "{}", planned.plan);
    // It ends, and what was read before it is no proof either.
    fleet.busy.ended(&taking);
    fleet.node("b").filters.clear();
    let outcome = Outcome {
        member: taking.member.clone(),
        call: taking.actions[0].call.clone(),
        link: None,
        at: fleet.now + secs(1),
        result: Ok(()),
    };
    fleet.memory.absorb(&[outcome]);
    fleet.wait(secs(2));
    let planned = fleet.plan();
    assert!(planned.plan.records.is_empty(), "{}", planned.plan);
    let _ = fleet.settle();
    assert_eq!(fleet.nodes["b"].filters.len(), 1, "given back");
}

/// Invariant 12. A former address stays recorded while a call that may bring it to a node is under way.
#[test]
fn a_former_address_stays_while_a_call_is_in_flight() {
    let mut fleet = Fleet::meshed(2);
    fleet.node("b").ip = [10, 0, 9, 9].into();
    let moved = fleet.nodes["b"].member("b");
    *fleet.member("b") = moved;
    fleet.break_all("b");
    for _ in 0..2 {
        let _ = fleet.pass();
    }
    fleet.busy.members.insert(name("a"), 1);
    let _ = fleet.settle();
    assert_eq!(fleet.records["b"].addresses.len(), 2);
    fleet.busy.members.clear();
    fleet.ends_well();
    assert_eq!(fleet.records["b"].addresses.len(), 1);
}

/// A member that went while it was dialled, and a plan of the pass that dialled it: the dial hangs.
fn hanging_dial() -> (Fleet, Sequence) {
    let mut fleet = Fleet::meshed(2);
    let gone = fleet.leave("b");
    fleet.insert("b", gone);
    fleet.node("b").swarm = false;
    fleet.node("b").failure = Some(Failure::new(FailureKind::TimedOut, "no answer in time"));
    fleet.wait(secs(10));
    fleet.observe();
    let planned = fleet.plan();
    assert_eq!(dials(&planned), 1, "{}", planned.plan);
    fleet.memory = planned.memory;
    let dial = planned.plan.sequences[0].clone();
    assert_eq!(dial.member, name("a"));
    fleet.busy.began(&dial);
    // Nothing more is planned for the pair while it hangs, however long that takes.
    for _ in 0..3 {
        let planned = fleet.pass_after(secs(30));
        assert_eq!(dials(&planned), 0, "{}", planned.plan);
    }
    (fleet, dial)
}

/// Its pod comes again, at another address.
fn comes_again(fleet: &mut Fleet) {
    let mut node = fleet.leave("b");
    node.ip = [10, 0, 9, 9].into();
    node.swarm = true;
    node.failure = None;
    node.peering.clear();
    fleet.insert("b", node);
    let uid = MemberUid::from("uid-b-again");
    fleet.member("b").uid = uid;
}

/// The dial that hung is answered after all.
fn ends(fleet: &mut Fleet, dial: &Sequence, failure: Failure) {
    fleet.busy.ended(dial);
    let outcome = Outcome {
        member: dial.member.clone(),
        call: dial.actions[0].call.clone(),
        link: dial.actions[0].link.clone(),
        at: fleet.now,
        result: Err(failure),
    };
    fleet.memory.absorb(&[outcome]);
}

/// A dial to where a member no longer is may hang for its whole deadline: the new pod dials itself.
#[test]
fn a_dial_to_the_former_pod_does_not_hold_up_the_new_one() {
    let (mut fleet, dial) = hanging_dial();
    comes_again(&mut fleet);
    let mut dialled = None;
    for _ in 0..3 {
        let planned = fleet.pass_after(secs(1));
        let mut sequences = planned.plan.sequences.into_iter();
        let is_dial = |one: &Sequence| one.actions.iter().any(|one| one.link.is_some());
        dialled = dialled.or(sequences.find(is_dial));
    }
    assert_eq!(dialled.unwrap().member, name("b"));
    fleet.busy.ended(&dial);
    fleet.ends_well();
}

/// And what became of that dial is held against nobody.
#[test]
fn a_dial_to_the_former_pod_costs_the_new_one_no_wait() {
    let (mut fleet, dial) = hanging_dial();
    comes_again(&mut fleet);
    fleet.node("b").failure = Some(Failure::new(FailureKind::Refused, "not yet"));
    for _ in 0..2 {
        let _ = fleet.pass_after(secs(1));
    }
    fleet.node("b").failure = None;
    ends(
        &mut fleet,
        &dial,
        Failure::new(FailureKind::TimedOut, "no answer in time"),
    );
    let mut dialling = (0..3).map(|_| fleet.pass_after(secs(1)));
    let dialling = dialling.find(|planned| dials(planned) == 1).unwrap();
    assert_eq!(dialling.report.links[0].reason, Some(Reason::BeingMade));
    fleet.ends_well();
}

/// What was not sent of the calls to a former life of an end does not undo the pace of the dial that
/// came after.
#[test]
fn a_call_to_the_former_pod_that_is_not_sent_undoes_no_pace() {
    let (mut fleet, dial) = hanging_dial();
    comes_again(&mut fleet);
    let refused = Failure::new(FailureKind::Refused, "refused");
    fleet.node("b").dials_fail = Some(refused);
    let dialled = (0..3).any(|_| dials(&fleet.pass_after(secs(1))) == 1);
    assert!(dialled);
    ends(
        &mut fleet,
        &dial,
        Failure::new(FailureKind::Skipped, "not sent"),
    );
    for _ in 0..9 {
        let planned = fleet.pass_after(secs(1));
        assert_eq!(dials(&planned), 0, "{}", planned.plan);
    }
    fleet.node("b").dials_fail = None;
    fleet.ends_well();
}
