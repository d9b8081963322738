//! Prometheus in a world.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::World;
use crate::prometheus::Prometheus;

// === impl World ===

impl World {
    /// Starts a Prometheus that scrapes the replicas that run now.
    pub(crate) async fn start_prometheus(&mut self, rules: &str) -> Result<Prometheus> {
        let ip = self.address();
        let program = self.prometheus.as_ref();
        let program = program.context("the lab needs `--prometheus` for this scenario")?;
        let replicas: BTreeMap<&str, _> = self
            .controllers
            .iter()
            .map(|(name, controller)| (name.as_str(), controller.public()))
            .collect();
        let folder = self.folder.join("prometheus");
        Prometheus::start(program, ip, &folder, rules, &replicas).await
    }
}
