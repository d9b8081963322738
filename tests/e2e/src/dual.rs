//! Hosts with two networks: each pod has a network namespace of its own, with `eth0` on the bridge of
//! the pod network and, if it is attached, `lhnet1` on the bridge of the storage network.
//!
//! The lab, its API server and its controllers are on the pod network only, as a controller is.

use std::net::Ipv4Addr;

use anyhow::{Context, Result};
use ipnet::Ipv4Net;

use crate::network::{bridge, ip, ip_each, join, mount_netns};

/// The pod network: outside of [`OWN_ROUTES`](crate::block::OWN_ROUTES), so that it may be behind a
/// link.
pub(crate) const PODS: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(10, 88, 130, 0), 24);

/// The storage network. The lab has no address on it.
pub(crate) const STORAGE: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(10, 88, 140, 0), 24);

/// Name of the storage network's interface in a pod: the product's default.
pub(crate) const INTERFACE: &str = "lhnet1";

/// Where pods find the lab.
const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 88, 130, 254);

/// The bridges.
const BRIDGES: [&str; 2] = ["pods", "storage"];

/// One of the two networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Network {
    /// The one that every pod is on.
    Pod,
    /// The other one.
    Storage,
}

/// Both bridges, and what was given out behind them.
#[derive(Debug)]
pub(crate) struct Bridges {
    /// Namespaces that were made.
    hosts: u8,
    /// Addresses of the storage network that were given out.
    storage: u8,
}

/// A pod's network namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Host {
    /// The namespace's name.
    pub(crate) netns: String,
    /// Its address on the pod network.
    pub(crate) ip: Ipv4Addr,
    /// Its address on the storage network, if it is attached.
    pub(crate) storage: Option<Ipv4Addr>,
    number: u8,
}

// === impl Network ===

impl Network {
    /// The network of an address, if it is of either.
    pub(crate) fn of(ip: Ipv4Addr) -> Option<Self> {
        if PODS.contains(&ip) {
            Some(Self::Pod)
        } else if STORAGE.contains(&ip) {
            Some(Self::Storage)
        } else {
            None
        }
    }
}

// === impl Bridges ===

impl Bridges {
    /// Lays both bridges.
    pub(crate) async fn lay() -> Result<Self> {
        mount_netns().await?;
        for (number, name) in (1..).zip(BRIDGES) {
            bridge(name, number).await?;
        }
        ip(&format!("address add {GATEWAY}/24 dev {}", BRIDGES[0])).await?;
        Ok(Self {
            hosts: 0,
            storage: 0,
        })
    }

    /// A namespace with addresses that nobody has had.
    pub(crate) async fn add(&mut self, attached: bool) -> Result<Host> {
        self.hosts += 1;
        let number = self.hosts;
        let netns = format!("pod-{number}");
        let ip_there = at(PODS, number)?;
        ip(&format!("netns add {netns}")).await?;
        let port = format!("pod-{number}");
        join((BRIDGES[0], &port), &netns, ("eth0", ip_there)).await?;
        let rest = format!("link set dev lo up\nroute add default via {GATEWAY}\n");
        ip_each(Some(&netns), &rest).await?;
        let mut host = Host {
            netns,
            ip: ip_there,
            storage: None,
            number,
        };
        if attached {
            let ip = self.storage_address()?;
            join((BRIDGES[1], &host.port()), &host.netns, (INTERFACE, ip)).await?;
            host.storage = Some(ip);
        }
        Ok(host)
    }

    /// Gives an attached host another address on the storage network in place of the one it has.
    pub(crate) async fn readdress(&mut self, host: &mut Host) -> Result<Ipv4Addr> {
        let new = self.storage_address()?;
        let lines = format!(
            "address flush dev {INTERFACE}\n\
             address add {new}/24 dev {INTERFACE}\n"
        );
        ip_each(Some(&host.netns), &lines).await?;
        host.storage = Some(new);
        Ok(new)
    }

    /// The storage network carries nothing any more, between no two hosts; no link goes down.
    pub(crate) async fn cut(&self) -> Result<()> {
        ip(&format!("link set dev {} down", BRIDGES[1])).await
    }

    /// After [`Bridges::cut`].
    pub(crate) async fn mend(&self) -> Result<()> {
        ip(&format!("link set dev {} up", BRIDGES[1])).await
    }

    fn storage_address(&mut self) -> Result<Ipv4Addr> {
        self.storage += 1;
        // Not the pod network's number: who mixes the two up is found out.
        at(STORAGE, self.storage.saturating_add(100))
    }
}

// === impl Host ===

impl Host {
    /// Takes the host's own port of the storage network down: its interface has no carrier.
    pub(crate) async fn cut(&self) -> Result<()> {
        ip(&format!("link set dev {} down", self.port())).await
    }

    /// After [`Host::cut`].
    pub(crate) async fn mend(&self) -> Result<()> {
        ip(&format!("link set dev {} up", self.port())).await
    }

    /// Takes the namespace away with what is in it.
    pub(crate) async fn remove(&self) -> Result<()> {
        ip(&format!("netns delete {}", self.netns)).await
    }

    /// Its port of the storage network.
    fn port(&self) -> String {
        format!("storage-{}", self.number)
    }
}

/// The address of this number.
fn at(net: Ipv4Net, number: u8) -> Result<Ipv4Addr> {
    let [a, b, c, _] = net.network().octets();
    let ip = Ipv4Addr::new(a, b, c, number);
    let given = ip != GATEWAY && number != u8::MAX;
    given
        .then_some(ip)
        .context("a scenario has addresses for fewer hosts")
}
