//! The loop of one mesh: discover → observe → plan → record → apply → report.
//!
//! Everything that wakes it says only whom to look at; what a pass does follows from the state that
//! it reads then.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use kubomesh_core::{
    Doubt, FailureKind, Fence, MemberName, MeshId, Outcome, Plan, Policy, Record, Report,
    Timestamp, Timings,
};
use kubomesh_discovery::Fleet;
use kubomesh_executor::{Executor, KEEP_IDLE_UP_TO};
use kubomesh_planner::{Planned, check, inquire, plan};
use kubomesh_process::{CancellationToken, Clock};
use kubomesh_server::MeshSnapshot;
use kubomesh_telemetry::MeshSeries;
use tokio::sync::watch;

use crate::ledger::Ledger;
use crate::metrics::{LoopMetrics, Trigger};
use crate::snapshots::Snapshots;
use crate::state::State;

#[cfg(test)]
mod tests;

/// What one mesh's loop is made of.
pub(crate) struct MeshLoop {
    pub(crate) id: MeshId,
    pub(crate) fleet: watch::Receiver<Arc<Fleet>>,
    pub(crate) ledger: Ledger,
    pub(crate) executor: Executor,
    pub(crate) fence: Arc<dyn Fence>,
    /// Rung when the fence may have opened or closed.
    pub(crate) fence_moved: watch::Receiver<()>,
    pub(crate) clock: Clock,
    pub(crate) timings: Timings,
    pub(crate) metrics: LoopMetrics,
    pub(crate) series: MeshSeries,
    /// Where a pass leaves what it used and found.
    pub(crate) snapshots: Snapshots,
}

/// Whom the next pass looks at, and why it was woken.
struct Look {
    trigger: Trigger,
    /// `None`: everybody.
    touched: Option<BTreeSet<MemberName>>,
}

impl MeshLoop {
    /// Runs until `stop`, which is the executor's too, acting only while the fence is open.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut state = State::new(&self.id);
        let mut look = Look {
            trigger: Trigger::Start,
            touched: None,
        };
        let mut acted = false;
        while !stop.is_cancelled() {
            let acts = self.fence.may_write();
            // Whoever takes over starts from what is, not from what it remembers, nor from what was
            // answered since it last acted.
            if !acts || !acted {
                state = State::new(&self.id);
                self.executor.forget();
            }
            acted = acts;
            if acts {
                self.pass(&mut state, look).await;
            } else {
                self.forget_what_was_told();
            }
            look = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                look = self.wait(&mut state) => look,
            };
        }
        self.executor.close().await;
    }

    /// A replica that does not act shows nothing: not what it last found when it did.
    fn forget_what_was_told(&self) {
        self.snapshots.remove(&self.id);
        self.series.remove(&self.id.namespace, &self.id.name);
        self.series.add(&self.id.namespace, &self.id.name);
    }

    /// Waits for something to look at.
    async fn wait(&mut self, state: &mut State) -> Look {
        if !self.fence.may_write() {
            changed(&mut self.fence_moved).await;
            return Look {
                trigger: Trigger::Start,
                touched: None,
            };
        }
        let now = self.clock.now();
        let probe = self.executor.next_probe(state.schedule.looked());
        let timers = state.schedule.timers(now, probe);
        let until = |at: Option<Timestamp>| at.map_or(Duration::MAX, |at| at.since(now));
        tokio::select! {
            biased;
            () = sleep(timers.sweep.since(now)) => Look { trigger: Trigger::Resync, touched: None },
            members = self.executor.woken() => Look { trigger: Trigger::Node, touched: Some(members) },
            () = changed(&mut self.fleet) => Look { trigger: Trigger::Fleet, touched: Some(BTreeSet::new()) },
            () = self.ledger.changed() => Look { trigger: Trigger::Fleet, touched: Some(BTreeSet::new()) },
            () = sleep(until(timers.read_back)) => Look { trigger: Trigger::Applied, touched: Some(BTreeSet::new()) },
            () = sleep(until(timers.due)) => Look { trigger: Trigger::Due, touched: Some(BTreeSet::new()) },
        }
    }

    /// The members that did not answer and are to be asked again. What was held back is planned from
    /// what is known.
    fn due_members(&self, state: &State) -> impl Iterator<Item = MemberName> {
        let silent = state
            .known
            .iter()
            .filter(|(_, seen)| seen.failure.is_some() && self.executor.is_due(&seen.uid));
        silent.map(|(name, _)| name.clone())
    }

    async fn pass(&mut self, state: &mut State, look: Look) {
        let started = self.clock.now();
        let fleet = Arc::clone(&self.fleet.borrow_and_update());
        // Gone or not to be acted on: the supervisor is about to stop this loop.
        let view = fleet.meshes.get(&self.id);
        let Some((view, Ok(policy))) = view.map(|view| (view, view.policy.clone())) else {
            state.schedule.postpone(started + GONE_WAIT);
            return;
        };
        let synced = self.ledger.is_synced();
        let (records, rewritten) = self.ledger.records();
        if state.schedule.is_early(&view.membership, started) {
            return;
        }
        if !synced && view.membership.doubt != Some(Doubt::NotSynced) {
            // They are on their way here.
            state.schedule.postpone(started + GONE_WAIT);
            return;
        }
        let membership = self.ledger.left(&fleet, &view.membership);
        let changed = state.meet(&membership, &self.executor);
        let mut touched = state.schedule.begin(started, look.touched);
        if let Some(touched) = &mut touched {
            touched.extend(changed);
            touched.extend(rewritten);
            touched.extend(self.due_members(state));
        }
        state.catch_up(&self.executor);

        self.observe(state, &policy, &records, touched.as_ref())
            .await;
        if self.executor.is_stopping() {
            // Those who were not waited for would look as if they had not answered.
            return;
        }
        // What ended while nodes were asked counts for this pass: a dial is not repeated too soon.
        state.catch_up(&self.executor);
        let input = state.input(self.clock.now(), &policy, &self.timings, &records);
        let planned = plan(&input);
        let violations = check(&input, &planned);
        let Planned {
            mut plan,
            report,
            memory,
        } = planned;
        self.metrics_of_plan(input.now);
        for violation in &violations {
            tracing::error!(mesh = %self.id, %violation, "the plan breaks a rule; it is not carried out");
            self.metrics
                .violations
                .get(&self.id.namespace, &self.id.name, ())
                .inc();
        }
        // Without all records nobody knows who is recorded as whom: it is only told what is seen.
        if !violations.is_empty() || !synced {
            plan = Plan::default();
        }
        state.memory = memory;
        plan.sequences
            .retain(|sequence| state.busy.is_free(sequence));
        let (stored, outcomes) = self.carry_out(state, &plan).await;
        self.metrics.of_policy(&self.id, &policy);
        let now = self.clock.now();
        let resync = policy.resync.0;
        state.schedule.end(now, resync, &plan, report.next_due);
        self.say_acted(state, look.trigger, &plan, (stored, &outcomes));
        self.say_passed(state, look.trigger, started, (&plan, &report));
        self.tell(state, look.trigger, started, (plan, report, outcomes));
    }

    async fn observe(
        &self,
        state: &mut State,
        policy: &Policy,
        records: &BTreeMap<String, Record>,
        touched: Option<&BTreeSet<MemberName>>,
    ) {
        let input = state.input(self.clock.now(), policy, &self.timings, records);
        let inquiries = inquire(&input, touched);
        let keep_idle = state.membership.members.len() <= KEEP_IDLE_UP_TO;
        self.executor
            .observe(inquiries, keep_idle, &mut state.known)
            .await;
    }

    /// Records first, then calls; takes the outcomes in. How many records were stored.
    async fn carry_out(&mut self, state: &mut State, plan: &Plan) -> (usize, Vec<Outcome>) {
        let stored = self.ledger.store(plan.records.clone()).await;
        if plan.sequences.is_empty() {
            return (stored, Vec::new());
        }
        let outcomes = self.executor.apply(plan.sequences.clone()).await;
        for outcome in outcomes.iter().filter(|outcome| !is_fenced(outcome)) {
            if let Err(failure) = &outcome.result {
                tracing::info!(mesh = %self.id, member = %outcome.member, call = %outcome.call, %failure, "failed");
            }
        }
        state.absorb(&outcomes);
        (stored, outcomes)
    }

    /// What was done, not what was meant to be.
    fn say_acted(
        &self,
        state: &State,
        trigger: Trigger,
        plan: &Plan,
        (records, outcomes): (usize, &[Outcome]),
    ) {
        let fenced = outcomes.iter().filter(|outcome| is_fenced(outcome));
        let calls = plan.calls().saturating_sub(fenced.count());
        let unstored = plan.records.len() - records;
        if calls > 0 || records > 0 {
            let unstored = (unstored > 0).then_some(unstored);
            tracing::info!(mesh = %self.id, pass = state.schedule.passes(), trigger = trigger.label(), calls, records, unstored, "acted");
        }
    }

    /// A line at `debug` for a pass that did or held something, at `trace` for a quiet one. What it
    /// takes to count is spent only when somebody listens.
    fn say_passed(
        &self,
        state: &State,
        trigger: Trigger,
        started: Timestamp,
        (plan, report): (&Plan, &Report),
    ) {
        if !tracing::enabled!(tracing::Level::DEBUG) {
            return;
        }
        let (pass, trigger) = (state.schedule.passes(), trigger.label());
        let links = report.links.iter().filter(|link| link.held.is_some());
        let held = links.count() as u64 + report.removals_held;
        let (calls, records) = (plan.calls(), plan.records.len());
        let ms = u64::try_from(self.clock.now().since(started).as_millis()).unwrap_or(u64::MAX);
        if calls > 0 || records > 0 || held > 0 {
            tracing::debug!(mesh = %self.id, pass, trigger, calls, records, held, ms, "passed");
        } else {
            tracing::trace!(mesh = %self.id, pass, trigger, ms, "passed");
        }
    }

    fn metrics_of_plan(&self, since: Timestamp) {
        let took = self.clock.now().since(since);
        self.metrics
            .plan_duration
            .get(&self.id.namespace, &self.id.name, ())
            .observe_duration(took);
    }

    fn tell(
        &self,
        state: &State,
        trigger: Trigger,
        started: Timestamp,
        (plan, report, outcomes): (Plan, Report, Vec<Outcome>),
    ) {
        let (namespace, name) = (&self.id.namespace, &self.id.name);
        self.metrics.passes.get(namespace, name, trigger).inc();
        self.metrics.last_pass.get(namespace, name, ()).set_to_now();
        let took = self.clock.now().since(started);
        self.metrics
            .pass_duration
            .get(namespace, name, ())
            .observe_duration(took);
        let snapshot = MeshSnapshot {
            members: Arc::clone(&state.membership),
            observations: Arc::new(state.known.clone()),
            pass: state.schedule.passes(),
            trigger: trigger.label().to_owned(),
            plan: Arc::new(plan),
            report: Arc::new(report),
            outcomes: Arc::new(outcomes),
        };
        self.snapshots.put(&self.id, snapshot);
    }
}

/// Whether this process kept a call back itself, because it stops or lost the lease; both are said
/// where they happen.
fn is_fenced(outcome: &Outcome) -> bool {
    let failure = outcome.result.as_ref().err();
    failure.is_some_and(|failure| failure.kind == FailureKind::Fenced)
}

/// Wait before a mesh is looked for again that was not there.
const GONE_WAIT: Duration = Duration::from_secs(1);

async fn sleep(span: Duration) {
    if span == Duration::MAX {
        std::future::pending::<()>().await;
    } else {
        tokio::time::sleep(span).await;
    }
}

/// Waits for the next value; for ever when there will be none.
pub(crate) async fn changed<T>(receiver: &mut watch::Receiver<T>) {
    if receiver.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}
