//! A face on a socket: accepts, limits, and ends in order.

mod connections;
mod listener;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use kubomesh_process::CancellationToken;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use crate::BindError;
use connections::{Asked, Connections};

/// What a client may do slowly or often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FaceLimits {
    /// Connections at a time. The next one takes the place of the oldest that has asked nothing, else
    /// of the oldest, so that a probe always gets in. Default 128.
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

/// How long a client may take for the handshake of TLS.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(5);

/// One bound listener with its routes.
pub struct Face {
    listener: TcpListener,
    address: SocketAddr,
    router: Router,
    limits: FaceLimits,
    tls: Option<TlsAcceptor>,
}

/// A listener for other protocols than these pages', bound as [`Face::bind`] does.
///
/// # Errors
/// When the address cannot be had; the sentence names the flag.
pub fn listen(flag: &'static str, address: SocketAddr) -> Result<TcpListener, BindError> {
    listener::listen(flag, address).map_err(|source| BindError::new(flag, address, source))
}

// === impl Face ===

impl Face {
    /// Binds the address that `flag` gave; port 0 takes any free one. The unspecified IPv6 address
    /// serves IPv4 too, and a host without IPv6 serves IPv4 alone.
    ///
    /// # Errors
    /// When the address cannot be had; the sentence names the flag.
    pub async fn bind(
        flag: &'static str,
        address: SocketAddr,
        router: Router,
    ) -> Result<Self, BindError> {
        let refused = |source| BindError::new(flag, address, source);
        let listener = listener::listen(flag, address).map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        Ok(Self {
            listener,
            address,
            router,
            limits: FaceLimits::default(),
            tls: None,
        })
    }

    /// Behind TLS: nothing is served in the clear.
    #[must_use]
    pub fn with_tls(self, config: Arc<ServerConfig>) -> Self {
        Self {
            tls: Some(config.into()),
            ..self
        }
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
        let mut open = Connections::new(self.address, self.limits.connections);
        loop {
            let accepted = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                accepted = self.next(&mut open) => accepted,
            };
            if let Some(stream) = accepted {
                let (router, limits, stop) = (self.router.clone(), self.limits, stop.clone());
                let tls = self.tls.clone();
                open.add(|asked| secured(stream, tls, router, (limits, asked, stop)));
            }
        }
        drop(self.listener);
        let _ = tokio::time::timeout(CLOSING_DEADLINE, open.end()).await;
    }

    /// The next connection, once there is room for it.
    async fn next(&self, open: &mut Connections) -> Option<TcpStream> {
        open.make_room().await;
        match self.listener.accept().await {
            Ok((stream, _)) => Some(stream),
            Err(error) => {
                open.could_not_accept(&error).await;
                None
            }
        }
    }
}

impl fmt::Debug for Face {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Face")
            .field("address", &self.address)
            .field("limits", &self.limits)
            .field("tls", &self.tls.is_some())
            .finish_non_exhaustive()
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

/// One connection, its handshake first.
async fn secured(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    router: Router,
    terms: (FaceLimits, Asked, CancellationToken),
) {
    let Some(tls) = tls else {
        return connection(stream, router, terms).await;
    };
    let handshake = tokio::time::timeout(HANDSHAKE_DEADLINE, tls.accept(stream));
    match terms.2.run_until_cancelled(handshake).await {
        Some(Ok(Ok(stream))) => connection(stream, router, terms.clone()).await,
        // A port scan and a probe in the clear look like this too.
        Some(Ok(Err(error))) => tracing::debug!(%error, "a handshake of TLS failed"),
        Some(Err(_)) | None => {}
    }
}

/// One connection, to its end, its lifetime's, or the face's.
async fn connection<S>(
    stream: S,
    router: Router,
    (limits, asked, stop): (FaceLimits, Asked, CancellationToken),
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let routes = TowerToHyperService::new(router);
    let service = service_fn(move |request| {
        asked.note();
        routes.call(request)
    });
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
