//! Fee rates, by how soon a transaction should confirm.

use std::collections::BTreeMap;

use bitcoin::FeeRate;

use crate::SourceError;
use crate::source::Source;

/// Estimated fee rates by confirmation target, in blocks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeeEstimates {
    by_target: BTreeMap<u16, FeeRate>,
}

/// The largest target, in blocks, that counts as soon.
const SOON: u16 = 6;

impl FeeEstimates {
    /// From pairs of target (blocks) and rate.
    pub fn new(rates: impl IntoIterator<Item = (u16, FeeRate)>) -> Self {
        Self { by_target: rates.into_iter().collect() }
    }

    /// The rate to confirm within `blocks`: that of the largest known target not above it, of the smallest known target
    /// otherwise. `None` without estimates (a fresh regtest node).
    pub fn within(&self, blocks: u16) -> Option<FeeRate> {
        let at_most = self.by_target.range(..=blocks).next_back();
        at_most.or_else(|| self.by_target.iter().next()).map(|(_, rate)| *rate)
    }

    /// All targets and rates, soonest first.
    pub fn iter(&self) -> impl Iterator<Item = (u16, FeeRate)> + '_ {
        self.by_target.iter().map(|(target, rate)| (*target, *rate))
    }

    /// True if there are no estimates.
    pub fn is_empty(&self) -> bool {
        self.by_target.is_empty()
    }

    /// True if there is an estimate for one of the next blocks, and not only for later ones.
    pub fn has_soon(&self) -> bool {
        self.by_target.range(..=SOON).next().is_some()
    }

    /// The highest rate of all targets.
    pub(crate) fn highest(&self) -> Option<FeeRate> {
        self.by_target.values().max().copied()
    }

    /// The same, none above `cap`, and none for the next blocks below `floor` (in so far as the cap allows).
    pub(crate) fn bounded(&self, floor: Option<FeeRate>, cap: Option<FeeRate>) -> Self {
        self.map(|target, rate| {
            let floor = floor.filter(|_| target <= SOON).unwrap_or(FeeRate::ZERO);
            rate.max(floor).min(cap.unwrap_or(FeeRate::MAX))
        })
    }

    /// The same, each rate at most `ratio` times that of `last` for its target.
    #[must_use]
    pub fn at_most_times(&self, last: &Self, ratio: u64) -> Self {
        self.map(|target, rate| match last.within(target) {
            Some(known) => rate.min(FeeRate::from_sat_per_kwu(known.to_sat_per_kwu().saturating_mul(ratio))),
            None => rate,
        })
    }

    fn map(&self, change: impl Fn(u16, FeeRate) -> FeeRate) -> Self {
        Self::new(self.iter().map(|(target, rate)| (target, change(target, rate))))
    }
}

/// Maximum plausible rate, in sat/vB: anything above is a mistake or an attempt to make the wallet overpay.
const MAX_RATE: f64 = 10_000.0;
/// Targets to request, in blocks, where only block-dn's own endpoint is there.
const TARGETS: [u16; 5] = [2, 6, 12, 144, 1008];

/// A rate from sat/vB; `None` for an implausible one.
fn rate(sat_per_vb: f64) -> Option<FeeRate> {
    if !(sat_per_vb > 0.0 && sat_per_vb <= MAX_RATE) {
        return None;
    }
    // One vbyte is four weight units: sat/vB * 250 = sat/kWU. The range was checked, so nothing is cut off.
    let per_kwu = (sat_per_vb * 250.0).ceil() as u64;
    Some(FeeRate::from_sat_per_kwu(per_kwu))
}

/// Response to block-dn's `GET /fees/estimate/<blocks>`.
#[derive(serde::Deserialize)]
struct BlockDnRate {
    fee_sat_per_kvbyte: i64,
}

/// One source's estimates: Esplora's endpoint, else block-dn's.
pub(crate) async fn from_source(source: &Source) -> Result<FeeEstimates, SourceError> {
    match source.json::<BTreeMap<String, f64>>("/fee-estimates").await {
        Ok(raw) => {
            let pairs = raw.iter().filter_map(|(t, r)| Some((t.parse().ok()?, rate(*r)?)));
            Ok(FeeEstimates::new(pairs))
        }
        // A plain block-dn server has only its own endpoint.
        Err(SourceError::Status { status: 404, .. }) => from_block_dn(source).await,
        Err(e) => Err(e),
    }
}

async fn from_block_dn(source: &Source) -> Result<FeeEstimates, SourceError> {
    let mut out = BTreeMap::new();
    for target in TARGETS {
        let response: BlockDnRate = source.json(&format!("/fees/estimate/{target}")).await?;
        if let Some(rate) = rate(response.fee_sat_per_kvbyte as f64 / 1000.0) {
            out.insert(target, rate);
        }
    }
    Ok(FeeEstimates { by_target: out })
}

/// Combines estimates, each with its operator: for each target the middle one of the operators', of two the lower. A rate
/// that is too high is money burnt; one that is too low is raised with every replacement.
pub(crate) fn combine<'a>(all: impl IntoIterator<Item = (&'a str, FeeEstimates)>) -> FeeEstimates {
    let mut operators: BTreeMap<&str, Vec<FeeEstimates>> = BTreeMap::new();
    for (operator, estimates) in all {
        operators.entry(operator).or_default().push(estimates);
    }
    let of_one = operators.values().map(|own| middle(own));
    middle(&of_one.filter(|estimates| !estimates.is_empty()).collect::<Vec<_>>())
}

/// For each target the median, of an even number the lower one.
fn middle(all: &[FeeEstimates]) -> FeeEstimates {
    let targets: std::collections::BTreeSet<u16> =
        all.iter().flat_map(|e| e.by_target.keys().copied()).collect();
    let middle = targets.into_iter().filter_map(|target| {
        let mut rates: Vec<FeeRate> = all.iter().filter_map(|e| e.within(target)).collect();
        rates.sort_unstable();
        rates.get(rates.len().saturating_sub(1) / 2).map(|rate| (target, *rate))
    });
    FeeEstimates { by_target: middle.collect() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn estimates(pairs: &[(u16, u64)]) -> FeeEstimates {
        FeeEstimates::new(pairs.iter().map(|(t, r)| (*t, FeeRate::from_sat_per_kwu(*r * 250))))
    }

    #[test]
    fn a_target_between_two_takes_the_sooner() {
        let known = estimates(&[(2, 30), (6, 20), (144, 2)]);
        let rate = |blocks| known.within(blocks).unwrap().to_sat_per_vb_ceil();
        assert_eq!([rate(1), rate(2), rate(5), rate(6), rate(143), rate(1000)], [30, 30, 30, 20, 20, 2]);
        assert_eq!(FeeEstimates::default().within(6), None);
    }

    #[test]
    fn nonsense_is_no_rate() {
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e9] {
            assert_eq!(rate(bad), None, "{bad}");
        }
        assert_eq!(rate(1.0).unwrap().to_sat_per_kwu(), 250);
        assert_eq!(rate(0.1).unwrap().to_sat_per_kwu(), 25);
    }

    #[test]
    fn one_false_estimate_moves_neither_two_nor_three_operators() {
        let of = |rates: &[(&'static str, u64)]| {
            combine(rates.iter().map(|(operator, rate)| (*operator, estimates(&[(6, *rate)]))))
        };
        assert_eq!(of(&[("a", 10), ("b", 9_999), ("c", 12)]), estimates(&[(6, 12)]));
        assert_eq!(of(&[("a", 10), ("b", 9_999)]), estimates(&[(6, 10)]));
        assert_eq!(
            of(&[("a", 10), ("b", 9_999), ("b", 9_998)]),
            estimates(&[(6, 10)]),
            "two of one operator"
        );
        assert!(of(&[]).is_empty());
        let silent = combine([("a", FeeEstimates::default()), ("b", estimates(&[(6, 7)]))]);
        assert_eq!(silent, estimates(&[(6, 7)]), "an operator without estimates has no say");
    }

    #[test]
    fn rates_are_bounded_by_evidence_and_by_what_was_accepted_before() {
        let rate = |sat_per_vb: u64| Some(FeeRate::from_sat_per_kwu(sat_per_vb * 250));
        let said = estimates(&[(2, 9_999), (144, 1)]);
        assert_eq!(said.bounded(None, rate(100)), estimates(&[(2, 100), (144, 1)]));
        let low = estimates(&[(2, 1), (144, 1)]);
        assert_eq!(low.bounded(rate(5), rate(100)), estimates(&[(2, 5), (144, 1)]), "only the next blocks");
        assert_eq!(said.at_most_times(&estimates(&[(2, 10)]), 4), estimates(&[(2, 40), (144, 1)]));
        assert_eq!(said.at_most_times(&FeeEstimates::default(), 4), said, "nothing to compare with");
    }
}
