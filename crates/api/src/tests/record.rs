//! Records there and back.

use std::sync::Arc;

use kubomesh_core::{
    Address, Capacity, ContainerStart, FilterStep, MemberName, OwnedFilter, PeerId, Record,
    RemovedFilter, Retired, Role, Timestamp,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{SwarmPeerSpec, record_from, record_spec};

const PEER: &str = "12D3KooWGRUahGgbEdJrTvHe7uTBC7K7fiGJxv6mBpS5mbfhxX8P";
const OTHER: &str = "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N";

proptest! {
    #[test]
    fn a_record_survives_its_object(record in record()) {
        let json = serde_json::to_value(record_spec(&record)).unwrap();
        let spec: SwarmPeerSpec = serde_json::from_value(json).unwrap();
        prop_assert_eq!(record_from(&record.name(), &spec).unwrap(), record);
    }
}

#[test]
fn a_new_record_has_no_empty_noise() {
    let record = Record::new("kubo", "a".into(), Role::Kubo, "uid".into());
    insta::assert_json_snapshot!(record_spec(&record), @r#"
    {
      "mesh": "kubo",
      "role": "Kubo",
      "rpc": "",
      "podUID": "uid",
      "addresses": [],
      "zone": "",
      "retired": [],
      "ownedFilters": [],
      "removedFilters": []
    }
    "#);
}

#[test]
fn what_a_hand_broke_is_named() {
    let cases = [
        (
            json!({ "mesh": "" }),
            "spec.mesh of record a is ``: it names no mesh",
        ),
        (
            json!({ "peerID": "nonsense" }),
            "spec.peerID of record a is `nonsense`: it is not a peer ID",
        ),
        (
            json!({ "addresses": ["x"] }),
            "spec.addresses[0] of record a is `x`: it is not a multiaddr",
        ),
        (
            json!({ "container": { "restarts": -1 } }),
            "spec.container.restarts of record a is `-1`",
        ),
        (
            json!({ "capacity": "many" }),
            "spec.capacity of record a is `many`",
        ),
        (
            json!({ "role": "Relay" }),
            "spec.role of record a is `Relay`: the name of such a record",
        ),
        (
            json!({ "retired": [{ "peerID": PEER, "since": "yesterday" }] }),
            "spec.retired[0].since of record a is `yesterday`: it is not a time",
        ),
        (
            json!({ "retired": [{}] }),
            "spec.retired[0].peerID of record a is ``",
        ),
        (
            json!({ "ownedFilters": [{ "peer": "x" }] }),
            "spec.ownedFilters[0].peer of record a",
        ),
        (
            json!({ "removedFilters": [{ "cidr": "c", "since": "1901-01-01T00:00:00Z" }] }),
            "spec.removedFilters[0].since of record a is",
        ),
    ];
    for (fields, sentence) in cases {
        let mut spec = json!({ "mesh": "kubo", "role": "Kubo", "podUID": "u" });
        merge(&mut spec, fields);
        let spec: SwarmPeerSpec = serde_json::from_value(spec).unwrap();
        let error = record_from("a", &spec).expect_err(sentence).to_string();
        assert!(error.starts_with(sentence), "{error}\nis not\n{sentence}");
        assert!(
            error.ends_with("put it right or delete the record"),
            "{error}"
        );
    }
}

#[test]
fn a_name_that_is_only_a_suffix_is_refused() {
    let spec = SwarmPeerSpec {
        mesh: "kubo".into(),
        role: crate::RoleSpec::Relay,
        ..Default::default()
    };
    record_from(".relay", &spec).unwrap_err();
    assert_eq!(
        record_from("a.relay", &spec).unwrap().member,
        MemberName::from("a")
    );
}

fn merge(into: &mut Value, fields: Value) {
    let (Value::Object(into), Value::Object(fields)) = (into, fields) else {
        panic!("not objects")
    };
    into.extend(fields);
}

fn text() -> impl Strategy<Value = Arc<str>> {
    "[a-z0-9:/.-]{0,20}".prop_map(|text| text.as_str().into())
}

fn peer() -> impl Strategy<Value = PeerId> {
    prop_oneof![Just(PEER), Just(OTHER)].prop_map(|text| text.parse().unwrap())
}

fn addresses() -> impl Strategy<Value = Vec<Address>> {
    let address = (any::<std::net::IpAddr>(), 1u16..).prop_map(|(ip, port)| Address::tcp(ip, port));
    prop::collection::vec(address, 0..3)
}

/// Times that Kubernetes can print: to the end of the year 9999.
fn time() -> impl Strategy<Value = Timestamp> {
    (0..253_402_207_200_000_u64).prop_map(Timestamp)
}

fn start() -> impl Strategy<Value = Option<ContainerStart>> {
    prop::option::of(
        (any::<u32>(), text()).prop_map(|(restarts, id)| ContainerStart { restarts, id }),
    )
}

fn capacity() -> impl Strategy<Value = Option<Capacity>> {
    prop::option::of(prop_oneof![
        any::<u32>().prop_map(Capacity::Links),
        Just(Capacity::Unlimited),
        Just(Capacity::Assumed),
    ])
}

fn step() -> impl Strategy<Value = FilterStep> {
    prop::sample::select(vec![
        FilterStep::Intended,
        FilterStep::Leaving,
        FilterStep::Standing,
    ])
}

prop_compose! {
    fn retired()(uid in text(), peer_id in peer(), addresses in addresses(), since in time()) -> Retired {
        Retired { uid: (&*uid).into(), peer_id, addresses, since }
    }
}

prop_compose! {
    fn owned()(
        peer in prop::option::of(peer()), cidr in text(), step in step(), since in time()
    ) -> OwnedFilter {
        OwnedFilter { peer, cidr, step, since }
    }
}

prop_compose! {
    fn removed()(cidr in text(), container in start(), since in time(), gone: bool) -> RemovedFilter {
        RemovedFilter { cidr, container, since, gone }
    }
}

prop_compose! {
    fn record()(
        member in "[a-z0-9-]{1,20}",
        role in prop_oneof![Just(Role::Kubo), Just(Role::Relay), Just(Role::Cluster)],
        texts in (text(), text(), text()),
        peer_id in prop::option::of(peer()),
        addresses in addresses(),
        container in start(),
        capacity in capacity(),
        retired in prop::collection::vec(retired(), 0..3),
        owned_filters in prop::collection::vec(owned(), 0..3),
        removed_filters in prop::collection::vec(removed(), 0..3),
    ) -> Record {
        Record {
            mesh: "kubo".into(), member: member.into(), role, rpc: texts.0,
            uid: (&*texts.1).into(), peer_id, addresses, container, capacity, zone: texts.2,
            retired, owned_filters, removed_filters,
        }
    }
}
