//! Paying BOLT 11 invoices; those for AMP are in [`super::amp`].

use amplet_instructions::{Instructions, Kind, Obstacle};
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
    /// signature and form are checked. `amount_msat`: for an invoice without amount; `None`: what the link asks for.
    ///
    /// # Errors
    /// [`PayProblem::Text`], [`PayProblem::Obstacle`].
    pub fn parse(ctx: &Ctx, text: &str, amount_msat: Option<Msat>) -> Result<Self, PayProblem> {
        Self::of(ctx.read(text)?, amount_msat)
    }

    /// The same of a text that has been read.
    pub(crate) fn of(found: Instructions, amount_msat: Option<Msat>) -> Result<Self, PayProblem> {
        let asked_msat = asked_msat(&found);
        let methods = found.methods;
        let is_amp = methods.iter().any(|method| matches!(method.kind, Kind::Amp(_)));
        let payable = methods.iter().filter(|method| method.obstacle.is_none());
        let invoice = payable.filter_map(|method| method.kind.invoice()?.payable.clone()).next();
        match (invoice, methods.into_iter().find_map(|method| method.obstacle)) {
            (Some(invoice), _) => {
                let asked_msat = asked_msat.filter(|_| invoice.amount_milli_satoshis().is_none());
                Ok(Self { invoice, amount_msat: amount_msat.or(asked_msat) })
            }
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

/// The amount that a link asks for beside its methods.
pub(super) fn asked_msat(found: &Instructions) -> Option<Msat> {
    found.amount_sat.and_then(|sat| Msat::from_sat(sat).ok())
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use amplet_instructions::{Reader, ascii_domain};
    use amplet_protocol::page::Network;

    use super::*;

    const INPUTS: &str = include_str!("../../../instructions/tests/data/inputs.tsv");

    fn input(name: &str) -> &'static str {
        let mut rows = INPUTS.lines().filter_map(|row| row.split_once('\t'));
        let (_, text) = rows.find(|(known, _)| *known == name).unwrap();
        text.split('\t').next().unwrap()
    }

    fn order(text: &str, amount_msat: Option<u32>) -> Result<PayOrder, PayProblem> {
        let to_ascii = |domain: &str| ascii_domain(domain);
        let found = Reader { network: Network::Regtest, to_ascii: &to_ascii }.read(text)?;
        PayOrder::of(found, amount_msat.map(Msat::from))
    }

    #[test]
    fn an_invoice_is_paid_wherever_it_stands() {
        let (invoice, address) = (input("good_10u"), input("addr0_bcrt"));
        let texts = [
            invoice.to_owned(),
            invoice.to_uppercase(),
            format!("lightning:{invoice}"),
            format!("LIGHTNING://{}", invoice.to_uppercase()),
            format!("bitcoin:{address}?amount=0.00001&lightning={invoice}"),
            format!("BITCOIN:?LIGHTNING={}", invoice.to_uppercase()),
            format!("bitcoin:{address}?lno=lno1pgtestoffer&lightning={invoice}"),
            format!("Please pay \u{201c}{invoice}\u{201d}, thanks!"),
            format!("\"lightning:{invoice}\""),
            format!("https://shop.example/pay?lightning={invoice}"),
            format!("  {}\n{} ", &invoice[..40], &invoice[40..]),
        ];
        for text in texts {
            let order = order(&text, None).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((order.invoice.to_string().as_str(), order.amount_msat), (invoice, None), "{text}");
        }
    }

    #[test]
    fn an_invoice_without_amount_is_paid_with_what_is_given_or_else_with_what_its_link_asks_for() {
        let invoice = input("amountless");
        let link = format!("bitcoin:?amount=0.00002&lightning={invoice}");
        let amount_of = |text: &str, given| order(text, given).unwrap().amount_msat;
        assert_eq!(amount_of(invoice, None), None);
        assert_eq!(amount_of(&link, None), Some(Msat::from(2_000_000)));
        assert_eq!(amount_of(&link, Some(5_000)), Some(Msat::from(5_000)));
        // One that states its own is paid as it is.
        let link = format!("bitcoin:?amount=0.00001&lightning={}", input("good_10u"));
        assert_eq!(amount_of(&link, None), None);
    }

    #[test]
    fn what_is_no_invoice_is_called_what_it_is() {
        let (lnurl, address) = (input("lnurl_https"), input("addr0_bcrt"));
        let offer = "lno1zcss9mk8y3wkklfvevcrszlmu23kfrxh49px20665dqwmn4p72pksese";
        let own_offer = "lno1qgsqvgnwgcg35z6ee2h3yczraddm72xrfua9uve2rlrm9deu7xyfzrcgqgraqzsrw3jkzysywd5x7uqkyypjgef743p5fzqq9nqxh0ah7y87rzv3ud0eleps9kl2d5348hq2k8q";
        let remedy = "ask for a Lightning invoice";
        let cases = [
            ("satoshi@example.com".to_owned(), ["a Lightning Address", remedy]),
            ("lightning:satoshi@example.com".to_owned(), ["a Lightning Address", remedy]),
            ("\u{20bf}satoshi@example.com".to_owned(), ["a BIP 353 name", remedy]),
            (lnurl.to_owned(), ["an LNURL", remedy]),
            (lnurl.to_uppercase(), ["an LNURL", remedy]),
            (format!("bitcoin:{address}?lightning={lnurl}"), ["an LNURL", remedy]),
            (own_offer.to_owned(), ["a BOLT 12 offer", remedy]),
            (format!("bitcoin:{address}?lno={own_offer}"), ["a BOLT 12 offer", remedy]),
            (offer.to_owned(), ["this offer is for mainnet", "ask for one of regtest"]),
            ("lno1pgtestoffer".to_owned(), ["the BOLT 12 offer", "copy it again"]),
            (address.to_owned(), ["this is a Bitcoin address", "send from your savings"]),
        ];
        for (text, says) in cases {
            let error = order(&text, None).unwrap_err().to_string();
            assert!(says.iter().all(|said| error.contains(said)), "{text}: {error}");
        }
    }
}
