//! Verdicts against targets.

use super::{Findings, Target};

fn lines(ratio: f64, target: Target) -> [String; 2] {
    let findings = Findings::new("x", Vec::new(), serde_json::Value::Null);
    let findings = findings.judge("x", ratio, target);
    [false, true].map(|smoke| findings.verdicts()[0].line(smoke))
}

#[test]
fn a_ratio_is_held_against_its_target() {
    assert_eq!(lines(31.25, Target::AtLeast(30.0))[0], "x 31.25× ≥30 ok");
    assert_eq!(lines(29.99, Target::AtLeast(30.0))[0], "x 29.99× ≥30 short");
    assert_eq!(lines(1.5, Target::AtMost(1.5))[0], "x 1.50× ≤1.5 ok");
    assert_eq!(lines(1.51, Target::AtMost(1.5))[0], "x 1.51× ≤1.5 short");
    assert_eq!(
        lines(f64::NAN, Target::AtMost(1.5)),
        [
            "x too little to measure, ≤1.5 short",
            "x too little to measure, no target"
        ]
    );
}

#[test]
fn a_smoke_run_has_no_targets() {
    assert_eq!(lines(0.5, Target::AtLeast(30.0))[1], "x 0.50× no target");
}
