//! The process on a members file and a state directory: what hands and file systems do to it while
//! it runs.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests are tests"
)]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kubomesh_model::{NodeSpec, Stop, peer_id};
use kubomesh_testkit::{FakeKubo, FakeOptions, Fault, Faults, Fleet};

/// Longer than anything here should take.
const LONG: Duration = Duration::from_secs(50);

/// Three fake nodes, a members file with two of them, and the controller on it.
struct Running {
    _fleet: Fleet,
    nodes: Vec<FakeKubo>,
    folder: tempfile::TempDir,
    controller: Child,
}

fn pipe(path: &Path) {
    kubomesh_testkit::pipe(path).unwrap();
}

fn line(at: u8, node: &FakeKubo) -> String {
    format!("- {{name: n{at}, rpc: '{}'}}\n", node.endpoint())
}

impl Running {
    /// `net`: the nodes are at 127.95.`net`.1 and the next.
    async fn start(net: u8) -> Self {
        let running = Self::start_with(net, 2, |_| {}).await;
        running.until("every desired link is healthy").await;
        running
    }

    /// With so many lines, in a folder that was made ready, whatever comes of it.
    async fn start_with(net: u8, count: u8, prepare: impl Fn(&Path)) -> Self {
        let fleet = Fleet::certain();
        let mut nodes = Vec::new();
        let mut lines = String::from("mesh: {resyncInterval: 5s}\nmembers:\n");
        for at in 1..=3_u8 {
            let ip = std::net::IpAddr::from([127, 95, net, at]);
            let spec = NodeSpec::new(&format!("n{at}"), peer_id(u64::from(at)), ip);
            let node = fleet.launch(spec, FakeOptions::at(ip)).await.unwrap();
            if at <= count {
                lines.push_str(&line(at, &node));
            }
            nodes.push(node);
        }
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("members.yaml"), lines).unwrap();
        std::fs::create_dir(folder.path().join("state")).unwrap();
        prepare(folder.path());
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let controller = Command::new(env!("CARGO_BIN_EXE_kubomesh"))
            .args(["run", "--log-format=text", "--members=members.yaml"])
            .args(["--state-dir=state", "--listen=127.0.0.1:0"])
            .arg("--debug-listen=127.0.0.1:0")
            .current_dir(folder.path())
            .stdout(log.try_clone().unwrap())
            .stderr(Stdio::from(log))
            .spawn()
            .unwrap();
        Self {
            _fleet: fleet,
            nodes,
            folder,
            controller,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn log(&self) -> String {
        let mut text = String::new();
        let mut file = std::fs::File::open(self.path("log")).unwrap();
        file.read_to_string(&mut text).unwrap();
        text
    }

    async fn until(&self, words: &str) {
        self.wait(words, || self.log().contains(words)).await;
    }

    async fn wait(&self, what: &str, done: impl Fn() -> bool) {
        let began = Instant::now();
        while !done() {
            assert!(began.elapsed() < LONG, "never: {what}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What the page of this name in the line `serving` answers to a request, header and all.
    fn ask(&self, page: &str, request: &str) -> String {
        let log = self.log();
        let serving = log.lines().find(|line| line.contains("serving")).unwrap();
        let place = serving.split(&format!(" {page}=")).nth(1).unwrap();
        let address = place.split(' ').next().unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    async fn until_ready_is(&self, status: &str, body: &str) {
        let is = || {
            let answer = self.ready();
            answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.ends_with(body)
        };
        self.wait(&format!("{status} {body}"), is).await;
    }

    /// What `/readyz` answers, with its head.
    fn ready(&self) -> String {
        self.ask(
            "pages",
            "GET /readyz HTTP/1.1\r\nHost: it\r\nConnection: close\r\n\r\n",
        )
    }

    fn set_log_level(&self, level: &str) {
        let length = level.len();
        let answer = self.ask(
            "debug",
            &format!(
                "PUT /log-level HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                 Content-Length: {length}\r\n\r\n{level}"
            ),
        );
        assert!(answer.starts_with("HTTP/1.1 2"), "{answer}");
    }

    /// Waits for a line that has all of these words.
    async fn until_line(&self, words: &[&str]) {
        let found = |line: &str| words.iter().all(|word| line.contains(word));
        self.wait(&words.join(" … "), || self.log().lines().any(found))
            .await;
    }

    fn signal(&self) {
        let pid = self.controller.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for its end, which is to be as asked; what it said from the signal on.
    fn ended(&mut self) -> String {
        let ended = self.controller.wait().unwrap();
        let log = self.log();
        assert!(ended.success(), "{log}");
        let from = log.find(": stopping").unwrap();
        log[from..].to_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.controller.kill();
        let _ = self.controller.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_deleted_by_hand_accepts_the_new_identity() {
    let running = Running::start(21).await;
    let record = running.path("state/n2.json");
    let (former, other) = (peer_id(2), peer_id(77));
    let holds = |peer: kubomesh_core::PeerId| {
        let text = std::fs::read_to_string(&record).unwrap_or_default();
        text.contains(&peer.to_string())
    };
    assert!(holds(former));
    let restarted = running.nodes[1].restart(Stop::Closed, Some(other)).await;
    restarted.unwrap();
    running
        .until("delete its record to accept the new one")
        .await;
    assert!(holds(former) && !holds(other));
    std::fs::remove_file(&record).unwrap();
    running
        .wait("the new identity in the record", || holds(other))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pipe_in_the_place_of_the_members_file_holds_nothing_up() {
    let mut running = Running::start(22).await;
    std::fs::remove_file(running.path("members.yaml")).unwrap();
    pipe(&running.path("members.yaml"));
    running
        .until("members.yaml cannot be read: it is a named pipe, not a file")
        .await;
    running.signal();
    let ended = running.controller.wait().unwrap();
    assert!(ended.success(), "{}", running.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_state_directory_that_is_gone_is_named_at_the_member_that_waits_for_it() {
    let running = Running::start(23).await;
    running.until_ready_is("200", "\r\n\r\nok\n").await;
    std::fs::rename(running.path("state"), running.path("gone")).unwrap();
    running
        .until("or restart the controller, which then begins with what is there; no record can be")
        .await;
    let body = "\r\n\r\nstate directory\n";
    running.until_ready_is("503", body).await;
    let members = running.path("members.yaml");
    let more = std::fs::read_to_string(&members).unwrap() + &line(3, &running.nodes[2]);
    std::fs::write(&members, more).unwrap();
    running
        .until(
            "record n3 is not stored: --state-dir=state: it is gone; put the former one back, or",
        )
        .await;
    running
        .until("condition=Reachable status=Unknown reason=RecordNotStored")
        .await;
    std::fs::rename(running.path("gone"), running.path("state")).unwrap();
    running
        .wait("the record", || running.path("state/n3.json").exists())
        .await;
    running.until("records can be stored again").await;
    running.until_ready_is("200", "\r\n\r\nok\n").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_record_at_the_start_holds_up_its_member_alone() {
    let running = Running::start_with(24, 3, |folder| {
        let state = folder.join("state");
        std::fs::write(state.join("n2.json"), "").unwrap();
        std::fs::write(state.join("package.json"), "{}").unwrap();
        pipe(&state.join("former.json"));
    })
    .await;
    running.until("every desired link is healthy").await;
    // The mesh's condition says it too.
    running
        .until("state/n2.json of record n2 is `unreadable`: it is empty; put it right or delete the record")
        .await;
    for words in [
        "member=n2 condition=Reachable status=Unknown reason=RecordUnreadable",
        "state/package.json is not a record (missing field `mesh` at line 1 column 2) and no member",
        "state/former.json is not a record (it is a named pipe, not a file) and no member",
    ] {
        running.until(words).await;
        assert_eq!(running.log().matches(words).count(), 1, "{words}");
    }
    assert!(running.path("state/n1.json").exists() && running.path("state/n3.json").exists());
    let left = std::fs::read_to_string(running.path("state/n2.json")).unwrap();
    assert_eq!(left, "", "nothing is overwritten");

    std::fs::remove_file(running.path("state/n2.json")).unwrap();
    running
        .wait("the record made anew", || {
            running.path("state/n2.json").exists()
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_auth_file_that_is_missing_holds_up_its_member_alone() {
    let running = Running::start_with(25, 3, |folder| {
        let file = folder.join("members.yaml");
        let lines = std::fs::read_to_string(&file).unwrap();
        let lines = lines.replace("{name: n2,", "{name: n2, authFile: absent,");
        std::fs::write(&file, lines).unwrap();
    })
    .await;
    running
        .until("the authFile absent cannot be used: No such file")
        .await;
    running
        .until("member=n2 condition=Reachable status=False reason=SecretUnreadable")
        .await;
    let calls = |at: usize, verb: &str| {
        let counts = running.nodes[at].counts();
        counts.by_verb.get(verb).copied().unwrap_or_default()
    };
    running
        .until("every desired link between members that can be reached is healthy")
        .await;
    running
        .wait("a link of the others", || {
            calls(0, "swarm/peering/add") == 1 && calls(2, "swarm/peering/add") == 1
        })
        .await;
    assert_eq!(running.nodes[1].counts().calls, 0, "it is not contacted");

    std::fs::write(running.path("absent"), "bearer:token").unwrap();
    running.until("every desired link is healthy").await;
    assert!(calls(1, "swarm/peering/add") > 0);
}

/// What a level shows, changed while the process runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_level_that_is_changed_live_shows_calls_connections_and_passes() {
    let running = Running::start(31).await;
    let log = running.log();
    assert!(!log.contains("DEBUG") && !log.contains("TRACE"), "{log}");

    running.set_log_level("kubomesh=debug");
    running.nodes[1].restart(Stop::Closed, None).await.unwrap();
    let member = "member=n2";
    for said in ["connection lost", "connection verified"] {
        running
            .until_line(&["DEBUG", said, "mesh=file", member])
            .await;
    }
    let verb = [
        "DEBUG",
        "called",
        member,
        "verb=\"peering_add\"",
        "outcome=\"ok\" ms=",
    ];
    running.until_line(&verb).await;
    running
        .until_line(&["DEBUG", "passed", "calls=", "held="])
        .await;
    assert!(!running.log().contains("TRACE"));

    running.set_log_level("kubomesh=trace");
    running
        .until_line(&["TRACE", "called", member, "verb=\"peers\""])
        .await;
    running
        .until_line(&["TRACE", "passed", "trigger=\"resync\""])
        .await;

    running.set_log_level("warn");
    running.nodes[1].kill(Stop::Closed);
    running.until_line(&["WARN", "condition=Degraded"]).await;
}

/// Whoever stops is to be sent no more requests.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_not_ready_while_its_last_calls_end() {
    let mut running = Running::start(32).await;
    running.set_log_level("kubomesh=debug");
    assert!(running.ready().starts_with("HTTP/1.1 200"));
    let (node, verb) = (&running.nodes[1], "swarm/peering/add");
    let called = || node.counts().by_verb.get(verb).copied();
    let before = called();
    node.set_faults(Faults::of(Fault::Hang).only(&[verb]));
    // It forgets its entries and is given them again.
    node.restart(Stop::Closed, None).await.unwrap();
    running
        .wait("a call that hangs", || called() > before)
        .await;
    running.signal();
    running.until(": stopping").await;
    let answer = running.ready();
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nstopping\n"), "{answer}");

    let after = running.ended();
    let [ended, stopped] = ["peering_add\" outcome=\"timed_out", ": stopped as asked\n"]
        .map(|words| after.find(words));
    assert!(ended.is_some() && ended < stopped, "{after}");
}

/// What hangs is given up by nobody but the stop: no deadline is waited for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_does_not_wait_for_a_node_that_is_being_asked() {
    let mut running = Running::start(33).await;
    running.set_log_level("kubomesh=trace");
    let asked = || running.nodes[0].requests().len();
    let before = asked();
    running.nodes[0].set_faults(Faults::of(Fault::Hang));
    running.wait("a call that hangs", || asked() > before).await;
    running.signal();
    let after = running.ended();
    assert!(after.contains(": stopped as asked\n"), "{after}");
    assert!(!after.contains("outcome=\"timed_out"), "{after}");
}
