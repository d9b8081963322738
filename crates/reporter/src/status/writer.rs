//! The task that writes statuses, and says their transitions as events.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use kube::Client;
use kube::api::{Patch, PatchParams, Request};
use kubomesh_api::{GROUP, VERSION};
use kubomesh_core::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::outbox::{Outbox, Target};
use super::pending::{Pending, Shared, Sight, Written};
use crate::events::{Events, Transition};
use crate::{Cluster, News, ReporterMetrics};

/// Deadline of one write.
const DEADLINE: Duration = Duration::from_secs(5);

/// After a failed write.
const FAILURE_RETRY: Duration = Duration::from_secs(5);

/// After a conflict: the watch is about to tell what changed.
const CONFLICT_RETRY: Duration = Duration::from_millis(500);

/// Time between two looks at everything, at least: a look costs as much as there are members.
const LOOK: Duration = Duration::from_millis(100);

/// How often it is looked whether this replica may write by now.
const FENCED: Duration = Duration::from_secs(1);

/// Most status writes a second, whatever the policies say (rules.md, Limits).
const MOST_PER_SECOND: u32 = 50;

/// Writes the statuses.
pub(crate) struct StatusWriter {
    cluster: Cluster,
    now: Box<dyn Fn() -> Timestamp + Send + Sync>,
    metrics: ReporterMetrics,
    convergences: Shared,
    events: Events,
    outbox: Outbox,
    written: Written,
    /// The last complaint, so that it is not repeated with every write.
    said: Option<String>,
}

/// What an answer is read for.
#[derive(Deserialize)]
struct Answer {
    metadata: AnswerMeta,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AnswerMeta {
    resource_version: String,
}

/// What became of a write.
enum Outcome {
    Done(u64),
    /// The object is gone.
    Gone,
    Conflict,
    Failed(String),
}

// === impl StatusWriter ===

impl StatusWriter {
    pub(crate) fn new(
        cluster: Cluster,
        now: Box<dyn Fn() -> Timestamp + Send + Sync>,
        metrics: ReporterMetrics,
        convergences: Shared,
        events: Events,
    ) -> Self {
        let outbox = Outbox::new(cluster.timings, now());
        let (written, said) = (Written::default(), None);
        Self {
            cluster,
            now,
            metrics,
            convergences,
            events,
            outbox,
            written,
            said,
        }
    }

    /// Writes until it is dropped.
    pub(crate) async fn run(mut self, mut news: tokio::sync::watch::Receiver<Arc<News>>) {
        loop {
            let wait = if self.cluster.fence.may_write() {
                let latest = Arc::clone(&news.borrow_and_update());
                self.round(&latest).await
            } else {
                Some(FENCED)
            };
            // What came while writing is looked at together.
            tokio::time::sleep(LOOK).await;
            tokio::select! {
                _ = news.changed() => {}
                _ = self.cluster.meshes.changed() => {}
                _ = self.cluster.peers.changed() => {}
                () = tokio::time::sleep(wait.unwrap_or(Duration::from_secs(3_600))) => {}
            }
        }
    }

    /// Writes what is due; answers how long until something else is.
    async fn round(&mut self, news: &News) -> Option<Duration> {
        let now = (self.now)();
        let meshes = Arc::clone(&self.cluster.meshes.borrow_and_update());
        let peers = Arc::clone(&self.cluster.peers.borrow_and_update());
        let mut pending = {
            let convergences = self.convergences.lock();
            let (meshes, peers) = (&*meshes, &*peers);
            let sight = Sight {
                news,
                meshes,
                peers,
                convergences: &convergences,
                now,
            };
            sight.pending(&mut self.written)
        };
        let differing: BTreeMap<_, _> = pending
            .iter()
            .map(|(target, pending)| (target.clone(), pending.change))
            .collect();
        let choice = self.outbox.choose(&differing, per_second(news), now);
        let chosen: Vec<_> = choice
            .now
            .iter()
            .filter_map(|target| pending.remove_entry(target))
            .collect();
        let writes = chosen
            .iter()
            .map(|(target, pending)| self.write(target, pending));
        let outcomes = join_all(writes).await;
        let mut next = choice.next;
        for ((target, pending), outcome) in chosen.into_iter().zip(outcomes) {
            // What was written is looked at again when the watch shows it.
            let retry = self.note(target, pending, outcome);
            next = [next, retry].into_iter().flatten().min();
        }
        next
    }

    async fn write(&self, target: &Target, pending: &Pending) -> Outcome {
        if !self.cluster.fence.may_write() {
            return Outcome::Conflict;
        }
        let answer = timeout(DEADLINE, patch(&self.cluster.client, target, pending)).await;
        match answer {
            Ok(Ok(version)) => Outcome::Done(version),
            Ok(Err(kube::Error::Api(status))) if status.code == 404 => Outcome::Gone,
            Ok(Err(kube::Error::Api(status))) if status.code == 409 => Outcome::Conflict,
            Ok(Err(kube::Error::Api(status))) if status.code == 403 => Outcome::Failed(format!(
                "the controller may not patch {}/status.{GROUP}: grant its service account the \
                 verb `patch` on them, as manifests/base/rbac.yaml does ({})",
                target.plural(),
                status.message
            )),
            Ok(Err(error)) => Outcome::Failed(format!("the status of {target}: {error}")),
            Err(_) => Outcome::Failed(format!(
                "the status of {target}: the API server did not answer for {} s",
                DEADLINE.as_secs()
            )),
        }
    }

    /// Takes an outcome in; after what time it is tried again, if it is.
    fn note(&mut self, target: Target, pending: Pending, outcome: Outcome) -> Option<Duration> {
        let retry = match &outcome {
            Outcome::Done(_) | Outcome::Gone => None,
            Outcome::Conflict => Some(CONFLICT_RETRY),
            Outcome::Failed(_) => Some(FAILURE_RETRY),
        };
        self.outbox.attempted(target.clone(), retry, (self.now)());
        let label = match &outcome {
            Outcome::Done(_) | Outcome::Gone => "done",
            Outcome::Conflict => "conflict",
            Outcome::Failed(_) => "failed",
        };
        self.metrics.writes.get((target.what(), label)).inc();
        match outcome {
            Outcome::Done(version) => {
                self.said = None;
                for transition in Transition::between(&pending.before, pending.desired.conditions())
                {
                    self.events.say(target.regarding(&pending.uid), transition);
                }
                self.written.note(target, version, pending.desired);
            }
            Outcome::Failed(why) if self.said.as_ref() != Some(&why) => {
                tracing::warn!("{why}");
                self.said = Some(why);
            }
            _ => {}
        }
        retry
    }
}

/// Together they may not exceed the least that a mesh allows.
fn per_second(news: &News) -> u32 {
    let allowed = news
        .meshes
        .values()
        .map(|mesh| mesh.status_writes_per_second.max(1));
    allowed
        .min()
        .unwrap_or(MOST_PER_SECOND)
        .min(MOST_PER_SECOND)
}

/// Replaces the status of the object in the version that we know: the one thing by which the API
/// server tells a changed object, or another of the same name (it does not look at the UID here).
/// Answers with the new version.
async fn patch(client: &Client, target: &Target, pending: &Pending) -> Result<u64, kube::Error> {
    let (namespace, name) = target.place();
    let path = format!(
        "/apis/{GROUP}/{VERSION}/namespaces/{namespace}/{}",
        target.plural()
    );
    let status = pending.desired.json().map_err(kube::Error::SerdeError)?;
    let metadata = match pending.version {
        0 => json!({}),
        version => json!({ "resourceVersion": version.to_string() }),
    };
    let body: Value = json!({
        "apiVersion": format!("{GROUP}/{VERSION}"),
        "kind": target.kind(),
        "metadata": metadata,
        "status": status,
    });
    let request = Request::new(path)
        .patch_subresource(
            "status",
            name,
            &PatchParams::default(),
            &Patch::Merge(&body),
        )
        .map_err(kube::Error::BuildRequest)?;
    let answer: Answer = client.request(request).await?;
    Ok(answer.metadata.resource_version.parse().unwrap_or(0))
}

// === impl Target ===

impl Target {
    fn place(&self) -> (&str, &str) {
        match self {
            Self::Mesh(id) => (&id.namespace, &id.name),
            Self::Peer(key) => (&key.namespace, &key.name),
        }
    }

    fn plural(&self) -> &'static str {
        match self {
            Self::Mesh(_) => "swarmmeshes",
            Self::Peer(_) => "swarmpeers",
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Mesh(_) => "SwarmMesh",
            Self::Peer(_) => "SwarmPeer",
        }
    }

    fn what(&self) -> &'static str {
        match self {
            Self::Mesh(_) => "mesh_status",
            Self::Peer(_) => "peer_status",
        }
    }

    fn regarding(&self, uid: &str) -> k8s_openapi::api::core::v1::ObjectReference {
        let (namespace, name) = self.place();
        k8s_openapi::api::core::v1::ObjectReference {
            api_version: Some(format!("{GROUP}/{VERSION}")),
            kind: Some(self.kind().into()),
            name: Some(name.into()),
            namespace: Some(namespace.into()),
            uid: Some(uid.into()),
            ..Default::default()
        }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (namespace, name) = self.place();
        write!(f, "{} {namespace}/{name}", self.kind())
    }
}
