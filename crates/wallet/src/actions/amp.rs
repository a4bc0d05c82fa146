//! Paying AMP invoices: in parts that have hashes of their own, all or none.

use amplet_instructions::Kind;
use amplet_node::{AmpParts, AmpPayee, Authorization, Destination, PayAmp, PayError, PaymentId};
use amplet_protocol::Msat;

use super::PayProblem;
use crate::ctx::Ctx;

/// An order to pay an AMP invoice.
#[derive(Clone, Debug)]
pub struct AmpOrder {
    to: AmpPayee,
    amount_msat: Option<Msat>,
    /// Number of equal parts; `None`: as many as the routes need.
    parts: Option<u32>,
}

impl AmpOrder {
    /// Reads an AMP invoice of the node's network, also within a text that offers more; `None`: it has none, or an invoice as well that
    /// is paid in the usual way, which has a proof.
    ///
    /// # Errors
    /// [`PayProblem::Text`], [`PayProblem::Unpayable`].
    pub fn find(
        ctx: &Ctx,
        text: &str,
        amount_msat: Option<Msat>,
        parts: Option<u32>,
    ) -> Result<Option<Self>, PayProblem> {
        let methods = ctx.read(text)?.methods;
        let mut payable = methods.into_iter().filter(|method| method.obstacle.is_none());
        // The preferred comes first.
        match payable
            .find(|method| matches!(method.kind, Kind::Bolt11(_) | Kind::Amp(_)))
            .map(|found| found.kind)
        {
            Some(Kind::Amp(invoice)) => {
                Ok(Some(Self { to: AmpPayee::invoice(*invoice)?, amount_msat, parts }))
            }
            _ => Ok(None),
        }
    }

    /// Whom the fee is quoted for.
    #[must_use]
    pub fn destination(&self) -> Destination<'_> {
        let parts = self.to.stated_msat().or(self.amount_msat).map(|amount_msat| self.parts(amount_msat));
        Destination::Amp(&self.to, parts.unwrap_or_default())
    }

    fn parts(&self, amount_msat: Msat) -> AmpParts {
        self.parts.map_or_else(AmpParts::default, |parts| AmpParts::even(amount_msat, parts))
    }

    /// Checks all that is known before money moves, the balance left out; returns the amount.
    ///
    /// # Errors
    /// [`PayProblem`], the first of: amount, own, expired.
    pub fn check(&self, ctx: &Ctx) -> Result<Msat, PayProblem> {
        let amount_msat = match (self.to.stated_msat(), self.amount_msat) {
            (Some(stated), None) => stated,
            (None, Some(given)) if given > Msat::ZERO => given,
            (Some(_), Some(_)) => return Err(PayProblem::AmountStated),
            (None, _) => return Err(PayProblem::AmountMissing),
        };
        ctx.node.payments().check_amp(&self.to)?;
        Ok(amount_msat)
    }

    /// Begins the payment of the amount that [`check`](Self::check) returned; its outcome comes by [`outcome`](super::pay::outcome).
    ///
    /// # Errors
    /// [`PayError`]: no funds were sent.
    pub async fn begin(
        self,
        ctx: &Ctx,
        (amount_msat, max_fee_msat): (Msat, Msat),
        authorization: &Authorization,
    ) -> Result<PaymentId, PayError> {
        let parts = self.parts(amount_msat);
        let pay = PayAmp { to: self.to, amount_msat: self.amount_msat, max_fee_msat, parts };
        ctx.node.payments().begin(pay, authorization).await
    }
}
