//! What is removed, when, and what holds it back (rules.md, Removal).

mod common;

use common::{Fleet, name, secs};
use kubomesh_core::*;
use kubomesh_planner::Planned;

fn doubt() -> Option<Doubt> {
    Some(Doubt::ManyMissing {
        missing: 3,
        recorded: 5,
        agreeing: 1,
    })
}

/// Pairs for which both ends hold an entry, as far as they do.
fn linked(fleet: &Fleet) -> usize {
    fleet
        .nodes
        .values()
        .map(|node| node.peering.len())
        .sum::<usize>()
        / 2
}

fn removals(planned: &Planned) -> usize {
    let actions = planned
        .plan
        .sequences
        .iter()
        .flat_map(|sequence| &sequence.actions);
    actions
        .map(|action| match &action.call {
            Call::PeeringRemove { peers } => peers.len(),
            _ => 0,
        })
        .sum()
}

#[test]
fn in_doubt_nothing_is_retired_removed_or_deleted() {
    let mut fleet = Fleet::meshed(5);
    for gone in ["c", "d", "e"] {
        let _ = fleet.leave(gone);
    }
    fleet.membership.doubt = doubt();
    let before = fleet.records.clone();
    let _ = fleet.settle();
    fleet.wait(secs(3_600));
    let planned = fleet.settle();
    assert_eq!(fleet.records, before);
    assert_eq!(linked(&fleet) * 2, 8);
    assert_eq!(planned.report.removals_held, 3);
    insta::assert_snapshot!(fleet.condition(&planned, ConditionKind::Degraded), @"Degraded=True RemovalsHeld: 3 removals are held: 3 of 5 recorded members are missing from a new list and no deletion was seen; 1 of 3 lists agree");
    // Additions go on.
    fleet.break_all("a");
    assert_eq!(fleet.pass().plan.calls(), 1);
    fleet.membership.doubt = None;
    fleet.ends_well();
    assert_eq!((fleet.records.len(), linked(&fleet)), (2, 1));
}

#[test]
fn entries_of_retired_identities_stay_while_in_doubt() {
    let mut fleet = Fleet::meshed(3);
    let _ = fleet.leave("c");
    let _ = fleet.pass();
    let _ = fleet.pass_after(secs(130));
    assert_eq!(fleet.records["c"].retired.len(), 1);
    fleet.membership.doubt = doubt();
    let planned = fleet.settle();
    assert_eq!((planned.report.removals_held, linked(&fleet)), (2, 2));
    // Nobody holds it any more: it is not forgotten either, since hidden members may.
    fleet.nodes.values_mut().for_each(|node| {
        node.peering
            .retain(|one| one.peer != kubomesh_model::peer_id(2));
    });
    let planned = fleet.settle();
    assert_eq!(planned.report.removals_held, 1);
    assert_eq!(fleet.records["c"].retired.len(), 1);
    fleet.membership.doubt = None;
    fleet.ends_well();
    assert_eq!(fleet.records.len(), 2);
}

/// A full mesh of 49 that has become an overlay: every node has many links that are wanted no more.
fn outgrown(capacity: Option<(&str, u32)>) -> Fleet {
    let mut fleet = Fleet::many(48, 3);
    if let Some((one, links)) = capacity {
        let limits = ConnLimits {
            kind: None,
            low_water: Some(0),
            high_water: Some(i64::from(links) * 4 / 3),
        };
        fleet.node(one).limits = Ok(limits);
    }
    fleet.ends_well();
    fleet.join("new");
    fleet.member("new").zone = "z0".into();
    fleet
}

/// The first plan that takes a link away, not carried out.
fn first_removal(fleet: &mut Fleet) -> Planned {
    loop {
        fleet.wait(secs(10));
        fleet.observe();
        let planned = fleet.plan();
        if removals(&planned) > 0 {
            return planned;
        }
        fleet.apply(&planned);
    }
}

#[test]
fn what_is_wanted_no_longer_stays_while_nobody_is_above_capacity() {
    let mut fleet = outgrown(None);
    fleet.ends_well();
    let planned = fleet.pass();
    assert!(!planned.report.surplus.is_empty());
    assert!(
        planned
            .report
            .surplus
            .iter()
            .all(|one| one.reason == Some(Reason::Surplus))
    );
    let kept = planned.report.surplus.len() + planned.report.links.len();
    assert_eq!(linked(&fleet), kept);
    assert_eq!(planned.report.surplus[0].state, LinkState::Healthy);
}

#[test]
fn above_capacity_surplus_links_go_at_a_tenth_a_minute() {
    let mut fleet = outgrown(Some(("m0007", 24)));
    let mut gone = Vec::new();
    let mut surplus = 0;
    for _ in 0..200 {
        let planned = fleet.pass();
        surplus = surplus.max(planned.report.surplus.len());
        if planned.report.counts.healthy < planned.report.counts.desired {
            assert_eq!(
                removals(&planned),
                0,
                "not before all wanted links are healthy"
            );
        }
        let begun = removals(&planned) / 2;
        gone.push((fleet.now, begun));
        let minute = fleet.now - secs(59);
        let in_a_minute: usize = gone
            .iter()
            .filter(|(at, _)| *at > minute)
            .map(|(_, n)| n)
            .sum();
        assert!(
            in_a_minute <= (surplus / 10).max(1),
            "{in_a_minute} of {surplus}"
        );
    }
    fleet.ends_well();
    let held = fleet.nodes["m0007"].peering.len();
    assert_eq!(held, 24, "down to its capacity and no further");
    let total: usize = gone.iter().map(|(_, begun)| begun).sum();
    assert_eq!(total, 47 - 24 + usize::from(held > 24));
}

#[test]
fn nothing_goes_while_a_wanted_link_of_either_end_is_not_healthy() {
    let mut fleet = outgrown(Some(("m0007", 24)));
    // Held by doubt until the link is broken.
    fleet.membership.doubt = doubt();
    let planned = fleet.settle();
    let wanted = planned.report.links.iter().map(|report| &report.link);
    let link = wanted
        .clone()
        .find(|link| link.a.as_str() == "m0007")
        .unwrap()
        .clone();
    let other = link.b.as_str();
    let refused = Some(Failure::new(FailureKind::Refused, "connection refused"));
    fleet.node("m0007").dials_fail = refused.clone();
    fleet.node(other).dials_fail = refused;
    fleet.half_break("m0007", other);
    fleet.half_break(other, "m0007");
    fleet.membership.doubt = None;
    for _ in 0..8 {
        assert_eq!(removals(&fleet.pass()), 0);
    }
    let planned = fleet.plan_now();
    let of = |report: &&LinkReport| [&report.link.a, &report.link.b].contains(&&name("m0007"));
    let surplus: Vec<&LinkReport> = planned.report.surplus.iter().filter(of).collect();
    assert!(!surplus.is_empty());
    assert!(
        surplus
            .iter()
            .all(|one| one.reason == Some(Reason::NotReplaced))
    );
}

#[test]
fn at_least_one_surplus_link_goes_a_minute() {
    let mut fleet = outgrown(Some(("m0007", 24)));
    fleet.policy.limits.removal_percent_per_minute = 0;
    let _ = fleet.settle();
    let begun: usize = (0..60).map(|_| removals(&fleet.pass()) / 2).sum();
    assert!((9..=11).contains(&begun), "{begun}");
}

#[test]
fn surplus_links_stay_in_doubt_and_while_an_end_is_silent() {
    let mut fleet = outgrown(Some(("m0007", 24)));
    fleet.membership.doubt = doubt();
    let mut calls = 0;
    for _ in 0..30 {
        let planned = fleet.pass();
        calls += removals(&planned);
    }
    assert_eq!(calls, 0);
    let planned = fleet.pass();
    assert!(
        planned
            .report
            .surplus
            .iter()
            .any(|one| one.reason == Some(Reason::RemovalsHeld))
    );
    assert!(planned.report.removals_held > 0);
    fleet.membership.doubt = None;
    fleet.node("m0007").failure = Some(Failure::new(FailureKind::TimedOut, "no answer in 5 s"));
    for _ in 0..30 {
        assert_eq!(removals(&fleet.pass()), 0);
    }
    fleet.node("m0007").failure = None;
    for _ in 0..60 {
        let _ = fleet.pass();
    }
    fleet.ends_well();
    assert_eq!(fleet.nodes["m0007"].peering.len(), 24);
}

/// Whom the topology wants no longer keeps its entries, and they lead to where it is.
#[test]
fn a_surplus_link_that_stays_follows_a_member_that_moves() {
    let mut fleet = outgrown(None);
    let surplus = fleet.settle().report.surplus;
    let moved = surplus[0].link.a.to_string();
    let held = |fleet: &Fleet, ip: std::net::IpAddr| {
        let peer = fleet.peer(&moved);
        let addresses = [Address::tcp(ip, 4001)];
        let entries = fleet.nodes.values().flat_map(|node| &node.peering);
        let ours = entries.filter(|one| one.peer == peer && one.addresses == addresses);
        ours.count()
    };
    let (former, present) = (fleet.nodes[moved.as_str()].ip, [10, 0, 9, 9].into());
    let before = held(&fleet, former);
    fleet.node(&moved).ip = present;
    *fleet.member(&moved) = fleet.nodes[moved.as_str()].member(&moved);
    fleet.break_all(&moved);
    let _ = fleet.settle();
    assert_eq!((held(&fleet, former), held(&fleet, present)), (0, before));
}

#[test]
fn a_removal_that_reached_one_end_only_is_finished() {
    let mut fleet = outgrown(Some(("m0007", 24)));
    let planned = first_removal(&mut fleet);
    // The first half of the calls is lost.
    let mut half = planned.clone();
    let lost = half.plan.sequences.remove(0);
    fleet.apply(&half);
    let planned = fleet.pass();
    let finished = planned
        .plan
        .sequences
        .iter()
        .find(|one| one.member == lost.member);
    assert_eq!(finished.unwrap().actions[0].call, lost.actions[0].call);
}

/// A removal whose one end did not answer is due when that end may be called again, not when the
/// next sweep happens to come.
#[test]
fn a_begun_removal_whose_end_failed_is_due_again() {
    let mut fleet = outgrown(Some(("m0007", 24)));
    let planned = first_removal(&mut fleet);
    let begun = planned.plan.sequences[0].member.clone();
    fleet.node(begun.as_str()).failure = Some(Failure::new(FailureKind::TimedOut, "no answer"));
    fleet.apply(&planned);
    fleet.node(begun.as_str()).failure = None;
    let planned = fleet.pass_after(secs(1));
    let mut surplus = planned.report.surplus.iter();
    let due = fleet.now + secs(9);
    let until = |one: &LinkReport| one.held.as_ref().and_then(|held| held.until);
    assert!(surplus.any(|one| until(one) == Some(due)));
    assert_eq!(planned.report.next_due, Some(secs(9)));
}

#[test]
fn a_pair_with_a_foreign_entry_is_no_surplus_of_ours() {
    let mut fleet = outgrown(None);
    let _ = fleet.settle();
    let planned = fleet.pass();
    let link = planned.report.surplus[0].link.clone();
    let peer = fleet.peer(link.b.as_str());
    let node = fleet.node(link.a.as_str());
    node.peering.retain(|entry| entry.peer != peer);
    node.has_entry(peer, &["/dns4/elsewhere/tcp/4001"]);
    let far = fleet.peer(link.a.as_str());
    fleet
        .node(link.b.as_str())
        .peering
        .retain(|entry| entry.peer != far);
    let planned = fleet.settle();
    assert!(planned.report.surplus.iter().all(|one| one.link != link));
    assert_eq!(
        fleet.nodes[&name(link.a.as_str())]
            .peering
            .iter()
            .filter(|one| one.peer == peer)
            .count(),
        1
    );
}
