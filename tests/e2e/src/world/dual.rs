//! Pods with two networks: what befalls the networks, and what their owners do by hand.

use std::rc::Rc;

use anyhow::{Context, Result, bail, ensure};
use futures::future::try_join_all;

use super::World;
use crate::dual::{Bridges, Host, Network};
use crate::judge::SOON;
use crate::member::Member;
use crate::wait::until;

/// How often a connection is made anew until it is on the pod network: mostly it is at once (row 3).
const TRIES: u32 = 4;

// === impl World ===

impl World {
    /// Makes a NetworkAttachmentDefinition in the scenario's namespace. Its `namespace/name`.
    pub(crate) async fn create_attachment(&self, name: &str) -> Result<String> {
        let namespace = self.namespace();
        self.cluster.create_attachment(namespace, name).await?;
        Ok(format!("{namespace}/{name}"))
    }

    /// From now on links are wanted on this network where both ends have it.
    pub(crate) fn want(&mut self, network: Network) {
        self.wanted = network;
        for member in self.members.values_mut() {
            member.wanted = network;
        }
    }

    /// The storage network carries nothing any more.
    pub(crate) async fn cut_storage(&self) -> Result<()> {
        self.bridges()?.cut().await
    }

    /// The storage network carries again.
    pub(crate) async fn mend_storage(&self) -> Result<()> {
        self.bridges()?.mend().await
    }

    /// The host of a member, to cut its interface of the storage network and to mend it.
    pub(crate) fn host_of(&self, name: &str) -> Result<&Host> {
        let host = self.member(name)?.host.as_ref();
        host.with_context(|| format!("{name} has no network namespace of its own"))
    }

    /// A member's address on the storage network, as text.
    pub(crate) fn storage_of(&self, name: &str) -> Option<String> {
        let node = &self.members.get(name)?.node;
        node.storage().map(|ip| ip.to_string())
    }

    /// A pod gets another address on the storage network while it runs, and Multus reports it.
    pub(crate) async fn readdress(&mut self, name: &str) -> Result<()> {
        let cluster = Rc::clone(&self.cluster);
        let bridges = self.bridges.as_mut().context("there are no bridges")?;
        let member = self.members.get_mut(name).context("no such member")?;
        let host = member.host.as_mut().context("a pod without namespace")?;
        let new = bridges.readdress(host).await?;
        member.node.readdress(Some(new));
        member.report();
        member.pod.write_status(&cluster).await
    }

    /// Multus reports what it kept back.
    pub(crate) async fn report(&mut self, name: &str) -> Result<()> {
        let cluster = Rc::clone(&self.cluster);
        let member = self.member_mut(name)?;
        member.pod.multus.get_or_insert_default().silent = false;
        member.report();
        member.pod.write_status(&cluster).await
    }

    /// A pod is created anew as a StatefulSet does it, with this attachment or none: same name and
    /// volume, another namespace and other addresses.
    pub(crate) async fn recreate(&mut self, name: &str, attachment: Option<&str>) -> Result<()> {
        self.delete(name).await?;
        self.host_of(name)?.remove().await?;
        let host = self.add_host(attachment.is_some()).await?;
        let cluster = Rc::clone(&self.cluster);
        let member = self.member_mut(name)?;
        member.pod.multus.get_or_insert_default().attachment = attachment.map(str::to_owned);
        member.settle(host);
        member.come(&cluster).await
    }

    /// A network namespace for a pod.
    pub(super) async fn add_host(&mut self, attached: bool) -> Result<Host> {
        if self.bridges.is_none() {
            self.bridges = Some(Bridges::lay().await?);
        }
        let bridges = self.bridges.as_mut().context("they were just laid")?;
        bridges.add(attached).await
    }

    fn bridges(&self) -> Result<&Bridges> {
        let bridges = self.bridges.as_ref();
        bridges.context("no pod has a network namespace of its own")
    }

    /// The owner of a node has it connect to another's address on a network.
    pub(crate) async fn connect(&self, from: &str, to: &str, network: Network) -> Result<()> {
        let there = &self.member(to)?.node;
        let address = there.address_on(network).context("no such address")?;
        let call = format!("swarm/connect?arg={address}/p2p/{}", there.peer_id());
        let answer = self.member(from)?.node.ask(&call).await?;
        let said = String::from_utf8_lossy(&answer.body);
        ensure!(answer.status.is_success(), "{from} to {to}: {said}");
        Ok(())
    }

    /// The owner of a node has it close its connections to another, and both forget them.
    pub(crate) async fn disconnect(&self, from: &str, to: &str) -> Result<()> {
        let (near, far) = (&self.member(from)?.node, &self.member(to)?.node);
        let call = format!("swarm/disconnect?arg=/p2p/{}", far.peer_id());
        let answer = near.ask(&call).await?;
        ensure!(answer.status.is_success(), "{from}, {to}: {answer:?}");
        until(&format!("{from} and {to} are apart"), SOON, async || {
            let lists = near.connected().await?.contains(far.peer_id())
                || far.connected().await?.contains(near.peer_id());
            ensure!(!lists, "one still lists the other");
            Ok(())
        })
        .await
    }

    /// The owner of a node puts its connection with another on the pod network.
    pub(crate) async fn misplace(&self, from: &str, to: &str) -> Result<()> {
        for _ in 0..TRIES {
            self.disconnect(from, to).await?;
            self.connect(from, to, Network::Pod).await?;
            if self.all_on(&[from, to], Network::Pod).await.is_ok() {
                return Ok(());
            }
        }
        bail!("{from} and {to} do not meet on the pod network")
    }

    /// The nodes found each other on the pod network before anybody asked them to use another.
    pub(crate) async fn acquaint(&self, names: &[&str]) -> Result<()> {
        for (number, from) in names.iter().enumerate() {
            let others = names[number + 1..].iter();
            try_join_all(others.map(|to| self.connect(from, to, Network::Pod))).await?;
        }
        Ok(())
    }
}

// === impl Member ===

impl Member {
    /// Its pod is in this network namespace, and Multus reports so unless it is silent.
    pub(super) fn settle(&mut self, host: Host) {
        self.node.move_into(&host);
        self.pod.ip = Some(host.ip);
        self.host = Some(host);
        self.report();
    }

    fn report(&mut self) {
        let host = self.host.as_ref();
        let report = self.pod.multus.as_ref().zip(host);
        self.pod.report = report.and_then(|(multus, host)| multus.report(host));
    }
}
