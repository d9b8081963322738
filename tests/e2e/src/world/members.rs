//! Members of a world: adding them, and what befalls them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::rc::Rc;

use anyhow::{Context, Result};
use futures::future::try_join_all;

use super::World;
use crate::agent::Beside;
use crate::member::{Member, Spec};
use crate::node::Node;
use crate::pods::PodObject;

// === impl World ===

impl World {
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
        pod.multus.clone_from(&spec.multus);
        pod.agent = spec.beside.as_ref().map(Beside::port);
        let mut member = Member {
            node,
            pod,
            agent: self.agent(spec),
            foreign: BTreeMap::new(),
            host: None,
            wanted: self.wanted,
        };
        if let Some(multus) = &spec.multus {
            let host = self.add_host(multus.attachment.is_some()).await?;
            member.settle(host);
        }
        self.members.insert(spec.name.clone(), member);
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
        try_join_all(new.map(async |(_, member)| member.come(cluster).await)).await?;
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
        if let Some(agent) = &mut member.agent {
            agent.kill().await?;
        }
        member.node.stop().await?;
        member.pod.remove(&cluster).await
    }

    /// A node and its host die: nothing answers, and its pod is not Ready any more.
    pub(crate) async fn lose(&mut self, name: &str) -> Result<()> {
        let cluster = Rc::clone(&self.cluster);
        let member = self.member_mut(name)?;
        member.node.kill().await?;
        member.pod.ready = false;
        member.pod.write_status(&cluster).await
    }

    /// A pod's object goes at once; what is behind it does not notice.
    pub(crate) async fn forget(&self, name: &str) -> Result<()> {
        self.member(name)?.pod.remove(&self.cluster).await
    }

    /// A pod's object comes, or comes back with a new UID, for a node that runs.
    pub(crate) async fn return_pod(&mut self, name: &str) -> Result<()> {
        let cluster = Rc::clone(&self.cluster);
        self.member_mut(name)?.appear(&cluster).await
    }

    /// A deleted member comes back as a StatefulSet does it: same name and volume, another IP.
    pub(crate) async fn replace(&mut self, name: &str) -> Result<()> {
        let ip = self.address();
        let cluster = Rc::clone(&self.cluster);
        let member = self.member_mut(name)?;
        member.node.move_to(ip);
        member.pod.ip = Some(ip);
        member.come(&cluster).await
    }

    /// A pod's sandbox is made anew: same object, another IP, one restart more.
    pub(crate) async fn move_member(&mut self, name: &str) -> Result<()> {
        let ip = self.address();
        let cluster = Rc::clone(&self.cluster);
        let member = self.member_mut(name)?;
        member.node.kill().await?;
        member.node.move_to(ip);
        member.node.start().await?;
        member.pod.ip = Some(ip);
        member.pod.restarted(&cluster).await
    }

    /// The node of `new` starts at the address of `old`, whose node is killed. No object changes.
    pub(crate) async fn take_place(&mut self, new: &str, old: &str) -> Result<()> {
        let old = self.member_mut(old)?;
        old.node.kill().await?;
        let ip = old.node.ip();
        let new = self.member_mut(new)?;
        new.node.move_to(ip);
        new.pod.ip = Some(ip);
        new.node.start().await
    }

    /// The cluster node of a zone.
    pub(super) async fn host(&mut self, zone: &'static str) -> Result<String> {
        if let Some(host) = self.hosts.get(zone) {
            return Ok(host.clone());
        }
        let host = format!("{}-host-{}", self.namespace(), self.hosts.len());
        self.cluster.create_host(&host, zone).await?;
        self.hosts.insert(zone, host.clone());
        Ok(host)
    }
}
