//! The product's process, and what it serves.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use http::{Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::http::request;
use crate::process::{Running, command};
use crate::wait::until;

/// Port of probes and metrics.
pub(crate) const PUBLIC_PORT: u16 = 8080;

/// Port of the debug pages.
const DEBUG_PORT: u16 = 8081;

/// How long a controller may take to answer `/livez`.
const LIVE: Duration = Duration::from_secs(10);

/// How long a polite stop may take: longer than `--stop-timeout`.
const STOP: Duration = Duration::from_secs(25);

/// What every controller of the lab is started with, unless a scenario sets it: a lease short enough for scenarios that take
/// it over, and words enough to see why a scenario failed.
const FLAGS: [&str; 4] = [
    "--lease-duration=3s",
    "--lease-renew-interval=1s",
    "--log-level=info,kubomesh=debug",
    "--log-format=text",
];

/// Whether `flags` set this one too.
fn is_set(flag: &str, flags: &[&str]) -> bool {
    let name = |flag: &str| flag.split('=').next().map(str::to_owned);
    flags.iter().any(|other| name(other) == name(flag))
}

/// One replica.
pub(crate) struct Controller {
    running: Running,
    ip: Ipv4Addr,
}

/// `/debug/plan` of one mesh.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PlanPage {
    /// Number of the pass.
    pub(crate) pass: u64,
    /// Records that it wrote.
    pub(crate) records: Vec<Value>,
    /// Calls that it made.
    pub(crate) actions: Vec<Value>,
    /// What it did not do, and why.
    pub(crate) held_back: Vec<Value>,
    /// Removals that are held.
    pub(crate) removals_held: u64,
}

// === impl Controller ===

impl Controller {
    /// Starts a replica of this name, and waits until it serves.
    pub(crate) async fn start(
        program: &Path,
        (name, ip): (&str, Ipv4Addr),
        kubeconfig: &Path,
        flags: &[&str],
        log: &Path,
    ) -> Result<Self> {
        let mut run = command(program);
        run.arg("run")
            .arg(format!("--listen={ip}:{PUBLIC_PORT}"))
            .arg(format!("--debug-listen={ip}:{DEBUG_PORT}"))
            .arg(format!("--identity={name}"))
            .args(FLAGS.iter().filter(|flag| !is_set(flag, flags)))
            .args(flags)
            .env("KUBECONFIG", kubeconfig);
        let running = Running::start(name, &mut run, log)?;
        let mut controller = Self { running, ip };
        until(&format!("controller {name} serves"), LIVE, async || {
            controller.running.check()?;
            let answer = controller.get("/livez").await?;
            ensure!(answer.status == StatusCode::OK, "{}", answer.status);
            Ok(())
        })
        .await?;
        Ok(controller)
    }

    /// An error with its last words when it has ended.
    pub(crate) fn check(&mut self) -> Result<()> {
        self.running.check()
    }

    /// How many file descriptors it has open.
    pub(crate) fn descriptors(&self) -> Result<usize> {
        let process = self.running.id().context("it has ended")?;
        let folder = format!("/proc/{process}/fd");
        let open = std::fs::read_dir(&folder).with_context(|| folder.clone())?;
        Ok(open.count())
    }

    /// SIGKILL.
    pub(crate) async fn kill(self) -> Result<()> {
        self.running.kill().await
    }

    /// SIGTERM, and its exit status.
    pub(crate) async fn stop(self) -> Result<ExitStatus> {
        self.running.stop(STOP).await
    }

    /// What the last pass of a mesh (`namespace/name`) did.
    pub(crate) async fn plan(&self, mesh: &str) -> Result<PlanPage> {
        self.debug(&format!("/debug/plan?mesh={mesh}")).await
    }

    /// What the last passes of all meshes found.
    pub(crate) async fn report(&self) -> Result<Value> {
        self.debug("/debug/report").await
    }

    async fn debug<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let at = SocketAddr::new(IpAddr::V4(self.ip), DEBUG_PORT);
        let answer = request(Method::GET, at, None, path, None).await?;
        answer.json().with_context(|| path.to_owned())
    }

    /// Where it serves probes and metrics.
    pub(crate) fn public(&self) -> SocketAddr {
        SocketAddr::new(IpAddr::V4(self.ip), PUBLIC_PORT)
    }

    /// `/metrics`.
    pub(crate) async fn metrics(&self) -> Result<String> {
        let answer = self.get("/metrics").await?;
        ensure!(
            answer.status == StatusCode::OK,
            "/metrics: {}",
            answer.status
        );
        Ok(String::from_utf8(answer.body.to_vec())?)
    }

    async fn get(&self, path: &str) -> Result<crate::http::Answer> {
        let at = SocketAddr::new(IpAddr::V4(self.ip), PUBLIC_PORT);
        request(Method::GET, at, None, path, None).await
    }
}
