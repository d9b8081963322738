//! The check of records: nothing that must be remembered is dropped.

use kubomesh_core::{MemberName, Observation, PeerId, Record, RecordWrite, Role};

use super::{Facts, Rule};

/// Checks every write of the plan.
pub(super) fn check(facts: &mut Facts<'_>) {
    let writes = &facts.planned.plan.records;
    for write in writes {
        match write {
            RecordWrite::Delete(name) => deleted(facts, name),
            RecordWrite::Put(record) => put(facts, record),
        }
    }
}

fn deleted(facts: &mut Facts<'_>, name: &str) {
    let Some(stored) = facts.input.records.get(name) else {
        return facts.found(Rule::RecordsKept, None, format!("{name} is not stored"));
    };
    let member = Some(&stored.member);
    if facts.input.membership.doubt.is_some() {
        facts.found(Rule::NoRemovalInDoubt, member, format!("{name} is deleted"));
    }
    if facts.member(&stored.member).is_some() {
        facts.found(Rule::RecordsKept, member, "its member lives".into());
    }
    forgotten(facts, stored, None);
}

fn put(facts: &mut Facts<'_>, record: &Record) {
    let member = Some(&record.member);
    if record.role != Role::Kubo {
        return facts.found(Rule::NothingForeign, member, "it is another role's".into());
    }
    if record.mesh != facts.input.membership.mesh.name {
        facts.found(
            Rule::NothingForeign,
            member,
            format!("it names the mesh {}", record.mesh),
        );
    }
    if let (Some(peer), Some(live)) = (record.peer_id, facts.member(&record.member)) {
        let observation = facts.input.observations.get(&record.member);
        let shown = observation
            .filter(|observation| observation.uid == live.uid)
            .is_some_and(|observation| last_shown(observation) == Some(peer));
        let kept = |stored: &Record| (&stored.uid, stored.peer_id) == (&record.uid, Some(peer));
        let stored = facts.input.records.get(&record.name());
        if !shown && !stored.is_some_and(kept) {
            let detail = format!("{peer} was not shown by it");
            facts.found(Rule::VerifiedNodesOnly, member, detail);
        }
    }
    if let Some(stored) = facts.input.records.get(&record.name()) {
        forgotten(facts, stored, Some(record));
    }
}

/// Identities that a stored record has and the new one does not: none in doubt, none that a node
/// still shows an entry of ours for.
fn forgotten(facts: &mut Facts<'_>, stored: &Record, new: Option<&Record>) {
    let keeps = |peer| {
        new.is_some_and(|new| {
            new.peer_id == Some(peer) || new.retired.iter().any(|retired| retired.peer_id == peer)
        })
    };
    let had = stored
        .peer_id
        .into_iter()
        .chain(stored.retired.iter().map(|retired| retired.peer_id));
    for peer in had.filter(|peer| !keeps(*peer)).collect::<Vec<_>>() {
        if facts.input.membership.doubt.is_some() {
            let detail = format!("{peer} is forgotten");
            facts.found(Rule::NoRemovalInDoubt, Some(&stored.member), detail);
        }
        let elsewhere = facts
            .by_peer
            .get(&peer)
            .is_some_and(|records| records.iter().any(|record| record.member != stored.member));
        if let Some(holder) = (!elsewhere).then(|| holder(facts, stored, peer)).flatten() {
            let detail = format!("{peer} is forgotten although {holder} has an entry of ours");
            facts.found(Rule::RecordsKept, Some(&stored.member), detail);
        }
    }
    // Live identities are retired only with their pod gone or replaced, never in doubt.
    let retired_now = stored.peer_id.filter(|peer| {
        new.is_some_and(|new| {
            new.peer_id.is_none() && new.retired.iter().any(|retired| retired.peer_id == *peer)
        })
    });
    if let Some(peer) = retired_now
        && facts.input.membership.doubt.is_some()
    {
        let detail = format!("{peer} is retired");
        facts.found(Rule::NoRemovalInDoubt, Some(&stored.member), detail);
    }
}

/// A live member that shows an entry of ours for an identity.
fn holder(facts: &Facts<'_>, stored: &Record, peer: PeerId) -> Option<MemberName> {
    let addresses: Vec<_> = stored
        .retired
        .iter()
        .filter(|one| one.peer_id == peer)
        .collect();
    let own = (stored.peer_id == Some(peer)).then_some(&stored.addresses);
    let ours = |address| {
        own.is_some_and(|own| own.contains(address))
            || addresses.iter().any(|one| one.addresses.contains(address))
    };
    let holds = |name: &&MemberName| {
        let member = facts.member(name);
        let observation = facts.input.observations.get(*name);
        let state = observation
            .filter(|observation| member.is_some_and(|member| member.uid == observation.uid))
            .and_then(|observation| observation.present())
            .filter(|state| {
                let record = member.and_then(|member| facts.record(member));
                record.is_some_and(|record| record.peer_id == Some(state.peer_id))
            });
        let entries = state.and_then(|state| state.peering.as_ref().ok());
        entries.into_iter().flatten().any(|entry| {
            entry.peer == peer && matches!(entry.addresses.as_slice(), [one] if ours(one))
        })
    };
    facts.input.membership.members.keys().find(holds).cloned()
}

/// The identity that was last shown: by `id`, or by the connection on which the state was read.
fn last_shown(observation: &Observation) -> Option<PeerId> {
    let sighting = observation.sighting.as_ref();
    let sighting = sighting.map(|seen| (seen.at, seen.peer_id));
    let state = observation.present().map(|state| (state.at, state.peer_id));
    let latest = sighting.into_iter().chain(state).max_by_key(|(at, _)| *at);
    latest.map(|(_, peer)| peer)
}
