//! What a mesh that is released says: how much of ours is still in the nodes.

use std::collections::BTreeSet;

use crate::members::sentence;
use crate::pass::Pass;
use crate::sides::Entry;
use crate::words;

/// How much of ours is still in the nodes: whoever leaves waits for the zeros.
pub(crate) fn releasing(pass: &Pass<'_>) -> String {
    let Pass { world, sides, .. } = pass;
    let mut pairs = BTreeSet::new();
    for node in 0..world.nodes.len() {
        for (far, entry) in sides.entries(node) {
            let ours = matches!(entry, Entry::Current | Entry::Former);
            if ours && world.nodes[*far].place.is_some() {
                pairs.insert((node.min(*far), node.max(*far)));
            }
        }
    }
    let records = world.nodes.iter().filter_map(|node| node.record);
    let filters: usize = records.map(|record| record.removed_filters.len()).sum();
    // Nobody who is a member asks them: what their records name waits until they are members again.
    let away = world.nodes.iter().filter(|node| {
        let owed = |record: &kubomesh_core::Record| !record.removed_filters.is_empty();
        node.member.is_none() && node.record.is_some_and(owed)
    });
    let away: Vec<String> = away.map(|node| node.name.to_string()).collect();
    let live = world.nodes.iter().filter(|node| node.member.is_some());
    let silent = live.filter(|node| !node.is_readable()).count() + away.len();
    let mut said = format!(
        "the mesh gives back what it put into the nodes: {} links held, {filters} filters to put \
         back, {silent} members do not answer",
        pairs.len()
    );
    if !away.is_empty() {
        let remedy = words::bring_back(world.source());
        said = format!("{said}; {remedy}: {}", sentence(away.into_iter()));
    }
    said
}
