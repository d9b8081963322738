//! The program itself: it starts, serves TLS with the mounted certificate, answers, and ends in order.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests are tests"
)]

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use kubomesh_testkit::api_server::{Account, ApiServer};
use rcgen::{CertificateParams, KeyPair};
use rustls::RootCertStore;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use serde_json::json;
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite,
    AsyncWriteExt as _, BufReader,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

const DEADLINE: Duration = Duration::from_secs(60);

/// A certificate in a folder, and its text.
fn certificate(folder: &Path) -> String {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["webhook.test".to_owned()]).expect("a name");
    let cert = params.self_signed(&key).expect("a certificate").pem();
    fs::write(folder.join("tls.crt"), &cert).expect("written");
    fs::write(folder.join("tls.key"), key.serialize_pem()).expect("written");
    cert
}

fn kubeconfig(folder: &Path, server: SocketAddr) {
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "it",
        "clusters": [{ "name": "it", "cluster": { "server": format!("http://{server}") } }],
        "users": [{ "name": "it", "user": {} }],
        "contexts": [{ "name": "it", "context": { "cluster": "it", "user": "it" } }],
    });
    fs::write(folder.join("kubeconfig"), config.to_string()).expect("written");
}

fn start(folder: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_kubomesh-webhook"))
        .env("KUBECONFIG", folder.join("kubeconfig"))
        .args([
            "--listen=127.0.0.1:0",
            "--health-listen=127.0.0.1:0",
            "--log-format=json",
        ])
        .arg(format!(
            "--tls-cert-file={}",
            folder.join("tls.crt").display()
        ))
        .arg(format!(
            "--tls-key-file={}",
            folder.join("tls.key").display()
        ))
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("it starts")
}

/// Reads the log until it says where it serves: the webhook's address, then that of the probes.
async fn addresses(log: &mut (impl AsyncBufRead + Unpin)) -> (SocketAddr, SocketAddr) {
    let mut line = String::new();
    while log.read_line(&mut line).await.expect("a log") > 0 {
        let entry: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        let address = |name: &str| entry[name].as_str().and_then(|text| text.parse().ok());
        if let (Some(webhook), Some(health)) = (address("webhook"), address("health")) {
            return (webhook, health);
        }
        line.clear();
    }
    panic!("it never served");
}

async fn ask<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, head: &str, body: &str) -> String {
    let length = body.len();
    let request = format!(
        "{head} HTTP/1.1\r\nhost: webhook.test\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    // The end of TLS may be cut off.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

fn connector(cert: &str) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    let cert = CertificateDer::from_pem_slice(cert.as_bytes()).expect("PEM");
    roots.add(cert).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config).into()
}

#[tokio::test]
async fn it_serves_what_it_is_asked_and_ends_in_order() {
    let test = async {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        kubeconfig(folder, listener.local_addr().expect("an address"));
        let mut tasks = JoinSet::new();
        tasks.spawn(ApiServer::asked_by(Account::Webhook).serve(listener));
        let cert = certificate(folder);
        let mut child = start(folder);
        let mut log = BufReader::new(child.stderr.take().expect("a log"));
        let (webhook, health) = addresses(&mut log).await;
        loop {
            let probe = TcpStream::connect(health).await.expect("it listens");
            if ask(probe, "GET /readyz", "")
                .await
                .starts_with("HTTP/1.1 200")
            {
                break;
            }
        }
        let mesh = json!({
            "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
            "request": { "uid": "u", "operation": "CREATE", "userInfo": {}, "namespace": "ipfs",
                "kind": { "group": "kubomesh.dev", "version": "v1alpha1", "kind": "SwarmMesh" },
                "resource": { "group": "kubomesh.dev", "version": "v1alpha1", "resource": "swarmmeshes" },
                "object": { "apiVersion": "kubomesh.dev/v1alpha1", "kind": "SwarmMesh",
                    "metadata": { "name": "fleet" }, "spec": {} } },
        });
        let stream = TcpStream::connect(webhook).await.expect("it listens");
        let name = ServerName::try_from("webhook.test").expect("a name");
        let stream = connector(&cert).connect(name, stream).await.expect("TLS");
        let answer = ask(stream, "POST /validate-swarmmesh", &mesh.to_string()).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.contains("spec.peers.selector is empty"), "{answer}");
        let clear = TcpStream::connect(webhook).await.expect("it listens");
        let answer = ask(clear, "POST /validate-swarmmesh", "{}").await;
        assert!(
            !answer.contains("HTTP"),
            "nothing is served in the clear: {answer}"
        );
        let metrics = TcpStream::connect(health).await.expect("it listens");
        let metrics = ask(metrics, "GET /metrics", "").await;
        let counted = "kubomesh_webhook_requests_total{outcome=\"refused\",webhook=\"mesh\"} 1";
        assert!(metrics.contains(counted), "{metrics}");

        let pid = rustix::process::Pid::from_raw(
            i32::try_from(child.id().expect("it runs")).expect("an id"),
        );
        rustix::process::kill_process(pid.expect("an id"), rustix::process::Signal::TERM)
            .expect("asked");
        let mut rest = String::new();
        log.read_to_string(&mut rest).await.expect("a log");
        let ended = child.wait().await.expect("it ends");
        assert_eq!(ended.code(), Some(0), "{rest}");
        assert!(rest.contains("stopped as asked"), "{rest}");
    };
    tokio::time::timeout(DEADLINE, test).await.expect("in time");
}

#[test]
fn bad_usage_is_said() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_kubomesh-webhook"))
        .arg("--reload-interval=5")
        .output()
        .expect("it starts");
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("write it as 500ms, 30s, 5m or 24h"), "{said}");
}
