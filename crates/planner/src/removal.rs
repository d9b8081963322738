//! Removal: entries for retired identities, links that are wanted no longer, and everything of ours
//! when the mesh is released. Never in doubt (rules.md, Removal).

use std::collections::BTreeMap;

use kubomesh_core::{Held, LinkReport, LinkState, Mode, PeerId, Reason, Sequence, Timestamp};

use crate::links::{self, Pair};
use crate::mesh::{self, Linked};
use crate::pass::Pass;
use crate::places;
use crate::remember::MINUTE;
use crate::sides::Entry;
use crate::world::Origin;

/// What is taken from nodes, and what stays for now.
#[derive(Default)]
pub(crate) struct Removed {
    /// One `peering/rm` a node.
    pub sequences: Vec<Sequence>,
    /// Links that are wanted no longer and stay for now, each with the reason.
    pub surplus: Vec<LinkReport>,
    /// Entries that would go were it not for doubt.
    pub held: u64,
}

/// A link that is wanted no longer: which end has an entry of ours.
type Surplus = BTreeMap<(usize, usize), [bool; 2]>;

/// Decides what goes.
pub(crate) fn remove(pass: &mut Pass<'_>, linked: &mut Linked) -> Removed {
    let mut removed = Removed::default();
    let mut by_node: Vec<Vec<PeerId>> = vec![Vec::new(); pass.world.nodes.len()];
    retired(pass, &mut removed, &mut by_node);
    match pass.world.input.policy.mode {
        Mode::Release => release(pass, &mut removed, &mut by_node),
        _ => surplus(pass, linked, &mut removed, &mut by_node),
    }
    removed.sequences = pass.removals(by_node);
    removed
}

/// Entries of ours for identities that are retired and nobody's now.
fn retired(pass: &mut Pass<'_>, removed: &mut Removed, by_node: &mut [Vec<PeerId>]) {
    let is_retired = |peer: &PeerId| {
        let mut origins = pass.world.known[peer].addresses.iter();
        origins.all(|(_, origin)| matches!(origin, Origin::Retired { .. }))
    };
    let gone = pass.sides.gone.iter().copied();
    let gone: Vec<(usize, PeerId)> = gone.filter(|(_, peer)| is_retired(peer)).collect();
    for (node, peer) in gone {
        take(pass, node, peer, removed, by_node);
    }
}

/// Every entry of ours.
fn release(pass: &mut Pass<'_>, removed: &mut Removed, by_node: &mut [Vec<PeerId>]) {
    for node in 0..pass.world.nodes.len() {
        let ours = pass.sides.entries(node).iter();
        let ours: Vec<PeerId> = ours
            .filter(|(_, entry)| *entry != Entry::Foreign)
            .filter_map(|(far, _)| pass.world.nodes[*far].place)
            .collect();
        for peer in ours {
            take(pass, node, peer, removed, by_node);
        }
    }
}

/// One entry of a node goes, now or when the node may be called.
fn take(
    pass: &mut Pass<'_>,
    node: usize,
    peer: PeerId,
    removed: &mut Removed,
    by_node: &mut [Vec<PeerId>],
) {
    if pass.world.input.membership.doubt.is_some() {
        removed.held += 1;
        return;
    }
    if pass.world.input.policy.mode == Mode::Observe {
        return;
    }
    match pass.callable(node) {
        Ok(()) => by_node[node].push(peer),
        Err(until) => drop(pass.waiting(node, until)),
    }
}

/// Links between placed nodes that the topology wants no longer.
fn surplus(
    pass: &mut Pass<'_>,
    linked: &mut Linked,
    removed: &mut Removed,
    by_node: &mut [Vec<PeerId>],
) {
    let surplus = find(pass, linked);
    if surplus.is_empty() {
        return;
    }
    let mut counts = counts(pass);
    let unhealthy = unhealthy(pass, linked);
    let mut budget = budget(pass, surplus.len());
    let mut gone = 0;
    for ((a, b), has) in surplus {
        let (pair, link) = (Pair { a, b }, pass.link(Pair { a, b }));
        let over = |node: usize, counts: &[u32]| {
            counts[node] > places::capacity(&pass.world, node).links()
        };
        let begun = pass
            .memory
            .links
            .get(&link)
            .is_some_and(|memory| memory.removing);
        let above = over(a, &counts) || over(b, &counts);
        let reason = match blocked(pass, pair, begun) {
            Some(reason) => Some(reason),
            None if begun => None,
            None if !above => Some(Reason::Surplus),
            None if unhealthy[a] || unhealthy[b] => Some(Reason::NotReplaced),
            None if budget == 0 => Some(Reason::Budget),
            None => None,
        };
        if above && matches!(reason, Some(Reason::RemovalsHeld)) {
            removed.held += 1;
        }
        if reason.is_none() {
            for (node, far, has) in [(a, b, has[0]), (b, a, has[1])] {
                counts[node] -= u32::from(has);
                if let (true, Some(peer)) = (has, pass.world.nodes[far].place) {
                    by_node[node].push(peer);
                }
            }
            if !begun {
                budget -= 1;
                gone += 1;
            }
            pass.memory.links.entry(link.clone()).or_default().removing = true;
        }
        let waits = reason
            .as_ref()
            .and_then(|_| refresh(pass, pair, linked).err());
        let until = match reason {
            Some(Reason::Budget) => Some(next_budget(pass)),
            Some(_) if begun => calls_due(pass, pair),
            _ => None,
        };
        let judged = links::judge(&pass.world, &pass.sides, pair);
        let held = reason.clone().map(|reason| pass.hold(reason, until));
        let held = waits.filter(|held| held.until.is_some()).or(held);
        let reason = Some(reason.unwrap_or(Reason::Surplus));
        let state = match judged.state {
            LinkState::Degraded if judged.reason == Some(Reason::Unprotected) => LinkState::Healthy,
            state => state,
        };
        removed.surplus.push(LinkReport {
            link,
            state,
            reason,
            held,
            rewritten: judged.rewritten,
            off_network: judged.off_network,
        });
    }
    if gone > 0 {
        *pass.memory.removals.entry(pass.now()).or_default() += gone;
    }
}

/// A link that stays is kept working: an entry with a former address gets the present one, now or
/// when it may be given.
fn refresh(pass: &mut Pass<'_>, pair: Pair, linked: &mut Linked) -> Result<(), Held> {
    let mut given = Ok(());
    for (node, far) in [(pair.a, pair.b), (pair.b, pair.a)] {
        if pass.sides.entry(node, far) != Some(Entry::Former) {
            continue;
        }
        match mesh::given(pass, node, far) {
            Ok(address) => linked.entries[node].push(address),
            Err(held) => given = Err(held),
        }
    }
    given
}

/// Why a surplus link stays whatever its ends' capacity.
fn blocked(pass: &Pass<'_>, pair: Pair, begun: bool) -> Option<Reason> {
    let nodes = &pass.world.nodes;
    let ends = [pair.a, pair.b];
    let mut absent = ends.into_iter().filter_map(|node| nodes[node].absence());
    if let Some(reason) = absent.next() {
        return Some(reason);
    }
    if !pass.enforces() {
        return Some(Reason::Mode);
    }
    if pass.world.input.membership.doubt.is_some() {
        return Some(Reason::RemovalsHeld);
    }
    ends.into_iter().find_map(|node| {
        if pass.callable(node).is_ok() && nodes[node].is_readable() {
            return None;
        }
        let again = if begun {
            Reason::Surplus
        } else {
            Reason::NotReplaced
        };
        Some(nodes[node].silence().unwrap_or(again))
    })
}

fn find(pass: &mut Pass<'_>, linked: &Linked) -> Surplus {
    let mut surplus = Surplus::new();
    for node in 0..pass.world.nodes.len() {
        for (far, entry) in pass.sides.entries(node) {
            let (a, b) = (node.min(*far), node.max(*far));
            let ours = *entry != Entry::Foreign && pass.world.nodes[node].place.is_some();
            if ours
                && linked
                    .pairs
                    .binary_search_by_key(&(a, b), |pair| (pair.a, pair.b))
                    .is_err()
            {
                surplus.entry((a, b)).or_default()[usize::from(node != a)] = true;
            }
        }
    }
    let wanted = |link: &kubomesh_core::Link| {
        let ends = (pass.world.find(&link.a), pass.world.find(&link.b));
        matches!(ends, (Some(a), Some(b)) if surplus.contains_key(&(a, b)))
    };
    pass.memory
        .links
        .retain(|link, memory| !memory.removing || wanted(link));
    surplus
}

/// How many links each node holds entries of ours for.
fn counts(pass: &Pass<'_>) -> Vec<u32> {
    let ours = |node: usize| {
        let entries = pass
            .sides
            .entries(node)
            .iter()
            .filter(|(_, entry)| *entry != Entry::Foreign);
        u32::try_from(entries.count()).unwrap_or(u32::MAX)
    };
    (0..pass.world.nodes.len()).map(ours).collect()
}

/// Nodes that have a desired link with a reachable node that is not healthy. One that was only
/// introduced so far is as good as reachable.
fn unhealthy(pass: &Pass<'_>, linked: &Linked) -> Vec<bool> {
    let mut unhealthy = vec![false; pass.world.nodes.len()];
    for (&(a, b), report) in linked.ends.iter().zip(&linked.reports) {
        if report.state != LinkState::Healthy {
            let reachable = |node: usize| {
                let node = &pass.world.nodes[node];
                node.is_reachable() || node.is_introduced()
            };
            unhealthy[a] |= reachable(b);
            unhealthy[b] |= reachable(a);
        }
    }
    unhealthy
}

/// How many surplus links may go now: a share of them a minute, at least one.
fn budget(pass: &Pass<'_>, surplus: usize) -> u64 {
    let percent = u64::from(pass.world.input.policy.limits.removal_percent_per_minute);
    let spent: u64 = pass.memory.removals.values().sum();
    let all = u64::try_from(surplus)
        .unwrap_or(u64::MAX)
        .saturating_add(spent);
    (all.saturating_mul(percent) / 100)
        .max(1)
        .saturating_sub(spent)
}

/// When both ends may be called again, if one just failed a call.
fn calls_due(pass: &Pass<'_>, pair: Pair) -> Option<Timestamp> {
    let ends = [pair.a, pair.b].into_iter();
    ends.filter_map(|node| pass.callable(node).err().flatten())
        .max()
}

fn next_budget(pass: &Pass<'_>) -> Timestamp {
    pass.memory
        .removals
        .keys()
        .next()
        .copied()
        .unwrap_or(pass.now())
        + MINUTE
}
