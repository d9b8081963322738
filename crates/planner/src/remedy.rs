//! What to do about a member that gives no usable answer.

use kubomesh_core::{Access, FailureKind, Member, Source};

/// What to do about a member that gives no usable answer; `None` where only its own log can tell.
pub(crate) fn remedy(kind: FailureKind, member: &Member) -> Option<String> {
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
        FailureKind::UnknownCommand => "use a newer Kubo: peering came with 0.11".into(),
        FailureKind::Offline => "start its daemon without --offline".into(),
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
            let ip = member.access.endpoint().ip();
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

/// What to do about an RPC that refuses our token, or wants one.
fn authorisation(member: &Member) -> String {
    const PATHS: &str = "the paths /api/v0/id, /api/v0/config and /api/v0/swarm/";
    let Access::Direct { auth, .. } = &member.access else {
        return "look at its agent".into();
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
