//! Metrics of the lease.

use kubomesh_telemetry::{Counter, Counters, Gauge, Label, metrics};

/// `change` of `kubomesh_lease_transitions_total`.
const CHANGES: [&str; 2] = ["gained", "lost"];

metrics! {
    /// Metrics of the lease.
    pub struct LeaseMetrics {
        /// 1 while this replica holds the lease (with a members file: the state directory), else 0.
        pub holder: Gauge = gauge("kubomesh_lease_holder"),
        /// How often this replica gained or lost the lease; giving it back on exit counts as lost.
        pub transitions: Counters<Label<&'static str>> = counters(
            "kubomesh_lease_transitions_total",
            Label::of_texts("change", &CHANGES),
        ),
        /// Requests about the lease that failed for another reason than a conflict, which is the
        /// precondition at work.
        pub failures: Counter = counter("kubomesh_lease_request_failures_total"),
    }
}

impl LeaseMetrics {
    pub(crate) fn gained(&self) {
        self.holder.set_bool(true);
        self.transitions.get("gained").inc();
    }

    pub(crate) fn lost(&self) {
        self.holder.set_bool(false);
        self.transitions.get("lost").inc();
    }
}
