//! The doors: every byte between the controller and the pods goes through them and is counted. The
//! agents are behind them, in the same process: the real service, one for each node.
//!
//! It runs as a process of its own. Its first line says that every door is open; after that it answers
//! each line that it gets with a line of JSON.

use std::io::{BufRead as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use kubomesh_agent::{Agent, Security, Waits};
use kubomesh_agent_api::ApiVersions;
use kubomesh_core::Endpoint;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Port of the door to a node's RPC.
pub(crate) const RPC_PORT: u16 = 5002;

/// Port of the door to its agent.
pub(crate) const AGENT_PORT: u16 = 8501;

/// A node behind doors: one line of the file, which is JSON.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Behind {
    /// Where the node's RPC listens.
    pub(crate) rpc: SocketAddr,
    /// UID of its pod, which its agent tells.
    pub(crate) pod_uid: String,
}

/// What went through all doors so far, as TCP carries it: without its own headers.
#[derive(Debug, Default, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Through {
    /// From the controller, bytes.
    pub(crate) sent: u64,
    /// To the controller, bytes.
    pub(crate) received: u64,
}

/// Counts what goes through, and runs what carries it.
#[derive(Debug, Default)]
struct Count {
    sent: AtomicU64,
    received: AtomicU64,
    tasks: TaskTracker,
}

/// Serves until standard input ends.
///
/// # Errors
/// When an address cannot be listened on.
pub(crate) fn serve(file: &Path) -> Result<()> {
    let text = std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let nodes: Vec<Behind> = serde_json::from_slice(&text).context("the nodes behind doors")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let count = Arc::new(Count::default());
    let opened = async {
        for node in nodes {
            open(node, &count).await?;
        }
        Ok::<_, anyhow::Error>(())
    };
    runtime.block_on(opened)?;
    say(Through::default())?;
    for line in std::io::stdin().lock().lines() {
        line?;
        say(Through {
            sent: count.sent.load(Ordering::Relaxed),
            received: count.received.load(Ordering::Relaxed),
        })?;
    }
    runtime.shutdown_background();
    Ok(())
}

/// Starts a node's agent on a port of its own, and opens the doors to both.
async fn open(node: Behind, count: &Arc<Count>) -> Result<()> {
    let ip = node.rpc.ip();
    let listener = listen(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0)).await?;
    let inside = listener.local_addr()?;
    let agent = Agent {
        kubo: Endpoint::http(ip, node.rpc.port()),
        kubo_auth_file: None,
        pod_uid: node.pod_uid,
        versions: ApiVersions::OWN,
        waits: Waits::default(),
        security: Security::Plaintext,
    };
    let serving = agent.serve(listener, CancellationToken::new());
    count.tasks.spawn(serving);
    for (port, to) in [(RPC_PORT, node.rpc), (AGENT_PORT, inside)] {
        let door = listen(SocketAddr::new(ip, port)).await?;
        count.tasks.spawn(pass(door, to, Arc::clone(count)));
    }
    Ok(())
}

async fn listen(address: SocketAddr) -> Result<TcpListener> {
    let listener = TcpListener::bind(address).await;
    listener.with_context(|| format!("{address} cannot be listened on"))
}

/// Lets everybody through.
async fn pass(door: TcpListener, to: SocketAddr, count: Arc<Count>) {
    while let Ok((outside, _)) = door.accept().await {
        let count = Arc::clone(&count);
        let tasks = count.tasks.clone();
        tasks.spawn(async move {
            let Ok(inside) = TcpStream::connect(to).await else {
                return;
            };
            let _ = (outside.set_nodelay(true), inside.set_nodelay(true));
            let ((from, back), (answer, call)) = (outside.into_split(), inside.into_split());
            // Whoever ends first ends both: an end is seen at once.
            tokio::select! {
                () = carry(from, call, &count.sent) => {}
                () = carry(answer, back, &count.received) => {}
            }
        });
    }
}

async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    count: &AtomicU64,
) {
    let mut buffer = vec![0; 16 << 10];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        count.fetch_add(length as u64, Ordering::Relaxed);
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

fn say(through: Through) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", serde_json::to_string(&through)?)?;
    out.flush()?;
    Ok(())
}
