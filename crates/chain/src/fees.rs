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

/// Combines several sources' estimates: for each target the median, of two the higher (a stuck channel closing costs more than a
/// fee; the maximum to be paid is limited elsewhere).
pub(crate) fn median(all: &[FeeEstimates]) -> FeeEstimates {
    let targets: std::collections::BTreeSet<u16> =
        all.iter().flat_map(|e| e.by_target.keys().copied()).collect();
    let middle = targets.into_iter().filter_map(|target| {
        let mut rates: Vec<FeeRate> = all.iter().filter_map(|e| e.within(target)).collect();
        rates.sort_unstable();
        rates.get(rates.len() / 2).map(|rate| (target, *rate))
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
    fn one_false_estimate_of_three_does_not_move_the_median() {
        let all = [estimates(&[(6, 10)]), estimates(&[(6, 9_999)]), estimates(&[(6, 12)])];
        assert_eq!(median(&all), estimates(&[(6, 12)]));
        assert_eq!(median(&all[..2]), estimates(&[(6, 9_999)]));
        assert!(median(&[]).is_empty());
    }
}
