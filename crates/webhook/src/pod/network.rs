//! The storage network, added to what a pod asks Multus for.

use kubomesh_core::NetworkPolicy;
use kubomesh_multus::{Merge, NETWORKS, Networks, OPT_OUT, opted_out};
use serde_json::Value;

use super::Skipped;
use super::fields::{annotate, annotation, uses_host_network};

/// Has the pod ask for its mesh's network at the mesh's interface, once, whatever else it asks for.
/// Whether it is on the network then.
///
/// # Errors
/// When it cannot be had; the pod is as it was.
pub(super) fn attach(
    pod: &mut Value,
    namespace: &str,
    network: &NetworkPolicy,
) -> Result<bool, Skipped> {
    let Some(attachment) = &network.attachment else {
        return Ok(false);
    };
    if annotation(pod, OPT_OUT).is_some_and(opted_out) {
        return Ok(false);
    }
    if uses_host_network(pod) {
        return Err(Skipped::new(
            "HostNetwork",
            format!(
                "not attached to {attachment}: the pod uses its host's network, to which Multus \
                 attaches nothing; set hostNetwork to false, or annotate the pod with {OPT_OUT}: \"off\""
            ),
        ));
    }
    let asked = annotation(pod, NETWORKS).unwrap_or_default();
    let asked = Networks::parse(asked).map_err(|error| {
        let note = format!("not attached to {attachment}: {error}");
        Skipped::new("AnnotationMalformed", note)
    })?;
    match asked.with(attachment, &network.interface, namespace) {
        Merge::Unchanged => Ok(true),
        Merge::Changed(value) => {
            annotate(pod, NETWORKS, value);
            Ok(true)
        }
        Merge::Conflict { why } => Err(Skipped::new(
            "AnnotationConflict",
            format!("not attached to {attachment}: {why}"),
        )),
    }
}
