//! A child process that stays: its output in a file, its first line read, its end certain.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

/// How often an ending process is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// A running process. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Daemon {
    name: String,
    child: Child,
    log: PathBuf,
}

// === impl Daemon ===

impl Daemon {
    /// Starts a program in a process group of its own, so that Ctrl-C reaches us alone and things
    /// end in order. What it prints on standard error, and on standard output unless its first line
    /// is asked for, is added to `log`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn start(name: &str, command: &mut Command, log: &Path) -> Result<Self> {
        let file = open(log)?;
        let output = file.try_clone().context("the log's file")?;
        Self::spawn(name, command.stdout(output).stderr(file), log)
    }

    /// Starts a program that prints a line when it is ready; [`first_line`] waits for it.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn start_announced(
        name: &str,
        command: &mut Command,
        log: &Path,
    ) -> Result<(Self, ChildStdout)> {
        let file = open(log)?;
        let mut daemon = Self::spawn(name, command.stdout(Stdio::piped()).stderr(file), log)?;
        let output = daemon.child.stdout.take().context("no standard output")?;
        Ok((daemon, output))
    }

    fn spawn(name: &str, command: &mut Command, log: &Path) -> Result<Self> {
        // A pipe that nobody writes to: those who read it see when this process is gone.
        let child = command.stdin(Stdio::piped()).process_group(0).spawn();
        let child = child.with_context(|| format!("{name} cannot be started"))?;
        Ok(Self {
            name: name.to_owned(),
            child,
            log: log.to_owned(),
        })
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// The last lines of its log.
    pub(crate) fn last_lines(&self, number: usize) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<_> = text.lines().collect();
        lines
            .get(lines.len().saturating_sub(number)..)
            .unwrap_or_default()
            .join("\n")
    }

    /// Where its log is.
    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    /// Asks it to end; [`Daemon::end`] waits.
    pub(crate) fn ask_to_end(&mut self) {
        if self.ended().is_none()
            && let Some(pid) = Pid::from_raw(self.child.id().cast_signed())
        {
            // It may have ended since: then there is nobody to ask.
            let _ = kill_process(pid, Signal::TERM);
        }
    }

    /// Asks it to end, waits, and kills it if that takes too long.
    pub(crate) fn end(mut self, patience: Duration) {
        self.ask_to_end();
        let deadline = Instant::now() + patience;
        let (_never, pause) = mpsc::channel::<()>();
        while self.ended().is_none() && Instant::now() < deadline {
            let _ = pause.recv_timeout(LOOK);
        }
    }

    /// Kills it as a crash would.
    pub(crate) fn kill(self) {
        drop(self);
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if self.ended().is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Waits for the first line, and reads on so that the program never blocks on a full pipe.
///
/// # Errors
/// When the program ends or the deadline passes without one.
pub(crate) fn first_line(
    daemon: &mut Daemon,
    output: ChildStdout,
    deadline: Duration,
) -> Result<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            // Only the first is waited for.
            let _ = sender.send(line);
        }
    });
    let name = daemon.name.clone();
    match receiver.recv_timeout(deadline) {
        Ok(line) => Ok(line),
        Err(mpsc::RecvTimeoutError::Timeout) => bail!(
            "{name} was not ready after {} s; its last lines:\n{}",
            deadline.as_secs(),
            daemon.last_lines(10)
        ),
        Err(mpsc::RecvTimeoutError::Disconnected) => {
            let _ = daemon.child.wait();
            bail!(
                "{name} ended before it was ready; its last lines:\n{}",
                daemon.last_lines(10)
            )
        }
    }
}

fn open(log: &Path) -> Result<File> {
    let file = File::options().create(true).append(true).open(log);
    file.with_context(|| format!("{} cannot be written", log.display()))
}

#[cfg(test)]
mod tests;
