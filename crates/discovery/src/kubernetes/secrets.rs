//! The secrets that meshes name: read again and again, with no more right than `get` on each.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};
use kubomesh_api::{RPC_AUTH_SECRET_TYPE, SecretKey};
use kubomesh_core::{Credentials, Redacted};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::sentence::chain;
use crate::{AuthStore, MeshKey};

/// Which secret each mesh names.
pub(super) type Wanted = BTreeMap<MeshKey, SecretKey>;

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
        let names: Vec<_> = now.iter().map(|(mesh, key)| name(mesh, key)).collect();
        store.keep(|name| names.iter().any(|wanted| wanted == name));
        for (mesh, key) in now {
            let outcome = read(&client, &store, &mesh, &key).await;
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
    let api: Api<Secret> = Api::namespaced(client.clone(), &mesh.namespace);
    let full = format!("{}/{}", mesh.namespace, key.name);
    let answer = timeout(DEADLINE, api.get_opt(&key.name)).await;
    let header = match answer {
        Ok(Ok(Some(secret))) => header(&full, &key.key, &secret),
        Ok(Ok(None)) => Err(format!(
            "the secret {full} does not exist: create it, or correct the name"
        )),
        Ok(Err(kube::Error::Api(status))) if status.code == 403 => Err(format!(
            "the controller may not get the secret {full}: grant it by \
             manifests/components/mesh-secrets in namespace {}",
            mesh.namespace
        )),
        Ok(Err(error)) => return kept(store, mesh, key, &chain(&error)),
        Err(_) => return kept(store, mesh, key, "the API server does not answer"),
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
