//! The world of one scenario: its namespaces, nodes, pods and controllers, all of which end with it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result};
use futures::future::{join_all, try_join_all};
use kube::api::DeleteParams;

use crate::block::Subnet;
use crate::cluster::{CONTROLLER_NAMESPACE, Cluster, Resource};
use crate::controller::Controller;
use crate::member::{Member, Spec};
use crate::node::{Kind, Node};
use crate::pods::PodObject;
use crate::run::Lab;
use crate::wait::until;

/// Name of the Lease object.
pub(crate) const LEASE: &str = "kubomesh";

/// What a scenario is played with.
pub(crate) struct World {
    cluster: Rc<Cluster>,
    kubomesh: PathBuf,
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
            kubomesh: lab.parts.kubomesh.clone(),
            kind: lab.kind.clone(),
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
        };
        world.add_namespace(&name.replace('_', "-")).await?;
        Ok(world)
    }

    /// Its API server.
    pub(crate) fn cluster(&self) -> &Cluster {
        &self.cluster
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

    // --- members ---

    /// A member by its name.
    pub(crate) fn member(&self, name: &str) -> Result<&Member> {
        let member = self.members.get(name);
        member.with_context(|| format!("the scenario has no member {name}"))
    }

    /// A member by its name, to do something with it.
    pub(crate) fn member_mut(&mut self, name: &str) -> Result<&mut Member> {
        let member = self.members.get_mut(name);
        member.with_context(|| format!("the scenario has no member {name}"))
    }

    /// Members by their names.
    pub(crate) fn members<S: AsRef<str>>(&self, names: &[S]) -> Result<Vec<&Member>> {
        names
            .iter()
            .map(|name| self.member(name.as_ref()))
            .collect()
    }

    /// An address that nobody has had.
    pub(crate) fn address(&mut self) -> Ipv4Addr {
        self.nodes += 1;
        self.subnet.node(self.nodes)
    }

    /// Prepares a member: neither its node nor its pod is there yet.
    pub(crate) async fn prepare(&mut self, spec: &Spec) -> Result<()> {
        let ip = self.address();
        let host = self.host(spec.zone).await?;
        let namespace = match spec.namespace.as_str() {
            "" => self.namespace(),
            other => other,
        };
        let mut pod = PodObject::new(namespace, &spec.name, &host, ip);
        let labels = spec.labels.iter();
        pod.labels
            .extend(labels.map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
        let settings = spec.settings.clone();
        let node = Node::new(
            &spec.name,
            &self.kind,
            (ip, self.lab),
            &self.folder,
            settings,
        );
        self.members.insert(spec.name.clone(), Member { node, pod });
        Ok(())
    }

    /// Adds members: their nodes answer, then their pods are Running and Ready.
    pub(crate) async fn add(&mut self, specs: &[Spec]) -> Result<()> {
        for spec in specs {
            self.prepare(spec).await?;
        }
        let names: BTreeSet<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
        let new = self
            .members
            .iter_mut()
            .filter(|(name, _)| names.contains(name.as_str()));
        let cluster = &self.cluster;
        try_join_all(new.map(async |(_, member)| {
            member.node.start().await?;
            member.pod.create(cluster).await
        }))
        .await?;
        Ok(())
    }

    /// Adds plain members.
    pub(crate) async fn add_plain(&mut self, names: &[&str]) -> Result<()> {
        let specs: Vec<Spec> = names.iter().map(|name| Spec::new(name)).collect();
        self.add(&specs).await
    }

    /// SIGKILL and a new start of a node in its container: same pod, one restart more.
    pub(crate) async fn crash_and_restart(&mut self, name: &str) -> Result<()> {
        let cluster = Rc::clone(&self.cluster);
        let member = self.member_mut(name)?;
        member.node.kill().await?;
        member.node.start().await?;
        member.pod.restarted(&cluster).await
    }

    /// Ends a member for good: its pod is deleted, its node stops, the pod's object goes.
    pub(crate) async fn delete(&mut self, name: &str) -> Result<()> {
        let cluster = Rc::clone(&self.cluster);
        let member = self.member_mut(name)?;
        member.pod.terminate(&cluster).await?;
        member.node.stop().await?;
        member.pod.remove(&cluster).await
    }

    /// The cluster node of a zone.
    async fn host(&mut self, zone: &'static str) -> Result<String> {
        if let Some(host) = self.hosts.get(zone) {
            return Ok(host.clone());
        }
        let host = format!("{}-host-{}", self.namespace(), self.hosts.len());
        self.cluster.create_host(&host, zone).await?;
        self.hosts.insert(zone, host.clone());
        Ok(host)
    }

    // --- controllers ---

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

    /// Takes a controller out of the world, to end it.
    pub(crate) fn take_controller(&mut self, name: &str) -> Result<Controller> {
        let controller = self.controllers.remove(name);
        controller.with_context(|| format!("no controller {name} runs"))
    }

    /// Name of the replica that holds the lease, and the replica.
    pub(crate) async fn holder(&self) -> Result<(&str, &Controller)> {
        let leases = self.cluster.api(Resource::Lease, CONTROLLER_NAMESPACE);
        let lease = leases.get_opt(LEASE).await?.context("there is no lease")?;
        let holder = lease.data["spec"]["holderIdentity"]
            .as_str()
            .unwrap_or_default();
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

    /// Replicas that run, by name.
    pub(crate) fn controllers_mut(&mut self) -> impl Iterator<Item = (&str, &mut Controller)> {
        self.controllers
            .iter_mut()
            .map(|(name, of)| (name.as_str(), of))
    }

    /// Logs of every controller that ran.
    pub(crate) fn controller_logs(&self) -> &BTreeSet<PathBuf> {
        &self.controller_logs
    }

    // --- the end ---

    /// Ends everything: controllers first, so that they see none of it.
    pub(crate) async fn close(mut self) -> Result<()> {
        let controllers = std::mem::take(&mut self.controllers);
        for (name, mut controller) in controllers {
            controller
                .check()
                .with_context(|| format!("controller {name}"))?;
            controller.kill().await?;
        }
        let leases = self.cluster.api(Resource::Lease, CONTROLLER_NAMESPACE);
        if leases.get_opt(LEASE).await?.is_some() {
            leases.delete(LEASE, &DeleteParams::default()).await?;
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
