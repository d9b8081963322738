//! Pairs that can be served and that cannot, and their replacement in a running server.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kubomesh_core::Timestamp;
use kubomesh_process::{CancellationToken, Clock, Readiness};
use kubomesh_telemetry::Catalog;
use rcgen::{CertificateParams, KeyPair};
use rustls::RootCertStore;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::{Intake, Pair, PairError, follow, server_config};
use crate::metrics::WebhookMetrics;

const DEADLINE: Duration = Duration::from_secs(20);

/// A certificate that signs itself, and its key.
fn pair(name: &str) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

fn read(cert: &str, key: &str) -> Result<Pair, PairError> {
    Pair::read(cert.as_bytes(), key.as_bytes(), Clock::start().now())
}

#[test]
fn what_cannot_be_served_is_named() {
    let (cert, key) = pair("a.test");
    let (_, other) = pair("a.test");
    assert!(read(&cert, &key).is_ok());
    let why = |cert: &str, key: &str| read(cert, key).unwrap_err().to_string();
    assert_eq!(
        why(&cert, &other),
        "the key does not belong to the certificate"
    );
    assert_eq!(
        why("", &key),
        "the certificate is no PEM with at least one certificate"
    );
    assert_eq!(
        why(&key, &key),
        "the certificate is no PEM with at least one certificate"
    );
    assert_eq!(why(&cert, ""), "the key is no PEM with a private key");
    let torn = &cert[..cert.len() / 2];
    assert!(
        why(torn, &key).starts_with("the certificate"),
        "{}",
        why(torn, &key)
    );
    let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(why(garbage, &key).starts_with("the certificate cannot be read"));
    let far = Timestamp(u64::MAX);
    let over = Pair::read(cert.as_bytes(), key.as_bytes(), far).unwrap_err();
    assert!(
        over.to_string().starts_with("the certificate ended on "),
        "{over}"
    );
}

struct Server {
    readiness: Readiness,
    metrics: WebhookMetrics,
    listener: TcpListener,
    acceptor: TlsAcceptor,
    stop: CancellationToken,
}

impl Server {
    /// With the files of a folder, looked at all the time.
    async fn start(folder: &Path) -> Self {
        let readiness = Readiness::new();
        let metrics = WebhookMetrics::register(&Catalog::new().unwrap()).unwrap();
        let intake = Intake::new(&readiness, Clock::start(), metrics.clone());
        let acceptor = server_config(&intake.served()).unwrap().into();
        let stop = CancellationToken::new();
        let link = folder.join("data");
        let (cert, key) = (link.join("tls.crt"), link.join("tls.key"));
        let following = follow(intake, cert, key, Duration::from_millis(5), stop.clone());
        #[expect(
            clippy::disallowed_methods,
            reason = "a test has no process to track it"
        )]
        tokio::spawn(following);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self {
            readiness,
            metrics,
            listener,
            acceptor,
            stop,
        }
    }

    /// Whether a client that believes only this certificate gets through.
    async fn serves(&self, cert: &str) -> bool {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(cert.as_bytes()).unwrap())
            .unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let address = self.listener.local_addr().unwrap();
        let connect = async {
            let stream = TcpStream::connect(address).await.unwrap();
            let name = ServerName::try_from("a.test").unwrap();
            TlsConnector::from(Arc::new(config))
                .connect(name, stream)
                .await
                .is_ok()
        };
        let accept = async {
            let (stream, _) = self.listener.accept().await.unwrap();
            let _ = self.acceptor.accept(stream).await;
        };
        tokio::join!(connect, accept).0
    }

    async fn until<F: Future<Output = bool>>(&self, what: &str, mut is: impl FnMut() -> F) {
        let waiting = async {
            while !is().await {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(DEADLINE, waiting).await.expect(what);
    }
}

/// Replaces the files as a volume of a Secret does: a new folder, then the link to it.
fn put(folder: &Path, version: &str, cert: &str, key: &str) {
    let data = folder.join(version);
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("tls.crt"), cert).unwrap();
    std::fs::write(data.join("tls.key"), key).unwrap();
    let link = folder.join("new");
    std::os::unix::fs::symlink(&data, &link).unwrap();
    std::fs::rename(&link, folder.join("data")).unwrap();
}

#[tokio::test]
async fn a_certificate_is_replaced_while_it_serves_and_a_broken_one_never_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let server = Server::start(folder).await;
    assert_eq!(server.readiness.pending(), ["certificate".into()]);
    let (first, first_key) = pair("a.test");
    assert!(!server.serves(&first).await, "there is none yet");

    put(folder, "1", &first, &first_key);
    server
        .until("ready", async || server.readiness.is_ready())
        .await;
    assert!(server.serves(&first).await);
    assert!(server.metrics.certificate_expiry.get() > 0.0);

    let failures = server.metrics.certificate_failures.get();
    let (second, second_key) = pair("a.test");
    put(folder, "2", &second, &first_key);
    server
        .until("said", async || {
            server.metrics.certificate_failures.get() > failures
        })
        .await;
    assert!(
        server.serves(&first).await,
        "the last good one is served on"
    );
    assert!(server.readiness.is_ready());

    put(folder, "3", &second, &second_key);
    server
        .until("the new one", async || server.serves(&second).await)
        .await;
    assert!(!server.serves(&first).await);
    server.stop.cancel();
}

#[test]
fn a_fault_is_said_once_and_not_of_a_moment() {
    let metrics = WebhookMetrics::register(&Catalog::new().unwrap()).unwrap();
    let mut intake = Intake::new(&Readiness::new(), Clock::start(), metrics.clone());
    let failures = || metrics.certificate_failures.get();
    intake.offer(Err("no such file".to_owned()));
    assert_eq!(failures(), 0, "perhaps it is just being replaced");
    intake.offer(Err("no such file".to_owned()));
    intake.offer(Err("no such file".to_owned()));
    assert_eq!(failures(), 1);
    intake.offer(Err("it is a directory, not a file".to_owned()));
    let (cert, key) = pair("a.test");
    intake.offer(Ok((cert.into_bytes(), key.into_bytes())));
    assert_eq!(failures(), 1);
}
