//! Reading nodes: one inquiry a node, one answer or one failure a node.

use std::collections::BTreeMap;

use kubomesh_core::{Expected, Inquiry, MemberName, Reading, Scope, Standing};

use super::task::{Ask, Task, TaskId, Wire};
use super::{Phase, Who};
use crate::queue::{Request, To};
use crate::rules::Rule;
use crate::sim::Sim;
use crate::truth::rpc::{Answer, Verb};

impl Sim {
    /// Asks nodes; who is being asked, or whose back-off has not run out, is not asked again.
    pub(super) fn ask_all(&mut self, who: Who, inquiries: BTreeMap<MemberName, Inquiry>) {
        let now = self.now();
        let blind = self.rules.lacks(Rule::VerifyIdentity);
        for (name, inquiry) in inquiries {
            let Some(controller) = self.living(who) else {
                return;
            };
            let executor = &mut controller.executor;
            let standing = executor.health.standing(&inquiry.uid, now);
            if standing == Standing::Waiting || !executor.asking.insert(name.clone()) {
                continue;
            }
            executor.health.asks(&inquiry.uid);
            let suspect = standing == Standing::Due { suspect: true };
            let mut ask = Ask::new(name, inquiry, now);
            ask.blind = blind;
            let Inquiry { uid, access, .. } = &ask.inquiry;
            let suits = |wire: &Wire| executor.agencies.suits(wire, (uid, access), now);
            let line = executor.lines.get(uid).filter(|wire| suits(wire));
            ask.wire = kept(line, &ask.inquiry);
            if ask.wire.is_some() || line.is_none() {
                executor.lines.remove(&ask.inquiry.uid);
            }
            executor.next += 1;
            let task = executor.next;
            if let (Phase::Observing(observing), false) = (&mut controller.phase, suspect) {
                observing.pending.insert(task);
            }
            let verb = ask.first();
            self.ask_on(who, task, ask, verb);
        }
    }

    /// Sends the next question of an inquiry.
    fn ask_on(&mut self, who: Who, task: TaskId, ask: Ask, verb: Verb) {
        let to = match (&verb, ask.wire) {
            (Verb::Open, _) | (_, None) => {
                let now = self.now();
                let Inquiry { uid, access, .. } = &ask.inquiry;
                let agencies = self.living(who).map(|one| &one.executor.agencies);
                let Some(to) = agencies.and_then(|all| all.to(uid, access, now)) else {
                    return;
                };
                to
            }
            (_, Some(wire)) => To::Wire(wire),
        };
        self.judge_way(to, &ask.inquiry.access, &ask.name);
        let request = Request {
            who,
            task,
            serial: 0,
            to,
            verb,
            deadline: self.now() + super::send::READ_DEADLINE,
            fenced: true,
            call: None,
        };
        if let Some(controller) = self.living(who) {
            controller
                .executor
                .tasks
                .insert(task, Task::Ask(Box::new(ask)));
        }
        self.send(request);
    }

    /// Takes an answer to an inquiry in.
    pub(super) fn ask_answered(
        &mut self,
        request: &Request,
        mut ask: Ask,
        result: Reading<Answer>,
        wire: Option<Wire>,
    ) {
        let (now, who) = (self.now(), request.who);
        let of = (&ask.inquiry.uid.clone(), &ask.inquiry.access.clone());
        let Some((result, wire)) = self.reached_agent(request, of, (result, wire)) else {
            return self.ask_on(who, request.task, ask, Verb::Open);
        };
        ask.wire = wire;
        match ask.take(&request.verb, result, wire.is_some(), now) {
            Some(verb) => self.ask_on(who, request.task, ask, verb),
            None => self.asked(who, request.task, ask),
        }
    }

    /// An inquiry has ended.
    fn asked(&mut self, who: Who, task: TaskId, ask: Ask) {
        if self.doomed(who) {
            return;
        }
        let now = self.now();
        self.audit.tell(now, || told(who, &ask));
        let Some(controller) = self.living(who) else {
            return;
        };
        let executor = &mut controller.executor;
        let uid = ask.inquiry.uid.clone();
        let failures = match &ask.failure {
            None => {
                executor.health.answered(&uid);
                0
            }
            Some(failure) => executor.health.failed(&uid, failure.kind, now),
        };
        if let (Some(wire), Scope::Full { .. }, true) =
            (ask.wire, ask.inquiry.scope, ask.state.is_some())
        {
            executor.lines.entry(uid.clone()).or_insert(wire);
        }
        let (name, began) = (ask.name.clone(), ask.began);
        executor.asking.remove(&name);
        controller.read_from.insert(uid, began);
        if ask.wire.is_some_and(|wire| wire.agent.is_some()) && ask.state.is_some() {
            controller.executor.agencies.answered(&ask.inquiry.uid);
        }
        let path = controller
            .executor
            .agencies
            .path(&ask.inquiry.uid, &ask.inquiry.access);
        let observation = kubomesh_core::Observation {
            path,
            ..ask.observation(failures)
        };
        controller
            .executor
            .answers
            .push((name.clone(), observation));
        let waited = match &mut controller.phase {
            Phase::Observing(observing) => observing.pending.remove(&task),
            _ => false,
        };
        if waited {
            controller.sweep.answers += 1;
        } else {
            controller.executor.woken.insert(name);
        }
        self.go_on(who);
    }
}

/// The kept connection, if it was verified as whom is expected, at this place.
fn kept(line: Option<&Wire>, inquiry: &Inquiry) -> Option<Wire> {
    let (Expected::Peer(expected), Scope::Full { .. }) = (inquiry.expected, inquiry.scope) else {
        return None;
    };
    let at = inquiry.access.endpoint().ip();
    line.copied()
        .filter(|wire| wire.shown == Some(expected) && Some(wire.ip) == at)
}

/// What an inquiry brought, in a line.
fn told(who: Who, ask: &Ask) -> String {
    let brought = match (&ask.failure, &ask.state) {
        (Some(failure), _) => failure.to_string(),
        (None, Some(state)) => format!("{state:?}"),
        (None, None) => format!(
            "{:?}",
            ask.sighting.as_ref().map(|sighting| sighting.peer_id)
        ),
    };
    format!(
        "{who} asked {} ({:?}): {brought}",
        ask.name, ask.inquiry.scope
    )
}
