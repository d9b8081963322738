//! A TCP server that says exactly the bytes it is told to, whatever it is asked.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kubomesh_core::Endpoint;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What the server does with one request.
#[derive(Debug, Clone)]
pub enum Step {
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
pub struct RawServer {
    /// Where it listens.
    pub endpoint: Endpoint,
    seen: Arc<Mutex<Seen>>,
    gone: watch::Receiver<bool>,
    _tasks: JoinSet<()>,
}

/// What reached the server.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Connections that were accepted.
    pub connections: usize,
    /// Requests, each with its header, in order.
    pub requests: Vec<String>,
}

// === impl RawServer ===

impl RawServer {
    /// Starts one on a free port of 127.20.0.1.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn start(steps: Vec<Step>) -> io::Result<Self> {
        let ip = IpAddr::V4(Ipv4Addr::new(127, 20, 0, 1));
        let listener = TcpListener::bind((ip, 0)).await?;
        let port = listener.local_addr()?.port();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (went, gone) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let shared = Arc::clone(&seen);
        tasks.spawn(async move {
            let mut steps = Some(steps);
            while let Ok((stream, _)) = listener.accept().await {
                lock(&shared).connections += 1;
                if let Some(steps) = steps.take() {
                    serve(stream, steps, &shared).await;
                    went.send_replace(true);
                }
            }
        });
        Ok(Self {
            endpoint: Endpoint::http(ip, port),
            seen,
            gone,
            _tasks: tasks,
        })
    }

    /// What reached the server so far.
    #[must_use]
    pub fn seen(&self) -> Seen {
        lock(&self.seen).clone()
    }

    /// Waits until the first connection is over, whoever ended it.
    pub async fn gone(&mut self) {
        // An error is the end of the server's task, and with it of every connection.
        let _ = self.gone.wait_for(|gone| *gone).await;
    }
}

async fn serve(mut stream: TcpStream, steps: Vec<Step>, seen: &Mutex<Seen>) {
    for step in steps {
        let Some(request) = header(&mut stream).await else {
            return;
        };
        lock(seen).requests.push(request);
        let over = match step {
            Step::Say(bytes) => stream.write_all(&bytes).await.is_err(),
            Step::SayAndClose(bytes) => {
                let _ = stream.write_all(&bytes).await;
                let _ = stream.shutdown().await;
                true
            }
            Step::SayAndReset(bytes) => {
                let _ = stream.write_all(&bytes).await;
                let _ = stream.set_zero_linger();
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
    String::from_utf8(bytes).ok()
}

async fn wait_for_close(stream: &mut TcpStream) {
    let mut byte = [0];
    while matches!(stream.read(&mut byte).await, Ok(1..)) {}
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
