//! Who answers at an address is not taken on trust.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::cluster::Resource;
use crate::judge::{SOON, all_linked, condition, pairs_connected};
use crate::member::Spec;
use crate::node::Settings;
use crate::registry::Scenario;
use crate::wait::until;
use crate::world::World;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::mesh(
        "reused_ip_never_gets_a_command",
        "a pod's IP goes to a strange Kubo while the object lingers: it is asked for its id only",
        |world| Box::pin(reused_ip_never_gets_a_command(world)),
    ),
    Scenario::mesh(
        "address_conflict_is_not_a_duplicate",
        "two pods claim one address: the later is linked, the other waits, nobody is a duplicate",
        |world| Box::pin(address_conflict_is_not_a_duplicate(world)),
    ),
    Scenario::mesh(
        "duplicate_identity_quarantined",
        "one identity answers at two addresses: no link comes, none goes, until one is gone",
        |world| Box::pin(duplicate_identity_quarantined(world)),
    ),
];

async fn reused_ip_never_gets_a_command(world: &mut World) -> Result<()> {
    world.add_plain(&["a", "b", "c"]).await?;
    world.create_mesh(json!({})).await?;
    world.start_controller("one", &[]).await?;
    world.healthy(&["a", "b", "c"]).await?;

    // Its host is gone and nobody has told the API server: the object says Running and Ready.
    world.prepare(&Spec::new("stranger").logged()).await?;
    world.take_place("stranger", "c").await?;
    world
        .member_says("c", ("WrongIdentity", "True", "WrongIdentity"))
        .await?;
    world.two_passes().await?;
    let requests = world.member("stranger")?.node.requests()?;
    ensure!(!requests.is_empty(), "nobody asked who it is");
    let other = requests.iter().find(|request| request.path != "/api/v0/id");
    ensure!(other.is_none(), "a strange Kubo was asked {other:?}");

    // The object goes, and the stranger turns out to be a pod of the mesh.
    world.forget("c").await?;
    world.return_pod("stranger").await?;
    world.healthy(&["a", "b", "stranger"]).await
}

async fn address_conflict_is_not_a_duplicate(world: &mut World) -> Result<()> {
    world.add_plain(&["a", "b", "c"]).await?;
    world.create_mesh(json!({})).await?;
    world.start_controller("one", &[]).await?;
    world.healthy(&["a", "b", "c"]).await?;

    world.prepare(&Spec::new("d")).await?;
    world.take_place("d", "c").await?;
    world.return_pod("d").await?;
    let message = world
        .member_says("c", ("AddressConflict", "True", "AddressConflict"))
        .await?;
    ensure!(
        message.contains('d'),
        "it does not name the other: {message}"
    );
    let contacted = ["a", "b", "d"];
    until("the later pod is linked", SOON, async || {
        pairs_connected(&world.members(&contacted)?).await
    })
    .await?;
    world.two_passes().await?;
    for name in ["c", "d"] {
        let status = world.status(Resource::SwarmPeer, name).await?;
        let duplicate = condition(&status, "DuplicateIdentity");
        let is = duplicate.is_some_and(|duplicate| duplicate["status"] == "True");
        ensure!(!is, "{name} counts as a duplicate: {status}");
    }
    world.forget("c").await?;
    world.healthy(&contacted).await
}

async fn duplicate_identity_quarantined(world: &mut World) -> Result<()> {
    let three = ["a", "b", "c"];
    world.add_plain(&three).await?;
    world.create_mesh(json!({})).await?;
    world.start_controller("one", &[]).await?;
    world.healthy(&three).await?;

    let settings = Settings {
        identity_of: Some(world.member("c")?.node.repo()),
        logged: true,
        ..Settings::default()
    };
    world.add(&[Spec::new("twin").settings(settings)]).await?;
    for name in ["c", "twin"] {
        let message = world.member_says(name, ("DuplicateIdentity", "True", "DuplicateIdentity"));
        let message = message.await?;
        let other = if name == "c" { "twin" } else { "c" };
        ensure!(
            message.contains(other),
            "{name} does not name the other: {message}"
        );
    }
    world.two_passes().await?;
    world.two_passes().await?;
    let commands = world.member("twin")?.node.commands()?;
    ensure!(commands.is_empty(), "the twin was told {commands:?}");
    all_linked(&world.members(&three)?).await?;

    world.delete("twin").await?;
    world.healthy(&three).await?;
    world
        .member_says("c", ("DuplicateIdentity", "False", "AsWanted"))
        .await?;
    Ok(())
}
