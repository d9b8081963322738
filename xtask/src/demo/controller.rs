//! The controller's process, its members file and its pages.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::block;
use super::fleet::Node;
use super::http::Http;
use super::pages::{Plan, Report};
use crate::daemon::Daemon;

/// How often the demo's controller looks at every node: often, so that one sees it work.
const RESYNC: &str = "1s";

/// How long it may take to give back what it holds.
const END: Duration = Duration::from_secs(5);

/// Zones of the members, in turn.
const ZONES: [&str; 3] = ["a", "b", "c"];

/// The process.
pub(super) struct Controller {
    daemon: Daemon,
    http: Http,
    members: PathBuf,
    public: SocketAddr,
    debug: SocketAddr,
}

/// What the controller says; nothing before its first pass.
#[derive(Debug)]
pub(super) struct Look {
    /// What it found.
    pub(super) report: Option<Report>,
    /// What it did.
    pub(super) plan: Option<Plan>,
}

// === impl Controller ===

impl Controller {
    /// Writes the members file and starts the controller on it.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(super) fn start(program: &Path, folder: &Path, nodes: &[Node]) -> Result<Self> {
        let members = folder.join("members.yaml");
        write_members(&members, nodes)?;
        let (public, debug) = (block::free_port()?, block::free_port()?);
        let mut command = Command::new(program);
        command.arg("run").arg("--members").arg(&members);
        command.arg("--state-dir").arg(folder.join("state"));
        command.args([
            "--listen",
            &public.to_string(),
            "--debug-listen",
            &debug.to_string(),
        ]);
        command.args(["--log-format", "text"]);
        let daemon = Daemon::start("kubomesh", &mut command, &folder.join("kubomesh.log"))?;
        Ok(Self {
            daemon,
            http: Http::new(),
            members,
            public,
            debug,
        })
    }

    /// Tells it where the nodes are now.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn tell(&self, nodes: &[Node]) -> Result<()> {
        write_members(&self.members, nodes)
    }

    /// What it says now.
    ///
    /// # Errors
    /// When the process has ended.
    pub(super) fn look(&mut self) -> Result<Look> {
        if let Some(status) = self.daemon.ended() {
            bail!(
                "the controller ended ({status}); its last lines:\n{}",
                self.last_lines()
            );
        }
        Ok(Look {
            report: self.page("report"),
            plan: self.page("plan"),
        })
    }

    /// The last lines of its log.
    pub(super) fn last_lines(&self) -> String {
        self.daemon.last_lines(15)
    }

    /// Where to look.
    pub(super) fn addresses(&self) -> [(&'static str, String); 4] {
        [
            ("pages", format!("http://{}/debug/", self.debug)),
            ("metrics", format!("http://{}/metrics", self.public)),
            (
                "members",
                format!("{} (edit it: it is read again)", self.members.display()),
            ),
            ("log", self.daemon.log().display().to_string()),
        ]
    }

    /// Ends it.
    pub(super) fn end(self) {
        self.daemon.end(END);
    }

    /// A page of the only mesh.
    fn page<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let meshes: BTreeMap<String, T> = self
            .http
            .get(&format!("http://{}/debug/{name}", self.debug))
            .ok()?;
        meshes.into_values().next()
    }
}

/// Puts the file there in one step, as the controller reads it at any time. JSON is YAML.
fn write_members(path: &Path, nodes: &[Node]) -> Result<()> {
    let lines = nodes.iter().zip(ZONES.iter().cycle());
    let members: Vec<_> = lines
        .map(|(node, zone)| json!({"name": node.name, "rpc": format!("http://{}", node.rpc), "zone": zone}))
        .collect();
    let text = serde_json::to_string_pretty(
        &json!({"mesh": {"resyncInterval": RESYNC}, "members": members}),
    )?;
    let new = path.with_extension("new");
    let written = std::fs::write(&new, text).and_then(|()| std::fs::rename(&new, path));
    written.with_context(|| format!("{} cannot be written", path.display()))
}
