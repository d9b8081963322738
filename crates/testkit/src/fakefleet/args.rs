//! The flags of `fakefleet`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::Parser;

/// Many fake Kubos in one process, each on its own loopback address.
#[derive(Debug, Clone, Parser)]
#[command(version)]
pub struct Args {
    /// How many nodes.
    #[arg(long, default_value_t = 12)]
    pub nodes: u32,
    /// Address of the first node; the others follow it one by one.
    #[arg(long, default_value = "127.30.0.1")]
    pub base: Ipv4Addr,
    /// Port of each node's RPC; 0 takes free ones.
    #[arg(long, default_value_t = 5001)]
    pub api_port: u16,
    /// Port of each node's swarm. Nothing listens there: connections exist in the model only.
    #[arg(long, default_value_t = 4001)]
    pub swarm_port: u16,
    /// Each call takes this much longer, milliseconds.
    #[arg(long, default_value_t = 0)]
    pub rtt_ms: u64,
    /// A dial takes this long, milliseconds.
    #[arg(long, default_value_t = 8)]
    pub dial_ms: u64,
    /// How many zones the nodes are spread over, `zone-0` and so on; 0: none.
    #[arg(long, default_value_t = 0)]
    pub zones: u32,
    /// Where to write the members file for `kubomesh run --members`; rewritten when a node moves.
    #[arg(long)]
    pub members: Option<PathBuf>,
    /// Address of the control API.
    #[arg(long, default_value = "127.0.0.1:0")]
    pub control: SocketAddr,
    /// Seed of all odds.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Keep what happens, for `GET /history`.
    #[arg(long)]
    pub history: bool,
    /// Requests that each node's log keeps.
    #[arg(long, default_value_t = 64)]
    pub log_limit: usize,
    /// Threads that serve.
    #[arg(long, default_value_t = 1)]
    pub threads: usize,
    /// Do not end when standard input ends.
    #[arg(long)]
    pub detached: bool,
}
