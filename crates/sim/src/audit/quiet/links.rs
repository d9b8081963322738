//! After quiet: every wanted link is there on both ends, and no node holds more than it should.

use std::collections::{BTreeMap, BTreeSet};

use kubomesh_core::{Address, Connection, Direction, LinkState, MemberName, PeerId, Reason};
use kubomesh_model::Filter;

use super::Well;
use crate::audit::{Property, degree};
use crate::sim::Sim;

impl Sim {
    /// Every wanted pair is connected directly, listed by both ends, and protected on both.
    pub(super) fn unlinked(
        &self,
        wells: &[Well],
        last: &crate::controller::LastPass,
    ) -> Option<(Property, String)> {
        let by_name: BTreeMap<&MemberName, &Well> =
            wells.iter().map(|well| (&well.name, well)).collect();
        let mut wanted: BTreeSet<(&MemberName, &MemberName)> = BTreeSet::new();
        for report in &last.report.links {
            let link = &report.link;
            let (Some(a), Some(b)) = (by_name.get(&link.a), by_name.get(&link.b)) else {
                return Some((
                    Property::Linked,
                    format!("{link} is wanted with who is gone"),
                ));
            };
            wanted.insert((&link.a, &link.b));
            if self.filtered(a, b) || self.filtered(b, a) {
                // A connection that was there before may still wait for its entry.
                let until = report.held.as_ref().and_then(|held| held.until);
                if until.is_some() {
                    return Some((Property::Linked, format!("{link} waits for a call")));
                }
                continue;
            }
            let astray = matches!(report.reason, Some(Reason::WrongNetwork));
            if self.at(a, b).is_none() || (astray && self.stays_astray(a, b)) {
                continue;
            }
            let trimmed = self.trims(a, wells.len()) || self.trims(b, wells.len());
            if trimmed && report.state == LinkState::Missing {
                continue;
            }
            if report.state != LinkState::Healthy {
                let why = report
                    .reason
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default();
                let held = report
                    .held
                    .as_ref()
                    .map(|held| format!("{:?}", held.reason));
                let held = held.unwrap_or_default();
                let detail = format!("{link} is reported {:?}: {why}; {held}", report.state);
                return Some((Property::Linked, detail));
            }
            if let Some(detail) = self.astray(a, b).or_else(|| self.astray(b, a)) {
                return Some((Property::Network, detail));
            }
            if let Some(detail) = self
                .weak(a, b)
                .or_else(|| self.weak(b, a))
                .filter(|_| !trimmed)
            {
                return Some((Property::Linked, detail));
            }
        }
        let full = wells.len() <= self.policy.topology.full_mesh_up_to as usize;
        if full && wanted.len() != wells.len() * wells.len().saturating_sub(1) / 2 {
            return Some((Property::Linked, "the full mesh lacks a pair".into()));
        }
        self.misled(wells).or_else(|| self.crowded(wells))
    }

    /// Whether a node may have more links than it admits connections, none of which is protected: it
    /// closes some, and they are made again, for ever.
    fn trims(&self, well: &Well, members: usize) -> bool {
        let high = self.world.node(well.node).spec().conn_limits.high_water;
        let high = high.and_then(|high| usize::try_from(high).ok());
        !self.policy.links.protect && high.is_some_and(|high| high < members)
    }

    /// No node has an entry of ours that leads to where a member was, be the link wanted or not.
    fn misled(&self, wells: &[Well]) -> Option<(Property, String)> {
        let known =
            |well: &&Well| !self.audit.is_liar(well.node) && !self.cluster.was_doubled(well.peer);
        for well in wells.iter().filter(known) {
            for (peer, address) in self.audit.ours(well.node) {
                let Some(far) = wells.iter().find(|far| far.peer == *peer) else {
                    continue;
                };
                let excused = self.audit.excused.contains(&(*peer, address.clone()));
                // A pair that a filter keeps apart is given nothing.
                let apart = self.filtered(well, far) || self.filtered(far, well);
                let at = self.at(well, far);
                let misleads = at.is_some() && address.ip() != at;
                if known(&far) && !apart && !excused && misleads {
                    let detail = format!("{} has {} at {address}", well.name, far.name);
                    return Some((Property::Linked, detail));
                }
            }
        }
        None
    }

    /// No node has more entries of ours than its capacity, but in a full mesh.
    fn crowded(&self, wells: &[Well]) -> Option<(Property, String)> {
        // A wanted link that filters forbid, or that stays off its network, keeps surplus links of its
        // ends.
        if wells.iter().any(|a| {
            wells
                .iter()
                .any(|b| self.filtered(a, b) || self.stays_astray(a, b))
        }) {
            return None;
        }
        let ips: Vec<_> = wells.iter().map(|well| Some(well.ip)).collect();
        let six = degree::is_bound(&self.policy, &ips);
        for well in wells {
            let capacity = degree::capacity(&self.world.node(well.node).spec().conn_limits);
            // Below the capacity links stay that were wanted once.
            let full = degree::most(&self.policy, wells.len(), capacity, six).is_none();
            let others = if full { wells.len() - 1 } else { 0 };
            let most = others.max(capacity.links() as usize);
            // What nobody knows of counts for nothing.
            let known = |(peer, at): (&PeerId, &Address)| {
                let pair = (*peer, at.clone());
                self.explains(&pair) || !self.audit.excused.contains(&pair)
            };
            let ours = self
                .audit
                .ours(well.node)
                .filter(|entry| known(*entry))
                .count();
            if ours > most && !self.audit.is_liar(well.node) {
                let detail = format!(
                    "{} has {ours} entries of ours, at most {most} are due",
                    well.name
                );
                return Some((Property::Surplus, detail));
            }
        }
        None
    }

    /// Whether a node's filters keep it from another.
    pub(super) fn filtered(&self, near: &Well, far: &Well) -> bool {
        let filters = self.world.filters(near.node).unwrap_or_default();
        let seen = self.world.node(far.node).spec().seen_as;
        let ip = self.at(near, far).unwrap_or(far.ip);
        let covers = |text: &String| {
            Filter::parse(text).is_ok_and(|filter| {
                filter.covers(ip) || seen.is_some_and(|seen| filter.covers(seen))
            })
        };
        filters.iter().any(covers)
    }

    /// Whether a node's filters keep it from dialling another whom it would let in: that one's
    /// source address is rewritten.
    pub(super) fn half_filtered(&self) -> bool {
        let wells = self.wells();
        let half = |near: &Well, far: &Well| {
            let Some(seen) = self.world.node(far.node).spec().seen_as else {
                return false;
            };
            let filters = self.world.filters(near.node).unwrap_or_default();
            let covers = |ip| {
                let covers = |text: &String| Filter::parse(text).is_ok_and(|f| f.covers(ip));
                filters.iter().any(covers)
            };
            covers(self.at(near, far).unwrap_or(far.ip)) != covers(seen)
        };
        wells
            .iter()
            .any(|near| wells.iter().any(|far| half(near, far)))
    }

    /// What a node lacks of a link with another.
    fn weak(&self, near: &Well, far: &Well) -> Option<String> {
        let peers = self.world.peers(near.node).unwrap_or_default();
        let at = self.at(near, far);
        let direct = |connection: &Connection| {
            connection.peer == far.peer
                && !connection.address.is_relayed()
                && (connection.direction == Direction::Inbound || connection.address.ip() == at)
        };
        if !peers.iter().any(direct) {
            return Some(format!(
                "{} lists no connection with {}",
                near.name, far.name
            ));
        }
        let foreign = self.audit.is_foreign(near.node, &far.peer);
        let ours = self
            .audit
            .ours(near.node)
            .any(|(peer, _)| *peer == far.peer);
        let lied = self.audit.is_liar(near.node);
        (self.policy.links.protect && !foreign && !ours && !lied)
            .then(|| format!("{} has no entry for {}", near.name, far.name))
    }
}
