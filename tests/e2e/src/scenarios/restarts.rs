//! Nodes restart, move and come back.

use anyhow::{Context, Result, ensure};
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::cluster::Resource;
use crate::judge::SOON;
use crate::member::Spec;
use crate::registry::Scenario;
use crate::wait::until;
use crate::world::World;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::mesh(
        "node_restarts_and_forgets",
        "a node is killed and comes back as itself without peering entries: all are made again",
        |world| Box::pin(node_restarts_and_forgets(world)),
    ),
    Scenario::mesh(
        "node_restarts_with_new_identity",
        "a container starts anew with another identity: adopted, and the old one unlinked; what \
         others put on its record stays",
        |world| Box::pin(node_restarts_with_new_identity(world)),
    ),
    Scenario::mesh(
        "pod_ip_changes",
        "a pod gets another IP: links and peering entries follow",
        |world| Box::pin(pod_ip_changes(world)),
    ),
    Scenario::mesh(
        "statefulset_rolling_restart",
        "same names and identities, new UIDs and IPs, one after the other: nothing is unlinked",
        |world| Box::pin(statefulset_rolling_restart(world)),
    ),
];

const FOUR: [&str; 4] = ["kubo-0", "kubo-1", "kubo-2", "kubo-3"];

async fn node_restarts_and_forgets(world: &mut World) -> Result<()> {
    world.add_plain(&FOUR).await?;
    world.create_mesh(json!({})).await?;
    world.start_controller("one", &[]).await?;
    world.healthy(&FOUR).await?;

    let before = world.member("kubo-2")?.node.peer_id().to_owned();
    world.sweep_every("1h").await?;
    world.crash_and_restart("kubo-2").await?;
    ensure!(
        world.member("kubo-2")?.node.peer_id() == before,
        "it came back as another"
    );
    world.linked(&FOUR).await?;
    world.sweep_every("1s").await?;
    world.healthy(&FOUR).await
}

async fn node_restarts_with_new_identity(world: &mut World) -> Result<()> {
    world.add_plain(&FOUR).await?;
    world.create_mesh(json!({})).await?;
    world.start_controller("one", &[]).await?;
    world.healthy(&FOUR).await?;

    let records = world.cluster().api(Resource::SwarmPeer, world.namespace());
    let (params, theirs) = (
        PatchParams::default(),
        Patch::Merge(json!({"metadata": {
            "labels": {"example.org/backup": "daily"},
            "annotations": {"example.org/tracked-by": "fleet"},
        }})),
    );
    let marked = records.patch("kubo-2", &params, &theirs).await?.metadata;
    let marked = (marked.labels, marked.annotations);

    let old = world.member("kubo-2")?.node.peer_id().to_owned();
    world.member_mut("kubo-2")?.node.forget_identity();
    world.crash_and_restart("kubo-2").await?;
    let new = world.member("kubo-2")?.node.peer_id().to_owned();
    ensure!(new != old, "its identity is the old one");
    world.healthy(&FOUR).await?;
    until("the record has the new identity alone", SOON, async || {
        let record = world.record("kubo-2").await?.context("there is none")?;
        let spec = &record["spec"];
        let retired = spec["retired"]
            .as_array()
            .is_some_and(|retired| !retired.is_empty());
        ensure!(spec["peerID"] == *new && !retired, "{spec}");
        Ok(())
    })
    .await?;
    let written = records.get("kubo-2").await?.metadata;
    let written = (written.labels, written.annotations);
    ensure!(written == marked, "{written:?} was {marked:?}");
    Ok(())
}

async fn pod_ip_changes(world: &mut World) -> Result<()> {
    world.add_plain(&FOUR).await?;
    world.create_mesh(json!({})).await?;
    world.start_controller("one", &[]).await?;
    world.healthy(&FOUR).await?;

    world.sweep_every("1h").await?;
    world.move_member("kubo-1").await?;
    world.linked(&FOUR).await?;
    world.sweep_every("1s").await?;
    world.healthy(&FOUR).await
}

async fn statefulset_rolling_restart(world: &mut World) -> Result<()> {
    world
        .add(&FOUR.map(|name| Spec::new(name).logged()))
        .await?;
    world
        .create_mesh(json!({"links": {"forgetAfter": "2m"}}))
        .await?;
    world.start_controller("one", &[]).await?;
    world.healthy(&FOUR).await?;

    for name in FOUR.iter().rev() {
        world.delete(name).await?;
        world.replace(name).await?;
    }
    world.healthy(&FOUR).await?;
    world.nothing_taken(&FOUR)
}
