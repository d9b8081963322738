//! The secrets that meshes name: read again and again, with no more right than `get` on each.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};
use kubomesh_api::{RPC_AUTH_SECRET_TYPE, SecretKey};
use kubomesh_core::{Credentials, Redacted};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

mod certificates;

use super::sentence::chain;
use crate::{AuthStore, MeshKey};

/// Which secrets each mesh names.
pub(super) type Wanted = BTreeMap<MeshKey, Named>;

/// The secrets of one mesh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    /// Of its RPC.
    pub(super) rpc: Option<SecretKey>,
    /// Of the certificate for agents.
    pub(super) tls: Option<String>,
}

/// Whether a mesh's secret can be used, or a sentence why not.
pub(super) type Outcome = (MeshKey, Result<(), String>);

/// Deadline of one reading.
const DEADLINE: Duration = Duration::from_secs(5);

/// Reads what is wanted whenever that changes, and every `interval`, until nobody listens.
pub(super) async fn run<T>(
    client: Client,
    store: AuthStore,
    interval: Duration,
    mut wanted: watch::Receiver<Wanted>,
    sink: (mpsc::Sender<T>, impl Fn(Outcome) -> T),
) {
    loop {
        let now = wanted.borrow_and_update().clone();
        let names: Vec<_> = now
            .iter()
            .flat_map(|(mesh, named)| names(mesh, named))
            .collect();
        store.keep(|name| names.iter().any(|wanted| wanted == name));
        for (mesh, named) in now {
            let mut outcome = Ok(());
            if let Some(key) = &named.rpc {
                outcome = read(&client, &store, &mesh, key).await;
            }
            if let Some(secret) = &named.tls {
                // Both are read; the first of two that cannot be used is told.
                outcome = outcome.and(certificates::read(&client, &store, &mesh, secret).await);
            }
            if sink.0.send((sink.1)((mesh, outcome))).await.is_err() {
                return;
            }
        }
        tokio::select! {
            changed = wanted.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(interval) => {}
        }
    }
}

fn names(mesh: &MeshKey, named: &Named) -> Vec<String> {
    let rpc = named.rpc.as_ref().map(|key| name(mesh, key));
    let tls = named.tls.as_ref();
    let tls = tls.map(|secret| AuthStore::tls_name(&mesh.namespace, secret));
    rpc.into_iter().chain(tls).collect()
}

fn name(mesh: &MeshKey, key: &SecretKey) -> String {
    AuthStore::secret_name(&mesh.namespace, &key.name, &key.key)
}

/// Reads one secret. While the API server does not answer, the last value stays in use.
async fn read(
    client: &Client,
    store: &AuthStore,
    mesh: &MeshKey,
    key: &SecretKey,
) -> Result<(), String> {
    let full = format!("{}/{}", mesh.namespace, key.name);
    let header = match get(client, mesh, &key.name, "mesh-secrets").await {
        Got::Secret(secret) => header(&full, &key.key, &secret),
        Got::Refused(why) => Err(why),
        Got::NoAnswer(why) => return kept(store, mesh, key, &why),
    };
    let name = name(mesh, key);
    match header {
        Ok(header) => {
            store.set(&name, Some(header));
            Ok(())
        }
        Err(why) => {
            store.set(&name, None);
            Err(format!("spec.peers.rpc.authSecretRef: {why}"))
        }
    }
}

/// What came of asking for a secret.
enum Got {
    Secret(Box<Secret>),
    /// It is not there, or not for us.
    Refused(String),
    /// The API server does not answer: what was read before stays in use.
    NoAnswer(String),
}

/// Asks for a secret; `component` of the manifests is what grants it.
async fn get(client: &Client, mesh: &MeshKey, secret: &str, component: &str) -> Got {
    let api: Api<Secret> = Api::namespaced(client.clone(), &mesh.namespace);
    let full = format!("{}/{secret}", mesh.namespace);
    match timeout(DEADLINE, api.get_opt(secret)).await {
        Ok(Ok(Some(secret))) => Got::Secret(secret.into()),
        Ok(Ok(None)) => Got::Refused(format!(
            "the secret {full} does not exist: create it, or correct the name"
        )),
        Ok(Err(kube::Error::Api(status))) if status.code == 403 => Got::Refused(format!(
            "the controller may not get the secret {full}: grant it by \
             manifests/components/{component} in namespace {}",
            mesh.namespace
        )),
        Ok(Err(error)) => Got::NoAnswer(chain(&error)),
        Err(_) => Got::NoAnswer("the API server does not answer".to_owned()),
    }
}

fn kept(store: &AuthStore, mesh: &MeshKey, key: &SecretKey, why: &str) -> Result<(), String> {
    if store.authorization(&name(mesh, key)).is_some() {
        return Ok(());
    }
    let full = format!("{}/{}", mesh.namespace, key.name);
    Err(format!(
        "spec.peers.rpc.authSecretRef: the secret {full} cannot be read: {why}"
    ))
}

fn header(full: &str, key: &str, secret: &Secret) -> Result<Redacted<String>, String> {
    let kind = secret.type_.as_deref().unwrap_or("Opaque");
    if kind != RPC_AUTH_SECRET_TYPE {
        return Err(format!(
            "the secret {full} has type {kind}: make it anew with type {RPC_AUTH_SECRET_TYPE}"
        ));
    }
    let value = secret
        .data
        .as_ref()
        .and_then(|data| data.get(key))
        .ok_or_else(|| {
            format!("the secret {full} has no key `{key}`: add it, or correct the key")
        })?;
    let text = std::str::from_utf8(&value.0)
        .map_err(|_| format!("key `{key}` of the secret {full} is not text"))?;
    kubomesh_kubo::authorization(text)
        .map_err(|error| format!("key `{key}` of the secret {full} cannot be used: {error}"))
}
