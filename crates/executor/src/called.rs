//! One call to a node: timed, counted, and told to whoever listens.

use std::future::Future;
use std::time::Duration;

use kubomesh_core::{Failure, FailureKind, Reading};

use crate::Inner;
use crate::line::Line;
use crate::metrics::{Ended, Verb};

impl Inner {
    /// Awaits a call, counts it, and gives its failure the shape of the vocabulary.
    pub(crate) async fn called<T, E: Into<Failure>>(
        &self,
        line: &Line,
        verb: Verb,
        call: impl Future<Output = Result<T, E>>,
    ) -> Reading<T> {
        let timer = self.metrics.start(verb);
        let result = call.await.map_err(Into::into);
        let kind = result.as_ref().err().map(|failure| failure.kind);
        let took = timer.stop(kind);
        self.say_called(line, verb, kind, took);
        result
    }

    /// A line at `debug` for a call that changes something, at `trace` for one that reads. No texts
    /// from the node: the outcome alone.
    fn say_called(&self, line: &Line, verb: Verb, kind: Option<FailureKind>, took: Duration) {
        let (mesh, member) = (&self.mesh, &line.member);
        let (verb, changes) = (verb.label(), verb.changes());
        let (outcome, kind) = (Ended::from(kind).label(), kind.map(FailureKind::label));
        let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        if changes {
            tracing::debug!(%mesh, %member, verb, outcome, kind, ms, "called");
        } else {
            tracing::trace!(%mesh, %member, verb, outcome, kind, ms, "called");
        }
    }
}
