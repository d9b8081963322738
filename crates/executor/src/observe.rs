//! Reading nodes: one inquiry a node, one answer or one failure a node.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};

use futures::FutureExt as _;
use kubomesh_core::{
    Address, Connections, Expected, Failure, FailureKind, Inquiry, Kept, Listing, MemberName,
    NodeState, Observation, PathTaken, PeerId, Reading, Scope, Sighting, Standing, Timestamp,
};
use kubomesh_kubo::Digest;

use crate::agent::Place;
use crate::line::Line;
use crate::metrics::Verb;
use crate::mirror::Lists;
use crate::node::Node;
use crate::opening::{Refused, accept, unseen};
use crate::room::List;
use crate::sweep::{Part, Sweep};
use crate::{Executor, Inner, READ_DEADLINE, lock};

/// What is known of every node, by name.
pub type Observations = BTreeMap<MemberName, Arc<Observation>>;

impl Executor {
    /// Asks nodes, and brings `known` up to date with the answers that are there in time, together
    /// with late ones of earlier passes. A node that is still being asked, or whose back-off has not
    /// run out, is not asked again; after the stop nobody is.
    ///
    /// Returns the members whose observation was renewed.
    pub async fn observe(
        &self,
        inquiries: BTreeMap<MemberName, Inquiry>,
        keep_idle: bool,
        known: &mut Observations,
    ) -> BTreeSet<MemberName> {
        let (sweep, part) = Sweep::new();
        let mut waiting = VecDeque::new();
        for (name, inquiry) in inquiries {
            let standing = self
                .inner
                .health()
                .standing(&inquiry.uid, (self.inner.now)());
            if standing == Standing::Waiting || !lock(&self.inner.asking).insert(name.clone()) {
                continue;
            }
            self.inner.health().asks(&inquiry.uid);
            let suspect = standing == Standing::Due { suspect: true };
            let before = known.get(&name).cloned();
            let asking = Asking {
                name,
                inquiry,
                before,
                suspect,
                keep_idle,
            };
            if suspect {
                // A suspect waits at its own door, in its own time: the pass does not wait for it.
                let inner = Arc::clone(&self.inner);
                self.inner
                    .spawn_read(async move { inner.ask_and_keep(asking, None).await });
            } else {
                waiting.push_back(asking);
            }
        }
        // As many tasks as find a place at the gate: one for each of thousands of nodes would take
        // fresh memory for each and then wait there.
        let tasks = waiting.len().min(self.inner.gate.places());
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..tasks {
            let (inner, part) = (Arc::clone(&self.inner), part.clone());
            let waiting = Arc::clone(&waiting);
            self.inner.spawn_read(async move {
                while let Some(asking) = next(&waiting) {
                    inner.ask_and_keep(asking, Some(&part)).await;
                }
            });
        }
        drop(part);
        sweep.wait().await;
        let answers = std::mem::take(&mut *lock(&self.inner.answers));
        let mut renewed = BTreeSet::new();
        for (name, answer) in answers {
            let observation = answer.over(known.get(&name).map(AsRef::as_ref));
            renewed.insert(name.clone());
            known.insert(name, Arc::new(observation));
        }
        renewed
    }
}

/// One node being asked.
pub(crate) struct Asking {
    name: MemberName,
    pub(crate) inquiry: Inquiry,
    before: Option<Arc<Observation>>,
    suspect: bool,
    pub(crate) keep_idle: bool,
}

/// The next node that is to be asked.
fn next(waiting: &Mutex<VecDeque<Asking>>) -> Option<Asking> {
    lock(waiting).pop_front()
}

/// What one inquiry brought.
#[derive(Default)]
pub(crate) struct Answer {
    /// When what it brought was asked for, if that was earlier than the inquiry.
    pub(crate) asked: Option<Timestamp>,
    pub(crate) sighting: Option<Sighting>,
    pub(crate) state: Option<NodeState>,
    pub(crate) failure: Option<Failure>,
    pub(crate) path: Option<PathTaken>,
}

impl Inner {
    async fn ask_and_keep(&self, asking: Asking, part: Option<&Part>) {
        let pass = self.gate.enter(asking.suspect).await;
        let began = (self.now)();
        let answer = self.ask(&asking).await;
        drop(pass);
        let observation = self.observation(&asking, answer, began);
        lock(&self.answers).push((asking.name.clone(), observation));
        lock(&self.asking).remove(&asking.name);
        match part {
            Some(part) if !part.is_late() => part.step(),
            _ => self.wake.ring(&asking.name),
        }
    }

    /// An answer, and how many failures in a row it makes.
    fn observation(&self, asking: &Asking, answer: Answer, began: Timestamp) -> Observation {
        let Inquiry { uid, .. } = &asking.inquiry;
        let now = (self.now)();
        let failures = match &answer.failure {
            None => {
                self.health().answered(uid);
                0
            }
            Some(failure) => self.health().failed(uid, failure.kind, now),
        };
        Observation {
            uid: uid.clone(),
            asked: answer.asked.unwrap_or(began),
            sighting: answer.sighting,
            state: answer.state,
            failure: answer.failure,
            failures,
            path: answer.path,
        }
    }

    async fn ask(&self, asking: &Asking) -> Answer {
        let line = self.lines.line(
            &asking.name,
            &asking.inquiry.uid,
            self.limits.in_flight_per_node,
        );
        let asked = match asking.inquiry.scope {
            Scope::Identity => self.ask_identity(&asking.inquiry, &line).await,
            Scope::Introduction => self.ask_introduction(&asking.inquiry, &line).await,
            Scope::Full { conn_limits } => match self.mirrored(asking, &line, conn_limits).await {
                Some(answer) => Ok(answer),
                None => self.ask_all(asking, &line, conn_limits).await,
            },
        };
        let answer = asked.unwrap_or_else(|refused| {
            let (sighting, failure) = *refused;
            Answer {
                sighting,
                failure: Some(failure),
                ..Answer::default()
            }
        });
        Answer {
            path: Place::of(&asking.inquiry.access).and_then(|_| line.agency.path()),
            ..answer
        }
    }

    /// `id`, on as many separate connections as asked for. They count as one sighting only if all
    /// of them show the same.
    async fn ask_identity(&self, inquiry: &Inquiry, line: &Line) -> Result<Answer, Refused> {
        let mut answer = Answer::default();
        for _ in 0..inquiry.connections.max(1) {
            let introduction = self
                .introduce(line, &inquiry.access)
                .await
                .map_err(unseen)?;
            let shown = self.sighting(&introduction);
            answer.sighting = match answer.sighting {
                Some(seen) if seen.peer_id == shown.peer_id => Some(Sighting {
                    connections: seen.connections.saturating_add(1),
                    ..shown
                }),
                _ => Some(shown),
            };
        }
        if let (Expected::Peer(expected), Some(seen)) = (inquiry.expected, &answer.sighting)
            && seen.peer_id != expected
        {
            let text = format!("expected {expected}, and {} answers", seen.peer_id);
            answer.failure = Some(Failure::new(FailureKind::WrongIdentity, &text));
        }
        Ok(answer)
    }

    async fn ask_introduction(&self, inquiry: &Inquiry, line: &Line) -> Result<Answer, Refused> {
        let introduction = self
            .introduce(line, &inquiry.access)
            .await
            .map_err(unseen)?;
        let sighting = self.sighting(&introduction);
        let mut node = accept(introduction, inquiry.expected, &sighting)?;
        let listen = self.ask_listen(line, &mut node).await;
        let state = NodeState {
            at: (self.now)(),
            peer_id: sighting.peer_id,
            peers: not_asked(),
            peering: not_asked(),
            filters: not_asked(),
            listen,
            conn_limits: None,
        };
        Ok(Answer {
            sighting: Some(sighting),
            state: Some(state),
            ..Answer::default()
        })
    }

    async fn ask_all(
        &self,
        asking: &Asking,
        line: &Arc<Line>,
        conn_limits: bool,
    ) -> Result<Answer, Refused> {
        let Inquiry {
            access, expected, ..
        } = &asking.inquiry;
        let (mut node, mut sighting) = self.verified(line, access, *expected).await?;
        let (mut peers, mut digest) = self.ask_peers(asking, line, &mut node).await;
        if matches!(&peers, Err(failure) if failure.kind == FailureKind::WrongIdentity) {
            // Another Kubo came behind the agent, whose channel stays open: who it is is to be seen.
            let (other, seen) = self.shown(line, access, *expected).await?;
            (node, sighting) = (other, Some(seen));
            (peers, digest) = self.ask_peers(asking, line, &mut node).await;
        }
        still_open(&node, &peers, &sighting)?;
        let peering = self
            .listed(
                line,
                Verb::PeeringLs,
                node.peer_id(),
                node.peering(READ_DEADLINE),
            )
            .await;
        still_open(&node, &peering, &sighting)?;
        let filters = self
            .listed(
                line,
                Verb::Filters,
                node.peer_id(),
                node.filters(READ_DEADLINE),
            )
            .await;
        still_open(&node, &filters, &sighting)?;
        let listen = self.ask_listen(line, &mut node).await;
        still_open(&node, &listen, &sighting)?;
        let conn_limits = match conn_limits {
            true => Some(
                self.called(line, Verb::Config, node.conn_limits(READ_DEADLINE))
                    .await,
            ),
            false => None,
        };
        let (at, peer_id) = ((self.now)(), node.peer_id());
        self.lines.seen(&asking.inquiry.uid, peer_id);
        if let Some(digest) = digest {
            line.note_peers(at, digest);
        }
        // A node whose swarm cannot be read is not known, whatever else it answers.
        let failure = peers.as_ref().err().cloned();
        let state = NodeState {
            at,
            peer_id,
            peers,
            peering,
            filters,
            listen,
            conn_limits,
        };
        if asking.keep_idle {
            self.lines.keep(line, access, node, Lists::of(&state));
        } else {
            line.agency.let_go().await;
        }
        Ok(Answer {
            sighting,
            state: failure.is_none().then_some(state),
            failure,
            ..Answer::default()
        })
    }

    /// The connections that a node lists. What it says to the letter as in the state that is known is
    /// taken from there.
    async fn ask_peers(
        &self,
        asking: &Asking,
        line: &Line,
        node: &mut Node,
    ) -> (Reading<Kept<Connections>>, Option<Digest>) {
        let before = asking.before.as_deref().and_then(|b| b.state.as_ref());
        let before = before.and_then(|state| {
            let peers = state.peers.as_ref().ok()?;
            Some((line.peers_of(state)?, peers))
        });
        let peer = node.peer_id();
        let call = node.peers_since(before.map(|(digest, _)| digest), READ_DEADLINE);
        // Kept before anything else runs: what is not kept yet is not counted.
        let call = call.map(|answer| match answer? {
            (digest, None) => Ok::<_, Failure>((digest, before.map(|(_, same)| same.clone()))),
            (digest, Some(listing)) => {
                let peers = line.keep(Verb::Peers, peer, listing)?;
                Ok((digest, Some(peers)))
            }
        });
        match self.called(line, Verb::Peers, call).await {
            Ok((digest, peers)) => (Ok(peers.unwrap_or_default()), digest),
            Err(failure) => (Err(failure), None),
        }
    }

    async fn ask_listen(&self, line: &Line, node: &mut Node) -> Reading<Kept<Vec<Address>>> {
        let peer = node.peer_id();
        self.listed(line, Verb::Listen, peer, node.listen(READ_DEADLINE))
            .await
    }

    /// Calls for a list and keeps it, if there is room.
    async fn listed<L: List>(
        &self,
        line: &Line,
        verb: Verb,
        peer: PeerId,
        call: impl Future<Output = Reading<Listing<L>>>,
    ) -> Reading<Kept<L>> {
        let call = call.map(|answer| line.keep(verb, peer, answer?));
        self.called(line, verb, call).await
    }
}

/// Stops an inquiry at the first read that was not answered: the connection is gone, and the next
/// read could only fail.
fn still_open<T>(
    node: &Node,
    reading: &Reading<T>,
    sighting: &Option<Sighting>,
) -> Result<(), Refused> {
    match reading {
        Err(failure) if !node.is_open() => Err(Box::new((sighting.clone(), failure.clone()))),
        _ => Ok(()),
    }
}

fn not_asked<T>() -> Reading<T> {
    Err(Failure::new(FailureKind::Skipped, "not asked"))
}
