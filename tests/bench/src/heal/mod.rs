//! `heal`: how long links of restarted nodes are away, against Kubo's own re-dial.
//!
//! A node is killed, stays away as long as a Kubo takes to start, and comes back without its peering
//! entries. A link's time runs to when both ends list it, which is the fakes' own moment.
//!
//! In Kubernetes it begins when the Ready event is about to be written: of the pod whose container was
//! started anew, and that was not Ready since it was killed.
//!
//! With a members file nobody writes such a thing. There it begins when the restarted end is back (the
//! later one, if both were restarted), the first moment at which anybody could: the controller has to
//! find out by itself that the node went and that it is back, and the time that it takes for that is
//! in the figure.
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
use crate::stage::{Cluster, Controller, Fakes, FakesSpec, Policy, Stage, Ways};
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

/// What was seen of one kind of members.
#[derive(Debug, Default)]
struct Rounds {
    single: Samples,
    bulk: Samples,
}

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

    let cluster = stage.cluster(&nodes, Ways::default())?;
    let mut controller = stage.controller_in(&cluster)?;
    let in_pods = rounds(size, &mut fakes, &pairs, &mut controller, Some(&cluster))?;
    controller.end()?;

    let mut controller = stage.controller(&nodes, &stage.path("state-heal"), Policy::default())?;
    let in_lines = rounds(size, &mut fakes, &pairs, &mut controller, None)?;
    controller.end()?;

    progress("heal: the nodes by themselves");
    let baseline = restart(&mut fakes, &pairs, &nodes_with(&pairs, size.baseline), None)?;
    fakes.verify(&pairs)?;
    fakes.end()?;
    Ok(findings(&in_pods, &in_lines, &baseline))
}

/// Restarts every node alone, then many at once.
fn rounds(
    size: &Size,
    fakes: &mut Fakes,
    pairs: &Pairs,
    controller: &mut Controller,
    cluster: Option<&Cluster>,
) -> Result<Rounds> {
    settle(fakes, controller, pairs)?;
    let members = if cluster.is_some() { "pods" } else { "lines" };
    let (singles, bulks, bulk) = (size.singles, size.bulks, size.bulk);
    progress(&format!("heal: {members}, {singles} single restarts"));
    let mut rounds = Rounds::default();
    for number in 0..singles {
        let which = [number % size.nodes];
        rounds
            .single
            .extend(restart(fakes, pairs, &which, cluster)?);
        settle(fakes, controller, pairs)?;
    }
    progress(&format!(
        "heal: {members}, {bulks} times {bulk} restarts at once"
    ));
    for number in 0..bulks {
        let spread = |at: usize| (at * size.nodes / bulk + number) % size.nodes;
        let which: Vec<usize> = (0..bulk).map(spread).collect();
        rounds.bulk.extend(restart(fakes, pairs, &which, cluster)?);
        settle(fakes, controller, pairs)?;
    }
    Ok(rounds)
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

/// Restarts nodes, in a cluster with what a kubelet writes of it, and waits until every pair is linked
/// again.
fn restart(
    fakes: &mut Fakes,
    pairs: &Pairs,
    which: &[usize],
    cluster: Option<&Cluster>,
) -> Result<Samples> {
    fakes.history()?;
    let names: Vec<String> = which
        .iter()
        .map(|node| fakes.nodes()[*node].name.clone())
        .collect();
    names.iter().try_for_each(|name| fakes.kill(name))?;
    if let Some(cluster) = cluster {
        names.iter().for_each(|name| cluster.stopped(name));
    }
    wait::pause(AWAY);
    names.iter().try_for_each(|name| fakes.start(name))?;
    let written = match cluster {
        Some(cluster) => {
            // Asked before, so that writing is in the time.
            let now = fakes.links()?.now_ms;
            names.iter().for_each(|name| cluster.started(name));
            Some(now)
        }
        None => None,
    };
    wait::until("every link back", DEADLINE, || {
        fakes.check()?;
        Ok((fakes.links()?.pairs == pairs.len()).then_some(()))
    })?;
    samples(fakes.nodes(), pairs, &fakes.history()?, written)
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

fn findings(in_pods: &Rounds, in_lines: &Rounds, baseline: &[f64]) -> Findings {
    let best = percentile(baseline, 0);
    let heading = [
        "restarts", "links", "least ms", "p50 ms", "p90 ms", "p99 ms", "most ms",
    ];
    let mut table = vec![heading.map(str::to_owned).to_vec()];
    let mut figures = Vec::new();
    let kinds: [(&str, &[f64]); 5] = [
        ("pods, one at a time", &in_pods.single),
        ("pods, many at once", &in_pods.bulk),
        ("lines, one at a time", &in_lines.single),
        ("lines, many at once", &in_lines.bulk),
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
    let note = "pods: from the Ready event written to both ends listing the link; lines of a members file: \
                from the restarted end serving again; the ratios are the least without a controller to \
                the p99 with it";
    // The fakes count whole milliseconds: none is not less than one.
    let judged = [
        ("heal-single", &in_pods.single),
        ("heal-bulk", &in_pods.bulk),
        ("heal-file-single", &in_lines.single),
        ("heal-file-bulk", &in_lines.bulk),
    ];
    let findings = Findings::new("heal", table, Value::Array(figures)).note(note.into());
    judged
        .into_iter()
        .fold(findings, |findings, (name, samples)| {
            findings.judge(
                name,
                best / percentile(samples, 99).max(1.0),
                Target::AtLeast(10.0),
            )
        })
}
