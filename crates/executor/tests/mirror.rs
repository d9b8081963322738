//! A member that is watched by its agent is known without calls, and as it is after each call.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the failure")]

mod common;

use std::collections::BTreeMap;

use kubomesh_agent_api::ApiVersions;
use kubomesh_core::{Inquiry, MemberName, PeerId, Scope, Timestamp};
use kubomesh_executor::{Executor, Observations};
use kubomesh_model::Stop;
use kubomesh_telemetry::Catalog;
use kubomesh_testkit::{FakeKubo, Fleet};

use common::agents::{Running, agent, by_agent};
use common::{LONG, counted, fakes, inquiries, name, sequence};

/// Calls of a sweep to a node without an agent.
const DIRECT: [(&str, u64); 4] = [
    ("filters", 1),
    ("listen", 1),
    ("peering_ls", 1),
    ("peers", 1),
];

/// Two members behind agents and one without, in one executor.
struct Stage {
    fakes: Vec<FakeKubo>,
    agents: Vec<Running>,
    asked: BTreeMap<MemberName, Inquiry>,
    catalog: Catalog,
    executor: Executor,
    known: Observations,
}

impl Stage {
    async fn new(fleet: &Fleet, third: u8, required: bool) -> Self {
        let fakes = fakes(fleet, third, 3).await;
        let (mut asked, mut agents) = (inquiries(&fakes), Vec::new());
        for (at, fake) in fakes.iter().enumerate().take(2) {
            let beside = agent(fake, ApiVersions::OWN, 0).await;
            let access = by_agent(fake, beside.endpoint.port, required);
            asked.get_mut(&name(at)).unwrap().access = access;
            agents.push(beside);
        }
        let catalog = Catalog::new().unwrap();
        let executor = counted(&catalog);
        Self {
            fakes,
            agents,
            asked,
            catalog,
            executor,
            known: Observations::new(),
        }
    }

    /// Sweeps until only the member without an agent is called.
    async fn settled(&mut self) {
        let settled = async { while self.sweep().await != DIRECT.into() {} };
        tokio::time::timeout(LONG, settled).await.unwrap();
    }

    /// A sweep; the calls that it made, by verb.
    async fn sweep(&mut self) -> BTreeMap<&'static str, u64> {
        let before = self.calls();
        let asked = self.asked.clone();
        self.executor.observe(asked, true, &mut self.known).await;
        let after = self.calls().into_iter();
        let made = after.map(|(verb, count)| (verb, count - before[verb]));
        made.filter(|(_, count)| *count > 0).collect()
    }

    fn calls(&self) -> BTreeMap<&'static str, u64> {
        let (page, mut calls) = (self.catalog.render().unwrap(), BTreeMap::new());
        let verbs = [
            "id",
            "ping",
            "peers",
            "peering_ls",
            "filters",
            "listen",
            "config",
        ];
        for verb in verbs {
            let (series, label) = (
                "kubomesh_rpc_duration_seconds_count{",
                format!("verb=\"{verb}\""),
            );
            let lines = page
                .lines()
                .filter(|l| l.starts_with(series) && l.contains(&label));
            let counts = lines.map(|l| l.rsplit(' ').next().unwrap().parse::<u64>().unwrap());
            calls.insert(verb, counts.sum());
        }
        calls
    }

    async fn dial(&self, from: usize, to: usize) {
        let mut dial = sequence(&self.fakes, from, vec![common::dial(&self.fakes, from, to)]);
        dial.access = self.asked[&name(from)].access.clone();
        let outcomes = self.executor.apply(vec![dial]).await;
        assert!(outcomes[0].result.is_ok(), "{outcomes:?}");
    }

    fn peers(&self, at: usize) -> Vec<PeerId> {
        let state = self.known[&name(at)].present().unwrap();
        state.connections().map(|listed| listed.peer).collect()
    }

    fn asked_at(&self, at: usize) -> Timestamp {
        self.known[&name(at)].asked
    }

    async fn rung(&self, at: usize) {
        let told = async { while !self.executor.woken().await.contains(&name(at)) {} };
        tokio::time::timeout(LONG, told).await.unwrap();
    }

    async fn end(self) {
        self.executor.close().await;
        for agent in self.agents {
            agent.end().await;
        }
    }
}

/// Invariant 12. Nothing happens: nobody is called but the one without an agent. After a call both ends
/// are known as they were after it, at the price of one ping each; and a link that breaks by itself is
/// told and known without any.
#[tokio::test]
async fn known_without_calls() {
    let fleet = Fleet::certain();
    let mut stage = Stage::new(&fleet, 51, true).await;
    stage.settled().await;
    for _ in 0..3 {
        assert_eq!(stage.sweep().await, DIRECT.into());
        assert!(stage.known.values().all(|seen| seen.present().is_some()));
    }
    let before = [0, 1].map(|at| stage.asked_at(at));
    stage.dial(0, 1).await;
    let mut calls = BTreeMap::from(DIRECT);
    calls.insert("ping", 2);
    assert_eq!(stage.sweep().await, calls);
    for (at, other) in [(0, 1), (1, 0)] {
        assert_eq!(stage.peers(at), [stage.fakes[other].peer_id()]);
        assert!(stage.asked_at(at) > before[at]);
    }
    assert_eq!(stage.sweep().await, DIRECT.into());
    // The call rang too: what breaks from here on is to ring by itself.
    stage.dial(2, 0).await;
    stage.settled().await;
    while futures::FutureExt::now_or_never(stage.executor.woken()).is_some() {}
    stage.fakes[2].kill(Stop::Closed);
    while stage.peers(0).len() > 1 {
        stage.rung(0).await;
        let asked = stage.asked.remove(&name(2));
        assert_eq!(stage.sweep().await, BTreeMap::new());
        stage.asked.extend(asked.map(|asked| (name(2), asked)));
    }
    stage.end().await;
}

/// Kubo away behind its agent is a failed reading, and back it is known at once.
#[tokio::test]
async fn kubo_down_behind_its_agent() {
    let fleet = Fleet::certain();
    let mut stage = Stage::new(&fleet, 52, true).await;
    stage.settled().await;
    stage.asked.remove(&name(2));
    stage.fakes[0].kill(Stop::Closed);
    while stage.known[&name(0)].failure.is_none() {
        stage.rung(0).await;
        assert_eq!(stage.sweep().await, BTreeMap::new());
    }
    stage.fakes[0].start().await.unwrap();
    while stage.known[&name(0)].failure.is_some() {
        stage.rung(0).await;
        stage.sweep().await;
    }
    assert_eq!(stage.sweep().await, BTreeMap::new());
    stage.end().await;
}

/// A watch that ends rings, and the member is read by calls again, by the way that there is.
#[tokio::test]
async fn a_lost_watch_goes_back_to_reading() {
    let fleet = Fleet::certain();
    let mut stage = Stage::new(&fleet, 53, false).await;
    stage.settled().await;
    while futures::FutureExt::now_or_never(stage.executor.woken()).is_some() {}
    stage.agents.remove(0).end().await;
    stage.rung(0).await;
    let calls = stage.sweep().await;
    assert_eq!(calls["peers"], 2, "{calls:?}");
    assert!(stage.known[&name(0)].present().is_some());
    stage.end().await;
}

/// The marks of the connection manager are never told: they are asked for when they are wanted.
#[tokio::test]
async fn marks_are_asked_for() {
    let fleet = Fleet::certain();
    let mut stage = Stage::new(&fleet, 54, true).await;
    stage.settled().await;
    stage.asked.remove(&name(2));
    stage.asked.get_mut(&name(0)).unwrap().scope = Scope::Full { conn_limits: true };
    assert_eq!(stage.sweep().await, BTreeMap::from([("config", 1)]));
    let state = stage.known[&name(0)].present().unwrap();
    assert!(state.conn_limits.as_ref().unwrap().is_ok());
    stage.end().await;
}

/// What changed before the watch began is not told as a change: its first state rings, unless it is what
/// was read.
#[tokio::test]
async fn the_first_state_rings() {
    let fleet = Fleet::certain();
    let stage = Stage::new(&fleet, 55, true).await;
    stage.dial(0, 2).await;
    stage.rung(0).await;
    stage.end().await;
}
