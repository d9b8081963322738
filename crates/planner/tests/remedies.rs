//! What is said of members behind agents that give no usable answer, and what to do about each.

mod common;

use std::sync::Arc;

use common::Fleet;
use kubomesh_core::*;

/// Where a member's agent is.
fn behind(direct: &Access, tls: bool, required: bool) -> Access {
    let scheme = match tls {
        true => Scheme::Https,
        false => Scheme::Http,
    };
    Access::Agent {
        endpoint: Endpoint {
            scheme,
            host: Arc::clone(&direct.endpoint().host),
            port: 8501,
        },
        tls: tls.then(|| "ipfs/kubomesh-agent-tls".into()),
        namespace: "ipfs".into(),
        pod_uid: Some("pod".into()),
        fallback: (!required).then(|| Box::new(direct.clone())),
    }
}

/// What each member's condition says that fails like this, by this way.
fn said(kinds: &[FailureKind], path: Option<Path>, tls: bool, required: bool) -> String {
    let mut fleet = Fleet::meshed(kinds.len());
    let names: Vec<_> = fleet.membership.members.keys().cloned().collect();
    for (name, kind) in names.iter().zip(kinds) {
        let name = &name.to_string();
        let direct = fleet.member(name).access.clone();
        fleet.member(name).access = behind(&direct, tls, required);
        let node = fleet.node(name);
        node.failure = Some(Failure::new(*kind, "no"));
        node.path = path.map(|path| PathTaken {
            path,
            why: String::new(),
        });
    }
    let planned = fleet.pass();
    let lines = names
        .iter()
        .map(|name| fleet.member_condition(&planned, &name.to_string(), ConditionKind::Reachable));
    lines.collect::<Vec<_>>().join("\n")
}

/// No agent answers, and there is no way round it.
#[test]
fn of_an_agent_that_is_required_and_cannot_be_used() {
    let kinds = [
        FailureKind::Refused,
        FailureKind::TimedOut,
        FailureKind::Unreachable,
        FailureKind::Refusal,
        FailureKind::Disconnected,
        FailureKind::Tls,
    ];
    insta::assert_snapshot!(said(&kinds, None, true, true), @r#"
    Reachable=False Unreachable: refused: no; run kubomesh-agent beside it on port 8501 (spec.agents.port, or the container's port named agent): annotate the pod with kubomesh.dev/inject-agent: "true" and make it anew, or set spec.agents.mode to Auto where Kubo's own RPC may be used
    Reachable=False Unreachable: timed_out: no; look for a NetworkPolicy or firewall between the controller and port 8501 of it (spec.agents.port), or a node that hangs, or set spec.agents.mode to Auto where Kubo's own RPC may be used
    Reachable=False Unreachable: unreachable: no; look for a NetworkPolicy or firewall between the controller and port 8501 of it (spec.agents.port), or a node that hangs, or set spec.agents.mode to Auto where Kubo's own RPC may be used
    Reachable=False Unreachable: refusal: no; run the agent and the controller of releases that fit, or set spec.agents.mode to Auto where Kubo's own RPC may be used
    Reachable=False Unreachable: disconnected: no; spec.agents.port (8501) must be the port of kubomesh-agent, which must have a certificate exactly when spec.agents.tlsSecretRef is set
    Reachable=False Unreachable: tls: no; one CA must have signed the agent's certificate, for agent.ipfs.kubomesh.dev, and that of the secret ipfs/kubomesh-agent-tls (spec.agents.tlsSecretRef), for controller.kubomesh.dev, and neither may have expired
    "#);
    let kinds = [FailureKind::Tls];
    insta::assert_snapshot!(said(&kinds, None, false, true), @r"
    Reachable=False Unreachable: tls: no; name the secret with the controller's certificate in spec.agents.tlsSecretRef
    ");
}

/// With a way round it: what the certificate is about is said all the same, for it is never a reason to go
/// round.
#[test]
fn of_an_agent_that_may_be_gone_round() {
    let kinds = [FailureKind::Refused, FailureKind::Tls];
    insta::assert_snapshot!(said(&kinds, None, true, false), @r#"
    Reachable=False Unreachable: refused: no; run kubomesh-agent beside it on port 8501 (spec.agents.port, or the container's port named agent): annotate the pod with kubomesh.dev/inject-agent: "true" and make it anew
    Reachable=False Unreachable: tls: no; one CA must have signed the agent's certificate, for agent.ipfs.kubomesh.dev, and that of the secret ipfs/kubomesh-agent-tls (spec.agents.tlsSecretRef), for controller.kubomesh.dev, and neither may have expired
    "#);
    // The way round was taken: what is said is about Kubo's own RPC.
    let kinds = [FailureKind::Refused, FailureKind::Unauthorised];
    insta::assert_snapshot!(said(&kinds, Some(Path::Direct), false, false), @r"
    Reachable=False Unreachable: refused: no; its Addresses.API must listen on the pod's address (/ip4/0.0.0.0/tcp/5001) and spec.peers.rpc.port must name that port
    Reachable=False Unauthorised: unauthorised: no; name a secret that its API.Authorizations allows in spec.peers.rpc.authSecretRef
    ");
}

/// The agent answers, and the Kubo beside it does not.
#[test]
fn of_a_kubo_behind_its_agent() {
    let kinds = [
        FailureKind::Refused,
        FailureKind::TimedOut,
        FailureKind::Unauthorised,
        FailureKind::NotKubo,
        FailureKind::UnknownCommand,
        FailureKind::Offline,
        FailureKind::BodyTooLarge,
    ];
    insta::assert_snapshot!(said(&kinds, Some(Path::Agent), true, true), @r"
    Reachable=False Unreachable: refused: no; see that its daemon runs, and that its agent's --kubo names the address and port of its Addresses.API
    Reachable=False Unreachable: timed_out: no; its agent answers and its Kubo does not: look at its daemon
    Reachable=False Unauthorised: unauthorised: no; its API.Authorizations must allow the secret in the file of its agent's --kubo-auth-file the paths /api/v0/id, /api/v0/config and /api/v0/swarm/
    Reachable=False NotKubo: not_kubo: no; its agent's --kubo must name Kubo's RPC (http://127.0.0.1:5001 by default), not its gateway or another server
    Reachable=False NotKubo: unknown_command: no; use a newer Kubo: peering came with 0.11
    Reachable=False Offline: offline: no; start its daemon without --offline
    Reachable=False Unreachable: body_too_large: no
    ");
}
