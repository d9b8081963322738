//! The debug pages are read as the controller writes them.

use serde_json::json;

use super::{Plan, Report};

fn report(states: [&str; 2], healthy: u64) -> Report {
    let member = |state| json!({"role": "Kubo", "state": state, "links": {"desired": 1, "healthy": healthy}});
    serde_json::from_value(json!({
        "mesh": {"namespace": "", "name": "file"},
        "members": {"a": member(states[0]), "b": member(states[1])},
        "links": [
            {"link": {"a": "a", "b": "b"}, "state": "Missing", "reason": null},
            {"link": {"a": "a", "b": "c"}, "state": "Missing", "reason": null},
            {"link": {"a": "b", "b": "c"}, "state": "Missing", "reason": null},
        ],
        "counts": {"desired": 1, "healthy": healthy, "degraded": 0, "missing": 0, "unknown": 0},
    }))
    .unwrap()
}

#[test]
fn whole_means_all_members_and_all_links() {
    assert!(report(["Reachable", "Reachable"], 1).whole(2));
    assert!(
        !report(["Reachable", "Reachable"], 0).whole(2),
        "a link is missing"
    );
    assert!(
        !report(["Reachable", "Away"], 1).whole(2),
        "a member is away"
    );
    assert!(
        !report(["Reachable", "Reachable"], 1).whole(3),
        "a member is not known yet"
    );
    assert!(!Report::default().whole(0), "nothing is no mesh");
}

#[test]
fn a_plan_says_what_waits_and_why() {
    let held = |why: &str| json!({"link": {"a": "a", "b": "b"}, "why": why, "reason": {"type": "Mode"}, "until": null});
    let plan: Plan = serde_json::from_value(json!({
        "pass": 3,
        "trigger": "resync",
        "actions": [{"text": "x"}],
        "heldBack": [held("b is away"), held("removals are held")],
    }))
    .unwrap();
    assert_eq!((plan.pass, plan.actions.len()), (3, 1));
    assert_eq!(plan.waiting(1), ["a - b: b is away"]);
    assert_eq!(plan.waiting(5).len(), 2);
}
