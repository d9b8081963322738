//! The controller's process, its members file and state directory or its cluster, and its pages.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::json;

use super::fakes::FleetNode;
use super::http::Http;
use super::process::Process;
use super::{Cluster, Stage, free_port};
use crate::wait;

/// How long it may take to record all members.
const RECORDING: Duration = Duration::from_secs(120);

/// What a bench sets of the mesh's policy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Policy {
    /// `resyncInterval`, seconds.
    pub(crate) resync_seconds: u64,
}

/// The process.
pub(crate) struct Controller {
    process: Process,
    http: Http,
    public: String,
    debug: String,
}

/// `/debug/report` of one mesh.
#[derive(Debug, Deserialize)]
struct Report {
    counts: Counts,
}

/// How many desired links there are, and how many are healthy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
struct Counts {
    desired: usize,
    healthy: usize,
}

// === impl Policy ===

impl Default for Policy {
    /// The product's own default.
    fn default() -> Self {
        Self { resync_seconds: 30 }
    }
}

// === impl Stage ===

impl Stage {
    /// Starts the controller on nodes and a state directory.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn controller(
        &self,
        nodes: &[FleetNode],
        state: &Path,
        policy: Policy,
    ) -> Result<Controller> {
        let resync = format!("{}s", policy.resync_seconds);
        self.run(nodes, state, &json!({ "resyncInterval": resync }))
    }

    /// Fills a state directory with the records of all nodes, without a call that changes anything
    /// at them: by a controller that only observes.
    ///
    /// # Errors
    /// When it does not record all of them.
    pub(crate) fn record(&self, nodes: &[FleetNode], state: &Path) -> Result<()> {
        let mut controller = self.run(nodes, state, &json!({ "mode": "Observe" }))?;
        wait::until("a record of every node", RECORDING, || {
            controller.process.check()?;
            let complete = controller
                .counts()?
                .is_some_and(|counts| counts.desired > 0);
            let files = std::fs::read_dir(state)?.filter_map(Result::ok);
            let records = files.filter(|file| file.path().extension().is_some_and(|e| e == "json"));
            Ok((complete && records.count() == nodes.len()).then_some(()))
        })?;
        controller.end()
    }

    /// Starts the controller on a cluster, with the default policy.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn controller_in(&self, cluster: &Cluster) -> Result<Controller> {
        let environment = [("KUBECONFIG", cluster.kubeconfig())];
        self.serve(&["--identity", "bench"], &environment)
    }

    fn run(
        &self,
        nodes: &[FleetNode],
        state: &Path,
        mesh: &serde_json::Value,
    ) -> Result<Controller> {
        let members = self.path("members.json");
        let line = |node: &FleetNode| {
            json!({
                "name": node.name, "rpc": format!("http://{}", node.api),
                "swarm": node.swarm(), "zone": node.zone,
            })
        };
        let lines: Vec<_> = nodes.iter().map(line).collect();
        // JSON is YAML.
        let text = serde_json::to_string(&json!({ "mesh": mesh, "members": lines }))?;
        std::fs::write(&members, text).context("the members file cannot be written")?;
        let path = |path: &Path| {
            path.to_str()
                .map(str::to_owned)
                .context("a path that is no text")
        };
        let (members, state) = (path(&members)?, path(state)?);
        self.serve(&["--members", &members, "--state-dir", &state], &[])
    }

    fn serve(&self, flags: &[&str], environment: &[(&str, &Path)]) -> Result<Controller> {
        let (public, debug) = (free_port()?.to_string(), free_port()?.to_string());
        let mut args = vec!["run", "--listen", &public, "--debug-listen", &debug];
        args.extend(flags);
        let (name, log) = ("kubomesh", self.path("kubomesh.log"));
        let process = Process::start_with(name, &self.kubomesh, &args, &log, environment)?;
        Ok(Controller {
            process,
            http: Http::new(),
            public: format!("http://{public}"),
            debug: format!("http://{debug}/debug"),
        })
    }
}

// === impl Controller ===

impl Controller {
    /// Whether its last pass found every desired link healthy, and so many of them.
    ///
    /// # Errors
    /// When the process has ended, or does not answer yet.
    pub(crate) fn is_content(&mut self, links: usize) -> Result<bool> {
        self.process.check()?;
        Ok(self.counts()?
            == Some(Counts {
                desired: links,
                healthy: links,
            }))
    }

    /// Calls to nodes that it has made, by its own count: an agent does not tell its calls.
    ///
    /// # Errors
    /// When it does not answer.
    pub(crate) fn calls(&self) -> Result<f64> {
        let page = self.http.page(&format!("{}/metrics", self.public))?;
        let series = |line: &&str| line.starts_with("kubomesh_rpc_duration_seconds_count");
        let counts = page.lines().filter(series);
        counts
            .map(|line| {
                let (_, count) = line.rsplit_once(' ').context("a series without a value")?;
                Ok(count.parse::<f64>()?)
            })
            .sum()
    }

    /// CPU time that it has used.
    ///
    /// # Errors
    /// When it has ended.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        self.process.cpu()
    }

    /// An error with its last words when it has ended.
    ///
    /// # Errors
    /// See above.
    pub(crate) fn check(&mut self) -> Result<()> {
        self.process.check()
    }

    /// Ends it.
    ///
    /// # Errors
    /// When that takes too long.
    pub(crate) fn end(self) -> Result<()> {
        self.process.end()
    }

    fn counts(&self) -> Result<Option<Counts>> {
        let meshes: BTreeMap<String, Report> = self.http.get(&format!("{}/report", self.debug))?;
        Ok(meshes.into_values().next().map(|report| report.counts))
    }
}
