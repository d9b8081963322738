//! Tests of the flags.

use clap::Parser as _;

use kubomesh_core::SpanText;

use super::{Args, Waits};

fn parsed(flags: &[&str]) -> Result<Args, String> {
    let args = Args::try_parse_from([&["kubomesh-agent"], flags].concat());
    let args = args.map_err(|error| error.to_string())?;
    args.check().map(|()| args)
}

/// Neither TLS nor `--insecure` is a usage error, and so is half of TLS, or both.
#[test]
fn plain_text_must_be_asked_for() {
    let refused = parsed(&[]).unwrap_err();
    assert!(refused.contains("--insecure"), "{refused}");
    assert!(parsed(&["--insecure"]).is_ok());
    let all = ["--tls-cert=c", "--tls-key=k", "--tls-ca=a"];
    assert!(parsed(&all).unwrap().files().is_some());
    for missing in 0..all.len() {
        let mut some = all.to_vec();
        some.remove(missing);
        assert!(parsed(&some).is_err(), "without {}", all[missing]);
    }
    assert!(parsed(&[all.as_slice(), &["--insecure"]].concat()).is_err());
}

/// The agent is beside its Kubo.
#[test]
fn kubo_is_on_loopback() {
    for (address, good) in [
        ("http://127.0.0.1:5001", true),
        ("http://[::1]:5001", true),
        ("http://localhost:5001", true),
        ("http://10.0.0.1:5001", false),
        ("http://kubo:5001", false),
        ("https://127.0.0.1:5001", false),
    ] {
        let flag = format!("--kubo={address}");
        assert_eq!(parsed(&["--insecure", &flag]).is_ok(), good, "{address}");
    }
}

/// Every time, and that what is said of the parts is what the flags say.
#[test]
fn the_defaults_of_all_times() {
    let args = parsed(&["--insecure"]).unwrap();
    assert_eq!(args.waits(), Waits::default());
    let shown = [
        args.heartbeat,
        args.keep_alive,
        args.keep_alive_timeout,
        args.stop_timeout,
    ];
    assert_eq!(
        shown.map(|time| time.to_string()),
        ["10s", "30s", "10s", "20s"]
    );
    let args = parsed(&["--insecure", "--heartbeat=1s", "--stop-timeout=4s"]).unwrap();
    assert_eq!(args.waits().heartbeat, std::time::Duration::from_secs(1));
    assert_eq!(SpanText(args.waits().drain).to_string(), "2s");
}
