//! Plays a scene with nodes of one kind.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use kubomesh_core::{Address, PeerId};
use tokio::time::Instant;

use super::compare::{Difference, differences};
use super::recordings::Recording;
use super::scenes::{self, Scene};
use super::wire::{self, Answer};
use super::{Node, Subject, Verdict};

/// How long two nodes may take to know each other: both ends list the connection, identify has run,
/// and where there is a DHT it has a stream and a latency. Until then `swarm/peers` is asked again.
const SETTLED: Duration = Duration::from_secs(5);

/// Pause before that.
const AGAIN: Duration = Duration::from_millis(50);

/// A node of the scene, and who it is.
struct Actor<N> {
    node: N,
    peer_id: PeerId,
}

/// Holds one kind of node against one recording.
///
/// # Errors
/// When the nodes cannot be started or asked, or when there is no scene.
pub async fn run<S: Subject>(subject: &S, recording: &Recording) -> anyhow::Result<Verdict> {
    if let Some(reason) = subject.excluded(&recording.name) {
        return Ok(Verdict::Excluded(reason));
    }
    let name = &recording.name;
    let (_, scene) = scenes::find(name).with_context(|| format!("{name} has no scene"))?;
    ensure!(
        scene.recording == name,
        "the scene of {name} is that of {}",
        scene.recording
    );
    let found = play(subject, &scene, recording)
        .await
        .with_context(|| name.clone())?;
    Ok(if found.is_empty() {
        Verdict::Kept
    } else {
        Verdict::Broken(found)
    })
}

async fn play<S: Subject>(
    subject: &S,
    scene: &Scene,
    recording: &Recording,
) -> anyhow::Result<Vec<Difference>> {
    let nodes = subject
        .start(&scene.nodes)
        .await
        .context("the nodes cannot be started")?;
    let mut actors = Vec::with_capacity(nodes.len());
    for (node, options) in nodes.into_iter().zip(&scene.nodes) {
        let token = options.authorization.map(|(secret, _)| {
            format!(
                "Authorization: Bearer {}",
                secret.trim_start_matches("bearer:")
            )
        });
        let headers: Vec<String> = token.into_iter().collect();
        let answer = wire::exchange(node.api(), "POST /api/v0/id HTTP/1.1", &headers).await?;
        let peer_id = identity(&answer)?;
        actors.push(Actor { node, peer_id });
    }
    for request in &scene.before {
        let (to, call) = directed(request, &actors, subject.nowhere())?;
        let line = format!("POST /api/v0/{call} HTTP/1.1");
        let answer = wire::exchange(actors[to].node.api(), &line, &[]).await?;
        ensure!(
            answer.status != 403 && answer.status != 404,
            "{request}: {}",
            answer.status
        );
    }
    let (to, call) = directed(scene.ask, &actors, subject.nowhere())?;
    let (method, recorded_call) = recorded_call(&recording.request)?;
    let plain = |call: &str| call.split(['?', '&']).next().unwrap_or_default().to_owned();
    ensure!(
        plain(&call) == plain(recorded_call),
        "the scene asks {call}, not {recorded_call}"
    );
    let line = format!("{method} /api/v0/{call} HTTP/1.1");
    let deadline = Instant::now() + SETTLED;
    loop {
        let answered = wire::exchange(actors[to].node.api(), &line, &recording.headers).await?;
        let found = differences(&recording.answer, &answered, subject.blurs());
        let settles = scene.ask.contains(" swarm/peers") && Instant::now() < deadline;
        if found.is_empty() || !settles {
            return Ok(found);
        }
        tokio::time::sleep(AGAIN).await;
    }
}

fn identity(answer: &Answer) -> anyhow::Result<PeerId> {
    #[derive(serde::Deserialize)]
    struct Id {
        #[serde(rename = "ID")]
        id: PeerId,
    }
    let id: Id = serde_json::from_slice(&answer.body).context("`id` gives no identity")?;
    Ok(id.id)
}

/// Method and call of a recorded request line.
fn recorded_call(request: &str) -> anyhow::Result<(&str, &str)> {
    let (method, rest) = request
        .split_once(" /api/v0/")
        .context("the request is no call")?;
    let (call, _) = rest
        .rsplit_once(' ')
        .context("the request has no version")?;
    Ok((method, call))
}

/// The node that a request goes to, and its call with all placeholders filled.
fn directed<N: Node>(
    request: &str,
    actors: &[Actor<N>],
    nowhere: SocketAddr,
) -> anyhow::Result<(usize, String)> {
    let (to, call) = request
        .split_once(' ')
        .context("a request names its node")?;
    let to: usize = to.parse().context("a request begins with a number")?;
    ensure!(to < actors.len(), "there is no node {to}");
    let nobody = Address::tcp(nowhere.ip(), nowhere.port());
    let call = call.replace("{nowhere}", nobody.as_str());
    let mut call = call.replace("{nowhere-ip}", &nowhere.ip().to_string());
    for (number, actor) in actors.iter().enumerate() {
        let swarm = actor.node.swarm();
        let way = Address::tcp(swarm.ip(), swarm.port());
        let family = if swarm.is_ipv4() { "ip4" } else { "ip6" };
        let values = [
            ("addr", way.with_peer(actor.peer_id).to_string()),
            ("way", way.to_string()),
            ("id", actor.peer_id.to_string()),
            ("ip", swarm.ip().to_string()),
            ("source", actor.node.source().to_string()),
            // Port 1 of the node's host: nothing listens there.
            ("closed", Address::tcp(swarm.ip(), 1).to_string()),
            (
                "quic",
                format!("/{family}/{}/udp/{}/quic-v1", swarm.ip(), swarm.port()),
            ),
        ];
        for (name, value) in values {
            call = call.replace(&format!("{{{name}:{number}}}"), &value);
        }
    }
    ensure!(!call.contains('{'), "{request} has an unknown placeholder");
    Ok((to, call))
}
