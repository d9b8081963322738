//! The product's installation: its manifests as an operator applies them, and its account's token.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::Api;
use kube::api::PostParams;
use serde_json::json;

use super::{Cluster, kubeconfig};
use crate::process::command;

/// Where the base puts the controller.
pub(crate) const CONTROLLER_NAMESPACE: &str = "kubomesh-system";

/// The service account that the base gives the controller.
pub(super) const CONTROLLER_ACCOUNT: &str = "kubomesh";

/// How long the controller's token is valid.
const TOKEN_SECONDS: i64 = 8 * 3600;

// === impl Cluster ===

impl Cluster {
    /// Applies the CRDs of others that the components use, then the base with the components that
    /// need no settings, and gets the controller's token.
    pub(super) async fn install(&self) -> Result<()> {
        for crd in [&self.parts.podmonitor_crd, &self.parts.nad_crd] {
            let yaml = fs::read_to_string(crd);
            self.apply(&yaml.with_context(|| crd.display().to_string())?)
                .await?;
        }
        let base = self.render(
            "resources: [manifests/base]\n\
             components: [manifests/components/network-policy, manifests/components/pod-monitor, \
             manifests/components/storage-network]\n",
        );
        self.apply(&base.await?).await?;
        let token = self.token(CONTROLLER_NAMESPACE, CONTROLLER_ACCOUNT).await?;
        self.write_kubeconfig(&token)
    }

    /// The kubeconfig of the controller's service account.
    pub(crate) fn controller_kubeconfig(&self) -> PathBuf {
        self.data.path().join("controller.kubeconfig")
    }

    /// Applies the component that lets the controller read a namespace's secrets.
    pub(crate) async fn allow_secrets(&self, namespace: &str) -> Result<()> {
        let kustomization =
            format!("namespace: {namespace}\ncomponents: [manifests/components/mesh-secrets]\n");
        self.apply(&self.render(&kustomization).await?).await
    }

    /// Applies the component that lets the controller read its certificate for agents of a namespace.
    pub(crate) async fn allow_agents(&self, namespace: &str) -> Result<()> {
        let kustomization =
            format!("namespace: {namespace}\ncomponents: [manifests/components/agent]\n");
        self.apply(&self.render(&kustomization).await?).await
    }

    /// What kustomize makes of a kustomization that names folders below `manifests/`.
    pub(crate) async fn render(&self, kustomization: &str) -> Result<String> {
        let folder = tempfile::Builder::new()
            .prefix("render")
            .tempdir_in(self.data.path())?;
        // Kustomize takes neither absolute paths nor what lies outside of its folder.
        copy(&self.parts.manifests, &folder.path().join("manifests"))?;
        fs::write(folder.path().join("kustomization.yaml"), kustomization)?;
        let mut kustomize = command(&self.parts.kustomize);
        kustomize
            .arg("build")
            .arg(folder.path())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let output = kustomize.output().await?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "kustomize cannot build\n{kustomization}{said}"
        );
        Ok(String::from_utf8(output.stdout)?)
    }

    /// A service account's token, as a pod of it would get.
    pub(crate) async fn token(&self, namespace: &str, account: &str) -> Result<String> {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client.clone(), namespace);
        let request: TokenRequest = serde_json::from_value(json!({
            "spec": {"audiences": [], "expirationSeconds": TOKEN_SECONDS},
        }))?;
        let params = PostParams::default();
        let answer = accounts.create_token_request(account, &params, &request);
        let answer = answer.await.context("no token for the controller")?;
        Ok(answer.status.context("an answer without token")?.token)
    }

    fn write_kubeconfig(&self, token: &str) -> Result<()> {
        let config = kubeconfig(self.address, self.data.path(), token);
        // JSON is YAML.
        let text = serde_json::to_vec_pretty(&config)?;
        Ok(fs::write(self.controller_kubeconfig(), text)?)
    }
}

/// Copies a folder.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    let entries = fs::read_dir(from).with_context(|| from.display().to_string())?;
    for entry in entries {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy(&source, &target)?;
        } else {
            fs::copy(&source, &target).with_context(|| source.display().to_string())?;
        }
    }
    Ok(())
}
