//! Events: why a pod was admitted without what it asked for. Best effort.

use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::sync::mpsc;

use crate::metrics::WebhookMetrics;

/// Events that wait to be written; more are counted and left out.
const QUEUE: usize = 256;

/// Time between two events, at least.
const GAP: Duration = Duration::from_millis(50);

/// Deadline of one.
const DEADLINE: Duration = Duration::from_secs(5);

/// Kubernetes' limit of a note, in bytes.
const MAX_NOTE: usize = 1_024;

/// Who says it.
const CONTROLLER: &str = "kubomesh.dev/kubomesh-webhook";

/// What is said.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Told {
    /// The pod, or what makes it where it has no name yet.
    pub(crate) regarding: ObjectReference,
    /// The request's UID: names the event, so that a request that is sent twice says it once.
    pub(crate) request: String,
    /// One word.
    pub(crate) reason: &'static str,
    /// The sentence.
    pub(crate) note: String,
}

/// Where events are left to be written. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Events {
    queue: mpsc::Sender<Told>,
    metrics: WebhookMetrics,
}

// === impl Events ===

impl Events {
    /// A queue, and the future that writes what is left there.
    pub(crate) fn new(
        client: Client,
        instance: String,
        metrics: WebhookMetrics,
    ) -> (Self, impl Future<Output = ()> + Send + use<>) {
        let (queue, mut left) = mpsc::channel::<Told>(QUEUE);
        let dropped = metrics.events_dropped.clone();
        let writing = async move {
            while let Some(told) = left.recv().await {
                let written = tokio::time::timeout(DEADLINE, create(&client, &instance, told));
                let why = match written.await {
                    Ok(Ok(())) => None,
                    Ok(Err(error)) => Some(error.to_string()),
                    Err(_) => Some("the API server does not answer".to_owned()),
                };
                if let Some(why) = why {
                    dropped.inc();
                    tracing::warn!("an event is not written: {why}");
                }
                tokio::time::sleep(GAP).await;
            }
        };
        (Self { queue, metrics }, writing)
    }

    /// Leaves one to be written, unless too many wait.
    pub(crate) fn say(&self, told: Told) {
        if self.queue.try_send(told).is_err() {
            self.metrics.events_dropped.inc();
        }
    }
}

async fn create(client: &Client, instance: &str, told: Told) -> Result<(), kube::Error> {
    let namespace = told.regarding.namespace.clone().unwrap_or_default();
    let mut end = told.note.len().min(MAX_NOTE);
    while !told.note.is_char_boundary(end) {
        end -= 1;
    }
    let event = Event {
        metadata: ObjectMeta {
            name: Some(format!(
                "kubomesh.{}.{}",
                told.request,
                told.reason.to_lowercase()
            )),
            namespace: Some(namespace.clone()),
            ..ObjectMeta::default()
        },
        action: Some("Admission".to_owned()),
        event_time: Some(MicroTime(jiff::Timestamp::now())),
        note: Some(told.note[..end].to_owned()),
        reason: Some(told.reason.to_owned()),
        regarding: Some(told.regarding),
        reporting_controller: Some(CONTROLLER.to_owned()),
        reporting_instance: Some(instance.chars().take(128).collect()),
        type_: Some("Warning".to_owned()),
        ..Event::default()
    };
    let api: Api<Event> = Api::namespaced(client.clone(), &namespace);
    match api.create(&PostParams::default(), &event).await {
        // The same request was sent twice.
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
        created => created.map(drop),
    }
}
