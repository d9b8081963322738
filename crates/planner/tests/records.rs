//! What is written before it is done, and what is forgotten when nothing needs it (rules.md,
//! Records).

mod common;

use common::{Fleet, secs};
use kubomesh_core::*;
use kubomesh_planner::{Liftings, orphans};

#[test]
fn a_changed_address_is_stored_then_given_to_all_then_the_former_one_is_forgotten() {
    let mut fleet = Fleet::meshed(3);
    let address = Address::tcp("10.0.7.7".parse().unwrap(), 4001);
    fleet.break_all("c");
    fleet.node("c").ip = "10.0.7.7".parse().unwrap();
    let node = fleet.nodes["c"].clone();
    let member = fleet.member("c");
    member.networks = node.member("c").networks;
    insta::assert_snapshot!(fleet.told(), @r"
    record c: uid uid-c-2, peer C, at /ip4/10.0.7.7/tcp/4001 /ip4/10.0.0.3/tcp/4001
    --
    a – c: missing, the identity of c is not recorded yet; held back
    b – c: missing, the identity of c is not recorded yet; held back
    1/3 links healthy, 0 degraded, 2 missing, 0 unknown
    ");
    insta::assert_snapshot!(fleet.told(), @r"
    a: peering add /ip4/10.0.7.7/tcp/4001/p2p/C
    b: peering add /ip4/10.0.7.7/tcp/4001/p2p/C
    a: connect /ip4/10.0.7.7/tcp/4001/p2p/C
    c: connect /ip4/10.0.0.2/tcp/4001/p2p/B
    --
    a – c: missing, being made
    b – c: missing, being made
    1/3 links healthy, 0 degraded, 2 missing, 0 unknown
    ");
    insta::assert_snapshot!(fleet.told(), @r"
    record c: uid uid-c-2, peer C, at /ip4/10.0.7.7/tcp/4001
    --
    3/3 links healthy, 0 degraded, 0 missing, 0 unknown
    ");
    fleet.ends_well();
    assert_eq!(fleet.records["c"].addresses, [address]);
}

#[test]
fn former_addresses_are_kept_while_a_member_cannot_be_read() {
    let mut fleet = Fleet::meshed(3);
    fleet.node("b").failure = Some(Failure::new(FailureKind::TimedOut, "no answer in 5 s"));
    for last in 1..=30_u8 {
        let ip = format!("10.0.7.{last}").parse().unwrap();
        fleet.break_all("c");
        fleet.node("c").ip = ip;
        fleet.member("c").networks.insert(Network::Pod, vec![ip]);
        let _ = fleet.pass();
        let _ = fleet.pass();
    }
    assert_eq!(fleet.records["c"].addresses.len(), 16);
    fleet.node("b").failure = None;
    fleet.node("b").peering.clear();
    fleet.ends_well();
    assert_eq!(fleet.records["c"].addresses.len(), 1);
}

#[test]
fn the_swarm_port_is_stated_or_listened_on_or_4001() {
    let mut fleet = Fleet::of(5);
    fleet.node("a").port = 4101;
    fleet.node("b").port = 4102;
    fleet.member("b").swarm_port = Some(4202);
    fleet.member("c").swarm = Some(Address::lenient(
        "/dns4/c.example/tcp/4303/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN",
    ));
    fleet.member("e").swarm = Some(Address::lenient("/ip6/FD00:0:0::7/tcp/4404"));
    let _ = fleet.pass();
    let stored = |text: &str| fleet.records[text].addresses[0].to_string();
    assert_eq!(stored("a"), "/ip4/10.0.0.1/tcp/4101");
    assert_eq!(stored("b"), "/ip4/10.0.0.2/tcp/4202");
    assert_eq!(stored("c"), "/dns4/c.example/tcp/4303");
    assert_eq!(stored("d"), "/ip4/10.0.0.4/tcp/4001");
    assert_eq!(stored("e"), "/ip6/fd00::7/tcp/4404", "as a node prints it");
}

#[test]
fn the_preferred_ip_is_given_on_dual_stack() {
    let mut fleet = Fleet::of(2);
    let ips = |fleet: &mut Fleet, text: &str, ips: [&str; 2]| {
        let ips = ips.map(|ip| ip.parse().unwrap()).into();
        fleet.member(text).networks.insert(Network::Pod, ips);
    };
    ips(&mut fleet, "a", ["10.0.0.1", "fd00::1"]);
    ips(&mut fleet, "b", ["fd00::2", "10.0.0.2"]);
    let _ = fleet.pass();
    let given = |text: &str| fleet.records[text].addresses[0].to_string();
    assert_eq!(given("a"), "/ip4/10.0.0.1/tcp/4001");
    assert_eq!(given("b"), "/ip6/fd00::2/tcp/4001");
}

#[test]
fn an_away_member_keeps_its_place_and_then_goes_without_a_trace() {
    let mut fleet = Fleet::meshed(3);
    let _ = fleet.leave("c");
    insta::assert_snapshot!(fleet.told(), @r"
    nothing to do
    --
    a – c: missing, c is away; held back
    b – c: missing, c is away; held back
    1/3 links healthy, 0 degraded, 2 missing, 0 unknown
    ");
    let planned = fleet.pass();
    assert_eq!(planned.report.next_due, Some(secs(110)));
    insta::assert_snapshot!(fleet.condition(&planned, ConditionKind::Degraded), @"Degraded=True Away: the pod is gone or not selected any more and its place is kept: c");
    assert_eq!(
        fleet.condition(&planned, ConditionKind::Ready),
        "Ready=True AsWanted:"
    );
    fleet.wait(secs(100));
    insta::assert_snapshot!(fleet.told(), @r"
    record c: uid uid-c-2, retired P2
    --
    a – c: missing, c is away; held back
    b – c: missing, c is away; held back
    1/3 links healthy, 0 degraded, 2 missing, 0 unknown
    ");
    insta::assert_snapshot!(fleet.told(), @r"
    a: peering rm P2
    b: peering rm P2
    --
    1/1 links healthy, 0 degraded, 0 missing, 0 unknown
    ");
    insta::assert_snapshot!(fleet.told(), @r"
    record c: delete
    --
    1/1 links healthy, 0 degraded, 0 missing, 0 unknown
    ");
    fleet.ends_well();
    assert_eq!(fleet.records.len(), 2);
}

#[test]
fn a_member_that_went_while_nobody_looked_is_unlinked_everywhere() {
    let mut fleet = Fleet::meshed(5);
    let _ = fleet.leave("c");
    let _ = fleet.leave("e");
    // A new controller knows nothing but the records.
    fleet.memory = Default::default();
    fleet.observations.clear();
    fleet.ends_well_after(secs(130));
    let left = fleet.nodes.values().flat_map(|node| &node.peering).count();
    assert_eq!((fleet.records.len(), left), (3, 6));
}

#[test]
fn a_retired_identity_is_kept_for_silent_members_for_a_day_then_dropped_with_a_warning() {
    let mut fleet = Fleet::meshed(3);
    fleet.node("b").failure = Some(Failure::new(FailureKind::TimedOut, "no answer in 5 s"));
    fleet.break_all("b");
    let gone = fleet.leave("c");
    let _ = fleet.pass_after(secs(1));
    let _ = fleet.pass_after(secs(130));
    let _ = fleet.pass_after(secs(20));
    assert_eq!(fleet.records["c"].retired.len(), 1);
    let day = fleet.pass_after(secs(24 * 3_600 - 100));
    assert!(day.report.retired_expired.is_empty());
    let planned = fleet.pass_after(secs(100));
    assert_eq!(planned.report.retired_expired, [gone.peer_id]);
    assert!(!fleet.records.contains_key("c"));
}

#[test]
fn dropping_a_retired_identity_that_lives_elsewhere_warns_nobody() {
    let mut fleet = Fleet::meshed(3);
    fleet.node("b").failure = Some(Failure::new(FailureKind::TimedOut, "no answer in 5 s"));
    let node = fleet.leave("c");
    let _ = fleet.pass();
    fleet.join("d");
    fleet.node("d").peer_id = node.peer_id;
    let _ = fleet.settle();
    let _ = fleet.pass_after(secs(130));
    assert_eq!(fleet.records["c"].retired.len(), 1);
    let planned = fleet.pass_after(secs(24 * 3_600));
    assert!(planned.report.retired_expired.is_empty());
    assert!(!fleet.records.contains_key("c"));
}

#[test]
fn a_retired_identity_that_lives_elsewhere_is_void() {
    let mut fleet = Fleet::meshed(3);
    let node = fleet.leave("c");
    let _ = fleet.pass();
    fleet.join("d");
    fleet.node("d").peer_id = node.peer_id;
    let mut removed = 0;
    for _ in 0..60 {
        let planned = fleet.pass();
        let calls = planned
            .plan
            .sequences
            .iter()
            .flat_map(|sequence| &sequence.actions);
        removed += calls
            .filter(|one| matches!(one.call, Call::PeeringRemove { .. }))
            .count();
    }
    assert_eq!(removed, 0, "its entries were refreshed, not removed");
    fleet.ends_well();
    assert_eq!(fleet.records.keys().collect::<Vec<_>>(), ["a", "b", "d"]);
}

#[test]
fn a_record_deleted_by_hand_is_made_anew_and_nothing_is_unlinked() {
    let mut fleet = Fleet::meshed(3);
    let before = fleet.nodes["a"].peering.clone();
    fleet.records.remove("c");
    fleet.ends_well();
    assert_eq!(fleet.nodes["a"].peering, before);
    assert_eq!(fleet.records.len(), 3);
}

#[test]
fn capacity_is_recorded_once_per_start() {
    let marks = |low, high, kind: Option<&str>| {
        Ok(ConnLimits {
            kind: kind.map(Into::into),
            low_water: low,
            high_water: high,
        })
    };
    let refused = Err(Failure::new(FailureKind::Unauthorised, "403"));
    for (limits, capacity) in [
        (marks(None, None, None), Capacity::Assumed),
        (marks(Some(100), Some(400), None), Capacity::Links(225)),
        (marks(None, Some(40), None), Capacity::Links(8)),
        (marks(Some(90), Some(20), None), Capacity::Links(8)),
        (marks(Some(0), Some(0), None), Capacity::Unlimited),
        (marks(Some(10), Some(20), Some("none")), Capacity::Unlimited),
        (
            marks(Some(i64::MIN), Some(i64::MAX), None),
            Capacity::Links(u32::MAX),
        ),
        (refused, Capacity::Assumed),
    ] {
        let mut fleet = Fleet::of(2);
        fleet.node("a").limits = limits.clone();
        fleet.ends_well();
        assert_eq!(fleet.records["a"].capacity, Some(capacity), "{limits:?}");
        fleet.node("a").limits = marks(Some(32), Some(128), None);
        fleet.ends_well();
        assert_eq!(fleet.records["a"].capacity, Some(capacity), "read once");
        fleet.restart("a");
        fleet.ends_well();
        assert_eq!(fleet.records["a"].capacity, Some(Capacity::Links(72)));
    }
}

#[test]
fn marks_that_were_not_answered_are_asked_again() {
    let mut fleet = Fleet::of(2);
    fleet.node("a").limits = Err(Failure::new(FailureKind::TimedOut, "no answer in 5 s"));
    fleet.ends_well();
    assert_eq!(fleet.records["a"].capacity, None);
    fleet.node("a").limits = Ok(ConnLimits {
        kind: None,
        low_water: Some(32),
        high_water: Some(128),
    });
    fleet.ends_well();
    assert_eq!(fleet.records["a"].capacity, Some(Capacity::Links(72)));
}

#[test]
fn a_pod_that_an_older_mesh_claims_is_neither_linked_nor_unlinked() {
    let mut fleet = Fleet::meshed(3);
    let member = fleet.membership.members.remove("c").unwrap();
    let by = "fleet/older".to_string();
    fleet
        .membership
        .waiting
        .insert(member.name.clone(), Waiting::Claimed { by });
    fleet.wait(secs(600));
    let planned = fleet.settle();
    assert_eq!(
        fleet.nodes["a"].peering.len(),
        2,
        "conflicts never cause removals"
    );
    assert_eq!(fleet.records.len(), 3);
    insta::assert_snapshot!(fleet.condition(&planned, ConditionKind::Accepted), @"Accepted=False PodClaimed: an older mesh selects these pods too and keeps them: c (fleet/older)");
    assert_eq!(planned.report.counts.desired, 1);
}

#[test]
fn the_records_of_a_deleted_mesh_go_and_links_stay() {
    let mut fleet = Fleet::meshed(4);
    let owned = OwnedFilter {
        peer: Some(fleet.peer("a")),
        cidr: "/ip4/10.0.0.7/ipcidr/32".into(),
        step: FilterStep::Intended,
        since: fleet.now,
    };
    let holder = fleet.records.get_mut("d").unwrap();
    holder.owned_filters.push(owned);
    let (since, timings) = (fleet.now, fleet.timings);
    let mut liftings = Liftings::default();
    let after = |secs: u64| since + common::secs(secs);
    let at = |liftings: &Liftings, secs| {
        orphans(&fleet.records, liftings, since, (after(secs), &timings))
    };
    let deleted = |text: &str| RecordWrite::Delete(text.into());
    let others = vec![deleted("a"), deleted("b"), deleted("c")];
    let all = [others.clone(), vec![deleted("d")]].concat();
    let first = at(&liftings, 0);
    assert_eq!(first.writes, others, "d still owns a filter");
    let [sequence] = &first.sequences[..] else {
        panic!("{:?}", first.sequences)
    };
    assert_eq!(sequence.expect, fleet.records["d"].peer_id.unwrap());
    let calls: Vec<String> = sequence
        .actions
        .iter()
        .map(|one| one.call.to_string())
        .collect();
    assert_eq!(calls, ["filters rm /ip4/10.0.0.7/ipcidr/32"]);

    // It does not answer: it is asked again, later and later, and given up after a day.
    let outcome = |secs, result| Outcome {
        member: sequence.member.clone(),
        at: after(secs),
        call: sequence.actions[0].call.clone(),
        link: None,
        result,
    };
    let failed = |secs, kind| outcome(secs, Err(Failure::new(kind, "no")));
    liftings.absorb(&[failed(0, FailureKind::Refused)]);
    assert!(at(&liftings, 9).sequences.is_empty());
    assert_eq!(at(&liftings, 10).sequences.len(), 1);
    liftings.absorb(&[failed(10, FailureKind::Refused)]);
    assert!(at(&liftings, 29).sequences.is_empty());
    assert_eq!(at(&liftings, 30).writes, others);
    let late = at(&liftings, 24 * 3_600);
    assert_eq!(late.writes, all);
    assert!(
        late.lost["d"].contains("ipfs swarm filters rm /ip4/10.0.0.7/ipcidr/32"),
        "{:?}",
        late.lost
    );

    // It wants a token: nobody knows it any more, and whoever takes the pod over does not wait.
    let mut refused = Liftings::default();
    refused.absorb(&[failed(0, FailureKind::Unauthorised)]);
    assert_eq!(at(&refused, 1).writes, all);
    assert!(at(&refused, 1).lost["d"].contains("does not name the secret"));

    liftings.absorb(&[outcome(30, Ok(()))]);
    let done = at(&liftings, 31);
    assert_eq!(
        (done.writes, done.sequences.len(), done.lost.len()),
        (all, 0, 0)
    );
}
