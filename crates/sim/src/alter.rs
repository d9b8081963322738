//! What a rule that is switched off alters: the planner's input, its plan, or a write.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use kubomesh_core::{
    Busy, Call, Capacity, Connection, Degree, Direction, Fallback, FilterStep, Kept, Link,
    LinkReport, MemberName, Membership, Mode, NodeState, Observation, PeerId, Policy, Reason,
    Record, RecordWrite, Sequence, Steering, Timings,
};
use kubomesh_planner::{PlanInput, Planned};

use crate::rules::{Rule, Rules};
use crate::truth::store::{Store, Write};

/// Runs a function of the planner on its input, altered if a rule is off that lies in it.
pub(crate) fn with_input<T>(
    rules: Rules,
    input: &PlanInput<'_>,
    then: impl FnOnce(&PlanInput<'_>) -> T,
) -> T {
    let Some(rule) = rules.off() else {
        return then(input);
    };
    let mut altered = Altered {
        policy: input.policy.clone(),
        timings: *input.timings,
        membership: input.membership.clone(),
        observations: input.observations.clone(),
        records: input.records.clone(),
        busy: input.busy.clone(),
    };
    altered.by(rule, input);
    then(&PlanInput {
        policy: &altered.policy,
        timings: &altered.timings,
        membership: &altered.membership,
        observations: &altered.observations,
        records: &altered.records,
        busy: &altered.busy,
        ..*input
    })
}

/// An input that the planner is given in place of the true one.
struct Altered {
    policy: Policy,
    timings: Timings,
    membership: Membership,
    observations: BTreeMap<MemberName, Arc<Observation>>,
    records: BTreeMap<String, Record>,
    busy: Busy,
}

impl Altered {
    fn by(&mut self, rule: Rule, input: &PlanInput<'_>) {
        match rule {
            Rule::NoRemovalInDoubt => self.membership.doubt = None,
            Rule::AdoptAfterRestart => {
                self.records
                    .values_mut()
                    .for_each(|record| record.container = None);
            }
            Rule::DialPace => {
                self.policy.limits.dial_interval = Duration::ZERO;
                self.timings.retry_base = Duration::ZERO;
                self.timings.retry_rate_limited = Duration::ZERO;
            }
            Rule::OneFiltersCall => self.busy.members.clear(),
            Rule::NotTwiceUnderWay => self.busy = Busy::default(),
            Rule::AwayKeepsPlace => self.policy.links.forget_after = Duration::ZERO,
            Rule::FiltersOnlyUnderRepair => {
                self.policy.filters = kubomesh_core::FilterPolicy::Repair;
            }
            Rule::FiltersOncePerStart => {
                let records = self.records.values_mut();
                records
                    .flat_map(|record| &mut record.removed_filters)
                    .for_each(|filter| filter.gone = false);
            }
            Rule::ObserveCallsNothing if self.policy.mode == Mode::Observe => {
                self.policy.mode = Mode::Enforce;
            }
            Rule::ReleaseTakesBack if self.policy.mode == Mode::Release => {
                self.policy.mode = Mode::Observe;
            }
            Rule::Protect => self.policy.links.protect = false,
            Rule::Degree => {
                let degree = match self.policy.topology.degree {
                    Degree::Fixed(degree) => degree * 2,
                    Degree::Auto => 32,
                };
                self.policy.topology.degree = Degree::Fixed(degree);
            }
            Rule::Capacity => {
                let records = self.records.values_mut();
                records.for_each(|record| record.capacity = Some(Capacity::Unlimited));
            }
            Rule::SurplusBudget => self.policy.limits.removal_percent_per_minute = 100,
            Rule::MovePace => {
                self.timings.steer_retry_base = Duration::ZERO;
                self.timings.steer_retry_max = Duration::ZERO;
            }
            Rule::Steering => self.policy.network.steering = Steering::Off,
            Rule::FallbackNever => self.policy.network.fallback = Fallback::PodNetwork,
            Rule::OwnersFiltersKept => self.show_filters(input, false),
            Rule::FiltersSeenFirst => self.show_filters(input, true),
            Rule::DuplicateIdentity => self.hide_twins(),
            Rule::ForeignEntries => self.adopt_entries(input),
            Rule::SilenceIsUnknown => self.fill_silence(input),
            Rule::BothEnds => self.mirror(),
            Rule::BareEndDials => self.hide_one_sided(),
            _ => {}
        }
    }

    fn each_state(&mut self, mut change: impl FnMut(&MemberName, &mut NodeState)) {
        for (name, observation) in &mut self.observations {
            if let Some(state) = &mut Arc::make_mut(observation).state {
                change(name, state);
            }
        }
    }

    /// Of each node's filters only those of ours are shown; `all`: whether they are there or not,
    /// beside the others.
    fn show_filters(&mut self, input: &PlanInput<'_>, all: bool) {
        self.each_state(|name, state| {
            let (Some(record), Ok(filters)) =
                (input.records.get(name.as_str()), &mut state.filters)
            else {
                return;
            };
            let ours: Vec<Arc<str>> = record
                .owned_filters
                .iter()
                .filter(|one| one.step == FilterStep::Intended)
                .map(|one| Arc::clone(&one.cidr))
                .collect();
            let mut shown = filters.to_vec();
            match all {
                true => shown.extend(ours.into_iter().filter(|one| !filters.contains(one))),
                false => shown.retain(|one| ours.contains(one)),
            }
            *filters = shown.into();
        });
    }

    /// Of several members with one identity only the first is shown.
    fn hide_twins(&mut self) {
        let mut seen = std::collections::BTreeSet::new();
        self.observations.retain(|_, observation| {
            let shown = observation
                .sighting
                .as_ref()
                .map(|sighting| sighting.peer_id);
            let shown = shown.or(observation.state.as_ref().map(|state| state.peer_id));
            shown.is_none_or(|peer| seen.insert(peer))
        });
    }

    /// Entries of owners look like ours.
    fn adopt_entries(&mut self, input: &PlanInput<'_>) {
        let mut known = BTreeMap::new();
        for record in input.records.values() {
            for retired in &record.retired {
                known
                    .entry(retired.peer_id)
                    .or_insert_with(|| retired.addresses.clone());
            }
            if let Some(peer) = record.peer_id {
                known.insert(peer, record.addresses.clone());
            }
        }
        self.each_state(|_, state| {
            if let Ok(peering) = &mut state.peering {
                let mut entries = peering.to_vec();
                for entry in &mut entries {
                    if let Some(addresses) = known.get(&entry.peer)
                        && let Some(present) = addresses.last()
                        && (entry.addresses.len() != 1 || !addresses.contains(&entry.addresses[0]))
                    {
                        entry.addresses = vec![present.clone()];
                    }
                }
                *peering = entries.into();
            }
        });
    }

    /// Who does not answer is shown as a node that has nothing.
    fn fill_silence(&mut self, input: &PlanInput<'_>) {
        for (name, observation) in &mut self.observations {
            let record = input.records.get(name.as_str());
            let Some(peer_id) = record.and_then(|record| record.peer_id) else {
                continue;
            };
            if observation.failure.is_none() {
                continue;
            }
            let observation = Arc::make_mut(observation);
            observation.failure = None;
            observation.state = Some(NodeState {
                at: input.now,
                peer_id,
                peers: Ok(Kept::default()),
                peering: Ok(Kept::default()),
                filters: Ok(Kept::default()),
                listen: Ok(Kept::default()),
                conn_limits: None,
            });
        }
    }

    /// What one end lists is shown as listed by the other.
    fn mirror(&mut self) {
        let names: BTreeMap<PeerId, MemberName> = self.identities();
        let mut mirrored: BTreeMap<MemberName, Vec<Connection>> = BTreeMap::new();
        self.each_state(|_, state| {
            for connection in state.connections() {
                if let Some(far) = names.get(&connection.peer)
                    && connection.direction == Direction::Outbound
                {
                    mirrored.entry(far.clone()).or_default().push(Connection {
                        peer: state.peer_id,
                        address: connection.address(),
                        direction: Direction::Inbound,
                    });
                }
            }
        });
        self.each_state(|name, state| {
            if let (Ok(peers), Some(extra)) = (&mut state.peers, mirrored.remove(name)) {
                *peers = peers.iter().map(Connection::from).chain(extra).collect();
            }
        });
    }

    /// Connections that only one end lists are not shown.
    fn hide_one_sided(&mut self) {
        let names = self.identities();
        let mut listed = std::collections::BTreeSet::new();
        self.each_state(|_, state| {
            for connection in state.connections() {
                listed.insert((state.peer_id, connection.peer));
            }
        });
        self.each_state(|_, state| {
            let own = state.peer_id;
            if let Ok(peers) = &mut state.peers {
                let shown = peers.iter().filter(|connection| {
                    !names.contains_key(&connection.peer)
                        || listed.contains(&(connection.peer, own))
                });
                *peers = shown.map(Connection::from).collect();
            }
        });
    }

    fn identities(&self) -> BTreeMap<PeerId, MemberName> {
        let state = |(name, observation): (&MemberName, &Arc<Observation>)| {
            Some((observation.present()?.peer_id, name.clone()))
        };
        self.observations.iter().filter_map(state).collect()
    }
}

/// Alters a plan, if a rule is off that lies in it.
pub(crate) fn planned(rules: Rules, input: &PlanInput<'_>, planned: &mut Planned) {
    let Some(rule) = rules.off() else { return };
    let drop_calls = |planned: &mut Planned, unwanted: &dyn Fn(&Call) -> bool| {
        for sequence in &mut planned.plan.sequences {
            sequence.actions.retain(|action| !unwanted(&action.call));
        }
        planned
            .plan
            .sequences
            .retain(|sequence| !sequence.actions.is_empty());
    };
    match rule {
        Rule::RetiredUnlinked => {
            drop_calls(planned, &|call| matches!(call, Call::PeeringRemove { .. }));
        }
        Rule::FiltersGivenBack => {
            drop_calls(planned, &|call| matches!(call, Call::FiltersAdd { .. }));
        }
        Rule::SurplusAboveCapacity => release(input, planned, &Reason::Surplus),
        Rule::SurplusAfterReplacement => release(input, planned, &Reason::NotReplaced),
        _ => {}
    }
}

/// Removes surplus links that were held back for a reason.
fn release(input: &PlanInput<'_>, planned: &mut Planned, reason: &Reason) {
    let held = |report: &LinkReport| {
        report
            .held
            .as_ref()
            .is_some_and(|held| held.reason == *reason)
    };
    let links: Vec<Link> = planned
        .report
        .surplus
        .iter()
        .filter(|report| held(report))
        .map(|report| report.link.clone())
        .take(1)
        .collect();
    for link in links {
        for (near, far) in [(&link.a, &link.b), (&link.b, &link.a)] {
            let peer = input
                .records
                .get(far.as_str())
                .and_then(|record| record.peer_id);
            let expect = input
                .records
                .get(near.as_str())
                .and_then(|record| record.peer_id);
            let (Some(peer), Some(expect), Some(member)) =
                (peer, expect, input.membership.members.get(near))
            else {
                continue;
            };
            let action = kubomesh_core::Action {
                call: Call::PeeringRemove { peers: vec![peer] },
                deadline: Duration::from_secs(5),
                on_failure: Vec::new(),
                link: None,
            };
            planned.plan.sequences.push(Sequence {
                member: near.clone(),
                uid: member.uid.clone(),
                access: member.access.clone(),
                expect,
                actions: vec![action],
            });
        }
    }
}

/// Alters a write, if a rule is off that lies in it.
pub(crate) fn write(rules: Rules, store: &Store, write: Write) -> Write {
    let RecordWrite::Put(record) = &write.write else {
        return write;
    };
    let mut record = record.clone();
    let known = store
        .records
        .get(&record.name())
        .map(|stored| &stored.record);
    match rules.off() {
        Some(Rule::RetiredKept) => {
            // What was just retired is forgotten at once.
            record.retired.retain(|_| known.is_none());
        }
        Some(Rule::FiltersLifted) => {
            record
                .owned_filters
                .retain(|one| one.step != FilterStep::Leaving);
        }
        Some(Rule::FormerAddressesKept) => record.addresses.truncate(1),
        _ => return write,
    }
    Write {
        write: RecordWrite::Put(record),
        ..write
    }
}

/// The writes of a plan, in one of the orders that writes side by side may have.
pub(crate) fn in_some_order(writes: &[RecordWrite], pass: u64) -> VecDeque<RecordWrite> {
    let mut writes: VecDeque<RecordWrite> = writes.iter().cloned().collect();
    if !writes.is_empty() {
        let turn = usize::try_from(pass).unwrap_or(0) % writes.len();
        writes.rotate_left(turn);
    }
    writes
}
