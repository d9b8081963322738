//! Whom to ask what in this pass.

use std::collections::{BTreeMap, BTreeSet};

use kubomesh_core::{Contact, Expected, Inquiry, Member, MemberName, Scope, Source};

use crate::identity::{CONNECTIONS, Verdict, restarted};
use crate::world::{Node, Standing, World};
use crate::{PlanInput, places, remember};

/// Whom to ask what. With `touched`, only those members and their partners in the topology: an
/// event's pass reads no more than it may change.
///
/// Asked are members that may be contacted and are Ready or recorded in this life. A recorded one
/// is asked everything, and must show its identity first; one that shows another is asked for
/// nothing but that.
#[must_use]
pub fn inquire(
    input: &PlanInput<'_>,
    touched: Option<&BTreeSet<MemberName>>,
) -> BTreeMap<MemberName, Inquiry> {
    let mut memory = remember::recall(input);
    let world = World::new(*input, &mut memory);
    let wanted = touched.map(|touched| with_partners(&world, touched));
    let asked = world.nodes.iter().enumerate().filter_map(|(index, node)| {
        if wanted
            .as_ref()
            .is_some_and(|wanted| !wanted.contains(&index))
        {
            return None;
        }
        let changed = memory
            .members
            .get(node.name)
            .and_then(|member| member.changed.as_ref());
        let member = node
            .member
            .filter(|member| member.contact == Contact::Allowed)?;
        let (expected, scope) = question(node, member)?;
        let confirming = member.source == Source::File && changed.is_some();
        Some((
            node.name.clone(),
            Inquiry {
                uid: member.uid.clone(),
                access: member.access.clone(),
                expected,
                scope,
                connections: if confirming {
                    u8::try_from(CONNECTIONS).unwrap_or(u8::MAX)
                } else {
                    1
                },
            },
        ))
    });
    asked.collect()
}

fn with_partners(world: &World<'_>, touched: &BTreeSet<MemberName>) -> BTreeSet<usize> {
    let named: BTreeSet<usize> = touched.iter().filter_map(|name| world.find(name)).collect();
    let mut all = named.clone();
    for (a, b) in places::desired(world) {
        if named.contains(&a) {
            all.insert(b);
        }
        if named.contains(&b) {
            all.insert(a);
        }
    }
    all
}

fn question(node: &Node<'_>, member: &Member) -> Option<(Expected, Scope)> {
    let stated = member
        .stated_peer_id
        .map_or(Expected::Anyone, Expected::Peer);
    let record = node.record.filter(|_| node.standing == Standing::Recorded);
    match (
        node.standing,
        record,
        record.and_then(|record| record.peer_id),
    ) {
        (Standing::New, ..) => Some((stated, Scope::Introduction)),
        (Standing::Recorded, Some(record), Some(peer)) => Some(match node.verdict {
            Verdict::Adopt(_) => (stated, Scope::Introduction),
            Verdict::Wrong { .. } | Verdict::Suspect => (
                Expected::Peer(member.stated_peer_id.unwrap_or(peer)),
                Scope::Identity,
            ),
            // After a restart the recorded identity is the likely one: if it is shown, all is read
            // at once; if not, the sighting leads to an introduction.
            _ => {
                let conn_limits = record.capacity.is_none() || restarted(member, record);
                (Expected::Peer(peer), Scope::Full { conn_limits })
            }
        }),
        _ => None,
    }
}
