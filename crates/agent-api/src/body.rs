//! A response's body whose messages take places like every other large answer, so that hostile agents
//! cannot fill the process's memory (ARCHITECTURE.md, "Memory against hostile nodes").

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use kubomesh_conn::{Bounds, Places};

/// What stands before each gRPC message: whether it is compressed, and its length.
const PREFIX: usize = 5;

type Admission = Pin<Box<dyn Future<Output = Places> + Send>>;

/// The body of a call's answer. Until a large message has its places nothing more of it is read.
pub(crate) struct Answer {
    body: Incoming,
    prefix: [u8; PREFIX],
    /// How much of the prefix was read.
    known: usize,
    /// How much of the message is still to come.
    rest: usize,
    /// What the message holds, and the one before until the next one begins.
    places: Places,
    waiting: Option<(Admission, Frame<Bytes>)>,
}

impl Answer {
    pub(crate) fn new(body: Incoming) -> Self {
        Self {
            body,
            prefix: [0; PREFIX],
            known: 0,
            rest: 0,
            places: Places::default(),
            waiting: None,
        }
    }

    /// Walks through some bytes; the length of the longest message that begins in them.
    fn begins(&mut self, mut bytes: &[u8]) -> usize {
        let mut longest = 0;
        while !bytes.is_empty() {
            if self.rest > 0 {
                let step = self.rest.min(bytes.len());
                self.rest -= step;
                bytes = &bytes[step..];
                continue;
            }
            self.prefix[self.known] = bytes[0];
            bytes = &bytes[1..];
            self.known += 1;
            if self.known == PREFIX {
                let [_, a, b, c, d] = self.prefix;
                self.rest = u32::from_be_bytes([a, b, c, d]) as usize;
                self.known = 0;
                longest = longest.max(self.rest);
            }
        }
        longest
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = &mut *self;
        loop {
            if let Some((admission, _)) = &mut this.waiting {
                this.places = ready!(admission.as_mut().poll(cx));
            }
            if let Some((_, frame)) = this.waiting.take() {
                return Poll::Ready(Some(Ok(frame)));
            }
            let frame = match ready!(Pin::new(&mut this.body).poll_frame(cx)) {
                Some(Ok(frame)) => frame,
                other => return Poll::Ready(other),
            };
            let length = match frame.data_ref() {
                Some(data) => this.begins(&data.clone()),
                None => 0,
            };
            // One beyond every limit is refused by the decoder as soon as it sees the prefix.
            if length <= Bounds::SMALL || length > Bounds::BODY {
                return Poll::Ready(Some(Ok(frame)));
            }
            let mut places = std::mem::take(&mut this.places);
            let admission = Box::pin(async move {
                places.admit(length).await;
                places
            });
            this.waiting = Some((admission, frame));
        }
    }

    fn is_end_stream(&self) -> bool {
        self.waiting.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").finish_non_exhaustive()
    }
}
