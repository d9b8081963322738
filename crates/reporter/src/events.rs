//! Events: transitions of conditions, each said once.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{
    Condition as WireCondition, MicroTime, ObjectMeta,
};
use kube::api::PostParams;
use kube::{Api, Client};
use kubomesh_core::{Fence, Timestamp};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::ReporterMetrics;

#[cfg(test)]
mod tests;

/// Events that wait to be written; more are counted and left out.
const QUEUE: usize = 256;

/// Time between two events, at least.
const GAP: Duration = Duration::from_millis(50);

/// Deadline of one.
const DEADLINE: Duration = Duration::from_secs(5);

/// Kubernetes' limit of a note, in bytes.
const MAX_NOTE: usize = 1_024;

/// Who says it.
const CONTROLLER: &str = "kubomesh.dev/kubomesh";

/// Conditions whose True is the bad state.
const BAD_WHEN_TRUE: [&str; 5] = [
    "Degraded",
    "FilterConflict",
    "AddressConflict",
    "WrongIdentity",
    "DuplicateIdentity",
];

/// Conditions of which a first bad state is worth an event: the others are bad while a mesh forms.
const BAD_FROM_THE_FIRST: [&str; 5] = [
    "Accepted",
    "FilterConflict",
    "AddressConflict",
    "WrongIdentity",
    "DuplicateIdentity",
];

/// Reasons worth an event of their own, whatever their condition was bad for before.
const WORTH_SAYING: [&str; 1] = ["StorageNetworkDown"];

/// What is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Transition {
    /// The condition, or another word for what happened.
    pub(crate) action: String,
    /// `Warning`, else `Normal`.
    pub(crate) warning: bool,
    /// From the closed set of reasons.
    pub(crate) reason: String,
    /// The sentence.
    pub(crate) note: String,
}

/// Where events are left to be written. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Events {
    queue: mpsc::Sender<(ObjectReference, Transition)>,
    /// What waits: an event that is the same as a waiting one is not said twice.
    waiting: Arc<Mutex<BTreeSet<Key>>>,
    metrics: ReporterMetrics,
}

/// Object, action, reason, warning.
type Key = (String, String, String, bool);

/// The writing end.
pub(crate) struct EventWriter {
    client: Client,
    fence: Arc<dyn Fence>,
    instance: String,
    now: Box<dyn Fn() -> Timestamp + Send + Sync>,
    queue: mpsc::Receiver<(ObjectReference, Transition)>,
    waiting: Arc<Mutex<BTreeSet<Key>>>,
    metrics: ReporterMetrics,
}

// === impl Transition ===

impl Transition {
    /// The transitions between two sets of conditions that are worth an event.
    pub(crate) fn between(before: &[WireCondition], after: &[WireCondition]) -> Vec<Self> {
        let one = |now: &WireCondition| {
            let was = before.iter().find(|was| was.type_ == now.type_);
            let is_new = was.is_none_or(|was| was.status == "Unknown");
            let worth_saying = WORTH_SAYING.contains(&now.reason.as_str());
            let same = |was: &WireCondition| {
                was.status == now.status && (!worth_saying || was.reason == now.reason)
            };
            if now.status == "Unknown" || was.is_some_and(same) {
                return None;
            }
            let kind = now.type_.as_str();
            let bad = (now.status == "True") == BAD_WHEN_TRUE.contains(&kind);
            let worth = match (is_new, bad) {
                (false, _) => true,
                (true, true) => worth_saying || BAD_FROM_THE_FIRST.contains(&kind),
                (true, false) => kind == "Ready",
            };
            worth.then(|| Self {
                action: kind.into(),
                warning: bad,
                reason: now.reason.clone(),
                note: note(kind, now),
            })
        };
        after.iter().filter_map(one).collect()
    }
}

fn note(kind: &str, now: &WireCondition) -> String {
    let text = match now.message.as_str() {
        "" => format!("{kind} is {}", now.status),
        message => format!("{kind} is {}: {message}", now.status),
    };
    let mut end = text.len().min(MAX_NOTE);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].into()
}

// === impl Events ===

impl Events {
    /// A queue and its writer.
    pub(crate) fn new(
        client: Client,
        fence: Arc<dyn Fence>,
        instance: String,
        now: Box<dyn Fn() -> Timestamp + Send + Sync>,
        metrics: ReporterMetrics,
    ) -> (Self, EventWriter) {
        let (sender, queue) = mpsc::channel(QUEUE);
        let waiting = Arc::<Mutex<BTreeSet<Key>>>::default();
        let events = Self {
            queue: sender,
            waiting: Arc::clone(&waiting),
            metrics: metrics.clone(),
        };
        (
            events,
            EventWriter {
                client,
                fence,
                instance,
                now,
                queue,
                waiting,
                metrics,
            },
        )
    }

    /// Leaves an event to be written, unless the same one waits already or too many do.
    pub(crate) fn say(&self, regarding: ObjectReference, transition: Transition) {
        let key = key(&regarding, &transition);
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.contains(&key) {
            return;
        }
        match self.queue.try_send((regarding, transition)) {
            Ok(()) => drop(waiting.insert(key)),
            Err(_) => self.metrics.events_dropped.inc(),
        }
    }
}

fn key(regarding: &ObjectReference, transition: &Transition) -> Key {
    let object = regarding.uid.clone().unwrap_or_default();
    (
        object,
        transition.action.clone(),
        transition.reason.clone(),
        transition.warning,
    )
}

// === impl EventWriter ===

impl EventWriter {
    /// Writes until nobody leaves events any more.
    pub(crate) async fn run(mut self) {
        let mut said = None;
        while let Some((regarding, transition)) = self.queue.recv().await {
            let key = key(&regarding, &transition);
            self.waiting
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&key);
            if !self.fence.may_write() {
                continue;
            }
            let outcome = match timeout(DEADLINE, self.create(regarding, transition)).await {
                Ok(Ok(_)) => Ok(()),
                Ok(Err(kube::Error::Api(status))) if status.code == 403 => Err(format!(
                    "the controller may not create events.events.k8s.io: grant its service account \
                     the verb `create` on them, as manifests/base/rbac.yaml does ({})",
                    status.message
                )),
                Ok(Err(error)) => Err(error.to_string()),
                Err(_) => Err("the API server does not answer".into()),
            };
            let label = if outcome.is_ok() { "done" } else { "failed" };
            self.metrics.writes.get(("event", label)).inc();
            let why = outcome.err();
            if let Some(why) = &why
                && said.as_ref() != Some(why)
            {
                tracing::warn!("an event is not written: {why}");
            }
            said = why;
            tokio::time::sleep(GAP).await;
        }
    }

    async fn create(
        &self,
        regarding: ObjectReference,
        transition: Transition,
    ) -> Result<Event, kube::Error> {
        static SERIAL: AtomicU64 = AtomicU64::new(0);
        let at = (self.now)();
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let name = regarding.name.as_deref().unwrap_or_default();
        let namespace = regarding.namespace.clone().unwrap_or_default();
        let millis = i64::try_from(at.0).unwrap_or(i64::MAX);
        let event = Event {
            metadata: ObjectMeta {
                name: Some(format!("{name}.{:x}{serial:04x}", at.0)),
                namespace: Some(namespace.clone()),
                ..ObjectMeta::default()
            },
            action: Some(transition.action),
            event_time: Some(MicroTime(
                jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX),
            )),
            note: Some(transition.note),
            reason: Some(transition.reason),
            regarding: Some(regarding),
            reporting_controller: Some(CONTROLLER.into()),
            reporting_instance: Some(self.instance.clone()),
            type_: Some(
                if transition.warning {
                    "Warning"
                } else {
                    "Normal"
                }
                .into(),
            ),
            ..Event::default()
        };
        let api: Api<Event> = Api::namespaced(self.client.clone(), &namespace);
        api.create(&PostParams::default(), &event).await
    }
}
