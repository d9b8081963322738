//! Stories with a storage network: about a third. What is special about them is drawn apart, so that
//! the others are what they were.

use std::time::Duration;

use kubomesh_core::{Fallback, NetworkPolicy, Rollout, Steering};
use kubomesh_model::Rng;

use super::{Writer, slot_of};
use crate::story::event::{Event, OwnerFilter, PolicyChange, Slot};
use crate::story::network::{Attach, NetworkChange, NetworkEvent, Start, Wiring, attachment};
use crate::story::weights::{below, one_of};

/// Stories in a thousand that have a storage network.
const SHARE: u16 = 333;

/// Of a thousand events of such a story those that it has because of it.
const EVENTS: u16 = 350;

/// The storage network's part of a story's writer.
pub(super) struct Dual {
    rng: Rng,
    /// Whether the policy changes between none and the attachment.
    changes: bool,
    /// Whether some nodes are bound to the storage network.
    binds: bool,
    /// Of a thousand nodes those of an affected version.
    affected: u16,
    /// Of a thousand pods those that are not attached as they should be.
    gaps: u16,
    /// Whether nodes know each other's addresses from a DHT.
    pub(super) routed: bool,
}

impl Dual {
    /// Whether a seed's story has a storage network, and what it is like.
    pub(super) fn of(seed: u64) -> Option<Self> {
        let mut rng = Rng::new(seed ^ 0x5707_a6e0);
        (rng.per_mille(SHARE)).then(|| {
            let changes = rng.per_mille(400);
            Self {
                changes,
                binds: !changes && rng.per_mille(300),
                affected: one_of(&mut rng, &[0, 0, 100, 500]),
                gaps: one_of(&mut rng, &[0, 60, 200]),
                routed: rng.per_mille(500),
                rng,
            }
        })
    }

    /// `spec.network` at the beginning.
    pub(super) fn policy(&mut self) -> NetworkPolicy {
        let rng = &mut self.rng;
        let wanted = !self.changes || rng.per_mille(400);
        let mut policy = NetworkPolicy {
            attachment: attachment().filter(|_| wanted),
            steering: steering(rng),
            steering_on_affected_versions: rng.per_mille(200),
            pod_cidrs: "10.64.0.0/12".parse().into_iter().collect(),
            ..NetworkPolicy::default()
        };
        if self.changes || rng.per_mille(150) {
            policy.rollout = Rollout::Rolling;
        }
        // A bound node is nowhere on the pod network.
        if !self.binds && rng.per_mille(350) && policy.steering != Steering::Strict {
            policy.fallback = Fallback::PodNetwork;
        }
        if self.binds {
            policy.rollout = Rollout::WhenIdle;
        }
        policy
    }

    /// How a new pod is wired.
    pub(super) fn wiring(&mut self, slots: usize) -> Wiring {
        let rng = &mut self.rng;
        let attach = match rng.below(1_000) {
            at if at >= u64::from(self.gaps) => Attach::Asks,
            at if at % 3 > 0 => Attach::Forgotten,
            _ => Attach::Shares(slot_of(below(rng, slots))),
        };
        let start = match rng.below(100) {
            0..8 => Start::Silent,
            8..30 if self.binds => Start::Bound,
            _ => Start::Plain,
        };
        Wiring {
            attach,
            told: Duration::from_millis(one_of(rng, &[0, 0, 0, 200, 1_500, 20_000])),
            start,
            affected: rng.per_mille(self.affected),
        }
    }

    fn change(&mut self) -> NetworkChange {
        let rng = &mut self.rng;
        match rng.below(10) {
            0..4 if self.changes => NetworkChange::Attachment(rng.per_mille(600)),
            0..7 => NetworkChange::Steering(steering(rng)),
            7..9 if !self.binds => {
                NetworkChange::Fallback(one_of(rng, &[Fallback::Never, Fallback::PodNetwork]))
            }
            _ if self.binds => NetworkChange::Steering(steering(rng)),
            _ => NetworkChange::Rollout(one_of(rng, &[Rollout::WhenIdle, Rollout::Rolling])),
        }
    }
}

impl Writer {
    /// An event that the story has because of its storage network, now and then.
    pub(super) fn networked(&mut self) -> Option<Event> {
        let (alive, slots) = (self.alive.clone(), self.slots);
        let dual = self.dual.as_mut()?;
        if !dual.rng.per_mille(EVENTS) {
            return None;
        }
        let there: Vec<usize> = (0..slots).filter(|slot| alive[*slot]).collect();
        let free: Vec<usize> = (0..slots).filter(|slot| !alive[*slot]).collect();
        let any = |from: &[usize], rng: &mut Rng| match from.len() {
            0 => slot_of(0),
            count => slot_of(from[below(rng, count)]),
        };
        let rng = &mut dual.rng;
        let (slot, of): (Slot, Slot) = (any(&there, rng), any(&there, rng));
        Some(match rng.below(100) {
            0..30 => Event::Network(NetworkEvent::Meets { slot, of }),
            30..38 => Event::Network(NetworkEvent::Down),
            38..44 => Event::Network(NetworkEvent::Off { slot }),
            44..58 => Event::Network(NetworkEvent::Up),
            58..66 => Event::OwnerDisconnects { slot, of },
            66..74 => Event::OwnerFilters {
                slot,
                filter: OwnerFilter::Pod(of),
            },
            74..80 if !free.is_empty() => {
                let to = any(&free, rng);
                let gap = Duration::from_millis(one_of(rng, &[1_000, 5_000, 60_000]));
                self.gone(slot);
                self.came(to);
                Event::Network(NetworkEvent::Rename { slot, to, gap })
            }
            80..88 => Event::Policy(PolicyChange::Network(dual.change())),
            _ => {
                let gap = Duration::from_millis(one_of(rng, &[0, 400, 3_000]));
                let repo = crate::story::event::Repo::Kept;
                Event::Replace { slot, repo, gap }
            }
        })
    }
}

fn steering(rng: &mut Rng) -> Steering {
    let all = [
        Steering::Steer,
        Steering::Steer,
        Steering::Steer,
        Steering::Strict,
        Steering::Off,
    ];
    one_of(rng, &all)
}
