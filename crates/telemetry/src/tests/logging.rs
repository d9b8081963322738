//! Logs and their filter.

use std::io;
use std::sync::{Arc, Mutex};

use tracing::subscriber::with_default;
use tracing_subscriber::fmt::MakeWriter;

use crate::{DEFAULT_LOG_FILTER, LogError, LogFormat, LogLevel, subscriber};

#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl io::Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .map_err(|_| io::Error::other("poisoned"))?
            .write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Page {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

fn logged(format: LogFormat, terminal: bool, story: impl FnOnce(&LogLevel)) -> String {
    let page = Page::default();
    let (subscriber, level) =
        subscriber(format, DEFAULT_LOG_FILTER, terminal, page.clone()).unwrap();
    with_default(subscriber, || story(&level));
    let bytes = page.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

fn hello(_: &LogLevel) {
    tracing::info!(target: "kubomesh_test", mesh = "ipfs/main", "hello");
}

#[test]
fn text_on_a_terminal_json_otherwise() {
    let json = logged(LogFormat::Auto, false, hello);
    let line: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(line["message"], "hello");
    assert_eq!(line["mesh"], "ipfs/main");
    assert_eq!(line["level"], "INFO");

    let text = logged(LogFormat::Auto, true, hello);
    assert!(
        text.contains("hello") && text.contains('\u{1b}'),
        "{text:?}"
    );
}

#[test]
fn colours_only_on_a_terminal() {
    let text = logged(LogFormat::Text, false, hello);
    assert!(text.contains("hello mesh=\"ipfs/main\""), "{text:?}");
    assert!(!text.contains('\u{1b}'), "{text:?}");
    assert!(!logged(LogFormat::Json, true, hello).contains('\u{1b}'));
}

#[test]
fn the_default_is_our_info_and_the_others_warnings() {
    let text = logged(LogFormat::Text, false, |_| {
        tracing::debug!(target: "kubomesh_planner", "our debug");
        tracing::info!(target: "kubomesh_planner", "our info");
        tracing::info!(target: "kube_client", "their info");
        tracing::warn!(target: "kube_client", "their warning");
    });
    assert!(text.contains("our info") && text.contains("their warning"));
    assert!(!text.contains("our debug") && !text.contains("their info"));
}

#[test]
fn the_filter_changes_live_and_can_be_read_back() {
    let text = logged(LogFormat::Text, false, |level| {
        tracing::debug!(target: "kubomesh_conn", "before");
        level.set("error, kubomesh_conn=debug").unwrap();
        tracing::debug!(target: "kubomesh_conn", "after");
        tracing::info!(target: "kubomesh_planner", "hushed");
        let shown = level.get();
        level.set(&shown).unwrap();
        assert_eq!(level.get(), shown);
        tracing::debug!(target: "kubomesh_conn", "still");
    });
    assert!(!text.contains("before") && text.contains("after") && text.contains("still"));
    assert!(!text.contains("hushed"));
}

#[test]
fn a_wrong_filter_is_refused_by_name_and_changes_nothing() {
    logged(LogFormat::Text, false, |level| {
        let before = level.get();
        let refused = |filter: &str| level.set(filter).unwrap_err();
        assert_eq!(
            refused("debgu").to_string(),
            "`debgu` in the log filter `debgu` is not a level: write off, error, warn, info, debug \
             or trace, or target=level, several of them with commas between, such as \
             warn,kubomesh=info,kube_client::client::builder=off"
        );
        let part = |filter: &str| match refused(filter) {
            LogError::Filter { part, .. } => part,
            other => panic!("{other}"),
        };
        assert_eq!(part("info,kubomesh=loud"), "kubomesh=loud");
        assert_eq!(part("info,"), "");
        assert_eq!(part(""), "");
        assert_eq!(part("=debug"), "=debug");
        assert_eq!(part("kubomesh="), "kubomesh=");
        assert_eq!(part("kubomesh[pass]=debug"), "kubomesh[pass]=debug");
        assert_eq!(part(&"x".repeat(10_000)).len(), 200);
        assert_eq!(level.get(), before);
    });
}

#[test]
fn the_handle_says_when_logging_has_ended() {
    let (subscriber, level) = subscriber(LogFormat::Json, "info", false, io::sink).unwrap();
    drop(subscriber);
    assert_eq!(level.set("debug"), Err(LogError::Ended));
    assert_eq!(level.get(), "");
}

#[test]
fn a_format_is_one_of_three() {
    assert_eq!("json".parse(), Ok(LogFormat::Json));
    let error = "yaml".parse::<LogFormat>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "`yaml` is not a log format: write auto, text or json"
    );
}
