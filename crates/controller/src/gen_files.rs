//! Generated files: what `cargo xtask gen` writes and `--check` compares.

mod rbac;

use anyhow::Context as _;
use clap::{Arg, Command, CommandFactory as _};
use kubomesh_telemetry::Catalog;

use crate::args::{Cli, Generated};
use crate::metrics::Metrics;

/// The text of a generated file.
///
/// # Errors
/// When the code that it is generated from breaks a rule of its own.
pub(crate) fn generate(what: Generated) -> anyhow::Result<String> {
    match what {
        Generated::Crds => kubomesh_api::crds_yaml().context("the custom resources"),
        Generated::Metrics => {
            let catalog = Catalog::new().context("the metric catalogue")?;
            Metrics::register(&catalog)?;
            Ok(catalog.page())
        }
        Generated::Cli => {
            let options = clap_markdown::MarkdownOptions::new().show_footer(false);
            let command = with_environment(Cli::command());
            Ok(clap_markdown::help_markdown_command_custom(
                &command, &options,
            ))
        }
        Generated::Rbac => Ok(rbac::page()),
    }
}

/// The command with the environment variable of each option in its text: `--help` shows it by itself, the
/// page does not.
fn with_environment(mut command: Command) -> Command {
    for inner in command.get_subcommands_mut() {
        *inner = with_environment(std::mem::take(inner));
    }
    command.mut_args(|arg| match (variable(&arg), arg.get_help()) {
        (Some(variable), Some(help)) => {
            let help = format!("{help} (environment variable `{variable}`)");
            arg.help(help)
        }
        _ => arg,
    })
}

fn variable(arg: &Arg) -> Option<String> {
    Some(arg.get_env()?.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests;
