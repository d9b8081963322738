//! Observe changes nothing; Release takes everything back (product.md, `spec.mode`).

mod common;

use common::{Fleet, secs};
use kubomesh_core::*;

#[test]
fn observe_writes_records_and_calls_nothing() {
    let mut fleet = Fleet::of(3);
    fleet.policy.mode = Mode::Observe;
    fleet.policy.filters = FilterPolicy::Repair;
    fleet.node("a").filters = vec!["/ip4/10.0.0.0/ipcidr/8".into()];
    insta::assert_snapshot!(fleet.ends_quiet(), @r"
    a – b: missing, the dial filter /ip4/10.0.0.0/ipcidr/8 of a covers the other end; held back: the mesh's mode makes no changes
    a – c: missing, the dial filter /ip4/10.0.0.0/ipcidr/8 of a covers the other end; held back: the mesh's mode makes no changes
    b – c: missing, the mesh's mode makes no changes; held back
    0/3 links healthy, 0 degraded, 3 missing, 0 unknown
    ");
    assert_eq!(fleet.records.len(), 3);
    let planned = fleet.pass();
    insta::assert_snapshot!(fleet.condition(&planned, ConditionKind::Ready), @"Ready=False Observing: not healthy: a – b, a – c, b – c");
    let _ = fleet.leave("c");
    let _ = fleet.pass();
    fleet.wait(secs(200));
    let _ = fleet.settle();
    fleet.policy.mode = Mode::Enforce;
    fleet.ends_well();
}

#[test]
fn release_takes_back_every_entry_and_filter_and_then_watches() {
    let mut fleet = Fleet::meshed(3);
    fleet.policy.filters = FilterPolicy::Repair;
    fleet.node("a").filters = vec![
        "/ip4/10.0.0.0/ipcidr/8".into(),
        "/ip4/1.1.1.1/ipcidr/32".into(),
    ];
    let b = fleet.peer("b");
    let node = fleet.node("a");
    node.peering.retain(|entry| entry.peer != b);
    node.has_entry(b, &["/dns4/b/tcp/4001"]);
    let _ = fleet.settle();
    assert_eq!(fleet.nodes["a"].filters.len(), 1);
    let _ = fleet.leave("c");
    let _ = fleet.pass();
    let _ = fleet.pass_after(secs(130));
    fleet.policy.mode = Mode::Release;
    insta::assert_snapshot!(fleet.told(), @r"
    a: filters add /ip4/10.0.0.0/ipcidr/8
    a: peering rm P2
    b: peering rm A P2
    --
    1/1 links healthy, 0 degraded, 0 missing, 0 unknown
    ");
    insta::assert_snapshot!(fleet.told(), @r"
    record a: uid uid-a-0, peer A, at /ip4/10.0.0.1/tcp/4001
    record c: delete
    --
    1/1 links healthy, 0 degraded, 0 missing, 0 unknown
    ");
    insta::assert_snapshot!(fleet.ends_quiet(), @r"
    1/1 links healthy, 0 degraded, 0 missing, 0 unknown
    ");
    assert_eq!(fleet.nodes["a"].filters.len(), 2);
    assert_eq!(fleet.nodes["a"].peering.len(), 1, "a foreign entry stays");
    assert!(fleet.nodes["b"].peering.is_empty());
    assert!(
        fleet
            .records
            .values()
            .all(|one| one.removed_filters.is_empty() && one.retired.is_empty())
    );
    let planned = fleet.pass();
    insta::assert_snapshot!(fleet.condition(&planned, ConditionKind::Ready), @"Ready=False Releasing: the mesh gives back what it put into the nodes: 0 links held, 0 filters to put back, 0 members do not answer");
    let connected = fleet.condition(&planned, ConditionKind::Connected);
    assert!(connected.starts_with("Connected=True"), "{connected}");
    // And back again.
    fleet.policy.mode = Mode::Enforce;
    fleet.ends_well();
}

#[test]
fn release_removes_nothing_in_doubt() {
    let mut fleet = Fleet::meshed(3);
    fleet.policy.mode = Mode::Release;
    fleet.membership.doubt = Some(Doubt::NotSynced);
    let planned = fleet.settle();
    assert_eq!(planned.report.removals_held, 6);
    fleet.membership.doubt = None;
    let _ = fleet.settle();
    assert!(fleet.nodes.values().all(|node| node.peering.is_empty()));
}
