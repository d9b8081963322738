//! Builders of the vocabulary's values, with the defaults of a small healthy fleet: pods on
//! 10.77.0.0/16, RPC on port 5001, swarm on port 4001, ready, contactable, in no zone.
//!
//! Everything follows from a number: member 7 is always `kubo-0007` at the same address with the
//! same identity, so that two tests mean the same node by it.

mod member;
mod observation;
mod record;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use kubomesh_core::{
    Address, Direction, MemberName, Membership, MeshId, Observation, PeerId, Record, Timestamp,
};

pub use kubomesh_model::peer_id;
pub use member::MemberBuilder;
pub use observation::ObservationBuilder;
pub use record::{record, record_of};

/// The present time of tests that have no reason for another one: 2026-01-01.
pub const NOW: Timestamp = Timestamp(1_767_225_600_000);

/// RPC port of built members.
pub const RPC_PORT: u16 = 5001;

/// Swarm port of built members.
pub const SWARM_PORT: u16 = 4001;

/// A fleet in which every pair is linked and protected at both ends and every record is written:
/// planning it must give nothing to do.
#[derive(Debug, Clone)]
pub struct HealthyFleet {
    /// Members 1 to N.
    pub membership: Membership,
    /// What each answered at [`NOW`].
    pub observations: BTreeMap<MemberName, Arc<Observation>>,
    /// What was stored of each, by record name.
    pub records: BTreeMap<String, Record>,
}

/// The name of member `number`.
#[must_use]
pub fn name(number: u16) -> MemberName {
    format!("kubo-{number:04}").into()
}

/// The pod IP of member `number`.
#[must_use]
pub fn ip(number: u16) -> IpAddr {
    let [high, low] = number.to_be_bytes();
    Ipv4Addr::new(10, 77, high, low).into()
}

/// The identity of member `number`.
#[must_use]
pub fn peer(number: u16) -> PeerId {
    peer_id(u64::from(number))
}

/// The swarm address of member `number`, without `/p2p/…`.
#[must_use]
pub fn address(number: u16) -> Address {
    Address::tcp(ip(number), SWARM_PORT)
}

/// The mesh `storage/main`.
#[must_use]
pub fn mesh() -> MeshId {
    MeshId {
        namespace: "storage".into(),
        name: "main".into(),
        uid: "mesh-uid".into(),
    }
}

/// Members 1 to `count`.
#[must_use]
pub fn membership(count: u16) -> Membership {
    membership_of((1..=count).map(MemberBuilder::new))
}

/// These members, in no doubt.
#[must_use]
pub fn membership_of(members: impl IntoIterator<Item = MemberBuilder>) -> Membership {
    let members = members.into_iter().map(MemberBuilder::build);
    Membership {
        members: members
            .map(|member| (member.name.clone(), member))
            .collect(),
        ..Membership::empty(mesh())
    }
}

impl HealthyFleet {
    /// A full mesh of members 1 to `count`. The lower number dialled.
    #[must_use]
    pub fn new(count: u16) -> Self {
        let observed = |own: u16| {
            let others = (1..=count).filter(|other| *other != own);
            let observation = others.fold(ObservationBuilder::new(own), |observation, other| {
                let direction = if own < other {
                    Direction::Outbound
                } else {
                    Direction::Inbound
                };
                observation.connected(other, direction).protects(other)
            });
            (name(own), Arc::new(observation.build()))
        };
        let stored = |number| {
            let record = record(number);
            (record.name(), record)
        };
        Self {
            membership: membership(count),
            observations: (1..=count).map(observed).collect(),
            records: (1..=count).map(stored).collect(),
        }
    }

    /// The same fleet with another observation of one member.
    #[must_use]
    pub fn observed(mut self, number: u16, observation: ObservationBuilder) -> Self {
        self.observations
            .insert(name(number), Arc::new(observation.build()));
        self
    }
}
