//! The check of calls: to whom, about whom, and how many.

use std::collections::BTreeSet;
use std::sync::Arc;

use kubomesh_core::{
    Address, Call, Contact, Link, Member, MemberName, Mode, NodeState, PeerId, Record, Sequence,
};

use super::{Facts, Rule};

/// Checks every call of the plan.
pub(super) fn check(facts: &mut Facts<'_>) {
    let sequences = &facts.planned.plan.sequences;
    let mode = facts.input.policy.mode;
    if mode == Mode::Observe && !sequences.is_empty() {
        facts.found(
            Rule::ModeKept,
            None,
            "calls are planned although the mesh observes".into(),
        );
    }
    let mut once: BTreeSet<(&MemberName, &'static str)> = BTreeSet::new();
    let mut dialled: BTreeSet<&Link> = BTreeSet::new();
    let mut surplus: BTreeSet<(PeerId, PeerId)> = BTreeSet::new();
    for sequence in sequences {
        let Some(state) = verified(facts, sequence) else {
            continue;
        };
        for action in &sequence.actions {
            single(facts, &mut once, sequence, &action.call);
            if let (Call::Connect { .. }, Some(link)) = (&action.call, &action.link)
                && !dialled.insert(link)
            {
                let detail = format!("{link} is dialled twice");
                facts.found(Rule::OneCallAtATime, Some(&sequence.member), detail);
            }
            call(facts, sequence, state, &action.call, &mut surplus);
        }
        restores(facts, sequence);
    }
    budget(facts, &surplus);
}

/// Whether the node just showed its recorded identity; its state if so.
fn verified<'a>(facts: &mut Facts<'a>, sequence: &Sequence) -> Option<&'a NodeState> {
    let known = || -> Option<&'a NodeState> {
        let member = facts.member(&sequence.member)?;
        let record = facts.record(member)?;
        let observation = facts.input.observations.get(&sequence.member)?;
        let state = observation.present()?;
        let matches = member.uid == sequence.uid
            && member.access == sequence.access
            && member.contact == Contact::Allowed
            && observation.uid == member.uid
            && record.peer_id == Some(sequence.expect)
            && state.peer_id == sequence.expect;
        matches.then_some(state)
    };
    let state = known();
    if state.is_none() {
        let detail = format!("{} is not the node that just answered", sequence.expect);
        facts.found(Rule::VerifiedNodesOnly, Some(&sequence.member), detail);
    }
    state
}

fn single<'a>(
    facts: &mut Facts<'_>,
    once: &mut BTreeSet<(&'a MemberName, &'static str)>,
    sequence: &'a Sequence,
    call: &Call,
) {
    let kind = match call {
        Call::PeeringAdd { .. } => "peering add",
        Call::PeeringRemove { .. } => "peering rm",
        Call::FiltersAdd { .. } | Call::FiltersRemove { .. } => "filters",
        _ => return,
    };
    if !once.insert((&sequence.member, kind)) {
        let detail = format!("a second {kind} call in one pass");
        facts.found(Rule::OneCallAtATime, Some(&sequence.member), detail);
    }
}

fn call(
    facts: &mut Facts<'_>,
    sequence: &Sequence,
    state: &NodeState,
    call: &Call,
    surplus: &mut BTreeSet<(PeerId, PeerId)>,
) {
    let owned = |entries: &[Arc<str>]| {
        let member = facts.member(&sequence.member);
        let record = member.and_then(|member| facts.record(member));
        let owned = record.map_or(&[][..], |record| &record.owned_filters);
        let is_owned = |cidr: &Arc<str>| owned.iter().any(|one| one.cidr == *cidr);
        entries.iter().all(is_owned)
    };
    let releases = match call {
        Call::PeeringRemove { .. } => true,
        Call::FiltersAdd { entries } => !owned(entries),
        Call::FiltersRemove { entries } => owned(entries),
        _ => false,
    };
    if facts.input.policy.mode == Mode::Release && !releases {
        let detail = format!("{call} although the mesh is released");
        facts.found(Rule::ModeKept, Some(&sequence.member), detail);
    }
    match call {
        Call::Connect { address } => given(facts, sequence, address),
        Call::PeeringAdd { addresses } => {
            for address in addresses {
                given(facts, sequence, address);
                ours(facts, sequence, state, address.peer());
            }
        }
        Call::Disconnect { address } => listed(facts, sequence, state, address),
        Call::PeeringRemove { peers } => {
            if facts.input.membership.doubt.is_some() {
                facts.found(
                    Rule::NoRemovalInDoubt,
                    Some(&sequence.member),
                    call.to_string(),
                );
            }
            for peer in peers {
                ours(facts, sequence, state, Some(*peer));
                if facts.by_peer.contains_key(peer) && facts.input.policy.mode != Mode::Release {
                    lost(facts, sequence, *peer);
                    let ends = (sequence.expect.min(*peer), sequence.expect.max(*peer));
                    surplus.insert(ends);
                }
            }
        }
        Call::FiltersAdd { entries } | Call::FiltersRemove { entries } => {
            let record = facts
                .member(&sequence.member)
                .and_then(|member| facts.record(member));
            for entry in entries {
                let stored = record.is_some_and(|record| {
                    record.removed_filters.iter().any(|one| one.cidr == *entry)
                        || record.owned_filters.iter().any(|one| one.cidr == *entry)
                });
                if !stored {
                    let detail = format!("{call} is not covered by the stored record");
                    facts.found(Rule::NothingForeign, Some(&sequence.member), detail);
                }
            }
        }
        _ => facts.found(
            Rule::ModeKept,
            Some(&sequence.member),
            format!("unknown call {call}"),
        ),
    }
}

/// A peer that a node is given: another node, stored, at its present address, not in quarantine.
fn given(facts: &mut Facts<'_>, sequence: &Sequence, address: &Address) {
    let Some(peer) = address.peer() else {
        let detail = format!("{address} names no peer");
        return facts.found(Rule::StoredPeersOnly, Some(&sequence.member), detail);
    };
    if peer == sequence.expect {
        let detail = format!("{peer} is told to reach itself");
        return facts.found(Rule::NoSelfLinks, Some(&sequence.member), detail);
    }
    let bare = address.without_peer();
    let records = facts.by_peer.get(&peer).cloned().unwrap_or_default();
    let live = |record: &&Record| {
        facts
            .member(&record.member)
            .is_some_and(|member| member.uid == record.uid)
    };
    let stored: Vec<&Record> = records
        .into_iter()
        .filter(live)
        .filter(|record| {
            let member = facts.member(&record.member);
            member.is_some_and(|member| is_present(member, record, &bare))
        })
        .collect();
    let Some(first) = stored.first() else {
        let detail = format!("{address} is no live member's stored address");
        return facts.found(Rule::StoredPeersOnly, Some(&sequence.member), detail);
    };
    let doubled = facts.planned.memory.duplicates.get(&peer);
    let quarantined = |member: &Member| {
        let observation = facts.input.observations.get(&member.name);
        let sighting = observation
            .filter(|observation| observation.uid == member.uid)
            .and_then(|observation| observation.sighting.as_ref());
        matches!(member.contact, Contact::AddressConflict { .. })
            || sighting.is_some_and(|sighting| sighting.peer_id != peer)
            || doubled.is_some_and(|seen| seen.sweeps > 1)
    };
    // Two pods may be recorded with one identity at one address: the one that is contacted has it.
    let all = stored
        .iter()
        .all(|record| facts.member(&record.member).is_some_and(quarantined));
    if all {
        let detail = format!(
            "{address} is given although {} is in quarantine",
            first.member
        );
        facts.found(Rule::NoQuarantinedPeers, Some(&sequence.member), detail);
    }
}

/// Whether a stored address is one that the member has now: the first that the record has with an IP of
/// the member's own, or the one that the members file states.
fn is_present(member: &Member, record: &Record, address: &Address) -> bool {
    let Some(ip) = address.ip().filter(|_| member.swarm.is_none()) else {
        return record.addresses.first() == Some(address);
    };
    let first = record.addresses.iter().find(|one| one.ip() == Some(ip));
    let former = member.storage.former.iter().flat_map(|former| &former.ips);
    let mut own = member.networks.values().flatten().chain(former);
    first == Some(address) && own.any(|one| *one == ip)
}

/// A node's entry for a peer that is changed or removed: ours, or none.
fn ours(facts: &mut Facts<'_>, sequence: &Sequence, state: &NodeState, peer: Option<PeerId>) {
    let Some(peer) = peer else { return };
    let Ok(entries) = &state.peering else {
        let detail = format!("its entry for {peer} could not be read");
        return facts.found(Rule::NothingForeign, Some(&sequence.member), detail);
    };
    let written = facts.written.get(&peer);
    let foreign = entries
        .iter()
        .filter(|entry| entry.peer == peer)
        .any(|entry| {
            let [address] = entry.addresses.as_slice() else {
                return true;
            };
            !written.is_some_and(|written| written.contains(address))
        });
    if foreign {
        let detail = format!("its entry for {peer} is not ours");
        facts.found(Rule::NothingForeign, Some(&sequence.member), detail);
    }
}

/// A connection that is closed: one that the node lists, to a member.
fn listed(facts: &mut Facts<'_>, sequence: &Sequence, state: &NodeState, address: &Address) {
    let listed = state.connections().any(|connection| {
        let text = connection.text;
        let exact = address
            .as_str()
            .strip_prefix(text)
            .is_some_and(|rest| rest.is_empty() || rest == format!("/p2p/{}", connection.peer));
        exact && facts.by_peer.contains_key(&connection.peer)
    });
    if !listed {
        let detail = format!("{address} is no listed connection to a member");
        facts.found(Rule::ListedConnectionsOnly, Some(&sequence.member), detail);
    }
}

/// An entry for a member that is not retired: only if no desired link needs it.
fn lost(facts: &mut Facts<'_>, sequence: &Sequence, peer: PeerId) {
    let records = facts.by_peer.get(&peer).cloned().unwrap_or_default();
    let desired = |record: &Record| {
        let link = Link::new(&sequence.member, &record.member);
        let links = &facts.planned.report.links;
        link.is_some_and(|link| {
            links
                .binary_search_by(|report| report.link.cmp(&link))
                .is_ok()
        })
    };
    if records.into_iter().any(desired) {
        let detail = format!("the desired link with {peer} is unprotected");
        facts.found(Rule::NoLostLinks, Some(&sequence.member), detail);
    }
}

/// What is connected when a dial fails is what the sequence closed before.
fn restores(facts: &mut Facts<'_>, sequence: &Sequence) {
    let closed = |address: &Address| {
        let close = Call::Disconnect {
            address: address.clone(),
        };
        sequence.actions.iter().any(|action| action.call == close)
    };
    let member = facts.member(&sequence.member);
    let record = member.and_then(|member| facts.record(member));
    let owned = record.map_or(&[][..], |record| &record.owned_filters);
    let ours = |cidr: &Arc<str>| owned.iter().any(|one| one.cidr == *cidr);
    for action in &sequence.actions {
        let bad = |call: &Call| match call {
            Call::Connect { address } => !closed(address),
            Call::FiltersRemove { entries } => !entries.iter().all(ours),
            _ => true,
        };
        if action.on_failure.iter().any(bad) {
            let detail = "gives back on failure what it did not take".to_string();
            facts.found(Rule::ListedConnectionsOnly, Some(&sequence.member), detail);
        }
    }
}

/// The surplus links that go beyond a minute's budget: those begun before do not count again.
fn budget(facts: &mut Facts<'_>, surplus: &BTreeSet<(PeerId, PeerId)>) {
    let began = |memory: &crate::Memory| -> BTreeSet<Link> {
        let links = memory.links.iter().filter(|(_, memory)| memory.removing);
        links.map(|(link, _)| link.clone()).collect()
    };
    let spent: u64 = facts.planned.memory.removals.values().sum();
    let before = began(facts.input.memory);
    let now = began(&facts.planned.memory);
    let fresh = u64::try_from(now.difference(&before).count()).unwrap_or(u64::MAX);
    let percent = u64::from(facts.input.policy.limits.removal_percent_per_minute);
    let all = u64::try_from(facts.planned.report.surplus.len()).unwrap_or(u64::MAX);
    let allowed = (all.saturating_add(spent).saturating_mul(percent) / 100).max(1);
    let beyond =
        u64::try_from(surplus.len()).unwrap_or(u64::MAX) > u64::try_from(now.len()).unwrap_or(0);
    // What went a moment ago stays within the budget of then, which may have been larger.
    let over = fresh > 0 && spent > allowed;
    if over || beyond {
        let detail = format!("{} surplus links go, {spent} in this minute", surplus.len());
        facts.found(Rule::WithinBudget, None, detail);
    }
}
