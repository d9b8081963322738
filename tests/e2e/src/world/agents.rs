//! Agents of a world: their certificates, and what befalls them.

use std::path::PathBuf;

use anyhow::{Context, Result};
use kube::api::{DynamicObject, Patch, PatchParams};
use serde_json::{Map, Value, json};

use super::World;
use crate::agent::{Agent, Beside};
use crate::certificates::{Authority, CONTROLLER, Texts, agent_name};
use crate::cluster::{Cluster, Resource};
use crate::member::{Member, Spec};

/// The Secret with the controller's certificate, as `manifests/components/agent` lets it be read.
pub(crate) const CONTROLLER_SECRET: &str = "kubomesh-controller-tls";

// === impl World ===

impl World {
    /// Makes a CA and the controller's certificate of it, which the controller may read.
    pub(crate) async fn trust_agents(&mut self) -> Result<()> {
        let authority = Authority::new("own")?;
        self.put_controller_certificate(&authority.issue(CONTROLLER)?)
            .await?;
        self.authority = Some(authority);
        self.cluster.allow_agents(self.namespace()).await
    }

    /// The CA of agents and controller.
    pub(crate) fn authority(&self) -> Result<&Authority> {
        self.authority.as_ref().context("nobody is trusted yet")
    }

    /// Puts a certificate into the controller's Secret.
    pub(crate) async fn put_controller_certificate(&self, texts: &Texts) -> Result<()> {
        let data = texts.files().into_iter();
        let data: Map<String, Value> = data.map(|(key, text)| (key.into(), text.into())).collect();
        let secret: DynamicObject = serde_json::from_value(json!({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
            "metadata": {"name": CONTROLLER_SECRET}, "stringData": data,
        }))?;
        let secrets = self.cluster.api(Resource::Secret, self.namespace());
        let params = PatchParams::apply("kubomesh-e2e").force();
        let patch = Patch::Apply(&secret);
        let put = secrets.patch(CONTROLLER_SECRET, &params, &patch).await;
        put.context("the controller's certificate")?;
        Ok(())
    }

    /// A right certificate for the agent of a member: the folder with its files.
    pub(crate) fn certified(&self, name: &str) -> Result<PathBuf> {
        let right = agent_name(self.namespace());
        self.certified_by(name, &self.authority()?.issue(&right)?)
    }

    /// These files for the agent of a member: their folder.
    pub(crate) fn certified_by(&self, name: &str, texts: &Texts) -> Result<PathBuf> {
        let folder = self.folder.join(format!("{name}.agent-tls"));
        texts.write(&folder)?;
        Ok(folder)
    }

    /// Members with an agent each, which have right certificates.
    pub(crate) fn guarded(&self, names: &[&str]) -> Result<Vec<Spec>> {
        let spec = |name: &&str| {
            let beside = Beside::tls(self.certified(name)?);
            Ok(Spec::new(name).logged().beside(beside))
        };
        names.iter().map(spec).collect()
    }

    /// An agent that does not run yet.
    pub(super) fn agent(&self, spec: &Spec) -> Option<Agent> {
        let beside = spec.beside.clone()?;
        Some(Agent::new(&self.agent, &spec.name, &self.folder, beside))
    }

    /// The agent of a member.
    pub(crate) fn agent_of(&mut self, name: &str) -> Result<&mut Agent> {
        let agent = self.member_mut(name)?.agent.as_mut();
        agent.with_context(|| format!("{name} has no agent"))
    }

    /// Starts the agent of a member, as its container is started again.
    pub(crate) async fn start_agent(&mut self, name: &str) -> Result<()> {
        self.member_mut(name)?.start_agent().await
    }

    /// Stops the agent of a member and starts it as what is said.
    pub(crate) async fn exchange_agent(
        &mut self,
        name: &str,
        change: impl FnOnce(&mut Beside),
    ) -> Result<()> {
        let agent = self.agent_of(name)?;
        agent.stop().await?;
        change(&mut agent.beside);
        self.start_agent(name).await
    }
}

// === impl Member ===

impl Member {
    /// Its node starts, then its pod comes.
    pub(crate) async fn come(&mut self, cluster: &Cluster) -> Result<()> {
        self.node.start().await?;
        self.appear(cluster).await
    }

    /// Its pod comes, of a node that runs: its agent starts, and the pod is Running and Ready.
    pub(crate) async fn appear(&mut self, cluster: &Cluster) -> Result<()> {
        self.pod.register(cluster).await?;
        self.start_agent().await?;
        self.pod.write_status(cluster).await
    }

    async fn start_agent(&mut self) -> Result<()> {
        let Self {
            agent, node, pod, ..
        } = self;
        match agent {
            Some(agent) => agent.start(node, (&pod.namespace, &pod.uid)).await,
            None => Ok(()),
        }
    }
}
