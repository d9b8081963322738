//! One node: what it lists, and how it answers.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use kubomesh_core::*;

#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) number: u64,
    pub(crate) peer_id: PeerId,
    pub(crate) ip: IpAddr,
    pub(crate) port: u16,
    /// Its address on the storage network.
    pub(crate) storage: Option<IpAddr>,
    /// What it calls itself.
    pub(crate) agent_version: &'static str,
    /// The IPs that it announces.
    pub(crate) announced: Vec<IpAddr>,
    /// Why it does not answer, if it does not.
    pub(crate) failure: Option<Failure>,
    /// By which way it is asked, where there is a choice.
    pub(crate) path: Option<PathTaken>,
    /// Whether its swarm port can be reached; the RPC may be silent all the same.
    pub(crate) swarm: bool,
    /// Connections with a number that both ends share while both list it.
    pub(crate) connections: Vec<(u64, Connection)>,
    pub(crate) peering: Vec<PeeringEntry>,
    pub(crate) filters: Vec<Arc<str>>,
    /// Listed beside the swarm address.
    pub(crate) listen: Vec<Address>,
    pub(crate) limits: Reading<ConnLimits>,
    /// What dials from it fail with.
    pub(crate) dials_fail: Option<Failure>,
}

// === impl Node ===

impl Node {
    pub(crate) fn new(number: u64) -> Self {
        let third = u8::try_from(number / 200).unwrap();
        let fourth = u8::try_from(number % 200 + 1).unwrap();
        Self {
            number,
            peer_id: kubomesh_model::peer_id(number),
            ip: IpAddr::V4(Ipv4Addr::new(10, 0, third, fourth)),
            port: 4001,
            storage: None,
            agent_version: "kubo/0.43.0",
            announced: Vec::new(),
            failure: None,
            path: None,
            swarm: true,
            connections: Vec::new(),
            peering: Vec::new(),
            filters: Vec::new(),
            listen: Vec::new(),
            limits: Ok(ConnLimits::default()),
            dials_fail: None,
        }
    }

    pub(crate) fn address(&self) -> Address {
        Address::tcp(self.ip, self.port)
    }

    /// Every address that others know.
    pub(crate) fn addresses(&self) -> Vec<Address> {
        let storage = self.storage.map(|ip| Address::tcp(ip, self.port));
        [self.address()].into_iter().chain(storage).collect()
    }

    /// The pod that it runs in.
    pub(crate) fn member(&self, text: &str) -> Member {
        Member {
            name: MemberName::from(text),
            uid: MemberUid::from(format!("uid-{text}-{}", self.number)),
            role: Role::Kubo,
            source: Source::Pod,
            access: Access::Direct {
                endpoint: Endpoint::http(self.ip, 5001),
                auth: None,
                ca_file: None,
            },
            networks: BTreeMap::from([(Network::Pod, vec![self.ip])]),
            storage: StorageState::default(),
            host_ip: None,
            host_network: false,
            swarm_port: None,
            swarm: None,
            zone: "z".into(),
            container: Some(ContainerStart {
                restarts: 0,
                id: format!("c{}", self.number).into(),
            }),
            ready: true,
            created: Timestamp(0),
            stated_peer_id: None,
            contact: Contact::Allowed,
        }
    }

    /// Lists a peering entry that nobody of ours wrote.
    pub(crate) fn has_entry(&mut self, peer: PeerId, addresses: &[&str]) {
        let addresses = addresses
            .iter()
            .map(|text| Address::lenient(text))
            .collect();
        self.peering.push(PeeringEntry { peer, addresses });
    }

    /// Lists a connection that no other node knows of.
    pub(crate) fn lists(&mut self, peer: PeerId, address: &str, direction: Direction) {
        let connection = Connection {
            peer,
            address: Address::lenient(address),
            direction,
        };
        self.connections.push((u64::MAX, connection));
    }

    pub(crate) fn answer(
        &self,
        inquiry: &Inquiry,
        before: Option<&Arc<Observation>>,
        now: Timestamp,
    ) -> Observation {
        let (mut sighting, mut state, mut failure) = (None, None, self.failure.clone());
        if failure.is_none() {
            sighting = Some(Sighting {
                at: now,
                peer_id: self.peer_id,
                agent_version: self.agent_version.into(),
                announced: self.announced.iter().copied().collect(),
                connections: inquiry.connections,
            });
            match inquiry.expected {
                Expected::Peer(expected) if expected != self.peer_id => {
                    failure = Some(Failure::new(FailureKind::WrongIdentity, "another answers"));
                }
                _ => state = self.state(inquiry.scope, now),
            }
        }
        Observation {
            path: self.path.clone(),
            uid: inquiry.uid.clone(),
            asked: now,
            sighting: sighting.or_else(|| before.and_then(|before| before.sighting.clone())),
            state: state.or_else(|| before.and_then(|before| before.state.clone())),
            failures: u32::from(failure.is_some()),
            failure,
        }
    }

    fn state(&self, scope: Scope, now: Timestamp) -> Option<NodeState> {
        let skipped = || Failure::new(FailureKind::Skipped, "not asked");
        let mut listen = vec![Address::lenient("/ip4/127.0.0.1/tcp/4001")];
        listen.extend(self.addresses());
        listen.extend(self.listen.iter().cloned());
        let introduction = NodeState {
            at: now,
            peer_id: self.peer_id,
            peers: Err(skipped()),
            peering: Err(skipped()),
            filters: Err(skipped()),
            listen: Ok(listen.into()),
            conn_limits: None,
        };
        match scope {
            Scope::Identity => None,
            Scope::Introduction => Some(introduction),
            Scope::Full { conn_limits } => Some(NodeState {
                peers: Ok(self
                    .connections
                    .iter()
                    .map(|(_, one)| one.clone())
                    .collect()),
                peering: Ok(self.peering.clone().into()),
                filters: Ok(self.filters.clone().into()),
                conn_limits: conn_limits.then(|| self.limits.clone()),
                ..introduction
            }),
        }
    }
}
