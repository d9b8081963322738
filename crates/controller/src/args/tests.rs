//! The defaults of the flags, and how they are read and shown.

use clap::Parser as _;

use super::{Cli, Command, RunArgs};

fn run(flags: &[&str]) -> RunArgs {
    let line = ["kubomesh", "run"].iter().chain(flags);
    match Cli::try_parse_from(line).map(|cli| cli.command) {
        Ok(Command::Run(run)) => *run,
        other => panic!("{other:?}"),
    }
}

/// Every time constant, its flag's name and its default: the figures of rules.md and product.md.
#[test]
fn the_defaults_of_all_times() {
    let shown = serde_json::to_value(run(&[])).expect("it can be shown");
    let times: Vec<String> = shown
        .as_object()
        .expect("an object")
        .iter()
        .filter(|(name, _)| !NO_TIMES.contains(&name.as_str()))
        .map(|(name, value)| format!("{name} {}", value.as_str().unwrap_or_default()))
        .collect();
    insta::assert_snapshot!(times.join("\n"), @r"
    agentKeepAlive 30s
    agentKeepAliveTimeout 10s
    agentRetry 30s
    agentSilence 30s
    connectionLifetime 2m
    doubtInterval 1m
    fileSettle 5s
    leaseDuration 6s
    leaseRenewInterval 2s
    listInterval 10m
    meshCountsInterval 5s
    peerCountsInterval 1m
    probeMax 5m
    relayedBase 5m
    relayedFirst 30s
    relayedMax 1h
    restoredHold 5m
    retiredFor 24h
    retryBase 10s
    retryMax 5m
    retryRateLimited 20s
    secretInterval 30s
    steerRetryBase 1m
    steerRetryMax 30m
    stopTimeout 20s
    watchTimeout 30s
    ");
}

/// Flags that are no times.
const NO_TIMES: [&str; 11] = [
    "members",
    "stateDir",
    "listen",
    "debugListen",
    "logLevel",
    "logFormat",
    "leaseNamespace",
    "leaseName",
    "identity",
    "agentApiVersion",
    "agentApiMinVersion",
];

/// A flag takes what it shows.
#[test]
fn a_time_is_shown_as_it_is_written() {
    for text in ["500ms", "30s", "5m", "24h", "1m30s"] {
        let args = run(&["--retry-max", text]);
        assert_eq!(args.timing.retry_max.to_string(), text);
    }
}

#[test]
fn a_wrong_time_is_refused_with_the_remedy() {
    for text in ["0s", "-1s", "5", "soon", ""] {
        let flag = format!("--retry-max={text}");
        let error = Cli::try_parse_from(["kubomesh", "run", &flag]).expect_err(text);
        let said = error.to_string();
        assert!(
            said.contains("--retry-max") && said.contains("write it as 500ms, 30s"),
            "{said}"
        );
    }
}
