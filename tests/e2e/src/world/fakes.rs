//! Fake nodes: one `fakefleet` with a pod for each, where a scenario needs many or hostile ones.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;
use http::{Method, StatusCode};
use serde_json::Value;

use super::World;
use crate::http::{post_json, request};
use crate::node::{API_PORT, SWARM_PORT};
use crate::pods::PodObject;
use crate::process::{Running, command};
use crate::wait::until;

/// Port of the control API.
const CONTROL_PORT: u16 = 4998;

/// A running fleet. Dropping it ends it.
pub(crate) struct Fakes {
    _running: Running,
    control: SocketAddr,
    /// In the order of the fakes' numbers.
    pub(crate) pods: Vec<PodObject>,
}

// === impl World ===

impl World {
    /// Starts so many fakes and makes a pod for each, named as the fake: `node-0000` and so on.
    pub(crate) async fn start_fakes(&mut self, count: u8) -> Result<Fakes> {
        let base = self.address();
        let ips: Vec<Ipv4Addr> = (1..count).map(|_| self.address()).collect();
        let control = SocketAddr::new(IpAddr::V4(base), CONTROL_PORT);
        let program = self.fakefleet.as_ref();
        let program = program.context("the lab needs `--fakefleet` for this scenario")?;
        let mut fleet = command(program);
        fleet
            .args(["--detached", "--nodes", &count.to_string()])
            .args(["--base", &base.to_string()])
            .args(["--api-port", &API_PORT.to_string()])
            .args(["--swarm-port", &SWARM_PORT.to_string()])
            .args(["--control", &control.to_string()]);
        let log = self.folder.join("fakefleet.log");
        let mut running = Running::start("fakefleet", &mut fleet, &log)?;
        until("the fakes are served", super::STARTED, async || {
            running.check()?;
            let answer = request(Method::GET, control, None, "/links", None).await?;
            ensure!(answer.status == StatusCode::OK, "{}", answer.status);
            Ok(())
        })
        .await?;
        let host = self.host("").await?;
        let mut pods: Vec<PodObject> = std::iter::once(base)
            .chain(ips)
            .enumerate()
            .map(|(number, ip)| {
                PodObject::new(self.namespace(), &format!("node-{number:04}"), &host, ip)
            })
            .collect();
        let cluster = &self.cluster;
        try_join_all(pods.iter_mut().map(|pod| pod.create(cluster))).await?;
        Ok(Fakes {
            _running: running,
            control,
            pods,
        })
    }
}

// === impl Fakes ===

impl Fakes {
    /// A page of the control API.
    pub(crate) async fn get(&self, path: &str) -> Result<Value> {
        let answer = request(Method::GET, self.control, None, path, None).await?;
        answer.json().with_context(|| format!("fakefleet: {path}"))
    }

    /// An order to the control API.
    pub(crate) async fn order(&self, path: &str, order: &Value) -> Result<()> {
        let answer = post_json(self.control, path, order).await?;
        let said = || String::from_utf8_lossy(&answer.body).into_owned();
        ensure!(
            answer.status == StatusCode::OK,
            "fakefleet: {path}: {}",
            said()
        );
        Ok(())
    }

    /// How many pairs list each other at both ends.
    pub(crate) async fn pairs(&self) -> Result<u64> {
        let links = self.get("/links").await?;
        links["pairs"].as_u64().context("no pairs")
    }
}
