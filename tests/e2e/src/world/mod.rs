//! The world of one scenario: its namespaces, nodes, pods and controllers, all of which end with it.

mod agents;
mod dual;
mod fakes;
mod figures;
mod members;

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures::future::join_all;
use k8s_openapi::api::coordination::v1::LeaseSpec;
use kube::api::DeleteParams;
use serde::Deserialize;

use crate::block::Subnet;
use crate::certificates::Authority;
use crate::cluster::{CONTROLLER_NAMESPACE, Cluster, Resource};
use crate::controller::Controller;
use crate::dual::{Bridges, Network};
use crate::member::Member;
use crate::node::Kind;
use crate::run::Lab;
use crate::wait::until;

pub(crate) use agents::CONTROLLER_SECRET;
pub(crate) use fakes::Fakes;

/// Name of the Lease object.
pub(crate) const LEASE: &str = "kubomesh";

/// How long many fakes may take to be served.
const STARTED: Duration = Duration::from_secs(15);

/// What a scenario is played with.
pub(crate) struct World {
    cluster: Rc<Cluster>,
    kubomesh: PathBuf,
    pub(crate) webhook: PathBuf,
    agent: PathBuf,
    fakefleet: Option<PathBuf>,
    prometheus: Option<PathBuf>,
    kind: Kind,
    subnet: Subnet,
    lab: Ipv4Addr,
    folder: PathBuf,
    /// The first is the scenario's own.
    namespaces: Vec<String>,
    /// Cluster nodes by zone.
    hosts: BTreeMap<&'static str, String>,
    members: BTreeMap<String, Member>,
    controllers: BTreeMap<String, Controller>,
    /// Logs of every controller that ran.
    controller_logs: BTreeSet<PathBuf>,
    nodes: u8,
    replicas: u8,
    /// Both bridges, once a pod has a network namespace of its own.
    bridges: Option<Bridges>,
    /// The network that new members' links are wanted on.
    wanted: Network,
    /// Who signs the certificates of agents and controller.
    authority: Option<Authority>,
}

// === impl World ===

impl World {
    /// An empty world with one namespace.
    pub(crate) async fn open(
        lab: &Lab,
        name: &str,
        cluster: Rc<Cluster>,
        (subnet, folder): (Subnet, PathBuf),
    ) -> Result<Self> {
        let mut world = Self {
            cluster,
            kubomesh: lab.programs.parts.kubomesh.clone(),
            webhook: lab.programs.parts.webhook.clone(),
            agent: lab.programs.parts.agent.clone(),
            fakefleet: lab.programs.parts.fakefleet.clone(),
            prometheus: lab.programs.parts.prometheus.clone(),
            kind: lab.programs.kind.clone(),
            subnet,
            lab: lab.block.own(),
            folder,
            namespaces: Vec::new(),
            hosts: BTreeMap::new(),
            members: BTreeMap::new(),
            controllers: BTreeMap::new(),
            controller_logs: BTreeSet::new(),
            nodes: 0,
            replicas: 0,
            bridges: None,
            wanted: Network::Pod,
            authority: None,
        };
        world.add_namespace(&name.replace('_', "-")).await?;
        Ok(world)
    }

    /// Its API server.
    pub(crate) fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Its API server, for as long as a member is changed.
    pub(crate) fn cluster_shared(&self) -> Rc<Cluster> {
        Rc::clone(&self.cluster)
    }

    /// Where its logs are.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its own namespace.
    pub(crate) fn namespace(&self) -> &str {
        self.namespaces.first().map_or("", String::as_str)
    }

    /// All its namespaces.
    pub(crate) fn namespaces(&self) -> &[String] {
        &self.namespaces
    }

    /// Makes one more namespace.
    pub(crate) async fn add_namespace(&mut self, name: &str) -> Result<()> {
        self.cluster.create_namespace(name).await?;
        self.namespaces.push(name.to_owned());
        Ok(())
    }

    /// Ends a namespace that is being deleted, with everything in it.
    pub(crate) async fn end_namespace(&mut self, name: &str) -> Result<()> {
        self.cluster.finish_namespace(name).await?;
        self.namespaces.retain(|kept| kept != name);
        Ok(())
    }

    /// Starts a replica of the controller with the base's permissions.
    pub(crate) async fn start_controller(&mut self, name: &str, flags: &[&str]) -> Result<()> {
        let ip = self.subnet.controller(self.replicas);
        self.replicas += 1;
        let log = self.folder.join(format!("{name}.log"));
        self.controller_logs.insert(log.clone());
        let kubeconfig = self.cluster.controller_kubeconfig();
        let started = Controller::start(&self.kubomesh, (name, ip), &kubeconfig, flags, &log);
        self.controllers.insert(name.to_owned(), started.await?);
        Ok(())
    }

    /// The address of a webhook's replica, from 0.
    pub(crate) fn webhook_address(&self, number: u8) -> Ipv4Addr {
        self.subnet.controller(20 + number)
    }

    /// A controller by its name.
    pub(crate) fn controller(&self, name: &str) -> Result<&Controller> {
        let controller = self.controllers.get(name);
        controller.with_context(|| format!("no controller {name} runs"))
    }

    /// Takes a controller out of the world, to end it.
    pub(crate) fn take_controller(&mut self, name: &str) -> Result<Controller> {
        let controller = self.controllers.remove(name);
        controller.with_context(|| format!("no controller {name} runs"))
    }

    /// What the Lease object says.
    pub(crate) async fn lease(&self) -> Result<LeaseSpec> {
        let leases = self.cluster.api(Resource::Lease, CONTROLLER_NAMESPACE);
        let lease = leases.get_opt(LEASE).await?.context("there is no lease")?;
        Ok(LeaseSpec::deserialize(&lease.data["spec"])?)
    }

    /// Name of the replica that holds the lease, and the replica.
    pub(crate) async fn holder(&self) -> Result<(&str, &Controller)> {
        let holder = self.lease().await?.holder_identity.unwrap_or_default();
        // What a replica writes is its name and a random ending.
        let named = self
            .controllers
            .iter()
            .find(|(name, _)| holder.starts_with(name.as_str()));
        let (name, controller) = named
            .with_context(|| format!("the lease is held by `{holder}`, which does not run"))?;
        Ok((name, controller))
    }

    /// Waits until a replica holds the lease.
    pub(crate) async fn holder_within(&self, within: Duration) -> Result<(&str, &Controller)> {
        until("a replica holds the lease", within, async || {
            self.holder().await
        })
        .await
    }

    /// Logs of every controller that ran.
    pub(crate) fn controller_logs(&self) -> &BTreeSet<PathBuf> {
        &self.controller_logs
    }

    /// Stops every controller politely: each ends with 0, and nobody holds the lease then.
    pub(crate) async fn stop_controllers(&mut self) -> Result<()> {
        if self.controller_logs.is_empty() {
            return Ok(());
        }
        for (name, mut controller) in std::mem::take(&mut self.controllers) {
            let what = || format!("controller {name}");
            controller.check().with_context(what)?;
            let status = controller.stop().await.with_context(what)?;
            ensure!(status.success(), "controller {name} ended: {status}");
        }
        let leases = self.cluster.api(Resource::Lease, CONTROLLER_NAMESPACE);
        let lease = leases.get(LEASE).await?;
        let holder = lease.data["spec"]["holderIdentity"].as_str();
        ensure!(
            holder.unwrap_or_default().is_empty(),
            "the lease is still held by {holder:?}"
        );
        Ok(())
    }

    /// Ends everything: controllers first, so that they see none of it.
    pub(crate) async fn close(mut self) -> Result<()> {
        for controller in std::mem::take(&mut self.controllers).into_values() {
            controller.kill().await?;
        }
        let leases = self.cluster.api(Resource::Lease, CONTROLLER_NAMESPACE);
        if leases.get_opt(LEASE).await?.is_some() {
            leases.delete(LEASE, &DeleteParams::default()).await?;
        }
        for agent in self.members.values_mut().filter_map(|m| m.agent.as_mut()) {
            agent.kill().await?;
        }
        let nodes = self
            .members
            .values_mut()
            .filter(|member| member.node.runs());
        let ended = join_all(nodes.map(|member| member.node.kill()));
        ended.await.into_iter().collect::<Result<()>>()?;
        for namespace in &self.namespaces {
            self.cluster.delete_namespace(namespace).await?;
            self.cluster.finish_namespace(namespace).await?;
        }
        for host in self.hosts.values() {
            self.cluster.delete_host(host).await?;
        }
        Ok(())
    }
}
