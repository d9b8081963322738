//! Channels to agents: opened and closed very often.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use anyhow::{Result, ensure};

use super::agents::agents;
use crate::agent::{AGENT_PORT, Beside};
use crate::door::Door;
use crate::judge::SOON;
use crate::member::Spec;
use crate::registry::Scenario;
use crate::wait::until;
use crate::world::World;

pub(crate) const SCENARIOS: &[Scenario] = &[Scenario::agent(
    "agent_connections_do_not_leak",
    "300 channels are opened and cut, also on the way to who is there, and pods come and go: open \
     channels and file descriptors are as many as before",
    |world| Box::pin(agent_connections_do_not_leak(world)),
)];

const EIGHT: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

/// How many channels are opened in all. A test of the executor opens a thousand.
const CHANNELS: usize = 300;

/// The port that the pods state: a door before the agent.
const DOOR: u16 = 8500;

/// How much of an agent's bytes the channels that are cut on the way get, in turn: from nothing, by
/// parts of the handshake and of the first answers, to nearly all.
const STAGES: [usize; 12] = [
    0, 100, 400, 700, 1_000, 1_200, 1_400, 1_600, 1_800, 2_000, 2_400, 2_800,
];

async fn agent_connections_do_not_leak(world: &mut World) -> Result<()> {
    world.trust_agents().await?;
    let mut specs = Vec::new();
    for name in EIGHT {
        let beside = Beside::tls(world.certified(name)?).stated(DOOR);
        specs.push(Spec::new(name).beside(beside));
    }
    world.add(&specs).await?;
    let mut doors = Vec::new();
    for name in EIGHT {
        let ip = IpAddr::V4(world.member(name)?.node.ip());
        let at = |port| SocketAddr::new(ip, port);
        doors.push(Door::open(at(DOOR), at(AGENT_PORT)).await?);
    }
    world.create_mesh(agents("Required")).await?;
    world.start_controller("one", &["--probe-max=1s"]).await?;
    world.healthy(&EIGHT).await?;
    world.channels(EIGHT.len()).await?;
    let (before, sockets) = (descriptors(world)?, world.sockets(&EIGHT)?);

    let began = Instant::now();
    for round in 0.. {
        let before = passed(&doors);
        if before >= CHANNELS {
            break;
        }
        // Every fourth time the next ones are cut too, each somewhere else.
        let on_the_way = round % 4 == 0;
        for (number, door) in doors.iter().enumerate() {
            door.cut(on_the_way.then(|| STAGES[(number + round) % STAGES.len()]));
        }
        let after = before + EIGHT.len() * if on_the_way { 2 } else { 1 };
        until("the next channels are open and used", SOON, async || {
            let now = passed(&doors);
            ensure!(now >= after, "{now} were opened, {after} are to be");
            all_answer(world).await
        })
        .await?;
    }
    world.channels(EIGHT.len()).await?;
    let took = began.elapsed();
    println!("{} channels were opened in {took:.1?}", passed(&doors));
    world.none_new(&EIGHT, &sockets)?;

    let cluster = world.cluster_shared();
    for gone in EIGHT.chunks(4) {
        for name in gone {
            world.delete(name).await?;
        }
        world.channels(EIGHT.len() - gone.len()).await?;
        for name in gone {
            world.member_mut(name)?.come(&cluster).await?;
        }
        world.channels(EIGHT.len()).await?;
    }
    world.healthy(&EIGHT).await?;
    world.by_agents(&EIGHT).await?;
    world.channels(EIGHT.len()).await?;
    until("file descriptors are as many as before", SOON, async || {
        let now = descriptors(world)?;
        ensure!(now <= before, "{before} became {now}");
        Ok(())
    })
    .await?;
    println!(
        "file descriptors: {before} before, {} now",
        descriptors(world)?
    );
    Ok(())
}

/// An error unless every member answers, as the controller has it.
async fn all_answer(world: &World) -> Result<()> {
    let (_, controller) = world.holder().await?;
    let report = controller.report().await?;
    let members = &report[world.mesh().id()]["members"];
    for name in EIGHT {
        let state = &members[name]["state"];
        ensure!(state == "Reachable", "{name} is {state}");
    }
    Ok(())
}

fn passed(doors: &[Door]) -> usize {
    doors.iter().map(Door::passed).sum()
}

/// How many file descriptors the controller has open.
fn descriptors(world: &World) -> Result<usize> {
    world.controller("one")?.descriptors()
}
