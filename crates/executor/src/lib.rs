//! Bounded fan-out to nodes: `observe` reads, `apply` writes. It has no choices: what is asked and
//! what is sent, to whom, in which order and with which deadline stands in its arguments.
//!
//! A sweep waits for nobody for long: when [`Patience`](kubomesh_core::Patience) ends, those that are
//! missing go on in the background, and their answers wake a later pass. A node's error changes only
//! what is known of that node.
//!
//! A stop waits only for what may have changed something: reads are dropped where they are, no
//! sequence begins, and those that have begun are sent to their end.

mod agent;
mod apply;
mod called;
mod following;
mod gate;
mod line;
mod metrics;
mod mirror;
mod mirrored;
mod node;
mod observe;
mod opening;
mod room;
mod sweep;
mod wake;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use kubomesh_agent_api::Dialler;
use kubomesh_core::{
    AgentTimings, Busy, Credentials, Fence, HealthBook, Limits, MemberName, MemberUid, MeshId,
    Observation, Outcome, Timestamp,
};
use kubomesh_process::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::gate::Gate;
use crate::line::{Around, Lines};
use crate::wake::Wake;

pub use crate::metrics::ExecutorMetrics;
pub use crate::observe::Observations;
pub use crate::room::{Room, SHARES, Share};

/// Deadline of one read and of one short write (rules.md, Limits).
pub const READ_DEADLINE: Duration = Duration::from_secs(5);

/// Meshes with more members than this close their connections after each sweep: an idle one costs
/// 20 KB and a file descriptor (scale-and-reliability, B.4).
pub const KEEP_IDLE_UP_TO: usize = 5_000;

/// The clock that the executor stamps answers with.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What an executor is made of.
pub struct Parts {
    /// Whose nodes they are: said in the log.
    pub mesh: MeshId,
    /// Calls in flight, in all and for a node.
    pub limits: Limits,
    /// Longest back-off of probes to a node that does not answer.
    pub probe_max: Duration,
    /// How long agents are waited for.
    pub agents: AgentTimings,
    /// Asked before each mutating call.
    pub fence: Arc<dyn Fence>,
    /// Asked for `Authorization` at each new connection.
    pub credentials: Arc<dyn Credentials>,
    /// Where calls are counted.
    pub metrics: ExecutorMetrics,
    /// What all nodes' lists may take, of all meshes.
    pub room: Room,
    /// Opens channels to agents, and counts them.
    pub dialler: Dialler,
    /// The clock.
    pub now: Now,
    /// The stop: from its cancellation on nothing is asked, what is being asked is dropped, and no
    /// sequence begins.
    pub stop: CancellationToken,
}

/// The nodes of one mesh: their connections, their health, what is under way.
#[derive(Clone)]
pub struct Executor {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    mesh: MeshId,
    limits: Limits,
    fence: Arc<dyn Fence>,
    credentials: Arc<dyn Credentials>,
    metrics: ExecutorMetrics,
    dialler: Dialler,
    agents: AgentTimings,
    tracker: TaskTracker,
    now: Now,
    stop: CancellationToken,
    gate: Gate,
    health: Arc<std::sync::Mutex<HealthBook>>,
    lines: Lines,
    wake: Arc<Wake>,
    answers: std::sync::Mutex<Vec<(MemberName, Observation)>>,
    outcomes: std::sync::Mutex<Vec<Outcome>>,
    asking: std::sync::Mutex<BTreeSet<MemberName>>,
    busy: std::sync::Mutex<Busy>,
}

impl Executor {
    /// An executor without connections.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let wake = Arc::new(Wake::default());
        let tracker = TaskTracker::new();
        let health = HealthBook::new(parts.probe_max);
        let health = Arc::new(std::sync::Mutex::new(health));
        let lines = Lines::new(Around {
            mesh: parts.mesh.clone(),
            tracker: tracker.clone(),
            wake: Arc::clone(&wake),
            stop: parts.stop.clone(),
            room: parts.room,
            now: Arc::clone(&parts.now),
            health: Arc::clone(&health),
            agents: parts.agents,
        });
        let inner = Inner {
            gate: Gate::new(parts.limits.in_flight),
            health,
            lines,
            mesh: parts.mesh,
            limits: parts.limits,
            fence: parts.fence,
            credentials: parts.credentials,
            metrics: parts.metrics,
            dialler: parts.dialler,
            agents: parts.agents,
            tracker,
            now: parts.now,
            stop: parts.stop,
            wake,
            answers: std::sync::Mutex::default(),
            outcomes: std::sync::Mutex::default(),
            asking: std::sync::Mutex::default(),
            busy: std::sync::Mutex::default(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Resolves when a node has to be looked at again: its kept connection closed, or a late answer
    /// or outcome is there. Returns whom; what there is to take is taken by the next pass.
    pub async fn woken(&self) -> BTreeSet<MemberName> {
        self.inner.wake.woken().await
    }

    /// What was sent and not yet answered.
    #[must_use]
    pub fn busy(&self) -> Busy {
        lock(&self.inner.busy).clone()
    }

    /// Outcomes of earlier passes that arrived since they were last taken.
    #[must_use]
    pub fn late_outcomes(&self) -> Vec<Outcome> {
        std::mem::take(&mut *lock(&self.inner.outcomes))
    }

    /// When the next node that does not answer is due to be asked again and was not yet at `looked`,
    /// the last time at which all that were due were looked at.
    #[must_use]
    pub fn next_probe(&self, looked: Timestamp) -> Option<Timestamp> {
        self.inner.health().next_probe(looked)
    }

    /// Whether this life of a member did not answer and is to be asked again by now.
    #[must_use]
    pub fn is_due(&self, uid: &MemberUid) -> bool {
        self.inner.health().is_due(uid, (self.inner.now)())
    }

    /// Asks this life of a member at once in the next pass, whatever its back-off and whatever its
    /// agent said before: it became ready, or its container started.
    pub fn renew(&self, uid: &MemberUid) {
        self.inner.health().renew(uid);
        self.inner.lines.owe(uid);
    }

    /// Whether the stop has begun.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.inner.stop.is_cancelled()
    }

    /// The stop, unless it has begun already, to its end: waits for the sequences of which a call was
    /// sent, and for nothing else. No call is sent afterwards.
    pub async fn close(&self) {
        self.inner.stop.cancel();
        self.inner.tracker.close();
        self.inner.tracker.wait().await;
    }

    /// Forgets every life, and what was answered and not taken: whoever takes over, if only again,
    /// starts from what is. What is still under way ends within its deadline and counts.
    pub fn forget(&self) {
        self.retain(&BTreeSet::new());
        lock(&self.inner.answers).clear();
        lock(&self.inner.outcomes).clear();
    }

    /// Forgets every life but these: closes their connections, drops their health.
    pub fn retain(&self, uids: &BTreeSet<MemberUid>) {
        self.inner.lines.retain(uids);
        self.inner.health().retain(uids);
    }
}

impl Inner {
    /// Starts a task that only reads: it is dropped at the stop, wherever it is.
    pub(crate) fn spawn_read(&self, read: impl Future<Output = ()> + Send + 'static) {
        let until_stop = self.stop.clone().run_until_cancelled_owned(read);
        self.tracker.spawn(until_stop);
    }

    pub(crate) fn health(&self) -> std::sync::MutexGuard<'_, HealthBook> {
        lock(&self.health)
    }
}

/// Locks a mutex; a poisoned one is used as it is: every critical section here only moves values.
pub(crate) fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
