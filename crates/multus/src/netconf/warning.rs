//! What a config is allowed to say and had better not.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

use super::NetConf;

/// Something about a config that will probably not work as wished; no reason to refuse it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// The config is empty: Multus reads a file on each node.
    ReadFromHost,
    /// No IPAM: pods get no address there.
    NoIpam,
    /// `host-local` gives each node the whole range.
    HostLocal,
    /// `static` with addresses in the config gives every pod the same ones.
    OneForAll {
        /// The first of them.
        address: IpNet,
    },
    /// There are fewer addresses than members.
    TooFew {
        /// Addresses that can be given.
        capacity: u128,
        /// Members that want one.
        members: usize,
    },
    /// A range holds an address that a pod has on the pod network.
    Overlap {
        /// The range.
        range: IpNet,
        /// The pod's address.
        ip: IpAddr,
    },
}

impl NetConf {
    /// What to warn of, for a mesh of so many members whose pods have these addresses on the pod
    /// network.
    #[must_use]
    pub fn warnings(&self, members: usize, pod_ips: &[IpAddr]) -> Vec<Warning> {
        let mut warnings = Vec::new();
        match &self.ipam {
            None if self.is_empty() => warnings.push(Warning::ReadFromHost),
            None => warnings.push(Warning::NoIpam),
            Some(ipam) if ipam.kind() == "host-local" => warnings.push(Warning::HostLocal),
            Some(ipam) => {
                let one = ipam.shared_address();
                warnings.extend(one.map(|address| Warning::OneForAll { address }));
            }
        }
        let capacity = self
            .capacity()
            .filter(|capacity| *capacity < members as u128);
        warnings.extend(capacity.map(|capacity| Warning::TooFew { capacity, members }));
        warnings.extend(self.ranges().into_iter().filter_map(|range| {
            let ip = pod_ips.iter().copied().find(|ip| range.contains(ip))?;
            Some(Warning::Overlap { range, ip })
        }));
        warnings
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReadFromHost => f.write_str(
                "spec.config is empty: Multus reads a file on each node, whose ranges and edits are not \
                 seen here",
            ),
            Self::NoIpam => f.write_str(
                "spec.config has no ipam: pods get no address on the network, and no link can use it",
            ),
            Self::HostLocal => f.write_str(
                "ipam.type host-local knows only its own node: pods on two nodes can get the same \
                 address; use whereabouts, or give each node a range of its own",
            ),
            Self::OneForAll { address } => write!(
                f,
                "ipam.addresses gives {address} to every pod; use whereabouts, or name addresses in the \
                 pods' annotations"
            ),
            Self::TooFew { capacity, members } => write!(
                f,
                "the ranges have {capacity} addresses for {members} members; widen them"
            ),
            Self::Overlap { range, ip } => write!(
                f,
                "the range {range} holds {ip}, which a pod has on the pod network; choose another range"
            ),
        }
    }
}
