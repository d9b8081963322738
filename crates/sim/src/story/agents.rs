//! Agents in a story: what runs beside each Kubo, what becomes of it, and what the policy asks for.

use std::fmt;

use super::event::Slot;

/// `spec.agents.mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AgentsMode {
    /// None is asked.
    #[default]
    Off,
    /// One that can be used is used; round any other goes Kubo's own RPC.
    Auto,
    /// There is no way round it.
    Required,
}

/// What runs beside a Kubo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Beside {
    /// Nothing listens there.
    #[default]
    Nothing,
    /// An agent that serves no API yet.
    Unready,
    /// An agent that this controller does not understand any more.
    TooOld,
    /// An older one that both understand.
    Older,
    /// One of this very version.
    Same,
    /// A newer one that still understands this controller.
    Newer,
    /// A newer one that does not.
    TooNew,
}

/// Something that happens to agents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentsEvent {
    /// From now on this runs beside a Kubo: its agent was upgraded, downgraded, removed or ended.
    Runs {
        /// Beside which.
        slot: Slot,
        /// What.
        beside: Beside,
    },
    /// `spec.agents.mode` changes.
    Mode(AgentsMode),
}

/// What one side speaks, and the oldest that it understands.
type Versions = (i64, i64);

/// What the controllers of stories speak.
const OWN: Versions = (3, 2);

// === impl Beside ===

impl Beside {
    /// What it says that it speaks; `None`: nobody says anything.
    const fn versions(self) -> Option<Versions> {
        match self {
            Self::Nothing => None,
            Self::Unready => Some((0, 0)),
            Self::TooOld => Some((1, 1)),
            Self::Older => Some((2, 1)),
            Self::Same => Some(OWN),
            Self::Newer => Some((4, 3)),
            Self::TooNew => Some((5, 4)),
        }
    }

    /// Whether anything listens there.
    pub(crate) const fn listens(self) -> bool {
        self.versions().is_some()
    }

    /// The gate: each understands what the other speaks.
    pub(crate) fn passes(self) -> bool {
        let agree = |(current, min): Versions| current > 0 && min.max(OWN.1) <= current.min(OWN.0);
        self.versions().is_some_and(agree)
    }

    /// Whether it is to be used, by what it is.
    pub(crate) const fn is_usable(self) -> bool {
        matches!(self, Self::Older | Self::Same | Self::Newer)
    }
}

impl fmt::Display for Beside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "no agent",
            Self::Unready => "an agent that serves no API yet",
            Self::TooOld => "an agent that is too old",
            Self::Older => "an older agent",
            Self::Same => "an agent of this version",
            Self::Newer => "a newer agent",
            Self::TooNew => "an agent that is too new",
        })
    }
}

impl fmt::Display for AgentsEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Runs { slot, beside } => write!(f, "beside {slot} runs {beside}"),
            Self::Mode(mode) => write!(f, "the policy changes: agents.mode is {mode:?}"),
        }
    }
}
