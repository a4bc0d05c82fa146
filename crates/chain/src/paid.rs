//! Fee rates that blocks paid: evidence about estimates, which no source can forge. It comes from the whole blocks that are
//! fetched anyway, and from the newest one when estimates are doubtful.

use std::collections::BTreeMap;

use bitcoin::{Amount, Block, FeeRate, Network};

/// Number of blocks below the tip whose rates count: a day.
const RECENT: u32 = 144;
/// Number of blocks after which doubtful estimates are worth another block: an hour.
const LOOK_EVERY: u32 = 6;
/// Minimum weight of a block that says something about rates: an almost empty one carries whatever its miner likes.
const MIN_WEIGHT: u64 = 1_000_000;
/// Weight from which on a block counts as full: there was competition for its space.
const FULL_WEIGHT: u64 = 3_900_000;
/// Estimates are at most so many times the highest rate that a recent block paid on average.
const MAX_RATIO: u64 = 10;
/// Estimates for the next blocks are at least this part of what the last full block paid on average.
const MIN_SHARE: u64 = 4;
/// Rate that is always believed, in sat per 1000 weight units (20 sat/vB).
const BELIEVED: u64 = 5_000;

/// The average fee rates of recent blocks.
#[derive(Default)]
pub(crate) struct PaidRates {
    by_height: BTreeMap<u32, Paid>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Paid {
    /// In sat per 1000 weight units; `None`: the block says nothing.
    rate: Option<u64>,
    full: bool,
}

impl PaidRates {
    /// Takes a block of the best chain, checked against its header.
    pub(crate) fn record(&mut self, network: Network, height: u32, block: &Block) {
        let weight = block.weight().to_wu();
        let rate = fees(network, height, block)
            .filter(|_| weight >= MIN_WEIGHT)
            .and_then(|fees| fees.to_sat().saturating_mul(1000).checked_div(weight));
        self.by_height.insert(height, Paid { rate, full: weight >= FULL_WEIGHT });
        while let Some(oldest) =
            self.by_height.first_entry().filter(|e| e.key().saturating_add(RECENT) < height)
        {
            oldest.remove();
        }
    }

    fn recent(&self, tip: u32) -> impl DoubleEndedIterator<Item = Paid> + '_ {
        self.by_height.range(tip.saturating_sub(RECENT)..=tip).map(|(_, paid)| *paid)
    }

    /// The highest rate to believe; `None` without evidence.
    pub(crate) fn cap(&self, tip: u32) -> Option<FeeRate> {
        let highest = self.recent(tip).filter_map(|paid| paid.rate).max()?;
        Some(FeeRate::from_sat_per_kwu(highest.saturating_mul(MAX_RATIO).max(BELIEVED)))
    }

    /// The lowest rate for the next blocks that is worth trying; `None` without evidence of competition.
    pub(crate) fn floor(&self, tip: u32) -> Option<FeeRate> {
        let last = self.recent(tip).rfind(|paid| paid.rate.is_some())?;
        last.rate.filter(|_| last.full).map(|rate| FeeRate::from_sat_per_kwu(rate / MIN_SHARE))
    }

    /// Returns whether the newest block should be fetched to learn if rates can be as high as this.
    pub(crate) fn is_doubtful(&self, highest: FeeRate, tip: u32) -> bool {
        let looked = self.by_height.last_key_value().map(|(height, _)| *height);
        let lately = looked.is_some_and(|height| height.saturating_add(LOOK_EVERY) > tip);
        let cap = self.cap(tip).unwrap_or(FeeRate::from_sat_per_kwu(BELIEVED));
        highest > cap && !lately
    }
}

/// The fees that a block's transactions paid: what its coinbase takes beyond the subsidy. `None`: it takes less.
fn fees(network: Network, height: u32, block: &Block) -> Option<Amount> {
    let outputs = &block.txdata.first()?.output;
    let taken = outputs.iter().try_fold(Amount::ZERO, |sum, output| sum.checked_add(output.value))?;
    taken.checked_sub(subsidy(network, height))
}

fn subsidy(network: Network, height: u32) -> Amount {
    let interval = match network {
        Network::Regtest => 150,
        _ => bitcoin::constants::SUBSIDY_HALVING_INTERVAL,
    };
    let first = Amount::from_int_btc(50).to_sat();
    Amount::from_sat(first.checked_shr(height / interval).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use bitcoin::blockdata::constants::genesis_block;
    use bitcoin::{ScriptBuf, TxOut};

    /// A block of about this weight whose miner took this much beyond the subsidy.
    fn block(weight: usize, fees_sat: u64, height: u32) -> Block {
        let mut block = genesis_block(Network::Bitcoin);
        let coinbase = block.txdata.first_mut().unwrap();
        let value = subsidy(Network::Bitcoin, height) + Amount::from_sat(fees_sat);
        coinbase.output = vec![
            TxOut { value, script_pubkey: ScriptBuf::new() },
            TxOut { value: Amount::ZERO, script_pubkey: ScriptBuf::from_bytes(vec![0x6a; weight / 4]) },
        ];
        block
    }

    fn per_vb(rate: Option<FeeRate>) -> Option<u64> {
        rate.map(FeeRate::to_sat_per_vb_ceil)
    }

    #[test]
    fn estimates_are_bounded_by_what_blocks_paid() {
        let (tip, mut paid) = (840_100, PaidRates::default());
        assert_eq!(paid.cap(tip), None);
        // 12 sat/vB over a full block of 1,000,000 vB.
        paid.record(Network::Bitcoin, tip, &block(4_000_000, 12_000_000, tip));
        assert_eq!((per_vb(paid.cap(tip)), per_vb(paid.floor(tip))), (Some(120), Some(3)));
        assert_eq!(per_vb(paid.cap(tip + RECENT)), Some(120));
        assert_eq!(paid.cap(tip + RECENT + 1), None, "a day later it says nothing");
    }

    #[test]
    fn quiet_blocks_forbid_no_ordinary_rate_and_empty_ones_say_nothing() {
        let (tip, mut paid) = (800_000, PaidRates::default());
        paid.record(Network::Bitcoin, tip - 2, &block(10_000, 50_000_000, tip - 2));
        assert_eq!((paid.cap(tip), paid.floor(tip)), (None, None));
        paid.record(Network::Bitcoin, tip - 1, &block(2_000_000, 500_000, tip - 1));
        assert_eq!((per_vb(paid.cap(tip)), paid.floor(tip)), (Some(20), None), "not full: no floor");
    }

    #[test]
    fn doubt_is_worth_one_block_an_hour() {
        let (tip, mut paid) = (800_000, PaidRates::default());
        let rate = |sat_per_vb: u64| FeeRate::from_sat_per_kwu(sat_per_vb * 250);
        assert!(!paid.is_doubtful(rate(20), tip));
        assert!(paid.is_doubtful(rate(21), tip));
        paid.record(Network::Bitcoin, tip, &block(4_000_000, 5_000_000, tip));
        assert!(!paid.is_doubtful(rate(9_999), tip + 5), "just looked");
        assert!(paid.is_doubtful(rate(9_999), tip + 6));
        assert!(!paid.is_doubtful(rate(49), tip + 6), "what the block bears out is not doubted");
    }

    #[test]
    fn the_subsidy_halves() {
        let at = |height| subsidy(Network::Bitcoin, height).to_sat();
        assert_eq!([at(0), at(209_999), at(840_000)], [5_000_000_000, 5_000_000_000, 312_500_000]);
        assert_eq!(at(u32::MAX), 0);
        assert_eq!(subsidy(Network::Regtest, 150).to_sat(), 2_500_000_000);
    }
}
