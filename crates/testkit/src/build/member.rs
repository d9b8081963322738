//! Members.

use std::collections::BTreeMap;
use std::net::IpAddr;

use kubomesh_core::{
    Access, Address, Contact, ContainerStart, Endpoint, Member, MemberUid, Network, PeerId, Role,
    Source, StorageState, Timestamp,
};

use super::{NOW, RPC_PORT, SWARM_PORT, ip, name};

/// A member under construction.
#[derive(Debug, Clone)]
pub struct MemberBuilder(Member);

impl MemberBuilder {
    /// Member `number`: a ready Kubo pod, in its first life, started once.
    #[must_use]
    pub fn new(number: u16) -> Self {
        let ip = ip(number);
        Self(Member {
            name: name(number),
            uid: uid(number, 1),
            role: Role::Kubo,
            source: Source::Pod,
            access: Access::Direct {
                endpoint: Endpoint::http(ip, RPC_PORT),
                auth: None,
                ca_file: None,
            },
            networks: BTreeMap::from([(Network::Pod, vec![ip])]),
            storage: StorageState::default(),
            host_ip: None,
            host_network: false,
            swarm_port: Some(SWARM_PORT),
            swarm: None,
            zone: "".into(),
            container: Some(container(number, 0)),
            ready: true,
            created: NOW - std::time::Duration::from_secs(3600),
            stated_peer_id: None,
            contact: Contact::Allowed,
        })
    }

    /// The member.
    #[must_use]
    pub fn build(self) -> Member {
        self.0
    }

    /// With another name.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.0.name = name.into();
        self
    }

    /// In a zone.
    #[must_use]
    pub fn zone(mut self, zone: &str) -> Self {
        self.0.zone = zone.into();
        self
    }

    /// With another pod IP, for its API and its swarm.
    #[must_use]
    pub fn at(mut self, ip: IpAddr) -> Self {
        self.0.networks.insert(Network::Pod, vec![ip]);
        self.endpoint(Endpoint::http(ip, RPC_PORT))
    }

    /// On the storage network as well.
    #[must_use]
    pub fn storage(mut self, ip: IpAddr) -> Self {
        self.0.networks.insert(Network::Storage, vec![ip]);
        self
    }

    /// With its API elsewhere.
    #[must_use]
    pub fn endpoint(mut self, at: Endpoint) -> Self {
        let Access::Direct { endpoint, .. } = &mut self.0.access else {
            return self;
        };
        *endpoint = at;
        self
    }

    /// With a named secret.
    #[must_use]
    pub fn secret(mut self, secret: &str) -> Self {
        let Access::Direct { auth, .. } = &mut self.0.access else {
            return self;
        };
        *auth = Some(secret.into());
        self
    }

    /// With another swarm port; `None`: unknown until it is asked.
    #[must_use]
    pub fn swarm_port(mut self, port: Option<u16>) -> Self {
        self.0.swarm_port = port;
        self
    }

    /// In its life `life`: another pod of the same name.
    #[must_use]
    pub fn life(mut self, life: u32) -> Self {
        self.0.uid = MemberUid::from(format!("{}-uid-{life}", self.0.name));
        self
    }

    /// Its container was restarted this many times.
    #[must_use]
    pub fn restarts(mut self, restarts: u32) -> Self {
        let id = format!("containerd://{}-{restarts}", self.0.name).into();
        self.0.container = Some(ContainerStart { restarts, id });
        self
    }

    /// Not ready.
    #[must_use]
    pub fn unready(mut self) -> Self {
        self.0.ready = false;
        self
    }

    /// Created at a time.
    #[must_use]
    pub fn created(mut self, at: Timestamp) -> Self {
        self.0.created = at;
        self
    }

    /// May not be contacted, or may.
    #[must_use]
    pub fn contact(mut self, contact: Contact) -> Self {
        self.0.contact = contact;
        self
    }

    /// A line of a members file; with `Some`, one that states its peer ID.
    #[must_use]
    pub fn from_file(mut self, stated: Option<PeerId>) -> Self {
        let rpc = self.0.access.endpoint().to_string();
        self.0.uid = MemberUid::from(format!("{}@{rpc}", self.0.name));
        self.0.source = Source::File;
        self.0.swarm = self
            .0
            .ips(Network::Pod)
            .first()
            .map(|ip| Address::tcp(*ip, SWARM_PORT));
        self.0.container = None;
        self.0.stated_peer_id = stated;
        self
    }
}

/// The UID of life `life` of member `number`.
pub(super) fn uid(number: u16, life: u32) -> MemberUid {
    format!("{}-uid-{life}", name(number)).into()
}

/// The container start of member `number` after so many restarts.
pub(super) fn container(number: u16, restarts: u32) -> ContainerStart {
    ContainerStart {
        restarts,
        id: format!("containerd://{}-{restarts}", name(number)).into(),
    }
}
