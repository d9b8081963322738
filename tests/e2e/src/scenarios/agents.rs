//! Agents beside nodes: what goes by their way.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::judge::{SOON, pairs_connected};
use crate::member::Spec;
use crate::node::API_PORT;
use crate::registry::{Place, Scenario};
use crate::wait::until;
use crate::world::{CONTROLLER_SECRET, World};

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        place: Place::Namespaces,
        ..Scenario::agent(
            "agent_mesh_forms_with_rpc_on_loopback_only",
            "8 nodes whose RPC is at 127.0.0.1 of their pods: meshed by their agents over mutual TLS, \
             and a link that breaks is told by them",
            |world| Box::pin(agent_mesh_forms_with_rpc_on_loopback_only(world)),
        )
    },
    Scenario::agent(
        "mixed_fleet",
        "half of the nodes have an agent: one mesh, healed on either side; an agent that goes is gone \
         round at once, and used again when it is back",
        |world| Box::pin(mixed_fleet(world)),
    ),
];

const EIGHT: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

/// `spec.agents` with the certificate of the scenario's controller.
pub(super) fn agents(mode: &str) -> Value {
    json!({"agents": {"mode": mode, "tlsSecretRef": CONTROLLER_SECRET}})
}

/// The owner of a node closes its connection with another. How long it takes until the controller made
/// them a new one.
pub(super) async fn healed(world: &World, near: &str, far: &str) -> Result<Duration> {
    let pair = [near, far];
    let (before, dials) = (world.sockets(&pair)?, world.dials(&pair)?);
    let (node, members) = (&world.member(near)?.node, world.members(&pair)?);
    let call = format!(
        "swarm/disconnect?arg=/p2p/{}",
        world.member(far)?.node.peer_id()
    );
    let answer = node.ask(&call).await?;
    ensure!(answer.status.is_success(), "{near}, {far}: {answer:?}");
    let broken = Instant::now();
    until(&format!("{near} and {far} meet again"), SOON, async || {
        pairs_connected(&members).await?;
        let now = world.sockets(&pair)?;
        ensure!(now.is_disjoint(&before), "the old connection is there");
        Ok(())
    })
    .await?;
    let took = broken.elapsed();
    ensure!(world.dials(&pair)? > dials, "nobody was asked to dial");
    Ok(took)
}

async fn agent_mesh_forms_with_rpc_on_loopback_only(world: &mut World) -> Result<()> {
    world.trust_agents().await?;
    let specs = world.guarded(&EIGHT)?.into_iter().map(Spec::private);
    let specs: Vec<Spec> = specs.collect();
    world.add(&specs).await?;
    rpc_is_out_of_reach(world).await?;
    world.create_mesh(agents("Required")).await?;
    let began = Instant::now();
    world.start_controller("one", &[]).await?;
    world.linked(&EIGHT).await?;
    println!("8 members are linked after {:.1?}", began.elapsed());
    world.healthy(&EIGHT).await?;
    world.by_agents(&EIGHT).await?;
    world.channels(EIGHT.len()).await?;
    // Nobody asks: the agents tell.
    world.sweep_every("1h").await?;
    let took = healed(world, "a", "b").await?;
    println!("a broken link is healed after {took:.1?}");
    world.crash_and_restart("c").await?;
    world.linked(&EIGHT).await?;
    world.sweep_every("1s").await?;
    world.healthy(&EIGHT).await?;
    world.by_agents(&EIGHT).await?;
    world.channels(EIGHT.len()).await?;
    rpc_is_out_of_reach(world).await
}

/// An error if the lab, which is where the controller is, reaches a node's RPC.
async fn rpc_is_out_of_reach(world: &World) -> Result<()> {
    for name in EIGHT {
        let node = &world.member(name)?.node;
        let api = node.api();
        ensure!(api.ip().is_loopback(), "the RPC of {name} is at {api}");
        for ip in [node.ip().into(), api.ip()] {
            let reached = TcpStream::connect((ip, API_PORT)).await;
            ensure!(reached.is_err(), "the RPC of {name} is reached at {ip}");
        }
    }
    Ok(())
}

/// How long an agent that is back may take to be used: the half minute for which the way round it is
/// taken, and two passes.
const USED_AGAIN: Duration = Duration::from_secs(40);

async fn mixed_fleet(world: &mut World) -> Result<()> {
    let (beside, alone) = (["a", "b", "c"], ["x", "y", "z"]);
    let all: Vec<&str> = beside.into_iter().chain(alone).collect();
    world.trust_agents().await?;
    let mut specs = world.guarded(&beside)?;
    specs.extend(alone.map(|name| Spec::new(name).logged()));
    world.add(&specs).await?;
    world.create_mesh(agents("Auto")).await?;
    world.start_controller("one", &[]).await?;
    world.healthy(&all).await?;
    world.by_agents(&beside).await?;
    for name in alone {
        let why = world.takes(name, "Direct").await?;
        ensure!(why.is_empty(), "{name} never had an agent: {why}");
    }
    world.channels(beside.len()).await?;

    let before = world.sockets(&all)?;
    let gone = Instant::now();
    world.agent_of("a")?.kill().await?;
    let why = world.takes("a", "Direct").await?;
    ensure!(why.contains("no agent answers at"), "{why}");
    println!("gone round after {:.1?}: {why}", gone.elapsed());
    world.channels(beside.len() - 1).await?;
    world.start_agent("a").await?;
    world.none_new(&all, &before)?;
    // By two agents, by one, by one that is gone round, and by none; asked for by either end.
    for (near, far) in [("b", "c"), ("b", "x"), ("y", "c"), ("a", "b"), ("x", "y")] {
        let took = healed(world, near, far).await?;
        println!("{near} and {far} are healed after {took:.1?}");
    }
    until("the agent is used again", USED_AGAIN, async || {
        world.way("a", "Agent").await
    })
    .await?;
    println!("used again after {:.1?}", gone.elapsed());
    world.by_agents(&beside).await?;
    world.channels(beside.len()).await?;
    world.healthy(&all).await
}
