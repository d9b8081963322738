//! The proof that the simulation sees what it covers: with each rule off, some story breaks.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use kubomesh_sim::{Rule, Rules, Story, Violation};

use crate::console::Console;
use crate::plays::threads;

/// Events after which a rule counts as not found out.
const BOUND: u64 = 60_000;

/// What became of one rule.
pub(crate) struct Proved {
    rule: Rule,
    stories: u64,
    events: u64,
    /// The seed of the story that broke, and what it broke.
    found: Option<(u64, Violation)>,
}

/// Plays stories with each rule off in turn, from seed 1 on, until one breaks something.
pub(crate) fn prove(elapsed: &(dyn Fn() -> Duration + Sync), console: &mut Console) -> bool {
    let next = Mutex::new(Rule::ALL.into_iter());
    let proved = Mutex::new((Vec::new(), console));
    std::thread::scope(|scope| {
        for _ in 0..threads() {
            scope.spawn(|| {
                loop {
                    let rule = next.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some(rule) = rule else { return };
                    let one = find_out(rule);
                    let mut proved = proved.lock().unwrap_or_else(PoisonError::into_inner);
                    proved.1.line(&one.told());
                    proved.0.push(one);
                }
            });
        }
    });
    let (proved, console) = proved.into_inner().unwrap_or_else(PoisonError::into_inner);
    let found = proved.iter().filter(|one| one.found.is_some()).count();
    let events: u64 = proved.iter().map(|one| one.events).sum();
    console.line(&format!(
        "proof rules={} found={found} events={events} seconds={:.1}",
        Rule::ALL.len(),
        elapsed().as_secs_f64()
    ));
    found == Rule::ALL.len()
}

/// Plays stories without a rule until one breaks something.
fn find_out(rule: Rule) -> Proved {
    let mut proved = Proved {
        rule,
        stories: 0,
        events: 0,
        found: None,
    };
    while proved.found.is_none() && proved.events < BOUND {
        proved.stories += 1;
        let story = Story::of(proved.stories, usize::MAX);
        let end = story.play(Rules::without(rule));
        let played = match &end.violation {
            Some((step, _)) => step + 1,
            None => story.steps.len(),
        };
        proved.events += u64::try_from(played).unwrap_or(0);
        // What breaks with every rule on, too, says nothing about this one.
        let owed = |_: &Violation| story.play(Rules::default()).violation.is_none();
        let violation = end.violation.map(|(_, violation)| violation).filter(owed);
        proved.found = violation.map(|violation| (story.seed, violation));
    }
    proved
}

impl Proved {
    /// A line: the rule, and what it took to find it out.
    fn told(&self) -> String {
        let Self {
            rule,
            stories,
            events,
            found,
        } = self;
        let name = rule.name();
        match found {
            Some((seed, violation)) => {
                let property = violation.property;
                format!(
                    "{name:28} found out after {events} events of {stories} stories: {property:?} \
                     (seed {seed})"
                )
            }
            None => format!("{name:28} NOT FOUND OUT after {events} events of {stories} stories"),
        }
    }
}
