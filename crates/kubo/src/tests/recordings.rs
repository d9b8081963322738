//! Every recorded answer of a real Kubo, byte for byte, through the real client.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kubomesh_core::{Address, Connection, PeerId};
use kubomesh_testkit::raw::Step;
use percent_encoding::percent_decode_str;
use serde::Deserialize;

use super::rows::{Ask, OTHER_OPTIONS, ROWS};
use super::{DEADLINE, introduced, node};
use crate::query::Query;
use crate::{Error, Listing, status};

/// One entry of `index.json`.
#[derive(Deserialize)]
struct Recorded {
    name: String,
    /// `POST /api/v0/swarm/peers?direction=true HTTP/1.1`.
    request: String,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/recordings/kubo")
}

fn index() -> Vec<Recorded> {
    serde_json::from_slice(&std::fs::read(folder().join("index.json")).unwrap()).unwrap()
}

fn response(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(format!("{name}.response"))).unwrap()
}

impl Recorded {
    fn path(&self) -> &str {
        self.request.split(' ').nth(1).unwrap()
    }

    /// The verb and the query, decoded, without the daemon's deadline, which is ours to choose.
    fn asked(path: &str) -> (String, Vec<String>) {
        let (verb, query) = path.split_once('?').unwrap_or((path, ""));
        let decoded = |part: &str| percent_decode_str(part).decode_utf8().unwrap().into_owned();
        let parts = query
            .split('&')
            .filter(|part| !part.is_empty())
            .map(decoded);
        (
            verb.to_owned(),
            parts.filter(|part| !part.starts_with("timeout=")).collect(),
        )
    }

    fn arguments(&self) -> Vec<String> {
        let parts = Self::asked(self.path()).1.into_iter();
        parts
            .filter_map(|part| Some(part.strip_prefix("arg=")?.to_owned()))
            .collect()
    }

    /// Addresses as we would give them: one of the recordings asks for one that is none.
    fn addresses(&self) -> Vec<Address> {
        self.arguments()
            .iter()
            .map(|text| Address::lenient(text))
            .collect()
    }

    fn peers(&self) -> Vec<PeerId> {
        self.arguments()
            .iter()
            .map(|text| text.parse().unwrap())
            .collect()
    }

    fn entries(&self) -> Vec<Arc<str>> {
        self.arguments()
            .iter()
            .map(|text| text.as_str().into())
            .collect()
    }
}

#[test]
fn every_recording_has_a_row_and_every_row_a_recording() {
    let recorded: BTreeSet<String> = index().into_iter().map(|recorded| recorded.name).collect();
    let rows: BTreeSet<String> = ROWS.iter().map(|row| row.0.to_owned()).collect();
    assert_eq!(recorded, rows);
    assert_eq!(rows.len(), ROWS.len());
    let files = std::fs::read_dir(folder()).unwrap().count();
    assert_eq!(
        files,
        recorded.len() + 1,
        "one file a recording, and the index"
    );
}

#[tokio::test]
async fn every_recording_is_understood() {
    let mut wrong = String::new();
    for recorded in index() {
        let row = ROWS.iter().find(|row| row.0 == recorded.name);
        let (_, ask, expected) = row.unwrap_or_else(|| panic!("no row for {}", recorded.name));
        let (understood, sent) = replay(*ask, &recorded).await;
        if understood != *expected {
            wrong += &format!(
                "{}\n  is:     {understood}\n  wanted: {expected}\n",
                recorded.name
            );
        }
        let ours = !matches!(ask, Ask::Other | Ask::Own);
        if ours && !OTHER_OPTIONS.contains(&&*recorded.name) {
            assert_eq!(Recorded::asked(&sent), Recorded::asked(recorded.path()));
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// What the client makes of the recording, and the path that it sent.
async fn replay(ask: Ask, recorded: &Recorded) -> (String, String) {
    let step = Step::SayAndClose(response(&recorded.name));
    let (understood, server) = match ask {
        Ask::Id => {
            let (introduction, server) = introduced(vec![step]).await;
            (
                told(introduction.map(|i| format!("{} {}", i.peer_id(), i.agent_version()))),
                server,
            )
        }
        _ => {
            let (mut node, server) = node(vec![step]).await;
            (ask_node(&mut node, ask, recorded).await, server)
        }
    };
    let seen = server.seen();
    assert_eq!(seen.connections, 1, "{}: never sent twice", recorded.name);
    let sent = seen
        .requests
        .last()
        .unwrap()
        .split(' ')
        .nth(1)
        .unwrap()
        .to_owned();
    (understood, sent)
}

async fn ask_node(node: &mut crate::Node, ask: Ask, recorded: &Recorded) -> String {
    match ask {
        Ask::Peers => {
            let connections = node.peers(DEADLINE).await.map(|listing| Listing {
                entries: listing.entries.iter().map(Connection::from).collect(),
                warning: listing.warning,
            });
            listed(connections, |c: &Connection| {
                format!("{} {} {:?}", c.peer, c.address, c.direction)
            })
        }
        Ask::Peering => listed(node.peering(DEADLINE).await, |e| {
            format!("{} {:?}", e.peer, e.addresses)
        }),
        Ask::Filters => listed(node.filters(DEADLINE).await, ToString::to_string),
        Ask::Listen => listed(node.listen(DEADLINE).await, ToString::to_string),
        Ask::ConnLimits | Ask::Own => {
            told(node.conn_limits(DEADLINE).await.map(|l| format!("{l:?}")))
        }
        Ask::Version => told(node.version(DEADLINE).await.map(|v| v.to_string())),
        Ask::Ping => {
            let peer = recorded.addresses()[0]
                .peer()
                .or_else(|| recorded.arguments()[0].parse().ok());
            told(
                node.ping(peer.unwrap(), DEADLINE)
                    .await
                    .map(|d: Duration| format!("{d:?}")),
            )
        }
        Ask::Connect => done(node.connect(&recorded.addresses()[0], DEADLINE).await),
        Ask::Disconnect => done(node.disconnect(&recorded.addresses()[0], DEADLINE).await),
        Ask::PeeringAdd => done(node.peering_add(&recorded.addresses(), DEADLINE).await),
        Ask::PeeringRemove => done(node.peering_remove(&recorded.peers(), DEADLINE).await),
        Ask::FiltersRemove => done(node.filters_remove(&recorded.entries(), DEADLINE).await),
        Ask::Id | Ask::Other => {
            // Not a verb of ours: only whether it is a good answer, and why not.
            let response = node.send("other", &Query::new("other"), DEADLINE).await;
            let checked = response.and_then(|r| status::check("other", &r, None));
            done(checked)
        }
    }
}

fn told(answer: Result<String, Error>) -> String {
    answer.unwrap_or_else(|error| {
        assert!(error.answered(), "{error}");
        let found = error
            .found()
            .map(|peer| format!(" (found {peer})"))
            .unwrap_or_default();
        format!("{}: {error}{found}", error.kind())
    })
}

fn done(answer: Result<(), Error>) -> String {
    told(answer.map(|()| "done".to_owned()))
}

fn listed<T: Debug>(
    answer: Result<Listing<Vec<T>>, Error>,
    print: impl Fn(&T) -> String,
) -> String {
    told(answer.map(|listing| {
        assert_eq!(listing.warning, None);
        let entries: Vec<String> = listing.entries.iter().map(print).collect();
        format!("[{}]", entries.join(", "))
    }))
}
