//! Calls that wait for dials: `connect` and `ping`.

use std::collections::VecDeque;
use std::time::Duration;

use kubomesh_core::{Address, PeerId};

use crate::dial::Waiter;
use crate::meet::DEADLINE;
use crate::node::NodeIndex;
use crate::refusal::Refusal;
use crate::settings::CONNECT_TAG;
use crate::world::{Timer, World};

/// A call that has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub(crate) u64);

/// How a call began: ended already, or waiting.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a call that waits is settled later"]
pub enum Begun {
    /// It has ended.
    Done(Result<Vec<String>, Refusal>),
    /// [`World::take`] gives its end after a later [`World::advance`].
    Waiting(Ticket),
}

/// A call under way.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) node: NodeIndex,
    purpose: Purpose,
    /// Peers still to be dialled, the present one first.
    queue: VecDeque<(PeerId, Vec<Address>)>,
    lines: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Connect,
    Ping,
}

impl World {
    /// The end of a call, once.
    pub fn take(&mut self, ticket: Ticket) -> Option<Result<Vec<String>, Refusal>> {
        self.settled.remove(&ticket)
    }

    /// Calls that have ended and were not taken.
    pub fn settled(&self) -> impl Iterator<Item = Ticket> + '_ {
        self.settled.keys().copied()
    }

    /// How many calls wait for a dial.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.calls.len()
    }

    /// The caller hung up: Kubo cancels what it did for it (kubo.md 1.1).
    pub fn cancel(&mut self, ticket: Ticket) {
        self.settled.remove(&ticket);
        self.forget_call(ticket);
    }

    /// Waits for a call by letting time pass until it ends.
    ///
    /// # Errors
    /// What the call answers with.
    pub fn wait(&mut self, begun: Begun) -> Result<Vec<String>, Refusal> {
        let ticket = match begun {
            Begun::Done(end) => return end,
            Begun::Waiting(ticket) => ticket,
        };
        loop {
            if let Some(end) = self.take(ticket) {
                return end;
            }
            let Some(due) = self.next_due() else {
                return Err(Refusal::Gone);
            };
            self.advance(due);
        }
    }

    /// Begins a call that dials peers one after another; the first failure ends it (kubo.md 1.3).
    pub(crate) fn begin(
        &mut self,
        node: NodeIndex,
        purpose: Purpose,
        peers: Vec<(PeerId, Vec<Address>)>,
        timeout: Option<Duration>,
    ) -> Begun {
        let ticket = Ticket(self.next_serial());
        let call = Call {
            node,
            purpose,
            queue: peers.into(),
            lines: Vec::new(),
        };
        self.calls.insert(ticket, call);
        self.dial_next(ticket);
        match self.take(ticket) {
            Some(end) => Begun::Done(end),
            None => {
                if let Some(timeout) = timeout {
                    self.set_timer(
                        self.now + timeout,
                        Timer::Deadline {
                            ticket,
                            late: false,
                        },
                    );
                }
                Begun::Waiting(ticket)
            }
        }
    }

    fn dial_next(&mut self, ticket: Ticket) {
        let Some(call) = self.calls.get(&ticket) else {
            return;
        };
        let node = call.node;
        let Some((peer, addresses)) = call.queue.front().cloned() else {
            let lines = call.lines.clone();
            return self.settle(ticket, Ok(lines));
        };
        if call.purpose == Purpose::Connect {
            // A request by hand is not held up by the failures before it (kubo.md 1.3).
            self.node_mut(node).store.clear_backoff(peer);
        }
        self.dial(node, peer, &addresses, Waiter::Call(ticket));
    }

    /// The dial that a call waited for has ended.
    pub(crate) fn call_dialled(&mut self, ticket: Ticket, peer: PeerId, end: Result<(), String>) {
        let Some(call) = self.calls.get_mut(&ticket) else {
            return;
        };
        let (node, purpose) = (call.node, call.purpose);
        if let Err(cause) = end {
            let end = Err(Refusal::Message(failure(purpose, peer, &cause)));
            return self.settle(ticket, end);
        }
        call.queue.pop_front();
        if purpose == Purpose::Connect {
            call.lines.push(format!("connect {peer} success"));
            if let Some(mark) = self.node_mut(node).marks.get_mut(&peer) {
                mark.value = CONNECT_TAG;
            }
        } else {
            self.send(node, peer);
        }
        self.dial_next(ticket);
    }

    /// A dial that ends at the very moment of the deadline tells more than the deadline
    /// (recording `connect-quic-not-enabled`), so it goes first.
    pub(crate) fn deadline(&mut self, ticket: Ticket, late: bool) {
        if !late && self.next_due() == Some(self.now) {
            self.set_timer(self.now, Timer::Deadline { ticket, late: true });
            return;
        }
        let Some(call) = self.calls.get(&ticket) else {
            return;
        };
        let Some((peer, _)) = call.queue.front() else {
            return;
        };
        let end = Err(Refusal::Message(failure(call.purpose, *peer, DEADLINE)));
        self.forget_call(ticket);
        self.settled.insert(ticket, end);
    }

    pub(crate) fn settle(&mut self, ticket: Ticket, end: Result<Vec<String>, Refusal>) {
        if self.calls.remove(&ticket).is_some() {
            self.settled.insert(ticket, end);
        }
    }

    pub(crate) fn waiting_calls(&self, node: NodeIndex) -> Vec<Ticket> {
        let calls = self.calls.iter().filter(|(_, call)| call.node == node);
        calls.map(|(ticket, _)| *ticket).collect()
    }

    fn forget_call(&mut self, ticket: Ticket) {
        let Some(call) = self.calls.remove(&ticket) else {
            return;
        };
        if let Some((peer, _)) = call.queue.front() {
            self.leave_dial(call.node, *peer, Waiter::Call(ticket));
        }
    }
}

/// Templates of the recordings `connect-*` and `ping-unreachable-trailer`.
fn failure(purpose: Purpose, peer: PeerId, cause: &str) -> String {
    match purpose {
        Purpose::Connect => format!("connect {peer} failure: failed to dial: {cause}"),
        Purpose::Ping => format!("Ping error: failed to dial: {cause}"),
    }
}
