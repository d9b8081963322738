//! The secret with the controller's certificate for agents: used and followed while it can be used, and
//! said with its name and key when it cannot.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests are tests"
)]

mod case;
mod objects;

use std::time::Duration;

use case::{Case, view};
use k8s_openapi::ByteString;
use kubomesh_core::{Credentials as _, ReasonCode};
use kubomesh_discovery::AuthStore;
use kubomesh_testkit::api_server::{ApiServer, Fault};
use kubomesh_testkit::certificates::{Authority, Signed};
use objects::mesh;
use serde_json::{Value, json};

/// What the mesh names.
const SECRET: &str = "kubomesh-agent-tls";

/// The texts of a secret that can be used.
struct Texts {
    own: Signed,
    ca: String,
}

impl Texts {
    fn new() -> Self {
        let ca = Authority::new();
        Self {
            own: ca.sign("controller.kubomesh.dev"),
            ca: ca.pem(),
        }
    }

    fn data(&self) -> Value {
        json!({
            "tls.crt": entry(&self.own.certificate),
            "tls.key": entry(&self.own.key),
            "ca.crt": entry(&self.ca),
        })
    }

    /// With one key's text replaced.
    fn with(&self, key: &str, text: &str) -> Value {
        let mut data = self.data();
        data[key] = entry(text);
        data
    }

    /// Without one key.
    fn without(&self, key: &str) -> Value {
        let mut data = self.data();
        data.as_object_mut().unwrap().remove(key);
        data
    }
}

fn entry(text: &str) -> Value {
    json!(ByteString(text.into()))
}

fn server(data: &Value) -> ApiServer {
    let server = ApiServer::new();
    let spec = json!({ "agents": { "mode": "Required", "tlsSecretRef": SECRET } });
    server.put("swarmmeshes", mesh("kubo", spec));
    server.put(
        "secrets",
        json!({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "data": data,
            "metadata": { "name": SECRET, "namespace": "apps" },
        }),
    );
    server
}

/// Why the mesh is not acted on.
async fn refused(server: ApiServer) -> String {
    let mut case = Case::on(server);
    let said = |fleet: &kubomesh_discovery::Fleet| {
        let view = fleet.meshes.values().next()?;
        let condition = view.policy.clone().err()?;
        (!condition.message.contains("not read yet")).then_some(condition)
    };
    let fleet = case
        .until("the refusal", |fleet| said(fleet).is_some())
        .await;
    let condition = said(&fleet).unwrap();
    assert_eq!(condition.reason, ReasonCode::SecretUnreadable);
    let name = AuthStore::tls_name("apps", SECRET);
    assert!(case.found.credentials.tls(&name).is_none());
    condition.message
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_used_is_named() {
    let texts = Texts::new();
    let gone = server(&texts.data());
    gone.delete("secrets", "apps", SECRET);
    let forbidden = server(&texts.data());
    forbidden.fail("get", "secrets", Fault::Status(403), None);
    let other = Texts::new();
    let cases = [
        (
            gone,
            "the secret apps/kubomesh-agent-tls does not exist: create it, or correct the name",
        ),
        (
            forbidden,
            "the controller may not get the secret apps/kubomesh-agent-tls: grant it by \
             manifests/components/agent in namespace apps",
        ),
        (
            server(&texts.without("tls.crt")),
            "the secret apps/kubomesh-agent-tls has no key `tls.crt`: add it",
        ),
        (
            server(&texts.without("tls.key")),
            "the secret apps/kubomesh-agent-tls has no key `tls.key`: add it",
        ),
        (
            server(&texts.without("ca.crt")),
            "the secret apps/kubomesh-agent-tls has no key `ca.crt`: add it",
        ),
        (
            server(&texts.with("tls.crt", "no PEM")),
            "tls.crt of the secret apps/kubomesh-agent-tls cannot be used: there is no certificate; it \
             must hold certificates in PEM, the own one first",
        ),
        (
            server(&texts.with("tls.key", "no PEM")),
            "tls.key of the secret apps/kubomesh-agent-tls cannot be used: there is no private key; it \
             must hold the certificate's private key in PEM",
        ),
        (
            server(&texts.with("ca.crt", "no PEM")),
            "ca.crt of the secret apps/kubomesh-agent-tls cannot be used: there is no certificate; it \
             must hold",
        ),
        (
            server(&texts.with("tls.key", &other.own.key)),
            "it must be the key of the certificate beside it",
        ),
    ];
    for (server, sentence) in cases {
        let said = refused(server).await;
        assert!(said.starts_with("spec.agents.tlsSecretRef: "), "{said}");
        assert!(said.contains(sentence), "{said}\nis not\n{sentence}");
        assert!(!said.contains("PRIVATE KEY"), "a key is never said: {said}");
    }
}

/// A new certificate is used within half a minute; while the API server does not answer, the last one;
/// one that is spoilt is not used, and none is until it is mended.
#[tokio::test(start_paused = true)]
async fn it_is_followed() {
    let (first, second) = (Texts::new(), Texts::new());
    let mut case = Case::on(server(&first.data()));
    let accepted = |fleet: &kubomesh_discovery::Fleet| {
        let mut views = fleet.meshes.values();
        views.any(|view| view.policy.is_ok())
    };
    case.until("the policy", accepted).await;
    let name = AuthStore::tls_name("apps", SECRET);
    let held = |case: &Case| Some(case.found.credentials.tls(&name)?.ca.clone());
    let of = |texts: &Texts| Some(texts.ca.clone().into_bytes());
    assert_eq!(held(&case), of(&first));
    let write = |case: &Case, data: Value| {
        let changed = |secret: &mut Value| secret["data"] = data;
        case.server.edit("secrets", "apps", SECRET, changed);
    };
    write(&case, second.data());
    tokio::time::sleep(Duration::from_secs(31)).await;
    assert_eq!(held(&case), of(&second));
    case.server.fail("get", "secrets", Fault::Status(503), None);
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(held(&case), of(&second));
    case.server.heal("get", "secrets");
    write(&case, second.with("tls.key", "torn"));
    case.until("the refusal", |fleet| view(fleet, "kubo").policy.is_err())
        .await;
    assert_eq!(held(&case), None);
    write(&case, first.data());
    case.until("the policy", accepted).await;
    assert_eq!(held(&case), of(&first));
}
