//! Stories by chance, from a seed.

mod agents;
mod controllers;
mod network;
mod policy;

use std::time::Duration;

use kubomesh_model::Rng;

use self::agents::Agents;
use self::network::Dual;
use super::agents::AgentsMode;
use super::event::{Deletion, End, Event, Form, Lie, OwnerFilter, Replica, Repo, Slot, Traits};
use super::weights::{Kind, Mood, below, one_of};
use super::{Step, Story};

/// Steps of a story at most, but for those that bring its first members up.
const MOST_STEPS: usize = 260;

impl Story {
    /// The story of a seed, with at most so many steps.
    #[must_use]
    pub fn of(seed: u64, most: usize) -> Self {
        let mut writer = Writer::new(seed);
        let short = writer.rng.per_mille(300);
        let policy = writer.policy(short);
        let certain = writer.rng.per_mille(400);
        writer.write(most);
        Self {
            seed,
            certain,
            routed: writer.dual.as_ref().is_some_and(|dual| dual.routed),
            policy,
            agents: writer
                .agents
                .as_ref()
                .map_or(AgentsMode::Off, |agents| agents.mode),
            timings: policy::timings(short),
            steps: writer.steps,
        }
    }
}

/// Makes a story step by step; knows roughly who is there.
struct Writer {
    rng: Rng,
    mood: Mood,
    dual: Option<Dual>,
    agents: Option<Agents>,
    /// Whether few members are enough for rings in place of a full mesh.
    rings: bool,
    members: usize,
    slots: usize,
    zones: u64,
    alive: Vec<bool>,
    troubled: Vec<Slot>,
    at: Duration,
    steps: Vec<Step>,
}

impl Writer {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let mood = Mood::any(&mut rng);
        let rings = rng.per_mille(450);
        let members = match rng.below(1_000) {
            // Only so many see more links than rings may have.
            0..150 if rings => 14 + below(&mut rng, 4),
            0..500 => 2 + below(&mut rng, 5),
            500..900 => 7 + below(&mut rng, 5),
            900..985 => 12 + below(&mut rng, 7),
            985..997 => 19 + below(&mut rng, 12),
            _ => 50 + below(&mut rng, 6),
        };
        let slots = members + 2 + members / 4;
        let zones = 1 + rng.below(4);
        Self {
            rng,
            mood,
            dual: Dual::of(seed),
            agents: Agents::of(seed),
            rings,
            members,
            slots,
            zones,
            alive: vec![false; slots],
            troubled: Vec::new(),
            at: Duration::ZERO,
            steps: Vec::new(),
        }
    }

    fn write(&mut self, most: usize) {
        let gap = Duration::from_millis(one_of(&mut self.rng, &[0, 20, 400]));
        for slot in 0..self.members.min(most.saturating_sub(1)) {
            let event = self.create(slot);
            self.push(event);
            self.at += gap;
        }
        self.agents_begin();
        let steps = (80 + below(&mut self.rng, MOST_STEPS - 80)) + self.steps.len();
        let mut busy = 30 + below(&mut self.rng, 90);
        while self.steps.len() + 1 < most.min(steps) {
            let pause = self.pause();
            self.at += pause;
            if busy == 0 {
                busy = 30 + below(&mut self.rng, 90);
                self.push(Event::Quiet);
                self.troubled.clear();
                continue;
            }
            busy -= 1;
            if let Some(event) = self.networked() {
                self.push(event);
                continue;
            }
            if let Some(event) = self.attended() {
                self.push(event);
                continue;
            }
            let kind = self.mood.kind(&mut self.rng);
            if let Some(event) = self.pod(kind).or_else(|| self.other(kind)) {
                self.push(event);
            }
        }
        let pause = self.pause();
        self.at += pause;
        self.push(Event::Quiet);
    }

    fn push(&mut self, event: Event) {
        self.steps.push(Step { at: self.at, event });
    }

    /// How long nothing happens.
    fn pause(&mut self) -> Duration {
        let millis = match self.rng.below(100) {
            0..25 => self.rng.below(20),
            25..50 => self.rng.below(400),
            50..75 => self.rng.below(4_000),
            75..95 => self.rng.below(30_000),
            _ => self.rng.below(240_000),
        };
        Duration::from_millis(millis)
    }

    fn seconds(&mut self, choices: &[u64]) -> Duration {
        Duration::from_millis(one_of(&mut self.rng, choices))
    }

    /// A pod that may be there.
    fn someone(&mut self) -> Slot {
        let alive: Vec<usize> = (0..self.slots).filter(|slot| self.alive[*slot]).collect();
        let slot = match alive.len() {
            0 => below(&mut self.rng, self.slots),
            count => alive[below(&mut self.rng, count)],
        };
        slot_of(slot)
    }

    /// A name that may be free.
    fn nobody(&mut self) -> usize {
        let free: Vec<usize> = (0..self.slots).filter(|slot| !self.alive[*slot]).collect();
        match free.len() {
            0 => below(&mut self.rng, self.slots),
            count => free[below(&mut self.rng, count)],
        }
    }

    fn replica(&mut self) -> Replica {
        one_of(&mut self.rng, &Replica::BOTH)
    }

    fn create(&mut self, slot: usize) -> Event {
        self.alive[slot] = true;
        let zone = u8::try_from(self.rng.below(self.zones)).unwrap_or(0);
        // Rings of many are those that the least capacities bound.
        let often = if self.rings && self.members > 12 {
            400
        } else {
            150
        };
        let water = self
            .rng
            .per_mille(often)
            .then(|| one_of(&mut self.rng, &[(4, 10), (8, 20), (16, 32), (32, 96)]));
        let (rewritten, slots) = (self.rng.per_mille(40), self.slots);
        let traits = Traits {
            zone,
            water,
            rewritten: rewritten && self.dual.is_none(),
            server: self.rng.per_mille(15),
            wiring: self
                .dual
                .as_mut()
                .map_or_else(Default::default, |dual| dual.wiring(slots)),
        };
        let ready = self.seconds(&[300, 1_000, 6_000]);
        Event::Create {
            slot: slot_of(slot),
            traits,
            ready,
        }
    }

    /// Something becomes of a pod.
    fn pod(&mut self, kind: Kind) -> Option<Event> {
        let slot = self.someone();
        let told = self.seconds(&[50, 300, 300, 2_000, 12_000]);
        let repo = if self.rng.per_mille(250) {
            Repo::Lost
        } else {
            Repo::Kept
        };
        Some(match kind {
            Kind::Create => {
                let free = self.nobody();
                self.create(free)
            }
            Kind::Ready => Event::Ready {
                slot,
                ready: self.rng.per_mille(600),
            },
            Kind::Delete => {
                let how = one_of(
                    &mut self.rng,
                    &[
                        Deletion::Graceful,
                        Deletion::Graceful,
                        Deletion::Forced,
                        Deletion::HostLost,
                    ],
                );
                self.gone(slot);
                Event::Delete { slot, how }
            }
            Kind::Replace => {
                let gap = self.seconds(&[0, 400, 3_000, 40_000, 180_000]);
                Event::Replace { slot, repo, gap }
            }
            Kind::Restart => {
                let end = if self.rng.per_mille(350) {
                    End::Silent
                } else {
                    End::Loud
                };
                Event::Restart {
                    slot,
                    end,
                    repo,
                    told,
                }
            }
            Kind::Readdress => Event::Readdress { slot, told },
            Kind::StealIp => {
                let by = slot_of(self.nobody());
                self.gone(slot);
                self.came(by);
                Event::StealIp {
                    from: slot,
                    by,
                    ready: self.rng.per_mille(600),
                }
            }
            Kind::Forget => Event::Forget {
                slot: slot_of(self.nobody()),
            },
            Kind::Clone => {
                let by = slot_of(self.nobody());
                self.came(by);
                Event::Clone { slot: by, of: slot }
            }
            Kind::Finish => {
                self.gone(slot);
                Event::Finish { slot }
            }
            Kind::Offline => Event::Offline {
                slot,
                offline: self.rng.per_mille(500),
            },
            _ => return None,
        })
    }

    fn gone(&mut self, slot: Slot) {
        self.alive[usize::from(slot.0)] = false;
    }

    fn came(&mut self, slot: Slot) {
        self.alive[usize::from(slot.0)] = true;
    }

    /// Something becomes of the network, an API, an owner, a controller, the store or the policy.
    fn other(&mut self, kind: Kind) -> Option<Event> {
        let (slot, of) = (self.someone(), self.someone());
        let troubled = match self.troubled.len() {
            0 => slot,
            count => self.troubled[below(&mut self.rng, count)],
        };
        if matches!(kind, Kind::Hang | Kind::Slow | Kind::Lie | Kind::Filter) {
            self.troubled.push(slot);
        }
        Some(match kind {
            Kind::Cut if self.rng.per_mille(700) => Event::CutPair { slot, of },
            Kind::Cut => Event::CutNode { slot },
            Kind::Mend => Event::Mend,
            Kind::Hang => Event::Hang { slot },
            Kind::Slow => {
                let latency = self.seconds(&[100, 400, 1_500, 4_000, 9_000]);
                Event::Slow { slot, latency }
            }
            Kind::Prompt => Event::Prompt { slot: troubled },
            Kind::Lose => {
                let count = one_of(&mut self.rng, &[1, 1, 2, 5]);
                Event::LoseAnswers { slot, count }
            }
            Kind::Unheard => {
                let one_way = self.rng.per_mille(400);
                Event::Unheard {
                    replica: self.replica(),
                    slot,
                    one_way,
                }
            }
            Kind::Heard => Event::Heard,
            Kind::Lie => {
                let lie = one_of(
                    &mut self.rng,
                    &[Lie::ClaimsLinks, Lie::DeniesLinks, Lie::DeniesEntries],
                );
                Event::Lie { slot, lie }
            }
            Kind::Honest => Event::Honest { slot: troubled },
            Kind::Filter => {
                // What is done about it takes its time.
                if self.rng.per_mille(400) {
                    let latency = self.seconds(&[1_500, 1_500, 4_000]);
                    self.push(Event::Slow { slot, latency });
                }
                let filter = one_of(
                    &mut self.rng,
                    &[
                        OwnerFilter::Network,
                        OwnerFilter::Pod(of),
                        OwnerFilter::Elsewhere,
                    ],
                );
                Event::OwnerFilters { slot, filter }
            }
            Kind::Unfilter => Event::OwnerUnfilters { slot: troubled },
            Kind::Peer => {
                let form = one_of(
                    &mut self.rng,
                    &[Form::TwoAddresses, Form::OtherAddress, Form::NoAddress],
                );
                let of = (!self.rng.per_mille(150)).then_some(of);
                Event::OwnerPeers {
                    slot,
                    of,
                    form,
                    config: self.rng.per_mille(300),
                }
            }
            Kind::Unpeer => Event::OwnerUnpeers { slot, of },
            Kind::Disconnect => Event::OwnerDisconnects { slot, of },
            Kind::Dial => Event::Dial { slot, of },
            Kind::Circuit => Event::Circuit { slot, of },
            _ => return self.controllers(kind),
        })
    }
}

fn slot_of(slot: usize) -> Slot {
    Slot(u16::try_from(slot).unwrap_or(u16::MAX))
}
