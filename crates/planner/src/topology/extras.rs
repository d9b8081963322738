//! What the rings alone do not promise: bridges between zones, so that any set of zones may vanish,
//! and a cross-zone link for members that have none.
//!
//! Bounds: a place has at most two bridges, makes at most one cross-zone link and takes at most
//! two; all together never more than its capacity leaves beside the rings. So a degree never
//! exceeds d + 4. Where zones are so many and so small that this is not enough for two bridges a
//! pair, every pair gets its first bridge before any gets its second.

use super::rings::{MAX_EXTRAS, Rings, ring_links};
use super::{Pairs, Place};

/// Up to so many zones every two of them are bridged; above, each with the next ones in a ring of
/// zones, or bridges would grow with the square of the zones.
const BRIDGE_ALL_UP_TO: usize = 16;

/// With how many of the next zones a zone is bridged when there are more.
const BRIDGED_NEXT: usize = 8;

/// Bridges of one place at most.
const MAX_BRIDGES: u32 = 2;

/// Cross-zone links that one place takes at most.
const MAX_TAKEN: u32 = 2;

/// How far along ring 0 a partner is looked for, so that a zone of nearly all members stays cheap.
const LOOK_AHEAD: usize = 64;

/// Extra links of each place: how many it may still have, and of what kind it has how many.
struct Extras {
    left: Vec<u32>,
    bridges: Vec<u32>,
    taken: Vec<u32>,
}

/// Adds bridges, then cross-zone links.
pub(super) fn add(rings: &Rings, places: &[Place<'_>], pairs: &mut Pairs) {
    let mut extras = Extras {
        left: places
            .iter()
            .map(|place| allowance(place.capacity))
            .collect(),
        bridges: vec![0; places.len()],
        taken: vec![0; places.len()],
    };
    let mut crossing = vec![false; places.len()];
    for &(a, b) in pairs.iter() {
        let (a, b) = (a as usize, b as usize);
        if !(crossing[a] && crossing[b]) && rings.zone_of[a] != rings.zone_of[b] {
            crossing[a] = true;
            crossing[b] = true;
        }
    }
    for (a, b) in extras.bridge(rings, places) {
        crossing[a as usize] = true;
        crossing[b as usize] = true;
        pairs.push((a, b));
    }
    extras.cross(rings, &crossing, pairs);
}

/// Extras that a capacity leaves beside the rings that it joins.
fn allowance(capacity: u32) -> u32 {
    (capacity.max(8) - (ring_links(capacity) & !1)).min(MAX_EXTRAS)
}

// === impl Extras ===

impl Extras {
    fn bridge(&mut self, rings: &Rings, places: &[Place<'_>]) -> Pairs {
        let mut members = vec![Vec::new(); rings.zones.len()];
        for (place, zone) in (0..).zip(&rings.zone_of) {
            members[*zone as usize].push(place);
        }
        let zone_pairs = bridged_zones(rings);
        let mut bridges: Vec<Pairs> = vec![Pairs::new(); zone_pairs.len()];
        for _ in 0..MAX_BRIDGES {
            for (&(x, y), made) in zone_pairs.iter().zip(&mut bridges) {
                let seed = rings
                    .positions
                    .bridge_seed(&rings.zones[x], &rings.zones[y]);
                let lowest = |zone: usize| {
                    let free = members[zone].iter().copied().filter(|place| {
                        self.left[*place as usize] > 0
                            && self.bridges[*place as usize] < MAX_BRIDGES
                            && !made.iter().any(|pair| pair.0 == *place || pair.1 == *place)
                    });
                    let at = |place: u32| (rings.position(seed, place), place);
                    let key = |place: u32| places[place as usize].key;
                    free.map(at)
                        .min_by(|a, b| a.0.cmp(&b.0).then_with(|| key(a.1).cmp(key(b.1))))
                        .map(|(_, place)| place)
                };
                if let (Some(a), Some(b)) = (lowest(x), lowest(y)) {
                    made.push((a, b));
                    self.count_bridge(a);
                    self.count_bridge(b);
                }
            }
        }
        bridges.concat()
    }

    fn count_bridge(&mut self, place: u32) {
        self.left[place as usize] -= 1;
        self.bridges[place as usize] += 1;
    }

    /// A member with no cross-zone link gets one with the next of another zone on ring 0.
    fn cross(&mut self, rings: &Rings, crossing: &[bool], pairs: &mut Pairs) {
        let Some(ring) = rings.global.first() else {
            return;
        };
        let count = ring.order.len();
        for (from, &place) in ring.order.iter().enumerate() {
            let at = place as usize;
            if crossing[at] || self.left[at] == 0 {
                continue;
            }
            let next = (1..count.min(LOOK_AHEAD + 1)).map(|hop| ring.order[(from + hop) % count]);
            let partner = next
                .map(|other| (other, other as usize))
                .find(|&(_, other)| {
                    rings.zone_of[other] != rings.zone_of[at]
                        && self.taken[other] < MAX_TAKEN
                        && self.left[other] > 0
                });
            if let Some((other, index)) = partner {
                self.left[at] -= 1;
                self.left[index] -= 1;
                self.taken[index] += 1;
                pairs.push((place, other));
            }
        }
    }
}

/// The pairs of zones that are bridged, as indices in order.
fn bridged_zones(rings: &Rings) -> Vec<(usize, usize)> {
    let count = rings.zones.len();
    if count <= BRIDGE_ALL_UP_TO {
        return (0..count)
            .flat_map(|x| (x + 1..count).map(move |y| (x, y)))
            .collect();
    }
    let mut ring: Vec<usize> = (0..count).collect();
    ring.sort_by_cached_key(|zone| (rings.positions.base(rings.zones[*zone].as_bytes()), *zone));
    let mut pairs: Vec<(usize, usize)> = (0..count)
        .flat_map(|at| (1..=BRIDGED_NEXT).map(move |hop| (at, (at + hop) % count)))
        .map(|(a, b)| (ring[a].min(ring[b]), ring[a].max(ring[b])))
        .collect();
    pairs.sort_unstable();
    pairs.dedup();
    pairs
}
