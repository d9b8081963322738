//! A controller: what `mesh_loop`, its state and the executor do, step by step, so that it can be
//! killed between any two steps and started anew with nothing but the records.

mod agency;
mod apply;
mod lease;
mod observe;
mod pass;
mod send;
mod state;
pub(crate) mod task;
mod wake;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use kubomesh_core::{
    Busy, HealthBook, MemberName, MemberUid, Membership, MeshId, Observation, Outcome, Patience,
    Plan, Policy, Record, RecordWrite, Report, Sequence, Timestamp,
};

use crate::audit::doubt::Ground;
use crate::story::event::Replica;
use crate::views::ledger::Ledger;
use crate::views::pods::PodView;

use state::State;
use task::{Context, Task, TaskId, Wire};

/// One life of one controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Who {
    pub(crate) replica: Replica,
    pub(crate) life: u32,
}

/// What ends a controller, or its lease, after so many more steps.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Doom {
    /// It is killed.
    Kill {
        /// Whether what it had sent still arrives.
        arrives: bool,
        /// How long until it is back.
        down: Duration,
    },
    /// It loses the lease.
    Lease {
        /// After how long the other has it.
        gap: Duration,
    },
}

/// A controller.
#[derive(Debug, Clone)]
pub(crate) struct Controller {
    pub(crate) life: u32,
    pub(crate) alive: bool,
    /// Whether it holds the lease.
    pub(crate) fence: bool,
    /// Whether its loop has noticed that the fence moved.
    fence_seen: bool,
    pub(crate) doom: Option<(u16, Doom)>,
    pub(crate) pods: PodView,
    pub(crate) ledger: Ledger,
    pub(crate) state: State,
    pub(crate) phase: Phase,
    executor: Executor,
    /// The policy and the membership that the last pass used.
    policy: Option<Arc<Policy>>,
    membership: Option<Arc<Membership>>,
    /// How its pass waits for its nodes.
    sweep: Sweep,
    /// Since when its loop waits for something to look at.
    waits_since: Timestamp,
    /// When it is woken next, and when it hears of something next.
    wake_at: Option<Timestamp>,
    pub(crate) hear_at: Option<Timestamp>,
    /// What the last pass found; whether it asked everybody.
    pub(crate) last: Option<LastPass>,
    /// When each member's last reading began.
    pub(crate) read_from: BTreeMap<MemberUid, Timestamp>,
}

/// What a pass found and wanted.
#[derive(Debug, Clone)]
pub(crate) struct LastPass {
    pub(crate) report: Report,
    pub(crate) plan: Plan,
}

/// What the loop is doing.
#[derive(Debug, Clone)]
pub(crate) enum Phase {
    /// It waits for something to look at.
    Waiting,
    /// Nodes are being asked.
    Observing(Observing),
    /// Records are being written.
    Storing(Carried, VecDeque<RecordWrite>),
    /// Calls are being sent.
    Applying(Carried),
}

/// A pass that observes.
#[derive(Debug, Clone)]
pub(crate) struct Observing {
    policy: Arc<Policy>,
    ground: Option<Ground>,
    records: Arc<BTreeMap<String, Record>>,
    /// Asks that the pass waits for.
    pending: BTreeSet<TaskId>,
}

/// A pass that has its plan.
#[derive(Debug, Clone)]
pub(crate) struct Carried {
    pub(crate) policy: Arc<Policy>,
    plan: Plan,
    next_due: Option<Duration>,
    pub(crate) context: Context,
    /// Runs that the pass waits for.
    pending: BTreeSet<TaskId>,
    /// A write that was sent and not answered.
    writing: bool,
}

/// A pass waits for its nodes.
#[derive(Debug, Clone, Default)]
struct Sweep {
    /// Which of this controller's waits.
    number: u64,
    began: Timestamp,
    /// How many answers have come.
    answers: u64,
    patience: Patience,
}

/// The nodes: connections, health, what is under way.
#[derive(Debug, Clone)]
struct Executor {
    tasks: BTreeMap<TaskId, Task>,
    next: TaskId,
    serial: u64,
    /// The request that each task waits for.
    awaiting: BTreeMap<TaskId, u64>,
    lines: BTreeMap<MemberUid, Wire>,
    agencies: agency::Agencies,
    health: HealthBook,
    asking: BTreeSet<MemberName>,
    answers: Vec<(MemberName, Observation)>,
    outcomes: Vec<Outcome>,
    busy: Busy,
    woken: BTreeSet<MemberName>,
    /// Sequences that wait for the node's other calls.
    backlog: BTreeMap<MemberUid, VecDeque<(Sequence, Context)>>,
    running: BTreeMap<MemberUid, u32>,
    /// Whose turn it is to make a filters call, and who waits.
    filters: BTreeMap<MemberUid, VecDeque<TaskId>>,
}

// === impl Controller ===

impl Controller {
    /// A controller that does not run yet.
    pub(crate) fn new(mesh: &MeshId, one_contact: bool, probe_max: Duration) -> Self {
        Self {
            life: 0,
            alive: false,
            fence: false,
            fence_seen: false,
            doom: None,
            pods: PodView::new(mesh.clone(), one_contact),
            ledger: Ledger::default(),
            state: State::new(mesh),
            phase: Phase::Waiting,
            executor: Executor::new(probe_max),
            policy: None,
            membership: None,
            sweep: Sweep::default(),
            waits_since: Timestamp(0),
            wake_at: None,
            hear_at: None,
            last: None,
            read_from: BTreeMap::new(),
        }
    }

    /// Starts it with nothing in memory; what it hears is as old as before.
    pub(crate) fn start(&mut self, mesh: &MeshId, one_contact: bool, probe_max: Duration) {
        let (pods, records) = (self.pods.lag, self.ledger.lag);
        *self = Self {
            life: self.life + 1,
            alive: true,
            ..Self::new(mesh, one_contact, probe_max)
        };
        self.pods.lag = pods;
        self.ledger.lag = records;
    }

    /// The present life of this replica.
    pub(crate) const fn who(&self, replica: Replica) -> Who {
        Who {
            replica,
            life: self.life,
        }
    }

    /// Whether its last pass found nothing to do and it waits.
    pub(crate) fn is_idle(&self) -> bool {
        matches!(self.phase, Phase::Waiting) && self.executor.tasks.is_empty()
    }
}

// === impl Executor ===

impl Executor {
    /// Nothing is under way, and everybody is healthy.
    fn new(probe_max: Duration) -> Self {
        Self {
            tasks: BTreeMap::new(),
            next: 0,
            serial: 0,
            awaiting: BTreeMap::new(),
            lines: BTreeMap::new(),
            agencies: agency::Agencies::default(),
            health: HealthBook::new(probe_max),
            asking: BTreeSet::new(),
            answers: Vec::new(),
            outcomes: Vec::new(),
            busy: Busy::default(),
            woken: BTreeSet::new(),
            backlog: BTreeMap::new(),
            running: BTreeMap::new(),
            filters: BTreeMap::new(),
        }
    }
}

// === impl Replica ===

impl Replica {
    /// Both.
    pub(crate) const BOTH: [Self; 2] = [Self::A, Self::B];

    /// The one that is not this.
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}
