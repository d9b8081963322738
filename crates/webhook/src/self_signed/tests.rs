//! A certificate made, rotated and believed, against an API server in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Parser as _;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kubomesh_core::Fence;
use kubomesh_process::{Clock, Readiness};
use kubomesh_telemetry::Catalog;
use kubomesh_testkit::api_server::{Account, ApiServer, Fault};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use serde_json::json;

use super::keeper::{Keeper, Step};
use super::store::Stored;
use crate::args::Args;
use crate::certificate::Intake;
use crate::metrics::WebhookMetrics;

const CONFIGURATIONS: [&str; 2] = [
    "mutatingwebhookconfigurations",
    "validatingwebhookconfigurations",
];

/// A third of it before its end a certificate is replaced.
const LIFETIME: Duration = Duration::from_secs(300);

const SETTLE: Duration = Duration::from_secs(30);

#[derive(Default)]
struct Switch(AtomicBool);

impl Fence for Switch {
    fn may_write(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// One replica.
struct Replica {
    keeper: Keeper,
    intake: Intake,
    readiness: Readiness,
    metrics: WebhookMetrics,
    holder: Arc<Switch>,
}

impl Replica {
    fn new(server: &ApiServer, clock: Clock, holder: bool) -> Self {
        let args = Args::parse_from([
            "kubomesh-webhook",
            "--certificate-lifetime=300s",
            "--certificate-settle=30s",
            "--certificate-names=127.0.0.1",
        ]);
        let client = kube::Client::new(server.service(), "default");
        let holder = Arc::new(Switch(AtomicBool::new(holder)));
        let readiness = Readiness::new();
        let metrics = WebhookMetrics::register(&Catalog::new().unwrap()).unwrap();
        let fence = Arc::clone(&holder) as Arc<dyn Fence>;
        Self {
            keeper: Keeper::new(&args.tls, client, clock, fence),
            intake: Intake::new(&readiness, clock, metrics.clone()),
            readiness,
            metrics,
            holder,
        }
    }

    async fn look(&mut self) -> Result<(), String> {
        self.keeper.look(&mut self.intake).await
    }

    /// What it serves ends then, by the wall clock.
    fn until(&self) -> f64 {
        self.metrics.certificate_expiry.get()
    }
}

fn server() -> ApiServer {
    let server = ApiServer::asked_by(Account::Webhook);
    server.put(
        "secrets",
        json!({ "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": { "namespace": "kubomesh-system", "name": "kubomesh-webhook-tls" } }),
    );
    for plural in CONFIGURATIONS {
        let webhook = |name: &str| {
            json!({ "name": name, "fieldOfALaterVersion": 1,
            "clientConfig": { "service": { "name": "kubomesh-webhook" } } })
        };
        server.put(
            plural,
            json!({ "apiVersion": "admissionregistration.k8s.io/v1", "kind": "Any",
            "metadata": { "name": "kubomesh-webhook" }, "webhooks": [webhook("a"), webhook("b")] }),
        );
    }
    server
}

fn stored(server: &ApiServer) -> Stored {
    let secret = server
        .get("secrets", "kubomesh-system", "kubomesh-webhook-tls")
        .unwrap();
    let secret: Secret = serde_json::from_value(secret).unwrap();
    Stored::of(&secret)
}

/// The authorities that every webhook of both configurations believes.
fn bundle(server: &ApiServer) -> String {
    let mut all = Vec::new();
    for plural in CONFIGURATIONS {
        let object = server.get(plural, "", "kubomesh-webhook").unwrap();
        for webhook in object["webhooks"].as_array().unwrap() {
            assert_eq!(webhook["fieldOfALaterVersion"], 1, "it is kept");
            all.push(webhook["clientConfig"]["caBundle"].clone());
        }
    }
    all.dedup();
    assert_eq!(all.len(), 1, "all of them believe the same");
    let bytes: ByteString = serde_json::from_value(all.remove(0)).unwrap_or_default();
    String::from_utf8(bytes.0).unwrap()
}

/// Whether an API server that believes this bundle believes this certificate, now.
fn believes(bundle: &str, cert: &str, clock: Clock) -> bool {
    let mut roots = RootCertStore::empty();
    for authority in CertificateDer::pem_slice_iter(bundle.as_bytes()) {
        roots.add(authority.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
    let verifier = verifier.build().unwrap();
    let cert = CertificateDer::from_pem_slice(cert.as_bytes()).unwrap();
    let now = UnixTime::since_unix_epoch(Duration::from_millis(clock.now().0));
    ["kubomesh-webhook.kubomesh-system.svc", "127.0.0.1"]
        .iter()
        .all(|name| {
            let name = ServerName::try_from(*name).unwrap();
            verifier
                .verify_server_cert(&cert, &[], &name, &[], now)
                .is_ok()
        })
}

fn served(server: &ApiServer) -> String {
    stored(server).serving.unwrap().0
}

#[tokio::test(start_paused = true)]
async fn the_first_certificate_is_made_believed_and_served_by_both() {
    let (server, clock) = (server(), Clock::start());
    let (mut one, mut two) = (
        Replica::new(&server, clock, true),
        Replica::new(&server, clock, false),
    );
    two.look().await.unwrap();
    assert!(!two.readiness.is_ready(), "only the holder makes it");
    assert!(stored(&server).serving.is_none());
    one.look().await.unwrap();
    for replica in [&mut one, &mut two] {
        replica.look().await.unwrap();
        assert!(replica.readiness.is_ready());
    }
    assert!(believes(&bundle(&server), &served(&server), clock));
    let writes = server.writes().len();
    for _ in 0..5 {
        one.look().await.unwrap();
        tokio::time::advance(Duration::from_secs(5)).await;
    }
    assert_eq!(server.writes().len(), writes, "nothing is to be done");
}

#[tokio::test(start_paused = true)]
async fn a_rotation_never_serves_what_is_not_believed() {
    let (server, clock) = (server(), Clock::start());
    let (mut one, mut two) = (
        Replica::new(&server, clock, true),
        Replica::new(&server, clock, false),
    );
    one.look().await.unwrap();
    let first = served(&server);
    let mut seen = vec![first.clone()];
    // What API servers believed 20 s ago: nobody may depend on the newest.
    let mut heard = std::collections::VecDeque::new();
    for _ in 0..400 {
        one.look().await.unwrap();
        two.look().await.unwrap();
        let (bundle, present) = (bundle(&server), served(&server));
        heard.push_back(bundle.clone());
        if heard.len() > 10 {
            heard.pop_front();
        }
        assert!(
            believes(&heard[0], &present, clock),
            "not yet believed everywhere"
        );
        if seen.last() != Some(&present) {
            seen.push(present.clone());
        }
        // A replica that did not look serves one before: believed as long as it is good.
        if let Some(former) = seen.iter().rev().nth(1) {
            let good = super::super::certificate::Pair::not_after(
                &CertificateDer::from_pem_slice(former.as_bytes()).unwrap(),
            );
            if clock.now() < good.unwrap() {
                assert!(believes(&bundle, former, clock));
            }
        }
        assert!(
            bundle.matches("BEGIN").count() <= 3,
            "those that are over go"
        );
        tokio::time::advance(Duration::from_secs(2)).await;
    }
    assert!(seen.len() >= 4, "{} in 800 s", seen.len());
    assert!((one.until() - two.until()).abs() < f64::EPSILON);
    assert_eq!(stored(&server).bundle().matches("PRIVATE").count(), 0);
}

#[tokio::test(start_paused = true)]
async fn another_holder_goes_on_where_the_first_stopped() {
    let (server, clock) = (server(), Clock::start());
    let (mut one, mut two) = (
        Replica::new(&server, clock, true),
        Replica::new(&server, clock, false),
    );
    one.look().await.unwrap();
    let first = served(&server);
    tokio::time::advance(LIFETIME * 2 / 3 + Duration::from_secs(1)).await;
    // It is gone between the Secret and the configurations.
    server.fail("update", CONFIGURATIONS[1], Fault::Status(500), Some(1));
    assert!(one.look().await.is_err());
    assert!(stored(&server).next.is_some());
    one.holder.0.store(false, Ordering::Relaxed);
    two.holder.0.store(true, Ordering::Relaxed);
    two.look().await.unwrap();
    let next = stored(&server).next.unwrap().cert;
    assert!(believes(&bundle(&server), &next, clock) && believes(&bundle(&server), &first, clock));
    tokio::time::advance(SETTLE - Duration::from_secs(1)).await;
    two.look().await.unwrap();
    assert_eq!(
        served(&server),
        first,
        "not every API server has heard of it"
    );
    tokio::time::advance(Duration::from_secs(2)).await;
    two.look().await.unwrap();
    assert_eq!(served(&server), next);
    two.look().await.unwrap();
    one.look().await.unwrap();
    assert!(
        (one.until() - two.until()).abs() < f64::EPSILON,
        "both serve it"
    );
}

#[tokio::test(start_paused = true)]
async fn a_bundle_that_somebody_took_away_is_put_back() {
    let (server, clock) = (server(), Clock::start());
    let mut one = Replica::new(&server, clock, true);
    one.look().await.unwrap();
    server.edit(CONFIGURATIONS[0], "", "kubomesh-webhook", |object| {
        object["webhooks"][1]["clientConfig"]["caBundle"] = json!(null);
    });
    one.look().await.unwrap();
    assert!(believes(&bundle(&server), &served(&server), clock));
}

#[tokio::test(start_paused = true)]
async fn what_somebody_broke_in_the_secret_is_made_anew_and_what_is_missing_is_named() {
    let (server, clock) = (server(), Clock::start());
    let mut one = Replica::new(&server, clock, true);
    one.look().await.unwrap();
    one.look().await.unwrap();
    let first = served(&server);
    server.edit(
        "secrets",
        "kubomesh-system",
        "kubomesh-webhook-tls",
        |secret| {
            secret["data"]["tls.key"] = json!("bm9uc2Vuc2U=");
        },
    );
    one.look().await.unwrap();
    assert_ne!(served(&server), first);
    assert!(believes(&bundle(&server), &served(&server), clock));
    assert!(
        believes(&bundle(&server), &first, clock),
        "a replica may still serve it"
    );
    server.delete("secrets", "kubomesh-system", "kubomesh-webhook-tls");
    let why = one.look().await.unwrap_err();
    assert!(
        why.starts_with("the Secret kubomesh-system/kubomesh-webhook-tls: "),
        "{why}"
    );
    assert!(one.readiness.is_ready(), "the last good one is served on");
}

#[tokio::test(start_paused = true)]
async fn of_two_who_write_at_once_one_is_refused() {
    let (server, clock) = (server(), Clock::start());
    let mut one = Replica::new(&server, clock, true);
    server.fail("update", "secrets", Fault::Status(409), Some(1));
    assert!(one.look().await.is_err());
    one.look().await.unwrap();
    assert!(stored(&server).serving.is_some());
}

#[test]
fn steps_follow_from_what_is_stored() {
    let now = Clock::start().now();
    assert_eq!(Step::of(&Stored::default(), now, LIFETIME), Step::First);
    let made = super::authority::make(&["a.test".to_owned()], now, LIFETIME).unwrap();
    let stored = Stored {
        serving: Some((made.cert.clone(), made.key.clone())),
        authorities: vec![made.authority.clone()],
        next: None,
    };
    assert_eq!(Step::of(&stored, now, LIFETIME), Step::Keep);
    let due = now + LIFETIME * 2 / 3 + Duration::from_secs(1);
    assert_eq!(Step::of(&stored, due, LIFETIME), Step::Next);
    assert_eq!(Step::of(&stored, now + LIFETIME, LIFETIME), Step::First);
    let with_next = Stored {
        next: Some(made.clone()),
        ..stored.clone()
    };
    assert_eq!(Step::of(&with_next, due, LIFETIME), Step::Promote);
    let broken = super::authority::Made {
        key: "none".to_owned(),
        ..made
    };
    let with_broken = Stored {
        next: Some(broken),
        ..stored.clone()
    };
    assert_eq!(
        Step::of(&with_broken, due, LIFETIME),
        Step::Next,
        "a broken next one is made anew"
    );
    let secret = stored.put(Secret::default());
    assert_eq!(Stored::of(&secret), stored);
    assert_eq!(Stored::of(&Secret::default()), Stored::default());
}
