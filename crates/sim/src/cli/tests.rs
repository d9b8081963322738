//! What is printed to play a story again plays it again.

use clap::Parser;
use kubomesh_sim::{Property, Story};

use super::Cli;

fn parsed(arguments: &str) -> Cli {
    Cli::try_parse_from(arguments.split(' ')).unwrap()
}

/// How many steps are played, and what breaks.
fn played(story: &Story, cli: &Cli) -> (usize, Option<Property>) {
    let end = story.play(cli.rules());
    let broken = end.violation.map(|(_, violation)| violation.property);
    (story.steps.len(), broken)
}

#[test]
fn the_printed_command_plays_the_same_story_again() {
    let whole = Story::of(1, usize::MAX);
    for (arguments, cut) in [
        ("sim", false),
        ("sim --disable verify-identity", false),
        // Events of many stories, each of which is whole.
        ("sim --disable verify-identity --events 30", false),
        ("sim --disable verify-identity --seed 1", false),
        ("sim --disable verify-identity --seed 1 --events 30", true),
        ("sim --seed 1 --events 30", true),
    ] {
        let cli = parsed(arguments);
        let story = if cut { &Story::of(1, 30) } else { &whole };
        let before = played(story, &cli);
        assert_eq!(before.1.is_some(), cli.disable.is_some(), "{arguments}");
        let printed = cli.again(1);
        let again = parsed(printed.strip_prefix("cargo xtask ").unwrap());
        assert_eq!(again.seed, Some(1), "{printed}");
        assert_eq!(played(&again.story(1), &again), before, "{printed}");
    }
}
