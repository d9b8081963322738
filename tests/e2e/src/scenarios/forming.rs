//! A mesh forms, and members come.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::member::Spec;
use crate::registry::Scenario;
use crate::world::World;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::mesh(
        "mesh_forms",
        "16 nodes in three zones become a full mesh, and its objects say so",
        |world| Box::pin(mesh_forms(world)),
    ),
    Scenario::mesh(
        "pod_added",
        "a pod that comes is linked with all others",
        |world| Box::pin(pod_added(world)),
    ),
];

async fn mesh_forms(world: &mut World) -> Result<()> {
    let zones = ["a", "b", "c"];
    let spec = |number: usize| Spec::new(&format!("kubo-{number}")).zone(zones[number % 3]);
    let specs: Vec<Spec> = (0..16).map(spec).collect();
    let names: Vec<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
    world.add(&specs).await?;
    world.create_mesh(json!({})).await?;
    world.start_controller("one", &[]).await?;
    world.healthy(&names).await?;

    for spec in &specs {
        let record = world.record(&spec.name).await?.unwrap_or_default();
        let node = &world.member(&spec.name)?.node;
        let own = record["spec"]["peerID"] == node.peer_id()
            && record["spec"]["addresses"] == json!([node.swarm_address()])
            && record["status"]["zone"] == spec.zone
            && record["status"]["linksSummary"] == "15/15";
        ensure!(own, "the record of {} is {record}", spec.name);
    }
    Ok(())
}

async fn pod_added(world: &mut World) -> Result<()> {
    world.add_plain(&["a", "b", "c", "d"]).await?;
    world.create_mesh(json!({})).await?;
    world.start_controller("one", &[]).await?;
    world.healthy(&["a", "b", "c", "d"]).await?;

    world.add_plain(&["e"]).await?;
    world.healthy(&["a", "b", "c", "d", "e"]).await
}
