//! The defaults are those that the manifests rely on.

use clap::{CommandFactory as _, Parser as _};
use std::time::Duration;

use super::Args;

#[test]
fn the_command_is_well_formed() {
    Args::command().debug_assert();
}

#[test]
fn every_flag_has_a_variable() {
    for flag in Args::command().get_arguments() {
        // Those that print something and end are for a person, or for `cargo xtask gen`.
        if !["help", "version", "metrics_page"].contains(&flag.get_id().as_str()) {
            assert!(flag.get_env().is_some(), "{}", flag.get_id());
        }
    }
}

#[test]
fn times_and_paths_are_as_documented() {
    let args = Args::parse_from(["kubomesh-webhook"]);
    assert_eq!(args.listen.to_string(), "[::]:9443");
    assert_eq!(args.health_listen.port(), 8080);
    let tls = args.tls;
    assert_eq!(
        tls.tls_cert_file.to_str(),
        Some("/etc/kubomesh-webhook/tls/tls.crt")
    );
    assert_eq!(tls.reload_interval.0, Duration::from_secs(5));
    assert_eq!(tls.certificate_lifetime.0, Duration::from_hours(2_160));
    assert_eq!(tls.certificate_settle.0, Duration::from_secs(30));
    assert!(!tls.self_signed);
}
