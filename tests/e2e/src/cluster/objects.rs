//! Objects of any kind as JSON.

use std::time::Duration;

use ::http::header::ACCEPT;
use anyhow::{Context, Result};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind, TypeMeta};
use kube::discovery::{Scope, pinned_kind};
use serde_json::Value;

use super::Cluster;
use crate::wait::until;

/// The lab's field manager.
const FIELD_MANAGER: &str = "kubomesh-e2e";

/// How long a new kind may take to be served.
const SERVED: Duration = Duration::from_secs(15);

/// The kinds that scenarios look at. All are namespaced.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Resource {
    Pod,
    SwarmMesh,
    SwarmPeer,
    Lease,
    Event,
    Secret,
    NetworkAttachment,
}

// === impl Resource ===

impl Resource {
    fn kind(self) -> ApiResource {
        let (group, version, kind, plural) = match self {
            Self::Pod => ("", "v1", "Pod", "pods"),
            Self::SwarmMesh => ("kubomesh.dev", "v1alpha1", "SwarmMesh", "swarmmeshes"),
            Self::SwarmPeer => ("kubomesh.dev", "v1alpha1", "SwarmPeer", "swarmpeers"),
            Self::Lease => ("coordination.k8s.io", "v1", "Lease", "leases"),
            Self::Event => ("events.k8s.io", "v1", "Event", "events"),
            Self::Secret => ("", "v1", "Secret", "secrets"),
            Self::NetworkAttachment => (
                "k8s.cni.cncf.io",
                "v1",
                "NetworkAttachmentDefinition",
                "network-attachment-definitions",
            ),
        };
        ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural)
    }
}

// === impl Cluster ===

impl Cluster {
    /// Objects of one kind in one namespace, for the administrator.
    pub(crate) fn api(&self, of: Resource, namespace: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), namespace, &of.kind())
    }

    /// The cells of an object of ours as `kubectl get` shows them.
    pub(crate) async fn row(
        &self,
        of: Resource,
        namespace: &str,
        name: &str,
    ) -> Result<Vec<Value>> {
        let kind = of.kind();
        let (version, plural) = (&kind.api_version, &kind.plural);
        let path = format!("/apis/{version}/namespaces/{namespace}/{plural}/{name}");
        let request = ::http::Request::get(path)
            .header(ACCEPT, "application/json;as=Table;v=v1;g=meta.k8s.io")
            .body(Vec::new())?;
        let table: Value = self.client.request(request).await?;
        let cells = table["rows"][0]["cells"].as_array().cloned();
        cells.with_context(|| format!("no cells in {table}"))
    }

    /// The kinds that were added to Kubernetes' own.
    pub(crate) fn crds(&self) -> Api<CustomResourceDefinition> {
        Api::all(self.client.clone())
    }

    /// Applies a YAML stream as `kubectl apply --server-side` does: namespaces and CRDs first, the
    /// rest once their kinds are served.
    pub(crate) async fn apply(&self, yaml: &str) -> Result<()> {
        let objects: Vec<DynamicObject> =
            serde_saphyr::from_multiple(yaml).context("the manifests are not YAML")?;
        let first = |object: &&DynamicObject| {
            let kind = object.types.as_ref().map(|types| types.kind.as_str());
            matches!(kind, Some("Namespace" | "CustomResourceDefinition"))
        };
        for object in objects.iter().filter(first) {
            self.apply_one(object).await?;
        }
        for object in objects.iter().filter(|object| !first(object)) {
            self.apply_one(object).await?;
        }
        Ok(())
    }

    /// Applies one object; a namespace gets what its controller would make.
    pub(crate) async fn apply_one(&self, object: &DynamicObject) -> Result<()> {
        let types = object.types.as_ref().context("an object without kind")?;
        let name = object.metadata.name.as_deref().context("no name")?;
        let api = self.api_of(types, object.metadata.namespace.as_deref());
        let api = api.await?;
        let params = PatchParams::apply(FIELD_MANAGER).force();
        let applied = api.patch(name, &params, &Patch::Apply(object)).await;
        applied.with_context(|| format!("{} {name} is not accepted", types.kind))?;
        if types.kind == "Namespace" {
            self.default_account(name).await?;
        }
        Ok(())
    }

    /// Objects of a kind that the server is asked about, because it may be new.
    async fn api_of(
        &self,
        types: &TypeMeta,
        namespace: Option<&str>,
    ) -> Result<Api<DynamicObject>> {
        let kind = GroupVersionKind::try_from(types)?;
        let what = format!("kind {} is served", types.kind);
        let (resource, capabilities) = until(&what, SERVED, async || {
            Ok(pinned_kind(&self.client, &kind).await?)
        })
        .await?;
        Ok(match (capabilities.scope, namespace) {
            (Scope::Cluster, _) => Api::all_with(self.client.clone(), &resource),
            (Scope::Namespaced, Some(namespace)) => {
                Api::namespaced_with(self.client.clone(), namespace, &resource)
            }
            (Scope::Namespaced, None) => {
                Api::default_namespaced_with(self.client.clone(), &resource)
            }
        })
    }
}
