//! Real libp2p nodes: one process of `tests/swarmnode` each.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command};
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::block::{Block, RPC, SWARM};
use super::fleet::{Fleet, Node};
use crate::daemon::{Daemon, first_line};

/// A node starts in a twentieth of a second; all at once on a small machine take longer.
const START: Duration = Duration::from_secs(30);

/// How long all of them may take to end.
const END: Duration = Duration::from_secs(3);

/// The processes.
pub(super) struct Swarmnodes {
    program: PathBuf,
    folder: PathBuf,
    block: Block,
    nodes: Vec<Node>,
    daemons: Vec<Option<Daemon>>,
}

/// The line that a node prints when it can be asked.
#[derive(Debug, Deserialize)]
struct Ready {
    id: String,
}

// === impl Swarmnodes ===

impl Swarmnodes {
    /// Starts so many nodes, each in a folder of its own, and waits until all can be asked.
    ///
    /// # Errors
    /// When one does not start.
    pub(super) fn start(program: PathBuf, folder: &Path, count: u16) -> Result<Self> {
        let (nodes, daemons) = (Vec::new(), Vec::new());
        let mut fleet = Self {
            program,
            folder: folder.to_owned(),
            block: Block::new(),
            nodes,
            daemons,
        };
        let mut starting = Vec::new();
        for number in 1..=count {
            let name = format!("node-{number:02}");
            let rpc = SocketAddr::from((fleet.block.next()?, RPC));
            starting.push(fleet.spawn(&name, rpc)?);
            fleet.nodes.push(Node {
                name,
                rpc,
                peer: String::new(),
            });
        }
        for (index, (mut daemon, output)) in starting.into_iter().enumerate() {
            let peer = ready(&mut daemon, output)?;
            fleet.daemons.push(Some(daemon));
            if let Some(node) = fleet.nodes.get_mut(index) {
                node.peer = peer;
            }
        }
        Ok(fleet)
    }

    fn spawn(&self, name: &str, rpc: SocketAddr) -> Result<(Daemon, ChildStdout)> {
        let mut command = Command::new(&self.program);
        command.arg("--repo").arg(self.folder.join(name));
        command.args(["--api", &rpc.to_string()]);
        command.args(["--swarm", &format!("/ip4/{}/tcp/{SWARM}", rpc.ip())]);
        command.arg("--die-with-parent");
        Daemon::start_announced(name, &mut command, &self.folder.join(format!("{name}.log")))
    }

    fn start_at(&mut self, index: usize, address: Option<Ipv4Addr>) -> Result<()> {
        let node = self.nodes.get_mut(index).context("no such node")?;
        if let Some(address) = address {
            node.rpc = SocketAddr::from((address, RPC));
        }
        let (name, rpc) = (node.name.clone(), node.rpc);
        let (mut daemon, output) = self.spawn(&name, rpc)?;
        ready(&mut daemon, output)?;
        *self.daemons.get_mut(index).context("no such node")? = Some(daemon);
        Ok(())
    }
}

impl Fleet for Swarmnodes {
    fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    fn kill(&mut self, index: usize) -> Result<()> {
        let daemon = self.daemons.get_mut(index).and_then(Option::take);
        daemon.context("no such node runs")?.kill();
        Ok(())
    }

    fn start(&mut self, index: usize) -> Result<()> {
        self.start_at(index, None)
    }

    fn relocate(&mut self, index: usize) -> Result<()> {
        self.kill(index)?;
        let address = self.block.next()?;
        self.start_at(index, Some(address))
    }

    fn end(mut self: Box<Self>) {
        for daemon in self.daemons.iter_mut().flatten() {
            daemon.ask_to_end();
        }
        for daemon in self.daemons.into_iter().flatten() {
            daemon.end(END);
        }
    }
}

fn ready(daemon: &mut Daemon, output: ChildStdout) -> Result<String> {
    let line = first_line(daemon, output, START)?;
    let ready: Ready = serde_json::from_str(&line)
        .with_context(|| format!("a node said `{line}` instead of its identity"))?;
    Ok(ready.id)
}
