//! Runs things: `cargo xtask help` says which.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool speaks on its standard streams"
)]

mod ci;
mod cli;
mod e2e;
mod generate;
mod goparts;
mod project;
mod run;
mod table;
mod test;
mod tidy;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
