//! `bench`: runs the benches. `cargo xtask bench` builds what they need and calls this.

use std::process::ExitCode;

fn main() -> ExitCode {
    kubomesh_bench::main()
}
