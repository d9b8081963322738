//! The certificate files: read at the start, and again when they change.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kubomesh_agent_api::{Pem, Pems, ServerTls};
use kubomesh_process::{CancellationToken, read_file_within};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

/// How often the files are looked at. A Secret that is mounted changes within a minute or so.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Largest file, bytes: a chain and a bundle of CAs take a few KiB.
const MAX_FILE: u64 = 1 << 20;

/// How long a file may take.
const READ_WITHIN: Duration = Duration::from_secs(5);

/// Where the three texts are.
#[derive(Debug, Clone)]
pub struct Files {
    /// The agent's certificate.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// Who signs the controller's.
    pub ca: PathBuf,
}

/// The certificates as they are now: the last ones that were good.
#[derive(Debug, Clone)]
pub struct Certificates {
    now: watch::Receiver<ServerTls>,
}

/// The three texts as they were read.
#[derive(PartialEq, Eq)]
struct Texts([Vec<u8>; 3]);

/// Reads the files anew while it is polled.
pub(crate) struct Reload {
    files: Files,
    every: Duration,
    read: Texts,
    /// What was last said of files that cannot be used.
    complaint: Option<String>,
    now: watch::Sender<ServerTls>,
}

// === impl Certificates ===

impl Certificates {
    /// What the next handshake uses.
    #[must_use]
    pub fn now(&self) -> ServerTls {
        self.now.borrow().clone()
    }

    /// Certificates that never change.
    #[must_use]
    pub fn fixed(tls: ServerTls) -> Self {
        Self {
            now: watch::channel(tls).1,
        }
    }
}

// === impl Files ===

impl Files {
    /// Reads them. The second half of the result keeps them up to date while it runs.
    ///
    /// # Errors
    /// When one of them cannot be read or used: which, why, and what to do.
    pub(crate) async fn load(self) -> Result<(Certificates, Reload), String> {
        let read = self.read().await?;
        let tls = self.parse(&read)?;
        let (now, certificates) = watch::channel(tls);
        let reload = Reload {
            files: self,
            every: LOOK_EVERY,
            read,
            complaint: None,
            now,
        };
        Ok((Certificates { now: certificates }, reload))
    }

    async fn read(&self) -> Result<Texts, String> {
        Ok(Texts([
            text(&self.certificate).await?,
            text(&self.key).await?,
            text(&self.ca).await?,
        ]))
    }

    fn parse(&self, Texts(texts): &Texts) -> Result<ServerTls, String> {
        let names = [&self.certificate, &self.key, &self.ca].map(|path| path.display().to_string());
        let [certificate, key, ca] = [0, 1, 2].map(|at| Pem {
            name: &names[at],
            bytes: &texts[at],
        });
        let pems = Pems {
            certificate,
            key,
            ca,
        };
        ServerTls::new(pems).map_err(|error| error.to_string())
    }
}

async fn text(path: &Path) -> Result<Vec<u8>, String> {
    let read = read_file_within(path.into(), MAX_FILE, READ_WITHIN).await;
    read.map_err(|error| {
        let path = path.display();
        format!("{path} cannot be read: {error}; mount the Secret of the agent's certificate there")
    })
}

// === impl Reload ===

impl Reload {
    /// Looks at the files until the stop. Files that cannot be used change nothing: the last good
    /// certificate is served on, and that is said, once for each reason.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut tick = tokio::time::interval(self.every);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(tick.tick()).await.is_some() {
            self.look().await;
        }
    }

    /// One look.
    pub(crate) async fn look(&mut self) {
        let renewed = match self.files.read().await {
            Ok(read) if read == self.read => {
                self.complaint = None;
                return;
            }
            Ok(read) => self.files.parse(&read).map(|tls| (read, tls)),
            Err(why) => Err(why),
        };
        match renewed {
            Ok((read, tls)) => {
                tracing::info!("the certificate files changed: new channels use them");
                self.read = read;
                self.complaint = None;
                self.now.send_replace(tls);
            }
            Err(why) => {
                if self.complaint.as_ref() != Some(&why) {
                    tracing::error!("{why}; the last good certificate is served on");
                    self.complaint = Some(why);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
