//! What the webhook counts.

use std::time::Duration;

use kubomesh_telemetry::{Counter, Counters, Gauge, Histograms, Label, buckets, metrics};

/// Which webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hook {
    /// `/validate-swarmmesh`.
    Mesh,
    /// `/mutate-pod`.
    Pod,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Admitted as it was.
    Allowed,
    /// Admitted with a patch.
    Changed,
    /// Admitted although something was to be done that was not: a warning says why.
    Skipped,
    /// Refused with a sentence.
    Refused,
    /// No review that could be answered, or too many at once.
    Failed,
}

metrics! {
    /// Metrics of the webhook.
    pub(crate) struct WebhookMetrics {
        /// Requests, by webhook and what became of them: allowed as it was, changed, skipped (admitted
        /// and something left undone, with a warning), refused, failed (no review, too large, too many
        /// at once).
        pub(crate) requests: Counters<(Label<Hook>, Label<Outcome>)> = counters(
            "kubomesh_webhook_requests_total",
            (
                Label::new("webhook", &Hook::ALL, Hook::label),
                Label::new("outcome", &Outcome::ALL, Outcome::label),
            ),
        ),
        /// Time that a request took.
        pub(crate) duration: Histograms<Label<Hook>> = histograms(
            "kubomesh_webhook_request_duration_seconds",
            buckets::CALL_SECONDS,
            Label::new("webhook", &Hook::ALL, Hook::label),
        ),
        /// End of the served certificate's validity, by the wall clock; 0 before there is one.
        pub(crate) certificate_expiry: Gauge =
            gauge("kubomesh_webhook_certificate_expiry_timestamp_seconds"),
        /// Certificates that could not be used; the last good one is served on.
        pub(crate) certificate_failures: Counter =
            counter("kubomesh_webhook_certificate_failures_total"),
        /// Events that were not written.
        pub(crate) events_dropped: Counter = counter("kubomesh_webhook_events_dropped_total"),
    }
}

// === impl WebhookMetrics ===

impl WebhookMetrics {
    /// Counts one request.
    pub(crate) fn answered(&self, hook: Hook, outcome: Outcome, took: Duration) {
        self.requests.get((hook, outcome)).inc();
        self.duration.get(hook).observe_duration(took);
    }
}

// === impl Hook ===

impl Hook {
    const ALL: [Self; 2] = [Self::Mesh, Self::Pod];

    const fn label(self) -> &'static str {
        match self {
            Self::Mesh => "mesh",
            Self::Pod => "pod",
        }
    }
}

// === impl Outcome ===

impl Outcome {
    const ALL: [Self; 5] = [
        Self::Allowed,
        Self::Changed,
        Self::Skipped,
        Self::Refused,
        Self::Failed,
    ];

    const fn label(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Changed => "changed",
            Self::Skipped => "skipped",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}
