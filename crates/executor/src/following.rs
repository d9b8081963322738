//! Following a node by its agent: what it tells is mirrored, and when something changes that concerns
//! the mesh, the bell rings.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};

use kubomesh_agent_api::{AgentNode, Delta, Error, Event, Seen};
use kubomesh_core::{MemberUid, PeerId};

use crate::line::{Around, Line};
use crate::mirror::{Lists, Mirror, Proof};
use crate::{READ_DEADLINE, lock};

/// The identities of the mesh's members, as they were last seen: a change of a connection concerns the
/// mesh when one of them is at its far end. A node may have thousands that come and go.
pub(crate) type Members = Arc<Mutex<BTreeMap<MemberUid, PeerId>>>;

/// Who follows one node.
pub(crate) struct Follower {
    /// Never kept: the follower ends with it.
    pub(crate) line: Weak<Line>,
    pub(crate) mirror: Arc<Mirror>,
    pub(crate) members: Members,
    pub(crate) around: Around,
}

impl Follower {
    /// Follows a node until its watch ends. One that does not begin is waited with for a while, so that
    /// an agent which refuses it is not asked again and again. `read`: its state as it was read before.
    pub(crate) async fn follow(self, node: AgentNode, read: Option<Lists>) {
        let listened = self.listen(node, read).await;
        self.mirror.cover();
        match listened {
            Ok(()) => self.ring(),
            Err(_) => tokio::time::sleep(self.around.agents.retry).await,
        }
    }

    /// # Errors
    /// When the watch never began.
    async fn listen(&self, mut node: AgentNode, read: Option<Lists>) -> Result<(), Error> {
        let silence = self.around.agents.silence;
        // The first look begins when the agent has the request.
        if let Some(line) = self.line.upgrade() {
            let (owed, asked) = (line.owed(), (self.around.now)());
            self.mirror.prove(Proof { owed, asked });
        }
        let mut watch = node.watch(READ_DEADLINE).await?;
        drop(node);
        let first = watch.next(silence).await?;
        self.take(first);
        // What changed since it was read is not told as a change.
        let image = self.mirror.image((self.around.now)());
        let lists = image.and_then(|image| image.seen.ok());
        if !matches!((&read, &lists), (Some(read), Some(told)) if read.says(told)) {
            self.ring();
        }
        drop((read, lists));
        loop {
            let event = match watch.next(silence).await {
                Ok(event) => event,
                Err(error) => {
                    if let Some(line) = self.line.upgrade() {
                        tracing::debug!(member = %line.member, "the watch ended: {error}");
                    }
                    return Ok(());
                }
            };
            let concerns = match &event.seen {
                Seen::Still => false,
                Seen::Delta(delta) => self.concerns(delta),
                // It was restarted, or gives the agent no answer.
                Seen::Whole(_) | Seen::Down(_) => true,
            };
            self.take(event);
            if concerns {
                self.ring();
            }
        }
    }

    fn take(&self, event: Event) {
        let Some(line) = self.line.upgrade() else {
            return;
        };
        let is_back = self.mirror.take(&line, event, (self.around.now)());
        if is_back {
            // What is asked next is to be from after this, whatever was told on the way.
            line.owe();
            lock(&self.around.health).renew(&line.uid);
        }
    }

    fn ring(&self) {
        if let Some(line) = self.line.upgrade() {
            self.around.wake.ring(&line.member);
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
