//! Following a node by its agent: when something changes that concerns the mesh, the bell rings. What
//! has changed is read then; the watch says only that there is something to read.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kubomesh_agent_api::{AgentNode, Delta, Error, HEARTBEAT, Seen};
use kubomesh_core::{MemberName, MemberUid, PeerId};

use crate::agent::TRY_AGAIN;
use crate::wake::Wake;
use crate::{READ_DEADLINE, lock};

/// How long an agent may say nothing: three of its heartbeats.
const SILENCE: Duration = HEARTBEAT.saturating_mul(3);

/// The identities of the mesh's members, as they were last seen: a change of a connection concerns the
/// mesh when one of them is at its far end. A node may have thousands that come and go.
pub(crate) type Members = Arc<Mutex<BTreeMap<MemberUid, PeerId>>>;

/// Who follows one node.
pub(crate) struct Follower {
    pub(crate) member: MemberName,
    pub(crate) members: Members,
    pub(crate) wake: Arc<Wake>,
}

impl Follower {
    /// Follows a node until its watch ends. One that does not begin is waited with for a while, so that
    /// an agent which refuses it is not asked again and again.
    pub(crate) async fn follow(self, node: AgentNode) {
        if self.listen(node).await.is_err() {
            tokio::time::sleep(TRY_AGAIN).await;
        }
    }

    /// # Errors
    /// When the watch never began.
    async fn listen(&self, mut node: AgentNode) -> Result<(), Error> {
        let mut watch = node.watch(READ_DEADLINE).await?;
        drop(node);
        // The first state is what was read just now.
        watch.next(SILENCE).await?;
        loop {
            let concerns = match watch.next(SILENCE).await {
                Ok(event) => match &event.seen {
                    Seen::Still => false,
                    Seen::Delta(delta) => self.concerns(delta),
                    // It was restarted, or gives the agent no answer.
                    Seen::Whole(_) | Seen::Down(_) => true,
                },
                Err(error) => {
                    tracing::debug!(member = %self.member, "the watch ended: {error}");
                    self.wake.ring(&self.member);
                    return Ok(());
                }
            };
            if concerns {
                self.wake.ring(&self.member);
            }
        }
    }

    fn concerns(&self, delta: &Delta) -> bool {
        let entries = !delta.peering_set.is_empty() || !delta.peering_removed.is_empty();
        let lists = delta.peering.is_some() || delta.filters.is_some() || delta.listen.is_some();
        if entries || lists {
            return true;
        }
        let members = lock(&self.members);
        let mut changed = delta.added.iter().chain(&delta.removed);
        changed.any(|connection| members.values().any(|peer| *peer == connection.peer))
    }
}
