//! The watches that run: one for each kind, one for the pods of each mesh, each with its pace.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use kubomesh_core::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinError, JoinSet};

use super::attachments::Attachments;
use super::informer::{Event, Informer, Pace};
use super::kinds::{Meshes, Nodes, Peers, Pods, Watched};
use super::secrets::{self, Wanted};
use super::source::{Input, InputKind};
use super::{Settings, WatchKind};
use crate::{AuthStore, MeshKey};

/// Every running watch. Dropping it ends them.
pub(super) struct Watches {
    client: Client,
    settings: Settings,
    sink: mpsc::Sender<Input>,
    tasks: JoinSet<()>,
    all: BTreeMap<WatchId, Running>,
    /// Raised when everything is to be read anew.
    anew: u64,
    serial: u64,
}

/// Which watch.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum WatchId {
    /// Of a kind, in all namespaces.
    Kind(WatchKind),
    /// Of a mesh's pods.
    Pods(MeshKey),
    /// Of a namespace's NetworkAttachmentDefinitions.
    Attachments(Arc<str>),
}

struct Running {
    labels: String,
    serial: u64,
    pace: watch::Sender<Pace>,
    heard: Timestamp,
    task: AbortHandle,
}

// === impl Watches ===

impl Watches {
    /// Starts the watches of the three kinds that are always watched.
    pub(super) fn start(client: Client, settings: Settings, sink: mpsc::Sender<Input>) -> Self {
        let mut watches = Self {
            client,
            settings,
            sink,
            tasks: JoinSet::new(),
            all: BTreeMap::new(),
            anew: 0,
            serial: 0,
        };
        let group = format!("/apis/{}/{}", kubomesh_api::GROUP, kubomesh_api::VERSION);
        watches.begin::<Meshes>(
            WatchId::Kind(WatchKind::Meshes),
            format!("{group}/swarmmeshes"),
            "",
        );
        watches.begin::<Peers>(
            WatchId::Kind(WatchKind::Peers),
            format!("{group}/swarmpeers"),
            "",
        );
        watches.begin::<Nodes>(WatchId::Kind(WatchKind::Nodes), "/api/v1/nodes".into(), "");
        watches
    }

    /// Starts the reading of secrets.
    pub(super) fn start_secrets(&mut self, store: AuthStore, wanted: watch::Receiver<Wanted>) {
        let interval = self.settings.timings.secret_interval;
        let wrap = |(mesh, outcome)| Input {
            from: None,
            kind: InputKind::Secret(mesh, outcome),
        };
        let sink = (self.sink.clone(), wrap);
        self.tasks.spawn(secrets::run(
            self.client.clone(),
            store,
            interval,
            wanted,
            sink,
        ));
    }

    /// Watches the pods of exactly these meshes, each with its selector; answers with the watches
    /// that it ended.
    pub(super) fn follow(&mut self, meshes: &BTreeMap<MeshKey, String>) -> Vec<WatchId> {
        let ended = self.end(|id, running| match id {
            WatchId::Pods(mesh) => meshes.get(mesh) != Some(&running.labels),
            _ => false,
        });
        for (mesh, labels) in meshes {
            let id = WatchId::Pods(mesh.clone());
            if !self.all.contains_key(&id) {
                let path = format!("/api/v1/namespaces/{}/pods", mesh.namespace);
                self.begin::<Pods>(id, path, labels);
            }
        }
        ended
    }

    /// Watches the NetworkAttachmentDefinitions of exactly these namespaces; answers with the watches
    /// that it ended.
    pub(super) fn follow_attachments(&mut self, namespaces: &BTreeSet<Arc<str>>) -> Vec<WatchId> {
        let ended = self.end(|id, _| match id {
            WatchId::Attachments(namespace) => !namespaces.contains(namespace),
            _ => false,
        });
        for namespace in namespaces {
            let id = WatchId::Attachments(namespace.clone());
            if !self.all.contains_key(&id) {
                self.begin::<Attachments>(id, Attachments::path(namespace), "");
            }
        }
        ended
    }

    /// Ends the watches that a rule names, and answers with them.
    fn end(&mut self, rule: impl Fn(&WatchId, &Running) -> bool) -> Vec<WatchId> {
        let mut ended = Vec::new();
        self.all.retain(|id, running| {
            let keep = !rule(id, running);
            if !keep {
                running.task.abort();
                ended.push(id.clone());
            }
            keep
        });
        ended
    }

    /// Whether an input comes from a watch that still runs; notes when it was heard of.
    pub(super) fn heard(&mut self, from: &(WatchId, u64), at: Option<Timestamp>) -> bool {
        let running = self
            .all
            .get_mut(&from.0)
            .filter(|running| running.serial == from.1);
        running.is_some_and(|running| {
            running.heard = at.unwrap_or(running.heard);
            true
        })
    }

    /// Changes how often a mesh's pods are listed.
    pub(super) fn pace(&mut self, mesh: &MeshKey, interval: Duration) {
        if let Some(running) = self.all.get(&WatchId::Pods(mesh.clone())) {
            let next = Pace {
                interval,
                anew: self.anew,
            };
            running
                .pace
                .send_if_modified(|pace| std::mem::replace(pace, next) != next);
        }
    }

    /// Has every watch read everything anew, now.
    pub(super) fn read_anew(&mut self) {
        self.anew += 1;
        for running in self.all.values() {
            running.pace.send_modify(|pace| pace.anew = self.anew);
        }
    }

    /// Sets the gauges of each kind's oldest watch.
    pub(super) fn measure(&self, now: Timestamp) {
        for kind in WatchKind::ALL {
            let of_kind = self.all.iter().filter(|(id, _)| id.kind() == kind);
            let age = of_kind.map(|(_, running)| now.since(running.heard)).max();
            self.settings
                .metrics
                .watch_age
                .get(kind)
                .set_duration(age.unwrap_or_default());
        }
    }

    /// Waits for a task that died; watches do not end by themselves.
    pub(super) async fn died(&mut self) -> JoinError {
        loop {
            match self.tasks.join_next().await {
                Some(Err(error)) if !error.is_cancelled() => return error,
                Some(_) => {}
                None => std::future::pending().await,
            }
        }
    }

    fn begin<W: Watched>(&mut self, id: WatchId, path: String, labels: &str)
    where
        InputKind: From<Told<W>>,
    {
        self.serial += 1;
        let interval = self.settings.timings.doubt.list_interval;
        let (pace, paced) = watch::channel(Pace {
            interval,
            anew: self.anew,
        });
        let from = (id.clone(), self.serial);
        let informer = Informer::<W, Input> {
            client: self.client.clone(),
            path,
            scope: id.scope(),
            labels: labels.into(),
            watch_timeout: self.settings.timings.doubt.watch_timeout,
            pace: paced,
            metrics: self.settings.metrics.clone(),
            sink: self.sink.clone(),
            wrap: Box::new(move |event| Input {
                kind: Told::<W>::new(&from.0, event).into(),
                from: Some(from.clone()),
            }),
        };
        let running = Running {
            labels: labels.into(),
            serial: self.serial,
            pace,
            heard: self.settings.clock.now(),
            task: self.tasks.spawn(informer.run()),
        };
        self.all.insert(id, running);
    }
}

/// An event and the watch that it comes from, on its way to being an input.
pub(super) struct Told<W: Watched> {
    pub(super) id: WatchId,
    pub(super) event: Event<W::Facts>,
}

impl<W: Watched> Told<W> {
    fn new(id: &WatchId, event: Event<W::Facts>) -> Self {
        Self {
            id: id.clone(),
            event,
        }
    }
}

// === impl WatchId ===

impl WatchId {
    fn kind(&self) -> WatchKind {
        match self {
            Self::Kind(kind) => *kind,
            Self::Pods(_) => WatchKind::Pods,
            Self::Attachments(_) => WatchKind::Attachments,
        }
    }

    fn scope(&self) -> String {
        match self {
            Self::Kind(WatchKind::Nodes) => "in the cluster".into(),
            Self::Kind(_) => "in all namespaces".into(),
            Self::Pods(mesh) => format!("in namespace {}", mesh.namespace),
            Self::Attachments(namespace) => format!("in namespace {namespace}"),
        }
    }
}

/// As [`Fleet::pending`](crate::Fleet::pending) and `troubles` name it.
impl std::fmt::Display for WatchId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Kind(kind) => f.write_str(kind.label()),
            Self::Pods(mesh) => write!(f, "pods of {mesh}"),
            Self::Attachments(namespace) => {
                write!(f, "network-attachment-definitions in {namespace}")
            }
        }
    }
}
