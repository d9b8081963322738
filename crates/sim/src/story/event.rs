//! What can happen in a story. Each event is a sentence, and means nothing when it does not apply
//! (the pod is not there, the link was cut already), so that any part of a story is a story.

use std::time::Duration;

use kubomesh_core::{FilterPolicy, Mode};

use super::agents::AgentsEvent;
use super::network::{NetworkChange, NetworkEvent, Wiring};
pub use super::owner::{Form, OwnerFilter};

/// A pod's name in a story: a place that pods of that name come to and go from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot(pub u16);

/// One of the two controllers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Replica {
    /// The first, which holds the lease at the start.
    A,
    /// The second.
    B,
}

/// What a new pod is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traits {
    /// Its zone, by number.
    pub zone: u8,
    /// Marks of its connection manager; `None`: unset.
    pub water: Option<(i64, i64)>,
    /// Whether others see another source address than its own.
    pub rewritten: bool,
    /// Whether it has Kubo's `server` profile.
    pub server: bool,
    /// How it is wired to the storage network.
    pub wiring: Wiring,
}

/// What a repo does when its pod starts anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repo {
    /// It is kept, identity and config included.
    Kept,
    /// It was lost: another identity, a fresh config.
    Lost,
}

/// How a pod goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletion {
    /// Terminating first, then its process ends, then the object goes.
    Graceful,
    /// The object goes at once, its process a little later.
    Forced,
    /// Its host vanishes; the object stays, no longer Ready, until somebody deletes it.
    HostLost,
}

/// How a process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Its sockets are closed: the far ends notice at once.
    Loud,
    /// Nobody is told.
    Silent,
}

/// What a lying node says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    /// It lists connections with everybody that it has an entry for.
    ClaimsLinks,
    /// It lists no connection.
    DeniesLinks,
    /// It shows no peering entry.
    DeniesEntries,
}

/// A change of the mesh's policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyChange {
    /// `spec.mode`.
    Mode(Mode),
    /// `spec.links.protect`.
    Protect(bool),
    /// `spec.topology.fullMeshUpTo`.
    FullMeshUpTo(u32),
    /// `spec.topology.degree`; 0 for `Auto`.
    Degree(u32),
    /// `spec.filters`.
    Filters(FilterPolicy),
    /// `spec.links.forgetAfter`.
    ForgetAfter(Duration),
    /// `spec.network`.
    Network(NetworkChange),
}

/// One thing that happens.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A pod of this name comes up, with the repo of the last one if there was one.
    Create {
        /// Whose name.
        slot: Slot,
        /// What it is like.
        traits: Traits,
        /// How long until it is Ready.
        ready: Duration,
    },
    /// A pod is Ready, or not.
    Ready {
        /// Which.
        slot: Slot,
        /// Whether.
        ready: bool,
    },
    /// A pod goes.
    Delete {
        /// Which.
        slot: Slot,
        /// How.
        how: Deletion,
    },
    /// A pod is deleted and another of its name comes up.
    Replace {
        /// Which.
        slot: Slot,
        /// With which repo.
        repo: Repo,
        /// After how long.
        gap: Duration,
    },
    /// A container is started anew in its pod.
    Restart {
        /// Which.
        slot: Slot,
        /// How the old process ended.
        end: End,
        /// With which repo.
        repo: Repo,
        /// How long until the pod's status says so.
        told: Duration,
    },
    /// A pod gets another IP, its container starts anew.
    Readdress {
        /// Which.
        slot: Slot,
        /// How long until the pod's status says so.
        told: Duration,
    },
    /// A pod's process vanishes, its object stays, and a new pod gets its IP.
    StealIp {
        /// Whose IP.
        from: Slot,
        /// The new pod.
        by: Slot,
        /// Whether the old object still says Ready.
        ready: bool,
    },
    /// A pod object without a process goes.
    Forget {
        /// Which.
        slot: Slot,
    },
    /// A new pod comes up with a copy of another's repo.
    Clone {
        /// The new pod.
        slot: Slot,
        /// Whose repo.
        of: Slot,
    },
    /// A pod's containers end for good; the object stays, with its IP.
    Finish {
        /// Which.
        slot: Slot,
    },
    /// A daemon is started anew with `--offline`, or without.
    Offline {
        /// Which.
        slot: Slot,
        /// Whether.
        offline: bool,
    },
    /// Two nodes do not reach each other any more.
    CutPair {
        /// One.
        slot: Slot,
        /// The other.
        of: Slot,
    },
    /// A node reaches no other node.
    CutNode {
        /// Which.
        slot: Slot,
    },
    /// Every partition between nodes is mended.
    Mend,
    /// A node's API takes requests and answers none.
    Hang {
        /// Which.
        slot: Slot,
    },
    /// A node's API needs this long.
    Slow {
        /// Which.
        slot: Slot,
        /// How long for one call.
        latency: Duration,
    },
    /// A node's API is prompt again; what waited for it is done now.
    Prompt {
        /// Which.
        slot: Slot,
    },
    /// The next answers of a node get lost; what was asked is done.
    LoseAnswers {
        /// Which.
        slot: Slot,
        /// How many.
        count: u8,
    },
    /// A controller and a node do not reach each other.
    Unheard {
        /// Which controller.
        replica: Replica,
        /// Which node.
        slot: Slot,
        /// Whether what the controller sends still arrives.
        one_way: bool,
    },
    /// Every controller reaches every node again.
    Heard,
    /// A node lies from now on.
    Lie {
        /// Which.
        slot: Slot,
        /// What it says.
        lie: Lie,
    },
    /// A node tells the truth again.
    Honest {
        /// Which.
        slot: Slot,
    },
    /// The owner of a node adds a dial filter.
    OwnerFilters {
        /// Which node.
        slot: Slot,
        /// What.
        filter: OwnerFilter,
    },
    /// The owner of a node takes all dial filters away.
    OwnerUnfilters {
        /// Which node.
        slot: Slot,
    },
    /// The owner of a node writes a peering entry.
    OwnerPeers {
        /// Which node.
        slot: Slot,
        /// With whom; `None`: somebody who is no member.
        of: Option<Slot>,
        /// In which form.
        form: Form,
        /// Whether it stands in the config, and is there again after each start.
        config: bool,
    },
    /// The owner of a node takes a peering entry away, whosever it is.
    OwnerUnpeers {
        /// Which node.
        slot: Slot,
        /// With whom.
        of: Slot,
    },
    /// The owner of a node closes its connections with another.
    OwnerDisconnects {
        /// Which node.
        slot: Slot,
        /// With whom.
        of: Slot,
    },
    /// A node dials another by its own wish.
    Dial {
        /// Which.
        slot: Slot,
        /// Whom.
        of: Slot,
    },
    /// A circuit through a relay comes up between two nodes that are not connected.
    Circuit {
        /// Who dialled.
        slot: Slot,
        /// Whom.
        of: Slot,
    },
    /// A controller is killed, and started anew after a while.
    Kill {
        /// Which.
        replica: Replica,
        /// After so many further steps of its own.
        steps: u16,
        /// Whether what it had sent still arrives.
        arrives: bool,
        /// How long until it is back.
        down: Duration,
    },
    /// The holder loses the lease, and the other takes it.
    LoseLease {
        /// After so many further steps of its own.
        steps: u16,
        /// After how long the other has it.
        gap: Duration,
    },
    /// Both controllers hold the lease for a while.
    Split {
        /// How long.
        span: Duration,
    },
    /// What a controller hears of pods is so old.
    PodLag {
        /// Which.
        replica: Replica,
        /// How old.
        lag: Duration,
    },
    /// What a controller hears of records is so old.
    RecordLag {
        /// Which.
        replica: Replica,
        /// How old.
        lag: Duration,
    },
    /// A controller hears nothing more of pods, and no error.
    Freeze {
        /// Which.
        replica: Replica,
    },
    /// A controller lists the pods anew and hears of them again.
    Thaw {
        /// Which.
        replica: Replica,
    },
    /// The API server shows a controller only some of the pods for a while.
    ShortLists {
        /// Which.
        replica: Replica,
        /// How many of a hundred.
        percent: u8,
        /// How long.
        span: Duration,
    },
    /// The next writes of records fail.
    StoreFails {
        /// How many.
        count: u8,
        /// Whether they are done all the same.
        done: bool,
    },
    /// Somebody deletes a record.
    RecordDeleted {
        /// Whose.
        slot: Slot,
    },
    /// The store of the records is restored from a backup.
    StoreRestored {
        /// How old the backup is.
        age: Duration,
    },
    /// The policy changes.
    Policy(PolicyChange),
    /// Something that has to do with the storage network.
    Network(NetworkEvent),
    /// Something that has to do with agents.
    Agents(AgentsEvent),
    /// Every fault ends and nothing happens until all is well.
    Quiet,
}

/// A span in seconds, as exact as it is.
pub(crate) fn seconds(span: Duration) -> String {
    format!("{} s", span.as_secs_f64())
}
