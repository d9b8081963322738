//! A face that serves, and a client that shows what is on the wire.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use kubomesh_process::CancellationToken;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::{Face, FaceLimits};

/// Longer than anything here takes.
pub(super) const DEADLINE: Duration = Duration::from_secs(20);

/// A face on a free port of the loopback interface.
pub(super) struct Served {
    pub(super) address: SocketAddr,
    pub(super) stop: CancellationToken,
    pub(super) ended: JoinHandle<()>,
}

/// Status, head and body of an answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

pub(super) async fn serve(router: Router, limits: FaceLimits) -> Served {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    serve_at(any, router, limits).await
}

pub(super) async fn serve_at(address: SocketAddr, router: Router, limits: FaceLimits) -> Served {
    let face = Face::bind("--listen", address, router)
        .await
        .unwrap()
        .with_limits(limits);
    let (address, stop) = (face.address(), CancellationToken::new());
    #[expect(
        clippy::disallowed_methods,
        reason = "a test has no process to track it"
    )]
    let ended = tokio::spawn(face.serve(stop.clone()));
    Served {
        address,
        stop,
        ended,
    }
}

impl Served {
    pub(super) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "").await
    }

    pub(super) async fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: \
             {length}\r\n\r\n{body}",
            self.address
        );
        let mut stream = self.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        read_answer(&mut stream).await
    }

    pub(super) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }
}

/// Reads until the far side closes.
pub(super) async fn read_answer(stream: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    tokio::time::timeout(DEADLINE, stream.read_to_end(&mut bytes))
        .await
        .unwrap()
        .unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").expect("an answer with a head");
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer {
        status,
        head: head.to_lowercase(),
        body: body.into(),
    }
}
