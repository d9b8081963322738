//! The agents beside the Kubos: which runs where, and what comes through it.

use std::collections::BTreeMap;

use kubomesh_core::{Failure, FailureKind, Reading};
use kubomesh_model::NodeIndex;

use crate::audit::Property;
use crate::controller::task::Wire;
use crate::queue::{Request, To};
use crate::rules::Rule;
use crate::sim::Sim;
use crate::story::agents::{AgentsEvent, AgentsMode, Beside};
use crate::story::event::{Replica, Slot};
use crate::truth::cluster::Cluster;
use crate::truth::rpc::Verb;

/// All agents, and whether they are asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Agents {
    /// `spec.agents.mode`.
    pub(crate) mode: AgentsMode,
    beside: BTreeMap<Slot, Beside>,
    /// How often what runs there became another.
    lives: BTreeMap<Slot, u32>,
    /// What each node's agent last told of: a change of this is a change of what it lists.
    told: BTreeMap<NodeIndex, u64>,
}

// === impl Agents ===

impl Agents {
    /// Nothing runs anywhere yet.
    pub(crate) fn new(mode: AgentsMode) -> Self {
        Self {
            mode,
            ..Self::default()
        }
    }

    /// What runs beside the Kubo of a pod.
    pub(crate) fn beside(&self, slot: Slot) -> Beside {
        self.beside.get(&slot).copied().unwrap_or_default()
    }

    fn life(&self, slot: Slot) -> u32 {
        self.lives.get(&slot).copied().unwrap_or_default()
    }

    fn runs(&mut self, slot: Slot, beside: Beside) {
        self.beside.insert(slot, beside);
        *self.lives.entry(slot).or_default() += 1;
    }
}

impl Sim {
    /// Something happens to agents.
    pub(crate) fn agents_event(&mut self, event: AgentsEvent) {
        match event {
            AgentsEvent::Runs { slot, beside } => {
                self.agents.runs(slot, beside);
                self.rings(slot);
            }
            AgentsEvent::Mode(mode) => {
                self.agents.mode = mode;
                // The loop looks at a policy that changed.
                self.policy = std::sync::Arc::new((*self.policy).clone());
                for replica in Replica::BOTH {
                    let who = self.controller(replica).who(replica);
                    self.queue.push(self.now(), crate::queue::Job::Wake(who));
                }
            }
        }
    }

    /// Where nobody may go round an agent, every one becomes one that can be used.
    pub(crate) fn end_agents(&mut self) {
        if self.agents.mode != AgentsMode::Required {
            return;
        }
        let slots: Vec<Slot> = self.cluster.places.keys().copied().collect();
        for slot in slots {
            if !self.agents.beside(slot).is_usable() {
                self.agents.runs(slot, Beside::Same);
            }
        }
    }

    fn slot_of(&self, node: NodeIndex) -> Option<Slot> {
        let mut places = self.cluster.places.iter();
        let place = places.find(|(_, place)| place.process == Some(node));
        place.map(|(slot, _)| *slot)
    }

    /// Whether an agent that can be used is beside a node.
    pub(crate) fn is_attended(&self, node: NodeIndex) -> bool {
        let slot = self.slot_of(node);
        slot.is_some_and(|slot| self.agents.beside(slot).is_usable())
    }

    /// The life of the agent beside a node, if one listens.
    pub(crate) fn agent_of(&self, node: NodeIndex) -> Option<u32> {
        let slot = self.slot_of(node)?;
        let listens = self.agents.beside(slot).listens();
        listens.then(|| self.agents.life(slot))
    }

    /// What an agent says to a request in place of the Kubo; `Ok`: the Kubo is asked.
    pub(crate) fn through_agent(&mut self, request: &Request, node: NodeIndex) -> Reading<()> {
        let beside = self.slot_of(node).map(|slot| self.agents.beside(slot));
        let beside = beside.unwrap_or_default();
        let refused = |kind, text: &str| Err(Failure::new(kind, text));
        match request.to {
            To::Ip(_) | To::Wire(Wire { agent: None, .. }) => Ok(()),
            To::Agent(_) => match (beside.listens(), beside.passes()) {
                (false, _) => refused(FailureKind::Refused, "no agent answers"),
                (true, false) if !self.rules.lacks(Rule::VersionGate) => refused(
                    FailureKind::UnknownCommand,
                    "the agent's version does not fit",
                ),
                _ => Ok(()),
            },
            // It ended while the request waited.
            To::Wire(wire) if wire.agent != self.agent_of(node) => {
                refused(FailureKind::Disconnected, "the channel ended")
            }
            To::Wire(wire) => {
                if !beside.is_usable() {
                    let who = request.who;
                    let detail = format!("{who} asks by way of {beside}: {:?}", request.verb);
                    self.audit.broke(Property::Agents, detail);
                }
                let shown = self.world.node(node).spec().peer_id;
                let checks = !self.rules.lacks(Rule::ExpectedPeer) || request.verb == Verb::Open;
                match wire.shown == Some(shown) || !checks {
                    true => Ok(()),
                    false => refused(
                        FailureKind::WrongIdentity,
                        "another Kubo is behind the agent",
                    ),
                }
            }
        }
    }

    /// Agents tell those who are connected with them what changed.
    pub(crate) fn agents_tell(&mut self) {
        if self.agents.mode == AgentsMode::Off {
            return;
        }
        let places = self.cluster.places.iter();
        let live = places.filter_map(|(slot, place)| Some((*slot, place.process?)));
        let mut changed = Vec::new();
        for (slot, node) in live {
            let revision = self.world.node(node).revision();
            if self.agents.beside(slot).is_usable()
                && self.agents.told.insert(node, revision) != Some(revision)
            {
                changed.push(slot);
            }
        }
        for slot in changed {
            self.rings(slot);
        }
    }

    /// Whoever is connected with a pod's agent is woken for its member.
    fn rings(&mut self, slot: Slot) {
        let Some(node) = self.cluster.process(slot) else {
            return;
        };
        for replica in Replica::BOTH {
            let deaf = self.unheard.contains_key(&(replica, node));
            let controller = self.controller_mut(replica);
            if !deaf && controller.alive && controller.follows(node) {
                let who = controller.who(replica);
                controller.wakes(Cluster::name(slot));
                self.queue
                    .push(self.world.now(), crate::queue::Job::Wake(who));
            }
        }
    }
}
