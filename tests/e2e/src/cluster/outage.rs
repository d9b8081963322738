//! The API server and its store go away and come back.

use std::cell::RefCell;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::{Cluster, etcd_ready, start_etcd, start_server};
use crate::process::Running;

// === impl Cluster ===

impl Cluster {
    /// Kills the API server.
    pub(crate) async fn kill_server(&self) -> Result<()> {
        kill(&self.server).await
    }

    /// Starts the API server after it was killed, on the same address with the same keys.
    pub(crate) async fn start_server(&self) -> Result<()> {
        let server = start_server(&self.parts, self.address, self.data.path(), &self.logs)?;
        self.server.replace(Some(server));
        self.ready().await
    }

    /// Kills the store, without which the API server answers little.
    pub(crate) async fn kill_store(&self) -> Result<()> {
        kill(&self.etcd).await
    }

    /// Starts the store after it was killed.
    pub(crate) async fn start_store(&self) -> Result<()> {
        let etcd = start_etcd(&self.parts, self.address, self.data.path(), &self.logs)?;
        self.etcd.replace(Some(etcd));
        etcd_ready(&self.etcd, self.data.path()).await
    }

    /// The store's folder, to be copied or replaced while the store is down.
    pub(crate) fn store(&self) -> PathBuf {
        self.data.path().join("etcd")
    }
}

async fn kill(process: &RefCell<Option<Running>>) -> Result<()> {
    let process = process.take().context("it was killed before")?;
    process.kill().await
}
