//! Observations: what a node answered, or why it did not, and when.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    Address, Connections, Failure, FailureKind, Kept, Listed, MemberUid, PathTaken, PeerId,
    Timestamp,
};

/// One part of what was read: the value, or why it could not be had. "Nothing" is a value.
pub type Reading<T> = Result<T, Failure>;

/// Who dialled a connection, as `swarm/peers?direction=true` tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Direction {
    /// The node does not say (0, or absent).
    Unknown,
    /// The other end dialled (1).
    Inbound,
    /// This node dialled (2).
    Outbound,
}

/// One connection that a node lists. A node may list several to one peer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// The node at the far end.
    pub peer: PeerId,
    /// The far end's address as this node sees it, the exact text that `swarm/disconnect` wants.
    pub address: Address,
    /// Who dialled.
    pub direction: Direction,
}

/// One entry of a node's peering list: from its config or by `swarm/peering/add`; Kubo does not
/// tell which (kubo.md 1.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeeringEntry {
    /// Whom the node keeps connected.
    pub peer: PeerId,
    /// Where, without `/p2p/…`.
    pub addresses: Vec<Address>,
}

/// The connection manager's settings as far as the config says them; absent means Kubo's default
/// (32/96/20 s, measured-on-kubo row 19).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConnLimits {
    /// `Type`: `none` switches trimming off.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// `LowWater`, connections.
    pub low_water: Option<i64>,
    /// `HighWater`, connections.
    pub high_water: Option<i64>,
}

/// An identity that connections to a member showed in one pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sighting {
    /// When.
    pub at: Timestamp,
    /// Who answered.
    #[serde(rename = "peerID")]
    pub peer_id: PeerId,
    /// Kubo's `AgentVersion`, at most 128 characters.
    pub agent_version: Arc<str>,
    /// The IPs of the addresses that it announces to others, each once; at most 64.
    #[serde(default)]
    pub announced: Arc<[IpAddr]>,
    /// How many separate connections of this pass showed it.
    pub connections: u8,
}

/// All that was read from a node on one verified connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeState {
    /// When the reading ended.
    pub at: Timestamp,
    /// The identity that the connection showed.
    #[serde(rename = "peerID")]
    pub peer_id: PeerId,
    /// `swarm/peers`. Shared with the state before when the node said the same.
    #[serde(with = "crate::reading")]
    pub peers: Reading<Kept<Connections>>,
    /// `swarm/peering/ls`.
    #[serde(with = "crate::reading")]
    pub peering: Reading<Kept<Vec<PeeringEntry>>>,
    /// `swarm/filters`: the live dial filters, as the node prints them.
    #[serde(with = "crate::reading")]
    pub filters: Reading<Kept<Vec<Arc<str>>>>,
    /// `swarm/addrs/listen`: the addresses of its interfaces.
    #[serde(with = "crate::reading")]
    pub listen: Reading<Kept<Vec<Address>>>,
    /// The connection manager's settings; `None` when they were not asked in this pass.
    #[serde(with = "crate::reading::optional")]
    pub conn_limits: Option<Reading<ConnLimits>>,
}

/// What is known of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// The life of the member that was asked.
    pub uid: MemberUid,
    /// When the last inquiry began: what happens to the node after that may not show in its answer.
    pub asked: Timestamp,
    /// The identity last shown, whether or not it was the expected one.
    pub sighting: Option<Sighting>,
    /// The last state that was read from the expected identity. It counts as present only while
    /// `failure` is `None`; else it is history.
    pub state: Option<NodeState>,
    /// Why the last inquiry gave no state; `None` when it did what was asked.
    pub failure: Option<Failure>,
    /// Consecutive failures; 0 after an answer.
    pub failures: u32,
    /// The way that was taken, where there is a choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathTaken>,
}

impl NodeState {
    /// The connections that it lists; none if they could not be read.
    pub fn connections(&self) -> impl Iterator<Item = Listed<'_>> {
        self.peers.iter().flat_map(|peers| peers.iter())
    }
}

impl Observation {
    /// The state if the last inquiry succeeded: a node that did not answer is unknown, never empty.
    #[must_use]
    pub fn present(&self) -> Option<&NodeState> {
        if self.failure.is_some() {
            None
        } else {
            self.state.as_ref()
        }
    }

    /// This answer with what is known of the same life of the member, where it brought nothing of it.
    ///
    /// An answer may come late: it is joined with what is known when it is taken, not with what was
    /// known when the node was asked, which somebody may have had reason to forget meanwhile.
    #[must_use]
    pub fn over(mut self, known: Option<&Self>) -> Self {
        if let Some(known) = known.filter(|known| known.uid == self.uid) {
            self.sighting = self.sighting.or_else(|| known.sighting.clone());
            // What was too much to keep is not kept as history either: its room is for the next answer.
            let too_much = |failure: &Failure| failure.kind == FailureKind::BodyTooLarge;
            if !self.failure.as_ref().is_some_and(too_much) {
                self.state = self.state.or_else(|| known.state.clone());
            }
        }
        self
    }

    /// How old the last state is.
    #[must_use]
    pub fn age(&self, now: Timestamp) -> Option<Duration> {
        self.state.as_ref().map(|state| now.since(state.at))
    }
}
