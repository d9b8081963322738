//! Policies that are wrong.

use anyhow::{Result, bail, ensure};
use serde_json::{Value, json};

use crate::judge::Mesh;
use crate::member::Spec;
use crate::registry::Scenario;
use crate::world::World;

pub(crate) const SCENARIOS: &[Scenario] = &[Scenario::mesh(
    "bad_policy_is_refused_with_a_sentence",
    "wrong fields are refused with their name, their value and a remedy; nothing is acted on",
    |world| Box::pin(bad_policy_is_refused_with_a_sentence(world)),
)];

/// Policies that the API server itself refuses by the CRD's rules, and what it says of each.
fn refused() -> Vec<(Value, &'static [&'static str])> {
    vec![
        (
            json!({"peers": {"selector": {}}}),
            &["spec.peers.selector", "at least one label"],
        ),
        (
            json!({"topology": {"fullMeshUpTo": 1}}),
            &["spec.topology.fullMeshUpTo", "1", "from 2 to 160"],
        ),
        (
            json!({"topology": {"degree": 9}}),
            &["spec.topology.degree", "9", "an even number from 8 to 96"],
        ),
        (
            json!({"links": {"forgetAfter": "soon"}}),
            &["spec.links.forgetAfter", "soon", "a time such as 30s"],
        ),
        (
            json!({"peers": {"selector": {"matchLabels": {"app": "kubo"}}, "rpc": {"port": 0}}}),
            &["spec.peers.rpc.port", "0", "from 1 to 65535"],
        ),
        (
            json!({"network": {"steering": "Strict"}}),
            &["spec.network.podCIDRs", "name the pod networks"],
        ),
    ]
}

async fn bad_policy_is_refused_with_a_sentence(world: &mut World) -> Result<()> {
    let all = ["a", "b", "c"];
    world.add(&all.map(|name| Spec::new(name).logged())).await?;
    world
        .start_controller("one", &["--secret-interval=1s"])
        .await?;
    let wrong = Mesh {
        name: "wrong".to_owned(),
        ..world.mesh()
    };
    for (spec, words) in refused() {
        let Err(error) = world.create(&wrong, spec.clone()).await else {
            bail!("{spec} was accepted");
        };
        let said = error.to_string();
        let missing = words.iter().find(|word| !said.contains(**word));
        ensure!(missing.is_none(), "{spec}: no {missing:?} in `{said}`");
    }

    // Accepted by the schema, and not by the controller.
    world
        .create_mesh(json!({"relays": {"kind": "static"}}))
        .await?;
    let message = world
        .mesh_says(("Accepted", "False", "NotImplemented"))
        .await?;
    let says = message.contains("spec.relays") && message.contains("set");
    ensure!(says, "it names neither field nor value: {message}");
    world
        .mesh_says(("Ready", "False", "NotImplemented"))
        .await?;

    let reference = json!({"name": "kubo-rpc-auth", "key": "auth"});
    let spec = json!({"relays": null, "peers": {"rpc": {"authSecretRef": reference}}});
    world.patch_mesh(spec).await?;
    let message = world
        .mesh_says(("Accepted", "False", "SecretUnreadable"))
        .await?;
    ensure!(
        message.contains("kubo-rpc-auth"),
        "it does not name the secret: {message}"
    );
    for name in all {
        let commands = world.member(name)?.node.commands()?;
        ensure!(commands.is_empty(), "{name} was told {commands:?}");
    }

    world.patch_mesh(json!({"peers": {"rpc": null}})).await?;
    world.healthy(&all).await
}
