//! `swarm/filters`, `add` and `rm`: the live filters, and the saved ones behind them.

use crate::filter::Filter;
use crate::node::{Node, NodeIndex};
use crate::refusal::Refusal;
use crate::world::World;

/// Whether another filters call of the same node is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlap {
    /// This one is alone.
    None,
    /// Another one is: the handler may panic, and an entry may stay in the saved config that
    /// `swarm/filters` does not show, so that it is back after the next start (row 27).
    Concurrent,
}

impl World {
    /// `swarm/filters`: the live filters.
    ///
    /// # Errors
    /// Offline or not running.
    pub fn filters(&self, index: NodeIndex) -> Result<Vec<String>, Refusal> {
        let node = self.online_command(index)?;
        Ok(node.live_filters.iter().map(ToString::to_string).collect())
    }

    /// `swarm/filters/add`: live and saved. Open connections stay (row 6). Answers with the entries
    /// that were added.
    ///
    /// # Errors
    /// Bad entry, offline, not running; with an overlap the handler's panic.
    pub fn filters_add(
        &mut self,
        index: NodeIndex,
        entries: &[&str],
        overlap: Overlap,
    ) -> Result<Vec<String>, Refusal> {
        let filters = self.read_entries(index, entries)?;
        self.collide(overlap, || Refusal::message("an error occurred"))?;
        let added = distinct(entries);
        let node = self.node_mut(index);
        for filter in filters {
            if !node.live_filters.contains(&filter) {
                node.live_filters.push(filter);
            }
        }
        let old = std::mem::take(&mut node.spec.saved_filters);
        let old = old.into_iter().filter(|entry| !added.contains(entry));
        node.spec.saved_filters = added.iter().cloned().chain(old).collect();
        node.touch();
        Ok(added)
    }

    /// `swarm/filters/rm` of exact entries, or of `all`. Answers with the entries that the saved
    /// config had (row 15).
    ///
    /// # Errors
    /// Bad entry, offline, not running.
    pub fn filters_rm(
        &mut self,
        index: NodeIndex,
        entries: &[&str],
        overlap: Overlap,
    ) -> Result<Vec<String>, Refusal> {
        if matches!(entries.first(), Some(&"all" | &"*")) {
            self.online_command(index)?;
            let node = self.node_mut(index);
            node.live_filters.clear();
            node.touch();
            return Ok(std::mem::take(&mut node.spec.saved_filters));
        }
        let filters = self.read_entries(index, entries)?;
        let stays = overlap == Overlap::Concurrent && {
            let odds = self.settings.filters_stick;
            self.rng.per_mille(odds)
        };
        let node = self.node_mut(index);
        node.live_filters.retain(|filter| !filters.contains(filter));
        node.touch();
        Ok(remove_saved(node, entries, stays))
    }

    fn read_entries(&self, index: NodeIndex, entries: &[&str]) -> Result<Vec<Filter>, Refusal> {
        self.online_command(index)?;
        let filters = entries
            .iter()
            .map(|text| Filter::parse(text).map_err(Refusal::Message));
        filters.collect()
    }

    fn collide(
        &mut self,
        overlap: Overlap,
        panicked: impl FnOnce() -> Refusal,
    ) -> Result<(), Refusal> {
        let odds = self.settings.filters_stick;
        let hit = overlap == Overlap::Concurrent && self.rng.per_mille(odds);
        if hit { Err(panicked()) } else { Ok(()) }
    }
}

fn remove_saved(node: &mut Node, entries: &[&str], stays: bool) -> Vec<String> {
    let old = std::mem::take(&mut node.spec.saved_filters);
    let (removed, kept): (Vec<_>, Vec<_>) = old
        .into_iter()
        .partition(|entry| entries.contains(&entry.as_str()));
    node.spec.saved_filters = kept;
    if stays {
        node.spec.saved_filters.extend(removed.clone());
    }
    removed
}

fn distinct(entries: &[&str]) -> Vec<String> {
    let mut out: Vec<String> = Vec::with_capacity(entries.len());
    for entry in entries {
        if !out.iter().any(|known| known == entry) {
            out.push((*entry).to_owned());
        }
    }
    out
}
