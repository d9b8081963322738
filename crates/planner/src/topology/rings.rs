//! The rings: every member in the order of its hashed position, linked with the next on each.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::rows::Rows;
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
    /// The places by their positions on it; equal positions are ordered by the places' keys.
    pub order: Vec<u32>,
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
        let (zones, zone_of) = zones(places);
        let mut rings = Self {
            global: Vec::new(),
            zoned: vec![Vec::new(); zones.len()],
            zones,
            zone_of,
            bases,
            positions,
        };
        let links: Vec<u32> = places.iter().map(|at| ring_links(at.capacity)).collect();
        let mut members: Vec<u32> = (0..).zip(places).map(|(at, _)| at).collect();
        for (turn, slot) in slots(degree).into_iter().enumerate() {
            members.retain(|at| links[*at as usize] >= joining(turn));
            rings.add(slot, &members, places);
        }
        rings
    }

    /// Every pair that the rings, the bridges and the cross-zone links make.
    #[must_use]
    pub fn pairs(&self, places: &[Place<'_>]) -> Pairs {
        let links = |ring: &Ring| ring.order.len() * if ring.second_hop { 2 } else { 1 };
        let rings = || self.global.iter().chain(self.zoned.iter().flatten());
        let mut pairs = Pairs::with_capacity(rings().map(links).sum());
        for ring in rings() {
            ring.link(1, &mut pairs);
            if ring.second_hop {
                ring.link(2, &mut pairs);
            }
        }
        if self.zones.len() > 1 {
            extras::add(self, places, &mut pairs);
        }
        each_once(places.len(), &pairs)
    }

    /// A place's position on the ring of a seed.
    pub(super) fn position(&self, seed: u64, place: u32) -> u64 {
        self.positions.on_ring(seed, self.bases[place as usize])
    }

    fn add(&mut self, slot: Slot, members: &[u32], places: &[Place<'_>]) {
        match slot {
            Slot::Global(seed) => {
                let ring = self.sorted(u64::from(seed), members, places, seed == 0);
                self.global.push(ring);
            }
            Slot::Zone(number) => {
                let mut by_zone = vec![Vec::new(); self.zones.len()];
                for at in members {
                    by_zone[self.zone_of[*at as usize] as usize].push(*at);
                }
                let seed = ZONE_SEEDS + u64::from(number);
                for (zone, members) in by_zone.iter().enumerate() {
                    let ring = self.sorted(seed, members, places, false);
                    self.zoned[zone].push(ring);
                }
            }
        }
    }

    /// A ring of these members.
    ///
    /// What is sorted is one number a member, its place in the last bits of its position: half the
    /// size of the two beside each other. Positions are evenly spread, so by their first bits alone
    /// nearly all are in order.
    fn sorted(&self, seed: u64, members: &[u32], places: &[Place<'_>], second_hop: bool) -> Ring {
        let position = |at: u32| self.position(seed, at);
        let last_bits = places.len().next_power_of_two() as u64 - 1;
        let place = |packed: u64| (packed & last_bits) as u32;
        let packed = |at: &u32| position(*at) & !last_bits | u64::from(*at);
        let packed: Vec<u64> = members.iter().map(packed).collect();
        let compare = |a: &u64, b: &u64| {
            let full = |packed: u64| {
                let at = place(packed);
                (position(at), places[at as usize].key)
            };
            let known = (a & !last_bits).cmp(&(b & !last_bits));
            known.then_with(|| full(*a).cmp(&full(*b)))
        };
        let rows = members.len().next_power_of_two();
        let row = |packed: u64| packed.unbounded_shr(64 - rows.trailing_zeros()) as u32;
        let entries = packed.iter().map(|packed| (row(*packed), *packed));
        let mut nearly = Rows::of(rows, entries).values;
        insert(&mut nearly, compare);
        let order = nearly.into_iter().map(place).collect();
        Ring { order, second_hop }
    }
}

// === impl Ring ===

impl Ring {
    /// Links every place with the one that is `hop` further on.
    fn link(&self, hop: usize, pairs: &mut Pairs) {
        if self.order.len() > hop {
            let (first, others) = self.order.split_at(hop);
            let next = others.iter().chain(first);
            pairs.extend(self.order.iter().zip(next).map(|(a, b)| (*a, *b)));
        }
    }
}

/// Insertion sort, for what is nearly in order: linear then. Positions that are crowded on purpose
/// do no harm: to put n of them into one row takes n times as many keys as there are rows.
fn insert<T>(nearly: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    for end in 1..nearly.len() {
        let mut at = end;
        while at > 0 && compare(&nearly[at - 1], &nearly[at]).is_gt() {
            nearly.swap(at - 1, at);
            at -= 1;
        }
    }
}

/// The names of the zones in order, and each place's as an index into them.
fn zones(places: &[Place<'_>]) -> (Vec<String>, Vec<u32>) {
    let mut found: BTreeMap<&str, u32> = BTreeMap::new();
    let mut zone_of: Vec<u32> = Vec::with_capacity(places.len());
    for place in places {
        let next = found.len() as u32;
        zone_of.push(*found.entry(place.zone).or_insert(next));
    }
    let mut index = vec![0; found.len()];
    for (at, found) in (0..).zip(found.values()) {
        index[*found as usize] = at;
    }
    for zone in &mut zone_of {
        *zone = index[*zone as usize];
    }
    (found.into_keys().map(ToOwned::to_owned).collect(), zone_of)
}

/// The pairs of so many places with the smaller index first, sorted, each once: put in order of the
/// larger index, then, which keeps that order, of the smaller.
fn each_once(places: usize, pairs: &[(u32, u32)]) -> Pairs {
    let by_larger = Rows::of(places, pairs.iter().map(|&(a, b)| (a.max(b), a.min(b))));
    let by_both = Rows::of(places, by_larger.entries().map(|(b, a)| (a, b)));
    let mut sorted = Pairs::with_capacity(pairs.len());
    by_both.entries().for_each(|pair| {
        if sorted.last() != Some(&pair) {
            sorted.push(pair);
        }
    });
    sorted
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

#[cfg(test)]
mod tests;
