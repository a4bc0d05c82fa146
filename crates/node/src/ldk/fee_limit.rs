//! Limits on what fees may take of the money that they bring home. LDK itself lets a justice transaction or an HTLC claim that
//! pays for itself take half of its value at most; here are the two that it leaves unlimited: sweeps, and bumps paid from savings.

use bitcoin::absolute::LockTime;
use bitcoin::secp256k1::{All, Secp256k1};
use bitcoin::{Amount, ScriptBuf, TxOut};
use lightning::chain::chaininterface::FEERATE_FLOOR_SATS_PER_KW;
use lightning::events::bump_transaction::BumpTransactionEvent;
use lightning::sign::SpendableOutputDescriptor;

/// A sweep takes a quarter at most: nothing presses, it waits until fees have fallen.
const SWEEP_SHARE: u64 = 4;
/// A bump takes half at most, as LDK's own claims.
const BUMP_SHARE: u64 = 2;

/// Weight of an HTLC's transaction input and output (BOLT 3: 706 for a success transaction with anchors).
pub const HTLC_WEIGHT: u64 = 706;
/// Weight of what the wallet adds: a coin or two, and change.
const COINS_WEIGHT: u64 = 700;

/// The rate, lowered where the fee for `weight` would take more than one part in `share` of `value_sat`. In sat per 1000 weight
/// units, never below what is relayed.
fn limited(rate: u32, value_sat: u64, weight: u64, share: u64) -> u32 {
    let most = (value_sat / share).saturating_mul(1000).checked_div(weight).unwrap_or(u64::MAX);
    rate.min(u32::try_from(most).unwrap_or(u32::MAX)).max(FEERATE_FLOOR_SATS_PER_KW)
}

/// Rate for a sweep of these outputs, in sat per 1000 weight units.
///
/// # Errors
/// LDK's: the outputs cannot pay the lowest fee.
pub fn sweep_rate(
    rate: u32,
    descriptors: &[&SpendableOutputDescriptor],
    outputs: Vec<TxOut>,
    change: ScriptBuf,
    locktime: Option<LockTime>,
    secp: &Secp256k1<All>,
) -> Result<u32, ()> {
    let (psbt, weight) = SpendableOutputDescriptor::create_spendable_outputs_psbt(
        secp,
        descriptors,
        outputs,
        change,
        FEERATE_FLOOR_SATS_PER_KW,
        locktime,
    )?;
    let values =
        psbt.inputs.iter().filter_map(|input| input.witness_utxo.as_ref()).map(|output| output.value);
    Ok(limited(rate, sum_sat(values), weight, SWEEP_SHARE))
}

/// A bump with its rate limited; `at_stake_sat`: our part of the channel, in sat.
pub fn limited_bump(mut event: BumpTransactionEvent, at_stake_sat: u64) -> BumpTransactionEvent {
    match &mut event {
        BumpTransactionEvent::ChannelClose {
            package_target_feerate_sat_per_1000_weight: rate,
            commitment_tx,
            pending_htlcs,
            ..
        } => {
            let htlcs = pending_htlcs.iter().map(|htlc| htlc.amount_msat / 1000);
            let value_sat = htlcs.fold(at_stake_sat, u64::saturating_add);
            let weight = commitment_tx.weight().to_wu().saturating_add(COINS_WEIGHT);
            *rate = limited(*rate, value_sat, weight, BUMP_SHARE);
        }
        BumpTransactionEvent::HTLCResolution {
            target_feerate_sat_per_1000_weight: rate,
            htlc_descriptors,
            ..
        } => {
            let values = htlc_descriptors.iter().map(|descriptor| descriptor.htlc.amount_msat / 1000);
            let value_sat = values.fold(0, u64::saturating_add);
            let htlcs = u64::try_from(htlc_descriptors.len()).unwrap_or(u64::MAX);
            let weight = htlcs.saturating_mul(HTLC_WEIGHT).saturating_add(COINS_WEIGHT);
            *rate = limited(*rate, value_sat, weight, BUMP_SHARE);
        }
    }
    event
}

fn sum_sat(values: impl Iterator<Item = Amount>) -> u64 {
    values.map(Amount::to_sat).fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fee_takes_its_share_at_most() {
        assert_eq!(limited(2_000, 1_000_000, 600, SWEEP_SHARE), 2_000, "an ordinary sweep");
        // A quarter of 10,000 sat over 600 weight units.
        assert_eq!(limited(250_000, 10_000, 600, SWEEP_SHARE), 4_166);
        assert_eq!(limited(250_000, 10_000, 600, BUMP_SHARE), 8_333);
        assert_eq!(limited(250_000, 400, 1_400, BUMP_SHARE), FEERATE_FLOOR_SATS_PER_KW, "dust");
        assert_eq!(limited(300, u64::MAX, 0, BUMP_SHARE), 300);
    }
}
