//! The parsers alone, on anything.

use kubomesh_core::Failure;
use proptest::prelude::*;

use super::{OTHER, OWN, peer};
use crate::{Error, body, connect};

/// Feeds every parser; a panic fails the test.
fn parse_all(bytes: &[u8]) {
    let bounded = |error: Error| {
        let failure = Failure::from(error);
        assert!(failure.message.chars().count() <= Failure::MAX_MESSAGE);
        assert!(!failure.message.contains('\n'));
    };
    let _ = body::identity("id", bytes).map_err(bounded);
    let _ = body::connections("swarm/peers", bytes, peer(OWN)).map_err(bounded);
    let _ = body::peering("swarm/peering/ls", bytes).map_err(bounded);
    let _ = body::texts("swarm/filters", bytes).map_err(bounded);
    let _ = body::addresses("swarm/addrs/listen", bytes).map_err(bounded);
    let _ = body::results("swarm/disconnect", bytes).map_err(bounded);
    let _ = body::all_done("swarm/peering/add", bytes, 1).map_err(bounded);
    let _ = body::round_trip("ping", bytes).map_err(bounded);
    let _ = body::conn_limits("config", bytes).map_err(bounded);
    let _ = body::version("version", bytes).map_err(bounded);
}

/// JSON that is nearly what Kubo answers: its keys, with values of any type behind them.
fn nearly() -> impl Strategy<Value = String> {
    let text = prop_oneof![
        Just(OTHER.to_owned()),
        Just("/ip4/10.0.0.1/tcp/4001".to_owned()),
        "[ -~]{0,40}".prop_map(|text| text.replace(['"', '\\'], "")),
        "\\PC{0,20}".prop_map(|text| text.replace(['"', '\\'], "")),
    ];
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        any::<i64>().prop_map(|value| value.to_string()),
        any::<f64>().prop_map(|value| format!("{value:?}")),
        text.prop_map(|text| format!("\"{text}\"")),
    ];
    let key = prop::sample::select(vec![
        "Peers",
        "Strings",
        "ID",
        "Addr",
        "Addrs",
        "Peer",
        "Direction",
        "Status",
        "Success",
        "Time",
        "Text",
        "Value",
        "LowWater",
        "Version",
        "AgentVersion",
        "other",
    ]);
    leaf.prop_recursive(4, 48, 6, move |inner| {
        let list = prop::collection::vec(inner.clone(), 0..6);
        let object = prop::collection::vec((key.clone(), inner), 0..6);
        prop_oneof![
            list.prop_map(|items| format!("[{}]", items.join(","))),
            object.prop_map(|members| {
                let members: Vec<_> = members
                    .iter()
                    .map(|(key, value)| format!("\"{key}\":{value}"))
                    .collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        parse_all(&bytes);
    }

    #[test]
    fn nearly_the_right_json(text in nearly()) {
        parse_all(text.as_bytes());
    }

    #[test]
    fn any_refusal(
        message in "(\\PC|\n  \\* |\\[|\\]|remote key matches |peer id mismatch){0,40}",
        asked in "(/ip4|/10.0.0.1|/tcp|/4001|/p2p/|\\PC){0,8}",
    ) {
        let asked = kubomesh_core::Address::lenient(&asked);
        let failure = Failure::from(connect::refusal("swarm/connect", &message, Some(&asked)));
        prop_assert!(failure.message.chars().count() <= Failure::MAX_MESSAGE);
    }

    #[test]
    fn any_secret(secret in any::<String>()) {
        if let Ok(header) = crate::authorization(&secret) {
            let value = kubomesh_core::Redacted::new(header.expose().clone());
            let request = kubomesh_conn::Request::post("/").unwrap();
            prop_assert!(request.authorization(Some(&value)).is_ok());
        }
    }
}
