//! Bad input: each kind gets one clear sentence and touches nothing else.

use anyhow::{Context, Result, bail, ensure};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::cluster::Resource;
use crate::judge::{MESH, SOON, condition};
use crate::registry::{Place, Scenario};
use crate::wait::until;
use crate::world::{Fakes, World};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        fakes: true,
        ..Scenario::mesh(
            "bad_answers_are_conditions",
            "what is not Kubo, or answers nonsense, is named in its record; the others are meshed",
            |world| Box::pin(bad_answers_are_conditions(world)),
        )
    },
    Scenario::mesh(
        "bad_secrets_are_conditions",
        "a secret that is missing, of the wrong type or malformed is named with the remedy",
        |world| Box::pin(bad_secrets_are_conditions(world)),
    ),
    Scenario::mesh(
        "selector_matches_nothing",
        "a mesh without members says so and waits",
        |world| Box::pin(selector_matches_nothing(world)),
    ),
    Scenario {
        place: Place::OwnCluster,
        ..Scenario::mesh(
            "no_crds_installed",
            "without CRDs the controller says how to install them, and goes on once they are there",
            |world| Box::pin(no_crds_installed(world)),
        )
    },
];

/// What is wrong with a fake, and what its record must say: status and reason of a condition, and
/// words of its message. Without a condition its good answers are used, and the log has the words.
struct Wrong {
    faults: Value,
    says: Option<(&'static str, &'static str, &'static str)>,
    words: &'static [&'static str],
}

const TOO_LARGE: &[&str] = &["larger than 16777216 bytes"];

/// An `id` is short: it is given up sooner than a list.
const TOO_LARGE_ID: &[&str] = &["id", "larger than 131072 bytes"];

fn wrongs() -> Vec<Wrong> {
    let not_kubo = Some(("Reachable", "False", "NotKubo"));
    let unreachable = Some(("Reachable", "False", "Unreachable"));
    let wrong = |faults, says, words| Wrong {
        faults,
        says,
        words,
    };
    vec![
        wrong(
            json!({"fault": {"status": {"code": 404}}}),
            not_kubo,
            &["not Kubo"],
        ),
        wrong(json!({"fault": "html"}), not_kubo, &["text/html"]),
        wrong(
            json!({"fault": "garbage"}),
            not_kubo,
            &["id", "expected value"],
        ),
        wrong(
            body("id", &json!({"ID": "nobody"})),
            not_kubo,
            &["`nobody` is not a peer ID"],
        ),
        wrong(
            body(
                "swarm/peers",
                &json!({"Peers": [{"Peer": "nobody", "Addr": GOOD_ADDRESS}]}),
            ),
            None,
            &["swarm/peers", "1 of 1", "`nobody` is not a peer ID"],
        ),
        wrong(
            body(
                "swarm/peers",
                &json!({"Peers": [{"Peer": GOOD_PEER, "Addr": "here"}]}),
            ),
            None,
            &["swarm/peers", "1 of 1", "`here`"],
        ),
        wrong(json!({"fault": "deep_nesting"}), unreachable, TOO_LARGE_ID),
        wrong(
            json!({"fault": "deep_nesting", "only": ["swarm/peers"]}),
            not_kubo,
            &["swarm/peers", "not what this verb answers with"],
        ),
        wrong(json!({"fault": "endless_body"}), unreachable, TOO_LARGE_ID),
        wrong(
            json!({"fault": "endless_body", "only": ["swarm/peers"]}),
            unreachable,
            TOO_LARGE,
        ),
        wrong(json!({"fault": "null_lists"}), not_kubo, &["`ID`"]),
        // A null list is one without entries, as Kubo itself says it: its links are missing, where an
        // answer that were refused would leave them unknown.
        wrong(
            json!({"fault": "null_lists", "only": ["swarm/peers"]}),
            Some(("Linked", "False", "LinkMissing")),
            &["0 of "],
        ),
        wrong(
            json!({"fault": {"many_peers": {"count": 100_000}}, "only": ["swarm/peers"]}),
            unreachable,
            TOO_LARGE,
        ),
        wrong(
            json!({"lists_itself": true}),
            None,
            &["swarm/peers", "the node lists itself"],
        ),
    ]
}

const GOOD_PEER: &str = "12D3KooWKAnokdP8KRhQFh9wVTZtVbgpjjdEYKCyhUBRjXfhxbTJ";
const GOOD_ADDRESS: &str = "/ip4/127.0.0.1/tcp/9";

/// One call answers with this.
fn body(call: &str, text: &Value) -> Value {
    json!({"fault": {"body": {"text": text.to_string()}}, "only": [call]})
}

/// Good ones beside them.
const GOOD: usize = 3;

async fn bad_answers_are_conditions(world: &mut World) -> Result<()> {
    let wrongs = wrongs();
    let count = u8::try_from(GOOD + wrongs.len())?;
    let fakes = world.start_fakes(count).await?;
    for (pod, wrong) in fakes.pods[GOOD..].iter().zip(&wrongs) {
        let order = json!({"node": pod.name, "faults": wrong.faults});
        fakes.order("/fault", &order).await?;
    }
    world.create_mesh(json!({})).await?;
    world.start_controller("one", &[]).await?;
    let good: Vec<&str> = fakes.pods[..GOOD]
        .iter()
        .map(|pod| pod.name.as_str())
        .collect();
    until("the others are linked", SOON, async || {
        linked(&fakes, &good).await
    })
    .await?;
    let mut wrongly = Vec::new();
    for (pod, wrong) in fakes.pods[GOOD..].iter().zip(&wrongs) {
        if let Err(error) = named(world, &pod.name, wrong).await {
            wrongly.push(format!("{}: {error:#}", wrong.faults));
        }
    }
    ensure!(wrongly.is_empty(), "{}", wrongly.join("\n"));
    world.quiet(&world.mesh()).await?;
    linked(&fakes, &good).await
}

/// An error unless each of these lists all others.
async fn linked(fakes: &Fakes, names: &[&str]) -> Result<()> {
    for name in names {
        let node = fakes.get(&format!("/node?name={name}")).await?;
        let peers = node["peers"].as_array().into_iter().flatten();
        let peers: Vec<&str> = peers.filter_map(Value::as_str).collect();
        let mut others = names.iter().filter(|other| *other != name);
        let missing = others.find(|other| !peers.contains(other));
        ensure!(missing.is_none(), "{name} does not list {missing:?}");
    }
    Ok(())
}

async fn named(world: &World, name: &str, wrong: &Wrong) -> Result<()> {
    let Some(says) = wrong.says else {
        // Nothing wrong with it as long as it answers.
        world
            .member_says(name, ("Reachable", "True", "AsWanted"))
            .await?;
        let record = world.record(name).await?.context("it has no record")?;
        let peer_id = record["spec"]["peerID"].as_str().context("no peerID")?;
        let words: Vec<&str> = wrong.words.iter().copied().chain([peer_id]).collect();
        return world.log_says("one", &words).await.map(drop);
    };
    let message = world.member_says(name, says).await?;
    let missing = wrong.words.iter().find(|word| !message.contains(**word));
    ensure!(missing.is_none(), "no {missing:?} in `{message}`");
    Ok(())
}

async fn bad_secrets_are_conditions(world: &mut World) -> Result<()> {
    world.add_plain(&["a", "b"]).await?;
    let auth = json!({"name": "kubo-rpc-auth", "key": "auth"});
    let peers = json!({
        "selector": {"matchLabels": {"app.kubernetes.io/name": "kubo"}},
        "rpc": {"authSecretRef": auth},
    });
    world.create_mesh(json!({"peers": peers})).await?;
    world
        .start_controller("one", &["--secret-interval=1s"])
        .await?;
    refused(world, &["may not get the secret", "mesh-secrets"]).await?;
    world.cluster().allow_secrets(world.namespace()).await?;
    refused(world, &["does not exist", "create it"]).await?;
    make_secret(world, "Opaque", json!({"auth": "bearer:x"})).await?;
    refused(world, &["has type Opaque", "kubomesh.dev/rpc-auth"]).await?;
    let wanted = "kubomesh.dev/rpc-auth";
    make_secret(world, wanted, json!({"other": "bearer:x"})).await?;
    refused(world, &["has no key `auth`"]).await?;
    make_secret(world, wanted, json!({"auth": "just a word"})).await?;
    let said = refused(world, &["cannot be used", "bearer:"]).await?;
    ensure!(!said.contains("just a word"), "it tells the secret: {said}");
    let (a, b) = (world.member("a")?, world.member("b")?);
    for member in [a, b] {
        let connected = member.node.connected().await?;
        ensure!(connected.is_empty(), "{} has links", member.pod.name);
    }
    make_secret(world, wanted, json!({"auth": "bearer:x"})).await?;
    world.healthy(&["a", "b"]).await
}

/// Waits until the mesh is refused because of its secret with a sentence that has these words.
async fn refused(world: &World, words: &[&str]) -> Result<String> {
    until(&format!("the mesh says {words:?}"), SOON, async || {
        let status = world.status(Resource::SwarmMesh, MESH).await?;
        let Some(accepted) = condition(&status, "Accepted") else {
            bail!("it says nothing: {status}");
        };
        let message = accepted["message"].as_str().unwrap_or_default();
        let right = accepted["status"] == "False"
            && accepted["reason"] == "SecretUnreadable"
            && message.contains("spec.peers.rpc.authSecretRef")
            && words.iter().all(|word| message.contains(word));
        ensure!(right, "{accepted}");
        Ok(message.to_owned())
    })
    .await
}

/// Makes the secret anew: its type cannot be changed.
async fn make_secret(world: &World, kind: &str, data: Value) -> Result<()> {
    let secrets = world.cluster().api(Resource::Secret, world.namespace());
    if secrets.get_opt("kubo-rpc-auth").await?.is_some() {
        secrets
            .delete("kubo-rpc-auth", &DeleteParams::default())
            .await?;
    }
    let secret = serde_json::from_value(json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "kubo-rpc-auth"},
        "type": kind,
        "stringData": data,
    }))?;
    secrets.create(&PostParams::default(), &secret).await?;
    Ok(())
}

async fn selector_matches_nothing(world: &mut World) -> Result<()> {
    world.add_plain(&["a", "b"]).await?;
    let none = json!({"selector": {"matchLabels": {"app.kubernetes.io/name": "nobody"}}});
    world.create_mesh(json!({"peers": none})).await?;
    world.start_controller("one", &[]).await?;
    let message = world.mesh_says(("Ready", "False", "NoMembers")).await?;
    ensure!(message.contains("selector"), "it names no field: {message}");
    let some = json!({"selector": {"matchLabels": {"app.kubernetes.io/name": "kubo"}}});
    world.patch_mesh(json!({"peers": some})).await?;
    world.healthy(&["a", "b"]).await
}

async fn no_crds_installed(world: &mut World) -> Result<()> {
    world.add_plain(&["a", "b"]).await?;
    let cluster = world.cluster();
    let crds = cluster.crds();
    let mut kept = Vec::new();
    for name in ["swarmmeshes.kubomesh.dev", "swarmpeers.kubomesh.dev"] {
        let mut crd = crds.get(name).await?;
        crd.metadata = kube::api::ObjectMeta {
            name: Some(name.to_owned()),
            ..Default::default()
        };
        crd.status = None;
        crds.delete(name, &DeleteParams::default()).await?;
        kept.push(crd);
    }
    until("the CRDs are gone", SOON, async || {
        let left = crds.list(&kube::api::ListParams::default()).await?;
        let left = left
            .items
            .iter()
            .filter_map(|crd| crd.metadata.name.as_deref());
        let left: Vec<&str> = left.filter(|name| name.starts_with("swarm")).collect();
        ensure!(left.is_empty(), "{left:?}");
        Ok(())
    })
    .await?;
    world.start_controller("one", &[]).await?;
    for kind in ["swarmmeshes.kubomesh.dev", "swarmpeers.kubomesh.dev"] {
        world
            .log_says("one", &["does not know", kind, "install the CRDs"])
            .await?;
    }
    for crd in &kept {
        let name = crd.metadata.name.as_deref().unwrap_or_default();
        let params = PatchParams::apply("kubomesh-e2e").force();
        let crds = world.cluster().crds();
        crds.patch(name, &params, &Patch::Apply(crd)).await?;
    }
    until("the mesh can be made", SOON, async || {
        world.create_mesh(json!({})).await
    })
    .await?;
    world.healthy(&["a", "b"]).await
}
