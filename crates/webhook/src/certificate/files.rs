//! The certificate in two mounted files. A volume of a Secret is replaced by moving a link, which no
//! watch on the files themselves sees: they are read again and compared by content.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kubomesh_process::{CancellationToken, read_file_within};

use super::Intake;

/// Bytes of a file that are read at most.
const MOST: u64 = 256 * 1024;

/// How long a read may take.
const DEADLINE: Duration = Duration::from_secs(5);

/// Offers the two files' content, at once and then at each interval, until the stop.
pub(crate) async fn follow(
    mut intake: Intake,
    cert: PathBuf,
    key: PathBuf,
    interval: Duration,
    stop: CancellationToken,
) {
    let following = async {
        loop {
            intake.offer(read(&cert, &key).await);
            tokio::time::sleep(interval).await;
        }
    };
    stop.run_until_cancelled(following).await;
}

async fn read(cert: &Path, key: &Path) -> Result<(Vec<u8>, Vec<u8>), String> {
    Ok((
        one("--tls-cert-file", cert).await?,
        one("--tls-key-file", key).await?,
    ))
}

async fn one(flag: &str, path: &Path) -> Result<Vec<u8>, String> {
    let read = read_file_within(path.to_owned(), MOST, DEADLINE).await;
    read.map_err(|error| format!("{flag}={}: {error}", path.display()))
}
