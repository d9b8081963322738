//! Stories: who is there, what happens when, and how it ended.

pub mod agents;
pub mod event;
mod generate;
pub mod network;
mod owner;
mod policy;
mod sentence;
mod weights;

use std::fmt;
use std::time::Duration;

use kubomesh_core::{Policy, Timings};
use kubomesh_model::{Routing, Settings};

use crate::audit::Violation;
use crate::rules::Rules;
use crate::sim::Sim;
use agents::AgentsMode;
use event::Event;

/// A story: the same events at the same times give the same end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Story {
    /// What it was made from.
    pub seed: u64,
    /// Whether the nodes' world has no odds.
    pub certain: bool,
    /// Whether nodes know each other's announced addresses from a DHT.
    pub routed: bool,
    /// The policy at the beginning.
    pub policy: Policy,
    /// The flags' time constants.
    pub timings: Timings,
    /// `spec.agents.mode` at the beginning.
    pub agents: AgentsMode,
    /// What happens, in order of time.
    pub steps: Vec<Step>,
}

/// An event and when it happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// From the story's beginning.
    pub at: Duration,
    /// What happens.
    pub event: Event,
}

/// How a story ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// What was found broken, and after which step.
    pub violation: Option<(usize, Violation)>,
    /// Passes of both controllers.
    pub passes: u64,
    /// Calls that arrived and records that were written.
    pub acts: u64,
    /// Time that passed in the story.
    pub lasted: Duration,
}

// === impl Story ===

impl Story {
    /// Plays it to its end, or until a property does not hold.
    #[must_use]
    pub fn play(&self, rules: Rules) -> End {
        self.play_and_tell(rules, false).0
    }

    /// Plays it and tells what the controllers did, a line each with its time.
    #[must_use]
    pub fn tell(&self, rules: Rules) -> (End, Vec<(Duration, String)>) {
        self.play_and_tell(rules, true)
    }

    fn play_and_tell(&self, rules: Rules, tells: bool) -> (End, Vec<(Duration, String)>) {
        let mut sim = Sim::new(self, rules);
        let beginning = sim.now();
        sim.audit.tale = tells.then(Vec::new);
        // A quiet takes its time: what comes after it comes later by as much.
        let mut shift = Duration::ZERO;
        let mut violation = None;
        for (index, step) in self.steps.iter().enumerate() {
            sim.run_until(beginning + step.at + shift);
            if !sim.audit.is_broken() {
                let before = sim.now();
                sim.happen(&step.event);
                shift += sim.now().since(before);
            }
            if let Some(broken) = sim.audit.violation() {
                violation = Some((index, broken.clone()));
                break;
            }
        }
        let tale = sim.audit.tale.take().unwrap_or_default();
        let tale = tale
            .into_iter()
            .map(|(at, line)| (at.since(beginning), line))
            .collect();
        let end = End {
            violation,
            passes: sim.audit.passes,
            acts: sim.audit.acts,
            lasted: sim.now().since(beginning),
        };
        (end, tale)
    }

    /// What the nodes' world is like.
    pub(crate) fn settings(&self) -> Settings {
        let settings = if self.certain {
            Settings::certain()
        } else {
            Settings::default()
        };
        let routing = match self.routed {
            true => Routing::Everything,
            false => Routing::None,
        };
        Settings {
            routing,
            ..settings
        }
    }
}

/// One line a step.
impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        policy::describe(self, f)?;
        for step in &self.steps {
            writeln!(f, "{:>10.3} s  {}", step.at.as_secs_f64(), step.event)?;
        }
        Ok(())
    }
}
