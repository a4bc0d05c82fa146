//! Making and paying invoices.

use std::time::Duration;

use amplet_budget::PaymentId as Id;
use amplet_protocol::page::{Direction, ErrorCode, Payment, PaymentKind, PaymentStatus, WalletError};
use amplet_router::NoPlan;
use futures::channel::oneshot;
use futures::future::{Either, select};
use hex_conservative::{DisplayHex, FromHex};
use lightning::ln::channelmanager::{
    Bolt11InvoiceParameters, OptionalBolt11PaymentParams, PaymentId, RecentPaymentDetails,
};
use lightning::ln::outbound_payment::{Bolt11PaymentError, Retry, RetryableSendFailure};
use lightning::routing::router::RouteParametersConfig;
use lightning::sign::{NodeSigner, Recipient};
use lightning_invoice::{Bolt11Invoice, Bolt11InvoiceDescription, Description, PositiveTimestamp};

use crate::api::PayInvoice;
use crate::budgets::Authorization;
use crate::config::HTLC_DELTA;
use crate::error::PayError;
use crate::inner::Inner;
use crate::routing::explain::no_route;
use crate::routing::{Refused, update};

/// How often LDK looks for another route.
pub(crate) const ATTEMPTS: u32 = 10;

/// Parts of a payment at most: two full channels' worth (see `routing`).
pub(crate) const MAX_PARTS: u8 = 60;

/// What an invoice of ours says.
#[derive(Clone, Debug)]
pub struct NewInvoice {
    /// `None`: the payer chooses.
    pub amount_msat: Option<u64>,
    /// At most 639 bytes (BOLT 11).
    pub description: String,
    /// Seconds until it expires.
    pub expiry_secs: u32,
}

impl Inner {
    /// Makes an invoice and its line in the history.
    pub(crate) fn invoice(&self, new: &NewInvoice) -> Result<Bolt11Invoice, PayError> {
        let wrong = |e: String| PayError::Invoice(e);
        let description = Description::new(new.description.clone()).map_err(|e| wrong(e.to_string()))?;
        let params = Bolt11InvoiceParameters {
            amount_msats: new.amount_msat,
            description: Bolt11InvoiceDescription::Direct(description),
            invoice_expiry_delta_secs: Some(new.expiry_secs),
            min_final_cltv_expiry_delta: Some(HTLC_DELTA),
            ..Bolt11InvoiceParameters::default()
        };
        let made = self.ldk.manager.create_bolt11_invoice(params).map_err(|e| wrong(format!("{e:?}")))?;
        let invoice = self.stamp(made)?;
        let id = invoice.payment_hash().0.to_lower_hex_string();
        self.ledger.put(Payment {
            direction: Direction::Inbound,
            amount_msat: new.amount_msat,
            description: new.description.clone(),
            expires_at: Some(self.now().saturating_add(u64::from(new.expiry_secs))),
            ..self.lightning_payment(id, &invoice)
        });
        self.wake.wake();
        Ok(invoice)
    }

    /// LDK without a clock dates invoices by the last block; a user's clock is nearer the truth.
    fn stamp(&self, invoice: Bolt11Invoice) -> Result<Bolt11Invoice, PayError> {
        let wrong = |e: String| PayError::Invoice(e);
        let (mut raw, _, _) = invoice.into_signed_raw().into_parts();
        raw.data.timestamp =
            PositiveTimestamp::from_unix_timestamp(self.now()).map_err(|e| wrong(e.to_string()))?;
        let signature = self.ldk.signer.sign_invoice(&raw, Recipient::Node);
        let signed = raw.sign(|_| signature).map_err(|()| wrong("it could not be signed".into()))?;
        Bolt11Invoice::from_signed(signed).map_err(|e| wrong(e.to_string()))
    }

    fn lightning_payment(&self, id: String, invoice: &Bolt11Invoice) -> Payment {
        Payment {
            invoice: Some(invoice.to_string()),
            ..Payment::begun(id, Direction::Outbound, PaymentKind::Bolt11, self.now())
        }
    }

    /// Begins to pay, once the budget has given what it costs at most; the outcome comes by the ledger. `amount_msat` only for
    /// an invoice without one.
    pub(crate) async fn pay(&self, pay: &PayInvoice, authorization: &Authorization) -> Result<Id, PayError> {
        let PayInvoice { invoice, amount_msat, max_fee_msat } = pay;
        let (amount_msat, max_fee_msat) = (*amount_msat, *max_fee_msat);
        let hash = invoice.payment_hash();
        let id = hash.0.to_lower_hex_string();
        let is_begun = self.begun.borrow().contains_key(&id) || self.ledger.pending(&id).is_some();
        if is_begun || self.is_known_to_ldk(&PaymentId(hash.0)) {
            return Err(PayError::Duplicate);
        }
        if invoice.get_payee_pub_key() == self.ldk.manager.get_our_node_id() {
            return Err(PayError::Own);
        }
        let expires_at = invoice.expires_at().map_or(u64::MAX, |at| at.as_secs());
        if expires_at <= self.now() {
            return Err(PayError::Expired);
        }
        let amount = match (invoice.amount_milli_satoshis(), amount_msat) {
            (Some(stated), None) => stated,
            (None, Some(given)) if given > 0 => given,
            _ => return Err(PayError::Amount),
        };
        let payment = Payment {
            amount_msat: Some(amount),
            description: description(invoice),
            payee: Some(invoice.get_payee_pub_key().to_string()),
            expires_at: Some(expires_at),
            ..self.lightning_payment(id, invoice)
        };
        self.depart(payment, max_fee_msat, authorization, || {
            let params = payment_params(max_fee_msat);
            self.ldk.manager.pay_for_bolt11_invoice(invoice, PaymentId(hash.0), amount_msat, params)
        })
        .await?;
        Ok(Id(hash.0))
    }

    /// Reserves what a payment costs at most, hands it to LDK and notes it, in one step.
    pub(crate) async fn depart(
        &self,
        payment: Payment,
        max_fee_msat: u64,
        authorization: &Authorization,
        send: impl Fn() -> Result<(), Bolt11PaymentError>,
    ) -> Result<(), PayError> {
        self.ledger.budgets.reserve(&payment, max_fee_msat, authorization)?;
        let id = payment.id.clone();
        self.begun.borrow_mut().insert(id.clone(), self.platform.monotonic());
        let sent = self.hand_over(&payment, send).await;
        if let Err(error) = sent {
            // No funds were sent: the attempt stays visible, and may be made again.
            let status = PaymentStatus::Failed { error: shown(&error) };
            let settled_at = Some(self.now());
            self.ledger.put(Payment { status, settled_at, ..payment });
            self.begun.borrow_mut().remove(&id);
            self.wake.wake();
            return Err(error);
        }
        let parts = ldk_id(&id).map(|id| self.ldk.router.planned.take(id)).unwrap_or_default();
        self.ledger.put(Payment { parts, ..payment });
        self.wake.wake();
        Ok(())
    }

    /// Hands a payment to LDK; once more, when it was refused for want of channels and newer routing data could be had.
    pub(crate) async fn hand_over(
        &self,
        payment: &Payment,
        send: impl Fn() -> Result<(), Bolt11PaymentError>,
    ) -> Result<(), PayError> {
        let id = ldk_id(&payment.id).ok_or(PayError::Duplicate)?;
        let mut sent = send();
        if sent.is_err() && self.may_be_unheard_of(id) && update::refresh(self).await {
            self.ldk.router.forget(id);
            sent = send();
        }
        sent.map_err(|error| self.pay_error(&error, id, payment.amount_msat.unwrap_or(0)))
    }

    /// Whether the payment was refused for want of channels that the network may have and the graph has not.
    fn may_be_unheard_of(&self, id: PaymentId) -> bool {
        let reason = self.ldk.router.refused(id).map(|refused| refused.reason);
        matches!(reason, Some(NoPlan::NoPath | NoPlan::Inbound { .. } | NoPlan::Capacity { .. }))
    }

    fn pay_error(&self, error: &Bolt11PaymentError, id: PaymentId, amount_msat: u64) -> PayError {
        let refused = self.ldk.router.refused(id);
        self.ldk.router.forget(id);
        match error {
            Bolt11PaymentError::InvalidAmount => PayError::Amount,
            Bolt11PaymentError::SendingFailed(failure) => match failure {
                RetryableSendFailure::PaymentExpired => PayError::Expired,
                RetryableSendFailure::RouteNotFound => {
                    let remaining_msat = amount_msat;
                    let refused = refused.unwrap_or(Refused { reason: NoPlan::NoPath, remaining_msat });
                    PayError::NoRoute(Box::new(no_route(&refused, amount_msat)))
                }
                RetryableSendFailure::DuplicatePayment => PayError::Duplicate,
                RetryableSendFailure::OnionPacketSizeExceeded => PayError::TooLarge,
            },
        }
    }

    fn is_known_to_ldk(&self, id: &PaymentId) -> bool {
        self.ldk.manager.list_recent_payments().iter().any(|payment| match payment {
            RecentPaymentDetails::AwaitingInvoice { payment_id }
            | RecentPaymentDetails::Pending { payment_id, .. }
            | RecentPaymentDetails::Fulfilled { payment_id, .. }
            | RecentPaymentDetails::Abandoned { payment_id, .. } => payment_id == id,
        })
    }

    /// The payment when it has ended, or as it is after `limit`.
    pub(crate) async fn outcome(&self, id: &str, limit: Duration) -> Option<Payment> {
        let pending = self.ledger.pending(id);
        if pending.is_some() {
            let (sender, receiver) = oneshot::channel();
            self.waiters.borrow_mut().entry(id.to_owned()).or_default().push(sender);
            if let Either::Left((Ok(payment), _)) = select(receiver, self.platform.sleep(limit)).await {
                return Some(payment);
            }
        }
        self.ledger.payment(&*self.store, id).await.ok().flatten()
    }
}

/// An id of the history as LDK has it.
pub(crate) fn ldk_id(id: &str) -> Option<PaymentId> {
    <[u8; 32]>::from_hex(id).ok().map(PaymentId)
}

/// The invoice's description; its hash, when it has only that.
pub fn description(invoice: &Bolt11Invoice) -> String {
    match invoice.description() {
        lightning_invoice::Bolt11InvoiceDescriptionRef::Direct(text) => text.to_string(),
        lightning_invoice::Bolt11InvoiceDescriptionRef::Hash(hash) => hash.0.to_string(),
    }
}

fn payment_params(max_fee_msat: u64) -> OptionalBolt11PaymentParams {
    let route_params_config = RouteParametersConfig {
        max_total_routing_fee_msat: Some(max_fee_msat),
        max_path_count: MAX_PARTS,
        ..RouteParametersConfig::default()
    };
    let retry_strategy = Retry::Attempts(ATTEMPTS);
    OptionalBolt11PaymentParams {
        route_params_config,
        retry_strategy,
        ..OptionalBolt11PaymentParams::default()
    }
}

/// A refusal as the history shows it.
pub(crate) fn shown(error: &PayError) -> WalletError {
    match error {
        PayError::NoRoute(error) => (**error).clone(),
        PayError::Expired => WalletError::new(ErrorCode::Expired, error.to_string()),
        other => WalletError::new(ErrorCode::NoRoute, other.to_string()),
    }
}
