//! Kubo's bound on IPv6: it holds 16 connections with addresses of one /56, dialled or accepted
//! (kubo.md 2.3), and the pods of a cluster usually share one. Who is alone in a /56, or among few, is
//! not bounded by it; a mesh is as soon as one of its members could be asked for more links than that.

use std::collections::BTreeMap;
use std::net::IpAddr;

use kubomesh_core::{Address, Capacity, NetworkPolicy};

use crate::network;
use crate::retry::counted;
use crate::world::{Node, Standing, World};

/// Connections that Kubo holds with addresses of one /56.
pub(crate) const MOST: u32 = 16;

/// A /56 of which members would be asked for more connections than Kubo holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Crowd {
    /// Its first address.
    pub prefix: IpAddr,
    /// How many members have their address in it.
    pub members: usize,
}

/// The largest /56 that bounds a mesh whose members have these addresses; `None`: no member could be
/// asked for more than 16 links into one. The members of a /56 see the others of it, everybody else
/// sees all of them. Loopback is not counted.
pub(crate) fn crowd(
    policy: &NetworkPolicy,
    ips: impl Iterator<Item = Option<IpAddr>>,
) -> Option<Crowd> {
    if policy.ipv6_allowlisted {
        return None;
    }
    let (mut all, mut prefixes) = (0, BTreeMap::<IpAddr, usize>::new());
    for ip in ips {
        all += 1;
        if let Some(prefix) = ip.filter(IpAddr::is_ipv6).and_then(counted) {
            *prefixes.entry(prefix).or_default() += 1;
        }
    }
    let seen = |members: usize| if members == all { members - 1 } else { members };
    let crowded = prefixes.into_iter();
    let crowded = crowded.filter(|(_, members)| seen(*members) > MOST as usize);
    let largest = crowded.max_by_key(|(_, members)| *members)?;
    Some(Crowd {
        prefix: largest.0,
        members: largest.1,
    })
}

/// That of a world: by the address that each place is recorded with, or will be.
pub(crate) fn of(world: &World<'_>) -> Option<Crowd> {
    let policy = &world.input.policy.network;
    let counts = |node: &&Node<'_>| node.place.is_some() || node.standing == Standing::New;
    let ip = |node: &Node<'_>| {
        let record = node.record.filter(|_| node.place.is_some());
        let recorded = record.and_then(|record| record.addresses.first());
        let will = || {
            let on = network::offered(policy, node.member?).next()?;
            network::mesh_ip(node.member?, on)
        };
        recorded.map_or_else(will, Address::ip)
    };
    crowd(policy, world.nodes.iter().filter(counts).map(ip))
}

/// A capacity under that bound.
pub(crate) fn bounded(crowd: Option<&Crowd>, capacity: Capacity) -> Capacity {
    match crowd {
        Some(_) if capacity.links() > MOST => Capacity::Links(MOST),
        _ => capacity,
    }
}

/// What to do about it.
pub(crate) fn remedy(crowd: &Crowd) -> String {
    let Crowd { prefix, members } = crowd;
    format!(
        "Kubo holds {MOST} connections with one IPv6 /56, and {members} members are in {prefix}/56: \
         each has at most {MOST} links; to lift it, add /ip6/{prefix}/ipcidr/56 to \
         Swarm.ResourceMgr.Allowlist of every Kubo, restart them, and set \
         spec.network.ipv6Allowlisted: true (the rate stays: {MOST} new connections with a /56 at \
         once, then one in 5 s)"
    )
}
