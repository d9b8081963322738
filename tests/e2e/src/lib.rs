//! The lab: the product's processes against a real API server and real nodes.
//!
//! A run claims a block of loopback addresses and starts one API server. Each scenario gets a
//! [`World`](world::World): a namespace, a folder for logs, a subnet, and whatever nodes, pods and
//! controllers it asks for. The product is looked at from outside only: by the objects it writes,
//! by its HTTP pages, and above all by what every node says itself.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool speaks on its standard streams"
)]

mod agent;
mod block;
mod certificates;
mod cli;
mod cluster;
mod contract;
mod controller;
mod dashboard;
mod door;
mod dual;
mod http;
mod inside;
mod judge;
mod member;
mod multus;
mod network;
mod node;
mod pods;
mod process;
mod programs;
mod prometheus;
mod registry;
mod run;
mod scenarios;
mod table;
mod tell;
mod wait;
mod webhook;
mod world;

pub use cli::main;
