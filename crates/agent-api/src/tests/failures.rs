//! Failures on their way over the wire.

use kubomesh_core::{Failure, FailureKind, PeerId};
use tonic::{Code, Status};

use crate::{error, status};

const PEER: &str = "12D3KooWQjZCXJhDF7kS5aQeMqk67n7huug6teJxUMH26FHCMD3M";

/// Every kind comes out as it went in, with who answered and whether Kubo did.
#[test]
fn kinds_survive() {
    let found: PeerId = PEER.parse().unwrap();
    for kind in FailureKind::ALL {
        for answered in [true, false] {
            let sent = status(&Failure::new(kind, "so it is"), answered, Some(found));
            assert_ne!(sent.code(), Code::Ok);
            let read = error::read("swarm/connect", &sent);
            assert_eq!(
                (read.kind(), read.answered(), read.found()),
                (kind, answered, Some(found))
            );
            assert_eq!(read.to_string(), "swarm/connect: so it is");
            assert!(!error::is_of_channel(&sent));
        }
    }
}

/// Whoever names no class is sorted by the code, and says nothing of Kubo.
#[test]
fn a_foreign_server() {
    for (code, kind) in [
        (Code::Unimplemented, FailureKind::UnknownCommand),
        (Code::Unavailable, FailureKind::Disconnected),
        (Code::DeadlineExceeded, FailureKind::TimedOut),
        (Code::OutOfRange, FailureKind::BodyTooLarge),
    ] {
        let read = error::read("id", &Status::new(code, ""));
        assert_eq!((read.kind(), read.answered()), (kind, false));
    }
}
