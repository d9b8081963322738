//! The fakes against every recording of a real Kubo.

use std::net::Ipv4Addr;

use futures::StreamExt as _;
use kubomesh_testkit::contract::{FakeSubject, Verdict, load, run, unaccounted};
use kubomesh_testkit::{Fault, Faults};

#[test]
fn every_recording_has_a_scene() {
    assert_eq!(
        unaccounted().expect("they can be read"),
        Vec::<String>::new()
    );
    assert_eq!(load().expect("they can be read").len(), 74);
}

#[tokio::test]
async fn a_fake_answers_as_the_recorded_kubo() {
    let subject = FakeSubject::new(Ipv4Addr::new(127, 30, 16, 1));
    let recordings = load().expect("they can be read");
    // Some scenes wait for a dial of five seconds: all are played at once.
    let played = futures::stream::iter(&recordings).map(|recording| {
        let subject = &subject;
        async move { (recording.name.clone(), run(subject, recording).await) }
    });
    let verdicts: Vec<_> = played.buffer_unordered(recordings.len()).collect().await;
    let mut broken = Vec::new();
    for (name, verdict) in verdicts {
        match verdict.expect("the scene can be played") {
            Verdict::Kept => {}
            Verdict::Excluded(reason) => broken.push(format!("{name}: excluded, {reason}")),
            Verdict::Broken(found) => {
                let found: Vec<_> = found.iter().map(ToString::to_string).collect();
                broken.push(format!("{name}:\n    {}", found.join("\n    ")));
            }
        }
    }
    assert!(
        broken.is_empty(),
        "{} broken:\n{}",
        broken.len(),
        broken.join("\n")
    );
}

/// The contract notices what it is there to notice.
#[tokio::test]
async fn a_faulty_fake_breaks_the_contract() {
    let recordings = load().expect("they can be read");
    let verdict = async |name: &str, last: u8, faults: Faults| {
        let subject = FakeSubject::faulty(Ipv4Addr::new(127, 30, 18, last), faults);
        let recording = recordings.iter().find(|recording| recording.name == name);
        let verdict = run(&subject, recording.expect("it is there")).await;
        match verdict.expect("it can be played") {
            Verdict::Broken(found) => found.into_iter().map(|found| found.what).collect(),
            Verdict::Kept | Verdict::Excluded(_) => Vec::new(),
        }
    };
    let only = |fault, verb| Faults::of(fault).only(&[verb]);
    let status = only(Fault::Status { code: 503 }, "swarm/filters");
    assert!(
        verdict("filters-empty", 1, status)
            .await
            .contains(&"status".to_owned())
    );
    let garbage = only(Fault::Garbage, "swarm/peers");
    assert!(
        verdict("peers-direction", 11, garbage)
            .await
            .contains(&"body".to_owned())
    );
    let nulls = only(Fault::NullLists, "swarm/peering/ls");
    assert_eq!(verdict("peering-ls-empty", 21, nulls).await, ["body"]);
    let slow = only(Fault::SlowBody { pause_ms: 0 }, "version");
    assert_eq!(verdict("version", 31, slow).await, ["chunking"]);
    let lying = Faults {
        lists_itself: true,
        ..Faults::default()
    };
    assert_eq!(verdict("peers-empty", 41, lying).await, ["body"]);
    assert!(
        verdict("peers-empty", 51, Faults::default())
            .await
            .is_empty()
    );
}
