//! Namespaces, in place of the controllers that Kubernetes has for them.

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use kube::Api;
use kube::api::{DeleteParams, ListParams, PostParams};
use serde_json::json;

use super::{Cluster, Resource};

// === impl Cluster ===

impl Cluster {
    /// Makes a namespace with the service account that admits pods.
    pub(crate) async fn create_namespace(&self, name: &str) -> Result<()> {
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        let namespace = serde_json::from_value(json!({"metadata": {"name": name}}))?;
        let created = namespaces.create(&PostParams::default(), &namespace).await;
        created.with_context(|| format!("namespace {name}"))?;
        self.default_account(name).await
    }

    /// Asks for a namespace's deletion and nothing more: it is Terminating from then on.
    pub(crate) async fn delete_namespace(&self, name: &str) -> Result<()> {
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        namespaces.delete(name, &DeleteParams::default()).await?;
        Ok(())
    }

    /// What the namespace controller does then: deletes what is in it, and the namespace once
    /// nothing is left. An object with a finalizer would stay, and with it the namespace.
    pub(crate) async fn finish_namespace(&self, name: &str) -> Result<()> {
        let now = DeleteParams::default().grace_period(0);
        let kinds = [
            Resource::SwarmMesh,
            Resource::SwarmPeer,
            Resource::NetworkAttachment,
            Resource::Pod,
        ];
        for kind in kinds {
            let objects = self.api(kind, name);
            objects
                .delete_collection(&now, &ListParams::default())
                .await?;
            let left = objects.list(&ListParams::default()).await?;
            let left: Vec<_> = left.items.iter().map(|o| o.metadata.name.clone()).collect();
            anyhow::ensure!(left.is_empty(), "in namespace {name} stay {left:?}");
        }
        let body = json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": name}, "spec": {"finalizers": []},
        });
        let request = ::http::Request::put(format!("/api/v1/namespaces/{name}/finalize"))
            .header(::http::header::CONTENT_TYPE, "application/json")
            .body(serde_json::to_vec(&body)?)?;
        let finished = self.client.request_text(request).await;
        finished.with_context(|| format!("namespace {name} cannot be finished"))?;
        Ok(())
    }

    /// The service account that every pod has unless it names another.
    pub(super) async fn default_account(&self, namespace: &str) -> Result<()> {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client.clone(), namespace);
        let account = serde_json::from_value(json!({"metadata": {"name": "default"}}))?;
        match accounts.create(&PostParams::default(), &account).await {
            Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(()),
            created => Ok(created.map(drop)?),
        }
    }
}
