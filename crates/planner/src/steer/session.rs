//! One node's session, one step a pass: filters intended, seen, links moved, filters leaving, gone.

use std::sync::Arc;

use kubomesh_core::{Call, FilterStep, OwnedFilter, PeerId, Record};

use super::choice::Chosen;
use super::{Shared, is_down, passing};
use crate::dial::exact;
use crate::links::{self, Pair};
use crate::memory::MemberMemory;
use crate::mesh::Linked;
use crate::pass::Pass;
use crate::records::Ledger;
use crate::steps::Step;

/// How often a node may say yes to our filters and not show them, before the session is given up.
const UNHEEDED: u32 = 2;

/// The session on one node, and all that its next step touches.
pub(crate) struct Session<'s, 'a> {
    pub pass: &'s mut Pass<'a>,
    pub linked: &'s mut Linked,
    pub ledger: &'s mut Ledger,
    pub shared: &'s Shared,
    pub node: usize,
}

impl<'a> Session<'_, 'a> {
    /// The next step: a change of the node's record, a move, or the filters call that is returned.
    pub(crate) fn step(&mut self, moves: &[Chosen]) -> Option<Call> {
        let at = &self.pass.world.nodes[self.node];
        let record = at.record.filter(|_| !at.changing)?;
        at.state?.filters.as_ref().ok()?;
        let raise = self.raise(record);
        let leaving = entries(record, FilterStep::Leaving);
        if !leaving.is_empty() {
            return self.leave(leaving);
        }
        let intended = entries(record, FilterStep::Intended);
        if intended.is_empty() {
            self.begin(moves);
            return raise;
        }
        let peers: Vec<PeerId> = passing(record).filter_map(|one| one.peer).collect();
        if peers.iter().any(|peer| self.is_moving(*peer)) {
            return None;
        }
        let memory = self.memory()?;
        let lost = !memory.session || !memory.lifted.is_empty() || memory.unheeded > UNHEEDED;
        if lost || !self.pass.enforces() {
            self.settle();
            return None;
        }
        let missing: Vec<Arc<str>> = intended
            .into_iter()
            .filter(|cidr| !self.shows(cidr))
            .collect();
        if !missing.is_empty() {
            return Some(Call::FiltersAdd { entries: missing });
        }
        // A far end may have another address by now than the one that is hidden.
        let mut ready = moves.iter().filter(|one| peers.contains(&one.peer));
        let hidden = |one: &&Chosen| self.hiding(one).is_some_and(|open| open.is_empty());
        match ready.find(hidden) {
            Some(next) => self.send(next),
            None => self.settle(),
        }
        None
    }

    /// Records that standing filters are to be added or to leave; the call that adds those that are
    /// recorded and not seen.
    fn raise(&mut self, record: &Record) -> Option<Call> {
        let (wanted, stored) = (&self.shared.standing, &record.owned_filters);
        let is_stored = |cidr: &str| stored.iter().any(|one| *one.cidr == *cidr);
        let new = wanted.iter();
        let new = new.filter(|cidr| !is_stored(cidr) && !self.shows(cidr));
        let new: Vec<OwnedFilter> = new.map(|cidr| self.filter(None, cidr)).collect();
        let stands = |one: &&OwnedFilter| one.step == FilterStep::Standing;
        let standing = stored.iter().filter(stands);
        let changed = standing.clone().any(|one| !wanted.contains(&one.cidr));
        if !new.is_empty() || changed {
            let record = self.ledger.record(&self.pass.world, self.node)?;
            record.owned_filters.extend(new);
            for one in &mut record.owned_filters {
                if one.step == FilterStep::Standing && !wanted.contains(&one.cidr) {
                    one.step = FilterStep::Leaving;
                }
            }
            return None;
        }
        let missing = standing.filter(|one| !self.shows(&one.cidr));
        let entries: Vec<Arc<str>> = missing.map(|one| Arc::clone(&one.cidr)).collect();
        (!entries.is_empty()).then_some(Call::FiltersAdd { entries })
    }

    /// Takes filters away, each whether it is shown or not (measured-on-kubo, row 27: one may stand in
    /// the saved config alone), and forgets them when that was answered and none is shown.
    fn leave(&mut self, leaving: Vec<Arc<str>>) -> Option<Call> {
        let memory = self.memory()?;
        memory.session = false;
        let told = leaving.iter().all(|cidr| memory.lifted.contains(cidr));
        if !told || leaving.iter().any(|cidr| self.shows(cidr)) {
            return Some(Call::FiltersRemove { entries: leaving });
        }
        self.memory()?.lifted.clear();
        let record = self.ledger.record(&self.pass.world, self.node)?;
        let left =
            |one: &OwnedFilter| one.step == FilterStep::Leaving && leaving.contains(&one.cidr);
        record.owned_filters.retain(|one| !left(one));
        None
    }

    /// The filters of a session are to leave.
    fn settle(&mut self) {
        if let Some(record) = self.ledger.record(&self.pass.world, self.node) {
            let all = record.owned_filters.iter_mut();
            let intended = all.filter(|one| one.step == FilterStep::Intended);
            intended.for_each(|one| one.step = FilterStep::Leaving);
        }
        if let Some(memory) = self.memory() {
            memory.session = false;
        }
    }

    /// Begins a session: for all links of ends that are on the network already, or for one canary.
    fn begin(&mut self, moves: &[Chosen]) {
        // Where filters stand, links are moved without a session.
        let others = || {
            let memory = &self.pass.memory;
            memory.members.values().any(|one| one.session)
                || memory.links.values().any(|one| one.moved.is_some())
                || self.linked.steps.iter().any(|one| one.moves)
        };
        if moves.is_empty() || !self.pass.enforces() || (is_down(self.pass) && others()) {
            return;
        }
        let free = moves.iter().any(|one| one.free);
        let mut filters: Vec<OwnedFilter> = Vec::new();
        let mut canary = None;
        for one in moves.iter().filter(|one| one.free == free) {
            if !free && self.is_tried(one) {
                continue;
            }
            let Some(open) = self.hiding(one) else {
                continue;
            };
            if open.is_empty() {
                // What is there hides it already.
                return self.send(one);
            }
            filters.extend(open);
            if !free {
                canary = Some(one.peer);
                break;
            }
        }
        if filters.is_empty() {
            return;
        }
        if let Some(record) = self.ledger.record(&self.pass.world, self.node) {
            record.owned_filters.extend(filters);
        }
        if let Some(memory) = self.memory() {
            memory.session = true;
            memory.canary = canary;
            memory.lifted.clear();
        }
    }

    /// Whether an end of a canary is that of another: a node risks one link at a time.
    fn is_tried(&self, one: &Chosen) -> bool {
        let place = self.pass.world.nodes[self.node].place;
        let far = self.pass.world.nodes[one.pair.at(one.end.other())].name;
        let others = self.pass.memory.members.iter();
        let mut canaries = others.filter_map(|(name, memory)| {
            let peer = memory.canary.filter(|_| memory.session)?;
            Some((name, peer))
        });
        canaries.any(|(name, peer)| name == far || peer == one.peer || Some(peer) == place)
    }

    /// The filters that a move needs and that are not there.
    fn hiding(&self, one: &Chosen) -> Option<Vec<OwnedFilter>> {
        let far = one.pair.at(one.end.other());
        let world = &self.pass.world;
        let on = world.common(one.pair.a, one.pair.b).on?;
        let hiding = self.shared.hiding(world, far, on);
        let open = hiding.iter();
        let open = open.filter(|cidr| !self.pass.hides(self.node, cidr));
        Some(open.map(|cidr| self.filter(Some(one.peer), cidr)).collect())
    }

    /// Moves one link: what is off the network is closed and the far end asked for on it. If that
    /// fails, the filters go first, and what was closed is connected again.
    fn send(&mut self, one: &Chosen) {
        let world = &self.pass.world;
        let far = one.pair.at(one.end.other());
        let close = links::off_network(world, &self.pass.sides, (self.node, far));
        let record = world.nodes[self.node].record;
        let lift = record.map(|record| entries(record, FilterStep::Intended));
        self.linked.steps.push(Step {
            close: close.into_iter().map(exact).collect(),
            lift: lift.unwrap_or_default(),
            dial: true,
            restore: true,
            moves: true,
            ..Step::new(one.pair, one.end)
        });
        self.linked.reports[one.report].held = None;
    }

    /// Whether a link was moved and has not shown what became of it.
    fn is_moving(&self, peer: PeerId) -> bool {
        let Some(far) = self.pass.world.holder(&peer) else {
            return false;
        };
        let (a, b) = (self.node.min(far), self.node.max(far));
        let link = self.pass.link(Pair { a, b });
        let memory = self.pass.memory.links.get(&link);
        let under_way = self.pass.world.input.busy.is_linking(&link);
        under_way || memory.is_some_and(|memory| memory.moved.is_some())
    }

    fn filter(&self, peer: Option<PeerId>, cidr: &Arc<str>) -> OwnedFilter {
        OwnedFilter {
            peer,
            cidr: Arc::clone(cidr),
            step: match peer {
                Some(_) => FilterStep::Intended,
                None => FilterStep::Standing,
            },
            since: self.pass.now(),
        }
    }

    fn shows(&self, cidr: &str) -> bool {
        self.pass.world.nodes[self.node].shows(cidr)
    }

    fn memory(&mut self) -> Option<&mut MemberMemory> {
        let name = self.pass.world.nodes[self.node].name;
        self.pass.memory.members.get_mut(name)
    }
}

fn entries(record: &Record, step: FilterStep) -> Vec<Arc<str>> {
    let filters = record.owned_filters.iter().filter(|one| one.step == step);
    filters.map(|one| Arc::clone(&one.cidr)).collect()
}
