//! Members go, and what was put into the others for them goes too, or stays where it must.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::judge::{MESH, SOON, all_linked};
use crate::member::Spec;
use crate::registry::Scenario;
use crate::wait::until;
use crate::world::World;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::mesh(
        "three_nodes_lose_one",
        "a node dies with its host: the two others stay linked and forget it once its pod is gone",
        |world| Box::pin(three_nodes_lose_one(world)),
    ),
    Scenario::mesh(
        "pod_removed_while_controller_is_down",
        "a pod goes while nobody looks: every survivor's peering list is cleaned later",
        |world| Box::pin(pod_removed_while_controller_is_down(world)),
    ),
    Scenario::mesh(
        "empty_pod_list_removes_nothing",
        "a list that lost all pods unlinks nobody; removals are held and the mesh says so",
        |world| Box::pin(empty_pod_list_removes_nothing(world)),
    ),
    Scenario::mesh(
        "mesh_deleted_links_stay",
        "a mesh is deleted: its records go, links and peering entries stay, and one made anew dials nobody",
        |world| Box::pin(mesh_deleted_links_stay(world)),
    ),
];

async fn three_nodes_lose_one(world: &mut World) -> Result<()> {
    world.add_plain(&["a", "b", "c"]).await?;
    world.create_mesh(json!({})).await?;
    world.start_controller("one", &[]).await?;
    world.healthy(&["a", "b", "c"]).await?;

    let lost = world.member("c")?.node.peer_id().to_owned();
    world.lose("c").await?;
    world
        .member_says("c", ("Reachable", "False", "Unreachable"))
        .await?;
    world.mesh_says(("Degraded", "True", "Unreachable")).await?;
    world
        .event(MESH, ("Warning", "Degraded", "Unreachable"))
        .await?;
    // Its pod is still there: it keeps its place and the others their entries for it.
    world.two_passes().await?;
    for name in ["a", "b"] {
        let peering = world.member(name)?.node.peering().await?;
        ensure!(
            peering.contains_key(&lost),
            "{name} has forgotten {lost} already"
        );
    }
    world.forget("c").await?;
    world.healthy(&["a", "b"]).await?;
    world.record_gone("c").await
}

async fn pod_removed_while_controller_is_down(world: &mut World) -> Result<()> {
    let all = ["a", "b", "c", "d", "e"];
    world.add_plain(&all).await?;
    world.create_mesh(json!({})).await?;
    world.start_controller("one", &[]).await?;
    world.healthy(&all).await?;

    world.take_controller("one")?.kill().await?;
    world.delete("c").await?;
    world.start_controller("two", &[]).await?;
    world.healthy(&["a", "b", "d", "e"]).await?;
    world.record_gone("c").await
}

async fn empty_pod_list_removes_nothing(world: &mut World) -> Result<()> {
    let all = ["a", "b", "c", "d"];
    world.add(&all.map(|name| Spec::new(name).logged())).await?;
    world.create_mesh(json!({})).await?;
    world.start_controller("one", &[]).await?;
    world.healthy(&all).await?;

    // As after a restore of an empty store: the objects are gone, the nodes are not.
    world.take_controller("one")?.kill().await?;
    for name in all {
        world.forget(name).await?;
    }
    world.start_controller("two", &[]).await?;
    world
        .mesh_says(("Degraded", "True", "RemovalsHeld"))
        .await?;
    world.two_passes().await?;
    let plan = world.plan(&world.mesh()).await?;
    ensure!(
        plan.removals_held > 0,
        "no removal is counted as held: {plan:?}"
    );
    all_linked(&world.members(&all)?).await?;

    for name in all {
        world.return_pod(name).await?;
    }
    world.healthy(&all).await?;
    world.nothing_taken(&all)
}

async fn mesh_deleted_links_stay(world: &mut World) -> Result<()> {
    let all = ["a", "b", "c"];
    world.add(&all.map(|name| Spec::new(name).logged())).await?;
    world.create_mesh(json!({})).await?;
    world.start_controller("one", &[]).await?;
    world.healthy(&all).await?;

    world.delete_mesh().await?;
    for name in all {
        world.record_gone(name).await?;
    }
    all_linked(&world.members(&all)?).await?;
    world.nothing_taken(&all)?;
    // The way back: the same links are a mesh again, without a dial or a new connection.
    let connections = world.sockets(&all)?;
    let dials = world.dials(&all)?;
    ensure!(dials > 0, "no dial was written down: are the logs ones?");
    until("the mesh can be made again", SOON, async || {
        world.create_mesh(json!({})).await
    })
    .await?;
    world.healthy(&all).await?;
    let anew = world.dials(&all)? - dials;
    ensure!(anew == 0, "{anew} dials were made anew");
    world.none_new(&all, &connections)
}
