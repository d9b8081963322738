//! Every form of the annotation `k8s.v1.cni.cncf.io/networks`.

use anyhow::{Context, Result, ensure};
use kube::api::ListParams;
use serde_json::{Value, json};

use super::{attachment, create, pod, start};
use crate::cluster::Resource;
use crate::judge::SOON;
use crate::wait::until;
use crate::world::World;

const NETWORKS: &str = "k8s.v1.cni.cncf.io/networks";

/// What becomes of an annotation.
enum After {
    /// The storage network is added behind it.
    Added,
    /// It stays: the network is in it.
    Same,
    /// This instead, with `NS` for the pod's namespace.
    This(&'static str),
    /// It stays, and an event of this reason says why.
    Why(&'static str),
}

use After::{Added, Same, This, Why};

/// `NS` is the pod's namespace; the network is `NS/storage` at `lhnet1`.
const TABLE: &[(&str, After)] = &[
    ("", This("NS/storage@lhnet1")),
    ("   ", This("NS/storage@lhnet1")),
    ("a", Added),
    ("a,b", Added),
    (" a , b ", This("a,b,NS/storage@lhnet1")),
    ("other/a", Added),
    ("other/a@eth5", Added),
    ("a@eth1,b@eth2,c@eth3", Added),
    ("other/storage", Added),
    ("other/storage@net1", Added),
    ("NS/storage@lhnet1", Same),
    ("storage@lhnet1", Same),
    (" NS/storage@lhnet1 ", Same),
    ("a,NS/storage@lhnet1", Same),
    ("NS/storage@lhnet1,a", Same),
    ("NS/storage", This("NS/storage@lhnet1")),
    ("storage,a", This("storage@lhnet1,a")),
    (
        "[]",
        This(r#"[{"name":"storage","namespace":"NS","interface":"lhnet1"}]"#),
    ),
    (
        r#"[{"name":"a"}]"#,
        This(r#"[{"name":"a"},{"name":"storage","namespace":"NS","interface":"lhnet1"}]"#),
    ),
    (
        r#"[{"name":"a","ips":["10.9.0.1/24"],"mac":"02:00:00:00:00:01"}]"#,
        This(
            r#"[{"name":"a","ips":["10.9.0.1/24"],"mac":"02:00:00:00:00:01"},{"name":"storage","namespace":"NS","interface":"lhnet1"}]"#,
        ),
    ),
    (
        r#"[{"name":"storage","namespace":"NS","interface":"lhnet1"}]"#,
        Same,
    ),
    (r#"[{"interface":"lhnet1","name":"storage"}]"#, Same),
    (
        r#"[ {"namespace" : "NS", "interface":"lhnet1","name":"storage", "ips":["192.168.77.9/24"]} ]"#,
        Same,
    ),
    (
        r#"[{"name":"a"},{"name":"storage","interface":"lhnet1"}]"#,
        Same,
    ),
    ("NS/storage@net1", Why("AnnotationConflict")),
    ("storage@net1", Why("AnnotationConflict")),
    ("a@lhnet1", Why("AnnotationConflict")),
    (
        r#"[{"name":"storage","interface":"net1"}]"#,
        Why("AnnotationConflict"),
    ),
    (
        r#"[{"name":"a","interface":"lhnet1"}]"#,
        Why("AnnotationConflict"),
    ),
    ("[{", Why("AnnotationMalformed")),
    ("{}", Why("AnnotationMalformed")),
    (r#"["storage"]"#, Why("AnnotationMalformed")),
    (r#"[{"namespace":"NS"}]"#, Why("AnnotationMalformed")),
    ("a/b/c", Why("AnnotationMalformed")),
    ("a@b@c", Why("AnnotationMalformed")),
    ("Not_A_Name", Why("AnnotationMalformed")),
];

pub(super) async fn annotation_merge_table(world: &mut World) -> Result<()> {
    let _webhooks = start(world, 1, &[]).await?;
    create(world, json!({ "attachment": attachment(world) })).await?;
    let namespace = world.namespace().to_owned();
    let ours = format!("{namespace}/storage@lhnet1");
    // The watch that tells of the mesh is another than the one that was asked.
    let mut probe = 0;
    until("the webhook has heard of the mesh", SOON, async || {
        probe += 1;
        let after = pod(world, &format!("probe-{probe}"), &json!({})).await?;
        ensure!(after[NETWORKS] == ours, "{after}");
        Ok(())
    })
    .await?;
    for (number, (before, expected)) in TABLE.iter().enumerate() {
        let before = before.replace("NS", &namespace);
        let name = format!("pod-{number}");
        let after = pod(world, &name, &json!({ NETWORKS: before })).await?;
        let wanted = match expected {
            Added => format!("{before},{ours}"),
            This(text) => text.replace("NS", &namespace),
            Same | Why(_) => before.clone(),
        };
        ensure!(
            after[NETWORKS] == wanted,
            "`{before}` became {after}, not `{wanted}`"
        );
        if let Why(reason) = expected {
            said(world, &name, reason).await?;
        }
    }
    let out = json!({ "kubomesh.dev/network": "off" });
    ensure!(pod(world, "opted-out", &out).await? == out, "it opted out");
    Ok(())
}

/// Waits for the event that says why a pod was left as it was.
async fn said(world: &World, pod: &str, reason: &str) -> Result<()> {
    let events = world.cluster().api(Resource::Event, world.namespace());
    until(
        &format!("an event {reason} about {pod}"),
        SOON,
        async || {
            let all = events.list(&ListParams::default()).await?;
            let is =
                |event: &&Value| event["regarding"]["name"] == pod && event["reason"] == reason;
            let of_pod = all.items.iter().map(|event| &event.data).find(is);
            of_pod.map(drop).context("none so far")
        },
    )
    .await
}
