//! `heal`: how long links of restarted nodes are away, against Kubo's own re-dial.
//!
//! A node is killed, stays away as long as a Kubo takes to start, and comes back without its peering
//! entries. A link's time runs from when its restarted end is back (the later one, if both were
//! restarted) to when both ends list it; both moments are the fakes' own.
//!
//! The start is the first moment at which anybody could write that the node is Ready. With a members
//! file nobody does: the controller has to find out by itself that the node went and that it is back,
//! and the time that it takes for that is in the figure.
//!
//! The baseline is the same with the controller stopped: the other ends hold entries, and their
//! peering service dials again in its own time.

mod samples;

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use self::samples::samples;
use crate::args::Args;
use crate::desired::{self, Pairs};
use crate::figures::percentile;
use crate::stage::{Controller, Fakes, FakesSpec, Policy, Stage};
use crate::tell::progress;
use crate::verdict::{Findings, Target};
use crate::wait;

/// How many nodes, and how many restarts.
#[derive(Debug)]
pub(crate) struct Size {
    nodes: usize,
    /// Restarts of one node.
    singles: usize,
    /// Rounds of restarts of many nodes at once, and how many.
    bulks: usize,
    bulk: usize,
    /// Least number of links of the baseline.
    baseline: usize,
}

/// Milliseconds, one a link.
type Samples = Vec<f64>;

/// How long a restarted node is away: a Kubo is back after 0.2 s (measured-on-kubo, row 24).
const AWAY: Duration = Duration::from_millis(200);

/// Longest time for a link to be back: boxo's first delay is at most 12.5 s.
const DEADLINE: Duration = Duration::from_secs(60);

/// How often the slower questions are asked.
const LOOK: Duration = Duration::from_millis(40);

// === impl Size ===

impl Size {
    /// As the command line asks for.
    pub(crate) fn of(args: &Args) -> Self {
        if args.smoke {
            return Self {
                nodes: 10,
                singles: 2,
                bulks: 1,
                bulk: 3,
                baseline: 9,
            };
        }
        Self {
            nodes: 200,
            singles: 200,
            bulks: 20,
            bulk: 20,
            baseline: 20,
        }
    }
}

/// Measures.
///
/// # Errors
/// When something does not start, or a link does not come back.
pub(crate) fn run(stage: &Stage, size: &Size) -> Result<Findings> {
    let mut fakes = stage.fakes(FakesSpec {
        nodes: size.nodes,
        history: true,
    })?;
    let pairs = desired::pairs(fakes.nodes());
    let nodes = fakes.nodes().to_vec();
    let mut controller = stage.controller(&nodes, &stage.path("state-heal"), Policy::default())?;
    settle(&mut fakes, &mut controller, &pairs)?;

    progress(&format!("heal: {} single restarts", size.singles));
    let mut single = Samples::new();
    for number in 0..size.singles {
        single.extend(restart(&mut fakes, &pairs, &[number % size.nodes])?);
        settle(&mut fakes, &mut controller, &pairs)?;
    }
    progress(&format!(
        "heal: {} times {} restarts at once",
        size.bulks, size.bulk
    ));
    let mut bulk = Samples::new();
    for number in 0..size.bulks {
        let spread = |at: usize| (at * size.nodes / size.bulk + number) % size.nodes;
        let which: Vec<usize> = (0..size.bulk).map(spread).collect();
        bulk.extend(restart(&mut fakes, &pairs, &which)?);
        settle(&mut fakes, &mut controller, &pairs)?;
    }
    controller.end()?;

    progress("heal: the nodes by themselves");
    let baseline = restart(&mut fakes, &pairs, &nodes_with(&pairs, size.baseline))?;
    fakes.verify(&pairs)?;
    fakes.end()?;
    Ok(findings(&single, &bulk, &baseline))
}

/// The first nodes that have so many links together.
fn nodes_with(pairs: &Pairs, links: usize) -> Vec<usize> {
    let mut chosen = Vec::new();
    let touched = |chosen: &[usize]| {
        pairs
            .iter()
            .filter(|(a, b)| chosen.contains(a) || chosen.contains(b))
            .count()
    };
    while touched(&chosen) < links && touched(&chosen) < pairs.len() {
        chosen.push(chosen.len());
    }
    chosen
}

/// Restarts nodes and waits until every pair is linked again.
fn restart(fakes: &mut Fakes, pairs: &Pairs, which: &[usize]) -> Result<Samples> {
    fakes.history()?;
    let names: Vec<String> = which
        .iter()
        .map(|node| fakes.nodes()[*node].name.clone())
        .collect();
    names.iter().try_for_each(|name| fakes.kill(name))?;
    wait::pause(AWAY);
    names.iter().try_for_each(|name| fakes.start(name))?;
    wait::until("every link back", DEADLINE, || {
        fakes.check()?;
        Ok((fakes.links()?.pairs == pairs.len()).then_some(()))
    })?;
    samples(fakes.nodes(), pairs, &fakes.history()?)
}

/// Waits until every link is there and protected, and the controller knows it.
fn settle(fakes: &mut Fakes, controller: &mut Controller, pairs: &Pairs) -> Result<()> {
    wait::until("every link there and protected", DEADLINE, || {
        fakes.check()?;
        controller.check()?;
        let there = fakes.links()?.pairs == pairs.len();
        let protected = there && fakes.status()?.entries() == 2 * pairs.len();
        if protected && controller.is_content(pairs.len())? {
            return Ok(Some(()));
        }
        wait::pause(LOOK);
        Ok(None)
    })
}

fn findings(single: &[f64], bulk: &[f64], baseline: &[f64]) -> Findings {
    let best = percentile(baseline, 0);
    let heading = [
        "restarts", "links", "least ms", "p50 ms", "p90 ms", "p99 ms", "most ms",
    ];
    let mut table = vec![heading.map(str::to_owned).to_vec()];
    let mut figures = Vec::new();
    let kinds = [
        ("one at a time", single),
        ("many at once", bulk),
        ("no controller", baseline),
    ];
    for (name, samples) in kinds {
        let at = [0, 50, 90, 99, 100].map(|percent| percentile(samples, percent));
        let mut cells = vec![name.to_owned(), samples.len().to_string()];
        cells.extend(at.map(|ms| format!("{ms:.0}")));
        table.push(cells);
        let [least, p50, p90, p99, most] = at;
        figures.push(json!({
            "restarts": name, "links": samples.len(), "least_ms": least, "p50_ms": p50,
            "p90_ms": p90, "p99_ms": p99, "most_ms": most,
        }));
    }
    let note = "from the restarted end serving again to both ends listing the link; the ratios are the \
                least without a controller to the p99 with it";
    Findings::new("heal", table, Value::Array(figures))
        .note(note.into())
        .judge(
            "heal-single",
            best / percentile(single, 99),
            Target::AtLeast(10.0),
        )
        .judge(
            "heal-bulk",
            best / percentile(bulk, 99),
            Target::AtLeast(10.0),
        )
}
