//! Links on the wrong network are moved to the wanted one (rules.md, the storage network).
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod common;

use common::{Fleet, secs};
use kubomesh_core::*;
use kubomesh_planner::{Memory, Planned};

/// Nothing of ours is left: neither on a node nor in a record.
#[track_caller]
fn nothing_left(fleet: &Fleet) {
    for (name, node) in &fleet.nodes {
        assert!(node.filters.is_empty(), "{name}: {:?}", node.filters);
    }
    for (name, record) in &fleet.records {
        assert!(record.owned_filters.is_empty(), "{name}: {record}");
    }
}

/// Every pair is connected, all of it on the storage network.
#[track_caller]
fn all_on_storage(fleet: &Fleet) {
    for (name, node) in &fleet.nodes {
        assert_eq!(node.connections.len(), fleet.nodes.len() - 1, "{name}");
        for (_, connection) in &node.connections {
            let text = connection.address.as_str();
            assert!(text.starts_with("/ip4/192.168.77."), "{name}: {text}");
        }
    }
}

#[test]
fn a_link_that_came_up_on_the_pod_network_is_moved() {
    let mut fleet = Fleet::dual(2);
    let mut told = String::new();
    for _ in 0..12 {
        let planned = fleet.pass();
        told += &fleet.with_names(&planned.plan.to_string());
        told += "--\n";
    }
    insta::assert_snapshot!(told, @r"
    record a: uid uid-a-0, peer A, at /ip4/192.168.77.1/tcp/4001
    record b: uid uid-b-1, peer B, at /ip4/192.168.77.2/tcp/4001
    --
    record a: uid uid-a-0, peer A, at /ip4/192.168.77.1/tcp/4001
    record b: uid uid-b-1, peer B, at /ip4/192.168.77.2/tcp/4001
    a: peering add /ip4/192.168.77.2/tcp/4001/p2p/B
    b: peering add /ip4/192.168.77.1/tcp/4001/p2p/A
    b: connect /ip4/192.168.77.1/tcp/4001/p2p/A
    --
    record b: uid uid-b-1, peer B, at /ip4/192.168.77.2/tcp/4001, our filter /ip4/10.0.0.1/ipcidr/32 (Intended)
    --
    b: filters add /ip4/10.0.0.1/ipcidr/32
    --
    b: disconnect /ip4/10.0.0.1/tcp/4001/p2p/A
    b: then connect /ip4/192.168.77.1/tcp/4001/p2p/A
    b: if that fails filters rm /ip4/10.0.0.1/ipcidr/32
    b: if that fails connect /ip4/10.0.0.1/tcp/4001/p2p/A
    --
    record b: uid uid-b-1, peer B, at /ip4/192.168.77.2/tcp/4001, our filter /ip4/10.0.0.1/ipcidr/32 (Leaving)
    --
    b: filters rm /ip4/10.0.0.1/ipcidr/32
    --
    record b: uid uid-b-1, peer B, at /ip4/192.168.77.2/tcp/4001
    --
    nothing to do
    --
    nothing to do
    --
    nothing to do
    --
    nothing to do
    --
    ");
    all_on_storage(&fleet);
    nothing_left(&fleet);
    fleet.ends_well();
}

#[test]
fn a_fleet_is_moved_and_nothing_stays_behind() {
    let mut fleet = Fleet::dual(8);
    fleet.ends_well();
    all_on_storage(&fleet);
    nothing_left(&fleet);
}

#[test]
fn a_controller_that_starts_anew_at_any_moment_leaves_no_filter_and_no_link_behind() {
    for at in 0..40 {
        let mut fleet = Fleet::dual(3);
        for _ in 0..at {
            let _ = fleet.pass();
        }
        fleet.memory = Memory::default();
        fleet.observations.clear();
        fleet.ends_well();
        all_on_storage(&fleet);
        nothing_left(&fleet);
    }
}

#[test]
fn on_a_network_that_is_down_three_links_are_tried_and_all_stay() {
    let mut fleet = Fleet::dual(6);
    fleet.storage_down = true;
    let planned = fleet.settle();
    assert_eq!(planned.report.counts.degraded, 15, "{}", planned.report);
    let mut moved = 0;
    for _ in 0..60 {
        let planned = fleet.pass();
        let calls = planned.plan.sequences.iter().flat_map(|one| &one.actions);
        moved += calls
            .filter(|one| matches!(one.call, Call::Disconnect { .. }))
            .count();
        for (name, node) in &fleet.nodes {
            assert_eq!(node.connections.len(), 5, "{name}");
        }
    }
    assert!(moved <= 6, "{moved} links were given up in ten minutes");
    let planned = fleet.pass();
    insta::assert_snapshot!(fleet.condition(&planned, ConditionKind::Degraded), @r"Degraded=True StorageNetworkDown: the storage network fleet/storage carried none of the last 6 links that were moved to it: links stay where they are, and one is tried again from time to time");
    let troubles = |planned: &Planned| planned.report.network.troubles.clone();
    assert_eq!(troubles(&planned), [NetworkTrouble::Down].into());
    fleet.storage_down = false;
    fleet.ends_well_after(secs(3_600));
    all_on_storage(&fleet);
    nothing_left(&fleet);
    assert_eq!(troubles(&fleet.pass()), [].into());
}

#[test]
fn what_is_wrong_with_the_network_is_told_apart_and_filters_on_their_way_are_counted() {
    let mut fleet = Fleet::meshed(3);
    fleet.policy.network.attachment = Some("fleet/storage".parse().unwrap());
    fleet.membership.attachment.drift = Some("the range is another".into());
    let planned = fleet.settle();
    let troubles = |planned: &Planned| planned.report.network.troubles.clone();
    let wanted = [NetworkTrouble::NotApplied, NetworkTrouble::Drift];
    assert_eq!(troubles(&planned), wanted.into());
    fleet.policy.network.rollout = Rollout::Rolling;
    fleet.membership.attachment.drift = None;
    let planned = fleet.settle();
    assert_eq!(troubles(&planned), [NetworkTrouble::RollingOut].into());

    let mut fleet = Fleet::dual(2);
    let mut seen = Vec::new();
    for _ in 0..12 {
        let NetworkReport {
            owned_filters,
            passing_since,
            ..
        } = fleet.pass().report.network;
        assert_eq!(owned_filters.is_empty(), passing_since.is_none());
        seen.extend(owned_filters);
    }
    assert!(seen.contains(&(FilterStep::Intended, 1)), "{seen:?}");
    assert!(seen.contains(&(FilterStep::Leaving, 1)), "{seen:?}");
    assert!(fleet.pass().report.network.owned_filters.is_empty());
}

#[test]
fn a_session_waits_for_its_own_move_however_long_that_takes() {
    let mut fleet = Fleet::dual(2);
    let is_move = |one: &Action| matches!(one.call, Call::Disconnect { .. });
    let planned = loop {
        fleet.wait(secs(10));
        fleet.observe();
        let planned = fleet.plan();
        let mut actions = planned.plan.sequences.iter().flat_map(|one| &one.actions);
        if actions.any(is_move) {
            break planned;
        }
        fleet.apply(&planned);
    };
    // The connection is closed and the dial not decided; the nodes are read meanwhile.
    fleet.memory = planned.memory.clone();
    fleet.busy.began(&planned.plan.sequences[0]);
    for node in fleet.nodes.values_mut() {
        node.connections.clear();
    }
    for _ in 0..3 {
        let planned = fleet.plan_now();
        assert!(planned.plan.records.is_empty(), "{}", planned.plan);
        let others = planned
            .plan
            .sequences
            .iter()
            .filter(|one| fleet.busy.is_free(one));
        assert_eq!(others.count(), 0, "{}", planned.plan);
        let told = format!("{:?}", planned.memory);
        assert!(!told.contains("move_failed: Some"), "it was judged: {told}");
        fleet.memory = planned.memory;
        fleet.wait(secs(1));
    }
    fleet.busy = Busy::default();
    fleet.ends_well_after(secs(120));
    all_on_storage(&fleet);
    nothing_left(&fleet);
}

#[test]
fn a_node_risks_one_link_at_a_time() {
    let mut fleet = Fleet::dual(8);
    fleet.storage_down = true;
    for _ in 0..60 {
        let planned = fleet.pass();
        let links = planned.plan.sequences.iter().flat_map(|one| {
            let moved = one
                .actions
                .iter()
                .filter(|one| matches!(one.call, Call::Disconnect { .. }));
            moved.filter_map(|one| one.link.clone())
        });
        let mut ends: Vec<MemberName> = links.flat_map(|link| [link.a, link.b]).collect();
        let all = ends.len();
        ends.sort();
        ends.dedup();
        assert_eq!(ends.len(), all, "{}", planned.plan);
    }
}

#[test]
fn where_steering_is_off_links_are_reported_and_stay() {
    let mut fleet = Fleet::dual(2);
    fleet.policy.network.steering = Steering::Off;
    let told = fleet.ends_quiet();
    insta::assert_snapshot!(told, @r"
    a – b: degraded, it is on another network; held back: spec.network.steering is Off: it is not moved
    0/1 links healthy, 1 degraded, 0 missing, 0 unknown
    ");
    nothing_left(&fleet);
}

#[test]
fn a_kubo_that_can_hang_is_not_steered_unless_the_policy_says_so() {
    let mut fleet = Fleet::dual(2);
    fleet.node("b").agent_version = "kubo/0.42.0/docker";
    let told = fleet.ends_quiet();
    assert!(told.contains("0.37 to 0.42"), "{told}");
    fleet.policy.network.steering_on_affected_versions = true;
    fleet.ends_well();
    all_on_storage(&fleet);
}

#[test]
fn strict_filters_stand_until_the_policy_changes() {
    let mut fleet = Fleet::dual(4);
    fleet.policy.network.steering = Steering::Strict;
    fleet.policy.network.pod_cidrs = vec!["10.0.0.0/8".parse().unwrap()];
    fleet.ends_well();
    all_on_storage(&fleet);
    for node in fleet.nodes.values() {
        assert_eq!(node.filters, ["/ip4/10.0.0.0/ipcidr/8".into()]);
    }
    fleet.policy.network.steering = Steering::Steer;
    fleet.ends_well();
    nothing_left(&fleet);
}

#[test]
fn a_range_that_covers_the_storage_network_is_not_filtered() {
    let mut fleet = Fleet::dual(3);
    fleet.policy.network.steering = Steering::Strict;
    fleet.policy.network.pod_cidrs = vec!["0.0.0.0/0".parse().unwrap()];
    let _ = fleet.settle();
    for node in fleet.nodes.values() {
        assert!(!node.filters.iter().any(|one| one.contains("0.0.0.0")));
    }
}

#[test]
fn a_filter_of_the_owners_is_used_and_never_taken() {
    let mut fleet = Fleet::dual(2);
    let hiding = |number: u8| format!("/ip4/10.0.0.{number}/ipcidr/32").into();
    fleet.node("a").filters = vec![hiding(2)];
    fleet.node("b").filters = vec![hiding(1)];
    fleet.ends_well();
    all_on_storage(&fleet);
    assert_eq!(fleet.nodes["a"].filters, [hiding(2)]);
    assert_eq!(fleet.nodes["b"].filters, [hiding(1)]);
}

#[test]
fn an_address_that_another_member_shares_is_never_filtered() {
    let mut fleet = Fleet::dual(3);
    let shared = Address::lenient("/ip4/172.16.0.9/tcp/4001");
    for letter in ["a", "b"] {
        fleet.node(letter).listen.push(shared.clone());
    }
    for _ in 0..40 {
        let _ = fleet.pass();
        for node in fleet.nodes.values() {
            assert!(!node.filters.iter().any(|one| one.contains("172.16")));
        }
    }
    fleet.ends_well();
}

#[test]
fn a_member_without_an_address_is_not_linked_or_falls_back() {
    let mut fleet = Fleet::dual(3);
    fleet.member("c").networks.remove(&Network::Storage);
    fleet.member("c").storage.gap = Some(StorageGap::NotReported);
    fleet.node("c").storage = None;
    let told = fleet.ends_quiet();
    insta::assert_snapshot!(told, @r"
    a – c: missing, c has no address on the network; held back
    b – c: missing, c has no address on the network; held back
    1/3 links healthy, 0 degraded, 2 missing, 0 unknown
    ");
    fleet.policy.network.fallback = Fallback::PodNetwork;
    let told = fleet.ends_quiet();
    insta::assert_snapshot!(told, @r"
    a – c: healthy, over another network (fallback)
    b – c: healthy, over another network (fallback)
    3/3 links healthy, 0 degraded, 0 missing, 0 unknown
    ");
    assert_eq!(fleet.nodes["c"].connections.len(), 2);
    fleet.attach("c");
    fleet.member("c").storage.gap = None;
    fleet.ends_well();
    all_on_storage(&fleet);
    nothing_left(&fleet);
}

#[test]
fn a_rolling_change_moves_each_member_when_it_is_recreated() {
    let mut fleet = Fleet::meshed(4);
    fleet.policy.network.attachment = Some("fleet/storage".parse().unwrap());
    fleet.policy.network.rollout = Rollout::Rolling;
    let _ = fleet.settle();
    for letter in ["a", "b", "c", "d"] {
        fleet.attach(letter);
        let planned = fleet.settle();
        let counts = planned.report.counts;
        assert_eq!(counts.healthy, 6, "{}", planned.report);
    }
    fleet.ends_well();
    all_on_storage(&fleet);
    nothing_left(&fleet);
}

#[test]
fn back_to_the_pod_network_every_link_is_moved_back() {
    let mut fleet = Fleet::dual(4);
    fleet.ends_well();
    all_on_storage(&fleet);
    let former = fleet.policy.network.attachment.take().unwrap();
    for letter in ["a", "b", "c", "d"] {
        let ips = fleet.member(letter).networks.remove(&Network::Storage);
        fleet.member(letter).storage.former = Some(FormerNetwork {
            attachment: former.clone(),
            ips: ips.unwrap(),
        });
    }
    fleet.ends_well();
    for node in fleet.nodes.values() {
        let mut listed = node.connections.iter().map(|(_, one)| one.address.as_str());
        assert!(listed.all(|one| one.starts_with("/ip4/10.0.0.")));
    }
    nothing_left(&fleet);
}

#[test]
fn released_or_observed_in_the_middle_of_a_session() {
    let mut fleet = Fleet::dual(4);
    while fleet.nodes.values().all(|node| node.filters.is_empty()) {
        let _ = fleet.pass();
    }
    fleet.policy.mode = Mode::Observe;
    let planned = fleet.pass();
    assert!(planned.plan.sequences.is_empty(), "{}", planned.plan);
    fleet.policy.mode = Mode::Release;
    let _ = fleet.settle();
    nothing_left(&fleet);
}

#[test]
fn the_same_identity_in_a_new_pod_is_freed_of_what_the_last_one_had() {
    let mut fleet = Fleet::dual(3);
    while fleet
        .records
        .values()
        .all(|one| one.owned_filters.is_empty())
    {
        let _ = fleet.pass();
    }
    let holder = fleet
        .records
        .values()
        .find(|one| !one.owned_filters.is_empty());
    let holder = holder.unwrap().member.clone();
    // The repo outlives the pod, with the filter in its saved config; the daemon shows it again.
    fleet.restart(holder.as_str());
    fleet.member(holder.as_str()).uid = "another-life".into();
    fleet.ends_well_after(secs(60));
    all_on_storage(&fleet);
    nothing_left(&fleet);
}

#[test]
fn an_identity_under_another_name_is_freed_of_what_the_former_one_had() {
    let mut fleet = Fleet::dual(3);
    let removed = "/ip4/10.9.0.0/ipcidr/16";
    while fleet
        .records
        .values()
        .all(|one| one.owned_filters.is_empty())
    {
        let _ = fleet.pass();
    }
    let holds = |one: &&Record| !one.owned_filters.is_empty();
    let holder = fleet.records.values().find(holds).unwrap().member.clone();
    let record = fleet.records.get_mut(holder.as_str()).unwrap();
    record.removed_filters.push(RemovedFilter {
        cidr: removed.into(),
        container: None,
        since: fleet.now,
        gone: true,
    });
    // The repo moves to a pod of another name, with what was added to its saved config.
    let owned = record.owned_filters[0].cidr.clone();
    let storage = fleet.member(holder.as_str()).networks.clone();
    let mut node = fleet.leave(holder.as_str());
    node.filters = vec![owned];
    fleet.insert("z", node);
    fleet.member("z").networks = storage;
    fleet.ends_well_after(secs(600));
    let filters: Vec<_> = fleet.nodes["z"]
        .filters
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(filters, [removed], "ours is gone, the owner's is back");
    assert!(!fleet.records.contains_key(holder.as_str()));
}

#[test]
fn a_session_whose_record_was_not_stored_does_not_keep_others_from_beginning() {
    let mut fleet = Fleet::dual(4);
    fleet.storage_down = true;
    let down = |planned: &Planned| {
        let mut all = planned.report.conditions.iter();
        all.any(|one| one.reason == ReasonCode::StorageNetworkDown)
    };
    while !down(&fleet.pass()) {}
    // A canary is due: what it intends is refused by the store.
    let mut refused = false;
    while !refused {
        let before = fleet.records.clone();
        let planned = fleet.pass();
        let begins = |write: &RecordWrite| matches!(write, RecordWrite::Put(record) if !record.owned_filters.is_empty());
        refused = planned.plan.records.iter().any(begins);
        if refused {
            fleet.records = before;
        }
    }
    fleet.storage_down = false;
    fleet.ends_well_after(secs(3_600));
    all_on_storage(&fleet);
    nothing_left(&fleet);
}

#[test]
fn a_move_is_judged_when_its_calls_have_ended() {
    let mut fleet = Fleet::dual(2);
    fleet.storage_down = true;
    let moves = |planned: &Planned| {
        let mut calls = planned.plan.sequences.iter().flat_map(|one| &one.actions);
        calls.any(|one| matches!(one.call, Call::Disconnect { .. }))
    };
    let moved = loop {
        let planned = fleet.pass();
        if moves(&planned) {
            break planned;
        }
    };
    // Both ends are read again while the far one is still being dialled.
    let link = moved.report.links[0].link.clone();
    let ends = [link.a.clone(), link.b.clone()].into();
    fleet.busy.links.insert(link, ends);
    for _ in 0..3 {
        let told = fleet.told();
        assert!(!told.contains("could not be moved"), "{told}");
    }
    fleet.busy.links.clear();
    fleet.storage_down = false;
    fleet.ends_well_after(secs(3_600));
    all_on_storage(&fleet);
    nothing_left(&fleet);
}

#[test]
fn a_session_of_who_is_gone_does_not_keep_others_from_beginning() {
    let mut fleet = Fleet::dual(4);
    fleet.storage_down = true;
    let down = |planned: &Planned| {
        let mut all = planned.report.conditions.iter();
        all.any(|one| one.reason == ReasonCode::StorageNetworkDown)
    };
    while !down(&fleet.pass()) {}
    let intends = |one: &Record| {
        let mut all = one.owned_filters.iter();
        all.any(|filter| filter.step == FilterStep::Intended)
    };
    while !fleet.records.values().any(intends) {
        let _ = fleet.pass();
    }
    // A canary is on its way when its node vanishes: its record names the filters for a day.
    let gone = fleet.records.values().find(|one| intends(one)).unwrap();
    let gone = gone.member.clone();
    let _ = fleet.leave(gone.as_str());
    fleet.storage_down = false;
    for _ in 0..80 {
        let _ = fleet.pass_after(secs(30));
    }
    let remembered = fleet.records.get(gone.as_str());
    assert!(remembered.is_some_and(intends), "{gone}");
    all_on_storage(&fleet);
}

#[test]
fn a_link_is_moved_from_the_end_that_can_hide_the_other() {
    for sharer in ["a", "b"] {
        let mut fleet = Fleet::dual(3);
        fleet.policy.network.attachment = None;
        for letter in ["a", "b", "c"] {
            fleet.member(letter).networks.remove(&Network::Storage);
        }
        let _ = fleet.settle();
        // Back to the pod network, while one of a linked pair has its storage address with another.
        let attachment: Attachment = "fleet/storage".parse().unwrap();
        let former = |ip: &str| {
            Some(FormerNetwork {
                attachment: attachment.clone(),
                ips: vec![ip.parse().unwrap()],
            })
        };
        fleet.member("a").storage.former = former("192.168.77.1");
        fleet.member("b").storage.former = former("192.168.77.2");
        let shared = if sharer == "a" {
            "192.168.77.1"
        } else {
            "192.168.77.2"
        };
        fleet.member("c").storage.former = former(shared);
        let storage = Address::lenient("/ip4/192.168.77.2/tcp/4001");
        fleet.break_all("a");
        fleet.link("a", "b", &storage);
        let mut moved = false;
        for _ in 0..20 {
            let told = fleet.told();
            moved |= told.contains("disconnect /ip4/192.168.77.");
        }
        assert!(moved, "{sharer} shares its address");
    }
}
