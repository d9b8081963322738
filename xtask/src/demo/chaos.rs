//! Trouble, one at a time: a node is killed for a while, restarted, or moved; the next one comes
//! when all is well again.

use std::time::Duration;

use anyhow::Result;

use super::fleet::{Fleet, Node};

/// How long all is well before the next trouble.
const CALM: Duration = Duration::from_secs(3);

/// How long a killed node stays down.
const DOWN: Duration = Duration::from_secs(4);

/// From one troubled node to the next: the first that does not divide their number, so that each
/// has its turn.
const STRIDES: [usize; 3] = [7, 5, 3];

/// What happens to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stroke {
    Kill,
    Restart,
    Move,
}

/// In this order, again and again.
const STROKES: [Stroke; 3] = [Stroke::Kill, Stroke::Restart, Stroke::Move];

/// Where the trouble stands. Times are those of the demo's own clock.
#[derive(Debug, Clone, Copy)]
enum Phase {
    /// All is well since then.
    Calm(Duration),
    /// This node is down since then.
    Down(usize, Duration),
    /// All nodes run since then, and links are still missing. The pass that was the last one then.
    Healing(Duration, u64),
}

/// The troublemaker.
#[derive(Debug)]
pub(super) struct Chaos {
    phase: Phase,
    strokes: usize,
    healed: usize,
}

/// What the demo sees at one look.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sight {
    /// The demo's clock.
    pub(super) now: Duration,
    /// Every link is on both ends, and the controller knows.
    pub(super) whole: bool,
    /// The last pass.
    pub(super) pass: u64,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct News {
    /// For people.
    pub(super) text: String,
    /// A node has another address: the members file is to be written anew.
    pub(super) moved: bool,
}

// === impl Chaos ===

impl Chaos {
    /// Nothing happens before all has been well for a while.
    pub(super) fn new(now: Duration) -> Self {
        Self {
            phase: Phase::Calm(now),
            strokes: 0,
            healed: 0,
        }
    }

    /// Whether each kind of trouble came and went.
    pub(super) fn had_one_of_each(&self) -> bool {
        self.healed >= STROKES.len()
    }

    /// How long the mesh has had to heal, while it has not.
    pub(super) fn healing(&self, now: Duration) -> Option<Duration> {
        match self.phase {
            Phase::Healing(since, _) => Some(now.saturating_sub(since)),
            _ => None,
        }
    }

    /// Goes one step, if it is time, and says what happened.
    ///
    /// # Errors
    /// When a node does not start again.
    pub(super) fn step(&mut self, fleet: &mut dyn Fleet, sight: Sight) -> Result<Option<News>> {
        let Sight { now, whole, pass } = sight;
        match self.phase {
            Phase::Calm(_) if !whole => {
                self.phase = Phase::Calm(now);
                Ok(None)
            }
            Phase::Calm(since) if now - since > CALM => self.strike(fleet, now, pass).map(Some),
            Phase::Down(index, since) if now - since > DOWN => {
                fleet.start(index)?;
                self.phase = Phase::Healing(now, pass);
                Ok(Some(News::of(fleet.nodes(), index, "runs again")))
            }
            Phase::Healing(since, before) if whole && pass > before => {
                self.phase = Phase::Calm(now);
                self.healed += 1;
                let text = format!("healed in {:.1} s", (now - since).as_secs_f64());
                Ok(Some(News { text, moved: false }))
            }
            _ => Ok(None),
        }
    }

    fn strike(&mut self, fleet: &mut dyn Fleet, now: Duration, pass: u64) -> Result<News> {
        let count = fleet.nodes().len();
        let stride = STRIDES
            .into_iter()
            .find(|stride| !count.is_multiple_of(*stride))
            .unwrap_or(1);
        let index = (self.strokes * stride + stride / 2) % count;
        let stroke = STROKES[self.strokes % STROKES.len()];
        self.strokes += 1;
        self.phase = Phase::Healing(now, pass);
        match stroke {
            Stroke::Kill => {
                fleet.kill(index)?;
                self.phase = Phase::Down(index, now);
                Ok(News::of(fleet.nodes(), index, "was killed"))
            }
            Stroke::Restart => {
                fleet.kill(index)?;
                fleet.start(index)?;
                Ok(News::of(fleet.nodes(), index, "was killed and runs again"))
            }
            Stroke::Move => {
                fleet.relocate(index)?;
                let address = fleet
                    .nodes()
                    .get(index)
                    .map(|node| node.rpc.ip().to_string());
                let what = format!("moved to {}", address.unwrap_or_default());
                Ok(News {
                    moved: true,
                    ..News::of(fleet.nodes(), index, &what)
                })
            }
        }
    }
}

// === impl News ===

impl News {
    fn of(nodes: &[Node], index: usize, what: &str) -> Self {
        let name = nodes.get(index).map_or("a node", |node| node.name.as_str());
        Self {
            text: format!("{name} {what}"),
            moved: false,
        }
    }
}

#[cfg(test)]
mod tests;
