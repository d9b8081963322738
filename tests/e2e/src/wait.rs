//! Waiting for conditions, never for time.

use std::fmt;
use std::time::Duration;

use anyhow::{Error, Result, anyhow};
use tokio::time::{Instant, sleep, timeout_at};

/// Pause between two looks.
const STEP: Duration = Duration::from_millis(100);

/// What is waited for cannot come any more.
#[derive(Debug)]
pub(crate) struct Hopeless(pub(crate) String);

/// Looks until `look` succeeds, and hands its value back. Its last error is part of the sentence
/// when that did not happen in time; a [`Hopeless`] one ends the wait.
pub(crate) async fn until<T>(
    what: &str,
    within: Duration,
    mut look: impl AsyncFnMut() -> Result<T>,
) -> Result<T> {
    let deadline = Instant::now() + within;
    let mut last = None;
    loop {
        match timeout_at(deadline, look()).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) if error.is::<Hopeless>() => return Err(error.context(what.to_owned())),
            Ok(Err(error)) => last = Some(error),
            Err(_) => return Err(late(what, within, last)),
        }
        if Instant::now() + STEP > deadline {
            return Err(late(what, within, last));
        }
        sleep(STEP).await;
    }
}

/// Looks again and again for so long; the first error ends it.
pub(crate) async fn throughout(
    what: &str,
    this_long: Duration,
    mut look: impl AsyncFnMut() -> Result<()>,
) -> Result<()> {
    let end = Instant::now() + this_long;
    loop {
        look()
            .await
            .map_err(|error| error.context(what.to_owned()))?;
        if Instant::now() >= end {
            return Ok(());
        }
        sleep(STEP).await;
    }
}

fn late(what: &str, within: Duration, last: Option<Error>) -> Error {
    let seconds = within.as_secs_f64();
    let last = last.unwrap_or_else(|| anyhow!("it could not even be looked at"));
    last.context(format!("{what}: not within {seconds} s"))
}

impl fmt::Display for Hopeless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Hopeless {}
