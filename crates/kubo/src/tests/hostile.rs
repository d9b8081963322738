//! Nodes that are no Kubo, and Kubos that lie.

use std::time::Duration;

use kubomesh_core::{Direction, Failure, FailureKind};
use kubomesh_testkit::raw::Step;

use super::{DEADLINE, OTHER, OWN, answer, introduced, json, node, peer};
use crate::limits::{MAX_ADDRESSES_IN_ALL, MAX_CONNECTIONS, MAX_PEERING};

const HTML: &str = "<!DOCTYPE html><html><body>Welcome to nginx!</body></html>";

const JSON: &str = "application/json";

/// What a Go server with TLS says to plain HTTP.
const WANTS_TLS: &str = "Client sent an HTTP request to an HTTPS server.\n";

/// A list of `count` entries under this key.
fn list_of(key: &str, entry: &str, count: usize) -> Vec<u8> {
    let entries = vec![entry; count].join(",");
    json(format!(r#"{{"{key}":[{entries}]}}"#))
}

/// What answers `id` in its own way: what it is, status, content type, body, class.
#[rustfmt::skip]
const NOT_KUBO: &[(&str, &str, &str, &str, FailureKind)] = &[
    ("a web page", "200 OK", "text/html", HTML, FailureKind::NotKubo),
    ("an error page", "502 Bad Gateway", "text/html", HTML, FailureKind::NotKubo),
    ("nothing", "200 OK", "text/plain", "", FailureKind::NotKubo),
    ("a redirect", "302 Found", "text/html", "", FailureKind::NotKubo),
    ("another API", "200 OK", JSON, r#"{"status":"UP"}"#, FailureKind::NotKubo),
    ("any Go server", "404 Not Found", "text/plain", "404 page not found\n", FailureKind::NotKubo),
    ("the gateway", "405 Method Not Allowed", "text/plain", "read only\n", FailureKind::NotKubo),
    ("a proxy", "401 Unauthorized", "text/html", HTML, FailureKind::Unauthorised),
    ("another proxy", "403 Forbidden", "text/html", HTML, FailureKind::Forbidden),
    ("TLS", "400 Bad Request", "text/plain", WANTS_TLS, FailureKind::Tls),
    ("garbage", "200 OK", JSON, "garbage", FailureKind::BadBody),
    ("a web page as JSON", "200 OK", JSON, HTML, FailureKind::BadBody),
    ("an empty body", "200 OK", JSON, "", FailureKind::BadBody),
    ("a list", "200 OK", JSON, "[]", FailureKind::BadBody),
    ("no identity", "200 OK", JSON, r#"{"ID":"nobody"}"#, FailureKind::BadBody),
    ("null", "200 OK", JSON, r#"{"ID":null}"#, FailureKind::NotKubo),
    ("two answers", "200 OK", JSON, r#"{"ID":"x"}{"ID":"x"}"#, FailureKind::BadBody),
    ("an empty error", "500 Internal Server Error", JSON, "{}", FailureKind::BadBody),
    ("a panic", "500 Internal Server Error", "text/plain", "an error occurred", FailureKind::Refusal),
];

#[tokio::test]
async fn what_is_not_kubo_is_named_so() {
    for (what, status, content_type, body, kind) in NOT_KUBO {
        id_fails(what, answer(status, content_type, body.as_bytes()), *kind).await;
    }
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n";
    id_fails("a broken chunk", chunked.into(), FailureKind::NotKubo).await;
    id_fails(
        "no HTTP",
        b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(),
        FailureKind::NotKubo,
    )
    .await;
    id_fails("no UTF-8", json(b"{\"ID\":\"\xff\"}"), FailureKind::BadBody).await;
}

async fn id_fails(what: &str, bytes: Vec<u8>, kind: FailureKind) {
    let (result, server) = introduced(vec![Step::SayAndHold(bytes)]).await;
    let error = result.unwrap_err();
    assert_eq!(error.kind(), kind, "{what}: {error}");
    let sentence = Failure::from(error).message;
    assert!(
        sentence.starts_with("id: ") && !sentence.contains('\n'),
        "{sentence}"
    );
    assert_eq!(server.seen().requests.len(), 1, "{what}: asked once");
}

#[tokio::test]
async fn broken_connections_are_no_answers() {
    let half = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
                Transfer-Encoding: chunked\r\n\r\n400\r\n{\"Peers\":[";
    for (step, kind) in [
        (Step::SayAndReset(half.into()), FailureKind::Disconnected),
        (Step::SayAndClose(half.into()), FailureKind::Disconnected),
        (Step::SayAndHold(half.into()), FailureKind::TimedOut),
        (Step::SayAndHold(Vec::new()), FailureKind::TimedOut),
    ] {
        let (mut node, server) = node(vec![step]).await;
        let error = node.peers(Duration::from_millis(50)).await.unwrap_err();
        assert_eq!((error.kind(), error.answered()), (kind, false), "{error}");
        assert!(!node.is_open());
        let error = node.peering(DEADLINE).await.unwrap_err();
        assert_eq!(error.kind(), FailureKind::Disconnected);
        assert_eq!(server.seen().connections, 1);
    }
}

#[tokio::test]
async fn an_endless_body_ends_at_the_limit() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
                Transfer-Encoding: chunked\r\n\r\na\r\n{\"Peers\":[\r\n";
    let more = format!("8000\r\n{:32768}\r\n", "");
    let (mut node, _server) = node(vec![Step::SayForEver(head.into(), more.into())]).await;
    let error = node.peers(DEADLINE).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.answered()),
        (FailureKind::BodyTooLarge, false),
        "{error}"
    );
}

#[tokio::test]
async fn deep_nesting_is_refused_where_it_matters_and_skipped_where_not() {
    let deep = format!("{}{}", "[".repeat(5_000_000), "]".repeat(5_000_000));
    let (mut asked, _server) = node(vec![Step::Say(json(format!(r#"{{"Peers":{deep}}}"#)))]).await;
    assert_eq!(
        asked.peers(DEADLINE).await.unwrap_err().kind(),
        FailureKind::BadBody
    );
    let beside = json(format!(r#"{{"x":{deep},"Peers":[]}}"#));
    let (mut asked, _server) = node(vec![Step::Say(beside)]).await;
    assert_eq!(asked.peers(DEADLINE).await.unwrap().entries.len(), 0);
}

#[tokio::test]
async fn a_hundred_thousand_peers_are_too_many() {
    let entry = format!(r#"{{"Addr":"/ip4/10.0.0.1/tcp/4001","Peer":"{OTHER}"}}"#);
    let (mut asked, _server) = node(vec![Step::Say(list_of("Peers", &entry, 100_000))]).await;
    let error = asked.peers(DEADLINE).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::BodyTooLarge);
    let limit = MAX_CONNECTIONS;
    let sentence = format!("swarm/peers: 100000 entries are listed, more than {limit}");
    assert_eq!(error.to_string(), sentence);
    assert!(asked.is_open(), "the answer was whole");

    // As Kubo prints them they are beyond the body limit.
    let kubo = format!(
        r#"{{"Addr":"/ip4/10.0.0.1/tcp/4001","Peer":"{OTHER}","Direction":2,"Identify":{{"ID":"","PublicKey":"","Addresses":null,"AgentVersion":"","Protocols":null}}}}"#
    );
    let (mut asked, _server) = node(vec![Step::Say(list_of("Peers", &kubo, 100_000))]).await;
    assert_eq!(
        asked.peers(DEADLINE).await.unwrap_err().kind(),
        FailureKind::BodyTooLarge
    );

    let empty = list_of("Peers", "{}", MAX_PEERING + 1);
    let (mut asked, _server) = node(vec![Step::Say(empty)]).await;
    assert_eq!(
        asked.peering(DEADLINE).await.unwrap_err().kind(),
        FailureKind::BodyTooLarge
    );
}

#[tokio::test]
async fn a_quarter_of_a_million_empty_addresses_are_too_many() {
    let entry = format!(r#"{{"ID":"{OTHER}","Addrs":[{}null]}}"#, "null,".repeat(15));
    let most = MAX_ADDRESSES_IN_ALL / 16;
    for (entries, kind) in [(most, None), (most + 1, Some(FailureKind::BodyTooLarge))] {
        let body = list_of("Peers", &entry, entries);
        let (mut asked, _server) = node(vec![Step::Say(body)]).await;
        let answer = asked.peering(DEADLINE).await;
        assert_eq!(answer.as_ref().err().map(crate::Error::kind), kind);
        if let Err(error) = answer {
            let sentence = "swarm/peering/ls: 65552 addresses are listed, more than 65536";
            assert_eq!(error.to_string(), sentence);
        }
    }
}

#[tokio::test]
async fn what_makes_no_sense_does_not_hide_the_rest() {
    let long = "x".repeat(2_000);
    let body = format!(
        r#"{{"Peers":[
            {{"Addr":"/ip4/10.0.0.1/tcp/4001","Peer":"nobody"}},
            {{"Addr":"not an address","Peer":"{OTHER}"}},
            {{"Addr":"/ip4/10.0.0.1/tcp/4001/{long}","Peer":"{OTHER}"}},
            {{"Addr":null,"Peer":null}},
            {{}},
            {{"Addr":"/ip4/127.0.0.1/tcp/4001","Peer":"{OWN}","Direction":2}},
            {{"Addr":"/ip4/10.0.0.1/tcp/4001","Peer":"{OTHER}","Direction":2}},
            {{"Addr":"/quic-v9/of-the-future","Peer":"{OTHER}","Direction":7}}
        ]}}"#
    );
    let (mut asked, _server) = node(vec![Step::Say(json(&body))]).await;
    let listing = asked.peers(DEADLINE).await.unwrap();
    let kept: Vec<_> = listing
        .entries
        .iter()
        .map(|c| (c.text, c.direction))
        .collect();
    let expected = [
        ("/ip4/10.0.0.1/tcp/4001", Direction::Outbound),
        ("/quic-v9/of-the-future", Direction::Unknown),
    ];
    assert_eq!(kept, expected);
    let warning = listing.warning.unwrap();
    let start = "swarm/peers: 6 of 8 entries left out, the first: `nobody` is not a peer ID";
    assert!(warning.starts_with(start), "{warning}");
}

#[tokio::test]
async fn a_node_that_lists_itself_is_told_of() {
    let body = format!(r#"{{"Peers":[{{"Addr":"/ip4/127.0.0.1/tcp/4001","Peer":"{OWN}"}}]}}"#);
    let (mut asked, _server) = node(vec![Step::Say(json(&body))]).await;
    let listing = asked.peers(DEADLINE).await.unwrap();
    assert_eq!(listing.entries.len(), 0);
    let warning = "swarm/peers: 1 of 1 entries left out, the first: the node lists itself";
    assert_eq!(listing.warning.as_deref(), Some(warning));
}

#[tokio::test]
async fn null_and_empty_lists_are_none() {
    for list in ["null", "[]"] {
        let peers = || Step::Say(json(format!(r#"{{"Peers":{list}}}"#)));
        let strings = || Step::Say(json(format!(r#"{{"Strings":{list}}}"#)));
        let (mut asked, _server) = node(vec![peers(), peers(), strings(), strings()]).await;
        assert_eq!(asked.peers(DEADLINE).await.unwrap().entries.len(), 0);
        assert_eq!(asked.peering(DEADLINE).await.unwrap().entries, []);
        assert_eq!(asked.filters(DEADLINE).await.unwrap().entries, []);
        assert_eq!(asked.listen(DEADLINE).await.unwrap().entries, []);
    }
    // An answer that has no list is not one that says "none".
    for body in ["{}", "null", r#"{"Peers":{}}"#, r#"{"Peers":"none"}"#] {
        let (mut asked, _server) = node(vec![Step::Say(json(body))]).await;
        let error = asked.peers(DEADLINE).await.unwrap_err();
        assert_eq!(error.kind(), FailureKind::BadBody, "{body}");
    }
}

#[tokio::test]
async fn a_peering_entry_is_never_made_to_look_like_ours() {
    let many = vec![r#""/ip4/10.0.0.1/tcp/4001""#; 100].join(",");
    let body = format!(
        r#"{{"Peers":[
            {{"ID":"{OTHER}","Addrs":["/ip4/10.0.0.1/tcp/4001","garbage"]}},
            {{"ID":"{OTHER}","Addrs":[{many}]}},
            {{"ID":"{OTHER}","Addrs":null}},
            {{"ID":"nobody","Addrs":["/ip4/10.0.0.1/tcp/4001"]}}
        ]}}"#
    );
    let (mut asked, _server) = node(vec![Step::Say(json(&body))]).await;
    let listing = asked.peering(DEADLINE).await.unwrap();
    let counts: Vec<_> = listing
        .entries
        .iter()
        .map(|e| (e.peer, e.addresses.len()))
        .collect();
    assert_eq!(
        counts,
        [(peer(OTHER), 2), (peer(OTHER), 16), (peer(OTHER), 0)]
    );
    assert_eq!(listing.entries[0].addresses[1].as_str(), "garbage");
    assert!(listing.warning.unwrap().contains("1 of 4 entries left out"));
}

#[tokio::test]
async fn filters_and_listen_addresses_are_sifted() {
    let long = "x".repeat(2_000);
    let strings = format!(
        r#"{{"Strings":["/ip4/10.0.0.0/ipcidr/8","","/{long}","/ip4\n","/ip4\u202e",null]}}"#
    );
    let (mut asked, _server) = node(vec![Step::Say(json(&strings)); 2]).await;
    let filters = asked.filters(DEADLINE).await.unwrap();
    assert_eq!(filters.entries, ["/ip4/10.0.0.0/ipcidr/8".into()]);
    assert!(
        filters
            .warning
            .unwrap()
            .starts_with("swarm/filters: 5 of 6 entries left out")
    );
    let listen = asked.listen(DEADLINE).await.unwrap();
    assert_eq!(listen.entries.len(), 1);
    assert!(
        listen
            .warning
            .unwrap()
            .starts_with("swarm/addrs/listen: 5 of 6 entries left out")
    );
}

#[tokio::test]
async fn an_agent_version_is_one_short_line() {
    let agent = "kubo\\u0000\\n\\u202e\\u001b[31m".to_owned() + &"x".repeat(1_000);
    let body = format!(r#"{{"ID":"{OWN}","AgentVersion":"{agent}"}}"#);
    let (introduction, _server) = introduced(vec![Step::Say(json(body))]).await;
    let agent = introduction.unwrap().agent_version();
    assert_eq!(agent.chars().count(), 128);
    assert!(agent.starts_with("kubo xxx"), "{agent}");
}
