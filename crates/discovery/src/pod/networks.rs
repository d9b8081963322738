//! What a pod's annotations say of the networks that Multus attaches, and what that makes of it as a
//! member of a mesh with a storage network.

use std::net::IpAddr;
use std::sync::Arc;

use kubomesh_core::{Attachment, InterfaceName, NetworkPolicy, StorageGap, StorageState};
use kubomesh_multus::{Malformed, NetworkStatus, Networks, Requested, opted_out};
use serde::Deserialize;

use super::wire::PodFacts;

/// What is kept of a pod's annotations. Which network its mesh wants can change at any time, so it is
/// all networks; what else the annotations say is dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodNetworks {
    /// Whether it opted out of the storage network.
    pub opted_out: bool,
    /// What it asks for, or why that cannot be read. The pods of a mesh mostly share one.
    pub requested: Result<Arc<Networks>, Arc<str>>,
    /// What Multus attached, or why that cannot be read; `None` before Multus reported.
    pub reported: Result<Option<NetworkStatus>, Arc<str>>,
}

/// Of all annotations those that are read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Annotations {
    #[serde(rename = "k8s.v1.cni.cncf.io/networks")]
    networks: Option<String>,
    #[serde(rename = "k8s.v1.cni.cncf.io/network-status")]
    status: Option<String>,
    #[serde(rename = "k8s.v1.cni.cncf.io/networks-status")]
    old_status: Option<String>,
    #[serde(rename = "kubomesh.dev/network")]
    opt_out: Option<String>,
}

/// A pod's addresses on the storage network that its mesh wants, and what else is known of it there. A
/// mesh that wants none any more still has to know what its links may be on.
pub(super) fn storage(pod: &PodFacts, policy: &NetworkPolicy) -> (Vec<IpAddr>, StorageState) {
    let (attachment, interface) = (policy.attachment.as_ref(), &policy.interface);
    let namespace = &*pod.namespace;
    let former = pod.networks.as_ref().and_then(|networks| {
        let reported = networks.reported.as_ref().ok()?.as_ref()?;
        reported.former(attachment, interface, namespace)
    });
    let wanted = attachment.map(|attachment| Wanted {
        attachment,
        interface,
        namespace,
    });
    let (ips, gap) = match wanted.map(|wanted| ips(pod, &wanted)) {
        None => (Vec::new(), None),
        Some(Ok(ips)) => (ips, None),
        Some(Err(gap)) => (Vec::new(), Some(gap)),
    };
    let state = StorageState {
        gap,
        former,
        outside: Vec::new(),
    };
    (ips, state)
}

/// A network at an interface, as a pod of a namespace names it.
struct Wanted<'a> {
    attachment: &'a Attachment,
    interface: &'a InterfaceName,
    namespace: &'a str,
}

/// What Multus reports counts, whether the pod asked for it or not: other controllers attach too. What
/// it asked for says why nothing is reported.
fn ips(pod: &PodFacts, wanted: &Wanted<'_>) -> Result<Vec<IpAddr>, StorageGap> {
    let networks = pod.networks.as_deref();
    if networks.is_some_and(|networks| networks.opted_out) {
        return Err(StorageGap::OptedOut);
    }
    if pod.host_network {
        return Err(StorageGap::HostNetwork);
    }
    let networks = networks.ok_or(StorageGap::NotRequested)?;
    let unparsable = |why: &Arc<str>| StorageGap::Unparsable { why: why.clone() };
    let gap = match networks.reported.as_ref().map_err(unparsable)? {
        Some(reported) => {
            match reported.find(wanted.attachment, wanted.interface, wanted.namespace) {
                Ok(ips) => return Ok(ips),
                Err(StorageGap::NotAttached) => StorageGap::NotAttached,
                Err(gap) => return Err(gap),
            }
        }
        None => StorageGap::NotReported,
    };
    let requested = networks.requested.as_ref().map_err(unparsable)?;
    Err(
        match requested.requests(wanted.attachment, wanted.interface, wanted.namespace) {
            Requested::Yes => gap,
            Requested::No => StorageGap::NotRequested,
            Requested::OtherInterface(found) => StorageGap::WrongInterface {
                found: found.as_deref().unwrap_or("one that Multus names").into(),
            },
        },
    )
}

// === impl PodNetworks ===

impl PodNetworks {
    /// Reads the annotations.
    pub(super) fn of(annotations: &Annotations) -> Option<Box<Self>> {
        let Annotations {
            networks,
            status,
            old_status,
            opt_out,
        } = annotations;
        if [networks, status, old_status, opt_out]
            .iter()
            .all(|text| text.is_none())
        {
            return None;
        }
        let why = |error: Malformed| -> Arc<str> { error.to_string().into() };
        let requested = Networks::parse(networks.as_deref().unwrap_or_default());
        let reported = NetworkStatus::of(status.as_deref(), old_status.as_deref());
        Some(Box::new(Self {
            opted_out: opt_out.as_deref().is_some_and(opted_out),
            requested: requested.map(|read| Arc::new(read.brief())).map_err(why),
            reported: reported
                .map(|read| read.map(NetworkStatus::brief))
                .map_err(why),
        }))
    }
}
