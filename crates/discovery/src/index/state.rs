//! The index itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kubomesh_api::StoredRecords;
use kubomesh_core::{DoubtTimings, MemberName, Role, Timestamp};

use super::attachments::Attachments;
use super::claims::{Conflicts, conflicts};
use super::entry::Entry;
use super::{MeshFacts, MeshKey};
use crate::{DiscoveryTimings, Fleet, PodFacts};

/// Every mesh, its pods, the nodes' zones and the records, as last told. Each kind has `apply`,
/// `delete` and `reset` (a complete list); [`Index::fleet`] answers.
#[derive(Debug)]
pub struct Index {
    timings: DoubtTimings,
    meshes: BTreeMap<MeshKey, Entry>,
    /// Meshes whose deletion was seen, while records name them.
    deleted: BTreeSet<MeshKey>,
    /// Zone by node name.
    zones: BTreeMap<Arc<str>, Arc<str>>,
    attachments: Attachments,
    records: Arc<StoredRecords>,
    meshes_synced: bool,
    nodes_synced: bool,
    troubles: BTreeMap<String, String>,
    conflicts: Conflicts,
    restored: Option<Timestamp>,
}

// === impl Index ===

impl Index {
    /// An index that knows nothing yet.
    #[must_use]
    pub fn new(timings: DiscoveryTimings) -> Self {
        Self {
            timings: timings.doubt,
            meshes: BTreeMap::new(),
            deleted: BTreeSet::new(),
            zones: BTreeMap::new(),
            attachments: Attachments::default(),
            records: Arc::default(),
            meshes_synced: false,
            nodes_synced: false,
            troubles: BTreeMap::new(),
            conflicts: Conflicts::new(),
            restored: None,
        }
    }

    /// A mesh was created or changed.
    pub fn apply_mesh(&mut self, facts: MeshFacts, now: Timestamp) {
        let key = facts.key();
        self.deleted.remove(&key);
        if self
            .meshes
            .get(&key)
            .is_some_and(|entry| entry.facts == facts)
        {
            return;
        }
        match self.meshes.get_mut(&key) {
            Some(entry) if entry.facts.id == facts.id => entry.replace(facts, now),
            _ => {
                let entry = Entry::new(facts, self.timings, self.restored, now);
                self.meshes.insert(key.clone(), entry);
            }
        }
        self.stale_namespace(&key.namespace);
    }

    /// A mesh's deletion was seen.
    pub fn delete_mesh(&mut self, key: &MeshKey) {
        self.forget_mesh(key);
        self.deleted.insert(key.clone());
    }

    /// A mesh is not there any more, for whatever reason.
    fn forget_mesh(&mut self, key: &MeshKey) {
        self.meshes.remove(key);
        self.stale_namespace(&key.namespace);
    }

    /// All meshes that there are.
    pub fn reset_meshes(&mut self, all: Vec<MeshFacts>, now: Timestamp) {
        let present: BTreeSet<_> = all.iter().map(MeshFacts::key).collect();
        let gone: Vec<_> = self
            .meshes
            .keys()
            .filter(|key| !present.contains(*key))
            .cloned()
            .collect();
        gone.iter().for_each(|key| self.forget_mesh(key));
        all.into_iter()
            .for_each(|facts| self.apply_mesh(facts, now));
        self.meshes_synced = true;
    }

    /// A pod that a mesh selects was created or changed.
    pub fn apply_pod(&mut self, mesh: &MeshKey, pod: PodFacts, now: Timestamp) {
        let Some(entry) = self.meshes.get_mut(mesh) else {
            return;
        };
        entry.doubt.heard(now);
        let name = MemberName::from(&*pod.name);
        entry.doubt.seen(&name);
        let newer = |known: &PodFacts| known.uid == pod.uid && known.version > pod.version;
        // A late event never rewinds a pod.
        if pod.version == 0 || !entry.pods.get(&name).is_some_and(newer) {
            let pod = entry.kept(pod);
            entry.pods.insert(name, pod);
            self.stale_pods(mesh);
        }
    }

    /// A pod is gone, or the selector no longer names it.
    pub fn delete_pod(&mut self, mesh: &MeshKey, pod: &PodFacts, now: Timestamp) {
        let Some(entry) = self.meshes.get_mut(mesh) else {
            return;
        };
        entry.doubt.heard(now);
        let name = MemberName::from(&*pod.name);
        // Another pod of this name lives on.
        if entry
            .pods
            .get(&name)
            .is_some_and(|known| known.uid != pod.uid)
        {
            return;
        }
        entry.pods.remove(&name);
        entry.doubt.deleted(&name);
        self.stale_pods(mesh);
    }

    /// All pods that a mesh selects, from a consistent list.
    pub fn reset_pods(&mut self, mesh: &MeshKey, all: Vec<PodFacts>, now: Timestamp) {
        let recorded = self.recorded(mesh);
        let Some(entry) = self.meshes.get_mut(mesh) else {
            return;
        };
        let all = all.into_iter().map(|pod| entry.kept(pod));
        entry.pods = all.map(|pod| (MemberName::from(&*pod.name), pod)).collect();
        entry
            .doubt
            .listed(entry.pods.keys().cloned().collect(), recorded.as_ref(), now);
        self.stale_pods(mesh);
    }

    /// A node's zone; empty where it has none.
    pub fn apply_node(&mut self, node: &str, zone: &str) {
        if self.zones.get(node).map(|zone| &**zone) == Some(zone) {
            return;
        }
        let zone = self.interned(zone);
        self.zones.insert(node.into(), zone);
        self.stale_node(node);
    }

    /// A node is gone. Its pods keep their zone until they go too.
    pub fn delete_node(&mut self, node: &str) {
        self.zones.remove(node);
    }

    /// All nodes that there are, each with its zone.
    pub fn reset_nodes(&mut self, all: &[(Arc<str>, Arc<str>)]) {
        let present: BTreeSet<_> = all.iter().map(|(node, _)| node.clone()).collect();
        self.zones.retain(|node, _| present.contains(node));
        all.iter()
            .for_each(|(node, zone)| self.apply_node(node, zone));
        self.nodes_synced = true;
    }

    /// The NetworkAttachmentDefinitions, to be told of every change.
    pub fn attachments(&mut self) -> &mut Attachments {
        &mut self.attachments
    }

    /// The records as they stand.
    pub fn set_records(&mut self, records: Arc<StoredRecords>, now: Timestamp) {
        self.records = records;
        if !self.records.synced {
            return;
        }
        if !self.deleted.is_empty() {
            let named = |mesh: &MeshKey| {
                let mut records = self.records.records.iter();
                records.any(|(key, stored)| {
                    let of = stored.record.as_ref().ok().map(|record| &record.mesh);
                    key.namespace == mesh.namespace && of == Some(&mesh.name)
                })
            };
            self.deleted.retain(named);
        }
        let awaits =
            |(key, entry): (&MeshKey, &Entry)| entry.doubt.awaits_records().then(|| key.clone());
        let keys: Vec<_> = self.meshes.iter().filter_map(awaits).collect();
        for key in keys {
            let recorded = self.recorded(&key).unwrap_or_default();
            if let Some(entry) = self.meshes.get_mut(&key) {
                entry.doubt.recorded(&recorded, now);
            }
        }
    }

    /// A mesh's secret was read, or why it cannot be used.
    pub fn set_secret(&mut self, mesh: &MeshKey, outcome: Result<(), String>) {
        if let Some(entry) = self.meshes.get_mut(mesh) {
            let no_secret = outcome.err();
            entry.stale |= entry.no_secret != no_secret;
            entry.no_secret = no_secret;
        }
    }

    /// Something was heard of a mesh's pod watch.
    pub fn heard(&mut self, mesh: &MeshKey, now: Timestamp) {
        if let Some(entry) = self.meshes.get_mut(mesh) {
            entry.doubt.heard(now);
        }
    }

    /// The API server showed an older state than before: removals are held everywhere.
    pub fn restored(&mut self, now: Timestamp) {
        self.restored = Some(now);
        // They may be there again, and the list that shows them may be late.
        self.deleted.clear();
        self.meshes
            .values_mut()
            .for_each(|entry| entry.doubt.restored(now));
    }

    /// What cannot be read at present, in a sentence; `None`: it can again. Whether that is news.
    pub fn set_trouble(&mut self, what: &str, trouble: Option<&str>) -> bool {
        let before = match trouble {
            Some(trouble) => self.troubles.insert(what.into(), trouble.into()),
            None => self.troubles.remove(what),
        };
        before.as_deref() != trouble
    }

    /// How often a mesh's pods are to be listed now.
    #[must_use]
    pub fn list_interval(&self, mesh: &MeshKey) -> std::time::Duration {
        self.meshes
            .get(mesh)
            .map_or(self.timings.list_interval, |entry| {
                entry.doubt.list_interval()
            })
    }

    /// What is kept of every mesh.
    pub fn meshes(&self) -> impl Iterator<Item = &MeshFacts> {
        self.meshes.values().map(|entry| &entry.facts)
    }

    /// The fleet at this moment. What did not change is shared with the last answer.
    pub fn fleet(&mut self, now: Timestamp) -> Fleet {
        self.project_stale();
        let pending = self.pending();
        let view = |(key, entry): (&MeshKey, &mut Entry)| {
            let conflicts = self.conflicts.get(key);
            let view = entry.view(conflicts, &self.attachments, now);
            (view.id.clone(), view)
        };
        Fleet {
            synced: pending.is_empty(),
            pending,
            troubles: self.troubles.clone(),
            deleted: self.deleted.clone(),
            meshes: self.meshes.iter_mut().map(view).collect(),
        }
    }

    fn pending(&self) -> Vec<String> {
        let mut pending: Vec<_> = [
            ("swarmmeshes", self.meshes_synced),
            ("nodes", self.nodes_synced),
            ("swarmpeers", self.records.synced),
        ]
        .into_iter()
        .filter(|(_, synced)| !synced)
        .map(|(name, _)| name.to_owned())
        .collect();
        let unlisted = |entry: &Entry| entry.facts.peers.is_some() && !entry.doubt.is_synced();
        let meshes = self.meshes.iter().filter(|(_, entry)| unlisted(entry));
        pending.extend(meshes.map(|(key, _)| format!("pods of {key}")));
        pending.sort();
        pending
    }

    /// Brings every mesh's projection up to date, then who claims whose address.
    fn project_stale(&mut self) {
        if !self.meshes.values().any(|entry| entry.stale) {
            return;
        }
        let stale = |(key, entry): (&MeshKey, &Entry)| entry.stale.then(|| key.clone());
        let keys: Vec<_> = self.meshes.iter().filter_map(stale).collect();
        for key in keys {
            let older = self.older(&key);
            let Some(entry) = self.meshes.get(&key) else {
                continue;
            };
            let projected = entry.project(&self.zones, |pod| {
                let claims = |older: &&MeshKey| {
                    let older = self.meshes.get(*older);
                    let theirs = older.and_then(|older| older.pods.get(pod));
                    theirs.is_some_and(|theirs| !entry.may_have_left(pod, theirs))
                };
                older.iter().find(claims).map(ToString::to_string)
            });
            if let Some(entry) = self.meshes.get_mut(&key) {
                entry.projected = projected;
                entry.stale = false;
            }
        }
        let live = self.meshes.iter().flat_map(|(key, entry)| {
            entry
                .projected
                .values()
                .filter_map(move |member| Some((key, member.as_ref().ok()?)))
        });
        self.conflicts = conflicts(live);
    }

    /// The older meshes of the same namespace, the oldest first.
    fn older(&self, key: &MeshKey) -> Vec<MeshKey> {
        let Some(own) = self.meshes.get(key).map(Entry::age) else {
            return Vec::new();
        };
        let same = self
            .meshes
            .iter()
            .filter(|(other, _)| other.namespace == key.namespace);
        let mut older: Vec<_> = same
            .map(|(other, entry)| (entry.age(), other.clone()))
            .filter(|(age, _)| *age < own)
            .collect();
        older.sort();
        older.into_iter().map(|(_, other)| other).collect()
    }

    /// The mesh's members that have a record with an identity; `None` while records are not known.
    fn recorded(&self, mesh: &MeshKey) -> Option<BTreeSet<MemberName>> {
        let ours = |stored: &&kubomesh_api::StoredRecord| {
            stored.record.as_ref().is_ok_and(|record| {
                record.mesh == mesh.name && record.role == Role::Kubo && record.peer_id.is_some()
            })
        };
        let member = |stored: &kubomesh_api::StoredRecord| {
            stored
                .record
                .as_ref()
                .ok()
                .map(|record| record.member.clone())
        };
        self.records.synced.then(|| {
            let records = self.records.records.iter();
            let same = records.filter(|(key, _)| key.namespace == mesh.namespace);
            same.map(|(_, stored)| stored)
                .filter(ours)
                .filter_map(member)
                .collect()
        })
    }

    /// The mesh's pods changed: so may what younger meshes of the namespace get.
    fn stale_pods(&mut self, mesh: &MeshKey) {
        let Some(age) = self.meshes.get(mesh).map(Entry::age) else {
            return;
        };
        for (key, entry) in &mut self.meshes {
            entry.stale |= key.namespace == mesh.namespace && entry.age() >= age;
        }
    }

    fn stale_namespace(&mut self, namespace: &Arc<str>) {
        for (key, entry) in &mut self.meshes {
            entry.stale |= key.namespace == *namespace;
        }
    }

    fn stale_node(&mut self, node: &str) {
        for entry in self.meshes.values_mut() {
            entry.stale |= entry.pods.values().any(|pod| &*pod.node == node);
        }
    }

    /// One copy of each zone's name.
    fn interned(&self, zone: &str) -> Arc<str> {
        let known = self.zones.values().find(|known| &***known == zone);
        known.cloned().unwrap_or_else(|| zone.into())
    }
}
