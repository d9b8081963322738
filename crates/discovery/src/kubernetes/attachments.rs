//! NetworkAttachmentDefinitions: where they are found and what is kept of them.

use std::sync::Arc;

use kubomesh_core::Attachment;
use kubomesh_multus::{Malformed, NetConf};
use serde::Deserialize;

use super::WatchKind;
use super::kinds::Watched;
use crate::AttachmentFacts;
use crate::pod::{Meta, nullable, timestamp};

/// NetworkAttachmentDefinitions of a namespace (`k8s.cni.cncf.io/v1`). One that cannot be decoded is
/// one that cannot be used, never one that is gone.
pub(super) struct Attachments;

#[derive(Deserialize)]
pub(super) struct AttachmentWire {
    metadata: Metadata,
    #[serde(default, deserialize_with = "nullable")]
    spec: Spec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    name: Arc<str>,
    #[serde(default, deserialize_with = "nullable")]
    namespace: String,
    /// Who wrote what and when: the last one is the last edit.
    #[serde(default, deserialize_with = "nullable")]
    managed_fields: Vec<Managed>,
}

#[derive(Deserialize)]
struct Managed {
    time: Option<jiff::Timestamp>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Spec {
    #[serde(deserialize_with = "nullable")]
    config: String,
}

// === impl Attachments ===

impl Attachments {
    /// Path of a namespace's collection.
    pub(super) fn path(namespace: &str) -> String {
        let kind = WatchKind::Attachments;
        format!(
            "/apis/{}/v1/namespaces/{namespace}/{}",
            kind.group(),
            kind.label()
        )
    }
}

impl Watched for Attachments {
    type Wire = AttachmentWire;
    type Facts = AttachmentFacts;
    const KIND: WatchKind = WatchKind::Attachments;

    fn facts(wire: AttachmentWire) -> AttachmentFacts {
        let AttachmentWire { metadata, spec } = wire;
        let why = |error: Malformed| -> Arc<str> { error.to_string().into() };
        let edits = metadata.managed_fields.iter().filter_map(|edit| edit.time);
        AttachmentFacts {
            attachment: Attachment {
                namespace: metadata.namespace.into(),
                name: metadata.name,
            },
            config: NetConf::parse(&spec.config).map_err(why),
            edited: edits.max().map(|at| timestamp(Some(at))),
        }
    }

    fn undecodable(meta: Meta, why: &str) -> Option<AttachmentFacts> {
        Some(AttachmentFacts {
            attachment: Attachment {
                namespace: meta.namespace.into(),
                name: meta.name.into(),
            },
            config: Err(format!("the object cannot be read: {why}").into()),
            edited: None,
        })
    }
}
