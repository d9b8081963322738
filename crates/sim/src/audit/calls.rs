//! Every mutating call at the moment when it arrives: from whom, to whom, about what.

use std::sync::Arc;
use std::time::Duration;

use kubomesh_core::{Address, Call, FilterPolicy, MemberName, Mode, PeerId};
use kubomesh_model::NodeIndex;

use super::Property;
use crate::controller::task::Sent;
use crate::queue::{Request, To};
use crate::sim::Sim;

/// How long ago a pass took the records that it plans on.
const PASS: Duration = Duration::from_secs(2);

impl Sim {
    /// A call arrives at a process.
    pub(crate) fn call_arrives(&mut self, request: &Request, call: &Call, node: NodeIndex) {
        let Some(sent) = request.call.clone() else {
            return;
        };
        self.audit.acts += 1;
        if !request.fenced {
            self.found(
                Property::Fence,
                (request, &sent, call),
                "was sent without the lease",
            );
        }
        self.judge_identity(request, &sent, call, node);
        self.judge_mode(request, &sent, call);
        match call {
            Call::PeeringAdd { addresses } => {
                for address in addresses {
                    let Some(peer) = address.peer() else { continue };
                    self.judge_foreign(request, &sent, (call, peer), node);
                    let bare = address.without_peer();
                    // Whether it was recorded is judged when it is sent; what was forgotten since, no
                    // answer could show.
                    let pair = (peer, bare);
                    if !self.explains(&pair) {
                        self.audit.excused.insert(pair);
                    }
                }
            }
            Call::PeeringRemove { peers } => {
                for peer in peers {
                    self.judge_foreign(request, &sent, (call, *peer), node);
                }
                if let Some(ground) = sent.context.ground {
                    let what = format!("removes although {ground}");
                    self.found(Property::Doubt, (request, &sent, call), &what);
                }
            }
            Call::FiltersAdd { .. } | Call::FiltersRemove { .. } => {
                self.judge_filters(request, &sent, call, node);
            }
            _ => {}
        }
    }

    /// The node is who it is taken for, and the connection has shown it.
    fn judge_identity(&mut self, request: &Request, sent: &Sent, call: &Call, node: NodeIndex) {
        let shown = match request.to {
            To::Wire(wire) => wire.shown,
            To::Ip(_) | To::Agent(_) => None,
        };
        let is = self.world.node(node).spec().peer_id;
        if shown != Some(is) || is != sent.expect {
            let what = "reaches a node whose identity this connection did not show";
            return self.found(Property::Identity, (request, sent, call), what);
        }
        let key = (sent.uid.clone(), sent.expect);
        let ever = self.audit.recorded.get(&sent.member);
        if !ever.is_some_and(|lives| lives.contains(&key)) {
            let what = "reaches a node that is recorded with another identity";
            self.found(Property::Identity, (request, sent, call), what);
        }
    }

    fn judge_mode(&mut self, request: &Request, sent: &Sent, call: &Call) {
        let ours = self.steering_entries(sent, call);
        let gives_back = match call {
            Call::PeeringRemove { .. } | Call::FiltersAdd { .. } => true,
            Call::FiltersRemove { entries } => entries.iter().all(|entry| ours.contains(entry)),
            _ => false,
        };
        let allowed = match sent.context.mode {
            Mode::Enforce => true,
            Mode::Observe => false,
            Mode::Release => gives_back,
        };
        if !allowed {
            self.found(
                Property::Mode,
                (request, sent, call),
                "is against the mesh's mode",
            );
        }
    }

    /// An entry that the owner had written before the node was read stays.
    fn judge_foreign(
        &mut self,
        request: &Request,
        sent: &Sent,
        (call, peer): (&Call, PeerId),
        node: NodeIndex,
    ) {
        let since = self
            .audit
            .foreign
            .get(&node)
            .and_then(|entries| entries.get(&peer));
        let known = since.is_some_and(|since| *since < sent.context.read);
        if known && !self.audit.is_liar(node) {
            self.found(
                Property::ForeignEntry,
                (request, sent, call),
                "touches the owner's entry",
            );
        }
    }

    /// Filters are taken as recorded and given back as taken.
    fn judge_filters(&mut self, request: &Request, sent: &Sent, call: &Call, node: NodeIndex) {
        let busy = self.audit.filters.entry((request.who, node)).or_default();
        busy.insert(request.serial);
        if busy.len() > 1 {
            let what = "is made while another filters call of this node is under way";
            self.found(Property::Twice, (request, sent, call), what);
        }
        let repo = self.world.node(node).spec().peer_id;
        let ours = self.steering_entries(sent, call);
        let stored = self.store.records.get(sent.member.as_str());
        let recorded = stored.map(|stored| stored.record.removed_filters.clone());
        match call {
            Call::FiltersRemove { entries } => {
                let noted = |entry: &Arc<str>| {
                    let filters = recorded.iter().flatten();
                    filters.into_iter().any(|filter| filter.cidr == *entry)
                };
                let forgotten = entries
                    .iter()
                    .filter(|entry| !noted(entry) && !ours.contains(*entry));
                let forgotten = forgotten.map(|entry| (repo, Arc::clone(entry)));
                self.audit.unowed.extend(forgotten);
            }
            Call::FiltersAdd { entries } => {
                let taken = self.audit.taken.entry(repo).or_default();
                let known = |entry: &Arc<str>| taken.contains(entry) || ours.contains(entry);
                if !entries.iter().all(known) {
                    let what = "gives a filter that was not taken from this repo";
                    self.found(Property::ForeignFilter, (request, sent, call), what);
                }
            }
            _ => {}
        }
    }

    /// What a call gives or takes is recorded when it is sent.
    fn judge_recorded(&mut self, request: &Request, call: &Call) {
        let Some(sent) = request.call.clone() else {
            return;
        };
        match call {
            Call::PeeringAdd { addresses } => {
                for address in addresses {
                    let Some(peer) = address.peer() else { continue };
                    let pair = (peer, address.without_peer());
                    if self.is_covered(request, &sent, &pair) {
                        continue;
                    }
                    let what = "gives a peer or an address that no record has";
                    self.found(Property::Recorded, (request, &sent, call), what);
                }
            }
            Call::FiltersRemove { entries } => {
                let ours = self.steering_entries(&sent, call);
                let others = entries.iter().filter(|entry| !ours.contains(*entry));
                let others: Vec<Arc<str>> = others.cloned().collect();
                self.judge_taken((request, &sent, call), &others);
                self.judge_lifted(request.who, &sent, entries);
            }
            Call::FiltersAdd { entries } => {
                self.judge_written_ahead(request.who, &sent, entries);
            }
            _ => {}
        }
    }

    /// Whether a record explains an entry, or did in the records that its controller had.
    fn is_covered(&mut self, request: &Request, sent: &Sent, pair: &(PeerId, Address)) -> bool {
        if self.explains(pair) || self.audit.excused.contains(pair) {
            return true;
        }
        let lag = self.controller(request.who.replica).ledger.lag;
        let dropped = self.audit.dropped.get(pair);
        let late = dropped.is_some_and(|at| *at + lag + PASS >= sent.context.began);
        late || self.world.now() < self.audit.two_until
    }

    /// A filter is taken away as the record and the policy say.
    fn judge_taken(&mut self, told: (&Request, &Sent, &Call), entries: &[Arc<str>]) {
        let (_, sent, _) = told;
        let now = self.world.now();
        if now < self.audit.rewound_until.max(self.audit.two_until) {
            return;
        }
        let stored = self.store.records.get(sent.member.as_str());
        let recorded = stored.map(|stored| stored.record.removed_filters.clone());
        let lag = self.controller(told.0.who.replica).ledger.lag;
        for entry in entries {
            let key = (sent.member.clone(), Arc::clone(entry));
            let dropped = self.audit.unrecorded.get(&key);
            if dropped.is_some_and(|at| *at + lag + PASS >= sent.context.began) {
                continue;
            }
            let mut filters = recorded.iter().flatten();
            let what = match filters.find(|filter| filter.cidr == *entry) {
                None => "takes a filter that is not recorded",
                Some(filter) if filter.gone => "takes a filter a second time",
                _ if sent.context.filters != FilterPolicy::Repair => {
                    "takes a filter without filters: Repair"
                }
                Some(_) => continue,
            };
            self.found(Property::ForeignFilter, told, what);
        }
    }

    fn found(
        &mut self,
        property: Property,
        (request, sent, call): (&Request, &Sent, &Call),
        what: &str,
    ) {
        let detail = format!(
            "a call of {} to {}, `{call}`, {what}",
            request.who, sent.member
        );
        self.audit.broke(property, detail);
    }

    /// A call is sent: nothing that it is about is under way, and a pair has its pause.
    pub(crate) fn call_leaves(&mut self, request: &Request, call: &Call) {
        self.judge_recorded(request, call);
        let Some(sent) = &request.call else { return };
        let sent = sent.clone();
        self.move_leaves(request, &sent, call);
        let now = self.world.now();
        self.judge_twice(request, &sent, call);
        if let (Call::Connect { .. }, Some(link), false) =
            (call, &sent.link, sent.gives_back || sent.moves)
            && !self
                .audit
                .is_before_renewal(request.who, link, sent.context.began)
        {
            let pause = self.policy.limits.dial_interval;
            let last = self.audit.dialled.insert((request.who, link.clone()), now);
            let two = now < self.audit.two_until;
            if let Some(last) = last.filter(|last| !two && now.since(*last) < pause) {
                let span = now.since(last).as_secs_f64();
                let detail = format!("{} dials {link} again after {span} s", request.who);
                self.audit.broke(Property::Pace, detail);
            }
        }
    }

    /// What is under way is not sent again; a link is also called for from its other end if an end
    /// has started since the first call for it was planned.
    fn judge_twice(&mut self, request: &Request, sent: &Sent, call: &Call) {
        let key = |end: &MemberName| match &sent.link {
            Some(link) => (request.who, format!("{link} from {end}")),
            None => (request.who, format!("{end} {}", call.label())),
        };
        let under_way = &mut self.audit.under_way;
        let one = (request.serial, sent.context.began);
        let mut before = under_way
            .insert(key(&sent.member), one)
            .map(|_| key(&sent.member).1);
        // What is given back belongs to the call that failed, which was there before.
        if let Some(link) = sent.link.as_ref().filter(|_| !sent.gives_back) {
            let far = if link.a == sent.member {
                &link.b
            } else {
                &link.a
            };
            if let Some((_, began)) = self.audit.under_way.get(&key(far)).copied()
                && !self.audit.is_before_renewal(request.who, link, began)
                && !self
                    .audit
                    .is_before_renewal(request.who, link, sent.context.began)
            {
                before = Some(key(far).1);
            }
        }
        if let Some(key) = before {
            let detail = format!("{} sends `{call}` although {key} is under way", request.who);
            self.audit.broke(Property::Twice, detail);
        }
    }

    /// A call is over for its controller.
    pub(crate) fn call_over(&mut self, request: &Request) {
        if request.call.is_none() {
            return;
        }
        self.audit
            .under_way
            .retain(|_, (serial, _)| *serial != request.serial);
        if let To::Wire(wire) = request.to
            && let Some(busy) = self.audit.filters.get_mut(&(request.who, wire.node))
        {
            busy.remove(&request.serial);
        }
    }
}
