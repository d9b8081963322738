//! The first request on a connection: who is there?

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use kubomesh_conn::{Bounds, IntroduceError, Introduced, Request, Unverified};
use kubomesh_core::{Expected, FailureKind, PeerId, Redacted};

use crate::body::{self, Identity};
use crate::error::{Error, WrongIdentity, answered, lost};
use crate::limits::body_limit;
use crate::node::Node;
use crate::query::Query;
use crate::status;

/// `id` without an argument: the node itself. With one it would dial that peer.
const ID: &str = "id";

/// A connection on which `id`, its first request, was answered. Nothing else can be sent on it
/// until the identity is accepted.
#[derive(Debug)]
#[must_use]
pub struct Introduction {
    connection: Introduced<Identity>,
    auth: Option<Redacted<String>>,
}

/// Asks the far end of a connection for its identity. `auth` is the value of the `Authorization`
/// header (see [`authorization`](crate::authorization)); it is sent with every request on this
/// connection, this first one included.
///
/// # Errors
/// When there is no whole answer within `deadline`, or none that Kubo's `id` gives.
pub async fn introduce(
    connection: Unverified,
    auth: Option<Redacted<String>>,
    deadline: Duration,
) -> Result<Introduction, Error> {
    let request = Request::post(Query::new(ID).as_str())
        .and_then(|request| request.authorization(auth.as_ref()))
        .map_err(|e| lost(ID, &e))?;
    let bounds = Bounds::within(deadline).up_to(body_limit(ID));
    let answer = connection.introduce(request, bounds, |response| {
        status::check(ID, response, None)?;
        body::identity(ID, response.body())
    });
    match answer.await {
        Ok(connection) => Ok(Introduction { connection, auth }),
        Err(IntroduceError::Exchange(error)) => Err(lost(ID, &error)),
        // Every Kubo has `id`.
        Err(IntroduceError::Answer(error)) if error.kind() == FailureKind::UnknownCommand => {
            let text = "there is no /api/v0/id: this port is not Kubo's RPC";
            Err(answered(ID, FailureKind::NotKubo, text))
        }
        Err(IntroduceError::Answer(error)) => Err(error),
    }
}

impl Introduction {
    /// Who answered.
    #[must_use]
    pub const fn peer_id(&self) -> PeerId {
        self.connection.identity().peer_id
    }

    /// What the node calls itself: `kubo/0.44.0/docker`; at most 128 characters, one line.
    #[must_use]
    pub fn agent_version(&self) -> Arc<str> {
        Arc::clone(&self.connection.identity().agent_version)
    }

    /// The IPs of the addresses that the node announces to others, each once.
    #[must_use]
    pub fn announced(&self) -> Arc<[IpAddr]> {
        Arc::clone(&self.connection.identity().announced)
    }

    /// Makes it a node that takes commands, if it is who is expected; otherwise the connection is
    /// closed.
    ///
    /// # Errors
    /// When another peer than the expected one answered.
    pub fn accept(self, expected: Expected) -> Result<Node, WrongIdentity> {
        let connection = self.connection.accept(|identity| match expected {
            Expected::Peer(expected) if expected != identity.peer_id => {
                Err(WrongIdentity::new(expected, identity.peer_id))
            }
            Expected::Peer(_) | Expected::Anyone => Ok(()),
        })?;
        Ok(Node::new(connection, self.auth))
    }
}
