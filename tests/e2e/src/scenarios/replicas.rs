//! Controllers die, and others take over.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::cluster::Resource;
use crate::controller::Controller;
use crate::judge::{MESH, SOON, all_linked, pairs_connected};
use crate::registry::Scenario;
use crate::wait::until;
use crate::world::World;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::mesh(
        "controller_killed_mesh_stays",
        "without a controller all links stay, and Kubo itself dials a node that comes back",
        |world| Box::pin(controller_killed_mesh_stays(world)),
    ),
    Scenario::mesh(
        "controller_restart_is_no_news",
        "a controller that starts anew on a healthy mesh calls no node to change anything and writes nothing",
        |world| Box::pin(controller_restart_is_no_news(world)),
    ),
    Scenario::mesh(
        "two_replicas_one_writer_and_failover",
        "one of two replicas writes; it is killed, no link is lost, and the other heals the next",
        |world| Box::pin(two_replicas_one_writer_and_failover(world)),
    ),
    Scenario::mesh(
        "stopped_holder_gives_the_lease_back",
        "the replica that writes is stopped: the other takes over before the lease could have run out, and no link is lost",
        |world| Box::pin(stopped_holder_gives_the_lease_back(world)),
    ),
];

const FOUR: [&str; 4] = ["a", "b", "c", "d"];

/// A lease period of the lab's controllers, and a second for the request.
const TAKE_OVER: Duration = Duration::from_secs(5);

async fn controller_killed_mesh_stays(world: &mut World) -> Result<()> {
    world.add_plain(&FOUR).await?;
    world.create_mesh(json!({})).await?;
    world.start_controller("one", &[]).await?;
    world.healthy(&FOUR).await?;

    world.take_controller("one")?.kill().await?;
    all_linked(&world.members(&FOUR)?).await?;
    world.crash_and_restart("b").await?;
    until(
        "the others have dialled the node that came back",
        SOON,
        async || pairs_connected(&world.members(&FOUR)?).await,
    )
    .await?;
    world.start_controller("two", &[]).await?;
    world.healthy(&FOUR).await
}

async fn controller_restart_is_no_news(world: &mut World) -> Result<()> {
    world.add_plain(&FOUR).await?;
    world.create_mesh(json!({})).await?;
    world.start_controller("one", &[]).await?;
    world.healthy(&FOUR).await?;
    until("each record counts its links", SOON, async || {
        for name in FOUR {
            let status = world.status(Resource::SwarmPeer, name).await?;
            ensure!(status["links"]["healthy"] == 3, "{name}: {status}");
        }
        Ok(())
    })
    .await?;
    world.take_controller("one")?.stop().await?;
    let before = world.status(Resource::SwarmMesh, MESH).await?;

    world.start_controller("two", &[]).await?;
    world.healthy(&FOUR).await?;
    let count = written(world.controller("two")?).await?;
    ensure!(count == 0.0, "it wrote {count} times");
    let after = world.status(Resource::SwarmMesh, MESH).await?;
    ensure!(before == after, "{before} became {after}");
    Ok(())
}

async fn two_replicas_one_writer_and_failover(world: &mut World) -> Result<()> {
    world.add_plain(&FOUR).await?;
    world.create_mesh(json!({})).await?;
    world.start_controller("one", &[]).await?;
    world.start_controller("two", &[]).await?;
    world.healthy(&FOUR).await?;
    let (holder, controller) = world.holder().await?;
    let holder = holder.to_owned();
    ensure!(written(controller).await? > 0.0, "the holder wrote nothing");
    let other = if holder == "one" { "two" } else { "one" };
    let idle = written(world.controller(other)?).await?;
    ensure!(idle == 0.0, "the other replica wrote {idle} times");

    world.take_controller(&holder)?.kill().await?;
    world.crash_and_restart("b").await?;
    let (taken_by, _) = world.holder_within(TAKE_OVER).await?;
    ensure!(taken_by == other, "the lease is held by {taken_by}");
    // What did not die is as it was.
    let untouched = world.members(&["a", "c", "d"])?;
    pairs_connected(&untouched).await?;
    world.healthy(&FOUR).await
}

async fn stopped_holder_gives_the_lease_back(world: &mut World) -> Result<()> {
    world.add_plain(&FOUR).await?;
    world.create_mesh(json!({})).await?;
    // A lease that outlasts every wait of the lab: nobody has it by waiting.
    let lasting = ["--lease-duration=60s", "--lease-renew-interval=1s"];
    world.start_controller("one", &lasting).await?;
    world.start_controller("two", &lasting).await?;
    world.healthy(&FOUR).await?;
    let connections = world.sockets(&FOUR)?;
    let holder = world.holder().await?.0.to_owned();
    let other = if holder == "one" { "two" } else { "one" };
    let before = world.lease().await?;

    let ended = world.take_controller(&holder)?.stop().await?;
    ensure!(ended.code() == Some(0), "it ended: {ended}");
    let left = world.lease().await?;
    ensure!(
        left.holder_identity != before.holder_identity,
        "the lease is still the one's that was stopped: {left:?}"
    );
    let (taken_by, _) = world.holder_within(SOON).await?;
    ensure!(taken_by == other, "the lease is held by {taken_by}");
    let after = world.lease().await?;
    let taken = after.acquire_time.context("no acquireTime")?;
    let renewed = before.renew_time.context("no renewTime")?;
    let lasts = i64::from(before.lease_duration_seconds.context("no duration")?);
    ensure!(
        taken.0.as_second() - renewed.0.as_second() < lasts,
        "taken at {taken:?}, though renewed at {renewed:?} for {lasts} s"
    );
    world.healthy(&FOUR).await?;
    world.none_new(&FOUR, &connections)?;
    // The other is no mere holder.
    world.crash_and_restart("b").await?;
    world.healthy(&FOUR).await
}

/// How many calls to nodes and writes of objects a replica made.
async fn written(controller: &Controller) -> Result<f64> {
    let metrics = controller.metrics().await?;
    let counted = ["kubomesh_actions_total", "kubomesh_object_writes_total"];
    let lines = metrics
        .lines()
        .filter(|line| counted.iter().any(|name| line.starts_with(name)));
    let values: Vec<f64> = lines
        .map(|line| {
            let value = line.rsplit(' ').next().context("a line without value")?;
            Ok(value.parse()?)
        })
        .collect::<Result<_>>()?;
    ensure!(!values.is_empty(), "it has no such metrics");
    Ok(values.iter().sum())
}
