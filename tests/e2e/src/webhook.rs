//! The webhook's process.

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::{Result, ensure};
use http::{Method, StatusCode};

use crate::cluster::WEBHOOK_PORT;
use crate::http::request;
use crate::process::{Running, command};
use crate::wait::until;

/// Port of its probes.
const HEALTH_PORT: u16 = 8080;

/// How long it may take to be ready: to make a certificate and hear of the meshes.
const READY: Duration = Duration::from_secs(20);

/// How long a polite stop may take.
const STOP: Duration = Duration::from_secs(25);

/// One replica.
pub(crate) struct Webhook {
    running: Running,
}

// === impl Webhook ===

impl Webhook {
    /// Starts a replica of this name, which makes its own certificate for `called`, and waits until it
    /// is ready.
    pub(crate) async fn start(
        program: &Path,
        (name, ip, called): (&str, Ipv4Addr, Ipv4Addr),
        kubeconfig: &Path,
        flags: &[&str],
        log: &Path,
    ) -> Result<Self> {
        let mut run = command(program);
        run.arg(format!("--listen={ip}:{WEBHOOK_PORT}"))
            .arg(format!("--health-listen={ip}:{HEALTH_PORT}"))
            .arg(format!("--identity={name}"))
            .arg(format!("--certificate-names={called}"))
            .args(["--self-signed", "--reload-interval=200ms"])
            .args(["--log-level=info,kubomesh=debug", "--log-format=text"])
            .args(flags)
            .env("KUBECONFIG", kubeconfig);
        let running = Running::start(name, &mut run, log)?;
        let mut webhook = Self { running };
        until(&format!("webhook {name} is ready"), READY, async || {
            webhook.running.check()?;
            let at = (ip, HEALTH_PORT).into();
            let answer = request(Method::GET, at, None, "/readyz", None).await?;
            let pending = String::from_utf8_lossy(&answer.body);
            ensure!(answer.status == StatusCode::OK, "it waits for {pending}");
            Ok(())
        })
        .await?;
        Ok(webhook)
    }

    /// SIGTERM, and its exit status.
    pub(crate) async fn stop(self) -> Result<ExitStatus> {
        self.running.stop(STOP).await
    }
}
