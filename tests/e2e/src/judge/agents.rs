//! Agents: which way leads to a member, and what the controller holds open.

use anyhow::{Context, Result, ensure};

use super::SOON;
use crate::cluster::Resource;
use crate::wait::until;
use crate::world::World;

/// How many channels to agents are open.
const CHANNELS: &str = "kubomesh_agent_channels";

// === impl World ===

impl World {
    /// Waits until the status of a member says that this way leads to it, `Agent` or `Direct`. Why.
    pub(crate) async fn takes(&self, name: &str, path: &str) -> Result<String> {
        let what = format!("{name} is reached by this way: {path}");
        until(&what, SOON, async || self.way(name, path).await).await
    }

    /// The same of each of these members by its agent, which needs no reason.
    pub(crate) async fn by_agents(&self, names: &[&str]) -> Result<()> {
        for name in names {
            let why = self.takes(name, "Agent").await?;
            ensure!(why.is_empty(), "{name}: {why}");
        }
        Ok(())
    }

    /// Why this way leads to a member now; an error unless it does.
    pub(crate) async fn way(&self, name: &str, path: &str) -> Result<String> {
        let status = self.status(Resource::SwarmPeer, name).await?;
        ensure!(status["path"] == path, "{status}");
        let why = status["pathReason"].as_str().unwrap_or_default();
        Ok(why.to_owned())
    }

    /// Waits until the acting controller has so many channels to agents.
    pub(crate) async fn channels(&self, wanted: usize) -> Result<()> {
        let what = format!("{wanted} channels to agents are open");
        until(&what, SOON, async || {
            let open = self.figure(CHANNELS).await?;
            ensure!(open == wanted.to_string(), "{open} are");
            Ok(())
        })
        .await
    }

    /// A figure of the acting controller's metrics: the series is written as they write it.
    pub(crate) async fn figure(&self, series: &str) -> Result<String> {
        let (_, controller) = self.holder().await?;
        let metrics = controller.metrics().await?;
        let line = metrics.lines().find_map(|line| line.strip_prefix(series));
        let value = line.with_context(|| format!("no series {series}"))?;
        Ok(value.trim().to_owned())
    }
}
