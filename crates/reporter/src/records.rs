//! Records: what must survive a crash, stored before what it covers is done.

mod cluster;
mod directory;
mod error;
mod overlay;
mod view;

use std::collections::BTreeMap;
use std::future::Future;
use std::path::Path;
use std::sync::Arc;

use kubomesh_api::{RecordError, StoredRecords};
use kubomesh_core::{Fence, Found, MeshId, Record, RecordWrite};
use tokio::sync::watch;

use crate::ReporterMetrics;

pub use error::{DirectoryError, StoreError, StoreErrorKind};
pub use view::{NotOurs, RecordsView};

use cluster::ClusterRecords;
use directory::DirectoryRecords;

/// The records of all meshes, in one of two stores. Cheap to clone; every clone is the same store.
#[derive(Clone)]
pub struct Records {
    store: Arc<Store>,
    /// Where writes are counted.
    metrics: Option<ReporterMetrics>,
}

enum Store {
    Cluster(ClusterRecords),
    Directory(DirectoryRecords),
}

// === impl Records ===

impl Records {
    /// Records as `SwarmPeer` objects, and the work that follows `heard`, what discovery hears of
    /// them; it runs until it is dropped.
    pub fn kubernetes(
        client: kube::Client,
        heard: watch::Receiver<Arc<StoredRecords>>,
    ) -> (Self, impl Future<Output = ()> + Send) {
        let records = Self {
            store: Arc::new(Store::Cluster(ClusterRecords::new(client))),
            metrics: None,
        };
        let following = follow(records.clone(), heard);
        (records, following)
    }

    /// Records as JSON files in a state directory, which this process then holds alone, and the work
    /// that notices what hands change there; it runs until it is dropped. Files are read and written
    /// off the async workers. A file that is no record is [unreadable](RecordsView::unreadable), at the
    /// start as later.
    ///
    /// # Errors
    /// When the directory cannot be used, or another process holds it.
    pub async fn directory(
        path: &Path,
    ) -> Result<(Self, impl Future<Output = ()> + Send + use<>), DirectoryError> {
        let at = path.to_owned();
        let opening = tokio::task::spawn_blocking(move || DirectoryRecords::open(&at)).await;
        let directory = opening.map_err(|error| DirectoryError::Io {
            path: path.to_owned(),
            source: std::io::Error::other(error),
        })??;
        let records = Self {
            store: Arc::new(Store::Directory(directory)),
            metrics: None,
        };
        let following = follow_directory(records.clone());
        Ok((records, following))
    }

    /// The same store, its writes counted.
    #[must_use]
    pub fn counted(self, metrics: ReporterMetrics) -> Self {
        let metrics = Some(metrics);
        Self { metrics, ..self }
    }

    /// All records as they stand, our own last writes included.
    #[must_use]
    pub fn view(&self) -> Arc<RecordsView> {
        Arc::clone(&self.sender().borrow())
    }

    /// The view, followed. It changes when a record does, and with nothing else.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Arc<RecordsView>> {
        self.sender().subscribe()
    }

    /// The records of one mesh by record name. The same value while none of them changes.
    #[must_use]
    pub fn of_mesh(&self, mesh: &MeshId) -> Arc<BTreeMap<String, Record>> {
        self.view().of_mesh(mesh)
    }

    /// Stores and deletes records of a namespace (empty in a state directory): one result for each,
    /// in order. A write that changes nothing is not sent. At most 32 are in flight. What failed is
    /// not repeated: the next pass plans it again, from what stands then.
    ///
    /// `used`: the records that the writes were planned from, by name. Where another one stands by
    /// now, or none, or one where there was none, the write is a conflict.
    pub async fn store(
        &self,
        namespace: &str,
        used: &BTreeMap<String, Record>,
        writes: Vec<RecordWrite>,
        fence: &dyn Fence,
    ) -> Vec<Result<(), StoreError>> {
        if writes.is_empty() {
            return Vec::new();
        }
        let results = match &*self.store {
            Store::Cluster(cluster) => cluster.store(namespace, used, writes, fence).await,
            Store::Directory(directory) => directory.store(used, writes, fence).await,
        };
        if let Some(metrics) = &self.metrics {
            for result in &results {
                metrics.stored(result.as_ref().err().map(StoreError::kind));
            }
        }
        results
    }

    fn sender(&self) -> &watch::Sender<Arc<RecordsView>> {
        match &*self.store {
            Store::Cluster(cluster) => cluster.sender(),
            Store::Directory(directory) => directory.sender(),
        }
    }
}

impl std::fmt::Debug for Records {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Records")
            .field("synced", &self.view().synced)
            .finish_non_exhaustive()
    }
}

/// Whether a write is to be made where a record stands like this that its plan `used` like that.
fn is_due(
    write: &RecordWrite,
    stands: Option<Result<&Record, &RecordError>>,
    used: Option<&Record>,
) -> Result<bool, StoreError> {
    let stands = stands
        .transpose()
        .map_err(|error| StoreError::Unreadable(error.clone()))?;
    match write.finds(stands, used) {
        Found::AsWanted => Ok(false),
        Found::AsUsed => Ok(true),
        Found::Changed => Err(StoreError::Conflict(write.name())),
    }
}

async fn follow_directory(records: Records) {
    if let Store::Directory(directory) = &*records.store {
        directory.follow().await;
    }
}

async fn follow(records: Records, mut heard: watch::Receiver<Arc<StoredRecords>>) {
    let Store::Cluster(cluster) = &*records.store else {
        return;
    };
    loop {
        let base = Arc::clone(&heard.borrow_and_update());
        cluster.heard(base);
        if heard.changed().await.is_err() {
            // Discovery has ended; what was heard last stands.
            std::future::pending::<()>().await;
        }
    }
}
