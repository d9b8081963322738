//! Writing to nodes: sequences of calls, each answered by an outcome.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::stream::{FuturesUnordered, StreamExt};
use kubomesh_core::{
    Access, Action, Call, Expected, Failure, FailureKind, MemberName, Outcome, Reading, Sequence,
};
use kubomesh_kubo::Node;
use tokio::sync::mpsc;

use crate::line::Line;
use crate::metrics::Verb;
use crate::{Executor, Inner, PATIENCE, lock};

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
            self.mark(&sequence, true);
            nodes
                .entry(sequence.uid.clone())
                .or_default()
                .push(sequence);
        }
        let (pass, mut done) = mpsc::channel::<()>(1);
        for sequences in nodes.into_values() {
            let (executor, pass) = (self.clone(), pass.clone());
            self.inner
                .tracker
                .spawn(async move { executor.apply_to_node(sequences, pass).await });
        }
        drop(pass);
        let _ = tokio::time::timeout(PATIENCE, done.recv()).await;
        drop(done);
        self.late_outcomes()
    }

    async fn apply_to_node(&self, sequences: Vec<Sequence>, pass: mpsc::Sender<()>) {
        let mut waiting = sequences.into_iter();
        let mut running = FuturesUnordered::new();
        let at_once = self.inner.limits.in_flight_per_node.max(1) as usize;
        loop {
            while running.len() < at_once
                && let Some(sequence) = waiting.next()
            {
                running.push(async move {
                    let outcomes = self.inner.run(&sequence).await;
                    (sequence, outcomes)
                });
            }
            let Some((sequence, outcomes)) = running.next().await else {
                return;
            };
            lock(&self.inner.outcomes).extend(outcomes);
            self.mark(&sequence, false);
            if pass.is_closed() {
                self.inner.wake.ring(&sequence.member);
            }
        }
    }

    /// Notes that a sequence is under way, or no longer.
    fn mark(&self, sequence: &Sequence, under_way: bool) {
        let mut busy = lock(&self.inner.busy);
        for action in &sequence.actions {
            match (&action.link, under_way) {
                (Some(link), true) => drop(busy.links.insert(link.clone())),
                (Some(link), false) => drop(busy.links.remove(link)),
                (None, true) => drop(busy.members.insert(sequence.member.clone())),
                (None, false) => drop(busy.members.remove(&sequence.member)),
            }
        }
    }
}

impl Inner {
    async fn run(&self, sequence: &Sequence) -> Vec<Outcome> {
        let line = self
            .lines
            .line(&sequence.uid, self.limits.in_flight_per_node);
        let suspect = self.health.is_suspect(&sequence.uid);
        let mut outcomes = Vec::with_capacity(sequence.actions.len());
        let mut node = None;
        let mut stopped = false;
        for action in &sequence.actions {
            if stopped {
                let skipped = Failure::new(FailureKind::Skipped, "an earlier action failed");
                outcomes.push(self.outcome(sequence, action, action.call.clone(), Err(skipped)));
                continue;
            }
            let _in_flight = line.calls.acquire().await;
            let _place = self.gate.enter(suspect).await;
            let result = self.act(sequence, &line, &mut node, action).await;
            stopped = result.is_err();
            outcomes.push(self.outcome(sequence, action, action.call.clone(), result));
            if stopped && let Some(call) = &action.on_failure {
                let instead = Action {
                    call: call.clone(),
                    on_failure: None,
                    ..action.clone()
                };
                let result = self.act(sequence, &line, &mut node, &instead).await;
                outcomes.push(self.outcome(sequence, action, call.clone(), result));
            }
        }
        if let Some(node) = node {
            self.lines
                .keep(&sequence.member, &line, &sequence.access, node);
        }
        outcomes
    }

    fn outcome(
        &self,
        sequence: &Sequence,
        action: &Action,
        call: Call,
        result: Reading<()>,
    ) -> Outcome {
        self.metrics
            .acted(&call, result.as_ref().err().map(|failure| failure.kind));
        Outcome {
            member: sequence.member.clone(),
            call,
            link: action.link.clone(),
            at: (self.now)(),
            result,
        }
    }

    /// Sends one call on the sequence's connection, opening one first if it has none. A connection
    /// on which a call was not answered is not used again.
    async fn act(
        &self,
        sequence: &Sequence,
        line: &Arc<Line>,
        node: &mut Option<Node>,
        action: &Action,
    ) -> Reading<()> {
        let mut open = match node.take() {
            Some(open) => open,
            None => self.open(sequence.access.clone(), line, sequence).await?,
        };
        let _turn = match &action.call {
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
        let result = self.send(&mut open, action).await;
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

    async fn send(&self, node: &mut Node, action: &Action) -> Reading<()> {
        self.read(
            Verb::from(&action.call),
            node.apply(&action.call, action.deadline),
        )
        .await
    }
}

/// The members that a plan's sequences touch: those that are called, and those they are to reach.
#[must_use]
pub fn touched_by(sequences: &[Sequence]) -> Vec<MemberName> {
    let ends = sequences.iter().flat_map(|sequence| {
        let links = sequence
            .actions
            .iter()
            .filter_map(|action| action.link.as_ref());
        let ends = links.flat_map(|link| [link.a.clone(), link.b.clone()]);
        std::iter::once(sequence.member.clone()).chain(ends)
    });
    ends.collect()
}
