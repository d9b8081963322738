//! Links between live members that are wanted no longer: when they may go.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kubomesh_core::{
    Address, Call, Capacity, Contact, FailureKind, Link, LinkState, MemberName, Mode, PeerId,
    Timestamp,
};
use kubomesh_planner::PlanInput;

use super::passes::Passed;
use super::{Audit, Property, pairs};

/// Surplus links that a controller began to remove.
#[derive(Debug, Clone, Default)]
pub(crate) struct Begun {
    links: BTreeMap<Link, Timestamp>,
}

/// The span of the budget.
const MINUTE: Duration = Duration::from_secs(60);

impl Audit {
    /// A surplus link goes when an end is above its capacity, when all desired links of both ends
    /// are healthy, and within the budget.
    pub(super) fn judge_surplus(&mut self, passed: &Passed<'_>) {
        let (input, report) = (passed.input, &passed.planned.report);
        if input.policy.mode != Mode::Enforce {
            return;
        }
        let begun = self.surplus.entry(passed.who).or_default();
        let wanted: BTreeSet<&Link> = report.surplus.iter().map(|link| &link.link).collect();
        begun.links.retain(|link, _| wanted.contains(link));
        let removed = removed(passed);
        let fresh: Vec<Link> = removed
            .into_iter()
            .filter(|link| !begun.links.contains_key(link))
            .collect();
        let lately = begun
            .links
            .values()
            .filter(|at| input.now.since(**at) < MINUTE)
            .count();
        let share = usize::try_from(input.policy.limits.removal_percent_per_minute).unwrap_or(100);
        let most = ((report.surplus.len() + lately) * share / 100).max(1);
        let mut broken = None;
        if !fresh.is_empty() && fresh.len() + lately > most {
            let count = fresh.len() + lately;
            broken = Some(format!(
                "{} removes {count} surplus links in a minute",
                passed.who
            ));
        }
        for link in &fresh {
            begun.links.insert(link.clone(), input.now);
            if ![&link.a, &link.b]
                .into_iter()
                .any(|end| is_above(input, end))
            {
                broken = Some(format!("{link} goes although no end is above its capacity"));
            }
            if let Some(missing) = report.links.iter().find(|other| {
                let touches = [&link.a, &link.b]
                    .into_iter()
                    .any(|end| *end == other.link.a || *end == other.link.b);
                let answer = |end: &MemberName| answers(input, end);
                touches
                    && other.state != LinkState::Healthy
                    && answer(&other.link.a)
                    && answer(&other.link.b)
            }) {
                broken = Some(format!(
                    "{link} goes although {} is not healthy",
                    missing.link
                ));
            }
        }
        if let Some(detail) = broken {
            self.broke(Property::Surplus, detail);
        }
    }
}

/// Links between present identities that the plan takes an entry for away.
fn removed(passed: &Passed<'_>) -> BTreeSet<Link> {
    let mut holders: BTreeMap<PeerId, Vec<&MemberName>> = BTreeMap::new();
    for record in passed.input.records.values() {
        if let Some(peer) = record.peer_id {
            holders.entry(peer).or_default().push(&record.member);
        }
    }
    let surplus = &passed.planned.report.surplus;
    let surplus: BTreeSet<&Link> = surplus.iter().map(|report| &report.link).collect();
    let mut links = BTreeSet::new();
    for sequence in &passed.planned.plan.sequences {
        for action in &sequence.actions {
            let Call::PeeringRemove { peers } = &action.call else {
                continue;
            };
            for far in peers.iter().filter_map(|peer| holders.get(peer)) {
                let ends = far
                    .iter()
                    .filter_map(|far| Link::new(&sequence.member, far));
                // Of several members with one identity one has its place.
                let mut ends = ends.collect::<Vec<_>>();
                ends.sort_by_key(|link| !surplus.contains(link));
                links.extend(ends.into_iter().next());
            }
        }
    }
    links
}

fn answers(input: &PlanInput<'_>, name: &MemberName) -> bool {
    let member = input.membership.members.get(name);
    let Some(member) = member.filter(|member| member.contact == Contact::Allowed) else {
        return false;
    };
    // What a former life answered is no answer; whoever lets nobody read its connections is unknown.
    let seen = input.observations.get(name);
    let seen = seen.filter(|seen| seen.uid == member.uid);
    let peers = seen
        .and_then(|seen| seen.present())
        .map(|state| &state.peers);
    match peers {
        Some(Err(failure)) => failure.kind == FailureKind::Skipped,
        Some(Ok(_)) => true,
        None => false,
    }
}

/// Whether a node has more entries of ours than its recorded capacity.
fn is_above(input: &PlanInput<'_>, name: &MemberName) -> bool {
    let Some(seen) = input.observations.get(name) else {
        return false;
    };
    let record = input.records.get(name.as_str());
    let recorded = record.and_then(|record| record.capacity);
    let told = seen.present().and_then(|state| state.conn_limits.as_ref());
    let capacity = match (recorded, told) {
        (Some(capacity), _) => capacity.links(),
        // What it has only just told is not recorded yet, and counts: it is this at least.
        (None, Some(_)) => Capacity::LEAST_LINKS,
        (None, None) => Capacity::Assumed.links(),
    };
    let entries = seen.present().and_then(|state| state.peering.as_ref().ok());
    let has = |peer: PeerId| {
        let mut records = input.records.values();
        records.any(|record| record.peer_id == Some(peer))
    };
    let known: BTreeSet<(PeerId, Address)> = input.records.values().flat_map(pairs).collect();
    let ours = entries.into_iter().flatten().filter(|entry| {
        let [address] = entry.addresses.as_slice() else {
            return false;
        };
        has(entry.peer) && known.contains(&(entry.peer, address.clone()))
    });
    u32::try_from(ours.count()).unwrap_or(u32::MAX) > capacity
}
