//! The records: a view that includes what was just written, and the one way to write.
//!
//! Two stores, one behaviour: objects in Kubernetes ([`Records::kubernetes`]), files in a state
//! directory ([`Records::directory`]). A write is seen in the view before [`Records::store`]
//! returns, whether or not an informer has heard of it; an informer that lags never turns it back.

mod directory;
mod kubernetes;
mod view;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use kubomesh_api::StoredRecords;
use kubomesh_core::{Fence, MeshId, Record, RecordWrite};
use tokio::sync::watch;

use directory::Directory;
use kubernetes::Objects;

pub use directory::DirectoryError;
pub use view::RecordsView;

/// Writes in flight at once (rules.md, Records).
const WRITES_IN_FLIGHT: usize = 32;

/// The records of every mesh.
#[derive(Clone)]
pub struct Records {
    store: Arc<Store>,
    view: watch::Receiver<Arc<RecordsView>>,
}

enum Store {
    Directory(Directory),
    Objects(Objects),
}

/// A record that was not written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// This process may not write now.
    #[error("this process may not write now")]
    Fenced,
    /// Somebody else wrote it meanwhile; what they wrote is read before the next attempt.
    #[error("record {record} was changed by somebody else meanwhile")]
    Conflict {
        /// The record's name.
        record: String,
    },
    /// The record that stands there cannot be read, and is not overwritten.
    #[error("{0}")]
    Unreadable(String),
    /// The store refused or could not be reached.
    #[error("record {record} cannot be {verb}: {why}")]
    Refused {
        /// The record's name.
        record: String,
        /// `created`, `replaced` or `deleted`.
        verb: &'static str,
        /// What the store says.
        why: String,
    },
}

// === impl Records ===

impl Records {
    /// The records of a state directory, which is made if it is not there.
    ///
    /// # Errors
    /// When another process holds it, it cannot be written, or a file in it cannot be read; the
    /// sentence names the path.
    pub fn directory(path: &Path) -> Result<Self, DirectoryError> {
        let (directory, view) = Directory::open(path)?;
        Ok(Self {
            store: Arc::new(Store::Directory(directory)),
            view,
        })
    }

    /// The records as `SwarmPeer` objects. `heard` is what the informer knows; the returned future
    /// joins it with what was written, and runs as long as the process.
    pub fn kubernetes(
        client: kube::Client,
        heard: watch::Receiver<Arc<StoredRecords>>,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (objects, view) = Objects::new(client, heard);
        let joining = objects.join();
        (
            Self {
                store: Arc::new(Store::Objects(objects)),
                view,
            },
            joining,
        )
    }

    /// The records as they stand.
    #[must_use]
    pub fn view(&self) -> Arc<RecordsView> {
        Arc::clone(&self.view.borrow())
    }

    /// The records of one mesh, by record name.
    #[must_use]
    pub fn of_mesh(&self, mesh: &MeshId) -> Arc<BTreeMap<String, Record>> {
        self.view.borrow().of_mesh(mesh)
    }

    /// Changes of the view.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Arc<RecordsView>> {
        self.view.clone()
    }

    /// Writes records of one namespace (the empty one for a state directory), each as far as the
    /// fence is open at its moment. One result a write, in order.
    pub async fn store(
        &self,
        namespace: &str,
        writes: Vec<RecordWrite>,
        fence: &dyn Fence,
    ) -> Vec<Result<(), StoreError>> {
        match &*self.store {
            Store::Directory(directory) => directory.store(writes, fence).await,
            Store::Objects(objects) => objects.store(namespace, writes, fence).await,
        }
    }
}
