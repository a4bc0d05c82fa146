//! A bound on what one plan costs: not in time, which no pure function knows, but in looks at arcs. The same request ends at
//! the same place natively and in wasm, however long the machine takes.

/// Looks at arcs that are left, and that were taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Work {
    left: u64,
    taken: u64,
}

impl Default for Work {
    /// Without a bound.
    fn default() -> Self {
        Self::new(u64::MAX)
    }
}

impl Work {
    /// At most so many.
    #[must_use]
    pub fn new(limit: u64) -> Self {
        Self { left: limit, taken: 0 }
    }

    /// Takes some.
    pub fn take(&mut self, looks: usize) {
        let looks = looks as u64;
        self.left = self.left.saturating_sub(looks);
        self.taken = self.taken.saturating_add(looks);
    }

    /// Whether nothing is left: whoever works comes to an end.
    #[must_use]
    pub fn is_spent(&self) -> bool {
        self.left == 0
    }

    /// How many were taken.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.taken
    }
}
