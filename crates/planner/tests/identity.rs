//! Who a member is (rules.md, Identity).

mod common;

use common::{Fleet, name, secs};
use kubomesh_core::*;
use kubomesh_planner::inquire;

fn asked(fleet: &Fleet, text: &str) -> String {
    match inquire(&fleet.input(), None).get(text) {
        None => "nothing".into(),
        Some(Inquiry {
            expected,
            scope,
            connections,
            ..
        }) => fleet.with_names(&format!("{expected:?} {scope:?} ×{connections}")),
    }
}

/// Another node answers at the address of a member.
fn replace(fleet: &mut Fleet, text: &str, number: u64) {
    fleet.break_all(text);
    let node = fleet.node(text);
    node.peer_id = kubomesh_model::peer_id(number);
    node.peering.clear();
}

#[test]
fn a_member_is_introduced_then_asked_everything_and_its_marks_once() {
    let mut fleet = Fleet::of(2);
    assert_eq!(asked(&fleet, "a"), "Anyone Introduction ×1");
    let _ = fleet.pass();
    assert_eq!(asked(&fleet, "a"), "Peer(A) Full { conn_limits: true } ×1");
    let _ = fleet.pass();
    assert_eq!(asked(&fleet, "a"), "Peer(A) Full { conn_limits: false } ×1");
    fleet.restart("a");
    assert_eq!(asked(&fleet, "a"), "Peer(A) Full { conn_limits: true } ×1");
    fleet.ends_well();
    assert_eq!(asked(&fleet, "a"), "Peer(A) Full { conn_limits: false } ×1");
}

#[test]
fn a_pod_that_is_not_ready_is_asked_only_once_it_is_recorded() {
    let mut fleet = Fleet::of(2);
    fleet.member("a").ready = false;
    assert_eq!(asked(&fleet, "a"), "nothing");
    let _ = fleet.settle();
    assert!(!fleet.records.contains_key("a"));
    fleet.member("a").ready = true;
    fleet.ends_well();
    fleet.member("a").ready = false;
    assert_eq!(asked(&fleet, "a"), "Peer(A) Full { conn_limits: false } ×1");
    fleet.ends_well();
}

#[test]
fn another_identity_without_a_new_start_is_wrong_and_gets_nothing_but_id() {
    let mut fleet = Fleet::meshed(3);
    replace(&mut fleet, "c", 50);
    insta::assert_snapshot!(fleet.told(), @r"
    nothing to do
    --
    a – c: missing, c shows another identity than the recorded one; held back
    b – c: missing, c shows another identity than the recorded one; held back
    1/3 links healthy, 0 degraded, 2 missing, 0 unknown
    ");
    assert_eq!(asked(&fleet, "c"), "Peer(P2) Identity ×1");
    let report = fleet.ends_quiet();
    insta::assert_snapshot!(report, @r"
    a – c: missing, c shows another identity than the recorded one; held back
    b – c: missing, c shows another identity than the recorded one; held back
    1/3 links healthy, 0 degraded, 2 missing, 0 unknown
    ");
    let planned = fleet.pass();
    insta::assert_snapshot!(fleet.condition(&planned, ConditionKind::Degraded), @"Degraded=True WrongIdentity: another identity than the recorded one answers at: c");
    // The recorded one is not reachable: no pair of reachable members lacks anything.
    insta::assert_snapshot!(fleet.condition(&planned, ConditionKind::Ready), @"Ready=True AsWanted:");
    insta::assert_snapshot!(fleet.member_condition(&planned, "c", ConditionKind::WrongIdentity), @"WrongIdentity=True WrongIdentity: it shows C, expected is P2; nothing but its identity is asked for; delete its record to accept the new one");
    // The recorded one answers again: only its identity was asked, what was read before is history.
    fleet.node("c").peer_id = kubomesh_model::peer_id(2);
    let planned = fleet.pass();
    assert!(
        planned
            .plan
            .sequences
            .iter()
            .all(|one| one.member != name("c"))
    );
    assert_eq!(
        planned.report.counts.missing, 2,
        "what it listed before counts for nothing"
    );
    assert_eq!(asked(&fleet, "c"), "Peer(C) Full { conn_limits: false } ×1");
    fleet.ends_well();
}

#[test]
fn deleting_the_record_accepts_another_identity() {
    let mut fleet = Fleet::meshed(3);
    replace(&mut fleet, "c", 50);
    let _ = fleet.settle();
    fleet.records.remove("c");
    fleet.ends_well();
    assert_eq!(
        fleet.records["c"].peer_id,
        Some(kubomesh_model::peer_id(50))
    );
}

#[test]
fn another_identity_after_a_new_start_is_adopted_and_the_old_one_unlinked() {
    let mut fleet = Fleet::meshed(3);
    fleet.restart("c");
    replace(&mut fleet, "c", 50);
    // The start was just seen; what was shown may be older than that.
    insta::assert_snapshot!(fleet.told(), @r"
    nothing to do
    --
    a – c: missing, the identity of c is not recorded yet; held back
    b – c: missing, the identity of c is not recorded yet; held back
    1/3 links healthy, 0 degraded, 2 missing, 0 unknown
    ");
    insta::assert_snapshot!(fleet.told(), @r"
    record c: uid uid-c-2, peer C, at /ip4/10.0.0.3/tcp/4001, retired P2
    --
    a – c: missing, the identity of c is not recorded yet; held back
    b – c: missing, the identity of c is not recorded yet; held back
    1/3 links healthy, 0 degraded, 2 missing, 0 unknown
    ");
    insta::assert_snapshot!(fleet.told(), @r"
    record c: uid uid-c-2, peer C, at /ip4/10.0.0.3/tcp/4001, retired P2
    a: peering rm P2
    b: peering rm P2
    a: peering add /ip4/10.0.0.3/tcp/4001/p2p/C
    b: peering add /ip4/10.0.0.3/tcp/4001/p2p/C
    c: peering add /ip4/10.0.0.1/tcp/4001/p2p/A /ip4/10.0.0.2/tcp/4001/p2p/B
    a: connect /ip4/10.0.0.3/tcp/4001/p2p/C
    c: connect /ip4/10.0.0.2/tcp/4001/p2p/B
    --
    a – c: missing, being made
    b – c: missing, being made
    1/3 links healthy, 0 degraded, 2 missing, 0 unknown
    ");
    insta::assert_snapshot!(fleet.told(), @r"
    record c: uid uid-c-2, peer C, at /ip4/10.0.0.3/tcp/4001
    --
    3/3 links healthy, 0 degraded, 0 missing, 0 unknown
    ");
    fleet.ends_well();
    assert!(fleet.records["c"].retired.is_empty());
}

#[test]
fn a_pod_of_the_same_name_takes_over_the_record() {
    let mut fleet = Fleet::meshed(3);
    let _ = fleet.leave("c");
    fleet.join("c");
    insta::assert_snapshot!(fleet.told(), @r"
    record c: uid uid-c-3, peer C, at /ip4/10.0.0.4/tcp/4001, retired P2
    --
    a – c: missing, the identity of c is not recorded yet; held back
    b – c: missing, the identity of c is not recorded yet; held back
    1/3 links healthy, 0 degraded, 2 missing, 0 unknown
    ");
    insta::assert_snapshot!(fleet.told(), @r"
    record c: uid uid-c-3, peer C, at /ip4/10.0.0.4/tcp/4001, retired P2
    a: peering rm P2
    b: peering rm P2
    a: peering add /ip4/10.0.0.4/tcp/4001/p2p/C
    b: peering add /ip4/10.0.0.4/tcp/4001/p2p/C
    c: peering add /ip4/10.0.0.1/tcp/4001/p2p/A /ip4/10.0.0.2/tcp/4001/p2p/B
    a: connect /ip4/10.0.0.4/tcp/4001/p2p/C
    c: connect /ip4/10.0.0.2/tcp/4001/p2p/B
    --
    a – c: missing, being made
    b – c: missing, being made
    1/3 links healthy, 0 degraded, 2 missing, 0 unknown
    ");
    fleet.ends_well();
    assert_eq!(fleet.records.len(), 3);
}

#[test]
fn the_same_identity_in_a_new_pod_only_refreshes_addresses() {
    let mut fleet = Fleet::meshed(3);
    let node = fleet.leave("c");
    let _ = fleet.pass();
    fleet.join("c");
    fleet.node("c").peer_id = node.peer_id;
    insta::assert_snapshot!(fleet.told(), @r"
    record c: uid uid-c-3, peer C, at /ip4/10.0.0.4/tcp/4001 /ip4/10.0.0.3/tcp/4001
    --
    a – c: missing, the identity of c is not recorded yet; held back
    b – c: missing, the identity of c is not recorded yet; held back
    1/3 links healthy, 0 degraded, 2 missing, 0 unknown
    ");
    insta::assert_snapshot!(fleet.told(), @r"
    record c: uid uid-c-3, peer C, at /ip4/10.0.0.4/tcp/4001 /ip4/10.0.0.3/tcp/4001
    a: peering add /ip4/10.0.0.4/tcp/4001/p2p/C
    b: peering add /ip4/10.0.0.4/tcp/4001/p2p/C
    c: peering add /ip4/10.0.0.1/tcp/4001/p2p/A /ip4/10.0.0.2/tcp/4001/p2p/B
    a: connect /ip4/10.0.0.4/tcp/4001/p2p/C
    c: connect /ip4/10.0.0.2/tcp/4001/p2p/B
    --
    a – c: missing, being made
    b – c: missing, being made
    1/3 links healthy, 0 degraded, 2 missing, 0 unknown
    ");
    fleet.ends_well();
    assert_eq!(fleet.records["c"].addresses.len(), 1);
}

#[test]
fn one_identity_at_two_addresses_is_left_alone_after_two_sweeps() {
    let mut fleet = Fleet::meshed(3);
    fleet.join("d");
    fleet.node("d").peer_id = fleet.peer("c");
    let _ = fleet.pass();
    assert_eq!(
        fleet.records["d"].peer_id, None,
        "whoever comes second waits from the first sweep on"
    );
    let once = fleet.plan();
    let state = |text: &str| once.report.members[text].state;
    assert_eq!(
        (state("c"), state("d")),
        (MemberState::Reachable, MemberState::Waiting)
    );
    let planned = fleet.pass();
    insta::assert_snapshot!(fleet.member_condition(&planned, "c", ConditionKind::DuplicateIdentity), @"DuplicateIdentity=True DuplicateIdentity: C answers at the address of d too");
    insta::assert_snapshot!(fleet.member_condition(&planned, "d", ConditionKind::DuplicateIdentity), @"DuplicateIdentity=True DuplicateIdentity: C answers at the address of c too");
    insta::assert_snapshot!(fleet.condition(&planned, ConditionKind::Ready), @"Ready=False DuplicateIdentity: one identity answers at two addresses: c, d");
    // Nothing is added for either, nothing is taken from either.
    fleet.break_all("a");
    insta::assert_snapshot!(fleet.ends_quiet(), @r"
    a – c: missing, the identity of c answers at two addresses; held back
    a – d: unknown, the identity of d answers at two addresses; held back
    b – d: unknown, the identity of d answers at two addresses; held back
    c – d: unknown, the identity of d answers at two addresses; held back
    2/6 links healthy, 0 degraded, 1 missing, 3 unknown
    ");
    assert!(fleet.nodes["a"].peering.len() == 2);
    // The second one goes away: all is as before.
    let _ = fleet.leave("d");
    fleet.ends_well_after(secs(130));
}

#[test]
fn a_silent_pod_does_not_keep_its_identity_from_its_successor() {
    let mut fleet = Fleet::meshed(3);
    fleet.break_all("c");
    fleet.node("c").failure = Some(Failure::new(FailureKind::TimedOut, "no answer in 5 s"));
    fleet.node("c").swarm = false;
    fleet.join("d");
    fleet.node("d").peer_id = fleet.peer("c");
    let _ = fleet.settle();
    let planned = fleet.pass();
    assert_eq!(planned.report.members["d"].links.healthy, 2);
    let _ = fleet.leave("c");
    fleet.ends_well_after(secs(130));
    assert_eq!(fleet.records.len(), 3);
}

#[test]
fn an_address_conflict_is_no_duplicate_and_is_not_contacted() {
    let mut fleet = Fleet::meshed(3);
    fleet.member("c").contact = Contact::AddressConflict {
        with: "fleet/d".into(),
    };
    assert_eq!(asked(&fleet, "c"), "nothing");
    insta::assert_snapshot!(fleet.ends_quiet(), @r"
    a – c: degraded, another member claims the address of c; held back
    b – c: degraded, another member claims the address of c; held back
    1/3 links healthy, 2 degraded, 0 missing, 0 unknown
    ");
    let planned = fleet.pass();
    insta::assert_snapshot!(fleet.condition(&planned, ConditionKind::Degraded), @"Degraded=True AddressConflict: another member claims the address (give each a port of its own) of: c");
    insta::assert_snapshot!(fleet.condition(&planned, ConditionKind::Ready), @"Ready=True AsWanted:");
    fleet.member("c").contact = Contact::Allowed;
    fleet.ends_well();
}

fn in_a_file(fleet: &mut Fleet, text: &str) {
    let member = fleet.member(text);
    member.source = Source::File;
    member.container = None;
}

#[test]
fn a_line_is_adopted_after_three_connections_in_two_sweeps() {
    let mut fleet = Fleet::of(3);
    ["a", "b", "c"]
        .iter()
        .for_each(|text| in_a_file(&mut fleet, text));
    fleet.ends_well();
    replace(&mut fleet, "c", 50);
    let _ = fleet.pass();
    assert_eq!(fleet.records["c"].peer_id, Some(kubomesh_model::peer_id(2)));
    assert_eq!(asked(&fleet, "c"), "Peer(P2) Identity ×3");
    let _ = fleet.pass();
    assert_eq!(
        fleet.records["c"].peer_id,
        Some(kubomesh_model::peer_id(50))
    );
    fleet.ends_well();
}

/// Until the file is settled its former name lives beside the new one: one node at one address.
#[test]
fn a_line_with_another_name_is_no_second_node() {
    let mut fleet = Fleet::of(3);
    ["a", "b", "c"]
        .iter()
        .for_each(|text| in_a_file(&mut fleet, text));
    fleet.ends_well();
    let node = fleet.nodes["c"].clone();
    let mut line = fleet.member("c").clone();
    line.name = name("d");
    line.uid = "d@10.0.0.3".into();
    fleet.membership.members.insert(name("d"), line);
    fleet.nodes.insert(name("d"), node);
    for _ in 0..4 {
        let planned = fleet.pass();
        assert!(planned.plan.sequences.is_empty(), "{}", planned.plan);
        for text in ["c", "d"] {
            let duplicate =
                fleet.member_condition(&planned, text, ConditionKind::DuplicateIdentity);
            assert_eq!(duplicate, "DuplicateIdentity=False AsWanted:");
        }
        assert_eq!(planned.report.members["c"].state, MemberState::Reachable);
    }
    assert_eq!(fleet.records["d"].peer_id, Some(fleet.peer("d")));
    fleet.membership.members.remove("c");
    fleet.nodes.remove("c");
    let planned = fleet.pass();
    assert!(planned.plan.is_empty(), "{}", planned.plan);
    insta::assert_snapshot!(fleet.condition(&planned, ConditionKind::Degraded), @"Degraded=False AsWanted:");
    insta::assert_snapshot!(fleet.member_condition(&planned, "c", ConditionKind::Reachable), @"Reachable=False Away: its pod is gone or not selected any more; its identity is d's now");
    assert_eq!(planned.report.members["d"].links.healthy, 2);
    fleet.ends_well_after(secs(130));
    assert_eq!(fleet.records.keys().collect::<Vec<_>>(), ["a", "b", "d"]);
}

#[test]
fn two_lines_that_swap_their_addresses_are_not_away() {
    let mut fleet = Fleet::of(3);
    ["a", "b", "c"]
        .iter()
        .for_each(|text| in_a_file(&mut fleet, text));
    fleet.ends_well();
    let (b, c) = (fleet.nodes["b"].clone(), fleet.nodes["c"].clone());
    for (text, node, number) in [("b", c, 12), ("c", b, 11)] {
        let line = Member {
            uid: format!("uid-{text}-{number}").into(),
            ..node.member(text)
        };
        fleet.membership.members.insert(name(text), line);
        fleet.nodes.insert(name(text), node);
        in_a_file(&mut fleet, text);
    }
    let told = fleet.told();
    insta::assert_snapshot!(told, @r"
    record b: uid uid-b-12, peer B, at /ip4/10.0.0.3/tcp/4001, retired C
    record c: uid uid-c-11, peer C, at /ip4/10.0.0.2/tcp/4001, retired B
    --
    a – b: missing, the identity of b is not recorded yet; held back
    a – c: missing, the identity of c is not recorded yet; held back
    b – c: missing, the identity of b is not recorded yet; held back
    0/3 links healthy, 0 degraded, 3 missing, 0 unknown
    ");
    fleet.ends_well();
}

/// Two sweeps alone do not do: an answer whose connections did not agree counts as one.
#[test]
fn a_line_is_not_adopted_after_two_connections() {
    let mut fleet = Fleet::of(2);
    in_a_file(&mut fleet, "a");
    in_a_file(&mut fleet, "b");
    fleet.ends_well();
    let before = fleet.records["b"].peer_id;
    replace(&mut fleet, "b", 50);
    let mut adopted = Vec::new();
    for _ in 0..3 {
        fleet.wait(secs(10));
        fleet.observe();
        let seen = fleet.observations.get_mut("b").unwrap();
        let sighting = &mut std::sync::Arc::make_mut(seen).sighting;
        sighting.as_mut().unwrap().connections = 1;
        let planned = fleet.plan();
        fleet.apply(&planned);
        adopted.push(fleet.records["b"].peer_id != before);
    }
    assert_eq!(adopted, [false, false, true]);
    fleet.ends_well();
}

#[test]
fn a_line_with_a_stated_or_anothers_identity_is_not_adopted() {
    let mut fleet = Fleet::of(3);
    ["a", "b", "c"]
        .iter()
        .for_each(|text| in_a_file(&mut fleet, text));
    fleet.member("c").stated_peer_id = Some(kubomesh_model::peer_id(2));
    fleet.ends_well();
    replace(&mut fleet, "c", 50);
    let _ = fleet.settle();
    assert_eq!(asked(&fleet, "c"), "Peer(P2) Identity ×1");
    // Another line's identity, whether stated or recorded.
    fleet.member("c").stated_peer_id = None;
    fleet.node("c").peer_id = fleet.peer("a");
    let planned = fleet.settle();
    assert_eq!(planned.report.members["c"].state, MemberState::Quarantined);
    assert_eq!(
        planned.report.members["a"].state,
        MemberState::Reachable,
        "a lie harms nobody else"
    );
    assert_eq!(fleet.records["c"].peer_id, Some(kubomesh_model::peer_id(2)));
}

#[test]
fn a_line_must_show_the_identity_that_it_states() {
    let mut fleet = Fleet::of(2);
    in_a_file(&mut fleet, "b");
    fleet.member("b").stated_peer_id = Some(kubomesh_model::peer_id(77));
    assert_eq!(asked(&fleet, "b"), "Peer(P77) Introduction ×1");
    let planned = fleet.settle();
    assert_eq!(planned.report.members["b"].state, MemberState::Quarantined);
    assert_eq!(fleet.records[name("b").as_str()].peer_id, None);
    fleet.member("b").stated_peer_id = Some(fleet.peer("b"));
    fleet.ends_well();
}

#[test]
fn an_event_asks_the_touched_members_and_their_partners() {
    let mut fleet = Fleet::many(60, 3);
    fleet.ends_well();
    let touched = [name("m0007")].into();
    let inquiries = inquire(&fleet.input(), Some(&touched));
    let planned = fleet.plan();
    let links = planned.report.links.iter().map(|report| &report.link);
    let partners: std::collections::BTreeSet<_> = links
        .filter(|link| link.a.as_str() == "m0007" || link.b.as_str() == "m0007")
        .flat_map(|link| [link.a.clone(), link.b.clone()])
        .collect();
    assert_eq!(
        inquiries
            .keys()
            .cloned()
            .collect::<std::collections::BTreeSet<_>>(),
        partners
    );
    assert!(partners.len() < 25);
}
