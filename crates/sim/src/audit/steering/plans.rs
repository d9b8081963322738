//! Moves as they are planned: their filters were seen, the far end answered, and what is hidden is
//! nobody else's.

use std::collections::BTreeSet;
use std::net::IpAddr;

use kubomesh_core::{FilterStep, Member, Network, OwnedFilter, RecordWrite, Sequence};

use super::{covers, is_move};
use crate::audit::passes::Passed;
use crate::audit::{Audit, Property, network};

impl Audit {
    /// A pass plans moves: their filters were seen, the far end answered, and what is hidden is
    /// nobody else's.
    pub(in crate::audit) fn judge_steering(&mut self, passed: &Passed<'_>) {
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
