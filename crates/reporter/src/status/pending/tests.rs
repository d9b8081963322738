//! What is remembered of our own writes.

use std::sync::Arc;

use kubomesh_api::{RecordKey, StoredMesh, StoredMeshes, StoredRecords};
use kubomesh_core::{MeshId, Timestamp};

use super::{Desired, Sight, Written};
use crate::status::outbox::Target;
use crate::{Convergences, News};

#[test]
fn our_writes_are_remembered_until_the_watch_shows_them_or_their_object_is_gone() {
    let id = MeshId {
        namespace: "apps".into(),
        name: "kubo".into(),
        uid: "mesh-uid".into(),
    };
    let mut written = Written::default();
    let mesh = Desired::Mesh(Arc::default());
    written.note(Target::Mesh(id.clone()), 7, mesh);
    let gone = Target::Peer(RecordKey::new("apps", "gone"));
    written.note(gone, 7, Desired::Peer(Arc::default()));

    let (news, convergences) = (News::default(), Convergences::default());
    let peers = StoredRecords::default();
    let mut left_at = |version| {
        let stored = StoredMesh {
            version,
            status: None,
        };
        let meshes = StoredMeshes::from([(id.clone(), stored)]);
        let sight = Sight {
            news: &news,
            meshes: &meshes,
            peers: &peers,
            convergences: &convergences,
            now: Timestamp(0),
        };
        let _ = sight.pending(&mut written);
        written.by_target.keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(left_at(6), [Target::Mesh(id.clone())]);
    assert_eq!(left_at(7), []);
}
