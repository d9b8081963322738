//! The storage network: addresses, links on it, and how they are kept there.

use anyhow::{Context, Result, ensure};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::cluster::Resource;
use crate::dual::{Network, PODS};
use crate::judge::SOON;
use crate::member::{Prepared, Spec};
use crate::multus::Form;
use crate::registry::Scenario;
use crate::wait::{throughout, until};
use crate::world::World;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::network(
        "storage_ip_in_status",
        "each form of what Multus reports is read, late and changed ones too; what cannot be had is \
         said with its reason",
        |world| Box::pin(storage_ip_in_status(world)),
    ),
    Scenario::network(
        "links_use_the_storage_network",
        "16 nodes that found each other on the pod network: in the end every connection is on the \
         storage network at both ends, and no filter is left",
        |world| Box::pin(links_use_the_storage_network(world)),
    ),
    Scenario::network(
        "strict_never_leaves",
        "steering: Strict: filters stand, no connection comes up elsewhere whatever is asked for, and \
         they are lifted with the policy",
        |world| Box::pin(strict_never_leaves(world)),
    ),
    Scenario::network(
        "prepared_pods_need_no_steering",
        "nodes that announce or listen on the storage network alone are linked there without a single \
         filter, after restarts too",
        |world| Box::pin(prepared_pods_need_no_steering(world)),
    ),
    Scenario::network(
        "fallback_never_and_podnetwork",
        "a member without the network: not linked and said why, or linked over the pod network and \
         marked",
        |world| Box::pin(fallback_never_and_podnetwork(world)),
    ),
];

/// `spec.network` for an attachment, with `more` on top. Kubo 0.37 to 0.42 are steered too: the run
/// may be with one, and fetches nothing.
pub(super) fn network(attachment: &str, more: Value) -> Value {
    let mut network = json!({"attachment": attachment, "steeringOnAffectedVersions": true});
    if let (Some(network), Value::Object(more)) = (network.as_object_mut(), more) {
        network.extend(more);
    }
    json!({"network": network})
}

/// Members on both networks, whose links are wanted on the storage network. Their attachment.
pub(super) async fn attached(world: &mut World, names: &[&str]) -> Result<String> {
    let attachment = world.create_attachment("storage").await?;
    let specs: Vec<Spec> = names
        .iter()
        .map(|name| Spec::new(name).attached(&attachment).gated())
        .collect();
    world.add(&specs).await?;
    world.want(Network::Storage);
    Ok(attachment)
}

/// Healthy, every connection on the storage network at both ends, and no filter left.
pub(super) async fn settled(world: &World, names: &[&str]) -> Result<()> {
    world.healthy(names).await?;
    world.on_storage(names).await?;
    world.no_filters_left(names).await
}

async fn storage_ip_in_status(world: &mut World) -> Result<()> {
    let attachment = world.create_attachment("storage").await?;
    let forms = [
        ("a", Form::Multus),
        ("b", Form::OldKey),
        ("c", Form::BareName),
        ("d", Form::Standard),
    ];
    let specs = forms.map(|(name, form)| Spec::new(name).attached(&attachment).reported(form));
    world.add(&specs).await?;
    let late = Spec::new("late").attached(&attachment).unreported();
    world.add(&[late, Spec::new("without").apart()]).await?;
    // What changes while a link is moved may cost it a try.
    let quick = ["--peer-counts-interval=1s", "--steer-retry-base=1s"];
    world.start_controller("one", &quick).await?;
    world.create_mesh(json!({})).await?;
    let pod = world.member("a")?.node.ip().to_string();
    storage_ip(world, "a", &pod).await?;
    // Members without it are linked as before, and said all the same.
    world.want(Network::Storage);
    let rolling = network(&attachment, json!({"rollout": "Rolling"}));
    world.patch_mesh(rolling).await?;
    for (name, _) in forms {
        own_storage_ip(world, name).await?;
    }
    let missing = ("OnNetwork", "False", "NotReported");
    world.member_says("late", missing).await?;
    let missing = ("OnNetwork", "False", "NotAttached");
    world.member_says("without", missing).await?;
    world.report("late").await?;
    own_storage_ip(world, "late").await?;
    world.readdress("a").await?;
    own_storage_ip(world, "a").await?;
    garbled(world, "b").await?;
    world.report("b").await?;
    own_storage_ip(world, "b").await?;
    world.delete("without").await?;
    settled(world, &["a", "b", "c", "d", "late"]).await
}

/// An annotation that cannot be read is said with its text, and the node keeps its links.
async fn garbled(world: &World, name: &str) -> Result<()> {
    let pods = world.cluster().api(Resource::Pod, world.namespace());
    let key = "k8s.v1.cni.cncf.io/networks-status";
    let patch = Patch::Merge(json!({"metadata": {"annotations": {key: "[{\"name\": storage}]"}}}));
    pods.patch(name, &PatchParams::default(), &patch).await?;
    let unreadable = ("OnNetwork", "False", "NetworkStatusUnreadable");
    let message = world.member_says(name, unreadable).await?;
    ensure!(message.contains("networks-status"), "which one? {message}");
    Ok(())
}

/// Waits until the status of a member has its address on the storage network.
async fn own_storage_ip(world: &World, name: &str) -> Result<()> {
    let ip = world.storage_of(name).context("it has none")?;
    storage_ip(world, name, &ip).await?;
    let on = ("OnNetwork", "True", "AsWanted");
    world.member_says(name, on).await.map(drop)
}

async fn storage_ip(world: &World, name: &str, ip: &str) -> Result<()> {
    let what = format!("the status of {name} has {ip}");
    until(&what, SOON, async || {
        let status = world.status(Resource::SwarmPeer, name).await?;
        ensure!(status["storageIP"] == *ip, "{status}");
        Ok(())
    })
    .await
}

async fn links_use_the_storage_network(world: &mut World) -> Result<()> {
    let names: Vec<String> = (0..16).map(|number| format!("kubo-{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let attachment = attached(world, &names).await?;
    world.acquaint(&names).await?;
    world.all_on(&names, Network::Pod).await?;
    world.create_mesh(network(&attachment, json!({}))).await?;
    world.start_controller("one", &[]).await?;
    world.on_storage(&names).await?;
    settled(world, &names).await?;
    let message = ("NetworkApplied", "True", "AsWanted");
    world.mesh_says(message).await.map(drop)
}

async fn strict_never_leaves(world: &mut World) -> Result<()> {
    let names = ["a", "b", "c"];
    let attachment = attached(world, &names).await?;
    world.acquaint(&names).await?;
    let strict = json!({"steering": "Strict", "podCIDRs": [PODS.to_string()]});
    world.create_mesh(network(&attachment, strict)).await?;
    world.start_controller("one", &[]).await?;
    world.on_storage(&names).await?;
    world.healthy(&names).await?;
    let filter = format!("/ip4/{}/ipcidr/{}", PODS.network(), PODS.prefix_len());
    for name in names {
        steering(world, name, "Strict").await?;
        let node = &world.member(name)?.node;
        let (live, saved) = (node.filters().await?, node.saved_filters()?);
        let stands = live.contains(&filter) && saved == live;
        ensure!(stands, "{name} filters {live:?} and saved {saved:?}");
    }
    world.sweep_every("1h").await?;
    // Whoever asks for the pod network does not get it.
    for (near, far) in [("a", "b"), ("b", "c"), ("c", "a")] {
        world.disconnect(near, far).await?;
        // Either way is right: it fails, or it is dialled where it may be.
        drop(world.connect(near, far, Network::Pod).await);
        let found = world.networks(near, far).await?;
        ensure!(
            !found.contains(&Network::Pod),
            "{near} and {far}: {found:?}"
        );
    }
    world.sweep_every("1s").await?;
    world.crash_and_restart("b").await?;
    world.healthy(&names).await?;
    world.on_storage(&names).await?;
    let lenient = json!({"network": {"steering": "Steer", "podCIDRs": []}});
    world.patch_mesh(lenient).await?;
    settled(world, &names).await
}

async fn prepared_pods_need_no_steering(world: &mut World) -> Result<()> {
    let attachment = world.create_attachment("storage").await?;
    let names = ["a", "b", "c", "d"];
    let how = [Prepared::NoAnnounce, Prepared::Bound];
    let specs: Vec<Spec> = names
        .iter()
        .zip(how.into_iter().cycle())
        .map(|(name, how)| Spec::new(name).attached(&attachment).prepared(how).logged())
        .collect();
    world.add(&specs).await?;
    world.want(Network::Storage);
    world.create_mesh(network(&attachment, json!({}))).await?;
    world.start_controller("one", &[]).await?;
    settled(world, &names).await?;
    for name in names {
        steering(world, name, "Prevented").await?;
    }
    for name in ["a", "b"] {
        world.crash_and_restart(name).await?;
        settled(world, &names).await?;
    }
    for member in world.members(&names)? {
        let commands = member.node.commands()?;
        ensure!(!commands.is_empty(), "{} was told nothing", member.pod.name);
        let filter = commands.iter().find(|one| one.path.contains("/filters/"));
        ensure!(filter.is_none(), "{} was told {filter:?}", member.pod.name);
    }
    Ok(())
}

/// Waits until the status of a member says how it is kept on the network.
async fn steering(world: &World, name: &str, wanted: &str) -> Result<()> {
    until(&format!("{name} is {wanted}"), SOON, async || {
        let status = world.status(Resource::SwarmPeer, name).await?;
        ensure!(status["steering"] == wanted, "{status}");
        Ok(())
    })
    .await
}

async fn fallback_never_and_podnetwork(world: &mut World) -> Result<()> {
    let attachment = attached(world, &["a", "b"]).await?;
    world.add(&[Spec::new("c").apart()]).await?;
    world.create_mesh(network(&attachment, json!({}))).await?;
    world.start_controller("one", &[]).await?;
    world.linked(&["a", "b"]).await?;
    world.on_storage(&["a", "b"]).await?;
    world
        .member_says("c", ("OnNetwork", "False", "NotAttached"))
        .await?;
    let applied = ("NetworkApplied", "False", "NotAttached");
    let message = world.mesh_says(applied).await?;
    ensure!(message.contains('c'), "it does not name c: {message}");
    world.two_passes().await?;
    let alone = world.member("c")?.node.connections().await?;
    ensure!(alone.is_empty(), "c lists {alone:?}");
    let why = link_to(world, "c").await?;
    ensure!(why["reason"]["type"] == "NoAddress", "{why}");

    world
        .patch_mesh(json!({"network": {"fallback": "PodNetwork"}}))
        .await?;
    world.converged(&world.mesh(), &["a", "b", "c"]).await?;
    world.all_on(&["a", "c"], Network::Pod).await?;
    world.all_on(&["a", "b"], Network::Storage).await?;
    let marked = link_to(world, "c").await?;
    ensure!(marked["offNetwork"] == "Fallback", "{marked}");
    world
        .member_says("c", ("OnNetwork", "False", "NotAttached"))
        .await?;
    // Back to Never: what is there is not taken down for it.
    world
        .patch_mesh(json!({"network": {"fallback": "Never"}}))
        .await?;
    throughout(
        "the links of c stay",
        std::time::Duration::from_secs(3),
        async || world.all_on(&["a", "c"], Network::Pod).await,
    )
    .await
}

/// The report of the first link with this member.
async fn link_to(world: &World, name: &str) -> Result<Value> {
    let (_, controller) = world.holder().await?;
    let report = controller.report().await?;
    let links = report[world.mesh().id()]["links"].as_array().cloned();
    let mut links = links.context("no links in the report")?.into_iter();
    let found = links.find(|one| one["link"]["a"] == name || one["link"]["b"] == name);
    found.with_context(|| format!("no link of {name} in {report}"))
}
