//! What is told is shown as long as it makes sense and there is room for it.

use std::sync::Arc;

use kubomesh_agent_api::{Delta, Event, Seen, Whole};
use kubomesh_core::{
    Access, Address, AgentTimings, Connection, Direction, Endpoint, Failure, FailureKind, Listing,
    MAX_CONNECTIONS, MAX_PEERING, PeeringEntry, Timestamp,
};
use kubomesh_model::peer_id;

use super::{Mirror, Proof};
use crate::line::tests::around;
use crate::line::{Line, Lines};
use crate::room::{Room, SHARES};

struct Stage {
    mirror: Mirror,
    line: Arc<Line>,
    room: Room,
}

fn stage(room: Room) -> Stage {
    let lines = Lines::new(around(room.clone()));
    let access = Access::Direct {
        endpoint: Endpoint::http([127, 0, 0, 1].into(), 1),
        auth: None,
        ca_file: None,
    };
    Stage {
        mirror: Mirror::new(&access, peer_id(1), AgentTimings::SILENCE),
        line: lines.line(&"a".into(), &"uid".into(), 1),
        room,
    }
}

impl Stage {
    fn told(&self, at: u64, seen: Seen) -> bool {
        let event = Event {
            epoch: 1,
            look: at,
            seen,
        };
        self.mirror.take(&self.line, event, Timestamp(at))
    }

    fn shown(&self) -> Option<usize> {
        let image = self.mirror.told.borrow();
        image
            .as_ref()
            .map(|image| image.seen.as_ref().unwrap().peers.len())
    }
}

fn connections(numbers: std::ops::Range<u64>) -> Vec<Connection> {
    let one = |number: u64| Connection {
        peer: peer_id(2 + number % 50),
        address: Address::lenient(&format!("/ip4/10.0.0.1/tcp/{number}")),
        direction: Direction::Inbound,
    };
    numbers.map(one).collect()
}

fn listing<T>(entries: T) -> Listing<T> {
    Listing {
        entries,
        warning: None,
    }
}

fn whole(numbers: std::ops::Range<u64>) -> Seen {
    Seen::Whole(Box::new(Whole {
        agent_version: "kubo".into(),
        peers: listing(connections(numbers).into_iter().collect()),
        peering: Ok(listing(Vec::new())),
        filters: Ok(listing(Vec::new())),
        listen: Ok(listing(Vec::new())),
    }))
}

fn delta(added: std::ops::Range<u64>, removed: std::ops::Range<u64>) -> Seen {
    Seen::Delta(Box::new(Delta {
        added: connections(added),
        removed: connections(removed),
        ..Delta::default()
    }))
}

#[test]
fn as_old_as_the_event_before() {
    let stage = stage(Room::default());
    stage.mirror.prove(Proof {
        owed: 0,
        asked: Timestamp(5),
    });
    let times = |at: u64| {
        let image = stage.mirror.image(Timestamp(at)).unwrap();
        (image.asked.0, image.at.0)
    };
    assert!(!stage.told(10, whole(0..3)));
    assert_eq!(times(10), (5, 10));
    stage.told(20, Seen::Still);
    assert_eq!(times(20), (10, 20));
    stage.told(30, delta(3..5, 0..1));
    assert_eq!((times(30), stage.shown()), ((20, 30), Some(4)));
    let late = Timestamp(31) + AgentTimings::SILENCE;
    assert!(
        stage.mirror.image(late).is_none(),
        "nothing was said for long"
    );
    let away = Failure::new(FailureKind::Refused, "away");
    stage.told(40, Seen::Down(away.clone()));
    let image = stage.mirror.image(Timestamp(40)).unwrap();
    assert_eq!(image.seen.unwrap_err(), away);
    assert!(stage.told(50, whole(0..3)), "it is back");
    stage.mirror.cover();
    assert!(stage.mirror.image(Timestamp(50)).is_none());
}

#[test]
fn what_is_too_much_is_not_shown() {
    let stage = stage(Room::of(SHARES.map(|share| crate::Share {
        longest: 10_000,
        ..share
    })));
    stage.told(1, whole(0..10));
    assert_eq!(stage.shown(), Some(10));
    stage.told(2, delta(10..1_000, 0..0));
    assert_eq!((stage.shown(), stage.room.taken()), (None, 0), "no room");
    stage.told(3, delta(0..1, 0..0));
    assert_eq!(stage.shown(), None, "a difference to nothing");
    stage.told(4, whole(0..3));
    assert_eq!(stage.shown(), Some(3));
}

#[test]
fn no_more_than_is_read() {
    let stage = stage(Room::default());
    stage.told(1, whole(0..2));
    stage.told(2, delta(2..1 + MAX_CONNECTIONS as u64, 0..0));
    assert_eq!(stage.shown(), None);
    stage.told(3, whole(0..2));
    let entry = |number: usize| PeeringEntry {
        peer: peer_id(number as u64),
        addresses: Vec::new(),
    };
    let many = Delta {
        peering_set: (0..=MAX_PEERING).map(entry).collect(),
        ..Delta::default()
    };
    stage.told(4, Seen::Delta(Box::new(many)));
    assert_eq!(stage.shown(), None);
}
