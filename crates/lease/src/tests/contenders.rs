//! Two candidates and one API server, with clocks that differ and run at different speeds, slow and
//! lost answers, writes that land late, restarts and deletions: never two at a time, always one in
//! the end. All in virtual time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use proptest::prelude::*;

use crate::Timing;
use crate::machine::{Machine, Moment, Sight, Step, Write};

/// True time, milliseconds.
type Time = u64;

/// How one request fares.
#[derive(Debug, Clone, Copy)]
struct Fate {
    /// Until it is done at the server; `None`: it never gets there.
    there: Option<Time>,
    /// Until its answer is back; `None`: the answer is lost.
    back: Option<Time>,
}

/// What happens from outside.
#[derive(Debug, Clone, Copy)]
enum Blow {
    /// The process is killed and another one starts in its place.
    Restart(usize),
    /// The process is killed for good.
    Kill(usize),
    /// Somebody deletes the object.
    Delete,
}

#[derive(Debug, Clone)]
struct Story {
    /// Each candidate's clock: where it starts, and its speed in percent.
    clocks: [(u64, u64); 2],
    /// Of each candidate's requests, over and over.
    fates: [Vec<Fate>; 2],
    blows: Vec<(Time, Blow)>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// The candidate looks what to do next.
    Look(usize, u32),
    /// A request, sent then, reaches the server; its answer is heard at that time, if at all.
    Land(usize, u32, Request, Time, Option<Time>),
    /// The answer to what was sent then, or its loss, reaches the candidate.
    Hear(usize, u32, Answer, Time),
    Blow(usize),
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Request {
    Read,
    Create,
    Replace(String),
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Answer {
    Found(Option<(u64, String)>),
    Written(u64, String),
    Conflict,
    Silence,
}

struct Candidate {
    machine: Machine,
    /// The number of the process in this place; events of a former one are not heard.
    life: u32,
    /// The version that a replacement names.
    version: String,
}

struct World {
    story: Story,
    events: BinaryHeap<Reverse<(Time, u64, Event)>>,
    order: u64,
    requests: [usize; 2],
    candidates: [Candidate; 2],
    /// Version and holder.
    lease: Option<(u64, String)>,
    versions: u64,
    violation: Option<String>,
}

/// Until here nothing goes wrong: both have seen the lease. (One that starts while it is deleted
/// cannot know that it had a holder.)
const SETTLED: Time = 5_000;
/// From here on nothing goes wrong any more.
const QUIET: Time = 60_000;
const END: Time = 100_000;

const QUICK: Fate = Fate {
    there: Some(5),
    back: Some(5),
};
const NEVER: Fate = Fate {
    there: None,
    back: None,
};

impl World {
    fn new(story: Story) -> Self {
        let candidates = [0, 1].map(|at| Candidate {
            machine: Machine::new(name(at, 0), Timing::default()),
            life: 0,
            version: String::new(),
        });
        let mut world = Self {
            story,
            events: BinaryHeap::new(),
            order: 0,
            requests: [0; 2],
            candidates,
            lease: None,
            versions: 0,
            violation: None,
        };
        world.push(0, Event::Look(0, 0));
        world.push(0, Event::Look(1, 0));
        for (index, (time, _)) in world.story.blows.clone().into_iter().enumerate() {
            world.push(time, Event::Blow(index));
        }
        world
    }

    /// Lets everything happen up to this time.
    fn run(&mut self, end: Time) {
        while self.violation.is_none()
            && self
                .events
                .peek()
                .is_some_and(|Reverse((time, ..))| *time <= end)
        {
            let Some(Reverse((time, _, event))) = self.events.pop() else {
                return;
            };
            match event {
                Event::Look(who, life) if self.lives(who, life) => self.look(who, time),
                Event::Hear(who, life, answer, sent) if self.lives(who, life) => {
                    self.hear(who, answer, sent, time);
                }
                Event::Look(..) | Event::Hear(..) => {}
                Event::Land(who, life, request, sent, heard) => {
                    let answer = self.land(who, life, request);
                    if let Some(heard) = heard {
                        self.push(heard, Event::Hear(who, life, answer, sent));
                    }
                }
                Event::Blow(index) => self.blow(self.story.blows[index].1, time),
            }
        }
    }

    fn push(&mut self, time: Time, event: Event) {
        self.order += 1;
        self.events.push(Reverse((time, self.order, event)));
    }

    fn lives(&self, who: usize, life: u32) -> bool {
        self.candidates[who].life == life
    }

    fn local(&self, who: usize, time: Time) -> Moment {
        let (offset, speed) = self.story.clocks[who];
        Duration::from_micros(offset * 1_000 + time * 10 * speed)
    }

    fn true_time(&self, who: usize, moment: Moment) -> Time {
        let (offset, speed) = self.story.clocks[who];
        let micros = u64::try_from(moment.as_micros())
            .unwrap()
            .saturating_sub(offset * 1_000);
        micros.div_ceil(10 * speed)
    }

    fn holds(&self, who: usize, time: Time) -> bool {
        self.candidates[who]
            .machine
            .term_end()
            .is_some_and(|end| self.local(who, time) < end)
    }

    fn look(&mut self, who: usize, time: Time) {
        let life = self.candidates[who].life;
        let request = match self.candidates[who].machine.next(self.local(who, time)) {
            Step::Wait(until) => {
                let until = self.true_time(who, until).max(time + 1);
                return self.push(until, Event::Look(who, life));
            }
            Step::Read => Request::Read,
            Step::Write(Write::Create) => Request::Create,
            Step::Write(Write::Take | Write::Renew) => {
                Request::Replace(self.candidates[who].version.clone())
            }
        };
        let Fate { there, back } = self.fate(who, time);
        let deadline = Timing::default().request_deadline();
        let silence = self.true_time(who, self.local(who, time) + deadline);
        let heard = there.zip(back).map(|(there, back)| time + there + back);
        let heard = heard.filter(|heard| *heard < silence);
        if let Some(there) = there {
            self.push(time + there, Event::Land(who, life, request, time, heard));
        }
        if heard.is_none() {
            self.push(silence, Event::Hear(who, life, Answer::Silence, time));
        }
    }

    fn fate(&mut self, who: usize, time: Time) -> Fate {
        let fates = &self.story.fates[who];
        if !(SETTLED..QUIET).contains(&time) || fates.is_empty() {
            return QUICK;
        }
        self.requests[who] += 1;
        fates[(self.requests[who] - 1) % fates.len()]
    }

    fn land(&mut self, who: usize, life: u32, request: Request) -> Answer {
        match (request, self.lease.clone()) {
            (Request::Read, lease) => Answer::Found(lease),
            (Request::Create, None) => self.write(who, life),
            (Request::Replace(version), Some((present, _))) if present.to_string() == version => {
                self.write(who, life)
            }
            _ => Answer::Conflict,
        }
    }

    fn write(&mut self, who: usize, life: u32) -> Answer {
        self.versions += 1;
        let holder = name(who, life);
        self.lease = Some((self.versions, holder.clone()));
        Answer::Written(self.versions, holder)
    }

    fn hear(&mut self, who: usize, answer: Answer, sent: Time, time: Time) {
        let (sent, now) = (self.local(who, sent), self.local(who, time));
        let candidate = &mut self.candidates[who];
        match answer {
            Answer::Found(lease) => {
                if let Some((version, _)) = &lease {
                    candidate.version = version.to_string();
                }
                candidate
                    .machine
                    .read(now, lease.map(|(version, holder)| sight(version, holder)));
            }
            Answer::Written(version, holder) => {
                candidate.version = version.to_string();
                candidate.machine.wrote(sent, now, sight(version, holder));
                self.check(who, time);
            }
            Answer::Conflict => candidate.machine.conflicted(now),
            Answer::Silence => candidate.machine.failed(now),
        }
        let life = self.candidates[who].life;
        self.push(time, Event::Look(who, life));
    }

    /// A term begins only when a write is heard, so two overlap only if they do now.
    fn check(&mut self, who: usize, time: Time) {
        if self.holds(0, time) && self.holds(1, time) {
            let clocks = self.story.clocks;
            self.violation = Some(format!(
                "both hold at {time} ms after {who} wrote; {clocks:?}"
            ));
        }
    }

    fn blow(&mut self, blow: Blow, time: Time) {
        match blow {
            Blow::Delete => self.lease = None,
            Blow::Kill(who) => self.candidates[who].life += 1,
            Blow::Restart(who) => {
                let life = self.candidates[who].life + 1;
                let machine = Machine::new(name(who, life), Timing::default());
                self.candidates[who] = Candidate {
                    machine,
                    life,
                    version: String::new(),
                };
                self.push(time, Event::Look(who, life));
            }
        }
    }
}

fn name(who: usize, life: u32) -> String {
    format!("{who}_{life}")
}

fn sight(version: u64, holder: String) -> Sight {
    let duration = Some(Timing::default().duration());
    Sight {
        version: version.to_string(),
        holder: Some(holder),
        duration,
    }
}

fn fates() -> impl Strategy<Value = Vec<Fate>> {
    let way = |longest| prop::option::weighted(0.9, 1..longest);
    let any = (way(4_000_u64), way(2_500)).prop_map(|(there, back)| Fate { there, back });
    prop::collection::vec(
        prop_oneof![2 => Just(QUICK), 1 => Just(NEVER), 1 => any],
        0..40,
    )
}

fn clock() -> impl Strategy<Value = (u64, u64)> {
    (0..1_000_000_u64, 95..=105_u64)
}

fn story(blows: impl Strategy<Value = Vec<(Time, Blow)>>) -> impl Strategy<Value = Story> {
    ([clock(), clock()], [fates(), fates()], blows).prop_map(|(clocks, fates, blows)| Story {
        clocks,
        fates,
        blows,
    })
}

fn restarts() -> impl Strategy<Value = Vec<(Time, Blow)>> {
    prop::collection::vec((SETTLED..QUIET, (0..2_usize).prop_map(Blow::Restart)), 0..6)
}

/// One: a second one between two looks of a candidate is not seen by it.
fn deletion() -> impl Strategy<Value = Vec<(Time, Blow)>> {
    (SETTLED..QUIET).prop_map(|time| vec![(time, Blow::Delete)])
}

fn held_by_one(story: Story) -> Result<(), TestCaseError> {
    let mut world = World::new(story);
    world.run(END);
    prop_assert_eq!(&world.violation, &None);
    let holders = [0, 1].map(|who| world.holds(who, END));
    prop_assert!(
        holders[0] != holders[1],
        "in the end one holds it: {holders:?}"
    );
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn never_two_and_in_the_end_one_whoever_restarts(story in story(restarts())) {
        held_by_one(story)?;
    }

    #[test]
    fn never_two_and_in_the_end_one_when_somebody_deletes_it(story in story(deletion())) {
        held_by_one(story)?;
    }
}

#[test]
fn a_dead_holder_is_replaced_within_its_duration_and_a_look() {
    let blows = vec![(30_000, Blow::Kill(0))];
    let mut world = World::new(Story {
        clocks: [(0, 100), (500_000, 100)],
        fates: [vec![], vec![]],
        blows,
    });
    world.run(29_999);
    assert!(world.holds(0, 29_999), "the first one to look holds it");
    world.run(30_000 + 6_000 + 1_000);
    assert!(world.holds(1, 37_000));
}

#[test]
fn clocks_beyond_the_margin_are_seen_by_the_judge() {
    // The holder's clock is slow and its renewals are lost; the other's clock is fast.
    let clocks = [(0, 60), (0, 140)];
    let fates = [vec![NEVER], vec![]];
    let mut world = World::new(Story {
        clocks,
        fates,
        blows: vec![],
    });
    world.run(END);
    assert!(
        world
            .violation
            .is_some_and(|violation| violation.starts_with("both hold at"))
    );
}
