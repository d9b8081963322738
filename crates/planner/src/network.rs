//! On which network a pair is linked, and which addresses of a member are on it.
//!
//! Until storage networks are implemented the wanted network is always the pod network.

use std::net::IpAddr;
use std::str::FromStr;

use kubomesh_core::{Address, Member, Network, NodeState};
use multiaddr::Multiaddr;

/// Kubo's default swarm port.
const SWARM_PORT: u16 = 4001;

/// The network that a pair uses.
pub(crate) fn wanted() -> Network {
    Network::Pod
}

/// The IP of a member that is given to other nodes: the stated one, else the one that it prefers.
pub(crate) fn mesh_ip(member: &Member, network: Network) -> Option<IpAddr> {
    if let Some(swarm) = &member.swarm {
        return swarm.ip();
    }
    member.ips(network).first().copied()
}

/// The swarm address of a member that is given to other nodes: what the members file states, else
/// its IP with the stated port, the port it listens on there, the port it had (`former`), or 4001.
/// `None` when it has no IP on the network.
pub(crate) fn mesh_address(
    member: &Member,
    network: Network,
    listen: Option<&[Address]>,
    former: Option<&Address>,
) -> Option<Address> {
    if let Some(swarm) = &member.swarm {
        return Some(canonical(&swarm.without_peer()));
    }
    let ip = mesh_ip(member, network)?;
    let port = member
        .swarm_port
        .or_else(|| listen.and_then(|listen| listening_port(listen, ip)))
        .or_else(|| former.and_then(Address::port))
        .unwrap_or(SWARM_PORT);
    Some(Address::tcp(ip, port))
}

/// The text that a node prints for an address, so that what it lists compares equal.
fn canonical(address: &Address) -> Address {
    Multiaddr::from_str(address.as_str()).map_or_else(
        |_| address.clone(),
        |parsed| Address::lenient(&parsed.to_string()),
    )
}

/// The TCP port that is listened on at an IP, or at every IP of its family. Only plain TCP: what
/// has more behind the port (`/ws`, `/tls`) is another transport.
fn listening_port(listen: &[Address], ip: IpAddr) -> Option<u16> {
    let plain = |address: &Address| match (address.ip(), address.port()) {
        (Some(at), Some(port)) if *address == Address::tcp(at, port) => Some((at, port)),
        _ => None,
    };
    let ports = || listen.iter().filter_map(plain);
    let at = |wanted: &dyn Fn(IpAddr) -> bool| ports().find(|(at, _)| wanted(*at)).map(|at| at.1);
    let any = |at: IpAddr| at.is_unspecified() && at.is_ipv4() == ip.is_ipv4();
    at(&|at| at == ip).or_else(|| at(&any))
}

/// Whether an IP is the member's own on the network.
pub(crate) fn is_on(member: &Member, network: Network, ip: IpAddr) -> bool {
    member.ips(network).contains(&ip) || member.swarm.as_ref().and_then(Address::ip) == Some(ip)
}

/// Whether an IP is known as the member's own and is not on the network.
pub(crate) fn is_off(
    member: &Member,
    state: Option<&NodeState>,
    network: Network,
    ip: IpAddr,
) -> bool {
    if is_on(member, network, ip) || ip.is_loopback() {
        return false;
    }
    let listens = || {
        let listen = state.and_then(|state| state.listen.as_ref().ok());
        listen.is_some_and(|listen| listen.iter().any(|address| address.ip() == Some(ip)))
    };
    let other_networks = || member.networks.values().flatten().any(|own| *own == ip);
    other_networks() || (member.host_network && member.host_ip == Some(ip)) || listens()
}
