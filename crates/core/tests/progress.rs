//! A sequence is sent in order and stopped at the first failure, after what it gives back.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::time::Duration;

use kubomesh_core::{
    Access, Action, Call, Endpoint, Failure, FailureKind, Outcome, Progress, Reading, Sequence,
    Timestamp,
};

const PEER: &str = "12D3KooWQjZCXJhDF7kS5aQeMqk67n7huug6teJxUMH26FHCMD3M";

/// A call that is told apart by its text.
fn call(text: &str) -> Call {
    Call::FiltersAdd {
        entries: vec![text.into()],
    }
}

/// Actions `1`, `2`, `3`, of which the second gives back `back`.
fn sequence() -> Sequence {
    let action = |text, back: Option<&str>| Action {
        call: call(text),
        deadline: Duration::from_secs(5),
        on_failure: back.map(call).into_iter().collect(),
        link: None,
    };
    Sequence {
        member: "a".into(),
        uid: "a".into(),
        access: Access::Direct {
            endpoint: Endpoint::http([127, 0, 0, 1].into(), 5001),
            auth: None,
            ca_file: None,
        },
        expect: PEER.parse().unwrap(),
        actions: vec![
            action("1", None),
            action("2", Some("back")),
            action("3", None),
        ],
    }
}

/// Sends it all; of the calls, those at these places fail. What was sent, and what became of it.
fn send(failing: &[usize]) -> (String, String) {
    let mut progress = Progress::of(sequence());
    let (mut sent, mut outcomes) = (Vec::new(), Vec::new());
    while let Some((call, _)) = progress.call() {
        sent.push(text(call));
        let result: Reading<()> = match failing.contains(&(sent.len() - 1)) {
            true => Err(Failure::new(FailureKind::Refusal, "no")),
            false => Ok(()),
        };
        outcomes.extend(progress.took(result, Timestamp(7)));
    }
    assert!(progress.took(Ok(()), Timestamp(8)).is_empty(), "it is over");
    let told = |outcome: &Outcome| {
        let end = outcome
            .result
            .as_ref()
            .err()
            .map_or("ok", |f| f.kind.label());
        format!("{} {end}", text(&outcome.call))
    };
    let outcomes: Vec<_> = outcomes.iter().map(told).collect();
    (sent.join(" "), outcomes.join(", "))
}

fn text(call: &Call) -> String {
    call.to_string().replace("filters add ", "")
}

fn ends(failing: &[usize], sent: &str, outcomes: &str) {
    assert_eq!(send(failing), (sent.to_owned(), outcomes.to_owned()));
}

#[test]
fn everything_is_sent_in_order() {
    ends(&[], "1 2 3", "1 ok, 2 ok, 3 ok");
}

#[test]
fn it_stops_at_the_first_failure() {
    ends(&[0], "1", "1 refusal, 2 skipped, 3 skipped");
    ends(&[2], "1 2 3", "1 ok, 2 ok, 3 refusal");
}

#[test]
fn what_an_action_gives_back_is_sent_once_and_ends_it_too() {
    ends(&[1], "1 2 back", "1 ok, 2 refusal, back ok, 3 skipped");
    let both = "1 ok, 2 refusal, back refusal, 3 skipped";
    ends(&[1, 2], "1 2 back", both);
}
