//! Processes of the lab: their output in a file, their end with the lab's.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::wait::Hopeless;

/// How long a killed process may take to be gone.
const KILL_DEADLINE: Duration = Duration::from_secs(10);

/// A process that runs. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Running {
    name: String,
    child: Child,
    log: PathBuf,
}

/// A command that the kernel kills when the lab dies, however that happens. The thread that starts
/// it must be the lab's main thread: the kernel goes by threads.
pub(crate) fn command(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

/// The last lines of a file; nothing if it cannot be read.
pub(crate) fn tail(path: &Path, lines: usize) -> String {
    let text = std::fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

// === impl Running ===

impl Running {
    /// Starts it, its output appended to `log`. It gets its own process group: a Ctrl-C on the
    /// terminal is for the lab, which then ends the others in order.
    pub(crate) fn start(name: &str, command: &mut Command, log: &Path) -> Result<Self> {
        let output = File::options()
            .create(true)
            .append(true)
            .open(log)
            .with_context(|| format!("cannot write {}", log.display()))?;
        let errors = output.try_clone()?;
        command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .process_group(0)
            .kill_on_drop(true);
        let child = command.spawn().with_context(|| {
            format!("{name} cannot be started (the lab needs `setpriv` of util-linux)")
        })?;
        Ok(Self {
            name: name.to_owned(),
            child,
            log: log.to_owned(),
        })
    }

    /// An error with its last words when it has ended.
    pub(crate) fn check(&mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            let last = tail(&self.log, 10);
            bail!(Hopeless(format!("{} ended: {status}\n{last}", self.name)));
        }
        Ok(())
    }

    /// Kills it and waits until it is gone.
    pub(crate) async fn kill(mut self) -> Result<()> {
        self.child.start_kill()?;
        let gone = timeout(KILL_DEADLINE, self.child.wait()).await;
        gone.map_err(|_| anyhow!("{} was killed and is not gone", self.name))??;
        Ok(())
    }

    /// Asks it to end and waits for its exit status. One that does not end in time is killed, and
    /// that is an error.
    pub(crate) async fn stop(mut self, within: Duration) -> Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        if let Ok(status) = timeout(within, self.child.wait()).await {
            return Ok(status?);
        }
        let name = self.name.clone();
        self.kill().await?;
        bail!("{name} did not end within {within:?} of SIGTERM")
    }

    /// Its process id, unless its end was noticed.
    pub(crate) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Sends a signal; nothing happens to one that has ended.
    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        let Some(id) = self.child.id() else {
            return Ok(());
        };
        let pid = i32::try_from(id).ok().and_then(Pid::from_raw);
        let pid = pid.with_context(|| format!("{id} is no process id"))?;
        kill_process(pid, signal).with_context(|| format!("cannot signal {}", self.name))
    }
}
