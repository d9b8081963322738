//! Fleets larger than a full mesh.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::cluster::Resource;
use crate::judge::{MESH, condition};
use crate::registry::Scenario;
use crate::wait::until;
use crate::world::World;

pub(crate) const SCENARIOS: &[Scenario] = &[Scenario {
    fakes: true,
    ..Scenario::mesh(
        "overlay_above_48",
        "80 fakes behind real pods become an overlay of rings, healthy on both ends",
        |world| Box::pin(overlay_above_48(world)),
    )
}];

/// More than `spec.topology.fullMeshUpTo`, whose default is 48.
const MEMBERS: u8 = 80;

/// The least degree of an overlay.
const LEAST: u64 = 8;

/// How long so many may take.
const CONVERGED: Duration = Duration::from_secs(40);

async fn overlay_above_48(world: &mut World) -> Result<()> {
    let fakes = world.start_fakes(MEMBERS).await?;
    world.create_mesh(json!({"resyncInterval": "3s"})).await?;
    world
        .start_controller("one", &["--mesh-counts-interval=1s"])
        .await?;
    let desired = until("the overlay is healthy", CONVERGED, async || {
        let status = world.status(Resource::SwarmMesh, MESH).await?;
        let links = status["linksSummary"].as_str().context("no counts")?;
        let (healthy, desired) = links.split_once('/').context("no slash")?;
        let ready = condition(&status, "Ready").is_some_and(|c| c["status"] == "True");
        let all = status["members"] == MEMBERS && status["reachable"] == MEMBERS;
        ensure!(ready && all && healthy == desired, "{status}");
        Ok(desired.parse::<u64>()?)
    })
    .await?;
    world.quiet(&world.mesh()).await?;

    // The nodes say the same, and that they have no other links.
    let pairs = fakes.pairs().await?;
    ensure!(
        pairs == desired,
        "{desired} links are desired, {pairs} there"
    );
    let members = u64::from(MEMBERS);
    ensure!(desired < members * (members - 1) / 2, "it is a full mesh");
    let status = fakes.get("/status").await?;
    for node in status["nodes"].as_array().context("no nodes")? {
        let (links, peering) = (node["links"].as_u64(), node["peering"].as_u64());
        ensure!(links == peering && links >= Some(LEAST), "{node}");
    }
    Ok(())
}
