//! From what happened at the fakes to one time a link.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use kubomesh_core::PeerId;

use super::Samples;
use crate::desired::Pairs;
use crate::stage::{Event, FleetNode};

/// The time of each wanted pair of which an end was restarted, milliseconds: from when its end serves
/// again, or from when somebody was about to write that all of them are Ready.
///
/// # Errors
/// When such a pair was not listed by both ends after it was started.
pub(super) fn samples(
    nodes: &[FleetNode],
    pairs: &Pairs,
    events: &[Event],
    written: Option<u64>,
) -> Result<Samples> {
    let mut started: BTreeMap<&str, u64> = BTreeMap::new();
    let mut opened: BTreeMap<(&str, PeerId), u64> = BTreeMap::new();
    for event in events {
        match (event.what.as_str(), event.peer) {
            ("started", _) => {
                started.insert(&event.node, event.at_ms);
            }
            // The last one: a connection that broke meanwhile was no link.
            ("opened", Some(peer)) => {
                opened.insert((&event.node, peer), event.at_ms);
            }
            _ => {}
        }
    }
    let mut samples = Samples::new();
    for &(a, b) in pairs {
        let (a, b) = (&nodes[a], &nodes[b]);
        let starts = [a, b].map(|end| started.get(end.name.as_str()).copied());
        let Some(back) = starts.into_iter().flatten().max() else {
            continue;
        };
        let listed = |end: &FleetNode, far: &FleetNode| {
            let at = opened.get(&(end.name.as_str(), far.peer_id)).copied();
            at.filter(|at| *at >= back)
                .with_context(|| format!("{} does not list {} again", end.name, far.name))
        };
        let both = listed(a, b)?.max(listed(b, a)?);
        samples.push(both.saturating_sub(written.unwrap_or(back)) as f64);
    }
    Ok(samples)
}

#[cfg(test)]
mod tests;
