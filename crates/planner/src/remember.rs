//! The memory at the start of a pass: lives that are over are forgotten, and who starts or becomes
//! Ready gets its links' back-off reset.

use std::collections::BTreeSet;

use kubomesh_core::{Link, Member, MemberName, Observation, Role, Timestamp};

use crate::PlanInput;
use crate::memory::{LinkMemory, MemberMemory, Memory};
use crate::sides::{Entry, Sides};
use crate::since::read_since;
use crate::world::{Node, World};

/// The last pass's memory, brought up to the present members.
pub(crate) fn recall(input: &PlanInput<'_>) -> Memory {
    let mut memory = input.memory.clone();
    let live = &input.membership.members;
    // Who is only not listed for a while did not start anew.
    let known =
        |name: &MemberName| live.contains_key(name) || input.records.contains_key(name.as_str());
    memory.members.retain(|name, _| known(name));
    let mut started = BTreeSet::new();
    for member in live.values().filter(|member| member.role == Role::Kubo) {
        let new = match memory.members.get_mut(&member.name) {
            Some(known) => refresh(known, member, input.now),
            // It may have been here before: links outlive the time between two pods of a name.
            None => {
                let known = anew(member, input.now);
                memory.members.insert(member.name.clone(), known);
                true
            }
        };
        if new {
            started.insert(member.name.clone());
        }
    }
    if !started.is_empty() {
        memory
            .links
            .iter_mut()
            .for_each(|(link, memory)| reset(link, memory, &started));
    }
    memory
        .dialled
        .retain(|(name, _), bucket| known(name) && !bucket.is_full(input.now));
    let minute = input.now - MINUTE;
    memory.removals.retain(|at, _| *at > minute);
    memory
}

/// The span of the removal budget.
pub(crate) const MINUTE: std::time::Duration = std::time::Duration::from_secs(60);

fn anew(member: &Member, now: Timestamp) -> MemberMemory {
    MemberMemory {
        uid: member.uid.clone(),
        container: member.container.clone(),
        ready: member.ready,
        started: now,
        restarted: None,
        acted: None,
        failures: 0,
        sent: Vec::new(),
        unheeded: 0,
        tried: 0,
        tried_at: None,
        silent: false,
        holds: false,
        session: false,
        canary: None,
        moves_failed: 0,
        move_failed: None,
        lifted: Vec::new(),
        changed: None,
    }
}

/// Whether a container started or the member became Ready since the last pass.
fn refresh(known: &mut MemberMemory, member: &Member, now: Timestamp) -> bool {
    let other_life = known.uid != member.uid;
    if other_life || known.container != member.container {
        *known = MemberMemory {
            acted: known.acted.filter(|_| !other_life),
            restarted: (!other_life).then_some(now),
            ..anew(member, now)
        };
        return true;
    }
    let became_ready = member.ready && !known.ready;
    known.ready = member.ready;
    became_ready
}

fn reset(link: &Link, memory: &mut LinkMemory, started: &BTreeSet<MemberName>) {
    if started.contains(&link.a) || started.contains(&link.b) {
        *memory = LinkMemory {
            renewed: true,
            removing: memory.removing,
            ..memory.pace()
        };
    }
}

/// Who answers is no longer tried one dial at a time. Who answers again after silence, or has lost
/// all its entries, is as one that started, however soon after the last time: a members file has no
/// Ready condition that would say so, and a restart is short enough to fall between two readings.
/// What bounds the dials to one that comes and goes is each link's budget (decision 0003).
pub(crate) fn answered(world: &World<'_>, sides: &Sides<'_>, memory: &mut Memory) {
    let mut back = BTreeSet::new();
    for (index, node) in world.nodes.iter().enumerate() {
        let Some(member) = memory.members.get_mut(node.name) else {
            continue;
        };
        if node.member.is_none() {
            continue;
        }
        if node.is_silent() {
            // Whoever was not asked yet may answer well.
            member.silent |= node.observation.is_some();
            continue;
        }
        if node.is_reachable() {
            member.tried = 0;
            member.tried_at = None;
        } else if node.observation.and_then(Observation::present).is_none() {
            continue;
        }
        let emptied = emptied(node, sides.entries(index), member);
        if std::mem::take(&mut member.silent) || emptied {
            member.started = world.input.now;
            member.sent.clear();
            member.unheeded = 0;
            back.insert(node.name.clone());
        }
    }
    for (link, memory) in &mut memory.links {
        reset(link, memory, &back);
    }
}

/// Whether a node lists no entry of ours any more although it did: it restarted in place (rules.md,
/// Links).
fn emptied(node: &Node<'_>, entries: &[(usize, Entry)], member: &mut MemberMemory) -> bool {
    // What was read before a start was seen is another life's.
    let since = |at| node.observation.is_some_and(|seen| read_since(seen, at));
    if !node.is_readable() || !member.restarted.is_none_or(since) {
        return false;
    }
    let holds = entries.iter().any(|(_, entry)| *entry != Entry::Foreign);
    std::mem::replace(&mut member.holds, holds) && !holds
}
