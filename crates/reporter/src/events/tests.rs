//! Events that wait to be written.

use std::sync::Arc;

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition as WireCondition, Time};
use kubomesh_core::{Fence, Open, Timestamp};
use kubomesh_telemetry::Catalog;
use kubomesh_testkit::api_server::ApiServer;

use super::{EventWriter, Events, Transition};
use crate::ReporterMetrics;

struct Closed;

impl Fence for Closed {
    fn may_write(&self) -> bool {
        false
    }
}

fn events(server: &ApiServer, fence: Arc<dyn Fence>) -> (Events, EventWriter) {
    let catalog = Catalog::new().unwrap();
    let metrics = ReporterMetrics::register(&catalog).unwrap();
    let client = kube::Client::new(server.service(), "default");
    let now = Box::new(|| Timestamp(1_000));
    Events::new(client, fence, "replica-1".into(), now, metrics)
}

fn say(events: &Events, action: &str, note: &str) {
    let regarding = ObjectReference {
        name: Some("kubo".into()),
        namespace: Some("apps".into()),
        uid: Some("mesh-uid".into()),
        ..ObjectReference::default()
    };
    let transition = Transition {
        action: action.into(),
        warning: true,
        reason: "RetiredExpired".into(),
        note: note.into(),
    };
    events.say(regarding, transition);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_the_same_as_a_waiting_one_is_not_said_twice() {
    let server = ApiServer::new();
    let (events, writer) = events(&server, Arc::new(Open));
    say(&events, "Retire a", "first");
    say(&events, "Retire a", "again");
    say(&events, "Retire b", "another");
    drop(events);
    writer.run().await;
    let written = server.all("events");
    let mut notes: Vec<_> = written.iter().map(|event| &event["note"]).collect();
    notes.sort_by_key(|note| note.as_str());
    assert_eq!(notes, ["another", "first"]);
}

#[tokio::test(start_paused = true)]
async fn none_is_written_without_the_lease() {
    let server = ApiServer::new();
    let (events, writer) = events(&server, Arc::new(Closed));
    say(&events, "Retire a", "first");
    drop(events);
    writer.run().await;
    assert!(server.writes().is_empty(), "{:?}", server.writes());
}

/// A mesh is degraded for its links' sake before the network counts as down.
#[test]
fn a_network_that_is_down_is_said_once_whatever_was_wrong_before() {
    let degraded = |reason: &str| {
        let condition = WireCondition {
            last_transition_time: Time(Default::default()),
            message: String::new(),
            observed_generation: None,
            reason: reason.into(),
            status: "True".into(),
            type_: "Degraded".into(),
        };
        vec![condition]
    };
    let said = |before: &[WireCondition], reason: &str| {
        let all = Transition::between(before, &degraded(reason));
        all.into_iter().map(|one| one.reason).collect::<Vec<_>>()
    };
    let down = "StorageNetworkDown";
    assert_eq!(said(&degraded("LinkDegraded"), down), [down]);
    assert_eq!(said(&[], down), [down]);
    assert!(said(&degraded(down), down).is_empty());
    assert!(said(&degraded(down), "LinkDegraded").is_empty());
    assert!(said(&degraded("LinkMissing"), "LinkDegraded").is_empty());
}
