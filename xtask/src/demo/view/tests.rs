//! The line in words and the table say what is wrong.

use std::net::{Ipv4Addr, SocketAddr};

use serde_json::{Value, json};

use super::View;
use crate::demo::controller::Look;
use crate::demo::fleet::Node;
use crate::demo::screen::Screen;

fn nodes(count: u8) -> Vec<Node> {
    let node = |number| Node {
        name: format!("node-{number:02}"),
        rpc: SocketAddr::from((Ipv4Addr::new(127, 0, 0, number), 5001)),
        peer: String::new(),
    };
    (1..=count).map(node).collect()
}

/// A look at so many nodes; the named ones do not answer.
fn look(nodes: &[Node], silent: &[&str], held: &[&str]) -> Look {
    let member = |name: &str| {
        let (state, healthy) = if silent.contains(&name) {
            ("Unreachable", 0)
        } else {
            ("Reachable", 1)
        };
        json!({"state": state, "links": {"desired": 1, "healthy": healthy}})
    };
    let members: serde_json::Map<String, Value> = nodes
        .iter()
        .map(|node| (node.name.clone(), member(&node.name)))
        .collect();
    let held: Vec<_> = held
        .iter()
        .map(|why| json!({"link": {"a": "a", "b": "b"}, "why": why}))
        .collect();
    Look {
        report: serde_json::from_value(
            json!({"members": members, "links": [], "counts": {"desired": 9, "healthy": 8}}),
        )
        .unwrap(),
        plan: serde_json::from_value(json!({"pass": 1, "actions": [], "heldBack": held})).unwrap(),
    }
}

#[test]
fn the_summary_names_who_is_not_well() {
    let nodes = nodes(6);
    let summary = |silent: &[&str], held: &[&str]| {
        View {
            nodes: &nodes,
            look: &look(&nodes, silent, held),
        }
        .summary()
    };
    assert_eq!(summary(&[], &[]), "6/6 peers reachable, 8/9 links healthy");
    assert_eq!(
        summary(&[], &["b is away"]),
        "6/6 peers reachable, 8/9 links healthy; a - b: b is away"
    );
    assert_eq!(
        summary(&["node-02"], &["x"]),
        "5/6 peers reachable, 8/9 links healthy; node-02 Unreachable"
    );
    let four = ["node-01", "node-02", "node-03", "node-04"];
    assert!(
        summary(&four, &[]).ends_with("node-03 Unreachable and 1 more"),
        "{}",
        summary(&four, &[])
    );
    let before = Look {
        report: None,
        plan: None,
    };
    assert_eq!(
        View {
            nodes: &nodes,
            look: &before
        }
        .summary(),
        "the controller starts"
    );
}

#[test]
fn the_table_shows_all_that_fit_and_else_the_troubled_first() {
    let screen = Screen::new(false);
    let lines = |count: u8, most: usize| {
        let nodes = nodes(count);
        View {
            nodes: &nodes,
            look: &look(&nodes, &["node-02"], &[]),
        }
        .lines(&screen, most)
    };
    assert_eq!(
        lines(2, 4),
        [
            "node     links    address        state",
            "node-01    1/1  127.0.0.1    Reachable",
            "node-02    0/1  127.0.0.2  Unreachable",
            "1/2 peers reachable, 8/9 links healthy; node-02 Unreachable",
        ]
    );
    assert_eq!(lines(20, 22).len(), 22, "all of them");
    assert_eq!(
        lines(30, 6),
        [
            "node     links    address        state",
            "node-02    0/1  127.0.0.2  Unreachable",
            "node-01    1/1  127.0.0.1    Reachable",
            "node-03    1/1  127.0.0.3    Reachable",
            "and 27 more",
            "29/30 peers reachable, 8/9 links healthy; node-02 Unreachable",
        ]
    );
}
