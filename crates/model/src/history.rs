//! What happened in a world, for stories and comparisons.

use kubomesh_core::{Direction, PeerId, Timestamp};

use crate::node::NodeIndex;
use crate::rng::mix;

/// One thing that happened at one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Happening {
    /// When.
    pub at: Timestamp,
    /// At which node.
    pub node: NodeIndex,
    /// What.
    pub what: What,
}

/// What can happen at a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Its process started, with this identity.
    Started(PeerId),
    /// Its process ended.
    Stopped,
    /// It lists a new connection.
    Opened(PeerId, Direction),
    /// It no longer lists a connection.
    Closed(PeerId, Closing),
    /// A dial of it failed.
    DialFailed(PeerId),
}

/// Why a node no longer lists a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// `swarm/disconnect`.
    Asked,
    /// The far end closed it.
    FarEnd,
    /// The node's own connection manager.
    Trimmed,
    /// Nothing was heard from the far end, or it knows nothing of the connection.
    Stale,
    /// The node's own process ended.
    Stopped,
}

/// The list of what happened, if it is kept, and its digest.
#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    pub(crate) kept: Option<Vec<Happening>>,
    pub(crate) digest: u64,
}

impl History {
    pub(crate) fn note(&mut self, happening: Happening) {
        let Happening { at, node, what } = happening;
        let word = match what {
            What::Started(peer) => 1 ^ tail(peer),
            What::Stopped => 2,
            What::Opened(peer, direction) => 3 ^ ((direction as u64) << 8) ^ tail(peer),
            What::Closed(peer, why) => 4 ^ ((why as u64) << 8) ^ tail(peer),
            What::DialFailed(peer) => 5 ^ tail(peer),
        };
        for word in [at.0, u64::from(node.0), word] {
            self.digest = mix(self.digest.rotate_left(5) ^ word);
        }
        if let Some(kept) = &mut self.kept {
            kept.push(happening);
        }
    }
}

/// Eight bytes of a peer ID that are not those of its key's type.
fn tail(peer: PeerId) -> u64 {
    peer.to_bytes()
        .iter()
        .rev()
        .take(7)
        .fold(0, |word, byte| (word << 8) | u64::from(*byte))
        << 8
}
