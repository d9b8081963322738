//! Discovery against an API server in memory, in paused time: what is watched, what goes wrong.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests are tests"
)]

mod case;
mod objects;

use std::future::Future;
use std::time::Duration;

use case::{Case, view};
use kubomesh_core::{Credentials, Doubt, Membership, ReasonCode};
use kubomesh_discovery::{
    AuthStore, DiscoveryMetrics, DiscoveryTimings, Settings, WatchKind, kubernetes,
};
use kubomesh_process::Clock;
use kubomesh_telemetry::Catalog;
use kubomesh_testkit::api_server::{ApiServer, Fault};
use objects::{mesh, node, peer, pod, pod_with};
use serde_json::{Value, json};

use tokio::time::timeout;

fn names(membership: &Membership) -> Vec<&str> {
    membership
        .members
        .keys()
        .map(kubomesh_core::MemberName::as_str)
        .collect()
}

fn pods(count: usize) -> Vec<Value> {
    (1..=count)
        .map(|n| {
            pod(
                &format!("p{n:03}"),
                &format!("127.50.{}.{}", n / 200, n % 200),
            )
        })
        .collect()
}

async fn elapse(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn pods_come_change_and_go() {
    let mut case = Case::with(&[pod("a", "127.50.0.1")]);
    let fleet = case.members(&["a"]).await;
    let view = view(&fleet, "kubo");
    assert_eq!(&*view.membership.members["a"].zone, "zone-a");
    assert!(view.policy.is_ok());
    case.server.put("pods", pod("b", "127.50.0.2"));
    case.members(&["a", "b"]).await;
    case.server.edit("pods", "apps", "b", |pod| {
        pod["metadata"]["labels"] = json!({});
    });
    case.members(&["a"]).await;
    case.server.delete("pods", "apps", "a");
    case.members(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn only_selected_pods_of_the_namespace_are_asked_for() {
    let stranger = pod_with("x", "127.50.0.9", |pod| {
        pod["metadata"]["labels"] = json!({});
    });
    let mut elsewhere = pod("y", "127.50.0.8");
    elsewhere["metadata"]["namespace"] = json!("lab");
    let mut case = Case::with(&[pod("a", "127.50.0.1"), stranger, elsewhere]);
    case.members(&["a"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_long_list_is_read_in_pages() {
    let all = pods(1_201);
    let mut case = Case::with(&all);
    let fleet = case.synced().await;
    assert_eq!(view(&fleet, "kubo").membership.members.len(), 1_201);
    assert_eq!(case.server.asked("list", "pods"), 3);
}

#[tokio::test(start_paused = true)]
async fn meshes_come_change_and_go() {
    let mut case = Case::with(&[pod("a", "127.50.0.1")]);
    case.members(&["a"]).await;
    case.server.edit("swarmmeshes", "apps", "kubo", |mesh| {
        mesh["spec"]["peers"]["selector"] = json!({ "matchLabels": { "app": "other" } });
    });
    case.members(&[]).await;
    case.server.edit("swarmmeshes", "apps", "kubo", |mesh| {
        mesh["spec"]["relays"] = json!({});
    });
    case.until("the refusal", |fleet| {
        let refused = view(fleet, "kubo").policy.as_ref().err();
        refused.is_some_and(|condition| condition.reason == ReasonCode::NotImplemented)
    })
    .await;
    case.server.delete("swarmmeshes", "apps", "kubo");
    case.until("no mesh", |fleet| fleet.meshes.is_empty()).await;
}

#[tokio::test(start_paused = true)]
async fn records_and_statuses_are_heard_of() {
    let mut case = Case::with(&[]);
    case.synced().await;
    let stored = case.server.put("swarmpeers", peer("a", "kubo"));
    let mut records = case.found.records.clone();
    let heard = records
        .wait_for(|records| records.records.len() == 1)
        .await
        .unwrap()
        .clone();
    let record = heard.records.values().next().unwrap();
    assert_eq!(record.record.as_ref().unwrap().member.as_str(), "a");
    assert_eq!(stored["metadata"]["resourceVersion"], *record.version);
    assert!(heard.synced && heard.version.to_string() == *record.version);

    let mut broken = peer("b", "kubo");
    broken["spec"]["peerID"] = json!("nonsense");
    case.server.put("swarmpeers", broken);
    let mut odd = peer("c", "kubo");
    odd["spec"]["addresses"] = json!("not a list");
    case.server.put("swarmpeers", odd);
    let heard = records
        .wait_for(|records| records.records.len() == 3)
        .await
        .unwrap()
        .clone();
    let errors: Vec<_> = heard
        .records
        .values()
        .filter_map(|stored| stored.record.as_ref().err().map(ToString::to_string))
        .collect();
    assert!(
        errors[0].starts_with("spec.peerID of record b is `nonsense`"),
        "{errors:?}"
    );
    assert!(errors[1].starts_with("spec of record c"), "{errors:?}");

    case.server.edit("swarmmeshes", "apps", "kubo", |mesh| {
        mesh["status"] = json!({ "members": 5 });
    });
    let mut statuses = case.found.statuses.clone();
    let five = |status: &kubomesh_api::StoredMesh| {
        status
            .status
            .as_ref()
            .is_some_and(|status| status.members == 5)
    };
    statuses
        .wait_for(|all| all.values().any(five))
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_object_that_cannot_be_decoded_does_not_blind_the_rest() {
    let odd = pod_with("b", "127.50.0.2", |pod| {
        pod["spec"]["containers"] = json!("none");
    });
    let mut case = Case::with(&[pod("a", "127.50.0.1"), odd.clone(), pod("c", "127.50.0.3")]);
    case.members(&["a", "c"]).await;
    assert_eq!(case.metrics.undecodable.get(WatchKind::Pods).get(), 1);
    case.server.put("pods", odd);
    case.server.put("pods", pod("d", "127.50.0.4"));
    case.members(&["a", "c", "d"]).await;
    assert_eq!(case.metrics.undecodable.get(WatchKind::Pods).get(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_mesh_that_cannot_be_decoded_is_refused_and_not_gone() {
    let mut case = Case::with(&[]);
    case.synced().await;
    case.server.edit("swarmmeshes", "apps", "kubo", |mesh| {
        mesh["spec"]["mode"] = json!("Later");
    });
    let fleet = case
        .until("the refusal", |fleet| view(fleet, "kubo").policy.is_err())
        .await;
    let refused = view(&fleet, "kubo").policy.clone().unwrap_err();
    assert_eq!(refused.reason, ReasonCode::InvalidPolicy);
    assert!(refused.message.contains("Later"), "{}", refused.message);
}

// === what goes wrong ===

#[tokio::test(start_paused = true)]
async fn no_permission_is_said_with_verb_and_resource() {
    let server = ApiServer::new();
    server.put("swarmmeshes", mesh("kubo", json!({})));
    server.fail("list", "nodes", Fault::Status(403), None);
    server.fail("watch", "pods", Fault::Status(403), None);
    let mut case = Case::on(server);
    case.trouble(
        "nodes",
        "the controller may not list nodes in the cluster: grant",
    )
    .await;
    case.trouble(
        "pods of apps/kubo",
        "may not watch pods in namespace apps: grant",
    )
    .await;
    assert!(!case.found.fleet.borrow().synced);
    assert_eq!(case.found.fleet.borrow().pending, ["nodes"]);
    case.server.heal("list", "nodes");
    case.server.heal("watch", "pods");
    case.until("no trouble", |fleet| {
        fleet.synced && fleet.troubles.is_empty()
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn missing_crds_are_said_with_the_command_that_installs_them() {
    let server = ApiServer::new();
    server.fail("list", "swarmmeshes", Fault::Status(404), None);
    server.fail("list", "swarmpeers", Fault::Status(404), None);
    let mut case = Case::on(server);
    for kind in ["swarmmeshes", "swarmpeers"] {
        let sentence = format!(
            "does not know {kind}.kubomesh.dev: install the CRDs with `kubomesh gen crds | kubectl"
        );
        case.trouble(kind, &sentence).await;
    }
}

#[tokio::test(start_paused = true)]
async fn failures_back_off_and_do_not_spin() {
    let server = ApiServer::new();
    server.fail("list", "nodes", Fault::Status(500), None);
    server.fail("watch", "swarmmeshes", Fault::Empty, None);
    let mut case = Case::on(server);
    case.trouble("nodes", "cannot list nodes in the cluster")
        .await;
    elapse(60).await;
    for (verb, plural) in [("list", "nodes"), ("list", "swarmmeshes")] {
        let asked = case.server.asked(verb, plural);
        assert!(
            (10..=60).contains(&asked),
            "{asked} × {verb} {plural} in a minute"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_too_old_lists_again() {
    for fault in [Fault::Gone, Fault::Status(410)] {
        let mut case = Case::with(&[pod("a", "127.50.0.1")]);
        case.members(&["a"]).await;
        case.server.fail("watch", "pods", fault, Some(1));
        case.server.lose("pods", "apps", "a");
        case.members(&[]).await;
        assert!(case.server.asked("list", "pods") >= 2, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_broken_connection_lists_again() {
    let mut case = Case::with(&[pod("a", "127.50.0.1")]);
    case.members(&["a"]).await;
    case.server.lose("pods", "apps", "a");
    case.server.cut();
    case.members(&[]).await;
}

#[tokio::test(start_paused = true)]
async fn an_orderly_end_takes_the_watch_up_again_without_a_list() {
    let mut case = Case::with(&[pod("a", "127.50.0.1")]);
    case.members(&["a"]).await;
    elapse(300).await;
    assert_eq!(case.server.asked("list", "pods"), 1);
    assert!(case.server.asked("watch", "pods") >= 9);
    let age = case.metrics.watch_age.get(WatchKind::Pods).get();
    assert!(age <= 31.0, "{age}");
    assert_eq!(case.metrics.failures.get(WatchKind::Pods).get(), 0);
}

#[tokio::test(start_paused = true)]
async fn everything_is_listed_every_ten_minutes() {
    let mut case = Case::with(&[pod("a", "127.50.0.1")]);
    case.members(&["a"]).await;
    case.server.lose("pods", "apps", "a");
    elapse(590).await;
    assert_eq!(
        names(&view(&case.found.fleet.borrow(), "kubo").membership),
        ["a"]
    );
    elapse(20).await;
    assert_eq!(
        names(&view(&case.found.fleet.borrow(), "kubo").membership),
        [""; 0]
    );
}

#[tokio::test(start_paused = true)]
async fn a_mute_watch_is_noticed() {
    let mut case = Case::with(&[pod("a", "127.50.0.1")]);
    case.members(&["a"]).await;
    case.server.fail("watch", "pods", Fault::Mute, Some(1));
    case.server.cut();
    elapse(1).await;
    case.server.put("pods", pod("b", "127.50.0.2"));
    let before = tokio::time::Instant::now();
    case.members(&["a", "b"]).await;
    assert!(
        before.elapsed() <= Duration::from_secs(42),
        "{:?}",
        before.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_does_not_answer_is_doubted_and_then_believed_again() {
    let mut case = Case::with(&[pod("a", "127.50.0.1")]);
    case.members(&["a"]).await;
    for verb in ["list", "watch"] {
        case.server.fail(verb, "pods", Fault::Hang, None);
    }
    case.server.cut();
    case.until("doubt", |fleet| {
        matches!(
            view(fleet, "kubo").membership.doubt,
            Some(Doubt::WatchStale { .. })
        )
    })
    .await;
    assert_eq!(
        names(&view(&case.found.fleet.borrow(), "kubo").membership),
        ["a"]
    );
    case.server.heal("list", "pods");
    case.server.heal("watch", "pods");
    case.until("no doubt", |fleet| {
        view(fleet, "kubo").membership.doubt.is_none()
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_empty_list_holds_removals_until_three_lists_agree() {
    let server = ApiServer::new();
    server.put("nodes", node("node-a", "zone-a"));
    server.put("swarmmeshes", mesh("kubo", json!({})));
    for n in 0..5 {
        server.put("swarmpeers", peer(&format!("p{n}"), "kubo"));
    }
    let mut case = Case::on(server);
    let fleet = case.synced().await;
    let doubt = view(&fleet, "kubo").membership.doubt.clone();
    assert_eq!(
        doubt,
        Some(Doubt::ManyMissing {
            missing: 5,
            recorded: 5,
            agreeing: 1
        })
    );
    let before = tokio::time::Instant::now();
    case.until("no doubt", |fleet| {
        view(fleet, "kubo").membership.doubt.is_none()
    })
    .await;
    let waited = before.elapsed().as_secs();
    assert!((119..=125).contains(&waited), "{waited} s");
    assert_eq!(case.server.asked("list", "pods"), 3);
}

#[tokio::test(start_paused = true)]
async fn deletions_that_were_seen_hold_nothing() {
    let all = pods(5);
    let mut case = Case::with(&all);
    for n in 1..=5 {
        case.server
            .put("swarmpeers", peer(&format!("p{n:03}"), "kubo"));
    }
    case.synced().await;
    for n in 1..=5 {
        case.server.delete("pods", "apps", &format!("p{n:03}"));
    }
    case.members(&[]).await;
    case.server.cut();
    elapse(10).await;
    assert!(case.server.asked("list", "pods") >= 2);
    assert_eq!(
        view(&case.found.fleet.borrow(), "kubo").membership.doubt,
        None
    );
}

#[tokio::test(start_paused = true)]
async fn a_restored_store_is_read_anew_and_holds_removals_for_five_minutes() {
    let mut case = Case::with(&[pod("a", "127.50.0.1")]);
    case.members(&["a"]).await;
    let backup = case.server.snapshot();
    for n in 0..10 {
        case.server.put("pods", pod("b", &format!("127.50.1.{n}")));
        case.server
            .put("swarmpeers", peer(&format!("p{n}"), "kubo"));
    }
    case.members(&["a", "b"]).await;
    let epoch = case.found.records.borrow().epoch;
    case.server.restore(backup);
    let fleet = case.members(&["a"]).await;
    let doubt = view(&fleet, "kubo").membership.doubt.clone();
    assert!(
        matches!(doubt, Some(Doubt::StoreRestored { .. })),
        "{doubt:?}"
    );
    let mut records = case.found.records.clone();
    let records = records
        .wait_for(|records| records.epoch > epoch)
        .await
        .unwrap()
        .clone();
    assert!(records.records.is_empty());
    let before = tokio::time::Instant::now();
    case.until("no doubt", |fleet| {
        view(fleet, "kubo").membership.doubt.is_none()
    })
    .await;
    let waited = before.elapsed().as_secs();
    assert!((290..=301).contains(&waited), "{waited} s");
}

#[tokio::test(start_paused = true)]
async fn a_restored_store_that_one_watch_sees_is_read_anew_by_all() {
    let server = ApiServer::new();
    server.put("nodes", node("node-a", "zone-a"));
    let case = Case::on(server);
    // Watches start again every 30 s: those of the kinds at 30 s, that of the pods at 45 s.
    elapse(15).await;
    case.server.put("swarmmeshes", mesh("kubo", json!({})));
    elapse(17).await;
    let backup = case.server.snapshot();
    case.server.put("pods", pod("a", "127.50.0.1"));
    elapse(1).await;
    case.server.restore_unheard(backup);
    elapse(10).await;
    assert_eq!(case.server.asked("list", "nodes"), 1);
    elapse(7).await;
    for plural in ["swarmmeshes", "swarmpeers", "nodes"] {
        assert_eq!(case.server.asked("list", plural), 2, "{plural}");
    }
}

// === secrets ===

fn with_secret(kind: &str, data: &Value) -> ApiServer {
    let server = ApiServer::new();
    let auth = json!({ "peers": {
        "selector": { "matchLabels": { "app": "kubo" } },
        "rpc": { "authSecretRef": { "name": "rpc", "key": "auth" } },
    } });
    server.put("swarmmeshes", mesh("kubo", auth));
    server.put(
        "secrets",
        json!({
            "apiVersion": "v1", "kind": "Secret", "type": kind, "data": data,
            "metadata": { "name": "rpc", "namespace": "apps" },
        }),
    );
    server
}

async fn refused(server: ApiServer) -> String {
    let mut case = Case::on(server);
    let fleet = case
        .until("the refusal", |fleet| {
            let Some(view) = fleet.meshes.values().next() else {
                return false;
            };
            view.policy
                .as_ref()
                .is_err_and(|condition| !condition.message.contains("not read yet"))
        })
        .await;
    let condition = view(&fleet, "kubo").policy.clone().unwrap_err();
    assert_eq!(condition.reason, ReasonCode::SecretUnreadable);
    assert!(
        condition
            .message
            .starts_with("spec.peers.rpc.authSecretRef: "),
        "{condition:?}"
    );
    condition.message
}

/// `bearer:first`, `bearer:second`, `nonsense:x`, `bearer:`.
const FIRST: &str = "YmVhcmVyOmZpcnN0";
const SECOND: &str = "YmVhcmVyOnNlY29uZA==";
const NONSENSE: &str = "bm9uc2Vuc2U6eA==";

#[tokio::test(start_paused = true)]
async fn a_secret_is_used_and_followed() {
    let kind = kubomesh_api::RPC_AUTH_SECRET_TYPE;
    let mut case = Case::on(with_secret(kind, &json!({ "auth": FIRST })));
    case.until("the policy", |fleet| {
        fleet.meshes.values().any(|view| view.policy.is_ok())
    })
    .await;
    let name = AuthStore::secret_name("apps", "rpc", "auth");
    let header = |case: &Case| case.found.credentials.authorization(&name);
    assert_eq!(header(&case).unwrap().expose(), "Bearer first");
    case.server.edit("secrets", "apps", "rpc", |secret| {
        secret["data"]["auth"] = json!(SECOND);
    });
    elapse(31).await;
    assert_eq!(header(&case).unwrap().expose(), "Bearer second");
    // While the API server does not answer, what was read last is good.
    case.server.fail("get", "secrets", Fault::Status(503), None);
    elapse(61).await;
    assert_eq!(header(&case).unwrap().expose(), "Bearer second");
    case.server.heal("get", "secrets");
    case.server.delete("secrets", "apps", "rpc");
    case.until("the refusal", |fleet| view(fleet, "kubo").policy.is_err())
        .await;
    assert!(header(&case).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_cannot_be_used_is_said_with_what_is_wrong() {
    let kind = kubomesh_api::RPC_AUTH_SECRET_TYPE;
    let gone = with_secret(kind, &json!({}));
    gone.delete("secrets", "apps", "rpc");
    let forbidden = with_secret(kind, &json!({ "auth": FIRST }));
    forbidden.fail("get", "secrets", Fault::Status(403), None);
    let silent = with_secret(kind, &json!({ "auth": FIRST }));
    silent.fail("get", "secrets", Fault::Hang, None);
    for (server, sentence) in [
        (gone, "the secret apps/rpc does not exist: create it"),
        (
            forbidden,
            "may not get the secret apps/rpc: grant it by manifests/components/mesh-secrets",
        ),
        (
            silent,
            "the secret apps/rpc cannot be read: the API server does not answer",
        ),
        (
            with_secret("Opaque", &json!({ "auth": FIRST })),
            "has type Opaque: make it anew with type",
        ),
        (
            with_secret(kind, &json!({ "other": FIRST })),
            "has no key `auth`: add it",
        ),
        (
            with_secret(kind, &json!({ "auth": "/w==" })),
            "key `auth` of the secret apps/rpc is not text",
        ),
        (
            with_secret(kind, &json!({ "auth": NONSENSE })),
            "key `auth` of the secret apps/rpc cannot be",
        ),
    ] {
        let said = refused(server).await;
        assert!(said.contains(sentence), "{said}\nis not\n{sentence}");
        assert!(
            !said.contains("nonsense:x"),
            "a secret is never said: {said}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn everything_ends_when_it_is_dropped() {
    let mut case = Case::with(&[pod("a", "127.50.0.1")]);
    case.members(&["a"]).await;
    let Case {
        server, mut tasks, ..
    } = case;
    tasks.shutdown().await;
    let asked = server.asked("watch", "pods");
    elapse(600).await;
    assert_eq!(server.asked("watch", "pods"), asked);
}

#[tokio::test(start_paused = true)]
async fn discovery_outlives_every_failure() {
    let server = ApiServer::new();
    for plural in ["nodes", "swarmmeshes", "swarmpeers"] {
        server.fail("list", plural, Fault::Status(500), None);
    }
    let metrics = DiscoveryMetrics::register(&Catalog::new().unwrap()).unwrap();
    let settings = Settings {
        timings: DiscoveryTimings::default(),
        clock: Clock::start(),
        metrics,
    };
    let (_found, work) = kubernetes(kube::Client::new(server.service(), "default"), settings);
    assert!(ends_within(work, 600).await.is_err());
}

async fn ends_within<T>(work: impl Future<Output = T>, seconds: u64) -> Result<T, ()> {
    timeout(Duration::from_secs(seconds), work)
        .await
        .map_err(drop)
}
