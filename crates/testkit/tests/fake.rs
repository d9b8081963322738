//! Fakes of one fleet share one world: what one does shows at the others.

#[cfg(test)]
mod common;

use common::*;
use http::Method;
use kubomesh_core::PeerId;
use kubomesh_model::{Stop, peer_id};
use kubomesh_testkit::{FakeOptions, Fleet};

const HOST: u8 = 32;

#[tokio::test]
async fn a_connect_on_one_shows_at_the_other() {
    let fleet = Fleet::certain();
    let (one, two) = (fake(&fleet, HOST, 1).await, fake(&fleet, HOST, 2).await);
    assert_eq!(
        json(&one, "swarm/peers").await["Peers"],
        serde_json::Value::Null
    );
    let said = json(&one, &format!("swarm/connect?timeout=15s&arg={}", to(&two))).await;
    assert_eq!(
        said["Strings"][0],
        format!("connect {} success", two.peer_id())
    );
    assert_eq!(peers(&one).await, [two.peer_id().to_string()]);
    let list = json(&two, "swarm/peers?direction=true").await;
    assert_eq!(list["Peers"][0]["Peer"], one.peer_id().to_string());
    assert_eq!(list["Peers"][0]["Direction"], 1);
    fleet.end().await;
}

#[tokio::test]
async fn percent_encoded_arguments_are_read() {
    let fleet = Fleet::certain();
    let (one, two) = (fake(&fleet, HOST, 3).await, fake(&fleet, HOST, 4).await);
    let argument: String = form_urlencoded::byte_serialize(to(&two).as_bytes()).collect();
    json(&one, &format!("swarm/peering/add?arg={argument}")).await;
    let list = json(&one, "swarm/peering/ls").await;
    assert_eq!(list["Peers"][0]["ID"], two.peer_id().to_string());
    fleet.end().await;
}

#[tokio::test]
async fn the_log_tells_every_request_and_the_counts_what_changes_something() {
    let fleet = Fleet::certain();
    let one = fake_with(&fleet, HOST, 5, |options| {
        options.guarded("bearer:s3cret", &[])
    })
    .await;
    let refused = call(&one, "swarm/peers?direction=true")
        .await
        .expect("it answers");
    assert_eq!(refused.0, 403);
    call(&one, "swarm/peering/rm?arg=x")
        .await
        .expect("it answers");
    ask(one.api(), Method::GET, "/webui", "")
        .await
        .expect("it answers");
    let log = one.requests();
    let verbs: Vec<_> = log.iter().map(|entry| entry.verb.as_str()).collect();
    assert_eq!(verbs, ["swarm/peers", "swarm/peering/rm", "/webui"]);
    assert_eq!(log[0].query, "direction=true");
    assert_eq!((one.counts().calls, one.counts().mutating), (3, 1));
    fleet.end().await;
}

#[tokio::test]
async fn the_log_keeps_the_last_ones() {
    let fleet = Fleet::certain();
    let short = |options| FakeOptions {
        log_limit: 2,
        ..options
    };
    let one = fake_with(&fleet, HOST, 6, short).await;
    for verb in ["id", "version", "swarm/filters"] {
        call(&one, verb).await.expect("it answers");
    }
    let verbs: Vec<_> = one.requests().into_iter().map(|entry| entry.verb).collect();
    assert_eq!(verbs, ["version", "swarm/filters"]);
    assert_eq!(one.counts().calls, 3);
    fleet.end().await;
}

#[tokio::test]
async fn a_killed_fake_refuses_and_a_restarted_one_has_forgotten() {
    let fleet = Fleet::certain();
    let (one, two) = (fake(&fleet, HOST, 7).await, fake(&fleet, HOST, 8).await);
    json(&one, &format!("swarm/connect?arg={}", to(&two))).await;
    call(&one, &format!("swarm/peering/add?arg={}", to(&two)))
        .await
        .expect("it answers");
    one.kill(Stop::Closed);
    until(async || call(&one, "id").await.is_err()).await;
    assert!(peers(&two).await.is_empty(), "its sockets were closed");
    let api = one.api();
    one.restart(Stop::Closed, Some(peer_id(99)))
        .await
        .expect("the address is free again");
    assert_eq!(one.api(), api);
    assert_eq!(json(&one, "id").await["ID"], peer_id(99).to_string());
    let entries = json(&one, "swarm/peering/ls").await;
    assert_eq!(entries["Peers"], serde_json::json!([]));
    fleet.end().await;
}

#[tokio::test]
async fn a_silent_crash_is_stale_at_the_far_end() {
    let fleet = Fleet::certain();
    let (one, two) = (fake(&fleet, HOST, 9).await, fake(&fleet, HOST, 10).await);
    json(&one, &format!("swarm/connect?arg={}", to(&two))).await;
    two.restart(Stop::Silent, None)
        .await
        .expect("the address is free again");
    assert_eq!(peers(&one).await.len(), 1);
    assert!(peers(&two).await.is_empty());
    json(&one, &format!("swarm/connect?arg={}", to(&two))).await;
    assert!(peers(&two).await.is_empty(), "nothing was dialled");
    json(&two, &format!("swarm/connect?arg={}", to(&one))).await;
    assert_eq!(peers(&two).await.len(), 1);
    fleet.end().await;
}

#[tokio::test]
async fn a_moved_fake_answers_at_its_new_address() {
    let fleet = Fleet::certain();
    let (one, two) = (fake(&fleet, HOST, 11).await, fake(&fleet, HOST, 12).await);
    let before = one.api();
    one.relocate(ip(HOST, 13))
        .await
        .expect("the address is free");
    assert_eq!(one.api().ip(), ip(HOST, 13));
    until(async || ask(before, Method::POST, "/api/v0/id", "").await.is_err()).await;
    let own: PeerId = one.peer_id();
    assert_eq!(json(&one, "id").await["ID"], own.to_string());
    json(&two, &format!("swarm/connect?arg={}", to(&one))).await;
    fleet.end().await;
}

/// Row 27: one filters call at a time, or the saved config and the live filters part.
#[tokio::test]
async fn filters_calls_at_once_collide() {
    let fleet = Fleet::certain();
    fleet.with(|world| world.settings_mut().filters_stick = 1000);
    let one = fake(&fleet, HOST, 14).await;
    let entry = "/ip4/10.0.0.0/ipcidr/8";
    json(&one, &format!("swarm/filters/add?arg={entry}")).await;
    let (add, rm) = (
        "swarm/filters/add?arg=/ip4/10.1.0.0/ipcidr/16",
        "swarm/filters/add?arg=all",
    );
    let mut panics = 0;
    for _ in 0..50 {
        let both = futures::join!(call(&one, add), call(&one, add), call(&one, rm));
        let status = |answer: &Answer| answer.as_ref().map_or(0, |(status, _)| *status);
        let collided = |answer: &Answer| {
            let text = answer
                .as_ref()
                .map(|(_, body)| body.clone())
                .unwrap_or_default();
            status(answer) == 500 && String::from_utf8_lossy(&text).contains("an error occurred")
        };
        panics += [&both.0, &both.1, &both.2]
            .into_iter()
            .filter(|a| collided(a))
            .count();
        if panics > 0 {
            break;
        }
    }
    assert!(panics > 0, "calls at once never collided");
    fleet.end().await;
}

#[tokio::test]
async fn a_caller_that_hangs_up_cancels_its_dial() {
    let fleet = Fleet::certain();
    let one = fake(&fleet, HOST, 15).await;
    // A name that does not resolve is waited for for a minute.
    let nowhere = format!(
        "swarm/connect?arg=/dns4/no-such.test/tcp/1/p2p/{}",
        peer_id(50)
    );
    let waiting = async || fleet.with(|world| world.waiting());
    {
        let call = call(&one, &nowhere);
        tokio::pin!(call);
        tokio::select! {
            _ = &mut call => panic!("nobody answers there"),
            () = until(async || waiting().await == 1) => {}
        }
    }
    until(async || waiting().await == 0).await;
    assert_eq!(
        fleet.with(|world| world.node(one.node()).dials()),
        0,
        "given up"
    );
    fleet.end().await;
}

#[tokio::test]
async fn ending_a_fleet_ends_its_listeners() {
    let fleet = Fleet::certain();
    let one = fake(&fleet, HOST, 16).await;
    let api = one.api();
    call(&one, "id").await.expect("it answers");
    fleet.end().await;
    assert!(tokio::net::TcpStream::connect(api).await.is_err());
}
