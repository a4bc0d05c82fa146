//! Fee rates for LDK: the last estimates, clamped.

use std::sync::RwLock;

use amplet_chain::FeeEstimates;
use bitcoin::FeeRate;
use lightning::chain::chaininterface::{ConfirmationTarget, FEERATE_FLOOR_SATS_PER_KW, FeeEstimator};

/// Maximum rate believed, in sat per 1000 weight units (1000 sat/vB): a source that says more is wrong.
const CEILING: u32 = 250_000;

/// The last estimates. Before the first: 2 sat/vB for all targets.
#[derive(Default)]
pub struct Fees {
    estimates: RwLock<FeeEstimates>,
}

const BEFORE_FIRST: u32 = 500;

impl Fees {
    /// Takes new estimates.
    pub fn update(&self, estimates: FeeEstimates) {
        *self.estimates.write().unwrap_or_else(|e| e.into_inner()) = estimates;
    }

    /// Rate to confirm within `blocks`.
    pub fn within(&self, blocks: u16) -> FeeRate {
        FeeRate::from_sat_per_kwu(u64::from(self.per_kw(blocks)))
    }

    fn per_kw(&self, blocks: u16) -> u32 {
        let rate = self.estimates.read().unwrap_or_else(|e| e.into_inner()).within(blocks);
        let rate = rate.map_or(BEFORE_FIRST, |rate| u32::try_from(rate.to_sat_per_kwu()).unwrap_or(CEILING));
        rate.clamp(FEERATE_FLOOR_SATS_PER_KW, CEILING)
    }
}

impl FeeEstimator for Fees {
    fn get_est_sat_per_1000_weight(&self, target: ConfirmationTarget) -> u32 {
        use ConfirmationTarget::*;
        match target {
            // A peer-funded anchor channel below this is force-closed: never by our guess of a fee.
            MinAllowedAnchorChannelRemoteFee | MinAllowedNonAnchorChannelRemoteFee => {
                FEERATE_FLOOR_SATS_PER_KW
            }
            ChannelCloseMinimum => self.per_kw(1008),
            MaximumFeeEstimate => self.per_kw(1).saturating_mul(2).min(CEILING),
            UrgentOnChainSweep => self.per_kw(2),
            AnchorChannelFee => self.per_kw(1008),
            NonAnchorChannelFee => self.per_kw(12),
            OutputSpendingFee => self.per_kw(12),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn absurd_estimates_are_clamped() {
        let fees = Fees::default();
        assert_eq!(fees.get_est_sat_per_1000_weight(ConfirmationTarget::OutputSpendingFee), BEFORE_FIRST);
        fees.update(FeeEstimates::new([(2, FeeRate::from_sat_per_kwu(u64::MAX / 2))]));
        assert_eq!(fees.get_est_sat_per_1000_weight(ConfirmationTarget::UrgentOnChainSweep), CEILING);
        fees.update(FeeEstimates::new([(2, FeeRate::ZERO)]));
        assert_eq!(
            fees.get_est_sat_per_1000_weight(ConfirmationTarget::UrgentOnChainSweep),
            FEERATE_FLOOR_SATS_PER_KW
        );
        let floor = ConfirmationTarget::MinAllowedAnchorChannelRemoteFee;
        assert_eq!(fees.get_est_sat_per_1000_weight(floor), FEERATE_FLOOR_SATS_PER_KW);
    }
}
