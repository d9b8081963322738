//! `steady`: the CPU time of a resync in which nothing is wrong, against a loop that makes the same
//! calls, reads the same answers, and does nothing else.
//!
//! The controller works at its own interval. Between two of its resyncs the bare loop makes one
//! sweep, so that both meet the same machine. Both are measured from outside, by the kernel's
//! account of their processes; the controller's holds all that it does meanwhile, its clockwork
//! included.

pub(crate) mod bare;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use serde_json::json;

use self::bare::Swept;
use crate::args::Args;
use crate::desired;
use crate::figures::{median, ms};
use crate::stage::{Controller, Fakes, FakesSpec, FleetNode, Policy, Process, Stage, Status};
use crate::tell::progress;
use crate::verdict::{Findings, Target};
use crate::wait;

/// How many nodes, how often.
#[derive(Debug)]
pub(crate) struct Size {
    nodes: usize,
    resyncs: usize,
    policy: Policy,
}

/// CPU time of one resync and of one sweep of the bare loop.
#[derive(Debug, Clone, Copy)]
struct Turn {
    controller: Duration,
    bare: Duration,
}

/// Names and times of the files of the records.
type Files = BTreeMap<PathBuf, SystemTime>;

/// Longest time to make the mesh, and for a resync to come.
const DEADLINE: Duration = Duration::from_secs(120);

/// Reading calls of a resync to one node: connections, entries, filters, listen addresses.
const CALLS: u64 = 4;

/// No more calls for so long: the resync is over.
const QUIET: Duration = Duration::from_millis(500);

// === impl Size ===

impl Size {
    /// As the command line asks for.
    pub(crate) fn of(args: &Args) -> Self {
        if args.smoke {
            return Self {
                nodes: 10,
                resyncs: 2,
                policy: Policy { resync_seconds: 2 },
            };
        }
        Self {
            nodes: 2_000,
            resyncs: 10,
            policy: Policy::default(),
        }
    }
}

/// Measures.
///
/// # Errors
/// When something does not start, or the mesh does not come to rest.
pub(crate) fn run(stage: &Stage, size: &Size) -> Result<Findings> {
    progress(&format!("steady: meshing {} nodes", size.nodes));
    let mut fakes = stage.fakes(FakesSpec {
        nodes: size.nodes,
        history: false,
    })?;
    let (nodes, state) = (fakes.nodes().to_vec(), stage.path("state-steady"));
    let mut controller = stage.controller(&nodes, &state, size.policy)?;
    let links = desired::pairs(&nodes).len();
    wait::until("a healthy mesh", DEADLINE, || {
        fakes.check()?;
        controller.check()?;
        wait::pause(QUIET);
        Ok((fakes.links()?.pairs == links && controller.is_content(links)?).then_some(()))
    })?;
    let mut bare = bare_loop(stage, &nodes)?;
    // The first sweep pays for what is needed once.
    sweep(&mut bare, &nodes, links)?;
    let before = resynced(&mut fakes, &mut controller, size.nodes)?;
    let files = files(&state)?;

    let mut turns = Vec::new();
    let mut cpu = controller.cpu()?;
    for number in 1..=size.resyncs {
        progress(&format!("steady: resync {number} of {}", size.resyncs));
        let swept = sweep(&mut bare, &nodes, links)?;
        resynced(&mut fakes, &mut controller, size.nodes)?;
        let used = controller.cpu()?;
        turns.push(Turn {
            controller: used.saturating_sub(cpu),
            bare: swept,
        });
        cpu = used;
    }
    let mutating = fakes.status()?.mutating - before.mutating;
    let written = changed(&files, &self::files(&state)?);
    fakes.verify(&desired::pairs(&nodes))?;
    drop(bare);
    controller.end()?;
    fakes.end()?;
    Ok(findings(size, &turns, mutating, written))
}

/// Waits for a whole resync of the controller and the quiet after it.
fn resynced(fakes: &mut Fakes, controller: &mut Controller, nodes: usize) -> Result<Status> {
    let wanted = fakes.status()?.calls + CALLS * nodes as u64;
    let mut last = wait::until("a resync", DEADLINE, || {
        wait::pause(QUIET);
        controller.check()?;
        fakes.check()?;
        let status = fakes.status()?;
        Ok((status.calls >= wanted).then_some(status))
    })?;
    wait::until("the end of a resync", DEADLINE, || {
        wait::pause(QUIET);
        let status = fakes.status()?;
        let quiet = status.calls == last.calls;
        last = status;
        Ok(quiet.then_some(()))
    })?;
    Ok(last)
}

fn bare_loop(stage: &Stage, nodes: &[FleetNode]) -> Result<Process> {
    let file = stage.path("bare.json");
    let target = |node: &FleetNode| bare::Target {
        rpc: format!("http://{}", node.api),
        peer: node.peer_id,
    };
    let targets: Vec<_> = nodes.iter().map(target).collect();
    std::fs::write(&file, serde_json::to_vec(&targets)?)?;
    let program = std::env::current_exe().context("the bench's own program")?;
    let file = file.to_str().context("a path that is no text")?;
    let log = stage.path("bare.log");
    let mut process = Process::start("the bare loop", &program, &["--bare-loop", file], &log)?;
    process.line(DEADLINE)?;
    Ok(process)
}

/// One sweep of the bare loop, and the CPU time that it took.
fn sweep(bare: &mut Process, nodes: &[FleetNode], links: usize) -> Result<Duration> {
    let before = bare.cpu()?;
    bare.tell("sweep")?;
    let swept: Swept = serde_json::from_str(&bare.line(DEADLINE)?)?;
    ensure!(
        swept.nodes == nodes.len(),
        "the bare loop read {} nodes",
        swept.nodes
    );
    let (listed, wanted) = (swept.connections, 2 * links);
    // More where a node dialled by itself while the controller did: two connections of one pair.
    ensure!(
        listed >= wanted,
        "the bare loop read {listed} connections of {wanted}"
    );
    Ok(bare.cpu()?.saturating_sub(before))
}

fn files(folder: &Path) -> Result<Files> {
    let mut files = Files::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        files.insert(entry.path(), entry.metadata()?.modified()?);
    }
    Ok(files)
}

/// How many files came, went or were written.
fn changed(before: &Files, after: &Files) -> usize {
    let written = after
        .iter()
        .filter(|(path, time)| before.get(*path) != Some(time));
    let gone = before.keys().filter(|path| !after.contains_key(*path));
    written.count() + gone.count()
}

fn findings(size: &Size, turns: &[Turn], mutating: u64, written: usize) -> Findings {
    let per_node = |span: Duration| 1000.0 * ms(span) / size.nodes as f64;
    let ratio = |turn: &Turn| turn.controller.as_secs_f64() / turn.bare.as_secs_f64();
    let told = |ratio: f64| match ratio.is_finite() {
        true => format!("{ratio:.2}×"),
        false => "–".into(),
    };
    let heading = [
        "resync",
        "controller µs/member",
        "bare loop µs/member",
        "ratio",
    ];
    let mut table = vec![heading.map(str::to_owned).to_vec()];
    for (number, turn) in turns.iter().enumerate() {
        table.push(vec![
            (number + 1).to_string(),
            format!("{:.1}", per_node(turn.controller)),
            format!("{:.1}", per_node(turn.bare)),
            told(ratio(turn)),
        ]);
    }
    let sum = |of: fn(&Turn) -> Duration| turns.iter().map(of).sum::<Duration>();
    let all = Turn {
        controller: sum(|turn| turn.controller),
        bare: sum(|turn| turn.bare),
    };
    table.push(vec![
        "all".into(),
        format!("{:.1}", per_node(all.controller) / turns.len() as f64),
        format!("{:.1}", per_node(all.bare) / turns.len() as f64),
        told(ratio(&all)),
    ]);
    let note = format!(
        "{} members, every {} s; {mutating} mutating calls, {written} records written",
        size.nodes, size.policy.resync_seconds
    );
    let writes = mutating + written as u64;
    let figures = json!({
        "nodes": size.nodes,
        "resyncs": turns.len(),
        "resync_seconds": size.policy.resync_seconds,
        "controller_us_per_member": per_node(all.controller) / turns.len() as f64,
        "bare_us_per_member": per_node(all.bare) / turns.len() as f64,
        "ratio_of_sums": ratio(&all),
        "median_ratio": median(&turns.iter().map(ratio).collect::<Vec<_>>()),
        "mutating_calls": mutating,
        "record_writes": written,
    });
    Findings::new("steady", table, figures)
        .note(note)
        .judge("steady", ratio(&all), Target::AtMost(1.5))
        .judge("steady-writes", writes as f64, Target::AtMost(0.0))
}

#[cfg(test)]
mod tests;
