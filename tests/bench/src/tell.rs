//! What is printed.

use anyhow::Result;

use crate::verdict::Findings;

/// Says what is going on, for whoever waits.
pub(crate) fn progress(what: &str) {
    eprintln!("bench: {what}");
}

/// The table of one bench.
pub(crate) fn table(findings: &Findings) {
    println!("\n== {}", findings.name);
    for line in lines(&findings.table) {
        println!("{line}");
    }
    for note in &findings.notes {
        println!("{note}");
    }
}

/// One line a ratio; after a smoke run, how many benches ran.
pub(crate) fn last_lines(all: &[Findings], smoke: bool) {
    println!();
    for verdict in all.iter().flat_map(Findings::verdicts) {
        println!("{}", verdict.line(smoke));
    }
    if smoke {
        println!("{} passed, 0 failed, 0 skipped", all.len());
    }
}

/// Everything as one JSON value.
///
/// # Errors
/// Never with the figures that there are.
pub(crate) fn json(all: &[Findings]) -> Result<()> {
    println!("{}", serde_json::to_string_pretty(all)?);
    Ok(())
}

/// Rows as lines: first column to the left, the others to the right.
fn lines(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell: &String| cell.chars().count())
            .max()
    };
    let widths: Vec<usize> = (0..columns)
        .map(|column| width(column).unwrap_or(0))
        .collect();
    let cell = |(column, (text, width)): (usize, (&String, &usize))| match column {
        0 => format!("{text:<width$}"),
        _ => format!("{text:>width$}"),
    };
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = row.iter().zip(&widths).enumerate().map(cell).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}
