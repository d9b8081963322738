//! Modes: what the product does not do when it is told so.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::cluster::Resource;
use crate::judge::{MESH, SOON, pairs_connected};
use crate::member::Spec;
use crate::registry::Scenario;
use crate::wait::until;
use crate::world::World;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::mesh(
        "observe_mode_writes_nothing",
        "mode: Observe reports every missing link and sends no node a command",
        |world| Box::pin(observe_mode_writes_nothing(world)),
    ),
    Scenario::mesh(
        "release_mode_takes_everything_back",
        "mode: Release empties every peering list and says when nothing is left; links stay up",
        |world| Box::pin(release_mode_takes_everything_back(world)),
    ),
];

const THREE: [&str; 3] = ["a", "b", "c"];

async fn observe_mode_writes_nothing(world: &mut World) -> Result<()> {
    world
        .add(&THREE.map(|name| Spec::new(name).logged()))
        .await?;
    world.create_mesh(json!({"mode": "Observe"})).await?;
    world.start_controller("one", &[]).await?;
    until("records and status are written", SOON, async || {
        for name in THREE {
            let record = world.record(name).await?.context("there is no record")?;
            let peer_id = world.member(name)?.node.peer_id();
            ensure!(record["spec"]["peerID"] == peer_id, "{record}");
        }
        let status = world.status(Resource::SwarmMesh, MESH).await?;
        ensure!(
            status["linksSummary"] == "0/3" && status["reachable"] == 3,
            "{status}"
        );
        Ok(())
    })
    .await?;
    world.mesh_says(("Ready", "False", "Observing")).await?;
    world.two_passes().await?;
    let plan = world.plan(&world.mesh()).await?;
    ensure!(
        plan.actions.is_empty() && plan.held_back.len() == 3,
        "{plan:?}"
    );
    for name in THREE {
        let node = &world.member(name)?.node;
        let commands = node.commands()?;
        ensure!(commands.is_empty(), "{name} was told {commands:?}");
        ensure!(node.connected().await?.is_empty(), "{name} is connected");
    }
    world.patch_mesh(json!({"mode": "Enforce"})).await?;
    world.healthy(&THREE).await
}

async fn release_mode_takes_everything_back(world: &mut World) -> Result<()> {
    world.add_plain(&THREE).await?;
    world.create_mesh(json!({})).await?;
    world.start_controller("one", &[]).await?;
    world.healthy(&THREE).await?;

    world.patch_mesh(json!({"mode": "Release"})).await?;
    until("no node has an entry of ours", SOON, async || {
        for name in THREE {
            let peering = world.member(name)?.node.peering().await?;
            ensure!(peering == BTreeMap::new(), "{name} has {peering:?}");
        }
        Ok(())
    })
    .await?;
    until("the mesh says that nothing is left", SOON, async || {
        let message = world.mesh_says(("Ready", "False", "Releasing")).await?;
        ensure!(message.contains(": 0 links held"), "{message}");
        Ok(())
    })
    .await?;
    world.quiet(&world.mesh()).await?;
    pairs_connected(&world.members(&THREE)?).await?;

    world.patch_mesh(json!({"mode": "Enforce"})).await?;
    world.healthy(&THREE).await
}
