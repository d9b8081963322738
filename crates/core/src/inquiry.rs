//! What to ask a node in this pass. The planner says it; the executor asks it and nothing more.

use serde::{Deserialize, Serialize};

use crate::{Access, MemberUid, PeerId};

/// Which identity a connection must show before anything but `id` is sent on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Expected {
    /// The one that this life of the member is recorded with.
    Peer(PeerId),
    /// Any: first contact, or the container was started anew since the record. What is shown is
    /// recorded before it is used.
    Anyone,
}

/// How much is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scope {
    /// `id` and nothing else.
    Identity,
    /// `id` and `swarm/addrs/listen`: what a first record needs.
    Introduction,
    /// All that planning needs; with `conn_limits` also `config?arg=Swarm.ConnMgr`, which is read
    /// once per container start.
    Full {
        /// Whether the connection manager's marks are read too.
        conn_limits: bool,
    },
}

/// One node to be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inquiry {
    /// The life of the member that is meant; connections are kept by it.
    pub uid: MemberUid,
    /// How its API is reached.
    pub access: Access,
    /// Who must answer.
    pub expected: Expected,
    /// What is read.
    pub scope: Scope,
    /// On how many separate connections the identity is asked; more than one only to confirm a
    /// changed identity in a members file.
    pub connections: u8,
}
