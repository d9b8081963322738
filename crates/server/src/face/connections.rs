//! The open connections of a face: how many there may be, and which one goes when there are more.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::{AbortHandle, JoinError, JoinSet};
use tokio::time::Instant;

/// Whether the head of a request has come on a connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked(Arc<AtomicBool>);

/// Connections that are served, oldest first. Dropping it closes all of them.
#[derive(Debug)]
pub(super) struct Connections {
    address: SocketAddr,
    /// How many there may be; one more while it has not had its [`GRACE`].
    most: usize,
    tasks: JoinSet<()>,
    open: VecDeque<Open>,
    /// When it was last said that none can be accepted.
    warned: Option<Instant>,
}

#[derive(Debug)]
struct Open {
    since: Instant,
    asked: Asked,
    task: AbortHandle,
}

/// What a connection has at least to send the head of a request, however many others want its place.
/// It also bounds how many connections a flood makes this process open: `most` in this time.
const GRACE: Duration = Duration::from_millis(50);

/// Wait where nothing could be done about a connection that could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// Time between two log lines that say so.
const WARN_INTERVAL: Duration = Duration::from_secs(10);

// === impl Asked ===

impl Asked {
    /// The head of a request has come.
    pub(super) fn note(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

// === impl Connections ===

impl Connections {
    /// None yet, and at most `most`, of the face at `address`.
    pub(super) fn new(address: SocketAddr, most: usize) -> Self {
        Self {
            address,
            most,
            tasks: JoinSet::new(),
            open: VecDeque::new(),
            warned: None,
        }
    }

    /// Serves one more.
    pub(super) fn add<F>(&mut self, serve: impl FnOnce(Asked) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let asked = Asked::default();
        let task = self.tasks.spawn(serve(asked.clone()));
        self.open.push_back(Open {
            since: Instant::now(),
            asked,
            task,
        });
    }

    /// Returns once no more are open than may be: closes the one that must go, after its grace.
    pub(super) async fn make_room(&mut self) {
        loop {
            self.forget_ended();
            if self.open.len() <= self.most {
                return;
            }
            let Some(at) = self.first_to_go() else {
                return;
            };
            let grace_ends = self.open[at].since + GRACE;
            if grace_ends <= Instant::now() {
                self.close(at);
                continue;
            }
            // One that asks meanwhile, or that ends, is another choice.
            tokio::select! {
                () = tokio::time::sleep_until(grace_ends) => {}
                Some(ended) = self.tasks.join_next() => self.told(ended),
            }
        }
    }

    /// The operating system accepts no more, such as for want of file descriptors: the oldest that has
    /// asked nothing in its grace gives one back. Returns when it is worth another try.
    pub(super) async fn could_not_accept(&mut self, error: &io::Error) {
        if self.warned.is_none_or(|at| at.elapsed() >= WARN_INTERVAL) {
            self.warned = Some(Instant::now());
            tracing::warn!(%error, address = %self.address, "cannot accept connections");
        }
        self.forget_ended();
        let over = |open: &Open| !open.asked.is() && open.since.elapsed() >= GRACE;
        match self.open.iter().position(over) {
            Some(at) => {
                self.close(at);
                // Its task ends, and gives the descriptor back, when it is next looked at.
                tokio::task::yield_now().await;
            }
            None => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }

    /// Waits until all have ended.
    pub(super) async fn end(mut self) {
        while let Some(ended) = self.tasks.join_next().await {
            self.told(ended);
        }
    }

    /// The oldest that has asked nothing, else the oldest; never the one that came last.
    fn first_to_go(&self) -> Option<usize> {
        let last = self.open.len().checked_sub(1)?;
        let silent = self
            .open
            .iter()
            .take(last)
            .position(|open| !open.asked.is());
        silent.or((last > 0).then_some(0))
    }

    fn close(&mut self, at: usize) {
        if let Some(open) = self.open.remove(at) {
            open.task.abort();
        }
    }

    fn forget_ended(&mut self) {
        while let Some(ended) = self.tasks.try_join_next() {
            self.told(ended);
        }
        self.open.retain(|open| !open.task.is_finished());
    }

    fn told(&self, ended: Result<(), JoinError>) {
        if let Err(error) = ended
            && !error.is_cancelled()
        {
            tracing::error!(%error, address = %self.address, "a request went wrong");
        }
    }
}

#[cfg(test)]
mod tests;
