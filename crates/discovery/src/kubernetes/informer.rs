//! One watch: a consistent list, then a watch from its version, for as long as the process lives.
//!
//! kube's `watcher` does most of this and hides what removal needs to know: the version of a list
//! (an older one than before: the store was restored), bookmarks and orderly ends (the watch's age),
//! and when a list was made (every 10 min and after each lost connection one without a version). It
//! also starts a watch again for ever where a server answers 410 as a status. So this is built on
//! kube's requests instead.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use futures::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};
use kube::Client;
use kube::api::{ListParams, Request, WatchParams};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout};

use super::kinds::Watched;
use super::line::{self, Line, MAX_LINE, Page};
use super::sentence::{chain, sentence};
use crate::DiscoveryMetrics;

/// What a watch tells.
pub(super) enum Event<F> {
    /// A complete consistent list.
    Listed {
        /// Everything.
        all: Vec<F>,
        /// Its resource version; 0 when it is no number.
        version: u64,
        /// Whether an older state was shown than before.
        restored: bool,
    },
    /// An object was created or changed.
    Applied(F, u64),
    /// An object is gone, or the selector no longer names it.
    Deleted(F, u64),
    /// A sign of life, and the version up to which the view is complete (0: not told).
    Heard(u64),
    /// What goes wrong, once for each sentence; `None`: it works again.
    Trouble(Option<String>),
}

/// How often to list; changed at any time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pace {
    /// Time between two lists.
    pub(super) interval: Duration,
    /// Raised when everything is to be read anew at once.
    pub(super) anew: u64,
}

/// What is watched and where it is told.
pub(super) struct Informer<W: Watched, T> {
    pub(super) client: Client,
    /// Path of the collection: `/api/v1/namespaces/apps/pods`.
    pub(super) path: String,
    /// Where that is, for sentences: `in namespace apps`.
    pub(super) scope: String,
    /// Label selector; empty for all.
    pub(super) labels: String,
    pub(super) watch_timeout: Duration,
    pub(super) pace: watch::Receiver<Pace>,
    pub(super) metrics: DiscoveryMetrics,
    pub(super) sink: mpsc::Sender<T>,
    pub(super) wrap: Box<dyn Fn(Event<W::Facts>) -> T + Send + Sync>,
}

/// Objects on a page of a list.
const PAGE: u32 = 500;

/// How much longer than its timeout a silent watch is waited for.
const MARGIN: Duration = Duration::from_secs(5);

/// A watch that the server ends sooner than this did not work.
const SHORT_LIVED: Duration = Duration::from_secs(1);

/// Waits between attempts: doubling, with jitter.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(5));

/// How a watch ended.
enum End {
    /// The server closed it in its time; it is taken up where it ended.
    InOrder,
    /// A list is due.
    ListDue,
    /// It broke off, was refused, or its version is too old.
    Lost(String),
}

/// The last list.
#[derive(Clone, Copy)]
struct Listed {
    /// When it was begun.
    at: Instant,
    /// [`Pace::anew`] then.
    anew: u64,
}

/// Nobody listens any more.
struct Closed;

// === impl Informer ===

impl<W: Watched, T: Send + 'static> Informer<W, T> {
    /// Runs until nobody listens.
    pub(super) async fn run(mut self) {
        // Only a closed channel ends it.
        let _ = self.follow().await;
    }

    async fn follow(&mut self) -> Result<(), Closed> {
        let waits = ExponentialBuilder::default()
            .with_min_delay(BACKOFF.0)
            .with_max_delay(BACKOFF.1)
            .with_jitter()
            .without_max_times();
        let mut backoff = waits.build();
        let mut highest = 0;
        loop {
            let listed = Listed {
                at: Instant::now(),
                anew: self.pace.borrow().anew,
            };
            let outcome = match self.list().await {
                Ok((all, mut version)) => {
                    let number = number_of(&version);
                    let restored = number > 0 && number < highest;
                    self.tell(Event::Listed {
                        all,
                        version: number,
                        restored,
                    })
                    .await?;
                    self.tell(Event::Trouble(None)).await?;
                    let end = self.watch(&mut version, listed).await?;
                    highest = number_of(&version);
                    end
                }
                Err(why) => End::Lost(why),
            };
            match outcome {
                End::ListDue | End::InOrder => backoff = waits.build(),
                End::Lost(why) => {
                    self.metrics.failures.get(W::KIND).inc();
                    tracing::debug!(kind = W::KIND.label(), path = self.path, why, "watch lost");
                    self.tell(Event::Trouble(Some(why))).await?;
                    if listed.at.elapsed() > BACKOFF.1 * 4 {
                        backoff = waits.build();
                    }
                    tokio::time::sleep(backoff.next().unwrap_or(BACKOFF.1)).await;
                }
            }
        }
    }

    /// Reads everything, without a resource version: what the store holds now.
    async fn list(&self) -> Result<(Vec<W::Facts>, String), String> {
        let (mut all, mut token) = (Vec::new(), String::new());
        loop {
            let params = ListParams {
                label_selector: self.labels(),
                limit: Some(PAGE),
                continue_token: (!token.is_empty()).then(|| token.clone()),
                ..ListParams::default()
            };
            let request = Request::new(&self.path)
                .list(&params)
                .map_err(|e| chain(&e))?;
            let text = timeout(self.watch_timeout, self.client.request_text(request))
                .await
                .map_err(|_| self.silence("list"))?
                .map_err(|e| sentence(W::KIND, "list", &self.scope, &e))?;
            let page: Page<'_> = serde_json::from_str(&text).map_err(|e| {
                format!(
                    "the API server's list of {} cannot be read: {e}",
                    W::KIND.label()
                )
            })?;
            all.extend(page.items.iter().filter_map(|object| self.facts(object)));
            token = page.metadata.token;
            if token.is_empty() {
                self.metrics.lists.get(W::KIND).inc();
                return Ok((all, page.metadata.resource_version));
            }
        }
    }

    /// Watches from a version until a list is due or something breaks; moves the version on.
    async fn watch(&mut self, version: &mut String, listed: Listed) -> Result<End, Closed> {
        loop {
            let started = Instant::now();
            let end = self.watch_once(version, listed).await?;
            match end {
                End::InOrder if started.elapsed() < SHORT_LIVED => {
                    let why = format!(
                        "the API server ended a watch of {} at once",
                        W::KIND.label()
                    );
                    return Ok(End::Lost(why));
                }
                End::InOrder => self.tell(Event::Heard(0)).await?,
                other => return Ok(other),
            }
        }
    }

    async fn watch_once(&mut self, version: &mut String, listed: Listed) -> Result<End, Closed> {
        let params = WatchParams {
            label_selector: self.labels(),
            timeout: Some(
                u32::try_from(self.watch_timeout.as_secs())
                    .unwrap_or(30)
                    .max(1),
            ),
            bookmarks: true,
            ..WatchParams::default()
        };
        let request = match Request::new(&self.path).watch(&params, version) {
            Ok(request) => request,
            Err(error) => return Ok(End::Lost(chain(&error))),
        };
        let opened = timeout(self.watch_timeout, self.client.request_stream(request)).await;
        let mut lines = match opened {
            Err(_) => return Ok(End::Lost(self.silence("watch"))),
            Ok(Err(error)) => {
                return Ok(End::Lost(sentence(W::KIND, "watch", &self.scope, &error)));
            }
            Ok(Ok(lines)) => Box::pin(lines),
        };
        self.tell(Event::Heard(0)).await?;
        let mut buffer = Vec::new();
        loop {
            let pace = *self.pace.borrow_and_update();
            if pace.anew != listed.anew {
                return Ok(End::ListDue);
            }
            let idle = self.watch_timeout + MARGIN;
            // A reading that another branch interrupts goes on where it was: what it read so far
            // stays in the buffer.
            let read = tokio::select! {
                read = timeout(idle, read_line(&mut lines, &mut buffer)) => read,
                _ = self.pace.changed() => continue,
                () = tokio::time::sleep_until(listed.at + pace.interval) => return Ok(End::ListDue),
            };
            match read {
                Err(_) => return Ok(End::Lost(self.silence("watch"))),
                Ok(Err(why)) => return Ok(End::Lost(why)),
                Ok(Ok(false)) => return Ok(End::InOrder),
                Ok(Ok(true)) => {
                    if let Some(end) = self.take(&buffer, version).await? {
                        return Ok(end);
                    }
                    buffer.clear();
                }
            }
        }
    }

    /// Tells what a line says; the end of the watch if it says that.
    async fn take(&self, bytes: &[u8], version: &mut String) -> Result<Option<End>, Closed> {
        let text = String::from_utf8_lossy(bytes);
        let (line, stated) = match line::line(text.trim()) {
            Ok(line) => line,
            Err(error) => {
                let why = format!("a watch of {} cannot be read: {error}", W::KIND.label());
                return Ok(Some(End::Lost(why)));
            }
        };
        let number = number_of(&stated);
        if number > 0 && number < number_of(version) {
            let why = format!(
                "a watch of {} shows an older state than before",
                W::KIND.label()
            );
            return Ok(Some(End::Lost(why)));
        }
        if !stated.is_empty() {
            *version = stated;
        }
        match line {
            Line::Applied(object) => match self.facts(object) {
                Some(facts) => self.tell(Event::Applied(facts, number)).await?,
                None => self.tell(Event::Heard(number)).await?,
            },
            Line::Deleted(object) => match self.facts(object) {
                Some(facts) => self.tell(Event::Deleted(facts, number)).await?,
                None => self.tell(Event::Heard(number)).await?,
            },
            Line::Bookmark => self.tell(Event::Heard(number)).await?,
            Line::Other => {}
            Line::Error(status) => {
                return Ok(Some(End::Lost(format!(
                    "the API server ended a watch of {}: {} ({})",
                    W::KIND.label(),
                    status.message,
                    status.code
                ))));
            }
        }
        Ok(None)
    }

    fn facts(&self, object: &serde_json::value::RawValue) -> Option<W::Facts> {
        match serde_json::from_str::<W::Wire>(object.get()) {
            Ok(wire) => Some(W::facts(wire)),
            Err(error) => {
                self.metrics.undecodable.get(W::KIND).inc();
                let meta = line::meta(object);
                tracing::warn!(
                    kind = W::KIND.label(),
                    namespace = meta.namespace,
                    name = meta.name,
                    %error,
                    "object cannot be decoded"
                );
                W::undecodable(meta, &error.to_string())
            }
        }
    }

    async fn tell(&self, event: Event<W::Facts>) -> Result<(), Closed> {
        self.sink.send((self.wrap)(event)).await.map_err(|_| Closed)
    }

    fn labels(&self) -> Option<String> {
        (!self.labels.is_empty()).then(|| self.labels.clone())
    }

    fn silence(&self, verb: &str) -> String {
        let waited = self.watch_timeout.as_secs();
        format!(
            "the API server did not answer a {verb} of {} for {waited} s",
            W::KIND.label()
        )
    }
}

/// Reads a line with its end; `false` at the end of the stream.
async fn read_line(
    lines: &mut (impl AsyncBufRead + Unpin),
    buffer: &mut Vec<u8>,
) -> Result<bool, String> {
    let mut bounded = lines.take(MAX_LINE);
    let read = bounded
        .read_until(b'\n', buffer)
        .await
        .map_err(|e| chain(&e))?;
    if buffer.len() as u64 >= MAX_LINE {
        return Err(format!(
            "the API server sent a line longer than {MAX_LINE} bytes"
        ));
    }
    if read > 0 && buffer.last() != Some(&b'\n') {
        return Err("the API server broke off within a line".into());
    }
    Ok(read > 0)
}

/// A resource version as a number (KEP-5504 orders them); 0 when it is none.
pub(super) fn number_of(version: &str) -> u64 {
    version.parse().unwrap_or(0)
}
