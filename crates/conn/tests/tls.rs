//! TLS in front of an API: the right CA, a wrong one, none, and no TLS at all.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failure here fails the test"
)]

use std::sync::Arc;
use std::time::Duration;

use kubomesh_conn::{Bounds, Error, Request, Tls, TlsError, Unverified, open};
use kubomesh_core::{Endpoint, FailureKind};
use kubomesh_testkit::raw::{RawServer, Step};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls_pki_types::PrivateKeyDer;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

const DEADLINE: Duration = Duration::from_secs(10);

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A TLS server at 127.20.0.3 with a certificate of `authority` for `name` that answers `ok` to
/// whatever comes.
async fn tls_server(
    authority: &CertifiedIssuer<'static, KeyPair>,
    name: &str,
) -> (Endpoint, JoinSet<()>) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new([name.to_owned()]).unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.20.0.3:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
            stream.write_all(answer).await.unwrap();
            stream.flush().await.unwrap();
        }
    });
    (format!("https://127.20.0.3:{port}").parse().unwrap(), tasks)
}

async fn body(connection: Unverified) -> Vec<u8> {
    let request = Request::post("/").unwrap();
    let read = |r: &kubomesh_conn::Response| Ok::<_, ()>(r.body().to_vec());
    connection
        .introduce(request, Bounds::default(), read)
        .await
        .unwrap()
        .identity()
        .clone()
}

#[tokio::test]
async fn the_right_authority_is_trusted_and_no_other() {
    let ours = authority();
    let (endpoint, _tasks) = tls_server(&ours, "127.20.0.3").await;
    let right = Tls::with_ca(ours.pem().as_bytes()).unwrap();
    let connection = open(&endpoint, Some(&right), DEADLINE).await.unwrap();
    assert_eq!(body(connection).await, b"ok");

    let wrong = Tls::with_ca(authority().pem().as_bytes()).unwrap();
    let error = open(&endpoint, Some(&wrong), DEADLINE).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Tls, "{error}");

    let error = open(&endpoint, None, DEADLINE).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Tls, "{error}");
}

#[tokio::test]
async fn a_certificate_for_another_host_is_refused() {
    let ours = authority();
    let (endpoint, _tasks) = tls_server(&ours, "127.20.0.4").await;
    let right = Tls::with_ca(ours.pem().as_bytes()).unwrap();
    let error = open(&endpoint, Some(&right), DEADLINE).await.unwrap_err();
    assert!(matches!(error, Error::Tls { .. }), "{error}");
}

#[tokio::test]
async fn plain_http_behind_https_is_a_tls_error() {
    let plain = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n\r\n\r\n".to_vec();
    let listener = TcpListener::bind("127.20.0.3:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(&plain).await.unwrap();
        std::future::pending::<()>().await;
    });
    let tls = Tls::with_ca(authority().pem().as_bytes()).unwrap();
    let endpoint: Endpoint = format!("https://127.20.0.3:{port}").parse().unwrap();
    let error = open(&endpoint, Some(&tls), DEADLINE).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::Tls, "{error}");
}

#[tokio::test]
async fn a_handshake_that_is_not_answered_meets_the_deadline() {
    let server = RawServer::start(vec![Step::SayAndHold(Vec::new())])
        .await
        .unwrap();
    let tls = Tls::with_ca(authority().pem().as_bytes()).unwrap();
    let text = server.endpoint.to_string().replace("http:", "https:");
    let endpoint: Endpoint = text.parse().unwrap();
    let deadline = Duration::from_millis(50);
    let error = open(&endpoint, Some(&tls), deadline).await.unwrap_err();
    assert_eq!(
        error,
        Error::TimedOut {
            doing: "connecting",
            after: deadline
        }
    );
}

#[test]
fn a_file_that_is_no_ca_is_refused() {
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (pem, empty) in [("", true), ("not PEM", true), (broken, false)] {
        let error = Tls::with_ca(pem.as_bytes()).unwrap_err();
        assert_eq!(error == TlsError::Empty, empty, "{error}");
    }
}
