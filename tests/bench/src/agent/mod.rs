//! `agent`: members behind agents against the same members polled: how long a link that broke is away,
//! and what a quiet fleet costs between the controller and the pods.
//!
//! The agents are the real service, all in one process, in which every byte to and from the pods is
//! counted as well. A link is broken by one end, which closes it; both ends have Kubo's own peering
//! service, which dials again by itself in its own time.
//!
//! A link breaks at any time. Those that are broken here would break right after a look, because the
//! bench waits for the one that finds the links before healthy: so each round begins at another part of
//! the time between two looks, and they are spread evenly over it. And each link is broken once: one that
//! breaks again within ten seconds has to wait for its next dial, which is not what is asked.

pub(crate) mod doors;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use self::doors::{AGENT_PORT, Behind, RPC_PORT, Through};
use crate::args::Args;
use crate::desired::{self, Pairs};
use crate::figures::percentile;
use crate::stage::{Cluster, Controller, Event, Fakes, FakesSpec, FleetNode, Process, Stage, Ways};
use crate::tell::progress;
use crate::verdict::{Findings, Target};
use crate::wait;

/// How many nodes, how often, how long.
#[derive(Debug)]
pub(crate) struct Size {
    /// Nodes of which links are broken.
    nodes: usize,
    /// Rounds of broken links, with agents and polled.
    rounds: [usize; 2],
    /// Links that are broken at once.
    links: usize,
    /// Nodes of the quiet fleet.
    quiet: usize,
    /// How long it is listened to.
    listened: Duration,
    resync_seconds: u64,
}

/// How the controller comes to the members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Agents,
    Polled,
}

/// What was seen of one way.
#[derive(Debug, Default)]
struct Seen {
    /// How long links were away, milliseconds.
    away: Vec<f64>,
    /// Of the quiet fleet, for each member and minute.
    bytes: f64,
    calls: f64,
}

/// Fakes, doors and agents, and the cluster of one way.
struct Scene {
    fakes: Fakes,
    doors: Process,
    cluster: Cluster,
    controller: Controller,
    pairs: Pairs,
    /// Those of them that this controller's nodes had broken.
    broken: Pairs,
}

/// Longest time for a mesh to be made and for a link to be back.
const DEADLINE: Duration = Duration::from_secs(300);

/// Between two looks of an agent.
const AGENT_LOOKS: Duration = Duration::from_secs(1);

/// Multiples of it, without what is before the point, are spread evenly, however many there are.
const GOLDEN: f64 = 0.618_033_988_75;

/// How often the slower questions are asked.
const LOOK: Duration = Duration::from_millis(40);

/// Longest time until nothing but what is to be measured goes on.
const CALM: Duration = Duration::from_secs(3);

// === impl Size ===

impl Size {
    /// As the command line asks for.
    pub(crate) fn of(args: &Args) -> Self {
        if args.smoke {
            return Self {
                nodes: 10,
                rounds: [1, 1],
                links: 2,
                quiet: 10,
                listened: Duration::from_secs(4),
                resync_seconds: 2,
            };
        }
        Self {
            nodes: 50,
            rounds: [12, 6],
            links: 10,
            quiet: 500,
            listened: Duration::from_secs(60),
            resync_seconds: 30,
        }
    }
}

/// Measures.
///
/// # Errors
/// When something does not start, or a link does not come back.
pub(crate) fn run(stage: &Stage, size: &Size) -> Result<Findings> {
    let (mut agents, mut polled) = (Seen::default(), Seen::default());
    // The fleet is meshed by calls to the nodes themselves: what that takes is not measured here.
    let [with, without] = size.rounds;
    for (nodes, rounds) in [(size.nodes, [with, without]), (size.quiet, [0, 0])] {
        progress(&format!("agent: meshing {nodes} nodes"));
        let mut scene = Scene::new(stage, nodes, size)?;
        for (seen, way, rounds) in [
            (&mut polled, Way::Polled, rounds[1]),
            (&mut agents, Way::Agents, rounds[0]),
        ] {
            if way == Way::Agents {
                scene = scene.by(stage, way, size)?;
            }
            for round in 1..=rounds {
                progress(&format!(
                    "agent: {way:?}, broken links, {round} of {rounds}"
                ));
                wait::pause(way.between_looks(size).mul_f64(round as f64 * GOLDEN % 1.0));
                seen.away.extend(scene.break_links(size.links)?);
            }
            if rounds == 0 {
                progress(&format!("agent: {way:?}, {nodes} quiet nodes"));
                scene.listen(size, seen)?;
            }
        }
        scene.end()?;
    }
    Ok(findings(size, &agents, &polled))
}

// === impl Way ===

impl Way {
    /// Between two looks at a node.
    fn between_looks(self, size: &Size) -> Duration {
        match self {
            Self::Agents => AGENT_LOOKS,
            Self::Polled => Duration::from_secs(size.resync_seconds),
        }
    }
}

// === impl Scene ===

impl Scene {
    /// A healthy mesh whose members are polled.
    fn new(stage: &Stage, nodes: usize, size: &Size) -> Result<Self> {
        let history = true;
        let fakes = stage.fakes(FakesSpec { nodes, history })?;
        let nodes = fakes.nodes().to_vec();
        let behind = |node: &FleetNode| Behind {
            rpc: node.api,
            pod_uid: node.pod_uid(),
        };
        let (file, log) = (stage.path("doors.json"), stage.path("doors.log"));
        let lines: Vec<_> = nodes.iter().map(behind).collect();
        std::fs::write(&file, serde_json::to_vec(&lines)?)?;
        let program = std::env::current_exe().context("the bench's own program")?;
        let file = file.to_str().context("a path that is no text")?;
        let mut doors = Process::start("the doors", &program, &["--doors", file], &log)?;
        doors.line(DEADLINE)?;
        let (cluster, controller) = begin(stage, &nodes, Way::Polled, size)?;
        let pairs = desired::pairs(&nodes);
        let mut scene = Self {
            fakes,
            doors,
            cluster,
            controller,
            pairs,
            broken: Pairs::new(),
        };
        scene.settle()?;
        Ok(scene)
    }

    /// The same mesh, with another controller that comes to it by another way.
    fn by(self, stage: &Stage, way: Way, size: &Size) -> Result<Self> {
        self.controller.end()?;
        let (cluster, controller) = begin(stage, self.fakes.nodes(), way, size)?;
        let mut scene = Self {
            cluster,
            controller,
            broken: Pairs::new(),
            ..self
        };
        scene.settle()?;
        Ok(scene)
    }

    /// Waits until every link is there and protected, and the controller knows it.
    fn settle(&mut self) -> Result<()> {
        let links = self.pairs.len();
        wait::until("every link there and protected", DEADLINE, || {
            self.fakes.check()?;
            let there = self.fakes.links()?.pairs == links;
            let protected = there && self.fakes.status()?.entries() == 2 * links;
            if protected && self.controller.is_content(links)? {
                return Ok(Some(()));
            }
            wait::pause(LOOK);
            Ok(None)
        })
    }

    /// Has one end of each of some links, no two at one node and none a second time, close it; how long
    /// each was away.
    fn break_links(&mut self, count: usize) -> Result<Vec<f64>> {
        let (mut used, mut broken) = (BTreeSet::new(), Vec::new());
        for &(a, b) in self.pairs.difference(&self.broken) {
            if broken.len() < count && !used.contains(&a) && !used.contains(&b) {
                used.extend([a, b]);
                broken.push((a, b));
            }
        }
        ensure!(broken.len() == count, "no {count} links are left to break");
        self.broken.extend(&broken);
        self.fakes.history()?;
        let nodes = self.fakes.nodes().to_vec();
        for &(a, b) in &broken {
            self.fakes.disconnect(&nodes[a], &nodes[b])?;
        }
        let mut events = Vec::new();
        wait::until("the broken links", DEADLINE, || {
            self.controller.check()?;
            let pairs = self.fakes.links()?.pairs;
            events.extend(self.fakes.history()?);
            let all = broken
                .iter()
                .all(|&pair| away(&events, &nodes, pair).is_some());
            wait::pause(LOOK);
            Ok((all && pairs == self.pairs.len()).then_some(()))
        })?;
        self.settle()?;
        let times = broken.iter().map(|&pair| away(&events, &nodes, pair));
        times
            .collect::<Option<_>>()
            .context("a link that is not back")
    }

    /// Listens to the quiet fleet.
    fn listen(&mut self, size: &Size, seen: &mut Seen) -> Result<()> {
        // The reading back of the last calls, and a resync with all there.
        wait::pause(CALM + Duration::from_secs(size.resync_seconds));
        let mutating = self.fakes.status()?.mutating;
        let (calls, bytes, began) = (self.controller.calls()?, self.through()?, Instant::now());
        wait::pause(size.listened);
        let minutes = began.elapsed().as_secs_f64() / 60.0 * self.fakes.nodes().len() as f64;
        let now = self.through()?;
        let all = (now.sent - bytes.sent) + (now.received - bytes.received);
        seen.bytes = all as f64 / minutes;
        seen.calls = (self.controller.calls()? - calls) / minutes;
        let changed = self.fakes.status()?.mutating - mutating;
        ensure!(
            changed == 0,
            "{changed} calls changed something: it was not quiet"
        );
        Ok(())
    }

    fn through(&mut self) -> Result<Through> {
        self.doors.tell("how much")?;
        Ok(serde_json::from_str(&self.doors.line(DEADLINE)?)?)
    }

    fn end(self) -> Result<()> {
        self.fakes.verify(&self.pairs)?;
        self.controller.end()?;
        drop((self.doors, self.cluster));
        self.fakes.end()
    }
}

/// A cluster, and a controller in it.
fn begin(
    stage: &Stage,
    nodes: &[FleetNode],
    way: Way,
    size: &Size,
) -> Result<(Cluster, Controller)> {
    let ways = Ways {
        rpc: Some(RPC_PORT),
        agent: (way == Way::Agents).then_some(AGENT_PORT),
        resync_seconds: Some(size.resync_seconds),
    };
    let cluster = stage.cluster(nodes, ways)?;
    let controller = stage.controller_in(&cluster)?;
    Ok((cluster, controller))
}

/// Milliseconds from the first end that closed a link to the last that has it again.
fn away(events: &[Event], nodes: &[FleetNode], (a, b): (usize, usize)) -> Option<f64> {
    let (a, b) = (&nodes[a], &nodes[b]);
    let of = |what: &str, node: &FleetNode, peer: &FleetNode| {
        let mut found = events.iter().filter(|event| {
            event.what == what && event.node == node.name && event.peer == Some(peer.peer_id)
        });
        found.next().map(|event| event.at_ms)
    };
    let closed = of("closed", a, b)?.min(of("closed", b, a)?);
    let opened = of("opened", a, b)?.max(of("opened", b, a)?);
    Some(opened.saturating_sub(closed) as f64)
}

fn findings(size: &Size, agents: &Seen, polled: &Seen) -> Findings {
    let heading = [
        "members",
        "links",
        "p50 ms",
        "p90 ms",
        "p99 ms",
        "most ms",
        "bytes/min",
        "calls/min",
    ];
    let mut table = vec![heading.map(str::to_owned).to_vec()];
    let mut figures = Vec::new();
    for (name, seen) in [("behind agents", agents), ("polled", polled)] {
        let [p50, p90, p99, most] =
            [50, 90, 99, 100].map(|percent| percentile(&seen.away, percent));
        table.push(vec![
            name.to_owned(),
            seen.away.len().to_string(),
            format!("{p50:.0}"),
            format!("{p90:.0}"),
            format!("{p99:.0}"),
            format!("{most:.0}"),
            format!("{:.0}", seen.bytes),
            format!("{:.2}", seen.calls),
        ]);
        figures.push(json!({
            "members": name, "links": seen.away.len(), "p50_ms": p50, "p90_ms": p90, "p99_ms": p99,
            "most_ms": most, "bytes_per_member_and_minute": seen.bytes, "calls_per_member_and_minute": seen.calls,
        }));
    }
    let note = format!(
        "links of {} nodes; bytes and calls for each member of {} quiet ones; resync every {} s",
        size.nodes, size.quiet, size.resync_seconds
    );
    // The fakes count whole milliseconds: none is not less than one.
    let median = |seen: &Seen| percentile(&seen.away, 50).max(1.0);
    Findings::new("agent", table, Value::Array(figures))
        .note(note)
        .judge(
            "agent-repair",
            median(polled) / median(agents),
            Target::AtLeast(10.0),
        )
        .judge(
            "agent-bytes",
            polled.bytes / agents.bytes,
            Target::AtLeast(5.0),
        )
}
