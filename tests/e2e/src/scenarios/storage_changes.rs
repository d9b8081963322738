//! The storage network when its settings change.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use serde_json::json;

use super::storage::{attached, network, settled};
use crate::dual::Network;
use crate::member::Spec;
use crate::multus::MTU;
use crate::registry::Scenario;
use crate::world::World;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::network(
        "rolling_change_loses_no_link",
        "rollout: Rolling: pods are recreated one by one, no other connection is touched, and the \
         condition turns true by itself",
        |world| Box::pin(rolling_change_loses_no_link(world)),
    ),
    Scenario::network(
        "back_to_pod_network",
        "the attachment is taken away again: links go back to the pod network, and no filter is left",
        |world| Box::pin(back_to_pod_network(world)),
    ),
    Scenario::network(
        "nad_drift",
        "the NetworkAttachmentDefinition is edited under the mesh: the difference is said, no link is \
         touched, and undoing it ends that",
        |world| Box::pin(nad_drift(world)),
    ),
];

async fn rolling_change_loses_no_link(world: &mut World) -> Result<()> {
    let names = ["a", "b", "c", "d"];
    let attachment = world.create_attachment("storage").await?;
    let specs = names.map(|name| Spec::new(name).apart().logged());
    world.add(&specs).await?;
    // A pod that takes its time to come again keeps its place: what is gone for longer is unlinked, as told.
    world
        .create_mesh(json!({"links": {"forgetAfter": "2m"}}))
        .await?;
    world.start_controller("one", &[]).await?;
    world.healthy(&names).await?;
    world.want(Network::Storage);
    let rolling = network(&attachment, json!({"rollout": "Rolling"}));
    world.patch_mesh(rolling).await?;
    let mut left: BTreeSet<&str> = names.into();
    for name in names {
        let rolling = ("NetworkApplied", "False", "RollingOut");
        let message = world.mesh_says(rolling).await?;
        let named = left.iter().all(|name| message.contains(*name));
        ensure!(named, "of {left:?} it says {message}");
        let others: Vec<&str> = names.into_iter().filter(|other| *other != name).collect();
        world.converged(&world.mesh(), &names).await?;
        let before = world.sockets(&others)?;
        world.recreate(name, Some(&attachment)).await?;
        world.converged(&world.mesh(), &names).await?;
        // Those that did not change have the connections that they had.
        let after = world.sockets(&others)?;
        ensure!(before == after, "{before:?} became {after:?}");
        left.remove(name);
    }
    world
        .mesh_says(("NetworkApplied", "True", "AsWanted"))
        .await?;
    world.nothing_taken(&names)?;
    settled(world, &names).await
}

async fn back_to_pod_network(world: &mut World) -> Result<()> {
    let names = ["a", "b", "c"];
    let attachment = attached(world, &names).await?;
    world.create_mesh(network(&attachment, json!({}))).await?;
    world.start_controller("one", &[]).await?;
    settled(world, &names).await?;
    world.want(Network::Pod);
    let none = json!({"network": {"attachment": "", "rollout": "Rolling"}});
    world.patch_mesh(none).await?;
    world.healthy(&names).await?;
    world.all_on(&names, Network::Pod).await?;
    world.no_filters_left(&names).await?;
    let none = ("NetworkApplied", "True", "NoStorageNetwork");
    world.mesh_says(none).await?;
    // And there again, with the same pods.
    world.want(Network::Storage);
    let again = network(&attachment, json!({"rollout": "Rolling"}));
    world.patch_mesh(again).await?;
    settled(world, &names).await
}

async fn nad_drift(world: &mut World) -> Result<()> {
    let names = ["a", "b", "c"];
    let attachment = attached(world, &names).await?;
    world.create_mesh(network(&attachment, json!({}))).await?;
    world.start_controller("one", &[]).await?;
    settled(world, &names).await?;
    let before = world.sockets(&names)?;
    let namespace = world.namespace().to_owned();
    let edited = (namespace.as_str(), "storage");
    world.cluster().edit_attachment(edited, 9000).await?;
    let drift = ("NetworkApplied", "False", "AttachmentDrift");
    let message = world.mesh_says(drift).await?;
    let said = message.contains("9000") && message.contains("1500") && message.contains("mtu");
    ensure!(said, "it does not say the difference: {message}");
    world.two_passes().await?;
    world.none_new(&names, &before)?;
    world.on_storage(&names).await?;
    world.cluster().edit_attachment(edited, MTU).await?;
    world
        .mesh_says(("NetworkApplied", "True", "AsWanted"))
        .await?;
    world.none_new(&names, &before)?;
    settled(world, &names).await
}
