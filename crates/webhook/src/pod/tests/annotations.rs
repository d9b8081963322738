//! What becomes of the annotation `k8s.v1.cni.cncf.io/networks`, by what is there.

use kubomesh_multus::NETWORKS;
use serde_json::json;

use super::{admit, mesh, notes, pod, storage};

/// What is there, and what becomes of it: `Ok` the new value (the same: nothing changes), `Err` the
/// reason why not.
type Case = (&'static str, Result<&'static str, &'static str>);

const OURS: &str = "net/storage@lhnet1";

/// The mesh is of `net/storage` at `lhnet1`, the pod in `ipfs`.
const CASES: &[Case] = &[
    // Nothing is asked for.
    ("", Ok(OURS)),
    ("  ", Ok(OURS)),
    (
        "[]",
        Ok(r#"[{"name":"storage","namespace":"net","interface":"lhnet1"}]"#),
    ),
    ("null", Ok("null,net/storage@lhnet1")),
    // Comma lists.
    ("a", Ok("a,net/storage@lhnet1")),
    ("a,b", Ok("a,b,net/storage@lhnet1")),
    ("a, b", Ok("a,b,net/storage@lhnet1")),
    (" a ,  b ", Ok("a,b,net/storage@lhnet1")),
    ("other/a@eth5", Ok("other/a@eth5,net/storage@lhnet1")),
    ("storage", Ok("storage,net/storage@lhnet1")),
    (
        "ipfs/storage@net1",
        Ok("ipfs/storage@net1,net/storage@lhnet1"),
    ),
    // It is asked for already, in whatever words.
    ("net/storage@lhnet1", Ok("net/storage@lhnet1")),
    (" net/storage@lhnet1 ", Ok(" net/storage@lhnet1 ")),
    ("a,net/storage@lhnet1,b", Ok("a,net/storage@lhnet1,b")),
    (
        r#"[{"name":"storage","namespace":"net","interface":"lhnet1"}]"#,
        Ok(r#"[{"name":"storage","namespace":"net","interface":"lhnet1"}]"#),
    ),
    (
        r#"[ { "interface" : "lhnet1", "namespace":"net","name":"storage" } ]"#,
        Ok(r#"[ { "interface" : "lhnet1", "namespace":"net","name":"storage" } ]"#),
    ),
    (
        r#"[{"name":"storage","namespace":"net","interface":"lhnet1","ips":["10.1.2.3/24"]}]"#,
        Ok(r#"[{"name":"storage","namespace":"net","interface":"lhnet1","ips":["10.1.2.3/24"]}]"#),
    ),
    (
        r#"[{"name":"a"},{"name":"storage","namespace":"net","interface":"lhnet1"}]"#,
        Ok(r#"[{"name":"a"},{"name":"storage","namespace":"net","interface":"lhnet1"}]"#),
    ),
    // JSON stays JSON, word for word.
    (
        r#"[{"name":"a"}]"#,
        Ok(r#"[{"name":"a"},{"name":"storage","namespace":"net","interface":"lhnet1"}]"#),
    ),
    (
        r#"[{"name":"a","mac":"02:00:00:00:00:01","cni-args":{"x":1}}]"#,
        Ok(
            r#"[{"name":"a","mac":"02:00:00:00:00:01","cni-args":{"x":1}},{"name":"storage","namespace":"net","interface":"lhnet1"}]"#,
        ),
    ),
    (
        r#"[{"name":"storage","namespace":"other"}]"#,
        Ok(
            r#"[{"name":"storage","namespace":"other"},{"name":"storage","namespace":"net","interface":"lhnet1"}]"#,
        ),
    ),
    // The interface is left to Multus: it is given ours.
    ("net/storage", Ok("net/storage@lhnet1")),
    ("a,net/storage", Ok("a,net/storage@lhnet1")),
    (
        r#"[{"name":"storage","namespace":"net"}]"#,
        Ok(r#"[{"name":"storage","namespace":"net","interface":"lhnet1"}]"#),
    ),
    // What somebody wrote on purpose stands against it.
    ("net/storage@net7", Err("AnnotationConflict")),
    ("a@lhnet1", Err("AnnotationConflict")),
    ("ipfs/storage@lhnet1", Err("AnnotationConflict")),
    (
        r#"[{"name":"storage","namespace":"net","interface":"net7"}]"#,
        Err("AnnotationConflict"),
    ),
    (
        r#"[{"name":"a","interface":"lhnet1"}]"#,
        Err("AnnotationConflict"),
    ),
    // What cannot be read.
    ("[{", Err("AnnotationMalformed")),
    ("{}", Err("AnnotationMalformed")),
    (r#"[{"namespace":"net"}]"#, Err("AnnotationMalformed")),
    (r#"["storage"]"#, Err("AnnotationMalformed")),
    ("a/b/c", Err("AnnotationMalformed")),
    ("a@b@c", Err("AnnotationMalformed")),
    ("Not_A_Name", Err("AnnotationMalformed")),
    ("a@an-interface-that-is-long", Err("AnnotationMalformed")),
    (r#"[{"name":7}]"#, Err("AnnotationMalformed")),
];

#[test]
fn the_network_is_merged_into_what_is_there() {
    assert!(CASES.len() >= 30);
    for (before, expected) in CASES {
        let admitted = admit(&pod(json!({ NETWORKS: before })), &storage());
        let value = admitted
            .changed
            .as_ref()
            .map(|pod| &pod["metadata"]["annotations"][NETWORKS]);
        let reason = admitted.skipped.first().map(|skipped| skipped.reason);
        match expected {
            Ok(after) if after == before => {
                assert_eq!((value, reason), (None, None), "{before}");
            }
            Ok(after) => {
                assert_eq!((value, reason), (Some(&json!(after)), None), "{before}");
            }
            Err(why) => assert_eq!((value, reason), (None, Some(*why)), "{before}"),
        }
    }
}

#[test]
fn what_was_added_is_never_added_again() {
    for (before, _) in CASES {
        let admitted = admit(&pod(json!({ NETWORKS: before })), &storage());
        if let Some(once) = admitted.changed {
            assert_eq!(admit(&once, &storage()).changed, None, "{before}");
        }
    }
}

#[test]
fn a_pod_without_annotations_gets_the_first() {
    let mut bare = pod(json!({}));
    bare["metadata"]
        .as_object_mut()
        .unwrap()
        .remove("annotations");
    let changed = admit(&bare, &storage()).changed.unwrap();
    assert_eq!(
        changed["metadata"]["annotations"],
        json!({ NETWORKS: OURS })
    );
}

#[test]
fn a_pod_that_opts_out_is_left_alone() {
    for value in ["off", "OFF", " off "] {
        let out =
            pod(json!({ "kubomesh.dev/network": value, "kubomesh.dev/prepare-kubo": "true" }));
        assert_eq!(
            admit(&out, &storage()),
            super::Admitted::default(),
            "{value}"
        );
    }
    let other = pod(json!({ "kubomesh.dev/network": "on" }));
    assert!(admit(&other, &storage()).changed.is_some());
}

#[test]
fn a_pod_on_its_hosts_network_is_left_alone_and_it_is_said() {
    let mut host = pod(json!({}));
    host["spec"]["hostNetwork"] = json!(true);
    let admitted = admit(&host, &storage());
    assert_eq!(admitted.changed, None);
    let said = "not attached to net/storage: the pod uses its host's network";
    assert!(notes(&admitted)[0].starts_with(said), "{admitted:?}");
}

#[test]
fn without_a_storage_network_nothing_is_done() {
    let asks = pod(json!({ "kubomesh.dev/prepare-kubo": "true", NETWORKS: "[{" }));
    assert_eq!(admit(&asks, &mesh(json!({}))), super::Admitted::default());
}

#[test]
fn the_interface_is_the_meshs() {
    let mesh = mesh(json!({ "attachment": "ipfs/storage", "interface": "net9" }));
    let changed = admit(&pod(json!({})), &mesh).changed.unwrap();
    assert_eq!(
        changed["metadata"]["annotations"][NETWORKS],
        "ipfs/storage@net9"
    );
}
