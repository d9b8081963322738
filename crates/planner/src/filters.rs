//! Dial filters in the way: found, taken away where the policy says so, and given back.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use ipnet::IpNet;
use kubomesh_core::{Address, Call, FilterPolicy, Member, Mode, Record, RemovedFilter};
use multiaddr::{Multiaddr, Protocol};

use crate::world::{Node, World};

/// Filters of one node that are looked at; a profile has about twenty.
const MAX_FILTERS: usize = 4_096;

/// The dial filters of every node, and the addresses that they must not cover.
pub(crate) struct Filters<'a> {
    /// By node: those that can be read as a range of IPs.
    nodes: Vec<Vec<(IpNet, &'a Arc<str>)>>,
    /// Mesh addresses of all placed nodes, sorted, as often as they occur.
    mesh: Vec<IpAddr>,
}

/// What is to be done about one node's filters.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Mending {
    /// What the record has to say of filters taken away.
    pub removed: Vec<RemovedFilter>,
    /// The one call that may be made, covered by what is stored.
    pub call: Option<Call>,
}

// === impl Filters ===

impl<'a> Filters<'a> {
    /// Reads the filters of every node that showed them.
    pub(crate) fn new(world: &World<'a>) -> Self {
        let mut read: BTreeMap<&str, Option<IpNet>> = BTreeMap::new();
        let nodes = world.nodes.iter().map(|node| {
            let shown = node.state.and_then(|state| state.filters.as_ref().ok());
            // Ours are in nobody's way: they hide what links are not to use.
            let ours = |text: &&Arc<str>| {
                let owned = node.record.map_or(&[][..], |record| &record.owned_filters);
                owned.iter().any(|filter| filter.cidr == **text)
            };
            let shown = shown.into_iter().flatten().take(MAX_FILTERS);
            let shown = shown.filter(move |text| !ours(text));
            let nets = shown.filter_map(|text| {
                let net = *read.entry(&**text).or_insert_with(|| range(text));
                net.map(|net| (net, text))
            });
            nets.collect()
        });
        let nodes = nodes.collect();
        let mut mesh: Vec<IpAddr> = world
            .nodes
            .iter()
            .filter(|node| node.place.is_some())
            .flat_map(Node::addresses)
            .filter_map(Address::ip)
            .collect();
        mesh.sort_unstable();
        Self { nodes, mesh }
    }

    /// A filter of a node that covers an address.
    pub(crate) fn covering(&self, node: usize, ip: Option<IpAddr>) -> Option<&'a Arc<str>> {
        let ip = ip?;
        self.nodes[node]
            .iter()
            .find(|(net, _)| net.contains(&ip))
            .map(|(_, text)| *text)
    }

    /// The filters of a node that cover another node's mesh address.
    pub(crate) fn conflicts(&self, index: usize, node: &Node<'_>) -> Vec<&'a Arc<str>> {
        let own: Vec<IpAddr> = match node.place {
            Some(_) => node.addresses().filter_map(Address::ip).collect(),
            None => Vec::new(),
        };
        let covers = |net: &IpNet| {
            let after = self.mesh.partition_point(|ip| *ip <= net.broadcast());
            let before = self.mesh.partition_point(|ip| *ip < net.network());
            after - before > own.iter().filter(|own| net.contains(*own)).count()
        };
        self.nodes[index]
            .iter()
            .filter(|(net, _)| covers(net))
            .map(|(_, text)| *text)
            .collect()
    }

    /// What is to be done about a node's filters, if they could be read and none of them is on its way
    /// out or in: what a call in flight takes away must not be thought to be there.
    pub(crate) fn mend(&self, world: &World<'_>, index: usize) -> Option<Mending> {
        let node = &world.nodes[index];
        let (record, member) = (node.record?, node.member?);
        if node.changing {
            return None;
        }
        let shown = node.state?.filters.as_ref().ok()?;
        let shown = |cidr: &str| shown.iter().any(|text| **text == *cidr);
        let policy = world.input.policy;
        if policy.mode == Mode::Release || policy.filters == FilterPolicy::Report {
            return Some(give_back(record, policy.mode, shown));
        }
        let conflicts = self.conflicts(index, node);
        let conflicting = |cidr: &str| conflicts.iter().any(|text| ***text == *cidr);
        let mut mending = Mending::default();
        for filter in &record.removed_filters {
            mending.removed.extend(take_away(
                filter,
                member,
                world,
                shown(&filter.cidr),
                conflicting(&filter.cidr),
            ));
        }
        if policy.mode == Mode::Observe {
            return Some(mending);
        }
        let recorded = |cidr: &str| record.removed_filters.iter().any(|one| *one.cidr == *cidr);
        mending
            .removed
            .extend(
                conflicts
                    .iter()
                    .filter(|cidr| !recorded(cidr))
                    .map(|cidr| RemovedFilter {
                        cidr: Arc::clone(cidr),
                        container: member.container.clone(),
                        since: world.input.now,
                        gone: false,
                    }),
            );
        let stored = record.removed_filters.iter();
        let entries: Vec<Arc<str>> = stored
            .filter(|one| !one.gone && one.container == member.container)
            .filter(|one| shown(&one.cidr) && conflicting(&one.cidr))
            .map(|one| Arc::clone(&one.cidr))
            .collect();
        mending.call = (!entries.is_empty()).then_some(Call::FiltersRemove { entries });
        Some(mending)
    }
}

/// What a record keeps of a filter that was to be taken away: whether it was seen gone; that it
/// came back with a new container start; nothing, if it never went and is in nobody's way.
fn take_away(
    filter: &RemovedFilter,
    member: &Member,
    world: &World<'_>,
    shown: bool,
    conflicting: bool,
) -> Option<RemovedFilter> {
    let same_start = filter.container == member.container;
    match (shown, filter.gone) {
        (false, _) => Some(RemovedFilter {
            gone: true,
            ..filter.clone()
        }),
        (true, true) if same_start => Some(filter.clone()),
        (true, _) if !conflicting => None,
        (true, false) if same_start => Some(filter.clone()),
        (true, _) => Some(RemovedFilter {
            container: member.container.clone(),
            since: world.input.now,
            gone: false,
            ..filter.clone()
        }),
    }
}

/// Puts back what was taken away; what is shown again is settled.
fn give_back(record: &Record, mode: Mode, shown: impl Fn(&str) -> bool) -> Mending {
    let open = record
        .removed_filters
        .iter()
        .filter(|filter| !shown(&filter.cidr));
    let removed: Vec<RemovedFilter> = open.cloned().collect();
    let entries: Vec<Arc<str>> = removed
        .iter()
        .map(|filter| Arc::clone(&filter.cidr))
        .collect();
    let call =
        (!entries.is_empty() && mode != Mode::Observe).then_some(Call::FiltersAdd { entries });
    Mending { removed, call }
}

/// A range of IPs as a filter, as `swarm/filters` prints it.
pub(crate) fn text(range: IpNet) -> Arc<str> {
    let family = match range {
        IpNet::V4(_) => "ip4",
        IpNet::V6(_) => "ip6",
    };
    let (ip, bits) = (range.addr(), range.prefix_len());
    format!("/{family}/{ip}/ipcidr/{bits}").into()
}

/// A filter as a range of IPs: `/ip4|ip6/<ip>/ipcidr/<bits>`, as `swarm/filters` prints it.
pub(crate) fn range(text: &str) -> Option<IpNet> {
    let address = Multiaddr::from_str(text).ok()?;
    let parts: Vec<Protocol<'_>> = address.iter().take(3).collect();
    let (ip, bits) = match parts.as_slice() {
        [Protocol::Ip4(ip), Protocol::Ipcidr(bits)] => (IpAddr::V4(*ip), *bits),
        [Protocol::Ip6(ip), Protocol::Ipcidr(bits)] => (IpAddr::V6(*ip), *bits),
        _ => return None,
    };
    IpNet::new(ip, bits).ok()
}
