//! What other programs print is counted right.

use super::alerts;
use super::cargo::{is_noise, parse_result};
use super::go::Tally;
use super::sim;
use super::{Counts, Test, parts};

#[test]
fn cargo_result_lines_are_read() {
    let line = "test result: FAILED. 12 passed; 3 failed; 4 ignored; 0 measured; 7 filtered out; finished in 0.01s";
    assert_eq!(
        parse_result(line),
        Some(Counts {
            passed: 12,
            failed: 3,
            skipped: 4
        })
    );
    assert_eq!(parse_result("test result_is_read ... ok"), None);
    assert_eq!(
        parse_result("all doctests ran in 0.25s; merged doctests compilation took 0.24s"),
        None
    );
}

#[test]
fn stories_and_rules_are_counted() {
    let counts = |passed, failed| {
        Some(Counts {
            passed,
            failed,
            skipped: 0,
        })
    };
    let parse = sim::parse_result;
    let good = "sim stories=520 events=100113 violations=0 seconds=71.3";
    assert_eq!(parse(good), counts(520, 0));
    let bad = "sim stories=7 events=1311 violations=1 seconds=9.0";
    assert_eq!(parse(bad), counts(6, 1));
    let proof = "proof rules=29 found=27 events=40123 seconds=80.0";
    assert_eq!(parse(proof), counts(27, 2));
    assert_eq!(parse("sim stories=7"), None);
    assert_eq!(parse("play it again: cargo xtask sim --seed 7"), None);
}

#[test]
fn only_success_is_noise() {
    assert!(is_noise("test tidy::tests::found ... ok"));
    assert!(is_noise(
        "test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s"
    ));
    assert!(!is_noise("test tidy::tests::found ... FAILED"));
    assert!(!is_noise("test tidy::tests::found ... ignored, needs Go"));
    assert!(!is_noise(
        "test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s"
    ));
}

#[test]
fn go_tests_are_counted_once() {
    let mut tally = Tally::default();
    let lines = [
        r#"{"Action":"start","Package":"p"}"#,
        r#"{"Action":"run","Package":"p","Test":"TestA"}"#,
        r#"{"Action":"output","Package":"p","Test":"TestA/one","Output":"    a.go:1: broken\n"}"#,
        r#"{"Action":"fail","Package":"p","Test":"TestA/one"}"#,
        r#"{"Action":"pass","Package":"p","Test":"TestA/two"}"#,
        r#"{"Action":"fail","Package":"p","Test":"TestA"}"#,
        r#"{"Action":"output","Package":"p","Test":"TestB","Output":"quiet\n"}"#,
        r#"{"Action":"pass","Package":"p","Test":"TestB"}"#,
        r#"{"Action":"skip","Package":"p","Test":"TestC"}"#,
        r#"{"Action":"output","Package":"p","Output":"FAIL\n"}"#,
        r#"{"Action":"fail","Package":"p"}"#,
    ];
    let shown: String = lines.iter().filter_map(|line| tally.take(line)).collect();
    assert_eq!(shown, "    a.go:1: broken\nFAIL\n");
    assert_eq!(
        tally.counts(),
        Counts {
            passed: 2,
            failed: 1,
            skipped: 1
        }
    );
}

#[test]
fn a_line_that_is_not_json_is_shown() {
    assert_eq!(
        Tally::default().take("go: no such module").as_deref(),
        Some("go: no such module\n")
    );
}

#[test]
fn the_last_line_is_as_documented() {
    let mut total = Counts {
        passed: 2,
        failed: 0,
        skipped: 1,
    };
    total += Counts {
        passed: 3,
        failed: 1,
        skipped: 0,
    };
    assert_eq!(total.to_string(), "5 passed, 1 failed, 1 skipped");
    assert_eq!(total.to_string().parse::<Counts>().unwrap(), total);
    assert!("5 passed, 1 failed".parse::<Counts>().is_err());
    assert!("all fine".parse::<Counts>().is_err());
}

#[test]
fn promtool_cases_are_counted_once() {
    let report = "<testsuites><testsuite name=\"a\" tests=\"3\" failures=\"2\"><testcase name=\"one\">\
                  </testcase><testcase name=\"two\"><failure>a</failure><failure>b</failure></testcase>\
                  <testcase name=\"three\"></testcase></testsuite></testsuites>";
    assert_eq!(
        alerts::parse(report),
        Counts {
            passed: 2,
            failed: 1,
            skipped: 0
        }
    );
    assert_eq!(alerts::parse(""), Counts::default());
}

#[test]
fn parts_have_names_of_their_own() {
    let mut names: Vec<_> = parts::ALL.iter().map(|part| part.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), parts::ALL.len());
}

#[test]
fn a_part_that_is_none_is_said() {
    let of = |names: &[&str]| Test {
        fast: false,
        parts: names.iter().map(ToString::to_string).collect(),
    };
    assert_eq!(of(&["cargo", "alerts"]).unknown(), None);
    assert_eq!(of(&["cargo", "alarms"]).unknown(), Some("alarms"));
    let wanted = |test: &Test| parts::ALL.iter().filter(|part| test.wants(part)).count();
    assert_eq!(wanted(&of(&["cargo"])), 1);
    assert_eq!(wanted(&Test::default()), parts::ALL.len());
}
