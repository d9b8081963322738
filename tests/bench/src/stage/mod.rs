//! What the benches are played on: fakes in one process, the controller in another, a folder, and where
//! one is needed a Kubernetes API in this process.

mod cluster;
mod controller;
mod fakes;
mod http;
mod process;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::args::Args;

pub(crate) use self::cluster::{Cluster, Ways};
pub(crate) use self::controller::{Controller, Policy};
pub(crate) use self::fakes::{Event, Fakes, FakesSpec, FleetNode, Status};
pub(crate) use self::process::Process;

/// The programs and the folder of one run. The folder goes with it.
pub(crate) struct Stage {
    kubomesh: PathBuf,
    fakefleet: PathBuf,
    folder: tempfile::TempDir,
    base: Ipv4Addr,
}

/// First of the addresses that benches use: 127.32.0.0/13, a block of 4,096 a process, so that runs
/// at the same time do not meet.
const BASE: Ipv4Addr = Ipv4Addr::new(127, 32, 0, 0);

// === impl Stage ===

impl Stage {
    /// A new folder and a block of addresses.
    ///
    /// # Errors
    /// When a program was not named or there is no place for temporary files.
    pub(crate) fn new(args: &Args) -> Result<Self> {
        let block = std::process::id() % (1 << 7);
        Ok(Self {
            kubomesh: args.kubomesh.clone().context("--kubomesh is missing")?,
            fakefleet: args.fakefleet.clone().context("--fakefleet is missing")?,
            folder: tempfile::tempdir().context("no folder for temporary files")?,
            base: Ipv4Addr::from(u32::from(BASE) + (block << 12) + 1),
        })
    }

    /// A path in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A copy of a folder of files, under another name.
    ///
    /// # Errors
    /// When a file cannot be copied.
    pub(crate) fn copy(&self, from: &Path, name: &str) -> Result<PathBuf> {
        let to = self.path(name);
        let copied = copy(from, &to);
        copied.with_context(|| format!("{} cannot be copied", from.display()))?;
        Ok(to)
    }
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        std::fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}

/// A free port of this machine's usual loopback address.
fn free_port() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    listener.local_addr().context("no free port")
}
