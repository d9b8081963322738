//! The NetworkAttachmentDefinitions that meshes name: what is known of each, and how the present
//! config differs from the one that a mesh's members were created with.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ipnet::IpNet;
use kubomesh_core::{AppliedNetwork, Attachment, AttachmentState, Timestamp};
use kubomesh_multus::NetConf;

/// What is kept of a NetworkAttachmentDefinition.
#[derive(Debug, Clone, PartialEq)]
pub struct AttachmentFacts {
    /// Which one.
    pub attachment: Attachment,
    /// Its `spec.config`, or why that is none.
    pub config: Result<NetConf, Arc<str>>,
    /// When it was last edited by whomever, as its `managedFields` say; `None` where they are not
    /// there.
    pub edited: Option<Timestamp>,
}

/// The definitions of the namespaces that are watched.
#[derive(Debug, Default)]
pub struct Attachments {
    namespaces: BTreeMap<Arc<str>, Namespace>,
}

#[derive(Debug, Default)]
struct Namespace {
    /// Whether a list was complete once.
    listed: bool,
    /// Why it cannot be read at present.
    trouble: Option<Arc<str>>,
    all: BTreeMap<Arc<str>, Definition>,
}

/// One definition.
#[derive(Debug)]
struct Definition {
    config: Result<NetConf, Arc<str>>,
    /// The config as compact JSON; empty where it cannot be read.
    text: Arc<str>,
    /// Since when it has this config, at the latest.
    since: Timestamp,
}

/// What a mesh's members were created with, and the last comparison with what stands.
#[derive(Debug, Default)]
pub(super) struct Applied {
    network: Option<AppliedNetwork>,
    compared: Option<Comparison>,
}

/// Two configs and how they differ: asked for at each look, made anew when one is another.
#[derive(Debug)]
struct Comparison {
    applied: Arc<str>,
    present: Arc<str>,
    drift: Option<Arc<str>>,
}

/// Longest config that is kept in a mesh's status, in bytes; edits of longer ones are not noticed.
const MAX_APPLIED: usize = 16 * 1024;

// === impl Attachments ===

impl Attachments {
    /// Keeps what is known of these namespaces and of no other.
    pub fn keep(&mut self, wanted: &BTreeSet<Arc<str>>) {
        self.namespaces
            .retain(|namespace, _| wanted.contains(namespace));
    }

    /// One was created or changed.
    pub fn apply(&mut self, facts: AttachmentFacts, now: Timestamp) {
        let namespace = self
            .namespaces
            .entry(facts.attachment.namespace.clone())
            .or_default();
        let name = facts.attachment.name.clone();
        let next = Definition::new(facts, now);
        match namespace.all.get_mut(&name) {
            // Its labels may have changed; the config did not.
            Some(known) if known.text == next.text => known.config = next.config,
            _ => drop(namespace.all.insert(name, next)),
        }
    }

    /// One is gone.
    pub fn delete(&mut self, attachment: &Attachment) {
        if let Some(namespace) = self.namespaces.get_mut(&attachment.namespace) {
            namespace.all.remove(&attachment.name);
        }
    }

    /// All of a namespace.
    pub fn reset(&mut self, namespace: &Arc<str>, all: Vec<AttachmentFacts>, now: Timestamp) {
        let present: BTreeSet<_> = all
            .iter()
            .map(|facts| facts.attachment.name.clone())
            .collect();
        let known = self.namespaces.entry(namespace.clone()).or_default();
        known.listed = true;
        known.all.retain(|name, _| present.contains(name));
        all.into_iter().for_each(|facts| self.apply(facts, now));
    }

    /// Why a namespace's cannot be read at present; `None`: they can.
    pub fn set_trouble(&mut self, namespace: &Arc<str>, trouble: Option<&str>) {
        let known = self.namespaces.entry(namespace.clone()).or_default();
        known.trouble = trouble.map(Into::into);
    }

    /// The definition of an attachment, or why there is none that can be used; `None` while that is
    /// not known.
    fn find(&self, attachment: &Attachment) -> Option<Result<(&NetConf, &Definition), Arc<str>>> {
        let namespace = self.namespaces.get(&attachment.namespace)?;
        if !namespace.listed {
            return namespace.trouble.clone().map(Err);
        }
        let Some(definition) = namespace.all.get(&attachment.name) else {
            let why = format!(
                "the NetworkAttachmentDefinition {attachment} does not exist: create it, or correct \
                 spec.network.attachment"
            );
            return Some(Err(why.into()));
        };
        Some(match &definition.config {
            Ok(config) => Ok((config, definition)),
            Err(why) => Err(format!(
                "the NetworkAttachmentDefinition {attachment} cannot be used: {why}"
            )
            .into()),
        })
    }
}

// === impl Definition ===

impl Definition {
    fn new(facts: AttachmentFacts, now: Timestamp) -> Self {
        let text = facts.config.as_ref().map(NetConf::text);
        Self {
            text: text.unwrap_or_default().into(),
            config: facts.config,
            since: facts.edited.unwrap_or(now),
        }
    }
}

// === impl Applied ===

impl Applied {
    /// What a mesh's status says was applied, if it is about the wanted attachment.
    pub(super) fn read(&mut self, wanted: Option<&Attachment>, stored: Option<&AppliedNetwork>) {
        if let Some(stored) = stored.filter(|stored| Some(&stored.attachment) == wanted) {
            self.network = Some(stored.clone());
        }
    }

    /// What is known of the wanted attachment, and its ranges. `oldest` is when the oldest member that
    /// is attached was created (`None`: none is); outer `None` while that is not known.
    ///
    /// Applied is the config that the attachment had when it was first seen, and the present one as
    /// soon as every attached member is younger than its edit.
    pub(super) fn state(
        &mut self,
        wanted: Option<&Attachment>,
        all: &Attachments,
        oldest: Option<Option<Timestamp>>,
    ) -> (AttachmentState, Vec<IpNet>) {
        let Some(wanted) = wanted else {
            *self = Self::default();
            return Default::default();
        };
        if self
            .network
            .as_ref()
            .is_some_and(|applied| applied.attachment != *wanted)
        {
            *self = Self::default();
        }
        let (problem, present) = match all.find(wanted) {
            None => (None, None),
            Some(Err(why)) => (Some(why), None),
            Some(Ok(present)) => (None, Some(present)),
        };
        let mut state = AttachmentState {
            problem,
            ..AttachmentState::default()
        };
        let Some((config, definition)) = present else {
            state.applied = self.network.clone();
            return (state, Vec::new());
        };
        let anew = oldest.is_some_and(|oldest| oldest.is_none_or(|at| at > definition.since));
        if (self.network.is_none() || anew) && definition.text.len() <= MAX_APPLIED {
            let unchanged = |applied: &AppliedNetwork| applied.config == definition.text;
            if !self.network.as_ref().is_some_and(unchanged) {
                self.network = Some(AppliedNetwork {
                    attachment: wanted.clone(),
                    config: definition.text.clone(),
                });
            }
        }
        state.drift = self.drift(config, &definition.text);
        state.applied = self.network.clone();
        (state, config.ranges())
    }

    /// How the present config differs from the applied one.
    fn drift(&mut self, present: &NetConf, text: &Arc<str>) -> Option<Arc<str>> {
        let applied = &self.network.as_ref()?.config;
        if applied == text {
            return None;
        }
        let same = |made: &&Comparison| made.applied == *applied && made.present == *text;
        if let Some(made) = self.compared.as_ref().filter(same) {
            return made.drift.clone();
        }
        let difference = match NetConf::parse(applied) {
            Ok(old) => old.difference(present),
            Err(_) => Some("what was applied cannot be read any more".to_owned()),
        };
        let drift: Option<Arc<str>> = difference.map(Into::into);
        self.compared = Some(Comparison {
            applied: applied.clone(),
            present: text.clone(),
            drift: drift.clone(),
        });
        drift
    }
}
