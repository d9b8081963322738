//! Stories with agents: about a quarter. What is special about them is drawn apart, so that the others
//! are what they were.

use kubomesh_model::Rng;

use super::{Writer, slot_of};
use crate::story::agents::{AgentsEvent, AgentsMode, Beside};
use crate::story::event::Event;
use crate::story::weights::{below, one_of};

/// Stories in a thousand that have agents.
const SHARE: u16 = 250;

/// Of a thousand events of such a story those that it has because of them.
const EVENTS: u16 = 150;

/// The agents' part of a story's writer.
pub(super) struct Agents {
    rng: Rng,
    /// `spec.agents.mode` at the beginning.
    pub(super) mode: AgentsMode,
    /// Whether it changes.
    changes: bool,
}

impl Agents {
    /// Whether a seed's story has agents.
    pub(super) fn of(seed: u64) -> Option<Self> {
        let mut rng = Rng::new(seed ^ 0xa6e4_7501);
        rng.per_mille(SHARE).then(|| {
            let modes = [AgentsMode::Auto, AgentsMode::Auto, AgentsMode::Required];
            Self {
                mode: one_of(&mut rng, &modes),
                changes: rng.per_mille(400),
                rng,
            }
        })
    }

    fn beside(&mut self) -> Beside {
        let all = [
            Beside::Nothing,
            Beside::Unready,
            Beside::TooOld,
            Beside::Older,
            Beside::Same,
            Beside::Same,
            Beside::Same,
            Beside::Newer,
            Beside::TooNew,
        ];
        one_of(&mut self.rng, &all)
    }
}

impl Writer {
    /// What runs beside each Kubo at the beginning.
    pub(super) fn agents_begin(&mut self) {
        for slot in 0..self.slots {
            let Some(agents) = &mut self.agents else {
                return;
            };
            let beside = match agents.mode {
                AgentsMode::Required if agents.rng.per_mille(800) => Beside::Same,
                _ => agents.beside(),
            };
            let slot = slot_of(slot);
            self.push(Event::Agents(AgentsEvent::Runs { slot, beside }));
        }
    }

    /// An event that the story has because of its agents, now and then.
    pub(super) fn attended(&mut self) -> Option<Event> {
        let slots = self.slots;
        let agents = self.agents.as_mut()?;
        if !agents.rng.per_mille(EVENTS) {
            return None;
        }
        if agents.changes && agents.rng.per_mille(100) {
            let modes = [AgentsMode::Off, AgentsMode::Auto, AgentsMode::Required];
            let mode = one_of(&mut agents.rng, &modes);
            return Some(Event::Agents(AgentsEvent::Mode(mode)));
        }
        let slot = slot_of(below(&mut agents.rng, slots));
        let beside = agents.beside();
        Some(Event::Agents(AgentsEvent::Runs { slot, beside }))
    }
}
