//! Kubo holds 16 connections with one IPv6 /56 (rules.md, the storage network): no member is asked for
//! more of them, and the mesh says what lifts it.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod common;

use std::net::IpAddr;

use common::Fleet;
use kubomesh_core::*;
use kubomesh_planner::{PlanInput, Planned, Rule, check, plan};

/// Members whose pods have these addresses.
fn at(ips: impl IntoIterator<Item = String>) -> Fleet {
    let mut fleet = Fleet::empty();
    for (number, ip) in ips.into_iter().enumerate() {
        let (name, ip): (_, IpAddr) = (format!("m{number:04}"), ip.parse().unwrap());
        fleet.join(&name);
        fleet.node(&name).ip = ip;
        let member = fleet.member(&name);
        member.networks.insert(Network::Pod, vec![ip]);
    }
    fleet
}

/// So many in fd00::/56: their /64s differ.
fn neighbours(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|at| format!("fd00:0:0:{at:x}::1"))
}

/// The most links that a member is wanted with.
fn most(planned: &Planned) -> u64 {
    let members = planned.report.members.values();
    members.map(|member| member.links.desired).max().unwrap()
}

fn is_full(planned: &Planned) -> bool {
    let members = planned.report.members.len() as u64;
    planned.report.counts.desired == members * (members - 1) / 2
}

#[test]
fn seventeen_of_one_56_are_linked_fully_and_eighteen_with_sixteen_each_at_most() {
    let mut fleet = at(neighbours(17));
    fleet.ends_well();
    let planned = fleet.pass();
    assert!(is_full(&planned));
    assert!(
        fleet
            .condition(&planned, ConditionKind::Ready)
            .contains("AsWanted")
    );

    let mut fleet = at(neighbours(18));
    fleet.ends_well();
    let planned = fleet.pass();
    assert!((8..=16).contains(&most(&planned)), "{}", most(&planned));
    insta::assert_snapshot!(fleet.condition(&planned, ConditionKind::Ready), @"Ready=True IPv6Limited: Kubo holds 16 connections with one IPv6 /56, and 18 members are in fd00::/56: each has at most 16 links; to lift it, add /ip6/fd00::/ipcidr/56 to Swarm.ResourceMgr.Allowlist of every Kubo, restart them, and set spec.network.ipv6Allowlisted: true (the rate stays: 16 new connections with a /56 at once, then one in 5 s)");
    for (name, member) in &planned.report.members {
        assert_eq!(member.capacity, Some(Capacity::Links(16)), "{name}");
        let linked = member.conditions.iter();
        let linked = linked.filter(|one| one.kind == ConditionKind::Linked);
        let said: Vec<_> = linked.map(|one| (one.status, one.reason)).collect();
        assert_eq!(said, [(Status::True, ReasonCode::IPv6Limited)], "{name}");
    }
}

#[test]
fn who_has_it_allowlisted_is_not_bounded() {
    let mut fleet = at(neighbours(26));
    fleet.policy.network.ipv6_allowlisted = true;
    fleet.ends_well_after(common::secs(600));
    let planned = fleet.pass();
    assert!(is_full(&planned));
    assert!(
        fleet
            .condition(&planned, ConditionKind::Ready)
            .contains("AsWanted")
    );
}

#[test]
fn members_of_different_56s_do_not_bound_each_other() {
    let apart = (0..26).map(|at| format!("fd00:0:0:{at:x}00::1"));
    let mut fleet = at(apart);
    assert!(is_full(&fleet.settle()));
    // From outside all of a /56 are seen, from inside all but oneself.
    let with_one_more = |count| neighbours(count).chain(["fd00:0:0:ff00::1".to_owned()]);
    assert!(is_full(&at(with_one_more(16)).settle()));
    assert!(!is_full(&at(with_one_more(17)).settle()));
    assert!(is_full(
        &at((0..26).map(|at| format!("10.0.0.{at}"))).settle()
    ));
}

#[test]
fn loopback_is_not_counted() {
    assert!(is_full(&at((0..20).map(|_| "::1".to_owned())).settle()));
}

#[test]
fn rings_have_no_more_than_that_whatever_degree_is_asked_for() {
    let mut fleet = at(neighbours(60));
    fleet.policy.topology.degree = Degree::Fixed(24);
    let planned = fleet.settle();
    assert!((8..=16).contains(&most(&planned)), "{}", most(&planned));
}

#[test]
fn what_counts_is_the_network_that_links_use() {
    let on_storage = |pods: &dyn Fn(usize) -> String, storage: &dyn Fn(usize) -> String| {
        let mut fleet = at((0..20).map(pods));
        fleet.policy.network.attachment = Some("fleet/storage".parse().unwrap());
        for at in 0..20 {
            let (name, ip) = (format!("m{at:04}"), storage(at).parse().unwrap());
            fleet.node(&name).storage = Some(ip);
            fleet
                .member(&name)
                .networks
                .insert(Network::Storage, vec![ip]);
        }
        fleet
    };
    let (four, six) = (
        |at: usize| format!("10.0.0.{}", at + 1),
        |at: usize| format!("fd00::{:x}", at + 1),
    );
    assert!(is_full(&on_storage(&six, &four).settle()));
    let planned = on_storage(&four, &six).settle();
    assert!(!is_full(&planned));
    assert!((8..=16).contains(&most(&planned)), "{}", most(&planned));
}

#[test]
fn a_plan_that_asks_for_more_is_refused() {
    let mut fleet = at(neighbours(20));
    let _ = fleet.settle();
    let input = fleet.input();
    let mut policy = fleet.policy.clone();
    policy.network.ipv6_allowlisted = true;
    let planned = plan(&PlanInput {
        policy: &policy,
        ..input
    });
    assert!(is_full(&planned));
    let found = check(&input, &planned);
    let sound = found.iter().filter(|one| one.rule == Rule::SoundTopology);
    assert_eq!(sound.count(), 20, "{found:?}");
}
