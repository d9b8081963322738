//! Every pass at the moment when it has its plan: what it says against what was answered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kubomesh_core::{
    Address, Call, ConditionKind, Contact, ContainerStart, Link, LinkReport, LinkState, MemberName,
    MemberUid, Observation, PeerId, Record, Status, Timestamp,
};
use kubomesh_planner::{PlanInput, Planned, Violation, plan};

use super::{Audit, Property};
use crate::controller::Who;
use crate::truth::cluster::Cluster;

/// A pass with its plan.
pub(crate) struct Passed<'a> {
    pub(crate) who: Who,
    pub(crate) input: &'a PlanInput<'a>,
    pub(crate) planned: &'a Planned,
    pub(crate) violations: &'a [Violation],
    /// Whether no rule is off.
    pub(crate) all_rules: bool,
}

/// An identity that two members showed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Twins {
    rounds: u32,
    /// The older of the two sightings last counted.
    at: Timestamp,
}

/// How a member stood in the last pass.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    uid: MemberUid,
    container: Option<ContainerStart>,
    ready: bool,
    answers: bool,
    /// Whether it lists entries of ours; as before, if its list could not be read.
    holds: bool,
}

impl Standing {
    fn is_new_since(&self, before: &Self) -> bool {
        self.uid != before.uid
            || self.container != before.container
            || (self.ready && !before.ready)
            || (self.answers && !before.answers)
            || (!self.holds && before.holds)
    }
}

/// Rounds in which an identity is seen twice before nothing may be added for it: the planner
/// believes two, and one more may be under way.
const ROUNDS: u32 = 3;

/// Every so many passes the plan is made a second time.
const AGAIN: u64 = 64;

impl Audit {
    /// A pass has its plan.
    pub(crate) fn passed(&mut self, passed: &Passed<'_>, cluster: &Cluster) {
        self.passes += 1;
        if let Some(violation) = passed.violations.first() {
            self.broke(
                Property::Check,
                format!("a plan of {}: {violation}", passed.who),
            );
        }
        self.misses(passed);
        self.renewals(passed);
        self.judge_report(passed);
        self.judge_recipe(passed);
        self.judge_twins(passed, cluster);
        self.judge_surplus(passed);
        self.judge_degree(passed);
        self.judge_network(passed);
        self.judge_steering(passed);
        // A plan without a rule is another than this input's.
        if passed.all_rules && self.passes.is_multiple_of(AGAIN) {
            self.judge_purity(passed);
        }
    }

    /// Whoever started, became Ready, answers again or forgot its entries may be dialled at once.
    fn renewals(&mut self, passed: &Passed<'_>) {
        let PlanInput {
            membership,
            observations,
            records,
            now,
            ..
        } = passed.input;
        // Who was neither listed nor recorded comes anew, whoever it was.
        self.standing.retain(|(who, name), _| {
            *who != passed.who
                || membership.members.contains_key(name)
                || records.contains_key(name.as_str())
        });
        let ours = ours(records);
        for member in membership.members.values() {
            let seen = observations.get(&member.name);
            let key = (passed.who, member.name.clone());
            let held = self.standing.get(&key).is_some_and(|before| before.holds);
            let standing = Standing {
                uid: member.uid.clone(),
                container: member.container.clone(),
                ready: member.ready,
                answers: seen.is_some_and(|seen| seen.present().is_some()),
                holds: seen.and_then(|seen| holds(seen, &ours)).unwrap_or(held),
            };
            let before = self.standing.insert(key.clone(), standing.clone());
            if before.is_some_and(|before| !standing.is_new_since(&before)) {
                continue;
            }
            let name = &member.name;
            self.steered.renewed(passed.who, name, *now);
            self.dialled
                .retain(|(_, link), _| link.a != *name && link.b != *name);
            self.renewed.insert(key, *now);
        }
    }

    /// Whether a dial that is sent was planned before an end was seen to start: it is not the one
    /// that the start allows.
    pub(super) fn is_before_renewal(&self, who: Who, link: &Link, planned: Timestamp) -> bool {
        [&link.a, &link.b].into_iter().any(|end| {
            let renewed = self.renewed.get(&(who, end.clone()));
            renewed.is_some_and(|renewed| planned < *renewed)
        })
    }

    /// Notes since when each recorded life is missed.
    fn misses(&mut self, passed: &Passed<'_>) {
        let PlanInput {
            membership,
            records,
            now,
            ..
        } = passed.input;
        for record in records.values() {
            let lives = membership.members.get(&record.member);
            let key = (passed.who, record.member.clone());
            if record.peer_id.is_none() || lives.is_some_and(|member| member.uid == record.uid) {
                self.missed.remove(&key);
                continue;
            }
            let known = self
                .missed
                .get(&key)
                .is_some_and(|(uid, _)| *uid == record.uid);
            if !known {
                self.missed.insert(key, (record.uid.clone(), *now));
            }
        }
    }

    fn judge_report(&mut self, passed: &Passed<'_>) {
        let listed = direct(passed.input);
        for link in &passed.planned.report.links {
            let healthy = link.state == LinkState::Healthy;
            if healthy {
                self.dialled.remove(&(passed.who, link.link.clone()));
            }
            if healthy != link.reason.is_none() {
                let detail = format!("{} is {:?} for {:?}", link.link, link.state, link.reason);
                self.broke(Property::Report, detail);
            }
            if healthy && !both_list(&listed, passed.input, link) {
                let detail = format!("{} is healthy and not listed by both ends", link.link);
                self.broke(Property::Report, detail);
            }
        }
    }

    /// A node that is told to dial lists no connection with the peer, unless it was told before to
    /// close that.
    fn judge_recipe(&mut self, passed: &Passed<'_>) {
        for sequence in &passed.planned.plan.sequences {
            let Some(action) = sequence.actions.first() else {
                continue;
            };
            let Call::Connect { address } = &action.call else {
                continue;
            };
            let Some(seen) = passed.input.observations.get(&sequence.member) else {
                continue;
            };
            let Some(peer) = address.peer() else { continue };
            if lists(seen, peer) {
                let detail = format!(
                    "{} lets {} dial {peer}, which it lists as connected",
                    passed.who, sequence.member
                );
                self.broke(Property::Recipe, detail);
            }
        }
    }

    /// Nothing is added for an identity that two members showed again and again, and none is taken
    /// for doubled that never was.
    fn judge_twins(&mut self, passed: &Passed<'_>, cluster: &Cluster) {
        let mut shown: BTreeMap<PeerId, Vec<Timestamp>> = BTreeMap::new();
        for (name, seen) in passed.input.observations {
            let lives = passed.input.membership.members.get(name);
            let same = lives
                .is_some_and(|member| member.uid == seen.uid && member.contact == Contact::Allowed);
            // Whoever shows another identity than its own takes nothing from the one that has it.
            let record = passed.input.records.get(name.as_str());
            let own = record.filter(|record| record.uid == seen.uid);
            let own = own.and_then(|record| record.peer_id);
            if let (Some((peer, at)), None, true) = (last_shown(seen), &seen.failure, same)
                && own.is_none_or(|own| own == peer)
            {
                shown.entry(peer).or_default().push(at);
            }
        }
        shown.retain(|_, times| times.len() > 1);
        self.twins
            .retain(|(who, peer), _| *who != passed.who || shown.contains_key(peer));
        for (peer, mut times) in shown {
            times.sort_unstable();
            let (older, newer) = (times[times.len() - 2], times[times.len() - 1]);
            let twins = self.twins.entry((passed.who, peer)).or_default();
            if older > twins.at {
                twins.rounds += 1;
                twins.at = newer;
            }
            if twins.rounds >= ROUNDS && adds(passed.planned, peer) {
                let detail = format!(
                    "{} adds a link for {peer}, which two nodes have",
                    passed.who
                );
                self.broke(Property::Duplicate, detail);
            }
        }
        for (name, member) in &passed.planned.report.members {
            let flagged = member.conditions.iter().any(|condition| {
                condition.kind == ConditionKind::DuplicateIdentity
                    && condition.status == Status::True
            });
            let shown = passed
                .input
                .observations
                .get(name)
                .and_then(|seen| last_shown(seen));
            if let (true, Some((peer, _))) = (flagged, shown)
                && !cluster.was_doubled(peer)
            {
                let detail = format!("{name} is taken for a duplicate, and only it has {peer}");
                self.broke(Property::Duplicate, detail);
            }
        }
    }

    fn judge_purity(&mut self, passed: &Passed<'_>) {
        let again = plan(passed.input);
        let Planned {
            plan,
            report,
            memory,
        } = passed.planned;
        let same = again.plan == *plan && again.report == *report && again.memory == *memory;
        if !same && passed.violations.is_empty() {
            self.broke(Property::Pure, "the same input gives another plan".into());
        }
    }
}

/// What entries of ours say: each recorded identity with each address that it has or had.
fn ours(records: &BTreeMap<String, Record>) -> BTreeSet<(PeerId, Address)> {
    let present: BTreeSet<PeerId> = records.values().filter_map(|one| one.peer_id).collect();
    let all = records.values().flat_map(super::pairs);
    all.filter(|(peer, _)| present.contains(peer)).collect()
}

/// Whether a node lists entries of ours, if its list could be read.
fn holds(seen: &Observation, ours: &BTreeSet<(PeerId, Address)>) -> Option<bool> {
    let entries = seen.present()?.peering.as_ref().ok()?;
    let mut alone = entries.iter().filter(|entry| entry.addresses.len() == 1);
    Some(alone.any(|entry| ours.contains(&(entry.peer, entry.addresses[0].clone()))))
}

/// The identity that was last shown, and when.
fn last_shown(seen: &Observation) -> Option<(PeerId, Timestamp)> {
    let sighting = seen
        .sighting
        .as_ref()
        .map(|sighting| (sighting.at, sighting.peer_id));
    let state = seen.present().map(|state| (state.at, state.peer_id));
    sighting
        .into_iter()
        .chain(state)
        .max()
        .map(|(at, peer)| (peer, at))
}

/// Whether a plan links this identity with anybody.
fn adds(planned: &Planned, peer: PeerId) -> bool {
    planned.plan.sequences.iter().any(|sequence| {
        sequence.actions.iter().any(|action| match &action.call {
            Call::Connect { address } => sequence.expect == peer || address.peer() == Some(peer),
            Call::PeeringAdd { addresses } => {
                sequence.expect == peer || addresses.iter().any(|a| a.peer() == Some(peer))
            }
            _ => false,
        })
    })
}

/// With whom each node's last answer lists direct connections, sorted.
fn direct<'a>(input: &PlanInput<'a>) -> BTreeMap<&'a MemberName, Vec<PeerId>> {
    let of = |(name, seen): (&'a MemberName, &'a Arc<Observation>)| {
        let connections = seen.present()?.connections();
        let direct = connections.filter(|connection| !connection.is_relayed);
        let mut peers: Vec<PeerId> = direct.map(|connection| connection.peer).collect();
        peers.sort_unstable();
        Some((name, peers))
    };
    input.observations.iter().filter_map(of).collect()
}

/// Whether each end's last answer lists a direct connection with the other.
fn both_list(
    listed: &BTreeMap<&MemberName, Vec<PeerId>>,
    input: &PlanInput<'_>,
    link: &LinkReport,
) -> bool {
    let one = |near: &MemberName, far: &MemberName| {
        let record = input.records.get(far.as_str());
        let peer = record.and_then(|record| record.peer_id);
        let listed = listed.get(near);
        matches!((listed, peer), (Some(all), Some(peer)) if all.binary_search(&peer).is_ok())
    };
    one(&link.link.a, &link.link.b) && one(&link.link.b, &link.link.a)
}

/// Whether a node's last answer lists any connection with a peer.
fn lists(seen: &Observation, peer: PeerId) -> bool {
    seen.present().is_some_and(|state| {
        state
            .connections()
            .any(|connection| connection.peer == peer)
    })
}
