//! Networks: which one each connection uses, by both ends and by their kernels, and what steering left.

use std::net::Ipv4Addr;

use anyhow::{Context, Result, ensure};
use futures::future::try_join_all;

use super::SOON;
use super::sockets::swarm_sockets;
use crate::dual::Network;
use crate::member::Member;
use crate::node::Connection;
use crate::wait::until;
use crate::world::World;

// === impl World ===

impl World {
    /// Waits until every pair of these members is connected and every connection among them is on the
    /// storage network, at both ends.
    pub(crate) async fn on_storage(&self, names: &[&str]) -> Result<()> {
        let members = self.members(names)?;
        let what = format!("{} members are on the storage network", members.len());
        until(&what, SOON, async || {
            all_on(&members, Network::Storage).await
        })
        .await
    }

    /// An error unless that is so now.
    pub(crate) async fn all_on(&self, names: &[&str], network: Network) -> Result<()> {
        all_on(&self.members(names)?, network).await
    }

    /// The networks of the connections that one member lists with another.
    pub(crate) async fn networks(&self, at: &str, with: &str) -> Result<Vec<Network>> {
        let with = self.member(with)?.node.peer_id();
        let connections = self.member(at)?.node.connections().await?;
        let listed = connections.iter().filter(|one| one.peer == with);
        listed.map(network_of).collect()
    }

    /// Waits until no filter is left on these members but their owners' own, neither in the daemon
    /// nor in its saved config.
    pub(crate) async fn no_filters_left(&self, names: &[&str]) -> Result<()> {
        let members = self.members(names)?;
        until("no filter of ours is left", SOON, async || {
            try_join_all(members.iter().map(|member| unfiltered(member))).await?;
            Ok(())
        })
        .await
    }
}

async fn all_on(members: &[&Member], network: Network) -> Result<()> {
    try_join_all(
        members
            .iter()
            .map(|member| lists_on(member, members, network)),
    )
    .await?;
    for socket in swarm_sockets(members)? {
        ensure!(socket.network() == Some(network), "{socket:?}");
    }
    Ok(())
}

/// An error unless a member lists every other one, on this network only.
async fn lists_on(member: &Member, members: &[&Member], network: Network) -> Result<()> {
    let (name, own) = (&member.pod.name, member.node.peer_id());
    let connections = member.node.connections().await?;
    for other in members.iter().filter(|other| other.node.peer_id() != own) {
        let peer = other.node.peer_id();
        let with = connections.iter().filter(|one| one.peer == peer);
        let mut count = 0;
        for connection in with {
            ensure!(
                network_of(connection)? == network,
                "{name} lists {connection:?} with {}",
                other.pod.name
            );
            count += 1;
        }
        ensure!(count > 0, "{name} does not list {}", other.pod.name);
    }
    Ok(())
}

/// The network of a connection by the far end's address.
fn network_of(connection: &Connection) -> Result<Network> {
    let mut parts = connection.address.split('/').skip(2);
    let ip: Option<Ipv4Addr> = parts.next().and_then(|ip| ip.parse().ok());
    let network = ip.and_then(Network::of);
    network.with_context(|| format!("{connection:?} is on neither network"))
}

/// An error if a filter is on a node, or would be after its next start.
async fn unfiltered(member: &Member) -> Result<()> {
    let (live, saved) = (member.node.filters().await?, member.node.saved_filters()?);
    ensure!(
        live.is_empty() && saved.is_empty(),
        "{} has the filters {live:?} and saved {saved:?}",
        member.pod.name
    );
    Ok(())
}
