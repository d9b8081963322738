//! Fakes with a moment's latency, an executor, and sequences for them.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test uses a part; in a test a panic is the failure"
)]

pub(crate) mod agents;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kubomesh_agent_api::{ApiVersions, Channels, Dialler};
use kubomesh_core::{
    Access, Action, Address, AgentTimings, Call, Credentials, Expected, FailureKind, Fence,
    Inquiry, KeepAlive, Limits, Link, MemberName, MeshId, NoCredentials, Open, Outcome, Scope,
    Sequence, Timestamp,
};
use kubomesh_executor::{Executor, ExecutorMetrics, Now, Parts, Room};
use kubomesh_model::{NodeSpec, peer_id};
use kubomesh_process::CancellationToken;
use kubomesh_telemetry::Catalog;
use kubomesh_testkit::{FakeKubo, FakeOptions, Faults, Fleet};
use tokio_util::task::TaskTracker;

/// Few places, so that calls have to wait for each other.
pub(crate) const FEW: Limits = Limits {
    in_flight: 4,
    in_flight_per_node: 8,
    dial_timeout: Duration::from_secs(15),
    dial_interval: Duration::from_secs(10),
    removal_percent_per_minute: 10,
    status_writes_per_second: 50,
};

/// As many as the product has.
pub(crate) const MANY: Limits = Limits {
    in_flight: 64,
    ..FEW
};

/// Longer than any wait of these tests should take.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// Deadline of calls that are not to be answered.
pub(crate) const SHORT: Duration = Duration::from_millis(500);

pub(crate) fn executor(limits: Limits) -> Executor {
    fenced(limits, Arc::new(Open))
}

/// With this room for what nodes list.
pub(crate) fn with_room(room: Room) -> Executor {
    made(MANY, Arc::new(Open), room)
}

pub(crate) fn fenced(limits: Limits, fence: Arc<dyn Fence>) -> Executor {
    made(limits, fence, Room::default())
}

/// With channels that are counted here.
pub(crate) fn with_channels(limits: Limits, channels: &Channels) -> Executor {
    built(limits, Arc::new(Open), Room::default(), channels)
}

fn made(limits: Limits, fence: Arc<dyn Fence>, room: Room) -> Executor {
    built(limits, fence, room, &Channels::default())
}

fn built(limits: Limits, fence: Arc<dyn Fence>, room: Room, channels: &Channels) -> Executor {
    let metrics = ExecutorMetrics::register(&Catalog::new().unwrap()).unwrap();
    Executor::new(parts(limits, fence, room, (channels, metrics)))
}

/// With these secrets.
pub(crate) fn with_credentials(credentials: Arc<dyn Credentials>) -> Executor {
    Executor::new(Parts {
        credentials,
        ..plain()
    })
}

/// By a clock of the test's own.
pub(crate) fn by_clock(now: Now) -> Executor {
    Executor::new(Parts { now, ..plain() })
}

fn plain() -> Parts {
    let metrics = ExecutorMetrics::register(&Catalog::new().unwrap()).unwrap();
    let counted = (&Channels::default(), metrics);
    parts(MANY, Arc::new(Open), Room::default(), counted)
}

/// One whose calls are counted here.
pub(crate) fn counted(catalog: &Catalog) -> Executor {
    let metrics = ExecutorMetrics::register(catalog).unwrap();
    let counted = (&Channels::default(), metrics);
    Executor::new(parts(MANY, Arc::new(Open), Room::default(), counted))
}

fn parts(
    limits: Limits,
    fence: Arc<dyn Fence>,
    room: Room,
    (channels, metrics): (&Channels, ExecutorMetrics),
) -> Parts {
    let began = Instant::now();
    let now = move || Timestamp::default() + began.elapsed();
    Parts {
        mesh: MeshId::file(),
        limits,
        probe_max: Duration::from_secs(300),
        agents: AgentTimings::default(),
        fence,
        credentials: Arc::new(NoCredentials),
        metrics,
        room,
        dialler: Dialler {
            tasks: TaskTracker::new(),
            channels: channels.clone(),
            versions: ApiVersions::OWN,
            keep_alive: KeepAlive::default(),
        },
        now: Arc::new(now),
        stop: CancellationToken::new(),
    }
}

/// Fakes on addresses of their own, each call of which takes a moment.
pub(crate) async fn fakes(fleet: &Fleet, third: u8, count: u8) -> Vec<FakeKubo> {
    let mut fakes = Vec::new();
    for number in 1..=count {
        let ip = IpAddr::V4(Ipv4Addr::new(127, 21, third, number));
        let spec = NodeSpec::new(&format!("n{number}"), peer_id(number.into()), ip);
        let options = FakeOptions::at(ip).faulty(moment());
        fakes.push(fleet.launch(spec, options).await.unwrap());
    }
    fakes
}

/// Nothing wrong, and a moment's latency.
pub(crate) fn moment() -> Faults {
    Faults::slow(Duration::from_millis(5))
}

pub(crate) fn name(at: usize) -> MemberName {
    format!("n{at:02}").as_str().into()
}

pub(crate) fn direct(fake: &FakeKubo) -> Access {
    Access::Direct {
        endpoint: fake.endpoint(),
        auth: None,
        ca_file: None,
    }
}

/// A full inquiry of the first life of each.
pub(crate) fn inquiries(fakes: &[FakeKubo]) -> BTreeMap<MemberName, Inquiry> {
    let inquiry = |(at, fake): (usize, &FakeKubo)| {
        let inquiry = Inquiry {
            uid: format!("uid-{at}").as_str().into(),
            access: direct(fake),
            expected: Expected::Peer(fake.peer_id()),
            scope: Scope::Full { conn_limits: false },
            connections: 1,
        };
        (name(at), inquiry)
    };
    fakes.iter().enumerate().map(inquiry).collect()
}

/// A sequence for the first life of one of the fakes.
pub(crate) fn sequence(fakes: &[FakeKubo], at: usize, actions: Vec<Action>) -> Sequence {
    Sequence {
        member: name(at),
        uid: format!("uid-{at}").as_str().into(),
        access: direct(&fakes[at]),
        expect: fakes[at].peer_id(),
        actions,
    }
}

/// A call that nobody waits for longer than [`SHORT`].
pub(crate) fn action(call: Call, link: Option<Link>) -> Action {
    Action {
        call,
        deadline: SHORT,
        on_failure: Vec::new(),
        link,
    }
}

/// The dial of one fake by another.
pub(crate) fn dial(fakes: &[FakeKubo], from: usize, to: usize) -> Action {
    let address = Address::tcp(fakes[to].api().ip(), 4001).with_peer(fakes[to].peer_id());
    action(Call::Connect { address }, Link::new(&name(from), &name(to)))
}

/// A dial of each other fake from one of them, each a sequence of its own.
pub(crate) fn dials(fakes: &[FakeKubo], from: usize) -> Vec<Sequence> {
    let others = (0..fakes.len()).filter(|to| *to != from);
    others
        .map(|to| sequence(fakes, from, vec![dial(fakes, from, to)]))
        .collect()
}

/// How many connections a fake was asked on.
pub(crate) fn connections(fake: &FakeKubo) -> usize {
    let requests = fake.requests();
    let remotes: BTreeSet<_> = requests.iter().map(|request| request.remote).collect();
    remotes.len()
}

/// How often a fake got this call.
pub(crate) fn calls(fake: &FakeKubo, verb: &str) -> u64 {
    fake.counts().by_verb.get(verb).copied().unwrap_or(0)
}

/// The kind of each outcome's failure.
pub(crate) fn kinds(outcomes: &[Outcome]) -> Vec<Option<FailureKind>> {
    let failures = outcomes.iter().map(|outcome| outcome.result.as_ref().err());
    failures.map(|failure| failure.map(|f| f.kind)).collect()
}

/// Waits until something has become true.
pub(crate) async fn until(what: &str, done: impl Fn() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < LONG, "never: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
