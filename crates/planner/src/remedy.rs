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
            format!("{place} must name Kubo's RPC (5001 by default), not its gateway or another server")
        }
        FailureKind::UnknownCommand => "use a newer Kubo: peering came with 0.11".into(),
        FailureKind::Offline => "start its daemon without --offline".into(),
        FailureKind::Refused => format!(
            "its Addresses.API must listen on the pod's address (/ip4/0.0.0.0/tcp/5001) and {place} \
             must name that port"
        ),
        FailureKind::TimedOut | FailureKind::Unreachable => {
            "look for a NetworkPolicy or firewall between the controller and it, or a node that hangs"
                .into()
        }
        _ => return None,
    })
}

/// What to do about an RPC that refuses our token, or wants one.
fn authorisation(member: &Member) -> String {
    let (from, auth) = match (&member.source, &member.access) {
        (Source::File, Access::Direct { auth, .. }) => ("authFile", auth),
        (_, Access::Direct { auth, .. }) => ("spec.peers.rpc.authSecretRef", auth),
        _ => return "look at its agent".into(),
    };
    match auth {
        Some(auth) => format!(
            "its API.Authorizations must allow the secret {auth} of {from} the paths /api/v0/id, \
             /api/v0/config and /api/v0/swarm/"
        ),
        None => format!("name a secret that its API.Authorizations allows in {from}"),
    }
}
