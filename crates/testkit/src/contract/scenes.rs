//! A scene for each recording: which nodes, what comes before, and what is asked.
//!
//! In requests `{addr:N}` is node N's address with its peer ID, `{way:N}` the same without, `{id:N}`
//! its peer ID, `{source:N}` the IP that it dials from; `{nowhere}` is an
//! address where nobody answers. A request begins with the node it goes to.

use super::{NodeOptions, Topic};

/// A scene.
pub(super) struct Scene {
    pub(super) recording: &'static str,
    pub(super) nodes: Vec<NodeOptions>,
    /// What is sent before; the answers do not matter.
    pub(super) before: Vec<String>,
    /// The request, without `/api/v0/`.
    pub(super) ask: &'static str,
}

const AUTHORIZATION: (&str, &[&str]) = ("bearer:s3cret", &["/api/v0/id", "/api/v0/swarm/"]);

/// The scene of a recording, and what it is about.
pub(super) fn find(recording: &str) -> Option<(Topic, Scene)> {
    let asked = |table: &[(&'static str, &'static str)]| {
        table.iter().find(|(name, _)| *name == recording).copied()
    };
    if let Some((name, ask)) = asked(&ALONE) {
        return Some((Topic::Itself, scene(name, plain(1), &[], ask)));
    }
    if let Some((name, ask)) = asked(&TOGETHER) {
        return Some((Topic::Links, scene(name, plain(2), &[], ask)));
    }
    if let Some((name, ask)) = asked(&CONNECTED) {
        let connect = "0 swarm/connect?arg={addr:1}";
        return Some((Topic::Links, scene(name, plain(2), &[connect], ask)));
    }
    let about = |topic: Topic, scene: Option<Scene>| scene.map(|scene| (topic, scene));
    about(Topic::Failures, failing(recording))
        .or_else(|| about(Topic::Filters, filtering(recording)))
        .or_else(|| about(Topic::Peering, peering(recording)))
        .or_else(|| about(Topic::Access, guarded(recording)))
        .or_else(|| about(Topic::PrivateSwarms, private(recording)))
}

/// One node, asked at once.
const ALONE: [(&str, &str); 23] = [
    ("version", "0 version"),
    ("id", "0 id"),
    ("addrs-listen", "0 swarm/addrs/listen"),
    ("addrs-local", "0 swarm/addrs/local?id=true"),
    ("addrs-autonat", "0 swarm/addrs/autonat"),
    ("peers-empty", "0 swarm/peers?direction=true"),
    ("peering-ls-empty", "0 swarm/peering/ls"),
    ("filters-empty", "0 swarm/filters"),
    ("config-connmgr", "0 config?arg=Swarm.ConnMgr"),
    ("config-unset-key", "0 config?arg=Swarm.ConnMgr.HighWater"),
    ("config-relayclient", "0 config?arg=Swarm.RelayClient"),
    ("healthy", "0 diag/healthy"),
    ("bootstrap-list", "0 bootstrap/list"),
    ("unknown-command", "0 swarm/nosuch"),
    ("missing-argument", "0 swarm/connect"),
    ("unknown-option", "0 id?nosuch=1"),
    ("bad-option", "0 ping?count=abc&arg={id:0}"),
    ("method-get", "0 id"),
    ("user-agent-mozilla", "0 id"),
    ("user-agent-kubo-mismatch", "0 id"),
    ("origin-not-allowed", "0 id"),
    ("connect-self", "0 swarm/connect?timeout=15s&arg={addr:0}"),
    (
        "filters-rm-absent",
        "0 swarm/filters/rm?arg=/ip4/10.0.0.0/ipcidr/8",
    ),
];

/// Two nodes that do not know each other.
const TOGETHER: [(&str, &str); 7] = [
    ("connect-ok", "0 swarm/connect?timeout=15s&arg={addr:1}"),
    ("connect-no-p2p", "0 swarm/connect?arg={way:1}"),
    (
        "connect-bad-multiaddr",
        "0 swarm/connect?arg=/ip4/10.77.1.400/tcp/4001/p2p/{id:1}",
    ),
    (
        "disconnect-not-connected",
        "0 swarm/disconnect?arg=/p2p/{id:1}",
    ),
    ("peering-add", "0 swarm/peering/add?arg={addr:1}"),
    ("peering-rm-unknown", "0 swarm/peering/rm?arg={id:1}"),
    ("peering-add-no-peer-id", "0 swarm/peering/add?arg={way:1}"),
];

/// Two nodes of which the first has connected to the second.
const CONNECTED: [(&str, &str); 10] = [
    (
        "connect-again-ok",
        "0 swarm/connect?timeout=15s&arg={addr:1}",
    ),
    (
        "connect-other-address-ok",
        "0 swarm/connect?timeout=15s&arg={nowhere}/p2p/{id:1}",
    ),
    ("peers-direction", "0 swarm/peers?direction=true"),
    ("peers-inbound", "1 swarm/peers?direction=true"),
    ("peers-plain", "0 swarm/peers"),
    ("peers-verbose", "0 swarm/peers?verbose=true"),
    (
        "peers-latency-before-ping",
        "0 swarm/peers?latency=true&direction=true",
    ),
    ("ping", "0 ping?count=1&arg={id:1}"),
    ("disconnect-ok", "0 swarm/disconnect?arg=/p2p/{id:1}"),
    ("resources", "0 swarm/resources"),
];

fn scene(
    recording: &'static str,
    nodes: Vec<NodeOptions>,
    before: &[&str],
    ask: &'static str,
) -> Scene {
    let before = before.iter().map(ToString::to_string).collect();
    Scene {
        recording,
        nodes,
        before,
        ask,
    }
}

fn plain(count: usize) -> Vec<NodeOptions> {
    vec![NodeOptions::default(); count]
}

/// Dials that fail, and calls that run out of time.
fn failing(recording: &str) -> Option<Scene> {
    const REFUSED: &str = "0 swarm/connect?timeout=15s&arg={closed:1}/p2p/{id:1}";
    const NO_HOST: &str = "0 swarm/connect?timeout=8s&arg={nowhere}/p2p/{id:1}";
    // More than recorded: the dial's own five seconds end first for certain.
    let quic = "0 swarm/connect?timeout=9s&arg={quic:1}/p2p/{id:1}";
    let dns = "0 swarm/connect?timeout=5s&arg=/dns4/no-such-host.test/tcp/4001/p2p/{id:1}";
    let short = "0 swarm/connect?timeout=200ms&arg={nowhere}/p2p/{id:1}";
    let other = "0 swarm/connect?timeout=15s&arg={way:1}/p2p/{id:2}";
    let ping = "0 ping?count=2&timeout=8s&arg={nowhere}/p2p/{id:1}";
    let after = "0 swarm/peers?latency=true&direction=true";
    Some(match recording {
        "connect-refused" => scene("connect-refused", plain(2), &[], REFUSED),
        "connect-no-host" => scene("connect-no-host", plain(2), &[REFUSED], NO_HOST),
        "connect-quic-not-enabled" => scene(
            "connect-quic-not-enabled",
            plain(2),
            &[REFUSED, NO_HOST],
            quic,
        ),
        "connect-dns-unknown" => scene("connect-dns-unknown", plain(2), &[], dns),
        "timeout-option" => scene("timeout-option", plain(2), &[], short),
        "connect-wrong-peer" => scene("connect-wrong-peer", plain(3), &[], other),
        "ping-unreachable-trailer" => scene("ping-unreachable-trailer", plain(2), &[], ping),
        "peers-latency-after-ping" => {
            let before = ["0 swarm/connect?arg={addr:1}", "0 ping?count=1&arg={id:1}"];
            scene("peers-latency-after-ping", plain(2), &before, after)
        }
        "connect-rate-limited" => rate_limited(),
        _ => return None,
    })
}

/// Sixteen dials of one address in a burst; the other address of the peer is filtered.
fn rate_limited() -> Scene {
    let limited = NodeOptions {
        limits_on_loopback: true,
        ..NodeOptions::default()
    };
    let once = [
        "0 swarm/connect?arg={addr:1}",
        "0 swarm/disconnect?arg=/p2p/{id:1}",
    ];
    let mut before = vec!["0 swarm/filters/add?arg=/ip4/{nowhere-ip}/ipcidr/32".to_owned()];
    for _ in 0..16 {
        before.extend(once.iter().map(ToString::to_string));
    }
    before.push("0 swarm/connect?arg={nowhere}/p2p/{id:1}".into());
    Scene {
        recording: "connect-rate-limited",
        nodes: vec![limited.clone(), limited],
        before,
        ask: "0 swarm/connect?timeout=15s&arg={addr:1}",
    }
}

/// Dial filters.
fn filtering(recording: &str) -> Option<Scene> {
    let connect = "0 swarm/connect?timeout=15s&arg={addr:1}";
    let there = "1 swarm/filters/add?arg=/ip4/{source:0}/ipcidr/32";
    let away = "1 swarm/filters/rm?arg=/ip4/{source:0}/ipcidr/32";
    let server = || {
        vec![NodeOptions {
            server_profile: true,
            ..NodeOptions::default()
        }]
    };
    Some(match recording {
        "id-server-profile" => scene("id-server-profile", server(), &[], "0 id"),
        "filters-server-profile" => {
            scene("filters-server-profile", server(), &[], "0 swarm/filters")
        }
        "filters-rm" => {
            let rm = "0 swarm/filters/rm?arg=/ip4/10.0.0.0/ipcidr/8";
            scene("filters-rm", server(), &[], rm)
        }
        "connect-filtered-here" => {
            let here = "0 swarm/filters/add?arg=/ip4/{ip:1}/ipcidr/32";
            scene("connect-filtered-here", plain(2), &[here], connect)
        }
        "connect-filtered-there" => scene("connect-filtered-there", plain(2), &[there], connect),
        "connect-after-filters-rm" => scene(
            "connect-after-filters-rm",
            plain(2),
            &[there, connect, away],
            connect,
        ),
        _ => return None,
    })
}

/// Peering entries.
fn peering(recording: &str) -> Option<Scene> {
    let one = "0 swarm/peering/add?arg={addr:1}";
    let two = "0 swarm/peering/add?arg={addr:1}&arg={addr:2}";
    let connect = "0 swarm/connect?arg={addr:1}";
    Some(match recording {
        "peering-add-two" => scene("peering-add-two", plain(3), &[one], two),
        "peering-ls" => scene("peering-ls", plain(3), &[two], "0 swarm/peering/ls"),
        "peering-rm" => scene(
            "peering-rm",
            plain(3),
            &[two],
            "0 swarm/peering/rm?arg={id:2}",
        ),
        "peering-rm-4" => scene(
            "peering-rm-4",
            plain(2),
            &[connect, one],
            "0 swarm/peering/rm?arg={id:1}",
        ),
        _ => return None,
    })
}

/// Nodes that want a token, and nodes offline.
fn guarded(recording: &str) -> Option<Scene> {
    let authorization = Some(AUTHORIZATION);
    let node = |offline| NodeOptions {
        authorization,
        offline,
        ..NodeOptions::default()
    };
    let offline = || vec![node(true), NodeOptions::default()];
    let connect = "0 swarm/connect?timeout=5s&arg={addr:1}";
    Some(match recording {
        "auth-missing" => scene("auth-missing", vec![node(false)], &[], "0 id"),
        "auth-wrong" => scene("auth-wrong", vec![node(false)], &[], "0 id"),
        "auth-ok" => scene("auth-ok", vec![node(false)], &[], "0 id"),
        "auth-path-not-allowed" => scene(
            "auth-path-not-allowed",
            vec![node(false)],
            &[],
            "0 config/show",
        ),
        "auth-version-always-allowed" => scene(
            "auth-version-always-allowed",
            vec![node(false)],
            &[],
            "0 version",
        ),
        "auth-filters-ok" => scene("auth-filters-ok", vec![node(false)], &[], "0 swarm/filters"),
        "offline-connect" => scene("offline-connect", offline(), &[], connect),
        "offline-peers" => scene("offline-peers", offline(), &[], "0 swarm/peers"),
        "offline-id" => scene("offline-id", offline(), &[], "0 id"),
        "offline-peering-ls" => scene("offline-peering-ls", offline(), &[], "0 swarm/peering/ls"),
        _ => return None,
    })
}

/// Private swarms.
fn private(recording: &str) -> Option<Scene> {
    let keyed = |keys: [Option<u8>; 2]| {
        keys.map(|swarm_key| NodeOptions {
            swarm_key,
            ..NodeOptions::default()
        })
        .to_vec()
    };
    let connect = "0 swarm/connect?timeout=15s&arg={addr:1}";
    let quic = "0 swarm/connect?timeout=9s&arg={quic:1}/p2p/{id:1}";
    let private = || keyed([Some(1), Some(2)]);
    Some(match recording {
        "connect-swarm-key-differs" => scene("connect-swarm-key-differs", private(), &[], connect),
        "connect-swarm-key-only-there" => scene(
            "connect-swarm-key-only-there",
            keyed([None, Some(1)]),
            &[],
            connect,
        ),
        "connect-quic-with-swarm-key" => {
            scene("connect-quic-with-swarm-key", private(), &[connect], quic)
        }
        "id-swarm-key" => scene("id-swarm-key", private(), &[], "0 id"),
        "addrs-listen-swarm-key" => scene(
            "addrs-listen-swarm-key",
            private(),
            &[],
            "0 swarm/addrs/listen",
        ),
        _ => return None,
    })
}
