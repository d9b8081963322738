//! The state of a desired link, judged from both ends (rules.md, Links).

use kubomesh_core::{Direction, LinkState, Listed, Member, Mode, OffNetwork, Reason};

use crate::network::{self, On};
use crate::sides::{Entry, Sides};
use crate::world::World;

/// One end of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The node with the smaller name.
    A,
    /// The other.
    B,
}

/// A desired pair of nodes, the smaller name first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pair {
    /// The smaller name's node.
    pub a: usize,
    /// The other.
    pub b: usize,
}

/// What a link is, and what it lacks.
pub(crate) struct Judged<'a> {
    /// The state.
    pub state: LinkState,
    /// Why it is not healthy.
    pub reason: Option<Reason>,
    /// What would make it better.
    pub need: Need<'a>,
    /// Whether each end lacks its peering entry, or has one with a former address.
    pub unprotected: [bool; 2],
    /// Whether an end shows an address that is not the dialling one's.
    pub rewritten: bool,
    /// Why another network than the wanted one is used, where that is on purpose.
    pub off_network: Option<OffNetwork>,
}

/// What would make a link better.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Need<'a> {
    /// Nothing that calls can do.
    Nothing,
    /// A connection, dialled from either end.
    Dial,
    /// A connection, dialled from the end that lists none; the other lists this one, which may be
    /// dead.
    DialFrom(End, Listed<'a>),
    /// Both list one and the lists do not fit: one of them, each end's given here, is dead.
    Redial([Listed<'a>; 2]),
    /// An extra connection off the network closed, on the end that lists it.
    Close(End, Listed<'a>),
    /// All its connections are off the network: it is moved there (see [`steer`](crate::steer)).
    Move,
    /// A relayed connection made direct, on an end that lists it.
    Direct(End, Listed<'a>),
}

/// What an end lists of the other.
#[derive(Default)]
struct Listing<'a> {
    /// A direct connection that it dialled, on the network.
    outbound: bool,
    /// A direct connection that it accepted, not known to be off the network.
    inbound: bool,
    /// Any direct connection.
    direct: Option<Listed<'a>>,
    /// A direct connection off the network.
    off: Option<Listed<'a>>,
    /// A relayed connection.
    relayed: Option<Listed<'a>>,
    /// An accepted connection from an address that is not known as the member's.
    rewritten: bool,
}

/// Judges a pair. Only nodes with a place are paired.
pub(crate) fn judge<'a>(world: &World<'a>, sides: &Sides<'a>, pair: Pair) -> Judged<'a> {
    let bare = |state, reason, need| Judged {
        state,
        reason,
        need,
        unprotected: [false; 2],
        rewritten: false,
        off_network: None,
    };
    let absent = |node: usize| world.nodes[node].absence();
    if let Some(reason) = absent(pair.a).or_else(|| absent(pair.b)) {
        return bare(LinkState::Missing, Some(reason), Need::Nothing);
    }
    let common = world.common(pair.a, pair.b);
    let lists = [
        list(world, sides, (pair.a, pair.b), common.on),
        list(world, sides, (pair.b, pair.a), common.on),
    ];
    if common.on.is_none() {
        return apart(world, pair, &lists);
    }
    let rewritten = lists.iter().flatten().any(|listing| listing.rewritten);
    let mut judged = match lists {
        [Some(a), Some(b)] => {
            let (state, reason, need) = both(&a, &b);
            bare(state, reason, need)
        }
        [None, None] => bare(
            LinkState::Unknown,
            world.nodes[pair.a].silence(),
            Need::Nothing,
        ),
        [Some(known), None] => half(&known, world.nodes[pair.b].silence()),
        [None, Some(known)] => half(&known, world.nodes[pair.a].silence()),
    };
    judged.rewritten = rewritten;
    judged.off_network = common.instead;
    judged.unprotected = [
        unprotected(world, sides, pair.a, pair.b),
        unprotected(world, sides, pair.b, pair.a),
    ];
    if judged.state == LinkState::Healthy && judged.unprotected != [false; 2] {
        judged.state = LinkState::Degraded;
        judged.reason = Some(Reason::Unprotected);
    }
    judged
}

/// One end could not be asked: what the other lists proves no link, but its lack proves there is
/// none.
fn half<'a>(known: &Listing<'a>, reason: Option<Reason>) -> Judged<'a> {
    let listed = known.direct.is_some() || known.relayed.is_some();
    let (state, need) = match listed {
        true => (LinkState::Degraded, Need::Nothing),
        false => (LinkState::Missing, Need::Dial),
    };
    Judged {
        state,
        reason,
        need,
        unprotected: [false; 2],
        rewritten: false,
        off_network: None,
    }
}

/// A pair of which an end has no address on the wanted network, and no other may be used: what is
/// there stays, and nothing is added.
fn apart<'a>(world: &World<'a>, pair: Pair, lists: &[Option<Listing<'a>>; 2]) -> Judged<'a> {
    let wanted = network::wanted(&world.input.policy.network);
    let lacks = |node: &usize| {
        let member = world.nodes[*node].member;
        member.is_some_and(|member| !network::has(member, wanted))
    };
    let off = [pair.a, pair.b].into_iter().find(lacks).unwrap_or(pair.a);
    let connected = lists.iter().flatten().any(|one| one.direct.is_some());
    Judged {
        state: match connected {
            true => LinkState::Degraded,
            false => LinkState::Missing,
        },
        reason: Some(Reason::NoAddress {
            member: world.nodes[off].name.clone(),
        }),
        need: Need::Nothing,
        unprotected: [false; 2],
        rewritten: false,
        off_network: None,
    }
}

fn both<'a>(a: &Listing<'a>, b: &Listing<'a>) -> (LinkState, Option<Reason>, Need<'a>) {
    let degraded = |reason, need| (LinkState::Degraded, Some(reason), need);
    let good = (a.outbound && b.inbound) || (b.outbound && a.inbound);
    match (a.direct, b.direct) {
        (None, None) => match (a.relayed, b.relayed) {
            (Some(circuit), _) => degraded(Reason::Relayed, Need::Direct(End::A, circuit)),
            (None, Some(circuit)) => degraded(Reason::Relayed, Need::Direct(End::B, circuit)),
            (None, None) => (LinkState::Missing, None, Need::Dial),
        },
        // A node that holds a circuit would not dial: the circuit has to go first.
        (Some(_), None) if let Some(circuit) = b.relayed => {
            degraded(Reason::OneSided, Need::Direct(End::B, circuit))
        }
        (None, Some(_)) if let Some(circuit) = a.relayed => {
            degraded(Reason::OneSided, Need::Direct(End::A, circuit))
        }
        (Some(listed), None) => degraded(Reason::OneSided, Need::DialFrom(End::B, listed)),
        (None, Some(listed)) => degraded(Reason::OneSided, Need::DialFrom(End::A, listed)),
        (Some(at_a), Some(at_b)) => match (off(a, b), good) {
            (None, true) => (LinkState::Healthy, None, Need::Nothing),
            (Some((end, extra)), true) => {
                degraded(Reason::ExtraConnection, Need::Close(end, extra))
            }
            (Some(_), false) => degraded(Reason::WrongNetwork, Need::Move),
            (None, false) => degraded(Reason::OneSided, Need::Redial([at_a, at_b])),
        },
    }
}

/// A direct connection off the network: rather where it was dialled, since the accepting end may
/// show another address of the dialling host (measured-on-kubo, row 31).
fn off<'a>(a: &Listing<'a>, b: &Listing<'a>) -> Option<(End, Listed<'a>)> {
    let ends = [(End::A, a.off), (End::B, b.off)];
    let listed = ends.into_iter().filter_map(|(end, off)| Some((end, off?)));
    listed.min_by_key(|(_, connection)| connection.direction != Direction::Outbound)
}

/// What a node lists of another; `None` if it could not be asked.
fn list<'a>(
    world: &World<'a>,
    sides: &Sides<'a>,
    (node, far): (usize, usize),
    on: Option<On>,
) -> Option<Listing<'a>> {
    let state = world.nodes[node].state?;
    if state.peers.is_err() {
        return None;
    }
    let (member, network) = (world.nodes[far].member?, on.unwrap_or(On::Pod));
    let mut listing = Listing::default();
    for connection in sides.connections(node, far) {
        if connection.is_relayed {
            listing.relayed = listing.relayed.or(Some(connection));
            continue;
        }
        listing.direct = listing.direct.or(Some(connection));
        let is_off = || {
            let off = |ip| network::is_off(member, world.nodes[far].state, network, ip);
            connection.ip.is_some_and(off)
        };
        match (connection.direction, is_on(member, network, connection)) {
            (Direction::Outbound, true) => listing.outbound = true,
            (Direction::Outbound, false) => listing.off = Some(connection),
            (Direction::Inbound, true) => listing.inbound = true,
            (Direction::Unknown, true) => {
                listing.outbound = true;
                listing.inbound = true;
            }
            // Rewritten on the way (SNAT, host network): healthy, and noted.
            (Direction::Inbound | Direction::Unknown, false) if !is_off() => {
                listing.inbound = true;
                listing.rewritten = true;
            }
            (Direction::Inbound | Direction::Unknown, _) => {
                listing.off = listing.off.or(Some(connection));
            }
        }
    }
    Some(listing)
}

/// The direct connections that a node lists to another and that are off the network of the pair.
pub(crate) fn off_network<'a>(
    world: &World<'a>,
    sides: &Sides<'a>,
    (node, far): (usize, usize),
) -> Vec<Listed<'a>> {
    let (Some(on), Some(member)) = (world.common(node, far).on, world.nodes[far].member) else {
        return Vec::new();
    };
    let state = world.nodes[far].state;
    let off = |connection: &Listed<'a>| {
        let known = || {
            connection
                .ip
                .is_some_and(|ip| network::is_off(member, state, on, ip))
        };
        !connection.is_relayed
            && !is_on(member, on, *connection)
            && (connection.direction == Direction::Outbound || known())
    };
    sides.connections(node, far).filter(off).collect()
}

/// Whether a connection's far address is the member's on the network. Where the members file gives
/// a name, the address behind it is not known here and every direct one will do.
fn is_on(member: &Member, network: On, connection: Listed<'_>) -> bool {
    let named = member
        .swarm
        .as_ref()
        .is_some_and(|swarm| swarm.ip().is_none());
    connection
        .ip
        .map_or(named, |ip| named || network::is_on(member, network, ip))
}

/// Whether a node lacks its entry for another, or has one with a former address, which is brought up
/// to date even where links are not protected. A node whose list cannot be read lacks it as far as we
/// can tell. Nobody lacks what is being taken back.
fn unprotected(world: &World<'_>, sides: &Sides<'_>, node: usize, far: usize) -> bool {
    world.input.policy.mode != Mode::Release
        && world.nodes[node].state.is_some()
        && match sides.entry(node, far) {
            Some(Entry::Current | Entry::Foreign) => false,
            Some(Entry::Former) => true,
            None => world.input.policy.links.protect,
        }
}

// === impl End, Pair ===

impl End {
    /// The end across.
    pub(crate) fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

impl Pair {
    /// The node at an end.
    pub(crate) fn at(self, end: End) -> usize {
        match end {
            End::A => self.a,
            End::B => self.b,
        }
    }
}
