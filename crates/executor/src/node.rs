//! A node that takes commands, whichever way leads to it: one set of verbs.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use kubomesh_agent_api::AgentNode;
use kubomesh_core::{
    Address, Call, ConnLimits, Connections, Expected, Failure, Listing, PeerId, PeeringEntry,
    Reading,
};
use kubomesh_kubo::Digest;

/// A node whose identity was accepted.
pub(crate) enum Node {
    /// On a connection of its own.
    Direct(kubomesh_kubo::Node),
    /// On the channel of its agent.
    Agent(AgentNode),
}

/// Who is there; nothing is sent yet.
pub(crate) enum Introduction {
    /// On a connection of its own.
    Direct(kubomesh_kubo::Introduction),
    /// On the channel of its agent.
    Agent(kubomesh_agent_api::Introduction),
}

// === impl Introduction ===

impl Introduction {
    pub(crate) fn peer_id(&self) -> PeerId {
        match self {
            Self::Direct(introduction) => introduction.peer_id(),
            Self::Agent(introduction) => introduction.peer_id(),
        }
    }

    pub(crate) fn agent_version(&self) -> Arc<str> {
        match self {
            Self::Direct(introduction) => introduction.agent_version(),
            Self::Agent(introduction) => introduction.agent_version(),
        }
    }

    /// The IPs of the addresses that it announces, each once.
    pub(crate) fn announced(&self) -> Arc<[IpAddr]> {
        match self {
            Self::Direct(introduction) => introduction.announced(),
            Self::Agent(introduction) => {
                let addresses = introduction.addresses().entries.iter();
                let ips: BTreeSet<IpAddr> = addresses.filter_map(Address::ip).collect();
                ips.into_iter().collect()
            }
        }
    }

    /// The node, if it is the expected one.
    pub(crate) fn accept(self, expected: Expected) -> Reading<Node> {
        Ok(match self {
            Self::Direct(introduction) => Node::Direct(introduction.accept(expected)?),
            Self::Agent(introduction) => Node::Agent(introduction.accept(expected)?),
        })
    }
}

// === impl Node ===

impl Node {
    pub(crate) fn peer_id(&self) -> PeerId {
        match self {
            Self::Direct(node) => node.peer_id(),
            Self::Agent(node) => node.peer_id(),
        }
    }

    /// Whether another call may be tried. `false` is certain.
    pub(crate) fn is_open(&self) -> bool {
        match self {
            Self::Direct(node) => node.is_open(),
            Self::Agent(node) => node.is_open(),
        }
    }

    /// The connections, with the digest of the answer where there is one; `None` when that is the digest
    /// from `before`.
    pub(crate) async fn peers_since(
        &mut self,
        before: Option<Digest>,
        deadline: Duration,
    ) -> Reading<(Option<Digest>, Option<Listing<Connections>>)> {
        match self {
            Self::Direct(node) => {
                let (digest, listing) = node.peers_since(before, deadline).await?;
                Ok((Some(digest), listing))
            }
            Self::Agent(node) => Ok((None, Some(node.peers(deadline).await?))),
        }
    }

    pub(crate) async fn peering(
        &mut self,
        deadline: Duration,
    ) -> Reading<Listing<Vec<PeeringEntry>>> {
        Ok(match self {
            Self::Direct(node) => node.peering(deadline).await?,
            Self::Agent(node) => node.peering(deadline).await?,
        })
    }

    pub(crate) async fn filters(&mut self, deadline: Duration) -> Reading<Listing<Vec<Arc<str>>>> {
        Ok(match self {
            Self::Direct(node) => node.filters(deadline).await?,
            Self::Agent(node) => node.filters(deadline).await?,
        })
    }

    pub(crate) async fn listen(&mut self, deadline: Duration) -> Reading<Listing<Vec<Address>>> {
        Ok(match self {
            Self::Direct(node) => node.listen(deadline).await?,
            Self::Agent(node) => node.listen(deadline).await?,
        })
    }

    pub(crate) async fn conn_limits(&mut self, deadline: Duration) -> Reading<ConnLimits> {
        Ok(match self {
            Self::Direct(node) => node.conn_limits(deadline).await?,
            Self::Agent(node) => node.conn_limits(deadline).await?,
        })
    }

    pub(crate) async fn apply(&mut self, call: &Call, deadline: Duration) -> Result<(), Failure> {
        match self {
            Self::Direct(node) => node.apply(call, deadline).await?,
            Self::Agent(node) => node.apply(call, deadline).await?,
        }
        Ok(())
    }
}
