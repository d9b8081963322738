//! Reads the file again and again and publishes a fleet of one mesh.

use std::collections::BTreeSet;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kubomesh_core::{Membership, MeshId};
use kubomesh_process::{ReadError, said_if_slow};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, timeout};

use super::members::{Unusable, member};
use super::{FileError, MembersFile};
use crate::{AuthStore, Fleet, MeshView, Settings};

/// How often the file is looked at. Its content is compared, not its time: editors, mounts and
/// clocks treat times as they like.
const LOOK: Duration = Duration::from_secs(1);

/// How long reading may take before it is said that the file system does not answer. What was read is
/// then worked through for as long as that takes.
const DEADLINE: Duration = Duration::from_secs(5);

/// Largest members file: the 250,000 fields and values that the parser takes, with 67 characters each.
const MAX_FILE: u64 = 16 << 20;

/// Largest file with a secret.
const MAX_SECRET: u64 = 64 << 10;

/// What is wrong with the files is told under this name.
const TROUBLE: &str = "members file";

#[cfg(test)]
mod tests;

struct FileSource {
    path: PathBuf,
    settings: Settings,
    file: MembersFile,
    credentials: AuthStore,
    fleet: watch::Sender<Arc<Fleet>>,
    /// What the published fleet was made of: the file's revision, and what was wrong with the files
    /// that its lines name.
    published: Option<(u64, Unusable)>,
}

/// Discovery from a members file: the fleet of one mesh, the files with secrets that its lines name,
/// and the work behind them, which runs until it is dropped. The first reading is done before this
/// returns. Files are read off the async workers.
///
/// # Errors
/// When the file cannot be read or used as it is now; later such edits are refused and told in
/// [`Fleet::troubles`].
pub async fn members_file(
    path: &Path,
    settings: Settings,
) -> Result<
    (
        watch::Receiver<Arc<Fleet>>,
        AuthStore,
        impl Future<Output = ()> + Send + use<>,
    ),
    FileError,
> {
    let (fleet, seen) = watch::channel(Arc::default());
    let credentials = AuthStore::default();
    let at = path.to_owned();
    let text = in_time(path, off_worker(move || read(&at, MAX_FILE))).await??;
    let source = FileSource::of(text, path, settings, credentials.clone(), fleet).await?;
    Ok((seen, credentials, source.run()))
}

// === impl FileSource ===

impl FileSource {
    /// Of the file's first text.
    async fn of(
        text: String,
        path: &Path,
        settings: Settings,
        credentials: AuthStore,
        fleet: watch::Sender<Arc<Fleet>>,
    ) -> Result<Self, FileError> {
        let at = path.to_owned();
        let parsing = off_worker(move || {
            let settle = settings.timings.file_settle;
            let file = MembersFile::open(text, settle, settings.clock.now());
            file.map(|file| Self {
                path: at,
                settings,
                file,
                credentials,
                fleet,
                published: None,
            })
        });
        let source = parsing.await.map_err(|error| error.in_file(path))?;
        let (source, unusable) = in_time(path, source.secrets()).await?;
        Ok(source.published(unusable).await)
    }

    async fn run(self) {
        let mut source = self;
        let mut tick = tokio::time::interval(LOOK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            let (path, fleet) = (source.path.clone(), source.fleet.clone());
            let slow = |why| say_slow(&path, &fleet, &why);
            let at = path.clone();
            let reading = off_worker(move || read(&at, MAX_FILE));
            let (text, file_slow) = said_if_slow(reading, DEADLINE, slow).await;
            let looked = off_worker(move || {
                source.look(text);
                source
            });
            let secrets = looked.await.secrets();
            let ((looked, unusable), secrets_slow) = said_if_slow(secrets, DEADLINE, slow).await;
            source = looked;
            let said = file_slow || secrets_slow;
            if said {
                tracing::info!(path = %path.display(), "the file system answers again");
                // What was said goes with what is published now.
                source.published = None;
            }
            source = source.published(unusable).await;
        }
    }

    /// Reads what the lines name, off the async workers.
    async fn secrets(self) -> (Self, Unusable) {
        off_worker(move || {
            let unusable = self.read_secrets();
            (self, unusable)
        })
        .await
    }

    async fn published(mut self, unusable: Unusable) -> Self {
        off_worker(move || {
            self.publish(unusable);
            self
        })
        .await
    }

    fn look(&mut self, text: Result<String, FileError>) {
        let reads = &self.settings.metrics.file_reads;
        match self.file.look(text, self.settings.clock.now()) {
            None => {}
            Some(Ok(())) => {
                reads.get("taken").inc();
                tracing::info!(path = %self.path.display(), "members file read again");
            }
            Some(Err(error)) => {
                reads.get("refused").inc();
                let error = error.in_file(&self.path);
                tracing::warn!("{error}; the last good content stays in use");
            }
        }
    }

    /// Publishes what the file says, if it is not what was published: a file of thousands of lines
    /// is looked at every second and changes once in a month.
    fn publish(&mut self, unusable: Unusable) {
        let made_of = (self.file.revision(), unusable);
        if self.published.as_ref() == Some(&made_of) {
            return;
        }
        let fleet = self.fleet_of(&made_of.1);
        self.published = Some(made_of);
        self.fleet.send_if_modified(|published| {
            let changed = **published != fleet;
            if changed {
                *published = Arc::new(fleet);
            }
            changed
        });
    }

    fn fleet_of(&self, unusable: &Unusable) -> Fleet {
        let id = MeshId::file();
        let mut membership = Membership::empty(id.clone());
        for line in self.file.lines() {
            let mut member = member(line, unusable);
            self.resolve(&mut member.access);
            membership.members.insert(member.name.clone(), member);
        }
        let trouble = self.file.refused().map(|error| {
            let error = error.clone().in_file(&self.path);
            (
                TROUBLE.to_owned(),
                format!("{error}; the last good content stays in use"),
            )
        });
        let view = MeshView {
            id: id.clone(),
            generation: 0,
            policy: Ok(Arc::clone(&self.file.good().policy)),
            membership: Arc::new(membership),
        };
        Fleet {
            synced: true,
            pending: Vec::new(),
            troubles: trouble.into_iter().collect(),
            deleted: BTreeSet::new(),
            meshes: [(id, view)].into(),
        }
    }

    /// Reads every file that a line names; answers with those that cannot be used.
    fn read_secrets(&self) -> Unusable {
        let mut unusable = Unusable::new();
        let mut known = BTreeSet::new();
        for line in self.file.lines() {
            if let Some(file) = &line.auth_file {
                known.insert(&**file);
                let header = read(&self.at(file), MAX_SECRET)
                    .map_err(|error| why(&error))
                    .and_then(|text| {
                        kubomesh_kubo::authorization(&text).map_err(|error| error.to_string())
                    });
                match header {
                    Ok(header) => self.credentials.set(file, Some(header)),
                    Err(why) => {
                        self.credentials.set(file, None);
                        let why = format!("the authFile {file} cannot be used: {why}");
                        unusable.insert(Arc::clone(file), why);
                    }
                }
            }
            if let Some(file) = &line.ca_file
                && let Err(error) = read(&self.at(file), MAX_FILE)
            {
                let why = format!("the caFile {file} cannot be used: {}", why(&error));
                unusable.insert(Arc::clone(file), why);
            }
        }
        self.credentials.keep(|name| known.contains(name));
        unusable
    }

    /// A CA file is opened by whoever connects: its path must not depend on where that is.
    fn resolve(&self, access: &mut kubomesh_core::Access) {
        if let kubomesh_core::Access::Direct {
            ca_file: Some(file),
            ..
        } = access
        {
            *file = self.at(file).to_string_lossy().as_ref().into();
        }
    }

    /// Paths in the file are relative to its folder.
    fn at(&self, file: &str) -> PathBuf {
        self.path
            .parent()
            .unwrap_or_else(|| Path::new(""))
            .join(file)
    }
}

fn why(error: &FileError) -> String {
    match error {
        FileError::Unreadable { why, .. } => why.clone(),
        other => other.to_string(),
    }
}

/// What reading these comes to, if it ends in time.
async fn in_time<T>(path: &Path, reading: impl Future<Output = T>) -> Result<T, FileError> {
    let read = timeout(DEADLINE, reading).await;
    read.map_err(|_| FileError::Unreadable {
        path: path.display().to_string(),
        why: ReadError::NoAnswer(DEADLINE).to_string(),
    })
}

/// Does what may block for long. When this is dropped, it goes on and nobody waits for it.
async fn off_worker<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        // The runtime is shut down: whoever waits is dropped too.
        Err(_) => std::future::pending().await,
    }
}

/// The fleet says that a look takes long.
fn say_slow(path: &Path, fleet: &watch::Sender<Arc<Fleet>>, why: &ReadError) {
    let said = format!(
        "{} or a file that it names is not read: {why}; the last good content stays in use",
        path.display(),
    );
    tracing::warn!("{said}");
    fleet.send_modify(|fleet| {
        let fleet = Arc::make_mut(fleet);
        fleet.troubles.insert(TROUBLE.to_owned(), said);
    });
}

/// Reads a text file of a bounded size.
fn read(path: &Path, most: u64) -> Result<String, FileError> {
    let unreadable = |why: String| FileError::Unreadable {
        path: path.display().to_string(),
        why,
    };
    let bytes =
        kubomesh_process::read_file(path, most).map_err(|error| unreadable(error.to_string()))?;
    // A zero byte is none either: ASCII that was saved as UTF-16 has one after each letter.
    let zero = bytes.iter().position(|byte| *byte == 0);
    let text = String::from_utf8(bytes).map_err(|error| error.utf8_error().valid_up_to());
    zero.map_or(text, Err).map_err(|at| {
        unreadable(format!(
            "it is not text: byte {at} is not UTF-8; save it as UTF-8"
        ))
    })
}
