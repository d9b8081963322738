//! What is said to agents. Not for operators: a test plays a build that is newer than this one.

use clap::Args;
use kubomesh_agent_api::{API_MIN_VERSION, API_VERSION, ApiVersions};
use serde::Serialize;

/// The API of agents.
#[derive(Debug, Args, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentsArgs {
    /// The API version of agents to speak, for tests of other versions than this build's
    #[arg(long, hide = true, default_value_t = API_VERSION)]
    pub agent_api_version: i64,

    /// The oldest API version of agents to understand
    #[arg(long, hide = true, default_value_t = API_MIN_VERSION)]
    pub agent_api_min_version: i64,
}

// === impl AgentsArgs ===

impl AgentsArgs {
    /// As the version gate takes them.
    #[must_use]
    pub const fn versions(&self) -> ApiVersions {
        ApiVersions {
            current: self.agent_api_version,
            min: self.agent_api_min_version,
        }
    }
}
