//! Lines on standard output, and one that changes on a terminal.

use std::io::{IsTerminal, Write};

/// Where the program prints.
pub(crate) struct Console {
    terminal: bool,
    status: bool,
}

impl Console {
    pub(crate) fn new() -> Self {
        Self {
            terminal: std::io::stderr().is_terminal(),
            status: false,
        }
    }

    /// Prints a line. A reader that went away is nobody's fault.
    pub(crate) fn line(&mut self, text: &str) {
        self.clear();
        let _ = writeln!(std::io::stdout().lock(), "{text}");
    }

    /// Shows how it goes, on a terminal only.
    pub(crate) fn status(&mut self, text: &str) {
        if self.terminal {
            self.clear();
            let _ = write!(std::io::stderr().lock(), "{text}");
            let _ = std::io::stderr().flush();
            self.status = true;
        }
    }

    fn clear(&mut self) {
        if std::mem::take(&mut self.status) {
            let _ = write!(std::io::stderr().lock(), "\r\x1b[2K");
        }
    }
}
