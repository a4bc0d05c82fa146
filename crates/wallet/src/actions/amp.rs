//! Paying AMP invoices: in parts that have hashes of their own, all or none.

use amplet_instructions::{Instructions, Kind};
use amplet_node::{AmpParts, AmpPayee, Authorization, Destination, PayAmp, PayError, PaymentId};
use amplet_protocol::Msat;

use super::{PayProblem, pay};
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
    /// The AMP invoice among the methods that a text offers; `None`: there is none, or before it an invoice that is paid in the usual
    /// way, which has a proof. `amount_msat`: as in [`PayOrder::parse`](pay::PayOrder::parse).
    #[must_use]
    pub fn find(found: &Instructions, amount_msat: Option<Msat>, parts: Option<u32>) -> Option<Self> {
        let mut payable = found.methods.iter().filter(|method| method.obstacle.is_none());
        // The preferred comes first.
        match &payable.find(|method| matches!(method.kind, Kind::Bolt11(_) | Kind::Amp(_)))?.kind {
            Kind::Amp(invoice) => {
                let to = AmpPayee::invoice((**invoice).clone()).ok()?;
                let asked_msat = pay::asked_msat(found).filter(|_| to.stated_msat().is_none());
                Some(Self { to, amount_msat: amount_msat.or(asked_msat), parts })
            }
            _ => None,
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
        let amount_msat = pay::amount(self.to.stated_msat(), self.amount_msat)?;
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
