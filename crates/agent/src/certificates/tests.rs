//! Tests of certificate files that change.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the failure")]

use std::path::Path;

use rcgen::{CertificateParams, KeyPair};

use super::Files;

fn files(dir: &Path) -> Files {
    Files {
        certificate: dir.join("tls.crt"),
        key: dir.join("tls.key"),
        ca: dir.join("ca.crt"),
    }
}

fn write(files: &Files) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["agent.ipfs.kubomesh.dev".to_owned()])
        .unwrap()
        .self_signed(&key)
        .unwrap();
    std::fs::write(&files.certificate, certificate.pem()).unwrap();
    std::fs::write(&files.ca, certificate.pem()).unwrap();
    std::fs::write(&files.key, key.serialize_pem()).unwrap();
}

/// New files are used; files that cannot be used change nothing until they can.
#[tokio::test]
async fn the_last_good_one_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let files = files(dir.path());
    write(&files);
    let (certificates, mut reload) = files.clone().load().await.unwrap();
    let now = || certificates.now().config();
    let first = now();
    reload.look().await;
    assert!(std::sync::Arc::ptr_eq(&first, &now()), "nothing changed");
    write(&files);
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
    write(&files);
    reload.look().await;
    assert!(!std::sync::Arc::ptr_eq(&second, &now()));
    assert_eq!(reload.complaint, None);
}

/// What is missing at the start is said with the file and what to do.
#[tokio::test]
async fn a_missing_file_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let error = files(dir.path()).load().await.err().unwrap();
    assert!(error.contains("tls.crt cannot be read"), "{error}");
    assert!(error.contains("mount the Secret"), "{error}");
}
