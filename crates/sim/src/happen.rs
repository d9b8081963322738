//! Events happen: each in its turn, at its time.

mod network;
mod owners;

use std::sync::Arc;
use std::time::Duration;

use kubomesh_core::Degree;
use kubomesh_model::{Cut, NodeIndex};

use crate::controller::{Doom, Who};
use crate::queue::Job;
use crate::sim::Sim;
use crate::story::event::{Event, PolicyChange, Replica, Slot};
use crate::views::pods::Short;

impl Sim {
    /// An event happens now.
    pub(crate) fn happen(&mut self, event: &Event) {
        match event {
            Event::Create {
                slot,
                traits,
                ready,
            } => self.create_pod(*slot, *traits, *ready),
            Event::Ready { slot, ready } => self.set_ready(*slot, *ready),
            Event::Delete { slot, how } => self.delete_pod(*slot, *how),
            Event::Replace { slot, repo, gap } => self.replace_pod(*slot, *repo, *gap),
            Event::Restart {
                slot,
                end,
                repo,
                told,
            } => {
                self.restart_pod(*slot, *end, *repo, *told);
            }
            Event::Readdress { slot, told } => self.readdress_pod(*slot, *told),
            Event::StealIp { from, by, ready } => self.steal_ip(*from, *by, *ready),
            Event::Forget { slot } => self.forget_pod(*slot),
            Event::Clone { slot, of } => self.clone_pod(*slot, *of),
            Event::Finish { slot } => self.finish_pod(*slot),
            Event::Offline { slot, offline } => self.restart_offline(*slot, *offline),
            Event::Policy(change) => self.change_policy(*change),
            Event::Network(event) => self.network(event),
            Event::Agents(event) => self.agents_event(*event),
            Event::Quiet => self.quiet(),
            _ => self.happen_to_nodes(event),
        }
        self.hearing();
    }

    fn happen_to_nodes(&mut self, event: &Event) {
        match event {
            Event::CutPair { slot, of } => {
                if let (Some(a), Some(b)) = (self.up(*slot), self.up(*of))
                    && a != b
                {
                    self.world.cut(Cut::Pair(a, b));
                }
            }
            Event::CutNode { slot } => {
                if let Some(node) = self.up(*slot) {
                    self.world.cut(Cut::Node(node));
                }
            }
            Event::Mend => {
                self.world.mend_all();
                self.audit.steered.carries(None);
            }
            Event::Hang { slot } => self.behave(*slot, |behaviour| behaviour.hangs = true),
            Event::Slow { slot, latency } => {
                self.behave(*slot, |behaviour| behaviour.slow = *latency);
            }
            Event::Prompt { slot } => {
                if let Some(node) = self.up(*slot) {
                    self.prompt(node);
                }
            }
            Event::LoseAnswers { slot, count } => {
                self.behave(*slot, |behaviour| behaviour.losing = *count);
            }
            Event::Unheard {
                replica,
                slot,
                one_way,
            } => {
                if let Some(node) = self.up(*slot) {
                    self.unheard.insert((*replica, node), *one_way);
                }
            }
            Event::Heard => self.unheard.clear(),
            Event::Lie { slot, lie } => {
                self.behave(*slot, |behaviour| behaviour.lie = Some(*lie));
                if let Some(node) = self.up(*slot) {
                    self.audit.lies(node);
                }
            }
            Event::Honest { slot } => self.behave(*slot, |behaviour| behaviour.lie = None),
            Event::Dial { slot, of } => self.habit(*slot, *of),
            Event::Circuit { slot, of } => self.circuit(*slot, *of),
            _ => self.happen_by_owners(event),
        }
    }

    fn happen_by_owners(&mut self, event: &Event) {
        match event {
            Event::OwnerFilters { slot, filter } => self.owner_filters(*slot, *filter),
            Event::OwnerUnfilters { slot } => self.owner_unfilters(*slot),
            Event::OwnerPeers {
                slot,
                of,
                form,
                config,
            } => {
                self.owner_peers(*slot, *of, *form, *config);
            }
            Event::OwnerUnpeers { slot, of } => self.owner_unpeers(*slot, *of),
            Event::OwnerDisconnects { slot, of } => {
                if let (Some(a), Some(b)) = (self.up(*slot), self.up(*of)) {
                    let peer = self.world.node(b).spec().peer_id;
                    let _ = self.world.disconnect(a, &[&format!("/p2p/{peer}")]);
                }
            }
            _ => self.happen_to_controllers(event),
        }
    }

    fn happen_to_controllers(&mut self, event: &Event) {
        let now = self.now();
        match event {
            Event::Kill {
                replica,
                steps,
                arrives,
                down,
            } => {
                let doom = Doom::Kill {
                    arrives: *arrives,
                    down: *down,
                };
                self.controller_mut(*replica).doom = Some((*steps, doom));
            }
            Event::LoseLease { steps, gap } => {
                if let Some(holder) = self.holder() {
                    let doom = Doom::Lease { gap: *gap };
                    self.controller_mut(holder).doom = Some((*steps, doom));
                }
            }
            Event::Split { span } => self.split(*span),
            Event::PodLag { replica, lag } => self.controller_mut(*replica).pods.lag = *lag,
            Event::RecordLag { replica, lag } => self.controller_mut(*replica).ledger.lag = *lag,
            Event::Freeze { replica } => self.freeze(*replica),
            Event::Thaw { replica } => self.thaw(*replica),
            Event::ShortLists {
                replica,
                percent,
                span,
            } => {
                let short = Short {
                    percent: *percent,
                    until: now + *span,
                };
                self.controller_mut(*replica).pods.short = Some(short);
                self.thaw(*replica);
            }
            Event::StoreFails { count, done } => self.store.failing = Some((*count, *done)),
            Event::RecordDeleted { slot } => {
                let name = slot.to_string();
                if let Some(stored) = self.store.records.get(&name).cloned() {
                    self.audit.excuse(&stored.record);
                    self.audit.forgive(&stored.record.member, None);
                    self.audit.steered.forgive(&stored.record);
                    self.store.delete(&name, now);
                    self.audit.rewound(now);
                    // Nobody knows any more what its node was given.
                    if let Some(node) = self.cluster.process(*slot) {
                        self.audit.lies(node);
                    }
                }
            }
            Event::StoreRestored { age } => self.restore(*age),
            _ => {}
        }
        for replica in Replica::BOTH {
            self.controller_mut(replica).hear_at = None;
        }
    }

    /// The running process of a pod.
    pub(crate) fn up(&self, slot: Slot) -> Option<NodeIndex> {
        self.cluster
            .process(slot)
            .filter(|node| self.world.node(*node).is_up())
    }

    fn set_ready(&mut self, slot: Slot, ready: bool) {
        let runs = self.cluster.process(slot).is_some();
        let now = self.now();
        self.cluster
            .change(slot, None, now, |object| object.ready = ready && runs);
    }

    fn behave(&mut self, slot: Slot, change: impl FnOnce(&mut crate::truth::rpc::Behaviour)) {
        if let Some(node) = self.up(slot) {
            change(self.behaviour(node));
        }
    }

    /// A node's API is prompt again; what waited for it is done now.
    pub(crate) fn prompt(&mut self, node: NodeIndex) {
        let behaviour = self.behaviour(node);
        behaviour.hangs = false;
        behaviour.slow = Duration::ZERO;
        behaviour.losing = 0;
        for request in self.hung.remove(&node).unwrap_or_default() {
            self.execute_at(request, node);
        }
    }

    fn habit(&mut self, slot: Slot, of: Slot) {
        let (Some(a), Some(b)) = (self.up(slot), self.up(of)) else {
            return;
        };
        let peer = self.world.node(b).spec().peer_id;
        self.world.step(kubomesh_model::Event::Dial(a, peer));
    }

    fn circuit(&mut self, slot: Slot, of: Slot) {
        let (Some(a), Some(b)) = (self.up(slot), self.up(of)) else {
            return;
        };
        let online = self.world.node(a).is_online() && self.world.node(b).is_online();
        let peers = [a, b].map(|node| self.world.node(node).spec().peer_id);
        let apart = |node, peer| {
            self.world.connectedness(node, peer) == kubomesh_model::Connectedness::NotConnected
        };
        if a != b && online && peers[0] != peers[1] && apart(a, peers[1]) && apart(b, peers[0]) {
            let relay = kubomesh_model::peer_id(u64::MAX);
            let via = format!("/ip4/10.255.0.1/tcp/4001/p2p/{relay}");
            self.world.circuit(a, b, &via, false);
        }
    }

    fn split(&mut self, span: Duration) {
        let Some(holder) = self.holder() else { return };
        let other = holder.other();
        if !self.controller(other).alive || self.controller(other).fence {
            return;
        }
        self.take_lease(other);
        self.audit.two_act(self.now() + span);
        let who = Who {
            replica: holder,
            life: self.controller(holder).life,
        };
        self.queue.push(self.now() + span, Job::EndSplit(who));
    }

    fn freeze(&mut self, replica: Replica) {
        let now = self.now();
        let controller = self.controller_mut(replica);
        controller.pods.frozen = true;
        let who = controller.who(replica);
        self.audit.silenced(who, now);
    }

    pub(crate) fn thaw(&mut self, replica: Replica) {
        let now = self.now();
        let controller = match replica {
            Replica::A => &mut self.a,
            Replica::B => &mut self.b,
        };
        controller.pods.frozen = false;
        let recorded = controller.ledger.recorded();
        controller.pods.list(&self.cluster, recorded.as_ref(), now);
        let shown = std::mem::take(&mut controller.pods.shown);
        let who = controller.who(replica);
        self.audit.unsilenced(who);
        self.audit.shown(who, shown, recorded.as_ref(), now);
        self.wake_both();
    }

    fn restore(&mut self, age: Duration) {
        let now = self.now();
        for stored in self.store.records.values() {
            self.audit.excuse(&stored.record);
            self.audit.forgive(&stored.record.member, None);
            self.audit.steered.forgive(&stored.record);
        }
        self.store.restore(now - age, now);
        self.audit.rewound(now);
        for stored in self.store.records.values() {
            self.audit.excuse(&stored.record);
        }
        for replica in Replica::BOTH {
            let controller = self.controller_mut(replica);
            controller.pods.restored(now);
            let who = controller.who(replica);
            self.audit.saw_restore(who, now);
        }
    }

    fn change_policy(&mut self, change: PolicyChange) {
        let mut policy = kubomesh_core::Policy::clone(&self.policy);
        match change {
            PolicyChange::Mode(mode) => policy.mode = mode,
            PolicyChange::Protect(protect) => policy.links.protect = protect,
            PolicyChange::FullMeshUpTo(most) => policy.topology.full_mesh_up_to = most,
            PolicyChange::Degree(0) => policy.topology.degree = Degree::Auto,
            PolicyChange::Degree(degree) => policy.topology.degree = Degree::Fixed(degree),
            PolicyChange::Filters(filters) => policy.filters = filters,
            PolicyChange::ForgetAfter(span) => policy.links.forget_after = span,
            PolicyChange::Network(change) => change.apply(&mut policy.network),
        }
        if policy != *self.policy {
            self.policy = Arc::new(policy);
            self.wake_both();
        }
    }

    /// Both controllers look whether there is something to do.
    pub(crate) fn wake_both(&mut self) {
        let now = self.now();
        for replica in Replica::BOTH {
            let controller = self.controller(replica);
            let who = Who {
                replica,
                life: controller.life,
            };
            if controller.alive {
                self.queue.push(now, Job::Wake(who));
            }
        }
    }
}
