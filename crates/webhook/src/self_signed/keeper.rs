//! Keeps the certificate: one step at a time, each found from what is stored.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::Client;
use kube::api::{Api, PostParams};
use kubomesh_core::{Fence, Timestamp};
use kubomesh_process::Clock;
use tokio::time::Instant;

use super::authority::{self, Made};
use super::bundle::Bundles;
use super::store::Stored;
use crate::args::TlsArgs;
use crate::certificate::Intake;

/// Deadline of a look and of what follows from it.
const DEADLINE: Duration = Duration::from_secs(20);

/// Serves what the Secret holds, and sees to it where this replica holds the lease.
pub(super) struct Keeper {
    secrets: Api<Secret>,
    /// `namespace/name`, for people.
    secret: String,
    name: String,
    bundles: Bundles,
    names: Vec<String>,
    lifetime: Duration,
    settle: Duration,
    clock: Clock,
    fence: Arc<dyn Fence>,
    /// The authorities that both configurations were seen with, and since when.
    believed: Option<(String, Instant)>,
    said: Option<String>,
}

/// What is to be stored next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing, as long as the bundle is right.
    Keep,
    /// A certificate is needed at once: none is served that is good.
    First,
    /// The next one is to be made.
    Next,
    /// The next one is to be served, as soon as its authority is believed everywhere.
    Promote,
    /// Authorities whose certificates have ended are to be forgotten.
    Forget,
}

// === impl Step ===

impl Step {
    /// What is to be done about what is stored. A certificate is replaced when a third of a lifetime
    /// is left of it.
    pub(super) fn of(stored: &Stored, now: Timestamp, lifetime: Duration) -> Self {
        let Some(serving) = stored.pair(now) else {
            return Self::First;
        };
        if stored.next_pair(now).is_some() {
            Self::Promote
        } else if serving.not_after <= now + lifetime / 3 {
            Self::Next
        } else if stored.living(now) != stored.authorities {
            Self::Forget
        } else {
            Self::Keep
        }
    }
}

// === impl Keeper ===

impl Keeper {
    pub(super) fn new(args: &TlsArgs, client: Client, clock: Clock, fence: Arc<dyn Fence>) -> Self {
        let (service, namespace) = (&args.service_name, &args.namespace);
        let mut names = vec![
            format!("{service}.{namespace}.svc"),
            format!("{service}.{namespace}.svc.cluster.local"),
            format!("{service}.{namespace}"),
        ];
        names.extend(args.certificate_names.iter().cloned());
        Self {
            secrets: Api::namespaced(client.clone(), namespace),
            secret: format!("{namespace}/{}", args.secret_name),
            name: args.secret_name.clone(),
            bundles: Bundles::new(client, &args.configuration_name),
            names,
            lifetime: args.certificate_lifetime.0,
            settle: args.certificate_settle.0,
            clock,
            fence,
            believed: None,
            said: None,
        }
    }

    /// Looks at each interval, for ever.
    pub(super) async fn run(mut self, mut intake: Intake, interval: Duration) {
        loop {
            let looked = tokio::time::timeout(DEADLINE, self.look(&mut intake)).await;
            let looked = looked.unwrap_or_else(|_| Err("the API server does not answer".into()));
            let why = looked.err();
            if let Some(why) = why.as_ref().filter(|_| why != self.said) {
                tracing::warn!("the certificate cannot be seen to: {why}");
            }
            self.said = why;
            tokio::time::sleep(interval).await;
        }
    }

    /// Serves what is stored, and does the next step if it is this replica's to do.
    pub(super) async fn look(&mut self, intake: &mut Intake) -> Result<(), String> {
        let secret = self.secrets.get(&self.name).await;
        let secret = secret.map_err(|error| format!("the Secret {}: {error}", self.secret))?;
        let stored = Stored::of(&secret);
        if let Some((cert, key)) = stored.serving.clone() {
            intake.offer(Ok((cert.into_bytes(), key.into_bytes())));
        }
        if !self.fence.may_write() {
            self.believed = None;
            return Ok(());
        }
        self.lead(secret, stored).await
    }

    async fn lead(&mut self, secret: Secret, mut stored: Stored) -> Result<(), String> {
        let now = self.clock.now();
        let settled = self.believe(&stored).await?;
        match Step::of(&stored, now, self.lifetime) {
            Step::Keep => return Ok(()),
            Step::First => {
                let made = self.make(now)?;
                stored.authorities = stored.living(now);
                stored.next = None;
                promote(&mut stored, made);
                tracing::info!("a first certificate is made");
            }
            Step::Next => {
                stored.next = Some(self.make(now)?);
                tracing::info!("the next certificate is made");
            }
            Step::Promote => {
                let Some(next) = stored.next.take().filter(|_| settled) else {
                    return Ok(());
                };
                stored.authorities = stored.living(now);
                promote(&mut stored, next);
                tracing::info!("the next certificate is served from now on");
            }
            Step::Forget => stored.authorities = stored.living(now),
        }
        if !self.fence.may_write() {
            return Ok(());
        }
        let secret = stored.put(secret);
        // With the version that was read: of two holders one is refused.
        let replaced = self
            .secrets
            .replace(&self.name, &PostParams::default(), &secret)
            .await;
        replaced.map_err(|error| format!("the Secret {}: {error}", self.secret))?;
        self.believe(&stored).await.map(drop)
    }

    fn make(&self, now: Timestamp) -> Result<Made, String> {
        let made = authority::make(&self.names, now, self.lifetime);
        made.map_err(|error| format!("no certificate can be made: {error}"))
    }

    /// Has the API servers believe what is stored. Whether all of them had the time to hear of it.
    async fn believe(&mut self, stored: &Stored) -> Result<bool, String> {
        let bundle = stored.bundle();
        if bundle.is_empty() {
            return Ok(false);
        }
        let written = self.bundles.set(&bundle).await;
        let written = written.map_err(|error| format!("the webhook configurations: {error}"))?;
        let same = self.believed.as_ref().filter(|_| !written);
        let since = match same.filter(|(known, _)| *known == bundle) {
            Some((_, since)) => *since,
            None => Instant::now(),
        };
        self.believed = Some((bundle, since));
        Ok(since.elapsed() >= self.settle)
    }
}

/// Has a certificate served, its authority first.
fn promote(stored: &mut Stored, made: Made) {
    let Made {
        cert,
        key,
        authority,
    } = made;
    stored.serving = Some((cert, key));
    stored.authorities.insert(0, authority);
}
