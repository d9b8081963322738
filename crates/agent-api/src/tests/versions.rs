//! The version gate.

use proptest::prelude::*;

use crate::{ApiVersions, Unusable};

fn versions(current: i64, min: i64) -> ApiVersions {
    ApiVersions { current, min }
}

/// max(min) ≤ min(current), from both sides; version 0 is none at all.
#[test]
fn the_gate() {
    let ours = versions(3, 2);
    for (theirs, usable) in [
        (versions(0, 0), false),
        (versions(1, 1), false),
        (versions(2, 1), true),
        (versions(3, 2), true),
        (versions(4, 3), true),
        (versions(4, 4), false),
    ] {
        assert_eq!(ours.agree(theirs).is_ok(), usable, "{theirs:?}");
    }
    assert_eq!(ours.agree(versions(0, 0)), Err(Unusable::None));
    let said = |theirs| ours.agree(theirs).unwrap_err().to_string();
    assert_eq!(
        said(versions(1, 1)),
        "the agent is too old: it speaks API 1, and this controller wants 2 to 3; upgrade the agent"
    );
    assert_eq!(
        said(versions(5, 4)),
        "the agent is too new: it speaks API 4 to 5, and this controller 2 to 3; upgrade the controller"
    );
}

proptest! {
    /// Both sides come to the same.
    #[test]
    fn it_is_symmetric(a in 1_i64..6, b in 1_i64..6, c in 1_i64..6, d in 1_i64..6) {
        let (one, other) = (versions(a.max(b), a.min(b)), versions(c.max(d), c.min(d)));
        prop_assert_eq!(one.agree(other).is_ok(), other.agree(one).is_ok());
    }
}
