//! Records of payments, events, and records of the application in the same transactions.

use std::rc::Rc;

use amplet_budget::PaymentId;
use amplet_protocol::page::{Direction, Event, Payment};
use amplet_storage::Batch;

use crate::inner::Inner;
use crate::ledger::LedgerError;

/// Payments and events: the records of this node.
#[derive(Clone)]
pub struct Ledger(pub(crate) Rc<Inner>);

impl Ledger {
    /// One payment, by direction and id.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn payment(&self, direction: Direction, id: PaymentId) -> Result<Option<Payment>, LedgerError> {
        Ok(self.find(id).await?.filter(|payment| payment.direction == direction))
    }

    /// One payment by its id alone: the outbound one, or else the inbound one.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn find(&self, id: PaymentId) -> Result<Option<Payment>, LedgerError> {
        let payment = self.0.ledger.payment(&*self.0.store, &id.to_string()).await?;
        Ok(payment.map(|payment| self.with_confirmations(payment)))
    }

    /// At most `limit` payments older than `before`, newest first.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub async fn history(
        &self,
        before: Option<PaymentId>,
        limit: usize,
    ) -> Result<Vec<Payment>, LedgerError> {
        let before = before.map(|id| id.to_string());
        let payments = self.0.ledger.history(&*self.0.store, before.as_deref(), limit).await?;
        Ok(payments.into_iter().map(|payment| self.with_confirmations(payment)).collect())
    }

    fn with_confirmations(&self, mut payment: Payment) -> Payment {
        let txid = payment.txid.as_deref().and_then(|txid| txid.parse().ok());
        if let Some(confirmations) = txid.and_then(|txid| self.0.onchain.confirmations(txid)) {
            payment.confirmations = confirmations;
        }
        payment
    }

    /// Events that nobody acknowledged, oldest first.
    pub fn events(&self) -> Vec<Event> {
        self.0.ledger.events()
    }

    /// Acknowledges an event.
    pub fn ack(&self, id: u64) {
        self.0.ledger.ack(id);
        self.0.wake.wake();
    }

    /// Stages records of the application for the node's next transaction: together with whatever is called before the next
    /// await. Their names must not be the node's own.
    pub fn stage(&self, gather: impl FnOnce(&mut Batch)) {
        self.0.journal.stage(gather);
        self.0.wake.wake();
    }

    /// Resolves when what is staged now is durable, or the node stops.
    pub async fn flushed(&self) {
        self.0.settled().await;
    }
}
