//! Single questions, each under a deadline.

use std::net::IpAddr;
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams};
use kubomesh_api::SwarmPeer;
use kubomesh_core::Attachment;

use super::Cluster;

/// How long the API server has for the definition of a network: a mesh waits for it, and the API
/// server gives the webhook 10 s.
const DEFINITION_DEADLINE: Duration = Duration::from_secs(3);

/// How long it has for the pods' addresses, which only a warning needs.
const ADDRESSES_DEADLINE: Duration = Duration::from_secs(1);

/// How long it has for the Secret of the agents: a pod waits for it, 1.5 s in all.
const SECRET_DEADLINE: Duration = Duration::from_secs(1);

/// Records that are looked through for addresses that overlap: enough to see that two ranges do.
const MOST_RECORDS: u32 = 500;

/// What is known of a NetworkAttachmentDefinition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Definition {
    /// It exists: its `spec.config`.
    Found(String),
    /// There is none of the name.
    Missing,
    /// The API server does not know the kind: Multus is not installed.
    NotInstalled,
}

/// The API server did not say.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AskError {
    /// Not in time.
    #[error("the API server did not answer within {} s", .0.as_secs_f32())]
    Late(Duration),
    /// The webhook may not ask.
    #[error(
        "the webhook may not read it: grant its service account what manifests/components/webhook does ({0})"
    )]
    Forbidden(String),
    /// Another answer.
    #[error("the API server answered: {0}")]
    Refused(String),
}

// === impl Cluster ===

impl Cluster {
    /// A NetworkAttachmentDefinition.
    ///
    /// # Errors
    /// When the API server does not say whether there is one.
    pub(crate) async fn definition(&self, of: &Attachment) -> Result<Definition, AskError> {
        let kind = GroupVersionKind::gvk("k8s.cni.cncf.io", "v1", "NetworkAttachmentDefinition");
        let kind = ApiResource::from_gvk_with_plural(&kind, "network-attachment-definitions");
        let api = Api::<DynamicObject>::namespaced_with(self.client.clone(), &of.namespace, &kind);
        let asked = tokio::time::timeout(DEFINITION_DEADLINE, api.get(&of.name)).await;
        match asked {
            Err(_) => Err(AskError::Late(DEFINITION_DEADLINE)),
            Ok(Ok(found)) => {
                let config = found.data.pointer("/spec/config");
                let config = config.and_then(serde_json::Value::as_str);
                Ok(Definition::Found(config.unwrap_or_default().to_owned()))
            }
            // An object that is missing is named in the answer; a kind that is has none.
            Ok(Err(kube::Error::Api(status))) if status.code == 404 => {
                let named = status.details.as_ref().is_some_and(|d| d.name == *of.name);
                Ok(if named || status.message.contains(&*of.name) {
                    Definition::Missing
                } else {
                    Definition::NotInstalled
                })
            }
            Ok(Err(error)) => Err(AskError::of(&error)),
        }
    }

    /// Addresses that pods of a mesh have on the pod network, as their records say: of some, and none
    /// if the API server does not say in time.
    pub(crate) async fn pod_ips(&self, namespace: &str, mesh: &str) -> Vec<IpAddr> {
        let api = Api::<SwarmPeer>::namespaced(self.client.clone(), namespace);
        let params = ListParams::default().limit(MOST_RECORDS);
        match tokio::time::timeout(ADDRESSES_DEADLINE, api.list(&params)).await {
            Ok(Ok(peers)) => {
                let of_mesh = peers.items.iter().filter(|peer| peer.spec.mesh == mesh);
                of_mesh
                    .filter_map(|peer| peer.status.as_ref()?.ip.parse().ok())
                    .collect()
            }
            Ok(Err(error)) => {
                tracing::debug!(%error, "the records cannot be read");
                Vec::new()
            }
            Err(_) => Vec::new(),
        }
    }

    /// Whether a namespace has a Secret of this name. Its content is not asked for.
    ///
    /// # Errors
    /// When the API server does not say.
    pub(crate) async fn has_secret(&self, namespace: &str, name: &str) -> Result<bool, AskError> {
        let api = Api::<Secret>::namespaced(self.client.clone(), namespace);
        match tokio::time::timeout(SECRET_DEADLINE, api.get_metadata_opt(name)).await {
            Ok(Ok(found)) => Ok(found.is_some()),
            Ok(Err(error)) => Err(AskError::of(&error)),
            Err(_) => Err(AskError::Late(SECRET_DEADLINE)),
        }
    }
}

// === impl AskError ===

impl AskError {
    pub(crate) fn of(error: &kube::Error) -> Self {
        match error {
            kube::Error::Api(status) if status.code == 403 => {
                Self::Forbidden(status.message.clone())
            }
            kube::Error::Api(status) => Self::Refused(status.message.clone()),
            other => Self::Refused(other.to_string()),
        }
    }
}
