//! A member: a node and the pod that stands for it.

use std::collections::BTreeMap;

use crate::node::{Node, Settings};
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
}

/// A node and its pod's object. Each may be there without the other.
pub(crate) struct Member {
    pub(crate) node: Node,
    pub(crate) pod: PodObject,
    /// Peering entries that its owner made, by peer: they are expected as they are.
    pub(crate) foreign: BTreeMap<String, Vec<String>>,
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
        }
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

    /// With a request log.
    pub(crate) fn logged(mut self) -> Self {
        self.settings.logged = true;
        self
    }
}
