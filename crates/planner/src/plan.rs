//! One pass from input to plan and report.

use kubomesh_core::{LinkCounts, Plan, Report, Sequence};

use crate::conditions::Findings;
use crate::filters::Filters;
use crate::mesh::{self, Linked};
use crate::pass::Pass;
use crate::records::{self, Ledger};
use crate::removal::{self, Removed};
use crate::sides::Sides;
use crate::steer::{self, FilterCalls};
use crate::world::World;
use crate::{PlanInput, Planned, heed, members, on_network, remember};

/// Plans one pass. Pure: the same input gives the same plan, report and memory in any process.
pub fn plan(input: &PlanInput<'_>) -> Planned {
    let mut memory = remember::recall(input);
    let world = World::new(*input, &mut memory);
    let sides = Sides::new(&world);
    remember::answered(&world, &sides, &mut memory);
    heed::look(&world, &mut memory);
    let filters = Filters::new(&world);
    let mut ledger = records::write(&world, &sides, &filters, &mut memory);
    let unsettled = std::mem::take(&mut ledger.unsettled);
    let mut pass = Pass {
        world,
        sides,
        filters,
        memory,
        unsettled,
        due: ledger.due,
    };
    let mut linked = mesh::link(&mut pass);
    let calls = steer::steer(&mut pass, &mut linked, &mut ledger);
    ledger.finish(&pass.world);
    let dials = mesh::send(&mut pass, &mut linked);
    let removed = removal::remove(&mut pass, &mut linked);
    let mut sequences = mend(&mut pass, &calls);
    sequences.extend(steer::sequences(&mut pass, calls));
    let report = report(&pass, &ledger, &linked, &removed);
    sequences.extend(removed.sequences);
    sequences.extend(mesh::additions(&pass, linked.entries));
    heed::note(&mut pass.memory, &sequences);
    sequences.extend(dials);
    let plan = Plan {
        records: ledger.writes,
        sequences,
    };
    Planned {
        plan,
        report: Report {
            surplus: removed.surplus,
            links: linked.reports,
            ..report
        },
        memory: pass.memory,
    }
}

/// One filters call a node, where one is due and no other is made.
fn mend(pass: &mut Pass<'_>, others: &FilterCalls) -> Vec<Sequence> {
    let mut sequences = Vec::new();
    for node in 0..pass.world.nodes.len() {
        if pass.world.nodes[node].quarantine().is_some() || others.contains_key(&node) {
            continue;
        }
        let mending = pass.filters.mend(&pass.world, node);
        let Some(call) = mending.and_then(|mending| mending.call) else {
            continue;
        };
        match pass.callable(node) {
            Ok(()) => sequences.extend(pass.single(node, call, None)),
            Err(until) => drop(pass.waiting(node, until)),
        }
    }
    sequences
}

/// The report but for its links, which are moved in.
fn report(pass: &Pass<'_>, ledger: &Ledger, linked: &Linked, removed: &Removed) -> Report {
    let input = &pass.world.input;
    let mut counts = LinkCounts::default();
    linked
        .reports
        .iter()
        .for_each(|report| counts.add(report.state));
    let (members, waiting) = members::members(pass, linked);
    let removals_held = ledger.held + removed.held;
    let findings = Findings {
        pass,
        linked,
        members: &members,
        removals_held,
        expired: ledger.expired.len(),
    };
    let conditions = findings.conditions();
    Report {
        mesh: input.membership.mesh.clone(),
        at: input.now,
        members,
        waiting,
        links: Vec::new(),
        counts,
        surplus: Vec::new(),
        removals_held,
        doubt: input.membership.doubt.clone(),
        conditions,
        retired_expired: ledger.expired.clone(),
        network: on_network::report(pass),
        filters_lost: ledger.lost.clone(),
        next_due: pass.due.map(|due| due.since(input.now)),
    }
}
