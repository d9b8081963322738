//! The generated pages.

use super::generate;
use crate::args::{Cli, Generated};
use clap::CommandFactory as _;

#[test]
fn every_option_of_the_page_has_its_environment_variable() {
    let page = generate(Generated::Cli).expect("a page");
    let cli = Cli::command();
    let run = cli.find_subcommand("run").expect("a command");
    // Those for tests are hidden, and set by hand.
    for option in run.get_arguments().filter(|option| !option.is_hide_set()) {
        let name = option.get_long().expect("no flag is short only");
        let upper = name.replace('-', "_").to_uppercase();
        let line = page
            .lines()
            .find(|line| line.starts_with(&format!("* `--{name} ")))
            .expect(name);
        let ending = format!("(environment variable `KUBOMESH_{upper}`)");
        assert!(line.ends_with(&ending), "{line}");
    }
}
