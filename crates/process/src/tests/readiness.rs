//! Readiness.

use crate::{CancellationToken, Readiness};

fn pending(readiness: &Readiness) -> Vec<String> {
    readiness
        .pending()
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn it_is_what_is_pending_by_sorted_name() {
    let readiness = Readiness::new();
    assert!(readiness.is_ready());
    let pods = readiness.block("pods synced");
    let meshes = readiness.clone().block("meshes synced");
    assert_eq!(pending(&readiness), ["meshes synced", "pods synced"]);
    assert!(!readiness.is_ready());
    pods.release();
    assert_eq!(pending(&readiness), ["meshes synced"]);
    drop(meshes);
    assert!(readiness.is_ready());
}

#[test]
fn a_name_stays_until_its_last_blocker_goes() {
    let readiness = Readiness::new();
    let one = readiness.block("watch");
    let other = readiness.block("watch");
    assert_eq!(pending(&readiness), ["watch"]);
    drop(one);
    assert_eq!(pending(&readiness), ["watch"]);
    drop(other);
    assert!(readiness.is_ready());
}

#[test]
fn it_can_be_blocked_again() {
    let readiness = Readiness::new();
    readiness.block("watch").release();
    let again = readiness.block(format!("watch of {}", "ipfs/main"));
    assert_eq!(again.name(), "watch of ipfs/main");
    assert!(!readiness.is_ready());
}

#[test]
fn whoever_stops_is_not_ready_any_more() {
    let stop = CancellationToken::new();
    let readiness = Readiness::until(stop.clone());
    let shown = readiness.clone();
    assert!(shown.is_ready());
    let watch = readiness.block("watch");
    stop.cancel();
    assert_eq!(pending(&shown), ["stopping", "watch"]);
    drop(watch);
    assert_eq!(pending(&shown), ["stopping"]);
    assert!(!shown.is_ready());
}

#[test]
fn a_panic_releases_what_it_held() {
    let readiness = Readiness::new();
    let inner = readiness.clone();
    let panicked = std::panic::catch_unwind(move || {
        let _held = inner.block("first plan");
        panic!("in between");
    });
    assert!(panicked.is_err());
    assert!(readiness.is_ready());
}
