//! The decisions: given what was seen of the lease and the monotonic time, what to do next.
//! No clock, no I/O.

use std::time::Duration;

use crate::Timing;

/// A point on this process's monotonic clock, since its start.
pub(crate) type Moment = Duration;

/// What an answer of the API server shows of the lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sight {
    /// `resourceVersion`: another one means that somebody wrote, so it counts as a renewal.
    pub(crate) version: String,
    /// `holderIdentity`; `None` when it was given back.
    pub(crate) holder: Option<String>,
    /// `leaseDurationSeconds` as its holder wrote it.
    pub(crate) duration: Option<Duration>,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing before then.
    Wait(Moment),
    /// Read the lease.
    Read,
    /// Write the lease, under the precondition of what was last seen.
    Write(Write),
}

/// A write that makes this candidate the holder, or keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Write {
    /// There is no object.
    Create,
    /// Nobody holds it, or its holder was not heard of for its whole duration.
    Take,
    /// It is ours.
    Renew,
}

/// One candidate's view and term.
#[derive(Debug)]
pub(crate) struct Machine {
    identity: String,
    timing: Timing,
    view: View,
    term: Option<Term>,
    /// No request before this moment, after one that failed.
    pause: Moment,
    /// Conflicts in a row.
    conflicts: u32,
    /// Whether there ever was an object.
    existed: bool,
}

/// What is known of the object.
#[derive(Debug, PartialEq, Eq)]
enum View {
    /// It must be read. Keeps what was seen before, to tell whether it was renewed since.
    Unknown { before: Option<Seen> },
    /// There is none, first seen so at `since`. One that was deleted by hand may have a holder that
    /// has not noticed: `former` is how long that one may still act.
    Absent {
        since: Moment,
        former: Duration,
        read: Moment,
    },
    /// It is there.
    Present { seen: Seen, read: Moment },
}

/// A version of the object, and when it was first seen.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    sight: Sight,
    since: Moment,
}

/// The time for which a successful write lets this candidate act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Term {
    /// When the write was sent.
    sent: Moment,
    /// When it ends unless it is renewed.
    end: Moment,
}

// === impl Machine ===

impl Machine {
    pub(crate) fn new(identity: String, timing: Timing) -> Self {
        let view = View::Unknown { before: None };
        Self {
            identity,
            timing,
            view,
            term: None,
            pause: Moment::ZERO,
            conflicts: 0,
            existed: false,
        }
    }

    /// Until when this candidate may act; `None` if it may not.
    pub(crate) fn term_end(&self) -> Option<Moment> {
        self.term.map(|term| term.end)
    }

    /// Who holds the lease, as last seen.
    pub(crate) fn holder(&self) -> Option<&str> {
        match &self.view {
            View::Present { seen, .. } | View::Unknown { before: Some(seen) } => {
                seen.sight.holder.as_deref()
            }
            View::Absent { .. } | View::Unknown { before: None } => None,
        }
    }

    /// What to do at this moment.
    pub(crate) fn next(&self, now: Moment) -> Step {
        let step = self.wanted(now);
        match step {
            Step::Read | Step::Write(_) if now < self.pause => Step::Wait(self.pause),
            step => step,
        }
    }

    /// The lease was read; `now` is after the answer.
    pub(crate) fn read(&mut self, now: Moment, sight: Option<Sight>) {
        let Some(sight) = sight else {
            self.gone(now);
            return;
        };
        self.existed = true;
        if sight.holder.as_deref() != Some(self.identity.as_str()) {
            self.term = None;
        }
        let since = match self.before() {
            Some(seen) if seen.sight.version == sight.version => seen.since,
            _ => now,
        };
        self.view = View::Present {
            seen: Seen { sight, since },
            read: now,
        };
    }

    /// A write went through; `sent` is before its request, `now` after its answer.
    pub(crate) fn wrote(&mut self, sent: Moment, now: Moment, sight: Sight) {
        let end = sent + self.timing.duration() - self.timing.margin();
        self.term = Some(Term { sent, end });
        self.view = View::Present {
            seen: Seen { sight, since: now },
            read: now,
        };
        self.conflicts = 0;
        self.existed = true;
    }

    /// A write met another version of the object, or its absence or presence: read it again, at
    /// once the first time.
    pub(crate) fn conflicted(&mut self, now: Moment) {
        self.existed = true;
        self.conflicts += 1;
        if self.conflicts > 1 {
            self.pause = now + self.timing.retry_pause();
        }
        self.view = View::Unknown {
            before: self.before().cloned(),
        };
    }

    /// A request failed, or its answer did not come: whether it was done is unknown. The same again
    /// is right in both cases: if a write was done after all, its repetition is a conflict.
    pub(crate) fn failed(&mut self, now: Moment) {
        self.pause = now + self.timing.retry_pause();
    }

    /// The term is over by the clock, or given up.
    pub(crate) fn end_term(&mut self) {
        self.term = None;
    }

    /// There is no object. If there was one, somebody deleted it, and whoever held it may not know
    /// yet; unless that is this candidate.
    fn gone(&mut self, now: Moment) {
        let held = self.term.take().is_some_and(|term| now < term.end);
        if let View::Absent { read, .. } = &mut self.view {
            *read = now;
            return;
        }
        let former = match self.before() {
            _ if held || !self.existed => Duration::ZERO,
            Some(seen) => self.others_duration(&seen.sight),
            None => self.timing.duration(),
        };
        self.view = View::Absent {
            since: now,
            former,
            read: now,
        };
    }

    fn wanted(&self, now: Moment) -> Step {
        let (seen, read) = match &self.view {
            View::Unknown { .. } => return Step::Read,
            View::Absent {
                since,
                former,
                read,
            } if now < *since + *former => {
                return self.look(now, *read, *since + *former);
            }
            View::Absent { .. } => return Step::Write(Write::Create),
            View::Present { seen, read } => (seen, *read),
        };
        match seen.sight.holder.as_deref() {
            None => Step::Write(Write::Take),
            Some(holder) if holder == self.identity => self.renewal(now),
            Some(_) => {
                let expires = seen.since + self.others_duration(&seen.sight);
                if now >= expires {
                    Step::Write(Write::Take)
                } else {
                    self.look(now, read, expires)
                }
            }
        }
    }

    /// Reads from time to time until then.
    fn look(&self, now: Moment, read: Moment, until: Moment) -> Step {
        let due = read + self.timing.poll_interval();
        if now >= due {
            Step::Read
        } else {
            Step::Wait(due.min(until))
        }
    }

    fn renewal(&self, now: Moment) -> Step {
        let due = self
            .term
            .map(|term| term.sent + self.timing.renew_interval());
        match due {
            Some(due) if now < due => Step::Wait(due),
            _ => Step::Write(Write::Renew),
        }
    }

    /// How long the holder relies on it: what it wrote itself, which may differ during an update.
    fn others_duration(&self, sight: &Sight) -> Duration {
        let own = self.timing.duration();
        sight.duration.map_or(own, |theirs| theirs.max(own))
    }

    fn before(&self) -> Option<&Seen> {
        match &self.view {
            View::Present { seen, .. } => Some(seen),
            View::Unknown { before } => before.as_ref(),
            View::Absent { .. } => None,
        }
    }
}
