//! How a node's API answers: the model's verbs, lies, and failures as the product's client names
//! them.

use std::sync::Arc;
use std::time::Duration;

use kubomesh_core::{
    Address, Call, ConnLimits, Connection, Direction, Failure, FailureKind, PeeringEntry, Reading,
    Sighting,
};
use kubomesh_model::{Begun, Identity, NodeIndex, Overlap, Refusal, Ticket, World};

use crate::story::event::Lie;

/// What a controller asks of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verb {
    /// A new connection, and `id` on it.
    Open,
    /// `swarm/peers`.
    Peers,
    /// `swarm/peering/ls`.
    Peering,
    /// `swarm/filters`.
    Filters,
    /// `swarm/addrs/listen`.
    Listen,
    /// `config?arg=Swarm.ConnMgr`.
    Limits,
    /// A planned call, and its deadline.
    Call(Call, Duration),
}

/// What a node answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    Identity(Box<Sighting>),
    Peers(Vec<Connection>),
    Peering(Vec<PeeringEntry>),
    Filters(Vec<Arc<str>>),
    Listen(Vec<Address>),
    Limits(ConnLimits),
    Done,
}

/// The end of a verb, or what it waits for.
pub(crate) enum Executed {
    Now(Reading<Answer>),
    Later(Ticket),
}

/// How a node's API behaves.
#[derive(Debug, Clone, Default)]
pub(crate) struct Behaviour {
    /// Takes requests and answers none.
    pub(crate) hangs: bool,
    /// How long a call takes, beyond the least.
    pub(crate) slow: Duration,
    /// Answers that still get lost.
    pub(crate) losing: u8,
    pub(crate) lie: Option<Lie>,
    /// Whether it is of a version that does not bear a quick reconnect.
    pub(crate) affected: bool,
    /// Filters calls that are being answered.
    pub(crate) filters_calls: u32,
}

// === impl Behaviour ===

impl Behaviour {
    /// How long a request takes to arrive, and the answer back.
    pub(crate) fn way(&self, node: NodeIndex) -> Duration {
        let least = Duration::from_millis(1 + u64::from(node.0 % 3));
        (self.slow / 2).max(least)
    }
}

/// Does what a verb says, at the present time.
pub(crate) fn execute(
    world: &mut World,
    node: NodeIndex,
    verb: &Verb,
    behaviour: &Behaviour,
) -> Executed {
    let read = |result: Result<Answer, Refusal>| Executed::Now(result.map_err(|r| failure(&r)));
    match verb {
        Verb::Open => {
            let shown = |identity| sighting(world, behaviour, identity);
            let shown = world.id(node).map(shown);
            read(shown.map(|shown| Answer::Identity(Box::new(shown))))
        }
        Verb::Peers => read(
            world
                .peers(node)
                .map(|peers| lied(world, node, peers, behaviour.lie)),
        ),
        Verb::Peering => read(world.peering_ls(node).map(|entries| match behaviour.lie {
            Some(Lie::DeniesEntries) => Answer::Peering(Vec::new()),
            _ => Answer::Peering(entries),
        })),
        Verb::Filters => read(world.filters(node).map(|filters| {
            Answer::Filters(filters.iter().map(|text| text.as_str().into()).collect())
        })),
        Verb::Listen => read(world.listen(node).map(Answer::Listen)),
        Verb::Limits => read(world.conn_limits(node).map(Answer::Limits)),
        Verb::Call(call, deadline) => {
            let overlap = if behaviour.filters_calls > 0 {
                Overlap::Concurrent
            } else {
                Overlap::None
            };
            command(world, node, call, *deadline, overlap)
        }
    }
}

/// What `id` shows.
fn sighting(world: &World, behaviour: &Behaviour, identity: Identity) -> Sighting {
    let version = match behaviour.affected {
        true => "kubo/0.39.0",
        false => "kubo/0.44.0",
    };
    let addresses = identity.addresses.unwrap_or_default();
    Sighting {
        at: world.now(),
        peer_id: identity.peer_id,
        agent_version: version.into(),
        announced: addresses.iter().filter_map(Address::ip).collect(),
        connections: 1,
    }
}

fn command(
    world: &mut World,
    node: NodeIndex,
    call: &Call,
    deadline: Duration,
    overlap: Overlap,
) -> Executed {
    let done = |result: Result<(), Refusal>| {
        Executed::Now(
            result
                .map(|()| Answer::Done)
                .map_err(|refusal| failure(&refusal)),
        )
    };
    match call {
        Call::Connect { address } => {
            match world.connect(node, &[address.as_str()], Some(deadline)) {
                Begun::Done(end) => Executed::Now(connected(end, address)),
                Begun::Waiting(ticket) => Executed::Later(ticket),
            }
        }
        Call::Disconnect { address } => Executed::Now(
            world
                .disconnect(node, &[address.as_str()])
                .map_err(|r| failure(&r))
                .and_then(
                    |lines| match lines.iter().find(|line| line.contains("failure")) {
                        Some(line) => Err(Failure::new(FailureKind::NoEffect, line)),
                        None => Ok(Answer::Done),
                    },
                ),
        ),
        Call::PeeringAdd { addresses } => {
            let texts: Vec<&str> = addresses.iter().map(Address::as_str).collect();
            done(world.peering_add(node, &texts).map(drop))
        }
        Call::PeeringRemove { peers } => {
            let texts: Vec<String> = peers.iter().map(ToString::to_string).collect();
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            done(world.peering_rm(node, &texts).map(drop))
        }
        Call::FiltersAdd { entries } => {
            let texts: Vec<&str> = entries.iter().map(|entry| &**entry).collect();
            done(world.filters_add(node, &texts, overlap).map(drop))
        }
        Call::FiltersRemove { entries } => {
            let texts: Vec<&str> = entries.iter().map(|entry| &**entry).collect();
            done(world.filters_rm(node, &texts, overlap).map(drop))
        }
        other => Executed::Now(Err(Failure::new(
            FailureKind::BadRequest,
            &format!("no node takes `{other}`"),
        ))),
    }
}

/// What a lying node lists.
fn lied(world: &World, node: NodeIndex, truth: Vec<Connection>, lie: Option<Lie>) -> Answer {
    match lie {
        None | Some(Lie::DeniesEntries) => Answer::Peers(truth),
        Some(Lie::DeniesLinks) => Answer::Peers(Vec::new()),
        Some(Lie::ClaimsLinks) => {
            let entries = world.peering_ls(node).unwrap_or_default();
            let claimed = entries.iter().filter_map(|entry| {
                Some(Connection {
                    peer: entry.peer,
                    address: entry.addresses.first()?.clone(),
                    direction: Direction::Outbound,
                })
            });
            Answer::Peers(claimed.collect())
        }
    }
}

/// How a `swarm/connect` ended, told by the line of the address that was asked
/// (measured-on-kubo, row 35).
pub(crate) fn connected(end: Result<Vec<String>, Refusal>, address: &Address) -> Reading<Answer> {
    let text = match end {
        Ok(_) => return Ok(Answer::Done),
        Err(Refusal::Message(text)) => text,
        Err(refusal) => return Err(failure(&refusal)),
    };
    let asked = format!("[{}]", address.without_peer());
    let line = text
        .lines()
        .find(|line| line.contains(&asked))
        .unwrap_or(&text);
    Err(Failure::new(class(line), line))
}

/// A refusal in the product's words.
fn failure(refusal: &Refusal) -> Failure {
    match refusal {
        Refusal::Down => Failure::new(FailureKind::Refused, "connection refused"),
        Refusal::Gone => Failure::new(FailureKind::Disconnected, "connection reset"),
        Refusal::Message(text) => Failure::new(class(text), text),
    }
}

/// Kubo's phrases, the telling ones before the general ones.
fn class(text: &str) -> FailureKind {
    const PHRASES: [(&str, FailureKind); 12] = [
        ("online mode", FailureKind::Offline),
        ("peer id mismatch", FailureKind::WrongIdentity),
        ("dial to self", FailureKind::DialToSelf),
        ("gater disallows", FailureKind::FilteredHere),
        ("rate limit exceeded", FailureKind::RateLimited),
        ("per ip limit exceeded", FailureKind::RateLimited),
        ("failed to negotiate", FailureKind::SecurityNegotiation),
        ("no addresses", FailureKind::NoAddress),
        ("connection refused", FailureKind::Refused),
        ("i/o timeout", FailureKind::TimedOut),
        ("deadline exceeded", FailureKind::TimedOut),
        ("reset", FailureKind::Disconnected),
    ];
    let known = PHRASES.iter().find(|(phrase, _)| text.contains(phrase));
    known.map_or(FailureKind::Refusal, |(_, kind)| *kind)
}
