//! The NetworkAttachmentDefinition that a mesh names: there, readable, and what to warn of.

use kubomesh_core::{Attachment, NetworkPolicy};
use kubomesh_multus::NetConf;

use crate::cluster::{AskError, Cluster, Definition};

/// Where the mesh is and how large.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mesh<'a> {
    pub(super) namespace: &'a str,
    pub(super) name: &'a str,
    pub(super) members: usize,
}

/// Checks the network where it is set or changed; another change of the policy must stay possible
/// while the definition is gone or the API server is slow. With the warnings.
///
/// # Errors
/// When it does not exist, cannot be read, or the API server does not say.
pub(super) async fn check(
    before: &NetworkPolicy,
    after: &NetworkPolicy,
    mesh: Mesh<'_>,
    cluster: &Cluster,
) -> Result<Vec<String>, String> {
    let moved = before.attachment != after.attachment;
    let renamed = before.interface != after.interface;
    let mut warnings = Vec::new();
    if moved || (renamed && after.attachment.is_some()) {
        warnings.push(danger(after));
    }
    let Some(attachment) = after.attachment.as_ref().filter(|_| moved) else {
        return Ok(warnings);
    };
    let config = definition(attachment, cluster).await?;
    let config = NetConf::parse(&config).map_err(|error| {
        format!("spec.network.attachment is `{attachment}`: its NetworkAttachmentDefinition cannot be used: {error}")
    })?;
    if *attachment.namespace != *mesh.namespace {
        warnings.push(format!(
            "{attachment} is in another namespace than the mesh: with Multus' namespaceIsolation its \
             pods are refused the network, unless {} is among globalNamespaces",
            attachment.namespace
        ));
    }
    let pod_ips = if config.ranges().is_empty() || mesh.members == 0 {
        Vec::new()
    } else {
        cluster.pod_ips(mesh.namespace, mesh.name).await
    };
    let said = config.warnings(mesh.members, &pod_ips);
    warnings.extend(
        said.iter()
            .map(|warning| format!("{attachment}: {warning}")),
    );
    Ok(warnings)
}

/// What the dangerous setting does, said whenever it is set or changed.
fn danger(after: &NetworkPolicy) -> String {
    let to = match &after.attachment {
        Some(attachment) => format!("{attachment} at {}", after.interface),
        None => "the pod network".to_owned(),
    };
    format!(
        "dangerous setting: all links of this mesh move to {to}; every pod has to be recreated for it, \
         and with fallback Never one that was not has no links on it"
    )
}

async fn definition(attachment: &Attachment, cluster: &Cluster) -> Result<String, String> {
    let field = format!("spec.network.attachment is `{attachment}`");
    match cluster.definition(attachment).await {
        Ok(Definition::Found(config)) => Ok(config),
        Ok(Definition::Missing) => Err(format!(
            "{field}: there is no such NetworkAttachmentDefinition; create it first, or leave the field \
             empty for the pod network"
        )),
        Ok(Definition::NotInstalled) => Err(format!(
            "{field}: this cluster has no NetworkAttachmentDefinitions, Multus is not installed; \
             install it, or leave the field empty for the pod network"
        )),
        Err(error @ AskError::Late(_)) => Err(format!(
            "{field}: whether that NetworkAttachmentDefinition exists is not known, {error}; try again"
        )),
        Err(error) => Err(format!(
            "{field}: whether that NetworkAttachmentDefinition exists is not known: {error}"
        )),
    }
}
