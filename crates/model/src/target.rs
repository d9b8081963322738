//! What an address asks the dialler for: the few forms that a TCP-only Kubo tells apart.

use std::net::IpAddr;

use kubomesh_core::Address;

/// An address, as a transport sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// `/ip4|ip6/…/tcp/…`.
    Tcp(IpAddr, u16),
    /// `/dns4|dns6|dns/…/tcp/…`, resolved at each dial.
    Name(String, u16),
    /// `/ip4|ip6/…/udp/…/quic-v1`: no node of the world listens there.
    Quic(IpAddr),
    /// Anything else: circuits, WebSocket, WebTransport.
    Other,
}

impl Target {
    /// Reads an address without its `/p2p/…`.
    pub(crate) fn of(address: &Address) -> Self {
        let parts: Vec<&str> = address.as_str().split('/').skip(1).collect();
        match parts.as_slice() {
            ["ip4" | "ip6", ip, "tcp", port] => match (ip.parse(), port.parse()) {
                (Ok(ip), Ok(port)) => Self::Tcp(ip, port),
                _ => Self::Other,
            },
            ["dns" | "dns4" | "dns6", name, "tcp", port] => port
                .parse()
                .map_or(Self::Other, |port| Self::Name((*name).to_owned(), port)),
            ["ip4" | "ip6", ip, "udp", _, "quic-v1"] => ip.parse().map_or(Self::Other, Self::Quic),
            _ => Self::Other,
        }
    }

    /// The IP that filters and limits judge.
    pub(crate) fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Tcp(ip, _) | Self::Quic(ip) => Some(*ip),
            Self::Name(..) | Self::Other => None,
        }
    }
}

/// Whether an address is private to go-multiaddr (`manet.IsPrivateAddr`): such dials wait 5 s, others
/// 15 s.
pub(crate) fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let shared = ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64;
            ip.is_private() || ip.is_loopback() || ip.is_link_local() || shared
        }
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}
