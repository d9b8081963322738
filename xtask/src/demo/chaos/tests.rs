//! Trouble comes one at a time, and waits until all is well.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::Result;

use super::{Chaos, ONE_OF_EACH, Pace, Sight};
use crate::demo::fleet::{Fleet, Node};

/// Nodes that only remember what was done to them.
struct Remembering {
    nodes: Vec<Node>,
    done: Vec<String>,
}

impl Remembering {
    fn of(count: u8) -> Self {
        let node = |number| Node {
            name: format!("node-{number:02}"),
            rpc: SocketAddr::from((Ipv4Addr::new(127, 0, 0, number), 5001)),
            peer: String::new(),
        };
        Self {
            nodes: (1..=count).map(node).collect(),
            done: Vec::new(),
        }
    }
}

impl Fleet for Remembering {
    fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    fn kill(&mut self, index: usize) -> Result<()> {
        self.done.push(format!("kill {index}"));
        Ok(())
    }

    fn start(&mut self, index: usize) -> Result<()> {
        self.done.push(format!("start {index}"));
        Ok(())
    }

    fn relocate(&mut self, index: usize) -> Result<()> {
        self.done.push(format!("relocate {index}"));
        Ok(())
    }

    fn end(self: Box<Self>) {}
}

/// Steps at so many seconds, and what was said.
fn said(chaos: &mut Chaos, fleet: &mut Remembering, steps: &[(u64, bool, u64)]) -> Vec<String> {
    let mut said = Vec::new();
    for &(second, whole, pass) in steps {
        let sight = Sight {
            now: Duration::from_secs(second),
            whole,
            pass,
        };
        said.extend(chaos.step(fleet, sight).unwrap().map(|news| news.text));
    }
    said
}

#[test]
fn one_of_each_comes_and_goes() {
    let mut fleet = Remembering::of(12);
    let mut chaos = Chaos::new(Pace::SHOWN, Duration::ZERO);
    let steps = [
        (4, true, 1),
        (9, false, 2),
        (10, true, 3),
        (14, true, 4),
        (15, true, 5),
        (19, true, 6),
        (20, true, 7),
    ];
    assert_eq!(
        said(&mut chaos, &mut fleet, &steps),
        [
            "node-04 was killed",
            "node-04 runs again",
            "healed in 1.0 s",
            "node-11 was killed and runs again",
            "healed in 1.0 s",
            "node-06 moved to 127.0.0.6",
            "healed in 1.0 s",
        ]
    );
    assert_eq!(
        fleet.done,
        ["kill 3", "start 3", "kill 10", "start 10", "relocate 5"]
    );
    assert_eq!(chaos.healed(), ONE_OF_EACH);
}

#[test]
fn a_report_from_before_heals_nothing() {
    let mut fleet = Remembering::of(12);
    let mut chaos = Chaos::new(Pace::SHOWN, Duration::ZERO);
    let before = [(4, true, 1), (9, true, 7), (10, true, 7)];
    assert_eq!(
        said(&mut chaos, &mut fleet, &before),
        ["node-04 was killed", "node-04 runs again"]
    );
    assert_eq!(
        chaos.healing(Duration::from_secs(10)),
        Some(Duration::from_secs(1))
    );
    assert_eq!(
        chaos.story(),
        "stroke 1 (node-04 was killed) has not healed"
    );
    assert_eq!(
        said(&mut chaos, &mut fleet, &[(11, true, 8)]),
        ["healed in 2.0 s"]
    );
    assert_eq!(chaos.healing(Duration::from_secs(11)), None);
}

#[test]
fn trouble_waits_for_calm() {
    let mut fleet = Remembering::of(12);
    let mut chaos = Chaos::new(Pace::SHOWN, Duration::ZERO);
    assert!(
        said(
            &mut chaos,
            &mut fleet,
            &[(2, true, 1), (4, false, 1), (6, true, 1), (8, true, 1)]
        )
        .is_empty()
    );
    assert_eq!(said(&mut chaos, &mut fleet, &[(10, true, 1)]).len(), 1);
}

#[test]
fn links_that_go_by_themselves_are_waited_for_no_longer_than_others() {
    let mut fleet = Remembering::of(12);
    let mut chaos = Chaos::new(Pace::SHOWN, Duration::ZERO);
    said(&mut chaos, &mut fleet, &[(2, false, 1), (9, false, 1)]);
    assert_eq!(
        chaos.healing(Duration::from_secs(9)),
        Some(Duration::from_secs(7))
    );
    assert_eq!(
        chaos.story(),
        "links that went by themselves after 0 strokes have not come back"
    );
    assert_eq!(chaos.healed(), 0);
}

#[test]
fn every_node_has_its_turn() {
    for count in (2..=30).chain([105, 210]) {
        let mut fleet = Remembering::of(count);
        let mut chaos = Chaos::new(Pace::SHOWN, Duration::ZERO);
        let steps: Vec<_> = (0..4000).map(|second| (second, true, second)).collect();
        said(&mut chaos, &mut fleet, &steps);
        let hurt = |index: usize| {
            fleet
                .done
                .iter()
                .any(|done| done.ends_with(&format!(" {index}")))
        };
        let spared = (0..usize::from(count))
            .filter(|index| !hurt(*index))
            .count();
        assert_eq!(spared, 0, "of {count} nodes");
    }
}
