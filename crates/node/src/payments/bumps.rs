//! Fee bumps and cancellations of on-chain payments: what they cost more is reserved before they leave.

use amplet_budget::BudgetDenial;
use amplet_protocol::Msat;
use amplet_protocol::page::{BumpMethod, Payment};
use bitcoin::Txid;

use super::{Owner, PayError, Payments};
use crate::ledger::budgets::Authorization;
use crate::onchain::{Bump, child_record};

impl Payments {
    /// Makes a bump: reserves what it may cost in the payment's budget (a child: in the user's), records it durably, and
    /// broadcasts it. Returns its transaction id.
    ///
    /// # Errors
    /// [`PayError::Denied`], [`PayError::Replacement`]: the payment goes on as it was.
    pub async fn bump(&self, bump: &Bump) -> Result<Txid, PayError> {
        self.base.staged.check()?;
        match bump.method {
            BumpMethod::Replacement => self.replace(bump).await,
            BumpMethod::Child => self.add_child(bump).await,
        }
    }

    async fn replace(&self, bump: &Bump) -> Result<Txid, PayError> {
        let id = bump.payment.id;
        // Whichever of its transactions confirms.
        let fees = bump.payment.replaced.iter().map(|old| old.fee_msat).chain([bump.payment.fee_msat]);
        let old_fee_msat = fees.flatten().max().unwrap_or_default();
        let fee_msat = Msat::from_sat(bump.signed.fee_sat)?.max(old_fee_msat);
        self.budgets.amend(id, fee_msat).map_err(BudgetDenial::from)?;
        self.onchain.replaced(bump);
        self.base.notify.notify();
        self.send(bump).await
    }

    async fn add_child(&self, bump: &Bump) -> Result<Txid, PayError> {
        let record = child_record(bump, self.base.now());
        let id = record.id;
        // A budget pays amounts: the fee is all that leaves, so it is the amount.
        let cost = Payment { amount_msat: record.fee_msat, ..record.clone() };
        self.budgets.reserve(&cost, Msat::ZERO, &Authorization::user())?;
        self.attempts.begin(id, Owner::Payment, Some(self.base.platform.monotonic()));
        self.base.ldk.wallet.sent(&bump.signed.tx, self.base.now());
        self.ledger.record(record.clone());
        self.base.notify.notify();
        self.send(bump).await
    }

    /// Broadcasts what was staged, once it is durable.
    async fn send(&self, bump: &Bump) -> Result<Txid, PayError> {
        if !self.base.flushed_before(&bump.signed.tx).await {
            return Ok(bump.txid());
        }
        let result = self.onchain.broadcast_bump(bump).await;
        // What a refusal changed.
        let _ = self.base.flushed().await;
        result.map(|()| bump.txid()).map_err(PayError::Replacement)
    }
}
