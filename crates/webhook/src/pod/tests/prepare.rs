//! The start script in a pod.

use serde_json::{Value, json};

use super::{admit, mesh, notes, pod, storage};

const FILE: &str = "900-kubomesh-storage-network.sh";

fn asking() -> Value {
    pod(json!({ "kubomesh.dev/prepare-kubo": "true" }))
}

/// With a folder of scripts from this volume.
fn with_folder(volume: Value) -> Value {
    let mut pod = asking();
    let container = &mut pod["spec"]["containers"][0];
    container["volumeMounts"] = json!([{ "name": "init", "mountPath": "/container-init.d/" }]);
    let mut volume = volume;
    volume["name"] = json!("init");
    pod["spec"]["volumes"] = json!([volume]);
    pod
}

fn volume(pod: &Value) -> Value {
    let admitted = admit(pod, &storage());
    assert!(admitted.skipped.is_empty(), "{admitted:?}");
    admitted.changed.unwrap()["spec"]["volumes"][0].clone()
}

fn item() -> Value {
    json!({ "path": FILE, "mode": 365,
        "fieldRef": { "fieldPath": "metadata.annotations['kubomesh.dev/start-script']" } })
}

#[test]
fn the_script_is_mounted_from_the_pods_own_annotation() {
    let admitted = admit(&asking(), &storage());
    assert!(admitted.skipped.is_empty(), "{admitted:?}");
    let changed = admitted.changed.unwrap();
    let script = changed["metadata"]["annotations"]["kubomesh.dev/start-script"].as_str();
    assert!(script.unwrap().starts_with("#!/bin/sh\n"));
    let container = &changed["spec"]["containers"][0];
    insta::assert_json_snapshot!(json!([
        changed["spec"]["volumes"],
        container["volumeMounts"],
        container["env"]
    ]));
}

#[test]
fn it_is_added_once_however_it_was() {
    let all = [
        asking(),
        with_folder(json!({ "configMap": { "name": "scripts" } })),
        with_folder(json!({ "projected": { "sources": [] } })),
    ];
    for pod in all {
        let once = admit(&pod, &storage()).changed.unwrap();
        assert_eq!(admit(&once, &storage()).changed, None, "{pod}");
    }
}

#[test]
fn a_folder_of_the_pods_own_gets_it_too() {
    let ours = json!({ "downwardAPI": { "items": [item()] } });
    let map = json!({ "configMap": { "name": "scripts", "defaultMode": 0o555, "optional": true } });
    assert_eq!(
        volume(&with_folder(map)),
        json!({ "name": "init", "projected": { "defaultMode": 0o555, "sources": [
            { "configMap": { "name": "scripts", "optional": true } }, ours] } })
    );
    let secret =
        json!({ "secret": { "secretName": "s", "items": [{ "key": "a", "path": "a.sh" }] } });
    assert_eq!(
        volume(&with_folder(secret)),
        json!({ "name": "init", "projected": { "sources": [
            { "secret": { "name": "s", "items": [{ "key": "a", "path": "a.sh" }] } }, ours] } })
    );
    let own = json!({ "configMap": { "name": "a" } });
    assert_eq!(
        volume(&with_folder(
            json!({ "projected": { "sources": [own], "defaultMode": 365 } })
        )),
        json!({ "name": "init", "projected": { "defaultMode": 365, "sources": [own, ours] } })
    );
}

#[test]
fn what_stands_against_it_is_named_and_the_network_is_there_all_the_same() {
    let mut part = with_folder(json!({ "configMap": { "name": "scripts" } }));
    part["spec"]["containers"][0]["volumeMounts"][0]["subPath"] = json!("scripts");
    let mut missing = with_folder(json!({ "emptyDir": {} }));
    missing["spec"]["volumes"] = json!([]);
    let mut unclear = asking();
    unclear["spec"]["containers"] = json!([{ "name": "a", "image": "b" }]);
    let cases = [
        (
            with_folder(json!({ "emptyDir": {} })),
            "its volume is none of a ConfigMap",
        ),
        (part, "only a part of a volume"),
        (missing, "the volume is not there"),
        (unclear, "which container is Kubo is not clear"),
    ];
    for (pod, why) in cases {
        let admitted = admit(&pod, &storage());
        assert!(notes(&admitted)[0].contains(why), "{admitted:?}");
        let mut changed = admitted.changed.unwrap();
        let annotations = changed["metadata"]["annotations"].as_object_mut().unwrap();
        assert!(annotations.remove("k8s.v1.cni.cncf.io/networks").is_some());
        assert_eq!(changed, pod, "{why}");
    }
}

#[test]
fn kubo_is_found_by_its_port_its_image_or_its_name() {
    let sidecar = json!({ "name": "proxy", "image": "proxy:1" });
    let kubos = [
        json!({ "name": "x", "image": "y", "ports": [{ "containerPort": 5001 }] }),
        json!({ "name": "x", "image": "registry.test:5000/mirror/kubo:v0.43.0@sha256:0" }),
        json!({ "name": "ipfs", "image": "own" }),
    ];
    for kubo in kubos {
        let mut pod = asking();
        pod["spec"]["containers"] = json!([sidecar, kubo]);
        let changed = admit(&pod, &storage()).changed.unwrap();
        assert_eq!(changed["spec"]["containers"][0], sidecar, "{kubo}");
        assert!(
            changed["spec"]["containers"][1]["volumeMounts"].is_array(),
            "{kubo}"
        );
    }
}

#[test]
fn a_variable_of_the_pods_own_is_kept() {
    let mut pod = asking();
    pod["spec"]["containers"][0]["env"] =
        json!([{ "name": "KUBOMESH_POD_CIDRS", "value": "fd00::/8" }]);
    let changed = admit(&pod, &mesh(json!({ "attachment": "a/b" })))
        .changed
        .unwrap();
    let env = changed["spec"]["containers"][0]["env"].as_array().unwrap();
    assert_eq!(env.len(), 3);
    assert_eq!(env[0]["value"], "fd00::/8");
}
