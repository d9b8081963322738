//! On which network a pair is linked, and which addresses of a member are on it (rules.md, the
//! storage network).

use std::net::IpAddr;
use std::str::FromStr;

use kubomesh_core::{
    Address, Fallback, Member, Network, NetworkPolicy, NodeState, OffNetwork, Rollout,
};
use multiaddr::Multiaddr;

/// Kubo's default swarm port.
const SWARM_PORT: u16 = 4001;

/// A network that a pair may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum On {
    /// The storage network that the policy asks for.
    Storage,
    /// The one that both pods were created with before.
    Former,
    /// The pod network; in a members file that of `rpc` and `swarm`.
    Pod,
}

/// What a pair uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Common {
    /// The network; `None`: an end has no address on the wanted one, and the policy forbids another.
    pub on: Option<On>,
    /// Why it is not the wanted one, where it is another on purpose.
    pub instead: Option<OffNetwork>,
}

/// The network that the policy asks for.
pub(crate) fn wanted(policy: &NetworkPolicy) -> On {
    match policy.attachment {
        Some(_) => On::Storage,
        None => On::Pod,
    }
}

/// The network that a pair of members uses.
pub(crate) fn common(policy: &NetworkPolicy, a: &Member, b: &Member) -> Common {
    let uses = |on, instead| Common {
        on: Some(on),
        instead,
    };
    let wanted = wanted(policy);
    if wanted == On::Pod || [a, b].iter().all(|end| has(end, wanted)) {
        return uses(wanted, None);
    }
    match (policy.rollout, policy.fallback) {
        (Rollout::Rolling, _) => {
            let former = |end: &Member| Some(end.storage.former.as_ref()?.attachment.clone());
            let same = former(a).is_some() && former(a) == former(b);
            let on = if same { On::Former } else { On::Pod };
            uses(on, Some(OffNetwork::Transitional))
        }
        (Rollout::WhenIdle, Fallback::PodNetwork) => uses(On::Pod, Some(OffNetwork::Fallback)),
        (Rollout::WhenIdle, Fallback::Never) => Common {
            on: None,
            instead: None,
        },
    }
}

/// Whether a member has an address on a network. Who is listed in a file has the one that it states.
pub(crate) fn has(member: &Member, on: On) -> bool {
    match on {
        On::Storage => !member.ips(Network::Storage).is_empty(),
        On::Former => member.storage.former.is_some(),
        On::Pod => member.swarm.is_some() || !member.ips(Network::Pod).is_empty(),
    }
}

/// A member's IPs on a network, the preferred one first.
pub(crate) fn ips(member: &Member, on: On) -> &[IpAddr] {
    match on {
        On::Storage => member.ips(Network::Storage),
        On::Former => {
            let former = member.storage.former.as_ref();
            former.map_or(&[], |former| &former.ips)
        }
        On::Pod => member.ips(Network::Pod),
    }
}

/// The networks on which a member may be given to others, the wanted one first.
pub(crate) fn offered<'a>(
    policy: &NetworkPolicy,
    member: &'a Member,
) -> impl Iterator<Item = On> + use<'a> {
    let wanted = wanted(policy);
    let rolls = policy.rollout == Rollout::Rolling && wanted == On::Storage;
    let falls_back = policy.fallback == Fallback::PodNetwork;
    let may = move |on: On| match on {
        _ if on == wanted => true,
        On::Storage => false,
        On::Former => rolls,
        On::Pod => rolls || falls_back,
    };
    let all = [On::Storage, On::Former, On::Pod].into_iter();
    all.filter(move |on| may(*on) && has(member, *on))
}

/// The IP of a member that is given to other nodes: the stated one, else the one that it prefers.
pub(crate) fn mesh_ip(member: &Member, on: On) -> Option<IpAddr> {
    if let Some(swarm) = &member.swarm {
        return swarm.ip();
    }
    ips(member, on).first().copied()
}

/// The swarm address of a member that is given to other nodes: what the members file states, else
/// its IP with the stated port, the port it listens on there, the port it had (`former`), or 4001.
/// `None` when it has no IP on the network.
pub(crate) fn mesh_address(
    member: &Member,
    on: On,
    listen: Option<&[Address]>,
    former: &[Address],
) -> Option<Address> {
    if let Some(swarm) = &member.swarm {
        return Some(canonical(&swarm.without_peer()));
    }
    let ip = mesh_ip(member, on)?;
    let had = || {
        let there = former.iter().find(|address| address.ip() == Some(ip));
        there.or(former.first()).and_then(Address::port)
    };
    let port = member
        .swarm_port
        .or_else(|| listen.and_then(|listen| listening_port(listen, ip)))
        .or_else(had)
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
pub(crate) fn is_on(member: &Member, on: On, ip: IpAddr) -> bool {
    ips(member, on).contains(&ip) || member.swarm.as_ref().and_then(Address::ip) == Some(ip)
}

/// Whether an IP is known as the member's own and is not on the network.
pub(crate) fn is_off(member: &Member, state: Option<&NodeState>, on: On, ip: IpAddr) -> bool {
    !is_on(member, on, ip) && elsewhere(member, state).any(|own| own == ip)
}

/// Every IP that is known as a member's own, whatever the network: its pod's, those on storage
/// networks, its host's if it uses that, and those that its node listens on but for loopback.
pub(crate) fn elsewhere<'a>(
    member: &'a Member,
    state: Option<&'a NodeState>,
) -> impl Iterator<Item = IpAddr> + 'a {
    let networks = member.networks.values().flatten();
    let former = member.storage.former.iter().flat_map(|former| &former.ips);
    let host = member.host_ip.iter().filter(|_| member.host_network);
    let listen = state.and_then(|state| state.listen.as_ref().ok());
    let listen = listen.into_iter().flat_map(|listen| listen.iter());
    let listens = listen.filter_map(Address::ip);
    let known = networks.chain(former).chain(host).copied().chain(listens);
    known.filter(|ip| !ip.is_loopback() && !ip.is_unspecified())
}
