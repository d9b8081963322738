//! What needs a network of its own: addresses that are no loopback, and links that break.

use std::net::Ipv4Addr;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::judge::{SOON, pairs_connected};
use crate::member::Spec;
use crate::network::{ip, ip_each, mount_netns};
use crate::node::Settings;
use crate::registry::{Place, Scenario};
use crate::wait::until;
use crate::world::World;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        place: Place::Namespaces,
        ..Scenario::mesh(
            "stale_connection_after_crash",
            "a node dies without a word and comes back: who still lists the dead connection is \
             linked anew",
            |world| Box::pin(stale_connection_after_crash(world)),
        )
    },
    Scenario {
        place: Place::Namespaces,
        ..Scenario::mesh(
            "pacing_respects_the_rate_limit",
            "a node restarts again and again: no dial ever meets its neighbours' rate limits",
            |world| Box::pin(pacing_respects_the_rate_limit(world)),
        )
    },
];

/// The network namespace of the node that dies, and its end of the link.
const FAR: &str = "far";

/// Both ends of the link: outside of what is the lab's own, see
/// [`OWN_ROUTES`](crate::block::OWN_ROUTES).
const LINK: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 88, 128, 1), Ipv4Addr::new(10, 88, 128, 2)];

async fn stale_connection_after_crash(world: &mut World) -> Result<()> {
    let (near, all) = (["a", "b"], ["a", "b", FAR]);
    mount_netns().await?;
    lay_link().await?;
    world.add_plain(&near).await?;
    let there = Settings {
        netns: Some(FAR.to_owned()),
        ..Settings::default()
    };
    world.prepare(&Spec::new(FAR).settings(there)).await?;
    let cluster = world.cluster_shared();
    let member = world.member_mut(FAR)?;
    member.node.move_to(LINK[1]);
    member.pod.ip = Some(LINK[1]);
    member.node.start().await?;
    member.pod.create(&cluster).await?;
    world.create_mesh(json!({})).await?;
    world.start_controller("one", &["--probe-max=1s"]).await?;
    world.healthy(&all).await?;

    // Nothing that it or its kernel says reaches anybody: the link goes first.
    let peer = world.member(FAR)?.node.peer_id().to_owned();
    ip("link delete near").await?;
    world.member_mut(FAR)?.node.kill().await?;
    ip(&format!("netns delete {FAR}")).await?;
    lay_link().await?;
    world.member_mut(FAR)?.node.start().await?;
    let lists = world.member(FAR)?.node.connected().await?;
    ensure!(lists.is_empty(), "it lists {lists:?} from before");
    let mut stale = 0;
    for name in near {
        let lists = world.member(name)?.node.connected().await?;
        stale += usize::from(lists.contains(&peer));
    }
    ensure!(stale > 0, "nobody lists the dead connection any more");
    world.member_mut(FAR)?.pod.restarted(&cluster).await?;
    world.healthy(&all).await
}

async fn pacing_respects_the_rate_limit(world: &mut World) -> Result<()> {
    let all = ["a", "b", "c", "d", "e", "f", "g", "h"];
    world.add_plain(&all).await?;
    world.create_mesh(json!({})).await?;
    world.start_controller("one", &[]).await?;
    world.healthy(&all).await?;
    for _ in 0..RESTARTS {
        world.crash_and_restart("d").await?;
        let (d, a) = (world.member("d")?, world.member("a")?);
        until("the controller has noticed", SOON, async || {
            let connected = d.node.connected().await?.contains(a.node.peer_id());
            let protected = !d.node.peering().await?.is_empty();
            ensure!(connected || protected, "nothing was done about it");
            Ok(())
        })
        .await?;
    }
    let members = world.members(&all)?;
    until("all are linked", SOON, async || {
        pairs_connected(&members).await
    })
    .await?;
    world.healthy(&all).await?;
    let metrics = world.controller("one")?.metrics().await?;
    let refused = "kubomesh_actions_total{action=\"connect\",outcome=\"rate_limited\"}";
    let counted = metrics.lines().find_map(|line| line.strip_prefix(refused));
    let counted = counted.context("no such metric")?.trim();
    ensure!(counted == "0", "{counted} dials were refused");
    for member in world.members(&all)? {
        let refused = member.node.refused()?;
        ensure!(
            refused.is_empty(),
            "{} refused {refused:?}",
            member.pod.name
        );
    }
    Ok(())
}

/// How often a node restarts. Each time it is linked with all neighbours at once, 24 times within 8 s,
/// which an address may be only 16 times and then once in 5 s. With the planner's pace (half of
/// that, the other half is Kubo's own) 98 dials are made, none meets a limit, and the last links come
/// some seconds later; without it 26 of 211 meet the dialling end's limit and 54 the far end's.
const RESTARTS: u32 = 24;

/// A namespace with one end of a new link, the other end here.
async fn lay_link() -> Result<()> {
    let [here, there] = LINK;
    ip(&format!("netns add {FAR}")).await?;
    let near = format!(
        "link add near type veth peer name far netns {FAR}\n\
         address add {here}/30 dev near\n\
         link set near up\n"
    );
    ip_each(None, &near).await?;
    let far = format!(
        "link set lo up\n\
         address add {there}/30 dev far\n\
         link set far up\n\
         route add default via {here}\n"
    );
    ip_each(Some(FAR), &far).await
}
