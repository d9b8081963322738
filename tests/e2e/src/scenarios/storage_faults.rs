//! The storage network when something goes wrong: crashes, a network that is down, a second connection.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures::future::{join, select_all};
use kube::api::ListParams;
use serde_json::json;
use tokio::time::timeout;

use super::storage::{attached, network, settled};
use crate::cluster::Resource;
use crate::dual::Network;
use crate::judge::{SOON, pairs_connected};
use crate::node::Moment;
use crate::registry::Scenario;
use crate::wait::{throughout, until};
use crate::world::World;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::network(
        "steering_crash_points",
        "the controller is killed before and after each call of a session: its successor leaves no \
         filter, in the daemon or its config, and the link is on the storage network",
        |world| Box::pin(steering_crash_points(world)),
    ),
    Scenario::network(
        "storage_network_down_moves_nothing",
        "the storage network carries nothing: members stay linked over the pod network, single links \
         are tried, it is said once, and all move by themselves when it carries again",
        |world| Box::pin(storage_network_down_moves_nothing(world)),
    ),
    Scenario::network(
        "extra_connection_is_closed",
        "a second connection on the pod network is closed, the one on the storage network is not \
         touched",
        |world| Box::pin(extra_connection_is_closed(world)),
    ),
];

/// Every step of a session, as the node sees it.
const MOMENTS: [Moment; 8] = [
    Moment::Before("/api/v0/swarm/filters/add"),
    Moment::After("/api/v0/swarm/filters/add"),
    Moment::Before("/api/v0/swarm/disconnect"),
    Moment::After("/api/v0/swarm/disconnect"),
    Moment::Before("/api/v0/swarm/connect"),
    Moment::After("/api/v0/swarm/connect"),
    Moment::Before("/api/v0/swarm/filters/rm"),
    Moment::After("/api/v0/swarm/filters/rm"),
];

/// Short waits: a killed holder's lease runs out within a second, a move that failed is tried again.
const QUICK: [&str; 4] = [
    "--lease-duration=1s",
    "--lease-renew-interval=300ms",
    "--steer-retry-base=1s",
    "--steer-retry-max=4s",
];

/// How long a session may take to come to a step.
const STEP: Duration = Duration::from_secs(10);

async fn steering_crash_points(world: &mut World) -> Result<()> {
    let names = ["a", "b", "c"];
    let attachment = attached(world, &names).await?;
    let spec = network(&attachment, json!({}));
    world.create_mesh(spec).await?;
    world.start_controller("life-0", &QUICK).await?;
    settled(world, &names).await?;
    for (life, moment) in MOMENTS.into_iter().enumerate() {
        for name in names {
            world.member(name)?.node.gate().arm(Some(moment));
        }
        world.misplace("a", "b").await?;
        caught(world, &names, moment).await?;
        let killed = world.take_controller(&format!("life-{life}"))?;
        killed.kill().await?;
        for name in names {
            world.member(name)?.node.gate().arm(None);
        }
        let next = format!("life-{}", life + 1);
        world.start_controller(&next, &QUICK).await?;
        let what = || format!("killed {moment:?}");
        world.on_storage(&names).await.with_context(what)?;
        world.no_filters_left(&names).await.with_context(what)?;
        world.linked(&names).await.with_context(what)?;
    }
    settled(world, &names).await?;
    ledger_is_clear(world, &names).await
}

/// Waits until one of these nodes' gates has caught a call.
async fn caught(world: &World, names: &[&str], moment: Moment) -> Result<()> {
    let members = world.members(names)?;
    let gates = members
        .iter()
        .map(|member| Box::pin(member.node.gate().caught()));
    let first = timeout(STEP, select_all(gates)).await;
    first.with_context(|| format!("no session came to {moment:?}"))?;
    Ok(())
}

/// No record holds a filter of ours.
async fn ledger_is_clear(world: &World, names: &[&str]) -> Result<()> {
    for name in names {
        until(
            &format!("the record of {name} is clear"),
            SOON,
            async || {
                let record = world.record(name).await?.context("there is none")?;
                let owned = &record["spec"]["ownedFilters"];
                ensure!(owned.as_array().is_none_or(Vec::is_empty), "{owned}");
                Ok(())
            },
        )
        .await?;
    }
    Ok(())
}

/// How long the network stays down: longer than three canaries, some of them at once and each up to 5 s
/// (row 14), and the longest back-off after them.
const DOWN: Duration = Duration::from_secs(20);

/// Most moves in that time: one link a node at first, then three until the network counts as down, then
/// one after 1, 2, 4 and 4 s.
const CANARIES: usize = 12;

async fn storage_network_down_moves_nothing(world: &mut World) -> Result<()> {
    let names = ["a", "b", "c", "d"];
    let attachment = attached(world, &names).await?;
    world.acquaint(&names).await?;
    world.cut_storage().await?;
    let spec = network(&attachment, json!({}));
    world.create_mesh(spec).await?;
    let quick = ["--steer-retry-base=1s", "--steer-retry-max=4s"];
    world.start_controller("one", &quick).await?;
    let members = world.members(&names)?;
    throughout("nobody is alone", DOWN, async || {
        for member in &members {
            let seen = member.node.connected().await?.len();
            // Its canary is away for a moment, and that of another with it.
            ensure!(seen >= 1, "{} lists {seen}", member.pod.name);
        }
        Ok(())
    })
    .await?;
    until("all are connected", SOON, async || {
        pairs_connected(&members).await
    })
    .await?;
    let down = ("Degraded", "True", "StorageNetworkDown");
    world.mesh_says(down).await?;
    let mut moves = 0;
    for member in &members {
        let commands = member.node.commands()?;
        let closed = commands
            .iter()
            .filter(|one| one.path.ends_with("/disconnect"));
        moves += closed.count();
    }
    ensure!((3..=CANARIES).contains(&moves), "{moves} links were closed");
    said_once(world, "StorageNetworkDown").await?;
    world.mend_storage().await?;
    settled(world, &names).await
}

/// There is one event with this reason about the mesh.
async fn said_once(world: &World, reason: &str) -> Result<()> {
    let events = world.cluster().api(Resource::Event, world.namespace());
    let events = events.list(&ListParams::default()).await?;
    let said = events
        .items
        .iter()
        .filter(|event| event.data["reason"] == reason);
    let notes: Vec<_> = said
        .map(|event| (&event.data["note"], &event.data["series"]))
        .collect();
    ensure!(notes.len() == 1, "{notes:?}");
    Ok(())
}

/// Pairs that never met: each knows the one address that it is given.
const STRANGERS: [(&str, &str); 4] = [("a", "b"), ("c", "d"), ("e", "f"), ("g", "h")];

async fn extra_connection_is_closed(world: &mut World) -> Result<()> {
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let attachment = attached(world, &names).await?;
    let mut doubled = None;
    for (one, other) in STRANGERS {
        // Row 32: both dial at once, mostly both connections stay.
        let dials = join(
            world.connect(one, other, Network::Storage),
            world.connect(other, one, Network::Pod),
        );
        let (near, far) = dials.await;
        near.and(far)?;
        if world.networks(one, other).await?.len() == 2 {
            doubled = Some((one, other));
            break;
        }
    }
    let (one, other) = doubled.context("no pair has two connections")?;
    for (name, peer) in [(one, other), (other, one)] {
        let found = world.networks(name, peer).await?;
        let both = found.contains(&Network::Pod) && found.contains(&Network::Storage);
        ensure!(both, "{name} lists {found:?}");
    }
    let before = world.sockets(&[one, other])?;
    world.create_mesh(network(&attachment, json!({}))).await?;
    world.start_controller("one", &[]).await?;
    world.on_storage(&[one, other]).await?;
    // What is there now was there before.
    world.none_new(&[one, other], &before)?;
    settled(world, &names).await?;
    let commands = world.member(one)?.node.commands()?;
    let filter = commands.iter().find(|call| call.path.contains("/filters/"));
    // Links of others may be moved; this one needs no filter.
    let far = world.member(other)?.node.ip().to_string();
    let needless = filter.filter(|call| call.query.contains(&far));
    ensure!(needless.is_none(), "{one} was told {needless:?}");
    Ok(())
}
