//! Deposits that no block holds yet: shown at once to who waits for one, and never counted as savings.

use std::rc::Rc;
use std::time::Duration;

use amplet_protocol::page::{
    Direction, ErrorCode, EventKind, Payment, PaymentKind, PaymentStatus, WalletError,
};
use bitcoin::Transaction;
use futures::future::select;
use futures::pin_mut;

use crate::inner::Inner;

/// How often is asked while somebody probably looks: from an address being handed out on.
const ATTENTIVE_EVERY: Duration = Duration::from_secs(4);
/// For so long.
const ATTENTIVE_FOR: Duration = Duration::from_secs(15 * 60);
/// How often otherwise.
const EVERY: Duration = Duration::from_secs(60);

/// Looks for deposits.
pub(crate) async fn follow(inner: Rc<Inner>) {
    loop {
        look(&inner).await;
        let since = inner.platform.monotonic().saturating_sub(ATTENTIVE_FOR);
        let attentive = inner.asked_for_address.get().is_some_and(|at| at >= since);
        let pause = inner.platform.sleep(if attentive { ATTENTIVE_EVERY } else { EVERY });
        let asked = inner.deposits.heard();
        pin_mut!(asked);
        select(asked, pause).await;
    }
}

async fn look(inner: &Inner) {
    let scripts = inner.onchain.awaited();
    if scripts.is_empty() {
        return;
    }
    match inner.chain.unconfirmed(&scripts).await {
        Ok(Some(found)) => {
            let seen = inner.onchain.seen(found, &scripts, inner.now());
            seen.new.iter().for_each(|(tx, received_sat)| arrived(inner, tx, *received_sat));
            seen.gone.iter().for_each(|tx| gone(inner, tx));
            inner.wake.wake();
        }
        Ok(None) => {}
        // The chain's own follower says that the sources are away.
        Err(error) => log::debug!("unconfirmed deposits: {error}"),
    }
}

fn arrived(inner: &Inner, tx: &Transaction, received_sat: u64) {
    let id = tx.compute_txid().to_string();
    let payment = Payment {
        amount_msat: received_sat.checked_mul(1000),
        fee_msat: Some(0),
        ..Payment::onchain(id, Direction::Inbound, PaymentKind::Onchain, inner.now())
    };
    inner.ledger.put(payment.clone());
    inner.ledger.raise(inner.now(), EventKind::DepositSeen { payment: Box::new(payment) });
}

fn gone(inner: &Inner, tx: &Transaction) {
    let Some(payment) = inner.ledger.pending(&tx.compute_txid().to_string()) else { return };
    let message = "the sender's transaction was replaced or dropped before a block held it; ask the sender";
    let status = PaymentStatus::Failed { error: WalletError::new(ErrorCode::BroadcastRejected, message) };
    inner.ledger.put(Payment { status, settled_at: Some(inner.now()), ..payment });
}
