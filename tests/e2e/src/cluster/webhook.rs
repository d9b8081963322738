//! The admission webhook's component, and who it is.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use anyhow::Result;

use super::install::CONTROLLER_NAMESPACE;
use super::{Cluster, kubeconfig};

/// The webhook's port.
pub(crate) const WEBHOOK_PORT: u16 = 9443;

/// The service account that the component gives the webhook.
const ACCOUNT: &str = "kubomesh-webhook";

// === impl Cluster ===

impl Cluster {
    /// Applies the component that makes its own certificate. The API server calls `address` instead
    /// of the Service, which nothing here serves; nothing else is changed.
    pub(crate) async fn install_webhook(&self, address: Ipv4Addr) -> Result<()> {
        let url = |kind: &str, path: &str| {
            let url = format!("https://{address}:{WEBHOOK_PORT}/{path}");
            format!(
                "  - target: {{kind: {kind}}}\n    patch: |\n      \
                 - {{op: remove, path: /webhooks/0/clientConfig/service}}\n      \
                 - {{op: add, path: /webhooks/0/clientConfig/url, value: \"{url}\"}}\n"
            )
        };
        let kustomization = format!(
            "resources: [manifests/base]\ncomponents: [manifests/components/webhook-self-signed]\n\
             patches:\n{}{}",
            url("MutatingWebhookConfiguration", "mutate-pod"),
            url("ValidatingWebhookConfiguration", "validate-swarmmesh"),
        );
        self.apply(&self.render(&kustomization).await?).await
    }

    /// The kubeconfig of the webhook's service account, which has what the component grants it.
    pub(crate) async fn webhook_kubeconfig(&self) -> Result<PathBuf> {
        let token = self.token(CONTROLLER_NAMESPACE, ACCOUNT).await?;
        let config = kubeconfig(self.address, self.data.path(), &token);
        let file = self.data.path().join("webhook.kubeconfig");
        std::fs::write(&file, serde_json::to_vec_pretty(&config)?)?;
        Ok(file)
    }

    /// Labels a namespace as one whose pods the webhook is asked about.
    pub(crate) async fn inject(&self, namespace: &str) -> Result<()> {
        let object = serde_json::from_value(serde_json::json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": { "name": namespace, "labels": { "kubomesh.dev/inject": "enabled" } },
        }))?;
        self.apply_one(&object).await
    }
}
