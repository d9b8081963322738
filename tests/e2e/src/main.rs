//! `e2e`: runs the lab's scenarios. `cargo xtask e2e` builds what it needs and calls it.

use std::process::ExitCode;

fn main() -> ExitCode {
    kubomesh_e2e::main()
}
