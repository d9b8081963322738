//! The builders make what they say.

use kubomesh_core::{Direction, FailureKind, Network};
use kubomesh_testkit::build::{self, HealthyFleet, MemberBuilder, ObservationBuilder};

#[test]
fn a_member_and_its_record_agree() {
    let member = MemberBuilder::new(7).zone("a").build();
    let record = build::record(7);
    assert_eq!(member.name.as_str(), "kubo-0007");
    assert_eq!((&record.member, &record.uid), (&member.name, &member.uid));
    assert_eq!(&*record.rpc, member.access.endpoint().to_string());
    assert_eq!(record.container, member.container);
    assert_eq!(record.peer_id, Some(build::peer(7)));
    assert_eq!(
        record.addresses[0].ip(),
        member.ips(Network::Pod).first().copied()
    );
}

#[test]
fn lives_and_restarts_are_told_apart() {
    let first = MemberBuilder::new(1).build();
    let second = MemberBuilder::new(1).life(2).build();
    assert_eq!(first.name, second.name);
    assert_ne!(first.uid, second.uid);
    assert_ne!(
        first.container,
        MemberBuilder::new(1).restarts(1).build().container
    );
}

#[test]
fn a_healthy_fleet_lists_every_pair_at_both_ends() {
    let fleet = HealthyFleet::new(5);
    assert_eq!(
        (fleet.membership.members.len(), fleet.records.len()),
        (5, 5)
    );
    for (name, observation) in &fleet.observations {
        let state = observation.present().expect("it answered");
        let peers = state.peers.as_ref().expect("it answered");
        assert_eq!(peers.len(), 4, "{name}");
        for connection in peers.iter() {
            let far = (1..=5)
                .find(|n| build::peer(*n) == connection.peer)
                .expect("a member");
            let back = fleet.observations[&build::name(far)]
                .present()
                .expect("it answered");
            let back = back.peers.as_ref().expect("it answered");
            let entry = back
                .iter()
                .find(|c| c.peer == state.peer_id)
                .expect("both ends");
            assert_ne!(entry.direction, connection.direction);
        }
    }
}

#[test]
fn a_failed_observation_has_no_state() {
    let observation = ObservationBuilder::new(1)
        .connected(2, Direction::Inbound)
        .failed(FailureKind::TimedOut, 3)
        .build();
    assert!(observation.present().is_none());
    assert_eq!((observation.failures, observation.sighting), (3, None));
}
