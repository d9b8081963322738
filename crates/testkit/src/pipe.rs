//! Named pipes, for whoever must not wait for one.

use std::io;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, mknodat};

/// Makes a named pipe. No program is started for it: between its fork and its start a child would
/// hold every lock of this process.
///
/// # Errors
/// What the system says, for example that something is there.
pub fn pipe(path: &Path) -> io::Result<()> {
    let mode = Mode::RUSR | Mode::WUSR;
    mknodat(CWD, path, FileType::Fifo, mode, 0)?;
    Ok(())
}
