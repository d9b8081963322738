//! The runtime of a binary, and its end.

use std::io;

/// Runs a future to its end on a runtime of its own. What is left then is dropped, and a thread that
/// hangs in a file system or a resolver is not waited for: it dies with the process.
///
/// # Errors
/// When the operating system gives no threads.
pub fn block_on<T>(work: impl Future<Output = T>) -> io::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let done = runtime.block_on(work);
    runtime.shutdown_background();
    Ok(done)
}
