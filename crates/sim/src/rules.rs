//! The rules of rules.md that the simulation covers, each with a switch.
//!
//! A rule is switched off outside the planner: by altering what the planner is given, what becomes
//! of its plan, or how the executor and the store behave. With every rule on, nothing is altered.

use std::fmt;
use std::str::FromStr;

/// One rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Rule {
    /// Every call checks the lease at the moment of sending.
    Fence,
    /// A peer is given to no node before its record is stored.
    WriteAhead,
    /// A connection carries nothing before `id` showed the recorded identity.
    VerifyIdentity,
    /// No request is re-sent on another connection.
    NoResend,
    /// Another identity is adopted only when the container started anew.
    AdoptAfterRestart,
    /// Of two pods that claim one address only the Ready one created last is contacted.
    AddressBeforeIdentity,
    /// Nothing is added for an identity that answers at two addresses.
    DuplicateIdentity,
    /// Nothing is removed in doubt.
    NoRemovalInDoubt,
    /// A peering entry of another form than ours is foreign.
    ForeignEntries,
    /// A node that does not answer is unknown, never empty.
    SilenceIsUnknown,
    /// A link is healthy when both ends list it.
    BothEnds,
    /// The end that lists no connection dials.
    BareEndDials,
    /// A pair is dialled again after 10 s at the earliest.
    DialPace,
    /// A member whose pod is gone keeps its place for a while.
    AwayKeepsPlace,
    /// Retired peers are unlinked everywhere.
    RetiredUnlinked,
    /// A retired identity is remembered while a node may hold an entry of ours for it.
    RetiredKept,
    /// A former address is remembered while a node may hold an entry of ours with it.
    FormerAddressesKept,
    /// An owner's filters are taken away only under `filters: Repair`.
    FiltersOnlyUnderRepair,
    /// What was taken away is given back.
    FiltersGivenBack,
    /// A filter is taken away at most once per container start.
    FiltersOncePerStart,
    /// One filters call at a time a node.
    OneFiltersCall,
    /// What was sent and not yet answered is not sent again.
    NotTwiceUnderWay,
    /// `mode: Observe` calls nothing.
    ObserveCallsNothing,
    /// `mode: Release` takes everything back.
    ReleaseTakesBack,
    /// Both ends of a link get a peering entry.
    Protect,
    /// Capacity bounds the desired links of a node.
    Capacity,
    /// A surplus link goes only when an end is above its capacity.
    SurplusAboveCapacity,
    /// A surplus link goes only after all desired links of both ends are healthy.
    SurplusAfterReplacement,
    /// At most a tenth of the surplus links goes in a minute.
    SurplusBudget,
}

/// Which rules are off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rules {
    off: Option<Rule>,
}

/// Text that names no rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no rule is called `{name}`; --list-rules prints their names")]
pub struct UnknownRule {
    /// The text.
    pub name: String,
}

// === impl Rule ===

impl Rule {
    /// Every rule that the simulation covers.
    pub const ALL: [Self; 29] = [
        Self::Fence,
        Self::WriteAhead,
        Self::VerifyIdentity,
        Self::NoResend,
        Self::AdoptAfterRestart,
        Self::AddressBeforeIdentity,
        Self::DuplicateIdentity,
        Self::NoRemovalInDoubt,
        Self::ForeignEntries,
        Self::SilenceIsUnknown,
        Self::BothEnds,
        Self::BareEndDials,
        Self::DialPace,
        Self::AwayKeepsPlace,
        Self::RetiredUnlinked,
        Self::RetiredKept,
        Self::FormerAddressesKept,
        Self::FiltersOnlyUnderRepair,
        Self::FiltersGivenBack,
        Self::FiltersOncePerStart,
        Self::OneFiltersCall,
        Self::NotTwiceUnderWay,
        Self::ObserveCallsNothing,
        Self::ReleaseTakesBack,
        Self::Protect,
        Self::Capacity,
        Self::SurplusAboveCapacity,
        Self::SurplusAfterReplacement,
        Self::SurplusBudget,
    ];

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.texts().0
    }

    /// What it says.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        self.texts().1
    }

    const fn texts(self) -> (&'static str, &'static str) {
        match self {
            Self::Fence => (
                "fence",
                "every call checks the lease at the moment of sending",
            ),
            Self::WriteAhead => (
                "write-ahead",
                "a peer is given to no other node before its record is stored",
            ),
            Self::VerifyIdentity => (
                "verify-identity",
                "a connection carries nothing before `id` showed the recorded identity",
            ),
            Self::NoResend => ("no-resend", "no request is re-sent on another connection"),
            Self::AdoptAfterRestart => (
                "adopt-after-restart",
                "another identity is adopted only when the container started anew",
            ),
            Self::AddressBeforeIdentity => (
                "address-before-identity",
                "of two pods that claim one address only the Ready one created last is contacted",
            ),
            Self::DuplicateIdentity => (
                "duplicate-identity",
                "nothing is added for an identity that answers at two addresses",
            ),
            Self::NoRemovalInDoubt => ("no-removal-in-doubt", "nothing is removed in doubt"),
            Self::ForeignEntries => (
                "foreign-entries",
                "a peering entry of another form than ours is neither replaced nor removed",
            ),
            Self::SilenceIsUnknown => (
                "silence-is-unknown",
                "a node that does not answer is unknown, never empty",
            ),
            Self::BothEnds => ("both-ends", "a link is healthy when both ends list it"),
            Self::BareEndDials => ("bare-end-dials", "the end that lists no connection dials"),
            Self::DialPace => (
                "dial-pace",
                "a pair is dialled again after 10 s at the earliest",
            ),
            Self::AwayKeepsPlace => (
                "away-keeps-place",
                "a member whose pod is gone keeps its place for spec.links.forgetAfter",
            ),
            _ => self.more_texts(),
        }
    }

    /// The second half of the table.
    const fn more_texts(self) -> (&'static str, &'static str) {
        match self {
            Self::RetiredUnlinked => ("retired-unlinked", "a retired peer is unlinked everywhere"),
            Self::RetiredKept => (
                "retired-kept",
                "a retired identity is remembered while a node may hold an entry of ours for it",
            ),
            Self::FormerAddressesKept => (
                "former-addresses-kept",
                "a former address is remembered while a node may hold an entry of ours with it",
            ),
            Self::FiltersOnlyUnderRepair => (
                "filters-only-under-repair",
                "an owner's filters are taken away only under filters: Repair",
            ),
            Self::FiltersGivenBack => ("filters-given-back", "filters taken away are given back"),
            Self::FiltersOncePerStart => (
                "filters-once-per-start",
                "a filter is taken away at most once per container start",
            ),
            Self::OneFiltersCall => ("one-filters-call", "one filters call at a time a node"),
            Self::NotTwiceUnderWay => (
                "not-twice-under-way",
                "what was sent and not yet answered is not sent again",
            ),
            Self::ObserveCallsNothing => ("observe-calls-nothing", "mode: Observe calls nothing"),
            Self::ReleaseTakesBack => ("release-takes-back", "mode: Release takes everything back"),
            Self::Protect => ("protect", "both ends of a link get a peering entry"),
            Self::Capacity => ("capacity", "capacity bounds the desired links of a node"),
            Self::SurplusAboveCapacity => (
                "surplus-above-capacity",
                "a surplus link goes only when an end is above its capacity",
            ),
            Self::SurplusAfterReplacement => (
                "surplus-after-replacement",
                "a surplus link goes only after all desired links of both ends are healthy",
            ),
            Self::SurplusBudget => (
                "surplus-budget",
                "at most a tenth of the surplus links goes in a minute",
            ),
            _ => ("", ""),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Rule {
    type Err = UnknownRule;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|rule| rule.name() == text);
        named.ok_or_else(|| UnknownRule { name: text.into() })
    }
}

// === impl Rules ===

impl Rules {
    /// Every rule but this one.
    #[must_use]
    pub const fn without(rule: Rule) -> Self {
        Self { off: Some(rule) }
    }

    /// Whether a rule is off.
    #[must_use]
    pub fn lacks(self, rule: Rule) -> bool {
        self.off == Some(rule)
    }

    /// The rule that is off.
    pub(crate) const fn off(self) -> Option<Rule> {
        self.off
    }

    /// Whether every rule is on.
    #[must_use]
    pub const fn are_all_on(self) -> bool {
        self.off.is_none()
    }
}
