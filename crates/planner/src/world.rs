//! The world as one pass sees it: every member and every record by index, so that names, texts and
//! peer IDs are looked up once.

mod reasons;

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasherDefault;

use kubomesh_core::{
    Address, Contact, FailureKind, Member, MemberName, NodeState, Observation, PeerId, Record,
    Role, Source, Timestamp, Waiting,
};

use siphasher::sip::SipHasher13;

use crate::crowd::{self, Crowd};
use crate::identity::{self, Verdict};
use crate::network::{self, Common};
use crate::offered::Offered;
use crate::since::read_since;
use crate::{Memory, PlanInput};

/// Members, records and identities of one mesh.
pub(crate) struct World<'a> {
    /// What it was made from.
    pub input: PlanInput<'a>,
    /// Every live Kubo member and every record of one, by name.
    pub nodes: Vec<Node<'a>>,
    /// Every identity that a record has or had.
    pub known: ByPeer<Known<'a>>,
    /// The /56 that bounds everybody's links, if one does.
    pub crowd: Option<Crowd>,
}

/// A map that is only looked up in, never walked through: its order is nobody's business. Every
/// connection and every peering entry of every node is looked up once.
type ByPeer<T> = HashMap<PeerId, T, BuildHasherDefault<SipHasher13>>;

/// A member, a record, or both, of one name.
pub(crate) struct Node<'a> {
    /// The name.
    pub name: &'a MemberName,
    /// The member, if it lives.
    pub member: Option<&'a Member>,
    /// Its stored record.
    pub record: Option<&'a Record>,
    /// What is known of this life of it.
    pub observation: Option<&'a Observation>,
    /// How it stands.
    pub standing: Standing,
    /// What its identity is judged to be.
    pub verdict: Verdict,
    /// The recorded identity by which it has a place in the topology: its own, or the one that is
    /// away. Of several nodes with one identity only one has it.
    pub place: Option<PeerId>,
    /// What was read from it, if it answered in the last inquiry as the recorded identity.
    pub state: Option<&'a NodeState>,
    /// Whether calls were made to it since that was read: it must be read anew before the next.
    pub stale: bool,
    /// Whether what was read of its entries and filters is history: calls that change them were made
    /// since, or are under way.
    pub changing: bool,
    /// Where its record has the addresses by which this life of it may be given to others.
    pub offered: Offered,
}

/// How a node stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It lives and this life is recorded with an identity.
    Recorded,
    /// It lives, may be asked, and this life has no recorded identity yet.
    New,
    /// It lives, was never Ready, and has no recorded identity.
    NotReady,
    /// It does not live.
    Gone,
    /// It lives and belongs to an older mesh.
    Claimed,
}

/// An identity that records have or had.
#[derive(Default)]
pub(crate) struct Known<'a> {
    /// The node whose place it is.
    pub holder: Option<usize>,
    /// Every address that may have been given to nodes for it.
    pub addresses: Vec<(&'a Address, Origin)>,
}

/// Where a known address stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Origin {
    /// In a node's record, at this place of its list.
    Record {
        /// The node.
        node: usize,
        /// 0 is the present address.
        at: usize,
    },
    /// In a node's record, among the retired, at this place.
    Retired {
        /// The node.
        node: usize,
        /// Which retired identity.
        at: usize,
    },
}

// === impl World ===

impl<'a> World<'a> {
    /// Joins members, records and observations, and judges identities. `memory` is this pass's: it
    /// knows the present lives.
    pub(crate) fn new(input: PlanInput<'a>, memory: &mut Memory) -> Self {
        let mut world = Self {
            nodes: nodes(&input, memory),
            known: ByPeer::default(),
            crowd: None,
            input,
        };
        identity::judge(&mut world, memory);
        world.place();
        world.crowd = crowd::of(&world);
        world
    }

    /// Where its members come from.
    pub(crate) fn source(&self) -> Source {
        self.input.membership.mesh.source()
    }

    /// A node by its member's name.
    pub(crate) fn find(&self, name: &MemberName) -> Option<usize> {
        self.nodes.binary_search_by(|node| node.name.cmp(name)).ok()
    }

    /// The node that has an identity's place.
    pub(crate) fn holder(&self, peer: &PeerId) -> Option<usize> {
        self.known.get(peer)?.holder
    }

    /// Nodes with a place, in order of their names.
    pub(crate) fn placed(&self) -> impl Iterator<Item = (usize, PeerId)> + '_ {
        self.nodes
            .iter()
            .enumerate()
            .filter_map(|(at, node)| Some((at, node.place?)))
    }

    /// The network that two nodes use with each other; none as long as one of them does not live.
    pub(crate) fn common(&self, a: usize, b: usize) -> Common {
        match (self.nodes[a].member, self.nodes[b].member) {
            (Some(a), Some(b)) => network::common(&self.input.policy.network, a, b),
            _ => Common {
                on: None,
                instead: None,
            },
        }
    }

    /// The stored address by which a node is given to another, and its place in the record. One that is
    /// away keeps the one that it had.
    pub(crate) fn given(&self, to: usize, far: usize) -> Option<(usize, &'a Address)> {
        let at = match (self.nodes[to].member, self.nodes[far].member) {
            (Some(_), Some(_)) => self.nodes[far].offered.at(self.common(to, far).on?)?,
            _ => 0,
        };
        let record = self.nodes[far].record?;
        record.addresses.get(at).map(|address| (at, address))
    }

    /// Gives every recorded identity to one node and collects all addresses.
    fn place(&mut self) {
        self.known.reserve(self.nodes.len());
        for (index, node) in self.nodes.iter().enumerate() {
            let Some(record) = node.record else { continue };
            if let Some(peer) = record.peer_id {
                let known = self.known.entry(peer).or_default();
                let better = |than: usize| node.claim() > self.nodes[than].claim();
                if node.place.is_some() && known.holder.is_none_or(better) {
                    known.holder = Some(index);
                }
                let addresses = record.addresses.iter().enumerate();
                known.addresses.extend(
                    addresses.map(|(at, address)| (address, Origin::Record { node: index, at })),
                );
            }
            for (at, retired) in record.retired.iter().enumerate() {
                let known = self.known.entry(retired.peer_id).or_default();
                let origin = Origin::Retired { node: index, at };
                known
                    .addresses
                    .extend(retired.addresses.iter().map(|address| (address, origin)));
            }
        }
        for (index, node) in self.nodes.iter_mut().enumerate() {
            node.place = node
                .place
                .filter(|peer| self.known[peer].holder == Some(index));
        }
    }
}

// === impl Node ===

impl<'a> Node<'a> {
    /// Whether it lives with a recorded identity.
    pub(crate) fn is_recorded(&self) -> bool {
        self.standing == Standing::Recorded
    }

    /// Whether its recorded identity is that of a life that is over.
    pub(crate) fn is_away(&self) -> bool {
        !matches!(self.standing, Standing::Recorded | Standing::Claimed)
            && self.record.is_some_and(|record| record.peer_id.is_some())
    }

    /// Its present addresses as stored, without `/p2p/…`: one a network. Of one that does not live
    /// the one that it had.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = &'a Address> + use<'a> {
        let all = self.record.map_or(&[][..], |record| &record.addresses);
        let offered = match self.member {
            Some(_) => self.offered,
            None => Offered::former(),
        };
        offered.places().filter_map(move |at| all.get(at))
    }

    /// Whether it has a stored address that others may be given.
    pub(crate) fn has_address(&self) -> bool {
        self.addresses().next().is_some()
    }

    /// Its peering list and connections are known now.
    pub(crate) fn is_reachable(&self) -> bool {
        self.state.is_some_and(|state| state.peers.is_ok())
    }

    /// Whether it answered and was asked for no more than who it is: all else is read next.
    pub(crate) fn is_introduced(&self) -> bool {
        let contacted = self
            .member
            .is_some_and(|member| member.contact == Contact::Allowed);
        let skipped = |state: &NodeState| {
            let failure = state.peers.as_ref().err();
            failure.is_some_and(|failure| failure.kind == FailureKind::Skipped)
        };
        contacted
            && self
                .observation
                .and_then(Observation::present)
                .is_some_and(skipped)
    }

    /// Whether nothing at all is heard from it: its swarm may be as silent as its API. One that
    /// refuses our token, or is not asked for want of one, may be well otherwise.
    pub(crate) fn is_silent(&self) -> bool {
        let heard = |seen: &Observation| {
            seen.failure
                .as_ref()
                .is_none_or(|failure| !failure.kind.is_silence())
        };
        let contacted = self
            .member
            .is_some_and(|member| member.contact == Contact::Allowed);
        contacted && !self.is_reachable() && !self.observation.is_some_and(heard)
    }

    /// Whether it shows a dial filter of this exact text.
    pub(crate) fn shows(&self, cidr: &str) -> bool {
        let filters = self.state.and_then(|state| state.filters.as_ref().ok());
        filters.is_some_and(|filters| filters.iter().any(|text| **text == *cidr))
    }

    /// Whether its peering list can be read now.
    pub(crate) fn is_readable(&self) -> bool {
        self.state.is_some_and(|state| state.peering.is_ok())
    }

    /// When the identity that is judged was last shown.
    pub(crate) fn seen(&self) -> Option<(PeerId, Timestamp)> {
        let observation = self.observation?;
        let sighting = observation
            .sighting
            .as_ref()
            .map(|seen| (seen.peer_id, seen.at));
        let read = observation.present().map(|state| (state.peer_id, state.at));
        match (sighting, read) {
            (Some(seen), Some(read)) if read.1 >= seen.1 => Some(read),
            (Some(seen), _) => Some(seen),
            (None, read) => read,
        }
    }

    /// How good its claim to the place of its recorded identity is.
    fn claim(&self) -> u8 {
        u8::from(self.is_recorded()) * 2 + u8::from(self.state.is_some())
    }
}

/// Joins members and records by name.
fn nodes<'a>(input: &PlanInput<'a>, memory: &Memory) -> Vec<Node<'a>> {
    let live = input
        .membership
        .members
        .values()
        .filter(|member| member.role == Role::Kubo);
    let recorded = input
        .records
        .values()
        .filter(|record| record.role == Role::Kubo);
    let mut joined: BTreeMap<&MemberName, (Option<&Member>, Option<&Record>)> = BTreeMap::new();
    live.for_each(|member| joined.entry(&member.name).or_default().0 = Some(member));
    recorded.for_each(|record| joined.entry(&record.member).or_default().1 = Some(record));
    joined
        .into_iter()
        .map(|(name, (member, record))| node(input, memory, name, member, record))
        .collect()
}

fn node<'a>(
    input: &PlanInput<'a>,
    memory: &Memory,
    name: &'a MemberName,
    member: Option<&'a Member>,
    record: Option<&'a Record>,
) -> Node<'a> {
    let observation = member.and_then(|member| {
        let observation: &Observation = input.observations.get(name)?;
        Some(observation).filter(|observation| observation.uid == member.uid)
    });
    let standing = standing(input, name, member, record);
    let recorded = record.and_then(|record| record.peer_id);
    let state = observation
        .filter(|_| standing == Standing::Recorded)
        .filter(|_| member.is_some_and(|member| member.contact == Contact::Allowed))
        .and_then(Observation::present)
        .filter(|state| Some(state.peer_id) == recorded)
        // An identity shown after the state was read means that no more than it was asked since.
        .filter(|state| {
            let sighting = observation.and_then(|observation| observation.sighting.as_ref());
            sighting.is_none_or(|sighting| sighting.at <= state.at)
        });
    let acted = memory.members.get(name).and_then(|member| member.acted);
    let stale = acted.is_some_and(|acted| {
        state.is_some() && !observation.is_some_and(|seen| read_since(seen, acted))
    });
    Node {
        name,
        member,
        record,
        observation,
        standing,
        verdict: Verdict::Unseen,
        place: recorded.filter(|_| standing != Standing::Claimed),
        state,
        stale,
        changing: stale || input.busy.members.contains_key(name),
        offered: Offered::of(&input.policy.network, member, record),
    }
}

fn standing(
    input: &PlanInput<'_>,
    name: &MemberName,
    member: Option<&Member>,
    record: Option<&Record>,
) -> Standing {
    let Some(member) = member else {
        return match input.membership.waiting.get(name) {
            Some(Waiting::Claimed { .. }) => Standing::Claimed,
            _ => Standing::Gone,
        };
    };
    let recorded =
        record.is_some_and(|record| record.uid == member.uid && record.peer_id.is_some());
    match (recorded, member.ready) {
        (true, _) => Standing::Recorded,
        (false, true) => Standing::New,
        (false, false) => Standing::NotReady,
    }
}
