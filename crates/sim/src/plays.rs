//! Many stories, side by side, until the events are used up or one breaks something.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kubomesh_sim::{Rules, Story, Violation};

use crate::console::Console;

/// Threads at most.
const MOST_THREADS: usize = 8;

/// Stories to be played, each to its end.
pub(crate) struct Plays {
    next: Next,
    /// Events after which no further story begins.
    events: u64,
    rules: Rules,
}

/// Which story is next.
enum Next {
    /// One story and no more.
    One(Box<Story>),
    /// Fixed seeds, from 1 on, for the first half of the events, then fresh ones.
    Many { fixed: u64, fresh: u64 },
    /// None.
    None,
}

/// What was played.
#[derive(Default)]
pub(crate) struct Played {
    pub(crate) seeds: u64,
    pub(crate) events: u64,
    pub(crate) found: Option<Found>,
}

/// A story that breaks something.
pub(crate) struct Found {
    pub(crate) story: Story,
    pub(crate) violation: Violation,
    /// Which of the stories it was.
    number: u64,
}

/// What the threads share.
struct Shared<'a> {
    plays: Plays,
    played: Played,
    console: &'a mut Console,
}

// === impl Plays ===

impl Plays {
    /// One story.
    pub(crate) fn one(story: Story, rules: Rules) -> Self {
        Self {
            next: Next::One(Box::new(story)),
            events: u64::MAX,
            rules,
        }
    }

    /// At least so many events: half of them from fixed seeds, half from seeds from `fresh` on.
    pub(crate) fn many(fresh: u64, events: u64, rules: Rules) -> Self {
        Self {
            next: Next::Many { fixed: 1, fresh },
            events,
            rules,
        }
    }

    /// Plays them all, or until one breaks something. Of several that do, the first counts, however
    /// many are played side by side.
    pub(crate) fn run(
        self,
        elapsed: &(dyn Fn() -> Duration + Sync),
        console: &mut Console,
    ) -> Played {
        let threads = match &self.next {
            Next::Many { .. } => threads(),
            _ => 1,
        };
        let shared = Mutex::new(Shared {
            plays: self,
            played: Played::default(),
            console,
        });
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| work(&shared, elapsed));
            }
        });
        let shared = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
        shared.played
    }
}

/// How many threads play.
pub(crate) fn threads() -> usize {
    let available = std::thread::available_parallelism().map_or(1, usize::from);
    available.min(MOST_THREADS)
}

/// Plays one story after the other.
fn work(shared: &Mutex<Shared<'_>>, elapsed: &(dyn Fn() -> Duration + Sync)) {
    let rules = lock(shared).plays.rules;
    loop {
        // A statement of its own: the lock is not held while the story plays.
        let next = lock(shared).next();
        let Some((number, story)) = next else { return };
        let end = story.play(rules);
        let mut shared = lock(shared);
        if let Some((_, violation)) = end.violation {
            shared.broke(Found {
                story,
                violation,
                number,
            });
        }
        shared.say(elapsed());
    }
}

// === impl Shared ===

impl Shared<'_> {
    /// The next story with its number; none when the events are used up or something was found.
    fn next(&mut self) -> Option<(u64, Story)> {
        if self.played.found.is_some() || self.played.events >= self.plays.events {
            return None;
        }
        let story = match std::mem::replace(&mut self.plays.next, Next::None) {
            Next::None => return None,
            Next::One(story) => *story,
            Next::Many {
                mut fixed,
                mut fresh,
            } => {
                let next = if self.played.events < self.plays.events / 2 {
                    &mut fixed
                } else {
                    &mut fresh
                };
                let seed = *next;
                *next = next.wrapping_add(1);
                self.plays.next = Next::Many { fixed, fresh };
                Story::of(seed, usize::MAX)
            }
        };
        self.played.seeds += 1;
        self.played.events += u64::try_from(story.steps.len()).unwrap_or(0);
        Some((self.played.seeds, story))
    }

    fn broke(&mut self, found: Found) {
        let first = self.played.found.as_ref();
        if first.is_none_or(|first| found.number < first.number) {
            self.played.found = Some(found);
        }
    }

    fn say(&mut self, elapsed: Duration) {
        let Played { seeds, events, .. } = &self.played;
        let seconds = elapsed.as_secs();
        self.console.status(&format!(
            "{events} events of {seeds} stories in {seconds} s"
        ));
    }
}

fn lock<'a, 'b>(shared: &'a Mutex<Shared<'b>>) -> MutexGuard<'a, Shared<'b>> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
