//! The ground of the contract: a network namespace with one address for each node, on a bridge.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::Path;

use anyhow::{Context, Result};

use crate::network::{bridge, ip, ip_each, join, mount_netns, mount_over};
use crate::node::SWARM_PORT;

/// The bridge.
const BRIDGE: &str = "lab";

/// Its own address, which is the lab's, and the last of the subnet. What is outside of
/// [`OWN_ROUTES`](crate::block::OWN_ROUTES) may be behind a link.
pub(super) const LAB: Ipv4Addr = Ipv4Addr::new(10, 88, 129, 254);

/// Nobody has this address.
const NOBODY: Ipv4Addr = Ipv4Addr::new(10, 88, 129, 253);

/// What its neighbours take for its link address, so that what they send is lost without a word.
const LOST: &str = "02:00:00:00:00:01";

/// Most nodes: what is left of the subnet.
const NODES: u8 = 252;

/// Where names are asked for.
const NAME_SERVERS: &str = "/etc/resolv.conf";

/// Lays the bridge. Names are asked for at the address that nobody has: none is ever found.
pub(super) async fn lay(folder: &Path) -> Result<()> {
    let servers = fs::canonicalize(NAME_SERVERS).context(NAME_SERVERS)?;
    mount_netns().await?;
    let asked = format!("nameserver {NOBODY}\n");
    if servers.starts_with("/run") {
        fs::create_dir_all(servers.parent().unwrap_or(Path::new("/run")))?;
        fs::write(&servers, asked)?;
    } else {
        let own = folder.join("resolv.conf");
        fs::write(&own, asked)?;
        mount_over(&servers, &own).await?;
    }
    bridge(BRIDGE, 0).await?;
    let own = format!(
        "address add {LAB}/24 dev {BRIDGE}\n\
         neighbour add {NOBODY} lladdr {LOST} dev {BRIDGE}\n"
    );
    ip_each(None, &own).await
}

/// Adds a namespace behind the bridge. Its name, and its only address beside loopback.
pub(super) async fn add(number: u8) -> Result<(String, Ipv4Addr)> {
    anyhow::ensure!(number <= NODES, "a topic has addresses for {NODES} nodes");
    let [a, b, c, _] = LAB.octets();
    let (name, own) = (format!("node-{number}"), Ipv4Addr::new(a, b, c, number));
    ip(&format!("netns add {name}")).await?;
    let port = format!("to-{number}");
    join((BRIDGE, &port), &name, ("eth0", own)).await?;
    let there = format!(
        "link set dev lo up\n\
         neighbour add {NOBODY} lladdr {LOST} dev eth0\n"
    );
    ip_each(Some(&name), &there).await?;
    Ok((name, own))
}

/// Where a dial gets no answer, not even that there is none.
pub(super) fn nowhere() -> SocketAddr {
    SocketAddrV4::new(NOBODY, SWARM_PORT).into()
}
