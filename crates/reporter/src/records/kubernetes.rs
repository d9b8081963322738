//! Records as `SwarmPeer` objects.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use kube::api::{Api, DeleteParams, ObjectMeta, PostParams, Preconditions};
use kubomesh_api::{RecordKey, StoredRecords, SwarmPeer, record_spec};
use kubomesh_core::{Fence, Record, RecordWrite};
use tokio::sync::watch;

use super::{RecordsView, StoreError, WRITES_IN_FLIGHT};

/// Deadline of one request.
const DEADLINE: Duration = Duration::from_secs(5);

/// Label of every record: the mesh it belongs to, for `kubectl get sp -l`.
const MESH_LABEL: &str = "kubomesh.dev/mesh";

/// The objects of this cluster.
pub(super) struct Objects {
    client: kube::Client,
    shared: Arc<Shared>,
}

struct Shared {
    heard: watch::Receiver<Arc<StoredRecords>>,
    own: Mutex<Own>,
    view: watch::Sender<Arc<RecordsView>>,
}

/// What this process wrote and the informer has not heard of yet.
#[derive(Default)]
struct Own {
    epoch: u64,
    writes: BTreeMap<RecordKey, Written>,
}

#[derive(Clone)]
enum Written {
    /// Stands there at this resource version.
    Put {
        version: Arc<str>,
        record: Arc<Record>,
    },
    /// The object of this UID is gone.
    Deleted { uid: Arc<str> },
}

/// The object that a write is about, as far as it is known.
struct Standing {
    uid: Option<Arc<str>>,
    version: Arc<str>,
}

// === impl Objects ===

impl Objects {
    pub(super) fn new(
        client: kube::Client,
        heard: watch::Receiver<Arc<StoredRecords>>,
    ) -> (Self, watch::Receiver<Arc<RecordsView>>) {
        let (view, receiver) = watch::channel(Arc::default());
        let shared = Arc::new(Shared {
            heard,
            own: Mutex::default(),
            view,
        });
        shared.refresh();
        (Self { client, shared }, receiver)
    }

    /// Joins what is heard with what was written, as it changes.
    pub(super) fn join(&self) -> impl Future<Output = ()> + Send + use<> {
        let shared = Arc::clone(&self.shared);
        async move {
            let mut heard = shared.heard.clone();
            heard.mark_changed();
            while heard.changed().await.is_ok() {
                shared.refresh();
            }
        }
    }

    pub(super) async fn store(
        &self,
        namespace: &str,
        writes: Vec<RecordWrite>,
        fence: &dyn Fence,
    ) -> Vec<Result<(), StoreError>> {
        let api = Api::namespaced(self.client.clone(), namespace);
        let written = futures::stream::iter(writes).map(|write| {
            let api = &api;
            async move { self.write(api, namespace, write, fence).await }
        });
        let results = written.buffered(WRITES_IN_FLIGHT).collect().await;
        self.shared.refresh();
        results
    }

    async fn write(
        &self,
        api: &Api<SwarmPeer>,
        namespace: &str,
        write: RecordWrite,
        fence: &dyn Fence,
    ) -> Result<(), StoreError> {
        if !fence.may_write() {
            return Err(StoreError::Fenced);
        }
        match write {
            RecordWrite::Put(record) => {
                let key = RecordKey::new(namespace, &record.name());
                let standing = self.shared.standing(&key)?;
                self.put(api, key, *record, standing).await
            }
            RecordWrite::Delete(name) => {
                let key = RecordKey::new(namespace, &name);
                match self.shared.standing(&key).unwrap_or(None) {
                    Some(standing) => self.delete(api, key, standing).await,
                    None => Ok(()),
                }
            }
        }
    }

    async fn put(
        &self,
        api: &Api<SwarmPeer>,
        key: RecordKey,
        record: Record,
        standing: Option<Standing>,
    ) -> Result<(), StoreError> {
        let mut object = SwarmPeer::new(&key.name, record_spec(&record));
        object.metadata = ObjectMeta {
            name: Some(key.name.to_string()),
            labels: Some([(MESH_LABEL.to_owned(), record.mesh.to_string())].into()),
            resource_version: standing
                .as_ref()
                .map(|standing| standing.version.to_string()),
            ..ObjectMeta::default()
        };
        let params = PostParams::default();
        let (verb, answer) = match standing {
            None => ("created", within(api.create(&params, &object)).await),
            Some(_) => (
                "replaced",
                within(api.replace(&key.name, &params, &object)).await,
            ),
        };
        let stored = answer.map_err(|error| error.about(&key, verb))?;
        let version = stored.metadata.resource_version.unwrap_or_default().into();
        self.shared.wrote(
            key,
            Written::Put {
                version,
                record: Arc::new(record),
            },
        );
        Ok(())
    }

    async fn delete(
        &self,
        api: &Api<SwarmPeer>,
        key: RecordKey,
        standing: Standing,
    ) -> Result<(), StoreError> {
        let params = DeleteParams {
            preconditions: Some(Preconditions {
                resource_version: Some(standing.version.to_string()),
                uid: standing.uid.as_ref().map(ToString::to_string),
            }),
            ..DeleteParams::default()
        };
        match within(api.delete(&key.name, &params)).await {
            Ok(_) | Err(Refusal::Gone) => {}
            Err(error) => return Err(error.about(&key, "deleted")),
        }
        match standing.uid {
            Some(uid) => self.shared.wrote(key, Written::Deleted { uid }),
            None => drop(lock(&self.shared.own).writes.remove(&key)),
        }
        Ok(())
    }
}

// === impl Shared ===

impl Shared {
    /// What stands at a key, with our own writes; an object that cannot be read is not overwritten.
    fn standing(&self, key: &RecordKey) -> Result<Option<Standing>, StoreError> {
        let heard = self.heard.borrow().clone();
        let stored = heard.records.get(key);
        match lock(&self.own).writes.get(key) {
            Some(Written::Put { version, .. }) => {
                let uid = stored.map(|stored| Arc::clone(&stored.uid));
                return Ok(Some(Standing {
                    uid,
                    version: Arc::clone(version),
                }));
            }
            Some(Written::Deleted { uid }) if stored.is_none_or(|stored| stored.uid == *uid) => {
                return Ok(None);
            }
            _ => {}
        }
        let Some(stored) = stored else {
            return Ok(None);
        };
        match &stored.record {
            Err(error) => Err(StoreError::Unreadable(error.to_string())),
            Ok(_) => Ok(Some(Standing {
                uid: Some(Arc::clone(&stored.uid)),
                version: Arc::clone(&stored.version),
            })),
        }
    }

    fn wrote(&self, key: RecordKey, written: Written) {
        lock(&self.own).writes.insert(key, written);
    }

    /// Drops own writes that the informer has caught up with, and publishes the rest over what it
    /// heard.
    fn refresh(&self) {
        let heard = Arc::clone(&self.heard.borrow());
        let mut own = lock(&self.own);
        if own.epoch != heard.epoch {
            // A new list, or a restored store: what it shows is all there is.
            own.epoch = heard.epoch;
            own.writes.clear();
        }
        own.writes
            .retain(|key, written| is_ahead(&heard, key, written));
        let hidden = |key: &RecordKey| own.writes.contains_key(key);
        let readable = heard.records.iter().filter(|(key, _)| !hidden(key));
        let readable =
            readable.filter_map(|(key, stored)| Some((key, &**stored.record.as_ref().ok()?)));
        let written = own
            .writes
            .iter()
            .filter_map(|(key, written)| match written {
                Written::Put { record, .. } => Some((key, &**record)),
                Written::Deleted { .. } => None,
            });
        self.view.send_if_modified(|view| {
            let now = RecordsView::new(heard.synced, readable.chain(written), view);
            let changed = now != **view;
            if changed {
                *view = Arc::new(now);
            }
            changed
        });
    }
}

/// Whether an own write is newer than what was heard.
fn is_ahead(heard: &StoredRecords, key: &RecordKey, written: &Written) -> bool {
    let stored = heard.records.get(key);
    match written {
        Written::Put { version, .. } => match (version.parse::<u64>(), stored) {
            (Ok(version), Some(stored)) => number(&stored.version) < version,
            (Ok(version), None) => heard.version < version,
            // Versions that are no numbers cannot be compared: until the informer shows this one.
            (Err(_), Some(stored)) => stored.version != *version,
            (Err(_), None) => true,
        },
        Written::Deleted { uid } => stored.is_some_and(|stored| stored.uid == *uid),
    }
}

fn number(version: &str) -> u64 {
    version.parse().unwrap_or(0)
}

/// Why the API server did not do it.
enum Refusal {
    Conflict,
    Gone,
    Other(String),
}

impl Refusal {
    fn about(self, key: &RecordKey, verb: &'static str) -> StoreError {
        let record = key.to_string();
        match self {
            Self::Conflict => StoreError::Conflict { record },
            // Deleted by hand meanwhile: the next pass makes it anew.
            Self::Gone => StoreError::Conflict { record },
            Self::Other(why) => StoreError::Refused { record, verb, why },
        }
    }
}

async fn within<T>(call: impl Future<Output = kube::Result<T>>) -> Result<T, Refusal> {
    match tokio::time::timeout(DEADLINE, call).await {
        Err(_) => Err(Refusal::Other(format!(
            "no answer within {} s",
            DEADLINE.as_secs()
        ))),
        Ok(Err(kube::Error::Api(status))) if status.code == 409 => Err(Refusal::Conflict),
        Ok(Err(kube::Error::Api(status))) if status.code == 404 => Err(Refusal::Gone),
        Ok(Err(kube::Error::Api(status))) => Err(Refusal::Other(status.message.clone())),
        Ok(Err(error)) => Err(Refusal::Other(error.to_string())),
        Ok(Ok(value)) => Ok(value),
    }
}

fn lock(own: &Mutex<Own>) -> MutexGuard<'_, Own> {
    own.lock().unwrap_or_else(PoisonError::into_inner)
}
