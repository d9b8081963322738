//! Lines: the verified connections to each node, kept per life of a member and never per IP.
//!
//! At most one idle connection a node is kept. A task waits for its close, which is how a restart in
//! place is seen at once, and hands it out when it is wanted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use kubomesh_agent_api::AgentNode;
use kubomesh_core::{
    Access, AgentTimings, HealthBook, Kept, Listing, MemberName, MemberUid, MeshId, NodeState,
    PeerId, Reading, Timestamp,
};
use kubomesh_kubo::Digest;
use kubomesh_process::CancellationToken;
use tokio::sync::{Mutex as TurnLock, Semaphore, oneshot};
use tokio_util::task::TaskTracker;

use crate::agent::Agency;
use crate::following::{Follower, Members};
use crate::metrics::Verb;
use crate::mirror::Lists;
use crate::node::Node;
use crate::room::{List, Room};
use crate::wake::Wake;
use crate::{Now, lock};

#[cfg(test)]
pub(crate) mod tests;

pub(crate) struct Lines {
    around: Around,
    lines: Mutex<BTreeMap<MemberUid, Arc<Line>>>,
    /// How often a member's state was touched, by name.
    owed: Mutex<BTreeMap<MemberName, Arc<AtomicU64>>>,
    /// Who was seen.
    members: Members,
}

/// What the executor shares with whoever keeps a connection.
#[derive(Clone)]
pub(crate) struct Around {
    pub(crate) mesh: MeshId,
    pub(crate) tracker: TaskTracker,
    pub(crate) wake: Arc<Wake>,
    /// Ends every kept connection.
    pub(crate) stop: CancellationToken,
    pub(crate) room: Room,
    pub(crate) now: Now,
    pub(crate) health: Arc<Mutex<HealthBook>>,
    pub(crate) agents: AgentTimings,
}

/// All that there is of one node's connections.
pub(crate) struct Line {
    mesh: MeshId,
    /// Whose they are.
    pub(crate) member: MemberName,
    /// In which life.
    pub(crate) uid: MemberUid,
    /// Where its lists are kept.
    pub(crate) room: Room,
    /// Calls in flight to this node.
    pub(crate) calls: Arc<Semaphore>,
    /// One filters call at a time a node (measured-on-kubo, row 27).
    pub(crate) filters: TurnLock<()>,
    /// What there is of its agent.
    pub(crate) agency: Agency,
    idle: Mutex<Option<Idle>>,
    /// Digest of `swarm/peers` as it was in the state that was read at this time.
    peers: Mutex<Option<(Timestamp, Digest)>>,
    /// How often it was touched: what was seen before may be another state.
    owed: Arc<AtomicU64>,
    /// What was last left out of its answers, by verb: told when it changes.
    left_out: Mutex<BTreeMap<&'static str, String>>,
}

/// A kept connection: who it was verified as, where it leads, and how to get it from its keeper.
struct Idle {
    peer_id: PeerId,
    access: Access,
    take: oneshot::Sender<oneshot::Sender<kubomesh_kubo::Node>>,
}

impl Lines {
    pub(crate) fn new(around: Around) -> Self {
        Self {
            around,
            lines: Mutex::default(),
            owed: Mutex::default(),
            members: Members::default(),
        }
    }

    pub(crate) fn line(&self, member: &MemberName, uid: &MemberUid, calls: u32) -> Arc<Line> {
        let mut lines = lock(&self.lines);
        let line = lines.entry(uid.clone()).or_insert_with(|| {
            let mut owed = lock(&self.owed);
            Arc::new(Line {
                mesh: self.around.mesh.clone(),
                member: member.clone(),
                uid: uid.clone(),
                room: self.around.room.clone(),
                owed: Arc::clone(owed.entry(member.clone()).or_default()),
                calls: Arc::new(Semaphore::new((calls as usize).max(1))),
                filters: TurnLock::new(()),
                agency: Agency::default(),
                idle: Mutex::default(),
                peers: Mutex::default(),
                left_out: Mutex::default(),
            })
        });
        Arc::clone(line)
    }

    /// Keeps a connection for the next call, unless one is kept already. An agent's channel is kept
    /// since it was opened; its node is followed, from the state that was `read` just now.
    pub(crate) fn keep(&self, line: &Arc<Line>, access: &Access, node: Node, read: Option<Lists>) {
        match (node, access) {
            (Node::Agent(node), access) => self.follow(line, access, node, read),
            (
                Node::Direct(node),
                Access::Agent {
                    fallback: Some(direct),
                    ..
                },
            ) => self.keep_direct(line, direct, node),
            (Node::Direct(node), access) => self.keep_direct(line, access, node),
        }
    }

    /// Notes who a member is.
    pub(crate) fn seen(&self, uid: &MemberUid, peer_id: PeerId) {
        lock(&self.members).insert(uid.clone(), peer_id);
    }

    /// Notes that members were touched: what was seen of them before may be another state.
    pub(crate) fn touched(&self, members: impl IntoIterator<Item = MemberName>) {
        let owed = lock(&self.owed);
        for member in members {
            if let Some(owed) = owed.get(&member) {
                owed.fetch_add(1, Ordering::AcqRel);
            }
        }
    }

    /// The same of one life of a member.
    pub(crate) fn owe(&self, uid: &MemberUid) {
        if let Some(line) = lock(&self.lines).get(uid) {
            line.owe();
        }
    }

    /// Follows a node by its agent, unless somebody does.
    fn follow(&self, line: &Arc<Line>, access: &Access, node: AgentNode, read: Option<Lists>) {
        let Some((until, mirror)) =
            line.agency
                .followed(access, node.peer_id(), self.around.agents.silence)
        else {
            return;
        };
        let follower = Follower {
            line: Arc::downgrade(line),
            mirror,
            members: Arc::clone(&self.members),
            around: self.around.clone(),
        };
        let stop = self.around.stop.clone();
        self.around.tracker.spawn(async move {
            let following = until.run_until_cancelled(follower.follow(node, read));
            stop.run_until_cancelled(following).await;
            until.cancel();
        });
    }

    /// Rings when a channel ends.
    pub(crate) fn watch_channel(&self, line: &Line, ended: BoxFuture<'static, ()>) {
        let (wake, mesh, member) = (
            Arc::clone(&self.around.wake),
            self.around.mesh.clone(),
            line.member.clone(),
        );
        let stop = self.around.stop.clone();
        self.around.tracker.spawn(async move {
            if stop.run_until_cancelled(ended).await.is_some() {
                tracing::debug!(%mesh, %member, "channel ended");
                wake.ring(&member);
            }
        });
    }

    fn keep_direct(&self, line: &Arc<Line>, access: &Access, node: kubomesh_kubo::Node) {
        let (take, taken) = oneshot::channel();
        {
            let mut idle = lock(&line.idle);
            if idle.as_ref().is_some_and(|kept| !kept.take.is_closed()) {
                return;
            }
            *idle = Some(Idle {
                peer_id: node.peer_id(),
                access: access.clone(),
                take,
            });
        }
        let (wake, mesh, member) = (
            Arc::clone(&self.around.wake),
            self.around.mesh.clone(),
            line.member.clone(),
        );
        let stop = self.around.stop.clone();
        self.around.tracker.spawn(async move {
            let closed = stop.run_until_cancelled(wait_for_close(node, taken)).await;
            if closed == Some(true) {
                tracing::debug!(%mesh, %member, "connection lost");
                wake.ring(&member);
            }
        });
    }

    pub(crate) fn retain(&self, uids: &BTreeSet<MemberUid>) {
        lock(&self.lines).retain(|uid, _| uids.contains(uid));
        lock(&self.owed).retain(|_, owed| Arc::strong_count(owed) > 1);
        lock(&self.members).retain(|uid, _| uids.contains(uid));
    }
}

impl Line {
    /// How often it was touched.
    pub(crate) fn owed(&self) -> u64 {
        self.owed.load(Ordering::Acquire)
    }

    /// It was touched: what was seen of it before may be another state.
    pub(crate) fn owe(&self) {
        self.owed.fetch_add(1, Ordering::AcqRel);
    }

    /// The entries of a listing, if there is room for them; what was left out of it is told here, once
    /// until it changes.
    pub(crate) fn keep<L: List>(
        &self,
        verb: Verb,
        peer: PeerId,
        listing: Listing<L>,
    ) -> Reading<Kept<L>> {
        let Listing { entries, warning } = listing;
        if let Some(warning) = self.left_out(verb, warning) {
            let (mesh, member) = (&self.mesh, &self.member);
            tracing::warn!(%mesh, %member, %peer, verb = verb.label(), "{warning}");
        }
        self.room.keep(verb.path(), entries)
    }

    /// Notes of what answer the connections of the state of this time were read.
    pub(crate) fn note_peers(&self, at: Timestamp, digest: Digest) {
        *lock(&self.peers) = Some((at, digest));
    }

    /// Of what answer the connections of a state were read, if it is the last one.
    pub(crate) fn peers_of(&self, state: &NodeState) -> Option<Digest> {
        let noted = *lock(&self.peers);
        noted
            .filter(|(at, _)| *at == state.at)
            .map(|(_, digest)| digest)
    }

    /// The warning, if it is another than this verb's last one.
    fn left_out(&self, verb: Verb, warning: Option<String>) -> Option<String> {
        let mut known = lock(&self.left_out);
        let Some(warning) = warning else {
            known.remove(verb.label());
            return None;
        };
        let before = known.insert(verb.label(), warning.clone());
        (before.as_ref() != Some(&warning)).then_some(warning)
    }

    /// The kept connection, if there is one that was verified as this peer at this place.
    pub(crate) async fn take(
        &self,
        access: &Access,
        peer_id: PeerId,
    ) -> Option<kubomesh_kubo::Node> {
        let idle = lock(&self.idle).take()?;
        if idle.peer_id != peer_id || idle.access != *access {
            return None;
        }
        let (reply, node) = oneshot::channel();
        idle.take.send(reply).ok()?;
        node.await.ok()
    }
}

/// Holds an idle connection until it is taken (or nobody can take it any more): `false`; or until the
/// node closes it: `true`.
async fn wait_for_close(
    mut node: kubomesh_kubo::Node,
    taken: oneshot::Receiver<oneshot::Sender<kubomesh_kubo::Node>>,
) -> bool {
    tokio::select! {
        biased;
        reply = taken => {
            if let Ok(reply) = reply {
                // The one who asked may have given up; the connection is closed with it then.
                let _ = reply.send(node);
            }
            false
        }
        () = node.closed() => true,
    }
}
