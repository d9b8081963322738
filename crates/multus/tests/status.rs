//! What Multus reports, in every variant that is documented.
#![allow(
    clippy::unwrap_used,
    clippy::unwrap_in_result,
    clippy::panic,
    reason = "helpers of tests are tests"
)]

use std::net::IpAddr;

use kubomesh_core::{Attachment, InterfaceName, StorageGap};
use kubomesh_multus::{NetworkStatus, Place, StatusEntry};

/// Addresses, or the gap.
fn found(text: &str, namespace: &str) -> Result<Vec<String>, StorageGap> {
    let status = NetworkStatus::parse(Place::Status, text).unwrap();
    let ips = status.find(&storage(), &InterfaceName::default(), namespace)?;
    Ok(ips.iter().map(ToString::to_string).collect())
}

fn storage() -> Attachment {
    "net/storage".parse().unwrap()
}

fn ok(ips: &[&str]) -> Result<Vec<String>, StorageGap> {
    Ok(ips.iter().map(ToString::to_string).collect())
}

/// As Multus 4 writes it: indented, the default network first.
const INDENTED: &str = r#"[{
    "name": "cbr0",
    "interface": "eth0",
    "ips": [
        "10.244.1.7"
    ],
    "mac": "c2:b0:57:49:47:f1",
    "default": true,
    "dns": {},
    "gateway": [
        "10.244.1.1"
    ]
},{
    "name": "net/storage",
    "interface": "lhnet1",
    "ips": [
        "192.168.7.10"
    ],
    "mac": "86:1d:96:ff:55:0d",
    "mtu": 9000,
    "dns": {},
    "device-info": {"type": "pci", "version": "1.1.0", "pci": {"pci-address": "0000:18:02.5"}}
}]"#;

#[test]
fn every_documented_variant() {
    let named =
        |name: &str| format!(r#"[{{"name":"{name}","interface":"lhnet1","ips":["10.9.0.2"]}}]"#);
    let default_last = r#"[{"name":"net/storage","interface":"lhnet1","ips":["10.9.0.2"]},
        {"name":"","ips":["10.244.0.5"],"default":true}]"#;
    let repeated = r#"[{"name":"net/storage","interface":"net1","ips":["10.9.0.1"]},
        {"name":"net/storage","interface":"lhnet1","ips":["10.9.0.2"]},
        {"name":"net/storage","interface":"lhnet1","ips":["10.9.0.2","fd00::9"]}]"#;
    let unknown = r#"[{"name":"net/storage","interface":"lhnet1","ips":["10.9.0.2"],
        "default-route":["10.9.0.1"],"later":{"deep":[[[{}]]]},"dns":null}]"#;
    let odd_others = r#"[{"name":"x/y","interface":"net1","ips":["nonsense"]},
        {"name":"net/storage","interface":"lhnet1","ips":["10.9.0.2"]}]"#;
    for (text, namespace, wanted) in [
        (INDENTED, "apps", "192.168.7.10"),
        (&named("net/storage"), "apps", "10.9.0.2"),
        (&named("storage"), "net", "10.9.0.2"),
        (default_last, "apps", "10.9.0.2"),
        (unknown, "apps", "10.9.0.2"),
        (odd_others, "apps", "10.9.0.2"),
        (
            r#"[{"name":"net/storage","interface":"lhnet1","ips":["10.9.0.2/24"]}]"#,
            "apps",
            "10.9.0.2",
        ),
        (
            r#"[{"name":"net/storage","interface":"lhnet1","ips":["::ffff:10.9.0.2"]}]"#,
            "apps",
            "10.9.0.2",
        ),
        // Without an interface, and alone.
        (
            r#"[{"name":"net/storage","ips":["10.9.0.2"]}]"#,
            "apps",
            "10.9.0.2",
        ),
    ] {
        assert_eq!(found(text, namespace), ok(&[wanted]), "{text}");
    }
    assert_eq!(found(repeated, "apps"), ok(&["10.9.0.2", "fd00::9"]));
}

#[test]
fn addresses_are_ordered_by_number_and_ipv4_comes_first() {
    let text = r#"[{"name":"net/storage","interface":"lhnet1",
        "ips":["fd00::10","10.0.0.10","fd00::9/64","10.0.0.9","10.0.0.10/8","fe80::1"]}]"#;
    assert_eq!(
        found(text, "apps"),
        ok(&["10.0.0.9", "10.0.0.10", "fd00::9", "fd00::10"])
    );
}

#[test]
fn why_there_is_none() {
    let gap = |text: &str| found(text, "apps").unwrap_err();
    let wrong = |found: &str| StorageGap::WrongInterface {
        found: found.into(),
    };
    for text in [
        "[]",
        "null",
        r#"[{"name":"storage","interface":"lhnet1","ips":["10.9.0.2"]}]"#,
    ] {
        assert_eq!(gap(text), StorageGap::NotAttached, "{text}");
    }
    let elsewhere = r#"[{"name":"net/storage","interface":"net1","ips":["10.9.0.2"]}]"#;
    assert_eq!(gap(elsewhere), wrong("net1"));
    // Something else is at the wanted interface: this one is not there, whatever it does not say.
    let hidden =
        r#"[{"name":"net/storage","ips":["10.9.0.2"]},{"name":"net/b","interface":"lhnet1"}]"#;
    assert_eq!(gap(hidden), wrong("an interface without a name"));
    for ips in ["", r#","ips":[]"#, r#","ips":null"#] {
        let text = format!(r#"[{{"name":"net/storage","interface":"lhnet1"{ips}}}]"#);
        assert_eq!(gap(&text), StorageGap::NoIp, "{text}");
    }
    for odd in [
        "10.9.0.256",
        "fe80::1",
        "",
        "10.9.0.2/33",
        "0.0.0.0",
        "ff02::1",
        "127.0.0.1",
    ] {
        let text = format!(r#"[{{"name":"net/storage","interface":"lhnet1","ips":["{odd}"]}}]"#);
        let StorageGap::Unparsable { why } = gap(&text) else {
            panic!("{text}");
        };
        assert!(why.contains(&format!("network-status: `{odd}`")), "{why}");
    }
}

/// A bare name is the network's only in its own namespace, and only where no full name is.
#[test]
fn bare_names() {
    let both = r#"[{"name":"storage","interface":"lhnet1","ips":["10.9.0.1"]},
        {"name":"net/storage","interface":"net2","ips":["10.9.0.2"]}]"#;
    let net2 = StorageGap::WrongInterface {
        found: "net2".into(),
    };
    assert_eq!(found(both, "net"), Err(net2));
    let bare = r#"[{"name":"storage","interface":"lhnet1","ips":["10.9.0.1"]}]"#;
    assert_eq!(found(bare, "apps"), Err(StorageGap::NotAttached));
    // The cluster's default network can have any name.
    let default = r#"[{"name":"storage","interface":"eth0","ips":["10.9.0.1"],"default":true}]"#;
    assert_eq!(found(default, "net"), Err(StorageGap::NotAttached));
}

#[test]
fn the_old_key_counts_where_the_new_one_says_nothing() {
    let text =
        |ip: &str| format!(r#"[{{"name":"net/storage","interface":"lhnet1","ips":["{ip}"]}}]"#);
    let (new, old) = (text("10.9.0.1"), text("10.9.0.2"));
    let first = |new: Option<&str>, old: Option<&str>| {
        let status = NetworkStatus::of(new, old).unwrap()?;
        let ips = status.find(&storage(), &InterfaceName::default(), "apps");
        ips.unwrap().first().map(ToString::to_string)
    };
    assert_eq!(first(Some(&new), Some(&old)).as_deref(), Some("10.9.0.1"));
    assert_eq!(first(None, Some(&old)).as_deref(), Some("10.9.0.2"));
    assert_eq!(first(Some(" "), Some(&old)).as_deref(), Some("10.9.0.2"));
    assert_eq!(first(Some(""), None), None);
    assert_eq!(first(None, None), None);
    let error = NetworkStatus::of(None, Some("[{")).unwrap_err().to_string();
    assert!(
        error.contains("cni.cncf.io/networks-status: `[{`"),
        "{error}"
    );
    let error = NetworkStatus::of(Some("[{"), Some(&old))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("cni.cncf.io/network-status: `[{`"),
        "{error}"
    );
}

#[test]
fn the_former_network_is_another_one_at_the_same_interface() {
    let former = |text: &str, namespace: &str| {
        let status = NetworkStatus::parse(Place::Status, text).unwrap();
        let former = status.former(Some(&storage()), &InterfaceName::default(), namespace)?;
        Some((former.attachment.to_string(), former.ips.len()))
    };
    let old = r#"[{"name":"cbr0","interface":"eth0","ips":["10.244.0.2"],"default":true},
        {"name":"net/old","interface":"lhnet1","ips":["10.8.0.2","fd00::2"]}]"#;
    assert_eq!(former(old, "apps"), Some(("net/old".into(), 2)));
    let bare = r#"[{"name":"old","interface":"lhnet1","ips":["10.8.0.2"]}]"#;
    assert_eq!(former(bare, "apps"), Some(("apps/old".into(), 1)));
    for none in [
        r#"[{"name":"net/storage","interface":"lhnet1","ips":["10.8.0.2"]}]"#,
        r#"[{"name":"net/old","interface":"net1","ips":["10.8.0.2"]}]"#,
        r#"[{"name":"net/old","interface":"lhnet1"}]"#,
        r#"[{"name":"net/old","interface":"lhnet1","ips":["10.8.0.2"],"default":true}]"#,
        r#"[{"name":"A B","interface":"lhnet1","ips":["10.8.0.2"]}]"#,
    ] {
        assert_eq!(former(none, "apps"), None, "{none}");
    }
    // Whoever wants none had all of them.
    let status = NetworkStatus::parse(Place::Status, old).unwrap();
    let former = status.former(None, &InterfaceName::default(), "apps");
    assert_eq!(former.unwrap().attachment.to_string(), "net/old");
}

#[test]
fn printed_as_multus_writes_it() {
    let ip = |text: &str| text.parse::<IpAddr>().unwrap();
    let status = NetworkStatus::new(vec![
        StatusEntry::new("cbr0", "eth0", &[ip("10.244.0.2")]).as_default(),
        StatusEntry::new("net/storage", "lhnet1", &[ip("10.9.0.2"), ip("fd00::2")]),
    ]);
    let text = status.to_string();
    assert_eq!(
        text,
        r#"[{"name":"cbr0","interface":"eth0","ips":["10.244.0.2"],"default":true},{"name":"net/storage","interface":"lhnet1","ips":["10.9.0.2","fd00::2"]}]"#
    );
    assert_eq!(NetworkStatus::parse(Place::Status, &text), Ok(status));
    let read = NetworkStatus::parse(Place::Status, INDENTED).unwrap();
    let brief = read.clone().brief().to_string();
    let kept = r#"[{"name":"net/storage","interface":"lhnet1","ips":["192.168.7.10"]}]"#;
    assert_eq!(brief, kept);
    assert!(
        read.to_string()
            .contains(r#""pci-address": "0000:18:02.5""#),
        "{read}"
    );
}
