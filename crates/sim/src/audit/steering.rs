//! Steering: filters of ours stand in a record before they are added and none is left, owners' stay,
//! and no working connection is given up for nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use kubomesh_core::{
    Call, FailureKind, FilterStep, Link, Member, MemberName, Network, OwnedFilter, PeerId, Reading,
    Record, RecordWrite, Sequence, Timestamp, Timings,
};
use kubomesh_model::{Filter, NodeIndex};

use super::passes::Passed;
use super::{Audit, LATE, Property, network};
use crate::controller::Who;
use crate::controller::task::{Run, Sent};
use crate::queue::Request;
use crate::sim::Sim;

/// Moves that fail in a row until the network counts as down.
const DOWN_AFTER: u32 = 3;

/// Moves that fail in a row until a controller has to know that it is down: one or two it may put down
/// to something else, where a link is wanted no more or an end has just started.
const SURELY_DOWN_AFTER: usize = DOWN_AFTER as usize + 2;

/// How long a controller needs to read what became of a move that failed.
const KNOWN: Duration = Duration::from_secs(20);

/// What is known of filters of ours, and of moves.
#[derive(Debug, Clone, Default)]
pub(crate) struct Steered {
    /// Since when the storage network carries nothing.
    pub(crate) down: Option<Timestamp>,
    /// Every filter that a record ever named as ours, by identity.
    ever: BTreeMap<PeerId, BTreeSet<Arc<str>>>,
    /// Filters that controllers added and did not take away.
    left: BTreeMap<PeerId, BTreeSet<Arc<str>>>,
    /// Filters that owners added, and since when.
    owners: BTreeMap<PeerId, BTreeMap<Arc<str>, Timestamp>>,
    /// When a filter that no move gives back was last taken from a repo, by whomever.
    freed: BTreeMap<PeerId, Timestamp>,
    moves: BTreeMap<Who, Moves>,
}

/// The moves of one life of a controller.
#[derive(Debug, Clone, Default)]
struct Moves {
    /// Since when each is under way.
    under_way: BTreeMap<Link, Timestamp>,
    /// Those that failed in a row, and when.
    failed: Vec<(Link, Timestamp)>,
    /// Since when it is known that so many failed in a row.
    down: Option<Timestamp>,
    /// Moves begun since the storage network carries nothing.
    tried: u32,
}

// === impl Steered ===

impl Steered {
    /// An owner adds a filter.
    pub(super) fn owned(&mut self, repo: PeerId, text: &str, now: Timestamp) {
        let own = self.owners.entry(repo).or_default();
        own.entry(text.into()).or_insert(now);
        if let Some(left) = self.left.get_mut(&repo) {
            left.remove(text);
        }
    }

    /// An owner takes all filters away.
    pub(super) fn cleared(&mut self, repo: PeerId, now: Timestamp) {
        self.owners.remove(&repo);
        self.freed.insert(repo, now);
        self.left.remove(&repo);
    }

    /// Nobody knows any more what was added to a repo.
    pub(crate) fn forgive(&mut self, record: &Record) {
        let lives = record.retired.iter().map(|one| one.peer_id);
        for peer in lives.chain(record.peer_id) {
            self.left.remove(&peer);
        }
    }

    /// An end started, or answers again: what failed a moment ago may have failed because of that.
    pub(super) fn renewed(&mut self, who: Who, name: &MemberName, now: Timestamp) {
        let Some(moves) = self.moves.get_mut(&who) else {
            return;
        };
        let recent = |at: &Timestamp| now < *at + KNOWN;
        let of = |link: &Link| link.a == *name || link.b == *name;
        moves.failed.retain(|(link, at)| !of(link) || !recent(at));
        moves.note_down(now);
    }

    /// A controller starts from nothing.
    pub(super) fn forget(&mut self, who: Who) {
        self.moves.remove(&who);
    }

    /// The storage network carries nothing, or carries again.
    pub(crate) fn carries(&mut self, down: Option<Timestamp>) {
        if down.is_none() || self.down.is_none() {
            self.down = down;
            // What failed before says nothing about the network as it is now.
            for moves in self.moves.values_mut() {
                moves.tried = 0;
                moves.failed.clear();
                moves.down = None;
            }
        }
    }

    fn is_owners(&self, repo: PeerId, filter: &OwnedFilter) -> bool {
        let own = self.owners.get(&repo);
        let since = own.and_then(|own| own.get(&filter.cidr));
        since.is_some_and(|since| *since + LATE < filter.since)
    }
}

// === impl Moves ===

impl Moves {
    fn note_down(&mut self, now: Timestamp) {
        let down = self.failed.len() >= SURELY_DOWN_AFTER;
        self.down = self.down.or(Some(now)).filter(|_| down);
    }
}

/// Whether a sequence moves a link to another network.
pub(crate) fn is_move(sequence: &Sequence) -> bool {
    let closes =
        |call: &Call| matches!(call, Call::Disconnect { address } if !address.is_relayed());
    let back = |call: &Call| matches!(call, Call::Connect { .. });
    sequence.actions.iter().any(|action| closes(&action.call))
        && sequence
            .actions
            .iter()
            .any(|action| action.on_failure.iter().any(back))
}

impl Sim {
    /// The entries of a filters call that are ours and not an owner's.
    pub(crate) fn steering_entries(&self, sent: &Sent, call: &Call) -> BTreeSet<Arc<str>> {
        let (Call::FiltersAdd { entries } | Call::FiltersRemove { entries }) = call else {
            return BTreeSet::new();
        };
        let stored = self.store.records.get(sent.member.as_str());
        let record = stored.map(|stored| &stored.record);
        let owned = |entry: &&Arc<str>| {
            record.is_some_and(|one| one.owned_filters.iter().any(|own| own.cidr == **entry))
        };
        let taken = |entry: &&Arc<str>| {
            record.is_some_and(|one| one.removed_filters.iter().any(|own| own.cidr == **entry))
        };
        let ever = self.audit.steered.ever.get(&sent.expect);
        let ever = |entry: &&Arc<str>| ever.is_some_and(|ever| ever.contains(*entry));
        let ours = |entry: &&Arc<str>| owned(entry) || (ever(entry) && !taken(entry));
        entries.iter().filter(ours).cloned().collect()
    }

    /// A filters call was done; `gives_back`: because a move failed.
    pub(crate) fn steered(
        &mut self,
        (repo, gives_back): (PeerId, bool),
        call: &Call,
        ours: &BTreeSet<Arc<str>>,
    ) {
        // What one of two holders adds behind the other's back is in no record of either.
        let now = self.now();
        let known = now >= self.audit.rewound_until.max(self.audit.two_until);
        let steered = &mut self.audit.steered;
        let left = steered.left.entry(repo).or_default();
        match call {
            Call::FiltersAdd { .. } if known => left.extend(ours.iter().cloned()),
            Call::FiltersRemove { entries } => {
                left.retain(|entry| !entries.contains(entry));
                if let Some(own) = steered.owners.get_mut(&repo) {
                    own.retain(|entry, _| !entries.contains(entry));
                }
                if !gives_back {
                    steered.freed.insert(repo, now);
                }
            }
            _ => {}
        }
    }

    /// What is added is recorded before, or was taken and is given back.
    pub(super) fn judge_written_ahead(&mut self, who: Who, sent: &Sent, entries: &[Arc<str>]) {
        let now = self.now();
        if now < self.audit.rewound_until.max(self.audit.two_until) {
            return;
        }
        let stored = self.store.records.get(sent.member.as_str());
        let owned = stored.map(|stored| stored.record.owned_filters.clone());
        let taken = self.audit.taken.get(&sent.expect);
        let covered = |entry: &Arc<str>| {
            owned.iter().flatten().any(|own| own.cidr == *entry)
                || taken.is_some_and(|taken| taken.contains(entry))
        };
        if let Some(entry) = entries.iter().find(|entry| !covered(entry)) {
            let detail = format!(
                "{who} adds {entry} to {}, whose record does not say so",
                sent.member
            );
            self.audit.broke(Property::Steering, detail);
        }
    }

    /// What is taken away as ours was not there before.
    pub(super) fn judge_lifted(&mut self, who: Who, sent: &Sent, entries: &[Arc<str>]) {
        let Some(stored) = self.store.records.get(sent.member.as_str()) else {
            return;
        };
        let owned = stored.record.owned_filters.iter();
        let mut lifted = owned.filter(|own| entries.contains(&own.cidr));
        // Of two copies of a repo each has filters of its own.
        let single = !self.cluster.was_doubled(sent.expect);
        let owners = lifted.find(|own| single && self.audit.steered.is_owners(sent.expect, own));
        if let Some(filter) = owners {
            let detail = format!(
                "{who} takes {} from {}, where its owner had it before",
                filter.cidr, sent.member
            );
            self.audit.broke(Property::Steering, detail);
        }
    }

    /// A record is written: what it names as ours was not there before.
    pub(super) fn judge_owned(&mut self, who: Who, before: Option<&Record>, after: &Record) {
        let Some(repo) = after.filters_owner() else {
            return;
        };
        // Where another identity takes a name, what was added to the former one's repo is said to be
        // lost: the record has no place for it.
        if let Some(former) = before.and_then(Record::filters_owner)
            && former != repo
        {
            self.audit.steered.left.remove(&former);
        }
        for filter in &after.owned_filters {
            let known = before.is_some_and(|before| {
                let mut all = before.owned_filters.iter();
                all.any(|own| own.cidr == filter.cidr)
            });
            let ever = self.audit.steered.ever.entry(repo).or_default();
            ever.insert(Arc::clone(&filter.cidr));
            let doubled = self.cluster.was_doubled(repo);
            if !known && !doubled && self.audit.steered.is_owners(repo, filter) {
                let detail = format!(
                    "{who} records {} of {} as ours, which its owner had before",
                    filter.cidr, after.member
                );
                self.audit.broke(Property::Steering, detail);
            }
        }
    }

    /// A call of a move is sent.
    pub(super) fn move_leaves(&mut self, request: &Request, sent: &Sent, call: &Call) {
        let (true, Call::Disconnect { .. }, Some(link)) = (sent.moves, call, &sent.link) else {
            return;
        };
        let (now, who) = (self.now(), request.who);
        let members = u32::try_from(self.cluster.places.len()).unwrap_or(u32::MAX);
        let down = self.audit.steered.down.filter(|_| {
            let wanted = self.policy.network.attachment.is_some();
            wanted && self.audit.two_until <= now
        });
        let most = down.map(|since| most_moves(&self.timings, members, now.since(since)));
        let moves = self.audit.steered.moves.entry(who).or_default();
        let (failed, down) = (moves.failed.len(), moves.down);
        let since_down = |at: &Timestamp| down.is_some_and(|down| down + KNOWN < *at);
        let mut others = moves.under_way.iter().filter(|(other, _)| *other != link);
        let others = others.any(|(_, at)| since_down(at)) && since_down(&now);
        let begins = moves.under_way.insert(link.clone(), now).is_none();
        moves.tried += u32::from(begins);
        let tried = moves.tried;
        if others {
            let detail = format!("{who} moves {link} beside another after {failed} failures");
            self.audit.broke(Property::GivenUp, detail);
        }
        if most.is_some_and(|most| tried > most) {
            let detail = format!("{who} gave {tried} links up on a network that is down: {most:?}");
            self.audit.broke(Property::GivenUp, detail);
        }
    }

    /// A call of a move has ended; `over`: it was the last one.
    pub(crate) fn moved(&mut self, who: Who, run: &Run, result: &Reading<()>, over: bool) {
        if !is_move(run.sequence()) {
            return;
        }
        let (gives_back, link) = (run.progress.gives_back(), run.sequence().actions.last());
        let Some(link) = link.and_then(|action| action.link.clone()) else {
            return;
        };
        let now = self.now();
        let moves = self.audit.steered.moves.entry(who).or_default();
        let begun = moves.under_way.get(&link).copied();
        if over {
            moves.under_way.remove(&link);
        }
        // What was begun before its controller started from nothing is not its failure, nor is it the
        // network's where an end started since.
        let counts = begun.is_some_and(|at| !self.audit.is_before_renewal(who, &link, at));
        let dials = matches!(run.progress.call(), Some((Call::Connect { .. }, _)));
        let moves = self.audit.steered.moves.entry(who).or_default();
        if dials && !gives_back {
            match result {
                Ok(()) => moves.failed.clear(),
                Err(_) if counts => moves.failed.push((link.clone(), now)),
                Err(_) => {}
            }
            moves.note_down(now);
        }
        let answered = match result {
            Ok(()) => true,
            Err(failure) => !matches!(
                failure.kind,
                FailureKind::TimedOut
                    | FailureKind::WrongIdentity
                    | FailureKind::Disconnected
                    | FailureKind::Fenced
                    | FailureKind::RateLimited
                    | FailureKind::Refused
            ),
        };
        if over && gives_back && answered {
            self.judge_given_back(who, &link, begun);
        }
    }

    /// A pair whose move failed is connected again, if there is a way.
    fn judge_given_back(&mut self, who: Who, link: &Link, begun: Option<Timestamp>) {
        let node = |name: &MemberName| {
            let mut places = self.cluster.places.values();
            let place = places.find(|place| {
                let object = place.object.as_ref();
                object.is_some_and(|object| object.name == *name)
            })?;
            Some((place.process?, place.object.as_ref()?.ip))
        };
        let (Some((a, at_a)), Some((b, at_b))) = (node(&link.a), node(&link.b)) else {
            return;
        };
        let peer = self.world.node(b).spec().peer_id;
        let apart =
            self.world.connectedness(a, peer) == kubomesh_model::Connectedness::NotConnected;
        // A filter may have been in the way that is gone by now: an owner's, or one that stands.
        let cleared = |node| {
            let repo = self.world.node(node).spec().peer_id;
            let at = self.audit.steered.freed.get(&repo);
            at.is_some_and(|at| begun.is_none_or(|begun| begun <= *at))
        };
        if apart && !cleared(a) && !cleared(b) && self.is_way((a, at_a), (b, at_b)) {
            let detail = format!("{who} moved {link} in vain and did not connect it again");
            self.audit.broke(Property::GivenUp, detail);
        }
    }

    /// Whether two nodes reach each other over the pod network.
    fn is_way(&self, (a, at_a): (NodeIndex, IpAddr), (b, at_b): (NodeIndex, IpAddr)) -> bool {
        let open = |node: NodeIndex| {
            let node = self.world.node(node);
            node.is_online() && node.spec().listen_only.is_empty()
        };
        let hides = |node, ip| {
            let filters = self.world.filters(node).unwrap_or_default();
            filters.iter().any(|text| covers(text, ip))
        };
        let runs = self.world.reaches(a, b, Some(Network::Pod));
        runs && open(a) && open(b) && !hides(a, at_b) && !hides(b, at_a)
    }

    /// After quiet: no filter of ours is left on a node, but those that are to stand.
    pub(super) fn filters_of_ours_left(
        &self,
        node: NodeIndex,
        record: &Record,
    ) -> Option<(Property, String)> {
        let spec = self.world.node(node).spec();
        let policy = &self.policy.network;
        let strict = policy.steering == kubomesh_core::Steering::Strict
            && policy.attachment.is_some()
            && self.policy.mode == kubomesh_core::Mode::Enforce;
        let stands = |one: &&OwnedFilter| strict && one.step == FilterStep::Standing;
        if let Some(filter) = record.owned_filters.iter().find(|one| !stands(one)) {
            let detail = format!("the record of {} keeps {}", record.member, filter.cidr);
            return Some((Property::Steering, detail));
        }
        let live = self.world.filters(node).unwrap_or_default();
        let left = self.audit.steered.left.get(&spec.peer_id);
        let there = |text: &&Arc<str>| {
            let standing = record.owned_filters.iter().any(|one| one.cidr == **text);
            !standing && (live.iter().any(|one| **one == ***text) || saved(spec, text))
        };
        let left = left.into_iter().flatten().find(there)?;
        let doubled = self.cluster.was_doubled(spec.peer_id);
        let detail = format!("our filter {left} is left on {}", record.member);
        (!doubled).then_some((Property::Steering, detail))
    }
}

fn saved(spec: &kubomesh_model::NodeSpec, text: &str) -> bool {
    spec.saved_filters.iter().any(|one| one == text)
}

fn covers(text: &str, ip: IpAddr) -> bool {
    Filter::parse(text).is_ok_and(|filter| filter.covers(ip))
}

/// Links that may be tried on a network that is down for so long: each member's session may have one
/// under way before that is known, three more fail, then each pause doubles up to the longest.
fn most_moves(timings: &Timings, members: u32, span: Duration) -> u32 {
    let (base, max) = (timings.steer_retry_base, timings.steer_retry_max);
    let mut pause = base / 2;
    let (mut at, mut count) = (Duration::ZERO, members + DOWN_AFTER + 2);
    while at <= span {
        at += pause;
        pause = (pause * 2).min(max / 2).max(Duration::from_secs(1));
        count += 1;
    }
    count
}

impl Audit {
    /// A pass plans moves: their filters were seen, the far end answered, and what is hidden is
    /// nobody else's.
    pub(super) fn judge_steering(&mut self, passed: &Passed<'_>) {
        let input = passed.input;
        for write in &passed.planned.plan.records {
            let RecordWrite::Put(record) = write else {
                continue;
            };
            let before = input.records.get(&record.name());
            let is_new = |one: &&OwnedFilter| {
                let known = before.is_some_and(|before| before.owned_filters.contains(one));
                !known && one.step == FilterStep::Intended
            };
            for filter in record.owned_filters.iter().filter(is_new) {
                if let Some(with) = self.sharer(passed, filter) {
                    let detail = format!(
                        "{} intends {} on {}, which {with} has too",
                        passed.who, filter.cidr, record.member
                    );
                    self.broke(Property::Steering, detail);
                }
            }
        }
        let moves = passed.planned.plan.sequences.iter();
        for sequence in moves.filter(|one| is_move(one)) {
            if let Some(what) = self.rash(passed, sequence) {
                let detail = format!("{} moves a link of {}: {what}", passed.who, sequence.member);
                self.broke(Property::GivenUp, detail);
            }
        }
    }

    /// Another member that has an address which a filter hides.
    fn sharer(&self, passed: &Passed<'_>, filter: &OwnedFilter) -> Option<String> {
        let input = passed.input;
        let whose = |member: &&Member| {
            let record = input.records.get(member.name.as_str());
            record.is_none_or(|record| record.peer_id != filter.peer)
        };
        let mut others = input.membership.members.values().filter(whose);
        let has = |member: &&Member| network::known(member).any(|ip| covers(&filter.cidr, ip));
        others.find(has).map(|member| member.name.to_string())
    }

    /// Why a move should not be made.
    fn rash(&self, passed: &Passed<'_>, sequence: &Sequence) -> Option<String> {
        let input = passed.input;
        let link = sequence.actions.last()?.link.as_ref()?;
        let far = if link.a == sequence.member {
            &link.b
        } else {
            &link.a
        };
        let member = input.membership.members.get(far)?;
        let seen = input.observations.get(far);
        let answers = seen.is_some_and(|seen| {
            seen.failure.is_none() && seen.uid == member.uid && seen.present().is_some()
        });
        if !answers {
            return Some(format!("{far} did not answer"));
        }
        let wanted = input.policy.network.attachment.is_some();
        let on = |ip: &IpAddr| {
            let near = input.membership.members.get(&sequence.member);
            let has = |one: &Member| !one.ips(Network::Storage).is_empty();
            let both = has(member) && near.is_some_and(has);
            let uses = network::uses(&input.policy.network, both);
            uses.is_some_and(|network| member.ips(network).contains(ip))
        };
        let own: BTreeSet<IpAddr> = network::known(member).filter(|ip| !on(ip)).collect();
        let shared = |ip: &IpAddr| {
            let mut others = input.membership.members.values();
            others.any(|one| one.name != *far && network::known(one).any(|own| own == *ip))
        };
        let near = input.observations.get(&sequence.member)?.present()?;
        let filters = near.filters.as_ref().ok()?;
        let hidden = |ip: &IpAddr| filters.iter().any(|text| covers(text, *ip));
        let former = |ip: &IpAddr| {
            let former = member.storage.former.as_ref();
            wanted || former.is_some_and(|former| former.ips.contains(ip))
        };
        let open = own
            .into_iter()
            .find(|ip| former(ip) && !shared(ip) && !hidden(ip));
        open.map(|ip| format!("{ip} of {far} is not seen to be hidden"))
    }
}
