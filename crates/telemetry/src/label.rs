//! Labels with a closed set of values: every series exists before its first use.

/// A label's name and all its values.
///
/// ```
/// # use kubomesh_telemetry::Label;
/// #[derive(Clone, Copy)]
/// enum Side { Left, Right }
/// let side = Label::new("side", &[Side::Left, Side::Right], |side| match side {
///     Side::Left => "left",
///     Side::Right => "right",
/// });
/// ```
#[derive(Debug)]
pub struct Label<K: 'static> {
    name: &'static str,
    all: &'static [K],
    text: fn(K) -> &'static str,
}

/// The labels of a family: none `()`, one [`Label`], or a tuple of two or three.
pub trait LabelSet: Clone + Send + Sync + 'static {
    /// What names one series.
    type Key: Copy;

    /// Name and values of each label, in order.
    fn dimensions(&self) -> Vec<(&'static str, Vec<&'static str>)>;

    /// Every combination.
    fn keys(&self) -> Vec<Self::Key>;

    /// The values of one combination, in the order of [`LabelSet::dimensions`].
    fn values(&self, key: Self::Key) -> Vec<&'static str>;
}

// === impl Label ===

impl<K: Copy> Label<K> {
    /// A label whose values are the texts of all values of a type: `Label::new("state",
    /// &LinkState::ALL, LinkState::label)`.
    #[must_use]
    pub const fn new(name: &'static str, all: &'static [K], text: fn(K) -> &'static str) -> Self {
        Self { name, all, text }
    }
}

impl Label<&'static str> {
    /// A label whose values are given as text.
    #[must_use]
    pub const fn of_texts(name: &'static str, all: &'static [&'static str]) -> Self {
        Self {
            name,
            all,
            text: |text| text,
        }
    }
}

impl<K> Clone for Label<K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for Label<K> {}

// === impl LabelSet ===

impl LabelSet for () {
    type Key = ();

    fn dimensions(&self) -> Vec<(&'static str, Vec<&'static str>)> {
        Vec::new()
    }

    fn keys(&self) -> Vec<()> {
        vec![()]
    }

    fn values(&self, (): ()) -> Vec<&'static str> {
        Vec::new()
    }
}

impl<K: Copy + Send + Sync + 'static> LabelSet for Label<K> {
    type Key = K;

    fn dimensions(&self) -> Vec<(&'static str, Vec<&'static str>)> {
        vec![(
            self.name,
            self.all.iter().map(|key| (self.text)(*key)).collect(),
        )]
    }

    fn keys(&self) -> Vec<K> {
        self.all.to_vec()
    }

    fn values(&self, key: K) -> Vec<&'static str> {
        vec![(self.text)(key)]
    }
}

impl<A: LabelSet, B: LabelSet> LabelSet for (A, B) {
    type Key = (A::Key, B::Key);

    fn dimensions(&self) -> Vec<(&'static str, Vec<&'static str>)> {
        [self.0.dimensions(), self.1.dimensions()].concat()
    }

    fn keys(&self) -> Vec<Self::Key> {
        let seconds = self.1.keys();
        let pairs = |first| seconds.iter().map(move |second| (first, *second));
        self.0.keys().into_iter().flat_map(pairs).collect()
    }

    fn values(&self, (first, second): Self::Key) -> Vec<&'static str> {
        [self.0.values(first), self.1.values(second)].concat()
    }
}

impl<A: LabelSet, B: LabelSet, C: LabelSet> LabelSet for (A, B, C) {
    type Key = (A::Key, B::Key, C::Key);

    fn dimensions(&self) -> Vec<(&'static str, Vec<&'static str>)> {
        [
            self.0.dimensions(),
            self.1.dimensions(),
            self.2.dimensions(),
        ]
        .concat()
    }

    fn keys(&self) -> Vec<Self::Key> {
        let rest = (self.1.clone(), self.2.clone()).keys();
        let triples = |a| rest.iter().map(move |(b, c)| (a, *b, *c));
        self.0.keys().into_iter().flat_map(triples).collect()
    }

    fn values(&self, (a, b, c): Self::Key) -> Vec<&'static str> {
        [self.0.values(a), self.1.values(b), self.2.values(c)].concat()
    }
}
