//! Fee bumps of closing channels, and what they lack.

use lightning::chain::chaininterface::{BroadcasterInterface, FEERATE_FLOOR_SATS_PER_KW, TransactionType};
use lightning::events::bump_transaction::BumpTransactionEvent;

use super::Onchain;
use crate::ldk::HTLC_WEIGHT;

/// Weight of the transaction that bumps a commitment: an anchor, one coin, change.
const ANCHOR_CHILD_WEIGHT: u64 = 810;
/// Weight of a coin and change beside all HTLCs' inputs and outputs.
const HTLC_COINS_WEIGHT: u64 = 450;
/// The least that a change output may pay, in sat (BIP 86).
const CHANGE_SAT: u64 = 330;
/// A deposit is asked for in multiples of this, in sat.
const ROUND_SAT: u64 = 1_000;

/// Returns weight times rate, in sat.
fn fee_sat(weight: u64, sat_per_kw: u64) -> u64 {
    weight.saturating_mul(sat_per_kw).div_ceil(1_000)
}

/// Returns what one coin has to be worth to pay for this bump, in sat: twice the fee, as the rate rises with each attempt.
fn coin_needed_sat(event: &BumpTransactionEvent) -> u64 {
    let fee_sat = match event {
        BumpTransactionEvent::ChannelClose {
            package_target_feerate_sat_per_1000_weight: rate,
            commitment_tx,
            commitment_tx_fee_satoshis: paid_sat,
            ..
        } => {
            let weight = commitment_tx.weight().to_wu().saturating_add(ANCHOR_CHILD_WEIGHT);
            fee_sat(weight, u64::from(*rate)).saturating_sub(*paid_sat)
        }
        BumpTransactionEvent::HTLCResolution {
            target_feerate_sat_per_1000_weight: rate,
            htlc_descriptors,
            ..
        } => {
            let htlcs = u64::try_from(htlc_descriptors.len()).unwrap_or(u64::MAX);
            let weight = htlcs.saturating_mul(HTLC_WEIGHT).saturating_add(HTLC_COINS_WEIGHT);
            fee_sat(weight, u64::from(*rate))
        }
    };
    fee_sat.saturating_mul(2).saturating_add(CHANGE_SAT).div_ceil(ROUND_SAT).saturating_mul(ROUND_SAT)
}

fn claim(event: &BumpTransactionEvent) -> [u8; 32] {
    match event {
        BumpTransactionEvent::ChannelClose { claim_id, .. }
        | BumpTransactionEvent::HTLCResolution { claim_id, .. } => claim_id.0,
    }
}

impl Onchain {
    /// Deposit that would let the transactions of closing channels confirm in time, in sat; 0: they need none.
    pub fn deposit_needed_sat(&self) -> u64 {
        self.unpaid.borrow().values().copied().fold(0, u64::saturating_add)
    }

    /// LDK is about to raise every bump that is still wanted again.
    pub(crate) fn bumps_renewed(&self) {
        self.unpaid.borrow_mut().clear();
    }

    /// A closing channel's transaction needs a higher fee: pays it from the savings. Where they do not suffice, a commitment goes
    /// out with its own fee, if that is relayed, and the bump is tried again every minute.
    pub(crate) fn bump_close(&self, event: BumpTransactionEvent) {
        if self.is_void(&event) {
            return;
        }
        let (staged, ldk) = (&self.base.staged, &self.base.ldk);
        // A commitment that may be a revoked one stays here, and no deposit is asked for it.
        if let BumpTransactionEvent::ChannelClose { channel_id, .. } = &event
            && !staged.may_close(channel_id)
        {
            return;
        }
        let event = &ldk.limited_bump(event);
        let before = staged.to_broadcast().len();
        ldk.bumper.handle_event(event);
        let lacking = self.deposit_needed_sat();
        if staged.to_broadcast().len() > before {
            self.unpaid.borrow_mut().remove(&claim(event));
        } else {
            let needed_sat = coin_needed_sat(event);
            log::warn!("a closing channel's fee cannot be raised: a deposit of {needed_sat} sat is needed");
            self.unpaid.borrow_mut().insert(claim(event), needed_sat);
            self.broadcast_alone(event);
        }
        if self.deposit_needed_sat() != lacking {
            self.base.changed();
        }
    }

    /// Returns whether the event is about a commitment that must not go out: its funding is not on the chain, nor will be, so that coins
    /// spent on its bump would be bound for nothing; or both sides have closed the channel together.
    fn is_void(&self, event: &BumpTransactionEvent) -> bool {
        let BumpTransactionEvent::ChannelClose { channel_id, .. } = event else { return false };
        let ldk = &self.base.ldk;
        ldk.monitors
            .get_monitor(*channel_id)
            .is_ok_and(|monitor| !ldk.is_funded(&monitor) || ldk.is_closed_together(&monitor))
    }

    fn broadcast_alone(&self, event: &BumpTransactionEvent) {
        let BumpTransactionEvent::ChannelClose {
            channel_id,
            counterparty_node_id,
            commitment_tx,
            commitment_tx_fee_satoshis: fee,
            ..
        } = event
        else {
            return;
        };
        let relayed = fee_sat(commitment_tx.weight().to_wu(), u64::from(FEERATE_FLOOR_SATS_PER_KW));
        if *fee >= relayed {
            let (channel_id, counterparty_node_id) = (*channel_id, *counterparty_node_id);
            let close = TransactionType::UnilateralClose { counterparty_node_id, channel_id };
            self.base.staged.broadcast_transactions(&[(commitment_tx, close)]);
        }
    }
}
