//! Records as `SwarmPeer` objects: each write says which version it changes, and nothing of it that is
//! not ours.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions};
use kube::{Api, Client};
use kubomesh_api::{RecordKey, StoredRecord, StoredRecords, SwarmPeer, record_from, record_spec};
use kubomesh_core::{Fence, Record, RecordWrite};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use super::overlay::Overlay;
use super::view::{Change, RecordsView};
use super::{StoreError, is_due};

/// Writes in flight, all meshes together (rules.md, Records).
const IN_FLIGHT: usize = 32;

/// Deadline of one call.
const DEADLINE: Duration = Duration::from_secs(5);

/// Label of every record: its mesh, for `kubectl get sp -l`.
const MESH_LABEL: &str = "kubomesh.dev/mesh";

/// Longest value of a label.
const MAX_LABEL: usize = 63;

/// `SwarmPeer` objects.
pub(super) struct ClusterRecords {
    client: Client,
    overlay: Mutex<Overlay>,
    view: watch::Sender<Arc<RecordsView>>,
    slots: Semaphore,
}

// === impl ClusterRecords ===

impl ClusterRecords {
    pub(super) fn new(client: Client) -> Self {
        Self {
            client,
            overlay: Mutex::default(),
            view: watch::Sender::new(Arc::default()),
            slots: Semaphore::new(IN_FLIGHT),
        }
    }

    pub(super) fn sender(&self) -> &watch::Sender<Arc<RecordsView>> {
        &self.view
    }

    /// What the watch tells.
    pub(super) fn heard(&self, base: Arc<StoredRecords>) {
        self.change(|overlay| overlay.heard(base));
    }

    pub(super) async fn store(
        &self,
        namespace: &str,
        used: &BTreeMap<String, Record>,
        writes: Vec<RecordWrite>,
        fence: &dyn Fence,
    ) -> Vec<Result<(), StoreError>> {
        let one = |write| async move {
            // Never closed: it lives as long as this store.
            let _slot = self.slots.acquire().await;
            self.write(namespace, used, &write, fence).await
        };
        futures::stream::iter(writes.into_iter().map(one))
            .buffered(IN_FLIGHT)
            .collect()
            .await
    }

    /// One write of what stands as its plan used it. That it still stands so when the write arrives
    /// is for the API server to see.
    async fn write(
        &self,
        namespace: &str,
        used: &BTreeMap<String, Record>,
        write: &RecordWrite,
        fence: &dyn Fence,
    ) -> Result<(), StoreError> {
        let name = write.name();
        let key = RecordKey::new(namespace, &name);
        let before = self.overlay().get(&key).cloned();
        let stands = before.as_ref().map(|stored| stored.record.as_deref());
        if !is_due(write, stands, used.get(&name))? {
            return Ok(());
        }
        if !fence.may_write() {
            return Err(StoreError::Fenced);
        }
        match (write, before) {
            (RecordWrite::Put(record), before) => self.put(key, record, before).await,
            (RecordWrite::Delete(_), Some(before)) => self.delete(key, before).await,
            (RecordWrite::Delete(_), None) => Ok(()),
        }
    }

    async fn put(
        &self,
        key: RecordKey,
        record: &Record,
        before: Option<StoredRecord>,
    ) -> Result<(), StoreError> {
        let name = record.name();
        let api = self.api(&key.namespace);
        let (verb, answer) = match &before {
            None => {
                let creation = create(&api, &key.namespace, record);
                ("create", timeout(DEADLINE, creation).await)
            }
            Some(stored) => {
                let change = patch(&api, record, stored);
                ("patch", timeout(DEADLINE, change).await)
            }
        };
        match answer {
            Ok(Ok(written)) => {
                self.change(|overlay| vec![overlay.wrote(key, stored(&written))]);
                Ok(())
            }
            Ok(Err(kube::Error::Api(status))) if matches!(status.code, 404 | 409) => {
                self.read_again(&key, before.as_ref()).await;
                let missing = verb == "create" && status.code == 404;
                Err(if missing {
                    refused(&name, verb, &status)
                } else {
                    StoreError::Conflict(name)
                })
            }
            other => Err(failed(&name, verb, other)),
        }
    }

    async fn delete(&self, key: RecordKey, before: StoredRecord) -> Result<(), StoreError> {
        let name = &*key.name;
        let params = DeleteParams {
            preconditions: Some(Preconditions {
                uid: Some(before.uid.to_string()),
                resource_version: Some(before.version.to_string()),
            }),
            ..DeleteParams::default()
        };
        let api = self.api(&key.namespace);
        match timeout(DEADLINE, api.delete(name, &params)).await {
            Ok(Ok(_)) => {
                self.change(|overlay| vec![overlay.deleted(key, before)]);
                Ok(())
            }
            Ok(Err(kube::Error::Api(status))) if status.code == 404 => {
                self.read_again(&key, Some(&before)).await;
                Ok(())
            }
            Ok(Err(kube::Error::Api(status))) if status.code == 409 => {
                self.read_again(&key, Some(&before)).await;
                Err(StoreError::Conflict(name.into()))
            }
            other => Err(failed(name, "delete", other)),
        }
    }

    /// Reads an object that was not as we thought, so that the next pass starts from what it is. As
    /// a list of one: the verb `list` is granted, `get` is not.
    async fn read_again(&self, key: &RecordKey, before: Option<&StoredRecord>) {
        let named = ListParams::default().fields(&format!("metadata.name={}", key.name));
        let answer = timeout(DEADLINE, self.api(&key.namespace).list(&named)).await;
        // No answer: the watch will tell.
        let Ok(Ok(list)) = answer else {
            return;
        };
        self.change(|overlay| match (list.items.first(), before) {
            (Some(peer), _) => vec![overlay.wrote(key.clone(), stored(peer))],
            (None, Some(before)) => vec![overlay.deleted(key.clone(), before.clone())],
            // Gone before we knew it.
            (None, None) => Vec::new(),
        });
    }

    /// Changes the overlay and publishes what that changes, as one step: no view is ever older than
    /// the one before it.
    fn change(&self, change: impl FnOnce(&mut Overlay) -> Vec<Change>) {
        let mut overlay = self.overlay();
        let changes = change(&mut overlay);
        let synced = overlay.is_synced();
        self.view.send_if_modified(|view| {
            let mut next = RecordsView::clone(view);
            let became_synced = synced && !next.synced;
            next.synced |= synced;
            let changed = next.take(changes) || became_synced;
            if changed {
                *view = Arc::new(next);
            }
            changed
        });
    }

    fn overlay(&self) -> MutexGuard<'_, Overlay> {
        self.overlay.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn api(&self, namespace: &str) -> Api<SwarmPeer> {
        Api::namespaced(self.client.clone(), namespace)
    }
}

async fn create(
    api: &Api<SwarmPeer>,
    namespace: &str,
    record: &Record,
) -> Result<SwarmPeer, kube::Error> {
    let mut peer = SwarmPeer::new(&record.name(), record_spec(record));
    peer.metadata.namespace = Some(namespace.to_owned());
    peer.metadata.labels =
        mesh_label(record).map(|value| [(MESH_LABEL.to_owned(), value.to_owned())].into());
    api.create(&PostParams::default(), &peer).await
}

/// A merge patch (RFC 7386) of what is ours: labels, annotations, finalizers and owners that others
/// put on the object are not in it, and stay. Only the version that we know may be changed: any other
/// is a conflict to the API server. So is another object of this name, unless a restored store gave
/// it the same version: then its UID, which nobody may change, has the patch refused.
async fn patch(
    api: &Api<SwarmPeer>,
    record: &Record,
    stored: &StoredRecord,
) -> Result<SwarmPeer, kube::Error> {
    let body = json!({
        "metadata": {
            "uid": &*stored.uid,
            "resourceVersion": &*stored.version,
            "labels": { MESH_LABEL: mesh_label(record) },
        },
        "spec": spec_patch(record, stored).map_err(kube::Error::SerdeError)?,
    });
    let params = PatchParams::default();
    api.patch(&record.name(), &params, &Patch::Merge(&body))
        .await
}

/// The whole spec. A field that stands and is to be absent is null: what a merge patch does not name
/// stays.
fn spec_patch(record: &Record, stored: &StoredRecord) -> Result<Value, serde_json::Error> {
    let mut spec = serde_json::to_value(record_spec(record))?;
    let stands = stored.record.as_ref().ok();
    let stands = stands.map(|stands| serde_json::to_value(record_spec(stands)));
    if let (Value::Object(spec), Some(Value::Object(stands))) = (&mut spec, stands.transpose()?) {
        for (field, _) in stands {
            spec.entry(field).or_insert(Value::Null);
        }
    }
    Ok(spec)
}

/// The label's value, which may be shorter than a mesh's name: it is for people alone.
fn mesh_label(record: &Record) -> Option<&str> {
    (record.mesh.len() <= MAX_LABEL).then_some(&*record.mesh)
}

fn stored(peer: &SwarmPeer) -> StoredRecord {
    let name = peer.metadata.name.as_deref().unwrap_or_default();
    StoredRecord {
        uid: peer.metadata.uid.as_deref().unwrap_or_default().into(),
        version: peer
            .metadata
            .resource_version
            .as_deref()
            .unwrap_or_default()
            .into(),
        record: record_from(name, &peer.spec).map(Arc::new),
        status: peer.status.clone().map(Arc::new),
    }
}

fn refused(name: &str, verb: &str, status: &kube::core::Status) -> StoreError {
    let why = match status.code {
        403 => format!(
            "the controller may not {verb} swarmpeers.kubomesh.dev: grant its service account the \
             verb `{verb}` on them, as manifests/base/rbac.yaml does ({})",
            status.message
        ),
        404 => "the API server does not know swarmpeers.kubomesh.dev, or the namespace is gone: \
                install the CRDs with `kubomesh gen crds | kubectl apply --server-side -f -`"
            .into(),
        code => format!(
            "the API server refuses to {verb} it: {} ({code})",
            status.message
        ),
    };
    StoreError::Refused {
        record: name.into(),
        why,
    }
}

fn failed<T>(
    name: &str,
    verb: &str,
    answer: Result<Result<T, kube::Error>, tokio::time::error::Elapsed>,
) -> StoreError {
    let why = match answer {
        Ok(Err(kube::Error::Api(status))) if (400..500).contains(&status.code) => {
            return refused(name, verb, &status);
        }
        Ok(Err(error)) => error.to_string(),
        Ok(Ok(_)) => "the answer is unexpected".into(),
        Err(_) => format!(
            "the API server did not answer a {verb} for {} s",
            DEADLINE.as_secs()
        ),
    };
    StoreError::Failed {
        record: name.into(),
        why,
    }
}
