//! `fakefleet`: many fake Kubos in one process, for the demo and the benches.

use clap::Parser;
use kubomesh_testkit::fakefleet::{Args, run};

fn main() -> anyhow::Result<()> {
    run(Args::parse())
}
