//! `topology`: a full plan of the links of a large mesh, against the sort of the keys that it sorts.
//!
//! A full plan is the check of the links, not the way that one event takes; that it costs little
//! more than a sort is what keeps it out of the way.

use std::hint::black_box;
use std::time::Instant;

use kubomesh_core::{Capacity, Degree, TopologyPolicy};
use kubomesh_planner::topology::{Pairs, Place, Positions, Ring, Rings, desired};
use serde_json::json;

use crate::args::Args;
use crate::figures::{median, ms};
use crate::tell::progress;
use crate::verdict::{Findings, Target};

/// How many members, how often.
#[derive(Debug)]
pub(crate) struct Size {
    members: u32,
    turns: usize,
}

/// The keys of one ring: position and place, in the order of the places.
type Keys = Vec<(u64, u32)>;

/// The three that are measured, one after the other, in milliseconds.
#[derive(Debug, Default)]
struct Samples {
    plan: Vec<f64>,
    sort: Vec<f64>,
    copy: Vec<f64>,
}

/// Links a member (topology.md, last row of the properties).
const DEGREE: u32 = 16;

/// Zones that the members are spread over.
const ZONES: [&str; 3] = ["a", "b", "c"];

/// Stands for the mesh's UID.
const SALT: &str = "bench";

// === impl Size ===

impl Size {
    /// As the command line asks for.
    pub(crate) fn of(args: &Args) -> Self {
        if args.smoke {
            return Self {
                members: 100,
                turns: 2,
            };
        }
        Self {
            members: 100_000,
            turns: 25,
        }
    }
}

/// Measures.
pub(crate) fn run(size: &Size) -> Findings {
    let Size { members, turns } = *size;
    progress(&format!("topology: {turns} plans of {members} members"));
    let ids: Vec<Vec<u8>> = (0..members).map(peer_id).collect();
    let places: Vec<Place<'_>> = ids
        .iter()
        .zip(ZONES.iter().cycle())
        .map(|(key, zone)| Place {
            key,
            zone,
            capacity: Capacity::ASSUMED_LINKS,
        })
        .collect();
    let policy = TopologyPolicy {
        full_mesh_up_to: 0,
        degree: Degree::Fixed(DEGREE),
    };
    let keys = keys(&places);
    let plan = || desired(&places, &policy, SALT);
    let links = plan();
    let mut samples = Samples::default();
    for _ in 0..turns {
        samples.plan.push(timed(plan));
        let mut sorted = keys.clone();
        samples.sort.push(timed(|| {
            for ring in &mut sorted {
                ring.sort_unstable();
            }
        }));
        samples.copy.push(timed(|| links.clone()));
    }
    findings(size, &keys, &links, &samples)
}

/// Bytes of the length and the beginning of a peer ID of an Ed25519 key, no two the same.
fn peer_id(number: u32) -> Vec<u8> {
    let mut bytes = vec![0x00, 0x24, 0x08, 0x01, 0x12, 0x20];
    let base = Positions::new(SALT).base(&number.to_le_bytes());
    bytes.extend(base.to_le_bytes());
    bytes.resize(38, 0);
    bytes
}

/// What the rings of these places are sorted by.
fn keys(places: &[Place<'_>]) -> Vec<Keys> {
    let rings = Rings::build(places, DEGREE, SALT);
    let ring = |(seed, ring): (u64, &Ring)| {
        let mut members = ring.order.clone();
        members.sort_unstable();
        let position = |at: u32| rings.positions.on_ring(seed, rings.bases[at as usize]);
        members.into_iter().map(|at| (position(at), at)).collect()
    };
    let all = rings.global.iter().chain(rings.zoned.iter().flatten());
    (0..).zip(all).map(ring).collect()
}

/// How long it took, without the time to give the memory back.
fn timed<T>(work: impl FnOnce() -> T) -> f64 {
    let start = Instant::now();
    let made = black_box(work());
    let took = start.elapsed();
    drop(made);
    ms(took)
}

fn findings(size: &Size, keys: &[Keys], links: &Pairs, samples: &Samples) -> Findings {
    let (plan, sort, copy) = (
        median(&samples.plan),
        median(&samples.sort),
        median(&samples.copy),
    );
    let count: usize = keys.iter().map(Vec::len).sum();
    let row =
        |what: String, took: f64| vec![what, format!("{took:.2}"), format!("{:.2}×", took / sort)];
    let heading = ["", "ms", "of the sort"].map(str::to_owned).to_vec();
    let table = vec![
        heading,
        row(format!("full plan, {} links", links.len()), plan),
        row(format!("sort of {count} keys"), sort),
        row("copy of the links".into(), copy),
    ];
    let figures = json!({
        "members": size.members,
        "turns": size.turns,
        "links": links.len(),
        "keys": count,
        "plan_ms": plan,
        "sort_ms": sort,
        "copy_ms": copy,
    });
    let note = format!(
        "{} members, d = {DEGREE}, {} zones, median of {}; the keys of a ring are (position, place), sorted ring by ring",
        size.members,
        ZONES.len(),
        size.turns
    );
    Findings::new("topology", table, figures).note(note).judge(
        "topology",
        plan / sort,
        Target::AtMost(1.3),
    )
}
