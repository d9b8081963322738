//! Admission, called by the real API server: with every right of the webhook's account and no more.

mod annotations;

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::cluster::{CONTROLLER_NAMESPACE, Resource};
use crate::judge::SOON;
use crate::registry::{Group, Place, Scenario};
use crate::wait::until;
use crate::webhook::Webhook;
use crate::world::World;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        place: Place::OwnCluster,
        group: Group::Webhook,
        ..Scenario::mesh(
            "annotation_merge_table",
            "pods with every form of the annotation get the storage network once, or are admitted \
             unchanged with a warning and an event",
            |world| Box::pin(annotations::annotation_merge_table(world)),
        )
    },
    Scenario {
        place: Place::OwnCluster,
        group: Group::Webhook,
        ..Scenario::mesh(
            "change_refused_while_in_use",
            "a storage network must exist; one in use is changed only with rollout: Rolling",
            |world| Box::pin(change_refused_while_in_use(world)),
        )
    },
    Scenario {
        place: Place::OwnCluster,
        group: Group::Webhook,
        ..Scenario::mesh(
            "webhook_away",
            "without webhook pods are created as they are, and a mesh is labelled and deleted",
            |world| Box::pin(webhook_away(world)),
        )
    },
    Scenario {
        place: Place::OwnCluster,
        group: Group::Webhook,
        ..Scenario::mesh(
            "webhook_certificate_rotates",
            "certificates are made and replaced by one of two replicas, and no request fails for it",
            |world| Box::pin(webhook_certificate_rotates(world)),
        )
    },
];

/// The network that is wanted, in the scenario's namespace.
const NETWORK: &str = "storage";

/// A config without anything to warn of.
const CONFIG: &str = r#"{"cniVersion":"0.3.1","type":"macvlan",
    "ipam":{"type":"whereabouts","range":"192.168.77.0/24"}}"#;

/// Starts replicas of the webhook; the API server calls the first. A controller is there too: it
/// answers with conditions, whatever it makes of the policy.
async fn start(world: &mut World, replicas: u8, flags: &[&str]) -> Result<Vec<Webhook>> {
    world.start_controller("one", &[]).await?;
    let called = world.webhook_address(0);
    world.cluster().install_webhook(called).await?;
    world.cluster().inject(world.namespace()).await?;
    let kubeconfig = world.cluster().webhook_kubeconfig().await?;
    let mut webhooks = Vec::new();
    for number in 0..replicas {
        let name = format!("webhook-{number}");
        let who = (name.as_str(), world.webhook_address(number), called);
        let log = world.folder().join(format!("{name}.log"));
        let started = Webhook::start(&world.webhook, who, &kubeconfig, flags, &log);
        webhooks.push(started.await?);
    }
    let definition = serde_json::from_value(json!({
        "apiVersion": "k8s.cni.cncf.io/v1", "kind": "NetworkAttachmentDefinition",
        "metadata": { "name": NETWORK, "namespace": world.namespace() },
        "spec": { "config": CONFIG },
    }))?;
    world.cluster().apply_one(&definition).await?;
    Ok(webhooks)
}

/// `namespace/storage`.
fn attachment(world: &World) -> String {
    format!("{}/{NETWORK}", world.namespace())
}

fn meshes(world: &World) -> Api<DynamicObject> {
    world.cluster().api(Resource::SwarmMesh, world.namespace())
}

/// Asks for a change of the mesh; what the refusal says.
async fn refused(world: &World, patch: Value) -> Result<String> {
    let changed = meshes(world)
        .patch("webhook", &PatchParams::default(), &Patch::Merge(&patch))
        .await;
    match changed {
        Ok(_) => anyhow::bail!("it is accepted: {patch}"),
        Err(kube::Error::Api(status)) => Ok(status.message),
        Err(error) => Err(error.into()),
    }
}

async fn changed(world: &World, patch: Value) -> Result<()> {
    let changed = meshes(world)
        .patch("webhook", &PatchParams::default(), &Patch::Merge(&patch))
        .await;
    changed.map(drop).with_context(|| patch.to_string())
}

/// Makes the mesh, once every API server hears the webhook.
async fn create(world: &World, network: Value) -> Result<()> {
    let mesh: DynamicObject = serde_json::from_value(json!({
        "apiVersion": "kubomesh.dev/v1alpha1", "kind": "SwarmMesh",
        "metadata": { "name": "webhook" },
        "spec": { "peers": { "selector": { "matchLabels": { "app": "kubo" } } }, "network": network },
    }))?;
    until("the mesh is accepted", SOON, async || {
        let created = meshes(world).create(&PostParams::default(), &mesh).await;
        Ok(created.map(drop)?)
    })
    .await
}

/// Creates a pod that the mesh selects; its annotations as they are stored.
async fn pod(world: &World, name: &str, annotations: &Value) -> Result<Value> {
    let pod = serde_json::from_value(json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": name, "labels": { "app": "kubo" }, "annotations": annotations },
        "spec": { "containers": [{ "name": "kubo", "image": "ipfs/kubo" }] },
    }))?;
    let pods = world.cluster().api(Resource::Pod, world.namespace());
    let created = pods.create(&PostParams::default(), &pod).await?;
    Ok(json!(created.metadata.annotations.unwrap_or_default()))
}

async fn change_refused_while_in_use(world: &mut World) -> Result<()> {
    let _webhooks = start(world, 1, &[]).await?;
    create(world, json!({})).await?;
    let attachment = attachment(world);
    let to = |attachment: &str, rollout: &str| json!({ "spec": { "network": { "attachment": attachment, "rollout": rollout } } });
    let cases = [
        ("storage", "write it as NAMESPACE/NAME"),
        (
            "nowhere/storage",
            "there is no such NetworkAttachmentDefinition; create it first",
        ),
    ];
    for (wrong, sentence) in cases {
        let why = refused(world, to(wrong, "WhenIdle")).await?;
        ensure!(why.contains(sentence), "{why}");
    }
    // It would count the links itself, of which there are none.
    let one = world.take_controller("one")?;
    ensure!(
        one.stop().await?.success(),
        "the controller did not end in order"
    );
    let status = json!({ "status": { "members": 2, "links": { "healthy": 1 } } });
    let linked = meshes(world)
        .patch_status("webhook", &PatchParams::default(), &Patch::Merge(&status))
        .await;
    linked.context("the status of a mesh in use")?;
    let why = refused(world, to(&attachment, "WhenIdle")).await?;
    ensure!(
        why.contains("while 1 link uses the present network"),
        "{why}"
    );
    ensure!(
        why.contains("set spec.network.rollout to Rolling in the same update"),
        "{why}"
    );
    changed(world, to(&attachment, "Rolling")).await?;
    let why = refused(world, to("", "WhenIdle")).await?;
    ensure!(
        why.contains("to `` (the pod network) while 1 link uses"),
        "{why}"
    );
    changed(world, to("", "Rolling")).await
}

async fn webhook_away(world: &mut World) -> Result<()> {
    let webhooks = start(world, 1, &[]).await?;
    create(world, json!({ "attachment": attachment(world) })).await?;
    for webhook in webhooks {
        let status = webhook.stop().await?;
        ensure!(status.success(), "the webhook ended: {status}");
    }
    let nothing = pod(world, "away", &json!({})).await?;
    ensure!(nothing == json!({}), "nobody was there: {nothing}");
    let why = refused(world, json!({ "spec": { "mode": "Observe" } })).await?;
    ensure!(why.contains("failed calling webhook"), "{why}");
    changed(world, json!({ "metadata": { "labels": { "a": "b" } } })).await?;
    let finalizer = |finalizers: Value| json!({ "metadata": { "finalizers": finalizers } });
    changed(world, finalizer(json!(["lab.test/held"]))).await?;
    meshes(world)
        .delete("webhook", &DeleteParams::default())
        .await?;
    changed(world, finalizer(json!([]))).await?;
    let left = meshes(world).get_opt("webhook").await?;
    ensure!(left.is_none(), "the mesh is still there");
    Ok(())
}

async fn webhook_certificate_rotates(world: &mut World) -> Result<()> {
    let short = ["--certificate-lifetime=20s", "--certificate-settle=2s"];
    let mut webhooks = start(world, 2, &short).await?;
    create(world, json!({})).await?;
    let secrets = world.cluster().api(Resource::Secret, CONTROLLER_NAMESPACE);
    let mut seen = BTreeSet::new();
    let mut seconds = 30;
    // Each certificate is replaced after some 14 s: the third is there within half a minute.
    until(
        "the third certificate is served",
        Duration::from_secs(50),
        async || {
            seconds = 30 + (seconds + 1) % 20;
            let interval = format!("{seconds}s");
            let update = changed(world, json!({ "spec": { "resyncInterval": interval } })).await;
            update
                .map_err(|error| crate::wait::Hopeless(format!("a request failed: {error:#}")))?;
            let secret = secrets.get("kubomesh-webhook-tls").await?;
            let cert = secret.data["data"]["tls.crt"].as_str().map(str::to_owned);
            seen.extend(cert);
            ensure!(seen.len() >= 3, "{} so far", seen.len());
            Ok(())
        },
    )
    .await?;
    // The one that is not called has them too, and takes over.
    let second = webhooks.pop().context("a second replica")?;
    ensure!(second.stop().await?.success(), "it did not end in order");
    changed(world, json!({ "spec": { "resyncInterval": "59s" } })).await
}
