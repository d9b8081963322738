//! Records as a store holds them: what discovery hears of `SwarmPeer` objects and the reporter
//! builds on.

use std::collections::BTreeMap;
use std::sync::Arc;

use kubomesh_core::{MeshId, Record, Versioned};

use crate::{RecordError, SwarmMeshStatus, SwarmPeerStatus};

/// Where a record is: its namespace (empty in a state directory) and its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordKey {
    /// The namespace.
    pub namespace: Arc<str>,
    /// The record's name.
    pub name: Arc<str>,
}

/// A `SwarmPeer` object, read.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredRecord {
    /// UID of the object.
    pub uid: Arc<str>,
    /// Its resource version.
    pub version: Arc<str>,
    /// The record, or why it cannot be read.
    pub record: Result<Arc<Record>, RecordError>,
    /// Its status as it stands.
    pub status: Option<Arc<SwarmPeerStatus>>,
}

/// All `SwarmPeer` objects at one moment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StoredRecords {
    /// Whether the first list is complete.
    pub synced: bool,
    /// The latest resource version that the view includes, as a number; 0 when unknown. Resource
    /// versions of one kind are ordered numbers (KEP-5504).
    pub version: u64,
    /// Counts the times that the store was restored to an older state: a view of a later epoch
    /// replaces everything that was known, although its versions are smaller.
    pub epoch: u64,
    /// By namespace and name.
    pub records: BTreeMap<RecordKey, StoredRecord>,
}

/// The status of a `SwarmMesh` object as it stands.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StoredMesh {
    /// The object's resource version as a number; 0 when it is none.
    pub version: u64,
    /// Its status; `None` before the first.
    pub status: Option<Arc<SwarmMeshStatus>>,
}

/// Every `SwarmMesh` object's status at one moment.
pub type StoredMeshes = BTreeMap<MeshId, StoredMesh>;

// === impl StoredRecord ===

impl Versioned for StoredRecord {
    fn version(&self) -> u64 {
        self.version.parse().unwrap_or(0)
    }

    fn is_same_object(&self, other: &Self) -> bool {
        self.uid == other.uid
    }
}

// === impl RecordKey ===

impl RecordKey {
    /// A key.
    #[must_use]
    pub fn new(namespace: &str, name: &str) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }
}

impl std::fmt::Display for RecordKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.namespace.is_empty() {
            f.write_str(&self.name)
        } else {
            write!(f, "{}/{}", self.namespace, self.name)
        }
    }
}
