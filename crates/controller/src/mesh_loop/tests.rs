//! A loop whose records are late: discovery has them, and the loop does not yet. And one that is
//! stopped.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use kubomesh_agent_api::{ApiVersions, Channels, Dialler};
use kubomesh_api::{RecordKey, StoredRecord, StoredRecords, SwarmPeer, record_spec};
use kubomesh_core::{Doubt, MeshId, NoCredentials, Open, Policy, Timings};
use kubomesh_discovery::{Fleet, MeshView};
use kubomesh_executor::{Executor, Parts, Room};
use kubomesh_model::NodeSpec;
use kubomesh_process::{CancellationToken, Clock};
use kubomesh_reporter::Records;
use kubomesh_server::MeshSnapshot;
use kubomesh_telemetry::Catalog;
use kubomesh_testkit::api_server::ApiServer;
use kubomesh_testkit::build::{MemberBuilder, membership_of, mesh, record_of};
use kubomesh_testkit::{FakeKubo, FakeOptions, Fault, Faults};
use serde_json::json;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use super::{Look, MeshLoop};
use crate::ledger::Ledger;
use crate::metrics::{Metrics, Trigger};
use crate::snapshots::Snapshots;
use crate::state::State;

/// A mesh of one node, recorded before this process began. The records come when the test says so.
struct Late {
    server: ApiServer,
    node: FakeKubo,
    /// Brings the records from discovery to the loop, when it is polled.
    following: Pin<Box<dyn Future<Output = ()> + Send>>,
    mesh_loop: MeshLoop,
    state: State,
    _heard: watch::Sender<Arc<StoredRecords>>,
}

impl Late {
    async fn new(doubt: Option<Doubt>) -> Self {
        let world = kubomesh_testkit::Fleet::certain();
        let ip = "127.21.9.1".parse().unwrap();
        let spec = NodeSpec::new("kubo", kubomesh_model::peer_id(1), ip);
        let node = world.launch(spec, FakeOptions::at(ip)).await.unwrap();
        let member = MemberBuilder::new(1).at(ip).endpoint(node.endpoint());
        let server = ApiServer::new();
        let stored = stored(&server, &member.clone().build(), &node);

        let (heard, seen) = watch::channel(Arc::new(stored));
        let client = kube::Client::new(server.service(), "default");
        let (records, following) = Records::kubernetes(client, seen);
        let mut membership = membership_of([member]);
        membership.doubt = doubt;
        Self {
            server,
            node,
            following: Box::pin(following),
            mesh_loop: mesh_loop(records, membership),
            state: State::new(&mesh()),
            _heard: heard,
        }
    }

    /// The pass that a start begins with.
    async fn pass(&mut self) {
        let look = Look {
            trigger: Trigger::Start,
            touched: None,
        };
        self.mesh_loop.pass(&mut self.state, look).await;
    }

    /// Passes until the node has answered, which no pass waits for for long; what the last one left.
    async fn read(&mut self) -> MeshSnapshot {
        loop {
            self.pass().await;
            let told = self.told().unwrap();
            let mut seen = told.observations.values();
            if seen.any(|seen| seen.present().is_some()) {
                return told;
            }
            self.mesh_loop.executor.woken().await;
        }
    }

    /// The records arrive, which wakes the loop.
    async fn records_arrive(&mut self) {
        tokio::select! {
            () = &mut self.following => unreachable!("it follows for ever"),
            () = self.mesh_loop.ledger.changed() => {}
        }
    }

    /// What the last pass left for everybody to see.
    fn told(&self) -> Option<MeshSnapshot> {
        let snapshots = self.mesh_loop.snapshots.subscribe();
        let snapshot = snapshots.borrow();
        snapshot.meshes.get(&mesh().to_string()).cloned()
    }
}

/// A node's record on the server, and what discovery has heard of it.
fn stored(server: &ApiServer, member: &kubomesh_core::Member, node: &FakeKubo) -> StoredRecords {
    let record = record_of(member, node.peer_id());
    let mut peer = serde_json::to_value(SwarmPeer::new(&record.name(), record_spec(&record)));
    peer.as_mut().unwrap()["metadata"]["namespace"] = json!(mesh().namespace);
    let peer = server.put("swarmpeers", peer.unwrap());
    let text = |field: &str| peer["metadata"][field].as_str().unwrap().into();
    let key = RecordKey::new(&mesh().namespace, &record.name());
    let stored = StoredRecord {
        uid: text("uid"),
        version: text("resourceVersion"),
        record: Ok(Arc::new(record)),
        status: None,
    };
    StoredRecords {
        synced: true,
        version: server.snapshot().version(),
        epoch: 0,
        records: BTreeMap::from([(key, stored)]),
    }
}

fn mesh_loop(records: Records, membership: kubomesh_core::Membership) -> MeshLoop {
    let id: MeshId = mesh();
    let view = MeshView {
        id: id.clone(),
        generation: 1,
        policy: Ok(Arc::new(Policy::default())),
        membership: Arc::new(membership),
    };
    let fleet = Fleet {
        synced: true,
        meshes: BTreeMap::from([(id.clone(), view)]),
        ..Fleet::default()
    };
    let catalog = Catalog::new().unwrap();
    let metrics = Metrics::register(&catalog).unwrap();
    let series = catalog.meshes();
    series.add(&id.namespace, &id.name);
    let (clock, timings) = (Clock::start(), Timings::default());
    let executor = Executor::new(Parts {
        mesh: id.clone(),
        limits: Policy::default().limits,
        probe_max: timings.probe_max,
        agents: timings.agents,
        fence: Arc::new(Open),
        credentials: Arc::new(NoCredentials),
        metrics: metrics.executor,
        room: Room::default(),
        dialler: Dialler {
            tasks: TaskTracker::new(),
            channels: Channels::default(),
            versions: ApiVersions::OWN,
            keep_alive: timings.agents.keep_alive,
        },
        now: Arc::new(move || clock.now()),
        stop: CancellationToken::new(),
    });
    MeshLoop {
        ledger: Ledger::new(id.clone(), records, Arc::new(Open)),
        id,
        fleet: watch::channel(Arc::new(fleet)).1,
        executor,
        fence: Arc::new(Open),
        fence_moved: watch::channel(()).1,
        clock,
        timings,
        metrics: metrics.mesh_loop,
        series,
        snapshots: Snapshots::new(json!({})),
    }
}

#[tokio::test]
async fn nobody_is_asked_or_planned_for_before_the_records_that_discovery_has_are_here() {
    let mut late = Late::new(None).await;
    late.pass().await;
    assert_eq!(late.state.schedule.passes(), 0);
    assert_eq!(late.node.requests(), []);
    assert!(late.told().is_none());

    late.records_arrive().await;
    let told = late.read().await;
    assert_eq!(told.plan.to_string(), "nothing to do\n");
    assert_eq!(late.server.writes(), [""; 0]);
}

#[tokio::test]
async fn while_first_lists_do_not_come_it_is_told_what_is_seen_and_nothing_is_stored() {
    let mut late = Late::new(Some(Doubt::NotSynced)).await;
    // They have been waited for long enough.
    let view = Arc::clone(&late.mesh_loop.fleet.borrow());
    let membership = &view.meshes[&mesh()].membership;
    let long_ago = late.mesh_loop.clock.now() - Duration::from_secs(60);
    assert!(late.state.schedule.is_early(membership, long_ago));
    let told = late.read().await;
    assert_eq!(told.plan.to_string(), "nothing to do\n");
    assert_eq!(late.server.writes(), [""; 0]);
}

#[tokio::test]
async fn a_pass_that_is_stopped_while_nodes_are_asked_plans_nothing() {
    let mut late = Late::new(None).await;
    late.records_arrive().await;
    late.node.set_faults(Faults::of(Fault::Hang));
    let executor = late.mesh_loop.executor.clone();
    let Late {
        node,
        mesh_loop,
        state,
        ..
    } = &mut late;
    let look = Look {
        trigger: Trigger::Start,
        touched: None,
    };
    let stop = async {
        while node.requests().is_empty() {
            tokio::task::yield_now().await;
        }
        executor.close().await;
    };
    let both = async { tokio::join!(mesh_loop.pass(state, look), stop) };
    let ended = tokio::time::timeout(Duration::from_secs(20), both).await;
    assert!(ended.is_ok(), "it never ended");
    assert!(late.told().is_none());
}
