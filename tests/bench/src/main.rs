//! `bench`: runs the benches. `cargo xtask bench` builds what they need and calls this.

use std::process::ExitCode;

/// The controller's: the bare loop and the sequential calls are to differ from it in nothing but
/// what they leave out.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    kubomesh_bench::main()
}
