//! The TCP connection under hyper: what hyper's server will not do by itself.
//!
//! Kubo's Go server sends the trailer `X-Stream-Error` to every client; hyper's only to those that
//! sent `TE: trailers`. So the trailer is written here, in place of the empty one that ends a chunked
//! body. And a reset is a close with unsent data thrown away, which only the socket can do.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// The end of a chunked body without trailers.
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// A connection that can write trailers and reset itself.
pub(crate) struct Socket {
    stream: TcpStream,
    orders: Orders,
    /// Bytes that hyper counts as written and that the stream has not taken yet.
    pending: BytesMut,
}

/// What a handler wants of the connection that its answer goes out on.
#[derive(Clone, Default)]
pub(crate) struct Orders(Arc<Mutex<Order>>);

#[derive(Default)]
struct Order {
    trailer: Option<String>,
    reset: bool,
}

impl Orders {
    /// The next chunked body ends with this trailer line.
    pub(crate) fn trailer(&self, line: String) {
        self.with(|order| order.trailer = Some(line));
    }

    /// The connection ends with a reset.
    pub(crate) fn reset(&self) {
        self.with(|order| order.reset = true);
    }

    fn with<R>(&self, act: impl FnOnce(&mut Order) -> R) -> R {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Socket {
    pub(crate) fn new(stream: TcpStream, orders: Orders) -> Self {
        Self {
            stream,
            orders,
            pending: BytesMut::new(),
        }
    }

    fn drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.pending.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.pending))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.pending.advance(written);
        }
        Poll::Ready(Ok(()))
    }

    /// Whether these bytes end a chunked body: the terminator alone, or behind a chunk's end.
    fn ends_body(bytes: &[u8]) -> bool {
        bytes
            .strip_suffix(LAST_CHUNK)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with(b"\r\n"))
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.drain(cx))?;
        if Self::ends_body(bytes)
            && let Some(line) = self.orders.with(|order| order.trailer.take())
        {
            self.pending.extend_from_slice(&bytes[..bytes.len() - 2]);
            self.pending.extend_from_slice(line.as_bytes());
            self.pending.extend_from_slice(b"\r\n\r\n");
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.drain(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.orders.with(|order| order.reset) {
            return Poll::Ready(Ok(()));
        }
        ready!(self.drain(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.orders.with(|order| order.reset) {
            // Without it the far end sees an orderly close: the test that wants a reset fails.
            let _ = self.stream.set_zero_linger();
        }
    }
}
