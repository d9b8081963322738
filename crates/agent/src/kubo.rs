//! The Kubo beside the agent: its loopback connections, each with the identity that it showed.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use kubomesh_agent_api::status;
use kubomesh_core::{Endpoint, Expected, Failure, FailureKind, PeerId, Redacted};
use kubomesh_kubo::{Introduction, Node, authorization, introduce};
use tokio::sync::{Mutex as TurnLock, MutexGuard, Semaphore};
use tonic::Status;

/// Deadline of one read and of one short write (rules.md, Limits).
pub(crate) const READ_DEADLINE: Duration = Duration::from_secs(5);

/// Calls to Kubo at a time: twice what a controller has in flight to one node by default.
const CALLS: usize = 16;

/// Connections that are kept between calls.
const KEPT: usize = 4;

/// Largest file with a secret, bytes.
const MAX_SECRET: u64 = 64 << 10;

/// The Kubo beside the agent.
pub(crate) struct Kubo {
    endpoint: Endpoint,
    auth_file: Option<PathBuf>,
    calls: Semaphore,
    idle: Mutex<Vec<Node>>,
    /// One filters call at a time (measured-on-kubo, row 27).
    filters: TurnLock<()>,
}

impl Kubo {
    pub(crate) fn new(endpoint: Endpoint, auth_file: Option<PathBuf>) -> Self {
        Self {
            endpoint,
            auth_file,
            calls: Semaphore::new(CALLS),
            idle: Mutex::default(),
            filters: TurnLock::new(()),
        }
    }

    /// A new connection that has shown who is there. The secret is read for each: one that was changed
    /// is used from then on.
    pub(crate) async fn introduce(&self, deadline: Duration) -> Result<Introduction, Failure> {
        let auth = self.authorization().await?;
        let connection = kubomesh_conn::open(&self.endpoint, None, deadline).await?;
        Ok(introduce(connection, auth, deadline).await?)
    }

    /// Calls the expected peer, on a connection that has shown that it is this one.
    pub(crate) async fn call<T>(
        &self,
        expected: &str,
        deadline: Duration,
        call: impl AsyncFnOnce(&mut Node) -> Result<T, kubomesh_kubo::Error>,
    ) -> Result<T, Status> {
        let expected: PeerId = expected.parse().map_err(|error| {
            let text = format!("expected_peer_id: {error}; write whom the call is meant for");
            refused(&Failure::new(FailureKind::BadRequest, &text))
        })?;
        // Never closed.
        let _call = self.calls.acquire().await;
        let mut node = match self.kept(expected) {
            Some(node) => node,
            None => self.open(expected, deadline).await?,
        };
        let answer = call(&mut node).await;
        self.keep(node);
        answer.map_err(|error| {
            let text = error.to_string();
            let said = text.strip_prefix(error.verb()).unwrap_or(&text);
            let said = said.strip_prefix(": ").unwrap_or(said);
            let failure = Failure::new(error.kind(), said);
            status(&failure, error.answered(), error.found())
        })
    }

    /// The turn of a filters call.
    pub(crate) async fn filters_turn(&self) -> MutexGuard<'_, ()> {
        self.filters.lock().await
    }

    /// Keeps a connection for the next call.
    pub(crate) fn keep(&self, node: Node) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if node.is_open() && idle.len() < KEPT {
            idle.push(node);
        }
    }

    async fn open(&self, expected: PeerId, deadline: Duration) -> Result<Node, Status> {
        let introduction = self
            .introduce(deadline)
            .await
            .map_err(|failure| refused(&failure))?;
        introduction
            .accept(Expected::Peer(expected))
            .map_err(|wrong| refused(&Failure::from(wrong)))
    }

    /// A kept connection of the expected peer that Kubo has not closed. Those of others are closed:
    /// another Kubo is there by now.
    fn kept(&self, expected: PeerId) -> Option<Node> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(mut node) = idle.pop() {
            if node.peer_id() == expected && node.closed().now_or_never().is_none() {
                return Some(node);
            }
        }
        None
    }

    async fn authorization(&self) -> Result<Option<Redacted<String>>, Failure> {
        let Some(path) = &self.auth_file else {
            return Ok(None);
        };
        let refused = |why: &dyn std::fmt::Display| {
            let text = format!("--kubo-auth-file={}: {why}", path.display());
            Failure::new(FailureKind::Unauthorised, &text)
        };
        let read = kubomesh_process::read_file_within(path.clone(), MAX_SECRET, READ_DEADLINE);
        let bytes = read.await.map_err(|error| refused(&error))?;
        let text = String::from_utf8(bytes).map_err(|_| refused(&"it is no UTF-8 text"))?;
        authorization(&text)
            .map(Some)
            .map_err(|error| refused(&error))
    }
}

/// A failure of which Kubo said nothing.
pub(crate) fn refused(failure: &Failure) -> Status {
    status(failure, false, None)
}
