//! What the index is told of a mesh.

use std::sync::Arc;

use kubomesh_api::{Peers, PolicyError, SwarmMesh, applied_network, peers, translate};
use kubomesh_core::{AppliedNetwork, Condition, MeshId, NetworkPolicy, Policy, Timestamp};

use crate::AuthStore;

/// Which mesh, whatever the life of its object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MeshKey {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
}

/// What is kept of a `SwarmMesh` object.
#[derive(Debug, Clone, PartialEq)]
pub struct MeshFacts {
    /// The mesh.
    pub id: MeshId,
    /// When the object was created: the older of two meshes has a pod that both select.
    pub created: Timestamp,
    /// Generation of its spec.
    pub generation: i64,
    /// What is wanted, or why the mesh is not acted on.
    pub policy: Result<Arc<Policy>, Condition>,
    /// Which pods and how they are reached; `None` when that cannot be read.
    pub peers: Option<Peers>,
    /// `spec.network`, also of a mesh that is not acted on; the default where it cannot be read.
    pub network: NetworkPolicy,
    /// What its status says was applied of the storage network.
    pub applied: Option<AppliedNetwork>,
}

// === impl MeshKey ===

impl MeshKey {
    /// A key.
    #[must_use]
    pub fn new(namespace: &str, name: &str) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }
}

impl std::fmt::Display for MeshKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

// === impl MeshFacts ===

impl MeshFacts {
    /// Reads an object.
    #[must_use]
    pub fn of(mesh: SwarmMesh) -> Self {
        let SwarmMesh {
            metadata,
            spec,
            status,
        } = mesh;
        let id = MeshId {
            namespace: metadata.namespace.unwrap_or_default().into(),
            name: metadata.name.unwrap_or_default().into(),
            uid: metadata.uid.unwrap_or_default().into(),
        };
        let peers = peers(&spec);
        let policy = match (translate(&spec), &peers) {
            (Ok(policy), Ok(_)) => Ok(Arc::new(policy)),
            (Err(error), _) => Err(error.condition()),
            (Ok(_), Err(error)) => Err(PolicyError::condition(error)),
        };
        Self {
            id,
            created: crate::pod::timestamp(metadata.creation_timestamp.map(|time| time.0)),
            generation: metadata.generation.unwrap_or(0),
            policy,
            peers: peers.ok(),
            network: translate(&spec)
                .map(|policy| policy.network)
                .unwrap_or_default(),
            applied: status.and_then(|status| applied_network(status.network.as_ref()?)),
        }
    }

    /// Its key.
    #[must_use]
    pub fn key(&self) -> MeshKey {
        MeshKey {
            namespace: self.id.namespace.clone(),
            name: self.id.name.clone(),
        }
    }

    /// Name of the secret with the certificate for agents, as
    /// [`Credentials`](kubomesh_core::Credentials) is asked for it.
    #[must_use]
    pub fn tls_name(&self) -> Option<Arc<str>> {
        let secret = self.peers.as_ref()?.agents.tls.as_ref()?;
        Some(AuthStore::tls_name(&self.id.namespace, secret).into())
    }

    /// Name of its RPC's secret, as [`Credentials`](kubomesh_core::Credentials) is asked for it.
    #[must_use]
    pub fn auth_name(&self) -> Option<Arc<str>> {
        let secret = self.peers.as_ref()?.auth.as_ref()?;
        let namespace = &self.id.namespace;
        Some(AuthStore::secret_name(namespace, &secret.name, &secret.key).into())
    }
}
