//! Which addresses on the storage network are used: family, shared ones, ranges.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use kubomesh_core::{
    Access, Contact, Endpoint, Family, Member, MemberName, Network, NetworkPolicy, Role, Source,
    StorageGap, StorageState, Timestamp, settle_storage,
};

type Members = BTreeMap<MemberName, Member>;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap_or(IpAddr::from([0, 0, 0, 0]))
}

/// A member that reports these addresses on the storage network.
fn member(name: &str, ips: &[&str]) -> (MemberName, Member) {
    let mut networks = BTreeMap::from([(Network::Pod, vec![ip("10.244.0.1")])]);
    if !ips.is_empty() {
        networks.insert(Network::Storage, ips.iter().map(|text| ip(text)).collect());
    }
    let member = Member {
        name: name.into(),
        uid: name.into(),
        role: Role::Kubo,
        source: Source::Pod,
        access: Access::Direct {
            endpoint: Endpoint::http(ip("10.244.0.1"), 5001),
            auth: None,
            ca_file: None,
        },
        networks,
        storage: StorageState::default(),
        host_ip: None,
        host_network: false,
        swarm_port: None,
        swarm: None,
        zone: "".into(),
        container: None,
        ready: true,
        created: Timestamp(0),
        stated_peer_id: None,
        contact: Contact::Allowed,
    };
    (name.into(), member)
}

fn policy(family: Family) -> NetworkPolicy {
    NetworkPolicy {
        attachment: "net/storage".parse().ok(),
        family,
        ..NetworkPolicy::default()
    }
}

fn settled(family: Family, ranges: &[&str], members: &[(&str, &[&str])]) -> Members {
    let mut all = members
        .iter()
        .map(|(name, ips)| member(name, ips))
        .collect();
    let ranges: Vec<IpNet> = ranges.iter().filter_map(|text| text.parse().ok()).collect();
    settle_storage(&mut all, &policy(family), &ranges);
    all
}

/// Each member's addresses on the storage network.
fn shown(members: &Members) -> Vec<String> {
    let ips = |member: &Member| {
        let ips = member.ips(Network::Storage).iter().map(ToString::to_string);
        ips.collect::<Vec<_>>().join(" ")
    };
    members.values().map(ips).collect()
}

fn gap<'a>(members: &'a Members, name: &str) -> Option<&'a StorageGap> {
    members[name].storage.gap.as_ref()
}

#[test]
fn auto_takes_the_family_that_most_have_and_ipv4_when_as_many() {
    let wrong = |text: &str| StorageGap::WrongFamily { found: ip(text) };
    let odd_one = settled(
        Family::Auto,
        &[],
        &[
            ("a", &["10.0.0.1"]),
            ("b", &["10.0.0.2"]),
            ("c", &["fd00::3"]),
        ],
    );
    assert_eq!(shown(&odd_one), ["10.0.0.1", "10.0.0.2", ""]);
    assert_eq!(gap(&odd_one, "c"), Some(&wrong("fd00::3")));

    let tie = settled(
        Family::Auto,
        &[],
        &[("a", &["fd00::1"]), ("b", &["10.0.0.2"])],
    );
    assert_eq!(shown(&tie), ["", "10.0.0.2"]);

    let both = settled(
        Family::Auto,
        &[],
        &[
            ("a", &["10.0.0.1", "fd00::1"]),
            ("b", &["10.0.0.2", "fd00::2"]),
        ],
    );
    assert_eq!(
        shown(&both),
        ["10.0.0.1 fd00::1", "10.0.0.2 fd00::2"],
        "IPv4 first"
    );

    let mostly_ipv6 = settled(
        Family::Auto,
        &[],
        &[
            ("a", &["10.0.0.1", "fd00::1"]),
            ("b", &["fd00::2"]),
            ("c", &[]),
        ],
    );
    assert_eq!(shown(&mostly_ipv6), ["fd00::1 10.0.0.1", "fd00::2", ""]);
    assert_eq!(gap(&mostly_ipv6, "c"), None, "it has a reason of its own");
}

#[test]
fn a_family_that_is_set_is_the_only_one() {
    let members: &[(&str, &[&str])] = &[("a", &["10.0.0.1", "fd00::1"]), ("b", &["10.0.0.2"])];
    let ipv4 = settled(Family::IPv4, &[], members);
    assert_eq!(shown(&ipv4), ["10.0.0.1", "10.0.0.2"]);
    let ipv6 = settled(Family::IPv6, &[], members);
    assert_eq!(shown(&ipv6), ["fd00::1", ""]);
    let found = ip("10.0.0.2");
    assert_eq!(gap(&ipv6, "b"), Some(&StorageGap::WrongFamily { found }));
    assert!(ipv6["b"].networks.contains_key(&Network::Pod));
}

#[test]
fn a_shared_address_is_nobodys_and_each_names_another() {
    let members = settled(
        Family::Auto,
        &[],
        &[
            ("a", &["10.0.0.1"]),
            ("b", &["10.0.0.1"]),
            ("c", &["10.0.0.1"]),
            ("d", &["10.0.0.4"]),
        ],
    );
    let with = |name: &str| StorageGap::Shared { with: name.into() };
    assert_eq!(shown(&members), ["", "", "", "10.0.0.4"]);
    assert_eq!(gap(&members, "a"), Some(&with("b")));
    assert_eq!(gap(&members, "b"), Some(&with("a")));
    assert_eq!(gap(&members, "c"), Some(&with("a")));
    assert_eq!(gap(&members, "d"), None);
}

#[test]
fn an_address_outside_the_ranges_of_its_family_is_noted_and_used() {
    let ranges = &["10.0.0.0/24", "10.0.2.0/24"];
    let members = settled(
        Family::Auto,
        ranges,
        &[
            ("a", &["10.0.2.1"]),
            ("b", &["10.0.1.1"]),
            ("c", &["10.0.0.3", "fd00::3"]),
        ],
    );
    assert_eq!(
        shown(&members),
        ["10.0.2.1", "10.0.1.1", "10.0.0.3 fd00::3"]
    );
    let outside = |name: &str| members[name].storage.outside.len();
    assert_eq!(["a", "b", "c"].map(outside), [0, 2, 0]);
    let unknown = settled(Family::Auto, &[], &[("a", &["10.9.9.9"])]);
    assert!(unknown["a"].storage.outside.is_empty());
}

#[test]
fn without_an_attachment_nothing_is_touched() {
    let mut members: Members = [member("a", &["10.0.0.1"]), member("b", &["10.0.0.1"])].into();
    let before = members.clone();
    settle_storage(&mut members, &NetworkPolicy::default(), &[]);
    assert_eq!(members, before);
}
