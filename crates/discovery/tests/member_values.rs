//! Values of a members file that cannot be right: addresses that nobody can be reached at, numbers that
//! no field can hold.
#![allow(clippy::expect_used, reason = "helpers of tests are tests")]

use kubomesh_discovery::FileMesh;

const PEER: &str = "12D3KooWGRUahGgbEdJrTvHe7uTBC7K7fiGJxv6mBpS5mbfhxX8P";

fn refused(text: &str) -> String {
    FileMesh::parse(text).expect_err(text).to_string()
}

fn all_refused(cases: &[(String, &str)]) {
    for (text, sentence) in cases {
        let said = refused(text);
        assert!(
            said.starts_with(sentence),
            "{text}\nsays {said}\nnot {sentence}"
        );
        assert_eq!(said.lines().count(), 1, "one sentence: {said}");
    }
}

/// What would stand in the peering lists of all others, and nobody could dial.
#[test]
fn an_address_that_no_node_can_be_reached_at_is_refused() {
    let unspecified = "its IP is the unspecified one (any address)";
    let multicast = "its IP is a multicast address";
    for (ip, what) in [
        ("/ip4/0.0.0.0", unspecified),
        ("/ip6/::", unspecified),
        ("/ip6/::ffff:0.0.0.0", unspecified),
        ("/ip4/224.0.0.1", multicast),
        ("/ip6/ff02::1", multicast),
        ("/ip4/255.255.255.255", "its IP is the broadcast address"),
    ] {
        let text = format!("- {{name: a, rpc: 'http://h:1', swarm: '{ip}/tcp/4001'}}");
        let sentence = format!(
            "members[0].swarm is `{ip}/tcp/4001`: {what}, which no node can dial; write the one that \
             the other nodes reach this member at, or leave it out"
        );
        all_refused(&[(text, &sentence)]);
    }
    for (host, what) in [
        ("0.0.0.0", unspecified),
        ("[::]", unspecified),
        ("239.1.2.3", multicast),
        ("[ff05::2]", multicast),
        ("255.255.255.255", "its IP is the broadcast address"),
    ] {
        let text = format!("- {{name: a, rpc: 'http://{host}:5001'}}");
        let sentence = format!(
            "members[0].rpc is `http://{host}:5001`: {what}, where no node can be asked; write it as"
        );
        all_refused(&[(text, &sentence)]);
    }
    let swarm = |swarm: &str| format!("- {{name: a, rpc: 'http://h:1', swarm: '{swarm}'}}");
    all_refused(&[
        (
            swarm("/ip4/127.50.9.1/tcp/0"),
            "members[0].swarm is `/ip4/127.50.9.1/tcp/0`: its port is 0; write the one",
        ),
        (
            swarm(&format!("/ip4/127.50.9.1/tcp/1/p2p/{PEER}/p2p-circuit")),
            &format!(
                "members[0].swarm is `/ip4/127.50.9.1/tcp/1/p2p/{PEER}/p2p-circuit`: it leads through \
                 a relay; write it as /ip4/"
            ),
        ),
    ]);
    for usable in [
        "/ip4/127.0.0.1/tcp/4001",
        "/ip4/169.254.1.1/tcp/4001",
        "/ip6/::1/tcp/4001",
        "/ip6/fe80::1/tcp/4001",
    ] {
        assert!(FileMesh::parse(&swarm(usable)).is_ok(), "{usable}");
    }
}

#[test]
fn two_lines_with_one_swarm_address_are_refused() {
    let two = |one: &str, other: &str| {
        format!(
            "- {{name: a, rpc: 'http://h:1', swarm: '{one}'}}\n\
             - {{name: b, rpc: 'http://h:2', swarm: '{other}'}}"
        )
    };
    let with_peer = format!("/ip4/127.50.9.1/tcp/4001/p2p/{PEER}");
    for (one, other, shown) in [
        ("/ip4/127.50.9.1/tcp/4001", "/ip4/127.50.9.1/tcp/4001", ""),
        (&with_peer, "/ip4/127.50.9.1/tcp/4001", ""),
        ("/ip6/::1/tcp/4001", "/ip6/0:0:0:0:0:0:0:1/tcp/4001", ""),
        (
            "/ip4/127.50.9.1/tcp/1/ws",
            "/ip4/127.50.9.1/tcp/1/ws",
            "/ws",
        ),
    ] {
        let said = refused(&two(one, other));
        assert!(
            said.starts_with("members[1].swarm is `")
                && said.ends_with("`: members[0] has it too; give each member its own"),
            "{said}"
        );
        assert!(said.contains(&format!("{shown}`:")), "{said}");
    }
    // Other ports, and nodes behind one proxy that it tells apart by name.
    let sni = |name: &str| format!("/ip4/127.50.9.1/tcp/443/tls/sni/{name}/ws");
    for (one, other) in [
        (
            "/ip4/127.50.9.1/tcp/4001".to_owned(),
            "/ip4/127.50.9.1/tcp/4002".to_owned(),
        ),
        (sni("a.example"), sni("b.example")),
    ] {
        assert!(FileMesh::parse(&two(&one, &other)).is_ok(), "{one}");
    }
}

#[test]
fn what_is_wrong_is_said_as_it_is() {
    for rpc in [
        "http://h:5001/api/v0?x=y",
        "http://h:5001?x",
        "http://h:5001#x",
        "http://h/api",
    ] {
        let sentence = format!(
            "members[0].rpc is `{rpc}`: it has a path or a query, which are not allowed: the \
             controller adds its own; write it as http://HOST:PORT"
        );
        all_refused(&[(format!("- {{name: a, rpc: '{rpc}'}}"), &sentence)]);
    }
    let mesh = |spec: &str| format!("mesh: {spec}\nmembers: [{{name: a, rpc: 'http://h:1'}}]");
    let huge = "99999999999999999999";
    for (spec, sentence) in [
        (
            "{limits: {inFlight: 99999999999999999999}}",
            "mesh.limits.inFlight is 99999999999999999999: choose a number from 1 to 1024",
        ),
        (
            "{limits: {inFlight: -99999999999999999999, dialTimeout: 1s}}",
            "mesh.limits.inFlight is -99999999999999999999: choose a number from 1 to 1024",
        ),
        (
            "{topology: {\n  fullMeshUpTo: 99999999999999999999 # all\n}}",
            "mesh.topology.fullMeshUpTo is 99999999999999999999: choose a number from 2 to 160",
        ),
        (
            "{limits: {inFlight: 99999999999999999999, inFlightPerNode: 99999999999999999999}}",
            "the members file is malformed: line 1, column 27: the number here is too large for any",
        ),
    ] {
        assert!(spec.contains(huge));
        all_refused(&[(mesh(spec), sentence)]);
    }
    all_refused(&[(
        mesh("{topology: {degree: 99999999999999999999}}"),
        "the members file is malformed: line 1, column 19: here stands the number \
         `100000000000000000000.0`: write a smaller whole number, or a word",
    )]);
}
