//! Agents of other versions than the controller's, and how they are exchanged.

use std::time::Instant;

use anyhow::{Context, Result, ensure};

use super::agents::agents;
use crate::agent::{Beside, Versions};
use crate::cluster::Resource;
use crate::judge::{SOON, condition, pairs_connected};
use crate::member::Spec;
use crate::registry::Scenario;
use crate::wait::until;
use crate::world::World;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::agent(
        "agent_version_matrix",
        "agents of every age: who is understood is used, who is not is gone round with the reason, or \
         with mode: Required unreachable",
        |world| Box::pin(agent_version_matrix(world)),
    ),
    Scenario::agent(
        "agent_upgrade_downgrade_live",
        "agents are exchanged one by one for newer, too new and older ones under a running controller: \
         no connection is lost",
        |world| Box::pin(agent_upgrade_downgrade_live(world)),
    ),
];

/// The controller speaks 3 and understands 2.
const CONTROLLER: [&str; 2] = ["--agent-api-version=3", "--agent-api-min-version=2"];

/// Agents by what they tell; and why they are not used, if they are not.
const MATRIX: [(&str, Option<Versions>, &str); 7] = [
    ("none", None, "no agent answers at"),
    ("zero", Some((0, 0)), "serves no API yet"),
    ("too-old", Some((1, 1)), "too old: it speaks API 1"),
    ("older", Some((2, 1)), ""),
    ("same", Some((3, 2)), ""),
    ("newer", Some((4, 3)), ""),
    ("too-new", Some((5, 4)), "too new: it speaks API 4 to 5"),
];

async fn agent_version_matrix(world: &mut World) -> Result<()> {
    world.trust_agents().await?;
    let mut specs = Vec::new();
    for (name, versions, _) in MATRIX {
        let beside = match versions {
            None => Beside::absent(),
            Some(versions) => Beside::tls(world.certified(name)?).versions(versions),
        };
        specs.push(Spec::new(name).beside(beside));
    }
    world.add(&specs).await?;
    let names = MATRIX.map(|(name, ..)| name);
    let usable = MATRIX.iter().filter(|(.., why)| why.is_empty()).count();
    world.create_mesh(agents("Auto")).await?;
    world.start_controller("one", &CONTROLLER).await?;
    world.healthy(&names).await?;
    for (name, _, why) in MATRIX {
        let said = world.takes(name, path(why)).await?;
        ensure!(said.is_empty() == why.is_empty(), "{name}: {said}");
        ensure!(said.contains(why), "{name}: {said}");
        println!("{name}: {} {said}", path(why));
    }
    world.channels(usable).await?;

    let before = world.sockets(&names)?;
    world.patch_mesh(agents("Required")).await?;
    for (name, _, why) in MATRIX {
        if why.is_empty() {
            world.takes(name, "Agent").await?;
            continue;
        }
        let said = unreachable(world, name).await?;
        let both = said.contains(why) && said.contains("spec.agents.mode is Required");
        let about_kubo = said.contains("Addresses.API") || said.contains("newer Kubo");
        ensure!(both && !about_kubo, "{name}: {said}");
    }
    world.channels(usable).await?;
    world.patch_mesh(agents("Off")).await?;
    world.healthy(&names).await?;
    world.channels(0).await?;
    for name in names {
        until(
            &format!("nobody looks for an agent of {name}"),
            SOON,
            async || {
                let said = world.way(name, "Direct").await?;
                ensure!(said.is_empty(), "{said}");
                Ok(())
            },
        )
        .await?;
    }
    world.patch_mesh(agents("Auto")).await?;
    world.channels(usable).await?;
    world.none_new(&names, &before)?;
    world.healthy(&names).await
}

fn path(why: &str) -> &'static str {
    if why.is_empty() { "Agent" } else { "Direct" }
}

/// Waits until a member counts as unreachable. Why.
async fn unreachable(world: &World, name: &str) -> Result<String> {
    until(&format!("{name} is unreachable"), SOON, async || {
        let status = world.status(Resource::SwarmPeer, name).await?;
        let reachable = condition(&status, "Reachable").context("it says nothing")?;
        ensure!(reachable["status"] == "False", "{reachable}");
        let why = reachable["message"].as_str().unwrap_or_default();
        Ok(why.to_owned())
    })
    .await
}

const FOUR: [&str; 4] = ["a", "b", "c", "d"];

/// What agents are exchanged for: what they tell, whether the first comes first, and whether they are
/// used then.
const EXCHANGES: [(Versions, bool, bool); 4] = [
    ((4, 3), true, true),
    ((5, 4), false, false),
    ((4, 3), true, true),
    ((2, 1), false, true),
];

async fn agent_upgrade_downgrade_live(world: &mut World) -> Result<()> {
    world.trust_agents().await?;
    let mut specs = world.guarded(&FOUR)?;
    for beside in specs.iter_mut().filter_map(|spec| spec.beside.as_mut()) {
        beside.versions = Some((3, 2));
    }
    world.add(&specs).await?;
    world.create_mesh(agents("Auto")).await?;
    // The way round is taken for half a minute otherwise.
    let flags = [CONTROLLER[0], CONTROLLER[1], "--agent-retry=1s"];
    world.start_controller("one", &flags).await?;
    world.healthy(&FOUR).await?;
    world.by_agents(&FOUR).await?;
    let before = world.sockets(&FOUR)?;
    for (versions, forward, usable) in EXCHANGES {
        let began = Instant::now();
        let mut order = FOUR;
        if !forward {
            order.reverse();
        }
        for name in order {
            let change = |beside: &mut Beside| beside.versions = Some(versions);
            world.exchange_agent(name, change).await?;
            let wanted = if usable { "Agent" } else { "Direct" };
            world.takes(name, wanted).await?;
            pairs_connected(&world.members(&FOUR)?).await?;
            let now = world.sockets(&FOUR)?;
            ensure!(now == before, "{before:?} became {now:?}");
        }
        let took = began.elapsed();
        println!("4 agents exchanged for API {versions:?}, used: {usable}, in {took:.1?}");
        world.channels(if usable { FOUR.len() } else { 0 }).await?;
    }
    // A node that comes then is linked as ever.
    let late = world.guarded(&["e"])?;
    world.add(&late).await?;
    world.linked(&["a", "b", "c", "d", "e"]).await?;
    world.nothing_taken(&FOUR)?;
    world.none_new(&FOUR, &before)?;
    world.healthy(&["a", "b", "c", "d", "e"]).await
}
