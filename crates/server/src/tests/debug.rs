//! The debug pages and the log filter.

use std::collections::BTreeMap;
use std::sync::Arc;

use kubomesh_core::{MemberName, Membership, Observation, Outcome, RecordWrite, Report};
use kubomesh_telemetry::{LogFormat, LogLevel, subscriber};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::watch;

use super::client::{Served, read_answer, serve};
use super::sample;
use crate::{DebugState, Snapshot, debug};

/// A debug face, the other end of its channel, and what must live as long as the log filter.
struct Shown {
    served: Served,
    snapshots: watch::Sender<Arc<Snapshot>>,
    log_level: LogLevel,
    _subscriber: Box<dyn Send>,
}

async fn show(snapshot: Snapshot) -> Shown {
    let (subscriber, log_level) =
        subscriber(LogFormat::Text, "info", false, std::io::sink).unwrap();
    let (snapshots, receiver) = watch::channel(Arc::new(snapshot));
    let state = DebugState {
        snapshots: receiver,
        log_level: log_level.clone(),
    };
    let served = serve(debug::router(state), debug::limits()).await;
    Shown {
        served,
        snapshots,
        log_level,
        _subscriber: Box::new(subscriber),
    }
}

impl Shown {
    async fn json(&self, path: &str) -> (u16, Value) {
        let answer = self.served.get(path).await;
        assert!(
            answer.head.contains("content-type: application/json"),
            "{answer:?}"
        );
        (answer.status, serde_json::from_str(&answer.body).unwrap())
    }
}

#[tokio::test]
async fn the_index_names_the_pages_and_the_meshes() {
    let shown = show(sample::snapshot()).await;
    let (status, index) = shown.json("/debug/").await;
    assert_eq!(status, 200);
    assert_eq!(index["meshes"], json!(["ipfs/main", "ipfs/other"]));
    let pages = index["pages"].as_array().unwrap();
    assert_eq!(pages.len(), 6);
    for page in pages {
        let path = page[0].as_str().unwrap();
        assert_eq!(shown.served.get(path).await.status, 200, "{path}");
    }
    let redirect = shown.served.get("/debug").await;
    assert!(redirect.head.contains("location: /debug/"), "{redirect:?}");
}

#[tokio::test]
async fn the_plan_is_what_was_to_be_done_and_what_was_held_back() {
    let shown = show(sample::snapshot()).await;
    let (status, plan) = shown.json("/debug/plan?mesh=ipfs/main").await;
    assert_eq!(status, 200);
    insta::assert_snapshot!(serde_json::to_string_pretty(&plan).unwrap());
}

/// The style of the pages: docs/debug-pages.md.
#[tokio::test]
async fn the_pages_are_as_reviewed() {
    let shown = show(sample::snapshot()).await;
    for page in ["members", "observations", "report"] {
        let (_, value) = shown.json(&format!("/debug/{page}?mesh=ipfs/main")).await;
        insta::assert_snapshot!(page, serde_json::to_string_pretty(&value).unwrap());
    }
}

/// Where the keys are values: names of members, and networks.
const BY_NAME: [&str; 3] = ["members", "waiting", "networks"];

#[tokio::test]
async fn every_page_has_one_style() {
    let shown = show(sample::snapshot()).await;
    for page in ["members", "observations", "plan", "report"] {
        let (_, value) = shown.json(&format!("/debug/{page}?mesh=ipfs/main")).await;
        of_one_style(page, page == "observations", &value);
    }
}

/// Names are camelCase, and no number is a point in time.
fn of_one_style(at: &str, by_name: bool, value: &Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let at = format!("{at}.{name}");
                let style = name.starts_with(|c: char| c.is_ascii_lowercase())
                    && name.chars().all(|c| c.is_ascii_alphanumeric());
                assert!(by_name || style, "{at}");
                of_one_style(&at, BY_NAME.contains(&name.as_str()), value);
            }
        }
        Value::Array(values) => {
            for value in values {
                of_one_style(at, false, value);
            }
        }
        Value::Number(number) => {
            let number = number.as_f64().unwrap();
            assert!(number < 1e9, "{at} is {number}");
        }
        Value::String(_) | Value::Bool(_) | Value::Null => {}
    }
}

#[tokio::test]
async fn pages_show_the_values_themselves() {
    let snapshot = sample::snapshot();
    let mesh = snapshot.meshes["ipfs/main"].clone();
    let config = Arc::clone(&snapshot.config);
    let shown = show(snapshot).await;
    let one = |page: &str| format!("/debug/{page}?mesh=ipfs/main");
    let report: Report = read(shown.json(&one("report")).await);
    assert_eq!(report, *mesh.report);
    let members: Membership = read(shown.json(&one("members")).await);
    assert_eq!(members, *mesh.members);
    let observations: BTreeMap<MemberName, Arc<Observation>> =
        read(shown.json(&one("observations")).await);
    assert_eq!(observations, *mesh.observations);
    let plan = shown.json(&one("plan")).await.1;
    let records: Vec<RecordWrite> = read((200, plan["records"].clone()));
    assert_eq!(records, mesh.plan.records);
    let outcomes: Vec<Outcome> = read((200, plan["outcomes"].clone()));
    assert_eq!(outcomes, *mesh.outcomes);
    assert_eq!(shown.json("/debug/config").await.1, *config);
}

/// The value that a page was made from.
fn read<T: DeserializeOwned>((status, value): (u16, Value)) -> T {
    assert_eq!(status, 200);
    serde_json::from_value(value).unwrap()
}

#[tokio::test]
async fn without_a_choice_there_is_every_mesh_by_name() {
    let shown = show(sample::snapshot()).await;
    for page in ["members", "observations", "plan", "report"] {
        let (_, all) = shown.json(&format!("/debug/{page}")).await;
        let names: Vec<&String> = all.as_object().unwrap().keys().collect();
        assert_eq!(names, ["ipfs/main", "ipfs/other"], "{page}");
        let (_, one) = shown
            .json(&format!("/debug/{page}?mesh=ipfs%2Fother"))
            .await;
        assert_eq!(all["ipfs/other"], one, "{page}");
    }
}

#[tokio::test]
async fn a_new_pass_is_seen_at_once() {
    let shown = show(Snapshot::default()).await;
    assert_eq!(shown.json("/debug/plan").await.1, json!({}));
    shown.snapshots.send_replace(Arc::new(sample::snapshot()));
    assert_eq!(shown.json("/debug/plan").await.1["ipfs/main"]["pass"], 7);
    shown.snapshots.send_modify(|snapshot| {
        Arc::make_mut(snapshot)
            .meshes
            .get_mut("ipfs/main")
            .unwrap()
            .pass = 8;
    });
    assert_eq!(shown.json("/debug/plan?mesh=ipfs/main").await.1["pass"], 8);
}

#[tokio::test]
async fn what_is_not_there_is_said_with_what_is() {
    let shown = show(sample::snapshot()).await;
    let (status, answer) = shown.json("/debug/plan?mesh=ipfs/mian").await;
    assert_eq!(status, 404);
    assert_eq!(
        answer["error"],
        "no mesh `ipfs/mian`; there are: ipfs/main, ipfs/other"
    );
    for path in ["/debug/plans", "/debug/report/all", "/healthz"] {
        let (status, answer) = shown.json(path).await;
        assert_eq!(status, 404);
        let error = answer["error"].as_str().unwrap();
        let expected = format!("no page {path}; there are: /debug/members, ");
        assert!(error.starts_with(&expected), "{error}");
    }
    for page in ["/debug/report", "/debug/config"] {
        let slashed = shown.json(&format!("{page}/")).await;
        assert_eq!(slashed, shown.json(page).await);
        assert_eq!(slashed.0, 200);
    }
    let shown = show(Snapshot::default()).await;
    let (_, answer) = shown.json("/debug/report?mesh=file").await;
    assert_eq!(answer["error"], "no mesh `file`; there are: none yet");
}

#[tokio::test]
async fn the_log_filter_is_read_and_changed() {
    let shown = show(Snapshot::default()).await;
    assert_eq!(shown.served.get("/log-level").await.body, "info\n");
    let changed = shown
        .served
        .ask("PUT", "/log-level", "kubomesh=debug\n")
        .await;
    assert_eq!(
        (changed.status, changed.body.as_str()),
        (200, "kubomesh=debug\n")
    );
    assert_eq!(shown.log_level.get(), "kubomesh=debug");
    let refused = shown.served.ask("PUT", "/log-level", "loud").await;
    assert_eq!(refused.status, 400);
    assert!(
        refused
            .body
            .starts_with("`loud` in the log filter `loud` is not a level: write off")
    );
    assert_eq!(
        shown.served.ask("POST", "/log-level", "info").await.status,
        405
    );
    assert_eq!(shown.log_level.get(), "kubomesh=debug");
}

#[tokio::test]
async fn a_large_body_is_refused() {
    let shown = show(Snapshot::default()).await;
    let large = "info,".repeat(debug::MAX_LOG_FILTER);
    assert_eq!(
        shown.served.ask("PUT", "/log-level", &large).await.status,
        413
    );
    assert_eq!(shown.log_level.get(), "info");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let shown = show(Snapshot::default()).await;
    let mut stream = shown.served.connect().await;
    let head = b"PUT /log-level HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nde";
    stream.write_all(head).await.unwrap();
    let answer = read_answer(&mut stream).await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (408, "the body did not come\n")
    );
}

#[tokio::test]
async fn a_name_that_points_here_is_refused() {
    let shown = show(sample::snapshot()).await;
    for (host, status) in [
        ("localhost:8081", 200),
        ("[::1]:8081", 200),
        ("rebound.example:8081", 421),
        ("", 421),
    ] {
        let mut stream = shown.served.connect().await;
        let head = format!("GET /debug/plan HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        assert_eq!(read_answer(&mut stream).await.status, status, "{host}");
    }
}
