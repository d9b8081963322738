//! One task that takes what all watches tell, keeps the index, and publishes the fleet.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use kubomesh_api::{StoredMeshes, StoredRecords};
use kubomesh_core::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::attachments::Attachments;
use super::informer::Event;
use super::kinds::{MeshObject, Meshes, NodeFacts, Nodes, PeerFacts, Peers, Pods};
use super::secrets::{Named, Wanted};
use super::watches::{Told, WatchId, Watches};
use super::{DiscoveryError, Settings, records};
use crate::{AttachmentFacts, AuthStore, Fleet, Index, MeshKey, PodFacts};

/// Where the findings go.
pub(super) struct Outlets {
    pub(super) fleet: watch::Sender<Arc<Fleet>>,
    pub(super) records: watch::Sender<Arc<StoredRecords>>,
    pub(super) statuses: watch::Sender<Arc<StoredMeshes>>,
    pub(super) credentials: AuthStore,
}

/// What a watch or the reading of secrets tells.
pub(super) struct Input {
    /// Which watch, and which life of it.
    pub(super) from: Option<(WatchId, u64)>,
    pub(super) kind: InputKind,
}

pub(super) enum InputKind {
    Mesh(Event<MeshObject>),
    Peer(Event<PeerFacts>),
    Node(Event<NodeFacts>),
    Pod(MeshKey, Event<PodFacts>),
    Attachment(Arc<str>, Event<AttachmentFacts>),
    Secret(MeshKey, Result<(), String>),
    Nothing,
}

/// Discovery from Kubernetes.
pub(super) struct Source {
    settings: Settings,
    outlets: Outlets,
    index: Index,
    records: Arc<StoredRecords>,
    statuses: Arc<StoredMeshes>,
    watches: Watches,
    inputs: mpsc::Receiver<Input>,
    wanted: watch::Sender<Wanted>,
    /// When everything was last read anew.
    read_anew: Option<Timestamp>,
}

/// Events that wait for the index; a watch that is ahead waits too.
const QUEUE: usize = 1_024;

/// How often ages are looked at.
const TICK: Duration = Duration::from_secs(1);

/// A fleet is published at most this share of the time: making one costs as much as it has members.
const REST: u32 = 4;

// === impl Source ===

impl Source {
    pub(super) fn new(client: Client, settings: Settings, outlets: Outlets) -> Self {
        let (sink, inputs) = mpsc::channel(QUEUE);
        let (wanted, wanted_seen) = watch::channel(Wanted::new());
        let mut watches = Watches::start(client, settings.clone(), sink);
        watches.start_secrets(outlets.credentials.clone(), wanted_seen);
        Self {
            index: Index::new(settings.timings),
            settings,
            outlets,
            records: Arc::default(),
            statuses: Arc::default(),
            watches,
            inputs,
            wanted,
            read_anew: None,
        }
    }

    /// Runs until it is dropped.
    pub(super) async fn run(mut self) -> Result<(), DiscoveryError> {
        let mut tick = tokio::time::interval(TICK);
        let mut batch = Vec::new();
        let mut publish_at = Instant::now();
        let mut due = false;
        loop {
            tokio::select! {
                _ = self.inputs.recv_many(&mut batch, QUEUE) => due = true,
                _ = tick.tick() => due = true,
                () = tokio::time::sleep_until(publish_at), if due => {}
                error = self.watches.died() => return Err(error.into()),
            }
            self.take_all(&mut batch);
            if due && Instant::now() >= publish_at {
                let begun = Instant::now();
                self.publish();
                publish_at = begun + begun.elapsed() * (REST + 1);
                due = false;
            }
        }
    }

    fn take_all(&mut self, batch: &mut Vec<Input>) {
        let now = self.settings.clock.now();
        let mut records_changed = false;
        for Input { from, kind } in batch.drain(..) {
            if let Some(from) = &from {
                let alive = !matches!(kind.trouble(), Some(Some(_)));
                if !self.watches.heard(from, alive.then_some(now)) {
                    continue;
                }
            }
            records_changed |= self.take(from.as_ref().map(|(id, _)| id), kind, now);
        }
        if records_changed {
            self.index.set_records(Arc::clone(&self.records), now);
            self.outlets.records.send_replace(Arc::clone(&self.records));
        }
        self.follow_meshes();
    }

    /// Takes one input; whether the records changed.
    fn take(&mut self, from: Option<&WatchId>, kind: InputKind, now: Timestamp) -> bool {
        if let (Some(id), Some(trouble)) = (from, kind.trouble())
            && self.index.set_trouble(&id.to_string(), trouble)
            && let Some(trouble) = trouble
        {
            tracing::warn!(watch = %id, "{trouble}");
        }
        if kind.restored() {
            self.restored(now);
        }
        match kind {
            InputKind::Mesh(event) => self.take_mesh(event, now),
            InputKind::Node(event) => self.take_node(event),
            InputKind::Pod(mesh, event) => self.take_pod(&mesh, event, now),
            InputKind::Attachment(namespace, event) => {
                self.take_attachment(&namespace, event, now);
            }
            InputKind::Peer(event) => return records::take(&mut self.records, event),
            InputKind::Secret(mesh, outcome) => self.index.set_secret(&mesh, outcome),
            InputKind::Nothing => {}
        }
        false
    }

    fn take_mesh(&mut self, event: Event<MeshObject>, now: Timestamp) {
        let statuses = Arc::make_mut(&mut self.statuses);
        match event {
            Event::Listed { all, .. } => {
                let split = |mesh: MeshObject| ((mesh.facts.id.clone(), mesh.stored), mesh.facts);
                let (stored, facts): (StoredMeshes, Vec<_>) = all.into_iter().map(split).unzip();
                *statuses = stored;
                self.index.reset_meshes(facts, now);
            }
            Event::Applied(mesh, _) => {
                statuses.insert(mesh.facts.id.clone(), mesh.stored);
                self.index.apply_mesh(mesh.facts, now);
            }
            Event::Deleted(mesh, _) => {
                statuses.remove(&mesh.facts.id);
                self.index.delete_mesh(&mesh.facts.key());
            }
            Event::Heard(_) | Event::Trouble(_) => {}
        }
    }

    fn take_node(&mut self, event: Event<NodeFacts>) {
        match event {
            Event::Listed { all, .. } => self.index.reset_nodes(&all),
            Event::Applied((node, zone), _) => self.index.apply_node(&node, &zone),
            Event::Deleted((node, _), _) => self.index.delete_node(&node),
            Event::Heard(_) | Event::Trouble(_) => {}
        }
    }

    fn take_pod(&mut self, mesh: &MeshKey, event: Event<PodFacts>, now: Timestamp) {
        match event {
            Event::Listed { all, .. } => self.index.reset_pods(mesh, all, now),
            Event::Applied(pod, _) => self.index.apply_pod(mesh, pod, now),
            Event::Deleted(pod, _) => self.index.delete_pod(mesh, &pod, now),
            Event::Heard(_) => self.index.heard(mesh, now),
            Event::Trouble(_) => {}
        }
    }

    fn take_attachment(
        &mut self,
        namespace: &Arc<str>,
        event: Event<AttachmentFacts>,
        now: Timestamp,
    ) {
        let attachments = self.index.attachments();
        match event {
            Event::Listed { all, .. } => attachments.reset(namespace, all, now),
            Event::Applied(facts, _) => attachments.apply(facts, now),
            Event::Deleted(facts, _) => attachments.delete(&facts.attachment),
            Event::Heard(_) => {}
            Event::Trouble(trouble) => attachments.set_trouble(namespace, trouble.as_deref()),
        }
    }

    /// An older state than before was shown: everything is read anew, removals are held.
    fn restored(&mut self, now: Timestamp) {
        tracing::warn!("the API server shows an older state than before: everything is read anew");
        self.index.restored(now);
        // Other watches that show the same restored store, each within the life of a watch, do not
        // start the reading again.
        let at_most = self.settings.timings.doubt.watch_timeout;
        if self.read_anew.is_none_or(|at| now.since(at) >= at_most) {
            self.read_anew = Some(now);
            self.watches.read_anew();
        }
    }

    /// Watches the pods and the storage networks and reads the secrets of the meshes that there are.
    fn follow_meshes(&mut self) {
        let mut selectors = BTreeMap::new();
        let mut secrets = Wanted::new();
        let mut attachments = BTreeSet::new();
        for mesh in self.index.meshes() {
            let attachment = mesh.network.attachment.as_ref();
            attachments.extend(attachment.map(|attachment| attachment.namespace.clone()));
            let Some(peers) = &mesh.peers else { continue };
            selectors.insert(mesh.key(), peers.selector.clone());
            let named = Named {
                rpc: peers.auth.clone(),
                tls: peers.agents.tls.clone(),
            };
            if named.rpc.is_some() || named.tls.is_some() {
                secrets.insert(mesh.key(), named);
            }
        }
        let mut ended = self.watches.follow(&selectors);
        ended.extend(self.watches.follow_attachments(&attachments));
        self.index.attachments().keep(&attachments);
        for ended in ended {
            self.index.set_trouble(&ended.to_string(), None);
        }
        for mesh in selectors.keys() {
            self.watches.pace(mesh, self.index.list_interval(mesh));
        }
        self.wanted.send_if_modified(|wanted| {
            let changed = *wanted != secrets;
            *wanted = secrets;
            changed
        });
    }

    fn publish(&mut self) {
        let now = self.settings.clock.now();
        self.watches.measure(now);
        let fleet = self.index.fleet(now);
        self.outlets.statuses.send_if_modified(|published| {
            let changed = !Arc::ptr_eq(published, &self.statuses) && *published != self.statuses;
            *published = Arc::clone(&self.statuses);
            changed
        });
        self.outlets.fleet.send_if_modified(|published| {
            let changed = **published != fleet;
            if changed {
                *published = Arc::new(fleet);
            }
            changed
        });
    }
}

// === impl InputKind ===

impl InputKind {
    /// What the watch says of its own state, if this is that.
    fn trouble(&self) -> Option<Option<&str>> {
        match self {
            Self::Mesh(Event::Trouble(trouble))
            | Self::Peer(Event::Trouble(trouble))
            | Self::Node(Event::Trouble(trouble))
            | Self::Pod(_, Event::Trouble(trouble))
            | Self::Attachment(_, Event::Trouble(trouble)) => Some(trouble.as_deref()),
            _ => None,
        }
    }

    fn restored(&self) -> bool {
        matches!(
            self,
            Self::Mesh(Event::Listed { restored: true, .. })
                | Self::Peer(Event::Listed { restored: true, .. })
                | Self::Node(Event::Listed { restored: true, .. })
                | Self::Pod(_, Event::Listed { restored: true, .. })
                | Self::Attachment(_, Event::Listed { restored: true, .. })
        )
    }
}

impl From<Told<Meshes>> for InputKind {
    fn from(told: Told<Meshes>) -> Self {
        Self::Mesh(told.event)
    }
}

impl From<Told<Peers>> for InputKind {
    fn from(told: Told<Peers>) -> Self {
        Self::Peer(told.event)
    }
}

impl From<Told<Nodes>> for InputKind {
    fn from(told: Told<Nodes>) -> Self {
        Self::Node(told.event)
    }
}

impl From<Told<Pods>> for InputKind {
    fn from(told: Told<Pods>) -> Self {
        match told.id {
            WatchId::Pods(mesh) => Self::Pod(mesh, told.event),
            _ => Self::Nothing,
        }
    }
}

impl From<Told<Attachments>> for InputKind {
    fn from(told: Told<Attachments>) -> Self {
        match told.id {
            WatchId::Attachments(namespace) => Self::Attachment(namespace, told.event),
            _ => Self::Nothing,
        }
    }
}
