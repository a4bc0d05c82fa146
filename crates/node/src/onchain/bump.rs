//! Making a transaction that waits confirm sooner, or taking it back.

use amplet_chain::BroadcastError;
use amplet_protocol::page::{BumpMethod, Direction, Payment, PaymentKind};
use amplet_protocol::{Msat, PaymentId};
use bitcoin::{FeeRate, Txid};

use super::Onchain;
use super::records::present;
use crate::ldk::bdk::{Change, OnchainError, Replacement, SignedBump, payment_id};
use crate::ledger::record::Key;

/// The least by which a replacement's rate exceeds the old one's, in sat per 1000 weight units (BIP 125: 1 sat/vB).
const STEP_PER_KW: u64 = 250;

/// A fee bump or a cancellation, signed and not yet broadcast.
#[derive(Clone, Debug)]
pub struct Bump {
    /// The payment that it is for.
    pub payment: Payment,
    /// Way.
    pub method: BumpMethod,
    /// True if it takes the payment back.
    pub cancels: bool,
    /// The transaction and what it costs.
    pub signed: SignedBump,
}

impl Bump {
    /// Amount that the payee gets.
    #[must_use]
    pub fn amount_msat(&self) -> Option<Msat> {
        let changed = self.signed.amount_sat.and_then(|sat| Msat::from_sat(sat).ok());
        changed.or(self.payment.amount_msat)
    }

    /// Id of the transaction.
    #[must_use]
    pub fn txid(&self) -> Txid {
        self.signed.tx.compute_txid()
    }
}

impl Onchain {
    /// Builds what makes a pending on-chain payment confirm at `rate` (by default: the next block or two), and signs it; nothing
    /// is sent yet. Own sends are replaced (BIP 125); deposits, and the fundings of channels, get a child that pays for both.
    ///
    /// # Errors
    /// [`OnchainError`].
    pub fn bump(&self, id: PaymentId, rate: Option<FeeRate>) -> Result<Bump, OnchainError> {
        self.bump_by(id, rate, Change::Fee)
    }

    /// Builds a replacement of a pending on-chain payment that pays its higher fee from the amount: the payee gets less, and no
    /// further coin is spent. For what is not one payment of ours to one payee: as [`bump`](Self::bump).
    ///
    /// # Errors
    /// [`OnchainError`].
    pub fn bump_from_amount(&self, id: PaymentId, rate: Option<FeeRate>) -> Result<Bump, OnchainError> {
        self.bump_by(id, rate, Change::FeeFromAmount)
    }

    /// By a replacement, if it is a payment of ours; else by a child.
    fn bump_by(&self, id: PaymentId, rate: Option<FeeRate>, change: Change) -> Result<Bump, OnchainError> {
        let (payment, txid) = self.waiting(id)?;
        if payment.direction == Direction::Outbound && payment.kind == PaymentKind::Onchain {
            return self.replace(payment, txid, rate, change);
        }
        let signed = self.base.ldk.wallet.child(txid, rate.unwrap_or_else(|| self.fee_rate(2)))?;
        Ok(Bump { payment, method: BumpMethod::Child, cancels: false, signed })
    }

    /// Builds what takes a pending on-chain payment back, at `rate` (by default: the next block or two), and signs it; nothing is
    /// sent yet. Until it is buried the payment may still arrive.
    ///
    /// # Errors
    /// [`OnchainError`]; [`OnchainError::Funding`] for a channel's funding.
    pub fn cancellation(&self, id: PaymentId, rate: Option<FeeRate>) -> Result<Bump, OnchainError> {
        let (payment, txid) = self.waiting(id)?;
        match (payment.direction, payment.kind) {
            (Direction::Outbound, PaymentKind::Onchain) => self.replace(payment, txid, rate, Change::Cancel),
            (_, PaymentKind::ChannelOpen) => Err(OnchainError::Funding),
            _ => Err(OnchainError::NotPending),
        }
    }

    fn replace(
        &self,
        payment: Payment,
        txid: Txid,
        rate: Option<FeeRate>,
        change: Change,
    ) -> Result<Bump, OnchainError> {
        let wallet = &self.base.ldk.wallet;
        let rate = rate.unwrap_or_else(|| {
            let old = wallet.rate(txid).unwrap_or(FeeRate::BROADCAST_MIN).to_sat_per_kwu();
            let step = FeeRate::from_sat_per_kwu(old.saturating_add(STEP_PER_KW).saturating_add(1));
            self.fee_rate(2).max(step)
        });
        let new = Replacement { rate, change, reserve_sat: self.reserve_sat(0) };
        let signed = wallet.replace(txid, &new)?;
        let cancels = change == Change::Cancel || payment.cancels;
        Ok(Bump { payment, method: BumpMethod::Replacement, cancels, signed })
    }

    /// A pending payment whose transaction no block holds.
    fn waiting(&self, id: PaymentId) -> Result<(Payment, Txid), OnchainError> {
        let keys = [Key::outbound(id), Key::inbound(id)];
        let payment = keys.into_iter().find_map(|key| self.ledger.pending(key));
        let payment = payment.ok_or(OnchainError::NotPending)?;
        let txid = payment.txid.as_ref().and_then(|txid| txid.parse().ok());
        let txid: Txid = txid.ok_or(OnchainError::NotPending)?;
        match self.base.ldk.wallet.confirmations(txid) {
            Some(0) => Ok((payment, txid)),
            _ => Err(OnchainError::NotPending),
        }
    }

    /// Takes a replacement over into its payment's record and the savings.
    pub(crate) fn replaced(&self, bump: &Bump) {
        let mut payment = bump.payment.clone();
        let old = payment.txid.replace(bump.txid().to_string());
        let old = old.map(|txid| present(&payment, txid));
        payment.replaced.extend(old);
        payment.amount_msat = bump.amount_msat();
        payment.fee_msat = Msat::from_sat(bump.signed.fee_sat).ok();
        payment.cancels = bump.cancels;
        self.replacements.add(&self.ledger, bump.txid(), payment.id);
        self.base.ldk.wallet.sent(&bump.signed.tx, self.base.now());
        self.ledger.record(payment);
    }

    /// All sources refuse a replacement: the payment goes on with its old transaction. It stays among the payment's own, since one
    /// that refuses may relay it all the same.
    fn not_replaced(&self, bump: &Bump) {
        self.base.ldk.wallet.evict(&bump.signed.tx, self.base.now());
        let Some(mut payment) = self.ledger.pending(Key::of(&bump.payment)) else { return };
        if payment.txid == Some(bump.txid().to_string())
            && let Some(txid) = payment.txid.take()
        {
            let refused = present(&payment, txid);
            let Some(old) = payment.replaced.pop() else { return };
            payment.amount_msat = old.amount_msat.or(payment.amount_msat);
            (payment.txid, payment.fee_msat, payment.cancels) = (Some(old.txid), old.fee_msat, old.cancels);
            payment.replaced.push(refused);
            self.ledger.record(payment);
        }
    }

    /// Broadcasts a bump that was recorded durably; resolves when a source has taken it or all have responded. A replacement that
    /// all refuse leaves the payment with its old transaction; a child is sent again at each block, as every payment is.
    ///
    /// # Errors
    /// All sources refuse a replacement.
    pub(crate) async fn broadcast_bump(&self, bump: &Bump) -> Result<(), BroadcastError> {
        // The sender is dropped when the node stops: the next session sends it again.
        let answer = self.base.send(vec![bump.signed.tx.clone()]).await;
        if let (Ok(Err(error @ BroadcastError::Rejected { .. })), BumpMethod::Replacement) =
            (answer, bump.method)
        {
            self.not_replaced(bump);
            return Err(error);
        }
        Ok(())
    }
}

/// The record of a child: what it costs is all that leaves.
pub(crate) fn child_record(bump: &Bump, now: u64) -> Payment {
    let id = payment_id(bump.txid());
    let parent = bump.payment.txid.as_deref().unwrap_or_default();
    Payment {
        amount_msat: Some(Msat::ZERO),
        fee_msat: Msat::from_sat(bump.signed.fee_sat).ok(),
        description: format!("Fee for {parent}"),
        ..Payment::onchain(id, Direction::Outbound, PaymentKind::Onchain, now)
    }
}
