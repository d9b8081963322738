//! A run of addresses in a network.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::{Malformed, Place};

/// The addresses of a network from one to another, without some.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Span {
    /// The network, its host bits zero.
    pub(super) network: IpNet,
    first: u128,
    last: u128,
    /// Disjoint, and none of another family.
    excluded: Vec<IpNet>,
}

// === impl Span ===

impl Span {
    /// From `bounds`, or where one is not set from the network's first to its last address that a host
    /// can have.
    pub(super) fn new(
        network: IpNet,
        bounds: (Option<&str>, Option<&str>),
        path: &str,
    ) -> Result<Self, Malformed> {
        let (lowest, highest) = (number(network.network()), number(network.broadcast()));
        // A network of one or two addresses has no others to give (RFC 3021).
        let inner = u128::from(highest - lowest > 1);
        let bound = |text: Option<&str>, default: u128| match text {
            Some(text) if !text.is_empty() => {
                let ip = address(text, path)?;
                if network.contains(&ip) {
                    Ok(number(ip))
                } else {
                    let why = format!("in {path} is not in {network}");
                    Err(Malformed::value(Place::Config, text, why))
                }
            }
            _ => Ok(default),
        };
        let first = bound(bounds.0, lowest + inner)?;
        let last = bound(bounds.1, highest - inner)?;
        if first > last {
            let why = format!("in {path} has a first address behind its last");
            return Err(Malformed::value(Place::Config, &network.to_string(), why));
        }
        Ok(Self {
            network,
            first,
            last,
            excluded: Vec::new(),
        })
    }

    /// Without the gateway: the network's first address unless another is named.
    pub(super) fn without_gateway(
        self,
        gateway: Option<&str>,
        path: &str,
    ) -> Result<Self, Malformed> {
        let first = match gateway.filter(|text| !text.is_empty()) {
            Some(text) => Some(address(text, path)?),
            None => self.network.hosts().next(),
        };
        let excluded = first.map(IpNet::from).into_iter().collect();
        Ok(Self { excluded, ..self })
    }

    /// Without these networks or addresses.
    pub(super) fn without(self, texts: &[String], path: &str) -> Result<Self, Malformed> {
        let read: Result<Vec<_>, _> = texts.iter().map(|text| network(text, path)).collect();
        let excluded = IpNet::aggregate(&read?);
        Ok(Self { excluded, ..self })
    }

    /// How many addresses it has.
    pub(super) fn size(&self) -> u128 {
        let all = (self.last - self.first).saturating_add(1);
        let same = |net: &&IpNet| net.addr().is_ipv4() == self.network.addr().is_ipv4();
        let taken = self.excluded.iter().filter(same).map(|net| {
            let first = number(net.network()).max(self.first);
            let last = number(net.broadcast()).min(self.last);
            last.checked_sub(first).map_or(0, |n| n.saturating_add(1))
        });
        taken.fold(all, u128::saturating_sub)
    }
}

/// A network, or an address as the network of it alone.
pub(super) fn network(text: &str, path: &str) -> Result<IpNet, Malformed> {
    let text = text.trim();
    let parsed = text
        .parse::<IpNet>()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    parsed.map_err(|_| {
        let why = format!("in {path} is no network such as 10.20.0.0/16");
        Malformed::value(Place::Config, text, why)
    })
}

/// An address, of which a prefix length is left out.
fn address(text: &str, path: &str) -> Result<IpAddr, Malformed> {
    network(text, path).map(|network| network.addr())
}

fn number(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => u128::from(ip.to_bits()),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}
