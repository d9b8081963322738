//! `spec.network` as the core [`NetworkPolicy`].

use ipnet::IpNet;
use kubomesh_core::{Attachment, InterfaceName, NetworkPolicy};

use super::PolicyError;
use crate::{Fallback, Family, NetworkSpec, Rollout, Steering};

/// Reads `spec.network`.
///
/// # Errors
/// At the first field that is not allowed.
pub(super) fn network(spec: &NetworkSpec) -> Result<NetworkPolicy, PolicyError> {
    let pod_cidrs: Vec<IpNet> = spec
        .pod_cidrs
        .iter()
        .map(|text| pod_cidr(text))
        .collect::<Result<_, _>>()?;
    strict(spec)?;
    Ok(NetworkPolicy {
        attachment: attachment(&spec.attachment)?,
        interface: interface(&spec.interface)?,
        family: match spec.family {
            Family::Auto => kubomesh_core::Family::Auto,
            Family::IPv4 => kubomesh_core::Family::IPv4,
            Family::IPv6 => kubomesh_core::Family::IPv6,
        },
        fallback: match spec.fallback {
            Fallback::Never => kubomesh_core::Fallback::Never,
            Fallback::PodNetwork => kubomesh_core::Fallback::PodNetwork,
        },
        steering: match spec.steering {
            Steering::Steer => kubomesh_core::Steering::Steer,
            Steering::Strict => kubomesh_core::Steering::Strict,
            Steering::Off => kubomesh_core::Steering::Off,
        },
        rollout: match spec.rollout {
            Rollout::WhenIdle => kubomesh_core::Rollout::WhenIdle,
            Rollout::Rolling => kubomesh_core::Rollout::Rolling,
        },
        pod_cidrs,
        ipv6_allowlisted: spec.ipv6_allowlisted,
        steering_on_affected_versions: spec.steering_on_affected_versions,
    })
}

const ATTACHMENT: &str = "spec.network.attachment";

const INTERFACE: &str = "spec.network.interface";

const POD_CIDRS: &str = "spec.network.podCIDRs";

fn attachment(text: &str) -> Result<Option<Attachment>, PolicyError> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| {
        PolicyError::invalid(
            ATTACHMENT,
            &format!("`{text}`"),
            "write it as NAMESPACE/NAME of a NetworkAttachmentDefinition, both of a-z, 0-9 and -, \
             or leave it empty for the pod network",
        )
    })
}

fn interface(text: &str) -> Result<InterfaceName, PolicyError> {
    text.parse().map_err(|_| {
        PolicyError::invalid(
            INTERFACE,
            &format!("`{text}`"),
            "write 1 to 15 characters, none of them / or white space, such as lhnet1",
        )
    })
}

fn pod_cidr(text: &str) -> Result<IpNet, PolicyError> {
    let refused = |remedy: &str| PolicyError::invalid(POD_CIDRS, &format!("`{text}`"), remedy);
    let net: IpNet = text
        .parse()
        .map_err(|_| refused("write each as ADDRESS/LENGTH, such as 10.0.0.0/8 or fd00::/8"))?;
    if net.addr() == net.network() {
        Ok(net)
    } else {
        Err(refused(&format!(
            "its address has bits behind the prefix: write {}",
            net.trunc()
        )))
    }
}

/// As the CEL rules of the CRD, for objects that no API server checked.
fn strict(spec: &NetworkSpec) -> Result<(), PolicyError> {
    if spec.steering != Steering::Strict {
        return Ok(());
    }
    let refused = |remedy| PolicyError::invalid("spec.network.steering", "Strict", remedy);
    if spec.pod_cidrs.is_empty() {
        return Err(refused(
            "name the pod networks in spec.network.podCIDRs, for example [10.0.0.0/8]",
        ));
    }
    if spec.fallback != Fallback::Never {
        return Err(refused(
            "set spec.network.fallback to Never, or steering to Steer",
        ));
    }
    Ok(())
}
