//! A connection as each of its ends sees it.

use kubomesh_core::{Address, Direction, Network, PeerId, Timestamp};

use crate::node::NodeIndex;

/// Which connection. Never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ConnId {
    pub(crate) serial: u64,
    pub(crate) slot: u32,
}

/// The end that dialled or the end that accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    Dialler = 0,
    Acceptor = 1,
}

/// A connection. An end that is `None` is closed: if the other one is still there the connection is
/// half-open (row 30).
#[derive(Debug, Clone)]
pub(crate) struct Conn {
    pub(crate) nodes: [NodeIndex; 2],
    pub(crate) ends: [Option<End>; 2],
    pub(crate) way: Way,
}

/// What one node lists.
#[derive(Debug, Clone)]
pub(crate) struct End {
    pub(crate) peer: PeerId,
    pub(crate) address: Address,
    pub(crate) since: Timestamp,
    /// Whether a timer is set that looks whether the far end is still there.
    pub(crate) watched: bool,
}

/// How the bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Directly, over this network.
    Direct(Network),
    /// Through a relay; a limited circuit does not count as connected (kubo.md 1.3, 3).
    Circuit { limited: bool },
}

impl Side {
    pub(crate) const BOTH: [Self; 2] = [Self::Dialler, Self::Acceptor];

    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Dialler => Self::Acceptor,
            Self::Acceptor => Self::Dialler,
        }
    }

    pub(crate) const fn direction(self) -> Direction {
        match self {
            Self::Dialler => Direction::Outbound,
            Self::Acceptor => Direction::Inbound,
        }
    }
}

impl Conn {
    pub(crate) fn node(&self, side: Side) -> NodeIndex {
        self.nodes[side as usize]
    }

    pub(crate) fn end(&self, side: Side) -> Option<&End> {
        self.ends[side as usize].as_ref()
    }

    pub(crate) fn end_mut(&mut self, side: Side) -> Option<&mut End> {
        self.ends[side as usize].as_mut()
    }

    /// The end that a node has. A node never connects to itself.
    pub(crate) fn side_of(&self, node: NodeIndex) -> Side {
        if self.nodes[0] == node {
            Side::Dialler
        } else {
            Side::Acceptor
        }
    }

    pub(crate) fn is_limited(&self) -> bool {
        self.way == Way::Circuit { limited: true }
    }
}
