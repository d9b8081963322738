//! Pods as members: the projection, and who of two at one address is contacted.

use std::collections::BTreeMap;
use std::sync::Arc;

use kubomesh_core::{
    Access, Contact, Endpoint, FormerNetwork, Member, MemberName, Membership, MeshId, Network,
    NetworkPolicy, Role, Source, StorageGap, StorageState, Waiting, address_conflicts,
    settle_storage,
};

use crate::story::agents::AgentsMode;
use crate::story::network::attachment;
use crate::truth::cluster::PodObject;

/// Kubo's RPC port.
pub(crate) const RPC_PORT: u16 = 5001;

/// The agent's port.
const AGENT_PORT: u16 = 8501;

/// The members that these pods are. Without `one_contact` two pods at one address are both
/// contacted.
pub(crate) fn membership<'a>(
    mesh: &MeshId,
    (network, agents): (&NetworkPolicy, AgentsMode),
    pods: impl Iterator<Item = &'a Arc<PodObject>>,
    one_contact: bool,
) -> Membership {
    let mut membership = Membership::empty(mesh.clone());
    for pod in pods {
        let waiting = match (pod.ended, pod.terminating) {
            (true, _) => Some(Waiting::Ended),
            (_, true) => Some(Waiting::Terminating),
            _ => None,
        };
        match waiting {
            Some(waiting) => drop(membership.waiting.insert(pod.name.clone(), waiting)),
            None => {
                let member = member(mesh, pod, (network, agents));
                membership.members.insert(pod.name.clone(), member);
            }
        }
    }
    settle_storage(&mut membership.members, network, &[]);
    if one_contact {
        contacts(&mut membership.members);
    }
    membership
}

fn member(
    mesh: &MeshId,
    pod: &PodObject,
    (network, agents): (&NetworkPolicy, AgentsMode),
) -> Member {
    let mut networks: BTreeMap<_, _> = [(Network::Pod, vec![pod.ip])].into();
    let mut storage = StorageState::default();
    match (&network.attachment, pod.storage) {
        (Some(_), Some(ip)) => drop(networks.insert(Network::Storage, vec![ip])),
        (Some(_), None) if pod.asks => storage.gap = Some(StorageGap::NotReported),
        (Some(_), None) => storage.gap = Some(StorageGap::NotRequested),
        // There is one attachment in all stories: it is what the pod was created with.
        (None, Some(ip)) => {
            storage.former = attachment().map(|attachment| FormerNetwork {
                attachment,
                ips: vec![ip],
            });
        }
        (None, None) => {}
    }
    Member {
        name: pod.name.clone(),
        uid: pod.uid.clone(),
        role: Role::Kubo,
        source: Source::Pod,
        access: access(mesh, pod, agents),
        networks,
        storage,
        host_ip: None,
        host_network: false,
        swarm_port: None,
        swarm: None,
        zone: Arc::clone(&pod.zone),
        container: Some(pod.container.clone()),
        ready: pod.ready,
        created: pod.created,
        stated_peer_id: None,
        contact: Contact::Allowed,
    }
}

/// The way to a pod's Kubo.
fn access(mesh: &MeshId, pod: &PodObject, agents: AgentsMode) -> Access {
    let direct = Access::Direct {
        endpoint: Endpoint::http(pod.ip, RPC_PORT),
        auth: None,
        ca_file: None,
    };
    if agents == AgentsMode::Off {
        return direct;
    }
    Access::Agent {
        endpoint: Endpoint::http(pod.ip, AGENT_PORT),
        tls: None,
        namespace: (*mesh.namespace).into(),
        pod_uid: Some(pod.uid.to_string().into()),
        fallback: (agents == AgentsMode::Auto).then(|| Box::new(direct)),
    }
}

/// Of the pods at one address only the Ready one created last is contacted; none, while none is.
fn contacts(members: &mut BTreeMap<MemberName, Member>) {
    let live = members.values().map(|member| (&(), member));
    let losers: Vec<(MemberName, MemberName)> = address_conflicts(live)
        .into_iter()
        .map(|((_, loser), (_, with))| (loser.clone(), with.clone()))
        .collect();
    for (name, with) in losers {
        if let Some(member) = members.get_mut(&name) {
            member.contact = Contact::AddressConflict {
                with: with.to_string(),
            };
        }
    }
}
