//! Fee rates, by how soon a transaction should confirm.

use std::collections::BTreeMap;

use bitcoin::FeeRate;

/// Estimated fee rates by confirmation target, in blocks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeeEstimates {
    by_target: BTreeMap<u16, FeeRate>,
}

impl FeeEstimates {
    /// From pairs of target (blocks) and rate.
    pub fn new(rates: impl IntoIterator<Item = (u16, FeeRate)>) -> Self {
        Self { by_target: rates.into_iter().collect() }
    }

    /// The rate to confirm within `blocks`: that of the greatest known target not above it, of the smallest known target
    /// otherwise. `None` when nothing is known (a fresh regtest node).
    pub fn within(&self, blocks: u16) -> Option<FeeRate> {
        let at_most = self.by_target.range(..=blocks).next_back();
        at_most.or_else(|| self.by_target.iter().next()).map(|(_, rate)| *rate)
    }

    /// All targets and rates, soonest first.
    pub fn iter(&self) -> impl Iterator<Item = (u16, FeeRate)> + '_ {
        self.by_target.iter().map(|(target, rate)| (*target, *rate))
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.by_target.is_empty()
    }
}
