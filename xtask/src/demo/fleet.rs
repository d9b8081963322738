//! The nodes, whatever they are made of.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use anyhow::Result;
use serde::Deserialize;

use super::http::Http;
use super::pages::LinkReport;

/// One node.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// As in the members file.
    pub(super) name: String,
    /// Where its RPC is.
    pub(super) rpc: SocketAddr,
    /// Its identity.
    pub(super) peer: String,
}

/// Nodes that can be hurt.
pub(super) trait Fleet {
    /// All of them, also those that do not run.
    fn nodes(&self) -> &[Node];

    /// Ends a node as a crash would.
    fn kill(&mut self, index: usize) -> Result<()>;

    /// Starts a node again, with the same identity and an empty memory.
    fn start(&mut self, index: usize) -> Result<()>;

    /// Kills a node and starts it at another address, with the same identity.
    fn relocate(&mut self, index: usize) -> Result<()>;

    /// Ends all of them in order.
    fn end(self: Box<Self>);
}

/// `swarm/peers`, as far as it is read here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Peers {
    #[serde(default)]
    peers: Option<Vec<Peer>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Peer {
    peer: String,
}

/// How many of these links both ends list, by the nodes' own answers. A node that does not answer
/// lists nothing.
pub(super) fn on_both_ends(nodes: &[Node], links: &[LinkReport], http: &Http) -> usize {
    let lists: BTreeMap<&str, (&str, BTreeSet<String>)> = nodes
        .iter()
        .map(|node| (node.name.as_str(), (node.peer.as_str(), list(node, http))))
        .collect();
    let there = links.iter().filter(|LinkReport { link, .. }| {
        let (Some((a, list_of_a)), Some((b, list_of_b))) =
            (lists.get(link.a.as_str()), lists.get(link.b.as_str()))
        else {
            return false;
        };
        list_of_a.contains(*b) && list_of_b.contains(*a)
    });
    there.count()
}

fn list(node: &Node, http: &Http) -> BTreeSet<String> {
    let answer: Result<Peers> = http.post(&format!("http://{}/api/v0/swarm/peers", node.rpc));
    let peers = answer
        .ok()
        .and_then(|peers| peers.peers)
        .unwrap_or_default();
    peers.into_iter().map(|peer| peer.peer).collect()
}
