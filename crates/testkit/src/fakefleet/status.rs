//! What the control API tells: an independent reader of the fleet.

use std::collections::BTreeMap;

use kubomesh_model::{Closing, What};
use serde::Serialize;

use super::nodes::{Fake, Nodes};

/// `GET /status`.
#[derive(Serialize)]
pub(super) struct Status {
    #[serde(flatten)]
    links: Links,
    /// CPU time of this process, milliseconds.
    cpu_ms: f64,
    calls: u64,
    mutating: u64,
    nodes: Vec<NodeStatus>,
}

/// `GET /links`.
#[derive(Serialize)]
pub(super) struct Links {
    /// Pairs that list each other at both ends.
    pub(super) pairs: usize,
    /// When that last changed, milliseconds since 1970.
    changed_at_ms: u64,
    /// Now, by the fleet's clock.
    now_ms: u64,
}

/// One node of `GET /status`, or `GET /node?name=…`.
#[derive(Serialize)]
pub(super) struct NodeStatus {
    name: String,
    api: String,
    peer_id: String,
    up: bool,
    zone: Option<String>,
    /// Connections that it lists.
    links: usize,
    /// Entries of its peering service.
    peering: usize,
    calls: u64,
    mutating: u64,
    /// Names of the nodes that it lists; of one node only.
    #[serde(skip_serializing_if = "Option::is_none")]
    peers: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by_verb: Option<BTreeMap<String, u64>>,
}

/// One line of `GET /history`.
#[derive(Serialize)]
pub(super) struct Line {
    at_ms: u64,
    node: String,
    what: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<String>,
}

pub(super) fn status(nodes: &Nodes) -> Status {
    let list: Vec<_> = nodes
        .iter()
        .map(|(name, fake)| node(nodes, name, fake, false))
        .collect();
    Status {
        links: links(nodes),
        cpu_ms: cpu_ms(),
        calls: list.iter().map(|node| node.calls).sum(),
        mutating: list.iter().map(|node| node.mutating).sum(),
        nodes: list,
    }
}

pub(super) fn links(nodes: &Nodes) -> Links {
    nodes.fleet().with(|world| Links {
        pairs: world.linked_pairs(),
        changed_at_ms: world.pairs_changed().0,
        now_ms: world.now().0,
    })
}

pub(super) fn node(nodes: &Nodes, name: &str, fake: &Fake, full: bool) -> NodeStatus {
    let counts = fake.kubo.counts();
    let index = fake.kubo.node();
    nodes.fleet().with(|world| {
        let node = world.node(index);
        let called = |peer| {
            let known = world
                .find_peer(peer)
                .map(|index| world.node(index).spec().name.to_string());
            known.unwrap_or_else(|| peer.to_string())
        };
        let peers = || {
            let list = world.peers(index).unwrap_or_default();
            list.iter()
                .map(|connection| called(connection.peer))
                .collect()
        };
        NodeStatus {
            name: name.to_owned(),
            api: fake.kubo.endpoint().to_string(),
            peer_id: node.spec().peer_id.to_string(),
            up: node.is_up(),
            zone: fake.zone.clone(),
            links: node.open_connections(),
            peering: world.peering_ls(index).map_or(0, |list| list.len()),
            calls: counts.calls,
            mutating: counts.mutating,
            peers: full.then(peers),
            by_verb: full.then_some(counts.by_verb),
        }
    })
}

pub(super) fn history(nodes: &Nodes) -> Vec<Line> {
    nodes.fleet().with(|world| {
        let happenings = world.history();
        let line = |happening: &kubomesh_model::Happening| {
            let (what, peer) = match happening.what {
                What::Started(peer) => ("started", Some(peer)),
                What::Stopped => ("stopped", None),
                What::Opened(peer, _) => ("opened", Some(peer)),
                What::Closed(peer, Closing::Trimmed) => ("trimmed", Some(peer)),
                What::Closed(peer, _) => ("closed", Some(peer)),
                What::DialFailed(peer) => ("dial_failed", Some(peer)),
            };
            Line {
                at_ms: happening.at.0,
                node: world.node(happening.node).spec().name.to_string(),
                what,
                peer: peer.map(|peer| peer.to_string()),
            }
        };
        happenings.iter().map(line).collect()
    })
}

fn cpu_ms() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let whole = std::time::Duration::new(
        u64::try_from(time.tv_sec).unwrap_or_default(),
        u32::try_from(time.tv_nsec).unwrap_or_default(),
    );
    whole.as_secs_f64() * 1000.0
}
