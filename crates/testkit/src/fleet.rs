//! A fleet: one world of the model, driven by the monotonic clock and shared by its fakes, so that
//! what one node does shows at the others.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kubomesh_core::Timestamp;
use kubomesh_model::{Begun, NodeSpec, Refusal, Settings, Ticket, World};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::fake::{FakeKubo, FakeOptions};

/// Fakes that live in one world. Dropping the last handle ends all of them.
#[derive(Clone)]
pub struct Fleet {
    shared: Arc<Shared>,
    _guard: Arc<DropGuard>,
}

/// What the tasks of a fleet share. They do not keep the fleet alive.
pub(crate) struct Shared {
    state: Mutex<State>,
    /// Virtual time 0 of the world is the wall clock at the fleet's start; it advances with the
    /// monotonic clock.
    began: Instant,
    epoch: Timestamp,
    woken: Notify,
    pub(crate) tasks: TaskTracker,
    pub(crate) ended: CancellationToken,
}

struct State {
    world: World,
    waiting: BTreeMap<Ticket, oneshot::Sender<Result<Vec<String>, Refusal>>>,
}

/// Cancels a call whose caller hung up.
struct Waiting<'a> {
    shared: &'a Shared,
    ticket: Ticket,
}

// === impl Fleet ===

impl Fleet {
    /// An empty fleet and the task that lets its time pass. Must be called within a tokio runtime.
    #[must_use]
    pub fn new(settings: Settings, seed: u64) -> Self {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or(Duration::ZERO);
        let epoch = Timestamp::default() + since_epoch;
        let ended = CancellationToken::new();
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                world: World::new(settings, seed, epoch),
                waiting: BTreeMap::new(),
            }),
            began: Instant::now(),
            epoch,
            woken: Notify::new(),
            tasks: TaskTracker::new(),
            ended: ended.clone(),
        });
        shared.tasks.spawn(Arc::clone(&shared).drive());
        Self {
            shared,
            _guard: Arc::new(ended.drop_guard()),
        }
    }

    /// A fleet without odds, for tests that want one outcome.
    #[must_use]
    pub fn certain() -> Self {
        Self::new(Settings::certain(), 0)
    }

    /// Adds a node to the world, starts it, and serves its RPC.
    ///
    /// # Errors
    /// When its API address cannot be bound.
    pub async fn launch(&self, spec: NodeSpec, options: FakeOptions) -> io::Result<FakeKubo> {
        FakeKubo::launch(self.clone(), spec, options).await
    }

    /// Does something with the world as it is now.
    pub fn with<R>(&self, act: impl FnOnce(&mut World) -> R) -> R {
        self.shared.with(act)
    }

    /// Ends all fakes and waits until their tasks are done.
    pub async fn end(self) {
        self.shared.ended.cancel();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

// === impl Shared ===

impl Shared {
    /// The fleet's virtual time.
    pub(crate) fn now(&self) -> Timestamp {
        self.epoch + self.began.elapsed()
    }

    pub(crate) fn with<R>(&self, act: impl FnOnce(&mut World) -> R) -> R {
        let mut state = self.lock();
        let before = state.world.next_due();
        state.world.advance(self.now());
        let result = act(&mut state.world);
        state.deliver();
        let after = state.world.next_due();
        drop(state);
        if after.is_some() && (before.is_none() || after < before) {
            self.woken.notify_one();
        }
        result
    }

    /// Begins a call and waits for its end. If the future is dropped, the call is cancelled.
    pub(crate) async fn call(
        &self,
        begin: impl FnOnce(&mut World) -> Begun,
    ) -> Result<Vec<String>, Refusal> {
        let ticket = match self.with(begin) {
            Begun::Done(end) => return end,
            Begun::Waiting(ticket) => ticket,
        };
        let (sender, receiver) = oneshot::channel();
        {
            let mut state = self.lock();
            state.waiting.insert(ticket, sender);
            // It may have ended between the two locks.
            state.deliver();
        }
        let waiting = Waiting {
            shared: self,
            ticket,
        };
        let end = receiver.await.unwrap_or(Err(Refusal::Gone));
        drop(waiting);
        end
    }

    async fn drive(self: Arc<Self>) {
        loop {
            let due = self.with(|world| world.next_due());
            let pause = async {
                match due {
                    // Whole milliseconds: a timer that is due within this one fires in the next.
                    Some(at) => {
                        let span = at.since(self.now()) + Duration::from_millis(1);
                        tokio::time::sleep(span).await;
                    }
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.ended.cancelled() => return,
                () = self.woken.notified() => {}
                () = pause => {}
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Gives ended calls to those who wait for them.
    fn deliver(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        let ended: Vec<_> = self.world.settled().collect();
        for ticket in ended {
            if let Some(sender) = self.waiting.remove(&ticket)
                && let Some(end) = self.world.take(ticket)
            {
                // The receiver is gone when the caller hung up: nobody wants the answer.
                let _ = sender.send(end);
            }
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.waiting.remove(&self.ticket);
        state.world.cancel(self.ticket);
    }
}
