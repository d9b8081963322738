//! Real signals, sent to a real child process: this very test program, running one ignored test.

use std::future::pending;
use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use crate::{Ending, Process};

/// Set for the child alone, so that a run of all ignored tests does not wait for signals.
const CHILD: &str = "KUBOMESH_TEST_CHILD";

/// The child: says when it listens, ends in order on the first signal if `orderly`, else never.
async fn child(orderly: bool) {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let process = Process::new(Duration::from_secs(3600)).unwrap();
    let stop = process.work().stop();
    process.work().spawn("loop", async move {
        stop.cancelled().await;
        say("stopping");
        if !orderly {
            pending::<()>().await;
        }
    });
    say("listening");
    let ending = process.run(pending()).await;
    say(&ending.to_string());
    // The test harness has its own exit code; this is the one of a binary.
    let code = if matches!(ending, Ending::Fell { .. }) {
        1
    } else {
        0
    };
    std::process::exit(code);
}

/// One line that the harness does not swallow.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "child: {line}").unwrap();
    out.flush().unwrap();
}

#[tokio::test]
#[ignore = "the child of the tests below"]
async fn orderly_child() {
    child(true).await;
}

#[tokio::test]
#[ignore = "the child of the tests below"]
async fn stubborn_child() {
    child(false).await;
}

#[tokio::test]
#[ignore = "the child of the tests below"]
async fn starting_child() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let mut process = Process::new(Duration::from_secs(3600)).unwrap();
    say("listening");
    let first = process.unless_stopped(pending::<()>()).await;
    say(&format!("{first:?}"));
    std::process::exit(0);
}

struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    fn start(test: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--ignored", "--nocapture"])
            .env(CHILD, "1")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut running = Self { child, lines };
        running.expect("listening");
        running
    }

    /// Reads on until the child says this; the end of its output is a failure.
    fn expect(&mut self, said: &str) {
        let wanted = format!("child: {said}");
        let found = self
            .lines
            .by_ref()
            .map(Result::unwrap)
            .any(|line| line.ends_with(&wanted));
        assert!(found, "the child never said `{said}`");
    }

    fn signal(&self, name: &str) {
        let (name, pid) = (format!("-{name}"), self.child.id().to_string());
        assert!(
            Command::new("kill")
                .args([name, pid])
                .status()
                .unwrap()
                .success()
        );
    }

    fn exit_code(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has usually ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_first_signal_stops_in_order() {
    for signal in ["TERM", "INT"] {
        let mut child = Running::start("tests::signals::orderly_child");
        child.signal(signal);
        child.expect("stopping");
        child.expect("stopped as asked");
        assert_eq!(child.exit_code(), Some(0), "{signal}");
    }
}

#[test]
fn the_second_signal_stops_at_once() {
    let mut child = Running::start("tests::signals::stubborn_child");
    child.signal("TERM");
    child.expect("stopping");
    child.signal("INT");
    child.expect("stopped as asked, without waiting for: loop");
    assert_eq!(child.exit_code(), Some(0));
}

#[test]
fn a_signal_ends_a_start_that_never_would() {
    let mut child = Running::start("tests::signals::starting_child");
    child.signal("TERM");
    child.expect("None");
    assert_eq!(child.exit_code(), Some(0));
}
