//! How likely what is: a story has a mood, in which some kinds of trouble are frequent and others
//! do not occur.

use kubomesh_model::Rng;

/// Kinds of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Create,
    Ready,
    Delete,
    Replace,
    Restart,
    Readdress,
    StealIp,
    Forget,
    Clone,
    Finish,
    Offline,
    Cut,
    Mend,
    Hang,
    Slow,
    Prompt,
    Lose,
    Unheard,
    Heard,
    Lie,
    Honest,
    Filter,
    Unfilter,
    Peer,
    Unpeer,
    Disconnect,
    Dial,
    Circuit,
    Kill,
    Lease,
    Split,
    PodLag,
    RecordLag,
    Freeze,
    Thaw,
    Short,
    StoreFails,
    RecordDeleted,
    Restored,
    Policy,
}

/// Kinds that are frequent or absent together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Group {
    Pods,
    Identity,
    Network,
    Api,
    Lies,
    Owners,
    Habits,
    Controllers,
    Views,
    Store,
    Policy,
}

/// Every kind with its group and its weight within it.
const KINDS: [(Kind, Group, u64); 40] = [
    (Kind::Create, Group::Pods, 14),
    (Kind::Ready, Group::Pods, 6),
    (Kind::Delete, Group::Pods, 8),
    (Kind::Replace, Group::Pods, 10),
    (Kind::Restart, Group::Pods, 14),
    (Kind::Readdress, Group::Pods, 6),
    (Kind::StealIp, Group::Identity, 6),
    (Kind::Forget, Group::Identity, 8),
    (Kind::Clone, Group::Identity, 4),
    (Kind::Finish, Group::Identity, 2),
    (Kind::Offline, Group::Identity, 3),
    (Kind::Cut, Group::Network, 10),
    (Kind::Mend, Group::Network, 6),
    (Kind::Hang, Group::Api, 6),
    (Kind::Slow, Group::Api, 8),
    (Kind::Prompt, Group::Api, 10),
    (Kind::Lose, Group::Api, 6),
    (Kind::Unheard, Group::Api, 6),
    (Kind::Heard, Group::Api, 4),
    (Kind::Lie, Group::Lies, 6),
    (Kind::Honest, Group::Lies, 6),
    (Kind::Filter, Group::Owners, 10),
    (Kind::Unfilter, Group::Owners, 4),
    (Kind::Peer, Group::Owners, 10),
    (Kind::Unpeer, Group::Owners, 6),
    (Kind::Disconnect, Group::Habits, 6),
    (Kind::Dial, Group::Habits, 8),
    (Kind::Circuit, Group::Habits, 3),
    (Kind::Kill, Group::Controllers, 12),
    (Kind::Lease, Group::Controllers, 8),
    (Kind::Split, Group::Controllers, 5),
    (Kind::PodLag, Group::Views, 8),
    (Kind::RecordLag, Group::Views, 6),
    (Kind::Freeze, Group::Views, 4),
    (Kind::Thaw, Group::Views, 6),
    (Kind::Short, Group::Views, 4),
    (Kind::StoreFails, Group::Store, 8),
    (Kind::RecordDeleted, Group::Store, 3),
    (Kind::Restored, Group::Store, 2),
    (Kind::Policy, Group::Policy, 8),
];

/// What is likely in one story.
pub(super) struct Mood {
    weights: Vec<(Kind, u64)>,
    sum: u64,
}

impl Mood {
    /// A mood by chance: pods always come and go, the rest is absent, rare or frequent.
    pub(super) fn any(rng: &mut Rng) -> Self {
        const GROUPS: [Group; 10] = [
            Group::Identity,
            Group::Network,
            Group::Api,
            Group::Lies,
            Group::Owners,
            Group::Habits,
            Group::Controllers,
            Group::Views,
            Group::Store,
            Group::Policy,
        ];
        let factors: Vec<(Group, u64)> = GROUPS
            .into_iter()
            .map(|group| (group, [0, 0, 1, 1, 3][below(rng, 5)]))
            .collect();
        let factor = |group: Group| {
            let known = factors.iter().find(|(other, _)| *other == group);
            known.map_or(1, |(_, factor)| *factor)
        };
        let weights: Vec<(Kind, u64)> = KINDS
            .iter()
            .map(|(kind, group, weight)| (*kind, weight * factor(*group)))
            .collect();
        let sum = weights.iter().map(|(_, weight)| weight).sum();
        Self { weights, sum }
    }

    /// A kind by chance.
    pub(super) fn kind(&self, rng: &mut Rng) -> Kind {
        let mut at = rng.below(self.sum);
        for (kind, weight) in &self.weights {
            if at < *weight {
                return *kind;
            }
            at -= weight;
        }
        Kind::Create
    }
}

/// A number below a bound.
pub(super) fn below(rng: &mut Rng, bound: usize) -> usize {
    usize::try_from(rng.below(u64::try_from(bound).unwrap_or(1))).unwrap_or(0)
}

/// One of several.
pub(super) fn one_of<T: Copy>(rng: &mut Rng, choices: &[T]) -> T {
    choices[below(rng, choices.len())]
}
