//! Quiet: every fault ends, time passes, and all has to become well within a bound. Then nothing
//! may be called or written any more.

mod agents;
mod left;
mod links;
mod network;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use kubomesh_core::{LinkReport, MemberName, Mode, PeerId};
use kubomesh_model::NodeIndex;

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
    /// Its address on the storage network, if it is wanted and nobody else has it.
    storage: Option<IpAddr>,
}

impl Sim {
    /// Ends every fault and waits until all is well.
    pub(crate) fn quiet(&mut self) {
        self.end_faults();
        self.audit.quiet_since = self.now();
        let end = self.now() + BOUND;
        let trouble_or_due = |sim: &Self| sim.trouble().or_else(|| sim.due());
        let mut trouble = trouble_or_due(self);
        while trouble.is_some() && self.now() < end && !self.audit.is_broken() {
            self.run_until(self.now() + LOOK);
            self.end_twins();
            trouble = trouble_or_due(self);
        }
        if let Some((property, detail)) = trouble {
            let hours = BOUND.as_secs() / 3600;
            return self
                .audit
                .broke(property, format!("{hours} h after every fault: {detail}"));
        }
        if self.is_to_stay_well() {
            self.stay_well();
        }
        if let Err(contradiction) = self.world.audit() {
            self.audit.broke(Property::Model, contradiction);
        }
    }

    /// All is well: nothing is called or written any more, and it stays so.
    fn stay_well(&mut self) {
        let acts = self.audit.acts;
        self.run_until(self.now() + self.watch());
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

    /// How long all has to stay well.
    fn watch(&self) -> Duration {
        self.policy.resync.0 * SWEEPS + LOOK
    }

    fn end_faults(&mut self) {
        self.world.mend_all();
        self.audit.steered.carries(None);
        self.end_agents();
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
        if holder.state.membership.doubt.is_some() {
            return late("removals are held");
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
        let waits = |link: &LinkReport| {
            let held = link.held.as_ref();
            held.is_some_and(|held| held.until.is_some())
        };
        if last.report.surplus.iter().any(waits) {
            return late("surplus links wait for the budget or for a call");
        }
        if wells.iter().any(|well| self.keeps_filter(well)) {
            return late("a filter is still to be taken away");
        }
        let asked = |well: &Well| {
            let seen = holder.state.known.get(&well.name);
            seen.is_some_and(|seen| seen.failure.is_none() && seen.asked >= self.audit.quiet_since)
        };
        if !wells.iter().all(asked) {
            return late("a node did not answer yet");
        }
        if let Some(detail) = self.wrong_way(&wells, last) {
            return Some((Property::Agents, detail));
        }
        let records = self.untrue_record(&wells);
        if self.policy.mode == Mode::Observe {
            return records;
        }
        records
            .or_else(|| self.leftover(&wells))
            .or_else(|| self.filters_left(&wells))
            .or_else(|| self.steering_left(&wells))
            .or_else(|| match self.policy.mode {
                Mode::Release => self.unreleased(&wells),
                _ => self.unlinked(&wells, last),
            })
    }

    /// Whether all stays as it is once it is well: links that are not protected are trimmed and made
    /// again for ever; those that a filter forbids one end and not the other come up by Kubo's own
    /// redials.
    fn is_to_stay_well(&self) -> bool {
        self.policy.links.protect && !self.half_filtered()
    }

    /// Something that is due while it is watched whether all stays well.
    fn due(&self) -> Option<(Property, String)> {
        if !self.is_to_stay_well() {
            return None;
        }
        let last = self.controller(self.holder()?).last.as_ref()?;
        let due = last.report.at + last.report.next_due?;
        let soon = due > self.now() && due <= self.now() + self.watch();
        let late = || (Property::Settled, "something is due in a moment".to_owned());
        soon.then(late)
    }

    /// The pods that live, with their processes.
    fn wells(&self) -> Vec<Well> {
        let wanted = self.policy.network.attachment.is_some();
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
                storage: object.storage.filter(|_| wanted),
            })
        };
        let mut wells: Vec<Well> = self.cluster.places.iter().filter_map(place).collect();
        let all: Vec<Option<IpAddr>> = wells.iter().map(|well| well.storage).collect();
        for well in &mut wells {
            let same = all.iter().filter(|ip| **ip == well.storage).count();
            well.storage = well.storage.filter(|_| same == 1);
        }
        wells
    }
}
