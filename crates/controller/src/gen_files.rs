//! Generated files: what `cargo xtask gen` writes and `--check` compares.

mod rbac;

use anyhow::Context as _;
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
            Ok(clap_markdown::help_markdown_custom::<Cli>(&options))
        }
        Generated::Rbac => Ok(rbac::page()),
    }
}
