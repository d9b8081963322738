//! Dial filters: `/ip4/10.0.0.0/ipcidr/8`, as Kubo's `Swarm.AddrFilters` holds them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// One filter: a range of addresses that a node neither dials nor accepts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Filter {
    /// First address of the range.
    network: IpAddr,
    /// Length of the prefix in bits.
    prefix: u8,
}

impl Filter {
    /// Reads an entry as whyrusleeping/multiaddr-filter does: five parts, host bits are dropped.
    ///
    /// # Errors
    /// The library's own sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split('/').collect();
        let ["", "ip4" | "ip6", ip, "ipcidr", prefix] = parts.as_slice() else {
            return Err("invalid multiaddr-filter format".into());
        };
        let refused = || format!("invalid CIDR address: {ip}/{prefix}");
        let ip: IpAddr = ip.parse().map_err(|_| refused())?;
        let prefix: u8 = prefix.parse().map_err(|_| refused())?;
        let widest = if ip.is_ipv4() { 32 } else { 128 };
        if prefix > widest {
            return Err(refused());
        }
        Ok(Self {
            network: masked(ip, prefix),
            prefix,
        })
    }

    /// Whether the filter covers an address.
    #[must_use]
    pub fn covers(&self, ip: IpAddr) -> bool {
        self.network.is_ipv4() == ip.is_ipv4() && masked(ip, self.prefix) == self.network
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let family = if self.network.is_ipv4() { "ip4" } else { "ip6" };
        write!(f, "/{family}/{}/ipcidr/{}", self.network, self.prefix)
    }
}

/// The address with all bits behind the prefix cleared.
pub(crate) fn masked(ip: IpAddr, prefix: u8) -> IpAddr {
    match ip {
        IpAddr::V4(ip) => {
            let keep = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from(u32::from(ip) & keep))
        }
        IpAddr::V6(ip) => {
            let keep = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from(u128::from(ip) & keep))
        }
    }
}

/// Dial filters of Kubo's `server` profile as `swarm/filters` prints them (recording
/// `filters-server-profile`, with the range that `filters-rm` takes away).
pub const SERVER_PROFILE: [&str; 19] = [
    "/ip4/10.0.0.0/ipcidr/8",
    "/ip4/100.64.0.0/ipcidr/10",
    "/ip4/127.0.0.0/ipcidr/8",
    "/ip4/169.254.0.0/ipcidr/16",
    "/ip4/172.16.0.0/ipcidr/12",
    "/ip4/192.0.0.0/ipcidr/24",
    "/ip4/192.0.2.0/ipcidr/24",
    "/ip4/192.168.0.0/ipcidr/16",
    "/ip4/198.18.0.0/ipcidr/15",
    "/ip4/198.51.100.0/ipcidr/24",
    "/ip4/203.0.113.0/ipcidr/24",
    "/ip4/240.0.0.0/ipcidr/4",
    "/ip6/::/ipcidr/3",
    "/ip6/::1/ipcidr/128",
    "/ip6/100::/ipcidr/64",
    "/ip6/2001:2::/ipcidr/48",
    "/ip6/2001:db8::/ipcidr/32",
    "/ip6/fc00::/ipcidr/7",
    "/ip6/fe80::/ipcidr/10",
];
