//! A fence that a test opens and closes, and what a watch tells of the records on a server.
#![allow(clippy::unwrap_used, reason = "a failure here fails the test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kubomesh_api::{RecordKey, StoredRecord, StoredRecords, SwarmPeer, record_from};
use kubomesh_core::Fence;
use kubomesh_testkit::api_server::ApiServer;
use serde_json::Value;

/// A fence: open while it is true.
pub(crate) struct Switch(AtomicBool);

impl Switch {
    pub(crate) fn new(open: bool) -> Self {
        Self(AtomicBool::new(open))
    }

    pub(crate) fn set(&self, open: bool) {
        self.0.store(open, Ordering::SeqCst);
    }
}

impl Fence for Switch {
    fn may_write(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// What a watch of this epoch would tell now.
pub(crate) fn heard_now(server: &ApiServer, epoch: u64) -> StoredRecords {
    StoredRecords {
        synced: true,
        version: server.snapshot().version(),
        epoch,
        records: server.all("swarmpeers").iter().map(stored).collect(),
    }
}

fn stored(peer: &Value) -> (RecordKey, StoredRecord) {
    let peer: SwarmPeer = serde_json::from_value(peer.clone()).unwrap();
    let name = peer.metadata.name.unwrap();
    let stored = StoredRecord {
        uid: peer.metadata.uid.unwrap().into(),
        version: peer.metadata.resource_version.unwrap().into(),
        record: record_from(&name, &peer.spec).map(Arc::new),
        status: peer.status.map(Arc::new),
    };
    (
        RecordKey::new(&peer.metadata.namespace.unwrap(), &name),
        stored,
    )
}
