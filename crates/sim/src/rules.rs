//! The rules of rules.md that the simulation covers, each with a switch.
//!
//! A rule is switched off outside the planner: by altering what the planner is given, what becomes
//! of its plan, or how the executor and the store behave. With every rule on, nothing is altered.

use std::fmt;
use std::str::FromStr;

/// Makes the enum of rules and its texts of one table.
macro_rules! rules {
    ($($rule:ident = $name:literal: $sentence:literal;)*) => {
        /// One rule.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Rule {
            $(#[doc = $sentence] $rule,)*
        }

        impl Rule {
            /// Every rule that the simulation covers.
            pub const ALL: [Self; [$($name),*].len()] = [$(Self::$rule),*];

            /// Its name on the command line.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$rule => $name,)*
                }
            }

            /// What it says.
            #[must_use]
            pub const fn sentence(self) -> &'static str {
                match self {
                    $(Self::$rule => $sentence,)*
                }
            }
        }
    };
}

rules! {
    Fence = "fence": "every call checks the lease at the moment of sending";
    WriteAhead = "write-ahead": "a peer is given to no other node before its record is stored";
    WriteAsPlanned = "write-as-planned": "a record that somebody changed since its plan used it is not overwritten";
    VerifyIdentity = "verify-identity": "a connection carries nothing before `id` showed the recorded identity";
    NoResend = "no-resend": "no request is re-sent on another connection";
    AdoptAfterRestart = "adopt-after-restart": "another identity is adopted only when the container started anew";
    AddressBeforeIdentity = "address-before-identity": "of two pods that claim one address only the Ready one created last is contacted";
    DuplicateIdentity = "duplicate-identity": "nothing is added for an identity that answers at two addresses";
    NoRemovalInDoubt = "no-removal-in-doubt": "nothing is removed in doubt";
    DoubtWatchStale = "doubt-watch-stale": "a watch that said nothing for twice its timeout is a doubt";
    DoubtStoreRestored = "doubt-store-restored": "for 5 min after the store was restored all is in doubt";
    DoubtManyMissing = "doubt-many-missing": "many members that a list lacks are in doubt until three lists agree";
    ForeignEntries = "foreign-entries": "a peering entry of another form than ours is neither replaced nor removed";
    SilenceIsUnknown = "silence-is-unknown": "a node that does not answer is unknown, never empty";
    BothEnds = "both-ends": "a link is healthy when both ends list it";
    BareEndDials = "bare-end-dials": "the end that lists no connection dials";
    DialPace = "dial-pace": "a pair is dialled again after 10 s at the earliest";
    AwayKeepsPlace = "away-keeps-place": "a member whose pod is gone keeps its place for spec.links.forgetAfter";
    RetiredUnlinked = "retired-unlinked": "a retired peer is unlinked everywhere";
    RetiredKept = "retired-kept": "a retired identity is remembered while a node may hold an entry of ours for it";
    FormerAddressesKept = "former-addresses-kept": "a former address is remembered while a node may hold an entry of ours with it";
    FiltersOnlyUnderRepair = "filters-only-under-repair": "an owner's filters are taken away only under filters: Repair";
    FiltersGivenBack = "filters-given-back": "filters taken away are given back";
    FiltersOncePerStart = "filters-once-per-start": "a filter is taken away at most once per container start";
    OneFiltersCall = "one-filters-call": "one filters call at a time a node";
    NotTwiceUnderWay = "not-twice-under-way": "what was sent and not yet answered is not sent again";
    ObserveCallsNothing = "observe-calls-nothing": "mode: Observe calls nothing";
    ReleaseTakesBack = "release-takes-back": "mode: Release takes everything back";
    Protect = "protect": "both ends of a link get a peering entry";
    Degree = "degree": "above spec.topology.fullMeshUpTo members nobody has more links than the degree, and four more";
    Capacity = "capacity": "capacity bounds the desired links of a node";
    SurplusAboveCapacity = "surplus-above-capacity": "a surplus link goes only when an end is above its capacity";
    SurplusAfterReplacement = "surplus-after-replacement": "a surplus link goes only after all desired links of both ends are healthy";
    FiltersWrittenAhead = "filters-written-ahead": "a filter of ours stands in a stored record before it is added";
    FiltersLifted = "filters-lifted": "a filter of ours is forgotten when it was seen gone";
    OwnersFiltersKept = "owners-filters-kept": "filters that were there before are never ours";
    FiltersSeenFirst = "filters-seen-first": "a link is moved when the filters were seen that hide its other network";
    MovePace = "move-pace": "a move that failed is tried again after a minute, doubling";
    Steering = "steering": "a link on another network is moved to its own";
    FallbackNever = "fallback-never": "with fallback: Never no link uses the pod network in place of the storage network";
    AgentsRequired = "agents-required": "with agents.mode: Required nobody goes round an agent";
    VersionGate = "version-gate": "an agent whose version does not fit is not used";
    ExpectedPeer = "expected-peer": "an agent passes on only what is for the Kubo that is behind it";
    SurplusBudget = "surplus-budget": "at most a tenth of the surplus links goes in a minute";
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
