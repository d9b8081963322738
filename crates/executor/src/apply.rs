//! Writing to nodes: sequences of calls, each answered by an outcome.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::stream::{self, StreamExt};
use kubomesh_core::{
    Access, Call, Expected, Failure, FailureKind, Outcome, Progress, Reading, Sequence,
};
use kubomesh_kubo::Node;
use tokio::sync::OwnedSemaphorePermit;

use crate::gate::Pass;
use crate::line::Line;
use crate::metrics::Verb;
use crate::sweep::{Part, Sweep};
use crate::{Executor, Inner, lock};

/// The right to have a call in flight: to this node, and at all. Semaphores are never closed; were
/// they, the call would go unbounded rather than be lost.
type Place = (Option<OwnedSemaphorePermit>, Pass);

impl Executor {
    /// Sends sequences: those of different nodes, and those of one node, side by side within the
    /// limits; the actions of one sequence in order, stopped at the first failure. One outcome an
    /// action, those after a failure as skipped.
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
            lock(&inner.outcomes).extend(outcomes);
            lock(&inner.busy).ended(&sequence);
            match part.is_late() {
                true => inner.wake.ring(&member),
                false => part.step(),
            }
        }
        if let Some(node) = spare.take(|_| true) {
            inner.lines.keep(&line, &access, node);
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
    /// Waits until a call to a node may be in flight.
    async fn enter(self: Arc<Self>, line: Arc<Line>, sequence: Sequence) -> (Sequence, Place) {
        let call = Arc::clone(&line.calls).acquire_owned().await.ok();
        let suspect = self.health().is_suspect(&sequence.uid);
        (sequence, (call, self.gate.enter(suspect).await))
    }

    async fn run(&self, sequence: &Sequence, line: &Arc<Line>, spare: &Spare) -> Vec<Outcome> {
        let mut outcomes = Vec::with_capacity(sequence.actions.len());
        let mut node = spare.take(|node| node.peer_id() == sequence.expect);
        let mut progress = Progress::of(sequence.clone());
        while let Some(call) = progress.call() {
            let result = self.act(sequence, line, &mut node, call).await;
            let ended = progress.took(result, (self.now)());
            for outcome in &ended {
                let failure = outcome.result.as_ref().err();
                self.metrics.acted(&outcome.call, failure.map(|f| f.kind));
            }
            outcomes.extend(ended);
        }
        spare.put(node);
        outcomes
    }

    /// Sends one call on the sequence's connection, opening one first if it has none. A connection
    /// on which a call was not answered is not used again.
    async fn act(
        &self,
        sequence: &Sequence,
        line: &Arc<Line>,
        node: &mut Option<Node>,
        (call, deadline): (&Call, Duration),
    ) -> Reading<()> {
        let mut open = match node.take() {
            Some(open) => open,
            None => self.open(sequence.access.clone(), line, sequence).await?,
        };
        let _turn = match call {
            Call::FiltersAdd { .. } | Call::FiltersRemove { .. } => Some(line.filters.lock().await),
            _ => None,
        };
        if !self.fence.may_write() {
            *node = Some(open);
            return Err(Failure::new(
                FailureKind::Fenced,
                "this process may not write now",
            ));
        }
        let sent = open.apply(call, deadline);
        let result = self.called(line, Verb::from(call), sent).await;
        if open.is_open() {
            *node = Some(open);
        }
        result
    }

    async fn open(&self, access: Access, line: &Line, sequence: &Sequence) -> Reading<Node> {
        let opened = self
            .verified(line, &access, Expected::Peer(sequence.expect))
            .await;
        opened.map(|(node, _)| node).map_err(|refused| refused.1)
    }
}
