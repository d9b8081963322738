//! The command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Runs the benches. `cargo xtask bench` builds the programs and calls this.
#[derive(Debug, Parser)]
#[command(name = "bench", bin_name = "cargo xtask bench", max_term_width = 100)]
pub(crate) struct Args {
    /// The product
    #[arg(long, value_name = "PATH", required_unless_present_any = ["bare_loop", "doors"])]
    pub(crate) kubomesh: Option<PathBuf>,

    /// The fakes
    #[arg(long, value_name = "PATH", required_unless_present_any = ["bare_loop", "doors"])]
    pub(crate) fakefleet: Option<PathBuf>,

    /// Print the figures as JSON
    #[arg(long)]
    pub(crate) json: bool,

    /// Exit with 1 when a target is missed
    #[arg(long)]
    pub(crate) enforce: bool,

    /// Ten nodes, once, without targets: shows that the benches run
    #[arg(long)]
    pub(crate) smoke: bool,

    /// How often the mesh is made; the median counts
    #[arg(long, value_name = "N", default_value_t = DEFAULT_ROUNDS)]
    pub(crate) rounds: usize,

    /// Be the bare loop over the nodes of this file; only the bench of the steady state passes it
    #[arg(long, value_name = "FILE", hide = true)]
    pub(crate) bare_loop: Option<PathBuf>,

    /// Be the agents of the nodes of this file, and the doors to both; only the bench of the agents
    /// passes it
    #[arg(long, value_name = "FILE", hide = true)]
    pub(crate) doors: Option<PathBuf>,

    /// One bench; without it all of them
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<Name>,
}

/// A bench.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Name {
    /// Time to mesh nodes that are not linked, against one call after the other
    Mesh,
    /// Time to heal the links of nodes that restarted, against Kubo's own re-dial
    Heal,
    /// CPU time of a resync in which nothing is wrong, against a loop that only reads
    Steady,
    /// Time to repair a broken link and cost of a quiet fleet, with agents against polling
    Agent,
    /// Time to plan the links of a large mesh, against the sort of their keys
    Topology,
}

/// Default of `--rounds`.
const DEFAULT_ROUNDS: usize = 5;

// === impl Name ===

impl Name {
    /// Every bench, in the order in which they run.
    pub(crate) const ALL: [Self; 5] = [
        Self::Mesh,
        Self::Heal,
        Self::Steady,
        Self::Agent,
        Self::Topology,
    ];
}
