//! The binary `fakefleet` and its control API.

use std::process::Stdio;

use http::Method;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use super::{Answer, ask};

pub(crate) struct Process {
    pub(crate) child: Child,
    control: std::net::SocketAddr,
}

impl Process {
    pub(crate) async fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_fakefleet"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("it starts");
        let out = child.stdout.take().expect("it is piped");
        let line = BufReader::new(out)
            .lines()
            .next_line()
            .await
            .expect("it writes");
        let ready: Value = serde_json::from_str(&line.expect("a line")).expect("JSON");
        assert_eq!(ready["ready"], true);
        let control = ready["control"].as_str().expect("an address");
        let control = control
            .strip_prefix("http://")
            .expect("a URL")
            .parse()
            .expect("a socket");
        Self { child, control }
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, body) = ask(self.control, Method::GET, path, "")
            .await
            .expect("it answers");
        assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).expect("JSON")
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let answer = ask(self.control, Method::POST, path, &body.to_string()).await;
        let (status, body) = answer.expect("it answers");
        (status, serde_json::from_slice(&body).expect("JSON"))
    }

    /// An RPC call to a node.
    pub(crate) async fn call(&self, node: &str, call: &str) -> Answer {
        let found = self.get(&format!("/node?name={node}")).await;
        let api = found["api"].as_str().expect("an address");
        let api = api
            .strip_prefix("http://")
            .expect("a URL")
            .parse()
            .expect("a socket");
        ask(api, Method::POST, &format!("/api/v0/{call}"), "").await
    }

    pub(crate) async fn address(&self, node: &str) -> String {
        let found = self.get(&format!("/node?name={node}")).await;
        let api = found["api"].as_str().expect("an address");
        let host = api
            .trim_start_matches("http://")
            .split(':')
            .next()
            .expect("a host");
        let peer = found["peer_id"].as_str().expect("an ID");
        format!("/ip4/{host}/tcp/4001/p2p/{peer}")
    }

    pub(crate) async fn connect(&self, from: &str, to: &str) {
        let call = format!("swarm/connect?timeout=15s&arg={}", self.address(to).await);
        assert_eq!(self.call(from, &call).await.expect("it answers").0, 200);
    }
}
