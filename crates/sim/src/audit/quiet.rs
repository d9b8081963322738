//! Quiet: every fault ends, time passes, and all has to become well within a bound. Then nothing
//! may be called or written any more.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use kubomesh_core::{
    Address, Capacity, Connection, Direction, FilterPolicy, LinkState, MemberName, Mode, PeerId,
    Record, Role,
};
use kubomesh_model::{Filter, NodeIndex};

use super::Property;
use crate::queue::Job;
use crate::sim::Sim;
use crate::story::event::{Replica, Slot};

/// Longest time until all is well: three consecutive back-offs of the longest kind (an hour for a
/// relayed link), with jitter, and the removals' budget.
const BOUND: Duration = Duration::from_secs(4 * 3600);

/// How often it is looked whether all is well.
const LOOK: Duration = Duration::from_secs(10);

/// A part of that.
const MOMENT: Duration = Duration::from_millis(50);

/// How long all has to stay well, in sweeps.
const SWEEPS: u32 = 2;

/// A pod of which all is to be well.
struct Well {
    name: MemberName,
    node: NodeIndex,
    peer: PeerId,
    ip: IpAddr,
}

impl Sim {
    /// Ends every fault and waits until all is well.
    pub(crate) fn quiet(&mut self) {
        self.end_faults();
        let end = self.now() + BOUND;
        let mut trouble = self.trouble();
        while trouble.is_some() && self.now() < end && !self.audit.is_broken() {
            self.run_until(self.now() + LOOK);
            self.end_twins();
            trouble = self.trouble();
        }
        if let Some((property, detail)) = trouble {
            let hours = BOUND.as_secs() / 3600;
            return self
                .audit
                .broke(property, format!("{hours} h after every fault: {detail}"));
        }
        // Links that are not protected are trimmed and made again for ever.
        if self.policy.links.protect {
            self.stay_well();
        }
        if let Err(contradiction) = self.world.audit() {
            self.audit.broke(Property::Model, contradiction);
        }
    }

    /// All is well: nothing is called or written any more, and it stays so.
    fn stay_well(&mut self) {
        let acts = self.audit.acts;
        let span = self.policy.resync.0 * SWEEPS + LOOK;
        self.run_until(self.now() + span);
        if self.audit.acts != acts {
            let detail = match self
                .holder()
                .and_then(|holder| self.controller(holder).last.clone())
            {
                Some(last) => format!("all was well, and then: {}", last.plan),
                None => "all was well, and then something was called".into(),
            };
            return self.audit.broke(Property::Settled, detail);
        }
        // A sweep may be under way at this very moment.
        let end = self.now() + LOOK;
        let mut trouble = self.trouble();
        while trouble.is_some() && self.now() < end {
            self.run_until(self.now() + MOMENT);
            trouble = self.trouble();
        }
        if let Some((property, detail)) = trouble {
            self.audit
                .broke(property, format!("all was well, and then: {detail}"));
        }
    }

    fn end_faults(&mut self) {
        self.world.mend_all();
        self.unheard.clear();
        self.store.failing = None;
        let slots: Vec<Slot> = self.cluster.places.keys().copied().collect();
        for slot in &slots {
            self.forget_pod(*slot);
            self.restart_offline(*slot, false);
            let now = self.now();
            self.cluster
                .change(*slot, None, now, |object| object.ready = !object.ended);
        }
        let nodes: Vec<NodeIndex> = self.behaviours.keys().copied().collect();
        for node in nodes {
            self.prompt(node);
            self.behaviour(node).lie = None;
        }
        self.end_twins();
        for replica in Replica::BOTH {
            let controller = self.controller_mut(replica);
            controller.doom = None;
            controller.pods.lag = Duration::ZERO;
            controller.ledger.lag = Duration::ZERO;
            controller.pods.short = None;
            controller.hear_at = None;
            self.start_controller(replica);
            self.thaw(replica);
        }
        let holders = Replica::BOTH
            .into_iter()
            .filter(|r| self.controller(*r).fence);
        if let [Replica::A, Replica::B] = holders.collect::<Vec<_>>().as_slice() {
            self.a.fence = false;
        }
        if self.holder().is_none() {
            self.queue.push(self.now(), Job::Lease(Replica::A));
        }
    }

    /// Of two pods with one identity the later one goes.
    fn end_twins(&mut self) {
        let doubled = self.cluster.doubled();
        let slots: Vec<Slot> = self.cluster.places.keys().copied().collect();
        let mut seen = BTreeSet::new();
        for slot in slots {
            let Some(node) = self.cluster.process(slot) else {
                continue;
            };
            let peer = self.world.node(node).spec().peer_id;
            if doubled.contains(&peer) && !seen.insert(peer) {
                self.end_process(slot, node, kubomesh_model::Stop::Silent);
                self.cluster.place_mut(slot).repo = None;
                let now = self.now();
                self.cluster.put(slot, None, now);
            }
        }
    }

    /// What is not well yet.
    fn trouble(&self) -> Option<(Property, String)> {
        let late = |what: &str| Some((Property::Settled, what.to_owned()));
        let Some(holder) = self.holder().map(|holder| self.controller(holder)) else {
            return late("nobody holds the lease");
        };
        let wells = self.wells();
        let Some(last) = &holder.last else {
            return late("no pass was made");
        };
        if self.queue.has_pods() {
            return late("a pod is still to change");
        }
        if !holder.is_idle() {
            return late("calls are under way");
        }
        if !last.plan.is_empty() {
            return Some((
                Property::Settled,
                format!("the plan is not empty: {}", last.plan),
            ));
        }
        let records = self.untrue_record(&wells);
        if self.policy.mode == Mode::Observe {
            return records;
        }
        records
            .or_else(|| self.leftover(&wells))
            .or_else(|| self.filters_left(&wells))
            .or_else(|| match self.policy.mode {
                Mode::Release => self.unreleased(&wells),
                _ => self.unlinked(&wells, last),
            })
    }

    /// The pods that live, with their processes.
    fn wells(&self) -> Vec<Well> {
        let place = |(slot, place): (&Slot, &crate::truth::cluster::Place)| {
            let object = place
                .object
                .as_ref()
                .filter(|o| !o.ended && !o.terminating)?;
            let node = place
                .process
                .filter(|node| self.world.node(*node).is_online())?;
            Some(Well {
                name: crate::truth::cluster::Cluster::name(*slot),
                node,
                peer: self.world.node(node).spec().peer_id,
                ip: object.ip,
            })
        };
        self.cluster.places.iter().filter_map(place).collect()
    }

    /// Every living pod has a record that says who it is and where; nobody else has one.
    fn untrue_record(&self, wells: &[Well]) -> Option<(Property, String)> {
        for well in wells {
            let stored = self
                .store
                .records
                .get(well.name.as_str())
                .map(|stored| &stored.record);
            let Some(record) = stored else {
                return Some((Property::Records, format!("{} has no record", well.name)));
            };
            let at = record.addresses.first().and_then(Address::ip);
            if record.container.as_ref() != self.cluster.starts.get(&record.uid) {
                let detail = format!("the record of {} is of another start", well.name);
                return Some((Property::Records, detail));
            }
            if record.peer_id != Some(well.peer) || at != Some(well.ip) {
                let detail = format!(
                    "{} is {} at {}, its record says {record}",
                    well.name, well.peer, well.ip
                );
                return Some((Property::Records, detail));
            }
            let needless = record.addresses.iter().skip(1).any(|address| {
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
                let needed = record.peer_id.is_none()
                    && !record.retired.is_empty()
                    && !self.remembers_needlessly(wells, record);
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
        !self.policy.links.protect || self.filtered(near, far) || self.filtered(far, near)
    }

    /// No node has an entry of ours for somebody who is gone, or with an address that is no more.
    fn leftover(&self, wells: &[Well]) -> Option<(Property, String)> {
        let present: BTreeMap<PeerId, &Well> = wells.iter().map(|well| (well.peer, well)).collect();
        for well in wells {
            for (peer, address) in self.audit.ours(well.node) {
                let current = present.get(peer).is_some_and(|far| {
                    Some(far.ip) == address.ip() || self.nothing_added(well, far)
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
    fn filters_left(&self, wells: &[Well]) -> Option<(Property, String)> {
        let gives = self.policy.mode == Mode::Release
            || (self.policy.mode == Mode::Enforce && self.policy.filters == FilterPolicy::Report);
        for well in wells.iter().filter(|_| gives) {
            let live = self.world.filters(well.node).unwrap_or_default();
            for taken in self.audit.owed.get(&well.peer).into_iter().flatten() {
                if !live.iter().any(|text| **text == **taken) {
                    let detail = format!("{} was not given its filter {taken} back", well.name);
                    return Some((Property::Filters, detail));
                }
            }
        }
        None
    }

    /// Every wanted pair is connected directly, listed by both ends, and protected on both.
    fn unlinked(
        &self,
        wells: &[Well],
        last: &crate::controller::LastPass,
    ) -> Option<(Property, String)> {
        let by_name: BTreeMap<&MemberName, &Well> =
            wells.iter().map(|well| (&well.name, well)).collect();
        let mut wanted: BTreeSet<(&MemberName, &MemberName)> = BTreeSet::new();
        for report in &last.report.links {
            let link = &report.link;
            let (Some(a), Some(b)) = (by_name.get(&link.a), by_name.get(&link.b)) else {
                return Some((
                    Property::Linked,
                    format!("{link} is wanted with who is gone"),
                ));
            };
            wanted.insert((&link.a, &link.b));
            if self.filtered(a, b) || self.filtered(b, a) {
                continue;
            }
            if report.state != LinkState::Healthy {
                let why = report
                    .reason
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default();
                let detail = format!("{link} is reported {:?}: {why}", report.state);
                return Some((Property::Linked, detail));
            }
            if let Some(detail) = self.weak(a, b).or_else(|| self.weak(b, a)) {
                return Some((Property::Linked, detail));
            }
        }
        let full = wells.len() <= self.policy.topology.full_mesh_up_to as usize;
        if full && wanted.len() != wells.len() * wells.len().saturating_sub(1) / 2 {
            return Some((Property::Linked, "the full mesh lacks a pair".into()));
        }
        self.crowded(wells, &wanted)
    }

    /// No node has more entries of ours than its capacity, unless all of them are wanted.
    fn crowded(
        &self,
        wells: &[Well],
        wanted: &BTreeSet<(&MemberName, &MemberName)>,
    ) -> Option<(Property, String)> {
        // A wanted link that filters forbid keeps surplus links of its ends.
        if wells
            .iter()
            .any(|a| wells.iter().any(|b| self.filtered(a, b)))
        {
            return None;
        }
        for well in wells {
            let desired = wanted
                .iter()
                .filter(|(a, b)| **a == well.name || **b == well.name);
            let record = self.store.records.get(well.name.as_str());
            let capacity = record.and_then(|stored| stored.record.capacity);
            let capacity = capacity.unwrap_or(Capacity::Assumed).links() as usize;
            let most = capacity.max(desired.count());
            let known = |(peer, at): (&PeerId, &Address)| {
                !self.audit.excused.contains(&(*peer, at.clone()))
            };
            let ours = self
                .audit
                .ours(well.node)
                .filter(|entry| known(*entry))
                .count();
            if ours > most && !self.audit.is_liar(well.node) {
                let detail = format!(
                    "{} has {ours} entries of ours, at most {most} are due",
                    well.name
                );
                return Some((Property::Surplus, detail));
            }
        }
        None
    }

    /// Whether a node's filters keep it from another.
    fn filtered(&self, near: &Well, far: &Well) -> bool {
        let filters = self.world.filters(near.node).unwrap_or_default();
        let seen = self.world.node(far.node).spec().seen_as;
        let covers = |text: &String| {
            Filter::parse(text).is_ok_and(|filter| {
                filter.covers(far.ip) || seen.is_some_and(|seen| filter.covers(seen))
            })
        };
        filters.iter().any(covers)
    }

    /// What a node lacks of a link with another.
    fn weak(&self, near: &Well, far: &Well) -> Option<String> {
        let peers = self.world.peers(near.node).unwrap_or_default();
        let direct = |connection: &Connection| {
            connection.peer == far.peer
                && !connection.address.is_relayed()
                && (connection.direction == Direction::Inbound
                    || connection.address.ip() == Some(far.ip))
        };
        if !peers.iter().any(direct) {
            return Some(format!(
                "{} lists no connection with {}",
                near.name, far.name
            ));
        }
        let foreign = self.audit.is_foreign(near.node, &far.peer);
        let ours = self
            .audit
            .ours(near.node)
            .any(|(peer, _)| *peer == far.peer);
        let lied = self.audit.is_liar(near.node);
        (self.policy.links.protect && !foreign && !ours && !lied)
            .then(|| format!("{} has no entry for {}", near.name, far.name))
    }

    /// Nothing of ours is left on any node.
    fn unreleased(&self, wells: &[Well]) -> Option<(Property, String)> {
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
