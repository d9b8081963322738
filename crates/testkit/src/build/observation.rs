//! Observations.

use std::sync::Arc;

use kubomesh_core::{
    Address, ConnLimits, Connection, Direction, Failure, FailureKind, MemberUid, NodeState,
    Observation, PeerId, PeeringEntry, Sighting, Timestamp,
};

use super::member::uid;
use super::{NOW, address, peer};

/// What a node answered, under construction.
#[derive(Debug, Clone)]
pub struct ObservationBuilder {
    number: u16,
    observation: Observation,
    connections: Vec<Connection>,
    peering: Vec<PeeringEntry>,
    filters: Vec<Arc<str>>,
    listen: Vec<Address>,
    conn_limits: Option<ConnLimits>,
    sighting_connections: u8,
}

impl ObservationBuilder {
    /// Member `number` answered all calls at [`NOW`]: itself, and nothing else.
    #[must_use]
    pub fn new(number: u16) -> Self {
        Self {
            number,
            observation: Observation {
                path: None,
                uid: uid(number, 1),
                asked: NOW,
                sighting: None,
                state: None,
                failure: None,
                failures: 0,
            },
            connections: Vec::new(),
            peering: Vec::new(),
            filters: Vec::new(),
            listen: vec![address(number)],
            conn_limits: None,
            sighting_connections: 1,
        }
    }

    /// The observation, of a node that shows the member's own identity.
    #[must_use]
    pub fn build(self) -> Observation {
        let peer_id = peer(self.number);
        self.shown(peer_id)
    }

    /// The observation, of a node that shows this identity.
    #[must_use]
    pub fn shown(self, peer_id: PeerId) -> Observation {
        let at = self.observation.asked;
        let failed = self.observation.failure.is_some();
        let sighting = Sighting {
            at,
            peer_id,
            agent_version: "kubo/0.44.0".into(),
            announced: [].into(),
            connections: self.sighting_connections,
        };
        let state = NodeState {
            at,
            peer_id,
            peers: Ok(self.connections.into_iter().collect()),
            peering: Ok(self.peering.into()),
            filters: Ok(self.filters.into()),
            listen: Ok(self.listen.into()),
            conn_limits: self.conn_limits.map(Ok),
        };
        Observation {
            sighting: (!failed).then_some(sighting),
            state: (!failed).then_some(state),
            ..self.observation
        }
    }

    /// Asked at a time.
    #[must_use]
    pub fn at(mut self, at: Timestamp) -> Self {
        self.observation.asked = at;
        self
    }

    /// About another life of the member.
    #[must_use]
    pub fn of(mut self, uid: MemberUid) -> Self {
        self.observation.uid = uid;
        self
    }

    /// Lists a connection with another member at its own address.
    #[must_use]
    pub fn connected(self, other: u16, direction: Direction) -> Self {
        self.connection(peer(other), address(other), direction)
    }

    /// Lists this connection.
    #[must_use]
    pub fn connection(mut self, peer: PeerId, address: Address, direction: Direction) -> Self {
        self.connections.push(Connection {
            peer,
            address,
            direction,
        });
        self
    }

    /// Has the peering entry that we would write for another member.
    #[must_use]
    pub fn protects(self, other: u16) -> Self {
        self.entry(peer(other), vec![address(other)])
    }

    /// Has this peering entry.
    #[must_use]
    pub fn entry(mut self, peer: PeerId, addresses: Vec<Address>) -> Self {
        self.peering.push(PeeringEntry { peer, addresses });
        self
    }

    /// Has this dial filter.
    #[must_use]
    pub fn filter(mut self, cidr: &str) -> Self {
        self.filters.push(cidr.into());
        self
    }

    /// Listens here and nowhere else.
    #[must_use]
    pub fn listens(mut self, addresses: Vec<Address>) -> Self {
        self.listen = addresses;
        self
    }

    /// Was asked for its connection manager's settings, and has these.
    #[must_use]
    pub fn conn_limits(mut self, limits: ConnLimits) -> Self {
        self.conn_limits = Some(limits);
        self
    }

    /// Showed its identity on so many connections.
    #[must_use]
    pub fn seen_on(mut self, connections: u8) -> Self {
        self.sighting_connections = connections;
        self
    }

    /// Did not answer, for the `failures`th time in a row.
    #[must_use]
    pub fn failed(mut self, kind: FailureKind, failures: u32) -> Self {
        self.observation.failure = Some(Failure::new(kind, kind.label()));
        self.observation.failures = failures;
        self
    }
}
