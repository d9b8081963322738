//! Another Kubo behind the same agent.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use kubomesh_agent_api::wire;
use serde_json::json;
use tokio::time::timeout;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Response, Status, Streaming};
use wire::kubo_agent_client::KuboAgentClient;
use wire::watch_event::Event;

use crate::agent::{AGENT_PORT, Beside};
use crate::judge::{SOON, has_unread_at};
use crate::member::Spec;
use crate::registry::Scenario;
use crate::wait::until;
use crate::world::World;

pub(crate) const SCENARIOS: &[Scenario] = &[Scenario::agent(
    "kubo_swapped_behind_agent",
    "a Kubo with another identity comes behind the same agent while a call is under way: refused, and \
     nothing is written to the stranger before its container's restart says who it is",
    |world| Box::pin(kubo_swapped_behind_agent(world)),
)];

async fn kubo_swapped_behind_agent(world: &mut World) -> Result<()> {
    let (first, late) = (["a", "b", "c"], "d");
    let spec = |name: &str| Spec::new(name).logged().beside(Beside::default());
    world.add(&first.map(spec)).await?;
    world.prepare(&spec(late)).await?;
    world.member_mut(late)?.node.start().await?;
    world
        .create_mesh(json!({"agents": {"mode": "Required"}}))
        .await?;
    world.start_controller("one", &[]).await?;
    world.healthy(&first).await?;
    world.by_agents(&first).await?;
    let mut agent = agent(world, "a").await?;
    let mut watch = agent.watch(wire::WatchRequest {}).await?.into_inner();
    let (epoch, known) = state(&mut watch).await?;
    let old = world.member("a")?.node.peer_id().to_owned();
    ensure!(known == old, "the agent is beside {known}");

    // The controller's call lies there unread while the Kubo behind it becomes another.
    let refused = refusals(world).await?;
    world.member_mut("a")?.node.take_identity().await?;
    world.agent_of("a")?.freeze()?;
    world.return_pod(late).await?;
    let member = world.member("a")?;
    let at = SocketAddr::new(member.node.ip().into(), AGENT_PORT);
    until("a call lies at the agent", SOON, async || {
        ensure!(has_unread_at(member, at)?, "nothing does");
        Ok(())
    })
    .await?;
    let node = &mut world.member_mut("a")?.node;
    node.kill().await?;
    node.start().await?;
    let told = node.commands()?.len();
    let new = node.peer_id().to_owned();
    ensure!(new != old, "it is the old one");
    world.agent_of("a")?.thaw()?;
    until("a call of the controller is refused", SOON, async || {
        let now = refusals(world).await?;
        ensure!(now > refused, "{now} were, as before");
        Ok(())
    })
    .await?;
    let wrong = ("WrongIdentity", "True", "WrongIdentity");
    println!("a: {}", world.member_says("a", wrong).await?);

    // And whoever else takes it for the old one.
    let address = format!("{}/p2p/{old}", world.member("b")?.node.swarm_address());
    calls_are_refused(&mut agent, &old, &address).await?;
    let (later, known) = state(&mut watch).await?;
    println!("the watch: epoch {epoch} with {old}, epoch {later} with {known}");
    ensure!(later > epoch && known == new, "epoch {later} with {known}");
    world.two_passes().await?;
    untouched(world, told).await?;

    let cluster = world.cluster_shared();
    world.member_mut("a")?.pod.restarted(&cluster).await?;
    let all = ["a", "b", "c", late];
    world.healthy(&all).await?;
    world.by_agents(&all).await?;
    until("the record has the new identity alone", SOON, async || {
        let record = world.record("a").await?.context("there is none")?;
        let retired = record["spec"]["retired"].as_array().map_or(0, Vec::len);
        ensure!(record["spec"]["peerID"] == *new && retired == 0, "{record}");
        Ok(())
    })
    .await
}

/// The agent of a member, as anybody may ask it.
async fn agent(world: &World, name: &str) -> Result<KuboAgentClient<Channel>> {
    let ip = world.member(name)?.node.ip();
    let endpoint = Endpoint::from_shared(format!("http://{ip}:{AGENT_PORT}"))?;
    Ok(KuboAgentClient::new(endpoint.connect().await?))
}

/// The next whole state that is told: its epoch and whose it is.
async fn state(watch: &mut Streaming<wire::WatchEvent>) -> Result<(u64, String)> {
    let state = async {
        loop {
            let told = watch.message().await?.context("the watch ended")?;
            if let Some(Event::State(state)) = told.event {
                return anyhow::Ok((told.epoch, state.peer_id));
            }
        }
    };
    timeout(SOON, state).await.context("no state was told")?
}

/// How many changes the controller asked for that met somebody else at the agent. Dials are not among
/// them: their far end may be somebody else, too.
async fn refusals(world: &World) -> Result<u64> {
    let mut all = 0;
    for action in ["peering_add", "peering_remove"] {
        let labels = format!("{{action=\"{action}\",outcome=\"wrong_identity\"}}");
        let count = world
            .figure(&format!("kubomesh_actions_total{labels}"))
            .await?;
        all += count.parse::<u64>()?;
    }
    Ok(all)
}

/// An error unless each call that would change something is refused, as it is meant for another.
async fn calls_are_refused(
    agent: &mut KuboAgentClient<Channel>,
    expected: &str,
    address: &str,
) -> Result<()> {
    let expected_peer_id = expected.to_owned();
    let peering = wire::PeeringAddRequest {
        expected_peer_id: expected_peer_id.clone(),
        addresses: vec![address.to_owned()],
    };
    refused(agent.peering_add(peering).await)?;
    let filters = wire::FiltersAddRequest {
        expected_peer_id: expected_peer_id.clone(),
        entries: vec!["/ip4/10.0.0.0/ipcidr/8".to_owned()],
    };
    refused(agent.filters_add(filters).await)?;
    let connect = wire::ConnectRequest {
        expected_peer_id,
        address: address.to_owned(),
        deadline_ms: 1_000,
    };
    refused(agent.connect(connect).await)
}

fn refused<T>(answer: Result<Response<T>, Status>) -> Result<()> {
    let status = answer.err().context("it was done")?;
    ensure!(status.code() == Code::FailedPrecondition, "{status}");
    Ok(())
}

/// An error if the stranger was told anything, or has anything.
async fn untouched(world: &World, told: usize) -> Result<()> {
    let node = &world.member("a")?.node;
    let commands = node.commands()?;
    ensure!(
        commands.len() == told,
        "it was told {:?}",
        &commands[told..]
    );
    let (peering, filters) = (node.peering().await?, node.filters().await?);
    ensure!(peering.is_empty(), "it protects {peering:?}");
    ensure!(filters.is_empty(), "it filters {filters:?}");
    Ok(())
}
