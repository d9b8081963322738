//! The program `sim`: plays stories and says what they broke.

mod cli;
mod console;
mod plays;
mod proof;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let started = Instant::now();
    let fresh = RandomState::new().build_hasher().finish();
    cli::main(fresh, &|| started.elapsed())
}
