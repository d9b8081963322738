//! `mesh`: how long the controller takes from its start until every link is there, against the same
//! batched calls one at a time, and against what physics allows.
//!
//! The nodes are recorded and not linked. The clock starts when the process is started and stops
//! when the fakes' control API sees the last pair list each other at both ends; after that every
//! node's own `swarm/peers` is read and held against the topology.

mod bound;
mod sequential;

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use kubomesh_core::Limits;
use serde_json::{Value, json};

use self::bound::Bound;
use self::sequential::Sequential;
use crate::args::Args;
use crate::desired::{self, Pairs};
use crate::figures::{median, ms};
use crate::stage::{FakesSpec, Policy, Stage};
use crate::tell::progress;
use crate::verdict::{Findings, Target};
use crate::{cpu, wait};

/// How many nodes, how often.
#[derive(Debug)]
pub(crate) struct Size {
    fleets: Vec<Fleet>,
    rounds: usize,
}

/// One fleet that is meshed.
#[derive(Debug, Clone, Copy)]
struct Fleet {
    /// Names of its ratio to the sequential calls, and of that to the bound.
    names: [&'static str; 2],
    nodes: usize,
    /// How many links are made one after the other; for more of them it is extrapolated.
    sequential: usize,
}

/// What the controller took.
#[derive(Debug, Clone, Copy)]
struct Meshed {
    took: Duration,
    /// CPU time of the controller and of the fakes.
    cpu: [Duration; 2],
}

/// One round: both ways, and the bound from what was measured on the slow one.
#[derive(Debug)]
struct Round {
    sequential: Sequential,
    meshed: Meshed,
    bound: Bound,
}

/// Longest time to make a mesh.
const DEADLINE: Duration = Duration::from_secs(60);

/// How often the fakes are asked. They know by themselves when the last link was there.
const LOOK: Duration = Duration::from_millis(25);

// === impl Size ===

impl Size {
    /// As the command line asks for.
    pub(crate) fn of(args: &Args) -> Self {
        let fleet = |names, nodes, sequential| Fleet {
            names,
            nodes,
            sequential,
        };
        if args.smoke {
            return Self {
                fleets: vec![fleet(["mesh-10", "mesh-10-bound"], 10, 45)],
                rounds: 1,
            };
        }
        let fleets = vec![
            fleet(["mesh-48", "mesh-48-bound"], 48, usize::MAX),
            fleet(["mesh-1000", "mesh-1000-bound"], 1_000, 500),
        ];
        Self {
            fleets,
            rounds: args.rounds.max(1),
        }
    }
}

/// Measures every fleet.
///
/// # Errors
/// When something does not start, or a mesh is not made.
pub(crate) fn run(stage: &Stage, size: &Size) -> Result<Findings> {
    let mut table = vec![heading()];
    let (mut figures, mut ratios) = (Vec::new(), Vec::new());
    for fleet in &size.fleets {
        let rounds = measure(stage, *fleet, size.rounds)?;
        for round in &rounds {
            table.push(row(*fleet, round));
            figures.push(figure(*fleet, round));
        }
        let of = |figure: fn(&Round) -> f64| median(&rounds.iter().map(figure).collect::<Vec<_>>());
        table.push(medians(*fleet, of));
        ratios.push((fleet.names[0], of(Round::speed_up), Target::AtLeast(30.0)));
        ratios.push((fleet.names[1], of(Round::to_bound), Target::AtMost(1.5)));
    }
    let (c, cores) = (Limits::default().in_flight, cpu::cores());
    let note = format!(
        "bound = max(⌈L/c⌉·(RTT+dial), L·t_cpu/cores, most links of a node·dial/160); c {c}, cores {cores}"
    );
    let findings = Findings::new("mesh", table, Value::Array(figures)).note(note);
    let judge = |findings: Findings, (name, ratio, target)| findings.judge(name, ratio, target);
    Ok(ratios.into_iter().fold(findings, judge))
}

fn measure(stage: &Stage, fleet: Fleet, rounds: usize) -> Result<Vec<Round>> {
    let records = stage.path(&format!("records-{}", fleet.nodes));
    let spec = FakesSpec {
        nodes: fleet.nodes,
        history: false,
    };
    let fakes = stage.fakes(spec)?;
    let pairs = desired::pairs(fakes.nodes());
    stage.record(fakes.nodes(), &records)?;
    ensure!(
        fakes.links()?.pairs == 0,
        "the controller that only observes made links"
    );
    fakes.end()?;
    let round = |number: usize| -> Result<Round> {
        progress(&format!("{}: round {number} of {rounds}", fleet.names[0]));
        let fakes = stage.fakes(spec)?;
        let sequential = sequential::measure(&fakes, &pairs, fleet.sequential)?;
        fakes.end()?;
        let state = stage.copy(&records, &format!("state-{}-{number}", fleet.nodes))?;
        let meshed = mesh(stage, spec, &pairs, &state)?;
        let most = desired::most(&pairs, fleet.nodes);
        let bound = Bound::new(&sequential, pairs.len(), most);
        Ok(Round {
            sequential,
            meshed,
            bound,
        })
    };
    (1..=rounds).map(round).collect()
}

/// Starts the controller on fakes without links and waits for the last one.
fn mesh(stage: &Stage, spec: FakesSpec, pairs: &Pairs, state: &Path) -> Result<Meshed> {
    let mut fakes = stage.fakes(spec)?;
    let cpu_before = fakes.status()?.cpu_ms;
    let nodes = fakes.nodes().to_vec();
    let began = fakes.links()?;
    ensure!(began.pairs == 0, "new fakes have links");
    let mut controller = stage.controller(&nodes, state, Policy::default())?;
    let done = wait::until("every link", DEADLINE, || {
        fakes.check()?;
        controller.check()?;
        let links = fakes.links()?;
        if links.pairs < pairs.len() {
            wait::pause(LOOK);
            return Ok(None);
        }
        Ok(Some(links))
    })?;
    let cpu = [
        controller.cpu()?,
        millis(fakes.status()?.cpu_ms - cpu_before),
    ];
    fakes.verify(pairs)?;
    controller.end()?;
    fakes.end()?;
    let took = Duration::from_millis(done.changed_at_ms.saturating_sub(began.now_ms));
    Ok(Meshed { took, cpu })
}

fn millis(ms: f64) -> Duration {
    Duration::from_secs_f64(ms.max(0.0) / 1000.0)
}

fn heading() -> Vec<String> {
    let cells = [
        "fleet",
        "L",
        "sequential s",
        "of links",
        "controller ms",
        "speed-up",
        "bound ms",
        "to bound",
        "RTT ms",
        "dial ms",
        "t_cpu µs",
        "CPU ms",
    ];
    cells.map(str::to_owned).to_vec()
}

fn row(fleet: Fleet, round: &Round) -> Vec<String> {
    let Round {
        sequential,
        meshed,
        bound,
    } = round;
    let extrapolated = sequential.links < bound.links;
    let how = if extrapolated {
        format!("{} extrapolated", sequential.links)
    } else {
        "all".into()
    };
    vec![
        fleet.names[0].into(),
        bound.links.to_string(),
        format!("{:.2}", round.one_by_one() / 1000.0),
        how,
        format!("{:.0}", ms(meshed.took)),
        format!("{:.1}×", round.speed_up()),
        format!("{:.0} ({})", ms(bound.time()), bound.cause()),
        format!("{:.2}×", round.to_bound()),
        format!("{:.2}", ms(sequential.rtt)),
        format!("{:.2}", ms(sequential.dial)),
        format!("{:.0}", 1000.0 * ms(sequential.cpu_per_link())),
        format!("{:.0}+{:.0}", ms(meshed.cpu[0]), ms(meshed.cpu[1])),
    ]
}

/// The row of the medians, which count; each column by itself.
fn medians(fleet: Fleet, of: impl Fn(fn(&Round) -> f64) -> f64) -> Vec<String> {
    vec![
        format!("{} median", fleet.names[0]),
        String::new(),
        format!("{:.2}", of(|round| round.one_by_one() / 1000.0)),
        String::new(),
        format!("{:.0}", of(|round| ms(round.meshed.took))),
        format!("{:.1}×", of(Round::speed_up)),
        format!("{:.0}", of(|round| ms(round.bound.time()))),
        format!("{:.2}×", of(Round::to_bound)),
        format!("{:.2}", of(|round| ms(round.sequential.rtt))),
        format!("{:.2}", of(|round| ms(round.sequential.dial))),
        format!(
            "{:.0}",
            of(|round| 1000.0 * ms(round.sequential.cpu_per_link()))
        ),
    ]
}

fn figure(fleet: Fleet, round: &Round) -> Value {
    let Round {
        sequential,
        meshed,
        bound,
    } = round;
    json!({
        "nodes": fleet.nodes,
        "links": bound.links,
        "sequential_ms": round.one_by_one(),
        "sequential_links": sequential.links,
        "extrapolated": sequential.links < bound.links,
        "rtt_ms": ms(sequential.rtt),
        "dial_ms": ms(sequential.dial),
        "sequential_cpu_us_per_link": 1000.0 * ms(sequential.cpu_per_link()),
        "controller_ms": ms(meshed.took),
        "controller_cpu_ms": ms(meshed.cpu[0]),
        "fakes_cpu_ms": ms(meshed.cpu[1]),
        "bound_ms": ms(bound.time()),
        "bound_by": bound.cause(),
        "calls_in_flight": Limits::default().in_flight,
        "cores": cpu::cores(),
        "speed_up": round.speed_up(),
        "to_bound": round.to_bound(),
    })
}

// === impl Round ===

impl Round {
    /// What the sequential calls take for all links, milliseconds.
    fn one_by_one(&self) -> f64 {
        ms(self.sequential.total(self.bound.links))
    }

    fn speed_up(&self) -> f64 {
        self.one_by_one() / ms(self.meshed.took)
    }

    fn to_bound(&self) -> f64 {
        ms(self.meshed.took) / ms(self.bound.time())
    }
}
