//! Whether what is known of a node is from after a time.

use kubomesh_core::{Observation, Timestamp};

use crate::world::Node;

/// Whether the identity that is judged was shown after a time: by an inquiry that began since. What
/// an older inquiry brought may be older than its end.
pub(crate) fn shown_since(node: &Node<'_>, since: Timestamp) -> bool {
    let (Some((_, at)), Some(observation)) = (node.seen(), node.observation) else {
        return false;
    };
    observation.asked >= since && at >= observation.asked && at > since
}

/// Whether the state was read after a time: not begun before it, and not ended in its millisecond,
/// as within a pass calls follow reads.
pub(crate) fn read_since(observation: &Observation, since: Timestamp) -> bool {
    let state = observation.state.as_ref();
    observation.asked >= since && state.is_some_and(|state| state.at > since)
}
