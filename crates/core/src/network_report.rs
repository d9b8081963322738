//! What a pass found of the storage network as a whole.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{FilterStep, Timestamp};

/// What is wrong with the network that links are to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum NetworkTrouble {
    /// Members have no address on it, and nothing is under way that gives them one.
    NotApplied,
    /// Members are still to be recreated (`spec.network.rollout: Rolling`).
    RollingOut,
    /// Its definition is missing or cannot be read.
    Unreadable,
    /// Its definition was edited after it was applied.
    Drift,
    /// It carried none of the last links that were moved to it.
    Down,
}

/// What a pass found of the storage network.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkReport {
    /// What is wrong with it.
    pub troubles: BTreeSet<NetworkTrouble>,
    /// Filters of ours that records hold, by how far they are.
    pub owned_filters: BTreeMap<FilterStep, u64>,
    /// Since when the oldest of those that are not to stay is held at a node that lives.
    pub passing_since: Option<Timestamp>,
}

// === impl NetworkTrouble ===

impl NetworkTrouble {
    /// Each: metric series are created from it.
    pub const ALL: [Self; 5] = [
        Self::NotApplied,
        Self::RollingOut,
        Self::Unreadable,
        Self::Drift,
        Self::Down,
    ];

    /// The metric label.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::NotApplied => "not_applied",
            Self::RollingOut => "rolling_out",
            Self::Unreadable => "unreadable",
            Self::Drift => "drift",
            Self::Down => "down",
        }
    }
}
