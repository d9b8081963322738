//! A face on a socket: accepts, limits, and ends in order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use kubomesh_process::CancellationToken;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::BindError;

/// What a client may do slowly or often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FaceLimits {
    /// Connections at a time; the next one waits to be accepted. Default 128.
    pub connections: usize,
    /// How long a client may take for a request's headers; an idle connection is closed after it
    /// too. Default 5 s.
    pub headers: Duration,
    /// How long a connection may live at all, so that slow readers do not fill the house.
    /// Default 120 s; a flag of the controller.
    pub lifetime: Duration,
}

/// How long a request in flight may take once its face or its connection is closed.
const CLOSING_DEADLINE: Duration = Duration::from_secs(2);

/// Wait after the operating system could not accept, such as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// One bound listener with its routes.
#[derive(Debug)]
pub struct Face {
    listener: TcpListener,
    address: SocketAddr,
    router: Router,
    limits: FaceLimits,
}

// === impl Face ===

impl Face {
    /// Binds the address that `flag` gave; port 0 takes any free one.
    ///
    /// # Errors
    /// When the address cannot be had; the sentence names the flag.
    pub async fn bind(
        flag: &'static str,
        address: SocketAddr,
        router: Router,
    ) -> Result<Self, BindError> {
        let refused = |source| BindError::new(flag, address, source);
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        Ok(Self {
            listener,
            address,
            router,
            limits: FaceLimits::default(),
        })
    }

    /// With other limits than the default ones.
    #[must_use]
    pub fn with_limits(self, limits: FaceLimits) -> Self {
        Self { limits, ..self }
    }

    /// Where it really listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop`, then lets requests in flight end, at most 2 s.
    pub async fn serve(self, stop: CancellationToken) {
        let slots = Arc::new(Semaphore::new(self.limits.connections));
        let mut connections = JoinSet::new();
        loop {
            while let Some(ended) = connections.try_join_next() {
                if let Err(error) = ended {
                    tracing::error!(%error, address = %self.address, "a request went wrong");
                }
            }
            let accepted = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                accepted = self.accept(&slots) => accepted,
            };
            let Some((stream, slot)) = accepted else {
                continue;
            };
            let connection = connection(stream, self.router.clone(), self.limits, stop.clone());
            connections.spawn(async move {
                connection.await;
                drop(slot);
            });
        }
        drop(self.listener);
        let ended = async { while connections.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(CLOSING_DEADLINE, ended).await;
    }

    /// The next connection, once there is a slot for it.
    async fn accept(
        &self,
        slots: &Arc<Semaphore>,
    ) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
        let slot = Arc::clone(slots).acquire_owned().await.ok()?;
        match self.listener.accept().await {
            Ok((stream, _)) => Some((stream, slot)),
            Err(error) => {
                tracing::warn!(%error, address = %self.address, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                None
            }
        }
    }
}

// === impl FaceLimits ===

impl FaceLimits {
    /// Default of [`FaceLimits::lifetime`].
    pub const LIFETIME: Duration = Duration::from_secs(120);
}

impl Default for FaceLimits {
    fn default() -> Self {
        Self {
            connections: 128,
            headers: Duration::from_secs(5),
            lifetime: Self::LIFETIME,
        }
    }
}

/// One connection, to its end, its lifetime's, or the face's.
async fn connection(
    stream: TcpStream,
    router: Router,
    limits: FaceLimits,
    stop: CancellationToken,
) {
    let service = TowerToHyperService::new(router);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.headers);
    let served = http.serve_connection(TokioIo::new(stream), service);
    let mut served = std::pin::pin!(served);
    let closing = async {
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(limits.lifetime) => {}
        }
    };
    tokio::select! {
        // A client that breaks off is no news.
        _ = served.as_mut() => return,
        () = closing => served.as_mut().graceful_shutdown(),
    }
    let _ = tokio::time::timeout(CLOSING_DEADLINE, served).await;
}
