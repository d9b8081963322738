//! Processes start, speak and end.

use std::process::Command;
use std::time::Duration;

use xshell::Shell;

use super::{Daemon, first_line};

const LONG: Duration = Duration::from_secs(20);

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

#[test]
fn the_first_line_is_handed_back_and_the_rest_is_read() {
    let folder = Shell::new().unwrap().create_temp_dir().unwrap();
    let log = folder.path().join("log");
    let (mut daemon, output) = Daemon::start_announced(
        "x",
        &mut shell("echo ready; echo more; exec cat /dev/zero"),
        &log,
    )
    .unwrap();
    assert_eq!(first_line(&mut daemon, output, LONG).unwrap(), "ready");
    assert!(daemon.ended().is_none());
    daemon.kill();
}

#[test]
fn a_program_that_ends_early_is_quoted() {
    let folder = Shell::new().unwrap().create_temp_dir().unwrap();
    let log = folder.path().join("log");
    let (mut daemon, output) = Daemon::start_announced(
        "node-01",
        &mut shell("echo 'no such flag' >&2; exit 2"),
        &log,
    )
    .unwrap();
    let error = first_line(&mut daemon, output, LONG)
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "node-01 ended before it was ready; its last lines:\nno such flag"
    );
}

#[test]
fn a_program_that_is_asked_ends_and_says_goodbye() {
    let folder = Shell::new().unwrap().create_temp_dir().unwrap();
    let log = folder.path().join("log");
    let script = "trap 'echo bye >&2; exit 0' TERM; echo ready; while :; do :; done";
    let (mut daemon, output) = Daemon::start_announced("x", &mut shell(script), &log).unwrap();
    first_line(&mut daemon, output, LONG).unwrap();
    daemon.end(LONG);
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "bye\n");
}

#[test]
fn a_program_that_will_not_end_is_killed() {
    let folder = Shell::new().unwrap().create_temp_dir().unwrap();
    let log = folder.path().join("log");
    let script = "trap '' TERM; echo $$; while :; do :; done";
    let (mut daemon, output) = Daemon::start_announced("x", &mut shell(script), &log).unwrap();
    let pid = first_line(&mut daemon, output, LONG).unwrap();
    daemon.end(Duration::from_millis(50));
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
}

#[test]
fn the_last_lines_are_the_last() {
    let folder = Shell::new().unwrap().create_temp_dir().unwrap();
    let log = folder.path().join("log");
    std::fs::write(&log, "1\n2\n3\n").unwrap();
    let daemon = Daemon::start("x", &mut shell("exit 0"), &log).unwrap();
    assert_eq!(daemon.last_lines(2), "2\n3");
    assert_eq!(daemon.last_lines(9), "1\n2\n3");
}
