//! Records of the application, in the same transactions as the node's own.

use amplet_storage::Batch;
use lightning_invoice::Bolt11Invoice;

use crate::error::PayError;
use crate::face::Node;
use crate::payments::NewInvoice;

impl Node {
    /// As [`invoice`](Node::invoice), with records of the application that are committed together with it. Their names must
    /// not be the node's own.
    ///
    /// # Errors
    /// [`PayError::Invoice`].
    pub async fn invoice_with(
        &self,
        new: &NewInvoice,
        beside: impl FnOnce(&Bolt11Invoice, &mut Batch),
    ) -> Result<Bolt11Invoice, PayError> {
        let invoice = self.inner.invoice(new)?;
        self.stage(|batch| beside(&invoice, batch));
        self.settled().await;
        Ok(invoice)
    }

    /// Stages records of the application for the node's next transaction: together with whatever is called before the next
    /// await. Their names must not be the node's own.
    pub fn stage(&self, gather: impl FnOnce(&mut Batch)) {
        self.inner.journal.stage(gather);
        self.inner.wake.wake();
    }

    /// Resolves when what is staged now is durable, or the node stops.
    pub async fn settled(&self) {
        self.inner.settled().await;
    }
}
