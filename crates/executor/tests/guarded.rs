//! Agents with certificates, and the secret that holds the controller's: without a channel that both
//! sides accept nothing is asked, and Kubo's own RPC is no way round it.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the failure")]

mod common;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use kubomesh_agent::{Certificates, Security};
use kubomesh_agent_api::{ApiVersions, CONTROLLER_NAME, Pem, Pems, ServerTls, agent_name};
use kubomesh_core::{
    Access, Credentials, Failure, FailureKind, Observation, Path, Redacted, Scheme, TlsTexts,
};
use kubomesh_executor::Executor;
use kubomesh_testkit::certificates::{Authority, Signed};
use kubomesh_testkit::{FakeKubo, Fleet};

use common::agents::{Running, by_agent, guarded};
use common::{fakes, inquiries, name, sequence, with_credentials};

/// Namespace of the certificates here.
const NAMESPACE: &str = "ipfs";

/// The one secret there is, as it is now.
const SECRET: &str = "ipfs/kubomesh-agent-tls";

#[derive(Debug, Default)]
struct Secrets(Mutex<Option<Arc<TlsTexts>>>);

impl Secrets {
    fn hold(&self, own: &Signed, ca: &str) {
        let texts = TlsTexts {
            certificate: own.certificate.clone().into_bytes(),
            key: own.key.clone().into_bytes().into(),
            ca: ca.as_bytes().to_vec(),
        };
        *self.0.lock().unwrap() = Some(Arc::new(texts));
    }
}

impl Credentials for Secrets {
    fn authorization(&self, _: &str) -> Option<Redacted<String>> {
        None
    }

    fn tls(&self, name: &str) -> Option<Arc<TlsTexts>> {
        self.0.lock().unwrap().clone().filter(|_| name == SECRET)
    }
}

/// An agent with the right name, certificates by this authority.
async fn beside(fake: &FakeKubo, ca: &Authority) -> Running {
    let (own, trusted) = (ca.sign(&agent_name(NAMESPACE)), ca.pem());
    let tls = ServerTls::new(Pems {
        certificate: pem("tls.crt", &own.certificate),
        key: pem("tls.key", &own.key),
        ca: pem("ca.crt", &trusted),
    });
    let security = Security::MutualTls(Certificates::fixed(tls.unwrap()));
    guarded(fake, ApiVersions::OWN, 0, security).await
}

fn pem<'a>(name: &'a str, text: &'a str) -> Pem<'a> {
    Pem {
        name,
        bytes: text.as_bytes(),
    }
}

/// The way by it, with Kubo's own RPC beside.
fn way(fake: &FakeKubo, agent: &Running) -> Access {
    let mut access = by_agent(fake, agent.endpoint.port, false);
    if let Access::Agent { endpoint, tls, .. } = &mut access {
        endpoint.scheme = Scheme::Https;
        *tls = Some(SECRET.into());
    }
    access
}

async fn ask(executor: &Executor, fakes: &[FakeKubo], access: &Access) -> Arc<Observation> {
    let mut asked = inquiries(&fakes[..1]);
    asked.get_mut(&name(0)).unwrap().access = access.clone();
    let mut known = BTreeMap::new();
    executor.renew(&asked[&name(0)].uid);
    executor.observe(asked, true, &mut known).await;
    Arc::clone(&known[&name(0)])
}

/// No secret, another CA's, one that has expired, one that is not the controller's, a torn one: a failure
/// of the class `tls` that says what is wrong, no call, and nothing in plain text.
#[tokio::test]
async fn fails_closed() {
    let fleet = Fleet::certain();
    let fakes = fakes(&fleet, 52, 2).await;
    let (ca, stranger) = (Authority::new(), Authority::new());
    let agent = beside(&fakes[0], &ca).await;
    let access = way(&fakes[0], &agent);
    let secrets = Arc::new(Secrets::default());
    let executor = with_credentials(Arc::<Secrets>::clone(&secrets));
    let torn = Signed {
        key: "no key".into(),
        ..ca.sign(CONTROLLER_NAME)
    };
    let cases = [
        (
            None,
            "the certificate for agents in the secret ipfs/kubomesh-agent-tls cannot be read",
        ),
        (Some((stranger.sign(CONTROLLER_NAME), ca.pem())), "agent/"),
        (
            Some((ca.sign_until(CONTROLLER_NAME, 2001), ca.pem())),
            "agent/",
        ),
        (Some((ca.sign(&agent_name(NAMESPACE)), ca.pem())), "agent/"),
        (
            Some((ca.sign(CONTROLLER_NAME), stranger.pem())),
            "the agent must show a certificate for agent.ipfs",
        ),
        (
            Some((torn, ca.pem())),
            "tls.key of the secret ipfs/kubomesh-agent-tls cannot be used",
        ),
    ];
    for (held, words) in cases {
        if let Some((own, ca)) = &held {
            secrets.hold(own, ca);
        }
        let seen = ask(&executor, &fakes, &access).await;
        let failure = seen.failure.clone().unwrap();
        assert_eq!(failure.kind, FailureKind::Tls, "{failure}");
        assert!(
            failure.message.contains(words),
            "{failure}\nis not\n{words}"
        );
        assert!(
            seen.state.is_none() && seen.path.is_none(),
            "{:?}",
            seen.path
        );
        let mut dial = sequence(&fakes, 0, vec![common::dial(&fakes, 0, 1)]);
        dial.access = access.clone();
        let outcomes = executor.apply(vec![dial]).await;
        let refused: Vec<Option<FailureKind>> = common::kinds(&outcomes);
        assert_eq!(refused, [Some(FailureKind::Tls)], "{outcomes:?}");
    }
    assert!(fakes[0].requests().is_empty(), "Kubo was asked something");
    // The right ones, as they come: the next channel is opened with them.
    secrets.hold(&ca.sign(CONTROLLER_NAME), &ca.pem());
    let seen = ask(&executor, &fakes, &access).await;
    assert_eq!(seen.failure, None::<Failure>);
    assert_eq!(seen.path.as_ref().unwrap().path, Path::Agent);
    agent.end().await;
}
