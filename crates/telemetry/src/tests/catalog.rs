//! The catalogue: all series at once, and the rules for names.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::{
    BUILD, BuildInfo, Catalog, CatalogError, Counters, Histograms, Label, buckets, metrics,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Id,
    Connect,
}

impl Verb {
    const ALL: [Self; 2] = [Self::Id, Self::Connect];

    fn label(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Connect => "connect",
        }
    }
}

const VERB: Label<Verb> = Label::new("verb", &Verb::ALL, Verb::label);
const OUTCOME: Label<&str> = Label::of_texts("outcome", &["ok", "refused"]);
const SIDE: Label<&str> = Label::of_texts("side", &["near", "far"]);

metrics! {
    /// Metrics of these tests.
    struct TestMetrics {
        /// Calls that were made,
        /// by verb and outcome.
        calls: Counters<(Label<Verb>, Label<&'static str>)> =
            counters("kubomesh_test_calls_total", (VERB, OUTCOME)),
        /// How long they took.
        durations: Histograms<Label<Verb>> =
            histograms("kubomesh_test_seconds", buckets::CALL_SECONDS, VERB),
    }
}

fn lines_of(catalog: &Catalog, name: &str) -> Vec<String> {
    let text = catalog.render().unwrap();
    text.lines()
        .filter(|line| line.starts_with(name))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_series_is_there_before_its_first_use() {
    let catalog = Catalog::new().unwrap();
    let metrics = TestMetrics::register(&catalog).unwrap();
    assert_eq!(
        lines_of(&catalog, "kubomesh_test_calls_total"),
        [
            r#"kubomesh_test_calls_total{outcome="ok",verb="connect"} 0"#,
            r#"kubomesh_test_calls_total{outcome="ok",verb="id"} 0"#,
            r#"kubomesh_test_calls_total{outcome="refused",verb="connect"} 0"#,
            r#"kubomesh_test_calls_total{outcome="refused",verb="id"} 0"#,
        ]
    );
    assert_eq!(lines_of(&catalog, "kubomesh_test_seconds_count").len(), 2);

    metrics.calls.get((Verb::Connect, "refused")).add(3);
    metrics
        .durations
        .get(Verb::Id)
        .observe_duration(Duration::from_millis(3));
    let text = catalog.render().unwrap();
    assert!(text.contains(r#"kubomesh_test_calls_total{outcome="refused",verb="connect"} 3"#));
    assert!(text.contains(r#"kubomesh_test_seconds_bucket{verb="id",le="0.005"} 1"#));
    assert!(text.contains(r#"kubomesh_test_seconds_bucket{verb="id",le="0.0025"} 0"#));
}

#[test]
fn the_doc_comment_is_the_help_text_with_its_lines_joined() {
    let catalog = Catalog::new().unwrap();
    TestMetrics::register(&catalog).unwrap();
    let help = "# HELP kubomesh_test_calls_total Calls that were made, by verb and outcome.";
    assert!(catalog.render().unwrap().lines().any(|line| line == help));
}

#[test]
fn three_labels_give_every_combination() {
    let catalog = Catalog::new().unwrap();
    let labels = (VERB, OUTCOME, SIDE);
    let gauges = catalog
        .gauges("kubomesh_test_threads", "A test.", labels)
        .unwrap();
    gauges.get((Verb::Id, "ok", "far")).set_count(7);
    let lines = lines_of(&catalog, "kubomesh_test_threads{");
    assert_eq!(lines.len(), 8);
    let set: Vec<_> = lines.iter().filter(|line| !line.ends_with(" 0")).collect();
    assert_eq!(
        set,
        [r#"kubomesh_test_threads{outcome="ok",side="far",verb="id"} 7"#]
    );
}

#[test]
#[cfg(debug_assertions)]
#[should_panic(expected = "a label's ALL lacks one of [\"lost\"]")]
fn a_value_that_all_forgot_stops_a_debug_build() {
    let catalog = Catalog::new().unwrap();
    let counters = catalog
        .counters("kubomesh_test_total", "A test.", OUTCOME)
        .unwrap();
    counters.get("lost").inc();
}

#[test]
fn names_are_held_to_the_rules() {
    let catalog = Catalog::new().unwrap();
    let counter = |name, help| {
        catalog
            .counter(name, help)
            .map(drop)
            .map_err(|e| e.to_string())
    };
    let gauge = |name| {
        catalog
            .gauge(name, "A test.")
            .map(drop)
            .map_err(|e| e.to_string())
    };
    let refused = |name: &str, why: &str| Err(format!("metric `{name}`: {why}"));

    assert_eq!(counter("kubomesh_a_total", "A test."), Ok(()));
    assert_eq!(gauge("kubomesh_a_seconds"), Ok(()));
    assert_eq!(
        gauge("links"),
        refused("links", "it does not start with kubomesh_")
    );
    let only = "counters, and only counters, end in _total";
    assert_eq!(
        counter("kubomesh_b", "A test."),
        refused("kubomesh_b", only)
    );
    assert_eq!(gauge("kubomesh_b_total"), refused("kubomesh_b_total", only));
    let unit = "it is not in a base unit: seconds, bytes, ratio";
    assert_eq!(gauge("kubomesh_age_ms"), refused("kubomesh_age_ms", unit));
    assert_eq!(
        counter("kubomesh_wait_minutes_total", "A."),
        refused("kubomesh_wait_minutes_total", unit)
    );
    let plain = "only a to z, 0 to 9 and _ are allowed";
    assert_eq!(gauge("kubomesh_A"), refused("kubomesh_A", plain));
    let sentence = "its help text is not a sentence that ends with a full stop";
    assert_eq!(
        counter("kubomesh_c_total", "how many"),
        refused("kubomesh_c_total", sentence)
    );
}

#[test]
fn a_name_is_registered_once() {
    let catalog = Catalog::new().unwrap();
    TestMetrics::register(&catalog).unwrap();
    let again = TestMetrics::register(&catalog).map(drop);
    assert_eq!(
        again,
        Err(CatalogError::Twice {
            name: "kubomesh_test_calls_total"
        })
    );
    let own = catalog.gauge("kubomesh_build_info", "A test.").map(drop);
    assert_eq!(
        own,
        Err(CatalogError::Twice {
            name: "kubomesh_build_info"
        })
    );
}

#[test]
fn present_state_is_computed_at_the_scrape() {
    let catalog = Catalog::new().unwrap();
    let age = catalog
        .gauge("kubomesh_test_age_seconds", "A test.")
        .unwrap();
    let state = Arc::new(AtomicU64::new(1));
    let seen = Arc::clone(&state);
    catalog.before_scrape(move || age.set_count(seen.load(Ordering::SeqCst)));
    assert_eq!(
        lines_of(&catalog, "kubomesh_test_age"),
        ["kubomesh_test_age_seconds 1"]
    );
    state.store(2, Ordering::SeqCst);
    assert_eq!(
        lines_of(&catalog, "kubomesh_test_age"),
        ["kubomesh_test_age_seconds 2"]
    );
}

#[test]
fn a_point_in_time_is_the_wall_clocks() {
    let catalog = Catalog::new().unwrap();
    let seen = catalog
        .gauge("kubomesh_test_seen_timestamp_seconds", "A test.")
        .unwrap();
    let now = || {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        since_epoch.as_secs_f64()
    };
    let before = now();
    seen.set_to_now();
    assert!((before..=now()).contains(&seen.get()), "{}", seen.get());
}

#[test]
fn the_build_says_what_runs() {
    let catalog = Catalog::new().unwrap();
    let (commit, rustc, version) = (BUILD.commit, BUILD.rustc, BUILD.version);
    let line = format!(
        r#"kubomesh_build_info{{commit="{commit}",rustc="{rustc}",version="{version}"}} 1"#
    );
    assert_eq!(lines_of(&catalog, "kubomesh_build_info"), [line]);
    assert_eq!(version, env!("CARGO_PKG_VERSION"));
    assert!(!commit.is_empty() && rustc.starts_with(|c: char| c.is_ascii_digit()));
}

/// The same source has the same date, wherever and whenever it is built.
#[test]
fn the_date_of_a_build() {
    let date = |epoch| BuildInfo { epoch, ..BUILD }.date();
    assert_eq!(date("1777887000").unwrap(), "2026-05-04T09:30:00Z");
    assert_eq!(date("0").unwrap(), "1970-01-01T00:00:00Z");
    for unknown in ["", "yesterday", "1.5", "99999999999999999"] {
        assert_eq!(date(unknown), None, "{unknown}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn the_process_counts_itself() {
    let catalog = Catalog::new().unwrap();
    let resident = lines_of(&catalog, "process_resident_memory_bytes").concat();
    let bytes: f64 = resident.rsplit(' ').next().unwrap().parse().unwrap();
    assert!(bytes > 0.0, "{resident}");
    let names = catalog.names();
    assert!(
        names.iter().any(|name| name == "process_cpu_seconds_total"),
        "{names:?}"
    );
}
