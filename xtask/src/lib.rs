//! Runs things: `cargo xtask help` says which.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool speaks on its standard streams"
)]

mod ci;
mod cli;
mod daemon;
mod demo;
mod e2e;
mod generate;
mod goparts;
mod programs;
mod project;
mod run;
mod table;
mod test;
mod tidy;

pub use cli::main;
