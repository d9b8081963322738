//! Nothing counts as converged too soon.

use std::time::Duration;

use serde_json::json;

use super::Convergence;
use crate::demo::pages::Plan;

fn plan(pass: u64, actions: usize) -> Plan {
    serde_json::from_value(json!({"pass": pass, "actions": vec![json!({}); actions]})).unwrap()
}

/// Looks at one second, two seconds, … and hands back what the last look says.
fn looks(looks: &[(bool, Option<Plan>)]) -> Option<u64> {
    let mut convergence = Convergence::default();
    let mut said = None;
    for ((every_link, plan), second) in looks.iter().zip(1..) {
        said = convergence.look(Duration::from_secs(second), *every_link, plan.as_ref());
    }
    said.map(|at| at.as_secs())
}

#[test]
fn two_later_quiet_passes_are_needed() {
    let seen = |passes: &[(u64, usize)]| {
        let steps: Vec<_> = passes
            .iter()
            .map(|&(pass, actions)| (true, Some(plan(pass, actions))))
            .collect();
        looks(&steps)
    };
    assert_eq!(seen(&[(3, 0)]), None);
    assert_eq!(
        seen(&[(3, 0), (3, 0), (3, 0)]),
        None,
        "the same pass is no later one"
    );
    assert_eq!(
        seen(&[(3, 0), (4, 0), (4, 0)]),
        None,
        "one pass twice is one pass"
    );
    assert_eq!(
        seen(&[(3, 9), (4, 0), (5, 0)]),
        Some(1),
        "the clock stops when the links are there"
    );
    assert_eq!(
        seen(&[(3, 0), (4, 0), (5, 1)]),
        None,
        "an action begins anew"
    );
    assert_eq!(seen(&[(3, 0), (4, 1), (5, 0), (6, 0)]), Some(1));
}

#[test]
fn a_link_that_goes_begins_anew() {
    let quiet = |pass| Some(plan(pass, 0));
    assert_eq!(
        looks(&[
            (true, quiet(3)),
            (true, quiet(4)),
            (false, quiet(5)),
            (true, quiet(6))
        ]),
        None
    );
    assert_eq!(
        looks(&[
            (true, quiet(3)),
            (false, quiet(4)),
            (true, quiet(5)),
            (true, quiet(6)),
            (true, quiet(7))
        ]),
        Some(3)
    );
    assert_eq!(
        looks(&[(true, quiet(3)), (true, quiet(4)), (true, None)]),
        None,
        "no answer is no pass"
    );
}
