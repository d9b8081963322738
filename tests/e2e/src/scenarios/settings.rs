//! Nodes whose owners set them up in ways that are in the way, or that are theirs alone.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use kube::api::PostParams;
use serde_json::json;

use crate::cluster::Resource;
use crate::judge::SOON;
use crate::member::Spec;
use crate::node::Settings;
use crate::registry::Scenario;
use crate::wait::until;
use crate::world::World;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::mesh(
        "server_profile_reported",
        "dial filters of Kubo's server profile are named as the cause and left alone",
        |world| Box::pin(server_profile_reported(world)),
    ),
    Scenario::mesh(
        "server_profile_repaired",
        "with filters: Repair the filter in the way is taken away, remembered and given back",
        |world| Box::pin(server_profile_repaired(world)),
    ),
    Scenario::mesh(
        "foreign_peering_kept",
        "a peering entry that its owner made is neither replaced nor removed",
        |world| Box::pin(foreign_peering_kept(world)),
    ),
    Scenario::mesh(
        "unauthorised_rpc_is_a_clear_condition",
        "an RPC that wants a token says so in a condition; with the secret its node joins",
        |world| Box::pin(unauthorised_rpc_is_a_clear_condition(world)),
    ),
];

/// The entry of the server profile that covers the lab's addresses.
const IN_THE_WAY: &str = "/ip4/127.0.0.0/ipcidr/8";

fn server_profile() -> Settings {
    Settings {
        server_profile: true,
        logged: true,
        ..Settings::default()
    }
}

async fn server_profile_reported(world: &mut World) -> Result<()> {
    world.add_plain(&["a", "b"]).await?;
    world
        .add(&[Spec::new("server").settings(server_profile())])
        .await?;
    let before = world.member("server")?.node.filters().await?;
    ensure!(
        before.contains(IN_THE_WAY),
        "it has no such filter: {before:?}"
    );
    world.create_mesh(json!({})).await?;
    world.start_controller("one", &["--retry-base=1s"]).await?;

    let conflict = ("FilterConflict", "True", "FilterConflict");
    let message = world.member_says("server", conflict).await?;
    ensure!(
        message.contains(IN_THE_WAY),
        "it does not name the filter: {message}"
    );
    world
        .mesh_says(("Degraded", "True", "FilterConflict"))
        .await?;
    world.two_passes().await?;
    let node = &world.member("server")?.node;
    ensure!(
        node.filters().await? == before,
        "its filters are not as they were"
    );
    let commands = node.commands()?;
    let filters = commands
        .iter()
        .find(|command| command.path.contains("filters"));
    ensure!(filters.is_none(), "it was told {filters:?}");
    others_linked(world).await?;

    // Its owner takes the filter away.
    node.ask_json::<serde_json::Value>(&format!("swarm/filters/rm?arg={IN_THE_WAY}"))
        .await?;
    world.healthy(&["a", "b", "server"]).await?;
    world
        .member_says("server", ("FilterConflict", "False", "AsWanted"))
        .await?;
    Ok(())
}

async fn server_profile_repaired(world: &mut World) -> Result<()> {
    let all = ["a", "b", "server"];
    world.add_plain(&["a", "b"]).await?;
    world
        .add(&[Spec::new("server").settings(server_profile())])
        .await?;
    let before = world.member("server")?.node.filters().await?;
    world.create_mesh(json!({"filters": "Repair"})).await?;
    world.start_controller("one", &["--retry-base=1s"]).await?;
    world.healthy(&all).await?;

    let node = &world.member("server")?.node;
    let mut kept = before.clone();
    kept.remove(IN_THE_WAY);
    let filters = node.filters().await?;
    ensure!(
        filters == kept,
        "its filters are {filters:?}, wanted are {kept:?}"
    );
    let record = world.record("server").await?.context("it has no record")?;
    let removed = &record["spec"]["removedFilters"];
    let remembered = removed.as_array().is_some_and(|removed| {
        removed.len() == 1 && removed.iter().all(|entry| entry["cidr"] == IN_THE_WAY)
    });
    ensure!(remembered, "the record remembers {removed}");

    world.patch_mesh(json!({"filters": "Report"})).await?;
    until(
        "the filter is given back and no longer remembered",
        SOON,
        async || {
            let filters = node.filters().await?;
            ensure!(filters == before, "its filters are {filters:?}");
            let record = world.record("server").await?.context("it has no record")?;
            let removed = record["spec"]["removedFilters"]
                .as_array()
                .map_or(0, Vec::len);
            ensure!(removed == 0, "{record}");
            Ok(())
        },
    )
    .await?;
    // A filter acts on new connections only: what is linked stays linked.
    world.converged(&world.mesh(), &all).await
}

async fn foreign_peering_kept(world: &mut World) -> Result<()> {
    let all = ["a", "b", "c"];
    world.add_plain(&["b", "c"]).await?;
    // An entry for a member, at an address that the product would not write, and one for nobody.
    let b = world.member("b")?.node.peer_id().to_owned();
    let nobody = "12D3KooWKAnokdP8KRhQFh9wVTZtVbgpjjdEYKCyhUBRjXfhxbTJ";
    let foreign = BTreeMap::from([
        (b.clone(), vec!["/ip4/127.0.0.1/tcp/9".to_owned()]),
        (nobody.to_owned(), vec!["/ip4/127.0.0.1/tcp/9".to_owned()]),
    ]);
    let entry = |(peer, addresses): (&String, &Vec<String>)| format!("{}/p2p/{peer}", addresses[0]);
    let settings = Settings {
        peering: foreign.iter().map(entry).collect(),
        logged: true,
        ..Settings::default()
    };
    world.add(&[Spec::new("a").settings(settings)]).await?;
    world.member_mut("a")?.foreign = foreign;
    world.create_mesh(json!({})).await?;
    world.start_controller("one", &[]).await?;
    world.healthy(&all).await?;

    world.crash_and_restart("a").await?;
    world.healthy(&all).await?;
    world.patch_mesh(json!({"mode": "Release"})).await?;
    until(
        "nothing but the owner's entries is left",
        SOON,
        async || {
            for name in all {
                let member = world.member(name)?;
                let peering = member.node.peering().await?;
                ensure!(peering == member.foreign, "{name} has {peering:?}");
            }
            Ok(())
        },
    )
    .await?;
    let commands = world.member("a")?.node.commands()?;
    let touched = commands.iter().find(|command| {
        command.path.contains("peering") && [b.as_str(), nobody].iter().any(|p| command.names(p))
    });
    ensure!(
        touched.is_none(),
        "an entry that is not ours was touched: {touched:?}"
    );
    world.patch_mesh(json!({"mode": "Enforce"})).await?;
    world.healthy(&all).await
}

async fn unauthorised_rpc_is_a_clear_condition(world: &mut World) -> Result<()> {
    let token = "a-token-of-the-lab";
    let guarded = Settings {
        token: Some(token.to_owned()),
        ..Settings::default()
    };
    world.add_plain(&["a", "b"]).await?;
    world.add(&[Spec::new("guarded").settings(guarded)]).await?;
    world.create_mesh(json!({})).await?;
    let flags = ["--probe-max=1s", "--secret-interval=1s"];
    world.start_controller("one", &flags).await?;
    let message = world
        .member_says("guarded", ("Reachable", "False", "Unauthorised"))
        .await?;
    ensure!(
        message.contains("authSecretRef"),
        "it does not say what to set: {message}"
    );
    world
        .mesh_says(("Degraded", "True", "Unauthorised"))
        .await?;
    others_linked(world).await?;

    // As the README says: the secret, the component for its namespace, the reference.
    let secret = serde_json::from_value(json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "kubo-rpc-auth"},
        "type": "kubomesh.dev/rpc-auth",
        "stringData": {"auth": format!("bearer:{token}")},
    }))?;
    let secrets = world.cluster().api(Resource::Secret, world.namespace());
    secrets.create(&PostParams::default(), &secret).await?;
    world.cluster().allow_secrets(world.namespace()).await?;
    let reference = json!({"name": "kubo-rpc-auth", "key": "auth"});
    world
        .patch_mesh(json!({"peers": {"rpc": {"authSecretRef": reference}}}))
        .await?;
    world.healthy(&["a", "b", "guarded"]).await
}

/// The members a and b are connected, whatever is wrong with the third.
async fn others_linked(world: &World) -> Result<()> {
    until("the others are linked", SOON, async || {
        let (a, b) = (world.member("a")?, world.member("b")?);
        let connected = a.node.connected().await?.contains(b.node.peer_id());
        ensure!(connected, "a does not list b");
        Ok(())
    })
    .await
}
