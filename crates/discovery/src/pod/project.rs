//! What makes a pod a member, and how that member is reached: a pure function of one pod.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use kubomesh_api::{Agents, AgentsMode, Peers};
use kubomesh_core::{
    Access, Contact, Endpoint, Member, Network, NetworkPolicy, Role, Scheme, Source, Waiting,
};

use crate::AuthStore;

use super::networks::storage;
use super::wire::{ContainerFacts, Phase, PodFacts};

/// Port of Kubo's RPC where nothing else is said (product.md, `spec.peers.rpc.port`).
const RPC_PORT: u16 = 5001;

/// The member that a selected pod is, or why it is none now. `auth` names the secret of its RPC as
/// [`Credentials`](kubomesh_core::Credentials) knows it. A pod that is not Ready is a member with
/// `ready: false`; whether it is acted on depends on its record. On the storage network it has every
/// address that is reported: which of them are used is decided over all members
/// ([`settle_storage`](kubomesh_core::settle_storage)).
///
/// # Errors
/// When the pod ended, is being deleted, has no IP, or nothing says where its RPC is.
pub fn project(
    pod: &PodFacts,
    peers: &Peers,
    network: &NetworkPolicy,
    auth: Option<Arc<str>>,
    zone: Arc<str>,
) -> Result<Member, Waiting> {
    if pod.phase == Phase::Ended {
        return Err(Waiting::Ended);
    }
    if pod.terminating {
        return Err(Waiting::Terminating);
    }
    let ips = by_preference(&pod.ips);
    let ip = *ips.first().ok_or(Waiting::NoIp)?;
    let kubo = kubo_container(&pod.containers);
    let port = peers
        .rpc_port
        .or_else(|| kubo.map(|container| container.api.unwrap_or(RPC_PORT)))
        .or_else(|| named_api(&pod.containers))
        .ok_or(Waiting::NoRpcPort)?;
    let direct = Access::Direct {
        endpoint: Endpoint::http(ip, port),
        auth,
        ca_file: None,
    };
    let owner = owner(&pod.containers, port);
    let swarm = owner.and_then(|container| container.swarm);
    let any_swarm = || pod.containers.iter().find_map(|container| container.swarm);
    let (storage_ips, storage) = storage(pod, network);
    let mut networks = BTreeMap::from([(Network::Pod, ips)]);
    if !storage_ips.is_empty() {
        networks.insert(Network::Storage, storage_ips);
    }
    Ok(Member {
        name: (&*pod.name).into(),
        uid: (&*pod.uid).into(),
        role: Role::Kubo,
        source: Source::Pod,
        access: access(pod, &peers.agents, ip, direct),
        networks,
        storage,
        host_ip: pod.host_ip,
        host_network: pod.host_network,
        swarm_port: peers.swarm_port.or(swarm).or_else(any_swarm),
        swarm: None,
        zone,
        container: owner.and_then(|container| container.start.clone()),
        ready: pod.ready,
        created: pod.created,
        stated_peer_id: None,
        contact: Contact::Allowed,
    })
}

/// By the agent where there is one, or where nothing else is allowed.
fn access(pod: &PodFacts, agents: &Agents, ip: IpAddr, direct: Access) -> Access {
    let mut stated = pod
        .containers
        .iter()
        .filter_map(|container| container.agent);
    // A stated port says more than a container's name alone, which is 0 here.
    let stated = stated
        .clone()
        .find(|port| *port > 0)
        .or_else(|| stated.next());
    let fallback = match (agents.mode, stated) {
        (AgentsMode::Off, _) | (AgentsMode::Auto, None) => return direct,
        (AgentsMode::Auto, Some(_)) => Some(Box::new(direct)),
        (AgentsMode::Required, _) => None,
    };
    let tls = agents.tls.as_ref();
    let port = stated.filter(|port| *port > 0).unwrap_or(agents.port);
    Access::Agent {
        endpoint: Endpoint {
            scheme: if tls.is_some() {
                Scheme::Https
            } else {
                Scheme::Http
            },
            ..Endpoint::http(ip, port)
        },
        tls: tls.map(|name| AuthStore::tls_name(&pod.namespace, name).into()),
        namespace: Arc::clone(&pod.namespace),
        pod_uid: Some(Arc::clone(&pod.uid)),
        fallback,
    }
}

/// IPv4 first where a pod has both, whichever the cluster has first: what listens on `0.0.0.0`, as most
/// set it, listens on IPv4 alone, and Kubo counts IPv6 connections by /56, which a cluster's pods
/// share (kubo.md 2.3). Its RPC and its swarm are then reached on the same family.
fn by_preference(ips: &[IpAddr]) -> Vec<IpAddr> {
    let mut ips = ips.to_vec();
    ips.sort_by_key(IpAddr::is_ipv6);
    ips
}

/// The container that looks like Kubo; an init container only if no other does.
fn kubo_container(containers: &[ContainerFacts]) -> Option<&ContainerFacts> {
    let kubos = || containers.iter().filter(|container| container.kubo);
    // One with a port named `api` says more than one with the right name alone.
    kubos()
        .find(|container| !container.init && container.api.is_some())
        .or_else(|| kubos().find(|container| !container.init))
        .or_else(|| kubos().next())
}

fn named_api(containers: &[ContainerFacts]) -> Option<u16> {
    containers.iter().find_map(|container| container.api)
}

/// The container that owns the RPC port: it declares the port, or looks like Kubo, or is the only
/// one.
fn owner(containers: &[ContainerFacts], port: u16) -> Option<&ContainerFacts> {
    let plain = || containers.iter().filter(|container| !container.init);
    plain()
        .find(|container| container.ports.contains(&port))
        .or_else(|| {
            containers
                .iter()
                .find(|container| container.ports.contains(&port))
        })
        .or_else(|| kubo_container(containers))
        .or_else(|| plain().next().filter(|_| plain().count() == 1))
}
