//! What is told of a node's answers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use kubomesh_core::{AgentTimings, HealthBook, MeshId, Timestamp};
use kubomesh_process::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Around, Lines};
use crate::metrics::Verb;
use crate::room::Room;

/// Nobody listens, and the clock stands.
pub(crate) fn around(room: Room) -> Around {
    Around {
        mesh: MeshId::file(),
        tracker: TaskTracker::new(),
        wake: Arc::default(),
        stop: CancellationToken::new(),
        room,
        now: Arc::new(Timestamp::default),
        health: Arc::new(Mutex::new(HealthBook::new(Duration::ZERO))),
        agents: AgentTimings::default(),
    }
}

#[test]
fn what_is_left_out_is_told_once_until_it_changes() {
    let lines = Lines::new(around(Room::default()));
    let line = lines.line(&"n1".into(), &"uid".into(), 8);
    let told = |verb, warning: Option<&str>| line.left_out(verb, warning.map(str::to_owned));
    let odd = Some("1 left out, the first is `x`");
    assert_eq!(told(Verb::Peers, odd).as_deref(), odd);
    assert_eq!(told(Verb::Peers, odd), None, "it is the same");
    assert_eq!(told(Verb::Listen, odd).as_deref(), odd, "another answer");
    assert!(
        told(Verb::Peers, Some("2 left out")).is_some(),
        "it changed"
    );
    assert_eq!(told(Verb::Peers, None), None, "it is well");
    assert!(told(Verb::Peers, odd).is_some(), "it is back");
}
