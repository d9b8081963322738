//! Response bodies: whole, chunked, slow, endless, broken off.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, StreamExt};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};

/// Any body. An error breaks the connection off.
pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// A body with a length.
pub(crate) fn whole(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(never).boxed_unsync()
}

/// A chunked body, one chunk a piece, as Kubo sends each value.
pub(crate) fn chunks(pieces: Vec<Bytes>) -> Body {
    let frames = pieces.into_iter().map(|piece| Ok(Frame::data(piece)));
    StreamBody::new(stream::iter(frames)).boxed_unsync()
}

/// A chunked body that comes a byte at a time.
pub(crate) fn slow(bytes: Bytes, pause: Duration) -> Body {
    let frames = stream::iter(0..bytes.len()).then(move |at| {
        let byte = bytes.slice(at..=at);
        async move {
            tokio::time::sleep(pause).await;
            Ok(Frame::data(byte))
        }
    });
    StreamBody::new(frames).boxed_unsync()
}

/// A beginning, then a piece for ever.
pub(crate) fn endless(beginning: Bytes, piece: Bytes) -> Body {
    let frames = stream::iter([beginning]).chain(stream::repeat(piece));
    StreamBody::new(frames.map(|bytes| Ok(Frame::data(bytes)))).boxed_unsync()
}

/// A beginning, then an error.
pub(crate) fn broken(beginning: Bytes) -> Body {
    let frames = stream::iter([beginning]).map(|bytes| Ok(Frame::data(bytes)));
    let error = stream::once(async { Err(io::Error::other("broken off on purpose")) });
    StreamBody::new(frames.chain(error)).boxed_unsync()
}

fn never(never: Infallible) -> io::Error {
    match never {}
}
