//! A child process that stays: its output in a file, its end certain.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::{cpu, wait};

/// How long a process may take to end in order.
const END: Duration = Duration::from_secs(30);

/// A running process. Dropping it kills it, and so does the kernel when this process dies.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
    log: PathBuf,
}

/// What the controller's image has in its environment (Dockerfile): every process of a bench has it.
const IMAGE: (&str, &str) = ("MIMALLOC_PURGE_DELAY", "600000");

// === impl Process ===

impl Process {
    /// Starts a program. What it prints on standard error is added to `log`; its lines on standard
    /// output are read by [`Process::line`]. Must be called by the main thread: the kernel goes by
    /// threads.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn start(name: &str, program: &Path, args: &[&str], log: &Path) -> Result<Self> {
        Self::start_with(name, program, args, log, &[])
    }

    /// The same, with more in its environment.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn start_with(
        name: &str,
        program: &Path,
        args: &[&str],
        log: &Path,
        environment: &[(&str, &Path)],
    ) -> Result<Self> {
        let unwritable = || format!("{} cannot be written", log.display());
        let file = File::options().create(true).append(true).open(log);
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL", "--"])
            .arg(program)
            .args(args)
            .env(IMAGE.0, IMAGE.1)
            .envs(environment.iter().copied());
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(file.with_context(unwritable)?);
        let child = command.spawn();
        let mut child = child.with_context(|| {
            format!("{name} cannot be started (the benches need `setpriv` of util-linux)")
        })?;
        let output = child.stdout.take().context("no standard output")?;
        let input = child.stdin.take().context("no standard input")?;
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                // Nobody waits for the others.
                let _ = sender.send(line);
            }
        });
        Ok(Self {
            name: name.into(),
            child,
            input,
            lines,
            log: log.into(),
        })
    }

    /// Its next line.
    ///
    /// # Errors
    /// When it ends, or the deadline passes, before there is one.
    pub(crate) fn line(&mut self, deadline: Duration) -> Result<String> {
        self.lines.recv_timeout(deadline).map_err(|_| {
            let (name, last) = (&self.name, self.last_lines());
            anyhow::anyhow!(
                "{name} said nothing within {} s; its log:\n{last}",
                deadline.as_secs()
            )
        })
    }

    /// Writes a line to it.
    ///
    /// # Errors
    /// When it has ended.
    pub(crate) fn tell(&mut self, line: &str) -> Result<()> {
        let told = writeln!(self.input, "{line}").and_then(|()| self.input.flush());
        told.with_context(|| format!("{} does not listen", self.name))
    }

    /// CPU time that it has used.
    ///
    /// # Errors
    /// When it has ended.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        cpu::of(self.child.id())
    }

    /// An error with its last words when it has ended.
    pub(crate) fn check(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!(
                "{} ended ({status}); its log:\n{}",
                self.name,
                self.last_lines()
            );
        }
        Ok(())
    }

    /// Asks it to end and waits.
    ///
    /// # Errors
    /// When it takes too long; it is killed then.
    pub(crate) fn end(mut self) -> Result<()> {
        let pid = Pid::from_raw(self.child.id().cast_signed()).context("no process id")?;
        kill_process(pid, Signal::TERM).with_context(|| format!("{} has ended", self.name))?;
        let what = format!("the end of {}", self.name);
        wait::until(&what, END, || Ok(self.child.try_wait()?))?;
        Ok(())
    }

    fn last_lines(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(10)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests;
