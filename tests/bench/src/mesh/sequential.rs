//! The same batched calls, one at a time: what a script that knows all addresses would do.

use std::time::{Duration, Instant};

use anyhow::Result;
use kubomesh_conn::open;
use kubomesh_core::{Address, Endpoint, Expected};
use kubomesh_kubo::{Node, introduce};

use crate::cpu;
use crate::desired::Pairs;
use crate::figures::mean;
use crate::stage::{Fakes, FleetNode};

/// Deadline of every call.
const DEADLINE: Duration = Duration::from_secs(15);

/// What the calls took, one after the other.
#[derive(Debug)]
pub(crate) struct Sequential {
    /// How many links were made.
    pub(super) links: usize,
    /// Of how many nodes the entries were added.
    nodes: usize,
    /// How many nodes there are.
    all_nodes: usize,
    connects: Duration,
    additions: Duration,
    /// CPU time of this process and of the fakes.
    cpu: Duration,
    /// Of a call that dials nothing.
    pub(super) rtt: Duration,
    /// What `swarm/connect` takes beyond a round trip.
    pub(super) dial: Duration,
}

/// Makes the first `most` links: an entry for every partner on both ends, by one `peering/add` a
/// node, and one `swarm/connect` a link. The connections to the nodes are open already, and nothing
/// is read back: less than the controller does.
///
/// # Errors
/// When a node refuses.
pub(super) fn measure(fakes: &Fakes, pairs: &Pairs, most: usize) -> Result<Sequential> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(one_by_one(fakes, pairs, most))
}

async fn one_by_one(fakes: &Fakes, pairs: &Pairs, most: usize) -> Result<Sequential> {
    let nodes = fakes.nodes();
    let mut open = Vec::new();
    for node in nodes {
        open.push(verified(node).await?);
    }
    let rtt = round_trip(&mut open).await?;
    let addresses: Vec<Address> = nodes
        .iter()
        .map(|node| node.swarm().with_peer(node.peer_id))
        .collect();
    let mut partners = vec![Vec::new(); nodes.len()];
    for &(a, b) in pairs {
        partners[a].push(addresses[b].clone());
        partners[b].push(addresses[a].clone());
    }
    let links = pairs.len().min(most);
    let part = (nodes.len() * links).div_ceil(pairs.len().max(1));
    let cpu_before = cpu_of(fakes)?;

    let began = Instant::now();
    for &(a, b) in pairs.iter().take(links) {
        open[a].connect(&addresses[b], DEADLINE).await?;
    }
    let connects = began.elapsed();
    // Last: 7.5 s after its entry was added Kubo begins to dial by itself.
    let began = Instant::now();
    for (node, partners) in open.iter_mut().zip(&partners).take(part) {
        node.peering_add(partners, DEADLINE).await?;
    }
    let additions = began.elapsed();

    let cpu = cpu_of(fakes)?.saturating_sub(cpu_before);
    let connect = connects / u32::try_from(links.max(1)).unwrap_or(u32::MAX);
    Ok(Sequential {
        links,
        nodes: part,
        all_nodes: nodes.len(),
        connects,
        additions,
        cpu,
        rtt,
        dial: connect.saturating_sub(rtt),
    })
}

async fn verified(node: &FleetNode) -> Result<Node> {
    let endpoint = Endpoint::http(node.api.ip(), node.api.port());
    let open = open(&endpoint, None, DEADLINE).await?;
    let introduction = introduce(open, None, DEADLINE).await?;
    Ok(introduction.accept(Expected::Peer(node.peer_id))?)
}

/// Mean time of a call that changes nothing, one a node.
async fn round_trip(nodes: &mut [Node]) -> Result<Duration> {
    let mut samples = Vec::new();
    for node in nodes {
        let began = Instant::now();
        node.filters(DEADLINE).await?;
        samples.push(began.elapsed());
    }
    Ok(mean(&samples))
}

fn cpu_of(fakes: &Fakes) -> Result<Duration> {
    let fakes = Duration::from_secs_f64(fakes.status()?.cpu_ms / 1000.0);
    Ok(cpu::own() + fakes)
}

// === impl Sequential ===

impl Sequential {
    /// What so many links would take.
    pub(super) fn total(&self, links: usize) -> Duration {
        let scale =
            |span: Duration, done: usize, all: usize| span.mul_f64(all as f64 / done.max(1) as f64);
        scale(self.connects, self.links, links) + scale(self.additions, self.nodes, self.all_nodes)
    }

    /// CPU time of this process and the fakes for a link, its share of the entries included.
    pub(super) fn cpu_per_link(&self) -> Duration {
        self.cpu / u32::try_from(self.links.max(1)).unwrap_or(u32::MAX)
    }
}
