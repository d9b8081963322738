//! What Multus writes on a pod, in its forms, and the object that names a network.

use anyhow::Result;
use kube::api::{DynamicObject, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::cluster::{Cluster, Resource};
use crate::dual::{Host, INTERFACE, STORAGE};

/// Annotation in which a pod asks for networks.
const NETWORKS: &str = "k8s.v1.cni.cncf.io/networks";

/// Annotation in which Multus says what became of that.
const STATUS: &str = "k8s.v1.cni.cncf.io/network-status";

/// Its key until Multus 3.x.
const OLD_STATUS: &str = "k8s.v1.cni.cncf.io/networks-status";

/// Name of the network that every pod is on, in its CNI config.
const CLUSTER_NETWORK: &str = "cbr0";

/// The MTU of a storage network that nobody has edited.
pub(crate) const MTU: u32 = 1500;

/// A pod's networks as it asks for them and as they are reported.
#[derive(Debug, Clone, Default)]
pub(crate) struct Multus {
    /// The attachment, `namespace/name`; `None`: the pod network alone.
    pub(crate) attachment: Option<String>,
    /// Whether the report is kept back.
    pub(crate) silent: bool,
    /// Its form.
    pub(crate) form: Form,
}

/// A form of the report that is in use somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Form {
    /// Of Multus 4: names with their namespace, bare addresses, the default network first.
    #[default]
    Multus,
    /// Of Multus 3: the same under its former key.
    OldKey,
    /// The attachment's name without its namespace.
    BareName,
    /// The standard's: addresses with their prefix length, the default network last and with neither
    /// interface nor link address.
    Standard,
}

/// An annotation.
pub(crate) type Annotation = (&'static str, String);

// === impl Multus ===

impl Multus {
    /// What the pod is created with.
    pub(crate) fn request(&self) -> Option<Annotation> {
        let attachment = self.attachment.as_deref()?;
        Some((NETWORKS, format!("{attachment}@{INTERFACE}")))
    }

    /// What Multus reports of a pod's host; `None` while it is silent.
    pub(crate) fn report(&self, host: &Host) -> Option<Annotation> {
        if self.silent {
            return None;
        }
        let standard = self.form == Form::Standard;
        let cluster = if standard {
            json!({"name": CLUSTER_NETWORK, "ips": [format!("{}/24", host.ip)], "default": true})
        } else {
            json!({"name": CLUSTER_NETWORK, "interface": "eth0", "ips": [host.ip],
                "mac": "02:00:00:00:02:01", "default": true, "dns": {}, "gateway": ["10.88.130.254"]})
        };
        let mut networks = vec![cluster];
        if let (Some(attachment), Some(ip)) = (&self.attachment, host.storage) {
            let name = match self.form {
                Form::BareName => attachment.rsplit('/').next().unwrap_or_default(),
                Form::Multus | Form::OldKey | Form::Standard => attachment,
            };
            let ip = if standard {
                format!("{ip}/24")
            } else {
                ip.to_string()
            };
            networks.push(json!({"name": name, "interface": INTERFACE, "ips": [ip],
                "mac": "02:00:00:00:02:02", "dns": {}}));
        }
        if standard {
            networks.reverse();
        }
        let key = match self.form {
            Form::OldKey => OLD_STATUS,
            Form::Multus | Form::BareName | Form::Standard => STATUS,
        };
        // Indented, as Multus writes it.
        Some((key, format!("{:#}", Value::Array(networks))))
    }
}

// === impl Cluster ===

impl Cluster {
    /// Makes a NetworkAttachmentDefinition of the storage network.
    pub(crate) async fn create_attachment(&self, namespace: &str, name: &str) -> Result<()> {
        let object: DynamicObject = serde_json::from_value(json!({
            "apiVersion": "k8s.cni.cncf.io/v1",
            "kind": "NetworkAttachmentDefinition",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"config": config(name, MTU)},
        }))?;
        let attachments = self.api(Resource::NetworkAttachment, namespace);
        attachments.create(&PostParams::default(), &object).await?;
        Ok(())
    }

    /// Edits one: another MTU.
    pub(crate) async fn edit_attachment(
        &self,
        (namespace, name): (&str, &str),
        mtu: u32,
    ) -> Result<()> {
        let patch = Patch::Merge(json!({"spec": {"config": config(name, mtu)}}));
        let attachments = self.api(Resource::NetworkAttachment, namespace);
        attachments
            .patch(name, &PatchParams::default(), &patch)
            .await?;
        Ok(())
    }
}

/// A CNI config of the storage network.
fn config(name: &str, mtu: u32) -> String {
    let config = json!({
        "cniVersion": "0.3.1", "name": name, "type": "macvlan", "master": "eth1", "mtu": mtu,
        "ipam": {"type": "whereabouts", "range": STORAGE.to_string()},
    });
    config.to_string()
}
