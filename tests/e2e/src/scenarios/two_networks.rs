//! The lab's hosts with two networks, and what nodes do on them when nobody of ours is there: rows N are
//! those of the measurements on a real Kubo.

use anyhow::{Result, ensure};

use serde_json::{Value, json};

use crate::cluster::Resource;
use crate::dual::{Network, PODS};
use crate::member::{Prepared, Spec};
use crate::multus::Form;
use crate::registry::Scenario;
use crate::world::World;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::network(
        "two_networks_as_measured",
        "asked for a storage address a node uses either network; with a filter, or prepared for it, \
         only that one",
        |world| Box::pin(two_networks_as_measured(world)),
    ),
    Scenario::network(
        "pods_follow_their_networks",
        "the lab's own: pods report their networks in each form, and what befalls those befalls the \
         nodes",
        |world| Box::pin(pods_follow_their_networks(world)),
    ),
];

/// Plain nodes: the first of each pair dials.
const PAIRS: [(&str, &str); 3] = [("a", "b"), ("c", "d"), ("e", "f")];

/// How often a pair tries. Of a burst of 16 dials to one address that is less than half.
const ROUNDS: u32 = 4;

async fn two_networks_as_measured(world: &mut World) -> Result<()> {
    let attachment = world.create_attachment("storage").await?;
    let plain = ["a", "b", "c", "d", "e", "f"];
    let specs = plain.map(|name| Spec::new(name).attached(&attachment));
    world.add(&specs).await?;
    address_selects_no_network(world).await?;
    filter_selects_it(world).await?;
    filter_of_everything_is_strict(world).await?;
    let silent = ["g", "h"];
    let specs = silent.map(|name| {
        Spec::new(name)
            .attached(&attachment)
            .prepared(Prepared::NoAnnounce)
    });
    world.add(&specs).await?;
    unannounced_is_forgotten(world, silent).await?;
    let bound = ["i", "j"];
    let specs = bound.map(|name| {
        Spec::new(name)
            .attached(&attachment)
            .prepared(Prepared::Bound)
    });
    world.add(&specs).await?;
    bound_is_nowhere_else(world, bound).await?;
    let all: Vec<&str> = plain.into_iter().chain(silent).chain(bound).collect();
    world.no_filters_left(&all).await
}

/// Rows 3 and 11.
async fn address_selects_no_network(world: &World) -> Result<()> {
    let mut elsewhere = 0;
    for (near, far) in PAIRS {
        for _ in 0..ROUNDS {
            world.connect(near, far, Network::Pod).await?;
            world.all_on(&[near, far], Network::Pod).await?;
            world.connect(near, far, Network::Storage).await?;
            world.all_on(&[near, far], Network::Pod).await?;
            let judged = world.all_on(&[near, far], Network::Storage).await;
            ensure!(judged.is_err(), "the judge cannot tell the networks apart");
            world.disconnect(near, far).await?;
            world.connect(near, far, Network::Storage).await?;
            let found = world.networks(near, far).await?;
            elsewhere += usize::from(found.contains(&Network::Pod));
            world.disconnect(near, far).await?;
        }
    }
    println!("asked for the storage address: {elsewhere} of 12 on the pod network");
    ensure!(
        elsewhere > 0,
        "every connection came up where it was asked for"
    );
    Ok(())
}

/// Rows 4 and 6.
async fn filter_selects_it(world: &World) -> Result<()> {
    for (near, far) in PAIRS {
        let (dialler, target) = (&world.member(near)?.node, world.member(far)?.node.ip());
        let filter = format!("/ip4/{target}/ipcidr/32");
        world.connect(near, far, Network::Pod).await?;
        dialler
            .ask(&format!("swarm/filters/add?arg={filter}"))
            .await?;
        let live = dialler.filters().await?;
        let both = live == dialler.saved_filters()? && live.contains(&filter);
        ensure!(both, "{near} filters {live:?}, and saved something else");
        world.all_on(&[near, far], Network::Pod).await?;
        world.disconnect(near, far).await?;
        world.connect(near, far, Network::Storage).await?;
        dialler
            .ask(&format!("swarm/filters/rm?arg={filter}"))
            .await?;
        world.all_on(&[near, far], Network::Storage).await?;
        world.disconnect(near, far).await?;
    }
    Ok(())
}

/// Row 5: whatever is asked for.
async fn filter_of_everything_is_strict(world: &World) -> Result<()> {
    let (near, far) = PAIRS[0];
    let filter = format!("/ip4/{}/ipcidr/{}", PODS.network(), PODS.prefix_len());
    let ends = [&world.member(near)?.node, &world.member(far)?.node];
    for end in ends {
        end.ask(&format!("swarm/filters/add?arg={filter}")).await?;
    }
    for (from, to, asked) in [
        (near, far, Network::Storage),
        (far, near, Network::Storage),
        (near, far, Network::Pod),
    ] {
        world.connect(from, to, asked).await?;
        world.all_on(&[near, far], Network::Storage).await?;
        if asked == Network::Storage {
            world.disconnect(near, far).await?;
        }
    }
    for end in ends {
        end.ask(&format!("swarm/filters/rm?arg={filter}")).await?;
    }
    world.disconnect(near, far).await
}

/// Row 25; and an address that was given by hand goes when its peer does not announce it.
async fn unannounced_is_forgotten(world: &World, [near, far]: [&str; 2]) -> Result<()> {
    for _ in 0..ROUNDS {
        world.connect(near, far, Network::Pod).await?;
        world.all_on(&[near, far], Network::Pod).await?;
        let known = world
            .member(near)?
            .node
            .knows(world.member(far)?.node.peer_id())
            .await?;
        let pod = world.member(far)?.node.swarm_address();
        ensure!(!known.contains(&pod), "{near} knows {known:?}");
        world.disconnect(near, far).await?;
        world.connect(near, far, Network::Storage).await?;
        world.all_on(&[near, far], Network::Storage).await?;
        world.disconnect(near, far).await?;
    }
    Ok(())
}

/// Row 26.
async fn bound_is_nowhere_else(world: &World, [near, far]: [&str; 2]) -> Result<()> {
    let refused = world.connect(near, far, Network::Pod).await;
    ensure!(refused.is_err(), "{far} is reached on the pod network");
    for _ in 0..ROUNDS {
        world.connect(near, far, Network::Storage).await?;
        world.all_on(&[near, far], Network::Storage).await?;
        world.disconnect(near, far).await?;
    }
    Ok(())
}

/// A pod on the storage network for each form of the report, and the key and the name in it.
const FORMS: [(&str, Form, &str, &str); 4] = [
    ("a", Form::Multus, "network-status", "/storage"),
    ("b", Form::OldKey, "networks-status", "/storage"),
    ("c", Form::BareName, "network-status", "storage"),
    ("d", Form::Standard, "network-status", "/storage"),
];

async fn pods_follow_their_networks(world: &mut World) -> Result<()> {
    let attachment = world.create_attachment("storage").await?;
    let on_both = FORMS.map(|(name, form, ..)| {
        Spec::new(name)
            .attached(&attachment)
            .reported(form)
            .logged()
    });
    world.add(&on_both).await?;
    let late = Spec::new("e").attached(&attachment).unreported();
    world.add(&[late, Spec::new("f").apart()]).await?;
    for (name, _, key, ending) in FORMS {
        let found = reported(world, name, key).await?;
        let named = found
            .as_ref()
            .is_some_and(|(name, _)| name.ends_with(ending));
        let address = found.is_some_and(|(_, ip)| Some(ip) == world.storage_of(name));
        ensure!(named && address, "{name} does not report its address");
    }
    ensure!(reported(world, "e", "network-status").await?.is_none());
    world.report("e").await?;
    ensure!(reported(world, "e", "network-status").await?.is_some());
    networks_break(world).await?;
    addresses_change(world, &attachment).await?;
    // Nobody wants the storage network: the links are on the other one.
    let all = ["a", "b", "c", "d", "e", "f"];
    world.acquaint(&all).await?;
    world.create_mesh(json!({})).await?;
    world.start_controller("one", &[]).await?;
    world.healthy(&all).await?;
    world.nothing_taken(&["a", "b", "c", "d"])?;
    world.all_on(&all, Network::Pod).await
}

/// Nothing but the storage network breaks, as a whole and for one pod.
async fn networks_break(world: &World) -> Result<()> {
    world.cut_storage().await?;
    ensure!(
        reach(world, "a", "b").await.is_err(),
        "the storage network is not cut"
    );
    world.connect("a", "b", Network::Pod).await?;
    world.disconnect("a", "b").await?;
    world.mend_storage().await?;
    reach(world, "c", "d").await?;
    world.host_of("e")?.cut().await?;
    ensure!(
        reach(world, "c", "e").await.is_err(),
        "the pod is not cut off"
    );
    world.host_of("e")?.mend().await?;
    reach(world, "d", "e").await
}

/// A pod gets another address, and one comes back without the network and then with it.
async fn addresses_change(world: &mut World, attachment: &str) -> Result<()> {
    let before = world.storage_of("a");
    world.readdress("a").await?;
    let (_, ip) = reported(world, "a", "network-status")
        .await?
        .unwrap_or_default();
    let now = world.storage_of("a");
    ensure!(
        Some(&ip) == now.as_ref() && before != now,
        "it was at {before:?}, is at {now:?} and reports {ip}"
    );
    reach(world, "d", "a").await?;
    world.recreate("b", None).await?;
    ensure!(reported(world, "b", "networks-status").await?.is_none());
    ensure!(world.storage_of("b").is_none());
    world.recreate("b", Some(attachment)).await?;
    reach(world, "d", "b").await
}

/// One node reaches another on the storage network alone, and they part again.
async fn reach(world: &World, from: &str, to: &str) -> Result<()> {
    world.connect(from, to, Network::Storage).await?;
    world.on_storage(&[from, to]).await?;
    world.disconnect(from, to).await
}

/// Name and address of the storage network in a pod's annotation with this key.
async fn reported(world: &World, name: &str, key: &str) -> Result<Option<(String, String)>> {
    let pods = world.cluster().api(Resource::Pod, world.namespace());
    let annotations = pods
        .get(name)
        .await?
        .metadata
        .annotations
        .unwrap_or_default();
    let Some(text) = annotations.get(&format!("k8s.v1.cni.cncf.io/{key}")) else {
        return Ok(None);
    };
    let networks: Vec<Value> = serde_json::from_str(text)?;
    let storage = networks
        .iter()
        .find(|network| network["interface"] == "lhnet1");
    Ok(storage.map(|network| {
        let ip = network["ips"][0].as_str().unwrap_or_default();
        let ip = ip.split('/').next().unwrap_or_default();
        (
            network["name"].as_str().unwrap_or_default().to_owned(),
            ip.to_owned(),
        )
    }))
}
