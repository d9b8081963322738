//! Trouble, one at a time: a node is killed for a while, restarted, or moved; the next one comes
//! when all is well again.

use std::time::Duration;

use anyhow::Result;

use super::fleet::{Fleet, Node};

/// How fast trouble comes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// How long all is well before the next trouble.
    calm: Duration,
    /// How long a killed node stays down.
    down: Duration,
}

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

/// How many strokes are one of each kind.
pub(super) const ONE_OF_EACH: usize = STROKES.len();

/// Where the trouble stands. Times are those of the demo's own clock.
#[derive(Debug, Clone, Copy)]
enum Phase {
    /// All is well since then.
    Calm(Duration),
    /// Links went by themselves, then.
    Relapse(Duration),
    /// This node is down since then.
    Down(usize, Duration),
    /// All nodes run since then, and links are still missing. The pass that was the last one then.
    Healing(Duration, u64),
}

/// The troublemaker.
#[derive(Debug)]
pub(super) struct Chaos {
    pace: Pace,
    phase: Phase,
    strokes: usize,
    healed: usize,
    /// What the last stroke was.
    last: String,
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

// === impl Pace ===

impl Pace {
    /// For who looks on.
    pub(super) const SHOWN: Self = Self {
        calm: Duration::from_secs(3),
        down: Duration::from_secs(4),
    };

    /// For who waits for the end.
    pub(super) const BRISK: Self = Self {
        calm: Duration::from_millis(500),
        down: Duration::from_secs(1),
    };
}

// === impl Chaos ===

impl Chaos {
    /// Nothing happens before all has been well for a while.
    pub(super) fn new(pace: Pace, now: Duration) -> Self {
        Self {
            pace,
            phase: Phase::Calm(now),
            strokes: 0,
            healed: 0,
            last: String::new(),
        }
    }

    /// How many strokes came and healed.
    pub(super) fn healed(&self) -> usize {
        self.healed
    }

    /// How long the mesh has had to heal, while it has not.
    pub(super) fn healing(&self, now: Duration) -> Option<Duration> {
        match self.phase {
            Phase::Healing(since, _) | Phase::Relapse(since) => Some(now.saturating_sub(since)),
            Phase::Calm(_) | Phase::Down(..) => None,
        }
    }

    /// What the mesh has to heal from.
    pub(super) fn story(&self) -> String {
        let Self { strokes, last, .. } = self;
        match self.phase {
            Phase::Relapse(_) => {
                format!("links that went by themselves after {strokes} strokes have not come back")
            }
            _ => format!("stroke {strokes} ({last}) has not healed"),
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
                self.phase = Phase::Relapse(now);
                Ok(None)
            }
            Phase::Relapse(_) if whole => {
                self.phase = Phase::Calm(now);
                Ok(None)
            }
            Phase::Calm(since) if now - since > self.pace.calm => {
                let news = self.strike(fleet, now, pass)?;
                news.text.clone_into(&mut self.last);
                Ok(Some(news))
            }
            Phase::Down(index, since) if now - since > self.pace.down => {
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
