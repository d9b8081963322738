//! One loop a mesh: started when a mesh with a valid policy appears, stopped when it goes, becomes
//! invalid, or changes its limits (a new loop starts with the new ones).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use kubomesh_agent_api::{ApiVersions, Channels, Dialler};
use kubomesh_core::{Credentials, Fence, Limits, MeshId, Timings};
use kubomesh_discovery::Fleet;
use kubomesh_executor::{Executor, ExecutorMetrics, Parts, Room};
use kubomesh_process::{CancellationToken, Clock};
use kubomesh_reporter::Records;
use kubomesh_telemetry::MeshSeries;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use crate::ledger::Ledger;
use crate::leftovers::Leftovers;
use crate::mesh_loop::{MeshLoop, changed};
use crate::metrics::LoopMetrics;
use crate::missing::{Missing, key};
use crate::snapshots::Snapshots;

#[cfg(test)]
mod tests;

/// How often the supervisor looks although nothing changed: for records whose mesh is gone and
/// whose deletion failed.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);

/// What all loops share.
pub(crate) struct Supervisor {
    pub(crate) fleet: watch::Receiver<Arc<Fleet>>,
    pub(crate) records: Records,
    pub(crate) credentials: Arc<dyn Credentials>,
    pub(crate) fence: Arc<dyn Fence>,
    /// Rung when the fence may have opened or closed.
    pub(crate) fence_moved: watch::Receiver<()>,
    pub(crate) clock: Clock,
    pub(crate) timings: Timings,
    /// How long a mesh whose deletion was not seen must be missing before it counts as gone: what a
    /// restored store is doubted for.
    pub(crate) missing_hold: Duration,
    pub(crate) executor_metrics: ExecutorMetrics,
    /// One for all meshes: the process's memory is one.
    pub(crate) room: Room,
    /// Counts the channels to agents of all meshes.
    pub(crate) channels: Channels,
    /// The API of agents that is spoken.
    pub(crate) versions: ApiVersions,
    pub(crate) metrics: LoopMetrics,
    pub(crate) series: MeshSeries,
    pub(crate) snapshots: Snapshots,
    /// The stop, of all loops at once: none goes on while another one is waited for.
    pub(crate) stop: CancellationToken,
}

/// The fence of records: none is written after the stop. Calls to nodes do not ask it: one that has
/// begun may need another that gives back what it took.
struct UntilStop {
    fence: Arc<dyn Fence>,
    stop: CancellationToken,
}

struct Running {
    limits: Limits,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Supervisor {
    /// Runs until the stop, which is every loop's, and then waits for all of them.
    pub(crate) async fn run(mut self) {
        let stop = self.stop.clone();
        let tracker = TaskTracker::new();
        let mut loops: BTreeMap<MeshId, Running> = BTreeMap::new();
        let mut missing = Missing::new(self.missing_hold);
        let mut leftovers = Leftovers::default();
        while !stop.is_cancelled() {
            let fleet = Arc::clone(&self.fleet.borrow_and_update());
            self.arrange(&fleet, &mut loops, &tracker).await;
            self.clean_up(&fleet, &mut missing, &mut leftovers).await;
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = changed(&mut self.fleet) => {}
                () = changed(&mut self.fence_moved) => {}
                () = tokio::time::sleep(LOOK_INTERVAL) => {}
            }
        }
        leftovers.keep(&BTreeSet::new()).await;
        tracker.close();
        tracker.wait().await;
    }

    /// Starts and stops loops so that there is one for each mesh that can be acted on.
    async fn arrange(
        &self,
        fleet: &Fleet,
        loops: &mut BTreeMap<MeshId, Running>,
        tracker: &TaskTracker,
    ) {
        let wanted: BTreeMap<&MeshId, Limits> = fleet
            .meshes
            .values()
            .filter_map(|view| Some((&view.id, view.policy.as_ref().ok()?.limits)))
            .collect();
        let stopping: Vec<MeshId> = loops
            .iter()
            .filter(|(id, running)| {
                wanted.get(id) != Some(&running.limits) || running.task.is_finished()
            })
            .map(|(id, _)| id.clone())
            .collect();
        for id in stopping {
            if let Some(running) = loops.remove(&id) {
                running.stop.cancel();
                // A loop that panicked ends the process: going on without it would look healthy.
                if let Err(error) = running.task.await
                    && error.is_panic()
                {
                    std::panic::resume_unwind(error.into_panic());
                }
                self.snapshots.remove(&id);
                // What a loop last showed goes with it.
                self.series.remove(&id.namespace, &id.name);
                if fleet.meshes.contains_key(&id) {
                    self.series.add(&id.namespace, &id.name);
                }
            }
        }
        for (id, limits) in wanted {
            if !loops.contains_key(id) {
                self.series.add(&id.namespace, &id.name);
                loops.insert(id.clone(), self.start(id, limits, tracker));
            }
        }
    }

    fn start(&self, id: &MeshId, limits: Limits, tracker: &TaskTracker) -> Running {
        let stop = self.stop.child_token();
        let executor = self.executor(id, limits, stop.clone());
        let records = Arc::new(self.until(&stop));
        let mesh_loop = MeshLoop {
            id: id.clone(),
            fleet: self.fleet.clone(),
            ledger: Ledger::new(id.clone(), self.records.clone(), records),
            executor,
            fence: Arc::clone(&self.fence),
            fence_moved: self.fence_moved.clone(),
            clock: self.clock,
            timings: self.timings,
            metrics: self.metrics.clone(),
            series: self.series.clone(),
            snapshots: self.snapshots.clone(),
        };
        tracing::info!(mesh = %id, "starting its loop");
        Running {
            limits,
            task: tracker.spawn(mesh_loop.run(stop.clone())),
            stop,
        }
    }

    fn executor(&self, id: &MeshId, limits: Limits, stop: CancellationToken) -> Executor {
        let clock = self.clock;
        Executor::new(Parts {
            mesh: id.clone(),
            limits,
            probe_max: self.timings.probe_max,
            agents: self.timings.agents,
            fence: Arc::clone(&self.fence),
            credentials: Arc::clone(&self.credentials),
            metrics: self.executor_metrics.clone(),
            room: self.room.clone(),
            dialler: Dialler {
                // They end with their channels, which end with the nodes' lines.
                tasks: TaskTracker::new(),
                channels: self.channels.clone(),
                versions: self.versions,
                keep_alive: self.timings.agents.keep_alive,
            },
            now: Arc::new(move || clock.now()),
            stop,
        })
    }

    fn until(&self, stop: &CancellationToken) -> UntilStop {
        UntilStop {
            fence: Arc::clone(&self.fence),
            stop: stop.clone(),
        }
    }

    /// Deletes the records of meshes that are gone, when what they say is ours was lifted. Links stay
    /// (rules.md, Records). With the records goes what only they know, so that a list which shows no
    /// mesh is not enough.
    async fn clean_up(&self, fleet: &Fleet, missing: &mut Missing, leftovers: &mut Leftovers) {
        let (view, fence) = (self.records.view(), self.until(&self.stop));
        if !fleet.synced || !view.synced || !fence.may_write() {
            return;
        }
        let named = view.meshes().map(|(namespace, mesh, _)| (namespace, mesh));
        let now = self.clock.now();
        let gone = missing.look(fleet, named, now);
        leftovers.keep(&gone).await;
        for (namespace, mesh, records) in view.meshes() {
            if !gone.contains(&key(namespace, mesh)) {
                continue;
            }
            let limits = Limits::default();
            let make = |id: MeshId| self.executor(&id, limits, self.stop.child_token());
            let leftover = leftovers.of(key(namespace, mesh), now, make);
            leftover
                .clear(
                    (namespace, mesh),
                    records,
                    (&self.records, &fence),
                    (now, &self.timings),
                )
                .await;
        }
    }
}

impl Fence for UntilStop {
    fn may_write(&self) -> bool {
        !self.stop.is_cancelled() && self.fence.may_write()
    }
}
