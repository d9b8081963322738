//! Records.

use kubomesh_core::{Access, Capacity, Member, Network, PeerId, Record, Role};

use super::member::{container, uid};
use super::{MemberBuilder, address, mesh, peer};

/// The record of member `number` as it stands after its first pass: identity, address, container
/// start and capacity known, nothing retired, nothing owned.
#[must_use]
pub fn record(number: u16) -> Record {
    let member = MemberBuilder::new(number).build();
    Record {
        addresses: vec![address(number)],
        container: Some(container(number, 0)),
        uid: uid(number, 1),
        ..record_of(&member, peer(number))
    }
}

/// The record of a member that showed this identity.
#[must_use]
pub fn record_of(member: &Member, peer_id: PeerId) -> Record {
    let port = member.swarm_port.unwrap_or(super::SWARM_PORT);
    let ips = member.ips(Network::Pod).iter();
    Record {
        rpc: rpc(&member.access).into(),
        peer_id: Some(peer_id),
        addresses: ips
            .map(|ip| kubomesh_core::Address::tcp(*ip, port))
            .collect(),
        container: member.container.clone(),
        capacity: Some(Capacity::Links(48)),
        zone: member.zone.clone(),
        ..Record::new(
            &mesh().name,
            member.name.clone(),
            Role::Kubo,
            member.uid.clone(),
        )
    }
}

fn rpc(access: &Access) -> String {
    access.endpoint().to_string()
}
