//! Metrics of discovery.

use kubomesh_telemetry::{Counters, Gauges, Label, metrics};

use crate::WatchKind;

const KIND: Label<WatchKind> = Label::new("kind", &WatchKind::ALL, WatchKind::label);

metrics! {
    /// Metrics of discovery.
    pub struct DiscoveryMetrics {
        /// Time since a watch of this kind was last heard of: an event, a bookmark, a list or an
        /// orderly end; the oldest of its watches.
        pub watch_age: Gauges<Label<WatchKind>> = gauges("kubomesh_watch_age_seconds", KIND),
        /// Complete lists that were read.
        pub lists: Counters<Label<WatchKind>> = counters("kubomesh_watch_lists_total", KIND),
        /// Lists and watches that failed or broke off.
        pub failures: Counters<Label<WatchKind>> = counters("kubomesh_watch_failures_total", KIND),
        /// Objects that could not be decoded and were left out.
        pub undecodable: Counters<Label<WatchKind>> =
            counters("kubomesh_undecodable_objects_total", KIND),
        /// Readings of the members file after a change, by what became of them.
        pub file_reads: Counters<Label<&'static str>> = counters(
            "kubomesh_members_file_reads_total",
            Label::of_texts("outcome", &["taken", "refused"]),
        ),
    }
}
