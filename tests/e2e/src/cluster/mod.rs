//! A Kubernetes API server with its store, and nothing else of Kubernetes.

mod install;
mod namespace;
mod objects;
mod outage;
mod permissions;
mod webhook;

use std::cell::RefCell;
use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use http::StatusCode;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::json;
use tempfile::TempDir;

use crate::cli::Parts;
use crate::http::get_unix;
use crate::process::{Running, command};
use crate::wait::until;

pub(crate) use install::{CONTROLLER_NAMESPACE, copy};
pub(crate) use objects::Resource;
pub(crate) use permissions::Permission;
pub(crate) use webhook::WEBHOOK_PORT;

/// How long the store or the server may take to be ready.
const READY: Duration = Duration::from_secs(30);

/// The server's port.
const PORT: u16 = 6443;

/// One API server and its etcd: killed when dropped, their data gone.
pub(crate) struct Cluster {
    parts: Parts,
    address: Ipv4Addr,
    /// Short, because a Unix socket's path is.
    data: TempDir,
    logs: PathBuf,
    etcd: RefCell<Option<Running>>,
    server: RefCell<Option<Running>>,
    client: Client,
}

// === impl Cluster ===

impl Cluster {
    /// Starts both, waits until they are ready, and installs the product's base.
    pub(crate) async fn start(parts: &Parts, address: Ipv4Addr, logs: &Path) -> Result<Self> {
        fs::create_dir_all(logs)?;
        let data = tempfile::Builder::new().prefix("e2e").tempdir()?;
        let token = format!("{:016x}{:016x}", random(), random());
        fs::write(
            data.path().join("tokens.csv"),
            format!("{token},admin,admin,\"system:masters\"\n"),
        )?;
        let etcd = start_etcd(parts, address, data.path(), logs)?;
        let etcd = RefCell::new(Some(etcd));
        etcd_ready(&etcd, data.path()).await?;
        let server = start_server(parts, address, data.path(), logs)?;
        let server = RefCell::new(Some(server));
        certificate_written(&server, data.path()).await?;
        let config = kubeconfig(address, data.path(), &token);
        let cluster = Self {
            parts: parts.clone(),
            address,
            client: client(&config).await?,
            data,
            logs: logs.to_owned(),
            etcd,
            server,
        };
        cluster.ready().await?;
        cluster.install().await?;
        Ok(cluster)
    }

    /// The administrator's client.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Ends both.
    pub(crate) async fn end(&self) -> Result<()> {
        for process in [&self.server, &self.etcd] {
            if let Some(process) = process.take() {
                process.kill().await?;
            }
        }
        Ok(())
    }

    /// Waits until the server says that it is ready.
    async fn ready(&self) -> Result<()> {
        until("the API server is ready", READY, async || {
            check(&self.server)?;
            let request = ::http::Request::get("/readyz").body(Vec::new())?;
            let answer = self.client.request_text(request).await?;
            ensure!(answer == "ok", "it says {answer}");
            Ok(())
        })
        .await
    }
}

/// A client of whom a kubeconfig names.
async fn client(kubeconfig: &serde_json::Value) -> Result<Client> {
    let kubeconfig: Kubeconfig = serde_json::from_value(kubeconfig.clone())?;
    let options = KubeConfigOptions::default();
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &options).await?;
    config.connect_timeout = Some(Duration::from_secs(5));
    config.read_timeout = Some(Duration::from_secs(20));
    Ok(Client::try_from(config)?)
}

/// The kubeconfig of whoever has this token.
fn kubeconfig(address: Ipv4Addr, data: &Path, token: &str) -> serde_json::Value {
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "lab",
        "clusters": [{"name": "lab", "cluster": {
            "server": format!("https://{address}:{PORT}"),
            "certificate-authority": data.join("pki/apiserver.crt"),
        }}],
        "users": [{"name": "lab", "user": {"token": token}}],
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "lab"}}],
    })
}

/// As tests/e2e/README.md says.
fn start_etcd(parts: &Parts, address: Ipv4Addr, data: &Path, logs: &Path) -> Result<Running> {
    let mut etcd = command(&parts.etcd);
    let socket = |name: &str| format!("unix://{}", data.join(name).display());
    etcd.args(["--name", "lab", "--data-dir"])
        .arg(data.join("etcd"))
        .args(["--listen-client-urls", &socket("etcd.sock")])
        .args(["--advertise-client-urls", &format!("http://{address}:2379")])
        .args(["--listen-peer-urls", &socket("peer.sock")])
        .args(["--initial-advertise-peer-urls"])
        .arg(format!("http://{address}:2380"))
        .args(["--initial-cluster", &format!("lab=http://{address}:2380")])
        .args(["--heartbeat-interval", "10", "--election-timeout", "50"])
        .args(["--unsafe-no-fsync", "--log-level", "warn"]);
    Running::start("etcd", &mut etcd, &logs.join("etcd.log"))
}

/// As tests/e2e/README.md says.
fn start_server(parts: &Parts, address: Ipv4Addr, data: &Path, logs: &Path) -> Result<Running> {
    let mut server = command(&parts.apiserver);
    let socket = data.join("etcd.sock");
    let pki = data.join("pki");
    server
        .arg(format!("--etcd-servers=unix://{}", socket.display()))
        .arg(format!("--bind-address={address}"))
        .arg(format!("--advertise-address={address}"))
        .arg(format!("--secure-port={PORT}"))
        .arg("--endpoint-reconciler-type=none")
        .arg(format!("--cert-dir={}", pki.display()))
        .arg("--service-account-issuer=https://kubernetes.default.svc")
        .arg(format!(
            "--service-account-signing-key-file={}",
            pki.join("apiserver.key").display()
        ))
        .arg(format!(
            "--service-account-key-file={}",
            pki.join("apiserver.key").display()
        ))
        .arg(format!(
            "--token-auth-file={}",
            data.join("tokens.csv").display()
        ))
        .args(["--anonymous-auth=false", "--authorization-mode=RBAC"])
        .arg("--service-cluster-ip-range=10.96.0.0/24");
    Running::start("kube-apiserver", &mut server, &logs.join("apiserver.log"))
}

async fn etcd_ready(etcd: &RefCell<Option<Running>>, data: &Path) -> Result<()> {
    let socket = data.join("etcd.sock");
    until("etcd is ready", READY, async || {
        check(etcd)?;
        let answer = get_unix(&socket, "/readyz").await?;
        ensure!(answer.status == StatusCode::OK, "{}", answer.status);
        Ok(())
    })
    .await
}

/// The server makes its own certificate at its first start; clients are told of it by its file.
async fn certificate_written(server: &RefCell<Option<Running>>, data: &Path) -> Result<()> {
    let file = data.join("pki/apiserver.crt");
    until("the API server has a certificate", READY, async || {
        check(server)?;
        let text = fs::read_to_string(&file)?;
        // The server's own and its authority's.
        let certificates = text.matches("END CERTIFICATE").count();
        ensure!(certificates >= 2, "{certificates} certificates so far");
        Ok(())
    })
    .await
}

fn check(process: &RefCell<Option<Running>>) -> Result<()> {
    let mut process = process.borrow_mut();
    process.as_mut().context("it was killed")?.check()
}

/// A number that nobody can guess: the standard library seeds each state anew.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
