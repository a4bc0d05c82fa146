//! The fee of a payment that is not made yet: one function for every kind of payment, and for what a user is shown before.

use amplet_protocol::page::FeeQuote;
use amplet_protocol::{Msat, default_max_fee_msat};
use bitcoin::secp256k1::PublicKey;
use lightning::ln::outbound_payment::RecipientOnionFields;
use lightning::routing::router::{PaymentParameters, RouteParameters};
use lightning_invoice::Bolt11Invoice;

use super::amp_send::{AmpParts, AmpPayee, route_params};
use super::{MAX_PARTS, Payments};
use crate::config::HTLC_DELTA;
use crate::ldk::Ldk;

/// Payee of a payment to quote.
#[derive(Clone, Copy, Debug)]
pub enum Destination<'a> {
    /// A BOLT 11 invoice.
    Invoice(&'a Bolt11Invoice),
    /// A node that gave no invoice.
    Node(PublicKey),
    /// Payee of a payment by AMP, and bounds on its parts, each of which pays base fees of its own.
    Amp(&'a AmpPayee, AmpParts),
}

impl Destination<'_> {
    /// The payee's node id.
    #[must_use]
    pub fn payee(&self) -> PublicKey {
        match self {
            Self::Invoice(invoice) => invoice.get_payee_pub_key(),
            Self::Node(node) => *node,
            Self::Amp(to, _) => to.payee(),
        }
    }

    /// As LDK asks the router for the payment itself.
    fn params(&self, ldk: &Ldk, amount: Msat) -> Option<RouteParameters> {
        let amount_msat = amount.get();
        let (payee, onion, is_keysend) = match self {
            Self::Invoice(invoice) => {
                let mut onion = RecipientOnionFields::secret_only(*invoice.payment_secret(), amount_msat);
                onion.payment_metadata = invoice.payment_metadata().cloned();
                (PaymentParameters::from_bolt11_invoice(invoice), onion, false)
            }
            Self::Node(node) => {
                let onion = RecipientOnionFields::spontaneous_empty(amount_msat);
                (PaymentParameters::for_keysend(*node, HTLC_DELTA.into(), false), onion, true)
            }
            Self::Amp(to, _) => return route_params(ldk, to, amount, default_max_fee_msat(amount)),
        };
        let payee = PaymentParameters { max_path_count: MAX_PARTS, ..payee };
        let mut params = RouteParameters::from_payment_params_and_value(payee, amount_msat);
        params.max_total_routing_fee_msat = Some(default_max_fee_msat(amount).get());
        let height = ldk.manager.current_best_block().height;
        params.set_max_path_length(&onion, is_keysend, height).ok().map(|()| params)
    }
}

impl Payments {
    /// Quotes the fee of a payment of `amount_msat`: of the routes that are planned for it now, and at most of those that its
    /// retries may take. Without a known route only the maximum is there: 1 % and at least 50 sat, which is the ceiling of every
    /// quote.
    #[must_use]
    pub fn quote_fee(&self, to: Destination<'_>, amount_msat: Msat) -> FeeQuote {
        let ldk = &self.base.ldk;
        let quoted = to.params(ldk, amount_msat).filter(|_| amount_msat > Msat::ZERO).and_then(|params| {
            let (us, inflight) = (ldk.manager.get_our_node_id(), ldk.manager.compute_inflight_htlcs());
            let split = match to {
                Destination::Amp(_, parts) => Some(parts.split()),
                Destination::Invoice(_) | Destination::Node(_) => None,
            };
            ldk.router.quote(&us, &params, &ldk.manager.list_usable_channels(), &inflight, split).ok()
        });
        match quoted {
            Some(quote) => {
                FeeQuote { expected_fee_msat: Some(quote.expected_msat), max_fee_msat: quote.max_msat }
            }
            None => FeeQuote { expected_fee_msat: None, max_fee_msat: default_max_fee_msat(amount_msat) },
        }
    }

    /// As [`quote_fee`](Self::quote_fee); when no route is known, newer routing data is asked for first, as the payment itself would.
    pub async fn quote_fee_updated(&self, to: Destination<'_>, amount_msat: Msat) -> FeeQuote {
        let quote = self.quote_fee(to, amount_msat);
        if quote.expected_fee_msat.is_none() && self.graph.refresh().await {
            return self.quote_fee(to, amount_msat);
        }
        quote
    }
}
