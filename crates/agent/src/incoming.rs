//! Connections on their way in: bounded in number, with TLS where it is asked for.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use kubomesh_process::CancellationToken;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;
use tokio_util::task::TaskTracker;
use tonic::transport::server::Connected;

use crate::serve::Security;

/// Connections at a time, those in a handshake included: a controller has one, its successor another.
const MAX_CONNECTIONS: usize = 64;

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// How long to wait when the system has no more sockets.
const BREATH: Duration = Duration::from_millis(200);

/// A connection that was let in.
pub(crate) struct Inlet {
    io: Either<TcpStream, Box<TlsStream<TcpStream>>>,
    _place: OwnedSemaphorePermit,
}

/// Accepts until the stop; what was let in comes out of the channel.
pub(crate) async fn accept(
    listener: TcpListener,
    security: Security,
    inlets: mpsc::Sender<io::Result<Inlet>>,
    stop: CancellationToken,
) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let handshakes = TaskTracker::new();
    let accepting = async {
        loop {
            // Never closed.
            let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                return;
            };
            match listener.accept().await {
                Ok((stream, peer)) => {
                    let (security, inlets) = (security.clone(), inlets.clone());
                    handshakes.spawn(stop.clone().run_until_cancelled_owned(async move {
                        match let_in(stream, &security).await {
                            Ok(io) => drop(inlets.send(Ok(Inlet { io, _place: place })).await),
                            Err(error) => tracing::warn!(%peer, "not let in: {error}"),
                        }
                    }));
                }
                Err(error) => {
                    tracing::warn!("no connection could be accepted: {error}");
                    tokio::time::sleep(BREATH).await;
                }
            }
        }
    };
    stop.run_until_cancelled(accepting).await;
    handshakes.close();
    handshakes.wait().await;
}

async fn let_in(
    stream: TcpStream,
    security: &Security,
) -> io::Result<Either<TcpStream, Box<TlsStream<TcpStream>>>> {
    stream.set_nodelay(true)?;
    let Security::MutualTls(certificates) = security else {
        return Ok(Either::Left(stream));
    };
    let acceptor = TlsAcceptor::from(certificates.now().config());
    let handshake = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream));
    let late = |_| io::Error::new(io::ErrorKind::TimedOut, "the handshake took too long");
    Ok(Either::Right(Box::new(handshake.await.map_err(late)??)))
}

// === impl Inlet ===

impl Connected for Inlet {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Inlet {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, into)
    }
}

impl AsyncWrite for Inlet {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
