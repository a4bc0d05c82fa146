//! Atomic multi-path payments (AMP), as lnd makes them.

mod claimed;
mod invoices;
mod receive;
mod stored;

use super::{NewInvoice, PayError, Payments, ready};

pub(super) use receive::AmpInbound;

impl Payments {
    /// Makes an AMP invoice, which may be paid any number of times until it expires, and returns its text; durable before it is
    /// returned. Each payment is one of the history, with this invoice; the invoice alone is none.
    ///
    /// # Errors
    /// [`PayError::Invoice`], [`PayError::OldCopy`].
    pub async fn amp_invoice(&self, new: &NewInvoice) -> Result<String, PayError> {
        self.base.staged.check()?;
        ready::refuse_old_copy(&self.base)?;
        let invoice = self.inbound.amp().make_invoice(new)?;
        self.base.flushed().await?;
        Ok(invoice)
    }
}
