//! What a channel's close cost: our side of it before, less what came home.
//!
//! LDK tells our side once, in the event that the channel is gone; what became of it is in the block that spends the funding. Both are
//! recorded, because what a commitment pays is swept weeks later. A closing transaction pays home directly; of a commitment a sweep
//! does, and so the record of that sweep has both fees. Where one of the two is not known, or the numbers of the one do not bear
//! out the other (an HTLC was being taken off the commitment), no cost is told.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;

use amplet_protocol::Msat;
use amplet_protocol::page::{Payment, PaymentKind, PaymentStatus};
use amplet_storage::Store;
use bitcoin::{OutPoint, Transaction};
use lightning::chain::channelmonitor::Balance;
use lightning::ln::types::ChannelId;
use lightning::util::sweep::TrackedSpendableOutput;
use serde::{Deserialize, Serialize};

use super::Onchain;
use crate::ldk::Ldk;
use crate::ldk::bdk::{Confirmed, payment_id};
use crate::ldk::spendable::{outpoint, value_sat};
use crate::ldk::spends::Spend;
use crate::ledger::record::{self, Key};
use crate::ledger::{Ledger, LedgerError};

/// Records of closed channels, by their fundings.
const CLOSES: &str = "onchain/close/";
/// Maximum value of an anchor, in sat (BOLT 3): any other output of a commitment is above the dust limit, which is higher.
const MAX_ANCHOR_SAT: u64 = 330;

/// Sides of a channel when it was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Sides {
    funding: OutPoint,
    /// Ours, HTLCs that we offered left out.
    ours_msat: u64,
    capacity_msat: u64,
}

impl Sides {
    /// Our part of what a closing transaction cost, which pays `home_msat` to us.
    fn together_msat(&self, spend: &Spend, home_msat: u64) -> Option<u64> {
        let cost_msat = self.ours_msat.checked_sub(home_msat)?;
        let all_msat = self.capacity_msat.checked_sub(sum_msat(spend.outputs_sat.iter())?)?;
        (cost_msat <= all_msat).then_some(cost_msat)
    }

    /// Our part of what a commitment cost, whose output to us is `output_sat`. Who funds the channel pays fee and anchors, the other side
    /// nothing: it is one of the two, or else the commitment is not of the state that LDK closed.
    fn commitment_msat(&self, spend: &Spend, output_sat: u64) -> Option<u64> {
        let cost_msat = self.ours_msat.checked_sub(output_sat.checked_mul(1000)?)?;
        let others = spend.outputs_sat.iter().filter(|sat| **sat > MAX_ANCHOR_SAT);
        let funders_msat = self.capacity_msat.checked_sub(sum_msat(others)?)?;
        // Each side and each HTLC loses the fraction of a satoshi that it has.
        let fractions_msat = u64::try_from(spend.outputs_sat.len()).ok()?.saturating_mul(1000);
        let is_near = |msat: u64| cost_msat.abs_diff(msat) < fractions_msat;
        (is_near(0) || is_near(funders_msat)).then_some(cost_msat)
    }
}

fn sum_msat<'a>(mut sats: impl Iterator<Item = &'a u64>) -> Option<u64> {
    sats.try_fold(0u64, |sum, sat| sum.checked_add(*sat))?.checked_mul(1000)
}

/// Closed channels by their fundings, as long as LDK has their monitors.
#[derive(Default)]
pub(super) struct Closes(RefCell<BTreeMap<OutPoint, Sides>>);

impl Closes {
    pub async fn load(store: &dyn Store, ledger: &Ledger, ldk: &Ldk) -> Result<Self, LedgerError> {
        let fundings: HashSet<OutPoint> =
            ldk.all_monitors().map(|monitor| monitor.get_funding_txo().into_bitcoin_outpoint()).collect();
        ldk.spends.retain(&fundings);
        let mut known = BTreeMap::new();
        for name in store.list(CLOSES).await? {
            match record::read::<Sides>(store, &name).await {
                Ok(sides) if fundings.contains(&sides.funding) => drop(known.insert(sides.funding, sides)),
                Ok(_) => ledger.remove(name),
                Err(error) if error.is_damage() => log::error!("{error}; what that close cost is not told"),
                Err(error) => return Err(error),
            }
        }
        Ok(Self(RefCell::new(known)))
    }

    fn get(&self, funding: &OutPoint) -> Option<Sides> {
        self.0.borrow().get(funding).copied()
    }

    fn add(&self, ledger: &Ledger, sides: Sides) {
        ledger.write(format!("{CLOSES}{}", sides.funding), &sides);
        self.0.borrow_mut().insert(sides.funding, sides);
    }
}

/// HTLCs that we offered and that count as ours until they are resolved, in msat.
fn offered_msat(balance: &Balance) -> u64 {
    match balance {
        Balance::MaybeTimeoutClaimableHTLC { amount_satoshis, .. } => amount_satoshis.saturating_mul(1000),
        Balance::ClaimableOnChannelClose {
            outbound_payment_htlc_rounded_msat: payments,
            outbound_forwarded_htlc_rounded_msat: forwards,
            ..
        } => payments.saturating_add(*forwards),
        _ => 0,
    }
}

impl Onchain {
    /// A channel is gone, of which so much was ours, HTLCs that we offered included.
    pub(crate) fn channel_closed(
        self: &Rc<Self>,
        channel: ChannelId,
        capacity_sat: Option<u64>,
        ours_msat: Option<u64>,
    ) {
        let (Some(capacity_sat), Some(ours_msat)) = (capacity_sat, ours_msat) else { return };
        let monitor = self.base.ldk.monitors.get_monitor(channel);
        let known = monitor.map(|monitor| (monitor.get_funding_txo(), monitor.get_claimable_balances()));
        let Ok((funding, balances)) = known else { return };
        let funding = funding.into_bitcoin_outpoint();
        let offered = balances.iter().map(offered_msat).fold(0, u64::saturating_add);
        let (ours_msat, capacity_msat) =
            (ours_msat.saturating_sub(offered), capacity_sat.saturating_mul(1000));
        let sides = Sides { funding, ours_msat, capacity_msat };
        self.closes.add(&self.ledger, sides);
        // The peer's message was missed, and a block told of the closing transaction.
        if let Some(spend) = self.base.ldk.spends.of(&funding).filter(|spend| !spend.is_commitment) {
            self.base.platform.spawn(Box::pin(Rc::clone(self).closed_together(sides, spend)));
        }
    }

    /// Adds the cost to the record of a closing transaction that a block held before LDK told our side.
    async fn closed_together(self: Rc<Self>, sides: Sides, spend: Spend) {
        let key = Key::inbound(payment_id(spend.txid));
        match self.ledger.get(key).await {
            Ok(Some(payment)) if is_without_cost(&payment) => {
                let home_msat = payment.amount_msat.map_or(0, Msat::get);
                let fee_msat = sides.together_msat(&spend, home_msat).map(Msat::up_to_max);
                self.ledger.amend(Payment { fee_msat, ..payment });
                self.base.notify.notify();
            }
            Ok(_) => {}
            Err(error) => log::error!("the history of {key}: {error}"),
        }
    }

    /// Returns whether a transaction spends outputs of a commitment, or what the sweeper has of a closed channel. LDK itself watches of a
    /// commitment of ours its HTLCs alone.
    pub(super) fn is_swept(&self, tx: &Transaction) -> bool {
        let ldk = &self.base.ldk;
        let tracked = ldk.sweeper.tracked_spendable_outputs();
        tx.input.iter().map(|input| input.previous_output).any(|spent| {
            ldk.spends.by_txid(spent.txid).is_some_and(|(_, spend)| spend.is_commitment)
                || tracked.iter().any(|output| outpoint(&output.descriptor) == spent)
        })
    }

    /// Cost of a transaction by which a channel's money comes home; `None`: it is not known.
    pub(super) fn close_cost(&self, confirmed: &Confirmed) -> Option<Msat> {
        let (tx, ldk) = (&confirmed.tx, &self.base.ldk);
        let home_msat = confirmed.received_sat.checked_sub(confirmed.sent_sat)?.checked_mul(1000)?;
        if let Some((funding, spend)) = ldk.spends.by_txid(tx.compute_txid()) {
            return self.closes.get(&funding)?.together_msat(&spend, home_msat).map(Msat::up_to_max);
        }
        let tracked = ldk.sweeper.tracked_spendable_outputs();
        let mut brought_msat = 0u64;
        for input in &tx.input {
            brought_msat = brought_msat.checked_add(self.claimed_msat(&tracked, input.previous_output)?)?;
        }
        brought_msat.checked_sub(home_msat).map(Msat::up_to_max)
    }

    /// What was ours before in an output of a commitment, or of what spends its HTLCs, in msat: its value, and for our side what the
    /// commitment itself cost.
    fn claimed_msat(&self, tracked: &[TrackedSpendableOutput], spent: OutPoint) -> Option<u64> {
        let ldk = &self.base.ldk;
        let swept = tracked.iter().find(|output| outpoint(&output.descriptor) == spent);
        match (swept, ldk.spends.by_txid(spent.txid)) {
            (Some(output), Some((funding, spend))) => {
                let value_sat = value_sat(&output.descriptor);
                let cost_msat = self.closes.get(&funding)?.commitment_msat(&spend, value_sat)?;
                value_sat.checked_mul(1000)?.checked_add(cost_msat)
            }
            // Of an HTLC's second stage, whose own fee is in its record; of a channel that was closed before costs were recorded, or of a
            // lost installation's, nothing is known.
            (Some(output), None) => {
                let funding = ldk.monitors.get_monitor(output.channel_id?).ok()?.get_funding_txo();
                let spend = ldk.spends.of(&funding.into_bitcoin_outpoint())?;
                spend.is_commitment.then_some(value_sat(&output.descriptor))?.checked_mul(1000)
            }
            (None, Some((_, spend))) => {
                spend.outputs_sat.get(usize::try_from(spent.vout).ok()?)?.checked_mul(1000)
            }
            (None, None) => None,
        }
    }
}

fn is_without_cost(payment: &Payment) -> bool {
    payment.kind == PaymentKind::ChannelClose
        && payment.status == PaymentStatus::Succeeded
        && payment.fee_msat.is_none()
}
