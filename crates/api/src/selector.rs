//! Which pods a mesh selects and how they are reached, as discovery uses it.

use kube::core::Selector;
use serde::{Deserialize, Serialize};

use crate::rules::SELECTOR_REMEDY;
use crate::translate::{PolicyError, port};
use crate::{AgentsMode, AgentsSpec, PeersSpec, SwarmMeshSpec};

/// A key of a secret in the mesh's namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SecretKey {
    /// Name of the secret.
    pub name: String,
    /// Its key.
    pub key: String,
}

/// `spec.peers`, read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Peers {
    /// The label selector as the API server wants it; empty for a members file.
    pub selector: String,
    /// RPC port where the policy states one.
    pub rpc_port: Option<u16>,
    /// Secret with the RPC's authorisation.
    pub auth: Option<SecretKey>,
    /// Swarm port where the policy states one.
    pub swarm_port: Option<u16>,
    /// Whether and how agents are used.
    pub agents: Agents,
}

/// `spec.agents`, read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agents {
    /// Whether they are used.
    pub mode: AgentsMode,
    /// Port of those whose pods do not state one.
    pub port: u16,
    /// Name of the secret with the controller's certificate for them.
    pub tls: Option<String>,
}

impl Default for Agents {
    /// None: for a members file, which has none.
    fn default() -> Self {
        Self {
            mode: AgentsMode::Off,
            port: 8501,
            tls: None,
        }
    }
}

/// Reads `spec.peers` of a mesh in Kubernetes.
///
/// # Errors
/// When the selector is empty or malformed, a port is out of range, or a secret's name or key is
/// empty.
pub fn peers(spec: &SwarmMeshSpec) -> Result<Peers, PolicyError> {
    let selector = selector(&spec.peers)?;
    if selector.is_empty() {
        return Err(PolicyError::invalid(
            "spec.peers.selector",
            "empty",
            SELECTOR_REMEDY,
        ));
    }
    Ok(Peers {
        selector,
        agents: agents(&spec.agents)?,
        ..peers_without_selector(&spec.peers)?
    })
}

/// All of `spec.peers` but the selector.
pub(crate) fn peers_without_selector(spec: &PeersSpec) -> Result<Peers, PolicyError> {
    let auth = match &spec.rpc.auth_secret_ref {
        None => None,
        Some(secret) if secret.name.is_empty() || secret.key.is_empty() => {
            return Err(PolicyError::invalid(
                "spec.peers.rpc.authSecretRef",
                "without name or key",
                "give both the secret's name and its key",
            ));
        }
        Some(secret) => Some(SecretKey {
            name: secret.name.clone(),
            key: secret.key.clone(),
        }),
    };
    Ok(Peers {
        selector: String::new(),
        rpc_port: port("spec.peers.rpc.port", spec.rpc.port)?,
        auth,
        swarm_port: port("spec.peers.swarm.port", spec.swarm.port)?,
        agents: Agents::default(),
    })
}

/// `spec.agents`.
pub(crate) fn agents(spec: &AgentsSpec) -> Result<Agents, PolicyError> {
    let default = Agents::default();
    if spec.tls_secret_ref.as_deref() == Some("") {
        return Err(PolicyError::invalid(
            "spec.agents.tlsSecretRef",
            "empty",
            "give the name of the secret with tls.crt, tls.key and ca.crt, or leave it out",
        ));
    }
    Ok(Agents {
        mode: spec.mode,
        port: port("spec.agents.port", Some(spec.port))?.unwrap_or(default.port),
        tls: spec.tls_secret_ref.clone(),
    })
}

fn selector(spec: &PeersSpec) -> Result<String, PolicyError> {
    let selector = Selector::try_from(spec.selector.clone()).map_err(|e| {
        PolicyError::invalid(
            "spec.peers.selector",
            &e.to_string(),
            "use matchLabels, or matchExpressions with In, NotIn, Exists or DoesNotExist",
        )
    })?;
    Ok(if selector.selects_all() {
        String::new()
    } else {
        selector.to_string()
    })
}
