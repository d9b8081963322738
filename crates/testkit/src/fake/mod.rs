//! `FakeKubo`: a node of the model behind Kubo's HTTP face, with faults.

mod body;
mod faults;
mod gate;
mod log;
mod query;
mod render;
mod reply;
mod serve;
mod socket;
mod verbs;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kubomesh_core::{Endpoint, PeerId};
use kubomesh_model::{Interface, NodeIndex, NodeSpec, Stop};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use faults::{Claim, Fault, Faults};
pub use gate::Authorization;
pub use log::{Counts, Logged};

use crate::fleet::Fleet;
use log::RequestLog;
use serve::Context;

/// Version that fakes speak of: that of the recordings.
pub const VERSION: &str = "0.44.0-dev";

/// How a fake is served.
#[derive(Debug, Clone)]
pub struct FakeOptions {
    /// Where its RPC listens; port 0 takes a free one.
    pub api: SocketAddr,
    /// `API.Authorizations`; empty: everybody may do everything.
    pub authorizations: Vec<Authorization>,
    /// What is wrong with it.
    pub faults: Faults,
    /// How many requests its log keeps.
    pub log_limit: usize,
}

/// A fake Kubo. Cheap to clone; it ends with its fleet.
#[derive(Clone)]
pub struct FakeKubo {
    fleet: Fleet,
    node: NodeIndex,
    state: Arc<FakeState>,
}

/// What a fake has beside its node of the model.
pub(crate) struct FakeState {
    pub(crate) authorizations: Vec<Authorization>,
    pub(crate) log: RequestLog,
    faults: Mutex<Arc<Faults>>,
    serving: Mutex<Serving>,
}

struct Serving {
    /// Where it listens, or will listen when it is started.
    api: SocketAddr,
    /// Ends the listener and its connections.
    stop: Option<CancellationToken>,
}

// === impl FakeOptions ===

impl FakeOptions {
    /// Requests that a log keeps unless said otherwise.
    pub const LOG_LIMIT: usize = 4096;

    /// Served on a free port of an IP, open to all, without faults.
    #[must_use]
    pub fn at(ip: IpAddr) -> Self {
        Self::on(SocketAddr::new(ip, 0))
    }

    /// Served on an address, open to all, without faults.
    #[must_use]
    pub fn on(api: SocketAddr) -> Self {
        Self {
            api,
            authorizations: Vec::new(),
            faults: Faults::default(),
            log_limit: Self::LOG_LIMIT,
        }
    }

    /// The same with one token that opens these paths.
    #[must_use]
    pub fn guarded(mut self, secret: &str, allowed_paths: &[&str]) -> Self {
        self.authorizations
            .push(Authorization::new(secret, allowed_paths));
        self
    }

    /// The same with these faults.
    #[must_use]
    pub fn faulty(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }
}

// === impl FakeKubo ===

impl FakeKubo {
    pub(crate) async fn launch(
        fleet: Fleet,
        spec: NodeSpec,
        options: FakeOptions,
    ) -> io::Result<Self> {
        options.faults.prepare();
        let dial_time = options.faults.dial_time();
        let listener = TcpListener::bind(options.api).await?;
        let api = listener.local_addr()?;
        let state = Arc::new(FakeState {
            authorizations: options.authorizations,
            log: RequestLog::new(options.log_limit),
            faults: Mutex::new(Arc::new(options.faults)),
            serving: Mutex::new(Serving { api, stop: None }),
        });
        let mut spec = spec;
        spec.dial_time = dial_time.or(spec.dial_time);
        let node = fleet.with(|world| world.launch(spec));
        let fake = Self { fleet, node, state };
        fake.serve(listener);
        Ok(fake)
    }

    /// Its node in the fleet's world.
    #[must_use]
    pub fn node(&self) -> NodeIndex {
        self.node
    }

    /// The fleet that it belongs to.
    #[must_use]
    pub fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    /// Its identity.
    #[must_use]
    pub fn peer_id(&self) -> PeerId {
        self.fleet
            .with(|world| world.node(self.node).spec().peer_id)
    }

    /// Where its RPC listens, or will listen again.
    #[must_use]
    pub fn api(&self) -> SocketAddr {
        lock(&self.state.serving).api
    }

    /// The same as an endpoint.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        let api = self.api();
        Endpoint::http(api.ip(), api.port())
    }

    /// What is wrong with it now.
    #[must_use]
    pub fn faults(&self) -> Faults {
        Faults::clone(&lock(&self.state.faults))
    }

    /// Changes what is wrong with it, for requests that arrive from now on.
    pub fn set_faults(&self, faults: Faults) {
        faults.prepare();
        let dial_time = faults.dial_time();
        self.fleet
            .with(|world| world.spec_mut(self.node).dial_time = dial_time);
        *lock(&self.state.faults) = Arc::new(faults);
    }

    /// The requests that it got, the oldest first, as far as the log keeps them.
    #[must_use]
    pub fn requests(&self) -> Vec<Logged> {
        self.state.log.requests()
    }

    /// How many requests it got, by verb.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.state.log.counts()
    }

    /// Ends it. With [`Stop::Closed`] its RPC refuses connections from now on; with
    /// [`Stop::Silent`] it accepts them and never answers, as near as loopback comes to a host that
    /// is gone.
    pub fn kill(&self, how: Stop) {
        self.fleet.with(|world| world.stop(self.node, how));
        if how == Stop::Closed {
            self.stop_serving();
        }
    }

    /// Starts it again where it was.
    ///
    /// # Errors
    /// When its API address cannot be bound.
    pub async fn start(&self) -> io::Result<()> {
        self.stop_serving();
        self.fleet.with(|world| world.start(self.node));
        let listener = bind_again(self.api()).await?;
        self.serve(listener);
        Ok(())
    }

    /// Ends it and starts it again; with `Some`, with a new identity.
    ///
    /// # Errors
    /// When its API address cannot be bound.
    pub async fn restart(&self, how: Stop, identity: Option<PeerId>) -> io::Result<()> {
        self.kill(how);
        if let Some(identity) = identity {
            self.fleet
                .with(|world| world.spec_mut(self.node).peer_id = identity);
        }
        self.start().await
    }

    /// Moves it to another IP, as a pod that is replaced: same identity, API and swarm on the new
    /// one, the old one silent to the swarm.
    ///
    /// # Errors
    /// When the API cannot be bound there.
    pub async fn relocate(&self, ip: IpAddr) -> io::Result<()> {
        self.kill(Stop::Silent);
        self.stop_serving();
        self.fleet.with(|world| {
            let spec = world.spec_mut(self.node);
            let network = spec.interfaces.first().map(|interface| interface.network);
            let network = network.unwrap_or(kubomesh_core::Network::Pod);
            let rest = spec
                .interfaces
                .iter()
                .copied()
                .filter(|i| i.network != network);
            let interfaces = std::iter::once(Interface { network, ip }).chain(rest);
            let interfaces = interfaces.collect();
            spec.rehome(interfaces);
        });
        lock(&self.state.serving).api.set_ip(ip);
        self.start().await
    }

    fn stop_serving(&self) {
        if let Some(stop) = lock(&self.state.serving).stop.take() {
            stop.cancel();
        }
    }

    fn serve(&self, listener: TcpListener) {
        let shared = Arc::clone(self.fleet.shared());
        let stop = shared.ended.child_token();
        lock(&self.state.serving).stop = Some(stop.clone());
        let context = Context::new(Arc::clone(&shared), self.node, Arc::clone(&self.state));
        shared.tasks.spawn(serve::accept(listener, context, stop));
    }
}

impl FakeState {
    pub(crate) fn faults(&self) -> Arc<Faults> {
        Arc::clone(&lock(&self.faults))
    }
}

/// Binds an address that was in use until just now: the old listener's task may not have ended.
async fn bind_again(api: SocketAddr) -> io::Result<TcpListener> {
    const TRIES: u32 = 200;
    for _ in 0..TRIES {
        match TcpListener::bind(api).await {
            Err(e) if e.kind() == io::ErrorKind::AddrInUse => {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            other => return other,
        }
    }
    TcpListener::bind(api).await
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
