//! Nodes that hang, fleets that shrink, connections that are trimmed.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use serde_json::json;

use crate::judge::{SOON, has_unread, pairs_connected};
use crate::member::Spec;
use crate::node::Settings;
use crate::registry::Scenario;
use crate::wait::until;
use crate::world::World;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::mesh(
        "hung_node_delays_nobody",
        "a node hangs and one comes: it is linked before the first call to the former is given up; then another crashes, and is linked while that one still hangs",
        |world| Box::pin(hung_node_delays_nobody(world)),
    ),
    Scenario::mesh(
        "a_third_hang",
        "a third of the nodes hang at once: the others are linked and healed without waiting for them",
        |world| Box::pin(a_third_hang(world)),
    ),
    Scenario::mesh(
        "scale_down_by_half",
        "half of the pods go at once: the others forget them and stay linked",
        |world| Box::pin(scale_down_by_half(world)),
    ),
    Scenario::mesh(
        "connection_trimming",
        "connection managers that would close mesh links do not: each is protected on both ends",
        |world| Box::pin(connection_trimming(world)),
    ),
];

async fn hung_node_delays_nobody(world: &mut World) -> Result<()> {
    let all = ["a", "b", "c", "d", "e", "f"];
    world.add_plain(&all[..5]).await?;
    world.create_mesh(json!({})).await?;
    world.start_controller("one", &[]).await?;
    world.healthy(&all[..5]).await?;
    heal_while_hung(world, &["c"], ("a", "f"), &["a", "b", "d", "e", "f"]).await?;
    world.healthy(&all).await
}

async fn a_third_hang(world: &mut World) -> Result<()> {
    let all = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    world.add_plain(&all[..9]).await?;
    world.create_mesh(json!({})).await?;
    world.start_controller("one", &[]).await?;
    world.healthy(&all[..9]).await?;
    let awake = ["a", "e", "f", "g", "h", "i", "j"];
    heal_while_hung(world, &["b", "c", "d"], ("a", "j"), &awake).await?;
    world.healthy(&all).await
}

/// Some hang while one comes: everybody who answers is linked with it before the controller has
/// given up the first calls to those. Then, with that noticed, one crashes and starts again, and
/// everybody who answers is linked with it too while the others still hang. Then those wake.
async fn heal_while_hung(
    world: &mut World,
    hung: &[&str],
    (crashed, added): (&str, &str),
    awake: &[&str],
) -> Result<()> {
    // It runs before: between a call's start and its deadline is the controller's part alone.
    world.prepare(&Spec::new(added)).await?;
    world.member_mut(added)?.node.start().await?;
    for name in hung {
        world.member(name)?.node.freeze()?;
    }
    let frozen = world.members(hung)?;
    until("each that hangs was called", SOON, async || {
        for member in &frozen {
            ensure!(has_unread(member)?, "{} was not", member.pod.name);
        }
        Ok(())
    })
    .await?;
    world.return_pod(added).await?;
    let members = world.members(awake)?;
    until(
        "all who answer are linked with the new one",
        SOON,
        async || pairs_connected(&members).await,
    )
    .await?;
    let report = world.holder().await?.1.report().await?;
    let known = &report[world.mesh().id()]["members"];
    for name in hung {
        let state = &known[name]["state"];
        ensure!(
            state == "Reachable",
            "the call to {name} was waited for: it is {state} already"
        );
    }
    for name in hung {
        world
            .member_says(name, ("Reachable", "False", "Unreachable"))
            .await?;
    }
    world.crash_and_restart(crashed).await?;
    let members = world.members(awake)?;
    until("all who answer are linked", SOON, async || {
        pairs_connected(&members).await
    })
    .await?;
    for name in hung {
        world.member(name)?.node.thaw()?;
    }
    Ok(())
}

async fn scale_down_by_half(world: &mut World) -> Result<()> {
    let all = [
        "n-0", "n-1", "n-2", "n-3", "n-4", "n-5", "n-6", "n-7", "n-8", "n-9",
    ];
    world.add_plain(&all).await?;
    world.create_mesh(json!({})).await?;
    world.start_controller("one", &[]).await?;
    world.healthy(&all).await?;
    for name in &all[5..] {
        world.delete(name).await?;
    }
    world.healthy(&all[..5]).await?;
    for name in &all[5..] {
        world.record_gone(name).await?;
    }
    Ok(())
}

async fn connection_trimming(world: &mut World) -> Result<()> {
    // Every node has more links than its high water mark, so that its connection manager runs every
    // silence period and closes whatever is not protected and older than the grace period.
    let all = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let trimming = Settings {
        water: Some((1, 3)),
        logged: true,
        ..Settings::default()
    };
    let specs = all.map(|name| Spec::new(name).settings(trimming.clone()));
    world.add(&specs).await?;
    world.create_mesh(json!({})).await?;
    world.start_controller("one", &[]).await?;
    world.healthy(&all).await?;

    let before = world.dials(&all)?;
    // Connections that nobody protects are the sign that it ran: some of them go.
    let strangers = ["stranger-0", "stranger-1", "stranger-2"];
    let mut peers = BTreeSet::new();
    for name in strangers {
        world.prepare(&Spec::new(name)).await?;
        let node = &mut world.member_mut(name)?.node;
        node.start().await?;
        peers.insert(node.peer_id().to_owned());
        let address = format!("{}/p2p/{}", node.swarm_address(), node.peer_id());
        world
            .member("a")?
            .node
            .ask(&format!("swarm/connect?arg={address}"))
            .await?;
    }
    let a = &world.member("a")?.node;
    until(
        "the connection manager closes what is not protected",
        SOON,
        async || {
            let left = a.connected().await?.intersection(&peers).count();
            ensure!(left < strangers.len(), "a still lists {left} strangers");
            Ok(())
        },
    )
    .await?;
    for name in strangers {
        world.member_mut(name)?.node.kill().await?;
    }
    world.healthy(&all).await?;
    let after = world.dials(&all)?;
    ensure!(after == before, "{} dials were made anew", after - before);
    Ok(())
}
