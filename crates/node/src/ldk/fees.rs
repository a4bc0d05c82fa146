//! Fee rates for LDK: the last accepted estimates, kept over restarts.

use std::collections::BTreeMap;
use std::sync::{RwLock, RwLockWriteGuard};

use amplet_chain::FeeEstimates;
use amplet_storage::{Store, StoreError, get_unless_damaged};
use bitcoin::FeeRate;
use lightning::chain::chaininterface::{ConfirmationTarget, FEERATE_FLOOR_SATS_PER_KW, FeeEstimator};
use serde::{Deserialize, Serialize};

use crate::ldk::staged::names;

/// Maximum rate believed, in sat per 1000 weight units (1000 sat/vB): a source that says more is wrong.
const CEILING: u32 = 250_000;

/// Rate for all targets while nothing was ever estimated, in sat per 1000 weight units (2 sat/vB).
const BEFORE_FIRST: u32 = 500;

/// Estimates rise by at most this factor ...
const MAX_RISE: u64 = 4;
/// ... in this time, in seconds: one source that lies cannot raise them at once, and a true rise is followed.
const RISE_TIME: u64 = 10 * 60;

/// Seconds after which accepted estimates are stored again although they have hardly changed.
const STORE_EVERY: u64 = 3600;
/// A change by one part in so many is stored at once.
const STORED_CHANGE: u64 = 10;

/// The last accepted estimates.
#[derive(Default)]
pub struct Fees {
    state: RwLock<State>,
}

#[derive(Default)]
struct State {
    accepted: FeeEstimates,
    /// The estimates that a rise is measured from.
    reference: FeeEstimates,
    /// Time at which they were accepted, in seconds since the UNIX epoch.
    since: u64,
    /// What is stored, and since when.
    stored: Option<(FeeEstimates, u64)>,
}

/// The stored form.
#[derive(Serialize, Deserialize)]
struct Record {
    /// Time at which they were accepted, in seconds since the UNIX epoch.
    at: u64,
    /// Rates in sat per 1000 weight units, by confirmation target in blocks.
    rates: BTreeMap<u16, u64>,
}

impl Fees {
    /// Loads the estimates that were accepted last. They may be old: still better than none.
    ///
    /// # Errors
    /// [`StoreError`]. A record that cannot be read is as good as none.
    pub async fn open(store: &dyn Store) -> Result<Self, StoreError> {
        let Some(bytes) = get_unless_damaged(store, names::FEES).await? else { return Ok(Self::default()) };
        let record: Record = match serde_json::from_slice(&bytes) {
            Ok(record) => record,
            Err(error) => {
                log::warn!("the stored fee estimates cannot be read ({error}); new ones are awaited");
                return Ok(Self::default());
            }
        };
        let rates = record.rates.into_iter().map(|(target, rate)| (target, FeeRate::from_sat_per_kwu(rate)));
        let accepted = FeeEstimates::new(rates);
        let stored = Some((accepted.clone(), record.at));
        let state = State { reference: accepted.clone(), accepted, since: record.at, stored };
        Ok(Self { state: RwLock::new(state) })
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(|e| e.into_inner())
    }

    /// Accepts new estimates, as far as they have not risen faster than is plausible; those of a source that has just started and
    /// knows rates for later blocks only (or none) do not replace better ones. Returns the record to store, if it is time to.
    pub fn accept(&self, estimates: FeeEstimates, now_secs: u64) -> Option<Vec<u8>> {
        let mut state = self.write();
        if estimates.is_empty() || (state.accepted.has_soon() && !estimates.has_soon()) {
            return None;
        }
        // A clock that was set back says nothing about how long ago that was.
        let waited = now_secs.checked_sub(state.since).unwrap_or(RISE_TIME);
        let steps = u32::try_from(waited / RISE_TIME).unwrap_or(u32::MAX).max(1);
        let accepted = estimates.at_most_times(&state.reference, MAX_RISE.saturating_pow(steps));
        if waited >= RISE_TIME || state.reference.is_empty() {
            (state.reference, state.since) = (accepted.clone(), now_secs);
        }
        state.accepted = accepted;
        state.record(now_secs)
    }

    /// Rate to confirm within `blocks`.
    pub fn within(&self, blocks: u16) -> FeeRate {
        FeeRate::from_sat_per_kwu(u64::from(self.per_kw(blocks)))
    }

    fn per_kw(&self, blocks: u16) -> u32 {
        let rate = self.state.read().unwrap_or_else(|e| e.into_inner()).accepted.within(blocks);
        let rate = rate.map_or(BEFORE_FIRST, |rate| u32::try_from(rate.to_sat_per_kwu()).unwrap_or(CEILING));
        rate.clamp(FEERATE_FLOOR_SATS_PER_KW, CEILING)
    }
}

impl State {
    fn record(&mut self, now_secs: u64) -> Option<Vec<u8>> {
        let due = self.stored.as_ref().is_none_or(|(stored, at)| {
            now_secs.saturating_sub(*at) >= STORE_EVERY || differ(stored, &self.accepted)
        });
        if !due {
            return None;
        }
        self.stored = Some((self.accepted.clone(), now_secs));
        let rates = self.accepted.iter().map(|(target, rate)| (target, rate.to_sat_per_kwu())).collect();
        // Plain data: its serialization has no failing case.
        serde_json::to_vec(&Record { at: now_secs, rates }).ok()
    }
}

/// Returns whether some rate has changed by more than [`STORED_CHANGE`] allows.
fn differ(a: &FeeEstimates, b: &FeeEstimates) -> bool {
    let far = |target| match (a.within(target), b.within(target)) {
        (Some(a), Some(b)) => {
            let (a, b) = (a.to_sat_per_kwu(), b.to_sat_per_kwu());
            a.abs_diff(b).saturating_mul(STORED_CHANGE) > a.max(b)
        }
        (a, b) => a != b,
    };
    a.iter().chain(b.iter()).any(|(target, _)| far(target))
}

impl FeeEstimator for Fees {
    fn get_est_sat_per_1000_weight(&self, target: ConfirmationTarget) -> u32 {
        use ConfirmationTarget::*;
        match target {
            // A peer-funded anchor channel below the first two is force-closed, and one that is being closed together, whose funder would
            // pay less than the third: never by our guess of a fee. Where we pay, we ask for more (`Channels::close`).
            MinAllowedAnchorChannelRemoteFee | MinAllowedNonAnchorChannelRemoteFee | ChannelCloseMinimum => {
                FEERATE_FLOOR_SATS_PER_KW
            }
            // What a funder may set with `update_fee` before LDK counts the excess as our exposure, and closes. The funder pays that
            // fee: a generous bound costs us nothing, and our own estimates may be from before a rise.
            MaximumFeeEstimate => CEILING,
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

    fn estimates(pairs: &[(u16, u64)]) -> FeeEstimates {
        FeeEstimates::new(pairs.iter().map(|(target, rate)| (*target, FeeRate::from_sat_per_kwu(*rate))))
    }

    fn urgent(fees: &Fees) -> u32 {
        fees.get_est_sat_per_1000_weight(ConfirmationTarget::UrgentOnChainSweep)
    }

    #[test]
    fn absurd_estimates_are_clamped() {
        let fees = Fees::default();
        assert_eq!(fees.get_est_sat_per_1000_weight(ConfirmationTarget::OutputSpendingFee), BEFORE_FIRST);
        fees.accept(estimates(&[(2, u64::MAX / 2)]), 0);
        assert_eq!(urgent(&fees), CEILING);
        fees.accept(estimates(&[(2, 0)]), 0);
        assert_eq!(urgent(&fees), FEERATE_FLOOR_SATS_PER_KW);
        let floor = ConfirmationTarget::MinAllowedAnchorChannelRemoteFee;
        assert_eq!(fees.get_est_sat_per_1000_weight(floor), FEERATE_FLOOR_SATS_PER_KW);
    }

    #[test]
    fn estimates_rise_step_by_step_and_fall_at_once() {
        let (fees, start) = (Fees::default(), 1_000_000);
        fees.accept(estimates(&[(1, 2_500)]), start);
        fees.accept(estimates(&[(1, 200_000)]), start + 1);
        assert_eq!(urgent(&fees), 10_000);
        fees.accept(estimates(&[(1, 200_000)]), start + RISE_TIME - 1);
        assert_eq!(urgent(&fees), 10_000, "however often it is said");
        fees.accept(estimates(&[(1, 200_000)]), start + RISE_TIME);
        fees.accept(estimates(&[(1, 200_000)]), start + RISE_TIME + 1);
        assert_eq!(urgent(&fees), 40_000);
        fees.accept(estimates(&[(1, 3_000)]), start + RISE_TIME + 2);
        assert_eq!(urgent(&fees), 3_000);
        fees.accept(estimates(&[(1, 200_000)]), start + 10 * RISE_TIME);
        assert_eq!(urgent(&fees), 200_000, "an hour and a half without news");
    }

    /// A node that has just started.
    #[test]
    fn a_source_without_estimates_for_the_next_blocks_replaces_nothing() {
        let fees = Fees::default();
        fees.accept(estimates(&[(2, 9_000), (144, 2_000)]), 0);
        assert_eq!(fees.accept(FeeEstimates::default(), 9_999_999), None);
        assert_eq!(fees.accept(estimates(&[(144, 1_000), (1008, 500)]), 9_999_999), None);
        assert_eq!(urgent(&fees), 9_000);
    }

    #[test]
    fn a_hardly_changed_estimate_is_not_stored_again_within_the_hour() {
        let fees = Fees::default();
        assert!(fees.accept(estimates(&[(2, 9_000)]), 0).is_some());
        assert!(fees.accept(estimates(&[(2, 9_100)]), 60).is_none());
        assert!(fees.accept(estimates(&[(2, 12_000)]), 120).is_some());
        assert!(fees.accept(estimates(&[(2, 12_000)]), 120 + STORE_EVERY).is_some());
    }

    #[test]
    fn an_honest_peers_rate_is_bearable_whatever_was_estimated_here() {
        let fees = Fees::default();
        let bound = || fees.get_est_sat_per_1000_weight(ConfirmationTarget::MaximumFeeEstimate);
        for rate in [300, 50_000] {
            fees.accept(estimates(&[(1, rate)]), 0);
            assert_eq!(bound(), CEILING);
        }
    }
}
