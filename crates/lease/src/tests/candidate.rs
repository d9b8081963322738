//! Candidates against an API server, in paused time: every wait is exact.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::LeaseSpec;
use kubomesh_core::Fence as _;
use kubomesh_process::{CancellationToken, Clock};
use kubomesh_telemetry::Catalog;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, advance, sleep};

use super::fake_api::{FakeApi, Fault};
use crate::{Candidate, LeaseConfig, LeaseErrorKind, LeaseFence, LeaseMetrics, LeaseState, Timing};

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
    fn start(api: &FakeApi, name: &str) -> Self {
        let catalog = Catalog::new().unwrap();
        let config = LeaseConfig {
            namespace: "kubomesh-system".into(),
            name: "kubomesh".into(),
            identity: name.into(),
            timing: Timing::default(),
        };
        let metrics = LeaseMetrics::register(&catalog).unwrap();
        let candidate = Candidate::new(api.client(), config, Clock::start(), metrics);
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

fn spec(api: &FakeApi) -> LeaseSpec {
    api.lease().unwrap().spec.unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_first_one_creates_the_lease_and_holds_it() {
    let api = FakeApi::new();
    let mut one = Running::start(&api, "kubomesh-a");
    assert!(!one.fence.may_write(), "not before it holds");
    one.holds().await;
    let state = one.state.borrow().clone();
    assert_eq!(state.holder_name.as_deref(), Some(one.identity.as_str()));
    assert!(one.identity.starts_with("kubomesh-a_"));
    let spec = spec(&api);
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
    let api = FakeApi::new();
    let mut one = Running::start(&api, "a");
    one.holds().await;
    let acquired = spec(&api).acquire_time;
    for _ in 0..600 {
        sleep(Duration::from_millis(100)).await;
        assert!(one.fence.may_write());
    }
    assert!(
        (29..=31).contains(&(api.writes() - 1)),
        "{} renewals in 60 s",
        api.writes() - 1
    );
    assert_eq!(spec(&api).acquire_time, acquired);
    assert!(spec(&api).renew_time > acquired);
    assert_eq!(spec(&api).lease_transitions, Some(0));
}

#[tokio::test(start_paused = true)]
async fn two_of_one_name_are_two() {
    let api = FakeApi::new();
    let mut one = Running::start(&api, "kubomesh");
    one.holds().await;
    let mut other = Running::start(&api, "kubomesh");
    assert_ne!(one.identity, other.identity);
    let state = other.until(|state| state.holder_name.is_some()).await;
    assert_eq!(state.holder_name.as_deref(), Some(one.identity.as_str()));
    sleep(DEADLINE).await;
    assert!(one.fence.may_write() && !other.fence.may_write());
}

#[tokio::test(start_paused = true)]
async fn it_is_given_back_on_exit_and_taken_at_the_next_look() {
    let api = FakeApi::new();
    let mut one = Running::start(&api, "a");
    one.holds().await;
    let mut other = Running::start(&api, "b");
    other.until(|state| state.holder_name.is_some()).await;

    one.closing.cancel();
    one.ends().await;
    let closed = Instant::now();
    assert!(!one.fence.may_write());
    assert_eq!(spec(&api).holder_identity, None);
    assert_eq!(one.counts("kubomesh_lease_holder"), "0");
    other.holds().await;
    assert!(
        closed.elapsed() <= Timing::default().poll_interval(),
        "{:?}",
        closed.elapsed()
    );
    assert_eq!(spec(&api).lease_transitions, Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_killed_holder_is_replaced_after_its_duration() {
    let api = FakeApi::new();
    let mut one = Running::start(&api, "a");
    one.holds().await;
    let mut other = Running::start(&api, "b");
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
    let api = FakeApi::new();
    let mut one = Running::start(&api, "a");
    one.holds().await;
    let mut other = Running::start(&api, "b");
    other.until(|state| state.holder_name.is_some()).await;
    let renewed = Instant::now();
    api.set_fault(Fault::Hang);
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

    api.set_fault(Fault::None);
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
    let api = FakeApi::new();
    let mut one = Running::start(&api, "a");
    one.holds().await;
    sleep(Duration::from_millis(1_900)).await;
    api.set_fault(Fault::Unavailable);
    sleep(Duration::from_millis(2_500)).await;
    assert!(one.fence.may_write());
    let failure = one
        .until(|state| state.failure.is_some())
        .await
        .failure
        .unwrap();
    assert_eq!(failure.kind(), LeaseErrorKind::Unavailable);
    api.set_fault(Fault::None);
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
    let api = FakeApi::new();
    api.set_fault(Fault::Deaf);
    let mut one = Running::start(&api, "a");
    one.until(|state| state.failure.is_some()).await;
    // The read went unheard; let the next one through and lose the answer to the creation.
    api.set_fault(Fault::None);
    one.holds().await;
    api.set_fault(Fault::Deaf);
    let before = api.writes();
    sleep(Duration::from_millis(4_200)).await;
    assert!(api.writes() > before, "the renewal landed unheard");
    api.set_fault(Fault::None);
    sleep(DEADLINE).await;
    assert!(one.fence.may_write());
    assert_eq!(spec(&api).lease_transitions, Some(0));
}

#[tokio::test(start_paused = true)]
async fn stopping_closes_the_fence_while_the_lease_is_kept() {
    let api = FakeApi::new();
    let mut one = Running::start(&api, "a");
    one.holds().await;
    one.stopping.cancel();
    assert!(!one.fence.may_write());
    sleep(Duration::from_secs(10)).await;
    assert_eq!(
        spec(&api).holder_identity.as_deref(),
        Some(one.identity.as_str())
    );
    assert!(one.state.borrow().holder);
}

#[tokio::test(start_paused = true)]
async fn without_permission_it_says_which_and_keeps_trying() {
    let api = FakeApi::new();
    api.set_fault(Fault::Forbidden);
    let mut one = Running::start(&api, "a");
    let failure = one
        .until(|state| state.failure.is_some())
        .await
        .failure
        .unwrap();
    assert_eq!(failure.kind(), LeaseErrorKind::Forbidden);
    assert_eq!(
        failure.to_string(),
        "cannot get the lease kubomesh-system/kubomesh: leases is forbidden; this service account \
         needs get, create and update on leases there, as the Role kubomesh-lease of \
         manifests/base gives"
    );
    api.set_fault(Fault::None);
    one.holds().await;
    assert_eq!(one.state.borrow().failure, None);
}

#[tokio::test(start_paused = true)]
async fn what_others_put_into_the_object_stays() {
    let api = FakeApi::new();
    let mut one = Running::start(&api, "a");
    one.holds().await;
    api.edit(|lease| {
        let mut lease = lease.unwrap();
        let label = ("team".to_owned(), "storage".to_owned());
        lease
            .metadata
            .labels
            .get_or_insert_default()
            .insert(label.0, label.1);
        Some(lease)
    });
    sleep(Duration::from_secs(10)).await;
    assert!(one.fence.may_write());
    let labels = api.lease().unwrap().metadata.labels.unwrap();
    assert_eq!(labels["team"], "storage");
    assert_eq!(
        one.counts(r#"kubomesh_lease_transitions_total{change="lost"}"#),
        "0"
    );
}

#[tokio::test(start_paused = true)]
async fn who_finds_another_holder_stops_and_does_not_give_back_what_is_not_its_own() {
    let api = FakeApi::new();
    let mut one = Running::start(&api, "a");
    one.holds().await;
    api.edit(|lease| {
        let mut lease = lease.unwrap();
        lease.spec.get_or_insert_default().holder_identity = Some("thief".into());
        Some(lease)
    });
    let state = one.until(|state| !state.holder).await;
    assert_eq!(state.holder_name.as_deref(), Some("thief"));
    assert!(!one.fence.may_write());
    one.closing.cancel();
    one.ends().await;
    assert_eq!(spec(&api).holder_identity.as_deref(), Some("thief"));
}

#[tokio::test(start_paused = true)]
async fn an_object_deleted_under_a_holder_is_made_anew_by_it() {
    let api = FakeApi::new();
    let mut one = Running::start(&api, "a");
    one.holds().await;
    let mut other = Running::start(&api, "b");
    other.until(|state| state.holder_name.is_some()).await;
    api.edit(|_| None);
    sleep(Duration::from_secs(4)).await;
    assert!(one.fence.may_write() && !other.fence.may_write());
    assert_eq!(
        spec(&api).holder_identity.as_deref(),
        Some(one.identity.as_str())
    );
}

#[tokio::test(start_paused = true)]
async fn an_exit_does_not_wait_for_a_server_that_hangs() {
    let api = FakeApi::new();
    let mut one = Running::start(&api, "a");
    one.holds().await;
    api.set_fault(Fault::Hang);
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
