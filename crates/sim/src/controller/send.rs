//! The way of a request to a node and of its answer back, and all that can become of both.

use std::time::Duration;

use kubomesh_core::{Call, Failure, FailureKind, Reading};
use kubomesh_model::{NodeIndex, Refusal};

use super::Who;
use super::task::{Task, Wire};
use crate::queue::{Job, Request, To};
use crate::sim::Sim;
use crate::truth::rpc::{self, Answer, Executed, Verb};

/// Deadline of one read and of one short write (rules.md, Limits).
pub(super) const READ_DEADLINE: Duration = Duration::from_secs(5);

/// How much longer than the dial itself the answer to a `connect` may take.
pub(super) const ANSWER_GRACE: Duration = Duration::from_secs(2);

/// Whom a request reaches.
enum Reached {
    /// A process that runs.
    Process(NodeIndex),
    /// A host where nobody listens, or a connection that the far end does not know.
    Reset,
    /// Nobody: no answer comes.
    Nobody,
}

impl Sim {
    /// Sends a request: it arrives after its way, or never.
    pub(super) fn send(&mut self, mut request: Request) {
        if let Some(controller) = self.living(request.who) {
            controller.executor.serial += 1;
            request.serial = controller.executor.serial;
            controller
                .executor
                .awaiting
                .insert(request.task, request.serial);
        }
        if let Verb::Call(call, _) = &request.verb {
            self.call_leaves(&request, &call.clone());
        }
        let node = self.host(&request);
        let deaf = node.and_then(|node| self.unheard.get(&(request.who.replica, node)));
        let Some(node) = node.filter(|_| deaf != Some(&false)) else {
            let at = request.deadline;
            return self.queue.push(at, Job::Timeout(Box::new(request)));
        };
        let at = self.now() + self.behaviour(node).way(node);
        self.queue.push(at, Job::Arrive(Box::new(request)));
    }

    /// A request arrives.
    pub(crate) fn arrive(&mut self, request: Request) {
        if self.living(request.who).is_none() && !self.ghosts.contains(&request.who) {
            return;
        }
        let node = match self.reached(&request) {
            Reached::Process(node) => node,
            Reached::Reset => {
                let kind = match request.to {
                    To::Ip(_) | To::Agent(_) => FailureKind::Refused,
                    To::Wire(_) => FailureKind::Disconnected,
                };
                return self.answered(request, Err(Failure::new(kind, "nobody is there")), None);
            }
            Reached::Nobody => {
                let at = request.deadline.max(self.now());
                return self.queue.push(at, Job::Timeout(Box::new(request)));
            }
        };
        if self.behaviour(node).hangs {
            let timeout = Job::Timeout(Box::new(request.clone()));
            self.queue.push(request.deadline.max(self.now()), timeout);
            return self.hung.entry(node).or_default().push(request);
        }
        self.execute_at(request, node);
    }

    /// A node does what it is asked.
    pub(crate) fn execute_at(&mut self, request: Request, node: NodeIndex) {
        if let Err(failure) = self.through_agent(&request, node) {
            return self.answer(request, node, Err(failure));
        }
        if let Verb::Call(call, _) = &request.verb {
            self.call_arrives(&request, &call.clone(), node);
        }
        let ours = match (&request.verb, &request.call) {
            (Verb::Call(call, _), Some(sent)) => self.steering_entries(sent, call),
            _ => std::collections::BTreeSet::new(),
        };
        let behaviour = self.behaviour(node).clone();
        let executed = rpc::execute(&mut self.world, node, &request.verb, &behaviour);
        if let (Verb::Call(call, _), Executed::Now(Ok(_)) | Executed::Later(_)) =
            (&request.verb, &executed)
        {
            let repo = self.world.node(node).spec().peer_id;
            let now = self.world.now();
            self.audit.done(call, (node, repo), &ours, now);
            let gives_back = request.call.as_ref().is_some_and(|sent| sent.gives_back);
            self.steered((repo, gives_back), call, &ours);
        }
        match executed {
            Executed::Now(result) => self.answer(request, node, result),
            Executed::Later(ticket) => {
                let timeout = Job::Timeout(Box::new(request.clone()));
                self.queue.push(request.deadline, timeout);
                self.dialling.insert(ticket, request);
            }
        }
    }

    /// A dial that a call waited for has ended.
    pub(crate) fn dialled(&mut self, request: Request, end: Result<Vec<String>, Refusal>) {
        let (Verb::Call(Call::Connect { address }, _), To::Wire(wire)) =
            (&request.verb, request.to)
        else {
            return;
        };
        let gone = matches!(end, Err(Refusal::Gone));
        let result = rpc::connected(end, address);
        if gone {
            return self.answered(request, result, None);
        }
        self.answer(request, wire.node, result);
    }

    /// An answer goes back.
    fn answer(&mut self, request: Request, node: NodeIndex, result: Reading<Answer>) {
        let now = self.now();
        let behaviour = self.behaviours.entry(node).or_default();
        let way = behaviour.way(node);
        let lost = behaviour.losing > 0;
        behaviour.losing = behaviour.losing.saturating_sub(1);
        let filters = matches!(
            &request.verb,
            Verb::Call(Call::FiltersAdd { .. } | Call::FiltersRemove { .. }, _)
        );
        if filters && !behaviour.slow.is_zero() {
            behaviour.filters_calls += 1;
        }
        let unheard = self.unheard.contains_key(&(request.who.replica, node));
        if lost || unheard || now + way > request.deadline {
            let at = request.deadline.max(now);
            return self.queue.push(at, Job::Timeout(Box::new(request)));
        }
        let wire = match (request.to, &result) {
            (To::Wire(wire), _) => Some(wire),
            (To::Ip(ip) | To::Agent(ip), Ok(Answer::Identity(shown))) => {
                let agent = matches!(request.to, To::Agent(_));
                let agent = self.agent_of(node).filter(|_| agent);
                let life = self.world.node(node).life();
                Some(Wire {
                    node,
                    life,
                    ip,
                    shown: Some(shown.peer_id),
                    agent,
                })
            }
            _ => None,
        };
        if way < Duration::from_millis(10) {
            return self.answered(request, result, wire);
        }
        self.queue
            .push(now + way, Job::Answer(Box::new(request), result, wire));
    }

    /// An answer is there.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a request that is answered is over"
    )]
    pub(crate) fn answered(
        &mut self,
        request: Request,
        result: Reading<Answer>,
        wire: Option<Wire>,
    ) {
        self.call_over(&request);
        self.filters_over(&request);
        let Some(task) = self.awaiting(&request) else {
            return;
        };
        match task {
            Task::Ask(ask) => self.ask_answered(&request, *ask, result, wire),
            Task::Run(run) => self.run_answered(&request, *run, result, wire),
        }
    }

    /// The controller gives a request up.
    pub(crate) fn timed_out(&mut self, request: Request) {
        let ticket = self
            .dialling
            .iter()
            .find(|(_, waiting)| waiting.who == request.who && waiting.serial == request.serial);
        if let Some(ticket) = ticket.map(|(ticket, _)| *ticket) {
            self.dialling.remove(&ticket);
            self.world.cancel(ticket);
        }
        let late = Failure::new(FailureKind::TimedOut, "no answer in time");
        self.answered(request, Err(late), None);
    }

    /// Takes the task that waits for this very request.
    fn awaiting(&mut self, request: &Request) -> Option<Task> {
        let controller = self.living(request.who)?;
        let executor = &mut controller.executor;
        let waits = executor.awaiting.get(&request.task) == Some(&request.serial);
        if !waits {
            return None;
        }
        executor.awaiting.remove(&request.task);
        executor.tasks.remove(&request.task)
    }

    /// A filters call is no longer under way.
    fn filters_over(&mut self, request: &Request) {
        if let (
            Verb::Call(Call::FiltersAdd { .. } | Call::FiltersRemove { .. }, _),
            To::Wire(wire),
        ) = (&request.verb, request.to)
        {
            let behaviour = self.behaviours.entry(wire.node).or_default();
            behaviour.filters_calls = behaviour.filters_calls.saturating_sub(1);
        }
    }

    /// Whose host a request goes to.
    fn host(&self, request: &Request) -> Option<NodeIndex> {
        match request.to {
            To::Ip(ip) | To::Agent(ip) => self.cluster.addresses.get(&ip).copied(),
            To::Wire(wire) => self.cluster.addresses.get(&wire.ip).copied(),
        }
    }

    fn reached(&self, request: &Request) -> Reached {
        let Some(node) = self
            .host(request)
            .filter(|node| !self.cluster.silent.contains(node))
        else {
            return Reached::Nobody;
        };
        let process = self.world.node(node);
        if !process.is_up() {
            return Reached::Reset;
        }
        match request.to {
            To::Wire(wire) if wire.node != node => Reached::Reset,
            // A channel outlives a Kubo behind its agent, and not the agent.
            To::Wire(wire) if wire.agent.is_some() && self.agent_of(node) != wire.agent => {
                Reached::Reset
            }
            To::Wire(wire) if wire.agent.is_none() && wire.life != process.life() => Reached::Reset,
            _ => Reached::Process(node),
        }
    }

    /// A controller is gone: nobody waits for its dials any more.
    pub(super) fn hang_up(&mut self, who: Who) {
        let tickets: Vec<_> = self
            .dialling
            .iter()
            .filter(|(_, request)| request.who == who)
            .map(|(ticket, _)| *ticket)
            .collect();
        for ticket in tickets {
            self.dialling.remove(&ticket);
            self.world.cancel(ticket);
        }
    }
}
