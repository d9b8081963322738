//! The bare loop: every node's verified connection, the four reading calls of a resync, their parse,
//! and nothing else.
//!
//! It runs as a process of its own. Its first line says that all connections are open; after that
//! it makes one sweep for each line that it gets, and answers with a line of JSON.

use std::io::{BufRead as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use kubomesh_core::{Endpoint, Expected, Limits, PeerId};
use kubomesh_kubo::Node;
use serde::{Deserialize, Serialize};

/// Deadline of every call.
const DEADLINE: Duration = Duration::from_secs(5);

/// Whom the loop reads: one line of its file, which is JSON.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Target {
    /// Where the node's RPC listens, `http://IP:PORT`.
    pub(crate) rpc: String,
    /// Who must answer.
    pub(crate) peer: PeerId,
}

/// What one sweep came to.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Swept {
    /// How many nodes answered everything.
    pub(crate) nodes: usize,
    /// Connections that they list.
    pub(crate) connections: usize,
    /// Entries, filters and addresses that they list.
    pub(crate) others: usize,
    /// Time from the first call to the last answer, milliseconds.
    pub(crate) ms: f64,
}

/// Reads nodes until standard input ends.
///
/// # Errors
/// When a node cannot be read.
pub(crate) fn serve(file: &Path) -> Result<()> {
    let text = std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let targets: Vec<Target> = serde_json::from_slice(&text).context("the bare loop's nodes")?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut nodes = runtime.block_on(connect(targets))?;
    say(&Swept::default())?;
    for line in std::io::stdin().lock().lines() {
        line?;
        let began = Instant::now();
        let (read, swept) = runtime.block_on(sweep(nodes))?;
        nodes = read;
        say(&Swept {
            ms: began.elapsed().as_secs_f64() * 1000.0,
            ..swept
        })?;
    }
    Ok(())
}

fn in_flight() -> usize {
    Limits::default().in_flight as usize
}

async fn connect(targets: Vec<Target>) -> Result<Vec<Node>> {
    stream::iter(targets)
        .map(open)
        .buffer_unordered(in_flight())
        .try_collect()
        .await
}

async fn open(target: Target) -> Result<Node> {
    let endpoint: Endpoint = target.rpc.parse()?;
    let open = kubomesh_conn::open(&endpoint, None, DEADLINE).await?;
    let introduction = kubomesh_kubo::introduce(open, None, DEADLINE).await?;
    Ok(introduction.accept(Expected::Peer(target.peer))?)
}

async fn sweep(nodes: Vec<Node>) -> Result<(Vec<Node>, Swept)> {
    let mut answers = stream::iter(nodes).map(read).buffer_unordered(in_flight());
    let (mut nodes, mut swept) = (Vec::new(), Swept::default());
    while let Some((node, connections, others)) = answers.try_next().await? {
        nodes.push(node);
        swept.nodes += 1;
        swept.connections += connections;
        swept.others += others;
    }
    Ok((nodes, swept))
}

async fn read(mut node: Node) -> Result<(Node, usize, usize)> {
    let peers = node.peers(DEADLINE).await?.entries;
    let peering = node.peering(DEADLINE).await?.entries;
    let filters = node.filters(DEADLINE).await?.entries;
    let listen = node.listen(DEADLINE).await?.entries;
    Ok((
        node,
        peers.len(),
        peering.len() + filters.len() + listen.len(),
    ))
}

fn say(swept: &Swept) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", serde_json::to_string(swept)?)?;
    out.flush()?;
    Ok(())
}
