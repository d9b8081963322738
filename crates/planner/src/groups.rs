//! Which nodes hang together: disjoint sets.

/// Which nodes hang together.
pub(crate) struct Groups(Vec<usize>);

// === impl Groups ===

impl Groups {
    /// Each node alone.
    pub(crate) fn new(nodes: usize) -> Self {
        Self((0..nodes).collect())
    }

    /// The node that stands for all that hang together with this one.
    pub(crate) fn find(&mut self, mut node: usize) -> usize {
        while self.0[node] != node {
            self.0[node] = self.0[self.0[node]];
            node = self.0[node];
        }
        node
    }

    /// They hang together.
    pub(crate) fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.find(one), self.find(other));
        self.0[one] = other;
    }
}
