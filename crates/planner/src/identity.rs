//! Who a member is: first contact, adoption, wrong and duplicate identities (rules.md, Identity).

use std::collections::BTreeMap;
use std::sync::Arc;

use kubomesh_core::{Contact, Member, PeerId, Record, Source, Timestamp};

use crate::memory::{Changed, MemberMemory, Memory, Repeated};
use crate::since::shown_since;
use crate::world::{Node, Standing, World};

/// Sweeps in which something must be seen before it is believed.
const SWEEPS: u32 = 2;

/// Connections that must show a changed identity at a line of a members file.
pub(crate) const CONNECTIONS: u32 = 3;

/// What the identity of a member is judged to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing was seen of this life yet.
    Unseen,
    /// It shows the recorded identity.
    AsRecorded,
    /// It shows an identity and may be recorded with it.
    Adopt(PeerId),
    /// It shows another identity than the recorded or stated one.
    Wrong {
        /// The identity that it shows.
        shown: PeerId,
    },
    /// It shows an identity that must be seen once more: another live member shows it too, or it may
    /// be older than the container's start.
    Suspect,
    /// It shows an identity that another live member shows too.
    Duplicate,
}

/// Judges every member and keeps in memory what must be seen twice.
pub(crate) fn judge(world: &mut World<'_>, memory: &mut Memory) {
    let stated: BTreeMap<PeerId, usize> = count(world.nodes.iter().filter_map(claimed_by_line));
    for node in &mut world.nodes {
        let Some(member) = node.member else { continue };
        node.verdict = match (node.seen(), memory.members.get_mut(node.name)) {
            (Some((shown, at)), Some(memory)) => {
                verdict(node, member, (shown, at), memory, &stated)
            }
            _ => Verdict::Unseen,
        };
    }
    judge_duplicates(world, memory);
}

/// A line's identity as the file or its record says.
fn claimed_by_line(node: &Node<'_>) -> Option<PeerId> {
    node.member?.stated_peer_id.or(node.record?.peer_id)
}

fn count(peers: impl Iterator<Item = PeerId>) -> BTreeMap<PeerId, usize> {
    let mut counts = BTreeMap::new();
    peers.for_each(|peer| *counts.entry(peer).or_default() += 1);
    counts
}

fn verdict(
    node: &Node<'_>,
    member: &Member,
    (shown, at): (PeerId, Timestamp),
    memory: &mut MemberMemory,
    claimed: &BTreeMap<PeerId, usize>,
) -> Verdict {
    if let Some(stated) = member.stated_peer_id {
        memory.changed = None;
        return match node.record {
            _ if shown != stated => Verdict::Wrong { shown },
            Some(record) if node.is_recorded() && record.peer_id == Some(shown) => {
                Verdict::AsRecorded
            }
            _ => Verdict::Adopt(shown),
        };
    }
    let Some(record) = node.record.filter(|_| node.is_recorded()) else {
        memory.changed = None;
        // What was shown before a new start was seen may be older than it.
        return match memory.restarted {
            Some(restarted) if !shown_since(node, restarted) => Verdict::Suspect,
            _ => Verdict::Adopt(shown),
        };
    };
    if record.peer_id == Some(shown) {
        memory.changed = None;
        return Verdict::AsRecorded;
    }
    match member.source {
        // What was shown before the new start was seen may be older than it.
        Source::Pod if restarted(member, record) && !shown_since(node, memory.started) => {
            Verdict::Suspect
        }
        Source::Pod if restarted(member, record) => Verdict::Adopt(shown),
        Source::File if !claimed.contains_key(&shown) && confirmed(node, shown, at, memory) => {
            Verdict::Adopt(shown)
        }
        _ => Verdict::Wrong { shown },
    }
}

/// Whether the container was started anew since the record was written. Restarts are only ever
/// counted up: fewer of them are what somebody sees whose pods are older than the record.
pub(crate) fn restarted(member: &Member, record: &Record) -> bool {
    match (&member.container, &record.container) {
        (Some(seen), Some(recorded)) => seen != recorded && seen.restarts >= recorded.restarts,
        (seen, None) => seen.is_some(),
        (None, Some(_)) => false,
    }
}

/// Counts sightings of a changed identity: three connections in two sweeps must agree.
fn confirmed(node: &Node<'_>, shown: PeerId, at: Timestamp, memory: &mut MemberMemory) -> bool {
    let sighting = node
        .observation
        .and_then(|observation| observation.sighting.as_ref());
    let connections = sighting.map_or(1, |sighting| u32::from(sighting.connections));
    let changed = match memory.changed.take() {
        Some(before) if before.peer_id == shown && before.at < at => Changed {
            sweeps: before.sweeps.saturating_add(1),
            connections: before.connections.saturating_add(connections),
            at,
            ..before
        },
        Some(before) if before.peer_id == shown => before,
        _ => Changed {
            peer_id: shown,
            sweeps: 1,
            connections,
            at,
        },
    };
    let enough = changed.sweeps >= SWEEPS && changed.connections >= CONNECTIONS;
    memory.changed = Some(changed);
    enough
}

/// Where and when an identity was shown.
struct Shown {
    node: usize,
    at: Timestamp,
    /// Whether its last inquiry was answered.
    fresh: bool,
}

/// Who showed an identity, by host and port.
type ByAddress<'a> = BTreeMap<(&'a Arc<str>, u16), Vec<Shown>>;

/// One identity at two addresses: the members there are left alone once two sweeps showed it. Whoever
/// is not recorded with it yet waits from the first sweep on.
fn judge_duplicates(world: &mut World<'_>, memory: &mut Memory) {
    let mut shown = sightings(world);
    shown.retain(|_, addresses| addresses.len() > 1);
    memory.duplicates.retain(|peer, _| shown.contains_key(peer));
    for (peer, addresses) in shown {
        let newest = |sightings: &Vec<Shown>| {
            let fresh = sightings.iter().filter(|one| one.fresh);
            fresh.map(|one| one.at).max()
        };
        let mut fresh: Vec<Timestamp> = addresses.values().filter_map(newest).collect();
        fresh.sort_unstable();
        let older = fresh.len().checked_sub(2).map(|at| fresh[at]);
        let before = memory.duplicates.get(&peer).copied();
        let counted = match (before, older) {
            (Some(before), Some(older)) if before.at < older => Repeated {
                sweeps: before.sweeps.saturating_add(1),
                at: fresh[fresh.len() - 1],
            },
            (Some(before), _) => before,
            (None, Some(_)) => Repeated {
                sweeps: 1,
                at: fresh[fresh.len() - 1],
            },
            (None, None) => continue,
        };
        memory.duplicates.insert(peer, counted);
        if counted.sweeps >= SWEEPS {
            recorded_too(world, peer);
        }
        for one in addresses.into_values().flatten() {
            let node = &mut world.nodes[one.node];
            if counted.sweeps >= SWEEPS {
                node.verdict = Verdict::Duplicate;
            } else if node.standing == Standing::New || matches!(node.verdict, Verdict::Adopt(_)) {
                node.verdict = Verdict::Suspect;
            }
        }
    }
}

/// Every identity that is shown, by the address at which it is. Two members of one address are one
/// node: a line that was renamed lives beside its former name until the file is settled.
fn sightings<'a>(world: &World<'a>) -> BTreeMap<PeerId, ByAddress<'a>> {
    let mut shown: BTreeMap<PeerId, ByAddress<'a>> = BTreeMap::new();
    for (index, node) in world.nodes.iter().enumerate() {
        let (Some((peer, at)), Some(observation)) = (node.seen(), node.observation) else {
            continue;
        };
        // Whoever shows an identity that is not its own gets nothing, and takes nothing from others;
        // what showed it to one that is not contacted may have been the one at its address.
        let Some(member) = node.member.filter(|one| one.contact == Contact::Allowed) else {
            continue;
        };
        if matches!(node.verdict, Verdict::Wrong { .. }) {
            continue;
        }
        let endpoint = member.access.endpoint();
        let addresses = shown.entry(peer).or_default();
        let sightings = addresses
            .entry((&endpoint.host, endpoint.port))
            .or_default();
        sightings.push(Shown {
            node: index,
            at,
            fresh: observation.failure.is_none(),
        });
    }
    shown
}

/// Who is recorded with a doubled identity and does not show any is left alone with the others.
fn recorded_too(world: &mut World<'_>, peer: PeerId) {
    let unseen = world.nodes.iter_mut().filter(|node| {
        let recorded = node.record.and_then(|record| record.peer_id) == Some(peer);
        node.is_recorded() && recorded && node.verdict == Verdict::Unseen
    });
    unseen.for_each(|node| node.verdict = Verdict::Duplicate);
}
