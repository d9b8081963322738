//! A mesh forms, members come, and meshes stand beside each other.

use anyhow::{Result, ensure};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::cluster::Resource;
use crate::judge::{MESH, Mesh, SOON};
use crate::member::Spec;
use crate::registry::Scenario;
use crate::wait::until;
use crate::world::World;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::mesh(
        "mesh_forms",
        "16 nodes in three zones become a full mesh, and the objects say so",
        |world| Box::pin(mesh_forms(world)),
    ),
    Scenario::mesh(
        "pod_added",
        "a pod that comes is linked with all others",
        |world| Box::pin(pod_added(world)),
    ),
    Scenario::mesh(
        "two_meshes_two_namespaces",
        "one controller keeps two meshes, and no link leads from one to the other",
        |world| Box::pin(two_meshes_two_namespaces(world)),
    ),
    Scenario::mesh(
        "two_meshes_one_pod",
        "a pod that two meshes select belongs to the older; the younger says so and goes on",
        |world| Box::pin(two_meshes_one_pod(world)),
    ),
    Scenario::mesh(
        "pod_moves_to_another_mesh",
        "a pod that another mesh selects from now on waits there until the former one has forgotten it",
        |world| Box::pin(pod_moves_to_another_mesh(world)),
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
            && record["spec"]["mesh"] == MESH
            && record["status"]["ip"] == node.ip().to_string()
            && record["status"]["zone"] == spec.zone;
        ensure!(own, "the record of {} is {record}", spec.name);
    }
    let shown = world
        .cluster()
        .row(Resource::SwarmMesh, world.namespace(), MESH);
    let shown = shown.await?;
    let wanted = json!([MESH, 16, "120/120", "True"]);
    ensure!(json!(shown[..4]) == wanted, "kubectl shows {shown:?}");
    world.event(MESH, ("Normal", "Ready", "AsWanted")).await?;
    let status = world.status(Resource::SwarmMesh, MESH).await?;
    let converged = status["lastConvergence"]["seconds"].as_f64();
    ensure!(converged.is_some_and(|seconds| seconds < 60.0), "{status}");
    Ok(())
}

async fn pod_added(world: &mut World) -> Result<()> {
    world.add_plain(&["a", "b", "c", "d"]).await?;
    world.create_mesh(json!({})).await?;
    world.start_controller("one", &[]).await?;
    world.healthy(&["a", "b", "c", "d"]).await?;

    world.sweep_every("1h").await?;
    world.add_plain(&["e"]).await?;
    world.linked(&["a", "b", "c", "d", "e"]).await?;
    world.sweep_every("1s").await?;
    world.healthy(&["a", "b", "c", "d", "e"]).await
}

async fn two_meshes_two_namespaces(world: &mut World) -> Result<()> {
    let other = Mesh {
        namespace: format!("{}-other", world.namespace()),
        name: MESH.to_owned(),
    };
    world.add_namespace(&other.namespace).await?;
    world.add_plain(&["a", "b", "c"]).await?;
    let others = ["x", "y", "z"].map(|name| Spec::new(name).namespace(&other.namespace));
    world.add(&others).await?;
    world.create_mesh(json!({})).await?;
    world.create(&other, json!({})).await?;
    world.start_controller("one", &[]).await?;

    world.healthy(&["a", "b", "c"]).await?;
    world.healthy_in(&other, &["x", "y", "z"]).await?;
    // What happens in one is no event of the other.
    world.crash_and_restart("y").await?;
    world.healthy_in(&other, &["x", "y", "z"]).await?;
    world.healthy(&["a", "b", "c"]).await
}

async fn two_meshes_one_pod(world: &mut World) -> Result<()> {
    let selects =
        |label: &str| -> Value { json!({"peers": {"selector": {"matchLabels": {label: "yes"}}}}) };
    let younger = Mesh {
        namespace: world.namespace().to_owned(),
        name: "younger".to_owned(),
    };
    let specs = [
        Spec::new("a").label("older", "yes"),
        Spec::new("b").label("older", "yes"),
        Spec::new("both")
            .label("older", "yes")
            .label("younger", "yes"),
        Spec::new("x").label("younger", "yes"),
        Spec::new("y").label("younger", "yes"),
    ];
    world.add(&specs).await?;
    world.create_mesh(selects("older")).await?;
    world.start_controller("one", &[]).await?;
    world.healthy(&["a", "b", "both"]).await?;

    // Made seconds after the other: times of objects are whole seconds.
    world.create(&younger, selects("younger")).await?;
    world.converged(&younger, &["x", "y"]).await?;
    let claimed = ("Accepted", "False", "PodClaimed");
    let message = world
        .says((Resource::SwarmMesh, "younger"), claimed)
        .await?;
    let names = message.contains("both") && message.contains(MESH);
    ensure!(names, "it names neither the pod nor the mesh: {message}");
    let meshes = world.cluster().api(Resource::SwarmMesh, world.namespace());
    for (mesh, members) in [(MESH, 3), ("younger", 2)] {
        until("each counts its own pods alone", SOON, async || {
            let status = meshes.get(mesh).await?.data["status"].clone();
            ensure!(status["members"] == members, "{mesh}: {status}");
            Ok(())
        })
        .await?;
    }
    world.healthy(&["a", "b", "both"]).await
}

async fn pod_moves_to_another_mesh(world: &mut World) -> Result<()> {
    let selects = |team: &str, forget_after: &str| -> Value {
        json!({
            "peers": {"selector": {"matchLabels": {"team": team}}},
            "links": {"forgetAfter": forget_after},
        })
    };
    let other = Mesh {
        namespace: world.namespace().to_owned(),
        name: "other".to_owned(),
    };
    let spec = |name, team| Spec::new(name).label("team", team);
    let specs = [
        spec("a", "one"),
        spec("b", "one"),
        spec("moves", "one"),
        spec("x", "two"),
        spec("y", "two"),
    ];
    world.add(&specs).await?;
    world.create_mesh(selects("one", "5s")).await?;
    world.create(&other, selects("two", "5s")).await?;
    world.start_controller("one", &[]).await?;
    world.healthy(&["a", "b", "moves"]).await?;
    world.healthy_in(&other, &["x", "y"]).await?;

    let pods = world.cluster().api(Resource::Pod, world.namespace());
    let label = Patch::Merge(json!({"metadata": {"labels": {"team": "two"}}}));
    pods.patch("moves", &PatchParams::default(), &label).await?;
    let held = ("Degraded", "True", "RecordHeld");
    let message = world.says((Resource::SwarmMesh, "other"), held).await?;
    let names = message.contains("moves") && message.contains(MESH);
    ensure!(names, "it names neither the pod nor the mesh: {message}");
    // What its own node was given by the former mesh ends with the process.
    world.record_of("moves", "other").await?;
    world.crash_and_restart("moves").await?;
    world.healthy(&["a", "b"]).await?;
    world.healthy_in(&other, &["moves", "x", "y"]).await
}
