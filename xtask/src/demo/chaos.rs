//! Trouble, one at a time: a node is killed for a while, restarted, or moved; the next one comes
//! when all is well again.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::controller::Controller;
use super::fleet::{Fleet, Node};

/// How long all is well before the next trouble.
const CALM: Duration = Duration::from_secs(3);

/// How long a killed node stays down.
const DOWN: Duration = Duration::from_secs(4);

/// From one troubled node to the next: no divisor of usual fleets, so that each has its turn.
const STRIDE: usize = 7;

/// What happens to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stroke {
    Kill,
    Restart,
    Move,
}

/// In this order, again and again.
const STROKES: [Stroke; 3] = [Stroke::Kill, Stroke::Restart, Stroke::Move];

/// Where the trouble stands.
#[derive(Debug, Clone, Copy)]
enum Phase {
    /// All is well since then.
    Calm(Instant),
    /// This node is down since then.
    Down(usize, Instant),
    /// All nodes run since then, and links are still missing. The pass that was the last one then.
    Healing(Instant, u64),
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
    /// Every link is on both ends, and the controller knows.
    pub(super) whole: bool,
    /// The last pass.
    pub(super) pass: u64,
}

// === impl Chaos ===

impl Chaos {
    pub(super) fn new() -> Self {
        Self {
            phase: Phase::Calm(Instant::now()),
            strokes: 0,
            healed: 0,
        }
    }

    /// Whether each kind of trouble came and went.
    pub(super) fn had_one_of_each(&self) -> bool {
        self.healed >= STROKES.len()
    }

    /// How long the mesh has had to heal, while it has not.
    pub(super) fn healing(&self) -> Option<Duration> {
        match self.phase {
            Phase::Healing(since, _) => Some(since.elapsed()),
            _ => None,
        }
    }

    /// Goes one step, if it is time, and says what happened.
    ///
    /// # Errors
    /// When a node does not start again.
    pub(super) fn step(
        &mut self,
        fleet: &mut dyn Fleet,
        controller: &Controller,
        sight: Sight,
    ) -> Result<Option<String>> {
        match self.phase {
            Phase::Calm(since) if since.elapsed() > CALM => {
                self.strike(fleet, controller, sight.pass).map(Some)
            }
            Phase::Down(index, since) if since.elapsed() > DOWN => {
                fleet.start(index)?;
                self.phase = Phase::Healing(Instant::now(), sight.pass);
                Ok(Some(format!("{} runs again", name(fleet.nodes(), index))))
            }
            Phase::Healing(since, pass) if sight.whole && sight.pass > pass => {
                self.phase = Phase::Calm(Instant::now());
                self.healed += 1;
                Ok(Some(format!(
                    "healed in {:.1} s",
                    since.elapsed().as_secs_f64()
                )))
            }
            _ => Ok(None),
        }
    }

    fn strike(
        &mut self,
        fleet: &mut dyn Fleet,
        controller: &Controller,
        pass: u64,
    ) -> Result<String> {
        let index = (self.strokes * STRIDE + STRIDE / 2) % fleet.nodes().len();
        let stroke = STROKES[self.strokes % STROKES.len()];
        self.strokes += 1;
        self.phase = Phase::Healing(Instant::now(), pass);
        let what = match stroke {
            Stroke::Kill => {
                fleet.kill(index)?;
                self.phase = Phase::Down(index, Instant::now());
                "was killed".to_owned()
            }
            Stroke::Restart => {
                fleet.kill(index)?;
                fleet.start(index)?;
                "was killed and runs again".to_owned()
            }
            Stroke::Move => {
                fleet.relocate(index)?;
                controller.tell(fleet.nodes())?;
                let address = fleet
                    .nodes()
                    .get(index)
                    .map(|node| node.rpc.ip().to_string());
                format!("moved to {}", address.unwrap_or_default())
            }
        };
        Ok(format!("{} {what}", name(fleet.nodes(), index)))
    }
}

fn name(nodes: &[Node], index: usize) -> &str {
    nodes.get(index).map_or("a node", |node| node.name.as_str())
}
