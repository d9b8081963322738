//! What the recordings do not show: batches, streams that stop, results, names, the plan's calls.

use std::sync::Arc;
use std::time::Duration;

use kubomesh_core::{Address, Call, ConnLimits, Expected, Failure, FailureKind, Redacted};
use kubomesh_testkit::raw::{RawServer, Step};
use proptest::prelude::ProptestConfig;

use super::{DEADLINE, OTHER, OWN, address, introduced, json, node, own_id, peer};
use crate::introduce;

fn strings(text: &str) -> Step {
    Step::Say(json(format!(r#"{{"Strings":["{text}"]}}"#)))
}

fn refusal(message: &str) -> Step {
    let body = format!("{{\"Message\":{message:?},\"Code\":0,\"Type\":\"error\"}}");
    Step::Say(super::answer(
        "500 Internal Server Error",
        "application/json",
        body.as_bytes(),
    ))
}

async fn connect_fails(asked: &str, message: &str) -> (FailureKind, String) {
    let (mut node, _server) = node(vec![refusal(message)]).await;
    let error = node.connect(&address(asked), DEADLINE).await.unwrap_err();
    assert!(error.answered() && node.is_open());
    (error.kind(), Failure::from(error).message)
}

#[tokio::test]
async fn the_expected_peer_or_anyone_is_accepted_and_nobody_else() {
    for (expected, accepted) in [
        (Expected::Anyone, true),
        (Expected::Peer(peer(OWN)), true),
        (Expected::Peer(peer(OTHER)), false),
    ] {
        let (introduction, mut server) = introduced(vec![own_id()]).await;
        let introduction = introduction.unwrap();
        assert_eq!(introduction.peer_id(), peer(OWN));
        assert_eq!(&*introduction.agent_version(), "kubo/0.44.0");
        let result = introduction.accept(expected);
        assert_eq!(result.is_ok(), accepted);
        if let Err(error) = result {
            assert_eq!((error.expected(), error.found()), (peer(OTHER), peer(OWN)));
            assert_eq!(Failure::from(error).kind, FailureKind::WrongIdentity);
            server.gone().await;
            assert_eq!(server.seen().requests.len(), 1, "nothing but id");
        }
    }
}

#[tokio::test]
async fn the_secret_goes_with_every_request() {
    let server = RawServer::start(vec![own_id(), Step::Say(json(r#"{"Peers":null}"#))])
        .await
        .unwrap();
    let connection = kubomesh_conn::open(&server.endpoint, None, DEADLINE)
        .await
        .unwrap();
    let secret = Some(Redacted::new("Bearer t0ken".to_owned()));
    let introduction = introduce(connection, secret, DEADLINE).await.unwrap();
    let mut node = introduction.accept(Expected::Anyone).unwrap();
    assert!(!format!("{node:?}").contains("t0ken"));
    node.peers(DEADLINE).await.unwrap();
    let requests = server.seen().requests;
    assert_eq!(requests.len(), 2);
    assert!(
        requests
            .iter()
            .all(|request| request.contains("authorization: Bearer t0ken\r\n"))
    );
}

#[tokio::test]
async fn the_line_of_the_asked_address_counts() {
    let message = "connect X failure: failed to dial: failed to dial X: all dials failed\n  \
                   * [/ip4/10.0.0.1/tcp/4001] connection refused\n  \
                   * [/ip4/10.0.0.2/tcp/4001] rate limit exceeded\n  \
                   * [/ip4/10.0.0.9/tcp/4001/p2p/Q/p2p-circuit] error opening relay circuit";
    for (asked, kind) in [
        (
            format!("/ip4/10.0.0.1/tcp/4001/p2p/{OTHER}"),
            FailureKind::Refused,
        ),
        (
            format!("/ip4/10.0.0.2/tcp/4001/p2p/{OTHER}"),
            FailureKind::RateLimited,
        ),
        // Asked for none of them: no line is ours.
        (
            format!("/ip4/10.0.0.1/tcp/400/p2p/{OTHER}"),
            FailureKind::Refusal,
        ),
    ] {
        assert_eq!(connect_fails(&asked, message).await.0, kind, "{asked}");
    }
    let relay = format!("/ip4/10.0.0.9/tcp/4001/p2p/{OWN}/p2p-circuit");
    let message = message.replace("p2p/Q", &format!("p2p/{OWN}"));
    let (kind, told) = connect_fails(&format!("{relay}/p2p/{OTHER}"), &message).await;
    assert_eq!(kind, FailureKind::Refusal);
    assert_eq!(
        told,
        format!("swarm/connect: [{relay}] error opening relay circuit")
    );
}

#[tokio::test]
async fn a_name_is_judged_by_the_one_address_that_was_tried() {
    let asked = format!("/dns4/node-1.test/tcp/4001/p2p/{OTHER}");
    let message = "connect X failure: failed to dial X: all dials failed\n  \
                   * [/ip4/10.0.0.1/tcp/4001] dial tcp4 10.0.0.1:4001: connect: no route to host";
    assert_eq!(
        connect_fails(&asked, message).await.0,
        FailureKind::Unreachable
    );
}

#[tokio::test]
async fn a_message_without_measure_is_cut() {
    let asked = format!("/ip4/10.0.0.1/tcp/4001/p2p/{OTHER}");
    let (kind, told) = connect_fails(&asked, &"EOF ".repeat(100_000)).await;
    assert_eq!(kind, FailureKind::Disconnected);
    assert_eq!(told.chars().count(), Failure::MAX_MESSAGE);
}

#[tokio::test]
async fn success_is_read_from_the_text_and_not_from_the_status() {
    let asked = address(&format!("/ip4/10.0.0.1/tcp/4001/p2p/{OTHER}"));
    for (text, expected) in [
        ("disconnect X success", Ok(())),
        (
            "disconnect X failure: not connected",
            Err(FailureKind::NoEffect),
        ),
        (
            "disconnect X failure: conn not found",
            Err(FailureKind::NoEffect),
        ),
        (
            "disconnect X failure: use of closed connection",
            Err(FailureKind::Refusal),
        ),
        ("something else", Err(FailureKind::BadBody)),
    ] {
        let (mut node, _server) = node(vec![strings(text)]).await;
        let result = node.disconnect(&asked, DEADLINE).await;
        assert_eq!(result.map_err(|e| e.kind()), expected, "{text}");
    }
}

#[tokio::test]
async fn many_arguments_go_in_calls_that_an_http_header_can_hold() {
    let addresses: Vec<Address> = (0..1_000)
        .map(|i| {
            address(&format!(
                "/ip4/10.0.{}.{}/tcp/4001/p2p/{OTHER}",
                i / 250,
                i % 250
            ))
        })
        .collect();
    let done = format!(r#"{{"ID":"{OTHER}","Status":"success"}}{}"#, "\n");
    let (mut node, server) = node(vec![Step::Say(json(&done)); 4]).await;
    node.peering_add(&addresses, DEADLINE).await.unwrap();
    let sent = server.seen().requests;
    assert!(sent.len() > 2 && sent.iter().all(|request| request.len() < 40_000));
    let arguments: usize = sent
        .iter()
        .map(|request| request.matches("arg=").count())
        .sum();
    assert_eq!(arguments, addresses.len());
    // Nothing to say, nothing sent.
    node.peering_add(&[], DEADLINE).await.unwrap();
    node.filters_remove(&[], DEADLINE).await.unwrap();
    assert_eq!(server.seen().requests.len(), sent.len());
}

#[tokio::test]
async fn a_stream_that_stops_early_is_a_failure() {
    let one = format!(r#"{{"ID":"{OTHER}","Status":"success"}}"#);
    let refused = format!(r#"{{"ID":"{OTHER}","Status":"no addresses"}}"#);
    for (body, kind) in [
        (String::new(), FailureKind::BadBody),
        (one.clone(), FailureKind::BadBody),
        (format!("{one}\n{{\"ID"), FailureKind::BadBody),
        (format!("{one}\n{refused}"), FailureKind::NoAddress),
    ] {
        let (mut node, _server) = node(vec![Step::Say(json(&body))]).await;
        let error = node
            .peering_remove(&[peer(OWN), peer(OTHER)], DEADLINE)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), kind, "{body}");
    }
    let trailer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n\
         {:x}\r\n{one}\r\n0\r\nX-Stream-Error: context deadline exceeded\r\n\r\n",
        one.len()
    );
    let (mut node, _server) = node(vec![Step::Say(trailer.into())]).await;
    let error = node
        .peering_remove(&[peer(OTHER)], DEADLINE)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), FailureKind::TimedOut, "{error}");
}

#[tokio::test]
async fn a_ping_tells_its_reason_from_the_body_or_else_from_the_trailer() {
    let stream = |body: &str| {
        let chunk = format!("{:x}\r\n{body}\r\n", body.len());
        let body = if body.is_empty() {
            String::new()
        } else {
            chunk
        };
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
                    Transfer-Encoding: chunked\r\n\r\n";
        let trailer = "0\r\nX-Stream-Error: ping failed: no addresses\r\n\r\n";
        Step::Say(format!("{head}{body}{trailer}").into())
    };
    let failed = r#"{"Success":false,"Time":0,"Text":"Ping error: i/o timeout"}"#;
    let started = r#"{"Success":true,"Time":0,"Text":"PING X."}"#;
    for (step, kind) in [
        (stream(""), FailureKind::NoAddress),
        (stream(started), FailureKind::NoAddress),
        (stream(failed), FailureKind::TimedOut),
        (Step::Say(json(started)), FailureKind::BadBody),
        (
            refusal("this command must be run in online mode"),
            FailureKind::Offline,
        ),
    ] {
        let (mut node, _server) = node(vec![step.clone()]).await;
        let error = node.ping(peer(OTHER), DEADLINE).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{step:?}: {error}");
    }
}

#[tokio::test]
async fn the_marks_of_the_connection_manager_are_read() {
    for (value, expected) in [
        ("null", ConnLimits::default()),
        (
            r#"{"Type":"basic","LowWater":100,"HighWater":200,"GracePeriod":"20s"}"#,
            ConnLimits {
                kind: Some("basic".into()),
                low_water: Some(100),
                high_water: Some(200),
            },
        ),
        (
            r#"{"Type":"none","LowWater":null}"#,
            ConnLimits {
                kind: Some("none".into()),
                ..ConnLimits::default()
            },
        ),
    ] {
        let body = format!(r#"{{"Key":"Swarm.ConnMgr","Value":{value}}}"#);
        let (mut node, server) = node(vec![Step::Say(json(&body))]).await;
        assert_eq!(
            node.conn_limits(DEADLINE).await.as_ref(),
            Ok(&expected),
            "{value}"
        );
        assert!(server.seen().requests[1].starts_with("POST /api/v0/config?arg=Swarm.ConnMgr "));
    }
}

#[tokio::test]
async fn a_planned_call_is_the_verb_of_its_name() {
    let at = address(&format!("/ip4/10.0.0.1/tcp/4001/p2p/{OTHER}"));
    let entry: Arc<str> = "/ip4/10.0.0.1/ipcidr/32".into();
    let done = || Step::Say(json(format!(r#"{{"ID":"{OTHER}","Status":"success"}}"#)));
    let list = || strings("connect X success");
    let calls = [
        (
            Call::Connect {
                address: at.clone(),
            },
            list(),
            "swarm/connect?timeout=15s&arg=/ip4/",
        ),
        (
            Call::Disconnect {
                address: at.clone(),
            },
            list(),
            "swarm/disconnect?arg=/ip4/",
        ),
        (
            Call::PeeringAdd {
                addresses: vec![at],
            },
            done(),
            "swarm/peering/add?arg=/ip4/",
        ),
        (
            Call::PeeringRemove {
                peers: vec![peer(OTHER)],
            },
            done(),
            "swarm/peering/rm?arg=12D3",
        ),
        (
            Call::FiltersAdd {
                entries: vec![entry.clone()],
            },
            list(),
            "swarm/filters/add?arg=/ip4/",
        ),
        (
            Call::FiltersRemove {
                entries: vec![entry],
            },
            list(),
            "swarm/filters/rm?arg=/ip4/",
        ),
    ];
    for (call, step, path) in calls {
        let (mut node, server) = node(vec![step]).await;
        node.apply(&call, DEADLINE).await.unwrap();
        let request = &server.seen().requests[1];
        assert!(
            request.starts_with(&format!("POST /api/v0/{path}")),
            "{request}"
        );
    }
}

#[tokio::test]
async fn the_daemon_gets_the_deadline_and_a_moment_more_to_tell() {
    let deadline = Duration::from_millis(1500);
    let (mut node, server) = node(vec![refusal("failed to dial: context deadline exceeded")]).await;
    let asked = address(&format!("/ip4/10.0.0.1/tcp/4001/p2p/{OTHER}"));
    let error = node.connect(&asked, deadline).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.answered()),
        (FailureKind::TimedOut, true)
    );
    assert!(server.seen().requests[1].contains("?timeout=1500ms&arg="));
}

#[tokio::test]
async fn the_close_of_the_idle_connection_is_seen() {
    let last = Step::SayAndClose(json(r#"{"Peers":[]}"#));
    let (mut node, _server) = node(vec![last]).await;
    node.peering(DEADLINE).await.unwrap();
    node.closed().await;
    assert!(!node.is_open());
    let error = node.peering(DEADLINE).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.answered()),
        (FailureKind::Disconnected, false)
    );
}

proptest::proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Go splits a query at `&`, cuts at the first `=`, then decodes `%XX` and `+`.
    #[test]
    fn an_argument_comes_out_as_it_went_in(text in proptest::prelude::any::<String>()) {
        let query = crate::query::Query::new("x").with("arg", &text);
        kubomesh_conn::Request::post(query.as_str()).unwrap();
        let encoded = query.as_str().strip_prefix("/api/v0/x?arg=").unwrap();
        assert!(!encoded.contains(['&', '=', '+', ';', '#', '?', ' ']), "{encoded}");
        let decoded = percent_encoding::percent_decode_str(encoded).decode_utf8().unwrap();
        assert_eq!(decoded, text);
    }
}

#[tokio::test]
async fn connections_are_read_again_only_when_the_answer_is_another() {
    let listed = |peer: &str| {
        let entry = format!(r#"{{"Addr":"/ip4/10.0.0.1/tcp/4001","Peer":"{peer}","Direction":2}}"#);
        Step::Say(json(format!(r#"{{"Peers":[{entry}]}}"#)))
    };
    let garbage = Step::Say(json("nothing"));
    let steps = vec![
        listed(OTHER),
        listed(OTHER),
        Step::Say(json(r#"{"Peers":null}"#)),
        garbage,
    ];
    let (mut node, _server) = node(steps).await;
    let (first, listing) = node.peers_since(None, DEADLINE).await.unwrap();
    assert_eq!(listing.unwrap().entries.len(), 1);
    let (second, same) = node.peers_since(Some(first), DEADLINE).await.unwrap();
    assert!(same.is_none() && second == first);
    let (third, none) = node.peers_since(Some(first), DEADLINE).await.unwrap();
    assert!(none.unwrap().entries.is_empty() && third != first);
    let error = node.peers_since(Some(third), DEADLINE).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::BadBody);
}

/// `id` once more tells what the node announces; what is no address is left out.
#[tokio::test]
async fn what_a_node_announces() {
    let body = format!(r#"{{"ID":"{OWN}","Addresses":["/ip4/10.0.0.1/tcp/4001/p2p/{OWN}","x"]}}"#);
    let (mut node, _server) = node(vec![Step::Say(json(body))]).await;
    let listing = node.announced(DEADLINE).await.unwrap();
    let expected = address(&format!("/ip4/10.0.0.1/tcp/4001/p2p/{OWN}"));
    assert_eq!(listing.entries, [expected]);
    assert!(listing.warning.unwrap().contains("1 of 2 entries left out"));
}
