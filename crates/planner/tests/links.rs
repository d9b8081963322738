//! Link states, judged from both ends, and what is done about each (rules.md, Links).

mod common;

use common::{Fleet, secs};
use kubomesh_core::*;

#[test]
fn a_lost_connection_is_dialled_once_from_the_hashed_end() {
    let mut fleet = Fleet::meshed(2);
    fleet.break_all("b");
    insta::assert_snapshot!(fleet.told(), @r"
    b: connect /ip4/10.0.0.1/tcp/4001/p2p/A
    --
    a – b: missing, being made
    0/1 links healthy, 0 degraded, 1 missing, 0 unknown
    ");
    fleet.ends_well();
}

#[test]
fn the_end_that_lists_nothing_dials() {
    for (forgot, other) in [("a", "b"), ("b", "a")] {
        let mut fleet = Fleet::meshed(2);
        fleet.half_break(forgot, other);
        let told = fleet.told();
        assert!(
            told.contains(&format!("\n{forgot}: connect ")) || told.starts_with(forgot),
            "{told}"
        );
        assert!(
            told.contains("a – b: degraded, only one end lists it\n"),
            "{told}"
        );
        fleet.ends_well();
    }
}

#[test]
fn an_end_that_lists_nothing_and_does_not_get_through_lets_the_other_give_up_the_stale_one() {
    let mut fleet = Fleet::meshed(2);
    fleet.half_break("a", "b");
    fleet.node("a").dials_fail = Some(Failure::new(FailureKind::TimedOut, "i/o timeout"));
    for _ in 0..5 {
        let _ = fleet.pass();
    }
    insta::assert_snapshot!(fleet.told(), @r"
    b: disconnect /ip4/10.0.0.1/tcp/4001/p2p/A
    b: then connect /ip4/10.0.0.1/tcp/4001/p2p/A
    --
    a – b: degraded, only one end lists it
    0/1 links healthy, 1 degraded, 0 missing, 0 unknown
    ");
    fleet.node("a").dials_fail = None;
    fleet.ends_well();
}

#[test]
fn lists_that_do_not_fit_are_read_again_and_then_the_older_connection_is_given_up() {
    let mut fleet = Fleet::meshed(2);
    // Both list an outbound connection that the other does not list as inbound.
    let (a, b) = (fleet.peer("a"), fleet.peer("b"));
    fleet.break_all("a");
    fleet
        .node("a")
        .lists(b, "/ip4/10.0.0.2/tcp/4001", Direction::Outbound);
    fleet
        .node("b")
        .lists(a, "/ip4/10.0.0.1/tcp/4001", Direction::Outbound);
    fleet.restart_memory("b");
    insta::assert_snapshot!(fleet.told(), @r"
    nothing to do
    --
    a – b: degraded, only one end lists it; held back
    0/1 links healthy, 1 degraded, 0 missing, 0 unknown
    ");
    insta::assert_snapshot!(fleet.told(), @r"
    record b: uid uid-b-1, peer B, at /ip4/10.0.0.2/tcp/4001
    a: disconnect /ip4/10.0.0.2/tcp/4001/p2p/B
    a: then connect /ip4/10.0.0.2/tcp/4001/p2p/B
    --
    a – b: degraded, only one end lists it
    0/1 links healthy, 1 degraded, 0 missing, 0 unknown
    ");
    insta::assert_snapshot!(fleet.told(), @r"
    nothing to do
    --
    1/1 links healthy, 0 degraded, 0 missing, 0 unknown
    ");
}

#[test]
fn a_relayed_link_is_made_direct_and_its_circuit_kept_if_that_fails() {
    let mut fleet = Fleet::meshed(2);
    fleet.break_all("a");
    let circuit = "/ip4/10.9.9.9/tcp/4001/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN/p2p-circuit";
    let (a, b) = (fleet.peer("a"), fleet.peer("b"));
    fleet.node("a").lists(b, circuit, Direction::Outbound);
    fleet.node("b").lists(a, circuit, Direction::Inbound);
    insta::assert_snapshot!(fleet.told(), @r"
    nothing to do
    --
    a – b: degraded, it leads through a relay; held back
    0/1 links healthy, 1 degraded, 0 missing, 0 unknown
    ");
    let _ = fleet.pass();
    let _ = fleet.pass();
    insta::assert_snapshot!(fleet.told(), @r"
    a: disconnect /ip4/10.9.9.9/tcp/4001/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN/p2p-circuit/p2p/B
    a: then connect /ip4/10.0.0.2/tcp/4001/p2p/B
    a: if that fails connect /ip4/10.9.9.9/tcp/4001/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN/p2p-circuit/p2p/B
    --
    a – b: degraded, it leads through a relay
    0/1 links healthy, 1 degraded, 0 missing, 0 unknown
    ");
}

#[test]
fn the_waits_of_a_relayed_link_are_30_s_then_5_min_doubling_to_an_hour() {
    let mut fleet = Fleet::meshed(2);
    fleet.break_all("a");
    let circuit = "/ip4/10.9.9.9/tcp/4001/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN/p2p-circuit";
    let b = fleet.peer("b");
    fleet.node("a").dials_fail = Some(Failure::new(FailureKind::TimedOut, "i/o timeout"));
    let mut tried = Vec::new();
    for at in 0..2_000_u64 {
        fleet.break_all("a");
        fleet.node("a").lists(b, circuit, Direction::Outbound);
        if fleet.pass().plan.calls() > 0 {
            tried.push(at * 10);
        }
    }
    let waits: Vec<u64> = tried.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(tried[0], 30);
    let least = [300, 600, 1200, 2400, 3600];
    for (wait, least) in waits.iter().zip(least) {
        assert!((least..=least + least / 4 + 10).contains(wait), "{waits:?}");
    }
    assert!(waits.iter().all(|wait| *wait <= 3610), "{waits:?}");
}

#[test]
fn an_extra_connection_off_the_network_is_closed_by_its_exact_address() {
    let mut fleet = Fleet::meshed(2);
    fleet
        .node("b")
        .listen
        .push(Address::lenient("/ip4/192.168.7.2/tcp/4001"));
    fleet.link("a", "b", &Address::lenient("/ip4/192.168.7.2/tcp/4001"));
    insta::assert_snapshot!(fleet.told(), @r"
    a: disconnect /ip4/192.168.7.2/tcp/4001/p2p/B
    --
    a – b: degraded, a second connection is off the network
    0/1 links healthy, 1 degraded, 0 missing, 0 unknown
    ");
    fleet.ends_well();
}

/// The accepting end may show any address of the dialling host: the end that dialled knows.
#[test]
fn of_two_ends_that_list_it_off_the_network_the_one_that_dialled_closes_it() {
    let mut fleet = Fleet::meshed(2);
    for (name, text) in [
        ("a", "/ip4/192.168.7.1/tcp/4001"),
        ("b", "/ip4/192.168.7.2/tcp/4001"),
    ] {
        fleet.node(name).listen.push(Address::lenient(text));
    }
    let (a, b) = (fleet.peer("a"), fleet.peer("b"));
    let node = fleet.node("a");
    node.lists(b, "/ip4/192.168.7.2/tcp/4001", Direction::Inbound);
    let node = fleet.node("b");
    node.lists(a, "/ip4/192.168.7.1/tcp/4001", Direction::Outbound);
    let planned = fleet.plan_now();
    assert_eq!(
        fleet.with_names(&planned.plan.to_string()),
        "b: disconnect /ip4/192.168.7.1/tcp/4001/p2p/A\n"
    );
}

#[test]
fn a_connection_off_the_network_alone_is_reported_and_left() {
    let mut fleet = Fleet::meshed(2);
    fleet.break_all("a");
    fleet.link("a", "b", &Address::lenient("/ip4/192.168.7.2/tcp/4001"));
    insta::assert_snapshot!(fleet.told(), @r"
    nothing to do
    --
    a – b: degraded, it is on another network; held back
    0/1 links healthy, 1 degraded, 0 missing, 0 unknown
    ");
}

#[test]
fn an_inbound_address_off_the_network_is_degraded_and_a_rewritten_one_is_not() {
    let mut fleet = Fleet::meshed(2);
    let dialled = fleet.nodes["a"].connections[0].1.direction == Direction::Outbound;
    let (from, to) = if dialled { ("a", "b") } else { ("b", "a") };
    let rewrite = |fleet: &mut Fleet, ip: &str| {
        fleet.node(to).connections[0].1.address = Address::lenient(ip);
        fleet.told()
    };
    assert!(!fleet.plan_now().report.links[0].rewritten);
    insta::assert_snapshot!(rewrite(&mut fleet, "/ip4/172.31.0.1/tcp/55123"), @r"
    nothing to do
    --
    1/1 links healthy, 0 degraded, 0 missing, 0 unknown
    ");
    assert!(fleet.plan_now().report.links[0].rewritten);
    fleet
        .node(from)
        .listen
        .push(Address::lenient("/ip4/192.168.7.1/tcp/4001"));
    insta::assert_snapshot!(rewrite(&mut fleet, "/ip4/192.168.7.1/tcp/55123"), @r"
    nothing to do
    --
    a – b: degraded, it is on another network; held back
    0/1 links healthy, 1 degraded, 0 missing, 0 unknown
    ");
}

const HEALTHY: &str = "nothing to do\n--\n1/1 links healthy, 0 degraded, 0 missing, 0 unknown\n";

/// A pair of which `from` dialled `to`, and whose accepting end lists the connection as from this IP.
fn seen_from(ip: &str, dialler: impl Fn(&mut Member)) -> (LinkReport, String) {
    let mut fleet = Fleet::meshed(2);
    let dialled = fleet.nodes["a"].connections[0].1.direction == Direction::Outbound;
    let (from, to) = if dialled { ("a", "b") } else { ("b", "a") };
    dialler(fleet.member(from));
    let shown = Address::lenient(&format!("/ip4/{ip}/tcp/55123"));
    fleet.node(to).connections[0].1.address = shown;
    let told = fleet.told();
    (fleet.plan_now().report.links[0].clone(), told)
}

/// Its host's IP, where it is none of the pod's, is another network of the same host.
#[test]
fn from_the_host_of_a_host_network_member_is_off_the_network() {
    let host = "172.31.0.9";
    let (link, told) = seen_from(host, |member| {
        member.host_ip = Some(host.parse().unwrap());
        member.host_network = true;
    });
    assert!(!link.rewritten);
    insta::assert_snapshot!(told, @r"
    nothing to do
    --
    a – b: degraded, it is on another network; held back
    0/1 links healthy, 1 degraded, 0 missing, 0 unknown
    ");
}

#[test]
fn from_the_host_of_another_member_it_is_rewritten_and_healthy() {
    let host = "172.31.0.9";
    let (link, told) = seen_from(host, |member| {
        member.host_ip = Some(host.parse().unwrap());
    });
    assert!(link.rewritten, "{told}");
    assert_eq!(told, HEALTHY);
}

/// As Kubernetes has it: a pod on the host network has its host's IP.
#[test]
fn a_host_network_member_at_its_hosts_ip_is_on_the_network() {
    let mut fleet = Fleet::of(2);
    for text in ["a", "b"] {
        let member = fleet.member(text);
        member.host_network = true;
        member.host_ip = member.ips(Network::Pod).first().copied();
    }
    let _ = fleet.pass();
    let _ = fleet.pass();
    assert_eq!(fleet.told(), HEALTHY);
    let planned = fleet.plan_now();
    assert!(!planned.report.links[0].rewritten);
}

#[test]
fn a_dual_stack_connection_on_the_other_family_is_healthy() {
    let mut fleet = Fleet::meshed(2);
    for (text, last) in [("a", 1), ("b", 2)] {
        let ip = format!("fd00::{last}").parse().unwrap();
        fleet
            .member(text)
            .networks
            .get_mut(&Network::Pod)
            .unwrap()
            .push(ip);
    }
    fleet.break_all("a");
    fleet.link("a", "b", &Address::lenient("/ip6/fd00::2/tcp/4001"));
    assert_eq!(fleet.told(), HEALTHY);
}

#[test]
fn forgotten_entries_are_sent_again_without_a_dial() {
    let mut fleet = Fleet::meshed(3);
    fleet.node("a").peering.clear();
    insta::assert_snapshot!(fleet.told(), @r"
    a: peering add /ip4/10.0.0.2/tcp/4001/p2p/B /ip4/10.0.0.3/tcp/4001/p2p/C
    --
    a – b: degraded, an end has no peering entry for it
    a – c: degraded, an end has no peering entry for it
    1/3 links healthy, 2 degraded, 0 missing, 0 unknown
    ");
    fleet.ends_well();
}

#[test]
fn without_protection_links_are_only_dialled() {
    let mut fleet = Fleet::of(2);
    fleet.policy.links.protect = false;
    let _ = fleet.pass();
    insta::assert_snapshot!(fleet.told(), @r"
    record a: uid uid-a-0, peer A, at /ip4/10.0.0.1/tcp/4001
    record b: uid uid-b-1, peer B, at /ip4/10.0.0.2/tcp/4001
    b: connect /ip4/10.0.0.1/tcp/4001/p2p/A
    --
    a – b: missing, being made
    0/1 links healthy, 0 degraded, 1 missing, 0 unknown
    ");
    fleet.ends_well();
}

/// What was written while they were protected leads to where the member is, or Kubo would dial for
/// ever where it was.
#[test]
fn without_protection_a_former_address_is_brought_up_to_date() {
    let mut fleet = Fleet::meshed(3);
    fleet.policy.links.protect = false;
    fleet.node("c").ip = [10, 0, 9, 9].into();
    let moved = fleet.nodes["c"].member("c");
    *fleet.member("c") = moved;
    fleet.break_all("c");
    fleet.ends_well();
    let c = fleet.peer("c");
    for name in ["a", "b"] {
        let entry = fleet.nodes[name].peering.iter().find(|one| one.peer == c);
        let present = vec!["/ip4/10.0.9.9/tcp/4001".parse().unwrap()];
        assert_eq!(entry.unwrap().addresses, present);
    }
}

#[test]
fn foreign_entries_stay_and_count_as_protection() {
    let mut fleet = Fleet::meshed(3);
    let (b, c) = (fleet.peer("b"), fleet.peer("c"));
    let stranger = kubomesh_model::peer_id(999);
    let node = fleet.node("a");
    node.peering.clear();
    node.has_entry(b, &["/ip4/10.0.0.2/tcp/4001", "/dns4/b/tcp/4001"]);
    node.has_entry(c, &[]);
    node.has_entry(stranger, &["/ip4/1.2.3.4/tcp/4001"]);
    assert!(fleet.pass().plan.is_empty());
    fleet.ends_well();
    assert_eq!(fleet.nodes["a"].peering.len(), 3);
}

#[test]
fn a_link_whose_dials_fail_is_tried_less_and_less_from_both_ends_in_turn() {
    let mut fleet = Fleet::meshed(2);
    fleet.break_all("a");
    for node in fleet.nodes.values_mut() {
        node.dials_fail = Some(Failure::new(FailureKind::Refused, "connection refused"));
    }
    let mut tried = Vec::new();
    let mut who = String::new();
    for at in 0..400_u64 {
        fleet.wait(secs(1));
        fleet.now = fleet.now - secs(10);
        let planned = fleet.pass();
        if let Some(sequence) = planned.plan.sequences.first() {
            tried.push(at);
            who.push_str(sequence.member.as_str());
        }
    }
    let waits: Vec<u64> = tried.windows(2).map(|pair| pair[1] - pair[0]).collect();
    for (wait, least) in waits.iter().zip([10, 20, 40, 80, 160]) {
        assert!((least..=least + least / 4 + 1).contains(wait), "{waits:?}");
    }
    assert!(
        ["bbaaba", "aabbab"]
            .iter()
            .any(|turns| turns.starts_with(&who[..who.len().min(6)])),
        "{who}"
    );
    insta::assert_snapshot!(fleet.told(), @r"
    nothing to do
    --
    a – b: missing, the last dial failed (refused): connection refused; held back
    0/1 links healthy, 0 degraded, 1 missing, 0 unknown
    ");
    for node in fleet.nodes.values_mut() {
        node.dials_fail = None;
    }
    // A new start forgets the back-off.
    fleet.restart("b");
    let told = fleet.told();
    assert!(told.contains(": connect "), "{told}");
    fleet.ends_well();
}

#[test]
fn becoming_ready_forgets_the_back_off() {
    let mut fleet = Fleet::meshed(2);
    fleet.break_all("a");
    fleet.member("a").ready = false;
    for node in fleet.nodes.values_mut() {
        node.dials_fail = Some(Failure::new(FailureKind::Refused, "connection refused"));
    }
    for _ in 0..20 {
        let _ = fleet.pass();
    }
    while !fleet.pass().plan.is_empty() {}
    fleet.member("a").ready = true;
    assert_eq!(fleet.pass().plan.calls(), 1);
}

/// How many dials a plan has.
fn dials(planned: &kubomesh_planner::Planned) -> usize {
    let actions = planned.plan.sequences.iter().flat_map(|one| &one.actions);
    let connects = actions.filter(|action| matches!(action.call, Call::Connect { .. }));
    connects.count()
}

#[test]
fn who_answers_again_after_silence_is_dialled_at_once_however_soon_after_the_last_time() {
    let mut fleet = Fleet::meshed(3);
    fleet.wait(secs(60));
    for _ in 0..3 {
        fleet.break_all("c");
        fleet.node("c").failure = Some(Failure::new(FailureKind::Refused, "connection refused"));
        fleet.node("c").swarm = false;
        let tried = fleet.pass_after(secs(1));
        assert_eq!(tried.plan.calls(), 1, "one dial to a silent node");
        fleet.node("c").failure = None;
        fleet.node("c").swarm = true;
        let planned = fleet.pass_after(secs(1));
        assert_eq!(
            dials(&planned),
            2,
            "both links, a second after a dial that failed: {}",
            planned.plan
        );
        let _ = fleet.pass_after(secs(1));
    }
    fleet.ends_well();
}

#[test]
fn who_restarts_between_two_readings_is_dialled_at_once() {
    let mut fleet = Fleet::meshed(3);
    fleet.wait(secs(60));
    // It was asked just before it went, and it is back before it is asked again.
    fleet.break_all("c");
    fleet.node("c").swarm = false;
    fleet.node("c").dials_fail = Some(Failure::new(FailureKind::Refused, "connection refused"));
    assert_eq!(dials(&fleet.pass_after(secs(1))), 2, "in vain");
    fleet.node("c").swarm = true;
    fleet.node("c").dials_fail = None;
    assert_eq!(dials(&fleet.pass_after(secs(1))), 0, "it only refused");
    fleet.node("c").peering.clear();
    assert_eq!(
        dials(&fleet.pass_after(secs(1))),
        2,
        "it forgot its entries"
    );
    fleet.ends_well();
}

#[test]
fn who_was_just_met_goes_and_answers_again_twice_is_dialled_at_once_each_time() {
    let mut fleet = Fleet::empty();
    fleet.join("a");
    fleet.join("b");
    for _ in 0..4 {
        let _ = fleet.pass_after(secs(1));
    }
    let mut dialled = Vec::new();
    for _ in 0..2 {
        fleet.break_all("b");
        fleet.node("b").failure = Some(Failure::new(FailureKind::Refused, "connection refused"));
        fleet.node("b").swarm = false;
        let _ = fleet.pass_after(secs(1));
        fleet.node("b").failure = None;
        fleet.node("b").swarm = true;
        dialled.push(dials(&fleet.pass_after(secs(1))));
    }
    assert_eq!(dialled, [1, 1], "each time that it is back");
    fleet.ends_well();
}

#[test]
fn a_pod_that_went_and_comes_back_is_dialled_at_once() {
    let mut fleet = Fleet::meshed(3);
    fleet.wait(secs(60));
    // All links of b were dialled a moment ago, when its pod is replaced: it is away for a pass.
    fleet.break_all("b");
    let _ = fleet.pass_after(secs(1));
    let node = fleet.leave("b");
    let _ = fleet.pass_after(secs(1));
    fleet.join("b");
    fleet.node("b").peer_id = node.peer_id;
    let _ = fleet.pass_after(secs(1));
    let planned = fleet.pass_after(secs(1));
    let dials = planned.plan.sequences.iter().flat_map(|one| &one.actions);
    let dials = dials.filter(|action| matches!(action.call, Call::Connect { .. }));
    assert_eq!(
        dials.count(),
        2,
        "both links, seconds after they were dialled: {}",
        planned.plan
    );
    fleet.ends_well();
}

#[test]
fn after_a_rate_limit_a_link_waits_20_s() {
    let mut fleet = Fleet::meshed(2);
    fleet.break_all("a");
    for node in fleet.nodes.values_mut() {
        node.dials_fail = Some(Failure::new(
            FailureKind::RateLimited,
            "rate limit exceeded",
        ));
    }
    assert_eq!(fleet.pass().plan.calls(), 1);
    let waiting = fleet.plan_now();
    assert_eq!(waiting.plan.calls(), 0);
    fleet.now = fleet.now + secs(19);
    fleet.observe();
    let waiting = fleet.plan();
    assert_eq!(waiting.plan.calls(), 0);
    assert_eq!(waiting.report.next_due, Some(secs(1)));
    fleet.now = fleet.now + secs(1);
    fleet.observe();
    assert_eq!(fleet.plan().plan.calls(), 1);
}

#[test]
fn what_was_called_is_read_again_before_the_next_call() {
    let mut fleet = Fleet::meshed(3);
    fleet.node("a").peering.clear();
    fleet.break_all("b");
    let planned = fleet.pass();
    assert!(planned.plan.calls() > 0);
    // The same observations again: nothing is known of what the calls did.
    fleet.wait(secs(60));
    assert_eq!(fleet.plan().plan.calls(), 0);
    fleet.ends_well();
}

#[test]
fn a_link_with_a_silent_member_is_dialled_from_the_other_end_one_at_a_time() {
    let mut fleet = Fleet::meshed(4);
    fleet.break_all("d");
    fleet.node("d").failure = Some(Failure::new(FailureKind::TimedOut, "no answer in 5 s"));
    fleet.node("d").swarm = false;
    insta::assert_snapshot!(fleet.told(), @r"
    a: connect /ip4/10.0.0.4/tcp/4001/p2p/D
    --
    a – d: missing, d does not answer (timed_out)
    b – d: missing, d does not answer (timed_out); held back
    c – d: missing, d does not answer (timed_out); held back
    3/6 links healthy, 0 degraded, 3 missing, 0 unknown
    ");
    let dials: usize = (0..6).map(|_| fleet.pass().plan.calls()).sum();
    assert!(dials <= 3, "{dials}");
    fleet.node("d").failure = None;
    fleet.node("d").swarm = true;
    fleet.ends_well();
}

#[test]
fn a_member_that_refuses_our_token_is_dialled_by_all_at_once() {
    let mut fleet = Fleet::meshed(5);
    fleet.break_all("e");
    fleet.node("e").failure = Some(Failure::new(FailureKind::Unauthorised, "403"));
    assert_eq!(fleet.pass().plan.calls(), 4);
    fleet.node("e").failure = None;
    fleet.ends_well();
}

#[test]
fn a_link_that_only_one_end_can_tell_is_left_alone() {
    let mut fleet = Fleet::meshed(2);
    fleet.node("b").failure = Some(Failure::new(FailureKind::Unauthorised, "403"));
    insta::assert_snapshot!(fleet.told(), @r"
    nothing to do
    --
    a – b: degraded, b does not answer (unauthorised); held back
    0/1 links healthy, 1 degraded, 0 missing, 0 unknown
    ");
    fleet.node("b").failure = None;
    fleet.ends_well();
}

#[test]
fn another_swarm_key_is_named_when_no_filter_explains_it() {
    let mut fleet = Fleet::meshed(2);
    fleet.break_all("a");
    let refused = Failure::new(
        FailureKind::SecurityNegotiation,
        "failed to negotiate security protocol: EOF",
    );
    for node in fleet.nodes.values_mut() {
        node.dials_fail = Some(refused.clone());
    }
    let _ = fleet.pass();
    insta::assert_snapshot!(fleet.told(), @r"
    nothing to do
    --
    a – b: missing, the ends have different swarm keys; held back
    0/1 links healthy, 0 degraded, 1 missing, 0 unknown
    ");
}

#[test]
fn a_node_that_lists_itself_and_strangers_changes_nothing() {
    let mut fleet = Fleet::meshed(2);
    let a = fleet.peer("a");
    fleet
        .node("a")
        .lists(a, "/ip4/10.0.0.1/tcp/4001", Direction::Outbound);
    fleet.node("a").has_entry(a, &["/ip4/10.0.0.1/tcp/4001"]);
    for number in 0..1_000 {
        let stranger = kubomesh_model::peer_id(10_000 + number);
        fleet
            .node("a")
            .lists(stranger, "/ip4/8.8.8.8/tcp/4001", Direction::Inbound);
    }
    fleet.ends_well();
}
