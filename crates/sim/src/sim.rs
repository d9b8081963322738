//! The whole: nodes, pods, records and two controllers under one virtual clock.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kubomesh_core::{MeshId, Policy, Timestamp, Timings};
use kubomesh_model::{NodeIndex, Ticket, World};

use crate::audit::Audit;
use crate::controller::{Controller, Who};
use crate::queue::{Job, Queue, Request};
use crate::rules::Rules;
use crate::story::Story;
use crate::story::event::Replica;
use crate::truth::agents::Agents;
use crate::truth::cluster::Cluster;
use crate::truth::rpc::Behaviour;
use crate::truth::store::Store;

/// Where stories begin: 2026-01-01.
const BEGINNING: Timestamp = Timestamp(1_767_225_600_000);

/// Everything that there is.
pub(crate) struct Sim {
    pub(crate) world: World,
    pub(crate) cluster: Cluster,
    pub(crate) store: Store,
    pub(crate) mesh: MeshId,
    pub(crate) policy: Arc<Policy>,
    pub(crate) timings: Timings,
    pub(crate) rules: Rules,
    pub(crate) agents: Agents,
    pub(crate) behaviours: BTreeMap<NodeIndex, Behaviour>,
    /// Who does not hear whom; whether what the controller sends still arrives.
    pub(crate) unheard: BTreeMap<(Replica, NodeIndex), bool>,
    pub(crate) a: Controller,
    pub(crate) b: Controller,
    /// Requests that wait for a dial of the node.
    pub(crate) dialling: BTreeMap<Ticket, Request>,
    /// Requests that a hanging node has taken.
    pub(crate) hung: BTreeMap<NodeIndex, Vec<Request>>,
    /// Dead controllers whose requests still arrive.
    pub(crate) ghosts: BTreeSet<Who>,
    pub(crate) queue: Queue,
    pub(crate) audit: Audit,
}

// === impl Sim ===

impl Sim {
    /// The beginning of a story: no pods, controller A with the lease, B beside it.
    pub(crate) fn new(story: &Story, rules: Rules) -> Self {
        let mesh = MeshId {
            namespace: "ipfs".into(),
            name: "fleet".into(),
            uid: format!("mesh-{}", story.seed).into(),
        };
        let one_contact = !rules.lacks(crate::rules::Rule::AddressBeforeIdentity);
        let mut sim = Self {
            world: World::new(story.settings(), story.seed, BEGINNING),
            cluster: Cluster::default(),
            store: Store::default(),
            policy: Arc::new(story.policy.clone()),
            timings: story.timings,
            rules,
            agents: Agents::new(story.agents),
            behaviours: BTreeMap::new(),
            unheard: BTreeMap::new(),
            a: Controller::new(&mesh, one_contact, story.timings.probe_max),
            b: Controller::new(&mesh, one_contact, story.timings.probe_max),
            dialling: BTreeMap::new(),
            hung: BTreeMap::new(),
            ghosts: BTreeSet::new(),
            queue: Queue::default(),
            audit: Audit::default(),
            mesh,
        };
        for replica in Replica::BOTH {
            sim.start_controller(replica);
        }
        sim.take_lease(Replica::A);
        sim
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.world.now()
    }

    pub(crate) fn controller(&self, replica: Replica) -> &Controller {
        match replica {
            Replica::A => &self.a,
            Replica::B => &self.b,
        }
    }

    pub(crate) fn controller_mut(&mut self, replica: Replica) -> &mut Controller {
        match replica {
            Replica::A => &mut self.a,
            Replica::B => &mut self.b,
        }
    }

    /// The controller of a life, if it still lives it.
    pub(crate) fn living(&mut self, who: Who) -> Option<&mut Controller> {
        let controller = self.controller_mut(who.replica);
        (controller.alive && controller.life == who.life).then_some(controller)
    }

    pub(crate) fn behaviour(&mut self, node: NodeIndex) -> &mut Behaviour {
        self.behaviours.entry(node).or_default()
    }

    /// Lets time pass until `to`, or until a rule is found broken.
    pub(crate) fn run_until(&mut self, to: Timestamp) {
        self.hearing();
        while !self.audit.is_broken() {
            let job = self.queue.next().filter(|at| *at <= to);
            let next = match (job, self.dialling.is_empty()) {
                (job, true) => job,
                (job, false) => {
                    let world = self.world.next_due().filter(|at| *at <= to);
                    job.into_iter().chain(world).min()
                }
            };
            let Some(at) = next else { break };
            self.world.advance(at);
            self.settle();
            self.agents_tell();
            while self.queue.next().is_some_and(|due| due <= at) && !self.audit.is_broken() {
                if let Some(job) = self.queue.pop() {
                    self.execute(job);
                }
                self.hearing();
            }
        }
        self.world.advance(to);
        self.settle();
    }

    fn execute(&mut self, job: Job) {
        match job {
            Job::Arrive(request) => self.arrive(*request),
            Job::Answer(request, result, wire) => self.answered(*request, result, wire),
            Job::Timeout(request) => self.timed_out(*request),
            Job::Patience(who, wait) => self.patience(who, wait),
            Job::Wake(who) => self.woken(who),
            Job::Hear(who) => self.hear(who),
            Job::Store(who, write) => self.store_arrives(who, *write),
            Job::Stored(who, name, result) => self.stored(who, &name, result),
            Job::Start(replica) => self.start_controller(replica),
            Job::Lease(replica) => self.lease_due(replica),
            Job::EndSplit(who) => self.end_split(who),
            Job::Pod(slot, job) => self.pod_job(slot, job),
        }
    }

    /// Dials that have ended answer the calls that waited for them.
    fn settle(&mut self) {
        if self.dialling.is_empty() {
            return;
        }
        let ended: Vec<Ticket> = self.world.settled().collect();
        for ticket in ended {
            let (Some(end), Some(request)) =
                (self.world.take(ticket), self.dialling.remove(&ticket))
            else {
                continue;
            };
            self.dialled(request, end);
        }
    }
}
