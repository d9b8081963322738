//! What can only be said of all members together: which family of addresses the links use on the
//! storage network, and who shares an address. Discovery and the simulation run it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::{Family, Member, MemberName, Network, NetworkPolicy, StorageGap};

/// Brings the members' addresses on the storage network into the order of their use and takes away
/// what no link can use. Given are all addresses that each reported, and the ranges of the
/// attachment's config (none: not known).
///
/// - With `family: Auto` the family that most members have comes first, IPv4 when as many have either:
///   one odd member moves nobody. A member's addresses of the other family stay behind it, as it may
///   be connected there. With a family set, only that one stays.
/// - A member without an address of that family gets the gap `WrongFamily`.
/// - Members that report the same address get the gap `Shared`, each with the first of the others. A
///   pod that is terminating is no member any more: who gets its address after it shares nothing.
/// - An address in none of the ranges of its family is noted as outside; it is used all the same.
pub fn settle_storage(
    members: &mut BTreeMap<MemberName, Member>,
    policy: &NetworkPolicy,
    ranges: &[IpNet],
) {
    if policy.attachment.is_none() {
        return;
    }
    let ipv6 = uses_ipv6(members, policy.family);
    for member in members.values_mut() {
        choose(member, ipv6, policy.family);
    }
    for (name, with) in shared(members) {
        if let Some(member) = members.get_mut(&name) {
            member.networks.remove(&Network::Storage);
            member.storage.gap = Some(StorageGap::Shared {
                with: with.as_str().into(),
            });
        }
    }
    for member in members.values_mut() {
        let stranger = |ip: &IpAddr| {
            let mut same = ranges
                .iter()
                .filter(|range| is_ipv6(&range.addr()) == is_ipv6(ip));
            same.clone().next().is_some() && !same.any(|range| range.contains(ip))
        };
        if member.ips(Network::Storage).iter().any(stranger) {
            member.storage.outside = ranges.to_vec();
        }
    }
}

/// Whether the links use IPv6.
fn uses_ipv6(members: &BTreeMap<MemberName, Member>, family: Family) -> bool {
    let having = |ipv6: bool| {
        let has = |member: &&Member| {
            let mut ips = member.ips(Network::Storage).iter();
            ips.any(|ip| is_ipv6(ip) == ipv6)
        };
        members.values().filter(has).count()
    };
    match family {
        Family::IPv4 => false,
        Family::IPv6 => true,
        Family::Auto => having(true) > having(false),
    }
}

/// Orders a member's addresses: those of the family first.
fn choose(member: &mut Member, ipv6: bool, family: Family) {
    let Some(ips) = member.networks.get_mut(&Network::Storage) else {
        return;
    };
    ips.sort_by_key(|ip| (is_ipv6(ip) != ipv6, *ip));
    if family != Family::Auto {
        let other = ips.first().copied();
        ips.retain(|ip| is_ipv6(ip) == ipv6);
        if let (true, Some(found)) = (ips.is_empty(), other) {
            leave_out(member, found);
        }
    } else if let Some(found) = ips.first().copied().filter(|ip| is_ipv6(ip) != ipv6) {
        leave_out(member, found);
    }
}

fn leave_out(member: &mut Member, found: IpAddr) {
    member.networks.remove(&Network::Storage);
    member.storage.gap = Some(StorageGap::WrongFamily { found });
}

/// The members that share an address, each with the first other one by name.
fn shared(members: &BTreeMap<MemberName, Member>) -> BTreeMap<MemberName, MemberName> {
    let mut holders: BTreeMap<IpAddr, Vec<&MemberName>> = BTreeMap::new();
    for (name, member) in members {
        for ip in member.ips(Network::Storage) {
            holders.entry(*ip).or_default().push(name);
        }
    }
    let mut shared = BTreeMap::new();
    for names in holders.values().filter(|names| names.len() > 1) {
        for (at, name) in names.iter().enumerate() {
            let with = if at == 0 { names[1] } else { names[0] };
            shared
                .entry((*name).clone())
                .or_insert_with(|| with.clone());
        }
    }
    shared
}

fn is_ipv6(ip: &IpAddr) -> bool {
    ip.is_ipv6()
}
