//! Candidates against an API server, in paused time: every wait is exact.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use kubomesh_core::Fence as _;
use kubomesh_process::{CancellationToken, Clock};
use kubomesh_telemetry::Catalog;
use kubomesh_testkit::api_server::{ApiServer, Fault};
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, advance, sleep};

use crate::{Candidate, LeaseConfig, LeaseErrorKind, LeaseFence, LeaseMetrics, LeaseState, Timing};

/// Where the lease is.
const NAMESPACE: &str = "kubomesh-system";

/// What it is called.
const NAME: &str = "kubomesh";

/// What is ever done with it.
const VERBS: [&str; 3] = ["get", "create", "update"];

/// Longer than anything here takes, in paused time.
const DEADLINE: Duration = Duration::from_secs(60);

/// A candidate that runs until it is dropped, which is its sudden death.
struct Running {
    identity: String,
    fence: LeaseFence,
    state: watch::Receiver<LeaseState>,
    stopping: CancellationToken,
    closing: CancellationToken,
    catalog: Catalog,
    task: JoinSet<()>,
}

impl Running {
    fn start(server: &ApiServer, name: &str) -> Self {
        let catalog = Catalog::new().unwrap();
        let config = LeaseConfig {
            namespace: NAMESPACE.into(),
            name: NAME.into(),
            identity: name.into(),
            timing: Timing::default(),
        };
        let metrics = LeaseMetrics::register(&catalog).unwrap();
        let client = kube::Client::new(server.service(), NAMESPACE);
        let candidate = Candidate::new(client, config, Clock::start(), metrics);
        let (stopping, closing) = (CancellationToken::new(), CancellationToken::new());
        let (identity, state) = (candidate.identity().to_owned(), candidate.state());
        let fence = candidate.fence(stopping.clone());
        let mut task = JoinSet::new();
        task.spawn(candidate.run(closing.clone()));
        Self {
            identity,
            fence,
            state,
            stopping,
            closing,
            catalog,
            task,
        }
    }

    async fn until(&mut self, wanted: impl FnMut(&LeaseState) -> bool) -> LeaseState {
        let found = tokio::time::timeout(DEADLINE, self.state.wait_for(wanted)).await;
        let found = found.map(|found| found.unwrap().clone());
        found.unwrap_or_else(|_| panic!("it stayed {:?}", self.state.borrow()))
    }

    async fn holds(&mut self) {
        self.until(|state| state.holder).await;
        assert!(self.fence.may_write());
    }

    async fn ends(&mut self) {
        let ended = tokio::time::timeout(DEADLINE, self.task.join_next()).await;
        ended.expect("it never ended").unwrap().unwrap();
    }

    fn counts(&self, series: &str) -> String {
        let text = self.catalog.render().unwrap();
        let line = text.lines().find(|line| line.starts_with(series)).unwrap();
        line.rsplit(' ').next().unwrap().to_owned()
    }
}

/// Has every request for the lease go wrong.
fn fail(server: &ApiServer, fault: Fault) {
    for verb in VERBS {
        server.fail(verb, "leases", fault, None);
    }
}

/// Ends that.
fn heal(server: &ApiServer) {
    for verb in VERBS {
        server.heal(verb, "leases");
    }
}

/// The object as it stands.
fn lease(server: &ApiServer) -> Lease {
    let object = server.get("leases", NAMESPACE, NAME).unwrap();
    serde_json::from_value(object).unwrap()
}

fn spec(server: &ApiServer) -> LeaseSpec {
    lease(server).spec.unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_first_one_creates_the_lease_and_holds_it() {
    let server = ApiServer::new();
    let mut one = Running::start(&server, "kubomesh-a");
    assert!(!one.fence.may_write(), "not before it holds");
    one.holds().await;
    let state = one.state.borrow().clone();
    assert_eq!(state.holder_name.as_deref(), Some(one.identity.as_str()));
    assert!(one.identity.starts_with("kubomesh-a_"));
    let spec = spec(&server);
    assert_eq!(spec.holder_identity.as_deref(), Some(one.identity.as_str()));
    assert_eq!(spec.lease_duration_seconds, Some(6));
    assert_eq!(spec.lease_transitions, Some(0));
    assert_eq!(spec.acquire_time, spec.renew_time);
    assert_eq!(one.counts("kubomesh_lease_holder"), "1");
    assert_eq!(
        one.counts(r#"kubomesh_lease_transitions_total{change="gained"}"#),
        "1"
    );
}

#[tokio::test(start_paused = true)]
async fn it_is_renewed_every_two_seconds_without_a_gap() {
    let server = ApiServer::new();
    let mut one = Running::start(&server, "a");
    one.holds().await;
    let acquired = spec(&server).acquire_time;
    for _ in 0..600 {
        sleep(Duration::from_millis(100)).await;
        assert!(one.fence.may_write());
    }
    let renewals = server.asked("update", "leases");
    assert!((29..=31).contains(&renewals), "{renewals} renewals in 60 s");
    assert_eq!(spec(&server).acquire_time, acquired);
    assert!(spec(&server).renew_time > acquired);
    assert_eq!(spec(&server).lease_transitions, Some(0));
}

#[tokio::test(start_paused = true)]
async fn two_of_one_name_are_two() {
    let server = ApiServer::new();
    let mut one = Running::start(&server, "kubomesh");
    one.holds().await;
    let mut other = Running::start(&server, "kubomesh");
    assert_ne!(one.identity, other.identity);
    let state = other.until(|state| state.holder_name.is_some()).await;
    assert_eq!(state.holder_name.as_deref(), Some(one.identity.as_str()));
    sleep(DEADLINE).await;
    assert!(one.fence.may_write() && !other.fence.may_write());
}

#[tokio::test(start_paused = true)]
async fn it_is_given_back_on_exit_and_taken_at_the_next_look() {
    let server = ApiServer::new();
    let mut one = Running::start(&server, "a");
    one.holds().await;
    let mut other = Running::start(&server, "b");
    other.until(|state| state.holder_name.is_some()).await;

    one.closing.cancel();
    one.ends().await;
    let closed = Instant::now();
    assert!(!one.fence.may_write());
    assert_eq!(spec(&server).holder_identity, None);
    assert_eq!(one.counts("kubomesh_lease_holder"), "0");
    other.holds().await;
    assert!(
        closed.elapsed() <= Timing::default().poll_interval(),
        "{:?}",
        closed.elapsed()
    );
    assert_eq!(spec(&server).lease_transitions, Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_killed_holder_is_replaced_after_its_duration() {
    let server = ApiServer::new();
    let mut one = Running::start(&server, "a");
    one.holds().await;
    let mut other = Running::start(&server, "b");
    other.until(|state| state.holder_name.is_some()).await;
    sleep(Duration::from_secs(7)).await;

    let fence = one.fence.clone();
    let killed = Instant::now();
    drop(one);
    while fence.may_write() {
        advance(Duration::from_millis(10)).await;
        assert!(!other.fence.may_write(), "two may write");
    }
    other.holds().await;
    let gap = killed.elapsed().as_millis();
    assert!((4_000..=7_100).contains(&gap), "{gap} ms");
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_reaches_nobody_stops_itself_before_its_term_ends() {
    let server = ApiServer::new();
    let mut one = Running::start(&server, "a");
    one.holds().await;
    let mut other = Running::start(&server, "b");
    other.until(|state| state.holder_name.is_some()).await;
    let renewed = Instant::now();
    fail(&server, Fault::Hang);
    let state = one.until(|state| !state.holder).await;
    let held = renewed.elapsed().as_millis();
    assert!((3_000..=5_010).contains(&held), "{held} ms");
    assert!(!one.fence.may_write());
    assert_eq!(state.failure.unwrap().kind(), LeaseErrorKind::TimedOut);
    assert_eq!(
        one.counts(r#"kubomesh_lease_transitions_total{change="lost"}"#),
        "1"
    );
    assert_ne!(one.counts("kubomesh_lease_request_failures_total"), "0");

    heal(&server);
    let mut holders = 0;
    for running in [&mut one, &mut other] {
        if tokio::time::timeout(Duration::from_secs(10), running.holds())
            .await
            .is_ok()
        {
            holders += 1;
        }
    }
    assert_eq!(holders, 1);
}

#[tokio::test(start_paused = true)]
async fn a_short_outage_costs_nothing() {
    let server = ApiServer::new();
    let mut one = Running::start(&server, "a");
    one.holds().await;
    sleep(Duration::from_millis(1_900)).await;
    fail(&server, Fault::Status(503));
    sleep(Duration::from_millis(2_500)).await;
    assert!(one.fence.may_write());
    let failure = one
        .until(|state| state.failure.is_some())
        .await
        .failure
        .unwrap();
    assert_eq!(failure.kind(), LeaseErrorKind::Unavailable);
    heal(&server);
    one.until(|state| state.failure.is_none()).await;
    sleep(DEADLINE).await;
    assert!(one.fence.may_write());
    assert_eq!(
        one.counts(r#"kubomesh_lease_transitions_total{change="lost"}"#),
        "0"
    );
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_answer_is_lost_is_found_again() {
    let server = ApiServer::new();
    fail(&server, Fault::Deaf);
    let mut one = Running::start(&server, "a");
    one.until(|state| state.failure.is_some()).await;
    // The read went unheard; let the next one through and lose the answer to the creation.
    heal(&server);
    one.holds().await;
    fail(&server, Fault::Deaf);
    let before = spec(&server).renew_time;
    sleep(Duration::from_millis(4_200)).await;
    assert!(
        spec(&server).renew_time > before,
        "the renewal landed unheard"
    );
    heal(&server);
    sleep(DEADLINE).await;
    assert!(one.fence.may_write());
    assert_eq!(spec(&server).lease_transitions, Some(0));
}

#[tokio::test(start_paused = true)]
async fn stopping_closes_the_fence_while_the_lease_is_kept() {
    let server = ApiServer::new();
    let mut one = Running::start(&server, "a");
    one.holds().await;
    one.stopping.cancel();
    assert!(!one.fence.may_write());
    sleep(Duration::from_secs(10)).await;
    assert_eq!(
        spec(&server).holder_identity.as_deref(),
        Some(one.identity.as_str())
    );
    assert!(one.state.borrow().holder);
}

#[tokio::test(start_paused = true)]
async fn without_permission_it_says_which_and_keeps_trying() {
    let server = ApiServer::new();
    fail(&server, Fault::Status(403));
    let mut one = Running::start(&server, "a");
    let failure = one
        .until(|state| state.failure.is_some())
        .await
        .failure
        .unwrap();
    assert_eq!(failure.kind(), LeaseErrorKind::Forbidden);
    assert_eq!(
        failure.to_string(),
        "cannot get the lease kubomesh-system/kubomesh: get leases kubomesh-system/kubomesh is \
         refused; this service account needs get, create and update on leases there, as the Role kubomesh-lease of \
         manifests/base gives"
    );
    heal(&server);
    one.holds().await;
    assert_eq!(one.state.borrow().failure, None);
}

#[tokio::test(start_paused = true)]
async fn what_others_put_into_the_object_stays() {
    let server = ApiServer::new();
    let mut one = Running::start(&server, "a");
    one.holds().await;
    server.edit("leases", NAMESPACE, NAME, |lease| {
        lease["metadata"]["labels"]["team"] = json!("storage");
    });
    sleep(Duration::from_secs(10)).await;
    assert!(one.fence.may_write());
    let labels = lease(&server).metadata.labels.unwrap();
    assert_eq!(labels["team"], "storage");
    assert_eq!(
        one.counts(r#"kubomesh_lease_transitions_total{change="lost"}"#),
        "0"
    );
}

#[tokio::test(start_paused = true)]
async fn who_finds_another_holder_stops_and_does_not_give_back_what_is_not_its_own() {
    let server = ApiServer::new();
    let mut one = Running::start(&server, "a");
    one.holds().await;
    server.edit("leases", NAMESPACE, NAME, |lease| {
        lease["spec"]["holderIdentity"] = json!("thief");
    });
    let state = one.until(|state| !state.holder).await;
    assert_eq!(state.holder_name.as_deref(), Some("thief"));
    assert!(!one.fence.may_write());
    one.closing.cancel();
    one.ends().await;
    assert_eq!(spec(&server).holder_identity.as_deref(), Some("thief"));
}

#[tokio::test(start_paused = true)]
async fn an_object_deleted_under_a_holder_is_made_anew_by_it() {
    let server = ApiServer::new();
    let mut one = Running::start(&server, "a");
    one.holds().await;
    let mut other = Running::start(&server, "b");
    other.until(|state| state.holder_name.is_some()).await;
    server.delete("leases", NAMESPACE, NAME);
    sleep(Duration::from_secs(4)).await;
    assert!(one.fence.may_write() && !other.fence.may_write());
    assert_eq!(
        spec(&server).holder_identity.as_deref(),
        Some(one.identity.as_str())
    );
}

#[tokio::test(start_paused = true)]
async fn an_exit_does_not_wait_for_a_server_that_hangs() {
    let server = ApiServer::new();
    let mut one = Running::start(&server, "a");
    one.holds().await;
    fail(&server, Fault::Hang);
    one.closing.cancel();
    let closed = Instant::now();
    one.ends().await;
    assert!(
        closed.elapsed() <= Duration::from_millis(2_010),
        "{:?}",
        closed.elapsed()
    );
    assert!(!one.fence.may_write());
}
