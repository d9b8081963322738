//! A TCP server that says exactly the bytes it is told to, whatever it is asked.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};

use kubomesh_core::Endpoint;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What the server does with one request.
#[derive(Debug, Clone)]
#[allow(dead_code, reason = "each test binary uses some of them")]
pub(crate) enum Step {
    /// Sends these bytes and waits for the next request.
    Say(Vec<u8>),
    /// Sends these bytes and closes.
    SayAndClose(Vec<u8>),
    /// Sends these bytes and resets the connection.
    SayAndReset(Vec<u8>),
    /// Sends these bytes and then nothing, for ever.
    SayAndHold(Vec<u8>),
    /// Sends the first bytes and then the second ones again and again.
    SayForEver(Vec<u8>, Vec<u8>),
}

/// The server: the steps are for the first connection, one a request; every further connection
/// is closed at once. It ends when it is dropped.
pub(crate) struct RawServer {
    pub(crate) endpoint: Endpoint,
    seen: Arc<Mutex<Seen>>,
    gone: watch::Receiver<bool>,
    _tasks: JoinSet<()>,
}

/// What reached the server.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    /// Connections that were accepted.
    pub(crate) connections: usize,
    /// Requests, each with its header, in order.
    pub(crate) requests: Vec<String>,
}

impl RawServer {
    pub(crate) async fn start(steps: Vec<Step>) -> Self {
        let listener = TcpListener::bind("127.20.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (went, gone) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let shared = Arc::clone(&seen);
        tasks.spawn(async move {
            let mut steps = Some(steps);
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                shared.lock().unwrap().connections += 1;
                if let Some(steps) = steps.take() {
                    serve(stream, steps, &shared).await;
                    went.send_replace(true);
                }
            }
        });
        let ip = IpAddr::V4(Ipv4Addr::new(127, 20, 0, 1));
        Self {
            endpoint: Endpoint::http(ip, port),
            seen,
            gone,
            _tasks: tasks,
        }
    }

    /// What reached the server so far.
    #[allow(dead_code, reason = "each test binary uses some of them")]
    pub(crate) fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }

    /// Waits until the first connection is over, whoever ended it.
    #[allow(dead_code, reason = "each test binary uses some of them")]
    pub(crate) async fn gone(&mut self) {
        self.gone.wait_for(|gone| *gone).await.unwrap();
    }
}

async fn serve(mut stream: TcpStream, steps: Vec<Step>, seen: &Mutex<Seen>) {
    for step in steps {
        let Some(request) = header(&mut stream).await else {
            return;
        };
        seen.lock().unwrap().requests.push(request);
        let over = match step {
            Step::Say(bytes) => stream.write_all(&bytes).await.is_err(),
            Step::SayAndClose(bytes) => {
                let _ = stream.write_all(&bytes).await;
                let _ = stream.shutdown().await;
                true
            }
            Step::SayAndReset(bytes) => {
                let _ = stream.write_all(&bytes).await;
                stream.set_zero_linger().unwrap();
                true
            }
            Step::SayAndHold(bytes) => {
                let _ = stream.write_all(&bytes).await;
                wait_for_close(&mut stream).await;
                true
            }
            Step::SayForEver(head, again) => {
                let _ = stream.write_all(&head).await;
                while stream.write_all(&again).await.is_ok() {}
                true
            }
        };
        if over {
            return;
        }
    }
    wait_for_close(&mut stream).await;
}

/// Reads up to the empty line behind a request's header.
async fn header(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8(bytes).unwrap())
}

async fn wait_for_close(stream: &mut TcpStream) {
    let mut byte = [0];
    while matches!(stream.read(&mut byte).await, Ok(1..)) {}
}
