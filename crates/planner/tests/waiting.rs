//! Pods that the selector names and that are no members: they are shown with their reasons, and
//! counted nowhere.

mod common;

use common::{Fleet, name, secs};
use kubomesh_core::*;
use kubomesh_planner::Planned;

impl Fleet {
    fn hold_up(&mut self, text: &str, waiting: Waiting) {
        self.membership.waiting.insert(name(text), waiting);
    }
}

fn claimed() -> Waiting {
    let by = "fleet/older".into();
    Waiting::Claimed { by }
}

fn members(planned: &Planned) -> String {
    let names: Vec<_> = planned
        .report
        .members
        .keys()
        .map(MemberName::as_str)
        .collect();
    names.join(" ")
}

fn waiting(planned: &Planned) -> String {
    let waiting = planned.report.waiting.iter();
    let said = waiting.map(|(name, found)| {
        assert_eq!(found.state, MemberState::Waiting);
        format!("{name}: {}; ", found.conditions[0].reason)
    });
    said.collect()
}

#[test]
fn pods_that_are_no_members_are_not_counted_as_such() {
    let mut fleet = Fleet::meshed(2);
    fleet.hold_up("c", Waiting::Ended);
    fleet.hold_up("d", Waiting::Terminating);
    fleet.hold_up("e", Waiting::NoIp);
    fleet.hold_up("f", Waiting::NoRpcPort);
    fleet.hold_up("g", claimed());
    let planned = fleet.pass();
    assert_eq!(members(&planned), "a b");
    assert_eq!(
        waiting(&planned),
        "c: NotAsked; d: NotAsked; e: NotAsked; f: NoRpcPort; g: PodClaimed; "
    );
}

#[test]
fn a_pod_that_ended_is_away_as_one_that_is_gone_and_then_forgotten() {
    let mut fleet = Fleet::meshed(3);
    let _ = fleet.leave("c");
    fleet.hold_up("c", Waiting::Ended);
    let planned = fleet.pass();
    assert_eq!(members(&planned), "a b c");
    assert_eq!(planned.report.members["c"].state, MemberState::Away);
    assert_eq!(waiting(&planned), "");
    fleet.wait(secs(600));
    let planned = fleet.settle();
    assert_eq!(fleet.records.keys().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(members(&planned), "a b");
    assert_eq!(waiting(&planned), "c: NotAsked; ");
}

#[test]
fn a_recorded_pod_that_an_older_mesh_claims_is_that_ones_to_count() {
    let mut fleet = Fleet::meshed(3);
    fleet.membership.members.remove("c");
    fleet.hold_up("c", claimed());
    let planned = fleet.pass();
    assert_eq!(members(&planned), "a b");
    assert_eq!(waiting(&planned), "c: PodClaimed; ");
}

#[test]
fn members_that_wait_are_members() {
    let mut fleet = Fleet::meshed(2);
    fleet.join("c");
    fleet.member("c").ready = false;
    let why = "record b is not stored: no room".to_owned();
    fleet.hold_up("b", Waiting::RecordNotStored { why });
    let planned = fleet.pass();
    assert_eq!(members(&planned), "a b c");
    assert_eq!(planned.report.members["c"].state, MemberState::Waiting);
    assert_eq!(waiting(&planned), "");
}

#[test]
fn one_whose_address_is_anothers_waits_however_it_failed_before() {
    let mut fleet = Fleet::meshed(3);
    fleet.node("c").failure = Some(Failure::new(FailureKind::Refused, "no"));
    let planned = fleet.pass();
    assert_eq!(planned.report.members["c"].state, MemberState::Unreachable);
    let with = "b".into();
    fleet.member("c").contact = Contact::AddressConflict { with };
    let planned = fleet.pass();
    assert_eq!(planned.report.members["c"].state, MemberState::Waiting);
    let said = fleet.member_condition(&planned, "c", ConditionKind::Reachable);
    assert_eq!(
        said,
        "Reachable=False AddressConflict: b claims the same address and is the one that is contacted"
    );
}

#[test]
fn pods_that_somebody_must_change_degrade_a_mesh() {
    let mut fleet = Fleet::meshed(2);
    fleet.hold_up("n00", Waiting::NoIp);
    for number in 0..12 {
        fleet.hold_up(&format!("p{number:02}"), Waiting::NoRpcPort);
    }
    let planned = fleet.pass();
    let said = fleet.condition(&planned, ConditionKind::Degraded);
    assert_eq!(
        said,
        "Degraded=True NoRpcPort: no container looks like Kubo; set spec.peers.rpc.port, or give the \
         RPC's container port the name api, to make members of: p00, p01, p02, p03, p04, p05, p06, \
         p07, p08, p09 and 2 more"
    );
    let ready = fleet.condition(&planned, ConditionKind::Ready);
    assert_eq!(ready.trim_end(), "Ready=True AsWanted:");
    // What endangers comes first, what is only absent last.
    fleet.node("b").peer_id = kubomesh_model::peer_id(77);
    let planned = fleet.settle();
    let said = fleet.condition(&planned, ConditionKind::Degraded);
    assert!(said.starts_with("Degraded=True WrongIdentity"), "{said}");
    let _ = fleet.leave("b");
    let planned = fleet.pass();
    let said = fleet.condition(&planned, ConditionKind::Degraded);
    assert!(said.starts_with("Degraded=True NoRpcPort"), "{said}");
}

#[test]
fn pods_that_come_and_go_do_not() {
    let mut fleet = Fleet::meshed(2);
    fleet.join("c");
    fleet.member("c").ready = false;
    fleet.hold_up("d", Waiting::NoIp);
    fleet.hold_up("e", Waiting::Terminating);
    fleet.hold_up("f", Waiting::Ended);
    let planned = fleet.pass();
    for (kind, wanted) in [
        (ConditionKind::Degraded, "Degraded=False AsWanted:"),
        (ConditionKind::Ready, "Ready=True AsWanted:"),
    ] {
        assert_eq!(fleet.condition(&planned, kind).trim_end(), wanted);
    }
}

#[test]
fn a_mesh_without_members_says_for_what_its_pods_wait() {
    let mut fleet = Fleet::empty();
    fleet.hold_up("a", Waiting::NoIp);
    fleet.hold_up("b", Waiting::NoRpcPort);
    fleet.hold_up("c", Waiting::NoRpcPort);
    let planned = fleet.pass();
    assert_eq!(
        fleet.condition(&planned, ConditionKind::Ready),
        "Ready=False NoMembers: every pod that spec.peers.selector matches waits: none is a member \
         yet: no container of the pod looks like Kubo or has a port named api, and no RPC port is \
         set (2), the pod has no IP yet (1)"
    );
}

#[test]
fn an_empty_record_is_kept_while_there_is_a_pod_that_may_take_it_over() {
    for (waiting, kept) in [
        (None, false),
        (Some(Waiting::Ended), false),
        (Some(Waiting::Terminating), false),
        (Some(Waiting::NoIp), true),
        (Some(Waiting::NoRpcPort), true),
        (Some(claimed()), true),
    ] {
        let mut fleet = Fleet::meshed(3);
        let _ = fleet.leave("c");
        let record = fleet.records.get_mut("c").unwrap();
        record.peer_id = None;
        record.addresses.clear();
        if let Some(waiting) = waiting.clone() {
            fleet.hold_up("c", waiting);
        }
        let _ = fleet.settle();
        assert_eq!(fleet.records.contains_key("c"), kept, "{waiting:?}");
    }
}
