//! Where the members come from.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

/// Kubernetes (the default) or a members file.
#[derive(Debug, Args, Serialize)]
#[serde(rename_all = "camelCase")]
#[command(next_help_heading = "Members")]
pub struct SourceArgs {
    /// Act on the members of this YAML file instead of Kubernetes; docs/members-file.md has its form
    #[arg(
        long,
        env = "KUBOMESH_MEMBERS",
        value_name = "FILE",
        requires = "state_dir"
    )]
    pub members: Option<PathBuf>,

    /// Where records are kept with --members: one JSON file per member; one process at a time
    #[arg(
        long,
        env = "KUBOMESH_STATE_DIR",
        value_name = "DIR",
        requires = "members"
    )]
    pub state_dir: Option<PathBuf>,
}
