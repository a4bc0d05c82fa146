//! Paying and being paid.

use std::rc::Rc;
use std::time::Duration;

use amplet_budget::PaymentId;
use amplet_protocol::page::Payment;
use amplet_storage::Batch;
use bitcoin::Address;
use lightning_invoice::Bolt11Invoice;

use crate::budgets::Authorization;
use crate::error::PayError;
use crate::inner::Inner;
use crate::keysend::Keysend;
use crate::onchain::SignedSend;
use crate::payments::NewInvoice;
use crate::streams::StreamTo;

/// An invoice to pay.
#[derive(Clone, Debug)]
pub struct PayInvoice {
    /// The invoice.
    pub invoice: Bolt11Invoice,
    /// Amount, in msat: only for an invoice without one.
    pub amount_msat: Option<u64>,
    /// Maximum fee, in msat.
    pub max_fee_msat: u64,
}

/// The next payment of an open stream.
#[derive(Clone, Debug)]
pub struct PayStream {
    /// The stream's id in the history.
    pub stream: PaymentId,
    /// Amount, in msat.
    pub amount_msat: u64,
    /// Maximum fee, in msat.
    pub max_fee_msat: u64,
}

/// A signed on-chain payment to broadcast.
#[derive(Clone, Debug)]
pub struct SendOnchain {
    /// Made by [`Onchain::build`](crate::Onchain::build).
    pub signed: SignedSend,
    /// The payee's address.
    pub address: Address,
}

/// A payment to begin.
#[derive(Clone, Debug)]
pub enum Order {
    /// A BOLT 11 invoice.
    Invoice(Box<PayInvoice>),
    /// A payment to a node that gave no invoice.
    Keysend(Keysend),
    /// A BOLT 12 offer.
    #[cfg(feature = "offers")]
    Offer(Box<crate::offers::PayOffer>),
    /// The next payment of a stream.
    Stream(PayStream),
    /// An on-chain payment.
    Onchain(Box<SendOnchain>),
}

impl From<PayInvoice> for Order {
    fn from(pay: PayInvoice) -> Self {
        Self::Invoice(Box::new(pay))
    }
}

impl From<Keysend> for Order {
    fn from(keysend: Keysend) -> Self {
        Self::Keysend(keysend)
    }
}

#[cfg(feature = "offers")]
impl From<crate::offers::PayOffer> for Order {
    fn from(pay: crate::offers::PayOffer) -> Self {
        Self::Offer(Box::new(pay))
    }
}

impl From<PayStream> for Order {
    fn from(pay: PayStream) -> Self {
        Self::Stream(pay)
    }
}

impl From<SendOnchain> for Order {
    fn from(send: SendOnchain) -> Self {
        Self::Onchain(Box::new(send))
    }
}

/// Paying and being paid.
#[derive(Clone)]
pub struct Payments(pub(crate) Rc<Inner>);

impl Payments {
    /// Begins a payment: reserves amount and maximum fee in the budget, submits it and records it, and returns its id. The
    /// outcome comes by [`outcome`](Self::outcome).
    ///
    /// - An invoice or a keysend: the id is its payment hash. When no path is known, a wallet first asks its gateways for
    ///   newer routing data.
    /// - An offer: its payee is asked for an invoice, which is paid when it comes; without an answer the payment fails after a
    ///   minute or two. The id is not the payment hash.
    /// - A payment of a stream: it is counted in the stream's record ([`stream`](Self::stream)), and has neither a record nor an
    ///   event of its own.
    /// - An on-chain payment: recorded durably and then broadcast, before this returns.
    ///
    /// # Errors
    /// [`PayError`]: no funds were sent; but after [`PayError::Broadcast`] with
    /// [`Unreachable`](amplet_chain::BroadcastError::Unreachable) the transaction is kept and sent again.
    pub async fn begin(
        &self,
        order: impl Into<Order>,
        authorization: &Authorization,
    ) -> Result<PaymentId, PayError> {
        let inner = &self.0;
        match order.into() {
            Order::Invoice(pay) => inner.pay(&pay, authorization).await,
            Order::Keysend(keysend) => inner.keysend(&keysend, authorization).await,
            #[cfg(feature = "offers")]
            Order::Offer(pay) => {
                let id = inner.pay_offer(&pay, authorization)?;
                inner.settled().await;
                Ok(id)
            }
            Order::Stream(pay) => inner.stream_pay(&pay, authorization).await,
            Order::Onchain(send) => inner.send(&send, authorization).await,
        }
    }

    /// The outbound payment when it has ended (durably), or as it is after `limit`; `None` when there is no such payment.
    pub async fn outcome(&self, id: PaymentId, limit: Duration) -> Option<Payment> {
        self.0.outcome(&id.to_string(), limit).await
    }

    /// Makes an invoice; durable before it is returned.
    ///
    /// # Errors
    /// [`PayError::Invoice`].
    pub async fn invoice(&self, new: &NewInvoice) -> Result<Bolt11Invoice, PayError> {
        self.invoice_with(new, |_, _| ()).await
    }

    /// As [`invoice`](Self::invoice), with records of the application that are committed together with it. Their names must
    /// not be the node's own.
    ///
    /// # Errors
    /// [`PayError::Invoice`].
    pub async fn invoice_with(
        &self,
        new: &NewInvoice,
        beside: impl FnOnce(&Bolt11Invoice, &mut Batch),
    ) -> Result<Bolt11Invoice, PayError> {
        let invoice = self.0.invoice(new)?;
        self.0.journal.stage(|batch| beside(&invoice, batch));
        self.0.wake.wake();
        self.0.settled().await;
        Ok(invoice)
    }

    /// Makes an offer, which may be paid any number of times. A node that is not announced is reached through the peers that
    /// it is connected to now.
    ///
    /// # Errors
    /// [`PayError::Invoice`]: no peer relays onion messages, or the amount is none.
    #[cfg(feature = "offers")]
    pub fn offer(&self, new: &crate::offers::NewOffer) -> Result<lightning::offers::offer::Offer, PayError> {
        self.0.offer(new)
    }

    /// Opens a stream and returns its id in the history; the one that is open already, if there is one (also one of an
    /// earlier run). Durable before it returns; nothing is paid yet.
    ///
    /// # Errors
    /// [`StreamError::Session`](crate::StreamError::Session), [`PayError::Own`].
    pub async fn open_stream(&self, to: &StreamTo) -> Result<PaymentId, PayError> {
        let id = self.0.open_stream(to)?;
        self.0.settled().await;
        Ok(id)
    }

    /// Open streams, outbound and inbound, those of earlier runs included.
    #[must_use]
    pub fn streams(&self) -> Vec<Payment> {
        self.0.ledger.streams.all()
    }

    /// An open outbound stream by its id in the history.
    #[must_use]
    pub fn stream(&self, id: PaymentId) -> Option<Payment> {
        self.0.ledger.streams.line(&id.to_string())
    }

    /// Ends an outbound stream: no payment follows, and its record ends when nothing is in flight. Durable before it returns;
    /// `true` when it was open.
    pub async fn close_stream(&self, id: PaymentId) -> bool {
        self.close_record(&id.to_string()).await
    }

    /// An open session's record: its amount is what the session has brought so far, durable, each payment counted once.
    /// Whoever gives credit for it stores what is used up, and reads this at its start; every change is a notice
    /// ([`crate::Notice::Payment`]).
    #[must_use]
    pub fn session(&self, session: &str) -> Option<Payment> {
        self.0.ledger.streams.line(&crate::streams::receive::id_of(session))
    }

    /// Ends a session: later payments to it go back. Durable before it returns; `true` when anything had come in.
    pub async fn close_session(&self, session: &str) -> bool {
        self.close_record(&crate::streams::receive::id_of(session)).await
    }

    async fn close_record(&self, id: &str) -> bool {
        let closed = self.0.ledger.close_stream(id, self.0.now());
        self.0.settled().await;
        closed
    }
}
