//! What was sent and not yet answered is not sent again.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::time::Duration;

use kubomesh_core::{Access, Action, Busy, Call, Endpoint, Link, Plan, Sequence};

const PEER: &str = "12D3KooWQjZCXJhDF7kS5aQeMqk67n7huug6teJxUMH26FHCMD3M";

/// One call to a member, for its link with another one or for none.
fn sequence(member: &str, with: Option<&str>) -> Sequence {
    let link = with.map(|with| Link::new(&member.into(), &with.into()).unwrap());
    Sequence {
        member: member.into(),
        uid: member.into(),
        access: Access::Direct {
            endpoint: Endpoint::http([127, 0, 0, 1].into(), 5001),
            auth: None,
            ca_file: None,
        },
        expect: PEER.parse().unwrap(),
        actions: vec![Action {
            call: Call::PeeringRemove { peers: Vec::new() },
            deadline: Duration::from_secs(5),
            on_failure: Vec::new(),
            link,
        }],
    }
}

#[test]
fn a_link_is_busy_at_the_end_that_calls_and_nothing_else_is() {
    let mut busy = Busy::default();
    busy.began(&sequence("a", Some("b")));
    let link = Link::new(&"a".into(), &"b".into()).unwrap();
    assert!(busy.is_linking(&link));
    assert!(busy.calls(&link, &"a".into()) && !busy.calls(&link, &"b".into()));
    assert!(!busy.is_free(&sequence("a", Some("b"))));
    assert!(busy.is_free(&sequence("b", Some("a"))));
    assert!(busy.is_free(&sequence("a", Some("c"))));
    assert!(busy.is_free(&sequence("a", None)));
    busy.began(&sequence("b", Some("a")));
    busy.ended(&sequence("a", Some("b")));
    assert!(busy.is_linking(&link) && !busy.calls(&link, &"a".into()));
    busy.ended(&sequence("b", Some("a")));
    assert_eq!(busy, Busy::default());
}

#[test]
fn a_member_is_busy_until_its_last_call_is_answered() {
    let mut busy = Busy::default();
    busy.began(&sequence("a", None));
    busy.began(&sequence("a", None));
    busy.ended(&sequence("a", None));
    assert!(!busy.is_free(&sequence("a", None)));
    assert!(busy.is_free(&sequence("b", None)));
    busy.ended(&sequence("a", None));
    assert_eq!(busy, Busy::default());
}

#[test]
fn a_plan_touches_whom_it_calls_and_whom_they_are_to_reach() {
    let plan = Plan {
        records: Vec::new(),
        sequences: vec![sequence("b", Some("a")), sequence("c", None)],
    };
    let touched: Vec<_> = plan.touches().iter().map(ToString::to_string).collect();
    assert_eq!(touched, ["a", "b", "c"]);
}
