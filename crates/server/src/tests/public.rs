//! `/livez`, `/readyz`, `/metrics`.

use kubomesh_process::Readiness;
use kubomesh_telemetry::Catalog;

use super::client::serve;
use crate::{FaceLimits, PublicState, public};

#[tokio::test]
async fn alive_says_nothing_of_ready() {
    let readiness = Readiness::new();
    let state = PublicState {
        readiness: readiness.clone(),
        catalog: Catalog::new().unwrap(),
    };
    let served = serve(public::router(state), FaceLimits::default()).await;

    let pods = readiness.block("pods synced");
    let lists = readiness.block("meshes synced");
    let live = served.get("/livez").await;
    assert_eq!((live.status, live.body.as_str()), (200, "ok\n"));
    let ready = served.get("/readyz").await;
    assert_eq!(
        (ready.status, ready.body.as_str()),
        (503, "meshes synced\npods synced\n")
    );

    lists.release();
    assert_eq!(served.get("/readyz").await.body, "pods synced\n");
    pods.release();
    let ready = served.get("/readyz").await;
    assert_eq!((ready.status, ready.body.as_str()), (200, "ok\n"));

    let again = readiness.block("pod watch is stale");
    assert_eq!(served.get("/readyz").await.status, 503);
    drop(again);
}

#[tokio::test]
async fn metrics_are_text_of_the_catalogue() {
    let catalog = Catalog::new().unwrap();
    let counter = catalog.counter("kubomesh_test_total", "A test.").unwrap();
    counter.add(3);
    let state = PublicState {
        readiness: Readiness::new(),
        catalog,
    };
    let served = serve(public::router(state), FaceLimits::default()).await;
    let metrics = served.get("/metrics").await;
    assert_eq!(metrics.status, 200);
    assert!(
        metrics
            .head
            .contains("content-type: text/plain; version=0.0.4; charset=utf-8")
    );
    assert!(metrics.body.contains("\nkubomesh_test_total 3\n"));
    assert!(metrics.body.contains("\nkubomesh_build_info{"));
}

#[tokio::test]
async fn nothing_else_is_here() {
    let state = PublicState {
        readiness: Readiness::new(),
        catalog: Catalog::new().unwrap(),
    };
    let served = serve(public::router(state), FaceLimits::default()).await;
    let health = served.get("/healthz").await;
    assert_eq!(
        (health.status, health.body.as_str()),
        (
            404,
            "no page /healthz; there are: /livez, /readyz, /metrics\n"
        )
    );
    assert_eq!(served.get("/debug/plan").await.status, 404);
    assert_eq!(served.get("/log-level").await.status, 404);
    assert_eq!(served.ask("POST", "/metrics", "").await.status, 405);
}
