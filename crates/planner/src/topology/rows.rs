//! Values in rows: a counting sort.

/// Values, each in one of so many rows, and within a row in the order in which they came.
///
/// One pass to count and one to put away, both without a comparison. What the topology sorts by is
/// small (a place) or evenly spread (a position): no sort by comparison is as fast
/// (`cargo xtask bench topology`).
#[derive(Debug)]
pub(super) struct Rows<T> {
    /// Where each row ends in `values`; it begins where the one before ends.
    ends: Vec<u32>,
    /// Row by row.
    pub(super) values: Vec<T>,
}

// === impl Rows ===

impl<T: Copy + Default> Rows<T> {
    /// Puts `(row, value)` away; every row is below `rows`.
    pub(super) fn of(rows: usize, entries: impl Iterator<Item = (u32, T)> + Clone) -> Self {
        let mut ends = vec![0; rows];
        entries.clone().for_each(|(row, _)| ends[row as usize] += 1);
        let mut count: u32 = 0;
        for end in &mut ends {
            let start = count;
            count += *end;
            *end = start;
        }
        let mut values = vec![T::default(); count as usize];
        entries.for_each(|(row, value)| {
            let end = &mut ends[row as usize];
            values[*end as usize] = value;
            *end += 1;
        });
        Self { ends, values }
    }

    /// `(row, value)`, row by row.
    pub(super) fn entries(&self) -> impl Iterator<Item = (u32, T)> + Clone {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let rows = (0..).zip(starts.zip(&self.ends));
        rows.flat_map(|(row, (start, end))| {
            let values = &self.values[start as usize..*end as usize];
            values.iter().map(move |value| (row, *value))
        })
    }
}

#[cfg(test)]
mod tests;
