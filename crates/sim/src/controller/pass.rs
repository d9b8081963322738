//! One pass: meet the members, observe, plan, check, store, apply, schedule.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use kubomesh_core::{
    Call, MemberUid, Membership, Patience, Plan, Policy, RecordWrite, Sequence, Timestamp, Turnover,
};
use kubomesh_planner::{PlanInput, Planned, check, inquire, plan};

use super::state::State;
use super::wake::Touched;
use super::{Carried, Controller, LastPass, Observing, Phase, Sweep, Who};
use crate::alter;
use crate::audit::Property;
use crate::audit::doubt::Ground;
use crate::audit::passes::Passed;
use crate::controller::task::Context;
use crate::queue::Job;
use crate::rules::Rule;
use crate::sim::Sim;
use crate::truth::store::{Refused, Stored, Write};

/// How long a write of a record takes, there and back.
const STORE_WAY: Duration = Duration::from_millis(2);

impl Sim {
    /// Begins a pass: whom it looks at, and whom it asks.
    pub(super) fn begin_pass(&mut self, who: Who, touched: Touched) {
        if self.doomed(who) {
            return;
        }
        let (now, policy, timings) = (self.now(), Arc::clone(&self.policy), self.timings);
        let (rules, agents) = (self.rules, self.agents.mode);
        let ground = self.audit.ground(who, now);
        let Some(controller) = self.living(who) else {
            return;
        };
        let membership = Arc::clone(controller.pods.membership(
            (&policy.network, agents),
            now,
            rules,
        ));
        controller.policy = Some(Arc::clone(&policy));
        controller.membership = Some(Arc::clone(&membership));
        let (records, rewritten) = controller.ledger.records();
        if controller.state.schedule.is_early(&membership, now) {
            controller.waits_since = now;
            return;
        }
        let turnover = controller.meet(&membership);
        let mut touched = controller.state.schedule.begin(now, touched);
        if let Some(touched) = &mut touched {
            touched.extend(turnover.changed);
            touched.extend(rewritten);
            let health = &controller.executor.health;
            let silent = controller.state.known.iter();
            let due =
                silent.filter(|(_, seen)| seen.failure.is_some() && health.is_due(&seen.uid, now));
            touched.extend(due.map(|(name, _)| name.clone()));
        }
        let late = std::mem::take(&mut controller.executor.outcomes);
        controller.state.absorb(&late);
        let state = &controller.state;
        let busy = controller.executor.busy.clone();
        let input = PlanInput {
            now,
            policy: &policy,
            timings: &timings,
            membership: &state.membership,
            observations: &state.known,
            records: &records,
            memory: &state.memory,
            busy: &busy,
        };
        let inquiries = alter::with_input(rules, &input, |input| inquire(input, touched.as_ref()));
        controller.phase = Phase::Observing(Observing {
            policy,
            ground,
            records,
            pending: BTreeSet::new(),
        });
        self.wait_for_nodes(who);
        self.ask_all(who, inquiries);
    }

    /// A pass begins to wait for its nodes.
    pub(super) fn wait_for_nodes(&mut self, who: Who) {
        let now = self.now();
        let Some(controller) = self.living(who) else {
            return;
        };
        let number = controller.sweep.number + 1;
        controller.sweep = Sweep {
            number,
            began: now,
            ..Sweep::default()
        };
        self.queue
            .push(now + Patience::LOOK, Job::Patience(who, number));
    }

    /// A pass looks whether it has waited long enough.
    pub(crate) fn patience(&mut self, who: Who, number: u64) {
        let now = self.now();
        let Some(controller) = self.living(who) else {
            return;
        };
        let sweep = &mut controller.sweep;
        let pending = match &mut controller.phase {
            Phase::Observing(observing) => &mut observing.pending,
            Phase::Applying(carried) => &mut carried.pending,
            _ => return,
        };
        if sweep.number != number || pending.is_empty() {
            return;
        }
        if sweep.patience.lasts(sweep.answers, now.since(sweep.began)) {
            let next = now + Patience::LOOK;
            return self.queue.push(next, Job::Patience(who, number));
        }
        pending.clear();
        self.go_on(who);
    }

    /// Plans with what was observed.
    pub(super) fn plan_pass(&mut self, who: Who) {
        if self.doomed(who) {
            return;
        }
        let (now, timings, rules) = (self.now(), self.timings, self.rules);
        let mesh = self.mesh.clone();
        let Some(controller) = self.living(who) else {
            return;
        };
        let Phase::Observing(observing) = &controller.phase else {
            return;
        };
        let Observing {
            policy,
            ground,
            records,
            ..
        } = observing.clone();
        controller.take_answers();
        // What ended while nodes were asked counts for this pass.
        let late = std::mem::take(&mut controller.executor.outcomes);
        controller.state.absorb(&late);
        let mut state = std::mem::replace(&mut controller.state, State::new(&mesh));
        let busy = controller.executor.busy.clone();
        let input = PlanInput {
            now,
            policy: &policy,
            timings: &timings,
            membership: &state.membership,
            observations: &state.known,
            records: &records,
            memory: &state.memory,
            busy: &busy,
        };
        let mut planned = alter::with_input(rules, &input, plan);
        alter::planned(rules, &input, &mut planned);
        let violations = check(&input, &planned);
        let passed = Passed {
            who,
            input: &input,
            planned: &planned,
            violations: &violations,
            all_rules: rules.are_all_on(),
        };
        self.audit.passed(&passed, &self.cluster);
        let refused = !violations.is_empty() && rules.are_all_on();
        state.memory = std::mem::take(&mut planned.memory);
        if let Some(controller) = self.living(who) {
            controller.state = state;
        }
        if refused {
            planned.plan = Plan::default();
        }
        self.carry(who, planned, (policy, ground));
    }

    /// Goes over from a plan to its writes.
    fn carry(
        &mut self,
        who: Who,
        planned: Planned,
        (policy, ground): (Arc<Policy>, Option<Ground>),
    ) {
        let (now, rules) = (self.now(), self.rules);
        let Planned {
            mut plan, report, ..
        } = planned;
        if !plan.is_empty() {
            self.audit.tell(now, || format!("{who} plans\n{plan}"));
        }
        let Some(controller) = self.living(who) else {
            return;
        };
        if !rules.lacks(Rule::NotTwiceUnderWay) {
            let filters = rules.lacks(Rule::OneFiltersCall);
            plan.sequences = controller.not_under_way(plan.sequences, filters);
        }
        let context = Context {
            pass: controller.state.schedule.passes(),
            began: now,
            ground,
            mode: policy.mode,
            filters: policy.filters,
            read: Timestamp(0),
        };
        let writes: VecDeque<RecordWrite> = alter::in_some_order(&plan.records, context.pass);
        let next_due = report.next_due;
        let carried_plan = plan.clone();
        controller.last = Some(LastPass { report, plan });
        let carried = Carried {
            policy,
            plan: carried_plan,
            next_due,
            context,
            pending: BTreeSet::new(),
            writing: false,
        };
        controller.phase = Phase::Storing(carried, writes);
    }

    /// Sends the next write of a record, or goes over to the calls.
    pub(super) fn store_next(&mut self, who: Who) {
        if self.doomed(who) {
            return;
        }
        let (now, rules) = (self.now(), self.rules);
        let Some(controller) = self.living(who) else {
            return;
        };
        let Phase::Storing(carried, writes) = &mut controller.phase else {
            return;
        };
        let Some(write) = writes.pop_front() else {
            let carried = carried.clone();
            return self.apply_all(who, carried);
        };
        let owns = matches!(&write, RecordWrite::Put(record) if !record.owned_filters.is_empty());
        if rules.lacks(Rule::WriteAhead) || (rules.lacks(Rule::FiltersWrittenAhead) && owns) {
            return controller.ledger.pretend(&write);
        }
        let may_write = controller.fence;
        if let (true, Some(write)) = (may_write, controller.ledger.prepared(rules, write)) {
            carried.writing = true;
            self.queue
                .push(now + STORE_WAY / 2, Job::Store(who, Box::new(write)));
        }
    }

    /// A write of a record arrives.
    pub(crate) fn store_arrives(&mut self, who: Who, write: Write) {
        if self.living(who).is_none() && !self.ghosts.contains(&who) {
            return;
        }
        let now = self.now();
        let name = write.write.name();
        let failing = self.store.failing.take();
        if let Some((count, done)) = failing.filter(|(count, _)| *count > 1) {
            self.store.failing = Some((count - 1, done));
        }
        let refused = failing.is_some_and(|(_, done)| !done);
        let result = if refused {
            Err(Refused::Unavailable)
        } else {
            let write = alter::write(self.rules, &self.store, write);
            let before = self
                .store
                .records
                .get(&name)
                .map(|stored| Arc::clone(&stored.record));
            let made = self.store.write(&write, now);
            if made.is_ok() {
                if before.as_deref() != write.used.as_ref() {
                    let detail = format!("{who} overwrites what somebody did to record {name}");
                    self.audit.broke(Property::Overwritten, detail);
                }
                self.record_written(who, &name, before.as_deref());
            }
            match failing {
                Some(_) => Err(Refused::Unavailable),
                None => made,
            }
        };
        self.queue
            .push(now + STORE_WAY / 2, Job::Stored(who, name, result));
    }

    /// The answer to a write is there.
    pub(crate) fn stored(&mut self, who: Who, name: &str, result: Result<Option<Stored>, Refused>) {
        if self.living(who).is_none() || self.doomed(who) {
            return;
        }
        let standing = self.store.records.get(name).cloned();
        let Some(controller) = self.living(who) else {
            return;
        };
        match result {
            Ok(stored) => controller.ledger.told(name, stored),
            // What stands there instead is read again.
            Err(Refused::Conflict) => controller.ledger.told(name, standing),
            Err(Refused::Unavailable) => {}
        }
        if let Phase::Storing(carried, _) = &mut controller.phase {
            carried.writing = false;
        }
        self.go_on(who);
    }

    /// Takes the outcomes in and says when to look next.
    pub(super) fn finish_pass(&mut self, who: Who) {
        if self.doomed(who) {
            return;
        }
        let now = self.now();
        let Some(controller) = self.living(who) else {
            return;
        };
        let Phase::Applying(carried) = &controller.phase else {
            return;
        };
        let carried = carried.clone();
        if !carried.plan.sequences.is_empty() {
            let outcomes = std::mem::take(&mut controller.executor.outcomes);
            controller.state.absorb(&outcomes);
        }
        let resync = carried.policy.resync.0;
        controller
            .state
            .schedule
            .end(now, resync, &carried.plan, carried.next_due);
        controller.waits_since = now;
        controller.phase = Phase::Waiting;
    }
}

// === impl Controller ===

impl Controller {
    /// What was sent and not yet answered is not sent again; `filters`: but for filters calls.
    fn not_under_way(&self, sequences: Vec<Sequence>, filters: bool) -> Vec<Sequence> {
        let of_filters =
            |call: &Call| matches!(call, Call::FiltersAdd { .. } | Call::FiltersRemove { .. });
        let free = |sequence: &Sequence| {
            if filters
                && sequence
                    .actions
                    .iter()
                    .all(|action| of_filters(&action.call))
            {
                return true;
            }
            self.executor.busy.is_free(sequence)
        };
        sequences.into_iter().filter(free).collect()
    }

    /// Takes the answers that are there.
    fn take_answers(&mut self) {
        let known = &mut self.state.known;
        for (name, answer) in std::mem::take(&mut self.executor.answers) {
            let observation = answer.over(known.get(&name).map(AsRef::as_ref));
            known.insert(name, Arc::new(observation));
        }
    }

    /// Takes the membership as it is now; what is other than before.
    fn meet(&mut self, membership: &Arc<Membership>) -> Turnover {
        let Some(turnover) = self.state.meet(membership) else {
            return Turnover::default();
        };
        let health = &mut self.executor.health;
        turnover.renewed.iter().for_each(|uid| health.renew(uid));
        self.keep_nodes(&membership.members.values().map(|m| m.uid.clone()).collect());
        turnover
    }

    /// Forgets connections and health of every life but these.
    fn keep_nodes(&mut self, uids: &BTreeSet<MemberUid>) {
        self.executor.lines.retain(|uid, _| uids.contains(uid));
        self.executor.health.retain(uids);
    }

    /// Forgets connections and health of all, and what was answered and not taken.
    pub(super) fn forget_nodes(&mut self) {
        self.keep_nodes(&BTreeSet::new());
        self.executor.answers.clear();
        self.executor.outcomes.clear();
    }
}
