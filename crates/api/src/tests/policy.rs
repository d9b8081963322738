//! A spec as a policy: defaults, bounds, and what is not implemented.

use std::time::Duration;

use kubomesh_core::{ConditionKind, Degree, Mode, Policy, ReasonCode, Status};
use serde_json::{Value, json};

use crate::{
    Agents, AgentsMode, Peers, PolicyError, SecretKey, Span, SwarmMeshSpec, peers, translate,
    without_agents,
};

#[test]
fn the_defaults_are_those_of_the_vocabulary() {
    assert_eq!(translate(&spec(&json!({}))).unwrap(), Policy::default());
    assert_eq!(
        translate(&SwarmMeshSpec::default()).unwrap(),
        Policy::default()
    );
}

#[test]
fn every_field_reaches_the_policy() {
    let policy = translate(&spec(&json!({
        "mode": "Observe",
        "topology": { "fullMeshUpTo": 10, "degree": 12 },
        "links": { "protect": false, "forgetAfter": "90s" },
        "filters": "Repair",
        "resyncInterval": "5s",
        "limits": { "inFlight": 1, "inFlightPerNode": 2, "dialTimeout": "3s", "dialInterval": "4s",
            "removalPercentPerMinute": 5, "statusWritesPerSecond": 6 },
    })))
    .unwrap();
    assert_eq!(policy.mode, Mode::Observe);
    assert_eq!(
        (policy.topology.full_mesh_up_to, policy.topology.degree),
        (10, Degree::Fixed(12))
    );
    assert_eq!(
        (policy.links.protect, policy.links.forget_after),
        (false, seconds(90))
    );
    assert_eq!(policy.filters, kubomesh_core::FilterPolicy::Repair);
    assert_eq!(policy.resync.0, seconds(5));
    let limits = policy.limits;
    assert_eq!((limits.in_flight, limits.in_flight_per_node), (1, 2));
    assert_eq!(
        (limits.dial_timeout, limits.dial_interval),
        (seconds(3), seconds(4))
    );
    assert_eq!(
        (
            limits.removal_percent_per_minute,
            limits.status_writes_per_second
        ),
        (5, 6)
    );
}

#[test]
fn what_is_not_implemented_is_refused_by_name() {
    let cases = [
        (json!({ "relays": {} }), "spec.relays is set"),
        (
            json!({ "clusterPeers": { "consensus": "CRDT" } }),
            "spec.clusterPeers is set",
        ),
    ];
    for (fields, sentence) in cases {
        let error = translate(&spec(&fields)).expect_err(&fields.to_string());
        assert_eq!(error.kind(), ReasonCode::NotImplemented, "{fields}");
        let said = error.to_string();
        assert!(said.starts_with(sentence), "{said}");
        assert!(
            said.contains("this version does not implement it; leave it out"),
            "{said}"
        );
    }
}

#[test]
fn the_storage_network_is_read() {
    let whole = translate(&spec(&json!({ "network": {
        "attachment": "net/storage-1", "interface": "net1", "family": "IPv6", "fallback": "Never",
        "steering": "Strict", "rollout": "Rolling", "podCIDRs": ["10.0.0.0/8", "fd00::/8"],
        "ipv6Allowlisted": true, "steeringOnAffectedVersions": true,
    } })))
    .unwrap();
    insta::assert_json_snapshot!(whole.network, @r#"
    {
      "attachment": "net/storage-1",
      "interface": "net1",
      "family": "IPv6",
      "fallback": "Never",
      "steering": "Strict",
      "rollout": "Rolling",
      "podCIDRs": [
        "10.0.0.0/8",
        "fd00::/8"
      ],
      "ipv6Allowlisted": true,
      "steeringOnAffectedVersions": true
    }
    "#);
    let unset = translate(&spec(&json!({}))).unwrap();
    assert_eq!(unset.network, kubomesh_core::NetworkPolicy::default());
}

#[test]
fn a_storage_network_that_is_none_is_refused() {
    let cases = [
        (
            json!({ "attachment": "storage" }),
            "spec.network.attachment is `storage`: write it as NAMESPACE/NAME",
        ),
        (
            json!({ "attachment": "a/b/c" }),
            "spec.network.attachment is `a/b/c`: write it as NAMESPACE/NAME",
        ),
        (
            json!({ "attachment": "A/b" }),
            "spec.network.attachment is `A/b`",
        ),
        (
            json!({ "interface": "" }),
            "spec.network.interface is ``: write 1 to 15 characters",
        ),
        (
            json!({ "interface": "a/b" }),
            "spec.network.interface is `a/b`",
        ),
        (
            json!({ "podCIDRs": ["10.0.0.0"] }),
            "spec.network.podCIDRs is `10.0.0.0`: write each as ADDRESS/LENGTH",
        ),
        (
            json!({ "podCIDRs": ["10.0.0.0/8", "10.1.2.3/16"] }),
            "spec.network.podCIDRs is `10.1.2.3/16`: its address has bits behind the prefix: write \
             10.1.0.0/16",
        ),
        (
            json!({ "steering": "Strict" }),
            "spec.network.steering is Strict: name the pod networks",
        ),
        (
            json!({ "steering": "Strict", "podCIDRs": ["10.0.0.0/8"], "fallback": "PodNetwork" }),
            "spec.network.steering is Strict: set spec.network.fallback to Never",
        ),
    ];
    for (network, sentence) in cases {
        let error = translate(&spec(&json!({ "network": network }))).expect_err(sentence);
        assert_eq!(error.kind(), ReasonCode::InvalidPolicy, "{sentence}");
        let said = error.to_string();
        assert!(said.starts_with(sentence), "{said}");
    }
}

#[test]
fn agents_are_read() {
    let read = |agents: Value| {
        let fields =
            json!({ "agents": agents, "peers": { "selector": { "matchLabels": { "a": "b" } } } });
        peers(&spec(&fields)).map(|peers| peers.agents)
    };
    assert_eq!(
        read(json!({ "mode": "Required", "port": 9000, "tlsSecretRef": "tls" })),
        Ok(Agents {
            mode: AgentsMode::Required,
            port: 9000,
            tls: Some("tls".into()),
        })
    );
    assert_eq!(read(json!({})).unwrap().mode, AgentsMode::Auto);
    for (agents, sentence) in [
        (json!({ "port": 0 }), "spec.agents.port is 0: choose a port"),
        (
            json!({ "tlsSecretRef": "" }),
            "spec.agents.tlsSecretRef is empty: give the name",
        ),
    ] {
        let error = translate(&spec(&json!({ "agents": agents }))).unwrap_err();
        assert!(error.to_string().starts_with(sentence), "{error}");
    }
}

/// Where no agent can be, none can be asked for.
#[test]
fn a_policy_without_agents() {
    for (agents, good) in [
        (json!({}), true),
        (json!({ "mode": "Off" }), true),
        (json!({ "mode": "Required" }), false),
        (json!({ "port": 1 }), false),
        (json!({ "tlsSecretRef": "tls" }), false),
    ] {
        let spec = spec(&json!({ "agents": agents }));
        assert_eq!(without_agents(&spec.agents).is_ok(), good, "{agents}");
    }
}

#[test]
fn bounds_hold_without_an_api_server_too() {
    for (fields, sentence) in [
        (
            json!({ "resyncInterval": "" }),
            "spec.resyncInterval is ``: write a time such as 30s",
        ),
        (
            json!({ "resyncInterval": "PT30s" }),
            "spec.resyncInterval is `PT30s`",
        ),
        (
            json!({ "resyncInterval": "-30s" }),
            "spec.resyncInterval is `-30s`",
        ),
        (
            json!({ "limits": { "inFlight": -1 } }),
            "spec.limits.inFlight is -1: choose a number",
        ),
        (
            json!({ "topology": { "degree": 7 } }),
            "spec.topology.degree is `7`: write Auto, or an",
        ),
        (
            json!({ "topology": { "degree": "many" } }),
            "spec.topology.degree is `many`: write",
        ),
        (
            json!({ "peers": { "rpc": { "port": 65_536 } } }),
            "spec.peers.rpc.port is 65536",
        ),
        (
            json!({ "peers": { "swarm": { "port": 0 } } }),
            "spec.peers.swarm.port is 0: choose",
        ),
        (
            json!({ "peers": { "rpc": { "authSecretRef": { "name": "", "key": "k" } } } }),
            "spec.peers.rpc.authSecretRef is without name or key: give both",
        ),
    ] {
        let error = translate(&spec(&fields)).expect_err(&fields.to_string());
        assert!(error.to_string().starts_with(sentence), "{error}");
        assert_eq!(error.kind(), ReasonCode::InvalidPolicy);
    }
}

#[test]
fn a_refusal_is_a_condition() {
    let error = translate(&spec(&json!({ "relays": {} }))).unwrap_err();
    let condition = error.condition();
    assert_eq!(condition.kind, ConditionKind::Accepted);
    assert_eq!(condition.status, Status::False);
    assert_eq!(condition.reason, ReasonCode::NotImplemented);
    assert!(condition.message.contains("spec.relays"));
}

#[test]
fn peers_are_read() {
    let read = peers(&spec(&json!({ "peers": {
        "selector": { "matchLabels": { "app": "kubo" },
            "matchExpressions": [{ "key": "tier", "operator": "In", "values": ["a", "b"] }] },
        "rpc": { "port": 5005, "authSecretRef": { "name": "rpc", "key": "auth" } },
        "swarm": { "port": 4005 },
    } })))
    .unwrap();
    assert_eq!(
        read,
        Peers {
            selector: "app=kubo,tier in (a,b)".into(),
            rpc_port: Some(5005),
            auth: Some(SecretKey {
                name: "rpc".into(),
                key: "auth".into()
            }),
            swarm_port: Some(4005),
            agents: Agents {
                mode: AgentsMode::Auto,
                ..Agents::default()
            },
        }
    );
}

#[test]
fn a_selector_that_selects_all_or_makes_no_sense_is_refused() {
    let empty = peers(&spec(&json!({}))).unwrap_err();
    assert!(matches!(&empty, PolicyError::Invalid { field, .. } if field == "spec.peers.selector"));
    let operator = json!({ "peers": { "selector": {
        "matchExpressions": [{ "key": "a", "operator": "Near", "values": ["b"] }] } } });
    assert!(
        peers(&spec(&operator))
            .unwrap_err()
            .to_string()
            .contains("matchLabels")
    );
}

#[test]
fn spans_are_read_as_go_writes_them() {
    for (text, millis) in [
        ("30s", Some(30_000)),
        ("2m", Some(120_000)),
        ("1h30m", Some(5_400_000)),
        ("1.5h", Some(5_400_000)),
        ("250ms", Some(250)),
        ("0s", Some(0)),
        ("", None),
        ("30", None),
        ("1d", None),
        ("-1s", None),
        ("9999999999999999999999999999h", None),
        ("s", None),
    ] {
        let read = Span(text.into()).duration().map(|span| span.as_millis());
        assert_eq!(read, millis, "{text}");
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn spec(fields: &Value) -> SwarmMeshSpec {
    serde_json::from_value(fields.clone()).unwrap()
}
