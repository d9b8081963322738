//! The decided dials: in a fair order, within the pace of shared addresses, as calls.

use std::net::IpAddr;
use std::sync::Arc;

use kubomesh_core::{
    Action, Address, Call, FailureKind, Held, Link, MemberName, Reason, Sequence, Timestamp,
};

use crate::links::{End, Pair};
use crate::memory::{Bucket, Memory};
use crate::pass::Pass;
use crate::retry::{self, Pace};
use crate::world::Node;

/// Calls on one node for one link.
pub(crate) struct Step {
    /// The link's pair.
    pub pair: Pair,
    /// On which end.
    pub end: End,
    /// The exact connections that are closed first.
    pub close: Vec<Address>,
    /// Our filters that are taken away first if the dial fails.
    pub lift: Vec<Arc<str>>,
    /// Whether it is a move to another network, which has a back-off of its own.
    pub moves: bool,
    /// Whether the other end is dialled.
    pub dial: bool,
    /// Whether what was closed is connected again if the dial fails.
    pub restore: bool,
    /// Whether the other end does not answer itself.
    pub silent: bool,
}

/// Puts the decided steps in order, spends the pace of shared addresses, and writes the calls.
/// Returned beside the calls: the steps that have to wait.
pub(crate) fn send(pass: &mut Pass<'_>, steps: Vec<Step>) -> (Vec<Sequence>, Vec<(Pair, Held)>) {
    let shared = pass
        .world
        .nodes
        .iter()
        .flat_map(Node::addresses)
        .filter_map(Address::ip);
    let pace = Pace::new(shared);
    let (mut sequences, mut waiting) = (Vec::new(), Vec::new());
    for step in fair(pass, steps) {
        match spend(pass, &pace, &step) {
            Ok(()) => sequences.extend(step.sequence(pass)),
            Err((reason, until)) => waiting.push((step.pair, pass.hold(reason, Some(until)))),
        }
    }
    (sequences, waiting)
}

/// Steps in an order in which no node's steps all come first, and those to silent nodes come last.
fn fair(pass: &Pass<'_>, steps: Vec<Step>) -> Vec<Step> {
    let mut turns = vec![0_u32; pass.world.nodes.len()];
    let mut ranked: Vec<(bool, u32, Step)> = steps
        .into_iter()
        .map(|step| {
            let turn = turns[step.pair.a].max(turns[step.pair.b]);
            turns[step.pair.a] = turn + 1;
            turns[step.pair.b] = turn + 1;
            (step.silent, turn, step)
        })
        .collect();
    ranked.sort_by_key(|(silent, turn, _)| (*silent, *turn));
    ranked.into_iter().map(|(_, _, step)| step).collect()
}

/// Counts a dial in the memory of the link, of both ends' pace, and of a silent target.
fn spend(pass: &mut Pass<'_>, pace: &Pace, step: &Step) -> Result<(), (Reason, Timestamp)> {
    if !step.dial {
        return Ok(());
    }
    let (now, link) = (pass.now(), pass.link(step.pair));
    let silent_due = pass.memory.members.get(step.to(pass).0).and_then(|member| {
        retry::silent_due(member, pass.world.input.timings).filter(|due| step.silent && *due > now)
    });
    if let Some(due) = silent_due {
        let reason = pass.world.nodes[step.pair.at(step.end.other())].silence();
        return Err((reason.unwrap_or(Reason::BeingMade), due));
    }
    let (to, from) = (step.to(pass), step.from(pass));
    let limited = |due: Timestamp| {
        let message = "16 connections with one address at once, then one in 5 s".into();
        (
            Reason::BackOff {
                kind: FailureKind::RateLimited,
                message,
            },
            due,
        )
    };
    let at_from = pace
        .check(&pass.memory, from.0, to.1, now)
        .map_err(limited)?;
    let at_to = pace
        .check(&pass.memory, to.0, from.1, now)
        .map_err(limited)?;
    let (to, from) = (to.0.clone(), from.0.clone());
    if let Some(ip) = at_from {
        Pace::take(&mut pass.memory, &from, ip, now);
    }
    if let Some(ip) = at_to {
        Pace::take(&mut pass.memory, &to, ip, now);
    }
    if step.silent
        && let Some(member) = pass.memory.members.get_mut(&to)
    {
        member.tried = member.tried.saturating_add(1);
        member.tried_at = Some(now);
    }
    count(&mut pass.memory, link, step, now);
    Ok(())
}

fn count(memory: &mut Memory, link: Link, step: &Step, now: Timestamp) {
    let memory = memory.links.entry(link).or_default();
    memory.dialled_before = memory.dialled.replace(now);
    memory.dialled_from_b = step.end == End::B;
    memory.renewed = false;
    memory.spent = Some(Bucket::less_one(memory.spent, now));
    if step.moves {
        memory.moved = Some(now);
    } else if step.restore {
        memory.relayed_attempts = memory.relayed_attempts.saturating_add(1);
    } else {
        memory.dials = memory.dials.saturating_add(1);
    }
}

// === impl Step ===

impl Step {
    /// Nothing yet, on one end of a pair.
    pub(crate) fn new(pair: Pair, end: End) -> Self {
        Self {
            pair,
            end,
            close: Vec::new(),
            lift: Vec::new(),
            moves: false,
            dial: false,
            restore: false,
            silent: false,
        }
    }

    fn to<'a>(&self, pass: &Pass<'a>) -> (&'a MemberName, Option<IpAddr>) {
        Self::reached(pass, self.pair.at(self.end), self.pair.at(self.end.other()))
    }

    fn from<'a>(&self, pass: &Pass<'a>) -> (&'a MemberName, Option<IpAddr>) {
        Self::reached(pass, self.pair.at(self.end.other()), self.pair.at(self.end))
    }

    /// A node and the IP by which another one reaches it.
    fn reached<'a>(pass: &Pass<'a>, by: usize, node: usize) -> (&'a MemberName, Option<IpAddr>) {
        let given = pass.world.given(by, node);
        let ip = given.and_then(|(_, address)| address.ip());
        (pass.world.nodes[node].name, ip)
    }

    /// The calls: what is closed, then the dial, which gives back what was closed for it.
    fn sequence(self, pass: &Pass<'_>) -> Option<Sequence> {
        let link = pass.link(self.pair);
        let (node, far) = (self.pair.at(self.end), self.pair.at(self.end.other()));
        let mut actions = Vec::new();
        for address in &self.close {
            actions.push(Pass::step(
                Call::Disconnect {
                    address: address.clone(),
                },
                &link,
            ));
        }
        if self.dial {
            let (_, address) = pass.world.given(node, far)?;
            let address = address.with_peer(pass.world.nodes[far].place?);
            let entries = self.lift;
            let lift = (!entries.is_empty()).then_some(Call::FiltersRemove { entries });
            let closed = self.close.into_iter().next().filter(|_| self.restore);
            let restore = closed.map(|address| Call::Connect { address });
            actions.push(Action {
                call: Call::Connect { address },
                deadline: pass.world.input.policy.limits.dial_timeout,
                on_failure: lift.into_iter().chain(restore).collect(),
                link: Some(link),
            });
        }
        pass.sequence(node, actions)
    }
}
