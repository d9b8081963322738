//! The quick sorts of the rings give what the plain ones give.

use super::{Place, Rings, each_once};

const SALT: &str = "salt";

fn keys(count: u32) -> Vec<[u8; 4]> {
    // Not in the order of the places.
    (0..count).map(|at| (count - at).to_be_bytes()).collect()
}

fn places(keys: &[[u8; 4]]) -> Vec<Place<'_>> {
    let place = |key| Place {
        key,
        zone: "zone",
        capacity: u32::MAX,
    };
    keys.iter().map(|key| place(key)).collect()
}

/// Rings of which nothing is sorted yet, with these bases instead of the keys' hashes.
fn with_bases(places: &[Place<'_>], bases: &[u64]) -> Rings {
    Rings {
        bases: bases.to_vec(),
        ..Rings::build(places, 8, SALT)
    }
}

fn plainly_sorted(rings: &Rings, seed: u64, places: &[Place<'_>]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..).zip(places).map(|(at, _)| at).collect();
    order.sort_by_key(|at| (rings.position(seed, *at), places[*at as usize].key));
    order
}

/// The base whose position on the ring of seed 0 is this one.
fn base_at(position: u64) -> u64 {
    let mut mixed = position;
    mixed = (mixed ^ (mixed >> 31) ^ (mixed >> 62)).wrapping_mul(0x3196_42b2_d24d_8ec3);
    mixed = (mixed ^ (mixed >> 27) ^ (mixed >> 54)).wrapping_mul(0x96de_1b17_3f11_9089);
    mixed ^ (mixed >> 30) ^ (mixed >> 60)
}

#[test]
fn a_ring_is_in_the_order_of_its_positions() {
    for count in [0, 1, 2, 3, 64, 65, 1_000] {
        let keys = keys(count);
        let places = places(&keys);
        let rings = Rings::build(&places, 16, SALT);
        for (seed, ring) in (0..).zip(&rings.global) {
            let plainly = plainly_sorted(&rings, seed, &places);
            assert_eq!(ring.order, plainly, "{count} places, seed {seed}");
        }
    }
}

#[test]
fn positions_that_differ_in_their_last_bits_alone_are_in_order() {
    let keys = keys(8);
    let places = places(&keys);
    // The places of eight members take the last three bits.
    let positions = [7, 3, 5, 1, u64::MAX, u64::MAX - 7, 8, 0];
    let rings = with_bases(&places, &positions.map(base_at));
    assert_eq!(rings.position(0, 4), u64::MAX, "the inverse is one");
    let members: Vec<u32> = (0..8).collect();
    let ring = rings.sorted(0, &members, &places, false);
    assert_eq!(ring.order, [7, 3, 1, 2, 0, 6, 5, 4]);
}

#[test]
fn equal_positions_are_in_the_order_of_the_keys() {
    let keys = keys(40);
    let places = places(&keys);
    let rings = with_bases(&places, &[base_at(1 << 40); 40]);
    let members: Vec<u32> = (0..40).collect();
    let ring = rings.sorted(0, &members, &places, false);
    let by_key: Vec<u32> = (0..40).rev().collect();
    assert_eq!(ring.order, by_key);
}

#[test]
fn a_pair_made_by_two_rings_is_there_once() {
    let pairs = [(3, 1), (0, 2), (1, 3), (2, 1), (2, 0), (1, 0), (0, 3)];
    let once = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3)];
    assert_eq!(each_once(4, &pairs), once);
}
