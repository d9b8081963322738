//! A verified node and its verbs.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use kubomesh_conn::{Bounds, Request, Response, Verified};
use kubomesh_core::{
    Address, Call, ConnLimits, Connections, FailureKind, PeerId, PeeringEntry, Redacted,
};

use crate::body::{self, Identity};
use crate::digest::Digest;
use crate::error::{Error, answered, is_unset, lost};
use crate::limits::{Listing, body_limit};
use crate::query::{Query, batches};
use crate::status;

const ID: &str = "id";
const PEERS: &str = "swarm/peers";
const CONNECT: &str = "swarm/connect";
const DISCONNECT: &str = "swarm/disconnect";
const PEERING_LS: &str = "swarm/peering/ls";
const PEERING_ADD: &str = "swarm/peering/add";
const PEERING_RM: &str = "swarm/peering/rm";
const FILTERS: &str = "swarm/filters";
const FILTERS_ADD: &str = "swarm/filters/add";
const FILTERS_RM: &str = "swarm/filters/rm";
const LISTEN: &str = "swarm/addrs/listen";
const CONFIG: &str = "config";
const VERSION: &str = "version";
const PING: &str = "ping";

/// How much longer than its own deadline the daemon may take to say that it passed: the answer
/// carries the reason, a deadline of ours does not.
pub const ANSWER_GRACE: Duration = Duration::from_secs(1);

/// A node whose identity was accepted, on the connection that showed it. Calls on it are sent one
/// after the other; each closes the connection when it is dropped before its answer.
///
/// Every `deadline` holds for the whole exchange. When [`Node::is_open`] says `false` after a call,
/// nothing more can be sent.
#[derive(Debug)]
pub struct Node {
    connection: Verified<Identity>,
    auth: Option<Redacted<String>>,
}

// === impl Node ===

impl Node {
    pub(crate) fn new(connection: Verified<Identity>, auth: Option<Redacted<String>>) -> Self {
        Self { connection, auth }
    }

    /// Who it is.
    #[must_use]
    pub const fn peer_id(&self) -> PeerId {
        self.connection.identity().peer_id
    }

    /// What it calls itself, at most 128 characters, one line.
    #[must_use]
    pub fn agent_version(&self) -> Arc<str> {
        Arc::clone(&self.connection.identity().agent_version)
    }

    /// Whether another call may be tried. `false` is certain.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.connection.is_open()
    }

    /// Waits until the node closes the idle connection: it stopped, or it was restarted.
    pub async fn closed(&mut self) {
        self.connection.closed().await;
    }

    /// `swarm/peers?direction=true`: an entry for each connection. A connection of the node to
    /// itself is left out.
    ///
    /// # Errors
    /// See [`Error::kind`].
    pub async fn peers(&mut self, deadline: Duration) -> Result<Listing<Connections>, Error> {
        let own = self.peer_id();
        let query = Query::new(PEERS).with("direction", &true);
        let response = self.read(PEERS, &query, deadline).await?;
        body::connections(PEERS, response.body(), own)
    }

    /// [`Node::peers`] with the digest of the answer. `None` when that is the digest from `before`: the
    /// entries are the same, and are not read again. Kubo sorts them; a node with a thousand of them
    /// mostly says what it said half a minute ago.
    ///
    /// # Errors
    /// See [`Error::kind`].
    pub async fn peers_since(
        &mut self,
        before: Option<Digest>,
        deadline: Duration,
    ) -> Result<(Digest, Option<Listing<Connections>>), Error> {
        let own = self.peer_id();
        let query = Query::new(PEERS).with("direction", &true);
        let response = self.read(PEERS, &query, deadline).await?;
        let digest = Digest::of(own, response.body());
        if before == Some(digest) {
            return Ok((digest, None));
        }
        let listing = body::connections(PEERS, response.body(), own)?;
        Ok((digest, Some(listing)))
    }

    /// `swarm/peering/ls`: whom the node keeps connected.
    ///
    /// # Errors
    /// See [`Error::kind`].
    pub async fn peering(
        &mut self,
        deadline: Duration,
    ) -> Result<Listing<Vec<PeeringEntry>>, Error> {
        let response = self
            .read(PEERING_LS, &Query::new(PEERING_LS), deadline)
            .await?;
        body::peering(PEERING_LS, response.body())
    }

    /// `swarm/filters`: the live dial filters, as the node prints them.
    ///
    /// # Errors
    /// See [`Error::kind`].
    pub async fn filters(&mut self, deadline: Duration) -> Result<Listing<Vec<Arc<str>>>, Error> {
        let response = self.read(FILTERS, &Query::new(FILTERS), deadline).await?;
        body::texts(FILTERS, response.body())
    }

    /// `swarm/addrs/listen`: the addresses of the node's interfaces.
    ///
    /// # Errors
    /// See [`Error::kind`].
    pub async fn listen(&mut self, deadline: Duration) -> Result<Listing<Vec<Address>>, Error> {
        let response = self.read(LISTEN, &Query::new(LISTEN), deadline).await?;
        body::addresses(LISTEN, response.body())
    }

    /// `id` once more: the addresses that the node announces.
    ///
    /// # Errors
    /// See [`Error::kind`].
    pub async fn announced(&mut self, deadline: Duration) -> Result<Listing<Vec<Address>>, Error> {
        let response = self.read(ID, &Query::new(ID), deadline).await?;
        body::announced(ID, response.body())
    }

    /// `config?arg=Swarm.ConnMgr`: the connection manager's marks; what the config does not say is
    /// absent and means Kubo's default.
    ///
    /// # Errors
    /// See [`Error::kind`].
    pub async fn conn_limits(&mut self, deadline: Duration) -> Result<ConnLimits, Error> {
        let query = Query::new(CONFIG).with("arg", &"Swarm.ConnMgr");
        match self.read(CONFIG, &query, deadline).await {
            Ok(response) => body::conn_limits(CONFIG, response.body()),
            Err(error) if is_unset(&error) => Ok(ConnLimits::default()),
            Err(error) => Err(error),
        }
    }

    /// `version`: Kubo's version, `0.44.0`.
    ///
    /// # Errors
    /// See [`Error::kind`].
    pub async fn version(&mut self, deadline: Duration) -> Result<Arc<str>, Error> {
        let response = self.read(VERSION, &Query::new(VERSION), deadline).await?;
        body::version(VERSION, response.body())
    }

    /// `ping` with one probe: the round trip to another peer. Dials it if it is not connected. The
    /// daemon gets `deadline` as its own, as in [`Node::connect`].
    ///
    /// # Errors
    /// See [`Error::kind`]; without [`FailureKind::is_silence`] of this node, the kind speaks of the
    /// far peer.
    pub async fn ping(&mut self, peer: PeerId, deadline: Duration) -> Result<Duration, Error> {
        let query = Query::new(PING)
            .with("count", &1)
            .timeout(deadline)
            .with("arg", &peer);
        let response = self
            .send(PING, &query, deadline.saturating_add(ANSWER_GRACE))
            .await?;
        let checked = status::check(PING, &response, None);
        if checked.is_err() && response.trailer_error().is_none() {
            return checked.map(|()| Duration::ZERO);
        }
        // The reason stands in the body; the trailer says only that there is one.
        body::round_trip(PING, response.body()).map_err(|error| match checked {
            Err(trailer) if error.kind() == FailureKind::BadBody => trailer,
            _ => error,
        })
    }

    /// `swarm/connect` with one address, which ends in its peer. The daemon gets `deadline` as its
    /// own (`timeout=`); its answer may take [`ANSWER_GRACE`] longer.
    ///
    /// Success proves nothing: the node says it too when it dials nothing (measured-on-kubo, row
    /// 11).
    ///
    /// # Errors
    /// See [`Error::kind`]: the reason for this very address.
    pub async fn connect(&mut self, address: &Address, deadline: Duration) -> Result<(), Error> {
        let query = Query::new(CONNECT).timeout(deadline).with("arg", address);
        let response = self
            .send(CONNECT, &query, deadline.saturating_add(ANSWER_GRACE))
            .await?;
        status::check(CONNECT, &response, Some(address))?;
        body::results(CONNECT, response.body())
    }

    /// `swarm/disconnect` of one connection by its exact address, which ends in its peer.
    ///
    /// # Errors
    /// See [`Error::kind`]; [`FailureKind::NoEffect`] when there is no such connection.
    pub async fn disconnect(&mut self, address: &Address, deadline: Duration) -> Result<(), Error> {
        let query = Query::new(DISCONNECT).with("arg", address);
        let response = self.read(DISCONNECT, &query, deadline).await?;
        body::results(DISCONNECT, response.body())
    }

    /// `swarm/peering/add` of addresses, each of which ends in its peer. The addresses of a peer
    /// replace what the node has for it.
    ///
    /// # Errors
    /// See [`Error::kind`]. What was sent before the error stays.
    pub async fn peering_add(
        &mut self,
        addresses: &[Address],
        deadline: Duration,
    ) -> Result<(), Error> {
        self.peering_change(PEERING_ADD, addresses, Address::peer, deadline)
            .await
    }

    /// `swarm/peering/rm`: success also for peers that were not registered. Connections stay.
    ///
    /// # Errors
    /// See [`Error::kind`]. What was sent before the error stays.
    pub async fn peering_remove(
        &mut self,
        peers: &[PeerId],
        deadline: Duration,
    ) -> Result<(), Error> {
        self.peering_change(PEERING_RM, peers, |peer| Some(*peer), deadline)
            .await
    }

    /// `swarm/filters/add`. One filters call at a time a node: two make the daemon's handler fall
    /// over (measured-on-kubo, row 27); `&mut self` sees to it on one connection.
    ///
    /// # Errors
    /// See [`Error::kind`]. What was sent before the error stays.
    pub async fn filters_add(
        &mut self,
        entries: &[Arc<str>],
        deadline: Duration,
    ) -> Result<(), Error> {
        self.filters_change(FILTERS_ADD, entries, deadline).await
    }

    /// `swarm/filters/rm` by the entries' exact texts; success also for absent ones.
    ///
    /// # Errors
    /// See [`Error::kind`]. What was sent before the error stays.
    pub async fn filters_remove(
        &mut self,
        entries: &[Arc<str>],
        deadline: Duration,
    ) -> Result<(), Error> {
        self.filters_change(FILTERS_RM, entries, deadline).await
    }

    /// Sends a planned call.
    ///
    /// # Errors
    /// See [`Error::kind`].
    pub async fn apply(&mut self, call: &Call, deadline: Duration) -> Result<(), Error> {
        match call {
            Call::Connect { address } => self.connect(address, deadline).await,
            Call::Disconnect { address } => self.disconnect(address, deadline).await,
            Call::PeeringAdd { addresses } => self.peering_add(addresses, deadline).await,
            Call::PeeringRemove { peers } => self.peering_remove(peers, deadline).await,
            Call::FiltersAdd { entries } => self.filters_add(entries, deadline).await,
            Call::FiltersRemove { entries } => self.filters_remove(entries, deadline).await,
            other => {
                let text = format!("this build cannot send `{other}` to Kubo");
                Err(answered("apply", FailureKind::BadRequest, &text))
            }
        }
    }

    async fn peering_change<T: Display>(
        &mut self,
        verb: &'static str,
        arguments: &[T],
        peer: impl Fn(&T) -> Option<PeerId>,
        deadline: Duration,
    ) -> Result<(), Error> {
        let mut rest = arguments;
        for (query, count) in batches(verb, arguments) {
            let (batch, behind) = rest.split_at(count);
            rest = behind;
            // Kubo answers once a peer, however many addresses it was given for it.
            let peers: BTreeSet<_> = batch.iter().map(&peer).collect();
            let response = self.read(verb, &query, deadline).await?;
            body::all_done(verb, response.body(), peers.len())?;
        }
        Ok(())
    }

    async fn filters_change(
        &mut self,
        verb: &'static str,
        entries: &[Arc<str>],
        deadline: Duration,
    ) -> Result<(), Error> {
        for (query, _) in batches(verb, entries) {
            let response = self.read(verb, &query, deadline).await?;
            body::texts(verb, response.body())?;
        }
        Ok(())
    }

    /// Sends a request and lets only a good answer pass.
    async fn read(
        &mut self,
        verb: &'static str,
        query: &Query,
        deadline: Duration,
    ) -> Result<Response, Error> {
        let response = self.send(verb, query, deadline).await?;
        status::check(verb, &response, None)?;
        Ok(response)
    }

    pub(crate) async fn send(
        &mut self,
        verb: &'static str,
        query: &Query,
        deadline: Duration,
    ) -> Result<Response, Error> {
        let request = Request::post(query.as_str())
            .and_then(|request| request.authorization(self.auth.as_ref()))
            .map_err(|e| lost(verb, &e))?;
        let bounds = Bounds::within(deadline).up_to(body_limit(verb));
        let answer = self.connection.exchange(request, bounds).await;
        answer.map_err(|e| lost(verb, &e))
    }
}
