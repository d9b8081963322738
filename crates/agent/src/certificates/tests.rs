//! Tests of certificate files that change.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the failure")]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use kubomesh_agent_api::{
    ApiVersions, CONTROLLER_NAME, Channels, ClientTls, Dialler, Error, Introduction, Pem, Pems,
    agent_name,
};
use kubomesh_core::{Endpoint, FailureKind, Scheme};
use kubomesh_model::{NodeSpec, peer_id};
use kubomesh_process::CancellationToken;
use kubomesh_testkit::certificates::Authority;
use kubomesh_testkit::{FakeOptions, Fleet};
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use super::Files;
use crate::{Agent, Security};

/// The namespace of the certificates here.
const NAMESPACE: &str = "ipfs";

/// Far above what any answer takes here.
const LONG: Duration = Duration::from_secs(15);

fn files(dir: &Path) -> Files {
    Files {
        certificate: dir.join("tls.crt"),
        key: dir.join("tls.key"),
        ca: dir.join("ca.crt"),
    }
}

/// Writes an agent's certificate by an authority, which it trusts.
fn write(files: &Files, ca: &Authority) {
    let own = ca.sign(&agent_name(NAMESPACE));
    std::fs::write(&files.certificate, own.certificate).unwrap();
    std::fs::write(&files.key, own.key).unwrap();
    std::fs::write(&files.ca, ca.pem()).unwrap();
}

/// The controller's side, by an authority, which it trusts.
fn client(ca: &Authority) -> ClientTls {
    let (own, ca) = (ca.sign(CONTROLLER_NAME), ca.pem());
    let pems = Pems {
        certificate: pem("tls.crt", &own.certificate),
        key: pem("tls.key", &own.key),
        ca: pem("ca.crt", &ca),
    };
    ClientTls::new(pems, NAMESPACE).unwrap()
}

fn pem<'a>(name: &'a str, text: &'a str) -> Pem<'a> {
    Pem {
        name,
        bytes: text.as_bytes(),
    }
}

/// As far as who is there, on a new channel.
async fn introduced(endpoint: &Endpoint, tls: &ClientTls) -> Result<Introduction, Error> {
    let dialler = Dialler {
        tasks: TaskTracker::new(),
        channels: Channels::default(),
        versions: ApiVersions::OWN,
        keep_alive: kubomesh_core::KeepAlive::default(),
    };
    let channel = dialler.open(endpoint, Some(tls), LONG).await?;
    let gated = channel.gate(LONG).await?.unwrap();
    gated.introduce(None, LONG).await
}

/// New files are used; files that cannot be used change nothing until they can.
#[tokio::test]
async fn the_last_good_one_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let files = files(dir.path());
    let ca = Authority::new();
    write(&files, &ca);
    let (certificates, mut reload) = files.clone().load().await.unwrap();
    let now = || certificates.now().config();
    let first = now();
    reload.look().await;
    assert!(std::sync::Arc::ptr_eq(&first, &now()), "nothing changed");
    write(&files, &ca);
    reload.look().await;
    let second = now();
    assert!(!std::sync::Arc::ptr_eq(&first, &second));
    std::fs::write(&files.certificate, "torn").unwrap();
    reload.look().await;
    assert!(std::sync::Arc::ptr_eq(&second, &now()));
    assert!(reload.complaint.as_ref().unwrap().contains("tls.crt"));
    std::fs::remove_file(&files.key).unwrap();
    reload.look().await;
    assert!(reload.complaint.as_ref().unwrap().contains("tls.key"));
    assert!(std::sync::Arc::ptr_eq(&second, &now()));
    write(&files, &ca);
    reload.look().await;
    assert!(!std::sync::Arc::ptr_eq(&second, &now()));
    assert_eq!(reload.complaint, None);
}

/// An agent that serves on: after new files each new channel is opened with them and none with the old
/// ones, and a channel from before goes on.
#[tokio::test]
async fn a_running_agent_uses_new_files() {
    let dir = tempfile::tempdir().unwrap();
    let files = files(dir.path());
    let (old, new) = (Authority::new(), Authority::new());
    write(&files, &old);
    let (certificates, mut reload) = files.clone().load().await.unwrap();
    let ip = IpAddr::V4(Ipv4Addr::new(127, 22, 14, 1));
    let fleet = Fleet::certain();
    let spec = NodeSpec::new("n1", peer_id(1), ip);
    let kubo = fleet.launch(spec, FakeOptions::at(ip)).await.unwrap();
    let listener = TcpListener::bind(SocketAddr::new(ip, 0)).await.unwrap();
    let endpoint = Endpoint {
        scheme: Scheme::Https,
        host: ip.to_string().into(),
        port: listener.local_addr().unwrap().port(),
    };
    let agent = Agent {
        kubo: kubo.endpoint(),
        kubo_auth_file: None,
        pod_uid: String::new(),
        versions: ApiVersions::OWN,
        security: Security::MutualTls(certificates),
        waits: crate::Waits::default(),
    };
    let stop = CancellationToken::new();
    let talk = async {
        let (before, after) = (client(&old), client(&new));
        let kept = introduced(&endpoint, &before).await.unwrap();
        let refused = introduced(&endpoint, &after).await.unwrap_err();
        assert_eq!(refused.kind(), FailureKind::Tls, "{refused}");
        write(&files, &new);
        reload.look().await;
        let introduction = introduced(&endpoint, &after).await.unwrap();
        assert_eq!(introduction.peer_id(), kubo.peer_id());
        let refused = introduced(&endpoint, &before).await.unwrap_err();
        assert_eq!(refused.kind(), FailureKind::Tls, "{refused}");
        // Torn files refuse nobody.
        std::fs::write(&files.ca, "torn").unwrap();
        reload.look().await;
        assert!(introduced(&endpoint, &after).await.is_ok());
        let expected = kubomesh_core::Expected::Peer(kubo.peer_id());
        let mut kept = kept.accept(expected).unwrap();
        assert!(kept.peers(LONG).await.is_ok());
        drop(kept);
        stop.cancel();
    };
    let (served, ()) = tokio::join!(agent.serve(listener, stop.clone()), talk);
    served.unwrap();
}

/// What is missing at the start is said with the file and what to do.
#[tokio::test]
async fn a_missing_file_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let error = files(dir.path()).load().await.err().unwrap();
    assert!(error.contains("tls.crt cannot be read"), "{error}");
    assert!(error.contains("mount the Secret"), "{error}");
}
