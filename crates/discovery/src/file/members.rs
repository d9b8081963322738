//! Lines as members.

use std::collections::BTreeMap;
use std::net::IpAddr;

use kubomesh_core::{Access, Contact, Member, Network, Role, Source, StorageState, Timestamp};

use super::MemberLine;

/// What is wrong with a file that lines name, by its path as written.
pub(super) type Unusable = BTreeMap<std::sync::Arc<str>, String>;

/// The member that a line is.
pub(super) fn member(line: &MemberLine, unusable: &Unusable) -> Member {
    let swarm_ip = line.swarm.as_ref().and_then(kubomesh_core::Address::ip);
    let mut ips: Vec<IpAddr> = Vec::new();
    for ip in swarm_ip.into_iter().chain(line.rpc.ip()) {
        if !ips.contains(&ip) {
            ips.push(ip);
        }
    }
    let files = [&line.auth_file, &line.ca_file];
    let why: Vec<&str> = files
        .into_iter()
        .flatten()
        .filter_map(|file| unusable.get(file).map(String::as_str))
        .collect();
    Member {
        name: (&*line.name).into(),
        uid: format!("{}@{}", line.name, line.rpc).into(),
        role: Role::Kubo,
        source: Source::File,
        access: Access::Direct {
            endpoint: line.rpc.clone(),
            auth: line.auth_file.clone(),
            ca_file: line.ca_file.clone(),
        },
        networks: BTreeMap::from([(Network::Pod, ips)]),
        storage: StorageState::default(),
        host_ip: None,
        host_network: false,
        swarm_port: line.swarm.as_ref().and_then(kubomesh_core::Address::port),
        swarm: line.swarm.clone(),
        zone: line.zone.clone(),
        container: None,
        ready: true,
        created: Timestamp::default(),
        stated_peer_id: line.peer_id,
        contact: match &*why {
            [] => Contact::Allowed,
            why => Contact::NoSecret {
                why: why.join("; "),
            },
        },
    }
}
