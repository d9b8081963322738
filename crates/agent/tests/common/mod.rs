//! Agents beside fakes, in this process, and the controller's side of the channel.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test uses a part; in a test a panic is the failure"
)]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use kubomesh_agent::{Agent, Certificates, Security};
use kubomesh_agent_api::{
    AgentNode, ApiVersions, CONTROLLER_NAME, Channels, ClientTls, Dialler, Error, Introduction,
    Pem, Pems, ServerTls, agent_name,
};
use kubomesh_core::{Endpoint, Expected, Scheme};
use kubomesh_model::{NodeSpec, peer_id};
use kubomesh_process::CancellationToken;
use kubomesh_testkit::certificates::{Authority, Signed};
use kubomesh_testkit::{FakeKubo, FakeOptions, Fleet};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

/// Far above what any answer takes here.
pub(crate) const LONG: Duration = Duration::from_secs(15);

/// The pod that every agent here is in.
pub(crate) const POD: &str = "0b9dc1f3-0000-4000-8000-000000000001";

/// The namespace of the certificates here.
pub(crate) const NAMESPACE: &str = "ipfs";

/// A running agent.
pub(crate) struct Running {
    pub(crate) endpoint: Endpoint,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    /// Ends it and waits until it has ended.
    pub(crate) async fn end(self) {
        self.stop.cancel();
        tokio::time::timeout(LONG, self.task)
            .await
            .unwrap()
            .unwrap();
    }
}

/// A fake at 127.22.`third`.`last`.
pub(crate) async fn fake(fleet: &Fleet, third: u8, last: u8) -> FakeKubo {
    let ip = IpAddr::V4(Ipv4Addr::new(127, 22, third, last));
    let spec = NodeSpec::new(&format!("n{last}"), peer_id(last.into()), ip);
    fleet.launch(spec, FakeOptions::at(ip)).await.unwrap()
}

/// An agent beside a Kubo, on a free port, open to all.
pub(crate) async fn plain(kubo: &FakeKubo) -> Running {
    started(kubo, Security::Plaintext, ApiVersions::OWN, 0).await
}

/// The same with these versions.
pub(crate) async fn of_version(kubo: &FakeKubo, versions: ApiVersions) -> Running {
    started(kubo, Security::Plaintext, versions, 0).await
}

pub(crate) async fn started(
    kubo: &FakeKubo,
    security: Security,
    versions: ApiVersions,
    port: u16,
) -> Running {
    let scheme = match security {
        Security::Plaintext => Scheme::Http,
        Security::MutualTls(_) => Scheme::Https,
    };
    let agent = Agent {
        kubo: kubo.endpoint(),
        kubo_auth_file: None,
        pod_uid: POD.to_owned(),
        versions,
        security,
        waits: kubomesh_agent::Waits::default(),
    };
    let address = SocketAddr::new(kubo.api().ip(), port);
    let listener = TcpListener::bind(address).await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let until = stop.clone();
    #[allow(
        clippy::disallowed_methods,
        reason = "joined by `end`, or with the test"
    )]
    let task = tokio::spawn(async move { agent.serve(listener, until).await.unwrap() });
    Running {
        endpoint: Endpoint {
            scheme,
            host: address.ip().to_string().into(),
            port: address.port(),
        },
        stop,
        task,
    }
}

pub(crate) fn dialler() -> Dialler {
    Dialler {
        tasks: TaskTracker::new(),
        channels: Channels::default(),
        versions: ApiVersions::OWN,
        keep_alive: kubomesh_core::KeepAlive::default(),
    }
}

/// As far as who is there.
pub(crate) async fn introduced(
    dialler: &Dialler,
    endpoint: &Endpoint,
    tls: Option<&ClientTls>,
) -> Result<Introduction, Error> {
    let channel = dialler.open(endpoint, tls, LONG).await?;
    let gated = channel.gate(LONG).await?.unwrap();
    gated.introduce(Some(POD), LONG).await
}

/// A verified node behind its agent.
pub(crate) async fn node(dialler: &Dialler, agent: &Running, kubo: &FakeKubo) -> AgentNode {
    let introduction = introduced(dialler, &agent.endpoint, None).await.unwrap();
    introduction.accept(Expected::Peer(kubo.peer_id())).unwrap()
}

/// The controller's side by an authority, for agents of [`NAMESPACE`].
pub(crate) fn client_of(ca: &Authority) -> ClientTls {
    client(&ca.sign(CONTROLLER_NAME), &ca.pem())
}

/// An agent's side by an authority, with its right name.
pub(crate) fn server_of(ca: &Authority) -> Security {
    server(&ca.sign(&agent_name(NAMESPACE)), &ca.pem())
}

fn pems<'a>(own: &'a Signed, ca: &'a str) -> Pems<'a> {
    let pem = |name, text: &'a str| Pem {
        name,
        bytes: text.as_bytes(),
    };
    Pems {
        certificate: pem("tls.crt", &own.certificate),
        key: pem("tls.key", &own.key),
        ca: pem("ca.crt", ca),
    }
}

pub(crate) fn client(own: &Signed, ca: &str) -> ClientTls {
    ClientTls::new(pems(own, ca), NAMESPACE).unwrap()
}

pub(crate) fn server(own: &Signed, ca: &str) -> Security {
    let tls = ServerTls::new(pems(own, ca)).unwrap();
    Security::MutualTls(Certificates::fixed(tls))
}
