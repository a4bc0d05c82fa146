//! Paying BOLT 11 invoices; those for AMP are in [`super::amp`].

use amplet_instructions::{Kind, Method, Obstacle};
use amplet_node::bitcoin::secp256k1::PublicKey;
use amplet_node::lightning_invoice::Bolt11Invoice;
use amplet_node::{Authorization, Destination, PayError, PayInvoice, PaymentId};
use amplet_protocol::page::{ErrorCode, Payment, WalletError};
use amplet_protocol::{Msat, PAYMENT_WAIT};

use super::PayProblem;
use crate::ctx::Ctx;

/// An order to pay an invoice.
#[derive(Clone, Debug)]
pub struct PayOrder {
    /// The invoice.
    pub invoice: Bolt11Invoice,
    /// Amount: only for an invoice without one.
    pub amount_msat: Option<Msat>,
}

impl PayOrder {
    /// Reads an invoice of the node's network, also within a text that offers more (`lightning:`, BIP 321, a sentence); its
    /// signature and form are checked.
    ///
    /// # Errors
    /// [`PayProblem::Text`], [`PayProblem::Obstacle`].
    pub fn parse(ctx: &Ctx, text: &str, amount_msat: Option<Msat>) -> Result<Self, PayProblem> {
        Self::of(ctx.read(text)?.methods, amount_msat)
    }

    /// The same of a text that has been read.
    pub(crate) fn of(methods: Vec<Method>, amount_msat: Option<Msat>) -> Result<Self, PayProblem> {
        let is_amp = methods.iter().any(|method| matches!(method.kind, Kind::Amp(_)));
        let payable = methods.iter().filter(|method| method.obstacle.is_none());
        let invoice = payable.filter_map(|method| method.kind.invoice()?.payable.clone()).next();
        match (invoice, methods.into_iter().find_map(|method| method.obstacle)) {
            (Some(invoice), _) => Ok(Self { invoice, amount_msat }),
            (None, Some(obstacle)) => Err(PayProblem::Obstacle(obstacle)),
            (None, None) if is_amp => Err(PayProblem::Obstacle(Obstacle::NotYet("an AMP invoice"))),
            (None, None) => Err(PayProblem::Onchain),
        }
    }

    /// The payment's id: the invoice's payment hash.
    pub fn id(&self) -> PaymentId {
        PaymentId(self.invoice.payment_hash().0)
    }

    /// Whom the fee is quoted for.
    #[must_use]
    pub fn destination(&self) -> Destination<'_> {
        Destination::Invoice(&self.invoice)
    }

    /// The amount that the invoice states.
    pub fn stated_msat(&self) -> Option<Msat> {
        // In 0.1 msat they fit 64 bits (BOLT 11): never more than all bitcoin.
        self.invoice.amount_milli_satoshis().map(Msat::up_to_max)
    }

    /// Checks all that is known before money moves, the balance left out; returns the amount.
    ///
    /// # Errors
    /// [`PayProblem`], the first of: amount, own, paid already, expired.
    pub async fn check(&self, ctx: &Ctx) -> Result<Msat, PayProblem> {
        let amount_msat = amount(self.stated_msat(), self.amount_msat)?;
        ctx.node.payments().check(&self.invoice).await?;
        Ok(amount_msat)
    }

    /// Begins the payment; its outcome comes by [`outcome`]. [`check`](Self::check) first.
    ///
    /// # Errors
    /// [`PayError`]: no funds were sent.
    pub async fn begin(
        self,
        ctx: &Ctx,
        max_fee_msat: Msat,
        authorization: &Authorization,
    ) -> Result<PaymentId, PayError> {
        let pay = PayInvoice { invoice: self.invoice, amount_msat: self.amount_msat, max_fee_msat };
        ctx.node.payments().begin(pay, authorization).await
    }
}

/// The amount that is paid, of what an invoice states and what its payer has given.
pub(super) fn amount(stated: Option<Msat>, given: Option<Msat>) -> Result<Msat, PayProblem> {
    match (stated, given) {
        (Some(stated), None) => Ok(stated),
        (None, Some(given)) if given > Msat::ZERO => Ok(given),
        (Some(_), Some(_)) => Err(PayProblem::AmountStated),
        (None, _) => Err(PayProblem::AmountMissing),
    }
}

/// Returns a payment once it has ended (durably), or as it is after a minute.
///
/// # Errors
/// [`ErrorCode::Internal`]: its record cannot be read now (the wallet is being closed); the outcome is open.
pub async fn outcome(ctx: &Ctx, id: PaymentId) -> Result<Payment, WalletError> {
    ctx.node.payments().outcome(id, PAYMENT_WAIT).await.ok_or_else(|| {
        let message = format!(
            "the record of the payment {id} cannot be read now, and it may still succeed: open the wallet again and look it up in \
             the history before you pay again"
        );
        WalletError::new(ErrorCode::Internal, message).open(id)
    })
}

/// Checks that the channels can send `payee` this amount now.
///
/// # Errors
/// [`PayError::OldCopy`], [`PayProblem::NotConnected`], [`PayProblem::InsufficientBalance`].
pub fn check_balance(ctx: &Ctx, payee: &PublicKey, amount_msat: Msat) -> Result<(), PayProblem> {
    if ctx.node.old_copy().is_some() {
        return Err(PayError::OldCopy.into());
    }
    let channels = ctx.node.channels();
    let spendable_msat = channels.spendable_to(payee);
    if spendable_msat >= amount_msat {
        return Ok(());
    }
    if spendable_msat == Msat::ZERO && channels.balance().lightning_msat >= amount_msat {
        return Err(PayProblem::NotConnected);
    }
    Err(PayProblem::InsufficientBalance {
        missing_sat: amount_msat.less(spendable_msat).to_sat_ceil(),
        spendable_sat: spendable_msat.to_sat_floor(),
    })
}
