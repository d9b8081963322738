//! Logs: text on a terminal, JSON otherwise; the filter can be changed while the process runs.

use std::io::{self, IsTerminal as _};
use std::str::FromStr;

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, Registry, reload};

/// What is logged unless somebody says otherwise: our own crates from `info`, others from `warn`.
/// kube's client says each failed request as an error, many a second in an outage; who asked says
/// it once, in words.
pub const DEFAULT_LOG_FILTER: &str = "warn,kubomesh=info,kube_client::client::builder=off";

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    #[default]
    Auto,
    /// Text; with colours only on a terminal.
    Text,
    /// One JSON object a line.
    Json,
}

/// The filter in force. Cheap to clone; every clone changes the same filter.
#[derive(Debug, Clone)]
pub struct LogLevel {
    handle: reload::Handle<Targets, Registry>,
}

/// Logging could not be set up or changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The filter is not one.
    #[error(
        "`{part}` in the log filter `{filter}` is not a level: write off, error, warn, info, debug \
         or trace, or target=level, several of them with commas between, such as \
         {DEFAULT_LOG_FILTER}"
    )]
    Filter {
        /// The whole text, shortened to 200 characters.
        filter: String,
        /// The part that is wrong.
        part: String,
    },
    /// The format is not one.
    #[error("`{0}` is not a log format: write auto, text or json")]
    Format(String),
    /// Logging was set up before in this process.
    #[error("logging is already set up in this process")]
    AlreadySet,
    /// What the handle changes does not exist any more.
    #[error("logging has ended in this process")]
    Ended,
}

/// Whether a text is a log filter.
///
/// # Errors
/// When it is not: a sentence that says what would be.
pub fn check_log_filter(filter: &str) -> Result<(), LogError> {
    parse(filter).map(drop)
}

/// Sets up logging for the whole process, to standard error.
///
/// # Errors
/// When the filter is not one, or logging was set up before.
pub fn init_logging(format: LogFormat, filter: &str) -> Result<LogLevel, LogError> {
    let terminal = io::stderr().is_terminal();
    let (subscriber, level) = subscriber(format, filter, terminal, io::stderr)?;
    subscriber.try_init().map_err(|_| LogError::AlreadySet)?;
    Ok(level)
}

/// The subscriber that [`init_logging`] installs, for any writer; `terminal` says whether it is one.
///
/// # Errors
/// When the filter is not one.
pub fn subscriber<W>(
    format: LogFormat,
    filter: &str,
    terminal: bool,
    writer: W,
) -> Result<(impl Subscriber + Send + Sync + 'static, LogLevel), LogError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let (filter, handle) = reload::Layer::new(parse(filter)?);
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    let json = match format {
        LogFormat::Auto => !terminal,
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    let lines = if json {
        lines
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .boxed()
    } else {
        lines.with_ansi(terminal).boxed()
    };
    Ok((
        Registry::default().with(filter).with(lines),
        LogLevel { handle },
    ))
}

// === impl LogLevel ===

impl LogLevel {
    /// Replaces the filter, at once and for every line from now on.
    ///
    /// # Errors
    /// When the text is not a filter; the one in force stays.
    pub fn set(&self, filter: &str) -> Result<(), LogError> {
        let filter = parse(filter)?;
        self.handle.reload(filter).map_err(|_| LogError::Ended)
    }

    /// The filter in force, as it can be given to [`LogLevel::set`].
    #[must_use]
    pub fn get(&self) -> String {
        self.handle
            .with_current(ToString::to_string)
            .unwrap_or_default()
    }
}

/// `Targets` takes any bare word for a target and would silently turn `debgu` into "all of a crate
/// of that name", so a bare word must be a level here, and a target the path of a module.
fn parse(filter: &str) -> Result<Targets, LogError> {
    let refused = |part: &str| {
        let cut = |text: &str| text.chars().take(200).collect();
        LogError::Filter {
            filter: cut(filter),
            part: cut(part),
        }
    };
    let in_path = |c: char| c.is_ascii_alphanumeric() || "_:-".contains(c);
    let is_level = |text: &str| !text.is_empty() && text.parse::<LevelFilter>().is_ok();
    let mut parts = Vec::new();
    for part in filter.split(',').map(str::trim) {
        let (target, level) = part.rsplit_once('=').unwrap_or(("any", part));
        if target.is_empty() || !target.chars().all(in_path) || !is_level(level) {
            return Err(refused(part));
        }
        parts.push(part);
    }
    parts.join(",").parse().map_err(|_| refused(filter))
}

// === impl LogFormat ===

impl FromStr for LogFormat {
    type Err = LogError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            other => Err(LogError::Format(other.chars().take(80).collect())),
        }
    }
}
