//! For whatever values: what is printed is read back as the same, and merging is done once.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use kubomesh_core::{Attachment, InterfaceName};
use kubomesh_multus::{Merge, NetConf, NetworkStatus, Networks, Place, Requested};
use proptest::prelude::*;
use serde_json::{Value, json};

fn word() -> impl Strategy<Value = String> {
    "[a-z0-9]([-a-z0-9]{0,8}[a-z0-9])?"
}

/// A value of a field that is not read.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn item() -> impl Strategy<Value = Value> {
    let odd = prop::collection::btree_map("x-[a-z\u{e9}\"\\\\]{0,5}", any_json(), 0..3);
    let interface =
        prop::option::of("[!-.0-~]{1,15}".prop_filter("a name", |s| s != "." && s != ".."));
    (word(), prop::option::of(word()), interface, odd).prop_map(|(name, ns, interface, odd)| {
        let mut fields: serde_json::Map<_, _> = odd.into_iter().collect();
        fields.insert("name".into(), name.into());
        fields.extend(ns.map(|ns| ("namespace".into(), ns.into())));
        fields.extend(interface.map(|i| ("interface".into(), i.into())));
        Value::Object(fields)
    })
}

fn json_form() -> impl Strategy<Value = String> {
    (prop::collection::vec(item(), 0..5), any::<bool>()).prop_map(|(items, pretty)| {
        if pretty {
            serde_json::to_string_pretty(&items).unwrap()
        } else {
            serde_json::to_string(&items).unwrap()
        }
    })
}

fn comma_form() -> impl Strategy<Value = String> {
    let gap = "[ \t]{0,2}";
    let item = (
        prop::option::of(word()),
        word(),
        prop::option::of("[a-z][a-zA-Z0-9.:_-]{0,14}"),
        gap,
    )
        .prop_map(|(ns, name, interface, gap)| {
            let ns = ns.map(|ns| format!("{ns}{gap}/{gap}")).unwrap_or_default();
            let interface = interface
                .map(|i| format!("{gap}@{gap}{i}"))
                .unwrap_or_default();
            format!("{gap}{ns}{name}{interface}{gap}")
        });
    prop::collection::vec(item, 1..6).prop_map(|items| items.join(","))
}

fn entry() -> impl Strategy<Value = Value> {
    let name = prop_oneof![
        word(),
        (word(), word()).prop_map(|(a, b)| format!("{a}/{b}")),
        Just(String::new())
    ];
    let ips = prop::collection::vec(
        any::<std::net::IpAddr>().prop_map(|ip| ip.to_string()),
        0..4,
    );
    (
        name,
        prop::option::of(word()),
        ips,
        any::<bool>(),
        any_json(),
    )
        .prop_map(|(name, interface, ips, default, odd)| {
            let mut entry = json!({"name": name, "dns": odd, "ips": ips, "default": default});
            if let Some(interface) = interface {
                entry["interface"] = interface.into();
            }
            entry
        })
}

proptest! {
    #[test]
    fn networks_are_read_back_as_they_are_printed(text in prop_oneof![json_form(), comma_form()]) {
        let read = Networks::parse(&text).unwrap();
        let printed = read.to_string();
        let again = Networks::parse(&printed).unwrap();
        prop_assert_eq!(&again, &read);
        prop_assert_eq!(again.to_string(), printed, "printing twice is the same");
    }

    #[test]
    fn json_keeps_every_field(items in prop::collection::vec(item(), 1..5)) {
        let text = serde_json::to_string(&items).unwrap();
        let printed = Networks::parse(&text).unwrap().to_string();
        let read: Vec<Value> = serde_json::from_str(&printed).unwrap();
        prop_assert_eq!(read, items);
    }

    #[test]
    fn a_network_is_added_once_and_the_others_stay(
        text in prop_oneof![json_form(), comma_form()],
        own in any::<bool>(),
    ) {
        let attachment: Attachment = "net/storage".parse().unwrap();
        let interface = InterfaceName::default();
        let namespace = if own { "net" } else { "apps" };
        let before = Networks::parse(&text).unwrap();
        match before.with(&attachment, &interface, namespace) {
            Merge::Unchanged => {
                prop_assert_eq!(before.requests(&attachment, &interface, namespace), Requested::Yes);
            }
            Merge::Changed(text) => {
                let after = Networks::parse(&text).unwrap();
                prop_assert_eq!(after.requests(&attachment, &interface, namespace), Requested::Yes);
                prop_assert_eq!(after.with(&attachment, &interface, namespace), Merge::Unchanged);
                let at_ours = after.items().iter().filter(|item| item.interface() == Some("lhnet1"));
                prop_assert_eq!(at_ours.count(), 1);
                for (was, is) in before.items().iter().zip(after.items()) {
                    prop_assert!(was == is || is.name() == "storage");
                }
            }
            Merge::Conflict { why } => prop_assert!(why.contains("lhnet1")),
        }
    }

    #[test]
    fn a_report_is_read_back_as_it_is_printed(entries in prop::collection::vec(entry(), 0..5)) {
        let text = serde_json::to_string_pretty(&entries).unwrap();
        let read = NetworkStatus::parse(Place::Status, &text).unwrap();
        let printed = read.to_string();
        prop_assert_eq!(NetworkStatus::parse(Place::Status, &printed).unwrap(), read);
        let fields: Vec<Value> = serde_json::from_str(&printed).unwrap();
        for (printed, given) in fields.iter().zip(&entries) {
            prop_assert_eq!(&printed["dns"], &given["dns"]);
        }
    }

    #[test]
    fn a_config_differs_from_itself_in_nothing(odd in any_json(), other in any_json()) {
        let of = |odd: &Value, pretty: bool| {
            let conf = json!({"type": "macvlan", "x": odd});
            let text = if pretty { format!("{conf:#}") } else { conf.to_string() };
            NetConf::parse(&text).unwrap()
        };
        prop_assert_eq!(of(&odd, true).difference(&of(&odd, false)), None);
        let said = of(&odd, true).difference(&of(&other, true));
        prop_assert_eq!(said.is_none(), odd == other);
        prop_assert!(said.is_none_or(|said| said.starts_with('x') && !said.contains('\n')));
    }
}
