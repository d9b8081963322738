//! The binary `fakefleet` as a process.

#[cfg(test)]
mod common;

use std::process::Stdio;

use common::process::Process;
use common::*;
use serde_json::Value;
use tokio::process::Command;

#[tokio::test]
async fn it_serves_tells_and_ends_with_its_parent() {
    let folder = tempfile::tempdir().expect("a folder");
    let members = folder.path().join("members.yaml");
    let path = members.to_str().expect("a path");
    let arguments = [
        "--nodes",
        "4",
        "--base",
        "127.30.40.1",
        "--zones",
        "2",
        "--history",
    ];
    let mut fleet = Process::start(&[&arguments[..], &["--members", path]].concat()).await;

    let lines: Vec<Value> =
        serde_json::from_slice(&std::fs::read(&members).expect("it is written")).expect("JSON");
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[1]["name"], "node-0001");
    assert_eq!(lines[1]["rpc"], "http://127.30.40.2:5001");
    assert_eq!(lines[1]["swarm"], "/ip4/127.30.40.2/tcp/4001");
    assert_eq!(lines[1]["zone"], "zone-1");

    fleet.connect("node-0000", "node-0001").await;
    fleet.connect("node-0002", "node-0003").await;
    assert_eq!(fleet.get("/links?min=2&timeout_ms=5000").await["pairs"], 2);
    let status = fleet.get("/status").await;
    assert_eq!(
        (&status["calls"], &status["mutating"]),
        (&2.into(), &2.into())
    );
    assert!(status["cpu_ms"].as_f64().expect("a number") > 0.0);
    let node = fleet.get("/node?name=node-0003").await;
    assert_eq!(node["peers"], serde_json::json!(["node-0002"]));
    let history = fleet.get("/history").await;
    let opened = |line: &&Value| line["what"] == "opened";
    assert_eq!(
        history
            .as_array()
            .expect("a list")
            .iter()
            .filter(opened)
            .count(),
        4
    );

    drop(fleet.child.stdin.take());
    let ended = tokio::time::timeout(PATIENCE, fleet.child.wait())
        .await
        .expect("it ends");
    assert!(ended.expect("its status").success());
}

#[tokio::test]
async fn it_is_shaken_by_orders() {
    let folder = tempfile::tempdir().expect("a folder");
    let members = folder.path().join("members.yaml");
    let path = members.to_str().expect("a path");
    let arguments = ["--nodes", "4", "--base", "127.30.41.1", "--members", path];
    let fleet = Process::start(&arguments).await;
    let node = |name: &str| serde_json::json!({ "node": name });

    let hang =
        serde_json::json!({"node": "node-0003", "faults": {"fault": {"status": {"code": 500}}}});
    assert_eq!(fleet.post("/fault", hang).await.0, 200);
    assert_eq!(
        fleet.call("node-0003", "id").await.expect("it answers").0,
        500
    );

    fleet.connect("node-0000", "node-0001").await;
    assert_eq!(fleet.post("/kill", node("node-0001")).await.0, 200);
    assert_eq!(fleet.get("/links").await["pairs"], 0);
    assert_eq!(fleet.get("/node?name=node-0001").await["up"], false);
    assert_eq!(fleet.post("/start", node("node-0001")).await.0, 200);
    let before = fleet.get("/node?name=node-0001").await["peer_id"].clone();
    let again = serde_json::json!({"node": "node-0001", "new_identity": true, "how": "silent"});
    assert_eq!(fleet.post("/restart", again).await.0, 200);
    assert_ne!(fleet.get("/node?name=node-0001").await["peer_id"], before);

    let there = serde_json::json!({"node": "node-0002", "ip": "127.30.41.99"});
    assert_eq!(fleet.post("/move", there).await.0, 200);
    let text = std::fs::read_to_string(&members).expect("it is there");
    assert!(text.contains("http://127.30.41.99:5001"), "{text}");
    assert_eq!(
        fleet.call("node-0002", "id").await.expect("it answers").0,
        200
    );

    let islands = serde_json::json!({"islands": [["node-0000"], ["node-0001", "node-0002"]]});
    assert_eq!(fleet.post("/partition", islands).await.0, 200);
    let call = format!(
        "swarm/connect?timeout=200ms&arg={}",
        fleet.address("node-0001").await
    );
    assert_eq!(
        fleet.call("node-0000", &call).await.expect("it answers").0,
        500
    );
    fleet.connect("node-0002", "node-0001").await;
    let mend = serde_json::json!({"mend": true});
    assert_eq!(fleet.post("/partition", mend).await.0, 200);
    fleet.connect("node-0000", "node-0001").await;

    let (status, body) = fleet.post("/kill", node("nobody")).await;
    assert_eq!(
        (status, &body["error"]),
        (400, &"no node is called `nobody`".into())
    );
    let (status, _) = fleet.post("/nonsense", node("node-0000")).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn an_address_in_use_is_a_sentence() {
    let _first = Process::start(&["--nodes", "1", "--base", "127.30.42.1"]).await;
    let second = Command::new(env!("CARGO_BIN_EXE_fakefleet"))
        .args(["--nodes", "1", "--base", "127.30.42.1"])
        .stdin(Stdio::piped())
        .output();
    let second = tokio::time::timeout(PATIENCE, second)
        .await
        .expect("it ends")
        .expect("it ran");
    assert!(!second.status.success());
    let text = String::from_utf8_lossy(&second.stderr);
    assert!(
        text.contains("node-0000 cannot be served on 127.30.42.1:5001"),
        "{text}"
    );
}
