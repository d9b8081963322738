//! What becomes of pods: created, restarted, moved, deleted, lost.

use std::net::IpAddr;
use std::time::Duration;

use kubomesh_core::{ContainerStart, Timestamp};
use kubomesh_model::{NodeIndex, NodeSpec, Stop};

use super::cluster::{Cluster, PodObject};
use super::wiring::{self, interfaces};
use crate::queue::{Job, PodJob};
use crate::sim::Sim;
use crate::story::event::{Deletion, End, Repo, Slot, Traits};

/// From a pod's creation until its process runs and it is Ready, at least.
const LEAST_START: Duration = Duration::from_millis(300);

impl Sim {
    /// A pod comes up, with the repo of the last one of its name.
    pub(crate) fn create_pod(&mut self, slot: Slot, traits: Traits, ready: Duration) {
        self.create_pod_at(slot, traits, ready, None);
    }

    /// A pod comes up at an IP, or at a new one.
    fn create_pod_at(&mut self, slot: Slot, traits: Traits, ready: Duration, ip: Option<IpAddr>) {
        if self.cluster.object(slot).is_some() {
            return;
        }
        if let Some(node) = self.cluster.process(slot) {
            self.end_process(slot, node, Stop::Silent);
        }
        let now = self.now();
        let ip = ip.unwrap_or_else(|| self.cluster.new_ip());
        let uid = self.cluster.new_uid();
        let repo = self
            .cluster
            .place(slot)
            .and_then(|place| place.repo.clone());
        let storage = self.attached(traits);
        let spec = self.spec((slot, &uid), traits, repo, (ip, storage));
        let node = self.world.launch(spec);
        self.runs(slot, node);
        let container = ContainerStart {
            restarts: 0,
            id: format!("{uid}/0").into(),
        };
        self.cluster.starts.insert(uid.clone(), container.clone());
        self.cluster.owners.insert(uid.clone(), node);
        self.cluster.place_mut(slot).traits = traits;
        let object = PodObject {
            name: Cluster::name(slot),
            uid: uid.clone(),
            ip,
            zone: format!("zone-{}", traits.zone).into(),
            ready: false,
            created: Timestamp(now.0 / 1000 * 1000),
            container,
            terminating: false,
            ended: false,
            asks: self.asks(traits),
            storage: storage.filter(|_| traits.wiring.told.is_zero()),
        };
        self.cluster.put(slot, Some(object), now);
        if storage.is_some() && !traits.wiring.told.is_zero() {
            let told = now + traits.wiring.told;
            self.queue
                .push(told, Job::Pod(slot, PodJob::Attached(uid.clone())));
        }
        self.behaviour(node).affected = traits.wiring.affected;
        self.queue.push(
            now + ready.max(LEAST_START),
            Job::Pod(slot, PodJob::Ready(uid)),
        );
    }

    /// What a pod's process is started with.
    fn spec(
        &mut self,
        (slot, uid): (Slot, &kubomesh_core::MemberUid),
        traits: Traits,
        repo: Option<NodeSpec>,
        (ip, storage): (IpAddr, Option<IpAddr>),
    ) -> NodeSpec {
        let mut spec = match repo {
            Some(spec) => spec,
            None => {
                let identity = self.cluster.new_identity();
                let fresh = NodeSpec::new("", identity, ip);
                if traits.server {
                    fresh.server_profile()
                } else {
                    fresh
                }
            }
        };
        spec.name = format!("{slot}/{uid}").into();
        spec.interfaces = interfaces(ip, storage);
        wiring::started(&mut spec, traits.wiring.start, traits.server);
        spec.online = true;
        if let Some((low, high)) = traits.water {
            spec = spec.water(low, high);
        }
        spec.seen_as = traits.rewritten.then(|| rewritten(ip));
        spec
    }

    /// Notes that a process runs, at the addresses of its host.
    fn runs(&mut self, slot: Slot, node: NodeIndex) {
        let now = self.now();
        let spec = self.world.node(node).spec().clone();
        for interface in &spec.interfaces {
            self.cluster.addresses.insert(interface.ip, node);
        }
        self.cluster.silent.remove(&node);
        self.cluster.lives(node, spec.peer_id, now);
        self.cluster.place_mut(slot).process = Some(node);
        self.audit.started(node, &spec, now);
    }

    /// Ends a pod's process for good: its repo is kept.
    pub(crate) fn end_process(&mut self, slot: Slot, node: NodeIndex, how: Stop) {
        self.stop(node, how);
        let spec = self.world.node(node).spec().clone();
        let place = self.cluster.place_mut(slot);
        place.repo = Some(spec);
        place.process = None;
    }

    /// Stops a process.
    fn stop(&mut self, node: NodeIndex, how: Stop) {
        let now = self.now();
        self.world.stop(node, how);
        self.cluster.dies(node, now);
        self.audit.stopped(node);
        self.hung.remove(&node);
        if how == Stop::Silent {
            self.silence(node);
            return;
        }
        for controller in [&mut self.a, &mut self.b] {
            if controller.alive {
                controller.lines_closed(node);
            }
        }
        self.wake_both();
    }

    /// A host answers nobody any more.
    fn silence(&mut self, node: NodeIndex) {
        self.cluster.silent.insert(node);
        self.cluster.addresses.retain(|_, at| *at != node);
    }

    /// A container is started anew in its pod.
    pub(crate) fn restart_pod(&mut self, slot: Slot, end: End, repo: Repo, told: Duration) {
        let Some(node) = self.cluster.process(slot) else {
            return;
        };
        let how = match end {
            End::Loud => Stop::Closed,
            End::Silent => Stop::Silent,
        };
        self.stop(node, how);
        self.start_anew(slot, node, repo, told);
    }

    /// A stopped process starts anew under the same pod.
    fn start_anew(&mut self, slot: Slot, node: NodeIndex, repo: Repo, told: Duration) {
        if repo == Repo::Lost {
            let identity = self.cluster.new_identity();
            let spec = self.world.spec_mut(node);
            spec.peer_id = identity;
            spec.saved_filters.clear();
            spec.config_peering.clear();
        }
        self.world.start(node);
        self.runs(slot, node);
        let Some(uid) = self.cluster.object(slot).map(|object| object.uid.clone()) else {
            return;
        };
        if let Some(start) = self.cluster.starts.get_mut(&uid) {
            start.restarts += 1;
            start.id = format!("{uid}/{}", start.restarts).into();
        }
        self.queue
            .push(self.now() + told, Job::Pod(slot, PodJob::Told(uid)));
    }

    /// A pod gets another IP: its container starts anew there.
    pub(crate) fn readdress_pod(&mut self, slot: Slot, told: Duration) {
        let Some(node) = self.cluster.process(slot) else {
            return;
        };
        self.stop(node, Stop::Silent);
        let ip = self.cluster.new_ip();
        let rewrite = self
            .cluster
            .place(slot)
            .is_some_and(|place| place.traits.rewritten);
        let spec = self.world.spec_mut(node);
        let storage = wiring::storage_ip(spec);
        spec.rehome(interfaces(ip, storage));
        spec.seen_as = rewrite.then(|| rewritten(ip));
        self.start_anew(slot, node, Repo::Kept, told);
    }

    /// A daemon is started anew, offline or online.
    pub(crate) fn restart_offline(&mut self, slot: Slot, offline: bool) {
        let Some(node) = self.cluster.process(slot) else {
            return;
        };
        if self.world.node(node).is_online() != offline {
            return;
        }
        self.stop(node, Stop::Closed);
        self.world.spec_mut(node).online = !offline;
        self.start_anew(slot, node, Repo::Kept, LEAST_START);
    }

    /// A pod goes.
    pub(crate) fn delete_pod(&mut self, slot: Slot, how: Deletion) {
        let now = self.now();
        let Some(object) = self.cluster.object(slot).cloned() else {
            return;
        };
        let uid = object.uid.clone();
        match how {
            Deletion::Graceful => {
                self.cluster
                    .change(slot, None, now, |object| object.terminating = true);
                let ends = now + Duration::from_millis(700);
                self.queue
                    .push(ends, Job::Pod(slot, PodJob::Ends(uid.clone())));
                let gone = now + Duration::from_millis(900);
                self.queue.push(gone, Job::Pod(slot, PodJob::Gone(uid)));
            }
            Deletion::Forced => {
                self.cluster.put(slot, None, now);
                let ends = now + Duration::from_millis(1_500);
                self.queue.push(ends, Job::Pod(slot, PodJob::Ends(uid)));
            }
            Deletion::HostLost => {
                if let Some(node) = self.cluster.process(slot) {
                    self.end_process(slot, node, Stop::Silent);
                }
                self.cluster
                    .change(slot, None, now, |object| object.ready = false);
            }
        }
    }

    /// A pod is deleted and another of its name comes up.
    pub(crate) fn replace_pod(&mut self, slot: Slot, repo: Repo, gap: Duration) {
        let now = self.now();
        if self.cluster.object(slot).is_none() {
            return;
        }
        if let Some(node) = self.cluster.process(slot) {
            self.stop(node, Stop::Closed);
            self.end_process(slot, node, Stop::Silent);
        }
        if repo == Repo::Lost {
            self.cluster.place_mut(slot).repo = None;
        }
        self.cluster.put(slot, None, now);
        let traits = self.cluster.place_mut(slot).traits;
        self.queue
            .push(now + gap, Job::Pod(slot, PodJob::Create(traits)));
    }

    /// A pod's process vanishes, its object stays, and a new pod gets its IP.
    pub(crate) fn steal_ip(&mut self, from: Slot, by: Slot, ready: bool) {
        let (Some(node), Some(object), None) = (
            self.cluster.process(from),
            self.cluster.object(from).cloned(),
            self.cluster.object(by),
        ) else {
            return;
        };
        let ip = self
            .world
            .node(node)
            .spec()
            .interfaces
            .first()
            .map(|interface| interface.ip);
        self.end_process(from, node, Stop::Silent);
        let now = self.now();
        if !ready {
            self.cluster
                .change(from, Some(&object.uid), now, |object| object.ready = false);
        }
        let traits = self.cluster.place_mut(by).traits;
        self.create_pod_at(by, traits, LEAST_START, ip);
    }

    /// A pod object without a process goes.
    pub(crate) fn forget_pod(&mut self, slot: Slot) {
        if self.cluster.process(slot).is_none() {
            self.cluster.put(slot, None, self.world.now());
        }
    }

    /// A pod comes up with a copy of another's repo.
    pub(crate) fn clone_pod(&mut self, slot: Slot, of: Slot) {
        let Some(node) = self.cluster.process(of).filter(|_| slot != of) else {
            return;
        };
        if self.cluster.object(slot).is_some() || self.cluster.process(slot).is_some() {
            return;
        }
        let spec = self.world.node(node).spec().clone();
        self.cluster.place_mut(slot).repo = Some(spec);
        self.create_pod(slot, Traits::default(), LEAST_START);
    }

    /// A pod's containers end for good.
    pub(crate) fn finish_pod(&mut self, slot: Slot) {
        let Some(node) = self.cluster.process(slot) else {
            return;
        };
        self.stop(node, Stop::Closed);
        self.end_process(slot, node, Stop::Silent);
        self.cluster.change(slot, None, self.world.now(), |object| {
            object.ended = true;
            object.ready = false;
        });
    }

    /// Something becomes of a pod by itself.
    pub(crate) fn pod_job(&mut self, slot: Slot, job: PodJob) {
        let now = self.now();
        match job {
            PodJob::Ready(uid) => {
                let runs = self.cluster.process(slot).is_some();
                self.cluster
                    .change(slot, Some(&uid), now, |object| object.ready |= runs);
            }
            PodJob::Told(uid) => {
                let start = self.cluster.starts.get(&uid).cloned();
                let node = self.cluster.process(slot);
                let ip = node.and_then(|node| {
                    self.world
                        .node(node)
                        .spec()
                        .interfaces
                        .first()
                        .map(|interface| interface.ip)
                });
                self.cluster.change(slot, Some(&uid), now, |object| {
                    object.container = start.unwrap_or_default();
                    object.ip = ip.unwrap_or(object.ip);
                });
            }
            PodJob::Attached(uid) => {
                let node = self.cluster.owners.get(&uid).copied();
                let ip = node.and_then(|node| wiring::storage_ip(self.world.node(node).spec()));
                self.cluster
                    .change(slot, Some(&uid), now, |object| object.storage = ip);
            }
            PodJob::Ends(uid) => {
                let owner = self.cluster.owners.get(&uid).copied();
                if let Some(node) = self
                    .cluster
                    .process(slot)
                    .filter(|node| Some(*node) == owner)
                {
                    self.stop(node, Stop::Closed);
                    self.end_process(slot, node, Stop::Silent);
                }
            }
            PodJob::Gone(uid) => {
                if self
                    .cluster
                    .object(slot)
                    .is_some_and(|object| object.uid == uid)
                {
                    self.cluster.put(slot, None, now);
                }
            }
            PodJob::Create(traits) => self.create_pod(slot, traits, LEAST_START),
        }
    }
}

/// The source address that others see of a node whose address is rewritten.
fn rewritten(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) => {
            let [_, b, c, d] = ip.octets();
            IpAddr::V4(std::net::Ipv4Addr::new(172, 16 + (b & 15), c, d))
        }
        ip => ip,
    }
}
