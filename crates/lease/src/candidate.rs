//! The candidate: carries out the machine's decisions and publishes what became of them.

use std::future::Future;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Api, PostParams};
use kubomesh_core::Timestamp;
use kubomesh_process::{CancellationToken, Clock};
use tokio::sync::watch;

use crate::fence::TermClock;
use crate::machine::{Machine, Step, Write};
use crate::{LeaseConfig, LeaseError, LeaseErrorKind, LeaseFence, LeaseMetrics, object};

/// What is known of the lease.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LeaseState {
    /// Whether this process holds it.
    pub holder: bool,
    /// Who holds it as last seen, with its random ending; `None` when nobody does or it was not
    /// read yet.
    pub holder_name: Option<Arc<str>>,
    /// Since when `holder` is what it is.
    pub since: Timestamp,
    /// Why the last request failed; `None` when it did not.
    pub failure: Option<LeaseError>,
}

/// One process that wants the lease. Runs as a service: after all work has ended it gives the lease
/// back.
#[derive(Debug)]
pub struct Candidate {
    api: Api<Lease>,
    /// `namespace/name`, for people.
    lease: String,
    config: LeaseConfig,
    machine: Machine,
    /// The object as last seen: a replacement keeps what others put into it.
    object: Lease,
    term: Arc<TermClock>,
    clock: Clock,
    metrics: LeaseMetrics,
    state: watch::Sender<LeaseState>,
}

// === impl Candidate ===

impl Candidate {
    /// A candidate that has not begun: [`Candidate::run`] does.
    #[must_use]
    pub fn new(
        client: kube::Client,
        mut config: LeaseConfig,
        clock: Clock,
        metrics: LeaseMetrics,
    ) -> Self {
        config.identity = unique(&config.identity);
        let initial = LeaseState {
            since: clock.now(),
            ..LeaseState::default()
        };
        Self {
            api: Api::namespaced(client, &config.namespace),
            lease: format!("{}/{}", config.namespace, config.name),
            machine: Machine::new(config.identity.clone(), config.timing),
            object: object::empty(&config.namespace, &config.name),
            config,
            term: Arc::new(TermClock::start()),
            clock,
            metrics,
            state: watch::Sender::new(initial),
        }
    }

    /// The name that this process writes into the lease.
    #[must_use]
    pub fn identity(&self) -> &str {
        &self.config.identity
    }

    /// The fence that every write asks; closed for good once `stopping` is cancelled.
    #[must_use]
    pub fn fence(&self, stopping: CancellationToken) -> LeaseFence {
        LeaseFence::new(Arc::clone(&self.term), stopping)
    }

    /// What is known of the lease, as it changes.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<LeaseState> {
        self.state.subscribe()
    }

    /// Contends until `closing`, then gives the lease back if it is ours, within the deadline of one
    /// request ([`Timing::request_deadline`](crate::Timing::request_deadline)). Never ends before.
    pub async fn run(mut self, closing: CancellationToken) {
        if closing.run_until_cancelled(self.contend()).await.is_none() {
            self.give_back().await;
        }
    }

    async fn contend(&mut self) {
        loop {
            match self.machine.next(self.term.now()) {
                Step::Wait(until) => {
                    let until = self.term.instant(until);
                    self.through_term_end(tokio::time::sleep_until(until)).await;
                }
                Step::Read => self.read().await,
                Step::Write(write) => self.write(write).await,
            }
        }
    }

    async fn read(&mut self) {
        let (api, name) = (self.api.clone(), self.config.name.clone());
        match self
            .request("get", async move { api.get_opt(&name).await })
            .await
        {
            Ok(found) => {
                let sight = found.as_ref().map(object::sight);
                let Self { config, .. } = self;
                self.object =
                    found.unwrap_or_else(|| object::empty(&config.namespace, &config.name));
                self.machine.read(self.term.now(), sight);
                self.publish(None);
            }
            Err(error) => self.failed(error),
        }
    }

    async fn write(&mut self, write: Write) {
        let timing = self.config.timing;
        let lease = object::held(
            self.object.clone(),
            &self.config.identity,
            timing,
            self.clock.now(),
        );
        let (api, name) = (self.api.clone(), self.config.name.clone());
        let sent = self.term.now();
        let params = PostParams::default();
        let answer = match write {
            Write::Create => {
                self.request("create", async move { api.create(&params, &lease).await })
                    .await
            }
            Write::Take | Write::Renew => {
                let replace = async move { api.replace(&name, &params, &lease).await };
                self.request("update", replace).await
            }
        };
        match answer {
            Ok(lease) => {
                self.machine
                    .wrote(sent, self.term.now(), object::sight(&lease));
                self.object = lease;
                self.publish(None);
            }
            Err(error) if error.kind() == LeaseErrorKind::Conflict => {
                tracing::debug!(%error, "somebody else wrote the lease");
                self.machine.conflicted(self.term.now());
            }
            Err(error) => self.failed(error),
        }
    }

    fn failed(&mut self, error: LeaseError) {
        self.metrics.failures.inc();
        self.machine.failed(self.term.now());
        let known = self.state.borrow().failure.as_ref().map(LeaseError::kind);
        if known != Some(error.kind()) {
            tracing::warn!(%error, "the lease could not be reached");
        }
        self.publish(Some(error));
    }

    /// One request under its deadline.
    async fn request<T>(
        &mut self,
        verb: &'static str,
        call: impl Future<Output = kube::Result<T>>,
    ) -> Result<T, LeaseError> {
        let deadline = self.config.timing.request_deadline();
        match self
            .through_term_end(tokio::time::timeout(deadline, call))
            .await
        {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(LeaseError::new(verb, &self.lease, &error)),
            Err(_) => Err(LeaseError::timed_out(verb, &self.lease, deadline)),
        }
    }

    /// Waits for a future; if the term ends meanwhile, says so at that moment.
    async fn through_term_end<T>(&mut self, future: impl Future<Output = T>) -> T {
        let mut future = std::pin::pin!(future);
        if let Some(end) = self.machine.term_end() {
            let end = tokio::time::sleep_until(self.term.instant(end));
            tokio::select! {
                biased;
                output = future.as_mut() => return output,
                () = end => {
                    self.machine.end_term();
                    let failure = self.state.borrow().failure.clone();
                    self.publish(failure);
                }
            }
        }
        future.await
    }

    /// Opens or closes the fence, then tells everybody who listens.
    fn publish(&self, failure: Option<LeaseError>) {
        self.term.set_end(self.machine.term_end());
        let holder = self.term.runs();
        let holder_name = self.machine.holder().map(Arc::from);
        let was = self.state.borrow().clone();
        let since = if was.holder == holder {
            was.since
        } else {
            self.clock.now()
        };
        let state = LeaseState {
            holder,
            holder_name,
            since,
            failure,
        };
        if holder != was.holder {
            let (lease, now) = (&self.lease, &state.holder_name);
            if holder {
                self.metrics.gained();
                tracing::info!(lease, identity = self.config.identity, "this replica acts");
            } else {
                self.metrics.lost();
                tracing::info!(lease, holder = ?now, "this replica does not act any more");
            }
        }
        if state != was {
            self.state.send_replace(state);
        }
    }

    /// Empties the lease if it is ours. What was in flight may have changed it, so it is read first.
    async fn give_back(&mut self) {
        self.machine.end_term();
        self.publish(None);
        let deadline = self.config.timing.request_deadline();
        let given_back = match tokio::time::timeout(deadline, self.try_give_back()).await {
            Ok(result) => result,
            Err(_) => Err(LeaseError::timed_out("give back", &self.lease, deadline)),
        };
        if let Err(error) = given_back {
            tracing::warn!(%error, "not given back; the next holder waits until it expires");
        }
    }

    async fn try_give_back(&mut self) -> Result<(), LeaseError> {
        loop {
            match self.give_back_once().await {
                Err(error) if error.kind() == LeaseErrorKind::Conflict => {}
                result => return result,
            }
        }
    }

    async fn give_back_once(&mut self) -> Result<(), LeaseError> {
        let (api, name) = (self.api.clone(), self.config.name.clone());
        let (reader, key) = (api.clone(), name.clone());
        let found = self
            .request("get", async move { reader.get_opt(&key).await })
            .await?;
        let identity = Some(self.config.identity.as_str());
        let ours = found.filter(|lease| object::sight(lease).holder.as_deref() == identity);
        let Some(lease) = ours else { return Ok(()) };
        let lease = object::given_back(lease, self.clock.now());
        let params = PostParams::default();
        let replace = async move { api.replace(&name, &params, &lease).await };
        self.request("update", replace).await?;
        tracing::info!(lease = self.lease, "lease given back");
        Ok(())
    }
}

/// The name with a random ending.
fn unique(name: &str) -> String {
    format!("{name}_{:08x}", RandomState::new().hash_one(name) >> 32)
}
