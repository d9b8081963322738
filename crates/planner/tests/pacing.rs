//! How fast connections are asked for (rules.md, Links and Limits; kubo.md 2.3).

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::collections::BTreeMap;

use common::{Fleet, secs};
use kubomesh_core::*;

/// Members on one host: one IP, a port each.
fn on_one_host(count: usize, ip: &str) -> Fleet {
    let mut fleet = Fleet::of(count);
    let names: Vec<MemberName> = fleet.nodes.keys().cloned().collect();
    for (at, name) in names.iter().enumerate() {
        let ip = ip.parse().unwrap();
        let port = 4001 + u16::try_from(at).unwrap();
        fleet.node(name.as_str()).port = port;
        fleet.node(name.as_str()).ip = ip;
        let member = fleet.member(name.as_str());
        member.networks.insert(Network::Pod, vec![ip]);
    }
    fleet
}

/// New connections of each node in each pass until all are asked for.
fn per_node(fleet: &mut Fleet) -> Vec<BTreeMap<MemberName, usize>> {
    let mut passes = Vec::new();
    for _ in 0..60 {
        let mut counts = BTreeMap::new();
        let planned = fleet.pass();
        for action in planned.plan.sequences.iter().flat_map(|one| &one.actions) {
            if let (Call::Connect { .. }, Some(link)) = (&action.call, &action.link) {
                *counts.entry(link.a.clone()).or_default() += 1;
                *counts.entry(link.b.clone()).or_default() += 1;
            }
        }
        passes.push(counts);
    }
    passes
}

#[test]
fn members_with_addresses_of_their_own_are_meshed_at_once() {
    let mut fleet = Fleet::many(48, 1);
    let _ = fleet.pass();
    assert_eq!(fleet.pass().plan.calls(), 48 * 47 / 2 + 48);
}

#[test]
fn an_address_that_many_share_gets_16_and_then_one_in_5_s() {
    let mut fleet = on_one_host(26, "10.0.0.1");
    let _ = fleet.pass();
    let passes = per_node(&mut fleet);
    assert_eq!(passes[0].values().copied().max(), Some(16));
    for node in fleet.nodes.keys() {
        let mut asked = 0;
        for (at, counts) in passes.iter().enumerate() {
            asked += counts.get(node).copied().unwrap_or(0);
            assert!(
                asked <= 16 + at * 10 / 5,
                "{node}: {asked} after {at} passes of 10 s"
            );
        }
    }
    let total: usize = passes.iter().flat_map(BTreeMap::values).sum();
    assert_eq!(total, 26 * 25, "each link once");
    fleet.ends_well();
}

#[test]
fn a_link_that_waits_for_the_pace_says_so() {
    let mut fleet = on_one_host(26, "10.0.0.1");
    let _ = fleet.pass();
    let planned = fleet.pass();
    let waiting = planned
        .report
        .links
        .iter()
        .find(|link| link.held.is_some())
        .unwrap();
    insta::assert_snapshot!(format!("{:?}", waiting.held.as_ref().unwrap().reason), @r#"BackOff { kind: RateLimited, message: "16 connections with one address at once, then one in 5 s" }"#);
    assert_eq!(planned.report.next_due, Some(secs(5)));
}

#[test]
fn loopback_is_not_paced_and_an_ipv6_56_is() {
    let mut fleet = on_one_host(26, "127.0.0.1");
    let _ = fleet.pass();
    assert_eq!(per_node(&mut fleet)[0].values().copied().max(), Some(25));
    // As many connections as are wanted, and no faster: the rate limit stays.
    let mut fleet = Fleet::of(26);
    fleet.policy.network.ipv6_allowlisted = true;
    let names: Vec<MemberName> = fleet.nodes.keys().cloned().collect();
    for (at, name) in names.iter().enumerate() {
        let ip = format!("fd00:0:0:{at:x}::1").parse().unwrap();
        fleet.node(name.as_str()).ip = ip;
        fleet
            .member(name.as_str())
            .networks
            .insert(Network::Pod, vec![ip]);
    }
    let _ = fleet.pass();
    assert_eq!(per_node(&mut fleet)[0].values().copied().max(), Some(16));
}

#[test]
fn the_dials_of_one_node_are_spread() {
    let mut fleet = Fleet::many(40, 1);
    let _ = fleet.pass();
    let planned = fleet.pass();
    let dials = planned.plan.sequences.iter().flat_map(|one| &one.actions);
    let dials: Vec<&Link> = dials.filter_map(|one| one.link.as_ref()).collect();
    for node in fleet.nodes.keys() {
        let first = dials[..100]
            .iter()
            .filter(|link| link.a == *node || link.b == *node)
            .count();
        assert!(first <= 20, "{node} is in {first} of the first 100 dials");
    }
    let from = |node: &MemberName| {
        planned
            .plan
            .sequences
            .iter()
            .filter(|one| one.member == *node)
            .count()
    };
    assert!(
        fleet
            .nodes
            .keys()
            .all(|node| (8..=34).contains(&from(node))),
        "about half of its links"
    );
}

/// Dials in two minutes in which this happens every second before the pass.
fn dials_in_two_minutes(fleet: &mut Fleet, mut happens: impl FnMut(&mut Fleet, u64)) -> u64 {
    fleet.wait(secs(600));
    let mut dials = 0;
    for second in 0..120 {
        happens(fleet, second);
        let planned = fleet.pass_after(secs(1));
        let actions = planned.plan.sequences.iter().flat_map(|one| &one.actions);
        let connects = actions.filter(|action| matches!(action.call, Call::Connect { .. }));
        dials += connects.count() as u64;
    }
    dials
}

/// Half the burst, then one in 5 s.
const BUDGET: u64 = 8 + 120 / 5 + 1;

#[test]
fn a_member_that_starts_again_and_again_is_dialled_within_its_address_s_budget() {
    let mut fleet = Fleet::meshed(2);
    let dials = dials_in_two_minutes(&mut fleet, |fleet, _| {
        fleet.break_all("a");
        fleet.restart("a");
    });
    assert!(dials > 16, "{dials}: it is healed all the same");
    assert!(dials <= BUDGET, "{dials}");
}

#[test]
fn a_member_that_goes_and_answers_again_and_again_is_dialled_within_its_address_s_budget() {
    let mut fleet = Fleet::meshed(2);
    fleet.break_all("a");
    for node in fleet.nodes.values_mut() {
        node.dials_fail = Some(Failure::new(FailureKind::Refused, "connection refused"));
    }
    let dials = dials_in_two_minutes(&mut fleet, |fleet, second| {
        let silence = || Failure::new(FailureKind::Refused, "connection refused");
        fleet.node("a").failure = (second % 2 == 0).then(silence);
    });
    assert!(dials > 16, "{dials}: each time that it is back");
    assert!(dials <= BUDGET, "{dials}");
}

#[test]
fn a_member_that_loses_its_entries_again_and_again_is_dialled_within_its_address_s_budget() {
    let mut fleet = Fleet::meshed(2);
    fleet.break_all("a");
    for node in fleet.nodes.values_mut() {
        node.dials_fail = Some(Failure::new(FailureKind::Refused, "connection refused"));
    }
    let dials = dials_in_two_minutes(&mut fleet, |fleet, second| {
        if second % 3 == 0 {
            fleet.node("a").peering.clear();
        }
    });
    assert!(dials > 16, "{dials}: each time that it forgot them");
    assert!(dials <= BUDGET, "{dials}");
}
