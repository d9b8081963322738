//! The rings: every member in the order of its hashed position, linked with the next on each.

use std::collections::BTreeMap;

use super::{Pairs, Place, Positions, extras};

/// Where the seeds of the zones' rings begin; the rings over all have the seeds below.
const ZONE_SEEDS: u64 = 1 << 32;

/// Links that are kept free of the rings for bridges and cross-zone links, where capacity allows.
pub(super) const MAX_EXTRAS: u32 = 4;

/// Least capacity: ring 0 (four links), the first zone ring (two), two extras.
const LEAST_CAPACITY: u32 = 8;

/// One ring: positions in order, each with its place.
///
/// It is kept as a sorted sequence so that a later version can put one member in or out and
/// re-link only its neighbours.
#[derive(Debug, Clone, Default)]
pub struct Ring {
    /// `(position, place)`, sorted; equal positions are ordered by the places' keys.
    pub order: Vec<(u64, u32)>,
    /// Whether the next but one is linked too: ring 0 alone.
    pub second_hop: bool,
}

/// All rings of a mesh.
#[derive(Debug, Clone)]
pub struct Rings {
    /// Over all members, ring 0 first.
    pub global: Vec<Ring>,
    /// By zone, then by number.
    pub zoned: Vec<Vec<Ring>>,
    /// Zone names in order.
    pub zones: Vec<String>,
    /// Each place's zone, as an index into `zones`.
    pub zone_of: Vec<u32>,
    /// Each place's hash base.
    pub bases: Vec<u64>,
    /// The mesh's hash function.
    pub positions: Positions,
}

/// A kind of ring, in the order in which a member joins them while its capacity lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    Global(u32),
    Zone(u32),
}

// === impl Rings ===

impl Rings {
    /// Sorts every ring. `degree` is even and at least 8.
    #[must_use]
    pub fn build(places: &[Place<'_>], degree: u32, salt: &str) -> Self {
        let positions = Positions::new(salt);
        let bases: Vec<u64> = places
            .iter()
            .map(|place| positions.base(place.key))
            .collect();
        let mut zones: BTreeMap<&str, u32> = places.iter().map(|place| (place.zone, 0)).collect();
        for (at, index) in zones.values_mut().zip(0..) {
            *at = index;
        }
        let zone_of = places.iter().map(|place| zones[place.zone]).collect();
        let mut rings = Self {
            global: Vec::new(),
            zoned: vec![Vec::new(); zones.len()],
            zones: zones.keys().map(ToString::to_string).collect(),
            zone_of,
            bases,
            positions,
        };
        for (at, slot) in slots(degree).into_iter().enumerate() {
            rings.add(slot, places, joining(at));
        }
        rings
    }

    /// Every pair that the rings, the bridges and the cross-zone links make.
    #[must_use]
    pub fn pairs(&self, places: &[Place<'_>]) -> Pairs {
        let mut pairs = Pairs::new();
        for ring in self.global.iter().chain(self.zoned.iter().flatten()) {
            ring.link(1, &mut pairs);
            if ring.second_hop {
                ring.link(2, &mut pairs);
            }
        }
        if self.zones.len() > 1 {
            extras::add(self, places, &mut pairs);
        }
        for pair in &mut pairs {
            *pair = (pair.0.min(pair.1), pair.0.max(pair.1));
        }
        pairs.sort_unstable();
        pairs.dedup();
        pairs
    }

    fn add(&mut self, slot: Slot, places: &[Place<'_>], joining: u32) {
        let joins = |place: u32| ring_links(places[place as usize].capacity) >= joining;
        let all = (0..u32::try_from(places.len()).unwrap_or(u32::MAX)).filter(|at| joins(*at));
        match slot {
            Slot::Global(seed) => {
                let ring = self.sorted(u64::from(seed), all, places, seed == 0);
                self.global.push(ring);
            }
            Slot::Zone(number) => {
                let mut by_zone = vec![Vec::new(); self.zones.len()];
                all.for_each(|at| by_zone[self.zone_of[at as usize] as usize].push(at));
                let seed = ZONE_SEEDS + u64::from(number);
                for (zone, members) in by_zone.into_iter().enumerate() {
                    let ring = self.sorted(seed, members.into_iter(), places, false);
                    self.zoned[zone].push(ring);
                }
            }
        }
    }

    fn sorted(
        &self,
        seed: u64,
        members: impl Iterator<Item = u32>,
        places: &[Place<'_>],
        second_hop: bool,
    ) -> Ring {
        let mut order: Vec<(u64, u32)> = members
            .map(|at| (self.positions.on_ring(seed, self.bases[at as usize]), at))
            .collect();
        let key = |at: u32| places[at as usize].key;
        order.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| key(a.1).cmp(key(b.1))));
        Ring { order, second_hop }
    }
}

// === impl Ring ===

impl Ring {
    /// Links every place with the one that is `hop` further on.
    fn link(&self, hop: usize, pairs: &mut Pairs) {
        let members = self.order.len();
        if members > hop {
            let next = self.order.iter().cycle().skip(hop);
            pairs.extend(self.order.iter().zip(next).map(|(a, b)| (a.1, b.1)));
        }
    }
}

/// Links that a place of this capacity may have by rings.
pub(super) fn ring_links(capacity: u32) -> u32 {
    let capacity = capacity.max(LEAST_CAPACITY);
    (capacity.saturating_sub(MAX_EXTRAS)).max(LEAST_CAPACITY - 2)
}

/// Ring links after which a place has joined the ring at this turn: ring 0 counts four.
fn joining(turn: usize) -> u32 {
    u32::try_from(turn).unwrap_or(u32::MAX / 4) * 2 + 4
}

/// The rings of a degree in the order of joining. Of four slots (of two links each) one is a zone's
/// and three are everybody's; ring 0 takes two. A smaller degree's rings are the first of a larger's.
fn slots(degree: u32) -> Vec<Slot> {
    let slots = degree / 2;
    let zoned = (slots / 4).max(1);
    let global = slots - zoned;
    let mut order = vec![Slot::Global(0), Slot::Zone(0), Slot::Global(1)];
    for number in 2..global.saturating_sub(1) {
        order.push(Slot::Global(number));
        if number % 3 == 1 && number / 3 < zoned {
            order.push(Slot::Zone(number / 3));
        }
    }
    order
}
