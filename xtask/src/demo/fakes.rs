//! Fakes: all nodes in one process of `fakefleet`, for machines without Go.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use super::block::{Block, RPC, SWARM};
use super::fleet::{Fleet, Node};
use super::http::Http;
use crate::daemon::{Daemon, first_line};

/// How long all of them may take to start.
const START: Duration = Duration::from_secs(30);

/// How long the process may take to end.
const END: Duration = Duration::from_secs(3);

/// The process, and what it is asked through its control API.
pub(super) struct Fakes {
    daemon: Daemon,
    http: Http,
    control: String,
    block: Block,
    nodes: Vec<Node>,
}

/// The line that it prints when all nodes can be asked.
#[derive(Debug, Deserialize)]
struct Ready {
    control: String,
}

/// `GET /status`, as far as it is read here.
#[derive(Debug, Deserialize)]
struct Status {
    nodes: Vec<NodeStatus>,
}

#[derive(Debug, Deserialize)]
struct NodeStatus {
    name: String,
    api: String,
    peer_id: String,
}

// === impl Fakes ===

impl Fakes {
    /// Starts so many fakes and waits until they can be asked.
    ///
    /// # Errors
    /// When they do not start.
    pub(super) fn start(program: &Path, folder: &Path, count: u16) -> Result<Self> {
        let mut block = Block::new();
        let base = block.row(count)?;
        let mut command = Command::new(program);
        command.args(["--nodes", &count.to_string(), "--base", &base.to_string()]);
        command.args([
            "--api-port",
            &RPC.to_string(),
            "--swarm-port",
            &SWARM.to_string(),
        ]);
        let log = folder.join("fakefleet.log");
        let (mut daemon, output) = Daemon::start_announced("fakefleet", &mut command, &log)?;
        let line = first_line(&mut daemon, output, START)?;
        let ready: Ready = serde_json::from_str(&line)
            .with_context(|| format!("fakefleet said `{line}` instead of where it can be asked"))?;
        let http = Http::new();
        let status: Status = http.get(&format!("{}/status", ready.control))?;
        let nodes = status
            .nodes
            .into_iter()
            .map(NodeStatus::node)
            .collect::<Result<_>>()?;
        Ok(Self {
            daemon,
            http,
            control: ready.control,
            block,
            nodes,
        })
    }

    fn order(&self, what: &str, order: &Value) -> Result<()> {
        let _: Value = self
            .http
            .post_json(&format!("{}/{what}", self.control), order)?;
        Ok(())
    }

    fn name(&self, index: usize) -> Result<&str> {
        self.nodes
            .get(index)
            .map(|node| node.name.as_str())
            .context("no such node")
    }
}

impl Fleet for Fakes {
    fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    fn kill(&mut self, index: usize) -> Result<()> {
        self.order("kill", &json!({"node": self.name(index)?}))
    }

    fn start(&mut self, index: usize) -> Result<()> {
        self.order("start", &json!({"node": self.name(index)?}))
    }

    fn relocate(&mut self, index: usize) -> Result<()> {
        let address = self.block.next()?;
        self.order("move", &json!({"node": self.name(index)?, "ip": address}))?;
        let node = self.nodes.get_mut(index).context("no such node")?;
        node.rpc = SocketAddr::from((address, RPC));
        Ok(())
    }

    fn end(self: Box<Self>) {
        self.daemon.end(END);
    }
}

// === impl NodeStatus ===

impl NodeStatus {
    fn node(self) -> Result<Node> {
        let Self { name, api, peer_id } = self;
        let address = api.strip_prefix("http://").unwrap_or(&api);
        let rpc = address
            .parse()
            .with_context(|| format!("{name} is at `{api}`, which is no address"))?;
        Ok(Node {
            name,
            rpc,
            peer: peer_id,
        })
    }
}
