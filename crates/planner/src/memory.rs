//! What the planner carries from one pass to the next: per member and per link, never per event.
//!
//! Nothing here must survive a crash. A controller that starts with an empty memory plans the same
//! calls; it only waits anew where it had waited already.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use kubomesh_core::{
    Call, ContainerStart, Failure, FailureKind, Link, MemberName, MemberUid, Outcome, PeerId,
    Timestamp,
};
use serde::{Serialize, Serializer};

/// Memory of one mesh. It is given to [`plan`](crate::plan), comes back changed, takes in the
/// outcomes of the plan by [`Memory::absorb`], and is given to the next pass.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// Recorded identities without a live member, and since when.
    pub(crate) away: BTreeMap<MemberName, Timestamp>,
    /// Live members.
    pub(crate) members: BTreeMap<MemberName, MemberMemory>,
    /// Links that were dialled, doubted or are being removed.
    #[serde(serialize_with = "as_list")]
    pub(crate) links: BTreeMap<Link, LinkMemory>,
    /// Identities that were seen at two addresses.
    pub(crate) duplicates: BTreeMap<PeerId, Repeated>,
    /// New connections that a node was asked to make with addresses that several members share.
    #[serde(serialize_with = "as_list")]
    pub(crate) dialled: BTreeMap<(MemberName, IpAddr), Bucket>,
    /// Surplus links removed in the last minute: when, and how many.
    pub(crate) removals: BTreeMap<Timestamp, u64>,
    /// Moves that failed in a row, all links together.
    pub(crate) moves_failed: u32,
    /// When the last of them was seen to have failed.
    pub(crate) move_failed: Option<Timestamp>,
}

/// What is remembered of a live member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct MemberMemory {
    /// The life that all else is about.
    pub uid: MemberUid,
    /// The container start last seen.
    pub container: Option<ContainerStart>,
    /// Whether it was Ready.
    pub ready: bool,
    /// When this start, or this readiness, was first seen.
    pub started: Timestamp,
    /// When another start of its container than the one before was first seen.
    pub restarted: Option<Timestamp>,
    /// When the last call to it was answered: a state read before that is history.
    pub acted: Option<Timestamp>,
    /// Consecutive failures of calls that are no dials.
    pub failures: u32,
    /// Calls that are no dials, as last planned for it, until its lists show what they did.
    pub sent: Vec<Call>,
    /// How often in a row the same ones were planned anew: it says yes and nothing changes.
    pub unheeded: u32,
    /// Dials to it while it did not answer itself: they share one back-off.
    pub tried: u32,
    /// When the last of them was planned.
    pub tried_at: Option<Timestamp>,
    /// Whether it did not answer in the last pass.
    pub silent: bool,
    /// Whether it listed entries of ours when its list was last read.
    pub holds: bool,
    /// Whether the filters of a steering session on it are this process' own. Those that it finds in
    /// the record are taken away: it does not know how far they came.
    pub session: bool,
    /// Whom the session's only link leads to, where it is a canary.
    pub canary: Option<PeerId>,
    /// Moves that failed in a row, of all links that it is an end of.
    pub moves_failed: u32,
    /// When the last of them was seen to have failed.
    pub move_failed: Option<Timestamp>,
    /// Entries that it was last told to give up, and said yes.
    pub lifted: Vec<Arc<str>>,
    /// Another identity than the recorded one, seen at a line of a members file.
    pub changed: Option<Changed>,
}

/// An identity that is not the recorded one and may be adopted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Changed {
    /// The identity.
    pub peer_id: PeerId,
    /// In how many sweeps it was seen, in a row.
    pub sweeps: u32,
    /// On how many connections, all of these sweeps together.
    pub connections: u32,
    /// When it was last seen.
    pub at: Timestamp,
}

/// What is remembered of a link that is not healthy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct LinkMemory {
    /// Dials since it was last healthy.
    pub dials: u32,
    /// Failed dials from the smaller and the larger name's end.
    pub failed: [u32; 2],
    /// When it was last dialled, as planned and then as answered.
    pub dialled: Option<Timestamp>,
    /// When it was dialled before that: the last time after all, if the call is not sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dialled_before: Option<Timestamp>,
    /// Whether its last dial was from the larger name's end: what becomes of one from the other end, to
    /// a life that is over, says nothing of that one.
    pub dialled_from_b: bool,
    /// Whether an end started or came back since then: the least interval does not hold once.
    pub renewed: bool,
    /// What its dials have used up of the connections that Kubo admits of one address.
    pub spent: Option<Bucket>,
    /// What the last dial failed with.
    pub last: Option<Failure>,
    /// Since when it was relayed only.
    pub relayed: Option<Timestamp>,
    /// Attempts to make it direct.
    pub relayed_attempts: u32,
    /// When it was last moved to another network, until it shows what became of that.
    pub moved: Option<Timestamp>,
    /// Moves that failed since it was last on its network.
    pub moves_failed: u32,
    /// When the last of them was seen to have failed.
    pub move_failed: Option<Timestamp>,
    /// Since when the ends' lists do not fit each other.
    pub doubted: Option<Timestamp>,
    /// Whether it is being removed: it stays so until neither end has an entry of ours.
    pub removing: bool,
}

/// Something that must be seen in two sweeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Repeated {
    /// In how many sweeps it was seen.
    pub sweeps: u32,
    /// The younger of the two sightings last counted.
    pub at: Timestamp,
}

/// A token bucket in thousandths, so that it needs no floating point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Bucket {
    /// Thousandths of a connection that are left.
    pub left: u64,
    /// As of when.
    pub at: Timestamp,
}

// === impl LinkMemory ===

impl LinkMemory {
    /// Nothing but what the pace of its next dial goes by.
    pub(crate) fn pace(&self) -> Self {
        Self {
            dialled: self.dialled,
            dialled_before: self.dialled_before,
            dialled_from_b: self.dialled_from_b,
            renewed: self.renewed,
            spent: self.spent,
            ..Self::default()
        }
    }
}

// === impl Memory ===

impl Memory {
    /// Takes in what became of a plan's actions.
    pub fn absorb(&mut self, outcomes: &[Outcome]) {
        for outcome in outcomes {
            let unsent = matches!(
                &outcome.result,
                Err(Failure {
                    kind: FailureKind::Fenced | FailureKind::Skipped,
                    ..
                })
            );
            if let Call::Connect { .. } = outcome.call {
                self.absorb_dial(outcome, unsent);
            } else if let Some(member) = self.members.get_mut(&outcome.member)
                && !unsent
            {
                member.failures = match &outcome.result {
                    Ok(()) => 0,
                    Err(_) => member.failures.saturating_add(1),
                };
                // What failed has a back-off of its own, and nobody said yes.
                if outcome.result.is_err() {
                    member.sent.clear();
                    member.unheeded = 0;
                }
            }
            if let Some(member) = self.members.get_mut(&outcome.member)
                && let (Call::FiltersRemove { entries }, Ok(())) = (&outcome.call, &outcome.result)
            {
                member.lifted.clone_from(entries);
            }
            if let Some(member) = self.members.get_mut(&outcome.member)
                && !unsent
            {
                member.acted = member.acted.max(Some(outcome.at));
            }
            if let Some(member) = self.members.get_mut(&outcome.member)
                && unsent
            {
                member.sent.clear();
                member.unheeded = 0;
            }
        }
    }

    fn absorb_dial(&mut self, outcome: &Outcome, unsent: bool) {
        let Some(key) = &outcome.link else { return };
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        let end = usize::from(outcome.member != key.a);
        if unsent && link.dialled_from_b != (end == 1) {
            return;
        }
        if unsent {
            link.dials = link.dials.saturating_sub(1);
            link.dialled = link.dialled_before;
            return;
        }
        link.dialled = link.dialled.max(Some(outcome.at));
        link.last = outcome.result.as_ref().err().cloned();
        // Whoever was reached is not silent, whatever its API says.
        let far = if outcome.member == key.a {
            &key.b
        } else {
            &key.a
        };
        if let (Ok(()), Some(far)) = (&outcome.result, self.members.get_mut(far)) {
            far.tried = 0;
            far.tried_at = None;
        }
        if outcome.result.is_err() {
            link.failed[end] = link.failed[end].saturating_add(1);
        }
    }
}

/// JSON wants text as keys of a map; pairs go out as a list of `[key, value]`.
fn as_list<S: Serializer, K: Serialize, V: Serialize>(
    map: &BTreeMap<K, V>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(map)
}
