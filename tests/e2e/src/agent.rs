//! The agent's process beside a node, as the pod's second container.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use http::{Method, StatusCode};
use rustix::process::Signal;

use crate::http::request;
use crate::node::Node;
use crate::process::Running;
use crate::wait::until;

/// Port of the gRPC service.
pub(crate) const AGENT_PORT: u16 = 8501;

/// Port of the probes.
const HEALTH_PORT: u16 = 8502;

/// How long it may take to serve.
const READY: Duration = Duration::from_secs(15);

/// How long a polite stop may take: longer than it waits for calls in flight.
const STOP: Duration = Duration::from_secs(20);

/// The API versions that an agent tells: the present one and the oldest.
pub(crate) type Versions = (u32, u32);

/// What the agent beside a node is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Beside {
    /// Folder with its certificate files; without one it serves without TLS.
    pub(crate) tls: Option<PathBuf>,
    /// What it tells, if not what its build speaks.
    pub(crate) versions: Option<Versions>,
    /// The port that its pod states, if not its own.
    pub(crate) stated: Option<u16>,
    /// The pod states one, and none runs.
    pub(crate) absent: bool,
}

/// An agent, whether it runs or not.
pub(crate) struct Agent {
    program: PathBuf,
    log: PathBuf,
    pub(crate) beside: Beside,
    running: Option<Running>,
}

// === impl Beside ===

impl Beside {
    /// With the certificate files of a folder.
    pub(crate) fn tls(folder: PathBuf) -> Self {
        Self {
            tls: Some(folder),
            ..Self::default()
        }
    }

    /// Which tells these versions.
    pub(crate) fn versions(self, versions: Versions) -> Self {
        Self {
            versions: Some(versions),
            ..self
        }
    }

    /// Whose pod states this port.
    pub(crate) fn stated(self, port: u16) -> Self {
        Self {
            stated: Some(port),
            ..self
        }
    }

    /// Which is not there.
    pub(crate) fn absent() -> Self {
        Self {
            absent: true,
            ..Self::default()
        }
    }

    /// The port that the pod states.
    pub(crate) fn port(&self) -> u16 {
        self.stated.unwrap_or(AGENT_PORT)
    }
}

// === impl Agent ===

impl Agent {
    /// One that does not run.
    pub(crate) fn new(program: &Path, name: &str, folder: &Path, beside: Beside) -> Self {
        Self {
            program: program.to_owned(),
            log: folder.join(format!("{name}.agent.log")),
            beside,
            running: None,
        }
    }

    /// Starts it in the pod of this namespace and UID, and waits until it serves; nothing if it is one
    /// that is not there.
    pub(crate) async fn start(
        &mut self,
        node: &Node,
        (namespace, uid): (&str, &str),
    ) -> Result<()> {
        if self.beside.absent {
            return Ok(());
        }
        let ip = node.ip();
        let mut run = node.command(&self.program);
        run.arg(format!("--listen={ip}:{AGENT_PORT}"))
            .arg(format!("--health-listen={ip}:{HEALTH_PORT}"))
            .arg(format!("--kubo=http://{}", node.api()))
            .arg(format!("--namespace={namespace}"))
            .arg(format!("--pod-uid={uid}"))
            .args(["--log-level=info,kubomesh=debug", "--log-format=text"]);
        match &self.beside.tls {
            None => run.arg("--insecure"),
            Some(folder) => run
                .arg(format!("--tls-cert={}", folder.join("tls.crt").display()))
                .arg(format!("--tls-key={}", folder.join("tls.key").display()))
                .arg(format!("--tls-ca={}", folder.join("ca.crt").display())),
        };
        if let Some((current, oldest)) = self.beside.versions {
            run.arg(format!("--api-version={current}"))
                .arg(format!("--api-min-version={oldest}"));
        }
        let mut running = Running::start("agent", &mut run, &self.log)?;
        until(&format!("the agent at {ip} serves"), READY, async || {
            running.check()?;
            let at = SocketAddr::new(IpAddr::V4(ip), HEALTH_PORT);
            let answer = request(Method::GET, at, None, "/livez", None).await?;
            ensure!(answer.status == StatusCode::OK, "{}", answer.status);
            Ok(())
        })
        .await?;
        self.running = Some(running);
        Ok(())
    }

    /// SIGKILL, if it runs.
    pub(crate) async fn kill(&mut self) -> Result<()> {
        match self.running.take() {
            Some(running) => running.kill().await,
            None => Ok(()),
        }
    }

    /// SIGTERM, and waits until it is gone: it ends in order.
    pub(crate) async fn stop(&mut self) -> Result<()> {
        let running = self.running.take().context("the agent does not run")?;
        let status = running.stop(STOP).await?;
        ensure!(status.success(), "the agent ended: {status}");
        Ok(())
    }

    /// SIGSTOP: its sockets stay open and nobody reads.
    pub(crate) fn freeze(&self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    /// SIGCONT after [`Agent::freeze`].
    pub(crate) fn thaw(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let running = self.running.as_ref();
        running.context("the agent does not run")?.signal(signal)
    }

    /// What it said so far.
    pub(crate) fn said(&self) -> Result<String> {
        std::fs::read_to_string(&self.log).with_context(|| self.log.display().to_string())
    }
}
