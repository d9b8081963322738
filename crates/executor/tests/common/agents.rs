//! Agents beside fakes, in this process.

use std::net::SocketAddr;

use kubomesh_agent::{Agent, Security};
use kubomesh_agent_api::ApiVersions;
use kubomesh_core::{Access, Endpoint, Scheme};
use kubomesh_process::CancellationToken;
use kubomesh_testkit::FakeKubo;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::{LONG, direct};

/// A running agent.
pub(crate) struct Running {
    pub(crate) endpoint: Endpoint,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    pub(crate) async fn end(self) -> u16 {
        self.stop.cancel();
        tokio::time::timeout(LONG, self.task)
            .await
            .unwrap()
            .unwrap();
        self.endpoint.port
    }
}

/// An agent beside a fake, open to all.
pub(crate) async fn agent(fake: &FakeKubo, versions: ApiVersions, port: u16) -> Running {
    guarded(fake, versions, port, Security::Plaintext).await
}

/// An agent beside a fake that lets these in.
pub(crate) async fn guarded(
    fake: &FakeKubo,
    versions: ApiVersions,
    port: u16,
    security: Security,
) -> Running {
    let agent = Agent {
        kubo: fake.endpoint(),
        kubo_auth_file: None,
        pod_uid: "pod".to_owned(),
        versions,
        security,
        waits: kubomesh_agent::Waits::default(),
    };
    let address = SocketAddr::new(fake.api().ip(), port);
    let listener = loop {
        if let Ok(listener) = TcpListener::bind(address).await {
            break listener;
        }
        tokio::task::yield_now().await;
    };
    let port = listener.local_addr().unwrap().port();
    let stop = CancellationToken::new();
    let until = stop.clone();
    #[allow(
        clippy::disallowed_methods,
        reason = "joined by `end`, or with the test"
    )]
    let task = tokio::spawn(async move { agent.serve(listener, until).await.unwrap() });
    Running {
        endpoint: Endpoint::http(fake.api().ip(), port),
        stop,
        task,
    }
}

/// The way by an agent at this port.
pub(crate) fn by_agent(fake: &FakeKubo, port: u16, required: bool) -> Access {
    Access::Agent {
        endpoint: Endpoint {
            scheme: Scheme::Http,
            host: fake.api().ip().to_string().into(),
            port,
        },
        tls: None,
        namespace: "ipfs".into(),
        pod_uid: Some("pod".into()),
        fallback: (!required).then(|| direct(fake).into()),
    }
}
