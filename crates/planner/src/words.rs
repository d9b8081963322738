//! Words for people that depend on where the members come from: pods that a mesh selects, or lines of
//! a members file.

use kubomesh_core::{ReasonCode, Source};

/// Why a member is away.
pub(crate) const fn gone(source: Source) -> &'static str {
    match source {
        Source::Pod => "its pod is gone or not selected any more",
        Source::File => "its line is gone from the members file",
    }
}

/// Why a mesh has no members. `waits`: there is somebody who is none yet.
pub(crate) const fn no_members(source: Source, waits: bool) -> &'static str {
    match (source, waits) {
        (Source::Pod, false) => "no pod matches spec.peers.selector: the mesh has no member",
        (Source::Pod, true) => {
            "every pod that spec.peers.selector matches waits: none is a member yet"
        }
        (Source::File, _) => "every line of the members file waits: none is a member yet",
    }
}

/// What is wrong with the members that a sentence names behind this.
pub(crate) const fn trouble(reason: ReasonCode, source: Source) -> &'static str {
    match (reason, source) {
        (ReasonCode::WrongIdentity, _) => "another identity than the recorded one answers at",
        (ReasonCode::DuplicateIdentity, _) => "one identity answers at two addresses",
        (ReasonCode::AddressConflict, _) => {
            "another member claims the address (give each a port of its own) of"
        }
        (ReasonCode::FilterConflict, _) => "dial filters cover the mesh network on",
        (ReasonCode::Unauthorised, _) => "the RPC refuses our token on",
        (ReasonCode::SecretUnreadable, Source::Pod) => "the secret cannot be read for",
        (ReasonCode::SecretUnreadable, Source::File) => "the authFile or caFile cannot be used of",
        (ReasonCode::NotKubo, _) => "what answers is not Kubo's RPC on",
        (ReasonCode::NoRpcPort, _) => {
            "no container looks like Kubo; set spec.peers.rpc.port, or give the RPC's container port \
             the name api, to make members of"
        }
        (ReasonCode::Offline, _) => "the daemon runs offline on",
        (ReasonCode::Away, Source::Pod) => {
            "the pod is gone or not selected any more and its place is kept"
        }
        (ReasonCode::Away, Source::File) => {
            "the line is gone from the members file and its place is kept"
        }
        _ => "not reachable",
    }
}

/// What the network of a mesh is that asks for no storage network.
pub(crate) const fn own_network(source: Source) -> &'static str {
    match source {
        Source::Pod => {
            "no storage network is asked for (spec.network.attachment): the pods' own addresses are \
             used"
        }
        Source::File => {
            "no storage network is asked for: the addresses that the members file names are used"
        }
    }
}

/// A member without an address that other nodes can be given.
pub(crate) const fn no_address(source: Source) -> &'static str {
    match source {
        Source::Pod => "it has no address on the pod network",
        Source::File => {
            "its rpc names no IP and its line has no swarm address: write one that the other nodes \
             reach"
        }
    }
}

/// The policy's field that says what becomes of dial filters in the way.
pub(crate) const fn filters_field(source: Source) -> &'static str {
    match source {
        Source::Pod => "spec.filters",
        Source::File => "mesh.filters",
    }
}

/// What makes another identity the right one.
pub(crate) const fn accept_identity(stated: bool) -> &'static str {
    if stated {
        "correct peerID in its line to accept the new one"
    } else {
        "delete its record to accept the new one"
    }
}

/// What gets their filters back to those that are members no longer, whose names come behind this.
pub(crate) const fn bring_back(source: Source) -> &'static str {
    match source {
        Source::Pod => {
            "filters were taken from nodes whose pods are gone or not selected any more; bring the pods \
             back, or put back by hand (ipfs swarm filters add) what removedFilters of their SwarmPeers \
             names"
        }
        Source::File => {
            "filters were taken from nodes whose lines are gone from the members file; put the lines \
             back, or put back by hand (ipfs swarm filters add) what removedFilters of their records \
             names"
        }
    }
}
