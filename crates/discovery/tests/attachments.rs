//! NetworkAttachmentDefinitions, watched on an API server in memory, in paused time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests are tests"
)]

mod case;
mod objects;

use case::{Case, view};
use kubomesh_core::AttachmentState;
use kubomesh_discovery::{Fleet, WatchKind};
use kubomesh_testkit::api_server::{ApiServer, Fault};
use objects::{attached, attachment, mesh, storage_pod};
use serde_json::{Value, json};

const NADS: &str = "network-attachment-definitions";
const CONFIG: &str = r#"{"type":"macvlan","ipam":{"type":"whereabouts","range":"10.9.0.0/24"}}"#;
const EDITED: &str = r#"{"type":"macvlan","ipam":{"type":"whereabouts","range":"10.7.0.0/24"}}"#;

fn wanting(attachment: &str) -> Value {
    mesh("kubo", json!({ "network": { "attachment": attachment } }))
}

/// A mesh that wants `net/storage`, and one pod on it.
fn server() -> ApiServer {
    let server = ApiServer::new();
    server.put("swarmmeshes", wanting("net/storage"));
    let entry = attached("net/storage", "lhnet1", &["10.9.0.1"]);
    server.put("pods", storage_pod("a", "127.50.0.1", &[entry]));
    server
}

/// Of the only mesh, as soon as it is there.
fn state(fleet: &Fleet) -> AttachmentState {
    let views = fleet.meshes.values();
    let mut states = views.map(|view| view.membership.attachment.clone());
    states.next_back().unwrap_or_default()
}

fn problem(fleet: &Fleet) -> String {
    state(fleet)
        .problem
        .as_deref()
        .unwrap_or_default()
        .to_owned()
}

fn drift(fleet: &Fleet) -> Option<String> {
    state(fleet).drift.as_deref().map(str::to_owned)
}

impl Case {
    async fn problem(&mut self, sentence: &str) {
        let what = format!("the problem {sentence:?}");
        self.until(&what, |fleet| {
            fleet.synced && problem(fleet).contains(sentence)
        })
        .await;
    }

    /// Waits until a config is taken for the one that was applied.
    async fn applied(&mut self, range: &str) {
        self.until(&format!("{range} applied"), |fleet| {
            state(fleet)
                .applied
                .is_some_and(|applied| applied.config.contains(range))
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn without_an_attachment_nothing_is_asked_of_multus() {
    let mut case = Case::with(&[]);
    case.synced().await;
    tokio::time::sleep(std::time::Duration::from_secs(1_300)).await;
    assert!(case.server.asked("list", "pods") > 1, "time passed");
    assert_eq!(case.server.asked("list", NADS), 0);
}

#[tokio::test(start_paused = true)]
async fn a_definition_is_seen_edited_and_gone() {
    let server = server();
    server.put(NADS, attachment("storage", CONFIG));
    server.put(NADS, attachment("unnamed", "no config"));
    let mut case = Case::on(server);
    case.applied("10.9.0.0/24").await;
    case.server.put(NADS, attachment("storage", EDITED));
    let said = r#"ipam.range was "10.9.0.0/24" and is "10.7.0.0/24""#;
    let fleet = case
        .until("drift", |fleet| drift(fleet).as_deref() == Some(said))
        .await;
    let member = &view(&fleet, "kubo").membership.members["a"];
    assert_eq!(member.storage.outside.len(), 1);
    case.server.put(NADS, attachment("storage", CONFIG));
    case.until("no drift", |fleet| drift(fleet).is_none()).await;
    case.server.put(NADS, attachment("storage", "{"));
    case.problem("net/storage cannot be used: spec.config: `{` is no JSON")
        .await;
    case.server.delete(NADS, "net", "storage");
    case.problem("net/storage does not exist: create it").await;
    case.server.put(NADS, attachment("storage", CONFIG));
    case.until("no problem", |fleet| problem(fleet).is_empty())
        .await;
}

#[tokio::test(start_paused = true)]
async fn what_a_mesh_status_says_was_applied_is_what_an_edit_is_compared_with() {
    let server = server();
    server.put(NADS, attachment("storage", EDITED));
    let mut edited = wanting("net/storage");
    edited["status"]["network"] = json!({ "attachment": "net/storage", "config": CONFIG });
    server.put("swarmmeshes", edited);
    let mut case = Case::on(server);
    let fleet = case.until("drift", |fleet| drift(fleet).is_some()).await;
    assert!(drift(&fleet).unwrap().contains("10.7.0.0/24"));
}

/// Neither holds readiness for ever, and both heal by themselves.
#[tokio::test(start_paused = true)]
async fn without_multus_or_without_the_right_a_mesh_says_so() {
    for (status, sentence) in [
        (
            404,
            "Multus' CustomResourceDefinition network-attachment-definitions.k8s.cni.cncf.io is not \
             installed",
        ),
        (
            403,
            "in namespace net: add manifests/components/storage-network",
        ),
    ] {
        let server = server();
        server.fail("list", NADS, Fault::Status(status), None);
        let mut case = Case::on(server);
        case.problem(sentence).await;
        let fleet = case.members(&["a"]).await;
        assert!(
            fleet.synced && fleet.pending.is_empty(),
            "{:?}",
            fleet.pending
        );
        assert!(
            fleet
                .troubles
                .contains_key("network-attachment-definitions in net")
        );
        assert!(case.metrics.failures.get(WatchKind::Attachments).get() > 0);
        case.server.put(NADS, attachment("storage", CONFIG));
        case.server.heal("list", NADS);
        case.until("it heals", |fleet| {
            problem(fleet).is_empty() && fleet.troubles.is_empty()
        })
        .await;
        case.applied("10.9.0.0/24").await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_watch_follows_the_mesh() {
    let server = server();
    server.fail("list", NADS, Fault::Status(403), None);
    let mut case = Case::on(server);
    case.problem("storage-network").await;
    case.server.put("swarmmeshes", wanting("other/storage"));
    case.trouble(
        "network-attachment-definitions in other",
        "in namespace other",
    )
    .await;
    case.until("the old one is forgotten", |fleet| {
        fleet.troubles.len() == 1
    })
    .await;
    case.server.put("swarmmeshes", wanting(""));
    case.until("no watch", |fleet| fleet.troubles.is_empty())
        .await;
    let asked = case.server.asked("list", NADS);
    tokio::time::sleep(std::time::Duration::from_secs(100)).await;
    assert_eq!(
        case.server.asked("list", NADS),
        asked,
        "nobody asks any more"
    );
}

/// What was read by a watch that is no more may be wrong by now.
#[tokio::test(start_paused = true)]
async fn what_an_ended_watch_told_is_forgotten() {
    let server = server();
    server.put(NADS, attachment("storage", CONFIG));
    let mut case = Case::on(server);
    case.applied("10.9.0.0/24").await;
    case.server.put("swarmmeshes", wanting(""));
    case.until("nothing wanted", |fleet| state(fleet).applied.is_none())
        .await;
    case.server.fail("list", NADS, Fault::Status(403), None);
    case.server.put("swarmmeshes", wanting("net/storage"));
    case.problem("storage-network").await;
    assert_eq!(state(&case.found.fleet.borrow()).applied, None);
}
