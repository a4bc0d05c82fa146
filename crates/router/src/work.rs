//! A bound on the cost of one plan: not in time, which no pure function knows, but in looks at arcs. The same request ends at
//! the same place natively and in wasm, on fast and slow machines.

/// A work budget: the number of looks at arcs that remain, and that were taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Work {
    left: u64,
    taken: u64,
}

impl Default for Work {
    /// A budget without a bound.
    fn default() -> Self {
        Self::new(u64::MAX)
    }
}

impl Work {
    /// A budget of `limit` looks.
    #[must_use]
    pub fn new(limit: u64) -> Self {
        Self { left: limit, taken: 0 }
    }

    /// Takes `looks` from the budget.
    pub fn take(&mut self, looks: usize) {
        let looks = looks as u64;
        self.left = self.left.saturating_sub(looks);
        self.taken = self.taken.saturating_add(looks);
    }

    /// True if the work budget is exhausted.
    #[must_use]
    pub fn is_spent(&self) -> bool {
        self.left == 0
    }

    /// The number of looks taken.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.taken
    }
}
