//! What nodes list is kept within the room of the process.
#![allow(
    clippy::unwrap_used,
    reason = "in a test a panic is the failure, with its cause"
)]

mod common;

use common::{fakes, inquiries, moment, name, with_room};
use kubomesh_core::FailureKind;
use kubomesh_executor::{Observations, Room, Share};
use kubomesh_testkit::{Fault, Faults, Fleet};

/// Room for one list of a hundred connections, and for short ones beside it.
const TIGHT: [Share; 3] = [
    Share {
        longest: 1_000,
        together: 20_000,
    },
    Share {
        longest: 5_000,
        together: 15_000,
    },
    Share {
        longest: 10_000,
        together: 10_000,
    },
];

fn lists(count: u32) -> Faults {
    let many = Fault::ManyPeers { count };
    Faults {
        fault: Some(many),
        ..moment()
    }
    .only(&["swarm/peers"])
}

#[tokio::test]
async fn of_long_lists_there_are_few_and_short_ones_are_kept_beside_them() {
    let fleet = Fleet::certain();
    let fakes = fakes(&fleet, 30, 5).await;
    fakes[0].set_faults(lists(400));
    fakes[1].set_faults(lists(100));
    fakes[2].set_faults(lists(100));
    let room = Room::of(TIGHT);
    let (executor, mut known) = (with_room(room.clone()), Observations::new());
    executor.observe(inquiries(&fakes), true, &mut known).await;
    let failure = |at: usize| known[&name(at)].failure.as_ref();
    let kind = |at: usize| failure(at).map(|failure| failure.kind);
    let large = Some(FailureKind::BodyTooLarge);
    assert_eq!(kind(0), large);
    let text = &failure(0).unwrap().message;
    assert!(
        text.starts_with("swarm/peers: 400 entries take 28 KiB, "),
        "{text}"
    );
    assert!(
        text.ends_with("more than 10 KiB; the node must list fewer"),
        "{text}"
    );
    // One of the two finds room.
    let two = [kind(1), kind(2)];
    assert!(two == [None, large] || two == [large, None], "{two:?}");
    assert_eq!([kind(3), kind(4)], [None, None]);
    assert!(room.taken() <= TIGHT[0].together);
    executor.close().await;
    drop((executor, known));
    assert_eq!(room.taken(), 0);
}

#[tokio::test]
async fn a_list_that_became_too_long_is_not_kept_as_history_and_a_shorter_one_is_read_again() {
    let fleet = Fleet::certain();
    let fakes = fakes(&fleet, 31, 1).await;
    let room = Room::of(TIGHT);
    let (executor, mut known) = (with_room(room.clone()), Observations::new());
    fakes[0].set_faults(lists(100));
    executor.observe(inquiries(&fakes), true, &mut known).await;
    assert!(known[&name(0)].failure.is_none());
    let before = room.taken();

    // The same again needs no room; another of its length does while the first is there.
    executor.observe(inquiries(&fakes), true, &mut known).await;
    assert!(known[&name(0)].failure.is_none());
    assert_eq!(room.taken(), before);
    fakes[0].set_faults(lists(101));
    executor.observe(inquiries(&fakes), true, &mut known).await;
    let seen = &known[&name(0)];
    let kind = seen.failure.as_ref().map(|failure| failure.kind);
    assert_eq!(kind, Some(FailureKind::BodyTooLarge));
    assert_eq!(seen.state, None);
    assert_eq!(room.taken(), 0);

    executor.renew(&"uid-0".into());
    executor.observe(inquiries(&fakes), true, &mut known).await;
    assert!(known[&name(0)].failure.is_none());
    executor.close().await;
}
