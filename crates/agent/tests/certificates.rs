//! Mutual TLS fails closed.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the failure")]

mod common;

use kubomesh_agent::Security;
use kubomesh_agent_api::{ApiVersions, CONTROLLER_NAME, ClientTls, agent_name};
use kubomesh_core::{Endpoint, FailureKind, Scheme};
use kubomesh_testkit::Fleet;
use kubomesh_testkit::certificates::Authority;

use common::{
    LONG, NAMESPACE, client, client_of, dialler, fake, introduced, server, server_of, started,
};

#[tokio::test]
async fn the_right_certificates() {
    let fleet = Fleet::certain();
    let one = fake(&fleet, 11, 1).await;
    let ca = Authority::new();
    let agent = started(&one, server_of(&ca), ApiVersions::OWN, 0).await;
    let introduction = introduced(&dialler(), &agent.endpoint, Some(&client_of(&ca))).await;
    assert_eq!(introduction.unwrap().peer_id(), one.peer_id());
    agent.end().await;
}

/// Whatever is wrong with a certificate on either side: no channel, a failure of the class `tls`, and
/// Kubo is asked nothing.
#[tokio::test]
async fn bad_certificates() {
    let fleet = Fleet::certain();
    let one = fake(&fleet, 12, 1).await;
    let (ca, stranger) = (Authority::new(), Authority::new());
    let right = agent_name(NAMESPACE);
    let controller = || ca.sign(CONTROLLER_NAME);
    let cases: [(&str, Security, ClientTls); 7] = [
        (
            "the agent's certificate by another CA",
            server(&stranger.sign(&right), &ca.pem()),
            client_of(&ca),
        ),
        (
            "the agent's certificate of another namespace",
            server(&ca.sign(&agent_name("other")), &ca.pem()),
            client_of(&ca),
        ),
        (
            "the agent's certificate has expired",
            server(&ca.sign_until(&right, 2001), &ca.pem()),
            client_of(&ca),
        ),
        (
            "the controller's certificate by another CA",
            server_of(&ca),
            client(&stranger.sign(CONTROLLER_NAME), &ca.pem()),
        ),
        (
            "the controller's certificate has expired",
            server_of(&ca),
            client(&ca.sign_until(CONTROLLER_NAME, 2001), &ca.pem()),
        ),
        (
            "an agent's certificate in the controller's place",
            server_of(&ca),
            client(&ca.sign(&right), &ca.pem()),
        ),
        (
            "the agent trusts another CA",
            server(&ca.sign(&right), &stranger.pem()),
            client(&controller(), &ca.pem()),
        ),
    ];
    for (what, security, tls) in cases {
        let agent = started(&one, security, ApiVersions::OWN, 0).await;
        let refused = introduced(&dialler(), &agent.endpoint, Some(&tls)).await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.kind(), FailureKind::Tls, "{what}: {refused}");
        agent.end().await;
    }
    assert!(one.requests().is_empty());
}

/// Plain text against TLS, TLS against plain text, and either of them by mistake here.
#[tokio::test]
async fn never_plain_text() {
    let fleet = Fleet::certain();
    let one = fake(&fleet, 13, 1).await;
    let ca = Authority::new();
    let guarded = started(&one, server_of(&ca), ApiVersions::OWN, 0).await;
    let open = started(&one, Security::Plaintext, ApiVersions::OWN, 0).await;
    let as_scheme = |scheme, endpoint: &Endpoint| Endpoint {
        scheme,
        ..endpoint.clone()
    };
    let plain = as_scheme(Scheme::Http, &guarded.endpoint);
    assert!(introduced(&dialler(), &plain, None).await.is_err());
    let encrypted = as_scheme(Scheme::Https, &open.endpoint);
    let refused = introduced(&dialler(), &encrypted, Some(&client_of(&ca))).await;
    assert_eq!(refused.unwrap_err().kind(), FailureKind::Tls);
    for (endpoint, tls) in [
        (&guarded.endpoint, None),
        (&open.endpoint, Some(client_of(&ca))),
    ] {
        let refused = dialler().open(endpoint, tls.as_ref(), LONG).await;
        assert_eq!(refused.unwrap_err().kind(), FailureKind::Tls);
    }
    assert!(one.requests().is_empty());
    guarded.end().await;
    open.end().await;
}
