//! The API server goes away, its store goes back in time, a namespace is taken down.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::cluster::{Resource, copy};
use crate::judge::{Mesh, SOON, all_linked, pairs_connected};
use crate::member::Spec;
use crate::registry::{Place, Scenario};
use crate::wait::{throughout, until};
use crate::world::World;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        place: Place::OwnCluster,
        ..Scenario::mesh(
            "api_server_outage",
            "20 s without API server: what crashes is healed as long as the lease lasts and after it \
             is back; nobody is told anything without the lease, and no link is lost",
            |world| Box::pin(api_server_outage(world)),
        )
    },
    Scenario {
        place: Place::OwnCluster,
        ..Scenario::mesh(
            "store_restored_to_older_revision",
            "the store goes back in time: everything is read anew, removals are held for a while",
            |world| Box::pin(store_restored_to_older_revision(world)),
        )
    },
    Scenario::mesh(
        "namespace_deleted_nothing_hangs",
        "a namespace goes with its mesh: nothing holds it up, its nodes stay linked",
        |world| Box::pin(namespace_deleted_nothing_hangs(world)),
    ),
];

/// How long the API server is away.
const OUTAGE: Duration = Duration::from_secs(20);

/// A lease that lasts long enough to heal a node within it.
const LONG_LEASE: &str = "--lease-duration=10s";

/// How long a controller may act after its last renewal of that, and a second.
const TERM: Duration = Duration::from_secs(11);

/// Writes that no start of an API server makes up for: what is shown after a restore is older.
const WRITES: u32 = 200;

async fn api_server_outage(world: &mut World) -> Result<()> {
    let all = ["a", "b", "c", "d", "e"];
    world.add(&all.map(|name| Spec::new(name).logged())).await?;
    world.create_mesh(json!({})).await?;
    world.start_controller("one", &[LONG_LEASE]).await?;
    world.healthy(&all).await?;
    let records = records(world, &all).await?;

    world.cluster().kill_server().await?;
    let gone = Instant::now();
    // No pod tells of it: the controller's own connection to the node does.
    let node = &mut world.member_mut("e")?.node;
    node.kill().await?;
    node.start().await?;
    // Nobody else writes its entries. A dial may have met it before it listened: then the next one
    // is its partner's own.
    until("e is given its entries again", TERM, async || {
        let entries = world.member("e")?.node.peering().await?.len();
        ensure!(entries == all.len() - 1, "it has {entries}");
        Ok(())
    })
    .await?;
    ensure!(acts(world).await?, "the lease was over before");
    world.linked(&all).await?;
    until("the controller gives up acting", TERM, async || {
        ensure!(!acts(world).await?, "it says that it holds the lease");
        Ok(())
    })
    .await?;
    let node = &mut world.member_mut("b")?.node;
    node.kill().await?;
    node.start().await?;
    let before = told(world, &all)?;
    let others = world.members(&["a", "c", "d", "e"])?;
    let left = OUTAGE.saturating_sub(gone.elapsed());
    throughout("the links of the others stay", left, async || {
        pairs_connected(&others).await?;
        ensure!(told(world, &all)? == before, "somebody was told something");
        Ok(())
    })
    .await?;
    let peering = world.member("b")?.node.peering().await?;
    ensure!(
        peering.is_empty(),
        "b protects {peering:?} although nobody acts"
    );

    world.cluster().start_server().await?;
    let cluster = world.cluster_shared();
    for name in ["b", "e"] {
        world.member_mut(name)?.pod.restarted(&cluster).await?;
    }
    world.healthy(&all).await?;
    nothing_removed(world, &all)?;
    let now = self::records(world, &all).await?;
    ensure!(now == records, "the records were {records:?}, are {now:?}");
    world.add_plain(&["f"]).await?;
    world.healthy(&["a", "b", "c", "d", "e", "f"]).await
}

/// Whether the controller says that it holds the lease.
async fn acts(world: &World) -> Result<bool> {
    let metrics = world.controller("one")?.metrics().await?;
    Ok(metrics
        .lines()
        .any(|line| line == "kubomesh_lease_holder 1"))
}

async fn store_restored_to_older_revision(world: &mut World) -> Result<()> {
    let all = ["a", "b", "c", "d"];
    world.add(&all.map(|name| Spec::new(name).logged())).await?;
    world.create_mesh(json!({})).await?;
    let flags = ["--restored-hold=12s"];
    world.start_controller("one", &flags).await?;
    world.healthy(&all).await?;

    let cluster = world.cluster_shared();
    let backup = world.folder().join("store");
    cluster.kill_store().await?;
    copy(&cluster.store(), &backup)?;
    cluster.start_store().await?;
    // What the backup does not know: a member that came, and writes enough that it is older.
    let later = ["a", "b", "c", "d", "e"];
    until("a pod can be made again", SOON, async || {
        annotate(world, "a").await
    })
    .await?;
    world.add(&[Spec::new("e").logged()]).await?;
    world.healthy(&later).await?;
    for _ in 0..WRITES {
        annotate(world, "a").await?;
    }

    cluster.kill_server().await?;
    cluster.kill_store().await?;
    fs::remove_dir_all(cluster.store())?;
    copy(&backup, &cluster.store())?;
    cluster.start_store().await?;
    cluster.start_server().await?;
    world
        .log_says("one", &["an older state than before", "read anew"])
        .await?;
    let message = world
        .mesh_says(("Degraded", "True", "RemovalsHeld"))
        .await?;
    ensure!(message.contains("an older state"), "{message}");

    // A pod that goes while removals are held is forgotten only later.
    world.delete("d").await?;
    let gone = world.member("d")?.node.peer_id().to_owned();
    world.return_pod("e").await?;
    world.two_passes().await?;
    nothing_removed(world, &["a", "b", "c"])?;
    for name in ["a", "b", "c"] {
        let peering = world.member(name)?.node.peering().await?;
        ensure!(
            peering.contains_key(&gone),
            "{name} has forgotten {gone} already"
        );
    }
    world.healthy(&["a", "b", "c", "e"]).await?;
    world.record_gone("d").await
}

async fn namespace_deleted_nothing_hangs(world: &mut World) -> Result<()> {
    let (stay, go) = (["a", "b"], ["c", "d", "e"]);
    let doomed = format!("{}-doomed", world.namespace());
    world.add_namespace(&doomed).await?;
    world.add_plain(&stay).await?;
    world
        .add(&go.map(|name| Spec::new(name).namespace(&doomed).logged()))
        .await?;
    let other = Mesh {
        namespace: doomed.clone(),
        name: "doomed".to_owned(),
    };
    world.create_mesh(json!({})).await?;
    world.create(&other, json!({})).await?;
    world.start_controller("one", &[]).await?;
    world.healthy(&stay).await?;
    world.healthy_in(&other, &go).await?;

    // As long as it is Terminating nothing can be made in it, which the controller must bear.
    world.cluster().delete_namespace(&doomed).await?;
    world.two_passes().await?;
    world.end_namespace(&doomed).await?;
    until("the controller has forgotten the mesh", SOON, async || {
        let report = world.controller("one")?.report().await?.to_string();
        ensure!(!report.contains(&other.id()), "it still reports on it");
        Ok(())
    })
    .await?;
    all_linked(&world.members(&go)?).await?;
    nothing_removed(world, &go)?;
    world.crash_and_restart("a").await?;
    world.healthy(&stay).await
}

/// What the record of each member remembers of it and its kin.
async fn records(world: &World, names: &[&str]) -> Result<BTreeMap<String, Value>> {
    let mut records = BTreeMap::new();
    for name in names {
        let record = world.record(name).await?;
        let record = record.with_context(|| format!("{name} has no record"))?;
        // Which start of its container this is may change.
        let mut spec = record["spec"].clone();
        spec["container"] = Value::Null;
        records.insert((*name).to_owned(), spec);
    }
    Ok(records)
}

/// How many commands these members were given.
fn told(world: &World, names: &[&str]) -> Result<usize> {
    let counts = names.iter().map(|name| {
        let commands = world.member(name)?.node.commands()?;
        Ok(commands.len())
    });
    counts.sum()
}

fn nothing_removed(world: &World, names: &[&str]) -> Result<()> {
    for name in names {
        let commands = world.member(name)?.node.commands()?;
        let removal = commands.iter().find(|command| command.removes());
        ensure!(removal.is_none(), "{name} was told {removal:?}");
    }
    Ok(())
}

/// Writes something into a pod that changes nothing.
async fn annotate(world: &World, name: &str) -> Result<()> {
    let pods = world.cluster().api(Resource::Pod, world.namespace());
    let stamp = format!("{:?}", Instant::now());
    let patch = Patch::Merge(json!({"metadata": {"annotations": {"lab": stamp}}}));
    pods.patch(name, &PatchParams::default(), &patch).await?;
    Ok(())
}
