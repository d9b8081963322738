//! The contract: every node that the product is tested against (a [`FakeKubo`](crate::FakeKubo),
//! the lab's stand-in, a real Kubo) answers as the recorded Kubo did.
//!
//! For each recording a scene brings nodes into the recorded state, sends the recorded request and
//! compares status, headers, chunking, trailers, JSON keys with their types and order, and message
//! text, after IDs, addresses, ports, versions, keys and times are substituted.
//! [`unaccounted`] names recordings without a scene, so that none is forgotten.

mod compare;
mod fake;
mod recordings;
mod scenes;
mod shape;
mod stage;
mod wire;

use std::future::Future;
use std::net::{IpAddr, SocketAddr};

use kubomesh_model::NodeSpec;

pub use compare::Difference;
pub use fake::FakeSubject;
pub use recordings::{Recording, load};
pub use shape::Shape;
pub use stage::run;

/// What a scene needs of a node. The default is a node as `ipfs init` makes it, without bootstrap
/// peers, on one address.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NodeOptions {
    /// `ipfs init --profile=server`.
    pub server_profile: bool,
    /// Started with `--offline`.
    pub offline: bool,
    /// `API.Authorizations` with one user: the secret, and the paths that it opens.
    pub authorization: Option<(&'static str, &'static [&'static str])>,
    /// A private swarm; nodes with the same number share a key.
    pub swarm_key: Option<u8>,
    /// The limits per address hold although the node is on loopback.
    pub limits_on_loopback: bool,
}

/// What a scene is about: the contract can be held in parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// One node, asked at once.
    Itself,
    /// Two nodes, connected or not.
    Links,
    /// Dials that fail, and calls that run out of time.
    Failures,
    /// Dial filters.
    Filters,
    /// Peering entries.
    Peering,
    /// Nodes that want a token, and nodes offline.
    Access,
    /// Swarms with a key.
    PrivateSwarms,
}

/// Starts nodes of one kind.
pub trait Subject {
    /// A running node; ends when it is dropped.
    type Node: Node;

    /// Starts the nodes of a scene together, so that they can reach each other.
    ///
    /// # Errors
    /// When one cannot be started.
    fn start(&self, nodes: &[NodeOptions])
    -> impl Future<Output = anyhow::Result<Vec<Self::Node>>>;

    /// Why this kind of node cannot be asked for a recording; `None` for all that it can.
    fn excluded(&self, recording: &str) -> Option<&'static str>;

    /// In what respects this kind of node cannot be held to the recordings.
    fn blurs(&self) -> &'static [Blur] {
        &[]
    }

    /// An address where nobody answers: no refusal either.
    fn nowhere(&self) -> SocketAddr {
        SocketAddr::from(([10, 77, 9, 9], NodeSpec::SWARM_PORT))
    }
}

/// A respect in which a kind of node cannot be held to the recordings: both sides are blurred.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blur {
    /// It does not listen for WebSocket under `*.libp2p.direct`.
    WebSocket,
    /// It knows no latency of a peer that it has not pinged, for want of a DHT that talks.
    Latency,
    /// It has no open streams to a peer that it has just connected to, for the same reason.
    Streams,
    /// A connection that the far end closes at once is reset when our first bytes were there already,
    /// and ends else: which of the two depends on the machine's load.
    EndOrReset,
}

/// A node under the contract.
pub trait Node: Send + Sync {
    /// Where its RPC listens.
    fn api(&self) -> SocketAddr;

    /// Where its swarm listens, TCP.
    fn swarm(&self) -> SocketAddr;

    /// The address that others see when it dials.
    fn source(&self) -> IpAddr {
        self.swarm().ip()
    }
}

/// How a recording went.
#[derive(Debug)]
pub enum Verdict {
    /// The node answers as recorded.
    Kept,
    /// It does not.
    Broken(Vec<Difference>),
    /// This kind of node cannot be asked; the reason says why.
    Excluded(&'static str),
}

/// Recordings that have no scene: the contract is incomplete while there are any.
///
/// # Errors
/// When the recordings cannot be read.
pub fn unaccounted() -> anyhow::Result<Vec<String>> {
    let recordings = load()?.into_iter().map(|recording| recording.name);
    Ok(recordings
        .filter(|name| scenes::find(name).is_none())
        .collect())
}
