//! What the loop counts.

use kubomesh_core::{MeshId, Mode, Policy};
use kubomesh_discovery::DiscoveryMetrics;
use kubomesh_executor::ExecutorMetrics;
use kubomesh_lease::LeaseMetrics;
use kubomesh_reporter::ReporterMetrics;
use kubomesh_telemetry::{
    Catalog, CatalogError, Label, MeshCounters, MeshGauges, MeshHistograms, buckets, metrics,
};

/// Every mode.
const MODES: [Mode; 3] = [Mode::Enforce, Mode::Observe, Mode::Release];

const fn mode_label(mode: Mode) -> &'static str {
    match mode {
        Mode::Enforce => "Enforce",
        Mode::Observe => "Observe",
        Mode::Release => "Release",
    }
}

metrics! {
    /// Metrics of the loop.
    pub struct LoopMetrics {
        /// Passes of the loop, by what woke it.
        pub(crate) passes: MeshCounters<Label<Trigger>> = mesh_counters(
            "kubomesh_passes_total",
            Label::new("trigger", &Trigger::ALL, Trigger::label),
        ),
        /// When the last pass ended, by the wall clock; 0 before the first.
        pub(crate) last_pass: MeshGauges<()> =
            mesh_gauges("kubomesh_last_pass_timestamp_seconds", ()),
        /// How often everybody is asked: `spec.resyncInterval`.
        pub(crate) resync_interval: MeshGauges<()> =
            mesh_gauges("kubomesh_resync_interval_seconds", ()),
        /// 1 for the mode that the mesh is in, 0 for the others: `spec.mode`.
        pub(crate) mode: MeshGauges<Label<Mode>> = mesh_gauges(
            "kubomesh_mesh_mode",
            Label::new("mode", &MODES, mode_label),
        ),
        /// Time of one pass, without the wait for what is slow.
        pub(crate) pass_duration: MeshHistograms<()> =
            mesh_histograms("kubomesh_pass_duration_seconds", buckets::CALL_SECONDS, ()),
        /// Time that planning took in one pass.
        pub(crate) plan_duration: MeshHistograms<()> =
            mesh_histograms("kubomesh_plan_duration_seconds", buckets::COMPUTE_SECONDS, ()),
        /// Plans that broke a rule and were not carried out. Anything but 0 is a defect.
        pub(crate) violations: MeshCounters<()> = mesh_counters("kubomesh_plan_violations_total", ()),
    }
}

impl LoopMetrics {
    /// What a mesh's policy says that alert rules go by.
    pub(crate) fn of_policy(&self, mesh: &MeshId, policy: &Policy) {
        let (namespace, name) = (&mesh.namespace, &mesh.name);
        let resync = self.resync_interval.get(namespace, name, ());
        resync.set_duration(policy.resync.0);
        for mode in MODES {
            let gauge = self.mode.get(namespace, name, mode);
            gauge.set_bool(mode == policy.mode);
        }
    }
}

/// The metrics of every room.
pub(crate) struct Metrics {
    pub(crate) mesh_loop: LoopMetrics,
    pub(crate) executor: ExecutorMetrics,
    pub(crate) discovery: DiscoveryMetrics,
    pub(crate) lease: LeaseMetrics,
    pub(crate) reporter: ReporterMetrics,
}

impl Metrics {
    /// Registers all of them.
    pub(crate) fn register(catalog: &Catalog) -> Result<Self, CatalogError> {
        Ok(Self {
            mesh_loop: LoopMetrics::register(catalog)?,
            executor: ExecutorMetrics::register(catalog)?,
            discovery: DiscoveryMetrics::register(catalog)?,
            lease: LeaseMetrics::register(catalog)?,
            reporter: ReporterMetrics::register(catalog)?,
        })
    }
}

/// What woke the loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trigger {
    /// The first pass, or the lease was taken.
    Start,
    /// The full sweep was due.
    Resync,
    /// Members, the policy or records changed.
    Fleet,
    /// A node's kept connection closed, or a late answer came.
    Node,
    /// The last pass did something: it is read back.
    Applied,
    /// Something that was held back is due, or a node is to be probed.
    Due,
}

impl Trigger {
    /// Every trigger.
    pub(crate) const ALL: [Self; 6] = [
        Self::Start,
        Self::Resync,
        Self::Fleet,
        Self::Node,
        Self::Applied,
        Self::Due,
    ];

    /// The metric label, and the name in `/debug/plan`.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Resync => "resync",
            Self::Fleet => "fleet",
            Self::Node => "node",
            Self::Applied => "applied",
            Self::Due => "due",
        }
    }
}

#[cfg(test)]
mod tests;
