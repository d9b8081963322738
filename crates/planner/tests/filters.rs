//! Dial filters that cover the mesh network: reported, repaired, given back.

mod common;

use common::{Fleet, secs};
use kubomesh_core::*;

const POD_NETWORK: &str = "/ip4/10.0.0.0/ipcidr/8";

fn behind_filters() -> Fleet {
    let mut fleet = Fleet::of(3);
    fleet.node("b").filters = [
        POD_NETWORK,
        "/ip4/192.168.0.0/ipcidr/16",
        "/ip6/fc00::/ipcidr/7",
        "garbage",
    ]
    .map(Into::into)
    .to_vec();
    fleet
}

#[test]
fn a_covering_filter_is_named_and_nothing_is_dialled() {
    let mut fleet = behind_filters();
    fleet.node("b").filters.pop();
    insta::assert_snapshot!(fleet.ends_quiet(), @r"
    a – b: missing, the dial filter /ip4/10.0.0.0/ipcidr/8 of b covers the other end; held back
    b – c: missing, the dial filter /ip4/10.0.0.0/ipcidr/8 of b covers the other end; held back
    1/3 links healthy, 0 degraded, 2 missing, 0 unknown
    ");
    let planned = fleet.pass();
    insta::assert_snapshot!(fleet.member_condition(&planned, "b", ConditionKind::FilterConflict), @"FilterConflict=True FilterConflict: its dial filters /ip4/10.0.0.0/ipcidr/8 cover members of the mesh; remove them from Swarm.AddrFilters or set spec.filters to Repair");
    insta::assert_snapshot!(fleet.condition(&planned, ConditionKind::Degraded), @"Degraded=True FilterConflict: dial filters cover the mesh network on: b");
    fleet.node("b").filters.clear();
    fleet.ends_well();
}

#[test]
fn a_connection_from_before_the_filter_is_healthy() {
    let mut fleet = Fleet::meshed(3);
    fleet.node("b").filters = vec![POD_NETWORK.into()];
    fleet.ends_well();
}

#[test]
fn repair_records_the_entry_then_takes_it_away_on_the_right_end_then_links() {
    let mut fleet = behind_filters();
    fleet.node("b").filters.pop();
    fleet.policy.filters = FilterPolicy::Repair;
    let _ = fleet.pass();
    insta::assert_snapshot!(fleet.told(), @r"
    record a: uid uid-a-0, peer A, at /ip4/10.0.0.1/tcp/4001
    record b: uid uid-b-1, peer B, at /ip4/10.0.0.2/tcp/4001, removed filter /ip4/10.0.0.0/ipcidr/8
    record c: uid uid-c-2, peer C, at /ip4/10.0.0.3/tcp/4001
    a: peering add /ip4/10.0.0.3/tcp/4001/p2p/C
    c: peering add /ip4/10.0.0.1/tcp/4001/p2p/A
    a: connect /ip4/10.0.0.3/tcp/4001/p2p/C
    --
    a – b: missing, the dial filter /ip4/10.0.0.0/ipcidr/8 of b covers the other end; held back
    a – c: missing, being made
    b – c: missing, the dial filter /ip4/10.0.0.0/ipcidr/8 of b covers the other end; held back
    0/3 links healthy, 0 degraded, 3 missing, 0 unknown
    ");
    insta::assert_snapshot!(fleet.told(), @r"
    b: filters rm /ip4/10.0.0.0/ipcidr/8
    --
    a – b: missing, the dial filter /ip4/10.0.0.0/ipcidr/8 of b covers the other end; held back
    b – c: missing, the dial filter /ip4/10.0.0.0/ipcidr/8 of b covers the other end; held back
    1/3 links healthy, 0 degraded, 2 missing, 0 unknown
    ");
    insta::assert_snapshot!(fleet.told(), @r"
    record b: uid uid-b-1, peer B, at /ip4/10.0.0.2/tcp/4001, removed filter /ip4/10.0.0.0/ipcidr/8
    a: peering add /ip4/10.0.0.2/tcp/4001/p2p/B
    b: peering add /ip4/10.0.0.1/tcp/4001/p2p/A /ip4/10.0.0.3/tcp/4001/p2p/C
    c: peering add /ip4/10.0.0.2/tcp/4001/p2p/B
    b: connect /ip4/10.0.0.1/tcp/4001/p2p/A
    c: connect /ip4/10.0.0.2/tcp/4001/p2p/B
    --
    a – b: missing, being made
    b – c: missing, being made
    1/3 links healthy, 0 degraded, 2 missing, 0 unknown
    ");
    fleet.ends_well();
    assert_eq!(
        fleet.nodes["b"].filters.len(),
        2,
        "what covers no member stays"
    );
}

#[test]
fn a_filter_that_comes_back_in_the_same_start_is_left_and_in_the_next_taken_away_again() {
    let mut fleet = Fleet::of(2);
    fleet.policy.filters = FilterPolicy::Repair;
    fleet.node("b").filters = vec![POD_NETWORK.into()];
    fleet.ends_well();
    assert!(fleet.nodes["b"].filters.is_empty());
    fleet.node("b").filters = vec![POD_NETWORK.into()];
    fleet.break_all("b");
    insta::assert_snapshot!(fleet.ends_quiet(), @r"
    a – b: missing, the dial filter /ip4/10.0.0.0/ipcidr/8 of b covers the other end; held back
    0/1 links healthy, 0 degraded, 1 missing, 0 unknown
    ");
    // Not even by a controller that remembers nothing.
    fleet.memory = Default::default();
    let _ = fleet.settle();
    assert_eq!(fleet.nodes["b"].filters.len(), 1);
    fleet.restart("b");
    fleet.ends_well();
    assert!(fleet.nodes["b"].filters.is_empty());
}

#[test]
fn back_to_report_gives_it_back() {
    let mut fleet = Fleet::of(2);
    fleet.policy.filters = FilterPolicy::Repair;
    fleet.node("b").filters = vec![POD_NETWORK.into()];
    fleet.ends_well();
    fleet.policy.filters = FilterPolicy::Report;
    insta::assert_snapshot!(fleet.told(), @r"
    b: filters add /ip4/10.0.0.0/ipcidr/8
    --
    1/1 links healthy, 0 degraded, 0 missing, 0 unknown
    ");
    insta::assert_snapshot!(fleet.told(), @r"
    record b: uid uid-b-1, peer B, at /ip4/10.0.0.2/tcp/4001
    --
    1/1 links healthy, 0 degraded, 0 missing, 0 unknown
    ");
    let _ = fleet.settle();
    assert_eq!(fleet.nodes["b"].filters, [POD_NETWORK.into()]);
    assert!(fleet.records["b"].removed_filters.is_empty());
}

/// A fleet whose `b` went after its filter was taken away, until nothing else is remembered of it.
fn without_b() -> (Fleet, common::Node) {
    let mut fleet = Fleet::of(3);
    fleet.policy.filters = FilterPolicy::Repair;
    fleet.node("b").filters = vec![POD_NETWORK.into()];
    fleet.ends_well();
    let node = fleet.leave("b");
    fleet.ends_well_after(secs(130));
    (fleet, node)
}

/// The same node under the same name in another pod, as of a StatefulSet with its config on a volume.
fn come_back(fleet: &mut Fleet, node: common::Node) {
    fleet.join("b");
    let at = fleet.node("b");
    at.peer_id = node.peer_id;
    at.filters = node.filters;
}

#[test]
fn a_member_that_comes_back_gets_its_filters_back() {
    let (mut fleet, node) = without_b();
    assert!(node.filters.is_empty());
    assert_eq!(fleet.records["b"].removed_filters.len(), 1);
    fleet.wait(secs(12 * 3_600));
    come_back(&mut fleet, node);
    fleet.ends_well();
    fleet.policy.filters = FilterPolicy::Report;
    let planned = fleet.settle();
    assert_eq!(fleet.nodes["b"].filters, [POD_NETWORK.into()]);
    assert!(fleet.records["b"].removed_filters.is_empty());
    assert!(fleet.records["b"].retired.is_empty());
    assert!(planned.report.filters_lost.is_empty());
}

#[test]
fn filters_of_a_member_that_stays_away_are_given_up_after_a_day_with_a_warning() {
    let (mut fleet, _) = without_b();
    let day = fleet.pass_after(secs(24 * 3_600 - 600));
    assert!(day.report.filters_lost.is_empty() && day.plan.is_empty());
    // In doubt nothing is given up.
    fleet.membership.doubt = Some(Doubt::NotSynced);
    let held = fleet.pass_after(secs(700));
    assert!(held.report.filters_lost.is_empty() && held.plan.is_empty());
    assert_eq!(held.report.removals_held, 1);
    fleet.membership.doubt = None;
    let planned = fleet.pass();
    assert!(planned.report.retired_expired.is_empty());
    let lost = planned.report.filters_lost.iter();
    let said: Vec<String> = lost.map(|one| fleet.with_names(&one.to_string())).collect();
    assert_eq!(
        said,
        [
            "what was taken from the dial filters of b (P1) is not given back and no longer \
             remembered; where that node lives on, put it back by hand: ipfs swarm filters add \
             /ip4/10.0.0.0/ipcidr/8"
        ]
    );
    assert!(!fleet.records.contains_key("b"));
    assert!(fleet.pass().report.filters_lost.is_empty(), "said once");
}

#[test]
fn filters_are_not_given_to_another_identity_of_the_name_and_that_is_said() {
    let (mut fleet, _) = without_b();
    fleet.join("b");
    let planned = fleet.pass();
    assert_eq!(planned.report.filters_lost.len(), 1);
    fleet.policy.filters = FilterPolicy::Report;
    fleet.ends_well();
    assert!(fleet.nodes["b"].filters.is_empty());
    assert!(fleet.records["b"].removed_filters.is_empty());
}

#[test]
fn release_says_whose_filters_cannot_be_put_back() {
    let (mut fleet, node) = without_b();
    fleet.policy.mode = Mode::Release;
    let _ = fleet.settle();
    let planned = fleet.pass();
    insta::assert_snapshot!(fleet.condition(&planned, ConditionKind::Ready), @"Ready=False Releasing: the mesh gives back what it put into the nodes: 0 links held, 1 filters to put back, 1 members do not answer; filters were taken from nodes whose pods are gone or not selected any more; bring the pods back, or put back by hand (ipfs swarm filters add) what removedFilters of their SwarmPeers names: b");
    come_back(&mut fleet, node);
    let _ = fleet.settle();
    assert_eq!(fleet.nodes["b"].filters, [POD_NETWORK.into()]);
    let planned = fleet.pass();
    insta::assert_snapshot!(fleet.condition(&planned, ConditionKind::Ready), @"Ready=False Releasing: the mesh gives back what it put into the nodes: 0 links held, 0 filters to put back, 0 members do not answer");
}
