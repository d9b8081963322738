//! Which statuses of a mesh's conditions are warned of.

use kubomesh_core::{Condition, ConditionKind, ReasonCode, Status};

use super::is_bad;

fn bad(kind: ConditionKind, status: Status, reason: ReasonCode) -> bool {
    is_bad(&Condition {
        kind,
        status,
        reason,
        message: String::new(),
    })
}

#[test]
fn trouble_is_warned_of_and_what_was_asked_for_is_not() {
    assert!(bad(
        ConditionKind::Ready,
        Status::False,
        ReasonCode::LinkMissing
    ));
    assert!(bad(
        ConditionKind::Degraded,
        Status::True,
        ReasonCode::LinkMissing
    ));
    assert!(!bad(
        ConditionKind::Degraded,
        Status::False,
        ReasonCode::LinkMissing
    ));
    assert!(!bad(
        ConditionKind::Ready,
        Status::Unknown,
        ReasonCode::LinkMissing
    ));
    for meant in [ReasonCode::NotAsked, ReasonCode::Releasing] {
        assert!(!bad(ConditionKind::Ready, Status::False, meant), "{meant}");
    }
}
