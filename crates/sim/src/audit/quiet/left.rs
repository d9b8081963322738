//! After quiet: records are true, and nothing is left of those who are gone.

use std::collections::BTreeMap;
use std::sync::Arc;

use kubomesh_core::{Address, FilterPolicy, Mode, PeerId, Record, Role};

use super::Well;
use crate::audit::Property;
use crate::sim::Sim;

impl Sim {
    /// Every living pod has a record that says who it is and where; nobody else has one.
    pub(super) fn untrue_record(&self, wells: &[Well]) -> Option<(Property, String)> {
        for well in wells {
            let stored = self
                .store
                .records
                .get(well.name.as_str())
                .map(|stored| &stored.record);
            let Some(record) = stored else {
                return Some((Property::Records, format!("{} has no record", well.name)));
            };
            let offered = self.offered(well);
            let at = record.addresses.first().and_then(Address::ip);
            if record.container.as_ref() != self.cluster.starts.get(&record.uid) {
                let detail = format!("the record of {} is of another start", well.name);
                return Some((Property::Records, detail));
            }
            if record.peer_id != Some(well.peer)
                || (!offered.is_empty() && at != offered.first().copied())
            {
                let detail = format!(
                    "{} is {} at {}, its record says {record}",
                    well.name, well.peer, well.ip
                );
                return Some((Property::Records, detail));
            }
            let needless = record
                .addresses
                .iter()
                .skip(offered.len().max(1))
                .any(|address| {
                    let held = |well: &Well| {
                        self.audit
                            .ours(well.node)
                            .any(|(peer, at)| Some(*peer) == record.peer_id && at == address)
                    };
                    !wells.iter().any(held)
                });
            if self.remembers_needlessly(wells, record) || needless {
                return Some((Property::Leftover, format!("a record remembers: {record}")));
            }
        }
        let gone = self
            .store
            .records
            .values()
            .map(|stored| &stored.record)
            .find(|record| {
                let waits = |slot: &crate::truth::cluster::Place| {
                    slot.object
                        .as_ref()
                        .is_some_and(|object| object.name == record.member)
                };
                // What was taken from one who is gone is remembered for a day.
                let owed = !record.removed_filters.is_empty() || !record.owned_filters.is_empty();
                let needed = record.peer_id.is_none()
                    && !record.retired.is_empty()
                    && (owed || !self.remembers_needlessly(wells, record));
                let blank = record.peer_id.is_none() && record.retired.is_empty();
                let awaited = blank && self.cluster.places.values().any(waits);
                let lives = wells.iter().any(|well| well.name == record.member);
                record.role == Role::Kubo && !needed && !lives && !awaited
            });
        gone.map(|record| (Property::Leftover, format!("a record is left: {record}")))
    }

    /// Whether a record remembers a retired identity that no node holds an entry of ours for that has
    /// to stay.
    fn remembers_needlessly(&self, wells: &[Well], record: &Record) -> bool {
        record.retired.iter().any(|retired| {
            let back = wells.iter().find(|well| well.peer == retired.peer_id);
            let stays = |near: &Well| {
                let held = self.audit.ours(near.node).any(|(peer, address)| {
                    *peer == retired.peer_id && retired.addresses.contains(address)
                });
                let added = back.is_none_or(|far| !self.nothing_added(near, far));
                held && (self.policy.mode == Mode::Observe || !added)
            };
            !wells.iter().any(stays)
        })
    }

    /// Whether no entry is added or refreshed for a pair, so that a former address stays too.
    fn nothing_added(&self, near: &Well, far: &Well) -> bool {
        let apart = self.at(near, far).is_none();
        apart || !self.policy.links.protect || self.filtered(near, far) || self.filtered(far, near)
    }

    /// No node has an entry of ours for somebody who is gone, or with an address that is no more.
    pub(super) fn leftover(&self, wells: &[Well]) -> Option<(Property, String)> {
        let present: BTreeMap<PeerId, &Well> = wells.iter().map(|well| (well.peer, well)).collect();
        for well in wells {
            for (peer, address) in self.audit.ours(well.node) {
                let current = present.get(peer).is_some_and(|far| {
                    self.nothing_added(well, far) || self.at(well, far) == address.ip()
                });
                let pair = (*peer, address.clone());
                // What a liar hid may have been forgotten; what is remembered is to be put right.
                let forgotten = self.audit.is_liar(well.node) && !self.explains(&pair);
                if !current && !forgotten && !self.audit.excused.contains(&pair) {
                    let detail = format!("{} has an entry for {peer} at {address}", well.name);
                    return Some((Property::Leftover, detail));
                }
            }
        }
        None
    }

    /// Filters are as the policy says.
    pub(super) fn filters_left(&self, wells: &[Well]) -> Option<(Property, String)> {
        let gives = self.policy.mode == Mode::Release
            || (self.policy.mode == Mode::Enforce && self.policy.filters == FilterPolicy::Report);
        // What was taken from one of two copies of a repo is given to that one, which may be gone.
        let single = |well: &&Well| gives && !self.cluster.was_doubled(well.peer);
        for well in wells.iter().filter(single) {
            let live = self.world.filters(well.node).unwrap_or_default();
            for taken in self.audit.owed.get(&well.peer).into_iter().flatten() {
                let known = !self.audit.unowed.contains(&(well.peer, Arc::clone(taken)));
                if known && !live.iter().any(|text| **text == **taken) {
                    let detail = format!("{} was not given its filter {taken} back", well.name);
                    return Some((Property::Filters, detail));
                }
            }
        }
        None
    }

    /// Whether a node shows a filter that its record says is to be taken from this very start.
    pub(super) fn keeps_filter(&self, well: &Well) -> bool {
        if self.policy.mode != Mode::Enforce || self.policy.filters != FilterPolicy::Repair {
            return false;
        }
        let Some(stored) = self.store.records.get(well.name.as_str()) else {
            return false;
        };
        let live = self.world.filters(well.node).unwrap_or_default();
        stored.record.removed_filters.iter().any(|taken| {
            !taken.gone
                && taken.container == stored.record.container
                && live.iter().any(|text| **text == *taken.cidr)
        })
    }

    /// Nothing of ours is left on any node.
    pub(super) fn unreleased(&self, wells: &[Well]) -> Option<(Property, String)> {
        wells
            .iter()
            .filter(|well| !self.audit.is_liar(well.node))
            .find_map(|well| {
                let (peer, _) = self.audit.ours(well.node).find(|(peer, address)| {
                    !self.audit.excused.contains(&(**peer, (*address).clone()))
                })?;
                Some((
                    Property::Leftover,
                    format!("{} still has an entry for {peer}", well.name),
                ))
            })
    }
}
