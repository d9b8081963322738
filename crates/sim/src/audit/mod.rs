//! What must hold after every step, and what must hold after quiet. The audit looks at the truth
//! (what nodes have, what the store has, who runs where), which no controller can see.

mod calls;
mod degree;
pub(crate) mod doubt;
mod network;
pub(crate) mod passes;
pub(crate) mod quiet;
mod records;
pub(crate) mod steering;
mod surplus;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use kubomesh_core::{Address, Call, Link, MemberName, MemberUid, PeerId, Record, Timestamp};
use kubomesh_model::{NodeIndex, NodeSpec};

use crate::controller::Who;

/// What is found broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Property {
    /// The planner's own check of its plan.
    Check,
    /// No call without the lease.
    Fence,
    /// No command to a node that did not show the recorded identity on this connection.
    Identity,
    /// No removal in doubt.
    Doubt,
    /// No entry of an owner is touched.
    ForeignEntry,
    /// No filter of an owner is touched but as the policy says, and every one is given back.
    ForeignFilter,
    /// Every entry of ours is explained by a stored record.
    Recorded,
    /// No record is overwritten that somebody changed since the plan used it.
    Overwritten,
    /// `Observe` calls nothing, `Release` only gives back.
    Mode,
    /// No pair is dialled more often than allowed.
    Pace,
    /// Nothing is sent twice at a time.
    Twice,
    /// A member that is away keeps its place.
    Away,
    /// An identity changes only with its container.
    Adoption,
    /// An identity at two addresses is left alone, and no other is taken for one.
    Duplicate,
    /// Surplus links go as the rules say.
    Surplus,
    /// No node is given more links than its capacity and the mesh's degree allow.
    Degree,
    /// What is reported healthy is what both ends list; every other link has a reason.
    Report,
    /// The end that lists no connection dials.
    Recipe,
    /// Equal inputs give equal plans.
    Pure,
    /// No controller spins.
    Rest,
    /// The model of the nodes contradicts itself.
    Model,
    /// Filters of ours are recorded before they are added, hide nobody else, are taken away, and none
    /// is an owner's.
    Steering,
    /// No working connection is given up for nothing.
    GivenUp,
    /// Nobody is told of an address off the network of the pair; after quiet all pairs are on it.
    Network,
    /// Nobody goes round a required agent, or uses one whose version does not fit; after quiet each node
    /// is asked by the way that its agent's version allows.
    Agents,
    /// After quiet: every wanted link is there, on both ends.
    Linked,
    /// After quiet: nothing is left of those who are gone.
    Leftover,
    /// After quiet: the records are true.
    Records,
    /// After quiet: filters are as the policy says.
    Filters,
    /// After quiet: nothing is planned any more.
    Settled,
}

/// A property that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub property: Property,
    /// What happened, in a sentence.
    pub detail: String,
}

/// What was done to nodes and records, and whether anything is broken.
#[derive(Debug, Clone, Default)]
pub(crate) struct Audit {
    violation: Option<Violation>,
    /// Peering entries that controllers wrote and that are still there.
    ours: BTreeMap<NodeIndex, BTreeMap<PeerId, Address>>,
    /// Since when each of them is there.
    since: BTreeMap<(NodeIndex, PeerId), Timestamp>,
    /// Peering entries that owners wrote, and since when they are there.
    foreign: BTreeMap<NodeIndex, BTreeMap<PeerId, Timestamp>>,
    /// Nodes that lied once: what they have is nobody's fault but theirs.
    liars: BTreeSet<NodeIndex>,
    /// When a record last stopped to explain an entry.
    dropped: BTreeMap<(PeerId, Address), Timestamp>,
    /// What records that somebody else took away or rewound explained.
    excused: BTreeSet<(PeerId, Address)>,
    /// Filters that controllers ever took from a repo.
    taken: BTreeMap<PeerId, BTreeSet<Arc<str>>>,
    /// When a record last stopped to say that a filter is to be taken.
    unrecorded: BTreeMap<(MemberName, Arc<str>), Timestamp>,
    /// Filters whose record was gone when they were taken: nobody knows of them.
    unowed: BTreeSet<(PeerId, Arc<str>)>,
    /// Those of them that are to be given back.
    owed: BTreeMap<PeerId, BTreeSet<Arc<str>>>,
    /// Every identity that each member was ever recorded with.
    recorded: BTreeMap<MemberName, BTreeSet<(MemberUid, PeerId)>>,
    /// When each controller last had a pair dialled.
    dialled: BTreeMap<(Who, Link), Timestamp>,
    /// When each controller last saw that a member started, became Ready, or answered again.
    renewed: BTreeMap<(Who, MemberName), Timestamp>,
    /// How each member stood in each controller's last pass.
    standing: BTreeMap<(Who, MemberName), passes::Standing>,
    /// Calls that were sent and not yet answered, and when the passes began that planned them.
    under_way: BTreeMap<(Who, String), (u64, Timestamp)>,
    /// Filters calls that a node is busy with.
    filters: BTreeMap<(Who, NodeIndex), BTreeSet<u64>>,
    /// Since when each controller misses each recorded life.
    missed: BTreeMap<(Who, MemberName), (MemberUid, Timestamp)>,
    /// Identities that a controller saw at two members, in how many rounds.
    twins: BTreeMap<(Who, PeerId), passes::Twins>,
    surplus: BTreeMap<Who, surplus::Begun>,
    given: BTreeMap<Who, degree::Given>,
    watched: BTreeMap<Who, doubt::Watched>,
    pub(crate) steered: steering::Steered,
    /// When the last faults ended.
    quiet_since: Timestamp,
    /// Until when calls may arrive that were planned on records that are others now.
    rewound_until: Timestamp,
    /// Until when calls of two controllers that held the lease at once may arrive.
    two_until: Timestamp,
    /// Mutating calls that arrived and record writes that were made.
    pub(crate) acts: u64,
    pub(crate) passes: u64,
    /// What controllers did, in order, if somebody wants to know.
    pub(crate) tale: Option<Vec<(Timestamp, String)>>,
}

/// How long a call may be on its way.
const LATE: Duration = Duration::from_secs(20);

// === impl Audit ===

impl Audit {
    /// Something is broken; the first finding counts.
    pub(crate) fn broke(&mut self, property: Property, detail: String) {
        self.violation.get_or_insert(Violation { property, detail });
    }

    /// Notes what a controller did, if somebody wants to know.
    pub(crate) fn tell(&mut self, now: Timestamp, line: impl FnOnce() -> String) {
        if let Some(tale) = &mut self.tale {
            tale.push((now, line()));
        }
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.violation.is_some()
    }

    pub(crate) fn violation(&self) -> Option<&Violation> {
        self.violation.as_ref()
    }

    /// A controller starts from nothing: what it knew no longer binds it.
    pub(crate) fn forget(&mut self, who: Who) {
        self.dialled.retain(|(other, _), _| *other != who);
        self.renewed.retain(|(other, _), _| *other != who);
        self.missed.retain(|(other, _), _| *other != who);
        self.standing.retain(|(other, _), _| *other != who);
        self.twins.retain(|(other, _), _| *other != who);
        self.surplus.remove(&who);
        self.given.remove(&who);
        self.steered.forget(who);
    }

    /// A process starts: it has the entries of its config and no other.
    pub(crate) fn started(&mut self, node: NodeIndex, spec: &NodeSpec, now: Timestamp) {
        self.ours.remove(&node);
        self.since.retain(|(other, _), _| *other != node);
        let config = spec.config_peering.iter().map(|entry| (entry.peer, now));
        self.foreign.insert(node, config.collect());
    }

    /// A process ends: its entries are gone.
    pub(crate) fn stopped(&mut self, node: NodeIndex) {
        self.ours.remove(&node);
        self.foreign.remove(&node);
    }

    /// A node begins to lie.
    pub(crate) fn lies(&mut self, node: NodeIndex) {
        self.liars.insert(node);
    }

    pub(crate) fn is_liar(&self, node: NodeIndex) -> bool {
        self.liars.contains(&node)
    }

    /// An owner wrote an entry.
    pub(crate) fn owner_peered(&mut self, node: NodeIndex, peer: PeerId, now: Timestamp) {
        self.foreign.entry(node).or_default().insert(peer, now);
        if let Some(ours) = self.ours.get_mut(&node) {
            ours.remove(&peer);
        }
    }

    /// An owner took an entry away.
    pub(crate) fn owner_unpeered(&mut self, node: NodeIndex, peer: PeerId) {
        self.foreign.entry(node).or_default().remove(&peer);
        if let Some(ours) = self.ours.get_mut(&node) {
            ours.remove(&peer);
        }
    }

    /// An owner has a filter: nobody owes it.
    pub(crate) fn owner_filtered(&mut self, repo: PeerId, text: &str, now: Timestamp) {
        self.steered.owned(repo, text, now);
        self.owed
            .entry(repo)
            .or_default()
            .retain(|entry| **entry != *text);
    }

    /// Two controllers hold the lease until a time: what one of them gives, the other may not know of
    /// when it drops what it read that nobody holds.
    pub(crate) fn two_act(&mut self, until: Timestamp) {
        self.two_until = self.two_until.max(until + LATE);
    }

    /// A record that said what was taken from a member's repos is gone, or has forgotten whose they
    /// were: nobody knows any more what is to be given back to whom.
    pub(crate) fn forgive(&mut self, member: &MemberName, after: Option<&Record>) {
        let kept = |peer: PeerId| {
            after.is_some_and(|after| match after.peer_id {
                Some(present) => present == peer,
                None => after.retired.iter().any(|one| one.peer_id == peer),
            })
        };
        let ever = self.recorded.get(member).into_iter().flatten();
        for (_, peer) in ever.filter(|(_, peer)| !kept(*peer)) {
            self.owed.remove(peer);
        }
    }

    /// An owner takes filters away that a controller is to take, or was on what it read a moment
    /// ago: by whom they went, it cannot tell.
    pub(crate) fn owner_unfiltered(&mut self, repo: PeerId, filters: &[String], now: Timestamp) {
        self.steered.cleared(repo, now);
        let taken = self.taken.entry(repo).or_default();
        taken.extend(filters.iter().map(|filter| Arc::from(&**filter)));
    }

    /// Records become others than those that controllers act on, until they have read them.
    pub(crate) fn rewound(&mut self, now: Timestamp) {
        self.rewound_until = now + LATE;
    }

    /// What a record explains is excused from being explained.
    pub(crate) fn excuse(&mut self, record: &Record) {
        self.excused.extend(pairs(record));
    }

    /// The entries that controllers wrote to a node.
    pub(crate) fn ours(&self, node: NodeIndex) -> impl Iterator<Item = (&PeerId, &Address)> {
        self.ours.get(&node).into_iter().flatten()
    }

    /// Whether the owner of a node has an entry for a peer.
    pub(crate) fn is_foreign(&self, node: NodeIndex, peer: &PeerId) -> bool {
        self.foreign
            .get(&node)
            .is_some_and(|entries| entries.contains_key(peer))
    }

    /// A call was done; `ours`: the filters in it that are not an owner's.
    pub(crate) fn done(
        &mut self,
        call: &Call,
        (node, repo): (NodeIndex, PeerId),
        ours: &BTreeSet<Arc<str>>,
        now: Timestamp,
    ) {
        match call {
            Call::PeeringAdd { addresses } => {
                for address in addresses {
                    let Some(peer) = address.peer() else { continue };
                    self.foreign.entry(node).or_default().remove(&peer);
                    self.since.insert((node, peer), now);
                    self.ours
                        .entry(node)
                        .or_default()
                        .insert(peer, address.without_peer());
                }
            }
            Call::PeeringRemove { peers } => {
                for peer in peers {
                    self.foreign.entry(node).or_default().remove(peer);
                    self.ours.entry(node).or_default().remove(peer);
                }
            }
            Call::FiltersRemove { entries } => {
                let taken = entries.iter().filter(|entry| !ours.contains(*entry));
                let taken: Vec<_> = taken.cloned().collect();
                let ever = self.taken.entry(repo).or_default();
                ever.extend(taken.iter().cloned());
                self.owed.entry(repo).or_default().extend(taken);
            }
            Call::FiltersAdd { entries } => {
                self.owed
                    .entry(repo)
                    .or_default()
                    .retain(|entry| !entries.contains(entry));
            }
            _ => {}
        }
    }
}

/// Every identity and address that a record explains.
fn pairs(record: &Record) -> impl Iterator<Item = (PeerId, Address)> + '_ {
    let present = record.peer_id.into_iter().flat_map(|peer| {
        record
            .addresses
            .iter()
            .map(move |address| (peer, address.clone()))
    });
    let retired = record.retired.iter().flat_map(|retired| {
        retired
            .addresses
            .iter()
            .map(|address| (retired.peer_id, address.clone()))
    });
    present.chain(retired)
}

// === impl Violation ===

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.property, self.detail)
    }
}
