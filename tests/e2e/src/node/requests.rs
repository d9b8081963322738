//! What others than the lab asked of a node.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::{Kind, Node};

/// Paths of the calls that change a node.
const COMMANDS: [&str; 6] = [
    "/api/v0/swarm/connect",
    "/api/v0/swarm/disconnect",
    "/api/v0/swarm/peering/add",
    "/api/v0/swarm/peering/rm",
    "/api/v0/swarm/filters/add",
    "/api/v0/swarm/filters/rm",
];

/// One request of a node's log.
#[derive(Debug, Deserialize, serde::Serialize)]
pub(crate) struct Request {
    /// Path such as `/api/v0/id`.
    pub(crate) path: String,
    /// Query without the `?`.
    #[serde(default)]
    pub(crate) query: String,
    /// Address and port of who asked.
    #[serde(default)]
    pub(crate) remote: String,
}

// === impl Request ===

impl Request {
    /// Whether it takes something away.
    pub(crate) fn removes(&self) -> bool {
        self.path.ends_with("/rm") || self.path.ends_with("/disconnect")
    }

    /// Whether it names this peer.
    pub(crate) fn names(&self, peer: &str) -> bool {
        self.query.contains(peer)
    }
}

// === impl Node ===

impl Node {
    /// What others than the lab asked, in order. Only for a node that is `logged`.
    pub(crate) fn requests(&self) -> Result<Vec<Request>> {
        let file = self.request_log();
        let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let lab = format!("{}:", self.lab);
        let requests: serde_json::Result<Vec<Request>> =
            text.lines().map(serde_json::from_str).collect();
        let mut requests = requests.with_context(|| file.display().to_string())?;
        requests.retain(|request| !request.remote.starts_with(&lab));
        Ok(requests)
    }

    /// Which of those requests change a node.
    pub(crate) fn commands(&self) -> Result<Vec<Request>> {
        let mut requests = self.requests()?;
        requests.retain(|request| COMMANDS.iter().any(|command| request.path == *command));
        Ok(requests)
    }

    /// What its own connection rate limit refused, at either end. A Kubo does not tell: the other end
    /// sees a connection that is cut short, as by a crash.
    pub(crate) fn refused(&self) -> Result<Vec<String>> {
        let text = match self.kind {
            Kind::Swarmnode(_) => fs::read_to_string(self.log()).context("its log")?,
            Kind::Kubo(_) => String::new(),
        };
        let refused = text.lines().filter(|line| line.contains("rate limit"));
        Ok(refused.map(str::to_owned).collect())
    }

    pub(super) fn request_log(&self) -> PathBuf {
        self.folder.join(format!("{}.requests", self.name))
    }
}
