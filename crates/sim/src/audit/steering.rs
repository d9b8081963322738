//! Steering: filters of ours stand in a record before they are added and none is left, owners' stay,
//! and no working connection is given up for nothing.

mod moves;
mod plans;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use kubomesh_core::{Call, FilterStep, OwnedFilter, PeerId, Record, Sequence, Timestamp};
use kubomesh_model::{Filter, NodeIndex};

use self::moves::Moves;
use super::{LATE, Property};
use crate::controller::Who;
use crate::controller::task::Sent;
use crate::sim::Sim;

/// What is known of filters of ours, and of moves.
#[derive(Debug, Clone, Default)]
pub(crate) struct Steered {
    /// Since when the storage network carries nothing.
    pub(crate) down: Option<Timestamp>,
    /// Every filter that a record ever named as ours, by identity.
    ever: BTreeMap<PeerId, BTreeSet<Arc<str>>>,
    /// Filters that controllers added and did not take away.
    left: BTreeMap<PeerId, BTreeSet<Arc<str>>>,
    /// Filters that owners added, and since when.
    owners: BTreeMap<PeerId, BTreeMap<Arc<str>, Timestamp>>,
    /// When a filter that no move gives back was last taken from a repo, by whomever.
    freed: BTreeMap<PeerId, Timestamp>,
    moves: BTreeMap<Who, Moves>,
}

// === impl Steered ===

impl Steered {
    /// An owner adds a filter.
    pub(super) fn owned(&mut self, repo: PeerId, text: &str, now: Timestamp) {
        let own = self.owners.entry(repo).or_default();
        own.entry(text.into()).or_insert(now);
        if let Some(left) = self.left.get_mut(&repo) {
            left.remove(text);
        }
    }

    /// An owner takes all filters away.
    pub(super) fn cleared(&mut self, repo: PeerId, now: Timestamp) {
        self.owners.remove(&repo);
        self.freed.insert(repo, now);
        self.left.remove(&repo);
    }

    /// Nobody knows any more what was added to a repo.
    pub(crate) fn forgive(&mut self, record: &Record) {
        let lives = record.retired.iter().map(|one| one.peer_id);
        for peer in lives.chain(record.peer_id) {
            self.left.remove(&peer);
        }
    }

    /// A controller starts from nothing.
    pub(super) fn forget(&mut self, who: Who) {
        self.moves.remove(&who);
    }

    /// The storage network carries nothing, or carries again.
    pub(crate) fn carries(&mut self, down: Option<Timestamp>) {
        if down.is_none() || self.down.is_none() {
            self.down = down;
            // What failed before says nothing about the network as it is now.
            for moves in self.moves.values_mut() {
                moves.tried = 0;
                moves.failed.clear();
                moves.down = None;
            }
        }
    }

    fn is_owners(&self, repo: PeerId, filter: &OwnedFilter) -> bool {
        let own = self.owners.get(&repo);
        let since = own.and_then(|own| own.get(&filter.cidr));
        since.is_some_and(|since| *since + LATE < filter.since)
    }
}

/// Whether a sequence moves a link to another network.
pub(crate) fn is_move(sequence: &Sequence) -> bool {
    let closes =
        |call: &Call| matches!(call, Call::Disconnect { address } if !address.is_relayed());
    let back = |call: &Call| matches!(call, Call::Connect { .. });
    sequence.actions.iter().any(|action| closes(&action.call))
        && sequence
            .actions
            .iter()
            .any(|action| action.on_failure.iter().any(back))
}

impl Sim {
    /// The entries of a filters call that are ours and not an owner's.
    pub(crate) fn steering_entries(&self, sent: &Sent, call: &Call) -> BTreeSet<Arc<str>> {
        let (Call::FiltersAdd { entries } | Call::FiltersRemove { entries }) = call else {
            return BTreeSet::new();
        };
        let stored = self.store.records.get(sent.member.as_str());
        let record = stored.map(|stored| &stored.record);
        let owned = |entry: &&Arc<str>| {
            record.is_some_and(|one| one.owned_filters.iter().any(|own| own.cidr == **entry))
        };
        let taken = |entry: &&Arc<str>| {
            record.is_some_and(|one| one.removed_filters.iter().any(|own| own.cidr == **entry))
        };
        let ever = self.audit.steered.ever.get(&sent.expect);
        let ever = |entry: &&Arc<str>| ever.is_some_and(|ever| ever.contains(*entry));
        let ours = |entry: &&Arc<str>| owned(entry) || (ever(entry) && !taken(entry));
        entries.iter().filter(ours).cloned().collect()
    }

    /// A filters call was done; `gives_back`: because a move failed.
    pub(crate) fn steered(
        &mut self,
        (repo, gives_back): (PeerId, bool),
        call: &Call,
        ours: &BTreeSet<Arc<str>>,
    ) {
        // What one of two holders adds behind the other's back is in no record of either.
        let now = self.now();
        let known = now >= self.audit.rewound_until.max(self.audit.two_until);
        let steered = &mut self.audit.steered;
        let left = steered.left.entry(repo).or_default();
        match call {
            Call::FiltersAdd { .. } if known => left.extend(ours.iter().cloned()),
            Call::FiltersRemove { entries } => {
                left.retain(|entry| !entries.contains(entry));
                if let Some(own) = steered.owners.get_mut(&repo) {
                    own.retain(|entry, _| !entries.contains(entry));
                }
                if !gives_back {
                    steered.freed.insert(repo, now);
                }
            }
            _ => {}
        }
    }

    /// What is added is recorded before, or was taken and is given back.
    pub(super) fn judge_written_ahead(&mut self, who: Who, sent: &Sent, entries: &[Arc<str>]) {
        let now = self.now();
        if now < self.audit.rewound_until.max(self.audit.two_until) {
            return;
        }
        let stored = self.store.records.get(sent.member.as_str());
        let owned = stored.map(|stored| stored.record.owned_filters.clone());
        let taken = self.audit.taken.get(&sent.expect);
        let covered = |entry: &Arc<str>| {
            owned.iter().flatten().any(|own| own.cidr == *entry)
                || taken.is_some_and(|taken| taken.contains(entry))
        };
        if let Some(entry) = entries.iter().find(|entry| !covered(entry)) {
            let detail = format!(
                "{who} adds {entry} to {}, whose record does not say so",
                sent.member
            );
            self.audit.broke(Property::Steering, detail);
        }
    }

    /// What is taken away as ours was not there before.
    pub(super) fn judge_lifted(&mut self, who: Who, sent: &Sent, entries: &[Arc<str>]) {
        let Some(stored) = self.store.records.get(sent.member.as_str()) else {
            return;
        };
        let owned = stored.record.owned_filters.iter();
        let mut lifted = owned.filter(|own| entries.contains(&own.cidr));
        // Of two copies of a repo each has filters of its own.
        let single = !self.cluster.was_doubled(sent.expect);
        let owners = lifted.find(|own| single && self.audit.steered.is_owners(sent.expect, own));
        if let Some(filter) = owners {
            let detail = format!(
                "{who} takes {} from {}, where its owner had it before",
                filter.cidr, sent.member
            );
            self.audit.broke(Property::Steering, detail);
        }
    }

    /// A record is written: what it names as ours was not there before.
    pub(super) fn judge_owned(&mut self, who: Who, before: Option<&Record>, after: &Record) {
        let Some(repo) = after.filters_owner() else {
            return;
        };
        // Where another identity takes a name, what was added to the former one's repo is said to be
        // lost: the record has no place for it.
        if let Some(former) = before.and_then(Record::filters_owner)
            && former != repo
        {
            self.audit.steered.left.remove(&former);
        }
        for filter in &after.owned_filters {
            let known = before.is_some_and(|before| {
                let mut all = before.owned_filters.iter();
                all.any(|own| own.cidr == filter.cidr)
            });
            let ever = self.audit.steered.ever.entry(repo).or_default();
            ever.insert(Arc::clone(&filter.cidr));
            let doubled = self.cluster.was_doubled(repo);
            if !known && !doubled && self.audit.steered.is_owners(repo, filter) {
                let detail = format!(
                    "{who} records {} of {} as ours, which its owner had before",
                    filter.cidr, after.member
                );
                self.audit.broke(Property::Steering, detail);
            }
        }
    }

    /// After quiet: no filter of ours is left on a node, but those that are to stand.
    pub(super) fn filters_of_ours_left(
        &self,
        node: NodeIndex,
        record: &Record,
    ) -> Option<(Property, String)> {
        let spec = self.world.node(node).spec();
        let policy = &self.policy.network;
        let strict = policy.steering == kubomesh_core::Steering::Strict
            && policy.attachment.is_some()
            && self.policy.mode == kubomesh_core::Mode::Enforce;
        let stands = |one: &&OwnedFilter| strict && one.step == FilterStep::Standing;
        if let Some(filter) = record.owned_filters.iter().find(|one| !stands(one)) {
            let detail = format!("the record of {} keeps {}", record.member, filter.cidr);
            return Some((Property::Steering, detail));
        }
        let live = self.world.filters(node).unwrap_or_default();
        let left = self.audit.steered.left.get(&spec.peer_id);
        let there = |text: &&Arc<str>| {
            let standing = record.owned_filters.iter().any(|one| one.cidr == **text);
            !standing && (live.iter().any(|one| **one == ***text) || saved(spec, text))
        };
        let left = left.into_iter().flatten().find(there)?;
        let doubled = self.cluster.was_doubled(spec.peer_id);
        let detail = format!("our filter {left} is left on {}", record.member);
        (!doubled).then_some((Property::Steering, detail))
    }
}

fn saved(spec: &kubomesh_model::NodeSpec, text: &str) -> bool {
    spec.saved_filters.iter().any(|one| one == text)
}

fn covers(text: &str, ip: IpAddr) -> bool {
    Filter::parse(text).is_ok_and(|filter| filter.covers(ip))
}
