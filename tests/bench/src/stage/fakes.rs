//! The fakes: all nodes in one process of `fakefleet`, and what its control API tells.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kubomesh_core::{Address, PeerId};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Stage;
use super::http::Http;
use super::process::Process;

/// Port of each fake's RPC.
const API_PORT: u16 = 5001;

/// Port of each fake's swarm.
const SWARM_PORT: u16 = 4001;

/// How long all of them may take to start.
const START: Duration = Duration::from_secs(60);

/// Readers of all nodes' own answers, side by side.
const READERS: usize = 8;

/// Zones that the fakes are spread over.
const ZONES: &str = "3";

/// Which fakes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FakesSpec {
    /// How many.
    pub(crate) nodes: usize,
    /// Whether what happens is kept for [`Fakes::history`].
    pub(crate) history: bool,
}

/// The process.
pub(crate) struct Fakes {
    process: Process,
    http: Http,
    control: String,
    nodes: Vec<FleetNode>,
}

/// One fake.
#[derive(Debug, Clone)]
pub(crate) struct FleetNode {
    /// Its name, that of its member too.
    pub(crate) name: String,
    /// Where its RPC listens.
    pub(crate) api: SocketAddr,
    /// Its identity.
    pub(crate) peer_id: PeerId,
    /// Its zone.
    pub(crate) zone: String,
}

/// `GET /status`, as far as it is read here.
#[derive(Debug, Deserialize)]
pub(crate) struct Status {
    /// CPU time of the process, milliseconds.
    pub(crate) cpu_ms: f64,
    /// Requests that all nodes got.
    pub(crate) calls: u64,
    /// Of these, those that change something.
    pub(crate) mutating: u64,
    nodes: Vec<NodeStatus>,
}

#[derive(Debug, Deserialize)]
struct NodeStatus {
    name: String,
    api: String,
    peer_id: PeerId,
    zone: Option<String>,
    peering: usize,
}

/// `GET /links`.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Links {
    /// Pairs that list each other at both ends.
    pub(crate) pairs: usize,
    /// When that last changed, milliseconds by the fakes' clock.
    pub(crate) changed_at_ms: u64,
    /// Now, by the same clock.
    pub(crate) now_ms: u64,
}

/// One line of `GET /history`.
#[derive(Debug, Deserialize)]
pub(crate) struct Event {
    /// When, milliseconds by the fakes' clock.
    pub(crate) at_ms: u64,
    /// At which node.
    pub(crate) node: String,
    /// `started`, `stopped`, `opened`, `closed`, `trimmed` or `dial_failed`.
    pub(crate) what: String,
    /// The peer that it is about, or its own identity.
    pub(crate) peer: Option<PeerId>,
}

// === impl Stage ===

impl Stage {
    /// Starts fakes with 2 ms round trip and 8 ms dial, and waits until they can be asked.
    ///
    /// # Errors
    /// When they do not start.
    pub(crate) fn fakes(&self, spec: FakesSpec) -> Result<Fakes> {
        let (nodes, base) = (spec.nodes.to_string(), self.base.to_string());
        let (api, swarm) = (API_PORT.to_string(), SWARM_PORT.to_string());
        let mut args = vec!["--nodes", &nodes, "--base", &base, "--zones", ZONES];
        args.extend(["--api-port", &api, "--swarm-port", &swarm]);
        args.extend(["--rtt-ms", "2", "--dial-ms", "8", "--log-limit", "1"]);
        args.extend(spec.history.then_some("--history"));
        let log = self.path("fakefleet.log");
        let mut process = Process::start("fakefleet", &self.fakefleet, &args, &log)?;
        let ready: Value = serde_json::from_str(&process.line(START)?)?;
        let control = ready["control"]
            .as_str()
            .context("fakefleet names no control API")?;
        let mut fakes = Fakes {
            process,
            http: Http::new(),
            control: control.into(),
            nodes: Vec::new(),
        };
        let status = fakes.status()?;
        fakes.nodes = status
            .nodes
            .into_iter()
            .map(FleetNode::try_from)
            .collect::<Result<_>>()?;
        Ok(fakes)
    }
}

// === impl Fakes ===

impl Fakes {
    /// Every node, in order of their names.
    pub(crate) fn nodes(&self) -> &[FleetNode] {
        &self.nodes
    }

    /// What the process and its nodes have come to.
    ///
    /// # Errors
    /// When it does not answer.
    pub(crate) fn status(&self) -> Result<Status> {
        self.http.get(&format!("{}/status", self.control))
    }

    /// How many pairs are linked.
    ///
    /// # Errors
    /// When it does not answer.
    pub(crate) fn links(&self) -> Result<Links> {
        self.http.get(&format!("{}/links", self.control))
    }

    /// What happened since this was last asked.
    ///
    /// # Errors
    /// When it does not answer.
    pub(crate) fn history(&self) -> Result<Vec<Event>> {
        self.http.get(&format!("{}/history", self.control))
    }

    /// Ends a node: its connections are closed, its RPC refuses.
    ///
    /// # Errors
    /// When there is none of this name.
    pub(crate) fn kill(&self, name: &str) -> Result<()> {
        self.http
            .order(&format!("{}/kill", self.control), &json!({ "node": name }))
    }

    /// Starts it again. It has forgotten its peering entries.
    ///
    /// # Errors
    /// When there is none of this name, or it cannot listen.
    pub(crate) fn start(&self, name: &str) -> Result<()> {
        self.http
            .order(&format!("{}/start", self.control), &json!({ "node": name }))
    }

    /// Has a node close its connections to another.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn disconnect(&self, node: &FleetNode, from: &FleetNode) -> Result<()> {
        let rpc = format!("http://{}/api/v0/swarm", node.api);
        let listed: Value = self.http.post(&format!("{rpc}/peers"))?;
        let peer = from.peer_id.to_string();
        let entries = listed["Peers"].as_array().map_or(&[][..], Vec::as_slice);
        let addresses = entries
            .iter()
            .filter(|entry| entry["Peer"] == peer.as_str());
        let addresses: Vec<_> = addresses
            .filter_map(|entry| entry["Addr"].as_str())
            .collect();
        ensure!(!addresses.is_empty(), "{} does not list {peer}", node.name);
        for address in addresses {
            let url = format!("{rpc}/disconnect?arg={address}/p2p/{peer}");
            self.http.post::<Value>(&url)?;
        }
        Ok(())
    }

    /// Holds every node's own `swarm/peers` against the wanted pairs: each listed on both ends, and
    /// nothing else.
    ///
    /// # Errors
    /// When a list is another.
    pub(crate) fn verify(&self, pairs: &BTreeSet<(usize, usize)>) -> Result<()> {
        let mut wanted = vec![BTreeSet::new(); self.nodes.len()];
        for &(a, b) in pairs {
            wanted[a].insert(self.nodes[b].peer_id);
            wanted[b].insert(self.nodes[a].peer_id);
        }
        let work: Vec<_> = self.nodes.iter().zip(&wanted).collect();
        let (share, http) = (work.len().div_ceil(READERS).max(1), &self.http);
        std::thread::scope(|scope| {
            let all = |chunk: &[(&FleetNode, &BTreeSet<PeerId>)]| {
                chunk
                    .iter()
                    .try_for_each(|(node, wanted)| compare(http, node, wanted))
            };
            let readers: Vec<_> = work
                .chunks(share)
                .map(|chunk| scope.spawn(move || all(chunk)))
                .collect();
            readers.into_iter().try_for_each(|reader| {
                reader
                    .join()
                    .map_err(|_| anyhow::anyhow!("a reader panicked"))?
            })
        })
    }

    /// An error with its last words when the process has ended.
    ///
    /// # Errors
    /// See above.
    pub(crate) fn check(&mut self) -> Result<()> {
        self.process.check()
    }

    /// Ends it.
    ///
    /// # Errors
    /// When that takes too long.
    pub(crate) fn end(self) -> Result<()> {
        self.process.end()
    }
}

fn compare(http: &Http, node: &FleetNode, wanted: &BTreeSet<PeerId>) -> Result<()> {
    let listed: Value = http.post(&format!("http://{}/api/v0/swarm/peers", node.api))?;
    let entries = listed["Peers"].as_array().map_or(&[][..], Vec::as_slice);
    let peer = |entry: &Value| -> Result<PeerId> {
        Ok(entry["Peer"]
            .as_str()
            .context("an entry without a peer")?
            .parse()?)
    };
    let peers: BTreeSet<PeerId> = entries.iter().map(peer).collect::<Result<_>>()?;
    let (name, found) = (&node.name, peers.len());
    ensure!(
        peers == *wanted,
        "{name} lists {found} peers, {} are wanted",
        wanted.len()
    );
    Ok(())
}

// === impl FleetNode, Status ===

impl FleetNode {
    /// UID of its pod.
    pub(crate) fn pod_uid(&self) -> String {
        format!("uid-of-{}", self.name)
    }

    /// Where its swarm listens.
    pub(crate) fn swarm(&self) -> Address {
        Address::tcp(self.api.ip(), SWARM_PORT)
    }
}

impl Status {
    /// How many peering entries all nodes have together.
    pub(crate) fn entries(&self) -> usize {
        self.nodes.iter().map(|node| node.peering).sum()
    }
}

impl TryFrom<NodeStatus> for FleetNode {
    type Error = anyhow::Error;

    fn try_from(status: NodeStatus) -> Result<Self> {
        let NodeStatus {
            name,
            api,
            peer_id,
            zone,
            ..
        } = status;
        let address = api.strip_prefix("http://").unwrap_or(&api);
        let api = address
            .parse()
            .with_context(|| format!("{name} is at `{api}`"))?;
        Ok(Self {
            name,
            api,
            peer_id,
            zone: zone.unwrap_or_default(),
        })
    }
}
