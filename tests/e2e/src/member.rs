//! A member: a node and the pod that stands for it.

use std::collections::BTreeMap;

use crate::agent::{Agent, Beside};
use crate::dual::{Host, Network, PODS};
use crate::multus::{Form, Multus};
use crate::node::{Listen, Node, Settings};
use crate::pods::PodObject;

/// What a new member is.
#[derive(Debug, Clone)]
pub(crate) struct Spec {
    /// Name of its pod and of the lab's handle.
    pub(crate) name: String,
    /// Its host's zone; empty for none.
    pub(crate) zone: &'static str,
    /// Its namespace; empty for the scenario's own.
    pub(crate) namespace: String,
    /// Labels of its pod besides the usual one.
    pub(crate) labels: Vec<(&'static str, &'static str)>,
    /// How its node differs from a fresh one.
    pub(crate) settings: Settings,
    /// What Multus is asked for, of a pod with a network namespace of its own.
    pub(crate) multus: Option<Multus>,
    /// The agent beside it, if there is one.
    pub(crate) beside: Option<Beside>,
}

/// What a node is started with so that it uses the storage network by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Prepared {
    /// It tells nobody of its address on the pod network.
    NoAnnounce,
    /// Its swarm listens on the storage network alone.
    Bound,
}

/// A node and its pod's object. Each may be there without the other.
pub(crate) struct Member {
    pub(crate) node: Node,
    pub(crate) pod: PodObject,
    /// The agent beside it, if there is one.
    pub(crate) agent: Option<Agent>,
    /// Peering entries that its owner made, by peer: they are expected as they are.
    pub(crate) foreign: BTreeMap<String, Vec<String>>,
    /// Its network namespace, of a pod with one of its own.
    pub(crate) host: Option<Host>,
    /// The network that its links are wanted on, where both ends have it.
    pub(crate) wanted: Network,
}

// === impl Spec ===

impl Spec {
    /// A plain member of the scenario's own namespace.
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            zone: "",
            namespace: String::new(),
            labels: Vec::new(),
            settings: Settings::default(),
            multus: None,
            beside: None,
        }
    }

    /// With an agent beside it.
    pub(crate) fn beside(self, agent: Beside) -> Self {
        let beside = Some(agent);
        Self { beside, ..self }
    }

    /// With its RPC at 127.0.0.1 of a network namespace of its own.
    pub(crate) fn private(self) -> Self {
        let mut spec = self.apart();
        spec.settings.private = true;
        spec
    }

    /// With a network namespace of its own on the pod network, where its swarm listens at every address.
    pub(crate) fn apart(mut self) -> Self {
        self.settings.listen = Listen::Everywhere;
        self.multus = Some(Multus::default());
        self
    }

    /// With a network namespace of its own on both networks. The attachment is `namespace/name`.
    pub(crate) fn attached(self, attachment: &str) -> Self {
        let mut spec = self.apart();
        spec.multus = Some(Multus {
            attachment: Some(attachment.to_owned()),
            ..Multus::default()
        });
        spec
    }

    /// Multus reports in this form.
    pub(crate) fn reported(mut self, form: Form) -> Self {
        self.multus.get_or_insert_default().form = form;
        self
    }

    /// Multus has not reported yet.
    pub(crate) fn unreported(mut self) -> Self {
        self.multus.get_or_insert_default().silent = true;
        self
    }

    /// Its node is prepared for the storage network.
    pub(crate) fn prepared(mut self, how: Prepared) -> Self {
        match how {
            Prepared::NoAnnounce => {
                let (ip, prefix) = (PODS.network(), PODS.prefix_len());
                self.settings.no_announce = vec![format!("/ip4/{ip}/ipcidr/{prefix}")];
            }
            Prepared::Bound => self.settings.listen = Listen::Storage,
        }
        self
    }

    /// In a zone.
    pub(crate) fn zone(self, zone: &'static str) -> Self {
        Self { zone, ..self }
    }

    /// In another namespace.
    pub(crate) fn namespace(self, namespace: &str) -> Self {
        let namespace = namespace.to_owned();
        Self { namespace, ..self }
    }

    /// With one more label on its pod.
    pub(crate) fn label(mut self, key: &'static str, value: &'static str) -> Self {
        self.labels.push((key, value));
        self
    }

    /// With settings of its node.
    pub(crate) fn settings(self, settings: Settings) -> Self {
        Self { settings, ..self }
    }

    /// With a gate before its RPC.
    pub(crate) fn gated(mut self) -> Self {
        self.settings.gated = true;
        self
    }

    /// With a request log.
    pub(crate) fn logged(mut self) -> Self {
        self.settings.logged = true;
        self
    }
}

// === impl Member ===

impl Member {
    /// The address that the product gives this member for another.
    pub(crate) fn link_address(&self, other: &Self) -> String {
        let both = self.has_storage() && other.has_storage();
        let network = match self.wanted {
            Network::Storage if both => Network::Storage,
            _ => Network::Pod,
        };
        let address = other.node.address_on(network);
        address.unwrap_or_else(|| other.node.swarm_address())
    }

    /// Whether it is on the storage network and Multus said so.
    pub(crate) fn has_storage(&self) -> bool {
        let reported = self
            .pod
            .multus
            .as_ref()
            .is_some_and(|multus| !multus.silent);
        reported && self.node.storage().is_some()
    }
}
