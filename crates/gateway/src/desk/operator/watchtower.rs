//! The watchtower, as the operator sees it.

use amplet_node::TowerReport;
use serde::Serialize;

/// The watchtower, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Watchtower {
    /// Wallets of which something is kept.
    pub wallets: usize,
    /// Revoked states that are kept.
    pub states: usize,
    /// Revoked commitments that were found on the chain and are being punished.
    pub punishing: usize,
    /// Those that were punished since the start.
    pub punished: u64,
}

impl From<TowerReport> for Watchtower {
    fn from(report: TowerReport) -> Self {
        let TowerReport { wallets, states, punishing, punished } = report;
        Self { wallets, states, punishing, punished }
    }
}
