//! The controller's certificate for agents: a secret with `tls.crt`, `tls.key` and `ca.crt`.

use k8s_openapi::api::core::v1::Secret;
use kube::Client;
use kubomesh_agent_api::{ClientTls, Pem, Pems};
use kubomesh_core::{Credentials as _, TlsTexts};

use super::{Got, get};
use crate::{AuthStore, MeshKey};

/// What the secret is named by.
const FIELD: &str = "spec.agents.tlsSecretRef";

/// Reads the secret. While the API server does not answer, the last value stays in use.
pub(super) async fn read(
    client: &Client,
    store: &AuthStore,
    mesh: &MeshKey,
    secret: &str,
) -> Result<(), String> {
    let name = AuthStore::tls_name(&mesh.namespace, secret);
    let texts = match get(client, mesh, secret, "agent").await {
        Got::Secret(secret) => texts(&name, &mesh.namespace, &secret),
        Got::Refused(why) => Err(why),
        Got::NoAnswer(_) if store.tls(&name).is_some() => return Ok(()),
        Got::NoAnswer(why) => {
            return Err(format!("{FIELD}: the secret {name} cannot be read: {why}"));
        }
    };
    match texts {
        Ok(texts) => {
            store.set_tls(&name, Some(texts));
            Ok(())
        }
        Err(why) => {
            // Nothing is sent in plain text instead: without it no channel is opened.
            store.set_tls(&name, None);
            Err(format!("{FIELD}: {why}"))
        }
    }
}

/// The texts, if a channel can be opened with them.
fn texts(name: &str, namespace: &str, secret: &Secret) -> Result<TlsTexts, String> {
    let text = |key: &str| {
        let data = secret.data.as_ref().and_then(|data| data.get(key));
        let missing = || format!("the secret {name} has no key `{key}`: add it");
        data.map(|bytes| bytes.0.clone()).ok_or_else(missing)
    };
    let (certificate, key, ca) = (text("tls.crt")?, text("tls.key")?, text("ca.crt")?);
    let names = ["tls.crt", "tls.key", "ca.crt"].map(|key| format!("{key} of the secret {name}"));
    let pem = |at: usize, bytes| Pem {
        name: &names[at],
        bytes,
    };
    let pems = Pems {
        certificate: pem(0, &certificate),
        key: pem(1, &key),
        ca: pem(2, &ca),
    };
    ClientTls::new(pems, namespace).map_err(|error| error.to_string())?;
    Ok(TlsTexts {
        certificate,
        key: key.into(),
        ca,
    })
}
