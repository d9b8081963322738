//! The start script that keeps Kubo from announcing the pod network, given to a pod that asks for it.
//!
//! The official image runs `/container-init.d/*.sh` once the repository is there, before the daemon
//! starts. The script travels in an annotation of the pod itself and is mounted by a volume of the
//! downward API: nothing that could be missing, such as a ConfigMap, keeps the pod from starting. Where
//! the pod mounts a folder of its own there, the volume behind it is made a projected one with one
//! source more: a file cannot be mounted into a read-only volume.

use kubomesh_core::NetworkPolicy;
use serde_json::{Map, Value, json};

use super::fields::{annotate, annotation, env, kubo, list, push};
use super::{PREPARE, Skipped};
use crate::cluster::MeshView;

/// The script.
const SCRIPT: &str =
    include_str!("../../../../manifests/examples/kubo-storage-network/storage-network.sh");

/// The annotation that carries it.
const CARRIER: &str = "kubomesh.dev/start-script";

/// The folder whose scripts the image runs, in order of their names.
const FOLDER: &str = "/container-init.d";

/// The script's name there: behind scripts of the pod's own.
const FILE: &str = "900-kubomesh-storage-network.sh";

/// Name of the volume.
const VOLUME: &str = "kubomesh-start-script";

/// Adds the script and what it is to know, once.
///
/// # Errors
/// When something of the pod stands against it; the pod is as it was.
pub(super) fn inject(
    pod: &mut Value,
    network: &NetworkPolicy,
    mesh: &MeshView,
) -> Result<(), Skipped> {
    let refused = |note: String| Skipped::new("NotPrepared", note);
    let at = kubo(pod, &mesh.spec).ok_or_else(|| {
        refused(format!(
            "{PREPARE}: which container is Kubo is not clear; name its port `api`, or the container kubo"
        ))
    })?;
    let mut changed = pod.clone();
    if !is_carried(pod) {
        carry(&mut changed, at).map_err(refused)?;
    }
    if annotation(pod, CARRIER) != Some(SCRIPT) {
        annotate(&mut changed, CARRIER, SCRIPT.to_owned());
    }
    let container = &mut changed["spec"]["containers"][at];
    let ranges: Vec<String> = network.pod_cidrs.iter().map(ToString::to_string).collect();
    let told = [
        ("KUBOMESH_INTERFACE", network.interface.to_string()),
        ("KUBOMESH_POD_CIDRS", ranges.join(",")),
    ];
    for (name, value) in told {
        env(container, name, json!({ "value": value }));
    }
    let ips = json!({ "valueFrom": { "fieldRef": { "fieldPath": "status.podIPs" } } });
    env(container, "KUBOMESH_POD_IPS", ips);
    *pod = changed;
    Ok(())
}

/// Whether a volume has the script already: the webhook may be called twice for one pod.
fn is_carried(pod: &Value) -> bool {
    let is_ours = |item: &Value| item["path"] == FILE;
    list(pod, "volumes").iter().any(|volume| {
        let sources = volume["projected"]["sources"].as_array();
        let projected = sources.into_iter().flatten().map(|s| &s["downwardAPI"]);
        let mut all = projected.chain([&volume["downwardAPI"]]);
        all.any(|source| {
            let items = source["items"].as_array().into_iter().flatten();
            items.into_iter().any(is_ours)
        })
    })
}

/// Brings the script into the folder.
fn carry(pod: &mut Value, at: usize) -> Result<(), String> {
    let mounts = pod["spec"]["containers"][at]["volumeMounts"].clone();
    let mut mounts = mounts.as_array().into_iter().flatten();
    let is_folder = |mount: &&Value| {
        let path = mount["mountPath"].as_str().unwrap_or_default();
        path.trim_end_matches('/') == FOLDER
    };
    let Some(folder) = mounts.find(is_folder) else {
        let volume = json!({ "name": VOLUME, "downwardAPI": { "items": [item()] } });
        push(&mut pod["spec"], "volumes", volume);
        let mount = json!({
            "name": VOLUME, "mountPath": format!("{FOLDER}/{FILE}"), "subPath": FILE, "readOnly": true,
        });
        push(&mut pod["spec"]["containers"][at], "volumeMounts", mount);
        return Ok(());
    };
    let cannot = |why: &str| {
        format!(
            "{PREPARE}: the pod mounts {FOLDER}, and {why}; put the script of manifests/examples/kubo-storage-network there"
        )
    };
    if !folder["subPath"].is_null() || !folder["subPathExpr"].is_null() {
        return Err(cannot("only a part of a volume"));
    }
    let volumes = pod["spec"]["volumes"].as_array_mut();
    let mut volumes = volumes.into_iter().flatten();
    let volume = volumes.find(|volume| volume["name"] == folder["name"]);
    let volume = volume.ok_or_else(|| cannot("the volume is not there"))?;
    let projected = projected(volume).ok_or_else(|| {
        cannot("its volume is none of a ConfigMap, a Secret, the downward API or a projected one")
    })?;
    *volume = json!({ "name": volume["name"], "projected": projected });
    Ok(())
}

/// A volume as a projected one that has the script too; `None` where it cannot be one.
fn projected(volume: &Value) -> Option<Value> {
    let kinds = ["configMap", "secret", "downwardAPI", "projected"];
    let kind = kinds.into_iter().find(|kind| volume[*kind].is_object())?;
    let mut fields: Map<String, Value> = volume[kind].as_object()?.clone();
    let mode = fields.remove("defaultMode");
    let mut sources = match kind {
        "projected" => fields.remove("sources")?.as_array()?.clone(),
        _ => {
            // A Secret's name has another field in a volume of its own.
            if let Some(name) = fields.remove("secretName") {
                fields.insert("name".to_owned(), name);
            }
            vec![json!({ kind: fields })]
        }
    };
    sources.push(json!({ "downwardAPI": { "items": [item()] } }));
    let mut projected = json!({ "sources": sources });
    if let Some(mode) = mode {
        projected["defaultMode"] = mode;
    }
    Some(projected)
}

fn item() -> Value {
    let field = format!("metadata.annotations['{CARRIER}']");
    json!({ "path": FILE, "fieldRef": { "fieldPath": field }, "mode": 0o555 })
}
