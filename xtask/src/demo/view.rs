//! What the demo shows: a line in words, and a table of the nodes.

use super::controller::Look;
use super::fleet::Node;
use super::pages::{MemberReport, Report};
use super::screen::{Colour, Screen};
use crate::table::Table;

/// More than this are counted, not named.
const NAMED: usize = 3;

/// The nodes, and what the controller says of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) nodes: &'a [Node],
    pub(super) look: &'a Look,
}

// === impl View ===

impl<'a> View<'a> {
    /// One line: how many, who is not well, and else the first link that waits.
    pub(super) fn summary(self) -> String {
        let Some(report) = &self.look.report else {
            return "the controller starts".to_owned();
        };
        let (reachable, peers) = (report.reachable(), self.nodes.len());
        let text = format!(
            "{reachable}/{peers} peers reachable, {} links healthy",
            report.counts
        );
        match troubled(report).or_else(|| self.waiting(1).pop()) {
            Some(trouble) => format!("{text}; {trouble}"),
            None => text,
        }
    }

    /// The table, and below it the summary: at most so many lines, at least three.
    pub(super) fn lines(self, screen: &Screen, most: usize) -> Vec<String> {
        let (rows, more) = self.rows(most);
        let mut table = Table::new(["node", "links", "address", "state"]);
        for (Node { name, rpc, .. }, MemberReport { links, state }) in &rows {
            table.row([
                name.clone(),
                links.to_string(),
                rpc.ip().to_string(),
                state.clone(),
            ]);
        }
        let mut lines = table.lines();
        for (line, (_, member)) in lines.iter_mut().skip(1).zip(&rows) {
            *line = screen.paint(colour(member), line);
        }
        if more > 0 {
            lines.push(format!("and {more} more"));
        }
        lines.push(self.summary());
        lines
    }

    /// The first few links for which nothing is done now, with the reason for each.
    pub(super) fn waiting(self, number: usize) -> Vec<String> {
        self.look
            .plan
            .as_ref()
            .map(|plan| plan.waiting(number))
            .unwrap_or_default()
    }

    /// The nodes for which there is room, and how many there are besides. Where there is none for all,
    /// those that are not well come first.
    fn rows(self, most: usize) -> (Vec<(&'a Node, &'a MemberReport)>, usize) {
        let Some(report) = &self.look.report else {
            return (Vec::new(), 0);
        };
        let known = self
            .nodes
            .iter()
            .filter_map(|node| Some((node, report.members.get(&node.name)?)));
        let mut rows: Vec<_> = known.collect();
        let all = rows.len();
        // The heading and the summary.
        if all + 2 > most {
            rows.sort_by_key(|(_, member)| colour(member));
            rows.truncate(most.saturating_sub(3).max(1));
        }
        let more = all - rows.len();
        (rows, more)
    }
}

/// Who does not answer, if anybody.
fn troubled(report: &Report) -> Option<String> {
    let unwell = || {
        report
            .members
            .iter()
            .filter(|(_, member)| !member.is_reachable())
    };
    let named = unwell()
        .take(NAMED)
        .map(|(name, member)| format!("{name} {}", member.state));
    let mut text = named.collect::<Vec<_>>().join(", ");
    if let Some(more) = unwell().count().checked_sub(NAMED).filter(|more| *more > 0) {
        text = format!("{text} and {more} more");
    }
    (!text.is_empty()).then_some(text)
}

fn colour(member: &MemberReport) -> Colour {
    match (member.is_reachable(), member.links.all_healthy()) {
        (false, _) => Colour::Red,
        (true, false) => Colour::Yellow,
        (true, true) => Colour::Green,
    }
}

#[cfg(test)]
mod tests;
