//! Whether the storage network of a mesh may be changed now.

use kubomesh_api::SwarmMeshStatus;
use kubomesh_core::{Attachment, NetworkPolicy, Rollout};

/// Refuses a change of `attachment` while pairs are linked, unless the new policy says `Rolling`
/// (rules.md, The storage network).
///
/// # Errors
/// When it is refused: how many links use the present network, and what to do.
pub(super) fn check(
    before: &NetworkPolicy,
    after: &NetworkPolicy,
    status: &SwarmMeshStatus,
) -> Result<(), String> {
    let linked = status.links.healthy.max(0) + status.links.degraded.max(0);
    if before.attachment == after.attachment || after.rollout == Rollout::Rolling || linked == 0 {
        return Ok(());
    }
    let links = if linked == 1 {
        "link uses"
    } else {
        "links use"
    };
    Err(format!(
        "spec.network.attachment is changed from {} to {} while {linked} {links} the present network: \
         set spec.network.rollout to Rolling in the same update, and pods move as they are recreated; \
         or stop the pods of this mesh first",
        named(before.attachment.as_ref()),
        named(after.attachment.as_ref()),
    ))
}

fn named(attachment: Option<&Attachment>) -> String {
    attachment.map_or_else(
        || "`` (the pod network)".to_owned(),
        |attachment| format!("`{attachment}`"),
    )
}
