//! A mesh forms, heals and stays quiet.

mod common;

use common::Fleet;

#[test]
fn a_mesh_forms_records_first_then_links_then_nothing() {
    let mut fleet = Fleet::of(3);
    insta::assert_snapshot!(fleet.told(), @r"
    record a: uid uid-a-0, peer A, at /ip4/10.0.0.1/tcp/4001
    record b: uid uid-b-1, peer B, at /ip4/10.0.0.2/tcp/4001
    record c: uid uid-c-2, peer C, at /ip4/10.0.0.3/tcp/4001
    --
    a – b: unknown, the identity of a is not recorded yet; held back
    a – c: unknown, the identity of a is not recorded yet; held back
    b – c: unknown, the identity of b is not recorded yet; held back
    0/3 links healthy, 0 degraded, 0 missing, 3 unknown
    ");
    insta::assert_snapshot!(fleet.told(), @r"
    record a: uid uid-a-0, peer A, at /ip4/10.0.0.1/tcp/4001
    record b: uid uid-b-1, peer B, at /ip4/10.0.0.2/tcp/4001
    record c: uid uid-c-2, peer C, at /ip4/10.0.0.3/tcp/4001
    a: peering add /ip4/10.0.0.2/tcp/4001/p2p/B /ip4/10.0.0.3/tcp/4001/p2p/C
    b: peering add /ip4/10.0.0.1/tcp/4001/p2p/A /ip4/10.0.0.3/tcp/4001/p2p/C
    c: peering add /ip4/10.0.0.1/tcp/4001/p2p/A /ip4/10.0.0.2/tcp/4001/p2p/B
    b: connect /ip4/10.0.0.1/tcp/4001/p2p/A
    a: connect /ip4/10.0.0.3/tcp/4001/p2p/C
    c: connect /ip4/10.0.0.2/tcp/4001/p2p/B
    --
    a – b: missing, being made
    a – c: missing, being made
    b – c: missing, being made
    0/3 links healthy, 0 degraded, 3 missing, 0 unknown
    ");
    insta::assert_snapshot!(fleet.told(), @r"
    nothing to do
    --
    3/3 links healthy, 0 degraded, 0 missing, 0 unknown
    ");
    insta::assert_snapshot!(fleet.told(), @r"
    nothing to do
    --
    3/3 links healthy, 0 degraded, 0 missing, 0 unknown
    ");
    fleet.ends_well();
}
