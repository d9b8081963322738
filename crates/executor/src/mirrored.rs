//! Answers out of the mirror: what would be read from a node is there already.

use kubomesh_core::{Expected, Inquiry, NodeState};

use crate::line::Line;
use crate::metrics::Verb;
use crate::mirror::Proof;
use crate::observe::{Answer, Asking};
use crate::{Inner, READ_DEADLINE};

impl Inner {
    /// What the watch of a node shows, if it is live; after something touched the node, what it shows
    /// of a look that began after this. `None`: it is read by calls.
    pub(crate) async fn mirrored(
        &self,
        asking: &Asking,
        line: &Line,
        conn_limits: bool,
    ) -> Option<Answer> {
        let Inquiry {
            access, expected, ..
        } = &asking.inquiry;
        let Expected::Peer(peer_id) = *expected else {
            return None;
        };
        let mirror = line
            .agency
            .mirror(access, peer_id)
            .filter(|_| asking.keep_idle)?;
        let (now, owed) = ((self.now)(), line.owed());
        let shown = mirror.image(now)?;
        let proof = mirror.proof().filter(|proof| proof.owed == owed);
        let (image, asked) = match proof {
            Some(proof) => {
                let asked = proof.asked.max(shown.asked);
                (shown, asked)
            }
            None => {
                drop(shown);
                let mut node = line.agency.node(access, peer_id).await?;
                let ping = self.called(line, Verb::Ping, node.ping(true, READ_DEADLINE));
                let image = mirror.beyond(ping.await.ok()?, READ_DEADLINE).await?;
                mirror.prove(Proof { owed, asked: now });
                (image, now)
            }
        };
        let asked = Some(asked);
        let lists = match image.seen {
            Ok(lists) => lists,
            Err(failure) => {
                return Some(Answer {
                    asked,
                    failure: Some(failure),
                    ..Answer::default()
                });
            }
        };
        let conn_limits = match conn_limits {
            true => {
                let mut node = line.agency.node(access, peer_id).await?;
                let call = node.conn_limits(READ_DEADLINE);
                Some(self.called(line, Verb::Config, call).await)
            }
            false => None,
        };
        let state = NodeState {
            at: image.at,
            peer_id,
            peers: Ok(lists.peers),
            peering: lists.peering,
            filters: lists.filters,
            listen: lists.listen,
            conn_limits,
        };
        Some(Answer {
            asked,
            state: Some(state),
            ..Answer::default()
        })
    }
}
