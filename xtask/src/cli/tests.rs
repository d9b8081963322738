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
fn ci_reads_the_usual_spellings() {
    for (arguments, expected) in [
        (vec!["xtask", "ci", "--ci"], true),
        (vec!["xtask", "test", "--fast"], false),
    ] {
        let cli = Cli::try_parse_from(arguments).unwrap();
        match cli.command {
            Command::Ci { ci } => assert_eq!(ci, expected),
            Command::Test { fast } => assert!(fast),
            other => panic!("{other:?}"),
        }
    }
}
