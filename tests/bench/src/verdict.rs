//! What a bench found: figures for people, and ratios that are held against targets.

use serde::Serialize;
use serde_json::Value;

/// What one bench found.
#[derive(Debug, Serialize)]
pub(crate) struct Findings {
    /// The bench.
    pub(crate) name: &'static str,
    /// Heading and cells of its table.
    #[serde(skip)]
    pub(crate) table: Vec<Vec<String>>,
    /// What the columns mean, a line each.
    #[serde(skip)]
    pub(crate) notes: Vec<String>,
    /// Every figure, by name.
    pub(crate) figures: Value,
    verdicts: Vec<Verdict>,
}

/// One ratio against its target.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Verdict {
    name: &'static str,
    ratio: f64,
    #[serde(flatten)]
    target: Target,
    met: bool,
}

/// What a ratio should be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    /// So much or more.
    AtLeast(f64),
    /// So much or less.
    AtMost(f64),
}

// === impl Findings ===

impl Findings {
    /// Findings without verdicts.
    pub(crate) fn new(name: &'static str, table: Vec<Vec<String>>, figures: Value) -> Self {
        Self {
            name,
            table,
            notes: Vec::new(),
            figures,
            verdicts: Vec::new(),
        }
    }

    /// Adds a line below the table.
    pub(crate) fn note(mut self, line: String) -> Self {
        self.notes.push(line);
        self
    }

    /// Adds a ratio.
    pub(crate) fn judge(mut self, name: &'static str, ratio: f64, target: Target) -> Self {
        let met = target.is_met_by(ratio);
        self.verdicts.push(Verdict {
            name,
            ratio,
            target,
            met,
        });
        self
    }

    /// Its ratios.
    pub(crate) fn verdicts(&self) -> &[Verdict] {
        &self.verdicts
    }
}

// === impl Verdict ===

impl Verdict {
    /// Whether the target is reached.
    pub(crate) const fn is_met(&self) -> bool {
        self.met
    }

    /// `name ratio× target ok|short`; without a target where none is looked at, and without a ratio
    /// where the kernel's clock ticks saw nothing of one side.
    pub(crate) fn line(&self, smoke: bool) -> String {
        let Self {
            name,
            ratio,
            target,
            met,
        } = self;
        let ratio = match ratio.is_finite() {
            true => format!("{ratio:.2}×"),
            false => "too little to measure,".into(),
        };
        if smoke {
            return format!("{name} {ratio} no target");
        }
        let word = if *met { "ok" } else { "short" };
        format!("{name} {ratio} {target} {word}")
    }
}

// === impl Target ===

impl Target {
    fn is_met_by(self, ratio: f64) -> bool {
        match self {
            Self::AtLeast(least) => ratio >= least,
            Self::AtMost(most) => ratio <= most,
        }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtLeast(least) => write!(f, "≥{least}"),
            Self::AtMost(most) => write!(f, "≤{most}"),
        }
    }
}

#[cfg(test)]
mod tests;
