//! The verbs.

use std::sync::Arc;
use std::time::Duration;

use futures::stream::BoxStream;
use kubomesh_agent_api::wire::kubo_agent_server::KuboAgent;
use kubomesh_agent_api::{ApiVersions, wire};
use kubomesh_core::{Address, AddressError, Expected, Failure, FailureKind, PeerId};
use kubomesh_kubo::Node;
use kubomesh_process::CancellationToken;
use kubomesh_telemetry::BUILD;
use tonic::{Request, Response, Status};

use crate::kubo::{Kubo, READ_DEADLINE, refused};
use crate::looker::{Looker, connections, entry};
use crate::watcher;

/// Longest deadline of a `Connect`: Kubo's own default for a command is a minute.
const MAX_DIAL: Duration = Duration::from_secs(60);

/// Shortest time that a call to Kubo gets.
const LEAST: Duration = Duration::from_millis(10);

/// Most arguments of one call, and longest of them, bytes: as many and as long as are ever listed.
const MAX_ARGUMENTS: usize = kubomesh_core::MAX_STRINGS;
const MAX_ARGUMENT: usize = kubomesh_core::MAX_TEXT;

/// The service.
pub(crate) struct Service {
    pub(crate) kubo: Arc<Kubo>,
    pub(crate) looker: Looker,
    pub(crate) pod_uid: String,
    pub(crate) versions: ApiVersions,
    pub(crate) heartbeat: Duration,
    pub(crate) stop: CancellationToken,
}

type Answer<T> = Result<Response<T>, Status>;

impl Service {
    /// A call that changes something; the number of the last look that had begun at its end.
    async fn change(
        &self,
        expected: &str,
        deadline: Duration,
        call: impl AsyncFnOnce(&mut Node) -> Result<(), kubomesh_kubo::Error>,
    ) -> Result<u64, Status> {
        let done = self.kubo.call(expected, deadline, call).await;
        // Also after a failure: it may have done something.
        let look = self.looker.look_soon();
        done.map(|()| look)
    }
}

#[tonic::async_trait]
impl KuboAgent for Service {
    type WatchStream = BoxStream<'static, Result<wire::WatchEvent, Status>>;

    async fn ping(&self, request: Request<wire::PingRequest>) -> Answer<wire::PingResponse> {
        let look = match request.into_inner().look {
            true => self.looker.look_now().await,
            false => 0,
        };
        Ok(Response::new(wire::PingResponse { look }))
    }

    async fn server_version_get(
        &self,
        _request: Request<wire::ServerVersionGetRequest>,
    ) -> Answer<wire::ServerVersionGetResponse> {
        Ok(Response::new(wire::ServerVersionGetResponse {
            version: BUILD.version.to_owned(),
            git_commit: BUILD.commit.to_owned(),
            build_date: BUILD.date().unwrap_or_default(),
            api_version: self.versions.current,
            api_min_version: self.versions.min,
        }))
    }

    async fn identity(
        &self,
        request: Request<wire::IdentityRequest>,
    ) -> Answer<wire::IdentityResponse> {
        let deadline = deadline(&request);
        let unseen = |failure: Failure| refused(&failure);
        let introduction = self.kubo.introduce(deadline).await.map_err(unseen)?;
        let (peer_id, agent_version) = (introduction.peer_id(), introduction.agent_version());
        let mut node = introduction
            .accept(Expected::Peer(peer_id))
            .map_err(|wrong| unseen(wrong.into()))?;
        let announced = node.announced(deadline).await;
        let announced = announced.map_err(|error| unseen(error.into()))?;
        self.kubo.keep(node);
        Ok(Response::new(wire::IdentityResponse {
            peer_id: peer_id.to_string(),
            pod_uid: self.pod_uid.clone(),
            agent_version: agent_version.to_string(),
            addresses: shown(&announced.entries),
        }))
    }

    async fn list_peers(
        &self,
        request: Request<wire::ListPeersRequest>,
    ) -> Answer<wire::ListPeersResponse> {
        let (within, request) = (deadline(&request), request.into_inner());
        let expected = &request.expected_peer_id;
        let call = async |node: &mut Node| node.peers(within).await;
        let listing = self.kubo.call(expected, within, call).await?;
        Ok(Response::new(wire::ListPeersResponse {
            connections: connections(&listing.entries),
            warning: listing.warning.unwrap_or_default(),
        }))
    }

    async fn conn_limits_get(
        &self,
        request: Request<wire::ConnLimitsGetRequest>,
    ) -> Answer<wire::ConnLimitsGetResponse> {
        let (within, request) = (deadline(&request), request.into_inner());
        let expected = &request.expected_peer_id;
        let call = async |node: &mut Node| node.conn_limits(within).await;
        let limits = self.kubo.call(expected, within, call).await?;
        Ok(Response::new(wire::ConnLimitsGetResponse {
            r#type: limits.kind,
            low_water: limits.low_water,
            high_water: limits.high_water,
        }))
    }

    async fn watch(&self, _request: Request<wire::WatchRequest>) -> Answer<Self::WatchStream> {
        watcher::watch(&self.looker, self.heartbeat, self.stop.clone()).map(Response::new)
    }

    async fn connect(
        &self,
        request: Request<wire::ConnectRequest>,
    ) -> Answer<wire::ConnectResponse> {
        let request = request.into_inner();
        let dial = Duration::from_millis(request.deadline_ms.into());
        let dial = dial.clamp(LEAST, MAX_DIAL);
        let address = address(&request.address)?;
        let call = async |node: &mut Node| node.connect(&address, dial).await;
        let expected = &request.expected_peer_id;
        let look = self.change(expected, READ_DEADLINE, call).await?;
        Ok(Response::new(wire::ConnectResponse { look }))
    }

    async fn disconnect(
        &self,
        request: Request<wire::DisconnectRequest>,
    ) -> Answer<wire::DisconnectResponse> {
        let (within, request) = (deadline(&request), request.into_inner());
        let address = address(&request.address)?;
        let call = async |node: &mut Node| node.disconnect(&address, within).await;
        let expected = &request.expected_peer_id;
        let look = self.change(expected, within, call).await?;
        Ok(Response::new(wire::DisconnectResponse { look }))
    }

    async fn peering_list(
        &self,
        request: Request<wire::PeeringListRequest>,
    ) -> Answer<wire::PeeringListResponse> {
        let (within, request) = (deadline(&request), request.into_inner());
        let expected = &request.expected_peer_id;
        let call = async |node: &mut Node| node.peering(within).await;
        let listing = self.kubo.call(expected, within, call).await?;
        Ok(Response::new(wire::PeeringListResponse {
            entries: listing.entries.iter().map(entry).collect(),
            warning: listing.warning.unwrap_or_default(),
        }))
    }

    async fn peering_add(
        &self,
        request: Request<wire::PeeringAddRequest>,
    ) -> Answer<wire::PeeringAddResponse> {
        let (within, request) = (deadline(&request), request.into_inner());
        let addresses = arguments(&request.addresses, address)?;
        let call = async |node: &mut Node| node.peering_add(&addresses, within).await;
        let expected = &request.expected_peer_id;
        let look = self.change(expected, within, call).await?;
        Ok(Response::new(wire::PeeringAddResponse { look }))
    }

    async fn peering_remove(
        &self,
        request: Request<wire::PeeringRemoveRequest>,
    ) -> Answer<wire::PeeringRemoveResponse> {
        let (within, request) = (deadline(&request), request.into_inner());
        let peers = arguments(&request.peer_ids, |text| {
            let peer = text.parse::<PeerId>();
            peer.map_err(|error| bad("peer_ids", &error))
        })?;
        let call = async |node: &mut Node| node.peering_remove(&peers, within).await;
        let expected = &request.expected_peer_id;
        let look = self.change(expected, within, call).await?;
        Ok(Response::new(wire::PeeringRemoveResponse { look }))
    }

    async fn filters_list(
        &self,
        request: Request<wire::FiltersListRequest>,
    ) -> Answer<wire::FiltersListResponse> {
        let (within, request) = (deadline(&request), request.into_inner());
        let _turn = self.kubo.filters_turn().await;
        let expected = &request.expected_peer_id;
        let call = async |node: &mut Node| node.filters(within).await;
        let listing = self.kubo.call(expected, within, call).await?;
        Ok(Response::new(wire::FiltersListResponse {
            entries: shown(&listing.entries),
            warning: listing.warning.unwrap_or_default(),
        }))
    }

    async fn filters_add(
        &self,
        request: Request<wire::FiltersAddRequest>,
    ) -> Answer<wire::FiltersAddResponse> {
        let (within, request) = (deadline(&request), request.into_inner());
        let entries = arguments(&request.entries, |text| Ok(Arc::from(text)))?;
        let _turn = self.kubo.filters_turn().await;
        let call = async |node: &mut Node| node.filters_add(&entries, within).await;
        let expected = &request.expected_peer_id;
        let look = self.change(expected, within, call).await?;
        Ok(Response::new(wire::FiltersAddResponse { look }))
    }

    async fn filters_remove(
        &self,
        request: Request<wire::FiltersRemoveRequest>,
    ) -> Answer<wire::FiltersRemoveResponse> {
        let (within, request) = (deadline(&request), request.into_inner());
        let entries = arguments(&request.entries, |text| Ok(Arc::from(text)))?;
        let _turn = self.kubo.filters_turn().await;
        let call = async |node: &mut Node| node.filters_remove(&entries, within).await;
        let expected = &request.expected_peer_id;
        let look = self.change(expected, within, call).await?;
        Ok(Response::new(wire::FiltersRemoveResponse { look }))
    }

    async fn listen_addrs(
        &self,
        request: Request<wire::ListenAddrsRequest>,
    ) -> Answer<wire::ListenAddrsResponse> {
        let (within, request) = (deadline(&request), request.into_inner());
        let expected = &request.expected_peer_id;
        let call = async |node: &mut Node| node.listen(within).await;
        let listing = self.kubo.call(expected, within, call).await?;
        Ok(Response::new(wire::ListenAddrsResponse {
            addresses: shown(&listing.entries),
            warning: listing.warning.unwrap_or_default(),
        }))
    }
}

/// How long Kubo may take: less than the caller waits, so that it learns why.
fn deadline<T>(request: &Request<T>) -> Duration {
    let asked = request.metadata().get("grpc-timeout");
    let asked = asked.and_then(|value| timeout(value.to_str().ok()?));
    let asked = asked.unwrap_or(READ_DEADLINE);
    let answering = (asked / 5).min(Duration::from_millis(500));
    (asked - answering).clamp(LEAST, READ_DEADLINE)
}

/// `grpc-timeout`: at most eight digits and a unit.
fn timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: u32 = digits.parse().ok()?;
    let unit = match unit {
        "H" => Duration::from_secs(3600),
        "M" => Duration::from_secs(60),
        "S" => Duration::from_secs(1),
        "m" => Duration::from_millis(1),
        "u" => Duration::from_micros(1),
        "n" => Duration::from_nanos(1),
        _ => return None,
    };
    Some(unit.saturating_mul(number))
}

fn arguments<T>(
    texts: &[String],
    read: impl Fn(&str) -> Result<T, Status>,
) -> Result<Vec<T>, Status> {
    if texts.len() > MAX_ARGUMENTS {
        let text = format!("{} of them, more than {MAX_ARGUMENTS}", texts.len());
        return Err(bad("arguments", &text));
    }
    if let Some(long) = texts.iter().find(|text| text.len() > MAX_ARGUMENT) {
        let text = format!("one has {} bytes, more than {MAX_ARGUMENT}", long.len());
        return Err(bad("arguments", &text));
    }
    texts.iter().map(|text| read(text)).collect()
}

fn address(text: &str) -> Result<Address, Status> {
    Address::parse(text).map_err(|error: AddressError| bad("address", &error))
}

fn bad(field: &str, why: &dyn std::fmt::Display) -> Status {
    refused(&Failure::new(
        FailureKind::BadRequest,
        &format!("{field}: {why}"),
    ))
}

fn shown<T: std::fmt::Display>(items: &[T]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests;
