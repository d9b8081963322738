//! The records: what is stored before it is acted on, and what is forgotten when nothing needs it
//! any more (rules.md, Records).

mod ledger;
mod legacy;

use std::collections::BTreeMap;

use kubomesh_core::{
    Address, LostFilters, Mode, PeerId, Record, RecordWrite, Retired, Role, Timestamp, Waiting,
};

use self::legacy::Legacy;
use crate::capacity;
use crate::filters::Filters;
use crate::identity::{Verdict, restarted};
use crate::memory::Memory;
use crate::network;
use crate::sides::Sides;
use crate::since::shown_since;
use crate::world::{Node, Origin, Standing, World};

pub(crate) use self::ledger::Ledger;

/// Addresses that a record keeps.
const MAX_ADDRESSES: usize = 16;

/// What all records are judged by.
struct Book<'a, 'b> {
    world: &'b World<'a>,
    sides: &'b Sides<'a>,
    /// Whether every live node showed its peering list: only then nobody holds what nobody shows.
    all_read: bool,
    /// How many of the addresses of the record that is looked at are present ones: they come first.
    present: usize,
    ledger: Ledger,
}

/// Compares every record with what it should be.
pub(crate) fn write(
    world: &World<'_>,
    sides: &Sides<'_>,
    filters: &Filters<'_>,
    memory: &mut Memory,
) -> Ledger {
    let live = world
        .nodes
        .iter()
        .filter(|node| node.is_recorded() || node.standing == Standing::New);
    let all_read = live
        .clone()
        .all(|node| node.is_readable() && !node.changing);
    let legacies = Legacy::all(world);
    let mut book = Book {
        world,
        sides,
        all_read,
        present: 1,
        ledger: Ledger::default(),
    };
    let mut away = BTreeMap::new();
    for (index, node) in world.nodes.iter().enumerate() {
        // Who is adopted now lives another life: the one that was away is over.
        if node.is_away() && !matches!(node.verdict, Verdict::Adopt(_)) {
            let since = memory
                .away
                .get(node.name)
                .copied()
                .unwrap_or(world.input.now);
            away.insert(node.name.clone(), since);
        }
        let wanted = book.wanted(index, away.get(node.name).copied(), memory);
        let wanted = wanted.map(|record| book.mended(index, record, filters));
        let wanted = wanted.map(|record| legacy::handed_on(world, &legacies, index, record));
        book.settle(node, wanted);
    }
    memory.away = away;
    book.ledger
}

impl Book<'_, '_> {
    /// The record that a node should have.
    fn wanted(&mut self, index: usize, away: Option<Timestamp>, memory: &Memory) -> Option<Record> {
        let node = &self.world.nodes[index];
        let mut record = match (node.record, node.member) {
            (Some(record), _) => record.clone(),
            (None, Some(member)) if node.standing == Standing::New => Record::new(
                &self.world.input.membership.mesh.name,
                member.name.clone(),
                Role::Kubo,
                member.uid.clone(),
            ),
            (None, _) => return None,
        };
        match node.verdict {
            Verdict::Adopt(shown) => self.adopt(node, &mut record, shown),
            _ => self.forget(&mut record, away),
        }
        self.present = self.refresh(node, &mut record, memory);
        self.drop_addresses(index, &mut record);
        self.drop_retired(index, &mut record);
        if self.is_gone(node) && record.peer_id.is_none() && record.retired.is_empty() {
            if self.doubted() {
                self.ledger.held += 1;
                return Some(record);
            }
            self.lose(&mut record);
            return None;
        }
        Some(record)
    }

    /// Whether there is neither a member of its name nor a pod that may become one. A pod that ended
    /// does not come back, however long its object stays; one that is being deleted is no more alive.
    fn is_gone(&self, node: &Node<'_>) -> bool {
        let waiting = self.world.input.membership.waiting.get(node.name);
        let over = matches!(waiting, None | Some(Waiting::Ended | Waiting::Terminating));
        node.member.is_none() && over
    }

    fn doubted(&self) -> bool {
        self.world.input.membership.doubt.is_some()
    }

    /// A first identity, the same one in a new life, or another one in place of the recorded.
    fn adopt(&mut self, node: &Node<'_>, record: &mut Record, shown: PeerId) {
        let Some(member) = node.member else { return };
        if record.peer_id != Some(shown) {
            // What was taken from another repo is not given to this one, and its name is taken: whoever
            // comes back as the former one by another name has a record of its own. So it is said now.
            if record.filters_owner() != Some(shown) {
                self.lose(record);
            }
            retire(record, self.world.input.now);
            record.capacity = None;
        }
        record.uid = member.uid.clone();
        record.peer_id = Some(shown);
        record.capacity = record
            .capacity
            .filter(|_| record.container == member.container);
        record.container = member.container.clone();
        // It was retired and is back: its addresses are its own again.
        let (back, retired) = std::mem::take(&mut record.retired)
            .into_iter()
            .partition(|one: &Retired| one.peer_id == shown);
        record.retired = retired;
        let former: Vec<Retired> = back;
        record
            .addresses
            .extend(former.into_iter().flat_map(|one| one.addresses));
    }

    /// An identity without a live member is retired after its time.
    fn forget(&mut self, record: &mut Record, away: Option<Timestamp>) {
        let Some(since) = away else { return };
        let due = since + self.world.input.policy.links.forget_after;
        if due > self.world.input.now {
            self.ledger.due = Some(self.ledger.due.map_or(due, |other| other.min(due)));
        } else if self.doubted() {
            self.ledger.held += 1;
        } else {
            retire(record, self.world.input.now);
        }
    }

    /// What is copied from the member and from what was read. Returns how many of the addresses are
    /// present ones.
    fn refresh(&self, node: &Node<'_>, record: &mut Record, memory: &Memory) -> usize {
        let Some(member) = node.member else { return 1 };
        let rpc = member.access.endpoint().to_string();
        if *record.rpc != *rpc {
            record.rpc = rpc.into();
        }
        let same_life = record.uid == member.uid && record.peer_id.is_some();
        if !same_life || matches!(node.verdict, Verdict::Wrong { .. } | Verdict::Suspect) {
            return 1;
        }
        record.zone.clone_from(&member.zone);
        let known = node
            .observation
            .and_then(|observation| observation.present());
        let known = known.filter(|state| Some(state.peer_id) == record.peer_id);
        let listen = known.and_then(|state| state.listen.as_deref().ok().map(Vec::as_slice));
        let offered = network::offered(&self.world.input.policy.network, member);
        let had = &record.addresses;
        let present = offered.filter_map(|on| network::mesh_address(member, on, listen, had));
        let present: Vec<Address> = present.collect();
        if !record.addresses.starts_with(&present) {
            record
                .addresses
                .retain(|address| !present.contains(address));
            record.addresses.splice(0..0, present.iter().cloned());
        }
        let started = memory.members.get(node.name).map(|known| known.started);
        let as_recorded = node.seen().map(|(shown, _)| shown) == record.peer_id;
        let seen_since = as_recorded && started.is_some_and(|started| shown_since(node, started));
        if restarted(member, record) && seen_since {
            record.container = member.container.clone();
            record.capacity = None;
        }
        let limits = known.and_then(|state| state.conn_limits.as_ref());
        if record.capacity.is_none() && !restarted(member, record) {
            record.capacity = limits.and_then(capacity::read);
        }
        present.len().max(1)
    }

    /// Forgets former addresses that no node holds.
    fn drop_addresses(&self, index: usize, record: &mut Record) {
        let stored = self.world.nodes[index].record;
        if record.addresses.len() > self.present && self.all_read && !self.doubted() {
            let kept = |address: &Address| {
                let origin = |at| Origin::Record { node: index, at };
                let at =
                    stored.and_then(|stored| stored.addresses.iter().position(|a| a == address));
                at.is_none_or(|at| self.sides.holds(origin(at)))
            };
            let former = record.addresses.split_off(self.present);
            let former = former.into_iter().filter(kept);
            record.addresses.extend(former);
        }
        let mut seen = std::collections::BTreeSet::new();
        record
            .addresses
            .retain(|address| seen.insert(address.clone()));
        record.addresses.truncate(MAX_ADDRESSES);
    }

    /// Forgets filters that were taken away, and says so.
    fn lose(&mut self, record: &mut Record) {
        self.ledger.lost.extend(LostFilters::of(record));
        record.removed_filters.clear();
        record.owned_filters.clear();
    }

    /// Forgets retired identities that no node holds an entry of ours for. The one that filters are to
    /// be given back to is kept for a while: its pod or line may come back.
    fn drop_retired(&mut self, index: usize, record: &mut Record) {
        let stored = self.world.nodes[index].record;
        let now = self.world.input.now;
        let gone = record.clone();
        let holds = !gone.removed_filters.is_empty() || !gone.owned_filters.is_empty();
        let owed = gone.peer_id.is_none() && holds;
        let retired = std::mem::take(&mut record.retired);
        let last = retired.len();
        for (number, one) in retired.into_iter().enumerate() {
            let at =
                stored.and_then(|stored| stored.retired.iter().position(|other| *other == one));
            let held = at.is_some_and(|at| self.sides.holds(Origin::Retired { node: index, at }));
            // One that is retired in this pass had its entries counted under its record.
            let fresh = at.is_none();
            let expired = now.since(one.since) >= self.world.input.timings.retired_for;
            let awaited = owed && number + 1 == last && !expired;
            match (held || fresh || awaited, self.all_read) {
                (false, true) if self.doubted() => self.ledger.held += 1,
                (false, true) => continue,
                (false, false) if expired && !self.doubted() => {
                    if self.world.holder(&one.peer_id).is_none() {
                        self.ledger.expired.push(one.peer_id);
                    }
                    continue;
                }
                _ => {}
            }
            record.retired.push(one);
        }
        if owed && record.filters_owner() != gone.filters_owner() {
            self.ledger.lost.extend(LostFilters::of(&gone));
            record.removed_filters.clear();
            record.owned_filters.clear();
        }
    }

    /// What a record says of filters that were taken away.
    fn mended(&self, index: usize, mut record: Record, filters: &Filters<'_>) -> Record {
        let node = &self.world.nodes[index];
        if self.world.input.policy.mode != Mode::Observe
            && node.quarantine().is_none()
            && let Some(mending) = filters.mend(self.world, index)
        {
            record.removed_filters = mending.removed;
        }
        record
    }

    fn settle(&mut self, node: &Node<'_>, wanted: Option<Record>) {
        let changed = |wanted: &Record| {
            node.record.is_none_or(|stored| {
                (&stored.uid, stored.peer_id) != (&wanted.uid, wanted.peer_id)
                    || stored.addresses.get(..self.present) != wanted.addresses.get(..self.present)
            })
        };
        self.ledger
            .unsettled
            .push(wanted.as_ref().is_some_and(changed));
        match wanted {
            Some(wanted) if node.record != Some(&wanted) => {
                self.ledger.writes.push(RecordWrite::Put(Box::new(wanted)));
            }
            None if node.record.is_some() => {
                let name = node.record.map(Record::name).unwrap_or_default();
                self.ledger.writes.push(RecordWrite::Delete(name));
            }
            _ => {}
        }
    }
}

/// Moves the present identity to the retired ones.
fn retire(record: &mut Record, now: Timestamp) {
    let addresses = std::mem::take(&mut record.addresses);
    record.container = None;
    if let Some(peer_id) = record.peer_id.take() {
        record.retired.push(Retired {
            uid: record.uid.clone(),
            peer_id,
            addresses,
            since: now,
        });
    }
}
