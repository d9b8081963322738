//! What can be wrong with a fake, changeable while it runs.

use std::time::Duration;

use kubomesh_core::{Direction, PeerId};
use serde::{Deserialize, Serialize};

/// Everything that is wrong with one fake. The default is nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Each call takes this much longer, milliseconds.
    pub rtt_ms: u64,
    /// Its dials take this long where somebody answers, milliseconds; `None`: as the fleet's.
    pub dial_ms: Option<u64>,
    /// What it does instead of answering.
    pub fault: Option<Fault>,
    /// The calls that `fault` concerns (`swarm/peers`); empty: all.
    pub only: Vec<String>,
    /// `id` shows this identity instead of its own.
    pub identity: Option<PeerId>,
    /// Connections that `swarm/peers` lists although they are not there.
    pub claims: Vec<Claim>,
    /// Peers that `swarm/peers` leaves out although they are connected.
    pub denies: Vec<PeerId>,
    /// `swarm/peers` lists a connection with itself.
    pub lists_itself: bool,
    /// `swarm/connect` and `swarm/peering/add` say success and do nothing.
    pub pretends: bool,
}

/// What a fake does instead of answering.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Accepts the request and never answers.
    Hang,
    /// Sends its answer a byte at a time.
    SlowBody {
        /// Pause before each byte, milliseconds.
        pause_ms: u64,
    },
    /// Status 200 and a body that never ends, as fast as it is read.
    EndlessBody,
    /// Status 200 and a page.
    Html,
    /// Status 200 and bytes that are no JSON.
    Garbage,
    /// Status 200 and this body.
    Body {
        /// What the body is.
        text: String,
    },
    /// Status 200 and every field null.
    NullLists,
    /// Status 200 and 10 MB of `[`.
    DeepNesting,
    /// `swarm/peers` lists this many peers.
    ManyPeers {
        /// How many.
        count: u32,
    },
    /// The connection is reset in the middle of the answer.
    Reset,
    /// This status with an empty body.
    Status {
        /// The status, 100 to 599.
        code: u16,
    },
}

/// A connection that is not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// With whom.
    pub peer: PeerId,
    /// At which address.
    pub address: String,
    /// Dialled by whom.
    pub direction: Direction,
}

impl Faults {
    /// One fault in all calls.
    #[must_use]
    pub fn of(fault: Fault) -> Self {
        Self {
            fault: Some(fault),
            ..Self::default()
        }
    }

    /// Every call takes this much longer.
    #[must_use]
    pub fn slow(rtt: Duration) -> Self {
        let rtt_ms = u64::try_from(rtt.as_millis()).unwrap_or(u64::MAX);
        Self {
            rtt_ms,
            ..Self::default()
        }
    }

    /// The same, in these calls only.
    #[must_use]
    pub fn only(mut self, verbs: &[&str]) -> Self {
        self.only = verbs.iter().map(|verb| (*verb).to_owned()).collect();
        self
    }

    /// Does beforehand what would make the first answer slow.
    pub(crate) fn prepare(&self) {
        if let Some(Fault::ManyPeers { count }) = self.fault {
            super::verbs::many_peers(count);
        }
    }

    pub(crate) fn dial_time(&self) -> Option<Duration> {
        self.dial_ms.map(Duration::from_millis)
    }

    /// What is done instead of answering this call.
    pub(crate) fn instead(&self, verb: &str) -> Option<&Fault> {
        let concerned = self.only.is_empty() || self.only.iter().any(|only| only == verb);
        self.fault.as_ref().filter(|_| concerned)
    }

    /// Whether `swarm/peers` is anything but the truth.
    pub(crate) fn lies(&self) -> bool {
        self.lists_itself || !self.claims.is_empty() || !self.denies.is_empty()
    }
}
