//! The contract: the nodes of this run answer as the recorded Kubo did.
//!
//! Every node has a network namespace of its own, as the recorded ones had: its address is no
//! loopback, so that libp2p's limits hold, and the only one that it dials from.

mod network;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::atomic::{AtomicU8, Ordering};

use anyhow::{Context, Result, ensure};
use futures::StreamExt;
use futures::future::try_join_all;
use kubomesh_testkit::contract::{self, Blur, NodeOptions, Recording, Subject, Topic, Verdict};

use crate::node::{Kind, Node, SWARM_PORT, Settings};
use crate::registry::Scenario;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::contract(
        "contract_itself",
        "what a node says of itself, and how it refuses a wrong call",
        Topic::Itself,
    ),
    Scenario::contract(
        "contract_links",
        "connections: made, listed, pinged, closed",
        Topic::Links,
    ),
    Scenario::contract(
        "contract_failures",
        "dials that fail, the rate limit among them, and calls that run out of time",
        Topic::Failures,
    ),
    Scenario::contract(
        "contract_filters",
        "dial filters, on both ends",
        Topic::Filters,
    ),
    Scenario::contract("contract_peering", "peering entries", Topic::Peering),
    Scenario::contract(
        "contract_access",
        "nodes that want a token, and nodes offline",
        Topic::Access,
    ),
    Scenario::contract(
        "contract_private_swarms",
        "swarms with a key",
        Topic::PrivateSwarms,
    ),
];

/// How many recordings are played at once.
const AT_ONCE: usize = 4;

/// Nodes as the lab runs them.
struct Nodes<'a> {
    kind: &'a Kind,
    folder: &'a Path,
    started: AtomicU8,
}

/// One of them. Dropping it ends it.
struct Running(Node);

/// Holds the nodes of this kind against the recordings of a topic.
pub(crate) async fn hold(kind: &Kind, topic: Topic, folder: &Path) -> Result<()> {
    let nodes = Nodes {
        kind,
        folder,
        started: AtomicU8::new(0),
    };
    network::lay(folder).await?;
    let mut recordings = contract::load()?;
    recordings.retain(|recording| recording.topic() == Some(topic));
    ensure!(!recordings.is_empty(), "there are no recordings of it");
    let played = futures::stream::iter(&recordings).map(async |recording: &Recording| {
        let verdict = contract::run(&nodes, recording).await;
        (recording.name.as_str(), verdict)
    });
    let verdicts: BTreeMap<_, _> = played.buffer_unordered(AT_ONCE).collect().await;
    let (mut kept, mut broken) = (0, Vec::new());
    for (name, verdict) in verdicts {
        match verdict.with_context(|| name.to_owned())? {
            Verdict::Kept => kept += 1,
            Verdict::Excluded(reason) => println!("{name}: not asked: {reason}"),
            Verdict::Broken(found) => {
                let found: Vec<_> = found.iter().map(ToString::to_string).collect();
                broken.push(format!("{name}:\n    {}", found.join("\n    ")));
            }
        }
    }
    let count = broken.len();
    ensure!(broken.is_empty(), "{count} broken:\n{}", broken.join("\n"));
    match nodes.blurs() {
        [] => println!("{kept} recordings are answered as recorded"),
        blurs => println!("{kept} recordings are answered as recorded, but for {blurs:?}"),
    }
    Ok(())
}

// === impl Nodes ===

impl Nodes<'_> {
    async fn node(&self, options: &NodeOptions) -> Result<Node> {
        let number = 1 + self.started.fetch_add(1, Ordering::Relaxed);
        let (secret, opens) = options.authorization.unzip();
        let (netns, own) = network::add(number).await?;
        let token = secret.map(|secret| secret.strip_prefix("bearer:").context("no bearer token"));
        let settings = Settings {
            server_profile: options.server_profile,
            offline: options.offline,
            token: token.transpose()?.map(str::to_owned),
            opens: opens.unwrap_or_default(),
            swarm_key: options.swarm_key,
            as_made: true,
            netns: Some(netns),
            ..Settings::default()
        };
        let name = format!("node-{number}");
        let at = (own, network::LAB);
        Ok(Node::new(&name, self.kind, at, self.folder, settings))
    }
}

impl Subject for Nodes<'_> {
    type Node = Running;

    async fn start(&self, nodes: &[NodeOptions]) -> Result<Vec<Running>> {
        let started = nodes.iter().map(async |options| {
            let mut node = self.node(options).await?;
            node.start().await?;
            Ok(Running(node))
        });
        try_join_all(started).await
    }

    fn excluded(&self, _recording: &str) -> Option<&'static str> {
        None
    }

    fn nowhere(&self) -> SocketAddr {
        network::nowhere()
    }

    fn blurs(&self) -> &'static [Blur] {
        match self.kind {
            // It has neither WebSocket nor a DHT.
            Kind::Swarmnode(_) => &[
                Blur::WebSocket,
                Blur::Latency,
                Blur::Streams,
                Blur::EndOrReset,
            ],
            Kind::Kubo(_) => &[Blur::EndOrReset],
        }
    }
}

impl contract::Node for Running {
    fn api(&self) -> SocketAddr {
        self.0.api()
    }

    fn swarm(&self) -> SocketAddr {
        SocketAddr::new(IpAddr::V4(self.0.ip()), SWARM_PORT)
    }
}

#[cfg(test)]
mod tests;
