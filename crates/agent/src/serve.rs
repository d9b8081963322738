//! The gRPC server: the agent's service, health and reflection.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kubomesh_agent_api::wire::kubo_agent_server::KuboAgentServer;
use kubomesh_agent_api::{ApiVersions, MAX_MESSAGE, wire};
use kubomesh_core::{Endpoint, KeepAlive};
use kubomesh_process::CancellationToken;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tonic::transport::Server;

use crate::certificates::Certificates;
use crate::incoming;
use crate::kubo::Kubo;
use crate::looker::Looker;
use crate::service::Service;

/// Calls at a time on one connection.
const MAX_STREAMS: u32 = 64;

/// Connections that were let in and wait to be served.
const INLETS: usize = 8;

/// Who is let in.
#[derive(Debug, Clone)]
pub enum Security {
    /// Whoever has the controller's certificate.
    MutualTls(Certificates),
    /// Everybody.
    Plaintext,
}

/// What an agent is made of.
#[derive(Debug, Clone)]
pub struct Agent {
    /// The Kubo beside it.
    pub kubo: Endpoint,
    /// File with the secret of Kubo's RPC.
    pub kubo_auth_file: Option<PathBuf>,
    /// UID of its pod; empty where there is none.
    pub pod_uid: String,
    /// The API versions that it tells.
    pub versions: ApiVersions,
    /// Who is let in.
    pub security: Security,
    /// How long others are waited for.
    pub waits: Waits,
}

/// How long others are waited for: flags of the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waits {
    /// How a quiet channel is found to be lost.
    pub keep_alive: KeepAlive,
    /// How often a watch is told that nothing has changed. 10 s.
    pub heartbeat: Duration,
    /// How long calls in flight may take after the stop: longer than any but a slow dial. 10 s.
    pub drain: Duration,
}

/// Why an agent does not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The compiled proto files cannot be shown.
    #[error("the reflection service cannot be built")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The server ended by itself.
    #[error("the gRPC server failed")]
    Server(#[from] tonic::transport::Error),
}

// === impl Waits ===

impl Waits {
    /// Default of [`Waits::heartbeat`].
    pub const HEARTBEAT: Duration = Duration::from_secs(10);
    /// Default of [`Waits::drain`].
    pub const DRAIN: Duration = Duration::from_secs(10);
}

impl Default for Waits {
    fn default() -> Self {
        Self {
            keep_alive: KeepAlive::default(),
            heartbeat: Self::HEARTBEAT,
            drain: Self::DRAIN,
        }
    }
}

// === impl Agent ===

impl Agent {
    /// Serves on a listener until the stop; then ends what is in flight.
    ///
    /// # Errors
    /// When the server cannot be built, or fails.
    pub async fn serve(
        self,
        listener: TcpListener,
        stop: CancellationToken,
    ) -> Result<(), ServeError> {
        let kubo = Arc::new(Kubo::new(self.kubo, self.kubo_auth_file));
        let looker = Looker::new(Arc::clone(&kubo));
        let service = KuboAgentServer::new(Service {
            kubo,
            looker: looker.clone(),
            pod_uid: self.pod_uid,
            versions: self.versions,
            heartbeat: self.waits.heartbeat,
            stop: stop.clone(),
        })
        .max_decoding_message_size(MAX_MESSAGE)
        .max_encoding_message_size(MAX_MESSAGE);
        let (health, health_service) = tonic_health::server::health_reporter();
        health.set_serving::<KuboAgentServer<Service>>().await;
        let reflection = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(wire::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .build_v1()?;
        let (inlets, mut let_in) = mpsc::channel(INLETS);
        let incoming = futures::stream::poll_fn(move |cx| let_in.poll_recv(cx));
        let server = Server::builder()
            .max_concurrent_streams(MAX_STREAMS)
            .http2_keepalive_interval(Some(self.waits.keep_alive.every))
            .http2_keepalive_timeout(Some(self.waits.keep_alive.within))
            .add_service(health_service)
            .add_service(reflection)
            .add_service(service)
            .serve_with_incoming_shutdown(incoming, stop.clone().cancelled_owned());
        let ended = drained(server, stop.clone(), self.waits.drain);
        let accepting = incoming::accept(listener, self.security, inlets, stop.clone());
        let (ended, (), ()) = tokio::join!(ended, accepting, looker.run(stop));
        ended
    }
}

/// Runs the server; what is still in flight a while after the stop is dropped.
async fn drained(
    server: impl Future<Output = Result<(), tonic::transport::Error>>,
    stop: CancellationToken,
    drain: Duration,
) -> Result<(), ServeError> {
    let late = async {
        stop.cancelled().await;
        tokio::time::sleep(drain).await;
    };
    tokio::select! {
        ended = server => Ok(ended?),
        () = late => Ok(()),
    }
}
