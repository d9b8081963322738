//! The members file: what it may say, what is refused, and how edits are followed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests are tests"
)]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kubomesh_core::{Access, Contact, Credentials, Membership, Mode, Network, Source, Timestamp};
use kubomesh_discovery::{
    AuthStore, DiscoveryMetrics, DiscoveryTimings, FileError, FileMesh, Fleet, MembersFile,
    Settings, members_file,
};
use kubomesh_process::Clock;
use kubomesh_telemetry::Catalog;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

const PEER: &str = "12D3KooWGRUahGgbEdJrTvHe7uTBC7K7fiGJxv6mBpS5mbfhxX8P";

fn names(mesh: &FileMesh) -> Vec<&str> {
    mesh.members.keys().map(|name| &**name).collect()
}

fn refused(text: &str) -> String {
    FileMesh::parse(text).expect_err(text).to_string()
}

#[test]
fn a_whole_file_is_read() {
    let mesh = FileMesh::parse(&format!(
        "mesh:\n  mode: Observe\n  topology: {{fullMeshUpTo: 10}}\n  resyncInterval: 5s\n\
         members:\n- name: a\n  rpc: http://127.50.9.1:5001\n  swarm: /ip4/127.50.9.2/tcp/4001/p2p/{PEER}\n  \
         zone: z1\n  role: Kubo\n  peerID: {PEER}\n  authFile: a.auth\n  caFile: ca.pem\n\
         - {{name: b, rpc: 'https://node.example:5001'}}\n"
    ))
    .unwrap();
    assert_eq!(mesh.policy.topology.full_mesh_up_to, 10);
    assert_eq!(mesh.policy.resync.0, Duration::from_secs(5));
    let a = &mesh.members["a"];
    assert_eq!(a.rpc.to_string(), "http://127.50.9.1:5001");
    assert_eq!(
        a.swarm.as_ref().unwrap().as_str(),
        "/ip4/127.50.9.2/tcp/4001"
    );
    assert_eq!((&*a.zone, a.auth_file.as_deref()), ("z1", Some("a.auth")));
    assert_eq!(a.peer_id.unwrap().to_string(), PEER);
    assert_eq!(names(&mesh), ["a", "b"]);
}

#[test]
fn a_bare_list_will_do() {
    let mesh = FileMesh::parse("- {name: a, rpc: 'http://127.50.9.1:5001'}\n").unwrap();
    assert_eq!(names(&mesh), ["a"]);
    assert_eq!(*mesh.policy, kubomesh_core::Policy::default());
}

/// The page's own examples are what users copy.
#[test]
fn the_documented_examples_are_read() {
    let page = include_str!("../../../docs/members-file.md");
    let blocks = page.split("```yaml\n").skip(1);
    let examples: Vec<FileMesh> = blocks
        .map(|block| FileMesh::parse(block.split("```").next().unwrap()).unwrap())
        .collect();
    assert_eq!(examples.len(), 2);
    let second = &examples[0].members["berlin-2"];
    assert_eq!(examples[0].policy.mode, Mode::Observe);
    assert_eq!(second.auth_file.as_deref(), Some("secrets/berlin-2"));
    assert!(second.swarm.is_some() && second.ca_file.is_some() && second.peer_id.is_some());
    assert_eq!(names(&examples[1]), ["a", "b"]);
}

/// A field that nobody documents, or a documented one that is refused, is a defect of the page.
#[test]
fn every_documented_field_of_the_policy_is_known_with_its_default() {
    let page = include_str!("../../../docs/members-file.md");
    let policy = page.split("## The policy").nth(1).unwrap();
    let policy = policy.split("\n## ").next().unwrap();
    let rows = policy.lines().filter(|line| line.starts_with("| `"));
    let mut known = 0;
    for row in rows {
        let cells: Vec<&str> = row
            .split('|')
            .map(|cell| cell.trim().trim_matches('`'))
            .collect();
        let (field, default) = (cells[1], cells[3]);
        let spec = match field.split_once('.') {
            Some((outer, inner)) => format!("{outer}: {{{inner}: {default}}}"),
            None => format!("{field}: {default}"),
        };
        let text = format!("mesh: {{{spec}}}\nmembers: [{{name: a, rpc: 'http://h:1'}}]");
        let mesh = FileMesh::parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(*mesh.policy, kubomesh_core::Policy::default(), "{field}");
        known += 1;
    }
    assert_eq!(known, 13);
}

#[test]
fn what_cannot_be_right_is_refused_with_field_value_and_remedy() {
    let line = |fields: &str| format!("- {{name: a, rpc: 'http://127.50.9.1:5001', {fields}}}");
    let mesh = |spec: &str| {
        format!(
            "mesh: {spec}\n{}",
            "members: [{name: a, rpc: 'http://h:1'}]"
        )
    };
    let cases = [
        (
            "".to_owned(),
            "the members file names no members: write at least one",
        ),
        (" \n".to_owned(), "the members file names no members"),
        ("[]".to_owned(), "the members file names no members"),
        (
            "members: []".to_owned(),
            "the members file names no members",
        ),
        ("mesh: {}".to_owned(), "the members file names no members"),
        ("- {name: a}".to_owned(), "the members file is malformed: "),
        ("{".to_owned(), "the members file is malformed: "),
        ("members: 7".to_owned(), "the members file is malformed: "),
        ("just text".to_owned(), "the members file is malformed: "),
        (
            line("zonee: z"),
            "members[0].zonee is unknown: correct or remove it",
        ),
        (mesh("{topologyy: {}}"), "mesh.topologyy is unknown"),
        (
            mesh("{topology: {degre: 8}}"),
            "mesh.topology.degre is unknown",
        ),
    ];
    all_refused(&cases);
}

#[test]
fn what_a_field_cannot_say_is_refused_too() {
    let line = |fields: &str| format!("- {{name: a, rpc: 'http://127.50.9.1:5001', {fields}}}");
    let two = |second: &str| format!("- {{name: a, rpc: 'http://127.50.9.1:5001'}}\n- {second}");
    let mesh = |spec: &str| {
        format!(
            "mesh: {spec}\n{}",
            "members: [{name: a, rpc: 'http://h:1'}]"
        )
    };
    let cases = [
        (
            line("swarm: nonsense"),
            "members[0].swarm is `nonsense`: write it as /ip4/10.0.0.7",
        ),
        (
            line("swarm: /dns4/x/tcp/1"),
            "members[0].swarm is `/dns4/x/tcp/1`: write it as",
        ),
        (
            line("peerID: x"),
            "members[0].peerID is `x`: it is not a peer ID",
        ),
        (
            line("role: Relay"),
            "members[0].role is `Relay`: this version does not implement it",
        ),
        (
            line("role: Boss"),
            "members[0].role is `Boss`: write Kubo, or leave it out",
        ),
        (
            line("cluster: {port: 1}"),
            "members[0].cluster is set: this version does not implement",
        ),
        (
            "- {name: '../x', rpc: 'http://h:1'}".to_owned(),
            "members[0].name is `../x`: use letters",
        ),
        (
            "- {name: '', rpc: 'http://h:1'}".to_owned(),
            "members[0].name is ``: use letters",
        ),
        (
            "- {name: a, rpc: 'h:1'}".to_owned(),
            "members[0].rpc is `h:1`: it does not start with",
        ),
        (
            two("{name: a, rpc: 'http://h:2'}"),
            "members[1].name is `a`: another line has it too",
        ),
        (
            two("{name: b, rpc: 'http://127.50.9.1:5001/'}"),
            "members[1].rpc is `http://127.50.9.1:5001`: members[0] has it too",
        ),
        (
            mesh("{relays: {}}"),
            "mesh.relays is set: this version does not implement it",
        ),
        (
            mesh("{agents: {mode: Required}}"),
            "mesh.agents.mode is Required: this version",
        ),
        (
            mesh("{resyncInterval: soon}"),
            "mesh.resyncInterval is `soon`: write a time such as",
        ),
        (
            mesh("{peers: {selector: {matchLabels: {a: b}}}}"),
            "mesh.peers.selector is set: a members",
        ),
        (
            mesh("{peers: {rpc: {port: 1}}}"),
            "mesh.peers is set: a members file says it line by line",
        ),
        (mesh("{peers: {}}"), "mesh.peers is set: a members file"),
        (
            mesh("{peers: {selector: {}}}"),
            "mesh.peers is set: a members file",
        ),
    ];
    all_refused(&cases);
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

#[test]
fn a_syntax_error_says_where() {
    let said = refused("members:\n- name: a\n  rpc: [\n");
    assert!(said.contains("line"), "{said}");
    let said = refused("members:\n- name: a\n  zone: z\n");
    assert!(said.contains("rpc") && said.contains("line"), "{said}");
}

#[test]
fn hostile_yaml_ends() {
    let mut bomb = String::from("a: &a [x,x,x,x,x,x,x,x,x,x]\n");
    for (one, two) in ["ab", "bc", "cd", "de", "ef", "fg", "gh", "hi"]
        .iter()
        .map(|p| p.split_at(1))
    {
        bomb.push_str(&format!(
            "{two}: &{two} [*{one},*{one},*{one},*{one},*{one},*{one},*{one}]\n"
        ));
    }
    refused(&bomb);
    refused(&"[".repeat(100_000));
}

// === edits ===

const SETTLE: Duration = Duration::from_secs(5);

struct Edited {
    file: MembersFile,
    now: Timestamp,
}

impl Edited {
    fn open(text: &str) -> Self {
        let now = Timestamp(1_000_000);
        Self {
            file: MembersFile::open(text.into(), SETTLE, now).unwrap(),
            now,
        }
    }

    fn look(&mut self, text: &str) -> Option<Result<(), FileError>> {
        self.file.look(Ok(text.into()), self.now)
    }

    fn pass(&mut self, millis: u64) {
        self.now = self.now + Duration::from_millis(millis);
    }

    fn lines(&self) -> Vec<String> {
        let mut names: Vec<_> = self
            .file
            .lines()
            .map(|line| line.name.to_string())
            .collect();
        names.sort();
        names
    }
}

const ONE: &str = "- {name: a, rpc: 'http://h:1'}\n";
const TWO: &str = "- {name: a, rpc: 'http://h:1'}\n- {name: b, rpc: 'http://h:2'}\n";
const OTHER: &str = "- {name: c, rpc: 'http://h:3'}\n";

#[test]
fn a_new_line_counts_at_once() {
    let mut edited = Edited::open(ONE);
    assert_eq!(edited.look(TWO), Some(Ok(())));
    assert_eq!(edited.lines(), ["a", "b"]);
    assert_eq!(edited.look(TWO), None);
}

#[test]
fn a_vanished_line_is_intent_after_five_quiet_seconds() {
    let mut edited = Edited::open(TWO);
    edited.look(ONE);
    edited.pass(4_999);
    edited.look(ONE);
    assert_eq!(edited.lines(), ["a", "b"]);
    edited.pass(1);
    edited.look(ONE);
    assert_eq!(edited.lines(), ["a"]);
}

#[test]
fn only_what_changes_what_is_said_is_another_revision() {
    let mut edited = Edited::open(TWO);
    let mut revisions = vec![edited.file.revision()];
    let mut look = |text: &str, millis| {
        edited.pass(millis);
        edited.look(text);
        revisions.push(edited.file.revision());
    };
    // Nothing; a line less; still kept; settled; nothing; refused; refused still; taken.
    for (text, millis) in [
        (TWO, 9_000),
        (ONE, 0),
        (ONE, 4_000),
        (ONE, 1_000),
        (ONE, 9_000),
    ] {
        look(text, millis);
    }
    for text in ["", "", ONE] {
        look(text, 1_000);
    }
    assert_eq!(revisions, [0, 0, 1, 1, 2, 2, 3, 3, 4]);
}

#[test]
fn each_edit_starts_the_quiet_anew() {
    let mut edited = Edited::open(TWO);
    edited.look(ONE);
    edited.pass(4_000);
    edited.look(OTHER);
    assert_eq!(edited.lines(), ["a", "b", "c"]);
    edited.pass(4_000);
    edited.look(OTHER);
    assert_eq!(edited.lines(), ["a", "b", "c"]);
    edited.pass(1_000);
    edited.look(OTHER);
    assert_eq!(edited.lines(), ["c"]);
}

#[test]
fn a_line_that_returns_was_never_gone() {
    let mut edited = Edited::open(TWO);
    edited.look(ONE);
    edited.look(TWO);
    edited.pass(10_000);
    edited.look(TWO);
    assert_eq!(edited.lines(), ["a", "b"]);
}

#[test]
fn a_changed_address_replaces_the_line_at_once() {
    let mut edited = Edited::open(ONE);
    edited.look("- {name: a, rpc: 'http://h:9'}\n");
    let rpcs: Vec<_> = edited
        .file
        .lines()
        .map(|line| line.rpc.to_string())
        .collect();
    assert_eq!(rpcs, ["http://h:9"]);
}

#[test]
fn a_refused_edit_keeps_the_last_good_content_for_ever() {
    let mut edited = Edited::open(TWO);
    edited.look(ONE);
    assert_eq!(edited.look(""), Some(Err(FileError::Empty)));
    assert_eq!(edited.look(""), None, "said once");
    edited.pass(60_000);
    edited.look("");
    assert_eq!(
        edited.lines(),
        ["a", "b"],
        "what vanished before the bad edit is not settled by it"
    );
    assert_eq!(edited.file.refused(), Some(&FileError::Empty));
    let gone = FileError::Unreadable {
        path: "m".into(),
        why: "gone".into(),
    };
    assert_eq!(
        edited.file.look(Err(gone.clone()), edited.now),
        Some(Err(gone.clone()))
    );
    assert_eq!(edited.file.look(Err(gone.clone()), edited.now), None);
    assert_eq!(edited.look(ONE), Some(Ok(())));
    assert_eq!(edited.file.refused(), None);
    edited.pass(5_000);
    edited.look(ONE);
    assert_eq!(edited.lines(), ["a"]);
}

// === on disk ===

struct Live {
    folder: tempfile::TempDir,
    fleet: watch::Receiver<Arc<Fleet>>,
    credentials: AuthStore,
    _tasks: JoinSet<()>,
}

impl Live {
    async fn start(folder: tempfile::TempDir) -> Self {
        let opened = members_file(&folder.path().join("m.yaml"), settings()).await;
        let (fleet, credentials, work) = opened.unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(work);
        Self {
            folder,
            fleet,
            credentials,
            _tasks: tasks,
        }
    }

    async fn until(&mut self, what: &str, wanted: impl Fn(&Fleet) -> bool) -> Arc<Fleet> {
        let waited = timeout(
            Duration::from_secs(60),
            self.fleet.wait_for(|fleet| wanted(fleet)),
        );
        match waited.await {
            Ok(Ok(fleet)) => Arc::clone(&fleet),
            _ => panic!("{what} never came"),
        }
    }
}

fn settings() -> Settings {
    let metrics = DiscoveryMetrics::register(&Catalog::new().unwrap()).unwrap();
    Settings {
        timings: DiscoveryTimings::default(),
        clock: Clock::start(),
        metrics,
    }
}

fn membership(fleet: &Fleet) -> &Membership {
    &fleet.meshes.values().next().unwrap().membership
}

fn write(folder: &Path, file: &str, text: &str) {
    std::fs::write(folder.join(file), text).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_file_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "m.yaml", TWO);
    let mut live = Live::start(folder).await;
    let fleet = live
        .until("two members", |fleet| membership(fleet).members.len() == 2)
        .await;
    assert!(fleet.synced && fleet.meshes.values().all(|view| view.policy.is_ok()));
    write(live.folder.path(), "m.yaml", "oops");
    let fleet = live
        .until("the refusal", |fleet| !fleet.troubles.is_empty())
        .await;
    let said = &fleet.troubles["members file"];
    assert!(
        said.ends_with("the last good content stays in use"),
        "{said}"
    );
    assert_eq!(membership(&fleet).members.len(), 2);
    write(live.folder.path(), "m.yaml", ONE);
    let fleet = live
        .until("one member", |fleet| membership(fleet).members.len() == 1)
        .await;
    assert!(fleet.troubles.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_line_is_a_member() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "m.yaml",
        &format!(
            "- {{name: a, rpc: 'https://127.50.9.1:5001', swarm: /ip4/127.50.9.2/tcp/4009, zone: z, \
         peerID: {PEER}, authFile: a.auth, caFile: sub/ca.pem}}\n"
        ),
    );
    write(folder.path(), "a.auth", "basic:user:pass\n");
    std::fs::create_dir(folder.path().join("sub")).unwrap();
    write(folder.path(), "sub/ca.pem", "-----BEGIN CERTIFICATE-----");
    let mut live = Live::start(folder).await;
    let fleet = live
        .until("a member", |fleet| !fleet.meshes.is_empty())
        .await;
    let member = &membership(&fleet).members["a"];
    assert_eq!(member.uid.as_str(), "a@https://127.50.9.1:5001");
    assert_eq!(member.source, Source::File);
    assert_eq!(member.swarm_port, Some(4009));
    let ips: Vec<_> = member
        .ips(Network::Pod)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(ips, ["127.50.9.2", "127.50.9.1"]);
    assert_eq!(member.contact, Contact::Allowed);
    assert!(member.ready && member.container.is_none());
    let Access::Direct { auth, ca_file, .. } = &member.access else {
        panic!("not direct")
    };
    let ca = live.folder.path().join("sub/ca.pem");
    assert_eq!(ca_file.as_deref(), ca.to_str());
    let header = live
        .credentials
        .authorization(auth.as_deref().unwrap())
        .unwrap();
    assert_eq!(header.expose(), "Basic dXNlcjpwYXNz");
}

#[tokio::test(start_paused = true)]
async fn a_file_with_a_secret_is_followed_and_a_missing_one_stops_its_member_alone() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "m.yaml",
        "- {name: a, rpc: 'http://h:1', authFile: a.auth}\n- {name: b, rpc: 'https://h:2', caFile: ca}\n\
         - {name: c, rpc: 'http://h:3'}\n- {name: d, rpc: 'https://h:4', authFile: d, caFile: ca}\n",
    );
    let mut live = Live::start(folder).await;
    let fleet = live
        .until("members", |fleet| !fleet.meshes.is_empty())
        .await;
    let why = |name: &str| match &membership(&fleet).members[name].contact {
        Contact::NoSecret { why } => why.clone(),
        other => panic!("{other:?}"),
    };
    assert!(
        why("a").starts_with("the authFile a.auth cannot be used: "),
        "{}",
        why("a")
    );
    assert!(
        why("b").starts_with("the caFile ca cannot be used: "),
        "{}",
        why("b")
    );
    let both = why("d");
    assert!(
        both.starts_with("the authFile d cannot be used: ")
            && both.contains("; the caFile ca cannot be used: "),
        "{both}"
    );
    assert_eq!(membership(&fleet).members["c"].contact, Contact::Allowed);
    write(live.folder.path(), "a.auth", "bearer:token");
    live.until("the secret", |fleet| {
        membership(fleet).members["a"].contact == Contact::Allowed
    })
    .await;
    assert_eq!(
        live.credentials.authorization("a.auth").unwrap().expose(),
        "Bearer token"
    );
    write(live.folder.path(), "a.auth", "nonsense:secret");
    let fleet = live
        .until("the refusal", |fleet| {
            membership(fleet).members["a"].contact != Contact::Allowed
        })
        .await;
    let said = format!("{:?}", membership(&fleet).members["a"].contact);
    assert!(
        !said.contains("nonsense:secret"),
        "a secret is never said: {said}"
    );
    assert!(live.credentials.authorization("a.auth").is_none());
}

#[tokio::test]
async fn a_file_that_cannot_be_used_at_the_start_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "m.yaml", "- 7");
    std::fs::write(folder.path().join("raw"), [0xff, 0xfe]).unwrap();
    write(folder.path(), "utf-16", "-\0 \x007\0");
    pipe(&folder.path().join("pipe"));
    for (file, words) in [
        ("none.yaml", "none.yaml cannot be read: "),
        ("m.yaml", "malformed: "),
        (
            "raw",
            "raw cannot be read: it is not text: byte 0 is not UTF-8; save it as UTF-8",
        ),
        (
            "utf-16",
            "utf-16 cannot be read: it is not text: byte 1 is not UTF-8; save it as UTF-8",
        ),
        (
            "pipe",
            "pipe cannot be read: it is a named pipe, not a file",
        ),
    ] {
        let opened = members_file(&folder.path().join(file), settings()).await;
        let said = opened.err().unwrap().to_string();
        assert!(said.contains(words), "{said}");
    }
}

fn pipe(path: &Path) {
    kubomesh_testkit::pipe(path).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_pipe_in_the_place_of_a_file_is_refused_and_holds_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let line = "- {name: a, rpc: 'http://h:1', authFile: a.auth}\n\
                - {name: b, rpc: 'https://h:2', caFile: b.pem}\n";
    write(folder.path(), "m.yaml", line);
    pipe(&folder.path().join("a.auth"));
    pipe(&folder.path().join("b.pem"));
    let mut live = Live::start(folder).await;
    let fleet = live.until("two members", |fleet| fleet.synced).await;
    for (name, file) in [("a", "authFile a.auth"), ("b", "caFile b.pem")] {
        let contact = &membership(&fleet).members[name].contact;
        let why = format!("the {file} cannot be used: it is a named pipe, not a file");
        assert_eq!(*contact, Contact::NoSecret { why });
    }
    let file = live.folder.path().join("m.yaml");
    std::fs::remove_file(&file).unwrap();
    pipe(&file);
    let fleet = live
        .until("the refusal", |fleet| !fleet.troubles.is_empty())
        .await;
    let said = &fleet.troubles["members file"];
    assert!(
        said.contains("m.yaml cannot be read: it is a named pipe, not a file; "),
        "{said}"
    );
    assert_eq!(membership(&fleet).members.len(), 2);
    std::fs::remove_file(&file).unwrap();
    write(live.folder.path(), "m.yaml", line);
    live.until("the end of it", |fleet| fleet.troubles.is_empty())
        .await;
}
