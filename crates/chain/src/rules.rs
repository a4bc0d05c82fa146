//! The header rules of each network: proof of work, difficulty, time, version.
//!
//! Sources: BIP 94 (testnet4), BIP 34/65/66 (versions), BIP 113 (median time), BIP 325 (signet). A signet block is valid only
//! with a solution of the signet's challenge, which is in the coinbase transaction: headers alone cannot show it. On signet,
//! work (which is small there) is what is checked.

use bitcoin::block::Header;
use bitcoin::consensus::Params;
use bitcoin::{BlockHash, CompactTarget, Network};

use crate::HeaderError;

/// Blocks per difficulty period.
pub(crate) const PERIOD: u32 = 2016;
/// Maximum time of a header ahead of this device's clock, in seconds.
const MAX_FUTURE: u64 = 2 * 60 * 60;
/// Maximum time of the first header of a period before its parent (BIP 94), in seconds.
const MAX_TIMEWARP: u32 = 600;
/// Number of headers that the median time is computed over (BIP 113).
const MEDIAN_SPAN: u32 = 11;

/// The headers that a new one is checked against.
pub(crate) trait Ancestors {
    /// The header at `height`, when it is known.
    fn header(&self, height: u32) -> Option<&Header>;
}

/// The rules of one network.
pub(crate) struct Rules {
    network: Network,
    params: Params,
    /// Heights from which versions below 2, 3 and 4 are refused.
    versions: [(u32, i32); 3],
}

impl Rules {
    pub(crate) fn new(network: Network) -> Self {
        let versions = match network {
            Network::Bitcoin => [(227_931, 2), (363_725, 3), (388_381, 4)],
            Network::Testnet => [(21_111, 2), (330_776, 3), (581_885, 4)],
            _ => [(1, 2), (1, 3), (1, 4)],
        };
        Self { network, params: Params::new(network), versions }
    }

    pub(crate) fn network(&self) -> Network {
        self.network
    }

    /// Checks `header` at `height` (above 0) against its ancestors in `chain`; `now` is the wall clock in seconds. Returns
    /// its hash.
    pub(crate) fn check(
        &self,
        chain: &impl Ancestors,
        height: u32,
        header: &Header,
        now: u64,
    ) -> Result<BlockHash, HeaderError> {
        let Some(parent) = height.checked_sub(1).and_then(|h| chain.header(h)) else {
            return Err(HeaderError::NotLinked { height });
        };
        if header.prev_blockhash != parent.block_hash() {
            return Err(HeaderError::NotLinked { height });
        }
        let expected = self.next_bits(chain, parent, height, header.time);
        if header.bits != expected {
            let (found, expected) = (header.bits.to_consensus(), expected.to_consensus());
            return Err(HeaderError::WrongBits { height, network: self.network, found, expected });
        }
        let hash = header.block_hash();
        if !header.target().is_met_by(hash) {
            return Err(HeaderError::NoWork { height, hash });
        }
        self.check_time(chain, parent, height, header.time, now)?;
        self.check_version(height, header)?;
        Ok(hash)
    }

    fn check_time(
        &self,
        chain: &impl Ancestors,
        parent: &Header,
        height: u32,
        time: u32,
        now: u64,
    ) -> Result<(), HeaderError> {
        if let Some(median) = median_time(chain, height)
            && time <= median
        {
            return Err(HeaderError::TooOld { height, time, median });
        }
        let first_of_period = height.is_multiple_of(PERIOD);
        if self.is_bip94() && first_of_period && time < parent.time.saturating_sub(MAX_TIMEWARP) {
            return Err(HeaderError::Timewarp { height, time, parent: parent.time });
        }
        if u64::from(time) > now.saturating_add(MAX_FUTURE) {
            return Err(HeaderError::Future { height, time, now });
        }
        Ok(())
    }

    fn check_version(&self, height: u32, header: &Header) -> Result<(), HeaderError> {
        let version = header.version.to_consensus();
        if self.versions.iter().any(|(from, minimum)| height >= *from && version < *minimum) {
            return Err(HeaderError::OldVersion { height, version });
        }
        Ok(())
    }

    /// The compact target that the header at `height` must have, by its ancestors and its own time.
    fn next_bits(&self, chain: &impl Ancestors, parent: &Header, height: u32, time: u32) -> CompactTarget {
        let limit = self.params.max_attainable_target.to_compact_lossy();
        if self.params.no_pow_retargeting {
            return limit;
        }
        if height.is_multiple_of(PERIOD) {
            return self.retarget(chain, parent, height);
        }
        if !self.params.allow_min_difficulty_blocks {
            return parent.bits;
        }
        let spacing = u32::try_from(self.params.pow_target_spacing).unwrap_or(u32::MAX);
        if time > parent.time.saturating_add(spacing.saturating_mul(2)) {
            return limit;
        }
        last_regular_bits(chain, parent, height, limit)
    }

    /// The target of a new period: that of the old one, scaled by the time it took.
    fn retarget(&self, chain: &impl Ancestors, parent: &Header, height: u32) -> CompactTarget {
        // A checkpoint starts a period, so the start of each period above it is known.
        let first = height.checked_sub(PERIOD).and_then(|h| chain.header(h)).unwrap_or(parent);
        let took = u64::from(parent.time.saturating_sub(first.time));
        let old = if self.is_bip94() { first.bits } else { parent.bits };
        CompactTarget::from_next_work_required(old, took, &self.params)
    }

    fn is_bip94(&self) -> bool {
        self.network == Network::Testnet4
    }
}

/// Bits of the newest ancestor that did not use the 20-minute exception of the test networks.
fn last_regular_bits(
    chain: &impl Ancestors,
    parent: &Header,
    height: u32,
    limit: CompactTarget,
) -> CompactTarget {
    let mut at = height.saturating_sub(1);
    let mut bits = parent.bits;
    while bits == limit && !at.is_multiple_of(PERIOD) {
        at = at.saturating_sub(1);
        match chain.header(at) {
            Some(header) => bits = header.bits,
            None => break,
        }
    }
    bits
}

/// Median of the times of the 11 headers before `height` (BIP 113), of all there are near the genesis block. `None` right above
/// a checkpoint, where they are not all known.
fn median_time(chain: &impl Ancestors, height: u32) -> Option<u32> {
    let from = height.saturating_sub(MEDIAN_SPAN);
    let mut times: Vec<u32> =
        (from..height).map(|h| chain.header(h).map(|x| x.time)).collect::<Option<_>>()?;
    times.sort_unstable();
    times.get(times.len() / 2).copied()
}

#[cfg(test)]
mod tests;
