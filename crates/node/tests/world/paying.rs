//! Invoices and payments.

use std::time::Duration;

use amplet_node::lightning_invoice::Bolt11Invoice;
use amplet_node::{Authorization, NewInvoice, Node, PayError, PayInvoice, PaymentId};
use amplet_protocol::page::Payment;

use super::{World, msat};

impl World {
    /// An invoice over this amount, for coffee, good for an hour.
    pub fn ask(&self, node: &Node, amount_msat: u64) -> Bolt11Invoice {
        let amount_msat = Some(msat(amount_msat));
        let new = NewInvoice {
            amount_msat,
            description: "coffee".into(),
            expiry_secs: 3600,
            metadata: Default::default(),
        };
        let node = node.clone();
        self.platform.run(async move { node.payments().invoice(&new).await }).unwrap()
    }

    /// Pays and waits for the end.
    pub fn pay(&self, from: &Node, invoice: &Bolt11Invoice) -> Payment {
        self.pay_within(from, invoice, 100_000)
    }

    /// The same with another fee limit, in msat.
    pub fn pay_within(&self, from: &Node, invoice: &Bolt11Invoice, max_fee_msat: u64) -> Payment {
        let id = self.begin(from, invoice, max_fee_msat).unwrap();
        let from = from.clone();
        self.platform.run(async move { from.payments().outcome(id, Duration::from_secs(60)).await }).unwrap()
    }

    /// Begins to pay.
    pub fn begin(
        &self,
        from: &Node,
        invoice: &Bolt11Invoice,
        max_fee_msat: u64,
    ) -> Result<PaymentId, PayError> {
        let (from, invoice) = (from.clone(), invoice.clone());
        let pay = PayInvoice { invoice, amount_msat: None, max_fee_msat: msat(max_fee_msat) };
        self.platform.run(async move { from.payments().begin(pay, &Authorization::user()).await })
    }

    pub fn payment(&self, node: &Node, id: PaymentId) -> Option<Payment> {
        let node = node.clone();
        self.platform.run(async move { node.ledger().find(id).await.unwrap() })
    }
}
