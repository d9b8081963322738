//! What makes a pod a member, and how that member is reached.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests are tests"
)]

mod objects;

use kubomesh_api::{Agents, AgentsMode, Peers};
use kubomesh_core::{Access, Contact, ContainerStart, Member, Network, NetworkPolicy, Waiting};
use kubomesh_discovery::{pod_facts, project};
use objects::{facts, pod, pod_with};
use serde_json::{Value, json};

fn member(pod: &Value) -> Member {
    project(
        &facts(pod),
        &Peers::default(),
        &NetworkPolicy::default(),
        None,
        "zone-a".into(),
    )
    .unwrap()
}

fn waiting(pod: &Value) -> Waiting {
    project(
        &facts(pod),
        &Peers::default(),
        &NetworkPolicy::default(),
        None,
        "".into(),
    )
    .unwrap_err()
}

fn rpc(member: &Member) -> String {
    member.access.endpoint().to_string()
}

#[test]
fn a_ready_pod_is_a_member() {
    let member = member(&pod("a", "127.50.0.1"));
    assert_eq!((member.name.as_str(), member.uid.as_str()), ("a", "a-1"));
    assert_eq!(rpc(&member), "http://127.50.0.1:5001");
    assert_eq!(member.swarm_port, Some(4001));
    assert_eq!(&*member.zone, "zone-a");
    assert_eq!(member.host_ip, Some("127.50.0.200".parse().unwrap()));
    assert!(member.ready && !member.host_network);
    assert_eq!(member.contact, Contact::Allowed);
    let start = ContainerStart {
        restarts: 2,
        id: "containerd://abc".into(),
    };
    assert_eq!(member.container, Some(start));
    assert_eq!(member.created.0, 1_767_225_600_000);
}

#[test]
fn a_pod_without_ip_waits() {
    let bare = pod_with("a", "", |pod| pod["status"] = json!({ "phase": "Pending" }));
    assert_eq!(waiting(&bare), Waiting::NoIp);
    let none = pod_with("a", "", |pod| {
        drop(pod.as_object_mut().unwrap().remove("status"));
    });
    assert_eq!(waiting(&none), Waiting::NoIp);
    let null = pod_with("a", "", |pod| {
        pod["status"] = json!({ "podIPs": null, "conditions": null, "containerStatuses": null });
    });
    assert_eq!(waiting(&null), Waiting::NoIp);
}

#[test]
fn an_ended_pod_is_no_member_although_it_keeps_its_ip() {
    for phase in ["Succeeded", "Failed"] {
        let ended = pod_with("a", "127.50.0.1", |pod| {
            pod["status"]["phase"] = json!(phase);
        });
        assert_eq!(waiting(&ended), Waiting::Ended);
    }
}

#[test]
fn a_terminating_pod_is_no_member_although_it_is_ready() {
    let terminating = pod_with("a", "127.50.0.1", |pod| {
        pod["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:30Z");
    });
    assert_eq!(waiting(&terminating), Waiting::Terminating);
}

#[test]
fn a_pod_that_is_not_ready_is_a_member_that_is_not_ready() {
    for conditions in [json!([{ "type": "Ready", "status": "False" }]), json!([])] {
        let pod = pod_with("a", "127.50.0.1", |pod| {
            pod["status"]["conditions"] = conditions;
        });
        assert!(!member(&pod).ready);
    }
}

/// Its RPC is called on the family that the others dial it on: what listens on `0.0.0.0` listens on
/// IPv4 alone, whichever family the cluster has first.
#[test]
fn a_dual_stack_pod_is_reached_at_its_ipv4_address_and_has_both() {
    for podips in [["127.50.0.1", "fd00::1"], ["fd00::1", "127.50.0.1"]] {
        let dual = pod_with("a", podips[0], |pod| {
            pod["status"]["podIPs"] = podips.iter().map(|ip| json!({ "ip": ip })).collect();
        });
        let member = member(&dual);
        assert_eq!(rpc(&member), "http://127.50.0.1:5001");
        let ips = member.ips(Network::Pod).iter().map(ToString::to_string);
        assert_eq!(ips.collect::<Vec<_>>(), ["127.50.0.1", "fd00::1"]);
    }
}

#[test]
fn an_ipv6_pod_is_reached_at_its_address() {
    let six = pod_with("a", "fd00::1", |_| {});
    assert_eq!(rpc(&member(&six)), "http://[fd00::1]:5001");
}

#[test]
fn a_pod_on_the_host_network_says_so() {
    let host = pod_with("a", "127.50.0.200", |pod| {
        pod["spec"]["hostNetwork"] = json!(true);
    });
    let member = member(&host);
    assert!(member.host_network);
    assert_eq!(member.ips(Network::Pod), [member.host_ip.unwrap()]);
}

#[test]
fn a_restart_in_place_is_another_start_of_the_same_life() {
    let before = member(&pod("a", "127.50.0.1"));
    let after = member(&pod_with("a", "127.50.0.1", |pod| {
        let status = &mut pod["status"]["containerStatuses"][0];
        status["restartCount"] = json!(3);
        status["containerID"] = json!("containerd://def");
    }));
    assert_eq!(before.uid, after.uid);
    assert_ne!(before.container, after.container);
}

#[test]
fn a_container_without_status_has_no_start() {
    let pod = pod_with("a", "127.50.0.1", |pod| {
        pod["status"]["containerStatuses"][0]["containerID"] = json!("");
    });
    assert_eq!(member(&pod).container, None);
}

#[test]
fn kubo_is_found_in_every_known_deployment() {
    // Containers, RPC port, swarm port; after reference/kubo.md 8.2.
    let cases = [
        (
            json!([{ "name": "node", "image": "ipfs/kubo" }]),
            5001,
            None,
        ),
        (
            json!([{ "name": "x", "image": "docker.io/ipfs/go-ipfs@sha256:00" }]),
            5001,
            None,
        ),
        (
            json!([{ "name": "x", "image": "reg:5000/ipfs/kubo:v1" }]),
            5001,
            None,
        ),
        (
            json!([{ "name": "ipfs", "image": "mine/node:1" }]),
            5001,
            None,
        ),
        (json!([{ "name": "kubo", "image": "mine" }]), 5001, None),
        (
            json!([{ "name": "x", "image": "y", "ports": [port("api", 5001)] }]),
            5001,
            None,
        ),
        (
            json!([{ "name": "x", "image": "y", "ports": [port("api", 5555)] }]),
            5555,
            None,
        ),
        // Both programs of ipfs-cluster's guide in one pod.
        (
            json!([
                { "name": "ipfs-cluster", "image": "ipfs/ipfs-cluster", "ports": [port("api", 9094)] },
                { "name": "ipfs", "image": "ipfs/kubo",
                  "ports": [port("swarm", 4005), port("api", 5005)] },
            ]),
            5005,
            Some(4005),
        ),
        (
            json!([
                { "name": "cluster", "image": "ipfs/ipfs-cluster", "ports": [port("api", 9094)] },
                { "name": "node", "image": "ipfs/kubo" },
            ]),
            5001,
            None,
        ),
        // The swarm port of UDP alone is none that a link could use.
        (
            json!([{ "name": "ipfs", "image": "ipfs/kubo",
                "ports": [{ "name": "swarm", "containerPort": 4001, "protocol": "UDP" }] }]),
            5001,
            None,
        ),
    ];
    for (containers, rpc_port, swarm_port) in cases {
        let text = containers.to_string();
        let pod = pod_with("a", "127.50.0.1", |pod| {
            pod["spec"]["containers"] = containers;
        });
        let member = member(&pod);
        assert_eq!(member.access.endpoint().port, rpc_port, "{text}");
        assert_eq!(member.swarm_port, swarm_port, "{text}");
    }
}

#[test]
fn an_init_container_is_kubo_only_if_no_other_is() {
    let setup = json!([{ "name": "init", "image": "ipfs/kubo" }]);
    let plain = pod_with("a", "127.50.0.1", |pod| {
        pod["spec"]["initContainers"] = setup.clone();
    });
    assert_eq!(member(&plain).container.unwrap().restarts, 2);
    let sidecar = pod_with("a", "127.50.0.1", |pod| {
        pod["spec"]["initContainers"] = setup;
        pod["spec"]["containers"] = json!([{ "name": "app", "image": "app" }]);
        pod["status"]["initContainerStatuses"] =
            json!([{ "name": "init", "restartCount": 9, "containerID": "containerd://init" }]);
    });
    assert_eq!(member(&sidecar).container.unwrap().restarts, 9);
}

#[test]
fn a_pod_that_is_no_kubo_waits_unless_the_policy_states_the_port() {
    let other = pod_with("a", "127.50.0.1", |pod| {
        pod["spec"]["containers"] = json!([{ "name": "web", "image": "nginx" }]);
        pod["status"]["containerStatuses"] =
            json!([{ "name": "web", "restartCount": 1, "containerID": "containerd://web" }]);
    });
    assert_eq!(waiting(&other), Waiting::NoRpcPort);
    let peers = Peers {
        rpc_port: Some(6001),
        swarm_port: Some(6002),
        ..Peers::default()
    };
    let member = project(
        &facts(&other),
        &peers,
        &NetworkPolicy::default(),
        Some("apps/rpc/auth".into()),
        "".into(),
    )
    .unwrap();
    assert_eq!(rpc(&member), "http://127.50.0.1:6001");
    assert_eq!(member.swarm_port, Some(6002));
    assert_eq!(member.container.unwrap().restarts, 1);
    let Access::Direct { auth, .. } = member.access else {
        panic!("not direct")
    };
    assert_eq!(auth.as_deref(), Some("apps/rpc/auth"));
}

#[test]
fn the_stated_port_decides_whose_start_counts() {
    let pod = pod_with("a", "127.50.0.1", |pod| {
        pod["spec"]["containers"] = json!([
            { "name": "ipfs", "image": "ipfs/kubo", "ports": [port("api", 5001)] },
            { "name": "proxy", "image": "proxy", "ports": [port("rpc", 6001)] },
        ]);
        pod["status"]["containerStatuses"] = json!([
            { "name": "ipfs", "restartCount": 1, "containerID": "containerd://ipfs" },
            { "name": "proxy", "restartCount": 8, "containerID": "containerd://proxy" },
        ]);
    });
    let peers = Peers {
        rpc_port: Some(6001),
        ..Peers::default()
    };
    let member = project(
        &facts(&pod),
        &peers,
        &NetworkPolicy::default(),
        None,
        "".into(),
    )
    .unwrap();
    assert_eq!(member.container.unwrap().restarts, 8);
}

/// An agent is a port named `agent` or a container's name; the policy says whether it is used, and
/// where it listens when the pod does not.
#[test]
fn an_agent_beside_kubo() {
    let with = |name: &str, ports: Value| {
        pod_with("a", "127.50.0.1", |pod| {
            pod["spec"]["containers"] = json!([
                { "name": "ipfs", "image": "ipfs/kubo", "ports": [port("api", 5001)] },
                { "name": name, "image": "agent", "ports": ports },
            ]);
        })
    };
    let peers = |mode, tls: Option<&str>| Peers {
        agents: Agents {
            mode,
            port: 9501,
            tls: tls.map(str::to_owned),
        },
        ..Peers::default()
    };
    let access = |pod: &Value, peers: &Peers| {
        project(
            &facts(pod),
            peers,
            &NetworkPolicy::default(),
            None,
            "".into(),
        )
        .unwrap()
        .access
    };
    let named = with("sidecar", json!([port("agent", 7000)]));
    let by_name = with("kubomesh-agent", json!([]));
    let none = with("other", json!([]));
    let auto = peers(AgentsMode::Auto, Some("tls"));
    for (pod, at) in [
        (&named, "https://127.50.0.1:7000"),
        (&by_name, "https://127.50.0.1:9501"),
    ] {
        let Access::Agent {
            endpoint,
            tls,
            namespace,
            pod_uid,
            fallback,
        } = access(pod, &auto)
        else {
            panic!("no agent")
        };
        assert_eq!(endpoint.to_string(), at);
        assert_eq!(tls.as_deref(), Some(&*format!("{namespace}/tls")));
        assert_eq!(pod_uid.as_deref(), Some(&*facts(pod).uid));
        assert_eq!(
            fallback.unwrap().endpoint().to_string(),
            "http://127.50.0.1:5001"
        );
        assert!(matches!(
            access(pod, &peers(AgentsMode::Off, None)),
            Access::Direct { .. }
        ));
    }
    assert!(matches!(access(&none, &auto), Access::Direct { .. }));
    let Access::Agent {
        endpoint, fallback, ..
    } = access(&none, &peers(AgentsMode::Required, None))
    else {
        panic!("not required")
    };
    assert_eq!(
        (endpoint.to_string().as_str(), fallback),
        ("http://127.50.0.1:9501", None)
    );
}

#[test]
fn what_is_no_pod_is_refused() {
    for text in ["{}", "[]", "null", r#"{"metadata":{"name":7}}"#] {
        pod_facts(text).unwrap_err();
    }
}

/// 0.5 KB a watched pod (architecture.md): the struct, its texts and its lists.
#[test]
fn a_kept_pod_is_small() {
    let id = format!("containerd://{}", "a".repeat(64));
    let pod = pod_with("kubo-0123456789", "127.50.0.1", |pod| {
        pod["status"]["containerStatuses"][0]["containerID"] = json!(id);
        pod["metadata"]["uid"] = json!("0".repeat(36));
    });
    let facts = facts(&pod);
    let arc = 16;
    let texts = [&facts.namespace, &facts.name, &facts.uid, &facts.node];
    let texts: usize = texts.iter().map(|text| text.len() + arc).sum();
    let lists = size_of_val(&*facts.containers) + size_of_val(&*facts.ips);
    let ports = size_of_val(&*facts.containers[0].ports) + id.len() + arc;
    let kept = size_of_val(&facts) + texts + lists + ports;
    assert!(kept <= 512, "{kept} bytes");
}

fn port(name: &str, port: u16) -> Value {
    json!({ "name": name, "containerPort": port })
}
