//! Degrees: how many links a node may have, by topology.md alone and whatever the planner wants.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use kubomesh_core::{
    Address, Call, Capacity, ConnLimits, Degree, MemberName, MemberUid, PeerId, Policy,
    TopologyPolicy,
};
use kubomesh_planner::PlanInput;

use super::passes::Passed;
use super::{Audit, Property};

/// Links beside those of the rings: bridges between zones, and links across.
const EXTRAS: u32 = 4;

/// Links that a controller gave, as long as the fleet is the same.
#[derive(Debug, Clone)]
pub(crate) struct Given {
    fleet: Fleet,
    links: BTreeMap<MemberName, BTreeSet<PeerId>>,
}

/// All that a topology depends on: while it is the same, so are the links.
#[derive(Debug, Clone, PartialEq)]
struct Fleet {
    topology: TopologyPolicy,
    records: BTreeMap<PeerId, (MemberUid, Arc<str>, Capacity)>,
    members: BTreeMap<MemberName, (MemberUid, Arc<str>)>,
}

/// Connections that Kubo holds with one IPv6 /56.
const MOST_OF_A_56: u32 = 16;

/// Links that a node may have in a mesh of so many members; `None`: all of them. Under `six` an IPv6 /56
/// bounds everybody's.
pub(super) fn most(policy: &Policy, members: usize, capacity: Capacity, six: bool) -> Option<u32> {
    let policy = &policy.topology;
    let capacity = match six {
        true => Capacity::Links(capacity.links().min(MOST_OF_A_56)),
        false => capacity,
    };
    if !six && members <= policy.full_mesh_up_to as usize {
        return None;
    }
    let degree = match policy.degree {
        Degree::Fixed(degree) => degree.max(Capacity::LEAST_LINKS),
        Degree::Auto if members <= 1_000 => 16,
        Degree::Auto => 24,
    };
    Some((degree + EXTRAS).min(capacity.links().max(Capacity::LEAST_LINKS)))
}

/// The capacity of a node with these settings.
pub(super) fn capacity(limits: &ConnLimits) -> Capacity {
    match (limits.low_water, limits.high_water) {
        (Some(low), Some(high)) => {
            let links = u32::try_from((high - low) * 3 / 4).unwrap_or(0);
            Capacity::Links(links.max(Capacity::LEAST_LINKS))
        }
        _ => Capacity::Assumed,
    }
}

/// Whether some member sees more than sixteen others in one IPv6 /56.
pub(super) fn is_bound(policy: &Policy, ips: &[Option<IpAddr>]) -> bool {
    let prefix = |ip: &Option<IpAddr>| match ip {
        Some(IpAddr::V6(six)) if !six.is_loopback() => Some(six.octets()[..7].to_vec()),
        _ => None,
    };
    let prefixes: Vec<_> = ips.iter().map(prefix).collect();
    let sees = |from: usize, to: &[u8]| {
        let others = prefixes.iter().enumerate();
        let others = others.filter(|(at, other)| *at != from && other.as_deref() == Some(to));
        others.count() > MOST_OF_A_56 as usize
    };
    let all: BTreeSet<&Vec<u8>> = prefixes.iter().flatten().collect();
    let bound = all
        .into_iter()
        .any(|to| (0..prefixes.len()).any(|from| sees(from, to)));
    bound && !policy.network.ipv6_allowlisted
}

impl Audit {
    /// Nobody is wanted with, or given, more links than a node may have.
    pub(super) fn judge_degree(&mut self, passed: &Passed<'_>) {
        let (who, input) = (passed.who, passed.input);
        let mut counts: BTreeMap<&MemberName, usize> = BTreeMap::new();
        for report in &passed.planned.report.links {
            *counts.entry(&report.link.a).or_default() += 1;
            *counts.entry(&report.link.b).or_default() += 1;
        }
        if let Some(fleet) = Fleet::of(input) {
            let given = self.given.remove(&who).filter(|one| one.fleet == fleet);
            let mut given = given.unwrap_or_else(|| Given {
                fleet,
                links: BTreeMap::new(),
            });
            given.add(passed);
            for (name, links) in &given.links {
                let count = counts.entry(name).or_default();
                *count = links.len().max(*count);
            }
            self.judge_counts(passed, &counts);
            self.given.insert(who, given);
        } else {
            self.given.remove(&who);
            self.judge_counts(passed, &counts);
        }
    }

    fn judge_counts(&mut self, passed: &Passed<'_>, counts: &BTreeMap<&MemberName, usize>) {
        let input = passed.input;
        let recorded = input.records.values().filter_map(|record| record.peer_id);
        let members = recorded.collect::<BTreeSet<_>>().len();
        let wanted = input.records.iter();
        let wanted =
            wanted.filter(|(name, _)| counts.contains_key(&MemberName::from(name.as_str())));
        let ips: Vec<_> = wanted
            .map(|(_, record)| record.addresses.first().and_then(Address::ip))
            .collect();
        let six = is_bound(input.policy, &ips);
        for (name, count) in counts {
            let record = input.records.get(name.as_str());
            let capacity = record.and_then(|record| record.capacity);
            let capacity = capacity.unwrap_or(Capacity::Unlimited);
            let most = most(input.policy, members, capacity, six);
            if most.is_some_and(|most| *count > most as usize) {
                let detail = format!("{} wants {count} links of {name}: {most:?}", passed.who);
                self.broke(Property::Degree, detail);
            }
        }
    }
}

// === impl Fleet ===

impl Fleet {
    /// `None` while two records claim one identity, or one is without a capacity: what their
    /// topology is depends on what was answered, too.
    fn of(input: &PlanInput<'_>) -> Option<Self> {
        let mut records = BTreeMap::new();
        for record in input.records.values() {
            let Some(peer) = record.peer_id else { continue };
            let seen = (
                record.uid.clone(),
                Arc::clone(&record.zone),
                record.capacity?,
            );
            if records.insert(peer, seen).is_some() {
                return None;
            }
        }
        let members = input.membership.members.values();
        let member = |member: &kubomesh_core::Member| {
            (
                member.name.clone(),
                (member.uid.clone(), Arc::clone(&member.zone)),
            )
        };
        Some(Self {
            topology: input.policy.topology,
            records,
            members: members.map(member).collect(),
        })
    }
}

// === impl Given ===

impl Given {
    /// Adds the links that a plan gives, but for those that a node has an entry for already.
    fn add(&mut self, passed: &Passed<'_>) {
        for sequence in &passed.planned.plan.sequences {
            let seen = passed.input.observations.get(&sequence.member);
            let entries = seen
                .and_then(|seen| seen.present())
                .and_then(|state| state.peering.as_ref().ok());
            let has = |peer: &PeerId| entries.into_iter().flatten().any(|one| one.peer == *peer);
            let links = self.links.entry(sequence.member.clone()).or_default();
            for action in &sequence.actions {
                let peers = match &action.call {
                    Call::Connect { address } => address.peer().into_iter().collect(),
                    Call::PeeringAdd { addresses } => {
                        addresses.iter().filter_map(Address::peer).collect()
                    }
                    _ => Vec::new(),
                };
                links.extend(peers.into_iter().filter(|peer| !has(peer)));
            }
        }
    }
}
