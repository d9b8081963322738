//! The process: two stages of tasks, and how all of it ends.

use std::fmt;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::signals::Signals;
use crate::task::{Fall, Tasks};

/// How long an orderly stop may take before what is left is dropped: below the 30 s that Kubernetes
/// gives a pod by default, above the 15 s of a dial in flight.
pub const DEFAULT_DRAIN: Duration = Duration::from_secs(20);

/// A process that runs tasks until it is asked to stop. Made inside a Tokio runtime.
#[derive(Debug)]
pub struct Process {
    signals: Signals,
    work: Tasks,
    services: Tasks,
    falls: mpsc::UnboundedReceiver<Fall>,
    at_once: CancellationToken,
    drain: Duration,
}

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// It was asked to stop and every task ended by itself. Exit code 0.
    Stopped,
    /// It was asked to stop; a second signal came or the time was up, and these tasks were dropped.
    /// Exit code 0.
    CutShort {
        /// Their names.
        dropped: Vec<Arc<str>>,
    },
    /// A task ended as it should not. Exit code 1.
    Fell {
        /// Its name.
        task: Arc<str>,
        /// What happened, for people.
        why: String,
    },
}

/// Why an orderly stop was not waited for.
#[derive(Debug)]
enum Haste {
    Signal(&'static str),
    Deadline,
}

// === impl Process ===

impl Process {
    /// Starts listening to SIGTERM and SIGINT. `drain` is how long an orderly stop may take, both
    /// stages together; see [`DEFAULT_DRAIN`].
    ///
    /// # Errors
    /// When the operating system does not hand out signals.
    pub fn new(drain: Duration) -> io::Result<Self> {
        let signals = Signals::listen()?;
        let (falls_tx, falls) = mpsc::unbounded_channel();
        let at_once = CancellationToken::new();
        let work = Tasks::new(at_once.clone(), falls_tx.clone());
        let services = Tasks::new(at_once.clone(), falls_tx);
        Ok(Self {
            signals,
            work,
            services,
            falls,
            at_once,
            drain,
        })
    }

    /// Tasks that act: their [`Tasks::stop`] is cancelled by the first signal.
    #[must_use]
    pub fn work(&self) -> Tasks {
        self.work.clone()
    }

    /// Tasks that outlive the work: their [`Tasks::stop`] is cancelled when all work has ended.
    #[must_use]
    pub fn services(&self) -> Tasks {
        self.services.clone()
    }

    /// Waits for what must come before [`Process::run`]; `None`: a signal came first, and what was
    /// begun is dropped.
    pub async fn unless_stopped<T>(&mut self, first: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            signal = self.signals.next() => {
                tracing::info!(signal, "stopping before anything was begun");
                None
            }
            done = first => Some(done),
        }
    }

    /// Runs until a signal comes, a task falls, or `done` ends (a run that has an end of its own;
    /// [`std::future::pending`] for one that has none); then stops everything.
    pub async fn run(mut self, done: impl Future<Output = ()>) -> Ending {
        let fall = tokio::select! {
            biased;
            Some(fall) = self.falls.recv() => Some(fall),
            signal = self.signals.next() => {
                tracing::info!(signal, "stopping");
                None
            }
            () = done => None,
        };
        if let Some(Fall { task, why }) = &fall {
            tracing::error!(%task, why, "a task fell, stopping");
        }
        let dropped = self.stop().await;
        match fall.or_else(|| self.falls.try_recv().ok()) {
            Some(Fall { task, why }) => Ending::Fell { task, why },
            None if dropped.is_empty() => Ending::Stopped,
            None => Ending::CutShort { dropped },
        }
    }

    /// Both stages one after the other; says which tasks had to be dropped.
    async fn stop(&mut self) -> Vec<Arc<str>> {
        let (work, services) = (self.work.clone(), self.services.clone());
        let orderly = async {
            work.drain().await;
            services.drain().await;
        };
        let haste = tokio::select! {
            biased;
            () = orderly => return Vec::new(),
            signal = self.signals.next() => Haste::Signal(signal),
            () = tokio::time::sleep(self.drain) => Haste::Deadline,
        };
        let dropped = [work.alive(), services.alive()].concat();
        tracing::warn!(because = %haste, ?dropped, "not waiting for the rest");
        self.at_once.cancel();
        // A task that never yields cannot be dropped; it dies with the process.
        let gone = async { tokio::join!(work.drain(), services.drain()) };
        let _ = tokio::time::timeout(Duration::from_secs(1), gone).await;
        dropped
    }
}

// === impl Ending ===

impl From<&Ending> for ExitCode {
    fn from(ending: &Ending) -> Self {
        match ending {
            Ending::Stopped | Ending::CutShort { .. } => Self::SUCCESS,
            Ending::Fell { .. } => Self::FAILURE,
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => f.write_str("stopped as asked"),
            Self::CutShort { dropped } => {
                write!(
                    f,
                    "stopped as asked, without waiting for: {}",
                    dropped.join(", ")
                )
            }
            Self::Fell { task, why } => write!(f, "the task `{task}` failed: {why}"),
        }
    }
}

impl fmt::Display for Haste {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal(signal) => write!(f, "a second signal ({signal})"),
            Self::Deadline => f.write_str("the time for an orderly stop is up"),
        }
    }
}
