//! The addresses of a line: what no node can be asked or dialled at is refused, before it stands in
//! the peering lists of all others.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use kubomesh_core::{Address, Endpoint};

use super::{FileError, MemberLine};

/// Whose addresses they are, by the number of the line: no two members have one.
#[derive(Default)]
pub(super) struct Taken {
    rpc: BTreeMap<Endpoint, usize>,
    swarm: BTreeMap<Socket, usize>,
}

/// IP, port and what comes behind them: one proxy may serve several nodes by name.
type Socket = (Option<IpAddr>, Option<u16>, String);

/// Reads a swarm address, without `/p2p/…`.
///
/// # Errors
/// When other nodes cannot dial it: why, and what to write.
pub(super) fn swarm(text: &str) -> Result<Address, String> {
    let write = "write it as /ip4/10.0.0.7/tcp/4001";
    let Ok(address) = Address::parse(text) else {
        return Err(write.into());
    };
    if address.is_relayed() {
        return Err(format!("it leads through a relay; {write}"));
    }
    let (Some(ip), Some(port)) = (address.ip(), address.port()) else {
        return Err(write.into());
    };
    if let Some(what) = no_host(ip) {
        return Err(format!(
            "{what}, which no node can dial; write the one that the other nodes reach this member at"
        ));
    }
    if port == 0 {
        return Err("its port is 0; write the one that the node listens on".into());
    }
    Ok(address.without_peer())
}

/// Reads the address of an API.
///
/// # Errors
/// When nothing can be asked there: the text without a password, and why.
pub(super) fn rpc(text: &str) -> Result<Endpoint, (String, String)> {
    let endpoint = text.parse::<Endpoint>().map_err(|error| {
        // What it says of the port is true only where nothing stands behind it.
        let more = error.text == text && has_more(text);
        let why = match more {
            true => "it has a path or a query, which are not allowed: the controller adds its own",
            false => error.why,
        };
        (error.text, why.to_owned())
    })?;
    match endpoint.ip().and_then(no_host) {
        Some(what) => {
            let why = format!("{what}, where no node can be asked");
            Err((text.to_owned(), why))
        }
        None => Ok(endpoint),
    }
}

/// Whether anything but one slash follows scheme, host and port.
fn has_more(text: &str) -> bool {
    let rest = text.split_once("://").map(|(_, rest)| rest);
    let rest = rest.map(|rest| rest.strip_suffix('/').unwrap_or(rest));
    rest.is_some_and(|rest| rest.contains(['/', '?', '#']))
}

/// What an IP is that is not one host's. Loopback and link-local addresses are: of one machine, of
/// one link.
fn no_host(ip: IpAddr) -> Option<&'static str> {
    // `::ffff:0.0.0.0` is `0.0.0.0`.
    let ip = ip.to_canonical();
    if ip.is_unspecified() {
        Some("its IP is the unspecified one (any address)")
    } else if ip.is_multicast() {
        Some("its IP is a multicast address")
    } else if ip == IpAddr::V4(Ipv4Addr::BROADCAST) {
        Some("its IP is the broadcast address")
    } else {
        None
    }
}

// === impl Taken ===

impl Taken {
    /// Takes the addresses of the next line.
    ///
    /// # Errors
    /// When another line has one of them.
    pub(super) fn take(&mut self, at: usize, line: &MemberLine) -> Result<(), FileError> {
        let refused = |field: &str, value: &str, first: usize| {
            let remedy = format!("members[{first}] has it too; give each member its own");
            let field = format!("members[{at}].{field}");
            Err(FileError::field(&field, &format!("`{value}`"), &remedy))
        };
        if let Some(first) = self.rpc.insert(line.rpc.clone(), at) {
            return refused("rpc", &line.rpc.to_string(), first);
        }
        if let Some(swarm) = &line.swarm
            && let Some(first) = self.swarm.insert(socket(swarm), at)
        {
            return refused("swarm", swarm.as_str(), first);
        }
        Ok(())
    }
}

/// The same for two texts of one address.
fn socket(address: &Address) -> Socket {
    let behind = address.as_str().splitn(5, '/').nth(4).unwrap_or_default();
    let behind = behind.split_once('/').map_or("", |(_, behind)| behind);
    let transport = address.as_str().split('/').nth(3).unwrap_or_default();
    let ip = address.ip().map(|ip| ip.to_canonical());
    (ip, address.port(), format!("{transport}/{behind}"))
}
