//! Shares: what is kept is bounded, and long lists give way to short ones.

use std::sync::Arc;

use kubomesh_core::{Address, Connection, Connections, Direction, PeerId, PeeringEntry};
use kubomesh_model::peer_id;

use super::{List, Room, SHARES, Share};

const MIB: usize = 1 << 20;

/// A list that says how long it is.
struct Said(usize);

impl List for Said {
    fn entries(&self) -> usize {
        self.0 / 80
    }

    fn bytes(&self) -> usize {
        self.0
    }
}

fn peer() -> PeerId {
    peer_id(1)
}

#[test]
fn two_thousand_nodes_of_any_length_stay_within_the_room() {
    for bytes in [
        1 << 10,
        64 << 10,
        (64 << 10) + 1,
        512 << 10,
        5 * MIB,
        8 * MIB,
    ] {
        let room = Room::default();
        let all: Vec<_> = (0..2_000).map(|_| room.keep("x", Said(bytes))).collect();
        assert!(room.taken() <= SHARES[0].together, "{bytes}");
        let kept = all.iter().filter(|one| one.is_ok()).count();
        assert_eq!(room.taken(), kept * bytes, "{bytes}");
        drop(all);
        assert_eq!(room.taken(), 0, "{bytes}");
    }
}

#[test]
fn where_long_lists_filled_their_share_those_of_two_thousand_honest_nodes_are_kept() {
    let room = Room::default();
    let longest: Vec<_> = (0..2_000).map(|_| room.keep("x", Said(5 * MIB))).collect();
    let long: Vec<_> = (0..2_000).map(|_| room.keep("x", Said(MIB / 4))).collect();
    assert_eq!(longest.iter().filter(|one| one.is_ok()).count(), 6);
    assert!(long.iter().any(Result::is_err));
    // Two hundred connections each.
    let honest: Vec<_> = (0..2_000).map(|_| room.keep("x", Said(16_000))).collect();
    assert!(honest.iter().all(Result::is_ok));
}

#[test]
fn a_list_gives_its_room_back_with_its_last_clone() {
    let room = Room::of(
        [Share {
            longest: 100,
            together: 100,
        }; 3],
    );
    let first = room.keep("x", Said(60)).unwrap();
    let second = first.clone();
    drop(first);
    assert!(room.keep("x", Said(60)).is_err());
    drop(second);
    assert!(room.keep("x", Said(60)).is_ok());
}

#[test]
fn who_is_refused_is_told_how_much_it_was_and_what_there_is() {
    let room = Room::default();
    let sentence = |bytes| room.keep("swarm/peers", Said(bytes)).map(drop).unwrap_err();
    assert_eq!(
        sentence(9 * MIB).to_string(),
        "body_too_large: swarm/peers: 117964 entries take 9 MiB, more than 8 MiB; the node must \
         list fewer"
    );
    let held: Vec<_> = (0..4)
        .map(|_| room.keep("x", Said(8 * MIB)).unwrap())
        .collect();
    assert_eq!(
        sentence(MIB).to_string(),
        "body_too_large: swarm/peers: 13107 entries take 1 MiB, and lists of more than 512 KiB \
         may take 32 MiB in all nodes together; the node must list fewer"
    );
    let rest: Vec<_> = (0..2_000).map(|_| room.keep("x", Said(64 << 10))).collect();
    assert_eq!(
        sentence(800).to_string(),
        "body_too_large: swarm/peers: 10 entries take 800 bytes, and lists may take 128 MiB in \
         all nodes together; the node must list fewer"
    );
    drop((held, rest));
}

#[test]
fn what_is_counted_is_no_less_than_what_is_there() {
    let address = Address::parse("/ip4/10.0.0.1/tcp/4001").unwrap();
    let connection = Connection {
        peer: peer(),
        address: address.clone(),
        direction: Direction::Outbound,
    };
    let connections: Connections = vec![connection; 100].into_iter().collect();
    assert!(List::bytes(&connections) >= 100 * (38 + address.as_str().len()));
    let entry = PeeringEntry {
        peer: peer(),
        addresses: vec![address.clone(); 16],
    };
    let (one, address_bytes) = (size_of::<Address>() + 16, 16 + address.as_str().len());
    assert!(vec![entry].bytes() >= size_of::<PeeringEntry>() + 16 * (one + address_bytes - 16));
    assert!(vec![address.with_peer(peer())].bytes() >= one + 38 + address_bytes);
    let filter: Arc<str> = "/ip4/10.0.0.0/ipcidr/8".into();
    assert!(vec![filter].bytes() >= size_of::<Arc<str>>() + 16 + 22);
}
