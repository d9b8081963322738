//! Dial filters that cover the mesh network: reported, repaired, given back.

mod common;

use common::Fleet;
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
