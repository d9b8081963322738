//! Reading files that somebody else wrote: regular ones, of a bounded size. To open a named pipe
//! waits for whoever writes to it, and a mount whose server is gone never answers.

use std::fs::{File, FileType, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::OFlags;
use tokio::sync::Semaphore;

/// Readings by [`read_file_within`] at a time: so many threads hang at most when a mount does.
static READING: Semaphore = Semaphore::const_new(8);

/// A file that was not read. Each is the rest of a sentence that names the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// Something else has its name.
    #[error("it is {0}, not a file")]
    NotAFile(&'static str),
    /// It is too large for what it should be.
    #[error("it is larger than {0} bytes")]
    TooLarge(u64),
    /// The operating system refuses it.
    #[error("{0}")]
    Refused(Arc<str>),
    /// The file system does not answer.
    #[error("the file system did not answer for {} s", .0.as_secs())]
    NoAnswer(Duration),
}

/// Reads a regular file, links followed, of at most so many bytes. Blocks the thread, and for good
/// if the file system does.
///
/// # Errors
/// When it is no such file or cannot be read.
pub fn read_file(path: &Path, most: u64) -> Result<Vec<u8>, ReadError> {
    regular(&std::fs::metadata(path)?)?;
    // What has the name by now may be a pipe all the same: it is opened without waiting.
    let nonblocking = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let mut options = File::options();
    let file = options.read(true).custom_flags(nonblocking).open(path)?;
    let about = file.metadata()?;
    regular(&about)?;
    // A place for all of it at once, where the file says how much that is.
    let length = about.len().min(most);
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0) + 1);
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(ReadError::TooLarge(most));
    }
    Ok(bytes)
}

/// The same off the async workers, given up after a while. At most eight at a time, those included
/// whose file system never answers: the next then fail at their deadline.
///
/// # Errors
/// As [`read_file`], and when the time is up.
pub async fn read_file_within(
    path: PathBuf,
    most: u64,
    deadline: Duration,
) -> Result<Vec<u8>, ReadError> {
    let reading = async {
        // Never closed; without it the bound is not kept and nothing else is lost.
        let turn = READING.acquire().await;
        let reading = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            read_file(&path, most)
        });
        reading
            .await
            .unwrap_or_else(|error| Err(ReadError::Refused(error.to_string().into())))
    };
    let read = tokio::time::timeout(deadline, reading).await;
    read.unwrap_or(Err(ReadError::NoAnswer(deadline)))
}

/// Waits for work on files as long as it takes, and says once why nothing comes of it when it has not
/// ended within a while. With what it came to, whether that was said. Whoever begins nothing beside it
/// has one thread that hangs, not one more with each try.
pub async fn said_if_slow<T>(
    work: impl Future<Output = T>,
    within: Duration,
    say: impl FnOnce(ReadError),
) -> (T, bool) {
    let mut work = std::pin::pin!(work);
    match tokio::time::timeout(within, work.as_mut()).await {
        Ok(done) => (done, false),
        Err(_) => {
            say(ReadError::NoAnswer(within));
            (work.await, true)
        }
    }
}

/// Whether what has this metadata is a regular file.
///
/// # Errors
/// When it is not: what it is instead.
pub fn regular(about: &Metadata) -> Result<(), ReadError> {
    if about.is_file() {
        Ok(())
    } else {
        Err(ReadError::NotAFile(kind(about.file_type())))
    }
}

fn kind(kind: FileType) -> &'static str {
    match kind {
        kind if kind.is_dir() => "a directory",
        kind if kind.is_fifo() => "a named pipe",
        kind if kind.is_socket() => "a socket",
        kind if kind.is_char_device() || kind.is_block_device() => "a device",
        kind if kind.is_symlink() => "a symbolic link",
        _ => "something else",
    }
}

// === impl ReadError ===

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Refused(error.to_string().into())
    }
}
