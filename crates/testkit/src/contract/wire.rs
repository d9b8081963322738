//! HTTP as it is on the wire: what a client library hides is part of the contract.

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Most headers of an answer, and of its trailer.
const MAX_HEADERS: usize = 64;

/// An answer, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Lower-case names, in the order of the wire.
    pub(super) headers: Vec<(String, String)>,
    pub(super) framing: Framing,
    pub(super) body: Bytes,
    pub(super) trailers: Vec<(String, String)>,
}

/// How the body's end is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Framing {
    /// `Content-Length`.
    Length,
    /// Chunks; the sizes of all but the last.
    Chunked(Vec<usize>),
}

/// Sends one request on a connection of its own and reads until the far end closes.
///
/// # Errors
/// When the connection fails or the answer is not HTTP.
pub(super) async fn exchange(
    api: std::net::SocketAddr,
    request_line: &str,
    headers: &[String],
) -> anyhow::Result<Answer> {
    let mut stream = TcpStream::connect(api)
        .await
        .context("the RPC does not listen")?;
    let mut request = format!("{request_line}\r\nHost: {api}\r\n");
    for header in headers {
        request.push_str(header);
        request.push_str("\r\n");
    }
    request.push_str("Connection: close\r\nContent-Length: 0\r\n\r\n");
    stream
        .write_all(request.as_bytes())
        .await
        .context("the request cannot be sent")?;
    let mut raw = Vec::new();
    stream
        .read_to_end(&mut raw)
        .await
        .context("the answer breaks off")?;
    parse(&raw)
}

/// Takes a raw answer apart.
///
/// # Errors
/// When it is not HTTP/1.1.
pub(super) fn parse(raw: &[u8]) -> anyhow::Result<Answer> {
    let mut space = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut head = httparse::Response::new(&mut space);
    let httparse::Status::Complete(at) = head.parse(raw).context("the head is not HTTP")? else {
        bail!("the head is incomplete");
    };
    let headers = owned(head.headers);
    let status = head.code.context("there is no status")?;
    let is_chunked = headers
        .iter()
        .any(|(name, value)| name == "transfer-encoding" && value == "chunked");
    let rest = &raw[at..];
    if !is_chunked {
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let length: usize = length
            .context("neither chunked nor with a length")?
            .1
            .parse()?;
        ensure!(
            rest.len() == length,
            "the body has {} bytes of {length}",
            rest.len()
        );
        let body = Bytes::copy_from_slice(rest);
        let framing = Framing::Length;
        return Ok(Answer {
            status,
            headers,
            framing,
            body,
            trailers: Vec::new(),
        });
    }
    let (sizes, body, trailers) = dechunk(rest)?;
    Ok(Answer {
        status,
        headers,
        framing: Framing::Chunked(sizes),
        body,
        trailers,
    })
}

type Dechunked = (Vec<usize>, Bytes, Vec<(String, String)>);

fn dechunk(mut rest: &[u8]) -> anyhow::Result<Dechunked> {
    let (mut sizes, mut body) = (Vec::new(), Vec::new());
    loop {
        let parsed = httparse::parse_chunk_size(rest);
        let Ok(httparse::Status::Complete((skip, size))) = parsed else {
            bail!("a chunk has no size");
        };
        rest = &rest[skip..];
        let size = usize::try_from(size)?;
        if size == 0 {
            break;
        }
        ensure!(rest.len() >= size + 2, "a chunk is cut off");
        body.extend_from_slice(&rest[..size]);
        sizes.push(size);
        rest = &rest[size + 2..];
    }
    let mut space = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let parsed = httparse::parse_headers(rest, &mut space).context("the trailer is not HTTP")?;
    let httparse::Status::Complete((_, trailers)) = parsed else {
        bail!("the trailer is incomplete");
    };
    Ok((sizes, body.into(), owned(trailers)))
}

fn owned(headers: &[httparse::Header<'_>]) -> Vec<(String, String)> {
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    headers
        .iter()
        .map(|header| (header.name.to_lowercase(), text(header.value)))
        .collect()
}
