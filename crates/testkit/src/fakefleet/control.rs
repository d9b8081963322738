//! The control API: JSON over HTTP, for whoever watches the fleet and whoever shakes it.
//!
//! | call | does |
//! |---|---|
//! | `GET /status` | every node: links, peering entries, calls; CPU time of the process |
//! | `GET /links` | pairs that list each other at both ends; `?min=N&timeout_ms=T` waits for N |
//! | `GET /node?name=N` | one node with the names of its peers and its calls by verb |
//! | `GET /history` | what happened since the last time, with `--history` |
//! | `POST /fault` `{node, faults}` | changes what is wrong with a node |
//! | `POST /kill`, `/start` `{node, how?}` | `how`: `closed` (default) or `silent` |
//! | `POST /restart` `{node, how?, new_identity?}` | forgets its peering entries |
//! | `POST /move` `{node, ip}` | to another loopback address; rewrites the members file |
//! | `POST /partition` `{islands: [[name…]…]}` or `{node}`, `{pair: [a, b]}`, `{mend: true}` | separates swarms, not RPCs |

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kubomesh_model::{Cut, Stop};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::nodes::Nodes;
use super::status;
use crate::Faults;

/// Largest request body.
const BODY_LIMIT: usize = 1 << 20;

/// How often a waiting call looks.
const LOOK: Duration = Duration::from_millis(1);

/// The body of every `POST`; each call reads its own fields.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Order {
    node: Option<String>,
    faults: Option<Faults>,
    how: How,
    new_identity: bool,
    ip: Option<IpAddr>,
    islands: Vec<Vec<String>>,
    pair: Option<(String, String)>,
    mend: bool,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum How {
    #[default]
    Closed,
    Silent,
}

pub(super) async fn accept(listener: TcpListener, nodes: Arc<Nodes>, ended: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            () = ended.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else { continue };
        let served = Arc::clone(&nodes);
        let service = service_fn(move |request| {
            let nodes = Arc::clone(&served);
            async move { Ok::<_, std::convert::Infallible>(answer(&nodes, request).await) }
        });
        let ended = ended.clone();
        nodes.fleet().shared().tasks.spawn(async move {
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::select! {
                () = ended.cancelled() => {}
                // An error is the far end hanging up.
                _ = connection => {}
            }
        });
    }
}

async fn answer(nodes: &Nodes, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (status, text) = match route(nodes, request).await {
        Ok(text) => (StatusCode::OK, text),
        Err(error) => {
            let text = serde_json::json!({ "error": format!("{error:#}") }).to_string();
            (StatusCode::BAD_REQUEST, text)
        }
    };
    let mut response = Response::new(Full::new(Bytes::from(text + "\n")));
    *response.status_mut() = status;
    let json = http::HeaderValue::from_static("application/json");
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, json);
    response
}

async fn route(nodes: &Nodes, request: Request<Incoming>) -> anyhow::Result<String> {
    let path = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    if *request.method() == Method::GET {
        return match path.as_str() {
            "/status" => json(&status::status(nodes)),
            "/links" => links(nodes, &query).await,
            "/history" => json(&status::history(nodes)),
            "/node" => {
                let name = parameter(&query, "name").context("the parameter `name` is missing")?;
                json(&status::node(nodes, &name, nodes.find(&name)?, true))
            }
            _ => bail!("there is no GET {path}"),
        };
    }
    let body = Limited::new(request.into_body(), BODY_LIMIT)
        .collect()
        .await;
    let body = body
        .map_err(|e| anyhow::anyhow!("the body cannot be read: {e}"))?
        .to_bytes();
    let order = if body.is_empty() {
        Ok(Order::default())
    } else {
        serde_json::from_slice(&body)
    };
    act(
        nodes,
        &path,
        order.context("the body is not what this call wants")?,
    )
    .await?;
    Ok("{}".into())
}

async fn links(nodes: &Nodes, query: &str) -> anyhow::Result<String> {
    let number = |name| {
        parameter(query, name)
            .map(|text| text.parse::<u64>())
            .transpose()
    };
    let least = number("min").context("`min` is not a number")?.unwrap_or(0);
    let patience = number("timeout_ms")
        .context("`timeout_ms` is not a number")?
        .unwrap_or(0);
    let until = tokio::time::Instant::now() + Duration::from_millis(patience);
    loop {
        let links = status::links(nodes);
        if links.pairs as u64 >= least || tokio::time::Instant::now() >= until {
            return json(&links);
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn act(nodes: &Nodes, path: &str, order: Order) -> anyhow::Result<()> {
    if path == "/partition" {
        return partition(nodes, &order);
    }
    let name = order
        .node
        .as_deref()
        .context("the field `node` is missing")?;
    let kubo = &nodes.find(name)?.kubo;
    let how = Stop::from(order.how);
    match path {
        "/fault" => kubo.set_faults(order.faults.unwrap_or_default()),
        "/kill" => kubo.kill(how),
        "/start" => kubo.start().await?,
        "/restart" => {
            let identity = order.new_identity.then(|| nodes.fresh_identity());
            kubo.restart(how, identity).await?;
        }
        "/move" => {
            kubo.relocate(order.ip.context("the field `ip` is missing")?)
                .await?;
            nodes.write_members()?;
        }
        _ => bail!("there is no POST {path}"),
    }
    Ok(())
}

fn partition(nodes: &Nodes, order: &Order) -> anyhow::Result<()> {
    let index = |name: &String| nodes.find(name).map(|fake| fake.kubo.node());
    if order.mend {
        nodes.fleet().with(kubomesh_model::World::mend_all);
    }
    for (island, names) in (1..).zip(&order.islands) {
        let marooned: Vec<_> = names.iter().map(index).collect::<anyhow::Result<_>>()?;
        nodes.fleet().with(|world| world.maroon(&marooned, island));
    }
    if let Some(name) = &order.node {
        let cut = Cut::Node(index(name)?);
        nodes.fleet().with(|world| world.cut(cut));
    }
    if let Some((a, b)) = &order.pair {
        let cut = Cut::Pair(index(a)?, index(b)?);
        nodes.fleet().with(|world| world.cut(cut));
    }
    Ok(())
}

fn json(value: &impl Serialize) -> anyhow::Result<String> {
    serde_json::to_string(value).context("the answer cannot be encoded")
}

fn parameter(query: &str, name: &str) -> Option<String> {
    let mut parameters = form_urlencoded::parse(query.as_bytes());
    parameters
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

impl From<How> for Stop {
    fn from(how: How) -> Self {
        match how {
            How::Closed => Self::Closed,
            How::Silent => Self::Silent,
        }
    }
}
