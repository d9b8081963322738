//! A door before an agent: it passes every byte on, and cuts connections where a scenario wants it.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// An open door. Dropping it closes the listener and every connection.
pub(crate) struct Door {
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

/// What all connections share.
struct Shared {
    /// How many were let in so far.
    passed: AtomicUsize,
    /// How many bytes of the agent's the next ones let through before they are cut; then none is.
    limits: Mutex<VecDeque<usize>>,
    /// Changes when those that are open are cut.
    cut: watch::Sender<()>,
}

// === impl Door ===

impl Door {
    /// Listens at `from` and passes on to `to`.
    pub(crate) async fn open(from: SocketAddr, to: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind(from).await?;
        let shared = Arc::new(Shared {
            passed: AtomicUsize::new(0),
            limits: Mutex::default(),
            cut: watch::channel(()).0,
        });
        let mut tasks = JoinSet::new();
        let all = Arc::clone(&shared);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                while connections.try_join_next().is_some() {}
                let mut cut = all.cut.subscribe();
                let limit = all.next_limit();
                connections.spawn(async move {
                    tokio::select! {
                        _ = cut.changed() => {}
                        _ = pass(client, to, limit) => {}
                    }
                });
            }
        });
        Ok(Self {
            shared,
            _tasks: tasks,
        })
    }

    /// How many connections were let in so far.
    pub(crate) fn passed(&self) -> usize {
        self.shared.passed.load(Ordering::Relaxed)
    }

    /// Cuts those that are open; and, if it is said, the next one after so many bytes of the agent's.
    pub(crate) fn cut(&self, next_after: Option<usize>) {
        self.shared.limits().extend(next_after);
        self.shared.cut.send_replace(());
    }
}

// === impl Shared ===

impl Shared {
    fn limits(&self) -> std::sync::MutexGuard<'_, VecDeque<usize>> {
        self.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_limit(&self) -> Option<usize> {
        self.passed.fetch_add(1, Ordering::Relaxed);
        self.limits().pop_front()
    }
}

/// One connection, until either side ends it or it has had its share.
async fn pass(client: TcpStream, to: SocketAddr, limit: Option<usize>) -> Result<()> {
    let agent = TcpStream::connect(to).await?;
    let (mut client_in, mut client_out) = client.into_split();
    let (agent_in, mut agent_out) = agent.into_split();
    let mut agent_in = agent_in.take(limit.map_or(u64::MAX, |limit| limit as u64));
    tokio::select! {
        _ = copy(&mut client_in, &mut agent_out) => {}
        _ = copy(&mut agent_in, &mut client_out) => {}
    }
    client_out.shutdown().await?;
    Ok(())
}
