//! The agent beside a Kubo.

use serde_json::{Value, json};

use super::{mesh, notes, pod, with_agent};

fn containers(pod: &Value) -> Vec<&str> {
    let containers = pod["spec"]["containers"].as_array().unwrap();
    containers
        .iter()
        .map(|container| container["name"].as_str().unwrap())
        .collect()
}

#[test]
fn the_agent_is_added_as_it_is_documented() {
    let admitted = with_agent(&pod(json!({})), &mesh(json!({})));
    assert!(admitted.skipped.is_empty(), "{admitted:?}");
    let changed = admitted.changed.unwrap();
    insta::assert_json_snapshot!(json!([
        changed["spec"]["containers"][1],
        changed["spec"]["volumes"]
    ]));
}

#[test]
fn it_is_added_once() {
    let once = with_agent(&pod(json!({})), &mesh(json!({})))
        .changed
        .unwrap();
    assert_eq!(with_agent(&once, &mesh(json!({}))).changed, None);
    assert_eq!(containers(&once), ["kubo", "kubomesh-agent"]);
}

#[test]
fn its_port_and_kubos_are_the_meshs_and_the_pods() {
    let mut mesh = mesh(json!({}));
    mesh.spec.agents.port = 9000;
    let mut kubo = pod(json!({}));
    kubo["spec"]["containers"][0]["ports"][0]["containerPort"] = json!(5009);
    let changed = with_agent(&kubo, &mesh).changed.unwrap();
    let args = changed["spec"]["containers"][1]["args"].to_string();
    assert!(args.contains("--listen=[::]:9000"), "{args}");
    assert!(args.contains("--kubo=http://127.0.0.1:5009"), "{args}");
}

#[test]
fn it_is_given_the_secret_of_kubos_rpc() {
    let mut mesh = mesh(json!({}));
    mesh.spec.peers.rpc.auth_secret_ref = Some(kubomesh_api::SecretKeyRef {
        name: "rpc".to_owned(),
        key: "token".to_owned(),
    });
    let changed = with_agent(&pod(json!({})), &mesh).changed.unwrap();
    let args = changed["spec"]["containers"][1]["args"].to_string();
    assert!(
        args.contains("--kubo-auth-file=/etc/kubomesh-agent/auth/auth"),
        "{args}"
    );
    assert_eq!(
        changed["spec"]["volumes"][1]["secret"],
        json!({ "secretName": "rpc", "items": [{ "key": "token", "path": "auth" }],
            "defaultMode": 0o444, "optional": true })
    );
    assert_eq!(with_agent(&changed, &mesh).changed, None);
}

#[test]
fn what_stands_against_it_is_named() {
    let mut host = pod(json!({}));
    host["spec"]["hostNetwork"] = json!(true);
    let mut port = pod(json!({}));
    port["spec"]["containers"][0]["ports"][0]["containerPort"] = json!(8501);
    let mut volume = pod(json!({}));
    volume["spec"]["volumes"] = json!([{ "name": "kubomesh-agent-tls", "emptyDir": {} }]);
    let mut none = pod(json!({}));
    none["spec"]["containers"] = json!([]);
    let cases = [
        (host, "the pod uses its host's network"),
        (port, "another container of the pod has port 8501"),
        (
            volume,
            "the pod has a volume named kubomesh-agent-tls already",
        ),
        (none, "the pod has no containers"),
    ];
    for (pod, why) in cases {
        let admitted = with_agent(&pod, &mesh(json!({})));
        assert_eq!(admitted.changed, None, "{why}");
        assert!(notes(&admitted)[0].contains(why), "{admitted:?}");
    }
}
