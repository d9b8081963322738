//! Watches: what happened since a version, as it happens.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use futures::stream::{self, StreamExt};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::request::Asked;
use super::store::selects;
use super::{ApiServer, Fault, status};

/// One watch that is open.
struct Watching {
    server: ApiServer,
    asked: Asked,
    fault: Option<Fault>,
    /// Version that was told last; the greatest one once all is told.
    from: u64,
    /// It breaks off when the server's is another.
    cut: u64,
    until: Instant,
}

/// How a stream goes on.
enum Next {
    Line(String),
    End,
    Break,
}

/// Answers with what happens from a version on.
pub(super) fn answer(server: ApiServer, asked: Asked, fault: Option<Fault>) -> Response {
    let from: u64 = asked.param("resourceVersion").parse().unwrap_or(0);
    let (cut, compacted) = {
        let inner = server.lock();
        (inner.cut, inner.store.compacted)
    };
    if from < compacted {
        return status(410, "too old resource version");
    }
    let seconds = asked.param("timeoutSeconds").parse().unwrap_or(300);
    let until = Instant::now() + Duration::from_secs(seconds);
    let watching = Watching {
        server,
        asked,
        fault,
        from,
        cut,
        until,
    };
    let lines = stream::unfold(Some(watching), |watching| async {
        let mut watching = watching?;
        match watching.next().await {
            Next::Line(line) => Some((Ok::<_, std::io::Error>(line), Some(watching))),
            Next::End => None,
            Next::Break => Some((Err(std::io::Error::other("connection reset")), None)),
        }
    });
    Response::new(Body::from_stream(lines.boxed()))
}

// === impl Watching ===

impl Watching {
    async fn next(&mut self) -> Next {
        match self.fault.take() {
            Some(Fault::Mute) => match std::future::pending::<Infallible>().await {},
            Some(Fault::Empty) => return Next::End,
            Some(Fault::Gone) => {
                self.fault = Some(Fault::Empty);
                return line(
                    "ERROR",
                    &json!({
                        "apiVersion": "v1", "kind": "Status", "status": "Failure", "code": 410,
                        "message": "too old resource version", "reason": "Expired",
                    }),
                );
            }
            _ => {}
        }
        loop {
            let changed = self.server.changed.clone();
            let mut changed = std::pin::pin!(changed.notified());
            changed.as_mut().enable();
            if self.server.lock().cut != self.cut {
                return Next::Break;
            }
            if let Some(next) = self.event() {
                return next;
            }
            if timeout_at(self.until, changed).await.is_err() {
                if self.from == u64::MAX {
                    return Next::End;
                }
                // A bookmark just before the end, as the real one does.
                let version = self.server.lock().store.version();
                self.from = u64::MAX;
                return line(
                    "BOOKMARK",
                    &json!({
                        "kind": "X", "apiVersion": "v1",
                        "metadata": { "resourceVersion": version.to_string() },
                    }),
                );
            }
        }
    }

    fn event(&mut self) -> Option<Next> {
        let inner = self.server.lock();
        let asked = &self.asked;
        let events = &inner.store.events;
        let told = events.partition_point(|(version, ..)| *version <= self.from);
        for (version, key, before, after) in &events[told..] {
            let here = asked.namespace.is_empty() || key.1 == asked.namespace;
            if key.0 != asked.plural || !here {
                continue;
            }
            self.from = *version;
            let selected = |object: &Option<Value>| {
                object
                    .as_ref()
                    .filter(|object| selects(asked.param("labelSelector"), object))
                    .cloned()
            };
            let told = match (selected(before), selected(after)) {
                (None, None) => continue,
                (None, Some(object)) => ("ADDED", object),
                (Some(_), Some(object)) => ("MODIFIED", object),
                (Some(mut object), None) => {
                    object["metadata"]["resourceVersion"] = json!(version.to_string());
                    ("DELETED", object)
                }
            };
            return Some(line(told.0, &told.1));
        }
        None
    }
}

fn line(kind: &str, object: &Value) -> Next {
    Next::Line(format!("{}\n", json!({ "type": kind, "object": object })))
}
