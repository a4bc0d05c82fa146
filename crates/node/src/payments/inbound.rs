//! Payments to us: one decision about each, claim, hold or refuse.

use std::rc::Rc;

use amplet_amp::Kept;
use amplet_protocol::page::{
    Direction, ErrorCode, EventKind, Payment, PaymentKind, PaymentStatus, TipAge, WalletError,
};
use amplet_protocol::{Msat, PaymentId};
use hex_conservative::DisplayHex;
use lightning::chain::channelmonitor::ANTI_REORG_DELAY;
use lightning::events::PaymentPurpose;
use lightning::types::payment::PaymentHash;

use super::amp::AmpInbound;
use super::attempts::Attempts;
use super::claimable::{Claimable, Decision, Refused};
use super::error::PayError;
use super::keysend::shown;
use super::streams::{Streams, session_of};
use crate::base::Base;
use crate::config::{InboundKeysend, Role};
use crate::ldk::taken_back::TakenBack;
use crate::ledger::record::Key;
use crate::ledger::{Ledger, LedgerError, Outcome};

/// Days an unpaid invoice stays visible after it expired: none; it moves to the history at once, as failed.
const EXPIRED: &str = "nobody paid this invoice before it expired; make a new one";

/// Why a cancelled invoice is over.
const CANCELLED: &str = "you cancelled this invoice; make a new one to be paid";

/// Why money that had been claimed is not here.
const TAKEN_BACK: &str = "the payer took this payment back on chain: this wallet was closed, or could not reach its gateway, until the \
                          payment expired; ask to be paid again, and open the wallet more often while payments arrive";

/// LDK accepts HTLCs for two hours longer, by block time; an invoice is shown as pending until then, in seconds.
const EXPIRY_GRACE: u64 = 3 * 3600;

/// Payments to us.
pub(crate) struct Inbound {
    base: Rc<Base>,
    ledger: Rc<Ledger>,
    attempts: Rc<Attempts>,
    streams: Rc<Streams>,
    amp: Rc<AmpInbound>,
}

impl Inbound {
    pub(super) fn new(
        base: &Rc<Base>,
        ledger: &Rc<Ledger>,
        attempts: &Rc<Attempts>,
        streams: &Rc<Streams>,
        amp: Rc<AmpInbound>,
    ) -> Self {
        Self {
            base: Rc::clone(base),
            ledger: Rc::clone(ledger),
            attempts: Rc::clone(attempts),
            streams: Rc::clone(streams),
            amp,
        }
    }

    pub(super) fn amp(&self) -> &AmpInbound {
        &self.amp
    }

    /// Goes on with what waited when the process ended.
    pub fn resumed(&self) {
        self.amp.resumed();
    }

    /// Money has arrived.
    pub fn claimable(&self, money: &Claimable) {
        let id = PaymentId(money.hash.0);
        let manager = &self.base.ldk.manager;
        match self.decide(id, money) {
            // Those of a set in one step: they are durable together, or not at all.
            Decision::Claim(preimages) => {
                log::info!("payment {id}: {} can be claimed", money.amount_msat);
                preimages.into_iter().for_each(|preimage| manager.claim_funds(preimage));
            }
            Decision::Hold => log::info!("payment {id}: {} waits for the rest of its set", money.amount_msat),
            Decision::Refuse(Refused { hashes, code }) => {
                for hash in hashes {
                    log::warn!("payment {hash}: sent back");
                    manager.fail_htlc_backwards_with_reason(&PaymentHash(hash.0), code);
                }
            }
        }
    }

    fn decide(&self, id: PaymentId, money: &Claimable) -> Decision {
        if self.may_not_take(id, money) {
            return Decision::unknown(id);
        }
        if let Some(metadata) = &money.metadata {
            let kept = Kept::read(metadata);
            return kept.map_or(Decision::unknown(id), |kept| self.amp.decide(money, kept));
        }
        match money.purpose.preimage() {
            Some(preimage) if self.accepts(id, money) => Decision::Claim(vec![preimage]),
            _ => Decision::unknown(id),
        }
    }

    /// Returns whether anything is against taking money now, whatever it pays for.
    fn may_not_take(&self, id: PaymentId, money: &Claimable) -> bool {
        // LDK compares with its own height, which may be lower than the chain's: the preimage would be given away for nothing.
        if money.deadline.is_some_and(|deadline| deadline <= self.base.chain.tip().height) {
            log::warn!("payment {id}: too late to claim it");
            return true;
        }
        // Whoever we pay learns the preimage, and may pay us with it.
        if self.is_outbound(id) {
            log::warn!("payment {id}: it has the hash of a payment of our own");
            return true;
        }
        // The preimage would be given away for an HTLC that may have expired.
        if self.base.tip_age() == TipAge::Stale {
            log::warn!("payment {id}: the newest block known here is more than a day old");
            return true;
        }
        false
    }

    /// Returns whether a payment in one hash is accepted; one that nobody asked for is recorded then.
    fn accepts(&self, id: PaymentId, money: &Claimable) -> bool {
        let key = Key::inbound(id);
        match money.purpose {
            PaymentPurpose::SpontaneousPayment(_) => self.accept_keysend(key, money),
            // Payments to our offers use a fresh hash each; we first learn of one when its HTLCs arrive.
            PaymentPurpose::Bolt12OfferPayment { .. } if !self.ledger.contains(key) => {
                self.record(id, money, PaymentKind::Offer);
                true
            }
            // Paid twice: the payer gets it back.
            _ => !self.ledger.has_ended(key),
        }
    }

    /// Returns whether the ledger or LDK knows an outbound payment of this hash.
    fn is_outbound(&self, id: PaymentId) -> bool {
        self.attempts.contains(id)
            || self.ledger.contains(Key::outbound(id))
            || self.base.ldk.knows_payment(id.0)
    }

    /// Records a payment that nobody asked for, and returns whether it is accepted.
    fn accept_keysend(&self, key: Key, money: &Claimable) -> bool {
        let amount_msat = money.amount_msat;
        let records = money.records.clone();
        // An even record that nobody here understands must not be ignored (BOLT 1, "It's ok to be odd").
        let is_odd = money.records.iter().all(|(record_type, _)| record_type % 2 == 1);
        let Ok(session) = session_of(&records) else { return false };
        let offered = InboundKeysend { amount_msat, session, records };
        // A preimage used before was known to every node on the way.
        if !is_odd || self.ledger.has_ended(key) {
            return false;
        }
        if let Some(session) = offered.session.as_deref() {
            let is_wallet = matches!(self.base.config.role, Role::Wallet);
            if is_wallet && self.streams.is_too_many(session) {
                return false;
            }
            let accept = &self.base.config.accept_keysend;
            return self
                .streams
                .claimable(key.id, session, self.base.now(), amount_msat, || accept(&offered));
        }
        if !(self.base.config.accept_keysend)(&offered) {
            return false;
        }
        self.record(key.id, money, PaymentKind::Keysend);
        true
    }

    /// Records a payment that had no record.
    fn record(&self, id: PaymentId, money: &Claimable, kind: PaymentKind) {
        self.ledger.record(Payment {
            amount_msat: Some(money.amount_msat),
            records: shown(&money.records),
            ..Payment::pending(id, Direction::Inbound, kind, self.base.now())
        });
    }

    /// The money is ours.
    pub fn claimed(&self, hash: PaymentHash, amount_msat: Msat, purpose: &PaymentPurpose) {
        let id = PaymentId(hash.0);
        if self.streams.claimed(id) || self.amp.claimed(id) {
            return;
        }
        let preimage = purpose.preimage().map(|preimage| preimage.0.to_lower_hex_string());
        let closed = self.ledger.close(Key::inbound(id), Outcome::Succeeded, |payment| {
            payment.amount_msat = Some(amount_msat);
            payment.fee_msat = Some(Msat::ZERO);
            payment.preimage = preimage;
        });
        match closed.map(Box::new) {
            Some(payment) => self.ledger.raise(EventKind::PaymentReceived { payment }),
            // LDK repeats events whose handling it does not know to be durable.
            None => log::info!("payment {id}: claimed {amount_msat}, known already"),
        }
    }

    /// Corrects records of money that had been claimed and was taken back on chain, once a reorganization cannot undo that.
    pub async fn correct_taken_back(&self) {
        let best = self.base.ldk.manager.current_best_block().height;
        let deep = best.saturating_add(1).saturating_sub(ANTI_REORG_DELAY);
        for (outpoint, taken) in self.base.ldk.taken_back.up_to(deep) {
            match self.payment_of(&taken).await {
                Ok(payment) => {
                    payment.into_iter().for_each(|payment| self.take_back(payment, &taken));
                    self.base.ldk.taken_back.remove(&outpoint);
                }
                Err(error) => log::error!("{error}"),
            }
        }
        if let Err(error) = self.amp.forget_claimed(deep).await {
            log::error!("{error}");
        }
    }

    /// The payment of which an HTLC was. `None`: it is one of ours, or one that was never claimed by a preimage of ours.
    async fn payment_of(&self, taken: &TakenBack) -> Result<Option<Payment>, LedgerError> {
        let of_one_hash = self.ledger.inbound_ids().into_iter().find(|id| taken.is_of(&id.0));
        let id = match of_one_hash {
            Some(id) => Some(id),
            None => self.amp.payment_of(taken).await?,
        };
        match id {
            Some(id) => self.ledger.get(Key::inbound(id)).await,
            None => Ok(None),
        }
    }

    /// Takes an HTLC that its payer took back off the record of its payment.
    fn take_back(&self, payment: Payment, taken: &TakenBack) {
        if payment.status != PaymentStatus::Succeeded {
            return;
        }
        log::warn!("payment {}: taken back on chain by its payer", payment.id);
        let amount_msat = payment.amount_msat.unwrap_or_default();
        let lost_msat = taken.sat.map_or(Msat::MAX, |sat| Msat::up_to_max(sat.saturating_mul(1000)));
        // An HTLC's output has whole satoshis only (BOLT 3).
        let rest = amount_msat.less(lost_msat);
        if rest >= Msat::from(1000) {
            self.ledger.amend(Payment { amount_msat: Some(rest), ..payment });
            return;
        }
        let lost = Outcome::Failed(WalletError::new(ErrorCode::Expired, TAKEN_BACK));
        let payment = Box::new(self.ledger.close_record(payment, lost));
        self.ledger.raise(EventKind::PaymentFailed { payment });
    }

    /// Ends an invoice that nobody has paid: money for it is sent back from now on.
    pub(super) fn cancel(&self, id: PaymentId) -> Result<(), PayError> {
        let key = Key::inbound(id);
        let is_invoice = self.ledger.pending(key).is_some_and(|payment| payment.invoice.is_some());
        if !is_invoice || self.base.ldk.has_inbound_htlc(id.0) {
            return Err(PayError::NotWaiting);
        }
        let cancelled = Outcome::Failed(WalletError::new(ErrorCode::Cancelled, CANCELLED));
        self.ledger.close(key, cancelled, |_| ());
        self.base.notify.notify();
        Ok(())
    }

    /// Moves invoices that nobody paid in time to the history, and sends back what can wait no longer.
    pub(super) fn expire(&self) {
        let now = self.base.now();
        self.amp.ticked();
        for payment in self.ledger.all_pending() {
            let over = payment.expires_at.is_some_and(|at| at.saturating_add(EXPIRY_GRACE) < now);
            if payment.direction == Direction::Inbound && payment.invoice.is_some() && over {
                let expired = Outcome::Failed(WalletError::new(ErrorCode::Expired, EXPIRED));
                self.ledger.close(Key::of(&payment), expired, |_| ());
            }
        }
    }
}
