//! The command line of `sim`.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use kubomesh_sim::{Rule, Rules, Story, shrink};

use crate::console::Console;
use crate::plays::{Found, Played, Plays};
use crate::proof;

/// Events of a run without `--events`.
const EVENTS: u64 = 100_000;

/// Plays stories: modelled Kubo nodes, pods, a store of records and two controllers with the real
/// planner, under a virtual clock, with everything going wrong at random.
///
/// Without --seed half of the events come from fixed seeds and half from a fresh one, which is
/// printed. Exit code 1 when a story breaks a property: its seed, the shortest story that still
/// does, and what broke are printed.
#[derive(Debug, Parser)]
#[command(name = "sim", max_term_width = 100)]
struct Cli {
    /// Only the story of this seed
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// With --seed: cut its story after so many events, which changes nothing if it has no more.
    /// Without: begin no story after so many, and play each that began to its end
    #[arg(long, value_name = "N")]
    events: Option<u64>,
    /// Switch a rule off: a violation is to be found
    #[arg(long, value_name = "RULE")]
    disable: Option<Rule>,
    /// Print the rules that can be switched off, and what they say
    #[arg(long)]
    list_rules: bool,
    /// Switch each rule off in turn: exit code 1 unless each is found out
    #[arg(long, conflicts_with_all = ["seed", "events", "disable", "list_rules", "tell"])]
    prove: bool,
    /// Print what the controllers did in the story that broke something
    #[arg(long)]
    tell: bool,
}

/// Parses the command line, plays, and prints what was found. `fresh`: a seed that nobody used;
/// `elapsed`: the time since the start.
pub(crate) fn main(fresh: u64, elapsed: &(dyn Fn() -> Duration + Sync)) -> ExitCode {
    let cli = Cli::parse();
    let mut console = Console::new();
    if cli.list_rules {
        for rule in Rule::ALL {
            console.line(&format!("{:28} {}", rule.name(), rule.sentence()));
        }
        return ExitCode::SUCCESS;
    }
    if cli.prove {
        let all = proof::prove(elapsed, &mut console);
        return if all {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        };
    }
    let rules = cli.rules();
    let plays = match cli.seed {
        Some(seed) => Plays::one(cli.story(seed), rules),
        None => {
            // Small numbers are easier to type again.
            let fresh = 1_000_000 + fresh % 999_000_000;
            console.line(&format!("fresh seeds from {fresh} on"));
            Plays::many(fresh, cli.events.unwrap_or(EVENTS), rules)
        }
    };
    let Played {
        seeds,
        events,
        found,
    } = plays.run(elapsed, &mut console);
    if let Some(found) = &found {
        tell(&mut console, found, rules, &cli);
    }
    let violations = usize::from(found.is_some());
    let seconds = elapsed().as_secs_f64();
    console.line(&format!(
        "sim stories={seeds} events={events} violations={violations} seconds={seconds:.1}"
    ));
    if found.is_some() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// Prints the shortest story that breaks the same property.
fn tell(console: &mut Console, found: &Found, rules: Rules, cli: &Cli) {
    let Found {
        story, violation, ..
    } = found;
    console.line(&format!("seed {}: {violation}", story.seed));
    console.status("looking for the shortest story that breaks it …");
    let short: Story = shrink(story, violation.property, rules);
    let (end, tale) = short.tell(rules);
    console.line("the shortest story that was found:");
    console.line(short.to_string().trim_end());
    if cli.tell {
        console.line("what the controllers did:");
        for (at, line) in tale {
            console.line(&format!(
                "{:>10.3} s  {}",
                at.as_secs_f64(),
                line.trim_end()
            ));
        }
    }
    if let Some((_, violation)) = end.violation {
        console.line(&format!("{violation}"));
    }
    console.line(&format!("play it again: {}", cli.again(story.seed)));
}

// === impl Cli ===

impl Cli {
    fn rules(&self) -> Rules {
        self.disable.map_or(Rules::default(), Rules::without)
    }

    /// The story of a seed, cut as `--events` says.
    fn story(&self, seed: u64) -> Story {
        let most = self.events.and_then(|most| usize::try_from(most).ok());
        Story::of(seed, most.unwrap_or(usize::MAX))
    }

    /// The command that plays the story of this seed as it was played here.
    fn again(&self, seed: u64) -> String {
        let mut command = format!("cargo xtask sim --seed {seed}");
        // Of many stories each is whole, whatever `--events` says.
        if let (Some(_), Some(most)) = (self.seed, self.events) {
            command += &format!(" --events {most}");
        }
        if let Some(rule) = self.disable {
            command += &format!(" --disable {}", rule.name());
        }
        command
    }
}

#[cfg(test)]
mod tests;
