//! `tests/swarmnode`: settings are its flags.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;
use tokio::process::Command;

use super::Node;

// === impl Node ===

impl Node {
    pub(super) fn swarmnode(&self, program: &Path, api_port: u16) -> Result<Command> {
        let repo = self.repo();
        if let Some(other) = self
            .settings
            .identity_of
            .as_ref()
            .filter(|_| !repo.exists())
        {
            fs::create_dir_all(&repo)?;
            fs::copy(other.join("config"), repo.join("config"))
                .with_context(|| other.display().to_string())?;
        }
        let mut node = self.command(program);
        node.arg("--repo").arg(&repo);
        node.args(["--api", &format!("{}:{api_port}", self.api().ip())]);
        node.args(["--swarm", &self.listens()?]);
        for range in &self.settings.no_announce {
            node.args(["--no-announce", range]);
        }
        if self.settings.server_profile {
            node.args(["--profile", "server"]);
        }
        if let Some(token) = &self.settings.token {
            let paths = self.opened().join(",");
            node.args(["--auth", &format!("lab=bearer:{token};paths={paths}")]);
        }
        node.args(self.settings.offline.then_some("--offline"));
        for address in &self.settings.peering {
            node.args(["--peering", address]);
        }
        if let Some((low, high)) = self.settings.water {
            node.args(["--low-water", &low.to_string()]);
            node.args(["--high-water", &high.to_string()]);
            node.args(["--grace", super::TRIM_EACH, "--silence", super::TRIM_EACH]);
        }
        if self.settings.logged && !self.settings.gated {
            node.arg("--request-log").arg(self.request_log());
        }
        Ok(node)
    }
}

/// The identity in a config file, of swarmnode's or Kubo's.
pub(super) fn identity(repo: &Path) -> Result<Value> {
    let file = repo.join("config");
    let text = fs::read(&file).with_context(|| file.display().to_string())?;
    let config: Value = serde_json::from_slice(&text)?;
    Ok(config["Identity"].clone())
}
