//! What to do about a member that gives no usable answer.

use kubomesh_core::{Access, FailureKind, Member, Path, Source};

/// What Kubo's `API.Authorizations` must allow.
const PATHS: &str = "the paths /api/v0/id, /api/v0/config and /api/v0/swarm/";

/// What to do about a member that gives no usable answer; `None` where only its own log can tell. `path`:
/// the way that was taken to it last, where there is a choice; `None` when no agent answered.
pub(crate) fn remedy(kind: FailureKind, member: &Member, path: Option<Path>) -> Option<String> {
    match (&member.access, path) {
        (Access::Agent { .. }, Some(Path::Agent)) => behind_agent(kind),
        (agent @ Access::Agent { .. }, None) => no_agent(kind, agent),
        _ => direct(kind, member),
    }
}

/// What to do about a Kubo whose agent answers.
fn behind_agent(kind: FailureKind) -> Option<String> {
    Some(match kind {
        FailureKind::Unauthorised => format!(
            "its API.Authorizations must allow the secret in the file of its agent's \
             --kubo-auth-file {PATHS}"
        ),
        FailureKind::NotKubo | FailureKind::BadBody => {
            "its agent's --kubo must name Kubo's RPC (http://127.0.0.1:5001 by default), not its \
             gateway or another server"
                .into()
        }
        FailureKind::Refused => "see that its daemon runs, and that its agent's --kubo names the \
                                 address and port of its Addresses.API"
            .into(),
        FailureKind::TimedOut => {
            "its agent answers and its Kubo does not: look at its daemon".into()
        }
        FailureKind::UnknownCommand | FailureKind::Offline => of_kubo(kind)?,
        _ => return None,
    })
}

/// What to do about an agent that does not answer, or with which no channel can be opened.
fn no_agent(kind: FailureKind, access: &Access) -> Option<String> {
    let Access::Agent {
        endpoint,
        tls,
        namespace,
        fallback,
        ..
    } = access
    else {
        return None;
    };
    let port = endpoint.port;
    let without = match fallback {
        None => ", or set spec.agents.mode to Auto where Kubo's own RPC may be used",
        Some(_) => "",
    };
    Some(match kind {
        FailureKind::Refused => format!(
            "run kubomesh-agent beside it on port {port} (spec.agents.port, or the container's port \
             named agent): annotate the pod with kubomesh.dev/inject-agent: \"true\" and make it \
             anew{without}"
        ),
        FailureKind::TimedOut | FailureKind::Unreachable => format!(
            "look for a NetworkPolicy or firewall between the controller and port {port} of it \
             (spec.agents.port), or a node that hangs{without}"
        ),
        FailureKind::Refusal => {
            format!("run the agent and the controller of releases that fit{without}")
        }
        FailureKind::UnknownCommand
        | FailureKind::NotKubo
        | FailureKind::BadBody
        | FailureKind::Disconnected => format!(
            "spec.agents.port ({port}) must be the port of kubomesh-agent, which must have a \
             certificate exactly when spec.agents.tlsSecretRef is set"
        ),
        FailureKind::Tls => match tls {
            Some(secret) => format!(
                "one CA must have signed the agent's certificate, for agent.{namespace}.kubomesh.dev, \
                 and that of the secret {secret} (spec.agents.tlsSecretRef), for \
                 controller.kubomesh.dev, and neither may have expired"
            ),
            None => "name the secret with the controller's certificate in spec.agents.tlsSecretRef"
                .into(),
        },
        _ => return None,
    })
}

/// What to do about a Kubo that answers and cannot do what is asked, whichever way led to it.
fn of_kubo(kind: FailureKind) -> Option<String> {
    Some(match kind {
        FailureKind::UnknownCommand => "use a newer Kubo: peering came with 0.11".into(),
        FailureKind::Offline => "start its daemon without --offline".into(),
        _ => return None,
    })
}

/// What to do about Kubo's own RPC.
fn direct(kind: FailureKind, member: &Member) -> Option<String> {
    let place = match member.source {
        Source::File => "rpc",
        Source::Pod => "spec.peers.rpc.port",
    };
    Some(match kind {
        FailureKind::Unauthorised => authorisation(member),
        FailureKind::Forbidden => "a proxy in front of the RPC refuses us: let the controller \
                                   reach the RPC itself"
            .into(),
        FailureKind::NotKubo | FailureKind::BadBody => {
            format!(
                "{place} must name Kubo's RPC (5001 by default), not its gateway or another server"
            )
        }
        FailureKind::UnknownCommand | FailureKind::Offline => of_kubo(kind)?,
        FailureKind::Refused | FailureKind::TimedOut | FailureKind::Unreachable => {
            reach(kind, member)
        }
        _ => return None,
    })
}

/// What to do about an RPC that cannot be reached.
fn reach(kind: FailureKind, member: &Member) -> String {
    let remedy = match (kind, member.source) {
        (FailureKind::Refused, Source::Pod) => {
            let rpc = own_rpc(&member.access).unwrap_or(&member.access);
            let ip = rpc.endpoint().ip();
            // What listens on every address of a family refuses on the other.
            let every = match ip.is_some_and(|ip| ip.is_ipv6()) {
                true => "/ip6/::",
                false => "/ip4/0.0.0.0",
            };
            return format!(
                "its Addresses.API must listen on the pod's address ({every}/tcp/5001) and \
                 spec.peers.rpc.port must name that port"
            );
        }
        (FailureKind::Refused, Source::File) => {
            "see that its daemon runs, and that rpc names the address and port of its Addresses.API"
        }
        (FailureKind::Unreachable, Source::File) => {
            "rpc must name a host that the controller reaches: look at its name, for a firewall, or \
             for a missing route"
        }
        (_, Source::Pod) => {
            "look for a NetworkPolicy or firewall between the controller and it, or a node that hangs"
        }
        (_, Source::File) => {
            "look for a firewall between the controller and it, or a node that hangs"
        }
    };
    remedy.into()
}

/// The way to Kubo's own RPC: the one there is, or the one round the agent.
fn own_rpc(access: &Access) -> Option<&Access> {
    match access {
        Access::Agent { fallback, .. } => fallback.as_deref(),
        direct => Some(direct),
    }
}

/// What to do about an RPC that refuses our token, or wants one.
fn authorisation(member: &Member) -> String {
    let auth = match own_rpc(&member.access) {
        Some(Access::Direct { auth, .. }) => auth.as_ref(),
        _ => None,
    };
    match (member.source, auth) {
        (Source::Pod, Some(auth)) => format!(
            "its API.Authorizations must allow the secret {auth} of spec.peers.rpc.authSecretRef \
             {PATHS}"
        ),
        (Source::Pod, None) => "name a secret that its API.Authorizations allows in \
                                spec.peers.rpc.authSecretRef"
            .into(),
        (Source::File, Some(auth)) => {
            format!("its API.Authorizations must allow what the authFile {auth} holds {PATHS}")
        }
        (Source::File, None) => {
            "write what its API.Authorizations allows to a file and name that as authFile of its line"
                .into()
        }
    }
}
