//! The custom resources: types, CEL rules, and their translation into core values.
//!
//! Group `kubomesh.dev`, version `v1alpha1`, both kinds namespaced. [`SwarmMesh`] is a policy that
//! people write; [`SwarmPeer`] is a record that the controller alone writes. Neither ever carries a
//! finalizer or an owner reference: nothing of ours blocks a deletion.

mod companions;
mod crds;
mod mesh;
mod network;
mod peer;
mod record;
mod rules;
mod selector;
mod span;
mod status;
mod stored;
mod translate;

pub use companions::{
    AgentsMode, AgentsSpec, ClusterPeersSpec, Consensus, RelayAdminSpec, RelaysSpec,
};
pub use crds::{CrdsError, crds, crds_yaml};
pub use mesh::{
    AppliedNetworkStatus, DegreeSpec, FiltersSpec, LastConvergence, LimitsSpec, LinksSpec,
    LinksStatus, ModeSpec, PeersSpec, RpcSpec, SecretKeyRef, SwarmMesh, SwarmMeshSpec,
    SwarmMeshStatus, SwarmSpec, TopologySpec,
};
pub use network::{Fallback, Family, NetworkSpec, Rollout, Steering};
pub use peer::{
    ContainerSpec, OwnedFilterSpec, PathStatus, PeerLinksStatus, RemovedFilterSpec, RetiredSpec,
    RoleSpec, SwarmPeer, SwarmPeerSpec, SwarmPeerStatus,
};
pub use record::{RecordError, record_from, record_spec};
pub use selector::{Agents, Peers, SecretKey, peers};
pub use span::Span;
pub use status::{
    Convergence, applied_network, applied_network_status, mesh_status, peer_status,
    refused_conditions, refused_status,
};
pub use stored::{RecordKey, StoredMesh, StoredMeshes, StoredRecord, StoredRecords};
pub use translate::{PolicyError, translate, without_agents};

/// API group of both kinds.
pub const GROUP: &str = "kubomesh.dev";

/// Version of both kinds.
pub const VERSION: &str = "v1alpha1";

/// `type` of a secret with an RPC's authorisation.
pub const RPC_AUTH_SECRET_TYPE: &str = "kubomesh.dev/rpc-auth";

#[cfg(test)]
mod tests;
