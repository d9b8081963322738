//! The places of the topology: recorded identities, live or away, with zone and capacity.

use kubomesh_core::Capacity;

use crate::capacity::read;
use crate::crowd;
use crate::topology::{Place, Shape};
use crate::world::{Node, Standing, World};

/// Pairs of nodes that the policy wants linked, by index, the smaller first, sorted.
pub(crate) fn desired(world: &World<'_>) -> Vec<(usize, usize)> {
    let placed: Vec<(usize, Vec<u8>)> = world
        .placed()
        .map(|(index, peer)| (index, peer.to_bytes()))
        .collect();
    let places: Vec<Place<'_>> = placed
        .iter()
        .map(|(index, key)| {
            let node = &world.nodes[*index];
            Place {
                key,
                zone: zone(node),
                capacity: capacity(world, *index).links(),
            }
        })
        .collect();
    let node = |place: u32| placed[place as usize].0;
    let pairs = shape(world).pairs(&places, &world.input.membership.mesh.uid);
    pairs.into_iter().map(|(a, b)| (node(a), node(b))).collect()
}

/// What is built: by the number of all that have a place or will get one, so that a large mesh is
/// not meshed fully while its first members are being recorded. Where an IPv6 /56 bounds the links there
/// is no full mesh.
pub(crate) fn shape(world: &World<'_>) -> Shape {
    let counts = |node: &&Node<'_>| node.place.is_some() || node.standing == Standing::New;
    let members = world.nodes.iter().filter(counts).count();
    let policy = &world.input.policy.topology;
    match world.crowd {
        Some(_) => Shape::rings(members, policy),
        None => Shape::of(members, policy),
    }
}

fn zone<'a>(node: &Node<'a>) -> &'a str {
    match (node.member, node.record) {
        (Some(member), _) if node.is_recorded() => &member.zone,
        (_, Some(record)) => &record.zone,
        _ => "",
    }
}

/// A node's capacity: as recorded, else as just read, else assumed; and no more than an IPv6 /56 takes.
pub(crate) fn capacity(world: &World<'_>, index: usize) -> Capacity {
    let node = &world.nodes[index];
    let record = node.record.filter(|record| record.peer_id == node.place);
    let own = record
        .and_then(|record| record.capacity)
        .or_else(|| read(node.state?.conn_limits.as_ref()?))
        .unwrap_or(Capacity::Assumed);
    crowd::bounded(world.crowd.as_ref(), own)
}
