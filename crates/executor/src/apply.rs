//! Writing to nodes: sequences of calls, each answered by an outcome.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::stream::{self, StreamExt};
use kubomesh_core::{
    Access, Call, Expected, Failure, FailureKind, Outcome, Progress, Reading, Sequence,
};
use tokio::sync::{MutexGuard, OwnedSemaphorePermit};

use crate::gate::Pass;
use crate::line::Line;
use crate::metrics::Verb;
use crate::node::Node;
use crate::sweep::{Part, Sweep};
use crate::{Executor, Inner, lock};

/// The right to have a call in flight: to this node, and at all. Semaphores are never closed; were
/// they, the call would go unbounded rather than be lost.
type Place = (Option<OwnedSemaphorePermit>, Pass);

/// A sequence that is being sent.
struct Run<'a> {
    sequence: &'a Sequence,
    line: &'a Arc<Line>,
    /// The connection that the next call goes on.
    node: Option<Node>,
    /// Whether a call of it was sent. What depends on that call belongs to it: a stop refuses only
    /// what has not begun.
    begun: bool,
}

/// A connection to send a call on, and the turn that the call needs.
type Ready<'a> = (Node, Option<MutexGuard<'a, ()>>);

impl Executor {
    /// Sends sequences: those of different nodes, and those of one node, side by side within the
    /// limits; the actions of one sequence in order, stopped at the first failure. One outcome an
    /// action, those after a failure as skipped.
    ///
    /// After the stop no sequence begins: one of which nothing was sent is refused, whatever it waits
    /// for. One that has begun is sent to its end, with what it gives back.
    ///
    /// Returns the outcomes that are there in time; later ones wake the next pass and are taken by
    /// [`Executor::late_outcomes`].
    pub async fn apply(&self, sequences: Vec<Sequence>) -> Vec<Outcome> {
        let mut nodes: BTreeMap<_, Vec<Sequence>> = BTreeMap::new();
        for sequence in sequences {
            lock(&self.inner.busy).began(&sequence);
            nodes
                .entry(sequence.uid.clone())
                .or_default()
                .push(sequence);
        }
        let (sweep, part) = Sweep::new();
        for sequences in nodes.into_values() {
            let (executor, part) = (self.clone(), part.clone());
            self.inner
                .tracker
                .spawn(async move { executor.apply_to_node(sequences, part).await });
        }
        drop(part);
        sweep.wait().await;
        self.late_outcomes()
    }

    /// Sends the sequences of one node. Each waits for its place before the next one does: nodes take
    /// turns at the gate, and a connection is opened only for what runs side by side.
    async fn apply_to_node(&self, sequences: Vec<Sequence>, part: Part) {
        let Some(first) = sequences.first() else {
            return;
        };
        let (member, access) = (first.member.clone(), first.access.clone());
        let (inner, at_once) = (&self.inner, self.inner.limits.in_flight_per_node.max(1));
        let line = inner.lines.line(&first.member, &first.uid, at_once);
        let spare = Spare::default();
        let placed = stream::iter(sequences)
            .then(|sequence| Arc::clone(inner).enter(Arc::clone(&line), sequence));
        let ended = placed.map(|(sequence, place)| async {
            let outcomes = inner.run(&sequence, &line, &spare).await;
            drop(place);
            (sequence, outcomes)
        });
        let mut ended = pin!(ended.buffer_unordered(at_once as usize));
        while let Some((sequence, outcomes)) = ended.next().await {
            // What was seen of them before proves nothing (ARCHITECTURE.md, invariant 12).
            inner
                .lines
                .touched(outcomes.iter().flat_map(Outcome::touches));
            lock(&inner.outcomes).extend(outcomes);
            lock(&inner.busy).ended(&sequence);
            match part.is_late() {
                true => inner.wake.ring(&member),
                false => part.step(),
            }
        }
        if let Some(node) = spare.take(|_| true) {
            inner.lines.keep(&line, &access, node, None);
        }
    }
}

/// Connections to one node between the sequences that use them.
#[derive(Default)]
struct Spare(Mutex<Vec<Node>>);

impl Spare {
    fn take(&self, fits: impl Fn(&Node) -> bool) -> Option<Node> {
        lock(&self.0).pop().filter(fits)
    }

    fn put(&self, node: Option<Node>) {
        lock(&self.0).extend(node);
    }
}

impl Inner {
    /// Waits until a call to a node may be in flight, or until none may be begun.
    async fn enter(
        self: Arc<Self>,
        line: Arc<Line>,
        sequence: Sequence,
    ) -> (Sequence, Option<Place>) {
        let place = async {
            let call = Arc::clone(&line.calls).acquire_owned().await.ok();
            let suspect = self.health().is_suspect(&sequence.uid);
            (call, self.gate.enter(suspect).await)
        };
        let place = self.stop.run_until_cancelled(place).await;
        (sequence, place)
    }

    async fn run(&self, sequence: &Sequence, line: &Arc<Line>, spare: &Spare) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(sequence.actions.len());
        let mut run = Run {
            sequence,
            line,
            node: spare.take(|node| node.peer_id() == sequence.expect),
            begun: false,
        };
        let mut progress = Progress::of(sequence.clone());
        while let Some(call) = progress.call() {
            let result = self.act(&mut run, call).await;
            let ended = progress.took(result, (self.now)());
            for outcome in &ended {
                let failure = outcome.result.as_ref().err();
                self.metrics.acted(&outcome.call, failure.map(|f| f.kind));
            }
            outcomes.extend(ended);
        }
        spare.put(run.node);
        outcomes
    }

    /// Sends one call on the sequence's connection. A connection on which a call was not answered is
    /// not used again.
    async fn act(&self, run: &mut Run<'_>, (call, deadline): (&Call, Duration)) -> Reading<()> {
        let line = run.line;
        let ready = self.ready(run.node.take(), run, call);
        let (mut open, _turn) = match run.begun {
            true => ready.await?,
            false => match self.stop.run_until_cancelled(ready).await {
                Some(ready) => ready?,
                None => return Err(stopping()),
            },
        };
        if let Some(refused) = self.refused(run) {
            run.node = Some(open);
            return Err(refused);
        }
        // From here to the sending of the call nothing is awaited.
        run.begun = true;
        let sent = open.apply(call, deadline);
        let result = self.called(line, Verb::from(call), sent).await;
        if open.is_open() {
            run.node = Some(open);
        }
        result
    }

    /// Makes ready for a call: a connection, opened if there is none, and its turn.
    async fn ready<'a>(
        &self,
        node: Option<Node>,
        run: &Run<'a>,
        call: &Call,
    ) -> Reading<Ready<'a>> {
        let open = match node {
            Some(open) => open,
            None => {
                let access = run.sequence.access.clone();
                self.open(access, run.line, run.sequence).await?
            }
        };
        let turn = match call {
            Call::FiltersAdd { .. } | Call::FiltersRemove { .. } => {
                Some(run.line.filters.lock().await)
            }
            _ => None,
        };
        Ok((open, turn))
    }

    /// Why the next call of a sequence may not be sent at this moment.
    fn refused(&self, run: &Run<'_>) -> Option<Failure> {
        if !run.begun && self.stop.is_cancelled() {
            return Some(stopping());
        }
        let fenced = || Failure::new(FailureKind::Fenced, "this process may not write now");
        (!self.fence.may_write()).then(fenced)
    }

    async fn open(&self, access: Access, line: &Line, sequence: &Sequence) -> Reading<Node> {
        let opened = self
            .verified(line, &access, Expected::Peer(sequence.expect))
            .await;
        opened.map(|(node, _)| node).map_err(|refused| refused.1)
    }
}

fn stopping() -> Failure {
    Failure::new(FailureKind::Fenced, "it was asked to stop")
}
