//! Links: what the nodes themselves say, and what the controller does not do any more.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};
use futures::future::try_join_all;

use super::{Mesh, SOON};
use crate::controller::PlanPage;
use crate::member::Member;
use crate::node::OUTBOUND;
use crate::wait::until;
use crate::world::World;

// === impl World ===

impl World {
    /// The scenario's mesh is converged, and its status says so.
    pub(crate) async fn healthy<S: AsRef<str>>(&self, names: &[S]) -> Result<()> {
        self.healthy_in(&self.mesh(), names).await
    }

    /// A mesh is converged, and its status says so.
    pub(crate) async fn healthy_in<S: AsRef<str>>(&self, mesh: &Mesh, names: &[S]) -> Result<()> {
        self.converged(mesh, names).await?;
        self.ready(mesh, names.len()).await
    }

    /// Converged: every pair of these members is linked and protected, as both ends say themselves,
    /// they have no other links, and two later passes do nothing.
    pub(crate) async fn converged<S: AsRef<str>>(&self, mesh: &Mesh, names: &[S]) -> Result<()> {
        self.linked(names).await?;
        self.quiet(mesh).await?;
        all_linked(&self.members(names)?).await
    }

    /// Waits until every pair of these members is linked and protected, and they have no others.
    pub(crate) async fn linked<S: AsRef<str>>(&self, names: &[S]) -> Result<()> {
        let members = self.members(names)?;
        let what = format!("{} members are linked with each other", members.len());
        until(&what, SOON, async || all_linked(&members).await).await
    }

    /// `/debug/plan` of a mesh at the replica that acts.
    pub(crate) async fn plan(&self, mesh: &Mesh) -> Result<PlanPage> {
        let (_, controller) = self.holder().await?;
        controller.plan(&mesh.id()).await
    }

    /// Waits for two later passes of a mesh that do nothing.
    pub(crate) async fn quiet(&self, mesh: &Mesh) -> Result<()> {
        let mut first = None;
        let mut idle = BTreeSet::new();
        until("two later passes do nothing", SOON, async || {
            let page = self.plan(mesh).await?;
            let later = page.pass > *first.get_or_insert(page.pass);
            if !page.actions.is_empty() || !page.records.is_empty() {
                idle.clear();
            } else if later {
                idle.insert(page.pass);
            }
            ensure!(idle.len() >= 2, "{} so far; the last: {page:?}", idle.len());
            Ok(())
        })
        .await
    }

    /// An error if one of these nodes was told to take anything away, by its own request log.
    pub(crate) fn nothing_taken<S: AsRef<str>>(&self, names: &[S]) -> Result<()> {
        for member in self.members(names)? {
            let (name, commands) = (&member.pod.name, member.node.commands()?);
            ensure!(
                !commands.is_empty(),
                "{name} was told nothing at all: is its log one?"
            );
            let removal = commands.iter().find(|command| command.removes());
            ensure!(removal.is_none(), "{name} was told {removal:?}");
        }
        Ok(())
    }

    /// How many dials these nodes were asked for, by their own request logs.
    pub(crate) fn dials<S: AsRef<str>>(&self, names: &[S]) -> Result<usize> {
        let mut dials = 0;
        for member in self.members(names)? {
            let commands = member.node.commands()?;
            let asked = commands.iter().filter(|one| one.path.ends_with("/connect"));
            dials += asked.count();
        }
        Ok(dials)
    }

    /// Waits for two more passes of the scenario's mesh, whatever they do: what was going to happen
    /// has happened by then.
    pub(crate) async fn two_passes(&self) -> Result<()> {
        let mesh = self.mesh();
        let first = until("a pass", SOON, async || Ok(self.plan(&mesh).await?.pass)).await?;
        until("two more passes", SOON, async || {
            let now = self.plan(&mesh).await?.pass;
            ensure!(now >= first + 2, "from {first} to {now}");
            Ok(())
        })
        .await
    }
}

/// An error unless every pair is linked and protected, and nobody has another link.
pub(crate) async fn all_linked(members: &[&Member]) -> Result<()> {
    try_join_all(members.iter().map(|member| linked_with(member, members))).await?;
    Ok(())
}

/// An error unless every pair is connected, whatever else there is.
pub(crate) async fn pairs_connected(members: &[&Member]) -> Result<()> {
    let lists = members.iter().map(async |member| {
        let seen = member.node.connected().await?;
        let own = member.node.peer_id();
        let mut others = members.iter().map(|other| other.node.peer_id());
        let missing = others.find(|other| *other != own && !seen.contains(*other));
        ensure!(
            missing.is_none(),
            "{} does not list {missing:?}",
            member.pod.name
        );
        Ok(())
    });
    try_join_all(lists).await?;
    Ok(())
}

/// An error unless one member's own answers show what is wanted of it, and nothing else.
async fn linked_with(member: &Member, members: &[&Member]) -> Result<()> {
    let (node, name) = (&member.node, &member.pod.name);
    let others = members
        .iter()
        .filter(|other| other.node.peer_id() != node.peer_id());
    let wanted: BTreeMap<String, Vec<String>> = others
        .map(|other| {
            let address = member.link_address(other);
            (other.node.peer_id().to_owned(), vec![address])
        })
        .collect();
    let connections = node.connections().await?;
    let seen: BTreeSet<&str> = connections.iter().map(|c| c.peer.as_str()).collect();
    let asked: BTreeSet<&str> = wanted.keys().map(String::as_str).collect();
    ensure!(seen == asked, "{name} lists {seen:?}, wanted are {asked:?}");
    for connection in connections.iter().filter(|c| c.direction == OUTBOUND) {
        let known = wanted.get(&connection.peer).into_iter().flatten();
        let right = known
            .into_iter()
            .any(|address| *address == connection.address);
        ensure!(right, "{name} dialled {connection:?}");
    }
    let peering = node.peering().await?;
    let mut protected = wanted;
    protected.extend(member.foreign.clone());
    ensure!(
        peering == protected,
        "{name} protects {peering:?}, wanted are {protected:?}"
    );
    Ok(())
}
