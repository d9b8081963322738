//! The CRD objects as they are installed.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

use crate::{SwarmMesh, SwarmPeer};

/// The CRDs could not be printed.
#[derive(Debug, thiserror::Error)]
#[error("the CRDs cannot be printed: {0}")]
pub struct CrdsError(#[from] serde_saphyr::SerializeError);

/// Both CRDs.
#[must_use]
pub fn crds() -> [CustomResourceDefinition; 2] {
    [SwarmMesh::crd(), SwarmPeer::crd()]
}

/// Both CRDs as a YAML stream.
///
/// # Errors
/// When they cannot be printed, which a test rules out.
pub fn crds_yaml() -> Result<String, CrdsError> {
    let mut yaml = String::new();
    for crd in crds() {
        yaml.push_str("---\n");
        yaml.push_str(&serde_saphyr::to_string(&crd)?);
        if !yaml.ends_with('\n') {
            yaml.push('\n');
        }
    }
    Ok(yaml)
}
