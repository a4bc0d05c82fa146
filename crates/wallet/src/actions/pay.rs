//! Paying BOLT 11 invoices.

use amplet_node::lightning_invoice::{Bolt11Invoice, Currency, ParseOrSemanticError};
use amplet_node::{Authorization, PayError, PayInvoice, PaymentId};
use amplet_protocol::page::{ErrorCode, MAX_TEXT, Payment, WalletError};
use amplet_protocol::{Msat, PAYMENT_WAIT};

use super::PayProblem;
use crate::convert::network;
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
    /// Reads an invoice of the node's network, with or without `lightning:` before it (BOLT 11); its signature and form are
    /// checked.
    ///
    /// # Errors
    /// [`PayProblem::Length`], [`PayProblem::Unreadable`], [`PayProblem::Network`].
    pub fn parse(ctx: &Ctx, text: &str, amount_msat: Option<Msat>) -> Result<Self, PayProblem> {
        let text = trimmed(text)?;
        let text = strip_scheme(text, "lightning:").unwrap_or(text);
        let invoice: Bolt11Invoice =
            text.parse().map_err(|error: ParseOrSemanticError| PayProblem::Unreadable(error.to_string()))?;
        let expected = network(ctx.network);
        if invoice.currency() != Currency::from(expected) {
            return Err(PayProblem::Network { found: currency_name(&invoice.currency()), expected });
        }
        Ok(Self { invoice, amount_msat })
    }

    /// The payment's id: the invoice's payment hash.
    pub fn id(&self) -> PaymentId {
        PaymentId(self.invoice.payment_hash().0)
    }

    /// The amount that the invoice states.
    pub fn stated_msat(&self) -> Option<Msat> {
        // In 0.1 msat they fit 64 bits (BOLT 11): never more than all bitcoin.
        self.invoice.amount_milli_satoshis().map(Msat::up_to_max)
    }

    /// Checks all that is known before money moves, the balance left out; returns the amount.
    ///
    /// # Errors
    /// [`PayProblem`], the first of: amount, own, expired, paid already.
    pub async fn check(&self, ctx: &Ctx) -> Result<Msat, PayProblem> {
        let amount_msat = match (self.stated_msat(), self.amount_msat) {
            (Some(stated), None) => stated,
            (None, Some(given)) if given > Msat::ZERO => given,
            (Some(_), Some(_)) => return Err(PayProblem::AmountStated),
            (None, _) => return Err(PayProblem::AmountMissing),
        };
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

/// Returns a payment once it has ended (durably), or as it is after a minute.
///
/// # Errors
/// [`ErrorCode::Internal`]: there is no record of it.
pub async fn outcome(ctx: &Ctx, id: PaymentId) -> Result<Payment, WalletError> {
    ctx.node.payments().outcome(id, PAYMENT_WAIT).await.ok_or_else(|| {
        WalletError::new(
            ErrorCode::Internal,
            "the payment's record is missing; see the history and the log, do not pay again",
        )
    })
}

/// Checks that the channels can send `amount_msat` now.
///
/// # Errors
/// [`PayProblem::NotConnected`], [`PayProblem::InsufficientBalance`].
pub fn check_balance(ctx: &Ctx, amount_msat: Msat) -> Result<(), PayProblem> {
    let balance = ctx.node.channels().balance();
    if balance.spendable_msat >= amount_msat {
        return Ok(());
    }
    if balance.lightning_msat >= amount_msat && balance.spendable_msat == Msat::ZERO {
        return Err(PayProblem::NotConnected);
    }
    Err(PayProblem::InsufficientBalance {
        missing_sat: amount_msat.less(balance.spendable_msat).to_sat_ceil(),
        spendable_sat: balance.spendable_msat.to_sat_floor(),
    })
}

pub(super) fn trimmed(text: &str) -> Result<&str, PayProblem> {
    let text = text.trim();
    if text.is_empty() || text.len() > MAX_TEXT { Err(PayProblem::Length) } else { Ok(text) }
}

pub(super) fn strip_scheme<'a>(text: &'a str, scheme: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(scheme.len())?;
    start.eq_ignore_ascii_case(scheme).then_some(rest)
}

fn currency_name(currency: &Currency) -> &'static str {
    match currency {
        Currency::Bitcoin => "bitcoin",
        Currency::BitcoinTestnet => "testnet",
        Currency::Regtest => "regtest",
        Currency::Simnet => "simnet",
        Currency::Signet => "signet",
    }
}
