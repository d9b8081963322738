//! What is to happen by itself, in order of time.

use std::collections::BTreeMap;

use kubomesh_core::{MemberUid, Reading, Timestamp};

use crate::controller::Who;
use crate::controller::task::{Sent, TaskId, Wire};
use crate::story::event::{Replica, Slot, Traits};
use crate::truth::rpc::{Answer, Verb};
use crate::truth::store::{Refused, Stored, Write};

/// A request of a controller to a node.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) who: Who,
    pub(crate) task: TaskId,
    /// Which of the task's requests.
    pub(crate) serial: u64,
    pub(crate) to: To,
    pub(crate) verb: Verb,
    /// When the controller gives up.
    pub(crate) deadline: Timestamp,
    /// Whether the controller held the lease when it sent it.
    pub(crate) fenced: bool,
    /// What it is for, where it is a planned call.
    pub(crate) call: Option<Box<Sent>>,
}

/// Where a request goes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum To {
    /// To whoever answers at this IP, on a new connection.
    Ip(std::net::IpAddr),
    /// To the agent at this IP, on a new channel.
    Agent(std::net::IpAddr),
    /// On a connection.
    Wire(Wire),
}

/// Something that happens by itself.
#[derive(Debug, Clone)]
pub(crate) enum Job {
    /// A request arrives.
    Arrive(Box<Request>),
    /// Its answer is there: on which connection, if that is still open.
    Answer(Box<Request>, Reading<Answer>, Option<Wire>),
    /// The controller gives up on a request.
    Timeout(Box<Request>),
    /// A pass looks whether its nodes get on: its wait of this number.
    Patience(Who, u64),
    /// A controller looks whether there is something to do.
    Wake(Who),
    /// A controller hears of pods and records.
    Hear(Who),
    /// A write of a record arrives.
    Store(Who, Box<Write>),
    /// Its answer is there.
    Stored(Who, String, Result<Option<Stored>, Refused>),
    /// A controller is started.
    Start(Replica),
    /// A controller gets the lease if nobody has it.
    Lease(Replica),
    /// A controller that shares the lease loses it.
    EndSplit(Who),
    /// Something becomes of a pod.
    Pod(Slot, PodJob),
}

/// What becomes of a pod by itself.
#[derive(Debug, Clone)]
pub(crate) enum PodJob {
    /// It is Ready.
    Ready(MemberUid),
    /// Its status says what is so.
    Told(MemberUid),
    /// Its network-status says what is so.
    Attached(MemberUid),
    /// Its process ends.
    Ends(MemberUid),
    /// Its object goes.
    Gone(MemberUid),
    /// Another one of its name is created.
    Create(Traits),
}

/// Jobs in order of time, then of being added.
#[derive(Debug, Clone, Default)]
pub(crate) struct Queue {
    jobs: BTreeMap<(Timestamp, u64), Job>,
    serial: u64,
}

// === impl Queue ===

impl Queue {
    pub(crate) fn push(&mut self, at: Timestamp, job: Job) {
        self.serial += 1;
        self.jobs.insert((at, self.serial), job);
    }

    /// Whether something is still to become of a pod.
    pub(crate) fn has_pods(&self) -> bool {
        self.jobs.values().any(|job| matches!(job, Job::Pod(..)))
    }

    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.jobs.first_key_value().map(|((at, _), _)| *at)
    }

    pub(crate) fn pop(&mut self) -> Option<Job> {
        self.jobs.pop_first().map(|(_, job)| job)
    }
}
