//! Sending savings: noted first, then broadcast.

use amplet_budget::PaymentId as Id;
use amplet_chain::BroadcastError;
use amplet_protocol::page::{Direction, ErrorCode, Payment, PaymentKind, PaymentStatus, WalletError};
use futures::channel::oneshot;

use crate::api::SendOnchain;
use crate::budgets::Authorization;
use crate::error::PayError;
use crate::inner::Inner;

impl Inner {
    /// Resolves when what is staged now has been committed, or the node stops.
    pub(crate) async fn settled(&self) {
        if self.journal.is_empty() || self.closing.get() {
            return;
        }
        let (sender, receiver) = oneshot::channel();
        self.settling.borrow_mut().push(sender);
        self.journal.hurry();
        self.wake.wake();
        // Dropped only when the node stops: then there is nothing to wait for.
        let _ = receiver.await;
    }

    pub(crate) async fn send(
        &self,
        send: &SendOnchain,
        authorization: &Authorization,
    ) -> Result<Id, PayError> {
        let SendOnchain { signed: sent, address } = send;
        let id = sent.tx.compute_txid().to_string();
        let payment = Payment {
            amount_msat: sent.amount_sat.checked_mul(1000),
            fee_msat: sent.fee_sat.checked_mul(1000),
            payee: Some(address.to_string()),
            ..Payment::onchain(id, Direction::Outbound, PaymentKind::Onchain, self.now())
        };
        self.ledger.budgets.reserve(&payment, payment.fee_msat.unwrap_or(u64::MAX), authorization)?;
        self.onchain.sent(&sent.tx, self.now());
        self.ledger.put(payment.clone());
        self.settled().await;
        let result = self.chain.broadcast(std::slice::from_ref(&sent.tx)).await;
        if let Err(error @ BroadcastError::Rejected { .. }) = &result {
            // The network will not have it: the coins are ours to spend again.
            self.onchain.evict(&sent.tx, self.now());
            let error = WalletError::new(ErrorCode::BroadcastRejected, error.to_string());
            let status = PaymentStatus::Failed { error };
            self.ledger.put(Payment { status, settled_at: Some(self.now()), ..payment.clone() });
            self.settled().await;
        }
        result?;
        Id::from_hex(&payment.id).map_err(|_| PayError::Amount)
    }
}
