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
        let reserved_msat = self.budgets.reserved(id).map(|reserved| reserved.amount);
        // A fee that was taken from the amount is no further cost.
        let beyond = |amount: Option<Msat>, fee: Msat| match (reserved_msat, amount) {
            (Some(reserved), Some(amount)) => fee.less(reserved.less(amount)),
            _ => fee,
        };
        // Whichever of its transactions confirms.
        let payment = &bump.payment;
        let olds = payment.replaced.iter().map(|old| (old.amount_msat, old.fee_msat));
        let olds = olds.chain([(payment.amount_msat, payment.fee_msat)]);
        let old_fees = olds.filter_map(|(amount, fee)| Some(beyond(amount, fee?)));
        let new_fee = beyond(bump.amount_msat(), Msat::from_sat(bump.signed.fee_sat)?);
        let fee_msat = old_fees.fold(new_fee, Msat::max);
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
