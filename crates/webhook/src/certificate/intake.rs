//! What is offered as the certificate, and what is served of it.

use std::sync::{Arc, PoisonError, RwLock};

use kubomesh_process::{Blocker, Clock, Readiness};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::{Pair, PairError};
use crate::metrics::WebhookMetrics;

/// Name in `/readyz` of what is missing before the first certificate.
pub(crate) const BLOCKER: &str = "certificate";

/// The certificate of the moment; none before the first.
#[derive(Debug, Default)]
pub(crate) struct Served {
    key: RwLock<Option<Arc<CertifiedKey>>>,
}

/// Takes certificates as they are found: a good one is served from then on, a broken one is said once
/// and changes nothing.
pub(crate) struct Intake {
    served: Arc<Served>,
    blocker: Option<Blocker>,
    clock: Clock,
    metrics: WebhookMetrics,
    /// What was offered last, and what became of it.
    last: Option<Offer>,
}

/// Certificate and key as found, or why they were not.
type Found = Result<(Vec<u8>, Vec<u8>), String>;

struct Offer {
    found: Found,
    outcome: Result<(), String>,
    said: bool,
}

// === impl Served ===

impl ResolvesServerCert for Served {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.key
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Served {
    fn set(&self, key: Arc<CertifiedKey>) {
        *self.key.write().unwrap_or_else(PoisonError::into_inner) = Some(key);
    }
}

// === impl Intake ===

impl Intake {
    /// Nothing yet: not ready until there is something.
    pub(crate) fn new(readiness: &Readiness, clock: Clock, metrics: WebhookMetrics) -> Self {
        Self {
            served: Arc::default(),
            blocker: Some(readiness.block(BLOCKER)),
            clock,
            metrics,
            last: None,
        }
    }

    /// What is served.
    pub(crate) fn served(&self) -> Arc<Served> {
        Arc::clone(&self.served)
    }

    /// Takes what was found. What is broken is said when it is found so for the second time: a
    /// directory that is just being replaced shows the new certificate beside the old key.
    pub(crate) fn offer(&mut self, found: Found) {
        if let Some(last) = self.last.as_mut().filter(|last| last.found == found) {
            if let Err(why) = &last.outcome
                && !last.said
            {
                self.metrics.certificate_failures.inc();
                let serving = if self.blocker.is_some() {
                    "there is none to serve: nothing is admitted through this replica"
                } else {
                    "the last good one is served on"
                };
                tracing::error!("the certificate cannot be used: {why}; {serving}");
                last.said = true;
            }
            return;
        }
        let outcome = found.clone().and_then(|(cert, key)| {
            let pair = Pair::read(&cert, &key, self.clock.now());
            pair.map(|pair| self.serve(&pair))
                .map_err(|error: PairError| error.to_string())
        });
        self.last = Some(Offer {
            found,
            outcome,
            said: false,
        });
    }

    fn serve(&mut self, pair: &Pair) {
        self.served.set(Arc::clone(&pair.key));
        self.blocker = None;
        let seconds = std::time::Duration::from_millis(pair.not_after.0);
        self.metrics.certificate_expiry.set_duration(seconds);
        tracing::info!(until = %pair.not_after, "serving a certificate");
    }
}
