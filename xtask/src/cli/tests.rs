//! The command line is what the documentation says.

use clap::{CommandFactory, Parser};

use super::{Cli, Command};

#[test]
fn definition_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_has_a_help_text() {
    for command in Cli::command().get_subcommands() {
        assert!(
            command.get_about().is_some(),
            "{} says nothing",
            command.get_name()
        );
    }
}

#[test]
fn ci_is_a_flag_or_the_environment() {
    let parsed = |arguments: &[&str]| Cli::try_parse_from(arguments).unwrap().command;
    assert!(matches!(
        parsed(&["xtask", "ci", "--ci"]),
        Command::Ci { ci: true }
    ));
    assert!(Cli::try_parse_from(["xtask", "cy"]).is_err());
}
