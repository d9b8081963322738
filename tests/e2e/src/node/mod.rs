//! Nodes: one process each, `tests/swarmnode` or a real Kubo, on an address of its own.

mod answers;
mod gate;
mod kubo;
mod requests;
mod swarmnode;
mod tap;

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::Signal;
use serde_json::Value;
use tokio::process::Command;

use crate::dual::{Host, Network};
use crate::process::{Running, command};
use crate::wait::until;
use tap::Tap;

pub(crate) use answers::{Connection, OUTBOUND};
pub(crate) use gate::{Gate, Moment};
pub(crate) use requests::Request;

/// Port of the RPC.
pub(crate) const API_PORT: u16 = 5001;

/// Port of libp2p.
pub(crate) const SWARM_PORT: u16 = 4001;

/// Where the lab asks a node from whose RPC is on loopback: not where an agent asks from.
const LAB_INSIDE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 9);

/// Grace and silence period of a connection manager whose marks a scenario sets.
const TRIM_EACH: &str = "1s";

/// How long a node may take to answer after its start.
const READY: Duration = Duration::from_secs(30);

/// How long a polite stop may take.
const STOP: Duration = Duration::from_secs(10);

/// What a node is made of.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// `tests/swarmnode`.
    Swarmnode(PathBuf),
    /// A real Kubo.
    Kubo(PathBuf),
}

/// Where a node's swarm listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Listen {
    /// At the address of its RPC.
    #[default]
    Own,
    /// At every address of its network namespace, as Kubo does unless it is told otherwise.
    Everywhere,
    /// At its address on the storage network alone.
    Storage,
}

/// How a node differs from a fresh one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    /// Kubo's `server` profile: dial filters for every private network.
    pub(crate) server_profile: bool,
    /// A bearer token without which the RPC answers nothing.
    pub(crate) token: Option<String>,
    /// The paths that the token opens; all when there is none.
    pub(crate) opens: &'static [&'static str],
    /// `Peering.Peers`: multiaddrs with `/p2p/…`.
    pub(crate) peering: Vec<String>,
    /// `LowWater` and `HighWater` of the connection manager, which then runs each [`TRIM_EACH`].
    pub(crate) water: Option<(u32, u32)>,
    /// Whether every RPC request is written down.
    pub(crate) logged: bool,
    /// Whether a gate is before its RPC. Its requests are written down, too.
    pub(crate) gated: bool,
    /// Name of the network namespace that it runs in; `None` for the lab's.
    pub(crate) netns: Option<String>,
    /// Whether its RPC is at 127.0.0.1 of its network namespace alone.
    pub(crate) private: bool,
    /// Where its swarm listens.
    pub(crate) listen: Listen,
    /// `Addresses.NoAnnounce`: ranges that it tells nobody of.
    pub(crate) no_announce: Vec<String>,
    /// A repository whose identity it has, for a second node with the same.
    pub(crate) identity_of: Option<PathBuf>,
    /// Started without libp2p.
    pub(crate) offline: bool,
    /// Its swarm is private: the key is made of this number.
    pub(crate) swarm_key: Option<u8>,
    /// Of a Kubo: all that is not said here is as `ipfs init` makes it, not just what members need.
    pub(crate) as_made: bool,
}

/// One node.
pub(crate) struct Node {
    name: String,
    kind: Kind,
    ip: Ipv4Addr,
    /// Its address on the storage network.
    storage: Option<Ipv4Addr>,
    settings: Settings,
    /// The scenario's folder: repositories, logs.
    folder: PathBuf,
    /// Counts its identities: each has a repository of its own.
    identity: u32,
    /// Where the lab's own requests come from.
    lab: Ipv4Addr,
    peer_id: String,
    running: Option<Running>,
    tap: Option<Tap>,
    gate: Arc<Gate>,
}

// === impl Node ===

impl Node {
    /// A node that does not run yet.
    pub(crate) fn new(
        name: &str,
        kind: &Kind,
        (ip, lab): (Ipv4Addr, Ipv4Addr),
        folder: &Path,
        settings: Settings,
    ) -> Self {
        Self {
            name: name.to_owned(),
            kind: kind.clone(),
            ip,
            storage: None,
            settings,
            folder: folder.to_owned(),
            identity: 0,
            lab,
            peer_id: String::new(),
            running: None,
            tap: None,
            gate: Arc::default(),
        }
    }

    /// Its address.
    pub(crate) fn ip(&self) -> Ipv4Addr {
        self.ip
    }

    /// Its address on the storage network, if it has one.
    pub(crate) fn storage(&self) -> Option<Ipv4Addr> {
        self.storage
    }

    /// Its identity, once it ran.
    pub(crate) fn peer_id(&self) -> &str {
        &self.peer_id
    }

    /// The address that the product gives others for it where no storage network is wanted.
    pub(crate) fn swarm_address(&self) -> String {
        swarm_address(self.ip)
    }

    /// Its address on a network, as others dial it.
    pub(crate) fn address_on(&self, network: Network) -> Option<String> {
        match network {
            Network::Pod => Some(self.swarm_address()),
            Network::Storage => self.storage.map(swarm_address),
        }
    }

    /// Its `Addresses.Swarm`.
    fn listens(&self) -> Result<String> {
        Ok(match self.settings.listen {
            Listen::Own => self.swarm_address(),
            Listen::Everywhere => swarm_address(Ipv4Addr::UNSPECIFIED),
            Listen::Storage => {
                swarm_address(self.storage.context("it is not on the storage network")?)
            }
        })
    }

    /// The process that it runs as.
    pub(crate) fn process(&self) -> Option<u32> {
        self.running.as_ref().and_then(Running::id)
    }

    /// The network namespace that it runs in; `None` for the lab's.
    pub(crate) fn netns(&self) -> Option<&str> {
        self.settings.netns.as_deref()
    }

    /// The gate before its RPC, of one that is `gated`.
    pub(crate) fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Where its RPC listens.
    pub(crate) fn api(&self) -> SocketAddr {
        let ip = match self.settings.private {
            true => Ipv4Addr::LOCALHOST,
            false => self.ip,
        };
        SocketAddr::new(IpAddr::V4(ip), API_PORT)
    }

    /// Its repository.
    pub(crate) fn repo(&self) -> PathBuf {
        let name = &self.name;
        self.folder.join(format!("{name}.repo{}", self.identity))
    }

    /// Its log.
    pub(crate) fn log(&self) -> PathBuf {
        self.folder.join(format!("{}.log", self.name))
    }

    /// Starts it and waits until it answers.
    pub(crate) async fn start(&mut self) -> Result<()> {
        let mut command = self.prepare().await?;
        let running = Running::start(&self.name, &mut command, &self.log())?;
        self.running = Some(running);
        let what = format!("node {} answers", self.name);
        let peer_id = until(&what, READY, async || {
            self.running.as_mut().context("it was stopped")?.check()?;
            let answer: Value = self.ask_json("id").await?;
            let id = answer["ID"].as_str().context("no ID")?;
            Ok(id.to_owned())
        });
        self.peer_id = peer_id.await?;
        Ok(())
    }

    /// SIGKILL: nothing is closed and nothing in memory survives.
    pub(crate) async fn kill(&mut self) -> Result<()> {
        self.tap = None;
        self.running.take().context("it does not run")?.kill().await
    }

    /// SIGTERM, and waits until it is gone.
    pub(crate) async fn stop(&mut self) -> Result<()> {
        self.tap = None;
        let running = self.running.take().context("it does not run")?;
        running.stop(STOP).await.map(drop)
    }

    /// SIGSTOP: its sockets stay open and nobody answers.
    pub(crate) fn freeze(&self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    /// SIGCONT after [`Node::freeze`].
    pub(crate) fn thaw(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        self.running
            .as_ref()
            .context("it does not run")?
            .signal(signal)
    }

    /// Whether it was started and neither killed nor stopped.
    pub(crate) fn runs(&self) -> bool {
        self.running.is_some()
    }

    /// Its next start is with a new identity.
    pub(crate) fn forget_identity(&mut self) {
        self.identity += 1;
    }

    /// The same, with all made that this needs: the start then takes no longer than another.
    pub(crate) async fn take_identity(&mut self) -> Result<()> {
        self.forget_identity();
        match self.kind.clone() {
            Kind::Swarmnode(_) => Ok(()),
            Kind::Kubo(program) => self.init_kubo(&program).await,
        }
    }

    /// Its next start is at another address.
    pub(crate) fn move_to(&mut self, ip: Ipv4Addr) {
        self.ip = ip;
    }

    /// Its next start is in this pod's network namespace.
    pub(crate) fn move_into(&mut self, host: &Host) {
        self.ip = host.ip;
        self.storage = host.storage;
        self.settings.netns = Some(host.netns.clone());
        if self.settings.private {
            self.lab = LAB_INSIDE;
        }
    }

    /// What it is on the storage network has changed under it.
    pub(crate) fn readdress(&mut self, storage: Option<Ipv4Addr>) {
        self.storage = storage;
    }

    /// The command of a program where the node runs.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let Some(netns) = &self.settings.netns else {
            return command(program);
        };
        let mut inside = command(Path::new("nsenter"));
        inside.arg(format!("--net=/run/netns/{netns}")).arg(program);
        inside
    }

    /// The paths that its token opens.
    fn opened(&self) -> &'static [&'static str] {
        match self.settings.opens {
            [] => &["/api/v0/"],
            some => some,
        }
    }

    /// Writes the key of a private swarm into its repository.
    fn write_swarm_key(&self) -> Result<()> {
        let Some(key) = self.settings.swarm_key else {
            return Ok(());
        };
        let repo = self.repo();
        fs::create_dir_all(&repo)?;
        let key = format!("{key:02x}").repeat(32);
        let text = format!("/key/swarm/psk/1.0.0/\n/base16/\n{key}\n");
        fs::write(repo.join("swarm.key"), text).context("its swarm key")
    }

    /// Makes the repository if it is the first start, and the command.
    async fn prepare(&mut self) -> Result<Command> {
        match self.kind.clone() {
            Kind::Swarmnode(program) => {
                self.write_swarm_key()?;
                let api_port = match self.settings.gated {
                    true => self.open_tap().await?,
                    false => API_PORT,
                };
                self.swarmnode(&program, api_port)
            }
            Kind::Kubo(program) => {
                self.init_kubo(&program).await?;
                self.write_swarm_key()?;
                let api_port = match self.settings.gated || self.settings.logged {
                    true => self.open_tap().await?,
                    false => API_PORT,
                };
                self.kubo(&program, api_port)
            }
        }
    }

    /// Opens a tap where its RPC is expected. The port behind it.
    async fn open_tap(&mut self) -> Result<u16> {
        let at = (self.netns(), self.api());
        let watch = (Arc::clone(&self.gate), IpAddr::V4(self.lab));
        let tap = Tap::open(at, tap::BEHIND, &self.request_log(), watch).await?;
        self.tap = Some(tap);
        Ok(tap::BEHIND)
    }
}

/// TCP at an address.
fn swarm_address(ip: Ipv4Addr) -> String {
    format!("/ip4/{ip}/tcp/{SWARM_PORT}")
}
