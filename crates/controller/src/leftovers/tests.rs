//! A mesh that is deleted leaves no filter of ours on any node, wherever it was just then: the whole
//! supervisor on a fake node and a state directory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kubomesh_agent_api::Channels;
use kubomesh_core::{
    FilterStep, MeshId, NoCredentials, Open, OwnedFilter, Policy, Record, RecordWrite, Steering,
    Timings,
};
use kubomesh_discovery::{Fleet, MeshView};
use kubomesh_executor::Room;
use kubomesh_model::{NodeSpec, Overlap};
use kubomesh_process::{CancellationToken, Clock};
use kubomesh_reporter::Records;
use kubomesh_telemetry::Catalog;
use kubomesh_testkit::build::{MemberBuilder, membership_of, record_of};
use kubomesh_testkit::{FakeKubo, FakeOptions};
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use crate::metrics::Metrics;
use crate::missing::key;
use crate::snapshots::Snapshots;
use crate::supervisor::Supervisor;

const OURS: &str = "/ip4/10.1.2.3/ipcidr/32";

/// A node, its records, and the supervisor.
struct Case {
    node: FakeKubo,
    member: MemberBuilder,
    records: Records,
    fleet: watch::Sender<Arc<Fleet>>,
    stop: CancellationToken,
    supervisor: Option<Supervisor>,
    running: Option<JoinHandle<()>>,
    _folder: tempfile::TempDir,
}

impl Case {
    async fn new(last: u8, options: impl FnOnce(FakeOptions) -> FakeOptions) -> Self {
        let world = kubomesh_testkit::Fleet::certain();
        let ip = std::net::IpAddr::from([127, 21, 10, last]);
        let spec = NodeSpec::new("kubo", kubomesh_model::peer_id(1), ip);
        let options = options(FakeOptions::at(ip));
        let node = world.launch(spec, options).await.unwrap();
        let member = MemberBuilder::new(1)
            .at(ip)
            .storage(ip)
            .endpoint(node.endpoint());
        let folder = tempfile::tempdir().unwrap();
        let (records, _) = Records::directory(folder.path()).await.unwrap();
        let (fleet, seen) = watch::channel(Arc::new(Fleet::default()));
        let stop = CancellationToken::new();
        let catalog = Catalog::new().unwrap();
        let metrics = Metrics::register(&catalog).unwrap();
        let supervisor = Supervisor {
            versions: kubomesh_agent_api::ApiVersions::OWN,
            fleet: seen,
            records: records.clone(),
            credentials: Arc::new(NoCredentials),
            fence: Arc::new(Open),
            fence_moved: watch::channel(()).1,
            clock: Clock::start(),
            timings: Timings::default(),
            missing_hold: Duration::from_secs(300),
            executor_metrics: metrics.executor,
            room: Room::default(),
            channels: Channels::default(),
            metrics: metrics.mesh_loop,
            series: catalog.meshes(),
            snapshots: Snapshots::new(json!({})),
            stop: stop.clone(),
        };
        Self {
            node,
            member,
            records,
            fleet,
            stop,
            supervisor: Some(supervisor),
            running: None,
            _folder: folder,
        }
    }

    fn run(&mut self) {
        self.running = self
            .supervisor
            .take()
            .map(|one| TaskTracker::new().spawn(one.run()));
    }

    /// The mesh is there.
    fn appears(&self, policy: Policy) {
        let mut membership = membership_of([self.member.clone()]);
        membership.mesh = MeshId::file();
        let view = MeshView {
            id: MeshId::file(),
            generation: 1,
            policy: Ok(Arc::new(policy)),
            membership: Arc::new(membership),
        };
        self.tell(Fleet {
            meshes: BTreeMap::from([(MeshId::file(), view)]),
            ..Fleet::default()
        });
    }

    /// It is deleted, and that was seen.
    fn is_deleted(&self) {
        self.tell(Fleet {
            deleted: BTreeSet::from([key("", MeshId::FILE)]),
            ..Fleet::default()
        });
    }

    fn tell(&self, fleet: Fleet) {
        self.fleet.send_replace(Arc::new(Fleet {
            synced: true,
            ..fleet
        }));
    }

    /// Stores a record of the node that owns filters, of which the first is there.
    async fn recorded(&self, owner: u64, owned: &[&str]) {
        let mut record = record_of(&self.member.clone().build(), kubomesh_model::peer_id(owner));
        record.mesh = MeshId::FILE.into();
        record.owned_filters = owned
            .iter()
            .map(|cidr| OwnedFilter {
                peer: None,
                cidr: (*cidr).into(),
                step: FilterStep::Intended,
                since: Clock::start().now(),
            })
            .collect();
        let write = vec![RecordWrite::Put(Box::new(record))];
        let stored = self.records.store("", &BTreeMap::new(), write, &Open).await;
        assert!(stored.iter().all(Result::is_ok), "{stored:?}");
        self.node.fleet().with(|world| {
            let added = world.filters_add(self.node.node(), &owned[..1], Overlap::None);
            assert!(added.is_ok());
        });
    }

    fn filters(&self) -> (Vec<String>, Vec<String>) {
        self.node.fleet().with(|world| {
            let live = world.filters(self.node.node()).unwrap();
            (
                live,
                world.node(self.node.node()).spec().saved_filters.clone(),
            )
        })
    }

    fn stored(&self) -> Vec<Record> {
        let records = self.records.of_mesh(&MeshId::file());
        records.values().cloned().collect()
    }

    async fn until(&self, what: &str, done: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !done(self) {
            assert!(began.elapsed() < Duration::from_secs(50), "never: {what}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn verbs(&self) -> BTreeSet<String> {
        self.node
            .counts()
            .by_verb
            .keys()
            .map(ToString::to_string)
            .collect()
    }

    /// Whether the supervisor has not yet read what it was told last.
    fn fleet_is_new(&self) -> bool {
        // It alone holds what was read besides the channel.
        Arc::strong_count(&self.fleet.borrow()) < 2
    }

    async fn end(mut self) {
        self.stop.cancel();
        if let Some(running) = self.running.take() {
            running.await.unwrap();
        }
    }
}

#[tokio::test]
async fn filters_that_stand_go_with_their_mesh() {
    let mut case = Case::new(1, |options| options).await;
    case.run();
    let mut policy = Policy::default();
    policy.network.attachment = Some("fleet/storage".parse().unwrap());
    policy.network.steering = Steering::Strict;
    policy.network.pod_cidrs = vec!["10.0.0.0/8".parse().unwrap()];
    case.appears(policy);
    let standing = "/ip4/10.0.0.0/ipcidr/8".to_owned();
    case.until("the filter stands", |case| {
        case.filters().0 == [standing.clone()]
    })
    .await;
    case.is_deleted();
    case.until("the record goes", |case| case.stored().is_empty())
        .await;
    assert_eq!(case.filters(), (Vec::new(), Vec::new()));
    case.end().await;
}

#[tokio::test]
async fn a_mesh_that_was_deleted_in_the_middle_of_a_session_leaves_no_filter() {
    let mut case = Case::new(2, |options| options).await;
    // One was added, the other was only meant to be.
    case.recorded(1, &[OURS, "/ip4/10.1.2.4/ipcidr/32"]).await;
    assert_eq!(case.filters().0, [OURS]);
    case.run();
    case.is_deleted();
    case.until("the record goes", |case| case.stored().is_empty())
        .await;
    assert_eq!(case.filters(), (Vec::new(), Vec::new()));
    let only = ["id", "swarm/filters/rm"].map(ToOwned::to_owned);
    assert_eq!(case.verbs(), only.into());
    case.end().await;
}

#[tokio::test]
async fn another_identity_at_the_address_is_told_nothing_and_the_record_stays() {
    let mut case = Case::new(3, |options| options).await;
    case.recorded(2, &[OURS]).await;
    case.run();
    case.is_deleted();
    case.until("it is asked who it is", |case| {
        !case.node.requests().is_empty()
    })
    .await;
    // The next look is over when the one after it begins.
    for _ in 0..2 {
        case.is_deleted();
        case.until("it is looked at", |case| !case.fleet_is_new())
            .await;
    }
    assert_eq!(case.verbs(), ["id".to_owned()].into());
    assert_eq!(case.filters().0, [OURS]);
    assert_eq!(case.stored().len(), 1);
    case.end().await;
}

#[tokio::test]
async fn where_a_token_is_wanted_it_is_given_up_and_nobody_waits() {
    let mut case = Case::new(4, |options| options.guarded("bearer:x", &["/api/v0"])).await;
    case.recorded(1, &[OURS]).await;
    case.run();
    case.is_deleted();
    case.until("the record goes", |case| case.stored().is_empty())
        .await;
    assert_eq!(case.filters().0, [OURS]);
    case.end().await;
}
