//! AMP payments as their callers order them.

use amplet_amp::PaymentAddress;
use amplet_instructions::{AmpTerms, Invoice};
use amplet_protocol::Msat;
use amplet_protocol::page::Payment;
use bitcoin::secp256k1::PublicKey;
use lightning::routing::router::RouteHint;

use crate::config::HTLC_DELTA;
use crate::ldk::routing::Split;
use crate::payments::error::PayError;

/// Payee of an AMP payment.
#[derive(Clone, Debug)]
pub struct AmpPayee {
    node: PublicKey,
    invoice: Option<Box<(Invoice, AmpTerms)>>,
}

/// A payment by AMP to begin.
#[derive(Clone, Debug)]
pub struct PayAmp {
    /// Payee.
    pub to: AmpPayee,
    /// Amount: only where no invoice states it.
    pub amount_msat: Option<Msat>,
    /// Maximum fee, of all parts together.
    pub max_fee_msat: Msat,
    /// Parts.
    pub parts: AmpParts,
}

/// Bounds on the parts of an AMP payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AmpParts {
    /// Maximum number of parts in flight at a time, at least 1.
    pub max: usize,
    /// Maximum amount of a part: where it is less than the channels take, parts are of this size.
    pub max_msat: Msat,
}

impl Default for AmpParts {
    fn default() -> Self {
        Self { max: usize::from(crate::payments::MAX_PARTS), max_msat: Msat::MAX }
    }
}

impl AmpParts {
    /// Parts of one size, `count` of them where the channels have room for that; a few more where a channel ends inside a part.
    #[must_use]
    pub fn even(amount_msat: Msat, count: u32) -> Self {
        let count = count.max(1);
        let max_msat = Msat::up_to_max(amount_msat.get().div_ceil(u64::from(count)));
        let max = usize::try_from(count).unwrap_or(usize::MAX);
        Self { max: max.saturating_add(max / 10).saturating_add(2), max_msat }
    }
}

impl AmpParts {
    /// As the router takes them.
    pub(in crate::payments) const fn split(self) -> Split {
        Split { max_parts: self.max, max_part_msat: self.max_msat }
    }
}

/// Where the parts of a payment go, and with what.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    pub payee: PublicKey,
    /// Told in every part.
    pub address: PaymentAddress,
    /// Blocks that the payee wants to have left.
    pub final_cltv: u32,
    pub route_hints: Vec<RouteHint>,
}

impl AmpPayee {
    /// Whoever made an AMP invoice. It may be paid any number of times, and each time is a payment of its own.
    ///
    /// # Errors
    /// [`PayError::NotAmp`].
    pub fn invoice(invoice: Invoice) -> Result<Self, PayError> {
        let node = PublicKey::from_slice(&invoice.payee.0).map_err(|_| PayError::NotAmp)?;
        let terms = invoice.amp.clone().ok_or(PayError::NotAmp)?;
        Ok(Self { node, invoice: Some(Box::new((invoice, terms))) })
    }

    /// A node that gave no invoice.
    #[must_use]
    pub const fn node(node: PublicKey) -> Self {
        Self { node, invoice: None }
    }

    /// The payee's node id.
    #[must_use]
    pub const fn payee(&self) -> PublicKey {
        self.node
    }

    /// The amount that the invoice states.
    #[must_use]
    pub fn stated_msat(&self) -> Option<Msat> {
        self.invoice.as_ref().and_then(|invoice| invoice.0.amount)
    }

    /// The amount that is paid.
    pub(super) fn amount_msat(&self, given: Option<Msat>) -> Result<Msat, PayError> {
        match (self.stated_msat(), given) {
            (Some(amount), None) | (None, Some(amount)) if amount > Msat::ZERO => Ok(amount),
            _ => Err(PayError::Amount),
        }
    }

    /// Checks that nothing but the amount is against paying it. `us`: this node; `now`: seconds since the UNIX epoch.
    pub(crate) fn check(&self, us: PublicKey, now: u64) -> Result<(), PayError> {
        if self.node == us {
            return Err(PayError::Own);
        }
        match &self.invoice {
            Some(invoice) if invoice.0.expires_at <= now => Err(PayError::Expired),
            _ => Ok(()),
        }
    }

    /// The payment as far as its payee decides about it.
    pub(super) fn describe(&self, begun: Payment) -> Payment {
        let begun = Payment { payee: Some(self.node.to_string()), ..begun };
        match &self.invoice {
            Some(invoice) => Payment {
                description: invoice.0.description.clone(),
                invoice: Some(invoice.0.text.clone()),
                expires_at: Some(invoice.0.expires_at),
                ..begun
            },
            None => begun,
        }
    }

    /// Where its parts go. `random`: the payment address of a payment without an invoice.
    pub(super) fn terms(&self, random: [u8; 32]) -> Terms {
        match &self.invoice {
            Some(invoice) => Terms {
                payee: self.node,
                address: PaymentAddress(invoice.1.payment_address),
                final_cltv: u32::try_from(invoice.1.min_final_cltv).unwrap_or(u32::MAX),
                route_hints: invoice.1.route_hints.clone(),
            },
            None => Terms {
                payee: self.node,
                address: PaymentAddress(random),
                final_cltv: HTLC_DELTA.into(),
                route_hints: Vec::new(),
            },
        }
    }
}
