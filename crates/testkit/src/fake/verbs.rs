//! The verbs: from a request to the model's answer, in Kubo's JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use kubomesh_core::{Direction, PeerId};
use kubomesh_model::{Overlap, Refusal, World};
use serde::Serialize;

use super::faults::Faults;
use super::query::Query;
use super::render;
use super::reply::{Reply, encode};
use super::serve::Context;

/// `{"Strings":[…]}`; null, not empty, where Kubo never made a list (row 15).
#[derive(Serialize)]
struct Strings {
    #[serde(rename = "Strings")]
    strings: Option<Vec<String>>,
}

type Answer = Result<Reply, Reply>;

impl Context {
    /// Answers a call that has passed all checks.
    pub(crate) async fn answer(&self, verb: &str, query: &str, faults: &Faults) -> Reply {
        let parsed = Query::parse(query);
        let answer = match verb {
            "swarm/connect" => self.connect(&parsed, faults).await,
            "ping" => self.ping(&parsed).await,
            "swarm/filters/add" | "swarm/filters/rm" => self.change_filters(verb, &parsed).await,
            "swarm/peering/add" => self.peering_add(&parsed, faults),
            "swarm/peering/rm" => self.peering_rm(&parsed),
            "swarm/disconnect" => self.disconnect(&parsed),
            _ => self.read(verb, query, &parsed, faults),
        };
        answer.unwrap_or_else(|reply| reply)
    }

    /// Calls that change nothing, from the cache if nothing has changed.
    fn read(&self, verb: &str, text: &str, query: &Query, faults: &Faults) -> Answer {
        let key = format!("{verb}?{text}");
        self.shared.with(|world| {
            let revision = world.node(self.node).revision();
            let may_cache = faults.may_cache() && is_kept(verb, query);
            if may_cache && let Some(line) = self.cache.get(&key, revision) {
                return Ok(Reply::raw(line));
            }
            let reply = self.fresh(world, verb, query, faults)?;
            if may_cache && let Reply::Json { lines, .. } = &reply {
                for line in lines.iter().take(1) {
                    self.cache.put(&key, revision, line);
                }
            }
            Ok(reply)
        })
    }

    fn fresh(&self, world: &World, verb: &str, query: &Query, faults: &Faults) -> Answer {
        match verb {
            "id" => Ok(Reply::raw(render::identity(
                &world.id(self.node)?,
                faults.identity,
            ))),
            "version" => Ok(Reply::json(&render::Version::default())),
            "swarm/peers" => self.peers(world, query, faults),
            "swarm/peering/ls" => Ok(Reply::raw(render::peering(&world.peering_ls(self.node)?))),
            "swarm/filters" => Ok(strings(
                Some(world.filters(self.node)?).filter(|f| !f.is_empty()),
            )),
            "swarm/addrs/listen" => {
                let list = world.listen(self.node)?;
                Ok(strings(Some(
                    list.iter().map(ToString::to_string).collect(),
                )))
            }
            "swarm/addrs/local" => {
                let own = world.node(self.node).spec().peer_id;
                let with_id = query.flag("id")?;
                let list = world.local(self.node)?;
                let text = |a: &kubomesh_core::Address| match with_id {
                    true => a.with_peer(own).to_string(),
                    false => a.to_string(),
                };
                Ok(strings(
                    Some(list.iter().map(text).collect()).filter(|l: &Vec<_>| !l.is_empty()),
                ))
            }
            "swarm/addrs/autonat" => Ok(Reply::raw("{\"reachability\":\"Unknown\"}\n".into())),
            "config" => self.config(world, query),
            "swarm/resources" => Ok(render::resources(world, self.node)),
            "diag/healthy" => Ok(Reply::raw("\"ok\"\n".into())),
            "bootstrap/list" | "bootstrap" => Ok(Reply::raw("{\"Peers\":[]}\n".into())),
            "config/show" => Ok(Reply::raw("{}\n".into())),
            _ => Err(Reply::not_found()),
        }
    }

    fn peers(&self, world: &World, query: &Query, faults: &Faults) -> Answer {
        let verbose = query.flag("verbose")?;
        let asked = render::Asked {
            direction: verbose || query.flag("direction")?,
            latency: verbose || query.flag("latency")?,
            streams: verbose || query.flag("streams")?,
            identify: verbose || query.flag("identify")?,
        };
        let mut list = world.peers(self.node)?;
        if faults.lies() {
            list.retain(|connection| !faults.denies.contains(&connection.peer));
            let own = world.node(self.node).spec().peer_id;
            list.extend(faults.claims.iter().map(super::faults::Claim::connection));
            list.extend(faults.lists_itself.then(|| render::self_connection(own)));
        }
        Ok(Reply::raw(render::peers(world, &list, asked)))
    }

    fn config(&self, world: &World, query: &Query) -> Answer {
        let key = query.required("key")?[0];
        match key {
            "Swarm.ConnMgr" => Ok(Reply::raw(render::conn_mgr(&world.conn_limits(self.node)?))),
            "Swarm.RelayClient" => Ok(Reply::raw(
                "{\"Key\":\"Swarm.RelayClient\",\"Value\":{}}\n".into(),
            )),
            _ => Err(Reply::failed(&format!(
                "failed to get config value: \"{key} not found\""
            ))),
        }
    }

    async fn connect(&self, query: &Query, faults: &Faults) -> Answer {
        let arguments = query.required("address")?;
        let timeout = query.timeout()?;
        if faults.pretends {
            return Ok(pretended("connect", &arguments));
        }
        let lines = self
            .shared
            .call(|world| world.connect(self.node, &arguments, timeout))
            .await?;
        Ok(strings(Some(lines)))
    }

    async fn ping(&self, query: &Query) -> Answer {
        /// Kubo's pause between two pings, and after a failed one (recordings `ping*`).
        const PAUSE: std::time::Duration = std::time::Duration::from_secs(1);
        let count = query.int("count", 10)?;
        let argument = query.required("peer ID")?[0].to_owned();
        let timeout = query.timeout()?;
        if count <= 0 {
            return Err(Reply::failed("ping count must be greater than 0"));
        }
        let peer: Option<PeerId> = match argument.parse() {
            Ok(peer) => Some(peer),
            Err(_) => kubomesh_core::Address::lenient(&argument).peer(),
        };
        let Some(peer) = peer else {
            return Err(Reply::failed(&format!(
                "failed to parse peer address '{argument}'"
            )));
        };
        let mut lines = vec![render::ping(true, 0, &format!("PING {peer}."))];
        let end = self
            .shared
            .call(|world| world.ping(self.node, &argument, timeout))
            .await;
        tokio::time::sleep(PAUSE).await;
        match end {
            Err(Refusal::Message(text)) if text.starts_with("Ping error") => {
                lines.push(render::ping(false, 0, &text));
                Ok(Reply::stream(lines, Some("ping failed".into())))
            }
            Err(refusal) => Err(refusal.into()),
            Ok(_) => {
                lines.extend((0..count.min(100)).map(|_| render::ping(true, 221_516, "")));
                lines.push(render::ping(true, 0, "Average latency: 0.22ms"));
                Ok(Reply::stream(lines, None))
            }
        }
    }

    fn disconnect(&self, query: &Query) -> Answer {
        let arguments = query.required("address")?;
        let lines = self
            .shared
            .with(|world| world.disconnect(self.node, &arguments))?;
        Ok(strings(Some(lines)))
    }

    fn peering_add(&self, query: &Query, faults: &Faults) -> Answer {
        let arguments = query.required("address")?;
        if faults.pretends {
            let peers = arguments
                .iter()
                .filter_map(|a| kubomesh_core::Address::lenient(a).peer());
            return Ok(peering_done(peers.collect()));
        }
        Ok(peering_done(
            self.shared
                .with(|world| world.peering_add(self.node, &arguments))?,
        ))
    }

    fn peering_rm(&self, query: &Query) -> Answer {
        let arguments = query.required("ID")?;
        Ok(peering_done(
            self.shared
                .with(|world| world.peering_rm(self.node, &arguments))?,
        ))
    }

    /// A filters call writes the config file, which takes a moment: a second one meanwhile collides
    /// with it (row 27).
    async fn change_filters(&self, verb: &str, query: &Query) -> Answer {
        /// Recording `filters-rm`: 1.2 ms.
        const WRITE: std::time::Duration = std::time::Duration::from_millis(1);
        let entries = query.required("address")?;
        let permit = self.filters.try_acquire();
        let overlap = if permit.is_ok() {
            Overlap::None
        } else {
            Overlap::Concurrent
        };
        tokio::time::sleep(WRITE).await;
        let changed = self.shared.with(|world| {
            if verb.ends_with("add") {
                world.filters_add(self.node, &entries, overlap)
            } else {
                world.filters_rm(self.node, &entries, overlap)
            }
        });
        drop(permit);
        Ok(strings(Some(changed?)))
    }
}

/// The resync's own calls; others are rare, and their answers depend on more than the node.
fn is_kept(verb: &str, query: &Query) -> bool {
    let plain = || {
        let asked = ["verbose", "latency", "streams", "identify"];
        asked
            .iter()
            .all(|name| matches!(query.flag(name), Ok(false)))
    };
    match verb {
        "id" | "swarm/peering/ls" | "swarm/filters" | "swarm/addrs/listen" => true,
        "swarm/peers" => plain(),
        _ => false,
    }
}

fn strings(strings: Option<Vec<String>>) -> Reply {
    Reply::json(&Strings { strings })
}

fn peering_done(peers: Vec<PeerId>) -> Reply {
    #[derive(Serialize)]
    struct Done {
        #[serde(rename = "ID")]
        id: PeerId,
        #[serde(rename = "Status")]
        status: &'static str,
    }
    let line = |id| {
        encode(&Done {
            id,
            status: "success",
        })
    };
    Reply::stream(peers.into_iter().map(line).collect(), None)
}

fn pretended(verb: &str, arguments: &[&str]) -> Reply {
    let peers = arguments
        .iter()
        .filter_map(|a| kubomesh_core::Address::lenient(a).peer());
    strings(Some(
        peers.map(|peer| format!("{verb} {peer} success")).collect(),
    ))
}

/// `swarm/peers` with so many peers that nobody knows. Kept from the first time on: a hundred
/// thousand IDs take seconds in a build without optimisation, and a fault is not to be a slow node.
pub(crate) fn many_peers(count: u32) -> Bytes {
    static KEPT: Mutex<BTreeMap<u32, Bytes>> = Mutex::new(BTreeMap::new());
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    kept.entry(count)
        .or_insert_with(|| render_many(count))
        .clone()
}

fn render_many(count: u32) -> Bytes {
    let mut text = String::from("{\"Peers\":[");
    for number in 0..count {
        let peer = kubomesh_model::peer_id(u64::from(u32::MAX) + u64::from(number));
        let [_, a, b, c] = number.to_be_bytes();
        let comma = if number == 0 { "" } else { "," };
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "{comma}{{\"Addr\":\"/ip4/198.{a}.{b}.{c}/tcp/4001\",\"Peer\":\"{peer}\",\
             \"Direction\":1,\"Identify\":{}}}",
            render::NO_IDENTIFY
        );
    }
    text.push_str("]}\n");
    text.into()
}

impl super::faults::Claim {
    fn connection(&self) -> kubomesh_core::Connection {
        let address = kubomesh_core::Address::lenient(&self.address);
        kubomesh_core::Connection {
            peer: self.peer,
            address,
            direction: self.direction,
        }
    }
}

/// `Direction` as Kubo numbers it.
pub(crate) const fn direction_number(direction: Direction) -> u8 {
    match direction {
        Direction::Unknown => 0,
        Direction::Inbound => 1,
        Direction::Outbound => 2,
    }
}
