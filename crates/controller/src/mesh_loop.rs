//! The loop of one mesh: discover → observe → plan → record → apply → report.
//!
//! Everything that wakes it says only whom to look at; what a pass does follows from the state that
//! it reads then.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use kubomesh_core::{
    Fence, MemberName, MeshId, Outcome, Plan, Policy, Record, Report, Sequence, Timestamp, Timings,
};
use kubomesh_discovery::{Fleet, MeshView};
use kubomesh_executor::{Busy, Executor, Observations, touched_by};
use kubomesh_planner::{Memory, PlanInput, Planned, check, inquire, plan};
use kubomesh_process::{CancellationToken, Clock};
use kubomesh_reporter::Records;
use kubomesh_server::MeshSnapshot;
use tokio::sync::watch;

use crate::metrics::{LoopMetrics, Trigger};
use crate::pace::Pace;

/// What one mesh's loop is made of.
pub(crate) struct MeshLoop {
    pub(crate) id: MeshId,
    pub(crate) fleet: watch::Receiver<Arc<Fleet>>,
    pub(crate) records: Records,
    pub(crate) executor: Executor,
    pub(crate) fence: Arc<dyn Fence>,
    pub(crate) holder: watch::Receiver<bool>,
    pub(crate) clock: Clock,
    pub(crate) timings: Timings,
    pub(crate) metrics: LoopMetrics,
    pub(crate) publish: Publish,
}

/// Where a pass leaves what it used and found.
pub(crate) type Publish = Box<dyn Fn(MeshSnapshot) + Send + Sync>;
