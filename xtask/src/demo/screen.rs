//! The terminal: a few lines redrawn in place, or one line for each change where there is none.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// How a word is coloured; what is worst comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Colour {
    Red,
    Yellow,
    Green,
}

/// Where the demo speaks.
#[derive(Debug)]
pub(super) struct Screen {
    terminal: bool,
    colours: bool,
    began: Instant,
    /// Lines that are redrawn.
    drawn: usize,
    /// What was last said of the state.
    said: String,
}

/// Of a terminal, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Size {
    columns: usize,
    rows: usize,
}

// === impl Size ===

impl Size {
    /// Of a terminal that does not say.
    const DEFAULT: Self = Self {
        columns: 80,
        rows: 24,
    };

    /// What a terminal says; one that was given no size says 0. Less than 20 by 4 is taken as that.
    fn of(columns: u16, rows: u16) -> Self {
        let or = |said: u16, default, least| match usize::from(said) {
            0 => default,
            said => said.max(least),
        };
        Self {
            columns: or(columns, Self::DEFAULT.columns, 20),
            rows: or(rows, Self::DEFAULT.rows, 4),
        }
    }
}

// === impl Screen ===

impl Screen {
    pub(super) fn new(colours: bool) -> Self {
        let terminal = std::io::stdout().is_terminal();
        let colours = colours && terminal;
        Self {
            terminal,
            colours,
            began: Instant::now(),
            drawn: 0,
            said: String::new(),
        }
    }

    /// How many rows there are to show the state in, the cursor's own left out.
    pub(super) fn rows(&self) -> usize {
        size().rows - 1
    }

    /// How long the demo runs.
    pub(super) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Says something that stays.
    pub(super) fn say(&mut self, text: &str) {
        let time = self.elapsed().as_secs_f64();
        self.print(&[], &[format!("{time:>6.1} s  {text}")]);
    }

    /// Shows the state: on a terminal by `lines` in place, else by `summary` when it is another one
    /// than the last.
    pub(super) fn show(&mut self, lines: &[String], summary: &str) {
        if self.terminal {
            // A line that wraps would be two, and the next drawing would begin at the wrong one; so it
            // would where there are more lines than rows, the cursor's own among them.
            let Size { columns, rows } = size();
            let above = lines.len().saturating_sub(rows - 1);
            let lines = lines[above..].iter().map(|line| fit(line, columns));
            let lines: Vec<_> = lines.collect();
            self.print(&lines, &[]);
        } else if self.said != summary {
            summary.clone_into(&mut self.said);
            self.say(summary);
        }
    }

    /// Takes the redrawn lines away.
    pub(super) fn clear(&mut self) {
        self.print(&[], &[]);
    }

    /// A coloured word where there are colours.
    pub(super) fn paint(&self, colour: Colour, word: &str) -> String {
        let code = match colour {
            Colour::Green => 32,
            Colour::Yellow => 33,
            Colour::Red => 31,
        };
        if self.colours {
            format!("\x1b[{code}m{word}\x1b[0m")
        } else {
            word.to_owned()
        }
    }

    /// Takes the redrawn lines away, prints those that stay, and draws the new ones.
    fn print(&mut self, redrawn: &[String], stay: &[String]) {
        let mut text = String::new();
        if self.drawn > 0 {
            text.push_str(&format!("\x1b[{}A\x1b[J", self.drawn));
        }
        for line in stay.iter().chain(redrawn) {
            text.push_str(line);
            text.push('\n');
        }
        self.drawn = redrawn.len();
        let mut out = std::io::stdout().lock();
        // Nobody reads any more: the demo goes on to its end.
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }
}

/// How large the terminal is now.
fn size() -> Size {
    rustix::termios::tcgetwinsize(std::io::stdout())
        .map_or(Size::DEFAULT, |size| Size::of(size.ws_col, size.ws_row))
}

/// The line, cut so that it fits. Painted lines are those of a table, which is narrow.
fn fit(line: &str, columns: usize) -> String {
    if line.contains('\x1b') || line.chars().count() < columns {
        return line.to_owned();
    }
    let mut cut: String = line.chars().take(columns.saturating_sub(2)).collect();
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests;
