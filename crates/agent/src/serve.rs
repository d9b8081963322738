//! The gRPC server: the agent's service, health and reflection.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kubomesh_agent_api::wire::kubo_agent_server::KuboAgentServer;
use kubomesh_agent_api::{ApiVersions, KEEP_ALIVE_EVERY, KEEP_ALIVE_WITHIN, MAX_MESSAGE, wire};
use kubomesh_core::Endpoint;
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

/// How long calls in flight may take after the stop: longer than any but a slow dial.
const DRAIN: Duration = Duration::from_secs(10);

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
            .http2_keepalive_interval(Some(KEEP_ALIVE_EVERY))
            .http2_keepalive_timeout(Some(KEEP_ALIVE_WITHIN))
            .add_service(health_service)
            .add_service(reflection)
            .add_service(service)
            .serve_with_incoming_shutdown(incoming, stop.clone().cancelled_owned());
        let ended = drained(server, stop.clone());
        let accepting = incoming::accept(listener, self.security, inlets, stop.clone());
        let (ended, (), ()) = tokio::join!(ended, accepting, looker.run(stop));
        ended
    }
}

/// Runs the server; what is still in flight a while after the stop is dropped.
async fn drained(
    server: impl Future<Output = Result<(), tonic::transport::Error>>,
    stop: CancellationToken,
) -> Result<(), ServeError> {
    let late = async {
        stop.cancelled().await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        ended = server => Ok(ended?),
        () = late => Ok(()),
    }
}
