//! How large an answer may be, by verb, and what of it is kept.

use kubomesh_conn::Bounds;
use kubomesh_core::{Failure, FailureKind};
use kubomesh_testkit::raw::Step;

use super::{DEADLINE, OTHER, OWN, address, answer, introduced, json, node, peer};
use crate::limits::MAX_LITERAL;
use crate::{Error, Node};

/// JSON of exactly this many bytes: `body` with spaces behind it.
fn padded(body: &str, bytes: usize) -> Step {
    let spaces = " ".repeat(bytes - body.len());
    Step::Say(json(format!("{body}{spaces}")))
}

async fn calls(node: &mut Node, verb: &str) -> Result<(), Error> {
    match verb {
        "swarm/peers" => node.peers(DEADLINE).await.map(drop),
        "swarm/peering/ls" => node.peering(DEADLINE).await.map(drop),
        "swarm/filters" => node.filters(DEADLINE).await.map(drop),
        "swarm/filters/add" => node.filters_add(&["/x".into()], DEADLINE).await,
        "swarm/filters/rm" => node.filters_remove(&["/x".into()], DEADLINE).await,
        "swarm/addrs/listen" => node.listen(DEADLINE).await.map(drop),
        "config" => node.conn_limits(DEADLINE).await.map(drop),
        "version" => node.version(DEADLINE).await.map(drop),
        "ping" => node.ping(peer(OTHER), DEADLINE).await.map(drop),
        "swarm/connect" => node.connect(&far(), DEADLINE).await,
        "swarm/disconnect" => node.disconnect(&far(), DEADLINE).await,
        "swarm/peering/add" => node.peering_add(&[far()], DEADLINE).await,
        "swarm/peering/rm" => node.peering_remove(&[peer(OTHER)], DEADLINE).await,
        other => panic!("{other}"),
    }
}

fn far() -> kubomesh_core::Address {
    address(&format!("/ip4/10.0.0.1/tcp/4001/p2p/{OTHER}"))
}

#[tokio::test]
async fn each_verb_has_a_limit_of_its_own() {
    let done = format!(r#"{{"ID":"{OTHER}","Status":"success"}}"#);
    #[rustfmt::skip]
    let verbs = [
        ("version", r#"{"Version":"0.44.0"}"#, Bounds::SMALL),
        ("config", r#"{"Value":{}}"#, Bounds::SMALL),
        ("swarm/peers", r#"{"Peers":null}"#, Bounds::BODY),
        ("swarm/peering/ls", r#"{"Peers":null}"#, Bounds::BODY),
        ("swarm/filters", r#"{"Strings":null}"#, Bounds::MEDIUM),
        ("swarm/filters/add", r#"{"Strings":null}"#, Bounds::MEDIUM),
        ("swarm/filters/rm", r#"{"Strings":null}"#, Bounds::MEDIUM),
        ("swarm/addrs/listen", r#"{"Strings":null}"#, Bounds::MEDIUM),
        ("swarm/connect", r#"{"Strings":["connect success"]}"#, Bounds::MEDIUM),
        ("swarm/disconnect", r#"{"Strings":["disconnect success"]}"#, Bounds::MEDIUM),
        ("swarm/peering/add", &done, Bounds::MEDIUM),
        ("swarm/peering/rm", &done, Bounds::MEDIUM),
        ("ping", r#"{"Success":true,"Time":1}"#, Bounds::MEDIUM),
    ];
    for (verb, body, limit) in verbs {
        let steps = vec![padded(body, limit), padded(body, limit + 1)];
        let (mut asked, _server) = node(steps).await;
        calls(&mut asked, verb).await.unwrap();
        let error = calls(&mut asked, verb).await.unwrap_err();
        assert_eq!(error.kind(), FailureKind::BodyTooLarge, "{verb}");
        let sentence = format!("{verb}: the answer is larger than {limit} bytes");
        assert_eq!(error.to_string(), sentence);
    }
}

#[tokio::test]
async fn an_identity_is_no_long_text() {
    let body = format!(r#"{{"ID":"{OWN}"}}"#);
    assert!(
        introduced(vec![padded(&body, Bounds::SMALL)])
            .await
            .0
            .is_ok()
    );
    let (result, _server) = introduced(vec![padded(&body, Bounds::SMALL + 1)]).await;
    let sentence = "id: the answer is larger than 131072 bytes";
    assert_eq!(result.unwrap_err().to_string(), sentence);
}

#[tokio::test]
async fn a_huge_text_is_refused_before_it_is_copied() {
    let huge = "x".repeat(Bounds::BODY - 100);
    let escaped = r#"\""#.repeat(MAX_LITERAL);
    for (what, body) in [
        ("instead of an object", format!(r#""{huge}""#)),
        ("instead of a list", format!(r#"{{"Peers":"{huge}"}}"#)),
        ("instead of an entry", format!(r#"{{"Peers":["{huge}"]}}"#)),
        (
            "in an entry",
            format!(r#"{{"Peers":[{{"Peer":"{huge}"}}]}}"#),
        ),
        ("beside", format!(r#"{{"{huge}":1,"Peers":[]}}"#)),
        ("with escapes", format!(r#"{{"x":"{escaped}","Peers":[]}}"#)),
        ("without an end", format!(r#"{{"Peers":"{huge}"#)),
    ] {
        let (mut asked, _server) = node(vec![Step::Say(json(body))]).await;
        let error = asked.peers(DEADLINE).await.unwrap_err();
        assert_eq!(error.kind(), FailureKind::BadBody, "{what}");
        let sentence = "swarm/peers: the body has a text of more than 65536 bytes";
        assert_eq!(error.to_string(), sentence, "{what}");
    }
}

#[tokio::test]
async fn many_short_texts_are_no_huge_one() {
    let longest = "x".repeat(MAX_LITERAL - 1);
    let backslashes = r"\\".repeat(1_000);
    let more = vec![format!(r#""{longest}","{backslashes}""#); 20].join(",");
    let body = format!(r#"{{"x":[{more}],"Peers":[]}}"#);
    let (mut asked, _server) = node(vec![Step::Say(json(body))]).await;
    assert_eq!(asked.peers(DEADLINE).await.unwrap().entries.len(), 0);
}

#[tokio::test]
async fn the_text_of_an_error_is_bounded_too() {
    let long = "\u{ff}".repeat(300_000);
    let text = |kind: &str, body: String| {
        Step::Say(answer("500 Internal Server Error", kind, body.as_bytes()))
    };
    for step in [
        text("text/plain", long.clone()),
        text("application/json", format!(r#"{{"Message":"{long}"}}"#)),
    ] {
        let (mut asked, _server) = node(vec![step]).await;
        let error = asked.peers(DEADLINE).await.unwrap_err();
        assert!(Failure::from(error).message.chars().count() <= 512);
    }
    let beyond = "x".repeat(Bounds::MEDIUM + 1);
    let (mut asked, _server) = node(vec![text("text/plain", beyond)]).await;
    let error = asked.peers(DEADLINE).await.unwrap_err();
    assert_eq!(error.kind(), FailureKind::BodyTooLarge);
}
