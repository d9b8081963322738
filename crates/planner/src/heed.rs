//! Calls that a node answers with success and that its lists show nothing of: they are planned again
//! with a back-off, as those that fail.

use std::collections::BTreeMap;

use kubomesh_core::{Call, MemberName, Sequence};

use crate::pass::Pass;

/// Compares what is planned for each node with what was planned for it last.
///
/// A call is planned only after the node was read anew: the same once more says that the last one
/// changed nothing. Where nothing is planned and nothing has to wait, the last one did its work.
pub(crate) fn note(pass: &mut Pass<'_>, sequences: &[Sequence]) {
    let mut planned: BTreeMap<&MemberName, Vec<Call>> = BTreeMap::new();
    for sequence in sequences {
        let calls = sequence.actions.iter().map(|action| &action.call);
        let calls = calls.filter(|call| is_listed(call)).cloned();
        planned.entry(&sequence.member).or_default().extend(calls);
    }
    for index in 0..pass.world.nodes.len() {
        let name = pass.world.nodes[index].name;
        let calls = planned.remove(name).unwrap_or_default();
        let sent = pass.memory.members.get(name).map(|member| &member.sent);
        if calls.is_empty() && sent.is_none_or(Vec::is_empty) {
            continue;
        }
        let callable = pass.callable(index).is_ok();
        let Some(member) = pass.memory.members.get_mut(name) else {
            continue;
        };
        if calls.is_empty() {
            if callable {
                member.sent.clear();
                member.unheeded = 0;
            }
        } else if member.sent == calls {
            member.unheeded = member.unheeded.saturating_add(1);
        } else {
            member.sent = calls;
            member.unheeded = 0;
        }
    }
}

/// Whether the node's own lists show what the call did; connections have their own back-off.
fn is_listed(call: &Call) -> bool {
    !matches!(call, Call::Connect { .. } | Call::Disconnect { .. })
}
