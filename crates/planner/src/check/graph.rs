//! The check of the desired topology as a graph.

use kubomesh_core::{Capacity, Degree, LinkReport, MemberName};

use super::{Facts, Rule};
use crate::crowd::{self, Crowd};
use crate::topology::Place;

/// No degree is below this: ring 0, a zone's ring and one more are always there.
const LEAST_DEGREE: u32 = 8;

/// What can be wrong with a set of pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// A pair of a place and itself, out of order, or there twice.
    Malformed {
        /// The pair.
        pair: (u32, u32),
    },
    /// A place that no path leads to from the first.
    Apart {
        /// The place.
        place: u32,
    },
    /// More links than a place may have.
    Crowded {
        /// The place.
        place: u32,
        /// How many it has.
        links: u32,
    },
}

/// What is wrong with pairs over places, when each place may have `degree` links, four extras, and
/// no more than its capacity. A full mesh has no such bound: give `None`.
#[must_use]
pub fn flaws(places: &[Place<'_>], pairs: &[(u32, u32)], degree: Option<u32>) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    for (at, pair) in pairs.iter().enumerate() {
        if pair.0 >= pair.1 || at.checked_sub(1).is_some_and(|at| pairs[at] >= *pair) {
            flaws.push(Flaw::Malformed { pair: *pair });
        }
    }
    let mut links = vec![0_u32; places.len()];
    for (a, b) in pairs {
        links[*a as usize] += 1;
        links[*b as usize] += 1;
    }
    for ((place, links), at) in places.iter().zip(links).zip(0..) {
        let bound = degree.map(|degree| (degree + 4).min(place.capacity.max(8)));
        if bound.is_some_and(|bound| links > bound) {
            flaws.push(Flaw::Crowded { place: at, links });
        }
    }
    let all = |_: u32| true;
    flaws.extend(
        apart(places.len(), pairs, all)
            .into_iter()
            .map(|place| Flaw::Apart { place }),
    );
    flaws
}

/// The places that live and that no path of living ones leads to from the first living one.
#[must_use]
pub fn apart(places: usize, pairs: &[(u32, u32)], lives: impl Fn(u32) -> bool) -> Vec<u32> {
    let mut near: Vec<Vec<u32>> = vec![Vec::new(); places];
    for &(a, b) in pairs.iter().filter(|(a, b)| lives(*a) && lives(*b)) {
        near[a as usize].push(b);
        near[b as usize].push(a);
    }
    let living = || (0..u32::try_from(places).unwrap_or(u32::MAX)).filter(|place| lives(*place));
    let mut seen = vec![false; places];
    let mut next: Vec<u32> = living().take(1).collect();
    next.iter().for_each(|first| seen[*first as usize] = true);
    while let Some(place) = next.pop() {
        for other in &near[place as usize] {
            if !std::mem::replace(&mut seen[*other as usize], true) {
                next.push(*other);
            }
        }
    }
    living().filter(|place| !seen[*place as usize]).collect()
}

/// The desired links of the report: no pair twice, none with itself, all that have links together,
/// and no degree above its bound.
pub(super) fn check(facts: &mut Facts<'_>) {
    let links: &[LinkReport] = &facts.planned.report.links;
    let mut names: Vec<&MemberName> = links
        .iter()
        .flat_map(|report| [&report.link.a, &report.link.b])
        .collect();
    names.sort_unstable();
    names.dedup();
    let index = |name: &MemberName| names.binary_search(&name).unwrap_or(usize::MAX);
    let narrow = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    let mut pairs: Vec<(u32, u32)> = links
        .iter()
        .map(|report| (narrow(index(&report.link.a)), narrow(index(&report.link.b))))
        .collect();
    pairs.sort_unstable();
    let crowd = crowd(facts, &names);
    let nameless = |name: &&MemberName| Place {
        key: &[],
        zone: "",
        capacity: crowd::bounded(crowd.as_ref(), capacity(facts, name)).links(),
    };
    let places: Vec<Place<'_>> = names.iter().map(nameless).collect();
    let degree = degree(facts, &names, crowd.is_some());
    for flaw in flaws(&places, &pairs, degree) {
        let member = match flaw {
            Flaw::Apart { place } | Flaw::Crowded { place, .. } => names.get(place as usize),
            Flaw::Malformed { .. } => None,
        };
        let detail = format!("{flaw:?} of the desired links");
        facts.found(Rule::SoundTopology, member.copied(), detail);
    }
}

/// The degree of topology.md's first table; `None`: a full mesh, which has no bound.
///
/// Every member with a place has a link. Those that wait for theirs have none in rings, and count
/// for the size all the same: of what they may make of it the larger is allowed.
fn degree(facts: &Facts<'_>, names: &[&MemberName], is_crowded: bool) -> Option<u32> {
    let policy = &facts.input.policy.topology;
    if !is_crowded && names.len() <= usize::try_from(policy.full_mesh_up_to).unwrap_or(usize::MAX) {
        return None;
    }
    if let Degree::Fixed(degree) = policy.degree {
        return Some(degree.max(LEAST_DEGREE));
    }
    let members = facts.input.membership.members.keys();
    let waiting = members.filter(|name| names.binary_search(name).is_err());
    let members = names.len() + waiting.count();
    let table = [(1_000, 16), (10_000, 20), (usize::MAX, 24)];
    let row = table.into_iter().find(|(most, _)| members <= *most);
    row.map(|(_, degree)| degree)
}

/// The capacity that a member is recorded with. One that is not recorded yet was read a moment ago,
/// if at all, and bounds nothing here.
fn capacity(facts: &Facts<'_>, name: &MemberName) -> Capacity {
    let record = facts.input.records.get(name.as_str());
    let capacity = record.and_then(|record| record.capacity);
    capacity.unwrap_or(Capacity::Unlimited)
}

/// The /56 that bounds them by what is recorded of them. One that is not recorded yet, or has no link,
/// may make more of it, never less.
fn crowd(facts: &Facts<'_>, names: &[&MemberName]) -> Option<Crowd> {
    let ip = |name: &&MemberName| {
        let record = facts.input.records.get(name.as_str())?;
        record.addresses.first()?.ip()
    };
    crowd::crowd(&facts.input.policy.network, names.iter().map(ip))
}
