//! What befalls the controllers, their views, the store and the policy.

use std::time::Duration;

use kubomesh_core::{FilterPolicy, Mode};

use super::Writer;
use crate::story::event::{Deletion, Event, PolicyChange};
use crate::story::weights::{Kind, one_of};

impl Writer {
    pub(super) fn controllers(&mut self, kind: Kind) -> Option<Event> {
        let replica = self.replica();
        Some(match kind {
            Kind::Kill => Event::Kill {
                replica,
                steps: u16::try_from(self.rng.below(60)).unwrap_or(0),
                arrives: self.rng.per_mille(500),
                down: self.seconds(&[2_000, 5_000, 20_000]),
            },
            Kind::Lease => Event::LoseLease {
                steps: u16::try_from(self.rng.below(60)).unwrap_or(0),
                gap: self.seconds(&[0, 500, 6_000]),
            },
            Kind::Split => Event::Split {
                span: self.seconds(&[200, 1_000, 5_000]),
            },
            Kind::PodLag => Event::PodLag {
                replica,
                lag: self.seconds(&[0, 0, 50, 500, 2_000, 5_000]),
            },
            Kind::RecordLag => Event::RecordLag {
                replica,
                lag: self.seconds(&[0, 0, 50, 500, 2_000]),
            },
            Kind::Freeze => {
                // Somebody whom it will not forget in time, and neither will the other.
                if self.rng.per_mille(500) {
                    let slot = self.someone();
                    let how = Deletion::Graceful;
                    self.push(Event::Delete { slot, how });
                    self.at += Duration::from_secs(3);
                    let replica = replica.other();
                    self.push(Event::Freeze { replica });
                }
                Event::Freeze { replica }
            }
            Kind::Thaw => Event::Thaw { replica },
            Kind::Short => Event::ShortLists {
                replica,
                percent: one_of(&mut self.rng, &[0, 0, 30, 60]),
                span: self.seconds(&[5_000, 30_000, 100_000, 200_000]),
            },
            Kind::StoreFails => Event::StoreFails {
                count: one_of(&mut self.rng, &[1, 3, 10]),
                done: self.rng.per_mille(500),
            },
            Kind::RecordDeleted => Event::RecordDeleted {
                slot: self.someone(),
            },
            Kind::Restored => Event::StoreRestored {
                age: self.seconds(&[1_000, 60_000, 600_000]),
            },
            Kind::Policy => Event::Policy(self.policy_change()),
            _ => return None,
        })
    }

    fn policy_change(&mut self) -> PolicyChange {
        let rng = &mut self.rng;
        match rng.below(20) {
            0..5 => PolicyChange::Mode(Mode::Enforce),
            5..7 => PolicyChange::Mode(Mode::Observe),
            7..9 => PolicyChange::Mode(Mode::Release),
            9 => PolicyChange::Protect(false),
            10..12 => PolicyChange::Protect(true),
            12..15 => PolicyChange::FullMeshUpTo(one_of(rng, &[0, 4, 12, 48])),
            15 => PolicyChange::Degree(one_of(rng, &[0, 8, 12])),
            16..19 => {
                PolicyChange::Filters(one_of(rng, &[FilterPolicy::Report, FilterPolicy::Repair]))
            }
            _ => PolicyChange::ForgetAfter(Duration::from_secs(one_of(rng, &[20, 120]))),
        }
    }
}
