//! The watched kinds: where they are found and what is kept of each object.

use std::sync::Arc;

use kubomesh_api::{
    RecordError, RecordKey, StoredMesh, StoredRecord, SwarmMesh, SwarmPeer, record_from,
};
use kubomesh_core::{Condition, ConditionKind, MeshId, NetworkPolicy, ReasonCode, Status};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::WatchKind;
use super::informer::number_of;
use crate::pod::{Meta, PodWire, nullable, timestamp};
use crate::{MeshFacts, PodFacts};

/// A kind that is watched.
pub(super) trait Watched: Send + 'static {
    /// What the API server sends.
    type Wire: DeserializeOwned;
    /// What is kept.
    type Facts: Send + 'static;
    /// Which kind.
    const KIND: WatchKind;

    /// Keeps what is needed.
    fn facts(wire: Self::Wire) -> Self::Facts;

    /// What stands for an object that cannot be decoded; `None`: it is left out.
    fn undecodable(meta: Meta, why: &str) -> Option<Self::Facts>;
}

/// Pods of a mesh.
pub(super) struct Pods;

/// `SwarmMesh` objects. One that cannot be decoded is a mesh that is not acted on, never a mesh that
/// is gone.
pub(super) struct Meshes;

/// `SwarmPeer` objects. One that cannot be decoded is a record that cannot be read.
pub(super) struct Peers;

/// Nodes.
pub(super) struct Nodes;

/// A mesh and its object's status.
pub(super) struct MeshObject {
    pub(super) facts: MeshFacts,
    pub(super) stored: StoredMesh,
}

/// A record as its object holds it.
pub(super) struct PeerFacts {
    pub(super) key: RecordKey,
    pub(super) stored: StoredRecord,
}

/// A node's name and zone.
pub(super) type NodeFacts = (Arc<str>, Arc<str>);

#[derive(Deserialize)]
pub(super) struct NodeWire {
    metadata: NodeMeta,
}

#[derive(Deserialize)]
struct NodeMeta {
    name: String,
    #[serde(default, deserialize_with = "nullable")]
    labels: NodeLabels,
}

/// Of all labels the one that is read.
#[derive(Default, Deserialize)]
#[serde(default)]
struct NodeLabels {
    #[serde(rename = "topology.kubernetes.io/zone", deserialize_with = "nullable")]
    zone: String,
}

// === impl Watched ===

impl Watched for Pods {
    type Wire = PodWire;
    type Facts = PodFacts;
    const KIND: WatchKind = WatchKind::Pods;

    fn facts(wire: PodWire) -> PodFacts {
        wire.facts()
    }

    fn undecodable(_: Meta, _: &str) -> Option<PodFacts> {
        None
    }
}

impl Watched for Meshes {
    type Wire = SwarmMesh;
    type Facts = MeshObject;
    const KIND: WatchKind = WatchKind::Meshes;

    fn facts(wire: SwarmMesh) -> MeshObject {
        let version = wire
            .metadata
            .resource_version
            .as_deref()
            .map_or(0, number_of);
        let status = wire.status.clone().map(Arc::new);
        MeshObject {
            facts: MeshFacts::of(wire),
            stored: StoredMesh { version, status },
        }
    }

    fn undecodable(meta: Meta, why: &str) -> Option<MeshObject> {
        let message =
            format!("the object cannot be read ({why}): compare it with the CRD's schema");
        let version = number_of(&meta.resource_version);
        let facts = MeshFacts {
            id: MeshId {
                namespace: meta.namespace.into(),
                name: meta.name.into(),
                uid: meta.uid.into(),
            },
            created: timestamp(meta.creation_timestamp),
            generation: 0,
            policy: Err(Condition::new(
                ConditionKind::Accepted,
                Status::False,
                ReasonCode::InvalidPolicy,
                message,
            )),
            peers: None,
            network: NetworkPolicy::default(),
            applied: None,
        };
        Some(MeshObject {
            facts,
            stored: StoredMesh {
                version,
                status: None,
            },
        })
    }
}

impl Watched for Peers {
    type Wire = SwarmPeer;
    type Facts = PeerFacts;
    const KIND: WatchKind = WatchKind::Peers;

    fn facts(wire: SwarmPeer) -> PeerFacts {
        let SwarmPeer {
            metadata,
            spec,
            status,
        } = wire;
        let name = metadata.name.unwrap_or_default();
        PeerFacts {
            key: RecordKey::new(&metadata.namespace.unwrap_or_default(), &name),
            stored: StoredRecord {
                uid: metadata.uid.unwrap_or_default().into(),
                version: metadata.resource_version.unwrap_or_default().into(),
                record: record_from(&name, &spec).map(Arc::new),
                status: status.map(Arc::new),
            },
        }
    }

    fn undecodable(meta: Meta, why: &str) -> Option<PeerFacts> {
        Some(PeerFacts {
            key: RecordKey::new(&meta.namespace, &meta.name),
            stored: StoredRecord {
                uid: meta.uid.into(),
                version: meta.resource_version.into(),
                record: Err(RecordError {
                    record: meta.name,
                    field: "spec".into(),
                    value: "of another form".into(),
                    why: why.into(),
                }),
                status: None,
            },
        })
    }
}

impl Watched for Nodes {
    type Wire = NodeWire;
    type Facts = NodeFacts;
    const KIND: WatchKind = WatchKind::Nodes;

    fn facts(wire: NodeWire) -> NodeFacts {
        (wire.metadata.name.into(), wire.metadata.labels.zone.into())
    }

    fn undecodable(_: Meta, _: &str) -> Option<NodeFacts> {
        None
    }
}
