//! The annotation that asks for networks: what it means, and what adding one more makes of it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests are tests"
)]

use kubomesh_core::{Attachment, InterfaceName};
use kubomesh_multus::{Malformed, MalformedKind, Merge, Networks, Requested};

fn storage() -> Attachment {
    "net/storage".parse().unwrap()
}

fn lhnet1() -> InterfaceName {
    InterfaceName::default()
}

fn requested(text: &str, namespace: &str) -> Requested {
    let networks = Networks::parse(text).unwrap();
    networks.requests(&storage(), &lhnet1(), namespace)
}

fn merged(text: &str) -> Merge {
    let networks = Networks::parse(text).unwrap();
    networks.with(&storage(), &lhnet1(), "apps")
}

fn refused(text: &str) -> Malformed {
    Networks::parse(text).unwrap_err()
}

#[test]
fn one_meaning_whatever_the_text() {
    for text in [
        "net/storage@lhnet1",
        "  net / storage @ lhnet1  ",
        "a,net/storage@lhnet1,other/b@x",
        r#"[{"name":"storage","namespace":"net","interface":"lhnet1"}]"#,
        r#"[{"interface":"lhnet1","namespace":"net","name":"storage"}]"#,
        "[ {\n\t\"interface\" : \"lhnet1\", \"namespace\":\"net\",\"name\":\"storage\" } ]",
        r#"[{"name":"a"},{"name":"storage","namespace":"net","interface":"lhnet1","mac":"02:00:00:00:00:01"}]"#,
        r#"[{"Name":"storage","NAMESPACE":"net","Interface":"lhnet1"}]"#,
        r#"[{"name":"no","name":"storage","namespace":"net","interface":"lhnet1"}]"#,
        r#"[{"name":"storage","namespace":"net","interfaceRequest":"lhnet1"}]"#,
        r#"[{"name":"storage","namespace":"net"},{"name":"storage","namespace":"net","interface":"lhnet1"}]"#,
    ] {
        assert_eq!(requested(text, "apps"), Requested::Yes, "{text}");
        assert_eq!(merged(text), Merge::Unchanged, "{text}");
    }
    for text in [
        "",
        " \t\n",
        "[]",
        "[ ]",
        "a",
        "storage@lhnet1",
        r#"[{"name":"storage"}]"#,
    ] {
        assert_eq!(requested(text, "apps"), Requested::No, "{text}");
    }
}

#[test]
fn a_missing_namespace_is_the_pods() {
    assert_eq!(requested("storage@lhnet1", "net"), Requested::Yes);
    assert_eq!(requested("storage@lhnet1", "apps"), Requested::No);
    let json = r#"[{"name":"storage","namespace":"","interface":"lhnet1"}]"#;
    assert_eq!(requested(json, "net"), Requested::Yes);
    let null = r#"[{"name":"storage","namespace":null,"interface":"lhnet1","ips":null}]"#;
    assert_eq!(requested(null, "net"), Requested::Yes);
}

#[test]
fn another_interface_is_told_an_open_one_before_a_named_one() {
    let other = |name: &str| Requested::OtherInterface(Some(name.into()));
    assert_eq!(requested("net/storage@eth9", "apps"), other("eth9"));
    assert_eq!(
        requested("net/storage", "apps"),
        Requested::OtherInterface(None)
    );
    let both = requested("net/storage@eth9,net/storage", "apps");
    assert_eq!(both, Requested::OtherInterface(None));
}

/// Multus names the nth interface `net<n>` where nobody does.
#[test]
fn the_name_that_multus_chooses_counts() {
    let net2: InterfaceName = "net2".parse().unwrap();
    let of = |text: &str| Networks::parse(text).unwrap();
    let asked = of("a,net/storage").requests(&storage(), &net2, "apps");
    assert_eq!(asked, Requested::Yes);
    let taken = of("a,b").with(&storage(), &net2, "apps");
    let Merge::Conflict { why } = taken else {
        panic!("{taken:?}");
    };
    assert!(why.contains("apps/b at interface net2"), "{why}");
}

#[test]
fn merged_in_the_form_that_it_has() {
    let ours = r#"{"name":"storage","namespace":"net","interface":"lhnet1"}"#;
    let json = |before: &str| format!("[{before},{ours}]");
    let odd = r#"{"name":"a","zz":{"b":1,"a":[1.50,"é\n"]},"ips":["10.0.0.1/24"]}"#;
    for (text, wanted) in [
        ("", "net/storage@lhnet1".to_owned()),
        (" \n", "net/storage@lhnet1".to_owned()),
        ("a", "a,net/storage@lhnet1".to_owned()),
        (
            " a , ns/b@eth5 ",
            "a,ns/b@eth5,net/storage@lhnet1".to_owned(),
        ),
        ("[]", format!("[{ours}]")),
        (r#"[{"name":"a"}]"#, json(r#"{"name":"a"}"#)),
        // Of another namespace: another network.
        ("storage@eth5", "storage@eth5,net/storage@lhnet1".to_owned()),
        // The interface was left open.
        ("net/storage", "net/storage@lhnet1".to_owned()),
        ("b,net/storage,c", "b,net/storage@lhnet1,c".to_owned()),
        // What is not read is kept word for word.
        (&format!("[{odd}]"), json(odd)),
    ] {
        assert_eq!(merged(text), Merge::Changed(wanted.clone()), "{text:?}");
        assert_eq!(merged(&wanted), Merge::Unchanged, "never twice: {wanted}");
    }
}

#[test]
fn what_stands_against_it_is_left_alone_and_named() {
    for (text, named) in [
        (
            "net/storage@eth9",
            [
                "net/storage at interface \"eth9\"",
                "spec.network.interface",
            ],
        ),
        (
            "other/b@lhnet1",
            ["other/b at interface lhnet1", "net/storage"],
        ),
        (
            "storage@lhnet1",
            ["apps/storage at interface lhnet1", "net/storage"],
        ),
        (
            r#"[{"name":"b","interface":"lhnet1"}]"#,
            ["apps/b", "lhnet1"],
        ),
        ("net/storage,b@lhnet1", ["apps/b", "lhnet1"]),
    ] {
        let Merge::Conflict { why } = merged(text) else {
            panic!("{text}");
        };
        assert!(named.iter().all(|part| why.contains(part)), "{why}");
    }
}

/// An item can hold what a comma list cannot say.
#[test]
fn a_comma_list_becomes_json_only_where_it_must() {
    let odd: InterfaceName = "a,b".parse().unwrap();
    let merge = Networks::parse("x").unwrap().with(&storage(), &odd, "apps");
    let wanted = r#"[{"name":"x"},{"name":"storage","namespace":"net","interface":"a,b"}]"#;
    assert_eq!(merge, Merge::Changed(wanted.into()));
}

#[test]
fn malformed_text_names_itself() {
    use MalformedKind::{Json, TooLong, Value};
    let long = format!("a{}", " ".repeat(kubomesh_multus::MAX_TEXT));
    for (text, kind, named) in [
        ("a,,b", Value, "a,,b"),
        (",", Value, ","),
        ("a/b/c", Value, "a/b/c"),
        ("a@b@c", Value, "a@b@c"),
        ("x,Upper", Value, "Upper"),
        ("ns/-a", Value, "-a"),
        ("Ns!/a", Value, "Ns!"),
        ("@eth0", Value, "@eth0"),
        ("a@sixteen-letters-", Value, "longer than 15"),
        ("a@b c", Value, "white space"),
        (r#"{"name":"a"}"#, Json, r#"{"name":"a"}"#),
        (r#""a""#, Json, "a"),
        (r#"[{"name":"a"}"#, Json, r#"[{"name":"a"}"#),
        (r#"[{"name":"a"},null]"#, Json, "null"),
        (r#"[{"name":"a"},"b"]"#, Json, "b"),
        (r#"[{"name":7}]"#, Value, r#"{"name":7}"#),
        (r#"[{"namespace":"a"}]"#, Value, "names no network"),
        (r#"[{"name":"a","interface":"x/y"}]"#, Value, "x/y"),
        (r#"[{"name":"a"}] trailing"#, Json, "trailing"),
        (long.as_str(), TooLong, "262145 bytes"),
    ] {
        let error = refused(text);
        let said = error.to_string();
        assert_eq!(error.kind(), kind, "{said}");
        assert!(said.contains("k8s.v1.cni.cncf.io/networks:"), "{said}");
        assert!(said.contains(named), "{said}");
        assert!(said.contains("write a comma list"), "{said}");
        assert!(said.len() < 700 && !said.contains('\n'), "{said}");
    }
}
