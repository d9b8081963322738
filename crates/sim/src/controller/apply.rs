//! Sending calls: the sequences of different nodes side by side, the actions of one in order.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use kubomesh_core::{
    Call, Failure, FailureKind, MemberUid, Progress, Reading, Sequence, Timestamp,
};

use super::task::{Context, Run, Task, TaskId, Wire};
use super::{Carried, Controller, Phase, Who};
use crate::queue::{Request, To};
use crate::rules::Rule;
use crate::sim::Sim;
use crate::truth::rpc::{Answer, Verb};

use super::send::{ANSWER_GRACE, READ_DEADLINE};

impl Sim {
    /// Sends a plan's sequences.
    pub(super) fn apply_all(&mut self, who: Who, mut carried: Carried) {
        let now = self.now();
        let Some(controller) = self.living(who) else {
            return;
        };
        carried.context.began = now;
        let sequences = carried.plan.sequences.clone();
        let context = carried.context;
        controller.phase = Phase::Applying(carried);
        if sequences.is_empty() {
            return;
        }
        let mut nodes: BTreeMap<MemberUid, Vec<Sequence>> = BTreeMap::new();
        for sequence in sequences {
            controller.executor.busy.began(&sequence);
            nodes
                .entry(sequence.uid.clone())
                .or_default()
                .push(sequence);
        }
        self.wait_for_nodes(who);
        for (uid, sequences) in nodes {
            let Some(controller) = self.living(who) else {
                return;
            };
            let read = controller.read_from.get(&uid).copied().unwrap_or(now);
            let context = Context { read, ..context };
            let backlog = controller.executor.backlog.entry(uid.clone()).or_default();
            backlog.extend(sequences.into_iter().map(|sequence| (sequence, context)));
            self.begin_runs(who, &uid);
        }
    }

    /// Begins as many of a node's sequences as may be under way.
    fn begin_runs(&mut self, who: Who, uid: &MemberUid) {
        let now = self.now();
        let at_once = self.policy.limits.in_flight_per_node.max(1);
        loop {
            let Some(controller) = self.living(who) else {
                return;
            };
            let executor = &mut controller.executor;
            if executor.running.get(uid).copied().unwrap_or(0) >= at_once {
                return;
            }
            let next = executor.backlog.get_mut(uid).and_then(VecDeque::pop_front);
            let Some((sequence, context)) = next else {
                return;
            };
            *executor.running.entry(uid.clone()).or_default() += 1;
            executor.next += 1;
            let task = executor.next;
            if let Phase::Applying(carried) = &mut controller.phase
                && carried.context.pass == context.pass
            {
                carried.pending.insert(task);
            }
            let run = Run {
                wire: controller.kept_line(&sequence, now),
                progress: Progress::of(sequence),
                outcomes: Vec::new(),
                context,
                resent: false,
            };
            self.run_on(who, task, run);
        }
    }

    /// Sends the call that is next in a sequence, on its connection or on one opened for it.
    fn run_on(&mut self, who: Who, task: TaskId, run: Run) {
        if self.doomed(who) {
            return;
        }
        let (now, rules) = (self.now(), self.rules);
        let Some(controller) = self.living(who) else {
            return;
        };
        let Some((call, deadline)) = run.progress.call() else {
            return;
        };
        let of = (&run.sequence().uid, &run.sequence().access);
        let Some(open) = controller.executor.agencies.to(of.0, of.1, now) else {
            return;
        };
        let filters = matches!(call, Call::FiltersAdd { .. } | Call::FiltersRemove { .. });
        let (to, verb, patience) = match run.wire {
            None => (open, Verb::Open, READ_DEADLINE),
            Some(wire) => {
                let uid = run.sequence().uid.clone();
                if filters && !rules.lacks(Rule::OneFiltersCall) && !controller.turn(&uid, task) {
                    controller
                        .executor
                        .tasks
                        .insert(task, Task::Run(Box::new(run)));
                    return;
                }
                if !controller.fence && !rules.lacks(Rule::Fence) {
                    let fenced = Failure::new(FailureKind::Fenced, "may not write now");
                    return self.run_took(who, task, run, Err(fenced));
                }
                let dials = matches!(call, Call::Connect { .. });
                let grace = if dials {
                    ANSWER_GRACE
                } else {
                    std::time::Duration::ZERO
                };
                let verb = Verb::Call(call.clone(), deadline);
                (To::Wire(wire), verb, deadline + grace)
            }
        };
        let fenced = controller.fence;
        let sequence = run.sequence().clone();
        let call = matches!(verb, Verb::Call(..)).then(|| run.sent());
        controller
            .executor
            .tasks
            .insert(task, Task::Run(Box::new(run)));
        self.judge_way(to, &sequence.access, &sequence.member);
        let deadline = now + patience;
        let request = Request {
            who,
            task,
            serial: 0,
            to,
            verb,
            deadline,
            fenced,
            call,
        };
        self.send(request);
    }

    /// Takes an answer to a call, or to the opening of its connection, in.
    pub(super) fn run_answered(
        &mut self,
        request: &Request,
        mut run: Run,
        result: Reading<Answer>,
        wire: Option<Wire>,
    ) {
        let who = request.who;
        let of = (&run.sequence().uid.clone(), &run.sequence().access.clone());
        let Some((result, wire)) = self.reached_agent(request, of, (result, wire)) else {
            return self.run_on(who, request.task, run);
        };
        run.wire = wire;
        if request.verb != Verb::Open {
            let broken = matches!(&result, Err(f) if f.kind == FailureKind::Disconnected);
            if broken && self.rules.lacks(Rule::NoResend) && !run.resent {
                run.resent = true;
                return self.run_on(who, request.task, run);
            }
            return self.run_took(who, request.task, run, result.map(drop));
        }
        let expect = run.sequence().expect;
        let blind = self.rules.lacks(Rule::VerifyIdentity) || run.resent;
        match result {
            Err(failure) => self.run_took(who, request.task, run, Err(failure)),
            Ok(Answer::Identity(shown)) if shown.peer_id == expect || blind => {
                if let (true, Some(wire)) = (blind, &mut run.wire) {
                    wire.shown = None;
                }
                self.run_on(who, request.task, run);
            }
            Ok(_) => {
                run.wire = None;
                let wrong = Failure::new(FailureKind::WrongIdentity, "another identity");
                self.run_took(who, request.task, run, Err(wrong));
            }
        }
    }

    /// The end of one call of a sequence.
    fn run_took(&mut self, who: Who, task: TaskId, mut run: Run, result: Reading<()>) {
        if self.doomed(who) {
            return;
        }
        let now = self.now();
        self.audit.tell(now, || {
            let end = match &result {
                Ok(()) => "done".to_owned(),
                Err(failure) => failure.to_string(),
            };
            let call = run.progress.call();
            let call = call.map(|(call, _)| call.to_string()).unwrap_or_default();
            format!(
                "{who} has the end of {}: {call}: {end}",
                run.sequence().member
            )
        });
        let uid = run.sequence().uid.clone();
        let next = self
            .living(who)
            .and_then(|controller| controller.turn_over(&uid, task));
        if let Some(next) = next {
            self.run_again(who, next);
        }
        let before = run.clone();
        let end = result.clone();
        let more = run.take(result, now);
        self.moved(who, &before, &end, !more);
        if more {
            return self.run_on(who, task, run);
        }
        let Some(controller) = self.living(who) else {
            return;
        };
        let executor = &mut controller.executor;
        executor.busy.ended(run.sequence());
        let member = run.sequence().member.clone();
        executor.tasks.remove(&task);
        if let Some(wire) = run.wire {
            executor.lines.entry(uid.clone()).or_insert(wire);
        }
        if let Some(running) = executor.running.get_mut(&uid) {
            *running = running.saturating_sub(1);
        }
        executor.outcomes.extend(run.outcomes);
        let waited = match &mut controller.phase {
            Phase::Applying(carried) => carried.pending.remove(&task),
            _ => false,
        };
        if waited {
            controller.sweep.answers += 1;
        } else {
            controller.executor.woken.insert(member);
        }
        self.begin_runs(who, &uid);
        self.go_on(who);
    }

    /// It is a waiting sequence's turn.
    fn run_again(&mut self, who: Who, task: TaskId) {
        let Some(controller) = self.living(who) else {
            return;
        };
        if let Some(Task::Run(run)) = controller.executor.tasks.remove(&task) {
            self.run_on(who, task, *run);
        }
    }
}

// === impl Controller ===

impl Controller {
    /// Takes the kept connection, if it was verified as whom the sequence expects.
    fn kept_line(&mut self, sequence: &Sequence, now: Timestamp) -> Option<Wire> {
        let wire = self.executor.lines.remove(&sequence.uid)?;
        let at = sequence.access.endpoint().ip();
        let of = (&sequence.uid, &sequence.access);
        let suits = self.executor.agencies.suits(&wire, of, now);
        let shown = wire.shown == Some(sequence.expect) && Some(wire.ip) == at;
        Some(wire).filter(|_| shown && suits)
    }

    /// Whether a task may make a filters call now; else it waits for its turn.
    fn turn(&mut self, uid: &MemberUid, task: TaskId) -> bool {
        let waiting = self.executor.filters.entry(uid.clone()).or_default();
        if !waiting.contains(&task) {
            waiting.push_back(task);
        }
        waiting.front() == Some(&task)
    }

    /// A task needs no turn any more; whose it is now, if it was this one's.
    fn turn_over(&mut self, uid: &MemberUid, task: TaskId) -> Option<TaskId> {
        let waiting = self.executor.filters.get_mut(uid)?;
        let was = waiting.front() == Some(&task);
        waiting.retain(|other| *other != task);
        waiting.front().copied().filter(|_| was)
    }

    /// The nodes that idle connections of these processes lead to have closed them.
    pub(crate) fn lines_closed(&mut self, node: kubomesh_model::NodeIndex) {
        let gone: BTreeSet<MemberUid> = self
            .executor
            .lines
            .iter()
            .filter(|(_, wire)| wire.node == node)
            .map(|(uid, _)| uid.clone())
            .collect();
        for uid in gone {
            // A channel to an agent stays: it tells that its Kubo is another.
            if self
                .executor
                .lines
                .get(&uid)
                .is_some_and(|wire| wire.agent.is_none())
            {
                self.executor.lines.remove(&uid);
            }
            let members = self.state.membership.members.values();
            let named = members.filter(|member| member.uid == uid);
            self.executor
                .woken
                .extend(named.map(|member| member.name.clone()));
        }
    }
}
