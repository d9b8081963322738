//! A tap on a node's RPC: passes every byte on and writes down each request line, for a Kubo,
//! which has no request log. What the node's [`Gate`] catches goes no further.

use std::fs::File;
use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::Request;
use super::gate::{Gate, Moment};
use crate::network::{connect_in, listen_in};

/// Port of the RPC behind the tap.
pub(super) const BEHIND: u16 = 5002;

/// An open tap. Dropping it closes the listener and every connection.
pub(super) struct Tap {
    _tasks: JoinSet<()>,
}

/// What all connections share.
struct Shared {
    log: Mutex<File>,
    gate: Arc<Gate>,
    /// Who is never caught.
    lab: IpAddr,
    /// The network namespace of a node whose RPC is on loopback.
    netns: Option<String>,
}

// === impl Tap ===

impl Tap {
    /// Listens at `from`, in a network namespace where one is named, and passes on to `port` of the
    /// same address.
    pub(super) async fn open(
        (netns, from): (Option<&str>, SocketAddr),
        port: u16,
        log: &Path,
        (gate, lab): (Arc<Gate>, IpAddr),
    ) -> Result<Self> {
        let listener = listen_in(netns, from)?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let file = File::options().create(true).append(true).open(log);
        let log = Mutex::new(file.with_context(|| log.display().to_string())?);
        let netns = netns.filter(|_| from.ip().is_loopback());
        let netns = netns.map(str::to_owned);
        let shared = Arc::new(Shared {
            log,
            gate,
            lab,
            netns,
        });
        let to = SocketAddr::new(from.ip(), port);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, remote)) = listener.accept().await {
                while connections.try_join_next().is_some() {}
                connections.spawn(pass(client, remote, to, Arc::clone(&shared)));
            }
        });
        Ok(Self { _tasks: tasks })
    }
}

/// One connection, until either side ends it.
async fn pass(client: TcpStream, remote: SocketAddr, to: SocketAddr, shared: Arc<Shared>) {
    let Ok(node) = shared.connect(remote, to).await else {
        return;
    };
    let (client_in, client_out) = client.into_split();
    let (node_in, node_out) = node.into_split();
    let withheld = AtomicBool::new(false);
    tokio::select! {
        _ = requests((client_in, node_out), remote, &shared, &withheld) => {}
        _ = answers((node_in, client_out), &shared, &withheld) => {}
    }
}

// === impl Shared ===

impl Shared {
    /// To the node.
    async fn connect(&self, from: SocketAddr, to: SocketAddr) -> Result<TcpStream> {
        let Some(netns) = &self.netns else {
            return Ok(TcpStream::connect(to).await?);
        };
        let stream = connect_in(netns, SocketAddr::new(from.ip(), 0), to)?;
        stream.set_nonblocking(true)?;
        Ok(TcpStream::from_std(stream)?)
    }
}

/// Writes requests down before it passes them on.
async fn requests(
    (mut from, mut to): (OwnedReadHalf, OwnedWriteHalf),
    remote: SocketAddr,
    shared: &Shared,
    withheld: &AtomicBool,
) -> Result<()> {
    let mut line = Vec::new();
    let mut chunk = vec![0; 16 << 10];
    loop {
        let length = from.read(&mut chunk).await?;
        if length == 0 {
            return Ok(());
        }
        let mut caught = None;
        for &byte in &chunk[..length] {
            if byte != b'\n' {
                line.push(byte);
                continue;
            }
            if let Some(request) = request(&line, remote) {
                let mut text = serde_json::to_vec(&request)?;
                text.push(b'\n');
                let log = shared.log.lock();
                log.unwrap_or_else(PoisonError::into_inner)
                    .write_all(&text)?;
                if remote.ip() != shared.lab {
                    caught = caught.or_else(|| shared.gate.meets(&request.path));
                }
            }
            line.clear();
        }
        match caught {
            Some(Moment::Before(_)) => {
                shared.gate.catch();
                while from.read(&mut chunk).await? > 0 {}
                return Ok(());
            }
            Some(Moment::After(_)) => withheld.store(true, Ordering::Relaxed),
            None => {}
        }
        to.write_all(&chunk[..length]).await?;
    }
}

/// Passes answers on, until one is withheld.
async fn answers(
    (mut from, mut to): (OwnedReadHalf, OwnedWriteHalf),
    shared: &Shared,
    withheld: &AtomicBool,
) -> Result<()> {
    let mut chunk = vec![0; 16 << 10];
    loop {
        let length = from.read(&mut chunk).await?;
        if withheld.load(Ordering::Relaxed) {
            shared.gate.catch();
            // The client ends it.
            std::future::pending::<()>().await;
        }
        if length == 0 {
            return Ok(());
        }
        to.write_all(&chunk[..length]).await?;
    }
}

/// The request that this line begins, if it does.
fn request(line: &[u8], remote: SocketAddr) -> Option<Request> {
    let line = std::str::from_utf8(line).ok()?.trim_end();
    let target = line.strip_suffix(" HTTP/1.1")?.split_once(' ')?.1;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Some(Request {
        path: path.to_owned(),
        query: query.to_owned(),
        remote: remote.to_string(),
    })
}
