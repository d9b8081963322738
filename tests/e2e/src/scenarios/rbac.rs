//! The permissions of `manifests/`: enough, and none too many.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::json;

use crate::cluster::{CONTROLLER_NAMESPACE, Permission, Resource};
use crate::judge::SOON;
use crate::member::Spec;
use crate::registry::{Place, Scenario};
use crate::wait::until;
use crate::world::{LEASE, World};

pub(crate) const SCENARIOS: &[Scenario] = &[Scenario {
    place: Place::OwnCluster,
    ..Scenario::mesh(
        "rbac_is_enough_and_each_verb_is_needed",
        "each verb of the manifests is taken away in turn and the controller names it; with all, \
         it lacks nothing",
        |world| Box::pin(rbac_is_enough_and_each_verb_is_needed(world)),
    )
}];

/// Everything that happens seldom happens each second, so that a missing verb shows at once.
const OFTEN: [&str; 5] = [
    "--list-interval=1s",
    "--secret-interval=1s",
    "--peer-counts-interval=1s",
    "--mesh-counts-interval=1s",
    "--watch-timeout=5s",
];

const THREE: [&str; 3] = ["a", "b", "c"];

/// A member whose pod comes and goes.
const GUEST: &str = "guest";

async fn rbac_is_enough_and_each_verb_is_needed(world: &mut World) -> Result<()> {
    world.add_plain(&THREE).await?;
    world.prepare(&Spec::new(GUEST)).await?;
    world.member_mut(GUEST)?.node.start().await?;
    let secret = serde_json::from_value(json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "kubo-rpc-auth"},
        "type": "kubomesh.dev/rpc-auth",
        "stringData": {"auth": "bearer:nobody-asks-for-it"},
    }))?;
    let secrets = world.cluster().api(Resource::Secret, world.namespace());
    secrets.create(&PostParams::default(), &secret).await?;
    world.cluster().allow_secrets(world.namespace()).await?;
    let auth = json!({"name": "kubo-rpc-auth", "key": "auth"});
    let peers = json!({
        "selector": {"matchLabels": {"app.kubernetes.io/name": "kubo"}},
        "rpc": {"authSecretRef": auth},
    });
    world.create_mesh(json!({"peers": peers})).await?;
    world.start_controller("one", &OFTEN).await?;
    world.healthy(&THREE).await?;
    let said = world.log("one")?;
    ensure!(!said.contains("may not"), "it lacks a permission");

    let cluster = world.cluster();
    let mut all = cluster.permissions(None, "kubomesh").await?;
    let secrets = cluster.permissions(Some(world.namespace()), "kubomesh-secrets");
    all.extend(secrets.await?);
    let lease = cluster.permissions(Some(CONTROLLER_NAMESPACE), "kubomesh-lease");
    all.extend(lease.await?);
    let seen: BTreeSet<_> = all
        .iter()
        .map(|permission| (&permission.resource, &permission.verb))
        .collect();
    ensure!(
        seen.len() == all.len() && seen.len() >= 18,
        "the roles give {seen:?}"
    );
    for permission in &all {
        let Permission { resource, verb, .. } = permission;
        let missed = missed(world, permission).await;
        missed.with_context(|| format!("without the verb {verb} on {resource}"))?;
    }
    world.holder_within(SOON).await?;
    world.healthy(&["a", "b", "c", GUEST]).await
}

/// Without a permission a sentence says what is missing; then it is given back.
async fn missed(world: &mut World, permission: &Permission) -> Result<()> {
    let from = world.log("one")?.len();
    world.cluster().revoke(permission).await?;
    provoke(world, permission).await?;
    world
        .log_says_after("one", from, &sentence(permission))
        .await?;
    world.cluster().grant(permission).await?;
    recover(world, permission).await
}

/// What the sentence must name: the verb and the resource as an administrator knows them.
fn sentence(permission: &Permission) -> [String; 2] {
    let Permission { resource, verb, .. } = permission;
    let group = match resource.as_str() {
        "pods" | "nodes" => "",
        "events" => ".events.k8s.io",
        "leases" => return [format!("cannot {verb} the lease"), "leases".to_owned()],
        "secrets" => {
            let verb = format!("may not {verb} the secret");
            return [verb, "mesh-secrets".to_owned()];
        }
        _ => ".kubomesh.dev",
    };
    let verb_on = format!("may not {verb} {resource}{group}");
    [verb_on, format!("the verb `{verb}`")]
}

/// Makes it need the verb, where it does not do so each second.
async fn provoke(world: &mut World, permission: &Permission) -> Result<()> {
    let cluster = world.cluster_shared();
    match (permission.resource.as_str(), permission.verb.as_str()) {
        ("swarmpeers", "create") | ("swarmpeers/status", _) => world.return_pod(GUEST).await,
        ("swarmpeers", "delete") => world.forget(GUEST).await,
        ("swarmpeers", "patch") => world.member_mut("b")?.pod.restarted(&cluster).await,
        ("swarmmeshes/status" | "events", _) => {
            // A field that is not implemented: a condition and an event say so.
            let relays = json!({"kind": "static"});
            world.patch_mesh(json!({"relays": relays})).await
        }
        ("leases", "create") => {
            let leases = cluster.api(Resource::Lease, CONTROLLER_NAMESPACE);
            leases.delete(LEASE, &DeleteParams::default()).await?;
            Ok(())
        }
        ("leases", "get") => {
            // Somebody else writes it: it must be read before it is renewed.
            let leases = cluster.api(Resource::Lease, CONTROLLER_NAMESPACE);
            let patch = Patch::Merge(json!({"metadata": {"annotations": {"lab": "was here"}}}));
            leases.patch(LEASE, &PatchParams::default(), &patch).await?;
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Waits until what it could not do is done, where the next case needs that.
async fn recover(world: &World, permission: &Permission) -> Result<()> {
    match (permission.resource.as_str(), permission.verb.as_str()) {
        ("swarmpeers", "create") => {
            until("the record is made", SOON, async || {
                world.record(GUEST).await?.context("there is none")
            })
            .await?;
        }
        ("swarmpeers", "delete") => world.record_gone(GUEST).await?,
        ("swarmmeshes/status" | "events", _) => {
            world
                .mesh_says(("Accepted", "False", "NotImplemented"))
                .await?;
            world.patch_mesh(json!({"relays": null})).await?;
            world.mesh_says(("Ready", "True", "AsWanted")).await?;
        }
        ("leases", _) => drop(world.holder_within(SOON).await?),
        _ => {}
    }
    Ok(())
}
