//! Records of on-chain payments, and how they end: by a confirmation, or when nothing can confirm them any more.
//!
//! A record succeeds with the first confirmation of one of its transactions, and is pending again when that block is replaced. It
//! fails when each of its transactions spends a coin that a transaction [`FINAL_AFTER`] blocks deep has spent: another device with
//! the same words, a sender's other transaction, or the user's own cancellation. What ends a record is read from the chain at
//! every block, so that nothing is lost with a restart.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use amplet_protocol::page::{
    Direction, ErrorCode, EventKind, Payment, PaymentKind, PaymentStatus, ReplacedTx, WalletError,
};
use amplet_protocol::{Msat, PaymentId};
use amplet_storage::Store;
use bitcoin::{Transaction, Txid};

use super::Onchain;
use super::deposits::rejected;
use crate::ldk::bdk::{Confirmed, FINAL_AFTER, payment_id};
use crate::ledger::budgets::Spent;
use crate::ledger::record::{self, Key};
use crate::ledger::{Ledger, LedgerError, Outcome};

/// Ids of payments by the ids of their later transactions.
const REPLACEMENTS: &str = "onchain/replacement/";

/// Transactions that replaced the first one of a payment, which is the payment's id.
#[derive(Default)]
pub(super) struct Replacements(RefCell<BTreeMap<PaymentId, PaymentId>>);

impl Replacements {
    pub async fn load(store: &dyn Store) -> Result<Self, LedgerError> {
        let mut known = BTreeMap::new();
        for name in store.list(REPLACEMENTS).await? {
            let Ok(later) = PaymentId::from_hex(name.trim_start_matches(REPLACEMENTS)) else { continue };
            match record::read(store, &name).await {
                Ok(payment) => drop(known.insert(later, payment)),
                Err(error) if error.is_damage() => {
                    log::error!("{error}; the transaction counts as a payment of its own");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Self(RefCell::new(known)))
    }

    /// The payment that a transaction belongs to: itself, where it replaced none.
    pub fn payment(&self, txid: Txid) -> PaymentId {
        let id = payment_id(txid);
        self.0.borrow().get(&id).copied().unwrap_or(id)
    }

    pub fn add(&self, ledger: &Ledger, txid: Txid, payment: PaymentId) {
        let later = payment_id(txid);
        self.0.borrow_mut().insert(later, payment);
        ledger.write(format!("{REPLACEMENTS}{later}"), &payment);
    }
}

/// The present transaction of a payment.
pub(super) fn present(payment: &Payment, txid: String) -> ReplacedTx {
    let Payment { amount_msat, fee_msat, cancels, .. } = *payment;
    ReplacedTx { txid, amount_msat, fee_msat, cancels }
}

/// All transactions of a payment, the present one first.
pub(super) fn versions(payment: &Payment) -> Vec<(Txid, ReplacedTx)> {
    let present = payment.txid.clone().map(|txid| present(payment, txid));
    let all = present.into_iter().chain(payment.replaced.iter().rev().cloned());
    all.filter_map(|version| Some((version.txid.parse().ok()?, version))).collect()
}

impl Onchain {
    /// Blocks were read, and the process ended at any moment, before this run.
    pub(super) fn catch_up(self: &Rc<Self>) {
        let wallet = &self.base.ldk.wallet;
        let has_record = |txid| {
            let id = self.replacements.payment(txid);
            keys(id).into_iter().any(|key| self.ledger.contains(key))
        };
        wallet.confirmed_but(has_record).iter().for_each(|confirmed| self.confirmed(confirmed));
        self.block_connected();
    }

    /// A block was connected: ends the records that it decides.
    pub(crate) fn block_connected(self: &Rc<Self>) {
        let wallet = &self.base.ldk.wallet;
        wallet.take_unconfirmed().into_iter().for_each(|txid| self.unconfirmed(txid));
        wallet.take_confirmed().iter().for_each(|confirmed| self.confirmed(confirmed));
        self.ledger.pending_onchain().into_iter().for_each(|payment| self.decide(payment));
        self.sweep_lost();
    }

    fn confirmed(self: &Rc<Self>, confirmed: &Confirmed) {
        let id = self.replacements.payment(confirmed.tx.compute_txid());
        if keys(id).into_iter().any(|key| self.ledger.pending(key).is_some()) {
            return;
        }
        match keys(id).into_iter().find(|key| self.ledger.has_ended(*key)) {
            // Given up too early.
            Some(key) => {
                let again = Rc::clone(self).confirmed_again(key, confirmed.time);
                self.base.platform.spawn(Box::pin(again));
            }
            None => self.confirm(self.unknown(confirmed, id), confirmed.time),
        }
    }

    /// The block of a transaction was replaced: its record is pending again.
    fn unconfirmed(self: &Rc<Self>, txid: Txid) {
        let id = self.replacements.payment(txid);
        if let Some(key) = keys(id).into_iter().find(|key| self.ledger.has_ended(*key)) {
            self.base.platform.spawn(Box::pin(Rc::clone(self).reopen(key)));
        }
    }

    fn decide(&self, mut payment: Payment) {
        let wallet = &self.base.ldk.wallet;
        let versions = versions(&payment);
        let mined = versions.iter().find_map(|(txid, version)| Some((version, wallet.mined(*txid)?)));
        if let Some((version, mined)) = mined {
            let cancelled = version.cancels && mined.depth >= FINAL_AFTER;
            if cancelled || !version.cancels {
                payment.txid = Some(version.txid.clone());
                payment.amount_msat = version.amount_msat.or(payment.amount_msat);
                (payment.fee_msat, payment.cancels) = (version.fee_msat, version.cancels);
                if cancelled {
                    self.cancelled(payment, mined.time);
                } else {
                    self.confirm(payment, mined.time);
                }
            }
        } else if !versions.is_empty() && versions.iter().all(|(txid, _)| wallet.is_dead(*txid)) {
            self.conflicted(&payment, &versions);
        }
    }

    /// No transaction of a payment can confirm any more.
    fn conflicted(&self, payment: &Payment, versions: &[(Txid, ReplacedTx)]) {
        let message = match payment.direction {
            Direction::Inbound => "the sender spent the same money otherwise; ask the sender",
            Direction::Outbound => {
                "another transaction spent the same money, probably this wallet on another device; nothing of this payment was \
                 sent, so it may be made again"
            }
        };
        self.ledger.close(Key::of(payment), Outcome::Failed(rejected(message.to_owned())), |_| ());
        for channel in self.base.ldk.manager.list_channels() {
            let funding = channel.funding_txo.map(|funding| funding.txid);
            if funding.is_some_and(|funding| versions.iter().any(|(txid, _)| *txid == funding)) {
                let (id, peer) = (channel.channel_id, channel.counterparty.node_id);
                let reason = "its funding was spent by another transaction".to_owned();
                // Its bumps are not broadcast either (`bump_close`): nothing that spends this funding can be mined.
                if let Err(error) =
                    self.base.ldk.manager.force_close_broadcasting_latest_txn(&id, &peer, reason)
                {
                    log::warn!("channel {id} without a funding: {error:?}");
                }
            }
        }
        self.base.notify.notify();
    }

    fn confirm(&self, mut payment: Payment, time: u64) {
        // Told once, also when it is confirmed once more after its block was replaced.
        let first = payment.settled_at.is_none();
        payment.settled_at = Some(time);
        let payment = self.ledger.close_record(payment, Outcome::Succeeded);
        if payment.direction == Direction::Inbound && first {
            self.ledger.raise(EventKind::DepositConfirmed { payment: Box::new(payment) });
        }
        self.base.notify.notify();
    }

    /// The user cancelled it: only the fee of the transaction that did so was spent.
    fn cancelled(&self, mut payment: Payment, time: u64) {
        let spent = Spent { amount_msat: Some(Msat::ZERO), fee_msat: payment.fee_msat };
        self.ledger.close_reservation(payment.id, Some(spent));
        payment.settled_at = Some(time);
        let message = "you cancelled this payment; the money is in your savings again, less the fee";
        let error = WalletError::new(ErrorCode::Cancelled, message);
        self.ledger.close_record(payment, Outcome::Failed(error));
        self.base.notify.notify();
    }

    /// A transaction was confirmed whose record had ended: given up too early, or confirmed before its block was replaced.
    async fn confirmed_again(self: Rc<Self>, key: Key, time: u64) {
        match self.ledger.get(key).await {
            Ok(Some(mut payment)) if payment.status != PaymentStatus::Succeeded => {
                // Its failure was told; its arrival was not.
                if payment.status != PaymentStatus::Pending {
                    payment.settled_at = None;
                }
                self.confirm(payment, time);
            }
            Ok(_) => {}
            Err(error) => log::error!("the history of {key}: {error}"),
        }
    }

    /// The block of a succeeded payment was replaced.
    async fn reopen(self: Rc<Self>, key: Key) {
        match self.ledger.get(key).await {
            Ok(Some(payment)) if payment.status == PaymentStatus::Succeeded => {
                let payment = Payment { status: PaymentStatus::Pending, ..payment };
                self.ledger.record(payment.clone());
                // Blocks may have been read meanwhile.
                self.decide(payment);
                self.base.notify.notify();
            }
            Ok(_) => {}
            Err(error) => log::error!("the history of {key}: {error}"),
        }
    }

    /// A transaction that this installation did not make: a deposit, a channel's close, or another installation's payment.
    fn unknown(&self, confirmed: &Confirmed, id: PaymentId) -> Payment {
        let inbound = confirmed.received_sat >= confirmed.sent_sat;
        let change_msat = Msat::from_sat(confirmed.received_sat.abs_diff(confirmed.sent_sat)).ok();
        let from_channel = self.is_from_channel(&confirmed.tx);
        let direction = if inbound { Direction::Inbound } else { Direction::Outbound };
        let kind = if from_channel { PaymentKind::ChannelClose } else { PaymentKind::Onchain };
        let (amount_msat, fee_msat) = match (direction, kind) {
            (Direction::Inbound, PaymentKind::ChannelClose) => (change_msat, self.close_cost(confirmed)),
            // The fee is the sender's.
            (Direction::Inbound, _) => (change_msat, Some(Msat::ZERO)),
            // What the savings lose to a close is fees, of a bump or of an HTLC's transaction.
            (Direction::Outbound, PaymentKind::ChannelClose) => (Some(Msat::ZERO), change_msat),
            (Direction::Outbound, _) => (change_msat, None),
        };
        Payment { amount_msat, fee_msat, ..Payment::onchain(id, direction, kind, confirmed.time) }
    }

    /// Returns whether a transaction spends the funding or a commitment of one of our channels, or what a lost installation's left.
    pub(super) fn is_from_channel(&self, tx: &Transaction) -> bool {
        if tx.input.iter().any(|input| self.base.ldk.lost.is_found(&input.previous_output))
            || self.is_swept(tx)
        {
            return true;
        }
        self.base.ldk.all_monitors().any(|monitor| {
            let funding = monitor.get_funding_txo().into_bitcoin_outpoint();
            let watched = monitor.get_outputs_to_watch();
            // Of the funding transaction, which is watched as well, the rest is its maker's.
            let is_commitment = |txid| txid != funding.txid && watched.iter().any(|(of, _)| *of == txid);
            let of_channel =
                |outpoint: &bitcoin::OutPoint| *outpoint == funding || is_commitment(outpoint.txid);
            tx.input.iter().any(|input| of_channel(&input.previous_output))
        })
    }
}

fn keys(id: PaymentId) -> [Key; 2] {
    [Key::outbound(id), Key::inbound(id)]
}
