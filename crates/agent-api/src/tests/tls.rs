//! Certificates that cannot be used: which, why, and what to do.

use rcgen::{CertificateParams, KeyPair};

use crate::{ClientTls, Pem, Pems, ServerTls};

struct Texts {
    certificate: String,
    key: String,
}

fn texts() -> Texts {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["agent.ipfs.kubomesh.dev".to_owned()])
        .unwrap()
        .self_signed(&key)
        .unwrap();
    Texts {
        certificate: certificate.pem(),
        key: key.serialize_pem(),
    }
}

fn pems<'a>(certificate: &'a str, key: &'a str, ca: &'a str) -> Pems<'a> {
    let pem = |name, text: &'a str| Pem {
        name,
        bytes: text.as_bytes(),
    };
    Pems {
        certificate: pem("/tls/tls.crt", certificate),
        key: pem("/tls/tls.key", key),
        ca: pem("/tls/ca.crt", ca),
    }
}

fn refusals(pems: Pems<'_>) -> [String; 2] {
    [
        ClientTls::new(pems, "ipfs").unwrap_err().to_string(),
        ServerTls::new(pems).unwrap_err().to_string(),
    ]
}

#[test]
fn each_file_is_named() {
    let own = texts();
    assert!(ServerTls::new(pems(&own.certificate, &own.key, &own.certificate)).is_ok());
    for refusal in refusals(pems("", &own.key, &own.certificate)) {
        assert_eq!(
            refusal,
            "/tls/tls.crt cannot be used: there is no certificate; it must hold certificates in PEM, the \
             own one first"
        );
    }
    for refusal in refusals(pems(&own.certificate, "secret", &own.certificate)) {
        assert_eq!(
            refusal,
            "/tls/tls.key cannot be used: there is no private key; it must hold the certificate's private \
             key in PEM"
        );
    }
    for refusal in refusals(pems(&own.certificate, &own.key, "x")) {
        assert!(refusal.starts_with("/tls/ca.crt cannot be used: there is no certificate"));
    }
    let other = texts();
    for refusal in refusals(pems(&own.certificate, &other.key, &own.certificate)) {
        assert!(
            refusal.starts_with("/tls/tls.key cannot be used: "),
            "{refusal}"
        );
        assert!(refusal.ends_with("it must be the key of the certificate beside it"));
    }
}
