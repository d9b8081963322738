//! Statuses, events and metrics, against an API server in memory, in paused time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests are tests"
)]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{Switch, heard_now};
use kubomesh_api::{StoredMesh, StoredMeshes, StoredRecords};
use kubomesh_core::{
    AppliedNetwork, Condition, ConditionKind, Fence, FilterStep, Link, LinkCounts, LinkReport,
    LinkState, LostFilters, MemberReport, MemberState, Membership, MeshId, NetworkReport,
    NetworkTrouble, OffNetwork, ReasonCode, Report, Role, Status, SteeringState, Timestamp,
};
use kubomesh_process::Clock;
use kubomesh_reporter::{
    Cluster, MeshNews, News, Reporter, ReporterMetrics, StatusTimings, Verdict,
};
use kubomesh_telemetry::Catalog;
use kubomesh_testkit::api_server::{ApiServer, Fault};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

struct Case {
    server: ApiServer,
    catalog: Catalog,
    clock: Clock,
    news: watch::Sender<Arc<News>>,
    meshes: watch::Sender<Arc<StoredMeshes>>,
    peers: watch::Sender<Arc<StoredRecords>>,
    may_write: Arc<Switch>,
    _tasks: JoinSet<()>,
}

impl Case {
    /// A mesh `kubo` and so many records.
    fn with(members: usize) -> Self {
        let server = ApiServer::new();
        server.put(
            "swarmmeshes",
            json!({ "metadata": { "namespace": "apps", "name": "kubo", "uid": "mesh-uid" } }),
        );
        for n in 0..members {
            server.put(
                "swarmpeers",
                json!({
                    "metadata": { "namespace": "apps", "name": name(n) },
                    "spec": { "mesh": "kubo", "role": "Kubo" },
                }),
            );
        }
        let catalog = Catalog::new().unwrap();
        let metrics = ReporterMetrics::register(&catalog).unwrap();
        catalog.meshes().add("apps", "kubo");
        let clock = Clock::start();
        let may_write = Arc::new(Switch::new(true));
        let (news, news_seen) = watch::channel(Arc::default());
        let (meshes, meshes_seen) = watch::channel(Arc::default());
        let (peers, peers_seen) = watch::channel(Arc::default());
        let cluster = Cluster {
            client: kube::Client::new(server.service(), "default"),
            meshes: meshes_seen,
            peers: peers_seen,
            fence: Arc::clone(&may_write) as Arc<dyn Fence>,
            instance: "replica-1".into(),
            timings: StatusTimings::default(),
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(Reporter::new(news_seen, clock, metrics, Some(cluster)).run());
        let case = Self {
            server,
            catalog,
            clock,
            news,
            meshes,
            peers,
            may_write,
            _tasks: tasks,
        };
        case.hear();
        case
    }

    /// The watches catch up with the server.
    fn hear(&self) {
        let mesh = self.server.get("swarmmeshes", "apps", "kubo").unwrap();
        let stored = StoredMesh {
            version: mesh["metadata"]["resourceVersion"]
                .as_str()
                .unwrap()
                .parse()
                .unwrap(),
            status: serde_json::from_value(mesh["status"].clone())
                .ok()
                .map(Arc::new),
        };
        self.meshes
            .send_replace(Arc::new([(mesh_id(), stored)].into()));
        self.peers
            .send_replace(Arc::new(heard_now(&self.server, 0)));
    }

    fn tell(&self, verdict: Verdict) {
        self.tell_of(Membership::empty(mesh_id()), verdict);
    }

    fn tell_of(&self, membership: Membership, verdict: Verdict) {
        let news = MeshNews {
            generation: 3,
            membership: Arc::new(membership),
            status_writes_per_second: 50,
            verdict,
        };
        self.news.send_replace(Arc::new(News {
            meshes: [(mesh_id(), news)].into(),
        }));
    }

    fn report(&self, report: Report) {
        let at = self.clock.now();
        self.tell(Verdict::Planned(Arc::new(Report { at, ..report })));
    }

    fn status(&self) -> Value {
        self.server.get("swarmmeshes", "apps", "kubo").unwrap()["status"].clone()
    }

    fn condition(&self, kind: &str) -> Value {
        let status = self.status();
        let all = status["conditions"].as_array().cloned().unwrap_or_default();
        all.into_iter()
            .find(|condition| condition["type"] == kind)
            .unwrap_or_default()
    }

    fn writes(&self, what: &str) -> usize {
        self.server.asked("patch", what)
    }

    fn events(&self) -> Vec<String> {
        let text = |event: &Value| {
            format!(
                "{} {} {}/{}: {}",
                event["type"].as_str().unwrap(),
                event["reason"].as_str().unwrap(),
                event["regarding"]["kind"].as_str().unwrap(),
                event["regarding"]["name"].as_str().unwrap(),
                event["note"].as_str().unwrap(),
            )
        };
        self.server.all("events").iter().map(text).collect()
    }
}

fn name(n: usize) -> String {
    format!("kubo-{n:04}")
}

fn mesh_id() -> MeshId {
    MeshId {
        namespace: "apps".into(),
        name: "kubo".into(),
        uid: "mesh-uid".into(),
    }
}

/// A report with so many members, of whose links so many are healthy.
fn report(members: usize, healthy: u64, ready: bool) -> Report {
    let mut counts = LinkCounts::default();
    for n in 0..10 {
        counts.add(if n < healthy {
            LinkState::Healthy
        } else {
            LinkState::Missing
        });
    }
    let member = |n: usize| (name(n).as_str().into(), member(healthy, Status::True));
    Report {
        mesh: mesh_id(),
        at: Timestamp(0),
        members: (0..members).map(member).collect(),
        waiting: [].into(),
        links: Vec::new(),
        counts,
        surplus: Vec::new(),
        removals_held: 4,
        doubt: None,
        conditions: vec![
            condition(ConditionKind::Accepted, Status::True),
            condition(
                ConditionKind::Degraded,
                if ready { Status::False } else { Status::True },
            ),
            condition(
                ConditionKind::Ready,
                if ready { Status::True } else { Status::False },
            ),
        ],
        retired_expired: Vec::new(),
        network: NetworkReport::default(),
        filters_lost: Vec::new(),
        next_due: None,
    }
}

fn member(healthy: u64, reachable: Status) -> MemberReport {
    MemberReport {
        path: None,
        role: Role::Kubo,
        state: MemberState::Reachable,
        peer_id: None,
        agent_version: "kubo/0.43.0".into(),
        steering: None,
        capacity: None,
        links: LinkCounts {
            desired: 10,
            healthy,
            ..LinkCounts::default()
        },
        conditions: vec![condition(ConditionKind::Reachable, reachable)],
    }
}

fn condition(kind: ConditionKind, status: Status) -> Condition {
    let reason = if status == Status::True {
        ReasonCode::AsWanted
    } else {
        ReasonCode::LinkMissing
    };
    Condition::new(kind, status, reason, "a sentence")
}

async fn elapse(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

#[tokio::test(start_paused = true)]
async fn statuses_are_written_once_and_then_left_alone() {
    let case = Case::with(3);
    case.report(report(3, 10, true));
    elapse(2_000).await;
    assert_eq!(
        (
            case.writes("swarmmeshes/status"),
            case.writes("swarmpeers/status")
        ),
        (1, 3)
    );
    let status = case.status();
    assert_eq!(status["observedGeneration"], 3);
    assert_eq!(status["linksSummary"], "10/10");
    assert_eq!(case.condition("Ready")["status"], "True");
    let peer = case.server.get("swarmpeers", "apps", "kubo-0001").unwrap();
    assert_eq!(peer["status"]["agentVersion"], "kubo/0.43.0");
    assert_eq!(
        peer["spec"]["mesh"], "kubo",
        "a status write leaves the record alone"
    );
    // The same again, before and after the watch has caught up.
    for _ in 0..3 {
        case.report(report(3, 10, true));
        elapse(120_000).await;
        case.hear();
    }
    assert_eq!(
        case.server
            .writes()
            .iter()
            .filter(|line| line.starts_with("patch"))
            .count(),
        4
    );
}

#[tokio::test(start_paused = true)]
async fn a_condition_is_written_at_once_and_counts_are_not() {
    let case = Case::with(1);
    case.report(report(1, 0, false));
    elapse(500).await;
    assert_eq!(
        (
            case.writes("swarmmeshes/status"),
            case.writes("swarmpeers/status")
        ),
        (1, 1)
    );
    let since = case.condition("Ready")["lastTransitionTime"].clone();
    // Counts change all the time.
    for healthy in 1..9 {
        case.report(report(1, healthy, false));
        elapse(1_000).await;
    }
    let mesh_writes = case.writes("swarmmeshes/status");
    assert!((2..=3).contains(&mesh_writes), "{mesh_writes} in 8 s");
    assert_eq!(case.writes("swarmpeers/status"), 1);
    assert_eq!(case.condition("Ready")["lastTransitionTime"], since);
    case.report(report(1, 10, true));
    elapse(300).await;
    assert_eq!(case.condition("Ready")["status"], "True");
    assert_ne!(case.condition("Ready")["lastTransitionTime"], since);
    assert_eq!(case.writes("swarmpeers/status"), 1);
    elapse(60_000).await;
    assert_eq!(case.writes("swarmpeers/status"), 2, "once a minute");
    let peer = case.server.get("swarmpeers", "apps", "kubo-0000").unwrap();
    assert_eq!(peer["status"]["linksSummary"], "10/10");
}

#[tokio::test(start_paused = true)]
async fn what_is_read_by_people_and_scripts_is_written_at_once() {
    let case = Case::with(1);
    case.report(report(1, 10, true));
    elapse(500).await;
    let mut next = report(1, 10, true);
    let member = next.members.values_mut().next().unwrap();
    member.steering = Some(SteeringState::Prevented);
    case.report(next);
    elapse(500).await;
    let peer = case.server.get("swarmpeers", "apps", &name(0)).unwrap();
    assert_eq!(peer["status"]["steering"], "Prevented");
}

#[tokio::test(start_paused = true)]
async fn the_record_of_who_is_no_member_tells_why_and_nobody_counts_it() {
    let case = Case::with(1);
    let mut next = report(1, 10, true);
    next.waiting = std::mem::take(&mut next.members);
    case.report(next);
    elapse(1_000).await;
    let peer = case.server.get("swarmpeers", "apps", &name(0)).unwrap();
    assert_eq!(peer["status"]["conditions"][0]["message"], "a sentence");
    let none = "kubomesh_members{mesh=\"kubo\",namespace=\"apps\",state=\"reachable\"} 0";
    assert!(case.catalog.render().unwrap().contains(none));
}

#[tokio::test(start_paused = true)]
async fn at_most_fifty_a_second_and_conditions_first() {
    let case = Case::with(300);
    case.report(report(300, 1, false));
    elapse(1_000).await;
    let first = case.writes("swarmpeers/status") + case.writes("swarmmeshes/status");
    assert!((30..=56).contains(&first), "{first} in the first second");
    elapse(9_000).await;
    assert_eq!(case.writes("swarmpeers/status"), 300);
    // A minute later all counts differ, and one member's condition.
    elapse(60_000).await;
    let mut next = report(300, 2, false);
    let last: kubomesh_core::MemberName = name(299).as_str().into();
    next.members.insert(last, member(2, Status::False));
    case.report(next);
    elapse(200).await;
    let peer = case.server.get("swarmpeers", "apps", &name(299)).unwrap();
    assert_eq!(peer["status"]["conditions"][0]["status"], "False");
    let writes = case.writes("swarmpeers/status");
    assert!(writes < 330, "{writes}");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_without_the_lease() {
    let case = Case::with(1);
    case.may_write.set(false);
    case.report(report(1, 10, true));
    elapse(10_000).await;
    assert!(
        case.server.writes().is_empty(),
        "{:?}",
        case.server.writes()
    );
    case.may_write.set(true);
    elapse(2_000).await;
    assert_eq!(case.condition("Ready")["status"], "True");
}

#[tokio::test(start_paused = true)]
async fn what_another_hand_wrote_into_a_status_is_put_right() {
    let case = Case::with(0);
    case.report(report(0, 10, true));
    elapse(1_000).await;
    case.hear();
    case.server.edit("swarmmeshes", "apps", "kubo", |mesh| {
        mesh["status"]["members"] = json!(99);
    });
    case.hear();
    elapse(10_000).await;
    assert_eq!(case.status()["members"], 0);
}

#[tokio::test(start_paused = true)]
async fn an_object_of_another_life_is_not_written_to() {
    let case = Case::with(0);
    case.server.edit("swarmmeshes", "apps", "kubo", |mesh| {
        mesh["metadata"]["uid"] = json!("other");
    });
    case.report(report(0, 10, true));
    elapse(10_000).await;
    assert_eq!(case.status(), Value::Null);
}

/// A pod that two meshes know of has one record, and one mesh that tells about it.
#[tokio::test(start_paused = true)]
async fn another_meshs_record_is_not_told_about() {
    let case = Case::with(2);
    case.server.edit("swarmpeers", "apps", &name(1), |peer| {
        peer["spec"]["mesh"] = json!("older");
    });
    case.hear();
    case.report(report(2, 10, true));
    elapse(10_000).await;
    assert_eq!(case.writes("swarmpeers/status"), 1);
}

#[tokio::test(start_paused = true)]
async fn failures_are_tried_again_and_hold_nothing_up() {
    for fault in [
        Fault::Status(403),
        Fault::Status(500),
        Fault::Hang,
        Fault::Status(409),
    ] {
        let case = Case::with(2);
        case.server.fail("patch", "swarmmeshes/status", fault, None);
        case.report(report(2, 10, true));
        elapse(20_000).await;
        assert_eq!(case.writes("swarmpeers/status"), 2, "{fault:?}");
        let tried = case.writes("swarmmeshes/status");
        let most = if fault == Fault::Status(409) { 40 } else { 5 };
        assert!((2..=most).contains(&tried), "{tried} × {fault:?} in 20 s");
        case.server.heal("patch", "swarmmeshes/status");
        elapse(20_000).await;
        assert_eq!(case.condition("Ready")["status"], "True", "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_policy_is_said() {
    let case = Case::with(0);
    let why = "spec.relays is set";
    case.tell(Verdict::Refused(Condition::new(
        ConditionKind::Accepted,
        Status::False,
        ReasonCode::NotImplemented,
        why,
    )));
    elapse(1_000).await;
    assert_eq!(case.condition("Accepted")["reason"], "NotImplemented");
    assert_eq!(case.condition("Ready")["status"], "False");
    let event = format!("Warning NotImplemented SwarmMesh/kubo: Accepted is False: {why}");
    assert_eq!(case.events(), [event]);
}

#[tokio::test(start_paused = true)]
async fn transitions_are_events_and_nothing_else_is() {
    let case = Case::with(1);
    case.report(report(1, 0, false));
    elapse(1_000).await;
    assert_eq!(case.events(), [""; 0], "a mesh that forms is no news");
    case.report(report(1, 10, true));
    elapse(1_000).await;
    assert_eq!(
        case.events(),
        [
            "Normal LinkMissing SwarmMesh/kubo: Degraded is False: a sentence",
            "Normal AsWanted SwarmMesh/kubo: Ready is True: a sentence",
        ]
    );
    case.report(report(1, 10, true));
    elapse(120_000).await;
    assert_eq!(case.events().len(), 2);
    let mut lost = report(1, 10, true);
    lost.members
        .insert(name(0).as_str().into(), member(10, Status::False));
    case.report(lost);
    elapse(1_000).await;
    let told = case.events();
    assert!(
        told.contains(
            &"Warning LinkMissing SwarmPeer/kubo-0000: Reachable is False: a sentence".into()
        ),
        "{told:?}"
    );
    let events = case.server.all("events");
    let of_mesh = |event: &&Value| event["regarding"]["uid"] == "mesh-uid";
    let event = events.iter().find(of_mesh).unwrap();
    assert_eq!(event["reportingInstance"], "replica-1");
    assert!(
        event["metadata"]["name"]
            .as_str()
            .unwrap()
            .starts_with("kubo.")
    );
}

#[tokio::test(start_paused = true)]
async fn a_retired_identity_that_is_given_up_is_an_event_and_counted_once() {
    let case = Case::with(0);
    let peer = "12D3KooWGRUahGgbEdJrTvHe7uTBC7K7fiGJxv6mBpS5mbfhxX8P"
        .parse()
        .unwrap();
    let expired = Report {
        retired_expired: vec![peer],
        ..report(0, 10, true)
    };
    case.report(expired);
    elapse(1_000).await;
    let told: Vec<_> = case
        .events()
        .into_iter()
        .filter(|event| event.contains("RetiredExpired"))
        .collect();
    assert_eq!(told.len(), 1);
    assert!(
        told[0].contains("the retired identity 12D3Koo"),
        "{}",
        told[0]
    );
    assert!(
        case.catalog
            .render()
            .unwrap()
            .contains("kubomesh_retired_expired_total{mesh=\"kubo\",namespace=\"apps\"} 1")
    );
}

#[tokio::test(start_paused = true)]
async fn filters_that_are_not_given_back_are_an_event_and_counted_once() {
    let case = Case::with(0);
    let lost = LostFilters {
        member: "c".into(),
        peer_id: None,
        filters: vec!["/ip4/10.0.0.0/ipcidr/8".into()],
        owned: Vec::new(),
    };
    case.report(Report {
        filters_lost: vec![lost],
        ..report(0, 10, true)
    });
    elapse(1_000).await;
    let told: Vec<_> = case
        .events()
        .into_iter()
        .filter(|event| event.contains("FiltersLost"))
        .collect();
    assert_eq!(told.len(), 1);
    let how = "put it back by hand: ipfs swarm filters add /ip4/10.0.0.0/ipcidr/8";
    assert!(told[0].contains(how), "{}", told[0]);
    assert!(
        case.catalog
            .render()
            .unwrap()
            .contains("kubomesh_filters_lost_total{mesh=\"kubo\",namespace=\"apps\"} 1")
    );
}

#[tokio::test(start_paused = true)]
async fn metrics_say_what_is_found_of_the_network() {
    let case = Case::with(0);
    let labels = "mesh=\"kubo\",namespace=\"apps\"";
    let lines = |counts: [u64; 5]| {
        let [off, strict, leaving, age, down] = counts;
        [
            format!("kubomesh_links_off_network{{{labels},why=\"transitional\"}} {off}"),
            format!("kubomesh_members_steering{{{labels},state=\"strict\"}} {strict}"),
            format!("kubomesh_owned_filters{{{labels},step=\"Leaving\"}} {leaving}"),
            format!("kubomesh_passing_filter_age_seconds{{{labels}}} {age}"),
            format!("kubomesh_network_trouble{{{labels},trouble=\"down\"}} {down}"),
        ]
    };
    let mut found = report(2, 10, true);
    found.links = vec![LinkReport {
        link: Link::new(&name(0).as_str().into(), &name(1).as_str().into()).unwrap(),
        state: LinkState::Healthy,
        reason: None,
        held: None,
        rewritten: false,
        off_network: Some(OffNetwork::Transitional),
    }];
    for member in found.members.values_mut() {
        member.steering = Some(SteeringState::Strict);
    }
    found.network = NetworkReport {
        troubles: [NetworkTrouble::Down].into(),
        owned_filters: [(FilterStep::Leaving, 3)].into(),
        passing_since: Some(case.clock.now() - Duration::from_secs(650)),
    };
    case.report(found);
    elapse(500).await;
    let text = case.catalog.render().unwrap();
    for line in lines([1, 2, 3, 650, 1]) {
        assert!(text.contains(&line), "{line} is not in\n{text}");
    }
    let other = format!("kubomesh_network_trouble{{{labels},trouble=\"drift\"}} 0");
    assert!(text.contains(&other), "every trouble has its series");
    case.report(report(2, 10, true));
    elapse(500).await;
    let text = case.catalog.render().unwrap();
    for line in lines([0, 0, 0, 0, 0]) {
        assert!(text.contains(&line), "{line} is not in\n{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn metrics_say_what_the_report_says() {
    let case = Case::with(0);
    case.report(report(2, 4, false));
    elapse(2_500).await;
    let text = case.catalog.render().unwrap();
    for line in [
        "kubomesh_links{mesh=\"kubo\",namespace=\"apps\",state=\"healthy\"} 4",
        "kubomesh_links{mesh=\"kubo\",namespace=\"apps\",state=\"missing\"} 6",
        "kubomesh_links{mesh=\"kubo\",namespace=\"apps\",state=\"degraded\"} 0",
        "kubomesh_members{mesh=\"kubo\",namespace=\"apps\",state=\"reachable\"} 2",
        "kubomesh_members{mesh=\"kubo\",namespace=\"apps\",state=\"away\"} 0",
        "kubomesh_removals_held{mesh=\"kubo\",namespace=\"apps\"} 4",
        "kubomesh_mesh_condition{condition=\"Ready\",mesh=\"kubo\",namespace=\"apps\"} 0",
        "kubomesh_mesh_condition{condition=\"Degraded\",mesh=\"kubo\",namespace=\"apps\"} 1",
        "kubomesh_convergence_seconds_count{mesh=\"kubo\",namespace=\"apps\"} 0",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    case.report(report(2, 10, true));
    elapse(500).await;
    let text = case.catalog.render().unwrap();
    assert!(
        text.contains("kubomesh_convergence_seconds_count{mesh=\"kubo\",namespace=\"apps\"} 1")
    );
    let seconds = case.status()["lastConvergence"]["seconds"]
        .as_f64()
        .unwrap();
    assert!((2.4..=2.6).contains(&seconds), "{seconds}");
}

/// Whoever lost the lease tells nothing: neither Ready nor links, whatever it told before.
#[tokio::test(start_paused = true)]
async fn what_was_told_does_not_stand_when_it_is_told_no_more() {
    let case = Case::with(0);
    case.report(report(2, 10, true));
    elapse(500).await;
    let told = |text: &str| -> Vec<String> {
        let of_mesh = text.lines().filter(|line| line.contains("mesh=\"kubo\""));
        let standing = of_mesh.filter(|line| {
            ["links{", "members{", "_held{", "_condition{"]
                .iter()
                .any(|part| line.contains(part))
                && !line.ends_with(" 0")
        });
        standing.map(str::to_owned).collect()
    };
    assert_eq!(told(&case.catalog.render().unwrap()).len(), 5);
    case.tell(Verdict::Waiting);
    elapse(500).await;
    assert_eq!(told(&case.catalog.render().unwrap()), Vec::<String>::new());
}

/// The figures of rules.md, Limits.
#[test]
fn the_defaults_are_the_rules() {
    let timings = StatusTimings::default();
    assert_eq!(
        (timings.peer_counts.as_secs(), timings.mesh_counts.as_secs()),
        (60, 5)
    );
}

/// An edit of the NetworkAttachmentDefinition shows only against what was applied.
#[tokio::test(start_paused = true)]
async fn what_was_applied_of_the_storage_network_is_kept_and_taken_away() {
    let case = Case::with(1);
    let told = |config: Option<&str>| {
        let mut membership = Membership::empty(mesh_id());
        membership.attachment.applied = config.map(|config| AppliedNetwork {
            attachment: "net/storage".parse().unwrap(),
            config: config.into(),
        });
        let at = case.clock.now();
        let report = report(1, 10, true);
        case.tell_of(
            membership,
            Verdict::Planned(Arc::new(Report { at, ..report })),
        );
    };
    told(Some("{}"));
    elapse(2_000).await;
    let wanted = json!({ "attachment": "net/storage", "config": "{}" });
    assert_eq!(case.status()["network"], wanted);
    case.hear();
    // A mesh that is not acted on keeps it.
    case.tell(Verdict::Refused(condition(
        ConditionKind::Accepted,
        Status::False,
    )));
    elapse(10_000).await;
    assert_eq!(case.condition("Accepted")["status"], "False");
    assert_eq!(case.status()["network"], wanted);
    case.hear();
    told(None);
    elapse(10_000).await;
    assert_eq!(case.status().get("network"), None);
    case.hear();
    let writes = case.writes("swarmmeshes/status");
    told(None);
    elapse(120_000).await;
    assert_eq!(case.writes("swarmmeshes/status"), writes);
}
