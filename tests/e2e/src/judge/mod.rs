//! What a scenario claims, each within a deadline.

mod agents;
mod links;
mod logs;
mod meshes;
mod networks;
mod sockets;

use std::time::Duration;

use serde_json::Value;

pub(crate) use links::{all_linked, pairs_connected};
pub(crate) use meshes::{MESH, Mesh};
pub(crate) use sockets::{has_unread, has_unread_at};

/// How long a claim may take to become true. A retry of Kubo's own peering service takes up to
/// 12.5 s.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// A condition of a status.
pub(crate) fn condition<'a>(status: &'a Value, kind: &str) -> Option<&'a Value> {
    let conditions = status["conditions"].as_array()?;
    conditions
        .iter()
        .find(|condition| condition["type"] == kind)
}
